//go:build unix

package redisstore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// nonce returns the nth nonce; the 0th is the zero nonce.
func nonce(n int) (b [16]byte) {
	binary.BigEndian.PutUint64(b[8:], uint64(n))
	return b
}

func TestGiveBack(t *testing.T) {
	const (
		alice = "192.0.2.1/32"
		bob   = "192.0.2.2/32"
	)
	type step struct {
		do     string // take, give, or the name of a key that expires
		n      int    // which nonce
		id     string // "a" if empty
		client string // with a window, if set
		limit  int    // 1 if zero
		want   string // of a take
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
		{"uses without a nonce are counted each and not given back", []step{
			{do: "take", n: 0, limit: 2, want: "yes"},
			{do: "take", n: 0, limit: 2, want: "yes"},
			{do: "give", n: 0, limit: 2},
			{do: "take", n: 0, limit: 2, want: "no"},
			{do: "take", n: 1, limit: 2, want: "no"},
		}},
		{"giving back the use that opened a window closes the window", []step{
			{do: "take", n: 1, client: alice, want: "yes"},
			{do: "give", n: 1, client: alice},
			{do: "take", n: 2, client: bob, want: "yes"},
			{do: "take", n: 3, client: alice, want: "no"},
			{do: "take", n: 4, client: bob, want: "yes"},
		}},
		{"nothing is given back if another request passed for free in the window", []step{
			{do: "take", n: 1, client: alice, want: "yes"},
			{do: "take", n: 2, client: alice, want: "yes"},
			{do: "give", n: 1, client: alice},
			{do: "take", n: 3, client: bob, want: "no"},
			{do: "take", n: 4, client: alice, want: "yes"},
			{do: ":" + alice},
			{do: "give", n: 1, client: alice},
			{do: "take", n: 5, client: alice, want: "no"},
		}},
		{"a request that passed for free has nothing to give back", []step{
			{do: "take", n: 1, client: alice, want: "yes"},
			{do: "take", n: 2, client: alice, want: "yes"},
			{do: "give", n: 2, client: alice},
			{do: "take", n: 3, client: alice, want: "yes"},
			{do: "take", n: 4, client: bob, want: "no"},
		}},
		{"a take that is repeated does not share its own window", []step{
			{do: "take", n: 1, client: alice, want: "yes"},
			{do: "take", n: 1, client: alice, want: "yes"},
			{do: "give", n: 1, client: alice},
			{do: "take", n: 2, client: bob, want: "yes"},
		}},
		{"a take that is repeated when its window was shared takes no second use", []step{
			{do: "take", n: 1, client: alice, limit: 2, want: "yes"},
			{do: "take", n: 2, client: alice, limit: 2, want: "yes"},
			{do: "take", n: 3, client: alice, limit: 2, want: "yes"},
			{do: ":" + alice},
			{do: "take", n: 1, client: alice, limit: 2, want: "yes"},
			{do: "take", n: 4, client: bob, limit: 2, want: "yes"},
			{do: "take", n: 5, client: alice, limit: 2, want: "no"},
		}},
		{"the window of another use stays open", []step{
			{do: "take", n: 1, limit: 3, client: alice, want: "yes"},
			{do: ":" + alice},
			{do: "take", n: 2, limit: 3, client: alice, want: "yes"},
			{do: "take", n: 3, limit: 3, client: bob, want: "yes"},
			{do: "give", n: 1, limit: 3, client: alice},
			{do: "take", n: 4, limit: 2, client: alice, want: "yes"},
			{do: "take", n: 5, limit: 2, client: bob, want: "yes"},
			{do: "take", n: 6, limit: 3, want: "yes"},
			{do: "take", n: 7, limit: 3, want: "no"},
		}},
		{"a use whose window has ended is given back", []step{
			{do: "take", n: 1, client: alice, want: "yes"},
			{do: ":" + alice},
			{do: "give", n: 1, client: alice},
			{do: "take", n: 2, client: alice, want: "yes"},
		}},
		{"a window that was opened without a nonce stays open", []step{
			{do: "take", n: 0, client: alice, want: "yes"},
			{do: "take", n: 1, client: alice, want: "yes"},
			{do: "give", n: 0, client: alice},
			{do: "take", n: 2, client: alice, want: "yes"},
			{do: "take", n: 3, client: bob, want: "no"},
		}},
		{"a count that has expired gets nothing back", []step{
			{do: "take", n: 1, want: "yes"},
			{do: ""},
			{do: "give", n: 1},
			{do: "take", n: 2, want: "yes"},
			{do: "give", n: 1},
			{do: "take", n: 3, want: "no"},
			{do: ""},
			{do: "take", n: 2, want: "yes"},
			{do: "take", n: 4, want: "no"},
		}},
		{"a use that was forgotten stays taken", []step{
			{do: "take", n: 1, want: "yes"},
			{do: ":recent"},
			{do: "give", n: 1},
			{do: "take", n: 2, want: "no"},
		}},
	}
	client := startRedis(t).client(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prefix := fmt.Sprintf("test-%d:", i)
			store := newStore(t, client, redisstore.Options{Prefix: prefix})
			var got, want []string
			for _, k := range tt.steps {
				u := middleware.Use{ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(k.n)}
				if k.id != "" {
					u.ID = k.id
				}
				if k.limit != 0 {
					u.Limit = k.limit
				}
				if k.client != "" {
					u.Window, u.Client = time.Hour, netip.MustParsePrefix(k.client)
				}
				switch k.do {
				case "give":
					if err := store.GiveBack(t.Context(), u); err != nil {
						t.Errorf("giving back %d: %v", k.n, err)
					}
				case "take":
					got = append(got, answer(store.Take(t.Context(), u)))
					want = append(want, k.want)
				default:
					if n, err := client.Del(t.Context(), prefix+"uses:{a}"+k.do).Result(); n != 1 || err != nil {
						t.Errorf("there is no key %q to expire: %v", k.do, err)
					}
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("answers (-want +got):\n%s", d)
			}
		})
	}
}

