package signedfs_test

import (
	"bufio"
	"bytes"
	"context"
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
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/signedfs"
)

const (
	png  = "\x89PNG\r\n\x1a\n and pixels"
	jpeg = "\xff\xd8\xff\xe0 and pixels"
	pdf  = "%PDF-1.7 and pages"
	page = "<!DOCTYPE html><script>alert(1)</script>"
)

// upTo are claims for an upload of up to so many bytes.
func upTo(n int64) middleware.Claims {
	c := later
	c.Methods = []string{"PUT", "POST"}
	c.Upload.MaxBytes = n
	return c
}

// put is the request that stores a body under a link.
func put(t testing.TB, addr, target, body string, header ...string) reply {
	t.Helper()
	return sendBody(t, addr, "PUT", target, body, append(header, "Content-Length: "+strconv.Itoa(len(body)))...)
}

// sendBody sends a request with a body as it is.
func sendBody(t testing.TB, addr, method, target, body string, header ...string) reply {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: files.example", "Connection: close"}, header...)
	go io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, middleware.Redact(target), err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil && resp.StatusCode < 400 {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

type part struct{ disposition, body string }

func file(name, body string) part { return part{`name="file"; filename="` + name + `"`, body} }

// form sends a form. The parts are written as they are.
func form(t testing.TB, addr, target string, parts ...part) reply {
	t.Helper()
	return sendBody(t, addr, "POST", target, formBody(parts...)+"--x--\r\n", "Content-Type: multipart/form-data; boundary=x",
		"Content-Length: "+strconv.Itoa(len(formBody(parts...))+7))
}

func formBody(parts ...part) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; %s\r\nContent-Type: image/png\r\n\r\n%s\r\n", p.disposition, p.body)
	}
	return b.String()
}

// writers are the ways in which a Dir stores files.
func writers(t testing.TB, dir string) map[string]*signedfs.Dir {
	d := openDir(t, dir)
	return map[string]*signedfs.Dir{"as the system can": d, "with temporary names": signedfs.WithoutFastPath(d)}
}

func onlyUploads(u signedfs.Uploads) *signedfs.Options { return &signedfs.Options{Uploads: &u} }

// content returns the file of a name, or "" if there is none.
func content(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// names returns everything that is in a directory, hidden files too.
func names(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != dir {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPutStoresAFile(t *testing.T) {
	for kind := range writers(t, t.TempDir()) {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "kyc"), 0o755); err != nil {
				t.Fatal(err)
			}
			var stored []string
			h := newHandler(t, "/files/", writers(t, dir)[kind], onlyUploads(signedfs.Uploads{
				OnStored: func(ctx context.Context, name string, info fs.FileInfo) error {
					link, ok := middleware.LinkFromContext(ctx)
					stored = append(stored, fmt.Sprint(name, " ", info.Name(), " ", info.Size(), " ", ok, " ", link.KeyID))
					return nil
				},
			}))
			addr := listen(t, h)
			got := put(t, addr, target(t, h, "kyc/card 1.png", upTo(1<<10)), png)
			if got.Status != 201 || content(t, dir, "kyc/card 1.png") != png {
				t.Fatalf("%+v, and the file has %q", got, content(t, dir, "kyc/card 1.png"))
			}
			sum := sha256.Sum256([]byte(png))
			read := ask(t, addr, "GET", target(t, h, "kyc/card 1.png", later))
			for name, want := range map[string]string{
				"Location":               "/files/kyc/card%201.png",
				"Etag":                   read.Header.Get("Etag"),
				"Repr-Digest":            "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
				"Cache-Control":          "no-store",
				"X-Content-Type-Options": "nosniff",
				"Content-Type":           "text/plain; charset=utf-8",
			} {
				if got.Header.Get(name) != want || want == "" {
					t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
				}
			}
			if diff := cmp.Diff([]string{"/kyc/card 1.png card 1.png " + strconv.Itoa(len(png)) + " true test"}, stored); diff != "" {
				t.Errorf("OnStored (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"kyc", "kyc/card 1.png"}, names(t, dir)); diff != "" {
				t.Errorf("the directory (-want +got):\n%s", diff)
			}
			if info, err := os.Stat(filepath.Join(dir, "kyc/card 1.png")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm()&^0o640 != 0 {
				t.Errorf("%v, %v", info.Mode(), err)
			}
			// An empty file is one, too, and so is one of unknown length.
			if got := put(t, addr, target(t, h, "empty", upTo(1)), ""); got.Status != 201 {
				t.Errorf("an empty file: %d", got.Status)
			}
			if got := sendBody(t, addr, "PUT", target(t, h, "chunked", upTo(5)), "5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked"); got.Status != 201 || content(t, dir, "chunked") != "hello" {
				t.Errorf("chunked: %d", got.Status)
			}
		})
	}
}

// Whatever is refused leaves nothing behind.
func TestWhatAnUploadRefuses(t *testing.T) {
	for kind := range writers(t, t.TempDir()) {
		dir := t.TempDir()
		for name, text := range map[string]string{"old.txt": "old", "dir/.keep": ""} {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if runtime.GOOS != "windows" {
			for link, to := range map[string]string{"sub": "dir", "out": t.TempDir(), "dangling.txt": "nowhere.txt"} {
				if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
					t.Fatal(err)
				}
			}
		}
		before := names(t, dir)
		h := newHandler(t, "/files/", writers(t, dir)[kind], onlyUploads(signedfs.Uploads{MaxBytes: 100}))
		addr := listen(t, h)
		replace := upTo(20)
		replace.Upload.Replace = true
		digest := upTo(20)
		digest.Upload.SHA256 = sha256.Sum256([]byte("another"))
		images := upTo(60)
		images.Upload.Accept = []string{"image/*", "application/pdf"}
		get := later
		tests := []struct {
			name   string
			method string
			target string
			body   string
			header []string
			status int
		}{
			{"too long for the link", "PUT", target(t, h, "new", upTo(3)), "four", nil, 413},
			{"too long for the server", "PUT", target(t, h, "new", upTo(1000)), strings.Repeat("x", 101), nil, 413},
			{"too long for a link that says nothing", "PUT", target(t, h, "new", upTo(0)), strings.Repeat("x", 101), nil, 413},
			{"too long, counted", "PUT", target(t, h, "new", upTo(3)), "4\r\nfour\r\n0\r\n\r\n", []string{"Transfer-Encoding: chunked"}, 413},
			{"another digest", "PUT", target(t, h, "new", digest), "one", nil, 422},
			{"a name that is taken", "PUT", target(t, h, "old.txt", upTo(3)), "new", nil, 409},
			{"a directory", "PUT", target(t, h, "dir", upTo(3)), "new", nil, 409},
			{"a directory, to be replaced", "PUT", target(t, h, "dir", replace), "new", nil, 409},
			{"no directory", "PUT", target(t, h, "none/new", upTo(3)), "new", nil, 409},
			{"a file as a directory", "PUT", target(t, h, "old.txt/new", upTo(3)), "new", nil, 409},
			{"no type in the list, by name", "PUT", target(t, h, "new.html", images), png, nil, 415},
			{"no type in the list, by content", "PUT", target(t, h, "new.png", images), page, nil, 415},
			{"an encoded body", "PUT", target(t, h, "new", upTo(9)), "x", []string{"Content-Encoding: gzip"}, 415},
			{"a part of a body", "PUT", target(t, h, "new", upTo(9)), "x", []string{"Content-Range: bytes 0-0/1"}, 400},
			{"a form to PUT", "PUT", target(t, h, "new", upTo(999)), "x", []string{"Content-Type: multipart/form-data; boundary=x"}, 415},
			{"a broken chunk", "PUT", target(t, h, "new", upTo(9)), "zz\r\n", []string{"Transfer-Encoding: chunked"}, 400},
			{"PUT to a directory's path", "PUT", sign(t, "/files/dir/", upTo(9)), "x", nil, 405},
			{"POST to a file's path", "POST", target(t, h, "new", upTo(9)), "x", nil, 405},
			{"POST of something else", "POST", sign(t, "/files/dir/", upTo(9)), "x", []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
			{"a hidden name", "PUT", sign(t, "/files/.new", upTo(9)), "x", nil, 404},
			{"a name that looks like another", "PUT", target(t, h, "a\u202egpj.exe", upTo(9)), "x", nil, 400},
			{"a name with a separator", "PUT", target(t, h, "a\u2028b", upTo(9)), "x", nil, 400},
			{"a link for reading", "PUT", target(t, h, "new", get), "x", nil, 403},
			{"no link", "PUT", "/files/new", "x", nil, 403},
			{"reading with a link for uploads", "GET", target(t, h, "old.txt", upTo(9)), "", nil, 403},
			{"a condition on what is there", "PUT", target(t, h, "old.txt", replace), "new", []string{`If-Match: "another"`}, 412},
			{"a condition on what is not there", "PUT", target(t, h, "new", replace), "new", []string{"If-Match: *"}, 412},
			{"a condition that there is nothing", "PUT", target(t, h, "old.txt", replace), "new", []string{"If-None-Match: *"}, 412},
			{"a condition on the time", "PUT", target(t, h, "old.txt", replace), "new", []string{"If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"}, 412},
		}
		if runtime.GOOS != "windows" {
			tests = append(tests, []struct {
				name   string
				method string
				target string
				body   string
				header []string
				status int
			}{
				{"through a symbolic link", "PUT", target(t, h, "sub/new", upTo(3)), "new", nil, 409},
				{"through a symbolic link to the outside", "PUT", target(t, h, "out/new", upTo(3)), "new", nil, 409},
				{"a symbolic link", "PUT", target(t, h, "dangling.txt", upTo(3)), "new", nil, 409},
				{"a form through a symbolic link", "POST", sign(t, "/files/sub/", upTo(99)), formBody(file("new", "x")) + "--x--", []string{"Content-Type: multipart/form-data; boundary=x"}, 409},
			}...)
		}
		for _, tt := range tests {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				header := tt.header
				if len(header) == 0 || header[0] != "Transfer-Encoding: chunked" {
					header = append(header, "Content-Length: "+strconv.Itoa(len(tt.body)))
				}
				got := sendBody(t, addr, tt.method, tt.target, tt.body, header...)
				if got.Status != tt.status || got.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%d with %q, want %d", got.Status, got.Header.Get("Cache-Control"), tt.status)
				}
				if got.Status == 405 && got.Header.Get("Allow") == "" {
					t.Error("no Allow")
				}
				if diff := cmp.Diff(before, names(t, dir)); diff != "" {
					t.Errorf("the directory (-want +got):\n%s", diff)
				}
				if content(t, dir, "old.txt") != "old" {
					t.Error("the file is not the old one")
				}
			})
		}
	}
}

