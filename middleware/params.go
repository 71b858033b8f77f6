package middleware

import (
	"strings"

	"example.com/signedurl/middleware/internal/wire"
)

// Limits of a request's target, held by signer and verifier alike. The length
// is what common servers and proxies let pass for a request line; both bound
// the work that somebody without a link can cause.
const (
	maxTarget = 8 << 10
	maxPairs  = 128
)

// The reserved parameters, in the order of their names.
const (
	paramExpires = iota
	paramAs
	paramBy
	paramFor
	paramFrom
	paramHost
	paramID
	paramIgnore
	paramIP
	paramMethods
	paramType
	paramUnder
	paramUses
	paramSignature
	numParams
)

var paramNames = [numParams]string{
	paramExpires:   "expires_at",
	paramAs:        "signed_as",
	paramBy:        "signed_by",
	paramFor:       "signed_for",
	paramFrom:      "signed_from",
	paramHost:      "signed_host",
	paramID:        "signed_id",
	paramIgnore:    "signed_ignore",
	paramIP:        "signed_ip",
	paramMethods:   "signed_methods",
	paramType:      "signed_type",
	paramUnder:     "signed_under",
	paramUses:      "signed_uses",
	paramSignature: "signature",
}

const reservedPrefix = "signed_"

// params are the reserved parameters of one query, and how the query was
// spelled. A value is as it was sent, still escaped; since an empty value is
// refused, "" means that the parameter is absent.
type params struct {
	values [numParams]string
	// reserved counts the reserved parameters, application the others.
	reserved, application int
	// signed is the query without its signature, if the query is spelled as
	// the builder spells it: every byte canonical, sorted, and the signature
	// last. Then these bytes are the signed ones as they lie. Otherwise it is
	// "" and the canonical form must be made.
	signed string
}

var (
	errTooLong      = invalid("the request target is longer than 8 KiB")
	errPairs        = invalid("the query has more than 128 parameters")
	errSemicolon    = invalid("the query holds a raw semicolon, which readers of queries take differently")
	errQueryEscape  = invalid("the query holds an invalid escape")
	errEmptyPair    = invalid("the query holds an empty parameter, or one with an empty name")
	errTwice        = invalid("a reserved parameter is there twice")
	errEmptyValue   = invalid("a reserved parameter has an empty value")
	errUnknown      = invalid("the link carries a signed_ parameter that this version does not know")
	errNotLiteral   = invalid("a reserved parameter's name is spelled with escapes")
	errNoExpiry     = invalid("there is no expires_at")
	errNoSignature  = invalid("there is no signature")
	errNoKeyID      = invalid("there is no signed_by")
	errExpiryNumber = invalid("expires_at is not a canonical number of seconds")
)

// scanQuery reads a raw query once, from left to right, and refuses all that
// net/http would drop in silence or read in two ways. p must be zero; it is
// meaningless after an error. It allocates nothing.
func scanQuery(q string, p *params) error {
	if q == "" {
		return nil
	}
	canonical := true // so far: spelled canonically, sorted, signature last
	previous := ""    // the name before, while canonical
	for start, n := 0, 1; ; n++ {
		if n > maxPairs {
			return errPairs
		}
		if p.values[paramSignature] != "" {
			canonical = false
		}
		name, id, clean, err := scanName(q[start:])
		if err != nil {
			return err
		}
		end := start + len(name)
		valueStart := end
		if end < len(q) && q[end] == '=' {
			valueStart++
			if id == paramSignature {
				// It is compared as text and not signed: no need to read it.
				end = len(q)
				if i := strings.IndexByte(q[valueStart:], '&'); i >= 0 {
					end = valueStart + i
				}
			} else {
				length, cleanValue, err := scanPart(q[valueStart:], '&')
				if err != nil {
					return err
				}
				end = valueStart + length
				clean = clean && cleanValue
			}
		} else {
			clean = false // net/http reads "a" as "a="
		}
		if id < 0 {
			p.application++
		} else {
			switch {
			case p.values[id] != "":
				return errTwice
			case valueStart == end:
				return errEmptyValue
			}
			p.values[id] = q[valueStart:end]
			p.reserved++
		}
		if id == paramSignature {
			if start > 0 {
				p.signed = q[:start-1]
			}
		} else {
			canonical = canonical && clean && previous <= name
			previous = name
		}
		if end == len(q) {
			break
		}
		start = end + 1
	}
	if !canonical {
		p.signed = ""
	}
	return nil
}

