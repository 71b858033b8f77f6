package middleware_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
)

// The vectors are made by testdata/generate.py, which was written from the
// specification and not from this package; testdata/vectors/README.md tells
// their form.
const vectorDir = "testdata/vectors"

type vector struct {
	header map[string][]string
	signed string
}

func (v vector) get(name string) string { return strings.Join(v.header[name], "\n") }

func (v vector) has(name string) bool { return v.header[name] != nil }

func (v vector) seconds(t *testing.T, name string) time.Duration {
	if !v.has(name) {
		return 0
	}
	n, err := strconv.ParseInt(v.get(name), 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return time.Duration(n) * time.Second
}

// values reads headers of the form "name: key=value".
func (v vector) values(name string) map[string]string {
	m := make(map[string]string)
	for _, line := range v.header[name] {
		key, value, _ := strings.Cut(line, "=")
		m[key] = value
	}
	return m
}

func readVectors(t *testing.T) map[string]vector {
	files, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 100 {
		t.Fatalf("only %d vectors in %s", len(files), vectorDir)
	}
	known := make(map[string]bool)
	for _, name := range strings.Fields("comment expect key signing-key now method host tls remote cookie cookie-name binding revoked used allow-permanent enforces-uploads leeway max-lifetime prefix stripped target signer") {
		known[name] = true
	}
	vectors := make(map[string]vector)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		v := vector{header: make(map[string][]string)}
		head, signed, _ := strings.Cut(string(text), "signed:\n")
		for line := range strings.Lines(head) {
			name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			if !ok || !known[name] {
				t.Fatalf("%s: unknown line %q", file, line)
			}
			v.header[name] = append(v.header[name], strings.TrimPrefix(value, " "))
		}
		for line := range strings.Lines(signed) {
			line, ok := strings.CutPrefix(line, "  |")
			if !ok {
				t.Fatalf("%s: a line of the signed text does not begin with a bar", file)
			}
			v.signed += line
		}
		v.signed = strings.TrimSuffix(v.signed, "\n")
		vectors[strings.TrimSuffix(filepath.Base(file), ".txt")] = v
	}
	return vectors
}

// request makes what net/http makes of the vector's request. What net/http
// itself would refuse is made by hand: nothing says that every server does.
func (v vector) request(t *testing.T) *http.Request {
	target := v.get("target")
	text := v.get("method") + " " + target + " HTTP/1.1\r\nHost: x\r\n"
	for _, cookie := range v.header["cookie"] {
		text += "Cookie: " + cookie + "\r\n"
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text + "\r\n")))
	if err != nil {
		path, query, _ := strings.Cut(target, "?")
		r = &http.Request{Method: v.get("method"), URL: &url.URL{Path: path, RawPath: path, RawQuery: query}, RequestURI: target}
		if v.get("expect") != "invalid" {
			t.Errorf("net/http refuses the request: %v", err)
		}
	}
	if v.has("stripped") {
		if r.URL, err = url.ParseRequestURI(strings.TrimPrefix(target, v.get("stripped"))); err != nil {
			t.Fatal(err)
		}
	}
	r.Host = v.get("host")
	r.RemoteAddr = "192.0.2.10:4711"
	if v.has("remote") {
		r.RemoteAddr = v.get("remote")
	}
	if v.get("tls") == "yes" {
		r.TLS = new(tls.ConnectionState)
	}
	return r
}

func (v vector) options(t *testing.T) *middleware.Options {
	bindings := v.values("binding")
	used := make(useCounts)
	for id, n := range v.values("used") {
		used[id], _ = strconv.Atoi(n)
	}
	return &middleware.Options{
		MaxLifetime:     v.seconds(t, "max-lifetime"),
		Leeway:          v.seconds(t, "leeway"),
		AllowPermanent:  v.get("allow-permanent") == "yes",
		EnforcesUploads: v.get("enforces-uploads") == "yes",
		Prefix:          v.get("prefix"),
		Cookie:          v.get("cookie-name"),
		Revocations:     revokedIDs(v.header["revoked"]),
		Uses:            used,
		Binding: func(r *http.Request, name string) (string, error) {
			value, ok := bindings[name]
			if !ok {
				return "", errors.New("no value")
			}
			return url.PathUnescape(value)
		},
	}
}

type revokedIDs []string

func (ids revokedIDs) Revoked(_ context.Context, id string) (bool, error) {
	for _, revoked := range ids {
		if revoked == id {
			return true, nil
		}
	}
	return false, nil
}

