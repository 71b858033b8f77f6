package signedfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.com/signedurl/signedfs"
)

// linked is a directory with every kind of symbolic link in it, beside a
// secret that none of them may lead to.
func linked(t testing.TB) string {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "root")
	for _, name := range []string{"a/b/c/d/e/f", "b"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"../secret", "f", "a/f", "a/b/f", "a/b/c/d/e/f/g", "b/f"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"file": "f", "up": "a/../f", "upup": "a/../../root/f", "top": "..", "topfile": "../secret",
		"abs": filepath.Join(parent, "secret"), "absin": filepath.Join(dir, "f"), "dir": "a", "deep": "a/b/c/d/e",
		"chain": "file", "loop": "loop", "ping": "pong", "pong": "ping", "dangling": "nowhere", "slash": "a/", "fileslash": "f/",
		"dot": ".", "a/up": "..", "a/upfile": "../f", "a/upupfile": "../../secret", "a/b/out": "../../../secret",
		"proc": "/proc/self/root/etc/passwd", "fd": "/proc/self/fd/0", "long": strings.Repeat("a/../", 5) + "f",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	return dir
}

// same fails if a Dir does not answer as os.Root does.
func same(t *testing.T, d *signedfs.Dir, root *os.Root, name string) {
	t.Helper()
	var want os.FileInfo
	local := strings.TrimPrefix(name, "/")
	if local == "" {
		local = "."
	}
	if fs.ValidPath(local) {
		if f, err := root.OpenFile(filepath.FromSlash(local), os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			want, err = f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if !want.Mode().IsRegular() && !want.IsDir() {
				want = nil
			}
		}
	}
	f, err := d.Open(name)
	if err != nil {
		if want != nil {
			t.Errorf("Open(%q): %v, and os.Root opens it", name, err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v, want fs.ErrNotExist", name, err)
		}
		if f != nil {
			t.Errorf("Open(%q): a file with the error %v", name, err)
		}
		return
	}
	defer f.Close()
	if _, ok := f.(*os.File); !ok {
		t.Errorf("Open(%q) is a %T, which the kernel cannot send", name, f)
	}
	got, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if want == nil || !os.SameFile(got, want) {
		t.Errorf("Open(%q) opened what os.Root does not", name)
	}
}

func TestDirOpensWhatRootOpens(t *testing.T) {
	dir := linked(t)
	d := openDir(t, dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	names := []string{"", "/", "/.", "/a/", "//a", "/a//f", "/a/.", "/a/..", "/../secret", "/a/../../secret", "/a\x00", "/\xff", "a\\f",
		"/" + strings.Repeat("x", 300), strings.Repeat("/x", 3000)}
	parts := []string{"", "a", "b", "c", "f", "g", "file", "up", "upup", "top", "topfile", "abs", "absin", "dir", "deep", "chain", "loop", "ping",
		"dangling", "slash", "fileslash", "dot", "upfile", "upupfile", "out", "proc", "fd", "long", "secret", "root", "missing", "..", "."}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range []string{"", "f", "up", "dir", "topfile", "secret", "..", "missing"} {
				names = append(names, "/"+strings.Trim(a+"/"+b+"/"+c, "/"))
			}
		}
	}
	for _, name := range names {
		same(t, d, root, name)
	}
	slow := signedfs.WithoutFastPath(d)
	for i := 0; i < len(names); i += 7 {
		same(t, slow, root, names[i])
	}
}

func FuzzDirOpensWhatRootOpens(f *testing.F) {
	seeds := [][2]string{
		{"f", "link"}, {"a/../f", "link"}, {"../root/f", "link"}, {"../secret", "link"}, {"/etc/passwd", "link"}, {"a", "link/b/f"}, {"..", "link/secret"},
		{"./a/./b//f", "link"}, {"link", "link"}, {"a/b/", "link/f"}, {"file", "link"}, {"proc", "link"}, {"", "a/b/../f"}, {"x", "a/b/f"}, {"a/up/a/up/f", "link"},
	}
	for _, s := range seeds {
		f.Add(s[0], s[1])
	}
	dir := linked(f)
	d := openDir(f, dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	f.Cleanup(func() { root.Close() })
	f.Fuzz(func(t *testing.T, target, name string) {
		if strings.Count(target+"/"+name, "/") > 8 {
			t.Skip() // os.Root follows 8 links and the kernel 40
		}
		os.Remove(link)
		os.Symlink(target, link) // may fail: then there is no link
		same(t, d, root, name)
		same(t, d, root, "link/"+name)
	})
}

func TestDirNeverLeavesItsDirectoryWhileLinksAreSwapped(t *testing.T) {
	dir := linked(t)
	d := openDir(t, dir)
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		swapped := filepath.Join(dir, "swapped")
		for {
			select {
			case <-stop:
				return
			default:
			}
			os.Remove(swapped)
			os.Symlink("a", swapped)
			os.Remove(swapped)
			os.Symlink("..", swapped)
		}
	}()
	for range 2000 {
		for _, name := range []string{"/swapped/secret", "/swapped/up/secret", "/dir/up/swapped/secret"} {
			if f, err := d.Open(name); err == nil {
				b, _ := io.ReadAll(f)
				f.Close()
				t.Fatalf("%s opened %q", name, b)
			}
		}
	}
	close(stop)
	<-done
}

