package signedfs

import (
	"bytes"
	"strings"
)

// hlsStart is what a playlist of HLS begins with (RFC 8216, section 4.3.1.1).
const hlsStart = "#EXTM3U"

// hlsTags are the tags with an attribute URI that names a file of the presentation,
// and whether that is a playlist.
var hlsTags = map[string]bool{
	"#EXT-X-MEDIA": true, "#EXT-X-I-FRAME-STREAM-INF": true, "#EXT-X-RENDITION-REPORT": true,
	"#EXT-X-KEY": false, "#EXT-X-SESSION-KEY": false, "#EXT-X-MAP": false, "#EXT-X-PART": false, "#EXT-X-PRELOAD-HINT": false,
}

// hls finds the references in a playlist of HLS (RFC 8216 and
// draft-pantos-hls-rfc8216bis). Variables and content steering make other references
// out of them, so that such a playlist stays as it is. What a master playlist names as
// a playlist must be called one, or it would be sent without having been looked at.
func (l *linker) hls(src []byte) (found []insertion, ok bool) {
	if !bytes.HasPrefix(src, []byte(hlsStart)) || bytes.Contains(src, []byte("EXT-X-DEFINE")) || bytes.Contains(src, []byte("EXT-X-CONTENT-STEERING")) {
		return nil, false
	}
	if bytes.IndexByte(src, '\r') >= 0 && bytes.Count(src, []byte("\r")) != bytes.Count(src, []byte("\r\n")) {
		return nil, false // a line to some players, and part of one to others
	}
	text := string(src)
	master := strings.Contains(text, "#EXT-X-STREAM-INF")
	found = make([]insertion, 0, strings.Count(text, "\n")/2+1)
	for start := 0; start < len(text); {
		end, next := len(text), len(text)
		if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
			end, next = start+i, start+i+1
			if i > 0 && text[end-1] == '\r' {
				end--
			}
		}
		from, to, list := start, end, master
		if start < end && text[start] == '#' {
			from, to = start, start
			tag, attributes, _ := strings.Cut(text[start:end], ":")
			if l, known := hlsTags[tag]; known {
				if f, t, ok := uriAttribute(attributes); ok {
					from, to, list = start+len(tag)+1+f, start+len(tag)+1+t, l
				}
			}
		}
		if from < to {
			if query, ok := l.opens(text[from:to]); ok && (!list || isList(text[from:to])) {
				found = append(found, insertion{to, separator(query, "&")})
			}
		}
		start = next
	}
	return found, true
}

// isList reports whether a reference leads to a file that is called a playlist.
func isList(ref string) bool {
	path, _, _ := strings.Cut(ref, "?")
	t, _ := typeOf(path)
	return t == hlsType
}

func separator(query bool, and string) string {
	if query {
		return and
	}
	return "?"
}

// uriAttribute returns where the value of the attribute URI is in an attribute list
// (RFC 8216, section 4.2), without its quotes. It reports false unless the list is
// well-formed and has exactly one.
func uriAttribute(list string) (from, to int, found bool) {
	for at := 0; ; {
		eq := strings.IndexByte(list[at:], '=')
		if eq <= 0 {
			return 0, 0, false
		}
		name := list[at : at+eq]
		if strings.ContainsAny(name, "\", \t") {
			return 0, 0, false
		}
		at += eq + 1
		quoted := strings.HasPrefix(list[at:], `"`)
		end := 0
		if quoted {
			at++
			if end = strings.IndexByte(list[at:], '"'); end < 0 {
				return 0, 0, false
			}
			end += at
		} else if end = strings.IndexByte(list[at:], ','); end < 0 {
			end = len(list)
		} else {
			end += at
		}
		if name == "URI" {
			if found || !quoted {
				return 0, 0, false
			}
			from, to, found = at, end, true
		} else if !quoted && strings.IndexByte(list[at:end], '"') >= 0 {
			return 0, 0, false
		}
		if at = end; quoted {
			at++
		}
		if at == len(list) {
			return from, to, found
		}
		if list[at] != ',' {
			return 0, 0, false
		}
		at++
	}
}
