package middleware_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/justinas/alice"

	"example.com/signedurl/middleware"
)

// raw sends a request line as it is, over a socket of its own, and returns the
// reply. Clients of net/http would clean the target.
func raw(t testing.TB, addr, method, target string, header ...string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: files.example.com\r\nConnection: close\r\n%s\r\n", method, target, strings.Join(append(header, ""), "\r\n"))
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %.200q: %v", method, target, err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// private is the handler behind the middleware.
var private = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "private") })

func TestRefusalsOverASocket(t *testing.T) {
	ring := testRing(t)
	server := httptest.NewServer(newVerifier(ring, nil).Handler(private))
	defer server.Close()
	addr := server.Listener.Addr().String()
	link := sign(t, ring, "/files/a/card.jpg?w=100", in(time.Hour))
	expired := sign(t, ring, "/files/a/card.jpg", in(-time.Second))
	_, query, _ := strings.Cut(link, "?")
	post := in(time.Hour)
	post.Methods = []string{"POST"}

	for _, test := range []struct {
		name, method, target string
		status               int
	}{
		{"the link", "GET", link, 200},
		{"the link with HEAD", "HEAD", link, 200},
		{"names in another order", "GET", "/files/a/card.jpg?w=100&" + strings.Replace(query, "&w=100", "", 1), 200},
		{"a harmless re-spelling", "GET", strings.Replace(link, "/files/a/card.jpg?", "/%66iles/a/card%2Ejpg?", 1), 200},
		{"unsigned", "GET", "/files/a/card.jpg?w=100", 403},
		{"unsigned and missing", "GET", "/nothing/here", 403},
		{"expired", "GET", expired, 404},
		{"expired and altered", "GET", expired + "&x=1", 403},
		{"POST", "POST", link, 403},
		{"PUT", "PUT", link, 403},
		{"DELETE", "DELETE", link, 403},
		{"CONNECT", "CONNECT", link, 403},
		{"OPTIONS", "OPTIONS", link, 403},
		{"an unknown method", "FETCH", link, 403},
		{"POST of a link for POST", "POST", sign(t, ring, "/x", post), 200},
		{"a dot segment", "GET", strings.Replace(link, "/files/", "/files/../files/", 1), 403},
		{"a dot segment of one dot", "GET", strings.Replace(link, "/files/", "/files/./", 1), 403},
		{"an escaped dot segment", "GET", strings.Replace(link, "/files/", "/files/%2e%2e/files/", 1), 403},
		{"a dot segment behind an escaped slash", "GET", strings.Replace(link, "/files/a/", "/files/a/..%2Fa/", 1), 403},
		{"a dot segment behind a backslash", "GET", strings.Replace(link, "/files/a/", "/files/a/..\\a/", 1), 403},
		{"a dot segment behind an escaped backslash", "GET", strings.Replace(link, "/files/a/", "/files/a/..%5Ca/", 1), 403},
		{"two slashes", "GET", strings.Replace(link, "/files/", "/files//", 1), 403},
		{"two slashes in front", "GET", "/" + link, 403},
		{"an escaped slash for a slash", "GET", strings.Replace(link, "/a/", "/a%2F", 1), 403},
		{"a parameter twice", "GET", link + "&w=100", 403},
		{"a parameter twice, the good one last", "GET", strings.Replace(link, "w=100", "w=1&w=100", 1), 403},
		{"expires_at twice", "GET", link + "&expires_at=9999999999", 403},
		{"signature twice", "GET", link + "&" + link[strings.Index(link, "signature="):], 403},
		{"an unknown reserved parameter", "GET", link + "&signed_new=1", 403},
		{"a parameter that does not parse", "GET", link + "&a=%zz", 403},
		{"a semicolon", "GET", link + "&a=1;b=2", 403},
		{"a semicolon alone", "GET", link + ";", 403},
		{"an empty parameter", "GET", link + "&", 403},
		{"a name without a value", "GET", link + "&a", 403},
		{"a fragment", "GET", link + "#x", 403},
		{"the absolute form", "GET", "http://files.example.com" + link, 200},
		{"the absolute form with a user", "GET", "http://me@files.example.com" + link, 403},
		{"the asterisk", "OPTIONS", "*", 200}, // net/http answers it itself
		{"a target of 100 KB", "GET", link + "&x=" + strings.Repeat("x", 100_000), 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, body := raw(t, addr, test.method, test.target)
			if res.StatusCode != test.status {
				t.Fatalf("status %d, want %d", res.StatusCode, test.status)
			}
			if res.StatusCode != 200 && (strings.Contains(body, "private") || res.Header.Get("Cache-Control") != "no-store") {
				t.Errorf("body %q, Cache-Control %q", body, res.Header.Get("Cache-Control"))
			}
		})
	}
}

