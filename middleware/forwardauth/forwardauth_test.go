package forwardauth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/forwardauth"
	"example.com/signedurl/middleware/memstore"
)

const (
	host   = "files.example.com"
	client = "192.0.2.7"
	proxy  = "127.0.0.1/32"
)

var soon = middleware.Claims{Expires: time.Now().Add(time.Hour).Truncate(time.Second)}

func keyring(t testing.TB) *middleware.Keyring {
	t.Helper()
	key, err := middleware.NewHMACKey("2026a", []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := middleware.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sign(t testing.TB, target string, c middleware.Claims) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	if u, err = keyring(t).Sign(u, c); err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func claims(change func(c *middleware.Claims)) middleware.Claims {
	c := soon
	change(&c)
	return c
}

// start serves the check for a profile on a socket, and returns its address.
func start(t testing.TB, p forwardauth.Profile, verify middleware.Options, opts forwardauth.Options) *httptest.Server {
	t.Helper()
	v, err := middleware.NewVerifier(keyring(t), &verify)
	if err != nil {
		t.Fatal(err)
	}
	if opts.TrustedProxies == nil && !opts.InsecureTrustUnixSocket {
		opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(proxy)}
	}
	h, err := forwardauth.New(v, p, &opts)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// original is a request as a proxy got it.
type original struct{ method, target, host, client string }

// ask returns the request with which a proxy of a profile asks, byte for byte.
// More are further lines of its header, as the client sent them.
func ask(p forwardauth.Profile, o original, more ...string) string {
	line := "GET /verify HTTP/1.1\r\nHost: check\r\n"
	switch p {
	case forwardauth.NGINX:
		line += fmt.Sprintf("X-Original-Method: %s\r\nX-Original-URI: %s\r\nX-Original-Host: %s\r\n", o.method, o.target, o.host)
	case forwardauth.Envoy:
		line = fmt.Sprintf("%s /verify%s HTTP/1.1\r\nHost: %s\r\n", o.method, o.target, o.host)
	default:
		line += fmt.Sprintf("X-Forwarded-Method: %s\r\nX-Forwarded-Uri: %s\r\nX-Forwarded-Host: %s\r\n", o.method, o.target, o.host)
	}
	line += "X-Forwarded-For: " + o.client + "\r\n"
	for _, m := range more {
		line += m + "\r\n"
	}
	return line + "Connection: close\r\n\r\n"
}

func send(t testing.TB, network, address, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	if got := resp.Header.Get("Cache-Control"); got != "no-store" && resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the check is Cache-Control: %q", got)
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "X-Accel") || name == "X-Sendfile" {
			t.Errorf("the check has %s", name)
		}
	}
	return resp
}

var everyProfile = []forwardauth.Profile{forwardauth.NGINX, forwardauth.Caddy, forwardauth.Traefik, forwardauth.Envoy}

func prefix(p forwardauth.Profile) forwardauth.Options {
	if p == forwardauth.Envoy {
		return forwardauth.Options{PathPrefix: "/verify"}
	}
	return forwardauth.Options{}
}

