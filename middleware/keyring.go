package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/wire"
)

// Keyring is this project's own [Format]: the keys of a service, of which the
// first signs and all verify. It is immutable and safe for concurrent use; to
// change keys while requests are served, hold it in a [FormatVar].
type Keyring struct {
	first Key
	byID  map[string]*Key
}

// NewKeyring returns a ring whose first key signs, if it can, and whose keys
// all verify. To rotate: add the new key behind the old one on every server,
// then put it first, then drop the old one when its last link has expired. It
// is an error if a key is the zero Key or if two have the same id.
func NewKeyring(first Key, more ...Key) (*Keyring, error) {
	r := &Keyring{first: first, byID: make(map[string]*Key, 1+len(more))}
	for _, k := range append([]Key{first}, more...) {
		if k.verify == nil {
			return nil, errors.New("signedurl: a keyring holds keys from NewHMACKey, NewEd25519Key, NewEd25519PublicKey or ParseKey, not the zero Key")
		}
		if _, twice := r.byID[k.id]; twice {
			return nil, fmt.Errorf("signedurl: the keyring has two keys with the id %s; ids are never used again", k.id)
		}
		r.byID[k.id] = &k
	}
	return r, nil
}

// ParseKeyring reads a ring from text: one key a line, in the form that
// [ParseKey] takes, the first one signing. Empty lines, and lines that begin
// with "#", are skipped. An error names the line and never quotes it.
func ParseKeyring(text string) (*Keyring, error) {
	var keys []Key
	seen := make(map[string]int)
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		k, err := ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("signedurl: line %d: %s", n, strings.TrimPrefix(err.Error(), "signedurl: "))
		}
		if first, twice := seen[k.id]; twice {
			return nil, fmt.Errorf("signedurl: line %d: the key id %s is already on line %d; ids are never used again", n, k.id, first)
		}
		seen[k.id] = n
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, errors.New("signedurl: there is no key; generate one with GenerateHMACKey")
	}
	return NewKeyring(keys[0], keys[1:]...)
}

// String returns the keys as [Key.String] does, and nothing of their secrets.
func (k *Keyring) String() string {
	if k == nil || k.first.verify == nil {
		return "no keys"
	}
	if len(k.byID) == 1 {
		return k.first.String()
	}
	return fmt.Sprintf("%d keys, first %v", len(k.byID), k.first)
}

// CanSign reports whether the ring's first key can sign.
func (k *Keyring) CanSign() bool { return k != nil && k.first.CanSign() }

var errCannotSign = errors.New("signedurl: the first key of the ring is a public key and cannot sign")

// Sign returns a copy of u that carries the claims and the signature of the
// ring's first key. Path and query come out in canonical form, so that no
// browser, mailer or proxy has a reason to re-spell them; a fragment stays as
// it is. It is an error if the first key cannot sign; if u has a user, an
// opaque part or a reserved parameter, or a path or query that is not
// unambiguous to net/http; if the claims are not complete; or if the link
// would exceed the limits that the package documentation names. With
// Claims.Under, u's path must be that path or lie below it.
func (k *Keyring) Sign(u *url.URL, c Claims) (*url.URL, error) {
	if u.Opaque != "" || u.User != nil {
		return nil, errors.New("signedurl: cannot sign a URL with an opaque part or a user")
	}
	path := u.EscapedPath()
	if fault := wire.CheckPath(path); fault != wire.PathOK {
		return nil, fmt.Errorf("signedurl: cannot sign: %v", fault)
	}
	var p params
	if err := scanQuery(u.RawQuery, &p); err != nil {
		return nil, fmt.Errorf("signedurl: cannot sign: %s", err.(*detailed).detail)
	}
	if p.reserved > 0 {
		return nil, errors.New("signedurl: cannot sign: the URL already has a parameter that is reserved for signatures")
	}
	m := message{tag: tagURL, path: path}
	if c.Under != "" {
		if !below(path+"x", c.Under) {
			return nil, errors.New("signedurl: cannot sign: the path does not lie below Under")
		}
		if err := unsignedQuery(u.RawQuery, c.Ignore); err != nil {
			return nil, errors.New("signedurl: cannot sign: a link to a subtree signs no other parameters; name them in Ignore")
		}
		m.path, m.canonicalPath, m.reserved = c.Under, true, true
	}
	query, err := k.sign(m, u.RawQuery, c)
	if err != nil {
		return nil, err
	}
	signed := *u
	canonical := string(wire.AppendPath(nil, path))
	wire.SetPath(&signed, canonical)
	signed.RawQuery = query
	signed.ForceQuery = false
	if len(canonical)+1+len(query) > maxTarget {
		return nil, fmt.Errorf("signedurl: cannot sign: %s", errTooLong.(*detailed).detail)
	}
	return &signed, nil
}

