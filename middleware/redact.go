package middleware

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
)

// redacted replaces a signature.
const redacted = "REDACTED"

// secretNames are how the names of parameters end that hold a signature or a
// token, in this project's format and in the others.
var secretNames = [...]string{"signature", "token"}

// Redact returns s with the value of every parameter whose name ends in
// "signature" or "token", of whatever case, replaced by the word REDACTED: so
// the signatures of all formats are meant, those in their cookies too. It takes
// a link, a line of a log, a Cookie header or any text that holds them, also
// where the link is itself escaped within another URL, in JSON or in HTML, or
// printed by fmt. Path and expiry stay: they say which link it was, and open
// nothing.
func Redact(s string) string {
	for _, name := range secretNames {
		s = redactParam(s, name)
	}
	return s
}

func redactParam(s, name string) string {
	var b strings.Builder
	for {
		i := indexFold(s, name)
		if i < 0 {
			if b.Len() == 0 {
				return s
			}
			b.WriteString(s)
			return b.String()
		}
		i += len(name)
		b.WriteString(s[:i])
		s = s[i:]
		begin, least := valueAfter(s)
		end := begin
		for end < len(s) && signatureByte(s[end]) {
			end++
		}
		b.WriteString(s[:begin])
		if n := end - begin; n > 0 && n >= least {
			b.WriteString(redacted)
		} else {
			b.WriteString(s[begin:end])
		}
		s = s[end:]
	}
}

// shortest is the shortest run of characters behind a colon or a quote that is
// taken for a signature, and not for a word of a sentence.
const shortest = 20

// equals are the spellings of "=" behind a name, besides %3D, which may be
// escaped again any number of times.
var equals = [...]string{"=", `\u003d`, `\u003D`, "&#61;", "&#x3d;", "&#x3D;"}

// valueAfter returns where the value begins in what follows a name, and how
// long it must be to be one: anything behind "=", and what is too long for a
// word behind the colons, quotes and brackets of JSON and of fmt.
func valueAfter(s string) (begin, least int) {
	for begin < len(s) {
		rest := s[begin:]
		next := 0
		for _, e := range equals {
			if strings.HasPrefix(rest, e) {
				next = len(e)
			}
		}
		if rest[0] == '%' {
			j := 1
			for strings.HasPrefix(rest[j:], "25") {
				j += 2
			}
			if len(rest) >= j+2 && strings.EqualFold(rest[j:j+2], "3d") {
				next = j + 2
			}
		}
		if next > 0 {
			begin += next
			for begin < len(s) && strings.IndexByte("\"'\\", s[begin]) >= 0 {
				begin++
			}
			return begin, 1
		}
		if strings.IndexByte(" \t\"'\\:[](){}", rest[0]) >= 0 {
			begin++
		} else if strings.HasPrefix(rest, "string") { // %#v of url.Values
			begin += len("string")
		} else {
			break
		}
	}
	return begin, shortest
}

// signatureByte reports whether c may be part of a signature in any format, or
// of an escape in one.
func signatureByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_~.%+/=:", c) >= 0
}

// indexFold is strings.Index that ignores the case of ASCII letters; sub is in
// lower case.
func indexFold(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		if s[i]|0x20 == sub[0] && strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

// RedactAttr is a function for [slog.HandlerOptions.ReplaceAttr] that redacts an
// attribute of a log record: strings, URLs, requests, errors and anything else
// whose text contains a signature. A request is logged as its method, host
// and redacted target.
func RedactAttr(groups []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindGroup:
		attrs := a.Value.Group()
		safe := make([]slog.Attr, len(attrs))
		for i, attr := range attrs {
			safe[i] = RedactAttr(groups, attr)
		}
		a.Value = slog.GroupValue(safe...)
		return a
	case slog.KindString, slog.KindAny:
		for _, name := range secretNames {
			if n := len(a.Key) - len(name); n >= 0 && strings.EqualFold(a.Key[n:], name) {
				a.Value = slog.StringValue(redacted)
				return a
			}
		}
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(Redact(a.Value.String()))
		} else {
			a.Value = redactAny(a.Value)
		}
	}
	return a
}

func redactAny(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil:
		return v
	case *http.Request:
		return redactRequest(x)
	case http.Request:
		return redactRequest(&x)
	case *url.URL:
		if x == nil {
			return v
		}
		return slog.StringValue(Redact(x.String()))
	case url.URL:
		return slog.StringValue(Redact(x.String()))
	case []byte: // which JSON would show in base64
		if text := string(x); Redact(text) != text {
			return slog.StringValue(Redact(text))
		}
	}
	// A handler writes the value as text or as JSON: if either would show a
	// signature, the redacted text is written instead.
	text := fmt.Sprintf("%+v", v.Any())
	if safe := Redact(text); safe != text {
		return slog.StringValue(safe)
	}
	if j, err := json.Marshal(v.Any()); err == nil {
		if safe := Redact(string(j)); safe != string(j) {
			return slog.StringValue(safe)
		}
	}
	return v
}

func redactRequest(r *http.Request) slog.Value {
	if r == nil || r.URL == nil {
		return slog.StringValue("no request")
	}
	return slog.StringValue(Redact(r.Method + " " + r.Host + " " + r.URL.RequestURI()))
}
