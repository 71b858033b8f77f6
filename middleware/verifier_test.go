package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/signedurl/middleware"
)

// request returns what a server makes of a request line and header lines.
func request(t testing.TB, method, target string, header ...string) *http.Request {
	t.Helper()
	text := method + " " + target + " HTTP/1.1\r\nHost: files.example.com\r\n" + strings.Join(append(header, "", ""), "\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.7:1234"
	return r
}

func sign(t testing.TB, f middleware.Format, target string, c middleware.Claims) string {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := f.Sign(u, c)
	if err != nil {
		t.Fatal(err)
	}
	return signed.String()
}

// in returns claims that expire so long after the start of a bubble, or after
// now outside of one.
func in(d time.Duration) middleware.Claims {
	return middleware.Claims{Expires: time.Now().Truncate(time.Second).Add(d)}
}

func TestEachClaimComesBackAsItWasSigned(t *testing.T) {
	ring := testRing(t)
	c := middleware.Claims{
		Expires: time.Unix(epoch, 0), NotBefore: time.Unix(epoch-60, 0), Under: "/files/my%20docs/",
		Methods: []string{"GET", "PUT"}, Host: "files.example.com:8443",
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.0.2.7/32")},
		Binding:  middleware.Binding{Name: "session", Value: sessionValue},
		ID:       "invoice:42", Uses: 3, DownloadName: "Rechnung März.pdf", ContentType: "application/pdf", Ignore: []string{"utm_*", "fbclid"},
	}
	u, err := ring.Sign(&url.URL{Path: "/files/my docs/a b.pdf"}, c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := middleware.AuthenticateBound(ring, middleware.Request{Path: u.EscapedPath(), RawQuery: u.RawQuery + "&utm_source=x&fbclid=y"}, sessionValue)
	if err != nil {
		t.Fatal(err)
	}
	want := middleware.Link{Claims: c, KeyID: "2026a"}
	want.Binding.Value = ""
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestSignRefusesWhatItCannotStandFor(t *testing.T) {
	ring := testRing(t)
	ok := middleware.Claims{Expires: time.Unix(epoch, 0)}
	with := func(f func(c *middleware.Claims)) middleware.Claims {
		c := ok
		f(&c)
		return c
	}
	for name, test := range map[string]struct {
		target string
		claims middleware.Claims
	}{
		"no expiry":                         {"/x", middleware.Claims{}},
		"an expiry and permanent":           {"/x", middleware.Claims{Expires: time.Unix(epoch, 0), Permanent: true}},
		"an expiry before 1970":             {"/x", middleware.Claims{Expires: time.Unix(-1, 0)}},
		"an expiry after the year 9999":     {"/x", middleware.Claims{Expires: time.Unix(253402300800, 0)}},
		"not before the expiry":             {"/x", with(func(c *middleware.Claims) { c.NotBefore = c.Expires })},
		"a relative path":                   {"x", ok},
		"no path":                           {"", ok},
		"a dot segment":                     {"/a/%2e%2e/b", ok},
		"a dot segment behind a slash":      {"/a/..%2Fb", ok},
		"an empty part":                     {"/a//b", ok},
		"a user":                            {"https://u:p@example.com/x", ok},
		"an opaque URL":                     {"mailto:x", ok},
		"a reserved parameter":              {"/x?signed_by=y", ok},
		"an old signature":                  {"/x?signature=y", ok},
		"an unknown reserved parameter":     {"/x?signed_new=y", ok},
		"a semicolon":                       {"/x?a=1;b=2", ok},
		"an invalid escape":                 {"/x?a=%zz", ok},
		"126 parameters":                    {"/x?" + strings.Repeat("a=1&", 125) + "a=1", ok},
		"a target over 8 KiB":               {"/" + strings.Repeat("x", 8192), ok},
		"a subtree without slash":           {"/a/b", with(func(c *middleware.Claims) { c.Under = "/a" })},
		"a subtree elsewhere":               {"/a/b", with(func(c *middleware.Claims) { c.Under = "/b/" })},
		"a subtree with a similar name":     {"/ab/c", with(func(c *middleware.Claims) { c.Under = "/a/" })},
		"a subtree that is not canonical":   {"/~a/b", with(func(c *middleware.Claims) { c.Under = "/%7Ea/" })},
		"a subtree with a parameter":        {"/a/b?w=1", with(func(c *middleware.Claims) { c.Under = "/a/" })},
		"an empty list of methods":          {"/x", with(func(c *middleware.Claims) { c.Methods = []string{} })},
		"a method in lower case":            {"/x", with(func(c *middleware.Claims) { c.Methods = []string{"get"} })},
		"a method with a comma":             {"/x", with(func(c *middleware.Claims) { c.Methods = []string{"GET,PUT"} })},
		"a host in upper case":              {"/x", with(func(c *middleware.Claims) { c.Host = "Example.com" })},
		"a host with a slash":               {"/x", with(func(c *middleware.Claims) { c.Host = "example.com/x" })},
		"an empty list of networks":         {"/x", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{} })},
		"the zero network":                  {"/x", with(func(c *middleware.Claims) { c.Networks = []netip.Prefix{{}} })},
		"a binding without a value":         {"/x", with(func(c *middleware.Claims) { c.Binding.Name = "session" })},
		"a binding without a name":          {"/x", with(func(c *middleware.Claims) { c.Binding.Value = "v" })},
		"uses without an id":                {"/x", with(func(c *middleware.Claims) { c.Uses = 1 })},
		"uses without an expiry":            {"/x", middleware.Claims{Permanent: true, ID: "a", Uses: 1}},
		"negative uses":                     {"/x", with(func(c *middleware.Claims) { c.ID, c.Uses = "a", -1 })},
		"too many uses":                     {"/x", with(func(c *middleware.Claims) { c.ID, c.Uses = "a", 1_000_001 })},
		"an id with a space":                {"/x", with(func(c *middleware.Claims) { c.ID = "a b" })},
		"an id of 129 bytes":                {"/x", with(func(c *middleware.Claims) { c.ID = strings.Repeat("a", 129) })},
		"everything ignored":                {"/x", with(func(c *middleware.Claims) { c.Ignore = []string{"*"} })},
		"an empty name ignored":             {"/x", with(func(c *middleware.Claims) { c.Ignore = []string{""} })},
		"an empty list of ignored names":    {"/x", with(func(c *middleware.Claims) { c.Ignore = []string{} })},
		"a comma in an ignored name":        {"/x", with(func(c *middleware.Claims) { c.Ignore = []string{"a,b c"} })},
		"a download name with a slash":      {"/x", with(func(c *middleware.Claims) { c.DownloadName = "../x" })},
		"a download name with a line break": {"/x", with(func(c *middleware.Claims) { c.DownloadName = "a\r\nSet-Cookie: x" })},
		"a download name that is no UTF-8":  {"/x", with(func(c *middleware.Claims) { c.DownloadName = "\xff" })},
		"a content type with a line break":  {"/x", with(func(c *middleware.Claims) { c.ContentType = "a/b\r\nX: y" })},
		"a content type without a slash":    {"/x", with(func(c *middleware.Claims) { c.ContentType = "pdf" })},
	} {
		t.Run(name, func(t *testing.T) {
			u, err := url.Parse(test.target)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := ring.Sign(u, test.claims); err == nil {
				t.Errorf("signed: %s", got)
			} else if !strings.HasPrefix(err.Error(), "signedurl: ") {
				t.Errorf("error %q", err)
			}
		})
	}
}

func TestALinkLivesFromNotBeforeToExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now() // 2000-01-01T00:00:00Z
		c := middleware.Claims{NotBefore: start.Add(10 * time.Second), Expires: start.Add(20*time.Second + 999*time.Millisecond)}
		ring := testRing(t)
		link := sign(t, ring, "/x", c)
		exact := newVerifier(ring, nil)
		lenient := newVerifier(ring, &middleware.Options{Leeway: 5 * time.Second})
		for _, step := range []struct {
			at             time.Duration
			exact, lenient error
		}{
			{0, middleware.ErrNotYet, middleware.ErrNotYet},
			{5*time.Second - 1, middleware.ErrNotYet, middleware.ErrNotYet},
			{5 * time.Second, middleware.ErrNotYet, nil},
			{10*time.Second - 1, middleware.ErrNotYet, nil},
			{10 * time.Second, nil, nil},
			{20*time.Second - 1, nil, nil},
			{20 * time.Second, middleware.ErrExpired, nil},
			{25*time.Second - 1, middleware.ErrExpired, nil},
			{25 * time.Second, middleware.ErrExpired, middleware.ErrExpired},
			{24 * time.Hour, middleware.ErrExpired, middleware.ErrExpired},
		} {
			time.Sleep(time.Until(start.Add(step.at)))
			for v, want := range map[*middleware.Verifier]error{exact: step.exact, lenient: step.lenient} {
				if c, err := v.Verify(request(t, "GET", link)); !errors.Is(err, want) {
					t.Errorf("after %v: error %v, want %v", step.at, err, want)
				} else if err != nil && !cmp.Equal(c, middleware.Link{}) {
					t.Errorf("after %v: claims %+v with an error", step.at, c)
				}
			}
		}
	})
}

