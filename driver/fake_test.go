package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

// Errors of the fake, one for each fault.
var (
	errRefused = errors.New("fake: cannot execute on a replica")
	errUnfit   = errors.New("fake: terminating connection due to administrator command")
	errLost    = errors.New("fake: unexpected EOF")
	errSyntax  = errors.New("fake: syntax error")
	errDown    = errors.New("fake: connection refused")
)

// world is the truth: what was committed, in order.
type world struct {
	mu       sync.Mutex // guards all below
	head     lag.LSN
	versions map[string][]version
	executed map[int64]int // how often each value was written
	refused  int           // writes that a replica had to refuse
}

type version struct {
	lsn   lag.LSN
	value int64
}

type change struct {
	key   string
	value int64
}

func (w *world) commit(changes []change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head++
	for _, c := range changes {
		w.executed[c.value]++
		w.versions[c.key] = append(w.versions[c.key], version{w.head, c.value})
	}
}

// read returns the value that a server which has applied lsn shows.
func (w *world) read(key string, lsn lag.LSN) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	versions := w.versions[key]
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i].lsn <= lsn {
			return versions[i].value
		}
	}
	return 0
}

func (w *world) last() lag.LSN {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.head
}

// fakeServer is a member. A replica shows what it has applied: all, unless it is
// held.
type fakeServer struct {
	world *world
	name  string

	mu       sync.Mutex // guards all below
	run      uint64
	writable bool
	held     bool
	applied  lag.LSN
	fails    error // of connecting and of being observed
	refuses  error // of connecting
	fault    func(op, text string) (err error, ran bool)
	latency  func() time.Duration
	seen     func(text string, args []any) // is shown what runs
	hangs    bool                          // calls end with their context
	open     map[*fakeConn]bool
	connects int
	twice    int // connections that were closed twice
	log      []string
	quiet    bool // log nothing
}

func (s *fakeServer) set(change func(*fakeServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// hold keeps a replica at what it has now.
func (s *fakeServer) hold() {
	head := s.world.last()
	s.set(func(s *fakeServer) { s.held, s.applied = true, head })
}

func (s *fakeServer) follow() { s.set(func(s *fakeServer) { s.held = false }) }

// kill ends all connections, and starts the server again when restart is set.
func (s *fakeServer) kill(restart bool) {
	s.set(func(s *fakeServer) {
		for c := range s.open {
			c.dead.Store(true)
		}
		if restart {
			s.run++
		}
	})
}

// at returns how far the server has got.
func (s *fakeServer) at() lag.LSN {
	head := s.world.last()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		return s.applied
	}
	s.applied = max(s.applied, head)
	return s.applied
}

func (s *fakeServer) wait(ctx context.Context) error {
	s.mu.Lock()
	latency, hangs := s.latency, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if latency != nil {
		time.Sleep(latency())
	}
	return ctx.Err()
}

// Connect implements cluster.Server.
func (s *fakeServer) Connect(ctx context.Context) (driver.Conn, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.fails, s.refuses); err != nil {
		return nil, err
	}
	s.connects++
	c := &fakeConn{server: s}
	s.open[c] = true
	return c, nil
}

// Observe implements cluster.Server.
func (s *fakeServer) Observe(ctx context.Context, c driver.Conn) (lag.Sample, error) {
	if err := s.wait(ctx); err != nil {
		return lag.Sample{}, err
	}
	p := lag.WAL{System: 7, Timeline: 1, LSN: s.at()}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.fails != nil:
		return lag.Sample{}, s.fails
	case c.(*fakeConn).dead.Load():
		return lag.Sample{}, errLost
	}
	return lag.Sample{Run: s.run, Writable: s.writable, Position: p}, nil
}

// Restrict implements cluster.Server.
func (s *fakeServer) Restrict(_ context.Context, c driver.Conn) error {
	c.(*fakeConn).restricted = true
	return nil
}

// Reset implements cluster.Server.
func (s *fakeServer) Reset(_ context.Context, dc driver.Conn, _ []string) error {
	c := dc.(*fakeConn)
	if c.using.Load() || c.busy {
		panic("fake: a connection is reset while it is used")
	}
	c.setting = ""
	return nil
}

