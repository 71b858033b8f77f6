package main

import (
	"errors"
	"fmt"
	"strings"
)

var errNoKey = errors.New("there is no key in it")

// atLine says on which line of a text of keys the fault lies.
func atLine(n int, err error) error {
	return fmt.Errorf("line %d: %s", n, strings.TrimPrefix(err.Error(), "signedurl: "))
}

// keyLines returns the lines of a text of which each is a key as it is, and
// has check look at them. Empty lines and the space around a line do not
// count.
//
// A key of these may begin with "#", so that there are no comments. Somebody
// may still write one, or take a leaked key out of use that way: it would be a
// key itself, and one that can be guessed.
func keyLines(text string, check func(key string) error) ([]string, error) {
	var keys []string
	hash, n := 0, 0 // the number of the first line that begins with "#", and of this one
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
		return nil, atLine(hash, errors.New("it begins with #, and would be a key; there are no comments among these keys"))
	}
	return keys, nil
}

// keyEntry is a line of a text of keys, with the PEM blocks below it.
type keyEntry struct {
	text string
	pem  []byte
}

// keyEntries has parse read the entries of a text. Empty lines, lines that
// begin with "#" and the space around a line do not count.
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
				return nil, atLine(n, errors.New("there is no line with the name of the key before it"))
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