// row is a request that is to be judged; the claims of its link are those of
// the table it stands in.
type row struct {
	name, method, target string
	header               []string
	change               func(r *http.Request)
	want                 error
}

func judge(t *testing.T, v *middleware.Verifier, rows []row) {
	t.Helper()
	for _, test := range rows {
		t.Run(test.name, func(t *testing.T) {
			if test.method == "" {
				test.method = "GET"
			}
			r := request(t, test.method, test.target, test.header...)
			if test.change != nil {
				test.change(r)
			}
			c, err := v.Verify(r)
			if !errors.Is(err, test.want) || (err != nil && test.want == nil) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if (c.KeyID == "") != (err != nil) {
				t.Errorf("claims %+v with error %v", c, err)
			}
			// Explaining goes through the same checks.
			if e := v.Explain(r); middleware.Reason(e.Err) != middleware.Reason(err) && !errors.Is(err, middleware.ErrUsedUp) {
				t.Errorf("explained as %v, decided %v", e.Err, err)
			}
		})
	}
}

func TestLimitsOfPolicy(t *testing.T) {
	ring := testRing(t)
	short, long := sign(t, ring, "/x", in(time.Hour)), sign(t, ring, "/x", in(48*time.Hour))
	permanent := sign(t, ring, "/x", middleware.Claims{Permanent: true})
	judge(t, newVerifier(ring, &middleware.Options{MaxLifetime: 24 * time.Hour}), []row{
		{name: "a link that is short enough", target: short},
		{name: "a link that lives too long", target: long, want: middleware.ErrNotAllowed},
		{name: "a permanent link that is not allowed", target: permanent, want: middleware.ErrNotAllowed},
	})
	judge(t, newVerifier(ring, &middleware.Options{AllowPermanent: true}), []row{
		{name: "a permanent link that is allowed", target: permanent},
		{name: "a permanent link made from another", target: strings.Replace(short, "expires_at=", "expires_at=never&x=", 1), want: middleware.ErrInvalid},
	})
}

func TestLimitOfMethod(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, nil)
	get := sign(t, ring, "/x", in(time.Hour))
	put, both := in(time.Hour), in(time.Hour)
	put.Methods, both.Methods = []string{"PUT"}, []string{"GET", "DELETE"}
	var rows []row
	for _, m := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "GETS"} {
		rows = append(rows, row{name: m + " of a plain link", method: m, target: get, want: middleware.ErrNotAllowed})
	}
	judge(t, v, append(rows,
		row{name: "GET of a plain link", target: get},
		row{name: "HEAD of a plain link", method: "HEAD", target: get},
		row{name: "PUT of a link for PUT", method: "PUT", target: sign(t, ring, "/x", put)},
		row{name: "GET of a link for PUT", target: sign(t, ring, "/x", put), want: middleware.ErrNotAllowed},
		row{name: "HEAD of a link for PUT", method: "HEAD", target: sign(t, ring, "/x", put), want: middleware.ErrNotAllowed},
		row{name: "DELETE of a link for both", method: "DELETE", target: sign(t, ring, "/x", both)},
		row{name: "HEAD of a link for both", method: "HEAD", target: sign(t, ring, "/x", both)},
		row{name: "a method override is not looked at", method: "PUT", target: get, header: []string{"X-HTTP-Method-Override: GET"}, want: middleware.ErrNotAllowed},
		row{name: "POST of an unsigned URL", method: "POST", target: "/x", want: middleware.ErrUnsigned},
	))
}

