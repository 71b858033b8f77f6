package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

// served is the handler of a file behind a page, and counts how often it ran.
type served struct{ n atomic.Int64 }

func (s *served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.n.Add(1)
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "the content, by %s with %q of %q, Range %q", r.Method, body, r.Header.Get("Content-Type"), r.Header.Get("Range"))
}

const form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9"

// press sends what the button sends.
func press(t testing.TB, addr, link string, header ...string) (*http.Response, string) {
	t.Helper()
	// The last part of the header is followed by an empty line and the body.
	return raw(t, addr, "POST", link, append(header, form+"\r\n\r\nconfirm=1")...)
}

func withUses(n int) func(c *middleware.Claims) {
	return func(c *middleware.Claims) { c.ID, c.Uses = fmt.Sprintf("id-%d", n), n }
}

func limited(n int) middleware.Claims {
	c := in(time.Hour)
	withUses(n)(&c)
	return c
}

func confirming(t testing.TB, opts middleware.Options) (addr string, file *served, store *memstore.Uses) {
	t.Helper()
	file, store = new(served), memstore.NewUses(nil)
	opts.Confirm, opts.Uses = true, store
	s := httptest.NewServer(newVerifier(testRing(t), &opts).Handler(file))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), file, store
}

func TestProgramsThatLookSpendNothing(t *testing.T) {
	addr, file, store := confirming(t, middleware.Options{})
	link := sign(t, testRing(t), "/files/a/card.jpg", limited(1))
	var scanners sync.WaitGroup
	for range 20 {
		scanners.Go(func() {
			for _, request := range [][]string{
				{"GET"}, {"HEAD"}, {"GET", "Range: bytes=0-"}, {"GET", "Sec-Purpose: prefetch;prerender"}, {"GET", "Purpose: prefetch"}, {"GET", "If-None-Match: \"x\""},
			} {
				res, body := raw(t, addr, request[0], link, request[1:]...)
				if res.StatusCode != 200 || strings.Contains(body, "the content") || request[0] == "GET" && !strings.Contains(body, "card.jpg") {
					t.Errorf("%q: %d with %q", request, res.StatusCode, body)
				}
				for name, want := range map[string]string{
					"Cache-Control": "no-store", "Content-Type": "text/html; charset=utf-8", "Referrer-Policy": "same-origin", "X-Content-Type-Options": "nosniff",
				} {
					if got := res.Header.Get(name); got != want {
						t.Errorf("%q: %s: %q", request, name, got)
					}
				}
				if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "form-action 'self'") || !strings.Contains(policy, "default-src 'none'") {
					t.Errorf("%q: %s", request, policy)
				}
			}
		})
	}
	scanners.Wait()
	if file.n.Load() != 0 || store.Len() != 0 {
		t.Errorf("the file was served %d times, and %d counts are held", file.n.Load(), store.Len())
	}
	res, body := press(t, addr, link, "Range: bytes=1-")
	if res.StatusCode != 200 || body != `the content, by GET with "" of "", Range "bytes=1-"` {
		t.Errorf("the button: %d with %q", res.StatusCode, body)
	}
	if got := res.Header.Get("Cache-Control"); !strings.HasPrefix(got, "private, max-age=3") {
		t.Errorf("the file has Cache-Control: %q", got)
	}
	if res, _ := press(t, addr, link); res.StatusCode != 404 {
		t.Errorf("the button, a second time: %d", res.StatusCode)
	}
}

