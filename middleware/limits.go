package middleware

import (
	"errors"
	"fmt"
	"mime"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/wire"
)

// maxUses is the largest count of uses: beyond it, counting is no limit.
const maxUses = 1_000_000

const never = "never"

// plainParams are the reserved parameters of a link without limits:
// expires_at, signed_by and signature.
const plainParams = 3

// encode writes the claims as a raw query of reserved parameters, without key
// id and signature. It refuses what decode would not return.
func (c *Claims) encode() (string, error) {
	var q []byte
	add := func(param int, value string) {
		if len(q) > 0 {
			q = append(q, '&')
		}
		q = append(q, paramNames[param]...)
		q = append(q, '=')
		q = wire.AppendEscaped(q, value)
	}
	fault := func(format string, args ...any) (string, error) {
		return "", fmt.Errorf("signedurl: cannot sign: "+format, args...)
	}

	switch {
	case c.Permanent && !c.Expires.IsZero():
		return fault("the claims have an expiry and are permanent")
	case c.Permanent:
		add(paramExpires, never)
	case c.Expires.IsZero():
		return fault("the claims have no expiry; set Expires, or Permanent for a link that works for ever")
	default:
		if !validTime(c.Expires) {
			return fault("the expiry lies outside the years 1970 to 9999")
		}
		add(paramExpires, strconv.FormatInt(c.Expires.Unix(), 10))
	}
	if !c.NotBefore.IsZero() {
		if !validTime(c.NotBefore) {
			return fault("NotBefore lies outside the years 1970 to 9999")
		}
		if !c.Permanent && c.NotBefore.Unix() >= c.Expires.Unix() {
			return fault("the link would expire before it becomes valid")
		}
		add(paramFrom, strconv.FormatInt(c.NotBefore.Unix(), 10))
	}
	if c.Under != "" {
		if !validUnder(c.Under) {
			return fault("Under must be an absolute canonical path that ends in a slash")
		}
		add(paramUnder, c.Under)
	}
	if c.Methods != nil {
		if len(c.Methods) == 0 {
			return fault("Methods is empty and not nil: the link would be good for no method")
		}
		for _, m := range c.Methods {
			if !validMethod(m) {
				return fault("%q is not an HTTP method in upper case", m)
			}
		}
		add(paramMethods, strings.Join(c.Methods, ","))
	}
	if c.Host != "" {
		if !validHost(c.Host) {
			return fault("Host must be host[:port] in lower-case ASCII")
		}
		add(paramHost, c.Host)
	}
	if c.Networks != nil {
		if len(c.Networks) == 0 {
			return fault("Networks is empty and not nil: the link would be good from nowhere")
		}
		texts := make([]string, len(c.Networks))
		for i, n := range c.Networks {
			n, ok := canonicalNetwork(n)
			if !ok {
				return fault("%v is no network", c.Networks[i])
			}
			texts[i] = n.String()
			if n.IsSingleIP() {
				texts[i] = n.Addr().String()
			}
		}
		add(paramIP, strings.Join(texts, ","))
	}
	switch {
	case c.Binding == Binding{}:
	case !validKeyID(c.Binding.Name):
		return fault("the name of a binding is 1 to 64 of the characters A-Z a-z 0-9 . _ -")
	case c.Binding.Value == "":
		return fault("the binding has no value: every stranger could present that")
	default:
		add(paramFor, c.Binding.Name)
	}
	if c.ID != "" {
		if !validID(c.ID) {
			return fault("an ID is 1 to 128 bytes of printable ASCII without space")
		}
		add(paramID, c.ID)
	}
	if c.Uses != 0 {
		if c.Uses < 0 || c.Uses > maxUses {
			return fault("Uses must lie between 1 and %d", maxUses)
		}
		if c.ID == "" || c.Permanent {
			return fault("a link with limited uses needs an ID, under which they are counted, and an expiry, until which they are kept")
		}
		add(paramUses, strconv.Itoa(c.Uses))
	}
	if c.Ignore != nil {
		if len(c.Ignore) == 0 || len(c.Ignore) > maxIgnored || slices.ContainsFunc(c.Ignore, func(item string) bool { return !validIgnore(item) }) {
			return fault("Ignore holds up to 64 names of the characters A-Z a-z 0-9 . _ - ~ with an optional * at the end, and not * alone")
		}
		add(paramIgnore, strings.Join(c.Ignore, ","))
	}
	if c.DownloadName != "" {
		if !wire.ValidDownloadName(c.DownloadName) {
			return fault("a download name is a file name in UTF-8 without slashes and control characters")
		}
		add(paramAs, c.DownloadName)
	}
	if c.ContentType != "" {
		if _, _, err := mime.ParseMediaType(c.ContentType); err != nil || !wire.ValidContentType(c.ContentType) {
			return fault("ContentType is no media type")
		}
		add(paramType, c.ContentType)
	}
	return string(q), nil
}

