//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// answer is what a store said, in one word.
func answer(ok bool, err error) string {
	switch {
	case err != nil && ok:
		return "yes, and an error"
	case err != nil:
		return "error"
	case ok:
		return "yes"
	}
	return "no"
}

// done is whether a store did what it was asked, in one word.
func done(err error) string { return answer(err == nil, err) }

func TestTake(t *testing.T) {
	const (
		alice = "192.0.2.1/32"
		bob   = "2001:db8::/64"
	)
	type take struct {
		id     string
		limit  int
		window time.Duration
		client string
		want   string
	}
	tests := []struct {
		name  string
		takes []take
	}{
		{"a link with one use is good for one", []take{
			{id: "a", limit: 1, want: "yes"},
			{id: "a", limit: 1, want: "no"},
			{id: "a", limit: 1, want: "no"},
		}},
		{"a question about the window takes nothing", []take{
			{id: "a", limit: 0, window: time.Hour, client: alice, want: "no"},
			{id: "a", limit: 0, want: "no"},
			{id: "a", limit: 1, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 0, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 0, window: time.Hour, client: bob, want: "no"},
			{id: "a", limit: 0, want: "no"},
			{id: "a", limit: 2, window: time.Hour, client: bob, want: "yes"},
			{id: "a", limit: 2, want: "no"},
		}},
		{"ids are counted apart", []take{
			{id: "a", limit: 1, want: "yes"},
			{id: "b", limit: 2, want: "yes"},
			{id: "b", limit: 2, want: "yes"},
			{id: "b", limit: 2, want: "no"},
			{id: "A", limit: 1, want: "yes"},
		}},
		{"ids that a cluster or a key would misread are counted apart", []take{
			{id: "}", limit: 1, want: "yes"},
			{id: "{}", limit: 1, want: "yes"},
			{id: "%7D", limit: 1, want: "yes"},
			{id: "%257D", limit: 1, want: "yes"},
			{id: "}", limit: 1, want: "no"},
			{id: "{}", limit: 1, want: "no"},
			{id: "a", limit: 1, window: time.Hour, client: alice, want: "yes"},
			{id: "a}:" + alice, limit: 1, want: "yes"},
			{id: "a:" + alice, limit: 1, want: "yes"},
		}},
		{"the limit of the call counts", []take{
			{id: "a", limit: 2, want: "yes"},
			{id: "a", limit: 1, want: "no"},
			{id: "a", limit: 2, want: "yes"},
			{id: "a", limit: 3, want: "yes"},
			{id: "a", limit: 3, want: "no"},
		}},
		{"a limit below one has no use", []take{
			{id: "a", limit: 0, want: "no"},
			{id: "a", limit: -1, want: "no"},
		}},
		{"a window is open though the id has no use left", []take{
			{id: "a", limit: 1, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 1, window: time.Hour, client: bob, want: "no"},
			{id: "a", limit: 1, window: time.Hour, client: alice, want: "yes"},
		}},
		{"a window is for one client and one id", []take{
			{id: "a", limit: 2, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 2, window: time.Hour, client: bob, want: "yes"},
			{id: "a", limit: 2, window: time.Hour, client: "192.0.2.2/32", want: "no"},
			{id: "a", limit: 2, window: time.Hour, client: "2001:db8:0:1::/64", want: "no"},
			{id: "b", limit: 1, window: time.Hour, client: alice, want: "yes"},
			{id: "b", limit: 1, window: time.Hour, client: bob, want: "no"},
		}},
		{"a refused request opens no window", []take{
			{id: "a", limit: 1, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 1, window: time.Hour, client: bob, want: "no"},
			{id: "a", limit: 1, window: time.Hour, client: bob, want: "no"},
		}},
		{"a request without a window takes a use in one", []take{
			{id: "a", limit: 2, window: time.Hour, client: alice, want: "yes"},
			{id: "a", limit: 2, want: "yes"},
			{id: "a", limit: 2, want: "no"},
		}},
		{"what makes no sense is an error", []take{
			{id: "", limit: 1, want: "error"},
			{id: "a", limit: 1, window: time.Hour, want: "error"},
		}},
	}
	client := startRedis(t).client(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := newStore(t, client, redisstore.Options{Prefix: fmt.Sprintf("test-%d:", i)})
			var got, want []string
			for _, k := range tt.takes {
				u := middleware.Use{ID: k.id, Limit: k.limit, Expires: time.Now().Add(time.Hour), Window: k.window}
				if k.client != "" {
					u.Client = netip.MustParsePrefix(k.client)
				}
				got = append(got, answer(store.Take(t.Context(), u)))
				want = append(want, k.want)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("answers (-want +got):\n%s", d)
			}
		})
	}
	expired := middleware.Use{ID: "expired", Limit: 1, Expires: time.Now()}
	if got := answer(newStore(t, client, redisstore.Options{}).Take(t.Context(), expired)); got != "error" {
		t.Errorf("a use of an expired link: %s, want error", got)
	}
}

