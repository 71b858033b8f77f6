package strict

import "errors"

// ErrInvalid is the sentinel that package middleware exports under this name.
// It is defined here so that every format makes its errors in one way.
var ErrInvalid = errors.New("signedurl: invalid link")

// Fault says what is wrong with a path, a query or a value. It is an error
// for a signer, which has no link yet; a verifier returns it as [Invalid].
// Faults are compared by address.
type Fault struct{ text string }

// NewFault returns a fault with a text for the operator. Faults are made once,
// at start-up, so that refusing a request allocates nothing.
func NewFault(text string) *Fault { return &Fault{text} }

// Error says what is wrong.
func (f *Fault) Error() string { return f.text }

// Invalid is a fault of a link that was sent. It wraps [ErrInvalid]. It is as
// large as a pointer, so that it becomes an error without an allocation.
type Invalid struct{ *Fault }

// Error says that the link is invalid, and why.
func (e Invalid) Error() string { return ErrInvalid.Error() + ": " + e.text }

// Unwrap returns ErrInvalid.
func (e Invalid) Unwrap() error { return ErrInvalid }

// NewInvalid returns the error for a fault that only a verifier finds.
func NewInvalid(text string) error { return Invalid{NewFault(text)} }
