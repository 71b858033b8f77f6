// Package signedfs serves the files of an [http.FileSystem] to requests with a
// signed link, and makes the links.
//
//	files, err := signedfs.OpenDir("/srv/files")
//	...
//	h, err := signedfs.New("/files/", files, keys, nil)
//	...
//	mux.Handle(h.Prefix(), h)
//	...
//	link, err := h.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(5 * time.Minute)})
//
// The keys are a [middleware.Keyring], or any other [middleware.Format]. Package
// middleware documents what a link may say, and what is checked.
//
// # What is served
//
// The handler looks at the signature first. A request without a valid one gets
// the same 403 for every path and every method, whether there is a file or not.
//
// Regular files are served to GET and HEAD, through [http.ServeContent]: with
// ranges, conditional requests, ETag, Last-Modified, and sendfile if the file
// system opens an [*os.File]. Everything else is 404 Not Found:
//
//   - a directory, unless Options.Listing is set and its path ends in a slash;
//   - a file whose path ends in a slash. There are no redirects, to
//     "index.html" or from it or from a missing slash to one: the signature
//     would not hold for where they lead;
//   - every name with a part that begins with a dot;
//   - a name with an encoded slash (%2F), a backslash, a control character or
//     bytes that are not UTF-8: not every system reads them as the same name.
//     On Windows also the names of devices (NUL) and streams (a:b), and those
//     that it shortens (GIT~1) or trims ("a." and "a ");
//   - in a [Dir] or [http.Dir], a name with a part that is longer than the name
//     of a file may be, which is 255 bytes, or characters on Windows and macOS;
//   - a FIFO, a socket or a device. A [Dir] does not wait for them; [http.Dir]
//     does, and cannot be kept from it.
//
// The handler's builder of links refuses to sign such names.
//
// Methods other than GET and HEAD need a link that grants them, and
// Options.Uploads or OtherMethods. A request for more than 16 ranges gets the whole file.
//
// The file system follows symbolic links, or does not. A [Dir] follows a
// relative link that stays within it, and no absolute one, even if it leads to a
// file within it; [http.Dir] follows all. A symbolic link to a hidden file has a
// name that is not hidden, and is served.
//
// # File systems
//
// A file system that keeps its files elsewhere, such as in the bucket of an
// object store (see package bucketfs), can say more than [http.FileSystem] has
// words for. All of this is optional:
//
//   - If it has a method OpenContext(context.Context, string) (http.File,
//     error), that is called instead of Open. The context is the request's, so
//     that a client that goes away ends the transfer. The name of a directory
//     ends in a slash.
//   - If its [fs.FileInfo] has a method ETag() string, that is the entity-tag of
//     the file. A value that is not an entity-tag is ignored.
//   - If its FileInfo has a method ContentType() string, that is the media type
//     of a file whose extension the table does not know, if the type is inert.
//     The content is then not looked at.
//   - If a file has a method Fetch(n int64) error, it is called before the header
//     of a reply is written, once the offset is at the first byte that is sent:
//     the n bytes from there on are what is going to be read. Requests for more
//     than one range get the whole file, so that one call suffices.
//   - If a file has a method RedirectURL(lifetime time.Duration) (string, error)
//     and it does not return "", the reply to GET is 302 Found to that URL, which
//     opens the file for that time: the rest of the link's, and at most five
//     minutes.
//   - An error with a method Status() int that returns 502 (the store denies the
//     file) or 503 (the store is down) is the reply's status.
//
// The file is anything that is neither a directory nor a symbolic link, pipe,
// socket or device. Irregular files count, except in a [Dir].
//
// # The reply
//
// Only the client may cache a reply (private), until its link expires. All errors
// say no-store. Their bodies contain only the status, and Options.Error gets the
// rest. A link's DownloadName and ContentType apply to its
// file, and not to an error.
//
// A reply without a byte of the file takes no use of a link whose uses are
// limited: it gives the use back, as [middleware.GiveBack] describes. So does
// 304, but not a listing, nor a reply that breaks off.
//
// Without a signed ContentType, the media type comes from the extension of the
// name, by a table of this package and not of the machine. A file with another
// extension, or none, gets the type that its content looks like, if that is an
// inert one, and application/octet-stream otherwise. A container format is not
// the content: a file of zip bytes is application/zip if it is called .zip, and
// otherwise what its name says, or octet-stream, so that a phone keeps its name.
//
// Inert are raster images, audio, video, fonts, PDF, plain text, archives and
// octet-stream. Everything else (HTML, SVG, XML, scripts, unknown types) is sent
// with a Content-Security-Policy that puts it into a sandbox, an origin of its
// own in which no script runs and nothing is loaded. An SVG within an <img> is
// not affected. Every reply has X-Content-Type-Options: nosniff. Files of
// strangers are still best served from a domain that has no cookies.
//
// # Validators
//
// The ETag is strong only if the file system tells the inode of a file and the
// time of its last change, which nobody can set: a [Dir], [http.Dir] and
// [os.DirFS] do on Unix. It then differs between any two versions of a file,
// even if size and time of modification are equal, as those of the files of
// reproducible archives do. (Linux before 6.13 counts this time in ticks of up
// to 10 milliseconds: two changes in place within one tick look like one.) It is
// a hash and does not show what it was made of. A file that changed within the
// last two seconds, by a clock of whole seconds, has a weak ETag.
//
// With any other file system the ETag is made of the size and the time of
// modification, and is weak: it saves the transfer of a file that has not
// changed, and no client continues a download by it. There is none for a file
// without a time, or with one before 1990, since such times are placeholders.
//
// Last-Modified is the time of modification, and always a weak validator: a
// date in If-Range gets the whole file. A time before 1990 is not sent.
//
// A file system that knows better gives its FileInfo a method ETag() string. The
// handler sends what it returns if that is an entity-tag (RFC 9110, section
// 8.8.3), and ignores it otherwise. An outer handler that knows better sets ETag
// or Last-Modified before it calls this one, which keeps and evaluates them.
// Replicas of a server need this, since each machine has its own inodes and
// times.
//
// # Uploads
//
// With Options.Uploads, a link that grants PUT stores the body under its path,
// and one that grants POST to a directory, whose path ends in a slash, stores the
// one file of a form (multipart/form-data, RFC 7578) in it, under the file's own
// name:
//
//	link, err := h.URL("kyc/42/", middleware.Claims{
//		Expires: time.Now().Add(15 * time.Minute),
//		Methods: []string{"POST"},
//		Upload:  middleware.Upload{MaxBytes: 5e6, Accept: []string{"image/*"}},
//	})
//
// A link to a subtree takes PUT for any name in it, and POST for any directory.
// The signature of a link does not cover the body: what the link says about it
// is checked while it is read.
//
//   - MaxBytes, and no more than Uploads.MaxBytes: 413, before the first byte if
//     the request states its length. A form may have 64 KiB beside its file.
//   - Accept holds for the type with which the file will be served, which follows
//     from its name, and for the one that its first bytes look like: otherwise
//     415. A wildcard stands for inert types alone. This keeps out what is called
//     or looks like something else. It does not look for malware, and a file can
//     be a picture and something else at once.
//   - SHA256: 422. The client's own digest and media type are not looked at.
//   - Without Replace, a name that is taken is 409, or 412 if the request has
//     If-None-Match: *. If-Match, If-None-Match and If-Unmodified-Since are
//     evaluated (412), and hold until the file appears.
//
// A name satisfies the same rules as one that is served, or it is refused. The
// name of a form's file that does not, has a slash, is stated in a second way
// (filename*), or contains characters that make it look like another one, is 400.
// It is never made to fit. A directory that does not exist, or is a symbolic
// link, is 409 unless Uploads.MakeDirs makes it.
//
// A link that its holder narrowed is held to each step: the smallest MaxBytes, and
// every Accept. A step that leaves the directory alone (Claims.Only) leaves no file in
// it: 403.
//
// The file appears whole, on stable storage, when all of that holds, or not at
// all. What is under way, broken off, or cut short by a crash is never served or
// listed. A body with a Content-Encoding is 415, and one with a Content-Range 400:
// there are no partial uploads. Compressed or encrypted files are stored as they
// are. A second file in a form, or a form without its last boundary, is 400.
//
// A client that is too slow is 408. One that finds no slot is 503 or, if it has
// several itself, 429, with Retry-After. A full disk is 507. Wrappers of the
// ResponseWriter need an Unwrap method, since the time is bounded through
// [http.ResponseController]; otherwise only the timeouts of the server hold.
//
// The reply is 201 with Location, ETag and Repr-Digest (SHA-256, RFC 9530), and
// no JSON: a client that expects some has an option for that, such as Uppy's
// getResponseData. An upload takes a use of a link whose uses are limited as
// soon as a byte of it is read, also if it breaks off. A link in a cookie is
// good only for requests that a browser does not send for another site
// ([http.CrossOriginProtection]): otherwise 403, for OtherMethods too. Links in
// the URL work from any site; the preflight requests of scripts are for a CORS
// handler in front of this one, which package middleware describes. Besides what
// is said there, it permits the methods PUT and POST and the header fields
// Content-Type, If-Match and If-None-Match, and exposes Location and Repr-Digest.
//
// Package resumable takes uploads that can be continued.
//
// A link for uploads does not open what it stored, unless it grants GET too: a
// stranger who can do both has a place to share files. It can be used until it
// expires, for every free name of a subtree, unless Uses limits it. It does
// not tell who sent a file.
//
// # Listings
//
// With Options.Listing, a link to a directory shows the name, size and date of
// everything in it that is served, directories first, in pages of 500. With the
// signature of a subtree, in the URL or in a cookie, everything is a link: the
// names, the columns, which sort, the other pages, and the directories above as
// far as the signature opens them. The signature of the directory alone opens
// its first page, sorted by name, without links.
//
// Order and page are part of the path, as the name of a hidden file in the
// directory: "/files/kyc/.list.size.down". Every signature of a subtree opens
// that, while a query parameter would have to be signed or ignored by the link.
// A proxy that refuses paths with hidden names refuses these pages.
//
// The directory is read anew for every page, in pieces, up to 200,000 entries;
// beyond that the page says that there may be more. A reply needs memory for two
// pages and one piece of 1,000 entries. Its CPU time grows with the directory,
// by 5 to 10 microseconds for each file and more for each symbolic link, which
// has to be opened. Reading ends when the client goes away.
//
// A page has no scripts and loads nothing. Its policy is a sandbox that allows
// downloads and the one style of the page. It is never cached, since it contains
// the signature.
//
// # Playlists
//
// A film for a player is a playlist and many files, and the player drops the query of
// the playlist when it asks for them. With Options.Playlists, a playlist of HLS or
// DASH that was opened by a link to a subtree, in the URL and of this project's
// own format, has the link's parameters at each reference that leads to a file in the
// subtree. So one link plays the film in every player, from every site, without
// cookies and without a line of script:
//
//	film, err := h.Links().Subtree("film/", middleware.Claims{
//		Expires: time.Now().Add(4 * time.Hour), // longer than the film
//		Ignore:  middleware.PlayerParameters(),
//	})
//	link, err := film.URL("index.m3u8")
//
// The reply has its own length, ETag and ranges. References to other places stay as
// they are, and so do those that do not mean the same to every player, and those in a
// master playlist to a playlist that is not called .m3u8. It is rewritten for every
// request, in memory.
//
// The whole playlist stays as it is if it has something by which players find references
// in another way: variables (EXT-X-DEFINE) and steering in HLS; Location, steering,
// and a BaseURL with a host in DASH; if it is not UTF-8 or does not parse; or if it is
// larger than 4 MiB, or 8 MiB with the parameters. It is 404, and Options.Error is told, if
// it makes players send its own query elsewhere, which some do with QUERYPARAM in HLS, and
// with UrlQueryInfo, XLink, DVB's Reporting and entities in DASH.
//
// Whoever can write a playlist can have its viewers' players ask other hosts, but not
// with the link. Without the option, and with links of other formats, nothing keeps a
// playlist from sending its own query elsewhere: open the playlist of a stranger by a
// link to it alone, which opens nothing else, and not by one to its directory.
//
// Take a cookie instead (see "Cookies" in package middleware) for playlists that are
// not rewritten, for links of other formats, and if the references must be the same for
// all viewers, for a cache. It works where player and files are of one site, or the
// player sends credentials. Otherwise a script of the page, such as hls.js's
// xhrSetup, must add the parameters.
//
// # Where to mount it
//
// The base that [New] gets is the path under which clients reach the handler. If
// outer handlers (http.StripPrefix) or a proxy strip the beginning of the path,
// Options.Verify.Prefix names it:
//
//	h, err := signedfs.New("/api/files/", files, keys, &signedfs.Options{
//		Verify: middleware.Options{Prefix: "/api"},
//	})
//	inner.Handle(h.Prefix(), h) // "/files/"
//	outer.Handle("/api/", http.StripPrefix("/api", inner))
//
// An [http.ServeMux] redirects paths that are not clean, and the base without
// its slash, before it calls any handler. The redirects reveal nothing about
// files, and lead to none.
//
// Outer handlers may wrap the ResponseWriter. If the wrapper has no ReadFrom,
// large files are copied through memory, for two to three times the CPU time.
//
// # Behind a proxy
//
// nginx and Apache send files with less CPU time than a Go program. With
// Options.Offload, the handler verifies a request and opens the file as ever, and
// its reply then names the file instead of having it: X-Accel-Redirect for nginx,
// X-Sendfile for Apache and lighttpd. The proxy opens the name and sends the file,
// with its own ETag and Last-Modified. It answers conditions and ranges, which
// this handler does not see: a 304 takes a use of a link whose uses are limited.
//
// Only types that a browser runs nothing in are left to the proxy, since nginx
// drops the Content-Security-Policy of such a reply; all others are sent as ever,
// and so are, with X-Sendfile, names that have a percent sign or end in a blank, which
// proxies do not agree on. nginx drops X-Content-Type-Options, Referrer-Policy
// and Vary too, so that its configuration must add them. It opens the file
// by its name, a moment later: it must have the same files under the same
// names, and follow no symbolic link out of them.
//
// Let nobody reach the handler but the proxy: anyone else gets an empty reply with the
// name in it. Another server behind the same proxy could name these files too, and must
// be one that you trust. Complete configurations, which do all this, are in
// examples/fileserver/deploy. Package forwardauth is for what is not a file.
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
//     a slash, and a file with a slash to its path without. The link is not
//     signed for where it leads: 403. Do not link to such names.
//   - A link to a directory, with its slash, lists it or opens its index.html,
//     and a link to a subtree lists all directories in it, hidden ones too.
//   - It serves the file for every method that the link grants, DELETE too.
//   - It limits the ranges of a request only by their sum: a Range header of one
//     megabyte makes a reply of 36, most of it the headers of the parts.
//   - Its files have no X-Content-Type-Options: nosniff, so that a browser may
//     guess another type than the one that is sent. HTML and SVG run their
//     scripts on your origin, and the media types are those of the machine.
//   - It has no ETag, and continues a download by a date, which can be set.
//   - Names that are too long give 500.
//   - http.Dir follows symbolic links to the outside and waits for FIFOs, and
//     http.FS(os.DirFS) keeps the kernel from sending files.
package signedfs