func TestEachProfileHearsWhetherARequestMayPass(t *testing.T) {
	revoked := memstore.NewRevocations(nil)
	revoked.Revoke("gone", time.Time{})
	good := sign(t, "/files/card.jpg", soon)
	for _, p := range everyProfile {
		t.Run(p.String(), func(t *testing.T) {
			s := start(t, p, middleware.Options{
				Revocations: revoked, Uses: memstore.NewUses(nil), ExpiredStatus: 410,
			}, prefix(p))
			verify := func(method, target string) int {
				t.Helper()
				return send(t, "tcp", s.Listener.Addr().String(), ask(p, original{method, target, host, client})).StatusCode
			}
			passes := 200
			if p == forwardauth.NGINX {
				passes = 204
			}
			over := func(status int) int {
				if p == forwardauth.NGINX {
					return 401
				}
				return status
			}
			for _, test := range []struct {
				name, method, target string
				want                 int
			}{
				{"a link", "GET", good, passes},
				{"HEAD", "HEAD", good, passes},
				{"another method", "DELETE", good, 403},
				{"a method that the link grants", "DELETE", sign(t, "/files/a", claims(func(c *middleware.Claims) { c.Methods = []string{"DELETE"} })), passes},
				{"no link", "GET", "/files/card.jpg", 403},
				{"an altered link", "GET", good + "x", 403},
				{"another file", "GET", strings.Replace(good, "card", "cara", 1), 403},
				{"an expired link", "GET", sign(t, "/files/card.jpg", middleware.Claims{Expires: time.Now().Add(-time.Hour)}), over(410)},
				{"a link of tomorrow", "GET", sign(t, "/files/a", claims(func(c *middleware.Claims) { c.NotBefore = time.Now().Add(time.Minute) })), over(404)},
				{"a revoked link", "GET", sign(t, "/files/a", claims(func(c *middleware.Claims) { c.ID = "gone" })), over(404)},
				{"for this client", "GET", sign(t, "/files/a", claims(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix(client + "/32")} })), passes},
				{"for the proxy", "GET", sign(t, "/files/a", claims(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix(proxy)} })), 403},
				{"for this host", "GET", sign(t, "/files/a", claims(func(c *middleware.Claims) { c.Host = host })), passes},
				{"for another host", "GET", sign(t, "/files/a", claims(func(c *middleware.Claims) { c.Host = "check" })), 403},
				{"below a subtree", "GET", "/files/a/b?" + query(sign(t, "/files/a/", claims(func(c *middleware.Claims) { c.Under = "/files/a/" }))), passes},
				{"outside a subtree", "GET", "/files/b?" + query(sign(t, "/files/a/", claims(func(c *middleware.Claims) { c.Under = "/files/a/" }))), 403},
				{"an upload", "PUT", sign(t, "/files/a", claims(func(c *middleware.Claims) {
					c.Methods, c.Upload.MaxBytes = []string{"PUT"}, 10
				})), 403},
			} {
				if got := verify(test.method, test.target); got != test.want {
					t.Errorf("%s: %d, want %d", test.name, got, test.want)
				}
			}
			once := sign(t, "/files/a", claims(func(c *middleware.Claims) { c.ID, c.Uses = "once"+p.String(), 1 }))
			if got := [...]int{verify("HEAD", once), verify("GET", once), verify("GET", once)}; got != [...]int{passes, passes, over(404)} {
				t.Errorf("a link with one use: %v", got)
			}
		})
	}
}

func query(link string) string {
	_, q, _ := strings.Cut(link, "?")
	return q
}

func TestTheProxyLearnsWhatTheReplyShouldHave(t *testing.T) {
	named := sign(t, "/files/a", claims(func(c *middleware.Claims) { c.DownloadName = "report.pdf" }))
	typed := sign(t, "/files/a", claims(func(c *middleware.Claims) { c.ContentType = "application/pdf" }))
	for _, p := range everyProfile {
		opts := prefix(p)
		some := start(t, p, middleware.Options{}, opts)
		opts.SetsReplyHeaders = true
		all := start(t, p, middleware.Options{}, opts)
		for _, test := range []struct {
			link   string
			server *httptest.Server
			passes bool
			want   map[string]string
		}{
			{named, some, p == forwardauth.NGINX, map[string]string{"X-Signed-Content-Disposition": `attachment; filename="report.pdf"`}},
			{named, all, true, map[string]string{"X-Signed-Content-Disposition": `attachment; filename="report.pdf"`}},
			{typed, some, false, nil},
			{typed, all, true, map[string]string{"X-Signed-Content-Type": "application/pdf"}},
		} {
			resp := sendTo(t, test.server, ask(p, original{"GET", test.link, host, client}))
			if got := resp.StatusCode/100 == 2; got != test.passes {
				t.Errorf("%v: %s: %d", p, test.link, resp.StatusCode)
			}
			if !test.passes {
				continue
			}
			if c := resp.Header.Get("X-Signed-Cache-Control"); !strings.HasPrefix(c, "private, max-age=3") || resp.Header.Get("X-Signed-Referrer-Policy") != "no-referrer" {
				t.Errorf("%v: %v", p, resp.Header)
			}
			for name, want := range test.want {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%v: %s: %q, want %q", p, name, got, want)
				}
			}
		}
	}
}

