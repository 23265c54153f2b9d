package cluster

import (
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/lag"
)

// history is a cluster as report keeps it, driven by samples alone.
type history struct {
	*Cluster
	nodes []*Node
}

func newHistory(t *testing.T, members int) *history {
	f := newFleet(t, members, func(c *Config) { c.MaxLag = testMaxLag })
	h := &history{f.Cluster, f.Nodes()}
	for i := 1; i < members; i++ {
		h.down(i) // a primary is elected once all were asked
	}
	return h
}

// sample reports what a member was seen at, at a time in milliseconds.
func (h *history) sample(i, ms int, s lag.Sample) {
	s.Asked, s.Answered = at(ms), at(ms)
	h.report(h.nodes[i], s, nil)
}

func (h *history) primary(ms int, lsn lag.LSN) {
	h.sample(0, ms, lag.Sample{Run: 1, Writable: true, Position: wal(lsn)})
}

func (h *history) replica(i, ms int, lsn lag.LSN) {
	h.sample(i, ms, lag.Sample{Run: 1, Position: wal(lsn)})
}

func (h *history) down(i int) { h.report(h.nodes[i], lag.Sample{}, errDown) }

func (h *history) view(i int) View { return h.Snapshot().Nodes[i] }

// expect compares a replica's staleness at a time, in milliseconds; -1: not known.
func (h *history) expect(t *testing.T, i, ms, staleness int, state State) {
	t.Helper()
	v := h.view(i)
	got := -1
	if !v.Fresh.IsZero() {
		got = int(at(ms).Sub(v.Fresh) / time.Millisecond)
	}
	if got != staleness || v.State != state {
		t.Errorf("at %d ms: %d ms stale and %s (%s), want %d ms and %s", ms, got, v.State, v.Reason, staleness, state)
	}
}

func TestViewIdlePrimary(t *testing.T) {
	h := newHistory(t, 2)
	h.primary(0, 100)
	h.replica(1, 1, 100)
	h.expect(t, 1, 1, 1, StateUp)
	// Nothing is written for a minute: each sample of the primary is as good as
	// a write that arrived.
	for s := 1; s <= 60; s++ {
		h.primary(1000*s, 100)
	}
	h.expect(t, 1, 60_001, 1, StateUp)
	if v := h.view(1); v.Distance != 0 {
		t.Errorf("%d behind an idle primary", v.Distance)
	}
}

func TestViewBusyPrimary(t *testing.T) {
	h := newHistory(t, 2)
	for ms := 0; ms <= 1000; ms += 100 {
		h.primary(ms, lag.LSN(100+ms))
	}
	h.replica(1, 1000, 650) // it has what the primary had at 500, and not at 600
	h.expect(t, 1, 1000, 500, StateUp)
	if v := h.view(1); v.Distance != 450 {
		t.Errorf("distance %d, want 450", v.Distance)
	}
	if behind, ok := h.Snapshot().Nodes[1].Lag(); !ok || behind != 500*time.Millisecond {
		t.Errorf("lag %s, %t", behind, ok)
	}
	h.replica(1, 1010, 1100)
	h.expect(t, 1, 1010, 10, StateUp)
}

func TestViewLagging(t *testing.T) {
	h := newHistory(t, 2)
	for ms := 0; ms <= 5000; ms += 100 {
		h.primary(ms, lag.LSN(100+ms))
	}
	h.replica(1, 5000, 3100)
	h.expect(t, 1, 5000, 2000, StateUp) // just at the maximum
	h.replica(1, 5001, 3100)
	h.expect(t, 1, 5001, 2001, StateLagging)
	h.replica(1, 5002, 99)
	h.expect(t, 1, 5002, -1, StateLagging)
}

// The primary is gone: no positions come, so replicas grow stale, however quickly
// they answer. Their lag when asked tells so, too.
func TestViewPrimaryGone(t *testing.T) {
	h := newHistory(t, 2)
	h.primary(0, 100)
	h.down(0)
	for ms := 100; ms <= 2000; ms += 100 {
		h.replica(1, ms, 100)
		h.expect(t, 1, ms, ms, StateUp)
	}
	h.replica(1, 2100, 100)
	h.expect(t, 1, 2100, 2100, StateLagging)
	if v := h.view(0); v.Role != RolePrimary || v.State != StateDown || v.Reason != errDown.Error() {
		t.Errorf("the primary that is gone is %s and %s (%s)", v.Role, v.State, v.Reason)
	}
}