func TestAPersonConfirmsANarrowedLink(t *testing.T) {
	addr, file, _ := confirming(t, middleware.Options{})
	forms := limited(2)
	forms.Methods = []string{"GET", "POST"}
	minute := in(time.Minute)
	for name, link := range map[string]string{
		"for a minute": narrow(t, sign(t, testRing(t), "/files/a/card.jpg", limited(1)), minute),
		// POST had a meaning of its own, until a holder took it away.
		"without POST": narrow(t, sign(t, testRing(t), "/files/a/card.jpg", forms), middleware.Claims{Methods: []string{"GET"}}),
	} {
		served := file.n.Load()
		if res, body := raw(t, addr, "GET", link); res.StatusCode != 200 || strings.Contains(body, "the content") || file.n.Load() != served {
			t.Errorf("%s: %d with %q", name, res.StatusCode, body)
		} else if name == "for a minute" && !strings.Contains(body, "1 minute") && !strings.Contains(body, "59 seconds") {
			t.Errorf("%s: the page does not say how long the narrower link lives: %s", name, body)
		}
		if res, body := press(t, addr, link); res.StatusCode != 200 || !strings.Contains(body, "the content, by GET") {
			t.Errorf("%s: the button: %d with %q", name, res.StatusCode, body)
		}
	}
	// A step that does not permit the GET does not permit the button.
	head := narrow(t, sign(t, testRing(t), "/files/a/card.jpg", limited(3)), middleware.Claims{Methods: []string{"HEAD"}})
	if res, body := raw(t, addr, "HEAD", head); res.StatusCode != 200 || body != "" || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("HEAD by a link that was narrowed to it is not the page: %d, %v", res.StatusCode, res.Header)
	}
	for _, method := range []string{"GET", "POST"} {
		if res, _ := raw(t, addr, method, head, form+"\r\n\r\nconfirm=1"); res.StatusCode != 403 {
			t.Errorf("%s by a link that was narrowed to HEAD: %d", method, res.StatusCode)
		}
	}
}

func TestOneUseIsOneFileHoweverManyPressTheButton(t *testing.T) {
	addr, file, _ := confirming(t, middleware.Options{})
	link := sign(t, testRing(t), "/files/a/card.jpg", limited(1))
	var racers sync.WaitGroup
	for range 100 {
		racers.Go(func() { press(t, addr, link) })
	}
	racers.Wait()
	if n := file.n.Load(); n != 1 {
		t.Errorf("%d of 100 got the file", n)
	}
}

