package signedfs_test

import (
	"bufio"
	"embed"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// later is so far away that a reply's max-age is always the year that is its
// limit.
var later = middleware.Claims{Expires: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}

// changed is when the test's files were last changed.
var changed = time.Date(2025, 3, 1, 12, 0, 0, 123456789, time.UTC)

var ring = func() *middleware.Keyring {
	key, err := middleware.NewHMACKey("test", []byte("a secret of 32 bytes for testing"))
	if err != nil {
		panic(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		panic(err)
	}
	return ring
}()

//go:embed testdata/files
var embedded embed.FS

func embeddedFiles() fs.FS {
	sub, err := fs.Sub(embedded, "testdata/files")
	if err != nil {
		panic(err)
	}
	return sub
}

// tree copies testdata/files and adds to it what an embedded file cannot be.
func tree(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, embeddedFiles()); err != nil {
		t.Fatal(err)
	}
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(".env", "SECRET=1")
	write(".git/config", "[core]")
	write("kyc/.htpasswd", "me:x")
	write("kyc/index.html", "<p>not to be redirected to")
	write("a%2Fb.txt", "a per cent sign")
	write("wie schön & gut;+#.txt", "a name to be escaped")
	write("large.bin", strings.Repeat("0123456789abcdef", 1<<14))
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(path, changed, changed)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func openDir(t testing.TB, name string) *signedfs.Dir {
	t.Helper()
	d, err := signedfs.OpenDir(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func newHandler(t testing.TB, base string, root http.FileSystem, opts *signedfs.Options) *signedfs.Handler {
	t.Helper()
	h, err := signedfs.New(base, root, ring, opts)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func listen(t testing.TB, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// target is the request target of a link.
func target(t testing.TB, h *signedfs.Handler, name string, c middleware.Claims) string {
	t.Helper()
	u, err := h.URL(name, c)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

// sign signs a path as it is, which a builder might escape otherwise or refuse.
func sign(t testing.TB, escapedPath string, c middleware.Claims) string {
	t.Helper()
	path, err := url.PathUnescape(escapedPath)
	if err != nil {
		t.Fatal(err)
	}
	u, err := ring.Sign(&url.URL{Path: path, RawPath: escapedPath}, c)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

type reply struct {
	Status int
	Header http.Header
	Body   string
}

// ask sends a request as it is, over a connection of its own, so that nothing
// cleans the target or follows a redirect.
func ask(t testing.TB, addr, method, target string, header ...string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: files.example", "Connection: close"}, header...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, middleware.Redact(target), err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

// roots are the file systems that a handler may be made for.
func roots(t testing.TB, dir string) map[string]http.FileSystem {
	d := openDir(t, dir)
	return map[string]http.FileSystem{
		"signedfs.Dir":      d,
		"os.Root":           signedfs.WithoutFastPath(d),
		"http.Dir":          http.Dir(dir),
		"http.FS(os.DirFS)": http.FS(os.DirFS(dir)),
		"http.FS(embed.FS)": http.FS(embeddedFiles()),
	}
}

// openFiles returns how many files this process has open. It is always 0
// on systems without /proc.
func openFiles(t testing.TB) int {
	t.Helper()
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}

// newVerifier is middleware.NewVerifier for options that are known to be right.
func newVerifier(tb testing.TB, f middleware.Format, o *middleware.Options) *middleware.Verifier {
	tb.Helper()
	v, err := middleware.NewVerifier(f, o)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}
