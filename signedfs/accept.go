package signedfs

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"example.com/signedurl/middleware"
)

// sniffed is how many bytes of a file are looked at for its type.
const sniffed = 512

// permits reports whether a link accepts files of a media type. A wildcard such
// as image/* stands for inert types alone, in the link and in each of its steps.
func permits(l *middleware.Link, mediaType string) bool {
	t, _, _ := strings.Cut(mediaType, ";")
	return l.Accepts(t) && (inert(t) || !slices.ContainsFunc(lists(l), func(accept []string) bool { return !slices.Contains(accept, t) }))
}

// lists returns the lists of media types of a link and of its steps.
func lists(l *middleware.Link) (lists [][]string) {
	for _, c := range append(l.Steps(), l.Claims) {
		if c.Upload.Accept != nil {
			lists = append(lists, c.Upload.Accept)
		}
	}
	return lists
}

// acceptable reports whether a link accepts a file, by the type with which it
// will be served and by the one that its first bytes look like: a PNG that is
// called x.html is neither an image nor a page.
func acceptable(l *middleware.Link, name string, start []byte) bool {
	if lists(l) == nil {
		return true
	}
	served, extension := typeOf(name)
	if served == "" {
		served = sniff(start, extension)
	}
	served, _, _ = strings.Cut(served, ";")
	looks := look(start)
	return permits(l, served) && (permits(l, looks) || standsFor(looks, served))
}

// ole is what the files of older Microsoft programs, and newer ones with a
// password, look like.
const ole = "application/x-ole-storage"

// look returns the media type that the first bytes of a file look like. It knows
// more than http.DetectContentType, which follows what browsers sniff.
func look(start []byte) string {
	if len(start) >= 12 && string(start[4:8]) == "ftyp" {
		return lookISO(start)
	}
	for _, m := range magic {
		if bytes.HasPrefix(start, []byte(m.prefix)) {
			return m.mediaType
		}
	}
	t, _, _ := strings.Cut(http.DetectContentType(start), ";")
	return t
}

var magic = [...]struct{ prefix, mediaType string }{
	{"II*\x00", "image/tiff"}, {"MM\x00*", "image/tiff"},
	{"\xff\x0a", "image/jxl"}, {"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"},
	{"fLaC", "audio/flac"},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ole},
}

// lookISO tells the files of the ISO base media format apart (ISO/IEC 14496-12)
// by the brands in their first box.
func lookISO(start []byte) string {
	size := int(start[0])<<24 | int(start[1])<<16 | int(start[2])<<8 | int(start[3])
	end := min(max(size, 12), len(start))
	heic := false
	for i := 8; i+4 <= end; i += 4 {
		switch string(start[i : i+4]) {
		case "avif", "avis":
			return "image/avif"
		case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1":
			heic = true
		}
	}
	switch brand := string(start[8:12]); {
	case heic:
		return "image/heic"
	case brand == "qt  ":
		return "video/quicktime"
	case brand == "M4A ", brand == "M4B ":
		return "audio/mp4"
	case strings.HasPrefix(brand, "3gp"):
		return "video/3gpp"
	case strings.HasPrefix(brand, "3g2"):
		return "video/3gpp2"
	}
	return "video/mp4"
}

// standsFor reports whether the files of a type may look like another one: a
// letter in a zip file, a table of plain text.
func standsFor(looks, served string) bool {
	switch looks {
	case octetStream:
		return !recognized[served] && !zipTypes[served] && !textual(served)
	case "application/zip":
		return zipTypes[served]
	case ole:
		return oleTypes[served] || zipTypes[served] && strings.Contains(served, "ms-") || strings.Contains(served, "openxmlformats")
	case "text/plain":
		return textual(served)
	case "text/xml":
		return strings.HasSuffix(served, "+xml") || xmlTypes[served]
	case "text/html": // anything that begins with a comment
		return strings.HasSuffix(served, "+xml") || xmlTypes[served] || served == "text/markdown"
	}
	return slices.Contains(looksLike[looks], served)
}

// textual reports whether the files of a type are text.
func textual(t string) bool {
	return strings.HasPrefix(t, "text/") || strings.HasSuffix(t, "+xml") || strings.HasSuffix(t, "+json") || xmlTypes[t] || textTypes[t]
}

var (
	xmlTypes = set("application/xml", "application/x-plist", "application/x-apple-aspen-config", "text/xml")

	textTypes = set("application/json", "application/pkcs7-mime", "application/pkcs7-signature", "application/pkix-cert",
		"application/rtf", "application/vnd.apple.mpegurl", "application/x-openvpn-profile", "application/x-pem-file",
		"application/x-x509-ca-cert", "message/rfc822")

	oleTypes = set("application/msword", "application/vnd.ms-excel", "application/vnd.ms-outlook",
		"application/vnd.ms-powerpoint", "application/vnd.visio", "application/x-msi")

	// recognized are the types whose files never look like mere bytes.
	recognized = func() map[string]bool {
		m := set("application/gzip", "application/ogg", "application/pdf", "application/postscript", "application/vnd.rar",
			"application/wasm", "application/zip", "audio/aiff", "audio/flac", "audio/matroska", "audio/midi", "audio/mp4",
			"audio/ogg", "audio/wav", "audio/webm", "font/collection", "font/otf", "font/ttf", "font/woff", "font/woff2",
			"image/apng", "image/avif", "image/bmp", "image/gif", "image/heic", "image/heif", "image/jpeg", "image/jxl",
			"image/png", "image/tiff", "image/webp", "image/x-icon", "video/3gpp", "video/3gpp2", "video/matroska",
			"video/mp4", "video/ogg", "video/webm", "video/x-msvideo", "application/vnd.comicbook-rar")
		for t := range oleTypes {
			m[t] = true
		}
		return m
	}()

	// looksLike has the names under which this package serves what sniffing
	// calls otherwise.
	looksLike = map[string][]string{
		"application/ogg":              {"audio/ogg", "video/ogg"},
		"application/x-gzip":           {"application/gzip"},
		"application/x-rar-compressed": {"application/vnd.rar", "application/vnd.comicbook-rar"},
		"audio/mp4":                    {"video/mp4"},
		"audio/wave":                   {"audio/wav"},
		"image/heic":                   {"image/heif"},
		"image/png":                    {"image/apng"},
		"video/3gpp":                   {"video/mp4"},
		"video/avi":                    {"video/x-msvideo"},
		"video/mp4":                    {"audio/mp4", "video/3gpp", "video/3gpp2", "video/iso.segment", "video/quicktime"},
		"video/quicktime":              {"video/mp4"},
		"video/webm":                   {"audio/matroska", "audio/webm", "video/matroska"},
	}
)

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
