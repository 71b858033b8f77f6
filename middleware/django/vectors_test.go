package django_test

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
)

// vector is one token that Django made, with what django.core.signing said of
// it and of altered copies.
type vector struct {
	Case  string
	Key   string `json:"secret_or_key"`
	Input struct {
		Class     string `json:"cls"`
		Op        string
		Value     json.RawMessage
		Compress  bool
		Salt, Sep string
		Algorithm string
		Name      string
		MaxAge    *int64 `json:"max_age"`
	}
	IssuedAt  int64 `json:"issued_at"`
	Signed    *string
	Canonical string
	ValidAt   []int64 `json:"valid_at"`
	InvalidAt []int64 `json:"invalid_at"`
	Mutations []struct{ Name, Signed string }
	Accepted  []struct{ Name, Signed string } `json:"accepted_variants"`
}

func vectors(t testing.TB) []vector {
	t.Helper()
	var vs []vector
	readJSON(t, "testdata/django.json", &vs)
	if len(vs) == 0 {
		t.Fatal("there are no vectors")
	}
	return vs
}

func readJSON(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func (v vector) format() (*django.Format, error) {
	key := v.Key
	opts := &django.Options{
		Salt:      v.Input.Salt,
		Separator: v.Input.Sep,
		Hash:      map[string]crypto.Hash{"": 0, "sha256": crypto.SHA256, "sha512": crypto.SHA512}[v.Input.Algorithm],
		Untimed:   v.Input.Class == "Signer",
		Object:    v.Input.Op == "sign_object" || v.Input.Op == "dumps",
	}
	switch {
	case v.Input.Op == "cookie": // set_signed_cookie has a key and a salt of its own
		key = "django.http.cookies" + key
		opts.Salt = fmt.Sprintf("django.http.cookies.v2:%d:%s%s", len(v.Input.Salt), v.Input.Salt, v.Input.Name)
	case v.Input.Op == "sign_object" && v.Input.Salt == "":
		opts.Salt = "django.core.signing." + v.Input.Class
	}
	if v.Input.MaxAge != nil {
		// max_age=0 is good for the second in which the token was made.
		opts.MaxAge = time.Duration(*v.Input.MaxAge)*time.Second + 1
	}
	if v.Input.Op == "sign_object" {
		opts.Member = "next"
		if strings.Contains(string(v.Input.Value), `"path"`) {
			opts.Member = "path"
		}
	}
	return django.New(key, opts)
}

// value is the text that Django signed.
func (v vector) value() string {
	if v.Input.Op == "sign" || v.Input.Op == "cookie" {
		var s string
		if json.Unmarshal(v.Input.Value, &s) != nil {
			panic("the value is no text")
		}
		return s
	}
	value, _, _ := strings.Cut(*v.Signed, ":")
	return value
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			f, err := v.format()
			if v.Signed == nil { // Django refuses to sign
				if err == nil {
					t.Error("New took what Django refuses")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			value, made, err := f.Unsign(*v.Signed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.value(), value); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			if want := v.IssuedAt; v.Input.Class == "TimestampSigner" && made != want {
				t.Errorf("made at %d, want %d", made, want)
			}
			if diff := cmp.Diff(*v.Signed, f.SignValue(value, made)); diff != "" {
				t.Errorf("signed again (-Django's +ours):\n%s", diff)
			}
			for _, m := range v.Mutations {
				if value, _, err := f.Unsign(m.Signed); !errors.Is(err, middleware.ErrInvalid) {
					t.Errorf("%s: got %q, %v for %q, which Django refuses", m.Name, value, err, m.Signed)
				}
			}
			if len(v.Accepted) > 0 {
				t.Error("Django accepts altered tokens: judge each")
			}
		})
	}
}

// TestVectorsAsLinks judges the tokens that sign a path as the parameter of a
// request for that path, and the others as opening nothing.
func TestVectorsAsLinks(t *testing.T) {
	links := 0
	for _, v := range vectors(t) {
		if v.Signed == nil {
			continue
		}
		f, err := v.format()
		if err != nil {
			t.Fatal(err)
		}
		path, err := f.SignedPath(v.value())
		isPath := err == nil && strings.HasPrefix(path, "/")
		if isPath {
			links++
		} else {
			path = "/" + path
		}
		t.Run(v.Case, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testLink(t, v, f, path, isPath) })
		})
	}
	if links < 8 {
		t.Errorf("only %d tokens sign a path", links)
	}
}

func request(path, token string) *http.Request {
	u := url.URL{Path: path, RawQuery: "token=" + url.QueryEscape(token)}
	return httptest.NewRequest("GET", u.RequestURI(), nil)
}

