// Package servertest runs the server under test as a process of its own, which can
// be sent signals and has a log, without a second build.
package servertest

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asProgram is the variable that makes the test binary behave as the program.
const asProgram = "SERVERTEST_AS_PROGRAM"

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// Main is the TestMain of a package whose tests run its main as a process.
func Main(m *testing.M, main func()) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// Process is a server that runs as a process of its own. Of one that is reached
// at an address but that the test did not start, only Addr is set.
type Process struct {
	T        *testing.T
	Cmd      *exec.Cmd
	Out, Log *Output // what it writes, unless Cmd said where to
	Addr     string  // host:port

	done chan struct{}
}

// Start runs the command serve on a free port and waits until it listens.
func Start(t *testing.T, args ...string) *Process {
	t.Helper()
	p := Run(t, exec.Command(os.Args[0], append([]string{"serve", "-addr", "127.0.0.1:0"}, args...)...))
	p.AwaitAddr()
	return p
}

// Run starts a command that leads to the test binary, which behaves as the
// program. The environment of the command is added to that of the test. The process
// ends with the test.
func Run(t *testing.T, cmd *exec.Cmd) *Process {
	t.Helper()
	p := &Process{T: t, Cmd: cmd, Out: NewOutput(), Log: NewOutput(), done: make(chan struct{})}
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), cmd.Env...)
	if cmd.Stdout == nil {
		cmd.Stdout = p.Out
	}
	if cmd.Stderr == nil {
		cmd.Stderr = p.Log
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("the server's log:\n%.20000s", p.Log)
		}
	})
	return p
}

// listening finds the address in a line of the log, in text or JSON.
var listening = regexp.MustCompile(`listening.*"?address"?[=:]"?([0-9.:]+)`)

// AwaitAddr waits until the server listens, and sets its address.
func (p *Process) AwaitAddr() {
	p.T.Helper()
	timeout := time.After(Patience)
	for {
		text, changed := p.Log.now()
		if found := listening.FindStringSubmatch(text); found != nil {
			p.Addr = found[1]
			return
		}
		select {
		case <-changed:
		case <-p.done:
			p.T.Fatal("the server ended")
		case <-timeout:
			p.T.Fatal("the server does not listen")
		}
	}
}

// Signal sends the process a signal.
func (p *Process) Signal(s os.Signal) {
	p.T.Helper()
	if err := p.Cmd.Process.Signal(s); err != nil {
		p.T.Fatal(err)
	}
}

// Exit waits for the end of the process and returns its exit code.
func (p *Process) Exit() int {
	p.T.Helper()
	select {
	case <-p.done:
	case <-time.After(Patience):
		p.T.Fatal("the server did not end")
	}
	return p.Cmd.ProcessState.ExitCode()
}

// Stop ends the process as an operator does.
func (p *Process) Stop() {
	p.T.Helper()
	p.Signal(syscall.SIGTERM)
	if code := p.Exit(); code != 0 {
		p.T.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

// URL returns the address of a path and query, as link prints them.
func (p *Process) URL(target string) string { return "http://" + p.Addr + target }

// Get requests a target, with header fields as names and values in turn, and
// returns the status and the body.
func (p *Process) Get(target string, header ...string) (int, string) {
	p.T.Helper()
	return p.Send(http.MethodGet, target, "", header...)
}

// Send is Get with another method and a body.
func (p *Process) Send(method, target, body string, header ...string) (int, string) {
	p.T.Helper()
	r, err := http.NewRequest(method, p.URL(target), strings.NewReader(body))
	if err != nil {
		p.T.Fatal(err)
	}
	return p.Do(r, header...)
}

// Do sends a request, with more header fields, and returns the status and the body.
func (p *Process) Do(r *http.Request, header ...string) (int, string) {
	p.T.Helper()
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
		r.Header.Add(header[i], header[i+1])
	}
	reply, err := http.DefaultTransport.RoundTrip(r) // no redirects are followed
	if err != nil {
		p.T.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		p.T.Fatal(err)
	}
	return reply.StatusCode, string(body)
}

// Output collects what is written, for others to wait for.
type Output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

// NewOutput returns an output to which nothing was written.
func NewOutput() *Output { return &Output{changed: make(chan struct{})} }

func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.changed)
	o.changed = make(chan struct{})
	return o.text.Write(b)
}

func (o *Output) String() string {
	text, _ := o.now()
	return text
}

// now returns what was written so far, and a channel that is closed when there is
// more.
func (o *Output) now() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.changed
}

// Wait waits until n lines hold a text and returns the last of them.
func (o *Output) Wait(t *testing.T, text string, n int) string {
	t.Helper()
	timeout := time.After(Patience)
	for {
		all, changed := o.now()
		found := 0
		s := bufio.NewScanner(strings.NewReader(all))
		for s.Scan() {
			if strings.Contains(s.Text(), text) {
				if found++; found == n {
					return s.Text()
				}
			}
		}
		select {
		case <-changed:
		case <-timeout:
			t.Fatalf("%d of %d lines with %q; there is\n%s", found, n, text, all)
		}
	}
}
