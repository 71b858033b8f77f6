package server

import (
	"net/http"
	"path"
	"strings"
	"sync/atomic"
)

// routes sends requests to what is mounted at their path, the first that fits,
// and all others to pages.
//
// http.ServeMux could do it, but it redirects a path that is not clean to the
// clean one. That would carry the query, and the signature in it, into a
// header, and tell a forger something other than 403.
type routes struct {
	mounts []mount
	pages  http.Handler
}

// mount is a handler for a decoded path and all below it.
type mount struct {
	path string
	http.Handler
}

func (m *mount) serves(path string) bool {
	rest, ok := strings.CutPrefix(path, m.path)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(m.path, "/"))
}

func (rt *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for i := range rt.mounts {
		if rt.mounts[i].serves(r.URL.Path) {
			rt.mounts[i].ServeHTTP(w, r)
			return
		}
	}
	if r.URL.Path == "" || path.Clean(r.URL.Path) != r.URL.Path {
		http.NotFound(w, r)
		return
	}
	rt.pages.ServeHTTP(w, r)
}

const healthPath = "/healthz"

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