// sign completes m, which has tag and path, and returns the whole query:
// canonical, and the signature last.
func (k *Keyring) sign(m message, application string, c Claims) (string, error) {
	if !k.CanSign() {
		return "", errCannotSign
	}
	claims, err := c.encode()
	if err != nil {
		return "", err
	}
	m.query = claims + "&signed_by=" + k.first.id
	if application != "" {
		m.query = application + "&" + m.query
	}
	m.ignore = c.Ignore
	m.binding = c.Binding.Value
	query := string(appendQuery(nil, m.query, false, nil)) + "&signature=" + k.first.sign(m)
	if err := scanQuery(query, new(params)); err != nil {
		return "", fmt.Errorf("signedurl: cannot sign: %s", err.(*detailed).detail)
	}
	return query, nil
}

// maxCookie is what browsers take for one cookie, name and value together (RFC
// 6265, section 6.1).
const maxCookie = 4096

// SignCookies returns one cookie of the given name that opens what lies below
// c.Under, which is mandatory: HttpOnly, Secure, SameSite=Lax, its Path the
// subtree and its expiry the claims'. A browser keeps cookies of one name side
// by side if their paths differ, and sends those that fit. The caller may
// change the cookie's attributes before it sets it; what the cookie opens is
// in its signed value.
func (k *Keyring) SignCookies(name string, c Claims) ([]*http.Cookie, error) {
	if c.Under == "" {
		return nil, errors.New("signedurl: cannot sign a cookie without Claims.Under")
	}
	value, err := k.sign(message{tag: tagCookie, path: c.Under, canonicalPath: true, reserved: true}, "", c)
	if err != nil {
		return nil, err
	}
	cookie := &http.Cookie{
		Name: name, Value: value, Path: c.Under, Expires: c.Expires,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	}
	if err := cookie.Valid(); err != nil {
		return nil, fmt.Errorf("signedurl: cannot sign a cookie: %w", err)
	}
	if len(name)+len(value) > maxCookie {
		return nil, fmt.Errorf("signedurl: cannot sign a cookie of more than %d bytes", maxCookie)
	}
	return []*http.Cookie{cookie}, nil
}

var (
	errUnknownKey    = invalid("the link names a key that is not in the ring")
	errSignature     = invalid("the signature does not match what was requested")
	errNotBelow      = invalid("the path does not lie below the subtree that was signed")
	errUnsignedParam = invalid("a parameter is not covered by a signature over a subtree")
	errOtherCookie   = invalid("the cookie holds no link to a subtree in which the path lies")
	errTwoLinks      = invalid("the URL has reserved parameters, so that no cookie counts")
)

var pathFaults = wire.PathErrors(invalid)

