//go:build unix

package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// maxStale is short, so that the tests are.
const maxStale = time.Second

// newMirror returns a mirror that follows until the test ends.
func newMirror(t testing.TB, c redis.UniversalClient, opts redisstore.MirrorOptions) *redisstore.Mirror {
	t.Helper()
	if opts.MaxStale == 0 {
		opts.MaxStale = maxStale
	}
	m, err := redisstore.NewMirror(c, &opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() { m.Follow(ctx); close(over) }()
	t.Cleanup(func() { stop(); <-over })
	return m
}

// known waits until a mirror says something about an ID: "yes", "no" or "stale".
func known(t testing.TB, m *redisstore.Mirror, id, want string) {
	t.Helper()
	await(t, func() error {
		if got := says(m, id); got != want {
			return fmt.Errorf("%s is revoked: %s, want %s", id, got, want)
		}
		return nil
	})
}

func says(m *redisstore.Mirror, id string) string {
	switch yes, err := m.Revoked(context.Background(), id); {
	case yes:
		return "yes"
	case err != nil:
		return "stale"
	}
	return "no"
}

func revoke(t testing.TB, m *redisstore.Mirror, ids ...string) {
	t.Helper()
	for _, id := range ids {
		await(t, func() error { return m.Revoke(t.Context(), id, time.Now().Add(time.Hour)) })
	}
}

func TestMirrorsHearOfRevocations(t *testing.T) {
	c := startRedis(t).client(t)
	writer, err := redisstore.NewMirror(c, nil) // which does not follow
	if err != nil {
		t.Fatal(err)
	}
	if got := says(writer, "a"); got != "stale" {
		t.Errorf("a mirror that does not follow says %s", got)
	}
	revoke(t, writer, "before")
	if err := writer.Revoke(t.Context(), "for ever", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := writer.Revoke(t.Context(), "long ago", time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	var mirrors []*redisstore.Mirror
	for range 5 {
		mirrors = append(mirrors, newMirror(t, c, redisstore.MirrorOptions{}))
	}
	other := newMirror(t, c, redisstore.MirrorOptions{Prefix: "other:"})
	for _, m := range mirrors {
		known(t, m, "a", "no")
		known(t, m, "before", "yes")
		known(t, m, "for ever", "yes")
		known(t, m, "long ago", "no")
	}
	revoke(t, writer, "a", "b", "{c}", "ä%")
	if err := writer.Revoke(t.Context(), "soon over", time.Now().Add(1500*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for _, m := range mirrors {
		for _, id := range []string{"a", "b", "{c}", "ä%", "soon over"} {
			known(t, m, id, "yes")
		}
		known(t, m, "d", "no")
	}
	known(t, other, "a", "no")
	for _, m := range mirrors {
		known(t, m, "soon over", "no") // its links have expired
		known(t, m, "a", "yes")
	}
	// Through a verifier.
	v, err := middleware.NewVerifier(newRing(), &middleware.Options{Revocations: mirrors[0]})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"a": "revoked", "z": "ok"} {
		_, err := v.Verify(httptest.NewRequest("GET", link(t, middleware.Claims{ID: id}).String(), nil))
		if got := middleware.Reason(err); got != want {
			t.Errorf("a link with the ID %s: %s, want %s", id, got, want)
		}
	}
}

func TestAMirrorThatEndsRefuses(t *testing.T) {
	c := startRedis(t).client(t)
	m, err := redisstore.NewMirror(c, &redisstore.MirrorOptions{MaxStale: maxStale})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- m.Follow(ctx) }()
	known(t, m, "a", "no")
	stop()
	if err := <-over; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow returned %v", err)
	}
	known(t, m, "a", "stale")
	var zero redisstore.Mirror
	if _, err := zero.Revoked(t.Context(), "a"); err == nil {
		t.Error("a zero mirror says no")
	}
	if err := zero.Follow(t.Context()); err == nil {
		t.Error("a zero mirror follows")
	}
	if err := zero.Revoke(t.Context(), "a", time.Time{}); err == nil {
		t.Error("a zero mirror revokes")
	}
}

// wire is a connection to Redis that can be cut, and lead elsewhere.
type wire struct {
	addr string
	mu   sync.Mutex
	to   string // "" if it is cut
	open map[net.Conn]bool
	// ahead is by how much the clock of Redis is ahead, as it tells it.
	ahead atomic.Int64
}

// clock is the time of a Redis server in its reply, in seconds.
var clock = regexp.MustCompile(`\$10\r\n[0-9]{10}\r\n`)

// replies passes replies on, with another time.
func (w *wire) replies(to, from net.Conn) {
	defer to.Close()
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		reply := clock.ReplaceAllFunc(buffer[:n], func(b []byte) []byte {
			seconds, _ := strconv.ParseInt(string(b[5:15]), 10, 64)
			return fmt.Appendf(nil, "$10\r\n%010d\r\n", seconds+w.ahead.Load()/int64(time.Second))
		})
		if _, err := to.Write(reply); err != nil {
			return
		}
	}
}

func newWire(t testing.TB, to string) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: ln.Addr().String(), to: to, open: map[net.Conn]bool{}}
	t.Cleanup(func() { ln.Close(); w.lead("") })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			to := w.to
			w.mu.Unlock()
			if to == "" {
				continue // it is accepted, and nothing comes back
			}
			there, err := net.Dial("tcp", to)
			if err != nil {
				conn.Close()
				continue
			}
			w.mu.Lock()
			w.open[conn], w.open[there] = true, true
			w.mu.Unlock()
			go func() { io.Copy(there, conn); there.Close() }()
			go w.replies(conn, there)
		}
	}()
	return w
}

