package demo

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

// The page's data. All links are paths, without the origin, so that the page
// works under any name by which the browser reached it.
type (
	pageData struct {
		Now     int64 // Unix milliseconds, since browsers' clocks are wrong
		Seconds int
		Anatomy []partData // of the first card's link
		Cards   []cardData
		Blank   cardData // for a card that is uploaded later
		Upload  uploadData
		Shared  cookieData
		Linked  linkedData
		Narrow  linkedData // without Altered
		Limits  []limitData
		Form    formData
	}
	cardData struct {
		ID            int
		Name          string
		Link, Altered shownLink
		Expires       int64
	}
	// shownLink is a link and its short form, of which File is the part that
	// an attacker would change.
	shownLink struct {
		URL              string
		Dir, File, Query string
	}
	partData struct {
		Text, Meaning string
	}
	uploadData struct {
		Link, Accept string
		Megabytes    int
	}
	// cookieData is what the cookies open, by links that are not signed.
	cookieData struct {
		Expires  int64  `json:"expires"`
		Seconds  int    `json:"seconds"`
		Pages    []page `json:"-"` // of the contract
		Playlist string `json:"-"`
	}
	// linkedData is a file behind a link that the page explains.
	linkedData struct {
		Link, Altered shownLink
		Expires       int64
		Seconds       int
		Form          string // the form that asks for such a link, as a query
	}
	page struct {
		Number int
		URL    string
	}
	limitData struct {
		Title, Text, Parameter, Link string

		Stranger bool   // whether the link is tried without cookies
		Form     string // the form that asks for such a link, as a query
		Added    string // to the link, after it was signed
	}
)

func (d *Demo) showPage(w http.ResponseWriter, r *http.Request) {
	data, cookies, err := d.data(r, time.Now())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	pageHeader(w)
	setCookies(w, cookies)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := d.page.Execute(w, data); err != nil {
		d.opts.Log.Warn("the page was not sent", "error", err)
	}
}

func setCookies(w http.ResponseWriter, cookies []*http.Cookie) {
	for _, c := range cookies {
		http.SetCookie(w, c)
	}
}

// data returns what the page shows, and the cookies that go with it.
func (d *Demo) data(r *http.Request, now time.Time) (*pageData, []*http.Cookie, error) {
	data := &pageData{Now: now.UnixMilli(), Seconds: seconds(d.opts.Lifetime), Form: d.form()}
	session, cookies := d.session(r)
	if err := d.addCards(data, d.cards(session), now); err != nil {
		return nil, nil, err
	}
	link, err := d.uploadLink(folder(session), http.MethodPost, now)
	if err != nil {
		return nil, nil, err
	}
	data.Upload = uploadData{local(link), strings.Join(acceptedTypes(), ","), maxCard / 1_000_000}
	shared, more, err := d.shared(now)
	if err != nil {
		return nil, nil, err
	}
	data.Shared = *shared
	if err := d.addLinked(data, now); err != nil {
		return nil, nil, err
	}
	if err := d.addNarrow(data, now); err != nil {
		return nil, nil, err
	}
	if err := d.addLimits(data, now, session); err != nil {
		return nil, nil, err
	}
	return data, append(cookies, more...), nil
}

// seconds returns a duration in whole seconds, rounded up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// session returns the visitor's session, and its cookie if it is a new one. In
// a real application the visitor has signed in before.
func (d *Demo) session(r *http.Request) (string, []*http.Cookie) {
	if s := Session(r); s != "" {
		return s, nil
	}
	s := rand.Text()
	return s, []*http.Cookie{{
		Name: sessionCookie, Value: s, Path: "/",
		HttpOnly: true, Secure: d.opts.Secure, SameSite: http.SameSiteLaxMode,
	}}
}

// addCards adds the cards and, for each, the link that an attacker would try
// who has the link to one and wants another: its signature on another name.
func (d *Demo) addCards(data *pageData, cards []customer, now time.Time) error {
	expires := d.expiry(now)
	for i, c := range cards {
		u, err := d.files.URL(c.card, middleware.Claims{Expires: expires})
		if err != nil {
			return err
		}
		altered, err := d.files.URL(cards[(i+1)%len(cards)].card, middleware.Claims{Expires: expires})
		if err != nil {
			return err
		}
		altered.RawQuery = u.RawQuery
		if i == 0 {
			data.Anatomy = anatomy(u)
		}
		data.Cards = append(data.Cards, cardData{c.ID, c.Name, shown(u), shown(altered), expires.UnixMilli()})
	}
	return nil
}

// shown returns a link with its short form.
func shown(u *url.URL) shownLink {
	const enough = 4 // characters of a signature
	signature := u.Query().Get("signature")
	dir, file := path.Split(u.EscapedPath())
	return shownLink{local(u), dir, file, "?…&signature=" + signature[:min(enough, len(signature))] + "…"}
}

// anatomy explains the parts of a link without limits.
func anatomy(u *url.URL) []partData {
	parts := []partData{{u.EscapedPath(), "one file"}}
	sep := "?"
	for i, param := range strings.Split(u.RawQuery, "&") {
		meaning := [...]string{"until when", "which key signed", "so that nobody can change any of it"}
		parts = append(parts, partData{sep + param, meaning[i%len(meaning)]})
		sep = "&"
	}
	return parts
}

