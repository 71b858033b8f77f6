package cloudfront

import "net/netip"

// Covers is covers for the tests, on the parts of a URL.
func Covers(resource, scheme, host, path, query string, hasQuery bool) (under string, ok bool) {
	return covers(resource, &target{scheme, host, path, query, hasQuery})
}

// ValidResource is validResource for the tests.
func ValidResource(s string) bool { return validResource(s) }

// Policy is policy for the tests.
type Policy struct {
	Resource    string
	HasResource bool
	Expires     int64
	NotBefore   int64
	HasStart    bool
	Network     netip.Prefix
	HasNetwork  bool
}

// ParsePolicy is parsePolicy for the tests.
func ParsePolicy(text []byte) (Policy, bool) {
	p, ok := parsePolicy(text)
	return Policy{p.resource, p.hasResource, p.expires, p.notBefore, p.hasStart, p.network, p.hasNetwork}, ok
}

// Encode is policy.encode for the tests.
func (p Policy) Encode() []byte {
	return policy{
		resource: p.Resource, hasResource: p.HasResource, expires: p.Expires,
		notBefore: p.NotBefore, hasStart: p.HasStart, network: p.Network, hasNetwork: p.HasNetwork,
	}.encode()
}
