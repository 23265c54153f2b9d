package integration

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rwsplit/rwsplit/splitter"
)

// TestRouting runs statements through every method of database/sql and looks at
// which member got them.
func TestRouting(t *testing.T) {
	c := sharedCluster(t)
	db := open(t, c, patient)
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE routing (id int PRIMARY KEY, v text)`)
	mustExec(t, db, `CREATE SEQUENCE routing_seq`)
	mustExec(t, db, `INSERT INTO routing VALUES (1, 'one')`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)

	const primary, replica = "primary", "replica"
	drain := func(rows *sql.Rows, err error) error {
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		return errors.Join(rows.Err(), rows.Close())
	}
	queryIn := func(ctx context.Context, text string) func() error {
		return func() error { return drain(db.QueryContext(ctx, text)) }
	}
	query := func(text string) func() error { return queryIn(ctx, text) }
	exec := func(text string) func() error {
		return func() error {
			_, err := db.ExecContext(ctx, text)
			return err
		}
	}
	inTx := func(options *sql.TxOptions, text string) func() error {
		return func() error {
			tx, err := db.BeginTx(ctx, options)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			if err := drain(tx.QueryContext(ctx, text)); err != nil {
				return err
			}
			return tx.Commit()
		}
	}
	const selectText = `SELECT v FROM routing WHERE id = 1`
	for _, test := range []struct {
		name string
		run  func() error
		want string
	}{
		{"Query of a SELECT", query(selectText), replica},
		{"Exec of a SELECT", exec(selectText), replica},
		{"Query of VALUES", query(`VALUES (1), (2)`), replica},
		{"Query of TABLE", query(`TABLE routing`), replica},
		{"Query of SHOW", query(`SHOW work_mem`), replica},
		{"Query of EXPLAIN", query(`EXPLAIN UPDATE routing SET v = v`), replica},
		{"Query of a CTE", query(`WITH r AS (SELECT * FROM routing) SELECT count(*) FROM r`), replica},
		{"leading comment", query(`/* a /* nested */ comment */ -- and another
			SELECT 1`), replica},
		{"Both/1 INSERT RETURNING by Query", query(`INSERT INTO routing VALUES (2, 'two') RETURNING id`), primary},
		{"PostgreSQL/20 commented UPDATE", exec(`/*c*/ UPDATE routing SET v = 'x' WHERE id = 2`), primary},
		{"PostgreSQL/3 FOR UPDATE in a subquery", query(`SELECT * FROM (SELECT * FROM routing FOR UPDATE) r`), primary},
		{"PostgreSQL/4 data-modifying CTE", query(`WITH d AS (DELETE FROM routing WHERE id = 2 RETURNING *) SELECT * FROM d`), primary},
		{"PostgreSQL/5 nextval", query(`SELECT nextval('routing_seq')`), primary},
		{"PostgreSQL/6 advisory lock", query(`SELECT pg_try_advisory_xact_lock(1)`), primary},
		{"PostgreSQL/17 EXPLAIN ANALYZE of a write", query(`EXPLAIN (ANALYZE) UPDATE routing SET v = v WHERE id = 2`), primary},
		{"PostgreSQL/17 EXPLAIN ANALYZE false of a write", query(`EXPLAIN (ANALYZE false) UPDATE routing SET v = v`), replica},
		{"Both/3 read-write transaction", inTx(nil, selectText), primary},
		{"Both/3 read-only transaction", inTx(&sql.TxOptions{ReadOnly: true}, selectText), replica},
		{"read-only repeatable read", inTx(&sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}, selectText), replica},
		{"PostgreSQL/14 read-only serializable", inTx(&sql.TxOptions{ReadOnly: true, Isolation: sql.LevelSerializable}, selectText), primary},
		{"Both/4 OnPrimary", queryIn(splitter.OnPrimary(ctx), selectText), primary},
		{"Both/4 comment hint", query(`/* rwsplit: primary */ ` + selectText), primary},
		{"Both/4 hint towards a replica, of a write", exec(`/* rwsplit: replica */ UPDATE routing SET v = v WHERE id = 1`), primary},
		{"Strong", queryIn(splitter.WithConsistency(ctx, splitter.Strong), selectText), primary},
		{"Eventual", queryIn(splitter.WithConsistency(ctx, splitter.Eventual), selectText), replica},
		{"Both/2 prepared read", func() error {
			stmt, err := db.PrepareContext(ctx, `SELECT v FROM routing WHERE id = $1`)
			if err != nil {
				return err
			}
			defer stmt.Close()
			return drain(stmt.QueryContext(ctx, 1))
		}, replica},
		{"Both/2 prepared write, by Query", func() error {
			stmt, err := db.PrepareContext(ctx, `UPDATE routing SET v = 'y' WHERE id = $1 RETURNING v`)
			if err != nil {
				return err
			}
			defer stmt.Close()
			return drain(stmt.QueryContext(ctx, 1))
		}, primary},
		{"Both/2 prepared read, executed under OnPrimary", func() error {
			stmt, err := db.PrepareContext(ctx, `SELECT v FROM routing WHERE id = $1`)
			if err != nil {
				return err
			}
			defer stmt.Close()
			return drain(stmt.QueryContext(splitter.OnPrimary(ctx), 1))
		}, primary},
		{"Conn", func() error {
			conn, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			return drain(conn.QueryContext(ctx, selectText))
		}, replica},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, r := delta(t, db, func() { must(t, test.run()) })
			switch {
			case test.want == primary && (p == 0 || r != 0), test.want == replica && (p != 0 || r == 0 && !strings.Contains(test.name, "transaction")):
				t.Errorf("%d statements on the primary and %d on replicas, want it on a %s", p, r, test.want)
			}
		})
	}
}

// TestMethods holds what callers of plain pgx rely on, whichever member answers.
func TestMethods(t *testing.T) {
	c := sharedCluster(t)
	db := open(t, c, patient)
	ctx := ctxFor(t)
	must(t, db.PingContext(ctx))

	t.Run("error of the server", func(t *testing.T) {
		_, err := db.ExecContext(ctx, `SELECT * FROM no_such_table`)
		var pg *pgconn.PgError
		if !errors.As(err, &pg) || pg.Code != "42P01" {
			t.Errorf("got %v, want the server's 42P01", err)
		}
	})
	t.Run("Prepare finds a mistake", func(t *testing.T) {
		if _, err := db.PrepareContext(ctx, `SELEC 1`); err == nil {
			t.Error("no error")
		}
	})
	t.Run("number of arguments", func(t *testing.T) {
		stmt, err := db.PrepareContext(ctx, `SELECT $1::int`)
		must(t, err)
		defer stmt.Close()
		if _, err := stmt.QueryContext(ctx, 1, 2); err == nil {
			t.Error("no error for two arguments where one is expected")
		}
	})
	t.Run("no rows", func(t *testing.T) {
		var v int
		if err := db.QueryRowContext(ctx, `SELECT 1 WHERE false`).Scan(&v); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v, want sql.ErrNoRows", err)
		}
	})
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
	t.Run("cancelled context", func(t *testing.T) {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := db.QueryContext(cancelled, `SELECT 1`); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("rows while another query runs", func(t *testing.T) {
		rows, err := db.QueryContext(ctx, `SELECT i FROM generate_series(1, 100) i`)
		must(t, err)
		defer rows.Close()
		n := 0
		for rows.Next() {
			n++
			if got := one[int](t, ctx, db, `SELECT $1::int`, n); got != n {
				t.Fatalf("got %d, want %d", got, n)
			}
		}
		if n != 100 {
			t.Errorf("%d rows, want 100", n)
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
	t.Run("another driver's DB", func(t *testing.T) {
		plain, err := sql.Open("pgx", c.DSN())
		must(t, err)
		defer plain.Close()
		if _, err := splitter.ClusterOf(plain); !errors.Is(err, splitter.ErrNotOurs) {
			t.Errorf("got %v, want ErrNotOurs", err)
		}
	})
}
