package middleware

import (
	"io"
	"mime"
	"net/http"
	"slices"
)

// confirmBody is what the button of a page sends.
const confirmBody = "confirm=1"

// prepare turns the POST of the button into the GET that it stands for, if the link
// needs one. It is called for an authentic link alone, so that nobody else makes the
// server read a body.
func (c *confirmation) prepare(r *Request, l *Link) {
	r.Method = r.http.Method
	if l.Uses <= 0 || r.Method != http.MethodPost || !l.allows(http.MethodGet) {
		return
	}
	if !c.read && slices.Contains(l.Methods, http.MethodPost) {
		return // the application's own
	}
	if !c.read {
		c.read, c.given = true, confirms(r.http)
	}
	if c.given {
		r.Method = http.MethodGet
	}
}

// needed reports whether a person is still to be asked before a use is taken.
func (c *confirmation) needed(method string) bool {
	return c != nil && !c.given && (method == http.MethodGet || method == http.MethodHead)
}

// confirms reports whether a request is what the button sends, from a page of the same
// origin. It reads no more of the body than that.
func confirms(r *http.Request) bool {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" || r.Header["Content-Encoding"] != nil ||
		r.ContentLength != int64(len(confirmBody)) || new(http.CrossOriginProtection).Check(r) != nil {
		return false
	}
	var body [len(confirmBody)]byte
	_, err = io.ReadFull(r.Body, body[:])
	return err == nil && string(body[:]) == confirmBody
}

// asGet turns a confirmed request, which is a copy already, into the GET that it
// stands for.
func asGet(r *http.Request) *http.Request {
	r.Method, r.Body, r.ContentLength, r.TransferEncoding = http.MethodGet, http.NoBody, 0, nil
	r.Header = r.Header.Clone()
	for _, name := range [...]string{"Content-Type", "Content-Length", "Origin"} {
		r.Header.Del(name)
	}
	return r
}
