package middleware

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"strings"
	"sync"

	"example.com/signedurl/middleware/internal/strict"
)

// The names of the algorithms in a key's text form. The algorithm belongs to
// the key and is never read from a request.
const (
	algHMAC          = "hmac-sha256"
	algEd25519       = "ed25519"
	algEd25519Public = "ed25519-public"
)

// minSecret is the shortest HMAC secret that is accepted: the size of the MAC,
// below which RFC 2104, section 3, calls a key weak. A link can be attacked
// off-line for as long as its key is in use, so there is no shorter choice.
const minSecret = sha256.Size

// Key is a named secret (HMAC-SHA-256) or key pair (Ed25519), or the public
// half of one. It holds its secret in a closure, so that no verb of fmt, no
// logger and no encoder can print it, nested or not. The zero Key is refused
// by [NewKeyring]. A Key is immutable and safe for concurrent use.
type Key struct {
	id  string
	alg string
	// sign returns the text of the signature over m; it is nil if the key
	// cannot sign. verify reports whether signature is that text, in constant
	// time.
	sign   func(m message) (string, error)
	verify func(m message, signature string) bool
}

// ID returns the id under which links name the key.
func (k Key) ID() string { return k.id }

// CanSign reports whether the key can sign links. A public key can only verify
// them.
func (k Key) CanSign() bool { return k.sign != nil }

// String returns the id and the algorithm, and nothing of the secret.
func (k Key) String() string {
	if k.verify == nil {
		return "no key"
	}
	return k.id + " (" + k.alg + ")"
}

// NewHMACKey returns a key that signs and verifies with HMAC-SHA-256 (RFC
// 2104). The secret is copied. It is an error if the secret is shorter than 32
// bytes or all zero, or the id is not 1 to 64 of A-Z a-z 0-9 - _ . characters.
// The bytes must come from a random source such as [GenerateHMACKey]: a
// password is no key, however long.
func NewHMACKey(id string, secret []byte) (Key, error) {
	if err := checkKeyID(id); err != nil {
		return Key{}, err
	}
	if len(secret) < minSecret {
		return Key{}, fmt.Errorf("signedurl: key %s: the secret has %d bytes and needs at least %d; generate a random one", id, len(secret), minSecret)
	}
	if allZero(secret) {
		return Key{}, fmt.Errorf("signedurl: key %s: the secret is all zero; generate a random one", id)
	}
	secret = bytes.Clone(secret)
	pool := &sync.Pool{New: func() any { return &hmacState{hash: hmac.New(sha256.New, secret)} }}
	return Key{
		id:  id,
		alg: algHMAC,
		sign: func(m message) (string, error) {
			s := pool.Get().(*hmacState)
			defer pool.Put(s)
			return base64.RawURLEncoding.EncodeToString(s.mac(&m)[:]), nil
		},
		verify: func(m message, signature string) bool {
			s := pool.Get().(*hmacState)
			ok := strict.Base64(s.given[:], signature) && equal(s.chain(&m), &s.given)
			pool.Put(s)
			return ok
		},
	}, nil
}

// hmacState is what one HMAC takes: the prepared key, and room for the message
// and both MACs. It lives in the pool of its key, so that verifying allocates
// nothing and never hashes the key's two blocks again.
type hmacState struct {
	hash  hash.Hash
	buf   []byte
	sum   [sha256.Size]byte
	given [sha256.Size]byte
}

// mac returns the MAC over m, valid until the next call.
func (s *hmacState) mac(m *message) *[sha256.Size]byte {
	s.buf = m.append(s.buf[:0])
	s.hash.Reset()
	s.hash.Write(s.buf)
	s.hash.Sum(s.sum[:0])
	return &s.sum
}

// chain returns the MAC over m and its steps, valid until the next call.
func (s *hmacState) chain(m *message) *[sha256.Size]byte {
	sum := s.mac(m)
	for _, step := range m.steps {
		s.buf = narrowMAC(sum, s.buf, step)
	}
	return sum
}

// narrowMAC replaces the MAC of a link by that of the link with one more step, whose
// escapes must be valid: HMAC-SHA-256 over the step, with the MAC of the link
// without it as the key. So a MAC leads to those of narrower links, and none leads
// back. It is RFC 2104 written out, since [hmac.New] would allocate for each key.
// It uses buf and returns it.
func narrowMAC(sum *[sha256.Size]byte, buf []byte, step string) []byte {
	buf = append(append(appendPadded(buf[:0], sum, &innerPad), innerPad[len(sum):]...), tagNarrow...)
	buf, _ = strict.AppendUnescaped(buf, step, true)
	inner := sha256.Sum256(buf)
	buf = append(append(appendPadded(buf[:0], sum, &outerPad), outerPad[len(sum):]...), inner[:]...)
	*sum = sha256.Sum256(buf)
	return buf
}

