package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/examples/internal/servertest"
	"example.com/signedurl/middleware"
)

func TestMain(m *testing.M) { servertest.Main(m, main) }

// patience is how long a test waits for what must happen.
const patience = servertest.Patience

// process is a server that runs as a process of its own.
type process struct{ *servertest.Process }

// start starts the server on a free port and waits until it listens.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startWith(t, "", args...)
}

// startWith is start with keys in the environment.
func startWith(t *testing.T, keys string, args ...string) *process {
	t.Helper()
	cmd := command(args...)
	cmd.Env = []string{formats.Variable + "=" + keys}
	p := &process{servertest.Run(t, cmd)}
	p.AwaitAddr()
	return p
}

// command returns the command that serves on a free port.
func command(args ...string) *exec.Cmd {
	return exec.Command(os.Args[0], append([]string{"serve", "-addr", "127.0.0.1:0"}, args...)...)
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