var (
	errBadFrom     = invalid("signed_from is not a canonical number of seconds")
	errBadUnder    = invalid("signed_under is not a canonical path that ends in a slash")
	errBadMethods  = invalid("signed_methods is not a list of methods in upper case")
	errBadHost     = invalid("signed_host is not host[:port] in lower-case ASCII")
	errBadNetworks = invalid("signed_ip is not a list of addresses or networks")
	errBadID       = invalid("signed_id is not 1 to 128 bytes of printable ASCII")
	errBadUses     = invalid("signed_uses is not a number from 1 to 1000000 with a signed_id and an expiry")
	errBadIgnore   = invalid("signed_ignore is not a list of parameter names")
	errBadName     = invalid("signed_as is not a file name")
	errBadType     = invalid("signed_type is not a media type")
	errBadFor      = invalid("signed_for is not a name")
)

// decode reads the claims that only matter once the signature is known to be
// right: all but Under, Binding, Ignore and KeyID, which authenticating itself
// needs. A list costs one allocation, and so does each text that is spelled
// with escapes, such as a download name or an IPv6 address.
func (c *Claims) decode(p *params) error {
	v := p.values[paramExpires]
	if n, ok := number(v, wire.MaxTime); ok {
		c.Expires = time.Unix(n, 0)
	} else if c.Permanent = wire.UnescapesTo(v, never, true); !c.Permanent {
		return errExpiryNumber
	}
	if p.reserved == plainParams {
		return nil
	}
	if v := p.values[paramFrom]; v != "" {
		n, ok := number(v, wire.MaxTime)
		if !ok {
			return errBadFrom
		}
		c.NotBefore = time.Unix(n, 0)
	}
	if v := p.values[paramMethods]; v != "" {
		if c.Methods = decodeMethods(v); c.Methods == nil {
			return errBadMethods
		}
	}
	if v := p.values[paramHost]; v != "" {
		if c.Host, _ = wire.Unescape(v, true); !validHost(c.Host) {
			return errBadHost
		}
	}
	if v := p.values[paramIP]; v != "" {
		if c.Networks = decodeNetworks(v); c.Networks == nil {
			return errBadNetworks
		}
	}
	if v := p.values[paramID]; v != "" {
		if c.ID, _ = wire.Unescape(v, true); !validID(c.ID) {
			return errBadID
		}
	}
	if v := p.values[paramUses]; v != "" {
		n, ok := number(v, maxUses)
		if !ok || n == 0 || c.ID == "" || c.Permanent {
			return errBadUses
		}
		c.Uses = int(n)
	}
	if v := p.values[paramAs]; v != "" {
		if c.DownloadName, _ = wire.Unescape(v, true); !wire.ValidDownloadName(c.DownloadName) {
			return errBadName
		}
	}
	if v := p.values[paramType]; v != "" {
		if c.ContentType = decodeContentType(v); !wire.ValidContentType(c.ContentType) {
			return errBadType
		}
	}
	return nil
}