// near reports whether a key expires after d, or up to a minute before, which
// is for a machine that is busy.
func near(t *testing.T, c *redis.Client, key string, d time.Duration) {
	t.Helper()
	got, err := c.PTTL(t.Context(), key).Result()
	if err != nil || got > d || got < d-time.Minute {
		t.Errorf("%s expires in %v, %v; want %v", key, got, err, d)
	}
}

func TestACountExpiresWithTheLatestLinkOfItsID(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	const key = "signedurl:uses:{a}"
	take := func(limit int, life time.Duration) string {
		return answer(store.Take(t.Context(), middleware.Use{ID: "a", Limit: limit, Expires: time.Now().Add(life)}))
	}
	got := []string{take(2, 2*time.Hour)}
	near(t, client, key, 2*time.Hour)
	got = append(got, take(2, time.Hour))
	near(t, client, key, 2*time.Hour)
	got = append(got, take(2, 3*time.Hour)) // refused, and yet noted
	near(t, client, key, 3*time.Hour)
	client.Persist(t.Context(), key) // by whoever had a reason
	got = append(got, take(3, 4*time.Hour))
	if left, err := client.PTTL(t.Context(), key).Result(); err != nil || left != -1 {
		t.Errorf("a count that was kept for ever expires in %v, %v", left, err)
	}
	client.Del(t.Context(), key) // as at its expiry
	got = append(got, take(1, time.Hour))
	near(t, client, key, time.Hour)
	if d := cmp.Diff([]string{"yes", "yes", "no", "yes", "yes"}, got); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
}

func TestRevocations(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	const key = "signedurl:revoked:{a}"
	revoke := func(until time.Time) {
		t.Helper()
		if err := store.Revoke(t.Context(), "a", until); err != nil {
			t.Error(err)
		}
	}
	ask := func(want bool) {
		t.Helper()
		if got, err := store.Revoked(t.Context(), "a"); err != nil || got != want {
			t.Errorf("a is revoked: %v, %v; want %v", got, err, want)
		}
	}
	ask(false)
	revoke(time.Now())
	ask(false)
	revoke(time.Now().Add(2 * time.Hour))
	ask(true)
	near(t, client, key, 2*time.Hour)
	revoke(time.Now().Add(time.Hour))
	near(t, client, key, 2*time.Hour)
	revoke(time.Now().Add(3 * time.Hour))
	near(t, client, key, 3*time.Hour)
	for _, until := range []time.Time{{}, time.Now().Add(time.Hour)} {
		revoke(until)
		ask(true)
		if left, err := client.PTTL(t.Context(), key).Result(); err != nil || left != -1 {
			t.Errorf("what was revoked for ever expires in %v, %v", left, err)
		}
	}
	client.Del(t.Context(), key)
	ask(false)
	if ok, err := store.Revoked(t.Context(), "b"); ok || err != nil {
		t.Errorf("b: %v, %v", ok, err)
	}
	if err := store.Revoke(t.Context(), "", time.Time{}); err == nil {
		t.Error("revoking the empty id is no error")
	}
}