func TestWhatIsNotTheButton(t *testing.T) {
	addr, file, store := confirming(t, middleware.Options{})
	link := sign(t, testRing(t), "/files/a/card.jpg", limited(1))
	expired := limited(1)
	expired.Expires = time.Now().Add(-time.Second)
	for _, test := range []struct{ name, method, link, rest string }{
		{"no body", "POST", link, "Content-Length: 0\r\n\r\n"},
		{"another body", "POST", link, form + "\r\n\r\nconfirm=2"},
		{"a longer one", "POST", link, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nconfirm=1&x"},
		{"a shorter one", "POST", link, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\nconfirm"},
		{"a megabyte", "POST", link, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("confirm=1&", 100)},
		{"of unknown length", "POST", link, "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nconfirm=1\r\n0\r\n\r\n"},
		{"another type", "POST", link, "Content-Type: text/plain\r\nContent-Length: 9\r\n\r\nconfirm=1"},
		{"no type", "POST", link, "Content-Length: 9\r\n\r\nconfirm=1"},
		{"multipart", "POST", link, "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9\r\n\r\nconfirm=1"},
		{"compressed", "POST", link, "Content-Encoding: gzip\r\n" + form + "\r\n\r\nconfirm=1"},
		{"another site, says the browser", "POST", link, "Sec-Fetch-Site: cross-site\r\n" + form + "\r\n\r\nconfirm=1"},
		{"a sibling site", "POST", link, "Sec-Fetch-Site: same-site\r\n" + form + "\r\n\r\nconfirm=1"},
		{"another origin", "POST", link, "Origin: https://evil.example\r\n" + form + "\r\n\r\nconfirm=1"},
		{"no origin", "POST", link, "Origin: null\r\n" + form + "\r\n\r\nconfirm=1"},
		{"PUT", "PUT", link, form + "\r\n\r\nconfirm=1"},
		{"a parameter", "POST", link + "&confirm=1", "Content-Length: 0\r\n\r\n"},
		{"no link", "POST", "/files/a/card.jpg", form + "\r\n\r\nconfirm=1"},
		{"an altered link", "POST", link[:len(link)-2] + "AA", form + "\r\n\r\nconfirm=1"},
		{"an expired link", "POST", sign(t, testRing(t), "/files/a/card.jpg", expired), form + "\r\n\r\nconfirm=1"},
	} {
		res, _ := raw(t, addr, test.method, test.link, test.rest)
		if want := map[bool]int{false: 403, true: 404}[test.name == "an expired link"]; res.StatusCode != want {
			t.Errorf("%s: %d, want %d", test.name, res.StatusCode, want)
		}
	}
	if file.n.Load() != 0 || store.Len() != 0 {
		t.Errorf("the file was served %d times, and %d counts are held", file.n.Load(), store.Len())
	}
	for _, header := range []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none", "Origin: http://files.example.com"} {
		if res, _ := press(t, addr, sign(t, testRing(t), "/files/a", func() middleware.Claims { c := limited(1); c.ID = strings.Fields(header)[1]; return c }()), header); res.StatusCode != 200 {
			t.Errorf("%s: %d", header, res.StatusCode)
		}
	}
}

func TestLinksThatNobodyConfirms(t *testing.T) {
	addr, _, _ := confirming(t, middleware.Options{})
	for _, test := range []struct {
		name, method string
		change       func(c *middleware.Claims)
		want         string
	}{
		{"uses are not limited", "GET", func(c *middleware.Claims) {}, `the content, by GET with "" of "", Range ""`},
		{"the application's POST", "POST", func(c *middleware.Claims) { c.Methods = []string{"GET", "POST"}; withUses(2)(c) }, `the content, by POST with "confirm=1" of "application/x-www-form-urlencoded", Range ""`},
		{"POST alone", "POST", func(c *middleware.Claims) { c.Methods = []string{"POST"}; withUses(3)(c) }, `the content, by POST with "confirm=1" of "application/x-www-form-urlencoded", Range ""`},
		{"another method", "DELETE", func(c *middleware.Claims) { c.Methods = []string{"GET", "DELETE"}; withUses(4)(c) }, `the content, by DELETE with "confirm=1" of "application/x-www-form-urlencoded", Range ""`},
	} {
		c := in(time.Hour)
		test.change(&c)
		request := []string{form + "\r\n\r\nconfirm=1"}
		if test.method == "GET" {
			request = nil
		}
		if res, body := raw(t, addr, test.method, sign(t, testRing(t), "/files/a/card.jpg", c), request...); res.StatusCode != 200 || body != test.want {
			t.Errorf("%s: %d with %q", test.name, res.StatusCode, body)
		}
	}
	// A link that permits no GET is not confirmed.
	c := limited(5)
	c.Methods = []string{"HEAD", "DELETE"}
	if res, _ := press(t, addr, sign(t, testRing(t), "/files/a/card.jpg", c)); res.StatusCode != 403 {
		t.Errorf("a link for HEAD and DELETE: %d", res.StatusCode)
	}
}

// With a window, a download goes on, and a player seeks.
func TestTheButtonOpensTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, file := memstore.NewUses(nil), new(served)
		h := newVerifier(testRing(t), &middleware.Options{Confirm: true, Uses: store, UseWindow: time.Minute}).Handler(file)
		c := middleware.Claims{Expires: time.Now().Add(time.Hour), ID: "x", Uses: 1}
		link := sign(t, testRing(t), "/files/a/film.mp4", c)
		ask := func(method, client string) string {
			r := httptest.NewRequest(method, link, nil)
			if method == "POST" {
				r = httptest.NewRequest(method, link, strings.NewReader("confirm=1"))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			}
			r.RemoteAddr = client + ":1234"
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			switch {
			case w.Code != 200:
				return fmt.Sprint(w.Code)
			case w.Header().Get("Cache-Control") == "no-store":
				return "page"
			}
			return "file"
		}
		for _, step := range []struct{ method, client, want string }{
			{"GET", "192.0.2.1", "page"}, {"HEAD", "192.0.2.1", "page"}, {"POST", "192.0.2.1", "file"},
			{"GET", "192.0.2.1", "file"}, {"GET", "192.0.2.1", "file"}, {"HEAD", "192.0.2.1", "file"}, {"POST", "192.0.2.1", "file"},
			{"GET", "192.0.2.2", "page"}, {"POST", "192.0.2.2", "404"}, {"GET", "192.0.2.2", "page"},
			{"wait", "", ""}, {"GET", "192.0.2.1", "page"}, {"POST", "192.0.2.1", "404"},
		} {
			if step.method == "wait" {
				time.Sleep(time.Minute)
				continue
			}
			if got := ask(step.method, step.client); got != step.want {
				t.Errorf("%s of %s: %s, want %s", step.method, step.client, got, step.want)
			}
		}
	})
}