func TestReplacing(t *testing.T) {
	for kind := range writers(t, t.TempDir()) {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			h := newHandler(t, "/files/", writers(t, dir)[kind], onlyUploads(signedfs.Uploads{}))
			addr := listen(t, h)
			c := upTo(100)
			c.Upload.Replace = true
			link := target(t, h, "a.txt", c)
			first := put(t, addr, link, "one", "If-None-Match: *")
			if first.Status != 201 {
				t.Fatal(first.Status)
			}
			tag := first.Header.Get("Etag")
			if got := put(t, addr, link, "two", "If-Match: "+tag); got.Status != 201 || got.Header.Get("Etag") == tag {
				t.Errorf("%d, %q", got.Status, got.Header.Get("Etag"))
			}
			if got := put(t, addr, link, "three", `If-Match: "x", `+tag); got.Status != 412 || content(t, dir, "a.txt") != "two" {
				t.Errorf("the tag of the file before: %d, %q", got.Status, content(t, dir, "a.txt"))
			}
			if got := put(t, addr, link, "three", "If-None-Match: "+tag); got.Status != 201 {
				t.Errorf("not the tag of the file before: %d", got.Status)
			}
			modified := ask(t, addr, "GET", target(t, h, "a.txt", later)).Header.Get("Last-Modified")
			if got := put(t, addr, link, "three", "If-Unmodified-Since: "+modified); got.Status != 201 {
				t.Errorf("not changed since the time of the file: %d", got.Status)
			}
			if got := put(t, addr, link, "four", "If-Unmodified-Since: Fri, 01 Jan 2100 00:00:00 GMT"); got.Status != 201 || content(t, dir, "a.txt") != "four" {
				t.Errorf("not changed since a time to come: %d", got.Status)
			}
			if runtime.GOOS == "windows" {
				return
			}
			// A symbolic link is replaced itself. What it leads to stays.
			if err := os.WriteFile(filepath.Join(dir, "target.txt"), []byte("old"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("target.txt", filepath.Join(dir, "link.txt")); err != nil {
				t.Fatal(err)
			}
			if got := put(t, addr, target(t, h, "link.txt", c), "new"); got.Status != 201 || content(t, dir, "target.txt") != "old" || content(t, dir, "link.txt") != "new" {
				t.Errorf("a symbolic link: %d, %q", got.Status, content(t, dir, "target.txt"))
			}
		})
	}
}