func TestGiveBackRefusesWhatMakesNoSense(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	good := middleware.Use{ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(1)}
	noID, noClient := good, good
	noID.ID = ""
	noClient.Window = time.Minute
	for want, u := range map[string]middleware.Use{"the ID is empty": noID, "without a client": noClient} {
		if err := store.GiveBack(t.Context(), u); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want an error with %q", err, want)
		}
	}
	client.LPush(t.Context(), "signedurl:uses:{a}:recent", "something else")
	if err := store.GiveBack(t.Context(), good); err == nil {
		t.Error("a key that holds something else is no error")
	}
	if got := answer(store.Take(t.Context(), good)); got != "yes" {
		// The count has expired, and so whatever is left of its nonces.
		t.Errorf("the first use after that: %s", got)
	}
	client.Del(t.Context(), "signedurl:uses:{a}:recent")
	client.LPush(t.Context(), "signedurl:uses:{a}:recent", "something else")
	good.Limit, good.Nonce = 2, nonce(2)
	if got := answer(store.Take(t.Context(), good)); got != "error" {
		t.Errorf("a use whose nonce cannot be kept: %s", got)
	}
	if n, err := client.Get(t.Context(), "signedurl:uses:{a}").Int(); n != 1 || err != nil {
		t.Errorf("%d uses are taken, %v; want 1", n, err)
	}
	// Nothing is asked about a link that has expired.
	good.Expires = time.Now()
	if err := store.GiveBack(t.Context(), good); err != nil {
		t.Errorf("a use of a link that has expired: %v", err)
	}
}

