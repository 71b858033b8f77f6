package redisstore_test

import (
	"context"
	"log"
	"net/http"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// Several processes serve the same files, and each link has its uses once.
func Example() {
	ring, err := middleware.ParseKeyring("2026a:hmac-sha256:dGhlIHNlY3JldCBvZiB0aGlzIGV4YW1wbGU6IG5ldmVyIHVzZQ")
	if err != nil {
		log.Fatal(err)
	}
	client := redis.NewClient(&redis.Options{
		Addr:                  "localhost:6379",
		ContextTimeoutEnabled: true,
	})
	defer client.Close()
	store, err := redisstore.New(client, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Check(context.Background()); err != nil {
		log.Fatal(err) // better now than with the first link that works twice
	}
	v, err := middleware.NewVerifier(ring, &middleware.Options{Uses: store, Revocations: store})
	if err != nil {
		panic(err)
	}
	http.Handle("/files/", v.Handler(http.StripPrefix("/files/", http.FileServer(http.Dir("files")))))
	log.Fatal(http.ListenAndServe("localhost:8080", nil))
}
