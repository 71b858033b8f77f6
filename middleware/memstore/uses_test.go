package memstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

func newVerifier(t testing.TB, f middleware.Format, opts *middleware.Options) *middleware.Verifier {
	t.Helper()
	v, err := middleware.NewVerifier(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// answer is what a store said, in one word.
func answer(ok bool, err error) string {
	switch {
	case err != nil && ok:
		return "yes, and an error"
	case err == memstore.ErrFull:
		return "full"
	case err != nil:
		return "error"
	case ok:
		return "yes"
	}
	return "no"
}

func network(s string) netip.Prefix {
	if s == "" {
		return netip.Prefix{}
	}
	return netip.MustParsePrefix(s)
}

func TestUses(t *testing.T) {
	const (
		alice = "192.0.2.1/32"
		bob   = "2001:db8::/64"
	)
	type take struct {
		after   time.Duration // since the take before
		id      string
		limit   int
		expires time.Duration // since the start; an hour if zero
		window  time.Duration
		client  string
		want    string
	}
	tests := []struct {
		name  string
		max   int
		takes []take
		held  int
	}{
		{"a link with one use is good for one", 0, []take{
			{id: "a", limit: 1, want: "yes"},
			{id: "a", limit: 1, want: "no"},
			{after: 59 * time.Minute, id: "a", limit: 1, want: "no"},
		}, 1},
		{"a question about the window takes nothing", 0, []take{
			{id: "a", limit: 0, window: time.Hour, client: alice, want: "no"},
			{id: "a", limit: 0, want: "no"},
			{id: "a", limit: 1, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 0, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 0, window: time.Hour, client: bob, want: "no"},
			{id: "a", limit: 0, want: "no"},
			{id: "a", limit: 2, window: time.Hour, client: bob, want: "yes"},
			{id: "a", limit: 2, want: "no"},
		}, 3},
		{"ids are counted apart", 0, []take{
			{id: "a", limit: 1, want: "yes"},
			{id: "b", limit: 2, want: "yes"},
			{id: "b", limit: 2, want: "yes"},
			{id: "b", limit: 2, want: "no"},
			{id: "A", limit: 1, want: "yes"},
		}, 3},
		{"the limit of the call counts", 0, []take{
			{id: "a", limit: 2, want: "yes"},
			{id: "a", limit: 1, want: "no"},
			{id: "a", limit: 2, want: "yes"},
			{id: "a", limit: 3, want: "yes"},
			{id: "a", limit: 3, want: "no"},
		}, 1},
		{"a limit below one has no use", 0, []take{
			{id: "a", limit: 0, want: "no"},
			{id: "a", limit: -1, want: "no"},
		}, 0},
		{"a count is forgotten at its expiry", 0, []take{
			{id: "a", limit: 1, expires: time.Minute, want: "yes"},
			{after: time.Minute - time.Millisecond, id: "a", limit: 1, expires: time.Minute, want: "no"},
			{after: time.Millisecond, id: "a", limit: 1, want: "yes"},
		}, 1},
		{"the latest expiry counts, though that link was refused", 0, []take{
			{id: "a", limit: 1, expires: time.Minute, want: "yes"},
			{id: "a", limit: 1, expires: 3 * time.Minute, want: "no"},
			{id: "a", limit: 1, expires: 2 * time.Minute, want: "no"},
			{after: 3*time.Minute - time.Millisecond, id: "a", limit: 1, want: "no"},
		}, 1},
		{"the latest expiry counts, though that link took no use in a window", 0, []take{
			{id: "a", limit: 1, expires: time.Minute, window: time.Minute, client: alice, want: "yes"},
			{id: "a", limit: 1, expires: time.Hour, window: time.Minute, client: alice, want: "yes"},
			{after: 59 * time.Minute, id: "a", limit: 1, window: time.Minute, client: alice, want: "no"},
		}, 1},
		{"an earlier expiry shortens nothing", 0, []take{
			{id: "a", limit: 2, expires: 3 * time.Minute, want: "yes"},
			{id: "a", limit: 2, expires: time.Minute, want: "yes"},
			{after: 2 * time.Minute, id: "a", limit: 2, want: "no"},
		}, 1},
		{"a window is as long as was said and is not prolonged", 0, []take{
			{id: "a", limit: 2, window: time.Minute, client: alice, want: "yes"},
			{after: 40 * time.Second, id: "a", limit: 2, window: time.Minute, client: alice, want: "yes"},
			{after: 19 * time.Second, id: "a", limit: 2, window: time.Minute, client: alice, want: "yes"},
			{after: time.Second, id: "a", limit: 2, window: time.Minute, client: alice, want: "yes"},
			{after: time.Minute, id: "a", limit: 2, window: time.Minute, client: alice, want: "no"},
		}, 1},
		{"a window is open though the id has no use left", 0, []take{
			{id: "a", limit: 1, window: time.Minute, client: alice, want: "yes"},
			{id: "a", limit: 1, window: time.Minute, client: bob, want: "no"},
			{id: "a", limit: 1, window: time.Minute, client: alice, want: "yes"},
		}, 2},
		{"a window is for one client", 0, []take{
			{id: "a", limit: 2, window: time.Minute, client: alice, want: "yes"},
			{id: "a", limit: 2, window: time.Minute, client: bob, want: "yes"},
			{id: "a", limit: 2, window: time.Minute, client: "192.0.2.2/32", want: "no"},
			{id: "a", limit: 2, window: time.Minute, client: "::ffff:192.0.2.1/128", want: "no"},
			{id: "a", limit: 2, window: time.Minute, client: "2001:db8::/56", want: "no"},
			{id: "a", limit: 2, window: time.Minute, client: bob, want: "yes"},
		}, 3},
		{"a window is for one id", 0, []take{
			{id: "a", limit: 1, window: time.Minute, client: alice, want: "yes"},
			{id: "b", limit: 1, window: time.Minute, client: alice, want: "yes"},
			{id: "b", limit: 1, window: time.Minute, client: bob, want: "no"},
		}, 4},
		{"a refused request opens no window", 0, []take{
			{id: "a", limit: 1, window: time.Minute, client: alice, want: "yes"},
			{id: "a", limit: 1, window: time.Minute, client: bob, want: "no"},
			{id: "a", limit: 1, window: time.Minute, client: bob, want: "no"},
		}, 2},
		{"a request without a window takes a use in one", 0, []take{
			{id: "a", limit: 2, window: time.Minute, client: alice, want: "yes"},
			{id: "a", limit: 2, want: "yes"},
			{id: "a", limit: 2, want: "no"},
		}, 2},
		{"a full store refuses new ids and counts the old", 2, []take{
			{id: "a", limit: 2, want: "yes"},
			{id: "b", limit: 2, want: "yes"},
			{id: "c", limit: 2, want: "full"},
			{id: "a", limit: 2, want: "yes"},
			{id: "a", limit: 2, want: "no"},
			{id: "c", limit: 2, want: "full"},
		}, 2},
		{"a use whose window has no room is not taken", 2, []take{
			{id: "a", limit: 1, want: "yes"},
			{id: "b", limit: 1, window: time.Minute, client: alice, want: "full"},
			{id: "b", limit: 1, want: "yes"},
		}, 2},
		{"windows fill the store", 3, []take{
			{id: "a", limit: 9, window: time.Minute, client: alice, want: "yes"},
			{id: "a", limit: 9, window: time.Minute, client: bob, want: "yes"},
			{id: "a", limit: 9, window: time.Minute, client: "192.0.2.2/32", want: "full"},
			{id: "a", limit: 9, window: time.Minute, client: alice, want: "yes"},
			{after: 90 * time.Second, id: "a", limit: 9, window: time.Minute, client: "192.0.2.2/32", want: "yes"},
		}, 2},
		{"what has expired makes room", 2, []take{
			{id: "a", limit: 1, expires: time.Minute, want: "yes"},
			{id: "b", limit: 1, expires: time.Minute, want: "yes"},
			{id: "c", limit: 1, want: "full"},
			{after: 90 * time.Second, id: "c", limit: 1, want: "yes"},
			{id: "d", limit: 1, want: "yes"},
		}, 2},
		{"what has expired makes room though some was used again", 2, []take{
			{id: "a", limit: 1, expires: time.Minute, want: "yes"},
			{id: "b", limit: 2, expires: time.Minute, want: "yes"},
			{id: "b", limit: 2, expires: time.Minute, want: "yes"},
			{after: 90 * time.Second, id: "c", limit: 1, want: "yes"},
			{id: "d", limit: 1, want: "yes"},
		}, 2},
		{"windows that have ended make room though one was opened again", 3, []take{
			{id: "a", limit: 9, window: 5 * time.Second, client: alice, want: "yes"},
			{id: "a", limit: 9, window: 5 * time.Second, client: bob, want: "yes"},
			{after: 6 * time.Second, id: "a", limit: 9, window: 5 * time.Second, client: bob, want: "yes"},
			{after: time.Minute, id: "a", limit: 9, window: time.Minute, client: "192.0.2.2/32", want: "yes"},
			{id: "a", limit: 9, window: time.Minute, client: "192.0.2.3/32", want: "yes"},
		}, 3},
		{"what makes no sense is an error", 0, []take{
			{id: "", limit: 1, want: "error"},
			{id: "a", limit: 1, expires: -time.Second, want: "error"},
			{id: "a", limit: 1, expires: time.Nanosecond, want: "error"}, // in this millisecond
			{id: "a", limit: 1, window: time.Minute, want: "error"},
		}, 0},
		{"the end of time is an expiry", 0, []take{
			{id: "a", limit: 1, expires: time.Duration(1<<63 - 1), want: "yes"},
			{after: 200 * 365 * 24 * time.Hour, id: "a", limit: 1, expires: time.Duration(1<<63 - 1), want: "no"},
		}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memstore.NewUses(&memstore.Options{Max: tt.max})
				start := time.Now()
				var got, want []string
				for _, k := range tt.takes {
					time.Sleep(k.after)
					if k.expires == 0 {
						k.expires = time.Hour
					}
					got = append(got, answer(store.Take(t.Context(), middleware.Use{
						ID: k.id, Limit: k.limit, Expires: start.Add(k.expires), Window: k.window, Client: network(k.client),
					})))
					want = append(want, k.want)
				}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("answers (-want +got):\n%s", d)
				}
				if got := store.Len(); got != tt.held {
					t.Errorf("the store holds %d entries, want %d", got, tt.held)
				}
			})
		})
	}
}

