package formats

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
)

// Variable is the environment variable that can hold the keys instead of a
// file. FileVariable can name the file instead of a flag.
const (
	Variable     = "SIGNEDURL_KEYS"
	FileVariable = Variable + "_FILE"
)

// Source is a link format and the place of its keys, as flags name them.
type Source struct {
	// Ephemeral makes Load generate a key for the life of the process if the
	// flags and the environment name none.
	Ephemeral bool

	file    string
	name    string
	options options
	program string
	secret  bool // the keys that were loaded last can sign
}

// Register defines the flags.
func (s *Source) Register(fs *cli.Flags) {
	s.program = fs.Program
	fs.StringVar(&s.file, "key-file", "", "read the keys from this `file` instead of the environment variable "+Variable)
	fs.StringVar(&s.name, "format", Own, "use the link format of this `name`: "+strings.Join(names(), ", "))
	s.options.register(fs)
}

// Validate reports mistakes in the flags, which it finds without the keys.
func (s *Source) Validate(fs *cli.Flags) error {
	f, ok := table[s.name]
	if !ok {
		return cli.Usagef("there is no format %q; the formats are %s", s.name, strings.Join(names(), ", "))
	}
	s.file = cmp.Or(s.file, os.Getenv(FileVariable))
	var err error
	fs.Visit(func(given *flag.Flag) {
		if with := having(given.Name); with != "" && !slices.Contains(f.flags, given.Name) {
			err = cli.Usagef("-%s is for the format %s, and this is %s", given.Name, with, s.name)
		}
	})
	if err != nil || f.check == nil {
		return err
	}
	if err := f.check(&s.options); err != nil {
		return s.Mistake(err)
	}
	return nil
}

// Mistake returns an error of the format as the mistake that the user of its
// flags made.
func (s *Source) Mistake(err error) error {
	return cli.Usagef("-format %s: %s", s.name, strings.TrimPrefix(cli.Text(err), s.name+": "))
}

// Load reads the keys. The flags must be valid.
func (s *Source) Load() (middleware.Format, error) {
	text := os.Getenv(Variable)
	from := "the environment variable " + Variable
	switch {
	case s.file != "" && text != "":
		return nil, cli.Usagef("there are keys in -key-file and in %s; use one of them", Variable)
	case s.file != "":
		b, err := os.ReadFile(s.file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the keys: %w", err)
		}
		text, from = string(b), s.file
	case text == "" && s.Ephemeral:
		return ephemeral()
	case text == "" && s.name == Own:
		return nil, cli.Usagef("there is no key: use -key-file or set %s; '%s keygen' makes a key", Variable, s.program)
	case text == "":
		return nil, cli.Usagef("there is no key: use -key-file or set %s; -h describes the keys of %s", Variable, s.name)
	}
	format := table[s.name]
	if s.file == "" && format.fromVariable != nil {
		text = format.fromVariable(text)
	}
	f, err := format.parse(text, &s.options)
	if err != nil {
		hint := ""
		if format.hint != "" {
			hint = fmt.Sprintf(format.hint, s.program)
		}
		return nil, fmt.Errorf("cannot read the keys in %s: %s%s", from, cli.Text(err), hint)
	}
	s.secret = format.public == nil || !format.public(text)
	return f, nil
}

// Format returns the name of the format.
func (s *Source) Format() string { return s.name }

// File returns the name of the key file, or "" if there is none.
func (s *Source) File() string { return s.file }

// Exposed returns what every user of the machine can do with the key file that
// was loaded last, and should not, as [Exposed] does.
func (s *Source) Exposed() string {
	if s.file == "" {
		return ""
	}
	return Exposed(s.file, s.secret)
}

// Exposed returns what every user of the machine can do with a file of keys,
// and should not: "change" it or, if there is a secret in it, "read" it, or "".
// A group may: services are often given their secrets that way.
func Exposed(file string, secret bool) string {
	info, err := os.Stat(file)
	switch {
	case err != nil || !info.Mode().IsRegular():
		return ""
	case info.Mode().Perm()&0o002 != 0:
		return "change"
	case info.Mode().Perm()&0o004 != 0 && secret:
		return "read"
	}
	return ""
}

// Longest returns the longest life of a link of the format; 0 means no limit.
func (s *Source) Longest() time.Duration {
	if longest := table[s.name].longest; longest != nil {
		return longest(&s.options)
	}
	return 0
}

// NeverExpires reports whether the flags lack the longest life that links of
// the format need, since they have no expiry of their own.
func (s *Source) NeverExpires() bool { return table[s.name].longest != nil && s.Longest() == 0 }

// Origin returns the scheme and host that are signed, or "".
func (s *Source) Origin() string { return strings.TrimSuffix(s.options.origin, "/") }

// Cookies reports whether links come in cookies whose names the format fixes.
func (s *Source) Cookies() bool { return s.options.cookies }

// Parameter returns the name of a query parameter that holds a signature under
// a name of the operator's choice.
func (s *Source) Parameter() string { return s.options.parameter }
