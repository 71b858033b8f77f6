package bucketfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// pageSize is how many keys are asked for at once: the most that S3 returns.
const pageSize = 1000

// dir is a prefix of keys that is being listed.
type dir struct {
	ctx    context.Context
	bucket *blob.Bucket
	prefix string // ends in a slash, or is empty
	read   []fs.FileInfo
	token  []byte // of the next page; nil after the last
}

// openDir opens a directory, and reads its first page to know that it is there.
func openDir(ctx context.Context, b *blob.Bucket, prefix string) (*dir, error) {
	d := &dir{ctx: ctx, bucket: b, prefix: prefix, token: blob.FirstPageToken}
	if err := d.page(); err != nil {
		return nil, err
	}
	if prefix != "" && len(d.read) == 0 && d.token == nil {
		return nil, &fs.PathError{Op: "open", Path: prefix, Err: fs.ErrNotExist}
	}
	return d, nil
}

// page reads a page of keys.
func (d *dir) page() error {
	objects, next, err := d.bucket.ListPage(d.ctx, d.token, pageSize, &blob.ListOptions{Prefix: d.prefix, Delimiter: "/"})
	if err != nil {
		return fault(d.prefix, err)
	}
	d.token = next
	for _, o := range objects {
		name := strings.TrimSuffix(strings.TrimPrefix(o.Key, d.prefix), "/")
		// The directory's own marker, a marker of one below it, and a key that
		// no path spells.
		if name == "" || !o.IsDir && strings.HasSuffix(o.Key, "/") {
			continue
		}
		d.read = append(d.read, &info{name: name, size: o.Size, mod: o.ModTime.Truncate(time.Second), dir: o.IsDir})
	}
	return nil
}

func (d *dir) Stat() (fs.FileInfo, error) {
	return &info{name: path.Base("/" + strings.TrimSuffix(d.prefix, "/")), dir: true}, nil
}

// Readdir returns the next n entries, in the order of the keys.
func (d *dir) Readdir(n int) ([]fs.FileInfo, error) {
	for (n <= 0 || len(d.read) < n) && len(d.token) > 0 {
		if err := d.page(); err != nil {
			return nil, err
		}
	}
	k := len(d.read)
	if n > 0 {
		if k == 0 {
			return nil, io.EOF
		}
		k = min(k, n)
	}
	infos := d.read[:k:k]
	d.read = d.read[k:]
	return infos, nil
}

var errIsDir = errors.New("is a directory")

func (d *dir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.prefix, Err: errIsDir}
}

func (d *dir) Seek(int64, int) (int64, error) {
	return 0, &fs.PathError{Op: "seek", Path: d.prefix, Err: errIsDir}
}

func (d *dir) Close() error { return nil }
