package middleware

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"

	"example.com/signedurl/middleware/internal/signer"
)

// NewSignerKey returns an Ed25519 key whose private half is elsewhere: in an
// agent, a hardware module or a key management service. Links are verified in
// this process with the public half, which s.Public is asked for once, here, as
// an [ed25519.PublicKey]. It is an error if s is nil or holds a nil pointer, if
// Public panics, or if [NewEd25519PublicKey] refuses the id or what Public
// returns. Nothing is signed before the first link.
//
// For each link and each cookie, s.Sign is called once, with crypto.Hash(0) and
// the whole message, which shows the path and the value of a [Binding] to
// whoever runs the signer. The signature is verified before it is used. If s
// fails, panics or returns another signature, there is an error and no link; an
// error of s is wrapped. Nothing is cached. A [Subtree] makes many links from
// one signature, and with [RoundUp] the application can keep it for a while.
//
// The key is safe for concurrent use if s is. A call waits for s for as long as
// s takes, and no other call waits for it: a signer that asks a network needs a
// timeout of its own.
func NewSignerKey(id string, s crypto.Signer) (Key, error) {
	if err := checkKeyID(id); err != nil {
		return Key{}, err
	}
	named, err := signer.Public(s)
	if err != nil {
		return Key{}, fmt.Errorf("signedurl: key %s: %w", id, err)
	}
	public, ok := named.(ed25519.PublicKey)
	if !ok {
		return Key{}, fmt.Errorf("signedurl: key %s: the signer has a public key of type %T, not ed25519.PublicKey", id, named)
	}
	own := bytes.Clone(public) // before it is judged: the signer may change its own
	k, err := NewEd25519PublicKey(id, own)
	if err != nil {
		return Key{}, err
	}
	k.alg = algEd25519
	k.sign = func(m message) (string, error) {
		text := m.append(nil)
		signature, err := signer.Sign(s, crypto.Hash(0), text, func(signature []byte) bool {
			return ed25519.Verify(own, text, signature)
		})
		if err != nil {
			return "", fmt.Errorf("key %s: %w", id, err)
		}
		return base64.RawURLEncoding.EncodeToString(signature), nil
	}
	return k, nil
}
