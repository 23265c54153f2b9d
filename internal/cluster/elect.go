package cluster

import (
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// standing is what is known of one member, before roles are given.
type standing struct {
	sample lag.Sample // the newest that succeeded
	err    error      // of the newest probe; nil: it succeeded
	asked  bool       // a probe has ended

	followed bool // it was seen not to be a primary, in any of its runs
	rival    bool // it was not, and took writes beside the primary: see noteRivals

	// The time that the member takes to apply, measured against one
	// position of the primary after another.
	delays [2]time.Duration // the last two
	chased lag.Position     // the one measured against now; nil: none
	since  time.Time        // when chased was asked for
}

func (s *standing) alive() bool { return s.asked && s.err == nil }

// leads reports that the member takes writes and applies nobody else's changes.
func (s *standing) leads() bool { return s.alive() && s.sample.Writable && !s.sample.Follows }

// observe takes in a sample of the member.
func (s *standing) observe(sample lag.Sample) {
	if sample.Run != s.sample.Run {
		*s = standing{asked: s.asked, followed: s.followed, rival: s.rival}
	}
	s.sample = sample
	if !sample.Writable || sample.Follows {
		s.followed, s.rival = true, false
	}
}

// noteRivals marks the members that take writes beside a primary that does, and
// were never seen to be promoted: replicas without read_only, most likely, of
// which this user may not see that they replicate.
func noteRivals(members []standing, primary int) {
	if primary < 0 || !members[primary].leads() {
		return
	}
	for i := range members {
		if m := &members[i]; i != primary && m.leads() && !m.followed {
			m.rival = true
		}
	}
	members[primary].rival = false
}

// elect returns the index of the primary among the members, or current, which
// may be -1, when no member that answers may be it: a primary that is down stays
// the primary until its successor is seen.
//
// Of several that take writes, the one promoted last wins: the other is what a
// failover left behind. Where that does not tell, the one that the configuration
// names first; a primary that lives gives way to it only if it lacks nothing and
// was no replica. A member of an older history than the current primary's, or of
// another database, is never its successor.
//
// The first primary is elected once all were asked: the one that answers first
// may be what a failover left behind. It is none while two might be it and the
// one that the configuration names first is not among them.
func elect(members []standing, current int) int {
	for i := range members {
		if current < 0 && !members[i].asked {
			return current
		}
	}
	best := -1
	if current >= 0 && members[current].leads() {
		best = current
	}
	for i := range members {
		m := &members[i]
		if i == best || !m.leads() || current >= 0 && i != current && !maySucceed(m, &members[current]) {
			continue
		}
		if best < 0 || supersedes(m, &members[best], i < best, best == current) {
			best = i
		}
	}
	if best < 0 {
		best = circular(members, current)
	}
	if best < 0 || current < 0 && best > 0 && disputed(members, best) {
		return current
	}
	return best
}

// supersedes reports whether m is rather the primary than best.
func supersedes(m, best *standing, named, current bool) bool {
	p, q := m.sample.Position, best.sample.Position
	switch {
	case succeeds(p, q):
		return true
	case !named || succeeds(q, p):
		return false
	case !current:
		return true
	}
	return !m.followed && (q == nil || p != nil && p.Covers(q))
}

// disputed reports whether another member takes writes of which nothing tells
// that best was promoted later.
func disputed(members []standing, best int) bool {
	for i := range members {
		if m := &members[i]; i != best && m.leads() && !succeeds(members[best].sample.Position, m.sample.Position) {
			return true
		}
	}
	return false
}

// circular returns the primary among members that all follow another, as where
// two primaries replicate from each other: the one that is the primary already,
// or that the configuration names first, or the only one that takes writes while
// all others answer. It is -1 when there is none: a replica that was not made
// read-only looks the same.
func circular(members []standing, current int) int {
	only := -1
	for i := range members {
		m := &members[i]
		switch writable := m.alive() && m.sample.Writable; {
		case writable && (i == current || current < 0 && i == 0):
			return i
		case writable && only < 0:
			only = i
		case writable, !m.alive():
			only = len(members) // two of them, or who knows
		}
	}
	if only < 0 || only == len(members) || current >= 0 && !maySucceed(&members[only], &members[current]) {
		return -1
	}
	return only
}

// maySucceed reports whether m may take the place of the current primary.
func maySucceed(m, current *standing) bool {
	p, old := m.sample.Position, current.sample.Position
	if m.rival && !current.alive() && !succeeds(p, old) {
		return false
	}
	if p == nil || old == nil {
		return true
	}
	return p.SameLineage(old) && !old.Succeeds(p)
}

func succeeds(p, other lag.Position) bool {
	return p != nil && other != nil && p.Succeeds(other)
}
