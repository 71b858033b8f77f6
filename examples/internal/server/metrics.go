package server

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/signedurl/middleware"
)

// metrics are counters in the text format of Prometheus. They are served on an
// address of their own, since they tell a stranger what the server is for.
type metrics struct {
	start     time.Time
	inFlight  atomic.Int64
	bytes     atomic.Int64
	requests  counters // by status
	cutOff    counters // replies, by cause
	decisions counters // by reason
	keys      counters // accepted links by key id
	reloads   counters // by result
	log       *sink
	more      func(io.Writer) error // or nil
}

func newMetrics(log *sink) *metrics {
	m := &metrics{start: time.Now(), log: log}
	// A counter that is not there until it counts is one that no alarm sees.
	for _, err := range []error{
		nil, middleware.ErrUnsigned, middleware.ErrInvalid, middleware.ErrNotAllowed, middleware.ErrExpired,
		middleware.ErrNotYet, middleware.ErrRevoked, middleware.ErrUsedUp,
		middleware.ErrUnconfirmed, middleware.ErrUnavailable,
	} {
		m.decisions.add(middleware.Reason(err), 0)
	}
	for _, cause := range []string{cutByClient, cutByTimeout, cutByShutdown, cutByServer} {
		m.cutOff.add(cause, 0)
	}
	m.reloads.add("ok", 0)
	m.reloads.add("failed", 0)
	return m
}

// request counts a request, and by cause if its reply was cut off.
func (m *metrics) request(status int, bytes int64, cutOff string) {
	m.requests.add(strconv.Itoa(status), 1)
	m.bytes.Add(bytes)
	if cutOff != "" {
		m.cutOff.add(cutOff, 1)
	}
}

func (m *metrics) decision(key string, err error) {
	m.decisions.add(middleware.Reason(err), 1)
	if err == nil { // so the id is one of ours, and no client can make up labels
		m.keys.add(key, 1)
	}
}

func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	var b bytes.Buffer
	head := func(name, kind, help string) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	family := func(name, label, help string, c *counters) {
		head(name, "counter", help)
		values := c.snapshot()
		for _, v := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(&b, "%s{%s=\"%s\"} %d\n", name, label, labelEscapes.Replace(v), values[v])
		}
	}
	family("signedurl_decisions_total", "reason", "Requests for files, by the decision about their link.", &m.decisions)
	family("signedurl_accepted_links_total", "key", "Accepted requests, by the id of the key that signed.", &m.keys)
	family("signedurl_http_requests_total", "status", "Requests, by the status of the reply; 0 if there was none.", &m.requests)
	family("signedurl_http_replies_cut_off_total", "cause", "Replies that ended before their end, by the cause.", &m.cutOff)
	family("signedurl_reloads_total", "result", "Reloads of what the server was configured with, by result.", &m.reloads)
	head("signedurl_http_reply_bytes_total", "counter", "Bytes sent in the bodies of replies.")
	fmt.Fprintf(&b, "signedurl_http_reply_bytes_total %d\n", m.bytes.Load())
	head("signedurl_http_requests_in_flight", "gauge", "Requests in flight.")
	fmt.Fprintf(&b, "signedurl_http_requests_in_flight %d\n", m.inFlight.Load())
	head("signedurl_log_dropped_records_total", "counter", "Records of the log that could not be written.")
	fmt.Fprintf(&b, "signedurl_log_dropped_records_total %d\n", m.log.dropped.Load())
	head("process_start_time_seconds", "gauge", "When the process started, in Unix time.")
	fmt.Fprintf(&b, "process_start_time_seconds %d\n", m.start.Unix())
	if m.more != nil {
		if err := m.more(&b); err != nil {
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(b.Bytes())
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// counters are counters by the value of one label, which has few values.
type counters struct{ byLabel sync.Map } // string to *atomic.Int64

func (c *counters) add(label string, n int64) {
	v, ok := c.byLabel.Load(label)
	if !ok {
		v, _ = c.byLabel.LoadOrStore(strings.Clone(label), new(atomic.Int64))
	}
	v.(*atomic.Int64).Add(n)
}

func (c *counters) snapshot() map[string]int64 {
	values := make(map[string]int64)
	c.byLabel.Range(func(label, v any) bool {
		values[label.(string)] = v.(*atomic.Int64).Load()
		return true
	})
	return values
}
