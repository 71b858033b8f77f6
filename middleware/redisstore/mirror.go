package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/middleware"
)

var _ middleware.Revocations = (*Mirror)(nil)

// MirrorOptions configures [NewMirror]. Nil selects the defaults.
type MirrorOptions struct {
	// Prefix begins all keys. The default is "signedurl:". It may be that of a
	// [Store]; their revocations are not those of a Mirror.
	Prefix string
	// MaxStale is how old the last word of Redis may be, before links that have an
	// ID are refused with 503. The default is 5 seconds, and the least is one.
	MaxStale time.Duration
	// Max is how many revocations are held. More are an error, so that nothing is
	// forgotten to make room. The default is 10,000,000.
	Max int
	// Error, if not nil, is called when Redis does not answer or does not fit, and
	// with nil when all is well again. It is called by one goroutine.
	Error func(err error)
}

// Mirror holds the revocations of a whole fleet in memory, and follows Redis, which
// pushes new ones. So a check costs no round trip, and a link that is revoked is refused
// everywhere a moment later. It is a [middleware.Revocations].
//
// If Redis cannot be reached for longer than MaxStale, or has not what it had, [Revoked]
// returns an error, which wraps what was wrong last, and the links are refused: no link
// that was revoked longer than MaxStale ago is ever accepted. What a Mirror has heard of a revocation stays until the link
// expires, whatever Redis loses. See "Pushed revocations" in the package
// documentation. A Mirror is safe for concurrent use.
type Mirror struct {
	store    *Store
	keys     [4]string // set, log, state, pulse
	maxStale time.Duration
	max      int64
	report   func(error)

	held   [shards]shard
	count  atomic.Int64
	fresh  atomic.Pointer[word]
	follow sync.Mutex // one Follow at a time
	swept  atomic.Uint32
}

// word is the last word of Redis that all is known: when it was asked for and what to say
// once it is too old, or why it is not to be had. The errors are made before they are
// asked for, so that refusals allocate nothing either.
type word struct {
	sent  time.Time
	stale error
	err   error
}

// The IDs are in shards, so that checks do not wait for each other, nor long for an
// entry that is added.
const shards = 256

type shard struct {
	mu      sync.RWMutex
	expires map[string]int64 // Unix milliseconds
}

var seed = maphash.MakeSeed()

func (m *Mirror) shard(id string) *shard { return &m.held[maphash.String(seed, id)%shards] }

const (
	defaultMaxStale = 5 * time.Second
	defaultMax      = 10_000_000
	// grace is how much longer than its link Redis keeps a revocation. A verifier whose
	// clock is behind that of Redis by less accepts no link that Redis has forgotten.
	grace = time.Hour
	// maxLog is about how many entries of the log are kept. A mirror that missed more
	// reads everything.
	maxLog = 100_000
)

var (
	errNotFollowing = errors.New("signedurl: the mirror of the revocations has not heard from Redis yet")
	errStale        = errors.New("signedurl: the mirror of the revocations has not heard from Redis for too long")
	errFull         = errors.New("signedurl: the mirror of the revocations is full")
	errBehind       = errors.New("signedurl: the clock is behind that of Redis: revocations may be forgotten before their links expire here")
	errZeroMirror   = errors.New("signedurl: the mirror was not made by NewMirror")
)

// NewMirror returns a mirror that uses client, which it does not close. It does not
// connect: [Mirror.Follow] does. The errors are those of [New], and of options that are
// negative or too small. It panics if client is nil.
func NewMirror(client redis.UniversalClient, opts *MirrorOptions) (*Mirror, error) {
	var o MirrorOptions
	if opts != nil {
		o = *opts
	}
	if o.MaxStale == 0 {
		o.MaxStale = defaultMaxStale
	}
	if o.Max == 0 {
		o.Max = defaultMax
	}
	if o.MaxStale < time.Second {
		return nil, fmt.Errorf("signedurl: MaxStale is %v, and must be a second or more", o.MaxStale)
	}
	if o.Max < 0 {
		return nil, errors.New("signedurl: Max is negative")
	}
	// A question that takes longer than this has no fresh answer.
	store, err := New(client, &Options{Prefix: o.Prefix, Timeout: o.MaxStale / 2})
	if err != nil {
		return nil, err
	}
	if c, ok := client.(*redis.ClusterClient); ok && c.Options().ReadOnly {
		return nil, errors.New("signedurl: a mirror reads from masters alone; set neither ReadOnly, RouteByLatency nor RouteRandomly in the Redis client's options")
	}
	m := &Mirror{store: store, maxStale: o.MaxStale, max: int64(o.Max), report: o.Error}
	if m.report == nil {
		m.report = func(error) {}
	}
	for i, name := range [...]string{"set", "log", "state", "pulse"} {
		m.keys[i] = store.prefix + "feed:{revocations}:" + name
	}
	for i := range m.held {
		m.held[i].expires = map[string]int64{}
	}
	m.fresh.Store(&word{err: errNotFollowing})
	return m, nil
}

