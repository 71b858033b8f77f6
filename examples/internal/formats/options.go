package formats

import (
	"crypto"
	"errors"
	"strings"
	"time"

	"example.com/signedurl/examples/internal/cli"
)

// options configure a format, besides its keys. Each applies to the formats
// that list its flag, and is a mistake with the others.
type options struct {
	origin            string
	anyHost           bool
	ignore            []string
	insecureShortKeys bool

	// Django
	salt, separator   string
	hash              crypto.Hash
	maxAge            time.Duration
	untimed           bool
	object            bool
	member            string
	escaped, subtrees bool
	parameter         string

	// CloudFront, Cloud Storage and S3
	cookies           bool
	insecureAllowSHA1 bool
	region            string
	signedHost        string
}

func (o *options) register(fs *cli.Flags) {
	usage := func(name, text string) (string, string) {
		return name, "with " + having(name) + ": " + text
	}
	str := func(p *string, value, name, text string) {
		name, text = usage(name, text)
		fs.StringVar(p, name, value, text)
	}
	is := func(p *bool, name, text string) {
		name, text = usage(name, text)
		fs.BoolVar(p, name, false, text)
	}
	str(&o.origin, "", "origin", "the scheme and host of the links as their signer knows them, a `URL` without a path such as https://app.example.com; without it, Laravel's links are relative ones")
	is(&o.anyHost, "any-host", "accept links for any host that the request names, for use behind a proxy that changes the host; without it, the host must be that of -origin")
	name, text := usage("format-ignore", "allow query parameters of these `names` that are not signed, a comma-separated list")
	fs.ListVar(&o.ignore, name, text)
	is(&o.insecureShortKeys, "insecure-short-keys", "accept keys that are short enough to be guessed from one link")

	str(&o.salt, "", "salt", "the signer's `salt`; the default is Django's own for such a signer")
	str(&o.separator, ":", "separator", "the signer's `sep`")
	name, text = usage("hash", "the signer's `algorithm`: sha1, sha256 or sha512; the default is sha256")
	fs.Func(name, text, func(s string) error {
		var ok bool
		if o.hash, ok = hashes[s]; !ok {
			return errors.New("it must be sha1, sha256 or sha512")
		}
		return nil
	})
	name, text = usage("max-age", "accept a token for this `duration` after it was made, like Django's max_age; without it, tokens never expire")
	fs.DurationVar(&o.maxAge, name, 0, text)
	is(&o.untimed, "untimed", "accept the tokens of Signer, which hold no time, instead of those of TimestampSigner")
	is(&o.object, "object", "accept signed objects, as dumps and sign_object make them")
	str(&o.member, "", "member", "take the path from this `member` of the object, instead of the object itself")
	is(&o.escaped, "escaped", "the signed paths are escaped, as reverse returns them")
	is(&o.subtrees, "subtree-tokens", "let a token for a path that ends in a slash open everything below it")
	str(&o.parameter, "token", "parameter", "the `name` of the query parameter that holds the token")

	is(&o.cookies, "cloudfront-cookies", "also accept links in the CloudFront cookies; link prints such cookies for -under")
	is(&o.insecureAllowSHA1, "insecure-allow-sha1", "accept signatures over SHA-1, which is broken, for SDKs that support no other hash")
	str(&o.region, "", "region", "the `region` for which links are signed, such as us-east-1")
	str(&o.signedHost, "", "signed-host", "the `host` that is signed, for use behind a proxy that changes the host; the default is that of the request or the link")
}

var hashes = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha512": crypto.SHA512}

// sevenDays is the longest life of a link of Cloud Storage or S3.
func sevenDays(*options) time.Duration { return 7 * 24 * time.Hour }

// checkSignedHost refuses a URL in place of a host.
func (o *options) checkSignedHost() error {
	if strings.ContainsAny(o.signedHost, "/?#@") {
		return errors.New("-signed-host is a host with an optional port, not a URL")
	}
	return nil
}
