package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Check asks Redis, and each server of a cluster that is written to, whether
// the store can rely on it: whether it answers, is no replica, and evicts
// nothing when its memory is full (maxmemory-policy noeviction, or no
// maxmemory). It is for start-up, and for a health check. It does not look at
// persistence, which is a matter of choice.
func (s *Store) Check(ctx context.Context) error {
	if s == nil || s.client == nil {
		return errZero
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var err error
	if c, ok := s.client.(*redis.ClusterClient); ok {
		err = c.ForEachMaster(ctx, func(ctx context.Context, c *redis.Client) error { return check(ctx, c) })
	} else {
		err = check(ctx, s.client)
	}
	if err != nil {
		return fmt.Errorf("signedurl: Redis: %w", err)
	}
	return nil
}

func check(ctx context.Context, c redis.Cmdable) error {
	// INFO, since many hosts do not allow CONFIG.
	info, err := c.Info(ctx).Result()
	if err != nil {
		return err
	}
	field := make(map[string]string)
	for line := range strings.SplitSeq(info, "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		field[name] = value
	}
	if role := field["role"]; role != "master" {
		return fmt.Errorf("the server's role is %q; the store needs the master", role)
	}
	switch policy := field["maxmemory_policy"]; {
	case policy == "noeviction" || field["maxmemory"] == "0":
		return nil
	case policy == "":
		return errors.New("the server does not say what it does when its memory is full; the store needs maxmemory-policy noeviction")
	default:
		return fmt.Errorf("the server's maxmemory-policy is %s, which forgets counts and revocations when its memory is full; set noeviction", policy)
	}
}
