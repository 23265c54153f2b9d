package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync/atomic"

	"github.com/rwsplit/rwsplit/internal/statement"
)

// conn is a logical connection. database/sql calls it from one goroutine at a
// time.
type conn struct {
	db     *DB
	owner  bool // the DB ends with this connection
	closed bool

	// Of the checkout: what it holds, and what is to be noted or undone when
	// it ends.
	primary, replica holding
	last             *holding // that the last statement ran on
	settings         settings
	sqlTransaction   bool // opened by a statement, not by BeginTx
	unsure           bool // a procedure may have opened one
	wrote            bool // on the connection to the primary
	fallback         bool // holds a slot of db.fallbacks
	tx               transaction
	writing          []*writeRows // those that are open

	search search // of the read that runs; here, because it would escape
}

var (
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
)

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	r, err := c.do(ctx, &call{method: query, text: text, args: args}, c.db.classify(text))
	return r.rows, err
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	r, err := c.do(ctx, &call{method: exec, text: text, args: args}, c.db.classify(text))
	return r.result, err
}

// Exec implements driver.Execer, which database/sql has no use for any more; who
// has the connection from (*sql.Conn).Raw may.
func (c *conn) Exec(text string, args []driver.Value) (driver.Result, error) {
	return c.ExecContext(context.Background(), text, named(args))
}

// Query implements driver.Queryer, likewise.
func (c *conn) Query(text string, args []driver.Value) (driver.Rows, error) {
	return c.QueryContext(context.Background(), text, named(args))
}

// do routes one call.
func (c *conn) do(ctx context.Context, k *call, st *statement.Statement) (reply, error) {
	if c.closed {
		return reply{}, driver.ErrBadConn
	}
	if c.tx.vendor != nil {
		return c.inTransaction(ctx, k, st)
	}
	counters := &c.db.Counters
	kind, reason, _ := st.Resolve(c.db.catalog.known())
	if (kind == statement.Read || reason == statement.PrimaryHint) && c.db.engine.Rewrites(k.args) {
		kind, reason = statement.Write, statement.Rewritten
	}
	k.atomic = isAtomic(kind, reason)
	if reason == statement.UnknownFunction {
		c.db.catalog.want()
	}
	h := hintsOf(ctx)
	var count *atomic.Uint64
	switch {
	case c.pinned(), c.settings.bound:
		count = &counters.Pinned
	case st.Previous && c.last == &c.replica && c.replica.Valid():
		if k.method != prepare {
			counters.Pinned.Add(1)
		}
		return c.afterRead(ctx, k)
	case kind != statement.Read:
		count = &counters.Writes[reason]
	case h.primary:
		count = &counters.Hinted
	default:
		r, _, err := c.read(ctx, k, h)
		return r, err
	}
	r, err := c.write(ctx, k, st, kind != statement.Read && reason != statement.PrimaryHint)
	if k.method != prepare {
		count.Add(1)
	}
	return r, err
}

// afterRead runs what asks about the statement before it, such as FOUND_ROWS(), on
// the replica that ran that.
func (c *conn) afterRead(ctx context.Context, k *call) (reply, error) {
	r, err := k.on(ctx, c.replica.Conn())
	if err != nil {
		err = c.failed(c.replica.Node, err, false)
	}
	return r, err
}

// pinned reports whether all statements of the checkout have to stay on its
// connection to the primary.
func (c *conn) pinned() bool {
	if !c.primary.Valid() {
		return false
	}
	if open, known := c.db.engine.InTransaction(c.primary.Conn().Driver); known {
		c.sqlTransaction, c.unsure = open, false
	}
	return c.primary.dirty || c.sqlTransaction || c.unsure
}

// Ping implements driver.Pinger: the primary answers.
func (c *conn) Ping(ctx context.Context) error {
	if c.closed {
		return driver.ErrBadConn
	}
	for attempt := 1; ; attempt++ {
		fresh, err := c.leasePrimary(ctx)
		if err != nil {
			return err
		}
		pinger, ok := c.primary.Conn().Driver.(driver.Pinger)
		if !ok {
			return nil
		}
		err = pinger.Ping(ctx)
		if !c.again(ctx, err, fresh, attempt) {
			return err
		}
		c.discard(&c.primary, attempt)
	}
}

