package cloudfront

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"

	"example.com/signedurl/middleware/internal/strict"
)

// maxPolicy bounds the length of a custom policy, and so the work of parsing and
// matching it. The policy that an SDK makes for a URL of ordinary length has 150
// to 300 bytes. CloudFront accepts URLs of 8192 bytes.
const maxPolicy = 4096

// policyText, statement, condition, address and moment are a policy as it is
// written, with its members in the order of the Go SDK. With DateLessThan alone
// it is the canned policy, whose every byte CloudFront prescribes.
type policyText struct {
	Statement [1]statement
}

type statement struct {
	Resource  string
	Condition condition
}

type condition struct {
	IpAddress       *address `json:",omitempty"`
	DateGreaterThan *moment  `json:",omitempty"`
	DateLessThan    moment
}

type address struct {
	Source string `json:"AWS:SourceIp"`
}

type moment struct {
	Seconds int64 `json:"AWS:EpochTime"`
}

// policy is what a policy says.
type policy struct {
	resource    string // "" if there is none
	expires     int64
	notBefore   int64
	hasStart    bool
	network     netip.Prefix
	hasNetwork  bool
	hasResource bool
}

// encode returns the policy as JSON, for signing and, if the policy is canned,
// for verifying. An encoder writes it and not a format string: a quote in a URL
// must not end the Resource and begin other conditions.
func (p policy) encode() []byte {
	s := statement{Resource: p.resource, Condition: condition{DateLessThan: moment{p.expires}}}
	if p.hasStart {
		s.Condition.DateGreaterThan = &moment{p.notBefore}
	}
	if p.hasNetwork {
		s.Condition.IpAddress = &address{p.network.String()}
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // CloudFront writes "&" as is
	if err := e.Encode(policyText{[1]statement{s}}); err != nil {
		panic("signedurl: cloudfront: encoding a policy: " + err.Error()) // no value of these types can fail
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// parsePolicy parses a custom policy, whose signature has been checked. The text
// must have only one meaning: CloudFront, or another reader of the policy, must
// not see other limits in it than are enforced here. Unlike encoding/json,
// parsePolicy refuses a member that occurs twice, a member that is not known
// (an older reader would ignore a limit that a newer signer set), names in
// another case, and numbers that are not plain integers.
//
// It also refuses bytes outside printable ASCII, except white space. They could
// never match a URL, and the collisions of SHA-1 that can be computed today
// need freely chosen binary blocks.
func parsePolicy(text []byte) (policy, bool) {
	if len(text) > maxPolicy {
		return policy{}, false
	}
	r := reader{text}
	p := policy{expires: -1}
	ok := r.object(func(name string) bool {
		return name == "Statement" && r.take('[') && r.statement(&p) && r.take(']') // and not a comma and a second one
	})
	r.space()
	if !ok || p.expires < 0 || len(r.text) > 0 {
		return policy{}, false
	}
	return p, true
}

// reader parses JSON (RFC 8259) in place, in the structure of a policy. The
// methods report false for anything other than what they are to read, and then
// none is called any more. A decoder of encoding/json would return the same
// tokens, and cost as much as a fifth of the signature.
type reader struct{ text []byte } // what remains

func (r *reader) statement(p *policy) bool {
	return r.object(func(name string) bool {
		switch name {
		case "Resource":
			p.hasResource = true
			return r.string(&p.resource) && validResource(p.resource)
		case "Condition":
			return r.condition(p)
		}
		return false
	})
}

func (r *reader) condition(p *policy) bool {
	return r.object(func(name string) bool {
		switch name {
		case "DateLessThan":
			return r.moment(&p.expires)
		case "DateGreaterThan":
			p.hasStart = true
			return r.moment(&p.notBefore)
		case "IpAddress":
			return r.object(func(name string) bool {
				var source string
				if name != "AWS:SourceIp" || !r.string(&source) {
					return false
				}
				p.network, p.hasNetwork = parseNetwork(source)
				return p.hasNetwork
			}) && p.hasNetwork
		}
		return false
	})
}

func (r *reader) moment(seconds *int64) bool {
	found := false
	return r.object(func(name string) bool {
		r.space()
		n := 0
		for n < len(r.text) && '0' <= r.text[n] && r.text[n] <= '9' {
			n++
		}
		*seconds, found = strict.Int(string(r.text[:n]), strict.MaxTime)
		r.text = r.text[n:] // object refuses a fraction or an exponent here
		return found && name == "AWS:EpochTime"
	}) && found
}

// object reads an object. It calls member with the name of each member to read
// its value, and refuses a name that occurs twice.
func (r *reader) object(member func(name string) bool) bool {
	if !r.take('{') {
		return false
	}
	var seen [3]string // no object has more names that member accepts
	for n := 0; !r.take('}'); n++ {
		var name string
		if n == len(seen) || (n > 0 && !r.take(',')) || !r.string(&name) || slices.Contains(seen[:n], name) || !r.take(':') || !member(name) {
			return false
		}
		seen[n] = name
	}
	return true
}

// take reads the character c, after white space.
func (r *reader) take(c byte) bool {
	r.space()
	if len(r.text) == 0 || r.text[0] != c {
		return false
	}
	r.text = r.text[1:]
	return true
}

func (r *reader) space() {
	for len(r.text) > 0 && (r.text[0] == ' ' || r.text[0] == '\t' || r.text[0] == '\r' || r.text[0] == '\n') {
		r.text = r.text[1:]
	}
}

// string reads a string. The caller judges its characters: every string that is
// accepted is printable ASCII.
func (r *reader) string(s *string) bool {
	if !r.take('"') {
		return false
	}
	escaped := false
	for i := 0; i < len(r.text); i++ {
		switch r.text[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			raw := string(r.text[:i])
			r.text = r.text[i+1:]
			if escaped {
				return json.Unmarshal([]byte(`"`+raw+`"`), s) == nil
			}
			*s = raw
			return true
		}
	}
	return false
}

// parseNetwork parses an IPv4 address or network. CloudFront has no other kind:
// it could not enforce an IPv6 network.
func parseNetwork(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), a.Is4()
	}
	n, err := netip.ParsePrefix(s)
	return n.Masked(), err == nil && n.Addr().Is4()
}