func TestLimitOfHost(t *testing.T) {
	ring := testRing(t)
	c, p := in(time.Hour), in(time.Hour)
	c.Host, p.Host = "files.example.com", "files.example.com:8443"
	link, port := sign(t, ring, "/x", c), sign(t, ring, "/x", p)
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	judge(t, newVerifier(ring, nil), []row{
		{name: "the host", target: link},
		{name: "the host in upper case", target: link, change: host("FILES.example.COM")},
		{name: "the default port", target: link, change: host("files.example.com:80")},
		{name: "the default port of the other scheme", target: link, change: host("files.example.com:443")},
		{name: "another port", target: link, change: host("files.example.com:8443"), want: middleware.ErrNotAllowed},
		{name: "another host", target: link, change: host("evil.example.com"), want: middleware.ErrNotAllowed},
		{name: "a host that ends alike", target: link, change: host("xfiles.example.com"), want: middleware.ErrNotAllowed},
		{name: "no host", target: link, change: host(""), want: middleware.ErrNotAllowed},
		{name: "a Kelvin sign for a k", target: strings.Replace(link, "x?", "x?", 1), change: host("files.example.com\u212a"), want: middleware.ErrNotAllowed},
		{name: "a forwarded host is not looked at", target: link, header: []string{"X-Forwarded-Host: files.example.com"}, change: host("evil.example.com"), want: middleware.ErrNotAllowed},
		{name: "a host with port", target: port, change: host("files.example.com:8443")},
		{name: "a host without the port", target: port, want: middleware.ErrNotAllowed},
	})
}

func TestLimitOfNetwork(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.Networks = []netip.Prefix{netip.MustParsePrefix("10.1.2.3/8"), netip.MustParsePrefix("203.0.113.9/32"), netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("::ffff:198.51.100.0/120")}
	link := sign(t, ring, "/x", c)
	from := func(a string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = a } }
	judge(t, newVerifier(ring, nil), []row{
		{name: "inside an IPv4 network", target: link, change: from("10.255.0.1:1")},
		{name: "the single address", target: link, change: from("203.0.113.9:1")},
		{name: "beside the single address", target: link, change: from("203.0.113.8:1"), want: middleware.ErrNotAllowed},
		{name: "inside the IPv6 network", target: link, change: from("[2001:db8:1:2::3]:1")},
		{name: "outside the IPv6 network", target: link, change: from("[2001:db8:2::3]:1"), want: middleware.ErrNotAllowed},
		{name: "an IPv4-mapped address", target: link, change: from("[::ffff:10.0.0.1]:1")},
		{name: "a network that was written IPv4-mapped", target: link, change: from("198.51.100.77:1")},
		{name: "an address with a zone", target: link, change: from("[2001:db8:1::1%eth0]:1")},
		{name: "outside", target: link, want: middleware.ErrNotAllowed},
		{name: "a Unix socket", target: link, change: from("@"), want: middleware.ErrNotAllowed},
		{name: "no address", target: link, change: from(""), want: middleware.ErrNotAllowed},
		{name: "a forwarded address from a peer that is no proxy", target: link, header: []string{"X-Forwarded-For: 10.0.0.1"}, want: middleware.ErrNotAllowed},
	})
	proxied := newVerifier(ring, &middleware.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("::ffff:198.18.0.0/112")}})
	judge(t, proxied, []row{
		{name: "forwarded by the proxy", target: link, header: []string{"X-Forwarded-For: 10.0.0.1"}},
		{name: "forwarded by two proxies", target: link, header: []string{"X-Forwarded-For: 10.0.0.1, 192.0.2.9"}},
		{name: "forwarded by two proxies in two lines", target: link, header: []string{"X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 192.0.2.9"}},
		{name: "forwarded by a proxy that was written IPv4-mapped", target: link, header: []string{"X-Forwarded-For: 10.0.0.1, 198.18.0.1"}},
		{name: "forwarded with a port", target: link, header: []string{"X-Forwarded-For: 10.0.0.1:4711"}},
		{name: "forwarded from IPv6 with a port", target: link, header: []string{"X-Forwarded-For: [2001:db8:1::1]:4711"}},
		{name: "an entry that the client wrote", target: link, header: []string{"X-Forwarded-For: 10.0.0.1, 198.51.101.1"}, want: middleware.ErrNotAllowed},
		{name: "a line that the client wrote", target: link, header: []string{"X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 198.51.101.1"}, want: middleware.ErrNotAllowed},
		{name: "nonsense behind the address", target: link, header: []string{"X-Forwarded-For: 10.0.0.1, unknown"}, want: middleware.ErrNotAllowed},
		{name: "an empty entry", target: link, header: []string{"X-Forwarded-For: 10.0.0.1,"}, want: middleware.ErrNotAllowed},
		{name: "no header", target: link, want: middleware.ErrNotAllowed},
		{name: "nothing but proxies", target: link, header: []string{"X-Forwarded-For: 192.0.2.1, 192.0.2.2"}, want: middleware.ErrNotAllowed},
		{name: "Forwarded is not looked at", target: link, header: []string{"Forwarded: for=10.0.0.1"}, want: middleware.ErrNotAllowed},
		{name: "a client that needs no proxy", target: link, change: from("10.0.0.1:1"), header: []string{"X-Forwarded-For: nonsense"}},
	})
}

func TestLimitOfBinding(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.Binding = middleware.Binding{Name: "session", Value: "alice's"}
	link := sign(t, ring, "/x", c)
	if strings.Contains(link, "alice") {
		t.Fatal("the link shows the value")
	}
	v := newVerifier(ring, &middleware.Options{Binding: func(r *http.Request, name string) (string, error) {
		cookie, err := r.Cookie(name)
		if err != nil {
			return "", err
		}
		return cookie.Value, nil
	}})
	judge(t, v, []row{
		{name: "the session", target: link, header: []string{"Cookie: session=alice's"}},
		{name: "another session", target: link, header: []string{"Cookie: session=bob's"}, want: middleware.ErrInvalid},
		{name: "an empty session", target: link, header: []string{"Cookie: session="}, want: middleware.ErrInvalid},
		{name: "no session", target: link, want: middleware.ErrInvalid},
		{name: "another name", target: strings.Replace(link, "signed_for=session", "signed_for=user", 1), header: []string{"Cookie: user=alice's"}, want: middleware.ErrInvalid},
		{name: "the limit taken out", target: strings.Replace(link, "&signed_for=session", "", 1), header: []string{"Cookie: session=alice's"}, want: middleware.ErrInvalid},
		{name: "an unbound link", target: sign(t, ring, "/x", in(time.Hour))},
	})
	judge(t, newVerifier(ring, nil), []row{
		{name: "a verifier that knows no bindings", target: link, header: []string{"Cookie: session=alice's"}, want: middleware.ErrInvalid},
	})
	if e := v.Explain(request(t, "GET", link, "Cookie: session=alice's")); strings.Contains(e.String(), "alice") || !strings.HasSuffix(e.Signed, "[the value of session]") {
		t.Errorf("the explanation shows the value of the binding, or not its name:\n%s", e)
	}
}

