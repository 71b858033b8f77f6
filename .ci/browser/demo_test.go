// Package browser opens the reference server's demonstration in Chromium and
// looks at what a person would see.
package browser

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/url"
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
	chromium   = flag.String("chromium", "/usr/bin/chromium", "the `browser` to run")
	lifetime   = flag.Duration("lifetime", 15*time.Second, "of the page's links")
	screenshot = os.Getenv("SCREENSHOT") // a PNG file to write, for a person to look at
)

func TestDemonstrationInABrowser(t *testing.T) {
	base := startServer(t)
	tab := startBrowser(t)
	wait := func(t *testing.T, what, expression string) {
		t.Helper()
		_, err := chromedp.Run(tab, chromedp.Poll[bool](expression,
			chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(*lifetime+30*time.Second)))
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
	text := func(t *testing.T, selector string) string {
		t.Helper()
		return eval[string](t, tab, fmt.Sprintf("document.querySelector(%q).textContent.trim()", selector))
	}
	click := func(t *testing.T, selectors ...string) {
		t.Helper()
		for _, s := range selectors {
			do(t, tab, chromedp.Click(s))
		}
	}

	do(t, tab, chromedp.Navigate(base))
	var link string // of the first card

	t.Run("the cards are shown while their links work", func(t *testing.T) {
		widths := eval[[]int](t, tab, "[...document.querySelectorAll('.card img')].map(i => i.naturalWidth)")
		if len(widths) != 3 || slices.Min(widths) == 0 {
			t.Errorf("the widths of the images are %v, want three that are not 0", widths)
		}
		wait(t, "the first reply", "document.querySelector('.card .this').textContent.includes('200')")
		link = eval[string](t, tab, "document.querySelector('.card a').href")
		if status, images := visit(t, tab, link); status != 200 || images != 1 {
			t.Errorf("the link on its own: status %d with %d images, want 200 with one", status, images)
		}
	})
	t.Run("an altered link is refused", func(t *testing.T) {
		wait(t, "the reply to the altered link", "document.querySelector('.card .altered').textContent.trim() != '…'")
		if got := text(t, ".card .altered"); got != "403 Forbidden" {
			t.Errorf("the page shows %q for the altered link, want 403 Forbidden", got)
		}
		altered := strings.Replace(link, "ada.jpg", "nia.jpg", 1)
		if status, images := visit(t, tab, altered); status != 403 || images != 0 {
			t.Errorf("the altered link on its own: status %d with %d images, want 403 with none", status, images)
		}
	})
	t.Run("unsigned images are shown through a cookie", func(t *testing.T) {
		widths := eval[[]int](t, tab, "[...document.querySelectorAll('.pages img')].map(i => i.naturalWidth)")
		if len(widths) != 12 || slices.Min(widths) == 0 {
			t.Errorf("the widths of the pages are %v, want twelve that are not 0", widths)
		}
		pages := eval[[]string](t, tab, "[...document.querySelectorAll('.pages a')].map(a => a.href)")
		for _, link := range pages {
			if u, err := url.Parse(link); err != nil || u.RawQuery != "" {
				t.Errorf("the page %s has a query", link)
			}
		}
		wait(t, "the replies", "['.with', '.without'].every(s => /[0-9]/.test(document.querySelector(s).textContent))")
		if with, without := text(t, ".with"), text(t, ".without"); with != "200 OK" || without != "403 Forbidden" {
			t.Errorf("the page shows %q with the cookie and %q without, want 200 OK and 403 Forbidden", with, without)
		}
		if status, images := visit(t, newSession(t, tab), pages[0]); status != 403 || images != 0 {
			t.Errorf("in another session: status %d with %d images, want 403 with none", status, images)
		}
	})
	t.Run("a film is played whose parts are fetched through a cookie", func(t *testing.T) {
		wait(t, "the film", "document.getElementById('film').dataset.state == 'playing'")
		parts := eval[[]string](t, tab, "[...document.querySelectorAll('.segments li')].map(l => l.textContent)")
		want := []string{"playlist.m3u8 200", "init.mp4 200", "segment-0.m4s 200", "segment-1.m4s 200", "segment-2.m4s 200", "segment-3.m4s 200"}
		if !slices.Equal(parts, want) {
			t.Errorf("the player fetched %q, want %q", parts, want)
		}
		size := eval[[]int](t, tab, "(v => [v.videoWidth, v.videoHeight])(document.querySelector('video'))")
		if !slices.Equal(size, []int{320, 180}) {
			t.Errorf("the film's size is %v, want 320 by 180", size)
		}
	})
	t.Run("a link that is bound to a session is refused in another", func(t *testing.T) {
		own := eval[string](t, tab, "document.querySelector('#own a').href")
		if status, images := visit(t, tab, own); status != 200 || images != 1 {
			t.Errorf("in the own session: status %d with %d images, want 200 with one", status, images)
		}
		stranger := newSession(t, tab)
		if status, images := visit(t, stranger, own); status != 403 || images != 0 {
			t.Errorf("in a session without cookies: status %d with %d images, want 403 with none", status, images)
		}
		if status, _ := visit(t, stranger, base); status != 200 { // which gives the stranger a session
			t.Errorf("the page in another session: status %d, want 200", status)
		}
		if status, images := visit(t, stranger, own); status != 403 || images != 0 {
			t.Errorf("in another session with its own cookie: status %d with %d images, want 403 with none", status, images)
		}
	})
	t.Run("a link with one use opens once", func(t *testing.T) {
		const row = ".limits tr:nth-child(2)"
		click(t, row+" button")
		wait(t, "the first try", "document.querySelectorAll('"+row+" .tries b').length == 1")
		click(t, row+" button")
		wait(t, "the second try", "document.querySelectorAll('"+row+" .tries b').length == 2")
		if got := text(t, row+" .tries"); got != "200 OK404 Not Found" {
			t.Errorf("the tries gave %q, want 200 OK and then 404 Not Found", got)
		}
	})
	t.Run("the page kept its own rules", func(t *testing.T) {
		foreign := eval[int](t, tab, "performance.getEntriesByType('resource').filter(e => new URL(e.name).origin != location.origin && !e.name.startsWith('blob:')).length")
		if foreign != 0 {
			t.Errorf("the page fetched %d resources from elsewhere", foreign)
		}
	})
	t.Run("after the expiry the links are dead", func(t *testing.T) {
		wait(t, "the expiry", "[...document.querySelectorAll('.card')].every(c => c.dataset.state == 'gone')")
		if got := text(t, ".card .this"); got != "404 Not Found" {
			t.Errorf("the page shows %q for the expired link, want 404 Not Found", got)
		}
		if status, images := visit(t, tab, link); status != 404 || images != 0 {
			t.Errorf("the expired link on its own: status %d with %d images, want 404 with none", status, images)
		}
		if status, _ := visit(t, tab, strings.Replace(link, "ada.jpg", "nia.jpg", 1)); status != 403 {
			t.Errorf("the altered link after the expiry: status %d, want 403", status)
		}
	})
	t.Run("a new link from the API shows the card again", func(t *testing.T) {
		click(t, ".card:nth-child(1) .renew", ".card:nth-child(3) .renew")
		wait(t, "the new links", "[1, 3].every(n => (c => c.dataset.state == 'live' && c.querySelector('img').complete && c.querySelector('.this').textContent.includes('200'))(document.querySelector(`.card:nth-child(${n})`)))")
		renewed := eval[string](t, tab, "document.querySelector('.card a').href")
		if status, images := visit(t, tab, renewed); renewed == link || status != 200 || images != 1 {
			t.Errorf("the new link: status %d with %d images, want another link, 200 and one", status, images)
		}
	})
	if screenshot != "" {
		do(t, tab, chromedp.Sleep(time.Second)) // the transition of the blurred card
		png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(screenshot, png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
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

// startBrowser starts Chromium and returns its first tab.
func startBrowser(t *testing.T) context.Context {
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
	limit, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	allocator, cancel := chromedp.NewExecAllocator(limit, options...)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	do(t, tab, chromedp.EmulateViewport(1200, 900))
	light := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "light"}}}
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, light); err != nil {
		t.Fatal(err)
	}
	return tab
}

// startServer builds the reference server, starts it without a configuration
// but a free port and the lifetime, and returns the address that it prints.
func startServer(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "fileserver")
	build := exec.Command("go", "build", "-o", program, "./examples/fileserver")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := exec.Command(program, "-addr", "127.0.0.1:0", "-lifetime", lifetime.String())
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
		if rest, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
			go io.Copy(io.Discard, out)
			return strings.TrimSpace(rest)
		}
	}
	t.Fatal("the server printed no address")
	return ""
}
