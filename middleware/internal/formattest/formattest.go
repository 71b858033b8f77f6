// Package formattest holds the tests that every link format must pass, through
// the public API: what a format does with each claim, and that a Verifier
// accepts every link that the format signs.
package formattest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// path is the path of the links, in the subtree under.
const (
	path  = "/dir/card.jpg"
	under = "/dir/"
)

// formed holds values for the claims whose value must have a certain form. Any
// other claim, and any that a later version adds, gets a value for its type.
var formed = map[string]any{
	"Expires":      time.Unix(1800000000, 0),
	"Under":        under,
	"Methods":      []string{"PUT"},
	"Host":         "other.example",
	"Networks":     []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	"DownloadName": "card.jpg",
	"ContentType":  "image/jpeg",
	"Upload":       middleware.Upload{MaxBytes: 1, SHA256: [32]byte{1}, Accept: []string{"image/*"}, Replace: true},
}

// Claims tests that Sign, and SignCookies if the format has it, carry each
// claim or refuse it with errors.ErrUnsupported, and that the steps of narrowed
// links mean nothing to the format. It sets the fields of
// middleware.Claims one by one, in addition to those of base, which make a
// complete link. The origin precedes the path in the URL that is signed.
func Claims(t *testing.T, f middleware.Format, origin string, base middleware.Claims) {
	u, err := url.Parse(origin + path)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := signed(f, u, base); err != nil {
		t.Fatalf("the base: %v, %+v", err, l)
	}
	t.Run("Narrow", func(t *testing.T) { noSteps(t, f, *u, base) })
	fields := reflect.TypeFor[middleware.Claims]()
	for i := range fields.NumField() {
		field := fields.Field(i)
		t.Run(field.Name, func(t *testing.T) {
			c := base
			switch field.Name {
			case "Permanent":
				c.Expires = time.Time{}
			case "Expires":
				c.Permanent = false
			}
			value := reflect.ValueOf(&c).Elem().Field(i)
			if field.Name == "NotBefore" && !c.Permanent {
				c.NotBefore = c.Expires.Add(-time.Hour)
			} else if v, ok := formed[field.Name]; ok {
				value.Set(reflect.ValueOf(v))
			} else {
				fill(t, value)
			}
			check := func(how string, l middleware.Link, err error) {
				t.Helper()
				if err != nil {
					if !errors.Is(err, errors.ErrUnsupported) {
						t.Errorf("%s: %v, which does not wrap ErrUnsupported", how, err)
					}
					return
				}
				if got := reflect.ValueOf(l.Claims).Field(i).Interface(); !equal(value.Interface(), got) {
					t.Errorf("%s: signed %v, and the link has %v", how, value, got)
				}
			}
			l, err := signed(f, u, c)
			check("Sign", l, err)
			if s, ok := f.(middleware.CookieSigner); ok {
				c.Under = under
				l, err := signedCookies(f, s, u, c)
				check("SignCookies", l, err)
			}
			if field.Type.Kind() == reflect.Slice {
				value.Set(reflect.MakeSlice(field.Type, 0, 0))
				if _, err := f.Sign(u, c); err == nil {
					t.Error("an empty list that is not nil was dropped")
				}
			}
		})
	}
}

// noSteps tests that a link of the format cannot be narrowed, and that a parameter
// that looks like a step is one of the application's.
func noSteps(t *testing.T, f middleware.Format, u url.URL, c middleware.Claims) {
	link, err := f.Sign(&u, c)
	if err != nil {
		t.Fatal(err)
	}
	if narrow, err := middleware.Narrow(link, middleware.Claims{Host: "a.example"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("narrowed: %v, %v", narrow, err)
	}
	u.RawQuery = "signed_narrow=expires_at%3D1"
	if l, err := signed(f, &u, c); err == nil && (l.Narrowed != "" || !l.Expiry().Equal(c.Expires)) {
		t.Errorf("a parameter of the application is a step: %+v", l)
	}
}

// fill sets v, and everything in it, to a value that is not zero.
func fill(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("a")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(1)
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0))
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1700000000, 0)))
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("no value for a %v", v.Type())
	}
}

func equal(want, got any) bool {
	if want, ok := want.(time.Time); ok {
		return want.Equal(got.(time.Time))
	}
	return reflect.DeepEqual(want, got)
}