func TestForms(t *testing.T) {
	big := strings.Repeat("x", 70<<10)
	tests := []struct {
		name   string
		parts  []part
		status int
		stored string // its name
	}{
		{"a file", []part{file("card.png", png)}, 201, "card.png"},
		{"a file among fields", []part{{`name="a"`, "1"}, file("card.png", png), {`name="b"`, "2"}}, 201, "card.png"},
		{"a name of its own", []part{file("Ausweis é 1.png", png)}, 201, "Ausweis é 1.png"},
		{"a name without quotes", []part{{`name=file; filename=card.png`, png}}, 201, "card.png"},
		{"a name in which a browser encoded a quote", []part{file("a%22b.png", png)}, 201, "a%22b.png"},
		{"upper case", []part{{`NAME="file"; FILENAME="card.png"`, png}}, 201, "card.png"},
		{"no file", []part{{`name="a"`, "1"}}, 400, ""},
		{"no file was chosen", []part{file("", "")}, 400, ""},
		{"two files", []part{file("a.png", png), file("b.png", png)}, 400, ""},
		{"two files of one name", []part{file("a.png", png), file("a.png", png)}, 400, ""},
		{"two names", []part{{`name="file"; filename="a.png"; filename="b.png"`, png}}, 400, ""},
		{"two names, one encoded", []part{{`name="file"; filename="a.png"; filename*=UTF-8''b.png`, png}}, 400, ""},
		{"an encoded name", []part{{`name="file"; filename*=UTF-8''b.png`, png}}, 400, ""},
		{"a name in pieces", []part{{`name="file"; filename*0="b"; filename*1=".png"`, png}}, 400, ""},
		{"an escaped quote", []part{file(`a\"b.png`, png)}, 400, ""},
		{"a path", []part{file("up/card.png", png)}, 400, ""},
		{"a path of Windows", []part{file(`C:\card.png`, png)}, 400, ""},
		{"a path upwards", []part{file("../card.png", png)}, 400, ""},
		{"two dots", []part{file("..", png)}, 400, ""},
		{"a hidden name", []part{file(".htaccess", png)}, 400, ""},
		{"a name that is not UTF-8", []part{file("a\xff.png", png)}, 400, ""},
		{"a name that looks like another", []part{file("a\u202egnp.exe", png)}, 400, ""},
		{"a long name", []part{file(strings.Repeat("a", 256), png)}, 400, ""},
		{"two dispositions", []part{{"name=\"file\"; filename=\"a.png\"\r\nContent-Disposition: form-data; filename=\"b.png\"", png}}, 400, ""},
		{"quoted-printable", []part{{"name=\"file\"; filename=\"a.png\"\r\nContent-Transfer-Encoding: quoted-printable", png}}, 400, ""},
		{"a file that is too long", []part{file("card.png", png+big)}, 413, ""},
		{"a large field before it", []part{{`name="a"`, big}, file("card.png", png)}, 413, ""},
		{"a large field after it", []part{file("card.png", png), {`name="a"`, big}}, 413, ""},
		{"a type that is not in the list", []part{file("card.png", page)}, 415, ""},
		{"a name that is not in the list", []part{file("card.html", png)}, 415, ""},
		{"a name that is taken", []part{file("old.png", png)}, 409, ""},
	}
	for kind := range writers(t, t.TempDir()) {
		for _, tt := range tests {
			t.Run(kind+"/"+tt.name, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.MkdirAll(filepath.Join(dir, "in"), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "in/old.png"), []byte(png), 0o644); err != nil {
					t.Fatal(err)
				}
				want := []string{"in", "in/old.png"}
				if tt.stored != "" {
					want = []string{"in", "in/" + tt.stored, "in/old.png"}
					if tt.stored > "old.png" {
						want[1], want[2] = want[2], want[1]
					}
				}
				h := newHandler(t, "/files/", writers(t, dir)[kind], onlyUploads(signedfs.Uploads{}))
				addr := listen(t, h)
				c := upTo(60)
				c.Upload.Accept = []string{"image/png"}
				exact := c
				c.Under = "/files/in/"
				for _, link := range []string{sign(t, "/files/in/", c), sign(t, "/files/in/", exact)} {
					got := form(t, addr, link, tt.parts...)
					if got.Status != tt.status {
						t.Errorf("%d, want %d", got.Status, tt.status)
					}
					if diff := cmp.Diff(want, names(t, dir)); diff != "" {
						t.Errorf("the directory (-want +got):\n%s", diff)
					}
					if tt.stored == "" {
						continue
					}
					if got := content(t, dir, "in/"+tt.stored); got != png {
						t.Errorf("the file has %q", got)
					}
					os.Remove(filepath.Join(dir, "in", tt.stored))
				}
			})
		}
	}
}

// However large the file may be, the rest of its form may not.
func TestTheFrameOfAForm(t *testing.T) {
	dir := t.TempDir()
	h := newHandler(t, "/", openDir(t, dir), onlyUploads(signedfs.Uploads{}))
	addr := listen(t, h)
	link := sign(t, "/", upTo(1<<20))
	field := func(n int) part { return part{`name="a"`, strings.Repeat("x", n)} }
	for i, tt := range []struct {
		before, after, file int
		status              int
	}{
		{30 << 10, 30 << 10, 10, 201},
		{0, 60 << 10, 500 << 10, 201},
		{40 << 10, 40 << 10, 10, 413},
		{40 << 10, 40 << 10, 500 << 10, 413},
		{63 << 10, 2 << 10, 10, 413}, // which the reader has read ahead
		{0, 100 << 10, 500 << 10, 413},
	} {
		name := strconv.Itoa(i)
		got := form(t, addr, link, field(tt.before), file(name, strings.Repeat("y", tt.file)), field(tt.after))
		if stored := content(t, dir, name) != ""; got.Status != tt.status || stored != (tt.status == 201) {
			t.Errorf("%+v: %d, stored %v", tt, got.Status, stored)
		}
	}
}

// The time for a body ends with the body.
func TestWhatFollowsTheBodyMayTakeLonger(t *testing.T) {
	d := openDir(t, t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, "/", d, onlyUploads(signedfs.Uploads{OnStored: func(context.Context, string, fs.FileInfo) error {
			time.Sleep(5 * time.Minute)
			return nil
		}}))
		l := pipeServer{make(chan net.Conn)}
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			if err := r.Context().Err(); err != nil {
				t.Error(err)
			}
		})}
		go s.Serve(l)
		client, server := net.Pipe()
		l.conns <- server
		fmt.Fprintf(client, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", target(t, h, "new", upTo(0)))
		line, err := bufio.NewReader(client).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 201") {
			t.Errorf("%q, %v", line, err)
		}
		client.Close()
		close(l.conns)
		s.Close()
	})
}