func TestDirClosed(t *testing.T) {
	dir := linked(t)
	d, err := signedfs.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := d.Open("/a/f")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				f, err := d.Open("/a/f")
				if err != nil {
					if !errors.Is(err, fs.ErrClosed) {
						t.Errorf("while it is closed: %v", err)
					}
					return
				}
				f.Close()
			}
		})
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	// The number of the closed directory is now another's.
	other, err := os.Open(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, name := range []string{"/a/f", "/secret", "/root/f"} {
		if _, err := d.Open(name); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	if b, err := io.ReadAll(f); string(b) != "a/f" || err != nil {
		t.Errorf("a file that was open before Close: %q, %v", b, err)
	}
	f.Close()
}

func TestZeroDirOpensNothing(t *testing.T) {
	var d signedfs.Dir
	if f, err := d.Open("/"); err == nil || f != nil {
		t.Errorf("%v, %v", f, err)
	}
	if err := d.Close(); err == nil {
		t.Error("Close: no error")
	}
}

func TestDirFollowsItsDirectory(t *testing.T) {
	dir := linked(t)
	d := openDir(t, dir)
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Skip(err)
	}
	if f, err := d.Open("/a/b/f"); err != nil {
		t.Error(err)
	} else {
		f.Close()
	}
	// A directory within is looked up anew each time.
	if err := os.Rename(filepath.Join(moved, "b"), filepath.Join(moved, "a", "b", "c", "d", "e", "f", "b")); err != nil {
		t.Fatal(err)
	}
	if f, err := d.Open("/b/f"); err == nil {
		f.Close()
		t.Error("a directory that was moved away is still there")
	}
}

// deployed is a directory with two releases and a symbolic link to the first.
func deployed(t *testing.T) (current string, swap func(to string)) {
	t.Helper()
	dir := t.TempDir()
	for _, release := range []string{"1", "2"} {
		if err := os.MkdirAll(filepath.Join(dir, release, "kyc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, release, "kyc", "a.txt"), []byte("release "+release), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	current = filepath.Join(dir, "current")
	swap = func(to string) {
		t.Helper()
		if err := os.Symlink(to, current+".new"); err != nil {
			t.Skip(err)
		}
		if err := os.Rename(current+".new", current); err != nil {
			t.Fatal(err)
		}
	}
	swap("1")
	return current, swap
}

// A person deploys by pointing a symbolic link to the new release, and removes
// the old one.
func TestAReopenedDirServesTheNewRelease(t *testing.T) {
	current, swap := deployed(t)
	d := openDir(t, current)
	h := newHandler(t, "/files/", d, nil)
	addr := listen(t, h)
	link := target(t, h, "kyc/a.txt", later)
	want := func(when, body string) {
		t.Helper()
		for _, header := range []string{"X: whole", "Range: bytes=0-"} {
			if got := ask(t, addr, "GET", link, header); got.Body != body {
				t.Errorf("%s, %s: %d %q, want %q", when, header, got.Status, got.Body, body)
			}
		}
	}
	open, err := d.Open("/kyc/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	swap("2")
	want("before Reopen", "release 1")
	if err := d.Reopen(); err != nil {
		t.Fatal(err)
	}
	want("after Reopen", "release 2")
	if b, err := io.ReadAll(open); string(b) != "release 1" || err != nil {
		t.Errorf("a file that was open before Reopen: %q, %v", b, err)
	}

	for _, broken := range []string{"nowhere", "2/kyc/a.txt"} {
		swap(broken)
		if err := d.Reopen(); err == nil {
			t.Errorf("the link leads to %s, and Reopen returns no error", broken)
		}
		want("after Reopen failed", "release 2")
	}
	swap("1")
	if err := d.Reopen(); err != nil {
		t.Fatal(err)
	}
	want("after the next Reopen", "release 1")
}

func TestReopenWhileRequestsAreServed(t *testing.T) {
	current, swap := deployed(t)
	d := openDir(t, current)
	before := openFiles(t)
	done := make(chan bool)
	var wg sync.WaitGroup
	for _, d := range []*signedfs.Dir{d, d} {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				f, err := d.Open("/kyc/a.txt")
				if err != nil {
					t.Errorf("while it is opened again: %v", err)
					return
				}
				b, err := io.ReadAll(f)
				if err != nil || !strings.HasPrefix(string(b), "release ") {
					t.Errorf("while it is opened again: %q, %v", b, err)
				}
				f.Close()
				if f, err = d.Open("/kyc"); err != nil {
					t.Errorf("a directory, while it is opened again: %v", err)
					return
				}
				f.Close()
			}
		})
	}
	for i := range 200 {
		swap(fmt.Sprint(1 + i%2))
		if err := d.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, %d before", after, before)
	}
}

func TestReopenOfARelativeNameAfterChdir(t *testing.T) {
	current, swap := deployed(t)
	t.Chdir(filepath.Dir(current))
	d := openDir(t, "current")
	t.Chdir("1")
	swap("2")
	if err := d.Reopen(); err != nil {
		t.Fatal(err)
	}
	f, err := d.Open("/kyc/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, _ := io.ReadAll(f); string(b) != "release 2" {
		t.Errorf("%q", b)
	}
}

func TestAClosedDirIsNotReopened(t *testing.T) {
	current, _ := deployed(t)
	d := openDir(t, current)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Reopen(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Reopen: %v", err)
	}
	if err := d.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Close: %v", err)
	}
	if f, err := d.Open("/kyc/a.txt"); !errors.Is(err, fs.ErrClosed) || f != nil {
		t.Errorf("Open: %v, %v", f, err)
	}
	if err := new(signedfs.Dir).Reopen(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Reopen of the zero Dir: %v", err)
	}
}

