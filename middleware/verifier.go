package middleware

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/netaddr"
	"example.com/signedurl/middleware/internal/strict"
)

// Options configures a [Verifier]: its policy, which no link can overrule. The
// zero value, and a nil *Options, select safe defaults.
type Options struct {
	// MaxLifetime refuses links that expire further than this in the future, so
	// that a compromised signer cannot issue links that last for years. Zero
	// means no limit. A signer that rounds expiries with [RoundUp] makes links
	// that live up to one step longer: add the step.
	MaxLifetime time.Duration
	// Leeway is the clock skew to tolerate: a link is accepted this long before
	// NotBefore and after Expires. Leave it zero if signer and verifier share a
	// clock.
	Leeway time.Duration
	// AllowPermanent accepts links that never expire.
	AllowPermanent bool

	// Prefix is the prefix that outer handlers or proxies strip from the path,
	// in canonical form, such as "/files" inside
	// http.StripPrefix("/files", ...). The path that is verified is Prefix
	// followed by the path of the request.
	Prefix string
	// TrustedProxies lists the networks of the proxies that set
	// X-Forwarded-For. The header is ignored if the peer is in none of them.
	TrustedProxies []netip.Prefix
	// InsecureTrustUnixSocket treats a peer on a Unix socket, which has no
	// address, as a trusted proxy. Set it only if no one but that proxy can
	// connect to the socket.
	InsecureTrustUnixSocket bool

	// Binding returns the value that links bound to a name must have been
	// signed with, for example the id of the request's session. It is called
	// with the name that the link gives, before the signature is checked. An
	// error and an empty value refuse the link. Nil refuses all bound links.
	// The reply has Vary: Cookie; if the value does not come from a cookie, the
	// handler must set the Vary that fits.
	Binding func(r *http.Request, name string) (string, error)
	// Cookie is the name of the cookies that may carry a link to a subtree.
	// Empty means that no cookie is looked at. A cookie counts only if the
	// URL has none of the format's parameters.
	Cookie string

	// EnforcesUploads says that the next handler holds the bodies of uploads
	// against the link's Claims.Upload, as package signedfs does. Without it,
	// links that limit an upload are refused with ErrNotAllowed: a handler
	// that does not know the limits would take anything.
	EnforcesUploads bool

	// Revocations, if not nil, is asked about every link that has an ID. If
	// nil, no link is revoked.
	Revocations Revocations
	// Uses counts the links that have a limited number of uses. Without it
	// they are refused with ErrUnavailable.
	Uses UseStore
	// UseWindow, if positive, is how long a client's further requests take no
	// use, counted from the request that took one, so that a player's range
	// requests, a retry or a seek do not use up the link. The client is its
	// address (TrustedProxies apply), IPv6 by /64. All clients that share an
	// address, such as those of a whole office, or of a proxy that
	// TrustedProxies does not name, count as one: so there is no window by
	// default.
	UseWindow time.Duration

	// Confirm makes Handler ask a person before a use of a link with limited uses is
	// taken, since mail scanners and chat previews open links too: GET and HEAD get a
	// page with a button, and neither the file nor a use. What the button sends, a
	// POST from the same origin with the body confirm=1, stands for the GET, if the
	// link permits GET and not POST; the next handler sees a GET. With a UseWindow,
	// it opens the window, in which the client's further requests pass. Nobody is asked
	// about a link that permits POST, in report-only mode, and by Verify, which takes
	// a use for a GET. A proxy must leave the host of requests as it is.
	Confirm bool
	// Pages is the template of the pages that people see, which is executed with a
	// [Page]: [DefaultPages], or the application's own. It replaces Refuse for
	// clients that ask for HTML; those that ask for JSON get problem details (RFC
	// 9457), and all others text. Nil is text for all, and for Confirm the
	// default page. The page for "unconfirmed" needs a form with method post and
	// nothing but a button of the name confirm and the value 1. A page may have
	// styles and data: images, and loads nothing.
	Pages *template.Template

	// ExpiredStatus is the status for an expired link: 404, which is also the
	// default, or 410.
	ExpiredStatus int
	// Deny replaces [Refuse] as the reply to a refused request. The error
	// wraps one of the package's sentinels; tell the client no more than
	// Refuse does unless you mean to. The header has Cache-Control: no-store
	// already.
	Deny func(w http.ResponseWriter, r *http.Request, err error)
	// Observe is called with every decision, for metrics and logs: err is nil
	// if the request was accepted, and l is zero if the link was not found
	// authentic. The request's URL is still signed: log it through [Redact].
	// It is called by many goroutines, and the reply waits for it.
	Observe func(r *http.Request, l Link, err error)

	// InsecureReportOnly makes Handler let through what it would refuse, for
	// trying it on a live service: Observe sees what would have happened.
	// Refused requests reach the next handler without a link in their context
	// and with Cache-Control: no-store. No uses are counted. Verify still says
	// what it would do.
	InsecureReportOnly bool
}

