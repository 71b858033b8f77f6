package signedfs_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

// narrowed narrows a link by steps.
func narrowed(t testing.TB, link string, steps ...middleware.Claims) string {
	t.Helper()
	u, err := url.Parse(link)
	for _, step := range steps {
		if err == nil {
			u, err = middleware.Narrow(u, step)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func accepting(n int64, types ...string) middleware.Claims {
	return middleware.Claims{Upload: middleware.Upload{MaxBytes: n, Accept: types}}
}

func TestAnUploadIsHeldToEachStep(t *testing.T) {
	dir := t.TempDir()
	h := newHandler(t, "/in/", openDir(t, dir), onlyUploads(signedfs.Uploads{}))
	addr := listen(t, h)
	size := int64(len(png))
	images := upTo(1 << 20)
	images.Upload.Accept = []string{"image/*"}
	for i, test := range []struct {
		claims middleware.Claims
		steps  []middleware.Claims
		file   string
		body   string
		want   int
	}{
		{upTo(1 << 20), []middleware.Claims{accepting(size)}, "a.png", png, 201},
		{upTo(1 << 20), []middleware.Claims{accepting(size - 1)}, "a.png", png, 413},
		{upTo(0), []middleware.Claims{accepting(size - 1)}, "a.png", png, 413},
		{upTo(1 << 20), []middleware.Claims{accepting(size), accepting(size - 1)}, "a.png", png, 413},
		{upTo(1 << 20), []middleware.Claims{accepting(0, "image/*")}, "a.png", png, 201},
		{upTo(1 << 20), []middleware.Claims{accepting(0, "image/*")}, "a.pdf", pdf, 415},
		{upTo(1 << 20), []middleware.Claims{accepting(0, "image/*")}, "a.png", pdf, 415},
		{upTo(1 << 20), []middleware.Claims{accepting(0, "image/*")}, "a", png, 201},
		{upTo(1 << 20), []middleware.Claims{accepting(0, "image/*")}, "a", pdf, 415},
		{images, []middleware.Claims{accepting(0, "image/png")}, "a.png", png, 201},
		{images, []middleware.Claims{accepting(0, "image/png")}, "a.jpg", jpeg, 415},
		{images, []middleware.Claims{accepting(0, "image/jpeg")}, "a.png", png, 415},
		// The signer's wildcard stands for inert types, and a holder names others.
		{images, []middleware.Claims{accepting(0, "image/openraster")}, "a.ora", "PK\x03\x04 and files", 415},
		{upTo(1 << 20), []middleware.Claims{{Methods: []string{"POST"}}}, "a.png", png, 403},
	} {
		name := string(rune('a'+i)) + test.file
		link := narrowed(t, target(t, h, name, test.claims), test.steps...)
		if got := put(t, addr, link, test.body); got.Status != test.want {
			t.Errorf("%d: %d, want %d", i, got.Status, test.want)
		}
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != (test.want == 201) {
			t.Errorf("%d: the file: %v", i, err)
		}
	}
}

func TestAFormIsHeldToTheOnePathOfAStep(t *testing.T) {
	dir := t.TempDir()
	h := newHandler(t, "/in/", openDir(t, dir), onlyUploads(signedfs.Uploads{}))
	addr := listen(t, h)
	c := upTo(0)
	c.Under = "/in/"
	link := sign(t, "/in/", c)
	for name, test := range map[string]struct {
		step middleware.Claims
		want int
	}{
		"methods": {middleware.Claims{Methods: []string{"POST"}}, 201},
		"under":   {middleware.Claims{Under: "/in/"}, 201},
		"only":    {middleware.Claims{Only: "/in/"}, 403},
	} {
		if got := form(t, addr, narrowed(t, link, test.step), file(name+".png", png)); got.Status != test.want {
			t.Errorf("%s: %d, want %d", name, got.Status, test.want)
		}
	}
	if got := names(t, dir); len(got) != 2 {
		t.Errorf("stored: %q", got)
	}
}

func TestTheLinkToAnUploadIsAsNarrow(t *testing.T) {
	opts := onlyUploads(signedfs.Uploads{ReturnLink: true})
	opts.Verify.AllowPermanent = true
	opts.Verify.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	h := newHandler(t, "/in/", openDir(t, t.TempDir()), opts)
	addr := listen(t, h)
	permanent := upTo(0)
	permanent.Expires, permanent.Permanent = time.Time{}, true
	minute := middleware.Claims{Expires: time.Now().Add(time.Minute).Truncate(time.Second)}
	here := middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	link := narrowed(t, target(t, h, "a.png", permanent), minute, here, accepting(100))
	got := put(t, addr, link, png, "X-Forwarded-For: 192.0.2.7")
	location := got.Header.Get("Location")
	if got.Status != 201 || !strings.Contains(location, "signature=") {
		t.Fatalf("%d, %q", got.Status, location)
	}
	if strings.Contains(location, "never") || !strings.Contains(location, "expires_at="+strconv.FormatInt(minute.Expires.Unix(), 10)) {
		t.Errorf("the link outlives the step: %s", middleware.Redact(location))
	}
	if got := ask(t, addr, "GET", location, "X-Forwarded-For: 192.0.2.7"); got.Status != 200 || got.Body != png {
		t.Errorf("the link: %d", got.Status)
	}
	if got := ask(t, addr, "GET", location, "X-Forwarded-For: 198.51.100.7"); got.Status != 403 {
		t.Errorf("the link from elsewhere: %d", got.Status)
	}
}

func TestAPlaylistHandsOnANarrowedLink(t *testing.T) {
	const text = "#EXTM3U\n#EXTINF:4,\na.ts\n#EXTINF:4,\nlow/b.ts\n"
	addr, query := playlists(t, map[string]string{"film/list.m3u8": text, "film/a.ts": "a", "film/low/list.m3u8": "#EXTM3U\nb.ts\n../a.ts\n", "film/low/b.ts": "b"})
	minute := middleware.Claims{Expires: time.Now().Add(time.Minute).Truncate(time.Second)}
	get := middleware.Claims{Methods: []string{"GET"}}

	// Two steps: the second sorts before the first.
	link := narrowed(t, "/files/film/list.m3u8?"+query, get, minute)
	_, q, _ := strings.Cut(link, "?")
	res := ask(t, addr, "GET", link)
	if want := strings.ReplaceAll(strings.ReplaceAll(text, "a.ts", "a.ts?"+q), "b.ts", "b.ts?"+q); res.Status != 200 || res.Body != want {
		t.Fatalf("%d: %s", res.Status, middleware.Redact(res.Body))
	}
	for line := range strings.Lines(res.Body) {
		if line = strings.TrimSpace(line); line[0] == '#' {
			continue
		}
		if res := ask(t, addr, "GET", "/files/film/"+line); res.Status != 200 {
			t.Errorf("%s: %d", middleware.Redact(line), res.Status)
		}
	}

	// A step that leaves one subtree, and one that leaves nothing but the playlist.
	link = narrowed(t, "/files/film/low/list.m3u8?"+query, middleware.Claims{Under: "/files/film/low/"})
	_, q, _ = strings.Cut(link, "?")
	if res := ask(t, addr, "GET", link); res.Body != "#EXTM3U\nb.ts?"+q+"\n../a.ts\n" {
		t.Errorf("a subtree: %s", middleware.Redact(res.Body))
	}
	link = narrowed(t, "/files/film/list.m3u8?"+query, middleware.Claims{Only: "/files/film/list.m3u8"})
	if res := ask(t, addr, "GET", link); res.Status != 200 || res.Body != text {
		t.Errorf("the playlist alone: %d, %s", res.Status, middleware.Redact(res.Body))
	}
}

func TestAListingLinksToWhatANarrowedLinkOpens(t *testing.T) {
	h := newHandler(t, "/files/", openDir(t, tree(t)), &signedfs.Options{Listing: true})
	addr := listen(t, h)
	s, err := h.Links().Subtree("/", later)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		step  middleware.Claims
		links int
		up    bool
	}{
		"methods":        {middleware.Claims{Methods: []string{"GET"}}, 2, true},
		"the subtree":    {middleware.Claims{Under: "/files/kyc/"}, 2, false},
		"this page only": {middleware.Claims{Only: "/files/kyc/"}, 0, false},
	} {
		link := narrowed(t, "/files/kyc/?"+s.Query(), test.step)
		page := ask(t, addr, "GET", link)
		links := hrefs(page.Body)
		up := strings.Contains(page.Body, `href="../`)
		for _, href := range links {
			base, _ := url.Parse("/files/kyc/")
			to, err := base.Parse(href)
			if err != nil {
				t.Fatal(err)
			}
			if got := ask(t, addr, "GET", to.String()); got.Status != http.StatusOK {
				t.Errorf("%s: %s: %d", name, middleware.Redact(href), got.Status)
			}
		}
		if page.Status != 200 || len(links) != test.links || up != test.up {
			t.Errorf("%s: %d, %d links down, and up: %v", name, page.Status, len(links), up)
		}
	}
}
