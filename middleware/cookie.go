package middleware

import (
	"strings"
	"time"
)

// maxCookies is how many cookies of a request are tried whose subtree holds
// the path. Each costs a MAC; a browser sends one for each of the nested paths
// that it was given one for.
const maxCookies = 4

// maxSeen is how many cookies of the name are looked at, whatever they hold,
// and maxOthers how many there may be in all: a header may have a quarter of a
// million.
const (
	maxSeen   = 64
	maxOthers = 1000
)

// tryCookies looks for a cookie that opens the request, whose URL holds no
// signature. Each is taken through all checks that need no store, and the
// first that passes counts. If none does, the error is that of the first that
// was authentic, or else of the first that was tried.
func (v *Verifier) tryCookies(r *Request, c *Claims) (time.Time, error) {
	now := time.Now()
	result, authentic := ErrUnsigned, false
	all, seen, tried := 0, 0, 0
	for _, line := range r.Header["Cookie"] {
		for ; line != "" && all < maxOthers && seen < maxSeen && tried < maxCookies; all++ {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok || name != v.opts.Cookie {
				continue
			}
			seen++
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1] // RFC 6265, section 4.1.1
			}
			claims, err := v.cookie.AuthenticateCookie(*r, value)
			if err == nil {
				err = v.check(r, &claims, now)
				if err == nil || !authentic {
					*c, result, authentic = claims, err, true
				}
				if err == nil {
					return now, nil
				}
			} else if result == ErrUnsigned {
				result = err
			}
			switch err {
			case errOtherCookie, errNoSignature, errNoExpiry, errNoKeyID, errUnknownKey:
				// It cost no MAC. A neighbour who can set cookies must not be
				// able to lock a visitor out with a few that are not even signed.
			default:
				tried++
			}
		}
	}
	return now, result
}
