//go:build linux

package deploy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// front is a server in front, as one of the configurations makes it.
type front struct {
	*site
	addr, http2 string // http2 is "" if it speaks HTTP/1.1 alone
	// sendsAll says that the file server's header arrives whole.
	sendsAll bool
	// answers says that the refusals of the file server arrive as they are.
	answers bool
	out     *output
}

// fronts are the configurations of this directory.
var fronts = map[string]func(t *testing.T) *front{
	"nginx-proxy.conf": func(t *testing.T) *front {
		return nginx(t, "nginx-proxy.conf", &front{sendsAll: true, answers: true}, "-dir", "DIR/files")
	},
	"nginx-x-accel.conf": func(t *testing.T) *front {
		return nginx(t, "nginx-x-accel.conf", &front{sendsAll: true, answers: true}, "-dir", "DIR/files", "-x-accel", "/protected/")
	},
	"nginx-auth-request.conf": func(t *testing.T) *front {
		return nginx(t, "nginx-auth-request.conf", &front{}, "-forward-auth", "nginx")
	},
	"Caddyfile": func(t *testing.T) *front {
		return caddy(t, "Caddyfile", &front{sendsAll: true, answers: true}, "-dir", "DIR/files")
	},
	"Caddyfile.forward-auth": func(t *testing.T) *front {
		return caddy(t, "Caddyfile.forward-auth", &front{answers: true}, "-forward-auth", "caddy")
	},
	"apache-xsendfile.conf": func(t *testing.T) *front {
		return apache(t, &front{sendsAll: true, answers: true})
	},
	"haproxy.cfg": func(t *testing.T) *front {
		return haproxy(t, &front{sendsAll: true, answers: true})
	},
}

func (f *front) start(t *testing.T, args []string) (backend string) {
	f.site = newSite(t)
	for i := range args {
		args[i] = strings.Replace(args[i], "DIR", f.dir, 1)
	}
	backend, _ = f.serve(t, args...)
	f.addr = freePort(t)
	return backend
}

func nginx(t *testing.T, conf string, f *front, args ...string) *front {
	program := need(t, "nginx")
	backend := f.start(t, args)
	f.http2 = freePort(t)
	replace := []string{
		"127.0.0.1:8080", backend, "listen 80;", "listen " + f.addr + "; listen " + f.http2 + " http2;", "/var/log/nginx", f.logs,
	}
	switch conf {
	case "nginx-x-accel.conf":
		replace = append(replace, "/srv/files", f.dir+"/files")
	case "nginx-auth-request.conf":
		replace = append(replace, "root /srv;", "root "+f.dir+";", "from=/srv;", "from="+f.dir+";")
	}
	f.out = run(t, f.addr, program, "-c", nginxConf(t, f.site, f.config(t, conf, replace...)))
	return f
}

func caddy(t *testing.T, conf string, f *front, args ...string) *front {
	program := need(t, "caddy")
	backend := f.start(t, args)
	replace := []string{
		"127.0.0.1:8080", backend, "{\n\t# Also", "{\n\tadmin off\n\tauto_https off\n\thttp_port " + port(f.addr) + "\n\tservers {\n\t\tprotocols h1 h2c\n\t}\n\t# Also",
		"files.example.com {", "http://files.example.com {\n\tbind 127.0.0.1", "/var/log/caddy", f.logs,
		"http:// {", "http:// {\n\tbind 127.0.0.1",
	}
	if strings.HasSuffix(conf, "auth") {
		// An application that knows nothing of links, and serves what it is asked for.
		app := httptest.NewServer(application(f.dir))
		t.Cleanup(app.Close)
		replace = append(replace, "127.0.0.1:9000", app.Listener.Addr().String())
	}
	f.http2 = f.addr
	f.out = run(t, f.addr, program, "run", "--adapter", "caddyfile", "--config", f.config(t, conf, replace...))
	return f
}

// application serves the file that a path names, if it is one.
func application(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Join(dir, r.URL.Path)
		info, err := os.Lstat(name)
		if err != nil || !info.Mode().IsRegular() || strings.Contains(r.URL.Path, "/.") || strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		f, err := os.Open(name)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		http.ServeContent(w, r, info.Name(), info.ModTime(), f)
	})
}