// Reusable implements cluster.Server.
func (s *fakeServer) Reusable(dc driver.Conn) bool {
	c := dc.(*fakeConn)
	return !c.dead.Load() && !c.busy && (!c.inTx || c.hidesTx)
}

// fakeConn is a connection of the wrapped driver.
type fakeConn struct {
	server     *fakeServer
	dead       atomic.Bool
	busy       bool // rows are open
	inTx       bool
	changes    []change // of the transaction
	setting    string   // session state
	before     string   // the setting when the transaction began
	restricted bool     // writes are refused
	skips      bool     // arguments are for prepared statements only
	hidesTx    bool     // as of a driver that cannot tell
	using      atomic.Bool
	row        fakeRows // one read at a time
}

var (
	_ driver.QueryerContext     = (*fakeConn)(nil)
	_ driver.ExecerContext      = (*fakeConn)(nil)
	_ driver.ConnPrepareContext = (*fakeConn)(nil)
	_ driver.ConnBeginTx        = (*fakeConn)(nil)
	_ driver.SessionResetter    = (*fakeConn)(nil)
	_ driver.Pinger             = (*fakeConn)(nil)
)

// call does what all calls have in common. Done is to be called after.
func (c *fakeConn) call(ctx context.Context, op, text string) (after error, err error) {
	if c.using.Swap(true) {
		panic("fake: a connection is used by two callers at once")
	}
	defer c.using.Store(false)
	s := c.server
	if c.dead.Load() || c.busy {
		return nil, driver.ErrBadConn // nothing was sent
	}
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.quiet {
		s.log = append(s.log, s.name+" "+op+" "+text)
	}
	if s.fault != nil {
		if err, ran := s.fault(op, text); err != nil {
			if ran {
				return err, nil
			}
			return nil, err
		}
	}
	return nil, nil
}

// isRead is a poor man's classification, only for the texts of these tests.
func isRead(text string) bool {
	if strings.Contains(text, "FOR UPDATE") || strings.Contains(text, "INTO") {
		return false
	}
	word, _, _ := strings.Cut(strings.TrimLeft(afterComment(text), " "), " ")
	return slices.Contains([]string{"SELECT", "SHOW", "VALUES"}, word)
}

func afterComment(text string) string {
	if strings.HasPrefix(text, "/*") {
		_, text, _ = strings.Cut(text, "*/")
	}
	return text
}

// run executes a statement and returns the value that it answers.
func (c *fakeConn) run(text string, args []driver.NamedValue, commit bool) (int64, error) {
	s := c.server
	s.mu.Lock()
	writable := s.writable
	if s.seen != nil {
		var values []any
		for _, a := range args {
			values = append(values, a.Value)
		}
		s.seen(text, values)
	}
	s.mu.Unlock()
	text = afterComment(text)
	word, rest, _ := strings.Cut(strings.TrimLeft(text, " "), " ")
	switch {
	case strings.Contains(text, "set_config"):
		return 0, nil
	case strings.Contains(text, "nobody_runs_this"):
		return 0, errRefused
	case strings.Contains(text, "unlogged") && !writable:
		return 0, errRefused
	case isRead(text):
		if len(args) == 0 {
			return 0, nil
		}
		key := args[0].Value.(string)
		for i := len(c.changes) - 1; i >= 0; i-- {
			if c.changes[i].key == key {
				return c.changes[i].value, nil
			}
		}
		return s.world.read(key, s.at()), nil
	}
	switch word {
	case "SET", "USE":
		if !strings.HasPrefix(rest, "LOCAL") {
			c.setting = rest
		}
		return 0, nil
	case "RESET":
		c.setting = ""
		return 0, nil
	case "BEGIN":
		c.inTx = true
		return 0, nil
	case "COMMIT":
		c.end(true)
		return 0, nil
	case "ROLLBACK":
		c.end(false)
		return 0, nil
	}
	if !writable {
		s.world.mu.Lock()
		s.world.refused++
		s.world.mu.Unlock()
		return 0, errRefused
	}
	if len(args) < 2 {
		return 0, nil
	}
	ch := change{args[0].Value.(string), args[1].Value.(int64)}
	c.changes = append(c.changes, ch)
	if commit && !c.inTx {
		c.end(true)
	}
	return ch.value, nil
}

