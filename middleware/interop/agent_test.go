package interop_test

import (
	"bufio"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"example.com/signedurl/middleware"
)

// agentKey is an Ed25519 key in an SSH agent as a crypto.Signer. The agent
// signs whole messages, as Ed25519 does, and wraps the signature.
type agentKey struct {
	agent agent.Agent
	key   ssh.PublicKey
}

func (k agentKey) Public() crypto.PublicKey {
	return k.key.(ssh.CryptoPublicKey).CryptoPublicKey()
}

func (k agentKey) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != 0 {
		return nil, fmt.Errorf("an agent cannot sign a digest of %v", opts.HashFunc())
	}
	signature, err := k.agent.Sign(k.key, message)
	if err != nil {
		return nil, err
	}
	if signature.Format != ssh.KeyAlgoED25519 {
		return nil, fmt.Errorf("the agent signed by %s", signature.Format)
	}
	return signature.Blob, nil
}

// startAgent runs ssh-agent until the test ends, and returns a client of it and
// what ends it sooner.
func startAgent(t *testing.T) (client agent.ExtendedAgent, stop func()) {
	t.Helper()
	program, err := exec.LookPath("ssh-agent")
	if err != nil {
		missing(t, "there is no ssh-agent")
	}
	dir, err := os.MkdirTemp("", "agent") // short: it is the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(program, "-D", "-s", "-a", socket)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	t.Cleanup(stop)
	// It says where it listens once it does.
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || !strings.Contains(line, socket) {
		t.Fatalf("ssh-agent said %q, %v", line, err)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return agent.NewClient(conn), stop
}

func TestLinksOfAKeyInAnSSHAgent(t *testing.T) {
	client, stop := startAgent(t)
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Add(agent.AddedKey{PrivateKey: private, Comment: "links"}); err != nil {
		t.Fatal(err)
	}
	listed, err := client.List()
	if err != nil || len(listed) != 1 {
		t.Fatalf("the agent has the keys %v, %v", listed, err)
	}
	public, err := ssh.ParsePublicKey(listed[0].Blob)
	if err != nil {
		t.Fatal(err)
	}

	ring := func(key middleware.Key, err error) *middleware.Keyring {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		r, err := middleware.NewKeyring(key)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	there := ring(middleware.NewSignerKey("2026c", agentKey{client, public}))
	here := ring(middleware.NewEd25519Key("2026c", private))
	verifies := ring(middleware.NewEd25519PublicKey("2026c", private.Public().(ed25519.PublicKey)))

	until := issued.Add(time.Hour)
	sign := func(name string, u string, c middleware.Claims) *url.URL {
		t.Helper()
		c.Expires = until
		link := signURL(t, there, u, c)
		if want := signURL(t, here, u, c); link.String() != want.String() {
			t.Errorf("%s: the agent's link is\n%v, and the key's\n%v", name, link, want)
		}
		return link
	}
	first := sign("a file", "/files/kyc/card.jpg", middleware.Claims{})
	link{url: first.String(), until: until}.check(t, verifies)
	link{url: sign("a window", "/files/a%20b.jpg?w=1", middleware.Claims{NotBefore: issued}).String(), from: issued, until: until}.check(t, verifies)
	sign("a long link", "/files/"+strings.Repeat("a", 7000), middleware.Claims{Binding: middleware.Binding{Name: "session", Value: strings.Repeat("s", 4000)}})

	tree := middleware.Claims{Expires: until, Under: "/files/"}
	got, err := there.SignCookies("files", tree)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := here.SignCookies("files", tree); err != nil || got[0].Value != want[0].Value {
		t.Errorf("the agent's cookie is\n%v, and the key's\n%v (%v)", got, want, err)
	}

	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 20 {
				u := &url.URL{Path: fmt.Sprintf("/files/%d/%d", i, j)}
				link, err := there.Sign(u, middleware.Claims{Expires: until})
				if err != nil {
					t.Error(err)
					return
				}
				if want, err := here.Sign(u, middleware.Claims{Expires: until}); err != nil || link.String() != want.String() {
					t.Errorf("at once with others: %v, want %v (%v)", link, want, err)
				}
			}
		})
	}
	all.Wait()

	fails := func(what string) {
		t.Helper()
		if u, err := there.Sign(&url.URL{Path: "/files/a"}, middleware.Claims{Expires: until}); err == nil || u != nil {
			t.Errorf("%s: the link %v, %v", what, u, err)
		}
		if c, err := there.SignCookies("files", tree); err == nil || c != nil {
			t.Errorf("%s: the cookies %v, %v", what, c, err)
		}
		// The agent is not asked to verify.
		if _, err := there.Authenticate(middleware.Request{Method: "GET", Path: first.Path, RawQuery: first.RawQuery}); err != nil {
			t.Errorf("%s: a link from before: %v", what, err)
		}
	}
	passphrase := []byte("a passphrase")
	if err := client.Lock(passphrase); err != nil {
		t.Fatal(err)
	}
	fails("a locked agent")
	if err := client.Unlock(passphrase); err != nil {
		t.Fatal(err)
	}
	sign("an agent that was unlocked", "/files/a", middleware.Claims{})
	if err := client.Remove(public); err != nil {
		t.Fatal(err)
	}
	fails("a key that was removed")
	if err := client.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	sign("a key that is back", "/files/a", middleware.Claims{})
	stop()
	fails("an agent that ended")
}
