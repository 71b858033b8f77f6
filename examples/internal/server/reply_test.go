package server

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// kernelWriter notes what net/http would be given to send.
type kernelWriter struct {
	*httptest.ResponseRecorder
	pieces    []int64
	deadlines int
	copied    bool // something came that the kernel cannot send
}

func (w *kernelWriter) ReadFrom(src io.Reader) (int64, error) {
	limit, ok := src.(*io.LimitedReader)
	if !ok {
		w.copied = true
		return io.Copy(w.ResponseRecorder, src)
	}
	if _, ok := limit.R.(syscall.Conn); !ok {
		w.copied = true
	}
	n, err := io.Copy(w.ResponseRecorder, src)
	w.pieces = append(w.pieces, n)
	return n, err
}

func (w *kernelWriter) WriteHeader(status int) {
	if status >= 200 { // the recorder takes any as the last
		w.ResponseRecorder.WriteHeader(status)
	}
}

func (w *kernelWriter) SetWriteDeadline(time.Time) error {
	w.deadlines++
	return nil
}

// The kernel sends a file only if net finds the *os.File itself under one
// LimitedReader.
func TestFilesReachTheKernelInParts(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 5*part/32) // two parts and a half
	name := filepath.Join(t.TempDir(), "large.bin")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		limit  int64 // 0: none
		bytes  int
		pieces []int64
	}{
		{"a whole file as ServeContent sends it", int64(len(content)), len(content), []int64{part, part, part / 2}},
		{"a range of whole parts", 2 * part, 2 * part, []int64{part, part}},
		{"a small range", 100, 100, []int64{100}},
		{"a limit after the end", 10 * part, len(content), []int64{part, part, part / 2}},
		{"a file without a limit", 0, len(content), []int64{part, part, part / 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w := &kernelWriter{ResponseRecorder: httptest.NewRecorder()}
			reply := newReply(w, time.Minute)
			var src io.Reader = f
			if test.limit > 0 {
				src = io.LimitReader(f, test.limit)
			}
			n, err := reply.ReadFrom(src)
			if err != nil || n != int64(test.bytes) || reply.bytes != n || reply.status != http.StatusOK {
				t.Errorf("sent %d bytes, counted %d, status %d, %v; want %d and 200", n, reply.bytes, reply.status, err, test.bytes)
			}
			if diff := cmp.Diff(test.pieces, w.pieces); diff != "" || w.copied {
				t.Errorf("copied: %t; the parts (-want +got):\n%s", w.copied, diff)
			}
			if w.deadlines != len(test.pieces) {
				t.Errorf("%d deadlines for %d parts", w.deadlines, len(test.pieces))
			}
			if !bytes.Equal(w.Body.Bytes(), content[:test.bytes]) {
				t.Error("what was sent is not the file")
			}
			if limited, ok := src.(*io.LimitedReader); ok && limited.N != test.limit-n {
				t.Errorf("the reader says that %d bytes are left, want %d", limited.N, test.limit-n)
			}
		})
	}
}

func TestWritesAreCountedAndGivenTime(t *testing.T) {
	w := &kernelWriter{ResponseRecorder: httptest.NewRecorder()}
	reply := newReply(w, time.Minute)
	reply.WriteHeader(http.StatusEarlyHints)
	reply.WriteHeader(http.StatusNotFound)
	for range 3 * 32 {
		reply.Write(make([]byte, part/32))
	}
	if reply.status != http.StatusNotFound || reply.bytes != 3*part {
		t.Errorf("status %d and %d bytes, want 404 and %d", reply.status, reply.bytes, 3*part)
	}
	if w.deadlines != 3 {
		t.Errorf("%d deadlines, want one for each of 3 parts", w.deadlines)
	}
}
