package memstore

// maxRecent is how many uses a store remembers, so that they can be given back
// and a repeated Take is recognized: some 6 megabytes at most. A handler gives
// back within milliseconds, and a process serves some 10,000 requests in a
// second, so this is seconds of the highest load. A use that was forgotten
// stays taken.
const maxRecent = 1 << 15

// recentUses holds the latest uses of all IDs. It is bounded by their number
// and not by time, so that it needs neither a clock nor a lookup in old uses.
type recentUses struct {
	last   int64              // the serial number of the latest use; the first is 1
	ring   []recentUse        // the use with serial number n is at (n-1) % maxRecent
	serial map[[16]byte]int64 // by nonce, of the uses that were not given back
}

type recentUse struct {
	nonce  [16]byte
	id     digest
	window digest // that the use opened; zero if none
	shared bool   // another request passed for free in that window
}

// add remembers a use in place of the oldest, and returns its serial number.
func (r *recentUses) add(u recentUse) int64 {
	i := int(r.last % maxRecent)
	if i == len(r.ring) {
		r.ring = append(r.ring, recentUse{})
	}
	r.last++
	delete(r.serial, r.ring[i].nonce)
	r.ring[i] = u
	r.serial[u.nonce] = r.last
	return r.last
}

// at returns the use with a serial number, or nil if it was forgotten.
func (r *recentUses) at(serial int64) *recentUse {
	if serial <= 0 || serial <= r.last-maxRecent {
		return nil
	}
	return &r.ring[(serial-1)%maxRecent]
}

// find returns the use of an ID with a nonce, and its serial number. It
// returns nil if the use was given back or forgotten.
func (r *recentUses) find(nonce [16]byte, id digest) (*recentUse, int64) {
	serial := r.serial[nonce]
	if u := r.at(serial); u != nil && u.id == id {
		return u, serial
	}
	return nil, 0
}

// forget forgets a use that was given back.
func (r *recentUses) forget(nonce [16]byte) { delete(r.serial, nonce) }
