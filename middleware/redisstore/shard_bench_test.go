//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// usedMemory returns the bytes that Redis holds.
func usedMemory(b *testing.B, c *redis.Client) int64 {
	b.Helper()
	info, err := c.Info(b.Context(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(info, "used_memory:")
	text, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkShard measures what one Redis holds and does: the bytes for each id,
// and the calls a second from several clients at once.
func BenchmarkShard(b *testing.B) {
	client := startRedis(b).client(b)
	store := newStore(b, client, redisstore.Options{})
	mirror, err := redisstore.NewMirror(client, nil)
	if err != nil {
		b.Fatal(err)
	}
	expires := time.Now().Add(time.Hour)
	var late atomic.Int64
	take := func(ctx context.Context, id string, u middleware.Use) error {
		u.ID, u.Limit, u.Expires = id, 1<<40, expires
		ok, err := store.Take(ctx, u)
		if err == nil && !ok {
			err = fmt.Errorf("%s has no use left", id)
		}
		return err
	}
	for _, bench := range []struct {
		name string
		call func(ctx context.Context, id string) error
	}{
		{"use", func(ctx context.Context, id string) error { return take(ctx, id, middleware.Use{}) }},
		// For five minutes, a use can be given back.
		{"use-of-late", func(ctx context.Context, id string) error {
			return take(ctx, id, middleware.Use{Nonce: nonce(int(late.Add(1)))})
		}},
		{"revocation", func(ctx context.Context, id string) error { return mirror.Revoke(ctx, id, expires) }},
		{"ping", func(ctx context.Context, _ string) error { return client.Ping(ctx).Err() }},
	} {
		b.Run("do="+bench.name, func(b *testing.B) {
			before := usedMemory(b, client)
			var n atomic.Int64
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					id := fmt.Sprintf("%s-%024d", bench.name, n.Add(1)) // as long as a random one
					if err := bench.call(b.Context(), id); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(usedMemory(b, client)-before)/float64(b.N), "B-in-Redis/id")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
		})
	}
}