// Each limit lets through and refuses over a real connection.
func TestEachLimitOverASocket(t *testing.T) {
	ring := testRing(t)
	used := 0
	server := httptest.NewServer(newVerifier(ring, &middleware.Options{
		Cookie: "signed", MaxLifetime: 24 * time.Hour,
		Binding: func(r *http.Request, name string) (string, error) { return r.Header.Get("X-" + name), nil },
		Revocations: revocation(func(id string) (bool, error) {
			if id == "broken" {
				return false, errors.New("no answer")
			}
			return id == "revoked", nil
		}),
		Uses: uses(func(u middleware.Use) (bool, error) { used++; return used <= u.Limit, nil }),
	}).Handler(private))
	defer server.Close()
	tree := builder(t, "/files/", ring)
	with := func(f func(c *middleware.Claims)) string {
		c := in(time.Hour)
		f(&c)
		return sign(t, ring, "/files/a/card.jpg", c)
	}
	under := with(func(c *middleware.Claims) { c.Under = "/files/a/" })
	once := with(func(c *middleware.Claims) { c.ID, c.Uses = "once", 1 })
	bound := with(func(c *middleware.Claims) { c.Binding = middleware.Binding{Name: "session", Value: "alice"} })
	ignore := with(func(c *middleware.Claims) { c.Ignore = []string{"utm_*"} })
	cookie := "Cookie: " + cookies(t, tree, "a", in(time.Hour))
	for _, test := range []struct {
		name, method, target, header string
		status                       int
	}{
		{"not before, and it is time", "GET", with(func(c *middleware.Claims) { c.NotBefore = time.Unix(1, 0) }), "", 200},
		{"not before", "GET", with(func(c *middleware.Claims) { c.NotBefore = c.Expires.Add(-time.Minute) }), "", 404},
		{"a link that lives too long", "GET", sign(t, ring, "/x", in(48*time.Hour)), "", 403},
		{"a permanent link", "GET", sign(t, ring, "/x", middleware.Claims{Permanent: true}), "", 403},
		{"the method", "PUT", with(func(c *middleware.Claims) { c.Methods = []string{"PUT"} }), "", 200},
		{"another method", "GET", with(func(c *middleware.Claims) { c.Methods = []string{"PUT"} }), "", 403},
		{"the host", "GET", with(func(c *middleware.Claims) { c.Host = "files.example.com" }), "", 200},
		{"another host", "GET", with(func(c *middleware.Claims) { c.Host = "other.example.com" }), "", 403},
		{"the network", "GET", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }), "", 200},
		{"another network", "GET", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }), "", 403},
		{"another network, forwarded", "GET", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }), "X-Forwarded-For: 192.0.2.1", 403},
		{"below the subtree", "GET", strings.Replace(under, "card.jpg", "b/c.jpg", 1), "", 200},
		{"the subtree itself", "GET", strings.Replace(under, "card.jpg", "", 1), "", 200},
		{"the subtree without its slash", "GET", strings.Replace(under, "/card.jpg", "", 1), "", 403},
		{"beside the subtree", "GET", strings.Replace(under, "/a/card.jpg", "/ab/card.jpg", 1), "", 403},
		{"out of the subtree", "GET", strings.Replace(under, "/a/card.jpg", "/a/..%2Fb/card.jpg", 1), "", 403},
		{"the session", "GET", bound, "X-Session: alice", 200},
		{"another session", "GET", bound, "X-Session: bob", 403},
		{"no session", "GET", bound, "", 403},
		{"an id", "GET", with(func(c *middleware.Claims) { c.ID = "good" }), "", 200},
		{"a revoked id", "GET", with(func(c *middleware.Claims) { c.ID = "revoked" }), "", 404},
		{"an id that nobody can tell of", "GET", with(func(c *middleware.Claims) { c.ID = "broken" }), "", 503},
		{"HEAD of a link for one use", "HEAD", once, "", 200},
		{"the use", "GET", once, "", 200},
		{"one use more", "GET", once, "", 404},
		{"an ignored parameter", "GET", ignore + "&utm_source=x", "", 200},
		{"another parameter", "GET", ignore + "&source=x", "", 403},
		{"a cookie", "GET", "/files/a/b/c.jpg", cookie, 200},
		{"a cookie of elsewhere", "GET", "/files/b/c.jpg", cookie, 403},
		{"a limit that is not known", "GET", with(func(c *middleware.Claims) {}) + "&signed_region=eu", "", 403},
	} {
		header := []string{}
		if test.header != "" {
			header = append(header, test.header)
		}
		if res, _ := raw(t, server.Listener.Addr().String(), test.method, test.target, header...); res.StatusCode != test.status {
			t.Errorf("%s: status %d, want %d", test.name, res.StatusCode, test.status)
		}
	}
	for name, want := range map[string][2]string{
		"Content-Type":        {with(func(c *middleware.Claims) { c.ContentType = "image/webp" }), "image/webp"},
		"Content-Disposition": {with(func(c *middleware.Claims) { c.DownloadName = "a b.jpg" }), `attachment; filename="a b.jpg"`},
	} {
		if res, _ := raw(t, server.Listener.Addr().String(), "GET", want[0]); res.Header.Get(name) != want[1] {
			t.Errorf("%s: %q", name, res.Header.Get(name))
		}
	}
}

