package django

import (
	"bytes"
	"crypto"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// scratch is the memory for one token. It is reused, so that verifying the
// usual token allocates nothing.
type scratch struct {
	token []byte
	sum   [64]byte
	want  [86]byte
}

// derivedMAC returns the MAC of a signer. Its key is the hash of salt and key,
// which Django joins without a boundary.
func derivedMAC(h crypto.Hash, salt, key string) func(dst, message []byte) []byte {
	derived := h.New()
	derived.Write([]byte(salt + "signer" + key))
	return strict.HMAC(h.New, derived.Sum(nil))
}

// signatureText returns the length of a signature in characters.
func signatureText(h crypto.Hash) int { return base64.RawURLEncoding.EncodedLen(h.Size()) }

// signature returns the signature of a body in base64, valid until the next
// call.
func (f *Format) signature(s *scratch, body []byte, key int) []byte {
	base64.RawURLEncoding.Encode(s.want[:], f.macs[key](s.sum[:0], body))
	return s.want[:f.signatureSize]
}

// unsign checks the signature of the token in s and splits the token from its
// end, since the value may hold the separator. It returns the value, whose bytes
// are those of s, the time at which the token was made and the index of its key.
func (f *Format) unsign(s *scratch) (value []byte, made int64, key int, err error) {
	body, signature, ok := f.cut(s.token)
	if !ok {
		return nil, 0, 0, errShape
	}
	if key = f.findKey(s, body, signature); key < 0 {
		return nil, 0, 0, errBadSignature
	}
	if !f.timed {
		return body, 0, key, nil
	}
	value, digits, ok := f.cut(body)
	if !ok {
		return nil, 0, 0, errShape
	}
	if made, ok = parseBase62(string(digits)); !ok {
		return nil, 0, 0, errTimestamp
	}
	return value, made, key, nil
}

// cut cuts a token at its last separator.
func (f *Format) cut(token []byte) (before, after []byte, ok bool) {
	i := bytes.LastIndex(token, f.separator)
	if i < 0 {
		return nil, nil, false
	}
	return token[:i], token[i+len(f.separator):], true
}

// findKey returns the index of the key that signed, or -1. It compares the
// signatures in base64, as Django does, so that a signature has one spelling.
func (f *Format) findKey(s *scratch, body, signature []byte) int {
	for i := range f.macs {
		// The length of a signature is no secret.
		if subtle.ConstantTimeCompare(f.signature(s, body, i), signature) == 1 {
			return i
		}
	}
	return -1
}

// sign returns the token for a value, made at a time.
func (f *Format) sign(value string, made int64) string {
	s := f.scratch.Get().(*scratch)
	defer f.scratch.Put(s)
	s.token = append(s.token[:0], value...)
	if f.timed {
		s.token = appendBase62(append(s.token, f.separator...), made)
	}
	return string(s.token) + string(f.separator) + string(f.signature(s, s.token, 0))
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// parseBase62 parses Django's base 62 in its one spelling: no leading zero, no
// other sign than the "-" of a number below zero.
func parseBase62(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if digits == "" || len(digits) > 7 || (digits[0] == '0' && s != "0") {
		return 0, false
	}
	var n int64
	for i := 0; i < len(digits); i++ {
		d := strings.IndexByte(base62, digits[i])
		if d < 0 {
			return 0, false
		}
		n = n*62 + int64(d)
	}
	if negative {
		n = -n
	}
	return n, -strict.MaxTime <= n && n <= strict.MaxTime
}

func appendBase62(dst []byte, n int64) []byte {
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	var digits [11]byte
	i := len(digits)
	for {
		i--
		digits[i] = base62[n%62]
		if n /= 62; n == 0 {
			return append(dst, digits[i:]...)
		}
	}
}
