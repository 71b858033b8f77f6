package django_test

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
)

const (
	key    = "django-insecure-test-only-key-0123456789"
	oldKey = "django-insecure-test-only-key-9876543210"
	made   = 1700000000
)

func newVerifier(t testing.TB, f middleware.Format, opts *middleware.Options) *middleware.Verifier {
	t.Helper()
	v, err := middleware.NewVerifier(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newFormat(t testing.TB, opts django.Options) *django.Format {
	t.Helper()
	f, err := django.New(key, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// hour is the claims of a token made at the time of made under a MaxAge of an
// hour.
var hour = middleware.Claims{Expires: time.Unix(made+3601, 0)}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		name, key string
		opts      django.Options
		want      string
	}{
		{"an empty key", "", django.Options{}, "empty"},
		{"an empty key though short ones are allowed", "", django.Options{InsecureShortKeys: true}, "empty"},
		{"a key of zero bytes", strings.Repeat("\x00", 50), django.Options{}, "all zero"},
		{"a short key", "secret-secret-secret-secret-31-b", django.Options{}, ""},
		{"a shorter key", "secret-secret-secret-secret-31b", django.Options{}, "InsecureShortKeys"},
		{"a short fallback key", key, django.Options{FallbackKeys: []string{"secret"}}, "InsecureShortKeys"},
		{"an empty fallback key", key, django.Options{FallbackKeys: []string{oldKey, ""}}, "empty"},
		{"short keys where they are allowed", "secret", django.Options{InsecureShortKeys: true, FallbackKeys: []string{"older"}}, ""},
		{"a separator of base64", key, django.Options{Separator: "-"}, "separator"},
		{"a separator of padding", key, django.Options{Separator: "="}, "separator"},
		{"a separator that is the first digit", key, django.Options{Separator: "0"}, "separator"},
		{"a separator that is the last digit", key, django.Options{Separator: "9"}, "separator"},
		{"a separator that is the first letter", key, django.Options{Separator: "A"}, "separator"},
		{"a separator that is the last letter", key, django.Options{Separator: "z"}, "separator"},
		{"a separator that Django refuses by a slip", key, django.Options{Separator: "["}, "separator"},
		{"a separator of several safe bytes", key, django.Options{Separator: "a:"}, ""},
		{"an unknown hash", key, django.Options{Hash: crypto.MD5}, "Hash"},
		{"a negative age", key, django.Options{MaxAge: -1}, "negative"},
		{"an age for tokens without a time", key, django.Options{MaxAge: 1, Untimed: true}, "Untimed"},
		{"a member of no object", key, django.Options{Member: "path"}, "Object"},
		{"a member with a control character", key, django.Options{Object: true, Member: "a\n"}, "control"},
		{"a member that is not UTF-8", key, django.Options{Object: true, Member: "\xff"}, "UTF-8"},
		{"a parameter with a bracket", key, django.Options{Parameter: "token[]"}, "parameter"},
		{"ignoring the token", key, django.Options{Ignore: []string{"a", "token"}}, "cannot be ignored"},
		{"ignoring the token of another name", key, django.Options{Parameter: "t", Ignore: []string{"t"}}, "cannot be ignored"},
		{"ignoring a parameter without a name", key, django.Options{Ignore: []string{""}}, "cannot be ignored"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := django.New(test.key, &test.opts)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
			if strings.Contains(err.Error(), "secret-") || strings.Contains(err.Error(), key) {
				t.Errorf("the error quotes a key: %v", err)
			}
		})
	}
}

func TestZeroFormatRefuses(t *testing.T) {
	for _, f := range []*django.Format{nil, new(django.Format)} {
		if _, err := f.Authenticate(middleware.Request{Path: "/a", RawQuery: "token=x"}); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("Authenticate: %v", err)
		}
		for _, c := range []middleware.Claims{{Permanent: true}, hour} {
			if _, err := f.Sign(&url.URL{Path: "/a"}, c); err == nil {
				t.Error("Sign signed")
			}
		}
	}
}

func TestNothingPrintsTheKeys(t *testing.T) {
	f := newFormat(t, django.Options{FallbackKeys: []string{oldKey}, Salt: "files"})
	if _, err := f.Sign(&url.URL{Path: "/a"}, middleware.Claims{Permanent: true}); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		text := fmt.Sprintf(verb, f) + fmt.Sprintf(verb, struct{ F middleware.Format }{f})
		for _, secret := range []string{key, oldKey, hex.EncodeToString([]byte(key))} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows a key", verb)
			}
		}
	}
}