// Every change of one byte of a link is refused, unless the changed link means
// the same. The server is asked over a real connection, kept alive.
func TestEveryChangedByteIsRefusedOverASocket(t *testing.T) {
	ring := testRing(t)
	server := httptest.NewServer(newVerifier(ring, nil).Handler(private))
	defer server.Close()
	c := in(time.Hour)
	c.Methods = []string{"GET"}
	link := sign(t, ring, "/files/my%20card.jpg?w=1%2B1", c)
	wantPath, wantQuery, _ := strings.Cut(link, "?")

	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { conn.Close() }()
	answers := bufio.NewReader(conn)
	same, refused := 0, 0
	for i := range link {
		for b := range 256 {
			if byte(b) == link[i] || b == '\r' || b == '\n' || b == ' ' || b == '\t' {
				continue // those end the request line
			}
			target := link[:i] + string([]byte{byte(b)}) + link[i+1:]
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target)
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatalf("%q: %v", target, err)
			}
			io.Copy(io.Discard, res.Body)
			if res.Close { // 400 for what is no request target
				conn.Close()
				if conn, err = net.Dial("tcp", server.Listener.Addr().String()); err != nil {
					t.Fatal(err)
				}
				answers = bufio.NewReader(conn)
			}
			switch res.StatusCode {
			case 200:
				path, query, _ := strings.Cut(target, "?")
				if meaningOfPath(path) != meaningOfPath(wantPath) || meaningOfQuery(query) != meaningOfQuery(wantQuery) {
					t.Errorf("%q is accepted", target)
				}
				same++
			case 400, 403, 404:
				refused++
			default:
				t.Errorf("%q: status %d", target, res.StatusCode)
			}
		}
	}
	if refused < 100*len(link) || same > 20 {
		t.Errorf("%d changes refused, %d accepted", refused, same)
	}
}

