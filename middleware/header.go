package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/signedurl/middleware/internal/strict"
)

// maxAge is the longest that a reply may be cached, in seconds: a year, as RFC
// 9111 lets caches treat anything longer.
const maxAge = 365 * 24 * 60 * 60

const noReferrer = "no-referrer"

// setHeader writes what the link asks of the reply, and returns the value of
// Cache-Control. A reply must not outlive its link in a cache, nor sit in a
// shared one, nor hand the link on in a Referer.
func setHeader(h http.Header, l *Link, now time.Time) (cacheControl string) {
	age := int64(maxAge)
	if expiry := l.Expiry(); !expiry.IsZero() {
		age = min(max(int64(expiry.Sub(now)/time.Second), 0), maxAge)
	}
	var room [40]byte
	// One array holds both values; each slice ends where the other begins.
	values := [2]string{string(strconv.AppendInt(append(room[:0], privateMaxAge...), age, 10)), noReferrer}
	h["Cache-Control"] = values[0:1:1]
	h["Referrer-Policy"] = values[1:2:2]
	if l.FromCookie || l.Binding.Name != "" {
		h.Add("Vary", "Cookie")
	}
	if l.ContentType != "" {
		h.Set("Content-Type", l.ContentType)
	}
	if l.DownloadName != "" {
		h.Set("Content-Disposition", disposition(l))
	}
	return values[0]
}

const privateMaxAge = "private, max-age="

// disposition returns a Content-Disposition for a link's file name (RFC 6266):
// an ASCII stand-in for old clients, and the name itself in UTF-8 (RFC 8187) if
// the stand-in is not the name.
func disposition(l *Link) string {
	var ascii strings.Builder
	exact := true
	for _, r := range l.DownloadName {
		// Some clients decode "%", and others mistake an escaped quote.
		if r < 0x20 || r >= 0x7F || r == '"' || r == '\\' || r == '%' {
			r, exact = '_', false
		}
		ascii.WriteRune(r)
	}
	kind := "attachment"
	if l.Inline {
		kind = "inline"
	}
	if exact {
		return kind + `; filename="` + l.DownloadName + `"`
	}
	return kind + `; filename="` + ascii.String() + `"; filename*=UTF-8''` + strict.Escape(l.DownloadName)
}

// replyWriter holds the next handler's reply to what the link says, once its
// status is known.
type replyWriter struct {
	http.ResponseWriter
	link         *Link
	cacheControl string // as setHeader wrote it
	settled      bool
}

// settle changes the header before it is sent with a status.
func (w *replyWriter) settle(code int) {
	if w.settled || code < 200 {
		return
	}
	w.settled = true
	h := w.Header()
	if policy := h["Referrer-Policy"]; len(policy) > 1 {
		h["Referrer-Policy"] = policy[:1:1]
	}
	for _, name := range targeted {
		delete(h, name)
	}
	control := h["Cache-Control"]
	if code >= 300 && code != http.StatusNotModified {
		// It is not the file.
		h["Cache-Control"] = []string{"no-store"}
		delete(h, "Expires")
		if w.link.ContentType != "" {
			removeFirst(h, "Content-Type", w.link.ContentType)
		}
		if w.link.DownloadName != "" {
			removeFirst(h, "Content-Disposition", disposition(w.link))
		}
		return
	}
	if len(control) != 1 || control[0] != w.cacheControl {
		h["Cache-Control"] = []string{stricter(control, w.cacheControl)}
	}
	delete(h, "Expires") // which a cache must ignore beside max-age, and some do not
	if w.link.ContentType != "" && len(h["Content-Type"]) > 1 {
		h["Content-Type"] = h["Content-Type"][:1:1]
	}
	if w.link.DownloadName != "" && len(h["Content-Disposition"]) > 1 {
		h["Content-Disposition"] = h["Content-Disposition"][:1:1]
	}
}

// targeted are the fields that some caches, each its own, follow in place of
// Cache-Control (RFC 9213). A backend writes them for its own sake, and knows
// nothing of links: a shared cache would keep the file beyond the link's life,
// and would send it without asking for address, uses or revocation.
var targeted = [...]string{"Cdn-Cache-Control", "Cloudflare-Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires"}

// removeFirst removes the first value of a field if it is that value.
func removeFirst(h http.Header, name, value string) {
	switch values := h[name]; {
	case len(values) == 0 || values[0] != value:
	case len(values) == 1:
		delete(h, name)
	default:
		h[name] = values[1:]
	}
}

// stricter joins the Cache-Control of a handler with the link's: private, the
// smaller max-age, and whatever forbids more.
func stricter(values []string, link string) string {
	age, _ := strconv.ParseInt(strings.TrimPrefix(link, privateMaxAge), 10, 64)
	more := ""
	for _, value := range values {
		for directive := range strings.SplitSeq(value, ",") {
			name, argument, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
			switch name {
			case "no-store":
				return "no-store"
			case "no-cache", "must-revalidate", "no-transform":
				if !strings.Contains(more, name) {
					more += ", " + name
				}
			case "max-age":
				n, err := strconv.ParseInt(strings.Trim(argument, `"`), 10, 64)
				if err != nil {
					n = 0 // RFC 9111, section 4.2.1: a cache treats it as stale
				}
				age = min(age, max(n, 0))
			}
		}
	}
	return privateMaxAge + strconv.FormatInt(age, 10) + more
}

// WriteHeader sends the header, once it is settled.
func (w *replyWriter) WriteHeader(code int) {
	w.settle(code)
	w.ResponseWriter.WriteHeader(code)
}

// Write writes to the reply.
func (w *replyWriter) Write(p []byte) (int, error) {
	w.settle(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// WriteString writes to the reply without a copy of s, if that is possible.
func (w *replyWriter) WriteString(s string) (int, error) {
	w.settle(http.StatusOK)
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom lets net/http have the kernel send a file, which the mere presence of
// a wrapper would prevent.
func (w *replyWriter) ReadFrom(src io.Reader) (int64, error) {
	w.settle(http.StatusOK)
	if rf, ok := w.ResponseWriter.(io.ReaderFrom); ok {
		return rf.ReadFrom(src)
	}
	return io.Copy(struct{ io.Writer }{w.ResponseWriter}, src)
}

// Flush is for handlers that look for an [http.Flusher].
func (w *replyWriter) Flush() {
	w.settle(http.StatusOK)
	http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is for handlers that look for an [http.Hijacker].
func (w *replyWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap is for [http.ResponseController].
func (w *replyWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
