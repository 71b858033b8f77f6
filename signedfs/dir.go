package signedfs

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Dir is an [http.FileSystem] for the files of one directory. Unlike
// [http.Dir], it is confined to the directory by an [os.Root]. It opens regular
// files and directories alone, and never waits for a FIFO or a device.
//
// A symbolic link is followed if it is relative and every step of it stays in
// the directory. An absolute one is not, even if it leads to a file in the
// directory, nor is a relative one that leaves the directory and comes back:
// where these lead depends on where the directory is. Both are
// [fs.ErrNotExist].
//
// A Dir opens an [*os.File], so that the kernel sends the file, which [http.FS]
// prevents. The zero Dir opens nothing. A Dir is safe for concurrent use and
// must not be copied.
type Dir struct {
	opened atomic.Pointer[openDir] // nil if it is closed
	mu     sync.Mutex              // guards changes of opened
	path   string                  // absolute
	// pending is how many bytes are still to come of the files that are being
	// stored and whose sizes are known.
	pending atomic.Int64
	// named gives files a name while they are being stored, in tests.
	named bool
}

// openDir is a directory that is open. It stays open for those who have it
// until they are done, also when it is closed meanwhile.
type openDir struct {
	root *os.Root
	openat2Dir
}

func newOpenDir(path string) (*openDir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &openDir{root, newOpenat2Dir(root)}, nil
}

func (o *openDir) close() error {
	o.openat2Dir.close()
	return o.root.Close()
}

// OpenDir opens the named directory. If the directory is renamed, or another
// directory takes its name, the Dir keeps serving the one that was opened, until
// [Dir.Reopen] is called. The caller should call Close when the Dir is no longer
// in use.
func OpenDir(name string) (*Dir, error) {
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	o, err := newOpenDir(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path}
	d.opened.Store(o)
	return d, nil
}

// Reopen opens the directory that now has the name that was given to
// [OpenDir], and serves it from then on: a deployment may have put another one
// in its place, or pointed a symbolic link elsewhere. On an error the Dir keeps
// the directory that it has. It may be called while requests are served; files
// that are already open stay open. A relative name is still relative to the
// working directory at the time of OpenDir. It is an error if d is closed.
func (d *Dir) Reopen() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.opened.Load()
	if old == nil {
		return fs.ErrClosed
	}
	o, err := newOpenDir(d.path)
	if err != nil {
		return err
	}
	d.opened.Store(o)
	return old.close()
}

// Close closes the directory. Open fails from then on. Files that are already
// open stay open.
func (d *Dir) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.opened.Swap(nil)
	if o == nil {
		return fs.ErrClosed
	}
	return o.close()
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
func (d *Dir) open(name string) (f *os.File, info fs.FileInfo, err error) {
	err = d.retry(func(o *openDir) (err error) {
		f, info, err = o.open(name)
		return err
	})
	return f, info, err
}

// retry calls do with the directory that is open, and again if Reopen or Close
// closed it under the call.
func (d *Dir) retry(do func(*openDir) error) error {
	for {
		o := d.opened.Load()
		if o == nil {
			return fs.ErrClosed
		}
		if err := do(o); !errors.Is(err, fs.ErrClosed) || d.opened.Load() == o {
			return err
		}
	}
}

func (o *openDir) open(name string) (*os.File, fs.FileInfo, error) {
	local, ok := localName(name)
	if !ok {
		return nil, nil, notExist(name)
	}
	if raw, ok := o.openRaw(local); ok {
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
	f, err := o.root.OpenFile(local, os.O_RDONLY|syscall.O_NONBLOCK, 0)
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
	o := d.opened.Load()
	if o == nil {
		return nil, false
	}
	local, ok := localName(name)
	if !ok {
		return nil, false
	}
	return o.openRaw(local)
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
