package signedfs_test

import (
	"fmt"
	"html"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"github.com/google/go-cmp/cmp"
)

var (
	item = regexp.MustCompile(`<li>(?:<a href="([^"]*)">)?([^<]*)(?:</a>)?\n`)
	href = regexp.MustCompile(`href="([^"]*)"`)
)

// names are the texts of a listing.
func names(page string) (names []string) {
	for _, m := range item.FindAllStringSubmatch(page, -1) {
		names = append(names, html.UnescapeString(m[2]))
	}
	return names
}

// hrefs are the links of a listing as a browser reads them.
func hrefs(page string) (hrefs []string) {
	for _, m := range href.FindAllStringSubmatch(page, -1) {
		hrefs = append(hrefs, html.UnescapeString(m[1]))
	}
	return hrefs
}

func TestListingIsForWhoAsksForIt(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), &signedfs.Options{Listing: true})
	addr := listen(t, h)
	c := later
	c.DownloadName, c.ContentType = "x", "image/png"
	for _, test := range []struct {
		name, path string
		status     int
	}{
		{"a directory", "/files/kyc/", 200},
		{"the top", "/files/", 200},
		{"a directory without a slash", "/files/kyc", 404},
		{"a file with a slash", "/files/note.txt/", 404},
		{"a hidden directory", "/files/.git/", 404},
		{"no directory", "/files/missing/", 404},
		{"an encoded slash", "/files/kyc%2F", 404},
	} {
		got := ask(t, addr, "GET", sign(t, test.path, c))
		if got.Status != test.status {
			t.Errorf("%s: %d, want %d", test.name, got.Status, test.status)
		}
		if got.Status == 200 {
			got.Body = ""
			want := reply{200, http.Header{
				"Cache-Control":           {"no-store"},
				"Content-Security-Policy": {"sandbox allow-downloads; default-src 'none'"},
				"Content-Type":            {"text/html; charset=utf-8"},
				"Referrer-Policy":         {"no-referrer"},
				"X-Content-Type-Options":  {"nosniff"},
			}, ""}
			if diff := cmp.Diff(want, volatile(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.name, diff)
			}
		}
	}
	if got := ask(t, addr, "GET", "/files/kyc/"); got.Status != 403 {
		t.Errorf("without a signature: %d", got.Status)
	}
	if got := ask(t, addr, "HEAD", sign(t, "/files/kyc/", c)); got.Status != 200 || got.Body != "" {
		t.Errorf("HEAD: %d %q", got.Status, got.Body)
	}
}

func TestListingShowsWhatIsServedAndNoMore(t *testing.T) {
	dir := tree(t)
	for name, target := range map[string]string{"in.txt": "note.txt", "indir": "kyc", "out.txt": "/etc/passwd", "dangling": "nowhere", "hidden.txt": ".env"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o644)
	os.WriteFile(filepath.Join(dir, `a\b`), nil, 0o644)
	os.WriteFile(filepath.Join(dir, "a\xff"), nil, 0o644)
	for root, extra := range map[http.FileSystem]string{openDir(t, dir): "", http.Dir(dir): "out.txt", http.FS(os.DirFS(dir)): "out.txt"} {
		h := newHandler(t, "/files/", root, &signedfs.Options{Listing: true})
		got := names(ask(t, listen(t, h), "GET", target(t, h, "/", later)).Body)
		want := []string{"a%2Fb.txt", "hidden.txt", "in.txt", "index.html", "indir/", "kyc/", "large.bin", "logo.svg", "note.txt", "out.txt", "wie schön & gut;+#.txt"}
		if extra == "" {
			want = append(want[:9], want[10])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T (-want +got):\n%s", root, diff)
		}
	}
}

