//go:build unix

package signedfs_test

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"example.com/signedurl/signedfs"
	"github.com/google/go-cmp/cmp"
)

func TestWhatIsNoFileAnswersAtOnce(t *testing.T) {
	dir := tree(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo.txt"), 0o644); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("fifo.txt", filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	names := []string{"fifo.txt", "link.txt"}
	t.Chdir(dir) // the name of a socket must be short
	if l, err := net.Listen("unix", "socket.txt"); err == nil {
		defer l.Close()
		names = append(names, "socket.txt")
	}
	// As root only: the device of /dev/zero, which never ends.
	if err := syscall.Mknod(filepath.Join(dir, "zero.txt"), syscall.S_IFCHR|0o644, 1<<8|5); err == nil {
		names = append(names, "zero.txt")
	}
	d := openDir(t, dir)
	for _, root := range []*signedfs.Dir{d, signedfs.WithoutFastPath(d)} {
		h := newHandler(t, "/files/", root, &signedfs.Options{Listing: true})
		addr := listen(t, h)
		want := []string{"kyc/", "a%2Fb.txt", "index.html", "large.bin", "logo.svg", "note.txt", "wie schön & gut;+#.txt"}
		if diff := cmp.Diff(want, listed(ask(t, addr, "GET", target(t, h, "/", later)).Body)); diff != "" {
			t.Errorf("the listing (-want +got):\n%s", diff)
		}
		for _, name := range names {
			if f, err := root.Open("/" + name); !errors.Is(err, fs.ErrNotExist) || f != nil {
				t.Errorf("Open(%q): %v, %v", name, f, err)
			}
			if diff := cmp.Diff(denied(404), volatile(ask(t, addr, "GET", target(t, h, name, later)))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
}

func TestFileThatMayNotBeReadIsNotFound(t *testing.T) {
	dir := tree(t)
	path := filepath.Join(dir, "note.txt")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(path); err == nil {
		f.Close()
		t.Skip("this user may read everything")
	}
	var reported []error
	h := newHandler(t, "/files/", openDir(t, dir), &signedfs.Options{
		Error: func(_ *http.Request, err error) { reported = append(reported, err) },
	})
	if got := ask(t, listen(t, h), "GET", target(t, h, "note.txt", later)); got.Status != 404 || len(reported) != 1 {
		t.Errorf("%d, reported %v", got.Status, reported)
	}
}
