package middleware_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/signedurl/middleware"
)

// remote is a crypto.Signer in the shape of an agent, a module or a service.
// What is nil behaves as it should.
type remote struct {
	private ed25519.PrivateKey
	public  func() crypto.PublicKey
	sign    func(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (r *remote) Public() crypto.PublicKey {
	if r.public != nil {
		return r.public()
	}
	return r.private.Public()
}

func (r *remote) Sign(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	if r.sign != nil {
		return r.sign(random, message, opts)
	}
	return r.private.Sign(random, message, opts)
}

// signerFunc is a signer by a func, which may be nil.
type signerFunc func() ed25519.PrivateKey

func (f signerFunc) Public() crypto.PublicKey { return remotePrivate.Public() }
func (f signerFunc) Sign(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return f().Sign(random, message, opts)
}

// steady is a signer whose nil pointer names a good key.
type steady struct{ private ed25519.PrivateKey }

func (*steady) Public() crypto.PublicKey { return remotePrivate.Public() }
func (s *steady) Sign(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.private.Sign(random, message, opts)
}

var (
	remotePrivate = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32))
	otherPrivate  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
)

func signerRing(t testing.TB, s crypto.Signer) *middleware.Keyring {
	t.Helper()
	k, err := middleware.NewSignerKey("2026c", s)
	if err != nil {
		t.Fatal(err)
	}
	return newRing(t, k)
}

func TestLinksOfASignerAreThoseOfTheKeyItHolds(t *testing.T) {
	var got [][]byte
	signs := &remote{private: remotePrivate, sign: func(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
		if random != rand.Reader {
			t.Errorf("the signer got %v for random numbers", random)
		}
		if opts != crypto.Hash(0) {
			t.Errorf("the signer got the options %v", opts)
		}
		got = append(got, bytes.Clone(message))
		return ed25519.Sign(remotePrivate, message), nil
	}}
	asked := 0
	signs.public = func() crypto.PublicKey { asked++; return remotePrivate.Public() }
	key, err := middleware.NewSignerKey("2026c", signs)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > 0 {
		t.Error("NewSignerKey signed")
	}
	if !key.CanSign() || key.ID() != "2026c" || key.String() != "2026c (ed25519)" {
		t.Errorf("the key is %v, can sign: %t", key, key.CanSign())
	}
	inProcess, err := middleware.NewEd25519Key("2026c", remotePrivate)
	if err != nil {
		t.Fatal(err)
	}
	there, here := newRing(t, key), newRing(t, inProcess)
	u := &url.URL{Path: "/files/kyc/card.jpg", RawQuery: "w=1"}
	c := middleware.Claims{Expires: time.Unix(epoch, 0), Binding: middleware.Binding{Name: "session", Value: "s1"}}
	link, err := there.Sign(u, c)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := here.Sign(u, c); err != nil || link.String() != want.String() {
		t.Errorf("the signer's link is\n%v, and the key's\n%v (%v)", link, want, err)
	}
	dir := middleware.Claims{Expires: time.Unix(epoch, 0), Under: "/files/"}
	cookies, err := there.SignCookies("files", dir)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := here.SignCookies("files", dir); err != nil || cookies[0].Value != want[0].Value {
		t.Errorf("the signer's cookie is\n%v, and the key's\n%v (%v)", cookies, want, err)
	}
	want := []string{
		"signed-url/1\n/files/kyc/card.jpg\nexpires_at=1767225600&signed_by=2026c&signed_for=session&w=1\ns1",
		"signed-cookie/1\n/files/\nexpires_at=1767225600&signed_by=2026c&signed_under=%2Ffiles%2F\n",
	}
	if len(got) != 2 || string(got[0]) != want[0] || string(got[1]) != want[1] {
		t.Errorf("the signer was given %q, want %q", got, want)
	}
	if asked != 1 {
		t.Errorf("Public was asked %d times", asked)
	}
}

// The values that a panic or a signer holds must not be printed.
const signerSecret = "the PIN of the token"

