package sigv4

import (
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

const (
	dateLayout = "20060102T150405Z"
	dayLen     = len("20060102")
)

// parseDate parses a date in its one spelling, for example 20130524T000000Z, and
// returns the seconds since the Unix epoch. time.Parse would accept a fraction
// of a second after it.
func parseDate(s string) (int64, bool) {
	if len(s) != len(dateLayout) || s[8] != 'T' || s[15] != 'Z' {
		return 0, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[4:6])
	day, ok3 := digits(s[6:8])
	hour, ok4 := digits(s[9:11])
	minute, ok5 := digits(s[11:13])
	second, ok6 := digits(s[13:15])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) ||
		year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t.Unix(), t.Day() == day // otherwise the month has no such day
}

func digits(s string) (n int, ok bool) {
	for i := 0; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = 10*n + int(d)
	}
	return n, true
}

// parseLifetime parses a lifetime in seconds.
func parseLifetime(s string) (int64, bool) {
	n, ok := strict.Int(s, int64(MaxLifetime/time.Second))
	return n, ok && n > 0
}