// Revoked reports whether an ID is revoked. The error says that what is known may not be
// all. It takes no lock that another check waits for, allocates nothing, and does not use
// the context.
func (m *Mirror) Revoked(_ context.Context, id string) (bool, error) {
	if m == nil || m.store == nil {
		return false, errZeroMirror
	}
	now := time.Now()
	s := m.shard(id)
	s.mu.RLock()
	expires, found := s.expires[id]
	s.mu.RUnlock()
	if found && expires > now.UnixMilli() {
		return true, nil // also if there may be more
	}
	return false, m.stale(now)
}

// stale returns why what is known may not be all, or nil. The age of the last word is the
// larger one by two clocks: a machine that sleeps stops the one, and an administrator
// sets the other.
func (m *Mirror) stale(now time.Time) error {
	w := m.fresh.Load()
	switch {
	case w.err != nil:
		return w.err
	case now.Sub(w.sent) > m.maxStale, now.UnixNano()-w.sent.UnixNano() > int64(m.maxStale):
		return w.stale
	}
	return nil
}

// blame makes the error of a word that never came, or that gets too old, say why. It is
// for the goroutine that follows.
func (m *Mirror) blame(fault error) {
	w := *m.fresh.Load()
	switch {
	case w.err == nil:
		w.stale = fmt.Errorf("%w: %w", errStale, fault)
	case errors.Is(w.err, errNotFollowing):
		w.err = fmt.Errorf("%w: %w", errNotFollowing, fault)
	default:
		return // it says more than the connection that was lost after it
	}
	m.fresh.Store(&w)
}

// publish adds a revocation to the set and to the log, in one step. Each entry names the
// token of the one before it, so that a follower notices if Redis lost some and others
// took their numbers.
//
//	KEYS  set, log, state
//	ARGV  id, expiry in milliseconds or inf, a new token, the time before which
//	      revocations are forgotten, the length of the log
var publish = redis.NewScript(`
local score = tonumber(ARGV[2])
local old = redis.call('ZSCORE', KEYS[1], ARGV[1])
if old and tonumber(old) >= score then
	return 1
end
local state = redis.call('HMGET', KEYS[3], 'epoch', 'seq', 'token')
local epoch, seq, before = state[1] or ARGV[3], (tonumber(state[2]) or 0) + 1, state[3] or ''
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], seq .. '-1', 'id', ARGV[1], 'until', ARGV[2], 'token', ARGV[3], 'before', before)
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[3], 'epoch', epoch, 'seq', seq, 'token', ARGV[3])
local gone = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[4], 'LIMIT', 0, 100)
if #gone > 0 then
	redis.call('ZREM', KEYS[1], unpack(gone))
end
return 1
`)

// Revoke revokes an ID until a time, for all mirrors with the same Redis and prefix, as
// [Store.Revoke] does for stores. It does not need Follow. If there is an error, the ID may
// or may not be revoked: try again.
func (m *Mirror) Revoke(ctx context.Context, id string, until time.Time) error {
	if m == nil || m.store == nil {
		return errZeroMirror
	}
	if id == "" {
		return errNoID
	}
	score := "inf"
	if !until.IsZero() {
		if !until.After(time.Now()) {
			return nil
		}
		score = strconv.FormatInt(until.UnixMilli()+1, 10)
	}
	_, err := m.store.run(ctx, publish, m.keys[:3], id, score, rand.Text(), time.Now().Add(-grace).UnixMilli(), maxLog)
	return err
}

// pulse proves that Redis accepts writes, which a replica does not, and returns how far
// its log is, in one step.
//
//	KEYS  state, pulse
//	ARGV  anything
var pulse = redis.NewScript(`
redis.call('SET', KEYS[2], ARGV[1])
local state = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'token')
local now = redis.call('TIME')
return {state[1] or '', state[2] or '0', state[3] or '', now[1]}
`)

// place is how far a log is, or how far it was followed.
type place struct {
	epoch string
	seq   int64
	token string
}

