package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"example.com/signedurl/middleware/internal/netaddr"
	"example.com/signedurl/middleware/internal/strict"
)

// Narrow returns a link that opens less than u, a link of this package's format
// that was signed with HMAC. It needs no key: whoever holds a link can narrow it,
// offline, and nobody who holds the narrower link can widen it again. The claims are
// what the new link is limited to besides: Expires, NotBefore, Under, Only, Methods,
// Host, Networks, Upload.MaxBytes and Upload.Accept, of which at least one is set.
// Expires may be absent. The limits of the link itself continue to hold, so that its
// uses are counted, and its ID is revoked, together with those of all links made from
// it.
//
// The path of u must be one that the new link opens: the holder of a subtree
// changes it to the file's before. Path and query come out in canonical form.
//
// Narrow returns an error if a claim is wider than the link, or would leave
// nothing of it; if the claims have one that cannot be narrowed; if the link was
// narrowed four times; and if it would exceed the limits that the package
// documentation names. The error wraps [errors.ErrUnsupported] if u is signed with
// Ed25519, whose signature nothing can be derived from: ask its signer for a narrower
// one. So it does if u is not a link of this format. Narrow does not look at the
// clock and does not check the signature. It is safe for concurrent use.
func Narrow(u *url.URL, c Claims) (*url.URL, error) {
	narrow, err := narrowURL(u, func(link *narrower) (string, error) { return link.step(&c) })
	if err != nil {
		return nil, fmt.Errorf("signedurl: cannot narrow: %w", err)
	}
	return narrow, nil
}

// NarrowCookie does to the value of a cookie of [Subtree.Cookies] what [Narrow]
// does to a link. The new value opens the path Only, or what is below Under; the Path
// and the expiry of the cookie are the caller's to set.
func NarrowCookie(value string, c Claims) (string, error) {
	narrow, err := narrowCookie(value, &c)
	if err != nil {
		return "", fmt.Errorf("signedurl: cannot narrow a cookie: %w", err)
	}
	return narrow, nil
}

// Renarrow returns u with the hosts, networks, sizes and media types of the steps of
// l. It is for a handler that signs another link for whoever holds l, such as one to
// the file that was uploaded with it, and gives it the expiry of [Link.Expiry] and
// the limits of l itself. If no step has such a limit, Renarrow returns u. The error
// wraps [errors.ErrUnsupported] if u cannot be narrowed, as [Narrow] says: a service
// whose new key is Ed25519 has no such links for the holders of old ones.
func (l *Link) Renarrow(u *url.URL) (*url.URL, error) {
	for _, step := range l.Steps() {
		c := Claims{Host: step.Host, Networks: step.Networks, Upload: step.Upload}
		text, err := c.writeStep()
		if err == nil && text != "" {
			u, err = narrowURL(u, func(*narrower) (string, error) { return text, nil })
		}
		if err != nil {
			return nil, fmt.Errorf("signedurl: cannot narrow: %w", err)
		}
	}
	return u, nil
}

func narrowURL(u *url.URL, step func(*narrower) (string, error)) (*url.URL, error) {
	if u.Opaque != "" || u.User != nil {
		return nil, errors.New("the URL has an opaque part or a user")
	}
	path := u.EscapedPath()
	if fault := strict.CheckPath(path); fault != nil {
		return nil, fault
	}
	path = string(strict.AppendPath(nil, path))
	query, err := narrowQuery(u.RawQuery, path, step)
	if err != nil {
		return nil, err
	}
	narrow := *u
	strict.SetPath(&narrow, path)
	narrow.RawQuery, narrow.ForceQuery = query, false
	if fault := strict.CheckTarget(path, query); fault != nil {
		return nil, fault
	}
	return &narrow, nil
}

func narrowCookie(value string, c *Claims) (string, error) {
	value, err := narrowQuery(value, "", func(link *narrower) (string, error) { return link.step(c) })
	if err == nil && len(value) >= maxCookie {
		err = fmt.Errorf("it would be longer than %d bytes", maxCookie)
	}
	return value, err
}

