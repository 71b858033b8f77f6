package interop_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/cloudfront/sign"
	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

const cloudfrontKeyID = "K2JCJMDEHXQW5F"

// cloudfrontCase is what a link or a set of cookies is to open.
type cloudfrontCase struct {
	name     string
	url      string    // that is requested
	under    string    // a subtree; or
	resource string    // what a custom policy names; both "": the URL itself
	from     time.Time // DateGreaterThan
	client   string    // IpAddress
	cookies  bool
}

var cloudfrontCases = []cloudfrontCase{
	{name: "a canned policy", url: "https://d111111abcdef8.cloudfront.net/image.jpg"},
	{name: "a canned policy for a URL with a query and escapes", url: "https://d111111abcdef8.cloudfront.net/my%20file.pdf?title=a%20b&q=%E6%97%A5&x="},
	{name: "a canned policy for another port", url: "http://cdn.example.com:8080/a/b.jpg"},
	{
		name: "a custom policy with a start and an address", url: "https://d111111abcdef8.cloudfront.net/image.jpg?size=large",
		from: issued.Add(time.Minute), client: "198.51.100.7",
	},
	{
		name: "a custom policy for a subtree", url: "https://d111111abcdef8.cloudfront.net/videos/2026/a.ts",
		under: "/videos/",
	},
	{
		name: "a custom policy with wildcards", url: "https://d111111abcdef8.cloudfront.net/videos/2026/seg-0001.ts",
		resource: "https://d111111abcdef8.cloudfront.net/videos/*/seg-????.ts", from: issued,
	},
	{
		name: "a custom policy for both schemes", url: "https://d111111abcdef8.cloudfront.net/videos/2026/seg-0001.ts",
		resource: "http*://d111111abcdef8.cloudfront.net/*",
	},
	{
		name: "cookies for one URL", url: "https://d111111abcdef8.cloudfront.net/image.jpg",
		resource: "https://d111111abcdef8.cloudfront.net/image.jpg", cookies: true,
	},
	{
		name: "cookies for a subtree", url: "https://d111111abcdef8.cloudfront.net/videos/2026/a.ts",
		under: "/videos/", cookies: true,
	},
	{
		name: "cookies with a start and an address", url: "https://d111111abcdef8.cloudfront.net/videos/2026/a.ts",
		under: "/videos/", from: issued.Add(time.Minute), client: "198.51.100.7", cookies: true,
	},
	{
		name: "cookies for both schemes", url: "https://d111111abcdef8.cloudfront.net/videos/2026/a.ts",
		resource: "http*://d111111abcdef8.cloudfront.net/videos/*.ts", cookies: true,
	},
}

func (c cloudfrontCase) until() time.Time { return issued.Add(time.Hour) }

// signed returns what the policy is to name.
func (c cloudfrontCase) signed() string {
	switch origin, _ := split(c.url); {
	case c.resource != "":
		return c.resource
	case c.under != "":
		return origin + c.under + "*"
	}
	return c.url
}

// custom reports whether a canned policy does not do.
func (c cloudfrontCase) custom() bool {
	return c.signed() != c.url || !c.from.IsZero() || c.client != ""
}

// policy is the policy that the Go SDK makes.
func (c cloudfrontCase) policy() *sign.Policy {
	p := sign.NewCannedPolicy(c.signed(), c.until())
	condition := &p.Statements[0].Condition
	if !c.from.IsZero() {
		condition.DateGreaterThan = sign.NewAWSEpochTime(c.from)
	}
	if c.client != "" {
		condition.IPAddress = &sign.IPAddress{SourceIP: c.client + "/32"}
	}
	return p
}

