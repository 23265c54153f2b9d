package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

// ErrClosed is returned once the cluster has been closed.
var ErrClosed = errors.New("rwsplit: database is closed")

// ErrNoPrimary is wrapped by the error of a statement that needed the primary
// while none could be reached. Nothing was sent.
var ErrNoPrimary = errors.New("no primary")

// Config says how a cluster works. All fields are required.
type Config struct {
	Members         []Member      // the first is the declared primary
	MaxLag          time.Duration // a replica further behind is lagging
	ProbeInterval   time.Duration // between samples when nobody waits
	ProbeTimeout    time.Duration // of one sample
	PrimaryWait     time.Duration // how long a statement waits for a primary
	MaxConns        int           // per member
	ConnMaxLifetime time.Duration
	ConnMaxIdleTime time.Duration
}

// Cluster follows the members of one database. It is safe for concurrent use.
type Cluster struct {
	config   Config
	nodes    []*Node
	snapshot atomic.Pointer[Snapshot]

	mu        sync.Mutex // guards what the snapshots are made from
	standings []standing
	primary   int
	clock     *lag.Clock

	start  sync.Once
	cancel context.CancelFunc // ends the goroutines; set by start
	done   sync.WaitGroup
	closed atomic.Bool
}

var _ session.Source = (*Cluster)(nil)

// New returns a cluster that connects to nothing until Start is called.
func New(config Config) (*Cluster, error) {
	if len(config.Members) > MaxMembers {
		return nil, fmt.Errorf("%d members, more than %d", len(config.Members), MaxMembers)
	}
	c := &Cluster{config: config, primary: -1, standings: make([]standing, len(config.Members))}
	for i, m := range config.Members {
		n, err := newNode(i, m, &c.config, c.report)
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, n)
	}
	c.publishLocked() // nobody else has c yet
	return c, nil
}

// Start begins to follow the members, once.
func (c *Cluster) Start() {
	c.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		c.cancel = cancel
		for _, n := range c.nodes {
			c.done.Go(func() { n.run(ctx) })
		}
		c.done.Go(func() { c.reap(ctx) })
	})
}

// Close ends all goroutines and closes all connections, and waits for both. It
// may be called more than once.
func (c *Cluster) Close() {
	if c.closed.Swap(true) {
		return
	}
	c.start.Do(func() {}) // a cluster that is closed does not start any more
	if c.cancel != nil {
		c.cancel()
	}
	c.done.Wait()
	var pools sync.WaitGroup
	for _, n := range c.nodes {
		pools.Go(n.pool.close)
	}
	pools.Wait()
	c.mu.Lock()
	c.publishLocked() // wakes who waits
	c.mu.Unlock()
}

// reap closes idle and old connections now and then.
func (c *Cluster) reap(ctx context.Context) {
	every := max(min(c.config.ConnMaxIdleTime, c.config.ConnMaxLifetime)/2, 100*time.Millisecond)
	ticker := time.NewTicker(min(every, time.Minute))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			for _, n := range c.nodes {
				n.pool.reap(now)
			}
		}
	}
}

// Nodes returns the members at work, in the order of the configuration.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Snapshot returns what is known now.
func (c *Cluster) Snapshot() *Snapshot { return c.snapshot.Load() }

// Witness implements session.Source.
func (c *Cluster) Witness() session.Witness { return c.snapshot.Load() }

// report takes in the outcome of one probe.
func (c *Cluster) report(n *Node, sample lag.Sample, err error) {
	c.mu.Lock()
	s := &c.standings[n.Index]
	s.asked, s.err = true, err
	if err == nil {
		s.observe(sample)
	}
	elected := false
	if p := elect(c.standings, c.primary); p != c.primary {
		c.primary, c.clock, elected = p, nil, true
		for i := range c.standings {
			c.standings[i].chased = nil
		}
	}
	noteRivals(c.standings, c.primary)
	var reached lag.Position
	if elected || n.Index == c.primary && err == nil {
		// What a primary that takes no writes tells is not the end of all
		// writes: it may have a successor that was not seen yet.
		if p := &c.standings[c.primary].sample; p.Writable && p.Position != nil {
			reached = p.Position
			c.clock = c.clock.Add(p.Asked, reached)
		}
	}
	s.caught()
	for i := range c.standings {
		if i != c.primary && reached != nil {
			c.standings[i].chase(c.clock)
		}
	}
	c.publishLocked()
	c.mu.Unlock()

	if reached != nil {
		// How far the replicas are is told against this position: see when
		// they reach it.
		for _, r := range c.nodes {
			r.tracker.Pursue(reached)
		}
	}
}

func (c *Cluster) publishLocked() {
	s := &Snapshot{
		Nodes:   make([]View, len(c.nodes)),
		Primary: c.primary,
		clock:   c.clock,
		expiry:  3*c.config.ProbeInterval + c.config.ProbeTimeout,
		asked:   true,
		next:    make(chan struct{}),
	}
	for i, n := range c.nodes {
		s.Nodes[i] = view(&c.standings[i], i, c.primary, c.clock, c.config.MaxLag)
		s.Nodes[i].Node = n
		s.asked = s.asked && c.standings[i].asked
	}
	if old := c.snapshot.Swap(s); old != nil {
		close(old.next)
	}
}