func testLink(t *testing.T, v vector, f *django.Format, path string, isPath bool) {
	strict := newVerifier(t, f, &middleware.Options{AllowPermanent: true})
	lenient := newVerifier(t, f, &middleware.Options{AllowPermanent: true, Leeway: 10 * time.Second})
	for _, m := range v.Mutations {
		if _, err := strict.Verify(request(path, m.Signed)); err == nil {
			t.Errorf("%s: accepted %q, which Django refuses", m.Name, m.Signed)
		}
	}
	if !isPath {
		if _, err := strict.Verify(request(path, *v.Signed)); !errors.Is(err, middleware.ErrInvalid) {
			t.Errorf("a token that signs no path opens %s: %v", path, err)
		}
		return
	}
	claims, err := f.Authenticate(middleware.Request{Path: (&url.URL{Path: path}).EscapedPath(), RawQuery: "token=" + url.QueryEscape(*v.Signed)})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range slices.Sorted(slices.Values(append(v.ValidAt, v.InvalidAt...))) {
		now := time.Unix(at, 0)
		valid := slices.Contains(v.ValidAt, at)
		// Django has no lower bound. Here a token of the future is refused
		// beyond the verifier's leeway.
		future := valid && v.Input.Class == "TimestampSigner" && at < v.IssuedAt
		if inTime := claims.Permanent || now.Before(claims.Expires); inTime != valid {
			t.Errorf("at %d: the claims say %v, Django %v", at, inTime, valid)
		}
		if early := now.Before(claims.NotBefore); early != future {
			t.Errorf("at %d: the claims say that it is too early: %v", at, early)
		}
		if now.Before(time.Now()) {
			continue // no verifier can be asked before the year 2000
		}
		time.Sleep(time.Until(now))
		want := error(nil)
		switch {
		case future:
			want = middleware.ErrNotYet
			if _, err := lenient.Verify(request(path, *v.Signed)); err != nil {
				t.Errorf("at %d, within the leeway: %v", at, err)
			}
		case !valid:
			want = middleware.ErrExpired
		}
		if _, err := strict.Verify(request(path, *v.Signed)); !errors.Is(err, want) {
			t.Errorf("at %d: got %v, want %v", at, err, want)
		}
	}
}

func TestSignMakesDjangosTokens(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		if v.Signed == nil || v.Input.Op != "sign" || !strings.HasPrefix(v.value(), "/") {
			continue
		}
		n++
		f, err := v.format()
		if err != nil {
			t.Fatal(err)
		}
		c := middleware.Claims{Permanent: true}
		if v.Input.MaxAge != nil {
			c = middleware.Claims{Expires: time.Unix(v.IssuedAt+*v.Input.MaxAge+1, 0)}
		}
		signed, err := f.Sign(&url.URL{Path: v.value()}, c)
		if err != nil {
			t.Fatalf("%s: %v", v.Case, err)
		}
		if diff := cmp.Diff(*v.Signed, signed.Query().Get("token")); diff != "" {
			t.Errorf("%s: token (-Django's +ours):\n%s", v.Case, diff)
		}
	}
	if n == 0 {
		t.Error("no vector was signed")
	}
}

// TestDjangosPaths holds tokens made by Django for requests, with the query
// that urllib.parse.urlencode made for each.
func TestDjangosPaths(t *testing.T) {
	var cases []struct {
		Case, Path, Signed, Query string
		Key                       string `json:"secret_or_key"`
		IssuedAt                  int64  `json:"issued_at"`
		Options                   django.Options
	}
	readJSON(t, "testdata/paths.json", &cases)
	if len(cases) == 0 {
		t.Fatal("there are no cases")
	}
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			if !c.Options.Untimed {
				c.Options.MaxAge = time.Hour
			}
			f, err := django.New(c.Key, &c.Options)
			if err != nil {
				t.Fatal(err)
			}
			u := &url.URL{Path: c.Path}
			want := middleware.Link{Claims: middleware.Claims{Permanent: true}, KeyID: "0"}
			sign := middleware.Claims{Permanent: true}
			if !c.Options.Untimed {
				sign = middleware.Claims{Expires: time.Unix(c.IssuedAt+3601, 0)}
				want = middleware.Link{Claims: middleware.Claims{NotBefore: time.Unix(c.IssuedAt, 0), Expires: sign.Expires}, KeyID: "0"}
			}
			if c.Options.Subtree {
				want.Under = "/media/u7/"
				sign.Under = want.Under
			}
			got, err := f.Authenticate(middleware.Request{Path: u.EscapedPath(), RawQuery: c.Query})
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("got %v; claims (-want +got):\n%s", err, diff)
			}
			if _, err := f.Authenticate(middleware.Request{Path: "/other", RawQuery: c.Query}); !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("for another path: %v", err)
			}
			// An object with more members, compressed, or a path in the
			// escapes of FieldFile.url is not what Sign makes.
			if strings.Contains(c.Case, "more members") || strings.Contains(c.Case, "compressed") || strings.Contains(c.Case, "FieldFile") {
				return
			}
			signed, err := f.Sign(u, sign)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.Signed, signed.Query().Get("token")); diff != "" {
				t.Errorf("token (-Django's +ours):\n%s", diff)
			}
		})
	}
}
