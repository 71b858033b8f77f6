package strict

import "time"

// MaxAge returns the MaxAge of an http.Cookie that expires at a time: -1, which
// is written as 0, if it has expired. A browser whose clock runs ahead would
// drop a cookie with Expires alone. Max-Age has precedence (RFC 6265, section
// 5.3).
func MaxAge(expires time.Time) int {
	if age := int(time.Until(expires) / time.Second); age > 0 {
		return age
	}
	return -1
}
