package middleware

import (
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// The faults of a query that only this format knows.
var (
	faultPairs      = strict.NewFault("the query has more than 128 parameters")
	faultTwice      = strict.NewFault("a reserved parameter is there twice")
	faultEmptyValue = strict.NewFault("a reserved parameter has an empty value")
	faultUnknown    = strict.NewFault("the link carries a signed_ parameter that this version does not know")
	faultNotLiteral = strict.NewFault("a reserved parameter's name is spelled with escapes")
)

// scanQuery reads a raw query once, from left to right, and refuses all that
// net/http would drop in silence or that can be read in two ways. p must be
// new; it is meaningless after a fault. It allocates nothing.
func scanQuery(q string, p *params) *strict.Fault {
	if len(q) >= strict.MaxTarget {
		return strict.TooLong
	}
	canonical := true // so far: spelled canonically, sorted, signature last
	previous := ""    // the name before, while canonical
	for start := 0; len(q) > 0; {
		if len(p.pairs) == maxPairs {
			return faultPairs
		}
		var fault *strict.Fault
		id, equals := reservedAt(q, start)
		clean := id >= 0
		if !clean {
			if equals, clean, fault = scanPart(q, start, '='); fault != nil {
				return fault
			}
			if id, fault = judgeName(q[start:equals]); fault != nil {
				return fault
			}
		}
		end := equals
		if end == len(q) || q[end] == '&' {
			clean = false // net/http reads "a" as "a="
		} else if id == paramSignature {
			// It is compared as text and not signed: no need to read it.
			end = len(q)
			if i := strings.IndexByte(q[equals:], '&'); i >= 0 {
				end = equals + i
			}
		} else {
			var cleanValue bool
			if end, cleanValue, fault = scanPart(q, equals+1, '&'); fault != nil {
				return fault
			}
			clean = clean && cleanValue
		}
		p.pairs = append(p.pairs, pair{uint16(start), uint16(equals), uint16(end), clean, id >= 0})
		switch {
		case id < 0:
			p.application++
		case p.values[id] != "":
			return faultTwice
		case equals+1 >= end:
			return faultEmptyValue
		default:
			p.values[id] = q[equals+1 : end]
			p.reserved++
		}
		if id == paramSignature {
			if canonical && end == len(q) && start > 0 {
				p.signed = q[:start-1]
			}
		} else if canonical {
			name := q[start:equals]
			canonical = clean && previous <= name
			previous = name
		}
		if end == len(q) {
			return nil
		}
		start = end + 1
	}
	return nil
}

// reservedAt returns the reserved parameter whose name and "=" stand at
// q[start:], and where the "=" is; or -1.
func reservedAt(q string, start int) (id param, equals int) {
	switch s := q[start:]; {
	case strings.HasPrefix(s, reservedPrefix):
		for i := len(reservedPrefix); i < len(s) && i <= longestName; i++ {
			if s[i] == '=' {
				return paramIndex(s[:i]), start + i
			}
		}
	case strings.HasPrefix(s, nameSignature+"="):
		return paramSignature, start + len(nameSignature)
	case strings.HasPrefix(s, nameExpires+"="):
		return paramExpires, start + len(nameExpires)
	}
	return -1, 0
}

// judgeName returns the reserved parameter of a name without "=", and -1 for a
// name of the application's. It refuses a name that begins as a reserved one and
// is not known, and one that only becomes reserved when it is decoded: nobody
// writes that by accident.
func judgeName(name string) (param, *strict.Fault) {
	if name == "" {
		return -1, strict.EmptyPair
	}
	if id := paramIndex(name); id >= 0 {
		return id, nil
	}
	if strings.HasPrefix(name, reservedPrefix) {
		return -1, faultUnknown
	}
	if strings.IndexByte(name, '%') >= 0 {
		var room [64]byte // more than enough to see any reserved name
		decoded, _ := strict.AppendUnescaped(room[:0], name[:min(len(name), len(room))], true)
		if isReserved(string(decoded)) {
			return -1, faultNotLiteral
		}
	}
	return -1, nil
}

// scanPart scans a name or a value from q[i:] up to stop, "&" or the end of q.
// It returns the end and whether the part is spelled canonically.
func scanPart(q string, i int, stop byte) (end int, clean bool, fault *strict.Fault) {
	clean = true
	for ; i < len(q); i++ {
		c := q[i]
		if strict.Unreserved(c) {
			continue
		}
		switch {
		case c == stop || c == '&':
			return i, clean, nil
		case c == '%':
			b, width := strict.Next(q, i)
			if width == 0 {
				return 0, false, strict.QueryEscape
			}
			if strict.Unreserved(b) || q[i+1] >= 'a' || q[i+2] >= 'a' {
				clean = false
			}
			i += 2
		case c == ';':
			return 0, false, strict.Semicolon
		default:
			clean = false
		}
	}
	return i, clean, nil
}
