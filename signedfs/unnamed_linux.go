package signedfs

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"syscall"
	"unsafe"
)

// openUnnamed opens a new file in a directory that has no name and vanishes
// with its last descriptor, by open(2) with O_TMPFILE. Some file systems do not
// offer that. The file gets a name from /proc, which a container may lack.
func openUnnamed(dir *os.Root) (*os.File, error) {
	const tmpfile = 0o20000000 | syscall.O_DIRECTORY
	if !haveProc() {
		return nil, errors.ErrUnsupported
	}
	return dir.OpenFile(".", os.O_WRONLY|tmpfile, fileMode)
}

var haveProc = sync.OnceValue(func() bool {
	_, err := os.Stat("/proc/self/fd")
	return err == nil
})

// linkUnnamed gives the file a name, by linkat(2): never that of another file.
// It does not follow a symbolic link of that name.
func linkUnnamed(f *os.File, dir *os.Root, name string) error {
	const (
		atCWD           = -100
		atSymlinkFollow = 0x400
	)
	top, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer top.Close()
	to, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	linked := control(f, func(fd uintptr) error {
		from, err := syscall.BytePtrFromString("/proc/self/fd/" + strconv.Itoa(int(fd)))
		if err != nil {
			return err
		}
		return control(top, func(topFD uintptr) error {
			cwd := atCWD
			_, _, errno := syscall.Syscall6(syscall.SYS_LINKAT, uintptr(cwd), uintptr(unsafe.Pointer(from)),
				topFD, uintptr(unsafe.Pointer(to)), atSymlinkFollow, 0)
			if errno != 0 {
				return &os.LinkError{Op: "link", Old: "upload", New: name, Err: errno}
			}
			return nil
		})
	})
	return linked
}

// control calls do with the descriptor of a file, which stays open meanwhile.
func control(f *os.File, do func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var done error
	if err := conn.Control(func(fd uintptr) { done = do(fd) }); err != nil {
		return err
	}
	return done
}

// freeSpace returns how many bytes the file system of a file has room for.
func freeSpace(f *os.File) (int64, bool) {
	var st syscall.Statfs_t
	err := control(f, func(fd uintptr) error { return syscall.Fstatfs(int(fd), &st) })
	if err != nil || st.Blocks == 0 { // some count nothing
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
