package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/server"
	"example.com/signedurl/examples/internal/servertest"
)

func TestGatewaysShareUsesAndRevocations(t *testing.T) {
	redis := startRedis(t)
	t.Setenv("SIGNEDURL_USES", redis.url)
	t.Setenv("SIGNEDURL_REVOCATIONS", redis.url)
	keys, from := newKeys(t), files(t)
	one := start(t, "-key-file", keys, "-files", from)
	two := start(t, "-key-file", keys, "-files", from)
	counted := link(t, keys, "-uses", "3", "kyc/card.txt")
	var got []int
	for range 3 {
		for _, g := range []*servertest.Process{one, two} {
			status, _ := g.Get(counted)
			got = append(got, status)
		}
	}
	for i, status := range got {
		if want := map[bool]int{true: 200, false: 404}[i < 3]; status != want {
			t.Errorf("uses: %v, want three of 200 and then 404", got)
			break
		}
	}
	named := link(t, keys, "-id", "order-1138", "kyc/card.txt")
	for _, g := range []*servertest.Process{one, two} {
		if status, body := g.Get(named); status != 200 || body != "the card" {
			t.Errorf("before the revocation: %d %s", status, body)
		}
	}
	if out := ok(t, "revoke", "-until", "1h", "order-1138", "other"); out != "revoked order-1138\nrevoked other" {
		t.Errorf("revoke prints %q", out)
	}
	for _, g := range []*servertest.Process{one, two} {
		eventually(t, "the refusal", func() bool { status, _ := g.Get(named); return status == 404 })
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := one.Get(path); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	redis.cmd.Process.Kill()
	eventually(t, "not being ready", func() bool {
		status, body := one.Get("/readyz")
		return status == 503 && strings.Contains(body, "uses of /files/: not reached\n") && strings.Contains(body, "revocations of /files/: not reached\n") && strings.Contains(body, "files of /files/: ok\n")
	})
	for target, want := range map[string]int{
		"/healthz":                                200,
		link(t, keys, "kyc/card.txt"):             200,
		link(t, keys, "-id", "x", "kyc/card.txt"): 503,
	} {
		if status, _ := one.Get(target); status != want {
			t.Errorf("without Redis, %s: %d, want %d", target, status, want)
		}
	}
	one.Stop()
	if strings.Contains(one.Log.String()+one.Out.String(), "hunter2") {
		t.Error("the log has the password of Redis")
	}
}

func TestMountsHaveTheirOwnKeysAndPolicy(t *testing.T) {
	cards, films := newKeys(t), newKeys(t)
	from := files(t)
	config := write(t, filepath.Join(t.TempDir(), "gateway.conf"), `
# for all
max-lifetime 1h
metrics 127.0.0.1:0

[mount]
base-url /cards/
files `+from+`
key-file `+cards+`

[mount]
base-url /cards/films/
files mem://
key-file `+films+`
uploads
max-lifetime 2h
`)
	g := start(t, "-config", config)
	signed := func(keys, base, lifetime string, args ...string) string {
		return ok(t, append([]string{"link", "-key-file", keys, "-base-url", base, "-lifetime", lifetime}, args...)...)
	}
	if status, body := g.Send("PUT", signed(films, "/cards/films/", "1m", "-method", "PUT", "-max-bytes", "1kB", "a.txt"), "a film"); status != 201 {
		t.Errorf("the upload: %d %s", status, body)
	}
	for _, test := range []struct {
		name, target string
		want         int
		body         string
	}{
		{"a card", signed(cards, "/cards/", "50m", "kyc/card.txt"), 200, "the card"},
		{"a film", signed(films, "/cards/films/", "110m", "a.txt"), 200, "a film"},
		{"a film for too long", signed(films, "/cards/films/", "3h", "a.txt"), 403, ""},
		{"a card for too long", signed(cards, "/cards/", "2h", "kyc/card.txt"), 403, ""},
		{"a film with the keys of the cards", signed(cards, "/cards/", "50m", "films/a.txt"), 403, ""},
		{"all cards, and no film", signed(cards, "/cards/", "50m", "-under", "/", "films/a.txt"), 403, ""},
		{"a card with the keys of the films", signed(films, "/cards/", "50m", "kyc/card.txt"), 403, ""},
		{"an upload where there are none", signed(cards, "/cards/", "50m", "-method", "PUT", "-max-bytes", "9", "x"), 403, ""},
	} {
		if status, body := g.Get(test.target); status != test.want || test.body != "" && body != test.body {
			t.Errorf("%s: %d %q, want %d", test.name, status, body, test.want)
		}
	}
	for _, text := range []string{"Serving " + from + " at http://", "/cards/\n", "Serving mem:// at "} {
		if !strings.Contains(g.Out.String(), text) {
			t.Errorf("%q is not said", text)
		}
	}
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	keys, from := newKeys(t), files(t)
	conf := func(text string) string { return write(t, filepath.Join(t.TempDir(), "c"), text) }
	free := func() string { // an address where nobody listens
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		return ln.Addr().String()
	}()
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "<Error><Code>SignatureDoesNotMatch</Code></Error>")
	}))
	defer refuses.Close()
	denied := "s3://b?region=x&use_path_style=true&endpoint=" + refuses.URL
	two := "\n[mount]\nbase-url /a/\nfiles " + from + "\n[mount]\n"
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no files", nil, 2, "-files is missing"},
		{"no URL", []string{"-files", "/srv/files"}, 2, "-files must be a URL such as s3://"},
		{"another scheme", []string{"-files", "ftp://host/"}, 2, "no files at ftp://"},
		{"two slashes", []string{"-files", "file://srv/files"}, 2, "with three slashes"},
		{"no directory", []string{"-files", "file:///none"}, 1, "no directory /none"},
		{"a bucket that does not answer", []string{"-files", "s3://b?region=x&endpoint=http://" + free + "&use_path_style=true"}, 1, "what the gateway needs is not reached: files of /files/"},
		{"an option that a bucket has not", []string{"-files", "s3://b?no=1"}, 1, "unknown query parameter"},
		{"no name of a bucket", []string{"-files", "s3:///b"}, 2, "names no bucket"},
		{"a profile that is not there", []string{"-files", "s3://b?profile=none"}, 1, "-files: "},
		{"a bucket that refuses", []string{"-files", denied}, 1, "SignatureDoesNotMatch"},
		{"a bucket that refuses uploads", []string{"-files", denied, "-uploads"}, 1, "SignatureDoesNotMatch"},
		{"uses at another place", []string{"-files", from, "-uses", "memcached://a"}, 2, "-uses: it must be redis://"},
		{"uses without a master", []string{"-files", from, "-uses", "redis-sentinel://a:1"}, 2, "needs ?master_name"},
		{"a password", []string{"-files", from, "-uses", "redis://u:hunter2@h:port"}, 2, "-uses: "},
		{"a password in a wrong option", []string{"-files", from, "-uses", "redis://u:hunter2@h:1/hunter2"}, 2, "-uses: "},
		{"no Redis", []string{"-files", from, "-uses", "redis://" + free}, 1, "what the gateway needs is not reached: uses of /files/: "},
		{"no revocations", []string{"-files", from, "-revocations", "redis://" + free, "-max-stale", "1s"}, 1, "what the gateway needs is not reached: revocations of /files/: "},
		{"two lists of revocations", []string{"-files", from, "-revocations", "redis://" + free, "-revoked", conf("")}, 2, "exclude each other"},
		{"nothing that could be stale", []string{"-files", from, "-max-stale", "1s"}, 2, "-max-stale needs -revocations"},
		{"a window for no uses", []string{"-files", from, "-use-window", "1m"}, 2, "need -uses"},
		{"nginx and a bucket", []string{"-files", "mem://", "-x-accel", "/p/"}, 2, "-x-accel is for files in a directory"},
		{"no collector", []string{"-files", from, "-otlp", "localhost:4317"}, 2, "-otlp must be the URL of a collector"},
		{"no configuration", []string{"-config", "/none"}, 1, "open /none"},
		{"a line that is wrong", []string{"-config", conf("\n\nmax-age")}, 2, ":3: max-age has no value"},
		{"a setting of the process in a mount", []string{"-config", conf("[mount]\naddr 1")}, 2, ":2: there is no setting \"addr\""},
		{"a mount that is wrong", []string{"-config", conf("[mount]\n\n[mount]\nfiles " + from + "\n")}, 2, ":1: -files is missing"},
		{"two mounts of a base", []string{"-config", conf(two + "base-url /a/\nfiles " + from)}, 2, "two things would be served at /a"},
		{"a secret of a mount in a file that is none", []string{"-config", conf(two + "files mem://\nkey-file /none")}, 1, "/none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out := run(t, append([]string{"serve", "-addr", "127.0.0.1:0", "-key-file", keys}, test.args...)...)
			if code != test.code || !strings.Contains(out, test.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.want, out)
			}
			if hint := strings.Contains(out, "serve -h"); hint != (test.code == cli.ExitUsage) {
				t.Errorf("help is offered: %v\n%s", hint, out)
			}
			if strings.Contains(out, "hunter2") {
				t.Errorf("the password is printed:\n%s", out)
			}
		})
	}
}

