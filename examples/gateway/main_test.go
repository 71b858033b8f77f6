package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m, main) }

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(servertest.Patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: it did not happen", what)
		}
	}
}

// start starts a gateway on a free port and waits until it listens.
func start(t *testing.T, args ...string) *servertest.Process {
	t.Helper()
	return servertest.Start(t, args...)
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
