package signedfs_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// objects is a file system that says everything that http.FileSystem has no
// words for.
type objects struct {
	http.FileSystem
	contentType string
	log         []string
	open, fetch error
}

func (o *objects) Open(string) (http.File, error) {
	return nil, errors.New("OpenContext is to be called")
}

func (o *objects) OpenContext(ctx context.Context, name string) (http.File, error) {
	if _, ok := middleware.LinkFromContext(ctx); !ok {
		return nil, errors.New("this is not the request's context")
	}
	o.log = append(o.log, "open "+name)
	if o.open != nil {
		return nil, o.open
	}
	f, err := o.FileSystem.Open(strings.TrimSuffix(name, "/"))
	return object{f, o}, err
}

type object struct {
	http.File
	*objects
}

func (o object) Fetch(n int64) error {
	o.note("fetch " + strconv.FormatInt(n, 10))
	return o.fetch
}

func (o object) note(s string) { o.objects.log = append(o.objects.log, s) }

func (o object) Read(p []byte) (int, error) {
	o.note("read")
	return o.File.Read(p)
}

func (o object) Stat() (fs.FileInfo, error) {
	info, err := o.File.Stat()
	return objectInfo{info, o.objects}, err
}

type objectInfo struct {
	fs.FileInfo
	*objects
}

func (i objectInfo) ETag() string        { return `"tag"` }
func (i objectInfo) ContentType() string { return i.contentType }
func (i objectInfo) Mode() fs.FileMode   { return i.FileInfo.Mode() | fs.ModeIrregular }

type statusError int

func (e statusError) Error() string { return "a path of the server" }
func (e statusError) Status() int   { return int(e) }

func TestAFileSystemThatKnowsMore(t *testing.T) {
	const content = "<script>alert(1)</script>"
	for _, test := range []struct {
		name, method, file string
		header             []string
		objects            objects
		status             int
		contentType        string
		log                string // without reads
		reads              bool
		errors             int
	}{
		{"HEAD of a name without an extension", "HEAD", "page", nil, objects{contentType: "image/png"}, 200, "image/png", "open /page", false, 0},
		{"a type that is not inert", "GET", "page", nil, objects{contentType: "text/html"}, 200, "application/octet-stream", "open /page, fetch 25", true, 0},
		{"an extension that is known", "GET", "page.txt", nil, objects{contentType: "image/png"}, 200, "text/plain; charset=utf-8", "open /page.txt, fetch 25", true, 0},
		{"a range", "GET", "page", []string{"Range: bytes=3-5"}, objects{contentType: "image/png"}, 206, "image/png", "open /page, fetch 3", true, 0},
		{"several ranges", "GET", "page", []string{"Range: bytes=3-5,7-8"}, objects{contentType: "image/png"}, 200, "image/png", "open /page, fetch 25", true, 0},
		{"a file that has not changed", "GET", "page", []string{`If-None-Match: "tag"`}, objects{contentType: "image/png"}, 304, "", "open /page", false, 0},
		{"a range beyond the end", "GET", "page", []string{"Range: bytes=25-"}, objects{contentType: "image/png"}, 416, "text/plain; charset=utf-8", "open /page", false, 0},
		{"an empty file", "GET", "empty.txt", nil, objects{}, 200, "text/plain; charset=utf-8", "open /empty.txt", true, 0},
		{"a directory", "GET", "dir/", nil, objects{}, 200, "text/html; charset=utf-8", "open /dir/", false, 0},
		{"a store that is down", "GET", "page", nil, objects{open: statusError(503)}, 503, "text/plain; charset=utf-8", "open /page", false, 1},
		{"a store that denies", "GET", "page", nil, objects{open: &fs.PathError{Op: "open", Path: "x", Err: statusError(502)}}, 502, "text/plain; charset=utf-8", "open /page", false, 1},
		{"a status that is not for a store to say", "GET", "page", nil, objects{open: statusError(200)}, 500, "text/plain; charset=utf-8", "open /page", false, 1},
		{"a store that fails at the content", "GET", "page", []string{"Range: bytes=3-5"}, objects{fetch: statusError(503)}, 503, "text/plain; charset=utf-8", "open /page, fetch 3", false, 1},
	} {
		o := test.objects
		o.FileSystem = http.FS(fstest.MapFS{
			"page": {Data: []byte(content)}, "page.txt": {Data: []byte(content)}, "empty.txt": {}, "dir/a.txt": {Data: []byte("a")},
		})
		failed := 0
		h := newHandler(t, "/files/", &o, &signedfs.Options{Listing: true, Error: func(*http.Request, error) { failed++ }})
		got := ask(t, listen(t, h), test.method, target(t, h, test.file, middleware.Claims{Expires: time.Now().Add(time.Hour)}), test.header...)
		if got.Status != test.status || got.Header.Get("Content-Type") != test.contentType || strings.Contains(got.Body, "a path") {
			t.Errorf("%s: %d, %v, %q", test.name, got.Status, got.Header, got.Body)
		}
		if test.status >= 400 && (got.Header.Get("Content-Range") != "" && test.status != 416 || got.Header.Get("Etag") != "" || got.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: an error with %v", test.name, got.Header)
		}
		if test.status == 200 && test.reads && test.file != "empty.txt" && got.Body != content {
			t.Errorf("%s: %q", test.name, got.Body)
		}
		if failed != test.errors {
			t.Errorf("%s: Options.Error was called %d times", test.name, failed)
		}
		var log []string
		reads := false
		for _, entry := range o.log {
			if entry == "read" {
				reads = true
			} else {
				log = append(log, entry)
			}
		}
		if got := strings.Join(log, ", "); got != test.log || reads && !test.reads {
			t.Errorf("%s: %s, read %v; want %s, read %v", test.name, got, reads, test.log, test.reads)
		}
	}
}
