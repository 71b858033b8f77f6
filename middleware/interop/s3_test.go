package interop_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/s3"
)

var s3Credentials = aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}

// s3Case is a link to an object, as the SDKs are asked for it.
type s3Case struct {
	name     string
	method   string // GET if empty
	object   string // in the bucket "identity-cards"; "kyc/card.jpg" if empty
	lifetime time.Duration
	region   string
	endpoint string // of another server than Amazon's, in path style
	token    string // of the session

	contentType string            // of what is stored
	response    middleware.Claims // of what is fetched

	base string // the URL of the bucket
}

var s3Cases = []s3Case{
	{
		name: "GET", lifetime: time.Hour, region: "us-east-1",
		base: "https://identity-cards.s3.us-east-1.amazonaws.com/",
	},
	{
		name: "HEAD, for a second", method: "HEAD", lifetime: time.Second, region: "eu-central-1",
		base: "https://identity-cards.s3.eu-central-1.amazonaws.com/",
	},
	{
		name: "DELETE, for seven days", method: "DELETE", lifetime: 7 * 24 * time.Hour, region: "us-east-1",
		base: "https://identity-cards.s3.us-east-1.amazonaws.com/",
	},
	{
		name: "PUT, with a content type", method: "PUT", lifetime: time.Hour, region: "us-east-1",
		contentType: "image/jpeg",
		base:        "https://identity-cards.s3.us-east-1.amazonaws.com/",
	},
	{
		name: "a key with spaces, reserved characters and other scripts", lifetime: time.Hour, region: "us-east-1",
		object: "Führer schein/免許 😀/a+b=c&d;e%2Ff'(1)!*:@$,?#[]~.jpg",
		base:   "https://identity-cards.s3.us-east-1.amazonaws.com/",
	},
	{
		name: "a session token", lifetime: time.Hour, region: "us-east-1",
		token: "FwoGZXIvYXdzEBYaDHqa0AP+/=/EXAMPLE==",
		base:  "https://identity-cards.s3.us-east-1.amazonaws.com/",
	},
	{
		name: "a reply's name and type", lifetime: time.Hour, region: "us-east-1",
		response: middleware.Claims{DownloadName: "card.jpg", ContentType: "image/jpeg"},
		base:     "https://identity-cards.s3.us-east-1.amazonaws.com/",
	},
	{
		name: "another server, with a port", lifetime: time.Hour, region: "auto",
		endpoint: "http://localhost:9000",
		base:     "http://localhost:9000/identity-cards/",
	},
}

func (c s3Case) verb() string {
	if c.method != "" {
		return c.method
	}
	return "GET"
}

func (c s3Case) key() string {
	if c.object != "" {
		return c.object
	}
	return "kyc/card.jpg"
}

// The last second counts, so that a link lives one longer than it says.
func (c s3Case) until() time.Time { return issued.Add(c.lifetime + time.Second) }

// optional returns nil for an empty string, as the SDK has it.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (c s3Case) disposition() string {
	if c.response.DownloadName == "" {
		return ""
	}
	return "attachment; filename=" + c.response.DownloadName
}

// goSDK signs with the Go SDK, which looks at the clock. It also returns the
// header fields that are signed besides the host.
func (c s3Case) goSDK(t *testing.T) (link string, header http.Header) {
	t.Helper()
	o := awss3.Options{
		Region:       c.region,
		BaseEndpoint: optional(c.endpoint),
		UsePathStyle: c.endpoint != "",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			credentials := s3Credentials
			credentials.SessionToken = c.token
			return credentials, nil
		}),
	}
	bucket, key := aws.String("identity-cards"), aws.String(c.key())
	at(t, issued, func(t *testing.T) {
		client := awss3.NewPresignClient(awss3.New(o), awss3.WithPresignExpires(c.lifetime))
		var r *v4.PresignedHTTPRequest
		var err error
		switch c.verb() {
		case "GET":
			r, err = client.PresignGetObject(t.Context(), &awss3.GetObjectInput{
				Bucket: bucket, Key: key,
				ResponseContentDisposition: optional(c.disposition()),
				ResponseContentType:        optional(c.response.ContentType),
			})
		case "HEAD":
			r, err = client.PresignHeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: bucket, Key: key})
		case "DELETE":
			r, err = client.PresignDeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: bucket, Key: key})
		case "PUT":
			r, err = client.PresignPutObject(t.Context(), &awss3.PutObjectInput{
				Bucket: bucket, Key: key, ContentType: optional(c.contentType),
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		if r.Method != c.verb() {
			t.Errorf("the link is for %s", r.Method)
		}
		link, header = r.URL, r.SignedHeader
		header.Del("Host")
	})
	return link, header
}

// jsSDK is a job that signs with the JavaScript SDK.
func (c s3Case) jsSDK() jsJob {
	credentials := map[string]string{"accessKeyId": s3Credentials.AccessKeyID, "secretAccessKey": s3Credentials.SecretAccessKey}
	if c.token != "" {
		credentials["sessionToken"] = c.token
	}
	client := map[string]any{"region": c.region, "credentials": credentials}
	if c.endpoint != "" {
		client["endpoint"], client["forcePathStyle"] = c.endpoint, true
	}
	input := map[string]string{"Bucket": "identity-cards", "Key": c.key()}
	for name, value := range map[string]string{
		"ContentType": c.contentType, "ResponseContentDisposition": c.disposition(), "ResponseContentType": c.response.ContentType,
	} {
		if value != "" {
			input[name] = value
		}
	}
	command := map[string]string{"GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject", "PUT": "PutObject"}
	return jsJob{"s3URL", map[string]any{
		"client": client, "command": command[c.verb()] + "Command", "input": input, "at": issued,
		"options": map[string]any{"expiresIn": c.lifetime.Seconds()},
	}}
}

