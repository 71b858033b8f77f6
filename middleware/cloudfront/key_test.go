package cloudfront_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/url"
	"strings"
	"testing"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/cloudfront"
	"example.com/signedurl/middleware/internal/formattest"
)

func generateECDSA(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func generateRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeysThatCannotBeTrustedAreRefused(t *testing.T) {
	good := generateECDSA(t, elliptic.P256())
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	modulus := new(big.Int).SetBit(big.NewInt(1), 2047, 1)
	for name, public := range map[string]crypto.PublicKey{
		"none":          nil,
		"Ed25519":       ed.Public(),
		"a private key": good,
		"P-384":         generateECDSA(t, elliptic.P384()).Public(),
		//lint:ignore SA1019 no other way makes a point that is not on the curve
		"a point off the curve":     &ecdsa.PublicKey{Curve: elliptic.P256(), X: big.NewInt(1), Y: big.NewInt(1)},
		"RSA of 1024 bits":          generateRSA(t, 1024).Public(),
		"RSA without a modulus":     &rsa.PublicKey{E: 65537},
		"RSA with the exponent 1":   &rsa.PublicKey{N: modulus, E: 1},
		"RSA with an even exponent": &rsa.PublicKey{N: modulus, E: 65536},
		"RSA with an even modulus":  &rsa.PublicKey{N: new(big.Int).Add(modulus, big.NewInt(1)), E: 65537},
		"RSA of 8192 bits":          &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 8191, 1), E: 65537},
	} {
		if _, err := cloudfront.NewPublicKey("K1", public); err == nil {
			t.Errorf("NewPublicKey took %s", name)
		}
	}
	for name, private := range map[string]crypto.Signer{
		"none":    nil,
		"Ed25519": ed,
		"P-384":   generateECDSA(t, elliptic.P384()),
	} {
		if _, err := cloudfront.NewKey("K1", private); err == nil {
			t.Errorf("NewKey took %s", name)
		}
	}
	for _, id := range []string{"", "a b", "a/b", "a&b", "a\n", "é", strings.Repeat("a", 65)} {
		if _, err := cloudfront.NewPublicKey(id, good.Public()); err == nil {
			t.Errorf("NewPublicKey took the id %q", id)
		}
		if _, err := cloudfront.ParseKey(id, nil); err == nil || (len(id) > 1 && strings.Contains(err.Error(), id)) {
			t.Errorf("ParseKey with the id %q: %v", id, err)
		}
	}
}

func TestAKeyElsewhereSignsOrMakesNoLink(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, ec := generateRSA(t, 2048), generateECDSA(t, elliptic.P256())
	publics := map[string]crypto.PublicKey{
		"an Ed25519 key":                   ed.Public(),
		"an RSA key that is not a pointer": rs.PublicKey,
		"an RSA key by two pointers":       new(&rs.PublicKey),
		"a nil RSA key":                    (*rsa.PublicKey)(nil),
		"RSA with the exponent 1":          &rsa.PublicKey{N: rs.N, E: 1},
		"a nil ECDSA key":                  (*ecdsa.PublicKey)(nil),
		"an ECDSA key without a point":     &ecdsa.PublicKey{Curve: elliptic.P256()},
		"a private key":                    ec,
		"P-384":                            generateECDSA(t, elliptic.P384()).Public(),
	}
	for name, keys := range map[string][2]crypto.Signer{
		"RSA":                    {rs, generateRSA(t, 2048)},
		"ECDSA":                  {ec, generateECDSA(t, elliptic.P256())},
		"RSA, and another kind":  {rs, ec},
		"ECDSA, and the one RSA": {ec, rs},
	} {
		t.Run(name, func(t *testing.T) {
			formattest.Signers(t, keys[0], keys[1], publics, func(s crypto.Signer) (middleware.Format, error) {
				key, err := cloudfront.NewKey("K1", s)
				if err != nil {
					return nil, err
				}
				return cloudfront.New(origin, key, nil)
			}, origin, middleware.Claims{Expires: expires})
		})
	}
}

