package session

import (
	"context"
	"sync"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// Witness tells what is known of a cluster's positions at one moment.
type Witness interface {
	// Known returns a position of the cluster, the primary's where there is
	// one. It tells to which lineage the cluster belongs.
	Known() (lag.Position, bool)

	// PrimaryAfter returns a position of the primary that was asked for at t
	// or later.
	PrimaryAfter(t time.Time) (lag.Position, bool)

	// InstanceAfter returns a position of this run of this server that was
	// asked for at t or later.
	InstanceAfter(i lag.Instance, t time.Time) (lag.Position, bool)
}

// Source gives the current [Witness] of a cluster and waits for better ones.
type Source interface {
	Witness() Witness

	// AwaitPrimary returns when PrimaryAfter(t) can be answered, or with an
	// error when ctx is done or the cluster is closed.
	AwaitPrimary(ctx context.Context, t time.Time) error
}

// maxLineages bounds the lineages of one record: one, unless a cluster was made
// anew under the same session key or several share it.
const maxLineages = 8

// Record is what has been written to, and seen of, one cluster. It is safe for
// concurrent use. The zero Record has seen nothing.
//
// A Session holds one for each cluster; a *sql.DB holds one of its own writes.
type Record struct {
	mu        sync.Mutex
	source    Source
	pending   int            // writes that have begun and not ended
	written   time.Time      // end of the latest write without a position
	positions []lag.Position // one a lineage
	at        time.Time      // by which all that the positions stand for had ended
	sightings []Sighting
	version   uint64 // grows with each change of a position or sighting
	placed    uint64 // version of the last change of positions
}

func (r *Record) attach(source Source) {
	r.mu.Lock()
	r.source = source
	r.mu.Unlock()
}

// BeginWrite notes, before it is sent, that a write may happen. An error of the
// write may hide a commit, so only [Record.EndWrite] ends it, whatever came of it.
func (r *Record) BeginWrite() {
	r.mu.Lock()
	r.pending++
	r.mu.Unlock()
}

// EndWrite notes that a write begun by BeginWrite ended by the time at. The
// position is one that covers it, or nil where none came with the reply.
func (r *Record) EndWrite(at time.Time, p lag.Position) {
	r.mu.Lock()
	r.pending--
	r.wroteLocked(at, p)
	r.mu.Unlock()
}

// AbandonWrite takes back a BeginWrite: nothing was sent.
func (r *Record) AbandonWrite() {
	r.mu.Lock()
	r.pending--
	r.mu.Unlock()
}

// Wrote notes a write that ended by the time at, as EndWrite does, where nobody
// needs to know of it before.
func (r *Record) Wrote(at time.Time, p lag.Position) {
	r.mu.Lock()
	r.wroteLocked(at, p)
	r.mu.Unlock()
}

func (r *Record) wroteLocked(at time.Time, p lag.Position) {
	if p != nil {
		r.joinLocked(p, past(at))
		return
	}
	r.written = later(r.written, past(at))
}

// past returns the first time after t. A clock may be coarser than a round trip
// (on Windows it is), so of a question asked at t itself nobody knows whether it
// came before or after what happened at t.
func past(t time.Time) time.Time { return t.Add(1) }

// Saw notes a read that ended by the time at on this instance. The need is the
// one under which the instance was chosen, or nil when the choice asked for
// nothing (eventual consistency): what was needed has been found there, so the
// new sighting stands for those of the need.
func (r *Record) Saw(need *Need, i lag.Instance, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at = past(at)
	kept := r.sightings[:0]
	for _, s := range r.sightings {
		switch {
		case s.Instance == i:
			at = later(at, s.At)
		case need != nil && s.version <= need.version:
		default:
			kept = append(kept, s)
		}
	}
	r.sightings = kept
	r.version++
	if len(r.sightings) == maxSightings {
		// Whatever server it was, the primary is ahead of it.
		r.written = later(r.written, at)
		return
	}
	r.sightings = append(r.sightings, Sighting{i, at, r.version})
}

// Reanchor forgets the position of a need that the cluster's history has left,
// once a read that ended by the time at was answered by its primary. From here
// on the caller is held to what the primary had then.
func (r *Record) Reanchor(need *Need, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.placed > need.version {
		return // somebody wrote meanwhile
	}
	for i, p := range r.positions {
		if need.Position != nil && p.SameLineage(need.Position) {
			r.positions = append(r.positions[:i], r.positions[i+1:]...)
			break
		}
	}
	r.written = later(r.written, past(at))
}

// Need returns what a read must see, after resolving all that w can resolve.
func (r *Record) Need(w Witness) Need {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resolveLocked(w)
	n := Need{Pending: r.pending > 0, Written: r.written, version: r.version}
	n.count = copy(n.sightings[:], r.sightings)
	n.Position, n.Foreign = r.positionLocked(w)
	n.At = r.at
	return n
}

// positionLocked returns the position in w's lineage; foreign when there are
// positions, but none of it, and nothing was seen or written here since.
func (r *Record) positionLocked(w Witness) (p lag.Position, foreign bool) {
	if len(r.positions) == 0 {
		return nil, false
	}
	known, ok := w.Known()
	if !ok {
		return r.positions[len(r.positions)-1], false
	}
	for _, p := range r.positions {
		if p.SameLineage(known) {
			return p, false
		}
	}
	return nil, r.written.IsZero() && len(r.sightings) == 0
}

// resolveLocked turns times into positions where w knows them.
func (r *Record) resolveLocked(w Witness) {
	if !r.written.IsZero() {
		if p, ok := w.PrimaryAfter(r.written); ok {
			r.joinLocked(p, r.written)
			r.written = time.Time{}
		}
	}
	if len(r.sightings) == 0 {
		return
	}
	kept := r.sightings[:0]
	for _, s := range r.sightings {
		p, ok := w.InstanceAfter(s.Instance, s.At)
		if !ok {
			p, ok = w.PrimaryAfter(s.At)
		}
		if ok {
			r.joinLocked(p, s.At)
		} else {
			kept = append(kept, s)
		}
	}
	r.sightings = kept
}

// joinLocked adds p, which stands for what had ended by the time at, to the
// positions.
func (r *Record) joinLocked(p lag.Position, at time.Time) {
	r.at = later(r.at, at)
	r.version++
	r.placed = r.version
	into := -1
	for i := 0; i < len(r.positions); i++ {
		have := r.positions[i]
		switch {
		case i == into || !have.SameLineage(p):
			continue
		case !have.Covers(p): // a join makes garbage
			p = have.Join(p)
		default:
			p = have
		}
		if into < 0 {
			into = i
			continue
		}
		// One that is of both makes two that shared nothing one lineage, and
		// what is joined now may be of others' that were passed over.
		r.positions = append(r.positions[:i], r.positions[i+1:]...)
		if i < into {
			into--
		}
		i = -1
	}
	switch {
	case into >= 0:
		r.positions[into] = p
		return
	case len(r.positions) == maxLineages:
		r.positions = append(r.positions[:0], r.positions[1:]...)
	}
	r.positions = append(r.positions, p)
}

// merge adds what other holds.
func (r *Record) merge(other *Record) {
	if r == other {
		return
	}
	other.mu.Lock()
	written, source, at := other.written, other.source, other.at
	if other.pending > 0 {
		written = later(written, past(time.Now()))
	}
	positions := append([]lag.Position(nil), other.positions...)
	for _, s := range other.sightings {
		written = later(written, s.At)
	}
	other.mu.Unlock()

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.source == nil {
		r.source = source
	}
	for _, p := range positions {
		r.joinLocked(p, at)
	}
	r.written = later(r.written, written)
}
