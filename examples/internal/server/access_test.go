package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"example.com/signedurl/middleware"
)

// logged serves one request with a recorder and returns the line of the log.
func logged(t *testing.T, r *http.Request, handle func(rec *recorder) http.HandlerFunc) map[string]any {
	t.Helper()
	var out bytes.Buffer
	log, sink := newLogger(&out, "json", []string{"token"})
	rec := &recorder{log: log, access: true, metrics: newMetrics(sink), writeTimeout: time.Minute}
	func() {
		defer func() { recover() }()
		rec.record(handle(rec)).ServeHTTP(&kernelWriter{ResponseRecorder: httptest.NewRecorder()}, r)
	}()
	sink.close(time.Minute)
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

// Balancers ask every second: a line is for what has changed, and for who asks
// for something else.
func TestChecksOfTheHealthDoNotFillTheLog(t *testing.T) {
	var out bytes.Buffer
	s := newTestServer(t, &out)
	s.recorder.access = true
	fault := errors.New("refused")
	s.Needs("uses", func(context.Context) error { return fault })
	s.ready.health = &s.health
	pages := http.NewServeMux()
	pages.Handle("GET "+healthPath, &s.health)
	pages.Handle("GET "+readyPath, &s.ready)
	h := s.recorder.record(&routes{nil, pages})
	ask := func(method, target string, want int) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
		if w.Code != want {
			t.Errorf("%s %s: %d, want %d", method, target, w.Code, want)
		}
	}
	for range 5 {
		ask("GET", healthPath, 200)
		ask("GET", readyPath, 503)
		s.ready.at = time.Time{} // the answer is not a moment ago
	}
	fault = nil
	for range 5 {
		ask("GET", readyPath, 200)
	}
	ask("POST", readyPath, 405)
	ask("GET", "/healthz/", 404)
	s.Close()
	for text, want := range map[string]int{"msg=request": 2, "status=405": 1, "status=404": 1, "not ready": 1, "error=refused": 1, "ready again": 1} {
		if got := strings.Count(out.String(), text); got != want {
			t.Errorf("%q is %d times in the log, want %d:\n%s", text, got, want, &out)
		}
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

// The causes that need a client or a real server are tested there.
func TestRepliesThatTheServerCutsOffAreLoggedAsSuch(t *testing.T) {
	header := func(w http.ResponseWriter, length string, status int) {
		w.Header().Set("Content-Length", length)
		w.WriteHeader(status)
	}
	for _, test := range []struct {
		name   string
		method string
		handle http.HandlerFunc
		want   any
	}{
		{"a whole reply", "GET", func(w http.ResponseWriter, r *http.Request) { header(w, "4", 200); io.WriteString(w, "body") }, nil},
		{"a reply of unknown length", "GET", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "body") }, nil},
		{"a reply to HEAD", "HEAD", func(w http.ResponseWriter, r *http.Request) { header(w, "4", 200) }, nil},
		{"a reply that is not modified", "GET", func(w http.ResponseWriter, r *http.Request) { header(w, "4", 304) }, nil},
		{"a reply without content", "GET", func(w http.ResponseWriter, r *http.Request) { header(w, "4", 204) }, nil},
		{"a reply that is too short", "GET", func(w http.ResponseWriter, r *http.Request) { header(w, "5", 200); io.WriteString(w, "body") }, "server"},
		{"a file that cannot be read", "GET", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, iotest.ErrReader(&fs.PathError{Op: "read", Path: "/srv/a", Err: syscall.EISDIR}))
		}, "server"},
		{"a disk that fails under sendfile", "GET", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, iotest.ErrReader(os.NewSyscallError("sendfile", syscall.EIO)))
		}, "server"},
		{"a handler that panics", "GET", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "body"); panic("no") }, "server"},
		{"a client that resets the connection", "GET", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, iotest.ErrReader(os.NewSyscallError("sendfile", syscall.ECONNRESET)))
		}, "client"},
	} {
		t.Run(test.name, func(t *testing.T) {
			line := logged(t, httptest.NewRequest(test.method, "/", nil), func(*recorder) http.HandlerFunc { return test.handle })
			if line["cut_off_by"] != test.want {
				t.Errorf("cut off by %v, want %v", line["cut_off_by"], test.want)
			}
		})
	}
}