// Verifier decides whether a request may be served. It authenticates the link
// through a [Format] and then holds the claims against the request, in this
// order: what the signature covers; time; method, host, address; revocation
// and uses. So a client without a valid signature learns nothing about clock or
// file. The zero Verifier refuses everything. A Verifier is immutable and safe
// for concurrent use.
type Verifier struct {
	format Format
	cookie CookieAuthenticator // set if cookies are looked at
	opts   Options
	deny   func(w http.ResponseWriter, r *http.Request, err error)
	pages  *template.Template // with the question of Options.Confirm
}

// NewVerifier returns a Verifier for links of format f. If opts is nil, the
// defaults apply; otherwise it is copied. The error joins all faults of the
// options: a negative duration, an ExpiredStatus other than 404 and 410, a
// Prefix that is not canonical, an invalid network, a Cookie that is no cookie
// name or whose format is no [CookieAuthenticator], a UseWindow or Confirm without
// Uses, Pages together with Deny.
// NewVerifier panics if f is nil.
func NewVerifier(f Format, opts *Options) (*Verifier, error) {
	if f == nil {
		panic("signedurl: NewVerifier with a nil Format")
	}
	v := &Verifier{format: f}
	if opts != nil {
		v.opts = *opts
	}
	o := &v.opts
	o.TrustedProxies = slices.Clone(o.TrustedProxies)
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("signedurl: "+format, args...))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"MaxLifetime", o.MaxLifetime}, {"Leeway", o.Leeway}, {"UseWindow", o.UseWindow}} {
		if d.value < 0 {
			fault("%s is negative: %v", d.name, d.value)
		}
	}
	if o.Prefix != "" && !strict.CanonicalPath(o.Prefix) {
		fault("Prefix is not a canonical path: %q", o.Prefix)
	}
	for i, p := range o.TrustedProxies {
		canonical, ok := netaddr.Network(p)
		if !ok {
			fault("TrustedProxies holds %v, which is not a network", p)
		}
		o.TrustedProxies[i] = canonical
	}
	if o.Cookie != "" {
		if err := (&http.Cookie{Name: o.Cookie}).Valid(); err != nil {
			fault("Cookie is not a cookie name: %q", o.Cookie)
		}
		if v.cookie = cookieAuthenticator(f); v.cookie == nil {
			fault("Cookie is set, and links of this format cannot travel in a cookie of that name")
		}
	}
	if o.UseWindow > 0 && o.Uses == nil {
		fault("UseWindow is set without Uses")
	}
	if o.Confirm && o.Uses == nil {
		fault("Confirm is set without Uses")
	}
	if o.Pages != nil && o.Deny != nil {
		fault("Pages and Deny are both set, and each replaces the reply to a refused request")
	}
	switch o.ExpiredStatus {
	case 0:
		o.ExpiredStatus = http.StatusNotFound
	case http.StatusNotFound, http.StatusGone:
	default:
		fault("ExpiredStatus is %d, and must be 404 or 410", o.ExpiredStatus)
	}
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	if v.pages = o.Pages; v.pages == nil && o.Confirm {
		v.pages = DefaultPages("")
	}
	v.deny = o.Deny
	if v.deny == nil {
		v.deny = func(w http.ResponseWriter, r *http.Request, err error) {
			code := status(err)
			if errors.Is(err, ErrExpired) {
				code = o.ExpiredStatus
			}
			if o.Pages == nil {
				reply(w, code)
				return
			}
			replyFor(w, r, o.Pages, err, code)
		}
	}
	return v, nil
}