// innerPad and outerPad are ipad and opad of RFC 2104.
var (
	innerPad = [sha256.BlockSize]byte(bytes.Repeat([]byte{0x36}, sha256.BlockSize))
	outerPad = [sha256.BlockSize]byte(bytes.Repeat([]byte{0x5C}, sha256.BlockSize))
)

// appendPadded appends the part of a padded key that is not the mere padding.
func appendPadded(dst []byte, key *[sha256.Size]byte, pad *[sha256.BlockSize]byte) []byte {
	for i := 0; i < sha256.Size; i += 8 {
		dst = binary.NativeEndian.AppendUint64(dst, binary.NativeEndian.Uint64(key[i:])^binary.NativeEndian.Uint64(pad[i:]))
	}
	return dst
}

// equal compares two MACs in constant time, as subtle.ConstantTimeCompare
// does, in four words instead of 32 bytes.
func equal(a, b *[sha256.Size]byte) bool {
	var diff uint64
	for i := 0; i < sha256.Size; i += 8 {
		diff |= binary.NativeEndian.Uint64(a[i:]) ^ binary.NativeEndian.Uint64(b[i:])
	}
	return diff == 0
}

// NewEd25519Key returns a key that signs and verifies with Ed25519 (RFC 8032).
// It is an error if the private key has the wrong length, if its two halves do
// not belong together (signing with a foreign public half gives the secret
// away), or if the id is not one that [NewHMACKey] takes.
func NewEd25519Key(id string, private ed25519.PrivateKey) (Key, error) {
	if err := checkKeyID(id); err != nil {
		return Key{}, err
	}
	if len(private) != ed25519.PrivateKeySize {
		return Key{}, fmt.Errorf("signedurl: key %s: an Ed25519 private key has %d bytes, not %d; generate one with GenerateEd25519Key", id, ed25519.PrivateKeySize, len(private))
	}
	seed := private.Seed()
	if allZero(seed) {
		return Key{}, fmt.Errorf("signedurl: key %s: the Ed25519 seed is all zero; generate a random one", id)
	}
	own := ed25519.NewKeyFromSeed(seed)
	if subtle.ConstantTimeCompare(own, private) != 1 {
		return Key{}, fmt.Errorf("signedurl: key %s: the halves of the Ed25519 private key do not belong together; make it with ed25519.NewKeyFromSeed", id)
	}
	k := ed25519Public(id, own.Public().(ed25519.PublicKey))
	k.alg = algEd25519
	k.sign = func(m message) (string, error) {
		buf := edBuffers.Get().(*[]byte)
		defer edBuffers.Put(buf)
		*buf = m.append((*buf)[:0])
		return base64.RawURLEncoding.EncodeToString(ed25519.Sign(own, *buf)), nil
	}
	return k, nil
}

// NewEd25519PublicKey returns a key that verifies with Ed25519 and cannot sign,
// for servers that must not be able to issue links. It returns an error if
// public does not encode a point, or encodes a point of low order, for which
// anyone can forge signatures, or if the ID is not one that [NewHMACKey]
// accepts.
func NewEd25519PublicKey(id string, public ed25519.PublicKey) (Key, error) {
	if err := checkKeyID(id); err != nil {
		return Key{}, err
	}
	if len(public) != ed25519.PublicKeySize {
		// ed25519.Verify panics on a wrong length.
		return Key{}, fmt.Errorf("signedurl: key %s: an Ed25519 public key has %d bytes, not %d", id, ed25519.PublicKeySize, len(public))
	}
	if !validPoint(public) {
		return Key{}, fmt.Errorf("signedurl: key %s: the bytes are not a usable Ed25519 public key; generate a key pair", id)
	}
	return ed25519Public(id, bytes.Clone(public)), nil
}

func ed25519Public(id string, public ed25519.PublicKey) Key {
	return Key{
		id:  id,
		alg: algEd25519Public,
		verify: func(m message, signature string) bool {
			var sig [ed25519.SignatureSize]byte
			if !strict.Base64(sig[:], signature) {
				return false
			}
			buf := edBuffers.Get().(*[]byte)
			*buf = m.append((*buf)[:0])
			ok := ed25519.Verify(public, *buf, sig[:])
			edBuffers.Put(buf)
			return ok
		},
	}
}

// edBuffers holds buffers for messages; unlike a MAC's they hold no secret.
var edBuffers = sync.Pool{New: func() any { return new([]byte) }}

