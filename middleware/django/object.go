package django

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"example.com/signedurl/middleware/internal/strict"
)

// maxObject is the size of the largest object that is read. A token of 8 KiB
// could decompress to a thousand times that size: its signer is trusted, but not
// with the server's memory.
const maxObject = 64 << 10

// decodeObject returns the string that an object's member holds, or the object
// itself if no member is named. It is called only after the signature was
// checked, and accepts what Django's own serializer writes.
func decodeObject(value, member string) (string, bool) {
	encoded, compressed := strings.CutPrefix(value, ".")
	data := make([]byte, base64.RawURLEncoding.DecodedLen(len(encoded)))
	if !strict.Base64(data, encoded) {
		return "", false
	}
	if compressed {
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return "", false
		}
		if data, err = io.ReadAll(io.LimitReader(z, maxObject+1)); err != nil {
			return "", false
		}
	}
	if len(data) > maxObject {
		return "", false
	}
	for _, c := range data {
		if c >= utf8.RuneSelf { // Python would read Latin-1
			return "", false
		}
	}
	// A map, since encoding/json matches the fields of a struct in any case. If
	// a name occurs twice, Python and Go take the last.
	if member != "" {
		var object map[string]json.RawMessage
		if json.Unmarshal(data, &object) != nil {
			return "", false
		}
		data = object[member]
	}
	var text string
	if json.Unmarshal(data, &text) != nil {
		return "", false
	}
	// Python keeps half of a surrogate pair, and Go replaces it by U+FFFD, so
	// that one string would stand for several.
	return text, !strings.ContainsRune(text, utf8.RuneError)
}

// encodeObject returns what Django's serializer writes, byte for byte, not
// compressed. The text must be valid UTF-8.
func encodeObject(text, member string) string {
	var data []byte
	if member != "" {
		data = append(data, '{')
		data = appendJSON(data, member)
		data = append(data, ':')
	}
	data = appendJSON(data, text)
	if member != "" {
		data = append(data, '}')
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// appendJSON appends a string as Python's json.dumps writes it, in ASCII. The
// string holds no control character, some of which have short escapes.
func appendJSON(dst []byte, text string) []byte {
	dst = append(dst, '"')
	for _, r := range text {
		if ' ' <= r && r <= '~' {
			if r == '"' || r == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, byte(r))
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			dst = fmt.Appendf(dst, `\u%04x`, unit)
		}
	}
	return append(dst, '"')
}
