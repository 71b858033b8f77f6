package middleware_test

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/justinas/alice"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

// exampleKey is a key in text form. Make your own with GenerateHMACKey, and
// keep it where you keep secrets.
const exampleKey = "2026a:hmac-sha256:c2VjcmV0IG9mIHRoZSBleGFtcGxlcywgMzIgYnl0ZXM"

// exampleTime stands for time.Now().Add(15 * time.Minute), so that the links
// of the examples can be shown.
var exampleTime = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)

func exampleRing() *middleware.Keyring {
	ring, err := middleware.ParseKeyring(exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	return ring
}

// get asks a handler for a target and returns the status.
func get(h http.Handler, target string) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w.Code
}

func Example() {
	ring, err := middleware.ParseKeyring(exampleKey)
	if err != nil {
		log.Fatal(err)
	}
	links, err := middleware.NewURLBuilder("/files/", ring)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	files := http.StripPrefix("/files/", http.FileServer(http.Dir("testdata")))
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/files/", verifier.Handler(files))

	u, err := links.URL("example.txt", middleware.Claims{Expires: exampleTime})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(u)
	fmt.Println(get(mux, u.String()))
	fmt.Println(get(mux, "/files/example.txt"))
	// Output:
	// /files/example.txt?expires_at=4102444800&signed_by=2026a&signature=IH_3uRk-dVFw4TeyrXfYi4M-ZGgJznSDxEjAS8K4fXk
	// 200
	// 403
}

func ExampleKeyring_Sign() {
	u, err := exampleRing().Sign(&url.URL{Path: "/thumb/my card.jpg", RawQuery: "w=100"}, middleware.Claims{Expires: exampleTime})
	fmt.Println(u, err)
	// Output: /thumb/my%20card.jpg?expires_at=4102444800&signed_by=2026a&w=100&signature=QBio2KHgDMOxZJYIF_ASmuZ7MlgKFC7ZNJQWo8sFJG4 <nil>
}

func ExampleParseKeyring() {
	// The first key signs; links of the second still work.
	ring, err := middleware.ParseKeyring(`
# since January
2026b:hmac-sha256:YSBuZXcgc2VjcmV0IG9mIHRoZSBleGFtcGxlcywgMzI
2026a:hmac-sha256:c2VjcmV0IG9mIHRoZSBleGFtcGxlcywgMzIgYnl0ZXM
`)
	fmt.Println(ring, err)
	_, err = middleware.ParseKeyring("2026a:hmac-sha256:dG9vIHNob3J0")
	fmt.Println(err)
	// Output:
	// 2 keys, first 2026b (hmac-sha256) <nil>
	// signedurl: line 1: key 2026a: the secret has 9 bytes and needs at least 32; generate a random one
}

func ExampleFormatVar() {
	// On SIGHUP: read the file again, and keep the old keys if it is bad.
	keys := middleware.NewFormatVar(exampleRing())
	reload := func(text string) {
		ring, err := middleware.ParseKeyring(text)
		if err != nil {
			fmt.Println("keys kept:", err)
			return
		}
		keys.Set(ring)
		fmt.Println("keys replaced")
	}
	verifier, err := middleware.NewVerifier(keys, nil) // made once
	if err != nil {
		log.Fatal(err)
	}
	_ = verifier
	reload("nonsense")
	reload(exampleKey)
	// Output:
	// keys kept: signedurl: line 1: a key is written id:algorithm:base64url
	// keys replaced
}

func ExampleVerifier_Handler() {
	ring := exampleRing()
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{
		MaxLifetime: 200 * 365 * 24 * time.Hour,
		Observe: func(r *http.Request, c middleware.Link, err error) {
			fmt.Println("decision:", r.URL.Path, middleware.Reason(err)) // count these
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := alice.New(verifier.Handler).ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, _ := middleware.LinkFromContext(r.Context())
		fmt.Println("served under id", claims.ID)
	})
	u, err := ring.Sign(&url.URL{Path: "/invoice.pdf"}, middleware.Claims{Expires: exampleTime, ID: "invoice-42"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(handler, u.String()))
	fmt.Println(get(handler, "/invoice.pdf"))
	// Output:
	// decision: /invoice.pdf ok
	// served under id invoice-42
	// 200
	// decision: /invoice.pdf unsigned
	// 403
}

func ExampleVerifier_Verify() {
	ring := exampleRing()
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	u, err := ring.Sign(&url.URL{Path: "/card.jpg"}, middleware.Claims{Expires: time.Now().Add(-time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.Verify(httptest.NewRequest("GET", u.String(), nil))
	fmt.Println(errors.Is(err, middleware.ErrExpired), middleware.Reason(err))
	// Output: true expired
}

func ExampleVerifier_Explain() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/card.jpg"}, middleware.Claims{Expires: exampleTime})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/other"+u.String()[len("/card"):], nil)
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(verifier.Explain(r))
	// Output:
	// ok   shape      path and query are unambiguous
	// ok   key        2026a
	// FAIL invalid    invalid link: the signature does not match what was requested
	// signed text:
	//      signed-url/1
	//      /other.jpg
	//      expires_at=4102444800&signed_by=2026a
	// refused with 403
}

func ExampleOptions_prefix() {
	// StripPrefix takes "/files" off before the verifier sees the path.
	ring := exampleRing()
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{Prefix: "/files"})
	if err != nil {
		log.Fatal(err)
	}
	handler := http.StripPrefix("/files", verifier.Handler(http.FileServer(http.Dir("testdata"))))

	u, err := ring.Sign(&url.URL{Path: "/files/example.txt"}, middleware.Claims{Expires: exampleTime})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(handler, u.String()))
	// Output: 200
}

