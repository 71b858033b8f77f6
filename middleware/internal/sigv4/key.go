package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Key is a key that is not bound to a dialect yet. Its secret is held in
// closures, so that nothing can print it.
type Key struct {
	// ID is how links name the key: an access key id, or the address of a
	// service account.
	ID string
	// Suffix is the algorithm's name after that of the system: "-HMAC-SHA256".
	Suffix string
	// Unique says that no other key can have the same id and algorithm.
	Unique bool
	// Token returns the session token that belongs to the key. It is nil if
	// there is none.
	Token func() string
	// Open returns the functions that sign and verify in a dialect.
	Open func(d *Dialect) Signer
}

// Signer signs and verifies strings to sign that were dated on the day YYYYMMDD.
type Signer struct {
	// Sign returns the signature as hex digits. It is nil if the key can only
	// verify.
	Sign func(day string, msg []byte) (string, error)
	// Verify reports whether signature is that of msg, in its one spelling.
	Verify func(day string, msg []byte, signature string) bool
}

// minSecret is the length of the shortest secret that is accepted. The systems
// make secrets of 40 characters. Servers that speak their protocol let people
// choose, and a short secret can be guessed offline from one link.
const minSecret = 16

// HMACKey returns a key with the algorithm -HMAC-SHA256, without a session token
// if token is empty. Errors quote neither id nor secret.
func HMACKey(id, secret, token string) (Key, error) {
	if err := CheckID(id); err != nil {
		return Key{}, err
	}
	if len(secret) < minSecret {
		return Key{}, fmt.Errorf("signedurl: the secret has %d bytes and needs at least %d: it could be guessed from one link", len(secret), minSecret)
	}
	k := Key{ID: id, Suffix: "-HMAC-SHA256", Unique: true}
	if token != "" {
		k.Token = func() string { return token }
	}
	k.Open = func(d *Dialect) Signer {
		days := newDayKeys(d.brand+secret, d.scope)
		return Signer{
			Sign: func(day string, msg []byte) (string, error) {
				k := days.key(day)
				days.remember(k)
				m := k.pool.Get().(*macState)
				defer k.pool.Put(m)
				return hex.EncodeToString(m.mac(msg)), nil
			},
			Verify: func(day string, msg []byte, signature string) bool {
				var given [sha256.Size]byte
				if !DecodeHex(given[:], signature) {
					return false
				}
				k := days.key(day)
				m := k.pool.Get().(*macState)
				ok := subtle.ConstantTimeCompare(m.mac(msg), given[:]) == 1
				k.pool.Put(m)
				if ok {
					days.remember(k)
				}
				return ok
			},
		}
	}
	return k, nil
}

// CheckID refuses an id that a credential cannot hold. It does not quote the id:
// a secret that was given in place of its id must not end up in a log.
func CheckID(id string) error {
	ok := 0 < len(id) && len(id) <= 128
	for i := 0; i < len(id); i++ {
		ok = ok && id[i] > ' ' && id[i] < 0x7F && id[i] != '/'
	}
	if !ok {
		return errors.New("signedurl: the id of a key is 1 to 128 bytes of printable ASCII without space and slash")
	}
	return nil
}

// maxDays is the number of derived keys that are kept for a key. Links live
// seven days, so those in use were dated on eight, and some may be dated ahead.
const maxDays = 16

// dayKeys derives the keys of the days from a secret, and keeps those in use:
//
//	HMAC(HMAC(HMAC(HMAC(brand+secret, day), region), service), terminator)
//
// Deriving a key costs four HMACs with new keys, several times the cost of
// verifying a link.
type dayKeys struct {
	derive func(day string) []byte
	recent atomic.Pointer[[]*dayKey]
}

// dayKey is the key of one day, as a pool of prepared HMACs.
type dayKey struct {
	day  string
	pool *sync.Pool
}

// macState is a prepared HMAC and the memory for its sum.
type macState struct {
	h   hash.Hash
	sum [sha256.Size]byte
}

// mac returns the MAC of msg, valid until the next call.
func (m *macState) mac(msg []byte) []byte {
	m.h.Reset()
	m.h.Write(msg)
	return m.h.Sum(m.sum[:0])
}

func newDayKeys(secret, scope string) *dayKeys {
	parts := strings.Split(scope, "/")
	d := &dayKeys{derive: func(day string) []byte {
		key := []byte(secret)
		for _, part := range append([]string{day}, parts...) {
			h := hmac.New(sha256.New, key)
			h.Write([]byte(part))
			key = h.Sum(nil)
		}
		return key
	}}
	d.recent.Store(new([]*dayKey))
	return d
}

// key returns the key of a day, and derives it unless it was kept.
func (d *dayKeys) key(day string) *dayKey {
	for _, k := range *d.recent.Load() {
		if k.day == day {
			return k
		}
	}
	secret := d.derive(day)
	return &dayKey{
		day:  strings.Clone(day), // do not keep the request that it is part of
		pool: &sync.Pool{New: func() any { return &macState{h: hmac.New(sha256.New, secret)} }},
	}
}

// remember keeps a key, and drops the key of the earliest day if there are too
// many. It is called only for days on which the secret was used to sign, so that
// nobody else can fill the cache with days of their choice and make today's
// links slow.
func (d *dayKeys) remember(k *dayKey) {
	for {
		old := d.recent.Load()
		for _, kept := range *old {
			if kept.day == k.day {
				return
			}
		}
		recent := append(slices.Clone(*old), k)
		// Most links were dated on one of the last days.
		slices.SortFunc(recent, func(a, b *dayKey) int { return strings.Compare(b.day, a.day) })
		recent = recent[:min(len(recent), maxDays)]
		if d.recent.CompareAndSwap(old, &recent) {
			return
		}
	}
}