// lead breaks all connections, and leads new ones to an address.
func (w *wire) lead(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
	for conn := range w.open {
		conn.Close()
	}
	clear(w.open)
}

func clientOf(t testing.TB, addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, DialTimeout: 200 * time.Millisecond, DialerRetries: 1})
	t.Cleanup(func() { c.Close() })
	return c
}

// What each fault does to Redis while the mirror does not see it, and after.
func TestWhatRedisLosesIsKept(t *testing.T) {
	for _, test := range []struct {
		name string
		// fault happens while the mirror is cut off. It returns where Redis is.
		fault func(t *testing.T, s *server, direct *redisstore.Mirror) (addr string)
		// heard are IDs that the mirror must know of afterwards.
		heard []string
	}{
		{"nothing", func(t *testing.T, s *server, direct *redisstore.Mirror) string { return s.addr }, nil},
		{"revocations meanwhile", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			revoke(t, direct, "x", "y", "z")
			return s.addr
		}, []string{"x", "y", "z"}},
		{"the log is trimmed", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			revoke(t, direct, "x", "y", "z")
			if err := s.client(t).XTrimMaxLen(t.Context(), "signedurl:feed:{revocations}:log", 1).Err(); err != nil {
				t.Fatal(err)
			}
			return s.addr
		}, []string{"x", "y", "z"}},
		{"the log is gone", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			revoke(t, direct, "x", "y")
			if err := s.client(t).Del(t.Context(), "signedurl:feed:{revocations}:log").Err(); err != nil {
				t.Fatal(err)
			}
			return s.addr
		}, []string{"x", "y"}},
		{"Redis is empty", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			if err := s.client(t).FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			return s.addr
		}, nil},
		{"Redis is empty and goes on", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			if err := s.client(t).FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			revoke(t, direct, "x", "y", "z", "w", "v") // more than there were
			return s.addr
		}, []string{"x", "y", "z", "w", "v"}},
		{"Redis is killed and starts empty", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			s.cmd.Process.Kill()
			s.cmd.Wait()
			s.start(t)
			revoke(t, direct, "x")
			return s.addr
		}, []string{"x"}},
		{"Redis is killed and starts with an old snapshot", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			if err := s.client(t).Do(t.Context(), "SAVE").Err(); err != nil {
				t.Fatal(err)
			}
			revoke(t, direct, "lost", "lost too") // the mirror does not hear of these
			s.cmd.Process.Kill()
			s.cmd.Wait()
			s.start(t)
			revoke(t, direct, "x", "y", "z") // with the numbers of those that were lost
			return s.addr
		}, []string{"x", "y", "z"}},
		{"a replica that lagged takes over", func(t *testing.T, s *server, direct *redisstore.Mirror) string {
			replica := startRedis(t)
			c := replica.client(t)
			host, port, _ := net.SplitHostPort(s.addr)
			if err := c.Do(t.Context(), "REPLICAOF", host, port).Err(); err != nil {
				t.Fatal(err)
			}
			await(t, func() error {
				if n, err := c.ZCard(t.Context(), "signedurl:feed:{revocations}:set").Result(); err != nil || n < 2 {
					return fmt.Errorf("%d, %v", n, err)
				}
				return nil
			})
			if err := c.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err(); err != nil {
				t.Fatal(err)
			}
			revoke(t, direct, "lost") // by the old master
			there, err := redisstore.NewMirror(clientOf(t, replica.addr), nil)
			if err != nil {
				t.Fatal(err)
			}
			revoke(t, there, "x", "y")
			return replica.addr
		}, []string{"x", "y"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := startRedis(t)
			w := newWire(t, s.addr)
			direct, err := redisstore.NewMirror(clientOf(t, s.addr), nil)
			if err != nil {
				t.Fatal(err)
			}
			m := newMirror(t, clientOf(t, w.addr), redisstore.MirrorOptions{})
			revoke(t, direct, "a", "b")
			known(t, m, "a", "yes")
			known(t, m, "b", "yes")
			w.lead("")
			known(t, m, "c", "stale")
			known(t, m, "a", "yes") // however long it is cut off
			w.lead(test.fault(t, s, direct))
			known(t, m, "c", "no")
			for _, id := range append([]string{"a", "b"}, test.heard...) {
				if got := says(m, id); got != "yes" {
					t.Errorf("%s is revoked: %s", id, got)
				}
			}
			revoke(t, m, "after")
			known(t, m, "after", "yes")
			known(t, m, "c", "no")
		})
	}
}

