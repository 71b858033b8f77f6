// Package formats is what the commands know of link formats: for each of them
// the flags that configure it and the text form of its keys.
package formats

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

// Own is the name of the project's own format, which is the default.
const Own = "signedurl"

// format is a link format that the commands can speak.
type format struct {
	// keys describes the text that holds the keys.
	keys string
	// flags are the flags that the format has, of those that not all have.
	flags []string
	// fromVariable turns the text of the environment variable into that of a
	// file. It is nil if they are equal.
	fromVariable func(text string) string
	// public reports whether a text of valid keys holds only public ones. It
	// is nil if the format has none.
	public func(text string) bool
	// hint is added to errors about the keys. It is a format of fmt for the
	// program's name.
	hint string
	// check reports what is wrong with the flags, whatever the keys are. It is
	// nil if nothing can be.
	check func(o *options) error
	// longest returns the longest life of a link; 0 means no limit. It is nil
	// if there never is one.
	longest func(o *options) time.Duration
	// parse makes the format from the text of its keys. Its errors name the
	// line, if the text has lines, and quote no secret.
	parse func(keys string, o *options) (middleware.Format, error)
}

// trialKey is a key that formats accept, for checks of their flags.
const trialKey = "0123456789abcdef0123456789abcdef"

// table holds the formats by the name that -format takes.
var table = map[string]format{
	Own:          own,
	"laravel":    laravelFormat,
	"django":     djangoFormat,
	"cloudfront": cloudfrontFormat,
	"gcs":        gcsFormat,
	"s3":         s3Format,
}

func names() []string { return slices.Sorted(maps.Keys(table)) }

// Help describes the keys of every format, for the help of commands that need
// keys.
func Help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nThe keys are in -key-file or in the environment variable %s. The first\none signs, if it can, and all verify. For each -format they are:\n", Variable)
	for _, name := range names() {
		indent := fmt.Sprintf("\n  %-12s", name)
		for line := range strings.Lines(strings.TrimSpace(table[name].keys)) {
			b.WriteString(indent + strings.TrimSuffix(line, "\n"))
			indent = fmt.Sprintf("\n  %-12s", "")
		}
	}
	return b.String()
}

// having returns the names of the formats that have a flag, or "" if it is not
// one that only some have.
func having(flag string) string {
	var with []string
	for name, f := range table {
		if slices.Contains(f.flags, flag) {
			with = append(with, name)
		}
	}
	slices.Sort(with)
	return strings.Join(with, " and ")
}
