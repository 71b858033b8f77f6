package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// The faults of a request, which a signer has too.
var (
	faultMethod        = strict.NewFault("the method is not made of upper-case letters")
	faultHost          = strict.NewFault("the host holds characters that no host has")
	faultEncodedSlash  = strict.NewFault("the path holds an encoded slash, which is signed like a raw one and is not the same path to net/http")
	faultPathSpelling  = strict.NewFault("the path is not percent-encoded as it is when it is signed")
	faultSignedHeaders = strict.NewFault("the list of signed headers is not one of sorted lower-case names with host among them")
	faultHeaderMissing = strict.NewFault("the request lacks a header field that is signed")
	faultHeaderValue   = strict.NewFault("a signed header field holds a control character")
	faultHeaderSize    = strict.NewFault("there are more than 32 signed header fields, or 8 KiB of them")
	faultPayload       = strict.NewFault("the hash of the payload is neither UNSIGNED-PAYLOAD nor 64 hex digits")
	faultPayloadTwice  = strict.NewFault("the hash of the payload is both a parameter and a signed header field")
)

const unsignedPayload = "UNSIGNED-PAYLOAD"

// request holds what is signed of an HTTP request, besides its query.
type request struct {
	method string
	host   string // in the form that is signed
	path   string // escaped
	header http.Header
	signed string // the names of the signed headers
}

// build writes the canonical request to st.text and the string to sign to
// st.msg. It is the only place that does so, for signer and verifier and for
// both systems.
func (st *state) build(d *Dialect, r request, algorithm, date string) *strict.Fault {
	if !validMethod(r.method) {
		return faultMethod
	}
	if !validHost(r.host) {
		return faultHost
	}
	b := append(st.text[:0], r.method...)
	b = append(b, '\n')
	b, fault := appendPath(b, r.path, d.pathAsSent)
	if fault != nil {
		return fault
	}
	b = append(b, '\n')
	st.sort(d)
	b = st.append(b)
	b = append(b, '\n')
	b, payload, fault := appendHeaders(b, d, r)
	if fault != nil {
		return fault
	}
	if v := st.values[paramPayload]; v != "" {
		switch {
		case payload != "":
			return faultPayloadTwice
		case v != unsignedPayload && !isHash(v):
			return faultPayload
		}
		payload = v
	}
	if payload == "" {
		payload = unsignedPayload
	}
	b = append(b, '\n')
	b = append(b, r.signed...)
	b = append(b, '\n')
	b = append(b, payload...)
	st.text = b

	sum := sha256.Sum256(b)
	m := append(st.msg[:0], algorithm...)
	m = append(m, '\n')
	m = append(m, date...)
	m = append(m, '\n')
	m = append(m, date[:dayLen]...)
	m = append(m, '/')
	m = append(m, d.scope...)
	m = append(m, '\n')
	st.msg = hex.AppendEncode(m, sum[:])
	return nil
}

// appendPath appends a path with everything but unreserved characters and
// slashes percent-encoded; doubled slashes stay.
func appendPath(dst []byte, p string, asSent bool) ([]byte, *strict.Fault) {
	if p == "" || p[0] != '/' {
		return dst, strict.Relative
	}
	for i := 0; i < len(p); {
		c := p[i]
		if c == '/' || strict.Unreserved(c) { // nearly always
			dst = append(dst, c)
			i++
			continue
		}
		c, width := strict.Next(p, i)
		switch {
		case width == 0:
			return dst, strict.BadEscape
		case c == '/':
			// The objects a/b and a%2Fb would have the same canonical request,
			// and only one of them was signed. No client library writes an
			// encoded slash.
			return dst, faultEncodedSlash
		case asSent && (width == 1 || !canonicalEscape(p[i:], c)):
			return dst, faultPathSpelling
		}
		dst = strict.AppendByte(dst, c)
		i += width
	}
	return dst, nil
}

