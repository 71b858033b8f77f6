package signedfs_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/signedurl/signedfs"
)

func TestFilesAreLeftToTheProxy(t *testing.T) {
	root := t.TempDir()
	names := map[string]string{ // and where nginx finds them
		"card.jpg":                "card.jpg",
		"kyc/42/card.jpg":         "kyc/42/card.jpg",
		"%2e%2e%2fsecret.txt":     "%252e%252e%252fsecret.txt",
		"a b?c#d;e&f+g.txt":       "a%20b%3Fc%23d%3Be&f+g.txt",
		"Entwürfe/é \"1\".pdf":    "Entw%C3%BCrfe/%C3%A9%20%221%22.pdf",
		"blank.txt ":              "",
		"..txt":                   "",
		"page.html":               "",
		"drawing.svg":             "",
		"film.m3u8":               "",
		"unknown.xyz":             "unknown.xyz",
		"no-extension-and-no-end": "no-extension-and-no-end",
	}
	for name := range names {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte("content"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir := openDir(t, root)
	for _, offload := range []signedfs.Offload{{XAccel: "/protected/"}, {XSendfile: root}} {
		h := newHandler(t, "/files/", dir, &signedfs.Options{Offload: offload})
		addr := listen(t, h)
		field, other := "X-Accel-Redirect", "X-Sendfile"
		if offload.XAccel == "" {
			field, other = other, field
		}
		for name, escaped := range names {
			if strings.HasPrefix(name, ".") {
				continue
			}
			want := ""
			switch {
			case offload.XAccel != "" && name == "blank.txt ":
				want = "/protected/blank.txt%20"
			case escaped == "":
			case offload.XAccel != "":
				want = "/protected/" + escaped
			case !strings.Contains(name, "%"):
				want = root + "/" + name
			}
			for _, method := range []string{"GET", "HEAD"} {
				header := []string{"Range: bytes=0-2", `If-None-Match: "that of nginx"`}
				if want != "" {
					header = append(header, `If-Match: "that of nginx"`)
				}
				r := ask(t, addr, method, target(t, h, name, later), header...)
				if got := r.Header.Get(field); got != want || r.Header.Get(other) != "" {
					t.Errorf("%s %q: %s: %q, want %q", method, name, field, got, want)
				}
				if want == "" {
					if method == "GET" && r.Body != "con" {
						t.Errorf("%q: %d with %q", name, r.Status, r.Body)
					}
					continue
				}
				if r.Status != 200 || r.Body != "" || r.Header.Get("Etag") != "" || r.Header.Get("Last-Modified") != "" {
					t.Errorf("%s %q: %d, %q, %v", method, name, r.Status, r.Body, r.Header)
				}
				if !strings.HasPrefix(r.Header.Get("Cache-Control"), "private, max-age=3") || r.Header.Get("Content-Type") == "" {
					t.Errorf("%s %q: %v", method, name, r.Header)
				}
			}
		}
		// What is refused, or not there, is ours to say.
		for refused, status := range map[string]int{
			"/files/card.jpg": 403, "/files/card.jpg?signature=x": 403, target(t, h, "missing.jpg", later): 404,
		} {
			if r := ask(t, addr, "GET", refused); r.Status != status || r.Header.Get(field) != "" {
				t.Errorf("%s: %d, %v", refused, r.Status, r.Header)
			}
		}
		html := later
		html.ContentType = "text/html"
		if r := ask(t, addr, "GET", target(t, h, "card.jpg", html)); r.Body != "content" || r.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("a link that asks for HTML: %q, %v", r.Body, r.Header)
		}
	}
}

func TestWhatIsWrongWithOffload(t *testing.T) {
	for _, offload := range []signedfs.Offload{
		{XAccel: "/protected/", XSendfile: "/srv"}, {XAccel: "/protected"}, {XAccel: "protected/"}, {XAccel: "/a/../b/"},
		{XAccel: "https://example.com/protected/"}, {XAccel: "/a b/"}, {XSendfile: "srv"}, {XSendfile: "/srv/100%"},
	} {
		if _, err := signedfs.New("/files/", http.Dir(t.TempDir()), ring, &signedfs.Options{Offload: offload}); err == nil {
			t.Errorf("%+v: no error", offload)
		}
	}
}
