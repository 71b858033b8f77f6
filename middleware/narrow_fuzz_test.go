package middleware_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// What links, steps and requests are made of, so that many of them meet.
var (
	somePaths   = []string{"/files/a", "/files/a/", "/files/a/b", "/files/ab", "/files/a/b%20c", "/files/", "/files/a%2Fb", "/files/a/b/c", "/"}
	someTrees   = []string{"/files/", "/files/a/", "/", "/files/a/b/", "/files/a%2Fb/"}
	someMethods = [][]string{{"GET"}, {"HEAD"}, {"PUT"}, {"GET", "PUT"}, {"POST", "HEAD"}}
	someHosts   = []string{"files.example.com", "b.example", "b.example:8443"}
	someNets    = [][]string{{"192.0.2.0/24"}, {"192.0.2.7/32"}, {"0.0.0.0/0"}, {"2001:db8::/32"}, {"198.51.100.0/25", "2001:db8:1::/48"}}
	someAddrs   = []string{"192.0.2.7", "192.0.2.8", "198.51.100.7", "2001:db8:1::7", "2001:db8:2::7"}
	someSizes   = []int64{1, 100, 1<<53 - 1}
	someTypes   = [][]string{{"image/png"}, {"image/*"}, {"image/*", "application/pdf"}, {"image/svg+xml", "text/plain"}}
	allTypes    = []string{"image/png", "image/svg+xml", "application/pdf", "text/plain", "video/mp4"}
)

// chooser makes choices of the bytes of a fuzz target.
type chooser struct{ data string }

func (c *chooser) next() int {
	if c.data == "" {
		return 0
	}
	b := c.data[0]
	c.data = c.data[1:]
	return int(b)
}

func choose[T any](c *chooser, of []T) T { return of[c.next()%len(of)] }

// limits chooses claims that a link and a step can have. Each is there in some.
func (c *chooser) limits(now time.Time) (l middleware.Claims) {
	has := c.next()
	if has&1 != 0 {
		l.Expires = now.Add(time.Duration(c.next()-64) * time.Hour).Add(time.Minute)
	}
	if has&2 != 0 {
		l.NotBefore = now.Add(time.Duration(c.next()-192) * time.Hour).Add(time.Minute)
	}
	if has&4 != 0 {
		l.Under = choose(c, someTrees)
	}
	if has&8 != 0 {
		l.Methods = choose(c, someMethods)
	}
	if has&16 != 0 {
		l.Host = choose(c, someHosts)
	}
	if has&32 != 0 {
		l.Networks = networks(choose(c, someNets)...)
	}
	if has&64 != 0 {
		l.Upload.MaxBytes = choose(c, someSizes)
	}
	if has&128 != 0 {
		l.Upload.Accept = choose(c, someTypes)
	}
	return l
}

// stepText writes a step as the documentation says.
func stepText(c middleware.Claims) string {
	var pairs []string
	add := func(name, value string) { pairs = append(pairs, name+"="+escapeAll(value)) }
	if !c.Expires.IsZero() {
		add("expires_at", strconv.FormatInt(c.Expires.Unix(), 10))
	}
	if c.Upload.Accept != nil {
		add("signed_accept", strings.Join(c.Upload.Accept, ","))
	}
	if !c.NotBefore.IsZero() {
		add("signed_from", strconv.FormatInt(c.NotBefore.Unix(), 10))
	}
	if c.Host != "" {
		add("signed_host", c.Host)
	}
	if c.Networks != nil {
		var texts []string
		for _, n := range c.Networks {
			if n.IsSingleIP() {
				texts = append(texts, n.Addr().String())
			} else {
				texts = append(texts, n.String())
			}
		}
		add("signed_ip", strings.Join(texts, ","))
	}
	if c.Upload.MaxBytes > 0 {
		add("signed_max", strconv.FormatInt(c.Upload.MaxBytes, 10))
	}
	if c.Methods != nil {
		add("signed_methods", strings.Join(c.Methods, ","))
	}
	if c.Only != "" {
		add("signed_only", c.Only)
	}
	if c.Under != "" {
		add("signed_under", c.Under)
	}
	return strings.Join(pairs, "&")
}

// narrowAsk is a request, as the model sees it.
type narrowAsk struct {
	method, path, host, addr string
	now                      time.Time
}

