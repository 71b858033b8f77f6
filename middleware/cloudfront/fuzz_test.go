package cloudfront_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
	"example.com/signedurl/middleware/internal/formattest"
)

// lenient is a policy as encoding/json reads it, which is how most readers do.
type lenient struct {
	Statement []struct {
		Resource  *string
		Condition struct {
			DateLessThan *struct {
				Time json.Number `json:"AWS:EpochTime"`
			}
			DateGreaterThan *struct {
				Time json.Number `json:"AWS:EpochTime"`
			}
			IpAddress *struct {
				Source string `json:"AWS:SourceIp"`
			}
		}
	}
}

// What is accepted as a policy means the same to every reader of JSON: to one
// that is lenient, to one that is not, and to this package when it writes it
// down itself.
func FuzzPolicy(f *testing.F) {
	for _, text := range goodPolicies {
		f.Add([]byte(text))
	}
	for _, text := range badPolicies {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, ok := cloudfront.ParsePolicy(text)
		if !ok {
			return
		}
		var l lenient
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil || len(l.Statement) != 1 {
			t.Fatalf("%q is accepted, and no policy to encoding/json: %v", text, err)
		}
		s, again := l.Statement[0], cloudfront.Policy{}
		if s.Resource != nil {
			again.Resource, again.HasResource = *s.Resource, true
		}
		again.Expires, _ = s.Condition.DateLessThan.Time.Int64()
		if c := s.Condition.DateGreaterThan; c != nil {
			again.NotBefore, _ = c.Time.Int64()
			again.HasStart = true
		}
		if c := s.Condition.IpAddress; c != nil {
			source := c.Source
			if !strings.Contains(source, "/") {
				source += "/32"
			}
			n, err := netip.ParsePrefix(source)
			if err != nil {
				t.Fatalf("%q is accepted, and has no network: %v", text, err)
			}
			again.Network, again.HasNetwork = n.Masked(), true
		}
		if diff := cmp.Diff(again, p, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
			t.Fatalf("%q means another thing to encoding/json (-json +got):\n%s", text, diff)
		}
		if twice(t, json.NewDecoder(bytes.NewReader(text))) {
			t.Fatalf("%q is accepted, and has a member twice", text)
		}
		if p.HasResource {
			back, ok := cloudfront.ParsePolicy(p.Encode())
			if diff := cmp.Diff(p, back, cmpopts.EquateComparable(netip.Prefix{})); !ok || diff != "" {
				t.Fatalf("%q is written as %q, and read: %t (-want +got):\n%s", text, p.Encode(), ok, diff)
			}
		}
	})
}

// twice reports whether an object of a JSON text has two members whose names
// differ in case at most.
func twice(t *testing.T, d *json.Decoder) bool {
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for d.More() {
		if token == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			key := strings.ToLower(name.(string))
			if seen[key] {
				return true
			}
			seen[key] = true
		}
		if twice(t, d) {
			return true
		}
	}
	if _, open := token.(json.Delim); open {
		d.Token()
	}
	return false
}

// oracle is a slow covers: it makes regular expressions of the sections, and
// tries every place where the query may begin.
func oracle(resource, scheme, host, path, query string, hasQuery bool) bool {
	link := func(path string) string {
		if hasQuery {
			return scheme + "://" + host + path + "?" + query
		}
		return scheme + "://" + host + path
	}
	if resource == link(path) || (path == "/" && resource == link("")) {
		return true
	}
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		return false
	}
	match := func(pattern, s string) bool {
		e := regexp.QuoteMeta(pattern)
		e = strings.NewReplacer(`\\\?`, `\?`, `\*`, `.*`, `\?`, `.`).Replace(e)
		return regexp.MustCompile(`^(?:` + e + `)$`).MatchString(s)
	}
	parts := regexp.MustCompile(`^(?:([^/]*?)://)?([^/]*)(/.*)?$`).FindStringSubmatch(resource)
	if parts == nil {
		return false
	}
	protocol, domain, tail := parts[1], parts[2], parts[3]
	if !strings.Contains(resource, "://") || strings.Contains(resource[:strings.Index(resource, "://")], "/") {
		if !strings.HasPrefix(resource, "*") {
			return false
		}
		protocol = "*"
	}
	if !match(protocol, scheme) || !match(domain, host) {
		return false
	}
	switch {
	case tail == "" && strings.HasSuffix(domain, "*"):
		tail = "/*"
	case tail == "":
		tail = "/"
	}
	if before, after, ok := strings.Cut(tail, `\?`); ok {
		return match(before, path) && match(after, query)
	}
	before, after, mark := strings.Cut(tail, "?")
	equals := strings.IndexByte(after, '=')
	for i := range tail {
		beforeEquals := equals < 0 || i < len(before)+1+equals
		if hasQuery && tail[i] == '?' && beforeEquals && match(tail[:i], path) && match(tail[i+1:], query) {
			return true
		}
	}
	if mark && equals >= 0 {
		return false
	}
	return (!hasQuery || strings.HasSuffix(tail, "*")) && match(tail, path)
}

