package cluster

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPoolReuses(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		first := f.mustLease(0)
		c := first.Conn()
		first.Release(true)
		if first.Valid() {
			t.Error("a lease that was released is still valid")
		}
		first.Release(true) // the zero lease: nothing happens
		second := f.mustLease(0)
		if second.Conn() != c {
			t.Error("another connection, though one was idle")
		}
		if resets := c.Driver.(*conn).resets; resets != 1 {
			t.Errorf("reset %d times, want once, before its second use", resets)
		}
		second.Release(true)
	})
}

func TestPoolDiscards(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		for _, test := range []struct {
			name   string
			change func(*conn)
			keep   bool
		}{
			{"not to be kept", func(*conn) {}, false},
			{"in a transaction", func(c *conn) { c.busy = true }, true},
			{"dead", func(c *conn) { c.dead = true }, true},
		} {
			l := f.mustLease(0)
			c := l.Conn()
			test.change(c.Driver.(*conn))
			l.Release(test.keep)
			synctest.Wait()
			l = f.mustLease(0)
			if l.Conn() == c {
				t.Errorf("%s: the connection went to another caller", test.name)
			}
			l.Release(true)
		}
		if n := f.servers[0].opened(); n != 2 { // the pool's and the tracker's
			t.Errorf("%d connections are open", n)
		}
	})
}

func TestPoolLimit(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) { // MaxConns is 4
		f.settle()
		var most, held atomic.Int64
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				l := f.mustLease(0)
				n := held.Add(1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				time.Sleep(time.Millisecond)
				held.Add(-1)
				l.Release(true)
			})
		}
		all.Wait()
		if most.Load() != 4 || f.servers[0].opened() > 5 {
			t.Errorf("%d leases at once, %d connections", most.Load(), f.servers[0].opened())
		}
		if n := f.Nodes()[0].Load.InFlight(); n != 0 {
			t.Errorf("%d in flight", n)
		}
		if s := f.Nodes()[0].PoolStat(); s.AcquireCount() != 50 || s.TotalResources() != 4 || s.IdleResources() != 4 {
			t.Errorf("acquired %d, open %d, idle %d", s.AcquireCount(), s.TotalResources(), s.IdleResources())
		}
	})
}

// The tracker's connection is its own: an exhausted pool does not look dead.
func TestPoolExhaustedIsNotDown(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		var leases []Lease
		for range 4 {
			leases = append(leases, f.mustLease(0))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*testInterval)
		defer cancel()
		_, err := f.lease(ctx, 0)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("context done while all were taken: %v", err)
		}
		if v := f.view(0); v.State != StateUp {
			t.Errorf("%s (%s)", v.State, v.Reason)
		}
		if n := f.Nodes()[0].Load.InFlight(); n != 4 {
			t.Errorf("%d in flight, want the 4 that are held", n)
		}
		for _, l := range leases {
			l.Release(true)
		}
	})
}

// A context that ends while a connection is being opened leaks neither.
func TestAcquireCancelledWhileConnecting(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		f.servers[0].set(func(s *server) { s.latency = 100 * time.Millisecond })
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if _, err := f.lease(ctx, 0); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			} else if err == nil {
				t.Error("a lease in less time than it takes to connect")
			}
			cancel()
			time.Sleep(time.Second)
			l := f.mustLease(0) // the connection that was opened in vain waits
			l.Release(false)
			time.Sleep(time.Second)
		}
		if n := f.Nodes()[0].Load.InFlight(); n != 0 {
			t.Errorf("%d in flight", n)
		}
		if s := f.Nodes()[0].PoolStat(); s.AcquiredResources() != 0 {
			t.Errorf("%d leaked", s.AcquiredResources())
		}
	})
}

// A connection that was opened in vain and has rested since is checked before its
// first use, like any that has rested.
func TestPoolResetsWhatWasNeverUsed(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		f.servers[0].set(func(s *server) { s.latency = 100 * time.Millisecond })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := f.lease(ctx, 0); err == nil {
			t.Fatal("connected too fast")
		}
		f.servers[0].set(func(s *server) { s.latency = 0 })
		time.Sleep(30 * time.Second)
		f.servers[0].mu.Lock()
		for c := range f.servers[0].open {
			c.dead = true // by a firewall, say
		}
		f.servers[0].mu.Unlock()
		l, err := f.lease(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if l.Conn().Driver.(*conn).dead {
			t.Error("a dead connection was handed out unchecked")
		}
		l.Release(true)
	})
}

func TestPoolErrBadConn(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		var leases []Lease
		for range 4 {
			leases = append(leases, f.mustLease(0))
		}
		for _, l := range leases {
			l.Release(true)
			l = Lease{}
		}
		f.servers[0].mu.Lock()
		for c := range f.servers[0].open {
			c.dead = true // all of them, also the tracker's
		}
		f.servers[0].mu.Unlock()
		l, err := f.lease(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if l.Conn().Driver.(*conn).dead {
			t.Error("a dead connection")
		}
		l.Release(true)
	})
}

