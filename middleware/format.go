package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"example.com/signedurl/middleware/internal/strict"
)

// Format is a link format: it signs and it authenticates. [*Keyring] is this
// project's own; the packages below middleware hold those of other systems. A
// Format decides only whether a link is authentic. Whether an authentic link
// is honoured (time, method, host, address, revocation, uses) is decided by a
// [Verifier], in one place for every format.
//
// Implementations must be safe for concurrent use.
type Format interface {
	// Sign returns a copy of u that carries c and a signature over both. It
	// is pure: equal arguments give equal links, and nothing looks at the
	// clock. ECDSA is left out: most modules add random numbers to its
	// signatures. A claim that the format cannot carry is an error that wraps
	// [errors.ErrUnsupported]; it is never dropped in silence, see
	// [Claims.Unsupported].
	Sign(u *url.URL, c Claims) (*url.URL, error)

	// Authenticate returns nil only if the signature covers the path and
	// query that will be served, or a subtree that holds the path. The error
	// wraps ErrUnsigned only if none of the format's parameters is present,
	// and ErrInvalid otherwise; the link is zero then. It does not look at
	// the clock.
	Authenticate(r Request) (Link, error)
}

// CookieSigner is a [Format] whose subtree links can also travel as cookies.
type CookieSigner interface {
	// SignCookies returns the cookies that carry c, whose Under is mandatory,
	// with the given name. A format whose cookies have names of their own
	// refuses every name but "".
	SignCookies(name string, c Claims) ([]*http.Cookie, error)
}

// CookieAuthenticator is a [Format] that authenticates the cookies of
// [Options.Cookie]. A format whose cookies have names of their own looks for
// them in Authenticate instead, and is no CookieAuthenticator.
type CookieAuthenticator interface {
	// AuthenticateCookie is Authenticate for a request whose URL is not
	// signed: value is the value of a cookie with the name that
	// [Options.Cookie] gives.
	AuthenticateCookie(r Request, value string) (Link, error)
}

// Request is the part of an HTTP request that a [Format] can use to
// authenticate a link. A [Verifier] makes it from an [http.Request]. It is
// passed by value, so that it stays on the stack.
type Request struct {
	// Method is the request's method.
	Method string
	// Scheme is "https" if the connection is TLS, and "http" otherwise. Behind
	// a proxy that terminates TLS it is not what the client typed.
	Scheme string
	// Host is the host as the client sent it.
	Host string
	// Path is the escaped path that will be served, as it was sent, with a
	// prefix that outer handlers stripped put back. It begins with "/".
	Path string
	// RawQuery is the query as it was sent, without "?".
	RawQuery string
	// Header holds the request's header fields, which must not be changed.
	Header http.Header

	http      *http.Request
	binding   func(r *http.Request, name string) (string, error)
	trace     *Explanation
	steps     *readSteps    // those of the link that was looked at last
	confirm   *confirmation // nil unless a person is to be asked
	canonical bool          // Path passed strict.CanonicalPath
	checked   bool          // Path passed strict.CheckPath
}

// maxSteps is how many steps a link may have, maxStep how long one may be, in bytes
// and before it is escaped, and maxListed how many items a list in one may have.
const (
	maxSteps  = 4
	maxStep   = 1024
	maxListed = 64
)

// readSteps has what was read of the steps of a link.
type readSteps struct {
	narrowed string // what they were read from
	n        int
	claims   [maxSteps]Claims
	raw      [maxSteps]string // room for authenticateUsual
}

// confirmation is the part that a person has in a request: see [Options.Confirm]. A
// program that only looks, such as a mail scanner, sends GET or HEAD. The button sends
// POST, which stands for the GET.
type confirmation struct {
	ask   bool   // if it is a GET or HEAD that the button could stand for
	read  bool   // whether the body was looked at
	body  []byte // what was read of it
	given bool
	stood bool // for the GET, with the link that was looked at last
}

var (
	errNoBinding    = invalid("the link is bound, and the verifier knows no value of that name")
	errEmptyBinding = invalid("the value that the link is bound to is empty")
)

