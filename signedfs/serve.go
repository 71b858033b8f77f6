package signedfs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"example.com/signedurl/middleware"
)

// serve answers a request that the verifier accepted.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	path, view := r.URL.Path, byName
	if reads && h.opts.Listing {
		if dir, v, ok := cutView(path); ok {
			path, view = dir, v
		}
	}
	name, slash, ok := h.name(path, r.URL.RawPath)
	if !ok {
		h.fail(w, r, http.StatusNotFound)
		return
	}
	if !reads {
		h.serveOther(w, r, name, slash)
		return
	}
	// A path that ends in a slash asks for a directory, any other for a file.
	// There is no redirect from one to the other: the signature does not hold
	// for where it would lead.
	if slash && !h.opts.Listing {
		h.fail(w, r, http.StatusNotFound)
		return
	}
	// A goroutine of net/http reads a file in parts. It may outlive the request
	// by a moment, which is safe with an *os.File alone.
	if d, ok := h.root.(*Dir); ok && !slash && r.Header["Range"] == nil {
		if f, ok := d.openRaw(name); ok {
			defer f.Close()
			h.sendFile(w, r, &content{file: f, version: f.version}, name)
			return
		}
	}
	f, info, err := h.open(r.Context(), name, slash)
	if err != nil {
		h.failed(w, r, err)
		return
	}
	defer f.Close()
	switch {
	case info.IsDir() != slash:
		h.fail(w, r, http.StatusNotFound)
	case slash:
		h.list(w, r, f, name, view)
	case !isFile(info):
		h.fail(w, r, http.StatusNotFound)
	default:
		if re, ok := f.(redirecter); ok && r.Method == http.MethodGet && h.redirect(w, r, re) {
			return
		}
		h.sendFile(w, r, &content{file: f, version: versionOf(info), info: info}, name)
	}
}

// redirecter is described under "File systems" in the package documentation.
type redirecter interface {
	RedirectURL(lifetime time.Duration) (string, error)
}

// longestRedirect is how long the URL works to which a request is redirected.
const longestRedirect = 5 * time.Minute

// redirect sends a client to where the file is, if that is what the file wants.
// A request that passed without a link gets no URL.
func (h *Handler) redirect(w http.ResponseWriter, r *http.Request, f redirecter) bool {
	link, ok := middleware.LinkFromContext(r.Context())
	if !ok {
		return false
	}
	lifetime := longestRedirect
	if expiry := link.Expiry(); !expiry.IsZero() {
		// At least a second, for a link within its leeway.
		lifetime = max(min(lifetime, time.Until(expiry)), time.Second)
	}
	location, err := f.RedirectURL(lifetime)
	switch {
	case err != nil:
		h.failed(w, r, err)
	case location == "":
		return false
	default:
		clearHeader(w.Header())
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}
	return true
}

// serveOther answers the methods that do not read.
func (h *Handler) serveOther(w http.ResponseWriter, r *http.Request, name string, slash bool) {
	if slash && name != "/" {
		// It is not the file of that name, which is outside the subtree of a
		// link to the directory.
		name += "/"
	}
	upload := h.uploads != nil && (r.Method == http.MethodPut || r.Method == http.MethodPost)
	// Without a link, Verify.InsecureReportOnly let the request pass, and
	// nothing granted the method.
	link, granted := middleware.LinkFromContext(r.Context())
	if !granted || !upload && h.opts.OtherMethods == nil {
		w.Header().Set("Allow", h.allow(slash))
		h.fail(w, r, http.StatusMethodNotAllowed)
		return
	}
	// A browser adds a cookie to the requests of every site.
	if link.FromCookie && new(http.CrossOriginProtection).Check(r) != nil {
		h.fail(w, r, http.StatusForbidden)
		return
	}
	if upload {
		h.uploads.serve(w, r, link, name, slash)
		return
	}
	clearHeader(w.Header())
	h.opts.OtherMethods(w, r, name)
}

// allow returns the methods that this package serves for a path.
func (h *Handler) allow(slash bool) string {
	switch {
	case h.uploads == nil:
		return "GET, HEAD"
	case !slash:
		return "GET, HEAD, PUT"
	case h.opts.Listing:
		return "GET, HEAD, POST"
	}
	return "POST"
}

// contextOpener is described under "File systems" in the package documentation.
type contextOpener interface {
	OpenContext(ctx context.Context, name string) (http.File, error)
}

// open opens a file, or a directory if the path ends in a slash.
func (h *Handler) open(ctx context.Context, name string, slash bool) (f http.File, info fs.FileInfo, err error) {
	switch root := h.root.(type) {
	case *Dir:
		return root.open(name)
	case contextOpener:
		if slash && name != "/" {
			name += "/"
		}
		f, err = root.OpenContext(ctx, name)
	default:
		f, err = root.Open(name)
	}
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// special are the modes of what is neither a file nor a directory. The files of
// some stores call themselves irregular, and are files all the same. A Dir opens
// regular files alone.
const special = fs.ModeSymlink | fs.ModeNamedPipe | fs.ModeSocket | fs.ModeDevice | fs.ModeCharDevice

func isFile(info fs.FileInfo) bool { return info.Mode()&(special|fs.ModeDir) == 0 }

// failed answers a request for a file that could not be opened or read.
func (h *Handler) failed(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusInternalServerError
	var store interface{ Status() int }
	switch {
	case errors.As(err, &store) && (store.Status() == http.StatusBadGateway || store.Status() == http.StatusServiceUnavailable):
		code = store.Status()
	case noFile(err):
		h.fail(w, r, http.StatusNotFound)
		return
	case errors.Is(err, fs.ErrPermission):
		code = http.StatusNotFound // 403 would say that the link is wrong
	}
	h.report(r, err)
	h.fail(w, r, code)
}

// report tells Options.Error of an error. If the client is gone, that is the
// fault, and of no interest.
func (h *Handler) report(r *http.Request, err error) {
	if h.opts.Error != nil && r.Context().Err() == nil {
		h.opts.Error(r, err)
	}
}

// fail is the only reply to a request that is accepted and cannot be served.
// It says nothing but the status, drops what was meant for a file, and is not
// cached. It has no byte of a file, and takes no use of the link.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, code int) {
	h.giveBack(r)
	replyError(w, code)
}

// replyError is http.Error with the length of the reply, so that it is complete
// before the handler returns.
func replyError(w http.ResponseWriter, code int) {
	header, text := w.Header(), http.StatusText(code)+"\n"
	clearHeader(header)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	io.WriteString(w, text)
}

// giveBack gives the use of the link back. It is called before the header of
// each reply that has no byte of a file. A store that fails changes nothing
// about the reply.
func (h *Handler) giveBack(r *http.Request) {
	if err := middleware.GiveBack(r.Context()); err != nil && h.opts.Error != nil {
		h.opts.Error(r, err)
	}
}

// clearHeader drops what describes a file.
func clearHeader(h http.Header) {
	for _, name := range [...]string{"Content-Disposition", "Content-Encoding", "Content-Security-Policy", "Content-Type", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	h["Cache-Control"] = []string{"no-store"}
}