// policyText is the text of the policy, as the Go SDK writes it.
func (c cloudfrontCase) policyText(t *testing.T) []byte {
	t.Helper()
	_, encoded, err := c.policy().Sign(rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	return cloudfrontDecode(t, string(encoded))
}

func cloudfrontDecode(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "=", "~", "/").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// goSDK signs with the Go SDK: a URL, or the value of a Cookie field.
func (c cloudfrontCase) goSDK(t *testing.T, key crypto.Signer) string {
	t.Helper()
	var link string
	var cookies []*http.Cookie
	var err error
	switch {
	case c.cookies && c.custom():
		cookies, err = sign.NewCookieSigner(cloudfrontKeyID, rsaKey()).SignWithPolicy(c.policy())
	case c.cookies:
		cookies, err = sign.NewCookieSigner(cloudfrontKeyID, rsaKey()).Sign(c.signed(), c.until())
	case c.custom():
		link, err = sign.NewURLSigner(cloudfrontKeyID, key).SignWithPolicy(c.url, c.policy())
	default:
		link, err = sign.NewURLSigner(cloudfrontKeyID, key).Sign(c.url, c.until())
	}
	if err != nil {
		t.Fatal(err)
	}
	return link + cookieField(cookies)
}

// jsSDK is a job that signs with the JavaScript SDK. The policy is the SDK's
// own, if none is given.
func (c cloudfrontCase) jsSDK(t *testing.T, key any, algorithm string, policy []byte) jsJob {
	t.Helper()
	input := map[string]any{"keyPairId": cloudfrontKeyID, "privateKey": privatePEM(t, key), "algorithm": algorithm}
	switch {
	case policy != nil:
		input["policy"] = string(policy)
	case c.signed() != c.url:
		// The SDK has no other way to say wildcards: it would put them into a
		// canned policy, where they mean themselves.
		input["policy"] = string(c.policyText(t))
	default:
		input["dateLessThan"] = c.until()
		if !c.from.IsZero() {
			input["dateGreaterThan"] = c.from
		}
		if c.client != "" {
			input["ipAddress"] = c.client
		}
	}
	if c.cookies {
		input["url"] = c.signed() // not looked at if there is a policy
		return jsJob{"cloudfrontCookies", input}
	}
	input["url"] = c.url
	return jsJob{"cloudfrontURL", input}
}

// here signs with this project.
func (c cloudfrontCase) here(t *testing.T, key crypto.Signer, o cloudfront.Options) string {
	t.Helper()
	signing, err := cloudfront.NewKey(cloudfrontKeyID, key)
	if err != nil {
		t.Fatal(err)
	}
	f := c.format(t, signing, o)
	claims := middleware.Claims{Expires: c.until(), NotBefore: c.from, Under: c.under}
	if c.client != "" {
		claims.Networks = []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(c.client), 32)}
	}
	var cookies []*http.Cookie
	switch {
	case c.cookies && c.under != "":
		cookies, err = f.SignCookies("", claims)
	case c.cookies:
		cookies, err = f.SignResourceCookies(c.resource, claims)
	case c.resource != "":
		u, err := f.SignResource(mustParse(t, c.url), c.resource, claims)
		if err != nil {
			t.Fatal(err)
		}
		return u.String()
	default:
		return signURL(t, f, c.url, claims).String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cookieField(cookies)
}

