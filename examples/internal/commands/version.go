package commands

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"

	"example.com/signedurl/examples/internal/cli"
)

const versionHelp = `
Version prints the program's version, the commit that it was built from, and the
version of Go.`

// Version is the command version.
func Version(program string) cli.Command {
	return cli.Command{Name: "version", Summary: "print the version", Run: func(_ context.Context, args []string, t cli.Terminal) error {
		flags := cli.NewFlags(program, "version", "", versionHelp)
		if err := flags.ParseArgs(args, 0, 0, t.Out); err != nil {
			return err
		}
		info, ok := debug.ReadBuildInfo()
		if !ok {
			info = &debug.BuildInfo{}
		}
		commit, changed := "", ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = ", changed since"
			}
		}
		_, err := fmt.Fprintf(t.Out, "%s %s\ncommit %s%s\n%s\n", program,
			cmp.Or(info.Main.Version, "unknown"), cmp.Or(commit, "unknown"), changed, cmp.Or(info.GoVersion, "unknown"))
		return err
	}}
}
