package signedfs

import (
	"maps"
	"net/http"
	"strings"
)

// typeOf returns the media type of a file by the extension of its name, and
// whether the name has an extension at all. The type is "" if the extension is
// not known. The machine's own tables are not asked: the type of a file must not
// depend on the packages that are installed.
func typeOf(name string) (mediaType string, extension bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || dot == len(name)-1 {
		return "", false
	}
	if t, ok := types[name[dot:]]; ok {
		return t, true
	}
	if len(name)-dot > maxExtension {
		return "", true
	}
	return types[strings.ToLower(name[dot:])], true
}

// maxExtension is the length of the longest extension that is looked for in
// lower case, with its dot.
const maxExtension = 16

// sniff returns the media type of a file by its first bytes, at most 512, for
// a name whose extension says nothing. It is an inert type always: what looks
// like HTML does not become HTML here.
//
// A container is not its content: zip bytes are an Android package, a ticket or
// a letter far more often than an archive, and the programs of each know it by
// its name. A phone believes application/zip, since the reply has nosniff, and
// saves the file under another name. So an extension that is not known leaves the
// file octet-stream, and a name without one can be a video or audio file at
// most.
func sniff(start []byte, extension bool) string {
	t := http.DetectContentType(start)
	if c, ok := containers[t]; ok && (extension || c == archive) || !inert(t) {
		return octetStream
	}
	return t
}

// containers are the types of http.DetectContentType that say how a file is
// packed and not what is in it.
var containers = map[string]int{
	"application/zip": archive, "application/x-gzip": archive, "application/x-rar-compressed": archive,
	"application/ogg": media, "video/mp4": media, "video/webm": media,
}

const (
	archive = iota
	media
)

// policy confines what is not inert. The scripts of an uploaded HTML or SVG file
// must not run on the site's own origin, where they could do everything that the
// user can. "sandbox" gives the document an origin of its own and runs no
// script; "default-src 'none'" lets it load nothing. Styles and embedded
// pictures are allowed, since SVG needs them. An <img> shows an SVG as before.
const policy = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"

const octetStream = "application/octet-stream"

// inert reports whether browsers show, play or save a media type without running
// anything in it. The policy would be of no use for these types, and would break
// some viewers for PDF. The types are listed, and not those to fear:
// image/svg+xml is a document with scripts, and so is anything in XML.
func inert(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	// Of several types that are joined by commas, browsers take the last.
	return inertTypes[strings.ToLower(strings.TrimSpace(t))] && !strings.Contains(contentType, ",")
}

// inertTypes are the values of inertExtensions without parameters, and the inert
// types that sniffing or a link may add.
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

// types has every extension that is known.
var types = func() map[string]string {
	m := make(map[string]string, len(inertExtensions)+len(otherExtensions)+len(zipExtensions))
	maps.Copy(m, inertExtensions)
	maps.Copy(m, otherExtensions)
	maps.Copy(m, zipExtensions)
	return m
}()

// zipTypes are the types of zipExtensions.
var zipTypes = func() map[string]bool {
	m := make(map[string]bool, len(zipExtensions))
	for _, t := range zipExtensions {
		m[t] = true
	}
	return m
}()

