package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// press sends what the button of the page sends.
func (p *process) press(link string, header ...string) (int, string) {
	p.T.Helper()
	r, err := http.NewRequest(http.MethodPost, p.URL(link), strings.NewReader("confirm=1"))
	if err != nil {
		p.T.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.Do(r, header...)
}

func TestAPersonConfirms(t *testing.T) {
	dir, keys := t.TempDir(), filepath.Join(t.TempDir(), "keys.txt")
	if err := os.WriteFile(filepath.Join(dir, "card.txt"), []byte("the card of Ada"), 0o644); err != nil {
		t.Fatal(err)
	}
	ok(t, "keygen", "-out", keys)
	once := linkTo(t, keys, "-uses", "1", "card.txt")
	p := start(t, "-dir", dir, "-key-file", keys, "-confirm", "-use-window", "1h")
	for _, header := range [][]string{nil, {"Range", "bytes=0-3"}, {"Sec-Purpose", "prefetch"}} {
		if status, body := p.Get(once, header...); status != 200 || !strings.Contains(body, "<bdi>card.txt</bdi>") || strings.Contains(body, "Ada") {
			t.Errorf("with %q: %d with %s", header, status, body)
		}
	}
	if status, _ := p.press(once, "Origin", "https://evil.example"); status != 403 {
		t.Errorf("the button of another site: %d", status)
	}
	// What gives no byte of the file takes no use, and opens no window.
	if status, _ := p.press(once, "Range", "bytes=100-"); status != 416 {
		t.Errorf("the button, for a part that is not there: %d", status)
	}
	if status, body := p.Get(once); status != 200 || strings.Contains(body, "Ada") {
		t.Errorf("after a use that was given back: %d with %s", status, body)
	}
	if status, body := p.press(once); status != 200 || body != "the card of Ada" {
		t.Errorf("the button: %d with %s", status, body)
	}
	// The download is resumed.
	if status, body := p.Get(once, "Range", "bytes=12-"); status != 206 || body != "Ada" {
		t.Errorf("the rest: %d with %s", status, body)
	}
	if status, body := p.Get(linkTo(t, keys, "card.txt")); status != 200 || body != "the card of Ada" {
		t.Errorf("a link without limited uses: %d with %s", status, body)
	}
	p.Stop()

	p = start(t, "-dir", dir, "-key-file", keys, "-confirm", "-x-accel", "/protected/")
	again := linkTo(t, keys, "-uses", "1", "card.txt")
	if _, body := p.Get(again); !strings.Contains(body, "<bdi>card.txt</bdi>") {
		t.Errorf("before a proxy that sends files: %s", body)
	}
	if status, body := p.press(again); status != 200 || strings.Contains(body, "confirm") {
		t.Errorf("the button, with a proxy that sends files: %d with %s", status, body)
	}
	if status, _ := p.press(again); status != 404 {
		t.Errorf("the button, a second time: %d", status)
	}
	p.Stop()

	if out := ok(t, "check", "-key-file", keys, "-confirm", once); !strings.Contains(out, "a person is asked") {
		t.Errorf("check does not say that a person is asked:\n%s", out)
	}
}

func TestPeopleAndProgramsGetWhatTheyRead(t *testing.T) {
	keys := newKeys(t, "k1")
	p := start(t, "-dir", files(t), "-key-file", keys, "-pages-help", "Ask for a new link in the app.")
	expired := expiredLinkTo(t, keys, "kyc/card.txt")
	if status, body := p.Get(expired, "Accept", "text/html"); status != 404 || !strings.Contains(body, "This link has expired") || !strings.Contains(body, "Ask for a new link in the app.") {
		t.Errorf("a person: %d with %.200s", status, body)
	}
	if status, body := p.Get(expired, "Accept", "application/json"); status != 404 || body != `{"title":"Not Found","status":404,"reason":"expired"}` {
		t.Errorf("a program: %d with %s", status, body)
	}
	if status, body := p.Get(expired); status != 404 || body != "Not Found\n" {
		t.Errorf("anyone: %d with %q", status, body)
	}
}
