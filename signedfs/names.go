package signedfs

import (
	"errors"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"
)

// name returns the name of the file that a path asks for, in the form in which
// an [http.FileSystem] takes it: with a slash before it and none after. It
// reports whether the path ended in a slash, as that of a directory does, and
// whether the name is ever served.
func (h *Handler) name(path, rawPath string) (name string, slash, ok bool) {
	// The verifier distinguishes an encoded slash from a raw one, and a file
	// system does not: the link to a%2Fb would open b in the directory a.
	if !strings.HasPrefix(path, h.path) || hasEncodedSlash(rawPath) {
		return "", false, false
	}
	name = path[len(h.path)-1:]
	if name == "/" {
		return name, true, true
	}
	name, slash = strings.CutSuffix(name, "/")
	return name, slash, h.fault(name) == nil
}

// linkable is the rule of the handler's builder of links: a name is refused that
// would never be served.
func (h *Handler) linkable(name string) error {
	name, slash := strings.CutSuffix("/"+name, "/")
	if slash && !h.opts.Listing && h.opts.Uploads == nil && h.opts.OtherMethods == nil {
		return errSlash
	}
	if name == "" {
		return nil
	}
	return h.fault(name)
}

// fault returns why a name is never served by this handler, or nil.
func (h *Handler) fault(name string) error {
	return nameFault(name, h.longest, runtime.GOOS == "windows")
}

// hasEncodedSlash reports whether an escaped path has a slash that is not raw.
func hasEncodedSlash(raw string) bool {
	return strings.Contains(raw, "%2F") || strings.Contains(raw, "%2f")
}

var (
	errSlash   = errors.New("it ends in a slash, and directories are not listed")
	errUTF8    = errors.New("it is not UTF-8")
	errEmpty   = errors.New("it has an empty part")
	errHidden  = errors.New("a part begins with a dot, as those of hidden files do")
	errControl = errors.New("it has a control character or a backslash")
	errLong    = errors.New("a part is longer than the name of a file may be")
	errWindows = errors.New("a part has another meaning to Windows")
)

// nameFault returns why a name is never served, or nil. The name begins with a
// slash. Some formats accept more paths than this project's own, so that nothing
// is taken for granted here. A part may have any length if longest is 0.
func nameFault(name string, longest int, windows bool) error {
	if !utf8.ValidString(name) {
		return errUTF8 // http.FS and Dir cannot open it
	}
	for part := range strings.SplitSeq(name[1:], "/") {
		switch {
		case part == "":
			return errEmpty
		case part[0] == '.', part[0] >= utf8.RuneSelf && strings.HasPrefix(strings.TrimLeft(part, ignoredByHFS), "."):
			// A dot begins the names of hidden files (.git, .env, .htpasswd),
			// and "." and "..".
			return errHidden
		case longest > 0 && len(part) > longest:
			return errLong
		}
		for i := 0; i < len(part); i++ {
			// A backslash separates parts on Windows, and on file systems that
			// are mounted from there.
			if c := part[i]; c < 0x20 || c == 0x7F || c == '\\' {
				return errControl
			}
		}
		if windows && !servableWindows(part) {
			return errWindows
		}
	}
	return nil
}

// ignoredByHFS are the characters that the file system HFS+ skips when it
// compares names, so that U+200C before ".git" opens .git (CVE-2014-9390).
const ignoredByHFS = "\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"

// longestName returns the length in bytes of the longest name of a file that a
// file system may have, or 0 if it is not known. That of an operating system has
// at most 255 bytes, or on some 255 characters.
func longestName(root http.FileSystem) int {
	switch root.(type) {
	case *Dir, http.Dir:
		if runtime.GOOS == "windows" || runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
			return 255 * utf8.UTFMax
		}
		return 255
	}
	return 0
}

// servableWindows refuses the names under which Windows opens something with
// another name: devices (NUL, COM1), streams (a:b), "a." and "a " for a, and the
// short names (GIT~1), which reach hidden files too.
func servableWindows(part string) bool {
	if strings.ContainsAny(part, `<>:"|?*`) || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
		return false
	}
	for i := 0; i+1 < len(part); i++ {
		if part[i] == '~' && '0' <= part[i+1] && part[i+1] <= '9' {
			return false
		}
	}
	return filepath.IsLocal(part)
}
