package signedfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/fstest"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"github.com/google/go-cmp/cmp"
)

// denied is what every reply that is not the file looks like, whole: no trace
// of the file, nothing to keep, nothing of the request.
func denied(status int, more ...string) reply {
	h := http.Header{
		"Cache-Control":          {"no-store"},
		"Content-Type":           {"text/plain; charset=utf-8"},
		"X-Content-Type-Options": {"nosniff"},
	}
	if status != http.StatusForbidden { // accepted, and then not served
		h.Set("Referrer-Policy", "no-referrer")
	}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return reply{status, h, http.StatusText(status) + "\n"}
}

// volatile are the headers that say nothing about signedfs.
func volatile(r reply) reply {
	r.Header.Del("Date")
	r.Header.Del("Content-Length")
	return r
}

// strongETag stands for any, which depends on the inode.
const strongETag = `"strong"`

var strongPattern = regexp.MustCompile(`^"[A-Za-z0-9_-]{16}"$`)

func strong(r reply) reply {
	if strongPattern.MatchString(r.Header.Get("Etag")) {
		r.Header.Set("Etag", strongETag)
	}
	return r
}

func TestWithoutASignatureEverythingIsForbiddenAlike(t *testing.T) {
	dir := tree(t)
	for name, root := range roots(t, dir) {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, "/files/", root, &signedfs.Options{Listing: true})
			addr := listen(t, h)
			for _, target := range []string{
				"/files/kyc/card.png", "/files/missing", "/files/kyc", "/files/kyc/", "/files/", "/files/index.html",
				"/files/.env", "/files/kyc%2Fcard.png", "/files/%00", "/files/../etc/passwd", "/files/%2e%2e/x",
				"/files//kyc/card.png", "/elsewhere", "/files/" + strings.Repeat("x", 300), "/files/kyc/card.png?signature=",
				"/files/kyc/card.png?expires_at=4102444800&signed_by=test&signature=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
				"/files/missing?expires_at=1&signed_by=test&signature=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			} {
				for _, method := range []string{"GET", "POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "BREW"} {
					got := volatile(ask(t, addr, method, target, "Range: bytes=9-1", "If-None-Match: *", "If-Match: \"x\""))
					if diff := cmp.Diff(denied(403), got); diff != "" {
						t.Errorf("%s %s (-want +got):\n%s", method, target, diff)
					}
				}
			}
		})
	}
}

