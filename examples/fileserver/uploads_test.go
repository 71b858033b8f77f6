package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// startUploads starts a server that takes uploads into a directory.
func startUploads(t *testing.T, keys, dir string, args ...string) *process {
	t.Helper()
	return start(t, append([]string{"-key-file", keys, "-dir", dir, "-uploads"}, args...)...)
}

// begin sends the header of an upload and so many of its bytes.
func (p *process) begin(target string, length, bytes int, header ...string) net.Conn {
	p.T.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	lines := append([]string{"PUT " + target + " HTTP/1.1", "Host: x", "Content-Length: " + strconv.Itoa(length)}, header...)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"+strings.Repeat("x", bytes)); err != nil {
		p.T.Fatal(err)
	}
	return conn
}

// status reads the status of a reply.
func status(t *testing.T, conn net.Conn) string {
	t.Helper()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || len(line) < len("HTTP/1.1 200") {
		t.Fatalf("%q, %v", line, err)
	}
	return line[len("HTTP/1.1 "):][:3]
}

// put uploads a body and returns the status.
func (p *process) put(target string, body io.Reader, header ...string) int {
	p.T.Helper()
	r, err := http.NewRequest(http.MethodPut, p.URL(target), body)
	if err != nil {
		p.T.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	reply, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.T.Fatal(err)
	}
	reply.Body.Close()
	return reply.StatusCode
}

// written waits until the process has a file open below a directory, of so many
// bytes, that has no name or a hidden one.
func (p *process) written(dir string, files int, bytes int64) {
	p.T.Helper()
	fds := fmt.Sprintf("/proc/%d/fd", p.Cmd.Process.Pid)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		entries, err := os.ReadDir(fds)
		if err != nil {
			p.T.Skip("there is no /proc")
		}
		found := 0
		for _, e := range entries {
			path := filepath.Join(fds, e.Name())
			name, _ := os.Readlink(path)
			info, err := os.Stat(path)
			if err == nil && strings.HasPrefix(name, dir+"/") && info.Mode().IsRegular() && info.Size() >= bytes {
				found++
			}
		}
		if found >= files {
			return
		}
	}
	p.T.Fatal("the upload did not begin")
}