// A link may have a million uses. What is kept so that they can be given back
// does not grow with their number, and goes before the count does.
func TestOnlyTheLatestUsesOfAnIDAreRemembered(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	const key, recent, remembered = "signedurl:uses:{a}", "signedurl:uses:{a}:recent", 1000
	use := func(n int, life time.Duration) middleware.Use {
		// The order is that of the uses, and not that of the nonces.
		return middleware.Use{ID: "a", Limit: 1_000_000, Expires: time.Now().Add(life), Nonce: nonce(1<<40 - n)}
	}
	take := func(n int, life time.Duration) {
		t.Helper()
		if got := answer(store.Take(t.Context(), use(n, life))); got != "yes" {
			t.Fatalf("use %d: %s", n, got)
		}
	}
	used := func(want int) {
		t.Helper()
		if n, err := client.Get(t.Context(), key).Int(); n != want || err != nil {
			t.Errorf("%d uses are taken, %v; want %d", n, err, want)
		}
	}
	take(1, 2*time.Minute)
	near(t, client, recent, 2*time.Minute)
	take(2, time.Minute)
	near(t, client, recent, 2*time.Minute)
	take(3, time.Hour)
	near(t, client, recent, 5*time.Minute)
	near(t, client, key, time.Hour)
	for n := 4; n <= remembered; n++ {
		take(n, time.Hour)
	}
	take(1, time.Hour) // again
	used(remembered)
	take(remembered+1, time.Hour)
	give := func(n int) {
		t.Helper()
		if err := store.GiveBack(t.Context(), use(n, time.Hour)); err != nil {
			t.Error(err)
		}
	}
	give(1) // is forgotten
	used(remembered + 1)
	give(2)
	used(remembered)
	near(t, client, key, time.Hour)
	for n := remembered + 2; n <= 5*remembered; n++ {
		take(n, time.Hour)
	}
	if n, err := client.ZCard(t.Context(), recent).Result(); n != remembered || err != nil {
		t.Errorf("%d nonces are kept, %v; want %d", n, err, remembered)
	}
	if n, err := client.MemoryUsage(t.Context(), recent, 0).Result(); n > 200_000 || err != nil {
		t.Errorf("the nonces take %d bytes, %v; want at most 200 kB", n, err)
	}
	client.Persist(t.Context(), key) // by whoever had a reason
	take(5*remembered+1, time.Minute)
	near(t, client, recent, 5*time.Minute)
}

// A request that passes for free keeps nothing, whether the use that opened the
// window is forgotten or had no nonce.
func TestARequestThatPassesForFreeKeepsNothing(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	for n, id := range []string{"without", "forgotten"} {
		u := middleware.Use{
			ID: id, Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(n), Window: time.Hour, Client: netip.MustParsePrefix("192.0.2.1/32"),
		}
		key := "signedurl:uses:{" + id + "}:recent"
		got := []string{answer(store.Take(t.Context(), u))}
		client.Del(t.Context(), key) // as after five minutes
		u.Nonce = nonce(9)
		got = append(got, answer(store.Take(t.Context(), u)))
		if d := cmp.Diff([]string{"yes", "yes"}, got); d != "" {
			t.Errorf("%s: answers (-want +got):\n%s", id, d)
		}
		if n, err := client.Exists(t.Context(), key).Result(); n != 0 || err != nil {
			t.Errorf("%s: nonces are kept, %v", id, err)
		}
	}
}

// Giving back frees memory, and passing for free takes none.
func TestAUseIsGivenBackThoughTheMemoryIsFull(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	use := func(n int, from string) middleware.Use {
		return middleware.Use{
			ID: "a", Limit: 2, Expires: time.Now().Add(time.Hour), Nonce: nonce(n), Window: time.Hour, Client: netip.MustParsePrefix(from),
		}
	}
	got := []string{answer(store.Take(t.Context(), use(1, "192.0.2.1/32"))), answer(store.Take(t.Context(), use(2, "192.0.2.2/32")))}
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	got = append(got,
		done(store.GiveBack(t.Context(), use(1, "192.0.2.1/32"))),
		answer(store.Take(t.Context(), use(3, "192.0.2.2/32"))), // in the window
		done(store.GiveBack(t.Context(), use(2, "192.0.2.2/32"))),
		answer(store.Take(t.Context(), use(4, "192.0.2.1/32"))),
	)
	if n, err := client.Get(t.Context(), "signedurl:uses:{a}").Int(); n != 1 || err != nil {
		t.Errorf("%d uses are taken, %v; want 1", n, err)
	}
	if d := cmp.Diff([]string{"yes", "yes", "yes", "yes", "yes", "error"}, got); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
}