func TestSignedLinksAreAuthentic(t *testing.T) {
	anHour := django.Options{MaxAge: time.Hour}
	with := func(change func(o *django.Options)) django.Options {
		o := anHour
		change(&o)
		return o
	}
	timed := middleware.Link{Claims: middleware.Claims{NotBefore: time.Unix(made, 0), Expires: hour.Expires}, KeyID: "0"}
	root := func(under string) middleware.Link {
		l := timed
		l.Under = under
		return l
	}
	under := root("/media/u%207/")
	subtrees := django.Options{MaxAge: time.Hour, Subtree: true}
	for _, test := range []struct {
		name  string
		opts  django.Options
		url   string
		claim middleware.Claims
		want  middleware.Link
		token string // the beginning of the token, decoded
	}{
		{"a path", anHour, "/media/report.pdf", hour, timed, "/media/report.pdf:1r31eq:"},
		{"a host, which is not signed", anHour, "https://cdn.example/a", hour, timed, "/a:1r31eq:"},
		{"a path in escapes", anHour, "/a%20b/%C5%BE%3F%25", hour, timed, "/a b/ž?%:1r31eq:"},
		{"an exclamation mark in an escaped path", django.Options{MaxAge: time.Hour, Escaped: true}, "/a!b", hour, timed, "/a!b:1r31eq:"},
		{"a tilde in an object", django.Options{MaxAge: time.Hour, Object: true}, "/a~", hour, timed, "Ii9hfiI:1r31eq:"},
		{"U+FFFD in a path that is no object", anHour, "/a%ef%bf%bd", hour, timed, "/a\ufffd:1r31eq:"},
		{"a token made in 1970", django.Options{}, "/a", middleware.Claims{Permanent: true, NotBefore: time.Unix(0, 0)},
			middleware.Link{Claims: middleware.Claims{Permanent: true, NotBefore: time.Unix(0, 0)}, KeyID: "0"}, "/a:0:"},
		{"a token made in 9999", django.Options{}, "/a", middleware.Claims{Permanent: true, NotBefore: time.Unix(253402300799, 0)},
			middleware.Link{Claims: middleware.Claims{Permanent: true, NotBefore: time.Unix(253402300799, 0)}, KeyID: "0"}, "/a:4SbCEFr:"},
		{"a token that expired in 1970", anHour, "/a", middleware.Claims{Expires: time.Unix(0, 0)},
			middleware.Link{Claims: middleware.Claims{NotBefore: time.Unix(-3601, 0), Expires: time.Unix(0, 0)}, KeyID: "0"}, "/a:-w5:"},
		{"the path of the subtree", subtrees, "/a%20b/", middleware.Claims{Expires: hour.Expires, Under: "/a%20b/"}, root("/a%20b/"), "/a b/:1r31eq:"},
		{"the path of the subtree without escapes", subtrees, "/a/", middleware.Claims{Expires: hour.Expires, Under: "/a/"}, root("/a/"), "/a/:1r31eq:"},
		{"a path that holds the separator", anHour, "/a:b:c", hour, timed, "/a:b:c:1r31eq:"},
		{"a path that ends in a slash", anHour, "/a/", hour, timed, "/a/:1r31eq:"},
		{"the root", anHour, "/", hour, timed, "/:1r31eq:"},
		{"a fraction of a second is dropped", anHour, "/a", middleware.Claims{Expires: hour.Expires.Add(time.Second - 1)}, timed, "/a:1r31eq:"},
		{"a NotBefore that is the token's time", anHour, "/a", middleware.Claims{NotBefore: timed.NotBefore, Expires: hour.Expires}, timed, "/a:1r31eq:"},
		{"an escaped path", with(func(o *django.Options) { o.Escaped = true }), "/a%20b/%C5%BE+c", hour, timed, "/a%20b/%C5%BE+c:1r31eq:"},
		{"an object", with(func(o *django.Options) { o.Object, o.Member = true, "path" }), "/ž.pdf", hour, timed,
			base64.RawURLEncoding.EncodeToString([]byte(`{"path":"/\u017e.pdf"}`)) + ":1r31eq:"},
		{"an object that is the path", with(func(o *django.Options) { o.Object = true }), "/a", hour, timed, "Ii9hIg:1r31eq:"},
		{"a subtree", with(func(o *django.Options) { o.Subtree = true }), "/media/u 7/a.pdf",
			middleware.Claims{Expires: hour.Expires, Under: "/media/u%207/"}, under, "/media/u 7/:1r31eq:"},
		{"a path where subtrees are allowed", with(func(o *django.Options) { o.Subtree = true }), "/media/a.pdf", hour, timed, "/media/a.pdf:1r31eq:"},
		{"an escaped subtree", with(func(o *django.Options) { o.Subtree, o.Escaped = true, true }), "/media/u%207/a.pdf",
			middleware.Claims{Expires: hour.Expires, Under: "/media/u%207/"}, under, "/media/u%207/:1r31eq:"},
		{"an ignored parameter", with(func(o *django.Options) { o.Ignore = []string{"page", "v"} }), "/a?v=1&page=2", hour, timed, "/a:1r31eq:"},
		{"a parameter of another name", with(func(o *django.Options) { o.Parameter = "signed" }), "/a", hour, timed, "/a:1r31eq:"},
		{"another separator", with(func(o *django.Options) { o.Separator = "::" }), "/a:", hour, timed, "/a:::1r31eq::"},
		{"SHA-1", with(func(o *django.Options) { o.Hash = crypto.SHA1 }), "/a", hour, timed, "/a:1r31eq:"},
		{"SHA-512", with(func(o *django.Options) { o.Hash = crypto.SHA512 }), "/a", hour, timed, "/a:1r31eq:"},
		{"a token that never expires", django.Options{}, "/a", middleware.Claims{Permanent: true},
			middleware.Link{Claims: middleware.Claims{Permanent: true, NotBefore: time.Unix(0, 0)}, KeyID: "0"}, "/a:0:"},
		{"one that is good from a time on", django.Options{}, "/a", middleware.Claims{Permanent: true, NotBefore: time.Unix(made, 0)},
			middleware.Link{Claims: middleware.Claims{Permanent: true, NotBefore: time.Unix(made, 0)}, KeyID: "0"}, "/a:1r31eq:"},
		{"one that holds no time", django.Options{Untimed: true}, "/a", middleware.Claims{Permanent: true},
			middleware.Link{Claims: middleware.Claims{Permanent: true}, KeyID: "0"}, "/a:"},
		{"an age with a fraction", django.Options{MaxAge: 3600*time.Second + 1}, "/a", hour, timed, "/a:1r31eq:"},
		{"the last expiry", anHour, "/a", middleware.Claims{Expires: time.Unix(253402300799, 0)},
			middleware.Link{Claims: middleware.Claims{NotBefore: time.Unix(253402297198, 0), Expires: time.Unix(253402300799, 0)}, KeyID: "0"}, "/a:4SbCDJm:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			before := *u
			f := newFormat(t, test.opts)
			signed, err := f.Sign(u, test.claim)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, *u); diff != "" {
				t.Errorf("Sign changed its argument:\n%s", diff)
			}
			name := test.opts.Parameter
			if name == "" {
				name = "token"
			}
			if token := signed.Query().Get(name); !strings.HasPrefix(token, test.token) {
				t.Errorf("token %q, want it to begin with %q", token, test.token)
			}
			c, err := f.Authenticate(middleware.Request{Path: signed.EscapedPath(), RawQuery: signed.RawQuery})
			if diff := cmp.Diff(test.want, c); err != nil || diff != "" {
				t.Errorf("got %v; claims (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	anHour, subtrees := django.Options{MaxAge: time.Hour, Ignore: []string{"v"}}, django.Options{MaxAge: time.Hour, Subtree: true}
	below := func(under string) middleware.Claims {
		return middleware.Claims{Expires: hour.Expires, Under: under}
	}
	for _, test := range []struct {
		name   string
		opts   django.Options
		url    string
		claims middleware.Claims
		want   string
	}{
		{"a user", anHour, "https://me@example.com/a", hour, "user"},
		{"an opaque URL", anHour, "mailto:me@example.com", hour, "opaque"},
		{"no path", anHour, "https://example.com", hour, "slash"},
		{"dot segments", anHour, "/a/%2e%2e/b", hour, ".."},
		{"an empty part", anHour, "/a//b", hour, "empty part"},
		{"an encoded slash", anHour, "/a%2fb", hour, "encoded slash"},
		{"a control character", anHour, "/a%0ab", hour, "control"},
		{"a path that is not UTF-8", anHour, "/a%ff", hour, "UTF-8"},
		{"an object with U+FFFD", django.Options{MaxAge: time.Hour, Object: true}, "/a%ef%bf%bd", hour, "U+FFFD"},
		{"a token", anHour, "/a?token=x", hour, "token"},
		{"a token in escapes", anHour, "/a?%74oken=x", hour, "token"},
		{"a parameter that is not ignored", anHour, "/a?v=1&w=2", hour, `"w"`},
		{"a semicolon", anHour, "/a?v;w=2", hour, "semicolon"},
		{"an invalid escape", anHour, "/a?v=%zz", hour, "escape"},
		{"a target over 8 KiB", anHour, "/a?v=" + strings.Repeat("x", 8<<10), hour, "8 KiB"},
		{"no lifetime", anHour, "/a", middleware.Claims{}, "expiry"},
		{"an expiry before 1970", anHour, "/a", middleware.Claims{Expires: time.Unix(-1, 0)}, "1970"},
		{"an expiry after 9999", anHour, "/a", middleware.Claims{Expires: time.Unix(253402300800, 0)}, "9999"},
		{"a NotBefore after 9999", django.Options{}, "/a", middleware.Claims{Permanent: true, NotBefore: time.Unix(253402300800, 0)}, "9999"},
		{"a NotBefore before 1970", django.Options{}, "/a", middleware.Claims{Permanent: true, NotBefore: time.Unix(-1, 0)}, "1970"},
		{"a path that would open a subtree", subtrees, "/a/", hour, "Under"},
		{"the root where subtrees are allowed", subtrees, "/", hour, "Under"},
		{"a path outside of Under", subtrees, "/ab/c", below("/a/"), "below"},
		{"an Under without a slash at its end", subtrees, "/a/b", below("/a"), "canonical"},
		{"an Under in another spelling", subtrees, "/a/b", below("/%61/"), "canonical"},
		{"an Under with dot segments", subtrees, "/a/b", below("/b/../a/"), "canonical"},
		{"an Under with an encoded slash", subtrees, "/a/b", below("/a%2Fb/"), "canonical"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u, err := url.Parse(test.url)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := newFormat(t, test.opts).Sign(u, test.claims)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, %v, want an error with %q", signed, err, test.want)
			}
			if errors.Is(err, middleware.ErrInvalid) || errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("the error is about requests or claims: %v", err)
			}
		})
	}
}

