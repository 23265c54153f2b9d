package integration

import (
	"cmp"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rwsplit/rwsplit/splitter"
)

// failure notes an error with all that programs look at, and that it says nothing
// of an unknown outcome: the server has answered.
func (s *transcript) failure(t *testing.T, what string, err error) {
	t.Helper()
	if errors.Is(err, splitter.ErrUnknownOutcome) || errors.Is(err, driver.ErrBadConn) {
		t.Errorf("%s: %v, of what the server answered", what, err)
	}
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		// Routine and line are the server's own.
		s.note("%s: %T %s, %+v", what, err, err, *pg)
	case errors.As(err, &my):
		s.note("%s: %T %s, %+v", what, err, err, *my)
	default:
		s.note("%s: %T %v", what, err, err)
	}
}

// unknownText is no statement of any server.
const unknownText = `SELEC 1`

// failuresOf are what servers refuse: reads, of which some fail after some rows,
// and writes.
var failuresOf = map[string]struct {
	reads, writes []string
	late          string // fails after its fourth row
}{
	"postgres": {
		reads: []string{
			`SELECT * FROM no_such_table`, `SELECT no_such FROM failing`, `SELECT 1 / (v - v) FROM failing`, unknownText, `SELECT no_such_function(1)`,
			`SELECT 'x'::int`, `SELECT id FROM failing GROUP BY`, `SELECT (SELECT id FROM failing)`,
		},
		writes: []string{
			`INSERT INTO failing VALUES (1, 1)`, `INSERT INTO failing VALUES (100, NULL)`, `UPDATE failing SET v = 1 / (v - v)`, `DELETE FROM no_such_table`,
			`INSERT INTO failing VALUES (1, 1) RETURNING id`, `DO $$ BEGIN RAISE EXCEPTION 'mine' USING ERRCODE = 'MY001', DETAIL = 'd', HINT = 'h'; END $$`,
		},
		late: `SELECT 1 / (5 - id) FROM failing ORDER BY id`,
	},
	"mysql":   mySQLFailures,
	"mariadb": mySQLFailures,
}

var mySQLFailures = struct {
	reads, writes []string
	late          string
}{
	reads: []string{
		`SELECT * FROM no_such_table`, `SELECT no_such FROM failing`, unknownText, `SELECT no_such_function(1)`, `SELECT id FROM failing GROUP BY`,
		`SELECT (SELECT id FROM failing)`, `SELECT * FROM no_such_database.t`,
	},
	writes: []string{
		`INSERT INTO failing VALUES (1, 1)`, `INSERT INTO failing VALUES (100, NULL)`, `DELETE FROM no_such_table`, `INSERT INTO failing VALUES (101, 99999999999)`,
		`CALL no_such_procedure()`, `DROP TABLE no_such_table`, `UPDATE failing SET v = (SELECT 1 UNION SELECT 2)`,
	},
	late: `SELECT IF(id < 5, id, (SELECT o.id FROM failing AS o WHERE o.id >= f.id)) FROM failing AS f ORDER BY id`,
}

// TestErrors: what the server answers comes up as by the plain driver, on every way.
func TestErrors(t *testing.T) { eachEngine(t, testErrors) }