func TestUsesOfFiftyThatRaceForOne(t *testing.T) {
	tests := []struct {
		name      string
		window    time.Duration
		addresses int
		winners   int
	}{
		{"from one address", 0, 1, 1},
		{"from fifty addresses", 0, 50, 1},
		{"from fifty addresses with a window", time.Minute, 50, 1},
		{"from one address with a window, which is one client", time.Minute, 1, 50},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for round := range 100 { // since a gap of nanoseconds is rarely hit
				h, u := limitedFile(t, memstore.NewUses(nil), 1, tt.window)
				var winners, losers atomic.Int32
				var all sync.WaitGroup
				start := make(chan struct{})
				for i := range 50 {
					r := httptest.NewRequest("GET", u.String(), nil)
					r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1000", i%tt.addresses)
					all.Go(func() {
						w := httptest.NewRecorder()
						<-start
						h.ServeHTTP(w, r)
						switch w.Code {
						case 200:
							winners.Add(1)
						case 404:
							losers.Add(1)
						}
					})
				}
				close(start)
				all.Wait()
				if w, l := int(winners.Load()), int(losers.Load()); w != tt.winners || w+l != 50 {
					t.Fatalf("round %d: %d won and %d lost; want %d winners of 50", round, w, l, tt.winners)
				}
				late := httptest.NewRequest("GET", u.String(), nil)
				late.RemoteAddr = "198.51.100.1:1000"
				w := httptest.NewRecorder()
				h.ServeHTTP(w, late)
				if w.Code != 404 {
					t.Fatalf("round %d: one more from elsewhere: %d, want 404", round, w.Code)
				}
			}
		})
	}
}