func TestLimitOfSubtree(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.Under = "/files/alice/"
	link := sign(t, ring, "/files/alice/card.jpg", c)
	_, query, _ := strings.Cut(link, "?")
	at := func(path string) string { return path + "?" + query }
	judge(t, newVerifier(ring, nil), []row{
		{name: "the file it was made for", target: link},
		{name: "another file", target: at("/files/alice/b.jpg")},
		{name: "a file below a folder", target: at("/files/alice/deep/er/b.jpg")},
		{name: "a folder", target: at("/files/alice/deep/")},
		{name: "an escaped name", target: at("/files/%61lice/b%20c.jpg")},
		{name: "the subtree itself", target: at("/files/alice/")},
		{name: "the subtree itself without its slash", target: at("/files/alice"), want: middleware.ErrInvalid},
		{name: "the subtree itself with an encoded slash", target: at("/files/alice%2F"), want: middleware.ErrInvalid},
		{name: "the subtree without its slash", target: at("/files/alice"), want: middleware.ErrInvalid},
		{name: "a sibling", target: at("/files/bob/b.jpg"), want: middleware.ErrInvalid},
		{name: "a name that begins alike", target: at("/files/alice2/b.jpg"), want: middleware.ErrInvalid},
		{name: "another case", target: at("/files/Alice/b.jpg"), want: middleware.ErrInvalid},
		{name: "a dot segment", target: at("/files/alice/../bob/b.jpg"), want: middleware.ErrInvalid},
		{name: "an escaped dot segment", target: at("/files/alice/%2e%2e/bob/b.jpg"), want: middleware.ErrInvalid},
		{name: "a dot segment behind an escaped slash", target: at("/files/alice/..%2Fbob/b.jpg"), want: middleware.ErrInvalid},
		{name: "a dot segment behind a backslash", target: at("/files/alice/..%5Cbob/b.jpg"), want: middleware.ErrInvalid},
		{name: "a dot segment between escaped slashes", target: at("/files/alice/x%2F..%2F..%2Fbob"), want: middleware.ErrInvalid},
		{name: "an escaped slash where the subtree ends", target: at("/files/alice%2Fb.jpg"), want: middleware.ErrInvalid},
		{name: "two slashes", target: at("/files//alice/b.jpg"), want: middleware.ErrInvalid},
		{name: "a parameter", target: at("/files/alice/b.jpg") + "&w=100", want: middleware.ErrInvalid},
		{name: "a wider subtree", target: strings.Replace(link, "%2Ffiles%2Falice%2F", "%2Ffiles%2F", 1), want: middleware.ErrInvalid},
		{name: "the subtree taken out", target: strings.Replace(link, "&signed_under=%2Ffiles%2Falice%2F", "", 1), want: middleware.ErrInvalid},
		{name: "as a cookie", target: "/files/alice/b.jpg", header: []string{"Cookie: signed=" + query}, want: middleware.ErrUnsigned},
	})
	c.Ignore = []string{"utm_*", "fbclid"}
	link = sign(t, ring, "/files/alice/card.jpg", c)
	judge(t, newVerifier(ring, nil), []row{
		{name: "with ignored parameters", target: link + "&utm_source=x&fbclid=1"},
		{name: "with another parameter", target: link + "&utmsource=x", want: middleware.ErrInvalid},
	})
}

func TestIgnoredParameters(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.Ignore = []string{"utm_*", "fbclid"}
	link := sign(t, ring, "/x?w=100&utm_source=letter", c)
	judge(t, newVerifier(ring, nil), []row{
		{name: "as signed", target: link},
		{name: "one added", target: link + "&fbclid=abc&utm_medium=x"},
		{name: "one added in front", target: strings.Replace(link, "?", "?fbclid=abc&", 1)},
		{name: "one changed", target: strings.Replace(link, "letter", "page", 1)},
		{name: "one taken out", target: strings.Replace(link, "&utm_source=letter", "", 1)},
		{name: "one spelled with escapes", target: link + "&%75tm_x=1"},
		{name: "a name that only begins alike", target: link + "&fbclid2=abc", want: middleware.ErrInvalid},
		{name: "a prefix that is cut short", target: link + "&utm=abc", want: middleware.ErrInvalid},
		{name: "another changed", target: strings.Replace(link, "w=100", "w=999", 1), want: middleware.ErrInvalid},
		{name: "an invalid escape in an ignored one", target: link + "&utm_x=%zz", want: middleware.ErrInvalid},
		{name: "a semicolon in an ignored one", target: link + "&utm_x=a;w=999", want: middleware.ErrInvalid},
		{name: "a second reserved one", target: link + "&signed_ignore=w", want: middleware.ErrInvalid},
	})
	c.Ignore = strings.Split(strings.Repeat("a,", 63)+"a", ",")
	many := sign(t, ring, "/x", c)
	c.Ignore = append(c.Ignore, "a")
	if _, err := ring.Sign(&url.URL{Path: "/x"}, c); err == nil {
		t.Error("a link that ignores 65 names is signed")
	}
	judge(t, newVerifier(ring, nil), []row{
		{name: "64 names", target: many + "&a=1"},
		{name: "65 names", target: strings.Replace(many, "signed_ignore=", "signed_ignore=a,", 1), want: middleware.ErrInvalid},
	})
	c.Ignore = []string{"sign*", "expires_at", "e*"}
	link = sign(t, ring, "/x", c)
	judge(t, newVerifier(ring, nil), []row{
		{name: "reserved names cannot be ignored", target: strings.Replace(link, "expires_at=", "expires_at=9", 1), want: middleware.ErrInvalid},
		{name: "nor added", target: link + "&signed_from=1", want: middleware.ErrInvalid},
	})
}