// The documentation names the commands that a user needs.
func TestAUserWithTheDocumentedCommandsIsEnough(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, commands, _ := strings.Cut(string(doc), "needs the commands ")
	commands, _, ok := strings.Cut(commands, " for keys")
	if !ok {
		t.Fatal("the documentation names no commands")
	}
	r := startRedis(t)
	args := []any{"ACL", "SETUSER", "store", "on", ">secret", "~signedurl:*", "+info"}
	for _, c := range regexp.MustCompile("[A-Z]{3,}").FindAllString(commands, -1) {
		args = append(args, "+"+strings.ToLower(c))
	}
	if err := r.client(t).Do(t.Context(), args...).Err(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{Addr: r.addr, Username: "store", Password: "secret", ContextTimeoutEnabled: true})
	defer client.Close()
	store := newStore(t, client, redisstore.Options{})
	use := middleware.Use{
		ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(1), Window: time.Hour, Client: netip.MustParsePrefix("192.0.2.1/32"),
	}
	other := use
	other.Nonce = nonce(2)
	var got []string
	got = append(got, answer(store.Take(t.Context(), use)), done(store.GiveBack(t.Context(), use)))
	got = append(got, answer(store.Take(t.Context(), use)), answer(store.Take(t.Context(), other)))
	got = append(got, done(store.Check(t.Context())), answer(store.Revoked(t.Context(), "a")))
	got = append(got, done(store.Revoke(t.Context(), "a", time.Now().Add(time.Hour))), done(store.Revoke(t.Context(), "a", time.Time{})))
	if d := cmp.Diff([]string{"yes", "yes", "yes", "yes", "yes", "no", "yes", "yes"}, got); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
}