func TestAKeyOfABadSignerIsRefused(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := remotePrivate.Public().(ed25519.PublicKey)
	names := func(public crypto.PublicKey) crypto.Signer {
		return &remote{private: remotePrivate, public: func() crypto.PublicKey { return public }}
	}
	offCurve := make(ed25519.PublicKey, 32)
	offCurve[0] = 2
	for name, s := range map[string]crypto.Signer{
		"nil":                                  nil,
		"a nil pointer":                        (*remote)(nil),
		"a nil pointer that names a good key":  (*steady)(nil),
		"a nil func that names a good key":     signerFunc(nil),
		"a nil ed25519.PrivateKey":             ed25519.PrivateKey(nil),
		"an RSA key":                           rsaKey,
		"an ECDSA key":                         ecdsaKey,
		"one that panics in Public":            &remote{public: func() crypto.PublicKey { panic(signerSecret) }},
		"one that panics with an error":        &remote{public: func() crypto.PublicKey { panic(errors.New(signerSecret)) }},
		"one that panics with nil":             &remote{public: func() crypto.PublicKey { panic(nil) }},
		"one that names no key":                names(nil),
		"one that names a pointer to a key":    names(&public),
		"one that names the bytes of a key":    names([]byte(public)),
		"one that names its private key":       names(remotePrivate),
		"one that names a nil key":             names(ed25519.PublicKey(nil)),
		"one that names 31 bytes":              names(public[:31]),
		"one that names 33 bytes":              names(append(bytes.Clone(public), 0)),
		"one that names a point of low order":  names(make(ed25519.PublicKey, 32)),
		"one that names a point off the curve": names(offCurve),
	} {
		k, err := middleware.NewSignerKey("2026c", s)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if k.CanSign() || k.String() != "no key" {
			t.Errorf("%s: the key is %v", name, k)
		}
		if !strings.HasPrefix(err.Error(), "signedurl: key 2026c: ") || strings.Contains(err.Error(), signerSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, id := range []string{"", "a b", strings.Repeat("a", 65)} {
		if _, err := middleware.NewSignerKey(id, &remote{private: remotePrivate}); err == nil {
			t.Errorf("the id %q was taken", id)
		}
	}
}

func TestASignerThatSignsBadlyMakesNoLink(t *testing.T) {
	errLocked := errors.New("the token is locked")
	signs := func(sign func(message []byte) ([]byte, error)) *remote {
		return &remote{private: remotePrivate, sign: func(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
			return sign(message)
		}}
	}
	for _, tt := range []struct {
		name   string
		signer *remote
		want   string
	}{
		{"an error", signs(func([]byte) ([]byte, error) { return nil, errLocked }), errLocked.Error()},
		{"an error and a signature", signs(func(m []byte) ([]byte, error) { return ed25519.Sign(remotePrivate, m), errLocked }), errLocked.Error()},
		{"a panic", signs(func([]byte) ([]byte, error) { panic(signerSecret) }), "panicked"},
		{"a panic with nil", signs(func([]byte) ([]byte, error) { panic(nil) }), "panicked"},
		{"a panic with a struct", signs(func([]byte) ([]byte, error) { panic(struct{ pin string }{signerSecret}) }), "panicked"},
		{"no signature", signs(func([]byte) ([]byte, error) { return nil, nil }), "verify"},
		{"zeros", signs(func([]byte) ([]byte, error) { return make([]byte, 64), nil }), "verify"},
		{"63 bytes", signs(func(m []byte) ([]byte, error) { return ed25519.Sign(remotePrivate, m)[:63], nil }), "verify"},
		{"65 bytes", signs(func(m []byte) ([]byte, error) { return append(ed25519.Sign(remotePrivate, m), 0), nil }), "verify"},
		{"a wrong byte", signs(func(m []byte) ([]byte, error) {
			s := ed25519.Sign(remotePrivate, m)
			s[9] ^= 1
			return s, nil
		}), "verify"},
		{"the signature of another message", signs(func(m []byte) ([]byte, error) { return ed25519.Sign(remotePrivate, m[1:]), nil }), "verify"},
		{"the signature of a message that it wrote over ours", signs(func(m []byte) ([]byte, error) {
			copy(m, "signed-url/2")
			return ed25519.Sign(remotePrivate, m), nil
		}), "verify"},
		{"the signature of a digest, by Ed25519ph", signs(func(m []byte) ([]byte, error) {
			return remotePrivate.Sign(nil, make([]byte, 64), crypto.SHA512)
		}), "verify"},
		{"the signature of another key", signs(func(m []byte) ([]byte, error) { return ed25519.Sign(otherPrivate, m), nil }), "verify"},
	} {
		ring := signerRing(t, tt.signer)
		good, err := signerRing(t, &remote{private: remotePrivate}).Sign(&url.URL{Path: "/a/b"}, middleware.Claims{Expires: time.Unix(epoch, 0)})
		if err != nil {
			t.Fatal(err)
		}
		links, err := middleware.NewURLBuilder("/a/", ring)
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]func() (any, bool, error){
			"Sign": func() (any, bool, error) {
				u, err := ring.Sign(&url.URL{Path: "/a/b"}, middleware.Claims{Expires: time.Unix(epoch, 0)})
				return u, u == nil, err
			},
			"SignCookies": func() (any, bool, error) {
				c, err := ring.SignCookies("files", middleware.Claims{Expires: time.Unix(epoch, 0), Under: "/a/"})
				return c, c == nil, err
			},
			"Subtree": func() (any, bool, error) {
				s, err := links.Subtree("/", middleware.Claims{Expires: time.Unix(epoch, 0)})
				return s, s == nil, err
			},
		}
		for how, make := range made {
			got, none, err := make()
			if err == nil || !none {
				t.Errorf("%s, %s: %v, %v", tt.name, how, got, err)
				continue
			}
			text := err.Error()
			if !strings.HasPrefix(text, "signedurl: cannot sign") || !strings.Contains(text, "key 2026c: ") || !strings.Contains(text, tt.want) || strings.Contains(text, signerSecret) {
				t.Errorf("%s, %s: %v", tt.name, how, err)
			}
			if errors.Is(err, errLocked) != (tt.want == errLocked.Error()) {
				t.Errorf("%s, %s: %v does not wrap the signer's error", tt.name, how, err)
			}
		}
		// Verification is local, whatever the signer does.
		if _, err := ring.Authenticate(middleware.Request{Method: "GET", Path: good.Path, RawQuery: good.RawQuery}); err != nil {
			t.Errorf("%s: a link from before: %v", tt.name, err)
		}
		// A signer that recovers signs again: nothing is kept of a failure.
		tt.signer.sign = nil
		if u, err := ring.Sign(&url.URL{Path: "/a/b"}, middleware.Claims{Expires: time.Unix(epoch, 0)}); err != nil || u.String() != good.String() {
			t.Errorf("%s, and then none: %v, %v", tt.name, u, err)
		}
	}
}

func TestASignerThatChangesItsKeyLaterMakesNoLink(t *testing.T) {
	public := bytes.Clone(remotePrivate.Public().(ed25519.PublicKey))
	s := &remote{private: remotePrivate, public: func() crypto.PublicKey { return ed25519.PublicKey(public) }}
	ring := signerRing(t, s)
	c := middleware.Claims{Expires: time.Unix(epoch, 0)}
	u, err := ring.Sign(&url.URL{Path: "/a"}, c)
	if err != nil {
		t.Fatal(err)
	}
	copy(public, otherPrivate.Public().(ed25519.PublicKey)) // in place, too
	s.private = otherPrivate
	if u, err := ring.Sign(&url.URL{Path: "/a"}, c); err == nil {
		t.Errorf("a link of another key: %v", u)
	}
	if _, err := ring.Authenticate(middleware.Request{Method: "GET", Path: "/a", RawQuery: u.RawQuery}); err != nil {
		t.Errorf("a link from before: %v", err)
	}
}

// A signer may keep what it was given, and write into it at any time.
func TestASignerSharesNoBytes(t *testing.T) {
	kept := make(chan []byte, 200)
	ring := signerRing(t, &remote{private: remotePrivate, sign: func(_ io.Reader, m []byte, _ crypto.SignerOpts) ([]byte, error) {
		s := ed25519.Sign(remotePrivate, m)
		kept <- m
		return s, nil
	}})
	done := make(chan bool)
	go func() {
		for m := range kept {
			clear(m)
		}
		close(done)
	}()
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for j := range 50 {
				if _, err := ring.Sign(&url.URL{Path: fmt.Sprintf("/%d/%d", i, j)}, middleware.Claims{Expires: time.Unix(epoch, 0)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	close(kept)
	<-done
}

func TestASlowSignerDelaysOnlyTheCallThatAskedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(chan bool)
		ring := signerRing(t, &remote{private: remotePrivate, sign: func(_ io.Reader, m []byte, _ crypto.SignerOpts) ([]byte, error) {
			if bytes.Contains(m, []byte("/slow")) {
				<-stuck
			}
			return ed25519.Sign(remotePrivate, m), nil
		}})
		c := middleware.Claims{Expires: time.Now().Add(time.Hour)}
		slow := make(chan error, 1)
		go func() {
			_, err := ring.Sign(&url.URL{Path: "/slow"}, c)
			slow <- err
		}()
		synctest.Wait() // until it stands in the signer
		u, err := ring.Sign(&url.URL{Path: "/fast"}, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newVerifier(ring, nil).Verify(httptest.NewRequest("GET", u.String(), nil)); err != nil {
			t.Error(err)
		}
		select {
		case err := <-slow:
			t.Errorf("the slow signer was done: %v", err)
		default:
		}
		close(stuck)
		if err := <-slow; err != nil {
			t.Error(err)
		}
	})
}

func TestASignerIsNotPrinted(t *testing.T) {
	type pin struct {
		*remote
		PIN string
	}
	k, err := middleware.NewSignerKey("2026c", pin{&remote{private: remotePrivate}, signerSecret})
	if err != nil {
		t.Fatal(err)
	}
	ring := newRing(t, k)
	for _, v := range []any{k, &k, ring, *ring, []middleware.Key{k}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, signerSecret) {
				t.Errorf("%s prints the signer: %s", verb, text)
			}
		}
	}
}
