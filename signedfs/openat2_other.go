//go:build !linux || !(amd64 || arm64)

package signedfs

import "os"

// openat2Dir is the fast path of a Dir. This operating system has none.
type openat2Dir struct{}

func newOpenat2Dir(*os.Root) openat2Dir             { return openat2Dir{} }
func (*openat2Dir) close()                          {}
func (*openat2Dir) openRaw(string) (*rawFile, bool) { return nil, false }

type rawFile struct {
	*os.File
	version
}

func (f *rawFile) toFile(string) *os.File { return f.File }
