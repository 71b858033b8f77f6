package laravel_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/laravel"
)

const (
	key    = "base64:dGVzdC1vbmx5LWtleS1kby1ub3QtdXNlISEhISEhISE="
	oldKey = "base64:b2xkLW9ubHkta2V5LWRvLW5vdC11c2UtISEhISEhISE="
	origin = "https://example.com"
)

var expiry = time.Unix(1700003601, 0) // expires=1700003600

func newVerifier(t testing.TB, f middleware.Format, opts *middleware.Options) *middleware.Verifier {
	t.Helper()
	v, err := middleware.NewVerifier(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newFormat(t testing.TB, opts *laravel.Options) *laravel.Format {
	t.Helper()
	f, err := laravel.New(origin, key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func newRelative(t testing.TB, opts *laravel.Options) *laravel.Format {
	t.Helper()
	f, err := laravel.NewRelative(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// hexMAC is the bare formula: what Laravel computes over a text.
func hexMAC(key, text string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// signRaw signs path and query as they are, as anyone who has the key can.
func signRaw(path, query string) middleware.Request {
	text := origin + path
	if query != "" {
		text += "?" + query
		query += "&"
	}
	return middleware.Request{Method: "GET", Host: "example.com", Path: path, RawQuery: query + "signature=" + hexMAC(key, text)}
}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		name, origin, key string
		opts              *laravel.Options
		want              string
	}{
		{"an empty key", origin, "", nil, "empty"},
		{"a key that is only the prefix", origin, "base64:", nil, "empty"},
		{"a key of zero bytes", origin, strings.Repeat("\x00", 32), nil, "all zero"},
		{"a key of zero bytes in base64", origin, "base64:" + strings.Repeat("A", 43) + "=", nil, "all zero"},
		{"a short key", origin, "fifteen bytes..", nil, "InsecureShortKeys"},
		{"a short key behind the prefix", origin, "base64:fifteen bytes..", nil, "InsecureShortKeys"},
		{"an empty previous key", origin, key, &laravel.Options{PreviousKeys: []string{oldKey, ""}}, "empty"},
		{"an empty key though short ones are allowed", origin, "", &laravel.Options{InsecureShortKeys: true}, "empty"},
		{"no origin", "", key, nil, "the origin"},
		{"an origin without a scheme", "example.com", key, nil, "the origin"},
		{"an origin of another scheme", "ftp://example.com", key, nil, "the origin"},
		{"an origin without a host", "https://", key, nil, "the origin"},
		{"an origin with an empty port", "https://example.com:", key, nil, "the origin"},
		{"an origin in Unicode", "https://exämple.com", key, nil, "the origin"},
		{"an origin with a path", "https://example.com/app", key, nil, "the origin"},
		{"an origin with a query", "https://example.com?", key, nil, "the origin"},
		{"an origin with a fragment", "https://example.com#", key, nil, "the origin"},
		{"an origin that is no URL", "https://%zz", key, nil, "the origin"},
		{"an origin with a character that no host has", "https://exa!mple.com", key, nil, "the origin"},
		{"an origin with a user", "https://me@example.com", key, nil, "the origin"},
		{"key and origin exchanged", key, origin, nil, "the origin"},
		{"ignoring signature", origin, key, &laravel.Options{Ignore: []string{"signature"}}, "cannot be ignored"},
		{"ignoring expires", origin, key, &laravel.Options{Ignore: []string{"utm_source", "expires"}}, "cannot be ignored"},
		{"ignoring what PHP reads as expires", origin, key, &laravel.Options{Ignore: []string{"expires[]"}}, "cannot be ignored"},
		{"ignoring a parameter without a name", origin, key, &laravel.Options{Ignore: []string{""}}, "cannot be ignored"},
		{"ignoring a name with an equals sign", origin, key, &laravel.Options{Ignore: []string{"a=b"}}, "cannot be ignored"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := laravel.New(test.origin, test.key, test.opts)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
			for _, secret := range []string{key, oldKey, "fifteen", "dGVzd"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error quotes a key: %v", err)
				}
			}
		})
	}
	for _, key := range []string{"exactly 16 bytes", strings.Repeat("A", 20)} {
		if _, err := laravel.New(origin, key, nil); err != nil {
			t.Errorf("the key %q: %v", key, err)
		}
	}
	for _, origin := range []string{"http://example.com:80", "https://a-z.a09:8443", "http://[::1]:8080", "https://a_b.example/"} {
		if _, err := laravel.New(origin, key, nil); err != nil {
			t.Errorf("the origin %s: %v", origin, err)
		}
	}
	if _, err := laravel.NewRelative(key, &laravel.Options{AnyHost: true}); err == nil {
		t.Error("NewRelative took AnyHost")
	}
	if _, err := laravel.NewRelative("", nil); err == nil {
		t.Error("NewRelative took an empty key")
	}
}

func TestZeroFormatRefuses(t *testing.T) {
	for _, f := range []*laravel.Format{nil, new(laravel.Format)} {
		if _, err := f.Authenticate(signRaw("/a", "")); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("Authenticate: %v", err)
		}
		if _, err := f.Sign(&url.URL{Path: "/a"}, middleware.Claims{Permanent: true}); err == nil {
			t.Error("Sign signed")
		}
	}
}

func TestNothingPrintsTheKeys(t *testing.T) {
	f := newFormat(t, &laravel.Options{PreviousKeys: []string{oldKey}})
	// Used once, so that the states of the MACs exist.
	if _, err := f.Authenticate(signRaw("/a", "")); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(verb, f) + fmt.Sprintf(verb, struct{ F middleware.Format }{f})
		for _, secret := range []string{key, oldKey, key[7:], hex.EncodeToString([]byte(key))} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows a key", verb)
			}
		}
	}
}

