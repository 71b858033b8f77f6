package s3

import (
	"errors"

	"example.com/signedurl/middleware/internal/sigv4"
)

// Key is an access key: its id, its secret and, if it is temporary, its session
// token. Secret and token are held in closures, so that no verb of fmt, no
// logger and no encoder can print them. [New] refuses the zero Key. A Key is
// immutable and safe for concurrent use.
type Key struct{ key sigv4.Key }

// NewKey returns an access key. The id is 1 to 128 bytes of printable ASCII
// without space and slash. The secret is used as is and has at least 16 bytes
// (those of AWS have 40). Errors quote neither.
func NewKey(accessKeyID, secretAccessKey string) (Key, error) {
	k, err := sigv4.HMACKey(accessKeyID, secretAccessKey, "")
	return Key{k}, err
}

// NewTemporaryKey returns an access key as the Security Token Service issues
// it, with a session token, which is not empty. Links of the key carry the
// token in X-Amz-Security-Token, and only links with this token are accepted.
//
// At AWS such a link is invalid once its session has ended, even before its own
// expiry. Nothing here knows when a session ends: remove the key from the
// format then.
func NewTemporaryKey(accessKeyID, secretAccessKey, sessionToken string) (Key, error) {
	if sessionToken == "" {
		return Key{}, errors.New("signedurl: the session token is empty; NewKey makes keys without one")
	}
	k, err := sigv4.HMACKey(accessKeyID, secretAccessKey, sessionToken)
	return Key{k}, err
}

// ID returns the access key id.
func (k Key) ID() string { return k.key.ID }

// String returns the access key id, and nothing of the secret.
func (k Key) String() string {
	if k.key.Open == nil {
		return "no key"
	}
	return k.key.ID
}
