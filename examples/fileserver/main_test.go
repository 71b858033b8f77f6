package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
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
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/middleware"
)

// asProgram makes the test binary behave as the program itself, so that a
// process can be sent signals without a second build.
const asProgram = "FILESERVER_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// process is a server that runs as a process of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *lines
	log  *lines
	addr string // host:port
	done chan error
}

// start starts the server on a free port and waits until it listens.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startWith(t, "", args...)
}

// startWith is start with keys in the environment.
func startWith(t *testing.T, keys string, args ...string) *process {
	t.Helper()
	p := &process{t: t, out: newLines(), log: newLines(), done: make(chan error, 1)}
	p.cmd = exec.Command(os.Args[0], append([]string{"serve", "-addr", "127.0.0.1:0"}, args...)...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1", formats.Variable+"="+keys)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		if t.Failed() {
			t.Logf("the server's log:\n%.20000s", p.log)
		}
	})
	p.addr = listening.FindStringSubmatch(p.log.wait(t, "listening", 1))[1]
	return p
}

// listening finds the address in a line of the log, in text or JSON.
var listening = regexp.MustCompile(`"?address"?[=:]"?([0-9.:]+)`)

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the server did not end")
		return 0
	}
}

// stop ends the process as an operator does.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != cli.ExitOK {
		p.t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

// url returns the address of a path and query, as link prints them.
func (p *process) url(target string) string { return "http://" + p.addr + target }

// get requests a target and returns the status and the body.
func (p *process) get(target string, header ...string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.url(target), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.do(r, header...)
}

// do sends a request and returns the status and the body.
func (p *process) do(r *http.Request, header ...string) (int, string) {
	p.t.Helper()
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Add(header[i], header[i+1])
	}
	reply, err := http.DefaultTransport.RoundTrip(r) // no redirects are followed
	if err != nil {
		p.t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

// lines collects what is written, for others to wait for.
type lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait waits until n lines hold a text and returns the last of them.
func (l *lines) wait(t *testing.T, text string, n int) string {
	t.Helper()
	timeout := time.After(patience)
	for {
		l.mu.Lock()
		changed, found := l.changed, 0
		s := bufio.NewScanner(bytes.NewReader(l.text.Bytes()))
		for s.Scan() {
			if strings.Contains(s.Text(), text) {
				if found++; found == n {
					l.mu.Unlock()
					return s.Text()
				}
			}
		}
		l.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%d of %d lines with %q; there is\n%s", found, n, text, l)
		}
	}
}

// try runs the program in this process.
func try(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // if it serves what it should refuse
	defer cancel()
	var out, err bytes.Buffer
	code = program.Run(ctx, args, cli.Terminal{In: strings.NewReader(stdin), Out: &out, Err: &err})
	return code, out.String(), err.String()
}

// ok runs a command that must succeed and returns what it printed.
func ok(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := try(t, "", args...)
	if code != cli.ExitOK {
		t.Fatalf("fileserver %s: exit code %d\n%s", strings.Join(args, " "), code, stderr)
	}
	return strings.TrimSpace(stdout)
}

// linkTo signs a link below /files/ and returns it as a path and query.
func linkTo(t *testing.T, keys string, args ...string) string {
	t.Helper()
	return ok(t, append([]string{"link", "-key-file", keys, "-base-url", "/files/"}, args...)...)
}

// expiredLinkTo is linkTo, for a link that has expired. The command itself
// makes none.
func expiredLinkTo(t *testing.T, keys string, args ...string) string {
	t.Helper()
	return expiredLink(t, append([]string{"-key-file", keys, "-base-url", "/files/"}, args...)...)
}

// expiredLink returns the link that the command would have made in 2020, of flags that
// say nothing but the keys and the base.
func expiredLink(t *testing.T, args ...string) string {
	t.Helper()
	var keys formats.Source
	fs := cli.NewFlags(name, "link", "NAME", "")
	keys.Register(fs)
	base := fs.String("base-url", "/files/", "")
	if err := fs.ParseArgs(args, 1, 1, io.Discard); err != nil {
		t.Fatal(err)
	}
	format, err := keys.Load()
	if err != nil {
		t.Fatal(err)
	}
	if !fs.Given("base-url") {
		*base = keys.Origin() + *base
	}
	links, err := middleware.NewURLBuilder(*base, format)
	if err != nil {
		t.Fatal(err)
	}
	link, err := links.URL(fs.Arg(0), middleware.Claims{Expires: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	return link.String()
}

// write writes a file of the test and returns its name.
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

// newKeys writes a new key file and returns its name.
func newKeys(t *testing.T, id string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keys.txt")
	ok(t, "keygen", "-id", id, "-out", name)
	return name
}

// files returns a directory with a text in kyc/card.txt.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kyc", "card.txt"), "the card")
	return dir
}
