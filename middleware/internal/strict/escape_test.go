package strict_test

import (
	"errors"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"example.com/signedurl/middleware/internal/strict"
)

func TestEveryByteIsEscapedAsNetURLEscapesIt(t *testing.T) {
	for c := range 256 {
		s := string([]byte{byte(c)})
		want := encode(s)
		if got := string(strict.AppendByte([]byte("x"), byte(c))); got != "x"+want {
			t.Errorf("AppendByte(%q) = %q", s, got)
		}
		for _, text := range []string{s, "a" + s, s + "a", "a" + s + s + "a"} {
			if got := strict.Escape(text); got != encode(text) {
				t.Errorf("Escape(%q) = %q, want %q", text, got, encode(text))
			}
			if got := string(strict.AppendEscaped([]byte("x"), text)); got != "x"+encode(text) {
				t.Errorf("AppendEscaped(%q) = %q", text, got)
			}
		}
		if got := strict.Unreserved(byte(c)); got != (want == s) {
			t.Errorf("Unreserved(%q) = %v", s, got)
		}
		if n := strict.Run("ab" + s + "c"); n != 2 && want != s || n != 4 && want == s {
			t.Errorf("Run(ab%qc) = %d", s, n)
		}
		if b, width := strict.Next("x"+s+"yz", 1); c != '%' && (b != byte(c) || width != 1) {
			t.Errorf("Next of %q = %q, %d", s, b, width)
		}
	}
}

func TestEveryEscapeIsReadAsNetURLReadsIt(t *testing.T) {
	for c := range 256 {
		for d := range 256 {
			s := "%" + string([]byte{byte(c), byte(d)})
			want, err := url.PathUnescape(s)
			b, width := strict.Next("a"+s, 1)
			if ok := err == nil; ok != (width == 3) || ok && want[0] != b || !ok && (width != 0 || b != 0) {
				t.Fatalf("Next(%q) = %q, %d; net/url says %q, %v", s, b, width, want, err)
			}
		}
	}
	for _, s := range []string{"%", "%4"} {
		if b, width := strict.Next(s, 0); b != 0 || width != 0 {
			t.Errorf("Next(%q) = %q, %d", s, b, width)
		}
	}
}

// compareUnescape holds all that decodes a text against net/url.
func compareUnescape(t *testing.T, s string) {
	t.Helper()
	for plus, read := range map[bool]func(string) (string, error){true: url.QueryUnescape, false: url.PathUnescape} {
		want, err := read(s)
		got, ok := strict.Unescape(s, plus)
		if ok != (err == nil) || ok && got != want {
			t.Errorf("Unescape(%q, %v) = %q, %v; net/url says %q, %v", s, plus, got, ok, want, err)
		}
		appended, ok := strict.AppendUnescaped([]byte("x"), s, plus)
		if ok != (err == nil) || ok && string(appended) != "x"+want {
			t.Errorf("AppendUnescaped(%q, %v) = %q, %v", s, plus, appended, ok)
		}
		for _, other := range []string{want, s, got, want + "a", want + "\x00", strings.TrimSuffix(want, "a"), strings.ReplaceAll(want, "a", "b"), strings.ReplaceAll(want, " ", "+"), ""} {
			if got := strict.UnescapesTo(s, other, plus); got != (err == nil && other == want) {
				t.Errorf("UnescapesTo(%q, %q, %v) = %v", s, other, plus, got)
			}
		}
		if plus && err == nil {
			if got := string(strict.AppendRespelled([]byte("x"), s)); got != "x"+encode(want) {
				t.Errorf("AppendRespelled(%q) = %q, want %q", s, got, "x"+encode(want))
			}
		}
	}
}

func TestEveryShortTextIsDecodedAsNetURLDecodesIt(t *testing.T) {
	words([]string{"a", "+", "%", "%4", "%61", "%2B", "%20", "%C3", "%c3", "%zz", "/", " ", "\xff"}, 4, func(s string) { compareUnescape(t, s) })
}

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{"a+b%20", "%zz", "%4", "%", "%61%C3%a9", "%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { compareUnescape(t, s) })
}

