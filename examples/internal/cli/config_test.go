package cli_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/examples/internal/cli"
)

// settings are flags of every kind.
type settings struct {
	Addr, Token, Cert string
	Listing           bool
	List              []string
}

func (s *settings) register(fs *cli.Flags) {
	fs.StringVar(&s.Addr, "listen-addr", "", "an `address`")
	fs.StringVar(&s.Token, "token", "", "a `secret`")
	fs.StringVar(&s.Cert, "tls-cert", "", "a `file`")
	fs.BoolVar(&s.Listing, "listing", false, "a switch")
	fs.ListVar(&s.List, "list", "a `list`")
	fs.Secret("token")
}

func newSettings() (*settings, *cli.Flags) {
	s, fs := new(settings), cli.NewFlags("program", "command", "", "About the command.")
	s.register(fs)
	fs.Environment()
	return s, fs
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFlagsComeFromTheEnvironment(t *testing.T) {
	secret := write(t, "token", "t0\n")
	for _, test := range []struct {
		name string
		args []string
		env  map[string]string
		want settings
	}{
		{"nothing", nil, nil, settings{}},
		{"a variable", nil, map[string]string{"SIGNEDURL_LISTEN_ADDR": "a:1"}, settings{Addr: "a:1"}},
		{"an empty variable", nil, map[string]string{"SIGNEDURL_LISTEN_ADDR": ""}, settings{}},
		{"a switch", nil, map[string]string{"SIGNEDURL_LISTING": "true"}, settings{Listing: true}},
		{"a switch that the command line turns off", []string{"-listing=false"}, map[string]string{"SIGNEDURL_LISTING": "true"}, settings{}},
		{"the command line goes before", []string{"-listen-addr", "b:2"}, map[string]string{"SIGNEDURL_LISTEN_ADDR": "a:1"}, settings{Addr: "b:2"}},
		{"also for what may be repeated", []string{"-list", "x", "-list", "y"}, map[string]string{"SIGNEDURL_LIST": "z"}, settings{List: []string{"x", "y"}}},
		{"a secret", nil, map[string]string{"SIGNEDURL_TOKEN": "t1"}, settings{Token: "t1"}},
		{"a secret in a file", nil, map[string]string{"SIGNEDURL_TOKEN_FILE": secret}, settings{Token: "t0"}},
		{"credentials", nil, map[string]string{"CREDENTIALS_DIRECTORY": filepath.Dir(secret)}, settings{Token: "t0"}},
		{"a variable goes before a credential", nil, map[string]string{"CREDENTIALS_DIRECTORY": filepath.Dir(secret), "SIGNEDURL_TOKEN": "t1"}, settings{Token: "t1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			got, fs := newSettings()
			if err := fs.ParseArgs(test.args, 0, 0, io.Discard); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The server reads such a file itself, and again when it is told to.
func TestAFlagForAFileNamesTheCredential(t *testing.T) {
	cert := write(t, "tls-cert", "a certificate")
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(cert))
	got, fs := newSettings()
	if err := fs.ParseArgs(nil, 0, 0, io.Discard); err != nil || got.Cert != cert {
		t.Errorf("-tls-cert is %q, %v; want %q", got.Cert, err, cert)
	}
}

func TestMistakesInTheEnvironment(t *testing.T) {
	empty := write(t, "empty", " \n")
	for _, test := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{"no switch", map[string]string{"SIGNEDURL_LISTING": "perhaps"}, "SIGNEDURL_LISTING: the value of listing is wrong"},
		{"two secrets", map[string]string{"SIGNEDURL_TOKEN": "a", "SIGNEDURL_TOKEN_FILE": empty}, "exclude each other"},
		{"an empty secret", map[string]string{"SIGNEDURL_TOKEN_FILE": empty}, "is empty"},
		{"no file", map[string]string{"SIGNEDURL_TOKEN_FILE": "/none"}, "SIGNEDURL_TOKEN_FILE: open /none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			_, fs := newSettings()
			if err := fs.ParseArgs(nil, 0, 0, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestVariablesThatSetNothingAreKnown(t *testing.T) {
	t.Setenv("SIGNEDURL_LISTEN_ADR", "a:1")
	t.Setenv("SIGNEDURL_LISTING_FILE", "x") // it is no secret
	t.Setenv("SIGNEDURL_TOKEN_FILE", "x")
	t.Setenv("SIGNEDURL_KEYS", "x")
	_, fs := newSettings()
	var got []string
	for _, name := range fs.UnknownVariables("SIGNEDURL_KEYS") {
		if !strings.HasPrefix(name, "SIGNEDURL_REQUIRE_") { // of the machine that tests
			got = append(got, name)
		}
	}
	if diff := cmp.Diff([]string{"SIGNEDURL_LISTEN_ADR", "SIGNEDURL_LISTING_FILE"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestConfigurationFiles(t *testing.T) {
	file := write(t, "conf", "\ufeff# a comment\n"+
		"listen-addr a:1\r\n"+
		"-token = a b=c \n"+
		"\n"+
		"[mount]\n"+
		"  --listing\n"+
		"list=x,y\n"+
		"list z\n"+
		"[mount]\n"+
		"listing false\n")
	whole, parts, err := cli.ReadConfig(file, "mount")
	if err != nil {
		t.Fatal(err)
	}
	if len(parts) != 2 || parts[0].At != file+":5" || parts[1].At != file+":9" {
		t.Fatalf("the parts are %v", parts)
	}
	t.Setenv("SIGNEDURL_LISTEN_ADDR", "b:2")
	got, fs := newSettings()
	if err := errors.Join(fs.ParseArgs(nil, 0, 0, io.Discard), fs.Apply(whole)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&settings{Addr: "b:2", Token: "a b=c"}, got); diff != "" {
		t.Errorf("the whole (-want +got):\n%s", diff)
	}
	for i, want := range []settings{
		{Addr: "b:2", Token: "a b=c", Listing: true, List: []string{"x", "y", "z"}},
		{Addr: "b:2", Token: "a b=c"},
	} {
		got, part := newSettings()
		if err := errors.Join(part.Apply(parts[i]), part.Inherit(fs)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("part %d (-want +got):\n%s", i, diff)
		}
		if !part.Given("listen-addr") {
			t.Errorf("part %d: what is inherited is not given", i)
		}
	}
}

func TestMistakesInConfigurationFilesNameTheLine(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"unknown", "\nlisten 1", ":2: there is no setting \"listen\""},
		{"twice", "token a\ntoken b", ":2: token is given twice, first in "},
		{"the same twice", "token a\n-token=a", ":2: token is given twice, first in "},
		{"empty", "# a\ntoken =", ":2: the value of token is empty"},
		{"a text without a value", "listing\ntls-cert", ":2: tls-cert has no value"},
		{"a wrong value", "listing 2", ":1: the value of listing is wrong"},
		{"another part", "[mounts]", `:1: a part begins with [mount], not with "[mounts]"`},
		{"no text", "token \xff", "not text in UTF-8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, fs := newSettings()
			whole, _, err := cli.ReadConfig(write(t, "conf", test.text), "mount")
			if err == nil {
				err = errors.Join(fs.ParseArgs(nil, 0, 0, io.Discard), fs.Apply(whole))
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
	if _, _, err := cli.ReadConfig("/none", "mount"); err == nil || !strings.Contains(err.Error(), "/none") {
		t.Errorf("no file: %v", err)
	}
}
