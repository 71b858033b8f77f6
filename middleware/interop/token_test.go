//go:build cgo

package interop_test

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/storage"
	"github.com/ThalesGroup/crypto11"
	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
	"example.com/signedurl/middleware/gcs"
)

// softHSM is where Debian has the module.
const softHSM = "/usr/lib/softhsm/libsofthsm2.so"

const tokenLabel, tokenPIN = "signedurl", "98765"

// newToken makes a token that lives as long as the test.
func newToken(t *testing.T) {
	t.Helper()
	util, err := exec.LookPath("softhsm2-util")
	if err == nil {
		_, err = os.Stat(softHSM)
	}
	if err != nil {
		missing(t, "there is no SoftHSM")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.Command(util, "--module", softHSM, "--init-token", "--free", "--label", tokenLabel, "--pin", tokenPIN, "--so-pin", "56789").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// openToken logs in to the token.
func openToken(t *testing.T) *crypto11.Context {
	t.Helper()
	c, err := crypto11.Configure(&crypto11.Config{Path: softHSM, TokenLabel: tokenLabel, Pin: tokenPIN, MaxSessions: 4})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// findKey finds a key of the token by its label.
func findKey(t *testing.T, c *crypto11.Context, label string) crypto11.Signer {
	t.Helper()
	s, err := c.FindKeyPair(nil, []byte(label))
	if err != nil || s == nil {
		t.Fatalf("the key %s: %v, %v", label, s, err)
	}
	return s
}

// tokenFormats are the formats whose keys a token can hold.
var tokenFormats = []struct {
	name, key string
	url       string
	signs     func(s crypto.Signer) (middleware.Format, error)
	verifies  func(public crypto.PublicKey) (middleware.Format, error)
}{
	{
		name: "gcs, RSA", key: "rsa", url: "https://storage.googleapis.com/identity-cards/kyc/card.jpg",
		signs: func(s crypto.Signer) (middleware.Format, error) {
			key, err := gcs.NewServiceAccountKey(gcsAccount, s)
			if err != nil {
				return nil, err
			}
			return gcs.New(key, nil)
		},
		verifies: func(public crypto.PublicKey) (middleware.Format, error) {
			key, err := gcs.NewServiceAccountPublicKey(gcsAccount, public.(*rsa.PublicKey))
			if err != nil {
				return nil, err
			}
			return gcs.New(key, nil)
		},
	},
	{
		name: "cloudfront, RSA", key: "rsa", url: "https://d111111abcdef8.cloudfront.net/image.jpg",
		signs: cloudfrontSigns, verifies: cloudfrontVerifies,
	},
	{
		name: "cloudfront, P-256", key: "p256", url: "https://d111111abcdef8.cloudfront.net/image.jpg",
		signs: cloudfrontSigns, verifies: cloudfrontVerifies,
	},
}

func cloudfrontSigns(s crypto.Signer) (middleware.Format, error) {
	key, err := cloudfront.NewKey(cloudfrontKeyID, s)
	if err != nil {
		return nil, err
	}
	return cloudfront.New("https://d111111abcdef8.cloudfront.net", key, nil)
}

func cloudfrontVerifies(public crypto.PublicKey) (middleware.Format, error) {
	key, err := cloudfront.NewPublicKey(cloudfrontKeyID, public)
	if err != nil {
		return nil, err
	}
	return cloudfront.New("https://d111111abcdef8.cloudfront.net", key, nil)
}

func TestLinksOfKeysInAToken(t *testing.T) {
	newToken(t)
	token := openToken(t)
	if _, err := token.GenerateRSAKeyPairWithLabel([]byte{1}, []byte("rsa"), 2048); err != nil {
		t.Fatal(err)
	}
	if _, err := token.GenerateECDSAKeyPairWithLabel([]byte{2}, []byte("p256"), elliptic.P256()); err != nil {
		t.Fatal(err)
	}
	claims := middleware.Claims{NotBefore: issued, Expires: issued.Add(time.Hour)}
	asked := func(u *url.URL) middleware.Request {
		return middleware.Request{Method: "GET", Scheme: "https", Host: u.Host, Path: u.EscapedPath(), RawQuery: u.RawQuery}
	}
	formats := make([]middleware.Format, len(tokenFormats))
	links := make([]*url.URL, len(tokenFormats))
	for i, tt := range tokenFormats {
		s := findKey(t, token, tt.key)
		f, err := tt.signs(s)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		public, err := tt.verifies(s.Public())
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		formats[i], links[i] = f, signURL(t, f, tt.url, claims)
		t.Run(tt.name, func(t *testing.T) {
			link{url: links[i].String(), from: claims.NotBefore, until: claims.Expires}.check(t, public)
			var all sync.WaitGroup
			for i := range 8 { // more than there are sessions
				all.Go(func() {
					for j := range 5 {
						u, err := f.Sign(mustParse(t, fmt.Sprintf("%s?n=%d.%d", tt.url, i, j)), claims)
						if err != nil {
							t.Errorf("at once with others: %v", err)
						} else if _, err := public.Authenticate(asked(u)); err != nil {
							t.Errorf("at once with others: %v", err)
						}
					}
				})
			}
			all.Wait()
		})
	}

	// The storage SDK makes the same link with the same key.
	at(t, issued, func(t *testing.T) {
		sdk, err := storage.SignedURL("identity-cards", "kyc/card.jpg", &storage.SignedURLOptions{
			GoogleAccessID: gcsAccount, Method: "GET", Scheme: storage.SigningSchemeV4, Expires: claims.Expires,
			SignBytes: func(text []byte) ([]byte, error) {
				sum := sha256.Sum256(text)
				return findKey(t, token, "rsa").Sign(rand.Reader, sum[:], crypto.SHA256)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mustParse(t, sdk).Query(), links[0].Query()); diff != "" {
			t.Errorf("the link of the SDK is another one (-SDK +here):\n%s", diff)
		}
	})

	fails := func(what string, i int) {
		t.Helper()
		u, err := formats[i].Sign(mustParse(t, tokenFormats[i].url), claims)
		if err == nil || u != nil || strings.Contains(err.Error(), tokenPIN) {
			t.Errorf("%s, %s: the link %v, %v", tokenFormats[i].name, what, u, err)
		}
		// The token is not asked to verify.
		if _, err := formats[i].Authenticate(asked(links[i])); err != nil {
			t.Errorf("%s, %s: a link from before: %v", tokenFormats[i].name, what, err)
		}
	}
	if err := findKey(t, token, "p256").Delete(); err != nil {
		t.Fatal(err)
	}
	fails("a key that was deleted", len(formats)-1)
	if err := token.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range formats {
		fails("a token that was closed", i)
	}

	// A key outlives the session, and RSA signs without random numbers.
	token = openToken(t)
	defer token.Close()
	f, err := tokenFormats[0].signs(findKey(t, token, "rsa"))
	if err != nil {
		t.Fatal(err)
	}
	if again := signURL(t, f, tokenFormats[0].url, claims); again.String() != links[0].String() {
		t.Errorf("after the token was opened again, the link is\n%s, not\n%s", again, links[0])
	}
}
