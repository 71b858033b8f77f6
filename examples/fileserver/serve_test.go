package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
)

func TestTheDemonstrationNeedsNoConfiguration(t *testing.T) {
	customers := []string{"Ada Lindqvist", "Tomas Ferrante", "Nia Okoro"}
	p := start(t, "-lifetime", "2s")
	curl := p.Out.Wait(t, "curl", 1)
	link, err := url.Parse(strings.Trim(curl[strings.Index(curl, "'"):], "'"))
	if err != nil {
		t.Fatal(err)
	}
	if got := "http://" + link.Host; got != p.URL("") {
		t.Errorf("the printed link leads to %s, want %s", got, p.URL(""))
	}
	if status, body := p.Get(link.RequestURI()); status != 200 || http.DetectContentType([]byte(body)) != "image/jpeg" {
		t.Errorf("the printed link: status %d, %s, want 200 and a JPEG", status, http.DetectContentType([]byte(body)))
	}
	if status, page := p.Get("/"); status != 200 || strings.Count(page, "<article class=\"card") != len(customers)+1 { // and a blank one
		t.Errorf("the page: status %d\n%s", status, page)
	}

	_, body := p.Get("/users")
	var reply struct {
		Data []struct {
			ID       int
			Name     string
			ImageURL string `json:"image_url"`
		}
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil || len(reply.Data) != len(customers) {
		t.Fatalf("GET /users: %v\n%s", err, body)
	}
	var targets []string
	for i, user := range reply.Data {
		u, err := url.Parse(user.ImageURL)
		if err != nil || u.Host != p.Addr || user.ID != i+1 || user.Name != customers[i] {
			t.Fatalf("GET /users gives %+v", user)
		}
		targets = append(targets, u.RequestURI())
	}
	if status, _ := p.Get(targets[0]); status != 200 {
		t.Errorf("an image_url: status %d, want 200", status)
	}
	if status, _ := p.Get(strings.Replace(targets[0], "ada", "nia", 1)); status != 403 {
		t.Errorf("an altered image_url: status %d, want 403", status)
	}
	status := 200
	for end := time.Now().Add(patience); status == 200 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		status, _ = p.Get(targets[0])
	}
	if status != 404 {
		t.Errorf("an expired image_url: status %d, want 404", status)
	}
	p.Stop()
	if log := p.Log.String(); regexp.MustCompile(`signature=[^R]`).MatchString(log) || !strings.Contains(log, "signature=REDACTED") {
		t.Errorf("the log shows signatures, or no links:\n%s", log)
	}
}

// Every reply is read off a socket, since clients tidy up what they send.
func TestOnlySignedRequestsAreServed(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := files(t)
	write(t, filepath.Join(dir, "other.txt"), "another file")
	p := start(t, "-dir", dir, "-key-file", keys)
	link := linkTo(t, keys, "kyc/card.txt")
	_, query, _ := strings.Cut(link, "?")
	expired := expiredLinkTo(t, keys, "kyc/card.txt")
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"a signed request is served", "GET " + link, 200},
		{"HEAD goes with GET", "HEAD " + link, 200},
		{"an unsigned request is refused", "GET /files/kyc/card.txt", 403},
		{"an altered signature is refused", "GET " + link[:len(link)-2] + "AA", 403},
		{"an expired link is not found", "GET " + expired, 404},
		{"an altered expired link is refused", "GET " + expired + "A", 403},
		{"the signature of one file opens no other", "GET /files/other.txt?" + query, 403},
		{"POST is refused", "POST " + link, 403},
		{"PUT is refused", "PUT " + link, 403},
		{"DELETE is refused", "DELETE " + link, 403},
		{"CONNECT is refused", "CONNECT " + link, 403},
		{"dot segments are refused and not redirected", "GET /files/kyc/../other.txt?" + query, 403},
		{"escaped dot segments are refused", "GET /files/kyc/%2e%2e/other.txt?" + query, 403},
		{"an escaped slash behind dots is refused", "GET /files/kyc/..%2Fother.txt?" + query, 403},
		{"a backslash behind dots is refused", `GET /files/kyc/..%5Cother.txt?` + query, 403},
		{"an empty segment is refused and not redirected", "GET /files//kyc/card.txt?" + query, 403},
		{"a way into the files from outside is not redirected", "GET /x/../files/kyc/card.txt?" + query, 404},
		{"a doubled slash in front is not redirected", "GET //files/kyc/card.txt?" + query, 404},
		{"a parameter more is refused", "GET " + link + "&a=b", 403},
		{"a directory is refused without a signature", "GET /files/kyc/", 403},
		{"the base is refused without a signature", "GET /files/", 403},
		{"an escaped spelling of the base means the same", "GET /%66iles/kyc/card.txt?" + query, 200},
		{"there is no page but the health", "GET /", 404},
		{"the demonstration's pages are not there", "GET /users", 404},
		{"the metrics are not there", "GET /metrics", 404},
		{"the health is", "GET /healthz", 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", p.Addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", test.request, p.Addr)
			reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if reply.StatusCode != test.status {
				t.Errorf("status %d, want %d", reply.StatusCode, test.status)
			}
			if l := reply.Header.Get("Location"); l != "" {
				t.Errorf("redirected to %s", l)
			}
		})
	}
	p.Stop()
}

