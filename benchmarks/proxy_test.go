package benchmarks_test

import (
	"crypto/md5"
	"encoding/base64"
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
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// ways are the ways to serve a file with nginx, and the file server alone. The
// first one is the baseline.
var ways = []string{"nginx", "nginx-secure_link", "nginx-auth_request", "nginx-x-accel", "nginx-proxy_pass", "fileserver"}

// BenchmarkProxy serves files over loopback in each of these ways, and reports
// the CPU time of nginx and the file server together for each request. It needs
// nginx. Run it with -benchtime 20x.
func BenchmarkProxy(b *testing.B) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			b.Skip("there is no nginx")
		}
	}
	dir, err := os.MkdirTemp("", "proxy")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	fileserver := filepath.Join(dir, "fileserver")
	if out, err := exec.Command("go", "build", "-o", fileserver, "../examples/fileserver").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	text, err := middleware.GenerateHMACKey("2026a")
	if err != nil {
		b.Fatal(err)
	}
	keys, err := middleware.ParseKeyring(text)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(dir+"/keys", []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	// One file server for each way, with one processor, as nginx has one worker.
	serve := func(args ...string) (addr string, pid int) {
		addr = free(b)
		cmd := exec.Command(fileserver, append([]string{"serve", "-addr", addr, "-key-file", dir + "/keys", "-access-log=false", "-trusted-proxy", "127.0.0.1"}, args...)...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
		return addr, background(b, cmd, addr)
	}
	files := dir + "/root/files"
	alone, alonePID := serve("-dir", content(b, files))
	accel, accelPID := serve("-dir", files, "-x-accel", "/protected/")
	check, checkPID := serve("-forward-auth", "nginx")
	proxied, proxiedPID := serve("-dir", files)
	front := free(b)
	conf := fmt.Sprintf(`
user root; daemon off; worker_processes 1; pid %[1]s/pid; error_log stderr crit;
events { worker_connections 256; }
http {
    access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream; keepalive_requests 1000000;
    client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
    upstream accel { server %[3]s; keepalive 8; keepalive_requests 1000000; }
    upstream check { server %[4]s; keepalive 8; keepalive_requests 1000000; }
    upstream proxied { server %[5]s; keepalive 8; keepalive_requests 1000000; }
    proxy_http_version 1.1;
    server {
        listen %[2]s;
        location /plain/ { alias %[1]s/root/files/; }
        location /secure/ {
            secure_link $arg_md5,$arg_expires;
            secure_link_md5 "$secure_link_expires$uri secret";
            if ($secure_link = "") { return 403; }
            if ($secure_link = "0") { return 410; }
            alias %[1]s/root/files/;
        }
        location /files/ {
            root %[1]s/root;
            auth_request /.verify;
            auth_request_set $life $upstream_http_x_signed_cache_control;
            add_header Cache-Control $life;
        }
        location = /.verify {
            internal;
            proxy_pass http://check/verify;
            proxy_pass_request_body off;
            proxy_set_header Connection ""; proxy_set_header Content-Length ""; proxy_set_header Host check;
            proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-Original-Host $host; proxy_set_header X-Forwarded-For $remote_addr;
        }
        location /protected/ { internal; alias %[1]s/root/files/; add_header X-Content-Type-Options $upstream_http_x_content_type_options always; }
    }
    server {
        listen %[6]s;
        location /files/ { proxy_pass http://accel; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }
        location /protected/ { internal; alias %[1]s/root/files/; add_header X-Content-Type-Options $upstream_http_x_content_type_options always; }
    }
    server {
        listen %[7]s;
        location /files/ { proxy_pass http://proxied; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_max_temp_file_size 0; }
    }
}
`, dir, front, accel, check, proxied, free(b), free(b))
	accelFront, proxyFront := listens(conf, 1), listens(conf, 2)
	if err := os.WriteFile(dir+"/nginx.conf", []byte(conf), 0o644); err != nil {
		b.Fatal(err)
	}
	nginx := background(b, exec.Command(program, "-c", dir+"/nginx.conf"), front)
	const connections = 8 // so that no server waits for the client
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	for _, file := range []struct {
		name  string
		batch int
	}{{"1KiB", 1600}, {"64KiB", 800}, {"1MiB", 80}} {
		signed, err := keys.Sign(&url.URL{Path: "/files/" + file.name}, soon)
		if err != nil {
			b.Fatal(err)
		}
		expires := strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)
		sum := md5.Sum([]byte(expires + "/secure/" + file.name + " secret"))
		secure := "/secure/" + file.name + "?md5=" + base64.RawURLEncoding.EncodeToString(sum[:]) + "&expires=" + expires
		targets := []string{
			front + "/plain/" + file.name, front + secure, front + signed.String(), accelFront + signed.String(), proxyFront + signed.String(), alone + signed.String(),
		}
		pids := [][]int{{nginx}, {nginx}, {nginx, checkPID}, {nginx, accelPID}, {nginx, proxiedPID}, {alonePID}}
		b.Run("size="+file.name, func(b *testing.B) {
			batch := func(i int) float64 {
				before := onCPU(b, pids[i])
				var clients sync.WaitGroup
				for range connections {
					clients.Go(func() {
						for range file.batch / connections {
							resp, err := client.Get("http://" + targets[i])
							if err != nil {
								b.Error(err)
								return
							}
							n, err := io.Copy(io.Discard, resp.Body)
							resp.Body.Close()
							if err != nil || resp.StatusCode != http.StatusOK || n == 0 {
								b.Error(ways[i], resp.Status, n, err)
								return
							}
						}
					})
				}
				clients.Wait()
				return float64(onCPU(b, pids[i])-before) / float64(file.batch)
			}
			for i := range ways {
				batch(i) // warms up
			}
			used := make([][]float64, len(ways))
			ratios := make([][]float64, len(ways))
			for turn := 0; b.Loop(); turn++ {
				round := make([]float64, len(ways))
				for k := range ways {
					i := (turn + k) % len(ways)
					round[i] = batch(i)
				}
				for i := range ways {
					used[i] = append(used[i], round[i]/1000)
					ratios[i] = append(ratios[i], round[i]/round[0])
				}
			}
			b.ReportMetric(0, "ns/op")
			for i, way := range ways {
				b.ReportMetric(median(used[i]), way+"-us")
				b.ReportMetric(median(ratios[i]), way+"/nginx")
			}
		})
	}
}

