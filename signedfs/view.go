package signedfs

import (
	"cmp"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// view is how a listing is sorted, and after which entry its page begins.
//
// It is part of the path, as the name of a hidden file in the directory: a
// signature of a subtree, in the URL or in a cookie, opens it like any name in
// the directory, while a parameter of the query would have to be signed or
// ignored by each link. No name of a file is taken away, since hidden files are
// not served. Relative links mean the same as on the directory's own path.
type view struct {
	by    string // "name", "size" or "date"
	down  bool
	after *entry // nil on the first page
}

var byName = view{by: "name"}

// viewPrefix begins the last part of a path that names a view:
// ".list.size.down", or ".list.size.down.CURSOR".
const viewPrefix = ".list."

// cutView splits the path of a view of a directory. The directory's path ends
// in a slash.
func cutView(path string) (dir string, v view, ok bool) {
	slash := strings.LastIndexByte(path, '/')
	rest, ok := strings.CutPrefix(path[slash+1:], viewPrefix)
	if !ok {
		return "", view{}, false
	}
	by, rest, ok := strings.Cut(rest, ".")
	if !ok || by != "name" && by != "size" && by != "date" {
		return "", view{}, false
	}
	order, cursor, more := strings.Cut(rest, ".")
	if order != "up" && order != "down" {
		return "", view{}, false
	}
	v = view{by: by, down: order == "down"}
	if more {
		if v.after, ok = v.decode(cursor); !ok {
			return "", view{}, false
		}
	}
	return path[:slash+1], v, true
}

// file returns the name of the page of the view that begins after an entry, or
// of its first page if that is nil. The name is empty for the directory itself.
func (v view) file(after *entry) string {
	if v.by == byName.by && !v.down && after == nil {
		return ""
	}
	order := ".up"
	if v.down {
		order = ".down"
	}
	if after == nil {
		return viewPrefix + v.by + order
	}
	return viewPrefix + v.by + order + "." + v.encode(after)
}

// encode returns an entry's place in the order: its name, after its size or time
// if it is sorted by these.
func (v view) encode(e *entry) string {
	text := e.name
	switch v.by {
	case "size":
		text = strconv.FormatInt(e.size, 10) + "/" + text
	case "date":
		text = strconv.FormatInt(e.mod.Unix(), 10) + "." + strconv.Itoa(e.mod.Nanosecond()) + "/" + text
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func (v view) decode(cursor string) (*entry, bool) {
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, false
	}
	var e entry
	if v.by == "name" {
		e.name = string(b)
		return &e, true
	}
	number, name, ok := strings.Cut(string(b), "/")
	e.name = name
	if v.by == "size" {
		e.size, err = strconv.ParseInt(number, 10, 64)
		return &e, ok && err == nil
	}
	seconds, nanoseconds, _ := strings.Cut(number, ".")
	s, err1 := strconv.ParseInt(seconds, 10, 64)
	n, err2 := strconv.ParseInt(nanoseconds, 10, 64)
	e.mod = time.Unix(s, n)
	return &e, ok && err1 == nil && err2 == nil
}

// compare orders entries: directories first, then by what the view is sorted
// by, and then by name.
func (v view) compare(a, b entry) int {
	switch dir := a.isDir(); {
	case dir != b.isDir() && dir:
		return -1
	case dir != b.isDir():
		return 1
	}
	order := 0
	switch v.by {
	case "size":
		order = cmp.Compare(a.size, b.size)
	case "date":
		order = a.mod.Compare(b.mod)
	}
	if order == 0 {
		order = cmp.Compare(a.name, b.name)
	}
	if v.down {
		return -order
	}
	return order
}
