package cloudfront_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

// The halves of a key pair, as openssl writes them, made for these examples. A
// real program reads its keys from where it keeps its secrets.
const (
	privatePEM = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIHMmDd4yvRrBwRC4u5m8JB9aW5q5tNkJjNVyyit3OKt+oAoGCCqGSM49
AwEHoUQDQgAEM/ZGRsA/Wg7v7NybMEEBmS9TGoX0pST7PciICZNK05qikxQ0jwae
YWH6pmmSV5/8r2It/xyNZwRbvlKTmiE8LQ==
-----END EC PRIVATE KEY-----
`
	publicPEM = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEM/ZGRsA/Wg7v7NybMEEBmS9TGoX0
pST7PciICZNK05qikxQ0jwaeYWH6pmmSV5/8r2It/xyNZwRbvlKTmiE8LQ==
-----END PUBLIC KEY-----
`
)

// An application signs with an AWS SDK, and a Go server serves. Here the link
// was made for https://cdn.example.com/kyc/card.jpg, until the year 2100.
func Example() {
	key, err := cloudfront.ParseKey("K2JCJMDEHXQW5F", []byte(publicPEM))
	if err != nil {
		panic(err)
	}
	f, err := cloudfront.New("https://cdn.example.com", key, nil)
	if err != nil {
		panic(err)
	}
	files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Println("serving", r.URL.Path) })
	verifier, err := middleware.NewVerifier(f, nil)
	if err != nil {
		panic(err)
	}
	handler := verifier.Handler(files)

	get := func(target string) {
		r := httptest.NewRequest("GET", target, nil)
		r.Host = "cdn.example.com"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	link := "/kyc/card.jpg?Expires=4102444800&Key-Pair-Id=K2JCJMDEHXQW5F&Signature=MEUCIQCHsfwVkCxEkrhYU2uMCuHKry4QtB3nHqHXztUfYE7o9gIgSzqlGJWQd6xNictc~80-wWltfgeMke2xQmGBRm0lTt8_&Hash-Algorithm=SHA256"
	get(link)
	get(strings.Replace(link, "card", "visa", 1))
	// Output:
	// serving /kyc/card.jpg
	// 200
	// 403
}

func ExampleFormat_Sign() {
	key, err := cloudfront.ParseKey("K2JCJMDEHXQW5F", []byte(privatePEM))
	if err != nil {
		panic(err)
	}
	f, err := cloudfront.New("https://cdn.example.com", key, nil)
	if err != nil {
		panic(err)
	}
	u, err := url.Parse("https://cdn.example.com/kyc/card.jpg?size=large")
	if err != nil {
		panic(err)
	}
	expires := time.Unix(1767225600, 0)
	signed, err := f.Sign(u, middleware.Claims{Expires: expires})
	fmt.Println(signed, err)

	_, err = f.Sign(u, middleware.Claims{Expires: expires, Methods: []string{"PUT"}})
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// https://cdn.example.com/kyc/card.jpg?size=large&Expires=1767225600&Key-Pair-Id=K2JCJMDEHXQW5F&Signature=MEYCIQDgUXbXjx~5vXTO6GPye5myCcz~f~p86haMR7lwSCNDwQIhAIYEextausa1xYYrBHfZ2393sMvL9v4~LU2TeDbEEY2t&Hash-Algorithm=SHA256 <nil>
	// true
}

// A player fetches a playlist and its segments with one signature, in cookies
// that are sent with every request below a path.
func ExampleFormat_SignCookies() {
	key, err := cloudfront.ParseKey("K2JCJMDEHXQW5F", []byte(privatePEM))
	if err != nil {
		panic(err)
	}
	f, err := cloudfront.New("https://cdn.example.com", key, &cloudfront.Options{Cookies: true})
	if err != nil {
		panic(err)
	}
	cookies, err := f.SignCookies("", middleware.Claims{Expires: time.Unix(4102444800, 0), Under: "/videos/1/"})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", "/videos/1/seg-0001.ts", nil)
	r.Host = "cdn.example.com"
	for _, c := range cookies {
		fmt.Println(c.Name, c.Path)
		r.AddCookie(c)
	}
	verifier, err := middleware.NewVerifier(f, nil)
	if err != nil {
		panic(err)
	}
	l, err := verifier.Verify(r)
	fmt.Println(l.Under, l.Expires.UTC(), err)
	// Output:
	// CloudFront-Policy /videos/1/
	// CloudFront-Key-Pair-Id /videos/1/
	// CloudFront-Signature /videos/1/
	// CloudFront-Hash-Algorithm /videos/1/
	// /videos/1/ 2100-01-01 00:00:00 +0000 UTC <nil>
}

// The SDKs sign a URL as it is. If a customer may call a file "*", the link to
// it can be turned into a policy for everything beside it. Escape names, as a
// middleware.URLBuilder does.
func ExampleFormat_Sign_incorrect() {
	key, err := cloudfront.ParseKey("K2JCJMDEHXQW5F", []byte(privatePEM))
	if err != nil {
		panic(err)
	}
	f, err := cloudfront.New("https://cdn.example.com", key, nil)
	if err != nil {
		panic(err)
	}
	u, err := url.Parse("https://cdn.example.com/kyc/*")
	if err != nil {
		panic(err)
	}
	_, err = f.Sign(u, middleware.Claims{Expires: time.Unix(4102444800, 0)})
	fmt.Println(err)
	// Output:
	// signedurl: cloudfront: cannot sign: the path holds a raw *, or the query a raw * or ?, which would be wildcards in a policy; escape them
}
