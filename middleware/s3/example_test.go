package s3_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/s3"
)

// An AWS SDK made the link; the files lie on this server.
func Example() {
	key, err := s3.NewKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	if err != nil {
		panic(err)
	}
	format, err := s3.New(key, "us-east-1", nil)
	if err != nil {
		panic(err)
	}
	verifier, err := middleware.NewVerifier(format, &middleware.Options{MaxLifetime: 24 * time.Hour})
	if err != nil {
		panic(err)
	}
	handler := verifier.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the file ", r.URL.Path)
	}))

	// What the SDK does, in the application.
	link, err := format.Sign(
		&url.URL{Scheme: "https", Host: "files.example.com", Path: "/kyc/card.jpg"},
		middleware.Claims{Expires: time.Now().Add(time.Hour), NotBefore: time.Now()},
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

// The link opens the object in S3: host, path and signature are those that an
// AWS SDK would write.
func ExampleFormat_Sign() {
	key, err := s3.NewKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	if err != nil {
		panic(err)
	}
	format, err := s3.New(key, "us-east-1", nil)
	if err != nil {
		panic(err)
	}
	from := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	link, err := format.Sign(
		&url.URL{Scheme: "https", Host: "examplebucket.s3.amazonaws.com", Path: "/test.txt"},
		middleware.Claims{NotBefore: from, Expires: from.Add(24*time.Hour + time.Second)},
	)
	if err != nil {
		panic(err)
	}
	fmt.Println(link.Host + link.Path)
	for part := range strings.SplitSeq(link.RawQuery, "&") {
		fmt.Println(part)
	}
	// Output:
	// examplebucket.s3.amazonaws.com/test.txt
	// X-Amz-Algorithm=AWS4-HMAC-SHA256
	// X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request
	// X-Amz-Date=20130524T000000Z
	// X-Amz-Expires=86400
	// X-Amz-SignedHeaders=host
	// X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404
}

// A link begins at its date and ends after its last second.
func TestALinkBeginsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := testFormat(t, nil)
		v := newVerifier(t, f, nil)
		u, err := f.Sign(&url.URL{Scheme: "https", Host: "h", Path: "/a"},
			middleware.Claims{NotBefore: time.Now().Add(time.Hour), Expires: time.Now().Add(2 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		r := request(t, "GET", u.String())
		for _, step := range []struct {
			wait time.Duration
			want string
		}{
			{0, "not_yet"}, {time.Hour - 1, "not_yet"}, {1, "ok"}, {time.Hour - 1, "ok"}, {1, "expired"},
		} {
			time.Sleep(step.wait)
			_, err := v.Verify(r)
			if got := middleware.Reason(err); got != step.want {
				t.Errorf("at %v: %s, want %s", time.Now(), got, step.want)
			}
		}
	})
}
