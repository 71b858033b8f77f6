package middleware

import (
	"bytes"
	"slices"
	"strings"

	"example.com/signedurl/middleware/internal/wire"
)

// The first line of the signed bytes, with its end: version and purpose. A signature made
// for one purpose never serves another, even under the same key.
const (
	tagURL    = "signed-url/1\n"
	tagCookie = "signed-cookie/1\n"
)

// message is what a signature is made over, before it is written down. All
// its parts have passed their checks; append only spells them.
type message struct {
	tag      string
	path     string // escaped; for a subtree, the subtree's path
	query    string // raw; if canonicalQuery, the very bytes that are signed
	binding  string // the value the link is bound to
	ignore   []string
	reserved bool // only the reserved parameters are signed

	canonicalPath, canonicalQuery bool
}

// append appends the signed bytes:
//
//	tag LF path LF query LF binding
//
// It is the only place that makes them, for every key, for signer and
// verifier, and for links and cookies. They are injective: no line can hold a
// line feed, since everything but unreserved characters, "/" in the path and
// "=" and "&" in the query is percent-encoded.
func (m message) append(dst []byte) []byte {
	dst = append(dst, m.tag...)
	if m.canonicalPath {
		dst = append(dst, m.path...)
	} else {
		dst = wire.AppendPath(dst, m.path)
	}
	dst = append(dst, '\n')
	if m.canonicalQuery {
		dst = append(dst, m.query...)
	} else {
		dst = appendQuery(dst, m.query, m.reserved, m.ignore)
	}
	dst = append(dst, '\n')
	return wire.AppendEscaped(dst, m.binding)
}

// pair is one encoded pair in appendQuery's buffer: the name is
// buf[start:equals], the pair buf[start:end].
type pair struct{ start, equals, end int }

// appendQuery appends the canonical form of a raw query that scanQuery
// accepted: every pair but the signature, those that ignore names and, if
// reserved is set, all that are the application's; name and value decoded and
// encoded again; sorted by the bytes of the encoded name, pairs of one name in
// the order in which they came.
func appendQuery(dst []byte, q string, reserved bool, ignore []string) []byte {
	var room [maxPairs]pair
	pairs := room[:0]
	sorted := true
	begin := len(dst)
	for part := range strings.SplitSeq(q, "&") {
		name, value, _ := strings.Cut(part, "=")
		own := isReserved(name) // reserved names are spelled literally
		if name == paramNames[paramSignature] || (!own && (reserved || ignored(name, ignore))) {
			continue
		}
		start := len(dst)
		dst = appendRespelled(dst, name)
		equals := len(dst)
		dst = append(dst, '=')
		dst = appendRespelled(dst, value)
		if n := len(pairs); n > 0 && bytes.Compare(dst[pairs[n-1].start:pairs[n-1].equals], dst[start:equals]) > 0 {
			sorted = false
		}
		pairs = append(pairs, pair{start, equals, len(dst)})
		dst = append(dst, '&')
	}
	if len(pairs) == 0 {
		return dst
	}
	dst = dst[:len(dst)-1]
	if sorted {
		return dst
	}
	unsorted := dst
	slices.SortStableFunc(pairs, func(a, b pair) int {
		return bytes.Compare(unsorted[a.start:a.equals], unsorted[b.start:b.equals])
	})
	// The sorted copy is written behind the unsorted one and moved over it:
	// both have the same length.
	end := len(dst)
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, unsorted[p.start:p.end]...)
	}
	copy(dst[begin:end], dst[end:])
	return dst[:end]
}

// appendRespelled decodes a part of a query and encodes it again.
func appendRespelled(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%' && i+2 < len(s):
			c, _ = wire.Hex(s[i+1], s[i+2])
			i += 2
		case c == '+':
			c = ' '
		}
		dst = wire.AppendByte(dst, c)
	}
	return dst
}

// ignored reports whether a list of names and prefixes* names the parameter,
// whose name is still escaped.
func ignored(name string, list []string) bool {
	if len(list) == 0 {
		return false
	}
	var room [128]byte
	decoded, _ := wire.AppendUnescaped(room[:0], name, true)
	for _, item := range list {
		if prefix, ok := strings.CutSuffix(item, "*"); ok {
			if len(decoded) >= len(prefix) && string(decoded[:len(prefix)]) == prefix {
				return true
			}
		} else if string(decoded) == item {
			return true
		}
	}
	return false
}
