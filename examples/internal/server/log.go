package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"example.com/signedurl/middleware"
)

// newLogger returns a logger that writes no signature, whatever is logged: a
// link in a log is a key under the mat for as long as it lives. The parameter
// is one that holds a signature under a name of the operator's choice.
func newLogger(w io.Writer, format, parameter string) *slog.Logger {
	opts := &slog.HandlerOptions{ReplaceAttr: redactor(parameter)}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// redactor returns a middleware.RedactAttr that also redacts a parameter which
// it does not know.
func redactor(parameter string) func([]string, slog.Attr) slog.Attr {
	if sample := parameter + "=x"; middleware.Redact(sample) != sample {
		return middleware.RedactAttr
	}
	value := regexp.MustCompile(`(?i)(` + regexp.QuoteMeta(parameter) + `(?:=|%(?:25)*3d))[^&"\s]+`)
	return func(groups []string, a slog.Attr) slog.Attr {
		a = middleware.RedactAttr(groups, a)
		if a.Value.Kind() != slog.KindString && a.Value.Kind() != slog.KindAny {
			return a
		}
		text := a.Value.String()
		if safe := value.ReplaceAllString(text, "${1}REDACTED"); safe != text {
			a.Value = slog.StringValue(safe)
		}
		return a
	}
}

// recorder writes the access log and counts requests.
type recorder struct {
	log          *slog.Logger
	access       bool // whether every request gets a line
	metrics      *metrics
	writeTimeout time.Duration
}

// decision is what a verifier decided about a request. The request's context
// holds it from the start, and observe fills it in.
type decision struct {
	made    bool
	err     error
	key, id string
}

type decisionKey struct{}

// record is the outermost handler: it sees the status that the client sees.
func (rec *recorder) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		d := new(decision)
		reply := newReply(w, rec.writeTimeout)
		rec.metrics.inFlight.Add(1)
		completed := false
		defer func() { // also if the handler panics, which net/http logs
			rec.metrics.inFlight.Add(-1)
			if reply.status == 0 && completed {
				reply.status = http.StatusOK
			}
			rec.metrics.request(reply.status, reply.bytes)
			if rec.access {
				rec.line(r, reply, d, time.Since(start))
			}
		}()
		next.ServeHTTP(reply, r.WithContext(context.WithValue(r.Context(), decisionKey{}, d)))
		completed = true
	})
}

func (rec *recorder) line(r *http.Request, reply *reply, d *decision, took time.Duration) {
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs,
		slog.String("method", r.Method),
		slog.String("host", r.Host),
		slog.String("target", r.RequestURI),
		slog.Int("status", reply.status),
		slog.Int64("bytes", reply.bytes),
		slog.Duration("took", took),
		slog.String("remote", r.RemoteAddr))
	if from := r.Header["X-Forwarded-For"]; from != nil {
		attrs = append(attrs, slog.String("forwarded_for", fmt.Sprint(from)))
	}
	if d.made {
		attrs = append(attrs, slog.String("link", middleware.Reason(d.err)))
		if d.key != "" {
			attrs = append(attrs, slog.String("key", d.key))
		}
		if d.id != "" {
			attrs = append(attrs, slog.String("id", d.id))
		}
		if d.err != nil {
			attrs = append(attrs, slog.String("why", d.err.Error()))
		}
	}
	rec.log.LogAttrs(context.Background(), slog.LevelInfo, "request", attrs...)
}

// observe is the verifier's Options.Observe.
func (rec *recorder) observe(r *http.Request, l middleware.Link, err error) {
	rec.metrics.decision(l.KeyID, err)
	if d, ok := r.Context().Value(decisionKey{}).(*decision); ok {
		*d = decision{true, err, l.KeyID, l.ID}
	}
}
