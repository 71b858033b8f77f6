package middleware_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
)

// held are the fields of a reply that a link has a say in.
var held = []string{"Cache-Control", "Content-Disposition", "Content-Type", "Expires", "Referrer-Policy"}

// asked returns the reply to a link that asks for a name and a type, from a
// handler of the test or from a proxy to it.
func asked(t *testing.T, proxied bool, h http.HandlerFunc) *http.Response {
	t.Helper()
	next := http.Handler(h)
	if proxied {
		backend := httptest.NewServer(h)
		t.Cleanup(backend.Close)
		to, err := url.Parse(backend.URL)
		if err != nil {
			t.Fatal(err)
		}
		next = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	}
	ring := testRing(t)
	server := httptest.NewServer(newVerifier(ring, nil).Handler(next))
	t.Cleanup(server.Close)
	link := sign(t, ring, "/card.pdf", middleware.Claims{Expires: time.Unix(4102444800, 0), DownloadName: "card.pdf", ContentType: "application/pdf"})
	res, _ := raw(t, server.Listener.Addr().String(), "GET", link)
	return res
}

func TestAReplyThatIsNotTheFile(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 400, 401, 404, 410, 416, 429, 500, 502, 503} {
		for _, proxied := range []bool{false, true} {
			res := asked(t, proxied, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Expires", "Fri, 01 Jan 2100 00:00:00 GMT")
				w.WriteHeader(status)
			})
			want := http.Header{"Cache-Control": {"no-store"}, "Content-Type": {"text/html"}, "Referrer-Policy": {"no-referrer"}}
			got := http.Header{}
			for _, name := range held {
				if v := res.Header.Values(name); v != nil {
					got[name] = v
				}
			}
			if diff := cmp.Diff(want, got); res.StatusCode != status || diff != "" {
				t.Errorf("%d, proxied %v (-want +got):\n%s", res.StatusCode, proxied, diff)
			}
		}
	}
}

func TestABackendThatIsDown(t *testing.T) {
	closed := httptest.NewServer(nil)
	to, _ := url.Parse(closed.URL)
	closed.Close()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	ring := testRing(t)
	server := httptest.NewServer(newVerifier(ring, nil).Handler(proxy))
	defer server.Close()
	res, _ := raw(t, server.Listener.Addr().String(), "GET", sign(t, ring, "/x", middleware.Claims{Expires: time.Unix(4102444800, 0), DownloadName: "card.pdf"}))
	if res.StatusCode != 502 || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Content-Disposition") != "" {
		t.Errorf("%d, %v", res.StatusCode, res.Header)
	}
}

// Where a handler and the link disagree about caching, the stricter one wins.
func TestTheStricterCachingRuleWins(t *testing.T) {
	const year = "private, max-age=31536000"
	for _, test := range []struct{ name, handler, want string }{
		{"the handler says nothing", "", year},
		{"a backend's no-store", "no-store", "no-store"},
		{"a backend's no-store among others", "public, No-Store, max-age=60", "no-store"},
		{"a shorter life", "max-age=60", "private, max-age=60"},
		{"a shorter life in quotes", `max-age="60"`, "private, max-age=60"},
		{"a longer life in a shared cache", "public, max-age=99999999, s-maxage=99999999, immutable", year},
		{"no life at all", "max-age=0", "private, max-age=0"},
		{"a life that is no number", "max-age=soon", "private, max-age=0"},
		{"a negative life", "max-age=-1", "private, max-age=0"},
		{"validation", "no-cache", year + ", no-cache"},
		{"validation when stale", "max-age=5, must-revalidate", "private, max-age=5, must-revalidate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, proxied := range []bool{false, true} {
				res := asked(t, proxied, func(w http.ResponseWriter, r *http.Request) {
					if test.handler != "" {
						w.Header().Set("Cache-Control", test.handler)
					}
					io.WriteString(w, "the file")
				})
				if diff := cmp.Diff([]string{test.want}, res.Header.Values("Cache-Control")); diff != "" {
					t.Errorf("proxied %v (-want +got):\n%s", proxied, diff)
				}
			}
		})
	}
}

// What shared caches follow in place of Cache-Control does not reach them.
func TestNoCacheIsToldOtherwise(t *testing.T) {
	names := []string{"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"}
	for _, status := range []int{200, 206, 304, 404} {
		for _, proxied := range []bool{false, true} {
			res := asked(t, proxied, func(w http.ResponseWriter, r *http.Request) {
				for _, name := range names {
					w.Header().Set(name, "max-age=99999999")
				}
				w.WriteHeader(status)
			})
			for _, name := range names {
				if v := res.Header.Values(name); v != nil {
					t.Errorf("%d, proxied %v: %s: %q", status, proxied, name, v)
				}
			}
		}
	}
}

