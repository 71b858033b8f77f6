// Package wire holds the strict reading and writing of numbers, escapes and
// paths that the link formats share. Everything here refuses what has a second
// spelling where the standard library would accept it.
package wire

import "net/url"

// MaxTime is the last second of the year 9999, the latest time a link can
// name. Beyond it time.Time no longer marshals, and many parsers give up.
const MaxTime = 253402300799

// Int parses a decimal number of at most max that is spelled the one way a
// number can be: digits only, no sign, no leading zero. strconv.ParseInt takes
// "+5" and "005", and returns MaxInt64 on overflow.
func Int(s string, max int64) (int64, bool) {
	if s == "" || len(s) > 18 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	var n int64
	for i := 0; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + int64(d)
	}
	return n, n <= max
}

const upperHex = "0123456789ABCDEF"

// unreserved are the unreserved characters of RFC 3986, section 2.3: the only
// bytes that nothing on a link's way ever re-spells.
var unreserved = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "-._~" {
		t[c] = true
	}
	return t
}()

// Unreserved reports whether c is an unreserved character of RFC 3986.
func Unreserved(c byte) bool { return unreserved[c] }

// hexValues holds the value of each hex digit, and 0xFF for every other byte.
var hexValues = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xFF
	}
	for i := range 10 {
		t['0'+i] = byte(i)
	}
	for i := range 6 {
		t['a'+i], t['A'+i] = byte(10+i), byte(10+i)
	}
	return t
}()

// Hex decodes two hex digits of either case.
func Hex(hi, lo byte) (byte, bool) {
	h, l := hexValues[hi], hexValues[lo]
	return h<<4 | l, h|l < 16
}

// AppendByte appends c, percent-encoded with upper-case digits unless it is
// unreserved.
func AppendByte(dst []byte, c byte) []byte {
	if unreserved[c] {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// AppendEscaped appends s with all but unreserved characters percent-encoded,
// with upper-case digits. Slashes are encoded too.
func AppendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		dst = AppendByte(dst, s[i])
	}
	return dst
}

// Escape returns s as AppendEscaped writes it.
func Escape(s string) string {
	for i := 0; i < len(s); i++ {
		if !unreserved[s[i]] {
			return string(AppendEscaped(make([]byte, 0, len(s)+16), s))
		}
	}
	return s
}

// AppendUnescaped appends s with its escapes decoded; plus says whether "+" is
// a space, as it is in a query. It reports false on an invalid escape.
func AppendUnescaped(dst []byte, s string, plus bool) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			if i+2 >= len(s) {
				return dst, false
			}
			b, ok := Hex(s[i+1], s[i+2])
			if !ok {
				return dst, false
			}
			c = b
			i += 2
		case c == '+' && plus:
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst, true
}

// Unescape returns s as AppendUnescaped decodes it; it allocates only if there
// is something to decode.
func Unescape(s string, plus bool) (string, bool) {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' || (plus && s[i] == '+') {
			b, ok := AppendUnescaped(make([]byte, 0, len(s)), s, plus)
			return string(b), ok
		}
	}
	return s, true
}

// UnescapesTo reports whether s, decoded as by Unescape, is want. It does not
// allocate.
func UnescapesTo(s, want string, plus bool) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			if i+2 >= len(s) {
				return false
			}
			b, ok := Hex(s[i+1], s[i+2])
			if !ok {
				return false
			}
			c = b
			i += 2
		case c == '+' && plus:
			c = ' '
		}
		if n >= len(want) || want[n] != c {
			return false
		}
		n++
	}
	return n == len(want)
}

// PathFault says what is wrong with a path.
type PathFault int

// The faults of a path, in the order in which CheckPath looks for them.
const (
	PathOK PathFault = iota
	PathRelative
	PathEscape
	PathControl
	PathDots
	PathEmptyPart
)

// pathFaults are the texts of the faults, for the operator.
var pathFaults = [...]string{
	PathOK:        "the path is unambiguous",
	PathRelative:  "the path does not begin with a slash",
	PathEscape:    "the path holds an invalid escape",
	PathControl:   "the path holds a control character",
	PathDots:      "the path holds a part that is . or ..",
	PathEmptyPart: "the path holds an empty part",
}