// inertExtensions are raster images, audio, video, fonts, PDF, plain text,
// archives, and bytes of no declared format.
var inertExtensions = map[string]string{
	".apng": "image/apng", ".avif": "image/avif", ".bmp": "image/bmp", ".gif": "image/gif",
	".heic": "image/heic", ".heif": "image/heif", ".ico": "image/x-icon", ".jpeg": "image/jpeg",
	".jpg": "image/jpeg", ".jxl": "image/jxl", ".png": "image/png", ".tif": "image/tiff",
	".tiff": "image/tiff", ".webp": "image/webp",

	".aac": "audio/aac", ".aif": "audio/aiff", ".aiff": "audio/aiff", ".flac": "audio/flac",
	".m4a": "audio/mp4", ".m4b": "audio/mp4", ".mid": "audio/midi", ".midi": "audio/midi",
	".mka": "audio/matroska", ".mp3": "audio/mpeg", ".oga": "audio/ogg", ".ogg": "audio/ogg",
	".opus": "audio/ogg", ".spx": "audio/ogg", ".wav": "audio/wav", ".weba": "audio/webm",

	".3g2": "video/3gpp2", ".3gp": "video/3gpp", ".avi": "video/x-msvideo", ".m4s": "video/iso.segment",
	".m4v": "video/mp4", ".mkv": "video/matroska", ".mov": "video/quicktime", ".mp4": "video/mp4",
	".mpeg": "video/mpeg", ".mpg": "video/mpeg", ".ogv": "video/ogg", ".ts": "video/mp2t",
	".webm": "video/webm",

	".otf": "font/otf", ".ttc": "font/collection", ".ttf": "font/ttf", ".woff": "font/woff",
	".woff2": "font/woff2",

	".pdf": "application/pdf",

	".csv": "text/csv; charset=utf-8", ".log": "text/plain; charset=utf-8", ".txt": "text/plain; charset=utf-8",

	".7z": "application/x-7z-compressed", ".br": octetStream, ".bz2": "application/x-bzip2",
	".gz": "application/gzip", ".ogx": "application/ogg", ".rar": "application/vnd.rar", ".tar": "application/x-tar",
	".xz": "application/x-xz", ".zip": "application/zip", ".zst": "application/zstd",

	".bin": octetStream, ".dmg": octetStream, ".exe": octetStream, ".iso": octetStream,
	// There is no type under which all phones keep these names.
	".aab": octetStream, ".emz": octetStream, ".ipa": octetStream, ".nupkg": octetStream,
	".svgz": octetStream, ".tbz2": octetStream, ".tgz": octetStream, ".txz": octetStream,
	".whl": octetStream, ".wmz": octetStream, ".xapk": octetStream,
}

// otherExtensions are those whose files a browser, or a program that it starts,
// might do more with than show them.
var otherExtensions = map[string]string{
	".css": "text/css; charset=utf-8", ".eml": "message/rfc822", ".htm": "text/html; charset=utf-8",
	".html": "text/html; charset=utf-8", ".ics": "text/calendar; charset=utf-8",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".m3u8": hlsType,
	".md": "text/markdown; charset=utf-8", ".mjs": "text/javascript; charset=utf-8", ".mpd": dashType,
	".rtf": "application/rtf", ".svg": "image/svg+xml", ".vcf": "text/vcard; charset=utf-8", ".vtt": "text/vtt; charset=utf-8",
	".wasm": "application/wasm", ".xhtml": "application/xhtml+xml", ".xml": "application/xml",

	".atom": "application/atom+xml", ".dae": "model/vnd.collada+xml", ".fb2": "application/x-fictionbook+xml",
	".gpx": "application/gpx+xml", ".kml": "application/vnd.google-earth.kml+xml",
	".mobileconfig": "application/x-apple-aspen-config", ".musicxml": "application/vnd.recordare.musicxml+xml",
	".plist": "application/x-plist", ".rss": "application/rss+xml", ".tcx": "application/vnd.garmin.tcx+xml",
	".ttml": "application/ttml+xml", ".xlf": "application/xliff+xml", ".xsl": "application/xslt+xml",

	".geojson": "application/geo+json", ".jsonld": "application/ld+json", ".ovpn": "application/x-openvpn-profile",
	".webmanifest": "application/manifest+json",

	".cer": "application/pkix-cert", ".crt": "application/x-x509-ca-cert", ".p12": "application/x-pkcs12",
	".p7m": "application/pkcs7-mime", ".p7s": "application/pkcs7-signature", ".pem": "application/x-pem-file",
	".pfx": "application/x-pkcs12",

	".ai": "application/postscript", ".deb": "application/vnd.debian.binary-package", ".eps": "application/postscript",
	".msg": "application/vnd.ms-outlook", ".msi": "application/x-msi", ".ps": "application/postscript",
	".rpm": "application/x-rpm", ".swf": "application/vnd.adobe.flash.movie", ".vsd": "application/vnd.visio",

	".cbr": "application/vnd.comicbook-rar", ".crx": "application/x-chrome-extension",
	".doc": "application/msword", ".ppt": "application/vnd.ms-powerpoint", ".xls": "application/vnd.ms-excel",
}

