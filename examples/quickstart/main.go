package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

func main() {
	// One key a line, as `go run ./examples/fileserver keygen` prints it.
	keys, err := middleware.ParseKeyring(os.Getenv("SIGNEDURL_KEYS"))
	check(err)
	dir, err := signedfs.OpenDir("private")
	check(err)
	files, err := signedfs.New("http://localhost:8080/files/", dir, keys, nil)
	check(err)

	link, err := files.URL("kyc/card.jpg", middleware.Claims{Expires: time.Now().Add(15 * time.Minute)})
	check(err)
	fmt.Println(link)

	http.Handle(files.Prefix(), files)
	server := &http.Server{Addr: "localhost:8080", ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