func (c *fakeConn) end(commit bool) {
	if commit && len(c.changes) > 0 {
		c.server.world.commit(c.changes)
	}
	c.inTx, c.changes = false, nil
}

func (c *fakeConn) exec(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	after, err := c.call(ctx, "exec", text)
	if err != nil {
		return nil, err
	}
	if _, err := c.run(text, args, true); err != nil {
		return nil, err
	}
	if after != nil {
		return nil, after
	}
	return driver.RowsAffected(1), nil
}

func (c *fakeConn) query(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	after, err := c.call(ctx, "query", text)
	if err != nil {
		return nil, err
	}
	value, err := c.run(text, args, false)
	if err != nil {
		return nil, err
	}
	if after != nil {
		if !c.inTx {
			c.end(true)
		}
		return nil, after
	}
	c.busy = true
	c.row = fakeRows{conn: c, value: value}
	return &c.row, nil
}

// ExecContext implements driver.ExecerContext.
func (c *fakeConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if c.skips && len(args) > 0 {
		return nil, driver.ErrSkip
	}
	return c.exec(ctx, text, args)
}

// QueryContext implements driver.QueryerContext.
func (c *fakeConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if c.skips && len(args) > 0 {
		return nil, driver.ErrSkip
	}
	return c.query(ctx, text, args)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *fakeConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	if _, err := c.call(ctx, "prepare", text); err != nil {
		return nil, err
	}
	return &fakeStmt{c, text}, nil
}

// Prepare implements driver.Conn.
func (c *fakeConn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

// BeginTx implements driver.ConnBeginTx.
func (c *fakeConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if _, err := c.call(ctx, "begin", ""); err != nil {
		return nil, err
	}
	c.inTx, c.before = true, c.setting
	return &fakeTx{c}, nil
}

// Begin implements driver.Conn.
func (c *fakeConn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// Ping implements driver.Pinger.
func (c *fakeConn) Ping(ctx context.Context) error {
	_, err := c.call(ctx, "ping", "")
	return err
}

// ResetSession implements driver.SessionResetter: like most drivers, it does not
// ask the server each time.
func (c *fakeConn) ResetSession(context.Context) error { return nil }

// Close implements driver.Conn.
func (c *fakeConn) Close() error {
	s := c.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open[c] {
		s.twice++
	}
	delete(s.open, c)
	return nil
}

type fakeTx struct{ conn *fakeConn }

func (t *fakeTx) Commit() error {
	after, err := t.conn.call(context.Background(), "commit", "")
	if err != nil {
		t.conn.end(false)
		return err
	}
	t.conn.end(true)
	return after
}

func (t *fakeTx) Rollback() error {
	_, err := t.conn.call(context.Background(), "rollback", "")
	t.conn.end(false)
	t.conn.setting = t.conn.before
	return err
}

type fakeStmt struct {
	conn *fakeConn
	text string
}

func (s *fakeStmt) Close() error { return nil }
func (s *fakeStmt) NumInput() int {
	if n := strings.Count(s.text, "$"); n > 0 {
		return n
	}
	return -1
}
func (s *fakeStmt) Exec([]driver.Value) (driver.Result, error) {
	return nil, errors.ErrUnsupported
}
func (s *fakeStmt) Query([]driver.Value) (driver.Rows, error) { return nil, errors.ErrUnsupported }
func (s *fakeStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.exec(ctx, s.text, args)
}
func (s *fakeStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(ctx, s.text, args)
}

// fakeRows is one row: the value, the server that answered, and the session state
// of its connection. What a statement writes is committed when its rows are closed.
type fakeRows struct {
	conn   *fakeConn
	value  int64
	served bool
	closed bool
}

var fakeColumns = []string{"value", "server", "setting"}

func (r *fakeRows) Columns() []string { return fakeColumns }

func (r *fakeRows) Next(dest []driver.Value) error {
	if r.closed || r.served {
		return io.EOF
	}
	r.served = true
	dest[0], dest[1], dest[2] = r.value, r.conn.server.name, r.conn.setting
	return nil
}

func (r *fakeRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.conn.busy = false
	if !r.conn.inTx {
		r.conn.end(true)
	}
	return nil
}

// fakeEngine is what rwsplit knows of the fakes.
type fakeEngine struct {
	servers []*fakeServer

	hidesTx bool // the wrapped driver does not tell of transactions
	skips   bool // the wrapped driver prepares what has arguments
	pooled  bool // others use the connections between transactions

	dialect atomic.Uint32 // of the servers

	mu        sync.Mutex
	ended     int // transactions that EndTransaction was to end
	functions []statement.Function
	unread    error // of the catalog
}

func (e *fakeEngine) Dialect() statement.Dialect { return statement.Dialect(e.dialect.Load()) }
func (e *fakeEngine) Database() string           { return "fake" }
func (e *fakeEngine) DistanceUnit() string       { return "bytes" }
func (e *fakeEngine) EndTransaction(c driver.Conn) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended++
	c.(*fakeConn).end(false)
	return nil
}
func (e *fakeEngine) CheckNamedValue(v *driver.NamedValue) (err error) {
	v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	return err
}
func (e *fakeEngine) Rewrites(args []driver.NamedValue) bool {
	return len(args) > 0 && args[0].Value == "rewriter"
}
func (e *fakeEngine) Pooled(driver.Conn) bool { return e.pooled }
func (e *fakeEngine) ReplicaIsolation(level driver.IsolationLevel) bool {
	return sql.IsolationLevel(level) < sql.LevelSerializable
}

func (e *fakeEngine) Members() []cluster.Member {
	var members []cluster.Member
	for _, s := range e.servers {
		members = append(members, cluster.Member{Name: s.name, Weight: 1, Server: &fakeMember{s, e}})
	}
	return members
}

func (e *fakeEngine) Diagnose(err error) Fault {
	switch {
	case errors.Is(err, errRefused):
		return Refused
	case errors.Is(err, errUnfit), errors.Is(err, driver.ErrBadConn):
		return Unfit
	case errors.Is(err, errLost), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Lost
	}
	return NoFault
}

func (e *fakeEngine) InTransaction(c driver.Conn) (open, known bool) {
	if e.hidesTx {
		return false, false
	}
	return c.(*fakeConn).inTx, true
}

func (e *fakeEngine) Functions(context.Context, driver.Conn) ([]statement.Function, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.functions, e.unread
}

// fakeMember gives connections what the engine's switches say.
type fakeMember struct {
	*fakeServer
	engine *fakeEngine
}

func (m *fakeMember) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := m.fakeServer.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c.(*fakeConn).skips, c.(*fakeConn).hidesTx = m.engine.skips, m.engine.hidesTx
	return c, nil
}

