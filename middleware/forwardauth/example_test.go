package forwardauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/forwardauth"
)

// What nginx asks with auth_request, and what it hears.
func Example() {
	key, err := middleware.NewHMACKey("2026a", []byte(strings.Repeat("k", 32)))
	if err != nil {
		panic(err)
	}
	keys, err := middleware.NewKeyring(key)
	if err != nil {
		panic(err)
	}
	verifier, err := middleware.NewVerifier(keys, nil)
	if err != nil {
		panic(err)
	}
	check, err := forwardauth.New(verifier, forwardauth.NGINX, &forwardauth.Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
	})
	if err != nil {
		panic(err)
	}

	ask := func(target string) {
		r := httptest.NewRequest(http.MethodGet, "/verify", nil)
		r.RemoteAddr = "127.0.0.1:40000" // nginx
		r.Header.Set("X-Original-Method", "GET")
		r.Header.Set("X-Original-URI", target)
		r.Header.Set("X-Original-Host", "files.example.com")
		r.Header.Set("X-Forwarded-For", "192.0.2.7")
		w := httptest.NewRecorder()
		check.ServeHTTP(w, r)
		life, _, _ := strings.Cut(w.Header().Get("X-Signed-Cache-Control"), "=")
		fmt.Println(strings.TrimSpace(fmt.Sprint(w.Code, " ", life)))
	}
	link, err := keys.Sign(&url.URL{Path: "/files/card.jpg"}, middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		panic(err)
	}
	old, err := keys.Sign(&url.URL{Path: "/files/card.jpg"}, middleware.Claims{Expires: time.Now().Add(-time.Hour)})
	if err != nil {
		panic(err)
	}
	ask(link.String())
	ask(old.String())
	ask("/files/card.jpg")
	// Output:
	// 204 private, max-age
	// 401
	// 403
}