// The client of AWS would write lines of its own between those of the log, and
// keeps the options of the URL nevertheless.
func TestTheLogOfABucketIsThatOfTheGateway(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "id")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	var stored sync.Map
	var encrypted atomic.Bool
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
		w.Header().Set("ETag", `"1"`)
		switch {
		case r.Method == http.MethodPut:
			if _, twice := stored.LoadOrStore(r.URL.Path, true); twice && r.Header.Get("If-None-Match") == "*" {
				w.WriteHeader(http.StatusPreconditionFailed)
			}
			encrypted.Store(r.Header.Get("X-Amz-Server-Side-Encryption") == "AES256")
		case r.URL.Path == "/b" || r.URL.Path == "/b/":
			io.WriteString(w, "<ListBucketResult></ListBucketResult>")
		case r.URL.Path == "/b/below/kyc/card.txt":
			io.WriteString(w, "the card")
		case r.Method != http.MethodDelete:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer bucket.Close()
	keys := newKeys(t)
	g := start(t, "-key-file", keys, "-uploads", "-files", "s3://b?region=x&use_path_style=true&ssetype=AES256&prefix=below/&endpoint="+bucket.URL)
	if status, body := g.Get(link(t, keys, "kyc/card.txt")); status != 200 || body != "the card" {
		t.Errorf("%d %q", status, body)
	}
	if !encrypted.Load() {
		t.Error("the bucket is not asked to encrypt")
	}
	g.Stop()
	for line := range strings.Lines(g.Log.String()) {
		if !strings.HasPrefix(line, "time=") {
			t.Errorf("a line is not one of the log: %s", line)
		}
	}
}

