package memstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"example.com/signedurl/middleware"
)

var _ middleware.UseStore = (*Uses)(nil)

// Uses counts the uses of links. It takes some 120 bytes for each id, and as
// much for each client with an open window. The zero Uses and a nil one count
// nothing: they answer with an error, so that the links are refused. It is
// safe for concurrent use, and must not be copied.
//
// A restart forgets the counts: see the package documentation.
type Uses struct {
	max int

	mu    sync.Mutex
	held  map[digest]count
	lists map[int64]digest // by tick, the first of those to look at when it is over
	tick  int64            // the lists of all ticks before are empty
}

// count is how often an id was used, or else a client's open window. It is a
// link of a list, in the tick in which it expires or, if that was put off
// since, in an earlier one.
type count struct {
	expires int64 // Unix milliseconds
	used    int
	next    digest // in the list; zero if it is the last
}

// A tick is how many milliseconds of expiries are kept in one list, and so how
// much longer than needed a count can take room.
const tick = 10_000

// drops is how many entries of old lists a Take looks at. It must be at least
// three: a Take adds at most two entries, and puts off one. So what has
// expired always goes faster than new entries come, yet no request waits for
// the dropping of a million.
const drops = 4

// maxSteps is how many ticks a Take goes on in search of old lists: a week, if
// the store was idle, in less than a millisecond.
const maxSteps = 1 << 16

// NewUses returns an empty store. Its entries are the ids with a count that
// has not expired, and the open windows; a link with n uses can open n windows
// at a time. NewUses panics if opts.Max is negative.
func NewUses(opts *Options) *Uses {
	return &Uses{
		max:   size(opts),
		held:  make(map[digest]count),
		lists: make(map[int64]digest),
		tick:  time.Now().UnixMilli() / tick,
	}
}

var (
	errNoClient = errors.New("signedurl: a use with a window, but without a client")
	errNoExpiry = errors.New("signedurl: a use whose expiry has passed cannot be counted")
)

// Take takes one use of an id, as [middleware.UseStore] says. It compares with
// the limit of this call, whatever those of other calls were. A client whose
// window is open takes no use, also when the id has none left. If a count or a
// window has no room, the error is [ErrFull] and nothing was taken. It does not
// use the context.
func (s *Uses) Take(_ context.Context, u middleware.Use) (bool, error) {
	switch {
	case s == nil || s.max == 0:
		return false, errZero
	case u.ID == "":
		return false, errNoID
	case u.Window > 0 && !u.Client.IsValid():
		return false, errNoClient
	}
	// The prefixes keep ids and windows apart, whatever the id is.
	id := digestOf([]byte{'i'}, u.ID)
	var client digest
	if u.Window > 0 {
		prefix := [18]byte{0: 'w', 17: byte(u.Client.Bits())}
		addr := u.Client.Addr().As16()
		copy(prefix[1:], addr[:])
		client = digestOf(prefix[:], u.ID)
	}
	expires := u.Expires.UnixMilli()

	s.mu.Lock()
	defer s.mu.Unlock()
	t := time.Now()
	now := t.UnixMilli()
	if expires <= now {
		return false, errNoExpiry // a count that is dropped at once limits nothing
	}
	s.drop(now)

	c, counted := s.held[id]
	live := c.expires > now
	if !live {
		c.used = 0 // as if it had been dropped already
	}
	// The later expiry is noted whatever the answer, or else a link that was
	// refused now would have its uses again when the others have expired.
	if live && c.expires < expires {
		c.expires = expires
		s.held[id] = c
	}
	var w count
	var opened bool
	if u.Window > 0 {
		if w, opened = s.held[client]; w.expires > now {
			return true, nil
		}
	}
	if c.used >= u.Limit {
		return false, nil
	}

	room := s.max - len(s.held)
	if !counted {
		room--
	}
	if u.Window > 0 && !opened {
		room--
	}
	if room < 0 {
		return false, ErrFull
	}
	c.used++
	if !live {
		c.expires = expires
	}
	if counted {
		s.held[id] = c
	} else {
		s.list(id, c)
	}
	if u.Window > 0 {
		w.expires = t.Add(u.Window).UnixMilli()
		if opened {
			s.held[client] = w
		} else {
			s.list(client, w)
		}
	}
	return true, nil
}

// Len returns how many entries are held, including some that have expired and
// will be dropped before the store counts as full.
func (s *Uses) Len() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.held)
}

// list holds c and puts it into the list of the tick in which it expires.
func (s *Uses) list(d digest, c count) {
	t := c.expires / tick
	c.next = s.lists[t]
	s.lists[t] = d
	s.held[d] = c
}

// drop looks at the first entries of the lists whose tick is over. Those that
// have expired are dropped, and the others go to the list where they belong by
// now.
func (s *Uses) drop(now int64) {
	// A clock that was put back must not hide a list behind s.tick.
	if len(s.lists) == 0 || s.tick > now/tick {
		s.tick = now / tick
	}
	for n, steps := 0, 0; n < drops && steps < maxSteps && s.tick < now/tick; {
		d, ok := s.lists[s.tick]
		if !ok {
			s.tick++
			steps++
			continue
		}
		c := s.held[d]
		if c.next == (digest{}) {
			delete(s.lists, s.tick)
		} else {
			s.lists[s.tick] = c.next
		}
		if c.expires > now {
			s.list(d, c)
		} else {
			delete(s.held, d)
		}
		n++
	}
}
