package signedfs_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/signedfs"
)

// gateFS has files that cannot be opened: "broken" at any time, and "slow" once
// the gate is opened.
type gateFS struct {
	http.FileSystem
	entered, gate chan struct{}
}

func newGateFS(root http.FileSystem) *gateFS {
	return &gateFS{root, make(chan struct{}), make(chan struct{})}
}

func (f *gateFS) Open(name string) (http.File, error) {
	switch name {
	case "/broken":
		return nil, errors.New("the disk is broken")
	case "/slow":
		f.entered <- struct{}{}
		<-f.gate
		return nil, fs.ErrNotExist
	}
	return f.FileSystem.Open(name)
}

// careful is a store that answers no request that has ended.
type careful struct{ *memstore.Uses }

func (s careful) Take(ctx context.Context, u middleware.Use) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return s.Uses.Take(ctx, u)
}

func (s careful) GiveBack(ctx context.Context, u middleware.Use) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.Uses.GiveBack(ctx, u)
}

// counted returns the options of a handler that counts uses, to which a client
// can say what its address is.
func counted(window time.Duration) *signedfs.Options {
	return &signedfs.Options{Verify: middleware.Options{
		Uses:           careful{memstore.NewUses(nil)},
		UseWindow:      window,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}}
}

// uses are claims for links that have so many uses together.
func uses(id string, n int) middleware.Claims {
	c := later
	c.ID, c.Uses = id, n
	return c
}

const (
	ofAlice = "X-Forwarded-For: 192.0.2.1"
	ofBob   = "X-Forwarded-For: 192.0.2.2"
)

// A reply without a byte of the file leaves a link with one use as it was, and
// any other takes the use.
func TestAReplyWithoutTheFileTakesNoUse(t *testing.T) {
	dir := tree(t)
	if err := os.WriteFile(filepath.Join(dir, "empty"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, method, file string
		header             []string
		status             int
		takes              bool
	}{
		{"the file has not changed", "GET", "note.txt", []string{"If-None-Match: *"}, 304, false},
		{"the file has not changed since", "GET", "note.txt", []string{"If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"}, 304, false},
		{"there is no such file", "GET", "none", nil, 404, false},
		{"a directory without its slash", "GET", "kyc", nil, 404, false},
		{"a file with a slash", "GET", "note.txt/", nil, 404, false},
		{"a method that the handler does not know", "POST", "note.txt", nil, 405, false},
		{"a condition that fails", "GET", "note.txt", []string{`If-Match: "another"`}, 412, false},
		{"a condition on time that fails", "GET", "note.txt", []string{"If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"}, 412, false},
		{"a range beyond the end", "GET", "note.txt", []string{"Range: bytes=99999-"}, 416, false},
		{"a range that is none", "GET", "note.txt", []string{"Range: bytes=x"}, 416, false},
		{"a file that cannot be opened", "GET", "broken", nil, 500, false},
		{"HEAD", "HEAD", "note.txt", nil, 200, false},
		{"HEAD of no file", "HEAD", "none", nil, 404, false},
		{"the file", "GET", "note.txt", nil, 200, true},
		{"a large file", "GET", "large.bin", nil, 200, true},
		{"an empty file", "GET", "empty", nil, 200, true},
		{"a range", "GET", "note.txt", []string{"Range: bytes=0-0"}, 206, true},
		{"two ranges", "GET", "note.txt", []string{"Range: bytes=0-0,2-2"}, 206, true},
		{"a condition that holds", "GET", "note.txt", []string{"If-Match: *"}, 200, true},
		{"a listing", "GET", "kyc/", nil, 200, true},
	}
	for kind, root := range map[string]http.FileSystem{"signedfs.Dir": openDir(t, dir), "another file system": newGateFS(http.Dir(dir))} {
		opts := counted(0)
		opts.Listing = true
		h := newHandler(t, "/files/", root, opts)
		addr := listen(t, h)
		for _, tt := range tests {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				if _, gate := root.(*gateFS); !gate && tt.file == "broken" {
					t.Skip("a Dir has no such file")
				}
				c := uses(kind+tt.name, 1)
				c.ID = strings.ReplaceAll(c.ID, " ", "-")
				c.Methods = []string{"GET", "POST"}
				link := sign(t, "/files/"+tt.file, c)
				for range 2 { // it is no different the second time, but for a link that is used up
					if got := ask(t, addr, tt.method, link, tt.header...); got.Status != tt.status {
						t.Errorf("%d, want %d", got.Status, tt.status)
					}
					if tt.takes {
						break
					}
				}
				good := target(t, h, "note.txt", c)
				want := []int{200, 404}
				if tt.takes {
					want[0] = 404
				}
				got := []int{ask(t, addr, "GET", good).Status, ask(t, addr, "GET", good).Status}
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("a good request of the same id, and another (-want +got):\n%s", d)
				}
			})
		}
	}
}

