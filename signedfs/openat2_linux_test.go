//go:build amd64 || arm64

package signedfs_test

import (
	"testing"

	"example.com/signedurl/signedfs"
)

func TestDirOpensInOneStepWhereItShould(t *testing.T) {
	d := openDir(t, linked(t))
	if !signedfs.KernelHasOpenat2() {
		t.Skip("this kernel does not offer openat2, or a sandbox forbids it")
	}
	for _, name := range []string{"/f", "/a/b/c/d/e/f/g", "/up", "/dir/b/f", "/a/upfile"} {
		if !signedfs.HasFastPath(d, name) {
			t.Errorf("%s is left to os.Root", name)
		}
	}
	for _, name := range []string{
		"/topfile", "/abs", "/absin", "/a/upupfile", "/proc", "/a", "/top/secret", "/missing", "/../secret", "/a\x00", "//f", "/a/../f",
	} {
		if signedfs.HasFastPath(d, name) {
			t.Errorf("%s is opened without os.Root", name)
		}
	}
}
