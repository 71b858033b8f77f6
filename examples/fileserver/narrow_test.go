package main

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/formats"
	"example.com/signedurl/middleware"
)

// narrowed runs the command narrow, which must succeed, without a key.
func narrowed(t *testing.T, args ...string) *url.URL {
	t.Helper()
	t.Setenv(formats.Variable, "")
	u, err := url.Parse(ok(t, append([]string{"narrow"}, args...)...))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// step returns the last step of a link.
func step(t *testing.T, u *url.URL) url.Values {
	t.Helper()
	steps := u.Query()["signed_narrow"]
	if len(steps) == 0 {
		t.Fatalf("%s has no step", u)
	}
	values, err := url.ParseQuery(steps[len(steps)-1])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestANarrowerLinkSaysWhatTheFlagsSay(t *testing.T) {
	keys := newKeys(t, "k1")
	link := ok(t, "link", "-key-file", keys, "-methods", "GET,PUT", "-expires", "2100-01-01T00:00:00Z", "-under", "kyc", "kyc/card.jpg")
	u := narrowed(t, "-expires", "2099-01-01T00:00:00Z", "-from", "2026-01-01T00:00:00Z", "-method", "PUT", "-host", "127.0.0.1:8080",
		"-network", "192.0.2.0/24", "-network", "2001:db8::1", "-max-bytes", "5MB", "-accept", "image/*", "-only", "kyc/card.jpg", link)
	want := url.Values{
		"expires_at": {"4070908800"}, "signed_from": {"1767225600"}, "signed_methods": {"PUT"}, "signed_host": {"127.0.0.1:8080"},
		"signed_ip": {"192.0.2.0/24,2001:db8::1"}, "signed_max": {"5000000"}, "signed_accept": {"image/*"}, "signed_only": {"/files/kyc/card.jpg"},
	}
	if diff := cmp.Diff(want, step(t, u)); diff != "" {
		t.Errorf("the step (-want +got):\n%s", diff)
	}
	ok(t, "check", "-key-file", keys, "-uploads", "-method", "PUT", "-addr", "192.0.2.9", u.String())

	// What is narrowed may come first.
	u = narrowed(t, link, "-ip", "192.0.2.0/24")
	if diff := cmp.Diff(url.Values{"signed_ip": {"192.0.2.0/24"}}, step(t, u)); diff != "" {
		t.Errorf("the step behind a link (-want +got):\n%s", diff)
	}

	begin := time.Now()
	u = narrowed(t, "-lifetime", "90s", link)
	least, most := begin.Add(90*time.Second), time.Now().Add(91*time.Second)
	if diff := cmp.Diff(url.Values{"expires_at": {step(t, u).Get("expires_at")}}, step(t, u)); diff != "" {
		t.Errorf("the step of a lifetime (-want +got):\n%s", diff)
	}
	if at, err := time.Parse(time.RFC3339, expiryOf(t, keys, u.String())); err != nil || at.Before(least) || at.After(most) {
		t.Errorf("the step ends at %v, %v, want 90 s from now, rounded up to a second", at, err)
	}
}

// expiryOf returns when the step of a link expires, as check says it.
func expiryOf(t *testing.T, keys, link string) string {
	t.Helper()
	out := ok(t, "check", "-key-file", keys, link)
	_, rest, _ := strings.Cut(out, "step 1     time: the link expires at ")
	at, _, _ := strings.Cut(rest, ",")
	return at
}

func TestANarrowerLinkLeadsToWhatItOpens(t *testing.T) {
	keys := newKeys(t, "k1")
	all := linkTo(t, keys, "-under", "/")
	kyc := linkTo(t, keys, "-under", "kyc", "kyc/card 1.jpg")
	far := ok(t, "link", "-key-file", keys, "-base-url", "https://files.example.com/my%20files/", "-under", "kyc")
	for _, test := range []struct {
		name string
		args []string
		want string
	}{
		{"the name of a file", []string{"-only", "kyc/card.jpg", all}, "/files/kyc/card.jpg"},
		{"a name that is escaped", []string{"-only", "kyc/(é) 1+1.jpg", all}, "/files/kyc/%28%C3%A9%29%201%2B1.jpg"},
		{"a path", []string{"-only", "/files/kyc/card%201.jpg", kyc}, "/files/kyc/card%201.jpg"},
		{"a directory that the link is not in", []string{"-under", "kyc/42", kyc}, "/files/kyc/42/"},
		{"a directory that the link is in", []string{"-under", "kyc", kyc}, "/files/kyc/card%201.jpg"},
		{"a directory with its slash", []string{"-under", "kyc/42/", all}, "/files/kyc/42/"},
		{"a path of a directory", []string{"-under", "/files/kyc", all}, "/files/kyc/"},
		{"another base", []string{"-base-url", "/my%20files/", "-only", "kyc/a.jpg", far}, "https://files.example.com/my%20files/kyc/a.jpg"},
		{"another base with its origin", []string{"-base-url", "https://files.example.com/my%20files/", "-only", "kyc/a.jpg", far}, "https://files.example.com/my%20files/kyc/a.jpg"},
		{"neither", []string{"-lifetime", "10s", kyc}, "/files/kyc/card%201.jpg"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := narrowed(t, test.args...)
			link := u.String()
			if got, _, _ := strings.Cut(link, "?"); got != test.want {
				t.Errorf("the link leads to %s, want %s", got, test.want)
			}
			ok(t, "check", "-key-file", keys, link)
		})
	}
}

func TestAServerHoldsANarrowedLinkToItsSteps(t *testing.T) {
	keys := newKeys(t, "k1")
	dir := files(t)
	write(t, filepath.Join(dir, "kyc", "other.txt"), "another card")
	p := start(t, "-dir", dir, "-key-file", keys)
	folder := linkTo(t, keys, "-under", "kyc")
	code, out, stderr := try(t, folder+"\n", "narrow", "-only", "kyc/card.txt", "-lifetime", "1m", "-")
	link := strings.TrimSpace(out)
	if code != cli.ExitOK || stderr != "" {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	if status, body := p.Get(link); status != 200 || body != "the card" {
		t.Errorf("%s: status %d, %q", link, status, body)
	}
	other := strings.Replace(link, "card.txt?", "other.txt?", 1)
	if status, _ := p.Get(other); status != 403 {
		t.Errorf("%s: status %d, want 403", other, status)
	}
	if status, _ := p.Get(strings.Replace(folder, "?", "other.txt?", 1)); status != 200 {
		t.Errorf("the link that was narrowed is refused with %d", status)
	}
	elsewhere := narrowed(t, "-network", "192.0.2.0/24", link).String()
	if status, _ := p.Get(elsewhere); status != 403 {
		t.Errorf("%s: status %d, want 403", elsewhere, status)
	}
}

func TestWhatCannotBeNarrowed(t *testing.T) {
	keys := newKeys(t, "k1")
	link := linkTo(t, keys, "-under", "kyc", "kyc/card.jpg")
	ed := filepath.Join(t.TempDir(), "ed.txt")
	ok(t, "keygen", "-type", "ed25519", "-out", ed)
	four := link
	for range 4 {
		four = narrowed(t, "-methods", "GET", four).String()
	}
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"longer than the link", []string{"-lifetime", "1h", link}, cli.ExitFailed, "the claim Expires is wider than the link"},
		{"a file elsewhere", []string{"-only", "other/card.jpg", link}, cli.ExitFailed, "not in the link's subtree"},
		{"a directory above", []string{"-under", "/files", link}, cli.ExitFailed, "the claim Under is wider"},
		{"a file of a link to another", []string{"-only", "kyc/b.jpg", linkTo(t, keys, "kyc/a.jpg")}, cli.ExitFailed, "the claim Only is wider"},
		{"the directory of a link to a file", []string{"-under", "kyc", linkTo(t, keys, "kyc/a.jpg")}, cli.ExitFailed, "the claim Under is wider"},
		{"a file of a link that was narrowed to another", []string{"-only", "kyc/b.jpg", narrowed(t, "-only", "kyc/a.jpg", link).String()}, cli.ExitFailed, "the claim Only is wider"},
		{"a path that is not canonical", []string{"-only", "/files/kyc/a b.jpg", link}, cli.ExitFailed, "canonical path"},
		{"a name that leaves", []string{"-only", "kyc/../card.jpg", link}, cli.ExitFailed, ". or .."},
		{"a method of its own", []string{"-method", "PUT", link}, cli.ExitFailed, "the claim Methods is wider"},
		{"a link of Ed25519", []string{"-lifetime", "1s", linkTo(t, ed, "card.jpg")}, cli.ExitFailed, "the link is signed with Ed25519"},
		{"a link of another system", []string{"-lifetime", "1s", "/files/card.jpg?expires=1767225600&signature=abc"}, cli.ExitFailed, "not a link of this package's format"},
		{"a link that is narrow", []string{"-lifetime", "1s", four}, cli.ExitFailed, "narrowed 4 times"},

		{"no link", []string{"-lifetime", "1s"}, cli.ExitUsage, "an argument is missing"},
		{"an empty input", []string{"-lifetime", "1s", "-"}, cli.ExitUsage, "is empty"},
		{"what is no link", []string{"-lifetime", "1s", "card.jpg"}, cli.ExitUsage, "must begin with"},
		{"nothing", []string{link}, cli.ExitUsage, "nothing to narrow"},
		{"a base alone", []string{"-base-url", "/files/", link}, cli.ExitUsage, "nothing to narrow"},
		{"a base that is none", []string{"-base-url", "files", "-only", "a", link}, cli.ExitUsage, "-base-url"},
		{"a lifetime of nothing", []string{"-lifetime", "0", link}, cli.ExitUsage, "a second or more"},
		{"two ends", []string{"-lifetime", "1s", "-expires", "1m", link}, cli.ExitUsage, "exclude each other"},
		{"a file and a directory", []string{"-only", "kyc/a", "-under", "kyc", link}, cli.ExitUsage, "exclude each other"},
		{"two lists of methods", []string{"-method", "GET", "-methods", "HEAD", link}, cli.ExitUsage, "another name"},
		{"an escape that is none", []string{"-only", "/files/kyc/%zz", link}, cli.ExitUsage, "not a path as links have it"},
		{"a key", []string{"-key-file", keys, "-lifetime", "1s", link}, cli.ExitUsage, "not defined: -key-file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := try(t, "", append([]string{"narrow"}, test.args...)...)
			if code != test.code || !strings.Contains(stderr, test.want) || stdout != "" {
				t.Errorf("exit code %d, want %d, and on the standard error %q:\n%s%s", code, test.code, test.want, stderr, stdout)
			}
			if strings.Contains(stderr, "signature=") || strings.Contains(stderr, "signedurl:") {
				t.Errorf("the error quotes a link or its own project:\n%s", stderr)
			}
		})
	}
}