// maxAttempts bounds how often a call is tried on connections that turn out to
// be dead before anything was sent.
const maxAttempts = 3

// again reports whether the wrapped driver found its connection dead before it
// sent anything, so that the call may run on another. A connection that the
// checkout held before belongs to it: its state is gone, and the caller is told,
// as by the plain driver.
func (c *conn) again(ctx context.Context, err error, fresh bool, attempt int) bool {
	return fresh && attempt < maxAttempts && errors.Is(err, driver.ErrBadConn) && ctx.Err() == nil
}

// discard closes a connection that turned out to be dead. Where one after another
// is, the server has ended them all: the last attempt gets a new one.
func (c *conn) discard(h *holding, attempt int) {
	node := h.Node
	c.handBack(h, false)
	if attempt == maxAttempts-1 {
		node.CloseIdle()
	}
}

// yieldReplica and yieldPrimary hand back a connection that nothing keeps, so that
// the checkout does not wait for one member's connection while it holds another's:
// two that do so could wait for each other.
func (c *conn) yieldReplica() {
	if c.replica.resting() {
		c.handBack(&c.replica, true)
	}
}

// One that a statement wrote over is kept: what follows may ask for the value of
// the sequence, or the id of the row.
func (c *conn) yieldPrimary() { c.restPrimary(!c.wrote) }

func (c *conn) restPrimary(release bool) {
	if !c.primary.resting() || c.tx.vendor != nil || c.pinned() {
		return
	}
	if release {
		c.handBack(&c.primary, true)
		c.wrote = false
	}
	c.freeFallback()
}

func (c *conn) freeFallback() {
	if c.fallback {
		c.db.fallbacks.free()
		c.fallback = false
	}
}

// leasePrimary makes sure that the checkout holds a connection to the primary,
// and reports whether it has just got it.
func (c *conn) leasePrimary(ctx context.Context) (fresh bool, err error) {
	if c.primary.Valid() && c.primary.Node.Index != c.db.Cluster.Snapshot().Primary {
		c.restPrimary(true) // another member has become the primary
	}
	if c.primary.Valid() {
		return false, nil
	}
	c.yieldReplica()
	lease, err := c.db.Cluster.Primary(ctx)
	c.primary = holding{Lease: lease}
	return true, err
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error { return c.db.engine.CheckNamedValue(v) }

// ResetSession implements driver.SessionResetter. There is nothing to reset: the
// physical connections were handed back when the last checkout ended.
func (c *conn) ResetSession(context.Context) error {
	if c.closed {
		return driver.ErrBadConn
	}
	return nil
}

// IsValid implements driver.Validator. database/sql asks when it puts the
// connection back, after rows are closed: the checkout has ended.
func (c *conn) IsValid() bool {
	c.endCheckout()
	return !c.closed
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	c.endCheckout()
	c.closed = true
	if c.owner {
		c.db.close()
	}
	return nil
}

func (c *conn) endCheckout() {
	if len(c.writing) > 0 {
		c.endWrites()
	}
	if c.tx.vendor != nil {
		// database/sql ends its transactions before; this one is lost.
		c.tx = transaction{}
		c.primary.dirty, c.replica.dirty = true, true
	}
	if c.primary.Valid() {
		c.handBack(&c.primary, c.settled())
	}
	c.handBack(&c.replica, true)
	c.freeFallback()
	c.last = nil
	c.settings.end()
	c.sqlTransaction, c.unsure, c.wrote = false, false, false
	c.search.record = nil
}

// settled reports whether the connection to the primary may go to another caller,
// once a transaction that may be open is rolled back.
func (c *conn) settled() bool {
	if !c.pinned() {
		return true
	}
	return !c.primary.dirty && !c.sqlTransaction && c.db.engine.EndTransaction(c.primary.Conn().Driver) == nil
}

// Prepare implements driver.Conn.
func (c *conn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

// Begin implements driver.Conn.
func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}
