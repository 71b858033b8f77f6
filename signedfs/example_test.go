package signedfs_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"github.com/justinas/alice"
)

// exampleKeys is a ring whose secret everybody knows. Make a real one with
// middleware.GenerateHMACKey, and keep it out of the source.
func exampleKeys() *middleware.Keyring {
	key, err := middleware.NewHMACKey("2026a", []byte("not a secret: it is in the source"))
	if err != nil {
		log.Fatal(err)
	}
	keys, err := middleware.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	return keys
}

// exampleDir is a directory with an image and a page in it.
func exampleDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "signedfs")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "kyc"), 0o755); err != nil {
		log.Fatal(err)
	}
	for name, content := range map[string]string{"kyc/card.jpg": "an image", "index.html": "a page"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			log.Fatal(err)
		}
	}
	return dir, func() { os.RemoveAll(dir) }
}

// get requests a target of a handler and says what came back.
func get(h http.Handler, target string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return fmt.Sprintf("%d %s", w.Code, strings.TrimSpace(w.Body.String()))
}

// A directory, served to everyone who has a link.
func Example() {
	dir, remove := exampleDir()
	defer remove()

	files, err := signedfs.OpenDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer files.Close()
	h, err := signedfs.New("/files/", files, exampleKeys(), nil)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(h.Prefix(), h)

	link, err := h.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(5 * time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(mux, link.String()))
	fmt.Println(get(mux, "/files/kyc/card.jpg"))
	fmt.Println(get(mux, strings.Replace(link.String(), "kyc", "tax", 1)))

	gone, err := h.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(-time.Second)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(mux, gone.String()))
	// Output:
	// 200 an image
	// 403 Forbidden
	// 403 Forbidden
	// 404 Not Found
}

