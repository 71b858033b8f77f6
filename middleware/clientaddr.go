package middleware

import (
	"net/http"
	"net/netip"
	"strings"

	"example.com/signedurl/middleware/internal/netaddr"
)

// clientAddr returns the address of the client: the peer's own, unless the
// peer is a trusted proxy, as one on a Unix socket is if unix is set. Then it is
// the rightmost entry of X-Forwarded-For that is no trusted proxy itself, since
// everything to the left of that came from an untrusted sender. It reports false,
// and the link is refused, where that does not give one address: no peer address
// (a Unix socket), no header after a proxy, an entry that is no address, or no
// entry but proxies. It allocates nothing.
func clientAddr(r *http.Request, trusted []netip.Prefix, unix bool) (netip.Addr, bool) {
	addr, ok := netaddr.ParsePeer(r.RemoteAddr)
	unix = unix && netaddr.OnUnixSocket(r.RemoteAddr)
	entries := forwarded{lines: r.Header["X-Forwarded-For"]}
	for ; unix || ok && netaddr.Within(addr, trusted); unix = false {
		var entry string
		if entry, ok = entries.previous(); ok {
			addr, ok = netaddr.ParsePeer(entry)
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
	return trimBlanks(entry), true
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
