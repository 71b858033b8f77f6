package benchmarks_test

import (
	"context"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// session is the value that bound links are bound to.
const session = "b7Qm2vXk9TzR4sLw"

// BenchmarkLimits has each limit that a link can carry, beside the bare MAC
// over the same bytes and beside the link with no limit (x-plain): the longer
// link has more bytes to sign, and the rest is the price of the limit. The
// stores are the cheapest there can be.
func BenchmarkLimits(b *testing.B) {
	key := hmacKey(b, "2026a")
	ring := keyring(b, key)
	plain := baseline{"plain", verify(b, verifier(b, ring, nil), request(b, sign(b, ring, usual, soon)), nil)}
	from := func(change func(c *middleware.Claims)) middleware.Claims {
		c := soon
		change(&c)
		return c
	}
	for _, limit := range []struct {
		name   string
		claims middleware.Claims
		opts   middleware.Options
		extra  string // appended to the link after signing
	}{
		{name: "none", claims: soon},
		{name: "notbefore", claims: from(func(c *middleware.Claims) { c.NotBefore = time.Unix(1767225600, 0) })},
		{name: "permanent", claims: middleware.Claims{Permanent: true}, opts: middleware.Options{AllowPermanent: true}},
		{name: "maxlifetime", claims: soon, opts: middleware.Options{MaxLifetime: 48 * time.Hour}},
		{name: "methods", claims: from(func(c *middleware.Claims) { c.Methods = []string{"GET", "POST"} })},
		{name: "host", claims: from(func(c *middleware.Claims) { c.Host = "files.example.com" })},
		{name: "under", claims: from(func(c *middleware.Claims) { c.Under = "/files/kyc/" })},
		{name: "networks", claims: from(func(c *middleware.Claims) {
			c.Networks = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("192.0.2.0/24")}
		})},
		{name: "binding", claims: from(func(c *middleware.Claims) { c.Binding = middleware.Binding{Name: "session", Value: session} }),
			opts: middleware.Options{Binding: func(*http.Request, string) (string, error) { return session, nil }}},
		{name: "id", claims: from(func(c *middleware.Claims) { c.ID = "card-42" }), opts: middleware.Options{Revocations: nothingRevoked{}}},
		{name: "uses", claims: from(func(c *middleware.Claims) { c.ID, c.Uses = "card-42", 1 }), opts: middleware.Options{Uses: endlessUses{}}},
		{name: "ignore", claims: from(func(c *middleware.Claims) { c.Ignore = []string{"utm_*"} })},
		{name: "ignored", claims: from(func(c *middleware.Claims) { c.Ignore = []string{"utm_*"} }), extra: "&utm_source=mail&utm_campaign=spring"},
		{name: "download", claims: from(func(c *middleware.Claims) { c.DownloadName = "card.jpg" })},
		{name: "download-escaped", claims: from(func(c *middleware.Claims) { c.DownloadName = "María Pérez.jpg" })},
		{name: "type", claims: from(func(c *middleware.Claims) { c.ContentType = "image/jpeg" })},
	} {
		v := verifier(b, ring, &limit.opts)
		r := request(b, sign(b, ring, usual, limit.claims)+limit.extra)
		b.Run("limit="+limit.name, func(b *testing.B) { runLimit(b, v, r, plain) })
	}

	// A cookie, in the header of a request whose URL holds no signature.
	cookies, err := ring.SignCookies("link", from(func(c *middleware.Claims) { c.Under = "/files/kyc/" }))
	if err != nil {
		b.Fatal(err)
	}
	v := verifier(b, ring, &middleware.Options{Cookie: "link"})
	r := request(b, usual, "Cookie: theme=dark; link="+cookies[0].Value)
	b.Run("limit=cookie", func(b *testing.B) { runLimit(b, v, r, plain) })
}

func runLimit(b *testing.B, v *middleware.Verifier, r *http.Request, plain baseline) {
	bases := bareMACs(signedBytes(b, v, r))
	b.Run("link=valid", measure(verify(b, v, r, nil), append(bases, plain)...))
	for _, base := range bases {
		b.Run("link="+base.name, measure(base.op))
	}
}

type nothingRevoked struct{}

func (nothingRevoked) Revoked(context.Context, string) (bool, error) { return false, nil }

type endlessUses struct{}

func (endlessUses) Take(context.Context, middleware.Use) (bool, error) { return true, nil }
func (endlessUses) GiveBack(context.Context, middleware.Use) error     { return nil }
