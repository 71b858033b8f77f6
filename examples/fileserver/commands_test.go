package main

import (
	"bytes"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/examples/internal/server"
)

// A link that check accepts may be refused all the same, by what it does not know.
func TestCheckSaysWhatItDoesNotKnow(t *testing.T) {
	keys := newKeys(t, "k1")
	list := filepath.Join(t.TempDir(), "revoked")
	ok(t, "revoke", "-file", list)
	for _, test := range []struct {
		name        string
		link, check []string
		want        string
	}{
		{"a link without an id", nil, nil, "accepted"},
		{"an id", []string{"-id", "a"}, nil, "but not asked: whether the id is revoked"},
		{"an id and a list", []string{"-id", "a"}, []string{"-revoked", list}, "accepted"},
		{"uses", []string{"-uses", "2"}, nil, "but not asked: whether the id is revoked, and whether uses are left"},
		{"uses and a list", []string{"-uses", "2"}, []string{"-revoked", list}, "but not asked: whether uses are left"},
	} {
		link := linkTo(t, keys, append(test.link, "kyc/card.txt")...)
		out := ok(t, append(append([]string{"check", "-key-file", keys}, test.check...), link)...)
		if lines := strings.Split(out, "\n"); lines[len(lines)-1] != test.want {
			t.Errorf("%s: the last line is not %q:\n%s", test.name, test.want, out)
		}
	}
}

