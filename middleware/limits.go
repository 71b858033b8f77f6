package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"mime"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/signedurl/middleware/internal/netaddr"
	"example.com/signedurl/middleware/internal/strict"
)

// param is a reserved parameter: a row of the table of limits.
type param int

const (
	paramExpires param = iota
	paramAccept
	paramAs
	paramBy
	paramFor
	paramFrom
	paramHost
	paramID
	paramIgnore
	paramInline
	paramIP
	paramMax
	paramMethods
	paramNarrow
	paramReplace
	paramSum
	paramType
	paramUnder
	paramUses
	paramSignature
	numParams

	// paramOnly is known in a step alone.
	paramOnly = numParams

	// bareParams is how many reserved parameters a link without limits has:
	// expires_at, signed_by and signature.
	bareParams = 3
)

// params are the reserved parameters of one query, and how the query was
// spelled. A value is as it was sent, still escaped; since an empty value is
// refused, "" means that the parameter is absent.
type params struct {
	values [numParams]string
	// present has a bit for each value.
	present uint32
	// reserved counts the reserved parameters, application the others.
	reserved, application int
	// signed is the query without its signature, if the query is spelled as
	// the builder spells it: every byte canonical, sorted, and the signature
	// last. Then these bytes are the signed ones as is. Otherwise it is
	// "" and the canonical form must be made.
	signed string
	// steps has the values of signed_narrow, which narrowing returns as they
	// stand in the query: from stepsStart to stepsEnd, unless they stand apart.
	steps                []string
	stepsStart, stepsEnd int
	stepsApart           bool
	// pairs has all parameters, in the order in which they came.
	pairs []pair
	// ignore is the list of signed_ignore, if there are other parameters.
	ignore ignoreList

	pairRoom   [maxPairs]pair
	stepRoom   [maxSteps]string
	ignoreRoom [maxIgnored]ignoreItem
}

// paramsPool saves making room for 128 pairs for each request.
var paramsPool = sync.Pool{New: func() any {
	p := new(params)
	p.steps = p.stepRoom[:0]
	return p
}}

// newParams returns empty params, which are to be released.
func newParams() *params {
	return paramsPool.Get().(*params)
}

// release gives p back without the request's strings, which would otherwise
// live on in the pool.
func (p *params) release() {
	p.values, p.present, p.signed = [numParams]string{}, 0, ""
	p.reserved, p.application, p.pairs = 0, 0, nil
	clear(p.steps)
	p.steps, p.stepsApart = p.steps[:0], false
	clear(p.ignore)
	p.ignore = nil
	paramsPool.Put(p)
}

// limits is the table of limits. A limit is its row here, a case in readOne (or in
// readSigned, if it decides what was signed) and, if the request is held
// against it, a line in hold. Below the table, each limit has its functions
// side by side.
//
// The rows hold the functions that sign, and not those that verify: the claims
// that are passed to a function out of a table escape to the heap, which would
// cost each verified link an allocation. So read and hold call them directly.
var limits = [numParams + 1]struct {
	name string
	// narrows says that a step may have the parameter.
	narrows bool
	// write returns the value of the parameter, and "" if the claim is not
	// set. It refuses what read would not return.
	write func(c *Claims) (string, error)
	// fault refuses a link whose value cannot be read.
	fault error
}{
	paramExpires:   {nameExpires, true, writeExpires, invalid("expires_at is not a canonical number of seconds")},
	paramAccept:    {"signed_accept", true, writeAccept, invalid("signed_accept is not a list of up to 64 media types")},
	paramAs:        {"signed_as", false, writeAs, invalid("signed_as is not a file name")},
	paramBy:        {name: nameBy},
	paramFor:       {"signed_for", false, writeFor, invalid("signed_for is not a name")},
	paramFrom:      {"signed_from", true, writeFrom, invalid("signed_from is not a canonical number of seconds")},
	paramHost:      {"signed_host", true, writeHost, invalid("signed_host is not host[:port] in lower-case ASCII, without a default port")},
	paramID:        {"signed_id", false, writeID, invalid("signed_id is not 1 to 128 bytes of printable ASCII")},
	paramIgnore:    {"signed_ignore", false, writeIgnore, invalid("signed_ignore is not a list of parameter names")},
	paramInline:    {"signed_inline", false, writeInline, invalid("signed_inline is not 1, or there is no signed_as")},
	paramIP:        {"signed_ip", true, writeNetworks, invalid("signed_ip is not a list of addresses or networks")},
	paramMax:       {"signed_max", true, writeMax, invalid("signed_max is not a number from 1 to 9007199254740991")},
	paramMethods:   {"signed_methods", true, writeMethods, invalid("signed_methods is not a list of methods in upper case")},
	paramNarrow:    {name: nameNarrow},
	paramReplace:   {"signed_replace", false, writeReplace, invalid("signed_replace is not 1")},
	paramSum:       {"signed_sum", false, writeSum, invalid("signed_sum is not sha-256: and a digest in base64url")},
	paramType:      {"signed_type", false, writeType, invalid("signed_type is not a media type")},
	paramUnder:     {"signed_under", true, writeUnder, errBadUnder},
	paramUses:      {"signed_uses", false, writeUses, invalid("signed_uses is not a number from 1 to 1000000 with a signed_id and an expiry")},
	paramSignature: {name: nameSignature},
	paramOnly:      {name: "signed_only", narrows: true, write: writeOnly},
}

