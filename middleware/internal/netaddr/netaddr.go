// Package netaddr reads the addresses of peers, in the one form in which they
// are held against networks.
package netaddr

import (
	"net/netip"
	"strings"

	"example.com/signedurl/middleware/internal/strict"
)

// ParsePeer reads the address of a peer in the spellings that servers, proxies
// and middleware write: an address, with a port or without one, and an IPv6
// address with brackets or, if it has no port, without them.
func ParsePeer(s string) (netip.Addr, bool) {
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
	a, ok := Parse(s)
	return Canonical(a), ok
}

// Parse is netip.ParseAddr with a fast path for IPv4: a link with networks
// needs several addresses for each request.
func Parse(s string) (netip.Addr, bool) {
	if a, n := LeadingIPv4(s); n > 0 && n == len(s) {
		return a, true
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

// LeadingIPv4 returns the IPv4 address that s begins with, and its length, or 0
// if s begins with none.
func LeadingIPv4(s string) (netip.Addr, int) {
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

// Canonical returns an address in the form in which networks are written:
// an IPv4-mapped address is IPv4, and a zone says nothing beyond its link.
func Canonical(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// Network returns a network in the form in which addresses are held against it:
// without host bits, and IPv4 where it is IPv4-mapped IPv6,
// as Canonical does with an address. It reports false for what is
// no network, and for an IPv4-mapped one that is wider than all of IPv4.
func Network(n netip.Prefix) (netip.Prefix, bool) {
	if a := n.Addr(); a.Is4In6() {
		if n.Bits() < 96 {
			return netip.Prefix{}, false
		}
		n = netip.PrefixFrom(a.Unmap(), n.Bits()-96)
	}
	return n.Masked(), n.IsValid() && n.Addr().Zone() == ""
}

// Within reports whether an address is in one of the networks.
func Within(a netip.Addr, networks []netip.Prefix) bool {
	for i := range networks {
		if networks[i].Contains(a) {
			return true
		}
	}
	return false
}

// OnUnixSocket reports whether the remote address of a request is that of a
// peer on a Unix socket: package net names it by its path or, if it has none, "@".
func OnUnixSocket(remote string) bool {
	return remote != "" && (remote[0] == '@' || remote[0] == '/')
}