func TestLimitsAreEnforcedAndExplained(t *testing.T) {
	keys := newKeys(t, "k1")
	p := start(t, "-dir", files(t), "-key-file", keys, "-allow-permanent", "-cookie", "files",
		"-binding", "session=cookie:sid", "-binding", "user=header:X-User", "-trusted-proxy", "127.0.0.0/8")
	const name = "kyc/card.txt"
	for _, test := range []struct {
		name    string
		flags   []string
		header  []string // of the request that is accepted
		change  []string // of the one that is refused
		status  int      // of the refusal
		explain []string // flags of check that make it accept, when it refuses without
	}{
		{name: "a permanent link", flags: []string{"-permanent"}, explain: []string{"-allow-permanent"}},
		{name: "a link to a subtree", flags: []string{"-under", "kyc"}},
		{name: "a link to everything", flags: []string{"-subtree", "/"}},
		{name: "a link that names its methods", flags: []string{"-methods", "GET,PUT"}},
		{name: "a link to one host", flags: []string{"-host", "files.example"},
			header: []string{"Host", "files.example"}, change: []string{"Host", "other.example"}, status: 403, explain: []string{"-host", "files.example"}},
		{name: "a link for networks", flags: []string{"-network", "192.0.2.0/24,2001:db8::1"},
			header: []string{"X-Forwarded-For", "192.0.2.7"}, change: []string{"X-Forwarded-For", "192.0.3.7"}, status: 403, explain: []string{"-addr", "2001:db8::1"}},
		{name: "a link for a session", flags: []string{"-bind", "session=s1"},
			header: []string{"Cookie", "sid=s1"}, change: []string{"Cookie", "sid=s2"}, status: 403, explain: []string{"-bind", "session=s1"}},
		{name: "a link for a session, with two cookies", flags: []string{"-bind", "session=s1"},
			header: []string{"Cookie", "sid=s1"}, change: []string{"Cookie", "sid=s1; sid=s1"}, status: 403},
		{name: "a link for a user", flags: []string{"-bind", "user=ada"},
			header: []string{"X-User", "ada"}, change: []string{"X-User", "nia"}, status: 403, explain: []string{"-bind", "user=ada"}},
		{name: "a link with a download name", flags: []string{"-as", "Ada’s card.txt", "-type", "text/plain; charset=utf-8"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			link := linkTo(t, keys, append(test.flags, name)...)
			request := func(header []string) int {
				r, err := http.NewRequest(http.MethodGet, p.URL(link), nil)
				if err != nil {
					t.Fatal(err)
				}
				for i := 0; i < len(header); i += 2 {
					if header[i] == "Host" {
						r.Host = header[i+1]
					}
					r.Header.Set(header[i], header[i+1])
				}
				reply, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				reply.Body.Close()
				return reply.StatusCode
			}
			if got := request(test.header); got != 200 {
				t.Errorf("status %d, want 200", got)
			}
			if test.change != nil {
				if got := request(test.change); got != test.status {
					t.Errorf("with %v: status %d, want %d", test.change, got, test.status)
				}
			}
			check := []string{"check", "-key-file", keys}
			if test.explain != nil {
				if code, out, _ := try(t, "", append(check, link)...); code != cli.ExitFailed || !strings.Contains(out, "FAIL") {
					t.Errorf("check without %v: exit code %d, want 1\n%s", test.explain, code, out)
				}
				check = append(check, test.explain...)
			}
			if test.status != 0 && test.explain == nil {
				return
			}
			if code, out, _ := try(t, "", append(check, link)...); code != cli.ExitOK || !strings.Contains(out, "accepted") {
				t.Errorf("check with %v: exit code %d, want 0\n%s", test.explain, code, out)
			}
		})
	}
	t.Run("a link with two uses", func(t *testing.T) {
		link := linkTo(t, keys, "-uses", "2", name)
		ok(t, "check", "-key-file", keys, link) // takes no use
		var got []int
		for range 3 {
			status, _ := p.Get(link)
			got = append(got, status)
		}
		if fmt.Sprint(got) != "[200 200 404]" {
			t.Errorf("the uses gave %v, want 200, 200 and 404", got)
		}
	})
	t.Run("ignored parameters may be added", func(t *testing.T) {
		link := linkTo(t, keys, "-ignore", "utm_*,fbclid", name)
		if status, _ := p.Get(link + "&utm_source=mail&fbclid=1"); status != 200 {
			t.Errorf("status %d, want 200", status)
		}
		if status, _ := p.Get(link + "&other=1"); status != 403 {
			t.Errorf("another parameter: status %d, want 403", status)
		}
	})
	t.Run("a link for later is not found", func(t *testing.T) {
		link := linkTo(t, keys, "-lifetime", "2h", "-from", "1h", name)
		if status, _ := p.Get(link); status != 404 {
			t.Errorf("status %d, want 404", status)
		}
	})
	t.Run("a cookie opens its subtree and nothing else", func(t *testing.T) {
		cookie := linkTo(t, keys, "-under", "kyc", "-cookie", "files")
		if status, _ := p.Get("/files/kyc/card.txt", "Cookie", cookie); status != 200 {
			t.Errorf("status %d, want 200", status)
		}
		if status, _ := p.Get("/files/other.txt", "Cookie", cookie); status != 403 {
			t.Errorf("outside: status %d, want 403", status)
		}
		ok(t, "check", "-key-file", keys, "-cookie", "files", "-header", "Cookie: "+cookie, "/files/kyc/card.txt")
		if code, out, _ := try(t, "", "check", "-key-file", keys, "-cookie", "files", "-header", "Cookie: "+cookie, "/files/other.txt"); code != cli.ExitFailed {
			t.Errorf("check outside: exit code %d, want 1\n%s", code, out)
		}
	})
	p.Stop()
}

