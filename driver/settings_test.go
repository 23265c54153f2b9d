package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rwsplit/rwsplit/internal/statement"
)

// clean checks that no caller meets a setting, on whichever member.
func (b *bed) noSettings(ctx context.Context) {
	b.t.Helper()
	synctest.Wait()
	for range 20 {
		for _, ctx := range []context.Context{ctx, OnPrimary(ctx)} {
			if _, s, setting, err := ask(ctx, b, "SHOW app.user"); err != nil || setting != "" {
				b.t.Errorf("another caller sees %q on %s, %v", setting, s, err)
			}
		}
	}
}

// connects is how often connections were opened, in all.
func (b *bed) connects() (n int) {
	for _, s := range b.servers {
		s.set(func(s *fakeServer) { n += s.connects })
	}
	return n
}

// What a checkout has set is set again wherever it reads, and undone for others
// without a new connection.
func TestSettingsFollow(t *testing.T) {
	for _, hidesTx := range []bool{false, true} {
		bubble(t, 1, func(_ *Config, e *fakeEngine) { e.hidesTx = hidesTx }, func(t *testing.T, b *bed) {
			ctx := t.Context()
			for _, user := range []string{"x", "y"} {
				before := b.connects()
				c := b.conn()
				b.exec(ctx, c, "SET app.user = '"+user+"'")
				want := "app.user = '" + user + "'"
				for range 3 {
					if _, s, setting, err := ask(ctx, c, "SHOW app.user"); err != nil || s != "db1" || setting != want {
						t.Errorf("%s has %q, %v", s, setting, err)
					}
				}
				if _, s, setting, err := ask(OnPrimary(ctx), c, "SHOW app.user"); err != nil || s != "db0" || setting != want {
					t.Errorf("%s has %q, %v", s, setting, err)
				}
				b.exec(ctx, c, "SET app.user = 'z'")
				if _, s, setting, err := ask(ctx, c, "SHOW app.user"); err != nil || s != "db1" || setting != "app.user = 'z'" {
					t.Errorf("after another SET: %s has %q, %v", s, setting, err)
				}
				if user == "y" && b.connects() != before {
					t.Errorf("%d new connections", b.connects()-before)
				}
				c.Close()
				b.noSettings(ctx)
			}
			// Twice on the replica, and once on the primary, whose connection
			// had been given back, for each of the two.
			if n := b.rw.Counters.Replays.Load(); n != 6 {
				t.Errorf("%d replays", n)
			}
			if n := b.rw.Counters.Pinned.Load(); n != 0 {
				t.Errorf("%d pinned", n)
			}
		})
	}
}

// By way of a query and of a prepared statement, with arguments that the caller
// changes afterwards.
func TestSettingsWithArguments(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		defer c.Close()
		value := []byte("17")
		const text = "SELECT set_config('app.user', $1, false)"
		stmt, err := c.PrepareContext(ctx, text)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := stmt.QueryContext(ctx, value)
		if err != nil {
			t.Fatal(err)
		}
		rows.Close()
		copy(value, "18")
		var got []byte
		b.servers[1].set(func(s *fakeServer) {
			s.seen = func(text string, args []any) {
				if strings.Contains(text, "set_config") {
					got = args[0].([]byte)
				}
			}
		})
		if s := b.server(ctx, c, selectKey, "k"); s != "db1" {
			t.Errorf("the read went to %s", s)
		}
		if string(got) != "17" {
			t.Errorf("set again to %q", got)
		}
	})
}

