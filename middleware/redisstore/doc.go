// Package redisstore keeps the state of limited links in Redis, where several
// processes share it and where it outlives them: a [Store] counts the uses of
// links and knows revoked ids. It goes into [middleware.Options], as Uses, as
// Revocations, or as both.
//
//	client := redis.NewClient(&redis.Options{Addr: "localhost:6379", ContextTimeoutEnabled: true})
//	store, err := redisstore.New(client, nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	if err := store.Check(ctx); err != nil {
//		log.Fatal(err)
//	}
//	v, err := middleware.NewVerifier(ring, &middleware.Options{Uses: store, Revocations: store})
//
// Each question is one script, and so one atomic step and one round trip, to
// the server that is written to: neither a replica nor a cache in the client
// answers. If Redis does not answer, is full or read-only, or holds something
// else under the key, the request is refused with 503.
//
// # What Redis must be
//
// Redis 5 or later, or a server that speaks its language, such as Valkey;
// alone, with Sentinel, or as a cluster. A redis.Ring is refused: when a server
// fails, it goes on with another, which knows of no count.
//
// THE POLICY FOR FULL MEMORY MUST BE noeviction. With any other, Redis makes
// room by dropping counts and revocations, and then a link has its uses again,
// and a revoked one works. So the store needs a Redis of its own, apart from
// one that is a cache. [Store.Check] looks at it.
//
// A user for the store needs the commands EVALSHA, EVAL, EXISTS, GET, SET,
// INCR, PTTL and PEXPIRE, for keys with its prefix, and INFO for Check.
//
// # What a restart means
//
// WHAT REDIS FORGETS IS FORGOTTEN. Without persistence, a restart of Redis
// forgets all counts and revocations: links that were used up have their uses
// again until they expire, and revoked ones work. With snapshots it forgets
// those since the last one, with an append-only file and "appendfsync
// everysec" up to a second in a crash, with "appendfsync always" none.
// Replicas follow at a distance: a failover forgets what had not reached the
// one that takes over. Revoke again after such a loss; there is no way to take
// a use again.
//
// # When Redis is down
//
// Links that are counted, or can be revoked, are refused with 503, and all
// others work. A request waits no longer than [Options.Timeout]. The client
// tries to connect several times in that time; DialerRetries: 1 in its options
// makes a refused connection an error at once. After as many failures as its
// pool is large, it asks no more, and looks once a second whether Redis is back.
//
// # Retries
//
// When a connection breaks, the client may send a request again that was
// carried out already. So a use can be taken twice for one request, and a link
// with one use be spent on a request that failed. It never works the other way:
// a link has at most its number of uses. MaxRetries: -1 in the client's options
// gives up instead, with 503; the use may be spent then too.
//
// # What is held
//
// A count is a number under "signedurl:uses:{ID}", a client's open window an
// empty value under "signedurl:uses:{ID}:NETWORK", and a revocation an empty
// value under "signedurl:revoked:{ID}", where "%", "{" and "}" within the id
// are written as escapes. All expire: the count with the latest expiry that was
// seen for the id, the window at its end, and the revocation when it was said
// to. The braces keep count and windows of an id in one slot of a cluster. A
// link with n uses can open n windows at a time; that and Redis' maxmemory
// bound what is held. Addresses of clients are held only where there is a
// window, and only for so long.
//
// Time is measured by Redis from the moment it is asked, so that its clock and
// those of the verifiers need not agree.
package redisstore
