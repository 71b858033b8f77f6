// Package memstore keeps the state of limited links in the memory of one
// process: [Revocations] is a list of revoked ids, [Uses] counts the uses of
// links. They go into [middleware.Options], as Revocations and Uses.
//
//	uses := memstore.NewUses(nil)
//	revoked := memstore.NewRevocations(nil)
//	if err := revoked.Load("revoked.txt"); err != nil && !errors.Is(err, fs.ErrNotExist) {
//		log.Fatal(err)
//	}
//	v, err := middleware.NewVerifier(ring, &middleware.Options{Revocations: revoked, Uses: uses})
//
// # What a restart means
//
// A RESTART FORGETS ALL COUNTS. A link with one use that was used before the
// restart has one use again, until it expires; so it is after a crash, and
// with every deployment. And each process counts for itself: behind a load
// balancer with three of them, a link with one use has three. Where a use must
// never be given twice, count in a store that outlives the processes and is
// shared by them, such as the one of package redisstore, and keep the links'
// lives short in any case.
//
// Revocations are forgotten by a restart too, unless they were written to a
// file with [Revocations.Save] and are read with [Revocations.Load] before the
// first request is served. Nothing is saved by itself: call Save after each
// Revoke whose loss would matter.
//
// # What the bounds mean
//
// Both are bounded, and neither forgets to make room. A full list refuses to
// revoke more, which the caller of Revoke must not ignore; full counts refuse
// every link that would need a new one, with 503. Len tells how full they are:
// watch it. Neither needs a goroutine, or is to be closed. What has expired is
// dropped while the store is used, and the memory that it took is used again,
// but not given back.
//
// Every operation costs the same however much is held.
//
// # What is held
//
// Ids are held as the first 128 bits of their SHA-256, so that the store is
// compact, the same size for every id, and shows no ids to whoever reads the
// file. If two ids had the same one, then revoking one would revoke the other,
// and they would share their uses. By chance that does not happen: among a
// million ids, to one in 2^89. Who can choose ids could search for two of
// their own with 2^64 steps, and gains nothing that they could not have with
// one id; to hit a given id takes 2^128.
package memstore
