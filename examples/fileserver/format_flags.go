package main

import (
	"crypto"
	"errors"
	"flag"
	"slices"
	"strings"
	"time"
)

// formatFlags are what formats must know besides their keys. Each is known to
// the formats that list it, and a mistake with the others.
type formatFlags struct {
	origin            string
	anyHost           bool
	ignore            []string
	insecureShortKeys bool

	// Of Django.
	salt, separator   string
	hash              crypto.Hash
	maxAge            time.Duration
	untimed           bool
	object            bool
	member            string
	escaped, subtrees bool
	parameter         string

	// Of CloudFront, Cloud Storage and S3.
	cookies           bool
	insecureAllowSHA1 bool
	region            string
	signedHost        string
}

func (o *formatFlags) register(fs *flag.FlagSet) {
	usage := func(name, text string) (string, string) {
		return name, "with " + knownTo(name) + ": " + text
	}
	str := func(p *string, value, name, text string) {
		name, text = usage(name, text)
		fs.StringVar(p, name, value, text)
	}
	is := func(p *bool, name, text string) {
		name, text = usage(name, text)
		fs.BoolVar(p, name, false, text)
	}
	str(&o.origin, "", "origin", "the scheme and host of the links as the signer has them, such as https://app.example.com, a `URL` without a path; Laravel's links without it are relative ones")
	is(&o.anyHost, "any-host", "accept links whatever host the request names, behind a proxy that changes it; without it, the host must be that of -origin")
	name, text := usage("format-ignore", "let requests have query parameters of these `names` that nobody signed, a comma-separated list")
	listFlag(fs, &o.ignore, name, text)
	is(&o.insecureShortKeys, "insecure-short-keys", "accept keys so short that they can be guessed from one link")

	str(&o.salt, "", "salt", "the signer's `salt`; without it, Django's own for such a signer")
	str(&o.separator, ":", "separator", "the signer's `sep`")
	name, text = usage("hash", "the signer's `algorithm`: sha256, which is the default, sha1 or sha512")
	fs.Func(name, text, func(s string) error {
		var ok bool
		if o.hash, ok = hashes[s]; !ok {
			return errors.New("it is sha1, sha256 or sha512")
		}
		return nil
	})
	name, text = usage("max-age", "let a token be good for this `duration` from when it was made, Django's max_age; without it, tokens never expire")
	fs.DurationVar(&o.maxAge, name, 0, text)
	is(&o.untimed, "untimed", "the tokens are those of Signer, which hold no time, and not of TimestampSigner")
	is(&o.object, "object", "the tokens are signed objects, of dumps or sign_object")
	str(&o.member, "", "member", "the path is this `member` of the object, and not the object itself")
	is(&o.escaped, "escaped", "the signed paths are escaped, as reverse gives them")
	is(&o.subtrees, "subtree-tokens", "let a token for a path that ends in a slash open all that lies below it")
	str(&o.parameter, "token", "parameter", "the `name` of the query parameter that holds the token")

	is(&o.cookies, "cloudfront-cookies", "accept links that come as the CloudFront cookies too; link prints such cookies for -under")
	is(&o.insecureAllowSHA1, "insecure-allow-sha1", "accept signatures over SHA-1, which is broken, of SDKs that know no other hash")
	str(&o.region, "", "region", "the `region` for which links are signed, such as us-east-1")
	str(&o.signedHost, "", "signed-host", "the `host` that is signed, where a proxy changes it on the way to this server; without it, that of the request or the link")
}

var hashes = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha512": crypto.SHA512}

// validate finds what is wrong with the flags of a format without its keys.
func (k *keySource) validate(fs *flag.FlagSet) error {
	format, ok := formats[k.format]
	if !ok {
		return badUsage("there is no format %q; the formats are %s", k.format, formatNames())
	}
	var err error
	fs.Visit(func(f *flag.Flag) {
		if names := knownTo(f.Name); names != "" && !slices.Contains(format.flags, f.Name) {
			err = badUsage("-%s is for the format %s, and this is %s", f.Name, names, k.format)
		}
	})
	if err != nil || format.trial == "" {
		return err
	}
	if _, err := format.parse(format.trial, &k.flags); err != nil {
		return badUsage("%s", inFlags(err))
	}
	return nil
}

// longest returns for how long a link of the format can live, or 0.
func (k *keySource) longest() time.Duration {
	if longest := formats[k.format].longest; longest != nil {
		return longest(&k.flags)
	}
	return 0
}

// optionNames are the names of options, in the errors of the formats, that are
// called otherwise at the command line.
var optionNames = strings.NewReplacer(
	"AnyHost", "-any-host",
	"InsecureShortKeys", "-insecure-short-keys",
	"MaxAge", "-max-age",
	"Untimed", "-untimed",
	"Member needs Object", "-member needs -object",
	"Host must be", "-signed-host must be",
	"the Options name one", "-signed-host name one",
)

// inFlags returns the text of a format's error for somebody who has flags in
// front of him and no Go.
func inFlags(err error) string {
	return optionNames.Replace(strings.TrimPrefix(err.Error(), "signedurl: "))
}
