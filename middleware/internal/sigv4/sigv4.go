// Package sigv4 holds what the presigned URLs of AWS Signature Version 4 and of
// Google Cloud Storage's V4 have in common, which is nearly everything: the
// canonical request, the credential scope, the derived signing keys, and the
// strict parsing of dates, headers and queries. A [Dialect] holds the
// differences. The public API is that of packages s3 and gcs.
//
// # What is signed
//
//	canonical request = METHOD LF PATH LF QUERY LF (name:value LF)... LF SIGNED-HEADERS LF PAYLOAD
//	string to sign    = ALGORITHM LF DATE LF DAY/SCOPE LF hex(SHA-256(canonical request))
//
// Path and query are percent-encoded except for unreserved characters (and the
// slashes of the path), so they have no line feed. Methods, hosts, header names
// and values that have one are refused. So the text is injective. Only the
// signature is not part of it, and is accepted in one spelling.
//
// AWS: Authenticating Requests, Using Query Parameters (Signature Version 4).
// Google: Cloud Storage, Canonical requests; V4 signing process.
package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

// MaxLifetime is the longest time between the date of a link and its expiry, in
// both systems: seven days.
const MaxLifetime = 7 * 24 * time.Hour

// Limits on the work that a request can cause before its signature is known to
// be right, besides the length of the target.
const (
	maxPairs       = 128
	maxHeaders     = 32      // signed header fields
	maxHeaderBytes = 8 << 10 // of their names and values together
)

// Config configures a [Format].
type Config struct {
	// Keys are the keys whose links are accepted. The first signs.
	Keys []Key
	// Host is the host that is signed, if it is not that of the URL or the
	// request.
	Host string
	// Lifetime is the time between the date and the expiry of a link that has
	// no NotBefore. The default is MaxLifetime.
	Lifetime time.Duration
	// Header holds the fields that are signed besides the host.
	Header http.Header
}

// Format signs and authenticates the links of one dialect, as a
// [middleware.Format] does. It is immutable and safe for concurrent use.
type Format struct {
	d        Dialect
	first    *boundKey
	keys     map[lookup][]*boundKey
	host     string
	lifetime int64
	header   http.Header
	signed   string // the signed list of header's fields and host
}

// lookup identifies a key in a link. The algorithm belongs to the key, so a link
// that names another algorithm finds no key.
type lookup struct{ algorithm, id string }

// boundKey is a key that is bound to a dialect.
type boundKey struct {
	Signer
	id, algorithm string
	token         func() string
}

// maxKeysPerID bounds the cost of a forged link, for which every key of its id is
// tried. A Google service account can have ten keys.
const maxKeysPerID = 10

// New returns a format of the dialect d. The error says what is wrong with the
// configuration and quotes no secret.
func New(d Dialect, c Config) (*Format, error) {
	f := &Format{
		d:        d,
		keys:     make(map[lookup][]*boundKey, len(c.Keys)),
		host:     d.host(c.Host),
		lifetime: int64(c.Lifetime / time.Second),
		header:   make(http.Header, len(c.Header)),
	}
	for _, k := range c.Keys {
		if k.Open == nil {
			return nil, errors.New("signedurl: a key comes from one of the package's constructors; this is the zero Key")
		}
		b := &boundKey{Signer: k.Open(&d), id: k.ID, algorithm: d.brand + k.Suffix, token: k.Token}
		if f.first == nil {
			f.first = b
		}
		// Ids are looked up in their spelling in a link, escaped.
		at := lookup{b.algorithm, strict.Escape(k.ID)}
		if k.Unique && len(f.keys[at]) > 0 {
			return nil, fmt.Errorf("signedurl: two keys have the id %s", k.ID)
		}
		if len(f.keys[at]) == maxKeysPerID {
			return nil, fmt.Errorf("signedurl: there are more than %d keys with the id %s; a forged link would cost a verification for each", maxKeysPerID, k.ID)
		}
		f.keys[at] = append(f.keys[at], b)
	}
	if f.first == nil {
		return nil, errors.New("signedurl: there is no key")
	}
	if c.Host != "" && !hostPort(c.Host) {
		return nil, errors.New("signedurl: Host must be host[:port] in lower-case ASCII, as the signer's clients send it")
	}
	switch {
	case c.Lifetime == 0:
		f.lifetime = int64(MaxLifetime / time.Second)
	case c.Lifetime < time.Second || c.Lifetime > MaxLifetime:
		return nil, errors.New("signedurl: Lifetime must lie between one second and seven days")
	}
	names := []string{"host"}
	for name, values := range c.Header {
		lower := strings.ToLower(name)
		if !validHeaderName(lower) || lower == "host" || len(values) == 0 {
			return nil, fmt.Errorf("signedurl: Header has %q, which is not a field that can be signed here", name)
		}
		for _, v := range values {
			if _, ok := appendHeaderValue(nil, v); !ok {
				return nil, fmt.Errorf("signedurl: a value of the header field %q has a control character", name)
			}
		}
		if slices.Contains(names, lower) {
			return nil, fmt.Errorf("signedurl: Header has the field %q twice, in different case", lower)
		}
		names = append(names, lower)
		f.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	slices.Sort(names)
	f.signed = strings.Join(names, ";")
	return f, nil
}

// CanSign reports whether the first key can sign. A nil Format cannot, and
// refuses every request.
func (f *Format) CanSign() bool { return f != nil && f.first.Sign != nil }

// String returns the number of keys and the id of the first one.
func (f *Format) String() string {
	if f == nil {
		return "no keys"
	}
	n := 0
	for _, keys := range f.keys {
		n += len(keys)
	}
	return fmt.Sprintf("%d keys, first %s (%s)", n, f.first.id, f.first.algorithm)
}

// state is the memory for parsing a request and rebuilding its signed text. It
// comes from a pool, so that verifying a link allocates nothing for it.
type state struct {
	query
	text []byte // the canonical request
	msg  []byte // the string to sign
}

var states = sync.Pool{New: func() any { return new(state) }}

func newState() *state { return states.Get().(*state) }

// release returns the state to the pool, without the request's strings, which
// would otherwise stay in memory.
func (st *state) release() {
	clear(st.pairs)
	st.query = query{pairs: st.pairs[:0]}
	states.Put(st)
}
