package browser

import (
	"context"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// nodeModules installs the packages of the lock file.
var nodeModules = sync.OnceValue(func() error {
	_, err := axeCore()
	return err
})

// uploadServer is an application on whose pages clients upload files.
type uploadServer struct {
	url   string
	dir   string
	files *signedfs.Handler
	page  string // what is shown
	mu    sync.Mutex
}

func startUploads(t *testing.T) *uploadServer {
	t.Helper()
	if err := nodeModules(); err != nil {
		t.Fatal(err)
	}
	text, err := middleware.GenerateHMACKey("test")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := middleware.ParseKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	s := &uploadServer{dir: t.TempDir()}
	dir, err := signedfs.OpenDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	s.files, err = signedfs.New("/files/", dir, keys, &signedfs.Options{Uploads: &signedfs.Uploads{ReturnLink: true}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(s.files.Prefix(), s.files)
	mux.Handle("/node_modules/", http.FileServer(http.Dir(".")))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>Uploads</title>%s", s.page)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// link returns a link that takes images of up to a megabyte.
func (s *uploadServer) link(t *testing.T, name, method string) string {
	t.Helper()
	u, err := s.files.URL(name, middleware.Claims{
		Expires: time.Now().Add(time.Hour),
		Methods: []string{method},
		Upload:  middleware.Upload{MaxBytes: 1e6, Accept: []string{"image/*"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func (s *uploadServer) show(t *testing.T, tab context.Context, format string, args ...any) {
	t.Helper()
	s.mu.Lock()
	s.page = fmt.Sprintf(format, args...)
	s.mu.Unlock()
	do(t, tab, chromedp.Navigate(s.url))
}

func (s *uploadServer) stored(t *testing.T, name string, size int64) {
	t.Helper()
	info, err := os.Stat(filepath.Join(s.dir, name))
	if err != nil || info.Size() != size {
		t.Errorf("%s: %v, want %d bytes", name, err, size)
	}
}

// await evaluates an expression whose value is promised.
func await[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	result, err := chromedp.Run(tab, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%v\nin %s", err, expression)
	}
	return result
}

// picture is a script for a file that looks like a PNG.
func picture(size int) string {
	return fmt.Sprintf(`new File(["\x89", "PNG\r\n\x1a\n"].map(s => Uint8Array.from(s, c => c.charCodeAt(0))).concat(new Uint8Array(%d - 8)), "card.png", { type: "image/png" })`, size)
}

func TestFetchUploads(t *testing.T) {
	s := startUploads(t)
	tab := startBrowser(t)
	s.show(t, tab, "")
	put := func(link string, size int) int {
		return await[int](t, tab, fmt.Sprintf("fetch(%q, { method: 'PUT', body: %s }).then(r => r.status)", link, picture(size)))
	}
	for _, tt := range []struct {
		name   string
		size   int
		status int
	}{{"a.png", 900_000, 201}, {"a.png", 900_000, 409}, {"b.png", 6_000_000, 413}, {"b.html", 1000, 415}} {
		if got := put(s.link(t, tt.name, "PUT"), tt.size); got != tt.status {
			t.Errorf("%s of %d bytes: %d, want %d", tt.name, tt.size, got, tt.status)
		}
	}
	s.stored(t, "a.png", 900_000)
	// The reply says where the picture is, and the page shows it.
	got := await[string](t, tab, fmt.Sprintf(`fetch(%q, { method: "PUT", body: %s }).then(r => fetch(r.headers.get("Location"))).then(r => r.status + " " + r.headers.get("Content-Type"))`,
		s.link(t, "c.png", "PUT"), picture(1000)))
	if got != "200 image/png" {
		t.Errorf("the Location: %s", got)
	}
}

func TestXMLHttpRequestShowsProgress(t *testing.T) {
	s := startUploads(t)
	tab := startBrowser(t)
	s.show(t, tab, "")
	got := await[[]int](t, tab, fmt.Sprintf(`new Promise(done => {
		const x = new XMLHttpRequest();
		let last = 0;
		x.open("PUT", %q);
		x.upload.onprogress = e => last = e.loaded;
		x.onload = () => done([x.status, last]);
		x.onerror = () => done([0, last]);
		x.send(%s);
	})`, s.link(t, "a.png", "PUT"), picture(900_000)))
	if got[0] != 201 || got[1] != 900_000 {
		t.Errorf("status %d after %d bytes", got[0], got[1])
	}
	s.stored(t, "a.png", 900_000)
}

func TestAFormWithoutScripts(t *testing.T) {
	s := startUploads(t)
	tab := startBrowser(t)
	picture := filepath.Join(t.TempDir(), `Ausweis "é" 1.png`)
	if err := os.WriteFile(picture, append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 5000)...), 0o644); err != nil {
		t.Fatal(err)
	}
	s.show(t, tab, `<form method="post" enctype="multipart/form-data" action="%s">
		<input type="hidden" name="note" value="a field"><input type="file" name="card"><button>Send</button></form>`,
		template.HTMLEscapeString(s.link(t, "/", "POST")))
	do(t, tab, chromedp.SetUploadFiles("input[type=file]", []string{picture}))
	do(t, tab, chromedp.Click("button"), chromedp.WaitReady("pre")) // as browsers show a text
	if got := text(t, tab, "body"); got != "Created" {
		t.Error(got)
	}
	s.stored(t, "Ausweis %22é%22 1.png", 5008) // as browsers write quotes
	// Without a chosen file.
	s.show(t, tab, `<form method="post" enctype="multipart/form-data" action="%s"><input type="file" name="card"><button>Send</button></form>`,
		template.HTMLEscapeString(s.link(t, "/", "POST")))
	do(t, tab, chromedp.Click("button"), chromedp.WaitReady("pre"))
	if got := text(t, tab, "body"); got != "Bad Request" {
		t.Error(got)
	}
}

// Uppy sends files to one signed URL each, or to one for all as a form. It wants
// to know how to read the reply.
func TestUppyUploads(t *testing.T) {
	s := startUploads(t)
	tab := startBrowser(t)
	for _, tt := range []struct {
		name, options, stored string
	}{
		{"PUT", fmt.Sprintf(`{ endpoint: %q, method: "PUT", formData: false }`, s.link(t, "put.png", "PUT")), "put.png"},
		{"a form", fmt.Sprintf(`{ endpoint: %q, fieldName: "card" }`, s.link(t, "/", "POST")), "card.png"},
	} {
		s.show(t, tab, "")
		got := await[string](t, tab, fmt.Sprintf(`import("/node_modules/uppy/dist/uppy.min.mjs").then(async ({ Uppy, XHRUpload }) => {
			const uppy = new Uppy().use(XHRUpload, { ...%s, getResponseData: x => ({ url: x.getResponseHeader("Location") }) });
			uppy.addFile({ name: "card.png", type: "image/png", data: %s });
			const { successful, failed } = await uppy.upload();
			return successful.length + " " + failed.length + " " + successful.map(f => f.progress.bytesUploaded) + failed.map(f => f.error);
		})`, tt.options, picture(500_000)))
		if !strings.HasPrefix(got, "1 0 50") {
			t.Errorf("%s: %s", tt.name, got)
		}
		s.stored(t, tt.stored, 500_000)
	}
}