func TestSign(t *testing.T) {
	for _, test := range []struct {
		name, url, want string // want without the signature
	}{
		{"parameters are sorted by name, expires among them", "/s?z=1&a=2&m=3&Zed=4&_u=5", "/s?Zed=4&_u=5&a=2&expires=1700003600&m=3&z=1&signature="},
		{"a query as url.Values encodes it", "/s?title=a+b%2Bc&q=%7e", "/s?expires=1700003600&q=~&title=a%20b%2Bc&signature="},
		{"an array stays in its order", "/s?f[b]=1&f[a]=2&a[1]=x&a[0]=y", "/s?a%5B1%5D=x&a%5B0%5D=y&expires=1700003600&f%5Bb%5D=1&f%5Ba%5D=2&signature="},
		{"values without names go behind the signature", "/s?nine&a=x&ten", "/s?a=x&expires=1700003600&signature=&nine&ten"},
		{"names that PHP reads as numbers go there too", "/s?10=ten&a=x&-1=m&1.5=f", "/s?a=x&expires=1700003600&signature=&10=ten&-1=m&1.5=f"},
		{"numbers that are no integers keep their names where every value has one", "/s?b=1&1.5=f&%2B1=g&1+=h&-0=i&9223372036854775808=j", "/s?%2B1=g&-0=i&1%20=h&1.5=f&9223372036854775808=j&b=1&expires=1700003600&signature="},
		{"names that only look like numbers do not", "/s?1a=x&-=y", "/s?-=y&1a=x&expires=1700003600&signature="},
		{"a value with a slash and no name", "/s?x/y&a=1", "/s?a=1&expires=1700003600&signature=&x/y"},
		{"a name that begins with a bracket", "/s?[b=1&A=2", "/s?A=2&%5Bb=1&expires=1700003600&signature="},
		{"an empty value", "/s?a=", "/s?a=&expires=1700003600&signature="},
		{"no query", "/s", "/s?expires=1700003600&signature="},
		{"a path with bytes that Laravel leaves raw", "/f/a@b:c,d=e+f!g*h&i;j", "/f/a@b:c,d=e+f!g*h&i;j?expires=1700003600&signature="},
		{"a path with bytes that Laravel escapes", "/f/a'b(c)d$e f", "/f/a%27b%28c%29d%24e%20f?expires=1700003600&signature="},
		{"a path escaped more than needed", "/f/%61%2d%21%2fb%3f%23%25", "/f/a-!%2Fb%3F%23%25?expires=1700003600&signature="},
		{"a bar in a path, which no url.URL keeps raw", "/f/a|b", "/f/a%7Cb?expires=1700003600&signature="},
		{"the root", "/", "/?expires=1700003600&signature="},
		{"the origin", origin + "/a", origin + "/a?expires=1700003600&signature="},
		{"the origin in another spelling", "HTTPS://EXAMPLE.com:443/a", origin + "/a?expires=1700003600&signature="},
		{"the origin without a path", origin, origin + "?expires=1700003600&signature="},
		{"a fragment, which is not signed", "/a?b=1#top", "/a?b=1&expires=1700003600&signature=#top"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			before := *u
			f := newFormat(t, nil)
			signed, err := f.Sign(u, middleware.Claims{Expires: expiry.Add(999 * time.Millisecond)})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, *u); diff != "" {
				t.Errorf("Sign changed its argument:\n%s", diff)
			}
			link := signed.String()
			_, rest, _ := strings.Cut(link, "signature=")
			if diff := cmp.Diff(test.want, strings.Replace(link, rest[:64], "", 1)); diff != "" {
				t.Errorf("signed URL (-want +got):\n%s", diff)
			}
			c, err := f.Authenticate(middleware.Request{Path: pathOf(signed), RawQuery: signed.RawQuery})
			if err != nil {
				t.Fatalf("the link is not authentic: %v", err)
			}
			want := middleware.Link{Claims: middleware.Claims{Expires: expiry, Host: "example.com"}, KeyID: "0"}
			if diff := cmp.Diff(want, c); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			again, err := f.Sign(u, middleware.Claims{Expires: expiry})
			if err != nil || again.String() != link {
				t.Errorf("signed again: %v, %v", again, err)
			}
		})
	}
}

