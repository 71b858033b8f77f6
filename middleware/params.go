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
	faultSteps      = strict.NewFault("the link was narrowed more than 4 times")
	faultNotLiteral = strict.NewFault("a reserved parameter's name is spelled with escapes")
)

// scanQuery reads a raw query once, from left to right, and refuses all that
// net/http would drop in silence or that can be read in two ways. p must be
// new; it is meaningless after a fault. It allocates nothing.
func scanQuery(q string, p *params) *strict.Fault {
	if q == "" {
		return nil
	}
	if len(q) >= strict.MaxTarget {
		return strict.TooLong
	}
	canonical := true // so far: spelled canonically, sorted, signature last
	previous := ""    // the name before, while canonical
	n := 0
	for i := 0; ; i++ {
		if n == maxPairs {
			return faultPairs
		}
		start, clean := i, true
		id, equals := reservedAt(q, i)
		if id < 0 {
			escaped := false
			for {
				i += strict.Run(q[i:])
				if i == len(q) || q[i] == '=' || q[i] == '&' {
					break
				}
				width, ok, fault := scanOdd(q, i)
				if fault != nil {
					return fault
				}
				clean = clean && ok
				escaped = escaped || width > 1
				i += width
			}
			equals = i
			if fault := judgeName(q[start:i], escaped); fault != nil {
				return fault
			}
		}
		if i = equals; i == len(q) || q[i] == '&' {
			clean = false // net/http reads "a" as "a="
			if id < 0 && isReserved(q[start:i]) {
				return faultEmptyValue
			}
		} else if i++; id == paramSignature || id == paramNarrow {
			// The one is compared as text and not signed, and the other signed and read by
			// itself: no need to read them.
			if end := strings.IndexByte(q[i:], '&'); end >= 0 {
				i += end
			} else {
				i = len(q)
			}
		} else {
			for {
				i += strict.Run(q[i:])
				if i == len(q) || q[i] == '&' {
					break
				}
				width, ok, fault := scanOdd(q, i)
				if fault != nil {
					return fault
				}
				clean = clean && ok
				i += width
			}
		}
		p.pairRoom[n] = pair{uint16(start), uint16(equals), uint16(i), clean, id >= 0}
		n++
		if id < 0 {
			p.application++
		} else {
			switch {
			case p.present&(1<<id) != 0:
				return faultTwice
			case equals+1 >= i:
				return faultEmptyValue
			case id == paramNarrow:
				if len(p.steps) == maxSteps {
					return faultSteps
				}
				p.addStep(q[equals+1:i], start, i)
			default:
				p.values[id] = q[equals+1 : i]
				p.present |= 1 << id
			}
			p.reserved++
		}
		if canonical {
			if id == paramSignature {
				if canonical = i == len(q); canonical && start > 0 {
					p.signed = q[:start-1]
				}
			} else {
				name := q[start:equals]
				canonical = clean && previous <= name
				previous = name
			}
		}
		if i == len(q) {
			break
		}
		if i+1 == len(q) {
			return strict.EmptyPair // an "&" at the end
		}
	}
	p.pairs = p.pairRoom[:n]
	return nil
}

// addStep adds a step, whose parameter is at query[start:end].
func (p *params) addStep(value string, start, end int) {
	if p.steps = append(p.steps, value); len(p.steps) == 1 {
		p.stepsStart = start
	} else if start != p.stepsEnd+1 {
		p.stepsApart = true
	}
	p.stepsEnd = end
}

// narrowing returns the parameters of the steps as they stand in the query.
func (p *params) narrowing(query string) string {
	if !p.stepsApart {
		return query[p.stepsStart:p.stepsEnd]
	}
	return nameNarrow + "=" + strings.Join(p.steps, "&"+nameNarrow+"=")
}

// allIgnored reports whether a list names all parameters of the query that are
// the application's.
func (p *params) allIgnored(query string, ignore ignoreList) bool {
	for _, pair := range p.pairs {
		if !pair.reserved && !ignore.names(query[pair.start:pair.equals]) {
			return false
		}
	}
	return true
}

// reservedAt returns the reserved parameter whose name and "=" stand at
// q[start:], and where the "=" is; or -1 and start.
func reservedAt(q string, start int) (id param, equals int) {
	s := q[start:]
	if s == "" || s[0] != 's' && s[0] != 'e' {
		return -1, start
	}
	switch {
	case strings.HasPrefix(s, nameBy+"="): // the three of every link
		return paramBy, start + len(nameBy)
	case strings.HasPrefix(s, nameSignature+"="):
		return paramSignature, start + len(nameSignature)
	case strings.HasPrefix(s, nameExpires+"="):
		return paramExpires, start + len(nameExpires)
	case strings.HasPrefix(s, reservedPrefix):
		for i := len(reservedPrefix); i < len(s) && i <= longestName; i++ {
			if s[i] == '=' {
				if id := paramIndex(s[:i]); id >= 0 {
					return id, start + i
				}
				break
			}
		}
	}
	return -1, start
}

// judgeName judges a name that reservedAt does not know. It refuses one that
// begins as a reserved one, and one that only becomes reserved when it is
// decoded: nobody writes that by accident. A reserved name without "=" is left to
// the caller.
func judgeName(name string, escaped bool) *strict.Fault {
	switch {
	case name == "":
		return strict.EmptyPair
	case strings.HasPrefix(name, reservedPrefix) && paramIndex(name) < 0:
		return faultUnknown
	case escaped:
		var room [64]byte // more than enough to see any reserved name
		decoded, _ := strict.AppendUnescaped(room[:0], name[:min(len(name), len(room))], true)
		if isReserved(string(decoded)) {
			return faultNotLiteral
		}
	}
	return nil
}

// scanOdd looks at a byte of a name or a value that is not unreserved. It returns
// its width, and whether it is spelled canonically.
func scanOdd(q string, i int) (width int, clean bool, fault *strict.Fault) {
	switch q[i] {
	case ';':
		return 0, false, strict.Semicolon
	case '%':
		c, width := strict.Next(q, i)
		if width == 0 {
			return 0, false, strict.QueryEscape
		}
		return width, !strict.Unreserved(c) && q[i+1] < 'a' && q[i+2] < 'a', nil
	}
	return 1, false, nil
}