// BindingValue returns the value that [Options.Binding] finds for name, with
// which a link bound to name must have been signed. The error wraps ErrInvalid: an
// unknown name, a failed look-up and an empty value all refuse, since each of
// them would otherwise be a value that a stranger has too.
func (r Request) BindingValue(name string) (string, error) {
	if r.binding == nil {
		return "", errNoBinding
	}
	value, err := r.binding(r.http, name)
	if err != nil {
		return "", &detailed{ErrInvalid, "the value that the link is bound to was not found: " + err.Error()}
	}
	if value == "" {
		return "", errEmptyBinding
	}
	return value, nil
}

// Tracing reports whether the request is being explained to the operator, see
// [Verifier.Explain]. Formats ask it before they build a text for Trace.
func (r Request) Tracing() bool { return r.trace != nil }

// traceSigned is the name of a check under which Trace takes the signed text.
const traceSigned = "signed"

// Trace records, for [Verifier.Explain], that a check of the given name was
// passed. It does nothing otherwise. A check that fails is not recorded: the
// error that Authenticate returns says it. Under the name "signed" it records
// the text over which the signature was or would be made. It must never be
// given a signature, a secret or the value of a binding.
func (r Request) Trace(check, detail string) {
	switch {
	case r.trace == nil:
	case check == traceSigned:
		r.trace.Signed = detail
	default:
		r.trace.Checks = append(r.trace.Checks, Check{check, detail, true})
	}
}

// FormatVar holds a [Format] that can be replaced while requests are served,
// for rotating keys without a restart, as [log/slog.LevelVar] does for a
// level. The zero value signs nothing and refuses every request. It is safe for
// concurrent use; it must not be copied.
type FormatVar struct {
	f atomic.Pointer[Format]
}

// NewFormatVar returns a FormatVar that holds f. It panics if f is nil.
func NewFormatVar(f Format) *FormatVar {
	v := new(FormatVar)
	v.Set(f)
	return v
}

// Set replaces the format for all later requests and links. It panics if f is
// nil.
func (v *FormatVar) Set(f Format) {
	if f == nil {
		panic("signedurl: FormatVar.Set with a nil Format")
	}
	v.f.Store(&f)
}

var (
	errNoFormat = strict.NewFault("no link format is set")
	// errNoCookies is for signers, and cookieFault for requests.
	errNoCookies = fmt.Errorf("signedurl: links of this format cannot travel as cookies: %w", errors.ErrUnsupported)
	cookieFault  = invalid("links of this format cannot travel as cookies")
)

func (v *FormatVar) load() Format {
	if f := v.f.Load(); f != nil {
		return *f
	}
	return nil
}

// Sign signs with the format that v holds now.
func (v *FormatVar) Sign(u *url.URL, c Claims) (*url.URL, error) {
	if f := v.load(); f != nil {
		return f.Sign(u, c)
	}
	return nil, fmt.Errorf("signedurl: cannot sign: %w", errNoFormat)
}

// Authenticate authenticates with the format that v holds now.
func (v *FormatVar) Authenticate(r Request) (Link, error) {
	if f := v.load(); f != nil {
		return f.Authenticate(r)
	}
	return Link{}, strict.Invalid{Fault: errNoFormat}
}

// SignCookies signs with the format that v holds now. If that is no
// [CookieSigner], the error wraps [errors.ErrUnsupported].
func (v *FormatVar) SignCookies(name string, c Claims) ([]*http.Cookie, error) {
	switch f := v.load().(type) {
	case nil:
		return nil, fmt.Errorf("signedurl: cannot sign: %w", errNoFormat)
	case CookieSigner:
		return f.SignCookies(name, c)
	}
	return nil, errNoCookies
}

// AuthenticateCookie authenticates with the format that v holds now. It refuses
// every cookie if that is no [CookieAuthenticator].
func (v *FormatVar) AuthenticateCookie(r Request, value string) (Link, error) {
	switch f := v.load().(type) {
	case nil:
		return Link{}, strict.Invalid{Fault: errNoFormat}
	case CookieAuthenticator:
		return f.AuthenticateCookie(r, value)
	}
	return Link{}, cookieFault
}

// takesCookies reports whether the format that v holds now authenticates
// cookies. An empty FormatVar may be given one that does.
func (v *FormatVar) takesCookies() bool {
	f := v.load()
	_, ok := f.(CookieAuthenticator)
	return ok || f == nil
}
