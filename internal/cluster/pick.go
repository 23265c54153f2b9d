package cluster

import (
	"time"

	"github.com/rwsplit/rwsplit/session"
)

// MaxMembers bounds the members of a cluster.
const MaxMembers = 64

// Set is a set of members, by index.
type Set uint64

// Add puts a member into the set.
func (s *Set) Add(index int) { *s |= 1 << index }

// Has reports whether a member is in the set.
func (s Set) Has(index int) bool { return s&(1<<index) != 0 }

// Query is what a read asks for.
type Query struct {
	Consistency Consistency   // never DefaultConsistency
	Need        *session.Need // nil: nothing
	MaxLag      time.Duration // holds for all but Eventual
	Budget      time.Duration // wait at most this long for a replica; 0: do not
	Exclude     Set           // members that failed this read already
	Policy      Policy
	Key         string // of the caller, for Sticky
	Random      uint64
	Turn        uint64
}

// Reason says why a read goes where it goes.
type Reason uint8

const (
	// NoMember: no member can answer.
	NoMember Reason = iota
	// OnReplica: a replica is fresh enough.
	OnReplica
	// StaleRead: a replica that is not fresh enough, as the configuration
	// allows past the fallback limit.
	StaleRead
	// StrongRead: only the primary meets strong consistency.
	StrongRead
	// SingleMember: the cluster has no other member.
	SingleMember
	// FallbackNoReplica: no replica answers.
	FallbackNoReplica
	// FallbackUnknown: of no replica enough is known.
	FallbackUnknown
	// FallbackStopped: no replica that is known enough advances.
	FallbackStopped
	// FallbackLag: every replica is further behind than the maximum lag or
	// the bound that the read asked for.
	FallbackLag
	// FallbackSession: no replica has what the caller has written or seen.
	FallbackSession
	// FallbackPendingWrite: a write of the caller has not ended.
	FallbackPendingWrite
	// FallbackHistory: what the caller has written or seen belongs to
	// another history than the cluster has now.
	FallbackHistory
	// FallbackFailed: the replicas that were fresh enough failed this read.
	FallbackFailed

	// Reasons is the number of reasons.
	Reasons
)

var reasonKeys = [Reasons]string{
	NoMember: "no_member", OnReplica: "replica", StaleRead: "stale", StrongRead: "strong", SingleMember: "single_member",
	FallbackNoReplica: "no_replica", FallbackUnknown: "unknown", FallbackStopped: "stopped", FallbackLag: "lag",
	FallbackSession: "session", FallbackPendingWrite: "pending_write", FallbackHistory: "history", FallbackFailed: "failed",
}

// Key returns the reason's name in statistics.
func (r Reason) Key() string { return reasonKeys[r] }

// Fallback reports whether the primary answers because no replica can.
func (r Reason) Fallback() bool { return r >= FallbackNoReplica }

// Choice is where a read goes.
type Choice struct {
	Node   int // index; -1: no member can answer now
	Reason Reason

	// Wait reports that a replica is expected to be fresh enough within the
	// budget. Node is then where the read goes when it is not.
	Wait bool
}

// Pick chooses who answers a read, from what is known at time now. It is a pure
// function: all chance is in the query.
func Pick(q *Query, s *Snapshot, now time.Time) Choice {
	fallback := Choice{Node: -1}
	primary, ok := s.PrimaryAt(now)
	if ok && !q.Exclude.Has(s.Primary) {
		fallback.Node = s.Primary
		if len(s.Nodes) == 1 {
			return Choice{Node: s.Primary, Reason: SingleMember}
		}
	}
	if q.Consistency != Eventual && (foreign(q.Need) || fallback.Node >= 0 && parted(q.Need, primary)) {
		fallback.Reason = FallbackHistory
		return fallback
	}
	if q.Consistency == Strong {
		fallback.Reason = StrongRead
		return fallback
	}
	if q.Consistency != Eventual && q.Need != nil && q.Need.Pending {
		fallback.Reason = FallbackPendingWrite
		return fallback
	}
	var room [MaxMembers]int
	candidates := room[:0]
	worst := FallbackNoReplica
	for i := range s.Nodes {
		v := &s.Nodes[i]
		if v.Role != RoleReplica || q.Policy == Weighted && v.Node.Member.Weight == 0 {
			continue
		}
		if q.Exclude.Has(i) {
			worst = max(worst, FallbackFailed)
			continue
		}
		reason := eligible(q, s, v, now)
		if reason == OnReplica {
			candidates = append(candidates, i)
			continue
		}
		worst = max(worst, reason)
		if (reason == FallbackSession || reason == FallbackLag) && v.State == StateUp && v.Delay <= q.Budget && q.Budget > 0 {
			fallback.Wait = true
		}
	}
	if len(candidates) > 0 {
		d := draw{random: q.Random, turn: q.Turn, key: q.Key}
		return Choice{Node: balance(q.Policy, s, candidates, d, now), Reason: OnReplica}
	}
	fallback.Reason = worst
	return fallback
}

// foreign reports whether what is needed can be compared with no member's
// position, whoever is the primary.
func foreign(need *session.Need) bool { return need != nil && need.Foreign }

// parted reports whether what is needed belongs to another history than the
// primary's.
func parted(need *session.Need, primary *View) bool {
	if need == nil || need.Position == nil || primary.Position == nil {
		return false
	}
	return primary.Position.Lost(need.Position)
}

// Eligible returns OnReplica if the member with this index may answer the read,
// or why it may not.
func Eligible(q *Query, s *Snapshot, index int, now time.Time) Reason {
	switch v := &s.Nodes[index]; {
	case q.Exclude.Has(index):
		return FallbackFailed
	case v.Role != RoleReplica:
		return FallbackNoReplica
	case q.Consistency == Strong:
		return StrongRead
	case q.Consistency != Eventual && q.Need != nil && q.Need.Pending:
		return FallbackPendingWrite
	case q.Consistency != Eventual && foreign(q.Need):
		return FallbackHistory
	default:
		return eligible(q, s, v, now)
	}
}

// eligible returns OnReplica, or why this replica may not answer.
func eligible(q *Query, s *Snapshot, v *View, now time.Time) Reason {
	state, _ := s.StateAt(v, now)
	if state == StateDown || v.Asked.IsZero() {
		return FallbackNoReplica
	}
	if q.Consistency == Eventual {
		if newest, _, ok := s.clock.Last(); ok && v.Position != nil && !v.Position.SameLineage(newest) {
			return FallbackUnknown // not an older state of this database, but another one
		}
		return OnReplica
	}
	switch {
	case state == StateUnknown || v.Fresh.IsZero() && state != StateLagging && state != StateDelayed:
		return FallbackUnknown
	case state == StateStopped || state == StateFailed:
		return FallbackStopped
	}
	staleness := now.Sub(v.Fresh)
	if bound, ok := q.Consistency.Bound(); ok && staleness > bound {
		return FallbackLag
	}
	if staleness > q.MaxLag {
		return FallbackLag
	}
	if q.Need != nil && !meets(q.Need, v) {
		return FallbackSession
	}
	return OnReplica
}

// meets reports whether a replica is known to show all that is needed.
func meets(need *session.Need, v *View) bool {
	if !need.Written.IsZero() {
		return false
	}
	for _, seen := range need.Sightings() {
		if seen.Instance != v.Instance {
			return false
		}
	}
	if need.Position == nil || v.Position.Covers(need.Position) {
		return true
	}
	_, comparable := v.Position.Distance(need.Position)
	return comparable && !need.At.IsZero() && !v.Fresh.Before(need.At)
}
