package signedfs

import (
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
	return name, slash, servable(name, runtime.GOOS == "windows")
}

// hasEncodedSlash reports whether an escaped path has a slash that is not raw.
func hasEncodedSlash(raw string) bool {
	return strings.Contains(raw, "%2F") || strings.Contains(raw, "%2f")
}

// servable reports whether every part of a name may be served. The name begins
// with a slash. Some formats accept more paths than this project's own, so that
// nothing is taken for granted here.
func servable(name string, windows bool) bool {
	if !utf8.ValidString(name) {
		return false // http.FS and Dir cannot open it
	}
	for part := range strings.SplitSeq(name[1:], "/") {
		// A dot begins the names of hidden files (.git, .env, .htpasswd), and
		// "." and "..".
		if part == "" || part[0] == '.' {
			return false
		}
		for i := 0; i < len(part); i++ {
			// A backslash separates parts on Windows, and on file systems that
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
