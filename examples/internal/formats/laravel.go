package formats

import (
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/laravel"
)

var laravelFormat = format{
	keys: `
One key a line, as APP_KEY is configured, including a leading
"base64:"; the current key first, then the previous ones.`,
	flags: []string{"allow-permanent", "any-host", "format-ignore", "insecure-short-keys", "origin"},
	check: func(o *options) error {
		_, err := newLaravel(o, trialKey)
		return err
	},
	parse: parseLaravel,
}

func parseLaravel(text string, o *options) (middleware.Format, error) {
	keys, err := keyLines(text, func(key string) error {
		_, err := newLaravel(o, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newLaravel(o, keys[0], keys[1:]...)
}

func newLaravel(o *options, key string, previous ...string) (*laravel.Format, error) {
	opts := &laravel.Options{
		PreviousKeys: previous, Ignore: o.ignore, AnyHost: o.anyHost, InsecureShortKeys: o.insecureShortKeys,
	}
	if o.origin == "" {
		return laravel.NewRelative(key, opts)
	}
	return laravel.New(o.origin, key, opts)
}
