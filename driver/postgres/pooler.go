package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Pooler says what stands between this program and the servers.
type Pooler uint8

const (
	// PoolerAuto: a pooler that shows is taken for one of transactions,
	// which is the careful guess.
	PoolerAuto Pooler = iota
	// PoolerTransaction: a server's connection serves a client for the length
	// of a transaction, and others before and after.
	PoolerTransaction
	// PoolerSession: it serves a client for as long as that is connected, as
	// if there were no pooler.
	PoolerSession
)

var poolerNames = [...]string{PoolerAuto: "auto", PoolerTransaction: "transaction", PoolerSession: "session"}

// String returns the name that [ParsePooler] reads.
func (p Pooler) String() string {
	if int(p) < len(poolerNames) {
		return poolerNames[p]
	}
	return fmt.Sprintf("pooler(%d)", uint8(p))
}

// ParsePooler reads "auto", "transaction" or "session".
func ParsePooler(name string) (Pooler, error) {
	for p, n := range poolerNames {
		if n == name {
			return Pooler(p), nil
		}
	}
	return 0, fmt.Errorf("%q is not one of %v", name, poolerNames)
}

// meet notes what the server says its process is. A pooler has told another one
// when it took the connection: a key of its own. (Seen with PgBouncer 1.18 and
// 1.24.)
func (c *conn) meet(pooler Pooler, pid uint32) {
	c.pooled = pooler == PoolerTransaction || pooler == PoolerAuto && pid != c.pgConn().PID()
}

// Pooled implements the engine.
func (e *Engine) Pooled(c driver.Conn) bool { return c.(*conn).pooled }

// plainMode needs nothing of a server's connection that a pooler would give to
// another client: no statement that stays, and no answer that a second message is
// about.
const plainMode = pgx.QueryExecModeExec

// options returns the arguments with the mode that a pooler asks for, where the
// configuration or the caller has one that would break: it prepares statements in
// one transaction and runs them in the next, maybe on another client's.
func (c *conn) options(args []driver.NamedValue) []driver.NamedValue {
	if !c.pooled {
		return args
	}
	if !prepares(c.mode) && !slices.ContainsFunc(args, asksToPrepare) {
		return args
	}
	args = slices.DeleteFunc(slices.Clone(args), asksToPrepare)
	return append([]driver.NamedValue{{Value: plainMode}}, args...)
}

// prepares reports whether pgx prepares or describes a statement in this mode before
// it runs it.
func prepares(mode pgx.QueryExecMode) bool {
	return mode != pgx.QueryExecModeExec && mode != pgx.QueryExecModeSimpleProtocol
}

func asksToPrepare(arg driver.NamedValue) bool {
	mode, ok := arg.Value.(pgx.QueryExecMode)
	return ok && prepares(mode)
}

// query asks the server something of ours, in a mode that suits it.
func (c *conn) query(ctx context.Context, text string) (pgx.Rows, error) {
	return c.Conn.Conn().Query(ctx, text, c.ownMode()...)
}

func (c *conn) queryRow(ctx context.Context, text string) pgx.Row {
	return c.Conn.Conn().QueryRow(ctx, text, c.ownMode()...)
}

// ownMode is an argument for pgx; none where the configuration's mode will do.
func (c *conn) ownMode() []any {
	if c.pooled {
		return []any{plainMode}
	}
	return nil
}
