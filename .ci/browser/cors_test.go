package browser

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/jub0bs/cors"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// elsewhere returns the address of a server under its other name, which is
// another origin, and another site.
func elsewhere(t *testing.T, server *httptest.Server) string {
	t.Helper()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return "http://localhost:" + port
}

// An application on one site, whose files are on another one, with the CORS
// handler of the documentation in front of them.
func TestAPageOfAnotherSiteReadsFiles(t *testing.T) {
	text, err := middleware.GenerateHMACKey("test")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := middleware.ParseKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.txt"), []byte("the file"), 0o644); err != nil {
		t.Fatal(err)
	}
	dir, err := signedfs.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	files, err := signedfs.New("/files/", dir, keys, &signedfs.Options{
		Verify:  middleware.Options{Cookie: "files"},
		Uploads: &signedfs.Uploads{},
	})
	if err != nil {
		t.Fatal(err)
	}

	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>The application</title>")
	}))
	defer app.Close()
	pages, err := cors.NewMiddleware(cors.Config{
		Origins:         []string{elsewhere(t, app)},
		Methods:         []string{"GET", "HEAD", "PUT", "POST"},
		RequestHeaders:  []string{"Range", "If-Range", "Content-Type", "If-Match", "If-None-Match"},
		ResponseHeaders: []string{"Accept-Ranges", "Content-Range", "ETag", "Location", "Repr-Digest"},
		Credentialed:    true,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(files.Prefix(), pages.Wrap(files))
	mux.Handle("/session", pages.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		subtree, err := files.Links().Subtree("/", middleware.Claims{Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Error(err)
			return
		}
		cookies, err := subtree.Cookies("files")
		if err != nil {
			t.Error(err)
		}
		for _, c := range cookies {
			if r.FormValue("lax") == "" {
				c.SameSite = http.SameSiteNoneMode
				c.Partitioned = r.FormValue("whole") == ""
			}
			http.SetCookie(w, c)
		}
	})))
	server := httptest.NewServer(mux)
	defer server.Close()
	link := func(name string, c middleware.Claims) string {
		u, err := files.URL(name, c)
		if err != nil {
			t.Fatal(err)
		}
		return server.URL + u.String()
	}
	soon := time.Now().Add(time.Hour)
	get := link("a.txt", middleware.Claims{Expires: soon})

	tab := startBrowser(t)
	read := func(t *testing.T, tab context.Context, url, options, result string) string {
		t.Helper()
		return await[string](t, tab, fmt.Sprintf(`fetch(%q, %s).then(async r => { const text = await r.text(); return %s; }, e => "failed")`, url, options, result))
	}
	for name, page := range map[string]string{"the page": elsewhere(t, app), "a stranger's page": app.URL} {
		do(t, tab, chromedp.Navigate(page))
		for _, tt := range []struct{ what, url, options, result, want string }{
			{"a file", get, "{}", "r.status + text", "200the file"},
			{"a part", get, `{ headers: { Range: "bytes=4-", "If-Range": '"x"' } }`, "r.status + text", "200the file"},
			{"a part, without a condition", get, `{ headers: { Range: "bytes=4-" } }`, `r.status + text + r.headers.get("Content-Range")`, "206filebytes 4-7/8"},
			{"a refusal", get + "x", "{}", "String(r.status)", "403"},
			{"an expired link", link("a.txt", middleware.Claims{Expires: time.Now().Add(-time.Hour)}), "{}", "String(r.status)", "404"},
			{"another header", get, `{ headers: { "X-Other": "1" } }`, "String(r.status)", "failed"},
			{"another method", get, `{ method: "DELETE" }`, "String(r.status)", "failed"},
			{"an upload", link(strings.ReplaceAll(name, " ", "-")+".txt", middleware.Claims{Expires: soon, Methods: []string{"PUT"}}),
				`{ method: "PUT", body: "x", headers: { "If-None-Match": "*" } }`, `r.status + r.headers.get("Location").slice(0, 7) + r.headers.get("Repr-Digest").slice(0, 7)`,
				"201/files/sha-256"},
		} {
			want := tt.want
			if name != "the page" {
				want = "failed"
			}
			if got := read(t, tab, tt.url, tt.options, tt.result); got != want {
				t.Errorf("%s reads %s: %q, want %q", name, tt.what, got, want)
			}
		}
	}

	t.Run("with cookies", func(t *testing.T) {
		unsigned := server.URL + "/files/a.txt"
		for query, want := range map[string]string{
			"":         "200",
			"?whole=1": "403", // a private window drops it, as other browsers always do
			"?lax=1":   "403",
		} {
			session := newSession(t, tab)
			do(t, session, chromedp.Navigate(elsewhere(t, app)))
			const credentials = `{ credentials: "include" }`
			if got := read(t, session, server.URL+"/session"+query, credentials, "String(r.status)"); got != "200" {
				t.Errorf("the session: %q", got)
			}
			if got := read(t, session, unsigned, credentials, "String(r.status)"); got != want {
				t.Errorf("%q: %q, want %q", query, got, want)
			}
			// What writes must be asked for by the site itself.
			if got := read(t, session, unsigned, `{ method: "PUT", body: "x", credentials: "include" }`, "String(r.status)"); got != "403" {
				t.Errorf("an upload: %q", got)
			}
		}
	})
}