// Nothing of a form is stored that does not end with its boundary, wherever it
// is cut.
func TestAFormThatIsCut(t *testing.T) {
	dir := t.TempDir()
	h := newHandler(t, "/", openDir(t, dir), onlyUploads(signedfs.Uploads{}))
	addr := listen(t, h)
	whole := formBody(file("a.png", png), part{`name="b"`, "2"}) + "--x--"
	link := sign(t, "/", upTo(1000))
	for n := range len(whole) {
		got := sendBody(t, addr, "POST", link, whole[:n], "Content-Type: multipart/form-data; boundary=x", "Content-Length: "+strconv.Itoa(n))
		if all := names(t, dir); got.Status != 400 || all != nil {
			t.Fatalf("after %q: %d, %v", whole[:n], got.Status, all)
		}
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n%s", link, len(whole)+10, whole)
	conn.(*net.TCPConn).CloseWrite()
	if line, _ := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 400") || names(t, dir) != nil {
		t.Errorf("after the last boundary: %q, %v", line, names(t, dir))
	}
	if got := sendBody(t, addr, "POST", link, whole, "Content-Type: multipart/form-data; boundary=x", "Content-Length: "+strconv.Itoa(len(whole))); got.Status != 201 {
		t.Errorf("the whole form: %d", got.Status)
	}
}

// The header alone decides where it can: a client that asks first gets no 100.
func TestAClientThatAsksFirst(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "old"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	h := newHandler(t, "/", openDir(t, dir), onlyUploads(signedfs.Uploads{}))
	addr := listen(t, h)
	small := upTo(4)
	small.Upload.Accept = []string{"image/png"}
	for _, tt := range []struct {
		name, target, length, want string
	}{
		{"too long", target(t, h, "new.png", small), "5", "413"},
		{"a name that is taken", target(t, h, "old", upTo(5)), "5", "409"},
		{"a type", target(t, h, "new.html", small), "4", "415"},
		{"no link", "/new", "4", "403"},
		{"all is well", target(t, h, "new", upTo(5)), "5", "100"},
	} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %s\r\n\r\n", tt.target, tt.length)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+tt.want) {
			t.Errorf("%s: %q, %v", tt.name, line, err)
		}
	}
}

// The types that a link lists hold for what the name says and for what the
// bytes are.
func TestAcceptedTypes(t *testing.T) {
	const zip, heic = "PK\x03\x04 and files", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
	tests := []struct {
		accept, name, body string
		ok                 bool
	}{
		{"image/*", "a.png", png, true},
		{"image/*", "a.jpg", png, true}, // browsers do not mind
		{"image/*", "a", png, true},
		{"image/*", "a.bin", png, false},
		{"image/*", "a.html", png, false},
		{"image/*", "a.png", page, false},
		{"image/*", "a.png", "", false},
		{"image/*", "a.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`, false},
		{"image/*", "a.ora", zip, false},
		{"image/svg+xml", "a.svg", `<svg xmlns="http://www.w3.org/2000/svg"/>`, true},
		{"image/svg+xml", "a.svg", `<?xml version="1.0"?><svg/>`, true},
		{"image/svg+xml", "a.svg", png, false},
		{"image/*", "a.heic", heic, true},
		{"image/*", "a.HEIF", heic, true},
		{"image/*", "a.heic", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", false},
		{"image/*", "a.heic", "\x01\x02\x03\x04", false},
		{"image/*", "a.avif", "\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", true},
		{"image/*", "a.tif", "II*\x00\x08\x00\x00\x00", true},
		{"image/*", "a.jxl", "\xff\x0a\x01\x02", true},
		{"application/pdf", "a.pdf", pdf, true},
		{"application/pdf", "a.pdf", page, false},
		{"application/pdf", "a.pdf", "\x00\x01", false},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", zip, true},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", true},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", png, false},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.docx", "MZ\x90\x00\x03\x00", false},
		{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a.zip", zip, false},
		{"application/zip", "a.zip", zip, true},
		{"application/zip", "a.zip", "MZ\x90\x00\x03\x00", false},
		{"application/zip", "a.docx", zip, false},
		{"text/csv", "a.csv", "a,b\n1,2\n", true},
		{"text/csv", "a.csv", "", true},
		{"text/csv", "a.csv", page, false},
		{"text/csv", "a.csv", "\x00\x01", false},
		{"application/json", "a.json", `{"a":1}`, true},
		{"text/plain", "a.txt", "text", true},
		{"text/plain", "a.txt", page, false},
		{"video/*", "a.mp4", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", true},
		{"video/*", "a.mp4", "\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isomavc1", true},
		{"video/quicktime", "a.mov", "\x00\x00\x00\x14ftypqt  \x00\x00\x00\x00qt  ", true},
		{"video/quicktime", "a.mov", "\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", true},
		{"video/*", "a.mkv", "\x1a\x45\xdf\xa3\x01\x02", true},
		{"audio/*", "a.mp3", "ID3\x03\x00", true},
		{"audio/*", "a.mp3", "\xff\xfb\x90\x64\x00", true},
		{"audio/*", "a.ogg", "OggS\x00\x02", true},
		{"audio/wav", "a.wav", "RIFF\x00\x00\x00\x00WAVEfmt ", true},
		{"application/gzip", "a.gz", "\x1f\x8b\x08\x00", true},
		{"application/octet-stream", "a.xyz", "\x00\x01\x02", true},
		{"application/octet-stream", "a.xyz", png, false},
		{"text/html", "a.html", page, true},
	}
	dir := t.TempDir()
	h := newHandler(t, "/", openDir(t, dir), onlyUploads(signedfs.Uploads{MakeDirs: true}))
	addr := listen(t, h)
	for i, tt := range tests {
		c := upTo(0)
		c.Upload.Accept = []string{tt.accept}
		want := map[bool]int{true: 201, false: 415}[tt.ok]
		if got := put(t, addr, target(t, h, strconv.Itoa(i)+"/"+tt.name, c), tt.body); got.Status != want {
			t.Errorf("%q called %s as %s: %d, want %d", tt.body, tt.name, tt.accept, got.Status, want)
		}
	}
}

// Of many who store one name, exactly one wins, and its file is whole.
func TestOneOfManyWins(t *testing.T) {
	many := 1000
	if testing.Short() {
		many = 50
	}
	for kind := range writers(t, t.TempDir()) {
		dir := t.TempDir()
		begun, all := make(chan struct{}, many), make(chan struct{})
		h := newHandler(t, "/", writeHook{writers(t, dir)[kind], begun, nil}, onlyUploads(signedfs.Uploads{MaxUploads: many, MaxPerClient: many}))
		s := httptest.NewServer(h)
		link := s.URL + target(t, h, "card.png", upTo(0))
		var wg sync.WaitGroup
		var mu sync.Mutex
		statuses := make(map[int]int)
		winner := byte(0)
		for i := range many {
			wg.Add(1)
			go func() {
				defer wg.Done()
				letter := byte('a' + i%26)
				r, w := io.Pipe()
				req, _ := http.NewRequest("PUT", link, r)
				req.Close = true
				go func() {
					w.Write(bytes.Repeat([]byte{letter}, 5000))
					<-all // are under way, and none has the name
					w.Write(bytes.Repeat([]byte{letter}, 5000))
					w.Close()
				}()
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				mu.Lock()
				defer mu.Unlock()
				statuses[resp.StatusCode]++
				if resp.StatusCode == 201 {
					winner = letter
				}
			}()
		}
		for range many {
			<-begun
		}
		close(all)
		wg.Wait()
		s.Close()
		if diff := cmp.Diff(map[int]int{201: 1, 409: many - 1}, statuses); diff != "" {
			t.Errorf("%s: statuses (-want +got):\n%s", kind, diff)
		}
		if got := content(t, dir, "card.png"); got != strings.Repeat(string(winner), 10000) {
			t.Errorf("%s: the file is not that of the winner: %d bytes", kind, len(got))
		}
		if diff := cmp.Diff([]string{"card.png"}, names(t, dir)); diff != "" {
			t.Errorf("%s: the directory (-want +got):\n%s", kind, diff)
		}
	}
}

// A file that is under way cannot be opened or listed, and nothing is left of
// one that breaks off.
func TestWhatIsUnderWay(t *testing.T) {
	for kind := range writers(t, t.TempDir()) {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			opts := onlyUploads(signedfs.Uploads{})
			opts.Listing = true
			d := writers(t, dir)[kind]
			begun := make(chan struct{}, 1)
			h := newHandler(t, "/", writeHook{d, nil, begun}, opts)
			s := httptest.NewServer(h)
			defer s.Close()
			addr := s.Listener.Addr().String()
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n%s", target(t, h, "new", upTo(0)), strings.Repeat("x", 50000))
			<-begun
			if got := ask(t, addr, "GET", target(t, h, "new", later)); got.Status != 404 {
				t.Errorf("the file: %d", got.Status)
			}
			if got := ask(t, addr, "GET", sign(t, "/", later)); got.Status != 200 || strings.Contains(got.Body, "new") || strings.Contains(got.Body, "upload") {
				t.Errorf("the listing: %d\n%s", got.Status, got.Body)
			}
			conn.Close()
			s.Close() // waits for the handler
			if all := names(t, dir); all != nil {
				t.Errorf("left: %v", all)
			}
		})
	}
}

