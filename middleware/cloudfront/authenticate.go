package cloudfront

import (
	"crypto"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/wire"
)

// Limits of what is looked at before a signature is known to be right.
const (
	// maxTarget is the longest path and query; CloudFront takes URLs of 8192
	// bytes.
	maxTarget = 8 << 10
	// maxSignature is the longest text of a signature, that of the largest
	// RSA key.
	maxSignature = (maxRSABits/8 + 2) / 3 * 4
	// maxCookieSets is how many sets of cookies are tried. Each costs a
	// public-key operation; a browser sends one for each nested path that was
	// given one.
	maxCookieSets = 4
)

// The values of Hash-Algorithm.
const (
	hashSHA1   = "SHA1"
	hashSHA256 = "SHA256"
)

func invalid(detail string) error { return fmt.Errorf("%w: %s", middleware.ErrInvalid, detail) }

var (
	errTooLong    = invalid("the request target is longer than 8 KiB")
	errPath       = invalid("the path is relative, or holds an invalid escape, a control character or a part that is . or ..")
	errCharacter  = invalid("path or query hold a double quote, a backslash, a space or a byte that is not printable ASCII")
	errNotLiteral = invalid("the name of a CloudFront parameter is spelled with escapes")
	errTwice      = invalid("a CloudFront parameter is there twice")
	errTerms      = invalid("there is neither Expires nor Policy, or there are both")
	errNoKeyID    = invalid("there is no Key-Pair-Id")
	errKey        = invalid("Key-Pair-Id names a key that is not known")
	errHash       = invalid("Hash-Algorithm is neither SHA1 nor SHA256")
	errSHA1       = invalid("the signature is over SHA-1, which the format's options do not allow")
	errExpires    = invalid("Expires is not a canonical number of seconds")
	errBase64     = invalid("Policy or Signature is missing, too long, or not CloudFront's base64 in its one spelling")
	errSignature  = invalid("the signature does not match the policy")
	errPolicy     = invalid("the policy is not one of CloudFront's, or could be read in two ways")
	errNoResource = invalid("the policy has no Resource, and would open everything")
	errElsewhere  = invalid("the policy does not open this URL")
	errCookie     = invalid("the links of this format are read from cookies by Authenticate")
)

// Authenticate checks the signature of a signed URL or, if [Options.Cookies]
// is set and the URL holds none of the format's parameters, of the request's
// signed cookies; see [middleware.Format]. The claims that it returns are
// Expires, NotBefore, Networks, KeyID and Cookie; Under, if the policy's
// Resource opens a whole subtree, and then the path itself is opened, too; and
// the origin's Host, unless [Options.AnyHost] is set.
//
// Of several cookies of one name the first belongs to the first of the other
// names, and so on, which is the order in which browsers send what was set
// together. At most four such sets are tried, and of those that open the
// request the one counts that expires last.
func (f *Format) Authenticate(r middleware.Request) (middleware.Claims, error) {
	if f.byID == nil {
		return middleware.Claims{}, errKey
	}
	if len(r.Path)+1+len(r.RawQuery) > maxTarget {
		return middleware.Claims{}, errTooLong
	}
	p, own, hasOwn, err := scanQuery(r.RawQuery)
	if err != nil {
		return middleware.Claims{}, err
	}
	var sets [maxCookieSets]params
	n := 0
	if p.n == 0 && f.opts.Cookies {
		n = scanCookies(r.Header, &sets)
	}
	if p.n == 0 && n == 0 {
		return middleware.Claims{}, middleware.ErrUnsigned
	}
	if fault := wire.CheckPath(r.Path); fault != wire.PathOK && fault != wire.PathEmptyPart {
		return middleware.Claims{}, errPath
	}
	if !plain(r.Path) || !plain(own) {
		return middleware.Claims{}, errCharacter
	}
	r.Trace("shape", "path, query and parameters are unambiguous")
	t := &target{f.scheme, f.host, r.Path, own, hasOwn}
	if p.n > 0 {
		return f.authenticate(r, t, &p)
	}
	var best middleware.Claims
	var refusal error
	for i := range sets[:n] {
		c, err := f.authenticate(r, t, &sets[i])
		if err == nil && c.Expires.After(best.Expires) {
			best = c
			best.Cookie = true
		} else if err != nil && refusal == nil {
			refusal = err
		}
	}
	if best.Cookie {
		return best, nil
	}
	return middleware.Claims{}, refusal
}

// AuthenticateCookie refuses: a link has three cookies with names of their
// own, and Authenticate reads them all if [Options.Cookies] is set. Leave the
// verifier's own Options.Cookie empty.
func (f *Format) AuthenticateCookie(middleware.Request, string) (middleware.Claims, error) {
	return middleware.Claims{}, errCookie
}

