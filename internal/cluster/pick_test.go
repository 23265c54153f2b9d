package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

const (
	testExpiry = 3 * time.Second
	testMaxLag = 2 * time.Second
)

// fixture makes a snapshot by hand: a primary at 100 and replicas that have all of
// it, sampled at 0. Each change works on a member.
func fixture(replicas int, changes ...func(*Snapshot)) *Snapshot {
	s := &Snapshot{
		Primary: 0,
		clock:   (*lag.Clock)(nil).Add(at(0), wal(100)),
		expiry:  testExpiry,
		asked:   true,
		next:    make(chan struct{}),
	}
	for i := range replicas + 1 {
		v := View{
			Node:     &Node{Index: i, Member: Member{Name: fmt.Sprint("db", i), Weight: 1}, hash: uint64(i)},
			Role:     RoleReplica,
			State:    StateUp,
			Instance: lag.Instance{Node: i, Run: 1},
			Position: wal(100),
			Asked:    at(0),
			Fresh:    at(0),
			Delay:    time.Millisecond,
		}
		if i == 0 {
			v.Role = RolePrimary
		}
		s.Nodes = append(s.Nodes, v)
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

// node changes one member.
func node(i int, change func(*View)) func(*Snapshot) {
	return func(s *Snapshot) { change(&s.Nodes[i]) }
}

// replica changes the first replica.
func replica(change func(*View)) func(*Snapshot) { return node(1, change) }

func state(state State) func(*View)       { return func(v *View) { v.State = state } }
func fresh(ms int) func(*View)            { return func(v *View) { v.Fresh = at(ms) } }
func position(p lag.Position) func(*View) { return func(v *View) { v.Position = p } }

func noPrimary(s *Snapshot) {
	s.Primary, s.clock = -1, nil
	s.Nodes[0].Role, s.Nodes[0].State = RoleUnknown, StateDown
}

func ask(consistency Consistency, n *session.Need) Query {
	return Query{Consistency: consistency, Need: n, MaxLag: testMaxLag}
}

func excluding(q Query, nodes ...int) Query {
	for _, n := range nodes {
		q.Exclude.Add(n)
	}
	return q
}

func budget(q Query, d time.Duration) Query {
	q.Budget = d
	return q
}

var pickTests = []struct {
	name     string
	snapshot *Snapshot
	query    Query
	now      int // milliseconds
	want     Choice
}{
	{"a replica that is up", fixture(1), ask(Session, nil), 0, Choice{Node: 1, Reason: OnReplica}},
	{"strong", fixture(1), ask(Strong, nil), 0, Choice{Node: 0, Reason: StrongRead}},
	{"strong, no primary", fixture(1, noPrimary), ask(Strong, nil), 0, Choice{Node: -1, Reason: StrongRead}},
	{"single member", fixture(0), ask(Session, nil), 0, Choice{Node: 0, Reason: SingleMember}},
	{"single member, pending write", fixture(0), ask(Session, need(writing)), 0, Choice{Node: 0, Reason: SingleMember}},
	{"single member that is down", fixture(0, node(0, state(StateDown))), ask(Session, nil), 0, Choice{Node: -1, Reason: FallbackNoReplica}},
	{"no member", &Snapshot{Primary: -1}, ask(Session, nil), 0, Choice{Node: -1, Reason: FallbackNoReplica}},

	// States.
	{"replica down", fixture(1, replica(state(StateDown))), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackNoReplica}},
	{"replica down, eventual", fixture(1, replica(state(StateDown))), ask(Eventual, nil), 0, Choice{Node: 0, Reason: FallbackNoReplica}},
	{"replica stopped", fixture(1, replica(state(StateStopped))), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackStopped}},
	{"replica stopped, eventual", fixture(1, replica(state(StateStopped))), ask(Eventual, nil), 0, Choice{Node: 1, Reason: OnReplica}},
	{"replica unknown", fixture(1, replica(state(StateUnknown))), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackUnknown}},
	{"replica unknown, eventual", fixture(1, replica(state(StateUnknown))), ask(Eventual, nil), 0, Choice{Node: 1, Reason: OnReplica}},
	{"replica never asked, eventual", fixture(1, replica(func(v *View) { *v = View{Node: v.Node} })), ask(Eventual, nil), 0, Choice{Node: 0, Reason: FallbackNoReplica}},
	{"sample about to expire", fixture(1), Query{Consistency: Session, MaxLag: time.Hour}, 3000, Choice{Node: 1, Reason: OnReplica}},
	{"expired sample", fixture(1, node(0, func(v *View) { v.Asked = at(3000) })), Query{Consistency: Session, MaxLag: time.Hour}, 3001, Choice{Node: 0, Reason: FallbackUnknown}},
	{"expired sample, eventual", fixture(1, node(0, func(v *View) { v.Asked = at(3000) })), ask(Eventual, nil), 3001, Choice{Node: 1, Reason: OnReplica}},
	{"expired samples of all", fixture(1), Query{Consistency: Session, MaxLag: time.Hour}, 3001, Choice{Node: -1, Reason: FallbackUnknown}},
	{"stray", fixture(1, replica(func(v *View) { v.Role = RoleStray })), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackNoReplica}},
	{"stray, eventual", fixture(1, replica(func(v *View) { v.Role = RoleStray })), ask(Eventual, nil), 0, Choice{Node: 0, Reason: FallbackNoReplica}},
	{"position not told", fixture(1, replica(func(v *View) { v.Position, v.Fresh, v.State = nil, time.Time{}, StateUnknown })), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackUnknown}},
	{"no primary, eventual", fixture(1, noPrimary), ask(Eventual, nil), 0, Choice{Node: 1, Reason: OnReplica}},
	{"primary down, replica fresh", fixture(1, node(0, state(StateDown))), ask(Session, nil), 1000, Choice{Node: 1, Reason: OnReplica}},
	{"primary down, replica gets stale", fixture(1, node(0, state(StateDown))), ask(Session, nil), 2001, Choice{Node: -1, Reason: FallbackLag}},

	// Staleness: the time since Fresh, not the lag when the sample was taken.
	{"at the maximum lag", fixture(1), ask(Session, nil), 2000, Choice{Node: 1, Reason: OnReplica}},
	{"past the maximum lag, though none when asked", fixture(1), ask(Session, nil), 2001, Choice{Node: 0, Reason: FallbackLag}},
	{"behind when asked", fixture(1, replica(fresh(-2001))), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackLag}},
	{"behind every position remembered", fixture(1, replica(func(v *View) { v.Fresh, v.State = time.Time{}, StateLagging })), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackLag}},
	{"lagging, eventual", fixture(1, replica(func(v *View) { v.Fresh, v.State = time.Time{}, StateLagging })), ask(Eventual, nil), 0, Choice{Node: 1, Reason: OnReplica}},
	{"within the bound", fixture(1), ask(BoundedStaleness(500*time.Millisecond), nil), 500, Choice{Node: 1, Reason: OnReplica}},
	{"past the bound", fixture(1), ask(BoundedStaleness(500*time.Millisecond), nil), 501, Choice{Node: 0, Reason: FallbackLag}},
	{"bound above the maximum lag", fixture(1), ask(BoundedStaleness(time.Hour), nil), 2001, Choice{Node: 0, Reason: FallbackLag}},
	{"no bound at all", fixture(1), ask(BoundedStaleness(0), nil), 1, Choice{Node: 0, Reason: FallbackLag}},

	// What the session needs.
	{"position reached", fixture(1), ask(Session, need(wroteUpTo(wal(100)))), 0, Choice{Node: 1, Reason: OnReplica}},
	{"position not reached", fixture(1), ask(Session, need(wroteUpTo(wal(101)))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"position not reached, but nothing of before it is lacking", fixture(1, replica(fresh(1))), ask(Session, need(wroteUpTo(wal(101)))), 1, Choice{Node: 1, Reason: OnReplica}},
	{"position not reached, but nothing is lacking, other timeline", fixture(1, replica(fresh(1))), ask(Session, need(wroteUpTo(walOn(7, 9, 1)))), 1, Choice{Node: 0, Reason: FallbackHistory}},
	{"position not reached, bounded", fixture(1), ask(BoundedStaleness(time.Second), need(wroteUpTo(wal(101)))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"position not reached, eventual", fixture(1), ask(Eventual, need(wroteUpTo(wal(101)))), 0, Choice{Node: 1, Reason: OnReplica}},
	{"position not reached by one", fixture(2, node(2, position(wal(101)))), ask(Session, need(wroteUpTo(wal(101)))), 0, Choice{Node: 2, Reason: OnReplica}},
	{"position needed, none told", fixture(1, replica(position(lag.WAL{}))), ask(Session, need(wroteUpTo(wal(1)))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"written, no position yet", fixture(1, replica(position(wal(1000)))), ask(Session, need(wroteAt(at(0)))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"written, eventual", fixture(1), ask(Eventual, need(wroteAt(at(0)))), 0, Choice{Node: 1, Reason: OnReplica}},
	{"pending write", fixture(1), ask(Session, need(writing)), 0, Choice{Node: 0, Reason: FallbackPendingWrite}},
	{"pending write, bounded", fixture(1), ask(BoundedStaleness(time.Second), need(writing)), 0, Choice{Node: 0, Reason: FallbackPendingWrite}},
	{"pending write, eventual", fixture(1), ask(Eventual, need(writing)), 0, Choice{Node: 1, Reason: OnReplica}},
	{"pending write, no primary", fixture(1, noPrimary), ask(Session, need(writing)), 0, Choice{Node: -1, Reason: FallbackPendingWrite}},
	{"seen on this replica", fixture(2), ask(Session, need(saw(2, 1))), 0, Choice{Node: 2, Reason: OnReplica}},
	{"seen on this replica before it restarted", fixture(1), ask(Session, need(saw(1, 99))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"seen on the primary", fixture(1), ask(Session, need(saw(0, 1))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"seen on two replicas", fixture(2), ask(Session, need(saw(1, 1), saw(2, 1))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"seen on a replica that is too far behind", fixture(1), ask(Session, need(saw(1, 1))), 2001, Choice{Node: 0, Reason: FallbackLag}},
	{"seen on a replica, eventual", fixture(2), Query{Consistency: Eventual, Need: need(saw(2, 1)), Exclude: 1 << 2}, 0, Choice{Node: 1, Reason: OnReplica}},

	// Histories.
	{"position of an older timeline", fixture(1), ask(Session, need(wroteUpTo(walOn(7, 9, 1)))), 0, Choice{Node: 0, Reason: FallbackHistory}},
	{"position of another system", fixture(1), ask(Session, need(wroteUpTo(walOn(8, 1, 1)))), 0, Choice{Node: 0, Reason: FallbackHistory}},
	{"position of another system, eventual", fixture(1), ask(Eventual, need(wroteUpTo(walOn(8, 1, 1)))), 0, Choice{Node: 1, Reason: OnReplica}},
	{"position of another system, primary down", fixture(1, node(0, state(StateDown))), ask(Session, need(wroteUpTo(walOn(8, 1, 1)))), 0, Choice{Node: -1, Reason: FallbackHistory}},
	{"position of another system, primary failed", fixture(1), excluding(ask(Session, need(wroteUpTo(walOn(8, 1, 1)))), 0), 0, Choice{Node: -1, Reason: FallbackHistory}},
	{"position of another timeline, primary down", fixture(1, node(0, state(StateDown))), ask(Session, need(wroteUpTo(walOn(7, 9, 1)))), 0, Choice{Node: -1, Reason: FallbackSession}},
	{"replica on another timeline", fixture(1, replica(func(v *View) {
		v.Position, v.Fresh, v.State = walOn(7, 2, 100), time.Time{}, StateUnknown
	})), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackUnknown}},
	{"replica of another system", fixture(1, replica(func(v *View) {
		v.Position, v.Fresh, v.State = walOn(8, 1, 100), time.Time{}, StateUnknown
	})), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackUnknown}},
	// Its rows are not of this database at all: no consistency allows them.
	{"replica of another system, eventual", fixture(1, replica(func(v *View) {
		v.Position, v.Fresh, v.State = walOn(8, 1, 100), time.Time{}, StateUnknown
	})), ask(Eventual, nil), 0, Choice{Node: 0, Reason: FallbackUnknown}},
	{"replica on another timeline, eventual", fixture(1, replica(func(v *View) {
		v.Position, v.Fresh, v.State = walOn(7, 2, 100), time.Time{}, StateUnknown
	})), ask(Eventual, nil), 0, Choice{Node: 1, Reason: OnReplica}},

	// Members that failed the read already.
	{"one of two replicas failed", fixture(2), excluding(ask(Session, nil), 1), 0, Choice{Node: 2, Reason: OnReplica}},
	{"both replicas failed", fixture(2), excluding(ask(Session, nil), 1, 2), 0, Choice{Node: 0, Reason: FallbackFailed}},
	{"both failed, eventual", fixture(2), excluding(ask(Eventual, nil), 1, 2), 0, Choice{Node: 0, Reason: FallbackFailed}},
	{"all failed", fixture(1), excluding(ask(Session, nil), 0, 1), 0, Choice{Node: -1, Reason: FallbackFailed}},
	{"primary failed", fixture(1), excluding(ask(Strong, nil), 0), 0, Choice{Node: -1, Reason: StrongRead}},
	{"single member failed", fixture(0), excluding(ask(Session, nil), 0), 0, Choice{Node: -1, Reason: FallbackNoReplica}},

	// Weights.
	{"weight 0", fixture(2, node(1, func(v *View) { v.Node.Member.Weight = 0 })), Query{Consistency: Session, MaxLag: testMaxLag, Policy: Weighted, Random: 12345}, 0, Choice{Node: 2, Reason: OnReplica}},
	{"weights 0 of all", fixture(1, node(1, func(v *View) { v.Node.Member.Weight = 0 })), Query{Consistency: Session, MaxLag: testMaxLag, Policy: Weighted}, 0, Choice{Node: 0, Reason: FallbackNoReplica}},
	{"weight 0, another policy", fixture(1, node(1, func(v *View) { v.Node.Member.Weight = 0 })), ask(Session, nil), 0, Choice{Node: 1, Reason: OnReplica}},

	// Waiting, where it promises a replica.
	{"wait for a position", fixture(1), budget(ask(Session, need(wroteUpTo(wal(101)))), time.Millisecond), 0, Choice{Node: 0, Reason: FallbackSession, Wait: true}},
	{"wait for a sample", fixture(1), budget(ask(Session, need(wroteAt(at(0)))), time.Second), 0, Choice{Node: 0, Reason: FallbackSession, Wait: true}},
	{"wait for a bound", fixture(1), budget(ask(BoundedStaleness(1), nil), time.Second), 10, Choice{Node: 0, Reason: FallbackLag, Wait: true}},
	{"delay above the budget", fixture(1), budget(ask(Session, need(wroteUpTo(wal(101)))), time.Millisecond-1), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"one of two within the budget", fixture(2, replica(func(v *View) { v.Delay = time.Hour })), budget(ask(Session, need(wroteUpTo(wal(101)))), time.Second), 0, Choice{Node: 0, Reason: FallbackSession, Wait: true}},
	{"no budget", fixture(1, replica(func(v *View) { v.Delay = 0 })), ask(Session, need(wroteUpTo(wal(101)))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"no wait for a replica that lags", fixture(1, replica(state(StateLagging))), budget(ask(Session, need(wroteUpTo(wal(101)))), time.Second), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"no wait for a replica that is stopped", fixture(1, replica(state(StateStopped))), budget(ask(Session, need(wroteUpTo(wal(101)))), time.Second), 0, Choice{Node: 0, Reason: FallbackStopped}},
	{"no wait for a pending write", fixture(1), budget(ask(Session, need(writing)), time.Second), 0, Choice{Node: 0, Reason: FallbackPendingWrite}},
	{"no wait for one that failed", fixture(1), excluding(budget(ask(Session, need(wroteUpTo(wal(101)))), time.Second), 1), 0, Choice{Node: 0, Reason: FallbackFailed}},
	{"no wait where another answers", fixture(2, node(2, position(wal(101)))), budget(ask(Session, need(wroteUpTo(wal(101)))), time.Second), 0, Choice{Node: 2, Reason: OnReplica}},
	{"wait without a primary", fixture(1, node(0, state(StateDown))), budget(ask(Session, need(wroteUpTo(wal(101)))), time.Second), 0, Choice{Node: -1, Reason: FallbackSession, Wait: true}},

	// The reason is that of the replica that came nearest.
	{"one down, one behind the session", fixture(2, replica(state(StateDown))), ask(Session, need(wroteUpTo(wal(101)))), 0, Choice{Node: 0, Reason: FallbackSession}},
	{"one unknown, one lagging", fixture(2, replica(state(StateUnknown)), node(2, fresh(-9000))), ask(Session, nil), 0, Choice{Node: 0, Reason: FallbackLag}},
}

func TestPick(t *testing.T) {
	for _, test := range pickTests {
		t.Run(test.name, func(t *testing.T) {
			q := test.query
			if got := Pick(&q, test.snapshot, at(test.now)); got != test.want {
				t.Errorf("got node %d, %s, wait %t; want node %d, %s, wait %t",
					got.Node, got.Reason.Key(), got.Wait, test.want.Node, test.want.Reason.Key(), test.want.Wait)
			}
		})
	}
}

// Eligible says of one member what Pick says of all: where it allows a replica,
// Pick with that replica alone chooses it, and the other way round.
func TestEligibleAgreesWithPick(t *testing.T) {
	for _, test := range pickTests {
		for i := range test.snapshot.Nodes {
			q := test.query
			if q.Policy == Weighted {
				continue // the weight is for balancing, not a matter of freshness
			}
			for j := range test.snapshot.Nodes {
				if j != i && j != test.snapshot.Primary {
					q.Exclude.Add(j)
				}
			}
			now := at(test.now)
			picked := Pick(&q, test.snapshot, now)
			onIt := picked.Node == i && picked.Reason == OnReplica
			if allowed := Eligible(&q, test.snapshot, i, now) == OnReplica; allowed != onIt {
				t.Errorf("%s: member %d: Eligible allows it: %t, Pick chooses it: %t", test.name, i, allowed, onIt)
			}
		}
	}
}

func TestReasons(t *testing.T) {
	keys := make(map[string]bool)
	for r := range Reasons {
		if r.Key() == "" || keys[r.Key()] {
			t.Errorf("reason %d has no key of its own: %q", r, r.Key())
		}
		keys[r.Key()] = true
		if toPrimary := r >= FallbackNoReplica; r.Fallback() != toPrimary {
			t.Errorf("%s: Fallback() = %t", r.Key(), r.Fallback())
		}
	}
}

// may states the rules a second time, as plainly as possible: whether a member may
// answer a read from a replica.
func may(q *Query, s *Snapshot, i int, now time.Time) bool {
	v := s.Nodes[i]
	if v.Role != RoleReplica || v.State == StateDown || v.Asked.IsZero() || q.Exclude.Has(i) || i == s.Primary {
		return false
	}
	if newest, _, ok := s.clock.Last(); ok && v.Position != nil && !v.Position.SameLineage(newest) {
		return false
	}
	if q.Consistency == Eventual {
		return true
	}
	if q.Consistency == Strong || v.State == StateStopped || v.State == StateUnknown {
		return false
	}
	if now.Sub(v.Asked) > s.expiry || v.Fresh.IsZero() || now.Sub(v.Fresh) > q.MaxLag {
		return false
	}
	if d, ok := q.Consistency.Bound(); ok && now.Sub(v.Fresh) > d {
		return false
	}
	n := q.Need
	if n == nil {
		return true
	}
	if n.Pending || n.Foreign || !n.Written.IsZero() {
		return false
	}
	for _, seen := range n.Sightings() {
		if seen.Instance != v.Instance {
			return false
		}
	}
	if n.Position == nil || v.Position.Covers(n.Position) {
		return true
	}
	a, b := v.Position.(lag.WAL), n.Position.(lag.WAL)
	return a.System == b.System && a.Timeline == b.Timeline && !n.At.IsZero() && !v.Fresh.Before(n.At)
}

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func randomSnapshot(r *rand.Rand) *Snapshot {
	s := fixture(r.IntN(5))
	s.Primary = one(r, 0, 0, 0, -1)
	if s.Primary < 0 {
		s.Nodes[0].Role = RoleUnknown
	}
	for i := range s.Nodes {
		v := &s.Nodes[i]
		v.State = one(r, StateUp, StateUp, StateUp, StateUp, StateLagging, StateUnknown, StateStopped, StateDown)
		v.Asked = at(-r.IntN(4000))
		v.Fresh = v.Asked.Add(-time.Duration(r.IntN(2500)) * time.Millisecond)
		v.Instance.Run = uint64(1 + r.IntN(2))
		v.Delay = time.Duration(r.IntN(40)) * time.Millisecond
		v.Position = one(r, wal(98), wal(99), wal(100), wal(101), wal(101), walOn(7, 2, 100), walOn(8, 1, 100))
		v.Node.Member.Weight = r.IntN(3)
		if i > 0 {
			v.Role = one(r, RoleReplica, RoleReplica, RoleReplica, RoleReplica, RoleStray, RoleUnknown)
		}
		if _, comparable := wal(100).Distance(v.Position); !comparable && v.State != StateDown {
			v.State, v.Fresh = StateUnknown, time.Time{}
		}
		switch r.IntN(12) {
		case 0:
			v.Position, v.Fresh, v.State = nil, time.Time{}, StateUnknown
		case 1:
			v.Fresh, v.State = time.Time{}, StateLagging
		case 2:
			v.Asked, v.Fresh, v.Role = time.Time{}, time.Time{}, RoleUnknown
		}
	}
	return s
}

func randomQuery(r *rand.Rand) Query {
	var steps []func(*session.Record)
	for range r.IntN(3) {
		steps = append(steps, one(r,
			wroteUpTo(wal(lag.LSN(98+r.IntN(4)))), wroteUpTo(wal(99)), wroteUpTo(walOn(8, 1, 100)), wroteUpTo(walOn(7, 2, 99)),
			wroteAt(at(-r.IntN(100))), writing, saw(r.IntN(4), uint64(1+r.IntN(2))), saw(1, 1)))
	}
	q := Query{
		Consistency: one(r, Session, Session, Session, Eventual, Strong, BoundedStaleness(time.Duration(r.IntN(3000))*time.Millisecond)),
		MaxLag:      one(r, testMaxLag, 4*time.Second),
		Budget:      one(r, 0, 10*time.Millisecond, time.Second),
		Policy:      Policy(r.IntN(len(policyNames))),
		Key:         one(r, "", "a", "b"),
		Random:      r.Uint64(),
		Turn:        r.Uint64(),
	}
	if r.IntN(5) > 0 {
		q.Need = need(steps...)
	}
	if r.IntN(3) == 0 {
		q.Exclude.Add(r.IntN(4))
	}
	return q
}

func TestPickKeepsTheRules(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var onReplica, onPrimary, nowhere int
	for range 40_000 {
		s, q, now := randomSnapshot(r), randomQuery(r), at(0)
		c := Pick(&q, s, now)
		fail := func(what string) {
			t.Helper()
			t.Fatalf("%s:\n%+v\nneed %+v\nof %+v\nchose %+v (%s)", what, q, q.Need, s.Nodes, c, c.Reason.Key())
		}
		possible := false
		for i := range s.Nodes {
			ok := may(&q, s, i, now)
			possible = possible || ok && (q.Policy != Weighted || s.Nodes[i].Node.Member.Weight > 0)
			if (Eligible(&q, s, i, now) == OnReplica) != ok {
				fail(fmt.Sprintf("Eligible and the rules do not agree on member %d", i))
			}
		}
		switch {
		case c.Reason == OnReplica:
			onReplica++
			if !may(&q, s, c.Node, now) {
				fail("the rules do not allow the replica")
			}
			if c.Wait {
				fail("waits though a replica answers")
			}
		case c.Node >= 0:
			onPrimary++
			v, ok := s.PrimaryAt(now)
			if !ok || c.Node != s.Primary || v.State != StateUp || q.Exclude.Has(c.Node) {
				fail("neither a replica nor a primary that is up")
			}
		default:
			nowhere++
			if v, ok := s.PrimaryAt(now); ok && !q.Exclude.Has(v.Node.Index) {
				fail("the primary could answer")
			}
		}
		// Only where the primary itself is the answer is a replica left aside.
		if c.Reason != OnReplica && possible && c.Reason != SingleMember && c.Reason != FallbackHistory {
			fail("a replica could answer")
		}
		if c.Wait && (q.Budget == 0 || c.Reason == StrongRead || c.Reason == FallbackPendingWrite) {
			fail("waits in vain")
		}
	}
	if min(onReplica, onPrimary, nowhere) < 1000 {
		t.Errorf("%d on a replica, %d on the primary, %d nowhere: the draw tests too little", onReplica, onPrimary, nowhere)
	}
}

func TestPickAllocatesNothing(t *testing.T) {
	s := fixture(5)
	for p := range Policy(len(policyNames)) {
		q := ask(Session, need(wroteUpTo(wal(100))))
		q.Policy, q.Key = p, "key"
		var c Choice
		if n := testing.AllocsPerRun(1000, func() { c = Pick(&q, s, at(1)) }); n > 0 {
			t.Errorf("%s: %v allocations", p, n)
		}
		if c.Reason != OnReplica {
			t.Errorf("%s: %s", p, c.Reason.Key())
		}
	}
}

func BenchmarkPick(b *testing.B) {
	s, now := fixture(2), at(1)
	q := ask(Session, need(wroteUpTo(wal(100))))
	b.ReportAllocs()
	for b.Loop() {
		q.Random++
		Pick(&q, s, now)
	}
}
