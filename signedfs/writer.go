package signedfs

import (
	"context"
	"io"
	"io/fs"
	"net/http"
)

// A Writer is an [http.FileSystem] that also stores files: a [Dir] is one, and so
// is the bucket of package bucketfs. It must be safe for concurrent use.
type Writer interface {
	http.FileSystem

	// Check returns an error if Create cannot keep its promises: the files
	// cannot be written, or the store cannot refuse to overwrite. [New] calls it
	// once. It may write and remove a hidden file.
	Check(ctx context.Context) error

	// Create begins a file of a name, which has a slash before each part and
	// satisfies the rules of names that are served. Nothing of it can be opened
	// or listed before Commit. The context ends what Create, Write and Commit
	// are waiting for.
	//
	// The error is [fs.ErrExist] if the name is taken, as far as can be told
	// before the content is there, and may not be replaced. It is
	// [fs.ErrNotExist] if the directory does not exist or is a symbolic link.
	// Other errors may have a method Status() int that returns 502 or 503, as
	// under "File systems" in the package documentation, or 507 if there is no
	// room.
	Create(ctx context.Context, name string, opts CreateOptions) (NewFile, error)
}

// CreateOptions says how a file is created.
type CreateOptions struct {
	// Replace lets the file take the place of one with its name, in one step.
	// Without it, Commit fails if the name is taken, whoever took it and when.
	Replace bool
	// MakeDirs makes the directories of the name that do not exist.
	MakeDirs bool
	// Size is how many bytes will be written at most, or -1 if that is not
	// known.
	Size int64
	// ContentType is the media type with which the file will be served, for
	// stores that keep it.
	ContentType string
}

// A NewFile is a file that is being stored. It is used by one goroutine.
type NewFile interface {
	io.Writer
	// Commit makes the file appear under its name, whole and on stable storage,
	// and returns what [fs.File] would say of it. The errors are those of
	// Create. After an error the name has not changed, unless the error is
	// about what follows, such as flushing the directory.
	Commit() (fs.FileInfo, error)
	// Abort forgets the file, if Commit was not called. Otherwise it does
	// nothing, so that it can be deferred.
	Abort() error
}
