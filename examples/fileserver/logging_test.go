package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/examples/internal/servertest"
)

// startPiped starts the server with its output and its log in pipes, and
// returns them when it listens. It has no log in p.
func startPiped(t *testing.T, args ...string) (p *process, out, log *os.File) {
	t.Helper()
	cmd := command(args...)
	cmd.Env = []string{formats.Variable + "="}
	var ends [2]*os.File
	for i := range ends {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		t.Cleanup(func() { r.Close() })
		ends[i] = r
		if i == 0 {
			cmd.Stdout = w
		} else {
			cmd.Stderr = w
		}
	}
	p = &process{servertest.Run(t, cmd)}
	line, err := bufio.NewReader(ends[0]).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(line, "http://")
	p.Addr, _, _ = strings.Cut(rest, "/")
	return p, ends[0], ends[1]
}

func TestALogWhoseReaderStandsStillStopsNoReply(t *testing.T) {
	keys := newKeys(t, "k1")
	p, _, log := startPiped(t, "-dir", files(t), "-key-file", keys)
	link := linkTo(t, keys, "kyc/card.txt")
	long := "/files/" + strings.Repeat("x", 3000)
	for range 1500 { // 4.5 MB of log, which no pipe holds
		if status, _ := p.Get(long); status != 403 {
			t.Fatalf("status %d, want 403", status)
		}
	}
	for target, want := range map[string]int{link: 200, "/healthz": 200} {
		if status, _ := p.Get(target); status != want {
			t.Errorf("%s: status %d, want %d", target, status, want)
		}
	}
	// The reader is back.
	l := servertest.NewOutput()
	go io.Copy(l, log)
	line := l.Wait(t, "records of the log were dropped", 1)
	_, rest, _ := strings.Cut(line, "dropped=")
	dropped, err := strconv.Atoi(strings.TrimSpace(rest))
	if err != nil || dropped < 100 || dropped > 1501 {
		t.Errorf("the log says %s, want between 100 and 1501 dropped records", line)
	}
	p.Get(link)
	p.Stop()
	l.Wait(t, "msg=stopped", 1)
	if written := strings.Count(l.String(), "msg=request"); written+dropped != 1502 {
		t.Errorf("%d requests are logged and %d dropped, want 1502 together", written, dropped)
	}
}

func TestALogWhoseReaderStandsStillDelaysNoEnd(t *testing.T) {
	keys := newKeys(t, "k1")
	p, _, _ := startPiped(t, "-dir", files(t), "-key-file", keys)
	long := "/files/" + strings.Repeat("x", 3000)
	for range 100 {
		p.Get(long)
	}
	p.Stop()
}

func TestALogWhoseReaderWentAwayEndsNothing(t *testing.T) {
	keys := newKeys(t, "k1")
	p, out, log := startPiped(t, "-dir", files(t), "-key-file", keys)
	out.Close()
	log.Close()
	for range 10 {
		if status, _ := p.Get("/files/x"); status != 403 {
			t.Errorf("status %d, want 403", status)
		}
	}
	p.Stop() // with exit code 0, and not by SIGPIPE
}

func TestDroppedRecordsAreCounted(t *testing.T) {
	keys := newKeys(t, "k1")
	metrics := freeAddr(t)
	p, _, log := startPiped(t, "-dir", files(t), "-key-file", keys, "-metrics", metrics)
	log.Close()
	p.Get("/files/x")
	var text string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		reply, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if text = string(body); strings.Contains(text, "\nsignedurl_log_dropped_records_total ") && !strings.Contains(text, "\nsignedurl_log_dropped_records_total 0\n") {
			p.Stop()
			return
		}
	}
	t.Errorf("there are no dropped records in\n%s", text)
}

