package strict_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/signedurl/middleware/internal/strict"
)

// words calls f with every sequence of at most n of the pieces.
func words(pieces []string, n int, f func(string)) {
	f("")
	if n == 0 {
		return
	}
	for _, p := range pieces {
		words(pieces, n-1, func(rest string) { f(p + rest) })
	}
}

// encode escapes a text on net/url alone.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// slowCheck is CheckPath and CheckDecoded once more, without a thought for
// speed: it reads up to the first byte that cannot be read, and splits.
func slowCheck(p string, escaped bool) *strict.Fault {
	if !strings.HasPrefix(p, "/") {
		return strict.Relative
	}
	var fault *strict.Fault
	decoded := ""
	for i := 1; i < len(p) && fault == nil; {
		c := p[i : i+1]
		if escaped && c == "%" {
			c = p[i:min(i+3, len(p))]
		}
		text := c
		if escaped {
			var err error
			if text, err = url.PathUnescape(c); err != nil {
				fault = strict.BadEscape
				break
			}
		}
		if text[0] < 0x20 || text[0] == 0x7F {
			fault = strict.Control
		}
		decoded += text
		i += len(c)
	}
	parts := strings.Split(strings.ReplaceAll(decoded, `\`, "/"), "/")
	if fault != nil {
		parts = parts[:len(parts)-1] // the last one was not read to its end
	} else if slices.Contains(parts[:len(parts)-1], "") {
		fault = strict.EmptyPart
	}
	for _, part := range parts {
		if name, _, _ := strings.Cut(part, ";"); name == "." || name == ".." {
			return strict.DotPart
		}
	}
	return fault
}

// slowCanonical is AppendPath once more.
func slowCanonical(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return ""
		}
		segments[i] = encode(decoded)
	}
	return strings.Join(segments, "/")
}

// comparePath holds all judgements of a path against the slow ones.
func comparePath(t *testing.T, p string) {
	t.Helper()
	want := slowCheck(p, true)
	if got := strict.CheckPath(p); got != want {
		t.Errorf("CheckPath(%q) = %v, want %v", p, got, want)
	}
	if got, want := strict.CheckDecoded(p), slowCheck(p, false); got != want {
		t.Errorf("CheckDecoded(%q) = %v, want %v", p, got, want)
	}
	canonical := want == nil && slowCanonical(p) == p
	if got := strict.CanonicalPath(p); got != canonical {
		t.Errorf("CanonicalPath(%q) = %v, want %v", p, got, canonical)
	}
	if want == nil {
		if got := string(strict.AppendPath([]byte("x"), p)); got != "x"+slowCanonical(p) {
			t.Errorf("AppendPath(%q) = %q, want %q", p, got, "x"+slowCanonical(p))
		}
	}
	decoded, err := url.PathUnescape(p)
	if err != nil {
		decoded = p
	}
	plain := canonical && !strings.Contains(decoded, "/.") && !strings.ContainsAny(decoded, `\;`) && strings.Count(decoded, "/") == strings.Count(p, "/")
	for _, other := range []string{decoded, p, decoded + "x", decoded + "/", strings.TrimSuffix(decoded, "a"), strings.Replace(decoded, "a", "b", 1), ""} {
		if got := strict.PlainSpelling(p, other); got != (plain && other == decoded) {
			t.Errorf("PlainSpelling(%q, %q) = %v", p, other, got)
		}
	}
	if canonical {
		u := url.URL{Path: "/before", RawPath: "/%62efore"}
		strict.SetPath(&u, p)
		if u.Path != decoded || u.EscapedPath() != p {
			t.Errorf("SetPath(%q): path %q, escaped %q", p, u.Path, u.EscapedPath())
		}
		if usual := (&url.URL{Path: decoded}).EscapedPath() == p; usual != (u.RawPath == "") {
			t.Errorf("SetPath(%q): RawPath %q", p, u.RawPath)
		}
	}
}

var pathPieces = []string{"/", "a", ".", ";", `\`, "%2E", "%2e", "%2F", "%5C", "%3B", "%41", "%C3", "%c3", "%2", "%zz", "%0A", "~", " "}

func TestEveryShortPathIsJudgedAsTheSlowWayJudgesIt(t *testing.T) {
	words(pathPieces, 3, func(p string) {
		comparePath(t, p)
		comparePath(t, "/"+p)
	})
	words([]string{"/", ".", "..", ";", "%2F", `\`, "a"}, 5, func(p string) { comparePath(t, "/"+p) })
	for c := range 256 {
		comparePath(t, "/"+string([]byte{byte(c)}))
		comparePath(t, "/a"+string([]byte{byte(c)})+"a/")
	}
	const digits = "0123456789abcdefABCDEFgG/:@`"
	for _, c := range digits {
		for _, d := range digits {
			comparePath(t, "/%"+string(c)+string(d))
			comparePath(t, "/a%"+string(c)+string(d)+"a/")
		}
	}
	for _, p := range []string{"/a", "/a/%20b.jpg", "/a%20b/c%25"} {
		for i := range p {
			comparePath(t, p[:i])
		}
	}
}

func FuzzPathIsJudgedAsTheSlowWayJudgesIt(f *testing.F) {
	for _, p := range []string{"/files/my%20card.jpg", "/files/%C3%A9/..%2Fb", "/a/..;x/b", "/%2e%2e\\", "//a%zz", "/a%", "/a%4", "/a/%00"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) { comparePath(t, p) })
}

func TestATargetOf8KiBIsTheLongest(t *testing.T) {
	for _, test := range []struct {
		path, query int
		want        *strict.Fault
	}{{8191, 0, nil}, {8192, 0, strict.TooLong}, {1, 8190, nil}, {1, 8191, strict.TooLong}, {4096, 4095, nil}, {4096, 4096, strict.TooLong}, {0, 0, nil}} {
		if got := strict.CheckTarget(strings.Repeat("a", test.path), strings.Repeat("a", test.query)); got != test.want {
			t.Errorf("a path of %d bytes and a query of %d: %v, want %v", test.path, test.query, got, test.want)
		}
	}
}
