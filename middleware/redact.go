package middleware

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// redacted replaces a signature. It must not begin with a hexadecimal digit,
// which could complete an escape before it.
const redacted = "REDACTED"

// secretNames are the endings of the parameter names that hold a signature or a
// token, in this project's format and in the others.
var secretNames = [...]string{"signature", "token"}

// shortest is the shortest run of characters after a colon, a blank or a
// bracket that is taken for a signature, and not for a word of a sentence.
const shortest = 20

// longest is the length from which a string is no line of a log: it is redacted
// as a whole, and positions fit into 32 bits.
const longest = 1 << 30

// maxIndex bounds the part of a parameter's name that PHP cuts off: an array
// index, or what follows a NUL.
const maxIndex = 64

// maxPasses bounds how often a text is redacted until it stays as it is. Where a
// value had quotes or brackets in it, its text reads differently without them.
const maxPasses = 4

// Redact returns s with the value of every parameter whose name ends in
// "signature" or "token", in upper or lower case, replaced by the word REDACTED.
// These are the signatures of all formats, also those in cookies. s is a link, a
// line of a log, a Cookie header or any text with links in it.
//
// Names are compared after decoding, as any server or browser would decode
// them: percent-escapes, JSON and Go escapes, HTML character references, and
// each of them within the others to any depth. Redact therefore also finds a
// link inside another URL, in JSON, in HTML, or in the output of fmt. Where it
// cannot tell where a signature ends, it removes what follows too. Path and
// expiry before the signature stay: they identify the link, and open nothing.
//
// Use [SecretParams] for parameters with other names.
func Redact(s string) string { return SecretParams(nil).Redact(s) }

// RedactAttr is a function for [slog.HandlerOptions.ReplaceAttr] that redacts an
// attribute of a log record: strings, URLs, requests, errors and anything else
// whose text contains a signature. A request is logged as its method, host and
// redacted target. A string or other value is replaced as a whole if its key, or
// a group it is in, has a name that ends in "signature" or "token".
func RedactAttr(groups []string, a slog.Attr) slog.Attr {
	return SecretParams(nil).RedactAttr(groups, a)
}

// SecretParams names further parameters that hold a secret, such as a Django
// token under a name of one's own. Their names are compared as a whole, without
// regard to case; an empty name is ignored.
type SecretParams []string

// Redact is the function [Redact] that also redacts the parameters in p.
func (p SecretParams) Redact(s string) string {
	if p.plain(s) {
		return s
	}
	if len(s) >= longest {
		return redacted
	}
	for range maxPasses {
		safe := s
		for n := range nestings {
			var ambiguous bool
			if safe, ambiguous = p.redact(safe, n); !ambiguous {
				break
			}
		}
		if safe == s {
			break
		}
		s = safe
	}
	return s
}

func (p SecretParams) redact(s string, n nesting) (safe string, ambiguous bool) {
	d := newDecoded(s, n)
	defer d.release()
	r := redaction{params: p, text: s, chars: d.chars}
	return r.run(), d.ambiguous
}

// plain reports whether s has no name of a secret, and nothing that can be
// decoded to one.
func (p SecretParams) plain(s string) bool {
	for i := range len(s) {
		switch s[i] {
		case '%', '\\', '\t', '\n', '\r':
			return false
		case '&':
			if i+1 < len(s) && s[i+1] == '#' || strings.IndexByte(s[i:min(len(s), i+maxEntity)], ';') > 0 {
				return false
			}
		case 's', 'S', 't', 'T':
			for _, name := range secretNames {
				if len(s)-i >= len(name) && strings.EqualFold(s[i:i+len(name)], name) {
					return false
				}
			}
		}
		for _, name := range p {
			if name != "" && lower(s[i]) == lower(name[0]) && len(s)-i >= len(name) && strings.EqualFold(s[i:i+len(name)], name) {
				return false
			}
		}
	}
	return true
}

// redaction is one call of Redact.
type redaction struct {
	params SecretParams
	text   string
	chars  []char // with a NUL at the end
	out    strings.Builder
	copied int // how much of text is in out
}

func (r *redaction) run() string {
	for i := 0; i < len(r.chars)-1; {
		if end := r.nameAt(i); end > 0 {
			i = r.values(end)
		} else {
			i++
		}
	}
	if r.copied == 0 {
		return r.text
	}
	r.out.WriteString(r.text[r.copied:])
	return r.out.String()
}

