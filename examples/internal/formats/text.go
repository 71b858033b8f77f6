package formats

import (
	"errors"
	"fmt"
	"strings"

	"example.com/signedurl/examples/internal/cli"
)

var errNoKey = errors.New("there is no key in it")

// atLine returns an error that names the line with the fault.
func atLine(n int, err error) error { return fmt.Errorf("line %d: %s", n, cli.Text(err)) }

// keyLines returns the lines of a text whose lines are keys as is, after check
// has judged each. Empty lines and the space around a line do not count.
//
// A key may begin with "#", so there are no comments. An operator may still
// write one, or disable a leaked key that way: the line would be a key, and
// one that can be guessed.
func keyLines(text string, check func(key string) error) ([]string, error) {
	var keys []string
	hash, n := 0, 0 // the numbers of the first line that begins with "#", and of the current one
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if line[0] == '#' && hash == 0 {
			hash = n
		}
		if err := check(line); err != nil {
			return nil, atLine(n, err)
		}
		keys = append(keys, line)
	}
	switch {
	case len(keys) == 0:
		return nil, errNoKey
	case hash > 0 && len(keys) > 1:
		return nil, atLine(hash, errors.New("it begins with # and would be a key; these keys cannot have comments between them"))
	}
	return keys, nil
}

// keyEntry is a line of a text of keys, with the PEM blocks that follow it.
type keyEntry struct {
	text string
	pem  []byte
}

// noPrivateKey reports whether a text holds no private key in PEM form, of
// whatever kind.
func noPrivateKey(text string) bool { return !strings.Contains(text, "PRIVATE KEY") }

// keyEntries parses the entries of a text. Empty lines, lines that begin with
// "#" and the space around a line do not count.
func keyEntries[K any](text string, parse func(keyEntry) (K, error)) ([]K, error) {
	var entries []keyEntry
	var lines []int
	inPEM, n := false, 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		switch {
		case inPEM || strings.HasPrefix(line, "-----BEGIN "):
			if len(entries) == 0 {
				return nil, atLine(n, errors.New("the name of the key is missing on a line before it"))
			}
			last := &entries[len(entries)-1]
			last.pem = append(last.pem, line+"\n"...)
			inPEM = !strings.HasPrefix(line, "-----END ")
		case line == "" || line[0] == '#':
		default:
			entries = append(entries, keyEntry{text: line})
			lines = append(lines, n)
		}
	}
	if len(entries) == 0 {
		return nil, errNoKey
	}
	keys := make([]K, len(entries))
	for i, e := range entries {
		var err error
		if keys[i], err = parse(e); err != nil {
			return nil, atLine(lines[i], err)
		}
	}
	return keys, nil
}
