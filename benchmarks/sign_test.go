package benchmarks_test

import (
	"crypto/ed25519"
	"net/url"
	"testing"

	"example.com/signedurl/middleware"
)

// BenchmarkSign makes the usual link: by the keyring, by the builder from a
// file's name, and by a subtree, which was signed once for all its names.
func BenchmarkSign(b *testing.B) {
	private, err := middleware.NewEd25519Key("2026e", edKey)
	if err != nil {
		b.Fatal(err)
	}
	for _, key := range []struct {
		name string
		middleware.Key
	}{
		{"hmac", hmacKey(b, "2026a")},
		{"ed25519", private},
	} {
		ring := keyring(b, key.Key)
		message := signedBytes(b, verifier(b, ring, nil), request(b, sign(b, ring, usual, soon)))
		bare := bareMACs(message)[0]
		if key.name == "ed25519" {
			bare.op = func() { ed25519.Sign(edKey, message) }
		}
		builder, err := middleware.NewURLBuilder("/files/", ring)
		if err != nil {
			b.Fatal(err)
		}
		subtree, err := builder.Subtree("kyc", soon)
		if err != nil {
			b.Fatal(err)
		}
		u := &url.URL{Path: usual}
		b.Run("key="+key.name, func(b *testing.B) {
			b.Run("by=keyring", measure(must(func() (*url.URL, error) { return ring.Sign(u, soon) }), bare))
			b.Run("by=builder", measure(must(func() (*url.URL, error) { return builder.URL("kyc/card.jpg", soon) }), bare))
			b.Run("by=subtree", measure(must(func() (*url.URL, error) { return subtree.URL("card.jpg") }), bare))
			b.Run("by=bare", measure(bare.op))
		})
	}
}

func must(sign func() (*url.URL, error)) func() {
	return func() {
		if _, err := sign(); err != nil {
			panic(err)
		}
	}
}
