package middleware

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
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
	// Only is one path, in the same form, that a step by which the link was
	// narrowed leaves of it. It is for [Narrow]: Sign refuses it, since a link
	// that is signed opens the path of its URL.
	Only string
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

	// Upload limits what a client may upload with the link, which must permit
	// a method that uploads, such as PUT or POST. A [Verifier] refuses a link
	// that has such a limit unless [Options.EnforcesUploads] says that the
	// next handler holds the body against it.
	Upload Upload

	// Ignore names query parameters that may be added, changed or removed
	// after signing, such as those that mailers add: "fbclid", or "utm_*" for
	// all that begin with utm_. For those of players, see [PlayerParameters].
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

// Upload limits the body of an upload. A field at its zero value sets no limit,
// except Replace. The limits bind the handler that stores the body, since the
// middleware does not read it: see [Link.MaxBytes] and [Link.Accepts].
type Upload struct {
	// MaxBytes is the size of the largest body, in bytes: 1 to 2^53-1.
	MaxBytes int64
	// SHA256 is the SHA-256 digest that the body must have, as
	// [sha256.Sum256] returns it. It makes the link good for one content. The
	// zero digest means that any is good.
	SHA256 [sha256.Size]byte
	// Accept lists the media types that the body may have: up to 64 types in
	// lower case and without parameters, such as "application/pdf", or all
	// types of one kind, which are image/*, audio/*, video/* and font/*. See
	// [Link.Accepts].
	Accept []string
	// Replace lets the upload replace an existing file. Without it, a link
	// never overwrites.
	Replace bool
}

// isZero reports whether no limit is set.
func (u *Upload) isZero() bool {
	return u.MaxBytes == 0 && u.Accept == nil && !u.Replace && u.SHA256 == [sha256.Size]byte{}
}

// accepts reports whether the limits allow a media type.
func (u *Upload) accepts(mediaType string) bool {
	if u.Accept == nil {
		return true
	}
	kind, subtype, _ := strings.Cut(mediaType, "/")
	for _, a := range u.Accept {
		if a == mediaType {
			return true
		}
		if k, all := strings.CutSuffix(a, "/*"); all && k == kind && subtype != "" && !strings.HasSuffix(subtype, "+xml") {
			return true
		}
	}
	return false
}

// Unsupported returns an error that wraps [errors.ErrUnsupported] if a claim is
// set that is not among the named fields, and nil otherwise. A [Format] calls
// it with the names of the claims that its links can carry. A slice that is not
// nil is set, even if it is empty. A claim that a later version adds is refused
// by every format that does not name it, and so is never dropped in silence.
// Unsupported panics if a name is not a field of Claims.
func (c Claims) Unsupported(carried ...string) error {
	if name := c.unknown(carried...); name != "" {
		return fmt.Errorf("signedurl: a link of this format has no place for Claims.%s: %w", name, errors.ErrUnsupported)
	}
	return nil
}

// unknown returns the name of a claim that is set and not among the named ones, and
// "" if there is none.
func (c Claims) unknown(known ...string) string {
	v := reflect.ValueOf(c)
	for _, name := range known {
		if !v.FieldByName(name).IsValid() {
			panic("signedurl: Claims has no field " + name)
		}
	}
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; !v.Field(i).IsZero() && !slices.Contains(known, name) {
			return name
		}
	}
	return ""
}

// clone returns claims that share nothing with c.
func (c Claims) clone() Claims {
	c.Methods, c.Networks, c.Ignore = slices.Clone(c.Methods), slices.Clone(c.Networks), slices.Clone(c.Ignore)
	c.Upload.Accept = slices.Clone(c.Upload.Accept)
	return c
}

// Link is an authenticated link. The embedded claims are the link's own, as it was
// signed; its holders may have narrowed it since, see [Narrow]. The other fields
// describe how it was authenticated. Handlers should use the methods, and not the
// fields, to find out what a link permits.
//
// A Link is a plain value, and reading it is safe for concurrent use.
type Link struct {
	Claims
	// KeyID is the ID of the key that signed the link. Counting links by KeyID
	// shows when an old key is no longer used.
	KeyID string
	// FromCookie reports that the link came in a cookie and not in the URL.
	FromCookie bool
	// Narrowed has the steps by which the link was narrowed, as they stand in its
	// query, and is empty if there are none: see [Link.Steps]. A [Verifier] holds them
	// against the request, but for the paths, which a [Format] checks.
	Narrowed string
}

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

// PlayerParameters returns, for [Claims.Ignore], the query parameters that video
// players add to the URLs that they fetch: those of low-latency HLS
// (draft-pantos-hls-rfc8216bis, section 6.2.5), and CMCD (CTA-5004), with which they
// report how the film plays.
func PlayerParameters() []string { return []string{"CMCD", "_HLS_*"} }
