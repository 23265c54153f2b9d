package integration

import (
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/rwsplit/rwsplit/splitter"
)

// TestSessionState: state of a server connection pins the checkout to it, and
// never reaches another checkout.
func TestSessionState(t *testing.T) { eachEngine(t, testSessionState) }

func testSessionState(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	ready(t, db)

	t.Run("SET is seen by what follows, and by nobody else", func(t *testing.T) {
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() {
				conn, err := db.Conn(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				if _, err := conn.ExecContext(ctx, e.set); err != nil {
					t.Error(err)
				}
				for range 5 {
					var v string
					if err := conn.QueryRowContext(ctx, e.show).Scan(&v); err != nil || v != "4711" {
						t.Errorf("got %q, %v on the connection that set it", v, err)
					}
				}
			})
			wait.Go(func() {
				for range 10 {
					for _, text := range []string{e.show, `/* rwsplit: primary */ ` + e.show} {
						var v string
						if err := db.QueryRowContext(ctx, text).Scan(&v); err != nil || v == "4711" {
							t.Errorf("got %q, %v on another connection", v, err)
						}
					}
				}
			})
		}
		wait.Wait()
	})
	t.Run("temporary table", func(t *testing.T) {
		conn, err := db.Conn(ctx)
		must(t, err)
		mustExec(t, conn, e.temporary+` mine (v int)`)
		mustExec(t, conn, `INSERT INTO mine VALUES (7)`)
		if v := one[int](t, ctx, conn, `SELECT v FROM mine`); v != 7 {
			t.Errorf("got %d, want 7", v)
		}
		must(t, conn.Close())
		for range 10 {
			if _, err := db.ExecContext(ctx, `/* rwsplit: primary */ SELECT v FROM mine`); err == nil {
				t.Fatal("another checkout sees the temporary table")
			}
		}
	})
	t.Run("session lock is on the primary and ends with its checkout", func(t *testing.T) {
		one1, err := db.Conn(ctx)
		must(t, err)
		two, err := db.Conn(ctx)
		must(t, err)
		defer two.Close()
		if !one[bool](t, ctx, one1, e.lock) {
			t.Fatal("the first did not get the lock")
		}
		if one[bool](t, ctx, two, e.lock) {
			t.Fatal("both hold the lock: they asked different servers")
		}
		must(t, one1.Close())
		eventually(t, "the lock is free", func() bool { return one[bool](t, ctx, two, e.lock) })
	})
	t.Run("BEGIN and COMMIT as statements", func(t *testing.T) {
		mustExec(t, db, `CREATE TABLE state_tx (v int)`)
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		mustExec(t, conn, `BEGIN`)
		mustExec(t, conn, `INSERT INTO state_tx VALUES (1)`)
		if n := one[int](t, ctx, conn, `SELECT count(*) FROM state_tx`); n != 1 {
			t.Errorf("the transaction sees %d of its own rows, want 1", n)
		}
		if n := one[int](t, ctx, db, `SELECT count(*) FROM state_tx`); n != 0 {
			t.Errorf("others see %d rows of an open transaction", n)
		}
		mustExec(t, conn, `COMMIT`)
		if n := one[int](t, ctx, db, `SELECT count(*) FROM state_tx`); n != 1 {
			t.Errorf("%d rows after COMMIT, want 1", n)
		}
		_, replicas := delta(t, db, func() { one[int](t, ctx, conn, `SELECT count(*) FROM state_tx`) })
		if replicas != 1 {
			t.Error("a read after COMMIT did not leave the primary")
		}
	})
	t.Run("a transaction left open does not reach another checkout", func(t *testing.T) {
		mustExec(t, db, `CREATE TABLE state_open (v int)`)
		for range 5 {
			conn, err := db.Conn(ctx)
			must(t, err)
			mustExec(t, conn, `BEGIN`)
			mustExec(t, conn, `INSERT INTO state_open VALUES (1)`)
			must(t, conn.Close())
			mustExec(t, db, `INSERT INTO state_open VALUES (2)`)
		}
		if n := one[int](t, ctx, db, `SELECT count(*) FROM state_open WHERE v = 2`); n != 5 {
			t.Errorf("%d rows of 5 committed", n)
		}
		if n := one[int](t, ctx, db, `SELECT count(*) FROM state_open WHERE v = 1`); n != 0 {
			t.Errorf("%d rows of transactions that nobody committed", n)
		}
	})
	t.Run("lock in a read-only transaction on a replica", func(t *testing.T) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		must(t, err)
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, e.lockTx); !errors.Is(err, splitter.ErrReplicaTransaction) {
			t.Errorf("got %v, want ErrReplicaTransaction", err)
		}
		if got := one[int](t, ctx, tx, `SELECT 1`); got != 1 {
			t.Error("the transaction did not survive")
		}
	})
}