func TestSignRefusesClaimsThatATokenCannotCarry(t *testing.T) {
	expires := hour.Expires
	for _, test := range []struct {
		name   string
		opts   django.Options
		claims middleware.Claims
	}{
		{"Under without Subtree", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Under: "/"}},
		{"Methods", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Methods: []string{"GET"}}},
		{"Host", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Host: "a"}},
		{"Networks", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Networks: []netip.Prefix{}}},
		{"Binding", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Binding: middleware.Binding{Name: "a"}}},
		{"ID", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, ID: "a"}},
		{"Uses", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Uses: 1}},
		{"DownloadName", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, DownloadName: "a"}},
		{"ContentType", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, ContentType: "a/b"}},
		{"Ignore", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Ignore: []string{"a"}}},
		{"a NotBefore that is not the token's time", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, NotBefore: expires.Add(-time.Minute)}},
		{"two lifetimes", django.Options{}, middleware.Claims{Expires: expires, Permanent: true}},
		{"two lifetimes under a MaxAge", django.Options{MaxAge: time.Hour}, middleware.Claims{Expires: expires, Permanent: true}},
		{"no expiry under a MaxAge", django.Options{MaxAge: time.Hour}, middleware.Claims{Permanent: true}},
		{"an expiry without a MaxAge", django.Options{}, hour},
		{"an expiry without a time", django.Options{Untimed: true}, hour},
		{"NotBefore without a time", django.Options{Untimed: true}, middleware.Claims{Permanent: true, NotBefore: expires}},
	} {
		if _, err := newFormat(t, test.opts).Sign(&url.URL{Path: "/a"}, test.claims); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v, want an error that wraps ErrUnsupported", test.name, err)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	f := newFormat(t, django.Options{MaxAge: time.Hour, Ignore: []string{"page"}})
	token := f.SignValue("/media/a b.pdf", made)
	query := "token=" + url.QueryEscape(token)
	for _, test := range []struct {
		name, path, query string
		want              error
	}{
		{"what was signed", "/media/a%20b.pdf", query, nil},
		{"the path in another spelling", "/med%69a/a%20b%2epdf", query, nil},
		{"the token in another spelling", "/media/a%20b.pdf", strings.ReplaceAll(query, "%3A", ":"), nil},
		{"an ignored parameter", "/media/a%20b.pdf", "page=2&" + query + "&page=3", nil},
		{"another path", "/media/a%20c.pdf", query, middleware.ErrInvalid},
		{"the path in another case", "/media/A%20b.pdf", query, middleware.ErrInvalid},
		{"a path escaped twice", "/media/a%2520b.pdf", query, middleware.ErrInvalid},
		{"a slash at the end", "/media/a%20b.pdf/", query, middleware.ErrInvalid},
		{"an encoded slash", "/media%2Fa%20b.pdf", query, middleware.ErrInvalid},
		{"dot segments", "/x/../media/a%20b.pdf", query, middleware.ErrInvalid},
		{"a doubled slash", "//media/a%20b.pdf", query, middleware.ErrInvalid},
		{"another parameter", "/media/a%20b.pdf", query + "&x=1", middleware.ErrInvalid},
		{"another parameter before", "/media/a%20b.pdf", "x&" + query, middleware.ErrInvalid},
		{"an ignored parameter in another spelling", "/media/a%20b.pdf", query + "&%70age=2", middleware.ErrInvalid},
		{"the token twice", "/media/a%20b.pdf", query + "&" + query, middleware.ErrInvalid},
		{"a second token without a value", "/media/a%20b.pdf", query + "&token", middleware.ErrInvalid},
		{"a second token in disguise", "/media/a%20b.pdf", query + "&%74oken=x", middleware.ErrInvalid},
		{"the token in disguise", "/media/a%20b.pdf", "%74" + query[1:], middleware.ErrInvalid},
		{"an empty parameter", "/media/a%20b.pdf", query + "&", middleware.ErrInvalid},
		{"a semicolon", "/media/a%20b.pdf", query + ";x=1", middleware.ErrInvalid},
		{"an invalid escape", "/media/a%20b.pdf", query + "&page=%z", middleware.ErrInvalid},
		{"an empty token", "/media/a%20b.pdf", "token=", middleware.ErrInvalid},
		{"a token of separators", "/media/a%20b.pdf", "token=::", middleware.ErrInvalid},
		{"a target over 8 KiB", "/media/a%20b.pdf", query + "&page=" + strings.Repeat("x", 8<<10), middleware.ErrInvalid},
		{"no query", "/media/a%20b.pdf", "", middleware.ErrUnsigned},
		{"parameters and no token", "/media/a%20b.pdf", "page=1&x=2", middleware.ErrUnsigned},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := f.Authenticate(middleware.Request{Path: test.path, RawQuery: test.query})
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil {
				if diff := cmp.Diff(middleware.Link{}, c); diff != "" {
					t.Errorf("claims of a refused link:\n%s", diff)
				}
			}
		})
	}
}

