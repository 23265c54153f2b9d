package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

const (
	updateKey = "UPDATE kv SET v = $2 WHERE k = $1"
	returning = "INSERT INTO kv VALUES ($1, $2) RETURNING v"
)

// Each entry of database/sql, and the server that has to get it.
func TestRoutes(t *testing.T) {
	readOnly := &sql.TxOptions{ReadOnly: true}
	inTx := func(ctx context.Context, b *bed, o *sql.TxOptions, text string, args ...any) error {
		tx, err := b.BeginTx(ctx, o)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, text, args...); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	}
	for _, test := range []struct {
		name string
		run  func(ctx context.Context, b *bed) error
		want string // the server; "" for none
	}{
		{"query", func(ctx context.Context, b *bed) error { _, _, _, err := ask(ctx, b, selectKey, "k"); return err }, "db1"},
		{"query row", func(ctx context.Context, b *bed) error {
			var v, server, setting any
			return b.QueryRowContext(ctx, selectKey, "k").Scan(&v, &server, &setting)
		}, "db1"},
		{"exec of a read", func(ctx context.Context, b *bed) error { _, err := b.ExecContext(ctx, selectKey, "k"); return err }, "db1"},
		{"exec of a write", func(ctx context.Context, b *bed) error { _, err := b.ExecContext(ctx, updateKey, "k", 1); return err }, "db0"},
		{"query of a write", func(ctx context.Context, b *bed) error { _, _, _, err := ask(ctx, b, returning, "k", 1); return err }, "db0"},
		{"row lock", func(ctx context.Context, b *bed) error {
			_, _, _, err := ask(ctx, b, "SELECT v FROM kv WHERE k = $1 FOR UPDATE", "k")
			return err
		}, "db0"},
		{"what is not understood", func(ctx context.Context, b *bed) error { _, err := b.ExecContext(ctx, "FROBNICATE"); return err }, "db0"},
		{"prepared read", func(ctx context.Context, b *bed) error {
			s, err := b.PrepareContext(ctx, selectKey)
			if err != nil {
				return err
			}
			defer s.Close()
			rows, err := s.QueryContext(ctx, "k")
			if err != nil {
				return err
			}
			return rows.Close()
		}, "db1"},
		{"prepared write", func(ctx context.Context, b *bed) error {
			s, err := b.PrepareContext(ctx, updateKey)
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.ExecContext(ctx, "k", 1)
			return err
		}, "db0"},
		{"transaction", func(ctx context.Context, b *bed) error { return inTx(ctx, b, nil, selectKey, "k") }, "db0"},
		{"read-only transaction", func(ctx context.Context, b *bed) error { return inTx(ctx, b, readOnly, selectKey, "k") }, "db1"},
		{"read-only transaction, repeatable read", func(ctx context.Context, b *bed) error {
			return inTx(ctx, b, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}, selectKey, "k")
		}, "db1"},
		{"read-only transaction, serializable", func(ctx context.Context, b *bed) error {
			return inTx(ctx, b, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelSerializable}, selectKey, "k")
		}, "db0"},
		{"connection", func(ctx context.Context, b *bed) error {
			c, err := b.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			_, _, _, err = ask(ctx, c, selectKey, "k")
			return err
		}, "db1"},
		{"connection that nobody uses", func(ctx context.Context, b *bed) error {
			c, err := b.Conn(ctx)
			if err != nil {
				return err
			}
			return c.Close()
		}, ""},
		{"ping", func(ctx context.Context, b *bed) error { return b.PingContext(ctx) }, "db0"},
		{"raw", func(ctx context.Context, b *bed) error {
			c, err := b.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Raw(func(ours any) error {
				return WithPrimary(ctx, ours, func(c driver.Conn) error {
					_, err := c.(*fakeConn).exec(ctx, selectKey, []driver.NamedValue{{Ordinal: 1, Value: "k"}})
					return err
				})
			})
		}, "db0"},
		{"setting", func(ctx context.Context, b *bed) error {
			_, err := b.ExecContext(ctx, "SET work_mem = '1MB'")
			return err
		}, "db0"},

		// Hints.
		{"on the primary by context", func(ctx context.Context, b *bed) error {
			_, _, _, err := ask(OnPrimary(ctx), b, selectKey, "k")
			return err
		}, "db0"},
		{"on the primary by comment", func(ctx context.Context, b *bed) error {
			_, _, _, err := ask(ctx, b, "/* rwsplit: primary */ "+selectKey, "k")
			return err
		}, "db0"},
		{"read-only transaction on the primary", func(ctx context.Context, b *bed) error {
			return inTx(OnPrimary(ctx), b, readOnly, selectKey, "k")
		}, "db0"},
		{"strong", func(ctx context.Context, b *bed) error {
			_, _, _, err := ask(WithConsistency(ctx, cluster.Strong), b, selectKey, "k")
			return err
		}, "db0"},
		{"eventual", func(ctx context.Context, b *bed) error {
			_, _, _, err := ask(eventual(ctx), b, selectKey, "k")
			return err
		}, "db1"},
		{"bounded", func(ctx context.Context, b *bed) error {
			_, _, _, err := ask(WithConsistency(ctx, cluster.BoundedStaleness(time.Minute)), b, selectKey, "k")
			return err
		}, "db1"},
		{"on the primary and eventual", func(ctx context.Context, b *bed) error {
			_, _, _, err := ask(OnPrimary(eventual(ctx)), b, selectKey, "k")
			return err
		}, "db0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, skips := range []bool{false, true} {
				bubble(t, 1, func(_ *Config, e *fakeEngine) { e.skips = skips }, func(t *testing.T, b *bed) {
					for name, ctx := range map[string]context.Context{"no session": t.Context(), "session": withSession(t.Context())} {
						if err := test.run(ctx, b); err != nil {
							t.Fatal(name, err)
						}
						log := b.logged()
						if len(log) == 0 && test.want != "" {
							t.Errorf("%s: nobody was asked", name)
						}
						for _, line := range log {
							if !strings.HasPrefix(line, test.want+" ") {
								t.Errorf("%s: %s, want %s", name, line, test.want)
							}
						}
						b.idle(t)
						b.settle()
					}
					if b.world.refused > 0 {
						t.Errorf("%d writes reached a replica", b.world.refused)
					}
				})
			}
		})
	}
}

