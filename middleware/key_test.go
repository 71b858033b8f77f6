package middleware_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// secret is the throw-away secret of these tests, with the key that has it.
var secret = []byte("an HMAC secret of 32 bytes, test")

const epoch = 1767225600 // 2026-01-01T00:00:00Z

func hmacKey(t testing.TB, id string, secret []byte) middleware.Key {
	t.Helper()
	k, err := middleware.NewHMACKey(id, secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func edKey(t testing.TB, id string) middleware.Key {
	t.Helper()
	k, err := middleware.NewEd25519Key(id, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newRing(t testing.TB, first middleware.Key, more ...middleware.Key) *middleware.Keyring {
	t.Helper()
	r, err := middleware.NewKeyring(first, more...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// testRing is the ring of most tests.
func testRing(t testing.TB) *middleware.Keyring { return newRing(t, hmacKey(t, "2026a", secret)) }

func TestASignatureIsTheMACOfTheDocumentedBytes(t *testing.T) {
	u, err := testRing(t).Sign(&url.URL{Path: "/files/kyc/card.jpg"}, middleware.Claims{Expires: time.Unix(epoch, 0)})
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("signed-url/1\n/files/kyc/card.jpg\nexpires_at=1767225600&signed_by=2026a\n"))
	want := "/files/kyc/card.jpg?expires_at=1767225600&signed_by=2026a&signature=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if u.String() != want {
		t.Errorf("got  %s\nwant %s", u, want)
	}
}

func TestWeakOrMalformedKeysAreRefusedAndNeverQuoted(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	good := b64(secret)
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public := b64(private.Public().(ed25519.PublicKey))
	for name, text := range map[string]string{
		"an empty text":                          "",
		"an id alone":                            "2026a",
		"no secret part":                         "2026a:hmac-sha256",
		"an empty secret":                        "2026a:hmac-sha256:",
		"a secret of 31 bytes":                   "2026a:hmac-sha256:" + b64(secret[:31]),
		"a secret that is all zero":              "2026a:hmac-sha256:" + b64(make([]byte, 32)),
		"an empty id":                            ":hmac-sha256:" + good,
		"an id of 65 characters":                 strings.Repeat("a", 65) + ":hmac-sha256:" + good,
		"an id with a space":                     "20 26:hmac-sha256:" + good,
		"an id with a percent sign":              "2026%61:hmac-sha256:" + good,
		"an unknown algorithm":                   "2026a:hmac-sha1:" + good,
		"an algorithm in upper case":             "2026a:HMAC-SHA256:" + good,
		"padded base64":                          "2026a:hmac-sha256:" + base64.URLEncoding.EncodeToString(secret),
		"a line break inside":                    "2026a:hmac-sha256:" + good[:10] + "\n" + good[10:],
		"a line break at the end":                "2026a:hmac-sha256:" + good + "\n",
		"stray bits in the last character":       "2026a:hmac-sha256:" + good[:42] + "1",
		"the standard alphabet":                  "2026a:hmac-sha256:" + strings.Repeat("+", 43),
		"a fourth part":                          "2026a:hmac-sha256:" + good + ":x",
		"an Ed25519 seed of 31 bytes":            "2026a:ed25519:" + b64(secret[:31]),
		"an Ed25519 seed of 64 bytes":            "2026a:ed25519:" + b64(private),
		"an Ed25519 seed that is all zero":       "2026a:ed25519:" + b64(make([]byte, 32)),
		"an Ed25519 public key of 31 bytes":      "2026a:ed25519-public:" + public[:42],
		"an Ed25519 public key that is no point": "2026a:ed25519-public:" + b64(append([]byte{2}, make([]byte, 31)...)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := middleware.ParseKey(text)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "signedurl: ") {
				t.Errorf("error %q does not begin with the project's name", err)
			}
			if _, encoded, ok := strings.Cut(text, "6:"); ok && len(encoded) > 8 && strings.Contains(err.Error(), encoded[:8]) {
				t.Errorf("error %q quotes the secret", err)
			}
		})
	}
}

func TestEveryMangledByteOfAKeyTextIsRefusedOrMakesAnotherKey(t *testing.T) {
	const text = "k:hmac-sha256:YW4gSE1BQyBzZWNyZXQgb2YgMzIgYnl0ZXMsIHRlc3Q"
	good, err := middleware.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	link, err := newRing(t, good).Sign(&url.URL{Path: "/x"}, middleware.Claims{Expires: time.Unix(epoch, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(text) {
		for _, b := range []byte{text[i] ^ 1, text[i] ^ 0x20, '=', ':', '\n', 0} {
			if b == text[i] {
				continue
			}
			mangled := text[:i] + string(b) + text[i+1:]
			k, err := middleware.ParseKey(mangled)
			if err != nil {
				continue
			}
			if _, err := newRing(t, k).Authenticate(middleware.Request{Path: "/x", RawQuery: link.RawQuery}); err == nil {
				t.Errorf("%q verifies a link of the unmangled key", mangled)
			}
		}
	}
}

func TestPublicKeysOfLowOrderAreRefused(t *testing.T) {
	// The 14 encodings of the points of order 1, 2, 4 and 8, as published for
	// example in libsodium's ed25519_ref10.c: seven, with and without the sign.
	for _, h := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		var key []byte
		fmt.Sscanf(h, "%x", &key)
		for _, sign := range []byte{0, 0x80} {
			key[31] = key[31]&0x7F | sign
			if _, err := middleware.NewEd25519PublicKey("low", key); err == nil {
				t.Errorf("%x accepted", key)
			}
		}
	}
}

func TestPublicKeysMustBePoints(t *testing.T) {
	accepted := 0
	for i := range 256 {
		seed := sha256.Sum256([]byte{byte(i)})
		public := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
		if _, err := middleware.NewEd25519PublicKey("k", public); err != nil {
			t.Errorf("the public key of seed %x is refused: %v", seed, err)
		}
		random := sha256.Sum256([]byte{byte(i), 1})
		random[31] &= 0x7F
		if _, err := middleware.NewEd25519PublicKey("k", random[:]); err == nil {
			accepted++
		}
	}
	// Half of all y coordinates belong to a point.
	if accepted < 90 || accepted > 166 {
		t.Errorf("%d of 256 random strings accepted as points", accepted)
	}
}

func TestAPrivateKeyWithAForeignPublicHalfIsRefused(t *testing.T) {
	a := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	b := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32))
	if _, err := middleware.NewEd25519Key("k", append(bytes.Clone(a[:32]), b[32:]...)); err == nil {
		t.Error("accepted")
	}
	if _, err := middleware.NewEd25519Key("k", a[:63]); err == nil {
		t.Error("63 bytes accepted")
	}
	if _, err := middleware.NewEd25519PublicKey("k", nil); err == nil {
		t.Error("an empty public key accepted")
	}
}

func TestGeneratedKeysWork(t *testing.T) {
	text, err := middleware.GenerateHMACKey("a")
	if err != nil {
		t.Fatal(err)
	}
	private, public, err := middleware.GenerateEd25519Key("b")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := middleware.GenerateHMACKey("a")
	if text == again {
		t.Error("two generated keys are equal")
	}
	for _, pair := range [][2]string{{text, text}, {private, private}, {private, public}} {
		signer, err := middleware.ParseKeyring(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := middleware.ParseKeyring(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		u, err := signer.Sign(&url.URL{Path: "/x"}, middleware.Claims{Expires: time.Unix(epoch, 0)})
		if err != nil {
			t.Fatal(err)
		}
		c, err := verifier.Authenticate(middleware.Request{Path: u.Path, RawQuery: u.RawQuery})
		if err != nil || c.KeyID != pair[0][:1] {
			t.Errorf("%v: claims of key %q, error %v", verifier, c.KeyID, err)
		}
	}
	if _, err := middleware.GenerateHMACKey("a b"); err == nil {
		t.Error("an id with a space accepted")
	}
	if _, _, err := middleware.GenerateEd25519Key(""); err == nil {
		t.Error("an empty id accepted")
	}
}

func TestAPublicKeyCannotSign(t *testing.T) {
	_, public, err := middleware.GenerateEd25519Key("b")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := middleware.ParseKeyring(public)
	if err != nil {
		t.Fatal(err)
	}
	if ring.CanSign() {
		t.Error("CanSign")
	}
	if _, err := ring.Sign(&url.URL{Path: "/x"}, middleware.Claims{Expires: time.Unix(epoch, 0)}); err == nil {
		t.Error("it signs")
	}
	links, err := middleware.NewURLBuilder("/", ring)
	if err != nil {
		t.Fatalf("a URLBuilder does not take it: %v", err)
	}
	if _, err := links.URL("x", middleware.Claims{Expires: time.Unix(epoch, 0)}); err == nil {
		t.Error("a URLBuilder signs with it")
	}
}

// A key must not get out by accident: not by a verb, not by a logger, not by
// an encoder, and not nested in something else.
func TestASecretCannotBePrintedLoggedOrEncoded(t *testing.T) {
	loud := []byte("LOUDLOUDLOUDLOUDLOUDLOUDLOUDLOUD")
	seed := []byte("SEEDSEEDSEEDSEEDSEEDSEEDSEEDSEED")
	h := hmacKey(t, "h", loud)
	e, err := middleware.NewEd25519Key("e", ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	ring := newRing(t, h, e)
	// The pools of the key now hold a used MAC as well.
	if _, err := ring.Sign(&url.URL{Path: "/x"}, middleware.Claims{Expires: time.Unix(epoch, 0)}); err != nil {
		t.Fatal(err)
	}
	type config struct {
		Key    middleware.Key
		Ptr    *middleware.Key
		Ring   *middleware.Keyring
		Nested map[string]any
		hidden middleware.Key
		Format middleware.Format
		Var    *middleware.FormatVar
		V      *middleware.Verifier
	}
	c := config{h, &e, ring, map[string]any{"k": h, "s": []middleware.Key{e}}, h, ring, middleware.NewFormatVar(ring), newVerifier(ring, nil)}
	var out bytes.Buffer
	for _, v := range []any{h, &h, e, &e, ring, *ring, c, &c, []any{c}, c.Var, c.V} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%p", "%T", "%z"} {
			fmt.Fprintf(&out, verb, v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("key", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "v", v)
		if j, err := json.Marshal(v); err == nil {
			out.Write(j)
		}
		if x, err := xml.Marshal(v); err == nil {
			out.Write(x)
		}
		gob.NewEncoder(&out).Encode(v)
	}
	text := out.String()
	for _, s := range [][]byte{loud, seed} {
		half := s[:8]
		for _, form := range []string{
			string(half), base64.RawStdEncoding.EncodeToString(half)[:8], base64.RawURLEncoding.EncodeToString(half)[:8],
			fmt.Sprintf("%x", half), fmt.Sprintf("%X", half), strings.Trim(fmt.Sprint(half), "[]"), strings.Trim(strings.ReplaceAll(fmt.Sprint(half), " ", ","), "[]"),
			fmt.Sprintf("%#x, %#x, %#x", half[0], half[1], half[2]), fmt.Sprintf("%o %o %o", half[0], half[1], half[2]),
		} {
			if i := strings.Index(text, form); i >= 0 {
				t.Errorf("the secret shows as %q in %q", form, text[max(0, i-40):i+40])
			}
		}
	}
	if !strings.Contains(text, "h (hmac-sha256)") {
		t.Error("a key does not say which one it is")
	}
}

func TestAKeyringTellsWhichLineIsWrong(t *testing.T) {
	good := "2026a:hmac-sha256:" + base64.RawURLEncoding.EncodeToString(secret)
	other := "2025b:hmac-sha256:" + base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte("x"), 32))
	for name, test := range map[string]struct{ text, want string }{
		"a bad key on the third line": {"# keys\n" + good + "\n2025b:hmac-sha256:short\n", "line 3"},
		"the same id twice":           {good + "\n\n" + good, "line 3"},
		"a comment behind a key":      {good + " # today's", "line 1"},
		"nothing but comments":        {"# none\n\n", "no key"},
		"nothing":                     {"", "no key"},
		"two keys on one line":        {good + " " + other, "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := middleware.ParseKeyring(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want it to say %q", err, test.want)
			}
			if strings.Contains(err.Error(), "short") || strings.Contains(err.Error(), good[18:26]) {
				t.Errorf("error %q quotes the line", err)
			}
		})
	}
	ring, err := middleware.ParseKeyring("# today\r\n  " + good + "\r\n\r\n" + other + "\r\n")
	if err != nil {
		t.Fatal(err)
	}
	u, err := ring.Sign(&url.URL{Path: "/x"}, middleware.Claims{Expires: time.Unix(epoch, 0)})
	if err != nil || !strings.Contains(u.RawQuery, "signed_by=2026a") {
		t.Errorf("the first key does not sign: %v, %v", u, err)
	}
}