func TestMistakesGetAClearErrorAndAnExitCode(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := files(t)
	const secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
	bad := write(t, filepath.Join(t.TempDir(), "bad.txt"), "# keys\n\nk1:hmac-sha256:"+secret+"\n")
	public := filepath.Join(t.TempDir(), "ed.txt")
	ok(t, "keygen", "-type", "ed25519", "-out", public)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	link := linkTo(t, keys, "kyc/card.txt")
	for _, test := range []struct {
		name string
		args []string
		code int
		want string // on the standard error
	}{
		{"no such command", []string{"frobnicate"}, cli.ExitUsage, "there is no command"},
		{"no such flag", []string{"serve", "-x"}, cli.ExitUsage, "not defined: -x"},
		{"an argument too many", []string{"serve", "directory"}, cli.ExitUsage, "one too many"},
		{"a flag after the arguments", []string{"link", "card.txt", "-lifetime", "1m"}, cli.ExitUsage, "flags go before"},
		{"no such directory", []string{"-dir", dir + "/none", "-key-file", keys}, cli.ExitFailed, "there is no such directory"},
		{"a file as the directory", []string{"-dir", keys, "-key-file", keys}, cli.ExitFailed, "cannot serve the directory"},
		{"a directory without a key", []string{"-dir", dir}, cli.ExitUsage, "there is no key"},
		{"no such key file", []string{"-dir", dir, "-key-file", "none.txt"}, cli.ExitFailed, "none.txt: no such file"},
		{"a bad key file", []string{"-dir", dir, "-key-file", bad}, cli.ExitFailed, "bad.txt: line 3: key k1: the secret has 20 bytes and needs at least 32; generate a random one; 'fileserver keygen' makes a key"},
		{"no such format", []string{"-dir", dir, "-key-file", keys, "-format", "none"}, cli.ExitUsage, "there is no format"},
		{"a demonstration in another format", []string{"-format", "none"}, cli.ExitUsage, "set -dir"},
		{"a demonstration that cannot sign", []string{"-key-file", public + ".pub"}, cli.ExitFailed, "a key that can sign"},
		{"uploads of the demonstration", []string{"-uploads"}, cli.ExitUsage, "uploads of its own"},
		{"a check that anyone may ask", []string{"-key-file", keys, "-forward-auth", "nginx"}, cli.ExitUsage, "-forward-auth needs -trusted-proxy"},
		{"a check for no proxy", []string{"-key-file", keys, "-forward-auth", "squid", "-trusted-proxy", "127.0.0.1"}, cli.ExitUsage, "nginx, caddy, traefik or envoy"},
		{"a check at the health", []string{"-key-file", keys, "-forward-auth", "nginx", "-forward-auth-path", "/healthz", "-trusted-proxy", "127.0.0.1"}, cli.ExitUsage, "where the health check is"},
		{"a check at no path", []string{"-key-file", keys, "-forward-auth", "nginx", "-forward-auth-path", "verify", "-trusted-proxy", "127.0.0.1"}, cli.ExitUsage, "must be a path"},
		{"a path without a check", []string{"-dir", dir, "-key-file", keys, "-forward-auth-path", "/verify"}, cli.ExitUsage, "-forward-auth-path needs -forward-auth"},
		{"uploads without files", []string{"-key-file", keys, "-forward-auth", "nginx", "-trusted-proxy", "127.0.0.1", "-uploads"}, cli.ExitUsage, "-uploads is for the files of -dir"},
		{"a check without a key", []string{"-forward-auth", "nginx", "-trusted-proxy", "127.0.0.1"}, cli.ExitUsage, "there is no key"},
		{"a demonstration that a proxy sends", []string{"-x-accel", "/protected/"}, cli.ExitUsage, "are for the files of -dir"},
		{"two proxies that send the files", []string{"-dir", dir, "-key-file", keys, "-x-accel", "/protected/", "-x-sendfile"}, cli.ExitUsage, "exclude each other"},
		{"a location without a slash", []string{"-dir", dir, "-key-file", keys, "-x-accel", "/protected"}, cli.ExitUsage, "slash at its end"},
		{"a limit of uploads without uploads", []string{"-dir", dir, "-key-file", keys, "-upload-max", "1MB"}, cli.ExitUsage, "-upload-max needs -uploads"},
		{"no slots", []string{"-dir", dir, "-key-file", keys, "-uploads", "-upload-slots", "0"}, cli.ExitUsage, "-upload-slots must be positive"},
		{"limits of an upload without an upload", []string{"link", "-key-file", keys, "-max-bytes", "1MB", "a"}, cli.ExitUsage, "add -method PUT"},
		{"two lists of methods", []string{"link", "-key-file", keys, "-method", "PUT", "-methods", "GET", "a"}, cli.ExitUsage, "another name"},
		{"a digest that is none", []string{"link", "-key-file", keys, "-method", "PUT", "-sha256", "abc", "a"}, cli.ExitUsage, "64 hexadecimal digits"},
		{"no name", []string{"link", "-key-file", keys}, cli.ExitUsage, "the name of a file is missing"},
		{"a port in use", []string{"-addr", taken.Addr().String()}, cli.ExitFailed, "the port is in use"},
		{"a port of the metrics in use", []string{"-addr", "127.0.0.1:0", "-metrics", taken.Addr().String()}, cli.ExitFailed, "choose another one with -metrics"},
		{"a bad key file while the port is in use", []string{"-addr", taken.Addr().String(), "-dir", dir, "-key-file", bad}, cli.ExitFailed, "bad.txt: line 3"},
		{"a demonstration that cannot sign while the port is in use", []string{"-addr", taken.Addr().String(), "-key-file", public + ".pub"}, cli.ExitFailed, "a key that can sign"},
		{"a bad base while the port is in use", []string{"-addr", taken.Addr().String(), "-base-url", "/%7Bfiles%7D/"}, cli.ExitUsage, "brace"},
		{"an address that is none", []string{"-addr", "nowhere"}, cli.ExitFailed, "cannot listen on nowhere (-addr)"},
		{"a base that is no URL", []string{"-base-url", "http://[::1"}, cli.ExitUsage, "the base is no URL"},
		{"a base without a slash", []string{"-base-url", "/files"}, cli.ExitUsage, "the path of the base"},
		{"a base with a query", []string{"-base-url", "/files/?a=b"}, cli.ExitUsage, "the base \"/files/?a=b\" must be a path"},
		{"a base over the demonstration", []string{"-base-url", "/"}, cli.ExitUsage, "must lie below"},
		{"a base with a brace", []string{"-base-url", "/%7Bfiles%7D/"}, cli.ExitUsage, "brace"},
		{"a prefix beside the base", []string{"-prefix", "/fil"}, cli.ExitUsage, "must begin with Verify.Prefix"},
		{"a prefix with a slash", []string{"-base-url", "/a/files/", "-prefix", "/a/"}, cli.ExitUsage, "must begin with Verify.Prefix"},
		{"a certificate without its key", []string{"-tls-cert", "cert.pem"}, cli.ExitUsage, "need each other"},
		{"no such certificate", []string{"-tls-cert", "none.pem", "-tls-key", "none.pem"}, cli.ExitFailed, "cannot read the TLS certificate"},
		{"several mistakes at once", []string{"-expired-status", "200", "-cookie", "a b"}, cli.ExitUsage, "Cookie is not a cookie name: \"a b\"\nExpiredStatus is 200"},
		{"a status for the expired", []string{"-expired-status", "200"}, cli.ExitUsage, "404 or 410"},
		{"a lifetime of nothing", []string{"-lifetime", "0"}, cli.ExitUsage, "-lifetime must be a second or more"},
		{"a negative leeway", []string{"-leeway", "-1s"}, cli.ExitUsage, "negative"},
		{"a cookie's name that is none", []string{"-cookie", "a b"}, cli.ExitUsage, "not a cookie name"},
		{"a store that is none", []string{"-uses", "redis"}, cli.ExitUsage, "memory or off"},
		{"a window without a store", []string{"-uses", "off", "-use-window", "1m"}, cli.ExitUsage, "need -uses"},
		{"a confirmation without a store", []string{"-uses", "off", "-confirm"}, cli.ExitUsage, "need -uses"},
		{"a confirmation for a proxy", []string{"-key-file", keys, "-forward-auth", "nginx", "-trusted-proxy", "127.0.0.1", "-confirm"}, cli.ExitUsage, "does not go with -forward-auth"},
		{"a proxy that is none", []string{"-trusted-proxy", "here"}, cli.ExitUsage, "neither an address nor a network"},
		{"a binding from nowhere", []string{"-binding", "session=query:sid"}, cli.ExitUsage, "from a cookie or a header"},
		{"two bindings of a name", []string{"-binding", "session=cookie:a", "-binding", "session=cookie:b"}, cli.ExitUsage, "twice"},
		{"a binding of the demonstration's own name", []string{"-binding", "session=cookie:a"}, cli.ExitUsage, "the demonstration has a binding"},
		{"a directory that a script forgot", []string{"-dir", "", "-key-file", keys}, cli.ExitUsage, "flag -dir: the value is empty"},
		{"revocations that a script forgot", []string{"-dir", dir, "-key-file", keys, "-revoked", ""}, cli.ExitUsage, "flag -revoked: the value is empty"},
		{"two directories", []string{"-dir", dir, "-dir", dir + "/kyc", "-key-file", keys}, cli.ExitUsage, "flag -dir: the flag is given twice"},
		{"a switch on and off", []string{"-listing", "-listing=false"}, cli.ExitUsage, "for -listing: the flag is given twice"},
		{"two durations", []string{"-leeway", "1s", "-leeway", "2s"}, cli.ExitUsage, "flag -leeway: the flag is given twice"},
		{"two numbers", []string{"-expired-status", "404", "-expired-status", "410"}, cli.ExitUsage, "flag -expired-status: the flag is given twice"},
		{"a lifetime of links that are not made", []string{"-dir", dir, "-key-file", keys, "-lifetime", "1m"}, cli.ExitUsage, "-lifetime is for the demonstration"},
		{"a log that is none", []string{"-log", "xml"}, cli.ExitUsage, "text or json"},
		{"revocations that are not there", []string{"-revoked", "none.txt"}, cli.ExitFailed, "makes an empty one"},

		{"link without a name", []string{"link", "-key-file", keys}, cli.ExitUsage, "name of a file is missing"},
		{"link without a key", []string{"link", "card.txt"}, cli.ExitUsage, "there is no key"},
		{"link with a public key", []string{"link", "-key-file", public + ".pub", "card.txt"}, cli.ExitFailed, "cannot sign"},
		{"link to a name that leaves", []string{"link", "-key-file", keys, "../card.txt"}, cli.ExitFailed, "cannot link to the name"},
		{"link to a hidden file", []string{"link", "-key-file", keys, ".well-known/x"}, cli.ExitFailed, "as those of hidden files do"},
		{"link to a hidden directory", []string{"link", "-key-file", keys, "-under", "kyc/.git", "-cookie", "c"}, cli.ExitFailed, "as those of hidden files do"},
		{"link to a hidden file of a directory", []string{"link", "-key-file", keys, "-under", "kyc", "kyc/.env"}, cli.ExitFailed, "as those of hidden files do"},
		{"link to a name with a backslash", []string{"link", "-key-file", keys, `kyc\card.txt`}, cli.ExitFailed, "a backslash"},
		{"link to a name that is not UTF-8", []string{"link", "-key-file", keys, "card\xff.txt"}, cli.ExitFailed, "not UTF-8"},
		{"link below a base with a brace", []string{"link", "-key-file", keys, "-base-url", "/%7Bfiles%7D/", "card.txt"}, cli.ExitUsage, "-base-url: the base \"/%7Bfiles%7D/\" has a brace"},
		{"link without a life", []string{"link", "-key-file", keys, "-lifetime", "-1m", "card.txt"}, cli.ExitUsage, "must not be negative"},
		{"link for less than a second", []string{"link", "-key-file", keys, "-lifetime", "999ms", "card.txt"}, cli.ExitUsage, "a second or more"},
		{"link for days that are none", []string{"link", "-key-file", keys, "-lifetime", "d", "card.txt"}, cli.ExitUsage, "not a duration such as"},
		{"link for more days than there are", []string{"link", "-key-file", keys, "-lifetime", "106752d", "card.txt"}, cli.ExitUsage, "not a duration such as"},
		{"link until a time in the past", []string{"link", "-key-file", keys, "-expires", "2020-01-01T00:00:00Z", "card.txt"}, cli.ExitUsage, "2020-01-01T00:00:00Z is in the past"},
		{"link until a date in the past", []string{"link", "-key-file", keys, "-expires", "2020-01-01", "card.txt"}, cli.ExitUsage, "2020-01-02T00:00:00Z is in the past"},
		{"link until a date that is none", []string{"link", "-key-file", keys, "-expires", "2100-02-29", "card.txt"}, cli.ExitUsage, "neither a time"},
		{"link until some time ago", []string{"link", "-key-file", keys, "-expires", "-1h", "card.txt"}, cli.ExitUsage, "is in the past"},
		{"link with two subtrees", []string{"link", "-key-file", keys, "-under", "a", "-subtree", "b", "a/card.txt"}, cli.ExitUsage, "use one of them"},
		{"link with two expiries", []string{"link", "-key-file", keys, "-expires", "1h", "-expires", "2h", "card.txt"}, cli.ExitUsage, "flag -expires: the flag is given twice"},
		{"link with two ends", []string{"link", "-key-file", keys, "-lifetime", "1m", "-expires", "1h", "card.txt"}, cli.ExitUsage, "exclude each other"},
		{"link for ever with an end", []string{"link", "-key-file", keys, "-permanent", "-expires", "1h", "card.txt"}, cli.ExitUsage, "no lifetime"},
		{"link until a time that is none", []string{"link", "-key-file", keys, "-expires", "tomorrow", "card.txt"}, cli.ExitUsage, "neither a time"},
		{"link that begins after its end", []string{"link", "-key-file", keys, "-from", "1h", "card.txt"}, cli.ExitFailed, "expire before"},
		{"link outside its subtree", []string{"link", "-key-file", keys, "-under", "kyc", "other/card.txt"}, cli.ExitUsage, "is not below"},
		{"link as a cookie without a subtree", []string{"link", "-key-file", keys, "-cookie", "c"}, cli.ExitUsage, "needs -under"},
		{"link as a cookie with a name", []string{"link", "-key-file", keys, "-cookie", "c", "-under", "kyc", "kyc/card.txt"}, cli.ExitUsage, "takes no name"},
		{"link bound to nothing", []string{"link", "-key-file", keys, "-bind", "session", "card.txt"}, cli.ExitUsage, server.BindingVariable},
		{"link without uses", []string{"link", "-key-file", keys, "-uses", "0", "card.txt"}, cli.ExitUsage, "must be positive"},
		{"link from nowhere", []string{"link", "-key-file", keys, "-network", "10.0.0.0/64", "card.txt"}, cli.ExitUsage, "neither an address nor a network"},
		{"link with a method in lower case", []string{"link", "-key-file", keys, "-methods", "get", "card.txt"}, cli.ExitFailed, "not an HTTP method"},
		{"link that ignores everything", []string{"link", "-key-file", keys, "-ignore", "*", "card.txt"}, cli.ExitFailed, "not * alone"},
		{"link below a base that is none", []string{"link", "-key-file", keys, "-base-url", "files", "card.txt"}, cli.ExitUsage, "-base-url"},

		{"check without a link", []string{"check", "-key-file", keys}, cli.ExitUsage, "an argument is missing"},
		{"check what is no link", []string{"check", "-key-file", keys, "card.txt"}, cli.ExitUsage, "must begin with"},
		{"check with an address that is none", []string{"check", "-key-file", keys, "-addr", "here", link}, cli.ExitUsage, "not an address"},
		{"check with a field that is none", []string{"check", "-key-file", keys, "-header", "Cookie", link}, cli.ExitUsage, "'Name: value'"},
		{"check an empty input", []string{"check", "-key-file", keys, "-"}, cli.ExitUsage, "is empty"},

		{"keygen of a type that is none", []string{"keygen", "-type", "rsa"}, cli.ExitUsage, "hmac or ed25519"},
		{"keygen with an id that is none", []string{"keygen", "-id", "a b"}, cli.ExitUsage, "a key id is"},
		{"keygen over a file", []string{"keygen", "-out", keys}, cli.ExitFailed, "file exists"},
		{"revoke until a time in the past", []string{"revoke", "-file", filepath.Join(dir, "new.txt"), "-until", "2020-01-01", "case-42"}, cli.ExitUsage, "is in the past"},
		{"revoke without a file", []string{"revoke", "case-42"}, cli.ExitUsage, "-file is missing"},
		{"revoke in what is no list", []string{"revoke", "-file", keys, "case-42"}, cli.ExitFailed, "it is no file of revocations"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(formats.Variable, "")
			t.Setenv(server.BindingVariable, "")
			code, stdout, stderr := try(t, "", test.args...)
			if code != test.code || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, want %d, and on the standard error %q:\n%s", code, test.code, test.want, stderr)
			}
			if stdout != "" {
				t.Errorf("the standard output has %q", stdout)
			}
			if strings.Contains(stderr, secret) || strings.Contains(stderr, "signature=") {
				t.Errorf("the error quotes a secret:\n%s", stderr)
			}
		})
	}
}

