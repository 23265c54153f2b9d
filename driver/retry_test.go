package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// failing makes a server's statements fail.
func failing(err error, ran bool) func(*fakeServer) {
	return func(s *fakeServer) {
		s.fault = func(op, _ string) (error, bool) { return err, ran }
	}
}

func count(log []string, server string) (n int) {
	for _, line := range log {
		if strings.HasPrefix(line, server+" ") {
			n++
		}
	}
	return n
}

func TestReadIsTriedElsewhere(t *testing.T) {
	for _, fault := range []error{errUnfit, errLost} {
		bubble(t, 2, nil, func(t *testing.T, b *bed) {
			b.servers[1].set(failing(fault, false))
			b.servers[2].set(failing(fault, false))
			if s := b.server(t.Context(), b, selectKey, "k"); s != "db0" {
				t.Errorf("%v: %s answers", fault, s)
			}
			log := b.logged()
			for _, server := range []string{"db0", "db1", "db2"} {
				if n := count(log, server); n != 1 {
					t.Errorf("%v: %s was asked %d times: %v", fault, server, n, log)
				}
			}
			c := &b.rw.Counters
			if c.Retries.Load() != 2 || c.Reads[cluster.FallbackFailed].Load() != 1 {
				t.Errorf("%v: %d retries, %d fallbacks", fault, c.Retries.Load(), c.Reads[cluster.FallbackFailed].Load())
			}
			// All fail: the primary's own error comes up, the once.
			b.servers[0].set(failing(fault, false))
			if _, _, _, err := ask(t.Context(), b, selectKey, "k"); !errors.Is(err, fault) || errors.Is(err, ErrUnknownOutcome) {
				t.Errorf("%v: %v", fault, err)
			}
			if n := len(b.logged()); n != 3 {
				t.Errorf("%v: %d calls", fault, n)
			}
			b.idle(t)
		})
	}
}

func TestOwnErrorIsNotRetried(t *testing.T) {
	bubble(t, 2, nil, func(t *testing.T, b *bed) {
		b.servers[1].set(failing(errSyntax, false))
		b.servers[2].set(failing(errSyntax, false))
		if _, _, _, err := ask(t.Context(), b, selectKey, "k"); err != errSyntax {
			t.Errorf("%v is not the wrapped driver's error, bare", err)
		}
		if n := len(b.logged()); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}

func TestWriteIsNeverRetried(t *testing.T) {
	for _, fault := range []error{errUnfit, errLost, errSyntax, errRefused} {
		for _, ran := range []bool{false, true} {
			bubble(t, 1, nil, func(t *testing.T, b *bed) {
				b.servers[0].set(failing(fault, ran))
				_, err := b.ExecContext(t.Context(), updateKey, "k", 1)
				if !errors.Is(err, fault) {
					t.Errorf("%v does not show its cause", err)
				}
				if unknown := errors.Is(err, ErrUnknownOutcome); unknown != (fault == errLost) {
					t.Errorf("%v: unknown outcome %t", fault, unknown)
				}
				if log := b.logged(); len(log) != 1 {
					t.Errorf("sent %v", log)
				}
				// It may have happened: what comes after sees it if so.
				b.servers[0].set(failing(nil, false))
				v, _, _, err := ask(t.Context(), b, selectKey, "k")
				if err != nil || (v == 1) != ran {
					t.Errorf("%v, ran %t: then %d, %v", fault, ran, v, err)
				}
			})
		}
	}
}

func TestCommitLost(t *testing.T) {
	for _, ran := range []bool{false, true} {
		bubble(t, 1, nil, func(t *testing.T, b *bed) {
			ctx := withSession(t.Context())
			b.servers[1].hold()
			tx, err := b.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.ExecContext(ctx, updateKey, "k", 1); err != nil {
				t.Fatal(err)
			}
			b.servers[0].set(failing(errLost, ran))
			if err := tx.Commit(); !errors.Is(err, ErrUnknownOutcome) || !errors.Is(err, errLost) {
				t.Error(err)
			}
			b.servers[0].set(failing(nil, false))
			if v, s, _, err := ask(ctx, b, selectKey, "k"); err != nil || (v == 1) != ran || ran && s != "db0" {
				t.Errorf("ran %t: %s answers %d, %v", ran, s, v, err)
			}
		})
	}
}

// Connections that turn out dead before anything was sent: the call runs on
// another one, however many have died.
func TestDeadConnections(t *testing.T) {
	for _, many := range []int{1, 2, 14} {
		bubble(t, 1, func(c *Config, _ *fakeEngine) { c.Cluster.ProbeInterval = time.Minute; c.Cluster.MaxLag = time.Hour }, func(t *testing.T, b *bed) {
			b.SetMaxIdleConns(100)
			for i := range b.servers { // so many are idle
				var conns []*sql.Conn
				for range many {
					c, err := b.Conn(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					conns = append(conns, c)
					ctx := t.Context()
					if i == 0 {
						ctx = OnPrimary(ctx)
					}
					b.server(ctx, c, selectKey, "k")
				}
				for _, c := range conns {
					c.Close()
				}
			}
			time.Sleep(time.Second)
			for _, s := range b.servers {
				s.kill(false)
			}
			b.write(t.Context(), "k", 1)
			if n := b.world.executed[1]; n != 1 {
				t.Errorf("%d dead: executed %d times", many, n)
			}
			if v, _, _, err := ask(t.Context(), b, selectKey, "k"); err != nil || v != 1 {
				t.Errorf("%d dead: read %d, %v", many, v, err)
			}
			if err := b.PingContext(t.Context()); err != nil {
				t.Errorf("%d dead: %v", many, err)
			}
		})
	}
}

// On a connection of the caller's own what was there is lost, and he is told.
func TestDeadConnectionOfACheckout(t *testing.T) {
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		c, err := b.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ExecContext(t.Context(), "SET app.user = 'x'"); err != nil {
			t.Fatal(err)
		}
		b.servers[0].kill(false)
		if _, err := c.ExecContext(t.Context(), updateKey, "k", 1); !errors.Is(err, driver.ErrBadConn) {
			t.Error(err)
		}
		c.Close()
		if n := b.world.executed[1]; n != 0 {
			t.Errorf("executed %d times without its setting", n)
		}
	})
}

func TestCancelled(t *testing.T) {
	for name, run := range map[string]func(ctx context.Context, b *bed) error{
		"read":  func(ctx context.Context, b *bed) error { _, _, _, err := ask(ctx, b, selectKey, "k"); return err },
		"write": func(ctx context.Context, b *bed) error { _, err := b.ExecContext(ctx, updateKey, "k", 1); return err },
		"begin": func(ctx context.Context, b *bed) error { _, err := b.BeginTx(ctx, nil); return err },
		"read-only begin": func(ctx context.Context, b *bed) error {
			_, err := b.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 2, nil, func(t *testing.T, b *bed) {
				calls := 0
				for _, s := range b.servers { // the call hangs on the wire
					s.set(func(s *fakeServer) {
						s.fault = func(string, string) (error, bool) { calls++; return nil, false }
						s.hangs = true
					})
				}
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := run(ctx, b); !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				if d := time.Since(start); d != time.Second {
					t.Errorf("came back after %s", d)
				}
				done, cancel := context.WithCancel(t.Context())
				cancel()
				if err := run(done, b); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				for _, s := range b.servers {
					s.set(func(s *fakeServer) { s.hangs = false })
				}
				time.Sleep(time.Second)
				b.idle(t)
				if calls > 0 {
					t.Errorf("%d calls after the context had ended", calls)
				}
			})
		})
	}
}

