package middleware

import (
	"html"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"
)

// decoded is a text with all its escapes decoded, and theirs again until there
// are none: what the most generous reader makes of it. Each character knows its
// place in the text.
//
// Characters are appended one by one. Whenever the last ones are an escape, the
// character that they stand for takes their place, where it can complete another
// one: "%2573" becomes "%73" and then "s". Every step makes the result shorter
// and looks at a bounded number of characters, so that the work is linear in the
// length of the text, however deep the nesting.
type decoded struct {
	chars   []char
	numbers bool // there was "&#"

	// A backslash that is itself escaped, as "%5C" or "&#92;", may have been so
	// before or after the backslashes next to it were doubled, and the text does
	// not tell. nesting selects the order, and ambiguous reports that there was
	// such a backslash.
	nesting   nesting
	ambiguous bool
}

// nesting is an order in which the escapes with a backslash and the others may
// have been applied.
type nesting int

const (
	backslashInside  nesting = iota // the others were last
	backslashOutside                // they were last
	backslashBetween                // by turns
	nestings
)

// char is a character, or one byte of it if it is not ASCII. It extends in the
// text to where the next one begins.
type char struct {
	at      int32
	b       byte
	percent bool // by way of a percent-escape
	level   int8 // by way of how many backslashes
}

// maxEntity is the longest name of an HTML character that is decoded, with its
// "&" and ";". maxDigits bounds the digits of one given by number; leading zeros
// do not count.
const (
	maxEntity = 16
	maxDigits = 10
)

// kept is the largest capacity that is kept for the next text.
const kept = 16 << 10

var decodedPool = sync.Pool{New: func() any { return new(decoded) }}

// newDecoded decodes s. It ends with a NUL that is not in s.
func newDecoded(s string, n nesting) *decoded {
	d := decodedPool.Get().(*decoded)
	*d = decoded{chars: d.chars[:0], nesting: n}
	if cap(d.chars) <= len(s) {
		d.chars = make([]char, 0, len(s)+1)
	}
	for i := range len(s) {
		d.add(char{at: int32(i), b: s[i]})
	}
	d.add(char{at: int32(len(s))})
	return d
}

func (d *decoded) release() {
	if cap(d.chars) <= kept {
		decodedPool.Put(d)
	}
}

// add appends c, and decodes the escape that it completes, if any.
func (d *decoded) add(c char) {
	for {
		for d.numbers {
			begin, r := d.number(c.b)
			if begin < 0 {
				break
			}
			e := d.cut(begin, char{percent: c.percent && c.b == ';'})
			d.addRune(d.escaped(e, r), r)
			if c.b == ';' {
				return
			}
		}
		n := len(d.chars)
		switch {
		case isHex(c.b):
			begin, r := d.escape(c.b)
			if begin < 0 {
				if c.b == '0' && n >= 3 && d.chars[n-1].b == '0' && (d.is(n-2, '#') && d.is(n-3, '&') || n >= 4 && d.is(n-2, 'x') && d.is(n-3, '#') && d.is(n-4, '&')) {
					return // a leading zero more
				}
				d.chars = append(d.chars, c)
				return
			}
			percent := d.chars[begin].b == '%'
			level := d.chars[begin].above()
			single := 0 <= r && r < utf8.RuneSelf || percent && n-begin == 2
			c = d.cut(begin, c)
			if percent {
				c.percent = true
			} else {
				c.level = level
			}
			if percent {
				c = d.escaped(c, r)
			}
			if !single {
				d.addRune(c, r)
				return
			}
			c.b = byte(r)
			continue
		case c.b == ';':
			begin, r := d.entity()
			if begin >= 0 {
				d.addRune(d.escaped(d.cut(begin, c), r), r)
				return
			}
		case c.b == '#' && n > 0 && d.chars[n-1].b == '&':
			d.numbers = true
		}
		// Of two backslashes the first escapes the second only if they are of
		// one level: in `\\\u0073`, two are one of the next level, which must
		// still be there when the third is decoded. "%" and "&" may begin an escape
		// that stands for the letter of a backslash.
		if n > 0 && d.chars[n-1].b == '\\' && c.b > ' ' && c.b < 0x7f && !isAlnum(c.b) && c.b != '%' && c.b != '&' && (c.b != '\\' || c.level == d.chars[n-1].level) {
			level := d.chars[n-1].above()
			c = d.cut(n-1, c)
			c.level = level
			continue
		}
		d.chars = append(d.chars, c)
		return
	}
}

// addRune appends r at the place of c.
func (d *decoded) addRune(c char, r rune) {
	if 0 <= r && r < utf8.RuneSelf {
		c.b = byte(r)
		d.add(c)
		return
	}
	var room [utf8.UTFMax]byte
	for _, c.b = range utf8.AppendRune(room[:0], r) {
		d.chars = append(d.chars, c) // which completes no escape
	}
}

