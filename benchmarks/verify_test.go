package benchmarks_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// BenchmarkVerify is the usual link, and the ways in which it is refused.
func BenchmarkVerify(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	v := verifier(b, ring, nil)
	valid := sign(b, ring, usual, soon)
	bases := bareMACs(signedBytes(b, v, request(b, valid)))
	for _, link := range []struct {
		name   string
		target string
		want   error
	}{
		{"valid", valid, nil},
		{"expired", sign(b, ring, usual, middleware.Claims{Expires: time.Unix(1767225600, 0)}), middleware.ErrExpired},
		{"altered", strings.Replace(valid, "card", "cart", 1), middleware.ErrInvalid},
		{"unsigned", usual, middleware.ErrUnsigned},
	} {
		b.Run("link="+link.name, measure(verify(b, v, request(b, link.target), link.want), bases...))
	}
	for _, base := range bases {
		b.Run("link="+base.name, measure(base.op))
	}
}

// BenchmarkKeys has more keys in the ring; the link is signed by the last.
func BenchmarkKeys(b *testing.B) {
	last := hmacKey(b, "last")
	for _, n := range []int{1, 10, 10_000} {
		keys := make([]middleware.Key, n)
		for i := range keys {
			keys[i] = hmacKey(b, fmt.Sprintf("key-%d", i))
		}
		keys[n-1] = last
		v := verifier(b, keyring(b, keys[0], keys[1:]...), nil)
		r := request(b, sign(b, keyring(b, last), usual, soon))
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			runLink(b, "valid", verify(b, v, r, nil), bareMACs(signedBytes(b, v, r))...)
		})
	}
}

// BenchmarkPath has shorter and longer paths, paths that a link holds in
// escapes, and one that somebody on the way spelled differently, which has to
// be brought to its canonical form.
func BenchmarkPath(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	v := verifier(b, ring, nil)
	escaped := "/files/kyc/Mar%C3%ADa%20P%C3%A9rez%20%28front%29.jpg"
	for _, path := range []struct {
		name   string
		target string
	}{
		{"short", sign(b, ring, "/a", soon)},
		{"usual", sign(b, ring, usual, soon)},
		{"long", sign(b, ring, strings.Repeat("/directory", 200)+"/card.jpg", soon)},
		{"escaped", sign(b, ring, escaped, soon)},
		{"respelled", strings.NewReplacer("%C3%AD", "%c3%ad", "%28", "(", "%29", ")").Replace(sign(b, ring, escaped, soon))},
	} {
		r := request(b, path.target)
		b.Run("path="+path.name, func(b *testing.B) {
			runLink(b, "valid", verify(b, v, r, nil), bareMACs(signedBytes(b, v, r))...)
		})
	}
}

// BenchmarkParams has the application's own parameters in the query: all as
// the builder wrote them, or turned round, so that they have to be sorted.
func BenchmarkParams(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	v := verifier(b, ring, nil)
	for _, n := range []int{3, 10, 100} {
		target := sign(b, ring, usual+parameters(n-3, "value"), soon)
		for _, order := range []string{"sorted", "reversed"} {
			if order == "reversed" {
				target = reversed(target)
			}
			r := request(b, target)
			b.Run(fmt.Sprintf("params=%d/order=%s", n, order), func(b *testing.B) {
				runLink(b, "valid", verify(b, v, r, nil), bareMACs(signedBytes(b, v, r))...)
			})
		}
	}
}

// parameters returns a query of n of the application's parameters.
func parameters(n int, value string) string {
	var q strings.Builder
	for i := range n {
		q.WriteByte("?&"[min(i, 1)])
		fmt.Fprintf(&q, "p%02d=%s", i, value)
	}
	return q.String()
}

// reversed turns the order of a target's parameters round.
func reversed(target string) string {
	path, query, _ := strings.Cut(target, "?")
	parts := strings.Split(query, "&")
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return path + "?" + strings.Join(parts, "&")
}

// BenchmarkEd25519 is the usual link under the other algorithm. Its baseline
// is ed25519.Verify over the same bytes.
func BenchmarkEd25519(b *testing.B) {
	private, err := middleware.NewEd25519Key("2026e", edKey)
	if err != nil {
		b.Fatal(err)
	}
	public, err := middleware.NewEd25519PublicKey("2026e", edKey.Public().(ed25519.PublicKey))
	if err != nil {
		b.Fatal(err)
	}
	v := verifier(b, keyring(b, public), nil)
	target := sign(b, keyring(b, private), usual, soon)
	r := request(b, target)
	message := signedBytes(b, v, r)
	_, text, _ := strings.Cut(target, "&signature=")
	signature, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || !ed25519.Verify(edKey.Public().(ed25519.PublicKey), message, signature) {
		b.Fatal("the baseline does not verify the link's signature")
	}
	runLink(b, "valid", verify(b, v, r, nil), baseline{"bare", func() {
		ed25519.Verify(edKey.Public().(ed25519.PublicKey), message, signature)
	}})
	b.Run("link=altered", measure(verify(b, v, request(b, strings.Replace(target, "card", "cart", 1)), middleware.ErrInvalid)))
}

// BenchmarkParallel verifies the usual link on all cores at once. Each has a
// bare MAC of its own with a prepared key, and x-bare is the median of what the
// cores found while all were at it: a verifier whose cores wait for each other
// has a higher one with -cpu 2 than with -cpu 1.
func BenchmarkParallel(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	v := verifier(b, ring, nil)
	target := sign(b, ring, usual, soon)
	message := signedBytes(b, v, request(b, target))
	b.Run("link=valid", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			op := verify(b, v, request(b, target), nil)
			for pb.Next() {
				op()
			}
		})
		b.StopTimer()
		found := make([]float64, runtime.GOMAXPROCS(0))
		var cores sync.WaitGroup
		for i := range found {
			cores.Go(func() {
				_, x := compare(verify(b, v, request(b, target), nil), bareMACs(message)[:1], b.Elapsed())
				found[i] = x[0]
			})
		}
		cores.Wait()
		b.ReportMetric(median(found), "x-bare")
	})
	b.Run("link=bare", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			op := bareMACs(message)[0].op
			for pb.Next() {
				op()
			}
		})
	})
}