// scanName reads the name at the beginning of s. id is the index of the
// reserved parameter, or -1 for a name of the application's. A name that only
// becomes a reserved one when it is decoded is refused: nobody writes it by
// accident.
func scanName(s string) (name string, id int, clean bool, err error) {
	switch { // the three of every link
	case strings.HasPrefix(s, "expires_at="):
		return s[:10], paramExpires, true, nil
	case strings.HasPrefix(s, "signed_by="):
		return s[:9], paramBy, true, nil
	case strings.HasPrefix(s, "signature="):
		return s[:9], paramSignature, true, nil
	case strings.HasPrefix(s, reservedPrefix):
		if i := strings.IndexByte(s, '='); i >= 0 {
			if id := paramIndex(s[:i]); id >= 0 {
				return s[:i], id, true, nil
			}
		}
	}
	length, clean, err := scanPart(s, '=')
	if err != nil {
		return "", -1, false, err
	}
	if length == 0 {
		return "", -1, false, errEmptyPair
	}
	name = s[:length]
	if id := paramIndex(name); id >= 0 {
		return name, id, clean, nil // without "="
	}
	if strings.HasPrefix(name, reservedPrefix) {
		return "", -1, false, errUnknown
	}
	if strings.IndexByte(name, '%') >= 0 {
		var room [64]byte // more than enough to see any reserved name
		decoded, _ := wire.AppendUnescaped(room[:0], name[:min(len(name), len(room))], true)
		if isReserved(string(decoded)) {
			return "", -1, false, errNotLiteral
		}
	}
	return name, -1, clean, nil
}

// scanPart scans a name or a value up to stop, "&" or the end, and reports
// whether it is spelled canonically.
func scanPart(s string, stop byte) (length int, clean bool, err error) {
	clean = true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if wire.Unreserved(c) {
			continue
		}
		switch {
		case c == stop || c == '&':
			return i, clean, nil
		case c == '%':
			if i+2 >= len(s) {
				return 0, false, errQueryEscape
			}
			b, ok := wire.Hex(s[i+1], s[i+2])
			if !ok {
				return 0, false, errQueryEscape
			}
			if wire.Unreserved(b) || s[i+1] >= 'a' || s[i+2] >= 'a' {
				clean = false
			}
			i += 2
		case c == ';':
			return 0, false, errSemicolon
		default:
			clean = false
		}
	}
	return len(s), clean, nil
}

// paramIndex returns the index of the reserved parameter of that name, or -1.
// It is paramNames as a switch, which costs a fraction of a loop.
func paramIndex(name string) int {
	switch name {
	case "expires_at":
		return paramExpires
	case "signed_as":
		return paramAs
	case "signed_by":
		return paramBy
	case "signed_for":
		return paramFor
	case "signed_from":
		return paramFrom
	case "signed_host":
		return paramHost
	case "signed_id":
		return paramID
	case "signed_ignore":
		return paramIgnore
	case "signed_ip":
		return paramIP
	case "signed_methods":
		return paramMethods
	case "signed_type":
		return paramType
	case "signed_under":
		return paramUnder
	case "signed_uses":
		return paramUses
	case "signature":
		return paramSignature
	}
	return -1
}

// isReserved reports whether a decoded name belongs to the link format.
func isReserved(name string) bool {
	return name == paramNames[paramExpires] || name == paramNames[paramSignature] ||
		(len(name) >= len(reservedPrefix) && name[:len(reservedPrefix)] == reservedPrefix)
}
