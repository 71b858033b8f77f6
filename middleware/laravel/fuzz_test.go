package laravel_test

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/formattest"
	"example.com/signedurl/middleware/laravel"
)

// laravelAccepts is Laravel's own verifier in few words: slashes and question
// marks stripped from the ends, parameters named signature removed, the last of
// them compared.
func laravelAccepts(origin, path, query string) bool {
	address := strings.TrimRight(origin+path, "/")
	if origin == "" {
		address = "/" + strings.Trim(path, "/")
	}
	var signed []string
	signature := ""
	for part := range strings.SplitSeq(query, "&") {
		if name, value, _ := strings.Cut(part, "="); name == "signature" {
			signature = value
		} else {
			signed = append(signed, part)
		}
	}
	text := strings.TrimRight(address+"?"+strings.Join(signed, "&"), "?")
	return hexMAC(key, text) == signature
}

// addSeeds adds the vectors' links, and fails if there are none.
func addSeeds(f *testing.F, add func(u *url.URL)) {
	n := 0
	for _, v := range vectors(f) {
		if v.Signed == nil {
			continue
		}
		for _, a := range append(append(v.Mutations, v.Accepted...), altered{"", *v.Signed}) {
			if u, err := url.Parse(a.Signed); err == nil {
				add(u)
				n++
			}
		}
	}
	if n == 0 {
		f.Fatal("there are no seeds")
	}
}

// FuzzAuthenticate: what is accepted, even of what someone with the key
// signed, is accepted by Laravel too, and means the same to net/http.
func FuzzAuthenticate(f *testing.F) {
	addSeeds(f, func(u *url.URL) { f.Add(pathOf(u), without(u.RawQuery, "signature"), u.RawQuery) })
	absolute := newFormat(f, nil)
	relative := newRelative(f, nil)
	f.Fuzz(func(t *testing.T, p, unsigned, query string) {
		for _, x := range []struct {
			format *laravel.Format
			origin string
		}{{absolute, origin}, {relative, ""}} {
			text := x.origin + p
			if p == "/" {
				text = x.origin
			}
			if unsigned != "" {
				text += "?" + unsigned
			}
			for _, q := range []string{query, join(unsigned, "signature="+hexMAC(key, text)), join("signature="+hexMAC(key, text), unsigned)} {
				c, err := x.format.Authenticate(middleware.Request{Path: p, RawQuery: q})
				if err != nil {
					if diff := cmp.Diff(middleware.Link{}, c); diff != "" {
						t.Errorf("claims of a refused link:\n%s", diff)
					}
					if !errors.Is(err, middleware.ErrInvalid) && !errors.Is(err, middleware.ErrUnsigned) {
						t.Errorf("an error of its own: %v", err)
					}
					continue
				}
				if !laravelAccepts(x.origin, p, q) {
					t.Errorf("accepted %q %q, which Laravel refuses", p, q)
				}
				decoded, err := url.PathUnescape(p)
				if err != nil || path.Clean(decoded) != decoded {
					t.Errorf("accepted the path %q", p)
				}
				values, err := url.ParseQuery(q)
				if err != nil || len(values["signature"]) != 1 || len(values["expires"]) > 1 || c.Permanent != !values.Has("expires") {
					t.Errorf("accepted the query %q", q)
				}
			}
		}
	})
}

func join(parts ...string) string {
	return strings.Trim(strings.Join(parts, "&"), "&")
}

// FuzzSign: what Sign made is authentic, to Laravel too, and holds the path
// and query of the URL that was signed; with any byte changed it is not.
func FuzzSign(f *testing.F) {
	addSeeds(f, func(u *url.URL) {
		f.Add("/"+strings.TrimPrefix(u.Path, "/"), without(without(u.RawQuery, "signature"), "expires"), int64(1700003601), 7, byte('x'))
	})
	format := newFormat(f, nil)
	f.Fuzz(func(t *testing.T, p, query string, expires int64, at int, with byte) {
		u := &url.URL{Path: p, RawQuery: query}
		claims := middleware.Claims{Expires: time.Unix(expires, 0)}
		signed, err := format.Sign(u, claims)
		if err != nil {
			return
		}
		target := signed.String()
		signedPath, signedQuery, _ := strings.Cut(target, "?")
		c, err := format.Authenticate(middleware.Request{Path: signedPath, RawQuery: signedQuery})
		if err != nil {
			t.Fatalf("%s is not authentic: %v", target, err)
		}
		if diff := cmp.Diff(middleware.Link{Claims: middleware.Claims{Expires: time.Unix(expires, 0), Host: "example.com"}, KeyID: "0"}, c); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		if !laravelAccepts(origin, signedPath, signedQuery) {
			t.Errorf("Laravel refuses %s", target)
		}
		if decoded, err := url.PathUnescape(signedPath); err != nil || decoded != p && p != "" {
			t.Errorf("signed %q for the path %q", signedPath, p)
		}
		want, _ := url.ParseQuery(query)
		got, _ := url.ParseQuery(signedQuery)
		got.Del("expires")
		got.Del("signature")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("parameters (-want +got):\n%s", diff)
		}

		if at < 0 {
			at = -(at + 1)
		}
		at %= len(target)
		if target[at] == with {
			return
		}
		changed := target[:at] + string([]byte{with}) + target[at+1:]
		changedPath, changedQuery, _ := strings.Cut(changed, "?")
		if _, err := format.Authenticate(middleware.Request{Path: changedPath, RawQuery: changedQuery}); err == nil {
			t.Errorf("accepted %s, which is %s with a byte changed", changed, target)
		}
	})
}

func TestEveryClaimIsCarriedOrRefused(t *testing.T) {
	formattest.Claims(t, newFormat(t, nil), origin, middleware.Claims{Expires: expiry})
	formattest.Claims(t, newRelative(t, nil), "", middleware.Claims{Permanent: true})
}

func TestSignRefusesPathsWithTwoMeanings(t *testing.T) {
	formattest.Paths(t, newFormat(t, nil), origin, middleware.Claims{Expires: expiry})
	formattest.Paths(t, newRelative(t, nil), "", middleware.Claims{Expires: expiry})
}

func FuzzVerifierAcceptsWhatSignSigns(f *testing.F) {
	formattest.FuzzSign(f, newFormat(f, nil), origin, func() middleware.Claims {
		return middleware.Claims{Expires: time.Now().Add(time.Hour)}
	})
}
