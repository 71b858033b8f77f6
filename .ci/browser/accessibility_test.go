package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

// axeCore returns axe-core, in the version of the lock file.
var axeCore = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	script, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	return string(script), err
})

// axe reports what axe-core finds wrong with a page: no rule is left out.
func axe(t *testing.T, tab context.Context, what string) {
	t.Helper()
	script, err := axeCore()
	if err != nil {
		t.Fatal(err)
	}
	do(t, tab, chromedp.Evaluate[chromedp.Void](script+"; void 0"))
	result, err := chromedp.Run(tab, chromedp.Evaluate[string](`axe.run().then(r => JSON.stringify({
		passed: r.passes.length,
		violations: r.violations.map(v => v.id + ": " + v.help + "\n" + v.nodes.map(n => "  " + n.html + "\n  " + n.failureSummary).join("\n")),
	}))`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Passed     int
		Violations []string
	}
	if err := json.Unmarshal([]byte(result), &found); err != nil {
		t.Fatal(err)
	}
	if found.Passed < 10 {
		t.Errorf("%s: only %d rules of axe-core were passed: did it see the page?", what, found.Passed)
	}
	for _, v := range found.Violations {
		t.Errorf("%s: %s", what, v)
	}
}

// listen keeps what the page announces.
func listen(t *testing.T, tab context.Context) {
	t.Helper()
	do(t, tab, chromedp.Evaluate[chromedp.Void](`
		var said = [], news = document.querySelector("[role=status]");
		new MutationObserver(() => news.textContent && said.push(news.textContent))
			.observe(news, { childList: true, characterData: true, subtree: true }); void 0`))
}

// heard waits until the page has announced something.
func heard(t *testing.T, tab context.Context, text string) {
	t.Helper()
	wait(t, tab, "the announcement "+text, fmt.Sprintf("said.some(s => s.includes(%q))", text))
}

// control is what a screen reader says of something to read or to operate.
type control struct{ Role, Name string }

// controls returns what a screen reader finds on a page.
func controls(t *testing.T, tab context.Context) (found []control) {
	t.Helper()
	tree, err := chromedp.Call(tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	text := func(v *accessibility.Value) string {
		var s string
		if v != nil {
			json.Unmarshal(v.Value, &s)
		}
		return s
	}
	// A video's own controls are the browser's, and alike for every video.
	within := map[accessibility.NodeID]bool{}
	for _, node := range tree.Nodes { // parents first
		within[node.NodeID] = within[node.ParentID] || text(node.Role) == "Video"
		if !node.Ignored && !within[node.ParentID] {
			found = append(found, control{text(node.Role), text(node.Name)})
		}
	}
	return found
}

func TestAScreenReaderHasANameForEverything(t *testing.T) {
	base := startServer(t, "-lifetime", "10m")
	tab := startBrowser(t)
	do(t, tab, chromedp.Navigate(base))
	wait(t, tab, "the film", "document.getElementById('film').dataset.player == 'playing'")
	seen := map[control]int{}
	for _, c := range controls(t, tab) {
		seen[c]++
		switch c.Role {
		case "link", "button", "image", "Video", "textbox", "spinbutton", "checkbox", "combobox", "region", "article":
			if c.Name == "" {
				t.Errorf("a %s has no name", c.Role)
			}
		}
		switch c.Role {
		case "link", "button":
			if seen[c] == 2 {
				t.Errorf("two of the role %s are called %q", c.Role, c.Name)
			}
		}
	}
	for _, want := range []control{
		{"link", "Identity card of Ada Lindqvist"},
		{"link", "Page 12 of the contract"},
		{"link", "open the link: Opens once"},
		{"button", "try the link: Opens once"},
		{"button", "Ask for a new link to the card of Nia Okoro"},
		{"button", "Ask for a new cookie for the contract and the film"},
		{"Video", "A silent film: the numbers 1 to 4, one for each segment"},
		{"Video", "The same film, by a link"},
		{"button", "Ask for a new link to the film"},
		{"status", ""},
	} {
		if seen[want] != 1 {
			t.Errorf("there are %d of %q, want one", seen[want], want)
		}
	}
	axe(t, tab, "the demonstration")
	scheme(t, tab, "dark")
	axe(t, tab, "the demonstration, dark")
}

func TestAListingIsAccessible(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"kyc/42", "kyc/empty"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 600 { // more than one page
		if err := os.WriteFile(filepath.Join(dir, "kyc", "42", fmt.Sprintf("page-%03d.txt", i)), []byte("a page"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	keys := filepath.Join(t.TempDir(), "keys.txt")
	run := func(args ...string) string {
		out, err := exec.Command(fileserver, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("keygen", "-out", keys)
	base := startServer(t, "-dir", dir, "-listing", "-key-file", keys)
	tab := startBrowser(t)
	for name, rows := range map[string]int{"kyc/": 2, "kyc/42/": 500, "kyc/empty/": 0} {
		link := run("link", "-key-file", keys, "-base-url", base, "-under", "kyc", name)
		do(t, tab, chromedp.Navigate(link))
		shoot(t, tab, "listing-"+strings.ReplaceAll(name, "/", "-"))
		do(t, tab, chromedp.Navigate(unsandboxed(t, link)))
		if got := eval[int](t, tab, "document.querySelectorAll('tbody tr').length"); got != rows {
			t.Errorf("%s: %d rows, want %d", name, got, rows)
		}
		// All rows are alike, and axe-core takes its time for each.
		do(t, tab, chromedp.Evaluate[chromedp.Void]("document.querySelectorAll('tbody tr:nth-child(n+6)').forEach(row => row.remove())"))
		for _, s := range []string{"light", "dark"} {
			scheme(t, tab, s)
			axe(t, tab, name+", "+s)
		}
	}
}

// unsandboxed returns the address of a copy of a page without its policy, by
// which no script may run in it, and so no axe-core either.
func unsandboxed(t *testing.T, link string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	page, err := io.ReadAll(reply.Body)
	if err != nil || !strings.HasPrefix(reply.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%d, %s, %v", reply.StatusCode, reply.Header.Get("Content-Type"), err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", reply.Header.Get("Content-Type"))
		w.Write(page)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
