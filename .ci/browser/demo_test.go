package browser

import (
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"example.com/signedurl/middleware"
)

func TestDemonstrationInABrowser(t *testing.T) {
	base := startServer(t, "-lifetime", lifetime.String())
	tab := startBrowser(t)
	click := func(t *testing.T, selectors ...string) {
		t.Helper()
		for _, s := range selectors {
			do(t, tab, chromedp.Click(s))
		}
	}

	do(t, tab, chromedp.Navigate(base))
	var link string // of the first card

	t.Run("the cards are shown while their links work", func(t *testing.T) {
		widths := eval[[]int](t, tab, "[...document.querySelectorAll('.card img')].map(i => i.naturalWidth)")
		if len(widths) != 3 || slices.Min(widths) == 0 {
			t.Errorf("the widths of the images are %v, want three that are not 0", widths)
		}
		wait(t, tab, "the first reply", "document.querySelector('.card .this').textContent.includes('200')")
		link = eval[string](t, tab, "document.querySelector('.card a').href")
		if status, images := visit(t, tab, link); status != 200 || images != 1 {
			t.Errorf("the link on its own: status %d with %d images, want 200 with one", status, images)
		}
	})
	t.Run("an altered link is refused", func(t *testing.T) {
		wait(t, tab, "the reply to the altered link", "document.querySelector('.card .altered .reply').textContent != '…'")
		if got := text(t, tab, ".card .altered .reply"); got != "403 Forbidden" {
			t.Errorf("the page shows %q for the altered link, want 403 Forbidden", got)
		}
		altered := strings.Replace(link, "ada.jpg", "nia.jpg", 1)
		if status, images := visit(t, tab, altered); status != 403 || images != 0 {
			t.Errorf("the altered link on its own: status %d with %d images, want 403 with none", status, images)
		}
	})
	t.Run("unsigned images are shown through a cookie", func(t *testing.T) {
		widths := eval[[]int](t, tab, "[...document.querySelectorAll('.pages img')].map(i => i.naturalWidth)")
		if len(widths) != 12 || slices.Min(widths) == 0 {
			t.Errorf("the widths of the pages are %v, want twelve that are not 0", widths)
		}
		pages := eval[[]string](t, tab, "[...document.querySelectorAll('.pages a')].map(a => a.href)")
		for _, link := range pages {
			if u, err := url.Parse(link); err != nil || u.RawQuery != "" {
				t.Errorf("the page %s has a query", link)
			}
		}
		wait(t, tab, "the replies", "['.with', '.without'].every(s => /[0-9]/.test(document.querySelector(s).textContent))")
		if with, without := text(t, tab, ".with .reply"), text(t, tab, ".without .reply"); with != "200 OK" || without != "403 Forbidden" {
			t.Errorf("the page shows %q with the cookie and %q without, want 200 OK and 403 Forbidden", with, without)
		}
		if status, images := visit(t, newSession(t, tab), pages[0]); status != 403 || images != 0 {
			t.Errorf("in another session: status %d with %d images, want 403 with none", status, images)
		}
	})
	t.Run("a film is played whose parts are fetched through a cookie", func(t *testing.T) {
		wait(t, tab, "the film", "document.getElementById('film').dataset.player == 'playing'")
		parts := eval[[]string](t, tab, "[...document.querySelectorAll('.segments li')].map(l => l.textContent)")
		want := []string{"playlist.m3u8 200", "init.mp4 200", "segment-0.m4s 200", "segment-1.m4s 200", "segment-2.m4s 200", "segment-3.m4s 200"}
		if !slices.Equal(parts, want) {
			t.Errorf("the player fetched %q, want %q", parts, want)
		}
		size := eval[[]int](t, tab, "(v => [v.videoWidth, v.videoHeight])(document.querySelector('video'))")
		if !slices.Equal(size, []int{320, 180}) {
			t.Errorf("the film's size is %v, want 320 by 180", size)
		}
	})
	t.Run("the film plays by one link, too, in the browser's own player and without a cookie", func(t *testing.T) {
		wait(t, tab, "the film", "document.querySelector('#linked video').duration > 7.9")
		if got := text(t, tab, "#linked .altered .reply"); got != "403 Forbidden" {
			t.Errorf("a card with the signature of the film: %q", got)
		}
		stranger := newSession(t, tab)
		do(t, stranger, chromedp.Navigate(base+"/healthz"))
		do(t, stranger, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("var v = Object.assign(document.createElement('video'), { muted: true, src: %q, playbackRate: 4 }); v.play(); void 0",
			eval[string](t, tab, "document.querySelector('#linked .this a').href"))))
		wait(t, stranger, "the end of the film", "v.ended && v.videoWidth == 320")
	})
	t.Run("a link that is bound to a session is refused in another", func(t *testing.T) {
		own := eval[string](t, tab, "document.querySelector('.limits [data-stranger] a').href")
		if status, images := visit(t, tab, own); status != 200 || images != 1 {
			t.Errorf("in the own session: status %d with %d images, want 200 with one", status, images)
		}
		stranger := newSession(t, tab)
		if status, images := visit(t, stranger, own); status != 403 || images != 0 {
			t.Errorf("in a session without cookies: status %d with %d images, want 403 with none", status, images)
		}
		if status, _ := visit(t, stranger, base); status != 200 { // which gives the stranger a session
			t.Errorf("the page in another session: status %d, want 200", status)
		}
		if status, images := visit(t, stranger, own); status != 403 || images != 0 {
			t.Errorf("in another session with its own cookie: status %d with %d images, want 403 with none", status, images)
		}
	})
	t.Run("a link with one use opens once", func(t *testing.T) {
		const row = ".limits li:nth-child(2)"
		click(t, row+" .ask")
		wait(t, tab, "the first try", "document.querySelectorAll('"+row+" .tries b').length == 1")
		click(t, row+" .ask")
		wait(t, tab, "the second try", "document.querySelectorAll('"+row+" .tries b').length == 2")
		if got := text(t, tab, row+" .tries"); got != "200 OK404 Not Found" {
			t.Errorf("the tries gave %q, want 200 OK and then 404 Not Found", got)
		}
	})
	t.Run("the page kept its own rules", func(t *testing.T) {
		foreign := eval[int](t, tab, "performance.getEntriesByType('resource').filter(e => new URL(e.name).origin != location.origin && !e.name.startsWith('blob:')).length")
		if foreign != 0 {
			t.Errorf("the page fetched %d resources from elsewhere", foreign)
		}
	})
	t.Run("after the expiry the links are dead", func(t *testing.T) {
		wait(t, tab, "the expiry", "[...document.querySelectorAll('.card')].every(c => c.dataset.state == 'gone')")
		if got := text(t, tab, ".card .this .reply"); got != "404 Not Found" {
			t.Errorf("the page shows %q for the expired link, want 404 Not Found", got)
		}
		if status, images := visit(t, tab, link); status != 404 || images != 0 {
			t.Errorf("the expired link on its own: status %d with %d images, want 404 with none", status, images)
		}
		if status, _ := visit(t, tab, strings.Replace(link, "ada.jpg", "nia.jpg", 1)); status != 403 {
			t.Errorf("the altered link after the expiry: status %d, want 403", status)
		}
	})
	t.Run("a new link from the API shows the card again", func(t *testing.T) {
		click(t, ".card:nth-child(1) .renew", ".card:nth-child(3) .renew")
		wait(t, tab, "the new links", "[1, 3].every(n => (c => c.dataset.state == 'live' && c.querySelector('img').complete && c.querySelector('.this').textContent.includes('200'))(document.querySelector(`.card:nth-child(${n})`)))")
		renewed := eval[string](t, tab, "document.querySelector('.card a').href")
		if status, images := visit(t, tab, renewed); renewed == link || status != 200 || images != 1 {
			t.Errorf("the new link: status %d with %d images, want another link, 200 and one", status, images)
		}
	})
	shoot(t, tab, "demo")
}

