// Package memstore keeps the state of limited links in the memory of one
// process. [Revocations] is a list of revoked IDs, and [Uses] counts the uses of
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
// restart has one use again until it expires. The same happens after a crash
// and with every deployment. And each process counts for itself: behind a load
// balancer with three processes, a link with one use has three. If a use must
// never be given twice, count in a store that outlives the processes and is
// shared by them, such as the one in package redisstore. Keep the lives of
// links short in any case.
//
// A restart forgets revocations too, unless they were written to a file with
// [Revocations.Save] and are read with [Revocations.Load] before the first
// request is served. Nothing is saved automatically: call Save after each
// Revoke whose loss would matter.
//
// # What the bounds mean
//
// Both stores are bounded, and neither forgets anything to make room. A full
// Revocations refuses to revoke more, which the caller of Revoke must not
// ignore. A full Uses refuses every link that would need a new count, with 503.
// Len reports how full they are: monitor it. Neither needs a goroutine or has to
// be closed. Entries that have expired are dropped while the store is used.
// Their memory is reused, but not returned.
//
// The cost of an operation does not depend on how much is held.
//
// # What is held
//
// IDs are held as the first 128 bits of their SHA-256. So the store is compact,
// an ID of any length takes the same room, and the file shows no IDs to its
// readers. If two IDs had the same digest, revoking one would revoke the other,
// and they would share their uses. This does not happen by chance: for a million
// IDs, the probability is one in 2^89. Someone who can choose IDs could search
// for two of their own with 2^64 steps, and would gain nothing that one ID does
// not give them; to match a given ID takes 2^128 steps.
package memstore
