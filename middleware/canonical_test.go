package middleware_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
)

// spellings are paths and queries for the tests and fuzzers of the canonical
// form: those that mean the same, and those that nobody should accept.
var paths = []string{
	"/", "/files/kyc/card.jpg", "/files/", "/files/a/b/", "/files/my%20card.jpg", "/files/%C3%A9.jpg", "/files/é.jpg", "/files/%7Euser/%41",
	"/files/a%2Fb", "/files/a%2fb", "/files/a+b", "/files/a;b=c,d", "/files/!$&'()*+,;=:@", "/files/a%5Cb", "/files/.hidden", "/files/..x", "/files/x..", "/files/...", "/files/%FF%FE",
	"", "files", "*", "//", "//files", "/files//card", "/files/./card", "/files/../card", "/files/..", "/files/.", "/.", "/..", "/%2e", "/%2E%2e/x", "/.%2e/x",
	"/files/a/..%2Fb", "/files/a%2F..%2Fb", "/files/a%2f%2e%2e/b", "/files/a%5C..%5Cb", "/files/a\\..\\b", "/files/a%2F/b", "/files/a/%2Fb", "/files/%2F", "/files/a%5C", "/files/%5C",
	"/files/%", "/files/%4", "/files/%zz", "/files/a%00b", "/files/a%0Ab", "/files/a%7Fb", "/files/a\x01b", "/files/%u0041", "/files/%252e%252e/x", "/a b",
}

var queries = []string{
	"", "w=100", "w=100&h=200", "h=200&w=100", "a=2&a=1", "a=1&a=2", "a", "a=", "=a", "a==", "a=b=c", "a=1&", "&a=1", "a=1&&b=2", "&", "a=1;b=2", "a=%3B", "a=%zz", "a=%4", "a=%",
	"a=+", "a=%20", "a=%2B", "a=%c3%a9", "a=%C3%A9", "a=é", "%61=1", "a%5B0%5D=x", "a[0]=x", "zz=1&b=2&a=3", "a.b=1&a-b=2&a_b=3&a~b=4", "A=1&a=2", "%7E=1", "~=1",
	"a=1\n", "a=%0A", "a=%00", "signed_x=1", "signed_=1", "signed_by=2026a", "expires_at=1", "signature=x", "%73igned_by=x", "s%69gnature=x", "expires%5Fat=1", "Signature=x", "signed-by=x",
	"signed_from=0", "signed_from=01", "signed_from=+1", "signed_from=%31", "signed_from=", "signed_from", "signed_under=%2F", "signed_under=/files/", "signed_under=%2Ffiles%2F", "signed_under=%2Ffiles%2F&w=1",
	"signed_under=%2Ffiles%2F&signed_ignore=w&w=1", "signed_under=%2Ffiles", "signed_under=%2Ffil%2F", "signed_under=%2Ffiles%2F..%2F", "signed_under=%2Ffiles%2F%2F", "signed_under=%2Ffiles%2Fmy%2520card.jpg%2F",
	"signed_ignore=utm_*&utm_source=x&w=1", "signed_ignore=utm_%2A&utm_source=x", "signed_ignore=*", "signed_ignore=a,b*&a=1&bcd=2&c=3", "signed_ignore=a,,b", "signed_ignore=expires_at", "signed_ignore=sign*",
	"signed_for=session", "signed_for=session&w=1", "signed_for=user", "signed_for=%73ession", "signed_for=",
	"signed_narrow=expires_at%3D1767222060", "signed_narrow=expires_at=1767222060", "signed_narrow=%65xpires_at%3d1767222060&w=1", "signed_narrow=expires_at%3D1&signed_narrow=expires_at%3D1&h=2&w=1",
	"signed_narrow=signed_only%3D%252Ffiles%252Fkyc%252Fcard.jpg", "signed_narrow=signed_only%3D%252ffiles%252fkyc%252fcard.jpg", "signed_narrow=signed_only=/files/kyc/card.jpg", "signed_narrow=signed_only%3D%252F",
	"signed_under=%2F&signed_narrow=signed_under%3D%252Ffiles%252F&signed_narrow=signed_from%3D0%26signed_only%3D%252Ffiles%252F", "signed_narrow=signed_only%3D%252Ffiles%252F%25C3%25A9.jpg", "signed_narrow=signed_only%3D%252F%26signed_under%3D%252F",
	"signed_narrow=", "signed_narrow", "signed%5Fnarrow=expires_at%3D1", "signed_narrow=expires_at%3Dnever", "signed_narrow=expires_at%3D01", "signed_narrow=expires_at%3D", "signed_narrow=expires_at", "signed_narrow=%26expires_at%3D1",
	"signed_narrow=expires_at%3D1%26", "signed_narrow=expires_at%3D1%26expires_at%3D1", "signed_narrow=signed_from%3D1%26expires_at%3D1", "signed_narrow=expires_at%3D1%26signed_narrow%3Da", "signed_narrow=signed_by%3D2026a", "signed_narrow=w%3D1",
	"signed_narrow=expires_at%3D1;", "signed_narrow=expires_at%3D1%3B", "signed_narrow=expires_at%3D+1", "signed_narrow=expires_at%3D%2531", "signed_narrow=expires%255Fat%3D1", "signed_narrow=expires_at%3D1%0A", "signed_narrow=%zz", "signed_narrow=expires_at%3D%25zz",
	"signed_only=%2Ffiles%2Fkyc%2Fcard.jpg", "signed_narrow=signed_under%3D%252Ffiles", "signed_narrow=signed_under%3D%252Ffiles%252F%252F", "signed_narrow=signed_under%3D%252F%2500%252F", "signed_narrow=signed_under%3D%252Ffil%252F",
	strings.Repeat("signed_narrow=expires_at%3D1&", 3) + "w=1", strings.Repeat("signed_narrow=expires_at%3D1&", 4) + "w=1", strings.Repeat("signed_narrow=expires_at%3D1&w=1&", 5),
}

