package driver

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

func (b *bed) exec(ctx context.Context, q interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, text string, args ...any) {
	b.t.Helper()
	if _, err := q.ExecContext(ctx, text, args...); err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
}

func (b *bed) conn() *sql.Conn {
	b.t.Helper()
	c, err := b.Conn(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// What a session statement leaves is there for its checkout, and for nobody else.
func TestPinning(t *testing.T) {
	for _, hidesTx := range []bool{false, true} {
		bubble(t, 1, func(_ *Config, e *fakeEngine) { e.hidesTx = hidesTx }, func(t *testing.T, b *bed) {
			ctx := t.Context()
			c := b.conn()
			if s := b.server(ctx, c, selectKey, "k"); s != "db1" {
				t.Errorf("before: %s", s)
			}
			b.exec(ctx, c, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY") // not for replicas
			for range 3 {
				if _, s, setting, err := ask(ctx, c, "SHOW app.user"); err != nil || s != "db0" || setting == "" {
					t.Errorf("after: %s has %q, %v", s, setting, err)
				}
			}
			if n := b.rw.Counters.Pinned.Load(); n != 3 {
				t.Errorf("%d pinned", n)
			}
			c.Close()
			synctest.Wait()
			for range 20 {
				if _, s, setting, err := ask(OnPrimary(ctx), b, "SHOW app.user"); err != nil || setting != "" {
					t.Errorf("another caller sees %q on %s, %v", setting, s, err)
				}
			}
		})
	}
}

func TestPinningWithoutAConnection(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		b.exec(t.Context(), b, "SET app.user = 'x'") // whoever does that gets what he asks for: nothing
		synctest.Wait()
		if _, _, setting, err := ask(OnPrimary(t.Context()), b, "SHOW app.user"); err != nil || setting != "" {
			t.Errorf("another caller sees %q, %v", setting, err)
		}
	})
}

// A session statement that fails may have left its state all the same.
func TestDirtyThoughItFailed(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		b.servers[0].set(failing(errSyntax, true))
		if _, err := b.ExecContext(t.Context(), "SET app.user = 'x'"); err == nil {
			t.Fatal("no error")
		}
		b.servers[0].set(failing(nil, false))
		synctest.Wait()
		if _, _, setting, err := ask(OnPrimary(t.Context()), b, "SHOW app.user"); err != nil || setting != "" {
			t.Errorf("another caller sees %q, %v", setting, err)
		}
	})
}

func TestSetLocalIsNotDirty(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		tx, err := b.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.exec(ctx, tx, "SET LOCAL statement_timeout = 1")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		before := b.servers[0].connects
		b.server(OnPrimary(ctx), b, selectKey, "k")
		if b.servers[0].connects != before {
			t.Error("the connection was discarded")
		}
	})
}

func TestDirtyInTransaction(t *testing.T) {
	for _, commit := range []bool{true, false} {
		bubble(t, 1, nil, func(t *testing.T, b *bed) {
			ctx := t.Context()
			tx, err := b.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			b.exec(ctx, tx, "SET app.user = 'x'")
			if commit {
				err = tx.Commit()
			} else {
				err = tx.Rollback()
			}
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if _, _, setting, _ := ask(OnPrimary(ctx), b, "SHOW app.user"); setting != "" {
				t.Errorf("another caller sees %q", setting)
			}
		})
	}
}

// A transaction by SQL text keeps its checkout on its connection until it ends.
func TestTransactionBySQL(t *testing.T) {
	for _, hidesTx := range []bool{false, true} {
		for _, end := range []string{"COMMIT", "ROLLBACK"} {
			bubble(t, 1, func(_ *Config, e *fakeEngine) { e.hidesTx = hidesTx }, func(t *testing.T, b *bed) {
				ctx := t.Context()
				c := b.conn()
				b.exec(ctx, c, "BEGIN")
				b.exec(ctx, c, updateKey, "k", 1)
				if v, s, _, err := ask(ctx, c, selectKey, "k"); err != nil || s != "db0" || v != 1 {
					t.Errorf("inside: %s answers %d, %v", s, v, err)
				}
				b.exec(ctx, c, end)
				b.settle()
				if s := b.server(ctx, c, selectKey, "k"); s != "db1" {
					t.Errorf("after %s: %s", end, s)
				}
				c.Close()
			})
		}
	}
}

