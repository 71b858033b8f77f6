// Package engines opens what a gateway serves from and counts in, by URL.
package engines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://
	_ "gocloud.dev/blob/s3blob"    // s3://

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/bucketfs"
)

// FilesHelp says how files are named.
const FilesHelp = "s3://BUCKET?region=REGION, gs://BUCKET, azblob://CONTAINER, file:///DIRECTORY or mem://, and ?prefix=PATH/ for a part of a bucket"

// Check reports whether something is reached.
type Check func(ctx context.Context) error

// Files are files that a URL names.
type Files struct {
	FileSystem http.FileSystem
	// Dir is their directory, if they have one.
	Dir string
	// Check reports whether they are reached. It is nil for files in memory.
	Check Check
	// Reopen opens the directory again. It is nil for a bucket.
	Reopen func() error

	close func() error
}

// Close closes the files.
func (f *Files) Close() error { return f.close() }

// OpenFiles opens the files that a URL names, without asking whether they are
// there.
func OpenFiles(ctx context.Context, rawURL string) (*Files, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme == "" {
		return nil, cli.Usagef("-files must be a URL such as " + FilesHelp)
	}
	switch u.Scheme {
	case "file":
		return openDir(u)
	case "s3", "gs", "azblob", "mem":
	default:
		return nil, cli.Usagef("-files: there are no files at %s://, but at %s", u.Scheme, FilesHelp)
	}
	bucket, err := blob.OpenBucket(ctx, rawURL)
	if err != nil {
		return nil, cli.Usagef("-files: %w", err)
	}
	files := &Files{FileSystem: bucketfs.New(bucket, nil), close: bucket.Close}
	if u.Scheme != "mem" {
		files.Check = func(ctx context.Context) error {
			// IsAccessible is not enough: an S3 bucket may be there for those alone who
			// may not read it.
			_, _, err := bucket.ListPage(ctx, blob.FirstPageToken, 1, nil)
			return err
		}
	}
	return files, nil
}

func openDir(u *url.URL) (*Files, error) {
	if u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" {
		return nil, cli.Usagef("-files: a directory is file:///PATH, with three slashes and nothing behind")
	}
	name := filepath.FromSlash(u.Path)
	dir, err := signedfs.OpenDir(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("-files: there is no directory %s", name)
	}
	if err != nil {
		return nil, fmt.Errorf("-files: %w", err)
	}
	check := func(context.Context) error {
		f, err := dir.Open("/")
		if err == nil {
			err = f.Close()
		}
		return err
	}
	return &Files{dir, name, check, dir.Reopen, dir.Close}, nil
}