// replace redacts the value of the characters from begin to end, but for
// punctuation at its end, which belongs to the text around it.
func (r *redaction) replace(begin, end int) {
	for end > begin && !r.chars[end-1].percent && strings.IndexByte(")]}',;", r.chars[end-1].b) >= 0 {
		end--
	}
	if begin == end {
		return
	}
	r.out.WriteString(r.text[r.copied:r.chars[begin].at])
	r.out.WriteString(redacted)
	r.copied = int(r.chars[end].at)
}

// nameAt returns the end of the name of a secret that begins at i, or 0.
func (r *redaction) nameAt(i int) int {
	c := lower(r.chars[i].b)
	if c == 's' || c == 't' {
		for _, name := range secretNames {
			if end := r.match(i, name); end > 0 {
				return end
			}
		}
	}
	for _, name := range r.params {
		if name != "" && c == lower(name[0]) && r.nameMayBeginAt(i) {
			if end := r.match(i, name); end > 0 && !r.inName(end) {
				return end
			}
		}
	}
	return 0
}

// nameMayBeginAt reports whether a whole name may begin at i: after no other
// character of a name, except the n of a line feed in JSON and its like, and
// the "&amp" of HTML that lacks its semicolon.
func (r *redaction) nameMayBeginAt(i int) bool {
	return i == 0 || !r.inName(i-1) ||
		i > 1 && r.chars[i-2].b == '\\' && strings.IndexByte("abfnrtv", r.chars[i-1].b) >= 0 ||
		i > 3 && r.match(i-4, "&amp") == i
}

func (r *redaction) inName(i int) bool {
	c := r.chars[i].b
	return isAlnum(c) || c == '_'
}

// match returns the end of name at i, or 0. Line breaks and tabs within it do
// not count, since browsers remove them from URLs.
func (r *redaction) match(i int, name string) int {
	for k := range len(name) {
		for k > 0 && r.lineBreak(i) > 0 {
			i += r.lineBreak(i)
		}
		if i >= len(r.chars)-1 || lower(r.chars[i].b) != lower(name[k]) {
			return 0
		}
		i++
	}
	return i
}

// lineBreak returns how many characters at i are one line break or tab.
func (r *redaction) lineBreak(i int) int {
	switch c := r.chars[i].b; {
	case c == '\t' || c == '\n' || c == '\r':
		return 1
	case c == '\\' && strings.IndexByte("nrt", r.chars[i+1].b) >= 0: // the end is a NUL
		return 2
	}
	return 0
}

// words may stand between a name and its value: in the Go syntax of url.Values,
// and in the fields of a cookie, of an OpenTelemetry attribute or of a HAR file.
var words = [...]string{"[]string", "string", "value"}

// word returns the end of the words at i, or i. A value may begin with one.
func (r *redaction) word(i int) int {
	end := i
	for _, w := range words {
		if next := r.match(end, w); next > 0 {
			end = next
		}
	}
	if r.inName(end) || strings.IndexByte("-./+~%", r.chars[end].b) >= 0 {
		return i
	}
	return end
}

// values redacts the values of a secret whose name ends before i, and returns
// where to go on. Anything after "=" is a value. After the colons, quotes and
// brackets of JSON and of fmt, it is what is too long for a word.
func (r *redaction) values(i int) int {
	if end := r.index(i); end > 0 {
		return r.assigned(end)
	}
	var quoted, colon bool // the name is quoted; there was a colon
	for {
		c := r.chars[i]
		switch n := r.lineBreak(i); {
		case c.b == '=':
			return r.assigned(i + 1)
		case n > 0:
			i += n
		case c.b == ' ' || c.b == '\\' || c.b == ')' || c.b == '(' || c.b == '>' || c.b == ']' || c.b == '}':
			i++
		case c.b == '+': // a blank in a query, or else the first character of a value
			end := i
			for r.chars[end].b == '+' || r.chars[end].b == ' ' {
				end++
			}
			if r.chars[end].b == '=' {
				return r.assigned(end + 1)
			}
			return r.longRun(i)
		case c.b == ':':
			colon = true
			i++
		case isQuote(c.b) && colon:
			if end := r.word(i + 1); end == i+1 {
				least := shortest
				if quoted {
					least = 1
				}
				return r.quotedValue(i, least)
			}
			i++
		case isQuote(c.b):
			quoted = true
			i++
		case c.b == ',' && quoted:
			// In {"name":"signature","value":"..."} the value has a name.
			end := i + 1
			for r.chars[end].b == ' ' || isQuote(r.chars[end].b) || r.lineBreak(end) > 0 {
				end += max(1, r.lineBreak(end))
			}
			if r.word(end) == end {
				return i
			}
			i, colon = end, false
		case c.b == '[' && r.word(i) == i || c.b == '{':
			return r.list(i)
		default:
			end := r.word(i)
			if end == i {
				return r.longRun(i)
			}
			i, colon = end, false
			if isQuote(r.chars[i].b) {
				i++ // which closes the word
			}
		}
	}
}

