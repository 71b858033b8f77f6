package signedfs

import (
	"context"
	"sync"
)

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