func TestPoolResetError(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		l := f.mustLease(0)
		odd := errors.New("reset failed")
		l.Conn().Driver.(*conn).reset = odd
		l.Release(true)
		var unreachable *Unreachable
		if _, err := f.lease(t.Context(), 0); !errors.As(err, &unreachable) || !errors.Is(err, odd) {
			t.Error(err)
		}
		l = f.mustLease(0) // a new one
		l.Release(true)
		if n := f.Nodes()[0].Load.InFlight(); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

// Connections to a host that swallows packets are waited for once, not one by one,
// and not for as long as the caller would wait.
func TestPoolSilentConnections(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) {
		f.settle()
		var leases []Lease
		for range 3 {
			leases = append(leases, f.mustLease(0))
		}
		for i := range leases {
			leases[i].Conn().Driver.(*conn).silent = true
			leases[i].Release(true)
		}
		time.Sleep(2 * askedAfter)
		start := time.Now()
		l, err := f.Primary(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if l.Conn().Driver.(*conn).silent {
			t.Error("a silent connection was handed out")
		}
		if took := time.Since(start); took > 2*f.config.ProbeTimeout+f.config.ProbeInterval {
			t.Errorf("it took %s", took)
		}
		l.Release(true)
	})
}

func TestPoolLifetime(t *testing.T) {
	run(t, 1, func(c *Config) { c.ConnMaxLifetime, c.ConnMaxIdleTime = time.Minute, time.Hour }, func(t *testing.T, f *fleet) {
		f.settle()
		l := f.mustLease(0)
		c := l.Conn()
		time.Sleep(59 * time.Second)
		l.Release(true)
		if l = f.mustLease(0); l.Conn() != c {
			t.Error("closed before its time")
		}
		time.Sleep(2 * time.Second)
		l.Release(true)
		if l = f.mustLease(0); l.Conn() == c {
			t.Error("used past its lifetime")
		}
		l.Release(true)
		time.Sleep(3 * time.Minute)
		if n := f.servers[0].opened(); n != 1 {
			t.Errorf("%d connections are open, want the tracker's alone", n)
		}
	})
}

func TestPoolIdleTime(t *testing.T) {
	run(t, 1, nil, func(t *testing.T, f *fleet) { // a minute
		f.settle()
		leases := []Lease{f.mustLease(0), f.mustLease(0), f.mustLease(0)}
		for i := range leases {
			leases[i].Release(true)
		}
		// One is in use now and then; the others rest.
		for range 10 {
			time.Sleep(15 * time.Second)
			l := f.mustLease(0)
			l.Release(true)
		}
		if n := f.servers[0].opened(); n != 2 {
			t.Errorf("%d connections are open, want the tracker's and one", n)
		}
		time.Sleep(2 * time.Minute)
		if n := f.servers[0].opened(); n != 1 {
			t.Errorf("%d connections are open, want the tracker's alone", n)
		}
	})
}

// bare has no ResetSession, and is prepared without a context.
type bare struct{ driver.Conn }

func TestPrepared(t *testing.T) {
	s := &server{open: make(map[*conn]bool)}
	fake := &conn{server: s}
	c := &Conn{Driver: bare{fake}}
	ctx := context.Background()
	prepare := func(text string) driver.Stmt {
		t.Helper()
		stmt, err := c.Prepare(ctx, text)
		if err != nil {
			t.Fatal(err)
		}
		return stmt
	}
	text := func(i int) string { return fmt.Sprint("SELECT ", i) }
	for i := range maxPrepared {
		prepare(text(i))
	}
	first := prepare(text(0)) // it is the most recently used one now
	if first != prepare(text(0)) {
		t.Error("prepared anew")
	}
	if len(fake.statements) != maxPrepared || len(fake.closed) > 0 {
		t.Fatalf("%d prepared, %d closed", len(fake.statements), len(fake.closed))
	}
	prepare(text(1000))
	prepare(text(1001))
	if !slices.Equal(fake.closed, []string{text(1), text(2)}) {
		t.Errorf("closed %v, want the least recently used", fake.closed)
	}
	if len(fake.statements) != maxPrepared || len(c.prepared.byKey) != maxPrepared || c.prepared.recent.Len() != maxPrepared {
		t.Errorf("%d on the server, %d known", len(fake.statements), len(c.prepared.byKey))
	}
	if first != prepare(text(0)) {
		t.Error("prepared anew")
	}
	prepare(text(1)) // again, after it was closed
	for i := range 10_000 {
		prepare(text(i % 300))
	}
	if len(fake.statements) != maxPrepared {
		t.Errorf("%d on the server", len(fake.statements))
	}
}

