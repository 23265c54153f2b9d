package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

// search looks for the member that answers one read.
type search struct {
	query  cluster.Query
	need   session.Need
	record *session.Record // what the need is taken from

	waitUntil time.Time // for a replica; zero: has not waited
	giveUp    time.Time // on finding any member; zero: has not missed one
	limited   bool      // has met the limit on fallbacks
	last      error     // of a member that no connection could be had to
}

// place is where a read was put.
type place struct {
	lease    *holding
	instance lag.Instance
	reason   cluster.Reason
	fresh    bool      // the lease was made for this call
	since    time.Time // when the member was chosen
}

// read runs a call that any member may answer, given that it is fresh enough.
// One that fails for its member's sake, before the first row, is tried elsewhere.
func (c *conn) read(ctx context.Context, k *call, h hints) (reply, place, error) {
	rec := c.db.recordOf(ctx)
	s := c.newSearch(h, rec)
	for attempt := 1; ; attempt++ {
		p, err := c.find(ctx, s)
		if err != nil {
			return reply{}, p, err
		}
		node := p.lease.Node
		var r reply
		unset := c.replay(ctx, p.lease)
		if err = unset; err == nil {
			r, err = k.on(ctx, p.lease.Conn())
		}
		if err == nil {
			c.answered(k, s, &p, rec)
			c.last = p.lease
			return r, p, nil
		}
		if c.again(ctx, err, p.fresh, attempt) {
			c.discard(p.lease, attempt)
			continue
		}
		onReplica := p.lease == &c.replica
		failure := c.failed(node, err, false)
		if !onReplica || ctx.Err() != nil {
			return reply{}, p, failure
		}
		fault := c.db.engine.Diagnose(err)
		if unset != nil && (fault == Refused || fault == NoFault) {
			return c.bind(ctx, k)
		}
		switch fault {
		case Refused:
			if k.method != begin {
				r, err := c.correct(ctx, k)
				return r, p, err
			}
		case Unfit, Lost:
		default:
			return reply{}, p, failure
		}
		if !p.fresh && errors.Is(err, driver.ErrBadConn) {
			return reply{}, p, failure // busy with rows that are still open, say
		}
		c.handBack(p.lease, false)
		s.query.Exclude.Add(node.Index)
		c.db.Counters.Retries.Add(1)
	}
}

// refused is how a statement looks that a replica refused to run.
var refused = &statement.Statement{Kind: statement.Write, Reason: statement.ReplicaRefused}

// newSearch begins a search, in place: it is large.
func (c *conn) newSearch(h hints, rec *session.Record) *search {
	s, config := &c.search, &c.db.config
	s.record, s.limited, s.last = rec, false, nil
	s.waitUntil, s.giveUp = time.Time{}, time.Time{}
	if rec == nil {
		s.record = &c.db.record
	}
	q := &s.query
	q.Need, q.Exclude = &s.need, 0
	q.MaxLag, q.Budget = config.Cluster.MaxLag, config.WaitBudget
	q.Policy, q.Key, q.Random = config.Policy, h.key, rand.Uint64()
	q.Consistency = h.consistency
	if q.Consistency == cluster.DefaultConsistency {
		q.Consistency = config.Consistency
	}
	if q.Policy == cluster.RoundRobin {
		q.Turn = c.db.turn.Add(1)
	}
	return s
}

// timedReads leaves the upper three bits of a read's random number: one in eight
// reads without a session has its latency taken, as reading the time is a good
// part of what a read costs here. The lower bits draw the replica.
const timedReads = 61