// TestWhatTheKeyHolderSigned is about tokens with a good signature.
func TestWhatTheKeyHolderSigned(t *testing.T) {
	object := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	long := `{"path":"/a","x":"` + strings.Repeat("x", 64<<10-len(`{"path":"/a","x":""}`)) + `"}`
	overflow := func(n int64) string { // as a base-62 number that is 1<<64 larger
		x := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(n))
		var s []byte
		for digit := new(big.Int); x.Sign() > 0; {
			x.DivMod(x, big.NewInt(62), digit)
			s = append([]byte(django.Base62(digit.Int64())), s...)
		}
		return string(s)
	}
	inTime, objects := django.Options{MaxAge: time.Hour}, django.Options{MaxAge: time.Hour, Object: true, Member: "path"}
	escaped, subtree := django.Options{MaxAge: time.Hour, Escaped: true}, django.Options{MaxAge: time.Hour, Subtree: true}
	untimed := django.Options{Untimed: true}
	for _, test := range []struct {
		name  string
		opts  django.Options
		body  string // what is signed: value, separator and time
		path  string
		valid bool
	}{
		{"a path", inTime, "/a:1r31eq", "/a", true},
		{"a time with a leading zero", inTime, "/a:01r31eq", "/a", false},
		{"a time with a plus sign", inTime, "/a:+1r31eq", "/a", false},
		{"a time below zero", inTime, "/a:-5", "/a", true},
		{"a time of minus zero", inTime, "/a:-0", "/a", false},
		{"a time of a sign", inTime, "/a:-", "/a", false},
		{"no time", inTime, "/a:", "/a", false},
		{"no separator", inTime, "/a", "/a", false},
		{"a time of other digits", inTime, "/a:1r31e_", "/a", false},
		{"a time with a space", inTime, "/a:1r31eq ", "/a", false},
		{"a time beyond the year 9999", inTime, "/a:4SbCEFs", "/a", false},
		{"a time that overflows", inTime, "/a:zzzzzzzzzzzzzzzzzzzz", "/a", false},
		{"a time whose expiry is beyond the year 9999", inTime, "/a:" + django.Base62(253402300799-3600), "/a", false},
		{"the last time of all", inTime, "/a:" + django.Base62(253402300799-3601), "/a", true},
		{"a text that is no path", inTime, "hello:1r31eq", "/hello", false},
		{"an empty text", inTime, ":1r31eq", "/", false},
		{"a whole URL", inTime, "https://example.com/a:1r31eq", "/a", false},
		{"a directory", inTime, "/a/:1r31eq", "/a/b", false},
		{"a path in escapes", inTime, "/a%20b:1r31eq", "/a%20b", false},
		{"a path that looks escaped", inTime, "/a%20b:1r31eq", "/a%2520b", true},

		{"an escaped path", escaped, "/a%20b:1r31eq", "/a%20b", true},
		{"an escaped path for what it would be escaped twice", escaped, "/a%20b:1r31eq", "/a%2520b", false},
		{"a path that is not escaped", escaped, "/a b:1r31eq", "/a%20b", true},
		{"an escaped path with an invalid escape", escaped, "/a%2:1r31eq", "/a%252", false},
		{"an escaped path with an invalid escape at its end", escaped, "/a%2:1r31eq", "/a", false},
		{"an escaped path with a query", escaped, "/a?b:1r31eq", "/a%3Fb", false},
		{"an escaped path with an encoded slash", escaped, "/a%2fb:1r31eq", "/a/b", false},

		{"a subtree", subtree, "/a/:1r31eq", "/a/b/c", true},
		{"the subtree's own path", subtree, "/a/:1r31eq", "/a/", true},
		{"the subtree's own path in escapes", subtree, "/a b/:1r31eq", "/a%20b/", true},
		{"the subtree's own path without its slash", subtree, "/a/:1r31eq", "/a", false},
		{"a subtree's sibling", subtree, "/a/:1r31eq", "/ab", false},
		{"a path without a slash is no subtree", subtree, "/a:1r31eq", "/a/b", false},
		{"nor does it open what begins with it", subtree, "/a:1r31eq", "/ab", false},
		{"an empty subtree", subtree, ":1r31eq", "/a", false},
		{"a subtree below which dots lead out", subtree, "/a/:1r31eq", "/a/%2e%2e/b", false},
		{"a subtree below which dots lead out before a semicolon", subtree, "/a/:1r31eq", "/a/..;/b", false},
		{"a subtree below which dots lead out before an encoded semicolon", subtree, "/a/:1r31eq", "/a/%2e%2e%3Bx=y/b", false},
		{"a path with dots before a semicolon", django.Options{MaxAge: time.Hour}, "/a/..;/b:1r31eq", "/a/..;/b", false},
		{"a subtree below which a backslash leads out", subtree, "/a/:1r31eq", `/a/x%5C..%5C..%5Cb`, false},
		{"a subtree in escapes", subtree, "/a b/:1r31eq", "/a%20b/c%20d", true},
		{"a subtree with dots", subtree, "/a/../:1r31eq", "/b", false},

		{"an object", objects, object(`{"path":"/a"}`) + ":1r31eq", "/a", true},
		{"an object with spaces", objects, object(`{ "path" : "/a" }`) + ":1r31eq", "/a", true},
		{"an object with other members", objects, object(`{"a":[{"path":"/b"}],"path":"/a","PATH":"/b"}`) + ":1r31eq", "/a", true},
		{"an object with the path in another case only", objects, object(`{"Path":"/a"}`) + ":1r31eq", "/a", false},
		{"an object with the path deeper down", objects, object(`{"a":{"path":"/a"}}`) + ":1r31eq", "/a", false},
		{"an object whose path is a list", objects, object(`{"path":["/a"]}`) + ":1r31eq", "/a", false},
		{"an object whose path is null", objects, object(`{"path":null}`) + ":1r31eq", "/", false},
		{"a list", objects, object(`["/a"]`) + ":1r31eq", "/a", false},
		{"an object and more", objects, object(`{"path":"/a"}{}`) + ":1r31eq", "/a", false},
		{"an object in Latin-1", objects, object("{\"path\":\"/\xe9\"}") + ":1r31eq", "/%E9", false},
		{"an object with a byte outside ASCII in another member", objects, object("{\"path\":\"/a\",\"x\":\"\x80\"}") + ":1r31eq", "/a", false},
		{"an object in UTF-8", objects, object(`{"path":"/é"}`) + ":1r31eq", "/%C3%A9", false},
		{"an object with half a surrogate pair", objects, object(`{"path":"/\ud800"}`) + ":1r31eq", "/%EF%BF%BD", false},
		{"an object in padded base64", objects, object(`{"path":"/ab"}`) + "==:1r31eq", "/ab", false},
		{"an object in base64 with a line break", objects, object(`{"path":"/a"}`)[:4] + "\n" + object(`{"path":"/a"}`)[4:] + ":1r31eq", "/a", false},
		{"an object in base64 with stray bits", objects, "eyJwYXRoIjoiL2EifR:1r31eq", "/a", false},
		{"no object", objects, "/a:1r31eq", "/a", false},
		{"a compressed object", objects, pack(`{"path":"/a"}`) + ":1r31eq", "/a", true},
		{"a compressed object that is large", objects, pack(long) + ":1r31eq", "/a", true},
		{"a compressed object that is too large", objects, pack(long[:len(long)-2]+`x"}`) + ":1r31eq", "/a", false},
		{"a compressed object that is a bomb", objects, pack(`{"path":"/a","x":"`+strings.Repeat("x", 5<<20)+`"}`) + ":1r31eq", "/a", false},
		{"a compressed object that is cut short", objects, pack(`{"path":"/a"}`)[:20] + ":1r31eq", "/a", false},
		{"an object that is not compressed though it says so", objects, "." + object(`{"path":"/a"}`) + ":1r31eq", "/a", false},

		{"the earliest time", inTime, "/a:" + django.Base62(-253402300799), "/a", true},
		{"a time before the earliest", inTime, "/a:" + django.Base62(-253402300800), "/a", false},
		{"a time of eleven digits that overflows", inTime, "/a:" + overflow(made), "/a", false},
		{"a token without a time", untimed, "/a", "/a", true},
		{"a token with a time, to a signer without one", untimed, "/a:1r31eq", "/a", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFormat(t, test.opts)
			salted := test.opts
			salted.Untimed, salted.MaxAge, salted.Salt = true, 0, "django.core.signing.TimestampSigner"
			switch {
			case test.opts.Untimed:
				salted.Salt = "django.core.signing.Signer"
			case test.opts.Object:
				salted.Salt = "django.core.signing"
			}
			token := newFormat(t, salted).SignValue(test.body, 0)
			c, err := f.Authenticate(middleware.Request{Path: test.path, RawQuery: "token=" + url.QueryEscape(token)})
			if test.valid && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if !test.valid && !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("got %+v, %v, want ErrInvalid", c, err)
			}
		})
	}
}