// events records in what order a use is given back and a header is written.
type events struct {
	middleware.UseStore
	mu  sync.Mutex
	log []string
}

func (e *events) add(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.log = append(e.log, what)
}

func (e *events) GiveBack(ctx context.Context, u middleware.Use) error {
	e.add("given back")
	return e.UseStore.GiveBack(ctx, u)
}

type eventWriter struct {
	http.ResponseWriter
	events *events
}

func (w eventWriter) WriteHeader(code int) {
	w.events.add("header")
	w.ResponseWriter.WriteHeader(code)
}

// When a client has the reply, it can use the link again.
func TestAUseIsGivenBackBeforeTheReplyBegins(t *testing.T) {
	e := &events{UseStore: memstore.NewUses(nil)}
	h := newHandler(t, "/files/", openDir(t, tree(t)), &signedfs.Options{Verify: middleware.Options{Uses: e}})
	addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(eventWriter{w, e}, r) }))
	for _, tt := range []struct {
		name   string
		header []string
		want   []string
	}{
		{"note.txt", []string{"If-None-Match: *"}, []string{"given back", "header"}},
		{"note.txt", []string{"Range: bytes=99999-"}, []string{"given back", "header"}},
		{"none", nil, []string{"given back", "header"}},
		{"note.txt", nil, []string{"header"}},
	} {
		e.log = nil
		status := ask(t, addr, "GET", target(t, h, tt.name, uses("a", 9)), tt.header...).Status
		if d := cmp.Diff(tt.want, e.log); d != "" {
			t.Errorf("%d (-want +got):\n%s", status, d)
		}
	}
}

// A player fetches two ranges at once, and is one use.
func TestTwoRangesAtOnceAreOneUseInAWindow(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), counted(time.Minute))
	addr := listen(t, h)
	link := target(t, h, "large.bin", uses("a", 1))
	var both sync.WaitGroup
	for _, ranges := range []string{"Range: bytes=0-99", "Range: bytes=100-199"} {
		both.Go(func() {
			if got := ask(t, addr, "GET", link, ranges, ofAlice); got.Status != 206 || len(got.Body) != 100 {
				t.Errorf("%s: %d with %d bytes", ranges, got.Status, len(got.Body))
			}
		})
	}
	both.Wait()
	got := []int{
		ask(t, addr, "GET", link, "Range: bytes=9999999-", ofAlice).Status, // gives nothing back
		ask(t, addr, "GET", link, ofBob).Status,
		ask(t, addr, "GET", link, ofAlice).Status,
	}
	if d := cmp.Diff([]int{416, 404, 200}, got); d != "" {
		t.Errorf("statuses (-want +got):\n%s", d)
	}
}

