package signedfs

import (
	"errors"
	"io/fs"
	"net/http"

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
		fail(w, http.StatusNotFound)
		return
	}
	if !reads {
		h.serveOther(w, r, name)
		return
	}
	// A path that ends in a slash asks for a directory, any other for a file.
	// There is no redirect from one to the other: the signature does not hold
	// for where it would lead.
	if slash && !h.opts.Listing {
		fail(w, http.StatusNotFound)
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
	f, info, err := h.open(name)
	if err != nil {
		h.failed(w, r, err)
		return
	}
	defer f.Close()
	switch {
	case info.IsDir() != slash:
		fail(w, http.StatusNotFound)
	case slash:
		h.list(w, r, f, name, view)
	case !info.Mode().IsRegular():
		fail(w, http.StatusNotFound)
	default:
		h.sendFile(w, r, &content{file: f, version: versionOf(info)}, name)
	}
}

// serveOther answers the methods that do not read.
func (h *Handler) serveOther(w http.ResponseWriter, r *http.Request, name string) {
	// Without claims, Verify.InsecureReportOnly let the request pass, and no
	// link granted the method.
	if _, granted := middleware.LinkFromContext(r.Context()); !granted || h.opts.OtherMethods == nil {
		w.Header().Set("Allow", "GET, HEAD")
		fail(w, http.StatusMethodNotAllowed)
		return
	}
	clearHeader(w.Header())
	h.opts.OtherMethods(w, r, name)
}

func (h *Handler) open(name string) (http.File, fs.FileInfo, error) {
	if d, ok := h.root.(*Dir); ok {
		return d.open(name)
	}
	f, err := h.root.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// failed answers a request for a file that could not be opened or read.
func (h *Handler) failed(w http.ResponseWriter, r *http.Request, err error) {
	code := http.StatusInternalServerError
	switch {
	case noFile(err):
		fail(w, http.StatusNotFound)
		return
	case errors.Is(err, fs.ErrPermission):
		code = http.StatusNotFound // 403 would say that the link is wrong
	}
	if h.opts.Error != nil {
		h.opts.Error(r, err)
	}
	fail(w, code)
}

// fail is the only reply to a request that is accepted and cannot be served.
// It says nothing but the status, drops what was meant for a file, and is not
// cached.
func fail(w http.ResponseWriter, code int) {
	clearHeader(w.Header())
	http.Error(w, http.StatusText(code), code)
}

// clearHeader drops what describes a file.
func clearHeader(h http.Header) {
	for _, name := range [...]string{"Content-Disposition", "Content-Encoding", "Content-Security-Policy", "Content-Type", "Etag", "Last-Modified"} {
		delete(h, name)
	}
	h["Cache-Control"] = []string{"no-store"}
}
