package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// question asks as a proxy does, and returns the status and the field with the cache
// life.
func (p *process) question(path string, header ...string) (int, string) {
	p.T.Helper()
	r, err := http.NewRequest(http.MethodGet, p.URL(path), nil)
	if err != nil {
		p.T.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.T.Fatal(err)
	}
	reply.Body.Close()
	return reply.StatusCode, reply.Header.Get("X-Signed-Cache-Control")
}

func TestProxiesAreToldWhatTheyMayServe(t *testing.T) {
	keys := newKeys(t, "k1")
	link := linkTo(t, keys, "kyc/card.txt")
	_, signature, _ := strings.Cut(link, "signature=")
	nginx := func(method, target string) []string {
		return []string{"X-Original-Method", method, "X-Original-URI", target, "X-Original-Host", "files.example", "X-Forwarded-For", "192.0.2.1"}
	}
	forwarded := func(method, target string) []string {
		return []string{"X-Forwarded-Method", method, "X-Forwarded-Uri", target, "X-Forwarded-Host", "files.example", "X-Forwarded-For", "192.0.2.1"}
	}
	p := startJSON(t, "-key-file", keys, "-forward-auth", "nginx", "-trusted-proxy", "127.0.0.1")
	if status, life := p.question("/verify", nginx("GET", link)...); status != 204 || !strings.HasPrefix(life, "private, max-age=") {
		t.Errorf("a link: %d, %q", status, life)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(p.Log.Wait(t, "asked_target", 1)), &line); err != nil {
		t.Fatal(err)
	}
	if asked, _ := line["asked_target"].(string); !strings.HasPrefix(asked, "/files/kyc/card.txt?") || strings.Contains(asked, signature) || line["asked_method"] != "GET" {
		t.Errorf("the log of the question is %v", line)
	}
	for _, tt := range []struct {
		name, path string
		header     []string
		want       int
	}{
		{"no link", "/verify", nginx("GET", "/files/kyc/card.txt"), 403},
		{"an expired link", "/verify", nginx("GET", expiredLinkTo(t, keys, "kyc/card.txt")), 401},
		{"another method", "/verify", nginx("DELETE", link), 403},
		{"the fields of another proxy", "/verify", forwarded("GET", link), 403},
		{"a question without its fields", "/verify", nil, 403},
		{"the link itself", link, nil, 404},
		{"another path", "/verification", nginx("GET", link), 404},
		{"the page", "/", nil, 404},
		{"the health", "/healthz", nil, 200},
	} {
		if status, _ := p.question(tt.path, tt.header...); status != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, status, tt.want)
		}
	}

	stranger := start(t, "-key-file", keys, "-forward-auth", "nginx", "-trusted-proxy", "192.0.2.0/24")
	if status, _ := stranger.question("/verify", nginx("GET", link)...); status != 403 {
		t.Errorf("a stranger: %d", status)
	}
	both := start(t, "-key-file", keys, "-dir", files(t), "-uploads", "-forward-auth", "caddy", "-forward-auth-path", "/may/it/pass", "-trusted-proxy", "127.0.0.1")
	if status, _ := both.question("/may/it/pass", forwarded("GET", link)...); status != 200 {
		t.Errorf("a link beside files: %d", status)
	}
	if status, _ := both.question("/may/it/pass", forwarded("PUT", linkTo(t, keys, "-method", "PUT", "-max-bytes", "10", "kyc/new.txt"))...); status != 403 {
		t.Errorf("an upload: %d", status)
	}
	if status, _ := both.Get(link); status != 200 {
		t.Errorf("a file beside the check: %d", status)
	}
	envoy := start(t, "-key-file", keys, "-forward-auth", "envoy", "-trusted-proxy", "127.0.0.1")
	if status, _ := envoy.question("/verify"+link, "X-Forwarded-For", "192.0.2.1"); status != 200 {
		t.Errorf("Envoy: %d", status)
	}
}

func TestProxiesSendTheFiles(t *testing.T) {
	keys, dir := newKeys(t, "k1"), files(t)
	link := linkTo(t, keys, "kyc/card.txt")
	for field, args := range map[string][]string{
		"X-Accel-Redirect": {"-x-accel", "/protected/"},
		"X-Sendfile":       {"-x-sendfile"},
	} {
		p := start(t, append([]string{"-key-file", keys, "-dir", dir}, args...)...)
		reply, err := http.Get(p.URL(link))
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		want := dir + "/kyc/card.txt"
		if field == "X-Accel-Redirect" {
			want = "/protected/kyc/card.txt"
		}
		if got := reply.Header.Get(field); got != want || reply.ContentLength != 0 {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
}
