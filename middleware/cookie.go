package middleware

import (
	"strings"
	"time"
)

// maxCookies is how many cookies of a request are tried whose subtree holds
// the path. Each costs a MAC; a browser sends one for each of the nested paths
// that it was given one for.
const maxCookies = 4

// maxSeen is how many cookies of the name are looked at, whatever they hold: a
// header may have a quarter of a million.
const maxSeen = 64

// tryCookies looks for a cookie that opens the request, whose URL holds no
// signature. Each is taken through all checks that need no store, and the
// first that passes counts. If none does, the error is that of the first that
// was authentic, or else of the first that was tried.
func (v *Verifier) tryCookies(r *Request, c *Claims) (time.Time, error) {
	now := time.Now()
	result, authentic := ErrUnsigned, false
	seen, tried := 0, 0
	for _, line := range r.Header["Cookie"] {
		for line != "" && seen < maxSeen && tried < maxCookies {
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
			if err != errOtherCookie {
				tried++
			}
		}
	}
	return now, result
}
