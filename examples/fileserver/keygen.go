package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

const keygenHelp = `
Keygen makes a key from the system's source of randomness and writes it in text
form, which is a line of a key file. An HMAC key signs and verifies. Of an
Ed25519 key, the private half signs, for the service that issues links, and the
public half verifies, for the servers that must not be able to issue any.

Without -out, the key goes to the standard output, the public half behind it as
a comment. The text is the secret: keep it as one.`

func keygen(_ context.Context, args []string, t terminal) error {
	fs := newFlags("keygen", "", keygenHelp)
	kind := fs.String("type", "hmac", "make a key of this `type`: hmac or ed25519")
	id := fs.String("id", "", "give the key this `id`, which its links show; without it, a name made of today's date and some random letters")
	out := fs.String("out", "", "write the key to this new `file`, readable by its owner alone, and the public half to file.pub")
	if err := parse(fs, args, 0, 0, t.out); err != nil {
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
		return badUsage("-type is hmac or ed25519, not %q", *kind)
	}
	if err != nil {
		return usageError{err}
	}
	if *out == "" {
		fmt.Fprintln(t.out, private)
		if public != "" {
			fmt.Fprintln(t.out, "# public:", public)
		}
		return nil
	}
	if err := writeNew(*out, private, 0o600); err != nil || public == "" {
		return err
	}
	return writeNew(*out+".pub", public, 0o644)
}

// writeNew writes a file that must not exist: a key that was overwritten kills
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
	return err
}

// freshID returns an id that no other key has: a server can hold an old key
// and a new one at the same time only under different ids.
func freshID() string {
	return time.Now().UTC().Format("20060102") + "-" + strings.ToLower(rand.Text()[:6])
}