func TestKeyIDTellsWhichKeySigned(t *testing.T) {
	f := newFormat(t, django.Options{FallbackKeys: []string{oldKey}})
	for i, k := range []string{key, oldKey, "nobodys-key-nobodys-key-nobodys-key-nobodys-key"} {
		signer, err := django.New(k, nil)
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
		} else if err != nil || c.KeyID != fmt.Sprint(i) {
			t.Errorf("key %d: %v, %q", i, err, c.KeyID)
		}
	}
}

// TestTokensOfOnePurposeServeNoOther: salt, hash, separator and kind of signer
// must all be the same.
func TestTokensOfOnePurposeServeNoOther(t *testing.T) {
	all := []django.Options{
		{},
		{Salt: "files"},
		{Salt: "file"},
		{Separator: "."},
		{Hash: crypto.SHA512},
		{Hash: crypto.SHA1},
		{Untimed: true},
		{Object: true},
		{Object: true, Untimed: true},
	}
	for i := range all {
		u, err := newFormat(t, all[i]).Sign(&url.URL{Path: "/a"}, middleware.Claims{Permanent: true})
		if err != nil {
			t.Fatal(err)
		}
		for j := range all {
			_, err := newFormat(t, all[j]).Authenticate(middleware.Request{Path: "/a", RawQuery: u.RawQuery})
			if (err == nil) != (i == j) {
				t.Errorf("a token of %+v for %+v: %v", all[i], all[j], err)
			}
		}
	}
}

