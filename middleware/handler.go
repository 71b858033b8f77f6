package middleware

import (
	"context"
	"net/http"
)

// Handler returns a handler that calls next for each request that the verifier
// accepts. It replies to all other requests with [Options.Deny], or with
// [Refuse] if that is nil. The method value v.Handler is middleware of the usual
// form and can be used as an alice.Constructor. Handler panics if next is nil.
//
// The next handler gets the link from [LinkFromContext]. Before it runs, the
// reply has Cache-Control: private with the rest of the link's life as max-age
// (at most a year), Referrer-Policy: no-referrer, Vary: Cookie if a cookie or a
// binding decided, and the Content-Disposition and Content-Type that the link
// asks for. The next handler may change them, with one exception: its
// Cache-Control can make the reply's stricter and not looser, and the fields
// that shared caches follow in its place, such as CDN-Cache-Control, are removed.
// A second value that the next handler adds, as
// [net/http/httputil.ReverseProxy] adds those of a backend, does not replace the
// first. A reply that is not the file, with a status other than 2xx and 304, is
// Cache-Control: no-store and has neither the link's Content-Type nor its name;
// so is the reply of an outer handler that recovers from a panic of next. If a
// reply has nothing of the file, the next handler may return the link's use with
// [GiveBack].
//
// Handler ignores the scheme and the host in r.URL, which the client chooses, and
// uses r.Host. It clears both in the request that it passes to next, so that a
// proxy does not forward the request to them.
func (v *Verifier) Handler(next http.Handler) http.Handler {
	if next == nil {
		panic("signedurl: Verifier.Handler with a nil http.Handler")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var l Link
		var taken takenUse
		var confirm *confirmation
		if v != nil && v.opts.Confirm {
			confirm = new(confirmation)
		}
		now, err := v.decide(r, &l, &taken, nil, confirm)
		if err == ErrUnconfirmed {
			askFirst(w, v.pages, r, &l, now)
			return
		}
		if err != nil {
			w.Header().Set("Cache-Control", "no-store")
			switch {
			case v == nil || v.deny == nil: // not made by NewVerifier
				Refuse(w, r, err)
			case v.opts.InsecureReportOnly:
				// Nor is the link of an outer verifier for this handler.
				next.ServeHTTP(w, originForm(r.WithContext(context.WithValue(r.Context(), linkKey{}, nil))))
			default:
				v.deny(w, r, err)
			}
			return
		}
		x := &exchange{linkContext: linkContext{r.Context(), l, taken}}
		x.writer = replyWriter{ResponseWriter: w, link: &x.link, cacheControl: setHeader(w.Header(), &l, now)}
		// If next panics, the reply is that of an outer handler, and not the file.
		code := http.StatusInternalServerError
		defer func() { x.writer.settle(code) }()
		served := originForm(r.WithContext(x))
		if confirm != nil && confirm.given {
			served = asGet(served)
		}
		next.ServeHTTP(&x.writer, served)
		code = http.StatusOK
	})
}

// exchange is what an accepted request needs, in one allocation.
type exchange struct {
	linkContext
	writer replyWriter
}

// originForm clears the scheme and the host in the URL and the target of a
// request, which is a copy already.
func originForm(r *http.Request) *http.Request {
	if r.URL != nil && (r.URL.Scheme != "" || r.URL.Host != "") {
		u := *r.URL
		u.Scheme, u.Host = "", ""
		r.URL = &u
	}
	if r.RequestURI != "" && r.RequestURI[0] != '/' {
		if target, ok := cutOrigin(r.RequestURI); ok {
			r.RequestURI = target
		}
	}
	return r
}
