package memstore_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	key, err := middleware.NewHMACKey("2026a", []byte("the secret of this example: never use it"))
	if err != nil {
		log.Fatal(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}

	// What was revoked must be known before the first request is served. That
	// there is no file is all right only before the first Save.
	file := filepath.Join(dir, "revoked")
	revoked := memstore.NewRevocations(nil)
	if err := revoked.Load(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Fatal(err)
	}
	v, err := middleware.NewVerifier(ring, &middleware.Options{Revocations: revoked, Uses: memstore.NewUses(nil)})
	if err != nil {
		panic(err)
	}
	h := v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the card")
	}))

	expires := time.Now().Add(15 * time.Minute)
	link, err := ring.Sign(&url.URL{Path: "/kyc/card.jpg"}, middleware.Claims{Expires: expires, ID: "customer-7", Uses: 2})
	if err != nil {
		log.Fatal(err)
	}
	get := func() {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", link.String(), nil))
		fmt.Println(w.Code)
	}
	get()

	if err := revoked.Revoke("customer-7", expires); err != nil {
		log.Fatal(err)
	}
	if err := revoked.Save(file); err != nil {
		log.Fatal(err)
	}
	get()
	// Output:
	// 200
	// 404
}
