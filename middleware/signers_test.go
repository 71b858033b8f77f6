package middleware_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// TestSignersOfOtherLanguagesMakeTheSameLinks runs the signers that README.md
// and testdata/README.md show.
func TestSignersOfOtherLanguagesMakeTheSameLinks(t *testing.T) {
	expires := time.Now().Add(time.Hour).Truncate(time.Second)
	plain := []byte("0123456789abcdef0123456789abcdef")
	links := []struct {
		path   string
		secret []byte
	}{
		{"/files/kyc/card.jpg", plain},
		{"/files/Büro €/паспорт %2e%2e%2F%zz/", plain},
		{"/files/ !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~", bytes.Repeat([]byte{0xFB, 0xFF}, 16)}, // in base64url "-_-_" and so on
	}
	signers := []struct {
		program, file string
		needs         []string
	}{
		{"python3", "sign.py", nil},
		{"node", "sign.mjs", nil},
		{"sh", "sign.sh", []string{"openssl", "od", "tr"}},
	}
	for _, s := range signers {
		t.Run(s.file, func(t *testing.T) {
			for _, program := range append(s.needs, s.program) {
				if _, err := exec.LookPath(program); err != nil {
					missing(t, program)
				}
			}
			for _, l := range links {
				text := "2026a:hmac-sha256:" + base64.RawURLEncoding.EncodeToString(l.secret)
				ring, err := middleware.ParseKeyring(text)
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(s.program, "testdata/signers/"+s.file, l.path, strconv.FormatInt(expires.Unix(), 10))
				cmd.Env = append(os.Environ(), "SIGNEDURL_KEY="+text)
				cmd.Stderr = os.Stderr
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%q: %v", l.path, err)
				}
				link := strings.TrimSuffix(string(out), "\n")
				want, err := ring.Sign(&url.URL{Path: l.path}, middleware.Claims{Expires: expires})
				if err != nil {
					t.Fatal(err)
				}
				if link != want.String() {
					t.Errorf("the link to %q is\n%s\nwant\n%s", l.path, link, want)
				}
				r, err := http.NewRequest("GET", link, nil)
				if err != nil {
					t.Fatalf("%q: %v", l.path, err)
				}
				if r.URL.Path != l.path {
					t.Errorf("the link to %q opens %q", l.path, r.URL.Path)
				}
				if _, err := newVerifier(ring, nil).Verify(r); err != nil {
					t.Errorf("the link to %q is refused: %v", l.path, err)
				}
			}
		})
	}
}

// missing skips a test that needs a program which is not installed. It fails the
// test if SIGNEDURL_REQUIRE_SIGNERS=1 demands all of them.
func missing(t *testing.T, program string) {
	t.Helper()
	if os.Getenv("SIGNEDURL_REQUIRE_SIGNERS") == "1" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}
