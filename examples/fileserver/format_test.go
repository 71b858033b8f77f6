package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
)

// system is an application of another system: how it is configured here, and
// keys that it might have.
type system struct {
	name  string
	flags []string // of serve, link and check
	base  []string // of link
	key   func(t *testing.T) string
}

func systems() []system {
	app := []string{"-origin", "https://app.example.com"}
	bucket := []string{"-base-url", "https://bucket.example.com:8443/files/"}
	return []system{
		{"laravel", append([]string{"-format", "laravel"}, app...), nil, laravelKey},
		{"laravel, relative", []string{"-format", "laravel"}, nil, laravelKey},
		{"django", []string{"-format", "django", "-salt", "files", "-max-age", "15m"}, nil, secretKey},
		{"django, objects", []string{"-format", "django", "-object", "-member", "path", "-max-age", "1h", "-hash", "sha512",
			"-separator", "~", "-escaped", "-parameter", "t"}, nil, func(t *testing.T) string { return "#" + secretKey(t) }},
		{"cloudfront", append([]string{"-format", "cloudfront"}, app...), nil, keyPair},
		{"gcs, service account", []string{"-format", "gcs"}, bucket, serviceAccount},
		{"gcs, HMAC key", []string{"-format", "gcs"}, bucket, accessKey},
		{"s3", []string{"-format", "s3", "-region", "eu-central-1"}, bucket, accessKey},
		{"s3, behind a proxy", []string{"-format", "s3", "-region", "us-east-1", "-signed-host", "s3.example.com"}, bucket,
			func(t *testing.T) string { return accessKey(t) + " session/token==" }},
	}
}

func laravelKey(*testing.T) string { return "base64:" + rand.Text() + "=" }
func secretKey(*testing.T) string  { return rand.Text() + "#" + rand.Text() }
func accessKey(*testing.T) string  { return rand.Text() + ":" + rand.Text() + "/" + rand.Text() }

func keyPair(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return rand.Text() + "\n" + pemOf(t, "PRIVATE KEY", key)
}

