//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware/redisstore"
)

// fill puts n live revocations into Redis.
func fill(b *testing.B, c *redis.Client, n int) {
	until := float64(time.Now().Add(time.Hour).UnixMilli())
	for i := 0; i < n; i += 10_000 {
		members := make([]redis.Z, 0, 10_000)
		for j := i; j < min(i+10_000, n); j++ {
			members = append(members, redis.Z{Score: until, Member: fmt.Sprintf("link-%08d", j)})
		}
		if err := c.ZAdd(b.Context(), "signedurl:feed:{revocations}:set", members...).Err(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMirror starts a mirror with a million live revocations, reports how long that
// takes and how much memory each needs, and then checks IDs that are not revoked.
func BenchmarkMirror(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("ids=%d", n), func(b *testing.B) {
			c := startRedis(b).client(b)
			fill(b, c, n)
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			m := newMirror(b, c, redisstore.MirrorOptions{MaxStale: 5 * time.Second})
			for says(m, "none") != "no" {
				time.Sleep(time.Millisecond)
			}
			took := time.Since(start)
			runtime.GC()
			runtime.ReadMemStats(&after)
			ids := make([]string, 1024)
			for i := range ids {
				ids[i] = fmt.Sprintf("other-%08d", i)
			}
			ctx, i := context.Background(), 0
			b.ReportAllocs()
			for b.Loop() {
				m.Revoked(ctx, ids[i%len(ids)])
				i++
			}
			b.ReportMetric(took.Seconds(), "s-to-start")
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/id")
		})
	}
}

// BenchmarkSpread revokes at a fixed rate, and reports how long it takes until the last
// of 1,000 mirrors in this process refuses: median and worst of 3 seconds.
func BenchmarkSpread(b *testing.B) {
	const mirrors = 1000
	c := startRedis(b).client(b)
	all := make([]*redisstore.Mirror, mirrors)
	for i := range all {
		own := redis.NewClient(&redis.Options{Addr: c.Options().Addr, ContextTimeoutEnabled: true, PoolSize: 2})
		b.Cleanup(func() { own.Close() })
		all[i] = newMirror(b, own, redisstore.MirrorOptions{MaxStale: 5 * time.Second})
	}
	for _, m := range all {
		for says(m, "none") != "no" {
			time.Sleep(time.Millisecond)
		}
	}
	serial := 0
	for _, rate := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("per-second=%d", rate), func(b *testing.B) {
			if b.N == 1 && testing.Short() {
				b.Skip("it takes a while")
			}
			var took []time.Duration
			var mu sync.Mutex
			var waits sync.WaitGroup
			for b.Loop() {
				tick := time.NewTicker(time.Second / time.Duration(rate))
				for range 3 * rate {
					<-tick.C
					serial++
					id := fmt.Sprint("spread-", serial)
					start := time.Now()
					if err := all[0].Revoke(b.Context(), id, time.Now().Add(time.Hour)); err != nil {
						b.Fatal(err)
					}
					if serial%max(rate/20, 1) != 0 {
						continue // 20 a second are watched
					}
					waits.Go(func() {
						for _, m := range all {
							for says(m, id) != "yes" {
								time.Sleep(500 * time.Microsecond)
							}
						}
						mu.Lock()
						defer mu.Unlock()
						took = append(took, time.Since(start))
					})
				}
				tick.Stop()
				waits.Wait()
			}
			slices.Sort(took)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-last-p50")
			b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-last-worst")
		})
	}
}