// cookieAuthenticator returns f as one, or nil. A FormatVar is one only if its
// format is; an empty one may still be given such a format.
func cookieAuthenticator(f Format) CookieAuthenticator {
	if v, ok := f.(*FormatVar); ok && !v.takesCookies() {
		return nil
	}
	a, _ := f.(CookieAuthenticator)
	return a
}

// Verify decides about a request. On success it returns the link, and may have
// counted a use; otherwise the link is zero and the error wraps one of the
// package's sentinels. It looks at r's URL as the next handler will see it, and
// does not change r.
func (v *Verifier) Verify(r *http.Request) (l Link, err error) {
	if _, err := v.decide(r, &l, new(takenUse), nil, nil); err != nil {
		return Link{}, err
	}
	return l, nil
}

// Client returns who sends a request, as a key to count by: the address that
// [Options.TrustedProxies] find, and for IPv6 its /64, since one host has all the
// addresses of that. Clients that share an address are one. It reports false if
// the address is not known.
func (v *Verifier) Client(r *http.Request) (client netip.Prefix, ok bool) {
	addr, ok := clientAddr(r, v.opts.TrustedProxies, v.opts.InsecureTrustUnixSocket)
	if !ok {
		return netip.Prefix{}, false
	}
	return clientNetwork(addr), true
}

// Explain decides about a request as Verify does, by the same code, and tells
// how it came to the decision. It counts no use and does not call Observe. For
// the URL of a link, make a request with [http.NewRequest] first.
//
// The explanation is for the operator: a client must not see it.
func (v *Verifier) Explain(r *http.Request) *Explanation {
	e := new(Explanation)
	_, e.Err = v.decide(r, &e.Link, new(takenUse), e, nil)
	if e.Err != nil {
		e.Checks = append(e.Checks, Check{Reason(e.Err), strings.TrimPrefix(e.Err.Error(), "signedurl: "), false})
	}
	return e
}

var (
	errZeroVerifier = invalid("the verifier was not made by NewVerifier")
	errTarget       = invalid("the request's target is not a path and a query, with a scheme and a host or without")
	errRewritten    = invalid("the path is not the one that was requested, nor is it that without the prefix")
	errLifetime     = notAllowed("the link lives longer than the verifier accepts")
	errPermanent    = notAllowed("the link never expires, which the verifier does not allow")
	errNoUses       = &detailed{ErrUnavailable, "the link has limited uses, and the verifier has no store that counts them"}
)

// decide makes the decision: authenticity, then what needs no store, then what
// does. It returns the time of the decision, and leaves an authentic link that
// was refused in l. With a confirmation it may ask for one, or find it given; that is
// for a handler that has a page. With a trace it records what it did, takes no use and is not
// observed.
func (v *Verifier) decide(r *http.Request, l *Link, taken *takenUse, trace *Explanation, confirm *confirmation) (now time.Time, err error) {
	if v == nil || v.format == nil {
		return now, errZeroVerifier
	}
	req := Request{trace: trace, confirm: confirm}
	if err = v.request(r, &req); err == nil {
		if trace != nil {
			trace.Path = req.Path
		}
		now = time.Now()
		if err = v.authenticate(&req, l); err == nil {
			err = v.check(&req, l, now)
		} else {
			*l = Link{} // whatever the format returned
			if v.cookie != nil && errors.Is(err, ErrUnsigned) {
				err = v.tryCookies(&req, l, now)
			}
		}
		if err == nil && (l.ID != "" || l.Uses > 0) {
			err = v.askStores(&req, l, taken)
		}
	}
	req.releaseSteps()
	if trace == nil && v.opts.Observe != nil {
		v.opts.Observe(r, *l, err)
	}
	return now, err
}

// authenticate asks the format. A Keyring, also one in a FormatVar, is called
// directly, and not through the interface, which would cost copies of request
// and link; through an interface of pointers both would escape to the heap.
func (v *Verifier) authenticate(r *Request, l *Link) (err error) {
	f := v.format
	if held, ok := f.(*FormatVar); ok {
		f = held.load()
	}
	switch f := f.(type) {
	case nil:
		return strict.Invalid{Fault: errNoFormat}
	case *Keyring:
		return f.authenticate(r, l)
	}
	*l, err = f.Authenticate(*r)
	return err
}

