package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// health answers whether the process takes requests, and will.
type health struct{ stopping atomic.Bool }

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.stopping.Load() {
		answerHealth(w, r, http.StatusServiceUnavailable, "stopping\n")
		return
	}
	answerHealth(w, r, http.StatusOK, "ok\n")
}

func answerHealth(w http.ResponseWriter, r *http.Request, status int, text string) {
	if d, ok := r.Context().Value(decisionKey{}).(*decision); ok {
		d.health = true
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write([]byte(text))
}

// readiness answers what the server still reaches of what it depends on.
// Everyone may ask, so the reply names no host, and questions that come close
// together get one answer.
type readiness struct {
	health *health
	log    *slog.Logger
	needs  []need

	mu   sync.Mutex
	at   time.Time
	text string
	all  bool
}

// need is something that the server depends on.
type need struct {
	what   string
	check  func(ctx context.Context) error
	failed bool // when it was asked last
}

const (
	// readyTimeout is how long a check may take.
	readyTimeout = 2 * time.Second
	// readyAge is how old an answer may be.
	readyAge = time.Second
)

// Needs makes /readyz tell whether check succeeds, under a name for what is
// checked. It may be called until Serve.
func (s *Server) Needs(what string, check func(ctx context.Context) error) {
	s.ready.needs = append(s.ready.needs, need{what: what, check: check})
}

// Check checks everything that the server depends on, and returns the errors.
func (s *Server) Check(ctx context.Context) []error {
	var errs []error
	for i, err := range s.ready.ask(ctx) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.ready.needs[i].what, err))
		}
	}
	return errs
}

func (rd *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rd.health.stopping.Load() {
		rd.health.ServeHTTP(w, r)
		return
	}
	status := http.StatusOK
	text, all := rd.answer()
	if !all {
		status = http.StatusServiceUnavailable
	}
	answerHealth(w, r, status, text)
}

// answer returns a line for each need, and whether all are reached.
func (rd *readiness) answer() (string, bool) {
	rd.mu.Lock()
	defer rd.mu.Unlock()
	if rd.text != "" && time.Since(rd.at) < readyAge {
		return rd.text, rd.all
	}
	// The question of one client is the answer for others, so its end must not
	// end the checks.
	errs := rd.ask(context.Background())
	var b strings.Builder
	rd.all = true
	for i, err := range errs {
		n := &rd.needs[i]
		said := "ok"
		if err != nil {
			said, rd.all = "not reached", false
		}
		fmt.Fprintf(&b, "%s: %s\n", n.what, said)
		switch {
		case err != nil && !n.failed:
			rd.log.Error("not ready: something that the server needs is not reached", "what", n.what, "error", err)
		case err == nil && n.failed:
			rd.log.Info("ready again", "what", n.what)
		}
		n.failed = err != nil
	}
	if b.Len() == 0 {
		b.WriteString("ok\n")
	}
	rd.at, rd.text = time.Now(), b.String()
	return rd.text, rd.all
}

// ask checks all needs at once.
func (rd *readiness) ask(ctx context.Context) []error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	errs := make([]error, len(rd.needs))
	var wg sync.WaitGroup
	for i := range rd.needs {
		wg.Go(func() { errs[i] = rd.needs[i].check(ctx) })
	}
	wg.Wait()
	return errs
}
