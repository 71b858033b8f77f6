package memstore_test

import (
	"encoding/binary"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

// nonce returns the nth nonce; the 0th is the zero nonce.
func nonce(n uint64) (b [16]byte) {
	binary.BigEndian.PutUint64(b[8:], n)
	return b
}

func TestGiveBack(t *testing.T) {
	const (
		alice = "192.0.2.1/32"
		bob   = "192.0.2.2/32"
	)
	type step struct {
		after  time.Duration // since the step before
		do     string        // take or give
		n      uint64        // which nonce
		id     string        // "a" if empty
		window time.Duration
		client string
		limit  int           // 1 if zero
		life   time.Duration // from the start; an hour if zero
		want   string        // of a take
	}
	tests := []struct {
		name  string
		steps []step
	}{
		{"a use that was given back is there again", []step{
			{do: "take", n: 1, want: "yes"},
			{do: "take", n: 2, want: "no"},
			{do: "give", n: 1},
			{do: "take", n: 3, want: "yes"},
			{do: "take", n: 4, want: "no"},
		}},
		{"a use that is given back twice is given back once", []step{
			{do: "take", n: 1, limit: 2, want: "yes"},
			{do: "take", n: 2, limit: 2, want: "yes"},
			{do: "give", n: 1, limit: 2},
			{do: "give", n: 1, limit: 2},
			{do: "take", n: 3, limit: 2, want: "yes"},
			{do: "take", n: 4, limit: 2, want: "no"},
		}},
		{"a take that is repeated takes one use", []step{
			{do: "take", n: 1, limit: 2, want: "yes"},
			{do: "take", n: 1, limit: 2, want: "yes"},
			{do: "take", n: 1, limit: 2, want: "yes"},
			{do: "take", n: 2, limit: 2, want: "yes"},
			{do: "take", n: 1, limit: 2, want: "yes"},
			{do: "take", n: 3, limit: 2, want: "no"},
			{do: "give", n: 1, limit: 2},
			{do: "take", n: 3, limit: 2, want: "yes"},
			{do: "take", n: 4, limit: 2, want: "no"},
		}},
		{"a take that was refused gives nothing back", []step{
			{do: "take", n: 1, want: "yes"},
			{do: "take", n: 2, want: "no"},
			{do: "give", n: 2},
			{do: "take", n: 3, want: "no"},
		}},
		{"a use that was never taken gives nothing back", []step{
			{do: "give", n: 1},
			{do: "take", n: 2, want: "yes"},
			{do: "give", n: 1},
			{do: "give", n: 0},
			{do: "take", n: 3, want: "no"},
		}},
		{"a use of one id gives nothing back to another", []step{
			{do: "take", n: 1, want: "yes"},
			{do: "take", n: 2, id: "b", want: "yes"},
			{do: "give", n: 1, id: "b"},
			{do: "take", n: 3, id: "b", want: "no"},
			{do: "take", n: 3, want: "no"},
			{do: "give", n: 1},
			{do: "take", n: 3, want: "yes"},
		}},
		{"a nonce that another id has is no repetition", []step{
			{do: "take", n: 1, want: "yes"},
			{do: "take", n: 1, id: "b", want: "yes"},
			{do: "take", n: 2, id: "b", want: "no"},
		}},
		{"uses without a nonce are counted each and not given back", []step{
			{do: "take", n: 0, limit: 2, want: "yes"},
			{do: "take", n: 0, limit: 2, want: "yes"},
			{do: "give", n: 0, limit: 2},
			{do: "take", n: 0, limit: 2, want: "no"},
			{do: "take", n: 1, limit: 2, want: "no"},
		}},
		{"giving back the use that opened a window closes the window", []step{
			{do: "take", n: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 1, window: time.Minute, client: alice},
			{do: "take", n: 2, window: time.Minute, client: bob, want: "yes"},
			{do: "take", n: 3, window: time.Minute, client: alice, want: "no"},
			{do: "take", n: 4, window: time.Minute, client: bob, want: "yes"},
		}},
		{"a window that was closed can be opened again, and closed again", []step{
			{do: "take", n: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 1, window: time.Minute, client: alice},
			{after: 50 * time.Second, do: "take", n: 2, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 1, window: time.Minute, client: alice},
			{after: 50 * time.Second, do: "take", n: 3, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 2, window: time.Minute, client: alice},
			{after: 20 * time.Second, do: "take", n: 4, window: time.Minute, client: alice, want: "no"},
		}},
		{"nothing is given back if another request passed for free in the window", []step{
			{do: "take", n: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 2, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 1, window: time.Minute, client: alice},
			{do: "take", n: 3, window: time.Minute, client: bob, want: "no"},
			{do: "take", n: 4, window: time.Minute, client: alice, want: "yes"},
			{after: time.Minute, do: "give", n: 1, window: time.Minute, client: alice},
			{do: "take", n: 5, window: time.Minute, client: alice, want: "no"},
		}},
		{"a request that passed for free has nothing to give back", []step{
			{do: "take", n: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 2, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 2, window: time.Minute, client: alice},
			{do: "take", n: 3, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 4, window: time.Minute, client: bob, want: "no"},
		}},
		{"a take that is repeated does not share its own window", []step{
			{do: "take", n: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 1, window: time.Minute, client: alice},
			{do: "take", n: 2, window: time.Minute, client: bob, want: "yes"},
		}},
		{"a take that is repeated when its window was shared takes no second use", []step{
			{do: "take", n: 1, window: time.Minute, client: alice, limit: 2, want: "yes"},
			{do: "take", n: 2, window: time.Minute, client: alice, limit: 2, want: "yes"},
			{after: time.Minute, do: "take", n: 1, window: time.Minute, client: alice, limit: 2, want: "yes"},
			{do: "take", n: 3, window: time.Minute, client: bob, limit: 2, want: "yes"},
			{do: "take", n: 4, window: time.Minute, client: alice, limit: 2, want: "no"},
		}},
		{"the window of another use stays open", []step{
			{do: "take", n: 1, limit: 3, window: time.Minute, client: alice, want: "yes"},
			{after: time.Minute, do: "take", n: 2, limit: 3, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 3, limit: 3, window: time.Minute, client: bob, want: "yes"},
			{do: "give", n: 1, limit: 3, window: time.Minute, client: alice},
			{do: "take", n: 4, limit: 2, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 5, limit: 2, window: time.Minute, client: bob, want: "yes"},
			{do: "take", n: 6, limit: 3, want: "yes"},
			{do: "take", n: 7, limit: 3, want: "no"},
		}},
		{"a window that was opened again, without a nonce, stays open", []step{
			{do: "take", n: 1, limit: 3, window: time.Minute, client: alice, want: "yes"},
			{after: time.Minute, do: "take", n: 0, limit: 3, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 1, limit: 3, window: time.Minute, client: alice},
			{do: "take", n: 2, limit: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 3, limit: 1, want: "no"},
		}},
		{"a nonce from before the count expired is no repetition", []step{
			{do: "take", n: 1, life: time.Minute, want: "yes"},
			{after: time.Minute, do: "take", n: 1, want: "yes"},
			{do: "take", n: 2, want: "no"},
		}},
		{"a window that was opened without a nonce is shared by nobody's use", []step{
			{do: "take", n: 1, id: "b", want: "yes"},
			{do: "take", n: 0, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 2, window: time.Minute, client: alice, want: "yes"},
			{do: "give", n: 1, id: "b"},
			{do: "take", n: 3, id: "b", want: "yes"},
		}},
		{"a use without a window closes none", []step{
			{do: "take", n: 1, limit: 2, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 2, limit: 2, want: "yes"},
			{do: "give", n: 2, limit: 2, window: time.Minute, client: alice},
			{do: "take", n: 3, limit: 1, window: time.Minute, client: alice, want: "yes"},
			{do: "take", n: 4, limit: 1, want: "no"},
		}},
		{"a count that has expired gets nothing back", []step{
			{do: "take", n: 1, life: time.Minute, want: "yes"},
			{after: time.Minute, do: "take", n: 2, want: "yes"},
			{do: "give", n: 1, life: time.Minute},
			{do: "take", n: 3, want: "no"},
		}},
		{"a use is given back until its link expires", []step{
			{do: "take", n: 1, life: time.Minute, want: "yes"},
			{after: time.Minute - time.Millisecond, do: "give", n: 1, life: time.Minute},
			{do: "take", n: 2, life: time.Minute, want: "yes"},
		}},
		{"a use that was given back does not shorten the count's life", []step{
			{do: "take", n: 1, life: time.Minute, want: "yes"},
			{do: "give", n: 1, life: time.Minute},
			{do: "take", n: 2, life: 3 * time.Minute, want: "yes"},
			{after: 2 * time.Minute, do: "take", n: 3, want: "no"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memstore.NewUses(nil)
				start := time.Now()
				var got, want []string
				for _, k := range tt.steps {
					time.Sleep(k.after)
					u := middleware.Use{ID: "a", Limit: 1, Expires: start.Add(time.Hour), Nonce: nonce(k.n), Window: k.window, Client: network(k.client)}
					if k.id != "" {
						u.ID = k.id
					}
					if k.limit != 0 {
						u.Limit = k.limit
					}
					if k.life != 0 {
						u.Expires = start.Add(k.life)
					}
					if k.do == "give" {
						if err := store.GiveBack(t.Context(), u); err != nil {
							t.Errorf("giving back %d: %v", k.n, err)
						}
						continue
					}
					got = append(got, answer(store.Take(t.Context(), u)))
					want = append(want, k.want)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("answers (-want +got):\n%s", d)
				}
			})
		})
	}
}