func TestAllThatIsNotSignedGetsOneReply(t *testing.T) {
	ring := testRing(t)
	server := httptest.NewServer(newVerifier(ring, nil).Handler(private))
	defer server.Close()
	link := sign(t, ring, "/secret-name.jpg", in(time.Hour))
	var first string
	for _, target := range []string{"/", "/secret-name.jpg", link + "x", strings.Replace(link, "2026a", "2026b", 1), link + "&a=<script>", "/%2e%2e/x", strings.Replace(link, "signature=", "signature=\x01", 1)[:20]} {
		res, body := raw(t, server.Listener.Addr().String(), "GET", target)
		res.Header.Del("Date")
		reply := fmt.Sprint(res.Status, res.Header, body)
		if first == "" {
			first = reply
		}
		if reply != first {
			t.Errorf("%s: %s\nwant %s", target, reply, first)
		}
		if strings.Contains(reply, "secret-name") || strings.Contains(reply, "script") || strings.Contains(reply, "signature") {
			t.Errorf("%s is reflected in %s", target, reply)
		}
	}
}

func TestHeadersOfAReply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := testRing(t)
		v := newVerifier(ring, &middleware.Options{
			Leeway: time.Minute, AllowPermanent: true,
			Binding: func(*http.Request, string) (string, error) { return "v", nil },
		})
		get := func(c middleware.Claims, method string) http.Header {
			w := httptest.NewRecorder()
			v.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, request(t, method, sign(t, ring, "/x", c)))
			return w.Result().Header
		}
		with := func(f func(c *middleware.Claims)) middleware.Claims { c := in(90 * time.Second); f(&c); return c }
		for name, test := range map[string]struct {
			claims middleware.Claims
			want   http.Header
		}{
			"a plain link":                    {in(90 * time.Second), http.Header{"Cache-Control": {"private, max-age=90"}, "Referrer-Policy": {"no-referrer"}}},
			"a link that lives by the leeway": {in(-30 * time.Second), http.Header{"Cache-Control": {"private, max-age=0"}, "Referrer-Policy": {"no-referrer"}}},
			"a link that lives for ten years": {in(10 * 365 * 24 * time.Hour), http.Header{"Cache-Control": {"private, max-age=31536000"}, "Referrer-Policy": {"no-referrer"}}},
			"a permanent link":                {middleware.Claims{Permanent: true}, http.Header{"Cache-Control": {"private, max-age=31536000"}, "Referrer-Policy": {"no-referrer"}}},
			"a bound link": {with(func(c *middleware.Claims) { c.Binding = middleware.Binding{Name: "s", Value: "v"} }),
				http.Header{"Cache-Control": {"private, max-age=90"}, "Referrer-Policy": {"no-referrer"}, "Vary": {"Cookie"}}},
			"a content type": {with(func(c *middleware.Claims) { c.ContentType = "application/pdf" }),
				http.Header{"Cache-Control": {"private, max-age=90"}, "Referrer-Policy": {"no-referrer"}, "Content-Type": {"application/pdf"}}},
			"a download name": {with(func(c *middleware.Claims) { c.DownloadName = "invoice 42.pdf" }),
				http.Header{"Cache-Control": {"private, max-age=90"}, "Referrer-Policy": {"no-referrer"}, "Content-Disposition": {`attachment; filename="invoice 42.pdf"`}}},
			"a download name beyond ASCII": {with(func(c *middleware.Claims) { c.DownloadName = `März "1".pdf` }),
				http.Header{"Cache-Control": {"private, max-age=90"}, "Referrer-Policy": {"no-referrer"}, "Content-Disposition": {`attachment; filename="M_rz _1_.pdf"; filename*=UTF-8''M%C3%A4rz%20%221%22.pdf`}}},
			"a download name with escapes": {with(func(c *middleware.Claims) { c.DownloadName = "100%41;.pdf" }),
				http.Header{"Cache-Control": {"private, max-age=90"}, "Referrer-Policy": {"no-referrer"}, "Content-Disposition": {`attachment; filename="100_41;.pdf"; filename*=UTF-8''100%2541%3B.pdf`}}},
		} {
			if diff := cmp.Diff(test.want, get(test.claims, "GET")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestRefuseSaysTheStatusAndNothingElse(t *testing.T) {
	for err, want := range map[error]int{
		middleware.ErrUnsigned: 403, middleware.ErrInvalid: 403, middleware.ErrNotAllowed: 403, middleware.ErrExpired: 404,
		middleware.ErrNotYet: 404, middleware.ErrRevoked: 404, middleware.ErrUsedUp: 404, middleware.ErrUnavailable: 503,
		errors.New("foreign"): 403, fmt.Errorf("wrapped: %w", middleware.ErrExpired): 404,
	} {
		w := httptest.NewRecorder()
		middleware.Refuse(w, request(t, "GET", "/secret?a=b"), err)
		got := w.Result()
		if got.StatusCode != want || w.Body.String() != http.StatusText(want)+"\n" {
			t.Errorf("%v: %d %q, want %d", err, got.StatusCode, w.Body, want)
		}
		names := slices.Sorted(maps.Keys(got.Header))
		if diff := cmp.Diff([]string{"Cache-Control", "Content-Type", "X-Content-Type-Options"}, names); diff != "" {
			t.Errorf("%v: headers (-want +got):\n%s", err, diff)
		}
	}
}

func TestOptionsOfTheReply(t *testing.T) {
	ring := testRing(t)
	expired := sign(t, ring, "/x", in(-time.Hour))
	serve := func(o *middleware.Options, target string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		newVerifier(ring, o).Handler(private).ServeHTTP(w, request(t, "GET", target))
		return w
	}
	if w := serve(&middleware.Options{ExpiredStatus: http.StatusGone}, expired); w.Code != 410 {
		t.Errorf("ExpiredStatus: %d", w.Code)
	}
	if w := serve(&middleware.Options{ExpiredStatus: http.StatusGone}, "/x"); w.Code != 403 {
		t.Errorf("ExpiredStatus for an unsigned URL: %d", w.Code)
	}
	deny := &middleware.Options{Deny: func(w http.ResponseWriter, r *http.Request, err error) {
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, middleware.Reason(err))
	}}
	if w := serve(deny, expired); w.Code != 418 || w.Body.String() != "expired" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("Deny: %d %q %q", w.Code, w.Body, w.Header())
	}
	w := httptest.NewRecorder()
	new(middleware.Verifier).Handler(private).ServeHTTP(w, request(t, "GET", expired))
	if w.Code != 403 {
		t.Errorf("the zero Verifier: %d", w.Code)
	}
	w = httptest.NewRecorder()
	(*middleware.Verifier)(nil).Handler(private).ServeHTTP(w, request(t, "GET", expired))
	if w.Code != 403 {
		t.Errorf("a nil Verifier: %d", w.Code)
	}
}