func TestPublicKeysAreCopied(t *testing.T) {
	rs, ec := generateRSA(t, 2048), generateECDSA(t, elliptic.P256())
	rsaPublic, ecPublic := rs.PublicKey, ec.PublicKey
	for _, test := range []struct {
		private crypto.Signer
		public  crypto.PublicKey
		change  func()
	}{
		{rs, &rsaPublic, func() { rsaPublic.N = generateRSA(t, 2048).N }},
		{ec, &ecPublic, func() { ecPublic = generateECDSA(t, elliptic.P256()).PublicKey }},
	} {
		private, err := cloudfront.NewKey("K1", test.private)
		if err != nil {
			t.Fatal(err)
		}
		public, err := cloudfront.NewPublicKey("K1", test.public)
		if err != nil {
			t.Fatal(err)
		}
		test.change()
		signs, err := cloudfront.New(origin, private, nil)
		if err != nil {
			t.Fatal(err)
		}
		verifies, err := cloudfront.New(origin, public, nil)
		if err != nil {
			t.Fatal(err)
		}
		u, err := signs.Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: expires})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verifies.Authenticate(request(u.String())); err != nil {
			t.Errorf("%T changed after it was given: %v", test.public, err)
		}
	}
}

func TestParseKey(t *testing.T) {
	ec, rs := generateECDSA(t, elliptic.P256()), generateRSA(t, 2048)
	block := func(kind string, der []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	text := map[string]string{}
	der, err := x509.MarshalECPrivateKey(ec)
	text["EC PRIVATE KEY"] = block("EC PRIVATE KEY", der, err)
	der, err = x509.MarshalPKCS8PrivateKey(ec)
	text["PRIVATE KEY"] = block("PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(ec.Public())
	text["PUBLIC KEY"] = block("PUBLIC KEY", der, err)
	text["RSA PRIVATE KEY"] = block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rs), nil)
	text["RSA PUBLIC KEY"] = block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rs.PublicKey), nil)
	text["PRIVATE KEY, parameters before it"] = block("EC PARAMETERS", []byte{6, 8}, nil) + text["EC PRIVATE KEY"]
	for name, text := range text {
		k, err := cloudfront.ParseKey("K1", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if k.ID() != "K1" || k.CanSign() == strings.Contains(name, "PUBLIC") {
			t.Errorf("%s: id %s, can sign: %t", name, k.ID(), k.CanSign())
		}
	}

	der, err = x509.MarshalPKCS8PrivateKey(generateECDSA(t, elliptic.P384()))
	p384 := block("PRIVATE KEY", der, err)
	for name, bad := range map[string]string{
		"nothing":                  "",
		"no PEM":                   "secret",
		"a certificate":            block("CERTIFICATE", []byte{1}, nil),
		"an encrypted key":         block("ENCRYPTED PRIVATE KEY", []byte{1}, nil),
		"a private key named RSA":  strings.ReplaceAll(text["EC PRIVATE KEY"], "EC PRIVATE", "RSA PRIVATE"),
		"a key cut short":          block("PRIVATE KEY", der[:40], nil),
		"P-384":                    p384,
		"parameters alone":         block("EC PARAMETERS", []byte{6, 8}, nil),
		"two keys":                 text["PUBLIC KEY"] + text["RSA PUBLIC KEY"],
		"two keys with parameters": text["PRIVATE KEY, parameters before it"] + text["PUBLIC KEY"],
	} {
		_, err := cloudfront.ParseKey("K1", []byte(bad))
		if err == nil {
			t.Errorf("ParseKey took %s", name)
			continue
		}
		for line := range strings.Lines(bad) {
			if line = strings.TrimSpace(line); line != "" && strings.Contains(err.Error(), line) {
				t.Errorf("%s: the error quotes the key: %v", name, err)
			}
		}
	}
}

