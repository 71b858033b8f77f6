package signedfs

import (
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"
)

// name returns the file that a request names, as an [http.FileSystem] is asked
// for it: "/" and the name, without a slash at the end. It reports whether
// there was one, as there is for a directory, and whether the name is one that
// is served at all.
func (h *Handler) name(u *url.URL) (name string, slash, ok bool) {
	// The verifier tells an encoded slash from a raw one, a file system does
	// not: the link to a%2Fb would open b in the directory a.
	if !strings.HasPrefix(u.Path, h.path) || hasEncodedSlash(u.RawPath) {
		return "", false, false
	}
	name = u.Path[len(h.path)-1:]
	if name == "/" {
		return name, true, true
	}
	name, slash = strings.CutSuffix(name, "/")
	return name, slash, servable(name, runtime.GOOS == "windows")
}

// hasEncodedSlash reports whether an escaped path has a slash that is not raw.
func hasEncodedSlash(raw string) bool {
	return strings.Contains(raw, "%2F") || strings.Contains(raw, "%2f")
}

// servable reports whether every part of a name, which begins with a slash,
// may be asked for. Some formats let more through than this project's own, so
// that nothing is taken for granted here.
func servable(name string, windows bool) bool {
	if !utf8.ValidString(name) {
		return false // not to be opened through http.Dir, http.FS or Dir
	}
	for part := range strings.SplitSeq(name[1:], "/") {
		// A dot begins what its owner hides (.git, .env, .htpasswd), and "."
		// and "..".
		if part == "" || part[0] == '.' {
			return false
		}
		for i := 0; i < len(part); i++ {
			// A backslash is a separator to Windows, and to file systems that
			// are mounted from there.
			if c := part[i]; c < 0x20 || c == 0x7F || c == '\\' {
				return false
			}
		}
		if windows && !servableWindows(part) {
			return false
		}
	}
	return true
}

// servableWindows refuses the names by which Windows opens something that is
// not called so: devices (NUL, COM1), streams (a:b), "a." and "a " for a, and
// the short names (GIT~1) under which hidden files are reached too.
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
