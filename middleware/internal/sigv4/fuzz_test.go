package sigv4_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/formattest"
)

// meaning is what net/http makes of a request's target: the decoded path, and
// the values of each name in the order in which they came, or sorted where the
// system signs them sorted. The signature is left out.
func (s system) meaning(path, query string) (string, url.Values, bool) {
	decoded, err := url.PathUnescape(path)
	if err != nil || strings.Contains(strings.ToLower(path), "%2f") {
		return "", nil, false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, false
	}
	values.Del(s.prefix + "Signature")
	if s.name == "aws" {
		for _, v := range values {
			slices.Sort(v)
		}
	}
	return decoded, values, true
}

// What is accepted means the same path and query as something that was signed,
// and every refusal says why in the words of package middleware.
func FuzzAuthenticate(f *testing.F) {
	type target struct{ path, query string }
	var seeds []target
	for _, s := range both {
		for _, edit := range []func(l *link){
			func(l *link) {},
			func(l *link) { l.path = "/a//b/%C3%A9%20%252F" },
			func(l *link) { l.params = append(l.params, "a=1+2", "a=%2B", "response-content-type=text%2Fplain") },
			func(l *link) {
				l.params = append(l.params, "response-content-disposition=attachment%3B%20filename%3Da")
			},
			func(l *link) {
				l.set("SignedHeaders", "host%3Bx-a")
				l.signed = append(l.signed, "x-a:1")
				l.header = http.Header{"X-A": {"1"}}
			},
		} {
			l := s.link()
			edit(l)
			r := l.request()
			seeds = append(seeds, target{r.Path, r.RawQuery})
		}
	}
	if len(seeds) == 0 {
		f.Fatal("there are no seeds")
	}
	for _, seed := range seeds {
		f.Add(seed.path, seed.query)
		f.Add(seed.path, strings.ReplaceAll(seed.query, "%2F", "%2f"))
		f.Add(strings.ToUpper(seed.path), strings.ToLower(seed.query))
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, s := range both {
			c, err := s.format(t).Authenticate(middleware.Request{
				Method: "GET", Host: "files.example", Path: path, RawQuery: query, Header: http.Header{"X-A": {"1"}},
			})
			if err != nil {
				if errors.Is(err, middleware.ErrInvalid) == errors.Is(err, middleware.ErrUnsigned) {
					t.Fatalf("the error is %v", err)
				}
				if diff := cmp.Diff(middleware.Link{}, c); diff != "" {
					t.Fatalf("claims of a refused link (-want +got):\n%s", diff)
				}
				continue
			}
			gotPath, gotQuery, ok := s.meaning(path, query)
			if !ok {
				t.Fatalf("accepted what net/http takes otherwise: %q %q", path, query)
			}
			if !slices.ContainsFunc(seeds, func(seed target) bool {
				wantPath, wantQuery, _ := s.meaning(seed.path, seed.query)
				return gotPath == wantPath && cmp.Equal(gotQuery, wantQuery)
			}) {
				t.Fatalf("accepted what nobody signed: %q %q", path, query)
			}
		}
	})
}

// What Sign made verifies, and one changed byte makes it invalid or leaves its
// meaning as it was.
func FuzzSign(f *testing.F) {
	seeds := []struct {
		path, query, name string
		at                uint16
		to                byte
	}{
		{"/bucket/card.jpg", "", "", 3, 'x'},
		{"/b//é%25", "a=1&a=2&b", "é.pdf", 20, '%'},
		{"/", "x-id=GetObject&versionId=null", `a"b`, 60, '&'},
		{"/a b", "q=%7E+%2B", "a;b", 90, '0'},
	}
	if len(seeds) == 0 {
		f.Fatal("there are no seeds")
	}
	for _, s := range seeds {
		f.Add(s.path, s.query, s.name, s.at, s.to)
	}
	f.Fuzz(func(t *testing.T, path, query, name string, at uint16, to byte) {
		for _, s := range both {
			format := s.format(t)
			c := fromNow
			c.DownloadName = name
			signed, err := format.Sign(&url.URL{Scheme: "https", Host: "files.example", Path: path, RawQuery: query}, c)
			if err != nil {
				continue
			}
			u, err := url.Parse(signed.String())
			if err != nil {
				t.Fatal(err)
			}
			r := requestFor("GET", u, nil)
			got, err := format.Authenticate(r)
			if err != nil {
				t.Fatalf("%v is refused: %v", signed, err)
			}
			if name != "" && got.DownloadName != name {
				t.Fatalf("DownloadName %q, want %q", got.DownloadName, name)
			}
			target := []byte(r.Path + "?" + r.RawQuery)
			at := int(at) % len(target)
			if target[at] == to {
				continue
			}
			target[at] = to
			changed := r
			changed.Path, changed.RawQuery, _ = strings.Cut(string(target), "?")
			if _, err := format.Authenticate(changed); err != nil {
				continue
			}
			wantPath, wantQuery, _ := s.meaning(r.Path, r.RawQuery)
			gotPath, gotQuery, ok := s.meaning(changed.Path, changed.RawQuery)
			if !ok || gotPath != wantPath || !cmp.Equal(gotQuery, wantQuery) || at >= len(target)-64 {
				t.Fatalf("accepted after byte %d became %q: %s", at, to, target)
			}
		}
	})
}

func TestEveryClaimIsCarriedOrRefused(t *testing.T) {
	for _, s := range both {
		t.Run(s.name, func(t *testing.T) {
			formattest.Claims(t, s.format(t), "https://files.example", anHour)
		})
	}
}

func TestSignRefusesPathsWithTwoMeanings(t *testing.T) {
	for _, s := range both {
		formattest.Paths(t, s.format(t), "https://files.example", anHour)
	}
}

func FuzzVerifierAcceptsWhatSignSigns(f *testing.F) {
	formattest.FuzzSign(f, both[0].format(f), "https://files.example", anHourFromNow)
}

func FuzzVerifierAcceptsWhatSignSignsForGoogle(f *testing.F) {
	formattest.FuzzSign(f, both[1].format(f), "https://files.example", anHourFromNow)
}

func anHourFromNow() middleware.Claims {
	return middleware.Claims{Expires: time.Now().Add(time.Hour)}
}