// everything returns what is below a directory, hidden files too.
func everything(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
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

// A killed server leaves nothing of a file that was not finished, and everything
// of one that was.
func TestAKilledServerLeavesNoPartOfAnUpload(t *testing.T) {
	keys, dir := newKeys(t, "k1"), t.TempDir()
	p := startUploads(t, keys, dir)
	whole := strings.Repeat("x", 100000)
	if got := p.put(linkTo(t, keys, "-method", "PUT", "whole"), strings.NewReader(whole)); got != 201 {
		t.Fatal(got)
	}
	link := linkTo(t, keys, "-method", "PUT", "part")
	p.begin(link, 2*len(whole), len(whole))
	p.written(dir, 1, 32<<10)
	p.Signal(syscall.SIGKILL)
	p.Exit()
	if diff := cmp.Diff([]string{"whole"}, everything(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "whole")); string(b) != whole || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	p = startUploads(t, keys, dir)
	if got := p.put(link, strings.NewReader(whole)); got != 201 {
		t.Errorf("after the restart: %d", got)
	}
}

// A stopped server lets uploads finish.
func TestAStoppedServerFinishesUploads(t *testing.T) {
	keys, dir := newKeys(t, "k1"), t.TempDir()
	p := startUploads(t, keys, dir)
	conn := p.begin(linkTo(t, keys, "-method", "PUT", "new"), 100001, 100000)
	p.written(dir, 1, 32<<10)
	p.Signal(syscall.SIGTERM)
	p.Log.Wait(t, "stopping", 1)
	io.WriteString(conn, "x")
	if got := status(t, conn); got != "201" {
		t.Error(got)
	}
	if code := p.Exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A disk that is full, or that the uploads under way will fill, is 507, and
// leaves what is there as it was.
func TestAFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := mountTmpfs(dir, 1<<20); err != nil {
		t.Skipf("no small disk: %v", err)
	}
	t.Cleanup(func() { unmount(dir) })
	keys := newKeys(t, "k1")
	p := startUploads(t, keys, dir)
	link := func(name string) string { return linkTo(t, keys, "-method", "PUT", name) }
	body := func(n int) io.Reader { return bytes.NewReader(make([]byte, n)) }
	if got := p.put(link("a"), body(2<<20)); got != 507 {
		t.Errorf("too long: %d", got)
	}
	if got := p.put(link("a"), io.MultiReader(body(2<<20))); got != 507 {
		t.Errorf("too long, of a length that is not known: %d", got)
	}
	if all := everything(t, dir); all != nil {
		t.Errorf("left: %v", all)
	}
	first := p.begin(link("b"), 600<<10, 64<<10)
	p.written(dir, 1, 32<<10)
	if got := p.put(link("c"), body(600<<10)); got != 507 {
		t.Errorf("no room beside the one that is under way: %d", got)
	}
	if got := p.put(link("d"), body(100<<10)); got != 201 {
		t.Errorf("room beside the one that is under way: %d", got)
	}
	first.Close() // and what it would have needed is free again
	for end := time.Now().Add(patience); ; {
		got := p.put(link("c"), body(600<<10))
		if got == 201 {
			break
		}
		if got != 507 || time.Now().After(end) {
			t.Fatalf("after it broke off: %d", got)
		}
	}
	if diff := cmp.Diff([]string{"c", "d"}, everything(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.Log.Wait(t, "no space left on device", 1)
}

// Of a thousand clients that store one name, exactly one succeeds, and the file
// is all its own.
func TestAThousandUploadsOfOneName(t *testing.T) {
	const many = 1000
	keys, dir := newKeys(t, "k1"), t.TempDir()
	p := startUploads(t, keys, dir, "-upload-slots", "1000", "-trusted-proxy", "127.0.0.0/8", "-access-log=false")
	link := linkTo(t, keys, "-method", "PUT", "card")
	conns := make([]net.Conn, many)
	for i := range conns {
		conns[i] = p.begin(link, 40000, 35000, fmt.Sprintf("X-Forwarded-For: 10.0.%d.%d", i/200, i%200))
	}
	p.written(dir, many, 32<<10) // the name is free for all of them
	var mu sync.Mutex
	got := make(map[string]int)
	winner := -1
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			fmt.Fprintf(conn, "%-5000d", i)
			s := status(t, conn)
			mu.Lock()
			defer mu.Unlock()
			if got[s]++; s == "201" {
				winner = i
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff(map[string]int{"201": 1, "409": many - 1}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want := strings.Repeat("x", 35000) + fmt.Sprintf("%-5000d", winner)
	if b, err := os.ReadFile(filepath.Join(dir, "card")); string(b) != want || err != nil {
		t.Errorf("the file is not that of %d: %d bytes, %v", winner, len(b), err)
	}
	if diff := cmp.Diff([]string{"card"}, everything(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Five hundred clients that hardly send anything hold their slots and no more:
// others read, and learn that there is no slot. One address gets few of them.
func TestFiveHundredSlowUploads(t *testing.T) {
	const many = 500
	keys, dir := newKeys(t, "k1"), files(t)
	p := startUploads(t, keys, dir, "-upload-slots", "500", "-trusted-proxy", "127.0.0.0/8", "-access-log=false")
	link := linkTo(t, keys, "-method", "PUT", "-under", "/", "card")
	var conns []net.Conn
	for i := range many {
		conns = append(conns, p.begin(link, 100000, 1, fmt.Sprintf("X-Forwarded-For: 10.0.%d.%d", i/200, i%200)))
	}
	p.written(dir, many, 0)
	if got := p.put(link, strings.NewReader("x"), "X-Forwarded-For", "192.0.2.1"); got != 503 {
		t.Errorf("one more: %d", got)
	}
	if got, body := p.Get(linkTo(t, keys, "kyc/card.txt")); got != 200 || body != "the card" {
		t.Errorf("a reader: %d", got)
	}
	for _, conn := range conns {
		conn.Close()
	}
	for end := time.Now().Add(patience); ; {
		got := p.put(linkTo(t, keys, "-method", "PUT", "new"), strings.NewReader("x"), "X-Forwarded-For", "192.0.2.1")
		if got == 201 {
			break
		}
		if got != 503 || time.Now().After(end) {
			t.Fatalf("when they are gone: %d", got)
		}
	}
	for range 8 {
		p.begin(link, 100000, 40000, "X-Forwarded-For: 192.0.2.1")
	}
	p.written(dir, 8, 32<<10)
	if got := p.put(linkTo(t, keys, "-method", "PUT", "another"), strings.NewReader("x"), "X-Forwarded-For", "192.0.2.1"); got != 429 {
		t.Errorf("a client with eight: %d", got)
	}
	if got := p.put(linkTo(t, keys, "-method", "PUT", "another"), strings.NewReader("x"), "X-Forwarded-For", "192.0.2.2"); got != 201 {
		t.Errorf("another client: %d", got)
	}
}

// Whoever changes directories into symbolic links meanwhile cannot lead an
// upload out of the root.
func TestUploadsDoNotLeaveTheRoot(t *testing.T) {
	keys, dir, outside := newKeys(t, "k1"), t.TempDir(), t.TempDir()
	p := startUploads(t, keys, dir)
	in, real := filepath.Join(dir, "in"), filepath.Join(dir, "real")
	file := filepath.Join(dir, "file")
	if err := os.Mkdir(in, 0o755); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			os.Rename(in, real)
			os.Symlink(outside, in)
			os.Symlink(filepath.Join(outside, "file"), file)
			os.Remove(in)
			os.Rename(real, in)
			os.Remove(file)
		}
	}()
	got := make(map[int]int)
	for i := range 300 {
		got[p.put(linkTo(t, keys, "-method", "PUT", "in/"+strconv.Itoa(i)), strings.NewReader("x"))]++
		args := []string{"-method", "PUT", "file"}
		if i%2 == 0 {
			args = []string{"-method", "PUT", "-replace", "file"}
		}
		got[p.put(linkTo(t, keys, args...), strings.NewReader("x"))]++
	}
	close(stop)
	<-stopped
	if all := everything(t, outside); all != nil {
		t.Errorf("outside: %v", all)
	}
	if got[201] == 0 || got[409] == 0 || got[201]+got[409] != 600 {
		t.Errorf("statuses: %v", got)
	}
}

// A body is exactly as long as it says.
func TestBodiesOfAnotherLength(t *testing.T) {
	keys, dir := newKeys(t, "k1"), t.TempDir()
	p := startUploads(t, keys, dir)
	short := p.begin(linkTo(t, keys, "-method", "PUT", "short"), 10, 5)
	short.(*net.TCPConn).CloseWrite()
	if got := status(t, short); got != "400" {
		t.Errorf("shorter: %s", got)
	}
	long := p.begin(linkTo(t, keys, "-method", "PUT", "long"), 5, 10)
	if got := status(t, long); got != "201" {
		t.Errorf("longer: %s", got)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "long")); string(b) != "xxxxx" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if diff := cmp.Diff([]string{"long"}, everything(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The limits of a link on the command line are those of the link.
func TestTheLimitsOfUploads(t *testing.T) {
	keys, dir := newKeys(t, "k1"), files(t)
	p := startUploads(t, keys, dir, "-upload-max", "1KiB")
	sum := sha256.Sum256([]byte("this"))
	for _, tt := range []struct {
		args   []string
		body   string
		status int
	}{
		{[]string{"-method", "PUT", "a"}, "x", 201},
		{[]string{"-methods", "PUT,GET", "a"}, "x", 409},
		{[]string{"-method", "PUT", "-replace", "a"}, "y", 201},
		{[]string{"-method", "PUT", "-max-bytes", "3B", "b"}, "four", 413},
		{[]string{"-method", "PUT", "-max-bytes", "1MiB", "b"}, strings.Repeat("x", 1025), 413},
		{[]string{"-method", "PUT", "-sha256", hex.EncodeToString(sum[:]), "b"}, "that", 422},
		{[]string{"-method", "PUT", "-sha256", hex.EncodeToString(sum[:]), "b"}, "this", 201},
		{[]string{"-method", "PUT", "-accept", "text/plain,image/*", "c.txt"}, "text", 201},
		{[]string{"-method", "PUT", "-accept", "image/*", "d.txt"}, "text", 415},
		{[]string{"-method", "PUT", "-under", "kyc", "kyc/e"}, "x", 201},
		{[]string{"-method", "PUT", "none/f"}, "x", 409},
		{[]string{"g"}, "x", 403},
	} {
		if got := p.put(linkTo(t, keys, tt.args...), strings.NewReader(tt.body)); got != tt.status {
			t.Errorf("%v: %d, want %d", tt.args, got, tt.status)
		}
	}
	if got, _ := p.Get(linkTo(t, keys, "-method", "PUT", "a")); got != 403 {
		t.Errorf("reading with a link for uploads: %d", got)
	}
	p = startUploads(t, keys, dir, "-upload-dirs")
	if got := p.put(linkTo(t, keys, "-method", "PUT", "none/f"), strings.NewReader("x")); got != 201 {
		t.Errorf("a new directory: %d", got)
	}
	p = start(t, "-key-file", keys, "-dir", dir)
	for _, args := range [][]string{{"-method", "PUT", "h"}, {"-method", "PUT", "-max-bytes", "9", "h"}} {
		if got := p.put(linkTo(t, keys, args...), strings.NewReader("x")); got != 405 && got != 403 {
			t.Errorf("a server without uploads: %d", got)
		}
	}
}

// curl stores files in all the ways that it has.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("SIGNEDURL_REQUIRE_CURL") != "" {
			t.Fatal(err)
		}
		t.Skip("there is no curl")
	}
	keys, dir := newKeys(t, "k1"), t.TempDir()
	p := startUploads(t, keys, dir)
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("pixel", 500000)
	source := write(t, filepath.Join(t.TempDir(), "card.png"), png)
	run := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.Command(curl, append([]string{"-sS", "-o", os.DevNull, "-w", "%{http_code}"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("curl %s: %v: %s", args[0], err, &errs)
		}
		return string(out)
	}
	link := func(args ...string) string {
		return p.URL(linkTo(t, keys, append([]string{"-accept", "image/*"}, args...)...))
	}
	for _, tt := range []struct {
		name, stdin string
		args        []string
		status      string
		stored      string
	}{
		{"-T", "", []string{"-T", source, link("-method", "PUT", "a.png")}, "201", "a.png"},
		{"-T again", "", []string{"-T", source, link("-method", "PUT", "a.png")}, "409", "a.png"},
		{"-T without a length", png, []string{"-T", "-", link("-method", "PUT", "b.png")}, "201", "b.png"},
		{"-T with Expect", "", []string{"-T", source, "-H", "Expect: 100-continue", link("-method", "PUT", "c.png")}, "201", "c.png"},
		{"-T with Expect, too long", "", []string{"-T", source, "-H", "Expect: 100-continue", link("-method", "PUT", "-max-bytes", "1MB", "d.png")}, "413", ""},
		{"-T too long", "", []string{"-T", source, link("-method", "PUT", "-max-bytes", "1MB", "d.png")}, "413", ""},
		{"-T without a length, too long", png, []string{"-T", "-", link("-method", "PUT", "-max-bytes", "1MB", "d.png")}, "413", ""},
		{"-F", "", []string{"-F", "note=1", "-F", "file=@" + source + ";filename=e.png", link("-method", "POST", "-under", "/")}, "201", "e.png"},
		{"-F of text", "", []string{"-F", "file=@" + source + ";filename=e.txt", link("-method", "POST", "-under", "/")}, "415", ""},
		{"-F with two files", "", []string{"-F", "file=@" + source + ";filename=f.png", "-F", "file=@" + source, link("-method", "POST", "-under", "/")}, "400", ""},
	} {
		if got := run(tt.stdin, tt.args...); got != tt.status {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.status)
		}
		if tt.stored == "" {
			continue
		}
		if b, err := os.ReadFile(filepath.Join(dir, tt.stored)); string(b) != png || err != nil {
			t.Errorf("%s: %d bytes, %v", tt.name, len(b), err)
		}
	}
	if diff := cmp.Diff([]string{"a.png", "b.png", "c.png", "e.png"}, everything(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
