package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

const (
	poolerGoroutines = 50
	poolerWrites     = 30  // of each, and as many reads
	poolerVisits     = 600 // of tenants, by 200 goroutines
)

// pooled are parameters for clients of poolers with four server connections: more
// than those, and patience where two cores have much to do.
var pooled = []string{"rwsplit_max_conns=32", "rwsplit_probe_timeout=5s", patient}

// execModes are pgx's. Those that prepare statements are what callers have who say
// nothing, or did before there was a pooler.
var execModes = []string{"exec", "simple_protocol", "cache_statement", "cache_describe", "describe_exec"}

func execMode(mode string) string { return "default_query_exec_mode=" + mode }

// TestPooler: behind poolers of transactions all works that needs no session, in
// each of pgx's modes, and leaves nothing on the servers' connections.
func TestPooler(t *testing.T) { eachEngine(t, testPooler, "postgres") }

func testPooler(t *testing.T, e *engine) {
	c := e.shared(t)
	poolers := fixture.PoolersForTest(t, c, fixture.PoolerOptions{})
	for _, text := range []string{
		`CREATE TABLE pooled (id int PRIMARY KEY, v int)`,
		`INSERT INTO pooled SELECT i, 0 FROM generate_series(1, 50) i`,
		`CREATE TABLE pooled_tenants AS SELECT t AS tenant, v FROM generate_series(0, 49) t, generate_series(1, 3) v`,
		`ALTER TABLE pooled_tenants ENABLE ROW LEVEL SECURITY`,
		`CREATE POLICY own ON pooled_tenants USING (tenant::text = current_setting('app.tenant', true))`,
		`GRANT ALL ON pooled, pooled_tenants TO app`,
	} {
		must(t, c.Primary().Exec(ctxFor(t), text))
	}
	must(t, c.WaitReplicas(ctxFor(t)))
	clean := statesOf(t, poolers)
	for _, mode := range execModes {
		t.Run(mode, func(t *testing.T) {
			db := e.openDSN(t, poolers.DSN(append(pooled, execMode(mode))...))
			ready(t, db)
			t.Run("routing", func(t *testing.T) { testPooledRouting(t, db) })
			t.Run("transactions", func(t *testing.T) { testPooledTransactions(t, db) })
			t.Run("read-your-writes", func(t *testing.T) { testPooledWrites(t, c, db) })
			t.Run("Prepare", func(t *testing.T) { testPooledPrepare(t, db) })
			t.Run("SET LOCAL", func(t *testing.T) { testPooledSetLocal(t, e, db) })
			t.Run("tenants", func(t *testing.T) { testPooledTenants(t, e, db) })
			t.Run("cancel", func(t *testing.T) { testPooledCancel(t, e, c, db) })
			for where, state := range statesOf(t, poolers) {
				if state != clean[where] {
					t.Errorf("left on a connection of %s: %s, want %s", where, state, clean[where])
				}
			}
		})
	}
}

func testPooledRouting(t *testing.T, db *sql.DB) {
	ctx := ctxFor(t)
	for _, test := range []struct {
		name, text, want string
		args             []any
	}{
		{"read", `SELECT v FROM pooled WHERE id = 1`, replica, nil},
		{"read with arguments", `SELECT v FROM pooled WHERE id = $1 AND now() > $2`, replica, []any{1, time.Unix(0, 0)}},
		{"write", `UPDATE pooled SET v = v WHERE id = 1 RETURNING v`, primary, nil},
		{"write with arguments", `UPDATE pooled SET v = v WHERE id = $1 RETURNING v`, primary, []any{1}},
	} {
		p, r := delta(t, db, func() { one[int](t, ctx, db, test.text, test.args...) })
		if got := map[bool]string{true: primary, false: replica}[p > 0]; got != test.want || p+r != 1 {
			t.Errorf("%s: %d statements on the primary and %d on replicas, want one on a %s", test.name, p, r, test.want)
		}
	}
	must(t, db.PingContext(ctx))
}

