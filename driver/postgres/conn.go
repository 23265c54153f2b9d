package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// conn is pgx's connection, but honest about what was sent.
//
// When the server ends a connection in the middle of a statement, pgx says "conn
// closed", which counts as safe to retry, and its stdlib makes driver.ErrBadConn
// of that; database/sql would send the statement again. (Seen with pgx v5.12.0:
// an INSERT without arguments, while the server is shut down.) A write may have
// happened by then. conn counts what goes to the server, and lets pgx claim that
// nothing was sent only when that is so.
type conn struct {
	*stdlib.Conn
	wire     *wire
	identity identity
	mode     pgx.QueryExecMode // that the configuration asks for
	prepared map[string]*stmt  // by text: pgx knows them
	pooled   bool              // others use the server's connection between transactions
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
)

// errReplyLost stands for an error of pgx that hides that something was sent.
var errReplyLost = errors.New("the connection was lost after the statement had been sent")

// wire counts the writes to a server. It lies below pgx and above TLS.
type wire struct {
	net.Conn
	sent atomic.Uint64
}

// Write implements net.Conn.
func (w *wire) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if n > 0 && p[0] != 'X' { // Terminate, which pgx sends in the background
		w.sent.Add(1)
	}
	return n, err
}

// farewellKey is where, in pgconn's CustomData, the error stands with which the
// server ended the connection.
const farewellKey = "rwsplit: farewell"

// instrument makes pgx's connections countable, keeping the hooks of the caller.
func instrument(c *pgx.ConnConfig) {
	connected := c.AfterNetConnect
	c.AfterNetConnect = func(ctx context.Context, config *pgconn.Config, n net.Conn) (net.Conn, error) {
		if connected != nil {
			var err error
			if n, err = connected(ctx, config, n); err != nil {
				return n, err
			}
		}
		return &wire{Conn: n}, nil
	}
	keep := c.OnPgError
	c.OnPgError = func(pg *pgconn.PgConn, e *pgconn.PgError) bool {
		if keep == nil || keep(pg, e) {
			return true
		}
		pg.CustomData()[farewellKey] = e
		return false
	}
}

func newConn(c *stdlib.Conn) (*conn, error) {
	w, ok := c.Conn().PgConn().Conn().(*wire)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("the connection is a %T: a hook of pgx's configuration was replaced", c.Conn().PgConn().Conn())
	}
	return &conn{Conn: c, wire: w, mode: c.Conn().Config().DefaultQueryExecMode, prepared: make(map[string]*stmt)}, nil
}

func (c *conn) pgConn() *pgconn.PgConn { return c.Conn.Conn().PgConn() }

// honest returns err, or what it hides: the writes to the server have passed the
// number sent. Where pgx gave up for the caller's sake, the error says so.
func (c *conn) honest(ctx context.Context, sent uint64, err error) error {
	if err == nil || c.wire.sent.Load() == sent || !errors.Is(err, driver.ErrBadConn) && !pgconn.SafeToRetry(err) {
		return err
	}
	if farewell, ok := c.pgConn().CustomData()[farewellKey].(*pgconn.PgError); ok {
		return farewell
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errReplyLost, err)
	}
	return errReplyLost
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	args = c.options(args)
	c.unprepare(text, args)
	r, err := c.exec(ctx, text, args)
	if c.changedPlan(err) && c.plans(args) && !allOptions(args) { // pgx sends no plain Exec as a prepared statement
		return c.exec(ctx, text, args)
	}
	return r, err
}

func (c *conn) exec(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	sent := c.wire.sent.Load()
	r, err := c.Conn.ExecContext(ctx, text, args)
	return r, c.honest(ctx, sent, err)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	args = c.options(args)
	c.unprepare(text, args)
	r, err := c.rows(ctx, text, args)
	if c.changedPlan(err) && c.plans(args) {
		return c.rows(ctx, text, args)
	}
	return r, err
}

func (c *conn) rows(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	sent := c.wire.sent.Load()
	r, err := c.Conn.QueryContext(ctx, text, args)
	return r, c.honest(ctx, sent, err)
}

// changedPlan reports whether a statement that was prepared before a change of the
// schema can be run once more: pgx has forgotten it, nothing ran, and no transaction
// has failed with it. That holds for a statement that pgx prepared, which is one
// alone; a text of several may hold an EXECUTE behind a COMMIT.
func (c *conn) changedPlan(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && isChangedPlan(pg) && pg.Where == "" && c.pgConn().TxStatus() == idle
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s := &stmt{conn: c, text: text, input: -1}
	if c.pooled {
		return s, nil
	}
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	s.input = s.vendor.NumInput()
	return s, nil
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	t, err := c.Conn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: t, conn: c, ctx: ctx}, nil
}

// tx is an open transaction of the connection.
type tx struct {
	driver.Tx
	conn *conn
	ctx  context.Context // that it began under, and ends with
}

// Commit implements driver.Tx.
func (t *tx) Commit() error {
	sent := t.conn.wire.sent.Load()
	return t.conn.honest(t.ctx, sent, t.Tx.Commit())
}
