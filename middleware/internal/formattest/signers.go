package formattest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"

	"example.com/signedurl/middleware"
)

// elsewhere is a key in an agent, a module or a service. What is nil behaves as
// it should.
type elsewhere struct {
	crypto.Signer
	public func() crypto.PublicKey
	sign   func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (e *elsewhere) Public() crypto.PublicKey {
	if e.public != nil {
		return e.public()
	}
	return e.Signer.Public()
}

func (e *elsewhere) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if random != rand.Reader {
		return nil, errors.New("there are no random numbers")
	}
	if len(digest) != opts.HashFunc().Size() {
		return nil, errors.New("this is no digest")
	}
	if e.sign != nil {
		return e.sign(digest, opts)
	}
	return e.Signer.Sign(random, digest, opts)
}

// pin is what no error may show.
const pin = "the PIN of the token"

// Signers tests that a format whose keys take a crypto.Signer makes its links
// with the key that the signer named first, or none: newFormat returns a format
// that signs with a key of s, own and another are two keys of the right kind,
// and publics are public keys that are refused. The claims of base make a
// complete link to a path of the origin.
func Signers(t *testing.T, own, another crypto.Signer, publics map[string]crypto.PublicKey, newFormat func(s crypto.Signer) (middleware.Format, error), origin string, base middleware.Claims) {
	u, err := url.Parse(origin + path)
	if err != nil {
		t.Fatal(err)
	}
	must := func(s crypto.Signer) middleware.Format {
		t.Helper()
		f, err := newFormat(s)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}

	bad := map[string]crypto.Signer{
		"none":                         nil,
		"a nil pointer":                (*elsewhere)(nil),
		"one that panics in Public":    &elsewhere{public: func() crypto.PublicKey { panic(pin) }},
		"one that names no public key": &elsewhere{public: func() crypto.PublicKey { return nil }},
	}
	for name, public := range publics {
		bad["one that names "+name] = &elsewhere{Signer: own, public: func() crypto.PublicKey { return public }}
	}
	for name, s := range bad {
		if _, err := newFormat(s); err == nil {
			t.Errorf("a key was made of %s", name)
		} else if !strings.HasPrefix(err.Error(), "signedurl: ") || strings.Contains(err.Error(), pin) {
			t.Errorf("%s: %v", name, err)
		}
	}

	calls := 0
	good := &elsewhere{Signer: own, public: func() crypto.PublicKey { calls++; return own.Public() }}
	good.sign = func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
		calls++
		return own.Sign(rand.Reader, digest, opts)
	}
	f := must(good)
	if calls != 1 {
		t.Errorf("the signer was asked %d times before the first link", calls)
	}
	if l, err := signed(f, u, base); err != nil || l.KeyID == "" {
		t.Errorf("a link of a good signer: %v, %+v", err, l)
	}
	if calls != 2 {
		t.Errorf("the signer was asked %d times after the first link", calls)
	}

	failed := errors.New("the token was removed")
	for name, sign := range map[string]func(digest []byte, opts crypto.SignerOpts) ([]byte, error){
		"an error":     func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, failed },
		"a panic":      func([]byte, crypto.SignerOpts) ([]byte, error) { panic(pin) },
		"no signature": func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, nil },
		"zeros": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			s, err := own.Sign(rand.Reader, digest, opts)
			return make([]byte, len(s)), err
		},
		"an error and a signature": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			s, _ := own.Sign(rand.Reader, digest, opts)
			return s, failed
		},
		"a signature cut short": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			s, err := own.Sign(rand.Reader, digest, opts)
			return s[:len(s)-1], err
		},
		"a signature with one more byte": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			s, err := own.Sign(rand.Reader, digest, opts)
			return append(s, 0), err
		},
		"a signature with a wrong byte": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			s, err := own.Sign(rand.Reader, digest, opts)
			s[len(s)-1] ^= 1
			return s, err
		},
		"the signature of another message": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			return own.Sign(rand.Reader, bytes.Repeat([]byte{1}, len(digest)), opts)
		},
		"the signature of a message that it wrote over ours": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			digest[0] ^= 1
			return own.Sign(rand.Reader, digest, opts)
		},
		"the signature of another key": func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			return another.Sign(rand.Reader, digest, opts)
		},
	} {
		s := &elsewhere{Signer: own, sign: sign}
		f := must(s)
		link, err := f.Sign(u, base)
		if err == nil || link != nil {
			t.Errorf("%s: the link %v, %v", name, link, err)
		} else if strings.Contains(err.Error(), pin) || errors.Is(err, failed) != strings.HasPrefix(name, "an error") {
			t.Errorf("%s: %v", name, err)
		}
		if cs, ok := f.(middleware.CookieSigner); ok {
			c := base
			c.Under = under
			if cookies, err := cs.SignCookies("", c); err == nil || cookies != nil {
				t.Errorf("%s: the cookies %v, %v", name, cookies, err)
			}
		}
		// Nothing is kept of a failure.
		s.sign = nil
		if _, err := signed(f, u, base); err != nil {
			t.Errorf("%s, and then none: %v", name, err)
		}
	}

	s := &elsewhere{Signer: own}
	f = must(s)
	s.Signer = another
	if link, err := f.Sign(u, base); err == nil {
		t.Errorf("a signer that changed its key made the link %v", link)
	}

	// A key is as safe for concurrent use as its signer.
	f = must(&elsewhere{Signer: own})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				if _, err := signed(f, u, base); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
