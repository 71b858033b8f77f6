package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Check reports whether the store can rely on Redis, or on every master of a
// cluster: whether it answers, is not a replica, and evicts nothing when its
// memory is full (maxmemory-policy noeviction, or no maxmemory). Call it at
// startup and in health checks. It does not check persistence, which is the
// operator's choice.
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
	// INFO, because many providers do not allow CONFIG.
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
		return errors.New("the server does not report its maxmemory-policy; the store needs noeviction")
	default:
		return fmt.Errorf("the server's maxmemory-policy is %s, which drops counts and revocations when its memory is full; set it to noeviction", policy)
	}
}
