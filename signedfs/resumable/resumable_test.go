package resumable_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gocloud.dev/blob/memblob"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/bucketfs"
	"example.com/signedurl/signedfs/resumable"
)

// site is a server of resumable uploads.
type site struct {
	*resumable.Handler
	url, dir, parts string
	keys            *middleware.Keyring
	mu              sync.Mutex
	stored          []string
	errs            []error
}

func newKeys(t *testing.T) *middleware.Keyring {
	t.Helper()
	key, err := middleware.NewHMACKey("k1", []byte("a secret of 32 bytes for testing"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// serve starts a server. The options may be changed first.
func serve(t *testing.T, s *site, change func(*resumable.Options)) *site {
	t.Helper()
	if s == nil {
		s = &site{dir: t.TempDir(), parts: filepath.Join(t.TempDir(), "parts")}
	}
	s.keys = newKeys(t)
	opts := &resumable.Options{
		Dir: s.parts,
		Files: signedfs.Options{
			Uploads: &signedfs.Uploads{OnStored: func(ctx context.Context, name string, info fs.FileInfo) error {
				link, _ := middleware.LinkFromContext(ctx)
				s.mu.Lock()
				defer s.mu.Unlock()
				s.stored = append(s.stored, fmt.Sprint(name, " ", info.Size(), " ", link.ID))
				return nil
			}},
			Error: func(_ *http.Request, err error) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.errs = append(s.errs, err)
			},
		},
	}
	if change != nil {
		change(opts)
	}
	dir, err := signedfs.OpenDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	s.Handler, err = resumable.New("/files/", dir, s.keys, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Handler.Close() })
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func claims(u middleware.Upload) middleware.Claims {
	return middleware.Claims{Expires: time.Now().Add(time.Hour), Methods: []string{"POST"}, Upload: u}
}

func (s *site) link(t *testing.T, name string, c middleware.Claims) string {
	t.Helper()
	u, err := s.Handler.URL(name, c)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func (s *site) do(t *testing.T, method, target string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, s.url+target, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Tus-Resumable", "1.0.0")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp
}

func metadata(name string) string {
	return "filename " + base64.StdEncoding.EncodeToString([]byte(name))
}

// begin begins an upload and returns its link.
func (s *site) begin(t *testing.T, link string, size int, header ...string) string {
	t.Helper()
	resp := s.do(t, "POST", link, nil, append(header, "Upload-Length", strconv.Itoa(size))...)
	if resp.StatusCode != 201 {
		t.Fatal(resp.Status)
	}
	return resp.Header.Get("Location")
}

func (s *site) patch(t *testing.T, location string, offset int, body string) *http.Response {
	t.Helper()
	return s.do(t, "PATCH", location, strings.NewReader(body), "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream")
}

func (s *site) content(name string) string {
	b, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(b)
}

// left returns what is on the disk of unfinished uploads.
func (s *site) left(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.parts)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAnUploadInParts(t *testing.T) {
	s := serve(t, nil, nil)
	c := claims(middleware.Upload{MaxBytes: 100})
	c.ID = "case-42"
	location := s.begin(t, s.link(t, "/", c), 11, "Upload-Metadata", metadata("a b.txt"))
	if u, err := url.Parse(location); err != nil || !strings.HasPrefix(u.Path, "/files/.uploads/") || u.Query().Get("signed_methods") != "PATCH,HEAD,DELETE" || u.Query().Get("signed_id") != "case-42" || u.Query().Get("signed_max") != "100" {
		t.Fatalf("Location: %s", location)
	}
	if resp := s.patch(t, location, 0, "hello "); resp.StatusCode != 204 || resp.Header.Get("Upload-Offset") != "6" {
		t.Fatal(resp.Status, resp.Header)
	}
	if got := s.content("a b.txt"); got != "" || s.stored != nil {
		t.Errorf("a part is there: %q", got)
	}
	if resp := s.do(t, "HEAD", location, nil); resp.StatusCode != 200 || resp.Header.Get("Upload-Offset") != "6" || resp.Header.Get("Upload-Length") != "11" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Error(resp.Status, resp.Header)
	}
	if resp := s.patch(t, location, 3, "lo world"); resp.StatusCode != 409 {
		t.Errorf("another offset: %s", resp.Status)
	}
	resp := s.patch(t, location, 6, "world")
	sum := sha256.Sum256([]byte("hello world"))
	if resp.StatusCode != 204 || resp.Header.Get("Upload-Offset") != "11" || resp.Header.Get("Etag") == "" ||
		resp.Header.Get("Repr-Digest") != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
		t.Error(resp.Status, resp.Header)
	}
	if got := s.content("a b.txt"); got != "hello world" || len(s.stored) != 1 || s.stored[0] != "/a b.txt 11 case-42" {
		t.Errorf("%q, %v", got, s.stored)
	}
	// A client that missed the reply learns that it is done.
	if resp := s.do(t, "HEAD", location, nil); resp.StatusCode != 200 || resp.Header.Get("Upload-Offset") != "11" {
		t.Error(resp.Status, resp.Header)
	}
	if resp := s.do(t, "DELETE", location, nil); resp.StatusCode != 204 || s.left(t) != nil || s.content("a b.txt") == "" {
		t.Errorf("%s, left %v", resp.Status, s.left(t))
	}
	if s.errs != nil {
		t.Error(s.errs)
	}
}

func TestCreationWithUploadAndTermination(t *testing.T) {
	s := serve(t, nil, nil)
	link := s.link(t, "a.txt", claims(middleware.Upload{}))
	header := []string{"Content-Type", "application/offset+octet-stream"}
	resp := s.do(t, "POST", link, strings.NewReader("hel"), append(header, "Upload-Length", "5")...)
	if resp.StatusCode != 201 || resp.Header.Get("Upload-Offset") != "3" {
		t.Fatal(resp.Status, resp.Header)
	}
	if resp := s.do(t, "DELETE", resp.Header.Get("Location"), nil); resp.StatusCode != 204 || s.left(t) != nil {
		t.Errorf("%s, left %v", resp.Status, s.left(t))
	}
	if resp := s.do(t, "HEAD", resp.Header.Get("Location"), nil); resp.StatusCode != 404 {
		t.Error(resp.Status)
	}
	resp = s.do(t, "POST", link, strings.NewReader("hello"), append(header, "Upload-Length", "5")...)
	if resp.StatusCode != 201 || s.content("a.txt") != "hello" || resp.Header.Get("Repr-Digest") == "" {
		t.Errorf("all at once: %s, %q", resp.Status, s.content("a.txt"))
	}
	if resp := s.do(t, "POST", s.link(t, "empty", claims(middleware.Upload{})), nil, "Upload-Length", "0"); resp.StatusCode != 201 || len(s.stored) != 2 {
		t.Errorf("empty: %s, %v", resp.Status, s.stored)
	}
}

// What can be told at the beginning is told before a byte is sent.
func TestWhatIsRefusedAtTheBeginning(t *testing.T) {
	s := serve(t, nil, func(o *resumable.Options) { o.Files.Uploads.MaxBytes = 1000 })
	if err := os.WriteFile(filepath.Join(s.dir, "old"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	images := middleware.Upload{Accept: []string{"image/*"}}
	get := claims(middleware.Upload{})
	get.Methods = nil
	put := claims(middleware.Upload{})
	put.Methods = []string{"PUT"}
	for _, tt := range []struct {
		name, link string
		header     []string
		status     int
	}{
		{"too long for the link", s.link(t, "a", claims(middleware.Upload{MaxBytes: 5})), []string{"Upload-Length", "6"}, 413},
		{"too long for the server", s.link(t, "a", claims(middleware.Upload{MaxBytes: 5000})), []string{"Upload-Length", "1001"}, 413},
		{"a name that is taken", s.link(t, "old", claims(middleware.Upload{})), []string{"Upload-Length", "6"}, 409},
		{"a type", s.link(t, "a.html", claims(images)), []string{"Upload-Length", "6"}, 415},
		{"no directory", s.link(t, "none/a", claims(middleware.Upload{})), []string{"Upload-Length", "6"}, 409},
		{"no length", s.link(t, "a", claims(middleware.Upload{})), nil, 400},
		{"a length that comes later", s.link(t, "a", claims(middleware.Upload{})), []string{"Upload-Defer-Length", "1"}, 400},
		{"no name", s.link(t, "/", claims(middleware.Upload{})), []string{"Upload-Length", "6"}, 400},
		{"a path", s.link(t, "/", claims(middleware.Upload{})), []string{"Upload-Length", "6", "Upload-Metadata", metadata("../a")}, 400},
		{"a hidden name", s.link(t, "/", claims(middleware.Upload{})), []string{"Upload-Length", "6", "Upload-Metadata", metadata(".a")}, 400},
		{"a misleading name", s.link(t, "/", claims(middleware.Upload{})), []string{"Upload-Length", "6", "Upload-Metadata", metadata("a\u202eb")}, 400},
		{"another version", s.link(t, "a", claims(middleware.Upload{})), []string{"Upload-Length", "6", "Tus-Resumable", "0.2.2"}, 412},
		{"a link for reading", s.link(t, "a", get), []string{"Upload-Length", "6"}, 403},
		{"a link for PUT", s.link(t, "a", put), []string{"Upload-Length", "6"}, 403},
		{"no link", "/files/a", []string{"Upload-Length", "6"}, 403},
	} {
		if resp := s.do(t, "POST", tt.link, nil, tt.header...); resp.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d", tt.name, resp.Status, tt.status)
		}
	}
	if left := s.left(t); left != nil {
		t.Errorf("left: %v", left)
	}
}

// What only the content tells is told at the end, and nothing is left.
func TestWhatIsRefusedAtTheEnd(t *testing.T) {
	s := serve(t, nil, nil)
	for name, tt := range map[string]struct {
		limits middleware.Upload
		status int
	}{
		"a.png": {middleware.Upload{Accept: []string{"image/*"}}, 415},
		"b":     {middleware.Upload{SHA256: sha256.Sum256([]byte("other"))}, 422},
		"c":     {middleware.Upload{}, 409},
	} {
		location := s.begin(t, s.link(t, name, claims(tt.limits)), 4)
		if name == "c" { // meanwhile
			if err := os.WriteFile(filepath.Join(s.dir, name), []byte("theirs"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if resp := s.patch(t, location, 0, "text"); resp.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d", name, resp.Status, tt.status)
		}
		if resp := s.do(t, "HEAD", location, nil); resp.StatusCode != 404 {
			t.Errorf("%s, afterwards: %s", name, resp.Status)
		}
	}
	if left := s.left(t); left != nil || s.content("c") != "theirs" || s.stored != nil {
		t.Errorf("left: %v, %q, %v", left, s.content("c"), s.stored)
	}
}

// The link of an upload opens that upload, and nothing else opens it.
func TestTheLinkOfAnUpload(t *testing.T) {
	s := serve(t, nil, nil)
	a := s.begin(t, s.link(t, "a", claims(middleware.Upload{})), 4)
	b := s.begin(t, s.link(t, "b", claims(middleware.Upload{})), 4)
	path, query, _ := strings.Cut(a, "?")
	other, _, _ := strings.Cut(b, "?")
	under := claims(middleware.Upload{})
	under.Under, under.Methods = "/files/", []string{"GET", "POST", "PATCH", "HEAD", "DELETE"}
	signed, err := s.keys.Sign(&url.URL{Path: path}, under)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		method, target string
		status         int
	}{
		"the signature on another upload": {"HEAD", other + "?" + query, 403},
		"no signature":                    {"HEAD", path, 403},
		"another method":                  {"POST", a, 403},
		"a download":                      {"GET", a, 403},
		"a link to the subtree":           {"HEAD", signed.RequestURI(), 403},
		"an override of the method":       {"HEAD", a, 200},
	} {
		if resp := s.do(t, tt.method, tt.target, nil, "X-HTTP-Method-Override", "DELETE", "Upload-Length", "4"); resp.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d", name, resp.Status, tt.status)
		}
	}
	// The override is not believed when an upload begins, either.
	resp := s.do(t, "POST", s.link(t, "c", claims(middleware.Upload{})), nil, "X-HTTP-Method-Override", "DELETE", "Upload-Length", "4")
	if resp.StatusCode != 201 {
		t.Error(resp.Status)
	}
	if n := len(s.left(t)); n != 6 {
		t.Errorf("%d files, want 6", n)
	}
}

// An upload that began in time can end, until the grace is over.
func TestALinkThatExpiresInTheMiddle(t *testing.T) {
	for _, grace := range []time.Duration{time.Hour, time.Nanosecond} {
		s := serve(t, nil, func(o *resumable.Options) { o.Grace = grace })
		c := claims(middleware.Upload{})
		c.Expires = time.Now().Add(1500 * time.Millisecond)
		link := s.link(t, "a", c)
		location := s.begin(t, link, 4)
		s.patch(t, location, 0, "te")
		for s.do(t, "POST", link, nil, "Upload-Length", "4").StatusCode != 404 {
			time.Sleep(50 * time.Millisecond)
		}
		want := map[bool]int{true: 204, false: 404}[grace == time.Hour]
		if resp := s.patch(t, location, 2, "xt"); resp.StatusCode != want || (s.content("a") == "text") != (want == 204) {
			t.Errorf("a grace of %v: %s, want %d", grace, resp.Status, want)
		}
	}
}

// A link with one use begins one upload. One that is refused takes no use.
func TestUses(t *testing.T) {
	s := serve(t, nil, func(o *resumable.Options) { o.Files.Verify.Uses = memstore.NewUses(nil) })
	c := claims(middleware.Upload{MaxBytes: 5})
	c.ID, c.Uses = "one", 1
	link := s.link(t, "a", c)
	if resp := s.do(t, "POST", link, nil, "Upload-Length", "6"); resp.StatusCode != 413 {
		t.Error(resp.Status)
	}
	location := s.begin(t, link, 4)
	if resp := s.do(t, "POST", link, nil, "Upload-Length", "4"); resp.StatusCode != 404 {
		t.Errorf("a second upload: %s", resp.Status)
	}
	for i, part := range []string{"t", "e", "x", "t"} {
		if resp := s.patch(t, location, i, part); resp.StatusCode != 204 {
			t.Error(resp.Status)
		}
	}
}

// A link that is bound to a session stays bound.
func TestBindings(t *testing.T) {
	s := serve(t, nil, func(o *resumable.Options) {
		o.Files.Verify.Binding = func(r *http.Request, _ string) (string, error) {
			c, err := r.Cookie("session")
			if err != nil {
				return "", err
			}
			return c.Value, nil
		}
	})
	c := claims(middleware.Upload{})
	c.Binding = middleware.Binding{Name: "session", Value: "alice"}
	location := s.begin(t, s.link(t, "a", c), 4, "Cookie", "session=alice")
	for cookie, want := range map[string]int{"session=bob": 403, "x=y": 403} {
		if resp := s.do(t, "HEAD", location, nil, "Cookie", cookie); resp.StatusCode != want {
			t.Errorf("%s: %s", cookie, resp.Status)
		}
	}
	resp := s.do(t, "PATCH", location, strings.NewReader("text"), "Cookie", "session=alice", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
	if resp.StatusCode != 204 || s.content("a") != "text" {
		t.Error(resp.Status)
	}
}

// full is a writer whose disk is full until it is not.
type full struct {
	*signedfs.Dir
	mu  sync.Mutex
	err error
}

func (f *full) Create(ctx context.Context, name string, o signedfs.CreateOptions) (signedfs.NewFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := f.Dir.Create(ctx, name, o)
	if f.err != nil && err == nil {
		return failing{file, f.err}, nil
	}
	return file, err
}

type failing struct {
	signedfs.NewFile
	err error
}

func (f failing) Commit() (fs.FileInfo, error) { return nil, f.err }

// What could not be stored for a reason that passes is stored by the next request.
func TestAFailureThatPasses(t *testing.T) {
	s := &site{dir: t.TempDir(), parts: t.TempDir(), keys: newKeys(t)}
	dir, err := signedfs.OpenDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	root := &full{Dir: dir, err: errors.New("the path /secret is broken")}
	s.Handler, err = resumable.New("/files/", root, s.keys, &resumable.Options{Dir: s.parts, Files: signedfs.Options{Uploads: &signedfs.Uploads{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Handler.Close()
	server := httptest.NewServer(s)
	defer server.Close()
	s.url = server.URL
	location := s.begin(t, s.link(t, "a", claims(middleware.Upload{})), 4)
	if resp := s.patch(t, location, 0, "text"); resp.StatusCode != 500 {
		t.Errorf("PATCH: %s", resp.Status)
	}
	for _, method := range []string{"HEAD", "PATCH"} {
		if resp := s.do(t, method, location, nil, "Upload-Offset", "4", "Content-Type", "application/offset+octet-stream"); resp.StatusCode != 500 {
			t.Errorf("%s, while it lasts: %s", method, resp.Status)
		}
	}
	root.mu.Lock()
	root.err = nil
	root.mu.Unlock()
	if resp := s.do(t, "HEAD", location, nil); resp.StatusCode != 200 || resp.Header.Get("Upload-Offset") != "4" || s.content("a") != "text" {
		t.Errorf("HEAD, afterwards: %s, %q", resp.Status, s.content("a"))
	}
}

// A process that ends at any moment loses nothing: the next one goes on.
func TestARestart(t *testing.T) {
	s := serve(t, nil, nil)
	location := s.begin(t, s.link(t, "a", claims(middleware.Upload{})), 8)
	s.patch(t, location, 0, "half")
	s.Handler.Close()
	s = serve(t, s, nil)
	if resp := s.do(t, "HEAD", location, nil); resp.Header.Get("Upload-Offset") != "4" {
		t.Error(resp.Status, resp.Header)
	}
	if resp := s.patch(t, location, 4, "done"); resp.StatusCode != 204 || s.content("a") != "halfdone" {
		t.Error(resp.Status)
	}
	// It was killed when the file had appeared, and before it knew.
	id, _, _ := strings.Cut(strings.TrimPrefix(location, "/files/.uploads/"), "?")
	if err := os.Remove(filepath.Join(s.parts, id+".done")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.parts, id), []byte("halfdone"), 0o600); err != nil {
		t.Fatal(err)
	}
	if resp := s.do(t, "HEAD", location, nil); resp.StatusCode != 200 || resp.Header.Get("Upload-Offset") != "8" {
		t.Errorf("after the file appeared: %s", resp.Status)
	}
	// The file is another one.
	os.Remove(filepath.Join(s.parts, id+".done"))
	os.WriteFile(filepath.Join(s.parts, id), []byte("halfd0ne"), 0o600)
	if resp := s.do(t, "HEAD", location, nil); resp.StatusCode != 409 || s.content("a") != "halfdone" {
		t.Errorf("after another file appeared: %s, %q", resp.Status, s.content("a"))
	}
}

// A connection that is cut loses no more than what was on the way.
func TestACutConnection(t *testing.T) {
	s := serve(t, nil, nil)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	location := s.begin(t, s.link(t, "a", claims(middleware.Upload{})), len(content))
	for i := 1; ; i++ {
		offset, err := strconv.Atoi(s.do(t, "HEAD", location, nil).Header.Get("Upload-Offset"))
		if err != nil {
			t.Fatal(err)
		}
		if i > 5 || offset == len(content) {
			resp := s.patch(t, location, offset, string(content[offset:]))
			if resp.StatusCode == 204 {
				break
			}
			// What was cut may arrive only now, and goes on where it was (409), or takes
			// the upload over (400).
			if resp.StatusCode != 409 && resp.StatusCode != 400 || i > 100 {
				t.Fatal(resp.Status)
			}
			continue
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: %d\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: %d\r\n\r\n", location, offset, len(content)-offset)
		conn.Write(content[offset : offset+min(i*7777, len(content)-offset)])
		conn.Close()
	}
	if got := s.content("a"); got != string(content) {
		t.Errorf("%d bytes, want %d", len(got), len(content))
	}
}

// What nobody asks for is deleted, and what somebody asks for is not.
func TestAbandonedUploads(t *testing.T) {
	s := serve(t, nil, nil)
	old := s.begin(t, s.link(t, "a", claims(middleware.Upload{})), 4)
	renewed := s.begin(t, s.link(t, "b", claims(middleware.Upload{})), 4)
	long := time.Now().Add(-25 * time.Hour)
	for _, name := range s.left(t) {
		if err := os.Chtimes(filepath.Join(s.parts, name), long, long); err != nil {
			t.Fatal(err)
		}
	}
	s.do(t, "HEAD", renewed, nil)
	s.Handler.Close()
	s = serve(t, s, nil)
	if resp := s.do(t, "HEAD", old, nil); resp.StatusCode != 404 {
		t.Errorf("the abandoned one: %s", resp.Status)
	}
	if resp := s.do(t, "HEAD", renewed, nil); resp.StatusCode != 200 || len(s.left(t)) != 2 {
		t.Errorf("the other one: %s, %v", resp.Status, s.left(t))
	}
}

func TestBounds(t *testing.T) {
	s := serve(t, nil, func(o *resumable.Options) { o.MaxUnfinished = 2; o.Files.Uploads.MaxPerClient = 1 })
	first := s.begin(t, s.link(t, "a", claims(middleware.Upload{})), 100)
	second := s.begin(t, s.link(t, "b", claims(middleware.Upload{})), 100)
	if resp := s.do(t, "POST", s.link(t, "c", claims(middleware.Upload{})), nil, "Upload-Length", "4"); resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a third: %s", resp.Status)
	}
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 100\r\n\r\nx", first)
	for end := time.Now().Add(20 * time.Second); ; {
		resp := s.patch(t, second, 0, "")
		if resp = s.do(t, "PATCH", second, strings.NewReader("x"), "Upload-Offset", resp.Header.Get("Upload-Offset"), "Content-Type", "application/offset+octet-stream"); resp.StatusCode == 429 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("another part of that client is never refused")
		}
	}
}

func TestOptions(t *testing.T) {
	dir, err := signedfs.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	files := signedfs.Options{Uploads: &signedfs.Uploads{}}
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o644)
	for name, o := range map[string]*resumable.Options{
		"nil":             nil,
		"no uploads":      {Dir: t.TempDir()},
		"no directory":    {Files: files},
		"a file":          {Files: files, Dir: file},
		"a negative time": {Files: files, Dir: t.TempDir(), Idle: -1},
	} {
		if _, err := resumable.New("/", dir, newKeys(t), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The parts are on the disk, whatever the files are in.
func TestUploadsToABucket(t *testing.T) {
	b := memblob.OpenBucket(nil)
	defer b.Close()
	s := &site{parts: t.TempDir(), keys: newKeys(t)}
	var err error
	s.Handler, err = resumable.New("/files/", bucketfs.New(b, nil), s.keys, &resumable.Options{Dir: s.parts, Files: signedfs.Options{Uploads: &signedfs.Uploads{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Handler.Close()
	server := httptest.NewServer(s)
	defer server.Close()
	s.url = server.URL
	location := s.begin(t, s.link(t, "a/b", claims(middleware.Upload{})), 4)
	s.patch(t, location, 0, "te")
	if resp := s.patch(t, location, 2, "xt"); resp.StatusCode != 204 {
		t.Error(resp.Status)
	}
	if got, err := b.ReadAll(t.Context(), "a/b"); string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
}

// narrow narrows a link by steps.
func narrow(t *testing.T, link string, steps ...middleware.Claims) string {
	t.Helper()
	u, err := url.Parse(link)
	for _, step := range steps {
		if err == nil {
			u, err = middleware.Narrow(u, step)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func TestAStepThatLeavesADirectoryLeavesNoFileInIt(t *testing.T) {
	s := serve(t, nil, nil)
	c := claims(middleware.Upload{})
	c.Under = "/files/"
	link := strings.Replace(s.link(t, "x", c), "/files/x", "/files/", 1)
	for want, step := range map[int]middleware.Claims{201: {Under: "/files/"}, 403: {Only: "/files/"}} {
		if resp := s.do(t, "POST", narrow(t, link, step), nil, "Upload-Length", "4", "Upload-Metadata", metadata("a")); resp.StatusCode != want {
			t.Errorf("%+v: %s, want %d", step, resp.Status, want)
		}
	}
}

func TestAnUploadOutlivesAKeyThatCouldNarrow(t *testing.T) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signs, err := middleware.NewEd25519Key("k2", private)
	if err != nil {
		t.Fatal(err)
	}
	old, err := middleware.NewHMACKey("k1", []byte("a secret of 32 bytes for testing"))
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := middleware.NewKeyring(signs, old)
	if err != nil {
		t.Fatal(err)
	}
	keys := middleware.NewFormatVar(newKeys(t))
	s := &site{dir: t.TempDir(), parts: filepath.Join(t.TempDir(), "parts")}
	dir, err := signedfs.OpenDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	s.Handler, err = resumable.New("/files/", dir, keys, &resumable.Options{Dir: s.parts, Files: signedfs.Options{Uploads: &signedfs.Uploads{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Handler.Close()
	server := httptest.NewServer(s)
	defer server.Close()
	s.url = server.URL
	for name, test := range map[string]struct {
		step middleware.Claims
		want int
	}{
		"network": {middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, 204},
		"size":    {middleware.Claims{Upload: middleware.Upload{MaxBytes: 4}}, 204},
		// It cannot be handed on, and the upload waits for the old key.
		"types": {middleware.Claims{Upload: middleware.Upload{Accept: []string{"text/plain"}}}, 500},
	} {
		keys.Set(newKeys(t))
		location := s.begin(t, narrow(t, s.link(t, name+".txt", claims(middleware.Upload{})), test.step), 4)
		s.patch(t, location, 0, "te")
		keys.Set(rotated)
		if resp := s.patch(t, location, 2, "xt"); resp.StatusCode != test.want {
			t.Errorf("%s: %s, want %d", name, resp.Status, test.want)
		}
		keys.Set(newKeys(t))
		if s.do(t, "HEAD", location, nil); s.content(name+".txt") != "text" {
			t.Errorf("%s: the file is %q", name, s.content(name+".txt"))
		}
	}
}

func TestAnUploadInPartsIsHeldToTheStepsOfItsLink(t *testing.T) {
	const body = "\x89PNG\r\n\x1a\n and pixels"
	s := serve(t, nil, func(o *resumable.Options) {
		o.Grace = time.Hour
		o.Files.Verify.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	here := middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	upTo := func(n int64, types ...string) middleware.Claims {
		return middleware.Claims{Upload: middleware.Upload{MaxBytes: n, Accept: types}}
	}
	from := func(addr string) []string { return []string{"X-Forwarded-For", addr} }

	// What is too long is refused before it begins, and what has another type at the end.
	big := s.link(t, "big.png", claims(middleware.Upload{MaxBytes: 100}))
	if resp := s.do(t, "POST", narrow(t, big, upTo(4)), nil, "Upload-Length", "5"); resp.StatusCode != 413 {
		t.Errorf("too long for the step: %s", resp.Status)
	}
	pdf := "%PDF-1.7 and pages"
	location := s.begin(t, narrow(t, s.link(t, "a", claims(middleware.Upload{Accept: []string{"image/png", "application/pdf"}})), upTo(0, "image/png")), len(pdf))
	if resp := s.patch(t, location, 0, pdf); resp.StatusCode != 415 || s.content("a") != "" {
		t.Errorf("another type than the step's: %s", resp.Status)
	}

	// The link of the upload is good for no more clients, and for no other size.
	link := narrow(t, s.link(t, "b.png", claims(middleware.Upload{})), here, upTo(100, "image/*"), middleware.Claims{Expires: time.Now().Add(time.Minute)})
	location = s.begin(t, link, len(body), from("192.0.2.7")...)
	if !strings.Contains(location, "signed_narrow=") {
		t.Fatalf("the link is %s", middleware.Redact(location))
	}
	if resp := s.do(t, "HEAD", location, nil, from("198.51.100.7")...); resp.StatusCode != 403 {
		t.Errorf("from elsewhere: %s", resp.Status)
	}
	resp := s.do(t, "PATCH", location, strings.NewReader(body), append(from("192.0.2.8"), "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")...)
	if resp.StatusCode != 204 || s.content("b.png") != body {
		t.Errorf("from where the step permits it: %s", resp.Status)
	}
}