// String says what the fault is.
func (f PathFault) String() string { return pathFaults[f] }

// PathErrors returns the error that of makes of each fault's text, by the
// fault, so that refusing a request makes none.
func PathErrors[E any](of func(detail string) E) (errs [len(pathFaults)]E) {
	for f := PathRelative; int(f) < len(errs); f++ {
		errs[f] = of(f.String())
	}
	return errs
}

// CheckPath judges an escaped path as whatever opens it will read it: decoded
// once and cut at every slash, raw or encoded, and at every backslash (which
// is a separator to Windows and to browsers). It finds a path that does not
// begin with a raw "/", an invalid escape, a control byte, a part that is "."
// or "..", and an empty part that is not the last. Callers for whom an empty
// part is legal look past PathEmptyPart: no other fault hides behind it.
//
// ServeMux cleans the escaped path and FileServer the decoded one, so that
// /pub/%2e%2e/private passes a mux and a HasPrefix and is served all the same.
// os.Root does not help: the target lies inside the root.
func CheckPath(p string) PathFault {
	if p == "" || p[0] != '/' {
		return PathRelative
	}
	fault := PathOK
	length, dots := 0, 0 // of the part so far
	for i := 1; i < len(p); i++ {
		c := p[i]
		if c == '%' {
			if i+2 >= len(p) {
				return PathEscape
			}
			b, ok := Hex(p[i+1], p[i+2])
			if !ok {
				return PathEscape
			}
			c = b
			i += 2
		}
		switch {
		case c < 0x20 || c == 0x7F:
			return PathControl
		case c == '/' || c == '\\':
			if length == dots && (dots == 1 || dots == 2) {
				return PathDots
			}
			if length == 0 {
				fault = PathEmptyPart
			}
			length, dots = 0, 0
		default:
			length++
			if c == '.' {
				dots++
			}
		}
	}
	if length == dots && (dots == 1 || dots == 2) {
		return PathDots
	}
	return fault
}

// AppendPath appends an escaped path with everything but unreserved characters
// and raw slashes percent-encoded, in upper case; an encoded slash stays
// encoded. The path must have passed CheckPath.
func AppendPath(dst []byte, p string) []byte {
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case c == '/':
			dst = append(dst, '/')
		case c == '%' && i+2 < len(p):
			b, _ := Hex(p[i+1], p[i+2])
			dst = AppendByte(dst, b)
			i += 2
		default:
			dst = AppendByte(dst, c)
		}
	}
	return dst
}

// PlainPath reports whether p is its own canonical form at first sight, and has
// no escapes.
func PlainPath(p string) bool {
	ok, escapes := CanonicalPath(p)
	return ok && !escapes
}

// CanonicalPath reports whether p is its own canonical form at first sight: "/",
// unreserved characters, canonical escapes of others but "/", "\" and control
// characters, no empty part and no part that begins with a dot. It is the short
// way past CheckPath and AppendPath for the paths of most links; false says
// nothing. escapes tells whether there are any.
func CanonicalPath(p string) (ok, escapes bool) {
	if p == "" || p[0] != '/' {
		return false, false
	}
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch {
		case unreserved[c]:
		case c == '/':
			if i+1 < len(p) && (p[i+1] == '/' || p[i+1] == '.') {
				return false, false
			}
		case c == '%' && i+2 < len(p):
			b, ok := Hex(p[i+1], p[i+2])
			if !ok || p[i+1] >= 'a' || p[i+2] >= 'a' || unreserved[b] || b < 0x20 || b == 0x7F || b == '/' || b == '\\' {
				return false, false
			}
			escapes = true
			i += 2
		default:
			return false, false
		}
	}
	return true, escapes
}

// SetPath gives u a path that is already escaped, in that spelling.
func SetPath(u *url.URL, escaped string) {
	u.Path, _ = Unescape(escaped, false)
	u.RawPath = ""
	if u.EscapedPath() != escaped {
		u.RawPath = escaped
	}
}
