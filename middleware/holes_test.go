package middleware_test

import (
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// A customer number with a dash is not the directory of the customer.
func TestALinkToTheFolderKyc42OpensNothingOfTheFolder42BelowKyc(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, &middleware.Options{Cookie: "signed"})
	tree, err := builder(t, "/", ring).Subtree("kyc-42", in(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	list, err := tree.Cookies("signed")
	if err != nil {
		t.Fatal(err)
	}
	cookie := "Cookie: signed=" + list[0].Value
	var rows []row
	for _, path := range []string{
		"/kyc/42/card.jpg", "/kyc/42/", "/kyc_42/card.jpg", "/kyc-43/card.jpg", "/kyc-4/2/card.jpg", "/kyc-42", "/kyc-42x/card.jpg", "/kyc%2F42/card.jpg", "/kyc-42%2Fcard.jpg", "/kyc%2D42%2Fcard.jpg",
		"/%6Byc/42/card.jpg", "/xyc-42/card.jpg", "/x/kyc-42/card.jpg", "/kyc%2D4%33/card.jpg", "/kyc%2D42", "/%6Byc-42",
	} {
		rows = append(rows,
			row{name: path, target: path + "?" + tree.Query(), want: middleware.ErrInvalid},
			row{name: path + " with the cookie", target: path, header: []string{cookie}, want: middleware.ErrInvalid})
	}
	for _, path := range []string{"/kyc-42/card.jpg", "/kyc-42/", "/kyc%2D42/card.jpg", "/kyc-%34%32/", "/kyc-42/a%2Fb"} {
		rows = append(rows,
			row{name: path, target: path + "?" + tree.Query()},
			row{name: path + " with the cookie", target: path, header: []string{cookie}})
	}
	judge(t, v, rows)
}

// A program that has no Verifier asks the ring about a cookie, for whatever path.
func TestACookieIsHeldAgainstThePathWithoutAVerifierToo(t *testing.T) {
	ring := testRing(t)
	value := strings.TrimPrefix(cookies(t, builder(t, "/files/", ring), "alice", in(time.Hour)), "signed=")
	for _, path := range []string{"/files/alice/", "/files/alice/a.jpg", "/files/%61lice/a.jpg", "/files/alice/a%20b"} {
		if l, err := ring.AuthenticateCookie(middleware.Request{Path: path}, value); err != nil || l.Under != "/files/alice/" || !l.FromCookie {
			t.Errorf("%s: link %+v, %v", path, l, err)
		}
	}
	for _, r := range []middleware.Request{
		{}, {Path: "/"}, {Path: "/files/"}, {Path: "/files/alice"}, {Path: "/files/alicf/a.jpg"}, {Path: "/files/bob/a.jpg"}, {Path: "/files-alice/a.jpg"}, {Path: "files/alice/a.jpg"},
		{Path: "/files/alice/../bob/a.jpg"}, {Path: "/files/alice/..%2Fbob/a.jpg"}, {Path: "/files/alice/%2e%2e/bob"}, {Path: "/files/alice/..;/bob"}, {Path: "/files/alice/a;b"}, {Path: "/files/alice/%zz"}, {Path: "/files/alice/%4"},
		{Path: "/files/alice//a"}, {Path: "/files/alice/a.jpg", RawQuery: "w=1"}, {Path: "/files/alice/a.jpg", RawQuery: "a;b"}, {Path: "/files/alice/a.jpg", RawQuery: value},
		{Path: "/files/alice/" + strings.Repeat("x", 8192)},
	} {
		if l, err := ring.AuthenticateCookie(r, value); !errors.Is(err, middleware.ErrInvalid) || !reflect.DeepEqual(l, middleware.Link{}) {
			t.Errorf("%.60s?%.60s: link %+v, %v", r.Path, r.RawQuery, l, err)
		}
	}
	for _, bad := range []string{"", "a", value[:len(value)-1], value + "A", value + "&a=1", strings.Repeat("x", 5000), value + "&signed_id=" + strings.Repeat("x", 4096)} {
		if l, err := ring.AuthenticateCookie(middleware.Request{Path: "/files/alice/a.jpg"}, bad); !errors.Is(err, middleware.ErrInvalid) || !reflect.DeepEqual(l, middleware.Link{}) {
			t.Errorf("the value %.60q: link %+v, %v", bad, l, err)
		}
	}
}

func TestASubtreeWithoutAnExpiryIsAnErrorAndNoPanic(t *testing.T) {
	b := builder(t, "/files/", testRing(t))
	for name, c := range map[string]middleware.Claims{
		"no expiry":               {},
		"an expiry and permanent": {Expires: time.Unix(epoch, 0), Permanent: true},
		"a host in upper case":    {Expires: time.Unix(epoch, 0), Host: "FILES"},
		"no method":               {Expires: time.Unix(epoch, 0), Methods: []string{}},
		"everything ignored":      {Expires: time.Unix(epoch, 0), Ignore: []string{"*"}},
	} {
		if s, err := b.Subtree("alice", c); err == nil || s != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		if u, err := b.URL("alice", c); err == nil || u != nil {
			t.Errorf("%s: %v, %v", name, u, err)
		}
	}
}

// Such a network holds no IPv4 address, whatever its writer hoped.
func TestAnIPv4MappedNetworkThatIsWiderThanIPv4IsNotSigned(t *testing.T) {
	ring := testRing(t)
	for text, ok := range map[string]bool{"::ffff:10.0.0.0/72": false, "::ffff:10.0.0.0/95": false, "::ffff:10.0.0.0/96": true, "::ffff:10.0.0.0/104": true, "::/0": true} {
		c := in(time.Hour)
		c.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix(text)}
		if u, err := ring.Sign(&url.URL{Path: "/x"}, c); (err == nil) != ok {
			t.Errorf("%s: %v, %v", text, u, err)
		}
		if _, err := middleware.NewVerifier(ring, &middleware.Options{TrustedProxies: c.Networks}); (err == nil) != ok {
			t.Errorf("%s as a proxy: %v", text, err)
		}
	}
}

func TestAContentTypeComesBackWithItsParameters(t *testing.T) {
	ring := testRing(t)
	for _, value := range []string{
		"image/jpeg", "text/plain; charset=utf-8", "text/plain; charset=iso-8859-1", "text/plain;charset=utf-8", `application/x; a="b; c"`, "text/html; charset=utf-8; a=b", "audio/mp4", "video/mp2t", "a/b+c", "image/svg+xml", "image/jpeg;q=1",
	} {
		c := in(time.Hour)
		c.ContentType = value
		link := sign(t, ring, "/x", c)
		l, err := newVerifier(ring, nil).Verify(request(t, "GET", link))
		if err != nil || l.ContentType != value {
			t.Errorf("%q comes back as %q, %v", value, l.ContentType, err)
		}
	}
}

func TestAKeyWithABadIDIsAnErrorAndNoZeroKey(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	public := private.Public().(ed25519.PublicKey)
	text := strings.Repeat("A", 42) + "E"
	makers := map[string]func(id string) error{
		"NewHMACKey":          func(id string) error { _, err := middleware.NewHMACKey(id, secret); return err },
		"NewEd25519Key":       func(id string) error { _, err := middleware.NewEd25519Key(id, private); return err },
		"NewEd25519PublicKey": func(id string) error { _, err := middleware.NewEd25519PublicKey(id, public); return err },
		"ParseKey":            func(id string) error { _, err := middleware.ParseKey(id + ":hmac-sha256:" + text); return err },
		"GenerateHMACKey":     func(id string) error { _, err := middleware.GenerateHMACKey(id); return err },
		"GenerateEd25519Key":  func(id string) error { _, _, err := middleware.GenerateEd25519Key(id); return err },
	}
	for name, make := range makers {
		for _, id := range []string{"a", "z", "A", "Z", "0", "9", "-", "_", ".", strings.Repeat("a", 64)} {
			if err := make(id); err != nil {
				t.Errorf("%s(%q): %v", name, id, err)
			}
		}
		for _, id := range []string{"", " ", "a b", "a/b", "a\n", "é", "`", "{", "@", "[", "/", ",", "~", "%61", strings.Repeat("a", 65)} {
			if err := make(id); err == nil {
				t.Errorf("%s(%q): no error", name, id)
			}
		}
	}
}

// A whole key, or the secret alone, is put where the id belongs.
func TestAKeyTextInTheWrongOrderIsNotQuoted(t *testing.T) {
	const hidden = "p4ss/w0rd"
	for text, want := range map[string]string{
		hidden:                         "a key is written id:algorithm:base64url",
		hidden + ":hmac-sha256":        "a key is written id:algorithm:base64url",
		hidden + ":hmac-sha256:!":      "a key id is 1 to 64",
		hidden + ":none:AAAA":          "a key id is 1 to 64",
		hidden + "::":                  "a key id is 1 to 64",
		hidden + ":ed25519:AAAA":       "a key id is 1 to 64",
		"a:hmac-sha256:" + hidden:      "the part after the second colon",
		"a:" + hidden + ":AAAA":        "the algorithm must be",
		"a:hmac-sha256:AAAA:" + hidden: "the part after the second colon",
	} {
		k, err := middleware.ParseKey(text)
		if err == nil || !strings.HasPrefix(err.Error(), "signedurl: ") || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), hidden) {
			t.Errorf("%q: %v, %v, want %q", text, k, err, want)
		}
	}
}