// signed signs u and authenticates the result.
func signed(f middleware.Format, u *url.URL, c middleware.Claims) (middleware.Link, error) {
	s, err := f.Sign(u, c)
	if err != nil {
		return middleware.Link{}, err
	}
	r := request(u, c, s.RawQuery, nil)
	l, err := f.Authenticate(r)
	if err != nil {
		return middleware.Link{}, fmt.Errorf("the link is not authentic: %w", err)
	}
	return l, nil
}

// signedCookies signs cookies and authenticates a request with them.
func signedCookies(f middleware.Format, s middleware.CookieSigner, u *url.URL, c middleware.Claims) (middleware.Link, error) {
	cookies, err := s.SignCookies("", c)
	if err != nil {
		return middleware.Link{}, err
	}
	l, err := f.Authenticate(request(u, c, "", cookies))
	if err != nil {
		return middleware.Link{}, fmt.Errorf("the cookies are not authentic: %w", err)
	}
	return l, nil
}

func request(u *url.URL, c middleware.Claims, query string, cookies []*http.Cookie) middleware.Request {
	r := middleware.Request{Method: "GET", Host: u.Host, Path: path, RawQuery: query, Header: header(cookies)}
	if len(c.Methods) > 0 {
		r.Method = c.Methods[0]
	}
	return r
}

func header(cookies []*http.Cookie) http.Header {
	h := http.Header{}
	for _, c := range cookies {
		h.Add("Cookie", c.Name+"="+c.Value)
	}
	return h
}

// Paths tests that Sign refuses a path that another server could read as another
// one, and signs a path that only resembles it. The path follows the origin.
func Paths(t *testing.T, f middleware.Format, origin string, c middleware.Claims) {
	base, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	escaped := func(p string) *url.URL {
		all := spellings(base.Scheme, base.Host, p, "")
		return all[len(all)-1]
	}
	for _, p := range []string{
		"/a/../b", "/a/./b", "/../a", "/a/..", "/a/.", `/a/..\b`, `/a\..\b`, `/..\a`, "/a/%2e./b", "/a/%2E%2e/b", "/a/..%5Cb", "/a%5c.%5cb",
		"/a/..;/b", "/a/.;/b", "/a/..;", "/a/.;x", "/a/..;a=b/c", "/a/..;/..;/b", `/a\..;\b`, "/a/%2e%2e;/b", "/a/..%3b/b", "/a/..%3Bx/b", "/a/..;%3B/b", "/a/%2e%3b.",
		"/a\nb", "/a%0Ab", "/a%00", "/a\x7f", "/a%7f/b", "/a\x1f/b",
	} {
		if signed, err := f.Sign(escaped(p), c); err == nil {
			t.Errorf("signed %#q, which another server could read as another path: %v", p, signed)
		} else if errors.Is(err, middleware.ErrInvalid) || errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%#q: the error is one of a request, or of a claim: %v", p, err)
		}
	}
	for _, p := range []string{
		"/a/...", "/a/..b/c", "/.a", "/a/.b", "/a../b", "/a;/b", "/a;..", "/...;/b", "/a/x..;/b", "/a/;..", "/a%3B..%3B", "/a/%2e%2e%2e", "/ ", "/a%20",
	} {
		if _, err := f.Sign(escaped(p), c); err != nil {
			t.Errorf("%#q: %v", p, err)
		}
	}
}