// The window of a use that is given back is closed.
func TestARequestThatGotNothingOpensNoWindow(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), counted(time.Minute))
	addr := listen(t, h)
	link := target(t, h, "note.txt", uses("a", 1))
	got := []int{
		ask(t, addr, "GET", link, "Range: bytes=99999-", ofAlice).Status,
		ask(t, addr, "GET", link, "If-None-Match: *", ofAlice).Status,
		ask(t, addr, "GET", link, ofBob).Status,
		ask(t, addr, "GET", link, ofAlice).Status,
		ask(t, addr, "GET", link, ofBob).Status,
	}
	if d := cmp.Diff([]int{416, 304, 200, 404, 200}, got); d != "" {
		t.Errorf("statuses (-want +got):\n%s", d)
	}
}

// A request that gets nothing gives nothing back if another one got the file
// for free in its window.
func TestAFreeDownloadInTheWindowIsPaidFor(t *testing.T) {
	root := newGateFS(http.Dir(tree(t)))
	h := newHandler(t, "/files/", root, counted(time.Minute))
	addr := listen(t, h)
	var slow sync.WaitGroup
	slow.Go(func() {
		if got := ask(t, addr, "GET", target(t, h, "slow", uses("a", 1)), ofAlice); got.Status != 404 {
			t.Errorf("the slow request: %d, want 404", got.Status)
		}
	})
	<-root.entered
	link := target(t, h, "note.txt", uses("a", 1))
	got := []int{ask(t, addr, "GET", link, ofAlice).Status}
	close(root.gate)
	slow.Wait()
	got = append(got, ask(t, addr, "GET", link, ofBob).Status)
	if d := cmp.Diff([]int{200, 404}, got); d != "" {
		t.Errorf("statuses (-want +got):\n%s", d)
	}
}

// A client that goes away before there is a reply gets its use back. One that
// goes away during the file does not.
func TestTheUseOfAClientThatGoesAway(t *testing.T) {
	root := newGateFS(http.Dir(tree(t)))
	h := newHandler(t, "/files/", root, counted(0))
	gone, done := make(chan (<-chan struct{}), 1), make(chan struct{}, 1)
	addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/files/note.txt" {
			h.ServeHTTP(w, r)
			return
		}
		gone <- r.Context().Done()
		h.ServeHTTP(w, r)
		done <- struct{}{}
	}))
	send := func(target string) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: files.example\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conn := send(target(t, h, "slow", uses("a", 1)))
	<-root.entered
	conn.Close()
	<-<-gone
	close(root.gate)
	<-done
	if got := ask(t, addr, "GET", target(t, h, "note.txt", uses("a", 1))); got.Status != 200 {
		t.Errorf("after a client that went away before the reply: %d, want 200", got.Status)
	}

	conn = send(target(t, h, "large.bin", uses("b", 1)))
	if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-gone
	<-done
	if got := ask(t, addr, "GET", target(t, h, "note.txt", uses("b", 1))); got.Status != 404 {
		t.Errorf("after a client that went away during the file: %d, want 404", got.Status)
	}
}

// lossy is a store that cannot take anything back.
type lossy struct{ middleware.UseStore }

func (lossy) GiveBack(context.Context, middleware.Use) error {
	return errors.New("no route to the store")
}

func TestAUseThatCannotBeGivenBackChangesNothingAboutTheReply(t *testing.T) {
	var errs []error
	opts := &signedfs.Options{
		Verify: middleware.Options{Uses: lossy{memstore.NewUses(nil)}},
		Error:  func(_ *http.Request, err error) { errs = append(errs, err) },
	}
	h := newHandler(t, "/files/", openDir(t, tree(t)), opts)
	addr := listen(t, h)
	plain := ask(t, addr, "GET", target(t, h, "none", later))
	got := ask(t, addr, "GET", target(t, h, "none", uses("a", 1)))
	for _, r := range []reply{plain, got} {
		r.Header.Del("Date")
	}
	if d := cmp.Diff(plain, got); d != "" {
		t.Errorf("(-without a use +with one):\n%s", d)
	}
	if len(errs) != 1 || !errors.Is(errs[0], middleware.ErrUnavailable) {
		t.Errorf("the operator learns %v; want one error that wraps ErrUnavailable", errs)
	}
}