// A statement counts once, whatever way the wrapped driver takes it.
func TestCountsOnce(t *testing.T) {
	for _, skips := range []bool{false, true} {
		bubble(t, 1, func(_ *Config, e *fakeEngine) { e.skips = skips }, func(t *testing.T, b *bed) {
			b.server(t.Context(), b, selectKey, "k")
			if r, w := b.counted(); r != 1 || w != 0 {
				t.Errorf("skips %t: a read counts as %d reads, %d writes", skips, r, w)
			}
			b.write(t.Context(), "k", 1)
			if r, w := b.counted(); r != 1 || w != 1 {
				t.Errorf("skips %t: a read and a write count as %d reads, %d writes", skips, r, w)
			}
			b.server(OnPrimary(t.Context()), b, selectKey, "k")
			if n := b.rw.Counters.Hinted.Load(); n != 1 {
				t.Errorf("skips %t: a hinted read counts as %d", skips, n)
			}
			nodes := b.rw.Cluster.Nodes()
			if r, w := nodes[1].Reads.Load(), nodes[0].Writes.Load(); r != 1 || w > 2 {
				t.Errorf("skips %t: %d reads on the replica, %d writes on the primary", skips, r, w)
			}
			if n := b.world.executed[1]; n != 1 {
				t.Errorf("skips %t: the write was executed %d times", skips, n)
			}
		})
	}
}

