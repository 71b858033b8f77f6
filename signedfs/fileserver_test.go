package signedfs_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/justinas/alice"
)

// The middleware needs no signedfs: these are the ways to put it in front of
// net/http's own file server.
func alone(t *testing.T, root http.FileSystem) map[string]http.Handler {
	files := http.StripPrefix("/files/", http.FileServer(root))
	mark := func(name string) alice.Constructor {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("X-Passed", name)
				next.ServeHTTP(w, r)
			})
		}
	}
	v := newVerifier(t, ring, nil)
	mux := http.NewServeMux()
	mux.Handle("/files/", v.Handler(files))
	below := newVerifier(t, ring, &middleware.Options{Prefix: "/files"})
	return map[string]http.Handler{
		"in front of StripPrefix": v.Handler(files),
		"in a mux":                mux,
		"in an alice chain":       alice.New(mark("before"), v.Handler, mark("after")).Then(files),
		"below StripPrefix":       http.StripPrefix("/files", below.Handler(http.FileServer(root))),
		"in a chain below StripPrefix": http.StripPrefix("/files",
			alice.New(mark("before")).Append(below.Handler).Then(http.FileServer(root))),
	}
}

func TestMiddlewareAloneInFrontOfFileServer(t *testing.T) {
	dir := tree(t)
	links, err := middleware.NewURLBuilder("/files/", ring)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range alone(t, http.Dir(dir)) {
		t.Run(name, func(t *testing.T) {
			addr := listen(t, h)
			for _, file := range []string{"kyc/card.png", "a%2Fb.txt", "wie schön & gut;+#.txt"} {
				u, err := links.URL(file, later)
				if err != nil {
					t.Fatal(err)
				}
				want, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				got := ask(t, addr, "GET", u.RequestURI())
				if got.Status != 200 || got.Body != string(want) || got.Header.Get("Cache-Control") != "private, max-age=31536000" {
					t.Errorf("%s: %d %v", file, got.Status, got.Header)
				}
				if passed := got.Header["X-Passed"]; strings.Contains(name, "chain") && passed == nil {
					t.Errorf("%s: %v", file, got.Header)
				}
				if got := ask(t, addr, "GET", u.RequestURI(), "Range: bytes=1-3"); got.Status != 206 || got.Body != string(want[1:4]) {
					t.Errorf("a range of %s: %d %q", file, got.Status, got.Body)
				}
				for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
					if got := ask(t, addr, method, u.RequestURI()); got.Status != 403 {
						t.Errorf("%s %s: %d", method, file, got.Status)
					}
				}
				for _, target := range []string{
					u.EscapedPath(), "/files/note.txt?" + u.RawQuery, u.RequestURI() + "A", u.RequestURI() + "&a=b",
					"/files/./note.txt?" + u.RawQuery, "/files/kyc/..%2Fnote.txt?" + u.RawQuery,
				} {
					// A mux cleans the path, by a redirect, before it calls a handler.
					if got := ask(t, addr, "GET", target); got.Status != 403 && !(name == "in a mux" && got.Status/100 == 3) {
						t.Errorf("%s: %d", target, got.Status)
					}
				}
			}
		})
	}
}

// What http.FileServer does behind a signature, and signedfs does not: each of
// these is named in the package documentation.
func TestLimitsOfFileServerBehindTheMiddleware(t *testing.T) {
	links, err := middleware.NewURLBuilder("/files/", ring)
	if err != nil {
		t.Fatal(err)
	}
	dir := tree(t)
	for name, h := range alone(t, http.Dir(dir)) {
		addr := listen(t, h)
		get := func(file string, c middleware.Claims, method string, header ...string) reply {
			u, err := links.URL(file, c)
			if err != nil {
				t.Fatal(err)
			}
			got := ask(t, addr, method, u.RequestURI(), header...)
			if to := got.Header.Get("Location"); to != "" {
				// The redirect is followed as a browser does.
				ref, err := url.Parse(to)
				if err != nil {
					t.Fatal(err)
				}
				got.Body = "then " + http.StatusText(ask(t, addr, method, u.ResolveReference(ref).RequestURI()).Status)
			}
			return got
		}
		for _, file := range []string{"index.html", "kyc/index.html", "kyc", "note.txt/"} {
			got := get(file, later, "GET")
			if diff := cmp.Diff(reply{301, nil, "then Forbidden"}, reply{got.Status, nil, got.Body}); diff != "" {
				t.Errorf("%s: %s: the redirect (-want +got):\n%s", name, file, diff)
			}
		}
		if got := get("/", later, "GET"); got.Status != 200 || !strings.Contains(got.Body, "<title>index") {
			t.Errorf("%s: the directory: %d", name, got.Status)
		}
		if got := get(".env", later, "GET"); got.Status != 200 {
			t.Errorf("%s: a hidden file: %d", name, got.Status)
		}
		if got := get(".git/", later, "GET"); got.Status != 200 || !strings.Contains(got.Body, "config") {
			t.Errorf("%s: the listing of a hidden directory: %d", name, got.Status)
		}
		if got := get("missing", later, "GET"); got.Status != 404 || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: an error: %d %v", name, got.Status, got.Header)
		}
		if got := get(strings.Repeat("x", 300), later, "GET"); got.Status != 500 {
			t.Errorf("%s: a long name: %d", name, got.Status)
		}
		if got := get("logo.svg", later, "GET"); got.Header.Get("Content-Security-Policy") != "" || got.Header.Get("X-Content-Type-Options") != "" {
			t.Errorf("%s: a document with scripts: %v", name, got.Header)
		}
		many := get("large.bin", later, "GET", "Range: bytes=0-0"+strings.Repeat(",0-0", 999))
		if many.Status != 206 || strings.Count(many.Body, "Content-Range:") != 1000 {
			t.Errorf("%s: 1,000 ranges: %d, %d parts", name, many.Status, strings.Count(many.Body, "Content-Range:"))
		}
		continued := get("note.txt", later, "GET", "Range: bytes=2-5", "If-Range: "+changed.Format(http.TimeFormat))
		if continued.Status != 206 || continued.Header.Get("Etag") != "" {
			t.Errorf("%s: continued by a date: %d %v", name, continued.Status, continued.Header)
		}
		deletable := later
		deletable.Methods = []string{"DELETE"}
		if got := get("note.txt", deletable, "DELETE"); got.Status != 200 || got.Body == "" {
			t.Errorf("%s: DELETE: %d %q", name, got.Status, got.Body)
		}
	}
}

func TestStripPrefixOutsideWithoutAPrefixOptionRefusesEverything(t *testing.T) {
	links, err := middleware.NewURLBuilder("/files/", ring)
	if err != nil {
		t.Fatal(err)
	}
	u, err := links.URL("note.txt", later)
	if err != nil {
		t.Fatal(err)
	}
	v := newVerifier(t, ring, nil)
	h := http.StripPrefix("/files", v.Handler(http.FileServer(http.FS(embeddedFiles()))))
	if got := ask(t, listen(t, h), "GET", u.RequestURI()); got.Status != 403 {
		t.Errorf("%d", got.Status)
	}
}
