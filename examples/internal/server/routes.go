package server

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync/atomic"
)

// routes sends requests for files to files, and all others to pages.
//
// http.ServeMux could do it, but it redirects a path that is not clean to the
// clean one. That would carry the query, and the signature in it, into a
// header, and tell a forger something other than 403.
type routes struct {
	below string // the decoded path below which the files are
	files http.Handler
	pages http.Handler
}

func newRoutes(prefix string, files, pages http.Handler) *routes {
	below, _ := url.PathUnescape(prefix) // signedfs.New has checked the escapes
	return &routes{below, files, pages}
}

func (rt *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, rt.below):
		rt.files.ServeHTTP(w, r)
	case r.URL.Path == "" || path.Clean(r.URL.Path) != r.URL.Path:
		http.NotFound(w, r)
	default:
		rt.pages.ServeHTTP(w, r)
	}
}

// health answers whether the process takes requests, and will.
type health struct{ stopping atomic.Bool }

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if h.stopping.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		w.Write([]byte("stopping\n"))
		return
	}
	w.Write([]byte("ok\n"))
}
