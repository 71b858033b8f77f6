package wire

// Param is one parameter of a raw query, as it was sent.
type Param struct {
	Text  string // all of it
	Name  string // what comes before the first "="
	Value string // what comes after it
}

// QueryFault says what is wrong with a parameter.
type QueryFault int

// The faults of a parameter.
const (
	QueryOK QueryFault = iota
	QueryEmpty
	QuerySemicolon
	QueryEscape
)

// queryFaults are the texts of the faults, for the operator.
var queryFaults = [...]string{
	QueryOK:        "the parameter is unambiguous",
	QueryEmpty:     "the query holds an empty parameter, or one with an empty name",
	QuerySemicolon: "the query holds a raw semicolon, which readers of queries take differently",
	QueryEscape:    "the query holds an invalid escape",
}

// QueryErrors is PathErrors for the faults of a parameter.
func QueryErrors[E any](of func(detail string) E) (errs [len(queryFaults)]E) {
	for f := QueryEmpty; int(f) < len(errs); f++ {
		errs[f] = of(queryFaults[f])
	}
	return errs
}

// CutParam cuts the first parameter off a raw query that is not empty. It
// finds an empty parameter, one without a name, a raw semicolon and an invalid
// escape. net/url drops the last two in silence while they stay in RawQuery,
// so that a signature over the query would cover what nobody reads, or the
// other way round.
func CutParam(query string) (p Param, rest string, fault QueryFault) {
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
			return Param{}, "", QuerySemicolon
		case '%':
			if i+2 >= len(query) {
				return Param{}, "", QueryEscape
			}
			if _, ok := Hex(query[i+1], query[i+2]); !ok {
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
			return Param{}, "", QueryEmpty // an "&" at the end
		}
	}
	if p.Name == "" {
		return Param{}, "", QueryEmpty
	}
	return p, rest, QueryOK
}
