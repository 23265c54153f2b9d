package integration

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestCorrection: what looks like a read and is refused by a replica runs once
// more on the primary, is counted and remembered.
func TestCorrection(t *testing.T) { eachEngine(t, testCorrection) }

func testCorrection(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE hidden (v int)`)
	mustExec(t, db, e.writing)
	mustExec(t, db, `CREATE VIEW writing AS SELECT note() AS v`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	t.Run("a view hides a function that writes", func(t *testing.T) { corrects(t, db, `SELECT v FROM writing`) })
	if n := one[int](t, ctx, db, `SELECT count(*) FROM hidden`); n != 2 {
		t.Errorf("the function ran %d times, want twice", n)
	}
	t.Run("prepared", func(t *testing.T) {
		stmt, err := db.PrepareContext(ctx, e.q(`SELECT v + $1 FROM writing`))
		must(t, err)
		defer stmt.Close()
		var v int
		must(t, stmt.QueryRowContext(ctx, 1).Scan(&v))
		must(t, stmt.QueryRowContext(ctx, 1).Scan(&v))
		if v != 2 {
			t.Errorf("got %d, want 2", v)
		}
	})
}

// corrects checks that a replica refuses the text once, and is not asked again.
func corrects(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	ctx := ctxFor(t)
	before := statsOf(t, db).Corrections
	one[int](t, ctx, db, text)
	if n := statsOf(t, db).Corrections - before; n != 1 {
		t.Fatalf("%d corrections, want one", n)
	}
	p, r := delta(t, db, func() { one[int](t, ctx, db, text) })
	if p != 1 || r != 0 || statsOf(t, db).Corrections-before != 1 {
		t.Errorf("not remembered: then %d on the primary, %d on replicas", p, r)
	}
}

// TestFunctions: a function of the database itself may leave the primary once the
// catalog says that it does not write.
func TestFunctions(t *testing.T) { eachEngine(t, testFunctions) }

func testFunctions(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	mustExec(t, db, e.function("doubled", "2 * x", true))
	mustExec(t, db, e.function("rolls", "x + 1", false))
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	eventually(t, "the harmless function is known", func() bool {
		_, r := delta(t, db, func() { one[int](t, ctx, db, `SELECT doubled(21)`) })
		return r == 1
	})
	if p, r := delta(t, db, func() { one[int](t, ctx, db, `SELECT rolls(1)`) }); p != 1 || r != 0 {
		t.Errorf("volatile: %d on the primary and %d on replicas", p, r)
	}
	if p, r := delta(t, db, func() { one[int](t, ctx, db, `/* rwsplit: replica */ SELECT rolls(1)`) }); p != 0 || r != 1 {
		t.Errorf("volatile with a hint: %d on the primary and %d on replicas", p, r)
	}
	for i := 0; statsOf(t, db).Writes["unknown_function"] == 0; i++ {
		if i == 5 {
			t.Fatalf("writes %v: no function that was just made was unknown", statsOf(t, db).Writes)
		}
		mustExec(t, db, e.function(fmt.Sprintf("new_%d", i), "x", true))
		if p, r := delta(t, db, func() { one[int](t, ctx, db, fmt.Sprintf(`SELECT new_%d(1)`, i)) }); p != 1 || r != 0 {
			t.Logf("new_%d: %d on the primary and %d on replicas", i, p, r)
		}
	}
}

// TestReadOnlyRole: a role that may only read is served as any other, and told
// so by the server when it writes.
func TestReadOnlyRole(t *testing.T) { eachEngine(t, testReadOnlyRole) }

func testReadOnlyRole(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	p := c.Primary()
	must(t, p.Exec(ctx, `CREATE TABLE readable (v int)`))
	for _, text := range e.reader {
		must(t, p.Exec(ctx, text))
	}
	must(t, c.WaitReplicas(ctx))
	dsn := strings.Replace(c.DSN(patient), "app:"+c.Password()+"@", "reader:reader@", 1)
	db := e.openDSN(t, dsn)
	ready(t, db)
	if p, r := delta(t, db, func() { one[int](t, ctx, db, `SELECT count(*) FROM readable`) }); p != 0 || r != 1 {
		t.Errorf("%d reads on the primary and %d on replicas", p, r)
	}
	_, err := db.ExecContext(ctx, `INSERT INTO readable VALUES (1)`)
	if code(err) != e.refused {
		t.Errorf("got %v, want the server's %s", err, e.refused)
	}
	if m := statsOf(t, db).Members[0]; m.Role != "primary" {
		t.Errorf("the primary is %s for a role that may only read", m.Role)
	}
}

// TestUnknownOutcome: a write whose reply does not come is reported as unknown,
// and is not sent again.
func TestUnknownOutcome(t *testing.T) { eachEngine(t, testUnknownOutcome) }

func testUnknownOutcome(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{Replicas: 1})
	ctx := ctxFor(t)
	db := e.open(t, c, "rwsplit_primary_wait=200ms")
	mustExec(t, db, `CREATE TABLE unsure (v int)`)
	failed := make(chan error)
	go func() {
		_, err := db.ExecContext(ctx, `INSERT INTO unsure SELECT 1 FROM (SELECT 1) AS one WHERE `+fmt.Sprintf(e.sleep, "30"))
		failed <- err
	}()
	eventually(t, "the write runs", func() bool {
		n, err := c.Primary().QueryText(ctx, fmt.Sprintf(e.running, "INSERT INTO unsure"))
		must(t, err)
		return n == "1"
	})
	must(t, c.Primary().Kill())
	if err := <-failed; !errors.Is(err, splitter.ErrUnknownOutcome) {
		t.Errorf("got %v, want ErrUnknownOutcome", err)
	}
	_, err := db.ExecContext(ctx, `INSERT INTO unsure VALUES (2)`)
	if !errors.Is(err, splitter.ErrNoPrimary) {
		t.Errorf("got %v, want ErrNoPrimary", err)
	}
	for _, s := range c.Servers() {
		if err != nil && !strings.Contains(err.Error(), s.Addr()) {
			t.Errorf("the error does not name %s: %v", s.Addr(), err)
		}
	}
	if err != nil && strings.Contains(err.Error(), c.Password()) {
		t.Errorf("the error shows the password: %v", err)
	}
	must(t, c.Primary().Start(ctx))
	eventually(t, "writes work again", func() bool {
		_, err := db.ExecContext(ctx, `INSERT INTO unsure VALUES (3)`)
		return err == nil
	})
	if n := one[int](t, ctx, db, `SELECT count(*) FROM unsure WHERE v = 1`); n != 0 {
		t.Errorf("the write of unknown outcome is there %d times, and it was never committed", n)
	}
}
