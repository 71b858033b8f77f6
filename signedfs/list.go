package signedfs

import (
	"bytes"
	"errors"
	"html"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"

	"example.com/signedurl/middleware"
)

// maxNames is how many names a listing reads: what a reply costs must not grow
// with the directory.
const maxNames = 10_000

// listPolicy confines the listing itself. It runs nothing, but files may be
// saved by its links.
const listPolicy = "sandbox allow-downloads; default-src 'none'"

// maxQueries bounds what the links of a page repeat of the request's query, in
// bytes. Beyond it the names are no links: 8 KiB of query and 10,000 names
// would make a page of hundreds of megabytes.
const maxQueries = 8 << 20

// list answers with the names in a directory that a request for each would
// find. The names are links if the request's own signature opens them too,
// which only that of a subtree does.
func (h *Handler) list(w http.ResponseWriter, r *http.Request, f http.File, name string) {
	infos, err := f.Readdir(maxNames)
	if err != nil && !errors.Is(err, io.EOF) {
		h.failed(w, r, err)
		return
	}
	query := r.URL.RawQuery // with the signature, unless that came in a cookie
	if query != "" {
		query = "?" + query
	}
	// Each link repeats the query, which may hold much that was not signed.
	c, signed := middleware.LinkFromContext(r.Context())
	linked := (!signed || c.Under != "") && len(html.EscapeString(query))*len(infos) <= maxQueries

	names := make([]string, 0, len(infos))
	for _, info := range infos {
		if n := h.listed(name, info); n != "" {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	var page bytes.Buffer
	page.WriteString("<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>Files</title>\n<ul>\n")
	for _, n := range names {
		text := html.EscapeString(strings.ToValidUTF8(n, "\uFFFD"))
		if linked {
			base, slash := n, ""
			if strings.HasSuffix(n, "/") {
				base, slash = n[:len(n)-1], "/"
			}
			// "./" keeps a name like "a:b" from being read as a scheme.
			href := "./" + url.PathEscape(base) + slash + query
			text = `<a href="` + html.EscapeString(href) + `">` + text + "</a>"
		}
		page.WriteString("<li>" + text + "\n")
	}
	page.WriteString("</ul>\n")
	if len(infos) == maxNames {
		page.WriteString("<p>There may be more.\n")
	}

	header := w.Header()
	clearHeader(header) // no-store: names change, and the page holds signatures
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", listPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodHead {
		w.Write(page.Bytes())
	}
}

// listed returns what a listing of a directory says for one of its entries: a
// file's name, a directory's with a slash, or "" for what would not be served.
func (h *Handler) listed(dir string, info fs.FileInfo) string {
	name := info.Name()
	if !servable("/"+name, runtime.GOOS == "windows") {
		return ""
	}
	if info.Mode().Type() == fs.ModeSymlink {
		// Only opening it tells whether it stays inside.
		f, target, err := h.open(strings.TrimSuffix(dir, "/") + "/" + name)
		if err != nil {
			return ""
		}
		f.Close()
		info = target
	}
	switch {
	case info.IsDir():
		return name + "/"
	case info.Mode().IsRegular():
		return name
	}
	return ""
}