func TestViewReplicaBeforePrimary(t *testing.T) {
	h := newHistory(t, 2)
	h.replica(1, 0, 100)
	if v := h.view(1); v.Role != RoleReplica || v.State != StateUnknown || !v.Fresh.IsZero() {
		t.Errorf("%s, %s, fresh %v before the primary was asked", v.Role, v.State, v.Fresh)
	}
	h.primary(10, 100)
	h.expect(t, 1, 10, 0, StateUp) // it had got there before it was asked for
}

func TestViewStates(t *testing.T) {
	for _, test := range []struct {
		name   string
		sample lag.Sample
		role   Role
		state  State
		reason string
	}{
		{"replica", lag.Sample{Run: 1, Position: wal(100)}, RoleReplica, StateUp, ""},
		{"paused", lag.Sample{Run: 1, Position: wal(100), Stopped: "replay is paused"}, RoleReplica, StateStopped, "replay is paused"},
		{"stray", lag.Sample{Run: 1, Position: wal(100), Writable: true}, RoleStray, StateStopped, "takes writes, but is not the primary"},
		{"stray of which nobody may see more", lag.Sample{Run: 1, Position: wal(100), Writable: true, Notice: "look"}, RoleStray, StateStopped, "takes writes, but is not the primary; look"},
		{"takes writes, and follows", lag.Sample{Run: 1, Position: wal(100), Writable: true, Follows: true}, RoleReplica, StateUp, ""},
		{"failed", lag.Sample{Run: 1, Position: wal(100), Stopped: "error 1", Failed: true}, RoleReplica, StateFailed, "error 1"},
		{"notice", lag.Sample{Run: 1, Position: wal(100), Notice: "one of its sources is stopped"}, RoleReplica, StateUp, "one of its sources is stopped"},
		{"delayed, within the maximum lag", lag.Sample{Run: 1, Position: wal(100), Delay: time.Second}, RoleReplica, StateUp, ""},
		{"delayed, behind all that is remembered", lag.Sample{Run: 1, Position: wal(1), Delay: time.Hour}, RoleReplica, StateDelayed, "told to apply changes 1h0m0s late, the maximum lag is 2s"},
		{"behind all that is remembered", lag.Sample{Run: 1, Position: wal(1)}, RoleReplica, StateLagging, "behind every position of the primary that is remembered"},
		{"no position", lag.Sample{Run: 1}, RoleReplica, StateUnknown, "does not tell its position"},
		{"no position, and why", lag.Sample{Run: 1, Untold: "gtid_mode is OFF"}, RoleReplica, StateUnknown, "gtid_mode is OFF"},
		{"another database cluster", lag.Sample{Run: 1, Position: walOn(8, 1, 100)}, RoleReplica, StateUnknown, "belongs to another database cluster than the primary"},
		{"an older timeline", lag.Sample{Run: 1, Position: walOn(7, 0, 100)}, RoleReplica, StateUnknown, "on history 7:0, the primary is on 7:1"},
		{"a newer timeline", lag.Sample{Run: 1, Position: walOn(7, 2, 100)}, RoleReplica, StateUnknown, "on history 7:2, the primary is on 7:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHistory(t, 2)
			h.primary(0, 100)
			h.sample(1, 0, test.sample)
			v := h.view(1)
			if v.Role != test.role || v.State != test.state || v.Reason != test.reason {
				t.Errorf("%s, %s (%s)", v.Role, v.State, v.Reason)
			}
		})
	}
	h := newHistory(t, 1)
	if v := h.view(0); v.Role != RoleUnknown || v.State != StateUnknown || v.Reason != "not asked yet" {
		t.Errorf("before the first sample: %s, %s (%s)", v.Role, v.State, v.Reason)
	}
}

// A delay on purpose is told as that, once it is longer than the maximum lag.
func TestViewDelayed(t *testing.T) {
	h := newHistory(t, 2)
	h.primary(0, 100)
	h.primary(1000, 200)
	h.sample(1, 3000, lag.Sample{Run: 1, Position: wal(100), Delay: 10 * time.Second})
	h.expect(t, 1, 3000, 3000, StateDelayed)
	if v, q := h.view(1), (Query{Consistency: Session, MaxLag: time.Hour}); eligible(&q, h.Snapshot(), &v, at(3000)) != OnReplica {
		t.Error("a read that may be so old does not get it")
	}
}

