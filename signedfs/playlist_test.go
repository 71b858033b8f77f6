package signedfs_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// film is a link to the directory of a film. The parameters that hand it on are
// written as "SIGNED" here.
func film(c middleware.Claims) middleware.Claims {
	c.Under = "/files/film/"
	return c
}

// playlists serves playlists below film/, and returns what a link to its directory
// gets.
func playlists(t testing.TB, files map[string]string) (addr string, query string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := newHandler(t, "/files/", openDir(t, dir), &signedfs.Options{Playlists: true})
	u, err := h.URL("film/", film(later))
	if err != nil {
		// Without Listing, the handler makes no link to a directory itself.
		u, err = url.Parse(sign(t, "/files/film/", film(later)))
		if err != nil {
			t.Fatal(err)
		}
	}
	return listen(t, h), u.RawQuery
}

func TestReferencesInAPlaylistOfHLS(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"segments", "#EXTM3U\n#EXTINF:4,\na.ts\n#EXTINF:4,\nsub/b.ts\n", "#EXTM3U\n#EXTINF:4,\na.ts?SIGNED\n#EXTINF:4,\nsub/b.ts?SIGNED\n"},
		{"line ends of Windows", "#EXTM3U\r\n#EXTINF:4,\r\na.ts\r\n", "#EXTM3U\r\n#EXTINF:4,\r\na.ts?SIGNED\r\n"},
		{"no line end", "#EXTM3U\na.ts", "#EXTM3U\na.ts?SIGNED"},
		{"absolute, and up and down", "#EXTM3U\n/files/film/a.ts\n../film/a.ts\n./a.ts\nx/../a.ts\n", "#EXTM3U\n/files/film/a.ts?SIGNED\n../film/a.ts?SIGNED\n./a.ts?SIGNED\nx/../a.ts?SIGNED\n"},
		{"with a query", "#EXTM3U\na.ts?v=1\na.ts?v=1&w=%20\n", "#EXTM3U\na.ts?v=1&SIGNED\na.ts?v=1&w=%20&SIGNED\n"},
		{"escaped", "#EXTM3U\na%20b.ts\n", "#EXTM3U\na%20b.ts?SIGNED\n"},
		{"variants", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1,mp4a\"\nlow/index.m3u8\n", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1,mp4a\"\nlow/index.m3u8?SIGNED\n"},
		{"attributes", "#EXTM3U\n" +
			"#EXT-X-MEDIA:TYPE=AUDIO,URI=\"de.m3u8\",NAME=\"Deutsch, URI=\"\n" +
			"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\",IV=0x1\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"key.bin\"\n" +
			"#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"1@0\"\n#EXT-X-PART:DURATION=1,URI=\"p.mp4\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"q.mp4\"\n#EXT-X-RENDITION-REPORT:URI=\"../film/r.m3u8\",LAST-MSN=1\n",
			"#EXTM3U\n" +
				"#EXT-X-MEDIA:TYPE=AUDIO,URI=\"de.m3u8?SIGNED\",NAME=\"Deutsch, URI=\"\n" +
				"#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i.m3u8?SIGNED\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"key.bin?SIGNED\",IV=0x1\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"key.bin?SIGNED\"\n" +
				"#EXT-X-MAP:URI=\"init.mp4?SIGNED\",BYTERANGE=\"1@0\"\n#EXT-X-PART:DURATION=1,URI=\"p.mp4?SIGNED\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"q.mp4?SIGNED\"\n#EXT-X-RENDITION-REPORT:URI=\"../film/r.m3u8?SIGNED\",LAST-MSN=1\n"},
		{"attributes that are none", "#EXTM3U\na.ts\n" +
			"#EXT-X-MAP:X=\",URI=\"b.mp4\"\n#EXT-X-MAP:URI=b.mp4\n#EXT-X-MAP:URI=\"b.mp4\",URI=\"c.mp4\"\n#EXT-X-MAP: URI=\"b.mp4\"\n#EXT-X-MAP:URI=\"b.mp4\n#EXT-X-MAPS:URI=\"b.mp4\"\n" +
			"#EXT-X-SESSION-DATA:DATA-ID=\"x\",URI=\"b.json\"\n#EXT-X-DATERANGE:ID=\"x\",X-ASSET-URI=\"b.m3u8\"\n#EXT-X-PREFETCH:b.ts\n# URI=\"b.mp4\"\n#EXT-X-MAP:URI=\"\"\n#EXT-X-MAP:URI=\"b.mp4\"x\n#EXT-X-MAP:\n#EXT-X-MAP\n",
			"#EXTM3U\na.ts?SIGNED\n" +
				"#EXT-X-MAP:X=\",URI=\"b.mp4\"\n#EXT-X-MAP:URI=b.mp4\n#EXT-X-MAP:URI=\"b.mp4\",URI=\"c.mp4\"\n#EXT-X-MAP: URI=\"b.mp4\"\n#EXT-X-MAP:URI=\"b.mp4\n#EXT-X-MAPS:URI=\"b.mp4\"\n" +
				"#EXT-X-SESSION-DATA:DATA-ID=\"x\",URI=\"b.json\"\n#EXT-X-DATERANGE:ID=\"x\",X-ASSET-URI=\"b.m3u8\"\n#EXT-X-PREFETCH:b.ts\n# URI=\"b.mp4\"\n#EXT-X-MAP:URI=\"\"\n#EXT-X-MAP:URI=\"b.mp4\"x\n#EXT-X-MAP:\n#EXT-X-MAP\n"},
		{"references that lead elsewhere, or nowhere", "#EXTM3U\na.ts\n" + strings.Join(elsewhere, "\n") + "\n", "#EXTM3U\na.ts?SIGNED\n" + strings.Join(elsewhere, "\n") + "\n"},
		{"variables", "#EXTM3U\n#EXT-X-DEFINE:NAME=\"h\",VALUE=\"//evil.example\"\na.ts\n", ""},
		{"a variable that is the signature", "#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"signature\"\n//evil.example/a.ts?{$signature}\n", refused},
		// It could be one all the same, and would be sent as it is.
		{"playlists that are not called so", "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"de.txt\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.txt\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh.M3U8?v=1\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"key.bin\"\n",
			"#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,URI=\"de.txt\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow.txt\n#EXT-X-STREAM-INF:BANDWIDTH=2\nhigh.M3U8?v=1&SIGNED\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"key.bin?SIGNED\"\n"},
		{"steering", "#EXTM3U\n#EXT-X-CONTENT-STEERING:SERVER-URI=\"/s\"\na.ts\n", ""},
		{"lines that end in CR", "#EXTM3U\ra.ts\n//evil.example/\r\n", ""},
		{"no UTF-8", "#EXTM3U\n# \xff\na.ts\n", ""},
		{"a byte order mark", "\ufeff#EXTM3U\na.ts\n", ""},
		{"no playlist", "a.ts\n", ""},
		{"nothing", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) { rewrites(t, "list.m3u8", test.in, test.want) })
	}
}

