package middleware

import (
	"net/http"
	"net/netip"
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// clientAddr returns the address of the client: the peer's own, unless the
// peer is a trusted proxy, as one on a Unix socket is if unix is set. Then it is
// the rightmost entry of X-Forwarded-For that is no trusted proxy itself, since
// everything to the left of that came from an untrusted sender. It reports false,
// and the link is refused, where that does not give one address: no peer address
// (a Unix socket), no header after a proxy, an entry that is no address, or no
// entry but proxies. It allocates nothing.
func clientAddr(r *http.Request, trusted []netip.Prefix, unix bool) (netip.Addr, bool) {
	addr, ok := parsePeer(r.RemoteAddr)
	// net names the peer by its path or, if it has none, "@".
	unix = unix && r.RemoteAddr != "" && (r.RemoteAddr[0] == '@' || r.RemoteAddr[0] == '/')
	entries := forwarded{lines: r.Header["X-Forwarded-For"]}
	for ; unix || ok && within(addr, trusted); unix = false {
		var entry string
		if entry, ok = entries.previous(); ok {
			addr, ok = parsePeer(entry)
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

// parsePeer reads the address of a peer in the spellings that servers, proxies
// and middleware write: an address, with a port or without one, and an IPv6
// address with brackets or, if it has no port, without them.
func parsePeer(s string) (netip.Addr, bool) {
	if s == "" || len(s) > 64 {
		return netip.Addr{}, false
	}
	port := "0"
	if s[0] == '[' {
		host, rest, ok := strings.Cut(s[1:], "]")
		switch {
		case !ok || strings.IndexByte(host, ':') < 0:
			return netip.Addr{}, false
		case strings.HasPrefix(rest, ":"):
			port = rest[1:]
		case rest != "":
			return netip.Addr{}, false
		}
		s = host
	} else if i := strings.IndexByte(s, ':'); i >= 0 && strings.IndexByte(s[i+1:], ':') < 0 {
		s, port = s[:i], s[i+1:]
	}
	if _, ok := strict.Int(port, 65535); !ok {
		return netip.Addr{}, false
	}
	a, ok := parseAddr(s)
	return canonicalAddr(a), ok
}

// parseAddr is netip.ParseAddr with a fast path for IPv4: a link with networks
// needs several addresses for each request.
func parseAddr(s string) (netip.Addr, bool) {
	if a, n := leadingIPv4(s); n > 0 && n == len(s) {
		return a, true
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

// leadingIPv4 returns the IPv4 address that s begins with, and its length, or 0
// if s begins with none.
func leadingIPv4(s string) (netip.Addr, int) {
	var b [4]byte
	i := 0
	for part := range b {
		start, n := i, 0
		for i < len(s) && s[i]-'0' <= 9 && n <= 255 {
			n = n*10 + int(s[i]-'0')
			i++
		}
		if i == start || n > 255 || s[start] == '0' && i > start+1 {
			return netip.Addr{}, 0
		}
		b[part] = byte(n)
		if part < 3 {
			if i == len(s) || s[i] != '.' {
				return netip.Addr{}, 0
			}
			i++
		}
	}
	return netip.AddrFrom4(b), i
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
