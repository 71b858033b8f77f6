//go:build unix

package benchmarks_test

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// uploadRoot is like serveRoot, for the servers that store files.
const uploadRoot = "SIGNEDURL_BENCHMARK_UPLOADS"

// uploaders are the servers in the order in which they tell their addresses:
// signedfs, and handlers that copy the body into a file and rename it, with and
// without a SHA-256 of it, which signedfs states in its reply.
var uploaders = []string{"signedfs", "copy+sha256", "control", "copy"}

func runUploads(root string) error {
	runtime.GOMAXPROCS(1)
	key, err := middleware.NewHMACKey("2026a", secret)
	if err != nil {
		return err
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		return err
	}
	dir, err := signedfs.OpenDir(root)
	if err != nil {
		return err
	}
	defer dir.Close()
	signed, err := signedfs.New("/", dir, ring, &signedfs.Options{Uploads: &signedfs.Uploads{
		MaxBytes: 1 << 30, MaxUploads: 1000, MaxPerClient: 1000,
	}})
	if err != nil {
		return err
	}
	return run(signed, copier{root, true}, copier{root, false}, copier{root, false})
}

// copier is what an application would write: no name of a file appears before
// the file is whole and on the disk.
type copier struct {
	root string
	sum  bool
}

func (c copier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := c.store(r); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
	io.WriteString(w, "Created\n")
}

func (c copier) store(r *http.Request) error {
	temp := filepath.Join(c.root, ".upload-"+rand.Text())
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	defer f.Close()
	var dst io.Writer = f
	var h hash.Hash
	if c.sum {
		h = sha256.New()
		dst = io.MultiWriter(f, h)
	}
	if _, err := io.Copy(dst, r.Body); err != nil {
		return err
	}
	if c.sum {
		h.Sum(nil)
	}
	name := filepath.Join(c.root, filepath.FromSlash(r.URL.Path))
	dir, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return errors.Join(f.Sync(), os.Rename(temp, name), dir.Sync())
}

// putLinks returns links for n uploads of new names in a directory. Those of
// pictures take nothing else.
func putLinks(b *testing.B, ring *middleware.Keyring, dir string, pictures bool, n int) []string {
	c := soon
	c.Methods = []string{http.MethodPut}
	extension := ".bin"
	if pictures {
		c.Upload.Accept, extension = []string{"image/*"}, ".jpg"
	}
	links := make([]string, n)
	for i := range links {
		links[i] = sign(b, ring, dir+rand.Text()+extension, c)
	}
	return links
}

// jpeg begins a file that looks like a picture, and goes on with zeros.
var jpeg = "\xff\xd8\xff\xe0\x00\x10JFIF\x00"

