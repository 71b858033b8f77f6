package bucketfs_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/blob/s3blob"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/bucketfs"
)

const large = 8 << 20

// files are the objects of the test buckets.
func files() map[string][]byte {
	content := bytes.Repeat([]byte("0123456789abcdef"), large/16)
	return map[string][]byte{
		"kyc/card.jpg":     []byte("\xff\xd8\xff a picture"),
		"kyc/none.bin":     {},
		"kyc/my card.jpg":  []byte("\xff\xd8\xff another"),
		"kyc/deep/a.txt":   []byte("a"),
		"kyc/.hidden":      []byte("x"),
		"kyc/page.unknown": []byte("<script>alert(1)</script>"),
		"large.bin":        content,
		"large":            content, // a name whose type has to be told by the content
	}
}

// store is an S3 server that counts its requests.
type store struct {
	*httptest.Server
	client   *s3.Client
	bucket   string
	mu       sync.Mutex
	requests []string
	sent     int64
	received atomic.Int64 // what the client of the store read, with headers
	// answer, if not nil, may answer a request in the server's place.
	answer func(w http.ResponseWriter, r *http.Request) bool
}

// take returns what was counted, and begins anew.
func (s *store) take() ([]string, int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests, sent := s.requests, s.sent
	s.requests, s.sent = nil, 0
	return requests, sent
}

func (s *store) set(answer func(w http.ResponseWriter, r *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *store) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return countingConn{conn, &s.received, nil}, err
}

// countingConn counts what is read and written.
type countingConn struct {
	net.Conn
	read, written *atomic.Int64
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.read != nil {
		c.read.Add(int64(n))
	}
	return n, err
}

func (c countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.written != nil {
		c.written.Add(int64(n))
	}
	return n, err
}

type countingWriter struct {
	http.ResponseWriter
	store *store
}

func (w countingWriter) Write(p []byte) (int, error) {
	// Afterwards would be too late: the client may have them all by then.
	w.store.mu.Lock()
	w.store.sent += int64(len(p))
	w.store.mu.Unlock()
	return w.ResponseWriter.Write(p)
}

// newStore returns a store with the test files, and its bucket. It is the server
// whose URL is in SIGNEDURL_S3, with the key "id" and the secret "secretsecret",
// and otherwise an imitation in memory.
func newStore(t *testing.T) (*store, *blob.Bucket) {
	t.Helper()
	s := new(store)
	next := http.Handler(gofakes3.New(s3mem.New()).Server())
	if real := os.Getenv("SIGNEDURL_S3"); real != "" {
		u, err := url.Parse(real)
		if err != nil {
			t.Fatal(err)
		}
		next = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Host = r.In.Host // it is signed
		}}
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method)
		answer := s.answer
		s.mu.Unlock()
		if answer == nil || !answer(w, r) {
			next.ServeHTTP(countingWriter{w, s}, r)
		}
	}))
	t.Cleanup(s.Close)
	s.client = s3.New(s3.Options{
		BaseEndpoint: aws.String(s.URL), UsePathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("id", "secretsecret", ""),
		HTTPClient:  &http.Client{Transport: &http.Transport{DialContext: s.dial}},
		Retryer:     aws.NopRetryer{}, // it would repeat what the tests count
		// The imitation does not know the checksums at the end of a body.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
	s.bucket = strings.ToLower(rand.Text())
	if _, err := s.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &s.bucket}); err != nil {
		t.Fatal(err)
	}
	for key, content := range files() {
		s.put(t, key, content)
	}
	s.take()
	b, err := s3blob.OpenBucket(t.Context(), s.client, s.bucket, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return s, b
}

func (s *store) put(t *testing.T, key string, content []byte) {
	t.Helper()
	_, err := s.client.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(content)})
	if err != nil {
		t.Errorf("PUT %s: %v", key, err)
	}
}

// site is a server of the files of a bucket.
type site struct {
	*signedfs.Handler
	addr string
	mu   sync.Mutex
	errs []error
}

func (s *site) errors() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := s.errs
	s.errs = nil
	return errs
}

