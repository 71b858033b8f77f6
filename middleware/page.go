package middleware

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Page is what the template of [Options.Pages] is executed with. It has nothing of the
// request, so that no client can put a word onto a page, but for the name of the
// file in a link that is authentic.
type Page struct {
	// Reason is why there is a page: "unconfirmed" for the question whether to open
	// the file; "expired", "not_yet", "revoked", "used_up" and "unavailable" as
	// [Reason] says; and "refused" for all that is 403, whatever is wrong with it.
	Reason string
	// Status is the status of the reply.
	Status int
	// Name is the name of the file, if the reason is "unconfirmed": the one under
	// which the link has it saved, or else the end of its path.
	Name string
	// Until is the link's expiry, if the reason is "unconfirmed", in UTC. It is zero if
	// the link never expires. Left is the time until then, in words.
	Until time.Time
	Left  string
}

//go:embed page.html
var pageHTML string

// DefaultPages returns pages for [Options.Pages]: plain, without scripts, light or dark
// as the reader has it. Help is a sentence for those whose link is over, which says how
// to get a new one, such as "Ask for a new link in the app." It may be empty.
func DefaultPages(help string) *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{"help": func() string { return help }}).Parse(pageHTML))
}

// pagePolicy lets a page look as it likes, and do nothing but send its form.
const pagePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// writePage writes a page. It reports false, and writes nothing, if the template fails.
func writePage(w http.ResponseWriter, t *template.Template, p *Page) bool {
	var body bytes.Buffer
	if t.Execute(&body, p) != nil {
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	// With no-referrer, the Origin of the form would be null.
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(p.Status)
	w.Write(body.Bytes())
	return true
}

// replyFor writes a refusal in the form that the client asks for.
func replyFor(w http.ResponseWriter, r *http.Request, t *template.Template, err error, code int) {
	w.Header().Add("Vary", "Accept")
	reason := "refused"
	if code != http.StatusForbidden {
		reason = Reason(err)
	}
	switch preferred(r.Header["Accept"]) {
	case asHTML:
		if writePage(w, t, &Page{Reason: reason, Status: code}) {
			return
		}
	case asJSON:
		writeProblem(w, reason, code)
		return
	}
	reply(w, code)
}

// writeProblem writes problem details (RFC 9457).
func writeProblem(w http.ResponseWriter, reason string, code int) {
	body, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Reason string `json:"reason"`
	}{http.StatusText(code), code, reason})
	if err != nil {
		reply(w, code)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	w.Write(body)
}

// The forms of a refusal.
const (
	asText = iota
	asHTML
	asJSON
)

// preferred returns the form that an Accept header asks for (RFC 9110, section 12.5.1).
// Only a type that it names counts: a player, an <img> or curl, which take anything,
// get text.
func preferred(accept []string) int {
	form, best := asText, 0.0
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			mediaType, params, _ := strings.Cut(item, ";")
			q := 1.0
			for param := range strings.SplitSeq(params, ";") {
				if name, value, _ := strings.Cut(strings.TrimSpace(param), "="); strings.EqualFold(name, "q") {
					var err error
					if q, err = strconv.ParseFloat(value, 64); err != nil || !(q >= 0 && q <= 1) {
						q = 0
					}
				}
			}
			to := asText
			switch strings.ToLower(strings.TrimSpace(mediaType)) {
			case "text/html", "application/xhtml+xml":
				to = asHTML
			case "application/json", "application/problem+json":
				to = asJSON
			case "text/plain":
			default:
				continue
			}
			if q > best {
				form, best = to, q
			}
		}
	}
	return form
}

// askFirst writes the page with the button, or its header alone.
func askFirst(w http.ResponseWriter, t *template.Template, r *http.Request, l *Link, now time.Time) {
	p := &Page{Reason: Reason(ErrUnconfirmed), Status: http.StatusOK, Name: fileName(r.URL.Path, l)}
	if expiry := l.Expiry(); !expiry.IsZero() {
		p.Until, p.Left = expiry.UTC(), inWords(expiry.Sub(now))
	}
	if !writePage(w, t, p) {
		reply(w, http.StatusInternalServerError)
	}
}

// fileName returns the name of the file, without the characters by which it could look
// like another one: those that turn the direction of text make "gpj.exe" of "exe.jpg".
func fileName(path string, l *Link) string {
	name := l.DownloadName
	if name == "" {
		path = strings.TrimSuffix(path, "/")
		name = path[strings.LastIndexByte(path, '/')+1:]
	}
	return strings.Map(func(r rune) rune {
		if r != '\u200D' && r != '\u200C' && unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cc) {
			return unicode.ReplacementChar
		}
		return r
	}, name)
}

// inWords returns a duration as people say it, in its largest unit.
func inWords(d time.Duration) string {
	for _, unit := range [...]struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		switch n := int64(d / unit.size); {
		case n == 1:
			return "1 " + unit.name
		case n > 1:
			return strconv.FormatInt(n, 10) + " " + unit.name + "s"
		}
	}
	return "less than a second"
}