func serviceAccount(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"client_email": rand.Text() + "@project.iam.gserviceaccount.com",
		"private_key":  pemOf(t, "PRIVATE KEY", key),
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// pemOf returns a key in PEM form.
func pemOf(t *testing.T, kind string, key any) string {
	t.Helper()
	var der []byte
	var err error
	if kind == "PRIVATE KEY" {
		der, err = x509.MarshalPKCS8PrivateKey(key)
	} else {
		der, err = x509.MarshalPKIXPublicKey(key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

var signatureParam = regexp.MustCompile(`[?&](?:[A-Za-z-]*[Ss]ignature|token|t)=([^&]+)`)

// signatureOf returns the signature in a link, or the token that holds it.
func signatureOf(t *testing.T, link string) string {
	t.Helper()
	m := signatureParam.FindStringSubmatch(link)
	if m == nil {
		t.Fatalf("there is no signature in %s", link)
	}
	return m[1]
}

// alter returns a link with another signature.
func alter(link, signature string) string {
	i := strings.Index(link, signature) + len(signature) - 10
	c := "0"
	if link[i] == '0' {
		c = "1"
	}
	return link[:i] + c + link[i+1:]
}

// with returns a command line.
func with(parts ...any) []string {
	var args []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			args = append(args, p)
		case []string:
			args = append(args, p...)
		}
	}
	return args
}

// open requests a link, as a client does that reaches its host here.
func (p *process) open(link string) int {
	p.T.Helper()
	u, err := url.Parse(link)
	if err != nil {
		p.T.Fatal(err)
	}
	host := u.Host
	if host == "" {
		host = p.Addr
	}
	status, _ := p.Get(u.RequestURI(), "Host", host)
	return status
}

func TestEveryFormatIsSignedServedExplainedAndReloaded(t *testing.T) {
	for _, s := range systems() {
		t.Run(s.name, func(t *testing.T) {
			t.Setenv(formats.Variable, "")
			old, next := s.key(t), s.key(t)
			dir := files(t)
			write(t, filepath.Join(dir, "other.txt"), "another file")
			keys := write(t, filepath.Join(t.TempDir(), "keys.txt"), old+"\n")
			nextKeys := write(t, filepath.Join(t.TempDir(), "next.txt"), next+"\n")
			flags := with(s.flags, "-key-file", keys)
			p := start(t, with("-dir", dir, flags)...)

			link := ok(t, with("link", flags, s.base, "kyc/card.txt")...)
			expired := expiredLink(t, with(flags, s.base, "kyc/card.txt")...)
			other := strings.Replace(link, "kyc/card.txt", "other.txt", 1)
			signature := signatureOf(t, link)
			for _, test := range []struct {
				name, link, want string
				status           int
			}{
				{"a link", link, "accepted", 200},
				{"an expired link", expired, "FAIL expired", 404},
				{"an altered link", alter(link, signature), "FAIL invalid", 403},
				{"an altered link that expired", alter(expired, signatureOf(t, expired)), "FAIL invalid", 403},
				{"the signature of one file on another", other, "FAIL invalid", 403},
				{"a parameter more", link + "&a=b", "FAIL invalid", 403},
				{"no signature", link[:strings.IndexByte(link, '?')], "FAIL unsigned", 403},
			} {
				if got := p.open(test.link); got != test.status {
					t.Errorf("%s: status %d, want %d", test.name, got, test.status)
				}
				code, out, stderr := try(t, "", with("check", flags, test.link)...)
				if (code == cli.ExitOK) != (test.status == 200) || !strings.Contains(out, test.want) {
					t.Errorf("check %s: exit code %d, want %q\n%s%s", test.name, code, test.want, out, stderr)
				}
				if strings.Contains(out, signature[len(signature)-20:]) {
					t.Errorf("check %s shows the signature:\n%s", test.name, out)
				}
			}
			if strings.Contains(p.Log.String(), signature[len(signature)-20:]) {
				t.Errorf("the log shows the signature:\n%s", p.Log)
			}

			fresh := ok(t, with("link", s.flags, "-key-file", nextKeys, s.base, "kyc/card.txt")...)
			expect := func(when string, wantOld, wantFresh int) {
				t.Helper()
				if gotOld, gotFresh := p.open(link), p.open(fresh); gotOld != wantOld || gotFresh != wantFresh {
					t.Errorf("%s: the old key's link gives %d and the new one's %d, want %d and %d", when, gotOld, gotFresh, wantOld, wantFresh)
				}
			}
			write(t, keys, "\n# none\n")
			p.Signal(syscall.SIGHUP)
			p.Log.Wait(t, "reload failed", 1)
			expect("after a bad file", 200, 403)
			reloads := 0
			reload := func(text string) {
				t.Helper()
				write(t, keys, text)
				p.Signal(syscall.SIGHUP)
				reloads++
				p.Log.Wait(t, "msg=reloaded what=keys", reloads)
			}
			if next[0] != '#' { // beside such a key there can be no other
				reload("\n" + next + "\r\n\n  " + old)
				expect("with both keys", 200, 200)
			}
			reload(next)
			expect("with the new key", 403, 200)
			p.Stop()
		})
	}
}

// vector is a link that another system's own code made.
type vector struct {
	Case   string
	Key    string `json:"secret_or_key"`
	Public string `json:"public_key"`
	Signed any
}

func vectorOf(t *testing.T, file, name string) vector {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash("../../middleware/" + file))
	if err != nil {
		t.Fatal(err)
	}
	var vs []vector
	if err := json.Unmarshal(text, &vs); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(vs, func(v vector) bool { return v.Case == name })
	if i < 0 {
		t.Fatalf("there is no vector %q", name)
	}
	return vs[i]
}

// The links of the vectors expired in 2023. So the server gets a leeway of a
// hundred years, and check without one finds all in order but the time.
func TestLinksOfOtherSystemsAreServed(t *testing.T) {
	const forever = "900000h"
	const email = "test-signer@interop-test.iam.gserviceaccount.com"
	laravelTimed := vectorOf(t, "laravel/testdata/laravel.json", "space in path and query")
	laravelPermanent := vectorOf(t, "laravel/testdata/laravel.json", "no parameters at all, no expiry")
	laravelRelative := vectorOf(t, "laravel/testdata/laravel.json", "relative signature, unicode and spaces, no expiry")
	laravelIgnore := vectorOf(t, "laravel/testdata/laravel.json", "ignored query parameters (signed:utm_source,fbclid)")
	djangoTimed := vectorOf(t, "django/testdata/django.json", "TimestampSigner, default salt, simple path")
	djangoSeparator := vectorOf(t, "django/testdata/django.json", "TimestampSigner, multi-character separator")
	djangoHash := vectorOf(t, "django/testdata/django.json", "TimestampSigner, algorithm sha512")
	canned := vectorOf(t, "cloudfront/testdata/cloudfront.json", "canned: simple")
	canned256 := vectorOf(t, "cloudfront/testdata/cloudfront.json", "canned: simple [SHA256]")
	account := vectorOf(t, "gcs/testdata/vectors.json", "simple GET")
	s3Simple := vectorOf(t, "s3/testdata/vectors.json", "path style, simple")
	s3Token := vectorOf(t, "s3/testdata/vectors.json", "virtual hosted with session token")
	token := func(path string, v vector) string {
		return path + "?" + url.Values{"token": {v.Signed.(string)}}.Encode()
	}
	distribution := []string{"-format", "cloudfront", "-origin", "https://d111111abcdef8.cloudfront.net"}
	for _, test := range []struct {
		name, keys, link string
		flags            []string
		file             string
		explanation      string // of check, without the leeway
	}{
		{"Laravel, absolute", laravelTimed.Key, laravelTimed.Signed.(string),
			[]string{"-format", "laravel", "-origin", "https://example.com"}, "files/my report.pdf", "FAIL expired"},
		{"Laravel, permanent", laravelPermanent.Key, laravelPermanent.Signed.(string),
			[]string{"-format", "laravel", "-origin", "https://example.com", "-allow-permanent"}, "download", "accepted"},
		{"Laravel, relative", laravelRelative.Key, laravelRelative.Signed.(string),
			[]string{"-format", "laravel", "-allow-permanent"}, "files/ž b.txt", "accepted"},
		{"Laravel, with the previous key and what a mailer adds", "base64:" + strings.Repeat("k", 43) + "=\n" + laravelIgnore.Key,
			laravelIgnore.Signed.(string) + "&utm_source=mail", []string{"-format", "laravel", "-origin", "https://example.com", "-format-ignore", "utm_source,fbclid"}, "i", "FAIL expired"},
		{"Django", djangoTimed.Key, token("/media/report.pdf", djangoTimed),
			[]string{"-format", "django", "-max-age", "1h"}, "media/report.pdf", "FAIL expired"},
		{"Django, with a separator", djangoSeparator.Key, token("/dl/1", djangoSeparator),
			[]string{"-format", "django", "-max-age", "1m", "-separator", "::"}, "dl/1", "FAIL expired"},
		{"Django, with SHA-512", djangoHash.Key, token("/dl/1", djangoHash),
			[]string{"-format", "django", "-hash", "sha512", "-allow-permanent"}, "dl/1", "accepted"},
		{"CloudFront, over SHA-1", "# a key\n K2JCJMDEHXQW5F\n" + canned.Public, canned.Signed.(string),
			with(distribution, "-insecure-allow-sha1"), "image.jpg", "FAIL expired"},
		{"CloudFront, over SHA-256, without the host", "K2JCJMDEHXQW5F\n\n" + canned256.Key, strings.TrimPrefix(canned256.Signed.(string), "https://d111111abcdef8.cloudfront.net"),
			with(distribution, "-any-host"), "image.jpg", "FAIL expired"},
		{"Cloud Storage, with the public key", email + "\n" + account.Public, account.Signed.(string),
			[]string{"-format", "gcs"}, "test-bucket/test-object.txt", "FAIL expired"},
		{"S3", "AKIATESTONLY00000000:" + s3Simple.Key, s3Simple.Signed.(string),
			[]string{"-format", "s3", "-region", "us-east-1"}, "test-bucket/test-object.txt", "FAIL expired"},
		{"S3, with a session token, behind a proxy", "AKIATESTONLY00000000:" + s3Token.Key + " FwoGZXIvTESTTOKEN//////+==",
			strings.TrimPrefix(s3Token.Signed.(string), "https://test-bucket.s3.us-east-1.amazonaws.com"),
			[]string{"-format", "s3", "-region", "us-east-1", "-signed-host", "test-bucket.s3.us-east-1.amazonaws.com"}, "test-object.txt", "FAIL expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, filepath.FromSlash(test.file)), "the file")
			p := startWith(t, test.keys, with("-dir", dir, "-base-url", "/", "-leeway", forever, test.flags)...)
			if got := p.open(test.link); got != 200 {
				t.Errorf("status %d, want 200", got)
			}
			if got := p.open(alter(test.link, signatureOf(t, test.link))); got != 403 {
				t.Errorf("altered: status %d, want 403", got)
			}
			p.Stop()
			t.Setenv(formats.Variable, test.keys)
			if _, out, stderr := try(t, "", with("check", test.flags, test.link)...); !strings.Contains(out, test.explanation) {
				t.Errorf("check does not say %q:\n%s%s", test.explanation, out, stderr)
			}
		})
	}
	t.Run("and over SHA-1 only if asked for", func(t *testing.T) {
		t.Setenv(formats.Variable, "K2JCJMDEHXQW5F\n"+canned.Public)
		if _, out, _ := try(t, "", with("check", distribution, canned.Signed)...); !strings.Contains(out, "FAIL invalid") || !strings.Contains(out, "SHA-1") {
			t.Errorf("check does not refuse SHA-1:\n%s", out)
		}
	})
}