// answered counts a read and notes in the caller's session what it has seen.
func (c *conn) answered(k *call, s *search, p *place, rec *session.Record) {
	if k.method == prepare {
		return
	}
	var end time.Time
	if rec != nil || p.reason == cluster.FallbackHistory || s.query.Random>>timedReads == 0 {
		end = time.Now()
		p.lease.Node.Load.Took(end.Sub(p.since), end)
	}
	p.lease.Node.Reads.Add(1)
	c.db.Counters.Reads[p.reason].Add(1)
	if !s.waitUntil.IsZero() && p.reason == cluster.OnReplica {
		c.db.Counters.Waited.Add(1)
	}
	if p.reason == cluster.FallbackHistory {
		s.record.Reanchor(&s.need, end)
	}
	if rec == nil || k.method == begin {
		return
	}
	found := &s.need
	if s.query.Consistency == cluster.Eventual || p.reason == cluster.StaleRead {
		found = nil
	}
	rec.Saw(found, p.instance, end)
}

// correct runs, on the primary, what a replica refused, and remembers that it is
// not a read.
func (c *conn) correct(ctx context.Context, k *call) (reply, error) {
	c.handBack(&c.replica, true)
	c.db.Counters.Corrections.Add(1)
	// The classification was wrong, so its verdict is not used again here.
	r, err := c.write(ctx, k, refused, true)
	if err == nil || c.db.engine.Diagnose(err) != Refused {
		c.db.cache().Refuse(k.text)
	}
	return r, err
}

// find leases a connection of the member that is to answer, waiting where that
// promises a replica.
func (c *conn) find(ctx context.Context, s *search) (place, error) {
	db := c.db
	for {
		snapshot, now := db.Cluster.Snapshot(), time.Now()
		s.need = s.record.Need(snapshot)

		choice, held := c.held(s, snapshot, now)
		if !held {
			choice = cluster.Pick(&s.query, snapshot, now)
		}
		if choice.Wait || choice.Node != snapshot.Primary {
			c.yieldPrimary()
		}
		if choice.Wait {
			if err := c.await(ctx, s, snapshot, now); err != nil {
				return place{}, err
			}
			continue
		}
		if choice.Node < 0 {
			if err := c.miss(ctx, s, snapshot, now); err != nil {
				return place{}, err
			}
			continue
		}
		if choice.Reason.Fallback() && !c.fallback {
			ok, err := c.admit(ctx, s, snapshot, &choice, now)
			if err != nil {
				return place{}, err
			}
			if !ok {
				continue
			}
		}
		p, err := c.lease(ctx, snapshot, choice, now)
		if err == nil {
			if choice.Reason == cluster.OnReplica && p.fresh && p.lease.Waited && !c.stillEligible(s, choice.Node) {
				c.yieldReplica() // it got stale while a connection was waited for
				continue
			}
			return p, nil
		}
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return place{}, err
		}
		s.last = err
		s.query.Exclude.Add(choice.Node)
		db.Counters.Retries.Add(1)
	}
}

func (c *conn) stillEligible(s *search, node int) bool {
	return cluster.Eligible(&s.query, c.db.Cluster.Snapshot(), node, time.Now()) == cluster.OnReplica
}

// held keeps a checkout's reads on the replica that it holds while that is
// eligible. Otherwise the replica is given up, or, while its rows may be open,
// the read goes to the primary.
func (c *conn) held(s *search, snapshot *cluster.Snapshot, now time.Time) (cluster.Choice, bool) {
	if !c.replica.Valid() {
		return cluster.Choice{}, false
	}
	node := c.replica.Node
	reason := cluster.Eligible(&s.query, snapshot, node.Index, now)
	if reason == cluster.OnReplica {
		return cluster.Choice{Node: node.Index, Reason: reason}, true
	}
	if c.yieldReplica(); !c.replica.Valid() {
		return cluster.Choice{}, false
	}
	if _, ok := snapshot.PrimaryAt(now); ok && !s.query.Exclude.Has(snapshot.Primary) {
		return cluster.Choice{Node: snapshot.Primary, Reason: reason}, true
	}
	return cluster.Choice{Node: -1}, true
}

