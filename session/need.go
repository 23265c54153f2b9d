package session

import (
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// maxSightings bounds the servers whose state is kept by time. A session that
// reads on more of them between two samples is held to the primary's next
// position instead.
const maxSightings = 4

// Sighting is a read that no position stands for yet: a caller saw the state of
// this server at some time up to At.
type Sighting struct {
	Instance lag.Instance
	At       time.Time
	version  uint64 // of the record, when it was added
}

// Need is what a read must see, taken from a [Record] at one moment. The zero
// Need asks for nothing.
type Need struct {
	// Position is what a server must have reached; nil asks for none.
	Position lag.Position

	// At is a time by which all that Position stands for had ended: a server
	// that lacks nothing of before At meets the need as well as one that has
	// reached Position. It helps where the primary's position runs ahead of
	// what it sends to its replicas.
	At time.Time

	// Foreign reports that all positions known belong to another lineage:
	// nothing can be compared, so only the primary will do.
	Foreign bool

	// Pending reports a write that has begun and not ended.
	Pending bool

	// Written, unless zero, is the end of a write that no position stands
	// for yet: a server must reach a position of the primary that is asked
	// for at this time or later.
	Written time.Time

	sightings [maxSightings]Sighting
	count     int
	version   uint64
}

// Sightings returns the reads that no position stands for yet. They are safe on
// the same instance and on the primary.
func (n *Need) Sightings() []Sighting { return n.sightings[:n.count] }

// Unresolved reports that a newer sample could widen the choice of servers.
func (n *Need) Unresolved() bool { return !n.Written.IsZero() || n.count > 0 }

// Since returns the time after which a sample of the primary resolves all of n.
// It is zero when n is resolved.
func (n *Need) Since() time.Time {
	since := n.Written
	for _, s := range n.Sightings() {
		since = later(since, s.At)
	}
	return since
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