// Without the prefix in the options, the verifier sees a path that was never
// signed, and refuses. It does not guess.
func ExampleOptions_prefix_incorrect() {
	ring := exampleRing()
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	handler := http.StripPrefix("/files", verifier.Handler(http.FileServer(http.Dir("testdata"))))

	u, err := ring.Sign(&url.URL{Path: "/files/example.txt"}, middleware.Claims{Expires: exampleTime})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(handler, u.String()))
	// Output: 403
}

// Naming a parameter as ignored means that anyone may set it: w is then not
// limited by the link at all.
func ExampleClaims_ignore_incorrect() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/thumb.jpg", RawQuery: "w=100"}, middleware.Claims{Expires: exampleTime, Ignore: []string{"w"}})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("a thumbnail of width", r.FormValue("w"))
	}))
	q := u.Query()
	q.Set("w", "100000")
	u.RawQuery = q.Encode()
	get(handler, u.String())
	// Output: a thumbnail of width 100000
}

// Mailers and ad systems add parameters of their own to every link.
func ExampleClaims_ignore() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/invoice.pdf"}, middleware.Claims{Expires: exampleTime, Ignore: []string{"fbclid", "utm_*"}})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(get(handler, u.String()+"&utm_source=letter"))
	fmt.Println(get(handler, u.String()+"&page=2"))
	// Output:
	// 200
	// 403
}

func ExampleClaims_notBefore() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/results.pdf"}, middleware.Claims{Expires: exampleTime, NotBefore: exampleTime.Add(-time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(http.NotFoundHandler())
	fmt.Println(get(handler, u.String()))
	// Output: 404
}

// Both sides must say that a link may live for ever.
func ExampleClaims_permanent() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/logo.png"}, middleware.Claims{Permanent: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, allow := range []bool{false, true} {
		verifier, err := middleware.NewVerifier(ring, &middleware.Options{AllowPermanent: allow})
		if err != nil {
			log.Fatal(err)
		}
		_, err = verifier.Verify(httptest.NewRequest("GET", u.String(), nil))
		fmt.Println(allow, middleware.Reason(err))
	}
	// Output:
	// false not_allowed
	// true ok
}

func ExampleClaims_uses() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/card.jpg"}, middleware.Claims{Expires: exampleTime, ID: "card-7", Uses: 1})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{Uses: memstore.NewUses(nil)})
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(get(handler, u.String()))
	fmt.Println(get(handler, u.String()))
	// Output:
	// 200
	// 404
}

func ExampleClaims_downloadName() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/blob/7f3a"}, middleware.Claims{Expires: exampleTime, DownloadName: "März 2026.pdf", ContentType: "application/pdf"})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", u.String(), nil))
	fmt.Println(w.Header().Get("Content-Type"))
	fmt.Println(w.Header().Get("Content-Disposition"))
	// Output:
	// application/pdf
	// attachment; filename="M_rz 2026.pdf"; filename*=UTF-8''M%C3%A4rz%202026.pdf
}

// In front of a proxy, the link decides how long a reply is cached. A backend
// that is stricter prevails, and an error of the backend is never cached.
func ExampleVerifier_Handler_reverseProxy() {
	bucket, err := url.Parse("http://bucket.internal")
	if err != nil {
		log.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(bucket) }}
	verifier, err := middleware.NewVerifier(exampleRing(), nil)
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/bucket/", verifier.Handler(proxy))
}

// A list of methods without GET does not let anyone read.
func ExampleClaims_methods() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/upload/1"}, middleware.Claims{Expires: exampleTime, Methods: []string{"PUT"}})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(http.NotFoundHandler())
	fmt.Println(get(handler, u.String()))
	// Output: 403
}

