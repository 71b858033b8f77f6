package main

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"example.com/signedurl/middleware/memstore"
)

const revokeHelp = `
Revoke writes ids of links into a file, for the -revoked of serve and check. A
server that runs reads the file again on SIGHUP. A revocation cannot be taken
back. Without an id, it makes the file if it is not there.`

func revoke(_ context.Context, args []string, t terminal) error {
	flags := newFlags("revoke", "[ID ...]", revokeHelp)
	file := flags.String("file", "", "add to this `file`")
	var until time.Time
	timeFlag(flags, &until, "until", "forget the revocation at this `time`, when the last link of the id has expired; a duration counts from now; without it, never")
	if err := parse(flags, args, 0, 1000, t.out); err != nil {
		return err
	}
	if *file == "" {
		return badUsage("-file is missing")
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