// A use that gave nothing goes back, unless another request passed in its window.
func TestTheWindowOfTheButtonAndGiveBack(t *testing.T) {
	for _, free := range []bool{false, true} {
		var failing atomic.Bool
		failing.Store(true)
		store := memstore.NewUses(nil)
		h := newVerifier(testRing(t), &middleware.Options{Confirm: true, Uses: store, UseWindow: time.Minute}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if failing.Load() {
				if free { // meanwhile, a range is served for free
					failing.Store(false)
					look := r.Clone(context.Background())
					look.Method = "GET"
					hDefer(look)
				}
				middleware.GiveBack(r.Context())
				http.NotFound(w, r)
			}
		}))
		hDefer = func(r *http.Request) { h.ServeHTTP(httptest.NewRecorder(), r) }
		link := sign(t, testRing(t), "/files/a", middleware.Claims{Expires: time.Now().Add(time.Hour), ID: "x", Uses: 1})
		post := func(client string) int {
			r := httptest.NewRequest("POST", link, strings.NewReader("confirm=1"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.RemoteAddr = client + ":1"
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code
		}
		if code := post("192.0.2.1"); code != 404 {
			t.Errorf("the first: %d", code)
		}
		failing.Store(false)
		if code, want := post("192.0.2.2"), map[bool]int{false: 200, true: 404}[free]; code != want {
			t.Errorf("after a use that gave nothing, with a free request in between %t: %d, want %d", free, code, want)
		}
	}
}

// hDefer asks the handler of the test, from within it.
var hDefer func(r *http.Request)