func TestBuilderMakesSubtrees(t *testing.T) {
	f := newFormat(t, django.Options{MaxAge: time.Hour, Subtree: true})
	b, err := middleware.NewURLBuilder("/media/", f)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subtree("u 7", middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	u, err := s.URL("a/b.pdf")
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, f, nil)
	c, err := v.Verify(httptest.NewRequest("GET", u.String(), nil))
	if err != nil || c.Under != "/media/u%207/" {
		t.Errorf("got %+v, %v", c, err)
	}
	if _, err := v.Verify(httptest.NewRequest("GET", "/media/u%208/a?"+s.Query(), nil)); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("outside: %v", err)
	}
}

func TestThroughAServer(t *testing.T) {
	f := newFormat(t, django.Options{MaxAge: time.Hour})
	server := httptest.NewServer(newVerifier(t, f, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Path)
	})))
	defer server.Close()
	u, err := f.Sign(&url.URL{Path: "/files/my report 100%;é.pdf"}, middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]int{
		u.String():             http.StatusOK,
		u.String() + "0":       http.StatusForbidden,
		u.String() + "&x=1":    http.StatusForbidden,
		u.EscapedPath():        http.StatusForbidden,
		"/x?" + u.RawQuery:     http.StatusForbidden,
		"//x/..?" + u.String(): http.StatusForbidden,
	} {
		res, err := http.Get(server.URL + target)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", target, res.StatusCode, want)
		}
		if want == http.StatusOK && string(body) != "/files/my report 100%;é.pdf" {
			t.Errorf("the handler saw %q", body)
		}
	}
}

