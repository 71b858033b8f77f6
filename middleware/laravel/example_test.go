package laravel_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/laravel"
)

// A Laravel application signs, with the key that its .env has as APP_KEY:
//
//	URL::temporarySignedRoute('files', now()->addMinutes(5), ['name' => 'card.jpg'])
//
// and a Go server serves. A real program takes key and origin from its
// configuration.
func Example() {
	f, err := laravel.New("https://example.com", "base64:dGVzdC1vbmx5LWtleS1kby1ub3QtdXNlISEhISEhISE=", nil)
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
		r.Host = "example.com"
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	link := "/far?expires=4102444800&signature=3d55a57b6708d67c2d3bb9e6ebc7d4db6dda9ed9dab6ab494225543a10657283"
	get(link)
	get("/other" + link)
	// Output:
	// serving /far
	// 200
	// 403
}

func ExampleFormat_Sign() {
	f, err := laravel.New("https://example.com", "base64:dGVzdC1vbmx5LWtleS1kby1ub3QtdXNlISEhISEhISE=", nil)
	if err != nil {
		panic(err)
	}
	u := &url.URL{Scheme: "https", Host: "example.com", Path: "/files/my report.pdf", RawQuery: "title=a+b+c"}
	// The first second at which the link is refused. Laravel's expires is the
	// last one at which it is good.
	expires := time.Unix(1700003601, 0)

	signed, err := f.Sign(u, middleware.Claims{Expires: expires})
	fmt.Println(signed, err)

	_, err = f.Sign(u, middleware.Claims{Expires: expires, Methods: []string{"PUT"}})
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// https://example.com/files/my%20report.pdf?expires=1700003600&title=a%20b%20c&signature=b803a3a846f909aedeaba01bd6c16b0de09a81e39559d09c25c76aab1192f0bd <nil>
	// true
}