func TestVerifyTakesNoPOSTForAGET(t *testing.T) {
	v := newVerifier(testRing(t), &middleware.Options{Confirm: true, Uses: memstore.NewUses(nil)})
	link := sign(t, testRing(t), "/files/a", limited(1))
	r := httptest.NewRequest("POST", link, strings.NewReader("confirm=1"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := v.Verify(r); middleware.Reason(err) != "not_allowed" {
		t.Errorf("POST: %v", err)
	}
	if _, err := v.Verify(httptest.NewRequest("GET", link, nil)); err != nil {
		t.Errorf("GET: %v", err)
	}
	found := ""
	for _, check := range v.Explain(httptest.NewRequest("GET", link, nil)).Checks {
		found += check.Name + ": " + check.Detail + "\n"
	}
	if !strings.Contains(found, "a person is asked") {
		t.Errorf("the explanation does not say that a person is asked:\n%s", found)
	}
}

func TestObserveHearsOfThePage(t *testing.T) {
	var reasons []string
	addr, _, _ := confirming(t, middleware.Options{Observe: func(_ *http.Request, l middleware.Link, err error) {
		reasons = append(reasons, middleware.Reason(err)+" "+l.ID)
	}})
	link := sign(t, testRing(t), "/files/a", limited(1))
	raw(t, addr, "GET", link)
	press(t, addr, link)
	if got := strings.Join(reasons, ", "); got != "unconfirmed id-1, ok id-1" {
		t.Error(got)
	}
}

func TestThePageShowsTheNameAndNothingElse(t *testing.T) {
	addr, _, _ := confirming(t, middleware.Options{AllowPermanent: true, Cookie: "link"})
	ring := testRing(t)
	page := func(path string, change func(c *middleware.Claims)) string {
		c := limited(1)
		change(&c)
		_, body := raw(t, addr, "GET", sign(t, ring, path, c), "Accept-Language: <script>", "User-Agent: <script>", "Referer: https://evil.example/")
		return body
	}
	for _, test := range []struct {
		name, path string
		change     func(c *middleware.Claims)
		want       string
	}{
		{"the end of the path", "/files/kyc/Ada%20L.jpg", func(c *middleware.Claims) {}, "<h1>Open <bdi>Ada L.jpg</bdi>?</h1>"},
		{"a directory", "/files/kyc/", func(c *middleware.Claims) {}, "<bdi>kyc</bdi>"},
		{"the name of the download", "/files/x", func(c *middleware.Claims) { c.DownloadName = "Your card.jpg" }, "<bdi>Your card.jpg</bdi>"},
		{"markup", "/files/x", func(c *middleware.Claims) { c.DownloadName = "<script>alert(1)<script>" }, "<bdi>&lt;script&gt;alert(1)&lt;script&gt;</bdi>"},
		{"letters that turn the text", "/files/%E2%80%AEgpj.exe", func(c *middleware.Claims) {}, "<bdi>\uFFFDgpj.exe</bdi>"},
		{"how long it is good", "/files/x", func(c *middleware.Claims) { c.Expires = time.Now().Add(90 * time.Minute) }, ">1 hour</time>"},
	} {
		body := page(test.path, test.change)
		if !strings.Contains(body, test.want) {
			t.Errorf("%s: no %s in %s", test.name, test.want, body)
		}
		for _, word := range []string{"<script", "signature", "evil", "expires_at", "http:", "https:"} {
			if strings.Contains(body, word) {
				t.Errorf("%s: %s on the page", test.name, word)
			}
		}
	}
	cookies, err := ring.SignCookies("link", func() middleware.Claims { c := limited(1); c.Under = "/files/"; return c }())
	if err != nil {
		t.Fatal(err)
	}
	cookie := "Cookie: " + cookies[0].Name + "=" + cookies[0].Value
	if _, body := raw(t, addr, "GET", "/files/card.jpg", cookie); !strings.Contains(body, "<bdi>card.jpg</bdi>") {
		t.Errorf("a cookie: %s", body)
	}
	if _, body := press(t, addr, "/files/card.jpg", cookie); !strings.HasPrefix(body, "the content") {
		t.Errorf("the button, with a cookie: %s", body)
	}
}

func TestPagesSayWhatAReasonMeans(t *testing.T) {
	ring := testRing(t)
	revoked := memstore.NewRevocations(nil)
	revoked.Revoke("gone", time.Time{})
	opts := &middleware.Options{
		Uses: memstore.NewUses(nil), Revocations: revoked, ExpiredStatus: 410,
		Pages: middleware.DefaultPages("Ask for a new link in <the app>."),
	}
	s := httptest.NewServer(newVerifier(ring, opts).Handler(private))
	defer s.Close()
	addr := s.Listener.Addr().String()
	once := sign(t, ring, "/files/a", limited(1))
	raw(t, addr, "GET", once)
	id := in(time.Hour)
	id.ID = "gone"
	later := in(time.Hour)
	later.NotBefore = time.Now().Add(time.Minute)
	post := in(time.Hour)
	post.Methods = []string{"POST"}
	const html = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	var forbidden string
	for _, test := range []struct {
		name, link string
		status     int
		reason     string
		want       string
	}{
		{"no link", "/files/a", 403, "refused", "This link does not open the file"},
		{"an altered one", sign(t, ring, "/files/a", in(time.Hour)) + "x", 403, "refused", "This link does not open the file"},
		{"another method", sign(t, ring, "/files/a", post), 403, "refused", "This link does not open the file"},
		{"an expired one", sign(t, ring, "/files/a", in(-time.Hour)), 410, "expired", "This link has expired"},
		{"used up", once, 404, "used_up", "This link has been used"},
		{"revoked", sign(t, ring, "/files/a", id), 404, "revoked", "no longer good"},
		{"too early", sign(t, ring, "/files/a", later), 404, "not_yet", "not open yet"},
	} {
		res, body := raw(t, addr, "GET", test.link, html)
		if res.StatusCode != test.status || !strings.Contains(body, test.want) || !strings.Contains(body, "Ask for a new link in &lt;the app&gt;.") {
			t.Errorf("%s: %d with %s", test.name, res.StatusCode, body)
		}
		if res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Vary") != "Accept" || res.Header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v", test.name, res.Header)
		}
		if test.status == 403 {
			if forbidden != "" && body != forbidden {
				t.Errorf("%s differs from other refusals", test.name)
			}
			forbidden = body
		}
		if res, body := raw(t, addr, "HEAD", test.link, html); test.reason != "used_up" && (res.StatusCode != test.status || body != "") {
			t.Errorf("HEAD, %s: %d with %q", test.name, res.StatusCode, body)
		}
		res, body = raw(t, addr, "GET", test.link, "Accept: application/json")
		var problem map[string]any
		if err := json.Unmarshal([]byte(body), &problem); err != nil || res.Header.Get("Content-Type") != "application/problem+json" || res.StatusCode != test.status ||
			problem["status"] != float64(test.status) || problem["reason"] != test.reason || problem["title"] != http.StatusText(test.status) || len(problem) != 3 {
			t.Errorf("%s, in JSON: %d with %s", test.name, res.StatusCode, body)
		}
		if res, body := raw(t, addr, "GET", test.link); res.StatusCode != test.status || body != http.StatusText(test.status)+"\n" {
			t.Errorf("%s, in text: %d with %q", test.name, res.StatusCode, body)
		}
	}
}