// pathOf is the path that a server sees for a link.
func pathOf(u *url.URL) string {
	if p := u.EscapedPath(); p != "" {
		return p
	}
	return "/"
}

func TestSignRefuses(t *testing.T) {
	expiring := middleware.Claims{Expires: expiry}
	for _, test := range []struct {
		name, url string
		claims    middleware.Claims
		want      string
	}{
		{"a foreign host", "https://evil.example/a", expiring, "origin"},
		{"a foreign scheme", "http://example.com/a", expiring, "origin"},
		{"a foreign port", "https://example.com:8443/a", expiring, "origin"},
		{"a host without a scheme", "//example.com/a", expiring, "origin"},
		{"a user", "https://me@example.com/a", expiring, "user"},
		{"an opaque URL", "mailto:me@example.com", expiring, "opaque"},
		{"a relative path", "a", expiring, "slash"},
		{"a slash at the end", "/a/", expiring, "slash"},
		{"a doubled slash", "/a//b", expiring, "empty part"},
		{"dot segments", "/a/../b", expiring, ".."},
		{"escaped dot segments", "/a/%2e%2E/b", expiring, ".."},
		{"a control character", "/a%0Ab", expiring, "control"},
		{"a signature", "/a?signature=x", expiring, "already"},
		{"an expires", "/a?expires=1", expiring, "already"},
		{"an expires for a permanent link", "/a?expires=1", middleware.Claims{Permanent: true}, "already"},
		{"an array named expires", "/a?expires%5B%5D=1", expiring, "already"},
		{"an ignored parameter", "/a?utm_source=x", expiring, "ignored"},
		{"a semicolon", "/a?b;c=1", expiring, "semicolon"},
		{"an invalid escape", "/a?b=%zz", expiring, "escape"},
		{"an empty parameter", "/a?b=1&&c=2", expiring, "empty parameter"},
		{"a name with a value and without", "/a?b&b=1", expiring, "change its order"},
		{"a name with a value and without, escaped", "/a?b=1&%62", expiring, "change its order"},
		{"a question mark at the end", "/a?b?", expiring, "question mark"},
		{"a target over 8 KiB", "/a?b=" + strings.Repeat("x", 8<<10), expiring, "8 KiB"},
		{"no lifetime", "/a", middleware.Claims{}, "expiry"},
		{"two lifetimes", "/a", middleware.Claims{Expires: expiry, Permanent: true}, "permanent"},
		{"an expires of zero, which Laravel takes for never", "/a", middleware.Claims{Expires: time.Unix(1, 0)}, "1970"},
		{"an expiry before 1970", "/a", middleware.Claims{Expires: time.Unix(-1, 0)}, "1970"},
		{"an expiry after 9999", "/a", middleware.Claims{Expires: time.Unix(253402300800, 0)}, "9999"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			f := newFormat(t, &laravel.Options{Ignore: []string{"utm_source"}})
			signed, err := f.Sign(u, test.claims)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, %v, want an error with %q", signed, err, test.want)
			}
			if errors.Is(err, middleware.ErrInvalid) || errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("the error is about requests or claims: %v", err)
			}
		})
	}
}