// However Redis ails, nothing is accepted that was revoked longer than maxStale ago.
func TestNothingThatWasRevokedIsAcceptedLate(t *testing.T) {
	s := startRedis(t)
	w := newWire(t, s.addr)
	direct, err := redisstore.NewMirror(clientOf(t, s.addr), nil)
	if err != nil {
		t.Fatal(err)
	}
	m := newMirror(t, clientOf(t, w.addr), redisstore.MirrorOptions{})
	known(t, m, "nothing", "no")
	type revoked struct {
		id string
		at time.Time
	}
	var mu sync.Mutex
	var all []revoked
	var late, checks, refused atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { // revokes
		for i := 0; ctx.Err() == nil; i++ {
			id := fmt.Sprint("id-", i)
			c, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			err := direct.Revoke(c, id, time.Now().Add(time.Hour))
			cancel()
			if err == nil {
				mu.Lock()
				all = append(all, revoked{id, time.Now()})
				mu.Unlock()
			}
			time.Sleep(2 * time.Millisecond)
		}
	})
	work.Go(func() { // checks
		for ctx.Err() == nil {
			mu.Lock()
			list := all[max(0, len(all)-3000):]
			mu.Unlock()
			for _, r := range list {
				before := time.Now()
				yes, err := m.Revoked(ctx, r.id)
				checks.Add(1)
				if err != nil {
					refused.Add(1)
				}
				// A moment for the goroutine to be scheduled.
				if !yes && err == nil && before.Sub(r.at) > maxStale+100*time.Millisecond {
					late.Add(1)
				}
			}
			time.Sleep(time.Millisecond)
		}
	})
	for _, fault := range []func(){
		func() { s.cmd.Process.Signal(syscall.SIGSTOP) }, func() { s.cmd.Process.Signal(syscall.SIGCONT) },
		func() { w.lead("") }, func() { w.lead(s.addr) },
		func() { s.client(t).Do(t.Context(), "CLIENT", "PAUSE", 1500, "ALL") }, func() {},
		func() { s.client(t).XTrimMaxLen(t.Context(), "signedurl:feed:{revocations}:log", 0) }, func() {},
	} {
		fault()
		time.Sleep(1600 * time.Millisecond)
	}
	known(t, m, "nothing", "no") // it is well again
	stop()
	work.Wait()
	if late.Load() != 0 || checks.Load() < 1000 || refused.Load() == 0 {
		t.Errorf("%d of %d checks were late; %d were refused", late.Load(), checks.Load(), refused.Load())
	}
}

func TestAMirrorWantsAMaster(t *testing.T) {
	master := startRedis(t)
	host, port, _ := net.SplitHostPort(master.addr)
	replica := startRedis(t, "--replicaof", host+" "+port)
	var reported atomic.Value
	m := newMirror(t, replica.client(t), redisstore.MirrorOptions{Error: func(err error) {
		if err != nil {
			reported.Store(err.Error())
		}
	}})
	await(t, func() error {
		if reported.Load() == nil {
			return errors.New("nothing was reported")
		}
		return nil
	})
	if got := says(m, "a"); got != "stale" {
		t.Errorf("a mirror of a replica says %s", got)
	}
	if _, err := redisstore.NewMirror(redis.NewClusterClient(&redis.ClusterOptions{ReadOnly: true, ContextTimeoutEnabled: true, ClusterStateReloadInterval: time.Second}), nil); err == nil {
		t.Error("a client that reads from replicas is taken")
	}
	for _, opts := range []redisstore.MirrorOptions{{MaxStale: time.Millisecond}, {MaxStale: -1}, {Max: -1}} {
		if _, err := redisstore.NewMirror(master.client(t), &opts); err == nil {
			t.Errorf("%+v: no error", opts)
		}
	}
}