// The READMEs show how to serve what other applications sign. These are their
// commands, word for word but for the directory.
func TestCommandsOfTheREADMEsServe(t *testing.T) {
	key := laravelKey(t)
	found := 0
	for _, name := range []string{"README.md", filepath.FromSlash("../../README.md")} {
		readme, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(readme)) {
			_, command, ok := strings.Cut(strings.TrimSpace(line), `" ./fileserver -dir private `)
			if !ok {
				continue
			}
			found++
			t.Run(command, func(t *testing.T) {
				flags := strings.Fields(command)
				p := startWith(t, key, with("-dir", files(t), flags)...)
				t.Setenv(formats.Variable, key)
				code, link, stderr := try(t, "", with("link", flags, "kyc/card.txt")...)
				if code != cli.ExitOK {
					t.Fatalf("link: exit code %d\n%s", code, stderr)
				}
				if got := p.open(strings.TrimSpace(link)); got != 200 {
					t.Errorf("status %d, want 200", got)
				}
				p.Stop()
			})
		}
	}
	if found < 2 {
		t.Errorf("found %d commands, want those for Laravel and Django", found)
	}
}

func TestTheHostOfSignedLinksIsHeld(t *testing.T) {
	for _, s := range systems() {
		if slices.Contains(s.flags, "-origin") {
			t.Run(s.name, func(t *testing.T) {
				keys := write(t, filepath.Join(t.TempDir(), "keys.txt"), s.key(t))
				flags := with(s.flags, "-key-file", keys)
				link := ok(t, with("link", flags, "kyc/card.txt")...)
				if !strings.HasPrefix(link, "https://app.example.com/files/kyc/card.txt?") {
					t.Errorf("the link is %s", link)
				}
				dir := files(t)
				strict, any := start(t, with("-dir", dir, flags)...), start(t, with("-dir", dir, flags, "-any-host")...)
				strict.Out.Wait(t, "at https://app.example.com/files/", 1)
				target := strings.TrimPrefix(link, "https://app.example.com")
				if got := strict.open(target); got != 403 {
					t.Errorf("by another name: status %d, want 403", got)
				}
				if got := any.open(target); got != 200 {
					t.Errorf("by another name, which is allowed: status %d, want 200", got)
				}
				ok(t, with("check", flags, target)...) // a path is one of the origin
				strict.Stop()
				any.Stop()
			})
		}
	}
}

