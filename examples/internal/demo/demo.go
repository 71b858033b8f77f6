// Package demo is the demonstration that the server shows when it has no
// directory to serve: the API and the page of an application whose users'
// files are behind signed links.
package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
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

//go:embed files page.html assets
var content embed.FS

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
	store  *Store
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
	// Explain tells what the handler of the files would decide about a request,
	// whose path is the one that clients see.
	Explain func(*http.Request) *middleware.Explanation
	Log     *slog.Logger
}

// New returns a demonstration of the links to the files of a store, and to its
// uploads. It is an error if they cannot be signed.
func New(store *Store, files *signedfs.Handler, opts Options) (*Demo, error) {
	page, err := template.ParseFS(content, "page.html")
	if err != nil {
		return nil, err
	}
	d := &Demo{store: store, files: files, opts: opts, page: page}
	if _, err := files.URL(customers[0].card, middleware.Claims{Expires: d.expiry(time.Now())}); err != nil {
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
	mux.HandleFunc("GET /link", d.showLink)
	// Another site cannot read the reply, and must not set the cookies either.
	own := http.NewCrossOriginProtection()
	mux.Handle("POST /cookies", own.Handler(http.HandlerFunc(d.renewCookies)))
	mux.Handle("POST /uploads", own.Handler(http.HandlerFunc(d.newUpload)))
	assets, err := content.ReadDir("assets")
	if err != nil {
		panic(err) // they are embedded
	}
	for _, asset := range assets {
		mux.HandleFunc("GET /assets/"+asset.Name(), func(w http.ResponseWriter, r *http.Request) {
			pageHeader(w)
			http.ServeFileFS(w, r, content, "assets/"+asset.Name())
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

// cards returns the customers, and the cards that a visitor has uploaded.
func (d *Demo) cards(session string) []customer {
	return slices.Concat(customers, d.store.of(folder(session)))
}

// users is the API of an application. Its links, which once worked for ever,
// now work for some seconds.
func (d *Demo) users(w http.ResponseWriter, r *http.Request) {
	type user struct {
		ID       int    `json:"id"`
		Name     string `json:"name"`
		ImageURL string `json:"image_url"`
	}
	var data struct {
		Data []user `json:"data"`
	}
	expires := d.expiry(time.Now())
	for _, c := range d.cards(Session(r)) {
		u, err := d.absolute(c.card, middleware.Claims{Expires: expires})
		if err != nil {
			d.fail(w, r, err)
			return
		}
		data.Data = append(data.Data, user{c.ID, c.Name, u})
	}
	reply(w, http.StatusOK, data)
}

// reply sends a value as JSON.
func reply(w http.ResponseWriter, status int, value any) {
	pageHeader(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false) // it is JSON, and "&" is easier to copy than its escape
	e.SetIndent("", "  ")
	e.Encode(value)
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
		"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
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

// local returns a link as a path.
func local(u *url.URL) string { return u.RequestURI() }
