package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/signedurl/middleware"
)

// logged serves one request with a recorder and returns the line of the log.
func logged(t *testing.T, r *http.Request, handle func(rec *recorder) http.HandlerFunc) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log := newLogger(&out, "json", "token")
	rec := &recorder{log: log, access: true, metrics: newMetrics(), writeTimeout: time.Minute}
	func() {
		defer func() { recover() }()
		rec.record(handle(rec)).ServeHTTP(httptest.NewRecorder(), r)
	}()
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v in %s", err, &out)
	}
	return line
}

func TestTheAccessLogTellsAllButTheSignature(t *testing.T) {
	const signature = "Q2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2XkQ2X"
	r := httptest.NewRequest(http.MethodGet, "/files/card.jpg?expires_at=1767225600&signed_by=k1&signature="+signature, nil)
	r.Header.Set("X-Forwarded-For", "192.0.2.1, signature="+signature)
	r.Host = "signature=" + signature
	line := logged(t, r, func(rec *recorder) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			rec.observe(r, middleware.Link{KeyID: "k1", Claims: middleware.Claims{ID: "case-42"}}, middleware.ErrExpired)
			http.Error(w, "no", http.StatusNotFound)
		}
	})
	for key, want := range map[string]any{
		"method": "GET", "target": "/files/card.jpg?expires_at=1767225600&signed_by=k1&signature=REDACTED",
		"status": 404.0, "bytes": 3.0, "link": "expired", "key": "k1", "id": "case-42", "why": middleware.ErrExpired.Error(),
	} {
		if line[key] != want {
			t.Errorf("%s is %v, want %v", key, line[key], want)
		}
	}
	if text, err := json.Marshal(line); err != nil || strings.Contains(string(text), signature) {
		t.Errorf("the log shows the signature: %s", text)
	}
}

func TestRequestsThatEndBadlyAreLoggedToo(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	line := logged(t, r, func(*recorder) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	})
	if line["status"] != 0.0 {
		t.Errorf("status %v of a reply that never was, want 0", line["status"])
	}
	line = logged(t, r, func(*recorder) http.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) {}
	})
	if line["status"] != 200.0 {
		t.Errorf("status %v of an empty reply, want 200", line["status"])
	}
}
