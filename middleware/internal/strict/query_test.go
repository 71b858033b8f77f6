package strict_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware/internal/strict"
)

func TestCutParam(t *testing.T) {
	for _, test := range []struct {
		name, query string
		want        strict.Param
		rest        string
		fault       *strict.Fault
	}{
		{"a pair", "a=1", strict.Param{Text: "a=1", Name: "a", Value: "1"}, "", nil},
		{"the first of two", "a=1&b=2", strict.Param{Text: "a=1", Name: "a", Value: "1"}, "b=2", nil},
		{"a name alone", "a&b", strict.Param{Text: "a", Name: "a"}, "b", nil},
		{"an empty value", "a=", strict.Param{Text: "a=", Name: "a"}, "", nil},
		{"a value with an equals sign", "a=b=c", strict.Param{Text: "a=b=c", Name: "a", Value: "b=c"}, "", nil},
		{"escapes stay", "%61=%2f+", strict.Param{Text: "%61=%2f+", Name: "%61", Value: "%2f+"}, "", nil},
		{"an escaped semicolon", "a=%3B", strict.Param{Text: "a=%3B", Name: "a", Value: "%3B"}, "", nil},
		{"a semicolon", "a;b=1", strict.Param{}, "", strict.Semicolon},
		{"an invalid escape", "a=%zz", strict.Param{}, "", strict.QueryEscape},
		{"an escape cut short", "a=%4", strict.Param{}, "", strict.QueryEscape},
		{"an escape across an ampersand", "a=%4&1", strict.Param{}, "", strict.QueryEscape},
		{"no name", "=1", strict.Param{}, "", strict.EmptyPair},
		{"nothing at all", "", strict.Param{}, "", strict.EmptyPair},
		{"nothing before an ampersand", "&a", strict.Param{}, "", strict.EmptyPair},
		{"nothing after an ampersand", "a&", strict.Param{}, "", strict.EmptyPair},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, rest, fault := strict.CutParam(test.query)
			if diff := cmp.Diff(test.want, p); diff != "" || rest != test.rest || fault != test.fault {
				t.Errorf("rest %q, fault %v, want %q, %v; param (-want +got):\n%s", rest, fault, test.rest, test.fault, diff)
			}
		})
	}
}

// FuzzCutParam: a query that is taken apart without a fault is one that
// net/url reads without dropping anything, to the same names and values.
func FuzzCutParam(f *testing.F) {
	for _, q := range []string{"a=1&b=2", "a&b=%20+", "a;b", "a=%zz", "&", "a=1&", "=1", "%61=b=c"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got := url.Values{}
		for rest := query; rest != ""; {
			p, next, fault := strict.CutParam(rest)
			if fault != nil {
				return
			}
			name, ok1 := strict.Unescape(p.Name, true)
			value, ok2 := strict.Unescape(p.Value, true)
			if !ok1 || !ok2 {
				t.Fatalf("%q was taken and cannot be decoded", p.Text)
			}
			got.Add(name, value)
			rest = next
		}
		want, err := url.ParseQuery(query)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: net/url says %v (-net/url +ours):\n%s", query, err, diff)
		}
	})
}

func TestHMAC(t *testing.T) {
	mac := strict.HMAC(sha256.New, []byte("key"))
	for _, message := range []string{"", "a", strings.Repeat("a", 1000), "a"} {
		want := hmac.New(sha256.New, []byte("key"))
		want.Write([]byte(message))
		if got := mac([]byte("before"), []byte(message)); string(got) != "before"+string(want.Sum(nil)) {
			t.Errorf("the MAC of %d bytes is wrong", len(message))
		}
	}
}
