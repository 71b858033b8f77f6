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

// Options are what [New] can do without. Nil means the defaults.
type Options struct {
	// Prefix begins all keys. The default is "signedurl:". Verifiers share
	// counts and revocations if they have the same Redis and prefix.
	Prefix string
	// Timeout is how long Redis is waited for, with connecting and all
	// retries, before the request is refused. The default is a second. A
	// context that ends earlier counts as well.
	Timeout time.Duration
}

// Store counts uses and knows revoked ids, in Redis. The zero Store and a nil
// one answer every question with an error, so that the links are refused. It is
// immutable and safe for concurrent use.
type Store struct {
	client  redis.UniversalClient
	prefix  string
	timeout time.Duration
}

// New returns a store in the Redis of a client, which it does not close. It
// does not connect. It is an error if the client does not respect deadlines
// (set ContextTimeoutEnabled in its options; a Redis that hangs would hold each
// request for many seconds), if it is a *redis.Ring, or if the timeout is
// negative. It panics if client is nil.
func New(client redis.UniversalClient, opts *Options) (*Store, error) {
	respects := true
	switch c := client.(type) {
	case nil:
		panic("signedurl: redisstore.New with a nil client")
	case *redis.Client:
		respects = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		respects = c.Options().ContextTimeoutEnabled
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

// take counts one use. INCR comes before all that writes, so that it fails,
// and the script with it, if the memory is full. The count's expiry is put off
// whatever the answer, or else a link that is refused now would have its uses
// again when the others of its id have expired.
//
//	KEYS  the count, and the client's window if there is one
//	ARGV  limit, and how long to keep the count and the window, in milliseconds
var take = redis.NewScript(`
local left = redis.call('PTTL', KEYS[1])
local open = KEYS[2] and redis.call('EXISTS', KEYS[2]) == 1
local ok = open or tonumber(redis.call('GET', KEYS[1]) or 0) < tonumber(ARGV[1])
if ok and not open then
	redis.call('INCR', KEYS[1])
	if KEYS[2] then
		redis.call('SET', KEYS[2], '', 'PX', ARGV[3])
	end
end
if left ~= -1 and left < tonumber(ARGV[2]) then
	redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return ok and 1 or 0
`)

var (
	errNoID     = errors.New("signedurl: the id is empty")
	errNoClient = errors.New("signedurl: a use with a window, but without a client")
	errNoExpiry = errors.New("signedurl: a use whose expiry has passed cannot be counted")
	errZero     = errors.New("signedurl: the Redis store was not made by New")
)

// Take takes one use of an id, as [middleware.UseStore] says. It compares with
// the limit of this call, whatever those of other calls were. A client whose
// window is open takes no use, also when the id has none left.
func (s *Store) Take(ctx context.Context, u middleware.Use) (bool, error) {
	life := milliseconds(time.Until(u.Expires))
	if life <= 0 {
		return false, errNoExpiry // a count that is dropped at once limits nothing
	}
	key, err := s.key("uses", u.ID)
	if err != nil {
		return false, err
	}
	if u.Window <= 0 {
		return s.run(ctx, take, []string{key}, u.Limit, life)
	}
	if !u.Client.IsValid() {
		return false, errNoClient
	}
	return s.run(ctx, take, []string{key, key + ":" + u.Client.String()}, u.Limit, life, milliseconds(u.Window))
}

var revoked = redis.NewScript(`return redis.call('EXISTS', KEYS[1])`)

// Revoked reports whether an id is revoked now.
func (s *Store) Revoked(ctx context.Context, id string) (bool, error) {
	key, err := s.key("revoked", id)
	if err != nil {
		return false, err
	}
	return s.run(ctx, revoked, []string{key})
}

// revoke makes a revocation last at least so many milliseconds, or for ever if
// there is no number.
var revoke = redis.NewScript(`
local left = redis.call('PTTL', KEYS[1])
if not ARGV[1] then
	redis.call('SET', KEYS[1], '')
elseif left ~= -1 and left < tonumber(ARGV[1]) then
	redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return 1
`)

// Revoke revokes an id until a time, after which it is forgotten: the latest
// at which a link of the id expires, plus the verifiers' leeway. The zero time
// revokes it for ever, and takes its room for ever. Of several times for one
// id, the latest counts; a revocation cannot be taken back, but a new id can
// be signed. If there is an error, the id may or may not be revoked: try again.
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

// braces are escaped within ids, so that a cluster finds the slot by the whole
// id, and so that no id looks like another with a window.
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

// run asks Redis. A script is sent as a whole only if the server does not know
// it, which is so after its restart.
func (s *Store) run(ctx context.Context, script *redis.Script, keys []string, args ...any) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	n, err := script.Run(ctx, s.client, keys, args...).Int()
	if err != nil {
		return false, fmt.Errorf("signedurl: Redis: %w", err)
	}
	return n == 1, nil
}

// milliseconds rounds up: nothing is kept shorter than was asked for.
func milliseconds(d time.Duration) int64 {
	n := d.Milliseconds()
	if d > time.Duration(n)*time.Millisecond {
		n++
	}
	return n
}
