package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"example.com/signedurl/middleware"
)

// recorder writes the access log and counts requests.
type recorder struct {
	log          *slog.Logger
	access       bool // whether every request gets a line
	metrics      *metrics
	writeTimeout time.Duration
	// closing is set before connections are closed under requests in flight.
	closing atomic.Bool
}

// decision is what a verifier decided about a request. The request's context
// holds it from the start, and observe fills it in.
type decision struct {
	made    bool
	err     error
	key, id string
	// health says that the request was a check of the server's health.
	health bool
	// Of the request that a proxy asked about.
	method, target string
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
			if reply.status == 0 && completed {
				reply.status = http.StatusOK
			}
			cause := rec.cutOff(r, reply, completed)
			rec.metrics.request(reply.status, reply.bytes, cause)
			if rec.access && rec.log.Enabled(r.Context(), d.level()) {
				rec.line(r, reply, d, cause, time.Since(start))
			}
			rec.metrics.inFlight.Add(-1) // last: see wait
		}()
		next.ServeHTTP(reply, r.WithContext(context.WithValue(r.Context(), decisionKey{}, d)))
		completed = true
	})
}

// The causes for which a reply can be cut off.
const (
	cutByClient   = "client"        // it went away
	cutByTimeout  = "write_timeout" // the client did not accept a part in time
	cutByShutdown = "shutdown"      // the time for stopping was over
	cutByServer   = "server"        // the handler failed, or the file ended early
)

// cutOff returns why a reply has ended before its end, or "" if it has not. It
// cannot know what the client has received of the last kilobytes, which are in
// the buffers of the kernel when the handler returns.
func (rec *recorder) cutOff(r *http.Request, reply *reply, completed bool) string {
	missing := r.Method != http.MethodHead && reply.bytes < reply.expected
	switch {
	case reply.err == nil && completed && !missing:
		return ""
	case errors.Is(reply.err, os.ErrDeadlineExceeded):
		return cutByTimeout
	case reply.err == nil && r.Context().Err() == nil, fileError(reply.err):
		return cutByServer
	case rec.closing.Load():
		return cutByShutdown
	}
	return cutByClient
}

// wait waits until all requests are recorded, but not longer than the timeout.
func (rec *recorder) wait(timeout time.Duration) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(timeout); rec.metrics.inFlight.Load() > 0 && time.Now().Before(end); {
		<-tick.C
	}
}

func (rec *recorder) line(r *http.Request, reply *reply, d *decision, cause string, took time.Duration) {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("method", r.Method),
		slog.String("host", r.Host),
		slog.String("target", r.RequestURI),
		slog.Int("status", reply.status),
		slog.Int64("bytes", reply.bytes))
	if cause != "" {
		attrs = append(attrs, slog.String("cut_off_by", cause))
		if reply.expected >= 0 {
			attrs = append(attrs, slog.Int64("bytes_expected", reply.expected))
		}
	}
	attrs = append(attrs,
		slog.Duration("took", took),
		slog.String("remote", r.RemoteAddr))
	if from := r.Header["X-Forwarded-For"]; from != nil {
		attrs = append(attrs, slog.String("forwarded_for", strings.Join(from, ", ")))
	}
	if agent := r.UserAgent(); agent != "" {
		attrs = append(attrs, slog.String("user_agent", agent))
	}
	if d.made {
		if d.target != r.RequestURI {
			attrs = append(attrs, slog.String("asked_method", d.method), slog.String("asked_target", d.target))
		}
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
	rec.log.LogAttrs(context.Background(), d.level(), "request", attrs...)
}

// observe is the verifier's Options.Observe.
func (rec *recorder) observe(r *http.Request, l middleware.Link, err error) {
	rec.metrics.decision(l.KeyID, err)
	if d, ok := r.Context().Value(decisionKey{}).(*decision); ok {
		*d = decision{made: true, err: err, key: l.KeyID, id: l.ID, method: r.Method, target: r.RequestURI}
	}
}

// level is the level of a request's line. Balancers ask for the health every
// second or so, and what has changed has a line of its own.
func (d *decision) level() slog.Level {
	if d.health {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
