package middleware

import (
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

var (
	errBadUnder      = invalid("signed_under is not a canonical path that ends in a slash")
	errOutside       = invalid("the path is not in the subtree that was signed")
	errUnsignedParam = invalid("a parameter is not covered by a signature over a subtree")
)

// cutUnder decodes a subtree if the request's path begins with it, as it usually
// does. The subtree is cut from the path: nothing is allocated, and what was found
// out about the path is true of its beginning.
func cutUnder(raw string, r *Request) (under string, ok bool) {
	n := len(raw) - 2*strings.Count(raw, "%")
	if n <= 0 || n > len(r.Path) || !strict.UnescapesTo(raw, r.Path[:n], true) {
		return "", false
	}
	under = r.Path[:n]
	if r.canonical {
		return under, under[n-1] == '/'
	}
	return under, strict.CanonicalDir(under)
}

// decodeUnder decodes and checks a subtree.
func decodeUnder(raw string, r *Request) (string, bool) {
	if under, ok := cutUnder(raw, r); ok {
		return under, true
	}
	under, _ := strict.Unescape(raw, true)
	return under, strict.CanonicalDir(under)
}

// underOfPath is decodeUnder for a subtree that the request's path must be in. It
// returns "" for any other, and allocates nothing for it.
func underOfPath(raw string, r *Request) string {
	if under, ok := cutUnder(raw, r); ok {
		return under
	}
	var room [256]byte
	under, _ := strict.AppendUnescaped(room[:0], raw, true)
	if len(under) == 0 || under[len(under)-1] != '/' || !inSubtree(r.Path, under) || !strict.CanonicalDir(string(under)) {
		return ""
	}
	return string(under)
}

// inSubtree reports whether a path, once it is canonicalized, is a canonical
// subtree's own path or lies below it. The subtree ends in a slash, so that
// both end at a segment boundary. It looks no further than the subtree goes.
func inSubtree[T string | []byte](path string, under T) bool {
	if n := len(under); n > 0 && len(path) >= n && path[:n] == string(under) {
		return true // a canonical path, or one whose beginning is
	}
	n := 0 // how much of under has been found
	for i := 0; i < len(path) && n < len(under); {
		c, width := strict.Next(path, i)
		if width == 0 {
			return false
		}
		i += width
		if width == 1 && (c == '/' || strict.Unreserved(c)) {
			if under[n] != c {
				return false
			}
			n++
			continue
		}
		var room [3]byte
		for _, b := range strict.AppendByte(room[:0], c) {
			if n == len(under) || under[n] != b {
				return false
			}
			n++
		}
	}
	return n > 0 && n == len(under)
}