// What a proxy would serve for each of these is not, or may not be, what its
// target says.
func TestTargetsThatServersReadDifferentlyAreRefused(t *testing.T) {
	under := query(sign(t, "/files/a/", claims(func(c *middleware.Claims) { c.Under = "/files/a/" })))
	all := query(sign(t, "/", claims(func(c *middleware.Claims) { c.Under = "/" })))
	for _, p := range everyProfile {
		s := start(t, p, middleware.Options{}, prefix(p))
		for _, target := range []string{
			"/files/a/../b?" + under, "/files/a/%2e%2e/b?" + under, "/files/a/%2E./b?" + under, "/files/a/..%2fb?" + under,
			"/files/a/..%5Cb?" + under, "/files/a/b%2Fc?" + under, "/files/a/b%2fc?" + under, "/files/a//b?" + under,
			"//files/a/b?" + under, "/files/a/./b?" + under, "/files/a/b/..?" + under, "/files/a/..;/b?" + under, "/files/a/b;c/?" + under,
			`/files/a/b\c?` + under, "/files/a/b#/../../c?" + under, "/files/a/b%00?" + under, "/files/a/b%0a?" + under,
			"/files/a/b%?" + under, "/files/a/b%zz?" + under, "/files/a/\xff?" + under, "/files/a/é?" + under, "/files/a/b|c?" + under,
			"/files/a/{b}?" + under, "/files/a/b[1]?" + under, "/files/a/b^?" + under, "/files/a/b`?" + under, `/files/a/"b"?` + under,
			"/files/a/<b>?" + under, "/files/a/b?" + under + "#x", "/files/a/b?" + under + "&", "/files/a/b?" + under + "&" + under,
			"/files/a/b??" + under, "/files/a/b?x=1&" + under, "http://files.example.com/files/a/b?" + under, "files/a/b?" + under,
			"//evil.example/files/a/b?" + all, "/?" + under, "*", "", "?" + all,
		} {
			if p == forwardauth.Envoy && (target == "" || strings.Contains(target, " ")) {
				continue
			}
			resp := send(t, "tcp", s.Listener.Addr().String(), ask(p, original{"GET", target, host, client}))
			if resp.StatusCode != 403 && resp.StatusCode != 400 {
				t.Errorf("%v: %q: %d", p, target, resp.StatusCode)
			}
		}
		for _, target := range []string{"/files/a/b%20c?" + under, "/files/a/%C3%A9?" + under, "/files/a/b:c@d!$&'()*+,=?" + under, "/files/a/b%3Fc?" + under, "/files/a/b%23c?" + under} {
			resp := send(t, "tcp", s.Listener.Addr().String(), ask(p, original{"GET", target, host, client}))
			if resp.StatusCode/100 != 2 {
				t.Errorf("%v: %q: %d, and it means one thing only", p, target, resp.StatusCode)
			}
		}
	}
}

