package laravel_test

import (
	"crypto/tls"
	"encoding/json"
	"errors"
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
	"example.com/signedurl/middleware/laravel"
)

// vector is one link that Laravel made, with what Laravel's own router and
// middleware said of it and of altered copies, over HTTP.
type vector struct {
	Case  string
	Key   string `json:"secret_or_key"`
	Input struct {
		Root       string
		Absolute   bool
		Middleware string
	}
	IssuedAt  int64 `json:"issued_at"`
	Expires   *int64
	Signed    *string
	Canonical string
	ValidAt   []int64 `json:"valid_at"`
	InvalidAt []int64 `json:"invalid_at"`
	Mutations []altered
	Accepted  []altered `json:"accepted_variants"`
	Versions  []altered `json:"version_differences"`
}

type altered struct{ Name, Signed string }

func vectors(t testing.TB) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/laravel.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) == 0 {
		t.Fatal("there are no vectors")
	}
	return vs
}

// format returns the format with which the vector's link is verified. The
// origin is an option here and not read from the request, so that an altered
// scheme is an altered option.
func (v vector) format(scheme string) (*laravel.Format, error) {
	opts := &laravel.Options{InsecureShortKeys: true}
	keys := []string{v.Key}
	if v.Key == "old-key" {
		keys = []string{"base64:bmV3LWtleS1uZXcta2V5LW5ldy1rZXktbmV3LWtleS0=", v.Key}
		opts.PreviousKeys = keys[1:]
	}
	if _, names, ok := strings.Cut(v.Input.Middleware, ":"); ok && v.Input.Absolute {
		opts.Ignore = strings.Split(names, ",")
	}
	if !v.Input.Absolute {
		return laravel.NewRelative(keys[0], opts)
	}
	root, err := url.Parse(v.Input.Root)
	if err != nil {
		return nil, err
	}
	return laravel.New(scheme+"://"+root.Host, keys[0], opts)
}

// request is what net/http makes of a link that a client opens, or nil if it
// answers 400 itself.
func request(link string) *http.Request {
	u, err := url.Parse(link)
	if err != nil {
		return nil
	}
	// The target as it stands in the link: a client may send what url.URL
	// would respell.
	target := strings.TrimPrefix(link, u.Scheme+"://"+u.Host)
	target, _, _ = strings.Cut(target, "#")
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		return nil
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.URL, r.RequestURI, r.Host = parsed, target, u.Host
	if u.Scheme == "https" {
		r.TLS = new(tls.ConnectionState)
	}
	return r
}

func sleepUntil(unix int64) { time.Sleep(time.Until(time.Unix(unix, 0))) }

// refusedLinks are links of Laravel's that are refused altogether.
var refusedLinks = map[string]string{
	"empty key":                                "anyone can sign with an empty key",
	"dot segments in the path parameter":       "a file server would open another path than the one that is signed",
	"reserved name \"signature\" as parameter": "Laravel refuses to sign it",
}

// refusedVariants are altered links that Laravel accepts, and why they are
// refused here.
var refusedVariants = map[string]string{
	"sig-duplicated-bad-then-good": "two signatures: net/url would read the one that was not verified",
	"path-trailing-slash":          "another path to a file server",
	"path-double-slash":            "another path to a file server",
	"leading-ampersand":            "an empty parameter",
	"trailing-ampersand":           "an empty parameter",
}

func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Case, func(t *testing.T) {
			if reason, ok := refusedLinks[v.Case]; ok {
				wantRefusedLink(t, v, reason)
				return
			}
			synctest.Test(t, func(t *testing.T) { testVector(t, v) })
		})
	}
}

func testVector(t *testing.T, v vector) {
	verify := func(link string) error {
		u, err := url.Parse(link)
		if err != nil {
			return err
		}
		f, err := v.format(u.Scheme)
		if err != nil {
			t.Fatal(err)
		}
		r := request(link)
		if r == nil {
			return middleware.ErrInvalid
		}
		_, err = newVerifier(t, f, &middleware.Options{AllowPermanent: true}).Verify(r)
		return err
	}

	sleepUntil(v.IssuedAt - 1)
	for _, m := range v.Mutations {
		if err := verify(m.Signed); err == nil {
			t.Errorf("%s: accepted %s, which Laravel refuses", m.Name, m.Signed)
		}
	}
	for _, a := range append(v.Accepted, v.Versions...) {
		err := verify(a.Signed)
		if reason, ok := refusedVariants[a.Name]; ok {
			if !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("%s: got %v for %s, want it refused: %s", a.Name, err, a.Signed, reason)
			}
		} else if err != nil {
			t.Errorf("%s: refused %s, which Laravel accepts: %v", a.Name, a.Signed, err)
		}
	}

	valid := make(map[int64]bool)
	for _, at := range v.ValidAt {
		valid[at] = true
	}
	for _, at := range slices.Sorted(slices.Values(append(v.ValidAt, v.InvalidAt...))) {
		if at >= time.Now().Unix() {
			sleepUntil(at)
		}
		err := verify(*v.Signed)
		want := error(nil)
		if !valid[at] {
			if want = middleware.ErrExpired; len(v.ValidAt) == 0 {
				want = middleware.ErrInvalid
			}
		}
		if !errors.Is(err, want) {
			t.Errorf("at %d: got %v, want %v", at, err, want)
		}
	}
}

func wantRefusedLink(t *testing.T, v vector, reason string) {
	f, err := v.format("https")
	if err != nil || v.Signed == nil {
		return
	}
	if _, err := newVerifier(t, f, nil).Verify(request(*v.Signed)); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("got %v, want it refused: %s", err, reason)
	}
}

func TestSignMakesLaravelsLinks(t *testing.T) {
	for _, v := range vectors(t) {
		// A fragment never reaches a server, so that nobody, Laravel included,
		// can verify a link that Laravel made with one under the signature.
		if _, refused := refusedLinks[v.Case]; refused || strings.Contains(v.Canonical, "#") {
			continue
		}
		t.Run(v.Case, func(t *testing.T) {
			u, err := url.Parse(v.Canonical)
			if err != nil {
				t.Fatal(err)
			}
			c := middleware.Claims{Permanent: true}
			if v.Expires != nil {
				c = middleware.Claims{Expires: time.Unix(*v.Expires+1, 0)}
			}
			u.RawQuery = without(u.RawQuery, "expires")
			f, err := v.format(u.Scheme)
			if err != nil {
				t.Fatal(err)
			}
			if v.Key == "old-key" { // it verifies and no longer signs
				if f, err = laravel.New(v.Input.Root, v.Key, &laravel.Options{InsecureShortKeys: true}); err != nil {
					t.Fatal(err)
				}
			}
			signed, err := f.Sign(u, c)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*v.Signed, signed.String()); diff != "" {
				t.Errorf("signed URL (-Laravel's +ours):\n%s", diff)
			}
		})
	}
}

// without returns a raw query without a parameter.
func without(query, name string) string {
	parts := strings.Split(query, "&")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool {
		n, _, _ := strings.Cut(p, "=")
		return n == name
	}), "&")
}
