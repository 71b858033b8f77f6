// Package admit decides which uploads may begin, for the packages that take them.
package admit

import (
	"cmp"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"unicode"
)

// Slots bounds how many uploads are under way. It is safe for concurrent use.
type Slots struct {
	mu        sync.Mutex
	free      int
	perClient int
	clients   map[netip.Prefix]int // how many each has taken
}

// NewSlots returns so many slots, of which one client gets no more than perClient.
// Zero means 64 and 8, as the documentation of signedfs.Uploads says.
func NewSlots(n, perClient int) *Slots {
	return &Slots{free: cmp.Or(n, 64), perClient: cmp.Or(perClient, 8)}
}

// Take takes a slot, or returns the status for a client that gets none. A client
// that is not known is not bounded by itself.
func (s *Slots) Take(client netip.Prefix, known bool) (status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case known && s.clients[client] >= s.perClient:
		return http.StatusTooManyRequests
	case s.free == 0:
		return http.StatusServiceUnavailable
	}
	s.free--
	if known {
		if s.clients == nil {
			s.clients = make(map[netip.Prefix]int)
		}
		s.clients[client]++
	}
	return 0
}

// Release returns what Take took.
func (s *Slots) Release(client netip.Prefix, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if known {
		if s.clients[client]--; s.clients[client] == 0 {
			delete(s.clients, client)
		}
	}
}

// Misleading reports whether a name has a character that makes it look like
// another one: the bidirectional controls, by which "gpj.exe" shows as
// "exe.jpg", and separators of lines.
func Misleading(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
	})
}