// byInitial has the signed_ parameters by the first letter after the prefix, and
// longestName is the greatest length of a name.
var byInitial, longestName = func() (by [256][]param, longest int) {
	for p, limit := range limits[:numParams] {
		if rest, ok := strings.CutPrefix(limit.name, reservedPrefix); ok {
			by[rest[0]] = append(by[rest[0]], param(p))
			longest = max(longest, len(limit.name))
		}
	}
	return by, longest
}()

// paramIndex returns the parameter of a name that begins with signed_, or -1.
func paramIndex(name string) param {
	if len(name) > len(reservedPrefix) {
		for _, p := range byInitial[name[len(reservedPrefix)]] {
			if limits[p].name == name {
				return p
			}
		}
	}
	return -1
}

// write returns the claims as a raw query of reserved parameters, without key
// id and signature.
func (c *Claims) write() (string, error) {
	if c.Only != "" {
		return "", fmt.Errorf("the claim Only is for Narrow, and a link that is signed opens the path of its URL: %w", errors.ErrUnsupported)
	}
	var q []byte
	for _, limit := range limits {
		if limit.write == nil {
			continue
		}
		value, err := limit.write(c)
		if err != nil {
			return "", err
		}
		if value != "" {
			if len(q) > 0 {
				q = append(q, '&')
			}
			q = append(q, limit.name...)
			q = append(q, '=')
			q = strict.AppendEscaped(q, value)
		}
	}
	return string(q), nil
}

// readSigned reads the claims that decide what the signature was made over:
// the subtree, the parameters to ignore and the binding, whose value it returns.
func (c *Claims) readSigned(r *Request, p *params) (binding string, err error) {
	if raw := p.values[paramUnder]; raw != "" && c.Under == "" { // a cookie's is read
		var ok bool
		if c.Under, ok = decodeUnder(raw, r); !ok {
			return "", limits[paramUnder].fault
		}
	}
	if raw := p.values[paramIgnore]; raw != "" && !c.readIgnore(raw) {
		return "", limits[paramIgnore].fault
	}
	if raw := p.values[paramFor]; raw != "" {
		if !c.readFor(raw) {
			return "", limits[paramFor].fault
		}
		if binding, err = r.BindingValue(c.Binding.Name); err != nil {
			return "", err
		}
		r.Trace("binding", c.Binding.Name)
	}
	return binding, nil
}

// read reads the other claims, once the signature is known to be right. A list
// costs one allocation, and so does each string that is spelled with escapes,
// such as a download name or an IPv6 address.
func (c *Claims) read(p *params) error {
	if !c.readExpires(p.values[paramExpires]) {
		return limits[paramExpires].fault
	}
	if p.reserved == bareParams {
		return nil
	}
	for rest := p.present &^ readBefore; rest != 0; rest &= rest - 1 {
		id := param(bits.TrailingZeros32(rest))
		if !c.readOne(id, p.values[id]) {
			return limits[id].fault
		}
	}
	return nil
}

