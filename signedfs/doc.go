// Package signedfs serves the files of an [http.FileSystem] to those who have
// a signed link, and makes the links.
//
//	files, err := signedfs.OpenDir("/srv/files")
//	...
//	h, err := signedfs.New("/files/", files, keys, nil)
//	...
//	mux.Handle(h.Prefix(), h)
//	...
//	link, err := h.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(5 * time.Minute)})
//
// The keys are a [middleware.Keyring], or any other [middleware.Format]. What
// a link may say, and what is checked, is documented with package middleware.
//
// # What is served
//
// The signature is looked at first. Whoever has none gets the same 403 for
// every path and every method, whether there is a file or not.
//
// Then regular files are served, to GET and HEAD, through
// [http.ServeContent]: with ranges, conditional requests, ETag, Last-Modified,
// and sendfile for whatever the file system gives as an [*os.File]. Everything
// else is 404 Not Found:
//
//   - a directory, unless Options.Listing is set and its path ends in a slash;
//   - a file whose path ends in a slash. There are no redirects, to
//     "index.html" or from it or from a missing slash to one: the signature
//     would not hold for where they lead;
//   - every name with a part that begins with a dot;
//   - a name with an encoded slash (%2F), a backslash, a control character or
//     bytes that are not UTF-8: not every system reads them as the same name.
//     On Windows, neither names of devices (NUL) and streams (a:b), nor those
//     that it shortens (GIT~1) or trims ("a." and "a ");
//   - a FIFO, a socket or a device. A [Dir] does not wait for them; [http.Dir]
//     does, and cannot be kept from it.
//
// Methods other than GET and HEAD need a link that grants them, and
// Options.OtherMethods. A request for more than 16 ranges is answered with the
// whole file.
//
// Symbolic links are the file system's to follow. A [Dir] follows those that
// stay within it; what lies outside is 404. [http.Dir] follows all. A link to
// a hidden file has a name that is not hidden, and is served.
//
// # The reply
//
// A reply may be cached in private, for as long as its link lives. All errors
// say no-store; none of them, here, says more than its status, and
// Options.Error learns the rest. A link's DownloadName and ContentType hold for
// its file and not for an error.
//
// Without a signed ContentType, the media type comes from the extension of the
// name, by a table of this package and not of the machine. A file with another
// extension, or none, gets the type that its content looks like, if that is an
// inert one, and application/octet-stream otherwise. A container format is not
// the content: a file of zip bytes is application/zip if it is called .zip, and
// otherwise what its name says, or octet-stream, so that a phone keeps its name.
//
// Inert are raster images, audio, video, fonts, PDF, plain text, archives and
// octet-stream. Everything else (HTML, SVG, XML, scripts, what nobody has heard
// of) is sent with a Content-Security-Policy that puts it into a sandbox, an
// origin of its own in which no script runs and nothing is loaded. An SVG
// within an <img> is not affected. X-Content-Type-Options: nosniff is on every
// reply. Still, files of strangers are best served from a domain that has no
// cookies.
//
// # Validators
//
// The ETag is strong only if the file system tells the inode of a file and the
// time of its last change, which nobody can set: a [Dir], [http.Dir] and
// [os.DirFS] do on Unix. It then differs between any two versions of a file,
// also if they have one size and one time of modification, as the files of
// reproducible archives have. It is a hash of these and tells none of them. With
// another file system the ETag is made of the size and the time of modification,
// and is weak: it saves the transfer of a file that has not changed, and no
// client continues a download by it. A file that changed within the last two
// seconds by a clock of whole seconds has a weak ETag too. Without a time, or
// with one before 1990, which is a constant of some tool, there is none.
//
// Last-Modified is the time of modification, and a weak validator always: a
// date in If-Range gets the whole file. A time before 1990 is not sent.
//
// A file system that knows better gives its FileInfo a method ETag() string.
// What that returns is sent if it is an entity-tag (RFC 9110, section 8.8.3),
// and ignored otherwise. An outer handler that knows better sets ETag or
// Last-Modified before it calls the handler, which keeps and evaluates them:
// replicas of a server need this, since inodes and times are each machine's own.
//
// # Where to mount it
//
// The base that [New] gets is the path under which clients reach the handler.
// Where outer handlers (http.StripPrefix) or a proxy take the beginning off,
// say which in Options.Verify.Prefix:
//
//	h, err := signedfs.New("/api/files/", files, keys, &signedfs.Options{
//		Verify: middleware.Options{Prefix: "/api"},
//	})
//	inner.Handle(h.Prefix(), h) // "/files/"
//	outer.Handle("/api/", http.StripPrefix("/api", inner))
//
// An [http.ServeMux] redirects paths that are not clean, and the base without
// its slash, before it asks any handler. The redirects say nothing about
// files, and do not lead to any.
//
// Outer handlers may wrap the ResponseWriter. If the wrapper has no ReadFrom,
// large files are copied through memory, for two to three times the CPU time.
//
// # The middleware alone
//
// The verifier of package middleware works in front of http.FileServer too:
//
//	v, err := middleware.NewVerifier(keys, nil)
//	mux.Handle("/files/", v.Handler(http.StripPrefix("/files/", http.FileServer(http.Dir("/srv/files")))))
//
// or, with Options.Prefix "/files", below the StripPrefix. Nothing unsigned is
// served that way either. But http.FileServer was not made for it:
//
//   - It redirects "index.html" to its directory, a directory to its path with
//     a slash, and a file with a slash to that without. The link is not signed
//     for where it leads: 403. Link to no such name.
//   - A link to a directory, with its slash, lists it or opens its index.html,
//     and a link to a subtree lists all directories in it, hidden ones too.
//   - It serves the file for every method that the link grants, DELETE too.
//   - Its errors have no Cache-Control, and names that are too long give 500.
//   - HTML and SVG run their scripts on your origin, and media types are those
//     of the machine.
//   - http.Dir follows symbolic links to outside, waits for FIFOs, and
//     http.FS(os.DirFS) keeps the kernel from sending files.
package signedfs