// ParseKey reads a key from its text form, one of
//
//	id:hmac-sha256:BASE64URL
//	id:ed25519:BASE64URL           (the 32-byte seed, RFC 8032)
//	id:ed25519-public:BASE64URL
//
// with unpadded base64url (RFC 4648, section 5) in its one canonical spelling.
// It refuses what the constructors refuse. Errors never quote the text.
func ParseKey(text string) (Key, error) {
	id, rest, ok1 := strings.Cut(text, ":")
	alg, encoded, ok2 := strings.Cut(rest, ":")
	if !ok1 || !ok2 {
		return Key{}, errors.New("signedurl: a key is written id:algorithm:base64url")
	}
	if err := checkKeyID(id); err != nil {
		return Key{}, err
	}
	raw := make([]byte, base64.RawURLEncoding.DecodedLen(len(encoded)))
	if !strict.Base64(raw, encoded) {
		return Key{}, fmt.Errorf("signedurl: key %s: the part after the second colon is not unpadded base64url (A-Z a-z 0-9 - _, no =, no line break) in its canonical spelling", id)
	}
	switch alg {
	case algHMAC:
		return NewHMACKey(id, raw)
	case algEd25519:
		if len(raw) != ed25519.SeedSize {
			return Key{}, fmt.Errorf("signedurl: key %s: an Ed25519 seed has %d bytes, not %d", id, ed25519.SeedSize, len(raw))
		}
		return NewEd25519Key(id, ed25519.NewKeyFromSeed(raw))
	case algEd25519Public:
		return NewEd25519PublicKey(id, raw)
	}
	return Key{}, fmt.Errorf("signedurl: key %s: the algorithm must be %s, %s or %s", id, algHMAC, algEd25519, algEd25519Public)
}

// GenerateHMACKey returns the text form of a new HMAC-SHA-256 key with 32
// bytes from [crypto/rand]. The text is the secret: store it as one.
func GenerateHMACKey(id string) (text string, err error) {
	if err := checkKeyID(id); err != nil {
		return "", err
	}
	secret := make([]byte, minSecret)
	rand.Read(secret) // never fails: it ends the program instead
	return keyText(id, algHMAC, secret), nil
}

// GenerateEd25519Key returns the text forms of a new Ed25519 key pair: the
// private one for the service that issues links, the public one for the
// servers that verify them.
func GenerateEd25519Key(id string) (private, public string, err error) {
	if err := checkKeyID(id); err != nil {
		return "", "", err
	}
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", "", fmt.Errorf("signedurl: generating a key: %w", err)
	}
	return keyText(id, algEd25519, priv.Seed()), keyText(id, algEd25519Public, pub), nil
}

func keyText(id, alg string, raw []byte) string {
	return id + ":" + alg + ":" + base64.RawURLEncoding.EncodeToString(raw)
}

// checkKeyID does not quote the id: someone who puts a whole key text, or the
// secret alone, where the id belongs must not find it in a log.
func checkKeyID(id string) error {
	if !validName(id) {
		return errors.New("signedurl: a key id is 1 to 64 of the characters A-Z a-z 0-9 . _ -")
	}
	return nil
}

// validName accepts the id of a key and the name of a binding.
func validName(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

func allZero(b []byte) bool {
	var or byte
	for _, c := range b {
		or |= c
	}
	return or == 0
}

// lowOrder are the encodings of the points of low order without their sign
// bit: with it, the 14 encodings of the 8 points, canonical or not. Each
// verifies signatures that anyone can make.
var lowOrder = [7][32]byte{
	{0},
	{1},
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
	fieldPlus(-1),
	fieldPlus(0),
	fieldPlus(1),
}

// fieldPlus returns the little-endian bytes of 2^255 - 19 + n for a small n.
func fieldPlus(n int) (b [32]byte) {
	for i := range b {
		b[i] = 0xFF
	}
	b[0], b[31] = byte(0xED+n), 0x7F
	return b
}

// validPoint reports whether public is the canonical encoding of a point of
// the curve that is not of low order. crypto/ed25519 would find the first only
// when it verifies, and the second never.
func validPoint(public []byte) bool {
	y := [32]byte(public)
	y[31] &= 0x7F
	for _, bad := range lowOrder {
		if y == bad {
			return false
		}
	}
	// x² = (y² - 1) / (d·y² + 1) must be a square (RFC 8032, section 5.1.3),
	// and u/v is a square where u·v is one.
	for i, j := 0, 31; i < j; i, j = i+1, j-1 {
		y[i], y[j] = y[j], y[i]
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	Y := new(big.Int).SetBytes(y[:])
	if Y.Cmp(p) >= 0 {
		return false
	}
	d := new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665))
	one := big.NewInt(1)
	Y.Mul(Y, Y)
	u := new(big.Int).Sub(Y, one)
	v := new(big.Int).Add(d.Mul(d, Y), one)
	return big.Jacobi(u.Mod(u.Mul(u, v), p), p) != -1
}
