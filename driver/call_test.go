package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"testing"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// stalling is a connection whose server wants a statement prepared anew a number of
// times before it runs it.
type stalling struct {
	driver.Conn
	times  int
	calls  []string
	closed int
}

var errStale = errors.New("prepare it anew")

func (c *stalling) PrepareContext(context.Context, string) (driver.Stmt, error) {
	c.calls = append(c.calls, "prepare")
	return &stallingStmt{conn: c}, nil
}

func (c *stalling) Variant([]driver.NamedValue) uint64  { return 1 }
func (c *stalling) StatementLimit(error) bool           { return false }
func (c *stalling) StatementStale(err error) bool       { return errors.Is(err, errStale) }
func (c *stalling) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }

type stallingStmt struct {
	driver.Stmt
	conn *stalling
}

func (s *stallingStmt) NumInput() int { return 1 }
func (s *stallingStmt) Close() error  { s.conn.closed++; return nil }

func (s *stallingStmt) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	s.conn.calls = append(s.conn.calls, "exec")
	if s.conn.times > 0 {
		s.conn.times--
		return nil, errStale
	}
	return driver.RowsAffected(1), nil
}

// A statement that the server wants prepared anew is, once.
func TestStaleStatement(t *testing.T) {
	for times, want := range [][]string{
		{"prepare", "exec"},
		{"prepare", "exec", "prepare", "exec"},
		{"prepare", "exec", "prepare", "exec"},
		{"prepare", "exec"}, // a procedure, which may have done something
	} {
		vendor := &stalling{times: min(times, 2)}
		k := &call{method: exec, text: "UPDATE kv SET v = ?", args: []driver.NamedValue{{Ordinal: 1, Value: int64(1)}}, atomic: times < 3}
		_, err := k.on(t.Context(), &cluster.Conn{Driver: vendor})
		if fails := times >= 2; fails != errors.Is(err, errStale) || !fails && err != nil {
			t.Errorf("stale %d times: error %v", times, err)
		}
		if !slices.Equal(vendor.calls, want) {
			t.Errorf("stale %d times: %q, want %q", times, vendor.calls, want)
		}
		if vendor.closed != min(times, 1) { // a stale one, in any case
			t.Errorf("stale %d times: %d statements closed", times, vendor.closed)
		}
	}
}
