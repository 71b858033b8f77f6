package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

var signing = regexp.MustCompile(`msg="signing links" address=([0-9.:]+)`)

const token = "0123456789abcdef0123456789abcdef"

// ask asks an API for a link.
func ask(t *testing.T, client *http.Client, at, token, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, at+"/v1/links", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	reply, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, _ := io.ReadAll(reply.Body)
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return reply.StatusCode, got
}

func TestApplicationsGetLinks(t *testing.T) {
	dir := t.TempDir()
	keys, tokens := newKeys(t), write(t, filepath.Join(dir, "tokens"), "# of the shop\n"+token+"\n")
	config := write(t, filepath.Join(dir, "conf"), "key-file "+keys+"\n[mount]\nbase-url /cards/\nfiles "+files(t)+"\n[mount]\nbase-url /cards/films/\nfiles mem://\nuses memory\nuploads\n")
	g := start(t, "-config", config, "-api-addr", "127.0.0.1:0", "-api-token-file", tokens, "-api-uploads", "-api-prefix", "/cards/kyc/,/cards/films/")
	api := "http://" + signing.FindStringSubmatch(g.Log.String())[1]
	status, got := ask(t, http.DefaultClient, api, token, `{"path": "/cards/kyc/card.txt", "expires_in": 60}`)
	if status != 200 {
		t.Fatalf("%d %v", status, got)
	}
	if status, body := g.Get(got["url"].(string)); status != 200 || body != "the card" {
		t.Errorf("the link: %d %q", status, body)
	}
	if _, signature, _ := strings.Cut(got["url"].(string), "signature="); strings.Contains(g.Log.String(), signature) {
		t.Error("the log has the link")
	}
	_, got = ask(t, http.DefaultClient, api, token, `{"path": "/cards/films/a b.txt", "expires_in": 60, "methods": ["PUT"], "max_bytes": 9, "uses": 1}`)
	for i, want := range []int{201, 404} {
		if status, _ := g.Send("PUT", got["url"].(string), "a film"); status != want {
			t.Errorf("upload %d: %d, want %d", i, status, want)
		}
	}
	write(t, tokens, strings.ToUpper(token))
	g.Cmd.Process.Signal(syscall.SIGHUP)
	eventually(t, "another token", func() bool {
		status, _ := ask(t, http.DefaultClient, api, token, `{}`)
		return status == 401
	})
	g.Stop()
}

func TestALinkOfTheAPICanBeNarrowed(t *testing.T) {
	dir := files(t)
	write(t, filepath.Join(strings.TrimPrefix(dir, "file://"), "kyc", "other.txt"), "another card")
	keys := newKeys(t)
	tokens := write(t, filepath.Join(t.TempDir(), "tokens"), token+"\n")
	g := start(t, "-key-file", keys, "-files", dir, "-base-url", "/files/", "-listing", "-api-addr", "127.0.0.1:0", "-api-token-file", tokens, "-api-prefix", "/files/")
	api := "http://" + signing.FindStringSubmatch(g.Log.String())[1]
	status, got := ask(t, http.DefaultClient, api, token, `{"under": "/files/kyc/", "expires_in": 60}`)
	if status != 200 {
		t.Fatalf("%d %v", status, got)
	}
	folder, err := url.Parse(got["url"].(string))
	if err != nil {
		t.Fatal(err)
	}
	narrow := func(name string, c middleware.Claims) string {
		t.Helper()
		u := *folder
		u.Path += name
		link, err := middleware.Narrow(&u, c)
		if err != nil {
			t.Fatal(err)
		}
		return link.String()
	}
	card := narrow("card.txt", middleware.Claims{Only: "/files/kyc/card.txt"})
	for _, test := range []struct {
		name, link string
		want       int
	}{
		{"the link of the API", strings.Replace(folder.String(), "?", "other.txt?", 1), 200},
		{"one file", card, 200},
		{"the link to one file, for another", strings.Replace(card, "card.txt?", "other.txt?", 1), 403},
		{"another network", narrow("card.txt", middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}), 403},
		{"a time that is over", narrow("card.txt", middleware.Claims{Expires: time.Unix(1767225600, 0)}), 404},
		{"the command", ok(t, "narrow", "-only", "kyc/other.txt", folder.String()), 200},
	} {
		if status, body := g.Get(test.link); status != test.want {
			t.Errorf("%s: %d %q, want %d", test.name, status, body, test.want)
		}
	}
	g.Stop()
}