func TestBase62(t *testing.T) {
	for n, text := range map[int64]string{0: "0", 1: "1", 61: "z", 62: "10", -5: "-5", 1700000000: "1r31eq", 253402300799: "4SbCEFr"} {
		if got := django.Base62(n); got != text {
			t.Errorf("%d is written %s, want %s", n, got, text)
		}
		if got, ok := django.ParseBase62(django.Base62(n)); !ok || got != n {
			t.Errorf("%d comes back as %d, %v", n, got, ok)
		}
	}
	for _, bad := range []string{"", "-", "00", "01", "-0", "-01", "+1", " 1", "1 ", "1_", "zzzzzzzz", "4SbCEFs"} {
		if n, ok := django.ParseBase62(bad); ok {
			t.Errorf("%q is read as %d", bad, n)
		}
	}
}

func TestObjectsAreJSON(t *testing.T) {
	for _, text := range []string{"", "/a", `/"\`, "/é日本😀", "/<&>"} {
		data, err := base64.RawURLEncoding.DecodeString(django.EncodeObject(text, `a"b`))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]string
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]string{`a"b`: text}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", data, diff)
		}
	}
}

func TestExplainShowsTheSignedText(t *testing.T) {
	f := newFormat(t, django.Options{MaxAge: time.Hour})
	e := newVerifier(t, f, nil).Explain(request("/a", "/a:1r31eq:"+strings.Repeat("A", 43)))
	if e.Signed != "/a:1r31eq" || !errors.Is(e.Err, middleware.ErrInvalid) {
		t.Errorf("got %q, %v", e.Signed, e.Err)
	}
}