// shared returns what is shown with unsigned URLs: one cookie opens the pages
// of the contract and another the parts of the film.
func (d *Demo) shared(now time.Time) (*cookieData, []*http.Cookie, error) {
	lifetime := 4 * d.opts.Lifetime
	expires := middleware.RoundUp(now.Add(lifetime), time.Second)
	data := &cookieData{Expires: expires.UnixMilli(), Seconds: seconds(lifetime)}
	var cookies []*http.Cookie
	subtree := func(dir string) (*middleware.Subtree, error) {
		s, err := d.files.Links().Subtree(dir, middleware.Claims{Expires: expires})
		if err != nil {
			return nil, err
		}
		signed, err := s.Cookies(d.opts.Cookie)
		for _, c := range signed {
			c.Secure = d.opts.Secure // browsers drop Secure cookies on plain HTTP
			cookies = append(cookies, c)
		}
		return s, err
	}
	contract, err := subtree("contract")
	if err != nil {
		return nil, nil, err
	}
	for n := 1; n <= contractPages; n++ {
		u, err := contract.Unsigned(fmt.Sprintf("page-%02d.png", n))
		if err != nil {
			return nil, nil, err
		}
		data.Pages = append(data.Pages, page{n, local(u)})
	}
	film, err := subtree("film")
	if err != nil {
		return nil, nil, err
	}
	playlist, err := film.Unsigned("playlist.m3u8")
	if err != nil {
		return nil, nil, err
	}
	data.Playlist = local(playlist)
	return data, cookies, nil
}

// renewCookies gives the visitor new cookies for the contract and the film. A
// real application would ask who the visitor is.
func (d *Demo) renewCookies(w http.ResponseWriter, r *http.Request) {
	data, cookies, err := d.shared(time.Now())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	setCookies(w, cookies)
	reply(w, http.StatusOK, data)
}

// addLinked adds a link to the folder of the film, and the one that an attacker
// would try who wants what lies outside of it.
func (d *Demo) addLinked(data *pageData, now time.Time) error {
	form := url.Values{"file": {"film/playlist.m3u8"}, "under": {"on"}}
	made, err := d.link(&data.Linked, form, 4*d.opts.Lifetime, now)
	if err != nil {
		return err
	}
	altered, err := d.files.Links().Unsigned(customers[0].card)
	if err != nil {
		return err
	}
	altered.RawQuery = made.url.RawQuery
	data.Linked.Altered = shown(altered)
	return nil
}

// addNarrow adds a link that the page narrows to ten seconds in the browser. It
// lives long enough for that to be tried more than once.
func (d *Demo) addNarrow(data *pageData, now time.Time) error {
	_, err := d.link(&data.Narrow, url.Values{"file": {customers[0].card}}, max(4*d.opts.Lifetime, 2*time.Minute), now)
	return err
}

// link signs a link for as long as a lifetime, as the form would.
func (d *Demo) link(data *linkedData, form url.Values, lifetime time.Duration, now time.Time) (*madeLink, error) {
	data.Seconds = seconds(lifetime)
	form.Set("lifetime", strconv.Itoa(data.Seconds))
	made, err := d.sign(form, "", now)
	if err != nil {
		return nil, err
	}
	data.Link, data.Expires, data.Form = shown(made.url), made.claims.Expires.UnixMilli(), form.Encode()
	return made, nil
}

// addLimits adds links that carry more than an expiry.
func (d *Demo) addLimits(data *pageData, now time.Time, session string) error {
	later := seconds(max(d.opts.Lifetime/3, time.Second))
	for _, l := range []struct {
		limitData
		field, value string // of the form
	}{
		{limitData{Title: "Opens for you", Text: "It is bound to your session, without showing it. In a private window you get 403.",
			Parameter: "signed_for=session", Stranger: true}, "bound", "on"},
		{limitData{Title: "Opens once", Text: "The second request gets 404.", Parameter: "signed_uses=1"}, "uses", "1"},
		{limitData{Title: "Opens later", Text: fmt.Sprintf("It gives 404 for its first %d seconds.", later), Parameter: "signed_from=…"},
			"starts", strconv.Itoa(later)},
		{limitData{Title: "Opens in one network", Text: "For clients in 192.0.2.0/24 only: you get 403.", Parameter: "signed_ip=192.0.2.0/24"},
			"networks", "192.0.2.0/24"},
		{limitData{Title: "Opens as a download", Text: "With a file name of your choice.", Parameter: "signed_as=Ada’s card.jpg"},
			"download", "Ada’s card.jpg"},
		{limitData{Title: "Survives a mailer", Text: "Mailers may add utm_source to the links they send.", Parameter: "signed_ignore=utm_*",
			Added: "&utm_source=mail"}, "ignore", "utm_*"},
	} {
		form := url.Values{"file": {customers[0].card}, "lifetime": {strconv.Itoa(seconds(4 * d.opts.Lifetime))}, l.field: {l.value}}
		made, err := d.sign(form, session, now)
		if err != nil {
			return err
		}
		l.Form, l.Link = form.Encode(), local(made.url)+l.Added
		data.Limits = append(data.Limits, l.limitData)
	}
	return nil
}
