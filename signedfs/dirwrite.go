package signedfs

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Who may read and write what a Dir creates, before the umask. A server that
// sends the files in our place joins the group.
const (
	fileMode = 0o640
	dirMode  = 0o750
)

// tempPrefix begins the names of files that are not finished, where a file
// cannot be without a name. They are hidden, so that they are never served or
// listed. A process that is killed leaves them behind.
const tempPrefix = ".upload-"

func tempName() string { return tempPrefix + rand.Text() }

// Check tries to store a file, and removes it.
func (d *Dir) Check(context.Context) error {
	return d.retry(func(o *openDir) error {
		name := tempName()
		first, err := o.create(name, CreateOptions{Size: -1}, d)
		if err != nil {
			return err
		}
		defer first.Abort()
		second, err := o.create(name, CreateOptions{Size: -1}, d)
		if err != nil {
			return err
		}
		defer second.Abort()
		if _, err := first.Commit(); err != nil {
			return err
		}
		defer o.root.Remove(name)
		if _, err := second.Commit(); !errors.Is(err, fs.ErrExist) {
			return errors.New("signedurl: the file system overwrites a file where it should not")
		}
		return nil
	})
}

// Create begins a file, which appears when it is committed: see [Writer]. On
// Linux it has no name until then, if the file system has O_TMPFILE. Elsewhere
// its name is a hidden one in the same directory, which begins with ".upload-".
// If the process is killed, that file stays, and is for the operator to remove.
//
// Directories that are symbolic links are not written through, and a symbolic
// link is never followed to the file. Files have mode 0640 and directories
// 0750, before the umask.
func (d *Dir) Create(_ context.Context, name string, opts CreateOptions) (NewFile, error) {
	var f *dirFile
	err := d.retry(func(o *openDir) (err error) {
		f, err = o.create(strings.TrimPrefix(name, "/"), opts, d)
		return err
	})
	if err != nil {
		return nil, err // a nil *dirFile would be a non-nil NewFile
	}
	return f, nil
}

func (o *openDir) create(name string, opts CreateOptions, d *Dir) (*dirFile, error) {
	local, ok := localName(name)
	if !ok || local == "." {
		return nil, notExist(name)
	}
	dir, err := o.enter(filepath.Dir(local), opts.MakeDirs)
	if err != nil {
		if noFile(err) || outside(err) {
			err = notExist(name)
		}
		return nil, err
	}
	f := &dirFile{dir: dir, name: filepath.Base(local), replace: opts.Replace, owner: d}
	if err := f.begin(opts.Size); err != nil {
		f.Abort()
		return nil, err
	}
	return f, nil
}

// enter opens a directory. No part of its name may be a symbolic link.
func (o *openDir) enter(name string, makeDirs bool) (*os.Root, error) {
	at, err := o.root.OpenRoot(".")
	if err != nil || name == "." {
		return at, err
	}
	for part := range strings.SplitSeq(name, string(filepath.Separator)) {
		next, err := enterPart(at, part, makeDirs)
		at.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
	return at, nil
}

func enterPart(at *os.Root, part string, makeDirs bool) (*os.Root, error) {
	named, err := at.Lstat(part)
	if makeDirs && errors.Is(err, fs.ErrNotExist) {
		if err := at.Mkdir(part, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if err := syncDir(at); err != nil {
			return nil, err
		}
		named, err = at.Lstat(part)
	}
	if err != nil {
		return nil, err
	}
	if !named.IsDir() {
		return nil, notExist(part)
	}
	next, err := at.OpenRoot(part)
	if err != nil {
		return nil, err
	}
	// OpenRoot follows a symbolic link that took the name just now.
	opened, err := next.Stat(".")
	if err == nil && !os.SameFile(named, opened) {
		err = notExist(part)
	}
	if err != nil {
		next.Close()
		return nil, err
	}
	return next, nil
}

// syncDir makes the names in a directory stable. Windows does it without being
// asked, and cannot be.
func syncDir(dir *os.Root) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// dirFile is a file of a Dir that is being stored.
type dirFile struct {
	dir      *os.Root // that of the name
	name     string
	replace  bool
	file     *os.File
	temp     string // its name until it is committed, or "" if it has none
	owner    *Dir
	reserved int64 // what is still to be written
	done     bool
}

func (f *dirFile) begin(size int64) error {
	if !f.replace {
		if _, err := f.dir.Lstat(f.name); err == nil {
			return &fs.PathError{Op: "create", Path: f.name, Err: fs.ErrExist}
		}
	}
	err := errors.ErrUnsupported
	if !f.owner.named {
		f.file, err = openUnnamed(f.dir)
	}
	if err != nil {
		f.temp = tempName()
		if f.file, err = f.dir.OpenFile(f.temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode); err != nil {
			f.temp = ""
			return err
		}
	}
	return f.reserve(size)
}

// reserve refuses a file for which there is no room, beside those that are
// under way.
func (f *dirFile) reserve(size int64) error {
	if size <= 0 {
		return nil
	}
	free, ok := freeSpace(f.file)
	if !ok {
		return nil
	}
	f.reserved = size
	if f.owner.pending.Add(size) > free {
		return &fs.PathError{Op: "create", Path: f.name, Err: syscall.ENOSPC}
	}
	return nil
}

// diskFull reports whether an error says that there is no room for a file.
func diskFull(err error) bool {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return true
	}
	// ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
	var errno syscall.Errno
	return runtime.GOOS == "windows" && errors.As(err, &errno) && (errno == 39 || errno == 112)
}

func (f *dirFile) release(n int64) {
	n = min(n, f.reserved)
	f.reserved -= n
	f.owner.pending.Add(-n)
}

func (f *dirFile) Write(p []byte) (int, error) {
	n, err := f.file.Write(p)
	f.release(int64(n))
	return n, err
}

func (f *dirFile) Commit() (fs.FileInfo, error) {
	if err := f.file.Sync(); err != nil {
		return nil, err
	}
	if err := f.appear(); err != nil {
		return nil, err
	}
	f.done = true
	defer f.close()
	if err := syncDir(f.dir); err != nil {
		return nil, err
	}
	info, err := f.file.Stat() // a name changes the time of the last change
	if err != nil {
		return nil, err
	}
	return namedInfo{info, path.Base(f.name)}, nil
}

// appear gives the file its name.
func (f *dirFile) appear() error {
	var err error
	switch {
	case !f.replace && f.temp == "":
		err = linkUnnamed(f.file, f.dir, f.name)
	case !f.replace:
		if err = f.dir.Link(f.temp, f.name); err == nil {
			f.dir.Remove(f.temp)
		}
	default:
		if f.temp == "" {
			temp := tempName()
			if err = linkUnnamed(f.file, f.dir, temp); err != nil {
				return err
			}
			f.temp = temp
		}
		if err = f.dir.Rename(f.temp, f.name); err != nil && isDir(f.dir, f.name) {
			err = &fs.PathError{Op: "rename", Path: f.name, Err: fs.ErrExist}
		}
	}
	return err
}

func isDir(dir *os.Root, name string) bool {
	info, err := dir.Lstat(name)
	return err == nil && info.IsDir()
}

func (f *dirFile) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	var err error
	if f.temp != "" {
		err = f.dir.Remove(f.temp)
	}
	f.close()
	return err
}

func (f *dirFile) close() {
	f.release(f.reserved)
	if f.file != nil {
		f.file.Close()
	}
	f.dir.Close()
}

// namedInfo is the info of a file that was opened without its name.
type namedInfo struct {
	fs.FileInfo
	name string
}

func (i namedInfo) Name() string { return i.name }
