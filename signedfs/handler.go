package signedfs

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"example.com/signedurl/middleware"
)

// Options are what a [Handler] may be told. The zero value, and a nil
// *Options, are safe defaults.
type Options struct {
	// Verify is the policy of the handler's verifier. Its Prefix is what outer
	// handlers or proxies take off the path; the base that [New] gets is the
	// path as clients see it, with the prefix.
	Verify middleware.Options

	// Listing answers links to directories, whose path ends in a slash, with
	// a page of the names in it. Otherwise they are 404. The page links to
	// what the request's own signature opens, and to nothing else.
	Listing bool

	// OtherMethods serves accepted requests with methods other than GET and
	// HEAD, for links whose claims grant one, such as uploads with PUT. The
	// name is that of the file, as [http.FileSystem] is asked for it; it was
	// held against the same rules as the name of a file that is read. The
	// header has Cache-Control: no-store. Nil answers 405.
	OtherMethods func(w http.ResponseWriter, r *http.Request, name string)

	// Error is called with what the file system said when an accepted request
	// could not be served, if it is more than that there is no such file. The
	// client is told nothing of it: 404 for a file that may not be read, and
	// 500 for the rest. Texts of errors hold paths of the server.
	Error func(r *http.Request, err error)
}

// Handler serves the files of one [http.FileSystem] to requests that are
// signed, and makes the links to them. The zero Handler refuses every request.
// A Handler is immutable and safe for concurrent use, if its file system is.
type Handler struct {
	verified http.Handler // the verifier, around serve
	links    *middleware.URLBuilder
	prefix   string // the escaped path below which requests arrive; ends in "/"
	path     string // prefix, decoded
	root     http.FileSystem
	opts     Options
}

// New returns a handler for the files of root, and a builder of links to them,
// below one base: the path ("/files/") or the origin and path
// ("https://cdn.example.com/files/") under which clients reach the handler, as
// [middleware.NewURLBuilder] takes it. A file's name is what follows the
// base's path.
//
// It is an error if the base is not that, if it holds what a pattern of
// [http.ServeMux] (braces) or a file system (an encoded slash) would read
// differently, or if it does not lie below Options.Verify.Prefix. A format
// that cannot sign, such as a ring of public keys, is not one: the handler serves,
// and making a link gives the format's error. So are the faults that
// [middleware.NewVerifier] finds in Options.Verify. New panics if root or f is
// nil.
func New(base string, root http.FileSystem, f middleware.Format, opts *Options) (*Handler, error) {
	if root == nil {
		panic("signedurl: signedfs.New with a nil http.FileSystem")
	}
	h := &Handler{root: root}
	if opts != nil {
		h.opts = *opts
	}
	verifier, err := middleware.NewVerifier(f, &h.opts.Verify)
	if err != nil {
		return nil, err
	}
	h.verified = verifier.Handler(http.HandlerFunc(h.serve))
	if h.links, err = middleware.NewURLBuilder(base, f); err != nil {
		return nil, err
	}
	u, _ := url.Parse(base) // as NewURLBuilder did
	h.prefix = u.EscapedPath()
	switch {
	case strings.ContainsAny(u.Path, "{}"):
		return nil, fmt.Errorf("signedurl: the base %q has a brace, which patterns of http.ServeMux read as a wildcard", base)
	case strings.Contains(h.prefix, "%2F"):
		return nil, fmt.Errorf("signedurl: the base %q has an encoded slash, which no file system tells from a raw one", base)
	}
	if p := h.opts.Verify.Prefix; p != "" {
		rest, ok := strings.CutPrefix(h.prefix, p)
		if !ok || !strings.HasPrefix(rest, "/") {
			return nil, fmt.Errorf("signedurl: the base %q must begin with Verify.Prefix, %q, which must not end in a slash: the base is the path as clients see it", base, p)
		}
		h.prefix = rest
	}
	h.path, _ = url.PathUnescape(h.prefix) // its escapes were checked
	return h, nil
}

// Prefix returns the path below which requests reach the handler, for use as a
// pattern: mux.Handle(h.Prefix(), h). It is the base's path, without
// Options.Verify.Prefix, and ends in "/".
func (h *Handler) Prefix() string { return h.prefix }

// Links returns the builder of links to the handler's files.
func (h *Handler) Links() *middleware.URLBuilder { return h.links }

// URL returns the link to a file, whose name is as it is on disk, below the
// root, with slashes between its parts. It is short for Links().URL.
func (h *Handler) URL(name string, c middleware.Claims) (*url.URL, error) {
	return h.links.URL(name, c)
}

// ServeHTTP serves the file that an accepted request names, and refuses the
// rest. The signature is looked at before anything else, the file and the
// method included.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h == nil || h.verified == nil {
		middleware.Refuse(w, r, middleware.ErrInvalid)
		return
	}
	h.verified.ServeHTTP(w, r)
}