// One that is left open must not go on under another caller.
func TestTransactionLeftOpen(t *testing.T) {
	for _, hidesTx := range []bool{false, true} {
		bubble(t, 1, func(_ *Config, e *fakeEngine) { e.hidesTx = hidesTx }, func(t *testing.T, b *bed) {
			ctx := t.Context()
			c := b.conn()
			b.exec(ctx, c, "BEGIN")
			b.exec(ctx, c, updateKey, "k", 1)
			c.Close()
			synctest.Wait()
			b.write(ctx, "other", 2)
			if b.world.executed[1] != 0 || b.world.executed[2] != 1 {
				t.Errorf("driver hides transactions %t: what was left open was executed %d times, the next write %d times",
					hidesTx, b.world.executed[1], b.world.executed[2])
			}
		})
	}
}

func TestReadOnlyTransaction(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, b *bed) {
		ctx := withSession(t.Context())
		tx, err := b.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		home := b.server(ctx, tx, selectKey, "k")
		for range 5 {
			if s := b.server(ctx, tx, selectKey, "k"); s != home || s == "db0" {
				t.Errorf("begun on %s, then on %s", home, s)
			}
		}
		for _, text := range []string{"SELECT pg_advisory_lock(1)", "SET seed = 1", "PREPARE p AS SELECT 1"} {
			if _, err := tx.ExecContext(ctx, text); !errors.Is(err, ErrReplicaTransaction) {
				t.Errorf("%s: %v", text, err)
			}
		}
		// Whatever asks for the primary cannot have it here.
		if _, err := tx.ExecContext(OnPrimary(ctx), selectKey, "k"); !errors.Is(err, ErrReplicaTransaction) {
			t.Errorf("on the primary by context: %v", err)
		}
		if _, err := tx.ExecContext(ctx, "/* rwsplit: primary */ "+selectKey, "k"); !errors.Is(err, ErrReplicaTransaction) {
			t.Errorf("on the primary by comment: %v", err)
		}
		if _, err := tx.ExecContext(ctx, updateKey, "k", 1); !errors.Is(err, errRefused) || b.world.executed[1] > 0 {
			t.Errorf("a write: %v", err)
		}
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
		reads, _ := b.counted()
		if reads != 1 {
			t.Errorf("counts as %d reads", reads)
		}
		b.idle(t)
	})
}

// What a read-only transaction has seen by its end holds for what follows.
func TestReadOnlyTransactionIsSeen(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, b *bed) {
		b.write(t.Context(), "k", 1)
		b.settle()
		for range 20 {
			ctx := withSession(t.Context())
			tx, err := b.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			home := b.server(ctx, tx, selectKey, "k")
			other := b.servers[1]
			if home == "db1" {
				other = b.servers[2]
			}
			other.hold()
			b.write(t.Context(), "k", 2)
			v, _, _, err := ask(ctx, tx, selectKey, "k") // read committed: it sees it
			if err != nil {
				t.Fatal(err)
			}
			tx.Commit()
			if w, s, _, err := ask(ctx, b, selectKey, "k"); err != nil || w < v {
				t.Fatalf("%s answers %d, %v, after %d was seen on %s", s, w, err, v, home)
			}
			other.follow()
			b.settle()
		}
	})
}

// A checkout's reads stay on its replica while that is eligible, and leave it when
// it is not.
func TestHeldReplica(t *testing.T) {
	bubble(t, 3, func(c *Config, _ *fakeEngine) { c.Policy = cluster.RoundRobin }, func(t *testing.T, b *bed) {
		ctx := withSession(t.Context())
		c := b.conn()
		defer c.Close()
		home := b.server(ctx, c, selectKey, "k")
		for range 5 {
			if s := b.server(ctx, c, selectKey, "k"); s != home {
				t.Errorf("on %s, then on %s", home, s)
			}
		}
		for _, s := range b.servers[1:] {
			if s.name == home {
				s.hold()
			}
		}
		b.write(ctx, "k", 1)
		b.settle()
		if v, s, _, err := ask(ctx, c, selectKey, "k"); err != nil || v != 1 || s == home {
			t.Errorf("%s answers %d, %v", s, v, err)
		}
	})
}

