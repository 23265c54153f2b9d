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
func TestSessionState(t *testing.T) {
	c := sharedCluster(t)
	db := open(t, c, patient)
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
				if _, err := conn.ExecContext(ctx, `SET application_name = 'leaked'`); err != nil {
					t.Error(err)
				}
				for range 5 {
					var name string
					if err := conn.QueryRowContext(ctx, `SHOW application_name`).Scan(&name); err != nil || name != "leaked" {
						t.Errorf("got %q, %v on the connection that set it", name, err)
					}
				}
			})
			wait.Go(func() {
				for range 10 {
					for _, text := range []string{`SHOW application_name`, `/* rwsplit: primary */ SHOW application_name`} {
						var name string
						if err := db.QueryRowContext(ctx, text).Scan(&name); err != nil || name == "leaked" {
							t.Errorf("got %q, %v on another connection", name, err)
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
		mustExec(t, conn, `CREATE TEMP TABLE mine (v int)`)
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
	t.Run("advisory lock is on the primary and ends with its checkout", func(t *testing.T) {
		one1, err := db.Conn(ctx)
		must(t, err)
		two, err := db.Conn(ctx)
		must(t, err)
		defer two.Close()
		if !one[bool](t, ctx, one1, `SELECT pg_try_advisory_lock(4711)`) {
			t.Fatal("the first did not get the lock")
		}
		if one[bool](t, ctx, two, `SELECT pg_try_advisory_lock(4711)`) {
			t.Fatal("both hold the lock: they asked different servers")
		}
		must(t, one1.Close())
		eventually(t, "the lock is free", func() bool { return one[bool](t, ctx, two, `SELECT pg_try_advisory_lock(4711)`) })
	})
	t.Run("currval follows nextval", func(t *testing.T) {
		mustExec(t, db, `CREATE SEQUENCE state_seq START 41`)
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		next := one[int](t, ctx, conn, `SELECT nextval('state_seq')`)
		one[int](t, ctx, conn, `SELECT 1`)
		if curr := one[int](t, ctx, conn, `SELECT currval('state_seq')`); curr != next {
			t.Errorf("currval %d, nextval %d", curr, next)
		}
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
	t.Run("SET LOCAL keeps the connection", func(t *testing.T) {
		before := one[int](t, splitter.OnPrimary(ctx), db, `/* rwsplit: primary */ SELECT pg_backend_pid()`)
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		mustExec(t, tx, `SET LOCAL application_name = 'local'`)
		must(t, tx.Commit())
		if after := one[int](t, ctx, db, `/* rwsplit: primary */ SELECT pg_backend_pid()`); after != before {
			t.Errorf("backend %d became %d: the connection was closed", before, after)
		}
	})
	t.Run("advisory lock in a read-only transaction on a replica", func(t *testing.T) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		must(t, err)
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(1)`); !errors.Is(err, splitter.ErrReplicaTransaction) {
			t.Errorf("got %v, want ErrReplicaTransaction", err)
		}
		if got := one[int](t, ctx, tx, `SELECT 1`); got != 1 {
			t.Error("the transaction did not survive")
		}
	})
}
