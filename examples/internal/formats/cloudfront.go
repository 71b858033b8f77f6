package formats

import (
	"errors"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
)

var cloudfrontFormat = format{
	keys: `
For each key, a line with the key-pair id, followed by the key in
PEM form: private, or public for a server that makes no links.`,
	flags:  []string{"any-host", "cloudfront-cookies", "insecure-allow-sha1", "origin"},
	public: noPrivateKey, // every key is in PEM form
	check: func(o *options) error {
		_, err := parseCloudFront(trialKeyPair, o)
		return err
	},
	parse: parseCloudFront,
}

// trialKeyPair is the trialKey of CloudFront.
const trialKeyPair = `trial
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECnudM485sCoYc4KOIyL4chfu/X4v
AtWZyg+mu+Tz8RwWjTtae73I3K7KReRfpfvxyIjLO2+mqRn/ZFhk2Wfc4A==
-----END PUBLIC KEY-----`

func parseCloudFront(text string, o *options) (middleware.Format, error) {
	if o.origin == "" {
		return nil, errors.New("-origin is missing; it is the scheme and host of the links, which are signed")
	}
	keys, err := keyEntries(text, parseCloudFrontKey)
	if err != nil {
		return nil, err
	}
	return cloudfront.New(o.origin, keys[0], &cloudfront.Options{
		AcceptKeys: keys[1:], AnyHost: o.anyHost, Cookies: o.cookies, InsecureAllowSHA1: o.insecureAllowSHA1,
	})
}

func parseCloudFrontKey(e keyEntry) (cloudfront.Key, error) {
	// The line is not quoted: it may belong to a key that lacks its first line.
	if len(e.pem) == 0 {
		return cloudfront.Key{}, errors.New("a key-pair id must be followed by a key in PEM form")
	}
	return cloudfront.ParseKey(e.text, e.pem)
}