func serve(t *testing.T, b *blob.Bucket) *site {
	t.Helper()
	return serveWith(t, b, nil, nil)
}

// serveWith is serve with options. Uploads may be nil.
func serveWith(t *testing.T, b *blob.Bucket, opts *bucketfs.Options, uploads *signedfs.Uploads) *site {
	t.Helper()
	text, err := middleware.GenerateHMACKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := middleware.ParseKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	s := new(site)
	s.Handler, err = signedfs.New("/files/", bucketfs.New(b, opts), keys, &signedfs.Options{
		Listing: true,
		Uploads: uploads,
		Error: func(_ *http.Request, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.errs = append(s.errs, err)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.addr = server.URL
	return s
}

// ask sends a request with a signed link. The error is that of reading the body.
func (s *site) ask(t *testing.T, ctx context.Context, method, name string, header ...string) (*http.Response, []byte, error) {
	t.Helper()
	link, err := s.URL(name, middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.addr+link.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func TestNoRequestIsMadeInVain(t *testing.T) {
	store, bucket := newStore(t)
	site := serve(t, bucket)
	content := files()["large.bin"]
	first, _, _ := site.ask(t, t.Context(), "HEAD", "large.bin")
	etag := first.Header.Get("Etag")
	if etag == "" || strings.HasPrefix(etag, "W/") {
		t.Fatalf("the ETag is %q", etag)
	}
	store.take()
	for _, test := range []struct {
		name, method, file string
		header             []string
		status             int
		body               []byte // nil: not the file's
		requests           string
	}{
		{"HEAD", "HEAD", "large.bin", nil, 200, nil, "HEAD"},
		{"a file that has not changed", "GET", "large.bin", []string{"If-None-Match", etag}, 304, nil, "HEAD"},
		{"a failed condition", "GET", "large.bin", []string{"If-Match", `"other"`}, 412, nil, "HEAD"},
		{"no such object", "GET", "none.jpg", nil, 404, nil, "HEAD"},
		{"a name that is a directory", "GET", "kyc", nil, 404, nil, "HEAD"},
		{"a range beyond the end", "GET", "large.bin", []string{"Range", "bytes=8388608-"}, 416, nil, "HEAD"},
		{"GET", "GET", "large.bin", nil, 200, content, "HEAD GET"},
		{"a small file", "GET", "kyc/card.jpg", nil, 200, files()["kyc/card.jpg"], "HEAD GET"},
		{"a name with a space", "GET", "kyc/my card.jpg", nil, 200, files()["kyc/my card.jpg"], "HEAD GET"},
		{"an empty file", "GET", "kyc/none.bin", nil, 200, []byte{}, "HEAD"},
		{"a name without an extension", "GET", "large", nil, 200, content, "HEAD GET"},
		{"HEAD of a name without an extension", "HEAD", "large", nil, 200, nil, "HEAD"},
		{"a range at the beginning", "GET", "large.bin", []string{"Range", "bytes=0-65535"}, 206, content[:65536], "HEAD GET"},
		{"a range in the middle", "GET", "large.bin", []string{"Range", "bytes=4194305-4259840"}, 206, content[4194305:4259841], "HEAD GET"},
		{"a range at the end", "GET", "large.bin", []string{"Range", "bytes=-10"}, 206, content[large-10:], "HEAD GET"},
		{"a range from the middle on", "GET", "large.bin", []string{"Range", "bytes=8000000-"}, 206, content[8000000:], "HEAD GET"},
		{"a range of a version that is still there", "GET", "large.bin", []string{"Range", "bytes=5-9", "If-Range", etag}, 206, content[5:10], "HEAD GET"},
		{"several ranges", "GET", "large.bin", []string{"Range", "bytes=0-9,100-109"}, 200, content, "HEAD GET"},
	} {
		resp, body, err := site.ask(t, t.Context(), test.method, test.file, test.header...)
		requests, sent := store.take()
		if err != nil || resp.StatusCode != test.status || test.body != nil && !bytes.Equal(body, test.body) {
			t.Errorf("%s: %s with %d bytes, %v", test.name, resp.Status, len(body), err)
		}
		if got := strings.Join(requests, " "); got != test.requests || test.body != nil && sent != int64(len(test.body)) {
			t.Errorf("%s: requests %s with %d bytes; want %s with %d", test.name, got, sent, test.requests, len(test.body))
		}
		if errs := site.errors(); errs != nil {
			t.Errorf("%s: %v", test.name, errs)
		}
	}
}

func TestTheErrorsOfABucketHaveAStatusOfTheirOwn(t *testing.T) {
	store, bucket := newStore(t)
	site := serve(t, bucket)
	reply := func(code int, of string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == of {
				w.WriteHeader(code)
			}
			return r.Method == of
		}
	}
	for _, test := range []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request) bool
		file   string
		status int
		learnt bool
	}{
		{"it is denied", reply(403, "HEAD"), "kyc/card.jpg", 502, true},
		{"it is unknown who asks", reply(401, "HEAD"), "kyc/card.jpg", 502, true},
		{"it is down", reply(503, "HEAD"), "kyc/card.jpg", 503, true},
		{"it is broken", reply(500, "HEAD"), "kyc/card.jpg", 503, true},
		{"it is denied after the attributes", reply(403, "GET"), "kyc/card.jpg", 502, true},
		{"it is down after the attributes", reply(503, "GET"), "kyc/card.jpg", 503, true},
		{"the object goes away after the attributes", reply(404, "GET"), "kyc/card.jpg", 503, true},
		{"the listing is denied", reply(403, "GET"), "kyc/", 502, true},
		{"the listing is down", reply(503, "GET"), "kyc/", 503, true},
		{"there is no such object", nil, "kyc/none.jpg", 404, false},
		{"there is no such directory", nil, "none/", 404, false},
	} {
		store.set(test.answer)
		for _, header := range [][]string{nil, {"Range", "bytes=0-3"}} {
			resp, body, err := site.ask(t, t.Context(), "GET", test.file, header...)
			if err != nil || resp.StatusCode != test.status || strings.TrimSpace(string(body)) != http.StatusText(test.status) ||
				resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Etag") != "" || resp.Header.Get("Content-Range") != "" {
				t.Errorf("%s: %s, %v, %q, %v", test.name, resp.Status, resp.Header, body, err)
			}
			if errs := site.errors(); (len(errs) == 1) != test.learnt {
				t.Errorf("%s: the operator learns %v", test.name, errs)
			}
		}
	}
	store.Close()
	if resp, _, _ := site.ask(t, t.Context(), "GET", "kyc/card.jpg"); resp.StatusCode != 503 {
		t.Errorf("nothing listens: %s", resp.Status)
	}
}

// An object of another version is never sent under the ETag of the first.
func TestAnObjectThatIsReplacedBetweenTheRequests(t *testing.T) {
	store, bucket := newStore(t)
	site := serve(t, bucket)
	var once sync.Once
	store.set(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == "GET" {
			once.Do(func() { store.put(t, "kyc/card.jpg", []byte("another version")) })
		}
		return false
	})
	if resp, body, _ := site.ask(t, t.Context(), "GET", "kyc/card.jpg"); resp.StatusCode != 503 {
		t.Errorf("%s, %q", resp.Status, body)
	}
	if resp, body, _ := site.ask(t, t.Context(), "GET", "kyc/card.jpg"); resp.StatusCode != 200 || string(body) != "another version" {
		t.Errorf("the next request: %s, %q", resp.Status, body)
	}
}

