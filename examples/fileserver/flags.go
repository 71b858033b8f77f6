package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// errHelp says that help was asked for, and given.
var errHelp = flag.ErrHelp

// newFlags returns the flags of a command. Its arguments and what it does are
// shown above the flags when help is asked for.
func newFlags(name, args, about string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.Usage = func() {
		usage := strings.TrimSpace("Usage: fileserver " + name + " [flags] " + args)
		fmt.Fprintf(fs.Output(), "%s\n\n%s\n\nFlags:\n", usage, strings.TrimSpace(about))
		fs.PrintDefaults()
	}
	return fs
}

// parse parses a command line that has between least and most arguments behind
// the flags. Help goes to stdout, since it is what was asked for.
func parse(fs *flag.FlagSet, args []string, least, most int, stdout io.Writer) error {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		fs.SetOutput(stdout)
		fs.Usage()
		return errHelp
	} else if err != nil {
		return usageError{err}
	}
	switch n := fs.NArg(); {
	case n < least:
		return badUsage("an argument is missing")
	case n > most && strings.HasPrefix(fs.Arg(most), "-"):
		return badUsage("%s comes too late: flags go before the arguments", fs.Arg(most))
	case n > most:
		return badUsage("the argument %q is one too many", fs.Arg(most))
	}
	return nil
}

// wasSet reports whether a flag is on the command line.
func wasSet(fs *flag.FlagSet, name string) bool {
	set := false
	fs.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}

// listFlag is a flag that takes a comma-separated list and may be repeated.
func listFlag(fs *flag.FlagSet, list *[]string, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		for item := range strings.SplitSeq(s, ",") {
			if item == "" {
				return errors.New("an item of the list is empty")
			}
			*list = append(*list, item)
		}
		return nil
	})
}

// networksFlag is a listFlag of addresses and networks.
func networksFlag(fs *flag.FlagSet, list *[]netip.Prefix, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		for item := range strings.SplitSeq(s, ",") {
			network, err := netip.ParsePrefix(item)
			if err != nil {
				addr, err := netip.ParseAddr(item)
				if err != nil || addr.Zone() != "" {
					return fmt.Errorf("%q is no address and no network", item)
				}
				network = netip.PrefixFrom(addr, addr.BitLen())
			}
			*list = append(*list, network)
		}
		return nil
	})
}

// timeFlag is a flag that takes a time, or how long from now as a duration.
func timeFlag(fs *flag.FlagSet, at *time.Time, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		if d, err := time.ParseDuration(s); err == nil {
			*at = time.Now().Add(d)
			return nil
		}
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return errors.New("it is neither a time such as 2026-01-02T15:04:05Z nor a duration such as 15m")
		}
		*at = t
		return nil
	})
}

// pairFlag is a flag that takes name=value and may be repeated.
func pairFlag(fs *flag.FlagSet, pairs map[string]string, name, usage string) {
	fs.Func(name, usage, func(s string) error {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" || value == "" {
			return errors.New("it must be name=value")
		}
		if _, twice := pairs[key]; twice {
			return fmt.Errorf("%s is there twice", key)
		}
		pairs[key] = value
		return nil
	})
}
