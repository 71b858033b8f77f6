package signedfs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

// A listing shows one page of a directory. The directory is read from its
// beginning for every page, in pieces, and only the page is kept: what a reply
// needs of memory does not grow with the directory, and its time grows in
// proportion, up to maxEntries.
const (
	pageSize   = 500
	pieceSize  = 1000
	maxEntries = 200_000
)

// maxQueries bounds the bytes by which the links of a page repeat the query of
// the request. The names are no links beyond it: 8 KiB of query that have to be
// escaped, and 500 names, would make a page of 20 MB.
const maxQueries = 8 << 20

// entry is a name in a listing. The name of a directory ends in a slash.
type entry struct {
	name string
	size int64
	mod  time.Time
}

func (e *entry) isDir() bool { return strings.HasSuffix(e.name, "/") }

// list answers with a page of the names in a directory that a request for each
// would find. The names are links if the request's own signature opens them
// too, which only that of a subtree does.
func (h *Handler) list(w http.ResponseWriter, r *http.Request, f http.File, dir string, v view) {
	p := page{view: v, Title: h.title(dir)}
	if err := h.readPage(r.Context(), f, dir, &p); err != nil {
		h.failed(w, r, err)
		return
	}
	query := r.URL.RawQuery // with the signature, unless that came in a cookie
	if query != "" {
		query = "?" + query
	}
	c, signed := middleware.LinkFromContext(r.Context())
	under, ok := subtree(&c)
	if !signed || ok {
		p.link(query)
		p.linkUp(h, dir, under, query)
	}
	var body bytes.Buffer
	if err := pages.Execute(&body, &p); err != nil {
		h.failed(w, r, err)
		return
	}
	header := w.Header()
	clearHeader(header) // no-store: names change, and the page holds signatures
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", listPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodHead {
		w.Write(body.Bytes())
	}
}

// readPage reads a directory and keeps what is on the page.
func (h *Handler) readPage(ctx context.Context, f http.File, dir string, p *page) error {
	compare := p.view.compare
	// The page before this one begins after the entry that has pageSize others
	// between itself and this page.
	following := first{n: pageSize, compare: compare}
	preceding := first{n: pageSize + 1, compare: func(a, b entry) int { return compare(b, a) }}
	for read := 0; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		infos, err := f.Readdir(min(pieceSize, maxEntries-read))
		for _, info := range infos {
			e, ok := h.listed(ctx, dir, info)
			switch {
			case !ok:
				continue
			case p.after != nil && compare(e, *p.after) <= 0:
				p.Before++
				preceding.add(e)
			default:
				following.add(e)
			}
			p.Total++
		}
		if errors.Is(err, io.EOF) || err == nil && len(infos) == 0 {
			break
		}
		if err != nil {
			return err
		}
		if read += len(infos); read == maxEntries {
			p.Cut = true
			break
		}
	}
	p.entries = following.cut()
	if before := preceding.cut(); len(before) > pageSize {
		p.previous = &before[pageSize]
	}
	return nil
}

// first keeps the first n of many entries in an order.
type first struct {
	n       int
	compare func(a, b entry) int
	entries []entry
}

func (f *first) add(e entry) {
	if f.entries = append(f.entries, e); len(f.entries) == 2*f.n {
		f.cut()
	}
}

func (f *first) cut() []entry {
	slices.SortFunc(f.entries, f.compare)
	if len(f.entries) > f.n {
		clear(f.entries[f.n:])
		f.entries = f.entries[:f.n]
	}
	return f.entries
}

// listed returns an entry of a directory as a listing shows it, and false for
// what would not be served.
func (h *Handler) listed(ctx context.Context, dir string, info fs.FileInfo) (entry, bool) {
	name := info.Name()
	if h.fault("/"+name) != nil {
		return entry{}, false
	}
	if info.Mode().Type() == fs.ModeSymlink {
		// Only opening it tells whether it stays inside.
		f, target, err := h.open(ctx, strings.TrimSuffix(dir, "/")+"/"+name, false)
		if err != nil {
			return entry{}, false
		}
		f.Close()
		info = target
	}
	v := versionOf(info)
	e := entry{name: name, size: info.Size(), mod: v.lastModified()}
	switch {
	case info.IsDir():
		e.name, e.size = name+"/", 0
	case !isFile(info):
		return entry{}, false
	}
	return e, true
}

// title returns the name of a directory as the page shows it.
func (h *Handler) title(dir string) string {
	path := strings.Trim(h.public+dir, "/")
	if path == "" {
		return "Files"
	}
	return shown(path[strings.LastIndexByte(path, '/')+1:])
}

// linkUp links to the directories above, as far as the subtree of the
// signature reaches. Without a signature that is to the base.
func (p *page) linkUp(h *Handler, dir, under, query string) {
	under, err := url.PathUnescape(under)
	if err != nil {
		return
	}
	up := "../"
	for dir != "/" {
		dir = dir[:strings.LastIndexByte(dir, '/')]
		if dir == "" {
			dir = "/"
		}
		if !strings.HasPrefix(strings.TrimSuffix(h.public+dir[1:], "/")+"/", under) {
			return
		}
		p.Up = slices.Insert(p.Up, 0, link{h.title(dir), up + p.view.file(nil) + query})
		up += "../"
	}
}
