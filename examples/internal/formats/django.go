package formats

import (
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
)

var djangoFormat = format{
	keys: `
One key a line: SECRET_KEY, followed by the SECRET_KEY_FALLBACKS.`,
	flags: []string{"allow-permanent", "escaped", "format-ignore", "hash", "insecure-short-keys", "max-age", "member",
		"object", "parameter", "salt", "separator", "subtree-tokens", "untimed"},
	check: func(o *options) error {
		_, err := newDjango(o, trialKey)
		return err
	},
	longest: func(o *options) time.Duration { return o.maxAge },
	parse:   parseDjango,
}

func parseDjango(text string, o *options) (middleware.Format, error) {
	keys, err := keyLines(text, func(key string) error {
		_, err := newDjango(o, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newDjango(o, keys[0], keys[1:]...)
}

func newDjango(o *options, key string, fallback ...string) (*django.Format, error) {
	return django.New(key, &django.Options{
		FallbackKeys: fallback,
		Salt:         o.salt, Separator: o.separator, Hash: o.hash,
		Untimed: o.untimed, MaxAge: o.maxAge,
		Object: o.object, Member: o.member,
		Escaped: o.escaped, Subtree: o.subtrees,
		Parameter: o.parameter, Ignore: o.ignore,
		InsecureShortKeys: o.insecureShortKeys,
	})
}
