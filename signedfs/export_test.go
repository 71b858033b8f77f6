package signedfs

import (
	"strings"
	"time"
)

// Servable is the rule about names, for tests of Windows' on any system.
func Servable(name string, windows bool) bool { return nameFault(name, 255, windows) == nil }

// HasFastPath reports whether d opens a file without os.Root.
func HasFastPath(d *Dir, name string) bool {
	f, ok := d.openRaw(name)
	if ok {
		f.Close()
	}
	return ok
}

// WithoutFastPath returns d as it is where there is neither openat2 nor
// O_TMPFILE. It is closed with d.
func WithoutFastPath(d *Dir) *Dir {
	slow := &Dir{path: d.path, named: true}
	slow.opened.Store(&openDir{root: d.opened.Load().root})
	return slow
}

// ETagAt returns the tag of a file with that time of modification, at a time.
func ETagAt(mod, now time.Time) string {
	v := version{size: 7, mod: mod}
	return v.etag(now)
}

// ETagOf returns the tag of a file, as of long after its last change.
func ETagOf(size int64, mod time.Time, inode uint64, changed time.Time) string {
	v := version{size: size, mod: mod, inode: inode, changed: changed}
	return v.etag(changed.Add(time.Hour))
}

// IsView reports whether the last part of a path names a view of a listing.
func IsView(part string) bool {
	_, _, ok := cutView("/" + part)
	return ok
}

// Rewrite rewrites the playlist of a name in a directory, by a link to a subtree with
// these parameters.
func Rewrite(name, dir, under, query string, src []byte) ([]byte, bool) {
	l := &linker{base: dir, under: under, query: query, within: strings.HasPrefix(dir, under)}
	return l.rewrite(src, references(name))
}