// A Resource opens exactly what the slow way says.
func FuzzResource(f *testing.F) {
	for _, seed := range [][3]string{
		{"https://e.example/a?x=1", "/a", "x=1"},
		{"https://e.example/seg-???.ts", "/seg-001.ts", ""},
		{`https://e.example/i?.jpg\?size=*`, "/i1.jpg", "size=5"},
		{"https://e.example/~~~???>>>*", "/~~~", "??>>>.jpg"},
		{"http*://*.example/*a*b", "/aab", ""},
		{"*", "/", "x"},
		{"*e.example", "/", ""},
		{"https://e.example*", "/a", "b"},
		{"*.example/go?to=https://b/", "/go", "to=https://b/"},
		{"https://e.example?x", "/", "x"},
		{"https://e.example/u/*/x", "/u//x", ""},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[2] != "")
	}
	f.Fuzz(func(t *testing.T, resource, path, query string, hasQuery bool) {
		if !cloudfront.ValidResource(resource) || len(resource)+len(path)+len(query) > 1000 {
			return
		}
		// What Authenticate lets through, made into such.
		u, err := url.Parse("/" + path)
		if err != nil || u.Host != "" || strings.Contains(u.Path, "..") || strings.Contains(u.Path, "/.") || strings.ContainsAny(u.Path, "\x00\\\x7f") || strings.ContainsAny(u.EscapedPath(), `*%`) {
			return
		}
		path = u.EscapedPath()
		query = url.PathEscape(query)
		query = strings.NewReplacer("%3F", "?", "%3D", "=", "%2F", "/", "%26", "&").Replace(query)
		hasQuery = hasQuery || query != ""
		_, got := cloudfront.Covers(resource, "https", "e.example", path, query, hasQuery)
		if want := oracle(resource, "https", "e.example", path, query, hasQuery); got != want {
			t.Errorf("Resource %q, path %q, query %q (%t): got %t, want %t", resource, path, query, hasQuery, got, want)
		}
	})
}

// What Sign made verifies, and says what it was told; and no byte of its path,
// query or policy can be changed.
func FuzzSign(f *testing.F) {
	f.Add("/a.jpg", "", int64(0), 0)
	f.Add("/a/b", "x=1&y", int64(1699999999), 3)
	f.Add("/%C3%A9//x", "a=%zz;&", int64(1), 40)
	f.Add("/", "Expires=1", int64(0), 7)
	format := testFormat(f, nil)
	f.Fuzz(func(t *testing.T, path, query string, start int64, at int) {
		u, err := url.Parse(path)
		if err != nil {
			return
		}
		u.RawQuery = query
		c := middleware.Claims{Expires: expires}
		if start > 0 && start < expires.Unix() {
			c.NotBefore = time.Unix(start, 0)
		}
		signed, err := format.Sign(u, c)
		if err != nil {
			return
		}
		target := signed.EscapedPath() + "?" + signed.RawQuery
		if signed.EscapedPath() == "" {
			target = "/" + target
		}
		got, err := format.Authenticate(request(target))
		c.Host = host
		want := middleware.Link{Claims: c, KeyID: "K1"}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); err != nil || diff != "" {
			t.Fatalf("%s: %v, claims (-want +got):\n%s", target, err, diff)
		}
		if i := at % len(target); i > 0 {
			changed := target[:i] + string(target[i]^1) + target[i+1:]
			inSignature := strings.Index(target, "Signature=") < i && i < strings.Index(target, "&Hash-Algorithm")
			if got, err := format.Authenticate(request(changed)); err == nil && !inSignature {
				t.Errorf("%s was signed, and %s accepted with %+v", target, changed, got)
			} else if err != nil && !errors.Is(err, middleware.ErrInvalid) && !errors.Is(err, middleware.ErrUnsigned) {
				t.Errorf("%s: the error %v is none of the two", changed, err)
			}
		}
	})
}

// Whatever comes, Authenticate returns one of two errors or claims that it was
// given a signature for, of which there is none here.
func FuzzAuthenticate(f *testing.F) {
	good := sign(f, testFormat(f, nil), "/a?x=1", middleware.Claims{Expires: expires})
	f.Add("/a", good.RawQuery, "")
	f.Add("/a", "", "CloudFront-Policy="+encode([]byte(goodPolicies["the canned one"]))+"; CloudFront-Signature=AAAA; CloudFront-Key-Pair-Id=K1; CloudFront-Hash-Algorithm=SHA256")
	f.Add("/a", "Expires=1&Expires=2&%53ignature", "CloudFront-Expires=1;CloudFront-Expires=2;;=;CloudFront-")
	key, err := cloudfront.NewPublicKey("K1", generateECDSA(f, elliptic.P256()).Public())
	if err != nil {
		f.Fatal(err)
	}
	format, err := cloudfront.New(origin, key, &cloudfront.Options{Cookies: true, InsecureAllowSHA1: true, InsecureAllowNoResource: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, query, cookie string) {
		r := request(path)
		r.RawQuery = query
		r.Header["Cookie"] = []string{cookie}
		_, err := format.Authenticate(r)
		if !errors.Is(err, middleware.ErrInvalid) && !errors.Is(err, middleware.ErrUnsigned) {
			t.Errorf("path %q, query %q, cookie %q: got %v", path, query, cookie, err)
		}
	})
}

func TestEveryClaimIsCarriedOrRefused(t *testing.T) {
	formattest.Claims(t, testFormat(t, &cloudfront.Options{Cookies: true}), origin, middleware.Claims{Expires: expires})
	formattest.Claims(t, testFormat(t, &cloudfront.Options{Cookies: true, AnyHost: true}), "", middleware.Claims{Expires: expires})
}

func TestSignRefusesPathsWithTwoMeanings(t *testing.T) {
	formattest.Paths(t, testFormat(t, nil), origin, middleware.Claims{Expires: expires})
}

func FuzzVerifierAcceptsWhatSignSigns(f *testing.F) {
	formattest.FuzzSign(f, testFormat(f, &cloudfront.Options{Cookies: true}), origin, func() middleware.Claims {
		return middleware.Claims{Expires: time.Now().Add(time.Hour)}
	})
}
