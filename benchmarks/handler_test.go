package benchmarks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// BenchmarkHandler is the whole middleware, against the next handler alone,
// which does nothing. Each reply has a header of its own, as in a server.
func BenchmarkHandler(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	next := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	v := verifier(b, ring, &middleware.Options{Cookie: "link"})
	h := v.Handler(next)
	valid := sign(b, ring, usual, soon)
	download, subtree := soon, soon
	download.DownloadName, download.ContentType = "card.jpg", "image/jpeg"
	subtree.Under = "/files/kyc/"
	cookies, err := ring.SignCookies("link", subtree)
	if err != nil {
		b.Fatal(err)
	}
	bare := serve(next, request(b, valid))
	allocs := testing.AllocsPerRun(100, bare)
	for _, link := range []struct {
		name   string
		r      *http.Request
		status int
	}{
		{"valid", request(b, valid), 200},
		{"download", request(b, sign(b, ring, usual, download)), 200},
		{"cookie", request(b, usual, "Cookie: link="+cookies[0].Value), 200},
		{"expired", request(b, sign(b, ring, usual, middleware.Claims{Expires: time.Unix(1767225600, 0)})), 404},
		{"altered", request(b, strings.Replace(valid, "card", "cart", 1)), 403},
		{"unsigned", request(b, usual), 403},
	} {
		w := &reply{header: make(http.Header), status: 200}
		if h.ServeHTTP(w, link.r); w.status != link.status {
			b.Fatalf("link=%s: the status is %d, not %d", link.name, w.status, link.status)
		}
		b.Run("link="+link.name, func(b *testing.B) {
			measure(serve(h, link.r))(b)
			b.ReportMetric(testing.AllocsPerRun(100, serve(h, link.r))-allocs, "allocs-over-bare")
		})
	}
	b.Run("link=bare", measure(bare))
}

func serve(h http.Handler, r *http.Request) func() {
	return func() { h.ServeHTTP(&reply{header: make(http.Header), status: 200}, r) }
}

// reply is a ResponseWriter that keeps nothing but the status.
type reply struct {
	header http.Header
	status int
}

func (w *reply) Header() http.Header         { return w.header }
func (w *reply) Write(p []byte) (int, error) { return len(p), nil }
func (w *reply) WriteHeader(status int)      { w.status = status }
