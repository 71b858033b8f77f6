package cloudfront

import (
	"encoding/base64"
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// The format's parameters.
const (
	paramExpires = iota
	paramPolicy
	paramSignature
	paramKeyPairID
	paramHash
	numParams
)

var paramNames = [numParams]string{
	paramExpires:   "Expires",
	paramPolicy:    "Policy",
	paramSignature: "Signature",
	paramKeyPairID: "Key-Pair-Id",
	paramHash:      "Hash-Algorithm",
}

// cookiePrefix precedes the name of a parameter in the name of its cookie.
const cookiePrefix = "CloudFront-"

// params are the format's parameters in one query, or in one set of cookies.
// The values are as sent: none of them needs an escape, and other readers of
// the link could read a second spelling differently.
type params struct {
	values [numParams]string
	given  [numParams]bool
	n      int // how many are given
}

// set stores a parameter, and reports false if it was set before: CloudFront,
// the application and a proxy might not all take the same of the two.
func (p *params) set(i int, value string) bool {
	if p.given[i] {
		return false
	}
	p.values[i], p.given[i] = value, true
	p.n++
	return true
}

// scanQuery removes the format's parameters from a raw query. The rest is own,
// with its bytes in their order, which is what the signer saw. It is not parsed
// at all, so that nothing in it can be dropped. hasOwn tells "/a?" from "/a".
func scanQuery(q string) (p params, own string, hasOwn bool, fault *strict.Fault) {
	if q == "" {
		return p, "", false, nil
	}
	var rest []byte
	for part := range strings.SplitSeq(q, "&") {
		name, value, _ := strings.Cut(part, "=")
		i := paramIndex(name)
		switch {
		case i < 0 && strings.IndexByte(name, '%') >= 0 && reservedName(name):
			return params{}, "", false, faultNotLiteral
		case i < 0:
			if hasOwn {
				rest = append(rest, '&')
			} else if rest == nil {
				rest = make([]byte, 0, len(q))
			}
			rest = append(rest, part...)
			hasOwn = true
		case !p.set(i, value):
			return params{}, "", false, faultTwice
		}
	}
	return p, string(rest), hasOwn, nil
}

func paramIndex(name string) int {
	switch name {
	case "Expires":
		return paramExpires
	case "Policy":
		return paramPolicy
	case "Signature":
		return paramSignature
	case "Key-Pair-Id":
		return paramKeyPairID
	case "Hash-Algorithm":
		return paramHash
	}
	return -1
}

// reservedName reports whether a raw name is one of the format's once it is
// decoded.
func reservedName(raw string) bool {
	for _, name := range paramNames {
		if strict.UnescapesTo(raw, name, true) {
			return true
		}
	}
	return false
}

// encoding is CloudFront's base64: the standard one (RFC 4648, section 4) with
// "-", "_" and "~" where that has "+", "=" and "/". Strict refuses stray bits
// in the last character.
var encoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~").WithPadding('_').Strict()

// decode decodes s if it is not empty and the one spelling of its bytes.
func decode(s string) ([]byte, bool) {
	// The decoder skips line breaks, even when it is strict.
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := encoding.DecodeString(s)
	return b, err == nil
}