func TestSignedFileIsServed(t *testing.T) {
	dir := tree(t)
	content, err := fs.ReadFile(embeddedFiles(), "kyc/card.png")
	if err != nil {
		t.Fatal(err)
	}
	for name, root := range roots(t, dir) {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, "/files/", root, nil)
			addr := listen(t, h)
			want := reply{200, http.Header{
				"Accept-Ranges":          {"bytes"},
				"Cache-Control":          {"private, max-age=31536000"},
				"Content-Type":           {"image/png"},
				"Etag":                   {strongETag},
				"Last-Modified":          {"Sat, 01 Mar 2025 12:00:00 GMT"},
				"Referrer-Policy":        {"no-referrer"},
				"X-Content-Type-Options": {"nosniff"},
			}, string(content)}
			if name == "http.FS(embed.FS)" { // which has no times
				want.Header.Del("Etag")
				want.Header.Del("Last-Modified")
			} else {
				info, err := os.Stat(filepath.Join(dir, "kyc", "card.png"))
				if err != nil {
					t.Fatal(err)
				}
				if !info.ModTime().Equal(changed) {
					t.Skip("the file system keeps no nanoseconds")
				}
			}
			link := target(t, h, "kyc/card.png", later)
			get := ask(t, addr, "GET", link)
			tag := get.Header.Get("Etag")
			if diff := cmp.Diff(want, strong(volatile(get))); diff != "" {
				t.Errorf("GET (-want +got):\n%s", diff)
			}
			want.Body = ""
			head := ask(t, addr, "HEAD", link)
			if got := head.Header.Get("Content-Length"); got != "74" {
				t.Errorf("HEAD: Content-Length is %q", got)
			}
			if got := head.Header.Get("Etag"); got != tag {
				t.Errorf("HEAD: the ETag is %s, and %s to GET", got, tag)
			}
			if diff := cmp.Diff(want, strong(volatile(head))); diff != "" {
				t.Errorf("HEAD (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoServableFileIsNotFound(t *testing.T) {
	dir := tree(t)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "absolute.txt")); err != nil {
		t.Skip(err)
	}
	os.Symlink("../../../../../../../../etc/passwd", filepath.Join(dir, "kyc", "outside.txt"))
	os.Symlink("nowhere", filepath.Join(dir, "dangling.txt"))
	os.Symlink("loop.txt", filepath.Join(dir, "loop.txt"))
	for name, root := range roots(t, dir) {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, "/files/", root, nil)
			addr := listen(t, h)
			tests := []struct{ name, path string }{
				{"a file that is not there", "/files/missing.png"},
				{"a directory that is not there", "/files/missing/card.png"},
				{"a directory without a slash", "/files/kyc"},
				{"a directory with a slash", "/files/kyc/"},
				{"the base itself", "/files/"},
				{"a file with a slash", "/files/note.txt/"},
				{"a file as if it were a directory", "/files/note.txt/x"},
				{"a hidden file", "/files/.env"},
				{"a hidden file in a directory", "/files/kyc/.htpasswd"},
				{"a file in a hidden directory", "/files/.git/config"},
				{"a hidden directory", "/files/.git/"},
				{"a file behind an encoded slash", "/files/kyc%2Fcard.png"},
				{"a file behind a backslash", "/files/kyc%5Ccard.png"},
				{"a part of 300 bytes", "/files/" + strings.Repeat("x", 300)},
				{"a path of 4400 bytes", "/files" + strings.Repeat("/0123456789", 400)},
				{"bytes that are no UTF-8", "/files/%FF%FE.png"},
				{"another base", "/elsewhere/note.txt"},
				{"a base that only begins like it", "/filesystem/note.txt"},
				{"the base without its slash", "/files"},
				{"a symbolic link that dangles", "/files/dangling.txt"},
				{"a symbolic link to itself", "/files/loop.txt"},
			}
			if name == "signedfs.Dir" || name == "os.Root" {
				tests = append(tests, []struct{ name, path string }{
					{"an absolute symbolic link", "/files/absolute.txt"},
					{"a symbolic link that leads outside", "/files/kyc/outside.txt"},
				}...)
			}
			c := later
			c.DownloadName, c.ContentType = "card.png", "image/png"
			for _, test := range tests {
				for _, method := range []string{"GET", "HEAD"} {
					want := denied(404)
					if method == "HEAD" {
						want.Body = ""
					}
					got := volatile(ask(t, addr, method, sign(t, test.path, c), "Range: bytes=0-0"))
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s %s (-want +got):\n%s", method, test.name, diff)
					}
				}
			}
		})
	}
}

func TestOddNamesAreServed(t *testing.T) {
	dir := tree(t)
	if err := os.Symlink("note.txt", filepath.Join(dir, "inside.txt")); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"signedfs.Dir", "http.Dir", "http.FS(os.DirFS)"} {
		root := roots(t, dir)[name]
		h := newHandler(t, "/fil%20es/", root, nil)
		addr := listen(t, h)
		for file, want := range map[string]string{
			"index.html":             "<!doctype html><title>index</title>\n",
			"kyc/index.html":         "<p>not to be redirected to",
			"a%2Fb.txt":              "a per cent sign",
			"wie schön & gut;+#.txt": "a name to be escaped",
			"inside.txt":             "A note of twenty-six bytes",
		} {
			got := ask(t, addr, "GET", target(t, h, file, later))
			if got.Status != 200 || got.Body != want {
				t.Errorf("%s, %s: %d %q", name, file, got.Status, got.Body)
			}
		}
	}
}

