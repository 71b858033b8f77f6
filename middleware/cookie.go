package middleware

import (
	"net/http"
	"strings"
)

// Bounds on the cookies of a request, whose header may hold a quarter of a
// million: maxSeen cookies of the name are returned, and maxOthers are looked
// at in all.
const (
	maxSeen   = 64
	maxOthers = 1000
)

// cookieValues steps through the values of a request's cookies of one name. It
// allocates nothing, which an iterator over a closure would.
type cookieValues struct {
	name      string
	lines     []string
	line      string
	all, seen int
}

func newCookieValues(h http.Header, name string) cookieValues {
	return cookieValues{name: name, lines: h["Cookie"]}
}

// next returns the value of the next cookie. It reports false after the last
// one, and after the bounds.
func (v *cookieValues) next() (value string, ok bool) {
	for v.seen < maxSeen {
		for v.line == "" {
			if len(v.lines) == 0 {
				return "", false
			}
			v.line, v.lines = v.lines[0], v.lines[1:]
		}
		if v.all == maxOthers {
			return "", false
		}
		v.all++
		pair := v.line
		if i := strings.IndexByte(pair, ';'); i >= 0 {
			pair, v.line = pair[:i], pair[i+1:]
		} else {
			v.line = ""
		}
		pair = trimBlanks(pair)
		if len(pair) <= len(v.name) || pair[len(v.name)] != '=' || pair[:len(v.name)] != v.name {
			continue
		}
		v.seen++
		value = pair[len(v.name)+1:]
		if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1] // RFC 6265, section 4.1.1
		}
		return value, true
	}
	return "", false
}

// trimBlanks strips spaces and tabs from both ends of s.
func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
