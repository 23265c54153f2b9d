package integration

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"testing"

	"github.com/rwsplit/rwsplit/splitter"
)

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