func TestRevocation(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.ID = "invoice:42"
	link := sign(t, ring, "/x", c)
	asked := 0
	answer := func(revoked bool, err error) *middleware.Verifier {
		return newVerifier(ring, &middleware.Options{Revocations: revocation(func(id string) (bool, error) {
			asked++
			if id != "invoice:42" {
				t.Errorf("asked for %q", id)
			}
			return revoked, err
		})})
	}
	judge(t, answer(false, nil), []row{{name: "not revoked", target: link}})
	judge(t, answer(true, nil), []row{{name: "revoked", target: link, want: middleware.ErrRevoked}})
	judge(t, answer(false, errors.New("no answer")), []row{{name: "no answer", target: link, want: middleware.ErrUnavailable}})
	judge(t, newVerifier(ring, nil), []row{{name: "nobody asks", target: link}})
	asked = 0
	expired := c
	expired.Expires = time.Now().Add(-time.Hour)
	judge(t, answer(true, nil), []row{
		{name: "an expired link", target: sign(t, ring, "/x", expired), want: middleware.ErrExpired},
		{name: "an altered link", target: strings.Replace(link, "/x", "/y", 1), want: middleware.ErrInvalid},
		{name: "a wrong method", method: "POST", target: link, want: middleware.ErrNotAllowed},
		{name: "a link without id", target: sign(t, ring, "/x", in(time.Hour))},
	})
	if asked != 0 {
		t.Errorf("the store was asked %d times about links that need no store", asked)
	}
}

type revocation func(id string) (bool, error)

func (f revocation) Revoked(_ context.Context, id string) (bool, error) { return f(id) }

type uses func(u middleware.Use) (bool, error)

func (f uses) Take(_ context.Context, u middleware.Use) (bool, error) { return f(u) }
func (uses) GiveBack(context.Context, middleware.Use) error           { return nil }

func TestLimitedUses(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.ID, c.Uses = "once", 2
	link := sign(t, ring, "/x", c)
	var taken []middleware.Use
	store := uses(func(u middleware.Use) (bool, error) {
		taken = append(taken, u)
		return len(taken) <= u.Limit, nil
	})
	v := newVerifier(ring, &middleware.Options{Uses: store, Leeway: time.Second})
	judge(t, v, []row{
		{name: "HEAD takes none", method: "HEAD", target: link},
		{name: "a wrong method takes none", method: "POST", target: link, want: middleware.ErrNotAllowed},
		{name: "an altered link takes none", target: link + "&x=1", want: middleware.ErrInvalid},
		{name: "the first", target: link},
		{name: "the second", target: link},
		{name: "the third", target: link, want: middleware.ErrUsedUp},
	})
	want := middleware.Use{ID: "once", Limit: 2, Expires: c.Expires.Add(time.Second + time.Minute)}
	anyNonce := cmpopts.IgnoreFields(middleware.Use{}, "Nonce")
	if len(taken) != 3 || !cmp.Equal(taken[0], want, cmpopts.EquateComparable(netip.Prefix{}), anyNonce) {
		t.Errorf("taken: %+v", taken)
	}
	judge(t, newVerifier(ring, nil), []row{{name: "without a store", target: link, want: middleware.ErrUnavailable}})
	full := uses(func(u middleware.Use) (bool, error) { return true, errors.New("full") })
	if _, err := newVerifier(ring, &middleware.Options{Uses: full}).Verify(request(t, "GET", link)); !errors.Is(err, middleware.ErrUnavailable) {
		t.Errorf("with a full store: %v", err)
	}
	var window []middleware.Use
	w := newVerifier(ring, &middleware.Options{UseWindow: time.Minute, Uses: uses(func(u middleware.Use) (bool, error) {
		window = append(window, u)
		return true, nil
	})})
	for _, a := range []string{"192.0.2.7:1", "[2001:db8:1:2:3:4:5:6]:1", "[::ffff:192.0.2.7]:9"} {
		r := request(t, "GET", link)
		r.RemoteAddr = a
		if _, err := w.Verify(r); err != nil {
			t.Error(err)
		}
	}
	var clients []string
	for _, u := range window {
		clients = append(clients, u.Client.String()+" "+u.Window.String())
	}
	if diff := cmp.Diff([]string{"192.0.2.7/32 1m0s", "2001:db8:1:2::/64 1m0s", "192.0.2.7/32 1m0s"}, clients); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	r := request(t, "GET", link)
	r.RemoteAddr = "@"
	if _, err := w.Verify(r); !errors.Is(err, middleware.ErrNotAllowed) {
		t.Errorf("with a window and no address: %v", err)
	}
}