func ExampleHandler_URL() {
	h, err := signedfs.New("https://cdn.example.com/files/", http.Dir("/srv/files"), exampleKeys(), nil)
	if err != nil {
		log.Fatal(err)
	}
	link, err := h.URL("kyc/Ausweis (Rückseite).jpg", middleware.Claims{
		Expires: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(middleware.Redact(link.String()))

	_, err = h.URL("../other/card.jpg", middleware.Claims{Expires: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	fmt.Println(err)
	// Output:
	// https://cdn.example.com/files/kyc/Ausweis%20%28R%C3%BCckseite%29.jpg?expires_at=1767225600&signed_by=2026a&signature=REDACTED
	// signedurl: cannot link to the name "../other/card.jpg": the path holds a part that is . or ..
}

// One signature for all that lies below a directory, and a page that lists it.
func ExampleHandler_Links() {
	dir, remove := exampleDir()
	defer remove()
	h, err := signedfs.New("/files/", http.Dir(dir), exampleKeys(), &signedfs.Options{Listing: true})
	if err != nil {
		log.Fatal(err)
	}
	everything, err := h.Links().Subtree("/", middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"kyc/card.jpg", "kyc/"} {
		link, err := everything.URL(name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(strings.Contains(get(h, link.String()), "signature="), get(h, link.String())[:3])
	}
	// Output:
	// false 200
	// true 200
}

// Below http.StripPrefix, or a proxy that rewrites paths, Options must name the
// prefix that is stripped: the signed path is the one that clients see.
func ExampleHandler_Prefix() {
	dir, remove := exampleDir()
	defer remove()
	h, err := signedfs.New("/api/files/", http.Dir(dir), exampleKeys(), &signedfs.Options{
		Verify: middleware.Options{Prefix: "/api"},
	})
	if err != nil {
		log.Fatal(err)
	}
	api := http.NewServeMux()
	api.Handle(h.Prefix(), h)
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", api))

	link, err := h.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(h.Prefix(), link.Path)
	fmt.Println(get(mux, link.String()))
	// Output:
	// /files/ /api/files/kyc/card.jpg
	// 200 an image
}

// A link may grant other methods, if somebody serves them.
func ExampleOptions() {
	dir, remove := exampleDir()
	defer remove()
	h, err := signedfs.New("/files/", http.Dir(dir), exampleKeys(), &signedfs.Options{
		OtherMethods: func(w http.ResponseWriter, r *http.Request, name string) {
			if r.Method != http.MethodPut {
				http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
				return
			}
			fmt.Println("would store", name)
			w.WriteHeader(http.StatusCreated)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	upload, err := h.URL("kyc/43.jpg", middleware.Claims{
		Expires: time.Now().Add(time.Minute),
		Methods: []string{http.MethodPut},
	})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPut, upload.String(), strings.NewReader("a photograph")))
	fmt.Println(w.Code)
	fmt.Println(get(h, upload.String()))
	// Output:
	// would store /kyc/43.jpg
	// 201
	// 403 Forbidden
}

// In a chain with other middleware.
func Example_alice() {
	dir, remove := exampleDir()
	defer remove()
	h, err := signedfs.New("/files/", http.Dir(dir), exampleKeys(), nil)
	if err != nil {
		log.Fatal(err)
	}
	count := 0
	counting := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			count++
			next.ServeHTTP(w, r)
		})
	}
	chain := alice.New(counting).Then(h)

	link, err := h.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(chain, link.String()))
	fmt.Println(get(chain, "/files/kyc/card.jpg"))
	fmt.Println(count)
	// Output:
	// 200 an image
	// 403 Forbidden
	// 2
}

// The middleware alone, in front of net/http's file server.
func Example_fileServer() {
	dir, remove := exampleDir()
	defer remove()
	keys := exampleKeys()
	links, err := middleware.NewURLBuilder("/files/", keys)
	if err != nil {
		log.Fatal(err)
	}
	v, err := middleware.NewVerifier(keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", v.Handler(http.StripPrefix("/files/", http.FileServer(http.Dir(dir)))))

	link, err := links.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(mux, link.String()))
	fmt.Println(get(mux, "/files/kyc/card.jpg"))
	// Output:
	// 200 an image
	// 403 Forbidden
}

// net/http's file server answers a link to index.html, or to a directory
// without its slash, with a redirect. No link was signed for where it leads.
func Example_redirect_incorrect() {
	dir, remove := exampleDir()
	defer remove()
	keys := exampleKeys()
	v, err := middleware.NewVerifier(keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	files := v.Handler(http.StripPrefix("/files/", http.FileServer(http.Dir(dir))))
	h, err := signedfs.New("/files/", http.Dir(dir), keys, nil)
	if err != nil {
		log.Fatal(err)
	}

	link, err := h.URL("index.html", middleware.Claims{Expires: time.Now().Add(time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	files.ServeHTTP(w, httptest.NewRequest("GET", link.String(), nil))
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("http.FileServer:", w.Code, "to", to.Path)
	fmt.Println("and then:", get(files, link.ResolveReference(to).String()))
	fmt.Println("signedfs:", get(h, link.String()))
	// Output:
	// http.FileServer: 301 to ./
	// and then: 403 Forbidden
	// signedfs: 200 a page
}

// A verifier below http.StripPrefix that does not know the prefix sees another
// path than the one that was signed, and refuses everything.
func Example_stripPrefix_incorrect() {
	dir, remove := exampleDir()
	defer remove()
	keys := exampleKeys()
	links, err := middleware.NewURLBuilder("/files/", keys)
	if err != nil {
		log.Fatal(err)
	}
	link, err := links.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(time.Minute)})
	if err != nil {
		log.Fatal(err)
	}
	for _, opts := range []*middleware.Options{nil, {Prefix: "/files"}} {
		v, err := middleware.NewVerifier(keys, opts)
		if err != nil {
			log.Fatal(err)
		}
		h := http.StripPrefix("/files", v.Handler(http.FileServer(http.Dir(dir))))
		fmt.Println(get(h, link.String()))
	}
	// Output:
	// 403 Forbidden
	// 200 an image
}