func TestFormatsCarrySubtrees(t *testing.T) {
	dir := files(t)
	write(t, filepath.Join(dir, "other.txt"), "another file")
	t.Run("django", func(t *testing.T) {
		keys := write(t, filepath.Join(t.TempDir(), "keys.txt"), secretKey(t))
		flags := []string{"-format", "django", "-salt", "files", "-max-age", "5m", "-key-file", keys}
		if code, _, stderr := try(t, "", with("link", flags, "-under", "kyc", "kyc/card.txt")...); code != cli.ExitUsage {
			t.Errorf("without -subtree-tokens: exit code %d, want 2\n%s", code, stderr)
		}
		flags = append(flags, "-subtree-tokens")
		p := start(t, with("-dir", dir, flags)...)
		link := ok(t, with("link", flags, "-under", "kyc", "kyc/card.txt")...)
		if got := p.open(link); got != 200 {
			t.Errorf("status %d, want 200", got)
		}
		if got := p.open(strings.Replace(link, "kyc/card.txt", "other.txt", 1)); got != 403 {
			t.Errorf("outside: status %d, want 403", got)
		}
		p.Stop()
	})
	t.Run("cloudfront, in cookies", func(t *testing.T) {
		keys := write(t, filepath.Join(t.TempDir(), "keys.txt"), keyPair(t))
		flags := []string{"-format", "cloudfront", "-origin", "https://cdn.example.com", "-key-file", keys}
		cookie := ok(t, with("link", flags, "-cloudfront-cookies", "-under", "kyc")...)
		for name, status := range map[string]int{"kyc/card.txt": 200, "other.txt": 403} {
			p := start(t, with("-dir", dir, flags, "-cloudfront-cookies")...)
			if got, _ := p.Get("/files/"+name, "Host", "cdn.example.com", "Cookie", cookie); got != status {
				t.Errorf("%s: status %d, want %d", name, got, status)
			}
			p.Stop()
		}
		args := with("check", flags, "-header", "Cookie: "+cookie, "/files/kyc/card.txt")
		if code, out, _ := try(t, "", args...); code != cli.ExitFailed || !strings.Contains(out, "FAIL unsigned") {
			t.Errorf("check without -cloudfront-cookies: exit code %d\n%s", code, out)
		}
		ok(t, slices.Insert(args, 1, "-cloudfront-cookies")...)
	})
}

