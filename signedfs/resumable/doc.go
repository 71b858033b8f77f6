// Package resumable takes uploads that can be continued after the connection broke
// off, by the protocol tus 1.0 (https://tus.io), for links of package signedfs.
// The protocol itself is that of [github.com/tus/tusd/v2].
//
//	files, err := resumable.New("/files/", dir, keys, &resumable.Options{
//		Dir:   "/var/lib/uploads",
//		Files: signedfs.Options{Uploads: &signedfs.Uploads{MaxBytes: 4 << 30}},
//	})
//	mux.Handle(files.Prefix(), files)
//	...
//	link, err := files.URL("kyc/42/", middleware.Claims{Methods: []string{"POST"}, ...})
//	// new tus.Upload(file, { endpoint: link, metadata: { filename: file.name } })
//
// The handler is that of package signedfs, with one thing more: a POST with the
// header Tus-Resumable begins an upload. The link's path is the name of the
// file, or a directory, whose path ends in a slash. Then the name is the
// "filename" in Upload-Metadata. The extensions are creation,
// creation-with-upload and termination.
//
// # The link of an upload
//
// The Location of the reply is a signed link itself, to the upload and not to the
// file, for PATCH, HEAD and DELETE. Clients use it as it is. It has the
// Host, Networks, Binding and ID of the link that began the upload, and its limits
// on size, type, digest and replacing. It works until that link expires and
// Options.Grace is over, so that an upload that began in time can end. Each
// request for it renews the upload, which is deleted if there is none for
// Options.Idle.
//
// A link with a limited number of uses gives one for each upload that begins.
//
// # The end
//
// When the last byte is there, the file is stored as by a PUT to its name, in the
// same step and under the same rules: whole or not at all, never over another
// file without Replace, held against the link's digest and type, with OnStored. What
// can be told before, such as a name that is taken, is told before the
// first byte. The reply to the last request is that of the upload, or the status
// with which the PUT was refused; the upload is then gone, unless the refusal may
// pass, as with 503 or 507. In that case the next request for the upload tries
// again.
//
// Until then the bytes are in Options.Dir, in files that only this user may read.
// One process uses one directory. A process that is killed loses nothing that was
// written. After a failure of power, an upload may have lost its last bytes, which
// a digest in the link finds out.
//
// # Bounds
//
// Uploads.MaxUploads and MaxPerClient also bound the requests that are under way,
// Uploads.MaxBytes each upload, and Options.MaxUnfinished their number on the disk.
// One link can begin that many, unless its Uses is limited.
// A client that sends nothing for 30 seconds is sent away, and can continue.
package resumable