func TestPathsThatWereRewritten(t *testing.T) {
	ring := testRing(t)
	link := func(path string) string { return sign(t, ring, path, in(time.Hour)) }
	strip := func(prefix string) func(*http.Request) {
		return func(r *http.Request) {
			http.StripPrefix(prefix, http.HandlerFunc(func(_ http.ResponseWriter, inner *http.Request) { *r = *inner })).ServeHTTP(nil, r)
		}
	}
	proxy := func(prefix string) func(*http.Request) {
		return func(r *http.Request) {
			target := strings.TrimPrefix(r.RequestURI, prefix)
			u, err := url.ParseRequestURI(target)
			if err != nil {
				t.Fatal(err)
			}
			r.RequestURI, r.URL = target, u
		}
	}
	judge(t, newVerifier(ring, &middleware.Options{Prefix: "/files"}), []row{
		{name: "inside StripPrefix", target: link("/files/a%20b.jpg"), change: strip("/files")},
		{name: "inside StripPrefix with an encoded slash", target: link("/files/a%2Fb.jpg"), change: strip("/files")},
		{name: "behind a proxy that takes the prefix off", target: link("/files/a%20b.jpg"), change: proxy("/files")},
		{name: "without a request line", target: link("/files/a.jpg"), change: func(r *http.Request) { strip("/files")(r); r.RequestURI = "" }},
		{name: "a link to the path without the prefix", target: link("/a.jpg"), want: middleware.ErrInvalid},
		{name: "a link below another prefix", target: link("/other/a.jpg"), change: strip("/other"), want: middleware.ErrInvalid},
		{name: "a path that was changed", target: link("/files/a.jpg"), change: func(r *http.Request) { strip("/files")(r); r.URL.Path = "/b.jpg" }, want: middleware.ErrInvalid},
	})
	judge(t, newVerifier(ring, &middleware.Options{Prefix: "/files/"}), []row{
		{name: "inside StripPrefix with the slash", target: link("/files/a.jpg"), change: strip("/files/")},
		{name: "a name that begins with a slash", target: "/files//a.jpg?" + strings.SplitN(link("/files/a.jpg"), "?", 2)[1], change: strip("/files/"), want: middleware.ErrInvalid},
	})
	v := newVerifier(ring, nil)
	judge(t, v, []row{
		{name: "one verifier at two places does not open one with the link of the other", target: link("/a/card"), change: strip("/a"), want: middleware.ErrInvalid},
		{name: "a path that was changed and a request line that was not", target: link("/a/card"), change: func(r *http.Request) { r.URL.Path = "/b/card" }, want: middleware.ErrInvalid},
		{name: "a path that was decoded twice", target: link("/a%252Fb"), change: func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a/b", "" }, want: middleware.ErrInvalid},
		{name: "an escaped path that was taken for a decoded one", target: link("/a%41"), change: func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a%41", "" }, want: middleware.ErrInvalid},
		{name: "the absolute form without a request line", target: link("/x"), change: func(r *http.Request) { r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", "x" }},
		{name: "a host in the URL without a request line", target: link("/x"), change: func(r *http.Request) { r.RequestURI, r.URL.Host = "", "x" }},
		{name: "an encoded slash that was decoded", target: link("/a%2Fb"), change: func(r *http.Request) { r.URL.RawPath = "" }, want: middleware.ErrInvalid},
		{name: "a stale RawPath", target: link("/a%2Fb"), change: func(r *http.Request) { r.URL.Path = "/c" }, want: middleware.ErrInvalid},
		{name: "the absolute form", target: "http://files.example.com" + link("/x")},
		{name: "the absolute form of a proxy's other host", target: "https://evil.example" + link("/x")},
		{name: "the absolute form with a user", target: "http://me@files.example.com" + link("/x"), want: middleware.ErrInvalid},
		{name: "the absolute form of another scheme", target: "ftp://files.example.com" + link("/x"), want: middleware.ErrInvalid},
		{name: "the absolute form without a path", target: "http://files.example.com" + strings.TrimPrefix(link("/x"), "/x"), want: middleware.ErrInvalid},
		{name: "a scheme that middleware set", target: link("/x"), change: func(r *http.Request) { r.URL.Scheme = "https" }},
		{name: "a scheme and a host that middleware set", target: link("/x"), change: func(r *http.Request) { r.URL.Scheme, r.URL.Host = "https", "cdn.example.com" }},
		{name: "a user", target: link("/x"), change: func(r *http.Request) { r.URL.User = url.User("me") }, want: middleware.ErrInvalid},
		{name: "an absolute form with another path", target: link("/x"), change: func(r *http.Request) { r.RequestURI = "https://files.example.com/y" }, want: middleware.ErrInvalid},
		{name: "an absolute form with another encoded path", target: link("/x"), change: func(r *http.Request) { r.RequestURI = "https://files.example.com/%2e%2e/x" }, want: middleware.ErrInvalid},
		{name: "the asterisk", method: "OPTIONS", target: "*", want: middleware.ErrInvalid},
		{name: "CONNECT to a host", method: "CONNECT", target: "files.example.com:443", want: middleware.ErrInvalid},
		{name: "an opaque URL", target: link("/x"), change: func(r *http.Request) { r.URL.Opaque = "/x" }, want: middleware.ErrInvalid},
		{name: "no URL", target: link("/x"), change: func(r *http.Request) { r.URL = nil }, want: middleware.ErrInvalid},
	})
}

func TestAVerifierThatWasNotMadeRefuses(t *testing.T) {
	ring := testRing(t)
	link := sign(t, ring, "/x", in(time.Hour))
	for name, v := range map[string]*middleware.Verifier{
		"nil":                     nil,
		"zero":                    {},
		"of an empty FormatVar":   newVerifier(new(middleware.FormatVar), nil),
		"of a nil keyring":        newVerifier((*middleware.Keyring)(nil), nil),
		"of a zero keyring":       newVerifier(new(middleware.Keyring), nil),
		"of a format that errs":   newVerifier(toyFormat{err: errors.New("odd")}, nil),
		"of a format that lies":   newVerifier(toyFormat{claims: middleware.Claims{Expires: time.Now().Add(time.Hour)}, err: errors.New("odd")}, nil),
		"of a format without end": newVerifier(toyFormat{}, nil),
	} {
		if c, err := v.Verify(request(t, "GET", link)); err == nil || !cmp.Equal(c, middleware.Link{}) {
			t.Errorf("the verifier %s accepts: %+v, %v", name, c, err)
		}
	}
}

func TestNewVerifierRefusesOptionsThatMakeNoSense(t *testing.T) {
	ring := testRing(t)
	for _, test := range []struct {
		name   string
		format middleware.Format
		opts   middleware.Options
		want   string
	}{
		{"a negative lifetime", ring, middleware.Options{MaxLifetime: -1}, "MaxLifetime"},
		{"a negative leeway", ring, middleware.Options{Leeway: -1}, "Leeway"},
		{"a negative window", ring, middleware.Options{UseWindow: -1}, "UseWindow"},
		{"a window without a store", ring, middleware.Options{UseWindow: 1}, "Uses"},
		{"another status", ring, middleware.Options{ExpiredStatus: 200}, "ExpiredStatus"},
		{"a relative prefix", ring, middleware.Options{Prefix: "files"}, "Prefix"},
		{"a prefix with dots", ring, middleware.Options{Prefix: "/a/../b"}, "Prefix"},
		{"a prefix in odd spelling", ring, middleware.Options{Prefix: "/%7Ea"}, "Prefix"},
		{"an invalid proxy", ring, middleware.Options{TrustedProxies: []netip.Prefix{{}}}, "TrustedProxies"},
		{"an IPv4-mapped proxy wider than IPv4", ring, middleware.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/72")}}, "TrustedProxies"},
		{"a cookie that is no name", ring, middleware.Options{Cookie: "a b"}, "Cookie"},
		{"a cookie for a format that has none", toyFormat{}, middleware.Options{Cookie: "c"}, "Cookie"},
		{"a cookie for a variable with such a format", middleware.NewFormatVar(toyFormat{}), middleware.Options{Cookie: "c"}, "Cookie"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, err := middleware.NewVerifier(test.format, &test.opts)
			if v != nil || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("NewVerifier returns %v, %v; want an error about %s", v, err, test.want)
			}
		})
	}
}

func TestNewVerifierTellsAllFaultsAtOnce(t *testing.T) {
	_, err := middleware.NewVerifier(toyFormat{}, &middleware.Options{
		MaxLifetime: -1, Leeway: -1, UseWindow: -1, Prefix: "x", TrustedProxies: []netip.Prefix{{}, {}}, Cookie: " ", ExpiredStatus: 1,
	})
	if got := strings.Split(err.Error(), "\n"); len(got) != 9 {
		t.Errorf("%d faults and not 9:\n%v", len(got), err)
	}
}

func TestAProgrammersNilPanics(t *testing.T) {
	ring := testRing(t)
	for name, f := range map[string]func(){
		"a nil format":          func() { middleware.NewVerifier(nil, nil) },
		"a nil handler":         func() { newVerifier(ring, nil).Handler(nil) },
		"a nil format in a var": func() { middleware.NewFormatVar(nil) },
		"a builder of nil":      func() { middleware.NewURLBuilder("/", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

// newVerifier is NewVerifier for options that are known to be right.
func newVerifier(f middleware.Format, o *middleware.Options) *middleware.Verifier {
	v, err := middleware.NewVerifier(f, o)
	if err != nil {
		panic(err)
	}
	return v
}

// toyFormat is a Format of a stranger. It proves that a Verifier asks nothing
// of a Keyring.
type toyFormat struct {
	claims middleware.Claims
	err    error
}

func (f toyFormat) Sign(u *url.URL, c middleware.Claims) (*url.URL, error) { return u, nil }
func (f toyFormat) Authenticate(r middleware.Request) (middleware.Link, error) {
	if f.err == nil && r.Header.Get("Toy") == "" && !f.claims.Expires.IsZero() {
		return middleware.Link{}, middleware.ErrUnsigned
	}
	return middleware.Link{Claims: f.claims, KeyID: "toy"}, f.err
}

func TestAVerifierEnforcesTheClaimsOfAnyFormat(t *testing.T) {
	c := in(time.Hour)
	c.Host = "files.example.com"
	c.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	old := c
	old.Expires = time.Now().Add(-time.Second)
	judge(t, newVerifier(toyFormat{claims: c}, nil), []row{
		{name: "accepted", target: "/x", header: []string{"Toy: 1"}},
		{name: "not signed", target: "/x", want: middleware.ErrUnsigned},
		{name: "wrong method", method: "PUT", target: "/x", header: []string{"Toy: 1"}, want: middleware.ErrNotAllowed},
		{name: "wrong host", target: "/x", header: []string{"Toy: 1"}, change: func(r *http.Request) { r.Host = "x" }, want: middleware.ErrNotAllowed},
		{name: "wrong address", target: "/x", header: []string{"Toy: 1"}, change: func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1" }, want: middleware.ErrNotAllowed},
		{name: "dot segments", target: "/a/%2e%2e/x", header: []string{"Toy: 1"}, want: middleware.ErrInvalid},
	})
	judge(t, newVerifier(toyFormat{claims: old}, nil), []row{
		{name: "expired", target: "/x", header: []string{"Toy: 1"}, want: middleware.ErrExpired},
	})
}

func TestKeysCanBeReplacedWhileRequestsAreServed(t *testing.T) {
	old, next := hmacKey(t, "old", secret), hmacKey(t, "new", []byte(strings.Repeat("n", 32)))
	v := middleware.NewFormatVar(newRing(t, old))
	verifier := newVerifier(v, nil)
	link := sign(t, v, "/x", in(time.Hour))
	var stop atomic.Bool
	done := make(chan error)
	for range 4 {
		go func() {
			var err error
			for !stop.Load() && err == nil {
				_, err = verifier.Verify(request(t, "GET", link))
			}
			done <- err
		}()
	}
	for range 100 {
		v.Set(newRing(t, next, old))
		v.Set(newRing(t, old, next))
	}
	stop.Store(true)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	v.Set(newRing(t, next))
	judge(t, verifier, []row{
		{name: "a link of the old key", target: link, want: middleware.ErrInvalid},
		{name: "a link of the new key", target: sign(t, v, "/x", in(time.Hour))},
	})
}

func TestVerifyOfAUsualLinkDoesNotAllocate(t *testing.T) {
	if raced {
		t.Skip("with the race detector sync.Pool forgets")
	}
	ring := newRing(t, hmacKey(t, "2026a", secret), edKey(t, "ed"))
	ed := newRing(t, edKey(t, "ed"), hmacKey(t, "2026a", secret))
	v := newVerifier(ring, &middleware.Options{
		Cookie:      "signed",
		Binding:     func(*http.Request, string) (string, error) { return sessionValue, nil },
		Revocations: revocation(func(string) (bool, error) { return false, nil }),
	})
	c := in(time.Hour)
	with := func(f func(c *middleware.Claims)) middleware.Claims { c := c; f(&c); return c }
	for name, test := range map[string]struct {
		target string
		most   float64
	}{
		"a usual link":           {sign(t, ring, "/files/kyc/card.jpg", c), 0},
		"a link with an escape":  {sign(t, ring, "/files/kyc/my card é.jpg", c), 0},
		"a link with parameters": {sign(t, ring, "/files/kyc/card.jpg?w=100&h=200", c), 0},
		"a re-spelled link":      {strings.Replace(sign(t, ring, "/files/kyc/card.jpg?w=100", c), "w=100", "%77=100", 1), 0},
		"an Ed25519 link":        {sign(t, ed, "/files/kyc/card.jpg", c), 0},
		"an unsigned URL":        {"/files/kyc/card.jpg", 0},
		"an altered link":        {sign(t, ring, "/files/kyc/card.jpg", c) + "x", 0},
		"an expired link":        {sign(t, ring, "/files/kyc/card.jpg", middleware.Claims{Expires: time.Unix(epoch-1e8, 0)}), 0},
		"not before":             {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.NotBefore = time.Unix(1, 0) })), 0},
		"a host":                 {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.Host = "files.example.com" })), 0},
		"a subtree":              {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.Under = "/a/" })), 0},
		"a binding":              {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.Binding = middleware.Binding{Name: "session", Value: sessionValue} })), 0},
		"an id":                  {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.ID = "invoice-42" })), 0},
		"a content type":         {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.ContentType = "image/png" })), 0},
		"methods":                {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.Methods = []string{"GET", "PUT"} })), 1},
		"networks": {sign(t, ring, "/a/b", with(func(c *middleware.Claims) {
			c.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.0.0.0/8")}
		})), 1},
		"ignored parameters":   {sign(t, ring, "/a/b", with(func(c *middleware.Claims) { c.Ignore = []string{"fbclid", "utm_*"} })) + "&fbclid=1", 1},
		"a megabyte of query":  {"/x?" + strings.Repeat("a=1&", 250_000), 0},
		"10,000 parameters":    {"/x?expires_at=1" + strings.Repeat("&a", 10_000), 0},
		"8 KiB of parameters":  {"/x?expires_at=1" + strings.Repeat("&a", 4000), 0},
		"cookies of elsewhere": {"/f" + strings.Repeat("%41", 1000) + "?a=" + strings.Repeat("%20", 1300), 0},
		"a megabyte of path":   {"/" + strings.Repeat("%41", 300_000), 0},
	} {
		r := request(t, "GET", test.target)
		// A header of a megabyte must not cost anything either.
		r.Header["Cookie"] = []string{strings.Repeat("signed=signed_under=%2Fa%2F; ", 30_000)}
		verify := func() { v.Verify(r) }
		if got := testing.AllocsPerRun(100, verify); got > test.most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, test.most)
		}
	}
}