// The entries of a whole night expire at one time; they must go without a
// request that waits for all of them, and before the store is full again.
func TestUsesThatExpireTogetherAreDroppedAPieceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const max = 1000
		store := memstore.NewUses(&memstore.Options{Max: max})
		for night := range 3 {
			expires := time.Now().Add(time.Hour)
			for i := range max {
				u := middleware.Use{ID: fmt.Sprint(night, "-", i), Limit: 1, Expires: expires}
				if got := answer(store.Take(t.Context(), u)); got != "yes" {
					t.Fatalf("night %d, use %d: %s", night, i, got)
				}
			}
			full := middleware.Use{ID: "one more", Limit: 1, Expires: expires}
			if got := answer(store.Take(t.Context(), full)); got != "full" {
				t.Fatalf("night %d, one more than the maximum: %s", night, got)
			}
			time.Sleep(2 * time.Hour)
			before := store.Len()
			store.Take(t.Context(), middleware.Use{ID: "morning", Limit: 1, Expires: time.Now().Add(time.Minute)})
			if after := store.Len(); after >= before || after < before-10 {
				t.Errorf("one Take in the morning left %d of %d entries; want a few less", after, before)
			}
			time.Sleep(2 * time.Minute)
			for range max {
				store.Take(t.Context(), middleware.Use{ID: "day", Limit: 1, Expires: time.Now().Add(time.Minute)})
			}
			time.Sleep(2 * time.Minute)
			store.Take(t.Context(), middleware.Use{ID: "", Limit: 1})
			store.Take(t.Context(), middleware.Use{ID: "evening", Limit: 0, Expires: time.Now().Add(time.Minute)})
			if got := store.Len(); got != 0 {
				t.Fatalf("%d entries are left in the evening", got)
			}
		}
	})
}