func TestTheObserverSeesEveryDecision(t *testing.T) {
	ring := testRing(t)
	var mu sync.Mutex
	var seen []string
	v := newVerifier(ring, &middleware.Options{Observe: func(r *http.Request, c middleware.Link, err error) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf("%s %s %s", r.URL.Path, middleware.Reason(err), c.KeyID))
	}})
	h := v.Handler(private)
	for _, target := range []string{sign(t, ring, "/good", in(time.Hour)), "/unsigned", sign(t, ring, "/old", in(-time.Hour)), sign(t, ring, "/bad", in(time.Hour)) + "&x=1"} {
		h.ServeHTTP(httptest.NewRecorder(), request(t, "GET", target))
		v.Explain(request(t, "GET", target))
	}
	v.Verify(request(t, "POST", sign(t, ring, "/post", in(time.Hour))))
	if diff := cmp.Diff([]string{"/good ok 2026a", "/unsigned unsigned ", "/old expired 2026a", "/bad invalid ", "/post not_allowed 2026a"}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReportOnlyLetsThroughAndReports(t *testing.T) {
	ring := testRing(t)
	var reasons []string
	counted := 0
	v := newVerifier(ring, &middleware.Options{
		InsecureReportOnly: true,
		Observe: func(_ *http.Request, _ middleware.Link, err error) {
			reasons = append(reasons, middleware.Reason(err))
		},
		Uses: uses(func(middleware.Use) (bool, error) { counted++; return true, nil }),
	})
	h := v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, ok := middleware.LinkFromContext(r.Context())
		fmt.Fprintf(w, "claims: %v", ok)
	}))
	once := in(time.Hour)
	once.ID, once.Uses = "once", 1
	for _, test := range []struct{ target, body, cache, reason string }{
		{"/unsigned", "claims: false", "no-store", "unsigned"},
		{sign(t, ring, "/x", in(-time.Hour)), "claims: false", "no-store", "expired"},
		{sign(t, ring, "/x", once), "claims: true", "private", "ok"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t, "GET", test.target))
		if w.Code != 200 || w.Body.String() != test.body || !strings.HasPrefix(w.Header().Get("Cache-Control"), test.cache) || reasons[len(reasons)-1] != test.reason {
			t.Errorf("%s: %d %q %q %v", test.target, w.Code, w.Body, w.Header(), reasons)
		}
	}
	if counted != 0 {
		t.Errorf("%d uses counted", counted)
	}
	if _, err := v.Verify(request(t, "GET", "/unsigned")); !errors.Is(err, middleware.ErrUnsigned) {
		t.Errorf("Verify says %v", err)
	}
	// The claims of a verifier further out are not those of the link that
	// would have been refused.
	outer := newVerifier(toyFormat{claims: in(time.Hour)}, nil)
	w := httptest.NewRecorder()
	outer.Handler(h).ServeHTTP(w, request(t, "GET", "/unsigned", "Toy: 1"))
	if w.Body.String() != "claims: false" {
		t.Errorf("inside another verifier: %s", w.Body)
	}
}

