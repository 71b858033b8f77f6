package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
)

// The nonces of an ID's recent uses are bounded in number and in time, so that
// an ID with a million uses does not hold a million nonces: 1,000 take some
// 100 kilobytes. A handler gives back within milliseconds, and a client
// repeats a script within the store's timeout. A use whose nonce is forgotten
// stays taken.
const (
	maxRecent = 1000
	recentFor = 5 * time.Minute // since the latest use of the ID
)

// take counts one use. INCR comes before all other commands that need memory,
// so that it fails, and the script with it, if the memory is full. The count's
// expiry is extended whatever the answer. Otherwise a link that is refused now
// would have its uses again when the others of its ID have expired.
//
// The sorted set holds the nonces of recent uses. The scores ascend from 1 in
// the order of the uses, so that the oldest nonces can be removed. The score 0
// marks a use in whose window another request passed for free: it cannot be
// given back, but is still recognized if its Take is repeated. The set expires
// no later than the count.
//
// A window holds the nonce of the use that opened it.
//
//	KEYS  the count, the nonces, and the client's window if there is one
//	ARGV  limit, how long to keep the count, nonce (empty if there is none), how
//	      many nonces to keep, how long to keep them, and how long the window is
//	      open; times are in milliseconds
var take = redis.NewScript(`
local left = redis.call('PTTL', KEYS[1])
local life, nonce = tonumber(ARGV[2]), ARGV[3]
local again = left ~= -2 and redis.call('ZSCORE', KEYS[2], nonce)
local opener = not again and KEYS[3] and redis.call('GET', KEYS[3])
local ok = again or opener or tonumber(redis.call('GET', KEYS[1]) or 0) < tonumber(ARGV[1])
if opener then
	if tonumber(redis.call('ZSCORE', KEYS[2], opener) or 0) > 0 then
		redis.call('ZREM', KEYS[2], opener)
		redis.call('ZADD', KEYS[2], 0, opener)
	end
elseif ok and not again then
	redis.call('INCR', KEYS[1])
	if left == -2 then
		redis.call('DEL', KEYS[2])
	end
	if nonce ~= '' then
		local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2] or 0
		redis.call('ZADD', KEYS[2], last + 1, nonce)
		redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[4])
		local keep = tonumber(ARGV[5])
		if left ~= -1 then
			keep = math.min(keep, math.max(left, life))
		end
		redis.call('PEXPIRE', KEYS[2], keep)
	end
	if KEYS[3] then
		redis.call('SET', KEYS[3], nonce, 'PX', ARGV[6])
	end
end
if left ~= -1 and left < life then
	redis.call('PEXPIRE', KEYS[1], life)
end
return ok and 1 or 0
`)

// giveBack undoes a take. ZREM comes before DECR, which by itself would fail
// if the memory is full.
//
//	KEYS  as for take
//	ARGV  nonce
var giveBack = redis.NewScript(`
local nonce = ARGV[1]
local score = tonumber(redis.call('ZSCORE', KEYS[2], nonce) or 0)
if score == 0 or tonumber(redis.call('GET', KEYS[1]) or 0) < 1 then
	return 0
end
redis.call('ZREM', KEYS[2], nonce)
redis.call('DECR', KEYS[1])
if KEYS[3] and redis.call('GET', KEYS[3]) == nonce then
	redis.call('DEL', KEYS[3])
end
return 1
`)

// Take takes one use of an ID, as [middleware.UseStore] describes. It compares
// the count with the limit of this call, whatever the limits of other calls
// were. A client whose window is open takes no use, even if the ID has none
// left.
func (s *Store) Take(ctx context.Context, u middleware.Use) (bool, error) {
	life := milliseconds(time.Until(u.Expires))
	if life <= 0 {
		return false, errNoExpiry // a count that is dropped at once limits nothing
	}
	keys, err := s.useKeys(u)
	if err != nil {
		return false, err
	}
	return s.run(ctx, take, keys, u.Limit, life, nonce(u), maxRecent, milliseconds(recentFor), milliseconds(u.Window))
}

// GiveBack gives back the use that Take took, as [middleware.UseStore]
// describes. The store remembers the latest 1,000 uses of an ID, for five
// minutes after the latest; older ones cannot be given back. If there is an
// error, the use may or may not be given back, and GiveBack can be repeated.
func (s *Store) GiveBack(ctx context.Context, u middleware.Use) error {
	keys, err := s.useKeys(u)
	if err != nil {
		return err
	}
	// A count is kept until u.Expires at least. Later there may be none, or a
	// new one from which nothing was taken for this use.
	if nonce(u) == "" || !time.Now().Before(u.Expires) {
		return nil
	}
	_, err = s.run(ctx, giveBack, keys, nonce(u))
	return err
}

// useKeys returns the keys of a use for take and giveBack. They have one hash
// tag, so that they are in one slot of a cluster.
func (s *Store) useKeys(u middleware.Use) ([]string, error) {
	key, err := s.key("uses", u.ID)
	switch {
	case err != nil:
		return nil, err
	case u.Window <= 0:
		return []string{key, key + ":recent"}, nil
	case !u.Client.IsValid():
		return nil, errNoClient
	}
	return []string{key, key + ":recent", key + ":" + u.Client.String()}, nil
}

// nonce returns the nonce of a use for the scripts.
func nonce(u middleware.Use) string {
	if u.Nonce == [16]byte{} {
		return ""
	}
	return string(u.Nonce[:])
}