// freeAddr returns an address on which nothing listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func TestNoRequestMakesALongLine(t *testing.T) {
	keys := newKeys(t, "k1")
	hostile := strings.Repeat("\x80", 30000)
	for _, format := range []string{"text", "json"} {
		p := start(t, "-dir", files(t), "-key-file", keys, "-log", format)
		for name, request := range map[string]string{
			"target":          "GET /files/" + hostile + " HTTP/1.1\r\nHost: a\r\n",
			"user agent":      "GET /files/a HTTP/1.1\r\nHost: a\r\nUser-Agent: " + hostile + "\r\n",
			"forwarded for":   "GET /files/a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: " + hostile + "\r\n",
			"method":          strings.Repeat("G", 30000) + " /files/a HTTP/1.1\r\nHost: a\r\n",
			"cookie, unnamed": "GET /files/a HTTP/1.1\r\nHost: a\r\nCookie: a=" + hostile + "\r\n",
		} {
			conn, err := net.Dial("tcp", p.Addr)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "%sConnection: close\r\n\r\n", request)
			reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || reply.StatusCode/100 != 4 {
				t.Errorf("%s: %v, %v", name, reply, err)
			}
			conn.Close()
		}
		p.Stop()
		for line := range strings.Lines(p.Log.String()) {
			if len(line) > 6<<10 {
				t.Errorf("%s: a line of %d bytes: %.200s ...", format, len(line), line)
			}
		}
		if !strings.Contains(p.Log.String(), "(30000 bytes)") && !strings.Contains(p.Log.String(), "(30007 bytes)") {
			t.Errorf("%s: the log does not say that anything is missing", format)
		}
	}
}

// requestLine waits for the n-th line about a request for large.bin in a log
// in JSON.
func (p *process) requestLine(n int) map[string]any {
	p.T.Helper()
	text := p.Log.Wait(p.T, "large.bin", n)
	var line map[string]any
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		p.T.Fatalf("%v in %s", err, text)
	}
	return line
}

// startJSON is start with the log in JSON.
func startJSON(t *testing.T, args ...string) *process {
	t.Helper()
	return start(t, append([]string{"-log", "json"}, args...)...)
}

func TestRepliesThatWereCutOffAreLoggedAsSuch(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := sparse(t, large)
	link := linkTo(t, keys, "large.bin")
	expect := func(t *testing.T, p *process, cause string) {
		t.Helper()
		line := p.requestLine(1)
		bytes, _ := line["bytes"].(float64)
		if line["cut_off_by"] != cause || line["bytes_expected"] != float64(large) || bytes >= large || line["status"] != 200.0 {
			t.Errorf("the log says %v; want that %s cut it off before all %d bytes were sent", line, cause, large)
		}
	}
	t.Run("the client went away", func(t *testing.T) {
		metrics := freeAddr(t)
		p := startJSON(t, "-dir", dir, "-key-file", keys, "-metrics", metrics)
		_, _, conn := p.slow(t, link)
		conn.Close()
		expect(t, p, "client")
		reply, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		if text, err := io.ReadAll(reply.Body); err != nil || !strings.Contains(string(text), "\nsignedurl_http_replies_cut_off_total{cause=\"client\"} 1\n") {
			t.Errorf("%v; the metrics do not count it:\n%s", err, text)
		}
		p.Stop()
	})
	t.Run("the client accepted nothing", func(t *testing.T) {
		p := startJSON(t, "-dir", dir, "-key-file", keys, "-write-timeout", "100ms")
		p.slow(t, link)
		expect(t, p, "write_timeout")
		p.Stop()
	})
	t.Run("the time for stopping was over", func(t *testing.T) {
		p := startJSON(t, "-dir", dir, "-key-file", keys, "-shutdown-timeout", "50ms")
		p.slow(t, link)
		p.Signal(syscall.SIGTERM)
		p.Exit()
		expect(t, p, "shutdown")
	})
	t.Run("the file became shorter", func(t *testing.T) {
		dir := sparse(t, large)
		p := startJSON(t, "-dir", dir, "-key-file", keys)
		_, reply, _ := p.slow(t, link)
		if err := os.Truncate(filepath.Join(dir, "large.bin"), 8<<20); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, reply.Body)
		expect(t, p, "server")
		p.Stop()
	})
	t.Run("over HTTP/2", func(t *testing.T) {
		tmp := t.TempDir()
		cert, key := filepath.Join(tmp, "cert.pem"), filepath.Join(tmp, "key.pem")
		newCertificate(t, "first", cert, key)
		for name, cause := range map[string]string{"1m": "client", "100ms": "write_timeout"} {
			p := startJSON(t, "-dir", dir, "-key-file", keys, "-tls-cert", cert, "-tls-key", key, "-write-timeout", name)
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
			reply, err := (&http.Client{Transport: transport}).Get("https://" + p.Addr + link)
			if err != nil {
				t.Fatal(err)
			}
			if reply.Proto != "HTTP/2.0" {
				t.Errorf("the protocol is %s", reply.Proto)
			}
			if cause == "client" {
				reply.Body.Close()
			}
			expect(t, p, cause)
			reply.Body.Close()
			transport.CloseIdleConnections()
			p.Stop()
		}
	})
	t.Run("and whole ones are not", func(t *testing.T) {
		p := startJSON(t, "-dir", dir, "-key-file", keys)
		r, err := http.NewRequest(http.MethodHead, p.URL(link), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "test/1")
		reply, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Method = http.MethodGet
		r.Header.Set("If-None-Match", reply.Header.Get("ETag"))
		if reply, err = http.DefaultTransport.RoundTrip(r); err != nil || reply.StatusCode != http.StatusNotModified {
			t.Fatal(reply, err)
		}
		p.Get(link, "Range", "bytes=0-9")
		p.Get(link)
		for n, status := range []float64{200, 304, 206, 200} {
			line := p.requestLine(n + 1)
			if line["status"] != status || line["cut_off_by"] != nil {
				t.Errorf("request %d: %v, want status %v, and nothing cut off", n+1, line, status)
			}
		}
		line := p.requestLine(1)
		if took, ok := line["took_seconds"].(float64); !ok || took <= 0 || took > patience.Seconds() || line["user_agent"] != "test/1" {
			t.Errorf("the log says %v, want took_seconds and the user agent", line)
		}
		p.Stop()
	})
}

