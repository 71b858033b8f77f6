package s3_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/internal/formattest"
	"example.com/signedurl/middleware/s3"
)

const (
	testID     = "AKIDTESTONLY"
	testSecret = "secret-of-tests-and-of-nothing-else"
	testToken  = "token-of-tests"
)

func newVerifier(t testing.TB, f middleware.Format, opts *middleware.Options) *middleware.Verifier {
	t.Helper()
	v, err := middleware.NewVerifier(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func testKey(t testing.TB) s3.Key {
	t.Helper()
	k, err := s3.NewKey(testID, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testFormat(t testing.TB, opts *s3.Options) *s3.Format {
	t.Helper()
	f, err := s3.New(testKey(t), "us-east-1", opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// AWS publishes this link ("Authenticating Requests: Using Query Parameters").
func TestPublishedExample(t *testing.T) {
	key, err := s3.NewKey("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	if err != nil {
		t.Fatal(err)
	}
	f, err := s3.New(key, "us-east-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	u, err := f.Sign(&url.URL{Scheme: "https", Host: "examplebucket.s3.amazonaws.com", Path: "/test.txt"},
		middleware.Claims{NotBefore: from, Expires: from.Add(24*time.Hour + time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	const want = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	if got := u.Query().Get("X-Amz-Signature"); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	temporary, err := s3.NewTemporaryKey(testID, testSecret, testToken)
	if err != nil {
		t.Fatal(err)
	}
	opts := s3.Options{AcceptKeys: []s3.Key{temporary}}
	f, err := s3.New(temporary, "us-east-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	f.Sign(&url.URL{Host: "h", Path: "/"}, middleware.Claims{Expires: time.Unix(1700000000, 0)}) // fills what there is to fill
	var out bytes.Buffer
	for _, v := range []any{temporary, &temporary, []s3.Key{temporary}, opts, &opts, f, *f} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("", "v", v)
		if text, err := json.Marshal(v); err == nil {
			out.Write(text)
		}
	}
	for _, s := range []string{testSecret, testToken} {
		for _, form := range []string{s, fmt.Sprintf("%x", s), fmt.Sprintf("%d", []byte(s))} {
			if strings.Contains(out.String(), form) {
				t.Errorf("printed: %s", form)
			}
		}
	}
	for got, want := range map[string]string{
		temporary.String():          testID,
		testKey(t).ID():             testID,
		s3.Key{}.String():           "no key",
		testFormat(t, nil).String(): "1 keys, first " + testID + " (AWS4-HMAC-SHA256)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	key := testKey(t)
	tests := []struct {
		name   string
		key    s3.Key
		region string
		opts   *s3.Options
	}{
		{"the zero key", s3.Key{}, "us-east-1", nil},
		{"a zero key among those accepted", key, "us-east-1", &s3.Options{AcceptKeys: []s3.Key{{}}}},
		{"the same id twice", key, "us-east-1", &s3.Options{AcceptKeys: []s3.Key{key}}},
		{"no region", key, "", nil},
		{"a region with a slash", key, "us/east", nil},
		{"a region with a blank", key, "us east", nil},
		{"a region of 65 bytes", key, strings.Repeat("a", 65), nil},
		{"a host with a scheme", key, "us-east-1", &s3.Options{Host: "https://files.example"}},
		{"a host in upper case", key, "us-east-1", &s3.Options{Host: "Files.example"}},
		{"a lifetime above seven days", key, "us-east-1", &s3.Options{Lifetime: 8 * 24 * time.Hour}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if f, err := s3.New(tt.key, tt.region, tt.opts); err == nil {
				t.Errorf("made %v", f)
			}
		})
	}
	if f, err := s3.New(key, strings.Repeat("a", 64), nil); err != nil || !f.CanSign() {
		t.Errorf("a region of 64 bytes: %v", err)
	}
	if _, err := s3.NewTemporaryKey(testID, "short", testToken); err == nil {
		t.Error("a short secret with a session token was accepted")
	}
	if _, err := s3.NewTemporaryKey(testID, testSecret, ""); err == nil {
		t.Error("an empty session token was accepted")
	}
	if _, err := s3.NewKey(testID, "short"); err == nil {
		t.Error("a short secret was accepted")
	}
}

func TestZeroFormatRefuses(t *testing.T) {
	var f s3.Format
	u, err := testFormat(t, nil).Sign(&url.URL{Scheme: "http", Host: "h", Path: "/"}, middleware.Claims{Expires: time.Unix(1700000000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Authenticate(middleware.Request{Method: "GET", Host: "h", Path: "/", RawQuery: u.RawQuery})
	if !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("Authenticate: %v", err)
	}
	if _, err := f.Sign(u, middleware.Claims{}); err == nil || f.CanSign() {
		t.Error("the zero Format signs")
	}
}

func TestKeysAreRotated(t *testing.T) {
	next, err := s3.NewKey("AKIDNEXT", "the-secret-of-the-next-key")
	if err != nil {
		t.Fatal(err)
	}
	old, both := testFormat(t, nil), testFormat(t, &s3.Options{AcceptKeys: []s3.Key{next}})
	rotated, err := s3.New(next, "us-east-1", &s3.Options{AcceptKeys: []s3.Key{testKey(t)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		signer, verifier *s3.Format
		want             string // the key id, or "" for a refusal
	}{
		{old, both, testID}, {both, old, testID}, {rotated, both, "AKIDNEXT"}, {old, rotated, testID}, {rotated, old, ""},
	} {
		u, err := tt.signer.Sign(&url.URL{Scheme: "http", Host: "h", Path: "/"}, middleware.Claims{Expires: time.Unix(1700000000, 0)})
		if err != nil {
			t.Fatal(err)
		}
		c, err := tt.verifier.Authenticate(middleware.Request{Method: "GET", Host: "h", Path: "/", RawQuery: u.RawQuery})
		if c.KeyID != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("signed by %v, verified by %v: key %q, %v", tt.signer, tt.verifier, c.KeyID, err)
		}
	}
}

// What net/http does to targets, hosts and header fields on their way.
func TestThroughARealServer(t *testing.T) {
	var host string
	f := testFormat(t, &s3.Options{Header: http.Header{"Content-Length": {"5"}, "X-Amz-Meta-A": {"a  b"}}})
	srv := httptest.NewServer(newVerifier(t, f, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := middleware.LinkFromContext(r.Context())
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", c.KeyID, r.URL.Path, body)
	})))
	defer srv.Close()
	host = strings.TrimPrefix(srv.URL, "http://")
	u, err := f.Sign(&url.URL{Scheme: "http", Host: host, Path: "/bucket//é/a b%2Fc+", RawQuery: "q=a+b"},
		middleware.Claims{Expires: time.Now().Add(time.Hour), Methods: []string{"PUT"}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, method, host, body, meta string
		want                           int
	}{
		{"what was signed", "PUT", "", "hello", "a b", 200},
		{"a header value with other blanks", "PUT", "", "hello", "  a   b ", 200},
		{"another method", "POST", "", "hello", "a b", 403},
		{"another length", "PUT", "", "hello!", "a b", 403},
		{"another header value", "PUT", "", "hello", "ab", 403},
		{"another host", "PUT", "evil.example", "hello", "a b", 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(tt.method, u.String(), strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Amz-Meta-A", tt.meta)
			r.Host = tt.host
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.want {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tt.want, body)
			}
			if want := testID + " /bucket//é/a b%2Fc+ hello"; tt.want == 200 && string(body) != want {
				t.Errorf("body %q, want %q", body, want)
			}
		})
	}
}

func TestURLBuilderNeedsAHost(t *testing.T) {
	if b, err := middleware.NewURLBuilder("/files/", testFormat(t, nil)); err != nil {
		t.Error(err)
	} else if u, err := b.URL("a", middleware.Claims{Expires: time.Unix(1700000000, 0)}); err == nil {
		t.Errorf("signed without a host: %v", u)
	}
	for base, f := range map[string]*s3.Format{
		"https://files.example/bucket/": testFormat(t, nil),
		"/bucket/":                      testFormat(t, &s3.Options{Host: "files.example"}),
	} {
		b, err := middleware.NewURLBuilder(base, f)
		if err != nil {
			t.Fatal(err)
		}
		u, err := b.URL("kyc/card 1.jpg", middleware.Claims{Expires: time.Unix(1700000000, 0)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Authenticate(middleware.Request{Method: "GET", Host: "files.example", Path: u.EscapedPath(), RawQuery: u.RawQuery})
		if err != nil {
			t.Errorf("%s: %v", base, err)
		}
	}
}

func TestEveryClaimIsCarriedOrRefused(t *testing.T) {
	formattest.Claims(t, testFormat(t, nil), "https://files.example", middleware.Claims{Expires: time.Unix(1700000000, 0)})
}

func TestSignRefusesPathsWithTwoMeanings(t *testing.T) {
	formattest.Paths(t, testFormat(t, nil), "https://files.example", middleware.Claims{Expires: time.Unix(1700000000, 0)})
}

func FuzzVerifierAcceptsWhatSignSigns(f *testing.F) {
	formattest.FuzzSign(f, testFormat(f, nil), "https://files.example", func() middleware.Claims {
		return middleware.Claims{Expires: time.Now().Add(time.Hour)}
	})
}