// readBefore has the bits of the parameters that are read before the signature is known
// to be right, or with the expiry.
const readBefore = 1<<paramExpires | 1<<paramBy | 1<<paramSignature | 1<<paramUnder | 1<<paramIgnore | 1<<paramFor

// readOne reads one of the claims that the signature does not depend on, and
// passes the parameters of others.
func (c *Claims) readOne(id param, raw string) bool {
	switch id {
	case paramAccept:
		return c.readAccept(raw)
	case paramAs:
		return c.readAs(raw)
	case paramFrom:
		return c.readFrom(raw)
	case paramHost:
		return c.readHost(raw)
	case paramID:
		return c.readID(raw)
	case paramInline:
		return c.readInline(raw)
	case paramIP:
		return c.readNetworks(raw)
	case paramMax:
		return c.readMax(raw)
	case paramMethods:
		return c.readMethods(raw)
	case paramReplace:
		return c.readReplace(raw)
	case paramSum:
		return c.readSum(raw)
	case paramType:
		return c.readType(raw)
	case paramUses:
		return c.readUses(raw)
	}
	return true
}

// occasion is what claims are held against: the request, the time and what the
// verifier's options say about both.
type occasion struct {
	*Request
	now     time.Time
	leeway  time.Duration
	proxies []netip.Prefix
	unix    bool // a peer on a Unix socket is a proxy
	uploads bool // the next handler enforces the limits of uploads
	step    int  // the number of the step that is held against it, if one is
}

// Trace is that of the request, and names the step.
func (o *occasion) Trace(check, detail string) {
	if o.trace != nil {
		o.record(check, detail)
	}
}

// record is apart from Trace, so that Trace is inlined and costs nothing else.
func (o *occasion) record(check, detail string) {
	if o.step > 0 {
		check, detail = "step "+strconv.Itoa(o.step), check+": "+detail
	}
	o.Request.Trace(check, detail)
}

// hold holds the claims against a request, as far as no store is needed.
func (c *Claims) hold(o *occasion) error {
	if err := c.holdTime(o); err != nil {
		return err
	}
	if err := c.holdMethods(o); err != nil {
		return err
	}
	if err := c.holdHost(o); err != nil {
		return err
	}
	if err := c.holdNetworks(o); err != nil {
		return err
	}
	return c.holdUpload(o)
}

// expires_at and signed_from: Expires, Permanent and NotBefore.

// never is the value of expires_at for a permanent link.
const never = "never"

func validTime(t time.Time) bool {
	return t.Unix() >= 0 && t.Unix() <= strict.MaxTime
}

// number parses a canonical number. An escaped digit is a spelling that means
// the same.
func number(raw string, max int64) (int64, bool) {
	if n, ok := strict.Int(raw, max); ok {
		return n, true
	}
	s, _ := strict.Unescape(raw, true)
	return strict.Int(s, max)
}

func writeExpires(c *Claims) (string, error) {
	switch {
	case c.Permanent && !c.Expires.IsZero():
		return "", errors.New("the claims have an expiry and are permanent")
	case c.Permanent:
		return never, nil
	case c.Expires.IsZero():
		return "", errors.New("the claims have no expiry; set Expires, or Permanent for a link that works for ever")
	case !validTime(c.Expires):
		return "", errors.New("the expiry lies outside the years 1970 to 9999")
	}
	return strconv.FormatInt(c.Expires.Unix(), 10), nil
}

func (c *Claims) readExpires(raw string) bool {
	if n, ok := number(raw, strict.MaxTime); ok {
		c.Expires = time.Unix(n, 0)
		return true
	}
	c.Permanent = strict.UnescapesTo(raw, never, true)
	return c.Permanent
}

func writeFrom(c *Claims) (string, error) {
	switch {
	case c.NotBefore.IsZero():
		return "", nil
	case !validTime(c.NotBefore):
		return "", errors.New("the claim NotBefore lies outside the years 1970 to 9999")
	case !c.Permanent && c.NotBefore.Unix() >= c.Expires.Unix():
		return "", errors.New("the link would expire before it becomes valid")
	}
	return strconv.FormatInt(c.NotBefore.Unix(), 10), nil
}

func (c *Claims) readFrom(raw string) bool {
	n, ok := number(raw, strict.MaxTime)
	c.NotBefore = time.Unix(n, 0)
	return ok
}

