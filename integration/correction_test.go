package integration

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestCorrection: what looks like a read and is refused by a replica runs once
// more on the primary, is counted and remembered.
func TestCorrection(t *testing.T) {
	c := sharedCluster(t)
	db := open(t, c, patient)
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE hidden (v int)`)
	mustExec(t, db, `CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO hidden VALUES (1) RETURNING v'`)
	mustExec(t, db, `CREATE VIEW writing AS SELECT note() AS v`)
	mustExec(t, db, `CREATE UNLOGGED TABLE unlogged (v int)`)
	mustExec(t, db, `INSERT INTO unlogged VALUES (5)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	for _, test := range []struct{ name, text string }{
		{"PostgreSQL/12 a view hides a function that writes", `SELECT v FROM writing`},
		{"PostgreSQL/13 unlogged table", `SELECT v FROM unlogged`},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := statsOf(t, db).Corrections
			one[int](t, ctx, db, test.text)
			if n := statsOf(t, db).Corrections - before; n != 1 {
				t.Fatalf("%d corrections, want one", n)
			}
			p, r := delta(t, db, func() { one[int](t, ctx, db, test.text) })
			if p != 1 || r != 0 || statsOf(t, db).Corrections-before != 1 {
				t.Errorf("not remembered: then %d on the primary, %d on replicas", p, r)
			}
		})
	}
	if n := one[int](t, ctx, db, `SELECT count(*) FROM hidden`); n != 2 {
		t.Errorf("the function ran %d times, want twice", n)
	}
	t.Run("prepared", func(t *testing.T) {
		stmt, err := db.PrepareContext(ctx, `SELECT v + $1 FROM writing`)
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

// TestFunctions: a function of the database itself may leave the primary once the
// catalog says that it does not write.
func TestFunctions(t *testing.T) {
	c := sharedCluster(t)
	db := open(t, c, patient)
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE FUNCTION double(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1'`)
	mustExec(t, db, `CREATE FUNCTION rolls() RETURNS float LANGUAGE sql VOLATILE AS 'SELECT random()'`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	eventually(t, "the immutable function is known", func() bool {
		_, r := delta(t, db, func() { one[int](t, ctx, db, `SELECT double(21)`) })
		return r == 1
	})
	if p, r := delta(t, db, func() { one[float64](t, ctx, db, `SELECT rolls()`) }); p != 1 || r != 0 {
		t.Errorf("volatile: %d on the primary and %d on replicas", p, r)
	}
	if p, r := delta(t, db, func() { one[float64](t, ctx, db, `/* rwsplit: replica */ SELECT rolls()`) }); p != 0 && r != 1 {
		t.Errorf("volatile with a hint: %d on the primary and %d on replicas", p, r)
	}
	for i := 0; statsOf(t, db).Writes["unknown_function"] == 0; i++ {
		if i == 5 {
			t.Fatalf("writes %v: no function that was just made was unknown", statsOf(t, db).Writes)
		}
		mustExec(t, db, fmt.Sprintf(`CREATE FUNCTION new_%d() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'`, i))
		if p, r := delta(t, db, func() { one[int](t, ctx, db, fmt.Sprintf(`SELECT new_%d()`, i)) }); p != 1 || r != 0 {
			t.Logf("new_%d: %d on the primary and %d on replicas", i, p, r)
		}
	}
}

// TestReadOnlyRole: a role that may only read is served as any other, and told
// so by the server when it writes.
func TestReadOnlyRole(t *testing.T) {
	c := sharedCluster(t)
	ctx := ctxFor(t)
	p := c.Primary()
	must(t, p.Exec(ctx, `CREATE ROLE reader LOGIN PASSWORD 'reader'`))
	must(t, p.Exec(ctx, `ALTER ROLE reader SET default_transaction_read_only = on`))
	must(t, p.Exec(ctx, `CREATE TABLE readable (v int)`))
	must(t, p.Exec(ctx, `GRANT SELECT ON readable TO reader`))
	must(t, c.WaitReplicas(ctx))
	dsn := strings.Replace(c.DSN(patient), "app:"+c.Password()+"@", "reader:reader@", 1)
	db := openDSN(t, dsn)
	ready(t, db)
	if p, r := delta(t, db, func() { one[int](t, ctx, db, `SELECT count(*) FROM readable`) }); p != 0 || r != 1 {
		t.Errorf("%d reads on the primary and %d on replicas", p, r)
	}
	_, err := db.ExecContext(ctx, `INSERT INTO readable VALUES (1)`)
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "25006" {
		t.Errorf("got %v, want the server's 25006", err)
	}
	if m := statsOf(t, db).Members[0]; m.Role != "primary" {
		t.Errorf("the primary is %s for a role that may only read", m.Role)
	}
}

// TestUnknownOutcome: a write whose reply does not come is reported as unknown,
// and is not sent again.
func TestUnknownOutcome(t *testing.T) {
	c := fixture.ForTest(t, fixture.Options{Replicas: 1})
	ctx := ctxFor(t)
	db := open(t, c, "rwsplit_primary_wait=200ms")
	mustExec(t, db, `CREATE TABLE unsure (v int)`)
	failed := make(chan error)
	go func() {
		_, err := db.ExecContext(ctx, `INSERT INTO unsure SELECT 1 FROM pg_sleep(30)`)
		failed <- err
	}()
	eventually(t, "the write runs", func() bool {
		n, err := c.Primary().QueryText(ctx, `SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO unsure%'`)
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
