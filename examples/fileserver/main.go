// Command fileserver is the reference server: it serves a directory, or a
// built-in demonstration, through signed links, and makes and explains such
// links at the command line.
//
//	go run ./examples/fileserver          # a demonstration, to be opened in a browser
//
//	fileserver keygen -out keys.txt
//	fileserver serve -dir /srv/files -key-file keys.txt
//	fileserver link -key-file keys.txt -lifetime 15s kyc/card.jpg
//	fileserver narrow -lifetime 5s 'http://127.0.0.1:8080/files/kyc/card.jpg?expires_at=...'
//	fileserver check -key-file keys.txt 'http://127.0.0.1:8080/files/kyc/card.jpg?expires_at=...'
//
// With -format, serve, link and check use the link formats of Laravel, Django,
// CloudFront, Cloud Storage and S3 instead of the project's own.
//
// Every command explains its flags with -h. The exit code is 0 on success, 1 if
// something failed or a link was refused, and 2 if the command line is wrong.
// Secrets come from files or from the environment and never from flags, which
// every user of the machine can read.
package main

import (
	"context"
	"os"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/examples/internal/commands"
)

// name is the name of the program.
const name = "fileserver"

var program = cli.Program{Name: name, Commands: []cli.Command{
	{Name: "serve", Summary: "serve a directory or, without one, a demonstration", Run: serve},
	commands.Link(name),
	commands.Narrow(name),
	commands.Check(name),
	commands.Keygen(name),
	{Name: "revoke", Summary: "revoke links by their id", Run: revoke},
	commands.Version(name),
}}

func main() {
	t := cli.Terminal{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	os.Exit(program.Run(context.Background(), os.Args[1:], t))
}
