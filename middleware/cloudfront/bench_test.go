package cloudfront_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

// The whole of Authenticate beside the one public-key operation that it cannot
// do without. The goal is at most 1.2 times that.
func BenchmarkAuthenticate(b *testing.B) {
	rs, ec := generateRSA(b, 2048), generateECDSA(b, elliptic.P256())
	sum := sha256.Sum256([]byte(open(origin + "/kyc/card.jpg")))
	for _, key := range []struct {
		name    string
		private crypto.Signer
		bare    func(signature []byte) bool
	}{
		{"rsa2048", rs, func(s []byte) bool { return rsa.VerifyPKCS1v15(&rs.PublicKey, crypto.SHA256, sum[:], s) == nil }},
		{"p256", ec, func(s []byte) bool { return ecdsa.VerifyASN1(&ec.PublicKey, sum[:], s) }},
	} {
		signature, err := key.private.Sign(nil, sum[:], crypto.SHA256)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("key="+key.name+"/policy=none", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !key.bare(signature) {
					b.Fatal("not verified")
				}
			}
		})
		k, err := cloudfront.NewKey("K2JCJMDEHXQW5F", key.private)
		if err != nil {
			b.Fatal(err)
		}
		f, err := cloudfront.New(origin, k, nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, policy := range []struct {
			name   string
			link   string
			claims middleware.Claims
		}{
			{"canned", "/kyc/card.jpg", middleware.Claims{Expires: expires}},
			{"cannedWithQuery", "/kyc/card.jpg?size=large&v=3", middleware.Claims{Expires: expires}},
			{"custom", "/kyc/card.jpg", middleware.Claims{Expires: expires, NotBefore: expires.Add(-time.Hour), Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}},
			{"subtree", "/kyc/card.jpg", middleware.Claims{Expires: expires, Under: "/kyc/"}},
		} {
			r := request(sign(b, f, policy.link, policy.claims).String())
			b.Run("key="+key.name+"/policy="+policy.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := f.Authenticate(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The work that a client without a link can cause.
func BenchmarkRefuse(b *testing.B) {
	f := testFormat(b, &cloudfront.Options{Cookies: true})
	cookies := request("/a")
	for range 1000 {
		cookies.Header.Add("Cookie", "CloudFront-Policy=e30_; CloudFront-Signature=AAAA; CloudFront-Key-Pair-Id=K2; x=1")
	}
	for _, test := range []struct {
		name string
		r    middleware.Request
	}{
		{"unsigned", request("/kyc/card.jpg")},
		{"unknownKey", request("/kyc/card.jpg?Expires=1700003600&Key-Pair-Id=K2&Signature=AAAA&Hash-Algorithm=SHA256")},
		{"forged", request(strings.Replace(sign(b, f, "/a", middleware.Claims{Expires: expires}).String(), "/a", "/b", 1))},
		{"megabyte", request("/a?Expires=1&" + strings.Repeat("x=1&", 1<<18))},
		{"manyParameters", request("/a?Expires=1&" + strings.Repeat("x&", 4000))},
		{"manyCookies", cookies},
	} {
		b.Run("request="+test.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Authenticate(test.r); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	for _, key := range []struct {
		name    string
		private crypto.Signer
	}{{"rsa2048", generateRSA(b, 2048)}, {"p256", generateECDSA(b, elliptic.P256())}} {
		k, err := cloudfront.NewKey("K1", key.private)
		if err != nil {
			b.Fatal(err)
		}
		f, err := cloudfront.New(origin, k, nil)
		if err != nil {
			b.Fatal(err)
		}
		digest := sha256.Sum256(nil)
		b.Run("key="+key.name+"/policy=none", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := key.private.Sign(nil, digest[:], crypto.SHA256); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("key="+key.name+"/policy=canned", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sign(b, f, "/kyc/card.jpg", middleware.Claims{Expires: expires})
			}
		})
	}
}