// pack returns a compressed object.
func pack(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return "." + base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// The text is for the operator, who must not look for a wrong key where the
// path is wrong.
func TestErrorsSayWhatIsWrong(t *testing.T) {
	objects := django.Options{MaxAge: time.Hour, Object: true, Member: "path"}
	for _, test := range []struct {
		opts        django.Options
		body, query string
		want        string
	}{
		{django.Options{}, "", "token=a&token=b", "twice"},
		{django.Options{}, "", "%74oken=a", "escapes"},
		{django.Options{}, "", "token=a&b=1", "does not cover"},
		{django.Options{}, "", "token=a;b", "semicolon"},
		{django.Options{}, "", "token=a", "too few parts"},
		{django.Options{}, "", "token=a:b:c", "signature"},
		{django.Options{}, "/a", "", "too few parts"},
		{django.Options{}, "/a:00", "", "time"},
		{django.Options{}, "/b:1r31eq", "", "another path"},
		{django.Options{Escaped: true}, "/a%2:1r31eq", "", "escaped path"},
		{objects, "/a:1r31eq", "", "object"},
		{objects, ".a:1r31eq", "", "object"},
		{objects, "W10:1r31eq", "", "object"},
		{objects, "e30:1r31eq", "", "object"},
		{objects, "w6k:1r31eq", "", "object"},
		{objects, ".AAAA:1r31eq", "", "object"},
		{objects, pack("{}")[:13] + ":1r31eq", "", "object"},
		{objects, pack(strings.Repeat(" ", 64<<10+1)) + ":1r31eq", "", "object"},
	} {
		query := test.query
		if test.body != "" {
			signer := test.opts
			signer.Untimed, signer.MaxAge, signer.Salt = true, 0, "django.core.signing.TimestampSigner"
			if test.opts.Object {
				signer.Salt = "django.core.signing"
			}
			query = "token=" + url.QueryEscape(newFormat(t, signer).SignValue(test.body, 0))
		}
		_, err := newFormat(t, test.opts).Authenticate(middleware.Request{Path: "/a", RawQuery: query})
		if !errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s%s: got %v, want %q", test.body, test.query, err, test.want)
		}
	}
}
