package bucketfs_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/bucketfs"
)

// BenchmarkGet sends 1 MiB, and ranges of 64 KiB out of 1 GiB, from a bucket to a
// client over loopback. As x-copy it reports the throughput in terms of that of a
// handler that asks for the attributes and copies a reader of the bucket to the
// reply, and as x-copy-32KiB in terms of one that does so with the usual buffer:
// io.Copy leaves the choice to the reader, which allocates 1 MiB for each reply. They
// alternate, and the medians of the ratios are reported. The bucket is one of
// files, since an imitation of S3 would take most of the time.
func BenchmarkGet(b *testing.B) {
	bucket, err := fileblob.OpenBucket(b.TempDir(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	for key, size := range map[string]int64{"1MiB.bin": 1 << 20, "1GiB.bin": 1 << 30} {
		if err := bucket.Upload(b.Context(), key, io.LimitReader(zeros{}, size), &blob.WriterOptions{ContentType: "application/octet-stream"}); err != nil {
			b.Fatal(err)
		}
	}
	key, err := middleware.NewHMACKey("k", []byte("a secret of 32 bytes for testing"))
	if err != nil {
		b.Fatal(err)
	}
	keys, err := middleware.NewKeyring(key)
	if err != nil {
		b.Fatal(err)
	}
	files, err := signedfs.New("/", bucketfs.New(bucket, nil), keys, nil)
	if err != nil {
		b.Fatal(err)
	}
	signed := httptest.NewServer(files)
	defer signed.Close()
	copied := httptest.NewServer(copier(bucket, func(r *blob.Reader) io.Reader { return r }))
	defer copied.Close()
	buffered := httptest.NewServer(copier(bucket, func(r *blob.Reader) io.Reader { return struct{ io.Reader }{r} }))
	defer buffered.Close()
	for _, test := range []struct {
		name, key string
		size      int64 // of a range, or 0
	}{{"1MiB", "1MiB.bin", 0}, {"64KiB-of-1GiB", "1GiB.bin", 64 << 10}} {
		b.Run("bytes="+test.name, func(b *testing.B) {
			link, err := files.URL(test.key, middleware.Claims{Expires: time.Now().Add(time.Hour)})
			if err != nil {
				b.Fatal(err)
			}
			next := int64(0)
			get := func(url string) float64 {
				begin := time.Now()
				for range 8 {
					r, err := http.NewRequestWithContext(context.Background(), "GET", url, nil)
					if err != nil {
						b.Fatal(err)
					}
					if test.size > 0 {
						next = (next + 7919*test.size) % (1<<30 - test.size)
						r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", next, next+test.size-1))
					}
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						b.Fatal(err)
					}
					n, err := io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if err != nil || n == 0 || test.size > 0 && n != test.size {
						b.Fatal(n, err)
					}
				}
				return time.Since(begin).Seconds()
			}
			get(signed.URL + link.String())
			get(copied.URL + "/" + test.key)
			get(buffered.URL + "/" + test.key)
			var toCopy, toBuffered []float64
			for b.Loop() {
				ours := get(signed.URL + link.String())
				toCopy = append(toCopy, get(copied.URL+"/"+test.key)/ours)
				toBuffered = append(toBuffered, get(buffered.URL+"/"+test.key)/ours)
			}
			slices.Sort(toCopy)
			slices.Sort(toBuffered)
			b.ReportMetric(toCopy[len(toCopy)/2], "x-copy")
			b.ReportMetric(toBuffered[len(toBuffered)/2], "x-copy-32KiB")
		})
	}
}

// copier copies a reader of the bucket to the reply.
func copier(bucket *blob.Bucket, source func(*blob.Reader) io.Reader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Path[1:]
		a, err := bucket.Attributes(r.Context(), key)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		offset, length, status := int64(0), a.Size, http.StatusOK
		var last int64
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &offset, &last); n == 2 {
			length, status = last-offset+1, http.StatusPartialContent
		}
		reader, err := bucket.NewRangeReader(r.Context(), key, offset, length, nil)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer reader.Close()
		w.Header().Set("Content-Length", fmt.Sprint(length))
		w.Header().Set("Content-Type", "application/octet-stream")
		w.WriteHeader(status)
		io.Copy(w, source(reader))
	}
}
