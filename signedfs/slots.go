package signedfs

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
)

// slots bounds how many uploads are under way.
type slots struct {
	mu        sync.Mutex
	free      int
	perClient int
	clients   map[netip.Prefix]int // how many each has taken
}

// take takes a slot, or returns the status for a client that gets none.
func (s *slots) take(client netip.Prefix, known bool) (status int) {
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

func (s *slots) release(client netip.Prefix, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	if known {
		if s.clients[client]--; s.clients[client] == 0 {
			delete(s.clients, client)
		}
	}
}

// nameLocks has a lock for each name that is in use.
type nameLocks struct {
	mu sync.Mutex
	m  map[string]*nameLock
}

type nameLock struct {
	held    chan struct{} // full while it is held
	holders int           // those who hold it or wait for it
}

// lock waits for the lock of a name, or until the context ends.
func (l *nameLocks) lock(ctx context.Context, name string) (unlock func(), err error) {
	l.mu.Lock()
	if l.m == nil {
		l.m = make(map[string]*nameLock)
	}
	n := l.m[name]
	if n == nil {
		n = &nameLock{held: make(chan struct{}, 1)}
		l.m[name] = n
	}
	n.holders++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if n.holders--; n.holders == 0 {
			delete(l.m, name)
		}
	}
	select {
	case n.held <- struct{}{}:
		return func() { <-n.held; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
