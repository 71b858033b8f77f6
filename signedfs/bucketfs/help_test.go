package bucketfs_test

import (
	"io/fs"
	"net/http"
)

// ioFS is an http.FileSystem as an fs.FS, for testing/fstest.
type ioFS struct{ http.FileSystem }

func (f ioFS) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		name = ""
	}
	file, err := f.FileSystem.Open("/" + name)
	if err != nil {
		return nil, err
	}
	return ioFile{file}, nil
}

type ioFile struct{ http.File }

func (f ioFile) ReadDir(n int) ([]fs.DirEntry, error) {
	infos, err := f.Readdir(n)
	var entries []fs.DirEntry
	for _, i := range infos {
		entries = append(entries, fs.FileInfoToDirEntry(i))
	}
	return entries, err
}