// A session reads what it wrote, by every way to write, while the replica is held.
func TestReadYourWrites(t *testing.T) {
	for _, test := range []struct {
		name  string
		write func(ctx context.Context, b *bed) error
	}{
		{"exec", func(ctx context.Context, b *bed) error { _, err := b.ExecContext(ctx, updateKey, "k", 1); return err }},
		{"returning", func(ctx context.Context, b *bed) error { _, _, _, err := ask(ctx, b, returning, "k", 1); return err }},
		{"prepared", func(ctx context.Context, b *bed) error {
			s, err := b.PrepareContext(ctx, updateKey)
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.ExecContext(ctx, "k", 1)
			return err
		}},
		{"transaction", func(ctx context.Context, b *bed) error {
			tx, err := b.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, updateKey, "k", 1); err != nil {
				return err
			}
			time.Sleep(time.Second) // the write is older than the next samples, its commit is not
			return tx.Commit()
		}},
		{"connection", func(ctx context.Context, b *bed) error {
			c, err := b.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			_, err = c.ExecContext(ctx, updateKey, "k", 1)
			return err
		}},
		{"BEGIN and COMMIT on a connection", func(ctx context.Context, b *bed) error {
			c, err := b.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			for _, text := range []string{"BEGIN", updateKey, "COMMIT"} {
				var args []any
				if text == updateKey {
					args = []any{"k", 1}
				}
				if _, err := c.ExecContext(ctx, text, args...); err != nil {
					return err
				}
				time.Sleep(time.Second)
			}
			return nil
		}},
		{"raw", func(ctx context.Context, b *bed) error {
			c, err := b.Conn(ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.Raw(func(ours any) error {
				return WithPrimary(ctx, ours, func(c driver.Conn) error {
					_, err := c.(*fakeConn).exec(ctx, updateKey, []driver.NamedValue{{Ordinal: 1, Value: "k"}, {Ordinal: 2, Value: int64(1)}})
					return err
				})
			})
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, tagged := range []bool{false, true} {
				bubble(t, 2, nil, func(t *testing.T, b *bed) {
					ctx := t.Context()
					if tagged {
						ctx = withSession(ctx)
					}
					b.servers[1].hold()
					b.servers[2].hold()
					if err := test.write(ctx, b); err != nil {
						t.Fatal(err)
					}
					for range 5 {
						if v, server, _, err := ask(ctx, b, selectKey, "k"); err != nil || v != 1 {
							t.Errorf("session %t: %s answers %d, %v", tagged, server, v, err)
						}
						time.Sleep(time.Second)
					}
					b.servers[2].follow()
					b.settle()
					if v, server, _, err := ask(ctx, b, selectKey, "k"); err != nil || v != 1 || server != "db2" {
						t.Errorf("session %t: %s answers %d, %v, though db2 has it", tagged, server, v, err)
					}
				})
			}
		})
	}
}

// A write by Query ends when its rows are closed: what others see of it before
// says nothing.
func TestReturningEndsWithItsRows(t *testing.T) {
	for _, tagged := range []bool{false, true} {
		for _, onConn := range []bool{false, true} {
			bubble(t, 1, nil, func(t *testing.T, b *bed) {
				ctx := t.Context()
				if tagged {
					ctx = withSession(ctx)
				}
				b.servers[1].hold()
				var q queryer = b
				if onConn {
					c, err := b.Conn(ctx)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					q = c
				}
				rows, err := q.QueryContext(ctx, returning, "k", 1)
				if err != nil {
					t.Fatal(err)
				}
				b.settle() // the primary is sampled while the rows are open
				if tagged {
					if s := b.server(ctx, b, selectKey, "k"); s != "db0" {
						t.Errorf("%s answers while the write is pending", s)
					}
				}
				if err := rows.Close(); err != nil {
					t.Fatal(err)
				}
				if v, server, _, err := ask(ctx, b, selectKey, "k"); err != nil || v != 1 {
					t.Errorf("session %t, connection %t: %s answers %d, %v", tagged, onConn, server, v, err)
				}
			})
		}
	}
}

