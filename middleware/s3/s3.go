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

// Options are what [New] can do without. Nil means the defaults.
type Options struct {
	// Accept holds further keys whose links are accepted; they sign nothing.
	// To rotate: add the new key here on every server, then make it the first
	// one, then drop the old one when its last link has expired.
	Accept []Key

	// Host is the host that is signed, in lower case and with its port if that
	// is neither 80 nor 443. By default it is the host of the URL, when
	// signing, and the request's, when verifying. Set it where a proxy changes
	// the Host field on the way, to what the signer's clients send. Then links
	// do not depend on the host of the request any more: one verifier must not
	// serve different files by host.
	Host string

	// Lifetime is how long before its Expires a link is dated that has no
	// NotBefore: X-Amz-Date cannot be left out, and Sign does not look at the
	// clock. The default is seven days, so that any link that lives no longer
	// is valid at once. With a shorter one, a link that expires later than
	// that from now becomes valid only when it has that long to live.
	Lifetime time.Duration

	// Header holds header fields that Sign signs besides the host. Clients
	// must send them exactly so. When verifying, the fields are those that the
	// link names, and this is not looked at.
	Header http.Header
}

// Format signs and authenticates presigned URLs of S3, as
// [middleware.Format]. The zero Format refuses every request. It is immutable
// and safe for concurrent use.
type Format struct{ f *sigv4.Format }

// New returns a format that signs with key and accepts the links of key and of
// [Options.Accept], for one region, such as "eu-central-1" (other servers call
// theirs "us-east-1" or "auto"). It is an error if two keys have the same id.
// Nothing of opts is kept.
func New(key Key, region string, opts *Options) (*Format, error) {
	if opts == nil {
		opts = new(Options)
	}
	if !validRegion(region) {
		return nil, errors.New("signedurl: a region is 1 to 64 of the characters A-Z a-z 0-9 - _ . ~, for example us-east-1")
	}
	keys := []sigv4.Key{key.key}
	for _, k := range opts.Accept {
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

// validRegion keeps the region from needing escapes, and from holding the
// slashes that separate the parts of a credential.
func validRegion(region string) bool {
	for i := 0; i < len(region); i++ {
		if !strict.Unreserved(region[i]) {
			return false
		}
	}
	return 0 < len(region) && len(region) <= 64
}

// Sign returns a copy of u that carries the claims and a signature. u says
// what is signed: its host (or [Options.Host]), its path, which holds the
// bucket unless the host does, and its own query parameters. Path and query
// come out in canonical form, the parameters sorted by name and the signature
// last.
//
// The claims need Expires. NotBefore becomes X-Amz-Date; without it,
// [Options.Lifetime] says how the link is dated. From that date to Expires it
// is seven days at most, and at least two seconds: the last second in which
// the link is good is the one before Expires. Methods names the one method
// that the link is good for, and nil means GET; a link for GET is not good for
// HEAD. DownloadName and ContentType become the parameters
// response-content-disposition and response-content-type. Host, if it is set,
// must be the host that is signed. Any other claim is an error that wraps
// [errors.ErrUnsupported]. Sign is pure.
func (f *Format) Sign(u *url.URL, c middleware.Claims) (*url.URL, error) { return f.f.Sign(u, c) }

// Authenticate checks the signature of a presigned URL, see
// [middleware.Format]. The claims that it returns are NotBefore, Expires, the
// request's method in Methods, the access key id in KeyID, and DownloadName
// and ContentType if the link carries the parameters that Sign makes of them.
func (f *Format) Authenticate(r middleware.Request) (middleware.Link, error) {
	return f.f.Authenticate(r)
}

// CanSign reports whether Sign can sign: any format that [New] made can.
func (f *Format) CanSign() bool { return f.f.CanSign() }

// String returns the number of keys and the id of the first one.
func (f *Format) String() string { return f.f.String() }
