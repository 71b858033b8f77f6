package strict

import (
	"net/url"
	"slices"
)

// MaxTarget is the longest request target, path and query with the "?" between
// them, that a signer writes and a verifier reads. It is what common servers
// and proxies accept for a request line, and it bounds the work that anyone can
// cause without a link.
const MaxTarget = 8 << 10

// The faults of a target and of its path, in the order in which CheckPath looks
// for the latter.
var (
	TooLong   = NewFault("the request target is longer than 8 KiB")
	Relative  = NewFault("the path does not begin with a slash")
	BadEscape = NewFault("the path holds an invalid escape")
	Control   = NewFault("the path holds a control character")
	DotPart   = NewFault("the path holds a part that is . or ..")
	EmptyPart = NewFault("the path holds an empty part")
)

// CheckTarget returns TooLong if the target of a request is longer than
// MaxTarget.
func CheckTarget(path, query string) *Fault {
	if len(path)+1+len(query) > MaxTarget {
		return TooLong
	}
	return nil
}

// CheckPath judges an escaped path as the code that opens it will read it:
// decoded once and split at every slash, raw or encoded, and at every backslash
// (which is a separator to Windows and to browsers). It finds a path that does
// not begin with a raw "/", an invalid escape, a control byte, a part that is
// "." or "..", and an empty part that is not the last. A caller that accepts
// empty parts ignores EmptyPart: no other fault hides behind it.
//
// ServeMux cleans the escaped path and FileServer the decoded one, so that
// /pub/%2e%2e/private passes a mux and a HasPrefix and is served all the same.
// os.Root does not help: the target lies inside the root. Servlet containers
// take "..;x" for "..", since they strip a part from its first semicolon on, so
// a part is judged without that.
func CheckPath(p string) *Fault { return judgePath(p, true) }

// CheckDecoded is CheckPath for a path that is decoded already.
func CheckDecoded(p string) *Fault { return judgePath(p, false) }

// judgePath judges a path that may hold escapes or is decoded.
func judgePath(p string, escaped bool) *Fault {
	if p == "" || p[0] != '/' {
		return Relative
	}
	var fault *Fault
	length, dots := 0, 0 // of the part so far
	cut := -1            // its length before the first semicolon, or -1
	for i := 1; i <= len(p); i++ {
		c := byte('/') // the end
		if i < len(p) {
			c = p[i]
		}
		if unreserved[c] && c != '.' {
			length++
			continue
		}
		if c == '%' && escaped {
			var width int
			if c, width = escape(p[i:]); width == 0 {
				return BadEscape
			}
			i += 2
		}
		switch {
		case c < 0x20 || c == 0x7F:
			return Control
		case c == '/' || c == '\\':
			if cut < 0 {
				cut = length
			}
			if cut == dots && (dots == 1 || dots == 2) {
				return DotPart
			}
			if length == 0 && i < len(p) {
				fault = EmptyPart
			}
			length, dots, cut = 0, 0, -1
			continue
		case c == ';' && cut < 0:
			cut = length
		case c == '.' && cut < 0:
			dots++
		}
		length++
	}
	return fault
}

// AppendPath appends an escaped path with everything but unreserved characters
// and raw slashes percent-encoded, in upper case; an encoded slash stays
// encoded. The path must have passed CheckPath.
func AppendPath(dst []byte, p string) []byte {
	n := len(dst)
	dst = slices.Grow(dst, 3*len(p))
	dst = dst[:n+3*len(p)]
	for i := 0; i < len(p); i++ {
		c := p[i]
		if unreserved[c] || c == '/' {
			dst[n] = c
			n++
			continue
		}
		if c == '%' {
			c, _ = escape(p[i:])
			i += 2
		}
		n = putByte(dst, n, c)
	}
	return dst[:n]
}

// CanonicalPath reports whether p passes CheckPath and is its own canonical
// form, as AppendPath writes it.
func CanonicalPath(p string) bool {
	for i := 0; i < len(p); {
		c, width := Next(p, i)
		switch {
		case width == 3 && (unreserved[c] || p[i+1] >= 'a' || p[i+2] >= 'a'):
			return false
		case width == 1 && !unreserved[c] && c != '/':
			return false
		}
		i += max(width, 1)
	}
	return CheckPath(p) == nil
}

// CanonicalDir reports whether p is the path of a subtree: canonical, and with a
// slash at its end. A prefix "" or "/files/a" would open "/files/ab".
func CanonicalDir(p string) bool {
	return len(p) > 0 && p[len(p)-1] == '/' && CanonicalPath(p)
}

// inEscapes has the bytes that PlainSpelling lets pass as escapes: all but
// unreserved and control characters, "/" and "\".
var inEscapes = func() (t [256]bool) {
	for c := range t {
		t[c] = !unreserved[c] && c > 0x1F && c != 0x7F && c != '/' && c != '\\' && c != ';'
	}
	return t
}()

// PlainSpelling reports whether p is a canonical path that decodes to decoded,
// at first sight: it has no encoded slash, backslash or semicolon, and no part
// that begins with a dot. It is the fast path past CheckPath and AppendPath for
// the paths of most links; false says nothing.
func PlainSpelling(p, decoded string) bool {
	if p == "" || p[0] != '/' {
		return false
	}
	if p == decoded {
		for i := 0; i < len(p); i++ {
			if !unreserved[p[i]] && (p[i] != '/' || i+1 < len(p) && (p[i+1] == '/' || p[i+1] == '.')) {
				return false
			}
		}
		return true
	}
	n := 0 // how much of decoded has been found
	for i := 0; i < len(p); i++ {
		c := p[i]
		if !unreserved[c] {
			switch c {
			case '/':
				if i+1 < len(p) && (p[i+1] == '/' || p[i+1] == '.') {
					return false
				}
			case '%':
				if i+2 >= len(p) || p[i+1] >= 'a' || p[i+2] >= 'a' {
					return false
				}
				high, low := hexValues[p[i+1]], hexValues[p[i+2]]
				if c = high<<4 | low; high|low > 15 || !inEscapes[c] {
					return false
				}
				i += 2
			default:
				return false
			}
		}
		if n >= len(decoded) || decoded[n] != c {
			return false
		}
		n++
	}
	return n == len(decoded)
}

// SetPath gives u a path that is already escaped, in that spelling.
func SetPath(u *url.URL, escaped string) {
	u.Path, _ = Unescape(escaped, false)
	u.RawPath = ""
	if u.EscapedPath() != escaped {
		u.RawPath = escaped
	}
}