func TestWhichFormAClientAsksFor(t *testing.T) {
	s := httptest.NewServer(newVerifier(testRing(t), &middleware.Options{Pages: middleware.DefaultPages("")}).Handler(private))
	defer s.Close()
	for accept, want := range map[string]string{
		"": "text/plain", "*/*": "text/plain", "text/*": "text/plain", "image/avif,image/webp,*/*;q=0.8": "text/plain", "text/html": "text/html",
		"TEXT/HTML": "text/html", "application/xhtml+xml": "text/html", "application/json": "application/problem+json", "application/problem+json": "application/problem+json",
		"application/json, text/html;q=0.9": "application/problem+json", "application/json;q=0.5, text/html;q=0.9": "text/html", "text/html;q=0": "text/plain",
		"text/html;q=0, application/json;q=0.1": "application/problem+json", "text/html;q=2": "text/plain", "text/html;q=NaN": "text/plain", "text/plain, text/html;q=0.5": "text/plain",
		"text/html;level=1": "text/html", ",,;;": "text/plain", "application/json , text/html": "application/problem+json",
	} {
		res, _ := raw(t, s.Listener.Addr().String(), "GET", "/files/a", "Accept: "+accept)
		if got, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); got != want || res.StatusCode != 403 {
			t.Errorf("%q: %s, want %s", accept, got, want)
		}
	}
	res, _ := raw(t, s.Listener.Addr().String(), "GET", "/files/a", "Accept: image/png", "Accept: text/html")
	if got := res.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("on two lines: %s", got)
	}
}

