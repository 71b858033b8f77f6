package cloudfront

import (
	"crypto"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/strict"
)

// Limits on the work before a signature is known to be right.
const (
	// maxSignature is the length of the longest signature in base64, that of
	// the largest RSA key.
	maxSignature = (maxRSABits/8 + 2) / 3 * 4
	// maxCookieSets is the number of sets of cookies that are tried. Each
	// costs a public-key operation. A browser sends one set for each nested
	// path that has one.
	maxCookieSets = 4
)

// The values of Hash-Algorithm.
const (
	hashSHA1   = "SHA1"
	hashSHA256 = "SHA256"
)

// The faults of a URL, which a signer has too.
var (
	faultCharacter  = strict.NewFault("path or query hold a double quote, a number sign, a backslash, a space or a byte that is not printable ASCII; escape it")
	faultNotLiteral = strict.NewFault("the name of a CloudFront parameter is spelled with escapes")
	faultTwice      = strict.NewFault("a CloudFront parameter is there twice")
)

var (
	errTerms      = strict.NewInvalid("there is neither Expires nor Policy, or there are both")
	errNoKeyID    = strict.NewInvalid("there is no Key-Pair-Id")
	errKey        = strict.NewInvalid("Key-Pair-Id names a key that is not known")
	errHash       = strict.NewInvalid("Hash-Algorithm is neither SHA1 nor SHA256")
	errSHA1       = strict.NewInvalid("the signature is over SHA-1, which the format's options do not allow")
	errExpires    = strict.NewInvalid("Expires is not a canonical number of seconds")
	errBase64     = strict.NewInvalid("Policy or Signature is missing, too long, or not CloudFront's base64 in its one spelling")
	errSignature  = strict.NewInvalid("the signature does not match the policy")
	errPolicy     = strict.NewInvalid("the policy is not one of CloudFront's, or could be read in two ways")
	errNoResource = strict.NewInvalid("the policy has no Resource, and would open everything")
	errElsewhere  = strict.NewInvalid("the policy does not open this URL")
)

// Authenticate checks the signature of a signed URL or, if [Options.Cookies]
// is set and the URL has none of the format's parameters, of the request's
// signed cookies; see [middleware.Format]. The link has Expires, NotBefore,
// Networks, KeyID and FromCookie; Under, if the policy's Resource opens a whole
// subtree, which includes the path Under itself; and the origin's Host, unless
// [Options.AnyHost] is set.
//
// If there are several cookies of one name, the first belongs to the first of
// the other names, and so on: browsers send in this order what was set
// together. At most four such sets are tried. If several open the request, the
// one that expires last counts.
func (f *Format) Authenticate(r middleware.Request) (middleware.Link, error) {
	if f.byID == nil {
		return middleware.Link{}, errKey
	}
	if fault := strict.CheckTarget(r.Path, r.RawQuery); fault != nil {
		return middleware.Link{}, strict.Invalid{Fault: fault}
	}
	p, own, hasOwn, fault := scanQuery(r.RawQuery)
	if fault != nil {
		return middleware.Link{}, strict.Invalid{Fault: fault}
	}
	var sets [maxCookieSets]params
	n := 0
	if p.n == 0 && f.opts.Cookies {
		n = scanCookies(r.Header, &sets)
	}
	if p.n == 0 && n == 0 {
		return middleware.Link{}, middleware.ErrUnsigned
	}
	if fault := checkURL(r.Path, own); fault != nil {
		return middleware.Link{}, strict.Invalid{Fault: fault}
	}
	r.Trace("shape", "path, query and parameters are unambiguous")
	t := &target{f.scheme, f.host, r.Path, own, hasOwn}
	if p.n > 0 {
		return f.authenticate(r, t, &p)
	}
	var best middleware.Link
	var refusal error
	for i := range sets[:n] {
		l, err := f.authenticate(r, t, &sets[i])
		switch {
		case err != nil:
			refusal = err
		case l.Expires.After(best.Expires):
			best = l
			best.FromCookie = true
		}
	}
	if best.FromCookie {
		return best, nil
	}
	return middleware.Link{}, refusal
}

// scanCookies reads the format's cookies into sets, and returns the number of
// sets.
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

