//go:build linux

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/signedurl/examples/internal/servertest"
)

// tool returns the path of a program that not every machine has.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	if os.Getenv("SIGNEDURL_REQUIRE_DEPLOY") != "" {
		t.Fatalf("there is no %s", name)
	}
	t.Skipf("there is no %s", name)
	return ""
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The unit has no mistake, and lets the gateway do little.
func TestTheUnitIsStrict(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	dir := t.TempDir()
	// With the lines that an operator may want.
	replace := strings.NewReplacer("/usr/local/bin/gateway", os.Args[0], "\n#LoadCredential", "\nLoadCredential")
	for _, name := range []string{"gateway.service", "gateway.socket"} {
		write(t, filepath.Join(dir, name), replace.Replace(read(t, "deploy/"+name)))
	}
	service := filepath.Join(dir, "gateway.service")
	out, err := exec.Command(analyze, "verify", service, filepath.Join(dir, "gateway.socket")).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	out, err = exec.Command(analyze, "security", "--offline=true", service).CombinedOutput()
	level := regexp.MustCompile(`Overall exposure level for gateway.service: ([0-9.]+)`).FindSubmatch(out)
	if err != nil || level == nil {
		t.Fatalf("security: %v\n%s", err, out)
	}
	if n, _ := strconv.ParseFloat(string(level[1]), 64); n >= 2 {
		t.Errorf("the exposure level is %s, want less than 2.0\n%s", level[1], out)
	}
	// Each credential is that of a flag, or the file that a line of a mount names.
	_, help := run(t, "serve", "-h")
	unit := read(t, "deploy/gateway.service")
	for _, credential := range regexp.MustCompile(`LoadCredential=([^:]+):`).FindAllStringSubmatch(unit, -1) {
		if !strings.Contains(help, "  -"+credential[1]+" ") && !strings.Contains(unit, "\n# key-file /run/credentials/gateway.service/"+credential[1]+"\n") {
			t.Errorf("there is no flag -%s", credential[1])
		}
	}
}

// What the comments of the unit say of credentials: the flags of files take theirs, and
// a mount names its own.
func TestCredentialsAreFound(t *testing.T) {
	dir, keys := t.TempDir(), newKeys(t)
	write(t, filepath.Join(dir, "key-file"), read(t, newKeys(t)))
	write(t, filepath.Join(dir, "api-token-file"), strings.Repeat("t", 64)+"\n")
	write(t, filepath.Join(dir, "invoices"), read(t, keys))
	config := write(t, filepath.Join(t.TempDir(), "c"), "api-addr 127.0.0.1:0\n[mount]\nbase-url /a/\nfiles mem://\n[mount]\nfiles "+files(t)+"\nkey-file "+dir+"/invoices\n")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	g := start(t, "-config", config)
	if status, body := g.Get(link(t, keys, "kyc/card.txt")); status != 200 || body != "the card" {
		t.Errorf("%d %q", status, body)
	}
	if !strings.Contains(g.Log.String(), "signing links") {
		t.Error("the tokens are not found")
	}
}

// static builds the gateway as the Containerfile does.
var static = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("deploy/Containerfile")
	if err != nil {
		return "", err
	}
	build := regexp.MustCompile(`RUN cd examples/gateway && (CGO_ENABLED=0 go build .*) -o /gateway \.\n`).FindSubmatch(text)
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "gateway")
	cmd := exec.Command("sh", "-c", string(build[1])+` -o "$0" .`, name)
	cmd.Stderr = os.Stderr
	return name, cmd.Run()
})

