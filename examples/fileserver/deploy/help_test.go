//go:build linux

package deploy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// The programs of this file are real: nginx, Caddy, Apache and HAProxy as Debian
// packages them, with the configurations of this directory. Only addresses and
// paths are others.

var fileserver string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "deploy")
	if err != nil {
		panic(err)
	}
	fileserver = filepath.Join(dir, "fileserver")
	if out, err := exec.Command("go", "build", "-o", fileserver, "..").CombinedOutput(); err != nil {
		panic(string(out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// need skips a test if a program is not there, unless it must be.
func need(t testing.TB, program string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/"} {
		if p, err := exec.LookPath(dir + program); err == nil {
			return p
		}
	}
	if os.Getenv("SIGNEDURL_REQUIRE_PROXIES") != "" {
		t.Fatal("there is no " + program)
	}
	t.Skip("there is no " + program)
	return ""
}

// freePort returns a port that nobody uses for now.
func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// output is what a program writes, for the case that it does not do what it should.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// run starts a program, waits until it listens, and stops it with the test.
func run(t testing.TB, addr string, name string, args ...string) *output {
	t.Helper()
	out := new(output)
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { cmd.Wait(); close(over) }()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-over:
		case <-time.After(5 * time.Second):
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		}
		if t.Failed() {
			text := out.String()
			t.Logf("the end of the log of %s:\n%s", filepath.Base(name), text[max(0, len(text)-1000):])
		}
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return out
		}
		select {
		case <-over:
			t.Fatalf("%s ended:\n%s", name, out)
		default:
		}
	}
	t.Fatalf("%s does not listen:\n%s", name, out)
	return nil
}

// site is a directory with files and keys, and what serves it.
type site struct {
	dir  string // the parent of files, and of what must not be served
	logs string
	keys string
}

const (
	granted = "GRANTED "
	secret  = "SECRET "
)

