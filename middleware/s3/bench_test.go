package s3_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/s3"
)

// BenchmarkAuthenticate measures verifying beside op=bare: the hash and the one
// HMAC that cannot be avoided, over the same bytes, with the key of the day
// prepared.
func BenchmarkAuthenticate(b *testing.B) {
	f := testFormat(b, nil)
	good, canonical, text, signature := target(b, f, "/bucket/kyc/card.jpg", "x-id=GetObject")

	b.Run("op=bare", func(b *testing.B) {
		b.ReportAllocs()
		mac := hmac.New(sha256.New, []byte(testSecret)[:32])
		want, err := hex.DecodeString(signature)
		if err != nil {
			b.Fatal(err)
		}
		var sum [sha256.Size]byte
		for b.Loop() {
			hash := sha256.Sum256(canonical)
			hex.Encode(text[len(text)-64:], hash[:])
			mac.Reset()
			mac.Write(text)
			if subtle.ConstantTimeCompare(mac.Sum(sum[:0]), want) == 2 {
				b.Fatal("never")
			}
		}
	})
	authenticate := func(b *testing.B, r middleware.Request, ok bool) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Authenticate(r); (err == nil) != ok {
				b.Fatal(err)
			}
		}
	}
	b.Run("op=authenticate/link=sdk", func(b *testing.B) { authenticate(b, good, true) })
	escaped, _, _, _ := target(b, f, "/bucket/é/my report.pdf", "q=a+b")
	b.Run("op=authenticate/link=escapes", func(b *testing.B) { authenticate(b, escaped, true) })
	reversed := good
	parts := strings.Split(good.RawQuery, "&")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	reversed.RawQuery = strings.Join(parts, "&")
	b.Run("op=authenticate/link=unsorted", func(b *testing.B) { authenticate(b, reversed, true) })

	altered := good
	altered.Path += "x"
	b.Run("op=refuse/link=altered", func(b *testing.B) { authenticate(b, altered, false) })
	otherDay := good
	otherDay.RawQuery = strings.ReplaceAll(good.RawQuery, "20231114", "20231115")
	b.Run("op=refuse/link=forged_for_another_day", func(b *testing.B) { authenticate(b, otherDay, false) })
	unsigned := good
	unsigned.RawQuery = "x-id=GetObject"
	b.Run("op=refuse/link=unsigned", func(b *testing.B) { authenticate(b, unsigned, false) })
	long := good
	long.RawQuery += "&a=" + strings.Repeat("b", 1<<20)
	b.Run("op=refuse/link=a_megabyte", func(b *testing.B) { authenticate(b, long, false) })
	many := good
	many.RawQuery = strings.Repeat("a&", 3000) + good.RawQuery
	b.Run("op=refuse/link=3000_parameters", func(b *testing.B) { authenticate(b, many, false) })
	respelled := good
	respelled.RawQuery = strings.Repeat("%61=%62&", 100) + good.RawQuery
	b.Run("op=refuse/link=100_respelled_parameters", func(b *testing.B) { authenticate(b, respelled, false) })
}

func BenchmarkSign(b *testing.B) {
	f := testFormat(b, nil)
	u := &url.URL{Scheme: "https", Host: "files.example", Path: "/bucket/kyc/card.jpg"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Sign(u, middleware.Claims{Expires: time.Unix(1700000000, 0)}); err != nil {
			b.Fatal(err)
		}
	}
}

// target returns a request for a link that was dated on 2023-11-14, with what
// is hashed, what is signed, and the signature.
func target(b *testing.B, f *s3.Format, path, query string) (r middleware.Request, canonical, text []byte, signature string) {
	b.Helper()
	u, err := f.Sign(&url.URL{Scheme: "https", Host: "files.example", Path: path, RawQuery: query},
		middleware.Claims{NotBefore: time.Unix(1700000000, 0), Expires: time.Unix(1700003601, 0)})
	if err != nil {
		b.Fatal(err)
	}
	e := newVerifier(b, f, nil).Explain(request(b, "GET", u.String()))
	signedText, request, _ := strings.Cut(e.Signed, "\n\n")
	return middleware.Request{Method: "GET", Scheme: "https", Host: u.Host, Path: u.EscapedPath(), RawQuery: u.RawQuery},
		[]byte(request), []byte(signedText), u.Query().Get("X-Amz-Signature")
}