// Time in a bubble begins in the year 2000, so that to enter one puts the clock
// back.
func TestUsesSurviveAClockThatIsPutBack(t *testing.T) {
	store := memstore.NewUses(&memstore.Options{Max: 2})
	use := func(id string, life time.Duration) string {
		return answer(store.Take(t.Context(), middleware.Use{ID: id, Limit: 1, Expires: time.Now().Add(life)}))
	}
	got := []string{use("a", time.Hour)}
	synctest.Test(t, func(t *testing.T) {
		got = append(got, use("a", time.Hour), use("b", time.Minute), use("c", time.Minute))
		time.Sleep(2 * time.Minute)
		got = append(got, use("a", time.Hour), use("c", time.Minute))
	})
	got = append(got, use("a", time.Hour))
	if d := cmp.Diff([]string{"yes", "no", "yes", "full", "no", "yes", "no"}, got); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
}

func TestUsesThatWereNotConstructedRefuse(t *testing.T) {
	u := middleware.Use{ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour)}
	for name, store := range map[string]*memstore.Uses{"nil": nil, "zero": new(memstore.Uses)} {
		if ok, err := store.Take(t.Context(), u); ok || err == nil {
			t.Errorf("%s: %v, %v; want an error", name, ok, err)
		}
		if store.Len() != 0 {
			t.Errorf("%s: Len is not 0", name)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a negative maximum does not panic")
		}
	}()
	memstore.NewUses(&memstore.Options{Max: -1})
}