func TestNothingPrintsAKey(t *testing.T) {
	rs := generateRSA(t, 2048)
	k, err := cloudfront.NewKey("K1", rs)
	if err != nil {
		t.Fatal(err)
	}
	f, err := cloudfront.New(origin, k, nil)
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{rs.D.String(), fmt.Sprintf("%x", rs.D), rs.Primes[0].String(), fmt.Sprintf("%v", rs.D.Bits())}
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	for _, v := range []any{k, &k, f, *f, struct{ K cloudfront.Key }{k}, map[string]any{"f": f}, cloudfront.Options{AcceptKeys: []cloudfront.Key{k}}, newVerifier(t, f, nil)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&log, verb, v)
		}
		logger.Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			log.Write(b)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(log.String(), strings.Trim(secret, "[]")) {
			t.Error("the private key was printed")
		}
	}
	for _, want := range []string{"K1 (RSA)", "cloudfront https://d111111abcdef8.cloudfront.net, 1 keys, first K1 (RSA)"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q was not printed", want)
		}
	}
	if got := fmt.Sprint(cloudfront.Key{}, new(cloudfront.Format)); got != "no key no keys" {
		t.Errorf("zero values print as %q", got)
	}
}

func TestBoundsOfKeys(t *testing.T) {
	bits := func(n int) *big.Int { return new(big.Int).SetBit(big.NewInt(1), n-1, 1) }
	for _, test := range []struct {
		name string
		id   string
		key  crypto.PublicKey
		want bool
	}{
		{"2048 bits", "K", &rsa.PublicKey{N: bits(2048), E: 65537}, true},
		{"4096 bits", "K", &rsa.PublicKey{N: bits(4096), E: 65537}, true},
		{"the exponent 3", "K", &rsa.PublicKey{N: bits(2048), E: 3}, true},
		{"2047 bits", "K", &rsa.PublicKey{N: bits(2047), E: 65537}, false},
		{"4097 bits", "K", &rsa.PublicKey{N: bits(4097), E: 65537}, false},
		{"the exponent 1", "K", &rsa.PublicKey{N: bits(2048), E: 1}, false},
		{"the exponent 4", "K", &rsa.PublicKey{N: bits(2048), E: 4}, false},
		{"an even modulus", "K", &rsa.PublicKey{N: new(big.Int).Lsh(bits(2047), 1), E: 3}, false},
		{"no modulus", "K", &rsa.PublicKey{E: 3}, false},
		{"no key", "K", nil, false},
		{"an id of every kind of character", "azAZ09-_.", private.Public(), true},
		{"an id of 64 characters", strings.Repeat("a", 64), private.Public(), true},
		{"an id of 65 characters", strings.Repeat("a", 65), private.Public(), false},
		{"no id", "", private.Public(), false},
		{"an id with a slash", "a/b", private.Public(), false},
		{"an id with a colon", "a:b", private.Public(), false},
		{"an id with an at sign", "a@b", private.Public(), false},
		{"an id with a bracket", "a[b", private.Public(), false},
		{"an id with a backtick", "a`b", private.Public(), false},
		{"an id with a brace", "a{b", private.Public(), false},
	} {
		k, err := cloudfront.NewPublicKey(test.id, test.key)
		if (err == nil) != test.want {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil {
			continue
		}
		f, err := cloudfront.New(origin, k, nil)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for _, n := range []int{1, 256, 512, 513} { // a forged signature of any length
			if _, err := f.Authenticate(request("/a?Expires=1&Signature=" + encode(make([]byte, n)) + "&Hash-Algorithm=SHA256&Key-Pair-Id=" + test.id)); !errors.Is(err, middleware.ErrInvalid) {
				t.Errorf("%s, a signature of %d bytes: %v", test.name, n, err)
			}
		}
	}
}
