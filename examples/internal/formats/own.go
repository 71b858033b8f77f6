package formats

import (
	"strings"

	"example.com/signedurl/middleware"
)

var own = format{
	keys: `
One key a line, as keygen prints them. In the environment variable,
any white space separates keys.`,
	flags:        []string{"allow-permanent", "binding", "confirm", "cookie", "revoked", "use-window"},
	fromVariable: ownLines,
	public:       ownPublic,
	hint:         "; '%s keygen' makes a key",
	parse:        func(keys string, _ *options) (middleware.Format, error) { return middleware.ParseKeyring(keys) },
}

// ownLines gives each key a line of its own: many ways to set an environment
// variable cannot put line feeds into it, and keys hold no white space.
func ownLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0][0] != '#' {
			line = strings.Join(fields, "\n") + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// ownPublic reports whether no line is a secret, not even a comment: a key that
// is no longer in use may still open links elsewhere.
func ownPublic(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			for word := range strings.FieldsSeq(comment) {
				if key, err := middleware.ParseKey(word); err == nil && key.CanSign() {
					return false
				}
			}
		} else if key, err := middleware.ParseKey(line); err != nil || key.CanSign() {
			return false
		}
	}
	return true
}

// ephemeral returns a format with a new key that only this process knows.
func ephemeral() (middleware.Format, error) {
	text, err := middleware.GenerateHMACKey("demo")
	if err != nil {
		return nil, err
	}
	return middleware.ParseKeyring(text)
}