// The type of such a file is found by its first bytes, which are sent all the
// same.
func TestAFileWithoutAnExtensionIsSentWhole(t *testing.T) {
	dir := tree(t)
	for _, size := range []int{0, 1, 511, 512, 513, 16 << 10, 16<<10 + 1, 100_000} {
		content := strings.Repeat("0123456789abcde\n", size/16+1)[:size]
		if err := os.WriteFile(filepath.Join(dir, "letter"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		for name, root := range roots(t, dir) {
			if name == "http.FS(embed.FS)" {
				continue
			}
			h := newHandler(t, "/files/", root, nil)
			got := ask(t, listen(t, h), "GET", target(t, h, "letter", later))
			if got.Status != 200 || got.Body != content || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("%s, %d bytes: %d, %d bytes as %s", name, size, got.Status, len(got.Body), got.Header.Get("Content-Type"))
			}
		}
	}
}

func TestConditionsAndRanges(t *testing.T) {
	dir := tree(t)
	const whole = "A note of twenty-six bytes"
	const lastModified = "Sat, 01 Mar 2025 12:00:00 GMT"
	for name, root := range roots(t, dir) {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, "/files/", root, nil)
			addr := listen(t, h)
			c := later
			c.DownloadName = "n.txt"
			link := target(t, h, "note.txt", c)
			tag := ask(t, addr, "GET", link).Header.Get("Etag")
			versioned := name != "http.FS(embed.FS)"
			if versioned != (tag != "") {
				t.Fatalf("the ETag is %q", tag)
			}
			tests := []struct {
				name    string
				header  []string
				version bool // needs a file with a time
				status  int
				body    string
			}{
				{"no condition", nil, false, 200, whole},
				{"one range", []string{"Range: bytes=2-5"}, false, 206, "note"},
				{"the last bytes", []string{"Range: bytes=-5"}, false, 206, "bytes"},
				{"from a byte to the end", []string{"Range: bytes=21-"}, false, 206, "bytes"},
				{"the whole file as a range", []string{"Range: bytes=0-"}, false, 206, whole},
				{"a range behind the end", []string{"Range: bytes=26-"}, false, 416, ""},
				{"a malformed range", []string{"Range: bytes=5-2"}, false, 416, ""},
				{"another unit", []string{"Range: lines=1-2"}, false, 416, ""},
				{"a precondition that nothing can meet", []string{`If-Match: "x"`}, false, 412, ""},
				{"changed since then", []string{"If-Unmodified-Since: Sat, 01 Mar 2025 11:59:59 GMT"}, true, 412, ""},
				{"not changed, by tag", []string{"If-None-Match: " + tag}, true, 304, ""},
				{"not changed, by a weak tag", []string{"If-None-Match: W/" + tag}, true, 304, ""},
				{"not changed, by any tag", []string{"If-None-Match: *"}, true, 304, ""},
				{"changed, by tag", []string{`If-None-Match: "x"`}, false, 200, whole},
				{"not changed, by time", []string{"If-Modified-Since: " + lastModified}, true, 304, ""},
				{"changed, by time", []string{"If-Modified-Since: Sat, 01 Mar 2025 11:59:59 GMT"}, false, 200, whole},
				{"a range of this version", []string{"Range: bytes=2-5", "If-Range: " + tag}, true, 206, "note"},
				{"a range of this version, by a date, which proves nothing", []string{"Range: bytes=2-5", "If-Range: " + lastModified}, true, 200, whole},
				{"a range of another version", []string{"Range: bytes=2-5", `If-Range: "x"`}, false, 200, whole},
				{"a condition on nonsense", []string{"If-Modified-Since: yesterday", "If-Range: ?", "If-None-Match: x"}, false, 200, whole},
			}
			for _, test := range tests {
				if test.version && !versioned {
					continue
				}
				got := ask(t, addr, "GET", link, test.header...)
				if test.status >= 400 {
					more := []string{}
					if test.name == "a range behind the end" {
						more = []string{"Content-Range", "bytes */26"}
					}
					if diff := cmp.Diff(denied(test.status, more...), volatile(got)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", test.name, diff)
					}
					continue
				}
				if got.Status != test.status || got.Body != test.body {
					t.Errorf("%s: %d %q, want %d %q", test.name, got.Status, got.Body, test.status, test.body)
				}
				for name, want := range map[string]string{
					"Cache-Control":          "private, max-age=31536000",
					"Content-Disposition":    `attachment; filename="n.txt"`,
					"Etag":                   tag,
					"X-Content-Type-Options": "nosniff",
				} {
					if got.Header.Get(name) != want {
						t.Errorf("%s: %s is %q, want %q", test.name, name, got.Header.Get(name), want)
					}
				}
			}
		})
	}
}

