package main

import (
	"errors"
	"strings"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/s3"
)

var s3Format = linkFormat{
	keys: `
ACCESS_KEY_ID:SECRET_ACCESS_KEY, one a line; a temporary key has
its session token behind it, after a space.`,
	flags:   []string{"region", "signed-host"},
	trial:   "trial:0123456789abcdef0123456789abcdef",
	longest: sevenDays,
	parse:   parseS3,
}

func parseS3(text string, o *formatFlags) (middleware.Format, error) {
	if o.region == "" {
		return nil, errors.New("-region is missing: the region for which links are signed, such as us-east-1")
	}
	if err := o.checkSignedHost(); err != nil {
		return nil, err
	}
	keys, err := keyEntries(text, parseS3Key)
	if err != nil {
		return nil, err
	}
	return s3.New(keys[0], o.region, &s3.Options{Accept: keys[1:], Host: o.signedHost})
}

func parseS3Key(e keyEntry) (s3.Key, error) {
	pair, token, temporary := strings.Cut(e.text, " ")
	id, secret, ok := strings.Cut(pair, ":")
	if !ok || len(e.pem) > 0 || strings.ContainsAny(token, " \t") {
		return s3.Key{}, errors.New("it is not ACCESS_KEY_ID:SECRET_ACCESS_KEY, or that with a session token after a space")
	}
	if temporary {
		return s3.NewTemporaryKey(id, secret, token)
	}
	return s3.NewKey(id, secret)
}
