// Package bucketfs serves the files of a bucket through package signedfs. It takes
// any bucket that [gocloud.dev/blob] opens, and is tested with those over S3, in
// files and in memory.
//
//	bucket, err := blob.OpenBucket(ctx, "s3://scans?region=eu-central-1")
//	files, err := signedfs.New("/files/", bucketfs.New(bucket), keys, nil)
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
// # Errors
//
// An object that is not there is 404 Not Found. A bucket that denies access is 502
// Bad Gateway, since the process lacks a permission and not the client. Everything
// else, such as a bucket that does not answer, is 503 Service Unavailable.
// [signedfs.Options].Error gets the error itself. A transfer that fails after the
// reply has begun breaks the connection off, so that no client takes a part for the
// whole.
package bucketfs
