package django_test

import (
	"errors"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
	"example.com/signedurl/middleware/internal/formattest"
)

// tokens returns the vectors' tokens, and fails if there are none.
func tokens(f *testing.F) (tokens []string) {
	for _, v := range vectors(f) {
		if v.Signed == nil {
			continue
		}
		tokens = append(tokens, *v.Signed)
		for _, m := range v.Mutations {
			tokens = append(tokens, m.Signed)
		}
	}
	if len(tokens) == 0 {
		f.Fatal("there are no seeds")
	}
	return tokens
}

// FuzzAuthenticate: what is accepted, even of what someone with the key
// signed, is for the path that net/http serves, and has no other parameter.
func FuzzAuthenticate(f *testing.F) {
	for _, token := range tokens(f) {
		body := token
		if i := strings.LastIndex(token, ":"); i >= 0 {
			body = token[:i]
		}
		value, _, _ := strings.Cut(body, ":")
		f.Add((&url.URL{Path: value}).EscapedPath(), "token="+url.QueryEscape(token), body)
	}
	var formats, signers []*django.Format
	for _, opts := range []django.Options{
		{},
		{Escaped: true},
		{Subtree: true},
		{Object: true},
		{Object: true, Member: "path"},
		{Untimed: true},
	} {
		formats = append(formats, newFormat(f, opts))
		opts.Salt = "django.core.signing.TimestampSigner"
		if opts.Object {
			opts.Salt = "django.core.signing"
		} else if opts.Untimed {
			opts.Salt = "django.core.signing.Signer"
		}
		opts.Untimed = true
		signers = append(signers, newFormat(f, opts))
	}
	f.Fuzz(func(t *testing.T, p, query, body string) {
		for i, format := range formats {
			signed := "token=" + url.QueryEscape(signers[i].SignValue(body, 0))
			for _, q := range []string{query, signed} {
				c, err := format.Authenticate(middleware.Request{Path: p, RawQuery: q})
				if err != nil {
					if diff := cmp.Diff(middleware.Link{}, c); diff != "" {
						t.Errorf("claims of a refused link:\n%s", diff)
					}
					if !errors.Is(err, middleware.ErrInvalid) && !errors.Is(err, middleware.ErrUnsigned) {
						t.Errorf("an error of its own: %v", err)
					}
					continue
				}
				values, err := url.ParseQuery(q)
				if err != nil || len(values) != 1 || len(values["token"]) != 1 {
					t.Errorf("accepted the query %q", q)
				}
				decoded, err := url.PathUnescape(p)
				if err != nil || path.Clean(decoded) != strings.TrimSuffix(decoded, "/") && decoded != "/" {
					t.Errorf("accepted the path %q", p)
				}
				// What the token says, read in the plainest way.
				value, _, err := format.Unsign(values.Get("token"))
				if err != nil {
					t.Fatal(err)
				}
				says, err := format.SignedPath(value)
				if err != nil {
					t.Fatal(err)
				}
				if c.Under == "" && says != decoded || c.Under != "" && !strings.HasPrefix(decoded, says) {
					t.Errorf("a token for %q opens %q", says, decoded)
				}
			}
		}
	})
}

// FuzzSign: what Sign made is authentic and says what was signed; with any
// byte of the token changed it is not.
func FuzzSign(f *testing.F) {
	for _, token := range tokens(f) {
		f.Add("/"+token, int64(1700003601), 7, byte('x'))
	}
	formats := []*django.Format{
		newFormat(f, django.Options{MaxAge: time.Hour}),
		newFormat(f, django.Options{MaxAge: time.Hour, Escaped: true}),
		newFormat(f, django.Options{MaxAge: time.Hour, Object: true, Member: "path"}),
	}
	f.Fuzz(func(t *testing.T, p string, expires int64, at int, with byte) {
		for _, format := range formats {
			signed, err := format.Sign(&url.URL{Path: p}, middleware.Claims{Expires: time.Unix(expires, 0)})
			if err != nil {
				continue
			}
			r := middleware.Request{Path: signed.EscapedPath(), RawQuery: signed.RawQuery}
			c, err := format.Authenticate(r)
			if err != nil {
				t.Fatalf("%s is not authentic: %v", signed, err)
			}
			want := middleware.Link{Claims: middleware.Claims{NotBefore: time.Unix(expires-3601, 0), Expires: time.Unix(expires, 0)}, KeyID: "0"}
			if diff := cmp.Diff(want, c); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
			token := []byte(signed.Query().Get("token"))
			i := int(uint(at) % uint(len(token)))
			if token[i] == with {
				continue
			}
			token[i] = with
			r.RawQuery = "token=" + url.QueryEscape(string(token))
			if _, err := format.Authenticate(r); err == nil {
				t.Errorf("accepted %q, of which a byte was changed", token)
			}
		}
	})
}

func TestEveryClaimIsCarriedOrRefused(t *testing.T) {
	formattest.Claims(t, newFormat(t, django.Options{MaxAge: time.Hour}), "", hour)
	formattest.Claims(t, newFormat(t, django.Options{MaxAge: time.Hour, Subtree: true, Object: true}), "", hour)
	formattest.Claims(t, newFormat(t, django.Options{}), "", middleware.Claims{Permanent: true})
	formattest.Claims(t, newFormat(t, django.Options{Untimed: true}), "", middleware.Claims{Permanent: true})
}

func TestSignRefusesPathsWithTwoMeanings(t *testing.T) {
	formattest.Paths(t, newFormat(t, django.Options{MaxAge: time.Hour}), "", hour)
}

func FuzzVerifierAcceptsWhatSignSigns(f *testing.F) {
	formattest.FuzzSign(f, newFormat(f, django.Options{MaxAge: time.Hour, Subtree: true, Ignore: []string{"a", "b"}}), "https://files.example", func() middleware.Claims {
		return middleware.Claims{Expires: time.Now().Add(30 * time.Minute)}
	})
}