func TestTakeOfAKnownIDDoesNotAllocate(t *testing.T) {
	store := memstore.NewUses(nil)
	u := middleware.Use{
		ID: strings.Repeat("x", 128), Limit: 1 << 40, Expires: time.Now().Add(time.Hour),
		Window: time.Nanosecond, Client: network("2001:db8::/64"),
	}
	if n := testing.AllocsPerRun(100, func() {
		if ok, err := store.Take(context.Background(), u); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// model is what Uses does, with no thought of memory and time.
type model struct {
	used    map[string]int
	expires map[string]time.Time
	taken   map[[16]byte]*modelUse
}

type modelUse struct {
	window string // that it opened, if any
	shared bool
}

func newModel() *model {
	return &model{map[string]int{}, map[string]time.Time{}, map[[16]byte]*modelUse{}}
}

// expire forgets what has expired. The taken uses need not be: a use has
// expired with its count, and the model is asked for no use that has.
func (m *model) expire(now time.Time) {
	for k, e := range m.expires {
		if !now.Before(e) {
			delete(m.expires, k)
			delete(m.used, k)
		}
	}
}

// window is the key of a client's window.
func window(u middleware.Use) string { return u.ID + " " + u.Client.String() }

func (m *model) take(u middleware.Use, now time.Time) string {
	if !now.Before(u.Expires) {
		return "error"
	}
	m.expire(now)
	if e, ok := m.expires[u.ID]; ok && e.Before(u.Expires) {
		m.expires[u.ID] = u.Expires
	}
	if m.taken[u.Nonce] != nil {
		return "yes"
	}
	if _, open := m.expires[window(u)]; open && u.Window > 0 {
		for _, t := range m.taken {
			if t.window == window(u) {
				t.shared = true
			}
		}
		return "yes"
	}
	if m.used[u.ID] >= u.Limit {
		return "no"
	}
	m.used[u.ID]++
	if _, ok := m.expires[u.ID]; !ok {
		m.expires[u.ID] = u.Expires
	}
	for _, t := range m.taken {
		if t.window == window(u) && u.Window > 0 {
			t.window = "" // which has ended, since another begins
		}
	}
	t := &modelUse{}
	if u.Window > 0 {
		m.expires[window(u)] = now.Add(u.Window)
		t.window = window(u)
	}
	if u.Nonce != [16]byte{} {
		m.taken[u.Nonce] = t
	}
	return "yes"
}

func (m *model) giveBack(u middleware.Use, now time.Time) {
	m.expire(now)
	t := m.taken[u.Nonce]
	if t == nil || t.shared || !now.Before(u.Expires) {
		return
	}
	delete(m.taken, u.Nonce)
	m.used[u.ID]--
	if t.window != "" {
		delete(m.expires, t.window)
	}
}

func FuzzUsesAreCountedAsInAModel(f *testing.F) {
	f.Add([]byte("\x00\x11\x22\x33\x00\x11\x22\x33\x00\x11\x22\x33"))
	f.Add([]byte("\x01\xf1\x02\x03\x41\x11\x62\xf3\xff\xff\xff\xff\x01\x81\x22\x33\x01\xf1\x02\x03"))
	f.Add([]byte(strings.Repeat("\x02\x51\x3f\x10\x92\x01\x3f\x12\xb3\xa7\x01\x11", 20)))
	// A use that opens a window is given back and taken again; then another
	// request shares the window, and it cannot be.
	f.Add([]byte("\x00\xf1\xff\x00\x00\xf1\xff\x04\x00\xf1\xff\x00\x00\xf1\xff\x00\x00\xf1\xff\x14\x00\xf1\x00\x00"))
	// The window of a use that is repeated and given back has ended, and
	// another has begun.
	f.Add([]byte("\x00\xfa\x01\x00\x04\xfa\x05\x00\x00\xfa\x05\x08\x00\xfa\x05\x04\x00\xfa\x05\x00\x00\xfa\x05\x00"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		synctest.Test(t, func(t *testing.T) {
			store := memstore.NewUses(nil)
			m := newModel()
			var made []middleware.Use
			for i := 0; len(ops) >= 4; i++ {
				time.Sleep(time.Duration(ops[0]>>2) * 1700 * time.Millisecond)
				u := middleware.Use{
					ID:      string('a' + rune(ops[0]&3)),
					Limit:   int(ops[1] & 7),
					Expires: time.Now().Add(time.Duration(ops[1]>>3+1) * 9 * time.Second),
					Nonce:   [16]byte{byte(i), byte(i >> 8), 1},
					Window:  time.Duration(ops[2]) * 700 * time.Millisecond,
				}
				if u.Window > 0 {
					u.Client = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, ops[3] & 3}), 32)
				}
				// Most operations take a use. The others give an earlier one
				// back, repeat an earlier one, or have no nonce.
				kind, old := ops[3]>>2&3, int(ops[3]>>4)
				if old < len(made) && (kind == 1 || kind == 2) {
					u = made[old]
				}
				if kind == 3 {
					u.Nonce = [16]byte{}
				}
				if kind == 1 {
					m.giveBack(u, time.Now())
					if err := store.GiveBack(t.Context(), u); err != nil {
						t.Fatalf("operation %d, giving back %+v: %v", i, u, err)
					}
				} else {
					made = append(made, u)
					want := m.take(u, time.Now())
					if got := answer(store.Take(t.Context(), u)); got != want {
						t.Fatalf("operation %d, taking %+v: %s, want %s", i, u, got, want)
					}
				}
				if held, needed := store.Len(), len(m.expires); held < needed {
					t.Fatalf("operation %d: the store holds %d entries of %d", i, held, needed)
				}
				ops = ops[4:]
			}
			// When all has expired, as many requests as there are entries
			// leave nothing behind.
			time.Sleep(time.Hour)
			for range store.Len() {
				store.Take(t.Context(), middleware.Use{ID: "z", Limit: 0, Expires: time.Now().Add(time.Hour)})
			}
			if n := store.Len(); n != 0 {
				t.Fatalf("%d entries are left", n)
			}
		})
	})
}

