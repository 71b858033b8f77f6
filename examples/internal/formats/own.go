package formats

import "example.com/signedurl/middleware"

var own = format{
	keys: `
One key a line, as keygen makes them.`,
	flags: []string{"allow-permanent", "binding", "cookie", "revoked", "use-window"},
	parse: func(keys string, _ *options) (middleware.Format, error) { return middleware.ParseKeyring(keys) },
}

// ephemeral returns a format with a new key that only this process knows.
func ephemeral() (middleware.Format, error) {
	text, err := middleware.GenerateHMACKey("demo")
	if err != nil {
		return nil, err
	}
	return middleware.ParseKeyring(text)
}
