package cluster

import (
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// Role is what a member was seen to be.
type Role uint8

const (
	// RoleUnknown: the member has not answered yet.
	RoleUnknown Role = iota
	// RolePrimary: the one member that gets writes.
	RolePrimary
	// RoleReplica: the member follows a primary.
	RoleReplica
	// RoleStray: the member takes writes, but is not the primary. It gets
	// no statement.
	RoleStray
)

// String returns "unknown", "primary", "replica" or "stray".
func (r Role) String() string {
	return [...]string{"unknown", "primary", "replica", "stray"}[r]
}

// State is how a member does.
type State uint8

const (
	// StateUnknown: too little is known to use it for more than eventual reads.
	StateUnknown State = iota
	// StateUp: in use.
	StateUp
	// StateLagging: further behind than the maximum lag.
	StateLagging
	// StateStopped: it does not advance, and it is known why.
	StateStopped
	// StateDown: it does not answer.
	StateDown
	// StateDelayed: further behind than the maximum lag, because it was told
	// to apply changes late.
	StateDelayed
	// StateFailed: it does not advance, because of an error.
	StateFailed
)

// String returns "unknown", "up", "lagging", "stopped", "down", "delayed" or
// "failed".
func (s State) String() string {
	return [...]string{"unknown", "up", "lagging", "stopped", "down", "delayed", "failed"}[s]
}

// View is what is known of one member at the time of a snapshot.
type View struct {
	Node   *Node
	Role   Role
	State  State  // when the snapshot was made; see [View.StateAt]
	Reason string // why the state is not StateUp

	Writable bool // it takes writes, whatever its role

	Instance lag.Instance
	Position lag.Position // nil: none known
	Asked    time.Time    // of the newest sample; zero: none yet

	// Fresh is the time up to which the member lacks nothing of the primary
	// (see [lag.Clock.Reached]); zero: not known.
	Fresh time.Time

	// Delay estimates how long a write takes to be applied here: the longer of
	// the last two that were measured, or how long the newest position of the
	// primary has been waited for, if that is longer.
	Delay time.Duration

	// Distance is how far the member is behind the primary's newest position,
	// in the engine's unit; negative: not known.
	Distance int64
}

// Lag returns how far the member was behind when it was last asked, and false
// when that is not known. Staleness now is at most this plus the sample's age.
func (v *View) Lag() (time.Duration, bool) {
	if v.Fresh.IsZero() || v.Asked.IsZero() {
		return 0, false
	}
	return max(0, v.Asked.Sub(v.Fresh)), true
}

// Snapshot is what is known of all members at one moment. It is immutable.
type Snapshot struct {
	Nodes   []View
	Primary int // index of the primary in Nodes; -1: none was ever seen

	clock  *lag.Clock // of the primary
	expiry time.Duration
	asked  bool          // every member has been asked at least once
	next   chan struct{} // closed when a newer snapshot is published
}

// Next returns a channel that is closed when a newer snapshot is published.
func (s *Snapshot) Next() <-chan struct{} { return s.next }

// StateAt returns the state of the member at time now, and why it is not up: a
// sample that nothing renews expires.
func (s *Snapshot) StateAt(v *View, now time.Time) (State, string) {
	if !v.Asked.IsZero() && v.State != StateDown && now.Sub(v.Asked) > s.expiry {
		return StateUnknown, "its last sample is too old"
	}
	return v.State, v.Reason
}

// PrimaryAt returns the view of the primary if it can be used at time now.
func (s *Snapshot) PrimaryAt(now time.Time) (*View, bool) {
	if s.Primary < 0 {
		return nil, false
	}
	v := &s.Nodes[s.Primary]
	state, _ := s.StateAt(v, now)
	return v, state == StateUp
}

// Known implements session.Witness.
func (s *Snapshot) Known() (lag.Position, bool) {
	if p, _, ok := s.clock.Last(); ok {
		return p, true
	}
	for i := range s.Nodes {
		if p := s.Nodes[i].Position; p != nil {
			return p, true
		}
	}
	return nil, false
}

// PrimaryAfter implements session.Witness.
func (s *Snapshot) PrimaryAfter(t time.Time) (lag.Position, bool) { return s.clock.After(t) }

// InstanceAfter implements session.Witness.
func (s *Snapshot) InstanceAfter(i lag.Instance, t time.Time) (lag.Position, bool) {
	if i.Node < 0 || i.Node >= len(s.Nodes) {
		return nil, false
	}
	v := &s.Nodes[i.Node]
	if v.Instance != i || v.Position == nil || v.Asked.Before(t) {
		return nil, false
	}
	return v.Position, true
}
