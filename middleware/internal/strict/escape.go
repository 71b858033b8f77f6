package strict

import "slices"

const upperHex = "0123456789ABCDEF"

// unreserved are the unreserved characters of RFC 3986, section 2.3: the only
// bytes that no browser, mailer or proxy ever spells differently.
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

// Run returns how many unreserved characters s begins with.
func Run(s string) int {
	for i := 0; i < len(s); i++ {
		if !unreserved[s[i]] {
			return i
		}
	}
	return len(s)
}

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

// Next decodes the byte at s[i], in the manner of [utf8.DecodeRune]: it returns
// the byte and its width in s, which is 3 for a percent-escape and 1 for any
// other byte. The width is 0 if an escape is invalid. It is inlined wherever it
// is called.
func Next(s string, i int) (c byte, width int) {
	if s[i] != '%' {
		return s[i], 1
	}
	return escape(s[i:])
}

// escape decodes the percent-escape at the beginning of s.
func escape(s string) (c byte, width int) {
	if len(s) < 3 {
		return 0, 0
	}
	high, low := hexValues[s[1]], hexValues[s[2]]
	if high|low > 15 {
		return 0, 0
	}
	return high<<4 | low, 3
}

// AppendByte appends c, percent-encoded with upper-case digits unless it is
// unreserved.
func AppendByte(dst []byte, c byte) []byte {
	if unreserved[c] {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// putByte writes c to dst[n:] as AppendByte does, and returns where it ends. dst
// must have room.
func putByte(dst []byte, n int, c byte) int {
	if unreserved[c] {
		dst[n] = c
		return n + 1
	}
	dst[n], dst[n+1], dst[n+2] = '%', upperHex[c>>4], upperHex[c&15]
	return n + 3
}

// AppendRespelled appends a part of a query, decoded and encoded again. Its
// escapes must be valid.
func AppendRespelled(dst []byte, s string) []byte {
	n := len(dst)
	dst = slices.Grow(dst, 3*len(s))
	dst = dst[:n+3*len(s)]
	for i := 0; i < len(s); i++ {
		c := s[i]
		if unreserved[c] {
			dst[n] = c
			n++
			continue
		}
		switch c {
		case '%':
			c, _ = escape(s[i:])
			i += 2
		case '+':
			c = ' '
		}
		n = putByte(dst, n, c)
	}
	return dst[:n]
}

// AppendEscaped appends s with all but unreserved characters percent-encoded,
// with upper-case digits. Slashes are encoded too.
func AppendEscaped(dst []byte, s string) []byte {
	for {
		n := Run(s)
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			return dst
		}
		dst = AppendByte(dst, s[0])
		s = s[1:]
	}
}

// Escape returns s as AppendEscaped writes it.
func Escape(s string) string {
	if Run(s) == len(s) {
		return s
	}
	return string(AppendEscaped(make([]byte, 0, len(s)+16), s))
}

// AppendUnescaped appends s with its escapes decoded; plus says whether "+" is
// a space, as it is in a query. It reports false if an escape is invalid.
func AppendUnescaped(dst []byte, s string, plus bool) ([]byte, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			var width int
			if c, width = escape(s[i:]); width == 0 {
				return dst, false
			}
			i += 2
		case c == '+' && plus:
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst, true
}

// Unescape returns s as AppendUnescaped decodes it. It allocates only if there
// is something to decode.
func Unescape(s string, plus bool) (string, bool) {
	for i := Run(s); i < len(s); i++ {
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
		if c == '%' {
			var width int
			if c, width = escape(s[i:]); width == 0 {
				return false
			}
			i += 2
		} else if c == '+' && plus {
			c = ' '
		}
		if n >= len(want) || want[n] != c {
			return false
		}
		n++
	}
	return n == len(want)
}