type useCounts map[string]int

func (c useCounts) Take(_ context.Context, u middleware.Use) (bool, error) {
	if c[u.ID] >= u.Limit {
		return false, nil
	}
	c[u.ID]++
	return true, nil
}

func (useCounts) GiveBack(context.Context, middleware.Use) error { return nil }

func TestVectors(t *testing.T) {
	for name, v := range readVectors(t) {
		t.Run(name, func(t *testing.T) {
			ring, err := middleware.ParseKeyring(v.get("key"))
			if v.get("expect") == "bad_keys" {
				if err == nil {
					t.Errorf("the keys are accepted; %s", v.get("comment"))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Unix(0, 0).Add(v.seconds(t, "now"))))
				v.run(t, ring)
			})
		})
	}
}

func (v vector) run(t *testing.T, ring *middleware.Keyring) {
	opts, r, expect := v.options(t), v.request(t), v.get("expect")
	verifier := newVerifier(ring, opts)

	link, err := verifier.Verify(r)
	if got := reason(err); got != expect {
		t.Fatalf("the decision is %s, want %s; %s (%v)", got, expect, v.get("comment"), err)
	}
	// Verify takes a short way where it can, Explain never does.
	e := verifier.Explain(r)
	if got := reason(e.Err); got != expect && expect != "used_up" {
		t.Errorf("the explanation says %s, want %s", got, expect)
	}
	if expect != "invalid" && expect != "unsigned" {
		want := v.signed
		if name := e.Link.Binding.Name; name != "" {
			want = want[:strings.LastIndexByte(want, '\n')+1] + "[the value of " + name + "]"
		}
		if d := cmp.Diff(want, e.Signed); d != "" {
			t.Errorf("signed text (-want +got):\n%s", d)
		}
	}

	switch v.get("signer") {
	case "makes this":
		signer := ring
		if v.has("signing-key") {
			if signer, err = middleware.ParseKeyring(v.get("signing-key")); err != nil {
				t.Fatal(err)
			}
		}
		v.testSign(t, signer, link, opts)
	case "refuses":
		if u, err := url.ParseRequestURI(v.unsigned()); err == nil {
			if signed, err := ring.Sign(u, middleware.Claims{Expires: time.Unix(1767225600, 0)}); err == nil {
				t.Errorf("the signer makes %s", signed)
			}
		}
	}
}

// testSign signs the claims of an accepted link again.
func (v vector) testSign(t *testing.T, signer *middleware.Keyring, l middleware.Link, opts *middleware.Options) {
	c := l.Claims
	if c.Binding.Name != "" {
		c.Binding.Value, _ = opts.Binding(nil, c.Binding.Name)
	}
	if l.FromCookie {
		cookies, err := signer.SignCookies(opts.Cookie, c)
		if err != nil {
			t.Fatal(err)
		}
		if got := cookies[0].Name + "=" + cookies[0].Value; !strings.Contains(v.get("cookie"), got) {
			t.Errorf("the signer makes the cookie\n%s\nwant one of\n%s", got, v.get("cookie"))
		}
		return
	}
	u, err := url.ParseRequestURI(v.unsigned())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(u, c)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v.get("target"), signed.String()); d != "" {
		t.Errorf("signed link (-want +got):\n%s", d)
	}
}

// unsigned returns the target without its reserved parameters.
func (v vector) unsigned() string {
	path, query, _ := strings.Cut(v.get("target"), "?")
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name != "expires_at" && name != "signature" && !strings.HasPrefix(name, "signed_") {
			pairs = append(pairs, pair)
		}
	}
	if pairs == nil {
		return path
	}
	return path + "?" + strings.Join(pairs, "&")
}

func reason(err error) string {
	if err == nil {
		return "accepted"
	}
	return middleware.Reason(err)
}

// TestVectorsAreWhatTheGeneratorMakes fails if somebody edits a vector and not
// the generator, or the other way round.
func TestVectorsAreWhatTheGeneratorMakes(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		missing(t, "python3")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, "testdata/generate.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("generate.py: %v\n%s", err, out)
	}
	if d := cmp.Diff(readAll(t, vectorDir), readAll(t, dir)); d != "" {
		t.Errorf("run testdata/generate.py: the vectors differ from what it makes (-have +made):\n%s", d)
	}
}

func readAll(t *testing.T, dir string) map[string]string {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(text)
	}
	return texts
}
