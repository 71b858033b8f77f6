package strict

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
// a space, as it is in a query. It reports false if an escape is invalid.
func AppendUnescaped(dst []byte, s string, plus bool) ([]byte, bool) {
	for i := 0; i < len(s); {
		c, width := Next(s, i)
		switch {
		case width == 0:
			return dst, false
		case plus && s[i] == '+':
			c = ' '
		}
		dst = append(dst, c)
		i += width
	}
	return dst, true
}

// Unescape returns s as AppendUnescaped decodes it. It allocates only if there
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
	for i := 0; i < len(s); {
		c, width := Next(s, i)
		if plus && s[i] == '+' {
			c = ' '
		}
		if width == 0 || n >= len(want) || want[n] != c {
			return false
		}
		n++
		i += width
	}
	return n == len(want)
}