func TestOnlyTheFieldsOfTheProfileCount(t *testing.T) {
	good, other := sign(t, "/files/card.jpg", soon), "/files/other.jpg"
	for _, p := range everyProfile {
		var reported error
		opts := prefix(p)
		opts.Error = func(r *http.Request, err error) { reported = err }
		s := start(t, p, middleware.Options{}, opts)
		// A client adds the fields of all profiles, in spellings that some
		// servers take for the same: what is asked about stays the same.
		for _, field := range []string{
			"X_Original_URI: " + good, "X_Forwarded_Uri: " + good, "X-Original-URL: " + good, "X-Rewrite-URL: " + good,
			"Forwarded: for=" + client + ";host=" + host, "X-HTTP-Method-Override: GET", "X-Real-IP: 10.0.0.1", "X-Original-Path: " + good,
		} {
			resp := send(t, "tcp", s.Listener.Addr().String(), ask(p, original{"GET", other, host, client}, field))
			if resp.StatusCode != 403 {
				t.Errorf("%v with %.20s: %d", p, field, resp.StatusCode)
			}
		}
		// A field that is there twice is one of the client's.
		twice := []string{"X-Forwarded-For: 10.0.0.1"}
		switch p {
		case forwardauth.NGINX:
			twice = append(twice, "X-Original-URI: "+good, "x-original-uri: "+good, "X-Original-Method: GET", "X-Original-Host: "+host)
		case forwardauth.Caddy, forwardauth.Traefik:
			twice = append(twice, "X-Forwarded-Uri: "+good, "x-forwarded-uri: "+good, "X-Forwarded-Method: GET", "X-Forwarded-Host: "+host)
		}
		for _, field := range twice {
			reported = nil
			resp := send(t, "tcp", s.Listener.Addr().String(), ask(p, original{"GET", good, host, client}, field))
			if resp.StatusCode != 403 || reported == nil {
				t.Errorf("%v with a second %.20s: %d, reported %v", p, field, resp.StatusCode, reported)
			}
		}
		// And each must be there.
		whole := ask(p, original{"GET", good, host, client})
		for _, line := range strings.Split(whole, "\r\n") {
			name, _, ok := strings.Cut(line, ": ")
			if !ok || !strings.HasPrefix(name, "X-") {
				continue
			}
			for _, request := range []string{strings.Replace(whole, line+"\r\n", "", 1), strings.Replace(whole, line, name+":", 1)} {
				if resp := send(t, "tcp", s.Listener.Addr().String(), request); resp.StatusCode != 403 {
					t.Errorf("%v without %s: %d", p, name, resp.StatusCode)
				}
			}
		}
		for _, clients := range []string{"unknown", "10.0.0.1,", "unix:", "_hidden", "1.2.3"} {
			if resp := send(t, "tcp", s.Listener.Addr().String(), ask(p, original{"GET", good, host, clients})); resp.StatusCode != 403 {
				t.Errorf("%v for the client %q: %d", p, clients, resp.StatusCode)
			}
		}
	}
}

func TestTheClientIsThePeerOfTheLastProxy(t *testing.T) {
	link := sign(t, "/files/a", claims(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix(client + "/32")} }))
	for _, p := range everyProfile {
		one := start(t, p, middleware.Options{}, prefix(p))
		two := start(t, p, middleware.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, prefix(p))
		for _, test := range []struct {
			clients  string
			one, two bool
		}{
			{client, true, true},
			{"203.0.113.1, " + client, true, true},
			{client + ", 203.0.113.1", false, false},
			{client + ", 10.0.0.1", false, true},
			{client + ",\t10.0.0.1", false, true},
			{client + ", 203.0.113.1, 10.0.0.1", false, false},
			{"10.0.0.1", false, false},
		} {
			for _, s := range []struct {
				*httptest.Server
				want bool
			}{{one, test.one}, {two, test.two}} {
				resp := send(t, "tcp", s.Listener.Addr().String(), ask(p, original{"GET", link, host, test.clients}))
				if got := resp.StatusCode/100 == 2; got != s.want {
					t.Errorf("%v for %q: %d", p, test.clients, resp.StatusCode)
				}
			}
		}
	}
}