func TestSignRefusesClaimsThatALinkCannotCarry(t *testing.T) {
	for name, c := range map[string]middleware.Claims{
		"NotBefore":    {NotBefore: expiry},
		"Under":        {Under: "/a/"},
		"Methods":      {Methods: []string{"GET"}},
		"Host":         {Host: "other.example"},
		"Networks":     {Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		"Binding":      {Binding: middleware.Binding{Name: "session", Value: "x"}},
		"ID":           {ID: "1"},
		"Uses":         {Uses: 1},
		"DownloadName": {DownloadName: "a.pdf"},
		"ContentType":  {ContentType: "text/plain"},
		"Ignore":       {Ignore: []string{"fbclid"}},
	} {
		c.Expires = expiry
		_, err := newFormat(t, nil).Sign(&url.URL{Path: "/a"}, c)
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want an error that wraps ErrUnsupported and names the claim", name, err)
		}
	}
	if u, err := newFormat(t, nil).Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: time.Unix(2, 0)}); err != nil || !strings.HasPrefix(u.RawQuery, "expires=1&") {
		t.Errorf("the first expiry: %v, %v", u, err)
	}
	plain, err := laravel.New("HTTP://example.com:80", key, nil)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := plain.Sign(&url.URL{Scheme: "http", Host: "example.com", Path: "/a"}, middleware.Claims{Permanent: true}); err != nil {
		t.Error(err)
	} else if want := "http://example.com/a?signature=" + hexMAC(key, "http://example.com/a"); u.String() != want {
		t.Errorf("got %v, want %s", u, want)
	}
	if u, err := newFormat(t, nil).Sign(&url.URL{Scheme: "https", Path: "/a"}, middleware.Claims{Expires: expiry}); err == nil {
		t.Errorf("signed for a scheme without a host: %v", u)
	}
	c := middleware.Claims{Expires: expiry, Host: "example.com"}
	if _, err := newFormat(t, nil).Sign(&url.URL{Path: "/a"}, c); err != nil {
		t.Errorf("the origin's host is what a link carries: %v", err)
	}
	if _, err := newRelative(t, nil).Sign(&url.URL{Path: "/a"}, c); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a relative link carries no host: %v", err)
	}
}