// What is no escape is not canonical, wherever a canonical path is asked for.
func TestAPathWithAnEscapeThatIsNoneIsNotCanonical(t *testing.T) {
	ring := testRing(t)
	for _, bad := range []string{"%zz", "%4", "%", "%4z", "%z4", "a%", "%41", "%2f", "%2F%", "%u0041"} {
		if v, err := middleware.NewVerifier(ring, &middleware.Options{Prefix: "/" + bad}); err == nil || v != nil {
			t.Errorf("the prefix /%s is accepted", bad)
		}
		if b, err := middleware.NewURLBuilder("/"+bad+"/", ring); err == nil || b != nil {
			t.Errorf("the base /%s/ is accepted", bad)
		}
		c := in(time.Hour)
		c.Under = "/" + bad + "/"
		for _, path := range []string{"/", "/a", "/" + bad + "/a", "/A/a", "/zz/a"} {
			if u, err := ring.Sign(&url.URL{Path: path}, c); err == nil {
				t.Errorf("the subtree /%s/ is signed for %s: %s", bad, path, u)
			}
		}
		if cookies, err := ring.SignCookies("c", c); err == nil {
			t.Errorf("the subtree /%s/ is signed: %v", bad, cookies)
		}
	}
}

// A claim that a later version adds is refused by all who do not name it: the
// test knows no field of Claims.
func TestUnsupportedFindsEveryClaimThatIsNotNamed(t *testing.T) {
	kind := reflect.TypeFor[middleware.Claims]()
	var all []string
	for i := range kind.NumField() {
		all = append(all, kind.Field(i).Name)
	}
	if err := (middleware.Claims{}).Unsupported(); err != nil {
		t.Errorf("no claim at all: %v", err)
	}
	var full middleware.Claims
	for i, name := range all {
		var others []string
		others = append(append(others, all[:i]...), all[i+1:]...)
		values := []reflect.Value{}
		switch f := kind.Field(i); f.Type.Kind() {
		case reflect.Bool:
			values = append(values, reflect.ValueOf(true))
		case reflect.Int:
			values = append(values, reflect.ValueOf(1), reflect.ValueOf(-1))
		case reflect.String:
			values = append(values, reflect.ValueOf("x"))
		case reflect.Slice:
			values = append(values, reflect.MakeSlice(f.Type, 0, 0), reflect.MakeSlice(f.Type, 1, 1))
		default:
			switch f.Type {
			case reflect.TypeFor[time.Time]():
				values = append(values, reflect.ValueOf(time.Unix(1, 0)))
			case reflect.TypeFor[middleware.Binding]():
				values = append(values, reflect.ValueOf(middleware.Binding{Name: "x"}), reflect.ValueOf(middleware.Binding{Value: "x"}))
			case reflect.TypeFor[middleware.Upload]():
				for _, u := range []middleware.Upload{{MaxBytes: 1}, {SHA256: [32]byte{1}}, {Accept: []string{}}, {Replace: true}} {
					values = append(values, reflect.ValueOf(u))
				}
			default:
				t.Fatalf("the test knows no value of the type of Claims.%s", name)
			}
		}
		for _, value := range values {
			var c middleware.Claims
			reflect.ValueOf(&c).Elem().Field(i).Set(value)
			for _, carried := range [][]string{nil, others} {
				if err := c.Unsupported(carried...); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "Claims."+name+":") {
					t.Errorf("%s = %#v: %v", name, value, err)
				}
			}
			if err := c.Unsupported(name); err != nil {
				t.Errorf("%s = %#v, which is named: %v", name, value, err)
			}
			reflect.ValueOf(&full).Elem().Field(i).Set(value)
		}
	}
	if err := full.Unsupported(all...); err != nil {
		t.Errorf("all claims, and all named: %v", err)
	}
	for _, name := range []string{"", "expires", "Expire", "KeyID", "allows"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q is no field, and Unsupported does not panic", name)
				}
			}()
			_ = (middleware.Claims{}).Unsupported("Expires", name)
		}()
	}
}

