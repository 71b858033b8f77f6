// Command cluster proves that several gateways behave as one, also when parts of
// what they stand on fail. It starts three of them, a Redis cluster of three
// masters with a replica each, an S3 server and HAProxy, all on loopback, races
// links with limited uses through all gateways, and then keeps a load while it
// kills each part in turn:
//
//	go run . [-short]
//
// It builds the gateway from the directory beside it, and versitygw from the Go
// proxy. It prints a table, and its exit code is 1 if something happened that must not:
// a use too many, a revoked link that was served too late, an upload that was
// lost or torn, a good link that was refused, or a forged one that was not. It
// needs redis-server, redis-cli and haproxy, and to be run in its own directory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

func main() {
	short := flag.Bool("short", false, "fewer links and shorter phases")
	clients := flag.Int("clients", 32, "ask with this `number` of clients at once")
	flag.Parse()
	if err := run(*short, *clients); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(short bool, clients int) error {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &cluster{dir: dir, bin: dir}
	defer c.stop()
	old, err := middleware.GenerateHMACKey("old")
	if err != nil {
		return err
	}
	fresh, err := middleware.GenerateHMACKey("new")
	if err != nil {
		return err
	}
	for _, step := range []func() error{c.build, func() error { return c.startRedis(ctx) }, c.startS3,
		func() error {
			return os.WriteFile(filepath.Join(dir, "buckets/files/plain"), content, 0o600)
		},
		func() error { return c.startGateways(old) }, c.startFront} {
		if err := step(); err != nil {
			return err
		}
	}
	l := newLoad(c.front.addr)
	if err := l.sign(old); err != nil {
		return err
	}
	mirror, err := redisstore.NewMirror(c.client, nil)
	if err != nil {
		return err
	}

	n := 2000
	length := 15 * time.Second
	if short {
		n, length = 200, 8*time.Second
	}
	exact := l.race(ctx, n, clients)
	fmt.Printf("%d links with %d uses, raced through three gateways: %d were served exactly %d times\n\n", n, usesEach, exact, usesEach)
	failed := exact != n

	go revokeAll(ctx, mirror, l)
	restart := func(p *part, ready func() error) func() error {
		return func() error {
			p.end(syscall.SIGKILL)
			time.Sleep(length / 5)
			if err := p.start(); err != nil {
				return err
			}
			return ready()
		}
	}
	phases := []struct {
		name  string
		fault func() error
	}{
		{"nothing", func() error { return nil }},
		{"a gateway is killed", restart(c.gateways[0], func() error { return c.gateways[0].reached("/readyz") })},
		{"a master of Redis is killed", restart(c.redis[0], c.redis[0].listens)},
		{"the S3 server is killed", restart(c.s3, c.s3.listens)},
		{"HAProxy is killed", restart(c.front, c.front.listens)},
		{"new keys, and a rolling restart", func() error { return c.rotate(l, old, fresh) }},
	}
	fmt.Println("| what happens | requests | a second | errors | longest time without service |")
	fmt.Println("|---|---|---|---|---|")
	for _, phase := range phases {
		requests, errs, gap, took, err := l.phase(ctx, clients, length, phase.fault)
		if err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
		fmt.Printf("| %s | %d | %.0f | %s | %v |\n", phase.name, requests, float64(requests)/took.Seconds(), kinds(errs), gap.Round(time.Millisecond))
	}
	promised, lost := l.verify(ctx)
	fmt.Printf("\n| must be 0 | |\n|---|---|\n| uses over the limit, of %d links | %d |\n| revoked and served after %v, of %d links | %d |\n| uploads lost, of %d | %d |\n| uploads torn | %d |\n| good links refused, forged ones served | %d |\n",
		len(l.uses), l.tooMany.Load(), maxStale, len(l.revoked), l.stale.Load(), promised, lost, l.torn.Load(), l.wrong.Load())
	if failed || l.tooMany.Load()+l.stale.Load()+l.torn.Load()+l.wrong.Load() > 0 || lost > 0 || promised == 0 || len(l.revoked) == 0 {
		return fmt.Errorf("what must not happen has happened, or nothing has")
	}
	return nil
}

// sign makes the load sign with a key.
func (l *load) sign(key string) error {
	keys, err := middleware.ParseKeyring(key)
	if err != nil {
		return err
	}
	links, err := middleware.NewURLBuilder("/files/", keys)
	if err != nil {
		return err
	}
	l.links.Store(links)
	return nil
}

// race asks twelve times at once for each of n links with five uses, and returns
// how many were served exactly five times.
func (l *load) race(ctx context.Context, n, clients int) int {
	var wg sync.WaitGroup
	next := make(chan int)
	for range clients {
		wg.Go(func() {
			for i := range next {
				l.take(ctx, fmt.Sprintf("race-%d", i))
			}
		})
	}
	for i := range n {
		for range 12 {
			next <- i
		}
	}
	close(next)
	wg.Wait()
	exact := 0
	for i := range n {
		if l.uses[fmt.Sprintf("race-%d", i)] == usesEach {
			exact++
		}
	}
	return exact
}

// revokeAll revokes ten links a second.
func revokeAll(ctx context.Context, mirror *redisstore.Mirror, l *load) {
	for i := 0; ; i++ {
		time.Sleep(100 * time.Millisecond)
		id := fmt.Sprintf("revoked-%d", i)
		within, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := mirror.Revoke(within, id, time.Now().Add(2*time.Hour))
		cancel()
		if err == nil { // otherwise nobody was promised anything
			l.mu.Lock()
			l.revoked[id] = time.Now()
			l.mu.Unlock()
		}
	}
}

// phase keeps a load while something happens, for a time and until that is over.
func (l *load) phase(ctx context.Context, clients int, length time.Duration, fault func() error) (requests int, errs map[string]int, gap, took time.Duration, err error) {
	l.mu.Lock()
	l.requests, l.errors, l.gap = 0, map[string]int{}, 0
	l.mu.Unlock()
	begin := time.Now()
	within, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { l.run(within, clients) })
	time.Sleep(length / 5)
	err = fault()
	if rest := length - time.Since(begin); rest > 0 {
		time.Sleep(rest)
	}
	end := time.Now()
	cancel()
	wg.Wait()
	took = end.Sub(begin)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, l.errors, max(l.gap, end.Sub(l.served)), took, err
}

// rotate gives all gateways a new key, one by one, signs with it, and then takes
// the old one away.
func (c *cluster) rotate(l *load, old, fresh string) error {
	for _, keys := range []string{old + "\n" + fresh, fresh + "\n" + old} {
		for i, name := range []string{"a", "b", "c"} {
			if err := os.WriteFile(filepath.Join(c.dir, "keys-"+name), []byte(keys), 0o600); err != nil {
				return err
			}
			g := c.gateways[i]
			g.end(syscall.SIGTERM)
			if err := g.start(); err != nil {
				return err
			}
			if err := g.reached("/readyz"); err != nil {
				return err
			}
			time.Sleep(2 * time.Second) // HAProxy looks every second
		}
		if err := l.sign(fresh); err != nil {
			return err
		}
	}
	return nil
}
