package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/signedurl/examples/internal/cli"
)

func newTestServer(t *testing.T, log io.Writer) *Server {
	t.Helper()
	s, err := New(Config{
		addr: "127.0.0.1:0", logFormat: "text", writeTimeout: time.Minute, shutdownTimeout: time.Millisecond,
	}, cli.Terminal{Out: io.Discard, Err: log})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadinessTellsWhatIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		// Not New: signals are outside of the bubble.
		s := &Server{Log: slog.New(slog.NewTextHandler(&log, nil))}
		s.ready.log = s.Log
		asked := 0
		var fault error
		s.Needs("uses", func(context.Context) error { asked++; return fault })
		s.Needs("files", func(ctx context.Context) error {
			if fault == nil {
				return nil
			}
			<-ctx.Done() // it hangs
			return ctx.Err()
		})
		s.ready.health = &s.health
		ready := func(want int, text string) {
			t.Helper()
			w := httptest.NewRecorder()
			s.ready.ServeHTTP(w, httptest.NewRequest(http.MethodGet, readyPath, nil))
			if w.Code != want || w.Body.String() != text {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, want, text)
			}
		}
		ready(200, "uses: ok\nfiles: ok\n")
		fault = errors.New("redis.internal:6379 refused")
		ready(200, "uses: ok\nfiles: ok\n") // a moment ago
		if asked != 1 {
			t.Errorf("asked %d times in a moment, want 1", asked)
		}
		if errs := s.Check(t.Context()); len(errs) != 2 || !strings.Contains(errs[0].Error(), "uses: redis.internal") {
			t.Errorf("the check at the start: %v", errs)
		}
		time.Sleep(readyAge)
		ready(503, "uses: not reached\nfiles: not reached\n")
		time.Sleep(readyAge)
		ready(503, "uses: not reached\nfiles: not reached\n")
		fault = nil
		time.Sleep(readyAge)
		ready(200, "uses: ok\nfiles: ok\n")
		s.health.stopping.Store(true)
		ready(503, "stopping\n")
		for text, want := range map[string]int{"redis.internal": 1, "not ready": 2, "ready again": 2} {
			if got := strings.Count(log.String(), text); got != want {
				t.Errorf("%q is %d times in the log, want %d:\n%s", text, got, want, &log)
			}
		}
	})
}

func TestTheLongestPathServes(t *testing.T) {
	s := newTestServer(t, io.Discard)
	defer s.Close()
	says := func(what string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, what) })
	}
	for _, path := range []string{"/", "/files/", "/files/videos/"} {
		if err := s.mount(path, "files", says(path)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.mount("/files", "check", says("")); err == nil {
		t.Error("two handlers have one path")
	}
	pages := http.NewServeMux()
	pages.Handle("GET "+healthPath, &s.health)
	for target, want := range map[string]string{
		"/a": "/", "/files": "/", "/files/": "/files/", "/files/a": "/files/", "/files/videos": "/files/",
		"/files/videos/a": "/files/videos/", "/filesystem": "/", "/healthz": "ok\n", "/healthz?signature=a": "/", "/healthz/": "/",
	} {
		w := httptest.NewRecorder()
		(&routes{s.mounts, pages}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Body.String() != want {
			t.Errorf("%s is served by %q, want %q", target, w.Body, want)
		}
	}
}
