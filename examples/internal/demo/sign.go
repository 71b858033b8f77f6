package demo

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware"
)

// offered are the files to which a visitor can sign a link. Links to anything
// else are refused: with a key from a file, they would open what another server
// with that key has under the name.
var offered = []struct{ Name, Title, next string }{
	{"cards/ada.jpg", "Identity card of Ada Lindqvist", "tomas.jpg"},
	{"cards/tomas.jpg", "Identity card of Tomas Ferrante", "nia.jpg"},
	{"contract/page-01.png", "Page 1 of the contract", "page-02.png"},
	{"film/playlist.m3u8", "Playlist of the film", "segment-0.m4s"},
}

// formData is what the form needs to know.
type formData struct {
	Files   any // offered
	Longest int // lifetime in seconds
}

func (d *Demo) form() formData {
	return formData{offered, seconds(max(time.Hour, 4*d.opts.Lifetime))}
}

// madeLink is a link that was signed for a visitor.
type madeLink struct {
	url   *url.URL
	other *url.URL // another file in the folder, with the same signature

	claims middleware.Claims
}

// formError is an error in a field of the form.
type formError struct {
	Field string `json:"field"` // empty if no field alone is at fault
	Text  string `json:"error"`
}

func (e *formError) Error() string { return e.Field + ": " + e.Text }

// showLink signs the link that a form asks for, and shows what was signed. The
// explanation is for the operator alone: a real application does not show it to
// a client.
func (d *Demo) showLink(w http.ResponseWriter, r *http.Request) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		reply(w, http.StatusBadRequest, &formError{"", "the form cannot be read"})
		return
	}
	session, cookies := d.session(r)
	made, err := d.sign(form, session, time.Now())
	if fault, ok := err.(*formError); ok {
		reply(w, http.StatusBadRequest, fault)
		return
	}
	if err != nil {
		d.fail(w, r, err)
		return
	}
	check := r.Clone(r.Context())
	check.URL = &url.URL{Path: made.url.Path, RawPath: made.url.RawPath, RawQuery: made.url.RawQuery}
	check.RequestURI = ""
	for _, c := range cookies { // as the visitor's next request will have them
		check.AddCookie(c)
	}
	setCookies(w, cookies)
	millis := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.UnixMilli()
	}
	reply(w, http.StatusOK, struct {
		Link    string `json:"link"`
		Other   string `json:"other"`
		Signed  string `json:"signed"`
		Starts  int64  `json:"starts"` // Unix milliseconds, or 0
		Expires int64  `json:"expires"`
	}{local(made.url), local(made.other), d.opts.Explain(check).Signed, millis(made.claims.NotBefore), millis(made.claims.Expires)})
}

// sign signs the link that a form asks for. The error is a *formError if the
// form is at fault.
func (d *Demo) sign(form url.Values, session string, now time.Time) (*madeLink, error) {
	name, next := form.Get("file"), ""
	for _, o := range offered {
		if o.Name == name {
			next = o.next
		}
	}
	if next == "" {
		return nil, &formError{"file", "choose one of the files"}
	}
	c, err := d.claims(form, session, now)
	if err != nil {
		return nil, err
	}
	made := &madeLink{claims: c}
	if form.Get("under") != "" {
		s, err := d.files.Links().Subtree(path.Dir(name), c)
		if err != nil {
			return nil, refused(err)
		}
		if made.url, err = s.URL(path.Base(name)); err != nil {
			return nil, err
		}
	} else if made.url, err = d.files.URL(name, c); err != nil {
		return nil, refused(err)
	}
	if made.other, err = d.files.Links().URL(path.Dir(name)+"/"+next, middleware.Claims{Expires: c.Expires}); err != nil {
		return nil, err
	}
	made.other.RawQuery = made.url.RawQuery
	return made, nil
}

// refused returns the signer's reason for the person at the form. The errors
// around it say only that there is no link.
func refused(err error) *formError {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return &formError{"", strings.TrimPrefix(err.Error(), "signedurl: ")}
}

// claims reads the limits from a form. Whatever the form alone cannot tell is
// left to the signer, which refuses what no request could meet.
func (d *Demo) claims(form url.Values, session string, now time.Time) (middleware.Claims, error) {
	list := func(field string) []string {
		items := strings.FieldsFunc(form.Get(field), func(r rune) bool { return r == ',' || r == ' ' })
		if len(items) == 0 {
			return nil // an empty list is an error, no list is no limit
		}
		return items
	}
	c := middleware.Claims{
		Methods:      list("methods"),
		Host:         form.Get("host"),
		ID:           form.Get("id"),
		DownloadName: form.Get("download"),
		ContentType:  form.Get("type"),
		Ignore:       list("ignore"),
	}
	longest := d.form().Longest
	lifetime, err := number(form, "lifetime", 1, longest)
	if err != nil {
		return c, err
	}
	c.Expires = middleware.RoundUp(now.Add(time.Duration(lifetime)*time.Second), time.Second)
	if form.Get("starts") != "" {
		starts, err := number(form, "starts", 1, lifetime-1)
		if err != nil {
			return c, err
		}
		c.NotBefore = middleware.RoundUp(now.Add(time.Duration(starts)*time.Second), time.Second)
	}
	if form.Get("uses") != "" {
		if c.Uses, err = number(form, "uses", 1, 1_000_000); err != nil {
			return c, err
		}
		if c.ID == "" { // all links of an id share their uses
			c.ID = rand.Text()
		}
	}
	for _, text := range list("networks") {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return c, &formError{"networks", fmt.Sprintf("%q is not a network such as 192.0.2.0/24", text)}
			}
			network = netip.PrefixFrom(addr, addr.BitLen())
		}
		c.Networks = append(c.Networks, network)
	}
	if form.Get("bound") != "" {
		c.Binding = middleware.Binding{Name: Binding, Value: session}
	}
	return c, nil
}

// number returns a number of a form.
func number(form url.Values, field string, least, most int) (int, error) {
	n, err := strconv.Atoi(form.Get(field))
	switch {
	case most < least:
		return 0, &formError{field, "the link would expire before"}
	case err != nil || n < least || n > most:
		return 0, &formError{field, fmt.Sprintf("it must be a number from %d to %d", least, most)}
	}
	return n, nil
}