func TestSIGHUPReplacesTheKeys(t *testing.T) {
	keys, next := newKeys(t, "k1"), newKeys(t, "k2")
	p := start(t, "-dir", files(t), "-key-file", keys)
	old, fresh := linkTo(t, keys, "kyc/card.txt"), linkTo(t, next, "kyc/card.txt")
	expect := func(when string, wantOld, wantFresh int) {
		t.Helper()
		gotOld, _ := p.Get(old)
		gotFresh, _ := p.Get(fresh)
		if gotOld != wantOld || gotFresh != wantFresh {
			t.Errorf("%s: the old key's link gives %d and the new one's %d, want %d and %d", when, gotOld, gotFresh, wantOld, wantFresh)
		}
	}
	expect("before", 200, 403)

	text, err := os.ReadFile(next)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "c2VjcmV0"
	write(t, keys, string(text)+"k3:hmac-sha256:"+secret+"\n")
	p.Signal(syscall.SIGHUP)
	line := p.Log.Wait(t, "reload failed", 1)
	if !strings.Contains(line, "line 2") || strings.Contains(line, secret) {
		t.Errorf("the log says %s; want the number of the line, and nothing of the key", line)
	}
	expect("after a bad file", 200, 403)

	write(t, keys, string(text))
	p.Signal(syscall.SIGHUP)
	p.Log.Wait(t, "msg=reloaded what=keys", 1)
	expect("after a good file", 403, 200)
	p.Stop()
}

func TestSIGHUPReadsRevocationsAgain(t *testing.T) {
	keys := newKeys(t, "k1")
	revoked := filepath.Join(t.TempDir(), "revoked.txt")
	ok(t, "revoke", "-file", revoked)
	p := start(t, "-dir", files(t), "-key-file", keys, "-revoked", revoked)
	link := linkTo(t, keys, "-id", "case-42", "kyc/card.txt")
	other := linkTo(t, keys, "-id", "case-43", "kyc/card.txt")
	if status, _ := p.Get(link); status != 200 {
		t.Errorf("before: status %d, want 200", status)
	}
	ok(t, "revoke", "-file", revoked, "-until", "24h", "case-42")
	p.Signal(syscall.SIGHUP)
	p.Log.Wait(t, "what=revocations", 1)
	if status, _ := p.Get(link); status != 404 {
		t.Errorf("after: status %d, want 404", status)
	}
	if status, _ := p.Get(other); status != 200 {
		t.Errorf("another id: status %d, want 200", status)
	}
	if code, out, _ := try(t, "", "check", "-key-file", keys, "-revoked", revoked, link); code != cli.ExitFailed || !strings.Contains(out, "revoked") {
		t.Errorf("check: exit code %d\n%s", code, out)
	}
	p.Stop()
}

