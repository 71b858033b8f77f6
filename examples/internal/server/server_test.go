package server

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
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