func TestGiveBackRefusesWhatMakesNoSense(t *testing.T) {
	good := middleware.Use{ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(1)}
	noID, noClient := good, good
	noID.ID = ""
	noClient.Window = time.Minute
	for name, try := range map[string]struct {
		store *memstore.Uses
		use   middleware.Use
	}{
		"a nil store":               {nil, good},
		"the zero store":            {new(memstore.Uses), good},
		"an empty id":               {memstore.NewUses(nil), noID},
		"a window without a client": {memstore.NewUses(nil), noClient},
	} {
		if err := try.store.GiveBack(t.Context(), try.use); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A window that was closed takes room no longer than it was to last.
func TestAClosedWindowIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.NewUses(&memstore.Options{Max: 2})
		u := middleware.Use{ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(1), Window: time.Minute, Client: network("192.0.2.1/32")}
		got := []string{answer(store.Take(t.Context(), u))}
		if err := store.GiveBack(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		u.Nonce = nonce(2) // in the room of the closed window
		got = append(got, answer(store.Take(t.Context(), u)))
		if err := store.GiveBack(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second)
		u.Nonce, u.Client = nonce(3), network("192.0.2.2/32")
		got = append(got, answer(store.Take(t.Context(), u)))
		if d := cmp.Diff([]string{"yes", "yes", "yes"}, got); d != "" {
			t.Errorf("answers (-want +got):\n%s", d)
		}
	})
}

