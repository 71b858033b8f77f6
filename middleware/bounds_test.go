package middleware_test

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/signedurl/middleware"
)

// Each bound is held from both sides: the last value that passes, and the first
// that does not.

func TestTheLongestCookieIsSignedAndRead(t *testing.T) {
	ring := testRing(t)
	c := middleware.Claims{Expires: time.Unix(4102444800, 0)}
	for n := 3900; n < 4096; n++ {
		c.Under = "/" + strings.Repeat("x", n) + "/"
		list, err := ring.SignCookies("name", c)
		if err == nil {
			if value := list[0].Value; len("name")+len(value) == 4096 {
				// A cookie without a name is the longest that is looked at.
				if _, err := ring.AuthenticateCookie(middleware.Request{Path: c.Under}, value); err != nil {
					t.Errorf("a cookie of 4096 bytes: %v", err)
				}
			}
			continue
		}
		c.Under = "/" + strings.Repeat("x", n-1) + "/"
		if list, err := ring.SignCookies("name", c); err != nil || len(list[0].Name)+len(list[0].Value) != 4096 {
			t.Errorf("the longest cookie that is signed has %d bytes", len(list[0].Name)+len(list[0].Value))
		}
		// Values of more than 4096 bytes are refused before they are read.
		for extra := range 8 {
			value := usual + "&signed_under=%2Fa%2F&signed_as=" + strings.Repeat("x", 3964+extra)
			text, _ := oracle("/a/", value)
			value += "&signature=" + macText(strings.Replace(text, "signed-url/1", "signed-cookie/1", 1))
			_, err := ring.AuthenticateCookie(middleware.Request{Path: "/a/"}, value)
			if (err == nil) != (len(value) <= 4096) {
				t.Errorf("a value of %d bytes: %v", len(value), err)
			}
		}
		return
	}
	t.Error("no cookie is too long")
}

func TestHowManyCookiesAreLookedAt(t *testing.T) {
	ring := testRing(t)
	alice := cookies(t, builder(t, "/files/", ring), "alice", in(time.Hour))
	v := newVerifier(ring, &middleware.Options{Cookie: "signed"})
	var rows []row
	for _, test := range []struct {
		before string
		n      int
		want   error
	}{
		{"signed=x; ", 63, nil}, {"signed=x; ", 64, middleware.ErrInvalid},
		{"a=b; ", 999, nil}, {"a=b; ", 1000, middleware.ErrUnsigned},
		{alice + "x; ", 3, nil}, {alice + "x; ", 4, middleware.ErrInvalid},
		{strings.Replace(alice, "2026a", "2026b", 1) + "; ", 60, nil},
	} {
		rows = append(rows, row{name: fmt.Sprintf("after %d of %.10s", test.n, test.before), target: "/files/alice/a.jpg", header: []string{"Cookie: " + strings.Repeat(test.before, test.n) + alice}, want: test.want})
	}
	for _, line := range []string{
		alice, " " + alice, "a=b;\t" + alice + "\t;c=d", "a=b; \t " + alice + " \t ;c=d", ";" + alice + ";", "a; " + alice, strings.Replace(alice, "=", `="`, 1) + `"`, `signed="; ` + alice, `signed=""; ` + alice, "signed; " + alice, "Signed=x; " + alice, "signe=x;signedx=y;" + alice,
	} {
		rows = append(rows, row{name: fmt.Sprintf("%.20q", line), target: "/files/alice/a.jpg", header: []string{"Cookie: " + line}})
	}
	for _, line := range []string{strings.Replace(alice, "=", `="`, 1), alice + `"`, strings.Replace(alice, "=", "=x", 1) + `"`, strings.Replace(alice, "=", `="`, 1) + "x", strings.Replace(alice, "=", "= ", 1), strings.Replace(alice, "=", " =", 1), "x" + alice, strings.Replace(alice, "signed=", "signee=", 1), strings.Replace(alice, "signed=", "signed:", 1)} {
		rows = append(rows, row{name: fmt.Sprintf("%.20q", line), target: "/files/alice/a.jpg", header: []string{"Cookie: " + line}, want: refusedCookie(line)})
	}
	judge(t, v, rows)
}

// refusedCookie is what a line with one bad cookie deserves: one of another name
// is none.
func refusedCookie(line string) error {
	if strings.HasPrefix(line, "signed=") {
		return middleware.ErrInvalid
	}
	return middleware.ErrUnsigned
}

