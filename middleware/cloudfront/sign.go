package cloudfront

import (
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// Sign returns a copy of u with a signature over its path and query as they are
// spelled. If u has a host, u must be a URL of the format's origin; if not, it
// is taken for one. A fragment stays as is. The policy is canned if the claims
// have no more than an expiry, and custom otherwise.
//
// The claims need Expires, and can have NotBefore, one IPv4 network in
// Networks, the origin's Host (which is always signed), and Under. With Under,
// u's path must be that or lie below it; the link opens Under itself as well,
// and any query. Any other claim is an error that wraps
// [errors.ErrUnsupported].
//
// It is an error if the first key cannot sign; if u has an opaque part, a user
// or a parameter of the format; if Authenticate would refuse its path or query;
// or if the path has a raw "*", or the query a raw "*" or "?". These would be
// wildcards for anyone who turns the link into a custom policy, see the package
// documentation. All of them can be escaped.
//
// The parameters have the order of the SDK that makes such links: with SHA-1
// the Go SDK, and with SHA-256 the JavaScript SDK. Sign is pure if the key's
// signatures are deterministic.
func (f *Format) Sign(u *url.URL, c middleware.Claims) (*url.URL, error) {
	t, err := f.target(u)
	if err != nil {
		return nil, err
	}
	if strings.Contains(t.path, "*") || strings.ContainsAny(t.query, "*?") {
		return nil, errors.New("signedurl: cloudfront: cannot sign: the path holds a raw *, or the query a raw * or ?, which would be wildcards in a policy; escape them")
	}
	p := policy{resource: t.url(t.path)}
	if c.Under != "" {
		if !strings.HasPrefix(t.path, c.Under) || strict.CheckPath(t.path) != nil {
			return nil, errors.New("signedurl: cloudfront: cannot sign: the path does not lie below Under, or holds an empty part")
		}
		p.resource = f.subtree(c.Under)
	}
	if err := f.claim(&p, c); err != nil {
		return nil, err
	}
	return f.signURL(u, t, p, c.Under == "" && !p.hasStart && !p.hasNetwork)
}

// SignResource returns a copy of u with a custom policy for the given Resource,
// which can have wildcards, as the package documentation describes them:
// "https://cdn.example.com/videos/*.ts". The Resource is printable ASCII. Parts
// that come from names which others choose must be escaped, "*" and "?" as
// well. It is an error if the Resource does not open u. The claims are those of
// Sign without Under.
func (f *Format) SignResource(u *url.URL, resource string, c middleware.Claims) (*url.URL, error) {
	t, err := f.target(u)
	if err != nil {
		return nil, err
	}
	p, err := f.pattern(resource, c)
	if err != nil {
		return nil, err
	}
	opened := *t
	if opened.path == "" {
		opened.path = "/"
	}
	if _, ok := covers(resource, &opened); !ok {
		return nil, errors.New("signedurl: cloudfront: cannot sign: the Resource does not open the URL")
	}
	return f.signURL(u, t, p, false)
}

// SignCookies returns the cookies that open c.Under, which is mandatory, and
// everything below it: CloudFront-Policy, -Signature and -Key-Pair-Id, and, with
// SHA-256, -Hash-Algorithm. The name must be empty, since CloudFront prescribes
// the names. The cookies are HttpOnly, Secure and SameSite=Lax, with the subtree
// as their Path and the expiry of the claims. The caller may change these
// attributes, for example set a Domain; what the cookies open is signed. Only
// Max-Age depends on the clock. Claims and errors are those of Sign.
func (f *Format) SignCookies(name string, c middleware.Claims) ([]*http.Cookie, error) {
	if name != "" {
		return nil, errors.New("signedurl: cloudfront: the cookies have names of their own; leave the name empty")
	}
	if c.Under == "" {
		return nil, errors.New("signedurl: cloudfront: cannot sign cookies without Claims.Under; SignResourceCookies makes others")
	}
	p := policy{resource: f.subtree(c.Under)}
	if err := f.claim(&p, c); err != nil {
		return nil, err
	}
	return f.signCookies(p, c.Under)
}

// SignResourceCookies returns the cookies that open a Resource, see
// [Format.SignResource]. Their Path is "/". The rest is as for
// [Format.SignCookies].
func (f *Format) SignResourceCookies(resource string, c middleware.Claims) ([]*http.Cookie, error) {
	p, err := f.pattern(resource, c)
	if err != nil {
		return nil, err
	}
	return f.signCookies(p, "/")
}

// target returns the URL to be signed, in sections.
func (f *Format) target(u *url.URL) (*target, error) {
	t := &target{f.scheme, f.host, u.EscapedPath(), u.RawQuery, u.RawQuery != "" || u.ForceQuery}
	switch {
	case u.Opaque != "" || u.User != nil:
		return nil, errors.New("signedurl: cloudfront: cannot sign a URL with an opaque part or a user")
	case (u.Scheme != "" || u.Host != "") && (u.Scheme != f.scheme || u.Host != f.host):
		return nil, fmt.Errorf("signedurl: cloudfront: cannot sign: the URL is not one of the origin %s://%s", f.scheme, f.host)
	}
	path := t.path
	if path == "" && u.Host != "" {
		path = "/" // "https://example.com" is signed as is
	}
	if fault := checkURL(path, t.query); fault != nil {
		return nil, cannotSign(fault)
	}
	p, _, _, fault := scanQuery(t.query)
	if fault != nil {
		return nil, cannotSign(fault)
	}
	if p.n > 0 {
		return nil, errors.New("signedurl: cloudfront: cannot sign: the URL already has a parameter that belongs to signatures")
	}
	return t, nil
}

func cannotSign(fault *strict.Fault) error {
	return fmt.Errorf("signedurl: cloudfront: cannot sign: %w", fault)
}

// subtree returns the Resource that opens a canonical path and everything below
// it. The path has no character that is special in a Resource.
func (f *Format) subtree(under string) string {
	return f.scheme + "://" + f.host + under + "*"
}

// signedParam is one of the format's parameters with its value.
type signedParam struct {
	param int
	value string
}

// signURL adds a policy to the URL with the sections t.
func (f *Format) signURL(u *url.URL, t *target, p policy, canned bool) (*url.URL, error) {
	s, err := f.sign(p, canned)
	if err != nil {
		return nil, err
	}
	query := t.query
	for i, p := range s {
		if t.hasQuery || i > 0 {
			query += "&"
		}
		query += paramNames[p.param] + "=" + p.value
	}
	if fault := strict.CheckTarget(t.path, query); fault != nil {
		return nil, cannotSign(fault)
	}
	signed := *u
	signed.RawQuery, signed.ForceQuery = query, false
	return &signed, nil
}

// maxCookie is the length of the longest value with which a cookie of the
// longest name has the 4096 bytes that browsers accept (RFC 6265, section 6.1).
const maxCookie = 4096 - len(cookiePrefix+"Hash-Algorithm")

// signCookies returns a policy as cookies.
func (f *Format) signCookies(p policy, path string) ([]*http.Cookie, error) {
	s, err := f.sign(p, false)
	if err != nil {
		return nil, err
	}
	expires := time.Unix(p.expires, 0)
	var cookies []*http.Cookie
	for _, param := range s {
		if len(param.value) > maxCookie {
			return nil, fmt.Errorf("signedurl: cloudfront: cannot sign a cookie of more than %d bytes", maxCookie)
		}
		cookies = append(cookies, &http.Cookie{
			Name: cookiePrefix + paramNames[param.param], Value: param.value, Path: path, Expires: expires, MaxAge: strict.MaxAge(expires),
			HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
		})
	}
	return cookies, nil
}

// sign signs a policy and returns it as parameters.
func (f *Format) sign(p policy, canned bool) ([]signedParam, error) {
	if !f.CanSign() {
		return nil, errors.New("signedurl: cloudfront: the first key is a public key and cannot sign")
	}
	text := p.encode()
	hash := crypto.SHA256
	if f.opts.InsecureSignSHA1 {
		hash = crypto.SHA1
	}
	raw, err := f.first.sign(hash, digest(hash, text))
	if err != nil {
		return nil, fmt.Errorf("signedurl: cloudfront: the key %s could not sign: %w", f.first.id, err)
	}
	terms := signedParam{paramExpires, strconv.FormatInt(p.expires, 10)}
	if !canned {
		if len(text) > maxPolicy {
			return nil, errors.New("signedurl: cloudfront: cannot sign: the policy would be longer than 4 KiB")
		}
		terms = signedParam{paramPolicy, encoding.EncodeToString(text)}
	}
	signature := signedParam{paramSignature, encoding.EncodeToString(raw)}
	id := signedParam{paramKeyPairID, f.first.id}
	if hash == crypto.SHA1 {
		return []signedParam{terms, signature, id}, nil
	}
	return []signedParam{terms, id, signature, {paramHash, hashSHA256}}, nil
}

// pattern returns the policy for a Resource that the caller gives.
func (f *Format) pattern(resource string, c middleware.Claims) (policy, error) {
	if !validResource(resource) {
		return policy{}, errors.New(`signedurl: cloudfront: cannot sign: a Resource is printable ASCII, with a backslash only in \?`)
	}
	if c.Under != "" {
		return policy{}, errors.New("signedurl: cloudfront: cannot sign: the Resource says what is opened; leave Claims.Under empty")
	}
	p := policy{resource: resource}
	if err := f.claim(&p, c); err != nil {
		return policy{}, err
	}
	return p, nil
}

// claim adds the claims to a policy.
func (f *Format) claim(p *policy, c middleware.Claims) error {
	fault := func(text string) error {
		return errors.New("signedurl: cloudfront: cannot sign: " + text)
	}
	if err := c.Unsupported("Expires", "NotBefore", "Under", "Host", "Networks"); err != nil {
		return err
	}
	if c.Host != "" && (c.Host != f.host || f.opts.AnyHost) {
		return fmt.Errorf("signedurl: cloudfront: a policy has no place for another Host: %w", errors.ErrUnsupported)
	}
	if len(c.Networks) > 1 {
		return fmt.Errorf("signedurl: cloudfront: a policy has no place for more than one network: %w", errors.ErrUnsupported)
	}
	if c.Expires.IsZero() {
		return fault("the claims have no expiry")
	}
	if !validTime(c.Expires) || (!c.NotBefore.IsZero() && !validTime(c.NotBefore)) {
		return fault("a time lies outside the years 1970 to 9999")
	}
	p.expires = c.Expires.Unix()
	if !c.NotBefore.IsZero() {
		p.notBefore, p.hasStart = c.NotBefore.Unix(), true
		if p.notBefore >= p.expires {
			return fault("the link would expire before it becomes valid")
		}
	}
	if c.Networks != nil {
		if len(c.Networks) == 0 {
			return fault("Networks is empty and not nil: the link would be good from nowhere")
		}
		if !c.Networks[0].IsValid() {
			return fault("the network is not valid")
		}
		if !c.Networks[0].Addr().Is4() {
			return fmt.Errorf("signedurl: cloudfront: a policy has no place for networks of IPv6: %w", errors.ErrUnsupported)
		}
		p.network, p.hasNetwork = c.Networks[0].Masked(), true
	}
	if c.Under != "" && !strict.CanonicalDir(c.Under) {
		return fault("Under must be an absolute canonical path that ends in a slash")
	}
	return nil
}

func validTime(t time.Time) bool { return t.Unix() >= 0 && t.Unix() <= strict.MaxTime }