// opens says whether claims permit a request: those of a step, or of a link to a path.
func (a narrowAsk) opens(c middleware.Claims, path string, step bool) bool {
	methods := c.Methods
	if methods == nil && !step {
		methods = []string{"GET"}
	}
	at, addr := a.now.Unix(), netip.MustParseAddr(a.addr)
	switch {
	case c.Under != "" && !strings.HasPrefix(a.path, c.Under),
		c.Under == "" && !step && a.path != path,
		c.Only != "" && a.path != c.Only,
		!c.Expires.IsZero() && at >= c.Expires.Unix(),
		!c.NotBefore.IsZero() && at < c.NotBefore.Unix(),
		methods != nil && !slices.Contains(methods, a.method) && !(a.method == "HEAD" && slices.Contains(methods, "GET")),
		c.Host != "" && a.host != c.Host,
		c.Networks != nil && !slices.ContainsFunc(c.Networks, func(n netip.Prefix) bool { return n.Contains(addr) }):
		return false
	}
	return true
}

// hand narrows a link by a step, in the place where a narrower puts it.
func hand(link, step string) string {
	path, query, _ := strings.Cut(link, "?")
	pairs := strings.Split(query, "&")
	key, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(pairs[len(pairs)-1], "signature="))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("signed-narrow/1\n" + step))
	pairs[len(pairs)-1] = "signed_narrow=" + escapeAll(step)
	slices.SortStableFunc(pairs, func(a, b string) int {
		a, _, _ = strings.Cut(a, "=")
		b, _, _ = strings.Cut(b, "=")
		return strings.Compare(a, b)
	})
	return path + "?" + strings.Join(pairs, "&") + "&signature=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// FuzzANarrowedLinkOpensWhatLinkAndStepsPermit holds verifiers against a model: by
// URL, below a prefix that was stripped, and by cookie.
func FuzzANarrowedLinkOpensWhatLinkAndStepsPermit(f *testing.F) {
	for _, seed := range []string{"", "\x05\xff\x01\x00", "\x0d\xff\x01\x03\x02\x01\xf0\x04\x01\x00\x00\x00\x02", strings.Repeat("\xff", 60), strings.Repeat("\x35\xfe\x07", 20), "\x01\xff\x03\x04\x01\x08\x02\x10\x00\x20\x01"} {
		f.Add(seed)
	}
	ring := testRing(f)
	opts := middleware.Options{AllowPermanent: true, EnforcesUploads: true, Cookie: "link", TrustedProxies: networks("203.0.113.1/32")}
	v := newVerifier(ring, &opts)
	opts.Prefix = "/app"
	prefixed := newVerifier(ring, &opts)
	f.Fuzz(func(t *testing.T, data string) {
		c := &chooser{data}
		now := time.Now().Truncate(time.Second)
		claims := c.limits(now)
		claims.Permanent = claims.Expires.IsZero()
		path := choose(c, somePaths)
		if claims.Under != "" && !strings.HasPrefix(path, claims.Under) {
			path = claims.Under
		}
		if !claims.NotBefore.IsZero() && !claims.Permanent && !claims.NotBefore.Before(claims.Expires) {
			claims.NotBefore = time.Time{}
		}
		parent := sign(t, ring, path, claims)
		var steps []middleware.Claims
		link := parent
		for range c.next() % 5 {
			step := c.limits(now)
			if c.next()&1 != 0 {
				step.Only = choose(c, somePaths)
			}
			text := stepText(step)
			if text == "" {
				continue
			}
			narrow := hand(link, text)

			// Narrow makes the same link, or refuses what would open more or nothing.
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := middleware.Narrow(u, step); err == nil && got.String() != narrow {
				t.Fatalf("Narrow makes\n%s\nand not\n%s", got, narrow)
			} else if err != nil && errors.Is(err, errors.ErrUnsupported) {
				t.Fatalf("%s: %v", link, err)
			} else if (err == nil) != fits(path, claims, steps, step) {
				t.Fatalf("%+v of %s: %v", step, link, err)
			}
			link, steps = narrow, append(steps, step)
		}

		_, query, _ := strings.Cut(link, "?")
		_, parentQuery, _ := strings.Cut(parent, "?")
		for range 4 {
			a := narrowAsk{choose(c, []string{"GET", "HEAD", "PUT", "POST", "DELETE"}), choose(c, somePaths), choose(c, someHosts), choose(c, someAddrs), now}
			ask := func(v *middleware.Verifier, target, cookie string) (middleware.Link, error) {
				r := request(t, a.method, target, "X-Forwarded-For: "+a.addr, "Cookie: link="+cookie)
				r.Host, r.RemoteAddr = a.host, "203.0.113.1:80"
				return v.Verify(r)
			}
			own := a.opens(claims, path, false)
			want := own
			for _, step := range steps {
				want = want && a.opens(step, "", true)
			}
			l, err := ask(v, a.path+"?"+query, "")
			if (err == nil) != want {
				t.Fatalf("%+v\n%s: %v, the model says %v", a, link, err, want)
			}
			if _, perr := ask(v, a.path+"?"+parentQuery, ""); (perr == nil) != own || err == nil && perr != nil {
				t.Fatalf("%+v\n%s: %v, and narrowed %v", a, parent, perr, err)
			}
			// Below a prefix that an outer handler stripped, the link names the whole path.
			inner := sign(t, ring, "/app"+path, below("/app", claims))
			for _, step := range steps {
				inner = hand(inner, stepText(below("/app", step)))
			}
			_, inner, _ = strings.Cut(inner, "?")
			if _, perr := ask(prefixed, a.path+"?"+inner, ""); (perr == nil) != want {
				t.Fatalf("%+v\n%s: below a prefix %v, the model says %v", a, inner, perr, want)
			}
			if err == nil {
				together(t, &l, claims, steps)
			}
			if claims.Under == "" {
				continue
			}
			cookies, err := ring.SignCookies("link", claims)
			if err != nil {
				t.Fatal(err)
			}
			cookie := "/?" + cookies[0].Value
			for _, step := range steps {
				cookie = hand(cookie, stepText(step))
			}
			if _, cerr := ask(v, a.path, strings.TrimPrefix(cookie, "/?")); (cerr == nil) != want {
				t.Fatalf("%+v\n%s: as a cookie %v, the model says %v", a, link, cerr, want)
			}
			// Link and cookie stay apart.
			if _, err := ask(v, a.path, query); err == nil {
				t.Fatalf("the link is good as a cookie: %s", link)
			}
			if _, err := ask(v, a.path+cookie[1:], ""); err == nil {
				t.Fatalf("the cookie is good as a link: %s", link)
			}
		}
	})
}

