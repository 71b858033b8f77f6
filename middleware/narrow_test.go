package middleware_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
)

// byHand narrows a link as the package documentation says, without a look at what
// the step is.
func byHand(link, step string) string {
	rest, signature, _ := strings.Cut(link, "&signature=")
	key, _ := base64.RawURLEncoding.DecodeString(signature)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("signed-narrow/1\n" + step))
	return rest + "&signed_narrow=" + escapeAll(step) + "&signature=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// narrow narrows a link by steps.
func narrow(t testing.TB, link string, steps ...middleware.Claims) string {
	t.Helper()
	u, err := url.Parse(link)
	for _, step := range steps {
		if err == nil {
			u, err = middleware.Narrow(u, step)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func networks(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestANarrowedLinkIsHeldToEachStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(testRing(t), &middleware.Options{EnforcesUploads: true})
		hour, tree := in(time.Hour), in(time.Hour)
		tree.Under = "/files/kyc/"
		tree.Methods = []string{"GET", "PUT"}
		both := func(a, b middleware.Claims) []middleware.Claims { return []middleware.Claims{a, b} }
		minute, second := in(time.Minute), in(time.Second)
		for _, test := range []struct {
			name   string
			claims middleware.Claims
			steps  []middleware.Claims
			reqs   map[string]string // a request, and the reason
		}{
			{"a folder, one file", tree, []middleware.Claims{{Only: "/files/kyc/card.jpg"}}, map[string]string{
				"GET /files/kyc/card.jpg": "ok", "PUT /files/kyc/card.jpg": "ok", "GET /files/kyc/card.jpg2": "invalid", "GET /files/kyc/": "invalid", "GET /files/kyc/%63ard.jpg": "ok"}},
			{"a folder, a folder below", tree, []middleware.Claims{{Under: "/files/kyc/42/"}}, map[string]string{
				"GET /files/kyc/42/card.jpg": "ok", "GET /files/kyc/42/": "ok", "GET /files/kyc/card.jpg": "invalid", "GET /files/kyc/42": "invalid", "GET /files/kyc/%342/a": "ok"}},
			{"a method", tree, []middleware.Claims{{Methods: []string{"PUT"}}}, map[string]string{"PUT /files/kyc/a": "ok", "GET /files/kyc/a": "not_allowed", "HEAD /files/kyc/a": "not_allowed"}},
			{"HEAD alone", hour, []middleware.Claims{{Methods: []string{"HEAD"}}}, map[string]string{"HEAD /files/a": "ok", "GET /files/a": "not_allowed"}},
			{"a host", hour, []middleware.Claims{{Host: "files.example.com"}}, map[string]string{"GET /files/a": "ok"}},
			{"another host", hour, []middleware.Claims{{Host: "files.example.org"}}, map[string]string{"GET /files/a": "not_allowed"}},
			{"a network", hour, []middleware.Claims{{Networks: networks("192.0.2.0/24")}}, map[string]string{"GET /files/a": "ok"}},
			{"another network", hour, []middleware.Claims{{Networks: networks("198.51.100.0/24", "2001:db8::/32")}}, map[string]string{"GET /files/a": "not_allowed"}},
			{"a later start", hour, []middleware.Claims{{NotBefore: time.Now().Add(time.Minute)}}, map[string]string{"GET /files/a": "not_yet"}},
			{"an earlier end", hour, []middleware.Claims{second}, map[string]string{"GET /files/a": "ok"}},
			{"an end that has come", hour, []middleware.Claims{in(0)}, map[string]string{"GET /files/a": "expired"}},
			{"the second of two", hour, both(minute, in(0)), map[string]string{"GET /files/a": "expired"}},
			{"two that leave nothing", tree, both(middleware.Claims{Methods: []string{"GET"}}, middleware.Claims{Host: "b.example"}), map[string]string{"GET /files/kyc/a": "not_allowed", "PUT /files/kyc/a": "not_allowed"}},
			{"sizes and types", tree, []middleware.Claims{{Upload: middleware.Upload{MaxBytes: 9, Accept: []string{"image/*"}}}}, map[string]string{"PUT /files/kyc/a": "ok"}},
			{"four", tree, []middleware.Claims{minute, {Under: "/files/kyc/42/"}, {Only: "/files/kyc/42/a"}, {Methods: []string{"GET"}}}, map[string]string{
				"GET /files/kyc/42/a": "ok", "GET /files/kyc/42/b": "invalid", "PUT /files/kyc/42/a": "not_allowed"}},
		} {
			path := "/files/a"
			for _, c := range append(test.steps, test.claims) {
				if c.Only != "" {
					path = c.Only
				} else if c.Under != "" && !strings.HasPrefix(path, c.Under) {
					path = c.Under
				}
			}
			parent := sign(t, testRing(t), path, test.claims)
			link := narrow(t, parent, test.steps...)
			_, query, _ := strings.Cut(link, "?")
			for req, want := range test.reqs {
				method, path, _ := strings.Cut(req, " ")
				r := request(t, method, path+"?"+query)
				l, err := v.Verify(r)
				if got := middleware.Reason(err); got != want {
					t.Errorf("%s: %s: %v, want %s", test.name, req, err, want)
				}
				if err == nil {
					if diff := cmp.Diff(test.claims.Expires, l.Expires); diff != "" || len(l.Steps()) != len(test.steps) {
						t.Errorf("%s: the link is %+v with steps %+v", test.name, l, l.Steps())
					}
				}
				if e := v.Explain(r); (e.Err == nil) != (err == nil) || err != nil && e.Err.Error() != err.Error() {
					t.Errorf("%s: %s: Explain says %v, and Verify %v", test.name, req, e.Err, err)
				} else if err == nil && strings.Count(e.String(), "ok   step ") < len(test.steps) {
					t.Errorf("%s: the explanation does not show each step:\n%s", test.name, e)
				} else if err != nil && !strings.Contains(e.String(), "step ") {
					t.Errorf("%s: the explanation does not name the step:\n%s", test.name, e)
				}
			}
		}
	})
}

func TestAStepIsRefusedThatIsNotCanonicalOrNamesAnotherLimit(t *testing.T) {
	v := newVerifier(testRing(t), &middleware.Options{EnforcesUploads: true, AllowPermanent: true, Binding: func(*http.Request, string) (string, error) { return "x", nil }})
	c := in(time.Hour)
	c.Under, c.Methods = "/files/", []string{"GET", "PUT"}
	parent := sign(t, testRing(t), "/files/a", c)
	for step, ok := range map[string]bool{
		"expires_at=" + future:                         true,
		"expires_at=" + future + "&signed_methods=GET": true,
		"signed_only=%2Ffiles%2Fa":                     true,
		"signed_under=%2Ffiles%2F":                     true,
		"signed_ip=192.0.2.0%2F24%2C10.0.0.1":          true,
		"signed_host=files.example.com":                true,
		"signed_max=9":                                 true,
		"signed_accept=image%2F%2A":                    true,
		"signed_from=0":                                true,
		"":                                             false,
		"=":                                            false,
		"expires_at":                                   false,
		"expires_at=":                                  false,
		"expires_at=never":                             false,
		"expires_at=0" + future:                        false,
		"expires_at=%34102444800":                      false,
		"expires_at=" + future + "&":                   false,
		"&expires_at=" + future:                        false,
		"expires_at=" + future + "&expires_at=" + future:        false,
		"signed_methods=GET&expires_at=" + future:               false,
		"expires_at=" + future + "&&signed_methods=GET":         false,
		"signed_methods=G%45T":                                  false,
		"signed_methods=get":                                    false,
		"signed_methods=GET,PUT":                                false,
		"signed_methods=GET%2cPUT":                              false,
		"signed_methods=GET=":                                   false,
		"signed_only=/files/a":                                  false,
		"signed_only=%2Ffiles%2F%61":                            false,
		"signed_only=%2Ffiles%2F..%2Ffiles%2Fa":                 false,
		"signed_only=%2Ffiles%2F%2561":                          false,
		"signed_only=files%2Fa":                                 false,
		"signed_under=%2Ffiles":                                 false,
		"signed_under=%2Ffiles%2F%2F":                           false,
		"signed_host=FILES.example.com":                         false,
		"signed_host=files.example.com%3A443":                   false,
		"signed_ip=192.0.2.0%2F33":                              false,
		"signed_max=0":                                          false,
		"signed_max=-1":                                         false,
		"signed_accept=%2A%2F%2A":                               false,
		"signed_by=2026a":                                       false,
		"signature=" + strings.Repeat("A", 43):                  false,
		"signed_narrow=expires_at%3D" + future:                  false,
		"signed_id=x":                                           false,
		"signed_uses=1":                                         false,
		"signed_for=session":                                    false,
		"signed_ignore=a":                                       false,
		"signed_as=a":                                           false,
		"signed_inline=1":                                       false,
		"signed_type=image%2Fpng":                               false,
		"signed_replace=1":                                      false,
		"signed_sum=sha-256%3A" + strings.Repeat("A", 42) + "E": false,
		"signed_new=1":                                          false,
		"page=1":                                                false,
		"Signed_host=files.example.com":                         false,
		"signed%5Fhost=files.example.com":                       false,
		"signed_host=files.example.com\n":                       false,
		"signed_host=files+example.com":                         false,
		"signed_methods=" + strings.Repeat("A", 1024-15):        true, // as long as a step may be
		"signed_methods=" + strings.Repeat("A", 1025-15):        false,
	} {
		want := "invalid"
		if ok {
			want = "ok"
		}
		if strings.Contains(step, "AAAA") && ok {
			want = "not_allowed" // once it was read
		}
		l, err := v.Verify(request(t, "GET", byHand(parent, step)))
		if got := middleware.Reason(err); got != want {
			t.Errorf("%.80q: %v, want %s", step, err, want)
		}
		if ok && err == nil && l.Narrowed != "signed_narrow="+escapeAll(step) {
			t.Errorf("%.80q: Narrowed is %q", step, l.Narrowed)
		}
	}
}

func TestAStepNamesAPathInItsCanonicalForm(t *testing.T) {
	v := newVerifier(testRing(t), nil)
	c := in(time.Hour)
	c.Under = "/files/"
	parent := sign(t, testRing(t), "/files/a/b", c)
	_, query, _ := strings.Cut(parent, "?")
	for _, test := range []struct {
		path, step string
		ok         bool
	}{
		{"/files/a/b", "signed_only=%2Ffiles%2Fa%2Fb", true},
		{"/files/%61/b", "signed_only=%2Ffiles%2Fa%2Fb", true},
		{"/files/%61/b", "signed_only=%2Ffiles%2F%2561%2Fb", false},
		{"/files/a/b", "signed_only=%2Ffiles%2F%2561%2Fb", false},
		{"/files/%61/b", "signed_under=%2Ffiles%2Fa%2F", true},
		{"/files/%61/b", "signed_under=%2Ffiles%2F%2561%2F", false},
		{"/files/a%2fb", "signed_only=%2Ffiles%2Fa%252Fb", true},
		{"/files/a%2fb", "signed_only=%2Ffiles%2Fa%252fb", false},
		{"/files/a%2Fb", "signed_only=%2Ffiles%2Fa%2Fb", false},
		{"/files/a/b", "signed_only=%2Ffiles%2Fa%252Fb", false},
		{"/files/a%2Fb", "signed_under=%2Ffiles%2Fa%2F", false},
		{"/files/a/b", "signed_only=%2Ffiles%2Fa%2F", false},
		{"/files/a/", "signed_only=%2Ffiles%2Fa", false},
		{"/files/a%20b", "signed_only=%2Ffiles%2Fa%2520b", true},
		{"/files/a%20b", "signed_only=%2Ffiles%2Fa%20b", false},
	} {
		if _, err := v.Verify(request(t, "GET", byHand(test.path+"?"+query, test.step))); (err == nil) != test.ok || err != nil && !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("%s by %s: %v", test.path, test.step, err)
		}
	}
}

