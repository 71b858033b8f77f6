//go:build unix

package redisstore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// These tests need a real Redis, since what they are about happens in it.
// Without redis-server on the PATH they are skipped, unless requireRedis is
// set to 1 in the environment, as it is where the tests must not be missed.
const requireRedis = "SIGNEDURL_REQUIRE_REDIS"

// verifierProcess makes the test binary a process that serves a file to who
// has a link, with counts in the Redis at the address that it is set to.
const verifierProcess = "SIGNEDURL_TEST_VERIFIER"

func TestMain(m *testing.M) {
	redis.SetLogger(silent{}) // which complains about every connection that breaks
	if addr := os.Getenv(verifierProcess); addr != "" {
		serve(addr)
		return
	}
	if how := os.Getenv(mirrorProcess); how != "" {
		watch(how)
		return
	}
	os.Exit(m.Run())
}

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// server is a redis-server on a loopback port, which persists nothing.
type server struct {
	addr string
	dir  string
	args []string
	cmd  *exec.Cmd
}

// startRedis starts a server for one test, with arguments on top of its own.
func startRedis(t testing.TB, args ...string) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv(requireRedis) == "1" {
			t.Fatalf("there is no redis-server on the PATH, and %s is 1: install it (Debian: apt-get install redis-server)", requireRedis)
		}
		t.Skip("there is no redis-server on the PATH to test with (Debian: apt-get install redis-server)")
	}
	s := &server{dir: t.TempDir(), args: args}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.stop(t)
		}
	})
	var err error
	for range 20 { // another process may take the port in between
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		s.addr = l.Addr().String()
		l.Close()
		if l.Addr().(*net.TCPAddr).Port > 55535 {
			err = errors.New("no port has room for the port of the cluster bus, 10000 above it")
			continue
		}
		if err = s.tryStart(); err == nil {
			return s
		}
	}
	t.Fatal(err)
	return nil
}

// tryStart starts the server, and returns when it accepts connections.
func (s *server) tryStart() error {
	_, port, _ := net.SplitHostPort(s.addr)
	cmd := exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", ""}, s.args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	var log strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		fmt.Fprintln(&log, lines.Text())
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go io.Copy(io.Discard, out)
			s.cmd = cmd
			return nil
		}
	}
	return fmt.Errorf("redis-server does not start: %v\n%s", cmd.Wait(), log.String())
}

// start starts the server again where it was.
func (s *server) start(t testing.TB) {
	t.Helper()
	if err := s.tryStart(); err != nil {
		t.Fatal(err)
	}
}

// stop kills the server, as a crash would.
func (s *server) stop(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	s.cmd.Wait()
	s.cmd = nil
}

// client returns a client of the server.
func (s *server) client(t testing.TB) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { c.Close() })
	return c
}

// await asks until there is no error, as long as it takes another process to
// become ready.
func await(t testing.TB, ask func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatalf("Redis is not ready: %v", err)
}

// newStore returns a store in a client. Without a timeout of its own it is
// patient, for machines that are busy.
func newStore(t testing.TB, c redis.UniversalClient, opts redisstore.Options) *redisstore.Store {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = 20 * time.Second
	}
	s, err := redisstore.New(c, &opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const content = "0123456789"

// newRing returns the ring that all verifiers of the tests have.
func newRing() *middleware.Keyring {
	key, err := middleware.NewHMACKey("k", []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		panic(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		panic(err)
	}
	return ring
}

// link returns a link to the file, good for an hour.
func link(t testing.TB, c middleware.Claims) *url.URL {
	t.Helper()
	c.Expires = time.Now().Add(time.Hour)
	u, err := newRing().Sign(&url.URL{Path: "/film.mp4"}, c)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// newHandler returns a handler that serves the file to who has a link.
func newHandler(store *redisstore.Store, window time.Duration) http.Handler {
	v, err := middleware.NewVerifier(newRing(), &middleware.Options{Uses: store, Revocations: store, UseWindow: window})
	if err != nil {
		panic(err)
	}
	return v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "film.mp4", time.Time{}, strings.NewReader(content))
	}))
}

// serve is the other process: it says where it listens, and serves until its
// standard input ends, which it does when the test does, however that ends.
func serve(addr string) {
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	store, err := redisstore.New(client, &redisstore.Options{Timeout: 20 * time.Second})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	s := httptest.NewServer(newHandler(store, 0))
	fmt.Println(s.URL)
	io.Copy(io.Discard, os.Stdin)
}

// startVerifier starts another process with a verifier, and returns the URL of
// what it serves.
func startVerifier(t *testing.T, redisAddr string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), verifierProcess+"="+redisAddr)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("a verifier's process: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("a verifier's process says nothing: %v", err)
	}
	return strings.TrimSpace(line)
}