// index returns the end of an index or of a rest after NUL, with the "=" after
// it, that PHP does not take for part of the name before i, or 0.
func (r *redaction) index(i int) int {
	c := r.chars[i].b
	if c != '[' && (c != 0 || i == len(r.chars)-1) {
		return 0
	}
	for end := i + 1; end < min(len(r.chars)-1, i+maxIndex); end++ {
		switch b := r.chars[end].b; {
		case b == '=':
			if c == 0 || r.chars[end-1].b == ']' {
				return end + 1
			}
			return 0
		case b == '&' || b <= ' ' && c != 0:
			return 0
		}
	}
	return 0
}

// assigned redacts what follows "=" at i.
func (r *redaction) assigned(i int) int {
	c := r.chars[i]
	if c.b == ' ' && !c.percent { // TOML, or a sentence
		for r.chars[i].b == ' ' {
			i++
		}
		if isQuote(r.chars[i].b) {
			return r.quotedValue(i, 1)
		}
		return r.longRun(i)
	}
	if isQuote(c.b) {
		return r.quotedValue(i, 1)
	}
	end := i
	for end < len(r.chars)-1 && !r.ends(end) {
		end++
	}
	r.replace(i, end)
	return end
}

// ends reports whether a value ends before the character at i. What was
// percent-escaped may be part of the value, and ends none.
func (r *redaction) ends(i int) bool {
	if r.chars[i].percent {
		return false
	}
	raw := r.chars[i+1].at-r.chars[i].at == 1
	switch c := r.chars[i].b; c {
	case '&', ' ':
		return true
	case '\t', '\n', '\r':
		return raw // an escaped one is removed from a URL
	case ';':
		return i+1 == len(r.chars)-1 || r.chars[i+1].b <= ' ' // a cookie's
	case '"', '<', '>', '#', '`':
		// They end a link, except if its value has one unescaped. What
		// follows is then too long for anything but the rest of the value.
		end := i + 1
		for end < len(r.chars)-1 && (r.chars[end].percent || r.chars[end].b > ' ' && strings.IndexByte("&\"<>#`", r.chars[end].b) < 0) {
			end++
		}
		return r.short(i+1, end)
	default:
		return c < ' ' || c == 0x7f
	}
}

// quotedValue redacts what is in the quotes that open at i, if it has at least
// so many characters. Quotes that are escaped otherwise are part of the value.
// A value that was cut off ends with its line.
func (r *redaction) quotedValue(i, least int) int {
	begin := i + 1
	open := r.text[r.chars[i].at:r.chars[begin].at]
	switch c := r.chars[begin]; {
	case c.percent:
	case c.b == ' ':
		least = shortest // the quotes may be those that end a link without a value
	case c.b < ' ' || strings.IndexByte("\"'`,;>)]}&", c.b) >= 0:
		return begin // an empty value
	}
	end := begin
	for ; end < len(r.chars)-1; end++ {
		from, to := r.chars[end].at, r.chars[end+1].at
		if r.chars[end].b == '\n' && to-from == 1 || r.chars[end].b == r.chars[i].b && r.text[from:to] == open {
			break
		}
	}
	if least > 1 && r.short(begin, end) {
		return begin
	}
	r.replace(begin, end)
	return end
}

// short reports whether the characters from begin to end may be a word. What was
// redacted before counts for one character, since it may have been one, so that
// a text that was redacted stays as it is.
func (r *redaction) short(begin, end int) bool {
	n := 0
	for i := begin; i < end && n < shortest; n++ {
		if word := r.match(i, redacted); word > 0 && word <= end {
			i = word
		} else {
			i++
		}
	}
	return n < shortest
}

// longRun redacts the characters from i on if they are too many for a word, and
// returns where to go on.
func (r *redaction) longRun(i int) int {
	end := r.runEnd(i)
	if r.short(i, end) {
		return i
	}
	r.replace(i, end)
	return end
}