func testErrors(t *testing.T, e *engine) {
	c := e.shared(t)
	setup := e.open(t, c)
	mustExec(t, setup, `CREATE TABLE failing (id int PRIMARY KEY, v int NOT NULL)`)
	for id := range 10 {
		mustExec(t, setup, e.q(`INSERT INTO failing VALUES ($1, 0)`), id+1)
	}
	must(t, c.WaitReplicas(ctxFor(t)))
	plain, ours := e.plain(t, c.Primary()), e.open(t, c, patient)
	ready(t, ours)
	failures := failuresOf[e.kind]

	for _, w := range ways {
		t.Run("reads, "+w.name, func(t *testing.T) {
			compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
				for _, text := range failures.reads {
					if text == unknownText && w.name == "read-only transaction" && e.kind != "postgres" {
						continue // is not sent to a replica: ErrReplicaTransaction
					}
					w.run(ctxFor(t), db, text, nil, func(rows *sql.Rows, err error) {
						if err == nil {
							err = cmp.Or(scanAll(rows, nil), errors.New("no error"))
						}
						s.failure(t, text, err)
					})
				}
			})
		})
		t.Run("in the middle of a result, "+w.name, func(t *testing.T) {
			compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
				w.run(ctxFor(t), db, failures.late, nil, func(rows *sql.Rows, err error) {
					must(t, err)
					n := 0
					for rows.Next() {
						n++
					}
					s.failure(t, fmt.Sprintf("after %d rows", n), rows.Err())
					s.failure(t, "close", rows.Close())
					if n != 4 || code(rows.Err()) == "" {
						t.Errorf("%d rows and %v, want 4 and the server's error", n, rows.Err())
					}
				})
			})
		})
	}
	t.Run("writes", func(t *testing.T) {
		compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
			ctx := ctxFor(t)
			for _, text := range failures.writes {
				_, err := db.ExecContext(ctx, text)
				s.failure(t, "Exec of "+text, err)
				s.failure(t, "Query of "+text, scanAll(db.QueryContext(ctx, text)))
				stmt, err := db.PrepareContext(ctx, text)
				s.failure(t, "Prepare of "+text, err)
				if err == nil {
					_, err = stmt.ExecContext(ctx)
					s.failure(t, "prepared "+text, err)
					must(t, stmt.Close())
				}
				tx, err := db.BeginTx(ctx, nil)
				must(t, err)
				_, err = tx.ExecContext(ctx, text)
				s.failure(t, "in a transaction "+text, err)
				_, err = tx.ExecContext(ctx, `UPDATE failing SET v = v`)
				s.failure(t, "after that", err)
				s.failure(t, "rollback", tx.Rollback())
			}
			if n := one[int](t, ctx, db, `SELECT count(*) FROM failing WHERE v = 0`); n != 10 {
				t.Errorf("%d rows of 10 are as they were", n)
			}
		})
	})
	for _, m := range statsOf(t, ours).Members {
		if m.State != "up" {
			t.Errorf("%s is %s: %s", m.Name, m.State, m.Reason)
		}
	}
}

// TestCommitErrors: what is only found out at COMMIT comes up there.
func TestCommitErrors(t *testing.T) { eachEngine(t, testCommitErrors, "postgres") }

func testCommitErrors(t *testing.T, e *engine) {
	c := e.shared(t)
	setup := e.open(t, c)
	mustExec(t, setup, `CREATE TABLE deferred (id int PRIMARY KEY, other int REFERENCES deferred DEFERRABLE INITIALLY DEFERRED)`)
	must(t, c.WaitReplicas(ctxFor(t)))
	plain, ours := e.plain(t, c.Primary()), e.open(t, c, patient)
	ready(t, ours)
	const insert = `INSERT INTO deferred VALUES (1, 2)`
	compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
		ctx := ctxFor(t)
		commit := func(what string, prepare func(tx *sql.Tx) error) {
			tx, err := db.BeginTx(ctx, nil)
			must(t, err)
			s.failure(t, what, prepare(tx))
			err = tx.Commit()
			s.failure(t, what+", COMMIT", err)
			if err == nil {
				t.Errorf("%s: COMMIT succeeded", what)
			}
		}
		commit("a deferred constraint", func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, insert); return err })
		commit("a failed transaction", func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, `SELECT 1 / 0`); return err })
		_, err := db.ExecContext(ctx, insert)
		s.failure(t, "autocommit", err)
		_, err = db.ExecContext(ctx, `INSERT INTO deferred VALUES ($1, $2)`, 1, 2)
		s.failure(t, "autocommit with arguments", err)
		var id int
		s.failure(t, "autocommit, RETURNING, QueryRow", db.QueryRowContext(ctx, insert+` RETURNING id`).Scan(&id))
		s.failure(t, "autocommit, RETURNING, Query", scanAll(db.QueryContext(ctx, insert+` RETURNING id`)))
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		for _, text := range []string{`BEGIN`, insert, `COMMIT`, `SELECT count(*) FROM deferred`} {
			_, err := conn.ExecContext(ctx, text)
			s.failure(t, text, err)
		}
		if n := one[int](t, ctx, db, `SELECT count(*) FROM deferred`); n != 0 {
			t.Errorf("%d rows were written", n)
		}
	})
}
