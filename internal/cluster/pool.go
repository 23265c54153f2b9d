package cluster

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/puddle/v2"
)

// Conn is one physical connection of a pool.
type Conn struct {
	Driver   driver.Conn
	Run      uint64 // of the server when the connection was opened
	Writable bool   // the server took writes then

	restricted bool // see [Server.Restrict]

	prepared prepared
	opened   time.Time
	taken    time.Time // when a caller took it last
	used     bool
}

// Lease is a physical connection that one caller holds. The zero Lease holds
// none.
type Lease struct {
	Node     *Node
	Waited   bool // it was not to be had at once
	resource *puddle.Resource[*Conn]
}

// Valid reports whether the lease holds a connection.
func (l *Lease) Valid() bool { return l.resource != nil }

// Conn returns the connection.
func (l *Lease) Conn() *Conn { return l.resource.Value() }

// Release hands the connection back: to the pool when it may serve another
// caller, otherwise it is closed, in the background. The lease is zero then.
func (l *Lease) Release(keep bool) {
	if l.resource == nil {
		return
	}
	l.Node.Load.inFlight.Add(-1)
	l.Node.giveBack(l.resource, keep)
	*l = Lease{}
}

func (n *Node) giveBack(r *puddle.Resource[*Conn], keep bool) {
	if keep && n.Member.Server.Reusable(r.Value().Driver) {
		n.pool.put(r)
	} else {
		r.Destroy()
	}
}

// resetPatience bounds how long a connection is waited for whose settings are undone.
const resetPatience = time.Second

// Forget hands the connection back for another caller, once the server has undone
// these settings. It does not wait for that.
func (l *Lease) Forget(settings []string) {
	node, r := l.Node, l.resource
	if !node.Member.Server.Reusable(r.Value().Driver) {
		l.Release(false)
		return
	}
	node.Load.inFlight.Add(-1)
	*l = Lease{}
	go func() { // the pool's close waits for the connection
		ctx, cancel := context.WithTimeout(context.Background(), resetPatience)
		defer cancel()
		node.giveBack(r, node.Member.Server.Reset(ctx, r.Value().Driver, settings) == nil)
	}()
}

// pool holds a node's connections.
type pool struct {
	*puddle.Pool[*Conn]
	lifetime time.Duration
	idleTime time.Duration
	patience time.Duration   // with a connection that is asked whether it is alive
	idle     atomic.Int32    // connections at rest, about: see take
	opening  context.Context // of connections opened in the background
	stop     context.CancelFunc
}

func newPool(server Server, c *Config) (*pool, error) {
	inner, err := puddle.NewPool(&puddle.Config[*Conn]{
		MaxSize: int32(c.MaxConns),
		Constructor: func(ctx context.Context) (*Conn, error) {
			return open(ctx, server, c.ProbeTimeout)
		},
		Destructor: func(c *Conn) { c.Driver.Close() },
	})
	if err != nil {
		return nil, err
	}
	p := &pool{Pool: inner, lifetime: c.ConnMaxLifetime, idleTime: c.ConnMaxIdleTime, patience: c.ProbeTimeout}
	p.opening, p.stop = context.WithCancel(context.Background())
	return p, nil
}

// take is Acquire without its clocks, which cost more than all the rest where a
// reading of the time is slow. TryAcquire has none, but opens a connection in the
// background when none is at rest, so it is asked when one should be.
//
// Waited reports that time may have passed.
func (p *pool) take(ctx context.Context) (r *puddle.Resource[*Conn], waited bool, err error) {
	if p.idle.Load() > 0 {
		r, err := p.TryAcquire(p.opening)
		if err == nil {
			if r.Value().used {
				p.idle.Add(-1)
			}
			return r, false, nil
		}
		p.idle.Store(0) // others were faster, or some were closed at rest
	}
	r, err = p.Acquire(ctx)
	if err == nil && r.Value().used {
		p.idle.Add(-1)
	}
	return r, true, err
}

