package signedfs_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"github.com/google/go-cmp/cmp"
)

var (
	item = regexp.MustCompile(`<td class="name">(?:<a href="[^"]*">)?<bdi>([^<]*)</bdi>`)
	href = regexp.MustCompile(`<td class="name"><a href="([^"]*)">`)
)

// listed are the names of a listing.
func listed(page string) (names []string) {
	for _, m := range item.FindAllStringSubmatch(page, -1) {
		names = append(names, html.UnescapeString(m[1]))
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

// styleHash is what a browser holds against the policy.
func styleHash(page string) string {
	_, style, _ := strings.Cut(page, "<style>")
	style, _, ok := strings.Cut(style, "</style>")
	if !ok {
		return "no style"
	}
	sum := sha256.Sum256([]byte(style))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
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
			want := reply{200, http.Header{
				"Cache-Control":           {"no-store"},
				"Content-Security-Policy": {"sandbox allow-downloads; default-src 'none'; style-src '" + styleHash(got.Body) + "'"},
				"Content-Type":            {"text/html; charset=utf-8"},
				"Referrer-Policy":         {"no-referrer"},
				"X-Content-Type-Options":  {"nosniff"},
			}, got.Body}
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
		got := listed(ask(t, listen(t, h), "GET", target(t, h, "/", later)).Body)
		want := []string{"indir/", "kyc/", "a%2Fb.txt", "hidden.txt", "in.txt", "index.html", "large.bin", "logo.svg", "note.txt", "out.txt", "wie schön & gut;+#.txt"}
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
	if got := hrefs(page); len(got) != 0 || len(listed(page)) != 2 {
		t.Errorf("a link to the directory alone: %q links to %q", listed(page), got)
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
	if strings.Contains(page, "<script") || len(listed(page)) != len(odd) {
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

// Each link of a page repeats the query of the request. A link that ignores
// parameters lets the client make it long.
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
	if short.Status != 200 || len(hrefs(short.Body)) != 500 {
		t.Errorf("%d, %d bytes, and no links", short.Status, len(short.Body))
	}
	if long.Status != 200 || len(long.Body) > 1<<20 || len(hrefs(long.Body)) != 0 || len(listed(long.Body)) != 500 {
		t.Errorf("%d, %d bytes", long.Status, len(long.Body))
	}
}

// A browser follows the links of a listing.
type browser struct {
	t      *testing.T
	addr   string
	header []string
	url    *url.URL
	page   string
}

func (b *browser) open(ref string) {
	b.t.Helper()
	u, err := url.Parse(html.UnescapeString(ref))
	if err != nil {
		b.t.Fatal(err)
	}
	if b.url != nil {
		u = b.url.ResolveReference(u)
	}
	got := ask(b.t, b.addr, "GET", u.RequestURI(), b.header...)
	if got.Status != 200 {
		b.t.Fatalf("%s: %d", u, got.Status)
	}
	b.url, b.page = u, got.Body
}

// click follows the link with a text, and reports false if there is none.
func (b *browser) click(text string) bool {
	b.t.Helper()
	text = html.EscapeString(text)
	end := strings.Index(b.page, ">"+text+"</a>")
	if end < 0 {
		end = strings.Index(b.page, "><bdi>"+text+"</bdi></a>")
	}
	if end < 0 {
		return false
	}
	_, ref, _ := strings.Cut(b.page[strings.LastIndex(b.page[:end], "<a "):end], `href="`)
	ref, _, _ = strings.Cut(ref, `"`)
	b.open(ref)
	return true
}

// sharers are the ways in which a subtree of the handler is shared.
func sharers(t *testing.T, h *signedfs.Handler, dir string) map[string]func() *browser {
	t.Helper()
	s, err := h.Links().Subtree(dir, later)
	if err != nil {
		t.Fatal(err)
	}
	cookies, err := s.Cookies("files")
	if err != nil {
		t.Fatal(err)
	}
	addr := listen(t, h)
	first := h.Prefix() + strings.TrimPrefix(strings.TrimSuffix(dir, "/")+"/", "/")
	return map[string]func() *browser{
		"the URL": func() *browser {
			b := &browser{t: t, addr: addr}
			b.open(first + "?" + s.Query())
			return b
		},
		"a cookie": func() *browser {
			b := &browser{t: t, addr: addr, header: []string{"Cookie: files=" + cookies[0].Value}}
			b.open(first)
			return b
		},
	}
}

// A person with the link to a folder of 1,234 files looks through all its
// pages, sorted one way and the other, and back.
func TestAPersonPagesThroughALargeFolder(t *testing.T) {
	dir := t.TempDir()
	var byName, bySize, byDate []string
	for i := range 1234 {
		name := fmt.Sprintf("%04d.txt", i)
		size, date := i*7919%1234, i*104729%1234
		byName = append(byName, name)
		bySize = append(bySize, fmt.Sprintf("%04d %s", size/2, name))
		byDate = append(byDate, fmt.Sprintf("%04d %s", date/2, name))
		path := filepath.Join(dir, "big", name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, make([]byte, size/2), 0o644); err != nil {
			t.Fatal(err)
		}
		mod := changed.Add(time.Duration(date/2) * time.Millisecond)
		os.Chtimes(path, mod, mod)
	}
	sorted := func(names []string) []string {
		slices.Sort(names)
		for i, name := range names {
			names[i] = name[strings.LastIndexByte(name, ' ')+1:]
		}
		return names
	}
	orders := []struct {
		click []string
		want  []string
		sort  string
	}{
		{nil, sorted(byName), `class="name" aria-sort="ascending"`},
		{[]string{"Name"}, reversed(byName), `class="name" aria-sort="descending"`},
		{[]string{"Size"}, reversed(sorted(bySize)), `class="size" aria-sort="descending"`},
		{[]string{"Size", "Size"}, bySize, `class="size" aria-sort="ascending"`},
		{[]string{"Changed"}, reversed(sorted(byDate)), `class="date" aria-sort="descending"`},
		{[]string{"Changed", "Changed"}, byDate, `class="date" aria-sort="ascending"`},
		{[]string{"Size", "Name"}, byName, `class="name" aria-sort="ascending"`},
	}
	h := newHandler(t, "/files/", openDir(t, dir), &signedfs.Options{Listing: true, Verify: middleware.Options{Cookie: "files"}})
	for how, share := range sharers(t, h, "big") {
		for i, order := range orders {
			if how == "a cookie" && i != 2 {
				continue // one will do: the pages are the same
			}
			b := share()
			for _, column := range order.click {
				if !b.click(column) {
					t.Fatalf("%s: no link %q", how, column)
				}
			}
			if !strings.Contains(b.page, order.sort) {
				t.Errorf("%s, %q: the page does not say %s", how, order.click, order.sort)
			}
			var seen [][]string
			for {
				seen = append(seen, listed(b.page))
				if !b.click("Next page") {
					break
				}
			}
			if diff := cmp.Diff(order.want, slices.Concat(seen...)); diff != "" {
				t.Errorf("%s, %q (-want +got):\n%s", how, order.click, diff)
			}
			if !strings.Contains(b.page, "1,001 to 1,234 of 1,234") || len(seen) != 3 {
				t.Errorf("%s, %q: %d pages", how, order.click, len(seen))
			}
			for i := len(seen) - 2; i >= 0; i-- {
				if !b.click("Previous page") {
					t.Fatalf("%s, %q: no way back", how, order.click)
				}
				if diff := cmp.Diff(seen[i], listed(b.page)); diff != "" {
					t.Errorf("%s, %q, back to page %d (-want +got):\n%s", how, order.click, i+1, diff)
				}
			}
			if b.click("Previous page") || b.click("First page") {
				t.Errorf("%s, %q: there is a page before the first", how, order.click)
			}
			b.click("Next page")
			b.click("Next page")
			if !b.click("First page") || !slices.Equal(seen[0], listed(b.page)) {
				t.Errorf("%s, %q: First page shows %q", how, order.click, listed(b.page))
			}
		}
	}
}

func reversed(s []string) []string {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}

// A person with the link to a folder looks into the folders in it and comes
// back, as far as the link reaches.
func TestAPersonGoesUpAsFarAsTheLinkOpens(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b c", "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "a", "b c", "d", "f.txt"), []byte("f"), 0o644)
	opts := &signedfs.Options{Listing: true, Verify: middleware.Options{Cookie: "files"}}
	h := newHandler(t, "/files/", openDir(t, dir), opts)
	title := regexp.MustCompile(`<h1><bdi>([^<]*)</bdi></h1>`)
	at := func(b *browser) string { return title.FindStringSubmatch(b.page)[1] }
	for shared, ups := range map[string][]string{"/": {"files", "a", "b c"}, "a": {"a", "b c"}, "a/b c": {"b c"}, "a/b c/d": nil} {
		for how, share := range sharers(t, h, shared) {
			down := func() *browser {
				b := share()
				for _, folder := range []string{"a/", "b c/", "d/"} {
					b.click(folder)
				}
				if at(b) != "d" {
					t.Fatalf("%s of %s: at %q", how, shared, at(b))
				}
				return b
			}
			var got []string
			for _, m := range regexp.MustCompile(`<li><a href="[^"]*"><bdi>([^<]*)</bdi>`).FindAllStringSubmatch(down().page, -1) {
				got = append(got, m[1])
			}
			if diff := cmp.Diff(ups, got); diff != "" {
				t.Errorf("%s of %s: ways up (-want +got):\n%s", how, shared, diff)
			}
			for _, up := range ups {
				if b := down(); !b.click(up) || at(b) != up {
					t.Errorf("%s of %s: %q leads to %q", how, shared, up, at(b))
				}
			}
			// The order remains, into a folder and out of it.
			if shared == "a" {
				b := share()
				if !b.click("Size") || !b.click("b c/") || !b.click("d/") || !b.click("b c") {
					t.Errorf("%s: a link is missing", how)
				}
				if !strings.Contains(b.page, `class="size" aria-sort="descending"`) {
					t.Errorf("%s: the order is lost", how)
				}
			}
		}
	}

	// The link to a folder alone opens nothing else.
	b := &browser{t: t, addr: listen(t, h)}
	b.open(target(t, h, "a/b c/d/", later))
	if strings.Contains(b.page, "<a ") || len(listed(b.page)) != 1 {
		t.Errorf("a link to one folder: %s", b.page)
	}
}

func TestAListingBelowAPrefixLinksUpToItsBase(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, "/api/f%20s/", openDir(t, dir), &signedfs.Options{Listing: true, Verify: middleware.Options{Prefix: "/api"}})
	for dir, ups := range map[string]int{"/": 2, "a": 1, "a/b": 0} {
		s, err := h.Links().Subtree(dir, later)
		if err != nil {
			t.Fatal(err)
		}
		page := ask(t, listen(t, http.StripPrefix("/api", h)), "GET", "/api/f%20s/a/b/?"+s.Query()).Body
		if n := strings.Count(page, "<li>"); n != ups {
			t.Errorf("a link to %s: %d ways up, want %d: %s", dir, n, ups, page)
		}
	}
}

func TestAListingTellsSizesAndDates(t *testing.T) {
	files := fstest.MapFS{}
	for name, size := range map[string]int{"0": 0, "1": 1, "999": 999, "1000": 1000, "1049": 1049, "1050": 1051, "999949": 999_949, "999950": 999_950, "1200000": 1_200_000} {
		files[name] = &fstest.MapFile{Data: make([]byte, size), ModTime: changed}
	}
	files["dir/x"] = &fstest.MapFile{}
	files["npm"] = &fstest.MapFile{ModTime: npm}
	files["x\u202egpj.exe"] = &fstest.MapFile{}
	h := newHandler(t, "/", http.FS(files), &signedfs.Options{Listing: true})
	page := ask(t, listen(t, h), "GET", target(t, h, "/", later)).Body
	got := map[string]string{}
	row := regexp.MustCompile(`<tr><td class="name"><bdi>([^<]*)</bdi></td><td class="size"( title="[^"]*")?>([^<]*)</td><td class="date">(.*)</td></tr>`)
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		got[m[1]] = strings.TrimPrefix(m[2]+" "+m[3], " ") + regexp.MustCompile(`<[^>]*>`).ReplaceAllString(m[4], "")
	}
	const date = "2025-03-01 12:00 UTC"
	want := map[string]string{
		"dir/": "", "0": `title="0 bytes" 0 B` + date, "1": `title="1 bytes" 1 B` + date, "999": `title="999 bytes" 999 B` + date,
		"1000": `title="1,000 bytes" 1.0 kB` + date, "1049": `title="1,049 bytes" 1.0 kB` + date, "1050": `title="1,051 bytes" 1.1 kB` + date,
		"999949": `title="999,949 bytes" 999.9 kB` + date, "999950": `title="999,950 bytes" 1.0 MB` + date,
		"1200000": `title="1,200,000 bytes" 1.2 MB` + date, "npm": `title="0 bytes" 0 B`, "x\uFFFDgpj.exe": `title="0 bytes" 0 B`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(page, `<time datetime="2025-03-01T12:00:00Z">`) {
		t.Errorf("no date for machines: %s", page)
	}
}

// A view is the name of a hidden file. It is one only for reading a folder with
// Listing, and nothing else that begins so is served.
func TestWhatIsNoViewOfAListingIsNotFound(t *testing.T) {
	dir := tree(t)
	for _, name := range []string{".list.name.up", ".list.x", "kyc/.list.size.down"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("TOPSECRET"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := later
	c.Methods = []string{"GET", "PUT"}
	put := 0
	h := newHandler(t, "/files/", openDir(t, dir), &signedfs.Options{Listing: true, OtherMethods: func(http.ResponseWriter, *http.Request, string) { put++ }})
	addr := listen(t, h)
	for path, status := range map[string]int{
		".list.name.up": 200, ".list.size.down": 200, "kyc/.list.size.down": 200, "kyc/.list.date.up.MS4yL3g": 200, ".list.name.up.eA": 200, ".list.size.up.MS94": 200,
		".list.name.up.": 200, // after the empty name, which is before all
		".list":          404, ".list.": 404, ".list.x": 404, ".list.name": 404, ".list.name.": 404, ".list.name.up/": 404, ".list.name.left": 404, ".list.mode.up": 404,
		".list.name.up.eA=": 404, ".list.name.up.e+": 404, ".list.name.up.eA.": 404, ".list.size.up.eA": 404, ".list.size.up.L3g": 404, ".list.size.up.eC94": 404,
		".list.date.up.MS94": 404, ".list.date.up.eC4yL3g": 404, ".list.date.up.MS54L3g": 404, ".list.date.up.MS4y": 404,
		".list.size.up.": 404, "note.txt/.list.name.up": 404, ".git/.list.name.up": 404, "missing/.list.name.up": 404, "kyc%2F.list.name.up": 404,
		"%2Elist.name.up": 200,
	} {
		got := ask(t, addr, "GET", sign(t, "/files/"+path, c))
		if got.Status != status || strings.Contains(got.Body, "TOPSECRET") {
			t.Errorf("%s: %d %.80q, want %d", path, got.Status, got.Body, status)
		}
		if got := ask(t, addr, "PUT", sign(t, "/files/"+path, c), "Content-Length: 0"); got.Status != 404 {
			t.Errorf("PUT %s: %d", path, got.Status)
		}
	}
	if put > 0 {
		t.Errorf("%d names were written", put)
	}
	h = newHandler(t, "/files/", openDir(t, dir), nil)
	if got := ask(t, listen(t, h), "GET", sign(t, "/files/.list.name.up", later)); got.Status != 404 {
		t.Errorf("without Listing: %d", got.Status)
	}
}

// endless is a directory that never ends.
type endless struct {
	http.File
	read   *int
	cancel func()
}

func (e endless) Open(string) (http.File, error) { return e, nil }
func (e endless) Close() error                   { return nil }
func (e endless) Stat() (os.FileInfo, error)     { return fs.Stat(fstest.MapFS{"d/f": {}}, "d") }
func (e endless) Readdir(n int) ([]os.FileInfo, error) {
	if e.cancel != nil {
		e.cancel()
	}
	infos := make([]os.FileInfo, n)
	for i := range infos {
		*e.read++
		infos[i] = fakeInfo(fmt.Sprintf("%09d", 999_999_999-*e.read))
	}
	return infos, nil
}

type fakeInfo string

func (f fakeInfo) Name() string       { return string(f) }
func (f fakeInfo) Size() int64        { return 1 }
func (f fakeInfo) Mode() os.FileMode  { return 0o644 }
func (f fakeInfo) ModTime() time.Time { return changed }
func (f fakeInfo) IsDir() bool        { return false }
func (f fakeInfo) Sys() any           { return nil }

func TestAListingReadsSoMuchAndNoMore(t *testing.T) {
	read := 0
	h := newHandler(t, "/", endless{read: &read}, &signedfs.Options{Listing: true})
	s, err := h.Links().Subtree("/", later)
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, listen(t, h), "GET", "/d/?"+s.Query())
	if read != 200_000 || got.Status != 200 || len(listed(got.Body)) != 500 || listed(got.Body)[0] != "999799999" {
		t.Errorf("%d names were read; %d %.300s", read, got.Status, got.Body)
	}
	if !strings.Contains(got.Body, "There may be more") || !strings.Contains(got.Body, "1 to 500 of 200,000") {
		t.Errorf("the page does not say that it is cut: %s", got.Body[len(got.Body)-300:])
	}

	// A client that went away ends it.
	read = 0
	ctx, cancel := context.WithCancel(context.Background())
	h = newHandler(t, "/", endless{read: &read, cancel: cancel}, &signedfs.Options{Listing: true})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/d/?"+s.Query(), nil))
	if read != 1000 {
		t.Errorf("the client went away, and %d names were read", read)
	}
}

func TestFoldersComeFirstInEveryOrder(t *testing.T) {
	files := fstest.MapFS{}
	var folders, others []string
	for i := range 30 {
		files[fmt.Sprintf("%02d", 3*i)] = &fstest.MapFile{ModTime: changed, Data: make([]byte, 7)}
		files[fmt.Sprintf("%02d", 3*i+1)] = &fstest.MapFile{Mode: fs.ModeDir | 0o755, ModTime: changed}
		others, folders = append(others, fmt.Sprintf("%02d", 3*i)), append(folders, fmt.Sprintf("%02d/", 3*i+1))
	}
	h := newHandler(t, "/", http.FS(files), &signedfs.Options{Listing: true})
	addr := listen(t, h)
	for view, want := range map[string][]string{
		"": slices.Concat(folders, others), ".list.size.up": slices.Concat(folders, others), ".list.date.up": slices.Concat(folders, others),
		".list.name.down": slices.Concat(reversed(folders), reversed(others)), ".list.size.down": slices.Concat(reversed(folders), reversed(others)),
	} {
		if diff := cmp.Diff(want, listed(ask(t, addr, "GET", sign(t, "/"+view, later)).Body)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", view, diff)
		}
	}
}

func TestAnEmptyFolderSaysSo(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, t.TempDir()), &signedfs.Options{Listing: true})
	got := ask(t, listen(t, h), "GET", target(t, h, "/", later))
	if !strings.Contains(got.Body, "This folder is empty.") || strings.Contains(got.Body, "<table") || strings.Contains(got.Body, "Pages") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// A page without scripts, for readers of all kinds.
func TestAListingIsReadableForAll(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), &signedfs.Options{Listing: true})
	s, err := h.Links().Subtree("/", later)
	if err != nil {
		t.Fatal(err)
	}
	page := ask(t, listen(t, h), "GET", "/files/kyc/?"+s.Query()).Body
	for _, want := range []string{
		`<html lang="en">`, `<meta name="viewport"`, `<title>kyc</title>`, `<nav aria-label=`, `<h1>`, `<main>`, `<caption>`,
		`<th scope="col"`, `prefers-color-scheme: dark`, `@media (max-width`, `:focus-visible`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, unwanted := range []string{"<script", "<img", "<link", "@import", "url(", "http:", "https:", ` style="`, "ZgotmplZ"} {
		if strings.Contains(page, unwanted) {
			t.Errorf("the page has %s", unwanted)
		}
	}
}