func TestPrepareError(t *testing.T) {
	c := &Conn{Driver: failing{}}
	for range 3 {
		if _, err := c.Prepare(context.Background(), "SELECT"); !errors.Is(err, errSyntax) {
			t.Error(err)
		}
	}
	if len(c.prepared.byKey) != 0 || c.prepared.recent.Len() != 0 {
		t.Error("a statement that could not be prepared is remembered")
	}
}

var errSyntax = errors.New("syntax error")

type failing struct{ driver.Conn }

func (failing) PrepareContext(context.Context, string) (driver.Stmt, error) { return nil, errSyntax }

// limited is a connection to a server that holds three statements.
type limited struct{ *conn }

var errLimit = errors.New("too many prepared statements")

func (l limited) Prepare(text string) (driver.Stmt, error) {
	if len(l.statements) == 3 {
		return nil, errLimit
	}
	return l.conn.Prepare(text)
}

func (limited) StatementLimit(err error) bool { return errors.Is(err, errLimit) }

func (limited) StatementStale(error) bool { return false }

func (limited) Variant([]driver.NamedValue) uint64 { return 1 }

// Where a server bounds the statements of all connections, one that meets the bound
// gives back its own.
func TestStatementLimit(t *testing.T) {
	fake := &conn{server: &server{open: make(map[*conn]bool)}}
	c := &Conn{Driver: limited{fake}}
	for i := range 10 {
		if _, err := c.Prepare(context.Background(), fmt.Sprint("SELECT ", i)); err != nil {
			t.Fatal(err)
		}
		if n := len(fake.statements); n > 3 || n != c.prepared.recent.Len() || n != len(c.prepared.byKey) {
			t.Fatalf("%d statements on the server, %d known", n, c.prepared.recent.Len())
		}
	}
	if len(fake.closed) != 9 {
		t.Errorf("%d closed, want 9", len(fake.closed))
	}
	other := &Conn{Driver: limited{fake}} // which has none to give back
	fake.statements = map[string]*stmt{"a": nil, "b": nil, "c": nil}
	if _, err := other.Prepare(context.Background(), "SELECT 1"); !errors.Is(err, errLimit) {
		t.Errorf("error %v, want the server's", err)
	}
}

// typed is a connection whose server needs a statement for each type of argument.
type typed struct {
	driver.Conn
	prepared int
}

func (c *typed) Prepare(string) (driver.Stmt, error) {
	c.prepared++
	return &numbered{number: c.prepared}, nil
}

func (*typed) StatementLimit(error) bool { return false }

func (*typed) StatementStale(err error) bool { return errors.Is(err, errStale) }

func (*typed) Variant(args []driver.NamedValue) uint64 {
	if _, ok := args[0].Value.(string); ok {
		return 1
	}
	return 2
}

var errStale = errors.New("prepare it anew")

type numbered struct {
	driver.Stmt
	number int
	closed bool
}

func (n *numbered) Close() error { n.closed = true; return nil }

// One that was prepared for nobody in particular serves the first arguments, and
// each other type of them has its own; one that got stale is prepared anew.
func TestStatementVariants(t *testing.T) {
	ctx := context.Background()
	c := &Conn{Driver: &typed{}}
	text, number := []driver.NamedValue{{Value: "a"}}, []driver.NamedValue{{Value: 1.5}}
	get := func(args []driver.NamedValue) *numbered {
		t.Helper()
		prepare := func() (driver.Stmt, error) { return c.PrepareFor(ctx, "SELECT ?", args) }
		if args == nil {
			prepare = func() (driver.Stmt, error) { return c.Prepare(ctx, "SELECT ?") }
		}
		s, err := prepare()
		if err != nil {
			t.Fatal(err)
		}
		return s.(*numbered)
	}
	for i, step := range []struct {
		args []driver.NamedValue
		want int
	}{{nil, 1}, {nil, 1}, {number, 1}, {text, 2}, {number, 1}, {nil, 3}, {text, 2}} {
		if got := get(step.args).number; got != step.want {
			t.Errorf("step %d: statement %d, want %d", i, got, step.want)
		}
	}
	stale := get(text)
	if c.Stale("SELECT ?", text, errSyntax) {
		t.Error("any error makes a statement stale")
	}
	if !c.Stale("SELECT ?", text, fmt.Errorf("wrapped: %w", errStale)) || !stale.closed {
		t.Error("it is kept")
	}
	if get(text) == stale || get(number).number != 1 {
		t.Error("not that one was prepared anew")
	}
	c.ForgetPrepared()
	if c.prepared.recent.Len() != 0 || len(c.prepared.byKey) != 0 {
		t.Error("some are left")
	}
}
