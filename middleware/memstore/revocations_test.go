package memstore_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
)

func TestRevocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := memstore.NewRevocations(nil)
		now := time.Now()
		for _, r := range []struct {
			id    string
			until time.Time
		}{
			{"a minute", now.Add(time.Minute)},
			{"a minute and a bit", now.Add(time.Minute + 1)},
			{"for ever", time.Time{}},
			{"for longer than 32 bits of seconds", now.AddDate(500, 0, 0)},
			{"shortened", now.Add(time.Hour)},
			{"shortened", now.Add(time.Minute)},
			{"prolonged", now.Add(time.Minute)},
			{"prolonged", now.Add(time.Hour)},
			{"shortened from ever", time.Time{}},
			{"shortened from ever", now.Add(time.Minute)},
			{"already over", now},
			{"before 1970", now.AddDate(-300, 0, 0)},
			{strings.Repeat("long", 1000), time.Time{}},
		} {
			if err := list.Revoke(r.id, r.until); err != nil {
				t.Fatalf("%s: %v", r.id, err)
			}
		}
		ask := func() map[string]bool {
			got := make(map[string]bool)
			for _, id := range []string{
				"a minute", "a minute and a bit", "for ever", "for longer than 32 bits of seconds", "shortened", "prolonged",
				"shortened from ever", "already over", "before 1970", "never revoked", "A minute", "", strings.Repeat("long", 1000), strings.Repeat("long", 999),
			} {
				revoked, err := list.Revoked(t.Context(), id)
				if err != nil {
					t.Errorf("%s: %v", id, err)
				}
				if revoked {
					got[id] = true
				}
			}
			return got
		}
		forEver := map[string]bool{
			"for ever": true, "for longer than 32 bits of seconds": true, "shortened from ever": true, strings.Repeat("long", 1000): true,
		}
		with := func(ids ...string) map[string]bool {
			m := make(map[string]bool)
			for id := range forEver {
				m[id] = true
			}
			for _, id := range ids {
				m[id] = true
			}
			return m
		}
		for _, step := range []struct {
			after time.Duration
			want  map[string]bool
		}{
			{0, with("a minute", "a minute and a bit", "shortened", "prolonged")},
			{time.Minute - 1, with("a minute", "a minute and a bit", "shortened", "prolonged")},
			{1, with("a minute and a bit", "shortened", "prolonged")},
			{time.Second, with("shortened", "prolonged")},
			{59*time.Minute - time.Second, forEver},
			{250 * 365 * 24 * time.Hour, forEver},
		} {
			time.Sleep(step.after)
			if d := cmp.Diff(step.want, ask()); d != "" {
				t.Errorf("after %v (-want +got):\n%s", time.Since(now), d)
			}
		}
		if err := list.Revoke("", time.Time{}); err == nil {
			t.Error("revoking the empty id is no error")
		}
	})
}

func TestAFullListRefusesAndForgetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const max = 3000
		list := memstore.NewRevocations(&memstore.Options{Max: max})
		for i := range max {
			until := time.Time{}
			if i%2 == 0 {
				until = time.Now().Add(time.Hour)
			}
			if err := list.Revoke(fmt.Sprint(i), until); err != nil {
				t.Fatalf("revoking %d: %v", i, err)
			}
		}
		if err := list.Revoke("one more", time.Time{}); err != memstore.ErrFull {
			t.Errorf("revoking one more: %v, want ErrFull", err)
		}
		if err := list.Revoke("7", time.Now().Add(time.Minute)); err != nil {
			t.Errorf("revoking again in a full list: %v", err)
		}
		if err := list.Revoke("over", time.Now()); err != nil {
			t.Errorf("revoking what has expired in a full list: %v", err)
		}
		if n := list.Len(); n != max {
			t.Errorf("the list holds %d ids, want %d", n, max)
		}
		if ok, _ := list.Revoked(t.Context(), "one more"); ok {
			t.Error("the id that was refused is revoked")
		}
		for i := range max {
			if ok, _ := list.Revoked(t.Context(), fmt.Sprint(i)); !ok {
				t.Fatalf("%d is not revoked", i)
			}
		}
		time.Sleep(time.Hour)
		for i := range max / 2 {
			if err := list.Revoke(fmt.Sprint("new", i), time.Time{}); err != nil {
				t.Fatalf("revoking %d when half has expired: %v", i, err)
			}
		}
		if err := list.Revoke("one more", time.Time{}); err != memstore.ErrFull || list.Len() != max {
			t.Errorf("revoking one more: %v with %d ids; want ErrFull", err, list.Len())
		}
		for i := range max {
			if ok, _ := list.Revoked(t.Context(), fmt.Sprint(i)); ok != (i%2 == 1) {
				t.Fatalf("%d is revoked: %v", i, ok)
			}
		}
	})
}

