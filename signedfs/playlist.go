package signedfs

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/signedurl/middleware"
)

// A playlist names files by relative references, and players drop the query of the
// playlist when they resolve them. So the references in a playlist that a link to a
// subtree opened get the link's own parameters. Nothing is signed for that, and no
// secret is needed: who has the playlist has the link.
//
// Whoever wrote the playlist must not get the link to another host. So a reference is
// touched only if it has one meaning to all players, which is a file in the
// subtree; and a playlist is not touched at all if something in it changes how
// references are resolved. One that needs no reference to get the link elsewhere is
// refused.

const (
	hlsType  = "application/vnd.apple.mpegurl"
	dashType = "application/dash+xml"
)

const (
	maxPlaylist  = 4 << 20 // of what is read
	maxRewritten = 8 << 20 // of what is sent
)

// errPlaylist is fs.ErrPermission, so that the reply is 404.
var errPlaylist = fmt.Errorf("signedurl: the playlist makes players send its own query elsewhere: %w", fs.ErrPermission)

// leaks are what makes a player send the query of the playlist's own URL, with the
// signature, to where the playlist says: variables in hls.js and Shaka; UrlQueryInfo,
// which XLink can bring in and an entity can spell, in Shaka and dash.js; reports of DVB in
// dash.js. The bytes 0 and escape spell anything in another encoding.
var leaks = [][]byte{
	[]byte("QUERYPARAM"), []byte("UrlQueryInfo"), []byte("Reporting"), []byte(":href"), []byte("<!DOCTYPE"), []byte("<!ENTITY"), {0}, {0x1B},
}

// asItIs goes back to the beginning of a playlist that is not rewritten, whose source is
// src, if it can be sent as it is.
func asItIs(c *content, src io.Reader) error {
	const overlap = 16 // more than any of leaks
	var room [overlap + 64<<10]byte
	for kept, last := 0, false; !last; {
		n, err := io.ReadFull(src, room[kept:])
		if last = err == io.EOF || err == io.ErrUnexpectedEOF; err != nil && !last {
			return err
		}
		p := room[:kept+n]
		for _, leak := range leaks {
			if bytes.Contains(p, leak) {
				return errPlaylist
			}
		}
		kept = copy(room[:], p[max(0, len(p)-overlap):])
	}
	_, err := c.Seek(0, io.SeekStart)
	return err
}

