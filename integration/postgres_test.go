package integration

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rwsplit/rwsplit/driver/postgres"
	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/lag"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestPageBoundary forces the primary to end a record exactly on a WAL page: the
// insert position is then past the next page's header, where no standby gets to
// before more is written.
func TestPageBoundary(t *testing.T) { eachEngine(t, testPageBoundary, "postgres") }

func testPageBoundary(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{Replicas: 1, Settings: map[string]string{
		"autovacuum": "off", "bgwriter_lru_maxpages": "0", "checkpoint_timeout": "1h",
	}})
	ctx := ctxFor(t)
	db := e.open(t, c, patient)
	ready(t, db)
	forced := 0
	for range 40 {
		if !endOnPage(t, ctx, c.Primary()) {
			continue
		}
		forced++
		// The write that ended on the boundary is covered by the position
		// that a sample of now returns; the replica has to be seen to reach it.
		start := time.Now()
		cluster, err := splitter.ClusterOf(db)
		must(t, err)
		must(t, cluster.Ping(ctx))
		eventually(t, "the replica has reached the boundary", func() bool {
			m := member(t, db, c.Replicas()[0])
			return m.LagDistance != nil && *m.LagDistance == 0
		})
		if waited := time.Since(start); waited > 10*time.Second {
			t.Errorf("reached only after %s: more WAL came to help", waited)
		}
		if forced == 3 {
			break
		}
	}
	if forced < 3 {
		t.Fatalf("forced %d page boundaries, want 3", forced)
	}
}

// endOnPage writes logical messages until the insert position is just past a
// page header, and reports whether it got there.
func endOnPage(t testing.TB, ctx context.Context, primary *fixture.Server) bool {
	t.Helper()
	const block = 8192
	position := func() uint64 {
		text, err := primary.QueryText(ctx, `SELECT pg_current_wal_insert_lsn()`)
		must(t, err)
		lsn, err := lag.ParseLSN(text)
		must(t, err)
		return uint64(lsn)
	}
	emit := func(size int) {
		must(t, primary.Exec(ctx, fmt.Sprintf(`SELECT pg_logical_emit_message(false, '', repeat('x', %d))`, size)))
	}
	for range 400 {
		left := int(block - position()%block)
		switch {
		case left == block-24:
			return true
		case left > 400:
			emit(left - 300)
		case left > 80:
			// A message's record is its text and some 50 bytes, rounded up to
			// 8: creep up on the boundary from several sizes.
			emit(max(0, left-56))
		default:
			emit(8)
		}
		if position()%block == 24 {
			return true
		}
	}
	return false
}

// TestRun: a server that recovers anew is another run of it, whether the whole
// server was restarted or one of its processes crashed.
func TestRun(t *testing.T) { eachEngine(t, testRun, "postgres") }

func testRun(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{Replicas: 1})
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
func TestChangedPlan(t *testing.T) { eachEngine(t, testChangedPlan, "postgres") }

func testChangedPlan(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
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

// TestPGX holds what callers of plain pgx rely on, beside what TestMethods has.
func TestPGX(t *testing.T) { eachEngine(t, testPGX, "postgres") }

func testPGX(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	t.Run("column types", func(t *testing.T) {
		rows, err := db.QueryContext(ctx, `SELECT 1::int8 AS a, 'x'::varchar(7) AS b, 1.5::numeric(5,2) AS c`)
		must(t, err)
		defer rows.Close()
		types, err := rows.ColumnTypes()
		must(t, err)
		length, _ := types[1].Length()
		precision, scale, _ := types[2].DecimalSize()
		if types[0].DatabaseTypeName() != "INT8" || length != 7 || precision != 5 || scale != 2 {
			t.Errorf("got %s, %d, %d/%d", types[0].DatabaseTypeName(), length, precision, scale)
		}
	})
	t.Run("CopyFrom by Raw", func(t *testing.T) {
		mustExec(t, db, `CREATE TABLE copied (id int, v text)`)
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		must(t, splitter.Raw(ctx, conn, func(c *stdlib.Conn) error {
			_, err := c.Conn().CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "v"},
				pgx.CopyFromRows([][]any{{1, "a"}, {2, "b"}, {3, "c"}}))
			return err
		}))
		// The copy counts as a write: a read without a session sees it at once.
		if n := one[int](t, ctx, db, `SELECT count(*) FROM copied`); n != 3 {
			t.Errorf("%d rows after the copy, want 3", n)
		}
	})
	t.Run("SET LOCAL keeps the connection", func(t *testing.T) {
		before := one[int](t, splitter.OnPrimary(ctx), db, `/* rwsplit: primary */ SELECT pg_backend_pid()`)
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		mustExec(t, tx, `SET LOCAL application_name = 'local'`)
		must(t, tx.Commit())
		if after := one[int](t, ctx, db, `/* rwsplit: primary */ SELECT pg_backend_pid()`); after != before {
			t.Errorf("backend %d became %d: the connection was closed", before, after)
		}
	})
	t.Run("unlogged table", func(t *testing.T) {
		mustExec(t, db, `CREATE UNLOGGED TABLE unlogged (v int)`)
		mustExec(t, db, `INSERT INTO unlogged VALUES (5)`)
		must(t, c.WaitReplicas(ctx))
		corrects(t, db, `SELECT v FROM unlogged`)
	})
	t.Run("currval follows nextval", func(t *testing.T) {
		mustExec(t, db, `CREATE SEQUENCE state_seq START 41`)
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		next := one[int](t, ctx, conn, `SELECT nextval('state_seq')`)
		one[int](t, ctx, conn, `SELECT 1`)
		other := one[int](t, ctx, db, `SELECT nextval('state_seq')`)
		if curr := one[int](t, ctx, conn, `SELECT currval('state_seq')`); curr != next || other == next {
			t.Errorf("currval %d, nextval %d, and another's %d", curr, next, other)
		}
	})
}
