//go:build amd64 || arm64

package signedfs

import (
	"io"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// openat2Dir opens files with one system call, at any depth, where os.Root
// makes one for each part of the name: openat2(2) with RESOLVE_BENEATH enforces
// the same rule as os.Root, in the kernel. It is a fast path and no second
// opinion: os.Root decides about everything that openat2Dir does not open, for
// whatever reason.
type openat2Dir struct {
	top  *os.File // nil if the kernel does not offer openat2
	conn syscall.RawConn
}

// openHow is struct open_how of linux/openat2.h.
type openHow struct{ flags, mode, resolve uint64 }

const (
	sysOpenat2 = 437

	resolveNoMagiclinks = 0x02 // the links in /proc that are not paths
	resolveBeneath      = 0x08
)

var how = openHow{
	flags:   syscall.O_RDONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC,
	resolve: resolveBeneath | resolveNoMagiclinks,
}

// newOpenat2Dir tries the system call once: Linux has had it since 5.6, and
// some sandboxes forbid it.
func newOpenat2Dir(root *os.Root) openat2Dir {
	top, err := root.Open(".")
	if err != nil {
		return openat2Dir{}
	}
	d := openat2Dir{top: top}
	if d.conn, err = top.SyscallConn(); err == nil {
		if fd := d.openat2("."); fd >= 0 {
			syscall.Close(fd)
			return d
		}
	}
	top.Close()
	return openat2Dir{}
}

func (d *openat2Dir) close() {
	if d.top != nil {
		d.top.Close()
	}
}

// openat2 returns a descriptor, or -1.
func (d *openat2Dir) openat2(name string) int {
	if d.top == nil {
		return -1
	}
	path, err := syscall.BytePtrFromString(name)
	if err != nil {
		return -1
	}
	fd := -1
	// Control keeps the directory open during the call: the number of a closed
	// descriptor may already belong to another directory. It fails once d is
	// closed.
	d.conn.Control(func(top uintptr) {
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

// openRaw opens a regular file by its local name, if it can.
func (d *openat2Dir) openRaw(name string) (*rawFile, bool) {
	fd := d.openat2(name)
	if fd < 0 {
		return nil, false
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil || st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		syscall.Close(fd)
		return nil, false
	}
	return &rawFile{fd, version{
		size:    st.Size,
		mod:     time.Unix(st.Mtim.Unix()),
		inode:   st.Ino,
		changed: time.Unix(st.Ctim.Unix()),
	}}, true
}

// rawFile is the bare descriptor of a regular file. It lacks what makes an
// *os.File safe for use by several goroutines and after Close, which costs two
// more system calls. It never leaves the goroutine of the request that opened
// it.
type rawFile struct {
	fd int
	version
}

// toFile makes an *os.File of f. f must not be used afterwards.
func (f *rawFile) toFile(name string) *os.File { return os.NewFile(uintptr(f.fd), name) }

func (f *rawFile) Close() error { return syscall.Close(f.fd) }

func (f *rawFile) Read(p []byte) (int, error) {
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

func (f *rawFile) Seek(offset int64, whence int) (int64, error) {
	return syscall.Seek(f.fd, offset, whence)
}

// SyscallConn gives package net the descriptor for sendfile.
func (f *rawFile) SyscallConn() (syscall.RawConn, error) { return rawConn{f.fd}, nil }

type rawConn struct{ fd int }

func (c rawConn) Control(do func(fd uintptr)) error    { do(uintptr(c.fd)); return nil }
func (c rawConn) Read(do func(fd uintptr) bool) error  { do(uintptr(c.fd)); return nil }
func (c rawConn) Write(do func(fd uintptr) bool) error { return syscall.EBADF }