func TestHealthTellsBalancersBeforeTheServerStops(t *testing.T) {
	keys := newKeys(t, "k1")
	p := start(t, "-dir", files(t), "-key-file", keys, "-drain", "10m")
	link := linkTo(t, keys, "kyc/card.txt")
	if status, _ := p.Get("/healthz"); status != 200 {
		t.Errorf("status %d, want 200", status)
	}
	p.Signal(syscall.SIGTERM)
	p.Log.Wait(t, "msg=\"draining", 1)
	if status, body := p.Get("/healthz"); status != 503 || body != "stopping\n" {
		t.Errorf("status %d and %q, want 503 and stopping", status, body)
	}
	if status, _ := p.Get(link); status != 200 {
		t.Errorf("a file while draining: status %d, want 200", status)
	}
	p.Signal(syscall.SIGTERM)
	p.Exit()

	p = start(t, "-dir", files(t), "-key-file", keys, "-drain", "1ms")
	p.Signal(syscall.SIGTERM)
	p.Log.Wait(t, "msg=\"stopping", 1)
	if code := p.Exit(); code != cli.ExitOK {
		t.Errorf("after draining: exit code %d, want 0", code)
	}
}

func TestASecondSignalEndsTheServerAtOnce(t *testing.T) {
	keys := newKeys(t, "k1")
	link := linkTo(t, keys, "large.bin")
	for _, test := range []struct {
		name, until string
		flags       []string
	}{
		{"while downloads finish", "msg=\"stopping", []string{"-shutdown-timeout", "10m"}},
		{"while it drains", "msg=\"draining", []string{"-drain", "10m"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := start(t, with("-dir", sparse(t, large), "-key-file", keys, test.flags)...)
			p.slow(t, link)
			p.Signal(os.Interrupt)
			p.Log.Wait(t, test.until, 1)
			p.Signal(os.Interrupt)
			if code := p.Exit(); code != cli.ExitFailed {
				t.Errorf("exit code %d, want 1", code)
			}
		})
	}
}

func TestOneSignalEndsACommandThatWaits(t *testing.T) {
	cmd := exec.Command(os.Args[0], "check", "-key-file", newKeys(t, "k1"), "-")
	cmd.Env = []string{formats.Variable + "="}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	p := servertest.Run(t, cmd)
	// It may not have come to reading yet; then the signal ends it all the same.
	p.Signal(os.Interrupt)
	p.Exit()
}