// appendHeaders appends the signed header fields, a line each, and returns the
// value of the one that holds the hash of the payload, if it is signed.
func appendHeaders(dst []byte, d *Dialect, r request) (_ []byte, payload string, fault *strict.Fault) {
	limit := len(dst) + maxHeaderBytes
	host, previous := false, ""
	for rest, n := r.signed, 1; ; n++ {
		name, tail, more := strings.Cut(rest, ";")
		if name <= previous || !validHeaderName(name) {
			return dst, "", faultSignedHeaders
		}
		if n > maxHeaders {
			return dst, "", faultHeaderSize
		}
		dst = append(dst, name...)
		dst = append(dst, ':')
		start := len(dst)
		if name == "host" {
			host = true
			dst = append(dst, r.host...)
		} else {
			values := r.header.Values(name)
			if len(values) == 0 {
				return dst, "", faultHeaderMissing
			}
			for i, v := range values {
				if i > 0 {
					dst = append(dst, ',')
				}
				if len(dst)+len(v) > limit {
					return dst, "", faultHeaderSize
				}
				var ok bool
				if dst, ok = appendHeaderValue(dst, v); !ok {
					return dst, "", faultHeaderValue
				}
			}
		}
		if name == d.payload {
			payload = string(dst[start:])
		}
		dst = append(dst, '\n')
		if !more {
			break
		}
		previous, rest = name, tail
	}
	if !host {
		// A link that does not sign the host would be good on every host.
		return dst, "", faultSignedHeaders
	}
	return dst, payload, nil
}

// appendHeaderValue appends a value without the blanks around it, and with one
// space for each run of blanks inside. It reports false for a control
// character, which could end the line in the signed text.
func appendHeaderValue(dst []byte, v string) ([]byte, bool) {
	start, blank := len(dst), false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case c == ' ' || c == '\t':
			blank = true
			continue
		case c < ' ' || c == 0x7F:
			return dst, false
		}
		if blank && len(dst) > start {
			dst = append(dst, ' ')
		}
		blank = false
		dst = append(dst, c)
	}
	return dst, true
}

// validHeaderName accepts more than the tokens of RFC 9110, section 5.6.2:
// Google's conformance cases sign a name with a slash.
func validHeaderName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c >= 0x7F || c == ':' || c == ';' || c == ',' || ('A' <= c && c <= 'Z') {
			return false
		}
	}
	return name != ""
}

func validMethod(m string) bool {
	for i := 0; i < len(m); i++ {
		if c := m[i]; !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return m != ""
}

// validHost reports whether a host cannot end its line in the signed text. No
// more is needed of a request: the signature compares the host byte for byte.
func validHost(h string) bool {
	for i := 0; i < len(h); i++ {
		if h[i] <= ' ' || h[i] >= 0x7F {
			return false
		}
	}
	return h != ""
}

// hostPort reports whether h is a host with or without a port, in lower case. A
// URL with any other string in place of its host would have another host, or
// none.
func hostPort(h string) bool {
	for i := 0; i < len(h); i++ {
		if c := h[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-._:[]", c) >= 0) {
			return false
		}
	}
	u, err := url.Parse("https://" + h)
	return err == nil && u.Hostname() != "" && !strings.HasSuffix(h, ":")
}

func isHash(s string) bool {
	var sum [sha256.Size]byte
	return DecodeHex(sum[:], s)
}

// DecodeHex decodes lower-case hex digits into dst, and reports whether they
// fill it exactly. encoding/hex also accepts upper case, a second spelling of
// the same signature.
func DecodeHex(dst []byte, s string) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	for i := range dst {
		hi, lo := lowerHex[s[2*i]], lowerHex[s[2*i+1]]
		if hi|lo > 15 {
			return false
		}
		dst[i] = hi<<4 | lo
	}
	return true
}

// lowerHex holds the value of each lower-case hex digit, and 0xFF for every
// other byte.
var lowerHex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xFF
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()
