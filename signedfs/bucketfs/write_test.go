package bucketfs_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/bucketfs"
)

// put uploads a body, of a length that is stated if it is not negative.
func (s *site) put(t *testing.T, name string, limits middleware.Upload, body io.Reader, length int64, header ...string) *http.Response {
	t.Helper()
	link, err := s.URL(name, middleware.Claims{Expires: time.Now().Add(time.Hour), Methods: []string{"PUT"}, Upload: limits})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("PUT", s.addr+link.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = length
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

// keys returns all keys of a bucket.
func keys(t *testing.T, b *blob.Bucket) (all []string) {
	t.Helper()
	for iter := b.List(nil); ; {
		o, err := iter.Next(t.Context())
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, o.Key)
	}
}

func TestUploadsToBuckets(t *testing.T) {
	for kind, b := range buckets(t) {
		t.Run(kind, func(t *testing.T) {
			site := serveWith(t, b, nil, &signedfs.Uploads{})
			big := bytes.Repeat([]byte("0123456789abcdef"), 20<<16) // several parts
			for i, tt := range []struct {
				body   []byte
				length int64
			}{{nil, 0}, {[]byte("x"), 1}, {[]byte("x"), -1}, {big, int64(len(big))}, {big, -1}} {
				name := fmt.Sprintf("new/%d.bin", i)
				resp := site.put(t, name, middleware.Upload{}, bytes.NewReader(tt.body), tt.length)
				got, err := b.ReadAll(t.Context(), name)
				if resp.StatusCode != 201 || err != nil || !bytes.Equal(got, tt.body) {
					t.Errorf("%s: %s, %d bytes, %v", name, resp.Status, len(got), err)
				}
				read, body, err := site.ask(t, t.Context(), "GET", name)
				if read.StatusCode != 200 || err != nil || !bytes.Equal(body, tt.body) || read.Header.Get("Etag") != resp.Header.Get("Etag") {
					t.Errorf("GET %s: %s, ETag %s and before %s, %v", name, read.Status, read.Header.Get("Etag"), resp.Header.Get("Etag"), err)
				}
			}
			before := keys(t, b)
			other := sha256.Sum256([]byte("other"))
			for _, tt := range []struct {
				name   string
				key    string
				limits middleware.Upload
				body   []byte
				header []string
				status int
			}{
				{"a name that is taken", "kyc/card.jpg", middleware.Upload{}, []byte("x"), nil, 409},
				{"a name that is taken, with a condition", "kyc/card.jpg", middleware.Upload{Replace: true}, []byte("x"), []string{"If-None-Match", "*"}, 412},
				{"another version", "kyc/card.jpg", middleware.Upload{Replace: true}, []byte("x"), []string{"If-Match", `"other"`}, 412},
				{"too long", "a", middleware.Upload{MaxBytes: 3}, []byte("four"), nil, 413},
				{"another digest", "a", middleware.Upload{SHA256: other}, []byte("x"), nil, 422},
				{"another digest of a large object", "a", middleware.Upload{SHA256: other}, big, nil, 422},
				{"another type", "a.png", middleware.Upload{Accept: []string{"image/*"}}, []byte("<script>"), nil, 415},
			} {
				if resp := site.put(t, tt.key, tt.limits, bytes.NewReader(tt.body), int64(len(tt.body)), tt.header...); resp.StatusCode != tt.status {
					t.Errorf("%s: %s, want %d", tt.name, resp.Status, tt.status)
				}
				if resp := site.put(t, tt.key, tt.limits, bytes.NewReader(tt.body), -1, tt.header...); resp.StatusCode != tt.status {
					t.Errorf("%s, of an unknown length: %s, want %d", tt.name, resp.Status, tt.status)
				}
			}
			if diff := cmp.Diff(before, keys(t, b)); diff != "" {
				t.Errorf("the keys (-want +got):\n%s", diff)
			}
			if got, _ := b.ReadAll(t.Context(), "kyc/card.jpg"); !bytes.Equal(got, files()["kyc/card.jpg"]) {
				t.Errorf("the object has %q", got)
			}
			read, _, _ := site.ask(t, t.Context(), "HEAD", "kyc/card.jpg")
			if resp := site.put(t, "kyc/card.jpg", middleware.Upload{Replace: true}, strings.NewReader("new"), 3, "If-Match", read.Header.Get("Etag")); kind != "files" && resp.StatusCode != 201 {
				t.Errorf("replacing the version that is there: %s", resp.Status)
			}
			if resp := site.put(t, "kyc/card.jpg", middleware.Upload{Replace: true}, strings.NewReader("new"), 3); resp.StatusCode != 201 {
				t.Errorf("replacing: %s", resp.Status)
			}
			if errs := site.errors(); errs != nil {
				t.Errorf("the operator learns %v", errs)
			}
		})
	}
}

// Of many who store one name, exactly one succeeds.
func TestOneOfManyWinsInABucket(t *testing.T) {
	const many = 30
	for kind, b := range buckets(t) {
		site := serveWith(t, b, nil, &signedfs.Uploads{MaxPerClient: many})
		statuses := make(chan int, many)
		all := make(chan struct{})
		for i := range many {
			go func() {
				r, w := io.Pipe()
				go func() {
					fmt.Fprintf(w, "%-40000d", i)
					<-all
					fmt.Fprintf(w, "%-40000d", i)
					w.Close()
				}()
				statuses <- site.put(t, "race", middleware.Upload{}, r, -1).StatusCode
			}()
		}
		close(all)
		got := map[int]int{}
		for range many {
			got[<-statuses]++
		}
		if diff := cmp.Diff(map[int]int{201: 1, 409: many - 1}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
		if content, err := b.ReadAll(t.Context(), "race"); err != nil || len(content) != 80000 || !bytes.Equal(content[:40000], content[40000:]) {
			t.Errorf("%s: %d bytes, %v", kind, len(content), err)
		}
	}
}

// Nothing of an upload that breaks off reaches the bucket, and nothing stays on
// the disk. One whose client goes away at the end is stored.
func TestAnUploadThatBreaksOffLeavesNothing(t *testing.T) {
	spool := t.TempDir()
	t.Setenv("TMPDIR", spool)
	t.Setenv("TMP", spool)
	store, b := newStore(t)
	ended := make(chan struct{}, 1)
	site := serveWith(t, b, nil, &signedfs.Uploads{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		site.ServeHTTP(w, r)
		ended <- struct{}{}
	}))
	defer server.Close()
	store.take()
	link, err := site.URL("new", middleware.Claims{Expires: time.Now().Add(time.Hour), Methods: []string{"PUT"}})
	if err != nil {
		t.Fatal(err)
	}
	send := func(bytes int64) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", link.RequestURI(), 24<<20)
		if _, err := io.CopyN(conn, zeros{}, bytes); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	send(20 << 20).Close()
	<-ended
	if requests, _ := store.take(); strings.Join(requests, " ") != "HEAD" {
		t.Errorf("requests to the bucket: %v", requests)
	}
	arrived, gone := make(chan struct{}), make(chan struct{})
	store.set(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Get("partNumber") == "1" {
			close(arrived)
			<-gone
		}
		return false
	})
	conn := send(24 << 20)
	<-arrived
	conn.Close()
	close(gone)
	<-ended
	if a, err := b.Attributes(t.Context(), "new"); err != nil || a.Size != 24<<20 {
		t.Errorf("%+v, %v", a, err)
	}
	uploads, err := store.client.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &store.bucket})
	if err != nil || len(uploads.Uploads) != 0 {
		t.Errorf("%v, %v", uploads, err)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("on the disk: %v, %v", left, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// What is wrong with a bucket is not what is wrong with an upload.
func TestUploadsToABucketThatFails(t *testing.T) {
	store, b := newStore(t)
	site := serveWith(t, b, nil, &signedfs.Uploads{})
	for _, method := range []string{"HEAD", "PUT"} {
		for status, want := range map[int]int{500: 503, 503: 503, 403: 502, 401: 502} {
			store.set(func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != method {
					return false
				}
				w.WriteHeader(status)
				return true
			})
			resp := site.put(t, fmt.Sprint(method, status), middleware.Upload{}, strings.NewReader("x"), 1)
			if errs := site.errors(); resp.StatusCode != want || len(errs) != 1 {
				t.Errorf("%s is answered with %d: %s, want %d; the operator learns %v", method, status, resp.Status, want, errs)
			}
		}
	}
}

// A bucket that overwrites, whatever it is told, is found out at the start.
func TestABucketThatOverwrites(t *testing.T) {
	store, b := newStore(t)
	store.set(func(w http.ResponseWriter, r *http.Request) bool {
		return r.Method == "PUT" // and all is well
	})
	key, err := middleware.NewHMACKey("k", []byte("a secret of 32 bytes for testing"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	before := keys(t, b)
	if _, err := signedfs.New("/", bucketfs.New(b, nil), ring, &signedfs.Options{Uploads: &signedfs.Uploads{}}); err == nil || !strings.Contains(err.Error(), "overwrites") {
		t.Errorf("the error is %v", err)
	}
	if diff := cmp.Diff(before, keys(t, b)); diff != "" {
		t.Errorf("the keys (-want +got):\n%s", diff)
	}
}

// The bucket itself sends the file to whoever has a link.
func TestRedirects(t *testing.T) {
	store, b := newStore(t)
	site := serveWith(t, b, &bucketfs.Options{Redirect: true}, nil)
	ask := func(method, name string, lifetime time.Duration) *http.Response {
		t.Helper()
		link, err := site.URL(name, middleware.Claims{Expires: time.Now().Add(lifetime), DownloadName: "a.jpg"})
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(method, site.addr+link.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	for lifetime, want := range map[time.Duration][2]int{time.Minute: {50, 60}, time.Hour: {300, 300}} {
		store.take()
		resp := ask("GET", "kyc/card.jpg", lifetime)
		if requests, _ := store.take(); strings.Join(requests, " ") != "HEAD" {
			t.Errorf("requests to the bucket: %v", requests)
		}
		location, err := url.Parse(resp.Header.Get("Location"))
		if err != nil || resp.StatusCode != 302 || resp.Header.Get("Cache-Control") != "no-store" || resp.Header["Content-Disposition"] != nil {
			t.Fatalf("%s, %v", resp.Status, resp.Header)
		}
		if seconds, err := strconv.Atoi(location.Query().Get("X-Amz-Expires")); err != nil || seconds < want[0] || seconds > want[1] {
			t.Errorf("a link for %v: a URL for %d s, %v", lifetime, seconds, err)
		}
		file, err := http.Get(location.String())
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(file.Body)
		file.Body.Close()
		if err != nil || !bytes.Equal(body, files()["kyc/card.jpg"]) {
			t.Errorf("the bucket replied %s, %q", file.Status, body)
		}
	}
	if resp := ask("HEAD", "kyc/card.jpg", time.Hour); resp.StatusCode != 200 || resp.ContentLength != int64(len(files()["kyc/card.jpg"])) {
		t.Errorf("HEAD: %s", resp.Status)
	}
	if resp := ask("GET", "none", time.Hour); resp.StatusCode != 404 {
		t.Errorf("no such object: %s", resp.Status)
	}
	resp, err := http.Get(site.addr + "/files/kyc/card.jpg")
	if err != nil || resp.StatusCode != 403 {
		t.Errorf("without a link: %v, %v", resp, err)
	}
	for kind, b := range buckets(t) {
		if kind == "s3" {
			continue
		}
		site := serveWith(t, b, &bucketfs.Options{Redirect: true}, nil)
		resp, _, _ := site.ask(t, t.Context(), "GET", "kyc/card.jpg")
		if errs := site.errors(); resp.StatusCode != 500 || len(errs) != 1 {
			t.Errorf("%s: %s, %v", kind, resp.Status, errs)
		}
	}
}

// When the client goes away, little more is read from the bucket than was sent.
func TestLittleIsReadBeyondWhatIsSent(t *testing.T) {
	store, b := newStore(t)
	if err := b.Upload(t.Context(), "huge", io.LimitReader(zeros{}, 64<<20), &blob.WriterOptions{ContentType: "video/mp4"}); err != nil {
		t.Fatal(err)
	}
	site := serve(t, b)
	var written atomic.Int64
	done := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		site.ServeHTTP(w, r)
	}))
	server.Listener = countingListener{server.Listener, &written}
	server.Start()
	defer server.Close()
	link, err := site.URL("huge", middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	before := store.received.Load()
	resp, err := http.Get(server.URL + link.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, resp.Body, 1<<20); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-done
	if beyond := store.received.Load() - before - written.Load(); beyond > 64<<10 {
		t.Errorf("%d bytes were read beyond the %d that were sent", beyond, written.Load())
	} else if written.Load() < 1<<20 {
		t.Errorf("only %d bytes were counted", written.Load())
	}
}

type countingListener struct {
	net.Listener
	written *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countingConn{conn, nil, l.written}, err
}
