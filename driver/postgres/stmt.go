package postgres

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// stmt is a statement that is prepared on the connection, where pgx finds it by its
// text.
//
// One whose result type has changed, by ALTER TABLE say, is prepared anew (SQLSTATE
// 0A000): for the same call where nothing stands against it, else for the next.
// Behind a pooler of transactions nothing is prepared.
type stmt struct {
	vendor driver.Stmt // nil: to be prepared anew
	conn   *conn
	text   string
	input  int
}

var (
	_ driver.Stmt             = (*stmt)(nil)
	_ driver.StmtExecContext  = (*stmt)(nil)
	_ driver.StmtQueryContext = (*stmt)(nil)
)

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (r driver.Result, err error) {
	if s.conn.pooled {
		return s.conn.ExecContext(ctx, s.text, args)
	}
	err = s.run(ctx, func() error {
		r, err = s.conn.exec(ctx, s.text, args)
		return err
	})
	return r, err
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (r driver.Rows, err error) {
	if s.conn.pooled {
		return s.conn.QueryContext(ctx, s.text, args)
	}
	err = s.run(ctx, func() error {
		r, err = s.conn.rows(ctx, s.text, args)
		return err
	})
	return r, err
}

func (s *stmt) run(ctx context.Context, call func() error) error {
	for attempt := 1; ; attempt++ {
		if err := s.prepare(ctx); err != nil {
			return err
		}
		err := call()
		var pg *pgconn.PgError
		if errors.As(err, &pg) && isChangedPlan(pg) {
			s.Close() // its failure shows with the next call
			if attempt == 1 && s.conn.changedPlan(err) {
				continue
			}
		}
		return err
	}
}

func (s *stmt) prepare(ctx context.Context) (err error) {
	if s.vendor == nil {
		sent := s.conn.wire.sent.Load()
		s.vendor, err = s.conn.Conn.PrepareContext(ctx, s.text)
		if err != nil {
			s.vendor = nil
		} else {
			s.conn.prepared[s.text] = s
		}
		err = s.conn.honest(ctx, sent, err)
	}
	return err
}

// unprepare closes the statement of a text that is about to run in a mode without
// one, which pgx would run in its place. It is prepared anew when it is next used.
func (c *conn) unprepare(text string, args []driver.NamedValue) {
	if s, ok := c.prepared[text]; ok && !c.plans(args) {
		s.Close() // its failure shows with the query
	}
}

// plans reports whether pgx prepares what runs with these arguments.
func (c *conn) plans(args []driver.NamedValue) bool {
	mode := c.mode
	for i := range args {
		if m, ok := args[i].Value.(pgx.QueryExecMode); ok {
			mode = m
		}
	}
	return prepares(mode)
}

// NumInput implements driver.Stmt.
func (s *stmt) NumInput() int { return s.input }

// Close implements driver.Stmt.
func (s *stmt) Close() error {
	if s.vendor == nil {
		return nil
	}
	err := s.vendor.Close()
	s.vendor = nil
	delete(s.conn.prepared, s.text)
	return err
}

// Exec implements driver.Stmt. Package driver calls ExecContext.
func (s *stmt) Exec([]driver.Value) (driver.Result, error) { return nil, driver.ErrSkip }

// Query implements driver.Stmt. Package driver calls QueryContext.
func (s *stmt) Query([]driver.Value) (driver.Rows, error) { return nil, driver.ErrSkip }
