package formats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"testing"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/middleware"
)

func TestFilesThatEveryoneCanReadAreExposedIfTheyHoldASecret(t *testing.T) {
	hmac, err := middleware.GenerateHMACKey("hmac")
	if err != nil {
		t.Fatal(err)
	}
	private, public, err := middleware.GenerateEd25519Key("ed")
	if err != nil {
		t.Fatal(err)
	}
	elliptic, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cdn := []string{"-format", "cloudfront", "-origin", "https://cdn.example.com"}
	gcs := []string{"-format", "gcs"}
	const account = "a@project.iam.gserviceaccount.com\n"
	const secret = "0123456789abcdef0123456789abcdef"
	for _, test := range []struct {
		name, keys string
		args       []string
		mode       os.FileMode
		want       string
	}{
		{"an HMAC key", hmac, nil, 0o644, "read"},
		{"an HMAC key that its group reads", hmac, nil, 0o640, ""},
		{"a private key", private, nil, 0o604, "read"},
		{"a public key", public, nil, 0o644, ""},
		{"a public key that everyone can change", public, nil, 0o646, "change"},
		{"an HMAC key that everyone can change", hmac, nil, 0o666, "change"},
		{"an HMAC key after a public one", public + "\n" + hmac, nil, 0o644, "read"},
		{"public keys with comments", "# the key of Ada\n\n" + public, nil, 0o644, ""},
		{"an HMAC key that was commented out", "# " + hmac + "\n" + public, nil, 0o644, "read"},
		{"what keygen prints of a pair", private + "\n# public: " + public, nil, 0o644, "read"},
		{"a public key of CloudFront", "ID\n" + pemOf(t, elliptic.Public()), cdn, 0o644, ""},
		{"a private key of CloudFront", "ID\n" + pemOf(t, elliptic), cdn, 0o644, "read"},
		{"a public key of an account", account + pemOf(t, rsaKey.Public()), gcs, 0o644, ""},
		{"an HMAC key after that of an account", account + pemOf(t, rsaKey.Public()) + "ID:" + secret, gcs, 0o644, "read"},
		{"an HMAC key of Cloud Storage", "ID:" + secret, gcs, 0o644, "read"},
		{"a key of S3", "ID:" + secret, []string{"-format", "s3", "-region", "auto"}, 0o644, "read"},
		{"a key of Laravel", secret, []string{"-format", "laravel"}, 0o644, "read"},
		{"a key of Django", secret, []string{"-format", "django"}, 0o644, "read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(formats.Variable, "")
			file := filepath.Join(t.TempDir(), "keys.txt")
			if err := os.WriteFile(file, []byte(test.keys+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, test.mode); err != nil {
				t.Fatal(err)
			}
			var s formats.Source
			fs := cli.NewFlags("test", "serve", "", "")
			s.Register(fs)
			if err := fs.ParseArgs(append([]string{"-key-file", file}, test.args...), 0, 0, io.Discard); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Load(); err != nil {
				t.Fatal(err)
			}
			if got := s.Exposed(); got != test.want {
				t.Errorf("every user can %q the keys, want %q", got, test.want)
			}
		})
	}
}

// pemOf returns a key in PEM form.
func pemOf(t *testing.T, key any) string {
	t.Helper()
	kind := "PUBLIC KEY"
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		kind = "PRIVATE KEY"
		der, err = x509.MarshalPKCS8PrivateKey(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