// Hasten asks for the samples that could show a replica to meet the need.
func (c *Cluster) Hasten(s *Snapshot, need *session.Need, now time.Time) {
	if s.Primary < 0 {
		return
	}
	switch {
	case need != nil && need.Unresolved():
		c.nodes[s.Primary].tracker.Ask(need.Since())
	case need != nil && need.Position != nil:
		if newest, _, ok := s.clock.Last(); !ok || !newest.Covers(need.Position) {
			// A token may tell more than our samples. Whether such a position
			// exists at all, the primary knows.
			c.nodes[s.Primary].tracker.Ask(now)
			return
		}
		for i, n := range c.nodes {
			if i != s.Primary {
				n.tracker.Pursue(need.Position)
			}
		}
	default:
		c.nodes[s.Primary].tracker.Ask(now)
	}
}

// AwaitPrimary implements session.Source.
func (c *Cluster) AwaitPrimary(ctx context.Context, t time.Time) error {
	for {
		s := c.snapshot.Load()
		if _, ok := s.PrimaryAfter(t); ok {
			return nil
		}
		if c.closed.Load() {
			return ErrClosed
		}
		if s.Primary >= 0 {
			c.nodes[s.Primary].tracker.Ask(t)
		}
		select {
		case <-s.next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Await waits for a newer snapshot than s until the deadline. It returns ctx's
// error, [ErrClosed], or false when the deadline came first.
func (c *Cluster) Await(ctx context.Context, s *Snapshot, deadline time.Time) (bool, error) {
	if c.closed.Load() {
		return false, ErrClosed
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-s.next:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-timer.C:
		return false, nil
	}
}

// Primary leases a connection to the primary. While there is none, or it cannot
// be reached, it waits for up to the configured time. Nothing has been sent when
// it fails.
func (c *Cluster) Primary(ctx context.Context) (Lease, error) {
	var deadline time.Time
	var last error
	for {
		s, now := c.snapshot.Load(), time.Now()
		if v, ok := s.PrimaryAt(now); ok {
			lease, err := v.Node.Acquire(ctx, v, now)
			if err == nil || ctx.Err() != nil || errors.Is(err, ErrClosed) {
				return lease, err
			}
			last = err
		}
		if s.Hopeless() {
			return Lease{}, c.noPrimary(s, now, last)
		}
		if deadline.IsZero() {
			deadline = now.Add(c.Patience(s))
		}
		newer, err := c.Await(ctx, s, deadline)
		if err != nil {
			if errors.Is(err, ErrClosed) {
				return Lease{}, err
			}
			return Lease{}, fmt.Errorf("rwsplit: waiting for a primary: %w", err)
		}
		if !newer {
			return Lease{}, c.noPrimary(c.snapshot.Load(), time.Now(), last)
		}
	}
}

// Patience returns how long a statement waits for a member that can answer it.
// That there is none is not known before all have been asked.
func (c *Cluster) Patience(s *Snapshot) time.Duration {
	if !s.asked {
		return max(c.config.PrimaryWait, c.config.ProbeTimeout)
	}
	return c.config.PrimaryWait
}

// Hopeless reports that all members were asked and none has ever answered: a
// mistake in the configuration, most likely, that waiting does not mend.
func (s *Snapshot) Hopeless() bool {
	for i := range s.Nodes {
		if !s.Nodes[i].Asked.IsZero() {
			return false
		}
	}
	return s.asked
}

// NoPrimary returns the error, which wraps [ErrNoPrimary], that says which
// members there are and how they do. Last, unless nil, is why the caller got no
// connection.
func (c *Cluster) NoPrimary(s *Snapshot, now time.Time, last error) error {
	return c.noPrimary(s, now, last)
}

// Closed reports whether Close was called. Whoever waits for a newer snapshot
// looks here, too: Close publishes the last one.
func (c *Cluster) Closed() bool { return c.closed.Load() }

// noPrimary says which members there are and how they do.
func (c *Cluster) noPrimary(s *Snapshot, now time.Time, last error) error {
	var text strings.Builder
	for i := range s.Nodes {
		v := &s.Nodes[i]
		state, reason := s.StateAt(v, now)
		fmt.Fprintf(&text, "; %s (%s) is %s", v.Node.Member.Name, v.Role, state)
		if reason != "" {
			fmt.Fprintf(&text, ": %s", reason)
		}
	}
	err := &noPrimaryError{text: text.String(), last: last}
	if last == nil {
		for i := range c.nodes {
			c.mu.Lock()
			if e := c.standings[i].err; e != nil && err.last == nil {
				err.last = e
			}
			c.mu.Unlock()
		}
	}
	return err
}

// noPrimaryError lists the members. It unwraps to ErrNoPrimary and to the last
// error of the wrapped driver.
type noPrimaryError struct {
	text string
	last error
}

func (e *noPrimaryError) Error() string {
	if e.last == nil || strings.Contains(e.text, e.last.Error()) {
		return "rwsplit: no primary" + e.text
	}
	return "rwsplit: no primary" + e.text + "; " + e.last.Error()
}

func (e *noPrimaryError) Unwrap() []error {
	if e.last == nil {
		return []error{ErrNoPrimary}
	}
	return []error{ErrNoPrimary, e.last}
}