// authenticateCookie asks the format about a cookie as authenticate asks about a
// link.
func (v *Verifier) authenticateCookie(r *Request, value string, l *Link) (err error) {
	f := v.cookie
	if held, ok := f.(*FormatVar); ok {
		f, _ = held.load().(CookieAuthenticator)
	}
	switch f := f.(type) {
	case nil:
		return cookieFault
	case *Keyring:
		return f.authenticateCookie(r, value, l)
	}
	*l, err = f.AuthenticateCookie(*r, value)
	return err
}

// maxCookies is how many cookies whose subtree holds the path are tried. Each
// costs a MAC; a browser sends one for each of the nested paths that it was
// given one for.
const maxCookies = 4

// tryCookies looks for a cookie that opens the request, whose URL holds no
// signature. Each is taken through all checks that need no store, and the
// first that passes counts. If none does, the error is that of the first that
// was authentic, or else of the first that was tried.
func (v *Verifier) tryCookies(r *Request, l *Link, now time.Time) error {
	result, authentic := ErrUnsigned, false
	values := newCookieValues(r.Header, v.opts.Cookie)
	for tried := 0; tried < maxCookies; {
		value, ok := values.next()
		if !ok {
			break
		}
		var link Link
		err := v.authenticateCookie(r, value, &link)
		if err == nil {
			err = v.check(r, &link, now)
			if err == nil || !authentic {
				*l, result, authentic = link, err, true
			}
			if err == nil {
				return nil
			}
		} else if result == ErrUnsigned {
			result = err
		}
		switch err {
		case errOtherCookie, errNoSignature, errNoExpiry, errNoKeyID, errUnknownKey:
			// It cost no MAC. A neighbour who can set cookies must not be
			// able to lock a visitor out with a few that are not even signed.
		default:
			tried++
		}
	}
	return result
}

// request takes from r what a format may look at. What is verified is the path
// in r.URL, since that is what the next handler serves. The request target
// that the client sent must be that path, or that path after the prefix:
// otherwise one verifier mounted below /a/ and /b/, with prefixes stripped,
// would open /b/card with the link to /a/card. A scheme and a host, in r.URL or
// in the target (the absolute form, which RFC 9112, section 3.2.2, says a server
// must accept), say nothing: the host is r.Host.
func (v *Verifier) request(r *http.Request, req *Request) error {
	u := r.URL
	if u == nil || u.Opaque != "" || u.User != nil {
		return errTarget
	}
	if len(u.Path)+len(u.RawQuery) >= strict.MaxTarget || len(r.RequestURI) > strict.MaxTarget+maxOrigin {
		return strict.Invalid{Fault: strict.TooLong}
	}
	path, prefix := r.RequestURI, v.opts.Prefix
	if path != "" && path[0] != '/' {
		var ok bool
		if path, ok = cutOrigin(path); !ok {
			return errTarget
		}
	}
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	canonical := false
	switch {
	case prefix == "" && (u.RawPath == "" || u.RawPath == path) && strict.PlainSpelling(path, u.Path): // most requests
		canonical = true
	case r.RequestURI == "": // a request that came over no wire
		path = prefix + escapedPath(u)
		canonical = strict.CanonicalPath(path)
	case prefix != "" && strings.HasPrefix(path, prefix) && spells(path[len(prefix):], u):
		canonical = strict.CanonicalPath(path)
	case spells(path, u):
		if prefix != "" {
			path = prefix + path
			canonical = strict.CanonicalPath(path)
		}
	default:
		return errRewritten
	}
	if !canonical {
		var fault *strict.Fault
		if prefix == "" && path != "" && path[0] == '/' {
			fault = strict.CheckDecoded(u.Path) // which path spells
		} else {
			fault = strict.CheckPath(path)
		}
		// An empty part is for the format to judge: other systems have them.
		if fault != nil && fault != strict.EmptyPart {
			return strict.Invalid{Fault: fault}
		}
		req.checked = fault == nil
	}
	req.Method, req.Host, req.Path, req.RawQuery, req.Header = r.Method, r.Host, path, u.RawQuery, r.Header
	req.Scheme = "http"
	if r.TLS != nil {
		req.Scheme = "https"
	}
	req.http, req.binding, req.canonical = r, v.opts.Binding, canonical
	return nil
}

