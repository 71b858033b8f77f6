package sigv4

import (
	"errors"
	"mime"
	"strings"
	"unicode/utf8"

	"example.com/signedurl/middleware"
)

// The parameters with which a link sets header fields of the reply. Both
// systems know them by the same names.
const (
	responseDisposition = "response-content-disposition"
	responseType        = "response-content-type"
)

var (
	errResponseTwice = invalid("a response- parameter is there twice")
	errResponseType  = invalid("the response-content-type is not the value of one header field")
)

// response reads the claims about the reply from the pairs, which are sorted.
func (st *state) response(c *middleware.Claims, path string) error {
	for i, p := range st.pairs {
		if p.name != responseDisposition && p.name != responseType {
			continue
		}
		if i > 0 && st.pairs[i-1].name == p.name {
			return errResponseTwice
		}
		value := unescape(p.value)
		switch {
		case p.name == responseDisposition:
			c.DownloadName = downloadName(value, path)
		case value != "" && !validContentType(value):
			return errResponseType
		default:
			c.ContentType = value
		}
	}
	return nil
}

// downloadName returns the file name of an attachment, and "" for any other
// disposition. An attachment without a usable name stays one, under the name
// of the path, as browsers would have it: dropping it would show in the
// browser what the signer wanted to keep from there.
func downloadName(disposition, path string) string {
	kind, _, _ := strings.Cut(disposition, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "attachment") {
		return ""
	}
	_, params, _ := mime.ParseMediaType(disposition)
	last := unescape(path[strings.LastIndexByte(path, '/')+1:])
	for _, name := range []string{params["filename"], last} {
		if validDownloadName(name) {
			return name
		}
	}
	return "download"
}

// disposition returns the value of a Content-Disposition field (RFC 6266) for
// an attachment of that name.
func disposition(name string) (string, error) {
	v := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if !validDownloadName(name) || downloadName(v, "/") != name {
		return "", errors.New("a download name is a file name in UTF-8 without slashes and control characters")
	}
	return v, nil
}

// validDownloadName accepts what [middleware.Claims] can carry.
func validDownloadName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < 0x20 || c == 0x7F || c == '/' || c == '\\' {
			return false
		}
	}
	return name != "" && name != "." && name != ".." && utf8.ValidString(name)
}

func validContentType(t string) bool {
	for i := 0; i < len(t); i++ {
		if t[i] < 0x20 || t[i] >= 0x7F {
			return false
		}
	}
	return strings.Contains(t, "/")
}