// Short lives, to see what happens at their end: the cards' links and, after
// four times as long, the cookies.
func TestPicturesGoWithTheirLinksAndCanBeRenewed(t *testing.T) {
	base := startServer(t, "-lifetime", "5s")
	tab := startBrowser(t)
	do(t, tab, chromedp.Navigate(base))
	listen(t, tab)
	images := func(selector string) string {
		return "[...document.querySelectorAll('" + selector + " img')].filter(i => i.naturalWidth > 0).length"
	}

	t.Run("the pictures of dead links are gone", func(t *testing.T) {
		wait(t, tab, "the expiry", "[...document.querySelectorAll('.card')].every(c => c.dataset.state == 'gone')")
		if n := eval[int](t, tab, images(".card")); n != 0 {
			t.Errorf("%d pictures are still there", n)
		}
		heard(t, tab, "The link to the card of Ada Lindqvist has expired: 404.")
		if n := eval[int](t, tab, "said.length"); n > 6 {
			t.Errorf("%d announcements, want few: %q", n, eval[[]string](t, tab, "said"))
		}
	})
	t.Run("a card is renewed with the keyboard, which stays where it is", func(t *testing.T) {
		do(t, tab, chromedp.Focus(".card .renew"), chromedp.KeyEvent(kb.Enter))
		wait(t, tab, "the picture", images(".card:nth-child(1)")+" == 1")
		heard(t, tab, "There is a new link to the card of Ada Lindqvist.")
		if !eval[bool](t, tab, "document.activeElement.matches('.card:nth-child(1) .renew')") {
			t.Error("the focus is elsewhere")
		}
		shown := text(t, tab, ".card .this a") + " " + text(t, tab, ".card .altered a")
		link := eval[string](t, tab, "document.querySelector('.card .picture').href")
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		end := "?…&signature=" + u.Query().Get("signature")[:4] + "…"
		if want := "/files/cards/ada.jpg" + end + " /files/cards/tomas.jpg" + end; shown != want {
			t.Errorf("the page shows the links %q, want %q", shown, want)
		}
		if a := eval[string](t, tab, "document.querySelector('.card .altered a').href"); a != strings.Replace(link, "ada.jpg", "tomas.jpg", 1) {
			t.Errorf("the altered link is %s, want that of another card", a)
		}
	})
	t.Run("a link that opens later is first refused, and then works, while somebody looks", func(t *testing.T) {
		do(t, tab, chromedp.Click(".limits li:nth-child(3) .ask"))
		wait(t, tab, "both replies", "document.querySelectorAll('.limits li:nth-child(3) .tries li').length == 2")
		if got := text(t, tab, ".limits li:nth-child(3) .tries"); got != "404 Not Found200 OK" {
			t.Errorf("the tries gave %q, want 404 Not Found and then 200 OK", got)
		}
	})
	t.Run("the pictures of an expired cookie are gone", func(t *testing.T) {
		wait(t, tab, "the expiry of the cookies", "['contract', 'film'].every(id => document.getElementById(id).dataset.state == 'gone')")
		if n := eval[int](t, tab, images(".pages")); n != 0 {
			t.Errorf("%d pages are still there", n)
		}
		heard(t, tab, "The cookies for the contract and the film have expired: 40")
		// Whichever ends it first, the browser's clock (403) or the server's (404).
		wait(t, tab, "the refusal of the film", "/^playlist.m3u8 40[34]$/.test(document.querySelector('.segments').textContent)")
		wait(t, tab, "the refusal of the page", "/^40[34] /.test(document.querySelector('.with .reply').textContent)")
		if n := eval[float64](t, tab, "document.querySelector('video').duration || 0"); n != 0 {
			t.Errorf("the film has %g seconds left to be seen", n)
		}
		wait(t, tab, "the expiry of the film's link", "document.getElementById('linked').dataset.state == 'gone' && isNaN(document.querySelector('#linked video').duration)")
		heard(t, tab, "The link to the film has expired: 404")
		axe(t, tab, "after the expiry")
		scheme(t, tab, "dark")
		axe(t, tab, "after the expiry, dark")
		shoot(t, tab, "expired-dark")
	})
	t.Run("a new cookie shows them again", func(t *testing.T) {
		do(t, tab, chromedp.Click("#film .renew"))
		wait(t, tab, "the pages", images(".pages")+" == 12")
		wait(t, tab, "the film", "document.getElementById('film').dataset.player == 'playing'")
		heard(t, tab, "There are new cookies for the contract and the film.")
	})
	t.Run("a new link shows the film again", func(t *testing.T) {
		do(t, tab, chromedp.Click("#linked .renew"))
		wait(t, tab, "the film", "document.getElementById('linked').dataset.state == 'live' && document.querySelector('#linked video').duration > 7.9")
		heard(t, tab, "There is a new link to the film.")
	})
}