// maxOrigin is how long scheme and host of a target may be, besides its path and
// query.
const maxOrigin = len("https://") + 255 + len(":65535")

// cutOrigin cuts scheme and host from a target in absolute form. It refuses one
// with user information or without a path.
func cutOrigin(target string) (path string, ok bool) {
	scheme, rest, ok := strings.Cut(target, "://")
	slash := strings.IndexByte(rest, '/')
	if !ok || !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") ||
		slash <= 0 || slash > maxOrigin || strings.ContainsAny(rest[:slash], "@?#\\") {
		return "", false
	}
	return rest[slash:], true
}

// escapedPath is the path as it was sent, if u still has it.
func escapedPath(u *url.URL) string {
	if u.RawPath != "" && strict.UnescapesTo(u.RawPath, u.Path, false) {
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
		return strict.UnescapesTo(raw, u.Path, false) && strings.Count(raw, "/") == strings.Count(u.Path, "/")
	}
	return raw == escapedPath(u)
}

// check holds a link against the request and against the verifier's policy, as
// far as no store is needed.
func (v *Verifier) check(r *Request, l *Link, now time.Time) error {
	o := &v.opts
	if r.confirm != nil {
		r.confirm.prepare(r, l)
	}
	occasion := &occasion{r, now, o.Leeway, o.TrustedProxies, o.InsecureTrustUnixSocket, o.EnforcesUploads, 0}
	if err := l.hold(occasion); err != nil {
		return err
	}
	if l.Narrowed != "" {
		if err := l.holdSteps(occasion); err != nil {
			return err
		}
	}
	switch {
	case l.Permanent && !o.AllowPermanent:
		return errPermanent
	case !l.Permanent && o.MaxLifetime > 0 && l.Expires.Sub(now) > o.MaxLifetime+o.Leeway:
		return errLifetime
	}
	return nil
}

// useMargin is how much longer than its link a count is kept, for clocks that
// differ between the verifiers that share a store.
const useMargin = time.Minute

// askStores asks about revocation, and then takes a use. It fails closed.
func (v *Verifier) askStores(r *Request, l *Link, taken *takenUse) error {
	ctx, o := r.http.Context(), &v.opts
	if l.ID != "" && o.Revocations != nil {
		revoked, err := o.Revocations.Revoked(ctx, l.ID)
		if err != nil {
			return &detailed{ErrUnavailable, err.Error()}
		}
		if revoked {
			return ErrRevoked
		}
		r.Trace("revocation", l.ID)
	}
	ask := r.confirm.needed()
	// HEAD takes nothing, since it gives nothing.
	if l.Uses <= 0 || r.Method == http.MethodHead && !ask || o.InsecureReportOnly {
		return nil
	}
	if o.Uses == nil {
		return errNoUses
	}
	use := Use{ID: l.ID, Limit: l.Uses, Expires: l.Expires.Add(o.Leeway + useMargin), Nonce: newNonce()}
	if o.UseWindow > 0 {
		client, ok := v.Client(r.http)
		if !ok {
			return errAddress
		}
		use.Window, use.Client = o.UseWindow, client
	}
	if ask {
		if use.Limit = 0; use.Window == 0 {
			return ErrUnconfirmed
		}
	}
	if r.trace != nil {
		if o.Confirm && r.Method == http.MethodGet && confirmable(l) {
			r.Trace("uses", "a person is asked before one is taken; not counted here")
		} else {
			r.Trace("uses", "not counted here")
		}
		return nil
	}
	ok, err := o.Uses.Take(ctx, use)
	if err != nil {
		return &detailed{ErrUnavailable, err.Error()}
	}
	switch {
	case ask && !ok:
		return ErrUnconfirmed
	case ask:
		return nil
	case !ok:
		return ErrUsedUp
	}
	*taken = takenUse{o.Uses, use}
	return nil
}
