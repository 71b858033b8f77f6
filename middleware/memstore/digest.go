package memstore

import (
	"crypto/sha256"
	"errors"
)

// digest stands for an ID. It holds no pointer, so that the garbage collector
// need not scan a million of them, and it does not keep alive the request that
// the ID is a substring of. The zero digest stands for nothing.
type digest [16]byte

// digestOf returns the digest of an ID, or of a prefix and an ID. It does not
// allocate for the IDs that links can carry.
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

// DefaultMax is the number of entries that a store holds by default: some 45
// megabytes of revoked IDs, or 120 megabytes of counts.
const DefaultMax = 1_000_000

// ErrFull is returned by a store that would have to forget something to make
// room. Nothing was taken or revoked then.
var ErrFull = errors.New("signedurl: the in-memory store is full; give it a larger maximum, or the links a shorter life")

var (
	errZero = errors.New("signedurl: the in-memory store was not made by its constructor")
	errNoID = errors.New("signedurl: the ID is empty")
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
