package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/wire"
)

// Options are a [Verifier]'s policy. The zero value, and a nil *Options, are
// safe defaults. None of it can be overruled by a link.
type Options struct {
	// MaxLifetime is the longest time that an accepted link may still have to
	// live. Zero sets no limit. It bounds the harm of a signer that was made
	// to issue links for years.
	MaxLifetime time.Duration
	// Leeway is by how much clocks may differ: a link is accepted for so much
	// longer, and so much earlier. Zero is right where signer and verifier
	// share a clock.
	Leeway time.Duration
	// AllowPermanent accepts links that never expire.
	AllowPermanent bool

	// Prefix is what outer handlers or proxies took off the path before the
	// verifier saw it, in canonical form: "/files" inside
	// http.StripPrefix("/files", ...). The link is verified for Prefix
	// followed by the path.
	Prefix string
	// TrustedProxies are the networks of the proxies that set X-Forwarded-For.
	// From any other peer the header is not looked at.
	TrustedProxies []netip.Prefix

	// Binding returns the value that links bound to a name must have been
	// signed with, for example the id of the request's session. It is called
	// with the name that the link gives, before the signature is checked. An
	// error and an empty value refuse the link. Nil refuses all bound links.
	// The reply has Vary: Cookie; where the value does not come from a cookie,
	// let the handler set what it varies with.
	Binding func(r *http.Request, name string) (string, error)
	// Cookie is the name of the cookies that may carry a link to a subtree.
	// Empty means that no cookie is looked at. A cookie counts only if the
	// URL has none of the format's parameters.
	Cookie string

	// Revocation is asked about every link that has an id.
	Revocation Revocation
	// Uses counts the links that have a limited number of uses. Without it
	// they are refused with ErrUnavailable.
	Uses UseStore
	// UseWindow, if positive, lets the further requests of a client take no
	// use for so long after the one that took it, so that a player that
	// fetches ranges, a retry or a seek do not eat the link. The client is its
	// address (TrustedProxies apply), IPv6 by /64. All who share an address,
	// such as a whole office, or everybody behind a proxy that TrustedProxies
	// does not name, are one client: so there is no window by default.
	UseWindow time.Duration

	// ExpiredStatus is the status for an expired link: 404, which is also the
	// default, or 410.
	ExpiredStatus int
	// Deny replaces [Refuse] as the reply to a refused request. The error
	// wraps one of the package's sentinels; tell the client no more than
	// Refuse does unless you mean to. The header has Cache-Control: no-store
	// already.
	Deny func(w http.ResponseWriter, r *http.Request, err error)
	// Observe is called with every decision, for metrics and logs: err is nil
	// if the request was accepted, and c is zero if the link was not found
	// authentic. The request's URL is still signed: log it through [Redact].
	// It is called by many goroutines, and the reply waits for it.
	Observe func(r *http.Request, c Claims, err error)

	// InsecureReportOnly makes Handler let through what it would refuse, for
	// putting it in front of a live service: Observe sees what would have
	// happened. Refused requests reach the next handler without claims in
	// their context and with Cache-Control: no-store. No uses are counted.
	// Verify still says what it would do.
	InsecureReportOnly bool
}

// Verifier decides whether a request may be served. It authenticates the link
// through a [Format] and then holds the claims against the request, in this
// order: what the signature covers; time; method, host, address; revocation
// and uses. So whoever cannot sign learns nothing about clock or file. The
// zero Verifier refuses everything. A Verifier is immutable and safe for
// concurrent use.
type Verifier struct {
	format Format
	cookie CookieFormat // set if cookies are looked at
	opts   Options
	deny   func(w http.ResponseWriter, r *http.Request, err error)
}

// NewVerifier returns a verifier for links of format f. Nil options mean the
// defaults; they are copied. It panics if f is nil or the options make no
// sense, since a program must not start that way: a negative duration, an
// ExpiredStatus but 404 and 410, a Prefix that is not canonical, an invalid
// network, a Cookie that is no cookie name or whose format has no cookies, a
// UseWindow without Uses.
func NewVerifier(f Format, opts *Options) *Verifier {
	if f == nil {
		panic("signedurl: NewVerifier with a nil Format")
	}
	v := &Verifier{format: f}
	if opts != nil {
		v.opts = *opts
	}
	o := &v.opts
	o.TrustedProxies = slices.Clone(o.TrustedProxies)
	refuse := func(format string, args ...any) { panic("signedurl: NewVerifier: " + fmt.Sprintf(format, args...)) }
	if o.MaxLifetime < 0 || o.Leeway < 0 || o.UseWindow < 0 {
		refuse("a negative duration")
	}
	if o.Prefix != "" && (wire.CheckPath(o.Prefix) != wire.PathOK || string(wire.AppendPath(nil, o.Prefix)) != o.Prefix) {
		refuse("the prefix %q is no canonical path", o.Prefix)
	}
	for i, p := range o.TrustedProxies {
		p, ok := canonicalNetwork(p)
		if !ok {
			refuse("the trusted proxy %v is no network", o.TrustedProxies[i])
		}
		o.TrustedProxies[i] = p
	}
	if o.Cookie != "" {
		if err := (&http.Cookie{Name: o.Cookie}).Valid(); err != nil {
			refuse("%q is no cookie name", o.Cookie)
		}
		cookie, ok := f.(CookieFormat)
		if !ok {
			refuse("links of this format cannot travel as cookies")
		}
		v.cookie = cookie
	}
	if o.UseWindow > 0 && o.Uses == nil {
		refuse("a UseWindow without Uses")
	}
	switch o.ExpiredStatus {
	case 0:
		o.ExpiredStatus = http.StatusNotFound
	case http.StatusNotFound, http.StatusGone:
	default:
		refuse("the status %d for an expired link; it is 404 or 410", o.ExpiredStatus)
	}
	v.deny = o.Deny
	if v.deny == nil {
		v.deny = func(w http.ResponseWriter, r *http.Request, err error) {
			code := status(err)
			if errors.Is(err, ErrExpired) {
				code = o.ExpiredStatus
			}
			reply(w, code)
		}
	}
	return v
}

