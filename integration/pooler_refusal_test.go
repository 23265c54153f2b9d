package integration

import (
	"database/sql"
	"errors"
	"maps"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// sessionStatements make or use state of a session. They need not work: they are not
// to be sent.
var sessionStatements = []struct {
	text   string
	leaves bool // state that the server's connection keeps
}{
	{`SET geqo_threshold = 4711`, true},
	{`SET SESSION geqo_threshold = 4711`, true},
	{`SET search_path = pg_catalog`, true},
	{`SET "app.user" = 'x'`, true},
	{`SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY`, true},
	{`SELECT set_config('geqo_threshold', '4711', false)`, true},
	{`SELECT set_config('app.user', 'x', false) FROM pg_class LIMIT 1`, true},
	{`WITH w AS MATERIALIZED (SELECT set_config('geqo_threshold', '4711', false)) SELECT * FROM w`, true},
	{`COPY (SELECT set_config('geqo_threshold', '4711', false)) TO STDOUT`, true},
	{`UPDATE pg_settings SET setting = '4711' WHERE name = 'geqo_threshold'`, true},
	{`SELECT 1; SET geqo_threshold = 4711`, true},
	{`CREATE TEMP TABLE pooled_t (v int)`, true},
	{`CREATE TABLE pg_temp.pooled_t (v int)`, true},
	{`CREATE TEMPORARY SEQUENCE pooled_s`, true},
	{`SELECT 1 AS v INTO TEMP pooled_t`, true},
	{`SELECT pg_advisory_lock(4713)`, true},
	{`SELECT pg_try_advisory_lock_shared(4713)`, true},
	{`LISTEN pooled`, true},
	{`PREPARE pooled_p AS SELECT 1`, true},
	{`DECLARE pooled_c CURSOR WITH HOLD FOR SELECT 1`, true},
	{`EXECUTE pooled_p`, false},
	{`DEALLOCATE ALL`, false},
	{`DISCARD ALL`, false},
	{`RESET ALL`, false},
	{`RESET geqo_threshold`, false},
	{`UNLISTEN *`, false},
	{`SELECT pg_advisory_unlock_all()`, false},
	{`SET geqo_threshold = DEFAULT`, false},
	{`SELECT lastval()`, false},
	{`SELECT currval('pooled_seq')`, false},
	{`FETCH 1 FROM pooled_c`, false},
}

// TestPoolerRefusals: behind a pooler of transactions, what makes or uses state of a
// session is refused, and no server connection has it afterwards.
func TestPoolerRefusals(t *testing.T) { eachEngine(t, testPoolerRefusals, "postgres") }

func testPoolerRefusals(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	must(t, c.Primary().Exec(ctx, `CREATE SEQUENCE pooled_seq; GRANT ALL ON pooled_seq TO app`))
	must(t, c.WaitReplicas(ctx))
	poolers := fixture.PoolersForTest(t, c, fixture.PoolerOptions{Size: poolSize})
	clean := statesOf(t, poolers)
	ways := map[string][]string{
		"exec":            {execMode("exec")},
		"simple_protocol": {execMode("simple_protocol")},
		"the default":     nil,
	}
	for name, params := range ways {
		t.Run(name, func(t *testing.T) {
			db := e.openDSN(t, poolers.DSN(append(pooled, params...)...))
			ready(t, db)
			for _, s := range sessionStatements {
				t.Run(s.text, func(t *testing.T) {
					for way, run := range refusals(t, db, s.text) {
						if err := run(); !errors.Is(err, splitter.ErrPooler) {
							t.Errorf("%s: got %v, want ErrPooler", way, err)
						}
					}
					if got := statesOf(t, poolers); !maps.Equal(got, clean) {
						t.Errorf("left on the servers' connections: %v, want %v", got, clean)
					}
				})
			}
		})
	}
	t.Run("told, without one", func(t *testing.T) {
		db := e.open(t, c, "rwsplit_pooler=transaction")
		if _, err := db.ExecContext(ctx, e.set); !errors.Is(err, splitter.ErrPooler) {
			t.Errorf("got %v, want ErrPooler", err)
		}
	})
}

// refusals are the ways to run a statement. Each is tried outside of a transaction;
// what leaves state, also inside of one, which would not end it.
func refusals(t *testing.T, db *sql.DB, text string) map[string]func() error {
	ctx := ctxFor(t)
	ways := map[string]func() error{
		"Exec": func() error {
			_, err := db.ExecContext(ctx, text)
			return err
		},
		"Query": func() error {
			rows, err := db.QueryContext(ctx, text)
			if err == nil {
				err = errors.Join(rows.Close(), rows.Err())
			}
			return err
		},
		"Prepare": func() error {
			stmt, err := db.PrepareContext(ctx, text)
			if err == nil {
				_, err = stmt.ExecContext(ctx)
				stmt.Close()
			}
			return err
		},
		"Conn": func() error {
			conn, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.ExecContext(ctx, text)
			return err
		},
	}
	for _, s := range sessionStatements {
		if s.text != text || !s.leaves {
			continue
		}
		ways["transaction"] = func() error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Commit()
			_, err = tx.ExecContext(ctx, text)
			return err
		}
		ways["BEGIN"] = func() error {
			conn, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := conn.ExecContext(ctx, `BEGIN`); err != nil {
				return err
			}
			_, err = conn.ExecContext(ctx, text)
			_, end := conn.ExecContext(ctx, `COMMIT`)
			return errors.Join(err, end)
		}
	}
	return ways
}

// TestPoolerRefusalsCanFail shows that the test above looks where the state is: the
// plain driver leaves it there.
func TestPoolerRefusalsCanFail(t *testing.T) {
	eachEngine(t, testPoolerRefusalsCanFail, "postgres")
}

func testPoolerRefusalsCanFail(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{Replicas: -1})
	ctx := ctxFor(t)
	for _, s := range sessionStatements {
		if !s.leaves {
			continue
		}
		t.Run(s.text, func(t *testing.T) {
			poolers := fixture.PoolersForTest(t, c, fixture.PoolerOptions{Size: poolSize})
			clean := statesOf(t, poolers)
			conn, err := pgx.Connect(ctx, poolers.DSN(execMode("simple_protocol")))
			must(t, err)
			defer conn.Close(ctx)
			_, err = conn.Exec(ctx, s.text)
			must(t, err)
			if got := statesOf(t, poolers); maps.Equal(got, clean) {
				t.Errorf("nothing is seen of it: %v", got)
			}
		})
	}
}