// A store remembers the latest 32,768 uses of all ids. A use that was
// forgotten stays taken; no later one is mistaken for it.
func TestOnlyTheLatestUsesAreRemembered(t *testing.T) {
	const remembered = 1 << 15
	store := memstore.NewUses(nil)
	expires := time.Now().Add(time.Hour)
	use := func(n uint64) middleware.Use {
		return middleware.Use{ID: "a", Limit: 1 << 40, Expires: expires, Nonce: nonce(n)}
	}
	take := func(n uint64) {
		t.Helper()
		if got := answer(store.Take(t.Context(), use(n))); got != "yes" {
			t.Fatalf("use %d: %s", n, got)
		}
	}
	give := func(n uint64) {
		t.Helper()
		if err := store.GiveBack(t.Context(), use(n)); err != nil {
			t.Fatal(err)
		}
	}
	used := func(want int) {
		t.Helper()
		u := use(0)
		u.Limit = want
		if got := answer(store.Take(t.Context(), u)); got != "no" {
			t.Errorf("fewer than %d uses are taken", want)
		}
		u.Limit = want + 1
		if got := answer(store.Take(t.Context(), u)); got != "yes" {
			t.Errorf("more than %d uses are taken", want)
		}
	}
	window := use(1)
	window.Window, window.Client = time.Hour, network("192.0.2.1/32")
	if got := answer(store.Take(t.Context(), window)); got != "yes" {
		t.Fatal(got)
	}
	for n := uint64(2); n <= remembered; n++ {
		take(n)
	}
	take(1)          // the oldest, again
	used(remembered) // takes one, without a nonce
	take(remembered + 1)
	give(1)
	used(remembered + 2)
	// The window of the use that was forgotten is still open, and the use that
	// has its place knows nothing of it.
	window.Nonce = nonce(1 << 20)
	if got := answer(store.Take(t.Context(), window)); got != "yes" {
		t.Error(got)
	}
	give(2)
	give(remembered + 1)
	used(remembered + 1)
	// More rounds, of which some uses are given back at once.
	const first, last, kept = 2 << 20, 3*remembered - 1, remembered
	for n := uint64(0); n <= last; n++ {
		take(first + n)
		if n%3 == 2 {
			give(first + n)
		}
	}
	used(remembered + 2 + 2*kept)
	give(first + last)              // was given back
	give(first + last - remembered) // is forgotten
	used(remembered + 3 + 2*kept)
	give(first + last - 1)
	used(remembered + 3 + 2*kept)
}

