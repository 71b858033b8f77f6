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
// signature: the URL that Laravel's signedRoute returns for a route with u's
// path and query, except as the package documentation says. Path and query are
// read as net/http reads them and written in Laravel's spelling, so that u may
// have any spelling. Parameters that PHP keeps without a name are moved to the
// end, after the signature, and stay as they are. A fragment stays and is not
// signed.
//
// For absolute links u must have the format's origin, or neither scheme nor
// host: then the link is signed for the origin, and returned without it. For
// relative links u's scheme and host, if any, are kept and not signed.
//
// A link can carry Expires or Permanent, and Host if it is the origin's.
// Laravel's expires is the last second at which a link is good, which is the
// second before Claims.Expires. Any other claim is an error that wraps
// [errors.ErrUnsupported]. It is also an error if u has a user, an opaque part,
// a parameter named expires or signature or one that the format ignores, or a
// path or query that Authenticate would refuse.
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
		return "", errors.New("signedurl: laravel: cannot sign: the claims have no expiry; set Expires, or Permanent for a link that never expires")
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

// kept holds the bytes besides RFC 3986's unreserved ones that Laravel leaves
// raw in a URL. Laravel also leaves "%", "?" and "#" raw in a path, which gives
// a link to another path, and "|", which RFC 3986, section 3.3, does not allow
// there and a url.URL escapes. They are escaped here: Laravel accepts both.
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

// PHP makes an integer of an array's key that integer matches and that has 64
// bits. Laravel writes the value of such a key without a name, raw and after
// the signature. It writes the value of any other key that is numeric to PHP
// with its name, and once more without it if another value has no name.
var (
	integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)
	numeric = regexp.MustCompile(`^[ \t\n\r\v\f]*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t\n\r\v\f]*$`)
)

// isInteger reports whether PHP makes an integer of an array's key.
func isInteger(key string) bool {
	_, err := strconv.ParseInt(key, 10, 64)
	return err == nil && integer.MatchString(key)
}

// spell writes a query as Laravel does: the parameters with names sorted by
// the first part of their names, those of one array in their order; then those
// without names. A numeric name is one of the latter if there are others, since
// Laravel would repeat its value there: it then stands for a value without a
// name that holds "=".
func (f *Format) spell(query, expires string) (named, unnamed string, err error) {
	type param struct {
		key, text string
		name      string
		raw       string // spelled as a value without a name
		hasName   bool
		isNumeric bool
	}
	var params []param
	anyUnnamed := false
	if expires != "" {
		params = append(params, param{key: "expires", name: "expires", text: "expires=" + expires, hasName: true})
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
		hasName := len(p.Name) < len(p.Text) && !isInteger(key)
		anyUnnamed = anyUnnamed || !hasName
		params = append(params, param{key, strict.Escape(name) + "=" + strict.Escape(value), name, spellRaw(p.Text), hasName, numeric.MatchString(key)})
	}
	var raw, names []string
	params = slices.DeleteFunc(params, func(p param) bool {
		if p.hasName && !(p.isNumeric && anyUnnamed) {
			return false
		}
		raw, names = append(raw, p.raw), append(names, p.name)
		return true
	})
	for _, p := range params {
		if slices.Contains(names, p.name) {
			return "", "", fmt.Errorf("signedurl: laravel: cannot sign: the parameter %q is there with a value and without, and would change its order", p.name)
		}
	}
	slices.SortStableFunc(params, func(a, b param) int { return strings.Compare(a.key, b.key) })
	texts := make([]string, len(params))
	for i, p := range params {
		texts[i] = p.text
	}
	return strings.Join(texts, "&"), strings.Join(raw, "&"), nil
}

// spellRaw spells a parameter without a name: as is, except for the bytes that
// Laravel leaves raw nowhere.
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
