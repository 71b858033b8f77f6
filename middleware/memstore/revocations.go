package memstore

import (
	"context"
	"math"
	"sync"
	"time"

	"example.com/signedurl/middleware"
)

var _ middleware.Revocations = (*Revocations)(nil)

// Revocations is a list of revoked IDs. It takes some 45 bytes for each ID: a
// million fit into 45 megabytes. The zero Revocations and a nil one know
// nothing: they return an error, so that the links are refused. A Revocations
// is safe for concurrent use and must not be copied.
type Revocations struct {
	max    int
	saving sync.Mutex // held by Save, so that an older list never replaces a newer file

	write   sync.Mutex // held for every change; guards the next three
	n       int        // IDs in all shards
	sweepAt int        // n at which expired entries are dropped
	next    seconds    // no entry expires earlier

	shards [64]shard
}

// shard holds a part of the IDs. Each has its own lock, which is held for one
// map lookup, so that requests do not wait for each other.
type shard struct {
	mu  sync.RWMutex
	ids map[digest]seconds
	_   [32]byte // no two in one cache line
}

// seconds is a Unix time. 32 bits end in the year 2106. An ID that is revoked
// until then is revoked for ever.
type seconds uint32

const forEver seconds = math.MaxUint32

// toSeconds rounds up: a revocation is never shorter than requested.
func toSeconds(t time.Time) seconds {
	if t.IsZero() {
		return forEver
	}
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return seconds(min(max(s, 0), int64(forEver)))
}

func (s seconds) passed(now int64) bool { return s != forEver && int64(s) <= now }

// entry is a revoked ID on its way into the list or out of it.
type entry struct {
	id    digest
	until seconds
}

// NewRevocations returns an empty list. Its entries are the revoked IDs.
// NewRevocations panics if opts.Max is negative.
func NewRevocations(opts *Options) *Revocations {
	return &Revocations{max: size(opts), next: forEver}
}

func (r *Revocations) shard(id digest) *shard { return &r.shards[id[0]>>2] }

// Revoked reports whether an ID is revoked now. It does not allocate and does
// not use the context. It returns an error only if the list was not made by
// [NewRevocations].
func (r *Revocations) Revoked(_ context.Context, id string) (bool, error) {
	if r == nil || r.max == 0 {
		return false, errZero
	}
	d := digestOf(nil, id)
	s := r.shard(d)
	s.mu.RLock()
	until, ok := s.ids[d]
	s.mu.RUnlock()
	return ok && !until.passed(time.Now().Unix()), nil
}

// Revoke revokes an ID until a time, after which it is forgotten. That time is
// the latest at which a link of the ID expires, plus the verifiers' leeway. The
// zero time revokes the ID for ever, and takes its room for ever. If an ID is
// revoked several times, the latest time applies. A revocation cannot be undone,
// but a new ID can be signed. When Revoke returns, the revocation applies to all
// requests, but only in memory: see [Revocations.Save]. If the list is full, the
// ID is not revoked and the error is [ErrFull].
func (r *Revocations) Revoke(id string, until time.Time) error {
	if r == nil || r.max == 0 {
		return errZero
	}
	if id == "" {
		return errNoID
	}
	return r.add([]entry{{digestOf(nil, id), toSeconds(until)}})
}

// Len returns how many IDs are held. These include some whose time has passed
// and that are dropped before the list counts as full.
func (r *Revocations) Len() int {
	if r == nil {
		return 0
	}
	r.write.Lock()
	defer r.write.Unlock()
	return r.n
}

// add revokes all entries or, if there is no room for all, none. The IDs of the
// entries are unique.
func (r *Revocations) add(entries []entry) error {
	r.write.Lock()
	defer r.write.Unlock()
	now := time.Now().Unix()
	if n := r.n + len(entries); n > r.max || n > r.sweepAt {
		r.sweep(now)
	}
	// Maps change only while write is held, so they can be read without their
	// locks here.
	fresh := 0
	for _, e := range entries {
		if _, ok := r.shard(e.id).ids[e.id]; !ok && !e.until.passed(now) {
			fresh++
		}
	}
	if r.n+fresh > r.max {
		return ErrFull
	}
	for _, e := range entries {
		if e.until.passed(now) {
			continue
		}
		s := r.shard(e.id)
		old, ok := s.ids[e.id]
		if ok && old >= e.until {
			continue
		}
		if !ok {
			r.n++
		}
		r.next = min(r.next, e.until)
		s.mu.Lock()
		if s.ids == nil {
			s.ids = make(map[digest]seconds)
		}
		s.ids[e.id] = e.until
		s.mu.Unlock()
	}
	return nil
}

// sweep drops expired entries. It is called when the list has doubled, so that
// it costs each ID little, and when there is no room. It looks at the entries
// only if one has expired: a full list must not become a slow one.
func (r *Revocations) sweep(now int64) {
	if r.next.passed(now) {
		r.n, r.next = 0, forEver
		for i := range r.shards {
			s := &r.shards[i]
			s.mu.Lock()
			for id, until := range s.ids {
				if until.passed(now) {
					delete(s.ids, id)
				} else {
					r.next = min(r.next, until)
				}
			}
			r.n += len(s.ids)
			s.mu.Unlock()
		}
	}
	r.sweepAt = max(2*r.n, 1024)
}
