package gcs

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"

	"example.com/signedurl/middleware/internal/signer"
	"example.com/signedurl/middleware/internal/sigv4"
)

// Key is an HMAC key, the key of a service account, or the public half of one.
// A secret is held in a closure, so that no verb of fmt, no logger and no
// encoder can print it. [New] refuses the zero Key. A Key is immutable, and safe
// for concurrent use if its [crypto.Signer] is.
type Key struct{ key sigv4.Key }

// NewHMACKey returns an HMAC key (GOOG4-HMAC-SHA256). The access id is 1 to 128
// bytes of printable ASCII without space and slash. The secret is used as is and
// has at least 16 bytes (those of Google have 40). Errors quote neither.
func NewHMACKey(accessID, secret string) (Key, error) {
	k, err := sigv4.HMACKey(accessID, secret, "")
	return Key{k}, err
}

// NewServiceAccountKey returns the key of a service account
// (GOOG4-RSA-SHA256), named by the account's email address. The private key is
// an *[rsa.PrivateKey], which must not be changed afterwards, or any other
// [crypto.Signer] with an *[rsa.PublicKey], such as one in a hardware module.
// The public key has 2048 to 4096 bits. It is asked for once and copied.
//
// NewServiceAccountKey signs nothing. Each signature is verified before it
// leaves: if the signer fails, panics or returns another signature, Sign
// returns an error, which wraps that of the signer. A call waits for its signer,
// and no other call does.
func NewServiceAccountKey(email string, private crypto.Signer) (Key, error) {
	named, err := signer.Public(private)
	if err != nil {
		return Key{}, fmt.Errorf("signedurl: the private key of the service account: %w", err)
	}
	public, ok := named.(*rsa.PublicKey)
	if !ok {
		return Key{}, fmt.Errorf("signedurl: the key of a service account is an RSA key, and the public half of this one is %T", named)
	}
	if local, ok := private.(*rsa.PrivateKey); ok && local.Validate() != nil {
		return Key{}, errors.New("signedurl: the private key is not a valid RSA key")
	}
	return rsaKey(email, public, private)
}

// NewServiceAccountPublicKey returns a key that verifies the links of a service
// account and cannot sign: a compromised server that holds only such keys cannot
// issue links. Google publishes the public keys of every account. The key has
// 2048 to 4096 bits. It is copied.
func NewServiceAccountPublicKey(email string, public *rsa.PublicKey) (Key, error) {
	return rsaKey(email, public, nil)
}

// The sizes of RSA keys. A smaller key can be factored, and with a larger one a
// forged link costs milliseconds.
const minBits, maxBits = 2048, 4096

// rsaKey returns a key that signs with private, unless that is nil.
func rsaKey(email string, public *rsa.PublicKey, private crypto.Signer) (Key, error) {
	if err := sigv4.CheckID(email); err != nil {
		return Key{}, err
	}
	if public == nil || public.N == nil || public.N.BitLen() < minBits || public.N.BitLen() > maxBits {
		return Key{}, fmt.Errorf("signedurl: an RSA key must have %d to %d bits", minBits, maxBits)
	}
	// With the exponent 1 anyone can sign: the signature is the padded digest
	// itself.
	if public.E < 3 || public.E%2 == 0 || public.N.Bit(0) == 0 {
		return Key{}, errors.New("signedurl: modulus and exponent of an RSA key are odd, and the exponent is at least 3")
	}
	own := &rsa.PublicKey{N: new(big.Int).Set(public.N), E: public.E}
	var sign func(day string, msg []byte) (string, error)
	if private != nil {
		sign = func(_ string, msg []byte) (string, error) {
			sum := sha256.Sum256(msg)
			// PKCS #1 v1.5 has no random numbers in its signatures, so that
			// equal claims give equal links.
			sig, err := signer.Sign(private, crypto.SHA256, sum[:], func(sig []byte) bool {
				return rsa.VerifyPKCS1v15(own, crypto.SHA256, sum[:], sig) == nil
			})
			return hex.EncodeToString(sig), err
		}
	}
	return Key{sigv4.Key{
		ID:     email,
		Suffix: "-RSA-SHA256",
		Open: func(*sigv4.Dialect) sigv4.Signer {
			return sigv4.Signer{
				Sign: sign,
				Verify: func(_ string, msg []byte, signature string) bool {
					var room [maxBits / 8]byte
					sig := room[:own.Size()]
					if !sigv4.DecodeHex(sig, signature) {
						return false
					}
					sum := sha256.Sum256(msg)
					return rsa.VerifyPKCS1v15(own, crypto.SHA256, sum[:], sig) == nil
				},
			}
		},
	}}, nil
}

// ParseServiceAccountKey parses the JSON key file of a service account, as the
// console and gcloud write it. Errors never quote the file.
func ParseServiceAccountKey(file []byte) (Key, error) {
	var fields struct {
		Email   string `json:"client_email"`
		Private string `json:"private_key"`
	}
	// The text of a JSON error can quote the file.
	if err := json.Unmarshal(file, &fields); err != nil || fields.Private == "" {
		return Key{}, errors.New("signedurl: this is not the JSON key file of a service account, with client_email and private_key")
	}
	block, _ := pem.Decode([]byte(fields.Private))
	if block == nil {
		return Key{}, errors.New("signedurl: the private_key of the service account is not in PEM form")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return Key{}, errors.New("signedurl: the private_key of the service account is not an RSA key in PKCS #8 form")
	}
	return NewServiceAccountKey(fields.Email, private)
}

// ID returns the access id or the email address.
func (k Key) ID() string { return k.key.ID }

// String returns the id and the algorithm, and nothing of the secret.
func (k Key) String() string {
	if k.key.Open == nil {
		return "no key"
	}
	return k.key.ID + " (GOOG4" + k.key.Suffix + ")"
}
