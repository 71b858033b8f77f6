package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// film makes a film of four seconds in every form that a player has to follow
// references for: HLS as MPEG-TS, as fragmented MP4, as one file with ranges,
// encrypted, and with renditions and subtitles; and DASH with a template.
var film = sync.OnceValues(func() (dir string, err error) {
	dir = filepath.Join(filepath.Dir(fileserver), "film")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		"aes.key":  "0123456789abcdef",
		"key.info": "aes.key\naes.key\n",
		"subs.vtt": "WEBVTT\n\n00:00.000 --> 00:04.000\nA subtitle\n",
		"subs.m3u8": "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-PLAYLIST-TYPE:VOD\n" +
			"#EXTINF:4.000,\nsubs.vtt\n#EXT-X-ENDLIST\n",
		"master.m3u8": "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n" +
			`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"` + "\n" +
			`#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="subs.m3u8"` + "\n" +
			`#EXT-X-STREAM-INF:BANDWIDTH=200000,CODECS="avc1.42c00c,mp4a.40.2",RESOLUTION=160x90,AUDIO="sound",SUBTITLES="text"` + "\nsmall.m3u8\n" +
			`#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.42c00d,mp4a.40.2",RESOLUTION=320x180,AUDIO="sound",SUBTITLES="text"` + "\nlarge.m3u8\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	const (
		video = " -c:v libx264 -profile:v baseline -pix_fmt yuv420p -preset ultrafast -g 12 -sc_threshold 0"
		sound = " -c:a aac -b:a 32k"
		hls   = " -f hls -hls_time 1 -hls_playlist_type vod"
		mp4   = " -hls_segment_type fmp4"
	)
	parts := func(name string) string {
		return " -hls_fmp4_init_filename " + name + "-init.mp4 -hls_segment_filename " + name + "-%d.m4s " + name + ".m3u8"
	}
	args := "-v error -f lavfi -i testsrc2=size=320x180:rate=12:duration=4 -f lavfi -i sine=frequency=440:duration=4" +
		video + sound + hls + " -hls_segment_filename ts-%d.ts ts.m3u8" +
		video + sound + hls + mp4 + parts("mp4") +
		video + sound + hls + mp4 + " -hls_flags single_file ranges.m3u8" +
		video + sound + hls + " -hls_key_info_file key.info -hls_segment_filename aes-%d.ts aes.m3u8" +
		" -map 0:v" + video + " -s 160x90" + hls + mp4 + parts("small") +
		" -map 0:v" + video + hls + mp4 + parts("large") +
		" -map 1:a" + sound + hls + mp4 + parts("sound") +
		" -map 0:v -map 0:v -map 1:a" + video + sound + " -s:v:0 160x90 -f dash -seg_duration 1" +
		" -init_seg_name init-$RepresentationID$.m4s -media_seg_name part-$RepresentationID$-$Number%05d$.m4s dash.mpd"
	cmd := exec.Command("ffmpeg", strings.Fields(args)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("ffmpeg: %w\n%s", err, out)
	}
	return dir, nil
})

// request is what the file server was asked, and its reply.
type request struct {
	Method, Target, Origin, Cookie string
	Status                         int
}

// name is the name of the file that was asked for.
func (r request) name() string {
	path, _, _ := strings.Cut(r.Target, "?")
	return strings.TrimPrefix(path, "/files/")
}

func (r request) signed() bool { return strings.Contains(r.Target, "&signature=") }

// playing is a file server and a page with players.
type playing struct {
	keys string
	// own is the origin of the server and of a page in front of it, and other
	// the origin of a page on another site.
	own, other string
	cookie     string // that the server gives to visitors

	mu       sync.Mutex
	requests []request
}