// An operator who reads "has not heard from Redis" must not have to guess why.
func TestTheErrorOfAMirrorSaysWhatIsWrong(t *testing.T) {
	s := startRedis(t, "--requirepass", "hunter2")
	says := func(m *redisstore.Mirror, want ...string) error {
		t.Helper()
		var got error
		await(t, func() error {
			_, got = m.Revoked(t.Context(), "a")
			for _, text := range want {
				if got == nil || !strings.Contains(got.Error(), text) {
					return fmt.Errorf("the error is %v, want %q in it", got, text)
				}
			}
			return nil
		})
		return got
	}
	with := func(password string) redis.UniversalClient {
		c := redis.NewClient(&redis.Options{Addr: s.addr, Password: password, ContextTimeoutEnabled: true})
		t.Cleanup(func() { c.Close() })
		return c
	}
	if err := says(newMirror(t, with("wrong"), redisstore.MirrorOptions{}), "has not heard from Redis yet", "WRONGPASS"); !redis.IsAuthError(err) {
		t.Errorf("%v does not wrap the error of the client", err)
	}
	m := newMirror(t, with("hunter2"), redisstore.MirrorOptions{})
	known(t, m, "a", "no")
	s.stop(t)
	if err := says(m, "for too long", "refused"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%v does not wrap the error of the client", err)
	}
	s.start(t)
	known(t, m, "a", "no")
}

func TestAMirrorThatIsFullRefuses(t *testing.T) {
	c := startRedis(t).client(t)
	m := newMirror(t, c, redisstore.MirrorOptions{Max: 2})
	revoke(t, m, "a", "b")
	known(t, m, "b", "yes")
	known(t, m, "d", "no")
	revoke(t, m, "c")
	known(t, m, "d", "stale")
	known(t, m, "a", "yes")
}

func TestASetThatIsMalformedIsAnError(t *testing.T) {
	c := startRedis(t).client(t)
	m := newMirror(t, c, redisstore.MirrorOptions{})
	known(t, m, "a", "no")
	if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: "signedurl:feed:{revocations}:log", ID: "1-1", Values: []string{"x", "y"}}).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.HSet(t.Context(), "signedurl:feed:{revocations}:state", "epoch", "e", "seq", "x").Err(); err != nil {
		t.Fatal(err)
	}
	known(t, m, "a", "stale")
	if err := c.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	known(t, m, "a", "no")
	if err := c.Set(t.Context(), "signedurl:feed:{revocations}:set", "no set", 0).Err(); err != nil {
		t.Fatal(err)
	}
	second := newMirror(t, c, redisstore.MirrorOptions{})
	time.Sleep(2 * maxStale)
	if got := says(second, "a"); got != "stale" {
		t.Errorf("a mirror of what is no set says %s", got)
	}
}

// Redis forgets a revocation an hour after its link has expired, by its clock.
func TestAClockThatIsBehindRefuses(t *testing.T) {
	s := startRedis(t)
	w := newWire(t, s.addr)
	m := newMirror(t, clientOf(t, w.addr), redisstore.MirrorOptions{})
	known(t, m, "a", "no")
	w.ahead.Store(int64(20 * time.Minute))
	time.Sleep(maxStale)
	known(t, m, "a", "no")
	w.ahead.Store(int64(2 * time.Hour))
	known(t, m, "a", "stale")
	w.ahead.Store(0)
	known(t, m, "a", "no")
}

func TestACheckOfAMirrorAllocatesNothing(t *testing.T) {
	c := startRedis(t).client(t)
	m := newMirror(t, c, redisstore.MirrorOptions{})
	revoke(t, m, "a")
	known(t, m, "a", "yes")
	known(t, m, "b", "no")
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { m.Revoked(ctx, "a"); m.Revoked(ctx, "b") }); n != 0 {
		t.Errorf("two checks allocate %v times", n)
	}
}

func TestAMirrorFollowsACluster(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster takes a while")
	}
	servers := startCluster(t)
	c := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{servers[0].addr, servers[1].addr, servers[2].addr}, ContextTimeoutEnabled: true,
		ClusterStateReloadInterval: time.Second, DialTimeout: time.Second, DialerRetries: 1,
	})
	defer c.Close()
	m := newMirror(t, c, redisstore.MirrorOptions{})
	revoke(t, m, "a", "b")
	known(t, m, "a", "yes")
	// The master that has them dies, and its replica takes over.
	master, err := c.MasterForKey(t.Context(), "signedurl:feed:{revocations}:set")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range servers[:3] {
		if s.addr == master.Options().Addr {
			s.cmd.Process.Kill()
			s.cmd.Wait()
			s.cmd = nil
		}
	}
	known(t, m, "c", "stale")
	known(t, m, "a", "yes")
	end := time.Now().Add(30 * time.Second)
	for says(m, "c") != "no" && time.Now().Before(end) {
		time.Sleep(50 * time.Millisecond)
	}
	revoke(t, m, "c")
	known(t, m, "c", "yes")
	known(t, m, "b", "yes")
}