func TestSixteenRangesAndNoMore(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), nil)
	addr := listen(t, h)
	for _, name := range []string{"note.txt", "large.bin"} {
		link := target(t, h, name, later)
		whole := ask(t, addr, "GET", link)

		sixteen := "Range: bytes=0-0" + strings.Repeat(", 1-1", 15)
		got := ask(t, addr, "GET", link, sixteen)
		mediaType, params, err := mime.ParseMediaType(got.Header.Get("Content-Type"))
		if err != nil || got.Status != 206 || mediaType != "multipart/byteranges" {
			t.Fatalf("16 ranges of %s: %d %v", name, got.Status, got.Header)
		}
		parts := multipart.NewReader(strings.NewReader(got.Body), params["boundary"])
		n := 0
		for ; ; n++ {
			part, err := parts.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(part)
			if err != nil {
				t.Fatal(err)
			}
			if want := whole.Body[min(n, 1):][:1]; string(b) != want {
				t.Errorf("part %d of %s is %q, want %q", n, name, b, want)
			}
		}
		if n != 16 {
			t.Errorf("%d parts of %s", n, name)
		}

		for what, header := range map[string]string{
			"17 ranges":                sixteen + ",2-2",
			"17 ranges, some empty":    sixteen + ",,,,,,,",
			"a megabyte less a little": "Range: bytes=0-0" + strings.Repeat(",0-0", 200_000),
		} {
			got := ask(t, addr, "GET", link, header)
			if diff := cmp.Diff(volatile(whole), volatile(got)); diff != "" {
				t.Errorf("%s: not the whole file (-want +got):\n%.300s", what, diff)
			}
		}
	}
}

func TestOnlyWhatIsInertEscapesTheSandbox(t *testing.T) {
	files := fstest.MapFS{}
	file := func(name, content string) { files[name] = &fstest.MapFile{Data: []byte(content), ModTime: changed} }
	h := newHandler(t, "/files/", http.FS(files), nil)
	addr := listen(t, h)
	const png = "\x89PNG\r\n\x1a\n"
	const html = "<!doctype html><script>alert(1)</script>"
	tests := []struct {
		file, content, signed string // the media type that the link asks for
		want                  string
		sandboxed             bool
	}{
		{"a.jpg", html, "", "image/jpeg", false},
		{"a.JPG", html, "", "image/jpeg", false},
		{"a.b.png", png, "", "image/png", false},
		{"a.pdf", "%PDF-", "", "application/pdf", false},
		{"a.txt", html, "", "text/plain; charset=utf-8", false},
		{"a.mp4", "", "", "video/mp4", false},
		{"a.ts", "", "", "video/mp2t", false},
		{"a.woff2", "", "", "font/woff2", false},
		{"a.zip", "PK\x03\x04", "", "application/zip", false},
		{"a.bin", html, "", "application/octet-stream", false},
		{"a.html", html, "", "text/html; charset=utf-8", true},
		{"a.HtMl", html, "", "text/html; charset=utf-8", true},
		{"a.svg", "<svg/>", "", "image/svg+xml", true},
		{"a.xml", "<x/>", "", "application/xml", true},
		{"a.xhtml", "<x/>", "", "application/xhtml+xml", true},
		{"a.js", "alert(1)", "", "text/javascript; charset=utf-8", true},
		{"a.css", "", "", "text/css; charset=utf-8", true},
		{"a.json", "{}", "", "application/json", true},
		{"a.m3u8", "#EXTM3U", "", "application/vnd.apple.mpegurl", true},
		// Without an extension that is known, by content, and then never more
		// than inert.
		{"png", png, "", "image/png", false},
		{"a.unknown", png, "", "image/png", false},
		{"a.", png, "", "image/png", false},
		{"text", "some text", "", "text/plain; charset=utf-8", false},
		{"nothing", "", "", "text/plain; charset=utf-8", false},
		{"pdf", "%PDF-1.7", "", "application/pdf", false},
		{"html", html, "", "application/octet-stream", false},
		{"xml", "<?xml version='1.0'?><x/>", "", "application/octet-stream", false},
		{"a.php", html, "", "application/octet-stream", false},
		{"ps", "%!PS-Adobe-3.0", "", "application/octet-stream", false},
		// What the link says goes before what the file is.
		{"a.png", html, "text/html", "text/html", true},
		{"a.png", html, "TEXT/HTML; charset=utf-8", "TEXT/HTML; charset=utf-8", true},
		{"a.html", html, "text/plain", "text/plain", false},
		{"a.html", html, "Image/PNG ; a=b", "Image/PNG ; a=b", false},
		{"a.png", html, `image/png; a=", text/html"`, `image/png; a=", text/html"`, true},
		{"a.png", html, "image/svg+xml", "image/svg+xml", true},
		{"a.png", html, "image/vnd.unknown", "image/vnd.unknown", true},
		{"a.png", html, "video/x+xml", "video/x+xml", true},
	}
	for _, test := range tests {
		file(test.file, test.content)
		c := later
		c.ContentType = test.signed
		for _, method := range []string{"GET", "HEAD"} {
			got := ask(t, addr, method, target(t, h, test.file, c), "Range: bytes=0-")
			if got.Status != 206 && test.content != "" {
				t.Errorf("%s %s: %d", method, test.file, got.Status)
			}
			if got.Header.Get("Content-Type") != test.want || got.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s (signed as %q): Content-Type %q, want %q; %q", method, test.file, test.signed,
					got.Header.Get("Content-Type"), test.want, got.Header.Get("X-Content-Type-Options"))
			}
			policy := got.Header.Get("Content-Security-Policy")
			if strings.HasPrefix(policy, "sandbox; default-src 'none'") != test.sandboxed || (policy != "") != test.sandboxed {
				t.Errorf("%s %s (signed as %q): Content-Security-Policy %q", method, test.file, test.signed, policy)
			}
		}
		if test.signed == "" {
			delete(files, test.file)
		}
	}
}

