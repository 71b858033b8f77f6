package strict

import (
	"strings"
	"unicode/utf8"
)

// ValidDownloadName reports whether a link may make its reply a download of
// that name: a file name in UTF-8, without slashes and control characters.
func ValidDownloadName(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c < 0x20 || c == 0x7F || c == '/' || c == '\\' {
			return false
		}
	}
	return name != "" && name != "." && name != ".." && utf8.ValidString(name)
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