// elsewhere are references that the link must not be handed to.
var elsewhere = []string{
	"//evil.example/a.ts", "https://evil.example/a.ts", "https:/x", "https:x", "http:a.ts", `\\evil.example/a.ts`, `/\evil.example/a.ts`, `\a.ts`, "data:text/plain,x", "javascript:x", "skd://x",
	"/\t/evil.example/a.ts", "/ /evil.example/a.ts", " //evil.example/a.ts", "\t//evil.example/", " a.ts", "a.ts ", "a b.ts", "a\x00.ts", "a.ts\x0b",
	"../secret.ts", "../../files/secret.ts", "/files/secret.ts", "/files/film", "/files/filmx/a.ts", "../../../../files/film/a.ts", "/../files/film/a.ts",
	"%2e%2e/secret.ts", "%2E./secret.ts", ".%2e/secret.ts", "x/%2e%2e/%2e%2e/secret.ts", "x/%2e%2e/a.ts", "%2e/a.ts", "..%2fsecret.ts", "..%5csecret.ts", "a%2fb.ts", "a%00.ts", "a%0a.ts", "a%.ts", "a%zz.ts", "x//a.ts", "/files//film/a.ts",
	"a.ts?signature=x", "a.ts?expires_at=1", "a.ts?signed_by=x", "a.ts?%73igned_by=x", "a.ts?signed_narrow=x", "a.ts?v=1&signature=x", "a.ts?", "a.ts?&", "a.ts?v=1&", "a.ts?=1", "a.ts?v=%zz", "?v=1", "?",
	"a.ts#x", "ä.ts", "a;b.ts", "a.ts?v=1;w=2", "{$x}/a.ts", "$x", "a,b.ts", "a:b.ts", "a@b.ts", "(a).ts", "a+b.ts", "*.ts", "'a.ts'", "a.ts?v=a+b", ".", "..", "/",
}