// A player fetches a file in ranges, over many connections and some minutes,
// and is one use.
func TestRangesOfOneClientAreOneUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, u := limitedFile(t, memstore.NewUses(nil), 2, 10*time.Minute)
		get := func(after time.Duration, method, client, ranges string, want int) {
			t.Helper()
			time.Sleep(after)
			r := httptest.NewRequest(method, u.String(), nil)
			r.RemoteAddr = client
			if ranges != "" {
				r.Header.Set("Range", ranges)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s %s from %s: %d, want %d", method, ranges, client, w.Code, want)
			}
		}
		get(0, "HEAD", "192.0.2.9:1000", "", 200)
		get(0, "GET", "192.0.2.1:1000", "bytes=0-1", 206)
		get(0, "GET", "192.0.2.1:1001", "bytes=2-3", 206)
		get(5*time.Minute, "GET", "192.0.2.1:1002", "bytes=4-", 206)
		get(0, "GET", "[2001:db8::1]:1000", "", 200)
		get(0, "GET", "[2001:db8::2]:1000", "", 200) // the same network of 64 bits
		get(0, "GET", "192.0.2.2:1000", "", 404)
		get(0, "GET", "[2001:db8:0:1::1]:1000", "", 404)
		get(5*time.Minute-time.Second, "GET", "192.0.2.1:1003", "bytes=0-1", 206)
		get(time.Second, "GET", "192.0.2.1:1004", "bytes=2-3", 404)
		get(0, "HEAD", "192.0.2.1:1005", "", 200)
		get(0, "GET", "[2001:db8::3]:1000", "bytes=2-3", 206)
	})
}

func TestAFullStoreIs503(t *testing.T) {
	store := memstore.NewUses(&memstore.Options{Max: 1})
	store.Take(t.Context(), middleware.Use{ID: "another", Limit: 1, Expires: time.Now().Add(time.Hour)})
	h, u := limitedFile(t, store, 1, 0)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", u.String(), nil))
	if w.Code != 503 || w.Header().Get("Cache-Control") != "no-store" || strings.Contains(w.Body.String(), "content") {
		t.Errorf("%d %v %q; want 503, no-store, and nothing of the file", w.Code, w.Header(), w.Body)
	}
}

// limitedFile returns a handler that serves a small file, and a link to it
// with so many uses.
func limitedFile(t *testing.T, store middleware.UseStore, uses int, window time.Duration) (http.Handler, *url.URL) {
	t.Helper()
	key, err := middleware.NewHMACKey("k", []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	u, err := ring.Sign(&url.URL{Path: "/film.mp4"}, middleware.Claims{Expires: time.Now().Add(time.Hour), ID: "film-7", Uses: uses})
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, ring, &middleware.Options{Uses: store, UseWindow: window})
	return v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "film.mp4", time.Time{}, strings.NewReader("content"))
	})), u
}