// A link may carry another URL as a parameter, unescaped.
func TestTheTargetOfALinkThatNamesAnotherURLStays(t *testing.T) {
	ring := testRing(t)
	query := usual + "&next=https://example.com/y"
	signed, _ := oracle("/x", query)
	target := "/x?" + query + "&signature=" + macText(signed)
	for _, test := range []struct{ target, want string }{
		{target, target}, {"https://files.example.com" + target, target}, {"http://files.example.com" + target, target},
	} {
		seen := ""
		newVerifier(ring, nil).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			seen = r.RequestURI
			if r.URL.Scheme != "" || r.URL.Host != "" {
				t.Errorf("the next handler sees %v", r.URL)
			}
		})).ServeHTTP(httptest.NewRecorder(), request(t, "GET", test.target))
		if seen != test.want {
			t.Errorf("%s: the next handler sees the target %q", test.target, seen)
		}
	}
}

// A prefix may end in a slash, and a path below it may be spelled with escapes
// that nobody needs.
func TestARespelledPathBelowAPrefix(t *testing.T) {
	ring := testRing(t)
	_, query, _ := strings.Cut(sign(t, ring, "/files/a.jpg", in(time.Hour)), "?")
	for _, prefix := range []string{"/files", "/files/"} {
		v := newVerifier(ring, &middleware.Options{Prefix: prefix})
		strip := func(r *http.Request) {
			http.StripPrefix(prefix, http.HandlerFunc(func(_ http.ResponseWriter, inner *http.Request) { *r = *inner })).ServeHTTP(httptest.NewRecorder(), r)
		}
		judge(t, v, []row{
			{name: "as signed", target: "/files/a.jpg?" + query, change: strip},
			{name: "respelled", target: "/files/%61.jpg?" + query, change: strip},
			{name: "with a dot segment", target: "/files/%2e/a.jpg?" + query, change: strip, want: middleware.ErrInvalid},
			{name: "with a semicolon", target: "/files/a.jpg;x?" + query, change: strip, want: middleware.ErrInvalid},
			{name: "with a control character", target: "/files/a.jpg%00?" + query, change: strip, want: middleware.ErrInvalid},
		})
	}
}

