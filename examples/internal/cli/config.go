package cli

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// A flag that is not on the command line is taken from the environment, from
// the credentials of systemd, or from a file, the first that has it. So a
// deployment may have a file for all of its machines, and a variable for what
// is different on one of them.

// Prefix begins the names of the environment variables for flags.
const Prefix = "SIGNEDURL_"

// Variable returns the name of the environment variable for a flag.
func Variable(flag string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

const environmentHelp = `
An environment variable can set each flag as well, such as ` + Prefix + `KEY_FILE
for -key-file; the command line goes before. What a flag wants a file for can
be a credential of systemd that has the flag's name.
`

// Environment lets the environment set flags. It is for commands that run as
// services; the flags of others have the same names for other things.
func (f *Flags) Environment() { f.environment = true }

// Secret says that the values of flags are secrets. Other users of the machine
// can read command lines, so such a flag can also be read from the file that the
// variable of the flag with _FILE at its end names, or be a credential.
func (f *Flags) Secret(names ...string) { f.secrets = append(f.secrets, names...) }

// setting is the value of a flag, and where it was set.
type setting struct{ name, value, source string }

// fromEnvironment sets the flags that are not given and that the environment
// has.
func (f *Flags) fromEnvironment() error {
	var settings []setting
	var errs []error
	f.VisitAll(func(fl *flag.Flag) {
		s, err := f.find(fl)
		if err != nil {
			errs = append(errs, err)
		}
		if s.value != "" {
			settings = append(settings, s)
		}
	})
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return f.apply(settings)
}

// find looks for a flag in the environment.
func (f *Flags) find(fl *flag.Flag) (setting, error) {
	variable := Variable(fl.Name)
	secret := slices.Contains(f.secrets, fl.Name)
	value := os.Getenv(variable)
	if file := os.Getenv(variable + "_FILE"); secret && file != "" {
		if value != "" {
			return setting{}, Usagef("%s and %[1]s_FILE exclude each other", variable)
		}
		return readSecret(fl.Name, file, variable+"_FILE")
	}
	if value != "" {
		return setting{fl.Name, value, variable}, nil
	}
	kind, _ := flag.UnquoteUsage(fl)
	if file := Credential(fl.Name); file != "" && secret {
		return readSecret(fl.Name, file, "the credential "+fl.Name)
	} else if file != "" && kind == "file" {
		return setting{fl.Name, file, "the credential " + fl.Name}, nil
	}
	return setting{}, nil
}

// Credential returns the file of a credential that systemd gave the service
// (systemd.exec(5), LoadCredential=), or "" if there is none of the name.
func Credential(name string) string {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return ""
	}
	file := filepath.Join(dir, name)
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return file
}

func readSecret(name, file, source string) (setting, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return setting{}, fmt.Errorf("%s: %w", source, err)
	}
	value := strings.TrimSpace(string(b))
	if value == "" {
		return setting{}, Usagef("%s: %s is empty", source, file)
	}
	return setting{name, value, source}, nil
}

// apply sets flags that are not given yet, and leaves the others alone.
func (f *Flags) apply(settings []setting) error {
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	first := map[string]string{}
	for _, s := range settings {
		fl := f.Lookup(s.name)
		switch {
		case fl == nil:
			return Usagef("%s: there is no setting %q", s.source, s.name)
		case given[s.name]:
			continue
		}
		if _, repeats := fl.Value.(repeatable); !repeats && first[s.name] != "" {
			return Usagef("%s: %s is given twice, first in %s", s.source, s.name, first[s.name])
		}
		if s.value == "" && isSwitch(fl.Value) {
			s.value = "true"
		} else if s.value == "" {
			return Usagef("%s: %s has no value", s.source, s.name)
		}
		if err := f.Set(s.name, s.value); err != nil {
			return Usagef("%s: the value of %s is wrong: %w", s.source, s.name, err)
		}
		first[s.name] = s.source
		f.given = append(f.given, s)
	}
	return nil
}

// UnknownVariables returns the environment variables that look as if they set a
// flag and set none, but for those of the names that are given.
func (f *Flags) UnknownVariables(others ...string) []string {
	known := slices.Clone(others)
	f.VisitAll(func(fl *flag.Flag) {
		known = append(known, Variable(fl.Name))
		if slices.Contains(f.secrets, fl.Name) {
			known = append(known, Variable(fl.Name)+"_FILE")
		}
	})
	var unknown []string
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, Prefix) && !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// Part is a part of a configuration file, which sets the flags of one thing.
type Part struct {
	// At is where the part begins, as file:line.
	At       string
	settings []setting
}

// ReadConfig reads a file with a flag a line, as it is on the command line but
// with or without the dashes, and with a space or an equals sign before the
// value. Empty lines, and those that begin with #, are comments. Each line
// "[name]" begins another part; what stands before the first belongs to the
// whole. Errors name the line.
func ReadConfig(file, name string) (whole Part, parts []Part, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return whole, nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return whole, nil, Usagef("%s: the configuration is not text in UTF-8", file)
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	whole.At = file
	current := &whole
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		at := fmt.Sprintf("%s:%d", file, n)
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '[':
			if line != "["+name+"]" {
				return whole, nil, Usagef("%s: a part begins with [%s], not with %q", at, name, line)
			}
			parts = append(parts, Part{At: at})
			current = &parts[len(parts)-1]
			continue
		}
		key, value := strings.TrimLeft(line, "-"), ""
		if i := strings.IndexAny(key, " \t="); i >= 0 {
			key, value = key[:i], strings.TrimSpace(key[i:])
			value = strings.TrimSpace(strings.TrimPrefix(value, "="))
			if value == "" {
				return whole, nil, Usagef("%s: the value of %s is empty", at, key)
			}
		}
		current.settings = append(current.settings, setting{key, value, at})
	}
	return whole, parts, nil
}

// Apply sets the flags that a part of a file sets and that are not given yet.
func (f *Flags) Apply(p Part) error { return f.apply(p.settings) }

// Inherit sets the flags that are given in another set and not in this one, of
// those that both have.
func (f *Flags) Inherit(from *Flags) error {
	var both []setting
	for _, s := range from.given {
		if f.Lookup(s.name) != nil {
			both = append(both, s)
		}
	}
	return f.apply(both)
}
