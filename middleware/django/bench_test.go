package django_test

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/django"
)

// BenchmarkAuthenticate stands beside BenchmarkHMAC, the bare MACs over the
// same bytes with a prepared key: it is to stay within three times that. An
// object must be unpacked besides.
func BenchmarkAuthenticate(b *testing.B) {
	const path = "/media/kyc/42/card.jpg"
	query := func(token string) string { return "token=" + url.QueryEscape(token) }
	timed := newFormat(b, django.Options{MaxAge: time.Hour})
	rotated, err := django.New(oldKey, &django.Options{MaxAge: time.Hour, FallbackKeys: []string{key}})
	if err != nil {
		b.Fatal(err)
	}
	subtree := newFormat(b, django.Options{MaxAge: time.Hour, Subtree: true})
	object := newFormat(b, django.Options{MaxAge: time.Hour, Object: true, Member: "path"})
	sha512 := newFormat(b, django.Options{MaxAge: time.Hour, Hash: crypto.SHA512})
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	w.Write([]byte(`{"path":"` + path + `"}`))
	w.Close()
	var bomb bytes.Buffer
	w = zlib.NewWriter(&bomb)
	w.Write(make([]byte, 4<<20))
	w.Close()
	for _, bench := range []struct {
		name        string
		format      *django.Format
		path, query string
		valid       bool
	}{
		{"token=usual", timed, path, query(timed.SignValue(path, made)), true},
		{"token=sha512", sha512, path, query(sha512.SignValue(path, made)), true},
		{"token=fallback-key", rotated, path, query(timed.SignValue(path, made)), true},
		{"token=subtree", subtree, path, query(subtree.SignValue("/media/kyc/42/", made)), true},
		{"token=object", object, path, query(object.SignValue(django.EncodeObject(path, "path"), made)), true},
		{"token=compressed-object", object, path, query(object.SignValue("."+base64.RawURLEncoding.EncodeToString(packed.Bytes()), made)), true},
		{"token=bomb", object, path, query(object.SignValue("."+base64.RawURLEncoding.EncodeToString(bomb.Bytes()), made)), false},
		{"token=other-path", timed, path, query(timed.SignValue("/media/kyc/43/card.jpg", made)), false},
		{"token=forged", timed, path, query(path + ":1r31eq:" + strings.Repeat("A", 43)), false},
		{"token=none", timed, path, "", false},
		{"token=hostile-8KiB", timed, path, query(strings.Repeat(":", 2<<10)), false},
		{"token=hostile-1MiB", timed, path, query(strings.Repeat(":", 1<<20)), false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := middleware.Request{Path: bench.path, RawQuery: bench.query}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.format.Authenticate(r); (err == nil) != bench.valid {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHMAC(b *testing.B) {
	b.Run("token=usual", func(b *testing.B) {
		mac, message := hmac.New(sha256.New, []byte(key)), []byte("/media/kyc/42/card.jpg:1r31eq")
		var sum [sha256.Size]byte
		b.ReportAllocs()
		for b.Loop() {
			mac.Reset()
			mac.Write(message)
			mac.Sum(sum[:0])
		}
	})
}

func BenchmarkSign(b *testing.B) {
	f := newFormat(b, django.Options{MaxAge: time.Hour})
	u := &url.URL{Path: "/media/kyc/42/card.jpg"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Sign(u, hour); err != nil {
			b.Fatal(err)
		}
	}
}