func TestThePageNarrowsALinkByItself(t *testing.T) {
	base := startServer(t, "-lifetime", "5s")
	tab := startBrowser(t)
	do(t, tab, chromedp.Navigate(base))
	listen(t, tab)
	const first, second = "#narrow .wider", "#narrow .narrower"
	wait(t, tab, "the first reply", "document.querySelector('#narrow .wider .reply').textContent == '200 OK'")
	link := eval[string](t, tab, "document.querySelector('#narrow .wider a').href")

	t.Run("with the keyboard, and without the server", func(t *testing.T) {
		do(t, tab, chromedp.Evaluate[chromedp.Void]("performance.clearResourceTimings()"),
			chromedp.Focus("#narrow .make"), chromedp.KeyEvent(kb.Enter))
		wait(t, tab, "both replies", "['wider', 'narrower'].every(c => document.querySelector(`#narrow .${c} .reply`).textContent == '200 OK')")
		heard(t, tab, "Your browser made this link. The server was not asked.")
		if !eval[bool](t, tab, "document.activeElement.matches('#narrow .make')") {
			t.Error("the focus is elsewhere")
		}
		if got := text(t, tab, second+" .countdown"); !regexp.MustCompile(`^expires in ([89]|1[01]) s$`).MatchString(got) {
			t.Errorf("the link of the browser %s", got)
		}
		narrow := eval[string](t, tab, "document.querySelector('#narrow .narrower a').href")
		asked := eval[[]string](t, tab, "performance.getEntriesByType('resource').map(e => e.name).filter(n => n.includes('/link') || n.includes('signed_narrow'))")
		if !slices.Equal(asked, []string{narrow}) {
			t.Errorf("the page asked for %q, want only the new link, %s", asked, narrow)
		}
		u, err := url.Parse(narrow)
		if err != nil {
			t.Fatal(err)
		}
		old, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		seconds, err := strconv.ParseInt(strings.TrimPrefix(u.Query().Get("signed_narrow"), "expires_at="), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		want, err := middleware.Narrow(old, middleware.Claims{Expires: time.Unix(seconds, 0)})
		if err != nil || want.String() != narrow {
			t.Errorf("the page made\n%s\nand the library makes\n%s, %v", narrow, want, err)
		}
		if status, images := visit(t, tab, narrow); status != 200 || images != 1 {
			t.Errorf("the new link on its own: status %d with %d images, want 200 with one", status, images)
		}
	})
	t.Run("on screens of both sizes, light and dark", func(t *testing.T) {
		for _, s := range []string{"light", "dark"} {
			scheme(t, tab, s)
			for size, width := range map[string]int64{"wide": 1200, "phone": 390} {
				do(t, tab, chromedp.EmulateViewport(width, 844))
				if got := eval[int64](t, tab, "document.documentElement.scrollWidth"); got > width {
					t.Errorf("%s: the page is %d pixels wide, want at most %d", size, got, width)
				}
				shoot(t, tab, "narrow-"+size+"-"+s)
			}
		}
		axe(t, tab, "with a narrower link, dark")
		scheme(t, tab, "light")
		axe(t, tab, "with a narrower link")
	})
	t.Run("the narrower link dies first", func(t *testing.T) {
		wait(t, tab, "the end of the narrower link", "document.querySelector('#narrow .told').textContent.includes('404')")
		if one, two := text(t, tab, first+" .reply"), text(t, tab, second+" .reply"); one != "200 OK" || two != "404 Not Found" {
			t.Errorf("the page shows %q and %q, want 200 OK and 404 Not Found", one, two)
		}
		heard(t, tab, "The narrower link has expired: 404. The first one: 200.")
		axe(t, tab, "after ten seconds")
		if status, images := visit(t, tab, link); status != 200 || images != 1 {
			t.Errorf("the first link on its own: status %d with %d images, want 200 with one", status, images)
		}
	})
	t.Run("a link that ends before cannot be narrowed", func(t *testing.T) {
		do(t, tab, chromedp.Evaluate[chromedp.Void]("document.getElementById('narrow').dataset.form = 'file=cards/ada.jpg&lifetime=5'"),
			chromedp.Click("#narrow .renew"))
		heard(t, tab, "There is a new link that your browser can narrow.")
		do(t, tab, chromedp.Click("#narrow .make"))
		heard(t, tab, "The link has no 10 seconds left. Ask for a new one.")
		wait(t, tab, "the end of the first link", "document.querySelector('#narrow .make').disabled && document.querySelector('#narrow .wider .reply').textContent == '404 Not Found'")
		axe(t, tab, "after the end of the first link")
		do(t, tab, chromedp.Evaluate[chromedp.Void]("document.getElementById('narrow').dataset.form = 'file=cards/ada.jpg&lifetime=60'"),
			chromedp.Click("#narrow .renew"))
		wait(t, tab, "a new link", "!document.querySelector('#narrow .make').disabled && document.querySelector('#narrow .told').hidden")
		do(t, tab, chromedp.Click("#narrow .make"))
		wait(t, tab, "a narrower one", "document.querySelector('#narrow .narrower .reply').textContent == '200 OK'")
	})
}

func TestAPageWithoutCryptographySaysWhyItMakesNoLink(t *testing.T) {
	ed := filepath.Join(t.TempDir(), "ed.txt")
	if out, err := exec.Command(fileserver, "keygen", "-type", "ed25519", "-out", ed).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	tab := startBrowser(t, chromedp.Flag("host-resolver-rules", "MAP demo.example 127.0.0.1"))
	for _, test := range []struct {
		base, want string
	}{
		{strings.Replace(startServer(t), "127.0.0.1", "demo.example", 1), "came by https or from localhost"},
		{startServer(t, "-key-file", ed), "signs with Ed25519"},
	} {
		do(t, tab, chromedp.Navigate(test.base))
		wait(t, tab, "the reply", "document.querySelector('#narrow .wider .reply').textContent == '200 OK'")
		if got := text(t, tab, "#narrow .told"); !strings.Contains(got, test.want) || !eval[bool](t, tab, "document.querySelector('#narrow .make').disabled") {
			t.Errorf("%s: the page says %q, want a button that is disabled, and %q", test.base, got, test.want)
		}
		axe(t, tab, test.want)
		shoot(t, tab, "narrow-"+strings.Fields(test.want)[0])
	}
}

func TestAPersonSignsALinkOfTheirOwn(t *testing.T) {
	base := startServer(t, "-lifetime", "10m")
	tab := startBrowser(t)
	do(t, tab, chromedp.Navigate(base))
	listen(t, tab)
	fill := func(t *testing.T, values map[string]string) {
		t.Helper()
		do(t, tab, chromedp.Evaluate[chromedp.Void]("document.querySelector('#own form').reset()"))
		for name, value := range values {
			field := "document.querySelector('#own form').elements['" + name + "']"
			if value == "on" {
				do(t, tab, chromedp.Evaluate[chromedp.Void](field+".checked = true"))
			} else {
				do(t, tab, chromedp.Evaluate[chromedp.Void](field+".value = '"+value+"'"))
			}
		}
		do(t, tab, chromedp.Evaluate[chromedp.Void]("document.querySelector('#own .tries').replaceChildren()"),
			chromedp.Focus("#own [name=lifetime]"), chromedp.KeyEvent(kb.Enter))
	}
	tries := func(t *testing.T, want ...string) {
		t.Helper()
		wait(t, tab, "the replies", fmt.Sprintf("document.querySelectorAll('#own .tries li').length >= %d", len(want)))
		got := eval[[]string](t, tab, "[...document.querySelectorAll('#own .tries li')].map(l => l.textContent)")
		if !slices.Equal(got, want) {
			t.Errorf("the replies are %q, want %q", got, want)
		}
	}
	// press asks for further replies, one after the other.
	press := func(t *testing.T, names ...string) {
		t.Helper()
		for _, name := range names {
			n := eval[int](t, tab, "document.querySelectorAll('#own .tries li').length")
			do(t, tab, chromedp.Click("#own [data-ask="+name+"]"))
			wait(t, tab, "the reply to "+name, fmt.Sprintf("document.querySelectorAll('#own .tries li').length > %d", n))
		}
	}

	t.Run("a link without limits", func(t *testing.T) {
		fill(t, nil)
		tries(t, "GET 200 OK")
		press(t, "HEAD", "PUT", "stranger", "other", "mailer")
		tries(t, "GET 200 OK", "HEAD 200 OK", "PUT 403 Forbidden", "no cookies 200 OK", "other file 403 Forbidden", "utm_source 403 Forbidden")
		link, signed := text(t, tab, "#own .url"), text(t, tab, "#own .signed")
		query, _, _ := strings.Cut(strings.TrimPrefix(link, "/files/cards/ada.jpg?"), "&signature=")
		if want := "signed-url/1\n/files/cards/ada.jpg\n" + query; signed != want {
			t.Errorf("the page shows as signed\n%s\nwant\n%s", signed, want)
		}
		heard(t, tab, "The link is signed.")
		heard(t, tab, "GET: 200 OK.")
	})
	t.Run("a link with limits", func(t *testing.T) {
		fill(t, map[string]string{"bound": "on", "under": "on", "ignore": "utm_*", "methods": "GET", "download": "Ada’s card.jpg", "networks": "127.0.0.0/8 ::1"})
		tries(t, "GET 200 OK")
		if header := text(t, tab, "#own .header"); !strings.Contains(header, "content-disposition: attachment; filename") {
			t.Errorf("the page shows the header\n%s\nwant the name of the download", header)
		}
		press(t, "stranger", "other", "mailer")
		tries(t, "GET 200 OK", "no cookies 403 Forbidden", "other file 200 OK", "utm_source 200 OK")
		if signed := text(t, tab, "#own .signed"); !strings.HasSuffix(signed, "\n[the value of session]") {
			t.Errorf("the page shows as signed\n%s\nwant the binding's name, and not its value", signed)
		}
	})
	t.Run("a link with one use", func(t *testing.T) {
		fill(t, map[string]string{"uses": "1"})
		tries(t, "GET 200 OK")
		press(t, "GET")
		tries(t, "GET 200 OK", "GET 404 Not Found")
	})
	shoot(t, tab, "wide-light")
	axe(t, tab, "with a link")
	t.Run("a mistake is shown at its field and announced", func(t *testing.T) {
		fill(t, map[string]string{"networks": "here"})
		const want = `Networks: "here" is not a network such as 192.0.2.0/24.`
		wait(t, tab, "the fault", "document.activeElement.name == 'networks'")
		heard(t, tab, want)
		if got := text(t, tab, "#fault"); got != want {
			t.Errorf("the page shows %q, want %q", got, want)
		}
		axe(t, tab, "with a mistake")
		fill(t, map[string]string{"methods": "get"})
		wait(t, tab, "the fault", "document.getElementById('fault').textContent.includes('upper case')")
	})
	t.Run("in the dark", func(t *testing.T) {
		fill(t, map[string]string{"under": "on"})
		tries(t, "GET 200 OK")
		scheme(t, tab, "dark")
		axe(t, tab, "dark")
		shoot(t, tab, "wide-dark")
	})
	t.Run("on a phone", func(t *testing.T) {
		do(t, tab, chromedp.EmulateViewport(390, 844))
		if width := eval[int](t, tab, "document.documentElement.scrollWidth"); width > 390 {
			t.Errorf("the page is %d pixels wide, want no more than the phone", width)
		}
		axe(t, tab, "on a phone, dark")
		shoot(t, tab, "phone-dark")
		scheme(t, tab, "light")
		axe(t, tab, "on a phone")
		shoot(t, tab, "phone-light")
	})
}