func ExampleClaims_networks() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/report.pdf"}, middleware.Claims{
		Expires:  exampleTime,
		Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Behind a proxy, name it: from any other peer the header is not looked at.
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", u.String(), nil) // from 192.0.2.1
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	_, err = verifier.Verify(r)
	fmt.Println(err)
	r.Header.Set("X-Forwarded-For", "203.0.113.9, 198.51.100.1")
	_, err = verifier.Verify(r)
	fmt.Println(middleware.Reason(err))
	// Output:
	// <nil>
	// not_allowed
}

func ExampleClaims_host() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: exampleTime, Host: "files.example.com"})
	if err != nil {
		log.Fatal(err)
	}
	r := httptest.NewRequest("GET", u.String(), nil)
	verifier, err := middleware.NewVerifier(ring, nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, host := range []string{"files.example.com", "preview.example.com"} {
		r.Host = host
		_, err := verifier.Verify(r)
		fmt.Println(host, middleware.Reason(err))
	}
	// Output:
	// files.example.com ok
	// preview.example.com not_allowed
}

// A link that is bound to the session is useless to whoever it is sent to.
func ExampleBinding() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/card.jpg"}, middleware.Claims{
		Expires: exampleTime,
		Binding: middleware.Binding{Name: "session", Value: "the id of alice's session"},
	})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{
		Binding: func(r *http.Request, name string) (string, error) {
			if name != "session" {
				return "", errors.New("no such value")
			}
			cookie, err := r.Cookie("session")
			if err != nil {
				return "", err
			}
			return cookie.Value, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, session := range []string{"the id of alice's session", "the id of bob's session"} {
		r := httptest.NewRequest("GET", u.String(), nil)
		r.AddCookie(&http.Cookie{Name: "session", Value: session})
		_, err := verifier.Verify(r)
		fmt.Println(middleware.Reason(err))
	}
	// Output:
	// ok
	// invalid
}

func ExampleOptions_revocation() {
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/card.jpg"}, middleware.Claims{Expires: exampleTime, ID: "customer-7"})
	if err != nil {
		log.Fatal(err)
	}
	revoked := map[string]bool{}
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{Revocations: revocation(func(id string) (bool, error) { return revoked[id], nil })})
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	fmt.Println(get(handler, u.String()))
	revoked["customer-7"] = true
	fmt.Println(get(handler, u.String()))
	// Output:
	// 200
	// 404
}

func ExampleURLBuilder_Subtree() {
	ring := exampleRing()
	links, err := middleware.NewURLBuilder("https://cdn.example.com/files/", ring)
	if err != nil {
		log.Fatal(err)
	}
	tree, err := links.Subtree("video/42", middleware.Claims{Expires: exampleTime})
	if err != nil {
		log.Fatal(err)
	}
	u, err := tree.URL("segment 1.ts")
	fmt.Println(u, err)
	// Output: https://cdn.example.com/files/video/42/segment%201.ts?expires_at=4102444800&signed_by=2026a&signed_under=%2Ffiles%2Fvideo%2F42%2F&signature=zQmEPXHAwdw4tNhbBQgtmmJBhhIGRPL7PZsxVTY5uck <nil>
}

// kms stands for a key that is in an agent, a hardware module or a key
// management service, and counts what it is asked for.
type kms struct {
	ed25519.PrivateKey
	signatures int
}

func (k *kms) Sign(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.signatures++
	return k.PrivateKey.Sign(random, message, opts)
}

