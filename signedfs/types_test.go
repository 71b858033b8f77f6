package signedfs_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
)

// The first bytes of what many formats are packed in.
var packed = map[string]string{
	"zip":  "PK\x03\x04\x14\x00\x00\x00",
	"gzip": "\x1f\x8b\x08\x00\x00\x00\x00\x00",
	"rar":  "Rar!\x1a\x07\x01\x00",
	"ogg":  "OggS\x00\x02\x00\x00",
	"webm": "\x1a\x45\xdf\xa3\x01\x00\x00\x00",
	"mp4":  "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
	"xml":  "<?xml version=\"1.0\"?><x/>",
}

// A person opens the link to a ticket, an app or a letter on a phone. With
// nosniff the phone believes the type, and saves the file as another one if
// that tells how it is packed.
func TestAPhoneSavesAFileUnderItsOwnName(t *testing.T) {
	const (
		octets = "application/octet-stream"
		ooxml  = "application/vnd.openxmlformats-officedocument."
		odf    = "application/vnd.oasis.opendocument."
	)
	for _, test := range []struct{ bytes, name, want string }{
		{"zip", "app.apk", "application/vnd.android.package-archive"},
		{"zip", "App.APK", "application/vnd.android.package-archive"},
		{"zip", "ticket.pkpass", "application/vnd.apple.pkpass"},
		{"zip", "tickets.pkpasses", "application/vnd.apple.pkpasses"},
		{"zip", "plan.odg", odf + "graphics"},
		{"zip", "a.odt", odf + "text"},
		{"zip", "a.ott", odf + "text-template"},
		{"zip", "a.ods", odf + "spreadsheet"},
		{"zip", "a.odp", odf + "presentation"},
		{"zip", "a.odf", odf + "formula"},
		{"zip", "a.docm", "application/vnd.ms-word.document.macroEnabled.12"},
		{"zip", "a.docx", ooxml + "wordprocessingml.document"},
		{"zip", "a.dotx", ooxml + "wordprocessingml.template"},
		{"zip", "a.xlsx", ooxml + "spreadsheetml.sheet"},
		{"zip", "a.xlsm", "application/vnd.ms-excel.sheet.macroEnabled.12"},
		{"zip", "a.xlsb", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"},
		{"zip", "a.pptx", ooxml + "presentationml.presentation"},
		{"zip", "a.ppsx", ooxml + "presentationml.slideshow"},
		{"zip", "a.epub", "application/epub+zip"},
		{"zip", "a.jar", "application/java-archive"},
		{"zip", "a.cbz", "application/vnd.comicbook+zip"},
		{"rar", "a.cbr", "application/vnd.comicbook-rar"},
		{"zip", "a.usdz", "model/vnd.usdz+zip"},
		{"zip", "a.ipa", octets},
		{"zip", "a.xpi", "application/x-xpinstall"},
		{"zip", "a.kmz", "application/vnd.google-earth.kmz"},
		{"zip", "a.key", "application/vnd.apple.keynote"},
		{"zip", "contract.asice", "application/vnd.etsi.asic-e+zip"},
		{"gzip", "a.tgz", octets},
		{"gzip", "a.svgz", octets},
		{"gzip", "a.tar.gz", "application/gzip"},
		{"ogg", "a.opus", "audio/ogg"},
		{"ogg", "a.ogv", "video/ogg"},
		{"webm", "a.mkv", "video/matroska"},
		{"webm", "a.mka", "audio/matroska"},
		{"mp4", "a.m4a", "audio/mp4"},
		{"mp4", "a.m4b", "audio/mp4"},
		{"mp4", "a.mov", "video/quicktime"},
		{"mp4", "a.3gp", "video/3gpp"},
		{"xml", "a.gpx", "application/gpx+xml"},
		{"xml", "wifi.mobileconfig", "application/x-apple-aspen-config"},
		{"zip", "a.zip", "application/zip"},
		{"zip", "a.unknown", octets},
		{"zip", "an extension as long as a sentence.that says nothing at all", octets},
		{"gzip", "a.unknown", octets},
		{"rar", "a.unknown", octets},
		{"ogg", "a.unknown", octets},
		{"webm", "a.unknown", octets},
		{"mp4", "a.unknown", octets},
		{"xml", "a.unknown", octets},
		// A name without an extension keeps none.
		{"zip", "letter", octets},
		{"zip", "letter.", octets},
		{"gzip", "letter", octets},
		{"rar", "letter", octets},
		{"xml", "letter", octets},
		{"ogg", "film", "application/ogg"},
		{"webm", "film", "video/webm"},
		{"mp4", "film", "video/mp4"},
		{"mp4", "film.", "video/mp4"},
	} {
		files := fstest.MapFS{test.name: {Data: []byte(packed[test.bytes] + strings.Repeat("\x00", 100))}}
		h := newHandler(t, "/files/", http.FS(files), nil)
		got := ask(t, listen(t, h), "GET", target(t, h, test.name, later))
		if got.Header.Get("Content-Type") != test.want || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s with %s bytes is %q (%s), want %q", test.name, test.bytes,
				got.Header.Get("Content-Type"), got.Header.Get("X-Content-Type-Options"), test.want)
		}
	}
}
