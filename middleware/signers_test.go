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

// TestNarrowersOfOtherLanguagesMakeTheSameLinks runs the narrowers that
// testdata/README.md shows, each on what it made before.
func TestNarrowersOfOtherLanguagesMakeTheSameLinks(t *testing.T) {
	ring := testRing(t)
	tree := middleware.Claims{Permanent: true, Under: "/files/", Methods: []string{"GET", "PUT"}}
	one := middleware.Claims{Expires: time.Unix(4102444800, 0), DownloadName: "Büro (1)*.pdf", ID: "~!'()*"}
	const path = "/files/B%C3%BCro%20%E2%82%AC/%25%2F~%27%28%2A%29%21.pdf"
	type narrowing struct {
		link  string
		steps [][]string
	}
	tests := []narrowing{
		{sign(t, ring, "/files/kyc/42/card.jpg", tree), [][]string{
			{"signed_under=/files/kyc/", "signed_accept=image/*,application/pdf", "signed_max=9007199254740991"},
			{"signed_only=/files/kyc/42/card.jpg", "expires_at=4102444799"},
			{"signed_methods=GET,HEAD", "signed_from=0", "signed_host=files.example.com:8443"},
			{"signed_ip=192.0.2.0/24,2001:db8::/32"},
		}},
		{"https://files.example.com:8443" + sign(t, ring, path+"?size=large&a%5B0%5D=x%3D&note=a%20b%26c%3F&signed-by=1&zoom=2&zoom=1&Z=&%C3%A9=1", one), [][]string{
			{"signed_only=" + path, "signed_from=4102444799"}, {"expires_at=4102444800"}, {"signed_host=[2001:db8::1]:8443"},
		}},
		{sign(t, ring, path, tree), [][]string{{"signed_only=" + path, "signed_under=/files/B%C3%BCro%20%E2%82%AC/"}}},
	}
	for i := range 8 { // signatures with - and _, and without
		one.Expires = one.Expires.Add(time.Second)
		tests = append(tests, narrowing{sign(t, ring, "/a", one), [][]string{{"expires_at=" + strconv.Itoa(i)}, {"expires_at=0"}}})
	}
	for _, s := range []struct {
		program, file string
		needs         []string
	}{
		{"python3", "narrow.py", nil},
		{"node", "narrow.mjs", nil},
		{"sh", "narrow.sh", []string{"openssl", "od", "paste", "sort", "tr"}},
	} {
		t.Run(s.file, func(t *testing.T) {
			for _, program := range append(s.needs, s.program) {
				if _, err := exec.LookPath(program); err != nil {
					missing(t, program)
				}
			}
			if n := strings.Count(page(t, "middleware/testdata/signers/"+s.file), "\n"); n >= 20 {
				t.Errorf("it has %d lines, want fewer than 20", n)
			}
			for _, test := range tests {
				link := test.link
				for _, step := range test.steps {
					cmd := exec.Command(s.program, append([]string{"testdata/signers/" + s.file, link}, step...)...)
					cmd.Stderr = os.Stderr
					out, err := cmd.Output()
					if err != nil {
						t.Fatalf("%s %q: %v", link, step, err)
					}
					values := make(url.Values)
					for _, claim := range step {
						name, value, _ := strings.Cut(claim, "=")
						values.Set(name, value)
					}
					c, err := vector{steps: []string{values.Encode()}}.lastStep()
					if err != nil {
						t.Fatal(err)
					}
					want := narrow(t, link, c)
					if link = strings.TrimSuffix(string(out), "\n"); link != want {
						t.Fatalf("by %q, it makes\n%s\nwant\n%s", step, link, want)
					}
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
