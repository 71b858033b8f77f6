package cloudfront

import (
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// target is a requested URL without the format's parameters, in the sections in
// which CloudFront matches it.
type target struct {
	scheme, host, path, query string
	// hasQuery tells "/a?" from "/a".
	hasQuery bool
}

// url returns the URL as the signer wrote it, with the given path: that of the
// target, or "" if the target's is "/".
func (t *target) url(path string) string {
	if !t.hasQuery {
		return t.scheme + "://" + t.host + path
	}
	return t.scheme + "://" + t.host + path + "?" + t.query
}

// maxSteps bounds the work of one match. A pattern with a few wildcards takes
// some hundred steps. Without a bound, a pattern of hundreds of wildcards would
// take seconds for a URL that is made to match almost everywhere.
const maxSteps = 1 << 20

// validResource reports whether s can be the Resource of a policy: printable
// ASCII, and a backslash only where it makes a question mark literal.
func validResource(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7F || (s[i] == '\\' && (i+1 == len(s) || s[i+1] != '?')) {
			return false
		}
	}
	return s != ""
}

// covers reports whether a policy with that Resource opens the target. If the
// Resource opens everything below a path, under is that path.
//
// The Resource is a pattern in four sections, protocol://domain/path?query, and
// each is matched against its own section of the URL: "*" stands for zero or
// more characters of its section, slashes included, and "?" for exactly one. A
// path that ends in "*" opens every query, and a domain that ends in "*" every
// path and query. The protocol may be missing before a "*".
func covers(resource string, t *target) (under string, ok bool) {
	if resource == t.url(t.path) || (t.path == "/" && resource == t.url("")) {
		// The SDKs make the Resource of a URL without escaping wildcards.
		return "", true
	}
	// If an empty part could stand for a wildcard, /u/?/x would match /u///x
	// and /u/*/x match /u//x, and a file server opens /u/x for both.
	if strict.CheckPath(t.path) != nil {
		return "", false
	}
	protocol, rest := "*", resource
	if i := strings.Index(resource, "://"); i >= 0 && strings.IndexByte(resource[:i], '/') < 0 {
		protocol, rest = resource[:i], resource[i+len("://"):]
	} else if resource[0] != '*' {
		return "", false
	}
	domain, tail := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		domain, tail = rest[:i], rest[i:]
	} else if strings.HasSuffix(domain, "*") {
		tail = "/*"
	}
	m := matcher{steps: maxSteps}
	if !m.match(protocol, t.scheme) || !m.match(domain, t.host) || !m.tail(tail, t) {
		return "", false
	}
	if dir, ok := strings.CutSuffix(tail, "/*"); ok && !strings.ContainsAny(dir, "*?") {
		under = dir + "/"
	}
	return under, true
}

// matcher matches patterns while there are steps left. Then nothing matches any
// more.
type matcher struct{ steps int }

// tail matches path and query. It is not always clear where the query begins:
// the SDKs sign URLs as they are, with a "?" that reads as a wildcard; wildcards
// in the path are written in the same way; and CloudFront's documentation once
// required `\?` before the query. So:
//
//   - If there is a `\?`, the query begins at the first.
//   - Otherwise it may begin at any "?", if the URL has a query.
//   - If a "=" follows the first "?", the Resource does have a query, which
//     begins before that "=". Then the URL must have one too: the policy for
//     /thumb?id=5 opens nothing that is called /thumb/id=5.
func (m *matcher) tail(tail string, t *target) bool {
	if i := strings.Index(tail, `\?`); i >= 0 {
		return m.match(tail[:i], t.path) && m.match(tail[i+len(`\?`):], t.query)
	}
	first := strings.IndexByte(tail, '?')
	if first >= 0 {
		last, hasQuery := len(tail), false
		if i := strings.IndexByte(tail[first:], '='); i >= 0 {
			last, hasQuery = first+i, true
		}
		for i := first; i < last && t.hasQuery; i++ {
			if tail[i] == '?' && m.match(tail[:i], t.path) && m.match(tail[i+1:], t.query) {
				return true
			}
		}
		if hasQuery {
			return false
		}
	}
	return (!t.hasQuery || strings.HasSuffix(tail, "*")) && m.match(tail, t.path)
}

// match reports whether s matches the pattern. It backtracks only to the last
// "*" that it passed, which is enough: anything that an earlier one could match,
// the last one can match as well. So it needs at most one step for each pair of
// a byte of the pattern and one of s.
func (m *matcher) match(pattern, s string) bool {
	p, i := 0, 0
	star, retry := -1, 0
	for i < len(s) {
		if m.steps--; m.steps < 0 {
			return false
		}
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, i
			p++
		case p+1 < len(pattern) && pattern[p] == '\\' && s[i] == pattern[p+1]:
			p += 2
			i++
		case p < len(pattern) && pattern[p] != '\\' && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			retry++
			p, i = star+1, retry
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
