package strict

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidDownloadName reports whether a link may make its reply a download of
// that name: a file name in UTF-8, without slashes, without control characters,
// and without what deceives a reader as they do: line separators, and the
// bidirectional controls that show "cod.exe" as "exe.doc" (Unicode Technical
// Report 36).
func ValidDownloadName(name string) bool {
	if name == "" || name == "." || name == ".." || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		switch {
		case r < 0x20 || r == 0x7F || r == '/' || r == '\\':
			return false
		case r < 0x7F: // most names, without a look into tables
		case unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp):
			return false
		}
	}
	return true
}

// ValidContentType keeps a link's media type from becoming anything but one
// header field's value. Signing also parses it.
func ValidContentType(t string) bool {
	for i := 0; i < len(t); i++ {
		if t[i] < 0x20 || t[i] >= 0x7F {
			return false
		}
	}
	return strings.Contains(t, "/")
}
