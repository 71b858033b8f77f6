package django

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // for what older Django applications signed
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// Options configures a [Format]. The zero value, or a nil pointer, selects the
// defaults: TimestampSigner().sign(path) in a parameter named token. The fields
// describe how the Django application signs.
type Options struct {
	// FallbackKeys are keys that still verify and no longer sign, as
	// SECRET_KEY_FALLBACKS. Verifying a token costs a MAC for each key that is
	// tried, in this order.
	FallbackKeys []string
	// Salt is the signer's salt. The default is Django's own: that of Signer or
	// TimestampSigner or, for timed objects, that of django.core.signing.dumps
	// (which is not that of TimestampSigner().sign_object). Choose a salt for
	// each purpose: tokens of one salt can stand for each other.
	Salt string
	// Separator is the signer's sep. The default is ":".
	Separator string
	// Hash is the signer's algorithm: crypto.SHA256, which is the default,
	// crypto.SHA1 or crypto.SHA512.
	Hash crypto.Hash

	// Untimed selects tokens of Signer, which hold no time and never expire.
	// The default is those of TimestampSigner.
	Untimed bool
	// MaxAge is the time for which a token of TimestampSigner is good, as
	// max_age in Django. A fraction of a second is dropped. Without MaxAge,
	// tokens never expire, and are accepted only if the verifier allows
	// permanent links.
	MaxAge time.Duration

	// Object selects signed objects, of dumps or sign_object, compressed or
	// not. The path is then the member of the object that Member names or,
	// without a Member, the object itself.
	Object bool
	Member string

	// Escaped says that the application signs the path with percent-escapes,
	// as reverse and FieldFile.url return it. By default it signs the path
	// itself, as in request.path.
	Escaped bool
	// Subtree lets a signed path that ends in "/" open everything below it, as
	// well as itself.
	Subtree bool

	// Parameter is the name of the query parameter that holds the token. The
	// default is "token". Another one must be redacted in logs with
	// [middleware.SecretParams].
	Parameter string
	// Ignore names the only other query parameters that a request may have.
	// No token covers them: anyone can set them.
	Ignore []string

	// InsecureShortKeys accepts keys of fewer than 32 bytes. Anyone who has one
	// token can search for such a key offline, and then sign any link.
	InsecureShortKeys bool
}

// Format is the format of links with a token of django.core.signing. It
// implements [middleware.Format]. The zero Format refuses everything. A Format
// is immutable and safe for concurrent use.
type Format struct {
	separator        []byte
	timed            bool
	maxAge           int64 // in seconds; -1 if tokens do not expire
	object           bool
	member           string
	escaped, subtree bool
	parameter        string
	ignore           []string

	macs          []func(dst, message []byte) []byte // the first signs
	keyIDs        []string
	signatureSize int // in characters
	scratch       sync.Pool
}

