package benchmarks_test

import (
	"bufio"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// The usual link: what an application hands out for an image.
const usual = "/files/kyc/card.jpg"

// secret signs the links of the benchmarks, and nothing else.
var secret = []byte("a secret that only benchmarks use")

// edKey is the Ed25519 key of the benchmarks.
var edKey = ed25519.NewKeyFromSeed(secret[:ed25519.SeedSize])

// soon is an expiry for links that are good throughout a run.
var soon = middleware.Claims{Expires: time.Now().Add(24 * time.Hour)}

// hmacKey returns a key with the benchmarks' secret, of which the bare MAC
// knows the same.
func hmacKey(tb testing.TB, id string) middleware.Key {
	k, err := middleware.NewHMACKey(id, secret)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func keyring(tb testing.TB, first middleware.Key, more ...middleware.Key) *middleware.Keyring {
	ring, err := middleware.NewKeyring(first, more...)
	if err != nil {
		tb.Fatal(err)
	}
	return ring
}

// sign returns the signed form of a target, a path with or without a query.
func sign(tb testing.TB, f middleware.Format, target string, c middleware.Claims) string {
	u, err := url.Parse(target)
	if err != nil {
		tb.Fatal(err)
	}
	if u, err = f.Sign(u, c); err != nil {
		tb.Fatal(err)
	}
	return u.RequestURI()
}

// request returns a request as a server reads it from the wire: with a
// RequestURI, a host and the address of a peer.
func request(tb testing.TB, target string, header ...string) *http.Request {
	lines := append([]string{"GET " + target + " HTTP/1.1", "Host: files.example.com"}, header...)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.Join(lines, "\r\n") + "\r\n\r\n")))
	if err != nil {
		tb.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.7:40123"
	return r
}

// verify returns the operation that verifies r, once it has made sure that the
// decision is the one that the benchmark is about.
func verify(tb testing.TB, v *middleware.Verifier, r *http.Request, want error) func() {
	if _, err := v.Verify(r); !errors.Is(err, want) {
		tb.Fatalf("the decision is %v, not %v", err, want)
	}
	return func() {
		if _, err := v.Verify(r); (err == nil) != (want == nil) {
			panic(err)
		}
	}
}

// signedBytes returns what the link in r is, or would be, signed over.
func signedBytes(tb testing.TB, v *middleware.Verifier, r *http.Request) []byte {
	text := v.Explain(r).Signed
	if text == "" {
		tb.Fatal("the request is refused before its bytes are signed")
	}
	// The value of a binding is not shown.
	text = strings.Replace(text, "[the value of session]", session, 1)
	return []byte(text)
}

// bareMACs returns the baselines of a link that is signed over these bytes:
// the HMAC that cannot be avoided, with a prepared key, and that HMAC with the
// look at the clock that cannot be avoided either.
func bareMACs(signed []byte) []baseline {
	mac := hmac.New(sha256.New, secret)
	var sum [sha256.Size]byte
	bare := func() {
		mac.Reset()
		mac.Write(signed)
		mac.Sum(sum[:0])
	}
	return []baseline{
		{"bare", bare},
		{"bare+now", func() {
			bare()
			now = time.Now()
		}},
	}
}

// now keeps the compiler from leaving out the look at the clock.
var now time.Time

// runLink measures op as link=NAME, beside link=bare and link=bare+now over
// the bytes that were signed.
func runLink(b *testing.B, name string, op func(), bases ...baseline) {
	b.Run("link="+name, measure(op, bases...))
	for _, base := range bases {
		b.Run("link="+base.name, measure(base.op))
	}
}

// verifier is middleware.NewVerifier for options that are known to be right.
func verifier(tb testing.TB, f middleware.Format, o *middleware.Options) *middleware.Verifier {
	v, err := middleware.NewVerifier(f, o)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
