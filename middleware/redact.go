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

// Redact returns s with the value of every parameter whose name ends in
// "signature" or "token", of whatever case, replaced by the word REDACTED: so
// the signatures of all formats are meant, those in their cookies too. It takes a link, a line of a log, a Cookie header or any text that
// holds them, also where the link is itself escaped within another URL. Path
// and expiry stay: they say which link it was, and open nothing.
func Redact(s string) string {
	for _, name := range [...]string{"signature", "token"} {
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
		// "=", escaped however often: %3D, %253D, or in JSON =.
		n := 0
		switch {
		case strings.HasPrefix(s, "="):
			n = 1
		case strings.HasPrefix(s, `\u003d`) || strings.HasPrefix(s, `\u003D`):
			n = 6
		case strings.HasPrefix(s, "%"):
			j := 1
			for strings.HasPrefix(s[j:], "25") {
				j += 2
			}
			if len(s) >= j+2 && strings.EqualFold(s[j:j+2], "3d") {
				n = j + 2
			}
		}
		if n == 0 {
			continue
		}
		b.WriteString(s[:n])
		s = s[n:]
		end := 0
		for end < len(s) && signatureByte(s[end]) {
			end++
		}
		if end > 0 {
			b.WriteString(redacted)
		}
		s = s[end:]
	}
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

// RedactAttr redacts an attribute of a log record, for
// [slog.HandlerOptions.ReplaceAttr]: texts, URLs, requests, errors and anything
// else whose text holds a signature. A request is logged as its method, host
// and redacted target.
func RedactAttr(groups []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Redact(a.Value.String()))
	case slog.KindGroup:
		attrs := a.Value.Group()
		safe := make([]slog.Attr, len(attrs))
		for i, attr := range attrs {
			safe[i] = RedactAttr(groups, attr)
		}
		a.Value = slog.GroupValue(safe...)
	case slog.KindAny:
		a.Value = redactAny(a.Value)
	}
	return a
}

func redactAny(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil:
		return v
	case *http.Request:
		if x == nil || x.URL == nil {
			return slog.StringValue("no request")
		}
		return slog.StringValue(Redact(x.Method + " " + x.Host + " " + x.URL.RequestURI()))
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