func TestMediaTypeIsNotTheMachines(t *testing.T) {
	mime.AddExtensionType(".pdf", "text/html")
	mime.AddExtensionType(".unheardof", "text/html")
	files := fstest.MapFS{"a.pdf": {Data: []byte("x")}, "a.unheardof": {Data: []byte("x")}}
	h := newHandler(t, "/files/", http.FS(files), nil)
	addr := listen(t, h)
	for name, want := range map[string]string{"a.pdf": "application/pdf", "a.unheardof": "text/plain; charset=utf-8"} {
		if got := ask(t, addr, "GET", target(t, h, name, later)).Header.Get("Content-Type"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestOtherMethods(t *testing.T) {
	dir := tree(t)
	c := later
	c.Methods = []string{"PUT", "DELETE"}
	c.DownloadName, c.ContentType = "x", "image/png"

	h := newHandler(t, "/files/", openDir(t, dir), nil)
	addr := listen(t, h)
	for _, file := range []string{"note.txt", "new.txt"} {
		got := volatile(ask(t, addr, "PUT", target(t, h, file, c), "Content-Length: 0"))
		if diff := cmp.Diff(denied(405, "Allow", "GET, HEAD"), got); diff != "" {
			t.Errorf("PUT %s without OtherMethods (-want +got):\n%s", file, diff)
		}
	}

	var called []string
	h = newHandler(t, "/files/", openDir(t, dir), &signedfs.Options{
		OtherMethods: func(w http.ResponseWriter, r *http.Request, name string) {
			called = append(called, r.Method+" "+name)
			w.WriteHeader(http.StatusNoContent)
		},
	})
	addr = listen(t, h)
	// The path of a subtree's directory is no file, which would be outside.
	under := c
	under.Under = "/files/kyc/"
	for _, path := range []string{"/files/kyc/", "/files/kyc/sub/"} {
		ask(t, addr, "PUT", sign(t, path, under), "Content-Length: 0")
	}
	under.Under = "/files/"
	ask(t, addr, "PUT", sign(t, "/files/", under), "Content-Length: 0")
	if diff := cmp.Diff([]string{"PUT /kyc/", "PUT /kyc/sub/", "PUT /"}, called); diff != "" {
		t.Errorf("calls for directories (-want +got):\n%s", diff)
	}
	called = nil
	got := ask(t, addr, "PUT", target(t, h, "kyc/new.txt", c), "Content-Length: 0")
	if got.Status != 204 || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Content-Disposition") != "" {
		t.Errorf("PUT: %d %v", got.Status, got.Header)
	}
	for _, test := range []struct {
		name, method, target string
		status               int
	}{
		{"a method that the link does not grant", "POST", target(t, h, "kyc/new.txt", c), 403},
		{"a method on a link for GET", "PUT", target(t, h, "kyc/new.txt", later), 403},
		{"GET on a link for other methods", "GET", target(t, h, "note.txt", c), 403},
		{"a hidden name", "PUT", sign(t, "/files/.htaccess", c), 404},
		{"an encoded slash", "PUT", sign(t, "/files/kyc%2Fnew.txt", c), 404},
	} {
		if got := ask(t, addr, test.method, test.target, "Content-Length: 0"); got.Status != test.status {
			t.Errorf("%s: %d, want %d", test.name, got.Status, test.status)
		}
	}
	if diff := cmp.Diff([]string{"PUT /kyc/new.txt"}, called); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestReportOnlyServesAndGrantsNothing(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), &signedfs.Options{
		Verify:       middleware.Options{InsecureReportOnly: true},
		OtherMethods: func(http.ResponseWriter, *http.Request, string) { t.Error("an unsigned PUT arrived") },
	})
	addr := listen(t, h)
	got := ask(t, addr, "GET", "/files/note.txt")
	if got.Status != 200 || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("GET: %d %v", got.Status, got.Header)
	}
	if got := ask(t, addr, "PUT", "/files/note.txt", "Content-Length: 0"); got.Status != 405 {
		t.Errorf("PUT: %d", got.Status)
	}
}

