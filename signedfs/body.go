package signedfs

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// What a client may make a server wait for.
const (
	stallTimeout = 30 * time.Second // between two reads
	minRate      = 1 << 10          // bytes per second, after the first stallTimeout
	drainTimeout = 5 * time.Second  // for the rest of a body that was refused
)

// body is the body of a request, which ends with an error if it is too long or
// comes too slowly. The ResponseWriter must let an [http.ResponseController] set
// deadlines; otherwise only those of the server hold.
type body struct {
	src        io.Reader
	controller *http.ResponseController
	read       int64 // how many bytes
	max        int64 // how many may be read, which changes within a form
	start, end time.Time
	deadline   time.Time
	ended      bool
}

func newBody(w http.ResponseWriter, r *http.Request, timeout time.Duration, limit int64) body {
	now := time.Now()
	b := body{src: http.NoBody, controller: http.NewResponseController(w), max: limit, start: now, end: now.Add(timeout)}
	if r.Body != nil {
		b.src = r.Body
	}
	return b
}

func (b *body) Read(p []byte) (int, error) {
	left := b.max - b.read
	if left < 0 {
		return 0, refused(http.StatusRequestEntityTooLarge)
	}
	if int64(len(p)) > left {
		p = p[:left+1] // one byte more tells that there is more
	}
	b.wait()
	n, err := b.src.Read(p)
	b.read += int64(n)
	if int64(n) > left {
		return int(left), refused(http.StatusRequestEntityTooLarge)
	}
	var outer *http.MaxBytesError
	switch {
	case err == io.EOF:
		// The server goes on reading, to see whether the client is there. A
		// deadline would look as if it were not.
		b.ended = true
		b.controller.SetReadDeadline(time.Time{})
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = refused(http.StatusRequestTimeout)
	case errors.As(err, &outer):
		err = refused(http.StatusRequestEntityTooLarge)
	case err != nil:
		err = refused(http.StatusBadRequest)
	}
	return n, err
}

// wait sets the deadline of the next read.
func (b *body) wait() {
	deadline := time.Now().Add(stallTimeout)
	if slow := b.start.Add(stallTimeout + time.Duration(b.read/minRate)*time.Second); slow.Before(deadline) {
		deadline = slow
	}
	if b.end.Before(deadline) {
		deadline = b.end
	}
	// It never moves back. Setting it costs more than a read of what is there
	// already.
	if deadline.Sub(b.deadline) >= time.Second {
		b.controller.SetReadDeadline(deadline)
		b.deadline = deadline
	}
}

// unread reports whether the client is still sending what nobody wants to read.
// A client that waits for 100-continue is not.
func (b *body) unread(r *http.Request) bool {
	asked := b.read == 0 && r.Header.Get("Expect") != ""
	return r.ProtoMajor == 1 && !b.ended && r.ContentLength != b.read && !asked
}

// drain reads what a client sends that has been refused, so that it sees the
// reply. A server that closes a connection with data that it has not read
// resets it, and many clients then report only that. net/http waits for a moment
// too, but not if the request had an Expect header.
func (b *body) drain() {
	if b.controller.Flush() != nil || b.controller.SetReadDeadline(time.Now().Add(drainTimeout)) != nil {
		return
	}
	io.Copy(io.Discard, b.src)
}
