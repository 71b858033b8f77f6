package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// errHelp reports that help was asked for, and given.
var errHelp = flag.ErrHelp

// Flags are the flags of a command. Besides those of [flag.FlagSet] there are
// flags for lists, networks, times and pairs.
type Flags struct {
	*flag.FlagSet
	// Program is the name of the program, for help texts and errors that
	// mention another command of it.
	Program string

	environment bool
	secrets     []string
	given       []setting // in their order
}

// NewFlags returns the flags of a command. The help shows its arguments and
// what it does above the flags.
func NewFlags(program, command, args, about string) *Flags {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	f := &Flags{FlagSet: fs, Program: program}
	fs.Usage = func() {
		usage := strings.TrimSpace("Usage: " + program + " " + command + " [flags] " + args)
		fmt.Fprintf(fs.Output(), "%s\n\n%s\n\nFlags:\n", usage, strings.TrimSpace(about))
		fs.PrintDefaults()
		if f.environment {
			fmt.Fprint(fs.Output(), environmentHelp)
		}
	}
	return f
}

// ParseArgs parses a command line that has between least and most arguments
// after the flags. A flag that is given twice is an error, unless it may be
// repeated: one of the values would be ignored. So is an empty value, which
// more often comes from an unset variable than it is meant. Flags that are not on
// the command line are then taken from the environment, if [Flags.Environment] was
// called. Help goes to out, since it is what was asked for.
func (f *Flags) ParseArgs(args []string, least, most int, out io.Writer) error {
	f.SetOutput(io.Discard)
	help := f.Usage
	f.Usage = func() {}
	f.VisitAll(func(flag *flag.Flag) { flag.Value = &once{Value: flag.Value, name: flag.Name, flags: f} })
	err := f.Parse(args)
	f.VisitAll(func(flag *flag.Flag) { flag.Value = flag.Value.(*once).Value })
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(out)
		help()
		return errHelp
	}
	if err != nil {
		return UsageError{err}
	}
	switch n := f.NArg(); {
	case n < least:
		return Usagef("an argument is missing")
	case n > most && strings.HasPrefix(f.Arg(most), "-"):
		return Usagef("%s comes too late: flags go before the arguments", f.Arg(most))
	case n > most:
		return Usagef("the argument %q is one too many", f.Arg(most))
	}
	if f.environment {
		return f.fromEnvironment()
	}
	return nil
}

// Given reports whether a flag is on the command line, in the environment or in
// a file.
func (f *Flags) Given(name string) bool {
	given := false
	f.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	return given
}

// once is a value that can be set once, unless it is repeatable, and not to
// nothing.
type once struct {
	flag.Value
	name  string
	flags *Flags
	set   bool
}

func (o *once) Set(s string) error {
	if _, ok := o.Value.(repeatable); o.set && !ok {
		return errors.New("the flag is given twice")
	}
	if s == "" {
		return errors.New("the value is empty")
	}
	o.set = true
	o.flags.given = append(o.flags.given, setting{o.name, s, "the command line"})
	return o.Value.Set(s)
}

func (o *once) IsBoolFlag() bool { return isSwitch(o.Value) }

// isSwitch reports whether a flag needs no value.
func isSwitch(v flag.Value) bool {
	b, ok := v.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// repeatable is the value of a flag that may be repeated.
type repeatable func(s string) error

func (r repeatable) Set(s string) error { return r(s) }
func (r repeatable) String() string     { return "" }

// Repeat defines a flag that may be repeated, and calls set each time.
func (f *Flags) Repeat(name, usage string, set func(s string) error) {
	f.Var(repeatable(set), name, usage)
}

// ListVar defines a flag that takes a comma-separated list. It may be repeated.
func (f *Flags) ListVar(list *[]string, name, usage string) {
	f.Repeat(name, usage, func(s string) error {
		for item := range strings.SplitSeq(s, ",") {
			if item == "" {
				return errors.New("an item of the list is empty")
			}
			*list = append(*list, item)
		}
		return nil
	})
}

// NetworksVar defines a flag that takes a comma-separated list of addresses
// and CIDR blocks. It may be repeated.
func (f *Flags) NetworksVar(list *[]netip.Prefix, name, usage string) {
	f.Repeat(name, usage, func(s string) error {
		for item := range strings.SplitSeq(s, ",") {
			network, err := ParseNetwork(item)
			if err != nil {
				return err
			}
			*list = append(*list, network)
		}
		return nil
	})
}

// ParseNetwork parses an address or a CIDR block.
func ParseNetwork(s string) (netip.Prefix, error) {
	if network, err := netip.ParsePrefix(s); err == nil {
		return network, nil
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a network", s)
	}
	return netip.PrefixFrom(addr, addr.BitLen()), nil
}

// PairsVar defines a flag that takes name=value. It may be repeated, with
// another name each time.
func (f *Flags) PairsVar(pairs map[string]string, name, usage string) {
	f.Repeat(name, usage, func(s string) error {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" || value == "" {
			return errors.New("it must be name=value")
		}
		if _, twice := pairs[key]; twice {
			return fmt.Errorf("%s is given twice", key)
		}
		pairs[key] = value
		return nil
	})
}
