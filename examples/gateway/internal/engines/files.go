// Package engines opens what a gateway serves from and counts in, by URL.
package engines

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	_ "gocloud.dev/blob/memblob"   // mem://
	"gocloud.dev/blob/s3blob"

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
// there. What a library has to say of them goes to the log.
func OpenFiles(ctx context.Context, rawURL string, log *slog.Logger) (*Files, error) {
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
	if u.Scheme != "mem" && u.Host == "" {
		return nil, cli.Usagef("-files: the URL names no bucket; it must be " + FilesHelp)
	}
	// What is wrong may be in the environment as well, such as a profile or an
	// account that is not there, and no flag cures that.
	bucket, err := openBucket(ctx, rawURL, log)
	if err != nil {
		return nil, fmt.Errorf("-files: %w", err)
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

func openBucket(ctx context.Context, rawURL string, log *slog.Logger) (*blob.Bucket, error) {
	if !strings.HasPrefix(rawURL, s3blob.Scheme+":") {
		return blob.OpenBucket(ctx, rawURL)
	}
	var mux blob.URLMux // which knows of prefix=
	mux.RegisterBucket(s3blob.Scheme, s3Opener{log})
	return mux.OpenBucket(ctx, rawURL)
}

// s3Opener opens buckets as s3blob does, but the client of AWS writes to the log:
// by itself, it writes to the standard error, and a line for each download.
type s3Opener struct{ log *slog.Logger }

func (o s3Opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	var opener s3blob.URLOpener // OpenBucketURL sets its Options
	bucket, err := opener.OpenBucketURL(ctx, u)
	if err != nil {
		return nil, err
	}
	var client *s3.Client
	if !bucket.As(&client) {
		return bucket, nil
	}
	client = s3.New(client.Options(), func(opts *s3.Options) {
		opts.Logger = logging.LoggerFunc(func(level logging.Classification, format string, args ...any) {
			to := o.log.Debug
			if level == logging.Warn {
				to = o.log.Warn
			}
			to("bucket", "said", fmt.Sprintf(format, args...))
		})
	})
	return s3blob.OpenBucket(ctx, client, u.Host, &opener.Options)
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
