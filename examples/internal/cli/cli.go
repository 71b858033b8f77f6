// Package cli is the command line of the servers: it dispatches commands,
// parses their flags, and turns their errors into messages and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/signedurl/middleware"
)

// Terminal is where a command reads and writes.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
}

// Command is a command of a program.
type Command struct {
	Name, Summary string
	// Run runs the command. Its error decides the exit code: see [Program.Run].
	Run func(ctx context.Context, args []string, t Terminal) error
}

// Program is a program that consists of commands.
type Program struct {
	Name string
	// Commands are in the order in which the help shows them. The first one
	// runs if no command is named.
	Commands []Command
}

// The exit codes of a program.
const (
	ExitOK     = iota
	ExitFailed // something failed, or the answer is no
	ExitUsage  // the command line is wrong
)

// ErrFailed makes a program exit with [ExitFailed] and print nothing: the
// command has already said why.
var ErrFailed = errors.New("failed")

// UsageError is a mistake in the command line.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// Usagef returns a [UsageError] with a formatted text.
func Usagef(format string, args ...any) error { return UsageError{fmt.Errorf(format, args...)} }

// Text returns the text of an error for the terminal, where the prefix with
// which the library begins its errors says nothing new. Errors that were joined
// have a line each. A link that was typed in the wrong place loses its signature.
func Text(err error) string {
	const prefix = "\nsignedurl: "
	return middleware.Redact(strings.ReplaceAll("\n"+err.Error(), prefix, "\n")[1:])
}

// Run runs the command that args name, and returns the exit code. It prints
// the command's error, a [UsageError] together with how to get help.
func (p Program) Run(ctx context.Context, args []string, t Terminal) int {
	c := p.Commands[0]
	if len(args) > 0 {
		switch first := args[0]; {
		case first == "help" || first == "-h" || first == "-help" || first == "--help":
			p.help(t.Out)
			return ExitOK
		case !strings.HasPrefix(first, "-"):
			var ok bool
			if c, ok = p.command(first); !ok {
				fmt.Fprintf(t.Err, "%s: there is no command %q\n", p.Name, middleware.Redact(first))
				p.help(t.Err)
				return ExitUsage
			}
			args = args[1:]
		}
	}
	err := c.Run(ctx, args, t)
	var usage UsageError
	switch {
	case err == nil || errors.Is(err, errHelp):
		return ExitOK
	case errors.Is(err, ErrFailed):
		return ExitFailed
	case errors.As(err, &usage):
		fmt.Fprintf(t.Err, "%s %s: %s\nRun '%[1]s %[2]s -h' for its flags.\n", p.Name, c.Name, Text(err))
		return ExitUsage
	}
	fmt.Fprintf(t.Err, "%s %s: %s\n", p.Name, c.Name, Text(err))
	return ExitFailed
}

func (p Program) command(name string) (Command, bool) {
	for _, c := range p.Commands {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}

func (p Program) help(w io.Writer) {
	fmt.Fprintf(w, "Usage: %s [command] [flags]\n\nCommands:\n", p.Name)
	for _, c := range p.Commands {
		fmt.Fprintf(w, "  %-8s %s\n", c.Name, c.Summary)
	}
	fmt.Fprintf(w, "\nThe default command is %s. Run '%s COMMAND -h' for the flags of a command.\n", p.Commands[0].Name, p.Name)
}
