package browser

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
	"example.com/signedurl/signedfs/resumable"
)

// tusProgram makes the test binary a server of resumable uploads: it has the
// address, the directory of the files and that of the parts.
const tusProgram = "BROWSER_TEST_TUS"

func tusKeys() *middleware.Keyring {
	key, err := middleware.NewHMACKey("test", []byte("a secret of 32 bytes for testing"))
	if err != nil {
		panic(err)
	}
	keys, err := middleware.NewKeyring(key)
	if err != nil {
		panic(err)
	}
	return keys
}

func newTusHandler(files, parts string) *resumable.Handler {
	dir, err := signedfs.OpenDir(files)
	if err != nil {
		panic(err)
	}
	h, err := resumable.New("/files/", dir, tusKeys(), &resumable.Options{
		Dir:   parts,
		Files: signedfs.Options{Uploads: &signedfs.Uploads{}},
	})
	if err != nil {
		panic(err)
	}
	return h
}

// serveTus is the program. SIGTERM lets requests end.
func serveTus(args []string) {
	ln, err := net.Listen("tcp", args[0])
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	files := newTusHandler(args[1], args[2])
	mux.Handle(files.Prefix(), files)
	mux.Handle("/node_modules/", http.FileServer(http.Dir(args[3])))
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>Uploads</title>")
	})
	fmt.Println(ln.Addr())
	panic(http.Serve(ln, mux))
}

// tusSite is such a server behind a proxy that cuts connections.
type tusSite struct {
	t            *testing.T
	files, parts string
	proxy        string
	mu           sync.Mutex
	backend      string
	cmd          *exec.Cmd
	budget       func() int64 // how many bytes a connection may carry, or nil
	conns        []net.Conn   // of clients, since the budget was set
}

func newTusSite(t *testing.T) *tusSite {
	t.Helper()
	if err := nodeModules(); err != nil {
		t.Fatal(err)
	}
	s := &tusSite{t: t, files: t.TempDir(), parts: filepath.Join(t.TempDir(), "parts")}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	s.proxy = "http://" + ln.Addr().String()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.forward(conn)
		}
	}()
	s.start()
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	return s
}

// start starts the server, and waits until it listens.
func (s *tusSite) start() {
	s.t.Helper()
	here, err := os.Getwd()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "127.0.0.1:0", s.files, s.parts, here)
	cmd.Env = append(os.Environ(), tusProgram+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.backend = cmd, addr
}

// restart ends the server by a signal, and starts another one.
func (s *tusSite) restart(signal syscall.Signal) {
	s.cmd.Process.Signal(signal)
	s.cmd.Wait()
	s.start()
}

// cut sets how many bytes from the client each connection may carry, and ends
// those that are there.
func (s *tusSite) cut(budget func() int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget = budget
	for _, conn := range s.conns {
		conn.Close()
	}
	s.conns = nil
}

func (s *tusSite) forward(client net.Conn) {
	defer client.Close()
	s.mu.Lock()
	backend, budget := s.backend, s.budget
	s.conns = append(s.conns, client)
	s.mu.Unlock()
	server, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(client, server)
		client.Close()
	}()
	if budget == nil {
		io.Copy(server, client)
		return
	}
	io.CopyN(server, client, budget())
}

// link returns a link that begins uploads of images below the base.
func (s *tusSite) link(name string, lifetime time.Duration) string {
	s.t.Helper()
	links, err := middleware.NewURLBuilder(s.proxy+"/files/", tusKeys())
	if err != nil {
		s.t.Fatal(err)
	}
	u, err := links.URL(name, middleware.Claims{
		Expires: time.Now().Add(lifetime),
		Methods: []string{"POST"},
		Upload:  middleware.Upload{MaxBytes: 20 << 20, Accept: []string{"image/*"}},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return u.String()
}

// node uploads a file with tus-js-client in Node, and returns how often it tried
// again.
func (s *tusSite) node(link, file, name string) (retries int, err error) {
	var errs bytes.Buffer
	cmd := exec.Command("node", "tus.mjs", link, file, name)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, middleware.Redact(errs.String()))
	}
	var result struct {
		Retries int
		URL     string
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return 0, err
	}
	if !strings.Contains(result.URL, "/files/.uploads/") {
		return 0, fmt.Errorf("the upload's URL is %s", middleware.Redact(result.URL))
	}
	return result.Retries, nil
}

// image returns a file of so many random bytes that begins like a PNG.
func image(t *testing.T, size int) (name string, sum [sha256.Size]byte) {
	t.Helper()
	content := make([]byte, size)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(content)
	copy(content, "\x89PNG\r\n\x1a\n")
	name = filepath.Join(t.TempDir(), "card.png")
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return name, sha256.Sum256(content)
}

func (s *tusSite) check(name string, want [sha256.Size]byte) {
	s.t.Helper()
	content, err := os.ReadFile(filepath.Join(s.files, name))
	if err != nil || sha256.Sum256(content) != want {
		s.t.Errorf("%s: %d bytes that are not those that were sent, %v", name, len(content), err)
	}
}

