package driver

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/session"
)

// write runs a call on the primary, and notes it as a write. Changes is false for
// what is proven to be none, and is there for another reason.
func (c *conn) write(ctx context.Context, k *call, st *statement.Statement, changes bool) (reply, error) {
	rec := c.db.recordOf(ctx)
	changes = changes && st.Settings == nil
	for attempt := 1; ; attempt++ {
		fresh, err := c.leasePrimary(ctx)
		if err != nil {
			return reply{}, err
		}
		if err := ctx.Err(); err != nil {
			return reply{}, err // known not to have been sent
		}
		if err := c.checkPooler(&c.primary, st, c.pinned()); err != nil {
			return reply{}, err
		}
		var r reply
		unset := c.replay(ctx, &c.primary)
		if err = unset; err == nil {
			// Before it is sent: an error may hide what it did.
			sets := st.Settings != nil && repeatable(k) && !c.pinned()
			c.meet(&c.primary, st)
			c.primary.dirty = c.primary.dirty || st.Dirty && k.method != prepare
			c.unsure = c.unsure || st.MayBegin
			switch {
			case k.method == prepare || k.method == begin:
				r, err = k.on(ctx, c.primary.Conn())
			case changes:
				r, err = c.send(ctx, k, rec)
			default:
				r, err = c.look(ctx, k, st, rec)
			}
			if st.Dirty && k.method != prepare {
				c.forgetPrepared(&c.primary)
			}
			if sets && err == nil {
				c.primary.dirty = false
				c.set(&c.primary, newSetting(k, st.Settings))
			}
		}
		if c.again(ctx, err, fresh, attempt) {
			c.discard(&c.primary, attempt)
			c.unsure, c.wrote = false, false
			continue
		}
		c.last = &c.primary
		if err == nil {
			c.follow(st.Transaction)
			return r, nil
		}
		if unset != nil {
			return r, c.failed(c.primary.Node, err, false)
		}
		return r, c.failed(c.primary.Node, err, changes && k.method != prepare)
	}
}

// send runs a call on the connection to the primary and notes in the records
// that it may have written. The records are marked before: an error may hide a
// commit.
func (c *conn) send(ctx context.Context, k *call, rec *session.Record) (reply, error) {
	node := c.primary.Node
	if rec != nil {
		rec.BeginWrite()
	}
	c.wrote = true
	start := time.Now()
	r, err := k.on(ctx, c.primary.Conn())
	end := time.Now()
	switch {
	case err == driver.ErrBadConn:
		if rec != nil {
			rec.AbandonWrite() // nothing was sent
		}
		return r, err
	case err == nil && k.method == query:
		// INSERT … RETURNING: it has ended when its rows are closed.
		c.db.record.Wrote(end, nil)
		rows := &writeRows{Rows: r.rows, conn: c, node: node, record: rec}
		c.writing = append(c.writing, rows)
		r.rows = rows
	default:
		c.endWrite(rec, end)
	}
	node.Writes.Add(1)
	if err == nil {
		node.Load.Took(end.Sub(start), end)
	}
	return r, err
}

// look is send for what is proven to change no data, as far as a text can tell: a
// read, or a setting, which sees none either.
func (c *conn) look(ctx context.Context, k *call, st *statement.Statement, rec *session.Record) (reply, error) {
	node := c.primary.Node
	start := time.Now()
	r, err := k.on(ctx, c.primary.Conn())
	if err == driver.ErrBadConn {
		return r, err
	}
	if st.Settings != nil {
		node.Writes.Add(1)
		return r, err
	}
	node.Reads.Add(1)
	end := time.Now()
	c.db.record.Wrote(end, nil) // a view may hide a write, which nobody refuses here
	if err == nil {
		node.Load.Took(end.Sub(start), end)
		if rec != nil {
			rec.Saw(nil, lag.Instance{Node: node.Index, Run: c.primary.Conn().Run}, end)
		}
	}
	return r, err
}

func (c *conn) endWrite(rec *session.Record, at time.Time) {
	if rec != nil {
		rec.EndWrite(at, nil)
	}
	c.db.record.Wrote(at, nil)
}

// endWrites notes that the writes whose rows nobody closed have ended.
func (c *conn) endWrites() {
	for _, rows := range c.writing {
		rows.end()
	}
	clear(c.writing)
	c.writing = c.writing[:0]
}

// follow keeps up with transactions that statements open and end, for engines
// whose driver does not tell.
func (c *conn) follow(t statement.Transaction) {
	switch t {
	case statement.Begin:
		c.sqlTransaction = true
	case statement.Commit, statement.Rollback:
		c.sqlTransaction, c.unsure = false, false
	}
}

// failed takes note of an error that a node answered with, and returns what the
// caller is to see of it: the error itself, unless it leaves open whether a
// write happened.
func (c *conn) failed(n *cluster.Node, err error, wrote bool) error {
	n.Errors.Add(1)
	fault := c.db.engine.Diagnose(err)
	if fault != NoFault {
		n.Doubt()
	}
	if fault == Lost && wrote && err != driver.ErrBadConn {
		return &unknownOutcome{n.Member.Name, err}
	}
	return err
}