func TestListingLinksToWhatItsSignatureOpens(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), &signedfs.Options{
		Listing: true, Verify: middleware.Options{Cookie: "files"},
	})
	addr := listen(t, h)
	c := later
	c.Ignore = []string{"utm_*"}
	s, err := h.Links().Subtree("/", c)
	if err != nil {
		t.Fatal(err)
	}
	cookies, err := s.Cookies("files")
	if err != nil {
		t.Fatal(err)
	}
	cookie := "Cookie: files=" + cookies[0].Value

	page := ask(t, addr, "GET", target(t, h, "kyc/", later)).Body
	if got := hrefs(page); len(got) != 0 || len(names(page)) != 2 {
		t.Errorf("a link to the directory alone: %q links to %q", names(page), got)
	}
	for how, request := range map[string][]string{
		"a link to the subtree":                   {"/files/kyc/?" + s.Query()},
		"a link to the subtree and what it skips": {"/files/kyc/?utm_source=%22%3E%3Cscript%3E&" + s.Query()},
		"a cookie for the subtree":                {"/files/kyc/", cookie},
		"a cookie, and what it skips":             {"/files/kyc/?utm_source=x", cookie},
	} {
		page := ask(t, addr, "GET", request[0], request[1:]...).Body
		got := hrefs(page)
		if len(got) != 2 {
			t.Fatalf("%s: %q", how, page)
		}
		for _, href := range got {
			if strings.Contains(href, "signature=") != (len(request) == 1) {
				t.Errorf("%s: %q", how, href)
			}
			if got := ask(t, addr, "GET", "/files/kyc/"+strings.TrimPrefix(href, "./"), request[1:]...); got.Status != 200 {
				t.Errorf("%s: %q: %d", how, href, got.Status)
			}
		}
		if strings.Contains(page, "<script") {
			t.Errorf("%s: %q", how, page)
		}
	}
}

func TestListingEscapesNames(t *testing.T) {
	files := fstest.MapFS{}
	odd := []string{`<script>alert(1)<`, `"onmouseover=x`, `javascript:alert(1)`, `a?b#c%2Fd;e+f&amp;`, `'`, `a b`, `ü`}
	for _, name := range odd {
		files["sub/"+name] = &fstest.MapFile{Data: []byte(name)}
	}
	h := newHandler(t, "/files/", http.FS(files), &signedfs.Options{Listing: true})
	addr := listen(t, h)
	s, err := h.Links().Subtree("/", later)
	if err != nil {
		t.Fatal(err)
	}
	page := ask(t, addr, "GET", "/files/sub/?"+s.Query()).Body
	if strings.Contains(page, "<script") || len(names(page)) != len(odd) {
		t.Errorf("%q", page)
	}
	got := map[string]bool{}
	for _, href := range hrefs(page) {
		if !strings.HasPrefix(href, "./") {
			t.Errorf("%q may be read as something else than a path", href)
		}
		got[ask(t, addr, "GET", "/files/sub/"+strings.TrimPrefix(href, "./")).Body] = true
	}
	for _, name := range odd {
		if !got[name] {
			t.Errorf("no link leads to %q", name)
		}
	}
}

func TestListingOfAHugeDirectoryIsCutShort(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 10_050 {
		files[fmt.Sprintf("%05d", i)] = &fstest.MapFile{}
	}
	h := newHandler(t, "/files/", http.FS(files), &signedfs.Options{Listing: true})
	page := ask(t, listen(t, h), "GET", target(t, h, "/", later)).Body
	if n := len(names(page)); n != 10_000 || !strings.Contains(page, "more") {
		t.Errorf("%d names", n)
	}
}

// Each link of a page repeats the request's query, of which a link may leave
// much to whoever asks.
func TestAListingDoesNotMultiplyTheQuery(t *testing.T) {
	files := fstest.MapFS{}
	for i := range 5000 {
		files[fmt.Sprintf("d/%05d", i)] = &fstest.MapFile{}
	}
	h := newHandler(t, "/", http.FS(files), &signedfs.Options{Listing: true})
	c := later
	c.Ignore = []string{"utm_*"}
	s, err := h.Links().Subtree("/", c)
	if err != nil {
		t.Fatal(err)
	}
	u, err := s.URL("d/")
	if err != nil {
		t.Fatal(err)
	}
	addr := listen(t, h)
	short := ask(t, addr, "GET", u.RequestURI()+"&utm_x=1")
	long := ask(t, addr, "GET", u.RequestURI()+"&utm_x="+strings.Repeat(`"`, 7000))
	if short.Status != 200 || !strings.Contains(short.Body, "<a href") {
		t.Errorf("%d, %d bytes, and no links", short.Status, len(short.Body))
	}
	if long.Status != 200 || len(long.Body) > 1<<20 || strings.Contains(long.Body, "<a href") {
		t.Errorf("%d, %d bytes", long.Status, len(long.Body))
	}
}
