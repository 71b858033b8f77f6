// Package redisstore keeps the state of limited links in Redis, where several
// processes share it and where it outlives them. A [Store] counts the uses of
// links and knows which IDs are revoked. It goes into [middleware.Options], as
// Uses, as Revocation, or as both.
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
// Each call runs one script, which is one atomic step and one round trip. The
// script runs on the server that accepts writes: neither a replica nor a
// client-side cache answers. If Redis does not answer, is full or read-only,
// or holds something else under the key, the request is refused with 503.
//
// # What Redis must be
//
// The store needs Redis 5 or later, or a compatible server such as Valkey:
// standalone, with Sentinel, or as a cluster. A redis.Ring is refused, because
// it fails over to a server that does not know the counts.
//
// THE POLICY FOR FULL MEMORY MUST BE noeviction. With any other policy, Redis
// makes room by dropping counts and revocations; then a link has its uses
// again, and a revoked link works. So the store needs a Redis of its own,
// separate from any cache. [Store.Check] checks the policy.
//
// A Redis user for the store needs the commands EVALSHA, EVAL, DECR, DEL,
// EXISTS, GET, INCR, PEXPIRE, PTTL, SET, ZADD, ZREM, ZREMRANGEBYRANK,
// ZREVRANGE and ZSCORE for keys with the store's prefix, and INFO for Check. A Mirror
// needs HMGET, HSET, TIME, XADD, XREAD, ZRANGEBYSCORE and ZSCAN too. In a cluster, the
// client itself needs CLUSTER SLOTS as well.
//
// # What a restart means
//
// WHAT REDIS LOSES IS FORGOTTEN. Without persistence, a restart of Redis
// forgets all counts and revocations: links that were used up have their uses
// again until they expire, and revoked links work. With snapshots, a restart
// forgets everything since the last one. With an append-only file and
// "appendfsync everysec", a crash forgets up to a second; with "appendfsync
// always", it forgets nothing. Replicas lag behind: a failover forgets what had
// not reached the replica that takes over. Revoke again after such a loss. A
// use cannot be taken again.
//
// # When Redis is down
//
// Links that are counted or can be revoked are refused with 503; all other
// links work. A request waits no longer than [Options.Timeout]. Within that
// time the client tries to connect several times. Set DialerRetries to 1 in the
// client's options to make a refused connection an error at once. After as many
// failures as its pool has connections, the client stops connecting for each
// request and checks once a second whether Redis is back.
//
// # Clusters
//
// When a master of a cluster fails, links whose IDs are in its slots are
// refused with 503 until a replica has taken over and the client knows it. The
// cluster needs its cluster-node-timeout (15 seconds by default) and a second
// or two. The client notices when it next loads the cluster's state: a request
// to the dead master tells it nothing. By default it does so once a minute, so
// that links are refused for up to a minute longer than necessary. New
// therefore demands a ClusterStateReloadInterval of 5 seconds or less in the
// client's options:
//
//	client := redis.NewClusterClient(&redis.ClusterOptions{
//		Addrs:                      addrs,
//		ContextTimeoutEnabled:      true,
//		ClusterStateReloadInterval: time.Second,
//		DialTimeout:                time.Second,
//		DialerRetries:              1,
//	})
//
// The last two are not demanded. They help if a host vanishes and does not even
// refuse connections: the client may ask it for the cluster's state before it
// asks another, and by default it waits for 25 seconds.
//
// # Pushed revocations
//
// A [Store] asks Redis for every link that has an ID, which costs as much as some 150
// verifications. A [Mirror] holds the revocations of the whole fleet in memory and
// follows Redis, so that a check costs about 100 nanoseconds, and a revocation is
// everywhere some 50 milliseconds later:
//
//	mirror, err := redisstore.NewMirror(client, nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	go mirror.Follow(ctx)
//	v, err := middleware.NewVerifier(ring, &middleware.Options{Uses: store, Revocations: mirror})
//	...
//	err = mirror.Revoke(ctx, id, expires)
//
// What a Mirror revokes is not what a Store revokes: take one of them for
// revocations.
//
// The promise is that nothing is accepted that was revoked longer than MaxStale ago (5
// seconds by default). Four times in that time, a mirror has Redis prove that it is
// a master, by a write, and that the log is the one that was followed, to its end. If it
// is not, because of a gap, a log that was trimmed or another history, the
// mirror reads everything anew, and adds it to what it has. If there is no such proof
// for MaxStale, links that have an ID are refused with 503. What a mirror once heard
// stays until the link has expired, also if Redis has lost it; a mirror that starts
// afterwards does not know of it. It needs about 75 bytes for each revocation, and
// reads a million in 3 seconds. Redis forgets a revocation an hour after its links have
// expired, so that clocks may differ; a mirror whose clock is half an hour behind refuses.
//
// The promise is about what one master has acknowledged. A failover to a replica that
// lagged loses what it had not got, for mirrors that start later: set
// min-replicas-to-write to 1 and min-replicas-max-lag to a second or two, so that a master
// that has lost its replica accepts no revocations, and revoke again what
// failed.
//
// # Retries
//
// When a connection breaks, the client may repeat a script that has run
// already. Each use has a nonce, which is kept with the count, so that a
// repeated script neither takes nor gives back a second use. If the client
// gives up, because of [Options.Timeout] or its MaxRetries, the request is
// refused with 503, and its use may have been taken.
//
// # What is stored
//
//   - "signedurl:uses:{ID}" is the count, a number. It expires at the latest
//     expiry seen for the ID.
//
//   - "signedurl:uses:{ID}:recent" is a sorted set with the nonces of the uses
//     that can be given back: the latest 1,000 of the ID, some 100 kilobytes at
//     most. It expires five minutes after the latest use, or with the count if
//     that is earlier.
//
//   - "signedurl:uses:{ID}:NETWORK" is a client's open window and holds the
//     nonce of the use that opened it. It expires when the window ends.
//
//   - "signedurl:revoked:{ID}" is a revocation, an empty value. It expires at
//     the time given to Revoke.
//
//   - "signedurl:feed:{revocations}:set", ":log", ":state" and ":pulse" are those of a
//     Mirror, in one slot of a cluster: a sorted set of the IDs by expiry, a stream of the
//     latest 100,000, how far it is, and a sign of life.
//
// Within the ID, "%", "{" and "}" are escaped. The braces around it keep all
// keys for the uses of an ID in one slot of a cluster. A link with n uses can
// open n windows at a time; that and maxmemory bound what is stored. Client
// addresses are stored only if there is a window, and only until it ends.
//
// Redis measures time from the moment of each call, so its clock need not agree
// with those of the verifiers.
package redisstore