func TestTheCanonicalFormAgreesWithTheOracle(t *testing.T) {
	ring := testRing(t)
	for _, p := range paths {
		for _, q := range queries {
			for _, query := range []string{
				q + "&expires_at=" + future + "&signed_by=2026a",
				"expires_at=" + future + "&signed_by=2026a&" + q,
				"signed_by=2026a&" + q + "&expires_at=" + future,
			} {
				agree(t, ring, p, strings.Trim(query, "&"))
			}
		}
	}
	for _, n := range []int{124, 125, 126, 127, 128} {
		agree(t, ring, "/x", "expires_at="+future+"&signed_by=2026a"+strings.Repeat("&z=1", n-2))
		many := "expires_at=" + future + "&signed_by=2026a"
		for i := range n - 2 {
			many += fmt.Sprintf("&p%03d=%d", (i*37)%100, i)
		}
		agree(t, ring, "/x", many)
	}
	for n := 8000; n < 8200; n++ {
		agree(t, ring, "/"+strings.Repeat("x", n-150), "expires_at="+future+"&signed_by=2026a")
	}
}

// The bytes that are signed keep apart what means different things.
func TestDifferentRequestsHaveDifferentSignedBytes(t *testing.T) {
	seen := map[string]string{}
	for _, p := range paths {
		for _, q := range queries {
			signed, ok := oracle(p, strings.Trim("expires_at="+future+"&signed_by=2026a&"+q, "&"))
			if !ok || strings.Contains(q, "signature=") || strings.Contains(q, "signed_under") || strings.Contains(q, "signed_ignore") {
				continue
			}
			meaning := fmt.Sprintf("%q %v", meaningOfPath(p), meaningOfQuery(q))
			if other, ok := seen[signed]; ok && other != meaning {
				t.Errorf("%q stands for %s and for %s", signed, other, meaning)
			}
			seen[signed] = meaning
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d texts were compared", len(seen))
	}
}

// seeds returns what the test vectors have under a name, for the fuzzers. A
// corpus that went missing must not pass in silence.
func seeds(f *testing.F, name string) (values []string) {
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil || len(files) < 100 {
		f.Fatalf("%d test vectors found: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if value, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), name+": "); ok && len(value) < 4096 {
				values = append(values, value)
			}
		}
	}
	if len(values) < 100 {
		f.Fatalf("only %d of %s in the test vectors", len(values), name)
	}
	return values
}

func FuzzPath(f *testing.F) {
	for _, p := range paths {
		f.Add(p)
	}
	for _, target := range seeds(f, "target") {
		path, _, _ := strings.Cut(target, "?")
		f.Add(path)
	}
	ring := testRing(f)
	f.Fuzz(func(t *testing.T, path string) {
		agree(t, ring, path, "expires_at="+future+"&signed_by=2026a")
		agree(t, ring, path, "expires_at="+future+"&signed_by=2026a&signed_under=%2Ffiles%2F")
		only := escapeAll("signed_only=" + escapeAll(path))
		agree(t, ring, path, "expires_at="+future+"&signed_by=2026a&signed_narrow="+only)
		agree(t, ring, path, "expires_at="+future+"&signed_by=2026a&signed_narrow="+only+"&signed_under=%2F")
	})
}

// FuzzStep fuzzes a step as its text, in a link that is spelled as a narrower
// spells it, in one that is not, and in a cookie.
func FuzzStep(f *testing.F) {
	for _, q := range queries {
		values, _ := url.ParseQuery(q)
		for _, step := range values["signed_narrow"] {
			f.Add("/files/kyc/card.jpg", step, "")
		}
	}
	for _, target := range seeds(f, "target") {
		if u, err := url.ParseRequestURI(target); err == nil && len(u.Query()["signed_narrow"]) > 0 {
			f.Add(u.EscapedPath(), u.Query().Get("signed_narrow"), "expires_at=1")
		}
	}
	ring := testRing(f)
	f.Fuzz(func(t *testing.T, path, step, second string) {
		narrow := "&signed_narrow=" + escapeAll(step)
		agree(t, ring, path, usual+narrow)
		agree(t, ring, path, usual+"&a=1"+strings.ReplaceAll(narrow, "%3D", "=")+"&signed_under=%2Ffiles%2F")
		if second != "" {
			narrow += "&signed_narrow=" + escapeAll(second)
		}
		agree(t, ring, path, usual+narrow)
		agreeCookie(t, ring, path, usual+narrow+"&signed_under=%2Ffiles%2F")
	})
}

func FuzzQuery(f *testing.F) {
	for _, q := range queries {
		f.Add("/files/card.jpg", strings.Trim("expires_at="+future+"&signed_by=2026a&"+q, "&"))
	}
	for _, target := range seeds(f, "target") {
		path, query, _ := strings.Cut(target, "?")
		query, _, _ = strings.Cut(query, "&signature=")
		f.Add(path, query)
	}
	ring := testRing(f)
	f.Fuzz(func(t *testing.T, path, query string) {
		if strings.Contains(query, "signature") {
			return
		}
		agree(t, ring, path, query)
	})
}

var _ middleware.Format = (*middleware.Keyring)(nil)
