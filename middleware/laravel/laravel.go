package laravel

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// Options configures a [Format]. The zero value, or a nil pointer, selects the
// defaults.
type Options struct {
	// PreviousKeys are keys that still verify and no longer sign, as
	// app.previous_keys in Laravel 11 and later. Verifying a link costs a MAC
	// for each key that is tried, in this order.
	PreviousKeys []string
	// Ignore names query parameters that are not signed, as in Laravel's
	// middleware "signed:utm_source,fbclid": anyone may add, change and remove
	// them. A name is compared byte for byte with the name as it was sent.
	Ignore []string
	// AnyHost accepts absolute links regardless of the host that the request
	// names. By default the host must be the origin's, as it must for Laravel.
	// Set AnyHost if a proxy sends this server another host than Laravel saw,
	// and only if this server does not choose by the host what it serves.
	AnyHost bool
	// InsecureShortKeys accepts keys of fewer than 16 bytes. Anyone who has one
	// link can search for such a key offline, and then sign any link.
	InsecureShortKeys bool
}

// Format is the link format of Laravel's URL::signedRoute and
// URL::temporarySignedRoute. It implements [middleware.Format]. The zero
// Format refuses everything. A Format is immutable and safe for concurrent
// use.
type Format struct {
	origin  string // "" for relative links
	host    string // of the origin; "" if any host will do
	ignore  []string
	macs    []func(dst, message []byte) []byte // the first signs
	keyIDs  []string
	scratch sync.Pool
}

// scratch is the memory for one signature. It is reused, so that verifying a
// link allocates nothing.
type scratch struct {
	message []byte
	sum     [sha256.Size]byte
	want    [signatureSize]byte
	given   [signatureSize]byte
}

const signatureSize = 2 * sha256.Size // in hexadecimal digits

// New returns the format of absolute links, Laravel's default. The origin is
// scheme://host[:port] as Laravel saw it when it made the links: usually
// APP_URL, and behind proxies the result of TrustProxies. The appKey is APP_KEY
// exactly as configured, "base64:" included: Laravel does not decode it for
// signatures. The options are copied. It is an error if the origin has another
// form, if a key is empty, all zero or shorter than 16 bytes, or if a name to
// ignore is one that the format needs. Errors quote neither keys nor origin.
func New(origin, appKey string, opts *Options) (*Format, error) {
	f, err := newFormat(appKey, opts)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(origin)
	if err == nil && u.Opaque == "" && u.User == nil && strings.TrimSuffix(u.Path, "/") == "" && !strings.ContainsAny(origin, "?#") {
		f.origin, f.host = canonicalOrigin(u)
	}
	if f.origin == "" {
		return nil, errors.New("signedurl: laravel: the origin must be https://host or https://host:port, or the same with http, in ASCII, and no more")
	}
	if opts != nil && opts.AnyHost {
		f.host = ""
	}
	return f, nil
}

// NewRelative returns the format of relative links, which Laravel makes with
// absolute: false and verifies with the middleware "signed:relative". The
// signature does not cover the host. The appKey, options and errors are those
// of [New].
func NewRelative(appKey string, opts *Options) (*Format, error) {
	if opts != nil && opts.AnyHost {
		return nil, errors.New("signedurl: laravel: relative links are good for any host; leave AnyHost unset")
	}
	return newFormat(appKey, opts)
}

func newFormat(appKey string, opts *Options) (*Format, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	f := &Format{ignore: slices.Clone(o.Ignore)}
	f.scratch.New = func() any { return new(scratch) }
	for i, key := range append([]string{appKey}, o.PreviousKeys...) {
		if err := checkKey(key, o.InsecureShortKeys); err != nil {
			return nil, err
		}
		f.macs = append(f.macs, strict.HMAC(sha256.New, []byte(key)))
		f.keyIDs = append(f.keyIDs, strconv.Itoa(i))
	}
	for _, name := range f.ignore {
		if p, rest, fault := strict.CutParam(name); fault != nil || p.Name != name || rest != "" || reserved(name) {
			return nil, fmt.Errorf("signedurl: laravel: %q cannot be ignored; name a parameter as it is spelled in a URL, and not expires or signature", name)
		}
	}
	return f, nil
}