// A replica that does not take a setting gets no reads of the checkout; the primary
// answers them, and read-only transactions.
func TestReplicaTakesNoSetting(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		b.servers[1].set(func(s *fakeServer) {
			s.fault = func(_, text string) (error, bool) {
				if strings.HasPrefix(text, "SET") {
					return errSyntax, false
				}
				return nil, false
			}
		})
		for _, begin := range []bool{false, true} {
			c := b.conn()
			b.exec(ctx, c, "SET app.user = 'x'")
			var q queryer = c
			end := func() error { return nil }
			if begin {
				tx, err := c.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
				if err != nil {
					t.Fatal(err)
				}
				q, end = tx, tx.Rollback
			}
			for range 3 {
				if _, s, setting, err := ask(ctx, q, "SHOW app.user"); err != nil || s != "db0" || setting == "" {
					t.Errorf("%s has %q, %v", s, setting, err)
				}
			}
			end()
			c.Close()
		}
		if s := b.server(ctx, b, selectKey, "k"); s != "db1" {
			t.Errorf("the reads of others go to %s", s)
		}
	})
}

// A replica that goes away while it is told the settings is like any other that
// does: another one answers.
func TestReplicaLostInReplay(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		for i := range 20 {
			lost := b.servers[1+i%2]
			lost.set(func(s *fakeServer) {
				s.fault = func(_, text string) (error, bool) {
					if strings.HasPrefix(text, "SET") {
						return errLost, false
					}
					return nil, false
				}
			})
			c := b.conn()
			b.exec(ctx, c, "SET app.user = 'x'")
			if _, s, setting, err := ask(ctx, c, "SHOW app.user"); err != nil || s == "db0" || s == lost.name || setting == "" {
				t.Errorf("%s has %q, %v", s, setting, err)
			}
			c.Close()
			lost.set(func(s *fakeServer) { s.fault = nil })
			b.settle()
		}
		b.noSettings(ctx)
	})
}

// On a new connection to the primary a write runs under the settings, or not at all.
func TestWriteRunsUnderTheSettings(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		b.exec(ctx, c, "SET app.user = 'x'")
		// db1 is promoted.
		b.servers[1].set(func(s *fakeServer) { s.writable = true })
		b.servers[0].set(func(s *fakeServer) { s.writable = false })
		b.settle()
		b.logged()
		b.exec(ctx, c, updateKey, "k", 1)
		log := strings.Join(b.logged(), "; ")
		if !strings.Contains(log, "db1 exec SET app.user") || strings.Contains(log, "db0 exec") {
			t.Error(log)
		}
		c.Close()

		c = b.conn()
		defer c.Close()
		b.exec(ctx, c, "SET app.user = 'x'")
		b.servers[0].set(func(s *fakeServer) {
			s.writable = true
			s.fault = func(_, text string) (error, bool) {
				if strings.HasPrefix(text, "SET") {
					return errSyntax, false
				}
				return nil, false
			}
		})
		b.servers[1].set(func(s *fakeServer) { s.writable = false })
		b.settle()
		_, err := c.ExecContext(ctx, updateKey, "k", 2)
		if err == nil || !strings.Contains(err.Error(), "db0") || !strings.Contains(err.Error(), "app.user") || !strings.Contains(err.Error(), errSyntax.Error()) {
			t.Errorf("error %v", err)
		}
		if b.world.executed[2] != 0 {
			t.Error("it was written all the same")
		}
	})
}