// The beginning of a link must not move into the future unless that was asked
// for: the link would not work yet.
func TestLinksOfFormatsWithALongestLifeWorkAtOnce(t *testing.T) {
	t.Setenv(formats.Variable, secretKey(t))
	args := []string{"link", "-format", "django", "-max-age", "2m"}
	link := ok(t, with(args, "card.txt")...) // -lifetime is 15m by default
	ok(t, "check", "-format", "django", "-max-age", "2m", link)
	code, _, stderr := try(t, "", with(args, "-lifetime", "3m", "card.txt")...)
	if code != cli.ExitUsage || !strings.Contains(stderr, "live for at most 2m0s") {
		t.Errorf("a longer life: exit code %d\n%s", code, stderr)
	}
	t.Setenv(formats.Variable, accessKey(t))
	for _, flags := range [][]string{{"-format", "gcs"}, {"-format", "s3", "-region", "auto"}} {
		link := ok(t, with("link", flags, "-lifetime", "168h", "card.txt")...)
		ok(t, with("check", flags, link)...)
		if code, _, _ := try(t, "", with("link", flags, "-lifetime", "169h", "card.txt")...); code != cli.ExitUsage {
			t.Errorf("%v: exit code %d for more than seven days, want 2", flags, code)
		}
	}
}

