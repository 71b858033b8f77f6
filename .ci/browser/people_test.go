package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestAPersonPressesTheButton(t *testing.T) {
	dir, keys := t.TempDir(), filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(filepath.Join(dir, "card.txt"), []byte("the card of Ada"), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		out, err := exec.Command(fileserver, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("keygen", "-out", keys)
	base := startServer(t, "-dir", dir, "-key-file", keys, "-confirm", "-pages", "-pages-help", "Ask for a new link in the app.")
	link := func(args ...string) string {
		return run(append(append([]string{"link", "-key-file", keys, "-base-url", base}, args...), "card.txt")...)
	}
	once, brief := link("-id", "once", "-uses", "1"), link("-lifetime", "1s")
	tab := startBrowser(t)

	// looks shows a page to axe-core and to people, light and dark, wide and narrow.
	looks := func(name, address string) {
		copied := unsandboxed(t, address)
		for _, s := range []string{"light", "dark"} {
			for size, width := range map[string]int64{"wide": 1200, "phone": 360} {
				scheme(t, tab, s)
				do(t, tab, chromedp.EmulateViewport(width, 740), chromedp.Navigate(address))
				shoot(t, tab, "people-"+name+"-"+s+"-"+size)
				if eval[bool](t, tab, "document.documentElement.scrollWidth > innerWidth") {
					t.Errorf("%s, %s: the page is wider than the window", name, size)
				}
				do(t, tab, chromedp.Navigate(copied))
				axe(t, tab, name+", "+s+", "+size)
			}
		}
	}
	looks("confirm", once)
	looks("refused", base+"card.txt")
	time.Sleep(2 * time.Second) // the server has a clock of its own
	looks("expired", brief)

	scheme(t, tab, "light")
	do(t, tab, chromedp.EmulateViewport(1200, 900), chromedp.Navigate(once))
	if got := text(t, tab, "h1"); got != "Open card.txt?" {
		t.Errorf("the page says %q", got)
	}
	do(t, tab, chromedp.KeyEvent(kb.Tab))
	if got := text(t, tab, ":focus"); got != "Open the file" {
		t.Errorf("the tab key leads to %q", got)
	}
	do(t, tab, chromedp.KeyEvent(kb.Enter))
	waitForPage(t, tab, "the file", "document.body.textContent.includes('the card of Ada')")

	other := newSession(t, tab)
	do(t, other, chromedp.Navigate(once), chromedp.Focus("button"), chromedp.KeyEvent(kb.Enter))
	waitForPage(t, other, "the refusal", "document.querySelector('h1')?.textContent == 'This link has been used'")
	shoot(t, other, "people-used-up")
}

// waitForPage waits as wait does, while one page takes the place of another.
func waitForPage(t *testing.T, tab context.Context, what, expression string) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		done, err := chromedp.Run(tab, chromedp.Evaluate[bool](expression))
		switch {
		case err == nil && done:
			return
		case tab.Err() != nil || time.Now().After(limit):
			t.Fatalf("waiting for %s: %v", what, err)
		}
	}
}
