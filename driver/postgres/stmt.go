package postgres

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// stmt is a statement that is prepared on the connection, where pgx finds it by
// its text.
//
// A statement whose result type has changed, by ALTER TABLE say, fails once, as
// with pgx (SQLSTATE 0A000), and is prepared anew for the next call: it is kept
// with its connection, so no caller could close it and prepare another.
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
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	r, err := s.conn.ExecContext(ctx, s.text, args)
	s.check(err)
	return r, err
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	r, err := s.conn.QueryContext(ctx, s.text, args)
	s.check(err)
	return r, err
}

func (s *stmt) prepare(ctx context.Context) (err error) {
	if s.vendor == nil {
		sent := s.conn.wire.sent.Load()
		s.vendor, err = s.conn.Conn.PrepareContext(ctx, s.text)
		if err != nil {
			s.vendor = nil
		}
		err = s.conn.honest(sent, err)
	}
	return err
}

func (s *stmt) check(err error) {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "0A000" && pg.Routine == changedPlan {
		s.Close() // its failure shows with the next call
	}
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
	return err
}

// Exec implements driver.Stmt. Package driver calls ExecContext.
func (s *stmt) Exec([]driver.Value) (driver.Result, error) { return nil, driver.ErrSkip }

// Query implements driver.Stmt. Package driver calls QueryContext.
func (s *stmt) Query([]driver.Value) (driver.Rows, error) { return nil, driver.ErrSkip }