func TestTusClientInNode(t *testing.T) {
	file, sum := image(t, 3_000_000)
	t.Run("nothing happens", func(t *testing.T) {
		s := newTusSite(t)
		if retries, err := s.node(s.link("/", time.Hour), file, "a.png"); err != nil || retries != 0 {
			t.Errorf("%d, %v", retries, err)
		}
		s.check("a.png", sum)
	})
	t.Run("the connection is cut at random bytes", func(t *testing.T) {
		s := newTusSite(t)
		s.cut(func() int64 { return 1000 + rand.Int64N(400_000) })
		retries, err := s.node(s.link("a.png", time.Hour), file, "a.png")
		if err != nil || retries == 0 {
			t.Errorf("%d, %v", retries, err)
		}
		s.check("a.png", sum)
	})
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run("the server is restarted by "+signal.String(), func(t *testing.T) {
			s := newTusSite(t)
			s.cut(func() int64 { return 500_000 })
			done := make(chan error, 1)
			go func() {
				_, err := s.node(s.link("a.png", time.Hour), file, "a.png")
				done <- err
			}()
			for range 3 {
				s.wait(400_000)
				s.restart(signal)
			}
			s.cut(nil)
			if err := <-done; err != nil {
				t.Error(err)
			}
			s.check("a.png", sum)
		})
	}
	t.Run("the link expires in the middle", func(t *testing.T) {
		s := newTusSite(t)
		s.cut(func() int64 { return 300_000 + rand.Int64N(100_000) })
		link := s.link("a.png", 2*time.Second)
		done := make(chan error, 1)
		go func() {
			_, err := s.node(link, file, "a.png")
			done <- err
		}()
		s.wait(100_000)
		s.cut(func() int64 { return 0 }) // until the link has expired
		for {
			resp, err := http.Post(strings.Replace(link, s.proxy, "http://"+s.backend, 1), "", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusNotFound {
				break
			}
		}
		s.cut(nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.check("a.png", sum)
	})
	t.Run("what is no image is refused", func(t *testing.T) {
		s := newTusSite(t)
		if _, err := s.node(s.link("/", time.Hour), file, "a.pdf"); err == nil || !strings.Contains(err.Error(), "415") {
			t.Errorf("the error is %v", err)
		}
	})
}

// wait waits until so many bytes of an upload are on the disk, or it is stored.
func (s *tusSite) wait(bytes int64) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		if stored, _ := os.ReadDir(s.files); len(stored) > 0 {
			return
		}
		parts, _ := os.ReadDir(s.parts)
		for _, p := range parts {
			if info, err := p.Info(); err == nil && filepath.Ext(p.Name()) == "" && info.Size() >= bytes {
				return
			}
		}
	}
	s.t.Fatal("the upload does not go on")
}

// Chromium's tus-js-client and Uppy's plug-in go on after cuts, and two clients
// of one upload do not spoil it.
func TestTusClientsInABrowser(t *testing.T) {
	s := newTusSite(t)
	tab := startBrowser(t)
	navigate := func() { do(t, tab, chromedp.Navigate(s.proxy)) }
	content := picture(2_000_000)
	tus := func(options string) string {
		return fmt.Sprintf(`new Promise(done => {
			const s = document.createElement("script");
			s.src = "/node_modules/tus-js-client/dist/tus.min.js";
			s.onload = () => {
				let retries = 0;
				const file = %s;
				const make = extra => new tus.Upload(file, { chunkSize: 200000, retryDelays: Array(100).fill(50), metadata: { filename: file.name },
					onShouldRetry: () => { retries++; return true; }, onError: e => done("failed: " + e), ...extra });
				%s
			};
			document.head.append(s);
		})`, content, options)
	}
	navigate()
	s.cut(func() int64 { return 1000 + rand.Int64N(400_000) })
	got := await[string](t, tab, tus(fmt.Sprintf(`make({ endpoint: %q, onSuccess: () => done("stored after " + (retries > 0 ? "some" : "no") + " retries") }).start();`, s.link("cut.png", time.Hour))))
	if got != "stored after some retries" {
		t.Errorf("tus-js-client: %s", got)
	}
	s.stored("cut.png", 2_000_000)

	s.cut(nil)
	got = await[string](t, tab, tus(fmt.Sprintf(`
		const first = make({ endpoint: %q });
		let ended = 0;
		const end = () => { if (++ended == 2) done("both succeed"); };
		first.options.onSuccess = end;
		first.options.onUploadUrlAvailable = () => make({ uploadUrl: first.url, onSuccess: end }).start();
		first.start();`, s.link("two.png", time.Hour))))
	if got != "both succeed" {
		t.Errorf("two clients: %s", got)
	}
	s.stored("two.png", 2_000_000)

	navigate()
	s.cut(func() int64 { return 1000 + rand.Int64N(400_000) })
	got = await[string](t, tab, fmt.Sprintf(`import("/node_modules/uppy/dist/uppy.min.mjs").then(async ({ Uppy, Tus }) => {
		const uppy = new Uppy().use(Tus, { endpoint: %q, chunkSize: 200000, retryDelays: Array(100).fill(50), allowedMetaFields: true,
			onBeforeRequest: () => {}, onShouldRetry: () => true });
		uppy.setMeta({ filename: "uppy.png" });
		uppy.addFile({ name: "uppy.png", type: "image/png", data: %s });
		const { successful, failed } = await uppy.upload();
		return successful.length + " " + failed.length + " " + failed.map(f => f.error);
	})`, s.link("/", time.Hour), content))
	if !strings.HasPrefix(got, "1 0 ") {
		t.Errorf("Uppy: %s", got)
	}
	s.stored("uppy.png", 2_000_000)
}

func (s *tusSite) stored(name string, size int64) {
	s.t.Helper()
	if info, err := os.Stat(filepath.Join(s.files, name)); err != nil || info.Size() != size {
		s.t.Errorf("%s: %v", name, err)
	}
}