// The root is read-only but for /tmp, and has nothing but the binary and the
// files that are mounted, as in a container.
func TestTheContainerNeedsNothingElse(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can change the root")
	}
	chroot, unshare := tool(t, "chroot"), tool(t, "unshare")
	binary, err := static()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(filepath.Dir(binary)) })
	text := read(t, "deploy/Containerfile")
	user := regexp.MustCompile(`\nUSER ([0-9:]+)\n`).FindStringSubmatch(text)[1]
	command := strings.NewReplacer(`"`, "", ",", "").Replace(regexp.MustCompile(`\nCMD \[(.*)\]`).FindStringSubmatch(text)[1])
	root, err := os.MkdirTemp("", "root")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	os.Chmod(root, 0o755)
	keys := newKeys(t)
	write(t, filepath.Join(root, "etc/signedurl/gateway.conf"), "addr 127.0.0.1:0\nkey-file /etc/signedurl/keys.txt\nfiles mem://\nuploads\n")
	write(t, filepath.Join(root, "etc/signedurl/keys.txt"), read(t, keys))
	os.Mkdir(filepath.Join(root, "tmp"), 0o1777)
	for _, args := range [][]string{{"cp", binary, filepath.Join(root, "gateway")}, {"chmod", "-R", "a+rX", root}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	script := `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && mount -t tmpfs tmpfs "$0/tmp" && ` +
		`exec env -i ` + chroot + ` --userspec=` + user + ` "$0" /gateway ` + command
	g := servertest.Run(t, exec.Command(unshare, "--mount", "sh", "-c", script, root))
	g.AwaitAddr()
	if status, _ := g.Send("PUT", link(t, keys, "-method", "PUT", "-max-bytes", "9", "a.txt"), "the card"); status != 201 {
		t.Errorf("the upload: %d", status)
	}
	if status, body := g.Get(link(t, keys, "a.txt")); status != 200 || body != "the card" {
		t.Errorf("%d %q", status, body)
	}
	g.Stop()
}

// Each gateway has the configuration of deploy/, with its own addresses.
func TestHAProxyFindsTheGatewaysThatWork(t *testing.T) {
	haproxy := tool(t, "haproxy")
	redis := startRedis(t)
	t.Setenv("SIGNEDURL_USES", redis.url)
	t.Setenv("SIGNEDURL_REVOCATIONS", redis.url)
	keys, from := newKeys(t), files(t)
	config := write(t, filepath.Join(t.TempDir(), "gateway.conf"), strings.NewReplacer(
		"addr :8080\n", "", "trusted-proxy 10.0.0.1\n", "trusted-proxy 127.0.0.1\n", "s3://files?region=eu-central-1", from, "127.0.0.1:9090", "127.0.0.1:0", "drain 3s\n", "",
	).Replace(read(t, "deploy/gateway.conf")))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	front := &servertest.Process{T: t, Addr: ln.Addr().String()}
	ln.Close()
	replace := []string{"bind :80", "bind " + front.Addr, "log /dev/log local0", "log stdout format raw local0"}
	var gateways []*servertest.Process
	for _, at := range []string{"10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.13:8080"} {
		g := start(t, "-config", config, "-key-file", keys)
		gateways = append(gateways, g)
		replace = append(replace, at, g.Addr)
	}
	cfg := write(t, filepath.Join(t.TempDir(), "haproxy.cfg"), strings.NewReplacer(replace...).Replace(read(t, "deploy/haproxy.cfg")))
	log := servertest.NewOutput()
	cmd := exec.Command(haproxy, "-db", "-f", cfg)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the log of HAProxy:\n%.10000s", log)
		}
	})
	eventually(t, "HAProxy", func() bool {
		c, err := net.Dial("tcp", front.Addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	good := link(t, keys, "kyc/card.txt")
	if status, body := front.Get(good); status != 200 || body != "the card" {
		t.Errorf("%d %q", status, body)
	}
	counted := link(t, keys, "-uses", "5", "kyc/card.txt")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[int]int{}
	for range 30 {
		wg.Go(func() {
			status, _ := front.Get(counted)
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	wg.Wait()
	if got[200] != 5 || got[404] != 25 {
		t.Errorf("of 30 requests for 5 uses: %v", got)
	}
	gateways[0].Cmd.Process.Kill()
	for range 20 { // some of them at the gateway that is gone
		if status, _ := front.Get(good); status != 200 {
			t.Errorf("with a gateway less: %d", status)
		}
	}
	redis.cmd.Process.Kill()
	// HAProxy sees that no gateway is ready, and takes those that live.
	eventually(t, "that no gateway is ready", func() bool { return strings.Contains(log.String(), "gateways/c is DOWN") })
	for range 20 {
		if status, _ := front.Get(good); status != 200 {
			t.Errorf("without Redis: %d", status)
		}
	}
	if status, _ := front.Get("/healthz"); status != 404 {
		t.Errorf("strangers see the health: %d", status)
	}
	if _, signature, _ := strings.Cut(good, "signature="); strings.Contains(log.String(), signature) {
		t.Error("the log of HAProxy has the signature")
	}
}