// checkKey refuses keys that no Laravel application should run with. 16 bytes
// is the length of the shortest key that Laravel's own encrypter accepts.
func checkKey(key string, short bool) error {
	secret, encoded := strings.CutPrefix(key, "base64:")
	switch {
	case secret == "":
		return errors.New("signedurl: laravel: a key is empty; anyone could sign with it. Generate one with php artisan key:generate")
	case strings.Trim(secret, "\x00") == "", encoded && strings.Trim(secret, "A=") == "":
		return errors.New("signedurl: laravel: a key is all zero; generate one with php artisan key:generate")
	case len(secret) < 16 && !short:
		return errors.New("signedurl: laravel: a key is shorter than 16 bytes; generate one with php artisan key:generate, or set InsecureShortKeys")
	}
	return nil
}

// canonicalOrigin returns scheme and host in Laravel's spelling: in lower case,
// and without the scheme's default port. It returns "" if u has no origin.
func canonicalOrigin(u *url.URL) (origin, host string) {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", ""
	}
	if u.Hostname() == "" || strings.HasSuffix(host, ":") {
		return "", ""
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._:[]", c) >= 0) {
			return "", ""
		}
	}
	return scheme + "://" + host, host
}

// The faults of a path and a query, which a signer has too.
var (
	faultTwice        = strict.NewFault("expires or signature is there twice")
	faultDisguised    = strict.NewFault("a parameter is one that PHP would read as expires or signature, though it is spelled otherwise")
	faultQuestionMark = strict.NewFault("the signed query ends in a question mark, which Laravel would strip")
	faultSlash        = strict.NewFault("the path ends in a slash, which Laravel would strip")
	faultRoot         = strict.NewFault("Laravel cannot verify a relative link to the root")
)

var (
	errZero         = strict.NewInvalid("the Laravel format was not made by New or NewRelative")
	errExpires      = strict.NewInvalid("expires is not a canonical number of seconds")
	errNoSignature  = strict.NewInvalid("there is an expires and no signature")
	errBadSignature = strict.NewInvalid("the signature does not match what was requested")
)

// Authenticate checks the signature of a request, see [middleware.Format]. The
// link has Expires, or Permanent if there is no expires parameter; Host, for
// absolute links; and KeyID, which is "0" for the key that signs, and "1", "2"
// and so on for the previous keys in their order.
func (f *Format) Authenticate(r middleware.Request) (middleware.Link, error) {
	if f == nil || f.macs == nil {
		return middleware.Link{}, errZero
	}
	if fault := strict.CheckTarget(r.Path, r.RawQuery); fault != nil {
		return middleware.Link{}, strict.Invalid{Fault: fault}
	}
	s := f.scratch.Get().(*scratch)
	defer f.scratch.Put(s)
	q, fault := f.read(s, r.Path, r.RawQuery)
	if fault != nil {
		return middleware.Link{}, strict.Invalid{Fault: fault}
	}
	if !q.hasSignature {
		if q.hasExpires {
			return middleware.Link{}, errNoSignature
		}
		return middleware.Link{}, middleware.ErrUnsigned
	}
	l := middleware.Link{Claims: middleware.Claims{Permanent: !q.hasExpires, Host: f.host}}
	if q.hasExpires {
		// Zero is false to PHP, and such a link would never expire there.
		// Claims.Expires is the second after the last one that is good.
		n, ok := strict.Int(q.expires, strict.MaxTime-1)
		if !ok || n == 0 {
			return middleware.Link{}, errExpires
		}
		l.Expires = time.Unix(n+1, 0)
	}
	if r.Tracing() {
		r.Trace("shape", "path and query are unambiguous")
		r.Trace("signed", string(s.message))
	}
	if len(q.signature) != signatureSize {
		return middleware.Link{}, errBadSignature
	}
	// The hexadecimal text of the MAC is compared, so that upper-case digits
	// are refused, as by Laravel: a signature has one spelling.
	copy(s.given[:], q.signature)
	for i := range f.macs {
		f.sign(s, i)
		if subtle.ConstantTimeCompare(s.want[:], s.given[:]) == 1 {
			l.KeyID = f.keyIDs[i]
			r.Trace("key", l.KeyID)
			r.Trace("signature", "hmac-sha256")
			return l, nil
		}
	}
	return middleware.Link{}, errBadSignature
}