func TestCorrection(t *testing.T) {
	const text = "SELECT v FROM unlogged WHERE k = $1"
	for _, skips := range []bool{false, true} {
		bubble(t, 1, func(_ *Config, e *fakeEngine) { e.skips = skips }, func(t *testing.T, b *bed) {
			c := &b.rw.Counters
			for i := range 3 {
				if s := b.server(t.Context(), b, text, "k"); s != "db0" {
					t.Errorf("%s answers", s)
				}
				if n := count(b.logged(), "db1"); i > 0 && n > 0 {
					t.Errorf("run %d: the replica was asked again", i)
				}
			}
			if c.Corrections.Load() != 1 || c.Writes[statement.ReplicaRefused].Load() < 2 {
				t.Errorf("%d corrections, %d known", c.Corrections.Load(), c.Writes[statement.ReplicaRefused].Load())
			}
			// One that nobody runs is not the replica's matter.
			const bad = "SELECT nobody_runs_this FROM kv"
			for range 2 {
				if _, _, _, err := ask(t.Context(), b, bad); !errors.Is(err, errRefused) {
					t.Error(err)
				}
				if log := b.logged(); count(log, "db1") != 1 || count(log, "db0") != 1 {
					t.Error(log)
				}
			}
			if n := c.Corrections.Load(); n != 3 {
				t.Errorf("%d corrections", n)
			}
			b.idle(t)
		})
	}
}

// The primary's own error is told where it cannot be had for a fallback read.
func TestFallbackToAPrimaryThatRefuses(t *testing.T) {
	tooMany := errors.New("too many clients already")
	bubble(t, 1, nil, func(t *testing.T, b *bed) {
		b.servers[0].kill(false)
		time.Sleep(time.Second)
		b.servers[0].set(func(s *fakeServer) { s.refuses = tooMany })
		start := time.Now()
		_, _, _, err := ask(WithConsistency(t.Context(), cluster.Strong), b, selectKey, "k")
		if !errors.Is(err, tooMany) {
			t.Errorf("%v does not tell the cause", err)
		}
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("took %s", d)
		}
		b.servers[0].set(func(s *fakeServer) { s.refuses = nil })
	})
}

// The same while the checkout's replica is busy with open rows: no hot loop.
func TestBusyReplicaAndNoPrimary(t *testing.T) {
	bubble(t, 1, func(c *Config, _ *fakeEngine) { c.Cluster.ConnMaxIdleTime = time.Second }, func(t *testing.T, b *bed) {
		c, err := b.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		rows, err := c.QueryContext(t.Context(), selectKey, "k")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		b.servers[0].set(func(s *fakeServer) { s.refuses = errDown })
		time.Sleep(5 * time.Second) // what was idle is closed
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			_, _, _, err := ask(WithConsistency(ctx, cluster.Strong), c, selectKey, "k")
			done <- err
		}()
		time.Sleep(10 * time.Second)
		select {
		case err := <-done:
			if err == nil {
				t.Error("answered")
			}
		default:
			t.Error("still tries after 10 s")
		}
		if n := b.rw.Counters.Retries.Load(); n > 100 {
			t.Errorf("%d retries", n)
		}
	})
}
