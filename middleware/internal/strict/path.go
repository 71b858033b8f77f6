package strict

import "net/url"

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
// os.Root does not help: the target lies inside the root.
func CheckPath(p string) *Fault {
	if p == "" || p[0] != '/' {
		return Relative
	}
	var fault *Fault
	length, dots := 0, 0 // of the part so far
	for i := 1; i < len(p); {
		c, width := Next(p, i)
		switch {
		case width == 0:
			return BadEscape
		case c < 0x20 || c == 0x7F:
			return Control
		case c == '/' || c == '\\':
			if length == dots && (dots == 1 || dots == 2) {
				return DotPart
			}
			if length == 0 {
				fault = EmptyPart
			}
			length, dots = 0, 0
		default:
			length++
			if c == '.' {
				dots++
			}
		}
		i += width
	}
	if length == dots && (dots == 1 || dots == 2) {
		return DotPart
	}
	return fault
}

// AppendPath appends an escaped path with everything but unreserved characters
// and raw slashes percent-encoded, in upper case; an encoded slash stays
// encoded. The path must have passed CheckPath.
func AppendPath(dst []byte, p string) []byte {
	for i := 0; i < len(p); {
		c, width := Next(p, i)
		if width == 1 && c == '/' {
			dst = append(dst, '/')
		} else {
			dst = AppendByte(dst, c)
		}
		i += max(width, 1)
	}
	return dst
}

// CanonicalPath reports whether p is its own canonical form at first sight: "/",
// unreserved characters, canonical escapes of others but "/", "\" and control
// characters, no empty part and no part that begins with a dot. It is the fast
// path past CheckPath and AppendPath for the paths of most links; false says
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
		case c == '%':
			b, width := escape(p[i:])
			if width == 0 || p[i+1] >= 'a' || p[i+2] >= 'a' || unreserved[b] || b < 0x20 || b == 0x7F || b == '/' || b == '\\' {
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
