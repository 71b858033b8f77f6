// Package signer asks a [crypto.Signer], the private half of a key that the
// process need not hold: it may be in an agent, a hardware module or a cloud.
// What such a signer does is not trusted. It may be nil, panic, fail, or sign
// something else.
package signer

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
)

// Public returns the public key that s names. It is an error if s is nil, holds
// a nil value, or panics. Whether the key is usable is for the caller to judge.
func Public(s crypto.Signer) (public crypto.PublicKey, err error) {
	if s == nil {
		return nil, errors.New("there is no signer")
	}
	// A nil pointer of some type is a signer by its type alone.
	switch v := reflect.ValueOf(s); v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Func, reflect.Chan:
		if v.IsNil() {
			return nil, fmt.Errorf("the signer is a nil %T", s)
		}
	}
	defer recovered(&err)
	return s.Public(), nil
}

// Sign has s sign data, which is the whole message if hash is 0 and its digest
// otherwise, and returns the signature once verify has accepted it. A fault in
// a module's computation can give a signature that gives the key away, and the
// signer may hold another key by now than the one that it named.
//
// Signer and caller share no bytes, so that neither a signer that writes into
// its argument nor one that keeps it or its result can change what was
// verified. Sign takes as long as the signer, and holds no lock.
func Sign(s crypto.Signer, hash crypto.Hash, data []byte, verify func(signature []byte) bool) ([]byte, error) {
	signature, err := ask(s, hash, bytes.Clone(data))
	if err != nil {
		return nil, err
	}
	signature = bytes.Clone(signature)
	if !verify(signature) {
		return nil, errors.New("the signature of the signer does not verify with its public key")
	}
	return signature, nil
}

func ask(s crypto.Signer, hash crypto.Hash, data []byte) (signature []byte, err error) {
	defer recovered(&err)
	// Some signers need random numbers, and the others ignore them.
	signature, err = s.Sign(rand.Reader, data, hash)
	if err != nil {
		return nil, fmt.Errorf("the signer failed: %w", err)
	}
	return signature, nil
}

// recovered turns a panic of the signer into an error. It says only the type of
// the value, which may hold anything that the signer has.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("the signer panicked with a value of type %T", v)
	}
}
