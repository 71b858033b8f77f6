package bucketfs

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"example.com/signedurl/signedfs"
)

// checkPrefix begins the names of the objects that Check writes. They are hidden,
// so that they are never served or listed.
const checkPrefix = ".upload-"

// Check writes an object, finds out that the bucket does not overwrite it, and
// deletes it. A bucket that does not let it be deleted keeps it.
func (f *FS) Check(ctx context.Context) error {
	key := checkPrefix + rand.Text()
	write := func() error {
		return f.bucket.WriteAll(ctx, key, nil, &blob.WriterOptions{IfNotExist: true, ContentType: "application/octet-stream"})
	}
	if err := write(); err != nil {
		return err
	}
	defer f.bucket.Delete(ctx, key)
	if err := write(); !taken(err) {
		return errors.New("signedurl: the bucket overwrites an object where it should not")
	}
	return nil
}

// Create begins an object, which appears when it is committed: see
// [signedfs.Writer]. Directories need not exist. Until then the content is in a
// file in the directory of [os.TempDir].
func (f *FS) Create(ctx context.Context, name string, opts signedfs.CreateOptions) (signedfs.NewFile, error) {
	key := strings.TrimPrefix(name, "/")
	if !opts.Replace {
		exists, err := f.bucket.Exists(ctx, key)
		if err != nil {
			return nil, fault(key, err)
		}
		if exists {
			return nil, exist(key)
		}
	}
	spool, err := os.CreateTemp("", "upload-")
	if err != nil {
		return nil, err
	}
	// A file without a name is gone with the process. Windows keeps the name.
	removed := os.Remove(spool.Name()) == nil
	return &newFile{File: spool, removed: removed, ctx: ctx, bucket: f.bucket, key: key, opts: opts}, nil
}

// newFile is an object that is being stored. It is sent when it is complete:
// the drivers of stores cannot take a part back. Some would make it the object,
// and that of S3 leaves it in the bucket, where nobody sees it and everybody pays
// for it.
type newFile struct {
	*os.File
	removed bool
	ctx     context.Context
	bucket  *blob.Bucket
	key     string
	opts    signedfs.CreateOptions
}

// How an object is sent. Parts are in memory while they are sent.
const (
	minPart     = 5 << 20 // of S3
	maxParts    = 10_000  // of S3
	concurrency = 2
)

// Commit sends the object. A client that goes away does not end that.
func (f *newFile) Commit() (fs.FileInfo, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.ctx))
	defer cancel()
	if deadline, ok := f.ctx.Deadline(); ok {
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	w, err := f.bucket.NewWriter(ctx, f.key, &blob.WriterOptions{
		BufferSize:     int(max(minPart, size/maxParts+1)),
		MaxConcurrency: concurrency,
		ContentType:    f.opts.ContentType,
		IfNotExist:     !f.opts.Replace,
	})
	if err != nil {
		return nil, f.fault(err)
	}
	if _, err := io.Copy(w, f.File); err != nil {
		cancel() // or Close would commit what was sent
		w.Close()
		return nil, f.fault(err)
	}
	if err := w.Close(); err != nil {
		return nil, f.fault(err)
	}
	// The object is there, even if the bucket does not tell its tag.
	i := &info{name: path.Base(f.key), size: size}
	if a, err := f.bucket.Attributes(ctx, f.key); err == nil {
		i.size, i.mod, i.etag, i.contentType = a.Size, a.ModTime.Truncate(time.Second), entityTag(a.ETag), a.ContentType
	}
	return i, nil
}

// Abort forgets what was written. After Commit, that is the copy.
func (f *newFile) Abort() error {
	err := f.Close()
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	if !f.removed {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

func (f *newFile) fault(err error) error {
	if taken(err) {
		return exist(f.key)
	}
	return fault(f.key, err)
}

// taken reports whether a bucket refused to overwrite an object, or to write one
// that is being written.
func taken(err error) bool {
	var reply interface{ HTTPStatusCode() int }
	return gcerrors.Code(err) == gcerrors.FailedPrecondition ||
		errors.As(err, &reply) && (reply.HTTPStatusCode() == http.StatusConflict || reply.HTTPStatusCode() == http.StatusPreconditionFailed)
}

func exist(key string) error {
	return &fs.PathError{Op: "create", Path: key, Err: fs.ErrExist}
}
