package cloudfront_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

// vector is a link that an SDK made. See the SDK's name in Version.
type vector struct {
	Version   string
	Case      string
	Key       string `json:"secret_or_key"`
	PublicKey string `json:"public_key"`
	Input     struct {
		Hash      string
		KeyPairID string `json:"key_pair_id"`
	}
	Expires   int64
	NotBefore *int64 `json:"not_before"`
	Signed    any
	Canonical string
	ValidAt   []int64           `json:"valid_at"`
	InvalidAt []int64           `json:"invalid_at"`
	Others    map[string]string `json:"other_implementations"`
	Mutations []struct {
		Name     string
		Signed   string
		Verifies bool `json:"signature_verifies"`
	} `json:"crypto_mutations"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/cloudfront.json")
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(data, &vs); err != nil {
		t.Fatal(err)
	}
	if len(vs) < 48 {
		t.Fatalf("%d vectors; some are missing", len(vs))
	}
	return vs
}

// format returns a format for the vector's public key.
func (v *vector) format(t *testing.T, origin string, opts cloudfront.Options) (*cloudfront.Format, error) {
	t.Helper()
	key, err := cloudfront.ParseKey(v.Input.KeyPairID, []byte(v.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return cloudfront.New(origin, key, &opts)
}

// split cuts an absolute URL into its origin and the target of a request.
func split(link string) (origin, target string) {
	link, _, _ = strings.Cut(link, "#") // clients keep the fragment
	i := strings.Index(link, "://") + len("://")
	end := len(link)
	if j := strings.IndexAny(link[i:], "/?"); j >= 0 {
		end = i + j
	}
	origin, target = link[:end], link[end:]
	if !strings.HasPrefix(target, "/") {
		target = "/" + target // as clients send it
	}
	return origin, target
}

// get reads a request off the wire, as a server does.
func get(t *testing.T, origin, target string) *http.Request {
	t.Helper()
	_, host, _ := strings.Cut(origin, "://")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.9:1234"
	return r
}

// verify lets a Verifier decide about a request at a time.
func verify(t *testing.T, f middleware.Format, r *http.Request, at int64) (l middleware.Link, err error) {
	t.Helper()
	v := newVerifier(t, f, nil)
	if at < time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix() {
		// No bubble reaches that far back: judge the claims.
		e := v.Explain(r)
		l = e.Link
		if l.Expires.IsZero() {
			return l, e.Err
		}
		if at >= l.Expires.Unix() {
			return l, middleware.ErrExpired
		}
		return l, nil
	}
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(at, 0)))
		l, err = v.Verify(r)
	})
	return l, err
}

// refusedOnPurpose are the links of the vectors that are refused although
// their signature is right, or whose valid_at is empty.
var refusedOnPurpose = map[string]string{
	"canned: unicode URL (Go refuses)/botocore":                             "signed over bytes that no client sends",
	"canned: reserved query parameter Expires in URL (Go refuses)/js":       "Expires twice",
	"canned: reserved query parameter Expires in URL (Go refuses)/signed":   "Expires twice",
	"canned: reserved query parameter Expires in URL (Go refuses)/botocore": "Expires twice",
	"canned: Hash-Algorithm in URL/signed":                                  "signed over a URL with a parameter of the format",
	"canned: Hash-Algorithm in URL/js":                                      "signed over a URL with a parameter of the format",
	"canned: Hash-Algorithm in URL/botocore":                                "signed over a URL with a parameter of the format",
	"custom: policy bytes giving + / = in base64/js":                        "the SDK spells the URL in another way than the policy",
	"custom: policy bytes giving + / = in base64/js_SHA256":                 "the SDK spells the URL in another way than the policy",
}

func TestLinksOfTheSDKsAreVerified(t *testing.T) {
	for _, v := range vectors(t) {
		links := map[string]string{}
		for name, link := range v.Others {
			links[name] = link
		}
		if link, ok := v.Signed.(string); ok {
			links["signed"] = link
		}
		for name, link := range links {
			t.Run(v.Case+"/"+name, func(t *testing.T) {
				origin, target := split(link)
				if strings.ContainsFunc(target, func(r rune) bool { return r >= 0x80 }) {
					target = (&url.URL{Path: target[:strings.IndexByte(target, '?')]}).EscapedPath() + target[strings.IndexByte(target, '?'):]
				}
				f, err := v.format(t, origin, cloudfront.Options{InsecureAllowSHA1: true})
				if err != nil {
					t.Fatal(err)
				}
				r := get(t, origin, target)
				if strings.Contains(v.Canonical, "203.0.113.7") {
					r.RemoteAddr = "203.0.113.7:1234"
				}
				if why := refusedOnPurpose[v.Case+"/"+name]; why != "" {
					if _, err := verify(t, f, r, v.Expires-1); !errors.Is(err, middleware.ErrInvalid) {
						t.Errorf("got %v, want it refused: %s", err, why)
					}
					return
				}
				if len(v.ValidAt) == 0 {
					t.Fatal("the vector says that the link is never valid")
				}
				v.judge(t, f, r)
				e := newVerifier(t, f, nil).Explain(r)
				if diff := cmp.Diff(v.Canonical, e.Signed); name == "signed" && diff != "" {
					t.Errorf("the explanation shows another policy (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// judge lets a Verifier decide at the times that the vector names, and
// compares the claims.
func (v *vector) judge(t *testing.T, f middleware.Format, r *http.Request) {
	t.Helper()
	for _, at := range v.ValidAt {
		c, err := verify(t, f, r, at)
		if err != nil {
			t.Errorf("at %d: %v", at, err)
		}
		if c.Expires.Unix() != v.Expires || c.KeyID != v.Input.KeyPairID {
			t.Errorf("at %d: expires %d and is signed by %s, want %d and %s", at, c.Expires.Unix(), c.KeyID, v.Expires, v.Input.KeyPairID)
		}
		if v.NotBefore != nil && c.NotBefore.Unix() != *v.NotBefore {
			t.Errorf("at %d: not before %d, want %d", at, c.NotBefore.Unix(), *v.NotBefore)
		}
	}
	for _, at := range v.InvalidAt {
		if _, err := verify(t, f, r, at); !errors.Is(err, middleware.ErrExpired) {
			t.Errorf("at %d: got %v, want %v", at, err, middleware.ErrExpired)
		}
	}
}

func TestCookiesOfTheSDKsAreVerified(t *testing.T) {
	// The URL that is requested if the Resource has wildcards.
	targets := map[string]string{
		"https://d111111abcdef8.cloudfront.net/videos/*": "https://d111111abcdef8.cloudfront.net/videos/1/a.ts?x=1",
		"https://d111111abcdef8.cloudfront.net/*":        "https://d111111abcdef8.cloudfront.net/a",
		"http*://d111111abcdef8.cloudfront.net/a":        "https://d111111abcdef8.cloudfront.net/a",
		"http*://*.example.com/*":                        "http://cdn.example.com/a/b",
		"*":                                              "http://anything.example/a",
		"https://d111111abcdef8.cloudfront.net/a?":       "https://d111111abcdef8.cloudfront.net/ab",
	}
	n := 0
	for _, v := range vectors(t) {
		if !strings.HasPrefix(v.Case, "cookie") {
			continue
		}
		cookies, ok := v.Signed.(map[string]any)
		if !ok {
			continue // the SDK refused to sign
		}
		n++
		t.Run(v.Case, func(t *testing.T) {
			_, link := v.claims(t)
			if target, ok := targets[link]; ok {
				link = target
			}
			origin, target := split(link)
			r := get(t, origin, target)
			for name, value := range cookies {
				if seconds, ok := value.(float64); ok {
					value = strconv.FormatInt(int64(seconds), 10)
				}
				r.AddCookie(&http.Cookie{Name: name, Value: value.(string)})
			}
			if strings.Contains(v.Canonical, "203.0.113.7") {
				r.RemoteAddr = "203.0.113.7:1234"
			}
			f, err := v.format(t, origin, cloudfront.Options{InsecureAllowSHA1: true, Cookies: true})
			if err != nil {
				t.Fatal(err)
			}
			v.judge(t, f, r)
			if c, _ := verify(t, f, r, v.ValidAt[0]); !c.FromCookie {
				t.Error("the claims do not say that they came in cookies")
			}
			f, _ = v.format(t, origin, cloudfront.Options{InsecureAllowSHA1: true})
			if _, err := verify(t, f, r, v.ValidAt[0]); !errors.Is(err, middleware.ErrUnsigned) {
				t.Errorf("without the option: got %v, want %v", err, middleware.ErrUnsigned)
			}
		})
	}
	if n < 14 {
		t.Errorf("%d sets of cookies; some are missing", n)
	}
}

// stricter are the alterations after which the signature still verifies, but
// that are refused.
var stricter = map[string]string{
	"canned: simple/sig-duplicated-bad-then-good":                                  "Signature twice",
	"canned: simple/param-removed":                                                 "no Key-Pair-Id",
	"canned: simple/param-value-appended":                                          "another Key-Pair-Id",
	"canned: percent-encoded space in path and query/sig-duplicated-bad-then-good": "Signature twice",
}

func TestAlteredLinksAreJudgedAsByTheirSignature(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		for _, m := range v.Mutations {
			n++
			t.Run(v.Case+"/"+m.Name, func(t *testing.T) {
				// A verifier that has the altered origin must refuse, or not be
				// made at all.
				origin, target := split(m.Signed)
				f, err := v.format(t, origin, cloudfront.Options{InsecureAllowSHA1: true})
				if err == nil {
					_, err = verify(t, f, get(t, origin, target), v.Expires-1)
				}
				want := m.Verifies && stricter[v.Case+"/"+m.Name] == ""
				if (err == nil) != want {
					t.Errorf("got %v, want accepted: %t", err, want)
				}
				// And so must one that has the signer's, unless the request is
				// the same there.
				signers, signed := split(v.Signed.(string))
				f, err = v.format(t, signers, cloudfront.Options{InsecureAllowSHA1: true})
				if err != nil {
					t.Fatal(err)
				}
				same := map[string]bool{"scheme-swapped": true, "host-uppercased": true, "port-added-default": true}[m.Name] && target == signed
				if _, err = verify(t, f, get(t, origin, target), v.Expires-1); (err == nil) != (want || same) {
					t.Errorf("by the signer's origin: got %v, want accepted: %t", err, want || same)
				}
			})
		}
	}
	if n < 94 {
		t.Errorf("%d alterations; some are missing", n)
	}
}

// unsigned strips the format's parameters from a link.
func unsigned(link string) string {
	base, query, _ := strings.Cut(link, "?")
	var own []string
	for part := range strings.SplitSeq(query, "&") {
		switch name, _, _ := strings.Cut(part, "="); name {
		case "Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm":
		default:
			own = append(own, part)
		}
	}
	if own == nil {
		return base
	}
	return base + "?" + strings.Join(own, "&")
}

// claims returns the claims with which Sign makes the vector's policy, and the
// Resource.
func (v *vector) claims(t *testing.T) (c middleware.Claims, resource string) {
	t.Helper()
	c.Expires = time.Unix(v.Expires, 0)
	if v.NotBefore != nil {
		c.NotBefore = time.Unix(*v.NotBefore, 0)
	}
	var p struct {
		Statement []struct {
			Resource  string
			Condition struct{ IpAddress map[string]netip.Prefix }
		}
	}
	if err := json.Unmarshal([]byte(v.Canonical), &p); err != nil {
		t.Fatal(err)
	}
	if n, ok := p.Statement[0].Condition.IpAddress["AWS:SourceIp"]; ok {
		c.Networks = []netip.Prefix{n}
	}
	return c, p.Statement[0].Resource
}

// otherOrder are the policies whose members are not in the order of the Go SDK,
// in which Sign writes them.
var otherOrder = map[string]bool{
	"custom: JS SDK bare IP becomes /32": true,
	"custom: members in another order":   true,
}

// signer returns a format that signs as the vector's SDK does.
func (v *vector) signer(t *testing.T, origin string) *cloudfront.Format {
	t.Helper()
	key, err := cloudfront.ParseKey(v.Input.KeyPairID, []byte(v.Key))
	if err != nil {
		t.Fatal(err)
	}
	f, err := cloudfront.New(origin, key, &cloudfront.Options{InsecureSignSHA1: v.Input.Hash == "SHA1"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSignMakesTheLinksOfTheSDKs(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		c, resource := v.claims(t)
		link, ok := v.Signed.(string)
		if !ok || len(v.ValidAt) == 0 || otherOrder[v.Case] {
			continue
		}
		n++
		t.Run(v.Case, func(t *testing.T) {
			// The JavaScript SDK first re-spells a URL, and signs that.
			u, err := url.Parse(unsigned(link))
			if err != nil {
				t.Fatal(err)
			}
			origin, _ := split(link)
			f := v.signer(t, origin)
			want := link
			if strings.HasPrefix(v.Version, "@aws-sdk") && v.Input.Hash == "SHA1" {
				want = goOrder(want)
			}
			check := func(signed *url.URL, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				got, want := signed.String(), want
				if strings.HasPrefix(v.Case, "ECDSA") {
					// The SDK's signatures are another one each time.
					got, want = signatureValue.ReplaceAllString(got, "any"), signatureValue.ReplaceAllString(want, "any")
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("not the link of the SDK (-want +got):\n%s", diff)
				}
			}
			if !strings.Contains(link, "Policy=") {
				check(f.Sign(u, c))
				return
			}
			check(f.SignResource(u, resource, c))
			// Sign makes the same, where its claims say as much.
			switch under, ok := strings.CutPrefix(resource, origin); {
			case ok && strings.HasSuffix(under, "/*"):
				c.Under = strings.TrimSuffix(under, "*")
				check(f.Sign(u, c))
			case resource == u.String() && c.Networks != nil:
				check(f.Sign(u, c))
			}
		})
	}
	if n < 28 {
		t.Errorf("%d links were made; some are missing", n)
	}
}

var signatureValue = regexp.MustCompile(`\b[A-Za-z0-9_~-]{60,}`)

// goOrder brings the parameters of a link into the order of the Go SDK.
func goOrder(link string) string {
	id, signature := strings.Index(link, "&Key-Pair-Id="), strings.Index(link, "&Signature=")
	return link[:id] + link[signature:] + link[id:signature]
}

func TestSignResourceCookiesMakesTheCookiesOfTheSDKs(t *testing.T) {
	n := 0
	for _, v := range vectors(t) {
		c, resource := v.claims(t)
		want, ok := v.Signed.(map[string]any)
		if !ok {
			continue
		}
		n++
		t.Run(v.Case, func(t *testing.T) {
			f := v.signer(t, origin)
			check := func(cookies []*http.Cookie, err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]any{}
				for _, cookie := range cookies {
					got[cookie.Name] = cookie.Value
				}
				if expires, ok := want["CloudFront-Expires"]; ok {
					// The JavaScript SDK does not send a canned policy, where
					// the Go SDK does.
					got["CloudFront-Expires"] = expires
					delete(got, "CloudFront-Policy")
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("not the cookies of the SDK (-want +got):\n%s", diff)
				}
			}
			check(f.SignResourceCookies(resource, c))
			if under, ok := strings.CutPrefix(resource, origin); ok && strings.HasSuffix(under, "/*") {
				c.Under = strings.TrimSuffix(under, "*")
				check(f.SignCookies("", c))
			}
		})
	}
	if n < 14 {
		t.Errorf("%d sets of cookies were made; some are missing", n)
	}
}