// A deployment puts a release beside the old one and swaps a symbolic link.
func TestSIGHUPOpensTheDirectoryAgain(t *testing.T) {
	keys := newKeys(t, "k1")
	releases := t.TempDir()
	current := filepath.Join(releases, "current")
	deploy := func(release string) {
		t.Helper()
		write(t, filepath.Join(releases, release, "a.txt"), release)
		next := filepath.Join(releases, "next")
		if err := os.Symlink(release, next); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, current); err != nil {
			t.Fatal(err)
		}
	}
	deploy("one")
	p := start(t, "-dir", current, "-key-file", keys)
	link := linkTo(t, keys, "a.txt")
	expect := func(when, want string) {
		t.Helper()
		if status, body := p.Get(link); status != 200 || body != want {
			t.Errorf("%s: status %d and %q, want 200 and %q", when, status, body, want)
		}
	}
	expect("at first", "one")
	deploy("two")
	expect("before the signal", "one")
	p.Signal(syscall.SIGHUP)
	p.Log.Wait(t, "msg=reloaded what=directory", 1)
	expect("after the signal", "two")

	if err := os.Remove(current); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGHUP)
	line := p.Log.Wait(t, "reload failed", 1)
	if !strings.Contains(line, "what=directory") {
		t.Errorf("the log says %s", line)
	}
	expect("without a directory", "two")

	deploy("three")
	p.Signal(syscall.SIGHUP)
	p.Log.Wait(t, "msg=reloaded what=directory", 2)
	expect("after another deployment", "three")
	p.Stop()
}

// slow requests a link, reads the header of the reply and no more.
func (p *process) slow(t *testing.T, link string) (*bufio.Reader, *http.Response, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", link, p.Addr)
	in := bufio.NewReader(conn)
	reply, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if reply.StatusCode != 200 {
		t.Fatalf("status %d, want 200", reply.StatusCode)
	}
	return in, reply, conn
}

// large is the size of a file that no socket's buffers hold.
const large = 64 << 20

// sparse makes a file without content and returns its directory.
func sparse(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "large.bin"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSIGTERMLetsDownloadsFinish(t *testing.T) {
	keys := newKeys(t, "k1")
	p := start(t, "-dir", sparse(t, large), "-key-file", keys)
	_, reply, _ := p.slow(t, linkTo(t, keys, "large.bin"))
	p.Signal(syscall.SIGTERM)
	p.Log.Wait(t, "msg=\"stopping", 1)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.Addr)
		if err != nil {
			break
		}
		conn.Close()
		if time.Now().After(end) {
			t.Fatal("the server still takes connections")
		}
	}
	n, err := io.Copy(io.Discard, reply.Body)
	if n != large || err != nil {
		t.Errorf("the download ended after %d bytes with %v, want all %d", n, err, large)
	}
	if code := p.Exit(); code != cli.ExitOK {
		t.Errorf("exit code %d, want 0", code)
	}
	p.Log.Wait(t, "bytes="+strconv.Itoa(large), 1)
}

func TestDownloadsThatDoNotFinishAreCutOff(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := sparse(t, large)
	link := linkTo(t, keys, "large.bin")
	t.Run("when the time for stopping is over", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-shutdown-timeout", "50ms")
		p.slow(t, link)
		p.Signal(syscall.SIGTERM)
		p.Exit()
		p.Log.Wait(t, "cut off", 1)
	})
	t.Run("when the client takes nothing in", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-write-timeout", "100ms")
		_, reply, _ := p.slow(t, link)
		line := p.Log.Wait(t, "large.bin", 1)
		if strings.Contains(line, "bytes="+strconv.Itoa(large)) {
			t.Errorf("all was sent: %s", line)
		}
		if n, err := io.Copy(io.Discard, reply.Body); err == nil {
			t.Errorf("the client got all %d bytes", n)
		}
		p.Stop()
	})
}

