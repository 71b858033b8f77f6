package middleware

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddr returns the address of the client: the peer's own, unless the
// peer is a trusted proxy. Then it is the rightmost entry of X-Forwarded-For
// that is no trusted proxy itself, since everything to the left of that came
// from an untrusted sender. It reports false, and the link is refused, where
// that does not give one address: no peer address (a Unix socket), no header
// after a proxy, an entry that is no address, or no entry but proxies. It
// allocates nothing.
func clientAddr(r *http.Request, trusted []netip.Prefix) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	addr, ok := canonicalAddr(peer.Addr()), true
	entries := forwarded{lines: r.Header["X-Forwarded-For"]}
	for ok && within(addr, trusted) {
		var entry string
		if entry, ok = entries.previous(); ok {
			addr, ok = parseForwarded(entry)
		}
	}
	return addr, ok
}

// forwarded walks through the entries of X-Forwarded-For from the last one to
// the first.
type forwarded struct {
	lines []string
	rest  string // what is left of the current line
	more  bool   // whether rest holds an entry, which may be empty
}

// previous returns the next entry to the left, and reports false after the
// first one.
func (f *forwarded) previous() (entry string, ok bool) {
	if !f.more {
		last := len(f.lines) - 1
		if last < 0 {
			return "", false
		}
		f.rest, f.lines = f.lines[last], f.lines[:last]
	}
	i := strings.LastIndexByte(f.rest, ',')
	entry, f.more = f.rest[i+1:], i >= 0
	f.rest = f.rest[:max(i, 0)]
	return strings.Trim(entry, " \t"), true
}

// parseForwarded reads an entry of X-Forwarded-For: an address, or the address
// and port that some proxies write.
func parseForwarded(s string) (netip.Addr, bool) {
	if len(s) > 64 {
		return netip.Addr{}, false
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return canonicalAddr(a), true
	}
	if p, err := netip.ParseAddrPort(s); err == nil {
		return canonicalAddr(p.Addr()), true
	}
	return netip.Addr{}, false
}

// canonicalAddr returns an address in the form in which networks are written:
// an IPv4-mapped address is IPv4, and a zone says nothing beyond its link.
func canonicalAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// canonicalNetwork masks the host bits and turns IPv4-mapped IPv6 into IPv4,
// as canonicalAddr does with a client's address. It reports false for what is
// no network, and for an IPv4-mapped one that is wider than all of IPv4.
func canonicalNetwork(n netip.Prefix) (netip.Prefix, bool) {
	if a := n.Addr(); a.Is4In6() {
		if n.Bits() < 96 {
			return netip.Prefix{}, false
		}
		n = netip.PrefixFrom(a.Unmap(), n.Bits()-96)
	}
	return n.Masked(), n.IsValid() && n.Addr().Zone() == ""
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	for i := range networks {
		if networks[i].Contains(a) {
			return true
		}
	}
	return false
}

// clientNetwork is the client as uses are counted: one host of IPv6 has all
// the addresses of a /64.
func clientNetwork(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}