func TestAuthenticate(t *testing.T) {
	signed := signRaw("/a", "b=1&expires=1700003600").RawQuery
	mac := signed[len(signed)-64:]
	for _, test := range []struct {
		name  string
		r     middleware.Request
		valid bool
	}{
		{"what was signed", signRaw("/a", "b=1&expires=1700003600"), true},
		{"the signature in the middle", middleware.Request{Path: "/a", RawQuery: "b=1&signature=" + mac + "&expires=1700003600"}, true},
		{"another order", middleware.Request{Path: "/a", RawQuery: "expires=1700003600&b=1&signature=" + mac}, false},
		{"two equal signatures", middleware.Request{Path: "/a", RawQuery: signed + "&signature=" + mac}, false},
		{"a second signature without a value", middleware.Request{Path: "/a", RawQuery: signed + "&signature"}, false},
		{"a second signature in disguise, signed", signRaw("/a", "expires=1700003600&%73ignature=x"), false},
		{"a second expires, signed", signRaw("/a", "expires=1700003600&expires=9999999999"), false},
		{"an array named expires, signed", signRaw("/a", "expires=1700003600&expires%5B%5D=1"), false},
		{"an array named expires, raw", signRaw("/a", "expires=1700003600&expires[]=1"), false},
		{"an expires behind spaces, signed", signRaw("/a", "expires=1700003600&+%20expires=1"), false},
		{"an array of arrays named expires, signed", signRaw("/a", "expires=1700003600&expires%5Ba%5D%5Bb%5D=1"), false},
		{"a name that is a space", signRaw("/a", "+=1&%20=2"), true},
		{"an expires before a zero byte, signed", signRaw("/a", "expires=1700003600&expires%00x=1"), false},
		{"a name that begins like expires", signRaw("/a", "expires=1700003600&expires_at=1&signatures=2&exp"), true},
		{"an empty expires, signed", signRaw("/a", "expires="), false},
		{"an expires without a value, signed", signRaw("/a", "expires"), false},
		{"an expires of zero, signed", signRaw("/a", "expires=0"), false},
		{"an expires with a sign, signed", signRaw("/a", "expires=%2B1700003600"), false},
		{"an expires with an exponent, signed", signRaw("/a", "expires=17e8"), false},
		{"an expires with a space, signed", signRaw("/a", "expires=1700003600%20"), false},
		{"an expires of words, signed", signRaw("/a", "expires=never"), false},
		{"an expires beyond the year 9999, signed", signRaw("/a", "expires=253402300799"), false},
		{"an expires in escapes, signed", signRaw("/a", "expires=%31700003600"), false},
		{"a semicolon, signed", signRaw("/a", "b;c=1"), false},
		{"an invalid escape, signed", signRaw("/a", "b=%zz"), false},
		{"an empty parameter, signed", signRaw("/a", "b=1&&c=2"), false},
		{"a parameter without a name, signed", signRaw("/a", "=1"), false},
		{"a question mark at the end, signed", signRaw("/a", "b=1?"), false},
		{"a question mark at the end, added", middleware.Request{Path: "/a", RawQuery: "b=1&expires=1700003600?&signature=" + mac}, false},
		{"a question mark in the middle, signed", signRaw("/a", "b?c=1&d=2"), true},
		{"a slash at the end, signed", signRaw("/a/", ""), false},
		{"a doubled slash, signed", signRaw("/a//b", ""), false},
		{"dot segments, signed", signRaw("/a/%2e%2e/b", ""), false},
		{"dot segments before a semicolon, signed", signRaw("/a/..;/b", ""), false},
		{"dot segments in escapes before a semicolon, signed", signRaw("/a/%2e%2e%3Bx/b", ""), false},
		{"a control character, signed", signRaw("/a%0Ab", ""), false},
		{"an encoded slash, signed", signRaw("/a%2Fb", ""), true},
		{"an encoded slash for a raw one", middleware.Request{Path: "/a%2Fb", RawQuery: signRaw("/a/b", "").RawQuery}, false},
		{"a raw bar, signed", signRaw("/a|b", ""), true},
		{"the root, signed as Laravel spells it", middleware.Request{Path: "/", RawQuery: "signature=" + hexMAC(key, origin)}, true},
		{"the root, signed with a slash", signRaw("/", ""), false},
		{"a target over 8 KiB, signed", signRaw("/a", "b="+strings.Repeat("x", 8<<10)), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := newFormat(t, nil).Authenticate(test.r)
			if test.valid && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if !test.valid {
				if !errors.Is(err, middleware.ErrInvalid) {
					t.Errorf("got %v, want ErrInvalid", err)
				}
				if diff := cmp.Diff(middleware.Link{}, c); diff != "" {
					t.Errorf("claims of a refused link:\n%s", diff)
				}
			}
		})
	}
}

