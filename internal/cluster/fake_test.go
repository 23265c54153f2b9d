package cluster

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

var start = time.Now()

// at returns the time so many milliseconds into the test.
func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func wal(lsn lag.LSN) lag.Position { return lag.WAL{System: 7, Timeline: 1, LSN: lsn} }

func walOn(system uint64, timeline uint32, lsn lag.LSN) lag.Position {
	return lag.WAL{System: system, Timeline: timeline, LSN: lsn}
}

// nothing is a session.Witness of a cluster of which only the lineage is known.
type nothing struct{}

func (nothing) Known() (lag.Position, bool)                                { return wal(1), true }
func (nothing) PrimaryAfter(time.Time) (lag.Position, bool)                { return nil, false }
func (nothing) InstanceAfter(lag.Instance, time.Time) (lag.Position, bool) { return nil, false }

// need returns what a session needs that has done these things.
func need(steps ...func(*session.Record)) *session.Need {
	var r session.Record
	for _, step := range steps {
		step(&r)
	}
	n := r.Need(nothing{})
	return &n
}

func wroteUpTo(p lag.Position) func(*session.Record) {
	return func(r *session.Record) { r.Wrote(at(0), p) }
}
func wroteAt(t time.Time) func(*session.Record) {
	return func(r *session.Record) { r.Wrote(t, nil) }
}
func writing(r *session.Record) { r.BeginWrite() }
func saw(node int, run uint64) func(*session.Record) {
	return func(r *session.Record) { r.Saw(nil, lag.Instance{Node: node, Run: run}, at(0)) }
}

var errDown = errors.New("connection refused")

// server is a fake member.
type server struct {
	mu       sync.Mutex // guards all below
	run      uint64
	writable bool
	position lag.Position
	stopped  string
	fails    error         // of Connect and Observe
	refuses  error         // of Connect alone, once probed is set
	latency  time.Duration // of each call
	hangs    bool          // calls end with their context
	connects int
	open     map[*conn]bool
	twice    int // connections that were closed twice

	unrestricted error // of Restrict
}

func (s *server) set(change func(*server)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// crash ends all connections of the server and starts it again.
func (s *server) restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run++
	for c := range s.open {
		c.dead = true
	}
}

func (s *server) call(ctx context.Context) error {
	s.mu.Lock()
	latency, hangs, fails := s.latency, s.hangs, s.fails
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if latency > 0 {
		time.Sleep(latency)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return fails
}

// Connect implements Server.
func (s *server) Connect(ctx context.Context) (driver.Conn, error) {
	if err := s.call(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses != nil {
		return nil, s.refuses
	}
	s.connects++
	c := &conn{server: s}
	s.open[c] = true
	return c, nil
}

// Observe implements Server.
func (s *server) Observe(ctx context.Context, c driver.Conn) (lag.Sample, error) {
	if err := s.call(ctx); err != nil {
		return lag.Sample{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.(*conn).dead {
		return lag.Sample{}, driver.ErrBadConn
	}
	return lag.Sample{Run: s.run, Writable: s.writable, Position: s.position, Stopped: s.stopped}, nil
}

// Reset implements Server.
func (s *server) Reset(context.Context, driver.Conn, []string) error { return nil }

// Restrict implements Server.
func (s *server) Restrict(_ context.Context, c driver.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.(*conn).restricted = true
	return s.unrestricted
}

// Reusable implements Server.
func (s *server) Reusable(c driver.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !c.(*conn).dead && !c.(*conn).busy
}

func (s *server) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// conn is a fake connection.
type conn struct {
	server     *server
	dead, busy bool
	restricted bool  // by Restrict
	reset      error // of ResetSession
	silent     bool  // ResetSession ends with its context
	resets     int
	statements map[string]*stmt
	closed     []string // texts of the statements that were closed
}

func (c *conn) Begin() (driver.Tx, error) { return nil, errors.ErrUnsupported }

func (c *conn) Prepare(text string) (driver.Stmt, error) {
	if c.statements == nil {
		c.statements = make(map[string]*stmt)
	}
	if c.statements[text] != nil {
		return nil, errors.New("prepared twice: " + text)
	}
	s := &stmt{conn: c, text: text}
	c.statements[text] = s
	return s, nil
}

func (c *conn) Close() error {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	if !c.server.open[c] {
		c.server.twice++
	}
	delete(c.server.open, c)
	return nil
}

func (c *conn) ResetSession(ctx context.Context) error {
	if c.silent {
		<-ctx.Done()
		return driver.ErrBadConn // as pgx says it
	}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.resets++
	if c.dead {
		return driver.ErrBadConn
	}
	return c.reset
}

type stmt struct {
	conn *conn
	text string
}

func (s *stmt) Close() error {
	s.conn.closed = append(s.conn.closed, s.text)
	delete(s.conn.statements, s.text)
	return nil
}
func (s *stmt) NumInput() int                              { return 0 }
func (s *stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errors.ErrUnsupported }
func (s *stmt) Query([]driver.Value) (driver.Rows, error)  { return nil, errors.ErrUnsupported }

// Figures of the clusters under test.
const (
	testInterval = time.Second
	testTimeout  = 300 * time.Millisecond
	testWait     = 5 * time.Second
	testLatency  = 200 * time.Microsecond
)

// fleet is a cluster of fakes: the first one is the primary.
type fleet struct {
	*Cluster
	t       *testing.T
	servers []*server
}

// newFleet makes a fleet that has not started.
func newFleet(t *testing.T, n int, change func(*Config)) *fleet {
	t.Helper()
	f := &fleet{t: t}
	config := Config{
		MaxLag:          10 * time.Second,
		ProbeInterval:   testInterval,
		ProbeTimeout:    testTimeout,
		PrimaryWait:     testWait,
		MaxConns:        4,
		ConnMaxLifetime: time.Hour,
		ConnMaxIdleTime: time.Minute,
	}
	for i := range n {
		s := &server{run: uint64(100 + i), writable: i == 0, position: wal(100), latency: testLatency, open: make(map[*conn]bool)}
		f.servers = append(f.servers, s)
		config.Members = append(config.Members, Member{Name: string(rune('a' + i)), Weight: 1, Server: s})
	}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	f.Cluster = c
	return f
}

// run runs a test with a started fleet in a bubble, which fails where a goroutine
// outlives Close.
func run(t *testing.T, n int, change func(*Config), test func(t *testing.T, f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, n, change)
		f.Start()
		test(t, f)
		f.Close()
		synctest.Wait()
		f.closed(t)
	})
}

// closed checks that no connection is open, and none was closed twice.
func (f *fleet) closed(t *testing.T) {
	t.Helper()
	for i, s := range f.servers {
		if n := s.opened(); n > 0 {
			t.Errorf("%d connections to member %d are still open", n, i)
		}
		if s.twice > 0 {
			t.Errorf("%d connections to member %d were closed twice", s.twice, i)
		}
	}
}

// settle lets all members be asked.
func (f *fleet) settle() { time.Sleep(testInterval + 10*testLatency) }

func (f *fleet) view(i int) *View { return &f.Snapshot().Nodes[i] }

// lease takes a connection to the member as the newest snapshot describes it.
func (f *fleet) lease(ctx context.Context, i int) (Lease, error) {
	return f.Nodes()[i].Acquire(ctx, f.view(i), time.Now())
}

func (f *fleet) mustLease(i int) Lease {
	f.t.Helper()
	l, err := f.lease(f.t.Context(), i)
	if err != nil {
		f.t.Fatal(err)
	}
	return l
}
