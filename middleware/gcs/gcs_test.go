package gcs_test

import (
	"bytes"
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
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/gcs"
	"example.com/signedurl/middleware/internal/formattest"
)

const (
	testEmail  = "signer@tests.iam.gserviceaccount.com"
	testID     = "GOOGTESTONLY"
	testSecret = "secret-of-tests-and-of-nothing-else"
)

func newVerifier(t testing.TB, f middleware.Format, opts *middleware.Options) *middleware.Verifier {
	t.Helper()
	v, err := middleware.NewVerifier(f, opts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func hmacKey(t testing.TB) gcs.Key {
	t.Helper()
	k, err := gcs.NewHMACKey(testID, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t testing.TB, private *rsa.PrivateKey) gcs.Key {
	t.Helper()
	k, err := gcs.NewServiceAccountKey(testEmail, private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func publicKey(t testing.TB, public *rsa.PublicKey) gcs.Key {
	t.Helper()
	k, err := gcs.NewServiceAccountPublicKey(testEmail, public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newFormat(t testing.TB, key gcs.Key, opts *gcs.Options) *gcs.Format {
	t.Helper()
	f, err := gcs.New(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func generate(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed returns a request for a link that the format made.
func signed(t testing.TB, f *gcs.Format) middleware.Request {
	t.Helper()
	u, err := f.Sign(&url.URL{Scheme: "https", Host: "files.example", Path: "/bucket/card.jpg"},
		middleware.Claims{NotBefore: time.Unix(1700000000, 0), Expires: time.Unix(1700003600, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return middleware.Request{Method: "GET", Scheme: "https", Host: u.Host, Path: u.EscapedPath(), RawQuery: u.RawQuery}
}

// jsonFile is a key file as Google writes it.
func jsonFile(t testing.TB, email string, private any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": email, "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestKeyFileOfAServiceAccount(t *testing.T) {
	key, err := gcs.ParseServiceAccountKey(jsonFile(t, testEmail, ownKey()))
	if err != nil {
		t.Fatal(err)
	}
	if key.ID() != testEmail {
		t.Errorf("ID is %q", key.ID())
	}
	c, err := newFormat(t, publicKey(t, &ownKey().PublicKey), nil).Authenticate(signed(t, newFormat(t, key, nil)))
	if err != nil || c.KeyID != testEmail {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestParseServiceAccountKeyRefuses(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := jsonFile(t, testEmail, ownKey())
	for name, file := range map[string][]byte{
		"nothing":                     nil,
		"no JSON":                     []byte(testSecret),
		"JSON of something else":      []byte(`{"secret":"` + testSecret + `"}`),
		"a key that is not PEM":       []byte(`{"client_email":"a@b","private_key":"` + testSecret + `"}`),
		"PEM that holds no key":       []byte(`{"client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"}`),
		"an elliptic key":             jsonFile(t, testEmail, ec),
		"no address":                  jsonFile(t, "", ownKey()),
		"an address with a slash":     jsonFile(t, "a/b", ownKey()),
		"two addresses, one a number": bytes.Replace(good, []byte("{"), []byte(`{"client_email":"a@b","client_email":1,`), 1),
		"a file that is cut":          good[:len(good)/2],
		"a file with something added": append(bytes.Clone(good), '{'),
	} {
		_, err := gcs.ParseServiceAccountKey(file)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, quoted := range []string{testSecret, "PRIVATE KEY-----", "c2VjcmV0"} {
			if strings.Contains(err.Error(), quoted) {
				t.Errorf("%s: the error quotes the file: %v", name, err)
			}
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	small, err := x509.ParsePKCS1PrivateKey(smallKey())
	if err != nil {
		t.Fatal(err)
	}
	other := *ownKey()
	other.D = new(big.Int).Add(other.D, big.NewInt(2))
	even := rsa.PublicKey{N: ownKey().N, E: 65536}
	public := func(n *big.Int, e int) func() (gcs.Key, error) {
		return func() (gcs.Key, error) {
			return gcs.NewServiceAccountPublicKey(testEmail, &rsa.PublicKey{N: n, E: e})
		}
	}
	bits := func(n int) *big.Int { return new(big.Int).SetBit(big.NewInt(1), n-1, 1) }
	for name, made := range map[string]func() (gcs.Key, error){
		"2048 bits": public(bits(2048), 65537), "4096 bits": public(bits(4096), 65537), "the exponent 3": public(bits(2048), 3),
	} {
		k, err := made()
		if err != nil {
			t.Errorf("a key with %s: %v", name, err)
			continue
		}
		// A forged link is refused, however long its signature is.
		f := newFormat(t, k, nil)
		for _, digits := range []int{2, 512, 1024, 1026} {
			r := asked(request(t, "GET", forged(digits), nil))
			if _, err := f.Authenticate(r); !errors.Is(err, middleware.ErrInvalid) || !strings.Contains(err.Error(), "signature") {
				t.Errorf("a key with %s, a signature of %d digits: %v", name, digits, err)
			}
		}
	}
	for name, made := range map[string]func() (gcs.Key, error){
		"a key of 1024 bits":                  func() (gcs.Key, error) { return gcs.NewServiceAccountKey(testEmail, small) },
		"a public key of 1024 bits":           func() (gcs.Key, error) { return gcs.NewServiceAccountPublicKey(testEmail, &small.PublicKey) },
		"a private key that does not fit":     func() (gcs.Key, error) { return gcs.NewServiceAccountKey(testEmail, &other) },
		"a public key of 2047 bits":           public(bits(2047), 65537),
		"a public key of 4097 bits":           public(bits(4097), 65537),
		"a public key of 8192 bits":           public(bits(8192), 65537),
		"a public key without a modulus":      public(nil, 65537),
		"a public key with an even modulus":   public(new(big.Int).Lsh(bits(2047), 1), 65537),
		"the exponent 1":                      public(bits(2048), 1),
		"a negative exponent":                 public(bits(2048), -3),
		"an even exponent":                    func() (gcs.Key, error) { return gcs.NewServiceAccountPublicKey(testEmail, &even) },
		"an empty address":                    func() (gcs.Key, error) { return gcs.NewServiceAccountPublicKey("", &ownKey().PublicKey) },
		"an HMAC key with a short secret":     func() (gcs.Key, error) { return gcs.NewHMACKey(testID, "short") },
		"an HMAC key with a slash in its id":  func() (gcs.Key, error) { return gcs.NewHMACKey("a/b", testSecret) },
		"an HMAC key whose id is the secret ": func() (gcs.Key, error) { return gcs.NewHMACKey("a secret", testSecret) },
	} {
		if _, err := made(); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "a secret") || strings.Contains(err.Error(), testSecret) {
			t.Errorf("%s: the error quotes what it was given: %v", name, err)
		}
	}
}

func TestAKeyElsewhereSignsOrMakesNoLink(t *testing.T) {
	small, err := x509.ParsePKCS1PrivateKey(smallKey())
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	formattest.Signers(t, ownKey(), generate(t, 2048), map[string]crypto.PublicKey{
		"a key of 1024 bits":               &small.PublicKey,
		"an RSA key that is not a pointer": ownKey().PublicKey,
		"an RSA key by two pointers":       new(&ownKey().PublicKey),
		"a nil RSA key":                    (*rsa.PublicKey)(nil),
		"the exponent 1":                   &rsa.PublicKey{N: ownKey().N, E: 1},
		"an Ed25519 key":                   ed.Public(),
		"an ECDSA key":                     ec.Public(),
		"a private key":                    ownKey(),
	}, func(s crypto.Signer) (middleware.Format, error) {
		key, err := gcs.NewServiceAccountKey(testEmail, s)
		if err != nil {
			return nil, err
		}
		return gcs.New(key, nil)
	}, "https://files.example", middleware.Claims{Expires: time.Unix(1700000000, 0)})
	if _, err := gcs.NewServiceAccountKey(testEmail, (*rsa.PrivateKey)(nil)); err == nil {
		t.Error("a nil *rsa.PrivateKey was taken")
	}
}

// forged returns a link of the service account with a signature of that many
// digits.
func forged(digits int) string {
	return "https://files.example/a?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=" + url.QueryEscape(testEmail) +
		"%2F20231114%2Fauto%2Fstorage%2Fgoog4_request&X-Goog-Date=20231114T221320Z&X-Goog-Expires=60&X-Goog-SignedHeaders=host&X-Goog-Signature=" +
		strings.Repeat("0", digits)
}

// smallKey is a key of 1024 bits, which crypto/rsa does not generate any more.
func smallKey() []byte {
	p, _ := rand.Prime(rand.Reader, 512)
	for {
		q, _ := rand.Prime(rand.Reader, 512)
		e, one := big.NewInt(65537), big.NewInt(1)
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || n.BitLen() != 1024 || p.Cmp(q) == 0 {
			continue
		}
		key := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n, E: 65537}, D: d, Primes: []*big.Int{p, q}}
		return x509.MarshalPKCS1PrivateKey(key)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	account := rsaKey(t, ownKey())
	opts := gcs.Options{AcceptKeys: []gcs.Key{account}}
	f := newFormat(t, hmacKey(t), &opts)
	signed(t, f) // fills what there is to fill
	var out bytes.Buffer
	for _, v := range []any{account, hmacKey(t), []gcs.Key{account}, opts, &opts, f, *f} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("", "v", v)
		if text, err := json.Marshal(v); err == nil {
			out.Write(text)
		}
	}
	d := ownKey().D
	for _, form := range []string{testSecret, fmt.Sprintf("%x", testSecret), fmt.Sprintf("%d", []byte(testSecret)), d.String(), d.Text(16)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("printed: %s", form)
		}
	}
	if got, want := account.String(), testEmail+" (GOOG4-RSA-SHA256)"; got != want {
		t.Errorf("String is %q, want %q", got, want)
	}
}

// The key of a service account does not open what its HMAC key signed, nor the
// other way round: the algorithm belongs to the key.
func TestAlgorithmBelongsToTheKey(t *testing.T) {
	account := rsaKey(t, ownKey())
	named, err := gcs.NewHMACKey(testEmail, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	both := newFormat(t, account, &gcs.Options{AcceptKeys: []gcs.Key{named}})
	for _, tt := range []struct {
		name             string
		signer, verifier *gcs.Format
		want             bool
	}{
		{"RSA, both known", newFormat(t, account, nil), both, true},
		{"HMAC, both known", newFormat(t, named, nil), both, true},
		{"RSA, only HMAC known", newFormat(t, account, nil), newFormat(t, named, nil), false},
		{"HMAC, only RSA known", newFormat(t, named, nil), newFormat(t, account, nil), false},
	} {
		_, err := tt.verifier.Authenticate(signed(t, tt.signer))
		if (err == nil) != tt.want || (!tt.want && !errors.Is(err, middleware.ErrInvalid)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	r := signed(t, newFormat(t, account, nil))
	r.RawQuery = strings.Replace(r.RawQuery, "RSA", "HMAC", 1)
	if _, err := both.Authenticate(r); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("a link with another algorithm written into it: %v", err)
	}
}

// While keys are rotated, several have the address of one account.
func TestServiceAccountCanHaveSeveralKeys(t *testing.T) {
	old, next, foreign := ownKey(), generate(t, 3072), generate(t, 2048)
	f := newFormat(t, publicKey(t, &next.PublicKey), &gcs.Options{AcceptKeys: []gcs.Key{publicKey(t, &old.PublicKey)}})
	for name, private := range map[string]*rsa.PrivateKey{"the old key": old, "the next key": next} {
		if _, err := f.Authenticate(signed(t, newFormat(t, rsaKey(t, private), nil))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Authenticate(signed(t, newFormat(t, rsaKey(t, foreign), nil))); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("a foreign key: %v", err)
	}
	many := make([]gcs.Key, 10)
	for i := range many {
		many[i] = publicKey(t, &old.PublicKey)
	}
	if _, err := gcs.New(many[0], &gcs.Options{AcceptKeys: many}); err == nil {
		t.Error("eleven keys of one account were accepted")
	}
	if _, err := gcs.New(hmacKey(t), &gcs.Options{AcceptKeys: []gcs.Key{hmacKey(t)}}); err == nil {
		t.Error("two HMAC keys of one id were accepted")
	}
}

func TestKeysAndFormatsHaveNames(t *testing.T) {
	signs := newFormat(t, hmacKey(t), nil)
	if !signs.CanSign() {
		t.Error("CanSign says that an HMAC key cannot sign")
	}
	for got, want := range map[string]string{
		hmacKey(t).ID():                            testID,
		hmacKey(t).String():                        testID + " (GOOG4-HMAC-SHA256)",
		publicKey(t, &ownKey().PublicKey).String(): testEmail + " (GOOG4-RSA-SHA256)",
		gcs.Key{}.String():                         "no key",
		signs.String():                             "1 keys, first " + testID + " (GOOG4-HMAC-SHA256)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestPublicKeyCannotSign(t *testing.T) {
	f := newFormat(t, publicKey(t, &ownKey().PublicKey), nil)
	if f.CanSign() {
		t.Error("CanSign says it can")
	}
	if u, err := f.Sign(&url.URL{Host: "h", Path: "/"}, middleware.Claims{Expires: time.Unix(1700000000, 0)}); err == nil {
		t.Errorf("signed: %v", u)
	}
}

func TestZeroValuesRefuse(t *testing.T) {
	var f gcs.Format
	if _, err := f.Authenticate(signed(t, newFormat(t, hmacKey(t), nil))); !errors.Is(err, middleware.ErrInvalid) {
		t.Errorf("Authenticate: %v", err)
	}
	if _, err := f.Sign(&url.URL{Host: "h", Path: "/"}, middleware.Claims{}); err == nil || f.CanSign() {
		t.Error("the zero Format signs")
	}
	if _, err := gcs.New(gcs.Key{}, nil); err == nil {
		t.Error("the zero Key was accepted")
	}
}

// What net/http does to targets, hosts and header fields on their way.
func TestThroughARealServer(t *testing.T) {
	f := newFormat(t, hmacKey(t), &gcs.Options{Header: http.Header{"X-Goog-Resumable": {"start"}}})
	srv := httptest.NewServer(newVerifier(t, f, nil).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.URL.Path)
	})))
	defer srv.Close()
	u, err := f.Sign(&url.URL{Scheme: "http", Host: strings.TrimPrefix(srv.URL, "http://"), Path: "/bucket//é/a b%2Fc+", RawQuery: "q=a+b"},
		middleware.Claims{Expires: time.Now().Add(time.Hour), Methods: []string{"POST"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, method, host, resumable string
		want                          int
	}{
		{"what was signed", "POST", "", "start", 200},
		{"another method", "PUT", "", "start", 403},
		{"another header value", "POST", "", "stop", 403},
		{"another host", "POST", "evil.example", "start", 403},
		{"another port, which is not signed", "POST", "127.0.0.1:1", "start", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := http.NewRequest(tt.method, u.String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Goog-Resumable", tt.resumable)
			r.Host = tt.host
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.want {
				t.Fatalf("status %d, want %d: %s", resp.StatusCode, tt.want, body)
			}
			if want := "/bucket//é/a b%2Fc+"; tt.want == 200 && string(body) != want {
				t.Errorf("body %q, want %q", body, want)
			}
		})
	}
}

func TestEveryClaimIsCarriedOrRefused(t *testing.T) {
	formattest.Claims(t, newFormat(t, hmacKey(t), nil), "https://files.example", middleware.Claims{Expires: time.Unix(1700000000, 0)})
}

func TestSignRefusesPathsWithTwoMeanings(t *testing.T) {
	formattest.Paths(t, newFormat(t, hmacKey(t), nil), "https://files.example", middleware.Claims{Expires: time.Unix(1700000000, 0)})
}

func FuzzVerifierAcceptsWhatSignSigns(f *testing.F) {
	formattest.FuzzSign(f, newFormat(f, hmacKey(f), nil), "https://files.example", func() middleware.Claims {
		return middleware.Claims{Expires: time.Now().Add(time.Hour)}
	})
}
