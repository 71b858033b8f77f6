// Package browser opens the reference server's pages in Chromium and looks at
// what a person would see.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var (
	chromium    = flag.String("chromium", "/usr/bin/chromium", "the `browser` to run")
	lifetime    = flag.Duration("lifetime", 15*time.Second, "of the page's links")
	screenshots = os.Getenv("SCREENSHOTS") // a directory for pictures of the pages
)

// fileserver is the program of the reference server.
var fileserver string

func TestMain(m *testing.M) {
	if os.Getenv(tusProgram) != "" {
		serveTus(os.Args[1:])
	}
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "browser")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		fileserver = filepath.Join(dir, "fileserver")
		build := exec.Command("go", "build", "-o", fileserver, "./examples/fileserver")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func do(t *testing.T, tab context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(tab, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval evaluates an expression in a page.
func eval[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	result, err := chromedp.Run(tab, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%v\nin %s", err, expression)
	}
	return result
}

// visit opens a link in a new tab of the same session and returns the status
// of the reply, and how many images with a size are shown.
func visit(t *testing.T, session context.Context, link string) (status int64, images int) {
	t.Helper()
	tab, cancel := chromedp.NewContext(session)
	defer cancel()
	reply, err := chromedp.Run(tab, chromedp.NavigateResponse(link))
	if err != nil {
		t.Fatalf("opening %s: %v", link, err)
	}
	return reply.Status, eval[int](t, tab, "[...document.images].filter(i => i.naturalWidth > 0).length")
}

// newSession returns a tab that shares no cookies with the others, as a
// private window does.
func newSession(t *testing.T, tab context.Context) context.Context {
	t.Helper()
	other, cancel := chromedp.NewContext(tab, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	do(t, other)
	return other
}

// wait waits until an expression is true.
func wait(t *testing.T, tab context.Context, what, expression string) {
	t.Helper()
	_, err := chromedp.Run(tab, chromedp.Poll[bool](expression,
		chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(time.Minute)))
	if err != nil {
		t.Fatalf("waiting for %s: %v", what, err)
	}
}

// text returns the text of an element.
func text(t *testing.T, tab context.Context, selector string) string {
	t.Helper()
	return eval[string](t, tab, fmt.Sprintf("document.querySelector(%q).textContent.trim()", selector))
}

// scheme makes the browser prefer light or dark pages.
func scheme(t *testing.T, tab context.Context, value string) {
	t.Helper()
	params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}}
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, params); err != nil {
		t.Fatal(err)
	}
}

// shoot writes a picture of the whole page, for a person to look at.
func shoot(t *testing.T, tab context.Context, name string) {
	t.Helper()
	if screenshots == "" {
		return
	}
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(screenshots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// startBrowser starts Chromium and returns its first tab.
func startBrowser(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	if _, err := os.Stat(*chromium); err != nil {
		t.Fatalf("no browser: %v; install Debian's chromium, or name another with -chromium", err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(*chromium),
		chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.Flag("no-proxy-server", true),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	options = append(options, more...)
	limit, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(limit, options...)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	do(t, tab, chromedp.EmulateViewport(1200, 900))
	scheme(t, tab, "light")
	return tab
}

// startServer starts the reference server on a free port and returns the
// address that it prints.
func startServer(t *testing.T, args ...string) string {
	t.Helper()
	server := exec.Command(fileserver, append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	var log bytes.Buffer
	server.Stderr = &log
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		if err := server.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", &log)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		_, rest, ok := strings.Cut(lines.Text(), "http://")
		if ok {
			go io.Copy(io.Discard, out)
			return "http://" + rest
		}
	}
	t.Fatal("the server printed no address")
	return ""
}
