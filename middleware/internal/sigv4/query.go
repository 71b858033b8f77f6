package sigv4

import (
	"slices"
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// The faults of a query besides those that package strict knows.
var (
	faultPairs      = strict.NewFault("the query has more than 128 parameters")
	faultTwice      = strict.NewFault("a parameter of the signature is there twice")
	faultEmptyValue = strict.NewFault("a parameter of the signature has an empty value")
	faultNotLiteral = strict.NewFault("a parameter of the signature is spelled with escapes or in another case")
)

// pair is a parameter in its canonical spelling.
type pair struct{ name, value string }

// query is a query that was parsed strictly: it has nothing that net/url drops in
// silence or that two parsers could read differently.
type query struct {
	// pairs are all parameters but the signature, in the order in which they
	// were sent.
	pairs []pair
	// values are the parameters of the signature, in canonical spelling. An
	// empty one is refused, so "" means absent.
	values [numParams]string
	// any says that there is at least one of them, even if it is misspelled.
	any bool
}

// read parses a raw query, in one pass.
func (q *query) read(d *Dialect, raw string) *strict.Fault {
	if raw == "" {
		return nil
	}
	for start, n := 0, 1; ; n++ {
		if n > maxPairs {
			return faultPairs
		}
		name, end, fault := part(raw, start, '=')
		if fault != nil {
			return fault
		}
		if name == "" {
			return strict.EmptyPair
		}
		id, exact := d.param(name)
		if id >= 0 {
			q.any = true
			if !exact || name != raw[start:end] {
				return faultNotLiteral
			}
		}
		value := "" // net/http reads "a" as "a="
		if end < len(raw) && raw[end] == '=' {
			start = end + 1
			if value, end, fault = part(raw, start, '&'); fault != nil {
				return fault
			}
		}
		if id >= 0 {
			switch {
			case q.values[id] != "":
				return faultTwice
			case value == "":
				return faultEmptyValue
			}
			q.values[id] = value
		}
		switch {
		case id != paramSignature:
			q.pairs = append(q.pairs, pair{name, value})
		case value != raw[start:end]:
			// The signature does not cover itself. It must have one spelling,
			// or there would be many spellings of the same link.
			return faultNotLiteral
		}
		if end == len(raw) {
			return nil
		}
		start = end + 1
	}
}

// part returns the name or value that begins at start and ends before stop or
// "&", in canonical spelling: decoded, with "+" as a space, and encoded again.
// It allocates only if that changes anything.
func part(raw string, start int, stop byte) (s string, end int, fault *strict.Fault) {
	canonical := true
	for end = start; end < len(raw); end++ {
		c := raw[end]
		if strict.Unreserved(c) {
			continue
		}
		if c == stop || c == '&' {
			break
		}
		if c == ';' {
			return "", 0, strict.Semicolon
		}
		if c != '%' {
			canonical = false
			continue
		}
		c, width := strict.Next(raw, end)
		if width == 0 {
			return "", 0, strict.QueryEscape
		}
		canonical = canonical && canonicalEscape(raw[end:], c)
		end += width - 1
	}
	s = raw[start:end]
	if canonical {
		return s, end, nil
	}
	s, _ = strict.Unescape(s, true)
	return strict.Escape(s), end, nil
}

// add adds a parameter that is not escaped yet.
func (q *query) add(name, value string) {
	q.pairs = append(q.pairs, pair{name, strict.Escape(value)})
}

// sort sorts the pairs as they are signed: by the bytes of the encoded name.
func (q *query) sort(d *Dialect) {
	compare := byName
	if d.sortValues {
		compare = byNameAndValue
	}
	// Nearly every library writes its links sorted.
	for i := 1; i < len(q.pairs); i++ {
		if compare(q.pairs[i-1], q.pairs[i]) > 0 {
			slices.SortStableFunc(q.pairs, compare)
			return
		}
	}
}

func byName(a, b pair) int { return strings.Compare(a.name, b.name) }

func byNameAndValue(a, b pair) int {
	if n := strings.Compare(a.name, b.name); n != 0 {
		return n
	}
	return strings.Compare(a.value, b.value)
}

// append appends the pairs as they are signed.
func (q *query) append(dst []byte) []byte {
	for i, p := range q.pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p.name...)
		dst = append(dst, '=')
		dst = append(dst, p.value...)
	}
	return dst
}

// canonicalEscape reports whether the valid escape of c at the beginning of s is
// needed, and in upper case.
func canonicalEscape(s string, c byte) bool {
	return s[1] < 'a' && s[2] < 'a' && !strict.Unreserved(c)
}

// unescape decodes a part in canonical spelling.
func unescape(s string) string {
	s, _ = strict.Unescape(s, false)
	return s
}
