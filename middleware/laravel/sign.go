package laravel

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// Sign returns a copy of u with expires, unless the claims are permanent, and
// signature: the URL that Laravel's signedRoute gives for a route with u's
// path and query. Path and query are read as net/http reads them and spelled
// as Laravel spells them, so that u may come in any spelling; parameters that
// PHP keeps without a name go to the end, behind the signature, as they are.
// A fragment stays as it is, unsigned.
//
// For absolute links u must have the format's origin, or neither scheme nor
// host: then the link is signed for the origin, and returned without it. For
// relative links u's scheme and host, if any, are kept and not signed.
//
// Expires and Permanent are all that a link can carry, and Host if it is the
// origin's. Laravel's expires is the last second at which a link is good,
// which is the second before Claims.Expires. Any other claim is an error that
// wraps [errors.ErrUnsupported]. It is an error, too, if u has a user, an
// opaque part, a parameter named expires or signature or one that the format
// ignores, or a path or query that Authenticate would refuse.
func (f *Format) Sign(u *url.URL, c middleware.Claims) (*url.URL, error) {
	if f == nil || f.macs == nil {
		return nil, errors.New("signedurl: laravel: cannot sign with a Format that was not made by New or NewRelative")
	}
	expires, err := f.expires(c)
	if err != nil {
		return nil, err
	}
	if err := f.checkOrigin(u); err != nil {
		return nil, err
	}
	path := appendPath(nil, u.EscapedPath())
	if len(path) == 0 {
		path = []byte("/")
	}
	named, unnamed, err := f.spell(u.RawQuery, expires)
	if err != nil {
		return nil, err
	}
	s := f.scratch.Get().(*scratch)
	defer f.scratch.Put(s)
	if _, fault := f.read(s, string(path), join(named, unnamed)); fault != nil {
		return nil, cannotSign(fault)
	}
	f.sign(s, 0)

	signed := *u
	signed.ForceQuery = false
	signed.RawQuery = join(named, "signature="+string(s.want[:]), unnamed)
	if u.Host != "" && f.origin != "" {
		signed.Scheme, signed.Host, _ = strings.Cut(f.origin, "://")
	}
	if u.Host != "" && string(path) == "/" {
		path = nil // https://example.com?signature=... is how Laravel writes the root
	}
	strict.SetPath(&signed, string(path))
	if fault := strict.CheckTarget(string(path), signed.RawQuery); fault != nil {
		return nil, cannotSign(fault)
	}
	return &signed, nil
}

func cannotSign(fault *strict.Fault) error {
	return fmt.Errorf("signedurl: laravel: cannot sign: %w", fault)
}

// join joins the parts of a query that are not empty.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), "&")
}

// expires returns the value of the parameter, or "" for a permanent link.
func (f *Format) expires(c middleware.Claims) (string, error) {
	if err := c.Unsupported("Expires", "Permanent", "Host"); err != nil {
		return "", err
	}
	switch {
	case c.Host != "" && c.Host != f.host:
		return "", fmt.Errorf("signedurl: laravel: cannot sign: Claims.Host is not the origin's host: %w", errors.ErrUnsupported)
	case c.Permanent && !c.Expires.IsZero():
		return "", errors.New("signedurl: laravel: cannot sign: the claims have an expiry and are permanent")
	case c.Permanent:
		return "", nil
	case c.Expires.IsZero():
		return "", errors.New("signedurl: laravel: cannot sign: the claims have no expiry; set Expires, or Permanent for a link that works for ever")
	}
	// expires=0 is a link that never expires, to Laravel.
	n := c.Expires.Unix() - 1
	if n < 1 || n >= strict.MaxTime {
		return "", errors.New("signedurl: laravel: cannot sign: the expiry lies outside the years 1970 to 9999")
	}
	return strconv.FormatInt(n, 10), nil
}

func (f *Format) checkOrigin(u *url.URL) error {
	if u.Opaque != "" || u.User != nil {
		return errors.New("signedurl: laravel: cannot sign a URL with an opaque part or a user")
	}
	if f.origin == "" || (u.Scheme == "" && u.Host == "") {
		return nil
	}
	if origin, _ := canonicalOrigin(u); origin != f.origin {
		return errors.New("signedurl: laravel: cannot sign a URL of another origin than the format's")
	}
	return nil
}

// kept are the bytes besides RFC 3986's unreserved ones that Laravel leaves
// raw in a URL. In a path, "%", "?" and "#" are escaped all the same: Laravel
// leaves them raw, which gives a link to another path. So is "|", which
// Laravel leaves raw against RFC 3986, section 3.3, and a url.URL does not:
// Laravel verifies both.
const kept = "/@:;,=+!*&"

// appendPath appends an escaped path in Laravel's spelling. An encoded slash
// stays encoded.
func appendPath(dst []byte, path string) []byte {
	for i := 0; i < len(path); {
		c, width := strict.Next(path, i)
		if strings.IndexByte(kept, c) >= 0 && (width == 1 || c != '/') {
			dst = append(dst, c)
		} else {
			dst = strict.AppendByte(dst, c)
		}
		i += max(width, 1) // a URL's EscapedPath holds no invalid escape
	}
	return dst
}

// numeric matches the names under which PHP keeps a value without a name, or
// both with and without one. Laravel writes such a value without a name, raw
// and behind the signature.
var numeric = regexp.MustCompile(`^[ \t\n\r\v\f]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n\r\v\f]*$`)

// spell writes a query as Laravel does: the parameters with names sorted by
// the first part of their names, those of one array in the order in which they
// are; then those without names.
func (f *Format) spell(query, expires string) (named, unnamed string, err error) {
	type param struct{ key, text string }
	var params []param
	var raw []string
	if expires != "" {
		params = append(params, param{"expires", "expires=" + expires})
	}
	for query != "" {
		p, rest, fault := strict.CutParam(query)
		if fault != nil {
			return "", "", cannotSign(fault)
		}
		query = rest
		if reserved(p.Name) {
			return "", "", errors.New("signedurl: laravel: cannot sign: the URL already has a parameter that PHP reads as expires or signature")
		}
		if slices.Contains(f.ignore, p.Name) {
			return "", "", fmt.Errorf("signedurl: laravel: cannot sign: the parameter %q is ignored by verifiers; add it to the signed URL", p.Name)
		}
		name, _ := strict.Unescape(p.Name, true)
		value, _ := strict.Unescape(p.Value, true)
		key := name
		if i := strings.IndexByte(name, '['); i > 0 {
			key = name[:i]
		}
		if len(p.Name) == len(p.Text) || numeric.MatchString(key) {
			raw = append(raw, spellRaw(p.Text))
		} else {
			params = append(params, param{key, strict.Escape(name) + "=" + strict.Escape(value)})
		}
	}
	slices.SortStableFunc(params, func(a, b param) int { return strings.Compare(a.key, b.key) })
	texts := make([]string, len(params))
	for i, p := range params {
		texts[i] = p.text
	}
	return strings.Join(texts, "&"), strings.Join(raw, "&"), nil
}

// spellRaw spells a parameter without a name: as it is, save for the bytes
// that Laravel leaves raw in no place.
func spellRaw(text string) string {
	var b []byte
	for i := 0; i < len(text); i++ {
		if c := text[i]; strings.IndexByte(kept+"%?|", c) >= 0 {
			b = append(b, c)
		} else {
			b = strict.AppendByte(b, c)
		}
	}
	return string(b)
}