// bench is a *sql.DB over fakes.
type bed struct {
	*sql.DB
	t       testing.TB
	rw      *DB
	engine  *fakeEngine
	world   *world
	servers []*fakeServer
}

func newBed(t testing.TB, replicas int, change func(*Config, *fakeEngine)) *bed {
	t.Helper()
	w := &world{head: 100, versions: make(map[string][]version), executed: make(map[int64]int)}
	e := &fakeEngine{}
	for i := range replicas + 1 {
		e.servers = append(e.servers, &fakeServer{
			world: w, name: fmt.Sprint("db", i), run: uint64(10 + i), writable: i == 0, open: make(map[*fakeConn]bool),
		})
	}
	config := Config{
		Cluster: cluster.Config{
			MaxLag: 10 * time.Second, ProbeInterval: 200 * time.Millisecond, ProbeTimeout: 100 * time.Millisecond,
			PrimaryWait: 2 * time.Second, MaxConns: 16, ConnMaxLifetime: time.Hour, ConnMaxIdleTime: 5 * time.Minute,
		},
		Consistency: cluster.Session, WaitBudget: 25 * time.Millisecond, FallbackLimit: 8,
		CatalogInterval: time.Minute, StatementCache: 256,
	}
	if change != nil {
		change(&config, e)
	}
	connector, err := NewConnector(e, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &bed{DB: sql.OpenDB(connector), t: t, rw: connector.db, engine: e, world: w, servers: e.servers}
}

// bubble runs a test on fakes in a bubble, after all were sampled and the catalog
// was read. The bubble fails where a goroutine outlives Close.
func bubble(t *testing.T, replicas int, change func(*Config, *fakeEngine), test func(t *testing.T, b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, replicas, change)
		b.t = t
		defer b.Close() // also where a test gives up
		b.rw.open()
		time.Sleep(50 * time.Millisecond)
		b.logged()
		test(t, b)
		b.Close()
		synctest.Wait()
		b.clean(t)
	})
}

