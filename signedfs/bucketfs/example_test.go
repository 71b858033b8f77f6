package bucketfs_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"gocloud.dev/blob/memblob"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/bucketfs"
)

func Example() {
	// In production: blob.OpenBucket(ctx, "s3://scans?region=eu-central-1")
	bucket := memblob.OpenBucket(nil)
	defer bucket.Close()
	check(bucket.WriteAll(context.Background(), "kyc/note.txt", []byte("For your eyes only.\n"), nil))

	text, err := middleware.GenerateHMACKey("2026a") // kept in a file
	check(err)
	keys, err := middleware.ParseKeyring(text)
	check(err)
	files, err := signedfs.New("/files/", bucketfs.New(bucket, nil), keys, nil)
	check(err)
	server := httptest.NewServer(files)
	defer server.Close()

	link, err := files.URL("kyc/note.txt", middleware.Claims{Expires: time.Now().Add(15 * time.Minute)})
	check(err)
	for _, target := range []string{link.String(), "/files/kyc/note.txt"} {
		resp, err := http.Get(server.URL + target)
		check(err)
		body, err := io.ReadAll(resp.Body)
		check(err)
		resp.Body.Close()
		fmt.Print(resp.StatusCode, " ", string(body))
	}
	// Output:
	// 200 For your eyes only.
	// 403 Forbidden
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