// zipExtensions are those of files that are zip archives inside.
var zipExtensions = map[string]string{
	".3mf": "model/3mf", ".apk": "application/vnd.android.package-archive", ".appx": "application/appx",
	".asice": "application/vnd.etsi.asic-e+zip", ".asics": "application/vnd.etsi.asic-s+zip",
	".cbz": "application/vnd.comicbook+zip", ".ear": "application/java-archive", ".epub": "application/epub+zip",
	".idml": "application/vnd.adobe.indesign-idml-package", ".jar": "application/java-archive",
	".key": "application/vnd.apple.keynote", ".kmz": "application/vnd.google-earth.kmz", ".msix": "application/msix",
	".mxl": "application/vnd.recordare.musicxml", ".numbers": "application/vnd.apple.numbers", ".ora": "image/openraster",
	".oxps": "application/oxps", ".pages": "application/vnd.apple.pages", ".pkpass": "application/vnd.apple.pkpass",
	".pkpasses": "application/vnd.apple.pkpasses", ".usdz": "model/vnd.usdz+zip", ".vsix": "application/vsix",
	".war": "application/java-archive", ".xpi": "application/x-xpinstall", ".xps": "application/vnd.ms-xpsdocument",

	".odb": "application/vnd.oasis.opendocument.base", ".odc": "application/vnd.oasis.opendocument.chart",
	".odf": "application/vnd.oasis.opendocument.formula", ".odg": "application/vnd.oasis.opendocument.graphics",
	".odi": "application/vnd.oasis.opendocument.image", ".odm": "application/vnd.oasis.opendocument.text-master",
	".odp": "application/vnd.oasis.opendocument.presentation", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".odt": "application/vnd.oasis.opendocument.text", ".otg": "application/vnd.oasis.opendocument.graphics-template",
	".oth": "application/vnd.oasis.opendocument.text-web", ".otp": "application/vnd.oasis.opendocument.presentation-template",
	".ots": "application/vnd.oasis.opendocument.spreadsheet-template", ".ott": "application/vnd.oasis.opendocument.text-template",

	".docm": "application/vnd.ms-word.document.macroEnabled.12",
	".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".dotm": "application/vnd.ms-word.template.macroEnabled.12",
	".dotx": "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
	".potm": "application/vnd.ms-powerpoint.template.macroEnabled.12",
	".potx": "application/vnd.openxmlformats-officedocument.presentationml.template",
	".ppam": "application/vnd.ms-powerpoint.addin.macroEnabled.12",
	".ppsm": "application/vnd.ms-powerpoint.slideshow.macroEnabled.12",
	".ppsx": "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
	".pptm": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
	".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".sldm": "application/vnd.ms-powerpoint.slide.macroEnabled.12",
	".sldx": "application/vnd.openxmlformats-officedocument.presentationml.slide",
	".thmx": "application/vnd.ms-officetheme",
	".vsdm": "application/vnd.ms-visio.drawing.macroEnabled.12",
	".vsdx": "application/vnd.ms-visio.drawing",
	".xlam": "application/vnd.ms-excel.addin.macroEnabled.12",
	".xlsb": "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
	".xlsm": "application/vnd.ms-excel.sheet.macroEnabled.12",
	".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xltm": "application/vnd.ms-excel.template.macroEnabled.12",
	".xltx": "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
}