// put is Release without its clock: how long a connection rests is told from when
// it was taken.
func (p *pool) put(r *puddle.Resource[*Conn]) {
	r.ReleaseUnused()
	if p.idle.Add(1) <= 0 {
		p.idle.Store(1) // it had been set to 0 while some were at rest
	}
}

// open connects and asks what the server is: the address may have come to mean
// another one since the last sample.
func open(ctx context.Context, server Server, timeout time.Duration) (*Conn, error) {
	conn, err := server.Connect(ctx)
	if err != nil {
		return nil, err
	}
	opened := time.Now()
	// The context of a pool's opening does not end with its caller's.
	asking, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	sample, err := server.Observe(asking, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Conn{Driver: conn, Run: sample.Run, Writable: sample.Writable, opened: opened}, nil
}

// acquire takes an idle connection that is alive, or opens one. It waits while
// all are taken. No statement has been sent when it fails.
func (p *pool) acquire(ctx context.Context, now time.Time) (r *puddle.Resource[*Conn], waited bool, err error) {
	for {
		r, slow, err := p.take(ctx)
		if err != nil {
			return nil, false, err
		}
		waited = waited || slow
		c := r.Value()
		rested := now.Sub(later(c.taken, c.opened))
		c.taken = now
		// One whose first caller gave up while it was opened may have rested
		// as long as any other.
		opened := !c.used && c.opened.After(now)
		c.used = true
		if opened {
			return r, waited, nil
		}
		if now.Sub(c.opened) > p.lifetime {
			r.Destroy()
			continue
		}
		// As database/sql does before it hands out a connection again. The
		// wrapped driver finds out here that the server hung up.
		if resetter, ok := c.Driver.(driver.SessionResetter); ok {
			silent, err := p.reset(ctx, resetter, rested)
			if err != nil {
				r.Destroy()
				switch {
				case ctx.Err() != nil:
					return nil, false, ctx.Err()
				case silent:
					p.Reset() // the others would be waited for, one by one
					return nil, false, errSilent
				case errors.Is(err, driver.ErrBadConn):
					continue
				}
				return nil, false, err
			}
		}
		return r, waited, nil
	}
}

// askedAfter is how long a connection has to rest before the wrapped driver may ask
// the server whether it is alive; pgx does so after a second. Before, no context is
// derived for it: that costs more than all the rest.
const askedAfter = time.Second / 2

// errSilent: the host swallows packets, or a pooler has no server to ask.
var errSilent = errors.New("a connection that had rested does not answer any more")

// reset is ResetSession, with an end of its own where it may ask the server. Silent
// reports that it came to that.
func (p *pool) reset(ctx context.Context, r driver.SessionResetter, rested time.Duration) (silent bool, err error) {
	if rested < askedAfter {
		return false, r.ResetSession(ctx)
	}
	asking, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	err = r.ResetSession(asking)
	return asking.Err() != nil, err
}

// reap closes what has been idle for too long.
func (p *pool) reap(now time.Time) {
	// From the last to the first: the one used last goes back on top, so that
	// what is not needed rests until it is closed.
	p.idle.Store(0) // nobody is to look for what is taken here
	for _, r := range slices.Backward(p.AcquireAllIdle()) {
		c := r.Value()
		if now.Sub(later(c.taken, c.opened)) > p.idleTime || now.Sub(c.opened) > p.lifetime {
			r.Destroy()
			continue
		}
		counted := c.used // another may have it once it is released
		r.ReleaseUnused()
		if counted {
			p.idle.Add(1)
		}
	}
}

// closePatience bounds how long close waits for connections that callers still
// hold, say by rows that nobody closed. They are closed when they come back.
const closePatience = time.Second

func (p *pool) close() {
	p.stop()
	done := make(chan struct{})
	go func() {
		p.Pool.Close() // waits for all connections to be back and closed
		close(done)
	}()
	timer := time.NewTimer(closePatience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
