package integration

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// sets notes all result sets of a query.
func (s *transcript) sets(rows *sql.Rows, err error) {
	if err != nil {
		s.note("error %v", err)
		return
	}
	defer func() { s.note("close: %v", rows.Close()) }()
	for n := 1; ; n++ {
		columns, err := rows.Columns()
		s.note("set %d has columns %q, %v", n, columns, err)
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range into {
				into[i] = &values[i]
			}
			err := rows.Scan(into...)
			s.note("%s, %v", show(values), err)
		}
		s.note("end of set %d: %v", n, rows.Err())
		if !rows.NextResultSet() {
			break
		}
	}
	s.note("end: %v", rows.Err())
}

// result notes what came of a write.
func (s *transcript) result(r sql.Result, err error) {
	if err != nil {
		s.note("error %v", err)
		return
	}
	n, err := r.RowsAffected()
	s.note("%d rows, %v", n, err)
	id, err := r.LastInsertId()
	s.note("last id %d, %v", id, err)
}

// severalOf are texts with several result sets, and how they are to be sent.
var severalOf = map[string]struct {
	params  string
	texts   []string
	writes  map[string]int // texts that write, and how many rows
	refused []string       // in a transaction on a replica, by rwsplit
}{
	"mysql":   mySQLSeveral,
	"mariadb": mySQLSeveral,
	"postgres": {
		params: "default_query_exec_mode=simple_protocol",
		texts: []string{
			`SELECT 1 AS a; SELECT 'x' AS b, 2 AS c`,
			`SELECT 1 AS a; SELECT * FROM no_such_table`,
			`;`,
		},
		writes: map[string]int{
			`INSERT INTO several (v) VALUES (1); INSERT INTO several (v) VALUES (2)`:  2,
			`SELECT 1 AS a; INSERT INTO several (v) VALUES (1), (2) RETURNING id * 0`: 2,
			`SELECT 1; INSERT INTO several (v) VALUES (1); SELECT * FROM no_such`:     0,
		},
	},
}

var mySQLSeveral = struct {
	params  string
	texts   []string
	writes  map[string]int
	refused []string
}{
	params: "multiStatements=true",
	texts: []string{
		`SELECT 1 AS a; SELECT 'x' AS b, 2 AS c; SELECT 1 FROM (SELECT 1) AS o WHERE 1 = 0`,
		`SELECT 1 AS a; SELECT * FROM no_such_table; SELECT 2`,
		`SELECT 1 AS a; DO 1; SELECT 2`,
		`SELECT 1;`,
		`;`,
		``,
	},
	writes: map[string]int{
		`SELECT 1 AS a; INSERT INTO several (v) VALUES (1), (2); SELECT count(*) FROM several`:               2,
		`INSERT INTO several (v) VALUES (1); UPDATE several SET v = 2; INSERT INTO several (v) VALUES (3)`:   2,
		`INSERT INTO several (v) VALUES (1); INSERT INTO no_such VALUES (1); INSERT INTO several VALUES (2)`: 1,
		`CALL several_sets(3)`: 1,
	},
	refused: []string{`SELECT 1 AS a; DO 1; SELECT 2`, `;`, ``},
}

// TestResults: several result sets, last ids and counts of rows are the plain
// driver's, and what writes among them does so once.
func TestResults(t *testing.T) { eachEngine(t, testResults) }

func testResults(t *testing.T, e *engine) {
	c := e.shared(t)
	setup := e.open(t, c)
	id := `id int PRIMARY KEY AUTO_INCREMENT`
	if e.kind == "postgres" {
		id = `id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY`
	} else {
		mustExec(t, setup, `CREATE PROCEDURE several_sets(x int) BEGIN SELECT x AS a; INSERT INTO several (v) VALUES (x); SELECT x + 1 AS b, 'y' AS c; END`)
	}
	mustExec(t, setup, `CREATE TABLE several (`+id+`, v int)`)
	must(t, c.WaitReplicas(ctxFor(t)))
	several := severalOf[e.kind]

	for _, params := range []string{"", several.params} {
		t.Run(cmp.Or(params, "defaults"), func(t *testing.T) {
			plain, ours := e.plain(t, c.Primary(), split(params)...), e.open(t, c, append(split(params), patient)...)
			ready(t, ours)
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) {
					compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
						for _, text := range several.texts {
							if w.name == "read-only transaction" && slices.Contains(several.refused, text) {
								continue
							}
							s.note("%s", text)
							w.run(ctxFor(t), db, text, nil, s.sets)
						}
					})
				})
			}
			for text, rows := range several.writes {
				t.Run(text, func(t *testing.T) { testSeveralWrites(t, plain, ours, text, rows, params != "") })
			}
			t.Run("counts and ids", func(t *testing.T) {
				compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
					mustExec(t, db, `TRUNCATE TABLE several`)
					for _, text := range []string{
						`INSERT INTO several (v) VALUES (1), (2), (3)`, `UPDATE several SET v = 2 WHERE v < 3`, `UPDATE several SET v = v WHERE v = 99`,
						`DELETE FROM several WHERE v = 3`, `SELECT v FROM several`, `CREATE TABLE several_more (v int)`, `DROP TABLE several_more`,
						`INSERT INTO several (v) SELECT v FROM several`,
					} {
						s.note("%s", text)
						r, err := db.ExecContext(ctxFor(t), text)
						if err == nil && strings.HasPrefix(text, "INSERT") && e.kind != "postgres" {
							id, err := r.LastInsertId()
							must(t, err)
							var first int64
							must(t, db.QueryRowContext(ctxFor(t), primaryComment+`SELECT max(id) FROM several WHERE id <= ?`, id).Scan(&first))
							if first != id {
								t.Errorf("the last id is %d, and %d is in the table", id, first)
							}
						}
						s.result(r, err)
					}
				})
			})
		})
	}
}

