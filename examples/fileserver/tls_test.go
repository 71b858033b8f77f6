package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newCertificate writes a certificate for 127.0.0.1 and its key into files.
func newCertificate(t *testing.T, name, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

func TestFilesAreServedOverTLSAndTheCertificateIsReplaced(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	newCertificate(t, "first", cert, key)
	const size = 3<<20 + 1
	p := start(t, "-dir", sparse(t, size), "-key-file", keys, "-tls-cert", cert, "-tls-key", key)
	link := linkTo(t, keys, "large.bin")
	get := func() (name string, version string, n int64) {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		reply, err := (&http.Client{Transport: transport}).Get("https://" + p.Addr + link)
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		n, err = io.Copy(io.Discard, reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply.TLS.PeerCertificates[0].Subject.CommonName, reply.Proto, n
	}
	if name, version, n := get(); name != "first" || version != "HTTP/2.0" || n != size {
		t.Errorf("certificate %q, %s, %d bytes; want the first, HTTP/2.0 and %d", name, version, n, size)
	}
	write(t, cert, "no certificate")
	p.Signal(syscall.SIGHUP)
	p.Log.Wait(t, "reload failed", 1)
	if name, _, _ := get(); name != "first" {
		t.Errorf("after a bad file: certificate %q, want the first", name)
	}
	if strings.Contains(p.Log.String(), "every user of this machine") {
		t.Errorf("the log warns of a key that only its owner can read:\n%s", p.Log)
	}
	newCertificate(t, "second", cert, key)
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGHUP)
	p.Log.Wait(t, "every user of this machine can read", 1)
	p.Log.Wait(t, "what=certificate", 2)
	if name, _, _ := get(); name != "second" {
		t.Errorf("after a good file: certificate %q, want the second", name)
	}
	p.Stop()
}
