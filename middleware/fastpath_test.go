package middleware_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// The package reads what is usual by fast paths. Each is held here against the
// slow reading of the same thing: the oracle's, or the standard library's.

// usual are the parameters that every link of the oracle's has.
const usual = "expires_at=" + future + "&signed_by=2026a"

func TestAUsualLinkIsReadAsTheOracleReadsIt(t *testing.T) {
	ring := testRing(t)
	for _, expires := range []string{
		"0", "1", "9", "10", "00", "01", "4102444800", "253402300799", "253402300800", "2534023007990", "9223372036854775808", "18446744073709551617", "18446748176154352416",
		"", "+1", "-1", "1.", "1/", "1:", "/", ":", "a", "%31", "1%30", "never", "neve", "%6Eever", "1 ", "1+", "1=", "1&", "1&a=2",
	} {
		for _, path := range []string{"/", "/files/a.jpg", "/files/%61", "/files/a;b"} {
			for _, by := range []string{"signed_by=2026a", "signed_by=%32026a", "signed_by=2026b", "signed_by=", "signed_by", "signed_b=2026a", "signed_by=2026a&a=1", "Signed_by=2026a", "aigned_by=2026a"} {
				agree(t, ring, path, "expires_at="+expires+"&"+by)
			}
		}
	}
	for _, query := range []string{"expires_at=1", "expires_at=1&", "expires_a=1&signed_by=2026a", "expires_at:1&signed_by=2026a", "expires_at=1;signed_by=2026a", "a&b", "&&", "expires_at&signed_by"} {
		agree(t, ring, "/x", query)
	}
	for _, n := range []int64{0, 1, 9, 10, 4102444800, 253402300799} {
		query := fmt.Sprintf("expires_at=%d&signed_by=2026a", n)
		signed, _ := oracle("/x", query)
		for _, query := range []string{query + "&signature=" + macText(signed), "signature=" + macText(signed) + "&" + query} {
			if l, err := ring.Authenticate(middleware.Request{Path: "/x", RawQuery: query}); err != nil || l.Expires != time.Unix(n, 0) || l.KeyID != "2026a" {
				t.Errorf("%s: link %+v, %v", query, l, err)
			}
		}
	}
}

// A signature is one parameter, and the last one of a usual link.
func TestNothingFollowsTheSignatureOfAUsualLink(t *testing.T) {
	ring := testRing(t)
	signed, _ := oracle("/x", usual)
	for _, tail := range []string{"&", "&a=1", "&a", "&signature=" + macText(signed), "&expires_at=1", "=", "%", "A"} {
		if l, err := ring.Authenticate(middleware.Request{Path: "/x", RawQuery: usual + "&signature=" + macText(signed) + tail}); err == nil {
			t.Errorf("%q after the signature: %+v", tail, l)
		}
	}
	// Names that only look like those of a usual link.
	for _, query := range []string{"expires_at=" + future + "&signed_by=2026a&signaturf=", "expires_at=" + future + "&signed_bz=2026a&signature=", "expires_au=" + future + "&signed_by=2026a&signature="} {
		if l, err := ring.Authenticate(middleware.Request{Path: "/x", RawQuery: query + macText(signed)}); err == nil {
			t.Errorf("%s: %+v", query, l)
		}
	}
}

