package signedfs_test

import (
	"bufio"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// noFS has nothing, and remembers what it was asked for.
type noFS struct{ asked []string }

func (n *noFS) Open(name string) (http.File, error) {
	n.asked = append(n.asked, name)
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// Whatever target is accepted, the file system is asked for the one file that
// was signed, or for one below the subtree that was signed, and never for what
// the target does not say.
func FuzzFileSystemIsAskedForWhatWasSigned(f *testing.F) {
	root := new(noFS)
	h := newHandler(f, "/files/", root, &signedfs.Options{Listing: true})
	api := newHandler(f, "/api/files/", root, &signedfs.Options{Listing: true, Verify: middleware.Options{Prefix: "/api"}})
	mux := http.NewServeMux()
	mux.Handle(h.Prefix(), h)
	handlers := []struct {
		prefix string
		http.Handler
	}{{"/files", h}, {"/files", mux}, {"/api/files", http.StripPrefix("/api", api)}}

	exact := []string{"kyc/card.png", "a b;c%2Fd+.png", "ü/&?#=", "dir/"}
	var queries []string
	for _, h := range []*signedfs.Handler{h, api} {
		for _, name := range exact {
			u, err := h.URL(name, later)
			if err != nil {
				f.Fatal(err)
			}
			queries = append(queries, u.RawQuery)
			root.asked = nil
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", strings.TrimPrefix(u.RequestURI(), "/api"), nil))
			if len(root.asked) != 1 {
				f.Fatalf("the link to %q is not accepted: the seeds are worth nothing", name)
			}
			f.Add(strings.TrimPrefix(strings.TrimPrefix(u.EscapedPath(), "/api"), "/files"), u.RawQuery)
		}
		s, err := h.Links().Subtree("sub/tree", later)
		if err != nil {
			f.Fatal(err)
		}
		queries = append(queries, s.Query())
	}
	for _, path := range []string{
		"/kyc/card.png", "/kyc//card.png", "/kyc/./card.png", "/kyc/x/../card.png", "/kyc/%2e%2e/kyc/card.png", "/kyc%2Fcard.png", "/kyc%2fcard.png",
		"/kyc%5Ccard.png", "/kyc/card%2Epng", "/KYC/card.png", "/kyc/card.png/", "/kyc/card.png%00", "/kyc/card.png%20", "/kyc/card.png.",
		"/sub/tree/x", "/sub/tree/", "/sub/tree", "/sub/tree/..%2Fy", "/sub/tree/..%5Cy", "/sub/tree/%2E%2E/y", "/sub/tree/../y", "/sub/tree/a/../../../y",
		"/sub/tree/%2e", "/sub/tree//x", "/sub/tree/x/", "/sub/tree/.x", "/sub/tree/x;y=..", "/sub/tree%2Fx", "/sub%2Ftree/x", "/sub/treehouse/x",
		"/../files/kyc/card.png", "//kyc/card.png", "/..;/kyc/card.png", "/%25%32%65%25%32%65/kyc/card.png", "/sub/tree/%c0%ae%c0%ae/x", "", "/",
		"/sub/tree/.list.size.down", "/sub/tree/x/.list.name.up.eA", "/sub/tree/%2elist.size.down", "/sub/tree%2f.list.size.down", "/sub/.list.size.down",
		"/.list.size.down/", "/sub/tree/.list.size.down/x", "/sub/tree/..list.size.down", "/sub/tree/.list.size.up.Li4v",
	} {
		for _, query := range queries {
			f.Add(path, query)
		}
	}
	f.Fuzz(func(t *testing.T, escaped, query string) {
		for _, handler := range handlers {
			target := handler.prefix + escaped + "?" + query
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: files.example\r\n\r\n")))
			if err != nil {
				return
			}
			root.asked = nil
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if len(root.asked) == 0 {
				continue
			}
			if len(root.asked) > 1 || w.Code != 404 {
				t.Fatalf("%s: asked for %q, answered %d", target, root.asked, w.Code)
			}
			name := root.asked[0]
			sent, err := url.PathUnescape(strings.SplitN(r.RequestURI, "?", 2)[0])
			if dir, file := path.Split(sent); signedfs.IsView(file) {
				sent = dir // a view of the directory
			}
			if said := strings.TrimSuffix(strings.TrimPrefix(sent, handler.prefix), "/"); err != nil || said != name {
				t.Errorf("%s says %q, and the file system was asked for %q", target, said, name)
			}
			for part := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '/' || r == '\\' }) {
				if part[0] == '.' {
					t.Errorf("%s: asked for %q", target, name)
				}
			}
			signed := slices.Contains(exact, name[1:]) || slices.Contains(exact, name[1:]+"/")
			if !signed && !strings.HasPrefix(name+sent[len(sent)-1:], "/sub/tree/") {
				t.Errorf("%s: asked for %q, which nobody signed", target, name)
			}
		}
	})
}