func testPooledTransactions(t *testing.T, db *sql.DB) {
	ctx := ctxFor(t)
	t.Run("commit and rollback", func(t *testing.T) {
		for _, commit := range []bool{true, false} {
			was := one[int](t, ctx, db, `SELECT v FROM pooled WHERE id = 1`)
			tx, err := db.BeginTx(ctx, nil)
			must(t, err)
			defer tx.Rollback()
			pid := one[int](t, ctx, tx, `SELECT pg_backend_pid()`)
			mustExec(t, tx, `UPDATE pooled SET v = v + 1 WHERE id = $1`, 1)
			if got := one[int](t, ctx, tx, `SELECT v FROM pooled WHERE id = $1`, 1); got != was+1 {
				t.Errorf("%d in the transaction, want %d", got, was+1)
			}
			if got := one[int](t, ctx, tx, `SELECT pg_backend_pid()`); got != pid {
				t.Errorf("one transaction on server connections %d and %d", pid, got)
			}
			want := was
			if commit {
				must(t, tx.Commit())
				want++
			} else {
				must(t, tx.Rollback())
			}
			if got := one[int](t, ctx, db, `SELECT v FROM pooled WHERE id = 1`); got != want {
				t.Errorf("%d after it, committed: %t, want %d", got, commit, want)
			}
		}
	})
	t.Run("read-only on a replica", func(t *testing.T) {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
		must(t, err)
		defer tx.Rollback()
		p, r := delta(t, db, func() {
			for range 3 {
				if !one[bool](t, ctx, tx, `SELECT pg_is_in_recovery() AND $1 = 1`, 1) {
					t.Error("it is not on a replica")
				}
			}
		})
		if p != 0 || r != 3 {
			t.Errorf("%d statements on the primary and %d on replicas, want all 3 on a replica", p, r)
		}
		must(t, tx.Commit())
	})
	t.Run("BEGIN and COMMIT as statements", func(t *testing.T) {
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		mustExec(t, conn, `BEGIN`)
		mustExec(t, conn, `UPDATE pooled SET v = -1 WHERE id = 2`)
		if got := one[int](t, ctx, conn, `SELECT v FROM pooled WHERE id = 2`); got != -1 {
			t.Errorf("%d in the transaction, want -1", got)
		}
		mustExec(t, conn, `COMMIT`)
		if got := one[int](t, ctx, db, `SELECT v FROM pooled WHERE id = 2`); got != -1 {
			t.Errorf("%d after it, want -1", got)
		}
	})
	t.Run("what ends with the transaction", func(t *testing.T) {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		defer tx.Rollback()
		mustExec(t, tx, `SELECT pg_advisory_xact_lock(4712)`)
		mustExec(t, tx, `DECLARE ids CURSOR FOR SELECT id FROM pooled ORDER BY id`)
		if got := one[int](t, ctx, tx, `FETCH 1 FROM ids`); got != 1 {
			t.Errorf("the cursor gave %d, want 1", got)
		}
		mustExec(t, tx, `SAVEPOINT a`)
		mustExec(t, tx, `ROLLBACK TO a`)
		must(t, tx.Commit())
	})
	t.Run("left open", func(t *testing.T) {
		conn, err := db.Conn(ctx)
		must(t, err)
		mustExec(t, conn, `BEGIN`)
		mustExec(t, conn, `UPDATE pooled SET v = -2 WHERE id = 2`)
		must(t, conn.Close())
		mustExec(t, db, `UPDATE pooled SET v = -3 WHERE id = 2 AND v = -1`) // waits for its end
		if got := one[int](t, ctx, db, `SELECT v FROM pooled WHERE id = 2`); got != -3 {
			t.Errorf("%d, want -3: it was not rolled back", got)
		}
	})
}

// staleReads has each goroutine write a row of its own and read it at once. Replicas
// stop applying at random.
func staleReads(t *testing.T, c *fixture.Cluster, db *sql.DB, readIn func(context.Context) context.Context) (stale int64) {
	stop := pauseAtRandom(t, c, 60*time.Millisecond, 120*time.Millisecond)
	defer stop()
	ctx := ctxFor(t)
	var (
		all   sync.WaitGroup
		older atomic.Int64
	)
	for id := range poolerGoroutines {
		all.Go(func() {
			for n := range poolerWrites {
				if _, err := db.ExecContext(ctx, `UPDATE pooled SET v = $1 WHERE id = $2`, 1000+n, id+1); err != nil {
					t.Error(err)
					return
				}
				var got int
				if err := db.QueryRowContext(readIn(ctx), `SELECT v FROM pooled WHERE id = $1`, id+1).Scan(&got); err != nil {
					t.Error(err)
					return
				}
				if got != 1000+n {
					older.Add(1)
				}
			}
		})
	}
	all.Wait()
	return older.Load()
}

func testPooledWrites(t *testing.T, c *fixture.Cluster, db *sql.DB) {
	_, replicas := delta(t, db, func() {
		stale := staleReads(t, c, db, func(ctx context.Context) context.Context { return ctx })
		t.Logf("%d of %d reads stale", stale, poolerGoroutines*poolerWrites)
		if stale != 0 {
			t.Errorf("%d reads did not see their own write", stale)
		}
	})
	if replicas == 0 {
		t.Error("no read was on a replica")
	}
	stale := staleReads(t, c, db, func(ctx context.Context) context.Context {
		return splitter.WithConsistency(ctx, splitter.Eventual)
	})
	t.Logf("control: %d stale", stale)
	if stale == 0 {
		t.Error("the control, which asks for any replica, found no stale read")
	}
}