func TestHelpIsNoMistake(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"help"}, {"serve", "-h"}, {"link", "-h"}, {"narrow", "-h"}, {"check", "-help"}, {"keygen", "--help"}, {"revoke", "-h"}} {
		code, stdout, stderr := try(t, "", args...)
		if code != cli.ExitOK || !strings.HasPrefix(stdout, "Usage: fileserver") || stderr != "" {
			t.Errorf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestKeysComeFromTheEnvironmentOrAFile(t *testing.T) {
	file := newKeys(t, "k1")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(formats.Variable, string(text))
	link := ok(t, "link", "card.txt")
	ok(t, "check", link)
	if code, _, stderr := try(t, "", "link", "-key-file", file, "card.txt"); code != cli.ExitUsage || !strings.Contains(stderr, "use one of them") {
		t.Errorf("with both: exit code %d\n%s", code, stderr)
	}
	t.Setenv(formats.Variable, "")
	ok(t, "check", "-key-file", file, link)
}

func TestTheEnvironmentCanSetTheFlagsOfTheServer(t *testing.T) {
	keys := newKeys(t, "k1")
	t.Setenv(formats.Variable, "")
	t.Setenv(formats.FileVariable, keys)
	t.Setenv("SIGNEDURL_BASE_URL", "/private/")
	t.Setenv("SIGNEDURL_DIR", files(t))
	t.Setenv("SIGNEDURL_BINDING", "user=cookie:user") // and the value of none
	link := ok(t, "link", "-base-url", "/private/", "kyc/card.txt")
	if status, _ := start(t).Get(link); status != 200 {
		t.Errorf("%s: status %d, want 200", link, status)
	}
	ok(t, "check", link)
	t.Setenv("SIGNEDURL_MAX_LIFETIME", "long")
	if code, _, stderr := try(t, "", "serve"); code != cli.ExitUsage || !strings.Contains(stderr, "SIGNEDURL_MAX_LIFETIME: the value of max-lifetime is wrong") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
}

func TestVersionNamesTheProgram(t *testing.T) {
	if out := ok(t, "version"); !strings.HasPrefix(out, "fileserver ") || !strings.Contains(out, "\ncommit ") {
		t.Errorf("version prints %s", out)
	}
}

func TestWhiteSpaceSeparatesKeysInTheEnvironment(t *testing.T) {
	key := func(id string) (text, link string) {
		t.Helper()
		text = ok(t, "keygen", "-id", id)
		t.Setenv(formats.Variable, text)
		return text, linkOf(t, "kyc/card.txt")
	}
	old, oldLink := key("old")
	fresh, freshLink := key("fresh")
	for _, text := range []string{
		fresh + " " + old,
		fresh + "\t\t" + old + " ",
		" " + fresh + "\r\n" + old,
		"# the keys: " + old + "x\n" + fresh + " " + old + "\n  # and no more\n",
	} {
		p := startWith(t, text, "-dir", files(t))
		for _, link := range []string{oldLink, freshLink} {
			if status, _ := p.Get(link); status != 200 {
				t.Errorf("with the keys %q, %s: status %d, want 200", text, link, status)
			}
		}
		p.Stop()
		t.Setenv(formats.Variable, text)
		if link := linkOf(t, "kyc/card.txt"); !strings.Contains(link, "signed_by=fresh&") {
			t.Errorf("with the keys %q, %s is not signed by the first one", text, link)
		}
	}
	// A file has one key a line.
	file := write(t, filepath.Join(t.TempDir(), "keys.txt"), fresh+" "+old)
	t.Setenv(formats.Variable, "")
	if code, _, stderr := try(t, "", "link", "-key-file", file, "card.txt"); code != cli.ExitFailed || !strings.Contains(stderr, "line 1") {
		t.Errorf("from a file: exit code %d\n%s", code, stderr)
	}
}

// linkOf is linkTo with the keys of the environment.
func linkOf(t *testing.T, name string) string {
	t.Helper()
	return ok(t, "link", "-base-url", "/files/", name)
}

func TestGeneratedKeysAreKeptFromOthers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "ed.txt")
	ok(t, "keygen", "-type", "ed25519", "-id", "2026a", "-out", name)
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the mode of the key is %v, want 0600", info.Mode().Perm())
	}
	link := ok(t, "link", "-key-file", name, "card.txt")
	ok(t, "check", "-key-file", name+".pub", link)

	// What goes to the standard output is a key file too.
	out := ok(t, "keygen", "-type", "ed25519")
	if !strings.Contains(out, "\n# public: ") {
		t.Errorf("keygen prints %s", out)
	}
	t.Setenv(formats.Variable, out)
	link = ok(t, "link", "card.txt")
	if !regexp.MustCompile(`signed_by=\d{8}-[a-z0-9]{6}&`).MatchString(link) {
		t.Errorf("without -id, the key's id is the one in %s", link)
	}
}