// A transfer that breaks off must not look like the whole file.
func TestABucketThatDiesInTheMiddle(t *testing.T) {
	store, bucket := newStore(t)
	site := serve(t, bucket)
	content := files()["large.bin"]
	store.set(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != "GET" {
			return false
		}
		modified, _ := bucket.Attributes(context.Background(), "large.bin")
		w.Header().Set("Content-Length", fmt.Sprint(large))
		w.Header().Set("Last-Modified", modified.ModTime.UTC().Format(http.TimeFormat))
		w.Write(content[:large/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	resp, body, err := site.ask(t, t.Context(), "GET", "large.bin")
	if resp.StatusCode != 200 || err == nil || len(body) > large/2 {
		t.Errorf("%s, %d bytes, %v", resp.Status, len(body), err)
	}
}

// Every request to the bucket ends when the client goes away, even if the bucket
// never answers.
func TestAClientThatGoesAway(t *testing.T) {
	store, bucket := newStore(t)
	site := serve(t, bucket)
	link, err := site.URL("large.bin", middleware.Claims{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"HEAD", "GET"} {
		arrived, ended := make(chan struct{}), make(chan struct{})
		store.set(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != method {
				return false
			}
			close(arrived)
			<-r.Context().Done()
			close(ended)
			return true
		})
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", site.addr+link.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			_, err := http.DefaultClient.Do(r)
			done <- err
		}()
		<-arrived
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", method, err)
		}
		<-ended
		if errs := site.errors(); errs != nil {
			t.Errorf("%s: the operator learns %v", method, errs)
		}
	}
}

func buckets(t *testing.T) map[string]*blob.Bucket {
	t.Helper()
	_, overHTTP := newStore(t)
	inFiles, err := fileblob.OpenBucket(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*blob.Bucket{"s3": overHTTP, "memory": memblob.OpenBucket(nil), "files": inFiles}
	for _, name := range []string{"memory", "files"} {
		t.Cleanup(func() { all[name].Close() })
		for key, content := range files() {
			if err := all[name].WriteAll(t.Context(), key, content, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

func TestEveryBucketIsServedAlike(t *testing.T) {
	for name, b := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			site := serve(t, b)
			for file, content := range files() {
				if strings.Contains(file, "/.") {
					continue
				}
				resp, body, err := site.ask(t, t.Context(), "GET", file)
				if err != nil || resp.StatusCode != 200 || sha256.Sum256(body) != sha256.Sum256(content) || resp.Header.Get("Etag") == "" {
					t.Errorf("%s: %s, %d bytes, %v, %v", file, resp.Status, len(body), resp.Header, err)
				}
			}
			// What the bucket calls HTML is not HTML here.
			if resp, _, _ := site.ask(t, t.Context(), "GET", "kyc/page.unknown"); resp.Header.Get("Content-Type") != "application/octet-stream" && resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("an unknown extension is %q", resp.Header.Get("Content-Type"))
			}
			link, err := site.Links().Subtree("kyc", middleware.Claims{Expires: time.Now().Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			page, err := link.URL("")
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.Get(site.addr + page.String())
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			for _, want := range []string{"card.jpg", "my card.jpg", "deep/"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("the listing lacks %s:\n%s", want, text)
				}
			}
			if strings.Contains(string(text), "/.hidden?") || strings.Contains(string(text), "/large") {
				t.Errorf("the listing has a name too many:\n%s", text)
			}
			if errs := site.errors(); errs != nil {
				t.Error(errs)
			}
		})
	}
}

// Whatever a program expects of a file system holds.
func TestFS(t *testing.T) {
	for name, b := range buckets(t) {
		t.Run(name, func(t *testing.T) {
			if err := fstest.TestFS(ioFS{bucketfs.New(blob.PrefixedBucket(b, "kyc/"), nil)}, "card.jpg", "deep/a.txt"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A directory of more keys than one page holds.
func TestALargeDirectory(t *testing.T) {
	b := memblob.OpenBucket(nil)
	defer b.Close()
	var want []string
	for i := range 2500 {
		want = append(want, fmt.Sprintf("f%04d.jpg", i))
		if err := b.WriteAll(t.Context(), "dir/"+want[i], nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	d, err := bucketfs.New(b, nil).Open("/dir")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var got []string
	for {
		infos, err := d.Readdir(700)
		for _, i := range infos {
			got = append(got, i.Name())
		}
		if err == io.EOF {
			break
		}
		if err != nil || len(infos) == 0 {
			t.Fatal(len(infos), err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
