//go:build unix

package redisstore_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// The baseline is the round trip over loopback that cannot be avoided. What
// the store costs must not depend on how much is held.
func BenchmarkStore(b *testing.B) {
	client := startRedis(b).client(b)
	store := newStore(b, client, redisstore.Options{})
	ctx := b.Context()
	b.Run("baseline=ping", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := client.Ping(ctx).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
	expires := time.Now().Add(time.Hour)
	for _, n := range []int{0, 1_000_000} {
		if n > 0 {
			for from := 1; from < n; from += 10_000 { // a script must not run for long
				fill := `for i = ARGV[1], ARGV[1] + 9999 do
					redis.call('SET', 'signedurl:uses:{link-' .. i .. '}', '1', 'PX', 3600000)
					redis.call('SET', 'signedurl:revoked:{link-' .. i .. '}', '', 'PX', 3600000)
				end
				return redis.call('DBSIZE')`
				if err := client.Eval(ctx, fill, nil, from).Err(); err != nil {
					b.Fatal(err)
				}
			}
		}
		run := func(name string, ask func() (bool, error), want bool) {
			b.Run(fmt.Sprintf("%s/held=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if ok, err := ask(); ok != want || err != nil {
						b.Fatal(ok, err)
					}
				}
			})
		}
		plain := middleware.Use{ID: "customer-7", Limit: 1 << 40, Expires: expires}
		window := plain
		window.Window, window.Client = time.Hour, netip.MustParsePrefix("192.0.2.1/32")
		run("do=take", func() (bool, error) { return store.Take(ctx, plain) }, true)
		run("do=take_in_window", func() (bool, error) { return store.Take(ctx, window) }, true)
		i := 0
		run("do=take_and_give_back", func() (bool, error) {
			i++
			u := plain
			u.Nonce = nonce(i)
			ok, err := store.Take(ctx, u)
			return ok, errors.Join(err, store.GiveBack(ctx, u))
		}, true)
		run("do=revoked", func() (bool, error) { return store.Revoked(ctx, "customer-7") }, false)
	}
}