// below puts a prefix before the paths of claims.
func below(prefix string, c middleware.Claims) middleware.Claims {
	if c.Under != "" {
		c.Under = prefix + c.Under
	}
	if c.Only != "" {
		c.Only = prefix + c.Only
	}
	return c
}

// fits says whether a step lies within a link and the steps before, and fits the
// path.
func fits(path string, own middleware.Claims, before []middleware.Claims, step middleware.Claims) bool {
	if !step.NotBefore.IsZero() && !step.Expires.IsZero() && !step.NotBefore.Before(step.Expires) ||
		!strings.HasPrefix(path, step.Under) || step.Only != "" && step.Only != path ||
		own.Under == "" && step.Under != "" {
		return false
	}
	for i, outer := range append([]middleware.Claims{own}, before...) {
		methods := outer.Methods
		if methods == nil && i == 0 {
			methods = []string{"GET"}
		}
		switch {
		case !strings.HasPrefix(step.Under, outer.Under) && step.Under != "", outer.Only != "" && step.Under != "",
			!outer.Expires.IsZero() && step.Expires.After(outer.Expires),
			!step.NotBefore.IsZero() && step.NotBefore.Before(outer.NotBefore),
			!outer.Expires.IsZero() && !step.NotBefore.Before(outer.Expires) && !step.NotBefore.IsZero(),
			!step.Expires.IsZero() && !outer.NotBefore.IsZero() && !outer.NotBefore.Before(step.Expires),
			outer.Host != "" && step.Host != "" && outer.Host != step.Host,
			outer.Upload.MaxBytes > 0 && step.Upload.MaxBytes > outer.Upload.MaxBytes,
			// The earlier steps were put on without a look at the path.
			!strings.HasPrefix(path, outer.Under), outer.Only != "" && outer.Only != path:
			return false
		}
		for _, m := range step.Methods {
			if methods != nil && !slices.Contains(methods, m) && !(m == "HEAD" && slices.Contains(methods, "GET")) {
				return false
			}
		}
		for _, n := range step.Networks {
			if outer.Networks != nil && !slices.ContainsFunc(outer.Networks, func(o netip.Prefix) bool { return o.Overlaps(n) && o.Bits() <= n.Bits() }) {
				return false
			}
		}
		for _, a := range step.Upload.Accept {
			if outer.Upload.Accept != nil && !slices.Contains(outer.Upload.Accept, a) && !(a == "image/png" && slices.Contains(outer.Upload.Accept, "image/*")) {
				return false
			}
		}
	}
	return true
}

