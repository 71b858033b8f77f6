package sigv4_test

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/sigv4"
)

var (
	noon    = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	anyURL  = "https://files.example/bucket/card.jpg"
	anHour  = middleware.Claims{Expires: noon.Add(time.Hour)}
	fromNow = middleware.Claims{NotBefore: noon, Expires: noon.Add(time.Hour)}
)

func parse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// requestFor is the request that a client makes of a URL.
func requestFor(method string, u *url.URL, header http.Header) middleware.Request {
	return middleware.Request{
		Method: method, Scheme: u.Scheme, Host: u.Host, Path: u.EscapedPath(), RawQuery: u.RawQuery, Header: header,
	}
}

func TestSignedLinksCarryTheirClaims(t *testing.T) {
	tests := []struct {
		name, url string
		claims    middleware.Claims
		want      middleware.Claims // Expires and KeyID are those of claims and the key
	}{
		{"an expiry alone, dated seven days before", anyURL, anHour, middleware.Claims{Methods: []string{"GET"}}},
		{"a beginning", anyURL, fromNow, middleware.Claims{NotBefore: noon, Methods: []string{"GET"}}},
		{"fractions of seconds, which are dropped", anyURL,
			middleware.Claims{NotBefore: noon.Add(time.Millisecond), Expires: noon.Add(time.Hour + time.Millisecond)},
			middleware.Claims{NotBefore: noon, Methods: []string{"GET"}}},
		{"another method", anyURL, middleware.Claims{Expires: anHour.Expires, Methods: []string{"PUT"}}, middleware.Claims{Methods: []string{"PUT"}}},
		{"the host of the URL", anyURL, middleware.Claims{Expires: anHour.Expires, Host: "files.example"}, middleware.Claims{Methods: []string{"GET"}}},
		{"a download name and a media type", anyURL,
			middleware.Claims{Expires: anHour.Expires, DownloadName: `é "x" 100%;.pdf`, ContentType: "text/plain; charset=utf-8"},
			middleware.Claims{Methods: []string{"GET"}, DownloadName: `é "x" 100%;.pdf`, ContentType: "text/plain; charset=utf-8"}},
		{"a path and a query that need escapes", "https://files.example/b//é +%25%2B?z=1&a=%C3%A9+x&a=2&b", anHour, middleware.Claims{Methods: []string{"GET"}}},
		{"a URL without a path", "https://files.example", anHour, middleware.Claims{Methods: []string{"GET"}}},
		{"a host in upper case, which clients do not send", "https://FILES.example/a", anHour, middleware.Claims{Methods: []string{"GET"}}},
	}
	for _, tt := range tests {
		for _, s := range both {
			t.Run(s.name+"/"+tt.name, func(t *testing.T) {
				f := s.format(t)
				u := parse(t, tt.url)
				before := *u
				signed, err := f.Sign(u, tt.claims)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(before, *u); diff != "" {
					t.Errorf("Sign changed its argument (-before +after):\n%s", diff)
				}
				again, err := f.Sign(u, tt.claims)
				if err != nil || again.String() != signed.String() {
					t.Errorf("signed twice: %v, %v", again, err)
				}
				if signed.Host != "files.example" {
					t.Errorf("the host is %s", signed.Host)
				}
				method := "GET"
				if tt.claims.Methods != nil {
					method = tt.claims.Methods[0]
				}
				got, err := f.Authenticate(requestFor(method, parse(t, signed.String()), nil))
				if err != nil {
					t.Fatalf("%v is refused: %v", signed, err)
				}
				want := middleware.Link{Claims: tt.want, KeyID: accessID}
				want.Expires = time.Unix(tt.claims.Expires.Unix(), 0)
				if want.NotBefore.IsZero() {
					want.NotBefore = want.Expires.Add(-7 * 24 * time.Hour)
					if s.name == "aws" { // the last second counts
						want.NotBefore = want.NotBefore.Add(-time.Second)
					}
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestSignWritesParametersSortedAndTheSignatureLast(t *testing.T) {
	for _, s := range both {
		u, err := s.format(t).Sign(parse(t, anyURL+"?z=1&a=b+c&Zed=2"), fromNow)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for part := range strings.SplitSeq(u.RawQuery, "&") {
			name, _, _ := strings.Cut(part, "=")
			names = append(names, strings.TrimPrefix(name, s.prefix))
		}
		want := []string{"Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Zed", "a", "z", "Signature"}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	with := func(edit func(c *middleware.Claims)) middleware.Claims {
		c := anHour
		edit(&c)
		return c
	}
	tests := []struct {
		name, url   string
		claims      middleware.Claims
		unsupported bool
	}{
		{"no expiry", anyURL, middleware.Claims{}, false},
		{"a permanent link", anyURL, middleware.Claims{Permanent: true}, true},
		{"a subtree", anyURL, with(func(c *middleware.Claims) { c.Under = "/bucket/" }), true},
		{"two methods", anyURL, with(func(c *middleware.Claims) { c.Methods = []string{"GET", "HEAD"} }), true},
		{"no method, and not nil", anyURL, with(func(c *middleware.Claims) { c.Methods = []string{} }), true},
		{"networks", anyURL, with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }), true},
		{"a binding", anyURL, with(func(c *middleware.Claims) { c.Binding = middleware.Binding{Name: "session", Value: "1"} }), true},
		{"an id", anyURL, with(func(c *middleware.Claims) { c.ID = "1" }), true},
		{"uses", anyURL, with(func(c *middleware.Claims) { c.Uses = 1 }), true},
		{"ignored parameters", anyURL, with(func(c *middleware.Claims) { c.Ignore = []string{"utm_*"} }), true},
		{"another host", anyURL, with(func(c *middleware.Claims) { c.Host = "other.example" }), true},
		{"a method in lower case", anyURL, with(func(c *middleware.Claims) { c.Methods = []string{"get"} }), false},
		{"more than seven days", anyURL, middleware.Claims{NotBefore: noon, Expires: noon.Add(7*24*time.Hour + 2*time.Second)}, true},
		{"an expiry at the beginning", anyURL, middleware.Claims{NotBefore: noon, Expires: noon}, false},
		{"an expiry before the beginning", anyURL, middleware.Claims{NotBefore: noon, Expires: noon.Add(-time.Hour)}, false},
		{"a date before 1970", anyURL, middleware.Claims{Expires: time.Unix(7*24*3600-1, 0)}, false},
		{"an expiry after 9999", anyURL, middleware.Claims{Expires: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, false},
		{"a download name with a slash", anyURL, with(func(c *middleware.Claims) { c.DownloadName = "a/b" }), false},
		{"a download name with a line break", anyURL, with(func(c *middleware.Claims) { c.DownloadName = "a\nb" }), false},
		{"a media type that is none", anyURL, with(func(c *middleware.Claims) { c.ContentType = "text" }), false},
		{"a download name and a parameter for it", anyURL + "?response-content-disposition=inline", with(func(c *middleware.Claims) { c.DownloadName = "a" }), false},
		{"a URL without a host", "/bucket/card.jpg", anHour, false},
		{"a URL with a user", "https://me@files.example/", anHour, false},
		{"an opaque URL", "mailto:me", anHour, false},
		{"a dot segment", "https://files.example/a/../b", anHour, false},
		{"a dot segment in escapes", "https://files.example/a/%2e%2e/b", anHour, false},
		{"an encoded slash", "https://files.example/a%2Fb", anHour, false},
		{"a raw semicolon", anyURL + "?a;b", anHour, false},
		{"an invalid escape in the query", anyURL + "?a=%zz", anHour, false},
		{"an empty pair", anyURL + "?a=1&&b=2", anHour, false},
		{"a signature in the URL", anyURL + "?X-Amz-Signature=0&X-Goog-Signature=0", anHour, false},
		{"a date in the URL", anyURL + "?X-Amz-Date=0&X-Goog-Date=0", anHour, false},
		{"a misspelled date in the URL", anyURL + "?x-amz-date=0&x-goog-date=0", anHour, false},
		{"124 parameters", anyURL + "?" + strings.Repeat("a&", 123) + "a", anHour, false},
		{"more than 8 KiB", anyURL + "?a=" + strings.Repeat("b", 8<<10), anHour, false},
	}
	for _, tt := range tests {
		for _, s := range both {
			t.Run(s.name+"/"+tt.name, func(t *testing.T) {
				u, err := url.Parse(tt.url)
				if err != nil {
					t.Fatal(err)
				}
				signed, err := s.format(t).Sign(u, tt.claims)
				if err == nil {
					t.Fatalf("signed: %v", signed)
				}
				if errors.Is(err, errors.ErrUnsupported) != tt.unsupported {
					t.Errorf("%v wraps ErrUnsupported: %v, want %v", err, !tt.unsupported, tt.unsupported)
				}
				if errors.Is(err, middleware.ErrInvalid) || !strings.HasPrefix(err.Error(), "signedurl: ") || strings.HasSuffix(err.Error(), ": ") {
					t.Errorf("the error is %q", err)
				}
			})
		}
	}
}

func TestSevenDaysAreTheLongestLife(t *testing.T) {
	for _, s := range both {
		c := middleware.Claims{NotBefore: noon, Expires: noon.Add(7 * 24 * time.Hour)}
		if s.name == "aws" { // the last second counts
			c.Expires = c.Expires.Add(time.Second)
		}
		f := s.format(t)
		u, err := f.Sign(parse(t, anyURL), c)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Query().Get(s.prefix + "Expires"); got != "604800" {
			t.Errorf("%s: Expires=%s", s.name, got)
		}
		c.Expires = c.Expires.Add(time.Second)
		if _, err := f.Sign(parse(t, anyURL), c); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: one second more: %v", s.name, err)
		}
	}
}

func TestOptionsOfASigner(t *testing.T) {
	for _, s := range both {
		t.Run(s.name, func(t *testing.T) {
			header := http.Header{"X-B": {"1", " 2  3 "}, "content-type": {"text/plain"}}
			f, err := sigv4.New(s.dialect, sigv4.Config{
				Keys:     []sigv4.Key{hmacKey(t, accessID, secret, "")},
				Host:     "public.example",
				Lifetime: time.Hour,
				Header:   header,
			})
			if err != nil {
				t.Fatal(err)
			}
			header["X-B"][0] = "changed" // nothing of the configuration is kept
			u, err := f.Sign(&url.URL{Path: "/bucket/card.jpg"}, anHour)
			if err != nil {
				t.Fatal(err)
			}
			if got := u.Query().Get(s.prefix + "SignedHeaders"); got != "content-type;host;x-b" {
				t.Errorf("SignedHeaders=%s", got)
			}
			r := requestFor("GET", u, http.Header{"X-B": {"1", "2 3"}, "Content-Type": {"text/plain"}})
			r.Host = "internal:8080"
			c, err := f.Authenticate(r)
			if err != nil {
				t.Fatal(err)
			}
			from := noon
			if s.name == "aws" {
				from = from.Add(-time.Second)
			}
			if !c.NotBefore.Equal(from) {
				t.Errorf("the link is dated %v, want %v", c.NotBefore, from)
			}
			r.Header = nil
			if _, err := f.Authenticate(r); !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("without the signed header fields: %v", err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	key := hmacKey(t, accessID, secret, "")
	keys := []sigv4.Key{key}
	tests := []struct {
		name   string
		config sigv4.Config
	}{
		{"no key", sigv4.Config{}},
		{"the zero key", sigv4.Config{Keys: []sigv4.Key{{}}}},
		{"two keys of one id", sigv4.Config{Keys: []sigv4.Key{key, hmacKey(t, accessID, "the secret of another key", "")}}},
		{"a lifetime below a second", sigv4.Config{Keys: keys, Lifetime: time.Millisecond}},
		{"a negative lifetime", sigv4.Config{Keys: keys, Lifetime: -time.Hour}},
		{"a lifetime above seven days", sigv4.Config{Keys: keys, Lifetime: 7*24*time.Hour + time.Second}},
		{"a host in upper case", sigv4.Config{Keys: keys, Host: "Files.example"}},
		{"a host with a line break", sigv4.Config{Keys: keys, Host: "files.example\n"}},
		{"the host as a header field", sigv4.Config{Keys: keys, Header: http.Header{"Host": {"a"}}}},
		{"a header field without a value", sigv4.Config{Keys: keys, Header: http.Header{"X-A": nil}}},
		{"a header field without a name", sigv4.Config{Keys: keys, Header: http.Header{"": {"a"}}}},
		{"a header name with a semicolon", sigv4.Config{Keys: keys, Header: http.Header{"x;y": {"a"}}}},
		{"a header value with a line break", sigv4.Config{Keys: keys, Header: http.Header{"X-A": {"a\nb"}}}},
		{"a header field in two cases", sigv4.Config{Keys: keys, Header: http.Header{"X-A": {"1"}, "x-a": {"2"}}}},
	}
	for _, tt := range tests {
		for _, s := range both {
			t.Run(s.name+"/"+tt.name, func(t *testing.T) {
				if _, err := sigv4.New(s.dialect, tt.config); err == nil {
					t.Error("no error")
				} else if strings.Contains(err.Error(), secret) {
					t.Errorf("the error quotes the secret: %v", err)
				}
			})
		}
	}
}

func TestHMACKeyRefuses(t *testing.T) {
	for name, k := range map[string][3]string{
		"no id":                {"", secret},
		"an id with a slash":   {"a/b", secret},
		"an id with a blank":   {"a b", secret},
		"an id in Unicode":     {"é", secret},
		"an id of 129 bytes":   {strings.Repeat("a", 129), secret},
		"no secret":            {accessID, ""},
		"a secret of 15 bytes": {accessID, "123456789abcdef"},
	} {
		_, err := sigv4.HMACKey(k[0], k[1], "")
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if k[1] != "" && strings.Contains(err.Error(), k[1]) {
			t.Errorf("%s: the error quotes the secret", name)
		}
	}
}

func TestDispositionOfOtherSigners(t *testing.T) {
	tests := []struct{ name, path, disposition, want string }{
		{"a token", "/b/o", "attachment; filename=card.jpg", "card.jpg"},
		{"a quoted name", "/b/o", `attachment; filename="my \"card\".jpg"`, `my "card".jpg`},
		{"Unicode in quotes, against the RFC", "/b/o", `attachment; filename="é x.pdf"`, "é x.pdf"},
		{"an extended name", "/b/o", "attachment; filename*=UTF-8''%C3%A9.pdf", "é.pdf"},
		{"upper case", "/b/o", `ATTACHMENT; FileName="a.pdf"`, "a.pdf"},
		{"no name", "/b/card%20x.jpg", "attachment", "card x.jpg"},
		{"a name that cannot be used", "/b/card.jpg", `attachment; filename="../x"`, "card.jpg"},
		{"a name without quotes that needs them", "/b/card.jpg", "attachment; filename=my card.jpg", "card.jpg"},
		{"no name, and none in the path", "/b/", "attachment", "download"},
		{"inline", "/b/o", `inline; filename="a.pdf"`, ""},
		{"a type that begins like attachment", "/b/o", "attachments", ""},
		{"empty", "/b/o", "", ""},
	}
	for _, tt := range tests {
		for _, s := range both {
			t.Run(s.name+"/"+tt.name, func(t *testing.T) {
				l := s.link()
				l.path = tt.path
				l.params = append(l.params, "response-content-disposition="+url.QueryEscape(tt.disposition))
				c, err := s.format(t).Authenticate(l.request())
				if err != nil {
					t.Fatal(err)
				}
				if c.DownloadName != tt.want {
					t.Errorf("DownloadName %q, want %q", c.DownloadName, tt.want)
				}
			})
		}
	}
}

// A URL with any of these in place of its host has another host, or none.
func TestSignRefusesAHostThatIsNone(t *testing.T) {
	for _, s := range both {
		for _, host := range []string{" ", "files.example ", "a b", "a/b", `a\b`, "a?b", "a#b", "me@a", "a%62", "ü.example", ":", ":80", ":8080", "a~b", "::0", "a:", "[::1", "[]", "a:b", "a\n"} {
			if signed, err := s.format(t).Sign(&url.URL{Scheme: "https", Host: host, Path: "/"}, anHour); err == nil {
				t.Errorf("%s: signed for the host %q: %v", s.name, host, signed)
			}
		}
		for _, host := range []string{"localhost", "a-z.09", "files.example", "a_b.example", "127.0.0.1:8080", "[::1]", "[::1]:8080", "xn--tda.example", "FILES.example"} {
			if _, err := s.format(t).Sign(&url.URL{Scheme: "https", Host: host, Path: "/"}, anHour); err != nil {
				t.Errorf("%s: the host %q: %v", s.name, host, err)
			}
		}
	}
}

func TestBoundsOfWhatIsSigned(t *testing.T) {
	at := func(from, expires int64) middleware.Claims {
		return middleware.Claims{NotBefore: time.Unix(from, 0), Expires: time.Unix(expires, 0)}
	}
	own := func(n int) string { return anyURL + "?" + strings.TrimSuffix(strings.Repeat("a&", n), "&") }
	for _, s := range both {
		shortest := map[string]int64{"aws": 2, "google": 1}[s.name]
		for _, tt := range []struct {
			name, url string
			claims    middleware.Claims
			want      bool
		}{
			{"a link of 1970", anyURL, at(0, 3600), true},
			{"a link that ends in 9999", anyURL, at(253402300799-3600, 253402300799), true},
			{"a link that ends after 9999", anyURL, at(253402300799-3600, 253402300800), false},
			{"a link for a second", anyURL, at(1700000000, 1700000000+shortest), true},
			{"a link for no second", anyURL, at(1700000000, 1700000000+shortest-1), false},
			{"128 parameters", own(122), anHour, true},
			{"129 parameters", own(123), anHour, false},
			{"an opaque URL", "mailto:a@b", anHour, false},
			{"a user", "https://me@files.example/a", anHour, false},
			{"a disposition in the URL and a media type", anyURL + "?response-content-disposition=inline", middleware.Claims{Expires: anHour.Expires, ContentType: "image/png"}, true},
			{"a media type in the URL and a name", anyURL + "?response-content-type=image%2Fpng", middleware.Claims{Expires: anHour.Expires, DownloadName: "a"}, true},
			{"a media type in the URL and another", anyURL + "?response-content-type=image%2Fpng", middleware.Claims{Expires: anHour.Expires, ContentType: "image/png"}, false},
			{"both in the URL", anyURL + "?response-content-type=a&response-content-disposition=b", anHour, true},
			{"a media type with a bad parameter", anyURL, middleware.Claims{Expires: anHour.Expires, ContentType: "image/png; a"}, false},
			{"a media type outside ASCII", anyURL, middleware.Claims{Expires: anHour.Expires, ContentType: "image/\u00e9"}, false},
			{"another parameter and claims", anyURL + "?x=1", middleware.Claims{Expires: anHour.Expires, ContentType: "image/png", DownloadName: "a"}, true},
		} {
			u, err := s.format(t).Sign(parse(t, tt.url), tt.claims)
			if (err == nil) != tt.want {
				t.Errorf("%s: %s: %v, %v", s.name, tt.name, u, err)
			}
		}
	}
	if u, err := aws.format(t).Sign(parse(t, anyURL+"?X-Amz-Content-Sha256=UNSIGNED-PAYLOAD"), anHour); err != nil {
		t.Errorf("a hash of the payload in the URL: %v, %v", u, err)
	}
	fixed, err := sigv4.New(aws.dialect, sigv4.Config{Keys: []sigv4.Key{hmacKey(t, accessID, secret, "")}, Host: "files.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []*url.URL{{Scheme: "mailto", Opaque: "a@b"}, {User: url.User("me"), Path: "/a"}} {
		if signed, err := fixed.Sign(u, anHour); err == nil {
			t.Errorf("signed %v: %v", u, signed)
		}
	}
	for _, lifetime := range []time.Duration{time.Second, 7 * 24 * time.Hour, time.Second - 1, 7*24*time.Hour + 1} {
		_, err := sigv4.New(aws.dialect, sigv4.Config{Keys: []sigv4.Key{hmacKey(t, accessID, secret, "")}, Lifetime: lifetime})
		if want := lifetime%time.Second == 0; (err == nil) != want {
			t.Errorf("a Lifetime of %v: %v", lifetime, err)
		}
	}
	if _, err := sigv4.New(aws.dialect, sigv4.Config{Keys: []sigv4.Key{hmacKey(t, accessID, secret, "")}, Header: http.Header{"X-A": nil}}); err == nil {
		t.Error("a header field without a value was accepted")
	}
}

func TestSignedLinksCarryTheSessionToken(t *testing.T) {
	f, err := sigv4.New(aws.dialect, sigv4.Config{Keys: []sigv4.Key{hmacKey(t, accessID, secret, "a token")}})
	if err != nil {
		t.Fatal(err)
	}
	u, err := f.Sign(parse(t, anyURL), anHour)
	if err != nil || u.Query().Get("X-Amz-Security-Token") != "a token" {
		t.Fatalf("%v, %v", u, err)
	}
	if _, err := f.Authenticate(requestFor("GET", u, nil)); err != nil {
		t.Error(err)
	}
}
