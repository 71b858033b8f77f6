package server

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/examples/internal/cli"
)

// deadlineWriter notes whether reading was given an end.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	read time.Time
}

func (w *deadlineWriter) SetReadDeadline(t time.Time) error {
	w.read = t
	return nil
}

func TestOnlyBodiesAreBounded(t *testing.T) {
	served := false
	h := boundBody(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served = true }))
	for _, test := range []struct {
		name    string
		request *http.Request
		bounded bool
	}{
		// The deadline would end a long download that has no body.
		{"a request without a body", httptest.NewRequest(http.MethodGet, "/", nil), false},
		{"a body of known length", httptest.NewRequest(http.MethodPut, "/", strings.NewReader("body")), true},
		{"a body of unknown length", httptest.NewRequest(http.MethodPut, "/", struct{ *strings.Reader }{strings.NewReader("body")}), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			served = false
			w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
			h.ServeHTTP(newReply(w, time.Minute), test.request)
			if bounded := !w.read.IsZero(); bounded != test.bounded || !served {
				t.Errorf("bounded: %t, want %t; served: %t", bounded, test.bounded, served)
			}
		})
	}
}

// A handler that notices late that its connection was closed is waited for.
func TestRequestsThatAreCutOffByStoppingAreLogged(t *testing.T) {
	var log bytes.Buffer
	s, err := New(Config{
		addr: "127.0.0.1:0", logFormat: "text", accessLog: true, writeTimeout: time.Minute, shutdownTimeout: time.Millisecond,
	}, cli.Terminal{Out: io.Discard, Err: &log}, "token")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	pages := http.NewServeMux()
	pages.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1")
		stop()
		<-r.Context().Done()
		time.Sleep(100 * time.Millisecond)
	})
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, pages) }()
	if reply, err := http.Get(s.Origin() + "/slow"); err == nil {
		t.Errorf("the reply is %v", reply)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	s.Close()
	if !strings.Contains(log.String(), "target=/slow") {
		t.Errorf("the request is not in the log:\n%s", &log)
	}
}