// Follow reads the revocations from Redis, and follows it until the context ends. It
// connects again as often as it must, and returns the context's error. Call it once, in a
// goroutine of its own; a second call waits for the first.
func (m *Mirror) Follow(ctx context.Context) error {
	if m == nil || m.store == nil {
		return errZeroMirror
	}
	m.follow.Lock()
	defer m.follow.Unlock()
	failed := false
	for {
		err := m.followOnce(ctx, func() {
			if failed {
				failed = false
				m.report(nil)
			}
		})
		if ctx.Err() != nil {
			m.fresh.Store(&word{err: errNotFollowing})
			return ctx.Err()
		}
		m.blame(err)
		m.sweep() // a full one needs it
		if !errors.Is(err, errGap) {
			failed = true
			m.report(fmt.Errorf("signedurl: mirror of the revocations: %w", err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(m.maxStale / 20):
		}
	}
}

// errGap says that the log is not the one that was followed, or not all of it is there.
var errGap = errors.New("the log has a gap")

// followOnce reads the set and follows the log, until something is wrong.
func (m *Mirror) followOnce(ctx context.Context, well func()) error {
	// First where the log is, then the set: what is added meanwhile is in the log.
	at, _, err := m.pulse(ctx)
	if err != nil {
		return err
	}
	if err := m.readSet(ctx); err != nil {
		return err
	}
	var next time.Time
	for {
		if !time.Now().Before(next) {
			next = time.Now().Add(m.maxStale / 4)
			sent := time.Now()
			there, ahead, err := m.pulse(ctx)
			if err != nil {
				return err
			}
			if there.epoch != at.epoch && at.epoch != "" || there.seq < at.seq || there.seq == at.seq && there.token != at.token {
				return errGap
			}
			for at.seq < there.seq {
				before := at.seq
				if err := m.readLog(ctx, &at, -1); err != nil {
					return err
				}
				if at.seq == before {
					return errGap // the log is missing
				}
			}
			at.epoch = there.epoch
			if ahead > grace/2 {
				m.fresh.Store(&word{err: errBehind})
				return errBehind
			}
			m.fresh.Store(&word{sent: sent, stale: errStale})
			well()
			m.sweep()
		}
		if err := m.readLog(ctx, &at, max(time.Until(next), time.Millisecond)); err != nil {
			return err
		}
	}
}

// pulse returns how far the log is, and by how much the clock of Redis is ahead.
func (m *Mirror) pulse(ctx context.Context) (p place, ahead time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, m.store.timeout)
	defer cancel()
	reply, err := pulse.Run(ctx, m.store.client, m.keys[2:], "").StringSlice()
	if err != nil {
		return p, 0, err
	}
	if len(reply) != 4 {
		return p, 0, errors.New("the state is malformed")
	}
	seq, err1 := strconv.ParseInt(reply[1], 10, 64)
	now, err2 := strconv.ParseInt(reply[3], 10, 64)
	if err := errors.Join(err1, err2); err != nil || seq < 0 {
		return p, 0, errors.New("the state is malformed")
	}
	return place{reply[0], seq, reply[2]}, time.Until(time.Unix(now, 0)), nil
}

// readSet adds all revocations of the set to those that are held.
func (m *Mirror) readSet(ctx context.Context) error {
	for cursor := uint64(0); ; {
		c, cancel := context.WithTimeout(ctx, m.store.timeout)
		// SCAN returns what is there all the time; the rest is in the log.
		found, next, err := m.store.client.ZScan(c, m.keys[0], cursor, "", 5000).Result()
		cancel()
		if err != nil {
			return err
		}
		if len(found)%2 != 0 {
			return errors.New("the set is malformed")
		}
		for i := 0; i < len(found); i += 2 {
			if err := m.add(found[i], found[i+1]); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// readLog reads what follows in the log, and waits for something if it must: that is
// what block is for, which is negative if it need not.
func (m *Mirror) readLog(ctx context.Context, at *place, block time.Duration) error {
	c, cancel := context.WithTimeout(ctx, max(block, 0)+m.store.timeout)
	defer cancel()
	streams, err := m.store.client.XRead(c, &redis.XReadArgs{
		Streams: []string{m.keys[1], strconv.FormatInt(at.seq, 10) + "-1"}, Count: 1000, Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, stream := range streams {
		for _, entry := range stream.Messages {
			id, _ := entry.Values["id"].(string)
			until, _ := entry.Values["until"].(string)
			token, _ := entry.Values["token"].(string)
			before, _ := entry.Values["before"].(string)
			if entry.ID != strconv.FormatInt(at.seq+1, 10)+"-1" || before != at.token || id == "" || token == "" {
				return errGap
			}
			if err := m.add(id, until); err != nil {
				return err
			}
			at.seq, at.token = at.seq+1, token
		}
	}
	return nil
}

// add holds a revocation, or holds it for longer. None is ever taken away before its time.
func (m *Mirror) add(id, until string) error {
	score, err := strconv.ParseFloat(until, 64)
	if err != nil || math.IsNaN(score) || id == "" {
		return errors.New("a revocation is malformed")
	}
	expires := int64(math.MaxInt64)
	if score < math.MaxInt64/2 {
		expires = int64(score)
	}
	if expires <= time.Now().Add(-grace).UnixMilli() {
		return nil
	}
	s := m.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	old, found := s.expires[id]
	if !found {
		// A mirror that is full keeps what it has, and says so.
		if m.count.Add(1) > m.max {
			m.count.Add(-1)
			m.fresh.Store(&word{err: errFull})
			return errFull
		}
	}
	if expires > old {
		s.expires[id] = expires
	}
	return nil
}

// sweep forgets what has expired, in a few shards at a time.
func (m *Mirror) sweep() {
	// A clock that was set back must not find what it would need forgotten.
	before := time.Now().Add(-grace).UnixMilli()
	for range shards / 16 {
		s := &m.held[int(m.swept.Add(1))%shards]
		s.mu.Lock()
		for id, expires := range s.expires {
			if expires < before {
				delete(s.expires, id)
				m.count.Add(-1)
			}
		}
		s.mu.Unlock()
	}
}
