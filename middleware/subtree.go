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

// validUnder reports whether a path is canonical, ends at a segment boundary
// and is not empty: a prefix "" or "/files/a" would open "/files/ab".
func validUnder(p string) bool {
	return strings.HasSuffix(p, "/") && strict.CanonicalPath(p)
}

// decodeUnder decodes and checks a subtree. If the path begins with it, as it
// usually does, the subtree is cut from the path and nothing is allocated.
func decodeUnder(raw, path string) (string, bool) {
	n := len(raw) - 2*strings.Count(raw, "%")
	if 0 < n && n <= len(path) && strict.UnescapesTo(raw, path[:n], true) {
		return path[:n], validUnder(path[:n])
	}
	under, _ := strict.Unescape(raw, true)
	return under, validUnder(under)
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

// allIgnored reports whether every parameter of a query is reserved or ignored:
// a signature over a subtree covers no other.
func allIgnored(query string, ignore []string) bool {
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if name != "" && !isReserved(name) && !ignored(name, ignore) {
			return false
		}
	}
	return true
}
