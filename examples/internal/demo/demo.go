// Package demo is the demonstration that the server shows when it has no
// directory to serve: the API and the page of an application whose users'
// files are behind signed links.
package demo

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"example.com/signedurl/examples/internal/server"
	"example.com/signedurl/middleware"
	"example.com/signedurl/signedfs"
)

//go:generate go run ./generate files

const (
	// Cookie is the default name of the cookies that carry links to subtrees.
	Cookie = "signed_files"
	// Binding is the name of the binding whose value [Session] returns.
	Binding = "session"

	sessionCookie = "session"
)

//go:embed files page.html style.css demo.js player.js icon.svg
var content embed.FS

// Files returns the private files: cards, a contract and a film.
func Files() (http.FileSystem, error) {
	files, err := fs.Sub(content, "files")
	return http.FS(files), err
}

// Session returns the visitor's session, or "" if there is none.
func Session(r *http.Request) string { return server.OnlyCookie(r, sessionCookie) }

// customer is a row in the application's database. It stores the name of the
// file, never a link.
type customer struct {
	ID   int
	Name string
	card string
}

var customers = []customer{
	{1, "Ada Lindqvist", "cards/ada.jpg"},
	{2, "Tomas Ferrante", "cards/tomas.jpg"},
	{3, "Nia Okoro", "cards/nia.jpg"},
}

// contractPages is the number of pages of the contract.
const contractPages = 12

// Demo shows what links can do, on a page and in an API. A real application
// would know who asks, and give links only to users who may see the file.
type Demo struct {
	files  *signedfs.Handler
	opts   Options
	page   *template.Template
	origin string // of the server, for links outside the page
}

// Options configures a [Demo]. All fields are required.
type Options struct {
	Cookie   string // the name of the cookies that carry links
	Secure   bool   // whether cookies are for HTTPS only
	Lifetime time.Duration
	Log      *slog.Logger
}

// New returns a demonstration of the links to files, which must be [Files]. It
// is an error if they cannot be signed.
func New(files *signedfs.Handler, opts Options) (*Demo, error) {
	page, err := template.ParseFS(content, "page.html")
	if err != nil {
		return nil, err
	}
	d := &Demo{files: files, opts: opts, page: page}
	if _, err := d.link(customers[0].card, middleware.Claims{Expires: d.expiry(time.Now())}); err != nil {
		return nil, fmt.Errorf("the demonstration needs a key that can sign: %w", err)
	}
	return d, nil
}

// Handle adds the page and the API to mux. The links of the API begin with
// origin.
func (d *Demo) Handle(mux *http.ServeMux, origin string) {
	d.origin = origin
	mux.HandleFunc("GET /{$}", d.showPage)
	mux.HandleFunc("GET /users", d.users)
	for _, name := range []string{"style.css", "demo.js", "player.js", "icon.svg"} {
		mux.HandleFunc("GET /assets/"+name, func(w http.ResponseWriter, r *http.Request) {
			pageHeader(w)
			http.ServeFileFS(w, r, content, name)
		})
	}
}

// Announce tells the user who started the server where to look.
func (d *Demo) Announce(w io.Writer) error {
	const lifetime = 15 * time.Minute
	u, err := d.absolute(customers[0].card, middleware.Claims{Expires: time.Now().Add(lifetime)})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `Open   %s/
API    %s/users

A link that works for %d minutes:

  curl -o card.jpg '%s'

`, d.origin, d.origin, int(lifetime.Minutes()), u)
	return err
}

// expiry returns when a link of the page expires. It is rounded up to a whole
// second, so that no link lives shorter than the page says.
func (d *Demo) expiry(now time.Time) time.Time {
	return middleware.RoundUp(now.Add(d.opts.Lifetime), time.Second)
}

// users is the API of an application. Its links, which once worked for ever,
// now work for some seconds.
func (d *Demo) users(w http.ResponseWriter, r *http.Request) {
	type user struct {
		ID       int    `json:"id"`
		Name     string `json:"name"`
		ImageURL string `json:"image_url"`
	}
	var reply struct {
		Data []user `json:"data"`
	}
	expires := d.expiry(time.Now())
	for _, c := range customers {
		u, err := d.absolute(c.card, middleware.Claims{Expires: expires})
		if err != nil {
			d.fail(w, r, err)
			return
		}
		reply.Data = append(reply.Data, user{c.ID, c.Name, u})
	}
	pageHeader(w)
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // it is JSON, and "&" is easier to copy than its escape
	e.SetIndent("", "  ")
	e.Encode(reply)
}

func (d *Demo) fail(w http.ResponseWriter, r *http.Request, err error) {
	d.opts.Log.Error("the demonstration failed", "request", r, "error", err)
	http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
}

// pageHeader sets what all replies of the demonstration have except files.
// Pages with links in them must not be stored: they would outlive the links.
func pageHeader(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; media-src 'self' blob:; style-src 'self'; script-src 'self'; "+
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
}

// The page's data. All links are paths, without the origin, so that the page
// works under any name by which the browser reached it.
type (
	pageData struct {
		Now      int64 // Unix milliseconds, since browsers' clocks are wrong
		Seconds  int
		Anatomy  []partData // of the first card's link
		Cards    []cardData
		Pages    []string // of the contract, unsigned
		Playlist string   // unsigned
		Cookie   cookieData
		Own      linkData // bound to the visitor's session
		Limits   []linkData
	}
	cardData struct {
		ID            int
		Name          string
		Link, Altered string
		Expires       int64
	}
	partData struct {
		Text, Meaning string
	}
	cookieData struct {
		Expires int64
		Seconds int
	}
	linkData struct {
		Title, Text, Parameter, Link string
	}
)

