package driver

import (
	"context"
	"database/sql/driver"
	"fmt"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// method is what is asked of a physical connection.
type method uint8

const (
	query method = iota
	exec
	prepare
	begin
)

// call is one request of database/sql, ready to run on any physical connection.
type call struct {
	method   method
	text     string
	args     []driver.NamedValue
	prepared bool             // text goes through a prepared statement
	atomic   bool             // where it fails, nothing of it has happened
	options  driver.TxOptions // of begin
}

// reply is what came of a call: the field of its method is set.
type reply struct {
	rows   driver.Rows
	result driver.Result
	stmt   driver.Stmt
	tx     driver.Tx
}

// isAtomic reports whether a statement that fails has changed nothing.
func isAtomic(kind statement.Kind, reason statement.Reason) bool {
	return kind == statement.Read || reason == statement.DataModification
}

// on runs the call. The wrapped driver's errors come back as they are, but for
// driver.ErrSkip, by which it asks to have the text prepared: database/sql would
// do that by three calls, each of which would be routed, and throw the prepared
// statement away. Here it is prepared once on the connection and kept.
func (k *call) on(ctx context.Context, c *cluster.Conn) (r reply, err error) {
	switch {
	case k.method == begin:
		r.tx, err = beginTx(ctx, c.Driver, k.options)
		return r, err
	case k.method == prepare:
		r.stmt, err = c.Prepare(ctx, k.text)
		return r, err
	case k.prepared:
		return k.onPrepared(ctx, c)
	}
	err = driver.ErrSkip
	if k.method == query {
		if d, ok := c.Driver.(driver.QueryerContext); ok {
			r.rows, err = d.QueryContext(ctx, k.text, k.args)
		}
	} else if d, ok := c.Driver.(driver.ExecerContext); ok {
		r.result, err = d.ExecContext(ctx, k.text, k.args)
	}
	if err == driver.ErrSkip {
		return k.onPrepared(ctx, c)
	}
	return r, err
}

// onPrepared runs the call by a prepared statement, which is prepared once more
// where the server says that it has to be. A procedure may say so of a statement of
// its own, when others have been committed.
func (k *call) onPrepared(ctx context.Context, c *cluster.Conn) (reply, error) {
	r, err := k.byStatement(ctx, c)
	if err != nil && c.Stale(k.text, k.args, err) && k.atomic {
		return k.byStatement(ctx, c)
	}
	return r, err
}

func (k *call) byStatement(ctx context.Context, c *cluster.Conn) (r reply, err error) {
	stmt, err := c.PrepareFor(ctx, k.text, k.args)
	if err != nil {
		return r, err
	}
	if n := stmt.NumInput(); n >= 0 && n != len(k.args) {
		return r, fmt.Errorf("sql: expected %d arguments, got %d", n, len(k.args)) // as database/sql says it
	}
	if k.method == query {
		r.rows, err = stmt.(driver.StmtQueryContext).QueryContext(ctx, k.args)
	} else {
		r.result, err = stmt.(driver.StmtExecContext).ExecContext(ctx, k.args)
	}
	return r, err
}

func beginTx(ctx context.Context, c driver.Conn, o driver.TxOptions) (driver.Tx, error) {
	return c.(driver.ConnBeginTx).BeginTx(ctx, o)
}
