package server

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// maxPending is the number of bytes that wait for a slow reader of the log.
// What comes on top is dropped.
const maxPending = 1 << 20

// sink is a writer that never blocks and never fails, for a log or for messages
// to a terminal: their reader can stand still, go away or have a full disk, and
// none of that may stop a server. A goroutine does the writing. Records that
// are dropped are counted.
//
// Every call of Write must pass whole records that end in a line feed, as the
// handlers of slog do.
type sink struct {
	out io.Writer
	// report returns a record that says how many were dropped, which follows
	// when the reader is back.
	report func(dropped int64) []byte

	mu      sync.Mutex
	ready   sync.Cond // pending or closed has changed
	pending []byte
	closed  bool

	dropped  atomic.Int64 // since the start
	reported int64        // of dropped; for the goroutine alone
	torn     bool         // the last line was cut off; for the goroutine alone
	done     chan struct{}
}

func newSink(out io.Writer, report func(dropped int64) []byte) *sink {
	s := &sink{out: out, report: report, done: make(chan struct{})}
	s.ready.L = &s.mu
	go s.run()
	return s
}

func (s *sink) Write(record []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.pending)+len(record) > maxPending {
		s.dropped.Add(records(record))
		return len(record), nil
	}
	s.pending = append(s.pending, record...)
	s.ready.Signal()
	return len(record), nil
}

// close waits until everything is written, but not longer than the timeout.
func (s *sink) close(timeout time.Duration) {
	s.mu.Lock()
	s.closed = true
	s.ready.Signal()
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-time.After(timeout):
	}
}

func (s *sink) run() {
	defer close(s.done)
	var batch []byte
	for {
		s.mu.Lock()
		for len(s.pending) == 0 && !s.closed {
			s.ready.Wait()
		}
		batch, s.pending = s.pending, batch[:0]
		s.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if lost := s.write(batch); lost > 0 {
			s.dropped.Add(lost)
		} else {
			s.catchUp()
		}
	}
}

// catchUp reports what was dropped.
func (s *sink) catchUp() {
	if n := s.dropped.Load() - s.reported; n > 0 && s.report != nil && s.write(s.report(n)) == 0 {
		s.reported += n
	}
}

// write returns the number of records that could not be written.
func (s *sink) write(batch []byte) (lost int64) {
	if s.torn {
		if _, err := s.out.Write([]byte{'\n'}); err != nil {
			return records(batch)
		}
		s.torn = false
	}
	n, err := s.out.Write(batch)
	if err == nil {
		return 0
	}
	s.torn = n > 0 && batch[n-1] != '\n'
	return max(records(batch[n:]), 1)
}

func records(b []byte) int64 { return int64(bytes.Count(b, []byte{'\n'})) }
