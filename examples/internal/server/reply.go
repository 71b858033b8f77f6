package server

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// reply is an http.ResponseWriter that counts what is sent, and that limits the
// time in which the client must accept it.
//
// A server that sends large files cannot have a WriteTimeout, which would limit
// every download as a whole. But then a client that stops reading would hold
// its connection for ever. So each part of a reply has a timeout of its own: a
// client that accepts one part within it may take as long as the file needs.
//
// It has ReadFrom and not just Unwrap, since without it this process would
// copy a file that the kernel can send.
type reply struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration // for each part
	due     int64         // the count of bytes at which the next part begins

	status   int   // 0 until the header is written
	bytes    int64 // of the body, sent
	expected int64 // of the body, as the header says; -1 if it does not
	err      error // the first one
}

// part is the number of bytes that a client must accept within one timeout. It
// is more than the kernel buffers by default, and small enough for slow
// connections: 17 KiB a second if the timeout is a minute.
const part = 1 << 20

func newReply(w http.ResponseWriter, timeout time.Duration) *reply {
	return &reply{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout, expected: -1}
}

// Unwrap lets http.ResponseController reach the server's own writer.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *reply) WriteHeader(status int) {
	w.begin(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *reply) Write(b []byte) (int, error) {
	w.begin(http.StatusOK)
	n, err := w.ResponseWriter.Write(b)
	w.sent(int64(n), err)
	return n, err
}

// begin notes the final status, and sets the deadline of the next part if one
// begins.
func (w *reply) begin(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		if status != http.StatusNoContent && status != http.StatusNotModified {
			if n, err := strconv.ParseInt(w.Header().Get("Content-Length"), 10, 64); err == nil {
				w.expected = n
			}
		}
	}
	if w.bytes >= w.due {
		w.due = w.bytes + part
		// The error is that the writer has no deadlines, as in a test.
		_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout))
	}
}

// sent notes the result of a write.
func (w *reply) sent(n int64, err error) {
	w.bytes += n
	if w.err == nil {
		w.err = err
	}
}

// fileError reports whether an error of ReadFrom is that of the file, and not
// that of the connection.
func fileError(err error) bool {
	var path *fs.PathError
	return errors.As(err, &path) || errors.Is(err, syscall.EIO) || errors.Is(err, io.ErrUnexpectedEOF)
}

// ReadFrom sends src part by part, with sendfile where net/http can.
func (w *reply) ReadFrom(src io.Reader) (int64, error) {
	rf, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok { // HTTP/2
		return io.Copy(struct{ io.Writer }{w}, src)
	}
	// Package net looks for the file under one LimitedReader and no deeper, so
	// the one that ServeContent adds is removed.
	limit := int64(math.MaxInt64)
	outer, limited := src.(*io.LimitedReader)
	if limited {
		limit, src = outer.N, outer.R
	}
	var total int64
	for total < limit {
		w.due = 0
		w.begin(http.StatusOK)
		piece := &io.LimitedReader{R: src, N: min(limit-total, part)}
		n, err := rf.ReadFrom(piece)
		total += n
		w.sent(n, err)
		if limited {
			outer.N -= n
		}
		if err != nil || piece.N > 0 {
			return total, err
		}
	}
	return total, nil
}