// sign writes the signature of s.message under a key to s.want.
func (f *Format) sign(s *scratch, key int) {
	hex.Encode(s.want[:], f.macs[key](s.sum[:0], s.message))
}

// parameters holds the two parameters of a query that are Laravel's.
type parameters struct {
	signature, expires       string
	hasSignature, hasExpires bool
}

// read judges path and query and writes the signed text to s.message: origin,
// path and query as sent, without the signature and the ignored parameters. The
// order stays, since Laravel neither sorts nor decodes what it verifies. Signer
// and verifier both call read, so that they refuse the same.
func (f *Format) read(s *scratch, path, query string) (q parameters, fault *strict.Fault) {
	if !strict.PlainSpelling(path, path) {
		if fault := strict.CheckPath(path); fault != nil {
			return parameters{}, fault
		}
	}
	m := append(s.message[:0], f.origin...)
	switch {
	case path != "/":
		// Laravel strips slashes before it hashes, so that its links to /a
		// open /a/ too. To a file server these are two paths.
		if path[len(path)-1] == '/' {
			return parameters{}, faultSlash
		}
		m = append(m, path...)
	case f.origin == "":
		return parameters{}, faultRoot
	}
	start := len(m)
	for query != "" {
		p, rest, fault := strict.CutParam(query)
		if fault != nil {
			return parameters{}, fault
		}
		query = rest
		switch {
		case p.Name == "signature":
			if q.hasSignature {
				return parameters{}, faultTwice
			}
			q.signature, q.hasSignature = p.Value, true
			continue
		case p.Name == "expires":
			if q.hasExpires {
				return parameters{}, faultTwice
			}
			q.expires, q.hasExpires = p.Value, true
		case len(f.ignore) > 0 && slices.Contains(f.ignore, p.Name):
			continue
		case reserved(p.Name):
			return parameters{}, faultDisguised
		}
		if len(m) == start {
			m = append(m, '?')
		} else {
			m = append(m, '&')
		}
		m = append(m, p.Text...)
	}
	// Laravel strips question marks at the end, so that it accepts a=1? for
	// the signed a=1.
	if len(m) > start && m[len(m)-1] == '?' {
		return parameters{}, faultQuestionMark
	}
	s.message = m
	return q, nil
}

// reserved reports whether PHP reads a raw parameter name as expires or
// signature. PHP decodes a name, skips leading spaces and ends it at a zero
// byte. At a bracket it makes an array, which compares as later than every
// time.
func reserved(raw string) bool {
	for {
		if rest, ok := strings.CutPrefix(raw, "+"); ok {
			raw = rest
		} else if rest, ok := strings.CutPrefix(raw, "%20"); ok {
			raw = rest
		} else {
			break
		}
	}
	if raw == "" || strings.IndexByte("es%", raw[0]) < 0 {
		return false
	}
	var room [32]byte
	if max := 3 * len("signature["); len(raw) > max {
		raw = raw[:max] // enough, since an escape has three bytes
	}
	name, _ := strict.AppendUnescaped(room[:0], raw, true)
	for i, c := range name {
		if c == '[' || c == 0 {
			name = name[:i]
			break
		}
	}
	return string(name) == "expires" || string(name) == "signature"
}