func TestAKeyringRefusesTheZeroKeyAndEqualIDs(t *testing.T) {
	k := hmacKey(t, "a", secret)
	if _, err := middleware.NewKeyring(middleware.Key{}); err == nil {
		t.Error("the zero key accepted")
	}
	if _, err := middleware.NewKeyring(k, middleware.Key{}); err == nil {
		t.Error("the zero key accepted behind another")
	}
	if _, err := middleware.NewKeyring(k, k); err == nil {
		t.Error("one id twice accepted")
	}
	for name, ring := range map[string]*middleware.Keyring{"nil": nil, "zero": new(middleware.Keyring)} {
		if _, err := ring.Authenticate(middleware.Request{Path: "/x", RawQuery: "expires_at=9999999999&signed_by=&signature=x"}); err == nil {
			t.Errorf("the %s keyring accepts", name)
		}
		if _, err := ring.Authenticate(middleware.Request{Path: "/x", RawQuery: "expires_at=9999999999&signed_by=a&signature=" + strings.Repeat("A", 43)}); err == nil {
			t.Errorf("the %s keyring accepts", name)
		}
		if _, err := ring.Sign(&url.URL{Path: "/x"}, middleware.Claims{Expires: time.Unix(epoch, 0)}); err == nil {
			t.Errorf("the %s keyring signs", name)
		}
	}
}

