package middleware

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddr returns the address of the client: the peer's own, unless the
// peer is a trusted proxy. Then it is the rightmost entry of X-Forwarded-For
// that is no trusted proxy itself, since everything left of that was written
// by somebody whom nobody vouches for. It reports false, and the link is
// refused, where that does not give one address: no peer address (a Unix
// socket), no header behind a proxy, an entry that is no address, or no entry
// but proxies. It allocates nothing.
func clientAddr(r *http.Request, trusted []netip.Prefix) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	addr := plainAddr(peer.Addr())
	if !within(addr, trusted) {
		return addr, true
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			entry := rest
			if j := strings.LastIndexByte(rest, ','); j >= 0 {
				rest, entry = rest[:j], rest[j+1:]
			} else {
				more = false
			}
			addr, ok := parseForwarded(strings.Trim(entry, " \t"))
			if !ok {
				return netip.Addr{}, false
			}
			if !within(addr, trusted) {
				return addr, true
			}
		}
	}
	return netip.Addr{}, false
}

// parseForwarded reads an entry of X-Forwarded-For: an address, or what some
// proxies write, an address and a port.
func parseForwarded(s string) (netip.Addr, bool) {
	if len(s) > 64 {
		return netip.Addr{}, false
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return plainAddr(a), true
	}
	if p, err := netip.ParseAddrPort(s); err == nil {
		return plainAddr(p.Addr()), true
	}
	return netip.Addr{}, false
}

// plainAddr brings an address to the one form that networks are written in:
// an IPv4-mapped address is IPv4, and a zone says nothing beyond its link.
func plainAddr(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

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
