package cloudfront_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

const (
	host   = "d111111abcdef8.cloudfront.net"
	origin = "https://" + host
)

var (
	private = func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return k
	}()
	expires = time.Unix(1_700_003_600, 0)
)

func newVerifier(t testing.TB, f middleware.Format, opts *middleware.Options) *middleware.Verifier {
	t.Helper()
	v, err := middleware.NewVerifier(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// testFormat returns a format with the package's test key, under the id K1.
func testFormat(t testing.TB, opts *cloudfront.Options) *cloudfront.Format {
	t.Helper()
	key, err := cloudfront.NewKey("K1", private)
	if err != nil {
		t.Fatal(err)
	}
	f, err := cloudfront.New(origin, key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func sign(t testing.TB, f *cloudfront.Format, link string, c middleware.Claims) *url.URL {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := f.Sign(u, c)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// request is what a Verifier makes of a request for that target.
func request(target string) middleware.Request {
	path, query, _ := strings.Cut(target, "?")
	return middleware.Request{Method: "GET", Path: path, RawQuery: query, Header: http.Header{}}
}

// encode is CloudFront's base64, made in another way than the package does.
func encode(b []byte) string {
	return strings.NewReplacer("+", "-", "=", "_", "/", "~").Replace(base64.StdEncoding.EncodeToString(b))
}

// rawSignature signs any text with the test key.
func rawSignature(t testing.TB, h crypto.Hash, text string) string {
	t.Helper()
	sum256 := sha256.Sum256([]byte(text))
	digest := sum256[:]
	if h == crypto.SHA1 {
		sum1 := sha1.Sum([]byte(text))
		digest = sum1[:]
	}
	s, err := private.Sign(rand.Reader, digest, h)
	if err != nil {
		t.Fatal(err)
	}
	return encode(s)
}

// withPolicy returns the parameters for a custom policy of any text.
func withPolicy(t testing.TB, text string) string {
	t.Helper()
	return "Policy=" + encode([]byte(text)) + "&Signature=" + rawSignature(t, crypto.SHA256, text) + "&Key-Pair-Id=K1&Hash-Algorithm=SHA256"
}

// open returns the policy that opens a Resource and nothing more. It is made
// for the tests' own resources, which need no escapes but for the backslash.
func open(resource string) string {
	return `{"Statement":[{"Resource":"` + strings.ReplaceAll(resource, `\`, `\\`) + `","Condition":{"DateLessThan":{"AWS:EpochTime":1700003600}}}]}`
}

func TestWhatSignTakesAuthenticateReturns(t *testing.T) {
	for name, test := range map[string]struct {
		link  string
		give  middleware.Claims
		want  middleware.Link
		other []string // further targets that the same parameters open
		shut  []string // and some that they do not
	}{
		"an expiry alone": {
			link: "/a.jpg",
			give: middleware.Claims{Expires: expires},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires}, KeyID: "K1"},
			shut: []string{"/a.jpg/", "/A.jpg", "/a.jp%67", "/b.jpg", "/a.jpg?x=1", "/a.jpg?"},
		},
		"fractions of a second are dropped": {
			link: "/a.jpg",
			give: middleware.Claims{Expires: expires.Add(999 * time.Millisecond)},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires}, KeyID: "K1"},
		},
		"the host that is signed anyway": {
			link: "/a.jpg",
			give: middleware.Claims{Expires: expires, Host: host},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires}, KeyID: "K1"},
		},
		"an absolute URL with a query and a fragment": {
			link: origin + "/a.jpg?b=2&a=1#top",
			give: middleware.Claims{Expires: expires},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires}, KeyID: "K1"},
			shut: []string{"/a.jpg?a=1&b=2", "/a.jpg", "/a.jpg?b=2", "/a.jpg?b=2&a=1&"},
		},
		"a query of which nothing is understood": {
			link: "/a.jpg?x=%zz;y&&=&%26",
			give: middleware.Claims{Expires: expires},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires}, KeyID: "K1"},
		},
		"an empty query is not none": {
			link: "/a.jpg?",
			give: middleware.Claims{Expires: expires},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires}, KeyID: "K1"},
			shut: []string{"/a.jpg"},
		},
		"the origin alone": {
			link: origin,
			give: middleware.Claims{Expires: expires},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires}, KeyID: "K1"},
			shut: []string{"//"},
		},
		"the origin and a query": {
			link: origin + "?x=1",
			give: middleware.Claims{Expires: expires, NotBefore: expires.Add(-time.Hour)},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires, NotBefore: expires.Add(-time.Hour)}, KeyID: "K1"},
		},
		"empty parts, of a path that is signed as it is": {
			link: "/a//b.jpg",
			give: middleware.Claims{Expires: expires, NotBefore: expires.Add(-time.Hour)},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires, NotBefore: expires.Add(-time.Hour)}, KeyID: "K1"},
			shut: []string{"/a/b.jpg", "/a///b.jpg"},
		},
		"all that a policy can say": {
			link: "/a.jpg?x=<b>&y=a[]'(|)^`{}",
			give: middleware.Claims{Expires: expires, NotBefore: expires.Add(-time.Hour), Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.77/24")}},
			want: middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires, NotBefore: expires.Add(-time.Hour), Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, KeyID: "K1"},
			shut: []string{"/a.jpg", "/a.jpgXx=<b>&y=a[]'(|)^`{}", "/a.jpg/x=<b>&y=a[]'(|)^`{}", "/a.jpg?x=<b>&y=a[]'(|)^`{}&z"},
		},
		"a subtree": {
			link:  "/videos/1/a.ts",
			give:  middleware.Claims{Expires: expires, Under: "/videos/1/"},
			want:  middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires, Under: "/videos/1/"}, KeyID: "K1"},
			other: []string{"/videos/1/b/c.ts", "/videos/1/", "/videos/1/a.ts?x=1", "/videos/1/%20"},
			shut:  []string{"/videos/1", "/videos/10/a.ts", "/videos/2/a.ts", "/videos/1/../2/a.ts", "/videos/1/%2e%2e/2/a.ts", "/videos/1/..%2F2/a.ts", "/videos/1/..;/2/a.ts", "/videos/1/..;a=b/2/a.ts", "/videos/1/%2e%2e%3B/2/a.ts", "/videos/1/.;/a.ts", "/videos/1%2Fa.ts", "/videos//1/a.ts", "/videos/1//a.ts"},
		},
		"a subtree with characters that are escaped, asked for with a query": {
			link:  "/a%2A%3F%20b/c?x=1",
			give:  middleware.Claims{Expires: expires, Under: "/a%2A%3F%20b/"},
			want:  middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires, Under: "/a%2A%3F%20b/"}, KeyID: "K1"},
			other: []string{"/a%2A%3F%20b/d"},
			shut:  []string{"/aXY%20b/d", "/a*%3F%20b/d"},
		},
		"everything on the origin": {
			link:  "/",
			give:  middleware.Claims{Expires: expires, Under: "/"},
			want:  middleware.Link{Claims: middleware.Claims{Host: host, Expires: expires, Under: "/"}, KeyID: "K1"},
			other: []string{"/a", "/a/b?c"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for i, n := range test.give.Networks {
				masked := test.give
				masked.Networks = slices.Clone(masked.Networks)
				masked.Networks[i] = n.Masked()
				f := testFormat(t, nil)
				if sign(t, f, test.link, test.give).String() != sign(t, f, test.link, masked).String() {
					t.Error("the host bits of a network are signed")
				}
			}
			for _, opts := range []*cloudfront.Options{nil, {InsecureSignSHA1: true}} {
				f := testFormat(t, opts)
				signed := sign(t, f, test.link, test.give)
				if again := sign(t, f, test.link, test.give); again.String() != signed.String() {
					t.Error("equal claims gave two links")
				}
				_, target := split(origin + strings.TrimPrefix(signed.String(), origin))
				got, err := f.Authenticate(request(target))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
					t.Errorf("claims (-want +got):\n%s", diff)
				}
				params := target[max(strings.Index(target, "Policy="), strings.Index(target, "Expires=")):]
				join := func(target string) middleware.Request {
					if strings.Contains(target, "?") {
						return request(target + "&" + params)
					}
					return request(target + "?" + params)
				}
				for _, other := range test.other {
					if _, err := f.Authenticate(join(other)); err != nil {
						t.Errorf("%s: %v", other, err)
					}
				}
				for _, shut := range test.shut {
					if _, err := f.Authenticate(join(shut)); !errors.Is(err, middleware.ErrInvalid) {
						t.Errorf("%s: got %v, want %v", shut, err, middleware.ErrInvalid)
					}
				}
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	ok := middleware.Claims{Expires: expires}
	with := func(change func(c *middleware.Claims)) middleware.Claims {
		c := ok
		change(&c)
		return c
	}
	ipv4 := netip.MustParsePrefix("192.0.2.0/24")
	for name, test := range map[string]struct {
		link        string
		claims      middleware.Claims
		unsupported bool
	}{
		"another origin without a scheme":   {"//other.example/a", ok, false},
		"a link for ever":                   {"/a", middleware.Claims{Permanent: true}, true},
		"methods":                           {"/a", with(func(c *middleware.Claims) { c.Methods = []string{"GET"} }), true},
		"an empty list of methods":          {"/a", with(func(c *middleware.Claims) { c.Methods = []string{} }), true},
		"another host":                      {"/a", with(func(c *middleware.Claims) { c.Host = "www.example.com" }), true},
		"two networks":                      {"/a", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{ipv4, ipv4} }), true},
		"a network of IPv6":                 {"/a", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix("2001:db8::/32")} }), true},
		"a network of IPv4 written as IPv6": {"/a", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")} }), true},
		"a binding":                         {"/a", with(func(c *middleware.Claims) { c.Binding.Name = "session" }), true},
		"an id":                             {"/a", with(func(c *middleware.Claims) { c.ID = "1" }), true},
		"a count of uses":                   {"/a", with(func(c *middleware.Claims) { c.Uses = 1 }), true},
		"a download name":                   {"/a", with(func(c *middleware.Claims) { c.DownloadName = "a.pdf" }), true},
		"a content type":                    {"/a", with(func(c *middleware.Claims) { c.ContentType = "text/plain" }), true},
		"ignored parameters":                {"/a", with(func(c *middleware.Claims) { c.Ignore = []string{"utm_*"} }), true},
		"no expiry":                         {"/a", middleware.Claims{}, false},
		"an expiry before 1970":             {"/a", middleware.Claims{Expires: time.Unix(-1, 0)}, false},
		"an expiry after 9999":              {"/a", middleware.Claims{Expires: time.Unix(253402300800, 0)}, false},
		"a start before 1970":               {"/a", with(func(c *middleware.Claims) { c.NotBefore = time.Unix(-1, 0) }), false},
		"a start at the expiry":             {"/a", with(func(c *middleware.Claims) { c.NotBefore = expires }), false},
		"an empty list of networks":         {"/a", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{} }), false},
		"an invalid network":                {"/a", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{{}} }), false},
		"a path outside Under":              {"/b", with(func(c *middleware.Claims) { c.Under = "/a/" }), false},
		"Under without a slash at the end":  {"/a/b", with(func(c *middleware.Claims) { c.Under = "/a" }), false},
		"a relative Under":                  {"/a/b", with(func(c *middleware.Claims) { c.Under = "a/" }), false},
		"an Under that is not canonical":    {"/a+b/c", with(func(c *middleware.Claims) { c.Under = "/a+b/" }), false},
		"an Under with a wildcard":          {"/a%2A/c", with(func(c *middleware.Claims) { c.Under = "/a*/" }), false},
		"an empty part in a subtree":        {"/a//b", with(func(c *middleware.Claims) { c.Under = "/a/" }), false},
		"a host that is not the origin's":   {"https://evil.example/a", ok, false},
		"a scheme that is not the origin's": {"http://d111111abcdef8.cloudfront.net/a", ok, false},
		"a scheme without a host":           {"https:///a", ok, false},
		"a user":                            {"https://u@d111111abcdef8.cloudfront.net/a", ok, false},
		"an opaque URL":                     {"mailto:a@b.example", ok, false},
		"a relative path":                   {"a", ok, false},
		"no path and no origin":             {"?x=1", ok, false},
		"a dot segment":                     {"/a/../b", ok, false},
		"a dot segment in escapes":          {"/a/%2e%2E%2fb", ok, false},
		"a control character":               {"/a%00", ok, false},
		"a raw asterisk in the path":        {"/a*", ok, false},
		"a raw asterisk in the query":       {"/a?x=*", ok, false},
		"a raw question mark in the query":  {"/a?x=?", ok, false},
		"a raw quote in the query":          {`/a?x="`, ok, false},
		"a raw backslash in the query":      {`/a?x=\`, ok, false},
		"a byte outside ASCII in the query": {"/a?x=é", ok, false},
		"Expires in the query":              {"/a?Expires=5", ok, false},
		"Policy in the query":               {"/a?x=1&Policy", ok, false},
		"Hash-Algorithm in the query":       {"/a?Hash-Algorithm=SHA1", ok, false},
		"an escaped Signature in the query": {"/a?%53ignature=1", ok, false},
		"more than 8 KiB":                   {"/" + strings.Repeat("a", 8100), ok, false},
		"a policy of more than 4 KiB":       {"/" + strings.Repeat("a", 4096), with(func(c *middleware.Claims) { c.NotBefore = time.Unix(1, 0) }), false},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(test.link)
			if err != nil {
				t.Fatal(err)
			}
			before := *u
			signed, err := testFormat(t, nil).Sign(u, test.claims)
			if err == nil {
				t.Fatalf("made %s", signed)
			}
			if errors.Is(err, errors.ErrUnsupported) != test.unsupported {
				t.Errorf("got %v; want it to wrap ErrUnsupported: %t", err, test.unsupported)
			}
			if !strings.HasPrefix(err.Error(), "signedurl: ") {
				t.Errorf("the text of %q does not say whose it is", err)
			}
			if *u != before {
				t.Errorf("the URL was changed to %s", u)
			}
		})
	}
}

func TestSignResource(t *testing.T) {
	f := testFormat(t, &cloudfront.Options{Cookies: true})
	c := middleware.Claims{Expires: expires}
	for _, test := range []struct {
		name, link, resource string
		change               func(c *middleware.Claims)
		ok                   bool
	}{
		{name: "a pattern", link: "/v/1.ts?x=?*", resource: origin + "/v/*.ts?x=*", ok: true},
		{name: "the URL", link: origin + "/v//1.ts", resource: origin + "/v//1.ts", ok: true},
		{name: "the origin", link: origin, resource: origin + "*", ok: true},
		{name: "a pattern with a query", link: "/v/1.ts?x=1", resource: origin + `/v/?.ts\?x=?`, ok: true},
		{name: "everything", link: "/", resource: "*", ok: true},
		{name: "a pattern that does not open the URL", link: "/v/1.ts", resource: origin + "/w/*"},
		{name: "a pattern for another origin", link: "/v/1.ts", resource: "https://evil.example/*"},
		{name: "no resource", link: "/v/1.ts", resource: ""},
		{name: "a lone backslash", link: "/v/1.ts", resource: origin + `/*\`},
		{name: "a space", link: "/v/1.ts", resource: origin + "/* "},
		{name: "a byte outside ASCII", link: "/v/1.ts", resource: origin + "/*é"},
		{name: "Under as well", link: "/v/1.ts", resource: origin + "/v/*", change: func(c *middleware.Claims) { c.Under = "/v/" }},
		{name: "a claim without a place", link: "/v/1.ts", resource: "*", change: func(c *middleware.Claims) { c.ID = "1" }},
		{name: "a dot segment", link: "/v/../1.ts", resource: "*"},
		{name: "a parameter of the format", link: "/v?Policy=1", resource: "*"},
		{name: "a policy of more than 4 KiB", link: "/v", resource: "*" + strings.Repeat("*", 4096)},
	} {
		u, err := url.Parse(test.link)
		if err != nil {
			t.Fatal(err)
		}
		c := c
		if test.change != nil {
			test.change(&c)
		}
		signed, err := f.SignResource(u, test.resource, c)
		if (err == nil) != test.ok {
			t.Errorf("%s: got %v, want it signed: %t", test.name, err, test.ok)
		}
		if err == nil {
			_, target := split(origin + strings.TrimPrefix(signed.String(), origin))
			if _, err := f.Authenticate(request(target)); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
	}
	for name, resource := range map[string]string{
		"no resource":                    "",
		"a cookie of more than 4 KiB":    origin + "/" + strings.Repeat("a", 3200) + "*",
		"a lone backslash in a resource": `\`,
	} {
		if _, err := f.SignResourceCookies(resource, c); err == nil {
			t.Errorf("cookies for %s", name)
		}
	}
}

func TestAuthenticateRefuses(t *testing.T) {
	f := testFormat(t, &cloudfront.Options{Cookies: true})
	const path = "/a.jpg"
	canned := open(origin + path)
	signature := rawSignature(t, crypto.SHA256, canned)
	good := "Expires=1700003600&Signature=" + signature + "&Key-Pair-Id=K1&Hash-Algorithm=SHA256"
	if _, err := f.Authenticate(request(path + "?" + good)); err != nil {
		t.Fatal(err)
	}
	// signed returns the link for any URL, whatever Sign would say to it.
	signed := func(link string) string {
		return link + "?Expires=1700003600&Signature=" + rawSignature(t, crypto.SHA256, open(origin+link)) + "&Key-Pair-Id=K1&Hash-Algorithm=SHA256"
	}
	if _, err := f.Authenticate(request(signed("/b.jpg"))); err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) string { return path + "?" + strings.Replace(good, old, new, 1) }
	for name, target := range map[string]string{
		"no signature":                               replace("&Signature="+signature, ""),
		"an empty signature":                         replace(signature, ""),
		"a signature of another text":                replace(signature, rawSignature(t, crypto.SHA256, open(origin+"/b.jpg"))),
		"a signature without padding":                replace(signature, strings.TrimRight(signature, "_")+"A"),
		"a signature in the alphabet of RFC 4648":    replace(signature, base64.URLEncoding.EncodeToString(make([]byte, 70))),
		"a signature with an escaped character":      replace(signature, "%"+fmt.Sprintf("%02X", signature[0])+signature[1:]),
		"a signature with a line break":              path + "?" + strings.Replace(good, signature, signature[:8]+"\n"+signature[8:], 1),
		"a signature longer than any key's":          replace(signature, strings.Repeat("A", 688)),
		"Signature twice":                            path + "?" + good + "&Signature=" + signature,
		"Expires twice":                              path + "?" + good + "&Expires=1700003600",
		"an empty Policy beside Expires":             path + "?" + good + "&Policy=",
		"Policy beside Expires":                      path + "?" + good + "&Policy=" + encode([]byte(canned)),
		"neither Expires nor Policy":                 replace("Expires=1700003600&", ""),
		"an escaped name":                            replace("Expires", "Expire%73"),
		"an escaped name beside the good one":        path + "?" + good + "&%45xpires=1",
		"an unknown key":                             replace("K1", "K2"),
		"an empty key":                               replace("K1", ""),
		"no key":                                     replace("&Key-Pair-Id=K1", ""),
		"an unknown hash":                            replace("SHA256", "SHA512"),
		"a hash in lower case":                       replace("SHA256", "sha256"),
		"an empty hash":                              replace("SHA256", ""),
		"an expiry with a leading zero":              replace("1700003600", "01700003600"),
		"an expiry with a sign":                      replace("1700003600", "+1700003600"),
		"an expiry with a fraction":                  replace("1700003600", "1700003600.0"),
		"an expiry with an exponent":                 replace("1700003600", "17000036e2"),
		"an expiry beyond int64":                     replace("1700003600", "99999999999999999999"),
		"an empty expiry":                            replace("1700003600", ""),
		"another expiry":                             replace("1700003600", "1700003601"),
		"an added parameter":                         path + "?" + good + "&x=1",
		"an added parameter before":                  path + "?x=1&" + good,
		"an added &":                                 path + "?" + good + "&",
		"a quote that would end the Resource":        path + `","Condition":{}}]}?` + good,
		"a quote in the query":                       path + `?x="&` + good,
		"a backslash":                                path + `?x=\&` + good,
		"a byte outside ASCII":                       path + "?x=\xe9&" + good,
		"a dot segment":                              "/./a.jpg?" + good,
		"a dot segment that was signed":              signed("/b/../a.jpg"),
		"a dot segment in escapes that was signed":   signed("/b/%2e%2e%2fa.jpg"),
		"a control character that was signed":        signed("/a%00.jpg"),
		"an invalid escape that was signed":          signed("/a%zz.jpg"),
		"a byte outside ASCII that was signed":       signed("/é.jpg"),
		"a space that was signed":                    signed("/a b.jpg"),
		"more than 8 KiB that were signed":           signed("/" + strings.Repeat("a", 8<<10)),
		"a policy with a stray bit in its base64":    path + "?" + strayBit(withPolicy(t, open(origin+path)+"  "[:(3-len(open(origin+path))%3)%3]+" ")),
		"a relative path":                            "a.jpg?" + good,
		"a query of a megabyte":                      path + "?" + good + "&x=" + strings.Repeat("a", 1<<20),
		"a policy of more than 4 KiB":                path + "?" + withPolicy(t, open(origin+path)+strings.Repeat(" ", 4096)),
		"a policy that is no base64":                 path + "?Policy=%7B%7D&Signature=" + signature + "&Key-Pair-Id=K1&Hash-Algorithm=SHA256",
		"a policy whose signature is of another one": path + "?Policy=" + encode([]byte(open("*"))) + "&Signature=" + signature + "&Key-Pair-Id=K1&Hash-Algorithm=SHA256",
		"a policy without a Resource":                path + "?" + withPolicy(t, `{"Statement":[{"Condition":{"DateLessThan":{"AWS:EpochTime":1700003600}}}]}`),
		"a policy for another URL":                   path + "?" + withPolicy(t, open(origin+"/b.jpg")),
		"a policy for another origin":                path + "?" + withPolicy(t, open("https://evil.example"+path)),
		"a policy for another scheme":                path + "?" + withPolicy(t, open("http://d111111abcdef8.cloudfront.net"+path)),
		"SHA-1 where it is not allowed":              path + "?Expires=1700003600&Signature=" + rawSignature(t, crypto.SHA1, canned) + "&Key-Pair-Id=K1",
		"SHA-1 by name where it is not allowed":      path + "?Expires=1700003600&Signature=" + rawSignature(t, crypto.SHA1, canned) + "&Key-Pair-Id=K1&Hash-Algorithm=SHA1",
		"SHA-256 without its name":                   replace("&Hash-Algorithm=SHA256", ""),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := f.Authenticate(request(target))
			if !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("got %v, want %v", err, middleware.ErrInvalid)
			}
			if diff := cmp.Diff(middleware.Link{}, c, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
				t.Errorf("claims with an error:\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), signature) {
				t.Error("the error quotes the signature")
			}
		})
	}
}

// strayBit sets a bit of the last character of a Policy that base64 does not
// use, before the two characters of padding.
func strayBit(params string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~"
	i := strings.Index(params, "__&Signature=") - 1
	return params[:i] + alphabet[strings.IndexByte(alphabet, params[i])+1:][:1] + params[i+1:]
}

func TestUnsignedIsOnlyWhatHasNoParameterOfTheFormat(t *testing.T) {
	f := testFormat(t, &cloudfront.Options{Cookies: true})
	for target, want := range map[string]error{
		"/a":                    middleware.ErrUnsigned,
		"/a?x=1":                middleware.ErrUnsigned,
		"/a?expires=1":          middleware.ErrUnsigned,
		"/a?signature=1":        middleware.ErrUnsigned,
		"/../a":                 middleware.ErrUnsigned,
		"/a?Expires=1":          middleware.ErrInvalid,
		"/a?Policy":             middleware.ErrInvalid,
		"/a?Signature=":         middleware.ErrInvalid,
		"/a?Key-Pair-Id=K1":     middleware.ErrInvalid,
		"/a?Hash-Algorithm=SHA": middleware.ErrInvalid,
	} {
		if _, err := f.Authenticate(request(target)); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", target, err, want)
		}
	}
	r := request("/a")
	r.Header.Set("Cookie", "CloudFront-Key-Pair-Id=K1")
	if _, err := f.Authenticate(r); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("one cookie of the set: got %v, want %v", err, middleware.ErrInvalid)
	}
	if _, err := new(cloudfront.Format).Authenticate(request("/a")); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("the zero Format: got %v, want %v", err, middleware.ErrInvalid)
	}
	if _, err := new(cloudfront.Format).Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: expires}); err == nil {
		t.Error("the zero Format signed")
	}
}

func TestTheRequestCannotChooseTheAlgorithm(t *testing.T) {
	const target = "/a.jpg?Expires=1700003600&Key-Pair-Id=K1&Signature="
	sha1Signed := target + rawSignature(t, crypto.SHA1, open(origin+"/a.jpg"))
	sha256Signed := target + rawSignature(t, crypto.SHA256, open(origin+"/a.jpg"))
	strict, lenient := testFormat(t, nil), testFormat(t, &cloudfront.Options{InsecureAllowSHA1: true})
	for _, test := range []struct {
		name   string
		f      *cloudfront.Format
		target string
		ok     bool
	}{
		{"SHA-256, named", strict, sha256Signed + "&Hash-Algorithm=SHA256", true},
		{"SHA-256, named, where SHA-1 is allowed", lenient, sha256Signed + "&Hash-Algorithm=SHA256", true},
		{"SHA-256, not named, where SHA-1 is allowed", lenient, sha256Signed, false},
		{"SHA-256, named SHA1, where SHA-1 is allowed", lenient, sha256Signed + "&Hash-Algorithm=SHA1", false},
		{"SHA-1, not named, where it is allowed", lenient, sha1Signed, true},
		{"SHA-1, named, where it is allowed", lenient, sha1Signed + "&Hash-Algorithm=SHA1", true},
		{"SHA-1, named SHA256", lenient, sha1Signed + "&Hash-Algorithm=SHA256", false},
		{"SHA-1, not named", strict, sha1Signed, false},
		{"SHA-1, named", strict, sha1Signed + "&Hash-Algorithm=SHA1", false},
	} {
		if _, err := test.f.Authenticate(request(test.target)); (err == nil) != test.ok {
			t.Errorf("%s: got %v, want accepted: %t", test.name, err, test.ok)
		}
	}
}

func TestPoliciesWithoutAResourceNeedTheOption(t *testing.T) {
	const policy = `{"Statement":[{"Condition":{"DateLessThan":{"AWS:EpochTime":1700003600}}}]}`
	r := request("/a?x=1&" + withPolicy(t, policy))
	if _, err := testFormat(t, nil).Authenticate(r); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("got %v, want %v", err, middleware.ErrInvalid)
	}
	c, err := testFormat(t, &cloudfront.Options{InsecureAllowNoResource: true}).Authenticate(r)
	if err != nil || c.Under != "/" {
		t.Errorf("with the option: claims %+v, error %v", c, err)
	}
	// A Resource that says nothing is not a Resource that is missing.
	r = request("/a?" + withPolicy(t, open("")))
	if _, err := testFormat(t, &cloudfront.Options{InsecureAllowNoResource: true}).Authenticate(r); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("an empty Resource: got %v, want %v", err, middleware.ErrInvalid)
	}
}

// A canned policy has the same text as a custom one with the URL as Resource,
// where "?" and "*" are wildcards.
func TestALinkTurnedIntoACustomPolicyOpensNothingMore(t *testing.T) {
	f := testFormat(t, nil)
	for _, link := range []string{"/thumb?id=5", "/thumb?id=5&x=%3F", "/a%2Ab.jpg?x=%2A"} {
		text := open(origin + link)
		params := withPolicy(t, text)
		if _, err := f.Authenticate(request(link + "&" + params)); err != nil {
			t.Errorf("%s itself: %v", link, err)
		}
		for _, target := range []string{
			strings.Replace(link, "?", "X", 1) + "?" + params,
			strings.Replace(link, "?", "/", 1) + "?" + params,
			strings.Replace(link, "?", "%3F", 1) + "?" + params,
			strings.Replace(link, "?", "X", 1) + "?&" + params,
			strings.Replace(link, "%2A", "x", 1) + "&y&" + params,
		} {
			if _, err := f.Authenticate(request(target)); !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("%s opened %s", link, target)
			}
		}
	}
}

func TestKeyGroups(t *testing.T) {
	key := func(id string) (private, public cloudfront.Key) {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if private, err = cloudfront.NewKey(id, k); err != nil {
			t.Fatal(err)
		}
		if public, err = cloudfront.NewPublicKey(id, k.Public()); err != nil {
			t.Fatal(err)
		}
		return private, public
	}
	oldKey, oldPublic := key("OLD")
	newKey, newPublic := key("NEW")
	format := func(key cloudfront.Key, accept ...cloudfront.Key) *cloudfront.Format {
		f, err := cloudfront.New(origin, key, &cloudfront.Options{AcceptKeys: accept})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	oldLink := sign(t, format(oldKey), "/a", middleware.Claims{Expires: expires}).String()
	newLink := sign(t, format(newKey), "/a", middleware.Claims{Expires: expires}).String()
	both := format(newPublic, oldPublic)
	for link, id := range map[string]string{oldLink: "OLD", newLink: "NEW"} {
		if c, err := both.Authenticate(request(link)); err != nil || c.KeyID != id {
			t.Errorf("key %q, error %v; want %s", c.KeyID, err, id)
		}
	}
	if _, err := both.Authenticate(request(strings.Replace(oldLink, "=OLD", "=NEW", 1))); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("under the other key's id: got %v", err)
	}
	if _, err := format(newPublic).Authenticate(request(oldLink)); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("after the old key was dropped: got %v", err)
	}
	if both.CanSign() || !format(newKey).CanSign() {
		t.Error("CanSign is wrong")
	}
	if _, err := both.Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: expires}); err == nil {
		t.Error("a public key signed")
	}
	if _, err := both.SignCookies("", middleware.Claims{Expires: expires, Under: "/"}); err == nil {
		t.Error("a public key signed cookies")
	}
	if _, err := cloudfront.New(origin, newKey, &cloudfront.Options{AcceptKeys: []cloudfront.Key{newPublic}}); err == nil {
		t.Error("New took two keys of one id")
	}
	if _, err := cloudfront.New(origin, newKey, &cloudfront.Options{AcceptKeys: make([]cloudfront.Key, 1)}); err == nil {
		t.Error("New took a zero Key")
	}
	if _, err := cloudfront.New(origin, cloudfront.Key{}, nil); err == nil {
		t.Error("New took the zero Key")
	}
}

func TestNewRefusesOriginsThatAreNone(t *testing.T) {
	key, err := cloudfront.NewKey("K1", private)
	if err != nil {
		t.Fatal(err)
	}
	for _, origin := range []string{
		"", "d111111abcdef8.cloudfront.net", "https://", "https:///", "https://a.example/", "https://a.example/x",
		"https://A.example", "HTTPS://a.example", "ftp://a.example", "https://u@a.example", "https://a.example?x",
		"https://a.example#x", "https://" + strings.Repeat("a", 256) + ":65535", "https://a{b", "https://a/", "https://a;b", "https://a.example:443", "http://a.example:80", "https://*.example", "https://a example", "https://ä.example",
	} {
		if _, err := cloudfront.New(origin, key, nil); err == nil {
			t.Errorf("New took %q", origin)
		}
	}
	for _, origin := range []string{"http://a.example", "https://a.example:8443", "https://a.example:80", "http://127.0.0.1:8080", "http://[::1]:8080",
		"http://a.example:443", "https://a", "https://a-z.0_9", "https://" + strings.Repeat("a", 255) + ":65535",
	} {
		if _, err := cloudfront.New(origin, key, nil); err != nil {
			t.Errorf("New refused %q: %v", origin, err)
		}
	}
}

func TestCookies(t *testing.T) {
	f := testFormat(t, &cloudfront.Options{Cookies: true})
	set := func(under string, expires time.Time) string {
		cookies, err := f.SignCookies("", middleware.Claims{Under: under, Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		var pairs []string
		for _, c := range cookies {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
		return strings.Join(pairs, "; ")
	}
	later := expires.Add(time.Hour)
	all := set("/", expires)
	signedURL := sign(t, f, "/b/c", middleware.Claims{Expires: later})
	for _, test := range []struct {
		name    string
		target  string
		cookies []string
		want    time.Time // zero: refused
	}{
		{"one set", "/a/b?x=1", []string{set("/a/", expires)}, expires},
		{"among other cookies", "/a/b", []string{"x=1; CloudFront=2", set("/a/", expires) + ";CloudFront-Other=3"}, expires},
		{"two sets, of which the second fits", "/b/c", []string{set("/a/", expires), set("/b/", expires)}, expires},
		{"two sets that fit, of which the later one counts", "/a/b", []string{set("/a/", expires) + "; " + set("/", later)}, later},
		{"two sets that fit, the later one first", "/a/b", []string{set("/a/", later) + "; " + set("/", expires)}, later},
		{"three sets that do not fit, and one that does", "/b/c", []string{set("/1/", expires), set("/2/", expires), set("/3/", expires), set("/b/", expires)}, expires},
		{"four sets that do not fit, and one that does", "/b/c", []string{set("/1/", expires), set("/2/", expires), set("/3/", expires), set("/4/", expires), set("/b/", expires)}, time.Time{}},
		{"outside", "/b/c", []string{set("/a/", expires)}, time.Time{}},
		{"a cookie less", "/a", []string{strings.Replace(all, "CloudFront-Policy", "x", 1)}, time.Time{}},
		{"a changed policy", "/a", []string{strings.Replace(all, "CloudFront-Policy=eyJ", "CloudFront-Policy=eyK", 1)}, time.Time{}},
		{"names without their prefix", "/a", []string{strings.ReplaceAll(all, "CloudFront-", "")}, time.Time{}},
		{"names in lower case", "/a", []string{strings.ToLower(all)}, time.Time{}},
		{"the URL's signature goes before cookies", "/b/c?" + signedURL.RawQuery, []string{all}, later},
		{"a bad signature in the URL hides cookies", "/a/b?Expires=1", []string{all}, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := request(test.target)
			r.Header["Cookie"] = test.cookies
			c, err := f.Authenticate(r)
			switch {
			case test.want.IsZero() && !errors.Is(err, middleware.ErrInvalid) && !errors.Is(err, middleware.ErrUnsigned):
				t.Errorf("got %v, want it refused", err)
			case !test.want.IsZero() && (err != nil || !c.Expires.Equal(test.want)):
				t.Errorf("expires %v, error %v; want %v", c.Expires, err, test.want)
			case err == nil && c.FromCookie == strings.Contains(test.target, "Signature="):
				t.Errorf("FromCookie is %t", c.FromCookie)
			}
		})
	}

	for _, under := range []string{"a/", "/a", "/a//", "/a/../b/", "/a/..;/b/", "/%61/", "/a%2fb/", "/a\n/"} {
		if cookies, err := f.SignCookies("", middleware.Claims{Under: under, Expires: expires}); err == nil {
			t.Errorf("SignCookies made cookies for %q: %v", under, cookies)
		}
	}
	anyHost := testFormat(t, &cloudfront.Options{AnyHost: true})
	if _, err := anyHost.SignCookies("", middleware.Claims{Under: "/", Expires: expires, Host: host}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SignCookies for a host with AnyHost: %v", err)
	}
	if _, err := f.SignCookies("session", middleware.Claims{Under: "/", Expires: expires}); err == nil {
		t.Error("SignCookies took a name")
	}
	if _, err := f.SignCookies("", middleware.Claims{Expires: expires}); err == nil {
		t.Error("SignCookies made a cookie without a subtree")
	}
	if _, err := f.SignCookies("", middleware.Claims{Under: "/", Expires: expires, Uses: 1, ID: "x"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SignCookies with uses: %v", err)
	}
}

// A browser, a server and a socket between them.
func TestLinksAndCookiesOverTheWire(t *testing.T) {
	f := testFormat(t, &cloudfront.Options{Cookies: true, AnyHost: true})
	links, err := middleware.NewURLBuilder(origin+"/files/", f)
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Now().Add(time.Hour)
	subtree, err := links.Subtree("kyc/42", middleware.Claims{Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	link, err := links.URL("kyc/7/a *?;ü&=.jpg", middleware.Claims{Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	inTree, err := subtree.URL("b/c.jpg")
	if err != nil {
		t.Fatal(err)
	}
	guarded := newVerifier(t, f, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := middleware.LinkFromContext(r.Context())
		fmt.Fprintf(w, "%s %t", r.URL.Path, c.FromCookie)
	}))
	mux := http.NewServeMux()
	mux.Handle("/files/", guarded)
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		cookies, err := subtree.Cookies("")
		if err != nil {
			t.Error(err)
		}
		for _, c := range cookies {
			http.SetCookie(w, c)
		}
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	for _, test := range []struct {
		target string
		want   string
	}{
		{strings.TrimPrefix(link.String(), origin), "200 /files/kyc/7/a *?;ü&=.jpg false"},
		{strings.TrimPrefix(inTree.String(), origin), "200 /files/kyc/42/b/c.jpg false"},
		{"/files/kyc/42/x.jpg", "403 Forbidden\n"},
		{"/login", "200 "},
		{"/files/kyc/42/x.jpg", "200 /files/kyc/42/x.jpg true"},
		{"/files/kyc/42/x.jpg?v=2", "200 /files/kyc/42/x.jpg true"},
		{"/files/kyc/43/x.jpg", "403 Forbidden\n"},
		{"/files/kyc/42/%2e%2e/43/x.jpg", "403 Forbidden\n"},
		{strings.TrimPrefix(link.String(), origin) + "1", "403 Forbidden\n"},
	} {
		resp, err := client.Get(server.URL + test.target)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d %s", resp.StatusCode, body); got != test.want {
			t.Errorf("%.60s: got %q, want %q", test.target, got, test.want)
		}
	}
}

func TestTheHostMustBeTheOrigins(t *testing.T) {
	strict, any := testFormat(t, nil), testFormat(t, &cloudfront.Options{AnyHost: true})
	link := sign(t, strict, "/a", middleware.Claims{Expires: expires}).String()
	for host, ok := range map[string]bool{
		"d111111abcdef8.cloudfront.net":      true,
		"D111111abcdef8.CloudFront.net":      true,
		"d111111abcdef8.cloudfront.net:8443": false,
		"d111111abcdef8.cloudfront.net.x":    false,
		"evil.example":                       false,
	} {
		r := get(t, "https://"+host, link)
		if _, err := verify(t, strict, r, expires.Unix()-1); (err == nil) != ok || (err != nil && !errors.Is(err, middleware.ErrNotAllowed)) {
			t.Errorf("host %q: got %v, want accepted: %t", host, err, ok)
		}
		if _, err := verify(t, any, r, expires.Unix()-1); err != nil {
			t.Errorf("host %q, where any will do: %v", host, err)
		}
	}
}

func TestBoundarySeconds(t *testing.T) {
	f := testFormat(t, nil)
	start := expires.Add(-time.Hour)
	link := sign(t, f, "/a", middleware.Claims{Expires: expires, NotBefore: start}).String()
	for at, want := range map[time.Time]error{
		start.Add(-time.Second):   middleware.ErrNotYet,
		start:                     nil,
		expires.Add(-time.Second): nil,
		expires:                   middleware.ErrExpired,
	} {
		if _, err := verify(t, f, get(t, origin, link), at.Unix()); !errors.Is(err, want) {
			t.Errorf("at %d: got %v, want %v", at.Unix(), err, want)
		}
	}
}

func TestNetworksAreEnforced(t *testing.T) {
	f := testFormat(t, nil)
	for policy, addresses := range map[string]map[string]bool{
		`"203.0.113.7"`:     {"203.0.113.7:1": true, "203.0.113.8:1": false, "[::ffff:203.0.113.7]:1": true},
		`"203.0.113.0/24"`:  {"203.0.113.8:1": true, "203.0.114.8:1": false},
		`"203.0.113.99/24"`: {"203.0.113.8:1": true, "203.0.114.8:1": false},
		`"0.0.0.0/0"`:       {"203.0.113.7:1": true, "[2001:db8::1]:1": false},
	} {
		text := `{"Statement":[{"Resource":"*","Condition":{"IpAddress":{"AWS:SourceIp":` + policy + `},"DateLessThan":{"AWS:EpochTime":1700003600}}}]}`
		for address, ok := range addresses {
			r := get(t, origin, "/a?"+withPolicy(t, text))
			r.RemoteAddr = address
			if _, err := verify(t, f, r, expires.Unix()-1); (err == nil) != ok || (err != nil && !errors.Is(err, middleware.ErrNotAllowed)) {
				t.Errorf("%s from %s: got %v, want accepted: %t", policy, address, err, ok)
			}
		}
	}
}

func TestBoundsOfWhatIsSigned(t *testing.T) {
	f := testFormat(t, nil)
	for _, at := range []int64{0, 253402300799} {
		u, err := f.Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: time.Unix(at, 0)})
		if err != nil {
			t.Errorf("an expiry of %d: %v", at, err)
			continue
		}
		if l, err := f.Authenticate(request("/a?" + u.RawQuery)); err != nil || l.Expires.Unix() != at {
			t.Errorf("an expiry of %d: %v, %v", at, l.Expires, err)
		}
	}
	// The policy for a Resource of one byte is as long as the other parts of one.
	text := len(cloudfront.Policy{Resource: origin + "/*", Expires: expires.Unix()}.Encode())
	for n, want := range map[int]bool{4096: true, 4097: false} {
		resource := origin + "/*" + strings.Repeat("*", n-text)
		u, err := f.SignResource(&url.URL{Path: "/a"}, resource, middleware.Claims{Expires: expires})
		if (err == nil) != want {
			t.Errorf("a policy of %d bytes: %v, %v", n, u, err)
		}
	}
	for _, c := range []string{" ", "\x1f", "\x7f", "\x80", `\a`, `\`} {
		if _, err := f.SignResourceCookies(origin+"/"+c, middleware.Claims{Expires: expires}); err == nil {
			t.Errorf("a Resource that ends in %q was accepted", c)
		}
	}
	var none *cloudfront.Format
	if got := none.String(); got != "no keys" {
		t.Errorf("a nil Format is %q", got)
	}
}

// The text is for the operator: it tells a signature that is too long to be
// looked at from one that does not match.
func TestErrorsSayWhatIsWrong(t *testing.T) {
	f := testFormat(t, nil)
	const key = "&Key-Pair-Id=K1&Hash-Algorithm=SHA256"
	longest := (4096/8 + 2) / 3 * 4
	for name, test := range map[string]struct{ query, want string }{
		"an empty signature":         {"Expires=1&Signature=" + key, "base64"},
		"a signature with a break":   {"Expires=1&Signature=AAAA\nAAAA" + key, "base64"},
		"the longest signature":      {"Expires=1&Signature=" + strings.Repeat("A", longest) + key, "does not match"},
		"a signature that is longer": {"Expires=1&Signature=" + strings.Repeat("A", longest+4) + key, "base64"},
		"the longest policy":         {"Policy=" + encode(make([]byte, 4096)) + "&Signature=AAAA" + key, "does not match"},
		"a policy that is longer":    {"Policy=" + encode(make([]byte, 4099)) + "&Signature=AAAA" + key, "base64"},
		"an empty policy":            {"Policy=&Signature=AAAA" + key, "base64"},
		"another hash":               {"Expires=1&Signature=AAAA&Key-Pair-Id=K1&Hash-Algorithm=MD5", "Hash-Algorithm"},
		"an empty hash":              {"Expires=1&Signature=AAAA&Key-Pair-Id=K1&Hash-Algorithm=", "Hash-Algorithm"},
		"a name in escapes":          {"%45xpires=1", "escapes"},
		"a query with DEL":           {"a=\x7f&Expires=1", "printable"},
		"a query with a number sign": {"a=#&Expires=1", "printable"},
	} {
		if _, err := f.Authenticate(request("/a?" + test.query)); !errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// A browser whose clock runs ahead drops a cookie that has Expires alone.
func TestCookiesHaveMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := testFormat(t, nil)
		for lives, want := range map[time.Duration]int{time.Hour: 3600, time.Second: 1, 0: -1, -time.Hour: -1} {
			c := middleware.Claims{Expires: time.Now().Add(lives)}
			resources, err := f.SignResourceCookies(origin+"/*", c)
			if err != nil {
				t.Fatal(err)
			}
			c.Under = "/a/"
			cookies, err := f.SignCookies("", c)
			if err != nil {
				t.Fatal(err)
			}
			for _, cookie := range append(cookies, resources...) {
				if cookie.MaxAge != want || !cookie.Expires.Equal(c.Expires) {
					t.Errorf("%s: Max-Age %d and Expires %v of a cookie for %v, want %d", cookie.Name, cookie.MaxAge, cookie.Expires, lives, want)
				}
			}
		}
	})
}