func TestTheStepsOfALinkOfAStrangersFormatAreHeldToo(t *testing.T) {
	step := func(text string) string { return "signed_narrow=" + escapeAll(text) }
	open := step("expires_at=" + future)
	for narrowed, want := range map[string]string{
		open:                                   "ok",
		step("expires_at=1"):                   "expired",
		step("signed_methods=PUT"):             "not_allowed",
		open + "&" + step("signed_host=a.b"):   "not_allowed",
		"junk":                                 "invalid",
		open + "&":                             "ok",
		"&" + open:                             "invalid",
		strings.Repeat(open+"&", 3) + open:     "ok",
		strings.Repeat(open+"&", 4) + open:     "invalid",
		strings.Repeat("&", 9):                 "invalid",
		step("signed_id=x"):                    "invalid",
		step("expires_at=%zz"):                 "invalid",
		"signed_narrow=%zz":                    "invalid",
		"signed_narrow=expires_at%3D4102444%z": "invalid",
	} {
		claims := in(time.Hour)
		claims.Expires = claims.Expires.AddDate(200, 0, 0)
		v := newVerifier(narrowedFormat{toyFormat{claims: claims}, narrowed}, nil)
		l, err := v.Verify(request(t, "GET", "/files/a", "Toy: 1"))
		if got := middleware.Reason(err); got != want {
			t.Errorf("%q: %v, want %s", narrowed, err, want)
		}
		if err == nil && l.Expiry().Unix() != 4102444800 {
			t.Errorf("%q: the expiry is %v", narrowed, l.Expiry())
		}
	}
}