// newSite makes files below files/a/, which links open, and others around them.
func newSite(t testing.TB) *site {
	t.Helper()
	// Servers that run as another user read it.
	dir, err := os.MkdirTemp("", "site")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	s := &site{dir: dir, logs: filepath.Join(dir, "logs"), keys: filepath.Join(t.TempDir(), "keys.txt")}
	for name, text := range map[string]string{
		"files/a/card.jpg": granted, "files/a/page.html": granted, "files/a/b/c.txt": granted, "files/a/a b?c#d;e&f+g.txt": granted,
		"files/a/%2e%2e%2fsecret.txt": granted, "files/a/%2Fsecret.txt": granted, "files/a/Ü é.pdf": granted, "files/a/x..y.txt": granted,
		"files/a/b/index.html": granted,
		"files/a/.hidden":      secret, "files/secret.txt": secret, "files/card.jpg": secret, "files/b/card.jpg": secret, "files/ab/card.jpg": secret,
		"files/a/secret-link.txt": "", "secret.txt": secret, "a/card.jpg": secret, "files/index.html": secret, "index.html": secret,
		"files/a/../b/c.txt": secret,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "" {
			err = os.Symlink("../../secret.txt", path)
		} else {
			err = os.WriteFile(path, []byte(text+name+strings.Repeat(".", 100)), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.logs, 0o777); err != nil {
		t.Fatal(err)
	}
	os.Chmod(s.logs, 0o777)
	if out, err := exec.Command(fileserver, "keygen", "-out", s.keys).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return s
}

// serve starts the file server.
func (s *site) serve(t testing.TB, args ...string) (addr string, log *output) {
	t.Helper()
	addr = freePort(t)
	return addr, run(t, addr, fileserver, append([]string{"serve", "-addr", addr, "-key-file", s.keys, "-trusted-proxy", "127.0.0.1"}, args...)...)
}

// link returns the target of a link.
func (s *site) link(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(fileserver, append([]string{"link", "-key-file", s.keys, "-base-url", "/files/"}, args...)...).Output()
	if err != nil {
		t.Fatalf("link %q: %v", args, err)
	}
	return strings.TrimSpace(string(out))
}

// expired returns the target of a link whose time is over.
func (s *site) expired(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(s.keys)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := middleware.ParseKeyring(string(text))
	if err != nil {
		t.Fatal(err)
	}
	u, err := keys.Sign(&url.URL{Path: path}, middleware.Claims{Expires: time.Now().Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// config returns a configuration of this directory with other addresses and
// paths, each of which must be in it, as the name of a file.
func (s *site) config(t testing.TB, name string, replace ...string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("there is no %q in %s", replace[i], name)
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	file := filepath.Join(s.dir, filepath.Base(name))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// client has another address than the proxies, which are trusted.
var client = net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}

// reply is what a front server answers.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends bytes as they are, so that nothing cleans a target. The reply is zero
// if the server closes the connection without one.
func send(t testing.TB, addr, request string) reply {
	t.Helper()
	conn, err := client.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(conn, request)
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		if os.IsTimeout(err) {
			t.Errorf("no answer to %q", request)
		}
		return reply{}
	}
	body, _ := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func get(t testing.TB, addr, target string, header ...string) reply {
	t.Helper()
	return send(t, addr, line("GET", target, header...))
}

// line is a request of HTTP/1.1.
func line(method, target string, header ...string) string {
	lines := append([]string{method + " " + target + " HTTP/1.1", "Host: files.example.com", "Connection: close"}, header...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

// sendHTTP2 sends one request of HTTP/2 without TLS, whose fields are as they are,
// the pseudo header fields too, and returns all data of the reply. It reports whether
// the status is one of success.
func sendHTTP2(t testing.TB, addr string, fields ...string) (success bool, body string) {
	t.Helper()
	conn, err := client.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(3 * time.Second))
	var block []byte
	str := func(s string) { // RFC 7541, sections 5.1 and 5.2, without Huffman coding
		if n := len(s); n < 127 {
			block = append(block, byte(n))
		} else {
			block = append(block, 127)
			for n -= 127; n >= 128; n >>= 7 {
				block = append(block, byte(n&127|128))
			}
			block = append(block, byte(n))
		}
		block = append(block, s...)
	}
	for i := 0; i < len(fields); i += 2 {
		block = append(block, 0)
		str(fields[i])
		str(fields[i+1])
	}
	frame := func(kind, flags byte, stream uint32, payload []byte) []byte {
		n := len(payload)
		return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}, payload...)
	}
	const headers, endStreamAndHeaders, settings = 1, 1 | 4, 4
	conn.Write(append(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(settings, 0, 0, nil)...), frame(headers, endStreamAndHeaders, 1, block)...))
	for r := bufio.NewReader(conn); ; {
		var head [9]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return success, body
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(r, payload); err != nil {
			return success, body
		}
		switch kind, flags := head[3], head[4]; {
		case kind == headers && len(payload) > 0:
			// A change of the table's size may come first. 200, 204 and 206 are in the static table.
			for len(payload) > 1 && payload[0]&0xE0 == 0x20 {
				payload = payload[1:]
			}
			success = success || 0x88 <= payload[0] && payload[0] <= 0x8A
			if flags&1 != 0 {
				return success, body
			}
		case kind == 0:
			if body += string(payload); flags&1 != 0 {
				return success, body
			}
		case kind == 3 || kind == 7: // RST_STREAM, GOAWAY
			return success, body
		case kind == settings && flags&1 == 0:
			conn.Write(frame(settings, 1, 0, nil))
		}
	}
}

// mainConf is what Debian's nginx.conf has around a configuration.
func nginxConf(t testing.TB, s *site, conf string) string {
	t.Helper()
	main := filepath.Join(s.dir, "nginx.conf")
	text := fmt.Sprintf(`user root;
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
    include %[2]s;
}
`, s.logs, conf)
	if err := os.WriteFile(main, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return main
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

func seconds(header http.Header) int {
	_, age, _ := strings.Cut(header.Get("Cache-Control"), "private, max-age=")
	n, err := strconv.Atoi(age)
	if err != nil {
		return -1
	}
	return n
}