// number parses a canonical number; an escaped digit is a spelling that means
// the same.
func number(raw string, max int64) (int64, bool) {
	if n, ok := wire.Int(raw, max); ok {
		return n, true
	}
	s, _ := wire.Unescape(raw, true)
	return wire.Int(s, max)
}

func validTime(t time.Time) bool {
	return t.Unix() >= 0 && t.Unix() <= wire.MaxTime
}

// validUnder reports whether a path is canonical, ends at a segment boundary
// and is not empty: a prefix "" or "/files/a" would open "/files/ab".
func validUnder(p string) bool {
	if !strings.HasSuffix(p, "/") {
		return false
	}
	if ok, _ := wire.CanonicalPath(p); ok {
		return true
	}
	if wire.CheckPath(p) != wire.PathOK {
		return false
	}
	var room [256]byte
	return string(wire.AppendPath(room[:0], p)) == p
}

// below reports whether a path, once it is brought to canonical form, lies
// below a canonical subtree, by segments, and is not the subtree's own path. It
// looks no further than the subtree goes.
func below[T string | []byte](path string, under T) bool {
	n := 0 // how much of under has been found
	for i := 0; i < len(path); i++ {
		if n == len(under) {
			return n > 0
		}
		c := path[i]
		if c == '%' && i+2 < len(path) {
			c, _ = wire.Hex(path[i+1], path[i+2])
			i += 2
		} else if c == '/' {
			if under[n] != '/' {
				return false
			}
			n++
			continue
		}
		var room [3]byte
		for _, b := range wire.AppendByte(room[:0], c) {
			if n == len(under) || under[n] != b {
				return false
			}
			n++
		}
	}
	return false
}

