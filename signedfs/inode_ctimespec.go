//go:build darwin || freebsd || netbsd

package signedfs

import (
	"io/fs"
	"syscall"
	"time"
)

// inodeOf returns the inode of a file and the time of its last change, if the
// info is the operating system's.
func inodeOf(info fs.FileInfo) (inode uint64, changed time.Time) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, time.Time{}
	}
	return uint64(st.Ino), time.Unix(st.Ctimespec.Unix())
}