// A password that is wrong stays so, and who repeats it must not make it public.
func TestWhyRedisIsNotReachedIsSaidAtOnce(t *testing.T) {
	keys, from := newKeys(t), files(t)
	good := strings.TrimPrefix(startRedis(t).url, "redis://:hunter2@")
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { echo.Close() })
	go func() { // no Redis, but it answers
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 4096)
				for {
					n, err := c.Read(b)
					if err != nil {
						return
					}
					for range bytes.Count(b[:n], []byte("*")) { // a reply for each command
						fmt.Fprintf(c, "-ERR unknown command %q\r\n", b[:n])
					}
				}
			}()
		}
	}()
	for _, test := range []struct{ name, url, want string }{
		{"a wrong password", "redis://:hunter3@" + good, "WRONGPASS"},
		{"no password", "redis://" + good, "NOAUTH"},
		{"a wrong password of a cluster", "redis-cluster://:hunter3@" + good, "WRONGPASS"},
		{"nobody listens", "redis://:hunter3@127.0.0.1:1", "connection refused"},
		{"no Sentinel listens", "redis-sentinel://127.0.0.1:1?master_name=m&password=hunter3", "connection refused"},
		{"an echo", "redis://:hunter3@" + echo.Addr().String(), "xxxxx"},
		{"an echo for a cluster", "redis-cluster://:hunter3@" + echo.Addr().String(), "xxxxx"},
		{"an echo for an option", "redis-sentinel://" + echo.Addr().String() + "?master_name=hunter3&password=hunter3", "xxxxx"},
	} {
		for _, flag := range []string{"uses", "revocations"} {
			t.Run(test.name+" of "+flag, func(t *testing.T) {
				began := time.Now()
				code, out := run(t, "serve", "-addr", "127.0.0.1:0", "-key-file", keys, "-files", from, "-"+flag, test.url)
				if code != cli.ExitFailed || !strings.Contains(out, "not reached: "+flag+" of /files/: ") || !strings.Contains(out, test.want) {
					t.Errorf("exit code %d, want 1 and %q:\n%s", code, test.want, out)
				}
				if strings.Contains(out, "hunter3") {
					t.Errorf("the password is printed:\n%s", out)
				}
				if took := time.Since(began); took >= startTimeout {
					t.Errorf("it took %v", took)
				}
			})
		}
	}
}

