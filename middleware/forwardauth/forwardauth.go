package forwardauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/netaddr"
	"example.com/signedurl/middleware/internal/strict"
)

// A Profile says how a proxy asks, and what it makes of the answer. The zero
// Profile is none.
type Profile int

const (
	// NGINX is for the auth_request of nginx.
	NGINX Profile = iota + 1
	// Caddy is for the forward_auth of Caddy.
	Caddy
	// Traefik is for the ForwardAuth of Traefik. Leave its trustForwardHeader
	// off: with it, a client can choose what is checked.
	Traefik
	// Envoy is for the HTTP service of Envoy's ext_authz, and for what speaks
	// like it. The gRPC form is package extauthz.
	Envoy
)

// fields are the header fields that describe the original request. An empty one
// is not in a field, but in the request that asks.
type fields struct {
	name                 string
	method, target, host string
	// setsName says that the proxy can set the Content-Disposition of a reply.
	// None can replace its Content-Type.
	setsName bool
	// appendsItself says that the proxy appends its own address to the clients.
	appendsItself bool
}

const forwardedFor = "X-Forwarded-For"

var profiles = [...]fields{
	NGINX:   {"nginx", "X-Original-Method", "X-Original-Uri", "X-Original-Host", true, false},
	Caddy:   {"caddy", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", false, false},
	Traefik: {"traefik", "X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", false, false},
	Envoy:   {"envoy", "", "", "", false, true},
}

// ParseProfile returns the profile of a name: nginx, caddy, traefik or envoy.
func ParseProfile(name string) (Profile, error) {
	for p := NGINX; int(p) < len(profiles); p++ {
		if profiles[p].name == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("signedurl: there is no profile %q: it must be nginx, caddy, traefik or envoy", name)
}

// String returns the name of the profile, as [ParseProfile] takes it.
func (p Profile) String() string {
	if p < NGINX || int(p) >= len(profiles) {
		return "none"
	}
	return profiles[p].name
}

// Options configures the handler that [New] returns. Nobody is trusted unless it
// says so.
type Options struct {
	// TrustedProxies lists the networks of the proxies that may ask. They are
	// believed whatever they say about a request.
	TrustedProxies []netip.Prefix
	// InsecureTrustUnixSocket lets a peer on a Unix socket ask, which has no
	// address. Set it only if no one but the proxy can connect to the socket.
	InsecureTrustUnixSocket bool
	// PathPrefix is what Envoy puts before the original target, as its
	// path_prefix says, such as "/verify". Do not route such requests by a
	// [http.ServeMux], which redirects paths that are not clean.
	PathPrefix string
	// SetsReplyHeaders says that the proxy copies the X-Signed fields to
	// the reply, so that links may ask for its type and its file name. The
	// profile NGINX takes the name for granted.
	SetsReplyHeaders bool
	// Error, if not nil, is called with the reason if a request is refused
	// before the verifier sees it: the proxy is not trusted or not configured as
	// it should be, or a client sent what no proxy may be asked to interpret. It
	// is called by many goroutines.
	Error func(r *http.Request, err error)
}

// New returns a handler that answers proxies of a profile, by the verifier's word.
// It accepts a request for exactly those links that v accepts, but for what the
// package documentation says. The error joins all faults of the options: nobody
// is trusted, an invalid network, a PathPrefix that is not canonical or not for
// this profile. New panics if v is nil. The handler is safe for concurrent use.
func New(v *middleware.Verifier, p Profile, opts *Options) (http.Handler, error) {
	if v == nil {
		panic("signedurl: forwardauth.New with a nil Verifier")
	}
	h := &handler{}
	if opts != nil {
		h.opts = *opts
	}
	var faults []error
	if p < NGINX || int(p) >= len(profiles) {
		faults = append(faults, errors.New("signedurl: forwardauth.New needs a profile"))
	} else {
		h.fields = profiles[p]
	}
	h.nginx = p == NGINX
	if len(h.opts.TrustedProxies) == 0 && !h.opts.InsecureTrustUnixSocket {
		faults = append(faults, errors.New("signedurl: forwardauth.New trusts no proxy: set TrustedProxies"))
	}
	h.opts.TrustedProxies = make([]netip.Prefix, len(h.opts.TrustedProxies))
	for i := range h.opts.TrustedProxies {
		n, ok := netaddr.Network(opts.TrustedProxies[i])
		if !ok {
			faults = append(faults, fmt.Errorf("signedurl: TrustedProxies holds %v, which is not a network", opts.TrustedProxies[i]))
		}
		h.opts.TrustedProxies[i] = n
	}
	switch prefix := h.opts.PathPrefix; {
	case prefix == "":
	case p != Envoy:
		faults = append(faults, errors.New("signedurl: PathPrefix is for the profile Envoy alone"))
	case !strict.CanonicalPath(prefix) || strings.HasSuffix(prefix, "/"):
		faults = append(faults, fmt.Errorf("signedurl: PathPrefix is not a canonical path without a slash at its end: %q", prefix))
	}
	if faults != nil {
		return nil, errors.Join(faults...)
	}
	h.verified = v.Handler(http.HandlerFunc(h.pass))
	return h, nil
}

type handler struct {
	fields
	nginx    bool
	opts     Options
	verified http.Handler // the verifier, around pass
}

// answer is the reply of the verifier's handler, which is not that of this one.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	passed bool
}

type answerKey struct{}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	if a.status == 0 && code >= 200 {
		a.status = code
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{header: make(http.Header)}
	original, err := h.original(r.WithContext(context.WithValue(r.Context(), answerKey{}, a)))
	if err != nil {
		if h.opts.Error != nil {
			h.opts.Error(r, err)
		}
		middleware.Refuse(w, r, middleware.ErrInvalid)
		return
	}
	h.verified.ServeHTTP(a, original)
	if a.passed {
		h.accept(w, a)
	} else {
		h.refuse(w, r, a)
	}
}

// pass is what the verifier lets an accepted request through to.
func (h *handler) pass(_ http.ResponseWriter, r *http.Request) {
	a := r.Context().Value(answerKey{}).(*answer)
	l, ok := middleware.LinkFromContext(r.Context())
	if ok && !h.holds(&l) {
		if err := middleware.GiveBack(r.Context()); err != nil && h.opts.Error != nil {
			h.opts.Error(r, err)
		}
		return
	}
	a.passed = true // or the verifier only reports
}

// holds reports whether nothing of a link is left for the proxy to enforce that
// it cannot. The verifier may be one that a handler of uploads has too.
func (h *handler) holds(l *middleware.Link) bool {
	for _, c := range append(l.Steps(), l.Claims) {
		if u := c.Upload; u.MaxBytes != 0 || u.SHA256 != [32]byte{} || u.Accept != nil || u.Replace {
			return false
		}
	}
	if h.opts.SetsReplyHeaders {
		return true
	}
	return l.ContentType == "" && (h.setsName || l.DownloadName == "" && !l.Inline)
}

// copied are the fields of the verifier's reply that the proxy is to copy.
var copied = [...]struct{ from, to string }{
	{"Cache-Control", "X-Signed-Cache-Control"},
	{"Referrer-Policy", "X-Signed-Referrer-Policy"},
	{"Vary", "X-Signed-Vary"},
	{"Content-Type", "X-Signed-Content-Type"},
	{"Content-Disposition", "X-Signed-Content-Disposition"},
}

func (h *handler) accept(w http.ResponseWriter, a *answer) {
	header := w.Header()
	header["Cache-Control"] = []string{"no-store"}
	for _, c := range copied {
		if v := a.header[c.from]; v != nil {
			header[c.to] = v
		}
	}
	if h.nginx {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	header["Content-Length"] = []string{"0"}
	w.WriteHeader(http.StatusOK)
}

// refuse answers with the verifier's reply, in so far as the proxy would not take
// it for something else. A page in between, with a status of success, is none.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, a *answer) {
	switch {
	case a.status < 300:
		middleware.Refuse(w, r, middleware.ErrNotAllowed)
		return
	case !h.nginx:
		for name, v := range a.header {
			if !strings.HasPrefix(name, "X-Accel-") && !strings.HasPrefix(name, "X-Signed-") && name != "X-Sendfile" {
				w.Header()[name] = v
			}
		}
		w.WriteHeader(a.status)
		w.Write(a.body.Bytes())
		return
	}
	code := http.StatusForbidden
	switch {
	case a.status == http.StatusNotFound || a.status == http.StatusGone:
		code = http.StatusUnauthorized
	case a.status >= 500:
		code = http.StatusServiceUnavailable
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(code), code)
}

var (
	errPeer   = errors.New("signedurl: the peer is not a proxy that is trusted")
	errTarget = errors.New("signedurl: the original target holds what proxies read in different ways")
)

// original turns the request of the proxy into the one that it asks about.
func (h *handler) original(o *http.Request) (*http.Request, error) {
	peer, ok := netaddr.ParsePeer(o.RemoteAddr)
	switch {
	case ok && netaddr.Within(peer, h.opts.TrustedProxies):
	case h.opts.InsecureTrustUnixSocket && netaddr.OnUnixSocket(o.RemoteAddr):
	default:
		return nil, errPeer
	}
	o.Header = maps.Clone(o.Header)
	var err error
	take := func(name, own string) string {
		if name == "" {
			return own
		}
		values := o.Header[name]
		delete(o.Header, name)
		if len(values) != 1 || values[0] == "" {
			if err == nil {
				err = fmt.Errorf("signedurl: the proxy must send exactly one %s, and sent %d", name, len(values))
			}
			return ""
		}
		return values[0]
	}
	o.Method = take(h.method, o.Method)
	o.Host = take(h.host, o.Host)
	target := take(h.target, "")
	if h.target == "" {
		if target, ok = strings.CutPrefix(o.RequestURI, h.opts.PathPrefix); !ok {
			return nil, errTarget
		}
	}
	clients := take(forwardedFor, "")
	if err != nil {
		return nil, err
	}
	before, client, more := cutLast(clients)
	addr, ok := netaddr.ParsePeer(client)
	for h.appendsItself && ok && netaddr.Within(addr, h.opts.TrustedProxies) {
		if !more {
			return nil, errors.New("signedurl: the proxy must send the " + forwardedFor + " of the client, and sent itself alone")
		}
		before, client, more = cutLast(before)
		addr, ok = netaddr.ParsePeer(client)
	}
	if !ok {
		return nil, errors.New("signedurl: the last entry of " + forwardedFor + " is no address")
	}
	if more {
		o.Header[forwardedFor] = []string{before}
	}
	if !plain(target) {
		return nil, errTarget
	}
	if o.URL, err = url.ParseRequestURI(target); err != nil {
		return nil, errTarget // the error quotes it
	}
	o.RequestURI, o.RemoteAddr = target, client
	// The check has no body, whatever the original had.
	o.Body, o.ContentLength, o.TransferEncoding = http.NoBody, 0, nil
	return o, nil
}

// cutLast returns the last entry of a list, and what is before it.
func cutLast(list string) (before, last string, more bool) {
	i := strings.LastIndexByte(list, ',')
	return list[:max(i, 0)], strings.Trim(list[i+1:], " \t"), i >= 0
}

// plain reports whether a target is a path and a query that every server
// reads in the same way: no byte that RFC 3986 does not allow there, and no empty
// part or encoded slash in the path. Dots are for the verifier.
func plain(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.Contains(strings.ToUpper(path), "%2F") {
		return false
	}
	for i := 0; i < len(target); i++ {
		if c := target[i]; !strict.Unreserved(c) && strings.IndexByte("/?:@!$&'()*+,;=%", c) < 0 {
			return false
		}
	}
	return true
}