// Verify decides about a request. On success it returns the link's claims, and
// may have counted a use; otherwise the claims are zero and the error wraps
// one of the package's sentinels. It looks at r's URL as the next handler will
// see it, and does not change r.
func (v *Verifier) Verify(r *http.Request) (c Claims, err error) {
	if _, err := v.decide(r, &c); err != nil {
		return Claims{}, err
	}
	return c, nil
}

// decide is Verify, and returns the time of the decision. It leaves the claims
// of an authentic link that was refused in c.
func (v *Verifier) decide(r *http.Request, c *Claims) (time.Time, error) {
	now, err := v.verify(r, c, nil)
	if v != nil && v.opts.Observe != nil {
		v.opts.Observe(r, *c, err)
	}
	return now, err
}

var (
	errZeroVerifier = invalid("the verifier was not made by NewVerifier")
	errAbsolute     = invalid("the request's target is not a path and a query")
	errRewritten    = invalid("the path is not the one that was requested, nor is it that without the prefix")
	errLifetime     = notAllowed("the link lives longer than the verifier accepts")
	errPermanent    = notAllowed("the link never expires, which the verifier does not allow")
	errMethod       = notAllowed("the link is not for this method")
	errHost         = notAllowed("the link is for another host")
	errNetwork      = notAllowed("the link is for other networks")
	errAddress      = notAllowed("the client's address cannot be told")
	errNoUses       = &detailed{ErrUnavailable, "the link has limited uses, and the verifier has no store that counts them"}
)

// verify makes the decision: authenticity, then what needs no store, then what
// does. With a trace it says what it did, and takes no use.
func (v *Verifier) verify(r *http.Request, c *Claims, trace *Explanation) (now time.Time, err error) {
	if v == nil || v.format == nil {
		return now, errZeroVerifier
	}
	req := Request{trace: trace}
	if err := v.request(r, &req); err != nil {
		return now, err
	}
	if trace != nil {
		trace.Path = req.Path
	}
	if err = authenticate(v.format, &req, c); err == nil {
		now = time.Now()
		err = v.check(&req, c, now)
	} else {
		*c = Claims{} // whatever the format returned
		if v.cookie != nil && errors.Is(err, ErrUnsigned) {
			now, err = v.tryCookies(&req, c)
		}
	}
	if err == nil && (c.ID != "" || c.Uses > 0) {
		err = v.askStores(&req, c)
	}
	return now, err
}

// authenticate asks the format. For a Keyring it takes the short way past the
// copies of request and claims that go through an interface.
func authenticate(f Format, r *Request, c *Claims) (err error) {
	if v, ok := f.(*FormatVar); ok {
		f = v.load()
	}
	switch f := f.(type) {
	case nil:
		return errNoFormat
	case *Keyring:
		return f.authenticate(r, c)
	}
	*c, err = f.Authenticate(*r)
	return err
}

// request takes from r what a format may look at. What is verified is the path
// in r.URL, since that is what the next handler serves. The request target
// that the client sent must be that path, or that path behind the prefix:
// otherwise one verifier mounted below /a/ and /b/, with prefixes taken off,
// would open /b/card with the link to /a/card.
func (v *Verifier) request(r *http.Request, req *Request) error {
	u := r.URL
	if u == nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.User != nil {
		return errAbsolute
	}
	if len(u.Path)+len(u.RawQuery) >= maxTarget || len(r.RequestURI) > maxTarget {
		return errTooLong
	}
	path, prefix := r.RequestURI, v.opts.Prefix
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	plain, escapes := wire.CanonicalPath(path)
	switch {
	case plain && !escapes && path == u.Path && u.RawPath == "" && prefix == "": // most requests
	case r.RequestURI == "": // a request that came over no wire
		path = prefix + escapedPath(u)
		plain, _ = wire.CanonicalPath(path)
	case prefix != "" && strings.HasPrefix(path, prefix) && spells(path[len(prefix):], u):
	case spells(path, u):
		if prefix != "" {
			path = prefix + path
			plain, _ = wire.CanonicalPath(path)
		}
	default:
		return errRewritten
	}
	if !plain {
		// An empty part is for the format to judge: other systems have them.
		if fault := wire.CheckPath(path); fault != wire.PathOK && fault != wire.PathEmptyPart {
			return pathFaults[fault]
		}
	}
	req.Method, req.Host, req.Path, req.RawQuery, req.Header = r.Method, r.Host, path, u.RawQuery, r.Header
	req.Scheme = "http"
	if r.TLS != nil {
		req.Scheme = "https"
	}
	req.http, req.binding, req.plain = r, v.opts.Binding, plain
	return nil
}

