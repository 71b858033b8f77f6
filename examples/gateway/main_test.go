package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
)

// asProgram makes the test binary behave as the program itself.
const asProgram = "GATEWAY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// buffer is what a process writes.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: it did not happen", what)
		}
	}
}

// gateway is a gateway that runs as a process of its own.
type gateway struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *buffer
	addr string // host:port
	done chan struct{}
}

// start starts a gateway on a free port and waits until it listens.
func start(t *testing.T, args ...string) *gateway {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve", "-addr", "127.0.0.1:0"}, args...)...)
	return startCommand(t, cmd)
}

var listening = regexp.MustCompile(`msg=listening address=([0-9.:]+)`)

func startCommand(t *testing.T, cmd *exec.Cmd) *gateway {
	t.Helper()
	g := &gateway{t: t, cmd: cmd, log: new(buffer), done: make(chan struct{})}
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), cmd.Env...)
	cmd.Stdout, cmd.Stderr = g.log, g.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(g.done) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-g.done
		if t.Failed() {
			t.Logf("the gateway's log:\n%.20000s", g.log)
		}
	})
	eventually(t, "listening", func() bool {
		select {
		case <-g.done:
			t.Fatal("the gateway ended")
		default:
		}
		return listening.MatchString(g.log.String())
	})
	g.addr = listening.FindStringSubmatch(g.log.String())[1]
	return g
}

// stop ends the process as an operator does.
func (g *gateway) stop() {
	g.t.Helper()
	g.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-g.done:
		if code := g.cmd.ProcessState.ExitCode(); code != 0 {
			g.t.Errorf("exit code %d after SIGTERM, want 0", code)
		}
	case <-time.After(patience):
		g.t.Fatal("the gateway did not end")
	}
}

// get returns the status and the body of a reply.
func (g *gateway) get(target string) (int, string) {
	g.t.Helper()
	return g.do(http.MethodGet, target, "")
}

func (g *gateway) do(method, target, body string) (int, string) {
	g.t.Helper()
	r, err := http.NewRequest(method, "http://"+g.addr+target, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return reply.StatusCode, string(b)
}

// run runs a command and returns the exit code and what it printed.
func run(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	code := program.Run(t.Context(), args, cli.Terminal{In: strings.NewReader(""), Out: &out, Err: &out})
	return code, strings.TrimSpace(out.String())
}

// ok runs a command that must succeed.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	code, out := run(t, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d\n%s", args, code, out)
	}
	return out
}

// newKeys writes a new key file and returns its name.
func newKeys(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys.txt")
	ok(t, "keygen", "-out", name)
	return name
}

// link returns the target of a link.
func link(t *testing.T, keys string, args ...string) string {
	t.Helper()
	return ok(t, append([]string{"link", "-key-file", keys, "-base-url", "/files/"}, args...)...)
}

// files returns the URL of a directory with a text in kyc/card.txt.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kyc", "card.txt"), "the card")
	return "file://" + dir
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// redisServer is a real Redis.
type redisServer struct {
	cmd *exec.Cmd
	url string
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("SIGNEDURL_REQUIRE_REDIS") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no redis-server")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	cmd := exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--maxmemory-policy", "noeviction", "--requirepass", "hunter2")
	cmd.Dir = t.TempDir()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ready to accept connections") {
			go io.Copy(io.Discard, out)
			return &redisServer{cmd, fmt.Sprintf("redis://:hunter2@127.0.0.1:%s", port)}
		}
	}
	t.Fatal("redis-server did not start")
	return nil
}
