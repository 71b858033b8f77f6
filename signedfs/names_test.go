package signedfs_test

import (
	"testing"

	"example.com/signedurl/signedfs"
)

func TestServableNames(t *testing.T) {
	for _, test := range []struct {
		why, name     string
		unix, windows bool
	}{
		{"a file", "/a.txt", true, true},
		{"a file in directories", "/a/b c/ü", true, true},
		{"dots within", "/a..b/c.d.e", true, true},
		{"dots that are no parent", "/...", false, false},
		{"the directory itself", "/a/./b", false, false},
		{"its parent", "/../b", false, false},
		{"an empty part", "/a//b", false, false},
		{"a hidden file", "/.a", false, false},
		{"a hidden directory", "/a/.b/c", false, false},
		{"a hidden file behind what HFS+ ignores", "/\u200c.git", false, false},
		{"a hidden directory behind two characters that HFS+ ignores", "/a/\ufeff\u202e.git/config", false, false},
		{"a name that begins with what HFS+ ignores", "/\u200ca.txt", true, true},
		{"a control character", "/a\nb", false, false},
		{"a NUL", "/a\x00b", false, false},
		{"a DEL", "/a\x7f", false, false},
		{"a backslash", `/a\b`, false, false},
		{"no UTF-8", "/a\xff", false, false},
		{"a dot at the end", "/a.", true, false},
		{"a space at the end", "/a /b", true, false},
		{"a stream", "/a.txt::$DATA", true, false},
		{"a drive", "/c:/a", true, false},
		{"a short name", "/GIT~1/config", true, false},
		{"another short name", "/GIT~0", true, false},
		{"the last short name", "/GIT~9.TXT", true, false},
		{"a tilde before a letter", "/a~b/~c", true, true},
		{"a tilde before a hyphen", "/a~-1", true, true},
		{"a tilde at the end", "/a~", true, true},
		{"a wildcard", "/a*", true, false},
	} {
		for windows, want := range map[bool]bool{false: test.unix, true: test.windows} {
			if got := signedfs.Servable(test.name, windows); got != want {
				t.Errorf("%s: %q is servable (Windows: %v): %v, want %v", test.why, test.name, windows, got, want)
			}
		}
	}
}
