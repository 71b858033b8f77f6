package middleware

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Revocations reports which link IDs were revoked. Implementations must be safe
// for concurrent use. They should be fast: Revoked is called for every request
// whose link has an ID and has passed all earlier checks.
type Revocations interface {
	// Revoked reports whether the links with an ID are revoked. If it returns
	// an error, the request is refused with ErrUnavailable.
	Revoked(ctx context.Context, id string) (bool, error)
}

// UseStore counts the uses of links. Implementations must be safe for
// concurrent use by all verifiers that share the store.
type UseStore interface {
	// Take takes one use in one atomic step and reports whether there was one
	// to take. A Take that is repeated with the same nonce, as clients of a
	// store do after a broken connection, takes no second use. A store that
	// fails or is full returns an error, and the request is refused with
	// ErrUnavailable. A store never forgets a count to make room. If the Limit is 0,
	// Take takes nothing, and reports whether the client passes for free in an open
	// window.
	Take(ctx context.Context, u Use) (bool, error)
	// GiveBack undoes the Take of the same Use, in one atomic step. It closes
	// the window that the Take opened. It does nothing, and returns nil, if
	// that Take took no use, if the use was given back already, if the count
	// has expired, or if another request passed for free in the window that
	// the Take opened: a request that got nothing must not pay for one that
	// got the file. A store may forget the nonces of old uses, which then
	// cannot be given back; it never gives back more than was taken.
	GiveBack(ctx context.Context, u Use) error
}

// Use is one use of a link, to be taken from a [UseStore].
type Use struct {
	// ID is the link ID that the uses are counted under.
	ID string
	// Limit is how many uses the ID has, or 0 to ask about the window alone.
	Limit int
	// Expires is when the count may be forgotten: the link's expiry, plus the
	// verifier's leeway and a margin. If several links share the ID, the
	// latest expiry seen counts.
	Expires time.Time
	// Nonce identifies this use among all others. It need not be secret. The
	// zero Nonce identifies nothing: such a use is counted, but it cannot be
	// given back, and a repeated Take takes another.
	Nonce [16]byte
	// Window, if positive, is how long a client's further requests take no
	// use. It begins with the request that took one and is never extended.
	Window time.Duration
	// Client is the client's address: an IPv4 address, or an IPv6 network of
	// 64 bits. It is the zero Prefix if there is no Window.
	Client netip.Prefix
}

// newNonce returns a nonce for a Use. It has to be unique and not secret, so
// that math/rand/v2 is enough: a ChaCha8 that the system seeds at random.
func newNonce() (nonce [16]byte) {
	binary.LittleEndian.PutUint64(nonce[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(nonce[8:], rand.Uint64())
	return nonce
}

// takenUse is a use that was taken for a request.
type takenUse struct {
	store UseStore
	use   Use
}

// takenKey is the key of the takenUse in a request's context.
type takenKey struct{}

// giveBackTimeout bounds how long a reply waits for a store that takes a use
// back. The store may set a tighter bound.
const giveBackTimeout = 2 * time.Second

// GiveBack gives back the use that a [Verifier]'s Handler took for the request
// with this context. It is for a handler that knows that its reply has nothing
// of the file, such as 304 or 404: otherwise a link with one use is spent, and
// nobody got the file. The handler calls GiveBack before it writes the header
// of that reply. It must not call GiveBack after it has sent a byte of the file,
// has read a byte of an upload or has acted on the request: the link could then
// be used more often than it says.
//
// GiveBack does nothing and returns nil if no use was taken, as for HEAD, for a
// link whose uses are not limited, and for a request that passed for free in an
// open window. It does nothing either if the use was given back already, or if
// another request passed for free in the window that this use opened. It works
// after the client has gone, when ctx is canceled. An error wraps
// [ErrUnavailable]. The use may then be spent, and the handler should send its
// reply all the same.
//
// A Verifier never gives a use back by itself. If the process dies before it
// gives a use back, the use is spent.
func GiveBack(ctx context.Context) error {
	taken, ok := ctx.Value(takenKey{}).(*takenUse)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	if err := taken.store.GiveBack(ctx, taken.use); err != nil {
		return &detailed{ErrUnavailable, err.Error()}
	}
	return nil
}