// live runs a test on fakes in real time, for what a bubble cannot do: where a
// context ends a transaction whose statement still runs, database/sql waits for a
// mutex, and a bubble's clock stands still.
func live(t *testing.T, replicas int, change func(*Config, *fakeEngine), test func(t *testing.T, b *bed)) {
	t.Helper()
	b := newBed(t, replicas, change)
	defer b.Close()
	b.rw.open()
	test(t, b)
	b.Close()
	var left string
	for range 200 { // what is closed in the background
		if left = ours(); left == "" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if left != "" {
		t.Errorf("goroutines that outlive Close:\n%s", left)
	}
	b.clean(t)
}

// ours returns the stacks of goroutines that run code of rwsplit or its pools, but
// for tests.
func ours() string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var left []string
	for _, stack := range strings.Split(string(buf), "\n\n") {
		if strings.Contains(stack, "testing.tRunner") || strings.Contains(stack, "testing.(*T)") {
			continue
		}
		if strings.Contains(stack, "rwsplit/rwsplit") || strings.Contains(stack, "puddle") {
			left = append(left, stack)
		}
	}
	return strings.Join(left, "\n\n")
}

// clean checks that nothing is left once the *sql.DB is closed.
func (b *bed) clean(t testing.TB) {
	t.Helper()
	b.idle(t)
	for _, s := range b.servers {
		s.mu.Lock()
		if len(s.open) > 0 {
			t.Errorf("%d connections to %s are still open", len(s.open), s.name)
		}
		if s.twice > 0 {
			t.Errorf("%d connections to %s were closed twice", s.twice, s.name)
		}
		s.mu.Unlock()
	}
}

// idle checks that nothing is held while no statement runs.
func (b *bed) idle(t testing.TB) {
	t.Helper()
	for _, n := range b.rw.Cluster.Nodes() {
		if f := n.Load.InFlight(); f != 0 {
			t.Errorf("%d in flight on %s", f, n.Member.Name)
		}
	}
	if n := len(b.rw.fallbacks.slots); n != 0 {
		t.Errorf("%d fallback slots are taken", n)
	}
}

// logged returns what the servers were asked since it was last called.
func (b *bed) logged() []string {
	var all []string
	for _, s := range b.servers {
		s.mu.Lock()
		all = append(all, s.log...)
		s.log = nil
		s.mu.Unlock()
	}
	return all
}

// settle lets all members be sampled.
func (b *bed) settle() { time.Sleep(300 * time.Millisecond) }

// who reads a key and returns its value, who answered, and that connection's
// session state.
type queryer interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

const selectKey = "SELECT v FROM kv WHERE k = $1"

func ask(ctx context.Context, q queryer, text string, args ...any) (value int64, server, setting string, err error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return 0, "", "", err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, "", "", errors.Join(rows.Err(), errors.New("no row"))
	}
	if err := rows.Scan(&value, &server, &setting); err != nil {
		return 0, "", "", err
	}
	return value, server, setting, rows.Close()
}

// server returns who answers a text.
func (b *bed) server(ctx context.Context, q queryer, text string, args ...any) string {
	b.t.Helper()
	_, server, _, err := ask(ctx, q, text, args...)
	if err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	return server
}

// write stores a value.
func (b *bed) write(ctx context.Context, key string, value int64) {
	b.t.Helper()
	if _, err := b.ExecContext(ctx, "UPDATE kv SET v = $2 WHERE k = $1", key, value); err != nil {
		b.t.Fatal(err)
	}
}

func withSession(ctx context.Context) context.Context { return session.NewContext(ctx, session.New()) }

func eventual(ctx context.Context) context.Context { return WithConsistency(ctx, cluster.Eventual) }

// counted returns the sums of the counters.
func (b *bed) counted() (reads, writes uint64) {
	for i := range b.rw.Counters.Reads {
		reads += b.rw.Counters.Reads[i].Load()
	}
	for i := range b.rw.Counters.Writes {
		writes += b.rw.Counters.Writes[i].Load()
	}
	return reads, writes
}
