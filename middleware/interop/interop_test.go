package interop_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/signedurl/middleware"
)

// requireInterop is set to 1 in the environment where no test may be missed.
const requireInterop = "SIGNEDURL_REQUIRE_INTEROP"

func newVerifier(t testing.TB, f middleware.Format, opts *middleware.Options) *middleware.Verifier {
	t.Helper()
	v, err := middleware.NewVerifier(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// missing ends a test for which something is not installed.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv(requireInterop) == "1" {
		t.Fatalf("%s, and %s=1 forbids to skip; run setup.sh", what, requireInterop)
	}
	t.Skipf("%s; run setup.sh", what)
}

// script runs a program that reads jobs as JSON from its standard input and
// writes a reply to each of them, in their order.
func script[Job, Reply any](t *testing.T, jobs []Job, name string, args ...string) []Reply {
	t.Helper()
	input, err := json.Marshal(jobs)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, stderr.Bytes())
	}
	var replies []Reply
	if err := json.Unmarshal(output, &replies); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, output)
	}
	if len(replies) != len(jobs) {
		t.Fatalf("%v: %d replies to %d jobs", cmd.Args, len(replies), len(jobs))
	}
	return replies
}

// issued is when all links of the tests are made. It is in the middle of a
// minute, so that nothing that is rounded fits by chance.
var issued = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// at runs f while all clocks of this process show a time: the SDK's, if f
// calls one, and the verifier's.
func at(t *testing.T, when time.Time, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(when))
		f(t)
	})
}

// link is a link that the other side made, and what it is meant to say.
type link struct {
	url    string // a reference without a host is one to example.com
	method string // GET if empty
	header http.Header
	from   time.Time // the first second of its life; zero: since ever
	until  time.Time // the first second after it; zero: for ever
	client string    // the only address that it is good for; empty: all are
	anyURL bool      // a wildcard: path and query may change
}

// check holds a verifier of the format against what the link says.
func (l link) check(t *testing.T, f middleware.Format) {
	t.Helper()
	if l.method == "" {
		l.method = "GET"
	}
	h := newVerifier(t, f, &middleware.Options{AllowPermanent: true}).Handler(
		http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	expect := func(t *testing.T, want int, what string, l link) {
		t.Helper()
		if got := l.get(h); got != want {
			t.Errorf("%s: status %d, want %d\n%s %s\n%v", what, got, want, l.method, l.url, l.header)
		}
	}
	first, last := l.from, l.until.Add(-time.Second)
	if first.IsZero() {
		first = issued
	} else {
		at(t, first.Add(-time.Second), func(t *testing.T) { expect(t, 404, "the second before its first", l) })
	}
	if l.until.IsZero() {
		last = first.AddDate(10, 0, 0)
	} else {
		at(t, l.until, func(t *testing.T) { expect(t, 404, "the second after its last", l) })
	}
	at(t, last, func(t *testing.T) { expect(t, 200, "its last second", l) })
	at(t, first, func(t *testing.T) {
		expect(t, 200, "its first second", l)

		other := l
		if other.method = "POST"; l.method == "POST" {
			other.method = "GET"
		}
		expect(t, 403, "another method", other)

		if origin, target := split(l.url); origin != "" {
			other = l
			other.url = strings.Replace(origin, "://", "://www.", 1) + target
			expect(t, 403, "another host", other)
		}
		if l.client != "" {
			other = l
			other.client = "203.0.113.77"
			expect(t, 403, "another client", other)
		}
		for header, values := range l.header {
			for changed := range changes(values[0]) {
				other = l
				other.header = l.header.Clone()
				other.header[header] = append([]string{changed}, values[1:]...)
				expect(t, 403, "a changed "+header, other)
			}
		}
		origin, target := split(l.url)
		path, query, _ := strings.Cut(target, "?")
		if !l.anyURL {
			for changed := range changes(path) {
				other = l
				other.url = origin + changed + "?" + query
				expect(t, 403, "a changed path", other)
			}
			other = l
			other.url += "&a=1"
			if query == "" {
				other.url = l.url + "?a=1"
			}
			expect(t, 403, "one more parameter", other)
		}
		for changed := range changes(query) {
			other = l
			other.url = origin + path + "?" + changed
			expect(t, 403, "a changed query", other)
		}
	})
}

// get requests the link from a handler and returns the status. The request is
// read off the wire, as a server does, so that the link keeps its spelling.
func (l link) get(h http.Handler) int {
	origin, target := split(l.url)
	scheme, host, _ := strings.Cut(origin, "://")
	if origin == "" {
		scheme, host = "https", "example.com"
	}
	wire := l.method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		return http.StatusForbidden // the server says 400, and asks no handler
	}
	r.RemoteAddr = "192.0.2.9:1234"
	if l.client != "" {
		r.RemoteAddr = l.client + ":1234"
	}
	if scheme == "https" {
		r.TLS = new(tls.ConnectionState)
	}
	if l.header != nil {
		r.Header = l.header
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code
}

// split cuts a URL into its origin, if it has one, and the target of a
// request.
func split(u string) (origin, target string) {
	if strings.HasPrefix(u, "/") {
		return "", u
	}
	scheme, rest, _ := strings.Cut(u, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host, rest[len(host):]
}

// changes yields s with one letter or digit replaced by the next one, for each
// that it has.
func changes(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range len(s) {
			c := s[i]
			switch {
			case c == '9':
				c = '0'
			case c == 'Z' || c == 'z':
				c -= 25
			case '0' <= c && c < '9', 'A' <= c && c < 'Z', 'a' <= c && c < 'z':
				c++
			default:
				continue
			}
			if !yield(s[:i] + string(c) + s[i+1:]) {
				return
			}
		}
	}
}

// signURL makes the link to u that carries the claims.
func signURL(t *testing.T, f middleware.Format, u string, c middleware.Claims) *url.URL {
	t.Helper()
	signed, err := f.Sign(mustParse(t, u), c)
	if err != nil {
		t.Fatalf("Sign(%s): %v", u, err)
	}
	return signed
}

func mustParse(t *testing.T, u string) *url.URL {
	t.Helper()
	parsed, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// The keys of the tests live as long as their process.
var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	})
	ecdsaKey = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
)

// privatePEM and publicPEM return a key as SDKs read it.
func privatePEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func publicPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}
