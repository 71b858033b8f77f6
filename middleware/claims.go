package middleware

import (
	"context"
	"net/netip"
	"time"
)

// Claims are what a link says besides its path and query: how long it lives
// and what limits it carries. They go into [Format.Sign] and come back from
// [Format.Authenticate]; a [Verifier] holds them against the request.
//
// A field at its zero value sets no limit, save Expires, which is required
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

	// Under makes the link open everything below a path instead of one path.
	// It is an absolute path in the canonical form of the package
	// documentation and ends in "/". The path itself is not opened.
	Under string
	// Methods are the HTTP methods that the link is good for, in upper case.
	// Nil means GET and HEAD; GET always includes HEAD. The handler behind must
	// know the methods that it is given: [http.FileServer] serves the file for
	// every one of them. A request's body is not signed, and FormValue prefers
	// it to the query.
	Methods []string
	// Host is the host[:port] that the request must name, in lower-case
	// ASCII and without the scheme's default port.
	Host string
	// Networks are the networks of which the client's address must be in one.
	Networks []netip.Prefix
	// Binding ties the link to a value that it does not show.
	Binding Binding

	// ID names the link, or a group of links, for revocation, counting and
	// audit: 1 to 128 bytes of printable ASCII without space.
	ID string
	// Uses is how many uses all links of the same ID have together, 1 to
	// 1,000,000. It needs an ID and an expiry. HEAD takes none, and passes when
	// all are taken: a handler that acts must not act on HEAD.
	Uses int

	// DownloadName makes the reply an attachment of that name (RFC 6266).
	DownloadName string
	// ContentType is the media type of the reply.
	ContentType string

	// Ignore names query parameters that may be added, changed or removed
	// after signing, such as those that mailers add: "fbclid", or "utm_*" for
	// all that begin with utm_.
	Ignore []string

	// KeyID is the id of the key that signed. It is set by Authenticate and
	// ignored by Sign: count it to see when an old key is out of use.
	KeyID string
	// Cookie reports that the claims came in a cookie and not in the URL. It
	// is set by Authenticate and ignored by Sign.
	Cookie bool
}

// Binding ties a link to a value that the link does not show: the session or
// the user it was made for, or the version of the record it shows. The value
// is part of what is signed. Whoever takes the link elsewhere cannot present
// the value, and changing the value revokes all links that were bound to it,
// without a store.
type Binding struct {
	// Name says which value it is, for example "session". It is shown in the
	// link; [Options.Binding] finds the value for it.
	Name string
	// Value goes into Sign only and is never returned by Authenticate. It
	// must not be empty. It need not be secret, but see the package
	// documentation on what a guessable value is worth.
	Value string
}

// claimsKey is the key of the claims in a request's context. It is unexported,
// so that nothing but a Verifier can put claims there.
type claimsKey struct{}

// claimsContext carries the claims with one allocation, where
// context.WithValue would take two.
type claimsContext struct {
	context.Context
	claims Claims
}

func (c *claimsContext) Value(key any) any {
	if _, ok := key.(claimsKey); ok {
		return &c.claims
	}
	return c.Context.Value(key)
}

// ClaimsFromContext returns the claims of the link that a [Verifier]'s Handler
// accepted for the request with this context. It reports false if no link was
// checked, which a handler that depends on the check must treat as a refusal.
func ClaimsFromContext(ctx context.Context) (Claims, bool) {
	c, ok := ctx.Value(claimsKey{}).(*Claims)
	if !ok {
		return Claims{}, false
	}
	return *c, true
}
