package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A person uploads a picture of their identity card, and sees it among the
// others behind a link that expires.
func TestAPersonUploadsACard(t *testing.T) {
	base := startServer(t, "-lifetime", "5s")
	tab := startBrowser(t)
	do(t, tab, chromedp.Navigate(base))
	listen(t, tab)
	do(t, tab, chromedp.Evaluate[chromedp.Void](`
		var drawn = new Promise(done => {
			const c = Object.assign(document.createElement("canvas"), { width: 640, height: 404 });
			const g = c.getContext("2d");
			g.fillStyle = "#2b5876"; g.fillRect(0, 0, 640, 404);
			g.fillStyle = "#fff"; g.font = "48px sans-serif"; g.fillText("My own card", 60, 210);
			c.toBlob(b => done(new File([b], "My card.png", { type: "image/png" })));
		});
		var drop = file => {
			const data = new DataTransfer();
			data.items.add(file);
			for (const type of ["dragenter", "dragover", "drop"]) {
				document.querySelector("#drop .zone").dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
			}
		};
		var choose = file => {
			const data = new DataTransfer();
			data.items.add(file);
			const input = document.querySelector("#drop input");
			input.files = data.files;
			input.dispatchEvent(new Event("change", { bubbles: true }));
		}; void 0`))
	cards := func() int { return eval[int](t, tab, "document.querySelectorAll('.cards .card').length") }
	state := func(want string) {
		t.Helper()
		wait(t, tab, "the state "+want, fmt.Sprintf("document.getElementById('drop').dataset.state == %q", want))
	}

	t.Run("a picture that is chosen becomes a card", func(t *testing.T) {
		await[chromedp.Void](t, tab, "drawn.then(choose)")
		heard(t, tab, "The picture is stored, and has a link.")
		wait(t, tab, "the card", "document.querySelectorAll('.cards .card').length == 4 && document.querySelector('.card:nth-child(4) img').naturalWidth == 640")
		wait(t, tab, "the replies", "document.querySelector('.card:nth-child(4) .this').textContent.includes('200') && document.querySelector('.card:nth-child(4) .altered').textContent.includes('403')")
		shoot(t, tab, "upload")
		axe(t, tab, "the demonstration with an uploaded card")
	})
	t.Run("its link expires like the others, and can be renewed", func(t *testing.T) {
		link := eval[string](t, tab, "document.querySelector('.card:nth-child(4) .this a').href")
		wait(t, tab, "the expiry", "document.querySelector('.card:nth-child(4)').dataset.state == 'gone'")
		if status, _ := visit(t, tab, link); status != 404 {
			t.Errorf("the expired link: %d", status)
		}
		do(t, tab, chromedp.Click(".card:nth-child(4) .renew"))
		wait(t, tab, "the new link", "document.querySelector('.card:nth-child(4)').dataset.state == 'live' && document.querySelector('.card:nth-child(4) img').naturalWidth == 640")
	})
	t.Run("one that is dropped does, too", func(t *testing.T) {
		await[chromedp.Void](t, tab, "drawn.then(drop)")
		wait(t, tab, "the card", "document.querySelectorAll('.cards .card').length == 5")
	})
	t.Run("it is there when the page is loaded again, and for nobody else", func(t *testing.T) {
		if got := await[int](t, tab, "fetch('/').then(r => r.text()).then(t => new DOMParser().parseFromString(t, 'text/html').querySelectorAll('.cards .card').length)"); got != 5 {
			t.Errorf("%d cards, want 5", got)
		}
		stranger := newSession(t, tab)
		do(t, stranger, chromedp.Navigate(base))
		if got := eval[int](t, stranger, "document.querySelectorAll('.cards .card').length"); got != 3 {
			t.Errorf("a stranger sees %d cards, want 3", got)
		}
	})
	t.Run("what is no picture, or too large, is refused in words", func(t *testing.T) {
		for file, want := range map[string]string{
			`new File(["%PDF-1.7 and pages"], "letter.pdf", { type: "application/pdf" })`:                 "That is not a picture",
			`new File(["%PDF-1.7 and pages"], "letter.png", { type: "image/png" })`:                       "That is not a picture",
			strings.Replace(picture(6_000_000), `"card.png"`, `"large.png"`, 1):                           "larger than 5 MB",
			`new File(["<svg xmlns='http://www.w3.org/2000/svg'/>"], "a.svg", { type: "image/svg+xml" })`: "That is not a picture",
		} {
			for _, how := range []string{"choose", "drop"} {
				do(t, tab, chromedp.Evaluate[chromedp.Void]("document.getElementById('drop').dataset.state = ''; "+how+"("+file+"); void 0"))
				state("refused")
				if got := text(t, tab, "#drop .fault"); !strings.Contains(got, want) {
					t.Errorf("the page says %q, want %q", got, want)
				}
				heard(t, tab, want)
			}
		}
		if n := cards(); n != 5 {
			t.Errorf("%d cards", n)
		}
		shoot(t, tab, "upload-refused")
		scheme(t, tab, "dark")
		axe(t, tab, "a refused upload, dark")
		scheme(t, tab, "light")
	})
	t.Run("a slow one shows how far it is, and can be cancelled by keyboard", func(t *testing.T) {
		throttle := func(bytes float64) {
			if _, err := chromedp.Call(tab, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
				MatchedNetworkConditions: []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: bytes}},
			}); err != nil {
				t.Fatal(err)
			}
		}
		throttle(400_000)
		do(t, tab, chromedp.Evaluate[chromedp.Void]("choose("+picture(4_900_000)+"); void 0"))
		state("under-way")
		wait(t, tab, "progress", "(p => p.value > 0.05 && p.value < 0.9)(document.querySelector('#drop progress'))")
		shoot(t, tab, "upload-under-way")
		axe(t, tab, "an upload under way")
		do(t, tab, chromedp.Focus("#drop .cancel"), chromedp.KeyEvent(kb.Enter))
		state("cancelled")
		heard(t, tab, "Cancelled. Nothing was stored.")
		throttle(-1)
		if got := eval[string](t, tab, "document.activeElement.id"); got != "file" {
			t.Errorf("the focus is on %q", got)
		}
		await[chromedp.Void](t, tab, "drawn.then(choose)")
		wait(t, tab, "the card", "document.querySelectorAll('.cards .card').length == 6")
	})
	t.Run("the keyboard reaches the choice", func(t *testing.T) {
		do(t, tab, chromedp.Focus(".card:nth-child(6) .renew"), chromedp.KeyEvent(kb.Tab))
		if got := eval[string](t, tab, "document.activeElement.id"); got != "file" {
			t.Errorf("after the last card, the focus is on %q", got)
		}
	})
	do(t, tab, chromedp.EmulateViewport(390, 844))
	shoot(t, tab, "upload-phone")
	if got := eval[bool](t, tab, "document.documentElement.scrollWidth <= innerWidth"); !got {
		t.Error("on a phone, the page is wider than the screen")
	}
}
