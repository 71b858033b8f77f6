package middleware

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

// Handler returns a handler that passes to next what the verifier accepts and
// refuses the rest, through [Options.Deny] or as [Refuse] does. As a method
// value it is middleware of the usual shape, and fits alice.Constructor. It
// panics if next is nil.
//
// The next handler finds the link's claims with [LinkFromContext]. Before it
// runs, the reply has Cache-Control: private with the rest of the link's life
// as max-age (at most a year), Referrer-Policy: no-referrer, Vary: Cookie if a
// cookie or a binding decided, and the Content-Disposition and Content-Type
// that the link asks for. The next handler may change them. If its reply has
// nothing of the file, it may return the link's use with [GiveBack].
func (v *Verifier) Handler(next http.Handler) http.Handler {
	if next == nil {
		panic("signedurl: Verifier.Handler with a nil http.Handler")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var l Link
		now, taken, err := v.decide(r, &l, nil)
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			switch {
			case v == nil || v.deny == nil: // not made by NewVerifier
				Refuse(w, r, err)
			case v.opts.InsecureReportOnly:
				// Nor is the link of an outer verifier for this handler.
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), linkKey{}, nil)))
			default:
				v.deny(w, r, err)
			}
			return
		}
		setHeader(w.Header(), &l, now)
		next.ServeHTTP(w, r.WithContext(&linkContext{r.Context(), l, taken}))
	})
}

// maxAge is the longest that a reply may be cached, in seconds: a year, as RFC
// 9111 lets caches treat anything longer.
const maxAge = 365 * 24 * 60 * 60

// setHeader writes what the link asks of the reply. A reply must not outlive
// its link in a cache, nor sit in a shared one, nor hand the link on in a
// Referer.
func setHeader(h http.Header, l *Link, now time.Time) {
	age := int64(maxAge)
	if !l.Permanent {
		age = min(max(int64(l.Expires.Sub(now)/time.Second), 0), maxAge)
	}
	var room [40]byte
	// One array holds both values; each slice ends where the other begins.
	values := [2]string{
		string(strconv.AppendInt(append(room[:0], "private, max-age="...), age, 10)),
		"no-referrer",
	}
	h["Cache-Control"] = values[0:1:1]
	h["Referrer-Policy"] = values[1:2:2]
	if l.FromCookie || l.Binding.Name != "" {
		h.Add("Vary", "Cookie")
	}
	if l.ContentType != "" {
		h.Set("Content-Type", l.ContentType)
	}
	if l.DownloadName != "" {
		h.Set("Content-Disposition", attachment(l.DownloadName))
	}
}

// attachment returns a Content-Disposition for a file name (RFC 6266): an
// ASCII stand-in for old readers, and the name itself in UTF-8 (RFC 8187) if
// the stand-in is not the name.
func attachment(name string) string {
	var ascii strings.Builder
	exact := true
	for _, r := range name {
		// Some readers decode "%", and others mistake an escaped quote.
		if r < 0x20 || r >= 0x7F || r == '"' || r == '\\' || r == '%' {
			r, exact = '_', false
		}
		ascii.WriteRune(r)
	}
	if exact {
		return `attachment; filename="` + name + `"`
	}
	return `attachment; filename="` + ascii.String() + `"; filename*=UTF-8''` + strict.Escape(name)
}

// ModifyResponse is for [net/http/httputil.ReverseProxy] behind a Verifier's
// Handler, as its field of that name. The proxy adds the header of the backend
// to what the Handler has set, and browsers heed the last: ModifyResponse takes
// out of the backend's reply what the link decides, which is Cache-Control,
// Expires and Referrer-Policy, and Content-Type and Content-Disposition if the
// link has them. It changes nothing if no link was checked, and never fails.
func ModifyResponse(res *http.Response) error {
	if res.Request == nil {
		return nil
	}
	c, ok := LinkFromContext(res.Request.Context())
	if !ok {
		return nil
	}
	for _, name := range [...]string{"Cache-Control", "Expires", "Referrer-Policy"} {
		res.Header.Del(name)
	}
	if c.ContentType != "" {
		res.Header.Del("Content-Type")
	}
	if c.DownloadName != "" {
		res.Header.Del("Content-Disposition")
	}
	return nil
}
