package commands

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
)

const keygenHelp = `
Keygen generates a random key and writes it in text form, as one line of a key
file. An HMAC key signs and verifies. An Ed25519 key has two halves: the private
one signs, for the service that issues links, and the public one verifies, for
servers that must not be able to issue any.

Without -out, the key goes to the standard output, followed by the public half
as a comment. The text is the secret: treat it as one.`

// Keygen is the command keygen.
func Keygen(program string) cli.Command {
	return cli.Command{Name: "keygen", Summary: "generate a key", Run: func(_ context.Context, args []string, t cli.Terminal) error {
		return keygen(program, args, t)
	}}
}

func keygen(program string, args []string, t cli.Terminal) error {
	fs := cli.NewFlags(program, "keygen", "", keygenHelp)
	kind := fs.String("type", "hmac", "generate a key of this `type`: hmac or ed25519")
	id := fs.String("id", "", "the key's `id`, which its links show; the default consists of today's date and random letters")
	out := fs.String("out", "", "write the key to this new `file`, which only its owner can read, and the public half to file.pub")
	if err := fs.ParseArgs(args, 0, 0, t.Out); err != nil {
		return err
	}
	if *id == "" {
		*id = freshID()
	}
	var private, public string
	var err error
	switch *kind {
	case "hmac":
		private, err = middleware.GenerateHMACKey(*id)
	case "ed25519":
		private, public, err = middleware.GenerateEd25519Key(*id)
	default:
		return cli.Usagef("-type must be hmac or ed25519, not %q", *kind)
	}
	if err != nil {
		return cli.UsageError{Err: err}
	}
	if *out == "" {
		text := private + "\n"
		if public != "" {
			text += "# public: " + public + "\n"
		}
		_, err := io.WriteString(t.Out, text)
		return err
	}
	if public != "" {
		// The public half comes first: one without a private half harms nobody.
		if err := writeNew(*out+".pub", public, 0o644); err != nil {
			return err
		}
	}
	if err := writeNew(*out, private, 0o600); err != nil {
		if public != "" {
			os.Remove(*out + ".pub")
		}
		return err
	}
	return nil
}

// writeNew writes a file that must not exist: to overwrite a key would kill
// every link that it signed.
func writeNew(name, line string, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("cannot write the key: %w", err)
	}
	_, err = fmt.Fprintln(f, line)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err != nil {
		os.Remove(name) // half a key
		return fmt.Errorf("cannot write the key: %w", err)
	}
	return nil
}

// freshID returns an id that no other key has: a server can hold an old and a
// new key at the same time only under different ids.
func freshID() string {
	return time.Now().UTC().Format("20060102") + "-" + strings.ToLower(rand.Text()[:6])
}
