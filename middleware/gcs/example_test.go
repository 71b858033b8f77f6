package gcs_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/gcs"
)

// A Google client library makes the links, with the private key of a service
// account. The server that holds the files has only the public half.
func Example() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	const email = "links@project.iam.gserviceaccount.com"

	// The server.
	public, err := gcs.NewServiceAccountPublicKey(email, &private.PublicKey)
	if err != nil {
		panic(err)
	}
	format, err := gcs.New(public, nil)
	if err != nil {
		panic(err)
	}
	verifier, err := middleware.NewVerifier(format, nil)
	if err != nil {
		panic(err)
	}
	handler := verifier.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the file ", r.URL.Path)
	}))

	// The application: what storage.SignedURL does with SigningSchemeV4.
	key, err := gcs.NewServiceAccountKey(email, private)
	if err != nil {
		panic(err)
	}
	signer, err := gcs.New(key, nil)
	if err != nil {
		panic(err)
	}
	link, err := signer.Sign(
		&url.URL{Scheme: "https", Host: "files.example.com", Path: "/kyc/card.jpg"},
		middleware.Claims{NotBefore: time.Now(), Expires: time.Now().Add(time.Hour)},
	)
	if err != nil {
		panic(err)
	}

	for _, path := range []string{"/kyc/card.jpg", "/kyc/other.jpg"} {
		r := httptest.NewRequest("GET", path+"?"+link.RawQuery, nil)
		r.Host = link.Host
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// 200 the file /kyc/card.jpg
	// 403 Forbidden
}

// A link that opens an object in Cloud Storage, and gives it a name.
func ExampleFormat_Sign() {
	key, err := gcs.NewHMACKey("GOOGEXAMPLE", "secret-of-an-example-of-40-characters-00")
	if err != nil {
		panic(err)
	}
	format, err := gcs.New(key, nil)
	if err != nil {
		panic(err)
	}
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	link, err := format.Sign(
		&url.URL{Scheme: "https", Host: "storage.googleapis.com", Path: "/bucket/kyc/card.jpg"},
		middleware.Claims{NotBefore: from, Expires: from.Add(time.Hour), DownloadName: "card.jpg"},
	)
	if err != nil {
		panic(err)
	}
	fmt.Println(link.Host + link.Path)
	for part := range strings.SplitSeq(link.RawQuery, "&") {
		fmt.Println(part)
	}
	// Output:
	// storage.googleapis.com/bucket/kyc/card.jpg
	// X-Goog-Algorithm=GOOG4-HMAC-SHA256
	// X-Goog-Credential=GOOGEXAMPLE%2F20260101%2Fauto%2Fstorage%2Fgoog4_request
	// X-Goog-Date=20260101T000000Z
	// X-Goog-Expires=3600
	// X-Goog-SignedHeaders=host
	// response-content-disposition=attachment%3B%20filename%3Dcard.jpg
	// X-Goog-Signature=1d0011dad587eb4019b6d793c62945a8117ae546bd47262b6a1038176fba8d65
}