// As https://github.com/envoyproxy/envoy/issues/21519 describes.
func TestEnvoyAppendsItself(t *testing.T) {
	link := sign(t, "/files/a", claims(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix(client + "/32")} }))
	s := start(t, forwardauth.Envoy, middleware.Options{}, forwardauth.Options{
		PathPrefix: "/verify", TrustedProxies: []netip.Prefix{netip.MustParsePrefix(proxy), netip.MustParsePrefix("10.0.0.0/8")},
	})
	for clients, want := range map[string]int{
		client + ",10.0.0.9": 200, client: 200, client + ", 10.0.0.9, 127.0.0.1": 200,
		"10.0.0.9": 403, "127.0.0.1, 10.0.0.9": 403, client + ",203.0.113.1,10.0.0.9": 403, client + ",x,10.0.0.9": 403,
	} {
		if resp := sendTo(t, s, ask(forwardauth.Envoy, original{"GET", link, host, clients})); resp.StatusCode != want {
			t.Errorf("%q: %d, want %d", clients, resp.StatusCode, want)
		}
	}
}

func TestStrangersMayNotAsk(t *testing.T) {
	good := sign(t, "/files/card.jpg", soon)
	request := ask(forwardauth.NGINX, original{"GET", good, host, client})
	s := start(t, forwardauth.NGINX, middleware.Options{}, forwardauth.Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Error: func(r *http.Request, err error) {
			if strings.Contains(err.Error(), "signature") {
				t.Errorf("the error quotes a link: %v", err)
			}
		},
	})
	if resp := send(t, "tcp", s.Listener.Addr().String(), request); resp.StatusCode != 403 {
		t.Errorf("a stranger: %d", resp.StatusCode)
	}

	v, err := middleware.NewVerifier(keyring(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "check")
	for _, trust := range []bool{false, true} {
		h, err := forwardauth.New(v, forwardauth.NGINX, &forwardauth.Options{
			InsecureTrustUnixSocket: trust, TrustedProxies: []netip.Prefix{netip.MustParsePrefix(proxy)},
		})
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("unix", socket)
		if err != nil {
			t.Skip(err)
		}
		server := &http.Server{Handler: h}
		go server.Serve(ln)
		want := 403
		if trust {
			want = 204
		}
		if resp := send(t, "unix", socket, request); resp.StatusCode != want {
			t.Errorf("on a Unix socket, trusted %t: %d", trust, resp.StatusCode)
		}
		server.Close()
	}
}

// A reply of the verifier that is a success, and not of an accepted request, must
// not become one of the check.
func TestARefusalNeverPasses(t *testing.T) {
	for _, p := range everyProfile {
		for _, status := range []int{200, 204, 206, 302, 404, 410, 429, 500} {
			s := start(t, p, middleware.Options{Deny: func(w http.ResponseWriter, r *http.Request, err error) {
				w.Header().Set("X-Accel-Redirect", "/protected/secret")
				w.Header().Set("X-Signed-Cache-Control", "public")
				w.Header().Set("Location", "/login")
				w.WriteHeader(status)
				io.WriteString(w, "words")
			}}, prefix(p))
			resp := sendTo(t, s, ask(p, original{"GET", "/files/card.jpg", host, client}))
			if resp.StatusCode/100 == 2 || resp.Header.Get("X-Accel-Redirect") != "" || resp.Header.Get("X-Signed-Cache-Control") != "" {
				t.Errorf("%v: %d becomes %d with %v", p, status, resp.StatusCode, resp.Header)
			}
			if p == forwardauth.NGINX && resp.StatusCode != 403 && resp.StatusCode != 401 && resp.StatusCode != 503 {
				t.Errorf("%v: %d", p, resp.StatusCode)
			}
			if p != forwardauth.NGINX && status >= 300 {
				if body, _ := io.ReadAll(resp.Body); resp.StatusCode != status || string(body) != "words" {
					t.Errorf("%v: %d becomes %d with %q", p, status, resp.StatusCode, body)
				}
			}
		}
	}
}

