package signedfs_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/signedfs"
)

// countingFS counts the files that are open.
type countingFS struct {
	http.FileSystem
	opened, open *int
}

type countingFile struct {
	http.File
	open   *int
	closed *bool
}

func (c countingFS) Open(name string) (http.File, error) {
	f, err := c.FileSystem.Open(name)
	if err != nil {
		return nil, err
	}
	*c.opened++
	*c.open++
	return countingFile{f, c.open, new(bool)}, nil
}

func (c countingFile) Close() error {
	if *c.closed {
		return fs.ErrClosed
	}
	*c.closed = true
	*c.open--
	return c.File.Close()
}

// requests are those that open something, each by another way through the
// handler.
func requests(t *testing.T) map[string][]string {
	p := func(path string) string { return sign(t, "/files/"+path, later) }
	return map[string][]string{
		"a file":                             {p("note.txt")},
		"a large file":                       {p("large.bin")},
		"a file without an extension":        {p("plain")},
		"a range":                            {p("large.bin"), "Range: bytes=10-99999"},
		"ranges":                             {p("large.bin"), "Range: bytes=0-9,20-29"},
		"a range that is not there":          {p("large.bin"), "Range: bytes=99999999-"},
		"too many ranges":                    {p("large.bin"), "Range: bytes=0-0" + strings.Repeat(",0-0", 20)},
		"a condition":                        {p("note.txt"), "If-None-Match: *"},
		"a precondition":                     {p("note.txt"), `If-Match: "x"`},
		"a listing":                          {p("")},
		"a listing in another order":         {p(".list.size.down")},
		"a directory without a slash":        {p("kyc")},
		"a directory, and a range":           {p("kyc"), "Range: bytes=0-0"},
		"a file with a slash":                {p("note.txt/")},
		"a symbolic link":                    {p("in.txt")},
		"a file that is not there":           {p("missing")},
		"a file in a file":                   {p("note.txt/x")},
		"a directory that is not there":      {p("missing/")},
		"a listing of something that is not": {p("note.txt/.list.name.up")},
	}
}

func TestEveryFileIsClosed(t *testing.T) {
	dir := tree(t)
	os.WriteFile(filepath.Join(dir, "plain"), []byte("text"), 0o644)
	if err := os.Symlink("note.txt", filepath.Join(dir, "in.txt")); err != nil {
		t.Skip(err)
	}
	os.Symlink("kyc", filepath.Join(dir, "indir"))
	os.Symlink("/etc/passwd", filepath.Join(dir, "out.txt"))
	for name, root := range roots(t, dir) {
		if name == "signedfs.Dir" || name == "os.Root" {
			continue // see below
		}
		opened, open := 0, 0
		h := newHandler(t, "/files/", countingFS{root, &opened, &open}, &signedfs.Options{Listing: true})
		for what, request := range requests(t) {
			for _, method := range []string{"GET", "HEAD"} {
				send(t, h, method, request)
				if open != 0 {
					t.Errorf("%s, %s %s: %d files of %d remain open", name, method, what, open, opened)
				}
				open = 0
			}
		}
		if opened == 0 {
			t.Errorf("%s: no file was opened", name)
		}
	}
	// A Dir is recognized by its type: nothing can count in between.
	d := openDir(t, dir)
	for name, root := range map[string]http.FileSystem{"signedfs.Dir": d, "os.Root": signedfs.WithoutFastPath(d)} {
		h := newHandler(t, "/files/", root, &signedfs.Options{Listing: true})
		for what, request := range requests(t) {
			for _, method := range []string{"GET", "HEAD"} {
				before := openFiles(t)
				send(t, h, method, request)
				if after := openFiles(t); after != before {
					t.Errorf("%s, %s %s: %d files are open, %d before", name, method, what, after, before)
				}
			}
		}
	}
}

func send(t *testing.T, h http.Handler, method string, request []string) {
	t.Helper()
	r := httptest.NewRequest(method, request[0], nil)
	for _, header := range request[1:] {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
}

// A file is closed too if the file system fails half way.
func TestEveryFileOfABrokenFileSystemIsClosed(t *testing.T) {
	broken := &fs.PathError{Op: "read", Path: "f", Err: syscall.EIO}
	for name, root := range map[string]brokenFS{
		"stat": {stat: broken}, "read": {read: broken}, "seek": {seek: broken},
	} {
		opened, open := 0, 0
		h := newHandler(t, "/files/", countingFS{root, &opened, &open}, &signedfs.Options{Listing: true})
		for _, request := range [][]string{{sign(t, "/files/f", later)}, {sign(t, "/files/f", later), "Range: bytes=1-2"}, {sign(t, "/files/", later)}} {
			send(t, h, "GET", request)
			if open != 0 || opened == 0 {
				t.Errorf("%s: %d files of %d remain open", name, open, opened)
			}
			open = 0
		}
	}
}

// lyingDir is a directory whose entries fail.
type lyingDir struct {
	http.File
	err error
}

func (l lyingDir) Open(string) (http.File, error)     { return l, nil }
func (l lyingDir) Close() error                       { return nil }
func (l lyingDir) Stat() (os.FileInfo, error)         { return dirInfo{}, nil }
func (l lyingDir) Readdir(int) ([]os.FileInfo, error) { return []os.FileInfo{fakeInfo("a")}, l.err }

type dirInfo struct{ fakeInfo }

func (dirInfo) IsDir() bool       { return true }
func (dirInfo) Mode() os.FileMode { return fs.ModeDir | 0o755 }

func TestADirectoryThatFailsHalfWayIsNoListing(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
	}{{syscall.EIO, 500}, {fs.ErrPermission, 404}, {errors.New("broken"), 500}} {
		var reported error
		h := newHandler(t, "/", lyingDir{err: test.err}, &signedfs.Options{Listing: true, Error: func(_ *http.Request, err error) { reported = err }})
		got := ask(t, listen(t, h), "GET", target(t, h, "/", later))
		if got.Status != test.status || !errors.Is(reported, test.err) || strings.Contains(got.Body, "<table") {
			t.Errorf("%v: %d, reported %v", test.err, got.Status, reported)
		}
	}
}

func TestAClientThatGoesAwayInTheMiddleLeavesNothingOpen(t *testing.T) {
	dir := tree(t)
	d := openDir(t, dir)
	h := newHandler(t, "/files/", d, nil)
	before := openFiles(t)
	for i := range 50 {
		r := httptest.NewRequest("GET", target(t, h, "large.bin", later), nil)
		if i%2 == 0 {
			r.Header.Set("Range", fmt.Sprintf("bytes=0-99999,100001-%d", 150000+i))
		}
		h.ServeHTTP(failing{httptest.NewRecorder()}, r)
	}
	// net/http reads parts in a goroutine, which may be in the middle of a read
	// that keeps the closed file for a moment.
	after := openFiles(t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); after != before && time.Now().Before(end); <-tick.C {
		after = openFiles(t)
	}
	if after != before {
		t.Errorf("%d files are open, %d before", after, before)
	}
}

// failing is a client that goes away after the header.
type failing struct{ *httptest.ResponseRecorder }

func (failing) Write([]byte) (int, error) { return 0, syscall.EPIPE }
