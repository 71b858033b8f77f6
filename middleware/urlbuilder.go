package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

// URLBuilder makes links to the files below one base: the prefix under which
// they are served. It is immutable and safe for concurrent use.
type URLBuilder struct {
	base   url.URL
	prefix string // the base's escaped path, canonical, ending in "/"
	format Format
	check  func(name string) error // may be nil
}

// NewURLBuilder returns a builder for links below base, which is a path
// ("/files/") or an origin and a path ("https://cdn.example.com/files/"), in
// canonical form and ending in "/". The origin is written into the links and is
// not part of what this project's own format signs: two hosts that share a key
// open each other's links unless [Claims].Host says which one is meant. It is an
// error if base is not that. It panics if f is nil. Whether f can sign is found
// out when it signs.
func NewURLBuilder(base string, f Format) (*URLBuilder, error) {
	if f == nil {
		panic("signedurl: NewURLBuilder with a nil Format")
	}
	u, err := url.Parse(base)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the base, which may hold a password
		}
		return nil, fmt.Errorf("signedurl: the base is no URL: %w", err)
	}
	prefix := u.EscapedPath()
	switch {
	case u.Opaque != "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(base, "#"):
		if u.Opaque != "" { // user:password@host, without a scheme
			return nil, errors.New("signedurl: the base must be a path, or scheme, host and path, and no more")
		}
		return nil, fmt.Errorf("signedurl: the base %q must be a path, or scheme, host and path, and no more", u.Redacted())
	case (u.Scheme == "") != (u.Host == "") || (u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https"):
		return nil, fmt.Errorf("signedurl: the base %q must begin with a slash, http:// or https://", base)
	case !strict.CanonicalDir(prefix) || !strings.HasSuffix(base, prefix):
		return nil, fmt.Errorf("signedurl: the path of the base %q must be canonical and begin and end with a slash", base)
	}
	return &URLBuilder{base: *u, prefix: prefix, format: f}, nil
}

// Restrict returns a builder that refuses, besides the names that b refuses,
// those for which check returns an error. A handler with rules of its own about
// names uses it so that nobody signs a link that it would never serve.
//
// The name is relative to the base, unescaped, and without a slash before it;
// the name of the base itself is empty. The directory of a subtree is checked
// without its last slash, and the base not at all, since a subtree may be shared
// whose directory is not served itself. Restrict panics if check is nil.
func (b *URLBuilder) Restrict(check func(name string) error) *URLBuilder {
	if check == nil {
		panic("signedurl: URLBuilder.Restrict with a nil function")
	}
	restricted := *b
	restricted.check = func(name string) error {
		if err := b.allow(name); err != nil {
			return err
		}
		return check(name)
	}
	return &restricted
}

// allow asks the check of Restrict.
func (b *URLBuilder) allow(name string) error {
	if b.check == nil {
		return nil
	}
	return b.check(name)
}

// URL returns the link to a name below the base: a file name, or several
// joined by "/", as they are on disk. Whatever a file name may hold is
// escaped: spaces, "?", "#", "%", "+", ";" and a literal "%2F". A name that
// would leave the base or is ambiguous to some reader is an error: "." and
// ".." and empty parts, also behind a backslash, and control characters. So is
// the empty name, which more often comes from a missing row than it is meant:
// the base itself is "/".
func (b *URLBuilder) URL(name string, c Claims) (*url.URL, error) {
	name, err := notEmpty(name)
	if err != nil {
		return nil, err
	}
	u, err := b.allowed(b.prefix, name, name)
	if err != nil {
		return nil, err
	}
	if c.Under != "" && !strings.HasPrefix(c.Under, b.prefix) {
		return nil, fmt.Errorf("signedurl: the subtree does not lie below the base %s", b.prefix)
	}
	return b.format.Sign(u, c)
}

// Unsigned returns the URL of a name below the base without a signature. It
// refuses the names that [URLBuilder.URL] refuses.
func (b *URLBuilder) Unsigned(name string) (*url.URL, error) {
	name, err := notEmpty(name)
	if err != nil {
		return nil, err
	}
	return b.allowed(b.prefix, name, name)
}

// allowed returns the URL of a name below a directory of the base, if the check
// of Restrict allows the whole name.
func (b *URLBuilder) allowed(dir, name, whole string) (*url.URL, error) {
	u, err := b.unsigned(dir, name)
	if err != nil {
		return nil, err
	}
	if err := b.allow(whole); err != nil {
		return nil, fmt.Errorf("signedurl: cannot link to the name %q: %w", name, err)
	}
	return u, nil
}

// unsigned returns the URL of a name below a directory of the base.
func (b *URLBuilder) unsigned(dir, name string) (*url.URL, error) {
	path := []byte(dir)
	for i := 0; i < len(name); i++ {
		if name[i] == '/' {
			path = append(path, '/')
		} else {
			path = strict.AppendByte(path, name[i])
		}
	}
	escaped := string(path)
	if fault := strict.CheckPath(escaped); fault != nil {
		return nil, fmt.Errorf("signedurl: cannot link to the name %q: %w", name, fault)
	}
	u := b.base
	strict.SetPath(&u, escaped)
	return &u, nil
}

