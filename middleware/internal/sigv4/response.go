package sigv4

import (
	"errors"
	"mime"
	"strings"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// The parameters with which a link sets header fields of the reply. They have
// the same names in both systems.
const (
	responseDisposition = "response-content-disposition"
	responseType        = "response-content-type"
)

var (
	errResponseTwice = strict.NewInvalid("a response- parameter is there twice")
	errResponseType  = strict.NewInvalid("the response-content-type is not a media type")
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
		case value != "" && !strict.ValidContentType(value):
			return errResponseType
		default:
			c.ContentType = value
		}
	}
	return nil
}

// downloadName returns the file name of an attachment, and "" for any other
// disposition. An attachment without a usable name stays one, with the last part
// of the path as its name, as in browsers: without a name the browser would show
// a file that the signer did not want to be shown.
func downloadName(disposition, path string) string {
	kind, _, _ := strings.Cut(disposition, ";")
	if !strings.EqualFold(strings.TrimSpace(kind), "attachment") {
		return ""
	}
	_, params, _ := mime.ParseMediaType(disposition)
	last := unescape(path[strings.LastIndexByte(path, '/')+1:])
	for _, name := range []string{params["filename"], last} {
		if strict.ValidDownloadName(name) {
			return name
		}
	}
	return "download"
}

// disposition returns the value of a Content-Disposition field (RFC 6266) for
// an attachment of that name.
func disposition(name string) (string, error) {
	v := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if downloadName(v, "/") != name { // not valid, or not to be written
		return "", errors.New("a download name is a file name in UTF-8 without slashes and control characters")
	}
	return v, nil
}