func TestASecretIsCopied(t *testing.T) {
	mine := bytes.Clone(secret)
	ring := newRing(t, hmacKey(t, "2026a", mine))
	clear(mine)
	u, err := ring.Sign(&url.URL{Path: "/x"}, middleware.Claims{Expires: time.Unix(epoch, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := testRing(t).Authenticate(middleware.Request{Path: "/x", RawQuery: u.RawQuery}); err != nil {
		t.Error("changing the caller's slice changed the key")
	}
}

func FuzzParseKey(f *testing.F) {
	b64 := base64.RawURLEncoding.EncodeToString
	f.Add("2026a:hmac-sha256:" + b64(secret))
	f.Add("2026a:ed25519:" + b64(secret))
	private, public, _ := middleware.GenerateEd25519Key("p")
	f.Add(private)
	f.Add(public)
	f.Add("2026a:hmac-sha256:" + b64(secret[:31]))
	f.Add("a:b:c")
	for _, key := range seeds(f, "key") {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := middleware.ParseKey(text)
		if err != nil {
			if parts := strings.SplitN(text, ":", 3); len(parts) == 3 && len(parts[2]) >= 12 && strings.Contains(err.Error(), parts[2]) {
				t.Errorf("error %q quotes the key", err)
			}
			return
		}
		// What is accepted is spelled in the one way.
		parts := strings.Split(text, ":")
		raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
		if err != nil || len(parts) != 3 || b64(raw) != parts[2] || len(raw) < 32 || k.ID() != parts[0] {
			t.Errorf("%q was accepted", text)
		}
		if k.CanSign() != (parts[1] != "ed25519-public") {
			t.Errorf("%q: CanSign is %v", text, k.CanSign())
		}
	})
}
