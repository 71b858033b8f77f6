package signedfs_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/signedfs"
)

// browserURL resolves a reference in the way of browsers
// (https://url.spec.whatwg.org/), which is the most generous one, against the
// playlist http://files.example/files/film/list, and returns host and path.
func browserURL(ref string) (host, path string) {
	ref = strings.Trim(ref, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f ")
	ref = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(ref)
	if m := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`).FindString(ref); m != "" {
		return "another scheme", ""
	}
	ref, _, _ = strings.Cut(ref, "#")
	ref, _, _ = strings.Cut(ref, "?")
	ref = strings.ReplaceAll(ref, `\`, "/")
	if strings.HasPrefix(ref, "//") {
		return "another host", ""
	}
	parts := []string{"files", "film"}
	if strings.HasPrefix(ref, "/") {
		parts, ref = nil, ref[1:]
	}
	for part := range strings.SplitSeq(ref, "/") {
		switch strings.ReplaceAll(strings.ToLower(part), "%2e", ".") {
		case ".":
		case "..":
			parts = parts[:max(0, len(parts)-1)]
		default:
			parts = append(parts, part)
		}
	}
	path = "/" + strings.Join(parts, "/")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	return "", path
}

// FuzzNoPlaylistHandsTheLinkToAnother holds that in whatever a stranger wrote, each
// reference that got the link leads below the subtree on the same host, for a browser
// too, and that nothing else was changed.
func FuzzNoPlaylistHandsTheLinkToAnother(f *testing.F) {
	for _, ref := range append(elsewhere, "a.ts", "sub/a.ts?v=1", "../film/a.ts", "/files/film/a.ts") {
		f.Add("#EXTM3U\n#EXT-X-MAP:URI=\"" + ref + "\"\n" + ref + "\n")
		f.Add(mpd(`<BaseURL>` + ref + `</BaseURL><Period><AdaptationSet><SegmentTemplate media="` + ref + `" initialization='$RepresentationID$/` + ref + `'/><Representation id="a"/></AdaptationSet></Period>`))
	}
	const query = "expires_at=1&signature=x"
	inserted := regexp.MustCompile(`(?:\?|&amp;|&)` + regexp.QuoteMeta(query))
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Contains(src, query) {
			t.Skip()
		}
		for _, name := range []string{"list.m3u8", "list.mpd"} {
			out, ok := signedfs.Rewrite(name, "/files/film/", "/files/film/", query, []byte(src))
			if !ok {
				continue
			}
			if got := inserted.ReplaceAllString(string(out), ""); got != src {
				t.Fatalf("%q without what was inserted is %q", src, got)
			}
			rest := string(out)
			for {
				at := inserted.FindStringIndex(rest)
				if at == nil {
					break
				}
				before := rest[:at[0]]
				rest = rest[at[1]:]
				start := strings.LastIndexAny(before, "\"'\n>") + 1
				ref := strings.TrimSuffix(before[start:], "\r")
				if name == "list.mpd" {
					if strings.Contains(src, "BaseURL") {
						continue // judged by the hosts alone
					}
					ref = strings.NewReplacer("&amp;", "&", "$RepresentationID$", "a", "$Number$", "1").Replace(ref)
				}
				if host, path := browserURL(ref); host != "" || !strings.HasPrefix(path, "/files/film/") {
					t.Fatalf("%q hands the link to %q: %s%s", src, ref, host, path)
				}
			}
			if strings.HasSuffix(name, ".mpd") {
				for _, m := range regexp.MustCompile(`<BaseURL[^>]*>([^<]*)<`).FindAllStringSubmatch(src, -1) {
					if host, _ := browserURL(m[1]); host != "" {
						t.Fatalf("%q has a base on %s", src, host)
					}
				}
			}
		}
	})
}

// BenchmarkPlaylist rewrites a playlist of 10,000 lines, by turns with copying it
// line by line. x-copy is the ratio of their times.
func BenchmarkPlaylist(b *testing.B) {
	var hls, dash strings.Builder
	hls.WriteString("#EXTM3U\n")
	for i := range 5000 {
		fmt.Fprintf(&hls, "#EXTINF:4.000,\nsegment-%05d.m4s\n", i)
	}
	dash.WriteString("<Period><AdaptationSet><Representation id=\"v\"><SegmentList>\n")
	for i := range 10000 {
		fmt.Fprintf(&dash, "<SegmentURL media=\"segment-%05d.m4s\"/>\n", i)
	}
	dash.WriteString("</SegmentList></Representation></AdaptationSet></Period>")
	query := strings.SplitN(sign(b, "/files/film/", film(later)), "?", 2)[1]
	for name, src := range map[string]string{"list.m3u8": hls.String(), "list.mpd": mpd(dash.String())} {
		b.Run(name, func(b *testing.B) {
			var ratios []float64
			for b.Loop() {
				start := time.Now()
				out, ok := signedfs.Rewrite(name, "/files/film/", "/files/film/", query, []byte(src))
				rewritten := time.Since(start)
				if !ok || strings.Count(string(out), "signature") < 5000 {
					b.Fatal("it was not rewritten")
				}
				start = time.Now()
				copyLines(&bytes.Buffer{}, strings.NewReader(src))
				ratios = append(ratios, float64(rewritten)/float64(time.Since(start)))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "x-copy")
		})
	}
}

func copyLines(w io.Writer, r io.Reader) {
	out := bufio.NewWriter(w)
	defer out.Flush()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		out.Write(lines.Bytes())
		out.WriteByte('\n')
	}
}
