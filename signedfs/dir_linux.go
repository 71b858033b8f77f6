//go:build amd64 || arm64

package signedfs

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// quickDir opens files in one system call, however deep they lie, where
// os.Root makes one for each part of the name: openat2(2) with RESOLVE_BENEATH
// keeps to the same rule as os.Root, in the kernel. It is a short cut and no
// second opinion: whatever it does not open, for whichever reason, os.Root is
// asked about.
type quickDir struct {
	top  *os.File // nil if the kernel does not offer openat2
	conn syscall.RawConn
}

// openHow is struct open_how of linux/openat2.h.
type openHow struct{ flags, mode, resolve uint64 }

const (
	sysOpenat2 = 437

	resolveNoMagiclinks = 0x02 // those links of /proc that are no paths
	resolveBeneath      = 0x08
)

var how = openHow{
	flags:   syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC,
	resolve: resolveBeneath | resolveNoMagiclinks,
}

// openQuickDir tries the call once: Linux has it since 5.6, and some sandboxes
// forbid it.
func openQuickDir(root *os.Root) quickDir {
	top, err := root.Open(".")
	if err != nil {
		return quickDir{}
	}
	q := quickDir{top: top}
	if q.conn, err = top.SyscallConn(); err == nil {
		if fd := q.openat2("."); fd >= 0 {
			syscall.Close(fd)
			return q
		}
	}
	top.Close()
	return quickDir{}
}

func (q *quickDir) close() {
	if q.top != nil {
		q.top.Close()
	}
}

// openat2 returns a descriptor, or -1.
func (q *quickDir) openat2(name string) int {
	if q.top == nil {
		return -1
	}
	path, err := syscall.BytePtrFromString(name)
	if err != nil {
		return -1
	}
	fd := -1
	// Control keeps the directory open meanwhile: a number that was closed may
	// already be that of another directory. It fails once q is closed.
	q.conn.Control(func(top uintptr) {
		for {
			n, _, errno := syscall.Syscall6(sysOpenat2, top, uintptr(unsafe.Pointer(path)),
				uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
			if errno == 0 {
				fd = int(n)
			}
			if errno != syscall.EINTR {
				return
			}
		}
	})
	return fd
}

// openQuick opens a regular file by its local name, if it can.
func (q *quickDir) openQuick(name string) (*quickFile, bool) {
	fd := q.openat2(name)
	if fd < 0 {
		return nil, false
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		syscall.Close(fd)
		return nil, false
	}
	return &quickFile{fd: fd, size: st.Size, mod: time.Unix(st.Mtim.Unix())}, true
}

// quickFile is a regular file without what makes an *os.File safe to be used
// by several goroutines, or after it was closed, and costs two more system
// calls. It never leaves the goroutine of the request that it is opened for.
type quickFile struct {
	fd    int
	size  int64
	mod   time.Time
	moved bool // the offset is no longer 0
}

// file makes an *os.File of f, which must not be used any more.
func (f *quickFile) file(name string) *os.File { return os.NewFile(uintptr(f.fd), name) }

func (f *quickFile) Close() error { return syscall.Close(f.fd) }

func (f *quickFile) Read(p []byte) (int, error) {
	f.moved = true
	for {
		n, err := syscall.Read(f.fd, p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Seek does what http.ServeContent needs: it asks for the size by a seek to
// the end, and then goes back to the beginning.
func (f *quickFile) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekEnd && offset == 0 {
		return f.size, nil
	}
	if whence == io.SeekStart && offset == 0 && !f.moved {
		return 0, nil
	}
	f.moved = true
	return syscall.Seek(f.fd, offset, whence)
}

// SyscallConn is how package net finds what it may hand to sendfile.
func (f *quickFile) SyscallConn() (syscall.RawConn, error) { return quickConn{f}, nil }

type quickConn struct{ *quickFile }

func (c quickConn) Control(do func(fd uintptr)) error    { do(uintptr(c.fd)); return nil }
func (c quickConn) Read(do func(fd uintptr) bool) error  { do(uintptr(c.fd)); return nil }
func (c quickConn) Write(do func(fd uintptr) bool) error { return syscall.EBADF }
