package integration

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rwsplit/rwsplit/splitter"
)

// reader runs one query in one way and returns the number of columns.
type reader struct {
	name string
	read func(ctx context.Context) (int, error)
}

// spread runs each reader many times, on the replicas and on the primary, from so
// many goroutines that each member's connections are all in use. It returns the
// errors, and how often another number of columns came.
func spread(t *testing.T, readers []reader, columns int) (failed map[string]int, wrong int) {
	t.Helper()
	const callers, calls = 32, 200
	failed = make(map[string]int)
	var mu sync.Mutex // guards failed and wrong
	for _, r := range readers {
		for _, where := range []string{replica, primary} {
			ctx := ctxFor(t)
			if where == primary {
				ctx = splitter.OnPrimary(ctx)
			}
			var wait sync.WaitGroup
			var done atomic.Int64
			for range callers {
				wait.Go(func() {
					for done.Add(1) <= calls {
						n, err := r.read(ctx)
						mu.Lock()
						if err != nil {
							failed[fmt.Sprintf("%s on a %s: %v", r.name, where, err)]++
						} else if n != columns {
							wrong++
						}
						mu.Unlock()
					}
				})
			}
			wait.Wait()
		}
	}
	return failed, wrong
}

// readersOf are the ways in which a statement comes to be prepared.
func readersOf(t *testing.T, e *engine, db *sql.DB, text string) []reader {
	t.Helper()
	count := func(rows *sql.Rows, err error) (int, error) {
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		columns, err := rows.Columns()
		for rows.Next() {
			into := make([]any, len(columns))
			for i := range into {
				into[i] = new(any)
			}
			if err := rows.Scan(into...); err != nil {
				return 0, err
			}
		}
		if err == nil {
			err = rows.Err()
		}
		return len(columns), err
	}
	stmt, err := db.PrepareContext(ctxFor(t), e.q(text))
	must(t, err)
	t.Cleanup(func() { stmt.Close() })
	return []reader{
		{"a prepared statement", func(ctx context.Context) (int, error) { return count(stmt.QueryContext(ctx, 1)) }},
		{"a query with arguments", func(ctx context.Context) (int, error) {
			return count(db.QueryContext(ctx, e.q(`/* arguments */ `+text), 1))
		}},
		{"a query without", func(ctx context.Context) (int, error) {
			return count(db.QueryContext(ctx, placeholder.ReplaceAllString(text, "1")))
		}},
	}
}

// TestSchemaChange: what is prepared on connections goes on to work when a table
// changes, on every member and on each of its connections.
func TestSchemaChange(t *testing.T) { eachEngine(t, testSchemaChange) }

func testSchemaChange(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient, "rwsplit_max_conns=8")
	mustExec(t, db, `CREATE TABLE changing (id int PRIMARY KEY, v int)`)
	mustExec(t, db, `INSERT INTO changing VALUES (1, 1)`)
	must(t, c.WaitReplicas(ctxFor(t)))
	ready(t, db)
	readers := readersOf(t, e, db, `SELECT * FROM changing WHERE id = $1`)
	check := func(t *testing.T, columns int) {
		t.Helper()
		failed, wrong := spread(t, readers, columns)
		for text, n := range failed {
			t.Errorf("%d times: %s", n, text)
		}
		if wrong != 0 {
			t.Errorf("%d times another number of columns than %d", wrong, columns)
		}
	}
	check(t, 2)
	changeType := `ALTER TABLE changing ALTER COLUMN v TYPE varchar(20)`
	if e.kind != "postgres" {
		changeType = `ALTER TABLE changing MODIFY v varchar(20)`
	}
	for _, change := range []struct {
		text    string
		columns int
	}{
		{`ALTER TABLE changing ADD COLUMN w int DEFAULT 7`, 3},
		{changeType, 3},
		{`ALTER TABLE changing DROP COLUMN w`, 2},
	} {
		t.Run(change.text, func(t *testing.T) {
			mustExec(t, db, change.text)
			must(t, c.WaitReplicas(ctxFor(t)))
			check(t, change.columns)
		})
	}
}

// TestSchemaChangeInTransaction: there the server's error comes up, as what was
// done before in the transaction is lost, and afterwards all is well.
func TestSchemaChangeInTransaction(t *testing.T) {
	eachEngine(t, testSchemaChangeInTransaction, "postgres")
}