func TestTwoProcessesRaceForOneUse(t *testing.T) {
	addr := startRedis(t).addr
	bases := []string{startVerifier(t, addr), startVerifier(t, addr)}
	for round := range 5 {
		u := link(t, middleware.Claims{ID: fmt.Sprint("round-", round), Uses: 1})
		var served, refused, other atomic.Int32
		var all sync.WaitGroup
		start := make(chan struct{})
		for i := range 50 {
			all.Go(func() {
				<-start
				status, body := get(t, bases[i%2]+u.String())
				switch {
				case status == 200 && body == content:
					served.Add(1)
				case status == 404 && !strings.Contains(body, content):
					refused.Add(1)
				default:
					other.Add(1)
				}
			})
		}
		close(start)
		all.Wait()
		got := [3]int32{served.Load(), refused.Load(), other.Load()}
		if got != [3]int32{1, 49, 0} {
			t.Errorf("round %d: served, refused and other are %d; want 1, 49 and 0", round, got)
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	if resp.StatusCode >= 400 && resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d has Cache-Control %q", resp.StatusCode, resp.Header.Get("Cache-Control"))
	}
	return resp.StatusCode, string(body)
}

func TestNothingIsServedWhileRedisIsDown(t *testing.T) {
	r := startRedis(t)
	client := redis.NewClient(&redis.Options{Addr: r.addr, ContextTimeoutEnabled: true, DialerRetries: 1})
	defer client.Close()
	store := newStore(t, client, redisstore.Options{})
	s := httptest.NewServer(newHandler(store, 0))
	defer s.Close()
	limited := s.URL + link(t, middleware.Claims{ID: "limited", Uses: 1000}).String()
	unlimited := s.URL + link(t, middleware.Claims{ID: "unlimited"}).String()
	free := s.URL + link(t, middleware.Claims{}).String()

	want := func(url string, status int) {
		t.Helper()
		got, body := get(t, url)
		if got != status || (body == content) != (status == 200) {
			t.Errorf("%d %q; want %d", got, body, status)
		}
	}
	for range 2 {
		want(limited, 200)
		want(unlimited, 200)
		r.stop(t)
		for range 3 {
			want(limited, 503)
			want(unlimited, 503) // it could have been revoked
			want(free, 200)      // it asks for nothing
		}
		if err := store.Check(t.Context()); err == nil {
			t.Error("Check finds nothing wrong with a Redis that is down")
		}
		r.start(t)
		// The client looks for it once a second.
		await(t, func() error { return store.Check(t.Context()) })
		want(limited, 200)
		want(unlimited, 200)
	}
}

func TestARedisThatHangsIsWaitedForNoLongerThanSaid(t *testing.T) {
	r := startRedis(t)
	store := newStore(t, r.client(t), redisstore.Options{Timeout: 500 * time.Millisecond})
	h := newHandler(store, 0)
	try := func(ctx context.Context) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", link(t, middleware.Claims{ID: "a", Uses: 1000}).String(), nil))
		return w.Code
	}
	if got := try(t.Context()); got != 200 {
		t.Fatalf("at first: %d", got)
	}
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// Without the store's own timeout, the client's would let this take twelve
	// seconds and more.
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if got := try(ctx); got != 503 || ctx.Err() != nil {
		t.Errorf("%d, %v; want 503 before the request ends", got, ctx.Err())
	}
	if err := r.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := try(ended); got != 503 {
		t.Errorf("a request that has ended: %d, want 503", got)
	}
}