// A service that revokes a little every day must not hold it all until the
// list is full.
func TestWhatIsForgottenIsDroppedLongBeforeTheListIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := memstore.NewRevocations(nil)
		for day := range 1000 {
			for i := range 10 {
				if err := list.Revoke(fmt.Sprint(day, "-", i), time.Now().Add(24*time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(24 * time.Hour)
		}
		if n := list.Len(); n > 2000 {
			t.Errorf("%d of 10000 ids are held, of which 10 are needed", n)
		}
	})
}

func TestRevocationsThatWereNotConstructedRefuse(t *testing.T) {
	for name, list := range map[string]*memstore.Revocations{"nil": nil, "zero": new(memstore.Revocations)} {
		if _, err := list.Revoked(t.Context(), "a"); err == nil {
			t.Errorf("%s: Revoked gives no error", name)
		}
		if list.Revoke("a", time.Time{}) == nil || list.Save(t.TempDir()+"/f") == nil || list.Load("testdata/none") == nil || list.Len() != 0 {
			t.Errorf("%s: Revoke, Save or Load gives no error", name)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a negative maximum does not panic")
		}
	}()
	memstore.NewRevocations(&memstore.Options{Max: -1})
}

func TestARevokedLinkIs404FromThenOn(t *testing.T) {
	key, err := middleware.NewHMACKey("k", []byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := middleware.NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	list := memstore.NewRevocations(nil)
	h := newVerifier(t, ring, &middleware.Options{Revocations: list}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	get := func(id string) int {
		u, err := ring.Sign(&url.URL{Path: "/a"}, middleware.Claims{Expires: time.Now().Add(time.Hour), ID: id})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", u.String(), nil))
		return w.Code
	}
	before := []int{get("customer-7"), get("customer-8"), get("")}
	if err := list.Revoke("customer-7", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	after := []int{get("customer-7"), get("customer-8"), get("")}
	if d := cmp.Diff([][]int{{200, 200, 200}, {404, 200, 200}}, [][]int{before, after}); d != "" {
		t.Errorf("before and after the revocation (-want +got):\n%s", d)
	}
}

func TestRevocationsAreSafeForConcurrentUse(t *testing.T) {
	list := memstore.NewRevocations(nil)
	name := t.TempDir() + "/revoked"
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 500 {
				id := fmt.Sprint(g, "-", i)
				if err := list.Revoke(id, time.Now().Add(time.Duration(i%3)*time.Hour-time.Minute)); err != nil {
					t.Error(err)
				}
				if ok, err := list.Revoked(t.Context(), id); err != nil || ok != (i%3 > 0) {
					t.Error(id, ok, err)
				}
				if i%100 == 0 {
					if err := list.Save(name); err != nil {
						t.Error(err)
					}
					if err := list.Load(name); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}

func TestRevokedDoesNotAllocate(t *testing.T) {
	list := memstore.NewRevocations(nil)
	revoked, other := strings.Repeat("x", 128), strings.Repeat("y", 128)
	list.Revoke(revoked, time.Now().Add(time.Hour))
	if n := testing.AllocsPerRun(100, func() {
		a, _ := list.Revoked(context.Background(), revoked)
		b, _ := list.Revoked(context.Background(), other)
		if !a || b {
			t.Fatal(a, b)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// heap returns how many bytes are in use after a collection.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAMillionRevokedIDsTakeTensOfMegabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("revokes a million ids")
	}
	before := heap()
	list := memstore.NewRevocations(nil)
	for i := range memstore.DefaultMax {
		if err := list.Revoke(fmt.Sprint("link-", i), time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	after := heap()
	if n := list.Len(); n != memstore.DefaultMax {
		t.Errorf("%d ids are held", n)
	}
	perID := float64(after-before) / memstore.DefaultMax
	t.Logf("%.1f bytes for each id", perID)
	if perID > 60 {
		t.Errorf("%.1f bytes for each id; want at most 60", perID)
	}
	runtime.KeepAlive(list)
}
