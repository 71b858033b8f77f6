// Package bucketfs serves the files of a bucket through package signedfs: S3 and
// what speaks its protocol, Google Cloud Storage, Azure, and everything else that
// [gocloud.dev/blob] opens.
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
// An object that was replaced between the two requests is 503, and is served whole
// by the next one, if its size or time of modification tells: of two versions of
// one size that were written within one second the bytes may be sent with the ETag
// of the first.
//
// # Directories
//
// A directory is a prefix of keys that ends in a slash. It is there if there is a
// key below it. Listings read the bucket page by page. The objects of no content by
// which consoles mark folders are not files.
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
