package gcs_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/gcs"
)

// BenchmarkAuthenticate measures verifying beside op=bare: the hash of the
// canonical request and the one HMAC, or the one operation with the public key,
// that cannot be avoided.
func BenchmarkAuthenticate(b *testing.B) {
	for _, alg := range []string{"hmac", "rsa2048"} {
		key := hmacKey(b)
		if alg != "hmac" {
			key = rsaKey(b, ownKey())
		}
		f := newFormat(b, key, nil)
		good := signed(b, f)
		e := newVerifier(b, f, nil).Explain(request(b, "GET", "https://files.example"+good.Path+"?"+good.RawQuery, nil))
		signedText, canonicalText, _ := strings.Cut(e.Signed, "\n\n")
		text, canonical := []byte(signedText), []byte(canonicalText)
		given, err := hex.DecodeString(signature.FindStringSubmatch(good.RawQuery)[1])
		if err != nil {
			b.Fatal(err)
		}
		b.Run("op=bare/alg="+alg, func(b *testing.B) {
			b.ReportAllocs()
			mac := hmac.New(sha256.New, []byte(testSecret)[:32])
			public := &ownKey().PublicKey
			var sum [sha256.Size]byte
			for b.Loop() {
				hash := sha256.Sum256(canonical)
				hex.Encode(text[len(text)-64:], hash[:])
				if alg == "hmac" {
					mac.Reset()
					mac.Write(text)
					if subtle.ConstantTimeCompare(mac.Sum(sum[:0]), given) == 2 {
						b.Fatal("never")
					}
					continue
				}
				hash = sha256.Sum256(text)
				if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], given); err != nil {
					b.Fatal(err)
				}
			}
		})
		altered := good
		altered.Path += "x"
		unsigned := good
		unsigned.RawQuery = "generation=1"
		many := good
		many.RawQuery = strings.Repeat("a&", 3000) + good.RawQuery
		for _, link := range []struct {
			name string
			r    middleware.Request
			ok   bool
		}{
			{"op=authenticate/alg=" + alg, good, true},
			{"op=refuse/alg=" + alg + "/link=altered", altered, false},
			{"op=refuse/alg=" + alg + "/link=unsigned", unsigned, false},
			{"op=refuse/alg=" + alg + "/link=3000_parameters", many, false},
		} {
			b.Run(link.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := f.Authenticate(link.r); (err == nil) != link.ok {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkSign(b *testing.B) {
	u := &url.URL{Scheme: "https", Host: "storage.googleapis.com", Path: "/bucket/kyc/card.jpg"}
	for alg, key := range map[string]gcs.Key{"hmac": hmacKey(b), "rsa2048": rsaKey(b, ownKey())} {
		f := newFormat(b, key, nil)
		b.Run("alg="+alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Sign(u, middleware.Claims{Expires: time.Unix(1700000000, 0)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