// What a transaction sets holds for its checkout once it is committed, on the
// primary and on a replica, and is undone by its rollback.
func TestSettingsOfTransaction(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		for _, commit := range []bool{false, true} {
			t.Run(fmt.Sprintf("read-only %t, commit %t", readOnly, commit), func(t *testing.T) {
				bubble(t, 1, nil, func(t *testing.T, b *bed) {
					ctx := t.Context()
					c := b.conn()
					b.exec(ctx, c, "SET app.user = 'x'")
					tx, err := c.BeginTx(ctx, &sql.TxOptions{ReadOnly: readOnly})
					if err != nil {
						t.Fatal(err)
					}
					home := map[bool]string{true: "db1", false: "db0"}[readOnly]
					if _, s, setting, err := ask(ctx, tx, "SHOW app.user"); err != nil || s != home || setting != "app.user = 'x'" {
						t.Errorf("%s has %q, %v", s, setting, err)
					}
					stmt, err := tx.PrepareContext(ctx, "SET app.user = 'y'")
					if err != nil {
						t.Fatal(err)
					}
					if _, err := stmt.ExecContext(ctx); err != nil {
						t.Fatal(err)
					}
					if _, _, setting, err := ask(ctx, tx, "SHOW app.user"); err != nil || setting != "app.user = 'y'" {
						t.Errorf("inside: %q, %v", setting, err)
					}
					want := "app.user = 'x'"
					if commit {
						want = "app.user = 'y'"
						err = tx.Commit()
					} else {
						err = tx.Rollback()
					}
					if err != nil {
						t.Fatal(err)
					}
					b.settle()
					for _, ctx := range []context.Context{ctx, OnPrimary(ctx)} {
						if _, s, setting, err := ask(ctx, c, "SHOW app.user"); err != nil || setting != want {
							t.Errorf("afterwards %s has %q, want %q, %v", s, setting, want, err)
						}
					}
					c.Close()
					b.noSettings(ctx)
				})
			})
		}
	}
}

// A savepoint may undo what was set, which nobody sees: on the primary the checkout
// stays on its connection, on a replica it is not sent.
func TestSettingsAndSavepoints(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		tx, err := c.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.exec(ctx, tx, "SAVEPOINT a")
		b.exec(ctx, tx, "SET app.user = 'y'")
		b.exec(ctx, tx, "ROLLBACK TO a")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		b.settle()
		if s := b.server(ctx, c, selectKey, "k"); s != "db0" {
			t.Errorf("afterwards on %s", s)
		}
		c.Close()
		b.noSettings(ctx)

		tx, err = b.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		b.exec(ctx, tx, "SET app.user = 'y'")
		if _, err := tx.ExecContext(ctx, "SAVEPOINT a"); err == nil {
			t.Error("a savepoint after SET on a replica")
		}
		tx.Rollback()
		b.noSettings(ctx)
	})
}

// A savepoint that is refused changes nothing: what the transaction has set is still
// undone. Nor does a COMMIT go unseen that stands behind another statement.
func TestSettingsAndHiddenTransactionControl(t *testing.T) {
	for _, test := range []struct {
		readOnly, commit bool
		text             string
	}{
		{true, true, "SAVEPOINT a"}, {true, false, "SAVEPOINT a"}, {true, true, "FETCH c; SAVEPOINT a"},
		{false, false, "SET LOCAL a.b = 1; COMMIT"}, {false, true, "SET LOCAL a.b = 1; ROLLBACK TO a"},
	} {
		bubble(t, 1, func(_ *Config, e *fakeEngine) { e.hidesTx = true }, func(t *testing.T, b *bed) {
			ctx := t.Context()
			tx, err := b.BeginTx(ctx, &sql.TxOptions{ReadOnly: test.readOnly})
			if err != nil {
				t.Fatal(err)
			}
			b.exec(ctx, tx, "SET app.user = 'y'")
			if _, err := tx.ExecContext(ctx, test.text); test.readOnly != errors.Is(err, ErrReplicaTransaction) {
				t.Errorf("%s: %v", test.text, err)
			}
			if !test.readOnly {
				// What the server does with it, unseen.
				b.servers[0].set(func(s *fakeServer) {
					for c := range s.open {
						c.before = c.setting
					}
				})
			}
			if b.server(ctx, tx, selectKey, "k"); test.commit {
				err = tx.Commit()
			} else {
				err = tx.Rollback()
			}
			if err != nil {
				t.Error(err)
			}
			b.noSettings(ctx)
		})
	}
}