func TestALinkSaysWhatItsFlagsSay(t *testing.T) {
	keys := newKeys(t, "k1")
	link := ok(t, "link", "-key-file", keys, "-base-url", "https://cdn.example.com/f/",
		"-expires", "2100-01-01T00:00:00Z", "-from", "2026-01-01T00:00:00Z", "-methods", "GET,PUT", "-host", "cdn.example.com",
		"-network", "192.0.2.0/24", "-network", "2001:db8::1", "-bind", "session=s1", "-id", "case-42", "-uses", "3",
		"-ignore", "utm_*", "-as", "card.jpg", "-type", "image/jpeg", "kyc/card 1.jpg")
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := u.Scheme+"://"+u.Host+u.EscapedPath(), "https://cdn.example.com/f/kyc/card%201.jpg"; got != want {
		t.Errorf("the link leads to %s, want %s", got, want)
	}
	got := u.Query()
	got.Del("signature")
	want := url.Values{
		"expires_at": {"4102444800"}, "signed_by": {"k1"}, "signed_from": {"1767225600"}, "signed_methods": {"GET,PUT"},
		"signed_host": {"cdn.example.com"}, "signed_ip": {"192.0.2.0/24,2001:db8::1"}, "signed_for": {"session"}, "signed_id": {"case-42"},
		"signed_uses": {"3"}, "signed_ignore": {"utm_*"}, "signed_as": {"card.jpg"}, "signed_type": {"image/jpeg"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the link's parameters (-want +got):\n%s", diff)
	}
	check := []string{"check", "-key-file", keys, "-method", "PUT", "-addr", "192.0.2.9", "-bind", "session=s1"}
	ok(t, append(check, link)...)
	ok(t, append(check, link+"&utm_source=mail")...)

	// The value of a binding can be a secret, and then it is in no flag.
	t.Setenv(server.BindingVariable, "s1")
	ok(t, "check", "-key-file", keys, "-bind", "session=s1", ok(t, "link", "-key-file", keys, "-bind", "session", "card.jpg"))
}

func TestLinksOfOneStepAreEqual(t *testing.T) {
	keys := newKeys(t, "k1")
	link := func() string {
		return ok(t, "link", "-key-file", keys, "-lifetime", "1h", "-round", "87600h", "card.jpg")
	}
	first := link()
	if second := link(); first != second {
		t.Errorf("%s and %s differ", first, second)
	}
	if u, err := url.Parse(first); err != nil || u.Query().Get("expires_at") == "" || time.Now().Year() < 2026 {
		t.Errorf("%v, %s", err, first)
	}
}

func TestCheckNamesTheFirstCheckThatFails(t *testing.T) {
	keys := newKeys(t, "k1")
	link := ok(t, "link", "-key-file", keys, "card.jpg")
	for _, test := range []struct {
		name, link, want string
		args             []string
	}{
		{name: "an unsigned link", link: "http://127.0.0.1:8080/files/card.jpg", want: "FAIL unsigned"},
		{name: "an altered link", link: strings.Replace(link, "card", "cord", 1), want: "FAIL invalid    invalid link: the signature does not match"},
		{name: "a link of an unknown key", link: strings.Replace(link, "=k1", "=k2", 1), want: "not in the ring"},
		{name: "an expired link", link: expiredLinkTo(t, keys, "card.jpg"), want: "FAIL expired"},
		{name: "a method that the link is not for", link: link, args: []string{"-method", "POST"}, want: "FAIL not_allowed"},
		{name: "a link that is read from the standard input", link: link, args: []string{"-method", "POST"}, want: "FAIL not_allowed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"check", "-key-file", keys}, test.args...)
			stdin := ""
			if strings.HasSuffix(test.name, "input") {
				stdin, test.link = test.link+"\n", "-"
			}
			code, stdout, stderr := try(t, stdin, append(args, test.link)...)
			if code != cli.ExitFailed || !strings.Contains(stdout, test.want) || stderr != "" {
				t.Errorf("exit code %d, want 1, and %q:\n%s%s", code, test.want, stdout, stderr)
			}
			if strings.Contains(stdout, "signature=") {
				t.Errorf("the explanation shows a signature:\n%s", stdout)
			}
		})
	}
}