func TestTheLinkDecidesInFrontOfAProxy(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range map[string]string{
			"Cache-Control": "public, max-age=31536000", "Referrer-Policy": "unsafe-url", "Content-Type": "text/html", "Content-Disposition": "inline", "Expires": "Fri, 01 Jan 2100 00:00:00 GMT", "X-Other": "kept",
		} {
			w.Header().Set(name, value)
		}
	}))
	defer backend.Close()
	to, _ := url.Parse(backend.URL)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	ring := testRing(t)
	server := httptest.NewServer(newVerifier(ring, nil).Handler(proxy))
	defer server.Close()
	c := middleware.Claims{Expires: time.Unix(4102444800, 0), ContentType: "image/png", DownloadName: "a.png"}
	res, _ := raw(t, server.Listener.Addr().String(), "GET", sign(t, ring, "/x", c))
	for name, want := range map[string][]string{
		"Cache-Control": {"private, max-age=31536000"}, "Referrer-Policy": {"no-referrer"}, "Content-Type": {"image/png"}, "Content-Disposition": {`attachment; filename="a.png"`}, "Expires": nil, "X-Other": {"kept"},
	} {
		if diff := cmp.Diff(want, res.Header.Values(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	plain, _ := raw(t, server.Listener.Addr().String(), "GET", sign(t, ring, "/x", middleware.Claims{Expires: c.Expires}))
	if got := plain.Header.Values("Content-Type"); !slices.Equal(got, []string{"text/html"}) {
		t.Errorf("without claims about it, the Content-Type is %q", got)
	}
}

func TestTheClaimsReachTheNextHandler(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.ID = "invoice-42"
	var got middleware.Link
	var ok bool
	chain := alice.New(
		func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, ok := middleware.LinkFromContext(r.Context()); ok {
					t.Error("claims in front of the middleware")
				}
				next.ServeHTTP(w, r)
			})
		},
		newVerifier(ring, nil).Handler,
	).ThenFunc(func(w http.ResponseWriter, r *http.Request) {
		got, ok = middleware.LinkFromContext(r.Context())
		if r.Context().Value(http.ServerContextKey) != "outer" {
			t.Error("the outer context is gone")
		}
	})
	r := request(t, "GET", sign(t, ring, "/x", c))
	chain.ServeHTTP(httptest.NewRecorder(), r.WithContext(contextWith(r, http.ServerContextKey, "outer")))
	if diff := cmp.Diff(middleware.Link{Claims: c, KeyID: "2026a"}, got); !ok || diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheHandlerAllocatesLittle(t *testing.T) {
	if raced {
		t.Skip("with the race detector sync.Pool forgets")
	}
	ring := testRing(t)
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	h := newVerifier(ring, nil).Handler(nothing)
	r := request(t, "GET", sign(t, ring, "/files/kyc/card.jpg", in(time.Hour)))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, r) }); got > 5 {
		t.Errorf("%v allocations over the bare handler, want at most 5", got)
	}
}

