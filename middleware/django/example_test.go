package django_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
)

// A Django application signs the path of a file, with its SECRET_KEY:
//
//	token = TimestampSigner(salt="files").sign(path)
//	link = path + "?" + urlencode({"token": token})
//
// and a Go server serves it for five minutes.
func Example() {
	f, err := django.New("django-insecure-test-only-key-0123456789", &django.Options{
		Salt:   "files",
		MaxAge: 5 * time.Minute,
	})
	if err != nil {
		panic(err)
	}
	files := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Println("serving", r.URL.Path) })
	verifier, err := middleware.NewVerifier(f, nil)
	if err != nil {
		panic(err)
	}
	handler := verifier.Handler(files)

	// What the application would have made a minute ago.
	link, err := f.Sign(&url.URL{Path: "/files/card.jpg"}, middleware.Claims{Expires: time.Now().Add(4 * time.Minute)})
	if err != nil {
		panic(err)
	}
	get := func(target string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		fmt.Println(w.Code)
	}
	get(link.String())
	get("/files/other.jpg?" + link.RawQuery)
	// Output:
	// serving /files/card.jpg
	// 200
	// 403
}

// A token holds when it was made. Sign makes it such that it expires when the
// claims say.
func ExampleFormat_Sign() {
	f, err := django.New("django-insecure-test-only-key-0123456789", &django.Options{MaxAge: time.Hour})
	if err != nil {
		panic(err)
	}
	expires := time.Unix(1700003601, 0)
	signed, err := f.Sign(&url.URL{Path: "/media/report.pdf"}, middleware.Claims{Expires: expires})
	fmt.Println(signed, err)
	fmt.Println(signed.Query().Get("token"))
	// Output:
	// /media/report.pdf?token=%2Fmedia%2Freport.pdf%3A1r31eq%3AkZRo5M5HcAqb01660u8CehV1NWlVt0W1FOa6Zw_AYMk <nil>
	// /media/report.pdf:1r31eq:kZRo5M5HcAqb01660u8CehV1NWlVt0W1FOa6Zw_AYMk
}

// An application that signs objects, dumps({"path": path, "user": 7}).
func ExampleOptions_object() {
	f, err := django.New("django-insecure-test-only-key-0123456789", &django.Options{
		MaxAge: time.Hour,
		Object: true,
		Member: "path",
	})
	if err != nil {
		panic(err)
	}
	signed, err := f.Sign(&url.URL{Path: "/media/report.pdf"}, middleware.Claims{Expires: time.Unix(1700003601, 0)})
	fmt.Println(signed, err)
	// Output:
	// /media/report.pdf?token=eyJwYXRoIjoiL21lZGlhL3JlcG9ydC5wZGYifQ%3A1r31eq%3AiYJ200I9i1giCiq-ms6pVRcPgpY2rAijD2FjDKX4rcE <nil>
}
