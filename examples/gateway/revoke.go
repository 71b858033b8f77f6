package main

import (
	"context"
	"fmt"
	"time"

	"example.com/signedurl/examples/gateway/internal/engines"
	"example.com/signedurl/examples/internal/cli"
)

const revokeHelp = `
Revoke makes all gateways that have the same -revocations refuse the links of the
ids, within a moment. A revocation cannot be undone. If it fails, some of the ids
may be revoked: run it again.`

// revokeTimeout is for all ids of one command.
const revokeTimeout = 30 * time.Second

func revoke(ctx context.Context, args []string, t cli.Terminal) error {
	flags := cli.NewFlags(name, "revoke", "ID ...", revokeHelp)
	at := flags.String("revocations", "", "the Redis of the gateways, as a `URL`: "+engines.RedisHelp)
	prefix := flags.String("redis-prefix", defaultPrefix, "the `prefix` of the gateways' keys in Redis")
	var until time.Time
	flags.DeadlineVar(&until, "until", "forget the revocation at this `time`, when the last link of the id has expired; a date means the end of that day in UTC, and a duration counts from now; the default is never")
	flags.Secret("revocations")
	flags.Environment()
	if err := flags.ParseArgs(args, 1, 1000, t.Out); err != nil {
		return err
	}
	if *at == "" {
		return cli.Usagef("-revocations is missing")
	}
	var state engines.State
	defer state.Close()
	mirror, err := state.Revocations(*at, *prefix, 0)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	for _, id := range flags.Args() {
		if err := mirror.Revoke(ctx, id, until); err != nil {
			return fmt.Errorf("cannot revoke %q: %w", id, err)
		}
		fmt.Fprintf(t.Out, "revoked %s\n", id)
	}
	return nil
}