// certify returns a certificate and its key in PEM form, signed by a parent or
// by itself.
func certify(t *testing.T, name string, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	issuer, by := template, any(key)
	if parent != nil {
		issuer, by = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func pemFiles(t *testing.T, c *tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return write(t, filepath.Join(dir, "cert"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))),
		write(t, filepath.Join(dir, "key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func TestApplicationsShowACertificate(t *testing.T) {
	authority := certify(t, "authority", nil)
	ca, _ := pemFiles(t, authority)
	cert, key := pemFiles(t, certify(t, "gateway", authority))
	g := start(t, "-key-file", newKeys(t), "-files", files(t), "-tls-cert", cert, "-tls-key", key, "-api-addr", "127.0.0.1:0", "-api-client-ca", ca)
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	client := func(certificates ...tls.Certificate) *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certificates}}}
	}
	api := "https://" + signing.FindStringSubmatch(g.Log.String())[1]
	const body = `{"path": "/files/kyc/card.txt", "expires_in": 60}`
	if status, got := ask(t, client(*certify(t, "shop", authority)), api, "", body); status != 200 || !strings.HasPrefix(got["url"].(string), "/files/kyc/card.txt?") {
		t.Errorf("%d %v", status, got)
	}
	for name, c := range map[string]*http.Client{"no certificate": client(), "one of another authority": client(*certify(t, "shop", certify(t, "authority", nil)))} {
		if reply, err := c.Post(api+"/v1/links", "application/json", bytes.NewReader([]byte(body))); err == nil {
			t.Errorf("%s: %s", name, reply.Status)
		}
	}
	if !strings.Contains(g.Log.String(), `client="CN=shop"`) {
		t.Error("the log does not say who asked")
	}
}

func TestMistakesAboutTheAPI(t *testing.T) {
	keys := newKeys(t)
	short := write(t, filepath.Join(t.TempDir(), "t"), "short")
	good := write(t, filepath.Join(t.TempDir(), "t"), token)
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"nobody may ask", []string{"-api-addr", "127.0.0.1:0"}, 2, "needs one of -api-token-file"},
		{"no address", []string{"-api-bound"}, 2, "-api-bound needs -api-addr"},
		{"in the clear", []string{"-api-addr", ":0", "-api-token-file", good}, 2, "needs -tls-cert"},
		{"certificates in the clear", []string{"-api-addr", "127.0.0.1:0", "-api-client-ca", good}, 2, "needs -tls-cert"},
		{"a short token", []string{"-api-addr", "127.0.0.1:0", "-api-token-file", short}, 1, "line 1: a token has 32 characters"},
		{"no file", []string{"-api-addr", "127.0.0.1:0", "-api-token-file", "/none"}, 1, "/none"},
		{"half a segment", []string{"-api-addr", "127.0.0.1:0", "-api-token-file", good, "-api-prefix", "/files/k"}, 2, "begins and ends in a slash"},
		{"no rate", []string{"-api-addr", "127.0.0.1:0", "-api-token-file", good, "-api-rate", "0"}, 2, "must be positive"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, out := run(t, append([]string{"serve", "-addr", "127.0.0.1:0", "-key-file", keys, "-files", "mem://"}, test.args...)...)
			if code != test.code || !strings.Contains(out, test.want) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.want, out)
			}
		})
	}
}
