package benchmarks_test

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// BenchmarkNarrow has links that their holder narrowed, beside the same links
// without the steps (x-parent), and beside the bare MAC over the bytes of the link
// itself, without those of the steps. A forged link has all the steps that it may
// have, and each of them costs a MAC before anything is known to be wrong.
func BenchmarkNarrow(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	v := verifier(b, ring, &middleware.Options{EnforcesUploads: true})
	tree := soon
	tree.Under = "/files/kyc/"
	minute := middleware.Claims{Expires: soon.Expires.Add(-time.Hour)}
	for _, link := range []struct {
		name   string
		claims middleware.Claims
		steps  []middleware.Claims
	}{
		{"file-for-a-minute", soon, []middleware.Claims{minute}},
		{"one-of-a-folder", tree, []middleware.Claims{{Only: usual}}},
		{"one-of-a-folder-for-a-minute", tree, []middleware.Claims{{Only: usual, Expires: minute.Expires}}},
		{"folder-of-a-folder", middleware.Claims{Expires: soon.Expires, Under: "/files/"}, []middleware.Claims{{Under: "/files/kyc/"}}},
		{"host", tree, []middleware.Claims{{Host: "files.example.com"}}},
		{"method", tree, []middleware.Claims{{Methods: []string{"GET"}}}},
		{"network", tree, []middleware.Claims{{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}}},
		{"four-steps", tree, []middleware.Claims{minute, {Under: tree.Under}, {Only: usual}, {Host: "files.example.com"}}},
	} {
		parent := sign(b, ring, usual, link.claims)
		narrowed := narrow(b, parent, link.steps...)
		base := baseline{"parent", verify(b, v, request(b, parent), nil)}
		bare := bareMACs(signedBytes(b, v, request(b, parent)))
		r := request(b, narrowed)
		b.Run("link="+link.name, func(b *testing.B) {
			b.Run("link=valid", measure(verify(b, v, r, nil), append(bare, base)...))
			b.Run("link=parent", measure(base.op))
		})
	}
	for steps := 1; steps <= 4; steps++ {
		parent := sign(b, ring, usual, soon)
		forged := strings.Replace(narrow(b, parent, []middleware.Claims{minute, minute, minute, minute}[:steps]...), "card", "cart", 1)
		bare := bareMACs(signedBytes(b, v, request(b, parent)))
		b.Run(fmt.Sprintf("forged-steps=%d", steps), func(b *testing.B) {
			runLink(b, "refused", verify(b, v, request(b, forged), middleware.ErrInvalid), bare[:1]...)
		})
	}
}

// narrow returns a link with steps added.
func narrow(tb testing.TB, link string, steps ...middleware.Claims) string {
	u, err := url.Parse(link)
	for _, step := range steps {
		if err == nil {
			u, err = middleware.Narrow(u, step)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
	return u.RequestURI()
}
