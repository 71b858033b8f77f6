// Package bucketfs serves the files of a bucket through package signedfs. It takes
// any bucket that [gocloud.dev/blob] opens, and is tested with those over S3, in
// files and in memory.
//
//	bucket, err := blob.OpenBucket(ctx, "s3://scans?region=eu-central-1")
//	files, err := signedfs.New("/files/", bucketfs.New(bucket, nil), keys, nil)
//	mux.Handle(files.Prefix(), files)
//
// The bucket stays private: the process reads the objects and sends them to
// clients with a signed link. A file's name is its key.
//
// # Requests
//
// HEAD, and every reply without content (304, 404, 412, 416), costs one request to
// the bucket, for the attributes of the object. GET costs one more, for exactly
// the bytes that are sent. A request for several ranges gets the whole file. If
// the client goes away, the transfer from the bucket ends.
//
// The object's time, and its ETag if the store has one, are the reply's. Its media
// type counts if the extension of its name is unknown and the type is inert.
//
// An object's Content-Encoding is not passed on: store files as they are.
//
// If an object is replaced between the two requests, the reply is 503, and the
// client's next request gets the new version. The replacement is noticed by the
// size and the time of modification, which has whole seconds. Of two versions of
// the same size that were written within one second, the second may be sent with
// the ETag of the first.
//
// # Directories
//
// A directory is a prefix of keys that ends in a slash. It exists if there is a
// key below it. Listings read the bucket page by page. The empty objects with which
// consoles mark folders are not files.
//
// # Uploads
//
// With [signedfs.Options].Uploads, files are stored as objects, under the rules of
// package signedfs. [signedfs.New] fails if the bucket cannot refuse to overwrite
// an object (If-None-Match: * on S3): it tries. An upload costs one request to
// see whether the name is taken, those that send the object, and one for its
// ETag. Without IfNotExist, as on some stores that imitate S3, two clients could
// both believe that theirs is the file.
//
// The object appears when it is whole. Until the client has sent all of it, and it
// is what the link permits, the content is in a file in the directory of
// [os.TempDir], which should be on a disk that has room for as many uploads as
// Uploads.MaxUploads lets in. Nothing of an upload that is refused or breaks off
// reaches the bucket. Of a process that is killed while it sends a large object,
// parts can stay in the bucket, invisible, until a rule of the bucket removes
// incomplete uploads: set one. An object on its way to S3 takes up to 16 MiB of
// memory, or 10 MiB if it is larger than that; above 50 GiB, more.
//
// A condition such as If-Match holds against other uploads of this process, and
// not against those of other processes. Directories need not exist, so that
// Uploads.MakeDirs says nothing. Buckets of files (fileblob) refuse to overwrite
// only within one process; use a [signedfs.Dir] for files.
//
// # Redirects
//
// With Options.Redirect, GET is answered with 302 Found to a URL that the bucket
// itself verifies, such as a presigned one of S3. It works for the rest of the
// link's life and at most five minutes. The bucket then sends the bytes, and none
// pass through this process; HEAD is still answered from here. What is lost:
//
//   - The URL works as often as anyone wants, from every network, with or without
//     the session that a link is bound to, and after its ID is revoked. A use is
//     taken for each redirect, and not for what follows.
//   - The reply is the bucket's: without the link's DownloadName and ContentType,
//     with the object's own media type, and without a sandbox, nosniff or
//     Cache-Control: private. HTML runs its scripts on the origin of the bucket.
//   - Clients must reach the bucket, and pages of other origins its CORS rules.
//
// A bucket that cannot make such URLs, such as one in memory, is 500.
//
// # Errors
//
// An object that is not there is 404 Not Found. A bucket that denies access is 502
// Bad Gateway, since the process lacks a permission and not the client. Everything
// else, such as a bucket that does not answer, is 503 Service Unavailable.
// [signedfs.Options].Error gets the error itself. A transfer that fails after the
// reply has begun breaks the connection off, so that no client takes a part for the
// whole.
package bucketfs