func TestMistakesWithFormatsGetAClearError(t *testing.T) {
	dir := files(t)
	app := []string{"-format", "laravel", "-origin", "https://app.example.com"}
	dj := []string{"-format", "django", "-max-age", "15m"}
	cdn := []string{"-format", "cloudfront", "-origin", "https://cdn.example.com"}
	region := []string{"-format", "s3", "-region", "us-east-1"}
	const secret = "0123456789abcdef0123456789abcdef-secret"
	const id = "AKIATESTONLY00000000"
	private := keyPair(t)
	_, private, _ = strings.Cut(private, "\n")
	public := publicKey(t)
	account := serviceAccount(t)
	for _, test := range []struct {
		name string
		keys string
		args []string
		code int
		want string
	}{
		{"a flag of another format", secret, with("-dir", dir, app, "-salt", "files"), cli.ExitUsage, "-salt is for the format django, and this is laravel"},
		{"an origin for Django", secret, with("-dir", dir, dj, "-origin", "https://a.example"), cli.ExitUsage, "cloudfront and laravel"},
		{"a flag of another format for our own", "", with("-dir", dir, "-region", "us-east-1"), cli.ExitUsage, "-region is for the format s3"},
		{"a flag of another format for the demonstration", "", with("-any-host"), cli.ExitUsage, "-any-host is for the format"},
		{"cookies for Laravel", secret, with("-dir", dir, app, "-cookie", "files"), cli.ExitUsage, "-cookie is for the format signedurl"},
		{"cookies of a name for CloudFront", id + "\n" + private, with("-dir", dir, cdn, "-cookie", "files"), cli.ExitUsage, "-cookie is for the format signedurl"},
		{"revocations without ids", secret, with("-dir", dir, dj, "-revoked", "revoked.txt"), cli.ExitUsage, "-revoked is for the format signedurl"},
		{"permanent links of S3", id + ":" + secret, with("-dir", dir, region, "-allow-permanent"), cli.ExitUsage, "-allow-permanent is for"},
		{"check with a flag of another format", secret, with("check", app, "-max-age", "1m", "/files/a"), cli.ExitUsage, "-max-age is for the format django"},
		{"link with a flag of another format", secret, with("link", app, "-max-age", "1m", "a"), cli.ExitUsage, "-max-age is for the format django"},

		{"no keys of another format", "", with("-dir", dir, app), cli.ExitUsage, "-h describes the keys of laravel"},
		{"an origin with a path", secret, with("-dir", dir, "-format", "laravel", "-origin", "https://app.example.com/a"), cli.ExitUsage, "the origin must be"},
		{"any host for relative links", secret, with("-dir", dir, "-format", "laravel", "-any-host"), cli.ExitUsage, "-format laravel: relative links are good for any host; leave AnyHost unset"},
		{"a short APP_KEY", "base64:c2VjcmV0", with("-dir", dir, app), cli.ExitFailed, "SIGNEDURL_KEYS: line 1: laravel: a key is shorter than 16 bytes; generate one with php artisan key:generate, or set InsecureShortKeys"},
		{"a short previous key", secret + "\n\nshort-secret", with("-dir", dir, app), cli.ExitFailed, "line 3: laravel: a key is shorter"},
		{"keys that are blank", " \n\t\n", with("-dir", dir, app), cli.ExitFailed, "there is no key in it"},
		{"a comment that would be a key", secret + "\n# the old key of last year", with("-dir", dir, app), cli.ExitFailed, "line 2: it begins with #"},
		{"a key that is taken out as a comment", "#" + secret + "\n" + secret, with("-dir", dir, dj), cli.ExitFailed, "line 1: it begins with #"},
		{"parameters that cannot be ignored", secret, with("-dir", dir, app, "-format-ignore", "expires"), cli.ExitUsage, `"expires" cannot be ignored`},

		{"tokens for ever", secret, with("-dir", dir, "-format", "django", "-salt", "files"), cli.ExitUsage, "set -max-age, or -allow-permanent"},
		{"tokens without a time that expire", secret, with("-dir", dir, dj, "-untimed"), cli.ExitUsage, "-format django: MaxAge needs tokens that hold a time; unset Untimed"},
		{"a negative age", secret, with("-dir", dir, "-format", "django", "-max-age", "-1m"), cli.ExitUsage, "for flag -max-age: it must not be negative"},
		{"a member of no object", secret, with("-dir", dir, dj, "-member", "path"), cli.ExitUsage, "-format django: Member needs Object"},
		{"a hash that is none", secret, with("-dir", dir, dj, "-hash", "md5"), cli.ExitUsage, "it must be sha1, sha256 or sha512"},
		{"a separator that may be in a token", secret, with("-dir", dir, dj, "-separator", "a"), cli.ExitUsage, `the separator "a"`},
		{"a parameter that needs escapes", secret, with("-dir", dir, dj, "-parameter", "a b"), cli.ExitUsage, `the parameter "a b"`},
		{"a short SECRET_KEY", "short-secret", with("-dir", dir, dj), cli.ExitFailed, "line 1: django: a key is shorter than 32 bytes"},
		{"link for ever with an age", secret, with("link", dj, "-permanent", "a"), cli.ExitUsage, "no place for Claims.Permanent"},

		{"CloudFront without an origin", id + "\n" + private, with("-dir", dir, "-format", "cloudfront"), cli.ExitUsage, "-origin is missing"},
		{"a key pair without its id", private, with("-dir", dir, cdn), cli.ExitFailed, "line 1: the name of the key is missing on a line before it"},
		{"a key pair without its first line", private[strings.IndexByte(private, '\n')+1:], with("-dir", dir, cdn), cli.ExitFailed, "line 1: a key-pair id must be followed by a key"},
		{"an id with a space", "my key\n" + private, with("-dir", dir, cdn), cli.ExitFailed, "line 1: cloudfront: a key-pair id is"},
		{"two keys below one id", "# keys\n" + id + "\n" + private + private, with("-dir", dir, cdn), cli.ExitFailed, "line 2: cloudfront: key " + id + ": the text holds more than one key"},
		{"two keys of one id", id + "\n" + private + id + "\n" + private, with("-dir", dir, cdn), cli.ExitFailed, "two keys have the id"},
		{"link with a public key", id + "\n" + public, with("link", cdn, "a"), cli.ExitFailed, "cannot sign"},
		{"link with two networks", id + "\n" + private, with("link", cdn, "-network", "192.0.2.0/25,192.0.2.128/25", "a"), cli.ExitUsage, "no place for more than one network"},
		{"link to another origin", id + "\n" + private, with("link", cdn, "-base-url", "https://other.example/files/", "a"), cli.ExitFailed, "not one of the origin"},
		{"link with a CloudFront cookie and a name", id + "\n" + private, with("link", cdn, "-cloudfront-cookies", "-under", "a", "a/b"), cli.ExitUsage, "takes no name"},

		{"JSON that is no key", `{"private_key": "` + secret + `"}`, with("-dir", dir, "-format", "gcs"), cli.ExitFailed, "key file 1: "},
		{"JSON that is cut off", account + "\n" + account[:len(account)-1], with("-dir", dir, "-format", "gcs"), cli.ExitFailed, "key file 2 is not JSON"},
		{"a line that is no HMAC key", "GOOGTEST" + secret, with("-dir", dir, "-format", "gcs"), cli.ExitFailed, "line 1: it is neither"},
		{"an elliptic key of an account", "a@b.example\n" + public, with("-dir", dir, "-format", "gcs"), cli.ExitFailed, "line 1: what follows it is not one RSA public key"},
		{"a private key below an account", "a@b.example\n" + private, with("-dir", dir, "-format", "gcs"), cli.ExitFailed, "line 1: what follows it"},
		{"a host with a scheme", id + ":" + secret, with("-dir", dir, "-format", "gcs", "-signed-host", "https://a.example"), cli.ExitUsage, "-signed-host is a host"},
		{"a host in upper case", id + ":" + secret, with("-dir", dir, region, "-signed-host", "S3.example.com"), cli.ExitUsage, "-format s3: Host must be host[:port] in lower-case"},
		{"link without a host", id + ":" + secret, with("link", "-format", "gcs", "-base-url", "/files/", "a"), cli.ExitFailed, "neither the URL nor the Options name one"},
		{"link to a subtree of Cloud Storage", id + ":" + secret, with("link", "-format", "gcs", "-under", "a", "a/b"), cli.ExitUsage, "no place for Claims.Under"},

		{"S3 without a region", id + ":" + secret, with("-dir", dir, "-format", "s3"), cli.ExitUsage, "-region is missing"},
		{"a region with a slash", id + ":" + secret, with("-dir", dir, "-format", "s3", "-region", "us/east"), cli.ExitUsage, "a region is"},
		{"a secret without its id", secret, with("-dir", dir, region), cli.ExitFailed, "line 1: it is not ACCESS_KEY_ID:SECRET_ACCESS_KEY"},
		{"a key in three parts", id + ":" + secret + " a b", with("-dir", dir, region), cli.ExitFailed, "line 1: it is not"},
		{"a short secret", "\n" + id + ":short-secret", with("-dir", dir, region), cli.ExitFailed, "line 2: the secret has 12 bytes"},
		{"link for ever", id + ":" + secret, with("link", region, "-permanent", "a"), cli.ExitUsage, "no place for Claims.Permanent"},
		{"link with uses", secret, with("link", app, "-uses", "3", "a"), cli.ExitUsage, "no place for Claims.ID"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(formats.Variable, test.keys)
			if strings.HasPrefix(test.args[0], "-") {
				test.args = append(test.args, "-addr", "127.0.0.1:0")
			}
			code, stdout, stderr := try(t, "", test.args...)
			if code != test.code || !strings.Contains(stderr, test.want) || stdout != "" {
				t.Errorf("exit code %d, want %d, and on the standard error %q:\n%s%s", code, test.code, test.want, stderr, stdout)
			}
			for line := range strings.Lines(private) {
				if line = strings.TrimSpace(line); strings.Contains(stderr, line) || strings.Contains(stderr, "secret\"") ||
					strings.Contains(stderr, secret) || strings.Contains(stderr, "short-secret") || strings.Contains(stderr, "c2VjcmV0") {
					t.Fatalf("the error quotes a secret:\n%s", stderr)
				}
			}
		})
	}
}

func publicKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, "PUBLIC KEY", key.Public())
}

// Google publishes the public keys of accounts as certificates.
func TestCertificatesVerifyLinksOfServiceAccounts(t *testing.T) {
	const email = "files@project.iam.gserviceaccount.com"
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: email}, NotBefore: now, NotAfter: now.Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := json.Marshal(map[string]string{"client_email": email, "private_key": pemOf(t, "PRIVATE KEY", key)})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(formats.Variable, string(private))
	link := ok(t, "link", "-format", "gcs", "-base-url", "https://storage.googleapis.com/bucket/", "card.txt")
	t.Setenv(formats.Variable, fmt.Sprintf("%s\n%s", email, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})))
	ok(t, "check", "-format", "gcs", link)
}

func TestHelpDescribesTheKeysOfEveryFormat(t *testing.T) {
	for _, command := range []string{"serve", "link", "check"} {
		if help := ok(t, command, "-h"); !strings.Contains(help, strings.TrimSpace(formats.Help())) {
			t.Errorf("%s -h does not describe keys:\n%s", command, help)
		}
	}
}
