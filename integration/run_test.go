package integration

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rwsplit/rwsplit/driver/postgres"
	"github.com/rwsplit/rwsplit/integration/fixture"
)

// TestRun: a server that recovers anew is another run of it, whether the whole
// server was restarted or one of its processes crashed.
func TestRun(t *testing.T) {
	c := fixture.ForTest(t, fixture.Options{Replicas: 1})
	ctx := ctxFor(t)
	r := c.Replicas()[0]
	engine, err := postgres.New(postgres.Config{DSN: r.DSN()})
	must(t, err)
	server := engine.Members()[0].Server
	run := func() (run uint64) {
		eventually(t, "the replica answers", func() bool {
			conn, err := server.Connect(ctx)
			if err != nil {
				return false
			}
			defer conn.Close()
			sample, err := server.Observe(ctx, conn)
			run = sample.Run
			return err == nil
		})
		return run
	}
	first := run()
	if again := run(); again != first {
		t.Errorf("run %d became %d while nothing happened", first, again)
	}
	// The shell's parent is the backend that started it.
	r.Exec(ctx, `COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'`)
	crashed := run()
	if crashed == first {
		t.Error("the same run after the crash of a backend")
	}
	must(t, r.Kill())
	must(t, r.Start(ctx))
	if restarted := run(); restarted == crashed {
		t.Error("the same run after a restart")
	}
}

// TestChangedPlan: a prepared statement whose result type changes fails once on a
// connection, as with pgx, and works from then on, where it worked before.
func TestChangedPlan(t *testing.T) {
	c := sharedCluster(t)
	db := open(t, c, patient)
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE altered (a int)`)
	mustExec(t, db, `INSERT INTO altered VALUES (1)`)
	ready(t, db)
	stmt, err := db.PrepareContext(ctx, `SELECT * FROM altered`)
	must(t, err)
	defer stmt.Close()
	query := func(ctx context.Context) error {
		rows, err := stmt.QueryContext(ctx)
		if err != nil {
			return err
		}
		return rows.Close()
	}
	for range 10 {
		must(t, query(ctx))
	}
	mustExec(t, db, `ALTER TABLE altered ADD COLUMN b int`)
	failures := 0
	for range 50 {
		if err := query(ctx); err != nil {
			var pg *pgconn.PgError
			if !errors.As(err, &pg) || pg.Code != "0A000" {
				t.Fatal(err)
			}
			failures++
		}
	}
	open := 0
	for _, m := range statsOf(t, db).Members[1:] {
		open += int(m.Pool.Open)
	}
	if failures > open {
		t.Errorf("%d failures over %d connections, want one each at the most", failures, open)
	}
	if p, r := delta(t, db, func() { must(t, query(ctx)) }); p != 0 || r != 1 {
		t.Errorf("then %d on the primary and %d on replicas", p, r)
	}
}