// startPlaying starts the reference server behind a proxy that notes requests,
// and the page with the players on the proxy's origin and on another one.
func startPlaying(t *testing.T, dir string, args ...string) *playing {
	t.Helper()
	if err := nodeModules(); err != nil {
		t.Fatal(err)
	}
	page := http.FileServer(http.Dir("."))
	other := httptest.NewServer(page)
	t.Cleanup(other.Close)
	p := &playing{keys: filepath.Join(t.TempDir(), "keys.txt"), other: elsewhere(t, other)}
	p.run(t, "keygen", "-out", p.keys)
	server, err := url.Parse(startServer(t, append([]string{"-dir", dir, "-key-file", p.keys, "-cors-origin", p.other}, args...)...))
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: server.Host})
			r.Out.Host = r.In.Host
		},
		ModifyResponse: func(reply *http.Response) error {
			r := reply.Request
			p.mu.Lock()
			defer p.mu.Unlock()
			p.requests = append(p.requests, request{r.Method, r.URL.RequestURI(), r.Header.Get("Origin"), r.Header.Get("Cookie"), reply.StatusCode})
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {}, // the player has gone
	}
	mux := http.NewServeMux()
	mux.Handle("/files/", proxy)
	mux.HandleFunc("/session", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", p.cookie+"; Path=/files/; HttpOnly; Secure; SameSite=None; Partitioned")
	})
	mux.Handle("/", page)
	own := httptest.NewServer(mux)
	t.Cleanup(own.Close)
	p.own = own.URL
	return p
}

// run runs a command of the reference server and returns what it prints.
func (p *playing) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(fileserver, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// link returns a link to a file, with the signature of the whole film.
func (p *playing) link(t *testing.T, name, lifetime string) string {
	t.Helper()
	return p.run(t, "link", "-key-file", p.keys, "-base-url", p.own+"/files/", "-under", "/", "-lifetime", lifetime, name)
}

// asked returns the requests since it was last called.
func (p *playing) asked() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := p.requests
	p.requests = nil
	return requests
}

// startPlayer starts a browser that takes nothing from its cache.
func startPlayer(t *testing.T) context.Context {
	t.Helper()
	tab := startBrowser(t)
	if _, err := chromedp.Call(tab, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}); err != nil {
		t.Fatal(err)
	}
	return tab
}

// outcome is how playing a film went.
type outcome struct {
	Error    string  // of the player
	Duration float64 // in seconds
	Ended    int     // how often it came to its end
	Seeked   float64 // where it was continued after the first time
}