// await waits for a newer snapshot, for as long as the wait budget lasts.
func (c *conn) await(ctx context.Context, s *search, snapshot *cluster.Snapshot, now time.Time) error {
	if s.waitUntil.IsZero() {
		s.waitUntil = now.Add(s.query.Budget)
		c.db.Counters.Waits.Add(1)
	}
	c.db.Cluster.Hasten(snapshot, &s.need, now)
	newer, err := c.db.Cluster.Await(ctx, snapshot, s.waitUntil)
	if err != nil {
		return waiting("a replica that is fresh enough", err)
	}
	if !newer {
		s.query.Budget = 0
	}
	return nil
}

// miss waits for a newer snapshot when no member can answer, for as long as a
// statement may wait for a primary.
func (c *conn) miss(ctx context.Context, s *search, snapshot *cluster.Snapshot, now time.Time) error {
	if s.giveUp.IsZero() {
		s.giveUp = now.Add(c.db.Cluster.Patience(snapshot))
	}
	if snapshot.Hopeless() {
		return c.db.Cluster.NoPrimary(snapshot, now, s.last)
	}
	newer, err := c.db.Cluster.Await(ctx, snapshot, s.giveUp)
	if err != nil {
		return waiting("a member that can answer", err)
	}
	if !newer {
		return c.db.Cluster.NoPrimary(c.db.Cluster.Snapshot(), time.Now(), s.last)
	}
	s.query.Exclude = 0 // what failed before may be back
	return nil
}

func waiting(what string, err error) error {
	if errors.Is(err, ErrClosed) {
		return err
	}
	return fmt.Errorf("rwsplit: waiting for %s: %w", what, err)
}

// admit takes a slot for a read that falls back to the primary. It is false when
// the choice is to be made again. Past the limit the read gets what the
// configuration says; the choice may come to be a stale replica.
func (c *conn) admit(ctx context.Context, s *search, snapshot *cluster.Snapshot, choice *cluster.Choice, now time.Time) (bool, error) {
	if c.db.fallbacks.try() {
		c.fallback = true
		return true, nil
	}
	if !s.limited {
		s.limited = true
		c.db.Counters.FallbackLimited.Add(1)
	}
	switch c.db.config.FallbackOverflow {
	case OverflowError:
		return false, ErrFallbackLimit
	case OverflowStale:
		stale := s.query
		stale.Consistency = cluster.Eventual
		if c.replica.Valid() {
			break // its rows are open
		}
		if other := cluster.Pick(&stale, snapshot, now); other.Reason == cluster.OnReplica {
			*choice = cluster.Choice{Node: other.Node, Reason: cluster.StaleRead}
			return true, nil
		}
	}
	if c.db.Cluster.Closed() {
		return false, ErrClosed
	}
	c.yieldPrimary()
	select {
	case c.db.fallbacks.slots <- struct{}{}:
		c.fallback = true
	case <-snapshot.Next():
	case <-ctx.Done():
		return false, waiting("one of the fallback reads on the primary to end", ctx.Err())
	}
	return false, nil
}

// errBusy keeps a checkout from having connections to two primaries.
var errBusy = errors.New("rwsplit: rows are still open on a member that is not the primary any more")

// lease makes sure that the checkout holds a connection to the chosen member.
func (c *conn) lease(ctx context.Context, snapshot *cluster.Snapshot, choice cluster.Choice, now time.Time) (place, error) {
	v := &snapshot.Nodes[choice.Node]
	p := place{lease: &c.replica, instance: v.Instance, reason: choice.Reason, since: now}
	if choice.Node == snapshot.Primary {
		p.lease = &c.primary
	}
	if p.lease.Valid() && p.lease.Node == v.Node {
		p.instance.Run = p.lease.Conn().Run
		return p, nil
	}
	if p.lease.Valid() && !p.lease.resting() {
		return p, errBusy
	}
	c.handBack(p.lease, true)
	lease, err := v.Node.Acquire(ctx, v, now)
	if err != nil {
		return p, err
	}
	*p.lease, p.fresh = holding{Lease: lease}, true
	return p, nil
}
