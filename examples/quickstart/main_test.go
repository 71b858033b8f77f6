package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// The program runs as a reader would run it, but for its port.
func TestTheQuickstartServesTheLinkThatItPrints(t *testing.T) {
	dir := t.TempDir()
	program := build(t, dir, freeAddr(t))
	if err := os.MkdirAll(filepath.Join(dir, "private", "kyc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "private", "kyc", "card.jpg"), []byte("the card"), 0o644); err != nil {
		t.Fatal(err)
	}
	keys, err := middleware.GenerateHMACKey("2026a")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SIGNEDURL_KEYS="+keys)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	link, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	link = strings.TrimSpace(link)
	unsigned, _, _ := strings.Cut(link, "?")
	for _, test := range []struct {
		name, url string
		status    int
		body      string
	}{
		{"the link", link, 200, "the card"},
		{"the link without its signature", unsigned, 403, "Forbidden\n"},
		{"the link of another file", strings.Replace(link, "card", "cord", 1), 403, "Forbidden\n"},
		{"the link with another expiry", strings.Replace(link, "expires_at=", "expires_at=9", 1), 403, "Forbidden\n"},
	} {
		if status, body := get(t, test.url); status != test.status || body != test.body {
			t.Errorf("%s: status %d and %q, want %d and %q", test.name, status, body, test.status, test.body)
		}
	}
}

// build compiles the program with another address to listen on.
func build(t *testing.T, dir, addr string) string {
	t.Helper()
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(source), "localhost:8080", addr)
	if text == string(source) {
		t.Fatal("the program does not listen on localhost:8080")
	}
	original, err := filepath.Abs("main.go")
	if err != nil {
		t.Fatal(err)
	}
	replacement := filepath.Join(dir, "main.go")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replacement}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{replacement: text, filepath.Join(dir, "overlay.json"): string(overlay)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "quickstart")
	cmd := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// freeAddr returns an address on which nothing listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return fmt.Sprintf("localhost:%d", ln.Addr().(*net.TCPAddr).Port)
}

// get requests a URL, once the server listens.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	reply, err := http.Get(url)
	for end := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(end); reply, err = http.Get(url) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(b)
}
