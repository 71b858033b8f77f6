package signedfs

import (
	"net/http"
	"strings"
)

// typeOf returns the media type of a file by its name's extension, or "" if
// the extension is not known. The machine's own tables are not asked: what a
// file is must not depend on which packages are installed.
func typeOf(name string) string {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > 16 {
		return ""
	}
	if t, ok := types[name[dot:]]; ok {
		return t
	}
	return types[strings.ToLower(name[dot:])]
}

// sniff returns the media type that a file without a known extension has by
// its first bytes (at most 512), if that is an inert one. What looks like HTML
// is not made into HTML by us.
func sniff(start []byte) string {
	if t := http.DetectContentType(start); inert(t) {
		return t
	}
	return octetStream
}

// policy confines what is not inert: whoever follows the link to an uploaded
// HTML or SVG file must not run its scripts on the site's own origin, where
// they could do whatever the user can. "sandbox" gives the document an origin
// of its own and runs no script, "default-src 'none'" lets it fetch nothing.
// Styles and embedded pictures stay, which SVG needs; within an <img> it
// renders as ever.
const policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"

const octetStream = "application/octet-stream"

// inert reports whether a media type is one that browsers show, play or save
// without running anything in it, and for which the policy would do no good or,
// as with the viewers for PDF, harm. It knows a list, and not what to fear:
// image/svg+xml is a document with scripts, and so is anything in XML.
func inert(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	// Browsers take the last of several types that are joined by commas.
	return inertTypes[strings.ToLower(strings.TrimSpace(t))] && !strings.Contains(contentType, ",")
}

// inertTypes are the values of inertExtensions without parameters, and what
// else sniffing or links may come up with.
var inertTypes = func() map[string]bool {
	m := map[string]bool{
		"application/x-gzip": true, "application/x-rar-compressed": true,
		"application/x-zip-compressed": true, "application/ogg": true, "audio/aiff": true, "audio/basic": true, "audio/wave": true,
		"audio/x-wav": true, "font/collection": true, "image/jpg": true, "image/vnd.microsoft.icon": true,
		"video/avi": true, "video/ogg": true,
	}
	for _, t := range inertExtensions {
		t, _, _ := strings.Cut(t, ";")
		m[t] = true
	}
	return m
}()

// types is every extension that is known.
var types = func() map[string]string {
	m := make(map[string]string, len(inertExtensions)+len(otherExtensions))
	for ext, t := range inertExtensions {
		m[ext] = t
	}
	for ext, t := range otherExtensions {
		m[ext] = t
	}
	return m
}()

// inertExtensions are raster images, audio, video, fonts, PDF, plain text,
// archives, and bytes of which nothing is known.
var inertExtensions = map[string]string{
	".apng": "image/apng", ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif",
	".heic": "image/heic", ".heif": "image/heif", ".ico": "image/x-icon", ".jpeg": "image/jpeg",
	".jpg": "image/jpeg", ".jxl": "image/jxl", ".png": "image/png", ".tif": "image/tiff",
	".tiff": "image/tiff", ".webp": "image/webp",

	".aac": "audio/aac", ".aif": "audio/aiff", ".aiff": "audio/aiff", ".flac": "audio/flac",
	".m4a": "audio/mp4", ".mid": "audio/midi", ".midi": "audio/midi", ".mp3": "audio/mpeg",
	".oga": "audio/ogg", ".ogg": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
	".weba": "audio/webm",

	".3gp": "video/3gpp", ".avi": "video/x-msvideo", ".m4s": "video/iso.segment", ".m4v": "video/mp4",
	".mkv": "video/matroska", ".mov": "video/quicktime", ".mp4": "video/mp4", ".mpeg": "video/mpeg",
	".mpg": "video/mpeg", ".ogv": "video/ogg", ".ts": "video/mp2t", ".webm": "video/webm",

	".otf": "font/otf", ".ttc": "font/collection", ".ttf": "font/ttf", ".woff": "font/woff",
	".woff2": "font/woff2",

	".pdf": "application/pdf",

	".csv": "text/csv; charset=utf-8", ".log": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8",

	".7z": "application/x-7z-compressed", ".br": octetStream, ".bz2": "application/x-bzip2",
	".gz": "application/gzip", ".rar": "application/vnd.rar", ".tar": "application/x-tar",
	".tgz": "application/gzip", ".xz": "application/x-xz", ".zip": "application/zip", ".zst": "application/zstd",

	".bin": octetStream, ".dmg": octetStream, ".exe": octetStream, ".iso": octetStream,
}

// otherExtensions are those of which a browser, or what it hands them to,
// might make more than a picture.
var otherExtensions = map[string]string{
	".css": "text/css; charset=utf-8", ".eml": "message/rfc822", ".epub": "application/epub+zip",
	".htm": "text/html; charset=utf-8", ".html": "text/html; charset=utf-8", ".ics": "text/calendar; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".m3u8": "application/vnd.apple.mpegurl",
	".md": "text/markdown; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".mpd": "application/dash+xml",
	".rtf": "application/rtf", ".svg": "image/svg+xml", ".vcf": "text/vcard; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".wasm": "application/wasm", ".xhtml": "application/xhtml+xml", ".xml": "application/xml",

	".doc": "application/msword", ".odp": "application/vnd.oasis.opendocument.presentation",
	".ods": "application/vnd.oasis.opendocument.spreadsheet", ".odt": "application/vnd.oasis.opendocument.text",
	".ppt": "application/vnd.ms-powerpoint", ".xls": "application/vnd.ms-excel",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