// A player fetches a file in ranges, over many connections, and is one use.
func TestRangesOfOneClientAreOneUse(t *testing.T) {
	client := startRedis(t).client(t)
	const window = 10 * time.Minute
	h := newHandler(newStore(t, client, redisstore.Options{}), window)
	u := link(t, middleware.Claims{ID: "film-7", Uses: 2}).String()
	get := func(method, from, ranges string, want int) {
		t.Helper()
		r := httptest.NewRequest(method, u, nil)
		r.RemoteAddr = from
		if ranges != "" {
			r.Header.Set("Range", ranges)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s %s from %s: %d, want %d", method, ranges, from, w.Code, want)
		}
	}
	const key = "signedurl:uses:{film-7}:192.0.2.1/32"
	get("HEAD", "192.0.2.9:1000", "", 200)
	get("GET", "192.0.2.1:1000", "bytes=0-1", 206)
	near(t, client, key, window)
	client.PExpire(t.Context(), key, window/2) // as if five minutes had gone by
	get("GET", "192.0.2.1:1001", "bytes=2-3", 206)
	get("GET", "192.0.2.1:1002", "bytes=4-", 206)
	near(t, client, key, window/2) // and was not prolonged
	get("GET", "[2001:db8::1]:1000", "", 200)
	get("GET", "[2001:db8::2]:1000", "", 200) // the same network of 64 bits
	get("GET", "192.0.2.2:1000", "", 404)
	get("GET", "[2001:db8:0:1::1]:1000", "", 404)
	get("GET", "192.0.2.1:1003", "bytes=0-1", 206)
	client.Del(t.Context(), key) // as if the window had ended
	get("GET", "192.0.2.1:1004", "bytes=2-3", 404)
	get("HEAD", "192.0.2.1:1005", "", 200)
	get("GET", "[2001:db8::3]:1000", "bytes=2-3", 206)
	if n, err := client.Get(t.Context(), "signedurl:uses:{film-7}").Int(); err != nil || n != 2 {
		t.Errorf("%d uses were taken, %v; want 2", n, err)
	}
}

// trips counts how often Redis is asked.
type trips struct{ n atomic.Int32 }

func (*trips) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.n.Add(1)
		return next(ctx, cmd)
	}
}
func (h *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.n.Add(100)
		return next(ctx, cmds)
	}
}

func TestEachQuestionIsOneRoundTrip(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	ask := func() {
		t.Helper()
		u := middleware.Use{ID: "a", Limit: 5, Expires: time.Now().Add(time.Hour), Nonce: nonce(1), Window: 1, Client: netip.MustParsePrefix("192.0.2.1/32")}
		if _, err := store.Take(t.Context(), u); err != nil {
			t.Error(err)
		}
		if err := store.GiveBack(t.Context(), u); err != nil {
			t.Error(err)
		}
		if _, err := store.Revoked(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		if err := store.Revoke(t.Context(), "b", time.Time{}); err != nil {
			t.Error(err)
		}
	}
	ask()
	var h trips
	client.AddHook(&h)
	for range 10 {
		ask()
	}
	if n := h.n.Load(); n != 40 {
		t.Errorf("40 questions made %d round trips", n)
	}
	if err := store.GiveBack(t.Context(), middleware.Use{ID: "a", Limit: 5, Expires: time.Now().Add(time.Hour)}); err != nil || h.n.Load() != 40 {
		t.Errorf("giving back a use without a nonce, which is never there, asks: %v", err)
	}
	// After a restart the server does not know the scripts.
	client.ScriptFlush(t.Context())
	h.n.Store(0)
	ask()
	ask()
	if n := h.n.Load(); n != 12 {
		t.Errorf("8 questions made %d round trips where the scripts were forgotten; want 12", n)
	}
}

func TestStoresShareAPrefix(t *testing.T) {
	r := startRedis(t)
	use := middleware.Use{ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour)}
	var got []string
	for _, prefix := range []string{"", "signedurl:", "x:", "x:", "y{z}:"} {
		store := newStore(t, r.client(t), redisstore.Options{Prefix: prefix})
		got = append(got, answer(store.Take(t.Context(), use)))
	}
	if d := cmp.Diff([]string{"yes", "no", "yes", "no", "yes"}, got); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
}

