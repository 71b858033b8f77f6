package bucketfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// An FS is the files of a bucket as an [http.FileSystem] and a
// [signedfs.Writer]. It is immutable, and safe for concurrent use. The zero FS
// must not be used.
type FS struct {
	bucket *blob.Bucket
	opts   Options
}

// Options configures an [FS]. The zero value and a nil *Options select the
// defaults.
type Options struct {
	// Redirect answers requests for files with a redirect to the bucket, and
	// not with the file. See "Redirects" in the package documentation.
	Redirect bool
}

// New returns the files of a bucket, which must stay open while they are served.
// For those below a prefix, use [blob.PrefixedBucket]. New panics if b is nil.
func New(b *blob.Bucket, opts *Options) *FS {
	if b == nil {
		panic("signedurl: bucketfs.New with a nil *blob.Bucket")
	}
	f := &FS{bucket: b}
	if opts != nil {
		f.opts = *opts
	}
	return f
}

// Open opens an object or, if there is none of that name, a directory. Package
// signedfs calls OpenContext instead.
func (f *FS) Open(name string) (http.File, error) {
	ctx := context.Background()
	file, err := f.OpenContext(ctx, name)
	if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(name, "/") {
		return f.OpenContext(ctx, name+"/")
	}
	return file, err
}

// OpenContext opens an object or, if the name ends in a slash, a directory. A
// slash at the beginning of the name is ignored. The context ends all requests
// that are made for the file. The error is [fs.ErrNotExist] if there is no such
// object, or no key below the directory; only the root is always there. Any other
// error has a method Status() int, as package signedfs describes.
func (f *FS) OpenContext(ctx context.Context, name string) (http.File, error) {
	key := strings.TrimPrefix(name, "/")
	if key == "" || strings.HasSuffix(key, "/") {
		d, err := openDir(ctx, f.bucket, key)
		if err != nil {
			return nil, err // a nil *dir would be a non-nil http.File
		}
		return d, nil
	}
	a, err := f.bucket.Attributes(ctx, key)
	if err != nil {
		return nil, fault(key, err)
	}
	return &file{ctx: ctx, bucket: f.bucket, key: key, redirect: f.opts.Redirect, info: info{
		name: path.Base(key), size: a.Size, mod: a.ModTime.Truncate(time.Second), etag: entityTag(a.ETag), contentType: a.ContentType,
	}}, nil
}

// entityTag puts the quotes of RFC 9110 around the tag of a store that leaves them
// out, as Google's does.
func entityTag(tag string) string {
	if tag == "" || strings.HasSuffix(tag, `"`) {
		return tag
	}
	return `"` + tag + `"`
}

// storeError is an error of the bucket, with the status that it means.
type storeError struct {
	err    error
	status int
}

func (e *storeError) Error() string { return e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }
func (e *storeError) Status() int   { return e.status }

// fault returns an error of the bucket in the terms of package signedfs.
func fault(key string, err error) error {
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		return &fs.PathError{Op: "open", Path: key, Err: fs.ErrNotExist}
	case gcerrors.PermissionDenied:
		return &storeError{err, http.StatusBadGateway}
	}
	// The driver for S3 does not know 401.
	var reply interface{ HTTPStatusCode() int }
	if errors.As(err, &reply) && reply.HTTPStatusCode() == http.StatusUnauthorized {
		return &storeError{err, http.StatusBadGateway}
	}
	return &storeError{err, http.StatusServiceUnavailable}
}

// info is what is known about an object or a directory.
type info struct {
	name        string
	size        int64
	mod         time.Time // in whole seconds: some replies of a store have no more
	etag        string
	contentType string
	dir         bool
}

func (i *info) Name() string        { return i.name }
func (i *info) Size() int64         { return i.size }
func (i *info) ModTime() time.Time  { return i.mod }
func (i *info) IsDir() bool         { return i.dir }
func (i *info) Sys() any            { return nil }
func (i *info) ETag() string        { return i.etag }
func (i *info) ContentType() string { return i.contentType }

func (i *info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

// file is an object that is being read. Nothing is requested before the first
// byte is.
type file struct {
	ctx    context.Context
	bucket *blob.Bucket
	key    string
	info   info
	offset int64
	reader *blob.Reader // nil, or at offset

	redirect bool
}

func (f *file) Stat() (fs.FileInfo, error) { return &f.info, nil }

func (f *file) Readdir(int) ([]fs.FileInfo, error) {
	return nil, &fs.PathError{Op: "readdir", Path: f.key, Err: errors.New("not a directory")}
}

// RedirectURL returns the bucket's own URL of the object, if that is wanted.
func (f *file) RedirectURL(lifetime time.Duration) (string, error) {
	if !f.redirect {
		return "", nil
	}
	return f.bucket.SignedURL(f.ctx, f.key, &blob.SignedURLOptions{Expiry: lifetime})
}

// Fetch requests the next n bytes.
func (f *file) Fetch(n int64) error { return f.request(n) }

// errChanged is an object that was replaced after it was opened.
var errChanged = &storeError{errors.New("signedurl: the object was replaced while it was being opened"), http.StatusServiceUnavailable}

// request requests n bytes from the offset on, or all if n is negative.
func (f *file) request(n int64) error {
	f.stop()
	r, err := f.bucket.NewRangeReader(f.ctx, f.key, f.offset, n, nil)
	if err != nil {
		if err = fault(f.key, err); errors.Is(err, fs.ErrNotExist) {
			return errChanged
		}
		return err
	}
	if r.Size() != f.info.size || r.ModTime().Unix() != f.info.mod.Unix() {
		r.Close()
		return errChanged
	}
	f.reader = r
	return nil
}

func (f *file) Read(p []byte) (int, error) {
	if f.offset >= f.info.size {
		return 0, io.EOF
	}
	if f.reader == nil {
		if err := f.request(-1); err != nil {
			return 0, err
		}
	}
	n, err := f.reader.Read(p)
	f.offset += int64(n)
	if err == io.EOF && f.offset < f.info.size {
		f.stop() // the range has ended, not the file
		if n > 0 {
			err = nil
		} else {
			err = io.ErrUnexpectedEOF
		}
	}
	return n, err
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.info.size
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.key, Err: fs.ErrInvalid}
	}
	if offset != f.offset {
		f.stop()
		f.offset = offset
	}
	return offset, nil
}

// stop ends the transfer.
func (f *file) stop() {
	if f.reader != nil {
		f.reader.Close()
		f.reader = nil
	}
}

func (f *file) Close() error {
	f.stop()
	return nil
}
