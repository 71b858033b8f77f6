package middleware

import (
	"bytes"
	"io"
	"mime"
	"net/http"
)

// confirmBody is what the button of a page sends.
const confirmBody = "confirm=1"

// prepare turns the POST of the button into the GET that it stands for, if the link
// needs one. It is called for an authentic link alone, so that nobody else makes the
// server read a body.
func (c *confirmation) prepare(r *Request, l *Link) {
	r.Method, c.ask, c.stood = r.http.Method, false, false
	if !confirmable(l) {
		return
	}
	if r.Method != http.MethodPost {
		c.ask = r.Method == http.MethodGet || r.Method == http.MethodHead
		return
	}
	if !c.read {
		c.read = true
		c.body, c.given = confirms(r.http)
	}
	if c.given {
		r.Method, c.stood = http.MethodGet, true
	}
}

// confirmable reports whether the button can stand for a GET by a link, or by the link
// as it was before somebody narrowed it. One that permits POST has a meaning of its own
// for it.
func confirmable(l *Link) bool {
	return l.Uses > 0 && (l.allows(http.MethodGet) && !l.allows(http.MethodPost) ||
		l.Allows(http.MethodGet) && !l.Allows(http.MethodPost))
}

// needed reports whether a person is still to be asked before a use is taken.
func (c *confirmation) needed() bool { return c != nil && c.ask }

// confirms reports whether a request is what the button sends, from a page of the same
// origin. It reads no more of the body than that, and returns what it read.
func confirms(r *http.Request) ([]byte, bool) {
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" || r.Header["Content-Encoding"] != nil ||
		r.ContentLength != int64(len(confirmBody)) || new(http.CrossOriginProtection).Check(r) != nil {
		return nil, false
	}
	body := make([]byte, len(confirmBody))
	n, err := io.ReadFull(r.Body, body)
	return body[:n], err == nil && string(body) == confirmBody
}

// request returns a request, which is a copy already, as the next handler sees it: as
// the GET that it stands for, or with all of its body, if the link that is good permits
// the POST itself.
func (c *confirmation) request(r *http.Request) *http.Request {
	switch {
	case c == nil:
	case c.stood:
		return asGet(r)
	case len(c.body) > 0:
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(c.body), r.Body), r.Body}
	}
	return r
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