func TestRequestsWithoutTheFormatsParametersAreUnsigned(t *testing.T) {
	for query, want := range map[string]error{
		"":                 middleware.ErrUnsigned,
		"a=1&b":            middleware.ErrUnsigned,
		"SIGNATURE=x":      middleware.ErrUnsigned,
		"signature=":       middleware.ErrInvalid,
		"expires=1":        middleware.ErrInvalid,
		"signature%5B%5D=": middleware.ErrInvalid,
	} {
		if _, err := newFormat(t, nil).Authenticate(middleware.Request{Path: "/a", RawQuery: query}); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", query, err, want)
		}
	}
}

func TestKeyIDTellsWhichKeySigned(t *testing.T) {
	f := newFormat(t, &laravel.Options{PreviousKeys: []string{oldKey}})
	for i, k := range []string{key, oldKey, "base64:bm9ib2R5cyBrZXkgbm9ib2R5cyBrZXkgbm9ib2R5cyE="} {
		signer, err := laravel.New(origin, k, nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := signer.Sign(&url.URL{Path: "/a"}, middleware.Claims{Permanent: true})
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.Authenticate(middleware.Request{Path: "/a", RawQuery: u.RawQuery})
		if i == 2 {
			if !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("a foreign key: %v", err)
			}
			continue
		}
		want := middleware.Link{Claims: middleware.Claims{Permanent: true, Host: "example.com"}, KeyID: fmt.Sprint(i)}
		if diff := cmp.Diff(want, c); err != nil || diff != "" {
			t.Errorf("key %d: %v\n%s", i, err, diff)
		}
	}
}

