package signedfs

import (
	"bytes"
	"strings"
)

// hlsStart is what a playlist of HLS begins with (RFC 8216, section 4.3.1.1).
const hlsStart = "#EXTM3U"

// hlsTags are the tags with an attribute URI that names a file of the presentation.
var hlsTags = map[string]bool{
	"#EXT-X-MEDIA": true, "#EXT-X-I-FRAME-STREAM-INF": true, "#EXT-X-KEY": true, "#EXT-X-SESSION-KEY": true, "#EXT-X-MAP": true,
	"#EXT-X-PART": true, "#EXT-X-PRELOAD-HINT": true, "#EXT-X-RENDITION-REPORT": true,
}

// hls finds the references in a playlist of HLS (RFC 8216 and
// draft-pantos-hls-rfc8216bis). Variables and content steering make other references
// out of them, so that such a playlist stays as it is.
func (l *linker) hls(src []byte) (found []insertion, ok bool) {
	if !bytes.HasPrefix(src, []byte(hlsStart)) || bytes.Contains(src, []byte("EXT-X-DEFINE")) || bytes.Contains(src, []byte("EXT-X-CONTENT-STEERING")) {
		return nil, false
	}
	if bytes.IndexByte(src, '\r') >= 0 && bytes.Count(src, []byte("\r")) != bytes.Count(src, []byte("\r\n")) {
		return nil, false // a line to some players, and part of one to others
	}
	text := string(src)
	found = make([]insertion, 0, strings.Count(text, "\n")/2+1)
	for start := 0; start < len(text); {
		end, next := len(text), len(text)
		if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
			end, next = start+i, start+i+1
			if i > 0 && text[end-1] == '\r' {
				end--
			}
		}
		from, to := start, end
		if start < end && text[start] == '#' {
			from, to = start, start
			if tag, list, ok := strings.Cut(text[start:end], ":"); ok && hlsTags[tag] {
				if f, t, ok := uriAttribute(list); ok {
					from, to = start+len(tag)+1+f, start+len(tag)+1+t
				}
			}
		}
		if from < to {
			if query, ok := l.opens(text[from:to]); ok {
				found = append(found, insertion{to, separator(query, "&")})
			}
		}
		start = next
	}
	return found, true
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
