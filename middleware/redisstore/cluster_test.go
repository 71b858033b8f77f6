//go:build unix

package redisstore_test

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/redisstore"
)

// startCluster starts three masters, with a replica for each. The replica of
// servers[i] is servers[i+3].
func startCluster(t *testing.T) []*server {
	t.Helper()
	ctx := t.Context()
	var servers []*server
	var clients []*redis.Client
	for i := range 6 {
		s := startRedis(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
		servers, clients = append(servers, s), append(clients, s.client(t))
		if err := clients[i].Do(ctx, "CLUSTER", "SET-CONFIG-EPOCH", i+1).Err(); err != nil {
			t.Fatal(err)
		}
		host, port, _ := net.SplitHostPort(servers[0].addr)
		if i > 0 {
			if err := clients[i].ClusterMeet(ctx, host, port).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range 3 {
		if err := clients[i].ClusterAddSlotsRange(ctx, 5462*i, min(5462*i+5461, 16383)).Err(); err != nil {
			t.Fatal(err)
		}
		id, err := clients[i].ClusterMyID(ctx).Result()
		if err != nil {
			t.Fatal(err)
		}
		await(t, func() error { return clients[i+3].ClusterReplicate(ctx, id).Err() })
	}
	for i, c := range clients {
		await(t, func() error {
			state, err := c.ClusterInfo(ctx).Result()
			if err != nil || !strings.Contains(state, "cluster_state:ok") || !strings.Contains(state, "cluster_known_nodes:6") {
				return fmt.Errorf("%v, %s", err, state)
			}
			info, err := c.Info(ctx, "replication").Result()
			if err != nil || (i < 3 && !strings.Contains(info, "connected_slaves:1")) || (i >= 3 && !strings.Contains(info, "master_link_status:up")) {
				return fmt.Errorf("%v, %s", err, info)
			}
			// The others must know it too, or else they let no replica take over.
			shards, err := c.ClusterShards(ctx).Result()
			if err != nil || len(shards) != 3 || slices.ContainsFunc(shards, func(s redis.ClusterShard) bool { return len(s.Nodes) != 2 }) {
				return fmt.Errorf("%v, %v", err, shards)
			}
			return nil
		})
	}
	return servers
}

// When a master dies, links are refused for as long as the cluster itself is
// down, and a few seconds more.
func TestAClusterThatFailsOverServesAgainSoon(t *testing.T) {
	servers := startCluster(t)
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.addr)
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, ContextTimeoutEnabled: true, ClusterStateReloadInterval: time.Second, DialTimeout: time.Second, DialerRetries: 1,
	})
	defer client.Close()
	store := newStore(t, client, redisstore.Options{Timeout: time.Second})
	s := httptest.NewServer(newHandler(store, 0))
	defer s.Close()

	// IDs of the first master.
	var ids []string
	survivor := servers[1].client(t)
	for i := 0; len(ids) < 3; i++ {
		id := fmt.Sprint("film-", i)
		slot, err := survivor.ClusterKeySlot(t.Context(), "signedurl:uses:{"+id+"}").Result()
		if err != nil {
			t.Fatal(err)
		}
		if slot < 5462 {
			ids = append(ids, id)
		}
	}
	many := s.URL + link(t, middleware.Claims{ID: ids[0], Uses: 1_000_000}).String()
	once := s.URL + link(t, middleware.Claims{ID: ids[1], Uses: 1}).String()
	await(t, func() error { return store.Check(t.Context()) })
	for _, url := range []string{many, once} {
		if status, _ := get(t, url); status != 200 {
			t.Fatalf("before the failover: %d", status)
		}
	}
	given := middleware.Use{ID: ids[2], Limit: 1, Expires: time.Now().Add(time.Hour), Nonce: nonce(1)}
	if ok, err := store.Take(t.Context(), given); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if n, err := servers[0].client(t).Wait(t.Context(), 1, 10*time.Second).Result(); n != 1 || err != nil {
		t.Fatalf("the replica has not followed: %d, %v", n, err)
	}

	servers[0].stop(t)
	killed := time.Now()
	takenOver := func(n redis.Node) bool {
		return n.Role == "master" && net.JoinHostPort(n.IP, fmt.Sprint(n.Port)) == servers[3].addr
	}
	recovered := make(chan time.Time, 1)
	go func() {
		defer close(recovered)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for ctx.Err() == nil {
			state, _ := survivor.ClusterInfo(ctx).Result()
			shards, _ := survivor.ClusterShards(ctx).Result()
			for _, shard := range shards {
				first := len(shard.Slots) > 0 && shard.Slots[0].Start == 0
				if first && slices.ContainsFunc(shard.Nodes, takenOver) && strings.Contains(state, "cluster_state:ok") {
					recovered <- time.Now()
					return
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	refused := 0
	for {
		status, body := get(t, many)
		if status == 200 && body == content {
			break
		}
		if refused++; status != 503 {
			t.Errorf("during the failover: %d %q", status, body)
		}
		if time.Since(killed) > 50*time.Second {
			t.Fatal("links are refused for 50 seconds")
		}
		time.Sleep(10 * time.Millisecond)
	}
	served := time.Now()
	down, ok := <-recovered
	if !ok {
		t.Fatal("the cluster does not recover")
	}
	t.Logf("the cluster was down for %v; links were refused for %v, %d times", down.Sub(killed), served.Sub(killed), refused)
	if refused == 0 {
		t.Error("no link was refused while its master was dead")
	}
	if late := served.Sub(down); late > 6*time.Second {
		t.Errorf("links are refused for %v longer than the cluster is down", late)
	}
	if status, _ := get(t, once); status != 404 {
		t.Errorf("a link that was used up before the failover: %d, want 404", status)
	}
	if err := store.GiveBack(t.Context(), given); err != nil {
		t.Errorf("giving back a use that was taken before the failover: %v", err)
	}
	given.Nonce = nonce(2)
	if got := answer(store.Take(t.Context(), given)); got != "yes" {
		t.Errorf("taking it again: %s", got)
	}
}