func (c *Claims) holdTime(o *occasion) error {
	early, late := o.now, o.now
	if o.leeway != 0 {
		early, late = o.now.Add(-o.leeway), o.now.Add(o.leeway)
	}
	if !c.Permanent && !early.Before(c.Expires) { // the zero time has long passed
		return ErrExpired
	}
	if !c.NotBefore.IsZero() && late.Before(c.NotBefore) {
		return ErrNotYet
	}
	if o.trace != nil {
		detail := "the link never expires"
		if !c.Permanent {
			detail = fmt.Sprintf("the link expires at %s, in %s", c.Expires.UTC().Format(time.RFC3339), c.Expires.Sub(o.now).Round(time.Second))
		}
		o.Trace("time", detail)
	}
	return nil
}

// signed_under and signed_only: Under and Only. What there is to know about a
// subtree is in subtree.go.

func writeUnder(c *Claims) (string, error) {
	if c.Under != "" && !strict.CanonicalDir(c.Under) {
		return "", errors.New("the claim Under must be an absolute canonical path that ends in a slash")
	}
	return c.Under, nil
}

func writeOnly(c *Claims) (string, error) {
	if c.Only != "" && !strict.CanonicalPath(c.Only) {
		return "", errors.New("the claim Only must be an absolute canonical path")
	}
	return c.Only, nil
}

// signed_methods: Methods.

var errMethod = notAllowed("the link is not for this method")

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

func writeMethods(c *Claims) (string, error) {
	if c.Methods != nil && len(c.Methods) == 0 {
		return "", errors.New("the claim Methods is empty and not nil: the link would be good for no method")
	}
	for _, m := range c.Methods {
		if !validMethod(m) {
			return "", fmt.Errorf("%q is not an HTTP method in upper case", m)
		}
	}
	return strings.Join(c.Methods, ","), nil
}

func (c *Claims) readMethods(raw string) bool {
	c.Methods = readList(raw, 0, func(m string) (string, bool) {
		if !validMethod(m) { // methods need no escapes
			m, _ = strict.Unescape(m, true)
		}
		return m, validMethod(m)
	})
	return c.Methods != nil
}

func (c *Claims) holdMethods(o *occasion) error {
	if !c.allows(o.Method) {
		return errMethod
	}
	o.Trace("method", o.Method)
	return nil
}

// signed_host: Host.

var errHost = notAllowed("the link is for another host")

// validHost accepts what Request.Host can be once it is in lower case: the test
// is about the characters, since the value is only ever compared.
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
	return h != "" && h == withoutPort(h)
}

// withoutPort strips a port that says nothing from a host: an empty one, or the
// default one of either scheme, since a proxy may terminate TLS.
func withoutPort(host string) string {
	for _, port := range [...]string{":443", ":80", ":"} {
		if rest, ok := strings.CutSuffix(host, port); ok {
			return rest
		}
	}
	return host
}

func writeHost(c *Claims) (string, error) {
	if c.Host != "" && !validHost(c.Host) {
		return "", errors.New("the claim Host must be host[:port] in lower-case ASCII, without a default port")
	}
	return c.Host, nil
}

func (c *Claims) readHost(raw string) bool {
	c.Host, _ = strict.Unescape(raw, true)
	return validHost(c.Host)
}

func (c *Claims) holdHost(o *occasion) error {
	if c.Host == "" {
		return nil
	}
	if !sameHost(o.Host, c.Host) {
		return errHost
	}
	o.Trace("host", c.Host)
	return nil
}