// takers take uses and give most of them back, at once and twice. Each repeats
// what failed. They return how many uses were taken and not given back. At no
// time are more kept than the limit.
func takers(t *testing.T, stores []*redisstore.Store, limit, rounds int, during func()) int64 {
	t.Helper()
	insist := func(do func() error) {
		err := do()
		for deadline := time.Now().Add(20 * time.Second); err != nil && time.Now().Before(deadline); err = do() {
			time.Sleep(10 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("Redis does not come back: %v", err)
		}
	}
	expires := time.Now().Add(time.Hour)
	var nonces, kept atomic.Int64
	var all sync.WaitGroup
	for g := range 8 {
		store := stores[g%len(stores)]
		all.Go(func() {
			for i := range rounds {
				n := int(nonces.Add(1))
				u := middleware.Use{ID: "a", Limit: limit, Expires: expires, Nonce: nonce(n)}
				var ok bool
				insist(func() (err error) {
					ok, err = store.Take(t.Context(), u)
					return err
				})
				if !ok {
					continue
				}
				if kept.Add(1) > int64(limit) {
					t.Error("more uses than the limit at a time")
				}
				if (i+g)%40 == 0 {
					continue
				}
				kept.Add(-1)
				var both sync.WaitGroup
				for range 2 {
					both.Go(func() {
						insist(func() error { return store.GiveBack(t.Context(), u) })
					})
				}
				both.Wait()
			}
		})
	}
	if during != nil {
		during()
	}
	all.Wait()
	return kept.Load()
}

func TestUsesThatAreTakenAndGivenBackAtOnceAddUp(t *testing.T) {
	r := startRedis(t)
	const limit = 30
	stores := []*redisstore.Store{newStore(t, r.client(t), redisstore.Options{}), newStore(t, r.client(t), redisstore.Options{})}
	kept := takers(t, stores, limit, 200, nil)
	if n, err := r.client(t).Get(t.Context(), "signedurl:uses:{a}").Int64(); n != kept || err != nil || kept < 20 {
		t.Errorf("%d uses are taken, %v; %d were and not given back", n, err, kept)
	}
}

// With an append-only file, a Redis that is killed at any time loses nothing
// that it answered, and a caller that repeats what was not answered counts
// nothing twice. The file need not be synced, since the machine does not die.
func TestUsesAddUpThoughRedisIsKilled(t *testing.T) {
	r := startRedis(t, "--appendonly", "yes", "--appendfsync", "no")
	const limit = 60
	var stores []*redisstore.Store
	for range 2 {
		client := redis.NewClient(&redis.Options{Addr: r.addr, ContextTimeoutEnabled: true, DialerRetries: 1})
		defer client.Close()
		stores = append(stores, newStore(t, client, redisstore.Options{}))
	}
	kept := takers(t, stores, limit, 150, func() {
		for range 4 {
			time.Sleep(50 * time.Millisecond) // in which many are under way
			r.stop(t)
			r.start(t)
		}
	})
	if n, err := r.client(t).Get(t.Context(), "signedurl:uses:{a}").Int64(); n != kept || err != nil || kept < 20 {
		t.Errorf("%d uses are taken, %v; %d were and not given back", n, err, kept)
	}
}

// breaker passes connections on to a server, and breaks some of them when the
// server has answered and the client does not know it yet.
func breaker(t *testing.T, to string, breaks *atomic.Int32) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("tcp", to)
			if err != nil {
				c.Close()
				return
			}
			go func() {
				io.Copy(s, c)
				s.Close()
			}()
			go func() {
				defer c.Close()
				defer s.Close()
				buf := make([]byte, 1<<16)
				for {
					n, err := s.Read(buf)
					// Integers are what the scripts answer.
					if err != nil || (n > 0 && buf[0] == ':' && breaks.Add(-1) >= 0) {
						return
					}
					c.Write(buf[:n])
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestARequestThatIsRepeatedAfterABrokenConnectionCountsOnce(t *testing.T) {
	r := startRedis(t)
	var breaks atomic.Int32
	client := redis.NewClient(&redis.Options{Addr: breaker(t, r.addr, &breaks), ContextTimeoutEnabled: true})
	defer client.Close()
	store := newStore(t, client, redisstore.Options{})
	direct := r.client(t)
	used := func(want int) {
		t.Helper()
		if n, err := direct.Get(t.Context(), "signedurl:uses:{a}").Int(); n != want || err != nil {
			t.Errorf("%d uses are taken, %v; want %d", n, err, want)
		}
	}
	use := func(n int) middleware.Use {
		return middleware.Use{
			ID: "a", Limit: 2, Expires: time.Now().Add(time.Hour), Nonce: nonce(n), Window: time.Hour, Client: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 32),
		}
	}
	for _, n := range []int{1, 2} {
		breaks.Store(2)
		if got := answer(store.Take(t.Context(), use(n))); got != "yes" || breaks.Load() >= 0 {
			t.Errorf("use %d: %s, %d connections were not broken", n, got, breaks.Load()+1)
		}
		used(n)
	}
	breaks.Store(2)
	if err := store.GiveBack(t.Context(), use(1)); err != nil || breaks.Load() >= 0 {
		t.Errorf("giving back: %v, %d connections were not broken", err, breaks.Load()+1)
	}
	used(1)
	// A request that passes for free takes nothing, repeated or not.
	breaks.Store(2)
	free := use(2)
	free.Nonce = nonce(3)
	if got := answer(store.Take(t.Context(), free)); got != "yes" {
		t.Error(got)
	}
	used(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.GiveBack(ctx, use(2)); err == nil {
		t.Error("a request that has ended gives back")
	}
}
