package s3

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/sigv4"
	"example.com/signedurl/middleware/internal/strict"
)

var _ middleware.Format = (*Format)(nil)

// Options configures a [Format]. The zero value, or a nil pointer, selects the
// defaults.
type Options struct {
	// AcceptKeys are further keys whose links are accepted. They do not sign.
	// To rotate: add the new key here on every server, then make it the first
	// key, then remove the old one when its last link has expired.
	AcceptKeys []Key

	// Host is the host that is signed, in lower case, with its port if that is
	// neither 80 nor 443. By default it is the host of the URL when signing,
	// and the request's when verifying. If a proxy changes the Host field, set
	// Host to what the signer's clients send. Links then no longer depend on
	// the host of the request: a verifier must not serve different files by
	// host.
	Host string

	// Lifetime is the time between the date and the expiry of a link that has
	// no NotBefore: X-Amz-Date is mandatory, and Sign does not look at the
	// clock. The default is seven days, so that every link that lives no longer
	// is valid at once. With a shorter Lifetime, a link that expires later than
	// that from now becomes valid only when that much of its life remains.
	Lifetime time.Duration

	// Header holds header fields that Sign signs besides the host. Clients
	// must send exactly these. Authenticate does not use Header: it checks the
	// fields that the link names.
	Header http.Header
}

// Format signs and authenticates presigned URLs of S3, as
// [middleware.Format]. The zero Format refuses every request. It is immutable
// and safe for concurrent use.
type Format struct{ f *sigv4.Format }

// New returns a format that signs with key and accepts the links of key and of
// [Options.AcceptKeys], for one region, such as "eu-central-1" (other servers
// use "us-east-1" or "auto"). It is an error if two keys have the same id. The
// options are copied.
func New(key Key, region string, opts *Options) (*Format, error) {
	if opts == nil {
		opts = new(Options)
	}
	if !validRegion(region) {
		return nil, errors.New("signedurl: a region is 1 to 64 of the characters A-Z a-z 0-9 - _ . ~, for example us-east-1")
	}
	keys := []sigv4.Key{key.key}
	for _, k := range opts.AcceptKeys {
		keys = append(keys, k.key)
	}
	f, err := sigv4.New(sigv4.AWS(region, "s3"), sigv4.Config{
		Keys: keys, Host: opts.Host, Lifetime: opts.Lifetime, Header: opts.Header,
	})
	if err != nil {
		return nil, err
	}
	return &Format{f}, nil
}

// validRegion reports whether a region needs no escapes, which includes the
// slashes that separate the parts of a credential.
func validRegion(region string) bool {
	for i := 0; i < len(region); i++ {
		if !strict.Unreserved(region[i]) {
			return false
		}
	}
	return 0 < len(region) && len(region) <= 64
}

// Sign returns a copy of u that carries the claims and a signature. The
// signature covers u's host (or [Options.Host]), its path, which holds the
// bucket unless the host does, and its query. Path and query are canonicalized,
// with the parameters sorted by name and the signature last.
//
// The claims need Expires. NotBefore becomes X-Amz-Date; without it,
// [Options.Lifetime] determines the date. From the date to Expires it is seven
// days at most and two seconds at least: the link is good up to and including
// the second before Expires. Methods names the one method that the link is good
// for, and nil means GET; a link for GET is not good for HEAD. DownloadName and
// ContentType become the parameters response-content-disposition and
// response-content-type. Host, if set, must be the host that is signed. Any
// other claim is an error that wraps [errors.ErrUnsupported]. It is also an
// error if u has a user, an opaque part, no host or one with characters that no
// host has, or a path or query that Authenticate or a [middleware.Verifier]
// would refuse. Sign is pure.
func (f *Format) Sign(u *url.URL, c middleware.Claims) (*url.URL, error) { return f.f.Sign(u, c) }

// Authenticate checks the signature of a presigned URL, see
// [middleware.Format]. The link has NotBefore, Expires, the request's method in
// Methods, the access key id in KeyID, and DownloadName and ContentType if it
// carries the parameters for them.
func (f *Format) Authenticate(r middleware.Request) (middleware.Link, error) {
	return f.f.Authenticate(r)
}

// CanSign reports whether Sign can sign. Every format that [New] returned can.
func (f *Format) CanSign() bool { return f.f.CanSign() }

// String returns the number of keys and the id of the first one.
func (f *Format) String() string { return f.f.String() }
