package benchmarks_test

import (
	"fmt"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
)

// targetLimit is the longest request target that a verifier looks at.
const targetLimit = 8 << 10

// BenchmarkHostile has what somebody without a link can send. The baseline is
// the bare MAC over the bytes that would have been signed, or over the whole
// request target where it is refused before that.
func BenchmarkHostile(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	v := verifier(b, ring, &middleware.Options{Cookie: "link"})
	valid := sign(b, ring, usual, soon)
	_, query, _ := strings.Cut(valid, "?")

	// As long as it may be, with as many parameters as it may have, in the
	// worst order: the most that sorting can be made to do.
	const most = 128
	room := targetLimit - len(valid) - (most-3)*len("&p00=")
	full := reversed(sign(b, ring, usual+parameters(most-3, strings.Repeat("v", room/(most-3)-1)), soon))
	// Every byte of a value escaped, and spelled in the other case.
	respelled := sign(b, ring, usual+parameters(most-3, strings.Repeat("-", room/(most-3)/3)), soon)
	respelled = reversed(strings.ReplaceAll(respelled, "-", "%2d"))
	// A list of names to ignore, looked through for each of the parameters
	// before the signature is known to be wrong: as long as it may be, and as
	// long as there is room.
	ignore := usual + parameters(most-4, "") + "&" + query + "&signed_ignore="
	ignore64 := ignore + strings.Repeat("pXX%2C", 63) + "pXX"
	ignore8KB := ignore + strings.Repeat("a%2C", (targetLimit-len(ignore)-2)/4) + "a"
	// Cookies, of which a server takes a megabyte.
	cookies, err := ring.SignCookies("link", middleware.Claims{Expires: soon.Expires, Under: "/files/kyc/"})
	if err != nil {
		b.Fatal(err)
	}
	forged := strings.Replace(cookies[0].Value, "signed_by=2026a", "signed_by=2026b", 1)
	foreign := strings.Replace(cookies[0].Value, "kyc", "tax", 1)
	header := func(value string) string {
		pair := "; link=" + value
		return "Cookie: a=b" + strings.Repeat(pair, (1<<20)/len(pair))
	}

	for _, input := range []struct {
		name   string
		target string
		header []string
		want   error
	}{
		{"query-1MB", usual + "?a=" + strings.Repeat("x", 1<<20), nil, middleware.ErrInvalid},
		{"query-1MB-signed", valid + "&a=" + strings.Repeat("x", 1<<20), nil, middleware.ErrInvalid},
		{"params-10000", usual + parameters(10_000, "1"), nil, middleware.ErrInvalid},
		{"params-4000", usual + "?" + strings.Repeat("a&", 4000) + "a", nil, middleware.ErrInvalid},
		{"params-128-reversed", full, nil, nil},
		{"params-128-reversed-altered", strings.Replace(full, "card", "cart", 1), nil, middleware.ErrInvalid},
		{"params-128-respelled-altered", strings.Replace(respelled, "card", "cart", 1), nil, middleware.ErrInvalid},
		{"ignore-64", ignore64, nil, middleware.ErrInvalid},
		{"ignore-8KB", ignore8KB, nil, middleware.ErrInvalid},
		{"path-8KB-respelled", "/" + strings.Repeat("%2d", (targetLimit-len(valid))/3) + valid, nil, middleware.ErrInvalid},
		{"cookies-1MB-forged", usual, []string{header(forged)}, middleware.ErrInvalid},
		{"cookies-1MB-foreign", usual, []string{header(foreign)}, middleware.ErrInvalid},
	} {
		r := request(b, input.target, input.header...)
		signed := []byte(v.Explain(r).Signed)
		if len(signed) == 0 {
			signed = []byte(input.target + strings.Join(input.header, ""))
		}
		kind := "refused"
		if input.want == nil {
			kind = "valid"
		}
		b.Run("input="+input.name, func(b *testing.B) {
			runLink(b, kind, verify(b, v, r, input.want), bareMACs(signed)[:1]...)
		})
	}
}

// BenchmarkLength has links of growing length: the time for a byte must not
// grow. An escaped path is decoded and encoded again, a plain one is not.
func BenchmarkLength(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	v := verifier(b, ring, nil)
	for _, path := range []struct{ name, segment string }{
		{"plain", "/segment"},
		{"escaped", "/seg%20%2B"},
	} {
		for _, kib := range []int{1, 2, 4, 7} {
			target := sign(b, ring, strings.Repeat(path.segment, kib<<10/len(path.segment)), soon)
			r := request(b, target)
			b.Run(fmt.Sprintf("path=%s/KiB=%d", path.name, kib), func(b *testing.B) {
				runLink(b, "valid", verify(b, v, r, nil), bareMACs(signedBytes(b, v, r))[:1]...)
			})
		}
	}
}