// writeHook tells of each file that is begun, and of each write to one.
type writeHook struct {
	signedfs.Writer
	begun, wrote chan<- struct{}
}

func (h writeHook) Create(ctx context.Context, name string, o signedfs.CreateOptions) (signedfs.NewFile, error) {
	f, err := h.Writer.Create(ctx, name, o)
	if err != nil {
		return nil, err
	}
	if h.begun != nil {
		h.begun <- struct{}{}
	}
	return hookedFile{f, h.wrote}, nil
}

type hookedFile struct {
	signedfs.NewFile
	wrote chan<- struct{}
}

func (f hookedFile) Write(p []byte) (int, error) {
	n, err := f.NewFile.Write(p)
	if f.wrote != nil {
		f.wrote <- struct{}{}
	}
	return n, err
}

// pipeServer serves connections that are in memory, for fake time.
type pipeServer struct{ conns chan net.Conn }

func (s pipeServer) Accept() (net.Conn, error) {
	c, ok := <-s.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (s pipeServer) Close() error   { return nil }
func (s pipeServer) Addr() net.Addr { return &net.TCPAddr{} }

// A client that sends nothing, or next to nothing, or for too long, is sent
// away, and what it sent is gone. One that sends slowly and steadily is not.
func TestSlowClients(t *testing.T) {
	tests := []struct {
		name    string
		size    int           // of each write
		pause   time.Duration // after it
		total   int
		timeout time.Duration
		status  string
		after   time.Duration // at most
	}{
		{"nothing", 0, time.Second, 10, time.Hour, "408", 31 * time.Second},
		{"a byte a second", 1, time.Second, 100000, time.Hour, "408", 31 * time.Second},
		{"a burst and nothing more", 50000, 40 * time.Second, 100000, time.Hour, "408", 41 * time.Second},
		{"a burst and hardly more", 100000, 25 * time.Second, 90000000, 10 * time.Minute, "408", 10 * time.Minute},
		{"2 KiB a second", 2048, time.Second, 2048 * 600, time.Hour, "201", 600 * time.Second},
		{"2 KiB a second, for too long", 2048, time.Second, 2048 * 600, 5 * time.Minute, "408", 301 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDir(t, dir)
			synctest.Test(t, func(t *testing.T) {
				h := newHandler(t, "/", d, onlyUploads(signedfs.Uploads{Timeout: tt.timeout}))
				l := pipeServer{make(chan net.Conn)}
				s := &http.Server{Handler: h}
				go s.Serve(l)
				client, server := net.Pipe()
				l.conns <- server
				start := time.Now()
				fmt.Fprintf(client, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", target(t, h, "new", upTo(0)), tt.total)
				var wg sync.WaitGroup
				wg.Go(func() {
					for sent := 0; sent < tt.total; sent += tt.size {
						if _, err := client.Write(make([]byte, min(tt.size, tt.total-sent))); err != nil {
							return
						}
						time.Sleep(tt.pause)
					}
				})
				line, err := bufio.NewReader(client).ReadString('\n')
				if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+tt.status) || time.Since(start) > tt.after {
					t.Errorf("%q, %v after %v", line, err, time.Since(start))
				}
				client.Close()
				close(l.conns)
				s.Close()
				wg.Wait()
				time.Sleep(time.Second) // of the server, before it closes the connection
			})
			if stored := names(t, dir) != nil; stored != (tt.status == "201") {
				t.Errorf("stored: %v", stored)
			}
		})
	}
}

// The slots are for uploads that are under way, all together and of one client.
func TestSlots(t *testing.T) {
	dir := t.TempDir()
	begun := make(chan struct{}, 10)
	opts := onlyUploads(signedfs.Uploads{MaxUploads: 3, MaxPerClient: 2})
	opts.Verify.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	h := newHandler(t, "/", writeHook{openDir(t, dir), nil, begun}, opts)
	addr := listen(t, h)
	n := 0
	begin := func(client string) (finish func() string) {
		n++
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 40001\r\n\r\n%s", target(t, h, "f"+strconv.Itoa(n), upTo(0)), client, strings.Repeat("x", 40000))
		<-begun
		return func() string {
			io.WriteString(conn, "x")
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			line, _ := bufio.NewReader(conn).ReadString('\n')
			return line
		}
	}
	full := func(client string, status int) {
		t.Helper()
		got := put(t, addr, target(t, h, "another", upTo(0)), "x", client)
		if got.Status != status || (got.Header.Get("Retry-After") == "") != (status == 201) {
			t.Errorf("%d, Retry-After %q, want %d", got.Status, got.Header.Get("Retry-After"), status)
		}
	}
	first := begin(ofAlice)
	begin(ofAlice)
	full(ofAlice, 429)
	begin(ofBob)
	full(ofBob, 503)
	if line := first(); !strings.HasPrefix(line, "HTTP/1.1 201") {
		t.Error(line)
	}
	full(ofBob, 201)
}

