package main

import (
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/laravel"
)

var laravelFormat = linkFormat{
	keys: `
One key a line, as APP_KEY is configured, with "base64:" if it
begins so; the previous keys below the present one.`,
	flags: []string{"allow-permanent", "any-host", "format-ignore", "insecure-short-keys", "origin"},
	trial: "0123456789abcdef0123456789abcdef",
	parse: parseLaravel,
}

func parseLaravel(text string, o *formatFlags) (middleware.Format, error) {
	opts := laravel.Options{Ignore: o.ignore, AnyHost: o.anyHost, InsecureShortKeys: o.insecureShortKeys}
	open := func(key string) (*laravel.Format, error) {
		if o.origin == "" {
			return laravel.NewRelative(key, &opts)
		}
		return laravel.New(o.origin, key, &opts)
	}
	keys, err := keyLines(text, func(key string) error {
		_, err := open(key)
		return err
	})
	if err != nil {
		return nil, err
	}
	opts.PreviousKeys = keys[1:]
	return open(keys[0])
}