// brokenFS fails where it is told to, with errors that hold a path.
type brokenFS struct{ open, stat, read, seek error }

type brokenFile struct {
	http.File
	fs brokenFS
}

func (f brokenFS) Open(string) (http.File, error) {
	file, _ := http.FS(fstest.MapFS{"f": {Data: []byte("0123456789")}}).Open("/f")
	return brokenFile{file, f}, f.open
}

func (f brokenFile) Stat() (fs.FileInfo, error) {
	if f.fs.stat != nil {
		return nil, f.fs.stat
	}
	return f.File.Stat()
}

func (f brokenFile) Read(b []byte) (int, error) {
	if f.fs.read != nil {
		return 0, f.fs.read
	}
	return f.File.Read(b)
}

func (f brokenFile) Seek(offset int64, whence int) (int64, error) {
	if f.fs.seek != nil && (offset > 0 || whence != io.SeekStart) {
		return 0, f.fs.seek
	}
	return f.File.Seek(offset, whence)
}

func TestErrorsTellTheOperatorAndNotTheClient(t *testing.T) {
	secret := func(err error) error { return &fs.PathError{Op: "open", Path: "/srv/secret", Err: err} }
	for _, test := range []struct {
		name     string
		root     brokenFS
		status   int
		reported bool
	}{
		{"no such file", brokenFS{open: secret(fs.ErrNotExist)}, 404, false},
		{"an invalid name", brokenFS{open: secret(fs.ErrInvalid)}, 404, false},
		{"a name that is too long", brokenFS{open: secret(syscall.ENAMETOOLONG)}, 404, false},
		{"a file that may not be read", brokenFS{open: secret(fs.ErrPermission)}, 404, true},
		{"too many open files", brokenFS{open: secret(syscall.EMFILE)}, 500, true},
		{"an error that nobody knows", brokenFS{open: errors.New("/srv/secret")}, 500, true},
		{"a file that has no size", brokenFS{stat: secret(syscall.EIO)}, 500, true},
		{"a file that cannot be read", brokenFS{read: secret(syscall.EIO)}, 500, true},
		{"a range of a file that cannot seek", brokenFS{seek: secret(syscall.ESPIPE)}, 416, false},
	} {
		var reported error
		h := newHandler(t, "/files/", test.root, &signedfs.Options{
			Error: func(_ *http.Request, err error) { reported = err },
		})
		addr := listen(t, h)
		c := later
		c.DownloadName = "x"
		if diff := cmp.Diff(denied(test.status), volatile(ask(t, addr, "GET", target(t, h, "f", c), "Range: bytes=3-4"))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if (reported != nil) != test.reported {
			t.Errorf("%s: reported %v", test.name, reported)
		}
	}

	h := newHandler(t, "/files/", brokenFS{seek: secret(syscall.ESPIPE)}, nil)
	c := later
	c.ContentType = "text/plain" // otherwise the content is looked at, and then sought back
	if got := ask(t, listen(t, h), "GET", target(t, h, "f", c)); got.Status != 200 || got.Body != "0123456789" {
		t.Errorf("the whole of a file that cannot seek: %d %q", got.Status, got.Body)
	}
}

// spyListener and spyConn see what net/http asks of the connection.
type spyListener struct {
	net.Listener
	*spied
}

// spied is how much the kernel was to send, and from what.
type spied struct {
	sent atomic.Int64
	from atomic.Value
}

func (l spyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return spyConn{conn.(*net.TCPConn), l.spied}, nil
}

type spyConn struct {
	*net.TCPConn
	*spied
}

// ReadFrom counts what comes from a file of the system in the one shape that
// net gives to sendfile.
func (c spyConn) ReadFrom(src io.Reader) (int64, error) {
	if limited, ok := src.(*io.LimitedReader); ok {
		if file, ok := limited.R.(syscall.Conn); ok {
			if conn, err := file.SyscallConn(); err == nil {
				c.sent.Add(limited.N)
				c.from.Store(fmt.Sprintf("%T", conn))
			}
		}
	}
	return c.TCPConn.ReadFrom(src)
}

func TestLargeFilesAreSentByTheKernel(t *testing.T) {
	dir := tree(t)
	for name, root := range map[string]http.FileSystem{
		"signedfs.Dir": openDir(t, dir), "os.Root": signedfs.WithoutFastPath(openDir(t, dir)), "http.Dir": http.Dir(dir),
	} {
		h := newHandler(t, "/files/", root, nil)
		spied := new(spied)
		s := httptest.NewUnstartedServer(h)
		s.Listener = spyListener{s.Listener, spied}
		s.Start()
		t.Cleanup(s.Close)
		addr := s.Listener.Addr().String()
		content, err := os.ReadFile(filepath.Join(dir, "large.bin"))
		if err != nil {
			t.Fatal(err)
		}
		link := target(t, h, "large.bin", later)
		for header, want := range map[string]string{
			"X: whole":                    string(content),
			"Range: bytes=100000-":        string(content[100000:]),
			"Range: bytes=65536-131071":   string(content[65536:131072]),
			"Range: bytes=0-99999":        string(content[:100000]),
			"Range: bytes=-70001":         string(content[len(content)-70001:]),
			`If-None-Match: "some other"`: string(content),
		} {
			spied.sent.Store(0)
			got := ask(t, addr, "GET", link, header)
			if got.Body != want {
				t.Errorf("%s, %s: %d bytes, want %d", name, header, len(got.Body), len(want))
			}
			// net/http itself copies the first 512 bytes.
			if n := spied.sent.Load(); n < int64(len(want)-512) {
				t.Errorf("%s, %s: the kernel sent %d of %d bytes", name, header, n, len(want))
			}
			// A goroutine of net/http may still read the parts of a file when
			// it is closed, which only an *os.File survives.
			if from := spied.from.Load(); strings.HasPrefix(header, "Range") && from != "*os.rawConn" {
				t.Errorf("%s, %s: sent from a %v", name, header, from)
			}
		}
	}
}

func TestFilesOverHTTP2(t *testing.T) {
	dir := tree(t)
	h := newHandler(t, "/files/", openDir(t, dir), nil)
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	for _, name := range []string{"note.txt", "large.bin"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := s.Client().Get(s.URL + target(t, h, name, later))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.ProtoMajor != 2 || resp.StatusCode != 200 || string(got) != string(want) {
			t.Errorf("%s: %s %s, %d bytes of %d, %v", name, resp.Proto, resp.Status, len(got), len(want), err)
		}
	}
}
