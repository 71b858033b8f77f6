package django

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// reverseSafe holds the bytes that Django's reverse leaves raw in a path,
// besides slashes and RFC 3986's unreserved characters.
const reverseSafe = "!$&'()*+,;=:@"

// Sign returns a copy of u with a token for its path or, if the format has
// subtrees and the claims have Under, for Under. An object has one member, which
// holds the path, and is not compressed.
//
// A token holds the time at which it was made, and the verifier says how old it
// may become. Sign does not look at the clock: it computes that time from
// Expires, which is MaxAge and a second later. The token is good from then on
// and not before. If Expires is further in the future than MaxAge, the token's
// time has not come yet; Authenticate then returns it as NotBefore, and Django
// ignores that limit. It is an error if NotBefore is set to another time.
// Without a MaxAge the claims must be permanent, and the token's time is
// NotBefore, or 1970 without it.
//
// Any other claim is an error that wraps [errors.ErrUnsupported]. It is also an
// error if u has a user or an opaque part, a parameter that is not ignored, a
// path that Authenticate would refuse or that is not UTF-8, or, if the format
// has subtrees, a path that ends in "/" and is not Under.
func (f *Format) Sign(u *url.URL, c middleware.Claims) (*url.URL, error) {
	if f == nil || f.macs == nil {
		return nil, errors.New("signedurl: django: cannot sign with a Format that was not made by New")
	}
	made, err := f.made(c)
	if err != nil {
		return nil, err
	}
	if u.Opaque != "" || u.User != nil {
		return nil, errors.New("signedurl: django: cannot sign a URL with an opaque part or a user")
	}
	var query string
	for raw := u.RawQuery; raw != ""; {
		p, rest, fault := strict.CutParam(raw)
		switch {
		case fault != nil:
			return nil, cannotSign(fault)
		case strict.UnescapesTo(p.Name, f.parameter, true):
			return nil, errors.New("signedurl: django: cannot sign a URL that has a token")
		case !slices.Contains(f.ignore, p.Name):
			return nil, fmt.Errorf("signedurl: django: cannot sign: a token does not cover the parameter %q; name it in Options.Ignore if anyone may set it", p.Name)
		}
		raw = rest
		value, _ := strict.Unescape(p.Value, true)
		query += p.Name + "=" + strict.Escape(value) + "&"
	}
	path, err := f.pathToSign(u.EscapedPath(), c.Under)
	if err != nil {
		return nil, err
	}
	if f.escaped {
		path = escapePath(path, reverseSafe)
	}
	if f.object {
		path = encodeObject(path, f.member)
	}
	signed := *u
	signed.RawQuery = query + f.parameter + "=" + strict.Escape(f.sign(path, made))
	if fault := strict.CheckTarget(u.EscapedPath(), signed.RawQuery); fault != nil {
		return nil, cannotSign(fault)
	}
	return &signed, nil
}

func cannotSign(fault *strict.Fault) error {
	return fmt.Errorf("signedurl: django: cannot sign: %w", fault)
}

// made returns the time that the token is to hold.
func (f *Format) made(c middleware.Claims) (int64, error) {
	if err := c.Unsupported(f.carried()...); err != nil {
		return 0, err
	}
	from := c.NotBefore.Unix()
	if !c.NotBefore.IsZero() && (from < 0 || from > strict.MaxTime) {
		return 0, errors.New("signedurl: django: cannot sign: NotBefore lies outside the years 1970 to 9999")
	}
	switch {
	case c.Permanent && c.NotBefore.IsZero():
		return 0, nil
	case c.Permanent:
		return from, nil
	case c.Expires.IsZero():
		return 0, errors.New("signedurl: django: cannot sign: the claims have no expiry; set Expires, or Permanent for a link that never expires")
	}
	expires := c.Expires.Unix()
	if expires < 0 || expires > strict.MaxTime {
		return 0, errors.New("signedurl: django: cannot sign: the expiry lies outside the years 1970 to 9999")
	}
	made := expires - 1 - f.maxAge
	if !c.NotBefore.IsZero() && from != made {
		return 0, fmt.Errorf("signedurl: django: a token is good for MaxAge and cannot carry a NotBefore other than Expires less MaxAge and a second: %w", errors.ErrUnsupported)
	}
	return made, nil
}

// carried returns the names of the claims that a token can carry.
func (f *Format) carried() []string {
	names := []string{"Expires"}
	if f.maxAge < 0 {
		names = []string{"Permanent"}
	}
	if f.timed {
		names = append(names, "NotBefore")
	}
	if f.subtree {
		names = append(names, "Under")
	}
	return names
}

// pathToSign returns the decoded path that the token is for.
func (f *Format) pathToSign(escaped, under string) (string, error) {
	if fault := checkPath(escaped); fault != nil {
		return "", cannotSign(fault)
	}
	path, _ := strict.Unescape(escaped, false)
	switch {
	case !utf8.ValidString(path):
		return "", errors.New("signedurl: django: cannot sign: the path is not UTF-8, which every string of Django's is")
	case f.object && strings.ContainsRune(path, utf8.RuneError):
		return "", errors.New("signedurl: django: cannot sign: the path holds U+FFFD, which Authenticate refuses in an object")
	case under == "" && f.subtree && strings.HasSuffix(path, "/"):
		return "", errors.New("signedurl: django: cannot sign: a token for a path that ends in a slash would open everything below it; set Under to do that")
	case under == "":
		return path, nil
	}
	if checkPath(under) != nil || !strict.CanonicalDir(under) {
		return "", errors.New("signedurl: django: cannot sign: Under must be an absolute canonical path that ends in a slash")
	}
	under, _ = strict.Unescape(under, false)
	if !strings.HasPrefix(path, under) {
		return "", errors.New("signedurl: django: cannot sign: the path does not lie below Under")
	}
	return under, nil
}