func TestReason(t *testing.T) {
	for err, want := range map[error]string{
		nil: "ok", middleware.ErrUnsigned: "unsigned", middleware.ErrInvalid: "invalid", middleware.ErrNotAllowed: "not_allowed",
		middleware.ErrExpired: "expired", middleware.ErrNotYet: "not_yet", middleware.ErrRevoked: "revoked", middleware.ErrUsedUp: "used_up",
		middleware.ErrUnavailable: "unavailable", errors.New("foreign"): "invalid",
	} {
		if got := middleware.Reason(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// movedFormat is a Keyring around which somebody maps paths.
type movedFormat struct {
	*middleware.Keyring
	path string
}

func (f movedFormat) Authenticate(r middleware.Request) (middleware.Link, error) {
	r.Path = f.path
	return f.Keyring.Authenticate(r)
}

func (f movedFormat) AuthenticateCookie(r middleware.Request, value string) (middleware.Link, error) {
	r.Path = f.path
	return f.Keyring.AuthenticateCookie(r, value)
}

// What a Verifier found out about a path says nothing about the path that
// another format puts in its place.
func TestAFormatAroundAKeyringPutsAnotherPathInPlace(t *testing.T) {
	ring := testRing(t)
	subtree := in(time.Hour)
	subtree.Under = "/files/alice/"
	cookies, err := ring.SignCookies("signed", subtree)
	if err != nil {
		t.Fatal(err)
	}
	link := sign(t, ring, "/files/alice/", subtree)
	for _, path := range []string{"/files/alice/../bob/card.jpg", "/files/alice/%2e%2e/bob/card.jpg", "/files/alice/a\nb", "/files/alice/a;b"} {
		v := newVerifier(movedFormat{ring, path}, &middleware.Options{Cookie: "signed"})
		if _, err := v.Verify(request(t, "GET", link)); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("a link that became one to %q: %v", path, err)
		}
		if _, err := v.Verify(request(t, "GET", "/files/alice/", "Cookie: signed="+cookies[0].Value)); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("a cookie for what became %q: %v", path, err)
		}
	}
	// Another spelling of the same path is the same path.
	v := newVerifier(movedFormat{ring, "/files/alice%7E/x"}, nil)
	if _, err := v.Verify(request(t, "GET", sign(t, ring, "/files/alice~/x", in(time.Hour)))); err != nil {
		t.Errorf("a respelled path: %v", err)
	}
}

// A reserved name is the format's, however short its parameter is and wherever
// it stands: no list of names to ignore reaches it, and no cookie counts beside it.
func TestAReservedNameIsNeverTheApplications(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, &middleware.Options{Cookie: "signed"})
	exact, subtree := in(time.Hour), in(time.Hour)
	exact.Ignore = []string{"s*", "e*"}
	subtree.Ignore, subtree.Under = exact.Ignore, "/files/"
	cookies, err := ring.SignCookies("signed", subtree)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"expires_at", "signature", "signed_as", "signed_by", "signed_for", "signed_id", "signed_inline", "signed_ip", "signed_type", "signed_x"} {
		for _, param := range []string{name, name + "=", name + "=1"} {
			for _, c := range []middleware.Claims{exact, subtree} {
				link := sign(t, ring, "/files/card.jpg", c)
				for _, target := range []string{link + "&" + param, strings.Replace(link, "?", "?"+param+"&", 1)} {
					if _, err := v.Verify(request(t, "GET", target)); !errors.Is(err, middleware.ErrInvalid) {
						t.Errorf("%s: %v", target, err)
					}
				}
			}
			target := "/files/card.jpg?" + param
			if _, err := v.Verify(request(t, "GET", target)); !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("%s: %v", target, err)
			}
			if _, err := v.Verify(request(t, "GET", target, "Cookie: signed="+cookies[0].Value)); !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("%s with a cookie: %v", target, err)
			}
			if u, err := ring.Sign(&url.URL{Path: "/files/card.jpg", RawQuery: param}, exact); err == nil {
				t.Errorf("%s was signed: %v", target, u)
			}
		}
	}
}

// A request may hold 64 cookies and a URL of 8 KiB: cookies that name no key
// cost no look at the URL, whose fault would be told otherwise.
func TestACookieThatNamesNoKeyCostsNoLookAtTheURL(t *testing.T) {
	ring := testRing(t)
	r := middleware.Request{Method: "GET", Path: "/files/card.jpg", RawQuery: "a=%zz"}
	for cookie, want := range map[string]string{
		"expires_at=1&signed_by=other&signed_under=%2F&signature=x": "a key that is not in the ring",
		"expires_at=1&signed_under=%2F&signature=x":                 "no signed_by",
		"signed_by=2026a&signed_under=%2F&signature=x":              "no expires_at",
		"expires_at=1&signed_by=2026a&signed_under=%2F":             "no signature",
		"expires_at=1&signed_by=2026a&signed_under=%2F&signature=x": "invalid escape",
	} {
		if _, err := ring.AuthenticateCookie(r, cookie); !errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one that says %q", cookie, err, want)
		}
	}
}