// authenticate authenticates the parameters of a URL or of a set of cookies. It
// reads unauthenticated values strictly and within limits, and parses a custom
// policy only after its signature was found right.
func (f *Format) authenticate(r middleware.Request, t *target, p *params) (middleware.Link, error) {
	if !p.given[paramKeyPairID] {
		return middleware.Link{}, errNoKeyID
	}
	key, ok := f.byID[p.values[paramKeyPairID]]
	if !ok {
		return middleware.Link{}, errKey
	}
	r.Trace("key", key.id)
	if p.given[paramExpires] == p.given[paramPolicy] {
		return middleware.Link{}, errTerms
	}
	// Hash-Algorithm is not signed. It selects the hash among those that the
	// options allow. An RSA signature names its hash itself, and one of ECDSA
	// verifies with the other hash only by chance.
	hash := crypto.SHA1
	if p.values[paramHash] == hashSHA256 {
		hash = crypto.SHA256
	} else if p.given[paramHash] && p.values[paramHash] != hashSHA1 {
		return middleware.Link{}, errHash
	} else if !f.opts.InsecureAllowSHA1 {
		return middleware.Link{}, errSHA1
	}
	if len(p.values[paramSignature]) > maxSignature || len(p.values[paramPolicy]) > encoding.EncodedLen(maxPolicy) {
		return middleware.Link{}, errBase64
	}
	signature, ok := decode(p.values[paramSignature])
	if !ok {
		return middleware.Link{}, errBase64
	}
	if p.given[paramPolicy] {
		return f.custom(r, t, p, key, hash, signature)
	}
	return f.canned(r, t, p, key, hash, signature)
}

// canned authenticates a canned policy, which is not sent but built from the
// requested URL and Expires. Wildcards in the URL stand for themselves here.
func (f *Format) canned(r middleware.Request, t *target, p *params, key Key, hash crypto.Hash, signature []byte) (middleware.Link, error) {
	expires, ok := strict.Int(p.values[paramExpires], strict.MaxTime)
	if !ok {
		return middleware.Link{}, errExpires
	}
	matches := func(path string) bool {
		text := policy{resource: t.url(path), expires: expires}.encode()
		if r.Tracing() {
			r.Trace("signed", string(text))
		}
		return key.verify(hash, digest(hash, text), signature)
	}
	// Clients send "/" for "https://example.com", which SDKs sign as is.
	if !matches(t.path) && (t.path != "/" || !matches("")) {
		return middleware.Link{}, errSignature
	}
	r.Trace("signature", key.alg+" over "+hash.String()+", canned policy")
	return f.link(key, expires), nil
}

// custom authenticates a custom policy, and then checks that it opens the
// requested URL.
func (f *Format) custom(r middleware.Request, t *target, p *params, key Key, hash crypto.Hash, signature []byte) (middleware.Link, error) {
	text, ok := decode(p.values[paramPolicy])
	if !ok {
		return middleware.Link{}, errBase64
	}
	if r.Tracing() {
		r.Trace("signed", string(text))
	}
	if !key.verify(hash, digest(hash, text), signature) {
		return middleware.Link{}, errSignature
	}
	r.Trace("signature", key.alg+" over "+hash.String()+", custom policy")
	policy, ok := parsePolicy(text)
	if !ok {
		return middleware.Link{}, errPolicy
	}
	if !policy.hasResource {
		if !f.opts.InsecureAllowNoResource {
			return middleware.Link{}, errNoResource
		}
		policy.resource = "*"
	}
	l := f.link(key, policy.expires)
	if l.Under, ok = covers(policy.resource, t); !ok {
		return middleware.Link{}, errElsewhere
	}
	r.Trace("resource", policy.resource)
	if policy.hasStart {
		l.NotBefore = time.Unix(policy.notBefore, 0)
	}
	if policy.hasNetwork {
		l.Networks = []netip.Prefix{policy.network}
	}
	return l, nil
}

// link returns a link with what every policy says.
func (f *Format) link(key Key, expires int64) middleware.Link {
	l := middleware.Link{KeyID: key.id}
	l.Expires = time.Unix(expires, 0)
	if !f.opts.AnyHost {
		l.Host = f.host
	}
	return l
}

// checkURL judges a path, and the query without the format's parameters. Empty
// parts of the path are accepted.
func checkURL(path, query string) *strict.Fault {
	if fault := strict.CheckPath(path); fault != nil && fault != strict.EmptyPart {
		return fault
	}
	if !printable(path) || !printable(query) {
		return faultCharacter
	}
	return nil
}

// printable reports whether a part of a URL is printable ASCII without space,
// double quote and backslash, which have more than one spelling in URLs and
// policies, and without "#", which ends a query. Browsers escape all of them,
// except the backslash in a query.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7F || c == '"' || c == '#' || c == '\\' {
			return false
		}
	}
	return true
}
