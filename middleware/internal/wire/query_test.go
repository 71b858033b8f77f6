package wire_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware/internal/wire"
)

func TestCutParam(t *testing.T) {
	for _, test := range []struct {
		name, query string
		want        wire.Param
		rest        string
		fault       wire.QueryFault
	}{
		{"a pair", "a=1", wire.Param{Text: "a=1", Name: "a", Value: "1"}, "", wire.QueryOK},
		{"the first of two", "a=1&b=2", wire.Param{Text: "a=1", Name: "a", Value: "1"}, "b=2", wire.QueryOK},
		{"a name alone", "a&b", wire.Param{Text: "a", Name: "a"}, "b", wire.QueryOK},
		{"an empty value", "a=", wire.Param{Text: "a=", Name: "a"}, "", wire.QueryOK},
		{"a value with an equals sign", "a=b=c", wire.Param{Text: "a=b=c", Name: "a", Value: "b=c"}, "", wire.QueryOK},
		{"escapes stay", "%61=%2f+", wire.Param{Text: "%61=%2f+", Name: "%61", Value: "%2f+"}, "", wire.QueryOK},
		{"an escaped semicolon", "a=%3B", wire.Param{Text: "a=%3B", Name: "a", Value: "%3B"}, "", wire.QueryOK},
		{"a semicolon", "a;b=1", wire.Param{}, "", wire.QuerySemicolon},
		{"an invalid escape", "a=%zz", wire.Param{}, "", wire.QueryEscape},
		{"an escape cut short", "a=%4", wire.Param{}, "", wire.QueryEscape},
		{"an escape across an ampersand", "a=%4&1", wire.Param{}, "", wire.QueryEscape},
		{"no name", "=1", wire.Param{}, "", wire.QueryEmpty},
		{"nothing at all", "", wire.Param{}, "", wire.QueryEmpty},
		{"nothing before an ampersand", "&a", wire.Param{}, "", wire.QueryEmpty},
		{"nothing after an ampersand", "a&", wire.Param{}, "", wire.QueryEmpty},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, rest, fault := wire.CutParam(test.query)
			if diff := cmp.Diff(test.want, p); diff != "" || rest != test.rest || fault != test.fault {
				t.Errorf("rest %q, fault %d, want %q, %d; param (-want +got):\n%s", rest, fault, test.rest, test.fault, diff)
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
			p, next, fault := wire.CutParam(rest)
			if fault != wire.QueryOK {
				return
			}
			name, ok1 := wire.Unescape(p.Name, true)
			value, ok2 := wire.Unescape(p.Value, true)
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
	mac := wire.HMAC(sha256.New, []byte("key"))
	for _, message := range []string{"", "a", strings.Repeat("a", 1000), "a"} {
		want := hmac.New(sha256.New, []byte("key"))
		want.Write([]byte(message))
		if got := mac([]byte("before"), []byte(message)); string(got) != "before"+string(want.Sum(nil)) {
			t.Errorf("the MAC of %d bytes is wrong", len(message))
		}
	}
}
