package strict

import (
	"crypto/hmac"
	"hash"
	"sync"
)

// HMAC returns a function that appends the HMAC (RFC 2104) of a message under
// the key. The key's two blocks are hashed once for each state in the pool and
// not for each message. The key lives in the closure, where no verb of fmt and
// no encoder finds it. The function is safe for concurrent use, and allocates
// nothing if dst has room.
func HMAC(newHash func() hash.Hash, key []byte) func(dst, message []byte) []byte {
	pool := &sync.Pool{New: func() any { return hmac.New(newHash, key) }}
	return func(dst, message []byte) []byte {
		h := pool.Get().(hash.Hash)
		h.Reset()
		h.Write(message)
		dst = h.Sum(dst)
		pool.Put(h)
		return dst
	}
}
