package memstore

import (
	"crypto/sha256"
	"errors"
)

// digest stands for an id. It holds no pointer, so that the garbage collector
// need not look at a million of them, nor does it keep alive the request that
// the id is a piece of. The zero digest stands for nothing.
type digest [16]byte

// digestOf returns the digest of an id, or of a prefix and an id. It does not
// allocate for the ids that links can carry.
func digestOf(prefix []byte, id string) (d digest) {
	var room [192]byte
	sum := sha256.Sum256(append(append(room[:0], prefix...), id...))
	copy(d[:], sum[:])
	return d
}

// Options configures a store. The zero value, or a nil pointer, selects the
// defaults.
type Options struct {
	// Max is the largest number of entries; 0 selects [DefaultMax]. A store
	// takes memory for the entries that it holds, not for those that it may
	// hold.
	Max int
}

// DefaultMax is the number of entries that a store holds by default: about 45
// megabytes of revoked ids, or 120 of counts.
const DefaultMax = 1_000_000

// ErrFull is returned by a store that would have to forget something in order
// to do what it was asked. Nothing was changed then.
var ErrFull = errors.New("signedurl: the in-memory store is full; give it a larger maximum, or links a shorter life")

var (
	errZero = errors.New("signedurl: the in-memory store was not made by its constructor")
	errNoID = errors.New("signedurl: the id is empty")
)

// size returns the number of entries that the options ask for. A negative one
// is a programmer's mistake.
func size(opts *Options) int {
	switch {
	case opts == nil || opts.Max == 0:
		return DefaultMax
	case opts.Max < 0:
		panic("signedurl: an in-memory store with a negative maximum")
	}
	return opts.Max
}
