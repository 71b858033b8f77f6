package middleware_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// meaningOfPath is what the handlers behind the middleware open.
func meaningOfPath(escaped string) string {
	p, err := url.PathUnescape(escaped)
	if err != nil {
		return "error: " + err.Error()
	}
	// An encoded slash is told apart by whoever reads the escaped path.
	return p + " with " + strings.Repeat("%", strings.Count(p, "/")-strings.Count(escaped, "/"))
}

// meaningOfQuery is what net/http reads: the values of each name, in order.
func meaningOfQuery(raw string) string {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "error: " + err.Error()
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(strings.Join(values[name], "\x00")) + " ")
	}
	return b.String()
}
