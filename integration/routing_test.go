package integration

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/splitter"
)

// Where a statement goes.
const primary, replica = "primary", "replica"

// TestRouting runs statements through every method of database/sql and looks at
// which member got them.
func TestRouting(t *testing.T) { eachEngine(t, testRouting) }

func testRouting(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE routing (id int PRIMARY KEY, v varchar(20))`)
	mustExec(t, db, `INSERT INTO routing VALUES (1, 'one'), (2, 'two')`)
	for _, text := range e.prepareRouting {
		mustExec(t, db, text)
	}
	must(t, c.WaitReplicas(ctx))
	ready(t, db)

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
	type row struct {
		name string
		run  func() error
		want string
	}
	rows := []row{
		{"Query of a SELECT", query(selectText), replica},
		{"Exec of a SELECT", exec(selectText), replica},
		{"Query of EXPLAIN", query(`EXPLAIN SELECT v FROM routing`), replica},
		{"Query of a CTE", query(`WITH r AS (SELECT * FROM routing) SELECT count(*) FROM r`), replica},
		{"commented UPDATE", exec(`/*c*/ UPDATE routing SET v = 'x' WHERE id = 2`), primary},
		{"FOR UPDATE in a subquery", query(`SELECT * FROM (SELECT * FROM routing FOR UPDATE) r`), primary},
		{"Both/3 read-write transaction", inTx(nil, selectText), primary},
		{"Both/3 read-only transaction", inTx(&sql.TxOptions{ReadOnly: true}, selectText), replica},
		{"read-only repeatable read", inTx(&sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}, selectText), replica},
		{"read-only serializable", inTx(&sql.TxOptions{ReadOnly: true, Isolation: sql.LevelSerializable}, selectText), primary},
		{"Both/4 OnPrimary", queryIn(splitter.OnPrimary(ctx), selectText), primary},
		{"Both/4 comment hint", query(`/* rwsplit: primary */ ` + selectText), primary},
		{"Both/4 hint towards a replica, of a write", exec(`/* rwsplit: replica */ UPDATE routing SET v = v WHERE id = 1`), primary},
		{"Strong", queryIn(splitter.WithConsistency(ctx, splitter.Strong), selectText), primary},
		{"Eventual", queryIn(splitter.WithConsistency(ctx, splitter.Eventual), selectText), replica},
		{"Both/2 prepared read", func() error {
			stmt, err := db.PrepareContext(ctx, e.q(`SELECT v FROM routing WHERE id = $1`))
			if err != nil {
				return err
			}
			defer stmt.Close()
			return drain(stmt.QueryContext(ctx, 1))
		}, replica},
		{"Both/2 prepared write", func() error {
			stmt, err := db.PrepareContext(ctx, e.q(`UPDATE routing SET v = 'y' WHERE id = $1`))
			if err != nil {
				return err
			}
			defer stmt.Close()
			_, err = stmt.ExecContext(ctx, 1)
			return err
		}, primary},
		{"arguments", func() error { return drain(db.QueryContext(ctx, e.q(`SELECT v FROM routing WHERE id = $1`), 1)) }, replica},
		{"Both/2 prepared read, executed under OnPrimary", func() error {
			stmt, err := db.PrepareContext(ctx, e.q(`SELECT v FROM routing WHERE id = $1`))
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
	}
	for _, r := range e.routing {
		rows = append(rows, row{r.name, query(r.text), r.want})
	}
	for _, test := range rows {
		t.Run(test.name, func(t *testing.T) {
			p, r := delta(t, db, func() { must(t, test.run()) })
			switch {
			case test.want == primary && (p == 0 || r != 0), test.want == replica && (p != 0 || r == 0 && !strings.Contains(test.name, "transaction")):
				t.Errorf("%d statements on the primary and %d on replicas, want it on a %s", p, r, test.want)
			}
		})
	}
}

// TestMethods holds what callers of the plain driver rely on, whichever member
// answers.
func TestMethods(t *testing.T) { eachEngine(t, testMethods) }

func testMethods(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	must(t, db.PingContext(ctx))

	t.Run("error of the server", func(t *testing.T) {
		_, err := db.ExecContext(ctx, `SELECT * FROM no_such_table`)
		if code(err) != e.noTable {
			t.Errorf("got %v, want the server's %s", err, e.noTable)
		}
	})
	t.Run("Prepare finds a mistake", func(t *testing.T) {
		if _, err := db.PrepareContext(ctx, `SELEC 1`); err == nil {
			t.Error("no error")
		}
	})
	t.Run("number of arguments", func(t *testing.T) {
		stmt, err := db.PrepareContext(ctx, e.q(`SELECT 1 + $1`))
		must(t, err)
		defer stmt.Close()
		if _, err := stmt.QueryContext(ctx, 1, 2); err == nil {
			t.Error("no error for two arguments where one is expected")
		}
	})
	t.Run("no rows", func(t *testing.T) {
		var v int
		if err := db.QueryRowContext(ctx, `SELECT 1 FROM (SELECT 1) AS one WHERE 1 = 0`).Scan(&v); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v, want sql.ErrNoRows", err)
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
		const hundred = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n`
		rows, err := db.QueryContext(ctx, hundred)
		must(t, err)
		defer rows.Close()
		n := 0
		for rows.Next() {
			n++
			if got := one[int](t, ctx, db, e.q(`SELECT 0 + $1`), n); got != n {
				t.Fatalf("got %d, want %d", got, n)
			}
		}
		if n != 100 {
			t.Errorf("%d rows, want 100", n)
		}
	})
	t.Run("another driver's DB", func(t *testing.T) {
		plain, err := sql.Open(strings.TrimPrefix(e.driver, "rwsplit-"), c.DSN())
		must(t, err)
		defer plain.Close()
		if _, err := splitter.ClusterOf(plain); !errors.Is(err, splitter.ErrNotOurs) {
			t.Errorf("got %v, want ErrNotOurs", err)
		}
	})
}