// FuzzTarget sends whole targets through a server's request parser. What is
// accepted means the same path and query as one of the links that were signed.
func FuzzTarget(f *testing.F) {
	ring := testRing(f)
	far := middleware.Claims{Expires: time.Unix(4102444800, 0)}
	signed := map[string]bool{}
	for _, target := range []string{"/files/kyc/card.jpg", "/files/my%20card.jpg?w=100&h=200", "/files/a%2Fb?a=1&a=2&b=%2B", "/files/?x"} {
		link := sign(f, ring, target, far)
		path, query, _ := strings.Cut(link, "?")
		signed[meaningOfPath(path)+" ? "+meaningOfQuery(query)] = true
		f.Add(link)
	}
	for _, target := range seeds(f, "target") {
		f.Add(target)
	}
	v := newVerifier(ring, nil)
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n")))
		if err != nil {
			return
		}
		c, err := v.Verify(r)
		if e := v.Explain(r); middleware.Reason(e.Err) != middleware.Reason(err) {
			t.Errorf("%q: the short way says %v, the general way %v", target, err, e.Err)
		}
		if err != nil {
			return
		}
		if meaning := meaningOfPath(r.URL.EscapedPath()) + " ? " + meaningOfQuery(r.URL.RawQuery); !signed[meaning] {
			t.Errorf("%q is accepted with claims %+v and means %s", target, c, meaning)
		}
	})
}

// FuzzSign signs what it can. What Sign made verifies, also after it was parsed
// and printed again, and no changed byte does, unless it means the same.
func FuzzSign(f *testing.F) {
	f.Add("kyc/card.jpg", "w=100", uint16(3), byte(1))
	f.Add("my card+é%2F;?#.jpg", "a=1&a=2&b=%2B", uint16(70), byte(0x20))
	f.Add("a/b\\c", "", uint16(0), byte(0xFF))
	f.Add("/", "0", uint16(203), byte(7))
	ring := testRing(f)
	b, err := middleware.NewURLBuilder("https://cdn.example.com/files/", ring)
	if err != nil {
		f.Fatal(err)
	}
	v := newVerifier(ring, nil)
	far := middleware.Claims{Expires: time.Unix(4102444800, 0)}
	f.Fuzz(func(t *testing.T, name, query string, at uint16, change byte) {
		u, err := b.URL(name, far)
		if err != nil {
			return
		}
		if query != "" {
			plain := *u
			plain.RawQuery = query
			if u, err = ring.Sign(&plain, far); err != nil {
				return
			}
		}
		again, err := url.Parse(u.String())
		if err != nil || again.String() != u.String() {
			t.Fatalf("%s is printed as %v: %v", u, again, err)
		}
		if got := strings.TrimPrefix(again.Path, "/files/"); got != name && name != "/" { // "/" is the base
			t.Errorf("the name %q became %q", name, got)
		}
		target := u.RequestURI()
		if _, err := v.Verify(request(t, "GET", target)); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		if change == 0 {
			return
		}
		mangled := []byte(target)
		mangled[int(at)%len(mangled)] ^= change
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(append([]byte("GET "), mangled...), " HTTP/1.1\r\nHost: x\r\n\r\n"...))))
		if err != nil {
			return
		}
		if _, err := v.Verify(r); err == nil &&
			(meaningOfPath(r.URL.EscapedPath()) != meaningOfPath(u.EscapedPath()) || meaningOfQuery(r.URL.RawQuery) != meaningOfQuery(u.RawQuery)) {
			t.Errorf("%q is accepted for %q", mangled, target)
		}
	})
}