// Whichever way a handler begins its reply, it is held to the link.
func TestEveryWayToBeginAReply(t *testing.T) {
	for name, begin := range map[string]func(w http.ResponseWriter){
		"nothing at all":     func(w http.ResponseWriter) {},
		"Write":              func(w http.ResponseWriter) { w.Write([]byte("x")) },
		"WriteString":        func(w http.ResponseWriter) { io.WriteString(w, "x") },
		"ReadFrom":           func(w http.ResponseWriter) { io.Copy(w, strings.NewReader("x")) },
		"WriteHeader":        func(w http.ResponseWriter) { w.WriteHeader(http.StatusOK) },
		"Flusher":            func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"ResponseController": func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			res := asked(t, false, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", "public, max-age=99999999")
				begin(w)
			})
			if got := res.Header.Get("Cache-Control"); res.StatusCode != 200 || got != "private, max-age=31536000" {
				t.Errorf("%d, Cache-Control %q", res.StatusCode, got)
			}
		})
	}
}

func TestAHandlerMayTakeOverTheConnection(t *testing.T) {
	ring := testRing(t)
	server := httptest.NewServer(newVerifier(ring, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
	})))
	defer server.Close()
	res, _ := raw(t, server.Listener.Addr().String(), "GET", sign(t, ring, "/x", in(time.Hour)))
	if res.StatusCode != 101 {
		t.Errorf("status %d", res.StatusCode)
	}
}

// kernelWriter sees whether a file reaches the connection as a file, which is
// what lets net/http have the kernel send it.
type kernelWriter struct {
	http.ResponseWriter
	file bool
}

func (w *kernelWriter) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		_, w.file = limited.R.(*os.File)
	}
	return io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
}

func TestAFileReachesTheConnectionAsAFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "film.mp4"), bytes.Repeat([]byte("x"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	ring := testRing(t)
	h := newVerifier(ring, nil).Handler(http.FileServer(http.Dir(dir)))
	w := &kernelWriter{ResponseWriter: httptest.NewRecorder()}
	h.ServeHTTP(w, request(t, "GET", sign(t, ring, "/film.mp4", in(time.Hour))))
	if !w.file {
		t.Error("the file is copied through memory")
	}
}

// A forwarder that trusts r.URL.Host must not be led elsewhere.
func TestTheNextHandlerSeesNoSchemeAndHost(t *testing.T) {
	ring := testRing(t)
	link := sign(t, ring, "/x", in(time.Hour))
	var target, line string
	h := newVerifier(ring, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target, line = r.URL.String(), r.RequestURI
	}))
	r := httptest.NewRequest("GET", "https://cdn.example.com"+link, nil)
	before := *r.URL
	h.ServeHTTP(httptest.NewRecorder(), r)
	if target != link || line != link {
		t.Errorf("the next handler sees %q and %q, want %q", target, line, link)
	}
	if *r.URL != before || !strings.HasPrefix(r.RequestURI, "https://") {
		t.Errorf("the outer handlers' request has changed: %v, %q", r.URL, r.RequestURI)
	}
}

func TestEveryUsualSpellingOfAnAddressIsOneClient(t *testing.T) {
	ring := testRing(t)
	four := in(time.Hour)
	four.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.9/32")}
	six := in(time.Hour)
	six.Networks = []netip.Prefix{netip.MustParsePrefix("2001:db8::9/128")}
	v := newVerifier(ring, nil)
	for _, test := range []struct {
		remote string
		claims middleware.Claims
		want   string
	}{
		{"203.0.113.9:1234", four, "ok"},
		{"203.0.113.9", four, "ok"}, // what a real-ip middleware sets
		{"203.0.113.9:0", four, "ok"},
		{"::ffff:203.0.113.9", four, "ok"},
		{"[::ffff:203.0.113.9]:1234", four, "ok"},
		{"[2001:db8::9]:1234", six, "ok"},
		{"[2001:db8::9]", six, "ok"},
		{"2001:db8::9", six, "ok"},
		{"2001:DB8:0::9", six, "ok"},
		{"[2001:db8::9%eth0]:1234", six, "ok"},
		{"203.0.113.8", four, "not_allowed"},
		{"", four, "not_allowed"},
		{"@", four, "not_allowed"},
		{"203.0.113.9:", four, "not_allowed"},
		{"203.0.113.9:http", four, "not_allowed"},
		{"203.0.113.9:65536", four, "not_allowed"},
		{"203.0.113.9:01", four, "not_allowed"},
		{"203.0.113.09", four, "not_allowed"},
		{"203.0.113", four, "not_allowed"},
		{"203.0.113.9.9", four, "not_allowed"},
		{"203.0.113.265", four, "not_allowed"},
		{"[203.0.113.9]:1234", four, "not_allowed"},
		{"[203.0.113.9", four, "not_allowed"},
		{"[2001:db8::9]x:1", six, "not_allowed"},
		{"[2001:db8::9", six, "not_allowed"},
		{" 203.0.113.9", four, "not_allowed"},
		{"files.example.com:443", four, "not_allowed"},
		{"203.0.113.9, 203.0.113.9", four, "not_allowed"},
	} {
		r := request(t, "GET", sign(t, ring, "/x", test.claims))
		r.RemoteAddr = test.remote
		if _, err := v.Verify(r); middleware.Reason(err) != test.want {
			t.Errorf("%q: %v, want %s", test.remote, err, test.want)
		}
	}
}