// testSeveralWrites runs a text in every way that commits, and counts the rows that
// each time left. The texts are accepted where the parameters allow them.
func testSeveralWrites(t *testing.T, plain, ours *sql.DB, text string, rows int, accepted bool) {
	compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
		ctx := ctxFor(t)
		count := func(how string) {
			n := one[int](t, ctx, db, primaryComment+`SELECT count(*) FROM several`)
			s.note("%d rows by %s", n, how)
			if accepted && n != rows {
				t.Errorf("%d rows by %s, want %d", n, how, rows)
			}
			mustExec(t, db, `TRUNCATE TABLE several`)
		}
		mustExec(t, db, `TRUNCATE TABLE several`)
		rowsOf, err := db.QueryContext(ctx, text)
		s.sets(rowsOf, err)
		count("Query")
		r, err := db.ExecContext(ctx, text)
		s.result(r, err)
		count("Exec")
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		rowsOf, err = tx.QueryContext(ctx, text)
		s.sets(rowsOf, err)
		s.note("rollback: %v", tx.Rollback())
		accepted = false
		count("a transaction that was rolled back")
	})
}

// TestAllResults: go-sql-driver's own result is reached through (*sql.Conn).Raw.
func TestAllResults(t *testing.T) { eachEngine(t, testAllResults, "mysql", "mariadb") }

func testAllResults(t *testing.T, e *engine) {
	c := e.shared(t)
	mustExec(t, e.open(t, c), `CREATE TABLE all_results (id int PRIMARY KEY AUTO_INCREMENT, v int)`)
	must(t, c.WaitReplicas(ctxFor(t)))
	const params = "multiStatements=true"
	compare(t, e.plain(t, c.Primary(), params), e.open(t, c, params, patient), func(t *testing.T, db *sql.DB, s *transcript) {
		ctx := ctxFor(t)
		mustExec(t, db, `TRUNCATE TABLE all_results`)
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		must(t, conn.Raw(func(raw any) error {
			r, err := raw.(driver.ExecerContext).ExecContext(ctx, `INSERT INTO all_results (v) VALUES (1), (2); UPDATE all_results SET v = 5; INSERT INTO all_results (v) VALUES (3)`, nil)
			if err != nil {
				return err
			}
			all, ok := r.(mysql.Result)
			if !ok {
				return fmt.Errorf("the result is a %T", r)
			}
			s.note("%v rows, ids %v", all.AllRowsAffected(), all.AllLastInsertIds())
			return nil
		}))
		s.note("%d rows", one[int](t, ctx, conn, primaryComment+`SELECT count(*) FROM all_results`))
	})
}

// TestLoadData: LOAD DATA LOCAL INFILE reads what the program registered, once.
func TestLoadData(t *testing.T) { eachEngine(t, testLoadData, "mysql", "mariadb") }

func testLoadData(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	mustExec(t, e.open(t, c), `CREATE TABLE loaded (id int PRIMARY KEY, v varchar(20))`)
	must(t, c.WaitReplicas(ctx))
	must(t, c.Primary().Exec(ctx, `SET GLOBAL local_infile = ON`))
	t.Cleanup(func() { must(t, c.Primary().Exec(context.Background(), `SET GLOBAL local_infile = OFF`)) })
	const rows = 10_000
	opened := 0
	mysql.RegisterReaderHandler("loaded", func() io.Reader {
		opened++
		var b strings.Builder
		for i := range rows {
			fmt.Fprintf(&b, "%d\tline %d\n", i, i)
		}
		return strings.NewReader(b.String())
	})
	t.Cleanup(func() { mysql.DeregisterReaderHandler("loaded") })

	ours := e.open(t, c, patient)
	compare(t, e.plain(t, c.Primary()), ours, func(t *testing.T, db *sql.DB, s *transcript) {
		mustExec(t, db, `TRUNCATE TABLE loaded`)
		opened = 0
		r, err := db.ExecContext(ctx, `LOAD DATA LOCAL INFILE 'Reader::loaded' INTO TABLE loaded`)
		s.result(r, err)
		s.note("opened %d times, %d rows", opened, one[int](t, ctx, db, `SELECT count(*) FROM loaded`))
		r, err = db.ExecContext(ctx, `LOAD DATA LOCAL INFILE 'Reader::nobody' INTO TABLE loaded`)
		s.result(r, err)
		r, err = db.ExecContext(ctx, `LOAD DATA LOCAL INFILE '/no/such/file' INTO TABLE loaded`)
		s.result(r, err)
		s.note("%d rows", one[int](t, ctx, db, `SELECT count(*) FROM loaded`))
	})
	if n := one[int](t, ctx, ours, `SELECT count(*) FROM loaded`); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
}
