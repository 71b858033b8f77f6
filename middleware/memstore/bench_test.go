package memstore_test

import (
	"crypto/sha256"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

// What the stores cost must not depend on how much they hold.
var sizes = []int{0, 1_000_000}

// The baseline is the hash of the id, which is the larger part of a lookup.
func BenchmarkRevoked(b *testing.B) {
	const id = "customer-7.2026-01-01"
	b.Run("baseline=sha256", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sha256.Sum256([]byte(id))
		}
	})
	for _, n := range sizes {
		list := memstore.NewRevocations(&memstore.Options{Max: n + 1})
		for i := range n {
			if err := list.Revoke(fmt.Sprint("link-", i), time.Time{}); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("revoked=no/ids=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := list.Revoked(b.Context(), id); ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
		if err := list.Revoke(id, time.Now().Add(time.Hour)); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("revoked=yes/ids=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := list.Revoked(b.Context(), id); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
		b.Run(fmt.Sprintf("revoked=no/all=cores/ids=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					list.Revoked(b.Context(), "another")
				}
			})
		})
	}
}

// The baseline is the hashes of the ID and of the client with the ID.
func BenchmarkTake(b *testing.B) {
	const id = "customer-7.2026-01-01"
	b.Run("baseline=sha256x2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sha256.Sum256([]byte("i" + id))
			sha256.Sum256([]byte("w...............b" + id))
		}
	})
	for _, n := range sizes {
		expires := time.Now().Add(time.Hour)
		filled := func(b *testing.B) *memstore.Uses {
			store := memstore.NewUses(&memstore.Options{Max: 1 << 40})
			for i := range n {
				if ok, err := store.Take(b.Context(), middleware.Use{ID: fmt.Sprint("link-", i), Limit: 1, Expires: expires}); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
			return store
		}
		store := filled(b)
		used := uint64(0)
		run := func(name string, u middleware.Use, want bool) {
			b.Run(fmt.Sprintf("%s/held=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				store.Take(b.Context(), u)
				for b.Loop() {
					used++
					u.Nonce = nonce(used)
					if ok, err := store.Take(b.Context(), u); ok != want || err != nil {
						b.Fatal(ok, err)
					}
				}
			})
		}
		run("case=taken", middleware.Use{ID: id, Limit: 1 << 40, Expires: expires}, true)
		run("case=used_up", middleware.Use{ID: id, Limit: 1, Expires: expires}, false)
		run("case=in_window", middleware.Use{
			ID: id, Limit: 1 << 40, Expires: expires, Window: time.Hour, Client: network("192.0.2.1/32"),
		}, true)
		b.Run(fmt.Sprintf("case=taken_and_given_back/held=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			u := middleware.Use{ID: id, Limit: 1 << 40, Expires: expires}
			for b.Loop() {
				used++
				u.Nonce = nonce(used)
				if ok, err := store.Take(b.Context(), u); !ok || err != nil {
					b.Fatal(ok, err)
				}
				if err := store.GiveBack(b.Context(), u); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("case=first_of_an_id/held=%d", n), func(b *testing.B) {
			store := filled(b)
			b.ReportAllocs()
			var room [32]byte
			for i := 0; b.Loop(); i++ {
				u := middleware.Use{ID: string(strconv.AppendInt(append(room[:0], "new-"...), int64(i), 10)), Limit: 1, Expires: expires}
				if ok, err := store.Take(b.Context(), u); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	const n = 1_000_000
	b.Run("store=Revocations", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			list := memstore.NewRevocations(&memstore.Options{Max: n})
			for i := range n {
				list.Revoke(fmt.Sprint("link-", i), time.Time{})
			}
			b.ReportMetric(float64(heap()-before)/n, "B/id")
			runtime.KeepAlive(list)
		}
	})
	b.Run("store=Uses", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			store := memstore.NewUses(&memstore.Options{Max: n})
			for i := range n {
				store.Take(b.Context(), middleware.Use{ID: fmt.Sprint("link-", i), Limit: 1, Expires: time.Now().Add(time.Hour)})
			}
			b.ReportMetric(float64(heap()-before)/n, "B/id")
			runtime.KeepAlive(store)
		}
	})
}

func BenchmarkFile(b *testing.B) {
	list := memstore.NewRevocations(nil)
	for i := range 1_000_000 {
		list.Revoke(fmt.Sprint("link-", i), time.Time{})
	}
	name := b.TempDir() + "/revoked"
	b.Run("do=save/ids=1000000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := list.Save(name); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("do=load/ids=1000000", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := memstore.NewRevocations(nil).Load(name); err != nil {
				b.Fatal(err)
			}
		}
	})
}