func (d *Demo) showPage(w http.ResponseWriter, r *http.Request) {
	data, cookies, err := d.data(r, time.Now())
	if err != nil {
		d.fail(w, r, err)
		return
	}
	pageHeader(w)
	for _, c := range cookies {
		http.SetCookie(w, c)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := d.page.Execute(w, data); err != nil {
		d.opts.Log.Warn("the page was not sent", "error", err)
	}
}

// data returns what the page shows, and the cookies that go with it.
func (d *Demo) data(r *http.Request, now time.Time) (*pageData, []*http.Cookie, error) {
	data := &pageData{Now: now.UnixMilli(), Seconds: int(d.opts.Lifetime.Seconds())}
	session, cookies := d.session(r)
	for _, add := range []func() error{
		func() error { return d.addCards(data, now) },
		func() error {
			more, err := d.addSubtrees(data, now)
			cookies = append(cookies, more...)
			return err
		},
		func() error { return d.addLimits(data, now, session) },
	} {
		if err := add(); err != nil {
			return nil, nil, err
		}
	}
	return data, cookies, nil
}

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

// absolute returns the link to a file, with an origin.
func (d *Demo) absolute(name string, c middleware.Claims) (string, error) {
	u, err := d.files.URL(name, c)
	if err != nil {
		return "", err
	}
	if u.Host == "" {
		return d.origin + u.String(), nil
	}
	return u.String(), nil
}

// link returns the link to a file as a path.
func (d *Demo) link(name string, c middleware.Claims) (string, error) {
	u, err := d.files.URL(name, c)
	if err != nil {
		return "", err
	}
	return local(u), nil
}

func local(u *url.URL) string { return u.RequestURI() }

// addCards adds the cards and, for each, the link that an attacker would try
// who has the link to one and wants another: its signature on another name.
func (d *Demo) addCards(data *pageData, now time.Time) error {
	expires := d.expiry(now)
	for i, c := range customers {
		u, err := d.files.URL(c.card, middleware.Claims{Expires: expires})
		if err != nil {
			return err
		}
		next, err := d.files.URL(customers[(i+1)%len(customers)].card, middleware.Claims{Expires: expires})
		if err != nil {
			return err
		}
		altered := *next
		altered.RawQuery = u.RawQuery
		if i == 0 {
			data.Anatomy = anatomy(u)
		}
		data.Cards = append(data.Cards, cardData{c.ID, c.Name, local(u), local(&altered), expires.UnixMilli()})
	}
	return nil
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

// addSubtrees adds what is shown with unsigned URLs: one cookie opens the pages
// of the contract and another the parts of the film.
func (d *Demo) addSubtrees(data *pageData, now time.Time) ([]*http.Cookie, error) {
	lifetime := 4 * d.opts.Lifetime
	expires := middleware.RoundUp(now.Add(lifetime), time.Second)
	data.Cookie = cookieData{expires.UnixMilli(), int(lifetime.Seconds())}
	var cookies []*http.Cookie
	subtree := func(dir string, names ...string) (urls []string, err error) {
		s, err := d.files.Links().Subtree(dir, middleware.Claims{Expires: expires})
		if err != nil {
			return nil, err
		}
		signed, err := s.Cookies(d.opts.Cookie)
		if err != nil {
			return nil, err
		}
		for _, c := range signed {
			c.Secure = d.opts.Secure // browsers drop Secure cookies on plain HTTP
			cookies = append(cookies, c)
		}
		for _, name := range names {
			u, err := s.Unsigned(name)
			if err != nil {
				return nil, err
			}
			urls = append(urls, local(u))
		}
		return urls, nil
	}
	var pages []string
	for n := range contractPages {
		pages = append(pages, fmt.Sprintf("page-%02d.png", n+1))
	}
	var err error
	if data.Pages, err = subtree("contract", pages...); err != nil {
		return nil, err
	}
	film, err := subtree("film", "playlist.m3u8")
	if err != nil {
		return nil, err
	}
	data.Playlist = film[0]
	return cookies, nil
}

// addLimits adds links that carry more than an expiry.
func (d *Demo) addLimits(data *pageData, now time.Time, session string) error {
	expires := middleware.RoundUp(now.Add(4*d.opts.Lifetime), time.Second)
	card := customers[0].card
	var err error
	data.Own.Link, err = d.link(card, middleware.Claims{
		Expires: expires,
		Binding: middleware.Binding{Name: Binding, Value: session},
	})
	if err != nil {
		return err
	}
	later := max(d.opts.Lifetime/3, time.Second)
	for _, l := range []struct {
		title, text, parameter string
		claims                 middleware.Claims
		added                  string // to the link, after it was signed
	}{
		{"Opens once", "The second time it is 404.", "signed_uses=1",
			middleware.Claims{ID: rand.Text(), Uses: 1}, ""},
		{"Opens later", fmt.Sprintf("404 for the next %d seconds.", int(later.Seconds())), "signed_from=…",
			middleware.Claims{NotBefore: middleware.RoundUp(now.Add(later), time.Second)}, ""},
		{"Opens in one network", "From 192.0.2.0/24, where nobody is: 403 for you.", "signed_ip=192.0.2.0/24",
			middleware.Claims{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, ""},
		{"Opens as a download", "With a name of your choice.", "signed_as=Ada’s card.jpg",
			middleware.Claims{DownloadName: "Ada’s card.jpg"}, ""},
		{"Survives a mailer", "Which adds utm_source to every link it sends.", "signed_ignore=utm_*",
			middleware.Claims{Ignore: []string{"utm_*"}}, "&utm_source=mail"},
	} {
		l.claims.Expires = expires
		link, err := d.link(card, l.claims)
		if err != nil {
			return err
		}
		data.Limits = append(data.Limits, linkData{l.title, l.text, l.parameter, link + l.added})
	}
	return nil
}
