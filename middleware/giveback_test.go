package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

// useLog is a store that always has a use and records what it was asked.
type useLog struct {
	mu           sync.Mutex
	taken, given []middleware.Use
	context      context.Context // of the last GiveBack
	err          error           // of GiveBack
}

func (s *useLog) Take(_ context.Context, u middleware.Use) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, u)
	return true, nil
}

func (s *useLog) GiveBack(ctx context.Context, u middleware.Use) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given, s.context = append(s.given, u), ctx
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return s.err
}

// A handler that finds no file gives the use back, over a socket, and the link
// is good until the file was sent.
func TestAHandlerThatGaveNothingGivesTheUseBack(t *testing.T) {
	ring := testRing(t)
	var status int
	v := newVerifier(ring, &middleware.Options{Uses: memstore.NewUses(nil)})
	s := httptest.NewServer(v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status != 200 && r.Header.Get("Keep") == "" {
			if err := middleware.GiveBack(r.Context()); err != nil {
				t.Error(err)
			}
		}
		w.WriteHeader(status)
	})))
	defer s.Close()
	claims := in(time.Hour)
	claims.ID, claims.Uses = "a", 1
	link := s.URL + sign(t, ring, "/x", claims)
	var got []int
	do := func(handler int, method, keep string) {
		t.Helper()
		status = handler
		r, err := http.NewRequest(method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Keep", keep)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		got = append(got, resp.StatusCode)
	}
	do(404, "GET", "")
	do(304, "GET", "")
	do(500, "HEAD", "")
	do(416, "GET", "")
	do(200, "GET", "")
	do(200, "GET", "")
	claims.ID = "b"
	link = s.URL + sign(t, ring, "/y", claims)
	do(500, "GET", "keep") // the verifier gives nothing back by itself
	do(200, "GET", "")
	if d := cmp.Diff([]int{404, 304, 500, 416, 200, 404, 500, 404}, got); d != "" {
		t.Errorf("statuses (-want +got):\n%s", d)
	}
}

func TestGiveBackGivesBackTheUseThatWasTaken(t *testing.T) {
	ring := testRing(t)
	store := new(useLog)
	opts := middleware.Options{Uses: store, UseWindow: time.Minute}
	claims := in(time.Hour)
	claims.ID, claims.Uses = "a", 3
	link := sign(t, ring, "/x", claims)
	free := sign(t, ring, "/x", in(time.Hour))
	var err error
	var in func(http.Handler) http.Handler
	serve := func(method, target string) {
		t.Helper()
		h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { err = middleware.GiveBack(r.Context()) }))
		if in != nil {
			h = in(h)
		}
		w := httptest.NewRecorder()
		newVerifier(ring, &opts).Handler(h).ServeHTTP(w, httptest.NewRequest(method, target, nil))
		if w.Code != 200 || err != nil {
			t.Errorf("%s %s: %d, %v", method, target, w.Code, err)
		}
	}
	serve("GET", link)
	in = func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") } // with a context of its own
	serve("GET", link)
	in = func(h http.Handler) http.Handler { // under another link
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner := httptest.NewRequestWithContext(r.Context(), "GET", free, nil)
			newVerifier(ring, nil).Handler(h).ServeHTTP(w, inner)
		})
	}
	serve("GET", link)
	if !slices.Equal(store.taken, store.given) || len(store.taken) != 3 {
		t.Errorf("%v was taken, and %v given back", store.taken, store.given)
	}
	nonces := map[[16]byte]bool{{}: true}
	for _, u := range store.taken {
		if nonces[u.Nonce] {
			t.Errorf("the nonce %x is zero, or that of another use", u.Nonce)
		}
		nonces[u.Nonce] = true
	}
	in = nil
	serve("HEAD", link)
	serve("GET", free)
	opts.InsecureReportOnly = true
	serve("GET", link)
	if err := middleware.GiveBack(t.Context()); err != nil {
		t.Errorf("outside of a handler: %v", err)
	}
	if n := len(store.given); n != 3 {
		t.Errorf("requests that took no use gave %d back", n-3)
	}
}

// An inner verifier without a use does not hide the use that an outer one took.
func TestTheUseOfAnOuterVerifierIsGivenBack(t *testing.T) {
	ring := testRing(t)
	claims := in(time.Hour)
	claims.ID, claims.Uses = "a", 3
	link := sign(t, ring, "/x", claims)
	for name, inner := range map[string]*middleware.Options{
		"accepts and counts nothing": {InsecureReportOnly: true},
		"refuses and only reports":   {InsecureReportOnly: true, MaxLifetime: 1},
	} {
		store := new(useLog)
		h := newVerifier(ring, inner).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := middleware.GiveBack(r.Context()); err != nil {
				t.Error(err)
			}
		}))
		newVerifier(ring, &middleware.Options{Uses: store}).Handler(h).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", link, nil))
		if !slices.Equal(store.taken, store.given) || len(store.taken) != 1 {
			t.Errorf("the inner verifier %s: %v was taken, and %v given back", name, store.taken, store.given)
		}
	}
}

// The use of a client that has gone is given back, in bounded time.
func TestGiveBackWorksWhenTheClientHasGone(t *testing.T) {
	ring := testRing(t)
	claims := in(time.Hour)
	claims.ID, claims.Uses = "a", 3
	link := sign(t, ring, "/x", claims)
	store := new(useLog)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, "kept"))
	h := newVerifier(ring, &middleware.Options{Uses: store}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cancel()
		if err := middleware.GiveBack(r.Context()); err != nil {
			t.Errorf("after the client has gone: %v", err)
		}
		deadline, ok := store.context.Deadline()
		if left := time.Until(deadline); !ok || left > 2*time.Second || left < time.Second {
			t.Errorf("the store has until %v, in %v; want two seconds", deadline, left)
		}
		if store.context.Value(ctxKey{}) != "kept" {
			t.Error("the store does not get the values of the request's context")
		}
		store.err = errors.New("no route to the store")
		err := middleware.GiveBack(r.Context())
		if !errors.Is(err, middleware.ErrUnavailable) || !strings.Contains(err.Error(), "no route to the store") {
			t.Errorf("when the store fails: %v", err)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", link, nil))
	if len(store.given) != 2 {
		t.Error("the handler did not run")
	}
}

type ctxKey struct{}

func ExampleGiveBack() {
	key, err := middleware.NewHMACKey("2026a", []byte("the secret of this example: never use it"))
	if err != nil {
		log.Fatal(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	v, err := middleware.NewVerifier(ring, &middleware.Options{Uses: memstore.NewUses(nil)})
	if err != nil {
		log.Fatal(err)
	}
	report := ""
	h := v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if report == "" { // it is not ready, and the link must be good later
			if err := middleware.GiveBack(r.Context()); err != nil {
				log.Print(err) // the use may be spent; the reply is the same
			}
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, report)
	}))

	link, err := ring.Sign(&url.URL{Path: "/report"}, middleware.Claims{Expires: time.Now().Add(time.Hour), ID: "report-7", Uses: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(get(h, link.String()))
	report = "all is well"
	fmt.Println(get(h, link.String()))
	fmt.Println(get(h, link.String()))
	// Output:
	// 404
	// 200
	// 404
}
