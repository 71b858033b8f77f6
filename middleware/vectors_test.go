package middleware_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
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
	steps  []string // the text of each, without its first line
	macs   []string // in hexadecimal: that of the link, and of each step
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
	for _, name := range strings.Fields("comment expect key signing-key now method host tls remote cookie cookie-name binding revoked used allow-permanent enforces-uploads leeway max-lifetime prefix stripped target signer wider narrower") {
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
		texts := []string{""}
		for line := range strings.Lines(signed) {
			if text, ok := strings.CutPrefix(line, "  |"); ok {
				texts[len(texts)-1] += text
			} else if mac, ok := strings.CutPrefix(line, "mac: "); ok {
				v.macs = append(v.macs, strings.TrimSuffix(mac, "\n"))
			} else if line == "step:\n" {
				texts = append(texts, "")
			} else {
				t.Fatalf("%s: unknown line %q", file, line)
			}
		}
		v.signed = strings.TrimSuffix(texts[0], "\n")
		for _, text := range texts[1:] {
			step, ok := strings.CutPrefix(strings.TrimSuffix(text, "\n"), "signed-narrow/1\n")
			if !ok {
				t.Fatalf("%s: a step without its first line", file)
			}
			v.steps = append(v.steps, step)
		}
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
		for _, step := range v.steps {
			want += "\nsigned-narrow/1\n" + step
		}
		if d := cmp.Diff(want, e.Signed); d != "" {
			t.Errorf("signed text (-want +got):\n%s", d)
		}
	}

	if len(v.steps) > 0 {
		v.testMACs(t)
	}
	if v.has("narrower") {
		v.testNarrow(t)
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

// testMACs computes the MACs of a narrowed link again, from the texts alone. That of
// the last step is the signature of a link that is authentic.
func (v vector) testMACs(t *testing.T) {
	key := strings.Split(v.header["key"][0], ":")
	if v.has("signing-key") {
		key = strings.Split(v.get("signing-key"), ":")
	}
	secret, err := base64.RawURLEncoding.DecodeString(key[2])
	if err != nil {
		t.Fatal(err)
	}
	sum := func(key []byte, text string) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return mac.Sum(nil)
	}
	mac := sum(secret, v.signed)
	if key[1] == "ed25519" {
		mac = ed25519.Sign(ed25519.NewKeyFromSeed(secret), []byte(v.signed))
	}
	macs := []string{hex.EncodeToString(mac)}
	for _, step := range v.steps {
		mac = sum(mac, "signed-narrow/1\n"+step)
		macs = append(macs, hex.EncodeToString(mac))
	}
	if d := cmp.Diff(v.macs, macs); d != "" {
		t.Errorf("MACs (-want +got):\n%s", d)
	}
	signature := "signature=" + base64.RawURLEncoding.EncodeToString(mac)
	if expect := v.get("expect"); expect != "invalid" && expect != "unsigned" && !strings.Contains(v.get("target")+v.get("cookie"), signature) {
		t.Errorf("nothing has the %s", signature)
	}
}

// testNarrow narrows the wider link by the claims of the last step.
func (v vector) testNarrow(t *testing.T) {
	c, err := v.lastStep()
	if err != nil {
		t.Fatal(err)
	}
	var got string
	want := v.get("target")
	if v.has("cookie") {
		want = strings.TrimPrefix(v.get("cookie"), v.get("cookie-name")+"=")
		got, err = middleware.NarrowCookie(v.get("wider"), c)
	} else {
		var u *url.URL
		if u, err = url.ParseRequestURI(v.get("wider")); err != nil {
			t.Fatal(err)
		}
		if u, err = middleware.Narrow(u, c); err == nil {
			got = u.String()
		}
	}
	switch v.get("narrower") {
	case "makes this":
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("the narrower says %v, and makes (-want +got):\n%s", err, d)
		}
	case "refuses":
		if err == nil {
			t.Errorf("the narrower makes %s", got)
		}
	default:
		t.Errorf("narrower: %s", v.get("narrower"))
	}
}

// lastStep returns the claims of the last step, as somebody who narrows a link
// writes them down. It does not look at what they are.
func (v vector) lastStep() (c middleware.Claims, err error) {
	values, err := url.ParseQuery(v.steps[len(v.steps)-1])
	if err != nil {
		return c, err
	}
	for name := range values {
		value := values.Get(name)
		list := strings.Split(value, ",")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "expires_at":
			if value == "never" {
				c.Permanent = true
			} else {
				c.Expires = time.Unix(n, 0)
			}
		case "signed_from":
			c.NotBefore = time.Unix(n, 0)
		case "signed_under":
			c.Under = value
		case "signed_only":
			c.Only = value
		case "signed_methods":
			c.Methods = list
		case "signed_host":
			c.Host = value
		case "signed_ip":
			for _, text := range list {
				addr, err := netip.ParseAddr(text)
				network := netip.PrefixFrom(addr, addr.BitLen())
				if err != nil {
					network, err = netip.ParsePrefix(text)
				}
				if err != nil {
					return c, err
				}
				c.Networks = append(c.Networks, network)
			}
		case "signed_max":
			c.Upload.MaxBytes = n
		case "signed_accept":
			c.Upload.Accept = list
		case "signed_as":
			c.DownloadName = value
		case "signed_for":
			c.Binding = middleware.Binding{Name: value, Value: "s-1"}
		case "signed_id":
			c.ID = value
		case "signed_ignore":
			c.Ignore = list
		case "signed_type":
			c.ContentType = value
		case "signed_replace":
			c.Upload.Replace = true
		case "signed_sum":
			sum, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(value, "sha-256:"))
			if err != nil {
				return c, err
			}
			c.Upload.SHA256 = [32]byte(sum)
		default:
			return c, errors.New("no claim is " + name)
		}
	}
	return c, nil
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
