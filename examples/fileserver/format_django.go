package main

import (
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
)

var djangoFormat = linkFormat{
	keys: `
One key a line: SECRET_KEY, and below it the SECRET_KEY_FALLBACKS.`,
	flags: []string{"allow-permanent", "escaped", "format-ignore", "hash", "insecure-short-keys", "max-age", "member",
		"object", "parameter", "salt", "separator", "subtree-tokens", "untimed"},
	trial:   "0123456789abcdef0123456789abcdef",
	longest: func(o *formatFlags) time.Duration { return o.maxAge },
	parse:   parseDjango,
}

func parseDjango(text string, o *formatFlags) (middleware.Format, error) {
	opts := django.Options{
		Salt: o.salt, Separator: o.separator, Hash: o.hash,
		Untimed: o.untimed, MaxAge: o.maxAge,
		Object: o.object, Member: o.member,
		Escaped: o.escaped, Subtree: o.subtrees,
		Parameter: o.parameter, Ignore: o.ignore,
		InsecureShortKeys: o.insecureShortKeys,
	}
	keys, err := keyLines(text, func(key string) error {
		_, err := django.New(key, &opts)
		return err
	})
	if err != nil {
		return nil, err
	}
	opts.FallbackKeys = keys[1:]
	return django.New(keys[0], &opts)
}
