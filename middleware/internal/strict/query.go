package strict

// Param is one parameter of a raw query, as it was sent.
type Param struct {
	Text  string // all of it
	Name  string // what comes before the first "="
	Value string // what comes after it
}

// The faults of a query.
var (
	EmptyPair   = NewFault("the query holds an empty parameter, or one with an empty name")
	Semicolon   = NewFault("the query holds a raw semicolon, which query parsers read differently")
	QueryEscape = NewFault("the query holds an invalid escape")
)

// CutParam cuts the first parameter from a raw query that is not empty. It
// finds an empty parameter, one without a name, a raw semicolon and an invalid
// escape. net/url drops the last two in silence while they stay in RawQuery,
// so that a signature over the query would cover what nobody reads, or the
// other way round.
func CutParam(query string) (p Param, rest string, fault *Fault) {
	i, equals := 0, -1
	for ; i < len(query); i++ {
		c := query[i]
		if unreserved[c] {
			continue
		}
		if c == '&' {
			break
		}
		switch c {
		case '=':
			if equals < 0 {
				equals = i
			}
		case ';':
			return Param{}, "", Semicolon
		case '%':
			if _, width := escape(query[i:]); width == 0 {
				return Param{}, "", QueryEscape
			}
			i += 2
		}
	}
	p.Text = query[:i]
	p.Name = p.Text
	if equals >= 0 {
		p.Name, p.Value = p.Text[:equals], p.Text[equals+1:]
	}
	if i < len(query) {
		if rest = query[i+1:]; rest == "" {
			return Param{}, "", EmptyPair // an "&" at the end
		}
	}
	if p.Name == "" {
		return Param{}, "", EmptyPair
	}
	return p, rest, nil
}