func TestMisspelledVariablesAreSaid(t *testing.T) {
	t.Setenv("SIGNEDURL_MAX_LIFETIM", "1h")
	t.Setenv(server.BindingVariable, "of another command")
	g := start(t, "-key-file", newKeys(t), "-files", "mem://")
	g.Stop()
	if !strings.Contains(g.Log.String(), "variable=SIGNEDURL_MAX_LIFETIM") {
		t.Error("nothing is said")
	}
	if strings.Contains(g.Log.String(), server.BindingVariable) {
		t.Error("a variable that sets something is said to set nothing")
	}
}

// A collector sees no signature, and Prometheus each metric once.
func TestTelemetryIsExported(t *testing.T) {
	var mu sync.Mutex
	got := map[string][]byte{}
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] = append(got[r.URL.Path], b...)
	}))
	defer collector.Close()
	keys := newKeys(t)
	g := start(t, "-key-file", keys, "-files", files(t), "-otlp", collector.URL, "-metrics", "127.0.0.1:0", "-uses", "memory")
	good := link(t, keys, "-uses", "2", "kyc/card.txt")
	if status, _ := g.Get(good); status != 200 {
		t.Errorf("the status is %d", status)
	}
	address := regexp.MustCompile(`http://[0-9.:]+/metrics`).FindString(g.Log.String())
	reply, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	page, _ := io.ReadAll(reply.Body)
	for text, want := range map[string]int{
		"# TYPE signedurl_decisions_total ":                 1,
		"signedurl_decisions_total{reason=\"ok\"} 1\n":      1,
		"# TYPE signedurl_link_remaining_seconds histogram": 1,
		"# TYPE signedurl_store_duration_seconds histogram": 1,
	} {
		if n := strings.Count(string(page), text); n != want {
			t.Errorf("%q is %d times in the metrics, want %d", text, n, want)
		}
	}
	if t.Failed() {
		t.Logf("%s", page)
	}
	g.Stop()
	mu.Lock()
	defer mu.Unlock()
	_, signature, _ := strings.Cut(good, "signature=")
	for path, text := range map[string]string{"/v1/metrics": "signedurl.decisions", "/v1/traces": "/files/kyc/card.txt"} {
		if !bytes.Contains(got[path], []byte(text)) {
			t.Errorf("%s: %q is not in %q", path, text, got[path])
		}
		if bytes.Contains(got[path], []byte(signature)) {
			t.Errorf("%s: the signature is in it", path)
		}
	}
}

// The socket is open before the gateway is, and systemd is told when it serves.
func TestSystemdOpensTheSocket(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	socket, err := ln.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	notify := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	keys := newKeys(t)
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" serve -addr 192.0.2.1:1 -files mem://`, os.Args[0])
	cmd.ExtraFiles = []*os.File{socket}
	cmd.Env = []string{"LISTEN_FDS=1", "LISTEN_FDNAMES=addr", "NOTIFY_SOCKET=" + notify, "CREDENTIALS_DIRECTORY=" + filepath.Dir(rename(t, keys, "key-file"))}
	g := servertest.Run(t, cmd)
	g.AwaitAddr()
	if g.Addr != ln.Addr().String() {
		t.Errorf("it listens on %s, want %s", g.Addr, ln.Addr())
	}
	if status, _ := g.Get("/readyz"); status != 200 {
		t.Errorf("the status is %d", status)
	}
	g.Cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "the reload", func() bool { return strings.Contains(g.Log.String(), "what=keys") })
	g.Stop()
	var said []string
	b := make([]byte, 1024)
	for len(said) < 4 {
		n, err := manager.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		state, _, _ := strings.Cut(string(b[:n]), "\n")
		said = append(said, state)
	}
	if got, want := strings.Join(said, " "), "READY=1 RELOADING=1 READY=1 STOPPING=1"; got != want {
		t.Errorf("systemd is told %s, want %s", got, want)
	}
}

// rename gives a file another name in its directory.
func rename(t *testing.T, file, name string) string {
	t.Helper()
	to := filepath.Join(filepath.Dir(file), name)
	if err := os.Rename(file, to); err != nil {
		t.Fatal(err)
	}
	return to
}