// sortPairs compares seven bytes of the names first; most of these have them in
// common.
func TestParametersAreSortedAsTheOracleSortsThem(t *testing.T) {
	ring := testRing(t)
	names := []string{
		"a", "ab", "abcdef", "abcdefg", "abcdefgh", "abcdefgi", "abcdefg%68", "abcdefg-", "abcdefg%00", "abcdef%67", "abcdef-", "abcdefgha", "abcdefghb", "abcdefg~", "%61bcdefgh",
		"b", "%62", "%C3%A9", "%c3%a9", "%C3%A8", "+", "%20", "%2B", "~", "%7E", "z", "zzzzzzz", "zzzzzzza", "expires_as", "expires_au", "signed-by", "signee", "A", "0",
	}
	for _, a := range names {
		for _, b := range names {
			agree(t, ring, "/x", usual+"&"+a+"=1&"+b+"=2")
			agree(t, ring, "/x", b+"=2&"+usual+"&"+a)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		query := usual
		for i := range 2 + r.IntN(12) {
			query += fmt.Sprintf("&%s=%d", names[r.IntN(len(names))], i)
		}
		agree(t, ring, "/x", query)
	}
	for range 10 {
		query := usual
		for i := range 125 {
			query += fmt.Sprintf("&%s=%d", names[r.IntN(len(names))], i)
		}
		agree(t, ring, "/x", query)
	}
}

// An ignored name is told apart by its first eight bytes, if it has them.
func TestParametersAreIgnoredAsTheOracleIgnoresThem(t *testing.T) {
	ring := testRing(t)
	const letters = "abcdefghijk"
	for n := 1; n <= len(letters); n++ {
		for _, item := range []string{letters[:n], letters[:n] + "*", letters[:n] + "%2A", "x," + letters[:n], letters[:n] + "*,y", "%61" + letters[1:n] + "*"} {
			for m := 1; m <= len(letters); m++ {
				for _, name := range []string{letters[:m], letters[:m-1] + "z", "z" + letters[1:m], letters[:m] + "%00", "%61" + letters[1:m], letters[:m] + "+", strings.ToUpper(letters[:m])} {
					agree(t, ring, "/x", usual+"&signed_ignore="+item+"&"+name+"=1")
				}
			}
		}
	}
	for _, n := range []int{63, 64, 65} {
		list := strings.TrimSuffix(strings.Repeat("a,", n), ",")
		agree(t, ring, "/x", usual+"&signed_ignore="+list+"&a=1&b=2")
		agree(t, ring, "/files/x", usual+"&signed_under=%2Ffiles%2F&signed_ignore="+list+"&a=1")
		agree(t, ring, "/files/x", usual+"&signed_under=%2Ffiles%2F&signed_ignore="+list+"&a=1&b=2")
	}
}

// agreeCookie is agree for a cookie.
func agreeCookie(t *testing.T, ring *middleware.Keyring, path, value string) {
	t.Helper()
	signed, ok := oracle(path, value+"&signature="+strings.Repeat("A", 43))
	for part := range strings.SplitSeq(value, "&") {
		ok = ok && (strings.HasPrefix(part, "signed_") || strings.HasPrefix(part, "expires_at="))
	}
	ok = ok && strings.Contains(value, "signed_under=")
	value += "&signature=" + macText(strings.Replace(signed, "signed-url/1", "signed-cookie/1", 1))
	l, err := ring.AuthenticateCookie(middleware.Request{Method: "GET", Path: path}, value)
	if ok != (err == nil) || ok && (!l.FromCookie || l.Under == "") {
		t.Errorf("%s with the cookie %s\nformat: %+v, %v\noracle: %v, signed text %q", path, value, l, err, ok, signed)
	}
}

// A subtree is usually cut from the path, and not decoded.
func TestASubtreeIsReadAsTheOracleReadsIt(t *testing.T) {
	ring := testRing(t)
	for _, under := range []string{
		"/", "%2F", "%2f", "/a/", "%2Fa%2F", "%2fa%2f", "/%61/", "%2F%61%2F", "/a", "/a/b/", "%2Fa%2Fb%2F", "%2Fa%2Fb", "%2Fa%2520b%2F", "/a%20b/", "/a+b/", "%2Fa+b%2F", "/a%2520b/", "%2Fa%252Fb%2F", "%2Fa%252fb%2F",
		"/a//", "//", "/../", "/a/./", "a/", "%2Fa%253Bb%2F", "%2Fa%2560%2F", "%2Fa%2561%2F", "%2Fa~%2F", "%2Fa%257E%2F", "/a%", "/a%2", "/%zz/", "%2Fa%5C%2F", "%2Fa%C3%A9%2F", "%2Fa%25C3%25A9%2F", "",
	} {
		for _, path := range []string{
			"/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/ab/", "/%61/", "/%61/b", "/a%20b/", "/a%20b/c", "/a+b/", "/a+b/c", "/a%2Bb/c", "/a%2Fb/c", "/a%2fb/c", "/a/b%2Fc", "/a%3Bb/c", "/a%3bb/c", "/a;b/c",
			"/a/../b", "/a%60/c", "/a~/c", "/a%7E/c", "/a%7e/c", "/a%C3%A9/c", "/a%c3%a9/c", "/aé/c", "/a/%zz", "/a/%4", "/a//", "//", "", "a/", "/a%2520b/c", "/A/b", "/a%20", "/a%20b", "/a%2", "/a%",
		} {
			agree(t, ring, path, usual+"&signed_under="+under)
			agreeCookie(t, ring, path, usual+"&signed_under="+under)
		}
	}
	// What opens one path is no cookie, even under a cookie's signature.
	for _, value := range []string{usual, usual + "&signed_id=a", usual + "&a=1", usual + "&signed_under=%2F&a=1", usual + "&signed_under=%2F&signed_ignore=a&a=1"} {
		agreeCookie(t, ring, "/", value)
		agreeCookie(t, ring, "/a", value)
	}
}

// The steps of a usual link are read from the query as is.
func TestAUsualNarrowedLinkIsReadAsTheOracleReadsIt(t *testing.T) {
	ring := testRing(t)
	long := func(n int) string {
		const only = "signed_only%3D%252Ffiles%252F"
		return only + strings.Repeat("x", n-len("signed_only=%2Ffiles%2F"))
	}
	steps := []string{
		"expires_at%3D4102444800", "expires_at%3D0", "expires_at=0", "expires_at%3d0", "%65xpires_at%3D0", "expires_at%3D%30", "expires_at%3D%2530", "expires_at%3D00", "expires_at%3D", "expires_at", "", "%", "%3D", "=", "%26", "a%3D1",
		"signed_from%3D0", "signed_from%3D253402300799", "signed_from%3D253402300800", "signed_from%3Dnever", "expires_at%3Dnever", "expires_at%3D0%26signed_from%3D0", "expires_at%3D0%26expires_at%3D0", "signed_from%3D0%26expires_at%3D0",
		"expires_at%3D0%26", "%26expires_at%3D0", "expires_at%3D0%26%26signed_from%3D0", "expires_at%3D0;", "expires_at%3D0+", "expires_at%3D+0", "expires_at%3D0%00", "expires_at%3D0%zz", "expires_at%3D0%25zz", "expires_at%3D0%2", "expires_at%3D0%252",
		"signed_only%3D%252Ffiles%252Fa", "signed_only%3D%252ffiles%252fa", "signed_only%3D%252Ffiles%252F%61", "signed_only%3D%252Ffiles%252F%2561", "signed_only%3D%252Ffiles%252F%252561", "signed_only%3D/files/a", "signed_only%3D%2Ffiles%2Fa",
		"signed_only%3D%252Ffiles%252F", "signed_only%3D%252Ffiles%252Fab", "signed_only%3D%252F", "signed_only%3D", "signed_only%3D%252Ffiles%252Fa%252520b", "signed_only%3D%252Ffiles%252Fa%2520b", "signed_only%3D%252Ffiles%252Fa+b",
		"signed_under%3D%252Ffiles%252F", "signed_under%3D%252Ffiles", "signed_under%3D%252F", "signed_under%3D%252Ffiles%252Fa%252F", "signed_under%3D%252ffiles%252f", "signed_under%3D/files/", "signed_under%3D%252F%252F", "signed_under%3Dfiles%252F",
		"signed_only%3D%252Ffiles%252Fa%26signed_under%3D%252Ffiles%252F", "signed_under%3D%252Ffiles%252F%26signed_only%3D%252Ffiles%252Fa", "signed_by%3D2026a", "signed_id%3Da", "signature%3Da", "signed_narrow%3Dexpires_at%253D0", "signed_only",
		long(1023), long(1024), long(1025), "expires_at%3D0%0Asigned-narrow%2F1%0Aexpires_at%3D0",
	}
	for _, path := range []string{"/files/a", "/files/%61", "/files/", "/", "/files/a%20b", "/files/a%2520b", "/files/a/../b", "/files/" + strings.Repeat("x", 1024-23), "/files/" + strings.Repeat("x", 1025-23)} {
		for _, step := range steps {
			for _, query := range []string{
				usual + "&signed_narrow=" + step,
				usual + "&signed_narrow=expires_at%3D0&signed_narrow=" + step,
				usual + "&signed_narrow=" + step + "&signed_narrow=expires_at%3D0",
				usual + "&signed_narrow=" + step + "&signed_under=%2Ffiles%2F",
				usual + "&a=1&signed_narrow=" + step + "&signed_under=%2Ffiles%2F&signed_ignore=a&signed_narrow=signed_from%3D0",
				usual + strings.Repeat("&signed_narrow=signed_from%3D0", 3) + "&signed_narrow=" + step,
				usual + strings.Repeat("&signed_narrow=signed_from%3D0", 4) + "&signed_narrow=" + step,
				usual + "&signed_narrow=" + step + "&z=1",
			} {
				agree(t, ring, path, query)
			}
			agreeCookie(t, ring, path, usual+"&signed_narrow="+step+"&signed_under=%2Ffiles%2F")
			agreeCookie(t, ring, path, usual+"&signed_under=%2Ffiles%2F&signed_narrow=signed_from%3D0&signed_narrow="+step)
		}
	}
}

func FuzzASubtreeIsReadAsTheOracleReadsIt(f *testing.F) {
	f.Add("/kyc/42/card.jpg", "/kyc-42/")
	f.Add("/my%20files/a", "%2Fmy%2520files%2F")
	f.Add("/my+files/%61", "/my%2Bfiles/")
	ring := testRing(f)
	f.Fuzz(func(t *testing.T, path, under string) {
		if strings.ContainsAny(under, "&=") {
			return
		}
		agree(t, ring, path, usual+"&signed_under="+under)
		agreeCookie(t, ring, path, usual+"&signed_under="+under)
	})
}

// IPv4 has a parser of its own, for peers and for the networks of a link.
func TestAnAddressIsReadAsNetipReadsIt(t *testing.T) {
	ring := testRing(t)
	v := newVerifier(ring, nil)
	octets := []string{"0", "1", "9", "10", "99", "199", "249", "250", "255", "256", "260", "300", "999", "1000", "256256", "4294967297", "00", "01", "001", "", "a", "1a", "/", ":", "-1", "+1", " 1", "1 "}
	var texts []string
	for i := range 4 {
		for j := range i {
			for _, a := range octets {
				for _, b := range octets {
					parts := []string{"192", "0", "2", "7"}
					parts[i], parts[j] = a, b
					texts = append(texts, strings.Join(parts, "."))
				}
			}
		}
	}
	texts = append(texts, "192.0.2", "192.0.2.", ".192.0.2", "192.0.2.7.", "192.0.2.7.8", "192.0..7", "192", "", "192,0.2.7", "192.0.2.7x", "192.0.2/7", "0.0.0.0", "255.255.255.255")
	every := sign(t, ring, "/x", middleware.Claims{Expires: time.Unix(4102444800, 0), Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}})
	for i, text := range texts {
		want, err := netip.ParseAddr(text)
		if strings.ContainsAny(text, ":") {
			continue // a port, or IPv6
		}
		r := request(t, "GET", every)
		r.RemoteAddr = text
		if _, got := v.Verify(r); (got == nil) != (err == nil) {
			t.Errorf("a peer %q: %v; net/netip says %v", text, got, err)
		}
		if err == nil && i%7 == 0 {
			r = request(t, "GET", sign(t, ring, "/x", middleware.Claims{Expires: time.Unix(4102444800, 0), Networks: []netip.Prefix{netip.PrefixFrom(want, 32)}}))
			r.RemoteAddr = text
			if _, err := v.Verify(r); err != nil {
				t.Errorf("the peer %q and a link for it: %v", text, err)
			}
		}
		for _, length := range []string{"", "/", "/0", "/8", "/31", "/32", "/33", "/08", "%2F8", "%2f32", "%2F%38", "x8", "/8x", "//8", "%2C", ",", "%"} {
			if i%5 > 0 && length != "" || strings.ContainsAny(text, "+/ ") {
				continue
			}
			network := text + strings.NewReplacer("%2F", "/", "%2f", "/", "%38", "8").Replace(length)
			if length == "" {
				network += "/32"
			}
			single, err := netip.ParsePrefix(network)
			compareNetworks(t, ring, text+length, []netip.Prefix{single.Masked()}, err == nil)
		}
	}
}