// A plus sign in a path is a plus sign, and not a space.
func TestAPlusInAPathIsNoSpace(t *testing.T) {
	ring := testRing(t)
	plus, space := sign(t, ring, "/a%2Bb", in(time.Hour)), sign(t, ring, "/a%20b", in(time.Hour))
	judge(t, newVerifier(ring, nil), []row{
		{name: "a plus as signed", target: plus},
		{name: "a plus as a browser sends it", target: strings.Replace(plus, "%2B", "+", 1)},
		{name: "a plus for a space", target: strings.Replace(space, "%20", "+", 1), want: middleware.ErrInvalid},
		{name: "a path that was changed from a plus to a space", target: strings.Replace(plus, "%2B", "+", 1), change: func(r *http.Request) { r.URL.Path = "/a b" }, want: middleware.ErrInvalid},
		{name: "a path that was changed from a plus to a space, with the link to that", target: strings.Replace(space, "%20", "+", 1), change: func(r *http.Request) { r.URL.Path = "/a b" }, want: middleware.ErrInvalid},
	})
}

// Every status but 2xx and 304 is not the file.
func TestWhichStatusIsTheFile(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.DownloadName, c.ContentType = "a.pdf", "application/pdf"
	target := sign(t, ring, "/x", c)
	for _, code := range []int{200, 201, 204, 206, 226, 299, 300, 301, 303, 304, 305, 308, 400, 404, 416, 499, 500, 503, 599} {
		w := httptest.NewRecorder()
		newVerifier(ring, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code) })).ServeHTTP(w, request(t, "GET", target))
		file := code < 300 || code == 304
		h := w.Result().Header
		if strings.HasPrefix(h.Get("Cache-Control"), "private, max-age=") != file || (h.Get("Cache-Control") == "no-store") == file || (h.Get("Content-Disposition") != "") != file || (h.Get("Content-Type") != "") != file {
			t.Errorf("the header of a reply with status %d: %v", code, h)
		}
	}
}

