package cluster

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"
	"github.com/rwsplit/rwsplit/lag"
)

// Node is one member at work: its tracker, its connections and its counters.
type Node struct {
	Index  int
	Member Member
	Load   Load

	// Counts of statements that were sent to the node by callers.
	Reads, Writes, Errors atomic.Uint64

	tracker *lag.Tracker
	pool    *pool
	probing driver.Conn // the tracker's own; only its goroutine uses it
	hash    uint64      // of the name
}

func newNode(index int, m Member, c *Config, report func(*Node, lag.Sample, error)) (*Node, error) {
	pool, err := newPool(m.Server, c)
	if err != nil {
		return nil, err
	}
	n := &Node{Index: index, Member: m, pool: pool, hash: maphash.String(seed, m.Name)}
	n.tracker = lag.NewTracker(lag.TrackerConfig{
		Probe:    n.probe,
		Interval: c.ProbeInterval,
		Timeout:  c.ProbeTimeout,
		Report:   func(s lag.Sample, err error) { report(n, s, err) },
	})
	return n, nil
}

// probe samples the server over a connection of its own, so that a pool whose
// connections are all taken does not make the node look dead.
func (n *Node) probe(ctx context.Context) (lag.Sample, error) {
	if n.probing == nil {
		conn, err := n.Member.Server.Connect(ctx)
		if err != nil {
			return lag.Sample{}, err
		}
		n.probing = conn
	}
	sample, err := n.Member.Server.Observe(ctx, n.probing)
	if err != nil {
		n.probing.Close()
		n.probing = nil
	}
	return sample, err
}

// run tracks the node until ctx is done.
func (n *Node) run(ctx context.Context) {
	n.tracker.Run(ctx)
	if n.probing != nil {
		n.probing.Close()
	}
}

// Acquire leases a connection to the node as v describes it: to the same run of
// the server, in the same role. No statement has been sent when it fails; the
// error is then an [*Unreachable], [ErrClosed], or wraps ctx's.
func (n *Node) Acquire(ctx context.Context, v *View, now time.Time) (Lease, error) {
	n.Load.inFlight.Add(1)
	lease, err := n.acquire(ctx, v, now)
	if err != nil {
		n.Load.inFlight.Add(-1)
		return Lease{}, n.unreachable(ctx, err)
	}
	return lease, nil
}

func (n *Node) acquire(ctx context.Context, v *View, now time.Time) (Lease, error) {
	replica := v.Role != RolePrimary
	for {
		r, waited, err := n.pool.acquire(ctx, now)
		if err != nil {
			return Lease{}, err
		}
		c := r.Value()
		fits := c.Run == v.Instance.Run && c.Writable == v.Writable
		if fits && replica && !c.restricted {
			err = n.Member.Server.Restrict(ctx, c.Driver)
			c.restricted = err == nil
		}
		if fits && c.restricted == replica {
			return Lease{Node: n, Waited: waited, resource: r}, nil
		}
		r.Destroy()
		if !fits && c.opened.After(v.Asked) {
			err = errMoved
		}
		if err != nil && !errors.Is(err, driver.ErrBadConn) {
			return Lease{}, err
		}
	}
}

// errMoved says that the address has come to mean another server, or the server
// another role, since the newest sample.
var errMoved = errors.New("the server restarted or changed its role since it was last asked")

func (n *Node) unreachable(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("rwsplit: waiting for a connection to %s: %w", n.Member.Name, ctx.Err())
	case errors.Is(err, puddle.ErrClosedPool):
		return ErrClosed
	}
	n.Doubt()
	return &Unreachable{Member: n.Member.Name, Err: err}
}

// CloseIdle closes the connections that nobody holds, and the others when they
// come back.
func (n *Node) CloseIdle() { n.pool.Reset() }

// Doubt asks for a new sample of the node at once: a statement met an error that
// may be the node's.
func (n *Node) Doubt() { n.tracker.Ask(time.Now()) }

// Ping returns when a sample that was asked for after the call shows the node
// alive, or with the error that it met.
func (n *Node) Ping(ctx context.Context) error {
	_, err := n.tracker.Sample(ctx, time.Now())
	if err != nil && ctx.Err() == nil && !errors.Is(err, lag.ErrClosed) {
		return &Unreachable{Member: n.Member.Name, Err: err}
	}
	return err
}

// Wait returns when the node is known to have reached p.
func (n *Node) Wait(ctx context.Context, p lag.Position) error { return n.tracker.Wait(ctx, p) }

// PoolStat returns the figures of the node's pool.
func (n *Node) PoolStat() *puddle.Stat { return n.pool.Stat() }

// Unreachable is the error of a member that no connection could be had to.
type Unreachable struct {
	Member string
	Err    error // the wrapped driver's
}

func (e *Unreachable) Error() string { return fmt.Sprintf("rwsplit: %s: %v", e.Member, e.Err) }

// Unwrap returns the wrapped driver's error.
func (e *Unreachable) Unwrap() error { return e.Err }