func testSchemaChangeInTransaction(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.open(t, c, patient, "rwsplit_max_conns=1") // the one that has it prepared
	mustExec(t, db, `CREATE TABLE changing_in_tx (id int PRIMARY KEY, v int)`)
	mustExec(t, db, `INSERT INTO changing_in_tx VALUES (1, 1)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	stmt, err := db.PrepareContext(ctx, `SELECT * FROM changing_in_tx WHERE id = $1`)
	must(t, err)
	defer stmt.Close()
	must(t, scanAll(stmt.QueryContext(splitter.OnPrimary(ctx), 1)))
	mustExec(t, db, `ALTER TABLE changing_in_tx ADD COLUMN w int`)
	must(t, c.WaitReplicas(ctx))

	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	mustExec(t, tx, `UPDATE changing_in_tx SET v = 2`)
	if err := scanAll(tx.StmtContext(ctx, stmt).QueryContext(ctx, 1)); code(err) != "0A000" {
		t.Errorf("got %v, want the server's 0A000", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE changing_in_tx SET v = 3`); code(err) != "25P02" {
		t.Errorf("got %v, want the server's 25P02: the transaction has failed", err)
	}
	must(t, tx.Rollback())
	for range 5 {
		must(t, scanAll(stmt.QueryContext(splitter.OnPrimary(ctx), 1)))
	}
	if v := one[int](t, ctx, db, `SELECT v FROM changing_in_tx`); v != 1 {
		t.Errorf("v is %d, want 1", v)
	}
}

// kept is how many statements rwsplit keeps prepared on a connection, and
// keptByPGX how many pgx keeps beside them.
const kept, keptByPGX = 128, 512

// TestPreparedBound: however many texts a program has, connections keep a bounded
// number of them prepared, and the one used last among them.
func TestPreparedBound(t *testing.T) { eachEngine(t, testPreparedBound) }

func testPreparedBound(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	ready(t, e.open(t, c)) // pgx's own statements among others are counted once
	db := e.open(t, c, patient, "rwsplit_max_conns=1", "rwsplit_balance=round_robin")
	ready(t, db)
	counter := map[string]string{
		"mysql":   `SELECT VARIABLE_VALUE FROM performance_schema.global_status WHERE VARIABLE_NAME = 'Prepared_stmt_count'`,
		"mariadb": `SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'PREPARED_STMT_COUNT'`,
	}[e.kind]
	counts := func() (all []int) {
		if e.kind == "postgres" { // where each connection sees its own
			for _, ctx := range []context.Context{splitter.OnPrimary(ctx), ctx} {
				tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
				must(t, err)
				all = append(all, one[int](t, ctx, tx, `SELECT count(*) FROM pg_prepared_statements`))
				must(t, tx.Rollback())
			}
			return all
		}
		for _, s := range c.Servers() {
			text, err := s.QueryText(ctx, counter)
			must(t, err)
			n, err := strconv.Atoi(text)
			must(t, err)
			all = append(all, n)
		}
		return all
	}
	before := counts()
	const texts = 3 * kept
	for i := range texts {
		for _, ctx := range []context.Context{splitter.OnPrimary(ctx), ctx, ctx, ctx} {
			stmt, err := db.PrepareContext(ctx, e.q(fmt.Sprintf(`SELECT %d + $1`, i)))
			must(t, err)
			var got int
			must(t, stmt.QueryRowContext(ctx, 1).Scan(&got))
			if got != i+1 {
				t.Fatalf("got %d, want %d", got, i+1)
			}
			must(t, stmt.Close())
			if got := one[int](t, ctx, db, e.q(fmt.Sprintf(`SELECT %d - $1`, i)), 1); got != i-1 {
				t.Fatalf("got %d, want %d", got, i-1)
			}
		}
	}
	most := kept
	if e.kind == "postgres" {
		most += keptByPGX
	}
	for i, n := range counts() {
		if n -= before[i]; n > most || n < kept-10 {
			t.Errorf("%d statements of %d are prepared, want %d to %d", n, 2*texts, kept-10, most)
		}
	}
}

// A text of several statements is never run again, whatever its last one says.
func TestSchemaChangeInText(t *testing.T) { eachEngine(t, testSchemaChangeInText, "postgres") }

func testSchemaChangeInText(t *testing.T, e *engine) {
	db := e.open(t, e.shared(t))
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE text_changes (v int)`)
	mustExec(t, db, `CREATE TABLE text_writes (v int)`)
	conn, err := db.Conn(ctx)
	must(t, err)
	defer conn.Close()
	mustExec(t, conn, `PREPARE changing AS SELECT * FROM text_changes`)
	mustExec(t, conn, `EXECUTE changing`)
	mustExec(t, db, `ALTER TABLE text_changes ADD COLUMN w int`)
	if _, err := conn.ExecContext(ctx, `INSERT INTO text_writes VALUES (1); COMMIT; EXECUTE changing`); err == nil || code(err) != "0A000" {
		t.Errorf("error %v, want 0A000", err)
	}
	if n := one[int](t, ctx, db, `SELECT count(*) FROM text_writes`); n != 1 {
		t.Errorf("written %d times", n)
	}
}
