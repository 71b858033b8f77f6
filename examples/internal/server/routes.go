package server

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"example.com/signedurl/examples/internal/cli"
)

// routes sends requests to what is mounted at their path, and all others to
// pages.
//
// http.ServeMux could do it, but it redirects a path that is not clean to the
// clean one. That would carry the query, and the signature in it, into a
// header, and tell a forger something other than 403.
type routes struct {
	mounts []mount // the longest path first
	pages  http.Handler
}

// mount is a handler for a decoded path and all below it.
type mount struct {
	path string
	what string // for the log
	http.Handler
}

// mount mounts a handler. Its path must be its own.
func (s *Server) mount(path, what string, h http.Handler) error {
	for _, m := range s.mounts {
		if strings.TrimSuffix(m.path, "/") == strings.TrimSuffix(path, "/") {
			return cli.Usagef("two things would be served at %s: %s and %s", path, m.what, what)
		}
	}
	s.mounts = append(s.mounts, mount{path, what, h})
	slices.SortStableFunc(s.mounts, func(a, b mount) int { return len(b.path) - len(a.path) })
	return nil
}

func (m *mount) serves(path string) bool {
	rest, ok := strings.CutPrefix(path, m.path)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(m.path, "/"))
}

func (rt *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.RawQuery) == 0 && (r.URL.Path == healthPath || r.URL.Path == readyPath) {
		rt.pages.ServeHTTP(w, r) // also if files are at the root
		return
	}
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