func TestTheLongestTargetIsServed(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, nil)
	// The signed URL of a path of one byte more is one byte longer.
	base := len(sign(t, ring, "/x", middleware.Claims{Expires: time.Unix(4102444800, 0)})) - 2
	for _, extra := range []int{-1, 0, 1} {
		path := "/" + strings.Repeat("x", 8192-base-1+extra)
		signed, _ := oracle(path, usual)
		target := path + "?" + usual + "&signature=" + macText(signed)
		if len(target) != 8192+extra {
			t.Fatal(len(target))
		}
		for _, origin := range []string{"", "https://files.example.com", "https://" + strings.Repeat("a", 255) + ":65535"} {
			if _, err := v.Verify(request(t, "GET", origin+target)); (err == nil) != (extra <= 0) {
				t.Errorf("a target of %d bytes after %.30q: %v", len(target), origin, err)
			}
		}
	}
	link := sign(t, ring, "/x", in(time.Hour))
	for _, n := range []int{1, 255, 261, 270, 300} {
		if _, err := v.Verify(request(t, "GET", "http://"+strings.Repeat("a", n)+link)); (err == nil) != (n <= 261) {
			t.Errorf("a host of %d bytes in the target: %v", n, err)
		}
	}
}

func TestALinkLivesNoLongerThanMaxLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := testRing(t)
		for _, leeway := range []time.Duration{0, 5 * time.Second} {
			v := newVerifier(ring, &middleware.Options{MaxLifetime: 24 * time.Hour, Leeway: leeway, AllowPermanent: true})
			for _, test := range []struct {
				claims middleware.Claims
				want   error
			}{
				{in(24*time.Hour + leeway), nil},
				{in(24*time.Hour + leeway + time.Second), middleware.ErrNotAllowed},
				{middleware.Claims{Permanent: true}, nil},
			} {
				if _, err := v.Verify(request(t, "GET", sign(t, ring, "/x", test.claims))); !errors.Is(err, test.want) {
					t.Errorf("leeway %v, a link until %v: %v, want %v", leeway, test.claims.Expires, err, test.want)
				}
			}
		}
	})
}

func TestTheLongestSpellingOfAnAddress(t *testing.T) {
	ring := testRing(t)
	c := in(time.Hour)
	c.Networks = []netip.Prefix{netip.MustParsePrefix("2001:db8::9/128")}
	target := sign(t, ring, "/x", c)
	for _, n := range []int{63, 64, 65} {
		r := request(t, "GET", target)
		r.RemoteAddr = "2001:db8::9%" + strings.Repeat("z", n-12)
		if _, err := newVerifier(ring, nil).Verify(r); (err == nil) != (n <= 64) {
			t.Errorf("a peer's name of %d bytes: %v", n, err)
		}
	}
}

func TestACookieIsNotSignedWithoutItsClaims(t *testing.T) {
	ring := testRing(t)
	under := func(c middleware.Claims) middleware.Claims { c.Under = "/a/"; return c }
	if list, err := ring.SignCookies("c", under(in(time.Hour))); err != nil || len(list) != 1 || list[0].Path != "/a/" {
		t.Errorf("%v, %v", list, err)
	}
	for name, c := range map[string]middleware.Claims{
		"no subtree": in(time.Hour), "no expiry": under(middleware.Claims{}), "a subtree without a slash": {Expires: time.Unix(epoch, 0), Under: "/a"}, "a relative subtree": {Expires: time.Unix(epoch, 0), Under: "a/"},
	} {
		if list, err := ring.SignCookies("c", c); err == nil || list != nil || !strings.HasPrefix(err.Error(), "signedurl: ") {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
	public, err := middleware.ParseKeyring(publicText(t))
	if err != nil {
		t.Fatal(err)
	}
	if list, err := public.SignCookies("c", under(in(time.Hour))); err == nil || list != nil || public.CanSign() {
		t.Errorf("a public key signs: %v", list)
	}
	if u, err := public.Sign(&url.URL{Path: "/x"}, in(time.Hour)); err == nil || u != nil {
		t.Errorf("a public key signs: %v", u)
	}
	for _, none := range []*middleware.Keyring{nil, new(middleware.Keyring)} {
		if none.CanSign() || none.String() != "no keys" {
			t.Errorf("no ring at all: %v", none)
		}
		if _, err := none.Authenticate(middleware.Request{Path: "/x", RawQuery: usual + "&signature=A"}); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("no ring at all authenticates: %v", err)
		}
		if _, err := none.AuthenticateCookie(middleware.Request{Path: "/x"}, usual+"&signed_under=%2F&signature=A"); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("no ring at all authenticates a cookie: %v", err)
		}
	}
}

func publicText(t *testing.T) string {
	t.Helper()
	_, public, err := middleware.GenerateEd25519Key("p")
	if err != nil {
		t.Fatal(err)
	}
	return public
}
