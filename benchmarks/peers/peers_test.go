package peers_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/securecookie"
	"gocloud.dev/blob/driver"
	"gocloud.dev/blob/fileblob"

	"example.com/signedurl/middleware"
)

// The file that every link is for, and how long it is good.
const (
	path     = "/files/kyc/card.jpg"
	lifetime = 24 * time.Hour
)

var secret = []byte("a secret that only benchmarks use")

// A peer decides about requests: nil means that the file may be served.
type peer struct {
	name   string
	target string // a valid link
	verify func(r *http.Request) error
}

// errRefused is what peers return that answer with no error of their own.
var errRefused = errors.New("refused")

// peers are set up as their documentation says, each in the cheapest way that
// still ties the link to the path and to an expiry under HMAC-SHA-256.
func peers(tb testing.TB) []peer {
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	var all []peer
	add := func(name, target string, verify func(r *http.Request) error) {
		all = append(all, peer{name, target, verify})
	}

	key, err := middleware.NewHMACKey("2026a", secret)
	must(err)
	ring, err := middleware.NewKeyring(key)
	must(err)
	u, err := ring.Sign(&url.URL{Path: path}, middleware.Claims{Expires: time.Now().Add(lifetime)})
	must(err)
	v, err := middleware.NewVerifier(ring, nil)
	must(err)
	add("signedurl/link=valid", u.RequestURI(), func(r *http.Request) error {
		_, err := v.Verify(r)
		return err
	})

	// The file's name is a parameter of the link, not its path.
	signer := fileblob.NewURLSignerHMAC(&url.URL{Path: "/files"}, secret)
	u, err = signer.URLFromKey(context.Background(), strings.TrimPrefix(path, "/files/"), &driver.SignedURLOptions{Expiry: lifetime, Method: "GET"})
	must(err)
	add("fileblob", u.RequestURI(), func(r *http.Request) error {
		_, err := signer.KeyFromURL(r.Context(), r.URL)
		return err
	})

	// A token in the query, whose subject is the path.
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject: path, ExpiresAt: jwt.NewNumericDate(time.Now().Add(lifetime)),
	}).SignedString(secret)
	must(err)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	keyFunc := func(*jwt.Token) (any, error) { return secret, nil }
	add("golang-jwt", path+"?token="+token, func(r *http.Request) error {
		var claims jwt.RegisteredClaims
		if _, err := parser.ParseWithClaims(r.URL.Query().Get("token"), &claims, keyFunc); err != nil {
			return err
		}
		if claims.Subject != r.URL.Path {
			return errRefused
		}
		return nil
	})

	// The path as the value of a cookie that travels in the query. Its age is
	// what expires; with the default serializer, gob, it costs more.
	cookie := securecookie.New(secret, nil).SetSerializer(securecookie.NopEncoder{}).MaxAge(int(lifetime / time.Second))
	value, err := cookie.Encode("link", []byte(path))
	must(err)
	add("securecookie", path+"?token="+url.QueryEscape(value), func(r *http.Request) error {
		var signed []byte
		if err := cookie.Decode("link", r.URL.Query().Get("token"), &signed); err != nil {
			return err
		}
		if string(signed) != r.URL.Path {
			return errRefused
		}
		return nil
	})

	// What people write themselves: net/url brings the query to one form.
	mac := func(path string, q url.Values) string {
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(path + "\n" + q.Encode()))
		return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	q := url.Values{"expires": {strconv.FormatInt(time.Now().Add(lifetime).Unix(), 10)}}
	add("handwritten", path+"?"+q.Encode()+"&signature="+mac(path, q), func(r *http.Request) error {
		q := r.URL.Query()
		given := q.Get("signature")
		q.Del("signature")
		if !hmac.Equal([]byte(given), []byte(mac(r.URL.EscapedPath(), q))) {
			return errRefused
		}
		expires, err := strconv.ParseInt(q.Get("expires"), 10, 64)
		if err != nil || time.Now().Unix() >= expires {
			return errRefused
		}
		return nil
	})
	return all
}

// request returns a request as a server reads it from the wire.
func request(tb testing.TB, target string) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: files.example.com\r\n\r\n")))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// TestPeersVerify shows that each of them does what is measured.
func TestPeersVerify(t *testing.T) {
	for _, p := range peers(t) {
		t.Run(p.name, func(t *testing.T) {
			if err := p.verify(request(t, p.target)); err != nil {
				t.Errorf("the valid link is refused: %v", err)
			}
			// A digit of the signature or token, well before its end.
			at := len(p.target) - 20
			other := byte('A')
			if p.target[at] == other {
				other = 'B'
			}
			altered := p.target[:at] + string(other) + p.target[at+1:]
			if p.verify(request(t, altered)) == nil {
				t.Error("a link with an altered signature is accepted")
			}
			if p.verify(request(t, strings.Replace(p.target, "card", "cart", 1))) == nil {
				t.Error("a link to another file is accepted")
			}
			if p.verify(request(t, path)) == nil {
				t.Error("an unsigned link is accepted")
			}
		})
	}
}

// BenchmarkPeers verifies a valid link with each of them, and makes the bare
// MAC over the bytes that signedurl signs. All are measured by turns, in rounds
// much shorter than what disturbs a measurement: ns/op is the median of a
// peer's rounds, and x-bare that of its ratios to the bare MAC.
func BenchmarkPeers(b *testing.B) {
	all := peers(b)
	query := all[0].target[len(path)+1 : strings.LastIndex(all[0].target, "&signature=")]
	signed := []byte("signed-url/1\n" + path + "\n" + query + "\n")
	mac := hmac.New(sha256.New, secret)
	var sum [sha256.Size]byte
	bare := func() {
		mac.Reset()
		mac.Write(signed)
		mac.Sum(sum[:0])
	}
	for _, p := range all {
		r := request(b, p.target)
		b.Run("peer="+p.name, func(b *testing.B) {
			measure(b, bare, func() {
				if err := p.verify(r); err != nil {
					panic(err)
				}
			})
		})
	}
	b.Run("peer=bare", func(b *testing.B) { measure(b, bare, bare) })
}

func measure(b *testing.B, bare, op func()) {
	b.ReportAllocs()
	for b.Loop() {
		op()
	}
	timeOf := func(op func(), n int) float64 {
		begin := time.Now()
		for range n {
			op()
		}
		return float64(time.Since(begin)) / float64(n)
	}
	var times, ratios []float64
	for begin := time.Now(); len(times) < 51 || time.Since(begin) < b.Elapsed(); {
		t := timeOf(op, 50)
		times = append(times, t)
		ratios = append(ratios, t/timeOf(bare, 250))
	}
	slices.Sort(times)
	slices.Sort(ratios)
	b.ReportMetric(times[len(times)/2], "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "x-bare")
}