// Authenticate checks the signature of a link, see [Format].
func (k *Keyring) Authenticate(r Request) (c Claims, err error) {
	if !r.plain { // a Verifier has looked already
		r.plain, _ = wire.CanonicalPath(r.Path)
	}
	if err := k.authenticate(&r, &c); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// authenticate is Authenticate without copies, for a request of which it is
// known whether its path is plain. It leaves c as it may be on an error.
func (k *Keyring) authenticate(r *Request, c *Claims) error {
	if len(r.Path)+1+len(r.RawQuery) <= maxTarget {
		if done, err := k.checkUsual(r, c); done {
			return err
		}
	}
	var p params
	if err := checkShape(r, &p); err != nil {
		return err
	}
	r.Trace("shape", "path and query are unambiguous")
	if p.reserved == 0 {
		return ErrUnsigned
	}
	return k.check(r, &p, tagURL, r.RawQuery, c)
}

// checkShape refuses a target that is too long or ambiguous, and reads its
// reserved parameters.
func checkShape(r *Request, p *params) error {
	if len(r.Path)+1+len(r.RawQuery) > maxTarget {
		return errTooLong
	}
	if !r.plain {
		if fault := wire.CheckPath(r.Path); fault != wire.PathOK {
			return pathFaults[fault]
		}
	}
	return scanQuery(r.RawQuery, p)
}

// checkUsual is the short way for the link that most links are: a plain path,
// no limits and no parameters of the application, spelled as Sign spells it. The
// signed bytes then lie in the target as they are. It reports false if the link
// is not of that shape, or the key is not known by that spelling; then, and
// only then, the general way must look at it. Both agree on every link.
func (k *Keyring) checkUsual(r *Request, c *Claims) (done bool, err error) {
	const expires, by, sig = "expires_at=", "&signed_by=", "&signature="
	q := r.RawQuery
	if !r.plain || r.trace != nil || !strings.HasPrefix(q, expires) {
		return false, nil
	}
	n, i := int64(0), len(expires)
	for ; i < len(q) && q[i]-'0' <= 9 && n <= wire.MaxTime; i++ {
		n = n*10 + int64(q[i]-'0')
	}
	if digits := i - len(expires); digits == 0 || n > wire.MaxTime || (q[len(expires)] == '0' && digits > 1) || !strings.HasPrefix(q[i:], by) {
		return false, nil
	}
	rest := q[i+len(by):]
	j := strings.IndexByte(rest, '&')
	if j < 0 || !strings.HasPrefix(rest[j:], sig) {
		return false, nil
	}
	signature := rest[j+len(sig):]
	key := k.exactKey(rest[:j])
	if key == nil || strings.IndexByte(signature, '&') >= 0 {
		return false, nil
	}
	signed := q[:len(q)-len(sig)-len(signature)]
	if !key.verify(message{tag: tagURL, path: r.Path, query: signed, canonicalPath: true, canonicalQuery: true}, signature) {
		return true, errSignature
	}
	c.Expires = time.Unix(n, 0)
	c.KeyID = key.id
	return true, nil
}

// AuthenticateCookie checks the signature in a cookie's value, see
// [CookieFormat]. The request's own parameters are not signed by a cookie, and
// refused unless the cookie names them as ignored.
func (k *Keyring) AuthenticateCookie(r Request, value string) (c Claims, err error) {
	// A browser sends all cookies of a name, and anyone as many as a header
	// holds: what was set for other places is found out first, and cheaply.
	if len(value) > maxCookie {
		return c, errOtherCookie
	}
	var p, own params
	if scanQuery(value, &p) != nil || p.application > 0 {
		return c, errOtherCookie
	}
	var room [256]byte
	under, _ := wire.AppendUnescaped(room[:0], p.values[paramUnder], true)
	if len(under) == 0 || under[len(under)-1] != '/' || !below(r.Path, under) {
		return c, errOtherCookie
	}
	if err := checkShape(&r, &own); err != nil {
		return c, err
	}
	if own.reserved > 0 {
		return c, errTwoLinks
	}
	p.application = own.application
	if err := k.check(&r, &p, tagCookie, value, &c); err != nil {
		return Claims{}, err
	}
	c.Cookie = true
	return c, nil
}

// check is what links and cookies have in common; query is the raw query that
// p was read from.
func (k *Keyring) check(r *Request, p *params, tag, query string, c *Claims) error {
	switch {
	case p.values[paramSignature] == "":
		return errNoSignature
	case p.values[paramExpires] == "":
		return errNoExpiry
	case p.values[paramBy] == "":
		return errNoKeyID
	}
	key := k.key(p.values[paramBy])
	if key == nil {
		return errUnknownKey
	}
	r.Trace("key", key.id)

	var binding string
	path, plain := r.Path, r.plain
	if p.reserved > plainParams {
		var err error
		if binding, err = c.decodeSigned(r, p); err != nil {
			return err
		}
		if c.Under != "" {
			path, plain = c.Under, true
		}
	}
	// The bytes as they lie are the signed ones if the spelling is canonical
	// and nothing but the signature is left out.
	canonical := p.signed != "" && (p.application == 0 || (c.Under == "" && c.Ignore == nil))
	if canonical {
		query = p.signed
	}
	m := message{tag, path, query, binding, c.Ignore, c.Under != "", plain, canonical}
	if r.trace != nil {
		shown := m
		shown.binding = ""
		text := string(shown.append(nil))
		if binding != "" {
			text += "[the value of " + c.Binding.Name + "]"
		}
		r.TraceSigned(text)
	}
	if !key.verify(m, p.values[paramSignature]) {
		return errSignature
	}
	r.Trace("signature", key.alg)

	if c.Under != "" {
		if !below(r.Path, c.Under) {
			return errNotBelow
		}
		if err := unsignedQuery(r.RawQuery, c.Ignore); err != nil {
			return err
		}
		r.Trace("subtree", c.Under)
	}
	c.KeyID = key.id
	return c.decode(p)
}

// decodeSigned reads the claims that decide what the signature was made over:
// the subtree, the parameters to ignore and the binding, whose value it returns.
func (c *Claims) decodeSigned(r *Request, p *params) (binding string, err error) {
	if v := p.values[paramUnder]; v != "" {
		var ok bool
		if c.Under, ok = decodeUnder(v, r.Path); !ok {
			return "", errBadUnder
		}
	}
	if v := p.values[paramIgnore]; v != "" {
		if c.Ignore = decodeIgnore(v); c.Ignore == nil {
			return "", errBadIgnore
		}
	}
	if v := p.values[paramFor]; v != "" {
		name, _ := wire.Unescape(v, true)
		if !validKeyID(name) {
			return "", errBadFor
		}
		if binding, err = r.BindingValue(name); err != nil {
			return "", err
		}
		r.Trace("binding", name)
		c.Binding.Name = name
	}
	return binding, nil
}

// key finds a key by the raw value of signed_by, or returns nil.
func (k *Keyring) key(raw string) *Key {
	if key := k.exactKey(raw); key != nil || k == nil {
		return key
	}
	id, _ := wire.Unescape(raw, true)
	return k.byID[id]
}

// exactKey finds a key by its id, or returns nil. The first key, which signs
// the links of today, is found without a look into the map.
func (k *Keyring) exactKey(id string) *Key {
	if k == nil || k.first.verify == nil {
		return nil
	}
	if id == k.first.id {
		return &k.first
	}
	return k.byID[id]
}

// decodeUnder decodes and checks a subtree. Where the path begins with it,
// which is the usual case, it is cut from there and nothing is allocated.
func decodeUnder(raw, path string) (string, bool) {
	n := len(raw) - 2*strings.Count(raw, "%")
	if 0 < n && n <= len(path) && wire.UnescapesTo(raw, path[:n], true) {
		return path[:n], validUnder(path[:n])
	}
	under, _ := wire.Unescape(raw, true)
	return under, validUnder(under)
}

// unsignedQuery refuses a query that has a parameter that is neither reserved
// nor ignored.
func unsignedQuery(q string, ignore []string) error {
	for part := range strings.SplitSeq(q, "&") {
		name, _, _ := strings.Cut(part, "=")
		if name != "" && !isReserved(name) && !ignored(name, ignore) {
			return errUnsignedParam
		}
	}
	return nil
}