func apache(t *testing.T, f *front) *front {
	program := need(t, "apache2")
	const modules = "/usr/lib/apache2/modules"
	if _, err := os.Stat(modules + "/mod_xsendfile.so"); err != nil {
		need(t, "mod_xsendfile.so")
	}
	f.site = newSite(t)
	backend, _ := f.serve(t, "-dir", f.dir+"/files", "-x-sendfile")
	f.addr = freePort(t)
	conf := f.config(t, "apache-xsendfile.conf", "*:80", f.addr, "127.0.0.1:8080", backend, "/srv/files", f.dir+"/files", "${APACHE_LOG_DIR}", f.logs)
	text := "ServerRoot " + f.logs + "\nListen " + f.addr + "\nPidFile " + f.logs + "/apache.pid\nErrorLog /dev/stderr\nUser www-data\nGroup www-data\nMutex file:" + f.logs + " default\n"
	for _, m := range []string{"mpm_event", "authz_core", "headers", "proxy", "proxy_http", "xsendfile"} {
		text += fmt.Sprintf("LoadModule %s_module %s/mod_%s.so\n", m, modules, m)
	}
	main := filepath.Join(f.dir, "apache2.conf")
	if err := os.WriteFile(main, []byte(text+"Include "+conf+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.out = run(t, f.addr, program, "-D", "FOREGROUND", "-f", main)
	return f
}

func haproxy(t *testing.T, f *front) *front {
	program := need(t, "haproxy")
	f.site = newSite(t)
	one, _ := f.serve(t, "-dir", f.dir+"/files")
	two, _ := f.serve(t, "-dir", f.dir+"/files")
	f.addr, f.http2 = freePort(t), freePort(t)
	conf := f.config(t, "haproxy.cfg", "bind :80", "bind "+f.addr+"\n    bind "+f.http2+" proto h2", "127.0.0.1:8080", one, "127.0.0.1:8081", two, "log /dev/log local0", "log stdout format raw local0")
	f.out = run(t, f.addr, program, "-f", conf)
	return f
}

// each runs a test for each configuration.
func each(t *testing.T, test func(t *testing.T, f *front)) {
	for name, start := range fronts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

func TestEachConfigurationServesWhatALinkOpens(t *testing.T) {
	each(t, func(t *testing.T, f *front) {
		for _, name := range []string{"a/card.jpg", "a/page.html", "a/b/c.txt", "a/a b?c#d;e&f+g.txt", "a/%2e%2e%2fsecret.txt", "a/%2Fsecret.txt", "a/Ü é.pdf", "a/x..y.txt"} {
			target := f.link(t, name)
			want := granted + "files/" + name + strings.Repeat(".", 100)
			r := get(t, f.addr, target)
			if r.status != 200 || r.body != want {
				t.Errorf("%s: %d with %q", name, r.status, r.body)
				continue
			}
			if age := seconds(r.header); age < 0 || age > 3600 || len(r.header["Cache-Control"]) != 1 {
				t.Errorf("%s: Cache-Control: %q", name, r.header["Cache-Control"])
			}
			if r.header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: %v", name, r.header)
			}
			if f.sendsAll || strings.HasPrefix(r.header.Get("Server"), "nginx") {
				if r.header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s: %v", name, r.header)
				}
				if name == "a/page.html" && !strings.HasPrefix(r.header.Get("Content-Security-Policy"), "sandbox") {
					t.Errorf("%s: %v", name, r.header)
				}
				if name == "a/card.jpg" && (r.header.Get("Content-Security-Policy") != "" || r.header.Get("Content-Type") != "image/jpeg") {
					t.Errorf("%s: %v", name, r.header)
				}
			}
			if h := send(t, f.addr, line("HEAD", target)); h.status != 200 || h.body != "" || h.header.Get("Content-Length") != strconv.Itoa(len(want)) {
				t.Errorf("HEAD of %s: %d with %q and %v", name, h.status, h.body, h.header)
			}
			part := get(t, f.addr, target, "Range: bytes=0-6")
			if part.status != 206 || part.body != strings.TrimSpace(granted) || part.header.Get("Content-Range") != fmt.Sprintf("bytes 0-6/%d", len(want)) {
				t.Errorf("a range of %s: %d with %q and %v", name, part.status, part.body, part.header)
			}
			if late := get(t, f.addr, target, "Range: bytes=100000-"); late.status != 416 {
				t.Errorf("a range beyond %s: %d", name, late.status)
			}
			tag := r.header.Get("Etag")
			if tag == "" && r.header.Get("Last-Modified") == "" {
				t.Errorf("%s: no validator in %v", name, r.header)
			}
			condition := "If-None-Match: " + tag
			if tag == "" {
				condition = "If-Modified-Since: " + r.header.Get("Last-Modified")
			}
			if same := get(t, f.addr, target, condition); same.status != 304 {
				t.Errorf("%s with %s: %d", name, condition, same.status)
			}
			if more := get(t, f.addr, target, "Range: bytes=8-", "If-Range: "+tag); tag != "" && !strings.HasPrefix(tag, "W/") && more.status != 206 {
				t.Errorf("%s continued: %d", name, more.status)
			}
		}
		if r := get(t, f.addr, f.link(t, "-as", "Your card.jpg", "a/card.jpg")); f.sendsAll && r.header.Get("Content-Disposition") != `attachment; filename="Your card.jpg"` {
			t.Errorf("a link with a name: %d with %v", r.status, r.header)
		}
		// Of a subtree, and for one client.
		query := func(target string) string { _, q, _ := strings.Cut(target, "?"); return "?" + q }
		under := query(f.link(t, "-under", "a/"))
		if r := get(t, f.addr, "/files/a/b/c.txt"+under); r.status != 200 || !strings.HasPrefix(r.body, granted) {
			t.Errorf("below a subtree: %d with %q", r.status, r.body)
		}
		for network, want := range map[string]int{"127.0.0.2": 200, "10.0.0.0/8": 403} {
			for _, header := range []string{"X: y", "X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1", "X-Forwarded-For: 127.0.0.1, 10.0.0.1"} {
				if r := get(t, f.addr, f.link(t, "-network", network, "a/card.jpg"), header); r.status != want {
					t.Errorf("for %s with %q: %d", network, header, r.status)
				}
			}
		}
		if r := get(t, f.addr, f.link(t, "-host", "files.example.com", "a/card.jpg")); r.status != 200 {
			t.Errorf("a link for this host: %d", r.status)
		}
		if r := get(t, f.addr, f.link(t, "-host", "other.example.com", "a/card.jpg"), "X-Forwarded-Host: other.example.com", "X-Original-Host: other.example.com"); r.status != 403 {
			t.Errorf("a link for another host: %d", r.status)
		}
	})
}

func TestEachConfigurationRefuses(t *testing.T) {
	each(t, func(t *testing.T, f *front) {
		good := f.link(t, "a/card.jpg")
		for _, test := range []struct {
			name, target string
			want         int
		}{
			{"no link", "/files/a/card.jpg", 403},
			{"an altered link", good[:len(good)-2] + "AA", 403},
			{"a link for another file", strings.Replace(good, "card.jpg", "page.html", 1), 403},
			{"an expired link", f.expired(t, "/files/a/card.jpg"), 404},
			{"a file that is not there", f.link(t, "a/none.jpg"), 404},
			{"a directory", f.link(t, "a/b"), 404},
			{"a symbolic link out of the directory", f.link(t, "a/secret-link.txt"), 404},
			{"another path", "/", 404},
			{"the health check", "/healthz", 404},
			{"the check", "/verify", 404},
			{"the internal location", "/protected/a/card.jpg", 404},
			{"the internal check", "/.verify", 404},
		} {
			r := get(t, f.addr, test.target)
			switch {
			case r.status == test.want:
			case test.name == "the internal check" && r.status >= 400:
			case test.name == "a symbolic link out of the directory" && r.status == 403:
			default:
				t.Errorf("%s: %d, want %d", test.name, r.status, test.want)
			}
			if strings.Contains(r.body, granted) || strings.Contains(r.body, secret) {
				t.Errorf("%s: %q", test.name, r.body)
			}
			if strings.HasPrefix(test.target, "/files/") && strings.Contains(r.header.Get("Cache-Control"), "max-age") {
				t.Errorf("%s: Cache-Control: %q", test.name, r.header["Cache-Control"])
			}
			if kind := r.header.Get("Content-Type"); strings.HasPrefix(kind, "image/") {
				t.Errorf("%s: the type of the text is %s", test.name, kind)
			}
			if r.header.Get("X-Accel-Redirect") != "" || r.header.Get("X-Sendfile") != "" {
				t.Errorf("%s: %v", test.name, r.header)
			}
		}
		// It is over while the server runs.
		short := f.link(t, "-lifetime", "1s", "a/card.jpg")
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(5 * time.Second); ; <-tick.C {
			if r := get(t, f.addr, short); r.status == 404 {
				break
			} else if r.status != 200 || time.Now().After(end) {
				t.Errorf("a link of one second: %d", r.status)
				break
			}
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"} {
			if r := send(t, f.addr, line(method, good, "Content-Length: 0")); r.status < 400 {
				t.Errorf("%s: %d with %q", method, r.status, r.body)
			}
		}
	})
}

// What is sent is what was verified, or nothing.
func TestHostileTargets(t *testing.T) {
	each(t, func(t *testing.T, f *front) {
		query := func(target string) string { _, q, _ := strings.Cut(target, "?"); return "?" + q }
		exact, under := query(f.link(t, "a/card.jpg")), query(f.link(t, "-under", "a/"))
		var paths []string
		for _, dots := range []string{"..", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "%252e%252e", "..;", "..;x=y", "%2e%2e;", "..%3b", "..%00", "..%20", "..%09", "...", "..%c0%af", "%c0%ae%c0%ae", "%u002e%u002e", "..%ff"} {
			for _, slash := range []string{"/", "//", "%2f", "%2F", "%252f", `\`, "%5c", "%5C", "/./", "/.//", "%c0%af"} {
				for _, rest := range []string{"secret.txt", "b/card.jpg", "card.jpg", ".." + "/secret.txt"} {
					paths = append(paths, "/files/a/"+dots+slash+rest, "/files/a/b/"+dots+slash+dots+slash+rest)
				}
			}
		}
		paths = append(paths,
			"//files/a/card.jpg", "/files//a/card.jpg", "/files/a//card.jpg", "/files/a/./card.jpg", "/files/a/b/../card.jpg", "/files%2fa/card.jpg", "/files/a%2fcard.jpg",
			"/files/a/card.jpg/", "/files/a/card.jpg/..", "/files/a/card.jpg/../../secret.txt", "/files/a/card.jpg%00", "/files/a/card.jpg%0a", "/files/a/card.jpg%20", "/files/a/card.jpg.",
			"/files/a/card.jpg;x", "/files/a/card.jpg;/../../secret.txt", "/files/a/card.jpg%3b", "/files/a/card.jpg#", "/files/a/#/../../secret.txt", "/files/a/card.jpg%23/../../secret.txt", "/files/a/card.jpg%3f/../../secret.txt",
			"/files/a/.hidden", "/files/a/%2ehidden", "/files/a/secret-link.txt", "/files/a/b", "/files/a/b/", "/files/a/", "/files/a", "/files/", "/files", "/FILES/a/card.jpg",
			"/files/ab/card.jpg", "/files/a%00/../secret.txt", "/files/a\x00/card.jpg", "/files/a/\x80", "/files/a/card.jpg\\", "/protected/a/card.jpg", "/protected/secret.txt", "/.verify", "/verify", "/files/../protected/secret.txt",
			"/files/a/../../protected/secret.txt", "/files/a/%2e%2e/%2e%2e/protected/secret.txt", "/x/../files/secret.txt", "/./files/secret.txt", "files/a/card.jpg", "*", "", "?", "http://files.example.com/files/secret.txt",
			"http://files.example.com/files/a/../secret.txt", "http://evil.example/files/a/../secret.txt", "https://files.example.com//files/a/../secret.txt", "http://x@files.example.com/files/secret.txt", "//evil.example/files/a/card.jpg",
		)
		judge := func(how, path string, success bool, body string) {
			t.Helper()
			switch {
			case strings.Contains(body, secret):
				t.Errorf("%s %q: %q", how, path, body)
			case success && !strings.Contains(body, granted):
				t.Errorf("%s %q: a success with %q", how, path, body)
			case strings.Contains(body, granted) && strings.HasSuffix(how, "exact") && !strings.Contains(body, granted+"files/a/card.jpg."):
				t.Errorf("%s %q: %q", how, path, body)
			}
		}
		for i, path := range paths {
			for how, q := range map[string]string{"exact": exact, "subtree": under, "unsigned": ""} {
				r := get(t, f.addr, path+q)
				judge(how, path, 200 <= r.status && r.status < 300, r.body)
				if q == "" && strings.Contains(r.body, granted) {
					t.Errorf("unsigned %q: %q", path, r.body)
				}
				if 300 <= r.status && r.status < 400 && strings.Contains(r.header.Get("Location"), "signature") && !strings.HasPrefix(r.header.Get("Location"), "/") {
					t.Errorf("%s %q: a redirect to %q", how, path, r.header.Get("Location"))
				}
			}
			if f.http2 != "" && i%7 == 0 {
				success, body := sendHTTP2(t, f.http2, ":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", path+under)
				judge("HTTP/2 subtree", path, success, body)
			}
		}
	})
}

// A client says things about its request that are for proxies to say.
func TestSpoofedFields(t *testing.T) {
	each(t, func(t *testing.T, f *front) {
		good, other := f.link(t, "a/card.jpg"), "/files/secret.txt"
		only := f.link(t, "-network", "10.0.0.1,127.0.0.1", "a/card.jpg")
		var fields []string
		for _, name := range []string{
			"X-Original-URI", "X-Original-Uri", "x-original-uri", "X_Original_URI", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-URI", "X_Forwarded_Uri",
			"X-Forwarded-Path", "X-Envoy-Original-Path", "X-Accel-Redirect", "X-Sendfile", "X-Original-Path", "X-Auth-Request-Redirect",
		} {
			fields = append(fields, name+": "+good)
		}
		for _, name := range []string{"X-Original-Method", "X-Forwarded-Method", "X-HTTP-Method-Override", "X-Method-Override", "X_Forwarded_Method"} {
			fields = append(fields, name+": GET")
		}
		all := strings.Join(fields, "\r\n")
		for _, field := range append(fields, all, all+"\r\n"+all) {
			r := get(t, f.addr, other, strings.Split(field, "\r\n")...)
			if r.status < 400 || strings.Contains(r.body, secret) {
				t.Errorf("%s with %.30q: %d with %q", other, field, r.status, r.body)
			}
			// The request with a link of its own is not led elsewhere.
			r = get(t, f.addr, good, strings.Split(strings.ReplaceAll(field, good, "/files/secret.txt"), "\r\n")...)
			if strings.Contains(r.body, secret) {
				t.Errorf("%.30q leads to %q", field, r.body)
			}
			if r := send(t, f.addr, line("DELETE", good, strings.Split(field, "\r\n")...)); r.status < 400 {
				t.Errorf("DELETE with %.30q: %d", field, r.status)
			}
		}
		for _, name := range []string{"X-Forwarded-For", "X_Forwarded_For", "x-forwarded-for", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-Ip", "X-Envoy-External-Address"} {
			for _, value := range []string{"10.0.0.1", "10.0.0.1, 127.0.0.1", "10.0.0.1,10.0.0.1"} {
				for _, header := range [][]string{{name + ": " + value}, {name + ": " + value, name + ": " + value}, {"Connection: close, " + name, name + ": " + value}} {
					if r := get(t, f.addr, only, header...); r.status < 400 {
						t.Errorf("%q: %d", header, r.status)
					}
				}
			}
		}
		// A client that has the proxy drop a field that it added itself.
		for _, name := range []string{"X-Original-URI", "X-Original-Method", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Host", "X-Forwarded-For", "Host"} {
			if r := get(t, f.addr, other, "Connection: close, "+name, name+": "+good); r.status < 400 || strings.Contains(r.body, secret) {
				t.Errorf("Connection: %s: %d with %q", name, r.status, r.body)
			}
		}
		for _, request := range []string{
			"GET " + good + " HTTP/1.0\r\n\r\n", "GET " + other + " HTTP/1.0\r\n\r\n", "GET " + other + "\r\n\r\n", "GET " + good + "\r\n\r\n",
			"GET " + other + " HTTP/1.1\r\nHost: files.example.com\r\nHost: other.example.com\r\nConnection: close\r\n\r\n",
			"GET " + other + " HTTP/1.1\r\nConnection: close\r\n\r\n",
			"GET http://files.example.com" + other + " HTTP/1.1\r\nHost: other.example.com\r\nConnection: close\r\n\r\n",
			"POST " + good + " HTTP/1.1\r\nHost: files.example.com\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\nGET " + other + " HTTP/1.1\r\nHost: files.example.com\r\n\r\n",
		} {
			if r := send(t, f.addr, request); strings.Contains(r.body, secret) || r.status >= 500 {
				t.Errorf("%q: %d with %q", request, r.status, r.body)
			}
		}
		if f.http2 == "" {
			return
		}
		for _, fields := range [][]string{
			{":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", other, "x-original-uri", good, "x-forwarded-uri", good},
			{":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", other, ":path", good},
			{":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", good, ":path", other},
			{":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", "http://files.example.com" + other},
			{":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", good + " HTTP/1.1\r\nX: y\r\n\r\nGET " + other},
			{":method", "GET " + other + " HTTP/1.1", ":scheme", "http", ":authority", "files.example.com", ":path", good},
			{":method", "GET", ":scheme", "http://files.example.com/?", ":authority", "files.example.com", ":path", other},
			{":method", "GET", ":scheme", "http", ":authority", "files.example.com/files/a/card.jpg", ":path", other},
			{":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", other, "host", "files.example.com", "host", "x"},
			{":method", "GET", ":scheme", "http", ":path", other},
			{":method", "DELETE", ":scheme", "http", ":authority", "files.example.com", ":path", good, "x-forwarded-method", "GET"},
			{":scheme", "http", ":authority", "files.example.com", ":path", good},
		} {
			success, body := sendHTTP2(t, f.http2, fields...)
			if strings.Contains(body, secret) || success && !strings.Contains(body, granted) || success && fields[1] == "DELETE" {
				t.Errorf("%q: success %t with %q", fields, success, body)
			}
		}
		if success, body := sendHTTP2(t, f.http2, ":method", "GET", ":scheme", "http", ":authority", "files.example.com", ":path", good); !success || !strings.Contains(body, granted) {
			t.Errorf("a link over HTTP/2: success %t with %q", success, body)
		}
	})
}

// A signature works until it expires for whoever reads the log.
func TestNoLogHasASignature(t *testing.T) {
	each(t, func(t *testing.T, f *front) {
		good := f.link(t, "a/card.jpg")
		get(t, f.addr, good, "Referer: http://files.example.com"+good)
		get(t, f.addr, good+"x")
		get(t, f.addr, strings.Replace(good, "card", "none", 1))
		// What a proxy cannot open, it may complain about.
		none, symbolic := f.link(t, "a/none.jpg"), f.link(t, "a/secret-link.txt")
		get(t, f.addr, none)
		get(t, f.addr, symbolic)
		send(t, f.addr, line("PUT", good, "Content-Length: 0"))
		send(t, f.addr, "GET "+good+" HTTP/1.1\r\n\r\n")
		found := f.out.String()
		logs, _ := filepath.Glob(filepath.Join(f.logs, "*"))
		for _, log := range logs {
			b, _ := os.ReadFile(log)
			found += string(b)
		}
		for _, link := range []string{good, none, symbolic} {
			if _, signature, _ := strings.Cut(link, "signature="); strings.Contains(found, signature) {
				t.Errorf("the log has the signature of %s:\n%s", link, found)
			}
		}
		if !strings.Contains(found, "/files/a/card.jpg") {
			t.Errorf("the log does not name the file:\n%s", found)
		}
	})
}