func TestMonotonicReads(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, b *bed) {
		ctx := withSession(t.Context())
		b.write(t.Context(), "k", 1) // somebody else's
		b.settle()
		b.servers[2].hold() // both samples look alike, but db1 goes on
		b.write(t.Context(), "k", 2)
		var highest int64
		for range 50 {
			v, server, _, err := ask(ctx, b, selectKey, "k")
			if err != nil {
				t.Fatal(err)
			}
			if v < highest {
				t.Fatalf("%s answers %d after %d", server, v, highest)
			}
			highest = max(highest, v)
			time.Sleep(time.Millisecond)
		}
	})
}

func TestCatalog(t *testing.T) {
	const call = "SELECT discount(v) FROM kv"
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, 1, nil)
		defer b.Close()
		b.engine.unread = errDown
		expect := func(text, want string) {
			t.Helper()
			if s := b.server(t.Context(), b, text); s != want {
				t.Errorf("%s: %s, want %s", text, s, want)
			}
		}
		expect(call, "db0")          // nothing is known yet
		time.Sleep(catalogPause / 2) // not when it is read again
		b.engine.mu.Lock()
		b.engine.unread = nil
		b.engine.functions = []statement.Function{{Schema: "public", Name: "discount"}, {Schema: "public", Name: "charge", Volatile: true}}
		b.engine.mu.Unlock()
		expect(call, "db0") // and asks for a reading
		time.Sleep(2 * catalogPause)
		expect(call, "db1")
		expect("SELECT charge(v) FROM kv", "db0")
		expect("SELECT made_since(v) FROM kv", "db0")
		synctest.Wait() // for the reading that it asked for
		b.engine.mu.Lock()
		b.engine.functions = append(b.engine.functions, statement.Function{Schema: "public", Name: "made_since"})
		b.engine.mu.Unlock()
		expect("SELECT made_since(v) FROM kv", "db0")
		time.Sleep(2 * catalogPause)
		expect("SELECT made_since(v) FROM kv", "db1")
		if n := b.rw.Counters.Writes[statement.VolatileFunction].Load(); n != 1 {
			t.Errorf("%d calls of a volatile function", n)
		}
		b.Close()
		synctest.Wait()
		b.clean(t)
	})
}

func TestOf(t *testing.T) {
	b := newBed(t, 0, nil)
	defer b.Close()
	if Of(b.Driver()) != b.rw {
		t.Error("the DB behind the *sql.DB is not found")
	}
	if Of(nil) != nil {
		t.Error("no driver has a DB")
	}
}

func TestClosed(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		c, err := b.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		if _, _, _, err := ask(t.Context(), c, selectKey, "k"); !errors.Is(err, ErrClosed) {
			t.Errorf("read: %v", err)
		}
		if _, err := c.ExecContext(t.Context(), updateKey, "k", 1); !errors.Is(err, ErrClosed) {
			t.Errorf("write: %v", err)
		}
		c.Close()
		b.Close()
	})
}

func TestOwnedConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBed(t, 1, nil)
		owner, err := (&Connector{db: b.rw}).ConnectOwned(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		owner.Close()
		synctest.Wait()
		b.clean(t)
		b.Close()
	})
}

func TestWithPrimary(t *testing.T) {
	if err := WithPrimary(context.Background(), nil, nil); !errors.Is(err, ErrNotOurs) {
		t.Error(err)
	}
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c, _ := b.Conn(ctx)
		tx, err := c.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		raw := func(f func(driver.Conn) error) error {
			return c.Raw(func(ours any) error { return WithPrimary(ctx, ours, f) })
		}
		if err := raw(func(driver.Conn) error { t.Error("called"); return nil }); !errors.Is(err, ErrReplicaTransaction) {
			t.Errorf("in a transaction on a replica: %v", err)
		}
		tx.Rollback()
		var used driver.Conn
		if err := raw(func(c driver.Conn) error { used = c; return errSyntax }); !errors.Is(err, errSyntax) {
			t.Error(err)
		}
		if s := b.server(ctx, c, selectKey, "k"); s != "db0" {
			t.Errorf("after raw use, the checkout reads on %s", s)
		}
		c.Close()
		synctest.Wait()
		if b.servers[0].open[used.(*fakeConn)] {
			t.Error("the connection goes to another caller")
		}
	})
}
