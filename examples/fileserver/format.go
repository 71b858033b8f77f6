package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

// linkFormat is a link format that the commands can speak.
type linkFormat struct {
	// keys says what the text that holds the keys looks like.
	keys string
	// flags are the flags that it knows, of those that some formats do not.
	flags []string
	// trial is a text of keys that it takes. An error of parse is the fault of
	// the flags then. It is empty if no flag can be at fault.
	trial string
	// longest returns for how long a link can live, from the moment in which
	// it is made; 0 is without end. It is nil if that is always so.
	longest func(o *formatFlags) time.Duration
	// parse makes the format from the text of keys. Its errors name the line,
	// if the text has lines, and quote no secret.
	parse func(keys string, o *formatFlags) (middleware.Format, error)
}

// formats are the link formats by the name that -format takes.
var formats = map[string]linkFormat{
	"signedurl": {
		keys: `
One key a line, as keygen makes them.`,
		flags: []string{"allow-permanent", "binding", "cookie", "revoked", "use-window"},
		parse: func(keys string, _ *formatFlags) (middleware.Format, error) { return middleware.ParseKeyring(keys) },
	},
	"laravel":    laravelFormat,
	"django":     djangoFormat,
	"cloudfront": cloudfrontFormat,
	"gcs":        gcsFormat,
	"s3":         s3Format,
}

func formatNames() string {
	return strings.Join(slices.Sorted(maps.Keys(formats)), ", ")
}

// formatsHelp is what the commands that need keys say about them.
func formatsHelp() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\nThe keys are in -key-file or in the environment variable %s. The first\none signs, if it can, and all verify. For each -format they are:\n", keysVariable)
	for _, name := range slices.Sorted(maps.Keys(formats)) {
		indent := fmt.Sprintf("\n  %-12s", name)
		for line := range strings.Lines(strings.TrimSpace(formats[name].keys)) {
			b.WriteString(indent + strings.TrimSuffix(line, "\n"))
			indent = fmt.Sprintf("\n  %-12s", "")
		}
	}
	return b.String()
}

// knownTo returns the names of the formats that know a flag, or "" if it is one
// that all know.
func knownTo(flag string) string {
	var names []string
	for name, f := range formats {
		if slices.Contains(f.flags, flag) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " and ")
}
