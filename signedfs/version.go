package signedfs

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io/fs"
	"time"
)

// version is what a file system knows about the state of a file.
type version struct {
	size  int64
	mod   time.Time
	inode uint64
	// changed is when the content or an attribute last changed, by the clock of
	// the file system. Nobody can set it back. It is zero if it is not known.
	changed time.Time
	// tag is the file system's own entity-tag, or empty.
	tag string
}

// versionOf returns what a file's info says. An info with an ETag method knows
// best, if what it returns is an entity-tag.
func versionOf(info fs.FileInfo) version {
	v := version{size: info.Size(), mod: info.ModTime()}
	v.inode, v.changed = inodeOf(info)
	if tagged, ok := info.(interface{ ETag() string }); ok {
		if tag := tagged.ETag(); isETag(tag) {
			v.tag = tag
		}
	}
	return v
}

// firstYear is the year before which no file on a server was last changed.
// Embedded files have no time, and tools that make reproducible archives write
// a constant one: the epoch (Nix, Git), 1980 (ZIP), 1985 (npm). All versions of
// a file have that time.
const firstYear = 1990

// lastModified returns the time of the last change, or the zero time if it is
// not known.
func (v *version) lastModified() time.Time {
	if v.mod.Year() < firstYear {
		return time.Time{}
	}
	return v.mod
}

// coarse is the resolution of the coarsest clock among the file systems (FAT).
const coarse = 2 * time.Second

// etag returns the entity-tag of the version, or "" if too little is known.
//
// It is a strong validator (RFC 9110, section 8.8.1) only if the file system
// reports the inode and the time of the change. The size and the time of
// modification are not enough for one: a time can be set, and two versions of
// one size and one time would be spliced by a client that continues a download.
//
// The tag is a hash, so that it does not tell the inode.
func (v *version) etag(now time.Time) string {
	if v.tag != "" {
		return v.tag
	}
	known := !v.changed.IsZero()
	if !known && v.lastModified().IsZero() {
		return ""
	}
	// By a clock of whole seconds, a file that changed just now may change
	// again in the same second. Its tag is weak, and another one than later.
	latest := v.mod
	if known {
		latest = v.changed
	}
	recent := latest.Nanosecond() == 0 && now.Sub(latest) < coarse

	var b [48]byte
	binary.BigEndian.PutUint64(b[0:], uint64(v.size))
	binary.BigEndian.PutUint64(b[8:], uint64(v.mod.Unix()))
	binary.BigEndian.PutUint32(b[16:], uint32(v.mod.Nanosecond()))
	binary.BigEndian.PutUint64(b[20:], v.inode)
	if known {
		binary.BigEndian.PutUint64(b[28:], uint64(v.changed.Unix()))
		binary.BigEndian.PutUint32(b[36:], uint32(v.changed.Nanosecond()))
	}
	if recent {
		b[40] = 1
	}
	sum := sha256.Sum256(b[:])
	tag := append(make([]byte, 0, 24), `W/"`...)
	tag = base64.RawURLEncoding.AppendEncode(tag, sum[:12])
	tag = append(tag, '"')
	if known && !recent {
		tag = tag[len("W/"):]
	}
	return string(tag)
}

// isETag reports whether s is an entity-tag (RFC 9110, section 8.8.3) of ASCII
// characters.
func isETag(s string) bool {
	if len(s) >= 2 && s[:2] == "W/" {
		s = s[2:]
	}
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return false
	}
	for i := 1; i < len(s)-1; i++ {
		if c := s[i]; c <= ' ' || c == '"' || c >= 0x7F {
			return false
		}
	}
	return true
}