func TestANumberHasOneSpelling(t *testing.T) {
	compare := func(s string) {
		t.Helper()
		for _, most := range []int64{0, 9, 10, 65535, strict.MaxTime, 999999999999999999} {
			want, err := strconv.ParseInt(s, 10, 64)
			ok := err == nil && strconv.FormatInt(want, 10) == s && want >= 0 && want <= most
			if n, got := strict.Int(s, most); got != ok || ok && n != want {
				t.Errorf("Int(%q, %d) = %d, %v, want %d, %v", s, most, n, got, want, ok)
			}
		}
	}
	words([]string{"0", "1", "5", "9", "/", ":", "+", "-", " ", "a", "_", "\xff"}, 3, compare)
	for n := range 30 {
		compare(strings.Repeat("9", n))
		compare("1" + strings.Repeat("0", n))
	}
	// A number that only an overflow brings below the limit.
	for _, s := range []string{"253402300799", "253402300800", "18446744073709551617", "18446744073709551616", "9223372036854775808", "65535", "65536"} {
		compare(s)
	}
	if n, ok := strict.Int("1000000000000000000", math.MaxInt64); ok {
		t.Errorf("a number of 19 digits is %d", n)
	}
}

// A query is cut as strings.Cut would cut it, or refused for the first thing
// in its first parameter that is wrong.
func TestEveryShortQueryIsCutAsTheSlowWayCutsIt(t *testing.T) {
	words([]string{"a", "&", "=", ";", "%41", "%zz", "%4", "%", "+", "\xff"}, 5, func(query string) {
		text, rest, more := strings.Cut(query, "&")
		var want *strict.Fault
		for i := 0; i < len(text) && want == nil; i++ {
			switch {
			case text[i] == ';':
				want = strict.Semicolon
			case text[i] == '%':
				if _, err := url.QueryUnescape(text[i:min(i+3, len(text))]); err != nil {
					want = strict.QueryEscape
				}
			}
		}
		name, value, _ := strings.Cut(text, "=")
		if want == nil && (name == "" || more && rest == "") {
			want = strict.EmptyPair
		}
		p := strict.Param{Text: text, Name: name, Value: value}
		if want != nil {
			p, rest = strict.Param{}, ""
		}
		if got, gotRest, fault := strict.CutParam(query); fault != want || got != p || gotRest != rest {
			t.Errorf("CutParam(%q) = %+v, %q, %v; want %+v, %q, %v", query, got, gotRest, fault, p, rest, want)
		}
	})
}

func TestWhatADownloadNameMayHold(t *testing.T) {
	for _, name := range []string{"a", "...", ".a", "a.", " ", "~", "é", "日本語.pdf", "\u00a0", "a\"b", "%2F"} {
		if !strict.ValidDownloadName(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", "/", `a\b`, `\`, "\x00", "a\x1f", "\x7f", "\u0080", "\u0085", "\xff", "a\xc3", "a\u202eb", "\u200f", "\u2066", "\u2028", "\u2029"} {
		if strict.ValidDownloadName(name) {
			t.Errorf("%q is accepted", name)
		}
	}
}

func TestWhatAContentTypeMayHold(t *testing.T) {
	for _, value := range []string{"a/b", "text/plain; charset=utf-8", "a/ ", "a/~", "/"} {
		if !strict.ValidContentType(value) {
			t.Errorf("%q is refused", value)
		}
	}
	for _, value := range []string{"", "a", "a/\x1f", "a/\t", "a/\r\nb", "a/\x7f", "a/\x80", "a/é", "\x00a/b"} {
		if strict.ValidContentType(value) {
			t.Errorf("%q is accepted", value)
		}
	}
}

func TestAFaultBecomesAnInvalidLink(t *testing.T) {
	fault := strict.NewFault("it is odd")
	if fault.Error() != "it is odd" || errors.Is(fault, strict.ErrInvalid) {
		t.Errorf("a fault is %q", fault)
	}
	for _, err := range []error{strict.Invalid{Fault: fault}, strict.NewInvalid("it is odd")} {
		if err.Error() != "signedurl: invalid link: it is odd" || !errors.Is(err, strict.ErrInvalid) {
			t.Errorf("an invalid link is %q", err)
		}
	}
}