// What remembers the uses does not grow with their number.
func TestUsesThatCanBeGivenBackTakeLittleMemory(t *testing.T) {
	store := memstore.NewUses(nil)
	before := heap()
	u := middleware.Use{ID: "a", Limit: 1_000_000, Expires: time.Now().Add(time.Hour)}
	for n := range uint64(300_000) {
		u.Nonce = nonce(n + 1)
		if ok, err := store.Take(t.Context(), u); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if n%3 == 0 {
			if err := store.GiveBack(t.Context(), u); err != nil {
				t.Fatal(err)
			}
		}
	}
	after := heap()
	t.Logf("%.1f megabytes", float64(after-before)/1e6)
	if after-before > 6<<20 {
		t.Errorf("uses of an ID take %d bytes; want at most 6 MiB", after-before)
	}
	runtime.KeepAlive(store)
}

func TestUsesThatAreTakenAndGivenBackAtOnceAddUp(t *testing.T) {
	store := memstore.NewUses(nil)
	const limit = 100
	expires := time.Now().Add(time.Hour)
	var kept, nonces atomic.Int64
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 2000 {
				u := middleware.Use{ID: "a", Limit: limit, Expires: expires, Nonce: nonce(uint64(nonces.Add(1)))}
				ok, err := store.Take(t.Context(), u)
				if err != nil {
					t.Error(err)
				}
				if !ok {
					continue
				}
				if kept.Add(1) > limit {
					t.Error("more uses than the limit at a time")
				}
				if (i+g)%50 > 0 {
					kept.Add(-1)
					var both sync.WaitGroup
					for range 2 {
						both.Go(func() { store.GiveBack(t.Context(), u) })
					}
					both.Wait()
				}
			}
		})
	}
	all.Wait()
	for range limit - kept.Load() {
		if got := answer(store.Take(t.Context(), middleware.Use{ID: "a", Limit: limit, Expires: expires})); got != "yes" {
			t.Fatalf("with %d uses kept there are fewer than %d left", kept.Load(), limit-kept.Load())
		}
	}
	if got := answer(store.Take(t.Context(), middleware.Use{ID: "a", Limit: limit, Expires: expires})); got != "no" {
		t.Errorf("one use more than the limit: %s", got)
	}
}