// validMethod accepts the tokens of RFC 9110, section 9.1, that are made of
// upper-case letters, digits, "-" and "_": all that are registered.
func validMethod(m string) bool {
	for i := 0; i < len(m); i++ {
		c := m[i]
		if !('A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return m != ""
}

// decodeMethods reads a list of methods where it lies: methods need no
// escapes, so that only the commas between them may be escaped.
func decodeMethods(raw string) []string {
	methods := make([]string, 0, 1+strings.Count(raw, ",")+strings.Count(raw, "%"))
	for raw != "" {
		i, n := nextComma(raw)
		m := raw[:i]
		raw = raw[i+n:]
		if n > 0 && raw == "" {
			return nil // a comma at the end
		}
		if !validMethod(m) {
			if m, _ = wire.Unescape(m, true); !validMethod(m) {
				return nil
			}
		}
		methods = append(methods, m)
	}
	return methods
}

// nextComma returns where the next comma of a raw value is, escaped or not,
// and how long it is: len(raw) and 0 if there is none.
func nextComma(raw string) (i, n int) {
	for i := 0; i < len(raw); i++ {
		switch {
		case raw[i] == ',':
			return i, 1
		case raw[i] == '%' && i+2 < len(raw) && raw[i+1] == '2' && (raw[i+2] == 'C' || raw[i+2] == 'c'):
			return i, 3
		}
	}
	return len(raw), 0
}

// validHost accepts what Request.Host can be after canonicalHost: the test is
// about the characters, since the value is only ever compared.
func validHost(h string) bool {
	if len(h) > 255+6 {
		return false
	}
	for i := 0; i < len(h); i++ {
		c := h[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == ':' || c == '[' || c == ']') {
			return false
		}
	}
	return h != ""
}

// canonicalNetwork masks the host bits and brings IPv4-mapped IPv6 to IPv4,
// the form to which a client's address is brought.
func canonicalNetwork(n netip.Prefix) (netip.Prefix, bool) {
	if a := n.Addr(); a.Is4In6() {
		if n.Bits() < 96 {
			return netip.Prefix{}, false
		}
		n = netip.PrefixFrom(a.Unmap(), n.Bits()-96)
	}
	return n.Masked(), n.IsValid() && n.Addr().Zone() == ""
}

// decodeNetworks reads a list of addresses and networks. IPv4 is read where it
// lies; the colons of IPv6 are escaped, so that the text is decoded first.
func decodeNetworks(raw string) []netip.Prefix {
	networks := make([]netip.Prefix, 0, 4)
	for raw != "" {
		i, n := nextComma(raw)
		item := raw[:i]
		raw = raw[i+n:]
		if n > 0 && raw == "" {
			return nil
		}
		network, ok := decodeNetwork(item)
		if !ok {
			return nil
		}
		networks = append(networks, network)
	}
	return networks
}

func decodeNetwork(item string) (netip.Prefix, bool) {
	address, bits, block := item, "", false
	for i := 0; i < len(item) && !block; i++ {
		switch {
		case item[i] == '/':
			address, bits, block = item[:i], item[i+1:], true
		case item[i] == '%' && i+2 < len(item) && item[i+1] == '2' && item[i+2]|0x20 == 'f':
			address, bits, block = item[:i], item[i+3:], true
		}
	}
	address, _ = wire.Unescape(address, true)
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	length := int64(a.BitLen())
	if block {
		var ok bool
		if length, ok = number(bits, length); !ok {
			return netip.Prefix{}, false
		}
	}
	return canonicalNetwork(netip.PrefixFrom(a, int(length)))
}

// validID accepts printable ASCII without space: it goes into logs and into
// the keys of stores.
func validID(id string) bool {
	for i := 0; i < len(id); i++ {
		if id[i] <= ' ' || id[i] >= 0x7F {
			return false
		}
	}
	return len(id) >= 1 && len(id) <= 128
}

// validIgnore judges a name of a list of names to ignore. A bare "*" would
// leave the whole query unsigned.
func validIgnore(item string) bool {
	name := strings.TrimSuffix(item, "*")
	for i := 0; i < len(name); i++ {
		if !wire.Unreserved(name[i]) {
			return false
		}
	}
	return name != ""
}

// maxIgnored is how many names a list may have. It is read, and held against
// each parameter, before anything is known about the signature.
const maxIgnored = 64

// decodeIgnore reads a list of names where it lies, as decodeMethods does; the
// star of a prefix may be escaped.
func decodeIgnore(raw string) []string {
	items := make([]string, 0, min(1+strings.Count(raw, ",")+strings.Count(raw, "%"), maxIgnored))
	for raw != "" {
		if len(items) == maxIgnored {
			return nil
		}
		i, n := nextComma(raw)
		item := raw[:i]
		raw = raw[i+n:]
		if n > 0 && raw == "" {
			return nil
		}
		switch {
		case validIgnore(item):
		case wire.UnescapesTo(item, "utm_*", true): // the one that most lists have
			item = "utm_*"
		default:
			if item, _ = wire.Unescape(item, true); !validIgnore(item) {
				return nil
			}
		}
		items = append(items, item)
	}
	return items
}

// commonTypes are the media types of most files behind links, so that reading
// one from a link need not allocate.
var commonTypes = [...]string{
	"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/svg+xml",
	"application/pdf", "application/octet-stream", "application/json", "application/zip",
	"video/mp4", "video/webm", "video/mp2t", "audio/mpeg", "audio/mp4",
	"application/vnd.apple.mpegurl", "text/plain", "text/csv", "text/html",
	"text/plain; charset=utf-8", "text/html; charset=utf-8",
}

func decodeContentType(raw string) string {
	for _, t := range commonTypes {
		if wire.UnescapesTo(raw, t, true) {
			return t
		}
	}
	t, _ := wire.Unescape(raw, true)
	return t
}

var errNoCookies = fmt.Errorf("signedurl: links of this format cannot travel as cookies: %w", errors.ErrUnsupported)
