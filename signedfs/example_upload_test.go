package signedfs_test

import (
	"context"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"os"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// A page with a form, which takes one picture of at most 5 MB within a quarter
// of an hour. Nothing of the form passes through the handler of the page.
func Example_form() {
	keys, err := middleware.ParseKeyring(os.Getenv("SIGNEDURL_KEYS"))
	check(err)
	dir, err := signedfs.OpenDir("private")
	check(err)
	files, err := signedfs.New("/files/", dir, keys, &signedfs.Options{Uploads: &signedfs.Uploads{
		MakeDirs: true,
		OnStored: func(_ context.Context, name string, info fs.FileInfo) error {
			fmt.Println("stored", name, "of", info.Size(), "bytes")
			return nil
		},
	}})
	check(err)
	page := template.Must(template.New("").Parse(`<!DOCTYPE html><title>Identity card</title>
		<form method="post" enctype="multipart/form-data" action="{{.}}">
			<input type="file" name="card" accept="image/*" required> <button>Send</button>
		</form>`))
	http.Handle(files.Prefix(), files)
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		link, err := files.URL("kyc/42/", middleware.Claims{ // a folder: the file brings its own name
			Expires: time.Now().Add(15 * time.Minute),
			Methods: []string{"POST"},
			Upload:  middleware.Upload{MaxBytes: 5e6, Accept: []string{"image/*"}},
		})
		check(err)
		page.Execute(w, link.String())
	})
	check(http.ListenAndServe("localhost:8080", nil))
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
