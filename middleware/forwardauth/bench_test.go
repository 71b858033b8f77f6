package forwardauth_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/forwardauth"
)

// BenchmarkCheck answers the question of nginx, over loopback, by turns with an
// empty handler that gets the same request. x-empty is the ratio of the times of
// whole requests, those of the client included.
func BenchmarkCheck(b *testing.B) {
	v, err := middleware.NewVerifier(keyring(b), nil)
	if err != nil {
		b.Fatal(err)
	}
	check, err := forwardauth.New(v, forwardauth.NGINX, &forwardauth.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix(proxy)}})
	if err != nil {
		b.Fatal(err)
	}
	empty := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	link := sign(b, "/files/kyc/card.jpg", soon)
	client := &http.Client{}
	round := func(h http.Handler) func() time.Duration {
		s := httptest.NewServer(h)
		b.Cleanup(s.Close)
		return func() time.Duration {
			start := time.Now()
			for range 50 {
				r, _ := http.NewRequest(http.MethodGet, s.URL+"/verify", nil)
				r.Header = http.Header{
					"X-Original-Method": {"GET"}, "X-Original-Uri": {link}, "X-Original-Host": {host}, "X-Forwarded-For": {"192.0.2.7"},
				}
				resp, err := client.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusNoContent {
					b.Fatal(resp.Status)
				}
			}
			return time.Since(start)
		}
	}
	checked, bare := round(check), round(empty)
	var ratios, times []float64
	for b.Loop() {
		c, e := checked(), bare()
		ratios = append(ratios, float64(c)/float64(e))
		times = append(times, float64(c)/50)
	}
	slices.Sort(ratios)
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "ns/op")
	b.ReportMetric(ratios[len(ratios)/2], "x-empty")
}
