package signedfs_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// discard is a ResponseWriter that, like net/http's, takes a whole file.
type discard struct{ header http.Header }

func (d discard) Header() http.Header                       { return d.header }
func (d discard) WriteHeader(int)                           {}
func (d discard) Write(p []byte) (int, error)               { return len(p), nil }
func (d discard) ReadFrom(r io.Reader) (n int64, err error) { return r.(*io.LimitedReader).N, nil }

// What a request costs apart from net/http's server and the network: the
// verifier in front of the file, and http.FileServer without one.
func BenchmarkServe(b *testing.B) {
	dir := b.TempDir()
	for name, size := range map[string]int{"1KiB": 1 << 10, "1MiB": 1 << 20} {
		if err := os.WriteFile(filepath.Join(dir, name+".jpg"), make([]byte, size), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	d := openDir(b, dir)
	h := newHandler(b, "/files/", d, nil)
	for _, size := range []string{"1KiB", "1MiB"} {
		link := target(b, h, size+".jpg", later)
		for _, server := range []struct {
			name, target string
			http.Handler
		}{
			{"http.FileServer", "/files/" + size + ".jpg", http.StripPrefix("/files/", http.FileServer(http.Dir(dir)))},
			{"middleware+http.FileServer", link, newVerifier(b, ring, nil).Handler(http.StripPrefix("/files/", http.FileServer(http.Dir(dir))))},
			{"signedfs", link, h},
		} {
			b.Run(fmt.Sprintf("size=%s/server=%s", size, server.name), func(b *testing.B) {
				r := httptest.NewRequest("GET", server.target, nil)
				b.ReportAllocs()
				for b.Loop() {
					server.ServeHTTP(discard{make(http.Header)}, r)
				}
			})
		}
	}
}