// compareNetworks reads a link with a value of signed_ip that a foreign signer
// wrote.
func compareNetworks(t *testing.T, ring *middleware.Keyring, raw string, want []netip.Prefix, ok bool) {
	t.Helper()
	query := usual + "&signed_ip=" + raw
	signed, _ := oracle("/x", query)
	l, err := ring.Authenticate(middleware.Request{Path: "/x", RawQuery: query + "&signature=" + macText(signed)})
	if (err == nil) != ok || ok && fmt.Sprint(l.Networks) != fmt.Sprint(want) {
		t.Errorf("signed_ip=%s is %v, %v; want %v, %v", raw, l.Networks, err, want, ok)
	}
}

func TestTheNetworksOfALink(t *testing.T) {
	ring := testRing(t)
	for raw, want := range map[string]string{
		"10.1.2.3/8":                      "10.0.0.0/8",
		"10.1.2.3%2F8":                    "10.0.0.0/8",
		"192.0.2.7":                       "192.0.2.7/32",
		"192.0.2.7,10.0.0.0/8":            "192.0.2.7/32 10.0.0.0/8",
		"192.0.2.7%2C10.0.0.0%2F8":        "192.0.2.7/32 10.0.0.0/8",
		"192.0.2.7%2c2001%3Adb8%3A%3A/32": "192.0.2.7/32 2001:db8::/32",
		"2001:db8::1":                     "2001:db8::1/128",
		"2001%3Adb8%3A%3A1%2F48":          "2001:db8::/48",
		"%31%30.0.0.0/8":                  "10.0.0.0/8",
		"::/0":                            "::/0",
		"::/128":                          "::/128",
		"0.0.0.0/0":                       "0.0.0.0/0",
		"::ffff:10.0.0.0/104":             "10.0.0.0/8",
		"::ffff:10.0.0.0/96":              "0.0.0.0/0",
		"::ffff:10.0.0.1":                 "10.0.0.1/32",
		"::ffff:10.0.0.0/95":              "",
		"%3A%3Affff%3A10.0.0.0%2F72":      "",
		"::/129":                          "",
		"::/-1":                           "",
		"fe80::1%25eth0":                  "",
		"fe80::%25eth0/64":                "",
		"10.0.0.0/8,":                     "",
		",10.0.0.0/8":                     "",
		"10.0.0.0/8,,10.0.0.0/8":          "",
		"10.0.0.0/8 ":                     "",
		"10.0.0.0/":                       "",
		"10.0.0.0/33":                     "",
		"10.0.0.0/8/8":                    "",
		"10.0.0.0-8":                      "",
		"files.example.com":               "",
		"/8":                              "",
		strings.Repeat("10.0.0.1,", 99) + "10.0.0.1": strings.TrimSpace(strings.Repeat("10.0.0.1/32 ", 100)),
	} {
		var networks []netip.Prefix
		for _, n := range strings.Fields(want) {
			networks = append(networks, netip.MustParsePrefix(n))
		}
		compareNetworks(t, ring, raw, networks, want != "")
	}
}
