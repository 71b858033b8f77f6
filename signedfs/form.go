package signedfs

import (
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"

	"example.com/signedurl/signedfs/internal/admit"
)

// maxFrame is how much of a form may be something else than the file: its
// boundaries, and fields, which are ignored.
const maxFrame = 64 << 10

const formData = "multipart/form-data"

func isForm(h http.Header) bool {
	types := h["Content-Type"]
	if len(types) != 1 {
		return false
	}
	t, _, _ := strings.Cut(types[0], ";")
	return strings.EqualFold(strings.TrimSpace(t), formData)
}

// form stores the one file of a form (RFC 7578) below a directory. Nothing
// appears before the form is read to its end.
func (up *upload) form(dir string) error {
	_, params, err := mime.ParseMediaType(up.r.Header.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return refused(http.StatusBadRequest)
	}
	up.body.max = maxFrame
	parts := multipart.NewReader(&lastLine{src: &up.body}, params["boundary"])
	var f NewFile
	var name string
	defer func() {
		if f != nil {
			up.abort(f)
		}
	}()
	for {
		// NextPart would decode quoted-printable.
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break // after the last boundary: see lastLine
		}
		if err != nil {
			return broken(err)
		}
		base, isFile, ok := fileName(part.Header)
		if !ok || isFile && f != nil {
			return refused(http.StatusBadRequest)
		}
		if !isFile {
			continue
		}
		name = strings.TrimSuffix(dir, "/") + "/" + base
		if strings.Contains(base, "/") || up.handler.fault(name) != nil || admit.Misleading(name) {
			return refused(http.StatusBadRequest)
		}
		if onePath(&up.link) {
			return refused(http.StatusForbidden)
		}
		content := &limited{src: part, limit: up.limit}
		up.body.max = up.limit + maxFrame
		if f, err = up.receive(name, content, up.r.ContentLength); err != nil {
			f = nil
			return err
		}
		up.body.max = content.read + maxFrame
	}
	if _, err := io.Copy(io.Discard, &up.body); err != nil {
		return broken(err)
	}
	if f == nil {
		return refused(http.StatusBadRequest)
	}
	return up.commit(f, name)
}

// lastLine ends the last line of a form, which may lack its end, and then fails.
// So io.EOF from a multipart.Reader means that it found the last boundary. It
// has the same error for a form that ends after any other one.
type lastLine struct {
	src   io.Reader
	ended bool
	end   string // what is still to be added
}

func (l *lastLine) Read(p []byte) (int, error) {
	if !l.ended {
		n, err := l.src.Read(p)
		if err != io.EOF {
			return n, err
		}
		l.ended, l.end = true, "\r\n"
		if n > 0 {
			return n, nil
		}
	}
	if l.end == "" {
		return 0, refused(http.StatusBadRequest)
	}
	n := copy(p, l.end)
	l.end = l.end[n:]
	return n, nil
}

// limited reads a part of a form that has a limit of its own.
type limited struct {
	src         io.Reader
	read, limit int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.src.Read(p)
	if l.read += int64(n); l.read > l.limit {
		return n, refused(http.StatusRequestEntityTooLarge)
	}
	return n, err
}

// fileName returns the file name that a part of a form states, and whether it
// states one. The name is as it was sent: nothing in it is decoded or removed, so
// that what is checked is what will be stored. It reports false for a header that
// can be read in more than one way, such as one with two names.
func fileName(h textproto.MIMEHeader) (name string, isFile, ok bool) {
	for _, c := range h["Content-Transfer-Encoding"] {
		switch strings.ToLower(strings.TrimSpace(c)) {
		case "7bit", "8bit", "binary":
		default:
			return "", false, false
		}
	}
	values := h["Content-Disposition"]
	if len(values) != 1 {
		return "", false, false
	}
	kind, rest, _ := strings.Cut(values[0], ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "form-data") {
		return "", false, false
	}
	seen := make(map[string]bool)
	for strings.TrimSpace(rest) != "" {
		key, after, found := strings.Cut(rest, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		var value string
		if quoted, ok := strings.CutPrefix(after, `"`); ok {
			value, rest, found = strings.Cut(quoted, `"`)
			if rest = strings.TrimSpace(rest); rest != "" {
				if rest[0] != ';' {
					return "", false, false // the quote was escaped
				}
				rest = rest[1:]
			}
		} else {
			value, rest, _ = strings.Cut(after, ";")
			value = strings.TrimSpace(value)
		}
		// "filename*" has a coding of its own (RFC 5987), which RFC 7578 forbids.
		if !found || seen[key] || strings.Contains(key, "*") {
			return "", false, false
		}
		seen[key] = true
		if key == "filename" {
			name, isFile = value, true
		}
	}
	// A form without a chosen file states an empty name.
	return name, isFile, !isFile || name != ""
}
