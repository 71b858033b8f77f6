package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestLinksWithLimitedUsesAreConfirmed(t *testing.T) {
	keys := newKeys(t, "k1")
	p := start(t, "-dir", files(t), "-key-file", keys, "-confirm", "-use-window", "1m", "-pages-help", "Ask for a new link in the app.")
	link := linkTo(t, keys, "-uses", "1", "-id", "once", "kyc/card.txt")
	press := func() (int, string) {
		t.Helper()
		reply, err := http.Post(p.url(link), "application/x-www-form-urlencoded", strings.NewReader("confirm=1"))
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply.StatusCode, string(body)
	}
	for range 3 {
		if status, body := p.get(link); status != 200 || !strings.Contains(body, "<bdi>card.txt</bdi>") {
			t.Errorf("a scanner: %d with %.200s", status, body)
		}
	}
	_, file := p.get(linkTo(t, keys, "kyc/card.txt"))
	if status, body := press(); status != 200 || body != file {
		t.Errorf("the button: %d with %.200q", status, body)
	}
	if status, body := p.get(link, "Range", "bytes=0-2"); status != 206 || body != file[:3] {
		t.Errorf("a range within the window: %d with %.200q", status, body)
	}
	if status, body := p.get(expiredLinkTo(t, keys, "kyc/card.txt"), "Accept", "text/html"); status != 404 || !strings.Contains(body, "This link has expired") || !strings.Contains(body, "Ask for a new link in the app.") {
		t.Errorf("an expired link: %d with %.200s", status, body)
	}
	if status, body := p.get("/files/kyc/card.txt", "Accept", "application/json"); status != 403 || body != `{"title":"Forbidden","status":403,"reason":"refused"}` {
		t.Errorf("no link: %d with %s", status, body)
	}
}
