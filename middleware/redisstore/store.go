package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
)

var (
	_ middleware.UseStore    = (*Store)(nil)
	_ middleware.Revocations = (*Store)(nil)
)

// Options configures [New]. Nil selects the defaults.
type Options struct {
	// Prefix begins all keys. The default is "signedurl:". Verifiers share
	// counts and revocations if they use the same Redis and the same prefix.
	Prefix string
	// Timeout is how long a request waits for Redis, including connecting and
	// all retries, before it is refused. The default is one second. An earlier
	// deadline of the request's context applies as well.
	Timeout time.Duration
}

// Store counts uses and knows revoked IDs, in Redis. The zero Store and a nil
// one answer every call with an error, so that the links are refused. A Store
// is immutable and safe for concurrent use.
type Store struct {
	client  redis.UniversalClient
	prefix  string
	timeout time.Duration
}

// maxReload is the longest that a cluster client may take to notice that a
// replica has taken over: about the time that the cluster itself needs.
const maxReload = 5 * time.Second

// New returns a store that uses client, which it does not close. New does not
// connect. It returns an error if the client does not respect deadlines (set
// ContextTimeoutEnabled in its options; otherwise a Redis that hangs would hold
// each request for many seconds), if a cluster client notices a failover too
// late (set ClusterStateReloadInterval to at most 5 seconds), if the client is
// a *redis.Ring, or if the timeout is negative. It panics if client is nil.
func New(client redis.UniversalClient, opts *Options) (*Store, error) {
	respects := true
	switch c := client.(type) {
	case nil:
		panic("signedurl: redisstore.New with a nil client")
	case *redis.Client:
		respects = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		respects = c.Options().ContextTimeoutEnabled
		if d := c.Options().ClusterStateReloadInterval; d > maxReload {
			return nil, fmt.Errorf("signedurl: the Redis client notices a failover of the cluster only after %v; set ClusterStateReloadInterval in its options to %v or less", d, maxReload)
		}
	case *redis.Ring:
		return nil, errors.New("signedurl: a redis.Ring forgets counts when one of its servers fails; use one server, Sentinel or a cluster")
	}
	if !respects {
		return nil, errors.New("signedurl: the Redis client does not respect deadlines; set ContextTimeoutEnabled in its options")
	}
	s := &Store{client: client, prefix: "signedurl:", timeout: time.Second}
	if opts != nil {
		if opts.Timeout < 0 {
			return nil, errors.New("signedurl: the timeout for Redis is negative")
		}
		if opts.Timeout > 0 {
			s.timeout = opts.Timeout
		}
		if opts.Prefix != "" {
			s.prefix = opts.Prefix
		}
	}
	return s, nil
}

var (
	errNoID     = errors.New("signedurl: the ID is empty")
	errNoClient = errors.New("signedurl: a use with a window, but without a client")
	errNoExpiry = errors.New("signedurl: a use whose expiry has passed cannot be counted")
	errZero     = errors.New("signedurl: the Redis store was not made by New")
)

var revoked = redis.NewScript(`return redis.call('EXISTS', KEYS[1])`)

// Revoked reports whether an ID is revoked now.
func (s *Store) Revoked(ctx context.Context, id string) (bool, error) {
	key, err := s.key("revoked", id)
	if err != nil {
		return false, err
	}
	return s.run(ctx, revoked, []string{key})
}

// revoke makes a revocation last at least that many milliseconds, or for ever
// if there is no argument.
var revoke = redis.NewScript(`
local left = redis.call('PTTL', KEYS[1])
if not ARGV[1] then
	redis.call('SET', KEYS[1], '')
elseif left ~= -1 and left < tonumber(ARGV[1]) then
	redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return 1
`)

// Revoke revokes an ID until a time, after which it is forgotten. That time is
// the latest at which a link of the ID expires, plus the verifiers' leeway. The
// zero time revokes the ID for ever, and takes its room for ever. If an ID is
// revoked several times, the latest time applies. A revocation cannot be undone,
// but a new ID can be signed. If there is an error, the ID may or may not be
// revoked: try again.
func (s *Store) Revoke(ctx context.Context, id string, until time.Time) error {
	key, err := s.key("revoked", id)
	if err != nil {
		return err
	}
	if until.IsZero() {
		_, err = s.run(ctx, revoke, []string{key})
	} else if life := milliseconds(time.Until(until)); life > 0 {
		_, err = s.run(ctx, revoke, []string{key}, life)
	}
	return err
}

// braces are escaped within IDs, so that a cluster finds the slot by the whole
// ID, and so that no ID looks like another with a window.
var braces = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D")

func (s *Store) key(kind, id string) (string, error) {
	if s == nil || s.client == nil {
		return "", errZero
	}
	if id == "" {
		return "", errNoID
	}
	return s.prefix + kind + ":{" + braces.Replace(id) + "}", nil
}

// run runs a script. The script's text is sent only if the server does not know
// it, as after a restart of the server.
func (s *Store) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	n, err := script.Run(ctx, s.client, keys, args...).Int()
	if err != nil {
		return false, fmt.Errorf("signedurl: Redis: %w", err)
	}
	return n == 1, nil
}

// milliseconds rounds up: nothing is kept for less time than requested.
func milliseconds(d time.Duration) int64 {
	n := d.Milliseconds()
	if d > time.Duration(n)*time.Millisecond {
		n++
	}
	return n
}
