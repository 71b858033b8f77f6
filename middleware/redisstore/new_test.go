package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

func TestNew(t *testing.T) {
	tests := []struct {
		name   string
		client redis.UniversalClient
		opts   *redisstore.Options
		want   string // of the error; none if empty
	}{
		{"a client that respects deadlines", redis.NewClient(&redis.Options{ContextTimeoutEnabled: true}), nil, ""},
		{"a cluster that does, and soon notices a failover", redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true, ClusterStateReloadInterval: 5 * time.Second,
		}), nil, ""},
		{"a cluster that notices a failover too late", redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true, ClusterStateReloadInterval: 5*time.Second + 1,
		}), nil, "ClusterStateReloadInterval"},
		{"a cluster that notices a failover when it does by default", redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true,
		}), nil, "ClusterStateReloadInterval"},
		{"Sentinel", redis.NewFailoverClient(&redis.FailoverOptions{SentinelAddrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true}), nil, ""},
		{"a client as it is made by default", redis.NewClient(&redis.Options{}), nil, "ContextTimeoutEnabled"},
		{"a cluster that does not respect deadlines", redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: []string{"127.0.0.1:1"}, ClusterStateReloadInterval: time.Second,
		}), nil, "ContextTimeoutEnabled"},
		{"a ring", redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: true}), nil, "redis.Ring"},
		{"a negative timeout", redis.NewClient(&redis.Options{ContextTimeoutEnabled: true}), &redisstore.Options{Timeout: -1}, "negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer tt.client.Close()
			store, err := redisstore.New(tt.client, tt.opts)
			if tt.want == "" {
				if err != nil || store == nil {
					t.Errorf("%v", err)
				}
			} else if err == nil || store != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v; want one with %q", err, tt.want)
			}
		})
	}
	defer func() {
		if recover() == nil {
			t.Error("a nil client does not panic")
		}
	}()
	redisstore.New(nil, nil)
}

func TestAStoreThatWasNotConstructedRefuses(t *testing.T) {
	for name, store := range map[string]*redisstore.Store{"nil": nil, "zero": new(redisstore.Store)} {
		use := middleware.Use{ID: "a", Limit: 1, Expires: time.Now().Add(time.Hour)}
		if ok, err := store.Take(t.Context(), use); ok || err == nil {
			t.Errorf("%s: Take gives %v, %v", name, ok, err)
		}
		if err := store.GiveBack(t.Context(), use); err == nil {
			t.Errorf("%s: GiveBack gives no error", name)
		}
		if _, err := store.Revoked(t.Context(), "a"); err == nil {
			t.Errorf("%s: Revoked gives no error", name)
		}
		if store.Revoke(t.Context(), "a", time.Time{}) == nil || store.Check(t.Context()) == nil {
			t.Errorf("%s: Revoke or Check gives no error", name)
		}
	}
}