// cut removes the characters from begin on, and returns last moved to their
// place.
func (d *decoded) cut(begin int, last char) char {
	last.at = d.chars[begin].at
	for _, c := range d.chars[begin:] {
		last.percent = last.percent || c.percent
		last.level = max(last.level, c.level)
	}
	d.chars = d.chars[:begin]
	return last
}

// escaped returns c, which was escaped without a backslash and stands for r, with
// its level.
func (d *decoded) escaped(c char, r rune) char {
	d.ambiguous = d.ambiguous || r == '\\'
	switch {
	case d.nesting == backslashBetween:
		c.level = c.above()
	case r != '\\':
	case d.nesting == backslashInside:
		c.level = 0
	default:
		c.level = max(c.level, 1)
	}
	return c
}

// above returns the level of what the backslash c escapes.
func (c char) above() int8 { return min(c.level, math.MaxInt8-1) + 1 }

// is reports whether the character at i is b, whose case does not matter if it
// is the x of a number.
func (d *decoded) is(i int, b byte) bool {
	return d.chars[i].b == b || b == 'x' && d.chars[i].b == 'X'
}

// escape returns where the escape begins that the hexadecimal digit last
// completes, and what it stands for, or -1: %XX, %uXXXX, \xXX, \uXXXX,
// \UXXXXXXXX, or the three octal digits of a quoted cookie.
func (d *decoded) escape(last byte) (begin int, r rune) {
	n := len(d.chars)
	r = rune(unhex(last))
	for digits := 1; digits <= 8 && n-digits >= 0; digits++ {
		c := d.chars[n-digits].b
		begin := n - digits - 1
		switch {
		case c == '%' && digits == 2:
			return n - digits, r
		case c == 'x' && digits == 2, c == 'u' && digits == 4, c == 'U' && digits == 8:
			if begin >= 0 && (d.chars[begin].b == '\\' || c == 'u' && d.chars[begin].b == '%') {
				return begin, r
			}
		case c == '\\' && digits == 3:
			a, b := unhex(d.chars[n-2].b), unhex(d.chars[n-1].b)
			if last <= '7' && a < 4 && b < 8 {
				return n - digits, rune(a<<6 | b<<3 | unhex(last))
			}
		}
		if !isHex(c) {
			break
		}
		r |= rune(unhex(c)) << (4 * digits)
	}
	return -1, 0
}

// number returns where the HTML character given by number begins that ends
// before next, and which one it is, or -1. A semicolon is not needed.
func (d *decoded) number(next byte) (begin int, r rune) {
	if '0' <= next && next <= '9' {
		return -1, 0
	}
	n := len(d.chars)
	first := n
	for first > 0 && n-first <= maxDigits && isHex(d.chars[first-1].b) {
		first--
	}
	if first == n {
		return -1, 0
	}
	base, prefix := 10, "&#"
	if first > 0 && d.is(first-1, 'x') {
		if isHex(next) {
			return -1, 0
		}
		base, prefix = 16, "&#x"
	}
	begin = first - len(prefix)
	if begin < 0 {
		return -1, 0
	}
	for i := range len(prefix) {
		if !d.is(begin+i, prefix[i]) {
			return -1, 0
		}
	}
	// An escape may stand for the next digit, if it is one of a level that was
	// decoded before this one. JSON leaves the "&" as it is.
	switch next {
	case '\\':
		return -1, 0
	case '%':
		if d.chars[begin].percent {
			return -1, 0
		}
	case '&':
		if d.chars[begin+1].at-d.chars[begin].at > 1 {
			return -1, 0
		}
	}
	var room [maxDigits + 1]byte
	digits := room[:0]
	for _, c := range d.chars[first:] {
		digits = append(digits, c.b)
	}
	u, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil || u > utf8.MaxRune {
		return -1, 0
	}
	return begin, rune(u)
}

// entity returns where the HTML character given by name begins that a semicolon
// completes, and which one it is, or -1.
func (d *decoded) entity() (begin int, r rune) {
	n := len(d.chars)
	first := n
	for first > 0 && n-first < maxEntity-2 && isAlnum(d.chars[first-1].b) {
		first--
	}
	if first == n || first == 0 || d.chars[first-1].b != '&' {
		return -1, 0
	}
	var room [maxEntity]byte
	name := append(room[:0], '&')
	for _, c := range d.chars[first:] {
		name = append(name, c.b)
	}
	name = append(name, ';')
	if string(name) == "&amp;" {
		return first - 1, '&'
	}
	text := html.UnescapeString(string(name))
	r, width := utf8.DecodeRuneInString(text)
	if width != len(text) {
		return -1, 0
	}
	return first - 1, r
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) int {
	if c <= '9' {
		return int(c - '0')
	}
	return int(lower(c)-'a') + 10
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isQuote(c byte) bool { return c == '"' || c == '\'' || c == '`' }

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}
