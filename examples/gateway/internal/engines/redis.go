package engines

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"example.com/signedurl/examples/internal/cli"
	"example.com/signedurl/middleware"
	"example.com/signedurl/middleware/memstore"
	"example.com/signedurl/middleware/redisstore"
)

// RedisHelp says how a Redis is named.
const RedisHelp = "redis://HOST:PORT/DB, redis-cluster://HOST:PORT?addr=HOST:PORT, or redis-sentinel://HOST:PORT?master_name=NAME&addr=HOST:PORT, with USER:PASSWORD@ before the host if need be, and rediss instead of redis for TLS"

// State opens stores of limited uses and of revocations, and keeps them open
// until Close. Stores of the same URL share their connections.
type State struct {
	clients map[string]redis.UniversalClient
	mirrors map[string]*Mirror
}

// Uses returns the counter of limited uses that a URL names. It is nil if the
// URL is "off".
func (s *State) Uses(rawURL, prefix string) (middleware.UseStore, Check, error) {
	switch rawURL {
	case "off":
		return nil, nil, nil
	case "memory":
		return memstore.NewUses(nil), nil, nil
	}
	client, err := s.client(rawURL)
	if err != nil {
		return nil, nil, fmt.Errorf("-uses: %w", err)
	}
	store, err := redisstore.New(client, &redisstore.Options{Prefix: prefix})
	if err != nil {
		return nil, nil, fmt.Errorf("-uses: %w", err)
	}
	return store, store.Check, nil
}

// Mirror is a mirror of revocations that is followed until its State is closed.
type Mirror struct {
	*redisstore.Mirror
	stop context.CancelFunc
	done chan struct{}
}

// Check reports whether the mirror knows what Redis knows. Any ID does.
func (m *Mirror) Check(ctx context.Context) error {
	_, err := m.Revoked(ctx, "readiness")
	return err
}

// Wait waits until the mirror has read Redis, until Redis has given an answer
// that is final, or until ctx ends. Check tells which.
func (m *Mirror) Wait(ctx context.Context) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := m.Check(ctx); err == nil || final(err) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// final reports whether an error of Redis is one for which a moment's wait is
// no cure: nobody listens there, or the reply is not that of a server that
// starts or fails over.
func final(err error) bool {
	var name *net.DNSError
	var reply redis.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return true
	case errors.As(err, &name):
		return name.IsNotFound
	case redis.IsLoadingError(err), redis.IsClusterDownError(err), redis.IsMasterDownError(err),
		redis.IsReadOnlyError(err), redis.IsTryAgainError(err), redis.IsMaxClientsError(err):
		return false
	}
	return errors.As(err, &reply)
}

// Revocations returns the mirror of the revocations that a URL names, which it
// follows. The same URL and prefix give the same mirror.
func (s *State) Revocations(rawURL, prefix string, maxStale time.Duration) (*Mirror, error) {
	key := fmt.Sprintf("%s %s %v", rawURL, prefix, maxStale)
	if m := s.mirrors[key]; m != nil {
		return m, nil
	}
	client, err := s.client(rawURL)
	if err != nil {
		return nil, fmt.Errorf("-revocations: %w", err)
	}
	mirror, err := redisstore.NewMirror(client, &redisstore.MirrorOptions{Prefix: prefix, MaxStale: maxStale})
	if err != nil {
		return nil, fmt.Errorf("-revocations: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &Mirror{mirror, stop, make(chan struct{})}
	go func() {
		defer close(m.done)
		_ = mirror.Follow(ctx) // the context's error
	}()
	if s.mirrors == nil {
		s.mirrors = map[string]*Mirror{}
	}
	s.mirrors[key] = m
	return m, nil
}

// Close closes all stores.
func (s *State) Close() {
	for _, m := range s.mirrors {
		m.stop()
		<-m.done
	}
	for _, c := range s.clients {
		c.Close()
	}
}

// The client's own log would repeat on the standard error, for each attempt and
// in another form, what the gateway says once.
func init() { redis.SetLogger(silent{}) }

type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func (s *State) client(rawURL string) (redis.UniversalClient, error) {
	if c := s.clients[rawURL]; c != nil {
		return c, nil
	}
	c, err := newClient(rawURL)
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	if s.clients == nil {
		s.clients = map[string]redis.UniversalClient{}
	}
	s.clients[rawURL] = c
	return c, nil
}

// newClient returns the client that a URL names. Neither its errors nor those of
// the client have a password.
func newClient(rawURL string) (redis.UniversalClient, error) {
	wrong := errors.New("it must be " + RedisHelp)
	scheme, rest, ok := strings.Cut(rawURL, "://")
	u, err := url.Parse(rawURL)
	if !ok || err != nil || u.Host == "" {
		return nil, wrong
	}
	tls, kind, _ := strings.Cut(scheme, "-")
	if tls != "redis" && tls != "rediss" {
		return nil, wrong
	}
	plain := tls + "://" + rest
	// A refused connection is an error at once, and the client notices soon
	// what a cluster has become.
	const dialTimeout = time.Second
	switch kind {
	case "":
		o, err := redis.ParseURL(plain)
		if err != nil {
			return nil, hide(err, u)
		}
		o.ContextTimeoutEnabled, o.DialerRetries, o.DialTimeout = true, 1, dialTimeout
		c := redis.NewClient(o)
		c.AddHook(hiding{u})
		return c, nil
	case "cluster":
		o, err := redis.ParseClusterURL(plain)
		if err != nil {
			return nil, hide(err, u)
		}
		o.ContextTimeoutEnabled, o.DialerRetries, o.DialTimeout = true, 1, dialTimeout
		o.ClusterStateReloadInterval = time.Second
		c := redis.NewClusterClient(o)
		c.OnNewNode(func(node *redis.Client) { node.AddHook(hiding{u}) })
		return c, nil
	case "sentinel":
		o, err := redis.ParseFailoverURL(plain)
		if err != nil {
			return nil, hide(err, u)
		}
		if o.MasterName == "" {
			return nil, errors.New("a URL of Sentinel needs ?master_name=NAME")
		}
		o.ContextTimeoutEnabled, o.DialerRetries, o.DialTimeout = true, 1, dialTimeout
		c := redis.NewFailoverClient(o)
		c.AddHook(hiding{u})
		return c, nil
	}
	return nil, wrong
}

// hide removes the passwords of a URL from an error, and returns the same error if
// it has none.
func hide(err error, u *url.URL) error {
	if err == nil {
		return nil
	}
	var passwords []string
	if p, _ := u.User.Password(); p != "" {
		passwords = append(passwords, p)
	}
	for name, values := range u.Query() {
		if strings.Contains(name, "password") {
			passwords = append(passwords, values...)
		}
	}
	text := err.Error()
	for _, p := range passwords {
		if p != "" {
			text = strings.NewReplacer(p, "xxxxx", url.QueryEscape(p), "xxxxx").Replace(text)
		}
	}
	if text == err.Error() {
		return err
	}
	return hidden(text)
}

// hidden is an error without the password that it had. Replies are the errors that
// have one, so it is a reply.
type hidden string

func (h hidden) Error() string { return string(h) }
func (hidden) RedisError()     {}

// hiding hides the passwords of a URL in the errors of a client: what is not
// Redis, or an old one, may repeat the command that it does not understand, AUTH
// with its password.
type hiding struct{ u *url.URL }

func (h hiding) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h hiding) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if safe := hide(err, h.u); safe != err {
			cmd.SetErr(safe)
			return safe
		}
		return err
	}
}

func (h hiding) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next // the stores send no pipelines
}
