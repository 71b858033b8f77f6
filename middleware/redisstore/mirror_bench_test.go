//go:build unix

package redisstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
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

// mirrorProcess makes the test binary a process with mirrors. It is set to the address of
// Redis, how many they are, and the distance of the revocations that are watched.
const mirrorProcess = "SIGNEDURL_TEST_MIRRORS"

// watch prints the number of each watched revocation that all its mirrors know.
func watch(how string) {
	var addr string
	var mirrors, step int
	if _, err := fmt.Sscan(how, &addr, &mirrors, &step); err != nil {
		panic(err)
	}
	all := make([]*redisstore.Mirror, mirrors)
	for i := range all {
		c := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, PoolSize: 2})
		m, err := redisstore.NewMirror(c, nil)
		if err != nil {
			panic(err)
		}
		go m.Follow(context.Background())
		all[i] = m
	}
	for _, m := range all {
		for says(m, "none") != "no" {
			time.Sleep(time.Millisecond)
		}
	}
	fmt.Println(0)
	for n := step; ; n += step {
		id := fmt.Sprint("spread-", n)
		for _, m := range all {
			for says(m, id) != "yes" {
				time.Sleep(500 * time.Microsecond)
			}
		}
		fmt.Println(n)
	}
}

// BenchmarkSpread revokes at a fixed rate, and reports how long it takes until the last
// of 1,000 mirrors refuses, in one other process or in eight: median and worst of some 60
// revocations, 20 a second.
func BenchmarkSpread(b *testing.B) {
	for _, processes := range []int{1, 8} {
		for _, rate := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("processes=%d/per-second=%d", processes, rate), func(b *testing.B) { spread(b, processes, rate) })
		}
	}
}

func spread(b *testing.B, processes, rate int) {
	const mirrors = 1000
	c := startRedis(b).client(b)
	step := max(rate/20, 1)
	known := make([]chan int, processes)
	for i := range known {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprint(mirrorProcess, "=", c.Options().Addr, " ", mirrors/processes, " ", step))
		out, err := cmd.StdoutPipe()
		if err != nil {
			b.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
		known[i] = make(chan int, 1000)
		go func() {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				n, _ := strconv.Atoi(lines.Text())
				known[i] <- n
			}
			close(known[i])
		}()
	}
	for _, process := range known {
		<-process // it is ready
	}
	writer, err := redisstore.NewMirror(c, nil)
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var took []time.Duration
	sent := map[int]time.Time{}
	serial := 0
	for b.Loop() {
		last := (serial + 3*rate) / step * step
		var heard sync.WaitGroup
		heard.Go(func() { // of the last process for each
			for n := serial/step*step + step; n <= last; n += step {
				for _, process := range known {
					if got := <-process; got != n {
						b.Errorf("a process heard of %d, not %d", got, n)
					}
				}
				mu.Lock()
				took = append(took, time.Since(sent[n]))
				mu.Unlock()
			}
		})
		tick := time.NewTicker(time.Second / time.Duration(rate))
		for range 3 * rate {
			<-tick.C
			serial++
			mu.Lock()
			sent[serial] = time.Now()
			mu.Unlock()
			if err := writer.Revoke(b.Context(), fmt.Sprint("spread-", serial), time.Now().Add(time.Hour)); err != nil {
				b.Fatal(err)
			}
		}
		tick.Stop()
		heard.Wait()
	}
	slices.Sort(took)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "ms-last-p50")
	b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "ms-last-worst")
}