func (c cloudfrontCase) format(t *testing.T, key cloudfront.Key, o cloudfront.Options) *cloudfront.Format {
	t.Helper()
	o.Cookies = c.cookies
	origin, _ := split(c.url)
	f, err := cloudfront.New(origin, key, &o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// check holds a verifier, which has no more than the public key, against what
// an SDK signed.
func (c cloudfrontCase) check(t *testing.T, signed string, key crypto.Signer, o cloudfront.Options) {
	t.Helper()
	public, err := cloudfront.NewPublicKey(cloudfrontKeyID, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	l := link{
		url: signed, from: c.from, until: c.until(), client: c.client,
		anyURL: strings.Contains(c.signed(), "*"),
	}
	if c.cookies {
		l.url, l.header = c.url, http.Header{"Cookie": {signed}}
	}
	l.check(t, c.format(t, public, o))
}

// terms returns what was signed, in parts: the parameters, or the cookies.
func (c cloudfrontCase) terms(t *testing.T, signed string) map[string]string {
	t.Helper()
	terms := make(map[string]string)
	pairs := strings.Split(signed, "; ")
	if !c.cookies {
		pairs = strings.Split(mustParse(t, signed).RawQuery, "&")
	}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		terms[strings.TrimPrefix(name, "CloudFront-")] = value
	}
	return terms
}

func cookieField(cookies []*http.Cookie) string {
	var pairs []string
	for _, c := range cookies {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

func TestLinksOfTheCloudFrontSDKForGoAreVerified(t *testing.T) {
	for _, tt := range cloudfrontCases {
		t.Run(tt.name+" with RSA", func(t *testing.T) {
			tt.check(t, tt.goSDK(t, rsaKey()), rsaKey(), cloudfront.Options{InsecureAllowSHA1: true})
		})
		if tt.cookies {
			continue // the SDK signs cookies with RSA only
		}
		t.Run(tt.name+" with ECDSA", func(t *testing.T) {
			tt.check(t, tt.goSDK(t, ecdsaKey()), ecdsaKey(), cloudfront.Options{InsecureAllowSHA1: true})
		})
	}
}

func TestSignMakesTheLinksOfTheCloudFrontSDKForGo(t *testing.T) {
	for _, tt := range cloudfrontCases {
		t.Run(tt.name, func(t *testing.T) {
			here := tt.here(t, rsaKey(), cloudfront.Options{InsecureSignSHA1: true})
			if diff := cmp.Diff(tt.goSDK(t, rsaKey()), here); diff != "" {
				t.Errorf("another link than the SDK's (-SDK +Sign):\n%s", diff)
			}
		})
	}
}

func TestLinksOfTheCloudFrontSDKForJavaScriptAreVerified(t *testing.T) {
	var jobs []jsJob
	var names []string
	var checks []func(t *testing.T, signed string)
	for _, tt := range cloudfrontCases {
		for _, key := range []crypto.Signer{rsaKey(), ecdsaKey()} {
			for _, hash := range []string{"SHA1", "SHA256"} {
				jobs = append(jobs, tt.jsSDK(t, key, hash, nil))
				names = append(names, fmt.Sprintf("%s with %T and %s", tt.name, key, hash))
				checks = append(checks, func(t *testing.T, signed string) {
					tt.check(t, signed, key, cloudfront.Options{InsecureAllowSHA1: hash == "SHA1"})
				})
			}
		}
	}
	for i, signed := range runJS(t, jobs) {
		t.Run(names[i], func(t *testing.T) { checks[i](t, signed) })
	}
}

// The SDK for JavaScript writes the members of its own policies in another
// order. So it is given the text of ours, except where a canned policy does.
func TestSignMakesTheLinksOfTheCloudFrontSDKForJavaScript(t *testing.T) {
	var jobs []jsJob
	var here []string
	for _, tt := range cloudfrontCases {
		signed := tt.here(t, rsaKey(), cloudfront.Options{})
		var policy []byte
		if text, ok := tt.terms(t, signed)["Policy"]; ok {
			policy = cloudfrontDecode(t, text)
			if !json.Valid(policy) {
				t.Fatalf("%s: the policy is no JSON: %s", tt.name, policy)
			}
		}
		jobs = append(jobs, tt.jsSDK(t, rsaKey(), "SHA256", policy))
		here = append(here, signed)
	}
	for i, signed := range runJS(t, jobs) {
		tt := cloudfrontCases[i]
		t.Run(tt.name, func(t *testing.T) {
			if !tt.cookies {
				if diff := cmp.Diff(signed, here[i]); diff != "" {
					t.Errorf("another link than the SDK's (-SDK +Sign):\n%s", diff)
				}
			}
			// Cookies have no order.
			if diff := cmp.Diff(tt.terms(t, signed), tt.terms(t, here[i])); diff != "" {
				t.Errorf("other terms than the SDK's (-SDK +Sign):\n%s", diff)
			}
		})
	}
}

// No two ECDSA signatures of an SDK are equal, so that there is nothing to
// compare ours with. The text is the one that the Go SDK signs.
func TestOpenSSLVerifiesWhatSignMakesForCloudFront(t *testing.T) {
	var jobs []jsJob
	var names, want []string
	for _, tt := range cloudfrontCases {
		for _, algorithm := range []string{"SHA1", "SHA256"} {
			signed := tt.here(t, ecdsaKey(), cloudfront.Options{InsecureSignSHA1: algorithm == "SHA1"})
			signature := cloudfrontDecode(t, tt.terms(t, signed)["Signature"])
			text := tt.policyText(t)
			for verdict, text := range map[string][]byte{"true": text, "false": append(text, ' ')} {
				jobs = append(jobs, jsJob{"verify", map[string]any{
					"algorithm": algorithm, "key": publicPEM(t, ecdsaKey().Public()),
					"text": text, "signature": signature,
				}})
				names = append(names, tt.name+" with "+algorithm)
				want = append(want, verdict)
			}
		}
	}
	for i, got := range runJS(t, jobs) {
		if got != want[i] {
			t.Errorf("%s: OpenSSL says %s, want %s", names[i], got, want[i])
		}
	}
}