func TestCheckNamesTheStepThatRefuses(t *testing.T) {
	keys := newKeys(t, "k1")
	link := narrowed(t, "-only", "kyc/card.txt", "-methods", "GET", linkTo(t, keys, "-under", "kyc", "-methods", "GET,PATCH")).String()
	link = narrowed(t, "-network", "192.0.2.0/24", "-host", "files.example.com", link).String()
	later := narrowed(t, "-from", "1m", link).String()
	pair := ok(t, "link", "-key-file", keys, "-under", "kyc", "-cookie", "files")
	name, value, _ := strings.Cut(pair, "=")
	value, err := middleware.NarrowCookie(value, middleware.Claims{Only: "/files/kyc/card.txt"})
	if err != nil {
		t.Fatal(err)
	}
	cookie := []string{"-cookie", "files", "-header", "Cookie: " + name + "=" + value}
	good := []string{"-addr", "192.0.2.9", "-host", "files.example.com"}
	for _, test := range []struct {
		name string
		args []string
		link string
		want []string
	}{
		{"all steps permit it", good, link, []string{
			"ok   step 1     path: /files/kyc/card.txt\n", "ok   step 1     method: GET\n",
			"ok   step 2     host: files.example.com\n", "ok   step 2     address: 192.0.2.9\n", "accepted\n"}},
		{"another path", good, strings.Replace(link, "card.txt?", "b.txt?", 1), []string{"FAIL invalid    invalid link: step 1 is for another path\n", "refused with 403\n"}},
		{"another method", append([]string{"-method", "PATCH"}, good...), link, []string{"(step 1 of the link)\n", "refused with 403\n"}},
		{"another network", []string{"-addr", "198.51.100.1", "-host", "files.example.com"}, link, []string{"ok   step 2     host", "other networks (step 2 of the link)\n", "refused with 403\n"}},
		{"another host", []string{"-addr", "192.0.2.9"}, link, []string{"ok   step 1     method", "(step 2 of the link)\n", "refused with 403\n"}},
		{"too early", good, later, []string{"ok   step 2     address", "FAIL not_yet    link not valid yet (step 3 of the link)\n", "refused with 404\n"}},
		{"a cookie", cookie, "/files/kyc/card.txt", []string{"ok   step 1     path: /files/kyc/card.txt\n", "accepted\n"}},
		{"a cookie for another path", cookie, "/files/kyc/b.txt", []string{"FAIL invalid    invalid link: step 1 is for another path\n", "refused with 403\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := try(t, "", append(append([]string{"check", "-key-file", keys}, test.args...), test.link)...)
			if (code == cli.ExitOK) != strings.HasSuffix(stdout, "\naccepted\n") || stderr != "" {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			for _, line := range test.want {
				if !strings.Contains(stdout, line) {
					t.Errorf("check does not print %q:\n%s", line, stdout)
				}
			}
			if strings.Contains(stdout, "signature=") {
				t.Errorf("the explanation shows a signature:\n%s", stdout)
			}
		})
	}
}

func TestALinkInTheWrongPlaceLosesItsSignature(t *testing.T) {
	link := linkTo(t, newKeys(t, "k1"), "card.txt")
	signature := link[strings.LastIndexByte(link, '=')+1:]
	for _, args := range [][]string{
		{"narrow", link, link}, {"narrow", "-lifetime", link, link}, {"narrow", "-network", link, link}, {"narrow", "-base-url", link, "-ip", "10.0.0.1", link},
		{"narrow", "-methods", link, link}, {"check", link, link}, {link},
	} {
		if code, stdout, stderr := try(t, "", args...); code == cli.ExitOK || strings.Contains(stdout+stderr, signature) {
			t.Errorf("%.20q: exit code %d:\n%s%s", args, code, stdout, stderr)
		}
	}
}
