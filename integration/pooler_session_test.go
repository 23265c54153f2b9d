package integration

import (
	"errors"
	"testing"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestPoolerSession: behind poolers that keep a server's connection for a client's
// life, and when told so, sessions have state as without poolers.
func TestPoolerSession(t *testing.T) { eachEngine(t, testPoolerSession, "postgres") }

func testPoolerSession(t *testing.T, e *engine) {
	c := e.shared(t)
	// Each client has a server's connection to itself, the sampler too.
	poolers := fixture.PoolersForTest(t, c, fixture.PoolerOptions{Mode: "session", Size: 20})
	ctx := ctxFor(t)

	t.Run("not told", func(t *testing.T) {
		db := e.openDSN(t, poolers.DSN("rwsplit_max_conns=8"))
		ready(t, db)
		if _, err := db.ExecContext(ctx, e.set); !errors.Is(err, splitter.ErrPooler) {
			t.Errorf("got %v, want ErrPooler: nothing tells the modes apart", err)
		}
	})

	db := e.openDSN(t, poolers.DSN("rwsplit_pooler=session", "rwsplit_max_conns=8", patient))
	ready(t, db)
	t.Run("SET", func(t *testing.T) {
		conn, err := db.Conn(ctx)
		must(t, err)
		mustExec(t, conn, e.set)
		for _, hint := range []string{``, `/* rwsplit: primary */ `} {
			if got := one[string](t, ctx, conn, hint+e.show); got != "4711" {
				t.Errorf("%s%s is %s on the connection that set it", hint, e.show, got)
			}
		}
		must(t, conn.Close())
		for range 20 {
			if got := one[string](t, ctx, db, `/* rwsplit: primary */ `+e.show); got == "4711" {
				t.Fatal("another checkout has the setting")
			}
		}
	})
	t.Run("temporary table", func(t *testing.T) {
		conn, err := db.Conn(ctx)
		must(t, err)
		mustExec(t, conn, `CREATE TEMP TABLE pooled_mine (v int)`)
		mustExec(t, conn, `INSERT INTO pooled_mine VALUES (7)`)
		if got := one[int](t, ctx, conn, `SELECT v FROM pooled_mine`); got != 7 {
			t.Errorf("got %d, want 7", got)
		}
		must(t, conn.Close())
		for range 20 {
			if _, err := db.ExecContext(ctx, `/* rwsplit: primary */ SELECT v FROM pooled_mine`); code(err) != e.noTable {
				t.Fatalf("got %v from another checkout, want that there is no such table", err)
			}
		}
	})
	t.Run("session lock", func(t *testing.T) {
		first, err := db.Conn(ctx)
		must(t, err)
		second, err := db.Conn(ctx)
		must(t, err)
		defer second.Close()
		if !one[bool](t, ctx, first, e.lock) {
			t.Fatal("the first did not get the lock")
		}
		if one[bool](t, ctx, second, e.lock) {
			t.Error("both hold the lock")
		}
		must(t, first.Close())
		eventually(t, "the lock is free", func() bool { return one[bool](t, ctx, second, e.lock) })
	})
	t.Run("prepared statement", func(t *testing.T) {
		stmt, err := db.PrepareContext(ctx, `SELECT $1::int + 1`)
		must(t, err)
		defer stmt.Close()
		_, replicas := delta(t, db, func() {
			for n := range 20 {
				var got int
				if err := stmt.QueryRowContext(ctx, n).Scan(&got); err != nil || got != n+1 {
					t.Errorf("got %d, %v, want %d", got, err, n+1)
				}
			}
		})
		if replicas != 20 {
			t.Errorf("%d of 20 reads on replicas", replicas)
		}
	})
}
