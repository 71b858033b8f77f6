package formats

import (
	"errors"
	"strings"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/s3"
)

var s3Format = format{
	keys: `
ACCESS_KEY_ID:SECRET_ACCESS_KEY, one a line; a temporary key is
followed by a space and its session token.`,
	flags: []string{"region", "signed-host"},
	check: func(o *options) error {
		_, err := parseS3("trial:"+trialKey, o)
		return err
	},
	longest: sevenDays,
	parse:   parseS3,
}

func parseS3(text string, o *options) (middleware.Format, error) {
	if o.region == "" {
		return nil, errors.New("-region is missing; it is the region for which links are signed, such as us-east-1")
	}
	if err := o.checkSignedHost(); err != nil {
		return nil, err
	}
	keys, err := keyEntries(text, parseS3Key)
	if err != nil {
		return nil, err
	}
	return s3.New(keys[0], o.region, &s3.Options{AcceptKeys: keys[1:], Host: o.signedHost})
}

func parseS3Key(e keyEntry) (s3.Key, error) {
	pair, token, temporary := strings.Cut(e.text, " ")
	id, secret, ok := strings.Cut(pair, ":")
	if !ok || len(e.pem) > 0 || strings.ContainsAny(token, " \t") {
		return s3.Key{}, errors.New("it is not ACCESS_KEY_ID:SECRET_ACCESS_KEY, optionally followed by a space and a session token")
	}
	if temporary {
		return s3.NewTemporaryKey(id, secret, token)
	}
	return s3.NewKey(id, secret)
}