// Code between the server and the verifier changes a URL by its parts.
func TestAURLWhosePartsDisagree(t *testing.T) {
	ring := testRing(t)
	link := sign(t, ring, "/a/b", in(time.Hour))
	judge(t, newVerifier(ring, nil), []row{
		{name: "an encoded slash in RawPath alone", target: link, change: func(r *http.Request) { r.URL.RawPath = "/a%2Fb" }, want: middleware.ErrInvalid},
		{name: "a RawPath of another path", target: link, change: func(r *http.Request) { r.URL.RawPath = "/c" }},
		{name: "no path at all", target: link, change: func(r *http.Request) { r.RequestURI, r.URL.Path = "", "" }, want: middleware.ErrInvalid},
		{name: "a relative path", target: link, change: func(r *http.Request) { r.RequestURI, r.URL.Path = "", "a/b" }, want: middleware.ErrInvalid},
	})
}

// The operator sees each check that a link passed, in order.
func TestAnExplanationNamesEveryCheck(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.Under, c.Methods, c.Host, c.ID, c.Uses = "/files/", []string{"GET"}, "files.example.com", "a", 1
	c.Networks, c.Binding = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, middleware.Binding{Name: "session", Value: sessionValue}
	v := newVerifier(ring, &middleware.Options{
		Binding:     func(*http.Request, string) (string, error) { return sessionValue, nil },
		Revocations: revocation(func(string) (bool, error) { return false, nil }),
		Uses:        uses(func(middleware.Use) (bool, error) { panic("explaining takes no use") }),
	})
	e := v.Explain(request(t, "GET", sign(t, ring, "/files/x", c)))
	var names []string
	for _, check := range e.Checks {
		names = append(names, check.Name)
		if !check.Passed || check.Detail == "" {
			t.Errorf("%+v", check)
		}
	}
	if got, want := strings.Join(names, " "), "shape key binding signature subtree time method host address revocation uses"; got != want || e.Err != nil {
		t.Errorf("checks %s, want %s; %v", got, want, e.Err)
	}
	if !strings.HasSuffix(e.String(), "\naccepted\n") {
		t.Errorf("the explanation ends otherwise:\n%s", e)
	}
}

// A backend's own type and name come second, as a proxy adds them, and go.
func TestASecondTypeOrNameIsDropped(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.DownloadName, c.ContentType = "a.pdf", "application/pdf"
	for n := range 4 {
		w := httptest.NewRecorder()
		newVerifier(ring, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for range n {
				w.Header().Add("Content-Type", "text/html")
				w.Header().Add("Content-Disposition", "inline")
				w.Header().Add("Referrer-Policy", "unsafe-url")
			}
		})).ServeHTTP(w, request(t, "GET", sign(t, ring, "/x", c)))
		for field, want := range map[string]string{"Content-Type": "application/pdf", "Content-Disposition": `attachment; filename="a.pdf"`, "Referrer-Policy": "no-referrer"} {
			if got := w.Header()[field]; len(got) != 1 || got[0] != want {
				t.Errorf("%s after %d values of the handler: %q", field, n, got)
			}
		}
	}
}