// New returns the format of an application whose SECRET_KEY is key and that
// signs as the options say. The options are copied. It is an error if a key is
// empty, all zero or shorter than 32 bytes, if Django refuses the separator, or
// if options contradict each other. Errors quote no key.
func New(key string, opts *Options) (*Format, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	f := &Format{
		timed: !o.Untimed, maxAge: -1,
		object: o.Object, member: o.Member, escaped: o.Escaped, subtree: o.Subtree,
		parameter: o.Parameter, ignore: slices.Clone(o.Ignore),
	}
	if o.Separator == "" {
		o.Separator = ":"
	}
	f.separator = []byte(o.Separator)
	if f.parameter == "" {
		f.parameter = "token"
	}
	if o.MaxAge > 0 {
		f.maxAge = int64(o.MaxAge / time.Second)
	}
	salt := o.Salt
	if salt == "" {
		switch {
		case o.Untimed:
			salt = "django.core.signing.Signer"
		case o.Object:
			salt = "django.core.signing"
		default:
			salt = "django.core.signing.TimestampSigner"
		}
	}
	switch o.Hash {
	case 0:
		o.Hash = crypto.SHA256
	case crypto.SHA1, crypto.SHA256, crypto.SHA512:
	default:
		return nil, fmt.Errorf("signedurl: django: Hash is %v; it must be crypto.SHA256, crypto.SHA1 or crypto.SHA512", o.Hash)
	}
	switch {
	case unsafeSeparator(o.Separator):
		return nil, fmt.Errorf("signedurl: django: the separator %q may be part of a token; Django refuses it too", o.Separator)
	case o.MaxAge < 0:
		return nil, errors.New("signedurl: django: MaxAge is negative")
	case o.Untimed && o.MaxAge > 0:
		return nil, errors.New("signedurl: django: MaxAge needs tokens that hold a time; unset Untimed")
	case o.Member != "" && !o.Object:
		return nil, errors.New("signedurl: django: Member needs Object")
	case !utf8.ValidString(o.Member) || strings.ContainsFunc(o.Member, unicode.IsControl):
		return nil, fmt.Errorf("signedurl: django: the member %q must be UTF-8 without control characters", o.Member)
	case !plainName(f.parameter):
		return nil, fmt.Errorf("signedurl: django: the parameter %q must be of the characters A-Z a-z 0-9 - _ . ~", f.parameter)
	}
	for _, name := range f.ignore {
		if !plainName(name) || name == f.parameter {
			return nil, fmt.Errorf("signedurl: django: %q cannot be ignored; name a parameter of the characters A-Z a-z 0-9 - _ . ~ that is not the token's", name)
		}
	}
	for i, k := range append([]string{key}, o.FallbackKeys...) {
		switch {
		case k == "":
			return nil, errors.New("signedurl: django: a key is empty; anyone could sign with it")
		case strings.Trim(k, "\x00") == "":
			return nil, errors.New("signedurl: django: a key is all zero; make one with get_random_secret_key")
		case len(k) < 32 && !o.InsecureShortKeys:
			return nil, errors.New("signedurl: django: a key is shorter than 32 bytes; make one with get_random_secret_key, or set InsecureShortKeys")
		}
		f.macs = append(f.macs, derivedMAC(o.Hash, salt, k))
		f.keyIDs = append(f.keyIDs, strconv.Itoa(i))
	}
	f.signatureSize = signatureText(o.Hash)
	f.scratch.New = func() any { return new(scratch) }
	return f, nil
}

// unsafeSeparator is Django's own rule, its slip included: the range from "A"
// to "z" holds the brackets, the backslash, the caret and the backtick.
func unsafeSeparator(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('A' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '=') {
			return false
		}
	}
	return true
}

// plainName reports whether a parameter's name has only one spelling.
func plainName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !strict.Unreserved(s[i]) {
			return false
		}
	}
	return s != ""
}

// faultSlash is the fault of a path besides those that package strict knows.
var faultSlash = strict.NewFault("the path holds an encoded slash, which the signed text cannot tell from a raw one")

var (
	errZero         = strict.NewInvalid("the Django format was not made by New")
	errTwice        = strict.NewInvalid("the token is there twice")
	errDisguised    = strict.NewInvalid("the token's name is spelled with escapes")
	errUncovered    = strict.NewInvalid("there is a parameter besides the token, which the token does not cover")
	errShape        = strict.NewInvalid("the token has too few parts")
	errBadSignature = strict.NewInvalid("the token's signature does not match")
	errTimestamp    = strict.NewInvalid("the token's time is not a canonical number of seconds")
	errObject       = strict.NewInvalid("the token does not hold an object with a path")
	errEscapes      = strict.NewInvalid("the token does not hold an escaped path")
	errOtherPath    = strict.NewInvalid("the token is good for another path")
)

var slash = []byte("/")

