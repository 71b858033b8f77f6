//go:build unix

package redisstore_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware/redisstore"
)

// The commands that the package documentation lists are enough for a mirror.
func TestAMirrorNeedsNoMoreThanItsCommands(t *testing.T) {
	s := startRedis(t)
	err := s.client(t).Do(t.Context(), "ACL", "SETUSER", "mirror", "on", ">secret", "~signedurl:*", "+evalsha", "+eval", "+set",
		"+hmget", "+hset", "+time", "+xadd", "+xread", "+zadd", "+zrem", "+zscore", "+zrangebyscore", "+zscan").Err()
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Addr: s.addr, Username: "mirror", Password: "secret", ContextTimeoutEnabled: true})
	defer c.Close()
	m := newMirror(t, c, redisstore.MirrorOptions{})
	known(t, m, "a", "no")
	revoke(t, m, "a", "b")
	known(t, m, "b", "yes")
}