// narrowHTTPCookie narrows a cookie of the only format that has steps, with the
// attributes that follow from the claims.
func narrowHTTPCookie(cookie *http.Cookie, c *Claims) error {
	value, err := narrowCookie(cookie.Value, c)
	if err != nil {
		return err
	}
	cookie.Value = value
	if len(cookie.Name)+len(value) > maxCookie {
		return fmt.Errorf("it would be longer than %d bytes", maxCookie)
	}
	if !c.Expires.IsZero() {
		cookie.Expires, cookie.MaxAge = c.Expires, strict.MaxAge(c.Expires)
	}
	if c.Under != "" {
		cookie.Path = c.Under
	}
	if c.Only != "" {
		cookie.Path = c.Only
	}
	return nil
}

var (
	errNotNarrow = fmt.Errorf("it is not a link of this package's format, with expires_at, signed_by and a signature: %w", errors.ErrUnsupported)
	errNoMAC     = fmt.Errorf("the link is signed with Ed25519, and only its signer can make a narrower one: ask there: %w", errors.ErrUnsupported)
	errSteps     = errors.New("the link was narrowed 4 times, which is all that it can be: narrow an earlier one")
)

// narrower is a link that is to be narrowed: all that a new step must lie within.
type narrower struct {
	path   string   // canonical; "" for a cookie
	claims []Claims // the link's own, and its steps
}

// narrowQuery adds a step to the query of a link, or to the value of a cookie, which
// has no path.
func narrowQuery(query, path string, step func(*narrower) (string, error)) (string, error) {
	p := newParams()
	defer p.release()
	if fault := scanQuery(query, p); fault != nil {
		return "", fault
	}
	signature := p.values[paramSignature]
	if signature == "" || p.values[paramExpires] == "" || p.values[paramBy] == "" {
		return "", errNotNarrow
	}
	if len(signature) == base64.RawURLEncoding.EncodedLen(2*sha256.Size) {
		return "", errNoMAC
	}
	var sum [sha256.Size]byte
	if !strict.Base64(sum[:], signature) {
		return "", errNotNarrow
	}
	if len(p.steps) == maxSteps {
		return "", errSteps
	}
	link := &narrower{path: path}
	if err := link.read(p, query); err != nil {
		return "", err
	}
	text, err := step(link)
	if err != nil {
		return "", err
	}
	if len(text) > maxStep {
		return "", fmt.Errorf("the step would be longer than %d bytes", maxStep)
	}
	raw := strict.Escape(text)
	query, err = canonicalQuery(query, nameNarrow+"="+raw)
	if err != nil {
		return "", err
	}
	narrowMAC(&sum, nil, raw)
	return query + "&" + nameSignature + "=" + base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// read reads the claims of the link and of its steps.
func (n *narrower) read(p *params, query string) error {
	var own Claims
	unreadable := func(err error) error {
		return errors.New(strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": "))
	}
	if raw := p.values[paramUnder]; raw != "" {
		own.Under, _ = strict.Unescape(raw, true)
		if !strict.CanonicalDir(own.Under) {
			return unreadable(errBadUnder)
		}
	}
	if raw := p.values[paramIgnore]; raw != "" && !own.readIgnore(raw) {
		return unreadable(limits[paramIgnore].fault)
	}
	if err := own.read(p); err != nil {
		return unreadable(err)
	}
	switch {
	case n.path == "" && own.Under == "":
		return errNotNarrow
	case n.path == "":
	case own.Under == "":
		own.Only = n.path // all that the link opens
	case !strings.HasPrefix(n.path, own.Under):
		return errors.New("the path of the URL is not in the link's subtree")
	}
	if own.Under != "" && p.application > 0 && (n.path == "" || !p.allIgnored(query, newIgnoreList(nil, own.Ignore))) {
		return errors.New("a link to a subtree has no other parameters than those that it ignores, and a cookie none")
	}
	n.claims = append(n.claims, own)
	for i, raw := range p.steps {
		var c Claims
		if !c.readStep(raw, &Request{}) {
			return unreadable(errBadStep[i])
		}
		n.claims = append(n.claims, c)
	}
	return nil
}

