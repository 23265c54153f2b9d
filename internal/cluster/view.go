package cluster

import (
	"fmt"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// chase begins to measure the member's delay against the primary's newest
// position, unless it is being measured against an earlier one.
//
// A replica that is known to be stopped is not measured: how long it will be says
// nothing of how long it takes once it goes on.
func (s *standing) chase(clock *lag.Clock) {
	if s.sample.Stopped != "" {
		s.chased = nil
		return
	}
	newest, asked, _ := clock.Last()
	if s.chased == nil || !newest.Covers(s.chased) {
		s.chased, s.since = newest, asked
		s.caught() // on an idle primary, at once
	}
}

// caught ends the measurement when the newest sample has the position.
func (s *standing) caught() {
	if s.chased == nil || s.sample.Position == nil || !s.sample.Position.Covers(s.chased) {
		return
	}
	s.delays = [2]time.Duration{s.delays[1], max(0, s.sample.Asked.Sub(s.since))}
	s.chased = nil
}

// pending returns the estimate of the delay: one that is being measured and is
// already longer counts.
func (s *standing) pending() time.Duration {
	delay := max(s.delays[0], s.delays[1])
	if s.chased != nil {
		delay = max(delay, s.sample.Asked.Sub(s.since))
	}
	return delay
}

// view describes one member, given who the primary is. It is a pure function.
func view(s *standing, index, primary int, clock *lag.Clock, maxLag time.Duration) View {
	v := View{
		Writable: s.sample.Writable,
		Instance: lag.Instance{Node: index, Run: s.sample.Run},
		Position: s.sample.Position,
		Asked:    s.sample.Asked,
		Delay:    s.pending(),
		Distance: -1,
	}
	newest, _, known := clock.Last()
	switch {
	case index == primary:
		v.Role = RolePrimary
		v.Fresh, v.Delay, v.Distance = v.Asked, 0, 0
	case v.Asked.IsZero():
	case s.sample.Writable && !s.sample.Follows:
		v.Role = RoleStray
	default:
		v.Role = RoleReplica
		if known && v.Position != nil {
			v.Position = v.Position.Within(newest)
		}
		v.Fresh, _ = clock.Reached(v.Position)
		if known && v.Position != nil {
			if d, ok := v.Position.Distance(newest); ok {
				v.Distance = d
			}
		}
	}
	v.State, v.Reason = judge(s, &v, newest, maxLag)
	return v
}

// judge says how a member does, and why it is not up.
func judge(s *standing, v *View, newest lag.Position, maxLag time.Duration) (State, string) {
	switch {
	case !s.asked:
		return StateUnknown, "not asked yet"
	case s.err != nil:
		return StateDown, s.err.Error()
	case v.Role == RolePrimary && !s.sample.Writable:
		return StateStopped, "does not take writes any more"
	case v.Role == RolePrimary:
		return StateUp, s.sample.Untold // which its replicas suffer from
	case v.Role == RoleStray && s.sample.Notice != "":
		return StateStopped, "takes writes, but is not the primary; " + s.sample.Notice
	case v.Role == RoleStray:
		return StateStopped, "takes writes, but is not the primary"
	case v.Position == nil && s.sample.Untold != "":
		return StateUnknown, s.sample.Untold
	case v.Position == nil:
		return StateUnknown, "does not tell its position"
	case newest == nil:
		return StateUnknown, "the primary's position is not known yet"
	case !v.Position.SameLineage(newest):
		return StateUnknown, "belongs to another database cluster than the primary"
	case v.Distance < 0:
		return StateUnknown, fmt.Sprintf("on history %s, the primary is on %s", v.Position.History(), newest.History())
	case s.sample.Stopped != "" && s.sample.Failed:
		return StateFailed, s.sample.Stopped
	case s.sample.Stopped != "":
		return StateStopped, s.sample.Stopped
	}
	behind, known := v.Lag()
	switch {
	case known && behind <= maxLag:
		return StateUp, s.sample.Notice
	case s.sample.Delay > 0:
		return StateDelayed, fmt.Sprintf("told to apply changes %s late, the maximum lag is %s", s.sample.Delay, maxLag)
	case !known:
		return StateLagging, "behind every position of the primary that is remembered"
	}
	return StateLagging, fmt.Sprintf("%s behind, the maximum is %s", behind.Round(time.Millisecond), maxLag)
}
