package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware/memstore"
)

const revokeHelp = `
Revoke writes ids of links into a file, for the flag -revoked of serve and
check. A running server reloads the file on SIGHUP. A revocation cannot be
undone. Without an id, revoke only creates the file if it does not exist.`

func revoke(_ context.Context, args []string, t cli.Terminal) error {
	flags := cli.NewFlags(name, "revoke", "[ID ...]", revokeHelp)
	file := flags.String("file", "", "add to this `file`")
	var until time.Time
	flags.DeadlineVar(&until, "until", "forget the revocation at this `time`, when the last link of the id has expired; a date means the end of that day in UTC, and a duration counts from now; the default is never")
	if err := flags.ParseArgs(args, 0, 1000, t.Out); err != nil {
		return err
	}
	if *file == "" {
		return cli.Usagef("-file is missing")
	}
	list := memstore.NewRevocations(nil)
	if err := list.Load(*file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, id := range flags.Args() {
		if err := list.Revoke(id, until); err != nil {
			return err
		}
	}
	return list.Save(*file)
}
