package middleware

import (
	"context"
	"net/netip"
	"time"
)

// Revocations knows which link ids were revoked. Implementations must be safe
// for concurrent use, and answer at once: they are asked on every request with
// an id, after everything else about the link was found good.
type Revocations interface {
	// Revoked reports whether the links of an id are revoked. On an error the
	// request is refused with ErrUnavailable: an unknown answer is no.
	Revoked(ctx context.Context, id string) (bool, error)
}

// UseStore counts the uses of links. Implementations must be safe for
// concurrent use by all verifiers that share the store.
type UseStore interface {
	// Take takes one use in one atomic step and reports whether there was one
	// to take. A store that fails, or that is full, returns an error, upon
	// which the request is refused with ErrUnavailable; it never forgets a
	// count to make room.
	Take(ctx context.Context, u Use) (bool, error)
}

// Use is one use of a link, to be taken from a [UseStore].
type Use struct {
	// ID is the link id that the uses are counted under.
	ID string
	// Limit is how many uses the id has, at least 1.
	Limit int
	// Expires is when the count may be forgotten: the link's expiry, plus the
	// verifier's leeway and a margin. Where several links share the id, the
	// latest that was seen counts.
	Expires time.Time
	// Window, if positive, is how long a client's further requests take no
	// use, counted from the request that took one and never prolonged.
	Window time.Duration
	// Client is who asks: an IPv4 address, or an IPv6 network of 64 bits. It
	// is the zero Prefix if there is no Window.
	Client netip.Prefix
}