func TestAHandlerWhoseDirIsClosedAnswersAndReports(t *testing.T) {
	d := openDir(t, linked(t))
	var reported error
	h := newHandler(t, "/files/", d, &signedfs.Options{Listing: true, Error: func(_ *http.Request, err error) { reported = err }})
	addr := listen(t, h)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f", "a/b/f", "a/", "missing"} {
		for _, header := range []string{"X: whole", "Range: bytes=0-"} {
			reported = nil
			if got := ask(t, addr, "GET", target(t, h, name, later), header); got.Status != 500 || !errors.Is(reported, fs.ErrClosed) {
				t.Errorf("%s, %s: %d, reported %v", name, header, got.Status, reported)
			}
		}
	}
}

// The documentation says which symbolic links are followed.
func TestWhichSymbolicLinksAreServed(t *testing.T) {
	dir := linked(t)
	d := openDir(t, dir)
	for _, root := range []*signedfs.Dir{d, signedfs.WithoutFastPath(d)} {
		h := newHandler(t, "/files/", root, nil)
		addr := listen(t, h)
		for name, status := range map[string]int{
			"file":     200, // relative, beside it
			"up":       200, // relative, through another directory
			"a/up/f":   200, // relative, to the directory above, inside
			"chain":    200, // a link to a link
			"absin":    404, // absolute, to a file inside
			"abs":      404, // absolute, to a file outside
			"topfile":  404, // relative, to a file outside
			"upup":     404, // relative, out of the directory and in again
			"loop":     404,
			"dangling": 404,
		} {
			if got := ask(t, addr, "GET", target(t, h, name, later)); got.Status != status {
				t.Errorf("%s: %d, want %d", name, got.Status, status)
			}
		}
	}
}

func TestOpenDirRefusesWhatIsNoDirectory(t *testing.T) {
	dir := linked(t)
	for _, name := range []string{"f", "nowhere", "dangling", "f/x"} {
		if d, err := signedfs.OpenDir(filepath.Join(dir, name)); err == nil || d != nil {
			t.Errorf("OpenDir(%q): %v, %v", name, d, err)
		}
	}
}

func TestDirReadsDirectories(t *testing.T) {
	d := openDir(t, linked(t))
	f, err := d.Open("/a/b/c/d/e/f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	infos, err := f.Readdir(-1)
	if err != nil || len(infos) != 1 || infos[0].Name() != "g" || infos[0].Size() != int64(len("a/b/c/d/e/f/g")) {
		t.Errorf("%v, %v", infos, err)
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, depth := range []int{1, 2, 7} {
		dir := b.TempDir()
		name := strings.Repeat("d/", depth-1) + "f"
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644); err != nil {
			b.Fatal(err)
		}
		d := openDir(b, dir)
		for _, fs := range []struct {
			name string
			http.FileSystem
		}{{"http.Dir", http.Dir(dir)}, {"os.Root", signedfs.WithoutFastPath(d)}, {"signedfs.Dir", d}} {
			b.Run(fmt.Sprintf("fs=%s/depth=%d", fs.name, depth), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f, err := fs.Open("/" + name)
					if err != nil {
						b.Fatal(err)
					}
					f.Close()
				}
			})
		}
	}
}