func TestTheServerSurvivesWhatIsConfigured(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := files(t)
	link := linkTo(t, keys, "kyc/card.txt")
	expired := expiredLinkTo(t, keys, "kyc/card.txt")
	t.Run("a proxy strips a prefix", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-base-url", "https://cdn.example.com/static/files/", "-prefix", "/static")
		u, err := url.Parse(ok(t, "link", "-key-file", keys, "-base-url", "https://cdn.example.com/static/files/", "kyc/card.txt"))
		if err != nil {
			t.Fatal(err)
		}
		if status, _ := p.Get(strings.TrimPrefix(u.RequestURI(), "/static")); status != 200 {
			t.Errorf("status %d, want 200", status)
		}
		if status, _ := p.Get(link); status != 403 {
			t.Errorf("a link without the prefix: status %d, want 403", status)
		}
		p.Stop()
	})
	t.Run("expired links are gone", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-expired-status", "410")
		if status, _ := p.Get(expired); status != 410 {
			t.Errorf("status %d, want 410", status)
		}
		p.Stop()
	})
	t.Run("links that live too long are refused", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-max-lifetime", "1m")
		if status, _ := p.Get(link); status != 403 {
			t.Errorf("status %d, want 403", status)
		}
		if code, out, _ := try(t, "", "check", "-key-file", keys, "-max-lifetime", "1m", link); code != cli.ExitFailed {
			t.Errorf("check: exit code %d, want 1\n%s", code, out)
		}
		// Although its expiry is rounded up to a whole second.
		if status, _ := p.Get(linkTo(t, keys, "-lifetime", "1m", "kyc/card.txt")); status != 200 {
			t.Errorf("a link for exactly the limit: status %d, want 200", status)
		}
		p.Stop()
	})
	t.Run("limited uses are refused where none are counted", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-uses", "off")
		if status, _ := p.Get(linkTo(t, keys, "-uses", "1", "kyc/card.txt")); status != 503 {
			t.Errorf("status %d, want 503", status)
		}
		p.Stop()
	})
	t.Run("report only lets everything through and says so", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-insecure-report-only")
		if status, _ := p.Get("/files/kyc/card.txt"); status != 200 {
			t.Errorf("status %d, want 200", status)
		}
		p.Log.Wait(t, "report only", 1)
		p.Log.Wait(t, "link=unsigned", 1)
		p.Stop()
	})
	t.Run("a directory is listed if asked for", func(t *testing.T) {
		p := start(t, "-dir", dir, "-key-file", keys, "-listing")
		for _, test := range []struct {
			under, name, listed string
		}{
			{"/", "kyc/", "card.txt"},
			{"/", "", "kyc/"},
			{"kyc", "kyc/", "card.txt"},
			{"/kyc/", "kyc/", "card.txt"},
		} {
			link := linkTo(t, keys, "-under", test.under, test.name)
			if status, body := p.Get(link); status != 200 || !strings.Contains(body, test.listed) {
				t.Errorf("-under %q %q: status %d, want 200 and %s\n%s", test.under, test.name, status, test.listed, body)
			}
		}
		p.Stop()
	})
	t.Run("public keys are enough to serve", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "ed.txt")
		ok(t, "keygen", "-type", "ed25519", "-out", name)
		p := start(t, "-dir", dir, "-key-file", name+".pub")
		if status, _ := p.Get(linkTo(t, name, "kyc/card.txt")); status != 200 {
			t.Errorf("status %d, want 200", status)
		}
		p.Stop()
		if strings.Contains(p.Log.String(), "every user of this machine") {
			t.Errorf("the log warns of a public key:\n%s", p.Log)
		}
	})
	t.Run("a key file that everybody can read is warned of", func(t *testing.T) {
		name := newKeys(t, "k1")
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
		p := start(t, "-dir", dir, "-key-file", name)
		p.Log.Wait(t, "every user of this machine can read", 1)
		p.Signal(syscall.SIGHUP)
		p.Log.Wait(t, "every user of this machine can read", 2)
		p.Stop()
	})
}

func TestMetricsAreServedApart(t *testing.T) {
	keys := newKeys(t, "k1")
	p := start(t, "-dir", files(t), "-key-file", keys, "-metrics", "127.0.0.1:0")
	line := p.Log.Wait(t, "serving metrics", 1)
	_, address, _ := strings.Cut(line, "address=")
	p.Get(linkTo(t, keys, "kyc/card.txt"))
	p.Get("/files/kyc/card.txt")
	p.Get("/files/kyc/card.txt?signature=x")
	p.Log.Wait(t, "msg=request", 3)
	reply, err := http.Get(strings.TrimSpace(address))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`signedurl_decisions_total{reason="ok"} 1`,
		`signedurl_decisions_total{reason="unsigned"} 1`,
		`signedurl_decisions_total{reason="invalid"} 1`,
		`signedurl_decisions_total{reason="expired"} 0`,
		`signedurl_accepted_links_total{key="k1"} 1`,
		`signedurl_http_requests_total{status="200"} 1`,
		`signedurl_http_requests_total{status="403"} 2`,
		`signedurl_http_requests_in_flight 0`,
		`signedurl_http_replies_cut_off_total{cause="client"} 0`,
		`signedurl_log_dropped_records_total 0`,
	} {
		if !strings.Contains(string(body), want+"\n") {
			t.Errorf("there is no %s in\n%s", want, body)
		}
	}
	p.Stop()
}
