package demo_test

import (
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/demo"
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/signedfs"
	"github.com/google/go-cmp/cmp"
)

// visitor is a client of a demonstration, with its cookies.
type visitor struct {
	t       *testing.T
	addr    string
	cookies []*http.Cookie
}

// visit starts a demonstration and opens its page.
func visit(t *testing.T) *visitor {
	t.Helper()
	text, err := middleware.GenerateHMACKey("demo")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := middleware.ParseKeyring(text)
	if err != nil {
		t.Fatal(err)
	}
	store, err := demo.Files()
	if err != nil {
		t.Fatal(err)
	}
	opts := middleware.Options{
		EnforcesUploads: true,
		Cookie:          demo.Cookie,
		Uses:            memstore.NewUses(nil),
		Binding:         func(r *http.Request, name string) (string, error) { return demo.Session(r), nil },
	}
	uploads := demo.Uploads()
	files, err := signedfs.New("/files/", store, keys, &signedfs.Options{Verify: opts, Uploads: &uploads, Playlists: true})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := middleware.NewVerifier(keys, &opts)
	if err != nil {
		t.Fatal(err)
	}
	d, err := demo.New(store, files, demo.Options{
		Cookie: demo.Cookie, Lifetime: time.Minute, Explain: verifier.Explain, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(files.Prefix(), files)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	d.Handle(mux, server.URL)
	v := &visitor{t, server.URL, nil}
	_, v.cookies, _ = v.ask("GET", "/")
	return v
}

func (v *visitor) ask(method, target string, header ...string) (status int, cookies []*http.Cookie, body string) {
	v.t.Helper()
	return v.send(method, target, "", header...)
}

func (v *visitor) send(method, target, content string, header ...string) (status int, cookies []*http.Cookie, body string) {
	v.t.Helper()
	r, err := http.NewRequest(method, v.addr+target, strings.NewReader(content))
	if err != nil {
		v.t.Fatal(err)
	}
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	for _, field := range header {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Set(name, value)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return reply.StatusCode, reply.Cookies(), string(text)
}

type made struct {
	Link, Other, Signed string
	Starts, Expires     int64
	Field, Error        string
}

// sign sends the form.
func (v *visitor) sign(form url.Values) (m made) {
	v.t.Helper()
	status, _, body := v.ask("GET", "/link?"+form.Encode())
	if err := json.Unmarshal([]byte(body), &m); err != nil || (status == 200) != (m.Error == "") {
		v.t.Fatalf("%d %s: %v", status, body, err)
	}
	return m
}

func TestTheFormSignsEachLimit(t *testing.T) {
	v := visit(t)
	stranger := &visitor{t, v.addr, nil}
	for _, test := range []struct {
		field, value string
		parameter    string
		// The replies to the link, to the visitor and to a stranger, and to the
		// visitor for another file in the folder.
		link, stranger, other int
	}{
		{"lifetime", "10", "", 200, 200, 403},
		{"starts", "50", "signed_from", 404, 404, 403},
		{"uses", "1", "signed_uses", 200, 404, 403},
		{"id", "case-42", "signed_id", 200, 200, 403},
		{"networks", "192.0.2.0/24", "signed_ip", 403, 403, 403},
		{"networks", "192.0.2.0/24, 127.0.0.1", "signed_ip", 200, 200, 403},
		{"host", "files.example.com", "signed_host", 403, 403, 403},
		{"methods", "PUT", "signed_methods", 403, 403, 403},
		{"ignore", "utm_*", "signed_ignore", 200, 200, 403},
		{"download", "a b.jpg", "signed_as", 200, 200, 403},
		{"type", "text/plain", "signed_type", 200, 200, 403},
		{"bound", "on", "signed_for", 200, 403, 403},
		{"under", "on", "signed_under", 200, 200, 200},
	} {
		form := url.Values{"file": {"cards/ada.jpg"}, "lifetime": {"60"}}
		form.Set(test.field, test.value)
		m := v.sign(form)
		if !strings.Contains(m.Link, test.parameter) {
			t.Errorf("%s: the link %s has no %s", test.field, m.Link, test.parameter)
		}
		path, query, _ := strings.Cut(m.Link, "?")
		query, _, _ = strings.Cut(query, "&signature=")
		binding := ""
		switch test.field {
		case "bound":
			binding = "[the value of session]"
		case "under":
			path = "/files/cards/"
		}
		if diff := cmp.Diff("signed-url/1\n"+path+"\n"+query+"\n"+binding, m.Signed); diff != "" {
			t.Errorf("%s: the signed text (-want +got):\n%s", test.field, diff)
		}
		link, _, _ := v.ask("GET", m.Link)
		strange, _, _ := stranger.ask("GET", m.Link)
		other, _, _ := v.ask("GET", m.Other)
		if diff := cmp.Diff([]int{test.link, test.stranger, test.other}, []int{link, strange, other}); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.field, test.value, diff)
		}
	}
}

func TestTheFormShowsToANewVisitorWhatIsSigned(t *testing.T) {
	v := visit(t)
	v.cookies = nil
	m := v.sign(url.Values{"file": {"cards/ada.jpg"}, "lifetime": {"60"}, "bound": {"on"}})
	if !strings.HasSuffix(m.Signed, "\n[the value of session]") {
		t.Errorf("the signed text is %q", m.Signed)
	}
}

func TestTheFormRefuses(t *testing.T) {
	v := visit(t)
	for _, test := range []struct {
		name, field, value string
		at, text           string
	}{
		{"a file that is not offered", "file", "contract/page-03.png", "file", "choose one of the files"},
		{"a file above the others", "file", "../secret", "file", "choose one of the files"},
		{"a folder", "file", "cards/", "file", "choose one of the files"},
		{"no life", "lifetime", "0", "lifetime", "it must be a number from 1 to 3600"},
		{"a long life", "lifetime", "3601", "lifetime", "it must be a number from 1 to 3600"},
		{"a life that is no number", "lifetime", "1e3", "lifetime", "it must be a number from 1 to 3600"},
		{"a link that would expire before it opens", "starts", "60", "starts", "it must be a number from 1 to 59"},
		{"no uses", "uses", "0", "uses", "it must be a number from 1 to 1000000"},
		{"a network that is none", "networks", "192.0.2.0/24, here", "networks", `"here" is not a network such as 192.0.2.0/24`},
		{"a method in lower case", "methods", "GET get", "", `"get" is not an HTTP method in upper case`},
	} {
		form := url.Values{"file": {"cards/ada.jpg"}, "lifetime": {"60"}}
		form.Set(test.field, test.value)
		if diff := cmp.Diff(made{Field: test.at, Error: test.text}, v.sign(form)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	if status, _, _ := v.ask("GET", "/link?file=%zz"); status != 400 {
		t.Errorf("a form that cannot be read: %d, want 400", status)
	}
}

func TestCookiesAreRenewedForThePageAlone(t *testing.T) {
	v := visit(t)
	status, cookies, body := v.ask("POST", "/cookies", "Sec-Fetch-Site: same-origin")
	if status != 200 || len(cookies) != 2 || !strings.Contains(body, `"expires": `) {
		t.Errorf("%d with %d cookies: %s, want 200 with two and their expiry", status, len(cookies), body)
	}
	renewed := &visitor{t, v.addr, cookies}
	for _, name := range []string{"contract/page-12.png", "film/playlist.m3u8"} {
		if status, _, _ := renewed.ask("GET", "/files/"+name); status != 200 {
			t.Errorf("%s with the new cookies: %d, want 200", name, status)
		}
	}
	if status, cookies, _ := v.ask("POST", "/cookies", "Sec-Fetch-Site: cross-site"); status != 403 || len(cookies) != 0 {
		t.Errorf("from another site: %d with %d cookies, want 403 with none", status, len(cookies))
	}
	if status, _, _ := v.ask("GET", "/cookies"); status != 405 {
		t.Errorf("GET: %d, want 405", status)
	}
}

// The link on the page opens the playlist, and what it names, without a cookie.
func TestOneLinkPlaysTheFilm(t *testing.T) {
	v := visit(t)
	_, _, page := v.ask("GET", "/")
	_, rest, _ := strings.Cut(page, `<video src="`)
	link, _, _ := strings.Cut(rest, `"`)
	link = html.UnescapeString(link)
	stranger := &visitor{t, v.addr, nil}
	status, _, playlist := stranger.ask("GET", link)
	if status != 200 {
		t.Fatalf("the playlist %s: %d", link, status)
	}
	parts := 0
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		if _, uri, ok := strings.Cut(line, `URI="`); ok {
			line = strings.TrimSuffix(uri, `"`)
		} else if strings.HasPrefix(line, "#") {
			continue
		}
		parts++
		if status, _, _ := stranger.ask("GET", "/files/film/"+line); status != 200 {
			t.Errorf("%s: %d", line, status)
		}
	}
	if parts != 5 {
		t.Errorf("%d parts in\n%s", parts, playlist)
	}
}

// The link for the browser to narrow lives longer than what is made from it, and the
// form that asks for another one gives the same.
func TestALinkOfThePageCanBeNarrowed(t *testing.T) {
	v := visit(t)
	_, _, page := v.ask("GET", "/")
	_, rest, _ := strings.Cut(page, `id="narrow"`)
	attribute := func(name string) string {
		_, value, _ := strings.Cut(rest, name+`="`)
		value, _, _ = strings.Cut(value, `"`)
		return html.UnescapeString(value)
	}
	form, err := url.ParseQuery(attribute("data-form"))
	if err != nil {
		t.Fatal(err)
	}
	stranger := &visitor{t, v.addr, nil}
	for _, link := range []string{attribute("href"), v.sign(form).Link} {
		u, err := url.Parse(link)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			after time.Duration
			want  int
		}{{10 * time.Second, 200}, {-time.Second, 404}} {
			narrow, err := middleware.Narrow(u, middleware.Claims{Expires: time.Now().Add(test.after)})
			if err != nil {
				t.Fatal(err)
			}
			if status, _, _ := stranger.ask("GET", narrow.String()); status != test.want {
				t.Errorf("%s: %d, want %d", narrow, status, test.want)
			}
		}
		if seconds, err := strconv.ParseInt(u.Query().Get("expires_at"), 10, 64); err != nil || time.Until(time.Unix(seconds, 0)) < 2*time.Minute-10*time.Second {
			t.Errorf("%s lives too short: %v", link, err)
		}
	}
}

func TestThePageRunsNoScriptButItsOwn(t *testing.T) {
	v := visit(t)
	reply, err := http.Get(v.addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	reply.Header.Del("Date")
	reply.Header.Del("Set-Cookie")
	want := http.Header{
		"Cache-Control": {"no-store"},
		"Content-Security-Policy": {"default-src 'none'; img-src 'self'; media-src 'self' blob:; style-src 'self'; script-src 'self'; " +
			"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
		"Content-Type":           {"text/html; charset=utf-8"},
		"Referrer-Policy":        {"no-referrer"},
		"X-Content-Type-Options": {"nosniff"},
	}
	if diff := cmp.Diff(want, reply.Header); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, _, page := v.ask("GET", "/")
	for _, bad := range []string{"<script>", " onclick=", " style=", "<style"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s, which its policy forbids", bad)
		}
	}
	for _, name := range []string{"style.css", "icon.svg", "demo.js", "page.js", "cookies.js", "linked.js", "narrow.js", "player.js", "limits.js", "form.js", "upload.js"} {
		if status, _, _ := v.ask("GET", "/assets/"+name); status != 200 {
			t.Errorf("%s: %d, want 200", name, status)
		}
	}
}

const png = "\x89PNG\r\n\x1a\n and pixels"

// upload sends a picture as the page does, and returns the status.
func (v *visitor) upload(name, content string) int {
	v.t.Helper()
	status, _, body := v.ask("POST", "/uploads?"+url.Values{"name": {name}}.Encode())
	var m made
	if err := json.Unmarshal([]byte(body), &m); status != 200 || err != nil {
		v.t.Fatalf("%d %s: %v", status, body, err)
	}
	status, _, _ = v.send("PUT", m.Link, content)
	return status
}

// cards returns the paths of the cards that a visitor sees.
func (v *visitor) cards() (links []string) {
	v.t.Helper()
	_, _, body := v.ask("GET", "/users")
	var reply struct {
		Data []struct {
			ImageURL string `json:"image_url"`
		}
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil {
		v.t.Fatal(err)
	}
	for _, user := range reply.Data {
		links = append(links, strings.TrimPrefix(user.ImageURL, v.addr))
	}
	return links
}

func TestAVisitorsOwnCard(t *testing.T) {
	v := visit(t)
	stranger := &visitor{t, v.addr, nil}
	_, stranger.cookies, _ = stranger.ask("GET", "/")
	for _, tt := range []struct {
		name, content string
		status        int
	}{
		{"card.png", png, 201},
		{"../../card.PNG", png, 201},
		{"letter.pdf", "%PDF-1.7", 415},
		{"letter.png", "%PDF-1.7", 415},
		{"card.svg", "<svg xmlns='http://www.w3.org/2000/svg'/>", 415},
		{"card", png, 415},
		{"large.png", png + strings.Repeat("x", 6_000_000), 413},
	} {
		before := len(v.cards())
		if got := v.upload(tt.name, tt.content); got != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.status)
		}
		if added := len(v.cards()) - before; added != map[bool]int{true: 1}[tt.status == 201] {
			t.Errorf("%s: %d cards more", tt.name, added)
		}
	}
	cards := v.cards()
	if status, _, body := v.ask("GET", cards[3]); status != 200 || body != png {
		t.Errorf("the card: %d", status)
	}
	if len(cards) != 5 || len(stranger.cards()) != 3 {
		t.Errorf("the visitor sees %d cards, and a stranger %d", len(cards), len(stranger.cards()))
	}
}

// The oldest cards make room for new ones.
func TestUploadedCardsAreBounded(t *testing.T) {
	v := visit(t)
	for range 20 {
		if got := v.upload("card.png", png); got != 201 {
			t.Fatal(got)
		}
	}
	if n := len(v.cards()); n != 3+8 {
		t.Errorf("%d cards", n)
	}
}

// Without scripts, the form of the page does the same.
func TestTheUploadFormWithoutScripts(t *testing.T) {
	v := visit(t)
	_, _, page := v.ask("GET", "/")
	_, rest, _ := strings.Cut(page, `enctype="multipart/form-data" action="`)
	action, _, _ := strings.Cut(rest, `"`)
	action = html.UnescapeString(action)
	body := func(name, content string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"card\"; filename=\"" + name + "\"\r\n\r\n" + content + "\r\n--x--\r\n"
	}
	for _, tt := range []struct {
		name, content string
		status        int
	}{{"my card.png", png, 201}, {"my card.png", png, 409}, {"letter.pdf", "%PDF-1.7", 415}} {
		if got, _, _ := v.send("POST", action, body(tt.name, tt.content), "Content-Type: multipart/form-data; boundary=x"); got != tt.status {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.status)
		}
	}
	if n := len(v.cards()); n != 4 {
		t.Errorf("%d cards", n)
	}
}

// Another site cannot ask for a link in a visitor's name.
func TestUploadLinksAreForThePage(t *testing.T) {
	v := visit(t)
	if status, _, _ := v.ask("POST", "/uploads?name=a.png", "Sec-Fetch-Site: cross-site"); status != 403 {
		t.Error(status)
	}
}
