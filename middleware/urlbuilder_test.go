package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
)

func contextWith(r *http.Request, key, value any) context.Context {
	return context.WithValue(r.Context(), key, value)
}

func builder(t testing.TB, base string, f middleware.Format) *middleware.URLBuilder {
	t.Helper()
	b, err := middleware.NewURLBuilder(base, f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABuilderLinksToWhateverAFileNameHolds(t *testing.T) {
	ring := testRing(t)
	b := builder(t, "/files/", ring)
	v := newVerifier(ring, nil)
	for _, name := range []string{
		"card.jpg", "kyc/42/card.jpg", "a b", " ", "a?b", "a#b", "100%", "a%2Fb", "%2e%2e", "a+b", "a;b", "a&b=c", "é", "日本語/ファイル", "\xff\xfe", "a\\b",
		"'\"<>`{}|^[]", "...", "..a", "a..", ".hidden", "a:b", "~user", "a*", "(1)", "$HOME", "a,b", "@", "!",
	} {
		u, err := b.URL(name, in(time.Hour))
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		for _, c := range u.String() {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/%?&=", c) {
				t.Errorf("%q: %s holds %q, which something on the way may re-spell", name, u, c)
			}
		}
		r := request(t, "GET", u.String())
		if r.URL.Path != "/files/"+name {
			t.Errorf("%q: the server reads %q", name, r.URL.Path)
		}
		if _, err := v.Verify(r); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", "..", ".", "../x", "//", "a/../b", "a/..", "a/./b", "/x", "a//b", "//x", "..\\x", "a\\..\\b", "a\\\\b", "\\x", "a\x00b", "a\nb", "a\x7Fb", strings.Repeat("x", 8200),
	} {
		if u, err := b.URL(name, in(time.Hour)); err == nil {
			t.Errorf("%q: %s", name, u)
		}
	}
}

func TestBases(t *testing.T) {
	ring := testRing(t)
	for base, want := range map[string]string{
		"/": "/x?", "/files/": "/files/x?", "https://cdn.example.com/": "https://cdn.example.com/x?", "http://127.0.0.1:8080/a/b/": "http://127.0.0.1:8080/a/b/x?", "/my%20files/": "/my%20files/x?",
	} {
		u, err := builder(t, base, ring).URL("x", in(time.Hour))
		if err != nil || !strings.HasPrefix(u.String(), want) {
			t.Errorf("%s: %v, %v", base, u, err)
		}
	}
	for _, base := range []string{
		"", "files/", "/files", "https://cdn.example.com", "https://cdn.example.com/files", "//cdn.example.com/files/", "ftp://x/", "https:/files/", "mailto:x", "/files/?a=b", "/files/?", "/files/#", "/files/#x",
		"https://user:pass@x/", "/a//b/", "/a/../b/", "/%7Ea/", "/my files/", "/a%2fb/", "/a\\b/", ":", "/%zz/", "javascript:alert(1)//",
	} {
		if b, err := middleware.NewURLBuilder(base, ring); err == nil {
			t.Errorf("the base %q is accepted: %v", base, b)
		}
	}
}

func TestASubtreeIsNeverWiderThanItsBuilder(t *testing.T) {
	ring := testRing(t)
	b := builder(t, "https://cdn.example.com/files/", ring)
	v := newVerifier(ring, nil)
	for _, test := range []struct{ dir, under string }{
		{"/", "%2Ffiles%2F"}, {"kyc", "%2Ffiles%2Fkyc%2F"}, {"kyc/", "%2Ffiles%2Fkyc%2F"}, {"a b/c", "%2Ffiles%2Fa%2520b%2Fc%2F"},
	} {
		s, err := b.Subtree(test.dir, in(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(s.Query(), "signed_under="+test.under+"&") {
			t.Errorf("%q: %s", test.dir, s.Query())
		}
		u, err := s.URL("deep/my card.jpg")
		if err != nil {
			t.Fatal(err)
		}
		plain, err := s.Unsigned("deep/my card.jpg")
		if err != nil || plain.String()+"?"+s.Query() != u.String() {
			t.Errorf("unsigned %v, signed %s", plain, u)
		}
		if c, err := v.Verify(request(t, "GET", u.RequestURI())); err != nil || c.Under == "" {
			t.Errorf("%s: %v", u, err)
		}
		for _, name := range []string{"../x", "..", "a/../../x", "/x", "..\\x"} {
			if u, err := s.URL(name); err == nil {
				t.Errorf("%q: %s", name, u)
			}
		}
	}
	for _, dir := range []string{"", "..", "../", "a/../..", "//", "/a", "a//"} {
		if s, err := b.Subtree(dir, in(time.Hour)); err == nil {
			t.Errorf("the subtree %q is signed: %s", dir, s.Query())
		}
	}
	c := in(time.Hour)
	c.Under = "/"
	if _, err := b.URL("x", c); err == nil {
		t.Error("a link to everything is signed")
	}
	if _, err := b.Subtree("kyc", c); err == nil {
		t.Error("a subtree with Claims.Under is signed")
	}
	toy, err := builder(t, "/", toyFormat{}).Subtree("a", in(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := toy.Cookies("c"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("cookies of a format without: %v", err)
	}
}

func TestRoundUp(t *testing.T) {
	day := time.Unix(epoch, 0)
	for _, test := range []struct {
		t    time.Time
		step time.Duration
		want time.Time
	}{
		{day, time.Hour, day},
		{day.Add(1), time.Hour, day.Add(time.Hour)},
		{day.Add(time.Hour - 1), time.Hour, day.Add(time.Hour)},
		{day.Add(61 * time.Second), time.Minute, day.Add(2 * time.Minute)},
		{day, 7 * time.Second, time.Unix((epoch+6)/7*7, 0)},
		{day, 0, day},
		{day, -1, day},
		{time.Unix(-1, 0), time.Hour, time.Unix(0, 0)},
	} {
		if got := middleware.RoundUp(test.t, test.step); !got.Equal(test.want) {
			t.Errorf("RoundUp(%v, %v) = %v, want %v", test.t, test.step, got, test.want)
		}
	}
}

// cookies turns what Subtree.Cookies gives into a header line.
func cookies(t testing.TB, b *middleware.URLBuilder, dir string, c middleware.Claims) string {
	t.Helper()
	s, err := b.Subtree(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Cookies("signed")
	if err != nil {
		t.Fatal(err)
	}
	return list[0].Name + "=" + list[0].Value
}

// A handler has rules of its own about names, and a person signs one that it
// would never serve.
func TestARestrictedBuilderSignsNoNameThatIsNotServed(t *testing.T) {
	all := builder(t, "https://cdn.example.com/fi%20les/", testRing(t))
	hidden, wide := errors.New("hidden"), errors.New("the base itself")
	var asked []string
	links := all.Restrict(func(name string) error {
		asked = append(asked, name)
		switch {
		case name == "":
			return wide
		case strings.Contains("/"+name, "/."):
			return hidden
		}
		return nil
	})
	c := middleware.Claims{Expires: time.Unix(4102444800, 0)}
	made := func(u *url.URL, err error) error { return err }
	folder, err := links.Subtree("kyc/ä b", c)
	if err != nil {
		t.Fatal(err)
	}
	everything, err := links.Subtree("/", c)
	if err != nil {
		t.Fatal(err)
	}
	_, errFolder := links.Subtree("kyc/.git/", c)
	for _, test := range []struct {
		name string
		got  error
		want error
	}{
		{"a file", made(links.URL("kyc/card.jpg", c)), nil},
		{"a hidden file", made(links.URL("kyc/.env", c)), hidden},
		{"the base", made(links.URL("/", c)), wide},
		{"a hidden folder", errFolder, hidden},
		{"a file of a folder", made(folder.URL("card.jpg")), nil},
		{"a hidden file of a folder", made(folder.URL(".env")), hidden},
		{"a hidden file of a folder, for a cookie", made(folder.Unsigned(".env")), hidden},
		{"a hidden file of everything", made(everything.URL(".env")), hidden},
		{"the base, of everything", made(everything.URL("")), wide},
		{"a hidden file, by the builder as it was", made(all.URL(".env", c)), nil},
		{"a hidden file, restricted twice", made(links.Restrict(func(string) error { return nil }).URL(".env", c)), hidden},
	} {
		if !errors.Is(test.got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, test.got, test.want)
		}
		if test.got != nil && !strings.HasPrefix(test.got.Error(), "signedurl: cannot link to ") {
			t.Errorf("%s: %v", test.name, test.got)
		}
	}
	want := []string{"kyc/ä b", "kyc/.git", "kyc/card.jpg", "kyc/.env", "", "kyc/ä b/card.jpg", "kyc/ä b/.env", "kyc/ä b/.env", ".env", "", ".env"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked about (-want +got):\n%s", diff)
	}
	if _, err := links.URL("../x", c); errors.Is(err, hidden) || err == nil {
		t.Errorf("a name that leaves the base: %v", err)
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil function: no panic")
		}
	}()
	all.Restrict(nil)
}

func TestACookieOpensItsSubtreeAndNothingElse(t *testing.T) {
	ring := testRing(t)
	b := builder(t, "/files/", ring)
	alice := cookies(t, b, "alice", in(time.Hour))
	bob := cookies(t, b, "bob", in(time.Hour))
	old := cookies(t, b, "alice", in(-time.Hour))
	wide := cookies(t, b, "/", in(time.Hour))
	ignore := in(time.Hour)
	ignore.Ignore = []string{"v"}
	versioned := cookies(t, b, "alice", ignore)
	put := in(time.Hour)
	put.Methods = []string{"PUT"}
	link := sign(t, ring, "/files/alice/a.jpg", in(time.Hour))
	subtree, _ := b.Subtree("alice", in(time.Hour))
	cookie := func(c ...string) []string { return []string{"Cookie: " + strings.Join(c, "; ")} }
	v := newVerifier(ring, &middleware.Options{Cookie: "signed"})
	judge(t, v, []row{
		{name: "below its path", target: "/files/alice/a.jpg", header: cookie(alice)},
		{name: "deeper", target: "/files/alice/x/y/a%20b.jpg", header: cookie(alice)},
		{name: "HEAD", method: "HEAD", target: "/files/alice/a.jpg", header: cookie(alice)},
		{name: "in quotes", target: "/files/alice/a.jpg", header: cookie(strings.Replace(alice, "=", `="`, 1) + `"`)},
		{name: "among others", target: "/files/alice/a.jpg", header: cookie("a=b", bob, "signed=", "signed", alice, "c=d")},
		{name: "on a second line", target: "/files/alice/a.jpg", header: []string{"Cookie: a=b", "Cookie: " + alice}},
		{name: "behind an expired one", target: "/files/alice/a.jpg", header: cookie(old, alice)},
		{name: "behind a forged one", target: "/files/alice/a.jpg", header: cookie(alice+"x", alice)},
		{name: "behind three that fail", target: "/files/alice/a.jpg", header: cookie(alice+"x", alice+"y", alice+"z", alice)},
		{name: "behind a neighbour's that are not even signed", target: "/files/alice/a.jpg", header: cookie(strings.Repeat("signed=signed_under=%2F&signature=x; ", 6), alice)},
		{name: "behind a thousand others", target: "/files/alice/a.jpg", header: cookie(strings.Repeat(";", 1000), alice), want: middleware.ErrUnsigned},
		{name: "behind four that fail", target: "/files/alice/a.jpg", header: cookie(alice+"w", alice+"x", alice+"y", alice+"z", alice), want: middleware.ErrInvalid},
		{name: "behind many of other subtrees", target: "/files/alice/a.jpg", header: cookie(bob, bob, bob, bob, bob, bob, alice)},
		{name: "behind sixty of other subtrees", target: "/files/alice/a.jpg", header: cookie(strings.Repeat("signed=x; ", 30)+strings.Repeat(bob+"; ", 30), alice)},
		{name: "behind more than are looked at", target: "/files/alice/a.jpg", header: cookie(strings.Repeat("signed=x; ", 64), alice), want: middleware.ErrInvalid},
		{name: "a wider one", target: "/files/bob/a.jpg", header: cookie(alice, wide)},
		{name: "none", target: "/files/alice/a.jpg", want: middleware.ErrUnsigned},
		{name: "of another name", target: "/files/alice/a.jpg", header: cookie("x" + alice), want: middleware.ErrUnsigned},
		{name: "outside its path", target: "/files/bob/a.jpg", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "its own path", target: "/files/alice/", header: cookie(alice)},
		{name: "its own path without the slash", target: "/files/alice", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "a name that begins alike", target: "/files/alice2/a.jpg", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "through a dot segment", target: "/files/alice/%2e%2e/bob/a.jpg", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "through an escaped slash", target: "/files/alice/..%2Fbob/a.jpg", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "expired", target: "/files/alice/a.jpg", header: cookie(old), want: middleware.ErrExpired},
		{name: "expired, and others that are foreign", target: "/files/alice/a.jpg", header: cookie(bob, old, alice+"x"), want: middleware.ErrExpired},
		{name: "for another method", target: "/files/alice/a.jpg", header: cookie(cookies(t, b, "alice", put)), want: middleware.ErrNotAllowed},
		{name: "forged", target: "/files/alice/a.jpg", header: cookie(alice + "x"), want: middleware.ErrInvalid},
		{name: "a link as a cookie", target: "/files/alice/a.jpg", header: cookie("signed=" + strings.SplitN(link, "?", 2)[1]), want: middleware.ErrInvalid},
		{name: "a subtree link as a cookie", target: "/files/alice/a.jpg", header: cookie("signed=" + subtree.Query()), want: middleware.ErrInvalid},
		{name: "a cookie as a link", target: "/files/alice/a.jpg?" + strings.TrimPrefix(alice, "signed="), want: middleware.ErrInvalid},
		{name: "with a reserved parameter in the URL", target: "/files/alice/a.jpg?expires_at=1", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "with a bad link in the URL", target: link + "x", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "with an expired link in the URL", target: sign(t, ring, "/files/alice/a.jpg", in(-time.Hour)), header: cookie(alice), want: middleware.ErrExpired},
		{name: "with a parameter", target: "/files/alice/a.jpg?v=2", header: cookie(alice), want: middleware.ErrInvalid},
		{name: "with a parameter that it ignores", target: "/files/alice/a.jpg?v=2", header: cookie(versioned)},
		{name: "with another parameter than it ignores", target: "/files/alice/a.jpg?w=2", header: cookie(versioned), want: middleware.ErrInvalid},
		{name: "with more in its value", target: "/files/alice/a.jpg", header: cookie(alice + "&x=1"), want: middleware.ErrInvalid},
	})
	judge(t, newVerifier(ring, nil), []row{
		{name: "where no cookie is looked at", target: "/files/alice/a.jpg", header: cookie(alice), want: middleware.ErrUnsigned},
	})
	judge(t, newVerifier(middleware.NewFormatVar(ring), &middleware.Options{Cookie: "signed"}), []row{
		{name: "through a FormatVar", target: "/files/alice/a.jpg", header: cookie(alice)},
	})
	held := middleware.NewFormatVar(ring)
	changed := newVerifier(held, &middleware.Options{Cookie: "signed"})
	held.Set(toyFormat{err: middleware.ErrUnsigned})
	judge(t, changed, []row{
		{name: "through a FormatVar of a format without cookies", target: "/files/alice/a.jpg", header: cookie(alice), want: middleware.ErrInvalid},
	})
	if _, err := ring.AuthenticateCookie(middleware.Request{Path: "/files/alice/a.jpg", RawQuery: "signed_by=x"}, strings.TrimPrefix(alice, "signed=")); err == nil {
		t.Error("a format takes a cookie beside a signed URL")
	}
	c, err := v.Verify(request(t, "GET", "/files/alice/a.jpg", cookie(alice)...))
	if err != nil || !c.FromCookie {
		t.Errorf("claims %+v, %v", c, err)
	}
}

func TestTheAttributesOfACookie(t *testing.T) {
	ring := testRing(t)
	c := middleware.Claims{Expires: time.Unix(epoch, 0).UTC()}
	s, err := builder(t, "https://cdn.example.com/files/", ring).Subtree("my docs", c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Cookies("__Secure-files")
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	want := &http.Cookie{Name: "__Secure-files", Value: got[0].Value, Path: "/files/my%20docs/", Expires: c.Expires, MaxAge: got[0].MaxAge, HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// What a server reads is what was set.
	header := got[0].String()
	read, err := http.ParseSetCookie(header)
	if err != nil || read.Value != got[0].Value || strings.Contains(header, `"`) {
		t.Errorf("%s: %v", header, err)
	}
	for _, name := range []string{"", "a b", "a;b", "a=b"} {
		if _, err := s.Cookies(name); err == nil {
			t.Errorf("the name %q is accepted", name)
		}
	}
	big := c
	big.Under = "/" + strings.Repeat("x", 4100) + "/"
	if _, err := ring.SignCookies("c", big); err == nil {
		t.Error("a cookie of more than 4096 bytes is signed")
	}
	if _, err := ring.SignCookies("c", c); err == nil {
		t.Error("a cookie without a subtree is signed")
	}
	if _, err := new(middleware.FormatVar).SignCookies("c", c); err == nil {
		t.Error("an empty FormatVar signs a cookie")
	}
	if _, err := new(middleware.FormatVar).Sign(&url.URL{Path: "/"}, c); err == nil {
		t.Error("an empty FormatVar signs")
	}
}

func TestNoPasswordOfABaseIsInTheError(t *testing.T) {
	for _, base := range []string{
		"https://user:hunter2@example.com/files/", "https://user:hunter2@example.com:port/files/", "https://user:hunter2%zz@example.com/files/",
		"user:hunter2@example.com/files/", "https://user:hunter2@exa mple.com/", "https://user:hunter2@example.com/%zz/", "https://user:hunter2\x7f@example.com/",
	} {
		if _, err := middleware.NewURLBuilder(base, testRing(t)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", base, err)
		}
	}
}