// A page of a hundred pictures needs one signature. With a rounded expiry, one is
// enough for all pages of an hour.
func ExampleNewSignerKey() {
	service := &kms{PrivateKey: ed25519.NewKeyFromSeed([]byte("seed of the example, of 32 bytes"))}
	key, err := middleware.NewSignerKey("2026c", service)
	if err != nil {
		log.Fatal(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	links, err := middleware.NewURLBuilder("/files/", ring)
	if err != nil {
		log.Fatal(err)
	}

	var album *middleware.Subtree // kept until its expiry changes
	var until time.Time
	pictures := 0
	page := func(now time.Time) {
		if e := middleware.RoundUp(now.Add(15*time.Minute), time.Hour); !e.Equal(until) {
			if album, err = links.Subtree("album/7", middleware.Claims{Expires: e}); err != nil {
				log.Fatal(err)
			}
			until = e
		}
		for i := range 100 {
			if _, err := album.URL(fmt.Sprintf("%d.jpg", i)); err != nil {
				log.Fatal(err)
			}
			pictures++
		}
		fmt.Printf("%d pictures, %d signature\n", pictures, service.signatures)
	}
	page(exampleTime)
	page(exampleTime.Add(time.Minute))
	// Output:
	// 100 pictures, 1 signature
	// 200 pictures, 1 signature
}

// A front end holds a link to a folder for an hour, and hands out one file for a
// minute. It needs no key.
func ExampleNarrow() {
	folder, err := url.Parse(exampleFolder())
	if err != nil {
		log.Fatal(err)
	}
	folder.Path = "/files/video/42/trailer.mp4" // which the link opens
	link, err := middleware.Narrow(folder, middleware.Claims{
		Expires: exampleTime.Add(-59 * time.Minute),
		Only:    "/files/video/42/trailer.mp4",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.ReplaceAll(link.String(), "&", "\n  &"))

	// Nobody makes a wider link of it.
	_, err = middleware.Narrow(link, middleware.Claims{Expires: exampleTime})
	fmt.Println(err)
	// Output:
	// /files/video/42/trailer.mp4?expires_at=4102444800
	//   &signed_by=2026a
	//   &signed_narrow=expires_at%3D4102441260%26signed_only%3D%252Ffiles%252Fvideo%252F42%252Ftrailer.mp4
	//   &signed_under=%2Ffiles%2Fvideo%2F42%2F
	//   &signature=-eI97jTFNcOFoyoDSG6n8VRJhLHvdA7ypkHy-SdpeJY
	// signedurl: cannot narrow: the claim Expires is wider than the link
}

// exampleFolder is a link to a folder.
func exampleFolder() string {
	u, err := exampleRing().Sign(&url.URL{Path: "/files/video/42/"}, middleware.Claims{Expires: exampleTime, Under: "/files/video/42/"})
	if err != nil {
		log.Fatal(err)
	}
	return u.String()
}

// One cookie opens all segments of a video, by URLs without a signature.
func ExampleSubtree_Cookies() {
	ring := exampleRing()
	links, err := middleware.NewURLBuilder("/files/", ring)
	if err != nil {
		log.Fatal(err)
	}
	tree, err := links.Subtree("video/42", middleware.Claims{Expires: exampleTime})
	if err != nil {
		log.Fatal(err)
	}
	cookies, err := tree.Cookies("media")
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{Cookie: "media"})
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/files/video/42/0001.ts", "/files/video/43/0001.ts"} {
		r := httptest.NewRequest("GET", path, nil)
		r.AddCookie(cookies[0])
		_, err := verifier.Verify(r)
		fmt.Println(path, middleware.Reason(err))
	}
	// Output:
	// /files/video/42/0001.ts ok
	// /files/video/43/0001.ts invalid
}

func ExampleRoundUp() {
	// All pages of an hour show the same link, which browsers can cache.
	now := time.Date(2026, 1, 1, 9, 41, 7, 0, time.UTC)
	fmt.Println(middleware.RoundUp(now.Add(15*time.Minute), time.Hour))
	// Output: 2026-01-01 10:00:00 +0000 UTC
}

// A verifier that limits lifetimes must allow for the rounding.
func ExampleRoundUp_maxLifetime() {
	const lifetime, step = 24 * time.Hour, time.Hour
	ring := exampleRing()
	u, err := ring.Sign(&url.URL{Path: "/card.jpg"}, middleware.Claims{Expires: middleware.RoundUp(time.Now().Add(lifetime), step)})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{MaxLifetime: lifetime + step})
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.Verify(httptest.NewRequest("GET", u.String(), nil))
	fmt.Println(middleware.Reason(err))
	// Output: ok
}

func ExampleRedactAttr() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{} // for this example only
			}
			return middleware.RedactAttr(groups, a)
		},
	}))
	u, err := exampleRing().Sign(&url.URL{Path: "/card.jpg"}, middleware.Claims{Expires: exampleTime})
	if err != nil {
		log.Fatal(err)
	}
	logger.Info("issued", "link", u)
	// Output: level=INFO msg=issued link="/card.jpg?expires_at=4102444800&signed_by=2026a&signature=REDACTED"
}

func ExampleReason() {
	fmt.Println(middleware.Reason(nil), middleware.Reason(middleware.ErrExpired))
	// Output: ok expired
}

// A mail scanner opens a link before the person does, and takes nothing.
func ExampleOptions_confirm() {
	ring := exampleRing()
	verifier, err := middleware.NewVerifier(ring, &middleware.Options{
		Uses:      memstore.NewUses(nil),
		Confirm:   true,
		UseWindow: 10 * time.Minute, // for ranges and resumed downloads
		Pages:     middleware.DefaultPages("Ask for a new link in the app."),
	})
	if err != nil {
		log.Fatal(err)
	}
	h := verifier.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("the file, by", r.Method)
	}))
	link, err := ring.Sign(&url.URL{Path: "/files/card.jpg"}, middleware.Claims{Expires: exampleTime, ID: "mail-7", Uses: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(h, link.String()), "for the scanner")

	button := httptest.NewRequest("POST", link.String(), strings.NewReader("confirm=1"))
	button.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(httptest.NewRecorder(), button)
	fmt.Println(get(h, link.String()), "within the window")
	// Output:
	// 200 for the scanner
	// the file, by GET
	// the file, by GET
	// 200 within the window
}