// step returns the text of a step that narrows the link to the claims.
func (n *narrower) step(c *Claims) (string, error) {
	if claim := c.unknown("Expires", "NotBefore", "Under", "Only", "Methods", "Host", "Networks", "Upload"); claim != "" {
		return "", fmt.Errorf("the claim %s cannot be narrowed: ask the signer for another link", claim)
	}
	if c.Upload.Replace || c.Upload.SHA256 != [sha256.Size]byte{} {
		return "", errors.New("of the claim Upload, only MaxBytes and Accept can be narrowed: ask the signer for another link")
	}
	text, err := c.writeStep()
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", errors.New("the claims limit nothing")
	}
	for i := range n.claims {
		if err := c.within(&n.claims[i], i > 0); err != nil {
			return "", err
		}
	}
	for _, claims := range append(n.claims, *c) {
		if n.path != "" && !claims.opens(&Request{Path: n.path, canonical: true}) {
			return "", errors.New("the path of the URL is not one that the narrower link would open: give the URL that path first")
		}
	}
	if c.Only != "" && !strings.HasPrefix(c.Only, c.Under) {
		return "", errors.New("the claim Only is not in the subtree Under")
	}
	return text, nil
}

// writeStep returns the claims as the text of a step, and "" if none is set.
func (c *Claims) writeStep() (string, error) {
	timed := *c
	timed.Permanent = c.Expires.IsZero() // as there is none to write
	var pairs []string
	for id, limit := range limits {
		if !limit.narrows || param(id) == paramExpires && c.Expires.IsZero() {
			continue
		}
		value, err := limit.write(&timed)
		if err != nil {
			return "", err
		}
		if strings.Count(value, ",") >= maxListed {
			return "", fmt.Errorf("a list in a step has at most %d items", maxListed)
		}
		if value != "" {
			pairs = append(pairs, limit.name+"="+strict.Escape(value))
		}
	}
	slices.Sort(pairs) // no name begins with another
	return strings.Join(pairs, "&"), nil
}

// within returns an error if a new step is wider than the claims of a link, or than
// one of its steps, or if the two have nothing in common.
func (c *Claims) within(outer *Claims, step bool) error {
	wider := func(claim string) error { return fmt.Errorf("the claim %s is wider than the link", claim) }
	switch {
	case !c.Expires.IsZero() && !outer.Expires.IsZero() && c.Expires.Unix() > outer.Expires.Unix():
		return wider("Expires")
	case !c.NotBefore.IsZero() && !outer.NotBefore.IsZero() && c.NotBefore.Unix() < outer.NotBefore.Unix():
		return wider("NotBefore")
	case !c.NotBefore.IsZero() && !outer.Expires.IsZero() && c.NotBefore.Unix() >= outer.Expires.Unix(),
		!c.Expires.IsZero() && !outer.NotBefore.IsZero() && c.Expires.Unix() <= outer.NotBefore.Unix():
		return errors.New("the link would expire before it becomes valid")
	case c.Under != "" && (outer.Only != "" || !strings.HasPrefix(c.Under, outer.Under)):
		return wider("Under")
	case c.Only != "" && (outer.Only != "" && c.Only != outer.Only || !strings.HasPrefix(c.Only, outer.Under)):
		return wider("Only")
	case c.Host != "" && outer.Host != "" && c.Host != outer.Host:
		return wider("Host")
	case c.Upload.MaxBytes > 0 && outer.Upload.MaxBytes > 0 && c.Upload.MaxBytes > outer.Upload.MaxBytes:
		return wider("Upload.MaxBytes")
	}
	for _, m := range c.Methods {
		if !outer.allows(m) && !(step && outer.Methods == nil) {
			return wider("Methods")
		}
	}
	for _, t := range c.Upload.Accept {
		if !outer.Upload.accepts(t) {
			return wider("Upload.Accept")
		}
	}
	for _, n := range c.Networks {
		n, _ := netaddr.Network(n)
		if outer.Networks != nil && !slices.ContainsFunc(outer.Networks, func(o netip.Prefix) bool {
			return o.Bits() <= n.Bits() && o.Contains(n.Addr())
		}) {
			return wider("Networks")
		}
	}
	return nil
}
