package signedfs

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"example.com/signedurl/middleware"
)

// Options configures a [Handler]. The zero value and a nil *Options select safe
// defaults.
type Options struct {
	// Verify is the policy of the handler's verifier. Its Prefix is the part of
	// the path that outer handlers or proxies strip; the base that [New] gets is
	// the path that clients see, with the prefix.
	Verify middleware.Options

	// Listing answers links to directories, whose path ends in a slash, with a
	// page of the names in it. Without it they are 404. The page links to what
	// the request's own signature opens, and to nothing else. See "Listings" in
	// the package documentation.
	Listing bool

	// Playlists hands the link of a request on to the references in a playlist of HLS
	// or DASH, so that players fetch what it names. It needs a link to a subtree, in
	// the URL. Leave it off for playlists of strangers: whoever can write one can have
	// its viewers' players ask other hosts, though not with the link.
	// See "Playlists" in the package documentation.
	Playlists bool

	// Offload leaves files to a proxy in front, which sends them in place of this
	// process. See "Behind a proxy" in the package documentation.
	Offload Offload

	// Uploads stores the bodies of accepted PUT and POST requests, for links that
	// grant one. The root must be a [Writer], as a [Dir] is. See "Uploads" in the
	// package documentation. Nil answers 405, or calls OtherMethods.
	Uploads *Uploads

	// OtherMethods serves accepted requests with methods other than GET and
	// HEAD, for links that grant one, such as DELETE. The name is that
	// of the file, in the form in which [http.FileSystem] takes it. It satisfies
	// the same rules as the name of a file that is read. It ends in a slash if
	// the path does: a link to a subtree opens the directory's own path, which
	// must not name a file beside the directory. The header already has
	// Cache-Control: no-store. A request whose link came in a cookie has passed an
	// [http.CrossOriginProtection]. Nil answers 405.
	OtherMethods func(w http.ResponseWriter, r *http.Request, name string)

	// Error, if not nil, is called with the error of the file system if an
	// accepted request cannot be served, except if the file does not exist. The
	// client does not learn the error, whose text may hold a path of the server: the reply
	// is 404 for a file that may not be read, the status that the error names
	// (see "File systems" in the package documentation), and 500 for anything else.
	// It is also called if the use of a link could not be given back, which
	// does not change the reply.
	Error func(r *http.Request, err error)
}

// A Handler serves the files of an [http.FileSystem] to requests with a signed
// link, and makes links to them. The zero Handler refuses every request. A Handler
// is immutable, and safe for concurrent use if its file system is.
type Handler struct {
	verified http.Handler // the verifier, around serve
	links    *middleware.URLBuilder
	prefix   string // the escaped path below which requests arrive; ends in "/"
	path     string // prefix, decoded
	public   string // the decoded path of the base
	root     http.FileSystem
	longest  int // the longest part of a name, or 0
	uploads  *uploader
	opts     Options
}

// New returns a handler for the files of root. It also makes the links to them,
// below one base: the path ("/files/") or the origin and path
// ("https://cdn.example.com/files/") under which clients reach the handler, as
// [middleware.NewURLBuilder] takes it. A file's name is what follows the path of
// the base.
//
// New returns an error if base does not have that form, if it contains braces or
// an encoded slash, to which a pattern of [http.ServeMux] or a file system gives
// another meaning, or if it is not below Options.Verify.Prefix. The error joins
// all faults, including those that [middleware.NewVerifier] finds in
// Options.Verify. With Options.Uploads, a root that cannot store files is an
// error too. A format that cannot sign, such as a ring of public keys, is
// not an error: the handler serves files, and URL returns the format's error.
// New panics if root or f is nil.
func New(base string, root http.FileSystem, f middleware.Format, opts *Options) (*Handler, error) {
	if root == nil {
		panic("signedurl: signedfs.New with a nil http.FileSystem")
	}
	h := &Handler{root: root, longest: longestName(root)}
	if opts != nil {
		h.opts = *opts
	}
	if h.opts.Uploads != nil {
		h.opts.Verify.EnforcesUploads = true
	}
	verifier, err := middleware.NewVerifier(f, &h.opts.Verify)
	if err := errors.Join(err, h.setBase(base, f), h.opts.Offload.check()); err != nil {
		return nil, err
	}
	if h.opts.Uploads != nil {
		if h.uploads, err = newUploader(h, verifier); err != nil {
			return nil, err
		}
	}
	h.verified = verifier.Handler(http.HandlerFunc(h.serve))
	return h, nil
}

// setBase sets what depends on the base.
func (h *Handler) setBase(base string, f middleware.Format) error {
	links, err := middleware.NewURLBuilder(base, f)
	if err != nil {
		return err
	}
	h.links = links.Restrict(h.linkable)
	u, _ := url.Parse(base) // as NewURLBuilder did
	h.prefix, h.public = u.EscapedPath(), u.Path
	var faults []error
	if strings.ContainsAny(u.Path, "{}") {
		faults = append(faults, fmt.Errorf("signedurl: the base %q has a brace, which patterns of http.ServeMux read as a wildcard", base))
	}
	if strings.Contains(h.prefix, "%2F") {
		faults = append(faults, fmt.Errorf("signedurl: the base %q has an encoded slash, which file systems do not distinguish from a raw one", base))
	}
	if p := h.opts.Verify.Prefix; p != "" {
		rest, ok := strings.CutPrefix(h.prefix, p)
		if !ok || !strings.HasPrefix(rest, "/") {
			faults = append(faults, fmt.Errorf("signedurl: the base %q must begin with Verify.Prefix, %q, and a slash: the base is the path that clients see", base, p))
		}
		h.prefix = rest
	}
	h.path, _ = url.PathUnescape(h.prefix) // its escapes were checked
	return errors.Join(faults...)
}

// Prefix returns the path below which requests reach the handler, for use as a
// pattern: mux.Handle(h.Prefix(), h). It is the path of the base without
// Options.Verify.Prefix, and ends in "/".
func (h *Handler) Prefix() string { return h.prefix }

// Links returns a builder of links to the handler's files. The builder refuses
// names that the handler never serves: those with a hidden part, a
// backslash or bytes that are not UTF-8, one that is too long for a file or,
// without Options.Listing or Uploads, ends in a slash, and on Windows those that it gives
// another meaning.
func (h *Handler) Links() *middleware.URLBuilder { return h.links }

// URL returns a link to a file. The name is the file's path below the root,
// slash-separated and not escaped. URL is shorthand for Links().URL.
func (h *Handler) URL(name string, c middleware.Claims) (*url.URL, error) {
	return h.links.URL(name, c)
}

// ServeHTTP serves the file that an accepted request names, and refuses all
// others. It looks at the signature before anything else, the file and the
// method included.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h == nil || h.verified == nil {
		middleware.Refuse(w, r, middleware.ErrInvalid)
		return
	}
	h.verified.ServeHTTP(w, r)
}