func TestTheHostIsTheOrigins(t *testing.T) {
	for _, test := range []struct {
		name, host string
		opts       *laravel.Options
		want       error
	}{
		{"the origin's host", "example.com", nil, nil},
		{"in another case", "Example.COM", nil, nil},
		{"another host", "evil.example", nil, middleware.ErrNotAllowed},
		{"another host where any will do", "files.internal:8080", &laravel.Options{AnyHost: true}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFormat(t, test.opts)
			u, err := f.Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: time.Now().Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", u.RequestURI(), nil)
			r.Host = test.host
			if _, err := newVerifier(t, f, nil).Verify(r); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestPermanentLinksNeedTheVerifiersLeave(t *testing.T) {
	f := newRelative(t, nil)
	u, err := f.Sign(&url.URL{Path: "/a"}, middleware.Claims{Permanent: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newVerifier(t, f, nil).Verify(httptest.NewRequest("GET", u.String(), nil)); !errors.Is(err, middleware.ErrNotAllowed) {
		t.Errorf("by default: %v", err)
	}
	allow := newVerifier(t, f, &middleware.Options{AllowPermanent: true})
	if _, err := allow.Verify(httptest.NewRequest("GET", u.String(), nil)); err != nil {
		t.Errorf("where it is allowed: %v", err)
	}
	if _, err := allow.Verify(httptest.NewRequest("DELETE", u.String(), nil)); !errors.Is(err, middleware.ErrNotAllowed) {
		t.Errorf("another method: %v", err)
	}
}

func TestRelativeLinks(t *testing.T) {
	f := newRelative(t, nil)
	u, err := f.Sign(&url.URL{Scheme: "https", Host: "cdn.example", Path: "/files/ž b.txt", RawQuery: "q=c+d"}, middleware.Claims{Permanent: true})
	if err != nil {
		t.Fatal(err)
	}
	want := "https://cdn.example/files/%C5%BE%20b.txt?q=c%20d&signature=" + hexMAC(key, "/files/%C5%BE%20b.txt?q=c%20d")
	if diff := cmp.Diff(want, u.String()); diff != "" {
		t.Errorf("signed URL (-want +got):\n%s", diff)
	}
	if _, err := newFormat(t, nil).Authenticate(middleware.Request{Path: u.EscapedPath(), RawQuery: u.RawQuery}); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("a relative link to the format of absolute ones: %v", err)
	}
	// Laravel signs "/" and verifies "//".
	root := middleware.Request{Path: "/", RawQuery: "signature=" + hexMAC(key, "/")}
	if _, err := f.Authenticate(root); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("the root, which Laravel itself refuses: %v", err)
	}
	if _, err := f.Sign(&url.URL{Path: "/"}, middleware.Claims{Permanent: true}); err == nil {
		t.Error("signed the root, which Laravel would refuse")
	}
}

func TestIgnoredParametersMayChange(t *testing.T) {
	f := newFormat(t, &laravel.Options{Ignore: []string{"utm_source", "fbclid"}})
	u, err := f.Sign(&url.URL{Path: "/a", RawQuery: "b=1"}, middleware.Claims{Permanent: true})
	if err != nil {
		t.Fatal(err)
	}
	for query, valid := range map[string]bool{
		"fbclid=1&" + u.RawQuery + "&utm_source=x&utm_source=y": true,
		u.RawQuery + "&fbclid":         true,
		u.RawQuery + "&utm_medium=x":   false,
		u.RawQuery + "&utm_source[]=x": false,
		u.RawQuery + "&utm%5Fsource=x": false,
		u.RawQuery + "&fbclid=%zz":     false,
		u.RawQuery + "&fbclid=a;b":     false,
	} {
		_, err := f.Authenticate(middleware.Request{Path: "/a", RawQuery: query})
		if (err == nil) != valid {
			t.Errorf("%s: got %v", query, err)
		}
	}
}

func TestBuilderMakesLinksToFileNames(t *testing.T) {
	f := newFormat(t, nil)
	for _, base := range []string{"/files/", origin + "/files/"} {
		b, err := middleware.NewURLBuilder(base, f)
		if err != nil {
			t.Fatal(err)
		}
		u, err := b.URL("a|b c?#%2F+;\u017e.pdf", middleware.Claims{Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", u.RequestURI(), nil)
		if _, err := newVerifier(t, f, nil).Verify(r); err != nil {
			t.Errorf("%s: %v", u, err)
		}
		if _, err := b.Subtree("a", middleware.Claims{Expires: time.Now().Add(time.Hour)}); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a subtree: %v", err)
		}
	}
}

func TestThroughAServer(t *testing.T) {
	f := newFormat(t, &laravel.Options{AnyHost: true})
	v := newVerifier(t, f, nil)
	server := httptest.NewServer(v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.URL.Path, r.URL.Query().Get("title"))
	})))
	defer server.Close()
	u, err := f.Sign(&url.URL{Path: "/files/my report 100%.pdf", RawQuery: "title=a+b"}, middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]int{
		u.String():       http.StatusOK,
		u.String() + "0": http.StatusForbidden,
		u.EscapedPath():  http.StatusForbidden,
		strings.Replace(u.String(), "my%20report", "my%2520report", 1): http.StatusForbidden,
	} {
		res, err := http.Get(server.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 64)
		n, _ := res.Body.Read(body)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", target, res.StatusCode, want)
		}
		if want == http.StatusOK && string(body[:n]) != "/files/my report 100%.pdf a b" {
			t.Errorf("the handler saw %q", body[:n])
		}
	}
}

func TestExplainShowsTheSignedText(t *testing.T) {
	r := httptest.NewRequest("GET", "/a?b=1&expires=1700003600&signature="+strings.Repeat("0", 64), nil)
	e := newVerifier(t, newFormat(t, nil), nil).Explain(r)
	if want := origin + "/a?b=1&expires=1700003600"; e.Signed != want || !errors.Is(e.Err, middleware.ErrInvalid) {
		t.Errorf("got %q, %v, want %q", e.Signed, e.Err, want)
	}
}
