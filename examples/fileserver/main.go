// Command fileserver is the reference server: it serves a directory, or a
// demonstration that it carries within itself, through signed links, and makes
// and explains such links at the command line.
//
//	go run ./examples/fileserver          # a demonstration, to be opened in a browser
//
//	fileserver keygen -out keys.txt
//	fileserver serve -dir /srv/files -key-file keys.txt
//	fileserver link -key-file keys.txt -lifetime 15s kyc/card.jpg
//	fileserver check -key-file keys.txt 'http://127.0.0.1:8080/files/kyc/card.jpg?expires_at=...'
//
// With -format, serve, link and check speak the link formats of Laravel, Django,
// CloudFront, Cloud Storage and S3 as well.
//
// Every command explains its flags with -h. The exit code is 0 if all went
// well, 1 if something failed or a link was refused, and 2 if the command line
// is wrong. Secrets come from files or from the environment and never from
// flags, which every user of the machine can read.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

//go:generate go run ./demo/generate demo/files

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks, and the second one ends the program at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// terminal is where a command reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, t terminal) error
}

func commands() []command {
	return []command{
		{"serve", "serve a directory or, without one, a demonstration", serve},
		{"link", "sign a link to a file", link},
		{"check", "explain why a link is accepted or refused", check},
		{"keygen", "generate a key", keygen},
		{"revoke", "revoke links by their id", revoke},
	}
}

// The exit codes.
const (
	exitOK = iota
	exitFailed
	exitUsage
)

// errRefused says that a link was refused. It has been explained already.
var errRefused = errors.New("refused")

// usageError is a fault in the command line.
type usageError struct{ error }

func badUsage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run is the program without its process: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name := "serve"
	if len(args) > 0 {
		switch first := args[0]; {
		case first == "help" || first == "-h" || first == "-help" || first == "--help":
			printUsage(stdout)
			return exitOK
		case !strings.HasPrefix(first, "-"):
			name, args = first, args[1:]
		}
	}
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		err := c.run(ctx, args, terminal{stdin, stdout, stderr})
		var wrong usageError
		switch {
		case err == nil || errors.Is(err, errHelp):
			return exitOK
		case errors.As(err, &wrong):
			fmt.Fprintf(stderr, "fileserver %s: %v\nRun 'fileserver %s -h' for its flags.\n", name, err, name)
			return exitUsage
		case errors.Is(err, errRefused):
			return exitFailed
		}
		fmt.Fprintf(stderr, "fileserver %s: %v\n", name, err)
		return exitFailed
	}
	fmt.Fprintf(stderr, "fileserver: there is no command %q\n", name)
	printUsage(stderr)
	return exitUsage
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, "Usage: fileserver [command] [flags]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\nWithout a command it serves. Run 'fileserver COMMAND -h' for the flags of a command.\n")
}