// content makes the files, and returns their directory.
func content(b *testing.B, dir string) string {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	for name, size := range map[string]int{"1KiB": 1 << 10, "64KiB": 64 << 10, "1MiB": 1 << 20} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, size), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// listens returns the address of the nth server of a configuration.
func listens(conf string, n int) string {
	addr, _, _ := strings.Cut(strings.Split(conf, "listen ")[n+1], ";")
	return addr
}

func free(b *testing.B) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// background runs a program until the benchmark ends.
func background(b *testing.B, cmd *exec.Cmd, addr string) (pid int) {
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return cmd.Process.Pid
		}
	}
	b.Fatal(cmd.Path, "does not listen")
	return 0
}

// onCPU returns for how many nanoseconds the threads of some processes, and of
// their children, have run.
func onCPU(b *testing.B, pids []int) (ns int64) {
	for _, pid := range pids {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
		for _, child := range strings.Fields(string(children)) {
			n, _ := strconv.Atoi(child)
			ns += onCPU(b, []int{n})
		}
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if threads == nil {
			b.Skip("there is no /proc that tells the CPU time of threads")
		}
		for _, thread := range threads {
			text, _ := os.ReadFile(thread)
			n, _, _ := strings.Cut(string(text), " ")
			run, _ := strconv.ParseInt(n, 10, 64)
			ns += run
		}
	}
	return ns
}