func sendTo(t *testing.T, s *httptest.Server, request string) *http.Response {
	return send(t, "tcp", s.Listener.Addr().String(), request)
}

type down struct{}

func (down) Revoked(context.Context, string) (bool, error) { return false, errors.New("down") }

func TestAStoreThatIsDownIs503(t *testing.T) {
	link := sign(t, "/files/a", claims(func(c *middleware.Claims) { c.ID = "x" }))
	for _, p := range everyProfile {
		s := start(t, p, middleware.Options{Revocations: down{}}, prefix(p))
		if resp := sendTo(t, s, ask(p, original{"GET", link, host, client})); resp.StatusCode != 503 {
			t.Errorf("%v: %d", p, resp.StatusCode)
		}
	}
}

func TestReportOnlyPasses(t *testing.T) {
	s := start(t, forwardauth.NGINX, middleware.Options{InsecureReportOnly: true}, forwardauth.Options{})
	resp := sendTo(t, s, ask(forwardauth.NGINX, original{"GET", "/files/card.jpg", host, client}))
	if resp.StatusCode != 204 || resp.Header.Get("X-Signed-Cache-Control") != "no-store" {
		t.Errorf("%d, %v", resp.StatusCode, resp.Header)
	}
}

// A verifier that is shared with a handler of uploads lets their links through.
func TestUploadsNeverPass(t *testing.T) {
	uses := memstore.NewUses(nil)
	link := sign(t, "/files/a", claims(func(c *middleware.Claims) {
		c.Methods, c.Upload.MaxBytes, c.ID, c.Uses = []string{"GET", "PUT"}, 10, "up", 1
	}))
	s := start(t, forwardauth.Caddy, middleware.Options{EnforcesUploads: true, Uses: uses}, forwardauth.Options{})
	for range 2 {
		if resp := sendTo(t, s, ask(forwardauth.Caddy, original{"GET", link, host, client})); resp.StatusCode != 403 {
			t.Errorf("%d, and the second time the use is still there", resp.StatusCode)
		}
	}
}

