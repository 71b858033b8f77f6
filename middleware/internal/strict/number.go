// Package strict reads and writes numbers, base64url, escapes, paths and
// queries for the link formats. It refuses every second spelling that the
// standard library would accept, and names what it refuses as a [Fault].
package strict

// MaxTime is the last second of the year 9999, the latest time that a link can
// name. Beyond it time.Time no longer marshals, and many parsers give up.
const MaxTime = 253402300799

// Int parses a decimal number of at most max in its canonical spelling: digits
// only, no sign, no leading zero. strconv.ParseInt takes "+5" and "005", and
// returns MaxInt64 on overflow.
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