// FuzzSign tests that a Verifier accepts every link, and all cookies, that a
// format signs, as a client of net/http sends them. The origin is that of the
// client, and precedes links without a host. Claims that the format refuses as
// unsupported are left out.
func FuzzSign(f *testing.F, format middleware.Format, origin string, expires func() middleware.Claims) {
	v, err := middleware.NewVerifier(format, &middleware.Options{AllowPermanent: true})
	if err != nil {
		f.Fatal(err)
	}
	base, err := url.Parse(origin)
	if err != nil {
		f.Fatal(err)
	}
	names := []string{"card 1.jpg", "ü\"%.pdf", "a\u202egpj.exe", "a\nb", "..", "\xff"}
	types := []string{"image/jpeg", "text/plain; charset=utf-8", "text/plain; charset=\"a;b\"", "text", "text/html\r\nX: y", "ü/x"}
	methods := []string{"GET", "PUT", "OPTIONS", "M-SEARCH", "get", "A B", ""}
	hosts := []string{base.Host, strings.ToUpper(base.Host), base.Host + ":443", base.Host + ":8443", base.Host + ":", ":", ":80", "u@a", "ü.example", "[::1]:80", "%61", ""}
	queries := []string{"a=1", "b=2&a=1", "a", "=", "a=%zz", "a;b", "a=1&&b", "é=ü", "a=\x01", "x=?", "#", "a=#b", "a=b c", "a=é", "a=\"", "a", "%00=%0a", "a b=c+d"}
	for i, p := range []string{
		"/a/b.jpg", "/", "", "a", "//a", "/a//b", "/a/", "/a/./b", "/a/../b", "/a/..", "/a\\b", "/a\\..\\b", "/..\\b",
		"/a/..;/b", "/a/.;x/b", "/a/..;a=b/b", "/a/%2e%2e/b", "/a/..%3b/b", "/a/..%3B;/b", "/a;b/c", "/a%3bb", "/a%2fb", "/a%2F..%2Fb", "/a%5c..%5cb",
		"/a%00b", "/a%0ab", "/a\nb", "/a\x7f", "/a%7fb", "/a\xffb", "/a%ff", "/é ü/ž", "/a?b", "/a%3Fb", "/a#b", "/a*b", "/a|b\"c<d>", "/a%b", "/a%2", "/1+1=2&3@4:5,6!7$8'9(0)[~]",
		"/" + strings.Repeat("a/", 5000), "http://a/b", "/a:b",
	} {
		f.Add(hosts[i%len(hosts)], p, queries[i%len(queries)], names[i%len(names)], types[i%len(types)], methods[i%len(methods)])
		f.Add(base.Host, p, "", "", "", "GET")
		f.Add("", p, "", "", "", "")
	}
	for _, h := range hosts {
		f.Add(h, "/a", "a=1", "", "", "")
	}
	for _, q := range queries {
		f.Add(base.Host, "/a", q, "", "", "")
		f.Add("", "/a", q, "", "", "")
	}
	f.Fuzz(func(t *testing.T, host, p, query, name, mediaType, method string) {
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host {
			return // a format that does not sign hosts leaves them to the caller
		}
		with := expires()
		with.DownloadName, with.ContentType = name, mediaType
		if method != "" {
			with.Methods = []string{method}
		}
		under := expires()
		under.Under = p
		for _, c := range []middleware.Claims{with, expires(), under} {
			for _, u := range spellings(base.Scheme, host, p, query) {
				s, err := format.Sign(u, c)
				if err != nil {
					continue
				}
				link := s.String()
				if !strings.Contains(link, "://") {
					link = origin + link
				}
				send(t, v, link, c, nil)
			}
		}
		if s, ok := format.(middleware.CookieSigner); ok {
			if cookies, err := s.SignCookies("", under); err == nil {
				send(t, v, origin+p, under, cookies)
			}
		}
	})
}

// spellings returns the URLs that have p for their path, or for their path's
// escaped form.
func spellings(scheme, host, p, query string) []*url.URL {
	u := &url.URL{Host: host, Path: p, RawQuery: query}
	if host != "" {
		u.Scheme = scheme
	}
	all := []*url.URL{u}
	if decoded, err := url.PathUnescape(p); err == nil && decoded != p {
		escaped := *u
		escaped.Path, escaped.RawPath = decoded, p
		all = append(all, &escaped)
	}
	return all
}

// send sends a link as a client does, and asks the verifier.
func send(t *testing.T, v *middleware.Verifier, link string, c middleware.Claims, cookies []*http.Cookie) {
	t.Helper()
	method := "GET"
	if len(c.Methods) > 0 {
		method = c.Methods[0]
	}
	out, err := http.NewRequest(method, link, nil)
	if err != nil {
		t.Fatalf("no client can send what was signed: %v", err)
	}
	out.Header = header(cookies)
	var wire bytes.Buffer
	if err := out.Write(&wire); err != nil {
		t.Fatalf("no client can send %q: %v", link, err)
	}
	r, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("no server can read %q: %v", link, err)
	}
	r.RemoteAddr = "192.0.2.1:1234"
	if _, err := v.Verify(r); err != nil {
		t.Errorf("%q was signed with %+v and is refused: %v", link, c, err)
	}
}