// narrowedFormat is a stranger's, with steps.
type narrowedFormat struct {
	toyFormat
	narrowed string
}

func (f narrowedFormat) Authenticate(r middleware.Request) (middleware.Link, error) {
	l, err := f.toyFormat.Authenticate(r)
	l.Narrowed = f.narrowed
	return l, err
}

func TestNarrowRefusesWhatIsWider(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(epoch+s, 0) }
	exact := middleware.Claims{Expires: at(60)}
	whole := middleware.Claims{
		Expires: at(60), NotBefore: at(0), Under: "/files/kyc/", Methods: []string{"GET", "PUT"}, Host: "files.example.com",
		Networks: networks("192.0.2.0/24", "2001:db8::/32"), Upload: middleware.Upload{MaxBytes: 100, Accept: []string{"image/*", "text/plain"}},
	}
	permanent := middleware.Claims{Permanent: true}
	type claims = middleware.Claims
	for _, test := range []struct {
		parent claims
		step   claims
		want   string // a part of the error
	}{
		{exact, claims{Expires: at(60)}, ""},
		{exact, claims{Expires: at(59)}, ""},
		{exact, claims{Expires: at(61)}, "claim Expires is wider"},
		{permanent, claims{Expires: at(1 << 30)}, ""},
		{exact, claims{NotBefore: at(60)}, "expire before"},
		{whole, claims{NotBefore: at(-1)}, "claim NotBefore is wider"},
		{whole, claims{NotBefore: at(1)}, ""},
		{whole, claims{Expires: at(0)}, "expire before"},
		{exact, claims{NotBefore: at(5), Expires: at(5)}, "expire before"},
		{exact, claims{Under: "/files/kyc/"}, "claim Under is wider"},
		{exact, claims{Only: "/files/kyc/a"}, ""},
		{exact, claims{Only: "/files/kyc/b"}, "claim Only is wider"},
		{whole, claims{Under: "/files/kyc/"}, ""},
		{whole, claims{Under: "/files/"}, "claim Under is wider"},
		{whole, claims{Under: "/files/kyc2/"}, "claim Under is wider"},
		{whole, claims{Under: "/files/kyc/b/"}, "path of the URL"},
		{whole, claims{Under: "/files/kyc"}, "ends in a slash"},
		{whole, claims{Only: "/files/kyc/b"}, "path of the URL"},
		{whole, claims{Only: "/files/b"}, "claim Only is wider"},
		{whole, claims{Only: "/files/kyc/../a"}, "canonical path"},
		{exact, claims{Methods: []string{"HEAD"}}, ""},
		{exact, claims{Methods: []string{"GET", "HEAD"}}, ""},
		{exact, claims{Methods: []string{"DELETE"}}, "claim Methods is wider"},
		{exact, claims{Methods: []string{}}, "empty and not nil"},
		{whole, claims{Methods: []string{"PUT"}}, ""},
		{whole, claims{Host: "files.example.com"}, ""},
		{whole, claims{Host: "a.example.com"}, "claim Host is wider"},
		{exact, claims{Host: "A.example.com"}, "lower-case"},
		{whole, claims{Networks: networks("192.0.2.128/25", "2001:db8:1::/48", "192.0.2.0/24")}, ""},
		{whole, claims{Networks: networks("::ffff:192.0.2.7/128")}, ""},
		{whole, claims{Networks: networks("192.0.0.0/16")}, "claim Networks is wider"},
		{whole, claims{Networks: networks("0.0.0.0/0")}, "claim Networks is wider"},
		{whole, claims{Networks: networks("2001:db9::/32")}, "claim Networks is wider"},
		{whole, claims{Upload: middleware.Upload{MaxBytes: 100}}, ""},
		{whole, claims{Upload: middleware.Upload{MaxBytes: 101}}, "claim Upload.MaxBytes is wider"},
		{whole, claims{Upload: middleware.Upload{Accept: []string{"image/*", "image/png", "text/plain"}}}, ""},
		{whole, claims{Upload: middleware.Upload{Accept: []string{"image/svg+xml"}}}, "claim Upload.Accept is wider"},
		{whole, claims{Upload: middleware.Upload{Accept: []string{"video/*"}}}, "claim Upload.Accept is wider"},
		{whole, claims{Upload: middleware.Upload{Replace: true}}, "only MaxBytes and Accept"},
		{whole, claims{Upload: middleware.Upload{SHA256: [32]byte{1}}}, "only MaxBytes and Accept"},
		{exact, claims{Permanent: true}, "claim Permanent cannot be narrowed"},
		{exact, claims{ID: "x"}, "claim ID cannot be narrowed"},
		{exact, claims{Uses: 1}, "claim Uses cannot be narrowed"},
		{exact, claims{Binding: middleware.Binding{Name: "s", Value: "v"}}, "claim Binding cannot be narrowed"},
		{exact, claims{DownloadName: "x"}, "claim DownloadName cannot be narrowed"},
		{exact, claims{Inline: true}, "claim Inline cannot be narrowed"},
		{exact, claims{ContentType: "a/b"}, "claim ContentType cannot be narrowed"},
		{exact, claims{Ignore: []string{"x"}}, "claim Ignore cannot be narrowed"},
		{exact, claims{}, "limit nothing"},
		{exact, claims{Methods: []string{strings.Repeat("A", 2000)}}, "wider"},
		{claims{Permanent: true, Methods: []string{strings.Repeat("A", 1010)}}, claims{Methods: []string{strings.Repeat("A", 1010)}}, "longer than 1024 bytes"},
	} {
		u, err := url.Parse(sign(t, testRing(t), "/files/kyc/a", test.parent))
		if err != nil {
			t.Fatal(err)
		}
		got, err := middleware.Narrow(u, test.step)
		if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || got != nil || !strings.HasPrefix(err.Error(), "signedurl: ")) {
			t.Errorf("%+v of %+v: %v, %v, want %q", test.step, test.parent, got, err, test.want)
		}
		if err != nil {
			continue
		}
		// It is wider than the step as well: not by the expiry alone.
		again := test.step
		if again.Expires.IsZero() {
			again.Expires = at(30)
		}
		if _, err := middleware.Narrow(got, again); err != nil {
			t.Errorf("%+v a second time: %v", again, err)
		}
	}

	// A step is as narrow as a link for the next one.
	parent := sign(t, testRing(t), "/files/kyc/a", claims{Expires: at(60), Under: "/files/", Methods: []string{"GET", "PUT"}})
	for i, steps := range [][2]claims{
		{{Expires: at(30)}, {Expires: at(31)}},
		{{NotBefore: at(30)}, {NotBefore: at(29)}},
		{{NotBefore: at(30)}, {Expires: at(30)}},
		{{Under: "/files/kyc/"}, {Under: "/files/"}},
		{{Only: "/files/kyc/a"}, {Under: "/files/kyc/"}},
		{{Methods: []string{"GET"}}, {Methods: []string{"PUT"}}},
		{{Host: "a.example"}, {Host: "b.example"}},
		{{Networks: networks("10.0.0.0/8")}, {Networks: networks("10.0.0.0/7")}},
		{{Upload: middleware.Upload{MaxBytes: 9}}, {Upload: middleware.Upload{MaxBytes: 10}}},
		{{Upload: middleware.Upload{Accept: []string{"image/png"}}}, {Upload: middleware.Upload{Accept: []string{"image/*"}}}},
	} {
		u, err := url.Parse(narrow(t, parent, steps[0]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := middleware.Narrow(u, steps[1]); err == nil {
			t.Errorf("%d: %+v after %+v is no error", i, steps[1], steps[0])
		}
	}
}

func TestNarrowRefusesWhatIsNoLinkOfItsOwn(t *testing.T) {
	step := middleware.Claims{Expires: time.Unix(epoch, 0)}
	ed, err := middleware.NewEd25519Key("2026e", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	edRing, err := middleware.NewKeyring(ed)
	if err != nil {
		t.Fatal(err)
	}
	hour := middleware.Claims{Expires: time.Unix(epoch+3600, 0)}
	good := sign(t, testRing(t), "/files/a?page=2", hour)
	cut := func(name string) string {
		before, after, _ := strings.Cut(good, name+"=")
		_, after, _ = strings.Cut(after, "&")
		return before + after
	}
	for link, unsupported := range map[string]bool{
		sign(t, edRing, "/files/a", hour): true,
		"/files/a":                        true,
		"/files/a?page=2":                 true,
		"/files/a?expires=1767225600&signature=" + strings.Repeat("a", 64): true, // Laravel's
		cut("signature"):                         true,
		cut("signed_by"):                         true,
		cut("expires_at"):                        true,
		good[:len(good)-1]:                       true,
		good + "A":                               true,
		good + "&signed_new=1":                   false,
		good + "&signature=x":                    false,
		"/files/../a" + good[len("/files/a"):]:   false,
		"mailto:a@b.example":                     false,
		"https://u:p@x.example" + good:           false,
		narrow(t, good, step, step, step, step):  false,
		good + "&" + strings.Repeat("a=1&", 130): false,
	} {
		u, err := url.Parse(strings.TrimSuffix(link, "&"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := middleware.Narrow(u, step)
		if err == nil || got != nil || errors.Is(err, errors.ErrUnsupported) != unsupported {
			t.Errorf("%.90s: %v, %v", link, got, err)
		}
		if err != nil && strings.Contains(err.Error(), good[len(good)-20:]) {
			t.Errorf("the error shows a signature: %v", err)
		}
	}
}

func TestNarrowSaysWhatCannotBe(t *testing.T) {
	minute := in(time.Minute)
	c := in(time.Hour)
	c.Under = "/files/"
	tree := sign(t, testRing(t), "/files/a", c)
	_, query, _ := strings.Cut(tree, "?")
	for link, want := range map[string]string{
		narrow(t, tree, minute, minute, minute, minute): "narrowed 4 times",
		"/other/a?" + query:                             "not in the link's subtree",
		"/files?" + query:                               "not in the link's subtree",
	} {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := middleware.Narrow(u, minute); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v, want %q", link, got, err, want)
		}
	}

	// A cookie grows with its steps, up to what browsers take.
	methods := func(n int) middleware.Claims { return middleware.Claims{Methods: []string{strings.Repeat("A", n)}} }
	c.Under, c.Methods = "", []string{strings.Repeat("A", 900)}
	s, err := builder(t, "/", testRing(t)).Subtree("files", c)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if s, err = s.Narrow(methods(900)); err != nil {
			t.Fatal(err)
		}
	}
	cookies, err := s.Cookies("link")
	if err != nil {
		t.Fatal(err)
	}
	room := 4096 - len("link") - len(cookies[0].Value)
	overhead := len("&signed_narrow=signed_host%3D")
	for n, ok := range map[int]bool{room - overhead: true, room - overhead + 1: false} {
		last, err := s.Narrow(middleware.Claims{Host: strings.Repeat("a", n)})
		if err != nil {
			t.Fatal(err)
		}
		cookies, err := last.Cookies("link")
		if (err == nil) != ok || ok && len(cookies[0].Value) != 4096-len("link") || !ok && !strings.Contains(err.Error(), "longer than 4096 bytes") {
			t.Errorf("a host of %d bytes: %v", n, err)
		}
	}
	if value, err := middleware.NarrowCookie(cookies[0].Value, middleware.Claims{Host: strings.Repeat("a", room-overhead+5)}); err == nil {
		t.Errorf("a cookie of %d bytes", len(value))
	}
}

func TestAStepWithAnInvalidEscapeIsRefused(t *testing.T) {
	v := newVerifier(testRing(t), nil)
	for _, target := range []string{"/files/a", "/files/a?page=2"} { // the fast path, and the general one
		parent := sign(t, testRing(t), target, in(time.Hour))
		for _, signed := range []string{"expires_at", "expires_at=", "signed_host=files.example.com"} {
			for _, raw := range []string{"expires_at%zz%3D" + future, "expires_at%3D%zz" + future, "expires_at%", "signed_host%3Dfiles.example.com%zz", "signed_host%3Dfiles.example.com%"} {
				// As if what precedes the escape were all.
				link := byHand(parent, signed)
				link = strings.Replace(link, escapeAll(signed), raw, 1)
				r, err := http.NewRequest("GET", "/files/a", nil)
				if err != nil {
					t.Fatal(err)
				}
				_, r.URL.RawQuery, _ = strings.Cut(link, "?")
				r.Host = "files.example.com"
				if _, err := v.Verify(r); !errors.Is(err, middleware.ErrInvalid) {
					t.Errorf("%s: %v", raw, err)
				}
				if e := v.Explain(r); !errors.Is(e.Err, middleware.ErrInvalid) {
					t.Errorf("%s: explained as %v", raw, e.Err)
				}
			}
		}
	}
}

func TestEachLimitOfAStepIsKept(t *testing.T) {
	v := newVerifier(testRing(t), nil)
	parent := sign(t, testRing(t), "/files/a", in(time.Hour))
	for _, step := range []middleware.Claims{{Host: "never"}, {Host: "never", Expires: in(time.Minute).Expires}} {
		r := request(t, "GET", narrow(t, parent, step))
		if _, err := v.Verify(r); !errors.Is(err, middleware.ErrNotAllowed) {
			t.Errorf("%+v: %v", step, err)
		}
		r.Host = "never"
		l, err := v.Verify(r)
		if err != nil {
			t.Fatal(err)
		}
		other, err := url.Parse(sign(t, testRing(t), "/files/b", in(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Renarrow(other); err != nil || got.Query().Get("signed_narrow") != "signed_host=never" {
			t.Errorf("Renarrow: %v, %v", got, err)
		}
	}

	// A list has at most 64 items.
	for n, want := range map[int]string{64: "not_allowed", 65: "invalid"} {
		methods := strings.TrimSuffix(strings.Repeat("A,", n), ",")
		if _, err := v.Verify(request(t, "GET", byHand(parent, "signed_methods="+escapeAll(methods)))); middleware.Reason(err) != want {
			t.Errorf("%d methods: %v", n, err)
		}
		addresses := strings.TrimSuffix(strings.Repeat("10.0.0.1,", n), ",")
		if _, err := v.Verify(request(t, "GET", byHand(parent, "signed_ip="+escapeAll(addresses)))); middleware.Reason(err) != want {
			t.Errorf("%d addresses: %v", n, err)
		}
		u, err := url.Parse(parent)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := middleware.Narrow(u, middleware.Claims{Methods: slices.Repeat([]string{"GET"}, n)}); (err == nil) != (n == 64) {
			t.Errorf("narrowed to %d methods: %v", n, err)
		}
	}
}

func TestNarrowSpellsEarlierStepsAnew(t *testing.T) {
	link := narrow(t, sign(t, testRing(t), "/files/a", in(time.Hour)), in(30*time.Minute), middleware.Claims{Host: "files.example.com"})
	want := narrow(t, link, in(time.Minute))
	for _, odd := range []string{strings.ReplaceAll(link, "%3D", "%3d"), strings.Replace(link, "signed_host", "signed%5fhost", 1), strings.Replace(link, "expires_at%3D", "e%78pires_at=", 1)} {
		if got := narrow(t, odd, in(time.Minute)); got != want {
			t.Errorf("narrowed\n%s\nis\n%s\nwant\n%s", odd, got, want)
		}
	}
}

func TestNarrowMakesNoDeadLinks(t *testing.T) {
	c := in(time.Hour)
	c.Under, c.Ignore = "/files/", []string{"utm_*"}
	link := sign(t, testRing(t), "/files/a/b", c)
	for _, test := range []struct {
		link string
		ok   bool
	}{
		{link + "&utm_source=x", true},
		{link + "&page=2", false},
		{narrow(t, link, middleware.Claims{Only: "/files/a/b"}), true},
		{strings.Replace(narrow(t, link, middleware.Claims{Only: "/files/a/b"}), "/files/a/b?", "/files/a/c?", 1), false},
		{strings.Replace(narrow(t, link, middleware.Claims{Under: "/files/a/"}), "/files/a/b?", "/files/a/c?", 1), true},
		{strings.Replace(narrow(t, link, middleware.Claims{Under: "/files/a/"}), "/files/a/b?", "/files/b?", 1), false},
	} {
		u, err := url.Parse(test.link)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := middleware.Narrow(u, in(time.Minute)); (err == nil) != test.ok {
			t.Errorf("%s: %v, %v", test.link, got, err)
		} else if err == nil {
			if _, err := newVerifier(testRing(t), nil).Verify(request(t, "GET", got.String())); err != nil {
				t.Errorf("%s: %v", got, err)
			}
		}
	}
	cookies, err := testRing(t).SignCookies("link", c)
	if err != nil {
		t.Fatal(err)
	}
	if value, err := middleware.NarrowCookie(cookies[0].Value+"&utm_source=x", in(time.Minute)); err == nil {
		t.Errorf("NarrowCookie made %s, which no verifier takes", value)
	}
}

func TestASubtreeSharesNothingWithItsCaller(t *testing.T) {
	c := in(time.Hour)
	c.Methods = []string{"GET"}
	s, err := builder(t, "/files/", testRing(t)).Subtree("/", c)
	if err != nil {
		t.Fatal(err)
	}
	nets := networks("192.0.2.7/32")
	n, err := s.Narrow(middleware.Claims{Networks: nets})
	if err != nil {
		t.Fatal(err)
	}
	before, err := n.Cookies("link")
	if err != nil {
		t.Fatal(err)
	}
	nets[0], c.Methods[0] = netip.MustParsePrefix("0.0.0.0/0"), "PUT"
	after, err := n.Cookies("link")
	if err != nil || before[0].Value != after[0].Value {
		t.Errorf("the cookie was\n%s\nand is\n%v, %v", before[0].Value, after, err)
	}
	if u, err := s.URL(strings.Repeat("x", 8200)); err == nil {
		t.Errorf("a link of %d bytes", len(u.String()))
	}
}

func TestASubtreeAndItsCookiesAreNarrowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := testRing(t)
		v := newVerifier(ring, &middleware.Options{Cookie: "link"})
		s, err := builder(t, "/files/", ring).Subtree("my docs", in(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		minute := in(time.Minute)
		minute.Under = "/files/my%20docs/42/"
		n, err := s.Narrow(minute)
		if err != nil {
			t.Fatal(err)
		}
		only, err := n.Narrow(middleware.Claims{Only: "/files/my%20docs/42/a%20b.jpg"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Narrow(in(time.Hour)); err == nil {
			t.Error("a narrower subtree was widened")
		}
		for _, test := range []struct {
			subtree *middleware.Subtree
			name    string
			opens   bool
		}{
			{s, "a.jpg", true}, {s, "42/a b.jpg", true},
			{n, "a.jpg", false}, {n, "42/a b.jpg", true}, {n, "42/c.jpg", true},
			{only, "a.jpg", false}, {only, "42/a b.jpg", true}, {only, "42/c.jpg", false},
		} {
			u, err := test.subtree.URL(test.name)
			if (err == nil) != test.opens {
				t.Errorf("%s: %v, %v", test.name, u, err)
			}
			if err == nil {
				if _, err := v.Verify(request(t, "GET", u.String())); err != nil {
					t.Errorf("%s: %v", u, err)
				}
			}
			unsigned, err := test.subtree.Unsigned(test.name)
			if err != nil {
				t.Fatal(err)
			}
			cookies, err := test.subtree.Cookies("link")
			if err != nil {
				t.Fatal(err)
			}
			l, err := v.Verify(request(t, "GET", unsigned.String(), "Cookie: link="+cookies[0].Value))
			if (err == nil) != test.opens || err == nil && !l.FromCookie {
				t.Errorf("the cookie and %s: %v", unsigned, err)
			}
			// A link is no cookie, nor the reverse.
			if _, err := v.Verify(request(t, "GET", unsigned.String(), "Cookie: link="+test.subtree.Query())); err == nil {
				t.Errorf("a link is good as a cookie")
			}
			if _, err := v.Verify(request(t, "GET", unsigned.String()+"?"+cookies[0].Value)); err == nil {
				t.Errorf("a cookie is good as a link")
			}
		}
		cookies, err := only.Cookies("link")
		if err != nil || cookies[0].Path != "/files/my%20docs/42/a%20b.jpg" || !cookies[0].Expires.Equal(minute.Expires) || cookies[0].MaxAge != 60 {
			t.Errorf("the cookie is %v, %v", cookies, err)
		}
		if value, err := middleware.NarrowCookie(cookies[0].Value, in(time.Second)); err != nil {
			t.Error(err)
		} else if _, err := v.Verify(request(t, "GET", "/files/my%20docs/42/a%20b.jpg", "Cookie: link="+value)); err != nil {
			t.Error(err)
		}
		if _, err := middleware.NarrowCookie(cookies[0].Value, in(time.Hour)); err == nil {
			t.Error("a cookie was widened")
		}
		if _, err := middleware.NarrowCookie(strings.TrimPrefix(sign(t, ring, "/files/a", in(time.Hour)), "/files/a?"), in(time.Second)); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("a link without a subtree is a cookie: %v", err)
		}
	})
}

func TestWhatALinkAndItsStepsSayTogether(t *testing.T) {
	v := newVerifier(testRing(t), &middleware.Options{EnforcesUploads: true, AllowPermanent: true})
	c := middleware.Claims{Permanent: true, Methods: []string{"GET", "PUT", "POST"}}
	link := sign(t, testRing(t), "/files/a", c)
	soon, later := in(time.Minute).Expires, in(time.Hour).Expires
	for _, step := range []middleware.Claims{
		{Upload: middleware.Upload{MaxBytes: 100}, Expires: later},
		{Upload: middleware.Upload{Accept: []string{"image/*", "text/plain"}}, Methods: []string{"PUT", "GET"}},
		{Upload: middleware.Upload{MaxBytes: 10, Accept: []string{"image/png"}}, Expires: soon},
	} {
		link = narrow(t, link, step)
	}
	l, err := v.Verify(request(t, "PUT", link))
	if err != nil {
		t.Fatal(err)
	}
	if !l.Expiry().Equal(soon) || l.MaxBytes() != 10 || !l.Accepts("image/png") || l.Accepts("image/gif") || l.Accepts("text/plain") ||
		!l.Allows("PUT") || !l.Allows("HEAD") || l.Allows("POST") || l.Allows("DELETE") {
		t.Errorf("expiry %v, bytes %d", l.Expiry(), l.MaxBytes())
	}
	if !l.Permanent || l.Upload.MaxBytes != 0 || l.Upload.Accept != nil || len(l.Steps()) != 3 || l.Steps()[2].Upload.MaxBytes != 10 || l.Steps()[1].Expires != (time.Time{}) {
		t.Errorf("the link is %+v with steps %+v", l, l.Steps())
	}
}

func TestPolicyAndStoresLookAtTheLinkWithoutItsSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken []middleware.Use
		v := newVerifier(testRing(t), &middleware.Options{MaxLifetime: time.Hour, Uses: uses(func(u middleware.Use) (bool, error) {
			taken = append(taken, u)
			return true, nil
		})})
		c := in(time.Hour)
		c.ID, c.Uses = "card-42", 3
		link := narrow(t, sign(t, testRing(t), "/files/a", c), in(5*time.Second))
		if _, err := v.Verify(request(t, "GET", link)); err != nil {
			t.Fatal(err)
		}
		if len(taken) != 1 || taken[0].ID != "card-42" || taken[0].Limit != 3 || taken[0].Expires.Before(c.Expires) {
			t.Errorf("taken: %+v", taken)
		}
		long := narrow(t, sign(t, testRing(t), "/files/a", in(2*time.Hour)), in(time.Second))
		if _, err := v.Verify(request(t, "GET", long)); !errors.Is(err, middleware.ErrNotAllowed) {
			t.Errorf("a link of two hours, narrowed to a second: %v", err)
		}
		never := narrow(t, sign(t, testRing(t), "/files/a", middleware.Claims{Permanent: true}), in(time.Second))
		if _, err := v.Verify(request(t, "GET", never)); !errors.Is(err, middleware.ErrNotAllowed) {
			t.Errorf("a permanent link, narrowed to a second: %v", err)
		}
		w := httptest.NewRecorder()
		v.Handler(http.NotFoundHandler()).ServeHTTP(w, request(t, "GET", link))
		if w.Code != 404 {
			t.Errorf("the reply is %d", w.Code)
		}
		w = httptest.NewRecorder()
		v.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, request(t, "GET", link))
		if got := w.Header().Get("Cache-Control"); got != "private, max-age=5" {
			t.Errorf("Cache-Control: %s", got)
		}
	})
}

func TestANarrowedLinkOfEd25519IsRefused(t *testing.T) {
	ed, err := middleware.NewEd25519Key("2026e", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := middleware.NewKeyring(ed)
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(ring, nil)
	c := in(time.Hour)
	link := sign(t, ring, "/files/a", c)
	step := "&signed_narrow=" + escapeAll("expires_at="+future)
	for _, forged := range []string{
		strings.Replace(link, "&signature=", step+"&signature=", 1),
		byHand(link, "expires_at="+future),
	} {
		if _, err := v.Verify(request(t, "GET", forged)); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("%s: %v", forged, err)
		}
	}
}

func TestTheSpellingOfANarrowedLinkDoesNotMatter(t *testing.T) {
	v := newVerifier(testRing(t), nil)
	c := in(time.Hour)
	c.Under, c.Ignore = "/files/", []string{"utm_*"}
	link := narrow(t, sign(t, testRing(t), "/files/a", c), in(time.Minute), middleware.Claims{Only: "/files/a"})
	path, query, _ := strings.Cut(link, "?")
	pairs := strings.Split(query, "&")
	reversed := func(pairs []string) string { // all but the order of the steps
		var out, steps []string
		for _, p := range pairs {
			if strings.HasPrefix(p, "signed_narrow=") {
				steps = append(steps, p)
			} else {
				out = append([]string{p}, out...)
			}
		}
		out = append([]string{steps[0]}, out...)
		return strings.Join(append(out, steps[1]), "&")
	}
	for _, q := range []string{
		query, reversed(pairs), query + "&utm_source=x", "utm_source=x&" + reversed(pairs),
		strings.ReplaceAll(query, "%3D", "="), strings.ReplaceAll(query, "%252F", "%252%46"), strings.ReplaceAll(query, "signed_only", "signed%5Fonly"), strings.ReplaceAll(query, "%26", "%26"),
	} {
		l, err := v.Verify(request(t, "GET", path+"?"+q))
		if err != nil || len(l.Steps()) != 2 {
			t.Errorf("%s: %v, steps %v", q, err, l.Steps())
		}
	}
}

func TestVerifyingANarrowedLinkDoesNotAllocate(t *testing.T) {
	if raced {
		t.Skip("the race detector allocates")
	}
	v := newVerifier(testRing(t), &middleware.Options{EnforcesUploads: true})
	tree := in(time.Hour)
	tree.Under = "/files/kyc/"
	for name, link := range map[string]string{
		"time":         narrow(t, sign(t, testRing(t), "/files/kyc/a.jpg", in(time.Hour)), in(time.Minute)),
		"path":         narrow(t, sign(t, testRing(t), "/files/kyc/a.jpg", tree), middleware.Claims{Only: "/files/kyc/a.jpg"}),
		"subtree":      narrow(t, sign(t, testRing(t), "/files/kyc/my%20docs/a.jpg", tree), middleware.Claims{Under: "/files/kyc/my%20docs/"}),
		"host and max": narrow(t, sign(t, testRing(t), "/files/kyc/a.jpg", tree), middleware.Claims{Host: "files.example.com", Upload: middleware.Upload{MaxBytes: 9}}),
		"four":         narrow(t, sign(t, testRing(t), "/files/kyc/a.jpg", tree), in(time.Minute), in(time.Second*30), middleware.Claims{Only: "/files/kyc/a.jpg"}, middleware.Claims{Host: "files.example.com"}),
	} {
		r := request(t, "GET", link)
		if _, err := v.Verify(r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := testing.AllocsPerRun(200, func() { v.Verify(r) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		forged := request(t, "GET", strings.Replace(link, "expires_at=4", "expires_at=5", 1)+"A")
		if n := testing.AllocsPerRun(200, func() { v.Verify(forged) }); n != 0 {
			t.Errorf("%s, forged: %v allocations", name, n)
		}
	}
}
