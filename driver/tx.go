package driver

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"time"

	"github.com/rwsplit/rwsplit/internal/statement"
	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

// transaction is what a logical connection knows of its open transaction. The
// zero transaction is none.
type transaction struct {
	vendor   driver.Tx
	lease    *holding
	instance lag.Instance
	readOnly bool
	records  []*session.Record // of the sessions that took part
	sets     []setting         // in it
	nested   bool              // there was a savepoint, or its end as text: what is set may be undone
}

// BeginTx implements driver.ConnBeginTx. A read-only transaction runs whole on
// one replica that is fresh enough, where the isolation level allows.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if c.closed {
		return nil, driver.ErrBadConn
	}
	k := &call{method: begin, options: options}
	h := hintsOf(ctx)
	if options.ReadOnly && !h.primary && !c.settings.bound && c.db.engine.ReplicaIsolation(options.Isolation) && !c.pinned() {
		r, p, err := c.read(ctx, k, h)
		if err != nil {
			return nil, err
		}
		return c.begun(ctx, r.tx, p.lease, true), nil
	}
	c.db.Counters.Writes[statement.TransactionControl].Add(1)
	// In a transaction that a statement began, BEGIN changes nothing: it may
	// have written, whatever these options say.
	readOnly := options.ReadOnly && !c.pinned()
	r, err := c.write(ctx, k, beginStatement, false)
	if err != nil {
		return nil, err
	}
	return c.begun(ctx, r.tx, &c.primary, readOnly), nil
}

// beginStatement is how BeginTx looks to write: no state that outlives the
// transaction, and nothing written yet.
var beginStatement = &statement.Statement{Kind: statement.Read}

func (c *conn) begun(ctx context.Context, vendor driver.Tx, lease *holding, readOnly bool) driver.Tx {
	c.tx = transaction{
		vendor:   vendor,
		lease:    lease,
		instance: lag.Instance{Node: lease.Node.Index, Run: lease.Conn().Run},
		readOnly: readOnly,
	}
	c.tx.join(c.db.recordOf(ctx))
	return &tx{c}
}

// join adds a session to those whose reads and writes the transaction makes.
func (t *transaction) join(rec *session.Record) {
	if rec != nil && !slices.Contains(t.records, rec) {
		t.records = append(t.records, rec)
	}
}

// inTransaction runs a call in the open transaction, wherever that runs.
func (c *conn) inTransaction(ctx context.Context, k *call, st *statement.Statement) (reply, error) {
	t := &c.tx
	onReplica := t.lease == &c.replica
	k.atomic = isAtomic(st.Kind, st.Reason)
	sets := st.Settings != nil && repeatable(k) && !t.nested && len(c.settings.made)+len(t.sets) < maxSettings
	nested := t.nested || st.Controls
	harmless := sets || st.Settings != nil && k.method == prepare
	if onReplica && (st.SilentOnReplica && !harmless || nested && len(t.sets) > 0) {
		return reply{}, fmt.Errorf("%w: %s", ErrReplicaTransaction, st.Reason)
	}
	if err := c.checkPooler(t.lease, st, true); err != nil {
		return reply{}, err
	}
	if onReplica && (st.Hint == statement.HintPrimary || hintsOf(ctx).primary) {
		return reply{}, fmt.Errorf("%w: %s", ErrReplicaTransaction, statement.PrimaryHint)
	}
	t.nested = nested
	c.meet(t.lease, st)
	was := t.lease.dirty
	t.lease.dirty = was || st.Dirty && k.method != prepare || t.nested && len(t.sets) > 0
	rec := c.db.recordOf(ctx)
	t.join(rec)
	node := t.lease.Node
	start := time.Now()
	r, err := k.on(ctx, t.lease.Conn())
	end := time.Now()
	if st.Dirty && k.method != prepare {
		c.forgetPrepared(t.lease)
	}
	if k.method != prepare {
		c.db.Counters.Transactions.Add(1)
		if st.Kind == statement.Read {
			node.Reads.Add(1)
		} else {
			node.Writes.Add(1)
		}
	}
	if err != nil {
		// Nothing is committed before COMMIT, so the outcome is known, unless
		// the statement was one.
		return r, c.failed(node, err, st.Transaction == statement.Commit)
	}
	if sets {
		t.lease.dirty = was
		t.sets = append(t.sets, newSetting(k, st.Settings))
	}
	node.Load.Took(end.Sub(start), end)
	if rec != nil {
		rec.Saw(nil, t.instance, end)
	}
	return r, nil
}

// endSets takes over what the transaction has set. Where some of that may have been
// undone, the connection is dirty.
func (c *conn) endSets(t *transaction, committed bool) {
	if t.nested || !committed && c.db.engine.Dialect().UndoesSettings() {
		return
	}
	for _, s := range t.sets {
		c.set(t.lease, s)
	}
}

// tx implements driver.Tx for the connection's open transaction.
type tx struct{ c *conn }

var _ driver.Tx = (*tx)(nil)

// Commit implements driver.Tx. The sessions that took part are marked before it
// is sent: an error may hide that it happened.
func (x *tx) Commit() error {
	c, t := x.c, x.c.tx
	c.tx = transaction{}
	if t.vendor == nil {
		return driver.ErrBadConn
	}
	if t.readOnly {
		err := t.vendor.Commit()
		t.saw(time.Now())
		c.endSets(&t, err == nil)
		if err != nil {
			return c.failed(t.lease.Node, err, false)
		}
		return nil
	}
	for _, rec := range t.records {
		rec.BeginWrite()
	}
	err := t.vendor.Commit()
	end := time.Now()
	for _, rec := range t.records {
		rec.EndWrite(end, nil)
	}
	c.db.record.Wrote(end, nil)
	c.endSets(&t, err == nil)
	if err != nil {
		return c.failed(t.lease.Node, err, true)
	}
	return nil
}

// Rollback implements driver.Tx.
func (x *tx) Rollback() error {
	c, t := x.c, x.c.tx
	c.tx = transaction{}
	if t.vendor == nil {
		return driver.ErrBadConn
	}
	err := t.vendor.Rollback()
	end := time.Now()
	t.saw(end)
	if !t.readOnly {
		// A statement may have committed before: COMMIT as text, or what some
		// engines commit by themselves.
		for _, rec := range t.records {
			rec.Wrote(end, nil)
		}
		c.db.record.Wrote(end, nil)
	}
	c.endSets(&t, false)
	if err != nil {
		return c.failed(t.lease.Node, err, false)
	}
	return nil
}

// saw notes what the transaction has seen by its end.
func (t *transaction) saw(at time.Time) {
	for _, rec := range t.records {
		rec.Saw(nil, t.instance, at)
	}
}