func TestWhatRedisCannotDoIsAnError(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	ctx := t.Context()
	take := func(id string) string {
		return answer(store.Take(ctx, middleware.Use{ID: id, Limit: 9, Expires: time.Now().Add(time.Hour)}))
	}
	client.Set(ctx, "signedurl:uses:{text}", "many", 0)
	client.LPush(ctx, "signedurl:uses:{list}", "1")
	got := []string{take("text"), take("list"), take("old")}

	if err := client.ConfigSet(ctx, "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(ctx); err != nil {
		t.Errorf("Check of a Redis that is full and does not evict: %v", err)
	}
	got = append(got, take("new"), take("old"), done(store.Revoke(ctx, "r", time.Time{})))
	client.ConfigSet(ctx, "maxmemory", "0")
	got = append(got, take("new"))
	if n, _ := client.Get(ctx, "signedurl:uses:{old}").Int(); n < 1 {
		t.Errorf("the count of old is %d", n)
	}

	if err := client.ReplicaOf(ctx, "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(ctx); err == nil || !strings.Contains(err.Error(), "master") {
		t.Errorf("Check of a replica: %v", err)
	}
	got = append(got, take("old"))
	if d := cmp.Diff([]string{"error", "error", "yes", "error", "error", "error", "yes", "error"}, got); d != "" {
		t.Errorf("answers (-want +got):\n%s", d)
	}
}

// A cluster runs a script only if all its keys are in one slot, whatever the id
// is.
func TestAClusterKeepsTheKeysOfAnIDTogether(t *testing.T) {
	r := startRedis(t, "--cluster-enabled", "yes")
	if err := r.client(t).ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{r.addr}, ContextTimeoutEnabled: true, ClusterStateReloadInterval: time.Second})
	defer cluster.Close()
	for _, prefix := range []string{"", "{slot}", "p{", "p}"} {
		store := newStore(t, cluster, redisstore.Options{Prefix: prefix})
		await(t, func() error { _, err := store.Revoked(t.Context(), "a"); return err })
		if err := store.Check(t.Context()); err != nil {
			t.Error(err)
		}
		for _, id := range []string{"a", "}", "{", "{}", "}{", "{a}", "a}b{c", "%7D"} {
			u := middleware.Use{
				ID: id, Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(1), Window: time.Hour, Client: netip.MustParsePrefix("2001:db8::/64"),
			}
			given := answer(store.Take(t.Context(), u))
			if err := store.GiveBack(t.Context(), u); err != nil {
				t.Errorf("prefix %q, id %q: giving back: %v", prefix, id, err)
			}
			u.Nonce = nonce(2)
			first := answer(store.Take(t.Context(), u))
			u.Nonce = nonce(3)
			second := answer(store.Take(t.Context(), u))
			u.Client = netip.MustParsePrefix("192.0.2.1/32")
			third := answer(store.Take(t.Context(), u))
			before := answer(store.Revoked(t.Context(), id))
			err := store.Revoke(t.Context(), id, time.Time{})
			after := answer(store.Revoked(t.Context(), id))
			if d := cmp.Diff([]string{"yes", "yes", "yes", "no", "no", "yes"}, []string{given, first, second, third, before, after}); d != "" || err != nil {
				t.Errorf("prefix %q, id %q: %v, answers (-want +got):\n%s", prefix, id, err, d)
			}
		}
	}
}

func TestCheckLooksAtTheEvictionPolicy(t *testing.T) {
	client := startRedis(t).client(t)
	store := newStore(t, client, redisstore.Options{})
	tests := []struct {
		maxmemory, policy string
		good              bool
	}{
		{"0", "noeviction", true},
		{"0", "allkeys-lru", true},
		{"100mb", "noeviction", true},
		{"100mb", "allkeys-lru", false},
		{"100mb", "volatile-ttl", false},
		{"100mb", "volatile-lfu", false},
	}
	for _, tt := range tests {
		for name, value := range map[string]string{"maxmemory": tt.maxmemory, "maxmemory-policy": tt.policy} {
			if err := client.ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
		err := store.Check(t.Context())
		if (err == nil) != tt.good || (err != nil && !strings.Contains(err.Error(), tt.policy)) {
			t.Errorf("maxmemory %s, policy %s: %v", tt.maxmemory, tt.policy, err)
		}
	}
}