func mpd(inner string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">` + inner + "</MPD>\n"
}

func period(inner string) string {
	return mpd(`<Period><AdaptationSet>` + inner + `<Representation id="v0"/></AdaptationSet></Period>`)
}

func TestReferencesInAManifestOfDASH(t *testing.T) {
	template := func(ref string) string { return period(`<SegmentTemplate media="` + ref + `"/>`) }
	for _, test := range []struct{ name, in, want string }{
		{"a template", period(`<SegmentTemplate startNumber="1" media="s-$RepresentationID$-$Number%05d$.m4s" initialization='i-$RepresentationID$.m4s' index="x/$Time$/$Bandwidth$.sidx"/>`),
			period(`<SegmentTemplate startNumber="1" media="s-$RepresentationID$-$Number%05d$.m4s?SIGNED" initialization='i-$RepresentationID$.m4s?SIGNED' index="x/$Time$/$Bandwidth$.sidx?SIGNED"/>`)},
		{"a list", period("<SegmentList>\n<Initialization sourceURL = \"i.mp4\" range=\"0-1\"/><SegmentURL media=\"a.m4s\" index=\"a.sidx\"/></SegmentList>"),
			period("<SegmentList>\n<Initialization sourceURL = \"i.mp4?SIGNED\" range=\"0-1\"/><SegmentURL media=\"a.m4s?SIGNED\" index=\"a.sidx?SIGNED\"/></SegmentList>")},
		{"a file", mpd(`<Period><AdaptationSet><Representation id="a"><BaseURL>video.mp4</BaseURL><SegmentBase indexRange="1-2"><RepresentationIndex sourceURL="x.sidx"/></SegmentBase></Representation></AdaptationSet></Period>`),
			mpd(`<Period><AdaptationSet><Representation id="a"><BaseURL>video.mp4?SIGNED</BaseURL><SegmentBase indexRange="1-2"><RepresentationIndex sourceURL="x.sidx?SIGNED"/></SegmentBase></Representation></AdaptationSet></Period>`)},
		{"with a query", template("a.m4s?v=1&amp;n=$Number$"), template("a.m4s?v=1&amp;n=$Number$&amp;SIGNED")},
		{"bases", mpd(`<BaseURL>x/</BaseURL><Period><BaseURL>y/z</BaseURL><AdaptationSet><Representation id="a"><SegmentTemplate media="../../$Number$"/></Representation></AdaptationSet></Period>`),
			mpd(`<BaseURL>x/?SIGNED</BaseURL><Period><BaseURL>y/z?SIGNED</BaseURL><AdaptationSet><Representation id="a"><SegmentTemplate media="../../$Number$?SIGNED"/></Representation></AdaptationSet></Period>`)},
		{"a base that comes late", mpd(`<Period><AdaptationSet><Representation id="a"><SegmentTemplate media="../film/$Number$"/><BaseURL>/files/</BaseURL></Representation></AdaptationSet></Period>`), ""},
		{"a base outside", mpd(`<BaseURL>/other/</BaseURL><Period><AdaptationSet><Representation id="a"><SegmentTemplate media="$Number$"/></Representation></AdaptationSet></Period>`), ""},
		{"one base of two outside", mpd(`<BaseURL>a/</BaseURL><BaseURL>/other/</BaseURL><Period><AdaptationSet><Representation id="a"><SegmentTemplate media="$Number$"/></Representation></AdaptationSet></Period>`),
			mpd(`<BaseURL>a/?SIGNED</BaseURL><BaseURL>/other/</BaseURL><Period><AdaptationSet><Representation id="a"><SegmentTemplate media="$Number$"/></Representation></AdaptationSet></Period>`)},
		{"a base that leads back", mpd(`<BaseURL>/other/</BaseURL><Period><AdaptationSet><Representation id="a"><SegmentTemplate media="/files/film/$Number$"/></Representation></AdaptationSet></Period>`),
			mpd(`<BaseURL>/other/</BaseURL><Period><AdaptationSet><Representation id="a"><SegmentTemplate media="/files/film/$Number$?SIGNED"/></Representation></AdaptationSet></Period>`)},
		{"a base with a scheme", mpd(`<BaseURL>https://evil.example/</BaseURL><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"a base with an authority", mpd(`<BaseURL>//evil.example/</BaseURL><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"a base in an entity", mpd(`<BaseURL>&#47;/evil.example/</BaseURL><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"a base in CDATA", mpd(`<BaseURL><![CDATA[//evil.example/]]></BaseURL><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"a base with a comment", mpd(`<BaseURL>/<!-- -->/evil.example/</BaseURL><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"a base with an element", mpd(`<BaseURL>a/<Title/></BaseURL><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"an empty base", mpd(`<BaseURL/><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"a base with a blank", mpd("<BaseURL> //evil.example/ </BaseURL><Period><AdaptationSet><SegmentTemplate media=\"a\"/></AdaptationSet></Period>"), ""},
		{"xml:base", mpd(`<Period xml:base="//evil.example/"><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"xlink", mpd(`<Period xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="https://evil.example/p"><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), refused},
		{"xlink by another name", mpd(`<Period xmlns:x="http://www.w3.org/1999/xlink" x:href="https://evil.example/p"><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), refused},
		{"a DOCTYPE", "<!DOCTYPE MPD [<!ENTITY e \"//evil.example/\">]>" + `<MPD><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period></MPD>`, refused},
		{"an entity", mpd(`<Period><AdaptationSet><SegmentTemplate media="&e;"/></AdaptationSet></Period>`), ""},
		{"a location", mpd(`<Location>//evil.example/x.mpd</Location><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"steering", mpd(`<ContentSteering>https://evil.example/</ContentSteering><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"reports", mpd(`<Metrics metrics="HttpList"><Reporting/></Metrics><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), refused},
		{"a query from elsewhere", mpd(`<EssentialProperty schemeIdUri="urn:mpeg:dash:urlparam:2014"><x:UrlQueryInfo xmlns:x="urn:mpeg:dash:schema:urlparam:2014" queryTemplate="$querypart$" useMPDUrlQuery="true"/></EssentialProperty><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), refused},
		{"another namespace", mpd(`<Period><x:BaseURL xmlns:x="urn:x">//evil.example/</x:BaseURL><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`), ""},
		{"an id that climbs", mpd(`<Period><AdaptationSet><SegmentTemplate media="$RepresentationID$/a"/><Representation id=".."/></AdaptationSet></Period>`), ""},
		{"an id that is an address", mpd(`<Period><AdaptationSet><SegmentTemplate media="$RepresentationID$"/><Representation id="//evil.example/"/></AdaptationSet></Period>`), ""},
		{"no id", mpd(`<Period><AdaptationSet><SegmentTemplate media="$RepresentationID$a"/><Representation/></AdaptationSet></Period>`), ""},
		{"an attribute twice", mpd(`<Period><AdaptationSet><SegmentTemplate media="a" media="//evil.example/"/></AdaptationSet></Period>`), ""},
		{"another encoding", `<?xml version="1.0" encoding="UTF-16"?><MPD><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period></MPD>`, ""},
		{"two roots", `<MPD/><MPD><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period></MPD>`, ""},
		{"another root", `<x><MPD><Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period></MPD></x>`, ""},
		{"a tag that does not end", `<MPD><Period><AdaptationSet><SegmentTemplate media="a"/>`, ""},
		{"text behind", mpd(`<Period><AdaptationSet><SegmentTemplate media="a"/></AdaptationSet></Period>`) + "x", ""},
		{"very deep", mpd(strings.Repeat("<Period>", 100) + `<SegmentTemplate media="a"/>` + strings.Repeat("</Period>", 100)), ""},
		{"a protected one", period(`<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011"><x:pssh xmlns:x="urn:mpeg:cenc:2013">AA==</x:pssh></ContentProtection><SegmentTemplate media="a"/>`),
			period(`<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011"><x:pssh xmlns:x="urn:mpeg:cenc:2013">AA==</x:pssh></ContentProtection><SegmentTemplate media="a?SIGNED"/>`)},
		{"placeholders that are none", template("a-$Foo$-$Number$"), ""},
		{"a dollar", template("a$$b"), ""},
		{"a placeholder outside a template", period(`<SegmentList><SegmentURL media="$Number$"/></SegmentList>`), ""},
		{"an escaped reference", template("&#97;.m4s"), ""},
	} {
		t.Run(test.name, func(t *testing.T) { rewrites(t, "list.mpd", test.in, test.want) })
	}
	for _, ref := range elsewhere {
		if strings.ContainsAny(ref, "<&\"$\x00\x0b") {
			continue
		}
		t.Run(fmt.Sprintf("%q", ref), func(t *testing.T) { rewrites(t, "list.mpd", template(ref), "") })
	}
}

// refused is what a playlist is that could hand the link to another host.
const refused = "refused"

// rewrites opens a playlist by a link to its directory. An empty want is the file as
// it is.
func rewrites(t *testing.T, name, in, want string) {
	t.Helper()
	if want == "" {
		want = in
	}
	addr, query := playlists(t, map[string]string{"film/" + name: in})
	r := ask(t, addr, "GET", "/files/film/"+name+"?"+query)
	if want == refused {
		if r.Status != 404 || r.Body != "Not Found\n" || r.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d with %.80q, %v", r.Status, r.Body, r.Header)
		}
		return
	}
	got := strings.ReplaceAll(strings.ReplaceAll(r.Body, strings.ReplaceAll(query, "&", "&amp;"), "SIGNED"), query, "SIGNED")
	if diff := cmp.Diff(want, got); r.Status != 200 || diff != "" {
		t.Errorf("%d (-want +got):\n%s", r.Status, diff)
	}
	if r.Header.Get("Content-Length") != fmt.Sprint(len(r.Body)) {
		t.Errorf("Content-Length: %s of %d", r.Header.Get("Content-Length"), len(r.Body))
	}
}

// What the playlist names is there for a client that knows nothing of links.
func TestPlayersFollowAPlaylist(t *testing.T) {
	addr, query := playlists(t, map[string]string{
		"film/index.m3u8":    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/list.m3u8\n",
		"film/low/list.m3u8": "#EXTM3U\n#EXT-X-MAP:URI=\"../init.mp4\"\n#EXTINF:4,\na.ts\n",
		"film/low/a.ts":      "segment", "film/init.mp4": "init", "secret.txt": "secret",
	})
	at := "/files/film/index.m3u8?" + query
	for range 2 {
		r := ask(t, addr, "GET", at)
		if r.Status != 200 {
			t.Fatalf("%s: %d", at, r.Status)
		}
		base, _ := url.Parse(at)
		for _, line := range strings.Split(r.Body, "\n") {
			if m := regexp.MustCompile(`URI="([^"]*)"`).FindStringSubmatch(line); m != nil {
				line = m[1]
			}
			if line == "" || line[0] == '#' {
				continue
			}
			ref, err := base.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			if r := ask(t, addr, "GET", ref.RequestURI()); r.Status != 200 {
				t.Errorf("%s: %d", ref.Path, r.Status)
			}
			if strings.HasSuffix(ref.Path, ".m3u8") {
				at = ref.RequestURI()
			}
		}
	}
}

// The rewritten bytes are a file of their own.
func TestARewrittenPlaylistHasItsOwnValidatorsAndRanges(t *testing.T) {
	const list = "#EXTM3U\n#EXTINF:4,\na.ts\n"
	addr, query := playlists(t, map[string]string{"film/list.m3u8": list})
	target := "/files/film/list.m3u8?" + query
	whole := ask(t, addr, "GET", target)
	plain := ask(t, addr, "GET", sign(t, "/files/film/list.m3u8", later))
	if plain.Body != list {
		t.Errorf("by a link to the file alone: %q", plain.Body)
	}
	other := ask(t, addr, "GET", "/files/film/list.m3u8?"+strings.SplitN(sign(t, "/files/film/", film(middleware.Claims{Expires: later.Expires.Add(-time.Hour)})), "?", 2)[1])
	tag := whole.Header.Get("Etag")
	if tag == "" || tag == plain.Header.Get("Etag") || tag == other.Header.Get("Etag") {
		t.Errorf("ETag %s, of the file %s, by another link %s", tag, plain.Header.Get("Etag"), other.Header.Get("Etag"))
	}
	for _, test := range []struct {
		method, field string
		status        int
		body          string
	}{
		{"GET", "Range: bytes=0-", 206, whole.Body},
		{"GET", "Range: bytes=8-11", 206, whole.Body[8:12]},
		{"GET", fmt.Sprintf("Range: bytes=%d-", len(whole.Body)), 416, "Requested Range Not Satisfiable\n"},
		{"GET", "If-None-Match: " + tag, 304, ""},
		{"GET", "If-None-Match: " + plain.Header.Get("Etag"), 200, whole.Body},
		{"HEAD", "X: y", 200, ""},
	} {
		r := ask(t, addr, test.method, target, test.field)
		if r.Status != test.status || r.Body != test.body {
			t.Errorf("%s with %s: %d with %q", test.method, test.field, r.Status, r.Body)
		}
		if test.status < 300 && (r.Header.Get("Etag") != tag || !strings.HasPrefix(r.Header.Get("Cache-Control"), "private") || r.Header.Get("Content-Type") != "application/vnd.apple.mpegurl") {
			t.Errorf("%s with %s: %v", test.method, test.field, r.Header)
		}
	}
	if r := ask(t, addr, "HEAD", target); r.Header.Get("Content-Length") != fmt.Sprint(len(whole.Body)) {
		t.Errorf("HEAD: %v", r.Header)
	}
}

func TestWhenAPlaylistIsSentAsItIs(t *testing.T) {
	const list = "#EXTM3U\n#EXTINF:4,\na.ts\n"
	root := http.Dir(t.TempDir())
	for _, name := range []string{"film/list.m3u8", "film/list.txt", "film/large.m3u8", "film/growing.m3u8", "film/leaking.m3u8"} {
		p := filepath.Join(string(root), name)
		os.MkdirAll(filepath.Dir(p), 0o755)
		text := list
		switch path.Base(name) {
		case "large.m3u8":
			text += strings.Repeat("#", 4<<20)
		case "leaking.m3u8": // in a part that is read after another one
			text += strings.Repeat("#", 4<<20) + "\n#EXT-X-DEFINE:QUERYPARAM=\"signature\"\n//evil.example/?{$signature}\n"
		case "growing.m3u8": // beyond what is sent
			text += strings.Repeat("a.ts\n", 70_000)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	under := strings.SplitN(sign(t, "/files/film/", film(later)), "?", 2)[1]
	cookies, err := ring.SignCookies("film", film(later))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	on := listen(t, newHandler(t, "/files/", root, &signedfs.Options{
		Playlists: true, Verify: middleware.Options{Cookie: "film"},
		Error: func(_ *http.Request, err error) { told = append(told, err.Error()) },
	}))
	off := listen(t, newHandler(t, "/files/", root, nil))
	report := listen(t, newHandler(t, "/files/", root, &signedfs.Options{Playlists: true, Verify: middleware.Options{InsecureReportOnly: true}}))
	for _, test := range []struct{ name, addr, target, header string }{
		{"the option is off", off, "/files/film/list.m3u8?" + under, "X: y"},
		{"a link to the file", on, sign(t, "/files/film/list.m3u8", later), "X: y"},
		{"a cookie", on, "/files/film/list.m3u8", "Cookie: " + cookies[0].String()},
		{"too large", on, "/files/film/large.m3u8?" + under, "X: y"},
		{"too large when it is rewritten", on, "/files/film/growing.m3u8?" + under, "X: y"},
		{"another extension", on, "/files/film/list.txt?" + under, "X: y"},
		{"no link", report, "/files/film/list.m3u8?signed_under=%2Ffiles%2Ffilm%2F&signed_by=x&signature=x", "X: y"},
	} {
		r := ask(t, test.addr, "GET", test.target, test.header)
		if r.Status != 200 || !strings.HasPrefix(r.Body, list) || strings.Contains(r.Body, "signature") {
			t.Errorf("%s: %d with %.80q", test.name, r.Status, r.Body)
		}
	}
	if r := ask(t, on, "GET", "/files/film/list.m3u8?"+under); !strings.Contains(r.Body, "signature") {
		t.Errorf("the playlist itself: %q", r.Body)
	}
	if r := ask(t, on, "GET", "/files/film/leaking.m3u8?"+under); r.Status != 404 {
		t.Errorf("one that is too large and leaks: %d with %.80q", r.Status, r.Body)
	}
	if len(told) != 1 || !strings.Contains(told[0], "makes players send its own query elsewhere") {
		t.Errorf("Options.Error was told %q", told)
	}
}

// A playlist that is rewritten is not left to a proxy, which would send the file.
func TestARewrittenPlaylistIsNotOffloaded(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "list.m3u8"), []byte("#EXTM3U\na.ts\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	addr := listen(t, newHandler(t, "/files/", openDir(t, root), &signedfs.Options{Playlists: true, Offload: signedfs.Offload{XAccel: "/protected/"}}))
	c := later
	c.Under, c.ContentType = "/files/", "text/plain"
	r := ask(t, addr, "GET", "/files/list.m3u8?"+strings.SplitN(sign(t, "/files/", c), "?", 2)[1])
	if r.Header.Get("X-Accel-Redirect") != "" || !strings.Contains(r.Body, "a.ts?expires_at=") {
		t.Errorf("%q, %v", r.Body, r.Header)
	}
}

// anyLink takes every request for one with a link to film/, as some other format might.
type anyLink struct{ middleware.Format }

func (anyLink) Authenticate(middleware.Request) (middleware.Link, error) {
	return middleware.Link{Claims: film(later)}, nil
}

// The parameters of other formats are not known here.
func TestAPlaylistByALinkOfAnotherFormat(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "film"), 0o755); err != nil {
		t.Fatal(err)
	}
	const list = "#EXTM3U\na.ts\n"
	if err := os.WriteFile(filepath.Join(root, "film", "list.m3u8"), []byte(list), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := signedfs.New("/files/", openDir(t, root), anyLink{ring}, &signedfs.Options{Playlists: true})
	if err != nil {
		t.Fatal(err)
	}
	addr := listen(t, h)
	for _, query := range []string{"", "?signature=x", "?Signature=x&Key-Pair-Id=y", "?signed_by=x&signature=x", "?signed_under=%2F&signed_by=x&signature=x"} {
		if r := ask(t, addr, "GET", "/files/film/list.m3u8"+query); r.Status != 200 || r.Body != list {
			t.Errorf("%q: %d with %q", query, r.Status, r.Body)
		}
	}
}