// A function of the database may set what the text does not show. A checkout that has
// settings stays on the connection from then on, and nobody else meets what it left.
func TestSettingsOfFunctions(t *testing.T) {
	for _, text := range []string{"SELECT enter('2')", "CALL enter('2')"} {
		bubble(t, 1, nil, func(t *testing.T, b *bed) {
			ctx := t.Context()
			c := b.conn()
			b.exec(ctx, c, "SET app.user = '1'")
			b.exec(ctx, c, text)
			b.servers[0].set(func(s *fakeServer) {
				for c := range s.open {
					if c.setting != "" {
						c.setting = "2"
					}
				}
			})
			for range 3 {
				if _, s, setting, err := ask(ctx, c, "SHOW app.user"); err != nil || s != "db0" || setting != "2" {
					t.Errorf("after %s: %s has %q, %v", text, s, setting, err)
				}
			}
			c.Close()
			b.noSettings(ctx)

			c = b.conn()
			b.exec(ctx, c, text) // without settings of its own
			b.servers[0].set(func(s *fakeServer) {
				for c := range s.open {
					c.setting = "2"
				}
			})
			c.Close()
			b.noSettings(ctx)
		})
	}
}

// A checkout that sets ever new things stays on its connection from some number on;
// one that sets the same again and again does not.
func TestManySettings(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		for i := range 10 * maxSettings {
			b.exec(ctx, c, fmt.Sprintf("SET app.user = '%d'", i))
		}
		b.logged()
		if s := b.server(ctx, c, selectKey, "k"); s != "db1" {
			t.Errorf("after the same setting: %s", s)
		}
		if n := count(b.logged(), "db1"); n != 2 {
			t.Errorf("%d calls on the replica, want the newest setting and the read", n)
		}
		for i := range maxSettings + 1 {
			b.exec(ctx, c, fmt.Sprintf("SET app.user%d = 'x'", i))
		}
		if s := b.server(ctx, c, selectKey, "k"); s != "db0" {
			t.Errorf("after many settings: %s", s)
		}
		c.Close()
		b.noSettings(ctx)
	})
}

// Under a hundred callers nobody meets the setting of another.
func TestSettingsOfManyCheckouts(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, b *bed) {
		ctx := t.Context()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				c, err := b.Conn(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				want := ""
				if i%3 > 0 {
					want = fmt.Sprintf("app.user = '%d'", i)
					if _, err := c.ExecContext(ctx, "SET "+want); err != nil {
						t.Error(err)
						return
					}
				}
				for j := range 10 {
					ctx := ctx
					if j%3 == 0 {
						ctx = OnPrimary(ctx)
					}
					if _, s, setting, err := ask(ctx, c, "SHOW app.user"); err != nil || setting != want {
						t.Errorf("%s has %q, want %q, %v", s, setting, want, err)
					}
				}
			})
		}
		all.Wait()
		b.noSettings(ctx)
	})
}

// A prepared statement of MySQL keeps the database that it was prepared under.
func TestPreparedStatementsEndWithTheirSettings(t *testing.T) {
	bubble(t, 1, func(_ *Config, e *fakeEngine) {
		e.dialect.Store(uint32(statement.MySQL))
		e.hidesTx, e.skips = true, true
	}, func(t *testing.T, b *bed) {
		ctx := t.Context()
		c := b.conn()
		prepares := func() (n int) {
			for _, line := range b.logged() {
				if strings.Contains(line, " prepare ") {
					n++
				}
			}
			return n
		}
		const text = "SELECT v FROM kv WHERE k = ?"
		b.server(ctx, c, text, "k")
		b.server(ctx, c, text, "k")
		if n := prepares(); n != 1 {
			t.Errorf("%d prepared at first", n)
		}
		b.exec(ctx, c, "USE other")
		b.server(ctx, c, text, "k")
		b.server(ctx, c, text, "k")
		if n := prepares(); n != 1 {
			t.Errorf("%d prepared in another database", n)
		}
		c.Close()
		synctest.Wait()
		b.server(ctx, b, text, "k")
		if n := prepares(); n != 1 {
			t.Errorf("%d prepared by the next caller", n)
		}
	})
}
