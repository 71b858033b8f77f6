package main

import (
	"errors"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

var cloudfrontFormat = linkFormat{
	keys: `
For each key, a line with the key-pair id, and below it the key in
PEM form: private, or public for a server that makes no links.`,
	flags: []string{"any-host", "cloudfront-cookies", "insecure-allow-sha1", "origin"},
	trial: `trial
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECnudM485sCoYc4KOIyL4chfu/X4v
AtWZyg+mu+Tz8RwWjTtae73I3K7KReRfpfvxyIjLO2+mqRn/ZFhk2Wfc4A==
-----END PUBLIC KEY-----`,
	parse: parseCloudFront,
}

func parseCloudFront(text string, o *formatFlags) (middleware.Format, error) {
	if o.origin == "" {
		return nil, errors.New("-origin is missing: the scheme and host of the links, which are signed")
	}
	keys, err := keyEntries(text, func(e keyEntry) (cloudfront.Key, error) {
		// The line is not quoted, since it may be one of a key without its
		// first line.
		if len(e.pem) == 0 {
			return cloudfront.Key{}, errors.New("it is a key-pair id only if a key in PEM form is below it")
		}
		return cloudfront.ParseKey(e.text, e.pem)
	})
	if err != nil {
		return nil, err
	}
	return cloudfront.New(o.origin, keys[0], &cloudfront.Options{
		Accept: keys[1:], AnyHost: o.anyHost, Cookies: o.cookies, InsecureAllowSHA1: o.insecureAllowSHA1,
	})
}