// A server on a Unix socket sees the client's address in the proxy's header, if
// the operator says that nothing but the proxy can connect.
func TestAProxyOnAUnixSocket(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	link := sign(t, ring, "/x", c)
	for _, trust := range []bool{false, true} {
		socket := filepath.Join(t.TempDir(), "s")
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: newVerifier(ring, &middleware.Options{InsecureTrustUnixSocket: trust}).Handler(private)}
		go server.Serve(l)
		for _, test := range []struct {
			forwarded string
			status    int
		}{{"203.0.113.9", 200}, {"198.51.100.1", 403}, {"203.0.113.9, 198.51.100.1", 403}, {"", 403}} {
			conn, err := net.Dial("unix", socket)
			if err != nil {
				t.Fatal(err)
			}
			header := ""
			if test.forwarded != "" {
				header = "X-Forwarded-For: " + test.forwarded + "\r\n"
			}
			io.WriteString(conn, "GET "+link+" HTTP/1.1\r\nHost: x\r\n"+header+"Connection: close\r\n\r\n")
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
			want := test.status
			if !trust {
				want = 403
			}
			if res.StatusCode != want {
				t.Errorf("trust %v, X-Forwarded-For %q: %d, want %d", trust, test.forwarded, res.StatusCode, want)
			}
		}
		server.Close()
	}
}

// A browser whose clock runs ahead drops a cookie that has Expires alone.
func TestACookieHasMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := testRing(t)
		for _, test := range []struct {
			claims middleware.Claims
			want   int
		}{
			{in(time.Hour), 3600},
			{in(-time.Hour), -1},
			{middleware.Claims{Permanent: true}, 0},
		} {
			test.claims.Under = "/files/"
			cookies, err := ring.SignCookies("signed", test.claims)
			if err != nil {
				t.Fatal(err)
			}
			if got := cookies[0].MaxAge; got != test.want || cookies[0].Expires != test.claims.Expires {
				t.Errorf("Max-Age %d and Expires %v for %+v, want %d", got, cookies[0].Expires, test.claims, test.want)
			}
		}
	})
}

// A PDF that is shown, and saved under its name.
func TestAnInlineName(t *testing.T) {
	ring := testRing(t)
	h := newVerifier(ring, nil).Handler(private)
	for name, want := range map[string]string{
		"invoice.pdf":       `inline; filename="invoice.pdf"`,
		"Rechnung März.pdf": `inline; filename="Rechnung M_rz.pdf"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf`,
	} {
		c := in(time.Hour)
		c.DownloadName, c.Inline = name, true
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t, "GET", sign(t, ring, "/x", c)))
		if got := w.Header().Get("Content-Disposition"); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	c := in(time.Hour)
	c.Inline = true
	if u, err := ring.Sign(&url.URL{Path: "/x"}, c); err == nil {
		t.Errorf("without a name: %v", u)
	}
}

// The page of a handler that recovers from a panic is not the file.
func TestAPanicIsNotTheFile(t *testing.T) {
	ring := testRing(t)
	link := sign(t, ring, "/card.pdf", middleware.Claims{Expires: time.Unix(4102444800, 0), DownloadName: "card.pdf", ContentType: "application/pdf"})
	h := newVerifier(ring, nil).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no file") }))
	w := httptest.NewRecorder()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the outer handler")
			}
			w.WriteHeader(http.StatusInternalServerError)
		}()
		h.ServeHTTP(w, request(t, "GET", link))
	}()
	if diff := cmp.Diff(http.Header{"Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"}}, w.Result().Header); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