// testPooledPrepare uses texts in both ways: what pgx has prepared it also uses for
// a plain query of the same text.
func testPooledPrepare(t *testing.T, db *sql.DB) {
	ctx := ctxFor(t)
	const read, write = `SELECT v + $2 - $2 FROM pooled WHERE id = $1`, `UPDATE pooled SET v = $2 WHERE id = $1`
	var all sync.WaitGroup
	for id := range poolerGoroutines {
		all.Go(func() {
			if err := func() error {
				reading, err := db.PrepareContext(ctx, read)
				if err != nil {
					return err
				}
				defer reading.Close()
				writing, err := db.PrepareContext(ctx, write)
				if err != nil {
					return err
				}
				defer writing.Close()
				for n := range 10 {
					var got, plain int
					if _, err := writing.ExecContext(ctx, id+1, n); err != nil {
						return err
					}
					if err := reading.QueryRowContext(ctx, id+1, 1).Scan(&got); err != nil {
						return err
					}
					if err := db.QueryRowContext(ctx, read, id+1, 1).Scan(&plain); err != nil {
						return err
					}
					if got != n || plain != n {
						return fmt.Errorf("read %d and %d, want %d", got, plain, n)
					}
				}
				return nil
			}(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func testPooledSetLocal(t *testing.T, e *engine, db *sql.DB) {
	ctx := ctxFor(t)
	var all sync.WaitGroup
	for i := range 16 {
		options := &sql.TxOptions{ReadOnly: i%2 == 1}
		all.Go(func() {
			for range 10 {
				tx, err := db.BeginTx(ctx, options)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = tx.ExecContext(ctx, `SET LOCAL geqo_threshold = 4711`)
				var got string
				if err == nil {
					err = tx.QueryRowContext(ctx, e.show).Scan(&got)
				}
				if err != nil || got != "4711" {
					t.Errorf("got %q, %v in the transaction that set it", got, err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 20 {
				for _, text := range []string{e.show, `/* rwsplit: primary */ ` + e.show} {
					var got string
					if err := db.QueryRowContext(ctx, text).Scan(&got); err != nil || got == "4711" {
						t.Errorf("got %q, %v elsewhere", got, err)
					}
				}
			}
		})
	}
	all.Wait()
}

func testPooledTenants(t *testing.T, e *engine, db *sql.DB) {
	for _, w := range []tenancy{
		{"SET LOCAL", byExec(`SET LOCAL app.tenant = '%d'`), &sql.TxOptions{}, "pooled_tenants"},
		{"set_config", byConfig(true), &sql.TxOptions{}, "pooled_tenants"},
		{"set_config on replicas", byConfig(true), &sql.TxOptions{ReadOnly: true}, "pooled_tenants"},
	} {
		t.Run(w.name, func(t *testing.T) {
			l := &tenantLoad{e: e, db: db}
			_, replicas := delta(t, db, func() { l.run(t, &w, poolerVisits) })
			t.Logf("%d reads, %d on replicas, %d writes: %d rows of others, %d of one's own missing", l.reads.Load(), replicas, l.changes.Load(), l.leaks.Load(), l.lost.Load())
			if l.leaks.Load() != 0 || l.lost.Load() != 0 {
				t.Errorf("%d rows of others were seen, %d of one's own were not", l.leaks.Load(), l.lost.Load())
			}
			if w.tx.ReadOnly && replicas*2 < uint64(l.reads.Load()) {
				t.Errorf("%d of %d reads on replicas, want at least half", replicas, l.reads.Load())
			}
		})
	}
}

// testPooledCancel: a context that ends, ends the statement on the server, and the
// server's connection is fit for others.
func testPooledCancel(t *testing.T, e *engine, c *fixture.Cluster, db *sql.DB) {
	ctx := ctxFor(t)
	running := func() (n int) {
		for _, s := range c.Servers() {
			text, err := s.QueryText(ctx, fmt.Sprintf(e.running, `SELECT v AS slow`)+` AND state = 'active'`)
			must(t, err)
			if text != "0" {
				n++
			}
		}
		return n
	}
	slow := `SELECT v AS slow FROM pooled WHERE id = 1 AND ` + fmt.Sprintf(e.sleep, "60")
	for _, text := range []string{slow, slow + ` FOR UPDATE`} {
		cancelled, cancel := context.WithCancel(ctx)
		failed := make(chan error, 1)
		go func() {
			var v int
			failed <- db.QueryRowContext(cancelled, text).Scan(&v)
		}()
		eventually(t, "the statement runs", func() bool { return running() == 1 })
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", text, err)
		}
		eventually(t, "the statement has ended on the server", func() bool { return running() == 0 })
		for range 20 {
			one[int](t, ctx, db, `SELECT v FROM pooled WHERE id = 1`)
			mustExec(t, db, `UPDATE pooled SET v = v WHERE id = 1`)
		}
	}
}