func (c s3Case) format(t *testing.T, header http.Header) *s3.Format {
	t.Helper()
	key, err := s3.NewKey(s3Credentials.AccessKeyID, s3Credentials.SecretAccessKey)
	if c.token != "" {
		key, err = s3.NewTemporaryKey(s3Credentials.AccessKeyID, s3Credentials.SecretAccessKey, c.token)
	}
	if err != nil {
		t.Fatal(err)
	}
	f, err := s3.New(key, c.region, &s3.Options{Header: header})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// added returns the parameters that an SDK adds to a request of its own accord,
// and which ask for nothing.
func added(t *testing.T, sdk string) string {
	t.Helper()
	query := mustParse(t, sdk).Query()
	for _, name := range []string{"Algorithm", "Credential", "Date", "Expires", "Security-Token", "Signature", "SignedHeaders"} {
		query.Del("X-Amz-" + name)
	}
	query.Del("response-content-disposition")
	query.Del("response-content-type")
	return query.Encode()
}

// here signs with this project, besides the case a query and header fields.
func (c s3Case) here(t *testing.T, query string, header http.Header) *url.URL {
	t.Helper()
	u := mustParse(t, c.base)
	u.Path += c.key()
	u.RawQuery = query
	claims := c.response
	claims.Methods = []string{c.verb()}
	claims.NotBefore, claims.Expires = issued, c.until()
	return signURL(t, c.format(t, header), u.String(), claims)
}

func (c s3Case) check(t *testing.T, sdk string, header http.Header) {
	t.Helper()
	link{
		url: sdk, method: c.verb(), header: header,
		from: issued, until: c.until(),
	}.check(t, c.format(t, nil))
}

func TestLinksOfTheS3SDKForGoAreVerified(t *testing.T) {
	for _, tt := range s3Cases {
		t.Run(tt.name, func(t *testing.T) {
			sdk, header := tt.goSDK(t)
			tt.check(t, sdk, header)
		})
	}
}

func TestSignMakesTheLinksOfTheS3SDKForGo(t *testing.T) {
	for _, tt := range s3Cases {
		t.Run(tt.name, func(t *testing.T) {
			sdk, header := tt.goSDK(t)
			if diff := cmp.Diff(sdk, tt.here(t, added(t, sdk), header).String()); diff != "" {
				t.Errorf("another link than the SDK's (-SDK +Sign):\n%s", diff)
			}
		})
	}
}

func TestLinksOfTheS3SDKForJavaScriptAreVerifiedAndMadeAlike(t *testing.T) {
	var jobs []jsJob
	for _, tt := range s3Cases {
		jobs = append(jobs, tt.jsSDK())
	}
	for i, sdk := range runJS(t, jobs) {
		tt := s3Cases[i]
		t.Run(tt.name, func(t *testing.T) {
			tt.check(t, sdk, nil)

			// The SDK sorts the signature, too.
			ours, theirs := tt.here(t, added(t, sdk), nil), mustParse(t, sdk)
			if diff := cmp.Diff(theirs.Query(), ours.Query()); diff != "" {
				t.Errorf("another query than the SDK's (-SDK +Sign):\n%s", diff)
			}
			ours.RawQuery, theirs.RawQuery = "", ""
			if diff := cmp.Diff(theirs.String(), ours.String()); diff != "" {
				t.Errorf("another URL than the SDK's (-SDK +Sign):\n%s", diff)
			}
		})
	}
}

// The signer below the client signs any request, with any header fields.
func TestSignMakesTheSignaturesOfTheSignerForGo(t *testing.T) {
	c := s3Case{
		object: "a b/免.jpg", lifetime: time.Hour, region: "us-east-1",
		base: "https://identity-cards.s3.us-east-1.amazonaws.com/",
	}
	const query = "prefix=a%20b%2Fc&delimiter=%2F&empty=&twice=2&twice=1"
	header := http.Header{
		"Range":         {"bytes=0-99"},
		"X-Amz-Meta-A":  {"one", "two"},
		"Content-Type":  {" text/plain;  charset=utf-8 "},
		"If-None-Match": {`"a, b"`},
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", c.base+"a%20b/%E5%85%8D.jpg?"+query+"&X-Amz-Expires=3600", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	sdk, signed, err := v4.NewSigner().PresignHTTP(t.Context(), s3Credentials, r, "UNSIGNED-PAYLOAD", "s3", c.region, issued,
		func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // as S3 needs it
	if err != nil {
		t.Fatal(err)
	}
	signed.Del("Host")
	if len(signed) != len(header) {
		t.Fatalf("of %v only %v is signed", header, signed)
	}
	c.check(t, sdk, signed)
	if diff := cmp.Diff(sdk, c.here(t, query, signed).String()); diff != "" {
		t.Errorf("another link than the SDK's (-SDK +Sign):\n%s", diff)
	}
}