// Two checkouts that each hold a connection of one member and want one of the
// other's do not wait for each other.
func TestNoHoldAndWait(t *testing.T) {
	bubble(t, 1, func(c *Config, _ *fakeEngine) { c.Cluster.MaxConns = 1; c.FallbackLimit = 1 }, func(t *testing.T, b *bed) {
		b.SetMaxIdleConns(10)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				c, err := b.Conn(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				for j := range 20 {
					if (i+j)%2 == 0 {
						_, _, _, err = ask(eventual(ctx), c, selectKey, "k")
					} else {
						_, err = c.ExecContext(ctx, updateKey, "k", 1000*i+j)
					}
					if err != nil {
						t.Errorf("checkout %d, statement %d: %v", i, j, err)
						return
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		all.Wait()
		b.idle(t)
	})
}

// A checkout that held a connection to the primary follows a failover, unless
// state keeps it there.
func TestConnectionFollowsFailover(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		defer c.Close()
		b.exec(ctx, c, updateKey, "k", 1)
		// db1 is promoted; db0 goes on as if nothing had happened, until it is
		// seen to take no writes.
		b.servers[1].set(func(s *fakeServer) { s.writable = true })
		b.servers[0].set(func(s *fakeServer) { s.writable = false })
		b.settle()
		if p := b.rw.Cluster.Snapshot().Primary; p != 1 {
			t.Fatalf("primary %d", p)
		}
		b.logged()
		if _, err := c.ExecContext(ctx, updateKey, "k", 2); err != nil {
			t.Error(err)
		}
		if log := b.logged(); count(log, "db1") != 1 || count(log, "db0") != 0 {
			t.Errorf("after the failover: %v", log)
		}
	})
}

// physical returns the connection to the primary that a checkout holds.
func physical(t *testing.T, c *sql.Conn) (p *cluster.Conn) {
	t.Helper()
	err := c.Raw(func(ours any) error {
		if l := &ours.(*conn).primary; l.Valid() {
			p = l.Conn()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What follows a write on a checkout may ask for what its connection knows of it:
// currval, LAST_INSERT_ID(). A read between the two goes to a replica all the same.
func TestConnectionOfAWriteIsKept(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		b.exec(ctx, c, "INSERT INTO kv VALUES ($1, $2)", "k", int64(1))
		wrote := physical(t, c)
		if wrote == nil {
			t.Fatal("no connection is held")
		}
		b.settle()
		if s := b.server(ctx, c, selectKey, "k"); s != "db1" {
			t.Errorf("the read went to %s", s)
		}
		other := b.conn()
		b.exec(ctx, other, "INSERT INTO kv VALUES ($1, $2)", "k", int64(2)) // which would take an idle connection
		if s := b.server(ctx, c, "SELECT currval('s')"); s != "db0" {
			t.Errorf("currval went to %s", s)
		}
		if p := physical(t, c); p != wrote {
			t.Error("currval went to another connection")
		}
		other.Close()
		c.Close()
	})
}

// What asks about the statement before it runs where that ran.
func TestPrevious(t *testing.T) {
	bubble(t, 1, func(_ *Config, e *fakeEngine) { e.dialect.Store(uint32(statement.MySQL)); e.hidesTx = true }, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		for _, step := range []struct{ text, want string }{
			{"SELECT v FROM kv", "db1"},
			{"SELECT FOUND_ROWS()", "db1"},
			{"SHOW WARNINGS", "db1"},
			{"SELECT 1 FOR UPDATE", "db0"},
			{"SELECT FOUND_ROWS()", "db0"},
			{"SELECT v FROM kv", "db1"},
			{"SELECT LAST_INSERT_ID()", "db0"},
		} {
			b.settle()
			if s := b.server(ctx, c, step.text); s != step.want {
				t.Errorf("%s went to %s, want %s", step.text, s, step.want)
			}
		}
		c.Close()
		if s := b.server(ctx, b, "SELECT FOUND_ROWS()"); s != "db0" {
			t.Errorf("of another checkout: %s", s)
		}
	})
}

// A procedure may leave a transaction open, which the driver does not show: it is
// rolled back before another caller gets the connection, and until then nothing
// leaves it.
func TestProcedure(t *testing.T) {
	bubble(t, 1, func(_ *Config, e *fakeEngine) { e.dialect.Store(uint32(statement.MySQL)); e.hidesTx = true }, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		b.exec(ctx, c, "CALL p()")
		connects := b.servers[0].connects
		if s := b.server(ctx, c, "SELECT 1"); s != "db0" {
			t.Errorf("a read after it went to %s", s)
		}
		c.Close()
		b.exec(ctx, b, "UPDATE kv SET v = 1")
		if b.engine.ended != 1 {
			t.Errorf("%d transactions were ended, want 1", b.engine.ended)
		}
		if b.servers[0].connects != connects {
			t.Error("the connection was discarded")
		}

		c = b.conn()
		b.exec(ctx, c, "CALL p()")
		b.exec(ctx, c, "COMMIT")
		b.settle()
		if s := b.server(ctx, c, "SELECT 1"); s != "db1" {
			t.Errorf("a read after COMMIT went to %s", s)
		}
		c.Close()
		if b.engine.ended != 1 {
			t.Errorf("%d transactions were ended, want 1", b.engine.ended)
		}
	})
}

// What the servers speak shows with the first connection: what was thought of a
// text before does not hold.
func TestDialectTurnsOut(t *testing.T) {
	bubble(t, 1, func(_ *Config, e *fakeEngine) { e.dialect.Store(uint32(statement.MySQLFamily)); e.hidesTx = true }, func(t *testing.T, b *bed) {
		const text = "SELECT 1 /*M! , GET_LOCK('a', 0) */"
		if s := b.server(t.Context(), b, text); s != "db0" {
			t.Errorf("before: %s", s)
		}
		b.engine.dialect.Store(uint32(statement.MySQL))
		b.settle()
		if s := b.server(t.Context(), b, text); s != "db1" {
			t.Errorf("after: %s", s)
		}
	})
}

// The wrapped driver's wish to prepare what has arguments is granted once on each
// connection, and the number of arguments is checked as database/sql does.
func TestArgumentsArePrepared(t *testing.T) {
	bubble(t, 1, func(_ *Config, e *fakeEngine) { e.skips = true }, func(t *testing.T, b *bed) {
		for range 5 {
			b.server(t.Context(), b, selectKey, "k")
			b.write(t.Context(), "k", 1)
			b.settle()
		}
		prepares := 0
		for _, line := range b.logged() {
			if strings.Contains(line, " prepare ") {
				prepares++
			}
		}
		if prepares != 2 {
			t.Errorf("prepared %d times, want once on each member", prepares)
		}
		want := "sql: expected 1 arguments, got 2"
		if _, err := b.QueryContext(t.Context(), selectKey, "k", "l"); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	})
}

// Checkouts that keep the connection of a write while they read elsewhere do not
// wait for each other for ever, however few connections there are.
func TestConnectionsOfWritesDoNotBlock(t *testing.T) {
	bubble(t, 1, func(c *Config, _ *fakeEngine) { c.Cluster.MaxConns = 2 }, func(t *testing.T, b *bed) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				c, err := b.Conn(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				key := string(rune('a' + i))
				for v := range int64(5) {
					if _, err := c.ExecContext(ctx, "UPDATE kv SET v = $2 WHERE k = $1", key, v); err != nil {
						t.Error(err)
						return
					}
					if got, _, _, err := ask(ctx, c, selectKey, key); err != nil || got != v {
						t.Errorf("got %d, want %d, error %v", got, v, err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}