// BenchmarkUpload stores files over loopback, and reports requests for each
// second of the server's CPU time as BenchmarkServe does. Run it with -benchtime
// 20x. TMPDIR is where the files go: what a disk does is not the server's CPU
// time, but waiting for it makes the numbers less exact.
func BenchmarkUpload(b *testing.B) {
	ring := keyring(b, hmacKey(b, "2026a"))
	for _, file := range []struct {
		size, dir string
		pictures  bool
		bytes     int64
		batch     int
	}{
		{"1KiB", "/", false, 1 << 10, 200}, {"1KiB/dirs=2/accept=image", "/kyc/42/", true, 1 << 10, 200},
		{"1MiB", "/", false, 1 << 20, 40}, {"256MiB", "/", false, 256 << 20, 1},
	} {
		b.Run("size="+file.size, func(b *testing.B) {
			if b.N == 1 && file.bytes > 1<<24 && testing.Short() {
				b.Skip("it takes a while")
			}
			root := b.TempDir()
			if err := os.MkdirAll(filepath.Join(root, file.dir), 0o755); err != nil {
				b.Fatal(err)
			}
			servers := startServers(b, uploadRoot, root, len(uploaders))
			client := &http.Client{Transport: &http.Transport{}}
			batch := func(i int) float64 {
				links := putLinks(b, ring, file.dir, file.pictures, file.batch)
				before := servers.cpuTime(b)
				for _, link := range links {
					r, err := http.NewRequest(http.MethodPut, "http://"+servers.addresses[i]+link, io.LimitReader(io.MultiReader(strings.NewReader(jpeg), zeros{}), file.bytes))
					if err != nil {
						b.Fatal(err)
					}
					r.ContentLength = file.bytes
					resp, err := client.Do(r)
					if err != nil {
						b.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if resp.StatusCode != http.StatusCreated {
						b.Fatal(uploaders[i], resp.Status)
					}
				}
				used := (servers.cpuTime(b) - before).Seconds()
				for _, link := range links {
					name, _, _ := strings.Cut(link, "?")
					if err := os.Remove(filepath.Join(root, name)); err != nil {
						b.Fatal(err)
					}
				}
				return used
			}
			for i := range uploaders {
				batch(i) // warms up
			}
			rates := make([][]float64, len(uploaders))
			toCopy := make([][]float64, len(uploaders))
			toSum := make([][]float64, len(uploaders))
			for turn := 0; b.Loop(); turn++ {
				cpu := make([]float64, len(uploaders))
				for k := range cpu {
					i := (turn + k*(1+turn%2*2)) % len(cpu)
					cpu[i] = batch(i)
				}
				for i := range cpu {
					rates[i] = append(rates[i], float64(file.batch)/cpu[i])
					toCopy[i] = append(toCopy[i], cpu[3]/cpu[i])
					toSum[i] = append(toSum[i], cpu[1]/cpu[i])
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, name := range uploaders {
				b.ReportMetric(median(rates[i]), name+"-req/cpu-s")
			}
			b.ReportMetric(median(toCopy[0]), "signedfs/copy")
			b.ReportMetric(median(toSum[0]), "signedfs/copy+sha256")
			b.ReportMetric(median(toCopy[2]), "control/copy")
		})
	}
}

// BenchmarkUploadMemory reports how much memory the server holds for each of 200
// uploads that are under way, with what net/http holds for the connection.
func BenchmarkUploadMemory(b *testing.B) {
	const many = 200
	ring := keyring(b, hmacKey(b, "2026a"))
	for _, size := range []int64{1 << 20, 256 << 20} {
		for i, name := range uploaders {
			if name == "control" {
				continue
			}
			b.Run(fmt.Sprintf("size=%dMiB/server=%s", size>>20, name), func(b *testing.B) {
				root := b.TempDir()
				servers := startServers(b, uploadRoot, root, len(uploaders))
				var each []float64
				for b.Loop() {
					before := servers.memory(b)
					var conns []net.Conn
					for _, link := range putLinks(b, ring, "/", false, many) {
						conn, err := net.Dial("tcp", servers.addresses[i])
						if err != nil {
							b.Fatal(err)
						}
						conns = append(conns, conn)
						fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", link, size)
						if _, err := io.CopyN(conn, zeros{}, 100<<10); err != nil {
							b.Fatal(err)
						}
					}
					waitForFiles(b, many, root)
					each = append(each, float64(servers.memory(b)-before)/many)
					for _, conn := range conns {
						conn.Close()
					}
					waitForFiles(b, 0, root)
				}
				b.ReportMetric(0, "ns/op")
				// The first round is the largest: later ones find buffers.
				b.ReportMetric(slices.Max(each)/1024, "KiB/upload")
			})
		}
	}
}

// waitForFiles waits until the servers' process has so many files open below a
// directory, each with some content.
func waitForFiles(b *testing.B, n int, root string) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); <-tick.C {
		open := 0
		fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
		for _, fd := range fds {
			if name, _ := os.Readlink(fd); strings.HasPrefix(name, root+"/") {
				if info, err := os.Stat(fd); err == nil && info.Mode().IsRegular() && info.Size() > 64<<10 {
					open++
				}
			}
		}
		if open == n {
			return
		}
	}
	b.Skip("there is no /proc that tells which files are open")
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
