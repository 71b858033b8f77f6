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

// Dir is an [http.FileSystem] for the files of one directory. Unlike
// [http.Dir], it is confined to the directory by an [os.Root]: it opens nothing
// outside, and follows no symbolic link to there. It opens regular files and
// directories alone, and never waits for a FIFO or a device.
//
// It opens an [*os.File], so that the kernel sends the file, which [http.FS]
// prevents. The zero Dir opens nothing. A Dir is safe for concurrent use.
type Dir struct {
	root *os.Root
	openat2Dir
}

// OpenDir opens a directory of the machine. The Dir follows the directory when
// it is renamed. The caller should call Close when the Dir is no longer served.
func OpenDir(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	d := &Dir{root: root}
	d.openat2Dir = newOpenat2Dir(root)
	return d, nil
}

// Close closes the directory. Open fails from then on. Files that are already
// open stay open.
func (d *Dir) Close() error {
	if d.root == nil {
		return fs.ErrClosed
	}
	d.openat2Dir.close()
	return d.root.Close()
}

// Open opens a regular file or a directory. The parts of its name are separated
// by slashes, and the name may begin with one. The error is [fs.ErrNotExist] if
// the name is that of anything else, leads outside, or cannot be a name.
func (d *Dir) Open(name string) (http.File, error) {
	f, _, err := d.open(name)
	if err != nil {
		return nil, err // a nil *os.File in f would be a non-nil http.File
	}
	return f, nil
}

// open is Open. It returns what it found out about the file as well.
func (d *Dir) open(name string) (*os.File, fs.FileInfo, error) {
	if d.root == nil {
		return nil, nil, fs.ErrClosed
	}
	local, ok := localName(name)
	if !ok {
		return nil, nil, notExist(name)
	}
	if raw, ok := d.openat2Dir.openRaw(local); ok {
		f := raw.toFile(local)
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		return f, info, nil
	}
	// Without O_NONBLOCK, opening a FIFO waits for a writer. The flag makes no
	// difference to a regular file.
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

// openRaw opens a regular file for a caller that reads it from one goroutine.
// It reports false for what open has to open or to refuse.
func (d *Dir) openRaw(name string) (*rawFile, bool) {
	local, ok := localName(name)
	if !ok {
		return nil, false
	}
	return d.openat2Dir.openRaw(local)
}

// localName returns a name in the form of the operating system and os.Root.
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

// noFile reports whether an error says that there is no such file, or that
// there cannot be one: the name is too long, treats a file as a directory, is
// part of a loop of symbolic links, or belongs to a socket.
func noFile(err error) bool {
	for _, e := range [...]error{
		fs.ErrNotExist, fs.ErrInvalid,
		syscall.ENAMETOOLONG, syscall.ENOTDIR, syscall.ELOOP, syscall.ENXIO, syscall.ENODEV,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	// Windows reports a name that is too long as ERROR_INVALID_NAME or
	// ERROR_FILENAME_EXCED_RANGE.
	var errno syscall.Errno
	return runtime.GOOS == "windows" && errors.As(err, &errno) && (errno == 123 || errno == 206)
}

// outside reports whether the refusal to open came from os.Root, as it does for
// a name that leads outside, and not from the operating system. os.Root has no
// sentinel to compare with.
func outside(err error) bool {
	var errno syscall.Errno
	return !errors.As(err, &errno) && !errors.Is(err, fs.ErrClosed)
}
