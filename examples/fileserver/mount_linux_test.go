package main

import (
	"fmt"
	"syscall"
)

// mountTmpfs mounts a disk of so many bytes, which takes root.
func mountTmpfs(dir string, size int) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size))
}

func unmount(dir string) { syscall.Unmount(dir, syscall.MNT_DETACH) }
