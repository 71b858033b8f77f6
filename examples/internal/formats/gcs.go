package formats

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/gcs"
)

var gcsFormat = format{
	keys: `
Either JSON key files of service accounts, one after the other;
or ACCESS_ID:SECRET for each HMAC key, and for each public key a line
with the account's address, followed by the key or Google's
certificate of it in PEM form.`,
	flags:  []string{"signed-host"},
	public: gcsPublic,
	check: func(o *options) error {
		_, err := parseGCS("trial:"+trialKey, o)
		return err
	},
	longest: sevenDays,
	parse:   parseGCS,
}

func parseGCS(text string, o *options) (middleware.Format, error) {
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
	return gcs.New(keys[0], &gcs.Options{AcceptKeys: keys[1:], Host: o.signedHost})
}

// gcsPublic reports whether all keys are in PEM form, which only public ones
// are.
func gcsPublic(text string) bool {
	_, err := keyEntries(text, func(e keyEntry) (struct{}, error) {
		if len(e.pem) == 0 {
			return struct{}{}, errors.New("a secret")
		}
		return struct{}{}, nil
	})
	return err == nil && noPrivateKey(text)
}

func parseServiceAccounts(text string) (keys []gcs.Key, err error) {
	for files := json.NewDecoder(strings.NewReader(text)); ; {
		var file json.RawMessage
		if err := files.Decode(&file); errors.Is(err, io.EOF) {
			return keys, nil
		} else if err != nil { // it may quote the file
			return nil, fmt.Errorf("key file %d is not JSON", len(keys)+1)
		}
		key, err := gcs.ParseServiceAccountKey(file)
		if err != nil {
			return nil, fmt.Errorf("key file %d: %s", len(keys)+1, cli.Text(err))
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
		return gcs.Key{}, errors.New("it is neither ACCESS_ID:SECRET nor the address of an account that is followed by a public key in PEM form")
	}
	return gcs.NewHMACKey(id, secret)
}

// parseRSAPublicKey reads a public key or, since Google publishes keys that
// way, a certificate of it. The certificate's dates do not matter: a key is
// valid for as long as it is in the file.
func parseRSAPublicKey(text []byte) (*rsa.PublicKey, error) {
	wrong := errors.New("what follows it is not one RSA public key, or a certificate of one, in PEM form")
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