// together holds the methods of a link against its claims and steps.
func together(t *testing.T, l *middleware.Link, own middleware.Claims, steps []middleware.Claims) {
	t.Helper()
	all := append([]middleware.Claims{own}, steps...)
	var expiry time.Time
	var size int64
	for _, c := range all {
		if !c.Expires.IsZero() && (expiry.IsZero() || c.Expires.Before(expiry)) {
			expiry = c.Expires
		}
		if n := c.Upload.MaxBytes; n > 0 && (size == 0 || n < size) {
			size = n
		}
	}
	if !l.Expiry().Equal(expiry) || l.MaxBytes() != size || len(l.Steps()) != len(steps) {
		t.Fatalf("expiry %v, bytes %d, %d steps of %+v", l.Expiry(), l.MaxBytes(), len(l.Steps()), all)
	}
	for i, step := range l.Steps() {
		if stepText(step) != stepText(steps[i]) {
			t.Fatalf("step %d is %q and not %q", i, stepText(step), stepText(steps[i]))
		}
	}
	for _, mediaType := range allTypes {
		want := true
		for _, c := range all {
			want = want && (c.Upload.Accept == nil || slices.Contains(c.Upload.Accept, mediaType) || mediaType == "image/png" && slices.Contains(c.Upload.Accept, "image/*"))
		}
		if l.Accepts(mediaType) != want {
			t.Fatalf("%s: %v of %+v", mediaType, !want, all)
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "POST"} {
		want := true
		for i, c := range all {
			if methods := c.Methods; methods != nil || i == 0 {
				if methods == nil {
					methods = []string{"GET"}
				}
				want = want && (slices.Contains(methods, method) || method == "HEAD" && slices.Contains(methods, "GET"))
			}
		}
		if l.Allows(method) != want {
			t.Fatalf("%s: %v of %+v", method, !want, all)
		}
	}
}

// FuzzAnyStepIsReadAsTheModelReadsIt has steps that are any text.
func FuzzAnyStepIsReadAsTheModelReadsIt(f *testing.F) {
	for _, seed := range []string{
		"", "expires_at=" + future, "expires_at=1", "signed_only=%2Ffiles%2Fa", "signed_under=%2Ffiles%2F", "signed_methods=GET%2CPUT", "signed_host=files.example.com",
		"signed_ip=192.0.2.0%2F24", "signed_max=9", "signed_accept=image%2F%2A", "signed_from=1", "signed_id=x", "expires_at=never", "signed_only=/files/a",
		"expires_at=" + future + "&signed_only=%2Ffiles%2Fa", "signed_only=%2Ffiles%2Fa&expires_at=1", "expires_at=1&expires_at=1", "signed_host=a%20b", "signed_narrow=a%3Db", "&", "=", "a=b", "signed_only=%2Ffiles%2F%C3%A4",
	} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	ring := testRing(f)
	v := newVerifier(ring, &middleware.Options{EnforcesUploads: true})
	tree := middleware.Claims{Expires: time.Unix(4102444801, 0), Under: "/files/"}
	parents := map[bool]string{true: sign(f, ring, "/files/a", tree), false: sign(f, ring, "/files/a", middleware.Claims{Expires: tree.Expires})}
	f.Fuzz(func(t *testing.T, step string, subtree bool) {
		if len(step) > 2000 {
			return
		}
		link := byHand(parents[subtree], step)
		r, err := http.NewRequest("GET", link, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host, r.RemoteAddr = "files.example.com", "192.0.2.7:80"
		l, err := v.Verify(r)
		if want := readsAs(step); middleware.Reason(err) != want {
			t.Fatalf("%q: %v, the model says %s", step, err, want)
		}
		if err == nil && (len(l.Steps()) != 1 || stepText(l.Steps()[0]) == "") {
			t.Fatalf("%q is %+v", step, l.Steps())
		}
		// Nobody takes it away again.
		u := *r.URL
		q := strings.Split(u.RawQuery, "&")
		u.RawQuery = strings.Join(slices.DeleteFunc(q, func(p string) bool { return strings.HasPrefix(p, "signed_narrow=") }), "&")
		r.URL = &u
		if _, err := v.Verify(r); !errors.Is(err, middleware.ErrInvalid) {
			t.Fatalf("without the step %q: %v", step, err)
		}
	})
}

// readsAs says what becomes of a GET of /files/a by a link with a step, in the order
// of the checks.
func readsAs(step string) string {
	if len(step) > 1024 {
		return "invalid"
	}
	values := map[string]string{}
	previous := ""
	for pair := range strings.SplitSeq(step, "&") {
		name, value, ok := strings.Cut(pair, "=")
		decoded, err := url.PathUnescape(value)
		if !ok || err != nil || value == "" || escapeAll(decoded) != value || name <= previous {
			return "invalid"
		}
		previous, values[name] = name, decoded
	}
	number := func(name string, least, most int64) (int64, bool) {
		text, there := values[name]
		if !there {
			return 0, true
		}
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil && strconv.FormatInt(n, 10) == text && n >= least && n <= most
	}
	path := func(name string, dir bool) bool {
		text, there := values[name]
		u, err := url.ParseRequestURI(text)
		if !there {
			return true
		}
		if err != nil || !strings.HasPrefix(text, "/") || strings.ContainsAny(text, "?#") || dir && !strings.HasSuffix(text, "/") {
			return false
		}
		segments := strings.Split(text, "/")
		for _, s := range segments {
			d, err := url.PathUnescape(s)
			if err != nil || escapeAll(d) != s {
				return false
			}
		}
		parts := strings.Split(strings.ReplaceAll(u.Path[1:], "\\", "/"), "/")
		for i, part := range parts {
			cut, _, _ := strings.Cut(part, ";")
			if cut == "." || cut == ".." || part == "" && i < len(parts)-1 {
				return false
			}
		}
		return !strings.ContainsFunc(u.Path, func(r rune) bool { return r < 0x20 || r == 0x7F })
	}
	expires, ok1 := number("expires_at", 0, 253402300799)
	from, ok2 := number("signed_from", 0, 253402300799)
	_, ok3 := number("signed_max", 1, 1<<53-1)
	if !ok1 || !ok2 || !ok3 || !path("signed_only", false) || !path("signed_under", true) {
		return "invalid"
	}
	list := func(name string, good func(string) bool) ([]string, bool) {
		text, there := values[name]
		items := strings.Split(text, ",")
		return items, !there || !slices.ContainsFunc(items, func(s string) bool { return !good(s) })
	}
	for _, value := range values {
		if strings.Count(value, ",") >= 64 {
			return "invalid"
		}
	}
	methods, ok1 := list("signed_methods", func(s string) bool {
		return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
	})
	nets, ok2 := list("signed_ip", func(s string) bool { _, ok := network(s); return ok })
	accept, ok3 := list("signed_accept", func(s string) bool {
		kind, sub, ok := strings.Cut(s, "/")
		name := func(s string) bool {
			return s != "" && len(s) <= 127 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+") == "" && strings.Trim(s[:1], "abcdefghijklmnopqrstuvwxyz0123456789") == ""
		}
		return sub == "*" && slices.Contains([]string{"image", "audio", "video", "font"}, kind) || ok && name(kind) && name(sub)
	})
	host, hasHost := values["signed_host"]
	if !ok1 || !ok2 || !ok3 || len(accept) > 64 || hasHost && (len(host) > 261 || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-._:[]") != "" ||
		strings.HasSuffix(host, ":") || strings.HasSuffix(host, ":80") || strings.HasSuffix(host, ":443")) {
		return "invalid"
	}
	for name := range values {
		if !slices.Contains(strings.Fields("expires_at signed_accept signed_from signed_host signed_ip signed_max signed_methods signed_only signed_under"), name) {
			return "invalid"
		}
	}
	has := func(name string) bool { _, there := values[name]; return there }
	now := time.Now().Unix()
	switch {
	case has("signed_only") && values["signed_only"] != "/files/a", has("signed_under") && !strings.HasPrefix("/files/a", values["signed_under"]):
		return "invalid"
	case has("expires_at") && now >= expires:
		return "expired"
	case has("signed_from") && now < from:
		return "not_yet"
	case has("signed_methods") && !slices.Contains(methods, "GET"), hasHost && host != "files.example.com":
		return "not_allowed"
	case has("signed_ip") && !slices.ContainsFunc(nets, func(s string) bool {
		n, _ := network(s)
		return n.Contains(netip.MustParseAddr("192.0.2.7"))
	}):
		return "not_allowed"
	}
	return "ok"
}

// network reads an address or a network as the documentation says.
func network(s string) (netip.Prefix, bool) {
	if n, err := netip.ParsePrefix(s); err == nil {
		if a := n.Addr(); a.Is4In6() {
			if n.Bits() < 96 {
				return n, false
			}
			return netip.PrefixFrom(a.Unmap(), n.Bits()-96).Masked(), true
		}
		return n.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// FuzzNoStepIsTakenAwayChangedOrMoved changes what a narrowed link is made of.
func FuzzNoStepIsTakenAwayChangedOrMoved(f *testing.F) {
	for op := range 12 {
		f.Add(string([]byte{3, byte(op), 0, 1, 0}), "signed_methods=GET")
		f.Add(string([]byte{4, byte(op), 2, 1, 5}), "expires_at=9999999999")
	}
	ring := testRing(f)
	v := newVerifier(ring, &middleware.Options{EnforcesUploads: true, AllowPermanent: true, Cookie: "link"})
	tree := middleware.Claims{Permanent: true, Under: "/files/", Methods: []string{"GET", "PUT"}}
	parents := []string{sign(f, ring, "/files/a", tree), sign(f, ring, "/files/a?page=2", middleware.Claims{Permanent: true})}
	texts := []string{"expires_at=" + future, "signed_methods=GET", "signed_only=%2Ffiles%2Fa", "signed_host=files.example.com", "expires_at=" + future + "&signed_ip=192.0.2.0%2F24"}
	f.Fuzz(func(t *testing.T, data, foreign string) {
		c := &chooser{data}
		n := c.next()%4 + 1
		parent := choose(c, parents)
		other := parents[0]
		if other == parent {
			other = parents[1]
		}
		var steps []string
		link := parent
		for range n {
			steps = append(steps, choose(c, texts))
			link, other = hand(link, steps[len(steps)-1]), hand(other, steps[len(steps)-1])
		}
		if _, err := v.Verify(request(t, "GET", link)); err != nil {
			t.Fatalf("%s: %v", link, err)
		}
		base, _, _ := strings.Cut(parent, "&signature=")
		signature := link[strings.LastIndexByte(link, '=')+1:]
		i, j := c.next()%n, c.next()%n
		changed := slices.Clone(steps)
		switch c.next() % 11 {
		case 0: // take one away
			changed = slices.Delete(changed, i, i+1)
		case 1: // double one
			changed = slices.Insert(changed, i, changed[j])
		case 2: // change the order
			changed[i], changed[j] = changed[j], changed[i]
		case 3: // put another in its place
			changed[i] = foreign
		case 4: // and one more
			changed = append(changed, foreign)
		case 5: // move one into the link
			base += "&" + changed[i]
			changed = slices.Delete(changed, i, i+1)
		case 6: // the steps of a link on another one
			base, _, _ = strings.Cut(other, "&signed_narrow")
			base, _, _ = strings.Cut(base, "&signature=")
		case 7: // join two
			changed[i] += "&" + foreign
		case 8: // a claim of the link in a step
			base = strings.Replace(base, "&signed_methods=GET%2CPUT", "", 1)
			changed[i] = "signed_methods=GET%2CPUT&" + changed[i]
		case 9: // the signature of the link, or of another with the same steps
			signature = []string{parent, other}[j%2]
			signature = signature[strings.LastIndexByte(signature, '=')+1:]
		case 10: // change a byte
			b := []byte(changed[i])
			b[c.next()%len(b)] ^= byte(1 + c.next()%127)
			changed[i] = string(b)
		}
		altered := base
		for _, s := range changed {
			altered += "&signed_narrow=" + escapeAll(s)
		}
		altered += "&signature=" + signature
		original := link[strings.LastIndexByte(link, '=')+1:]
		same := slices.Equal(changed, steps) && signature == original && strings.HasPrefix(parent, base+"&signature=")
		r, err := http.NewRequest("GET", altered, nil)
		if err != nil {
			return
		}
		r.Host, r.RemoteAddr = "files.example.com", "192.0.2.7:80"
		if _, err := v.Verify(r); (err == nil) != same || err != nil && !errors.Is(err, middleware.ErrInvalid) {
			t.Fatalf("%v\nbecame %v\n%s: %v", steps, changed, altered, err)
		}
	})
}