// sameHost compares the host of a request with a claim's, which is in lower
// case and without a default port. Only ASCII is folded: EqualFold would take
// the Kelvin sign for a k.
func sameHost(host, want string) bool {
	host = withoutPort(host)
	if len(host) != len(want) {
		return false
	}
	for i := 0; i < len(host); i++ {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// signed_ip: Networks.

var (
	errNetwork = notAllowed("the link is for other networks")
	errAddress = notAllowed("cannot determine the client address")
)

func writeNetworks(c *Claims) (string, error) {
	if c.Networks != nil && len(c.Networks) == 0 {
		return "", errors.New("the claim Networks is empty and not nil: the link would be good from nowhere")
	}
	texts := make([]string, len(c.Networks))
	for i, n := range c.Networks {
		n, ok := netaddr.Network(n)
		if !ok {
			return "", fmt.Errorf("%v is not a network", c.Networks[i])
		}
		texts[i] = n.String()
		if n.IsSingleIP() {
			texts[i] = n.Addr().String()
		}
	}
	return strings.Join(texts, ","), nil
}

func (c *Claims) readNetworks(raw string) bool {
	c.Networks = readList(raw, 0, readNetwork)
	return c.Networks != nil
}

// readNetwork reads an address or a network. IPv4 is read in place; the colons
// of IPv6 are escaped, so that the address is decoded first.
func readNetwork(item string) (netip.Prefix, bool) {
	a, n := netaddr.LeadingIPv4(item)
	if n == 0 {
		n, _ = find(item, '/')
		address, _ := strict.Unescape(item[:n], true)
		var ok bool
		if a, ok = netaddr.Parse(address); !ok || a.Zone() != "" {
			return netip.Prefix{}, false
		}
	}
	length := int64(a.BitLen())
	if n < len(item) {
		slash, width := strict.Next(item, n)
		if slash != '/' {
			return netip.Prefix{}, false
		}
		var ok bool
		if length, ok = number(item[n+width:], length); !ok {
			return netip.Prefix{}, false
		}
	}
	return netaddr.Network(netip.PrefixFrom(a, int(length)))
}

func (c *Claims) holdNetworks(o *occasion) error {
	if c.Networks == nil {
		return nil
	}
	addr, ok := clientAddr(o.http, o.proxies, o.unix)
	if !ok {
		return errAddress
	}
	if !netaddr.Within(addr, c.Networks) {
		return errNetwork
	}
	if o.trace != nil {
		o.Trace("address", addr.String())
	}
	return nil
}

// signed_for: Binding.

func writeFor(c *Claims) (string, error) {
	switch {
	case c.Binding == Binding{}:
		return "", nil
	case !validName(c.Binding.Name):
		return "", errors.New("the name of a binding is 1 to 64 of the characters A-Z a-z 0-9 . _ -")
	case c.Binding.Value == "":
		return "", errors.New("the binding has no value: every stranger could present that")
	}
	return c.Binding.Name, nil
}

func (c *Claims) readFor(raw string) bool {
	c.Binding.Name, _ = strict.Unescape(raw, true)
	return validName(c.Binding.Name)
}

// signed_id and signed_uses: ID and Uses.

// maxUses is the largest count of uses: beyond it, counting is no limit.
const maxUses = 1_000_000

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

func writeID(c *Claims) (string, error) {
	if c.ID != "" && !validID(c.ID) {
		return "", errors.New("an ID is 1 to 128 bytes of printable ASCII without space")
	}
	return c.ID, nil
}

func (c *Claims) readID(raw string) bool {
	c.ID, _ = strict.Unescape(raw, true)
	return validID(c.ID)
}

func writeUses(c *Claims) (string, error) {
	switch {
	case c.Uses == 0:
		return "", nil
	case c.Uses < 0 || c.Uses > maxUses:
		return "", fmt.Errorf("the claim Uses must lie between 1 and %d", maxUses)
	case c.ID == "" || c.Permanent:
		return "", errors.New("a link with limited uses needs an ID, under which they are counted, and an expiry, until which they are kept")
	}
	return strconv.Itoa(c.Uses), nil
}

// readUses is called after readID and readExpires, on whose claims it depends.
func (c *Claims) readUses(raw string) bool {
	n, ok := number(raw, maxUses)
	c.Uses = int(n)
	return ok && n > 0 && c.ID != "" && !c.Permanent
}

// signed_ignore: Ignore.

// maxIgnored is how many names a list may have. It is read, and held against
// each parameter, before anything is known about the signature.
const maxIgnored = 64

// validIgnore judges a name in a list of names to ignore. A bare "*" would
// leave the whole query unsigned.
func validIgnore(item string) bool {
	name := strings.TrimSuffix(item, "*")
	for i := 0; i < len(name); i++ {
		if !strict.Unreserved(name[i]) {
			return false
		}
	}
	return name != ""
}

func writeIgnore(c *Claims) (string, error) {
	if c.Ignore != nil && (len(c.Ignore) == 0 || len(c.Ignore) > maxIgnored || slices.ContainsFunc(c.Ignore, func(item string) bool { return !validIgnore(item) })) {
		return "", errors.New("the claim Ignore holds up to 64 names of the characters A-Z a-z 0-9 . _ - ~ with an optional * at the end, and not * alone")
	}
	return strings.Join(c.Ignore, ","), nil
}

func (c *Claims) readIgnore(raw string) bool {
	c.Ignore = readList(raw, maxIgnored, func(item string) (string, bool) {
		switch {
		case validIgnore(item):
			return item, true
		case strict.UnescapesTo(item, "utm_*", true): // the one that most lists have
			return "utm_*", true
		}
		item, _ = strict.Unescape(item, true)
		return item, validIgnore(item)
	})
	return c.Ignore != nil
}

// signed_as, signed_inline and signed_type: DownloadName, Inline and ContentType.

func writeAs(c *Claims) (string, error) {
	if c.DownloadName != "" && !strict.ValidDownloadName(c.DownloadName) {
		return "", errors.New("a download name is a file name in UTF-8 without slashes and control characters")
	}
	return c.DownloadName, nil
}

func (c *Claims) readAs(raw string) bool {
	c.DownloadName, _ = strict.Unescape(raw, true)
	return strict.ValidDownloadName(c.DownloadName)
}

func writeInline(c *Claims) (string, error) {
	switch {
	case !c.Inline:
		return "", nil
	case c.DownloadName == "":
		return "", errors.New("the claim Inline needs a DownloadName, which is the name that it shows")
	}
	return "1", nil
}

// readInline is called after readAs, on whose claim it depends.
func (c *Claims) readInline(raw string) bool {
	c.Inline = strict.UnescapesTo(raw, "1", true) && c.DownloadName != ""
	return c.Inline
}

// commonTypes are the media types of most files that links lead to, so that
// reading one from a link need not allocate.
var commonTypes = [...]string{
	"image/jpeg", "image/png", "image/webp", "image/gif", "image/avif", "image/svg+xml",
	"application/pdf", "application/octet-stream", "application/json", "application/zip",
	"video/mp4", "video/webm", "video/mp2t", "audio/mpeg", "audio/mp4",
	"application/vnd.apple.mpegurl", "text/plain", "text/csv", "text/html",
	"text/plain; charset=utf-8", "text/html; charset=utf-8",
}

func writeType(c *Claims) (string, error) {
	if c.ContentType == "" {
		return "", nil
	}
	if _, _, err := mime.ParseMediaType(c.ContentType); err != nil || !strict.ValidContentType(c.ContentType) {
		return "", errors.New("the claim ContentType is not a media type")
	}
	return c.ContentType, nil
}

func (c *Claims) readType(raw string) bool {
	for _, t := range commonTypes {
		if strict.UnescapesTo(raw, t, true) {
			c.ContentType = t
			return true
		}
	}
	c.ContentType, _ = strict.Unescape(raw, true)
	return strict.ValidContentType(c.ContentType)
}

// signed_max, signed_sum, signed_accept and signed_replace: Upload.

// maxBytes is the largest size that every JSON parser reads as is.
const maxBytes = 1<<53 - 1

// maxAccepted is how many media types a list may have.
const maxAccepted = 64

var errUpload = notAllowed("the link limits an upload, and the verifier's options do not say that the next handler enforces that")

func writeMax(c *Claims) (string, error) {
	switch n := c.Upload.MaxBytes; {
	case n == 0:
		return "", nil
	case n < 0 || n > maxBytes:
		return "", fmt.Errorf("the claim Upload.MaxBytes must lie between 1 and %d", int64(maxBytes))
	default:
		return strconv.FormatInt(n, 10), nil
	}
}

func (c *Claims) readMax(raw string) (ok bool) {
	c.Upload.MaxBytes, ok = number(raw, maxBytes)
	return ok && c.Upload.MaxBytes > 0
}

// sumPrefix names the one algorithm for a digest, as RFC 9530 does.
const sumPrefix = "sha-256:"

func writeSum(c *Claims) (string, error) {
	if c.Upload.SHA256 == [sha256.Size]byte{} {
		return "", nil
	}
	return sumPrefix + base64.RawURLEncoding.EncodeToString(c.Upload.SHA256[:]), nil
}

// readSum refuses the zero digest, which would be no limit.
func (c *Claims) readSum(raw string) bool {
	s, _ := strict.Unescape(raw, true)
	digest, ok := strings.CutPrefix(s, sumPrefix)
	sum := &c.Upload.SHA256
	return ok && strict.Base64(sum[:], digest) && *sum != [sha256.Size]byte{}
}

// validAccept accepts a media type in lower case and without parameters, and
// the wildcards of the kinds whose types are not documents. text/* would have
// HTML among them, and application/* everything.
func validAccept(t string) bool {
	kind, subtype, ok := strings.Cut(t, "/")
	if subtype == "*" {
		return kind == "image" || kind == "audio" || kind == "video" || kind == "font"
	}
	return ok && validTypeName(kind) && validTypeName(subtype)
}

// validTypeName accepts the names of RFC 6838, section 4.2, in lower case.
func validTypeName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || i > 0 && strings.IndexByte("!#$&-^_.+", c) >= 0) {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 127
}

func writeAccept(c *Claims) (string, error) {
	if a := c.Upload.Accept; a != nil && (len(a) == 0 || len(a) > maxAccepted || slices.ContainsFunc(a, func(t string) bool { return !validAccept(t) })) {
		return "", errors.New("the claim Upload.Accept holds up to 64 media types in lower case and without parameters, or image/*, audio/*, video/* and font/*")
	}
	return strings.Join(c.Upload.Accept, ","), nil
}

func (c *Claims) readAccept(raw string) bool {
	c.Upload.Accept = readList(raw, maxAccepted, func(item string) (string, bool) {
		item, _ = strict.Unescape(item, true)
		return item, validAccept(item)
	})
	return c.Upload.Accept != nil
}

func writeReplace(c *Claims) (string, error) {
	if !c.Upload.Replace {
		return "", nil
	}
	return "1", nil
}

func (c *Claims) readReplace(raw string) bool {
	c.Upload.Replace = strict.UnescapesTo(raw, "1", true)
	return c.Upload.Replace
}

// holdUpload refuses limits of which nobody says that they are enforced. The
// body is held against them by the next handler, which reads it.
func (c *Claims) holdUpload(o *occasion) error {
	u := &c.Upload
	if u.isZero() {
		return nil
	}
	if !o.uploads {
		return errUpload
	}
	if o.trace != nil {
		var limits []string
		if u.MaxBytes > 0 {
			limits = append(limits, fmt.Sprintf("at most %d bytes", u.MaxBytes))
		}
		if u.Accept != nil {
			limits = append(limits, "of type "+strings.Join(u.Accept, " or "))
		}
		if u.SHA256 != [sha256.Size]byte{} {
			limits = append(limits, fmt.Sprintf("with SHA-256 %x", u.SHA256))
		}
		if u.Replace {
			limits = append(limits, "may replace a file")
		}
		o.Trace("upload", strings.Join(limits, ", ")+": enforced by the handler, which reads the body")
	}
	return nil
}

// readList reads a comma-separated list in place, and returns nil if an item
// is empty or cannot be read, or if there are more than max items, where 0
// sets no limit. The commas may be escaped, as the builder writes them.
func readList[T any](raw string, max int, read func(item string) (T, bool)) []T {
	// Each comma is raw or one of the escapes.
	list := make([]T, 0, min(1+strings.Count(raw, ",")+strings.Count(raw, "%"), 64))
	for {
		end, width := find(raw, ',')
		item, ok := read(raw[:end])
		if !ok || len(list) == max && max > 0 {
			return nil
		}
		list = append(list, item)
		if width == 0 {
			return list
		}
		raw = raw[end+width:]
	}
}

// find returns where the first c of a raw value is, escaped or not, and how
// long it is: len(raw) and 0 if there is none.
func find(raw string, c byte) (i, width int) {
	for i := 0; i < len(raw); i++ {
		if b := raw[i]; b != c && b != '%' {
			continue
		}
		if b, width := strict.Next(raw, i); b == c && width > 0 {
			return i, width
		}
	}
	return len(raw), 0
}