// playlist returns the content of a playlist with the parameters of the link, or nil
// if the file is sent as it is. The tag is that of the file, or "" if an outer handler
// has not set one.
func (h *Handler) playlist(r *http.Request, c *content, name, tag string) (*content, error) {
	find := references(name)
	if find == nil {
		return nil, nil
	}
	l, ok := newLinker(r, h.public+name[1:])
	if !ok {
		return nil, nil
	}
	if c.size > maxPlaylist {
		return nil, asItIs(c, c)
	}
	src, err := io.ReadAll(io.LimitReader(c, c.size))
	if err != nil {
		return nil, err
	}
	out, ok := l.rewrite(src, find)
	if !ok {
		return nil, asItIs(c, bytes.NewReader(src))
	}
	if tag == "" {
		tag = c.etag(time.Now())
	}
	if tag != "" {
		weak := ""
		if strings.HasPrefix(tag, "W/") {
			weak = "W/"
		}
		sum := sha256.Sum256([]byte("playlist/1\n" + tag + "\n" + l.query))
		tag = weak + `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	}
	return &content{file: bytes.NewReader(out), version: version{size: int64(len(out)), mod: c.mod, tag: tag}}, nil
}

// references returns how the references in a playlist of a name are found, or nil if
// it has not the name of one.
func references(name string) func(*linker, []byte) ([]insertion, bool) {
	switch t, _ := typeOf(name); t {
	case hlsType:
		return (*linker).hls
	case dashType:
		return (*linker).dash
	}
	return nil
}

// linker adds the parameters of a link to references.
type linker struct {
	base  string // the decoded path of the playlist, up to its last slash
	under string // the decoded path of the subtree
	query string // the parameters, in their canonical spelling
	// within says that base is in the subtree.
	within bool
}

// newLinker returns a linker for a request, if its own query holds a link of this
// project's format to a subtree. What a step of the link leaves out stays as it is.
func newLinker(r *http.Request, path string) (*linker, bool) {
	link, ok := middleware.LinkFromContext(r.Context())
	if !ok || link.FromCookie {
		return nil, false
	}
	opened, ok := subtree(&link)
	under, err := url.PathUnescape(opened)
	if err != nil || !ok || hasEncodedSlash(opened) {
		return nil, false
	}
	var params []string
	last, own := "", 0
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		value, err := url.QueryUnescape(value)
		switch {
		case err != nil:
			return nil, false
		case name == "signature":
			last = "signature=" + escapeQuery(value)
			continue
		case !reserved(name):
			continue
		case name == "signed_under" && value == link.Under, name == "signed_by":
			own++
		}
		params = append(params, name+"="+escapeQuery(value))
	}
	if last == "" || own != 2 { // a link of another format
		return nil, false
	}
	// Steps stay in the order in which they came.
	slices.SortStableFunc(params, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	l := &linker{base: path[:strings.LastIndexByte(path, '/')+1], under: under, query: strings.Join(append(params, last), "&")}
	l.within = strings.HasPrefix(l.base, l.under)
	return l, true
}

// onePath reports whether a step leaves one path of a link, and nothing below it.
func onePath(l *middleware.Link) bool {
	return slices.ContainsFunc(l.Steps(), func(step middleware.Claims) bool { return step.Only != "" })
}

// subtree returns the innermost subtree that a link and its steps open. It reports
// false if they open a single path, or none.
func subtree(l *middleware.Link) (under string, ok bool) {
	under = l.Under
	for _, step := range l.Steps() {
		switch {
		case step.Under == "" || strings.HasPrefix(under, step.Under):
		case strings.HasPrefix(step.Under, under):
			under = step.Under
		default:
			return "", false
		}
	}
	return under, l.Under != "" && !onePath(l)
}

// reserved reports whether a parameter belongs to a link.
func reserved(name string) bool {
	return name == "expires_at" || name == "signature" || strings.HasPrefix(name, "signed_")
}

// escapeQuery escapes all but the unreserved characters of RFC 3986.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// insertion is where a reference ends that gets the parameters.
type insertion struct {
	at  int
	sep string // "?" or, after a query, "&"
}

// rewrite returns the playlist with the parameters at the references that find finds,
// or false if it stays as it is.
func (l *linker) rewrite(src []byte, find func(*linker, []byte) ([]insertion, bool)) ([]byte, bool) {
	if len(src) > maxPlaylist || !utf8.Valid(src) {
		return nil, false
	}
	places, ok := find(l, src)
	if !ok || len(places) == 0 {
		return nil, false
	}
	size := len(src)
	for _, p := range places {
		if size += len(p.sep) + len(l.query); size > maxRewritten {
			return nil, false
		}
	}
	out, from := make([]byte, 0, size), 0
	for _, p := range places {
		out = append(out, src[from:p.at]...)
		out = append(out, p.sep...)
		out = append(out, l.query...)
		from = p.at
	}
	return append(out, src[from:]...), true
}

// plain are the bytes of a reference that mean the same to every player. There is no
// colon, so that there is no scheme, and nothing that a browser removes or turns into
// something else, such as a blank, a line break or a backslash.
var plain = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/%?=&") {
		t[c] = true
	}
	return t
}()

// opens reports whether a reference leads to a file that the link opens, from every
// one of the bases, and whether it has a query.
func (l *linker) opens(ref string, bases ...string) (query, ok bool) {
	simple := true
	for i := 0; i < len(ref); i++ {
		c := ref[i]
		if !plain[c] {
			return false, false
		}
		if c == '/' || c == '%' || c == '?' {
			simple = false
		}
	}
	// Most references are the name of a file beside the playlist.
	if simple && len(bases) == 0 {
		return false, l.within && ref != "" && ref != "." && ref != ".."
	}
	path, rest, query := strings.Cut(ref, "?")
	if query && !foreign(rest) {
		return false, false
	}
	if len(bases) == 0 {
		bases = []string{l.base}
	}
	for _, base := range bases {
		if to, ok := resolve(base, path); !ok || !strings.HasPrefix(to, l.under) {
			return false, false
		}
	}
	return query, true
}

// foreign reports whether the query of a reference has names of its own alone.
func foreign(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil || name == "" || reserved(name) {
			return false
		}
		if _, err := url.QueryUnescape(value); err != nil {
			return false
		}
	}
	return true
}

// resolve returns the decoded path to which the path of a reference leads from a
// base, which ends in a slash (RFC 3986, section 5.2). It reports false if there are
// players that find another one.
func resolve(base, path string) (string, bool) {
	switch {
	case path == "", strings.Contains(path, "//"):
		return "", false
	case path[0] == '/':
		base, path = "/", path[1:]
	}
	for {
		raw, rest, more := strings.Cut(path, "/")
		part, err := url.PathUnescape(raw)
		if err != nil || strings.ContainsAny(part, "/\\") || nameHasControl(part) {
			return "", false
		}
		switch {
		case part != "." && part != "..":
			base += part
			if more {
				base += "/"
			}
		case part != raw, !more: // browsers take %2e for a dot, and others do not
			return "", false
		case part == "..":
			if base == "/" {
				return "", false
			}
			base = base[:strings.LastIndexByte(base[:len(base)-1], '/')+1]
		}
		if !more {
			return base, true
		}
		path = rest
	}
}

func nameHasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == 0x7F {
			return true
		}
	}
	return false
}