func TestTimesAreWrittenAsPeopleWriteThem(t *testing.T) {
	keys := newKeys(t, "k1")
	const day = 24 * time.Hour
	expiry := func(args ...string) time.Time {
		t.Helper()
		u, err := url.Parse(ok(t, append(append([]string{"link", "-key-file", keys}, args...), "card.jpg")...))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.ParseInt(u.Query().Get("expires_at"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(n, 0)
	}
	for _, test := range []struct {
		args []string
		want time.Duration
	}{
		{[]string{"-lifetime", "7d"}, 7 * day},
		{[]string{"-lifetime", "1d12h30m"}, 36*time.Hour + 30*time.Minute},
		{[]string{"-lifetime", "90s"}, 90 * time.Second},
		{[]string{"-expires", "7d"}, 7 * day},
		{[]string{"-lifetime", "1s"}, time.Second},
	} {
		begin := time.Now()
		if got := expiry(test.args...); got.Before(begin.Add(test.want)) || got.After(time.Now().Add(test.want+time.Second)) {
			t.Errorf("%v gives a link for %v, want %v, rounded up to a second", test.args, got.Sub(begin), test.want)
		}
	}
	if link := ok(t, "link", "-key-file", keys, "-from", "2100-02-28", "-expires", "2100-02-28", "card.jpg"); !strings.Contains(link, "expires_at=4107542400&") || !strings.Contains(link, "signed_from=4107456000&") {
		t.Errorf("a link for the 28th of February 2100 is %s", link)
	}
}

func TestKeygenThatCannotWriteFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "ed.txt")
	write(t, name+".pub", "another key")
	if code, _, stderr := try(t, "", "keygen", "-type", "ed25519", "-out", name); code != cli.ExitFailed || !strings.Contains(stderr, "file exists") {
		t.Errorf("over a public key: exit code %d\n%s", code, stderr)
	}
	if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("there is half a key pair: %v", err)
	}
	for _, kind := range []string{"hmac", "ed25519"} {
		var out bytes.Buffer
		t0 := cli.Terminal{In: strings.NewReader(""), Out: fullDisk{}, Err: &out}
		if code := program.Run(t.Context(), []string{"keygen", "-type", kind}, t0); code != cli.ExitFailed {
			t.Errorf("%s, to a full disk: exit code %d\n%s", kind, code, &out)
		}
	}
}

// fullDisk is a writer that fails.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