func TestATemplateOfTheApplication(t *testing.T) {
	own := template.Must(template.New("x").Parse(`{{.Reason}} {{.Status}} {{.Name}} {{.Left}}`))
	failing := template.Must(template.New("x").Parse(`half a page {{.Nothing}}`))
	ring := testRing(t)
	for _, test := range []struct {
		pages *template.Template
		link  string
		want  string
	}{
		{own, "/files/a", "403 refused 403  "},
		{own, sign(t, ring, "/files/card.jpg", limited(1)), "200 unconfirmed 200 card.jpg 59 minutes"},
		{failing, "/files/a", "403 Forbidden\n"},
		{failing, sign(t, ring, "/files/card.jpg", limited(1)), "500 Internal Server Error\n"},
	} {
		addr, _, _ := confirming(t, middleware.Options{Pages: test.pages})
		res, body := raw(t, addr, "GET", test.link, "Accept: text/html")
		if got := fmt.Sprint(res.StatusCode, " ", body); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func TestWhatDoesNotGoWithPagesAndConfirm(t *testing.T) {
	for name, opts := range map[string]*middleware.Options{
		"Pages and Deny":       {Pages: middleware.DefaultPages(""), Deny: middleware.Refuse},
		"Confirm without Uses": {Confirm: true},
	} {
		if _, err := middleware.NewVerifier(testRing(t), opts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// What would pass anyway is not asked for.
	file := new(served)
	v := newVerifier(testRing(t), &middleware.Options{Confirm: true, Uses: memstore.NewUses(nil), InsecureReportOnly: true})
	w := httptest.NewRecorder()
	v.Handler(file).ServeHTTP(w, httptest.NewRequest("GET", sign(t, testRing(t), "/files/a", limited(1)), nil))
	if file.n.Load() != 1 {
		t.Errorf("report only: %d with %q", w.Code, w.Body)
	}
}

// Nobody is asked in report-only mode, so that a body is the application's.
func TestReportOnlyLeavesTheBodyOfAForm(t *testing.T) {
	addr, _, _ := confirming(t, middleware.Options{InsecureReportOnly: true})
	link := sign(t, testRing(t), "/files/a", limited(1))
	const want = `the content, by POST with "confirm=1" of "application/x-www-form-urlencoded", Range ""`
	if _, body := press(t, addr, link); body != want {
		t.Errorf("%s, want %s", body, want)
	}
}

// One of two cookies is good, and does not permit what the button stands for.
func TestTheButtonGivesNoCookieTheGETOfAnother(t *testing.T) {
	ring := testRing(t)
	past := in(-time.Hour)
	past.Under, past.ID, past.Uses = "/files/a/", "past", 1
	post := in(time.Hour)
	post.Under, post.Methods = "/files/", []string{"POST"}
	cookie := "Cookie: "
	for _, c := range []middleware.Claims{past, post} {
		signed, err := ring.SignCookies("link", c)
		if err != nil {
			t.Fatal(err)
		}
		cookie += "link=" + signed[0].Value + "; "
	}
	addr, _, _ := confirming(t, middleware.Options{Cookie: "link"})
	const want = `the content, by POST with "confirm=1" of "application/x-www-form-urlencoded", Range ""`
	if res, body := press(t, addr, "/files/a/x", strings.TrimSuffix(cookie, "; ")); body != want {
		t.Errorf("%d with %s, want %s", res.StatusCode, body, want)
	}
}

// The button of a page that can open nothing would be of no use, or act.
func TestLinksThatNoButtonOpensHaveNoPage(t *testing.T) {
	addr, _, _ := confirming(t, middleware.Options{})
	for i, methods := range [][]string{{"GET", "POST"}, {"HEAD"}} {
		c := limited(i + 1)
		c.Methods = methods
		res, body := raw(t, addr, methods[0], sign(t, testRing(t), "/files/a", c))
		if res.StatusCode != 200 || strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s of a link for %q: %d with %.100s", methods[0], methods, res.StatusCode, body)
		}
	}
}
