package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/signedurl/middleware"
)

// A page narrows links by the function that Node runs, and makes the same links as
// the package.
func TestAPageNarrowsALink(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/narrow.mjs" {
			http.ServeFile(w, r, filepath.Join("..", "..", "middleware", "testdata", "signers", "narrow.mjs"))
			return
		}
		fmt.Fprint(w, "<!DOCTYPE html><title>Narrowing</title>")
	}))
	t.Cleanup(server.Close)
	key, err := middleware.GenerateHMACKey("2026a")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := middleware.ParseKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server.URL + "/files/B%C3%BCro/a%2Fb'%20(1).jpg?z=1&note=%C3%A9*&%7E=&width=100")
	if err != nil {
		t.Fatal(err)
	}
	end := time.Unix(4102444800, 0)
	if u, err = ring.Sign(u, middleware.Claims{Expires: end, Methods: []string{"GET", "PUT"}}); err != nil {
		t.Fatal(err)
	}
	tab := startBrowser(t)
	do(t, tab, chromedp.Navigate(server.URL))
	link := u.String()
	path := u.EscapedPath()
	for i, step := range []struct {
		params map[string]any
		claims middleware.Claims
	}{
		{map[string]any{"signed_only": path, "expires_at": 4102444799}, middleware.Claims{Only: path, Expires: end.Add(-time.Second)}},
		{map[string]any{"signed_methods": "GET", "signed_host": "files.example.com:8443"}, middleware.Claims{Methods: []string{"GET"}, Host: "files.example.com:8443"}},
		{map[string]any{"signed_accept": "image/*,application/pdf", "signed_max": 1000}, middleware.Claims{Upload: middleware.Upload{MaxBytes: 1000, Accept: []string{"image/*", "application/pdf"}}}},
		{map[string]any{"signed_from": "0"}, middleware.Claims{NotBefore: time.Unix(0, 0)}},
	} {
		if u, err = middleware.Narrow(u, step.claims); err != nil {
			t.Fatal(err)
		}
		params, err := json.Marshal(step.params)
		if err != nil {
			t.Fatal(err)
		}
		link = await[string](t, tab, fmt.Sprintf(`import("/narrow.mjs").then(m => m.narrow(%q, %s))`, link, params))
		if link != u.String() {
			t.Fatalf("step %d: the page makes\n%s\nwant\n%s", i+1, link, u)
		}
	}
}
