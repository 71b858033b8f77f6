package laravel_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/url"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/laravel"
)

// BenchmarkAuthenticate stands beside BenchmarkHMAC, the bare MACs over the
// same bytes with a prepared key: it is to stay within three times that.
func BenchmarkAuthenticate(b *testing.B) {
	f := newFormat(b, nil)
	rotated, err := laravel.New(origin, oldKey, &laravel.Options{PreviousKeys: []string{key}})
	if err != nil {
		b.Fatal(err)
	}
	usual := signRaw("/files/kyc/42/card.jpg", "expires=1700003600")
	params := signRaw("/files/kyc/42/card.jpg", "a=1&expires=1700003600&f%5Bb%5D=1&title=a%20b%20c&width=640")
	forged := usual
	forged.Path = "/files/kyc/43/card.jpg"
	for _, bench := range []struct {
		name   string
		format *laravel.Format
		r      middleware.Request
		valid  bool
	}{
		{"link=usual", f, usual, true},
		{"link=params", f, params, true},
		{"link=previous-key", rotated, usual, true},
		{"link=forged", f, forged, false},
		{"link=unsigned", f, middleware.Request{Path: usual.Path}, false},
		{"link=hostile-8KiB", f, middleware.Request{Path: "/a", RawQuery: strings.Repeat("a&", 3<<10) + usual.RawQuery}, false},
		{"link=hostile-1MiB", f, middleware.Request{Path: "/a", RawQuery: strings.Repeat("a&", 1<<19) + usual.RawQuery}, false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.format.Authenticate(bench.r); (err == nil) != bench.valid {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHMAC(b *testing.B) {
	for name, text := range map[string]string{
		"link=usual":  origin + "/files/kyc/42/card.jpg?expires=1700003600",
		"link=params": origin + "/files/kyc/42/card.jpg?a=1&expires=1700003600&f%5Bb%5D=1&title=a%20b%20c&width=640",
	} {
		b.Run(name, func(b *testing.B) {
			mac, message := hmac.New(sha256.New, []byte(key)), []byte(text)
			var sum [sha256.Size]byte
			b.ReportAllocs()
			for b.Loop() {
				mac.Reset()
				mac.Write(message)
				mac.Sum(sum[:0])
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	f := newFormat(b, nil)
	u := mustParse(b, "/files/kyc/42/card.jpg?title=a+b")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Sign(u, middleware.Claims{Expires: expiry}); err != nil {
			b.Fatal(err)
		}
	}
}

func mustParse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
