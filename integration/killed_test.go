package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// quiet opens the cluster without go-sql-driver's log of lost connections.
func (e *engine) quiet(t *testing.T, c *fixture.Cluster) *sql.DB {
	t.Helper()
	config := splitter.Config{Driver: e.driver, DSN: c.DSN(patient)}
	if e.kind != "postgres" {
		config.ConfigureMySQL = func(c *mysql.Config) error {
			c.Logger = &mysql.NopLogger{}
			return nil
		}
	}
	db, err := splitter.Open(config)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// kill ends, on one server, the connections of app whose statement has a mark, or
// all with the mark "", and returns how many.
func (e *engine) kill(ctx context.Context, s *fixture.Server, mark string) (int, error) {
	list, where := `GROUP_CONCAT(ID)`, `information_schema.PROCESSLIST WHERE USER = 'app' AND ID <> CONNECTION_ID()`
	if mark != "" {
		where += ` AND INFO LIKE '%` + mark + `%'`
	}
	if e.kind == "postgres" {
		list, where = `string_agg(pid::text, ',')`, `pg_stat_activity WHERE usename = 'app' AND query LIKE '%`+mark+`%'`
	}
	ids, err := s.QueryText(ctx, `SELECT `+list+` FROM `+where)
	if err != nil || ids == "" {
		return 0, err
	}
	all := strings.Split(ids, ",")
	for _, id := range all {
		if e.kind == "postgres" {
			err = s.Exec(ctx, `SELECT pg_terminate_backend(`+id+`)`)
		} else if err = s.Exec(ctx, `KILL `+id); code(err) == "1094" {
			err = nil // it is gone
		}
		if err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// killed checks the error of a write whose connection was killed: its outcome is
// unknown, or the server said what became of it and it did not happen.
func killed(t *testing.T, what string, err error, rows int) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error", what)
	case errors.Is(err, driver.ErrBadConn):
		t.Errorf("%s: driver.ErrBadConn, by which database/sql sends it again", what)
	case errors.Is(err, splitter.ErrUnknownOutcome):
		if rows > 1 {
			t.Errorf("%s: it was written %d times", what, rows)
		}
	case code(err) == "":
		t.Errorf("%s: got %v, want the server's error or ErrUnknownOutcome", what, err)
	case rows != 0:
		t.Errorf("%s: %d rows were written in spite of %v", what, rows, err)
	}
}

// TestKilled: a connection that is killed in the middle of a write is reported, and
// the write is not sent again.
func TestKilled(t *testing.T) { eachEngine(t, testKilled) }

func testKilled(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.quiet(t, c)
	mustExec(t, db, `CREATE TABLE killed (v int)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	insert := `INSERT INTO killed SELECT 1 FROM (SELECT 1) AS o WHERE ` + fmt.Sprintf(e.sleep, "30")
	count := func() int {
		t.Helper()
		return one[int](t, ctx, db, primaryComment+`SELECT count(*) FROM killed`)
	}
	strike := func(t *testing.T, mark string) {
		t.Helper()
		eventually(t, "it is killed", func() bool {
			n, err := e.kill(ctx, c.Primary(), mark)
			must(t, err)
			return n > 0
		})
	}
	stmt, err := db.PrepareContext(ctx, `/* a prepared statement */ `+insert)
	must(t, err)
	defer stmt.Close()
	for _, test := range []struct {
		name string
		run  func() error
	}{
		{"Exec", func() error { _, err := db.ExecContext(ctx, `/* Exec */ `+insert); return err }},
		{"a prepared statement", func() error { _, err := stmt.ExecContext(ctx); return err }},
		{"Query", func() error { return scanAll(db.QueryContext(ctx, `/* Query */ `+insert)) }},
		{"on a Conn", func() error {
			conn, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer conn.Close()
			_, err = conn.ExecContext(ctx, `/* on a Conn */ `+insert)
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			failed := make(chan error)
			go func() { failed <- test.run() }()
			strike(t, "/* "+test.name+" */ INSERT")
			err := <-failed
			t.Log(err)
			killed(t, test.name, err, count())
		})
	}
	t.Run("in a transaction", func(t *testing.T) {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		mustExec(t, tx, `INSERT INTO killed VALUES (2)`)
		failed := make(chan error)
		go func() { _, err := tx.ExecContext(ctx, `/* in a transaction */ `+insert); failed <- err }()
		strike(t, "/* in a transaction */ INSERT")
		if err := <-failed; err == nil || errors.Is(err, driver.ErrBadConn) || errors.Is(err, splitter.ErrUnknownOutcome) {
			t.Errorf("got %v, want an error that leaves nothing open: nothing is committed before COMMIT", err)
		}
		if err := tx.Commit(); err == nil {
			t.Error("COMMIT succeeded")
		}
		if n := count(); n != 0 {
			t.Errorf("%d rows were written", n)
		}
	})
	t.Run("before COMMIT", func(t *testing.T) {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		mustExec(t, tx, `/* before COMMIT */ INSERT INTO killed VALUES (3)`)
		if e.kind == "postgres" {
			strike(t, "before COMMIT")
		} else {
			must(t, c.Primary().Exec(ctx, `KILL `+one[string](t, ctx, tx, `SELECT CONNECTION_ID()`)))
		}
		err = tx.Commit()
		t.Log(err)
		killed(t, "COMMIT", err, count())
	})
}

// TestKilledStorm: each of many writes, while their connections are killed at
// random, happens once where it succeeds, not at all where it fails, and at most
// once where its outcome is unknown.
func TestKilledStorm(t *testing.T) { eachEngine(t, testKilledStorm) }

func testKilledStorm(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.quiet(t, c)
	mustExec(t, db, `CREATE TABLE killed_often (id int)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)

	const callers = 16
	const length = 3 * time.Second
	end, stop := context.WithTimeout(ctx, length)
	defer stop()
	outcomes := make([]map[int]error, callers)
	var wait sync.WaitGroup
	for i := range callers {
		outcomes[i] = make(map[int]error)
		wait.Go(func() {
			for id := i; end.Err() == nil; id += callers {
				insert := e.q(`INSERT INTO killed_often VALUES ($1)`)
				switch id / callers % 3 {
				case 0:
					_, outcomes[i][id] = db.ExecContext(ctx, insert, id)
				case 1:
					_, outcomes[i][id] = db.ExecContext(ctx, fmt.Sprintf(`INSERT INTO killed_often VALUES (%d)`, id))
				case 2:
					outcomes[i][id] = inOneTransaction(ctx, db, insert, id)
				}
			}
		})
	}
	kills := 0
	for end.Err() == nil {
		n, err := e.kill(ctx, c.Primary(), "")
		must(t, err)
		kills += n
		time.Sleep(10 * time.Millisecond) // between strikes, so that most writes succeed
	}
	wait.Wait()

	written := make(map[int]int)
	// Not over connections that may be dead: as with the plain drivers, a statement
	// is told so, and not repeated on the primary.
	rows, err := e.plain(t, c.Primary()).QueryContext(ctx, `SELECT id FROM killed_often`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id int
		must(t, rows.Scan(&id))
		written[id]++
	}
	must(t, rows.Err())
	succeeded, failed, unknown := 0, 0, 0
	for _, of := range outcomes {
		for id, err := range of {
			switch n := written[id]; {
			case err == nil:
				succeeded++
				if n != 1 {
					t.Errorf("%d succeeded and was written %d times", id, n)
				}
			case errors.Is(err, splitter.ErrUnknownOutcome):
				unknown++
				if n > 1 {
					t.Errorf("%d was written %d times", id, n)
				}
			default:
				failed++
				if n != 0 {
					t.Errorf("%d was written %d times in spite of %v", id, n, err)
				}
			}
		}
	}
	t.Logf("%d kills; %d writes succeeded, %d failed, of %d the outcome is unknown", kills, succeeded, failed, unknown)
	if kills < 20 || succeeded < 100 || failed+unknown < 10 {
		t.Error("too little happened to tell")
	}
}

func inOneTransaction(ctx context.Context, db *sql.DB, text string, args ...any) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, text, args...); err != nil {
		return err
	}
	return tx.Commit()
}