func (r *redaction) runEnd(i int) int {
	for i < len(r.chars)-1 && (r.chars[i].percent || r.chars[i].b > ' ' && strings.IndexByte("\"`[]{}<>&#?", r.chars[i].b) < 0) {
		i++
	}
	return i
}

// list redacts what is too long for a word up to the bracket that closes the
// one at i, or up to the next name.
func (r *redaction) list(i int) int {
	for depth := 0; i < len(r.chars)-1; {
		switch r.chars[i].b {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		end := r.runEnd(i)
		if end == i {
			i++
			continue
		}
		if !r.short(i, end) {
			r.replace(i, end)
			i = end
			continue
		}
		for ; i < end; i++ {
			if r.nameAt(i) > 0 {
				return i
			}
		}
	}
	return i
}

// RedactAttr is the function [RedactAttr] that also redacts the parameters in p.
func (p SecretParams) RedactAttr(groups []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindGroup:
		attrs := a.Value.Group()
		safe := make([]slog.Attr, len(attrs))
		for i, attr := range attrs {
			safe[i] = p.RedactAttr(append(slices.Clip(groups), a.Key), attr)
		}
		a.Value = slog.GroupValue(safe...)
	case slog.KindString, slog.KindAny:
		secret := p.names(a.Key)
		for _, group := range groups {
			secret = secret || p.names(group)
		}
		switch {
		case secret:
			a.Value = slog.StringValue(redacted)
		case a.Value.Kind() == slog.KindAny:
			a.Value = p.redactAny(a.Value)
		default:
			if s := a.Value.String(); !p.plain(s) {
				a.Value = slog.StringValue(p.Redact(s))
			}
		}
	}
	return a
}

// names reports whether key is the name of a secret.
func (p SecretParams) names(key string) bool {
	if p.plain(key) {
		return false
	}
	d := newDecoded(key, backslashInside)
	defer d.release()
	r := redaction{params: p, text: key, chars: d.chars}
	for i := range len(r.chars) - 1 {
		if end := r.nameAt(i); end == len(r.chars)-1 {
			return true
		}
	}
	return false
}

func (p SecretParams) redactAny(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil:
		return v
	case *http.Request:
		return p.redactRequest(x)
	case http.Request:
		return p.redactRequest(&x)
	case *url.URL:
		if x == nil {
			return v
		}
		return slog.StringValue(p.Redact(x.String()))
	case url.URL:
		return slog.StringValue(p.Redact(x.String()))
	}
	// A handler writes the value as text or as JSON. If either would show a
	// signature, the redacted text is written instead.
	for _, show := range [...]func(any) (string, error){showBytes, showText, showMarshaled, showError, showJSON} {
		text, err := show(v.Any())
		if err != nil {
			continue // nothing is shown
		}
		if safe := p.Redact(text); safe != text {
			return slog.StringValue(safe)
		}
	}
	return v
}

var errNotShown = errors.New("signedurl: not shown")

// showBytes returns the text of a slice of bytes, which JSON shows in base64.
func showBytes(v any) (string, error) {
	if b := reflect.ValueOf(v); b.Kind() == reflect.Slice && b.Type().Elem().Kind() == reflect.Uint8 {
		return string(b.Bytes()), nil
	}
	return "", errNotShown
}

func showText(v any) (string, error) { return fmt.Sprintf("%+v", v), nil }

func showMarshaled(v any) (text string, err error) {
	defer refuse(&err)
	if m, ok := v.(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		return string(b), err
	}
	return "", errNotShown
}

func showError(v any) (text string, err error) {
	defer refuse(&err)
	if e, ok := v.(error); ok {
		return e.Error(), nil
	}
	return "", errNotShown
}

func showJSON(v any) (text string, err error) {
	defer refuse(&err)
	b, err := json.Marshal(v)
	return string(b), err
}

// refuse turns a panic, such as that of a method of a nil pointer, into an
// error: handlers do not show such a value either.
func refuse(err *error) {
	if recover() != nil {
		*err = errNotShown
	}
}

func (p SecretParams) redactRequest(r *http.Request) slog.Value {
	if r == nil || r.URL == nil {
		return slog.StringValue("no request")
	}
	return slog.StringValue(p.Redact(r.Method + " " + r.Host + " " + r.URL.RequestURI()))
}