// Authenticate checks the token of a request, see [middleware.Format]. The link
// has NotBefore, the time at which the token was made; Expires, the first
// second at which the token is older than MaxAge, or Permanent; Under, if the
// token is for a subtree; and KeyID, which is "0" for the key that signs, and
// "1", "2" and so on for the fallback keys in their order.
func (f *Format) Authenticate(r middleware.Request) (middleware.Link, error) {
	if f == nil || f.macs == nil {
		return middleware.Link{}, errZero
	}
	if fault := strict.CheckTarget(r.Path, r.RawQuery); fault != nil {
		return middleware.Link{}, strict.Invalid{Fault: fault}
	}
	escaped, err := f.findToken(r.RawQuery)
	if err != nil {
		return middleware.Link{}, err
	}
	unescaped := strict.PlainSpelling(r.Path, r.Path)
	if !unescaped {
		if fault := checkPath(r.Path); fault != nil {
			return middleware.Link{}, strict.Invalid{Fault: fault}
		}
	}
	s := f.scratch.Get().(*scratch)
	defer f.scratch.Put(s)
	s.token, _ = strict.AppendUnescaped(s.token[:0], escaped, true)
	if r.Tracing() {
		r.Trace("shape", "path and query are unambiguous")
		if body, _, ok := f.cut(s.token); ok {
			r.Trace("signed", string(body))
		}
	}
	value, made, key, err := f.unsign(s)
	if err != nil {
		return middleware.Link{}, err
	}
	r.Trace("key", f.keyIDs[key])
	r.Trace("signature", "the token is authentic")
	l := middleware.Link{Claims: middleware.Claims{Permanent: f.maxAge < 0}, KeyID: f.keyIDs[key]}
	// A canonical path without escapes is its own decoded form, and so is a
	// value that it begins with: there is nothing to allocate.
	begins := unescaped && !f.object && len(value) <= len(r.Path) && r.Path[:len(value)] == string(value)
	subtree := f.subtree && bytes.HasSuffix(value, slash)
	switch {
	case begins && !subtree && len(value) == len(r.Path):
	case begins && subtree:
		l.Under = r.Path[:len(value)]
	default:
		if l.Under, err = f.opens(string(value), r.Path); err != nil {
			return middleware.Link{}, err
		}
	}
	r.Trace("path", "the token is for it")
	if f.timed {
		l.NotBefore = time.Unix(made, 0)
	}
	if !l.Permanent {
		// A token whose age is MaxAge is still good.
		expires := made + f.maxAge + 1
		if expires > strict.MaxTime {
			return middleware.Link{}, errTimestamp
		}
		l.Expires = time.Unix(expires, 0)
	}
	return l, nil
}

// findToken returns the token, still escaped. It refuses every other parameter
// that the options do not name: the token does not cover it, and the next
// handler would read it.
func (f *Format) findToken(query string) (token string, err error) {
	found, uncovered := false, false
	for query != "" {
		p, rest, fault := strict.CutParam(query)
		if fault != nil {
			return "", strict.Invalid{Fault: fault}
		}
		query = rest
		switch {
		case p.Name == f.parameter:
			if found {
				return "", errTwice
			}
			found = true
			token = p.Value
		case slices.Contains(f.ignore, p.Name):
		case strict.UnescapesTo(p.Name, f.parameter, true):
			return "", errDisguised
		default:
			uncovered = true
		}
	}
	switch {
	case !found:
		return "", middleware.ErrUnsigned
	case uncovered:
		return "", errUncovered
	}
	return token, nil
}

// checkPath judges an escaped path. Its decoded form is compared with a signed
// string, which cannot tell an encoded slash from a raw one, as ServeMux does.
func checkPath(path string) *strict.Fault {
	if fault := strict.CheckPath(path); fault != nil {
		return fault
	}
	if hasEncodedSlash(path) {
		return faultSlash
	}
	return nil
}

func hasEncodedSlash(path string) bool {
	return strings.Contains(path, "%2F") || strings.Contains(path, "%2f")
}

// opens reports whether a signed value is good for a request's path: under is
// the subtree that the path is in, or "" if the value is the path itself.
func (f *Format) opens(value, requested string) (under string, err error) {
	path, err := f.signedPath(value)
	if err != nil {
		return "", err
	}
	if !f.subtree || !strings.HasSuffix(path, "/") {
		if !strict.UnescapesTo(requested, path, false) {
			return "", errOtherPath
		}
		return "", nil
	}
	requested, _ = strict.Unescape(requested, false)
	if !strings.HasPrefix(requested, path) {
		return "", errOtherPath
	}
	return escapePath(path, ""), nil
}

// signedPath returns the path that a signed value stands for, decoded. The
// result need not be a path: it is only ever compared with that of a request.
func (f *Format) signedPath(value string) (string, error) {
	if f.object {
		var ok bool
		if value, ok = decodeObject(value, f.member); !ok {
			return "", errObject
		}
	}
	if !f.escaped {
		return value, nil
	}
	path, ok := strict.Unescape(value, false)
	if !ok || strings.ContainsAny(value, "?#") || hasEncodedSlash(value) {
		return "", errEscapes
	}
	return path, nil
}

// escapePath escapes a decoded path, except slashes and the bytes of kept.
func escapePath(path, kept string) string {
	b := make([]byte, 0, len(path)+16)
	for i := 0; i < len(path); i++ {
		if c := path[i]; c == '/' || strings.IndexByte(kept, c) >= 0 {
			b = append(b, c)
		} else {
			b = strict.AppendByte(b, c)
		}
	}
	return string(b)
}