// play plays a film in a page of an origin.
func play(t *testing.T, tab context.Context, origin, player, link, more string) (o outcome) {
	t.Helper()
	do(t, tab, chromedp.Navigate(origin+"/player.html?player="+player+"&src="+url.QueryEscape(link)+more))
	if err := json.Unmarshal([]byte(await[string](t, tab, "result")), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// whole reports whether a film was played to its end.
func (o outcome) whole() bool {
	return o.Error == "" && o.Ended == 2 && o.Duration > 3.9 && o.Duration < 4.3 && o.Seeked > 1.5 && o.Seeked < 2.5
}

var hlsPlayers = []string{"browser", "hls.js", "video.js", "shaka"}

func TestPlayersPlayByALink(t *testing.T) {
	t.Parallel()
	dir, err := film()
	if err != nil {
		t.Fatal(err)
	}
	p := startPlaying(t, dir, "-playlists")
	tab := startPlayer(t)
	for _, tt := range []struct {
		name    string
		players []string
		parts   []string // that each of them asks for
		some    []string // that one of them asks for
	}{
		{"ts.m3u8", hlsPlayers, []string{"ts-0.ts", "ts-1.ts", "ts-2.ts", "ts-3.ts"}, nil},
		{"mp4.m3u8", hlsPlayers, []string{"mp4-init.mp4", "mp4-0.m4s", "mp4-3.m4s"}, nil},
		{"ranges.m3u8", hlsPlayers, []string{"ranges.m4s"}, nil},
		{"aes.m3u8", hlsPlayers, []string{"aes.key", "aes-0.ts", "aes-3.ts"}, nil},
		{"master.m3u8", hlsPlayers, []string{"sound.m3u8", "sound-init.mp4", "sound-3.m4s"},
			[]string{"small.m3u8", "small-init.mp4", "large.m3u8", "large-3.m4s", "subs.m3u8", "subs.vtt"}},
		{"dash.mpd", []string{"dash.js", "shaka", "video.js"}, []string{"init-2.m4s", "part-2-00001.m4s"}, []string{"init-1.m4s", "part-1-00004.m4s"}},
	} {
		all := map[string]bool{}
		for _, player := range tt.players {
			for where, origin := range map[string]string{"its own": p.own, "another": p.other} {
				t.Run(fmt.Sprintf("%s in %s from %s origin", tt.name, player, where), func(t *testing.T) {
					o := play(t, tab, origin, player, p.link(t, tt.name, "10m"), "")
					if !o.whole() {
						t.Errorf("%+v", o)
					}
					got := map[string]bool{}
					for _, r := range p.asked() {
						if r.Method != http.MethodOptions && !r.signed() || r.Status >= 300 {
							t.Errorf("%+v", r)
						}
						got[r.name()], all[r.name()] = true, true
					}
					for _, part := range append(tt.parts, tt.name) {
						if !got[part] {
							t.Errorf("nobody asked for %s, but for %v", part, got)
						}
					}
				})
			}
		}
		for _, part := range tt.some {
			if !all[part] {
				t.Errorf("no player asked for %s, but for %v", part, all)
			}
		}
	}
}

// A link that has expired is 404 to every player, and the pages see it.
func TestPlayersFailAfterTheExpiry(t *testing.T) {
	t.Parallel()
	dir, err := film()
	if err != nil {
		t.Fatal(err)
	}
	p := startPlaying(t, dir, "-playlists")
	tab := startPlayer(t)
	links := map[string]string{}
	for _, name := range []string{"mp4.m3u8", "dash.mpd"} {
		links[name] = p.link(t, name, "1s")
	}
	do(t, tab, chromedp.Navigate(p.own+"/player.html"))
	wait(t, tab, "the expiry", fmt.Sprintf("fetch(%q).then(r => r.status == 404)", links["dash.mpd"]))
	p.asked()
	for _, tt := range []struct{ player, film, error string }{
		{"browser", "mp4.m3u8", "video 4"},
		{"hls.js", "mp4.m3u8", "manifestLoadError 404"},
		{"video.js", "mp4.m3u8", "404"},
		{"shaka", "mp4.m3u8", "1001 404"},
		{"dash.js", "dash.mpd", "404"},
		{"shaka", "dash.mpd", "1001 404"},
		{"video.js", "dash.mpd", "404"},
	} {
		for where, origin := range map[string]string{"its own": p.own, "another": p.other} {
			t.Run(fmt.Sprintf("%s in %s from %s origin", tt.film, tt.player, where), func(t *testing.T) {
				o := play(t, tab, origin, tt.player, links[tt.film], "")
				if o.Ended > 0 || !strings.Contains(o.Error, tt.error) {
					t.Errorf("%+v", o)
				}
				requests := p.asked()
				if len(requests) == 0 {
					t.Error("nobody asked for anything")
				}
				for _, r := range requests {
					if !r.signed() || r.Status != 404 {
						t.Errorf("%+v", r)
					}
				}
			})
		}
	}
}

// Without playlists that hand the signature on, a cookie of the files' site is
// the way, if the player is told to send it. Browsers send it to another site
// only if it is partitioned.
func TestPlayersPlayByACookieFromAnotherSite(t *testing.T) {
	t.Parallel()
	dir, err := film()
	if err != nil {
		t.Fatal(err)
	}
	p := startPlaying(t, dir, "-cookie", "files")
	p.cookie = p.run(t, "link", "-key-file", p.keys, "-base-url", p.own+"/files/", "-under", "/", "-cookie", "files")
	tab := newSession(t, startBrowser(t))
	film := func(name string) string { return p.own + "/files/" + name }
	if o := play(t, tab, p.other, "hls.js", film("ts.m3u8"), "&credentials"); o.Error != "manifestLoadError 403" {
		t.Errorf("without the cookie: %+v", o)
	}
	await[chromedp.Void](t, tab, fmt.Sprintf(`fetch(%q, { mode: "no-cors", credentials: "include" })`, p.own+"/session"))
	p.asked()
	for player, name := range map[string]string{
		"browser": "mp4.m3u8", "hls.js": "master.m3u8", "video.js": "ts.m3u8", "shaka": "ranges.m3u8", "dash.js": "dash.mpd",
	} {
		if o := play(t, tab, p.other, player, film(name), "&credentials"); !o.whole() {
			t.Errorf("%s: %+v", player, o)
		}
		for _, r := range p.asked() {
			if r.Method != http.MethodOptions && (r.Cookie == "" || r.signed()) || r.Status >= 300 {
				t.Errorf("%s: %+v", player, r)
			}
		}
	}
}