// The file stays, and the use is taken.
func TestOnStoredFails(t *testing.T) {
	dir := t.TempDir()
	var reported error
	opts := onlyUploads(signedfs.Uploads{OnStored: func(context.Context, string, fs.FileInfo) error { return fs.ErrExist }})
	opts.Error = func(_ *http.Request, err error) { reported = err }
	opts.Verify.Uses = memstore.NewUses(nil)
	h := newHandler(t, "/", openDir(t, dir), opts)
	addr := listen(t, h)
	for name, body := range map[string]string{"new": "x", "empty": ""} {
		c := upTo(0)
		c.ID, c.Uses = name, 1
		link := target(t, h, name, c)
		if got := put(t, addr, link, body); got.Status != 500 || !errors.Is(reported, fs.ErrExist) {
			t.Errorf("%s: %d, %v", name, got.Status, reported)
		}
		if b, err := os.ReadFile(filepath.Join(dir, name)); string(b) != body || err != nil {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if got := put(t, addr, link, body); got.Status != 404 {
			t.Errorf("%s, a second time: %d", name, got.Status)
		}
	}
}

// The application learns of a file whose client went away before the reply.
func TestOnStoredOutlivesTheClient(t *testing.T) {
	entered, gone := make(chan struct{}), make(chan struct{})
	result := make(chan error, 1)
	opts := onlyUploads(signedfs.Uploads{OnStored: func(ctx context.Context, _ string, _ fs.FileInfo) error {
		close(entered)
		<-gone
		result <- ctx.Err()
		return nil
	}})
	h := newHandler(t, "/", openDir(t, t.TempDir()), opts)
	addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		go func() {
			<-r.Context().Done()
			close(gone)
		}()
		h.ServeHTTP(w, r)
	}))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", target(t, h, "new", upTo(0)))
	<-entered
	conn.Close()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// Of many who replace the same version of a file, one succeeds.
func TestAConditionHoldsUntilTheFileAppears(t *testing.T) {
	const many = 20
	for kind := range writers(t, t.TempDir()) {
		dir := t.TempDir()
		begun, all := make(chan struct{}, many), make(chan struct{})
		h := newHandler(t, "/", writeHook{writers(t, dir)[kind], begun, nil}, onlyUploads(signedfs.Uploads{MaxPerClient: many}))
		addr := listen(t, h)
		c := upTo(0)
		c.Upload.Replace = true
		link := target(t, h, "a", c)
		tag := put(t, addr, link, "first").Header.Get("Etag")
		<-begun
		statuses := make(chan int, many)
		for range many {
			go func() {
				r, w := io.Pipe()
				go func() {
					io.WriteString(w, "sec")
					<-all
					io.WriteString(w, "ond")
					w.Close()
				}()
				req, _ := http.NewRequest("PUT", "http://"+addr+link, r)
				req.Header.Set("If-Match", tag)
				req.Close = true
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Error(err)
					statuses <- 0
					return
				}
				resp.Body.Close()
				statuses <- resp.StatusCode
			}()
		}
		for range many {
			<-begun
		}
		close(all)
		got := make(map[int]int)
		for range many {
			got[<-statuses]++
		}
		if diff := cmp.Diff(map[int]int{201: 1, 412: many - 1}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
}

// A file that somebody else puts there meanwhile is not replaced if the client
// asked for there to be none.
func TestIfNoneMatchIsNotReplacing(t *testing.T) {
	dir := t.TempDir()
	h := newHandler(t, "/", intruder{openDir(t, dir), filepath.Join(dir, "new")}, onlyUploads(signedfs.Uploads{}))
	c := upTo(0)
	c.Upload.Replace = true
	if got := put(t, listen(t, h), target(t, h, "new", c), "ours", "If-None-Match: *"); got.Status != 412 || content(t, dir, "new") != "theirs" {
		t.Errorf("%d, %q", got.Status, content(t, dir, "new"))
	}
}

// intruder writes a file of its own just before another one is committed.
type intruder struct {
	signedfs.Writer
	path string
}

func (i intruder) Create(ctx context.Context, name string, o signedfs.CreateOptions) (signedfs.NewFile, error) {
	f, err := i.Writer.Create(ctx, name, o)
	return intruded{f, i.path}, err
}

type intruded struct {
	signedfs.NewFile
	path string
}

func (i intruded) Commit() (fs.FileInfo, error) {
	if err := os.WriteFile(i.path, []byte("theirs"), 0o644); err != nil {
		return nil, err
	}
	return i.NewFile.Commit()
}

// An outer handler that sets the ETag knows it for the file that is there, and
// not for the one that comes.
func TestUploadsAndTheETagOfAnOuterHandler(t *testing.T) {
	h := newHandler(t, "/", openDir(t, t.TempDir()), onlyUploads(signedfs.Uploads{}))
	addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", r.Header.Get("X-Etag"))
		h.ServeHTTP(w, r)
	}))
	c := upTo(0)
	c.Upload.Replace = true
	link := target(t, h, "a", c)
	for _, tt := range []struct {
		tag, header string
		status      int
	}{
		{`"v1"`, `If-Match: "v1"`, 412}, // there is no file yet
		{`"v1"`, "X-None: 1", 201},
		{`"v1"`, `If-Match: "v2"`, 412},
		{`"v1"`, `If-Match: W/"v1"`, 412},
		{`W/"v1"`, `If-Match: W/"v1"`, 412},
		{`"v1"`, `If-None-Match: W/"v1"`, 412},
		{`W/"v1"`, `If-None-Match: "v0" , "v1"`, 412},
		{`"v,1"`, `If-None-Match: "v", "1"`, 201},
		{`"v,1"`, `If-Match: "v0",,"v,1"`, 201},
		{`"v1"`, `If-Match: "v0", "v1"`, 201},
		{`"v1"`, `If-Match: v1`, 412},
		{`"v1"`, `If-Match: "v1`, 412},
	} {
		if got := put(t, addr, link, "x", "X-Etag: "+tt.tag, tt.header); got.Status != tt.status || got.Header["Etag"] != nil {
			t.Errorf("%s: %d, ETag %q, want %d", tt.header, got.Status, got.Header["Etag"], tt.status)
		}
	}
}