// TestKilledReturning: a write is reported as unknown also when its connection is
// killed while its rows are read, which is before it is known to be committed.
func TestKilledReturning(t *testing.T) { eachEngine(t, testKilledReturning, "postgres", "mariadb") }

func testKilledReturning(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.quiet(t, c)
	mustExec(t, db, `CREATE TABLE killed_returning (v int, w text)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	// More than what fits into the sockets' buffers: the server waits for the reader.
	insert := `/* returning */ INSERT INTO killed_returning SELECT i, repeat('x', 1000) FROM (SELECT generate_series(1, 100000) AS i) AS g RETURNING v, w`
	if e.kind == "mariadb" {
		insert = `/* returning */ INSERT INTO killed_returning SELECT seq, repeat('x', 1000) FROM seq_1_to_100000 RETURNING v, w`
	}
	rows, err := db.QueryContext(ctx, insert)
	must(t, err)
	defer rows.Close()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	eventually(t, "it is killed", func() bool {
		n, err := e.kill(ctx, c.Primary(), "/* returning */ INSERT")
		must(t, err)
		return n > 0
	})
	n := 1
	for rows.Next() {
		n++
	}
	err = rows.Err()
	t.Logf("after %d rows: %v", n, err)
	rows.Close()
	written := one[int](t, ctx, db, primaryComment+`SELECT count(*) FROM killed_returning`)
	killed(t, "RETURNING", err, written/100000)
}
