package interop_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/gcs"
)

const gcsAccount = "signer@interop-test.iam.gserviceaccount.com"

// gcsCase is a link to an object, as the SDK is asked for it.
type gcsCase struct {
	name     string
	object   string // in the bucket "identity-cards"; "kyc/card.jpg" if empty
	options  storage.SignedURLOptions
	lifetime time.Duration // an hour if zero

	// What the same link is here.
	base   string // the URL of the bucket
	header http.Header
	claims middleware.Claims
}

var gcsCases = []gcsCase{
	{
		name:    "GET",
		options: storage.SignedURLOptions{Method: "GET"},
		base:    "https://storage.googleapis.com/identity-cards/",
	},
	{
		name:    "HEAD, for a second",
		options: storage.SignedURLOptions{Method: "HEAD"}, lifetime: time.Second,
		base: "https://storage.googleapis.com/identity-cards/",
	},
	{
		name:    "DELETE, for seven days",
		options: storage.SignedURLOptions{Method: "DELETE"}, lifetime: 7 * 24 * time.Hour,
		base: "https://storage.googleapis.com/identity-cards/",
	},
	{
		name: "a name with spaces, reserved characters and other scripts", object: "Führer schein/免許 😀/a+b=c&d;e%2Ff'(1)!*:@$,?#[].jpg",
		options: storage.SignedURLOptions{Method: "GET"},
		base:    "https://storage.googleapis.com/identity-cards/",
	},
	{
		name: "virtual-hosted style, with parameters",
		options: storage.SignedURLOptions{Method: "GET", Style: storage.VirtualHostedStyle(), QueryParameters: url.Values{
			"generation": {"1360887697105000"}, "userProject": {"a b/c+d"}, "empty": {""}, "twice": {"2", "1"},
		}},
		base: "https://identity-cards.storage.googleapis.com/",
	},
	{
		name: "a bucket-bound host, with a reply's name and type",
		options: storage.SignedURLOptions{Method: "GET", Style: storage.BucketBoundHostname("cdn.example.com"), QueryParameters: url.Values{
			"response-content-disposition": {"attachment; filename=card.jpg"}, "response-content-type": {"image/jpeg"},
		}},
		base:   "https://cdn.example.com/",
		claims: middleware.Claims{DownloadName: "card.jpg", ContentType: "image/jpeg"},
	},
	{
		name:    "a host with a port, which is not signed",
		options: storage.SignedURLOptions{Method: "GET", Hostname: "localhost:8080", Insecure: true},
		base:    "http://localhost:8080/identity-cards/",
	},
	{
		name: "PUT, with header fields",
		options: storage.SignedURLOptions{
			Method: "PUT", ContentType: "image/jpeg", MD5: "1B2M2Y8AsgTpgAmY7PhCfg==",
			Headers: []string{"x-goog-meta-owner: the  user\t7 ", "X-Goog-If-Generation-Match:0"},
		},
		base: "https://storage.googleapis.com/identity-cards/",
		header: http.Header{
			"Content-Type": {"image/jpeg"}, "Content-Md5": {"1B2M2Y8AsgTpgAmY7PhCfg=="},
			"X-Goog-Meta-Owner": {"the  user\t7"}, "X-Goog-If-Generation-Match": {"0"},
		},
	},
	{
		name:    "POST, to begin an upload",
		options: storage.SignedURLOptions{Method: "POST", Headers: []string{"x-goog-resumable:start"}},
		base:    "https://storage.googleapis.com/identity-cards/",
		header:  http.Header{"X-Goog-Resumable": {"start"}},
	},
}

// sdk signs with the SDK. It has no way to be told the time, and looks at the
// clock.
func (c gcsCase) sdk(t *testing.T) string {
	t.Helper()
	c.options.GoogleAccessID = gcsAccount
	c.options.PrivateKey = []byte(privatePEM(t, rsaKey()))
	c.options.Scheme = storage.SigningSchemeV4
	c.options.Expires = c.until()
	var link string
	at(t, issued, func(t *testing.T) {
		var err error
		if link, err = storage.SignedURL("identity-cards", c.path(), &c.options); err != nil {
			t.Fatal(err)
		}
	})
	return link
}

// here signs with this project.
func (c gcsCase) here(t *testing.T) *url.URL {
	t.Helper()
	key, err := gcs.NewServiceAccountKey(gcsAccount, rsaKey())
	if err != nil {
		t.Fatal(err)
	}
	f, err := gcs.New(key, &gcs.Options{Header: c.header})
	if err != nil {
		t.Fatal(err)
	}
	u := mustParse(t, c.base)
	u.Path += c.path()
	if c.claims.DownloadName == "" {
		u.RawQuery = c.options.QueryParameters.Encode()
	}
	c.claims.Methods = []string{c.options.Method}
	c.claims.NotBefore, c.claims.Expires = issued, c.until()
	return signURL(t, f, u.String(), c.claims)
}

func (c gcsCase) path() string {
	if c.object != "" {
		return c.object
	}
	return "kyc/card.jpg"
}

func (c gcsCase) until() time.Time {
	if c.lifetime > 0 {
		return issued.Add(c.lifetime)
	}
	return issued.Add(time.Hour)
}

func TestLinksOfTheStorageSDKAreVerified(t *testing.T) {
	key, err := gcs.NewServiceAccountPublicKey(gcsAccount, &rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	f, err := gcs.New(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range gcsCases {
		t.Run(tt.name, func(t *testing.T) {
			link{
				url: tt.sdk(t), method: tt.options.Method, header: tt.header,
				from: issued, until: tt.until(),
			}.check(t, f)
		})
	}
}

func TestSignMakesTheLinksOfTheStorageSDK(t *testing.T) {
	for _, tt := range gcsCases {
		t.Run(tt.name, func(t *testing.T) {
			here := tt.here(t)
			// The SDK sorts the signature, too, and writes a space as "+".
			here.RawQuery = here.Query().Encode()
			if diff := cmp.Diff(tt.sdk(t), here.String()); diff != "" {
				t.Errorf("another link than the SDK's (-SDK +Sign):\n%s", diff)
			}
		})
	}
}