// fullWriter has no room, or denies everything.
type fullWriter struct {
	signedfs.Writer
	err error
}

func (f fullWriter) Create(context.Context, string, signedfs.CreateOptions) (signedfs.NewFile, error) {
	return nil, f.err
}

func TestStoresThatFail(t *testing.T) {
	for _, tt := range []struct {
		err      error
		status   int
		reported bool
	}{
		{&fs.PathError{Op: "write", Path: "/secret", Err: syscall.ENOSPC}, 507, true},
		{storeStatus(507), 507, true},
		{storeStatus(503), 503, true},
		{storeStatus(502), 502, true},
		{storeStatus(404), 500, true},
		{fs.ErrPermission, 500, true},
		{fs.ErrExist, 409, false},
		{errors.New("the disk is broken"), 500, true},
	} {
		var reported error
		opts := onlyUploads(signedfs.Uploads{})
		opts.Error = func(_ *http.Request, err error) { reported = err }
		h := newHandler(t, "/", fullWriter{openDir(t, t.TempDir()), tt.err}, opts)
		got := put(t, listen(t, h), target(t, h, "new", upTo(0)), "x")
		if got.Status != tt.status || (reported != nil) != tt.reported || strings.Contains(got.Body, "secret") {
			t.Errorf("%v: %d %q, reported %v", tt.err, got.Status, got.Body, reported)
		}
	}
}

type storeStatus int

func (e storeStatus) Error() string { return "the store says no" }
func (e storeStatus) Status() int   { return int(e) }

func TestUploadsNeedAWriter(t *testing.T) {
	for name, root := range map[string]http.FileSystem{
		"http.Dir": http.Dir(t.TempDir()),
		"embedded": http.FS(embeddedFiles()),
		"nothing":  &signedfs.Dir{},
	} {
		if _, err := signedfs.New("/", root, ring, onlyUploads(signedfs.Uploads{})); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, u := range []signedfs.Uploads{{MaxBytes: -1}, {MaxUploads: -1}, {MaxPerClient: -1}, {Timeout: -1}, {MaxBytes: 1 << 53}} {
		if _, err := signedfs.New("/", openDir(t, t.TempDir()), ring, onlyUploads(u)); err == nil {
			t.Errorf("%+v: no error", u)
		}
	}
}

// A directory that nobody may write to is found out at the start.
func TestUploadsToAReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Create(filepath.Join(dir, "x")); err == nil {
		f.Close()
		t.Skip("this user may write anywhere")
	}
	if _, err := signedfs.New("/", openDir(t, dir), ring, onlyUploads(signedfs.Uploads{})); err == nil {
		t.Error("no error")
	}
}

func TestNothingIsStoredWithoutALink(t *testing.T) {
	dir := t.TempDir()
	opts := onlyUploads(signedfs.Uploads{})
	opts.Verify.InsecureReportOnly = true
	h := newHandler(t, "/", openDir(t, dir), opts)
	addr := listen(t, h)
	if got := put(t, addr, "/new", "x"); got.Status != 405 {
		t.Error(got.Status)
	}
	if got := form(t, addr, "/", file("new", "x")); got.Status != 405 {
		t.Error(got.Status)
	}
	if all := names(t, dir); all != nil {
		t.Error(all)
	}
}

// Without Uploads, a link that limits an upload is not for this handler.
func TestALinkWithLimitsNeedsUploads(t *testing.T) {
	opts := &signedfs.Options{OtherMethods: func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(204) }}
	h := newHandler(t, "/", openDir(t, t.TempDir()), opts)
	addr := listen(t, h)
	if got := put(t, addr, target(t, h, "new", upTo(0)), "x"); got.Status != 204 {
		t.Errorf("no limit: %d", got.Status)
	}
	if got := put(t, addr, target(t, h, "new", upTo(5)), "x"); got.Status != 403 {
		t.Errorf("a limit: %d", got.Status)
	}
}

// With Uploads, OtherMethods has the methods that do not upload.
func TestUploadsBesideOtherMethods(t *testing.T) {
	dir := t.TempDir()
	opts := onlyUploads(signedfs.Uploads{})
	var got []string
	opts.OtherMethods = func(w http.ResponseWriter, r *http.Request, name string) { got = append(got, r.Method+" "+name) }
	h := newHandler(t, "/", openDir(t, dir), opts)
	addr := listen(t, h)
	c := upTo(0)
	c.Methods = []string{"PUT", "DELETE"}
	link := target(t, h, "new", c)
	if r := put(t, addr, link, "x"); r.Status != 201 {
		t.Error(r.Status)
	}
	ask(t, addr, "DELETE", link)
	if diff := cmp.Diff([]string{"DELETE /new"}, got); diff != "" {
		t.Error(diff)
	}
}

// A browser adds the cookie to the requests of other sites.
func TestUploadsWithACookie(t *testing.T) {
	dir := t.TempDir()
	opts := onlyUploads(signedfs.Uploads{ReturnLink: true})
	opts.Verify.Cookie = "files"
	deleted := 0
	opts.OtherMethods = func(http.ResponseWriter, *http.Request, string) { deleted++ }
	h := newHandler(t, "/files/", openDir(t, dir), opts)
	addr := listen(t, h)
	c := upTo(0)
	c.Methods = []string{"PUT", "DELETE"}
	s, err := h.Links().Subtree("/", c)
	if err != nil {
		t.Fatal(err)
	}
	cookies, err := s.Cookies("files")
	if err != nil {
		t.Fatal(err)
	}
	cookie := "Cookie: files=" + cookies[0].Value
	for _, tt := range []struct {
		header string
		status int
	}{
		{"Sec-Fetch-Site: cross-site", 403},
		{"Sec-Fetch-Site: same-site", 403},
		{"Origin: https://evil.example", 403},
		{"Sec-Fetch-Site: same-origin", 201}, // with a Location that opens nothing
		{"Origin: http://files.example", 409},
		{"X-None: 1", 409},
	} {
		if got := put(t, addr, "/files/new", "x", cookie, tt.header); got.Status != tt.status {
			t.Errorf("%s: %d, want %d", tt.header, got.Status, tt.status)
		} else if got.Status == 201 && got.Header.Get("Location") != "/files/new" {
			t.Errorf("Location %s", middleware.Redact(got.Header.Get("Location")))
		}
	}
	if got := ask(t, addr, "DELETE", "/files/new", cookie, "Sec-Fetch-Site: cross-site"); got.Status != 403 || deleted != 0 {
		t.Errorf("another method: %d", got.Status)
	}
	// The signature in the URL is not added by anyone.
	if got := put(t, addr, target(t, h, "form", c), "x", "Sec-Fetch-Site: cross-site"); got.Status != 201 {
		t.Errorf("a link in the URL: %d", got.Status)
	}
}