// escapedPath is the path as it was sent, if u still has it.
func escapedPath(u *url.URL) string {
	if u.RawPath != "" && wire.UnescapesTo(u.RawPath, u.Path, false) {
		return u.RawPath
	}
	return u.EscapedPath()
}

// spells reports whether raw is the escaped path of u, in a spelling that
// means the same: byte for byte if u has a RawPath, and otherwise with every
// slash raw, which is what an absent RawPath says. It allocates nothing unless
// somebody changed u's path and left its RawPath behind.
func spells(raw string, u *url.URL) bool {
	if u.RawPath == "" {
		return wire.UnescapesTo(raw, u.Path, false) && strings.Count(raw, "/") == strings.Count(u.Path, "/")
	}
	return raw == escapedPath(u)
}

// check holds claims against the request, as far as no store is needed.
func (v *Verifier) check(r *Request, c *Claims, now time.Time) error {
	o := &v.opts
	switch {
	case c.Permanent:
		if !o.AllowPermanent {
			return errPermanent
		}
	case !now.Before(c.Expires.Add(o.Leeway)): // the zero time has long passed
		return ErrExpired
	}
	if !c.NotBefore.IsZero() && now.Add(o.Leeway).Before(c.NotBefore) {
		return ErrNotYet
	}
	if o.MaxLifetime > 0 && !c.Permanent && c.Expires.Sub(now) > o.MaxLifetime+o.Leeway {
		return errLifetime
	}
	if r.trace != nil {
		r.Trace("time", describeTime(c, now))
	}
	if !allows(c.Methods, r.Method) {
		return errMethod
	}
	r.Trace("method", r.Method)
	if c.Host != "" {
		if !sameHost(r.Host, r.Scheme, c.Host) {
			return errHost
		}
		r.Trace("host", c.Host)
	}
	if c.Networks != nil {
		addr, ok := clientAddr(r.http, o.TrustedProxies)
		if !ok {
			return errAddress
		}
		if !within(addr, c.Networks) {
			return errNetwork
		}
		if r.trace != nil {
			r.Trace("address", addr.String())
		}
	}
	return nil
}

// useMargin is how much longer than its link a count is kept, for clocks that
// differ between the verifiers that share a store.
const useMargin = time.Minute

// askStores asks about revocation, and then takes a use. It fails closed.
func (v *Verifier) askStores(r *Request, c *Claims) error {
	ctx, o := r.http.Context(), &v.opts
	if c.ID != "" && o.Revocation != nil {
		revoked, err := o.Revocation.Revoked(ctx, c.ID)
		if err != nil {
			return &detailed{ErrUnavailable, err.Error()}
		}
		if revoked {
			return ErrRevoked
		}
		r.Trace("revocation", c.ID)
	}
	// HEAD takes nothing, since it gives nothing.
	if c.Uses <= 0 || r.Method == http.MethodHead || o.InsecureReportOnly {
		return nil
	}
	if o.Uses == nil {
		return errNoUses
	}
	use := Use{ID: c.ID, Limit: c.Uses, Expires: c.Expires.Add(o.Leeway + useMargin)}
	if o.UseWindow > 0 {
		addr, ok := clientAddr(r.http, o.TrustedProxies)
		if !ok {
			return errAddress
		}
		use.Window, use.Client = o.UseWindow, clientNetwork(addr)
	}
	if r.trace != nil {
		r.Trace("uses", "not counted here")
		return nil
	}
	ok, err := o.Uses.Take(ctx, use)
	if err != nil {
		return &detailed{ErrUnavailable, err.Error()}
	}
	if !ok {
		return ErrUsedUp
	}
	return nil
}

// allows reports whether a link for these methods is good for one.
func allows(methods []string, method string) bool {
	if methods == nil {
		return method == http.MethodGet || method == http.MethodHead
	}
	for _, m := range methods {
		if m == method || (m == http.MethodGet && method == http.MethodHead) {
			return true
		}
	}
	return false
}

// sameHost compares the host of a request with a claim's, which is in lower
// case and without the scheme's default port. Only ASCII is folded: EqualFold
// would take the Kelvin sign for a k.
func sameHost(host, scheme, want string) bool {
	if scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	if len(host) != len(want) {
		return false
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}
