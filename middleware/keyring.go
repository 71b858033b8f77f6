package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

// Keyring holds the keys of a service and implements this package's own link
// [Format]. The first key signs, and all keys verify. A Keyring is immutable and
// safe for concurrent use. To change keys while requests are served, store it in
// a [FormatVar].
type Keyring struct {
	first Key
	byID  map[string]*Key
}

// NewKeyring returns a Keyring that signs with the first key, if that is able
// to sign, and verifies with all keys. To rotate keys, add the new key after the
// old one on every server, then move it first, then drop the old one when its
// last link has expired. NewKeyring returns an error if a key is the zero Key or
// if two keys have the same ID.
func NewKeyring(first Key, more ...Key) (*Keyring, error) {
	r := &Keyring{first: first, byID: make(map[string]*Key, 1+len(more))}
	for _, k := range append([]Key{first}, more...) {
		if k.verify == nil {
			return nil, errors.New("signedurl: a keyring holds keys from NewHMACKey, NewEd25519Key, NewSignerKey, NewEd25519PublicKey or ParseKey, not the zero Key")
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
		return nil, errors.New("signedurl: there is no key")
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

var errCannotSign = errors.New("the first key of the ring is a public key")

// Sign returns a copy of u that carries the claims and the signature of the
// ring's first key. Path and query come out in canonical form, so that no
// browser, mailer or proxy has a reason to spell them differently; a fragment
// stays as is. It is an error if the first key cannot sign, or its signer does
// not; if u has a user, an opaque part or a reserved parameter, or a path or
// query that is ambiguous to net/http; if the claims are not complete; or if
// the link would exceed the limits that the package documentation names. With
// Claims.Under, u's path must be that path or lie below it.
func (k *Keyring) Sign(u *url.URL, c Claims) (*url.URL, error) {
	signed, err := k.signURL(u, c)
	if err != nil {
		return nil, fmt.Errorf("signedurl: cannot sign: %w", err)
	}
	return signed, nil
}

func (k *Keyring) signURL(u *url.URL, c Claims) (*url.URL, error) {
	if u.Opaque != "" || u.User != nil {
		return nil, errors.New("the URL has an opaque part or a user")
	}
	path := u.EscapedPath()
	if fault := strict.CheckPath(path); fault != nil {
		return nil, fault
	}
	p := newParams()
	defer p.release()
	if fault := scanQuery(u.RawQuery, p); fault != nil {
		return nil, fault
	}
	if p.reserved > 0 {
		return nil, errors.New("the URL already has a parameter that is reserved for signatures")
	}
	m := message{tag: tagURL, path: path}
	if c.Under != "" {
		if !inSubtree(path, c.Under) {
			return nil, errors.New("the path is not in the subtree Under")
		}
		if !p.allIgnored(u.RawQuery, newIgnoreList(nil, c.Ignore)) {
			return nil, errors.New("a link to a subtree signs no other parameters; name them in Ignore")
		}
		m.path, m.canonicalPath, m.reserved = c.Under, true, true
	}
	query, err := k.sign(m, u.RawQuery, c)
	if err != nil {
		return nil, err
	}
	signed := *u
	canonical := string(strict.AppendPath(nil, path))
	strict.SetPath(&signed, canonical)
	signed.RawQuery = query
	signed.ForceQuery = false
	if fault := strict.CheckTarget(canonical, query); fault != nil {
		return nil, fault
	}
	return &signed, nil
}

// sign completes m, which has tag and path, and returns the whole query:
// canonical, and the signature last.
func (k *Keyring) sign(m message, application string, c Claims) (string, error) {
	if !k.CanSign() {
		return "", errCannotSign
	}
	claims, err := c.write()
	if err != nil {
		return "", err
	}
	query, err := canonicalQuery(application, claims+"&signed_by="+k.first.id)
	if err != nil {
		return "", err
	}
	p := newParams()
	defer p.release()
	if fault := scanQuery(query, p); fault != nil {
		return "", fault
	}
	if len(p.pairs) == maxPairs { // no room for the signature
		return "", faultPairs
	}
	m.query, m.pairs, m.ignore, m.binding = query, p.pairs, newIgnoreList(nil, c.Ignore), c.Binding.Value
	signature, err := k.first.sign(m)
	if err != nil {
		return "", err
	}
	return query + "&signature=" + signature, nil
}

// canonicalQuery returns the canonical form of a query that is made of two, without
// a signature.
func canonicalQuery(application, reserved string) (string, error) {
	query := reserved
	if application != "" {
		query = application + "&" + reserved
	}
	p := newParams()
	defer p.release()
	if fault := scanQuery(query, p); fault != nil {
		return "", fault
	}
	m := message{query: query, pairs: p.pairs, whole: true}
	return string(m.appendQuery(nil)), nil
}

// maxCookie is what browsers take for one cookie, name and value together (RFC
// 6265, section 6.1).
const maxCookie = 4096

// SignCookies returns one cookie of the given name that opens c.Under, which is
// mandatory, and what lies below it: HttpOnly, Secure, SameSite=Lax, its Path
// the subtree and its expiry the claims'. A browser keeps cookies of one name
// side by side if their paths differ, and sends those that fit. The caller may
// change the cookie's attributes before it sets the cookie; what the cookie
// opens is in its signed value. Only Max-Age depends on the clock.
func (k *Keyring) SignCookies(name string, c Claims) ([]*http.Cookie, error) {
	cookie, err := k.signCookie(name, c)
	if err != nil {
		return nil, fmt.Errorf("signedurl: cannot sign a cookie: %w", err)
	}
	return []*http.Cookie{cookie}, nil
}

func (k *Keyring) signCookie(name string, c Claims) (*http.Cookie, error) {
	if c.Under == "" {
		return nil, errors.New("the claim Under is not set")
	}
	value, err := k.sign(message{tag: tagCookie, path: c.Under, canonicalPath: true, reserved: true}, "", c)
	if err != nil {
		return nil, err
	}
	cookie := &http.Cookie{
		Name: name, Value: value, Path: c.Under, Expires: c.Expires,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	}
	if !c.Permanent {
		cookie.MaxAge = strict.MaxAge(c.Expires)
	}
	if err := cookie.Valid(); err != nil {
		return nil, err
	}
	if len(name)+len(value) > maxCookie {
		return nil, fmt.Errorf("it would be longer than %d bytes", maxCookie)
	}
	return cookie, nil
}

var (
	errNoSignature = invalid("there is no signature")
	errNoExpiry    = invalid("there is no expires_at")
	errNoKeyID     = invalid("there is no signed_by")
	errUnknownKey  = invalid("the link names a key that is not in the ring")
	errSignature   = invalid("the signature does not match what was requested")
	errNotHMAC     = invalid("the link has steps, and is not signed with HMAC")
	errOtherCookie = invalid("the cookie holds no link to a subtree that the path is in")
	errTwoLinks    = invalid("the URL has reserved parameters, so that no cookie counts")
)

// Authenticate checks the signature of a link, see [Format].
func (k *Keyring) Authenticate(r Request) (l Link, err error) {
	r.judgePath()
	defer r.releaseSteps()
	if err := k.authenticate(&r, &l); err != nil {
		return Link{}, err
	}
	return l, nil
}

// judgePath looks at the path of a request that did not come straight from a
// Verifier: a format around this one may have put another path in it, of which
// nothing is known that was found out about the first.
func (r *Request) judgePath() {
	r.canonical, r.checked, r.steps = strict.CanonicalPath(r.Path), false, nil
}

// authenticate is Authenticate without copies, for a request whose canonical
// field is set. On an error, it leaves l as it may be.
func (k *Keyring) authenticate(r *Request, l *Link) error {
	if fault := strict.CheckTarget(r.Path, r.RawQuery); fault != nil {
		return strict.Invalid{Fault: fault}
	}
	if done, err := k.authenticateUsual(r, l); done {
		return err
	}
	if r.RawQuery == "" {
		return k.authenticateURL(r, &noParams, l)
	}
	p := newParams()
	err := k.authenticateURL(r, p, l)
	p.release()
	return err
}

// authenticateURL authenticates the link in a request's URL.
func (k *Keyring) authenticateURL(r *Request, p *params, l *Link) error {
	if fault := checkShape(r, p); fault != nil {
		return strict.Invalid{Fault: fault}
	}
	r.Trace("shape", "path and query are unambiguous")
	if p.reserved == 0 {
		return ErrUnsigned
	}
	key, err := k.signer(p)
	if err != nil {
		return err
	}
	return authenticateAny(r, key, p, p, tagURL, r.RawQuery, l)
}

// faultSemicolon is a fault of a request, and not of a URL to be signed: Sign
// writes a semicolon as %3B. Some servers cut a part at a raw one.
var faultSemicolon = strict.NewFault("the path holds a raw semicolon, which servers read differently")

// checkShape refuses a target that is ambiguous, and reads its reserved
// parameters.
func checkShape(r *Request, p *params) *strict.Fault {
	if !r.canonical {
		if !r.checked {
			if fault := strict.CheckPath(r.Path); fault != nil {
				return fault
			}
		}
		if strings.IndexByte(r.Path, ';') >= 0 {
			return faultSemicolon
		}
	}
	return scanQuery(r.RawQuery, p)
}

// authenticateUsual is the fast path for the link that most links are: a
// canonical path, no limits but steps and no parameters of the application, spelled
// as Sign and Narrow spell it. The signed bytes are then in the target as is. It reports
// false if the link is not of that shape, or the key is not known by that
// spelling; then, and only then, authenticateAny must look at it. Both agree on
// every link.
func (k *Keyring) authenticateUsual(r *Request, l *Link) (done bool, err error) {
	const expires, by, narrow, sig = "expires_at=", "&signed_by=", "&signed_narrow=", "&signature="
	q := r.RawQuery
	steps := strings.Count(q, "&") - 2
	if !r.canonical || r.trace != nil || steps < 0 || steps > maxSteps || !strings.HasPrefix(q, expires) {
		return false, nil
	}
	i := strings.IndexByte(q, '&')
	j := i + 1 + strings.IndexByte(q[i+1:], '&')
	m := message{tag: tagURL, path: r.Path, query: q[:j], canonicalPath: true, canonicalQuery: true}
	rest := q[j:]
	for n := range steps {
		raw, ok := strings.CutPrefix(rest, narrow)
		if !ok { // a limit, most likely
			return false, nil
		}
		end := strings.IndexByte(raw, '&')
		m.steps = r.room().raw[:n+1]
		m.steps[n], rest = raw[:end], raw[end:]
	}
	signature, ok := strings.CutPrefix(rest, sig)
	n, number := strict.Int(q[len(expires):i], strict.MaxTime)
	id, named := strings.CutPrefix(q[i:j], by)
	if !ok || !number || !named {
		return false, nil
	}
	key := k.exactKey(id)
	if key == nil || steps > 0 && key.alg != algHMAC {
		return false, nil
	}
	if !key.verify(m, signature) {
		return true, errSignature
	}
	l.Expires = time.Unix(n, 0)
	l.KeyID = key.id
	if steps > 0 {
		l.Narrowed = q[j+1 : len(q)-len(rest)]
		return true, l.openSteps(r, m.steps)
	}
	return true, nil
}

// AuthenticateCookie checks the signature in a cookie's value, see
// [CookieAuthenticator]. A cookie does not sign the request's own parameters,
// so they are refused unless the cookie names them as ignored.
func (k *Keyring) AuthenticateCookie(r Request, value string) (l Link, err error) {
	if fault := strict.CheckTarget(r.Path, r.RawQuery); fault != nil {
		return Link{}, strict.Invalid{Fault: fault}
	}
	r.judgePath()
	defer r.releaseSteps()
	if err := k.authenticateCookie(&r, value, &l); err != nil {
		return Link{}, err
	}
	return l, nil
}

// authenticateCookie is AuthenticateCookie without copies, as authenticate is.
// A browser sends all cookies of a name, and anyone as many as a header holds:
// those that were set for other places are sorted out first, and cheaply.
func (k *Keyring) authenticateCookie(r *Request, value string, l *Link) error {
	if len(value) > maxCookie {
		return errOtherCookie
	}
	p := newParams()
	defer p.release()
	if scanQuery(value, p) != nil || p.application > 0 {
		return errOtherCookie
	}
	if l.Under = underOfPath(p.values[paramUnder], r); l.Under == "" {
		return errOtherCookie
	}
	// Before a look at the URL: of those that name no key, a request may hold 64.
	key, err := k.signer(p)
	if err != nil {
		return err
	}
	own := &noParams
	if r.RawQuery != "" {
		own = newParams()
		defer own.release()
	}
	if fault := checkShape(r, own); fault != nil {
		return strict.Invalid{Fault: fault}
	}
	if own.reserved > 0 {
		return errTwoLinks
	}
	l.FromCookie = true
	return authenticateAny(r, key, p, own, tagCookie, value, l)
}

// noParams are those of an empty query.
var noParams params

// signer returns the key that a link or cookie names, if it has all that every
// one has.
func (k *Keyring) signer(p *params) (*Key, error) {
	switch {
	case p.values[paramSignature] == "":
		return nil, errNoSignature
	case p.values[paramExpires] == "":
		return nil, errNoExpiry
	case p.values[paramBy] == "":
		return nil, errNoKeyID
	}
	if key := k.key(p.values[paramBy]); key != nil {
		return key, nil
	}
	return nil, errUnknownKey
}

// authenticateAny authenticates every link and every cookie, with the key that
// it names. The query that p was read from holds the signature; own are the
// parameters of the request's URL, which for a link are p.
func authenticateAny(r *Request, key *Key, p, own *params, tag, query string, l *Link) error {
	r.Trace("key", key.id)
	m := message{tag: tag, path: r.Path, query: query, pairs: p.pairs, canonicalPath: r.canonical}
	if p.reserved > bareParams {
		var err error
		if m.binding, err = l.readSigned(r, p); err != nil {
			return err
		}
		if own.application > 0 && l.Ignore != nil {
			p.ignore = newIgnoreList(p.ignoreRoom[:0], l.Ignore)
			m.ignore = p.ignore
		}
		if l.Under != "" {
			m.path, m.canonicalPath, m.reserved = l.Under, true, true
		}
	}
	if len(p.steps) > 0 {
		if key.alg != algHMAC {
			return errNotHMAC
		}
		m.steps = p.steps
	}
	// The bytes as sent are the signed ones if the spelling is canonical and
	// nothing but the signature is left out.
	if p.signed != "" && (p.application == 0 || l.Under == "" && l.Ignore == nil) {
		m.query, m.canonicalQuery = p.signed, true
		if len(p.steps) > 0 { // which stand together, and not at the beginning
			m.query, m.rest = p.signed[:p.stepsStart-1], p.signed[p.stepsEnd:]
		}
	}
	if r.trace != nil {
		shown := m
		shown.binding = ""
		text := string(shown.append(nil))
		if m.binding != "" {
			text += "[the value of " + l.Binding.Name + "]"
		}
		for _, raw := range m.steps {
			step, _ := strict.Unescape(raw, true)
			text += "\n" + tagNarrow + step
		}
		r.Trace(traceSigned, text)
	}
	if !key.verify(m, p.values[paramSignature]) {
		return errSignature
	}
	r.Trace("signature", key.alg)

	if l.Under != "" {
		if !inSubtree(r.Path, l.Under) {
			return errOutside
		}
		if own.application > 0 && !own.allIgnored(r.RawQuery, p.ignore) {
			return errUnsignedParam
		}
		r.Trace("subtree", l.Under)
	}
	l.KeyID = key.id
	if len(p.steps) > 0 {
		l.Narrowed = p.narrowing(query)
		if err := l.openSteps(r, p.steps); err != nil {
			return err
		}
	}
	return l.read(p)
}

// key finds a key by the raw value of signed_by, or returns nil.
func (k *Keyring) key(raw string) *Key {
	if key := k.exactKey(raw); key != nil || k == nil {
		return key
	}
	id, _ := strict.Unescape(raw, true)
	return k.byID[id]
}

// exactKey finds a key by its id, or returns nil. The first key, which signs
// new links, is found without a look into the map.
func (k *Keyring) exactKey(id string) *Key {
	if k == nil || k.first.verify == nil {
		return nil
	}
	if id == k.first.id {
		return &k.first
	}
	return k.byID[id]
}
