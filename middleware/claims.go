package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"time"
)

// Claims are the statements of a link besides its path and query: its expiry
// and its limits. They are passed to [Format.Sign] and returned in a [Link]. A
// [Verifier] checks them against the request.
//
// A field at its zero value sets no limit, except Expires, which is required
// unless Permanent is set. A format that has no place for a claim refuses to
// sign it with [errors.ErrUnsupported].
//
// Claims are a plain value. The slices in Claims that came from this package
// belong to the receiver.
type Claims struct {
	// Expires is the first second at which the link is refused. A fraction of
	// a second is dropped. It must lie in the years 1970 to 9999.
	Expires time.Time
	// Permanent asks for a link that never expires. It is an error to set
	// both Permanent and Expires. A verifier honours such a link only if its
	// [Options.AllowPermanent] is set.
	Permanent bool
	// NotBefore is the first second at which the link is honoured. A fraction
	// of a second is dropped.
	NotBefore time.Time

	// Under makes the link open a whole subtree instead of one path: the path
	// Under itself and everything below it. It is an absolute path in the
	// canonical form of the package documentation and ends in "/".
	Under string
	// Methods lists the HTTP methods that the link permits, in upper case. If
	// nil, the link permits GET and HEAD. GET always includes HEAD. The next
	// handler must handle every method listed: [http.FileServer] serves the
	// file for any method. The request body is not signed, and
	// [http.Request.FormValue] prefers it to the query.
	Methods []string
	// Host is the host[:port] that the request must name, in lower-case
	// ASCII. Ports 80 and 443 must be omitted, and are ignored in the request,
	// since a proxy may terminate TLS.
	Host string
	// Networks restricts the link to clients whose address is in one of these
	// networks.
	Networks []netip.Prefix
	// Binding ties the link to a value that it does not show.
	Binding Binding

	// ID names the link, or a group of links, for revocation, counting and
	// audit: 1 to 128 bytes of printable ASCII without space.
	ID string
	// Uses limits how often links with this ID can be used in total, from 1 to
	// 1,000,000 times. It requires an ID and an expiry. A HEAD request does not
	// count as a use, and is accepted even if no use is left, so a handler must
	// not have side effects on HEAD. Programs that open links, such as chat
	// previews and mail scanners, do count.
	Uses int

	// DownloadName makes the reply an attachment with this file name (RFC
	// 6266): UTF-8 without slashes, control characters and the bidirectional
	// controls that make a name look like another one.
	DownloadName string
	// Inline makes a browser display the file instead of downloading it. A file
	// that is saved from there, such as a PDF, gets the DownloadName, which is
	// required.
	Inline bool
	// ContentType is the media type of the reply.
	ContentType string

	// Ignore names query parameters that may be added, changed or removed
	// after signing, such as those that mailers add: "fbclid", or "utm_*" for
	// all that begin with utm_.
	Ignore []string
}

// Binding ties a link to a value that the link does not show: the session or
// the user it was made for, or the version of the record it shows. The value
// is part of what is signed. Anyone who takes the link elsewhere cannot present
// the value, and changing the value revokes all links that were bound to it,
// without a store.
type Binding struct {
	// Name says which value it is, for example "session". It is shown in the
	// link; [Options.Binding] finds the value for it.
	Name string
	// Value is read by Sign only and is never returned by Authenticate. It
	// must not be empty. It need not be secret, but see the package
	// documentation on what a guessable value is worth.
	Value string
}

// Unsupported returns an error that wraps [errors.ErrUnsupported] if a claim is
// set that is not among the named fields, and nil otherwise. A [Format] calls
// it with the names of the claims that its links can carry. A slice that is not
// nil is set, even if it is empty. A claim that a later version adds is refused
// by every format that does not name it, and so is never dropped in silence.
// Unsupported panics if a name is not a field of Claims.
func (c Claims) Unsupported(carried ...string) error {
	v := reflect.ValueOf(c)
	for _, name := range carried {
		if !v.FieldByName(name).IsValid() {
			panic("signedurl: Claims has no field " + name)
		}
	}
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; !v.Field(i).IsZero() && !slices.Contains(carried, name) {
			return fmt.Errorf("signedurl: a link of this format has no place for Claims.%s: %w", name, errors.ErrUnsupported)
		}
	}
	return nil
}

// Link is an authenticated link. The embedded claims are the link's own. The
// other fields describe how it was authenticated. Handlers should use the
// methods, and not the fields, to find out what a link permits.
//
// A Link is a plain value, and reading it is safe for concurrent use.
type Link struct {
	Claims
	// KeyID is the ID of the key that signed the link. Counting links by KeyID
	// shows when an old key is no longer used.
	KeyID string
	// FromCookie reports that the link came in a cookie and not in the URL.
	FromCookie bool
}

// Expiry returns the first second at which the link is refused, and the zero
// time if it never expires.
func (l *Link) Expiry() time.Time { return l.Expires }

// Allows reports whether the link is good for an HTTP method.
func (l *Link) Allows(method string) bool { return l.allows(method) }

// allows reports whether the claims allow a method.
func (c *Claims) allows(method string) bool {
	if c.Methods == nil {
		return method == http.MethodGet || method == http.MethodHead
	}
	for _, m := range c.Methods {
		if m == method || (m == http.MethodGet && method == http.MethodHead) {
			return true
		}
	}
	return false
}

// linkKey is the key of the link in a request's context. It is unexported, so
// that nothing but a Verifier can put a link there.
type linkKey struct{}

// linkContext carries the link with one allocation, where context.WithValue
// would take two.
type linkContext struct {
	context.Context
	link  Link
	taken takenUse // without a store if no use was taken
}

func (c *linkContext) Value(key any) any {
	switch key.(type) {
	case linkKey:
		return &c.link
	case takenKey:
		if c.taken.store != nil {
			return &c.taken
		}
	}
	return c.Context.Value(key)
}

// LinkFromContext returns the link that a [Verifier]'s Handler accepted for the
// request with this context. It reports false if no link was checked, which a
// handler that depends on the check must treat as a refusal.
func LinkFromContext(ctx context.Context) (Link, bool) {
	l, ok := ctx.Value(linkKey{}).(*Link)
	if !ok {
		return Link{}, false
	}
	return *l, true
}
