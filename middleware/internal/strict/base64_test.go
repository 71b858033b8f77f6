package strict_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"example.com/signedurl/middleware/internal/strict"
)

// FuzzBase64: a text is decoded exactly if encoding/base64 would write it so.
func FuzzBase64(f *testing.F) {
	for _, s := range []string{"", "Q", "QQ", "QR", "QQI", "QQJ", "QQID", "QQIDBA", "QQ==", "Q\nQ", "+/+/", "-_-_", "QQI\xffBA"} {
		f.Add(s)
	}
	f.Add(strings.Repeat("A", 43))
	f.Add(strings.Repeat("_", 86))
	f.Fuzz(func(t *testing.T, s string) {
		n := len(s) * 6 / 8
		for _, size := range []int{n - 1, n, n + 1} {
			if size < 0 {
				continue
			}
			dst := bytes.Repeat([]byte{0xAA}, size+1)
			ok := strict.Base64(dst[:size:size], s)
			want, err := base64.RawURLEncoding.DecodeString(s)
			canonical := err == nil && base64.RawURLEncoding.EncodeToString(want) == s && len(want) == size
			if ok != canonical || ok && !bytes.Equal(dst[:size], want) || dst[size] != 0xAA {
				t.Errorf("%q into %d bytes: %v, %x; encoding/base64 says %x, %v", s, size, ok, dst, want, err)
			}
		}
	})
}

func TestBase64TakesOneSpellingOfEachLength(t *testing.T) {
	for n := range 70 {
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(i * 37)
		}
		s := base64.RawURLEncoding.EncodeToString(raw)
		dst := make([]byte, n)
		if !strict.Base64(dst, s) || !bytes.Equal(dst, raw) {
			t.Fatalf("%d bytes: %q becomes %x", n, s, dst)
		}
		for i := range s {
			for c := range 256 {
				changed := s[:i] + string([]byte{byte(c)}) + s[i+1:]
				want, err := base64.RawURLEncoding.Strict().DecodeString(changed)
				if ok := strict.Base64(dst, changed); ok != (err == nil && len(want) == n) || ok && !bytes.Equal(dst, want) {
					t.Fatalf("%d bytes: %q is %v, want %v", n, changed, ok, err)
				}
			}
		}
	}
}
