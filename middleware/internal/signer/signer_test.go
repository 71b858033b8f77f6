package signer_test

import (
	"crypto"
	"io"
	"testing"

	"example.com/signedurl/middleware/internal/signer"
)

// keeper returns its own bytes, and so can change them afterwards.
type keeper struct{ signature []byte }

func (keeper) Public() crypto.PublicKey { return nil }
func (k keeper) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return k.signature, nil
}

func TestWhatWasVerifiedIsReturned(t *testing.T) {
	s := keeper{[]byte("good")}
	signature, err := signer.Sign(s, 0, nil, func(signature []byte) bool {
		ok := string(signature) == "good"
		copy(s.signature, "evil")
		return ok
	})
	if err != nil || string(signature) != "good" {
		t.Errorf("Sign: %q, %v", signature, err)
	}
}
