package driver

import (
	"context"
	"database/sql/driver"

	"github.com/rwsplit/rwsplit/internal/statement"
)

// stmt is a prepared statement of a logical connection. It is a text: the
// physical connection that an execution runs on has it prepared, or prepares it.
type stmt struct {
	conn  *conn
	text  string
	input int
}

var (
	_ driver.Stmt             = (*stmt)(nil)
	_ driver.StmtExecContext  = (*stmt)(nil)
	_ driver.StmtQueryContext = (*stmt)(nil)
)

// PrepareContext implements driver.ConnPrepareContext. The statement is prepared
// where it would run, so that a mistake in it is found here.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	r, err := c.do(ctx, &call{method: prepare, text: text}, c.db.classify(text))
	if err != nil {
		return nil, err
	}
	return &stmt{conn: c, text: text, input: r.stmt.NumInput()}, nil
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	r, err := s.conn.do(ctx, &call{method: exec, text: s.text, args: args, prepared: true}, s.statement())
	return r.result, err
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	r, err := s.conn.do(ctx, &call{method: query, text: s.text, args: args, prepared: true}, s.statement())
	return r.rows, err
}

// statement returns the classification, anew: a replica may have refused the
// text since.
func (s *stmt) statement() *statement.Statement {
	return s.conn.db.classify(s.text)
}

// NumInput implements driver.Stmt.
func (s *stmt) NumInput() int { return s.input }

// Close implements driver.Stmt. What is prepared on physical connections stays
// there, in their bounded caches.
func (s *stmt) Close() error { return nil }

// Exec implements driver.Stmt.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query implements driver.Stmt.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	out := make([]driver.NamedValue, len(args))
	for i, v := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return out
}
