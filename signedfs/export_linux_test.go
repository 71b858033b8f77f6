//go:build amd64 || arm64

package signedfs

import "os"

// KernelHasOpenat2 asks the kernel, and not a Dir.
func KernelHasOpenat2() bool {
	top, err := os.Open(".")
	if err != nil {
		return false
	}
	defer top.Close()
	conn, err := top.SyscallConn()
	d := openat2Dir{top: top, conn: conn}
	return err == nil && d.openat2("export_linux_test.go") >= 0
}
