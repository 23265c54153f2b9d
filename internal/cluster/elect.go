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

	// The time that the member takes to apply, measured against one
	// position of the primary after another.
	delays [2]time.Duration // the last two
	chased lag.Position     // the one measured against now; nil: none
	since  time.Time        // when chased was asked for
}

func (s *standing) alive() bool    { return s.asked && s.err == nil }
func (s *standing) writable() bool { return s.alive() && s.sample.Writable }

// elect returns the index of the primary among the members, or current, which
// may be -1, when no member that answers may be it: a primary that is down stays
// the primary until its successor is seen.
//
// Of several that take writes, the one promoted last wins: the other is what a
// failover left behind. Where that does not tell, the one that the configuration
// names first. A member of an older history than the current primary's, or of
// another database, is never its successor.
//
// The first primary is elected once all were asked: the one that answers first
// may be what a failover left behind.
func elect(members []standing, current int) int {
	for i := range members {
		if current < 0 && !members[i].asked {
			return current
		}
	}
	best := -1
	for i := range members {
		m := &members[i]
		if !m.writable() || current >= 0 && !maySucceed(m, &members[current]) {
			continue
		}
		if best < 0 || succeeds(m.sample.Position, members[best].sample.Position) {
			best = i
		}
	}
	if best < 0 {
		return current
	}
	return best
}

// maySucceed reports whether m may take the place of the current primary.
func maySucceed(m, current *standing) bool {
	p, old := m.sample.Position, current.sample.Position
	if p == nil || old == nil {
		return true
	}
	return p.SameLineage(old) && !old.Succeeds(p)
}

func succeeds(p, other lag.Position) bool {
	return p != nil && other != nil && p.Succeeds(other)
}
