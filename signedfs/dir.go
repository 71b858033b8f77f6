package signedfs

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Dir is the [http.FileSystem] of a directory, as [http.Dir] is, but with an
// [os.Root] between it and the rest of the machine. It opens regular files and
// directories, and nothing else: not what lies outside, whichever symbolic
// link leads there, and no FIFO or device, on which [http.Dir] would wait.
// Symbolic links that stay inside are followed.
//
// What it opens is an [*os.File], so that files are sent by the kernel, which
// [http.FS] prevents. The zero Dir opens nothing. A Dir is safe for concurrent
// use.
type Dir struct {
	root *os.Root
	quickDir
}

// OpenDir opens a directory of the machine. The Dir follows the directory when
// it is renamed. Close it when no request is served from it any more.
func OpenDir(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &Dir{root: root}
	d.quickDir = openQuickDir(root)
	return d, nil
}

// Close closes the directory. Files that are open remain so; opening fails
// from then on.
func (d *Dir) Close() error {
	if d.root == nil {
		return fs.ErrClosed
	}
	d.quickDir.close()
	return d.root.Close()
}

// Open opens a regular file or a directory, whose name has slashes between its
// parts and may begin with one. The error is [fs.ErrNotExist] for whatever is
// not one of these, cannot be a name, or lies outside.
func (d *Dir) Open(name string) (http.File, error) {
	f, _, err := d.open(name)
	if err != nil {
		return nil, err // not f: a nil *os.File is no nil http.File
	}
	return f, nil
}

// open is Open, with what it had to find out about the file.
func (d *Dir) open(name string) (*os.File, fs.FileInfo, error) {
	if d.root == nil {
		return nil, nil, fs.ErrClosed
	}
	local, ok := localName(name)
	if !ok {
		return nil, nil, notExist(name)
	}
	if quick, ok := d.openQuick(local); ok {
		f := quick.file(local)
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		return f, info, nil
	}
	// Without O_NONBLOCK, opening a FIFO waits for somebody to write to it. It
	// makes no difference to a regular file.
	f, err := d.root.OpenFile(local, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if noFile(err) || outside(err) {
			err = notExist(name)
		}
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = notExist(name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// quick is open for a caller that reads a regular file once and from one
// goroutine. It reports false for what has to be opened, or refused, by open.
func (d *Dir) quick(name string) (*quickFile, bool) {
	local, ok := localName(name)
	if !ok {
		return nil, false
	}
	return d.openQuick(local)
}

// localName returns a name as the operating system and os.Root take it.
func localName(name string) (string, bool) {
	if name = strings.TrimPrefix(name, "/"); name == "" {
		name = "."
	}
	local, err := filepath.Localize(name)
	return local, err == nil
}

func notExist(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// noFile reports whether an error of opening says that there is no such file,
// or that there cannot be one: the name is too long, goes through a file as if
// it were a directory, or in circles, or belongs to a socket.
func noFile(err error) bool {
	for _, e := range [...]error{
		fs.ErrNotExist, fs.ErrInvalid,
		syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.ELOOP, syscall.ENXIO, syscall.ENODEV,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	// Windows has no such error for a name that is too long:
	// ERROR_INVALID_NAME, ERROR_FILENAME_EXCED_RANGE.
	var errno syscall.Errno
	return runtime.GOOS == "windows" && errors.As(err, &errno) && (errno == 123 || errno == 206)
}

// outside reports whether it was os.Root that refused to open, which it does
// if a name leads outside, and not the operating system. There is no sentinel
// to compare with.
func outside(err error) bool {
	var errno syscall.Errno
	return !errors.As(err, &errno) && !errors.Is(err, fs.ErrClosed)
}
