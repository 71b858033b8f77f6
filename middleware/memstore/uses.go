package memstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"example.com/signedurl/middleware"
)

var _ middleware.UseStore = (*Uses)(nil)

// Uses counts the uses of links. It takes some 120 bytes for each ID, as much
// for each client with an open window, and at most 6 megabytes for the latest
// uses, which can be given back. The zero Uses and a nil one count nothing:
// they return an error, so that the links are refused. A Uses is safe for
// concurrent use and must not be copied.
//
// A restart forgets the counts: see the package documentation.
type Uses struct {
	max int

	mu     sync.Mutex
	held   map[digest]count
	lists  map[int64]digest // by tick, the head of the list of entries to look at when it is over
	tick   int64            // the lists of all earlier ticks are empty
	recent recentUses
}

// count is the use count of an ID, or a client's window. Counts are chained
// into one list per tick: the tick in which the count expires, or an earlier
// one if its expiry has since been extended.
type count struct {
	expires int64  // Unix milliseconds; a window is closed by setting it to 0
	n       int64  // uses taken, or the serial number of the use that opened the window
	next    digest // in the list; zero if it is the last
}

// A tick is how many milliseconds of expiries are kept in one list, and thus
// how much longer than needed a count can take room.
const tick = 10_000

// drops is how many entries of old lists a Take looks at. It must be at least
// three: a Take adds at most two entries and extends one. So expired entries
// go faster than new ones come, yet no request waits for a million of them to
// be dropped.
const drops = 4

// maxSteps is how many ticks a Take advances in search of old lists: a week,
// if the store was idle, in less than a millisecond.
const maxSteps = 1 << 16

// NewUses returns an empty store. Its entries are the IDs with a count that has
// not expired, and the open windows. A link with n uses can open n windows at a
// time. NewUses panics if opts.Max is negative.
func NewUses(opts *Options) *Uses {
	return &Uses{
		max:    size(opts),
		held:   make(map[digest]count),
		lists:  make(map[int64]digest),
		tick:   time.Now().UnixMilli() / tick,
		recent: recentUses{serial: make(map[[16]byte]int64)},
	}
}

var (
	errNoClient = errors.New("signedurl: a use with a window, but without a client")
	errNoExpiry = errors.New("signedurl: a use whose expiry has passed cannot be counted")
)

// keys returns the digests under which a use is counted; client is zero if
// there is no window.
func (s *Uses) keys(u *middleware.Use) (id, client digest, err error) {
	switch {
	case s == nil || s.max == 0:
		return id, client, errZero
	case u.ID == "":
		return id, client, errNoID
	case u.Window > 0 && !u.Client.IsValid():
		return id, client, errNoClient
	}
	// The prefixes keep IDs and windows apart, whatever the ID is.
	id = digestOf([]byte{'i'}, u.ID)
	if u.Window > 0 {
		prefix := [18]byte{0: 'w', 17: byte(u.Client.Bits())}
		addr := u.Client.Addr().As16()
		copy(prefix[1:], addr[:])
		client = digestOf(prefix[:], u.ID)
	}
	return id, client, nil
}

// Take takes one use of an ID, as [middleware.UseStore] describes. It compares
// the count with the limit of this call, whatever the limits of other calls
// were. A client whose window is open takes no use, even if the ID has none
// left. If there is no room for a count or a window, the error is [ErrFull]
// and nothing is taken. Take does not use the context.
func (s *Uses) Take(_ context.Context, u middleware.Use) (bool, error) {
	id, client, err := s.keys(&u)
	if err != nil {
		return false, err
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
		c.n = 0 // as if it had been dropped already
	}
	// The later expiry is noted whatever the answer. Otherwise a link that is
	// refused now would have its uses again when the others have expired.
	if live && c.expires < expires {
		c.expires = expires
		s.held[id] = c
	}
	if again, _ := s.recent.find(u.Nonce, id); again != nil && live {
		return true, nil
	}
	var w count
	var opened bool
	if u.Window > 0 {
		if w, opened = s.held[client]; w.expires > now {
			if opener := s.recent.at(w.n); opener != nil {
				opener.shared = true
			}
			return true, nil
		}
	}
	if c.n >= int64(u.Limit) {
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
	c.n++
	if !live {
		c.expires = expires
	}
	if counted {
		s.held[id] = c
	} else {
		s.list(id, c)
	}
	w.n = 0
	if u.Nonce != [16]byte{} {
		w.n = s.recent.add(recentUse{nonce: u.Nonce, id: id, window: client})
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

// GiveBack gives back the use that Take took, as [middleware.UseStore]
// describes. A store remembers the latest 32,768 uses; older ones cannot be
// given back. GiveBack does not use the context.
func (s *Uses) GiveBack(_ context.Context, u middleware.Use) error {
	id, _, err := s.keys(&u)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	taken, serial := s.recent.find(u.Nonce, id)
	// A count is kept until u.Expires at least. Later there may be none, or a
	// new one from which nothing was taken for this use.
	if taken == nil || taken.shared || u.Expires.UnixMilli() <= time.Now().UnixMilli() {
		return nil
	}
	if c := s.held[id]; c.n > 0 {
		c.n--
		s.held[id] = c
	}
	if w, ok := s.held[taken.window]; ok && w.n == serial {
		w.expires = 0
		s.held[taken.window] = w
	}
	s.recent.forget(u.Nonce)
	return nil
}

// Len returns how many entries are held. These include some that have expired
// and that are dropped before the store counts as full.
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

// drop looks at the first entries of the lists whose tick is over. It drops
// those that have expired, and moves the others to the list of the tick in
// which they now expire.
func (s *Uses) drop(now int64) {
	// A clock that was put back must not hide a list at a tick before s.tick.
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
