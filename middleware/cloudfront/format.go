package cloudfront

import (
	"errors"
	"fmt"
	"strings"

	"example.com/signedurl/middleware"
)

// Options configures a [Format]. The zero value, or a nil pointer, selects the
// defaults, which are the safe choice.
type Options struct {
	// AcceptKeys are further keys whose links are accepted. They do not sign.
	// Together with the first key they are what CloudFront calls a key group.
	// To rotate: add the new key here on every server, then make it the first
	// key, then remove the old one when its last link has expired.
	AcceptKeys []Key

	// Cookies makes Authenticate read the CloudFront cookies of a request
	// whose URL has none of the format's parameters. A signature does not say
	// whether it is for a URL or for cookies: with this option every link can
	// be used as cookies, to open what it opens as a link.
	Cookies bool

	// AnyHost accepts links regardless of the host that the request names. By
	// default the claims have the origin's host, and the verifier requires it
	// of the request, as CloudFront does. Set AnyHost if a proxy, such as
	// CloudFront itself, sends this server another host than the signer saw,
	// and only if this server does not choose by the host what it serves.
	AnyHost bool

	// InsecureAllowSHA1 accepts signatures over SHA-1 as well as SHA-256, of
	// all keys. The Go SDK and botocore make no others, and the JavaScript SDK
	// makes them by default. The package documentation says what this is worth
	// to an attacker.
	InsecureAllowSHA1 bool
	// InsecureSignSHA1 makes Sign use SHA-1, as those SDKs do, for verifiers
	// that do not know Hash-Algorithm; CloudFront knows it. InsecureSignSHA1
	// implies InsecureAllowSHA1.
	InsecureSignSHA1 bool

	// InsecureAllowNoResource accepts custom policies without a Resource. As
	// for CloudFront, they open every URL of every service that accepts the
	// key. Such a policy looks like a mistake; a signer who means it can write
	// "*", which is always accepted.
	InsecureAllowNoResource bool
}

// Format signs and authenticates CloudFront's signed URLs and cookies, as
// [middleware.Format] and [middleware.CookieSigner]. The zero Format refuses
// every link and signs none. It is immutable and safe for concurrent use.
type Format struct {
	scheme, host string
	first        Key
	byID         map[string]Key
	opts         Options
}

var _ interface {
	middleware.Format
	middleware.CookieSigner
} = (*Format)(nil)

// New returns a format that signs with key, if it can, and accepts the links
// of key and of [Options.AcceptKeys].
//
// The origin is scheme and host of the signed URLs, without a path, such as
// "https://d111111abcdef8.cloudfront.net": as the signer saw them, and spelled
// as browsers send them, in lower case and without the scheme's default port.
// The signature covers it. Requests must name its host, unless
// [Options.AnyHost] is set. Their scheme is not checked, since a proxy often
// terminates TLS before this server.
//
// It is an error if the origin has another form, or if a key is the zero Key or
// has the id of another. The options are copied.
func New(origin string, key Key, opts *Options) (*Format, error) {
	scheme, host, _ := strings.Cut(origin, "://")
	if (scheme != "https" && scheme != "http") || !validHost(host) {
		return nil, fmt.Errorf("signedurl: cloudfront: the origin %q must be http:// or https:// and a host in lower case, with a port if need be, and nothing else", origin)
	}
	if (scheme == "https" && strings.HasSuffix(host, ":443")) || (scheme == "http" && strings.HasSuffix(host, ":80")) {
		return nil, fmt.Errorf("signedurl: cloudfront: the origin %q names the scheme's default port, which browsers leave out", origin)
	}
	f := &Format{scheme: scheme, host: host, first: key, byID: make(map[string]Key)}
	if opts != nil {
		f.opts = *opts
		f.opts.InsecureAllowSHA1 = opts.InsecureAllowSHA1 || opts.InsecureSignSHA1
	}
	for _, k := range append([]Key{key}, f.opts.AcceptKeys...) {
		if k.verify == nil {
			return nil, errors.New("signedurl: cloudfront: a format takes keys from NewKey, NewPublicKey or ParseKey, not the zero Key")
		}
		if _, twice := f.byID[k.id]; twice {
			return nil, fmt.Errorf("signedurl: cloudfront: two keys have the id %s", k.id)
		}
		f.byID[k.id] = k
	}
	f.opts.AcceptKeys = nil
	return f, nil
}

// validHost reports whether h has only characters of a host with or without a
// port. The host is only ever compared, so nothing depends on more.
func validHost(h string) bool {
	for i := 0; i < len(h); i++ {
		c := h[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' || c == ']') {
			return false
		}
	}
	return len(h) >= 1 && len(h) <= 255+len(":65535")
}

// CanSign reports whether Sign can sign. It cannot if the first key is a public
// one.
func (f *Format) CanSign() bool { return f.first.CanSign() }

// String returns the origin, the number of keys and the id of the first one.
func (f *Format) String() string {
	if f == nil || f.first.verify == nil {
		return "no keys"
	}
	return fmt.Sprintf("cloudfront %s://%s, %d keys, first %v", f.scheme, f.host, len(f.byID), f.first)
}
