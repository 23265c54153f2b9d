package integration

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

// poolSize is how many server connections a pooler of the fixture has for the user
// app.
const poolSize = 4

// stateQuery tells all that a session could have left on a server's connection, in
// one text.
const stateQuery = `SELECT concat_ws(' ',
  'prepared', (SELECT string_agg(name, ',') FROM pg_prepared_statements),
  'cursors', (SELECT count(*) FROM pg_cursors WHERE is_holdable),
  'channels', (SELECT count(*) FROM pg_listening_channels()),
  'locks', (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
  'temporary', (SELECT string_agg(relname, ',') FROM pg_class WHERE relpersistence = 't'),
  'user', current_user,
  'app.user', current_setting('app.user', true),
  'geqo_threshold', current_setting('geqo_threshold'),
  'search_path', current_setting('search_path'),
  'read_only', current_setting('default_transaction_read_only'))`

// statesOf asks every server connection of the poolers. It holds them all at the
// same time, each by a transaction.
func statesOf(t testing.TB, poolers fixture.Poolers) map[string]string {
	t.Helper()
	ctx := ctxFor(t)
	states := make(map[string]string)
	for _, p := range poolers {
		var all []*pgx.Conn
		for n := range poolSize {
			conn, err := pgx.Connect(ctx, p.DSN(execMode("exec")))
			must(t, err)
			all = append(all, conn)
			_, err = conn.Exec(ctx, `BEGIN`)
			must(t, err)
			var state string
			must(t, conn.QueryRow(ctx, stateQuery).Scan(&state))
			states[fmt.Sprint(p.Server().Name(), " ", n)] = state
		}
		for _, conn := range all {
			_, err := conn.Exec(ctx, `ROLLBACK`)
			must(t, err)
			conn.Close(ctx)
		}
	}
	return states
}

// pooledPing reports whether clients of the pooler reach its server.
func pooledPing(ctx context.Context, p *fixture.Pooler) bool {
	conn, err := pgx.Connect(ctx, p.DSN(execMode("exec")))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	return conn.Ping(ctx) == nil
}
