package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/signedurl/middleware"
)

// maxStale is how late a revocation may be.
const maxStale = 5 * time.Second

// load asks through the balancer, and counts what it gets.
type load struct {
	client *http.Client
	front  string
	links  atomic.Pointer[middleware.URLBuilder]

	mu       sync.Mutex
	requests int
	errors   map[string]int
	served   time.Time // when a plain link was served last
	gap      time.Duration
	uses     map[string]int // by ID, of those with five uses
	revoked  map[string]time.Time
	uploads  map[string][sha256.Size]byte // those that were answered with 201

	tooMany, stale, torn, wrong atomic.Int64
	serial                      atomic.Int64
}

const usesEach = 5

func newLoad(front string) *load {
	return &load{
		front: front,
		client: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: 256, ResponseHeaderTimeout: 8 * time.Second},
		},
		errors: map[string]int{}, uses: map[string]int{}, revoked: map[string]time.Time{}, uploads: map[string][sha256.Size]byte{},
	}
}

// link returns a target that is good for an hour.
func (l *load) link(name string, c middleware.Claims) string {
	c.Expires = time.Now().Add(time.Hour)
	u, err := l.links.Load().URL(name, c)
	if err != nil {
		panic(err) // the claims are constants
	}
	return u.String()
}

// ask sends a request, and returns the status, or 0 if there was no reply.
func (l *load) ask(ctx context.Context, method, target string, body []byte) (int, []byte) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+l.front+target, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	reply, err := l.client.Do(r)
	var got []byte
	status := 0
	if err == nil {
		got, err = io.ReadAll(reply.Body)
		reply.Body.Close()
		status = reply.StatusCode
		if err != nil {
			status = 0
		}
	}
	if ctx.Err() != nil {
		return 0, nil // the phase is over
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	switch {
	case status == 0 && isTimeout(err):
		l.errors["timeout"]++
	case status == 0:
		l.errors["connection"]++
	case status >= 500:
		l.errors[strconv.Itoa(status)]++
	}
	return status, got
}

func isTimeout(err error) bool {
	t, ok := errors.AsType[net.Error](err)
	return ok && t.Timeout()
}

// content is what the file of a plain link holds.
var content = bytes.Repeat([]byte("private "), 128)

func (l *load) plain(ctx context.Context) {
	status, body := l.ask(ctx, http.MethodGet, l.link("plain", middleware.Claims{}), nil)
	if ctx.Err() != nil {
		return
	}
	switch {
	case status == http.StatusOK && bytes.Equal(body, content):
		l.mu.Lock()
		now := time.Now()
		l.gap = max(l.gap, now.Sub(l.served))
		l.served = now
		l.mu.Unlock()
	case status == http.StatusOK || status == http.StatusForbidden || status == http.StatusNotFound:
		l.wrong.Add(1) // a good link was refused, or another file was served
	}
}

func (l *load) forged(ctx context.Context) {
	target := strings.Replace(l.link("plain", middleware.Claims{}), "plain?", "other?", 1)
	if status, _ := l.ask(ctx, http.MethodGet, target, nil); status == http.StatusOK {
		l.wrong.Add(1)
	}
}

// counted takes a use of a link that eight requests get, one after another.
func (l *load) counted(ctx context.Context) {
	id := fmt.Sprintf("counted-%d", l.serial.Add(1)/8)
	l.take(ctx, id)
}

func (l *load) take(ctx context.Context, id string) {
	status, _ := l.ask(ctx, http.MethodGet, l.link("plain", middleware.Claims{ID: id, Uses: usesEach}), nil)
	if status != http.StatusOK {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.uses[id]++; l.uses[id] > usesEach {
		l.tooMany.Add(1)
	}
}

// revocable asks by a link that was revoked some time ago.
func (l *load) revocable(ctx context.Context) {
	l.mu.Lock()
	var id string
	var since time.Time
	for id, since = range l.revoked { // one of them
		break
	}
	l.mu.Unlock()
	if id == "" {
		return
	}
	late := time.Since(since) > maxStale // before the request
	if status, _ := l.ask(ctx, http.MethodGet, l.link("plain", middleware.Claims{ID: id}), nil); status == http.StatusOK && late {
		l.stale.Add(1)
	}
}

// upload stores a file of 16 KiB.
func (l *load) upload(ctx context.Context) {
	name := fmt.Sprintf("up/%d", l.serial.Add(1))
	body := make([]byte, 16<<10)
	rand.Read(body)
	status, _ := l.ask(ctx, http.MethodPut, l.link(name, middleware.Claims{Methods: []string{"PUT"}, Upload: middleware.Upload{MaxBytes: 1 << 20}}), body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if status == http.StatusCreated {
		l.uploads[name] = sha256.Sum256(body)
	} else {
		l.uploads[name] = [sha256.Size]byte{} // it may be there, but whole
	}
}

// verify reads all uploads, and returns how many were promised, and how many of
// those are lost. A part of a file is torn.
func (l *load) verify(ctx context.Context) (promised, lost int) {
	for name, sum := range l.uploads {
		status, body := l.ask(ctx, http.MethodGet, l.link(name, middleware.Claims{}), nil)
		is := sum != [sha256.Size]byte{}
		if is {
			promised++
		}
		switch {
		case status == http.StatusOK && len(body) != 16<<10, status == http.StatusOK && is && sha256.Sum256(body) != sum:
			l.torn.Add(1)
		case status != http.StatusOK && is:
			lost++
		}
	}
	return promised, lost
}

// run keeps asking, with so many clients at once, until ctx ends: of 100
// requests, 70 for a file, and the rest for the other kinds.
func (l *load) run(ctx context.Context, clients int) {
	var wg sync.WaitGroup
	l.mu.Lock()
	l.served = time.Now()
	l.mu.Unlock()
	for i := range clients {
		wg.Go(func() {
			for n := i; ctx.Err() == nil; n++ {
				switch k := n % 100; {
				case k < 70:
					l.plain(ctx)
				case k < 80:
					l.forged(ctx)
				case k < 92:
					l.counted(ctx)
				case k < 98:
					l.revocable(ctx)
				default:
					l.upload(ctx)
				}
			}
		})
	}
	wg.Wait()
}

// kinds returns the errors by kind, as a text.
func kinds(errors map[string]int) string {
	var all []string
	for kind, n := range errors {
		all = append(all, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(all)
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
