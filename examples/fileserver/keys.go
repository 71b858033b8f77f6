package main

import (
	"flag"
	"fmt"
	"os"

	"example.com/signedurl/middleware"
)

// keysVariable is the environment variable that can hold the keys instead of a
// file.
const keysVariable = "SIGNEDURL_KEYS"

// keySource is where the keys are, and the format whose keys they are.
type keySource struct {
	file   string
	format string
	flags  formatFlags
}

func (k *keySource) register(fs *flag.FlagSet) {
	fs.StringVar(&k.file, "key-file", "", "read the keys from this `file`; without it, from the environment variable "+keysVariable)
	fs.StringVar(&k.format, "format", "signedurl", "speak the link format of this `name`: "+formatNames())
	k.flags.register(fs)
}

// load reads the keys, of a format that was validated.
func (k *keySource) load() (middleware.Format, error) {
	text := os.Getenv(keysVariable)
	from := "the environment variable " + keysVariable
	switch {
	case k.file != "" && text != "":
		return nil, badUsage("there are keys in -key-file and in %s; give one of them", keysVariable)
	case k.file != "":
		b, err := os.ReadFile(k.file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the keys: %w", err)
		}
		text, from = string(b), k.file
	case text == "" && k.format == "signedurl":
		return nil, badUsage("there is no key: give -key-file, or set %s; make one with 'fileserver keygen'", keysVariable)
	case text == "":
		return nil, badUsage("there is no key: give -key-file, or set %s; see -h for what keys of %s look like", keysVariable, k.format)
	}
	f, err := formats[k.format].parse(text, &k.flags)
	if err != nil {
		return nil, fmt.Errorf("cannot read the keys in %s: %s", from, inFlags(err))
	}
	return f, nil
}

// given reports whether there is a place to load keys from.
func (k *keySource) given() bool { return k.file != "" || os.Getenv(keysVariable) != "" }

// exposed reports whether everybody on the machine can read or write the key
// file. A group may: that is how a service is often given its secrets.
func (k *keySource) exposed() bool {
	if k.file == "" {
		return false
	}
	info, err := os.Stat(k.file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0
}

// generated returns a new key that nothing but this process knows.
func generated() (middleware.Format, error) {
	text, err := middleware.GenerateHMACKey("demo")
	if err != nil {
		return nil, err
	}
	return middleware.ParseKeyring(text)
}