// A primary that tells no position says why, for the sake of its replicas.
func TestViewPrimaryWithoutPosition(t *testing.T) {
	h := newHistory(t, 2)
	h.sample(0, 0, lag.Sample{Run: 1, Writable: true, Untold: "gtid_mode is OFF"})
	h.sample(1, 0, lag.Sample{Run: 1, Position: wal(100)})
	if v := h.view(0); v.State != StateUp || v.Reason != "gtid_mode is OFF" {
		t.Errorf("the primary is %s (%s)", v.State, v.Reason)
	}
	if v := h.view(1); v.State != StateUnknown || v.Reason != "the primary's position is not known yet" {
		t.Errorf("the replica is %s (%s)", v.State, v.Reason)
	}
}

// What a replica wrote itself is not of the primary's history: a session that saw
// it is not held to it.
func TestViewLeavesOutLocalTransactions(t *testing.T) {
	const a, b = "aaaaaaaa-0000-0000-0000-000000000000", "bbbbbbbb-0000-0000-0000-000000000000"
	position := func(text, server string) lag.Position {
		set, err := lag.ParseGTIDSet(text)
		if err == nil {
			set, err = set.WithServer(server)
		}
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	h := newHistory(t, 2)
	h.sample(0, 0, lag.Sample{Run: 1, Writable: true, Position: position(a+":1-10", a)})
	h.sample(1, 0, lag.Sample{Run: 1, Position: position(a+":1-12,"+b+":1-3", b)})
	if got, want := h.view(1).Position.String(), "mysql:"+a+":1-12"; got != want {
		t.Errorf("position %s, want %s", got, want)
	}
}

// A primary that does not take writes any more is between two roles: nothing may
// be sent to it, and its position tells nothing of what its successor wrote.
func TestViewDemotedPrimary(t *testing.T) {
	h := newHistory(t, 2)
	h.primary(0, 100)
	h.replica(1, 0, 100)
	h.sample(0, 1000, lag.Sample{Run: 1, Position: wal(100)})
	if v, ok := h.Snapshot().PrimaryAt(at(1000)); ok {
		t.Errorf("a primary that takes no writes is in use, %s (%s)", v.State, v.Reason)
	}
	if _, ok := h.Snapshot().PrimaryAfter(at(1)); ok {
		t.Error("its position resolves writes")
	}
	h.expect(t, 1, 1000, 1000, StateUp)
	h.primary(1100, 100)
	if _, ok := h.Snapshot().PrimaryAt(at(1100)); !ok {
		t.Error("it takes writes again, but is not in use")
	}
	h.expect(t, 1, 1100, 0, StateUp)
}

func TestViewPrimaryUnfitUntilAsked(t *testing.T) {
	h := newHistory(t, 2)
	h.replica(1, 0, 100)
	if v, ok := h.Snapshot().PrimaryAt(at(0)); ok {
		t.Errorf("primary %s", v.Node.Member.Name)
	}
}

// The delay is how long the primary's position took to be seen here, the longer of
// the last two times; a replica that does not advance shows the wait so far.
func TestChase(t *testing.T) {
	h := newHistory(t, 2)
	h.primary(0, 100)
	h.replica(1, 0, 100)
	for ms := 1000; ms <= 20_000; ms += 1000 {
		h.primary(ms, lag.LSN(100+ms))
		h.replica(1, ms+4, lag.LSN(100+ms))
	}
	if d := h.view(1).Delay; d < 3900*time.Microsecond || d > 4*time.Millisecond {
		t.Errorf("delay %s, want about 4 ms", d)
	}
	// Replay is paused: the delay grows with each sample.
	h.primary(21_000, 30_000)
	for ms := 21_000; ms <= 26_000; ms += 1000 {
		h.primary(ms, lag.LSN(9000+ms))
		h.replica(1, ms, 20_100)
		want := max(4*time.Millisecond, time.Duration(ms-21_000)*time.Millisecond)
		if d := h.view(1).Delay; d < want-time.Millisecond || d > want {
			t.Errorf("at %d ms: delay %s, want %s", ms, d, want)
		}
	}
	// It has caught up: the long wait counts until two more were measured.
	h.replica(1, 27_000, 40_000)
	for i, want := range []time.Duration{6 * time.Second, 6 * time.Second, 2 * time.Millisecond} {
		if d := h.view(1).Delay; d != want {
			t.Errorf("%d measured since: delay %s, want %s", i, d, want)
		}
		ms := 28_000 + 1000*i
		h.primary(ms, lag.LSN(100_000+ms))
		h.replica(1, ms+2, lag.LSN(100_000+ms))
	}
	// Known to be paused: not measured.
	h.primary(40_000, 200_000)
	h.sample(1, 40_001, lag.Sample{Run: 1, Position: wal(150_000), Stopped: "replay is paused"})
	h.primary(50_000, 300_000)
	h.replica(1, 50_001, 150_000)
	h.primary(51_000, 400_000)
	h.replica(1, 51_002, 400_000)
	if d := h.view(1).Delay; d != 2*time.Millisecond {
		t.Errorf("delay %s after a pause that was told, want 2 ms", d)
	}
}

func TestChaseRestart(t *testing.T) {
	h := newHistory(t, 2)
	h.replica(1, 0, 100)
	h.primary(0, 100)
	h.primary(1000, 200)
	h.replica(1, 6000, 150)
	if d := h.view(1).Delay; d != 5*time.Second {
		t.Fatalf("delay %s", d)
	}
	h.sample(1, 6100, lag.Sample{Run: 2, Position: wal(200)})
	if v := h.view(1); v.Delay >= 4*time.Second || v.Instance.Run != 2 {
		t.Errorf("after a restart: delay %s, run %d", v.Delay, v.Instance.Run)
	}
}

// A successor of the primary begins a clock of its own.
func TestViewFailover(t *testing.T) {
	h := newHistory(t, 3)
	h.primary(0, 500)
	h.replica(1, 0, 500)
	h.replica(2, 0, 500)
	h.down(0)
	h.sample(1, 1000, lag.Sample{Run: 1, Writable: true, Position: walOn(7, 2, 480)})
	s := h.Snapshot()
	if s.Primary != 1 || s.Nodes[1].Role != RolePrimary || s.Nodes[0].Role != RoleStray || s.Nodes[0].State != StateDown {
		t.Fatalf("primary %d; the old one is %s and %s", s.Primary, s.Nodes[0].Role, s.Nodes[0].State)
	}
	if v := s.Nodes[2]; v.State != StateUnknown || !v.Fresh.IsZero() {
		t.Errorf("a replica on the old history is %s, fresh %v", v.State, v.Fresh)
	}
	if p, ok := s.PrimaryAfter(at(500)); !ok || !p.Covers(walOn(7, 2, 480)) {
		t.Errorf("position after the failover: %v, %t", p, ok)
	}
	h.sample(2, 1010, lag.Sample{Run: 1, Position: walOn(7, 2, 480)})
	h.expect(t, 2, 1010, 10, StateUp)
	// The old one is back, and does not know.
	h.sample(0, 2000, lag.Sample{Run: 1, Writable: true, Position: wal(600)})
	if s := h.Snapshot(); s.Primary != 1 || s.Nodes[0].Role != RoleStray || s.Nodes[0].State != StateStopped {
		t.Errorf("primary %d; the old one is %s and %s", s.Primary, s.Nodes[0].Role, s.Nodes[0].State)
	}
}

func TestInstanceAfter(t *testing.T) {
	h := newHistory(t, 2)
	h.replica(1, 100, 7)
	s := h.Snapshot()
	for _, test := range []struct {
		name     string
		instance lag.Instance
		ms       int
		want     bool
	}{
		{"asked for later", lag.Instance{Node: 1, Run: 1}, 99, true},
		{"asked for then", lag.Instance{Node: 1, Run: 1}, 100, true},
		{"asked for before", lag.Instance{Node: 1, Run: 1}, 101, false},
		{"another run", lag.Instance{Node: 1, Run: 2}, 99, false},
		{"never asked", lag.Instance{Node: 0, Run: 0}, 99, false},
		{"no such member", lag.Instance{Node: 2, Run: 1}, 99, false},
		{"no member at all", lag.Instance{Node: -1, Run: 1}, 99, false},
	} {
		if p, ok := s.InstanceAfter(test.instance, at(test.ms)); ok != test.want || ok && !p.Covers(wal(7)) {
			t.Errorf("%s: %v, %t", test.name, p, ok)
		}
	}
}