func TestANarrowedLinkIsHeldToItsSteps(t *testing.T) {
	s := start(t, forwardauth.Caddy, middleware.Options{EnforcesUploads: true}, forwardauth.Options{})
	tree := claims(func(c *middleware.Claims) { c.Under, c.Methods = "/files/", []string{"GET", "PUT"} })
	for name, test := range map[string]struct {
		step         middleware.Claims
		method, path string
		client       string
		status       int
	}{
		"one file":        {middleware.Claims{Only: "/files/a"}, "GET", "/files/a", client, 200},
		"another file":    {middleware.Claims{Only: "/files/a"}, "GET", "/files/b", client, 403},
		"a method":        {middleware.Claims{Methods: []string{"GET"}}, "PUT", "/files/a", client, 403},
		"another host":    {middleware.Claims{Host: "b.example"}, "GET", "/files/a", client, 403},
		"a network":       {middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, "GET", "/files/a", client, 200},
		"another network": {middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, "GET", "/files/a", "198.51.100.7", 403},
		"expired":         {middleware.Claims{Expires: time.Unix(1, 0)}, "GET", "/files/a", client, 404},
		// No proxy holds the body against these.
		"a size": {middleware.Claims{Upload: middleware.Upload{MaxBytes: 9}}, "PUT", "/files/a", client, 403},
		"a type": {middleware.Claims{Upload: middleware.Upload{Accept: []string{"image/png"}}}, "PUT", "/files/a", client, 403},
	} {
		u, err := url.Parse(sign(t, "/files/a", tree))
		if err == nil {
			u, err = middleware.Narrow(u, test.step)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := send(t, "tcp", s.Listener.Addr().String(), ask(forwardauth.Caddy, original{test.method, test.path + "?" + u.RawQuery, host, test.client}))
		if got.StatusCode != test.status {
			t.Errorf("%s: %d, want %d", name, got.StatusCode, test.status)
		}
		if test.status == 200 && got.Header.Get("X-Signed-Cache-Control") == "" {
			t.Errorf("%s: the proxy does not learn how long the reply is fresh", name)
		}
	}
}

func TestWhatIsWrongWithTheOptions(t *testing.T) {
	v, err := middleware.NewVerifier(keyring(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	trusted := []netip.Prefix{netip.MustParsePrefix(proxy)}
	for _, test := range []struct {
		name    string
		profile forwardauth.Profile
		opts    *forwardauth.Options
	}{
		{"nil", forwardauth.NGINX, nil},
		{"nobody is trusted", forwardauth.NGINX, &forwardauth.Options{}},
		{"an empty list", forwardauth.NGINX, &forwardauth.Options{TrustedProxies: []netip.Prefix{}}},
		{"an invalid network", forwardauth.NGINX, &forwardauth.Options{TrustedProxies: make([]netip.Prefix, 1)}},
		{"no profile", 0, &forwardauth.Options{TrustedProxies: trusted}},
		{"an unknown profile", 99, &forwardauth.Options{TrustedProxies: trusted}},
		{"a path prefix for nginx", forwardauth.NGINX, &forwardauth.Options{TrustedProxies: trusted, PathPrefix: "/verify"}},
		{"a path prefix with a slash", forwardauth.Envoy, &forwardauth.Options{TrustedProxies: trusted, PathPrefix: "/verify/"}},
	} {
		if _, err := forwardauth.New(v, test.profile, test.opts); err == nil {
			t.Errorf("%s: no error", test.name)
		}
	}
	for _, p := range everyProfile {
		if q, err := forwardauth.ParseProfile(p.String()); err != nil || q != p {
			t.Errorf("%v: %v, %v", p, q, err)
		}
	}
	if _, err := forwardauth.ParseProfile("none"); err == nil {
		t.Error("a profile of no name")
	}
}

// A check has no page: a link that a person is to confirm does not pass, and keeps its
// use.
func TestLinksThatAPersonConfirmsDoNotPass(t *testing.T) {
	for _, p := range everyProfile {
		uses := memstore.NewUses(nil)
		s := start(t, p, middleware.Options{Confirm: true, Uses: uses}, prefix(p))
		link := sign(t, "/files/a", claims(func(c *middleware.Claims) { c.ID, c.Uses = "once", 1 }))
		for _, method := range []string{"GET", "HEAD", "POST"} {
			resp := sendTo(t, s, ask(p, original{method, link, host, client}))
			if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 403 || strings.Contains(string(body), "<form") {
				t.Errorf("%v: %s: %d with %q", p, method, resp.StatusCode, body)
			}
		}
		if uses.Len() != 0 {
			t.Errorf("%v: a use was taken", p)
		}
	}
}

// anyLink takes every request for one with a link, as some other format might.
type anyLink struct{ middleware.Format }

func (anyLink) Authenticate(middleware.Request) (middleware.Link, error) {
	return middleware.Link{Claims: soon}, nil
}

// Other systems sign paths that proxies change.
func TestNoFormatOpensWhatProxiesChange(t *testing.T) {
	v, err := middleware.NewVerifier(anyLink{keyring(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := forwardauth.New(v, forwardauth.Traefik, &forwardauth.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix(proxy)}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	defer s.Close()
	for target, want := range map[string]int{
		"/bucket/a": 200, "/bucket//a": 403, "//bucket/a": 403, "/bucket/a//": 403, "/bucket/a?x=//": 200, "/bucket/a%2Fb": 403, "/bucket/../a": 403, "/bucket/a#b": 403,
	} {
		if resp := sendTo(t, s, ask(forwardauth.Traefik, original{"GET", target, host, client})); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", target, resp.StatusCode, want)
		}
	}
}
