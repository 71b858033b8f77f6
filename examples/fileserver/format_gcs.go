package main

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/gcs"
)

var gcsFormat = linkFormat{
	keys: `
Either JSON key files of service accounts, one behind the other;
or ACCESS_ID:SECRET for each HMAC key, and for each public key a line
with the account's address, and below it the key in PEM form or
Google's certificate of it.`,
	flags:   []string{"signed-host"},
	trial:   "trial:0123456789abcdef0123456789abcdef",
	longest: sevenDays,
	parse:   parseGCS,
}

// sevenDays is for how long a link of Cloud Storage or S3 lives at most.
func sevenDays(*formatFlags) time.Duration { return 7 * 24 * time.Hour }

// checkSignedHost refuses a URL in place of a host.
func (o *formatFlags) checkSignedHost() error {
	if strings.ContainsAny(o.signedHost, "/?#@") {
		return errors.New("-signed-host is a host, with a port if need be, and no URL")
	}
	return nil
}

func parseGCS(text string, o *formatFlags) (middleware.Format, error) {
	if err := o.checkSignedHost(); err != nil {
		return nil, err
	}
	var keys []gcs.Key
	var err error
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		keys, err = parseServiceAccounts(text)
	} else {
		keys, err = keyEntries(text, parseGCSKey)
	}
	if err != nil {
		return nil, err
	}
	return gcs.New(keys[0], &gcs.Options{Accept: keys[1:], Host: o.signedHost})
}

func parseServiceAccounts(text string) (keys []gcs.Key, err error) {
	for files := json.NewDecoder(strings.NewReader(text)); ; {
		var file json.RawMessage
		if err := files.Decode(&file); errors.Is(err, io.EOF) {
			return keys, nil
		} else if err != nil { // which may quote the file
			return nil, fmt.Errorf("key file %d is not JSON", len(keys)+1)
		}
		key, err := gcs.ParseServiceAccountKey(file)
		if err != nil {
			return nil, fmt.Errorf("key file %d: %s", len(keys)+1, strings.TrimPrefix(err.Error(), "signedurl: "))
		}
		keys = append(keys, key)
	}
}

func parseGCSKey(e keyEntry) (gcs.Key, error) {
	if len(e.pem) > 0 {
		public, err := parseRSAPublicKey(e.pem)
		if err != nil {
			return gcs.Key{}, err
		}
		return gcs.NewServiceAccountPublicKey(e.text, public)
	}
	id, secret, ok := strings.Cut(e.text, ":")
	if !ok {
		return gcs.Key{}, errors.New("it is neither ACCESS_ID:SECRET nor the address of an account with a public key in PEM form below it")
	}
	return gcs.NewHMACKey(id, secret)
}

// parseRSAPublicKey reads a public key, or the certificate as which Google
// publishes it. The certificate's dates do not matter: a key is good for as
// long as it is in the file.
func parseRSAPublicKey(text []byte) (*rsa.PublicKey, error) {
	wrong := errors.New("what is below it is not one RSA public key, or a certificate of one, in PEM form")
	block, rest := pem.Decode(text)
	if block == nil || len(rest) > 0 {
		return nil, wrong
	}
	var key any
	switch block.Type {
	case "PUBLIC KEY":
		key, _ = x509.ParsePKIXPublicKey(block.Bytes)
	case "CERTIFICATE":
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return nil, wrong
	}
	return public, nil
}