// What is refused by the header alone takes no use. Once a byte was read, it
// does.
func TestUsesOfUploads(t *testing.T) {
	tests := []struct {
		name, body string
		header     []string
		status     int
		takes      bool
	}{
		{"stored", "x", nil, 201, true},
		{"stored empty", "", nil, 201, true},
		{"too long", "too long", nil, 413, false},
		{"too long, counted", "8\r\ntoo long\r\n0\r\n\r\n", []string{"Transfer-Encoding: chunked"}, 413, true},
		{"encoded", "x", []string{"Content-Encoding: br"}, 415, false},
		{"a condition", "x", []string{"If-Match: *"}, 412, false},
	}
	opts := onlyUploads(signedfs.Uploads{MakeDirs: true})
	opts.Verify.Uses = memstore.NewUses(nil)
	h := newHandler(t, "/", openDir(t, t.TempDir()), opts)
	addr := listen(t, h)
	for i, tt := range tests {
		c := upTo(3)
		c.ID, c.Uses = strconv.Itoa(i), 1
		link := target(t, h, strconv.Itoa(i)+"/new", c)
		header := tt.header
		if len(header) == 0 || header[0] != "Transfer-Encoding: chunked" {
			header = append(header, "Content-Length: "+strconv.Itoa(len(tt.body)))
		}
		if got := sendBody(t, addr, "PUT", link, tt.body, header...); got.Status != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got.Status, tt.status)
		}
		second := ask(t, addr, "PUT", link, append(header[:0:0], "Content-Length: 8")...)
		if taken := second.Status == 404; taken != tt.takes {
			t.Errorf("%s: the second time %d", tt.name, second.Status)
		}
	}
}

func TestLocationIsALink(t *testing.T) {
	opts := onlyUploads(signedfs.Uploads{ReturnLink: true})
	opts.Verify.Uses = memstore.NewUses(nil)
	opts.Verify.Binding = func(*http.Request, string) (string, error) { return "alice", nil }
	h := newHandler(t, "https://files.example/in/", openDir(t, t.TempDir()), opts)
	addr := listen(t, h)
	c := upTo(0)
	c.ID = "card-42"
	c.Host = "files.example"
	c.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	got := put(t, addr, target(t, h, "a b.png", c), png)
	link, ok := strings.CutPrefix(got.Header.Get("Location"), "https://files.example")
	if got.Status != 201 || !ok {
		t.Fatalf("%d, %q", got.Status, got.Header.Get("Location"))
	}
	if read := ask(t, addr, "GET", link); read.Status != 200 || read.Body != png {
		t.Errorf("the link: %d", read.Status)
	}
	if read := put(t, addr, link, png); read.Status != 403 {
		t.Errorf("the link, for an upload: %d", read.Status)
	}
	for _, want := range []string{"signed_id=card-42", "signed_ip=127.0.0.1", "signed_host=files.example"} {
		if !strings.Contains(link, want) {
			t.Errorf("%s is not in %s", want, middleware.Redact(link))
		}
	}
	c.NotBefore = changed
	got = put(t, addr, target(t, h, "c.png", c), png)
	if link := got.Header.Get("Location"); !strings.Contains(link, "signed_from="+strconv.FormatInt(changed.Unix(), 10)) {
		t.Errorf("NotBefore is not in %s", middleware.Redact(link))
	}
	counted, bound := c, c
	counted.Uses = 2
	bound.Binding = middleware.Binding{Name: "user", Value: "alice"}
	for name, c := range map[string]middleware.Claims{"counted": counted, "bound": bound} {
		if got := put(t, addr, target(t, h, name, c), png); got.Status != 201 || got.Header.Get("Location") != "/in/"+name {
			t.Errorf("%s: %d, %q", name, got.Status, got.Header.Get("Location"))
		}
	}
}

func TestMakeDirs(t *testing.T) {
	dir := t.TempDir()
	h := newHandler(t, "/", openDir(t, dir), onlyUploads(signedfs.Uploads{MakeDirs: true}))
	addr := listen(t, h)
	if got := put(t, addr, target(t, h, "a/b/c.txt", upTo(0)), "x"); got.Status != 201 || content(t, dir, "a/b/c.txt") != "x" {
		t.Error(got.Status)
	}
	if got := form(t, addr, target(t, h, "a/d/", upTo(0)), file("e.txt", "y")); got.Status != 201 || content(t, dir, "a/d/e.txt") != "y" {
		t.Error(got.Status)
	}
	if got := put(t, addr, target(t, h, "a/b/c.txt/d", upTo(0)), "x"); got.Status != 409 {
		t.Error(got.Status)
	}
}

// An upload leaves no file open, whatever became of it.
func TestUploadsLeaveNothingOpen(t *testing.T) {
	dir := t.TempDir()
	d := openDir(t, dir)
	h := newHandler(t, "/", d, onlyUploads(signedfs.Uploads{MakeDirs: true, MaxBytes: 1000}))
	do := func(i int) {
		for _, body := range []io.Reader{strings.NewReader("x"), strings.NewReader(strings.Repeat("x", 2000)), io.MultiReader(strings.NewReader("x"), brokenReader{})} {
			r := httptest.NewRequest("PUT", target(t, h, "a/"+strconv.Itoa(i), upTo(0)), body)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	do(0)
	before := openFiles(t)
	for i := range 20 {
		do(i)
	}
	if after := openFiles(t); after > before {
		t.Errorf("%d files are open, and were %d", after, before)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the connection is broken") }

// HTTP/2 has its own ways to end a stream.
func TestUploadsOverHTTP2(t *testing.T) {
	dir := t.TempDir()
	h := newHandler(t, "/", openDir(t, dir), onlyUploads(signedfs.Uploads{MaxBytes: 1 << 20}))
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	for _, tt := range []struct {
		name   string
		size   int64
		length int64 // as it is stated
		status int
	}{
		{"a", 1 << 20, 1 << 20, 201},
		{"b", 1 << 20, -1, 201},
		{"a", 1, 1, 409},
		{"c", 4 << 20, 4 << 20, 413},
		{"c", 4 << 20, -1, 413},
		{"c", 100, 100, 201},
	} {
		req, err := http.NewRequest("PUT", s.URL+target(t, h, tt.name, upTo(0)), io.LimitReader(zeros{}, tt.size))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = tt.length
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != 2 || resp.StatusCode != tt.status {
			t.Errorf("%s of %d: %s %d, want %d", tt.name, tt.length, resp.Proto, resp.StatusCode, tt.status)
		}
	}
}

// zeros has as many bytes as are wanted.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