// scanCookies reads the format's cookies into sets, and returns how many sets
// there are.
func scanCookies(h http.Header, sets *[maxCookieSets]params) (n int) {
	var count [numParams]int
	for _, line := range h["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			name, ok := strings.CutPrefix(name, cookiePrefix)
			i := paramIndex(name)
			if !ok || i < 0 || count[i] == maxCookieSets {
				continue
			}
			sets[count[i]].set(i, value)
			count[i]++
			n = max(n, count[i])
		}
	}
	return n
}

// authenticate is what URLs and cookies have in common. What it needs of an
// unauthenticated text it reads strictly and within limits; a custom policy is
// parsed only after its signature was found right.
func (f *Format) authenticate(r middleware.Request, t *target, p *params) (middleware.Claims, error) {
	if !p.given[paramKeyPairID] {
		return middleware.Claims{}, errNoKeyID
	}
	key, ok := f.byID[p.values[paramKeyPairID]]
	if !ok {
		return middleware.Claims{}, errKey
	}
	r.Trace("key", key.id)
	if p.given[paramExpires] == p.given[paramPolicy] {
		return middleware.Claims{}, errTerms
	}
	// Hash-Algorithm is not signed. It may choose, among what the options
	// allow, how the signature is read; RSA signatures name their hash
	// themselves, and those of ECDSA fit the other one only by chance.
	hash := crypto.SHA1
	if p.given[paramHash] && p.values[paramHash] == hashSHA256 {
		hash = crypto.SHA256
	} else if p.given[paramHash] && p.values[paramHash] != hashSHA1 {
		return middleware.Claims{}, errHash
	} else if !f.opts.InsecureAllowSHA1 {
		return middleware.Claims{}, errSHA1
	}
	if len(p.values[paramSignature]) > maxSignature || len(p.values[paramPolicy]) > encoding.EncodedLen(maxPolicy) {
		return middleware.Claims{}, errBase64
	}
	signature, ok := decode(p.values[paramSignature])
	if !ok {
		return middleware.Claims{}, errBase64
	}
	if p.given[paramPolicy] {
		return f.custom(r, t, p, key, hash, signature)
	}
	return f.canned(r, t, p, key, hash, signature)
}

// canned authenticates a canned policy, which is not sent: it is made from the
// URL that was asked for and from Expires. The text of a URL means itself
// here, wildcards and all.
func (f *Format) canned(r middleware.Request, t *target, p *params, key Key, hash crypto.Hash, signature []byte) (middleware.Claims, error) {
	expires, ok := wire.Int(p.values[paramExpires], wire.MaxTime)
	if !ok {
		return middleware.Claims{}, errExpires
	}
	matches := func(path string) bool {
		text := policy{resource: t.url(path), expires: expires}.encode()
		if r.Tracing() {
			r.TraceSigned(string(text))
		}
		return key.verify(hash, digest(hash, text), signature)
	}
	// Clients send "/" for "https://example.com", which SDKs sign as it is.
	if !matches(t.path) && (t.path != "/" || !matches("")) {
		return middleware.Claims{}, errSignature
	}
	r.Trace("signature", key.alg+" over "+hash.String()+", canned policy")
	return f.claims(key, expires), nil
}

// custom authenticates a custom policy, and then sees whether it opens the URL
// that was asked for.
func (f *Format) custom(r middleware.Request, t *target, p *params, key Key, hash crypto.Hash, signature []byte) (middleware.Claims, error) {
	text, ok := decode(p.values[paramPolicy])
	if !ok {
		return middleware.Claims{}, errBase64
	}
	if r.Tracing() {
		r.TraceSigned(string(text))
	}
	if !key.verify(hash, digest(hash, text), signature) {
		return middleware.Claims{}, errSignature
	}
	r.Trace("signature", key.alg+" over "+hash.String()+", custom policy")
	policy, ok := parsePolicy(text)
	if !ok {
		return middleware.Claims{}, errPolicy
	}
	if !policy.hasResource {
		if !f.opts.InsecureAllowNoResource {
			return middleware.Claims{}, errNoResource
		}
		policy.resource = "*"
	}
	c := f.claims(key, policy.expires)
	if c.Under, ok = covers(policy.resource, t); !ok {
		return middleware.Claims{}, errElsewhere
	}
	r.Trace("resource", policy.resource)
	if policy.hasStart {
		c.NotBefore = time.Unix(policy.notBefore, 0)
	}
	if policy.hasNetwork {
		c.Networks = []netip.Prefix{policy.network}
	}
	return c, nil
}

// claims returns what every link says.
func (f *Format) claims(key Key, expires int64) middleware.Claims {
	c := middleware.Claims{Expires: time.Unix(expires, 0), KeyID: key.id}
	if !f.opts.AnyHost {
		c.Host = f.host
	}
	return c
}

// plain reports whether a part of a URL is printable ASCII without space,
// double quote and backslash, which are written in more than one way in URLs
// and policies. Browsers escape them all, save for the backslash in a query.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7F || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