// Subtree signs one set of claims for all names below a directory of the base:
// "kyc/42", or "/" for everything below the base. An empty dir is an error, so
// that code which builds it from a missing user ID does not open every user's
// files. Claims.Under must be empty and is set to the directory. If the format
// has no subtrees, the error wraps [errors.ErrUnsupported].
func (b *URLBuilder) Subtree(dir string, c Claims) (*Subtree, error) {
	if c.Under != "" {
		return nil, errors.New("signedurl: the subtree is set by the directory; leave Claims.Under empty")
	}
	dir, err := notEmpty(dir)
	if err != nil {
		return nil, err
	}
	if dir != "" && !strings.HasSuffix(dir, "/") {
		dir += "/"
	}
	u, err := b.unsigned(b.prefix, dir)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		if err := b.allow(strings.TrimSuffix(dir, "/")); err != nil {
			return nil, fmt.Errorf("signedurl: cannot link to the directory %q: %w", dir, err)
		}
	}
	c.Under = u.EscapedPath()
	signed, err := b.format.Sign(u, c)
	if err != nil {
		return nil, err
	}
	return &Subtree{builder: b, dir: dir, claims: c.clone(), query: signed.RawQuery}, nil
}

// notEmpty refuses the empty name, and makes it of "/", the base.
func notEmpty(name string) (string, error) {
	switch name {
	case "":
		return "", errors.New(`signedurl: the name is empty; the base itself is "/"`)
	case "/":
		return "", nil
	}
	return name, nil
}

// Subtree makes links to all names below one directory from one signature. It
// is immutable and safe for concurrent use.
type Subtree struct {
	builder *URLBuilder
	dir     string // empty, or ending in "/"
	claims  Claims
	query   string
	steps   []Claims // by which Narrow narrowed it
}

// Narrow returns a subtree with links and cookies that open less, as the function
// [Narrow] makes them from those of s. Names are still those below the directory of
// s.
func (s *Subtree) Narrow(c Claims) (*Subtree, error) {
	query, err := narrowQuery(s.query, "", func(link *narrower) (string, error) { return link.step(&c) })
	if err != nil {
		return nil, fmt.Errorf("signedurl: cannot narrow: %w", err)
	}
	narrow := *s
	narrow.query = query
	narrow.steps = append(slices.Clip(s.steps), c.clone())
	return &narrow, nil
}

// URL returns the link to a name below the directory, with the signature of
// the subtree. It refuses the names that [URLBuilder.URL] refuses, and those that a
// step of Narrow leaves out.
func (s *Subtree) URL(name string) (*url.URL, error) {
	u, err := s.Unsigned(name)
	if err != nil {
		return nil, err
	}
	for i := range s.steps {
		if !s.steps[i].opens(&Request{Path: u.EscapedPath(), canonical: true}) {
			return nil, fmt.Errorf("signedurl: the subtree was narrowed, and does not open the name %q", name)
		}
	}
	u.RawQuery = s.query
	if fault := strict.CheckTarget(u.EscapedPath(), u.RawQuery); fault != nil {
		return nil, fmt.Errorf("signedurl: cannot link to the name %q: %w", name, fault)
	}
	return u, nil
}

// Unsigned returns the URL of a name below the directory without a signature,
// for clients that hold the subtree's cookie.
func (s *Subtree) Unsigned(name string) (*url.URL, error) {
	return s.builder.allowed(s.claims.Under, name, s.dir+name)
}

// Query returns the signature as a raw query, without "?", to be appended to
// any URL below the directory.
func (s *Subtree) Query() string { return s.query }

// Cookies returns the subtree's claims as cookies to be set with
// [http.SetCookie], under the name that the verifier has as [Options.Cookie].
// They are HttpOnly, Secure and SameSite=Lax, confined to the subtree's path,
// and expire with the claims. A format whose links do not travel as cookies
// refuses with an error that wraps [errors.ErrUnsupported].
func (s *Subtree) Cookies(name string) ([]*http.Cookie, error) {
	f, ok := s.builder.format.(CookieSigner)
	if !ok {
		return nil, errNoCookies
	}
	cookies, err := f.SignCookies(name, s.claims)
	if err != nil {
		return nil, err
	}
	for i := range s.steps {
		if err := narrowHTTPCookie(cookies[0], &s.steps[i]); err != nil {
			return nil, fmt.Errorf("signedurl: cannot narrow a cookie: %w", err)
		}
	}
	return cookies, nil
}

// RoundUp returns the earliest time not before t that is a whole multiple of
// step since the Unix epoch. With rounded expiries, the links of a page are
// equal from one rendering to the next, so that browsers find the files in their
// caches. A link lives up to one step longer for it: the verifier's
// [Options.MaxLifetime] must be the longest lifetime plus the step. RoundUp
// returns t if step is not positive.
func RoundUp(t time.Time, step time.Duration) time.Time {
	if step <= 0 {
		return t
	}
	// Truncate counts from the year 1. The epoch is a whole number of seconds
	// after that, but not of every step.
	since := t.Sub(time.Unix(0, 0))
	if rest := since % step; rest > 0 {
		return t.Add(step - rest)
	} else if rest < 0 {
		return t.Add(-rest)
	}
	return t
}
