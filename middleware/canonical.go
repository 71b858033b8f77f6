package middleware

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// The first line of the signed bytes, with its end: version and purpose. A
// signature made for one purpose never serves another, even under the same key.
const (
	tagURL    = "signed-url/1\n"
	tagCookie = "signed-cookie/1\n"
	tagNarrow = "signed-narrow/1\n"
)

// The names of the link format: expires_at, signature and every name that
// begins with signed_.
const (
	nameExpires    = "expires_at"
	nameBy         = "signed_by"
	nameSignature  = "signature"
	nameNarrow     = "signed_narrow"
	reservedPrefix = "signed_"
)

// isReserved reports whether a decoded name belongs to the link format.
func isReserved(name string) bool {
	return strings.HasPrefix(name, reservedPrefix) || name == nameExpires || name == nameSignature
}

// maxPairs is how many parameters a query may have, for signer and verifier
// alike. It bounds the work that anyone can cause without a link.
const maxPairs = 128

// pair is one parameter of a query: the name is query[start:equals], the value
// query[equals+1:end]. Targets are so short that 16 bits hold a position.
type pair struct {
	start, equals, end uint16
	clean              bool // spelled canonically
	reserved           bool // one of the link format's
}

// message is what a signature is made over, before it is written down. All its
// parts have passed their checks; append only spells them.
type message struct {
	tag      string
	path     string // escaped; for a subtree, the subtree's path
	query    string // raw; if canonicalQuery, the very bytes that are signed, up to rest
	rest     string // if canonicalQuery, those that follow
	pairs    []pair // the query's, unless canonicalQuery
	binding  string // the value that the link is bound to
	ignore   ignoreList
	reserved bool     // only the reserved parameters are signed
	whole    bool     // the steps are kept, for a query and not for a signature
	steps    []string // by which a holder narrowed the link, as they were sent

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
func (m *message) append(dst []byte) []byte {
	dst = append(dst, m.tag...)
	if m.canonicalPath {
		dst = append(dst, m.path...)
	} else {
		dst = strict.AppendPath(dst, m.path)
	}
	dst = append(dst, '\n')
	if m.canonicalQuery {
		dst = append(append(dst, m.query...), m.rest...)
	} else {
		dst = m.appendQuery(dst)
	}
	dst = append(dst, '\n')
	if m.binding != "" {
		dst = strict.AppendEscaped(dst, m.binding)
	}
	return dst
}

// appendQuery appends the canonical form of the query: every pair but the
// signature, the steps, those that ignore names and, if reserved is set, all that are the
// application's; name and value decoded and encoded again; sorted by the bytes
// of the encoded name, pairs of one name in the order in which they came.
func (m *message) appendQuery(dst []byte) []byte {
	begin := len(dst)
	var room [maxPairs]pair // of dst[begin:]
	pairs := room[:0]
	sorted := true
	var previous []byte
	for _, p := range m.pairs {
		name := m.query[p.start:p.equals]
		if p.reserved {
			if name == nameSignature || name == nameNarrow && !m.whole {
				continue
			}
		} else if m.reserved || m.ignore.names(name) {
			continue
		}
		start := len(dst)
		equals := start + len(name)
		if p.clean && !(p.reserved && name == nameNarrow) { // whose spelling nobody looked at
			dst = append(dst, m.query[p.start:p.end]...)
		} else {
			dst = strict.AppendRespelled(dst, name)
			equals = len(dst)
			dst = append(dst, '=')
			if p.equals < p.end {
				dst = strict.AppendRespelled(dst, m.query[p.equals+1:p.end])
			}
		}
		pairs = append(pairs, pair{start: uint16(start - begin), equals: uint16(equals - begin), end: uint16(len(dst) - begin)})
		sorted = sorted && bytes.Compare(previous, dst[start:equals]) <= 0
		previous = dst[start:equals]
		dst = append(dst, '&')
	}
	if len(pairs) == 0 {
		return dst
	}
	dst = dst[:len(dst)-1]
	if sorted {
		return dst
	}
	// The sorted copy is written after the unsorted one and moved over it: both
	// have the same length.
	text, end := dst[begin:], len(dst)
	var order [maxPairs]uint64
	for _, k := range sortPairs(text, pairs, &order) {
		p := pairs[uint8(k)]
		dst = append(dst, text[p.start:p.end]...)
		dst = append(dst, '&')
	}
	copy(dst[begin:end], dst[end:])
	return dst[:end]
}

// sortPairs returns the order of the pairs of a text, each as a number whose
// last byte is the pair's index. Before it, there are the first seven bytes of
// the name: so most pairs are put in order without a look at their names.
func sortPairs(text []byte, pairs []pair, room *[maxPairs]uint64) []uint64 {
	order := room[:len(pairs)]
	for i, p := range pairs {
		var first [8]byte
		copy(first[:7], text[p.start:p.equals])
		first[7] = byte(i)
		order[i] = binary.BigEndian.Uint64(first[:])
	}
	slices.Sort(order)
	for i := 0; i < len(order); {
		j := i + 1
		for j < len(order) && order[j]>>8 == order[i]>>8 {
			j++
		}
		if j-i > 1 {
			slices.SortFunc(order[i:j], func(a, b uint64) int {
				p, q := pairs[uint8(a)], pairs[uint8(b)]
				return cmp.Or(bytes.Compare(text[p.start:p.equals], text[q.start:q.equals]), cmp.Compare(a, b))
			})
		}
		i = j
	}
	return order
}

// ignoreList is a list of names and prefixes* to ignore, made ready: each
// parameter is held against each item before anything is known about the
// signature, and most are told apart by their first eight bytes.
type ignoreList []ignoreItem

type ignoreItem struct {
	first  uint64 // the name's first eight bytes
	mask   uint64 // the bytes of a parameter's name that must be equal to them
	name   string // without the star
	prefix bool
}

// newIgnoreList appends the items of a list to room, which may be nil.
func newIgnoreList(room ignoreList, items []string) ignoreList {
	for _, item := range items {
		name, prefix := strings.CutSuffix(item, "*")
		mask := ^uint64(0)
		if n := len(name); prefix && n < 8 {
			mask <<= 8 * (8 - n)
		}
		room = append(room, ignoreItem{firstEight(name), mask, name, prefix})
	}
	return room
}

// firstEight returns the first eight bytes of a string, with zeros after its
// end.
func firstEight(s string) uint64 {
	var b [8]byte
	copy(b[:], s)
	return binary.BigEndian.Uint64(b[:])
}

// names reports whether the list names a parameter, whose name is still
// escaped.
func (l ignoreList) names(name string) bool {
	if len(l) == 0 {
		return false
	}
	if strict.Run(name) < len(name) {
		name, _ = strict.Unescape(name, true)
	}
	first := firstEight(name)
	for i := range l {
		if (first^l[i].first)&l[i].mask == 0 && l[i].matches(name) {
			return true
		}
	}
	return false
}

// matches compares a decoded name with an item whose first bytes are equal.
func (i *ignoreItem) matches(name string) bool {
	return name == i.name || i.prefix && strings.HasPrefix(name, i.name)
}
