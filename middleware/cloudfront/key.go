package cloudfront

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"

	"example.com/signedurl/middleware/internal/signer"
)

// The sizes of RSA keys. CloudFront itself accepts 2048 bits only. A smaller key
// can be factored, and a much larger one would make every request expensive.
const (
	minRSABits = 2048
	maxRSABits = 4096
)

// Key is a named RSA or ECDSA P-256 key pair, or the public half of one. The
// name is the key-pair id of CloudFront's public key. A private key is held in
// a closure, so that no verb of fmt, no logger and no encoder can print it,
// nested or not. [New] refuses the zero Key. A Key is immutable, and safe for
// concurrent use if its [crypto.Signer] is.
type Key struct {
	id  string
	alg string
	// sign is nil if the key cannot sign.
	sign   func(h crypto.Hash, digest []byte) ([]byte, error)
	verify func(h crypto.Hash, digest, signature []byte) bool
}

// ID returns the key-pair id.
func (k Key) ID() string { return k.id }

// CanSign reports whether the key can sign links, and not only verify them.
func (k Key) CanSign() bool { return k.sign != nil }

// String returns the id and the algorithm, and nothing of the key material.
func (k Key) String() string {
	if k.verify == nil {
		return "no key"
	}
	return k.id + " (" + k.alg + ")"
}

// NewKey returns a key that signs and verifies. The private key is an
// *[rsa.PrivateKey] of 2048 to 4096 bits, an *[ecdsa.PrivateKey] on P-256, or
// any other [crypto.Signer] with a public key of these kinds, such as one in a
// hardware module. The public key is asked for once. The id is the key-pair id
// that CloudFront shows for the public key: 1 to 64 of the characters
// A-Z a-z 0-9 - _ .
//
// NewKey signs nothing. Each signature is verified before it leaves: if the
// signer fails, panics or returns a signature that its public key does not
// verify, there is an error and no link; an error of the signer is wrapped. A
// call waits for its signer, and no other call does.
//
// Signatures are deterministic for the two kinds of the standard library (RSA
// with PKCS #1 v1.5, ECDSA after RFC 6979): equal claims give equal links.
func NewKey(id string, private crypto.Signer) (Key, error) {
	if !validKeyID(id) {
		return Key{}, errKeyID
	}
	public, err := signer.Public(private)
	if err != nil {
		return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: %w", id, err)
	}
	k, err := NewPublicKey(id, public)
	if err != nil {
		return Key{}, err
	}
	if local, ok := private.(*ecdsa.PrivateKey); ok {
		private = deterministic{local}
	}
	k.sign = func(h crypto.Hash, digest []byte) ([]byte, error) {
		return signer.Sign(private, h, digest, func(signature []byte) bool { return k.verify(h, digest, signature) })
	}
	return k, nil
}

// deterministic is a key that signs by RFC 6979, as crypto/ecdsa does if it is
// given no random numbers.
type deterministic struct{ *ecdsa.PrivateKey }

func (d deterministic) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.PrivateKey.Sign(nil, digest, opts)
}

// NewPublicKey returns a key that verifies and cannot sign, which is enough for
// a server that does not issue links. The public key is an *[rsa.PublicKey] of
// 2048 to 4096 bits or an *[ecdsa.PublicKey] on P-256. It is copied. The id has
// the form that [NewKey] requires.
func NewPublicKey(id string, public crypto.PublicKey) (Key, error) {
	if !validKeyID(id) {
		return Key{}, errKeyID
	}
	switch public := public.(type) {
	case *rsa.PublicKey:
		if public == nil || public.N == nil || public.N.BitLen() < minRSABits || public.N.BitLen() > maxRSABits {
			return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: an RSA key must have %d to %d bits; CloudFront takes 2048", id, minRSABits, maxRSABits)
		}
		// With the exponent 1 anyone can sign: the signature is the padded
		// digest itself.
		if public.E < 3 || public.E%2 == 0 || public.N.Bit(0) == 0 {
			return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: modulus and exponent of an RSA key are odd, and the exponent is at least 3", id)
		}
		own := &rsa.PublicKey{N: new(big.Int).Set(public.N), E: public.E}
		return Key{id: id, alg: "RSA", verify: func(h crypto.Hash, digest, signature []byte) bool {
			return rsa.VerifyPKCS1v15(own, h, digest, signature) == nil
		}}, nil
	case *ecdsa.PublicKey:
		if public == nil || public.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: an ECDSA key must be on P-256", id)
		}
		own, err := copyPoint(public)
		if err != nil {
			return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: the ECDSA key is not a point of P-256", id)
		}
		return Key{id: id, alg: "ECDSA P-256", verify: func(_ crypto.Hash, digest, signature []byte) bool {
			return ecdsa.VerifyASN1(own, digest, signature)
		}}, nil
	}
	return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: a key must be RSA or ECDSA, not %T", id, public)
}

// copyPoint copies a key on P-256, and refuses one that is no point of it.
func copyPoint(public *ecdsa.PublicKey) (*ecdsa.PublicKey, error) {
	//lint:ignore SA1019 Bytes panics without coordinates
	if public.X == nil || public.Y == nil {
		return nil, errors.New("there are no coordinates")
	}
	point, err := public.Bytes()
	if err != nil {
		return nil, err
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

// ParseKey parses a key in PEM, as openssl writes and CloudFront accepts it: a
// private key (RSA PRIVATE KEY, EC PRIVATE KEY or PRIVATE KEY), for which it
// returns the result of [NewKey], or a public one (PUBLIC KEY or RSA PUBLIC
// KEY), for which it returns that of [NewPublicKey]. The text holds one key; an
// EC PARAMETERS block before it is skipped. Encrypted keys are refused. Errors
// never quote the text.
func ParseKey(id string, text []byte) (Key, error) {
	if !validKeyID(id) {
		return Key{}, errKeyID
	}
	block, rest := pem.Decode(text)
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: the text holds no PEM block", id)
	}
	if another, _ := pem.Decode(rest); another != nil {
		return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: the text holds more than one key", id)
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	default:
		err = errors.ErrUnsupported
	}
	if err != nil {
		return Key{}, fmt.Errorf("signedurl: cloudfront: key %s: the PEM block is not an unencrypted RSA or ECDSA key", id)
	}
	if private, ok := key.(crypto.Signer); ok {
		return NewKey(id, private)
	}
	return NewPublicKey(id, key)
}

// errKeyID does not quote the id: a key that was given in place of its id must
// not end up in a log.
var errKeyID = errors.New("signedurl: cloudfront: a key-pair id is 1 to 64 of the characters A-Z a-z 0-9 . _ -")

func validKeyID(id string) bool {
	for i := 0; i < len(id); i++ {
		c := id[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= 64
}

// digest returns the hash of a policy.
func digest(h crypto.Hash, text []byte) []byte {
	if h == crypto.SHA1 {
		sum := sha1.Sum(text)
		return sum[:]
	}
	sum := sha256.Sum256(text)
	return sum[:]
}
