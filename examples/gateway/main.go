// Command gateway is the reference server for several machines: the same server
// as fileserver, with the files in a bucket, limited uses and revocations in
// Redis, and OpenTelemetry.
//
//	gateway keygen -out keys.txt
//	gateway serve -key-file keys.txt -files 's3://cards?region=eu-central-1' \
//		-uses redis://redis.internal -revocations redis://redis.internal
//	gateway revoke -revocations redis://redis.internal order-1138
//
// Flags can be set in the environment, in a file, and as credentials of systemd.
// The exit code is 0 on success, 1 if something failed or a link was refused, and
// 2 if the configuration is wrong.
package main

import (
	"context"
	"os"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/commands"
)

// name is the name of the program.
const name = "gateway"

var program = cli.Program{Name: name, Commands: []cli.Command{
	{Name: "serve", Summary: "serve files through signed links", Run: serve},
	commands.Link(name),
	commands.Narrow(name),
	commands.Check(name),
	commands.Keygen(name),
	{Name: "revoke", Summary: "revoke links by their id, on all gateways", Run: revoke},
	commands.Version(name),
}}

func main() {
	t := cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	os.Exit(program.Run(context.Background(), os.Args[1:], t))
}
