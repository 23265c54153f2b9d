package driver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// lagging is a bed whose reads all fall back, of which n may at once.
func lagging(t *testing.T, n int, o Overflow, test func(t *testing.T, b *bed)) {
	t.Helper()
	bubble(t, 1, func(c *Config, _ *fakeEngine) {
		c.FallbackLimit, c.FallbackOverflow = n, o
		c.Cluster.MaxLag = time.Second
	}, func(t *testing.T, b *bed) {
		b.servers[1].hold()
		b.write(t.Context(), "k", 1)
		time.Sleep(3 * time.Second)
		b.logged()
		test(t, b)
	})
}

// open begins a read on the primary and leaves its rows open.
func (b *bed) openRows(ctx context.Context) *sql.Rows {
	b.t.Helper()
	rows, err := b.QueryContext(ctx, selectKey, "k")
	if err != nil {
		b.t.Fatal(err)
	}
	return rows
}

func TestOverflowError(t *testing.T) {
	lagging(t, 2, OverflowError, func(t *testing.T, b *bed) {
		ctx := t.Context()
		one, two := b.openRows(ctx), b.openRows(ctx)
		if _, _, _, err := ask(ctx, b, selectKey, "k"); !errors.Is(err, ErrFallbackLimit) {
			t.Errorf("one too many: %v", err)
		}
		if s := b.server(OnPrimary(ctx), b, selectKey, "k"); s != "db0" {
			t.Errorf("a hinted read is no fallback: %s", s)
		}
		if s := b.server(WithConsistency(ctx, cluster.Strong), b, selectKey, "k"); s != "db0" {
			t.Errorf("a strong read is no fallback: %s", s)
		}
		one.Close()
		if s := b.server(ctx, b, selectKey, "k"); s != "db0" {
			t.Errorf("within the limit: %s", s)
		}
		two.Close()
		if n := b.rw.Counters.FallbackLimited.Load(); n != 1 {
			t.Errorf("%d limited", n)
		}
		b.idle(t)
	})
}

func TestOverflowStale(t *testing.T) {
	lagging(t, 1, OverflowStale, func(t *testing.T, b *bed) {
		ctx := t.Context()
		rows := b.openRows(ctx)
		if v, s, _, err := ask(ctx, b, selectKey, "k"); err != nil || s != "db1" || v != 0 {
			t.Errorf("%s answers %d, %v, want the stale replica", s, v, err)
		}
		if n := b.rw.Counters.Reads[cluster.StaleRead].Load(); n != 1 {
			t.Errorf("%d stale reads", n)
		}
		rows.Close()
		if v, s, _, err := ask(ctx, b, selectKey, "k"); err != nil || s != "db0" || v != 1 {
			t.Errorf("%s answers %d, %v", s, v, err)
		}
	})
}

// A checkout whose replica still has open rows is not given another replica: its
// rows would end.
func TestOverflowStaleWithOpenRows(t *testing.T) {
	bubble(t, 2, func(c *Config, _ *fakeEngine) {
		c.FallbackLimit, c.FallbackOverflow, c.Policy = 1, OverflowStale, cluster.RoundRobin
	}, func(t *testing.T, b *bed) {
		ctx := withSession(t.Context())
		for range 4 { // whichever replica is the next one's turn
			c := b.conn()
			open, err := c.QueryContext(ctx, selectKey, "k")
			if err != nil {
				t.Fatal(err)
			}
			b.servers[1].hold()
			b.servers[2].hold()
			b.write(ctx, "k", 1)
			b.settle()
			slot := b.openRows(ctx) // takes the slot
			limited, cancel := context.WithTimeout(ctx, time.Second)
			if _, s, _, err := ask(limited, c, selectKey, "k"); err == nil {
				t.Errorf("%s answers", s)
			}
			cancel()
			synctest.Wait()
			if !open.Next() {
				t.Error("the rows that were open have ended:", open.Err())
			}
			open.Close()
			slot.Close()
			c.Close()
			b.servers[1].follow()
			b.servers[2].follow()
			b.settle()
		}
	})
}

func TestOverflowWait(t *testing.T) {
	lagging(t, 1, OverflowWait, func(t *testing.T, b *bed) {
		ctx := t.Context()
		rows := b.openRows(ctx)
		// No slot comes free before the context ends.
		brief, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		if _, _, _, err := ask(brief, b, selectKey, "k"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		// One comes free.
		start := time.Now()
		go func() {
			time.Sleep(5 * time.Second)
			rows.Close()
		}()
		if s := b.server(ctx, b, selectKey, "k"); s != "db0" || time.Since(start) != 5*time.Second {
			t.Errorf("%s after %s", s, time.Since(start))
		}
		// A replica becomes fresh.
		rows = b.openRows(ctx)
		go func() {
			time.Sleep(5 * time.Second)
			b.servers[1].follow()
		}()
		if s := b.server(ctx, b, selectKey, "k"); s != "db1" {
			t.Errorf("%s answers", s)
		}
		rows.Close()
		b.idle(t)
	})
}

// Close wakes who waits for a slot, though the slot's holder stays.
func TestOverflowWaitClosed(t *testing.T) {
	lagging(t, 1, OverflowWait, func(t *testing.T, b *bed) {
		rows := b.openRows(t.Context())
		done := make(chan error, 1)
		go func() {
			_, _, _, err := ask(context.Background(), b, selectKey, "k")
			done <- err
		}()
		time.Sleep(time.Second)
		b.Close()
		time.Sleep(5 * time.Second)
		select {
		case err := <-done:
			if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		default:
			t.Error("still waits")
		}
		rows.Close()
	})
}

// The slot comes back where the primary cannot be had, where the statement fails,
// and where a transaction or a connection ends.
func TestSlotsComeBack(t *testing.T) {
	lagging(t, 1, OverflowError, func(t *testing.T, b *bed) {
		ctx := t.Context()
		free := func(when string) {
			t.Helper()
			if n := len(b.rw.fallbacks.slots); n != 0 {
				t.Fatalf("%s: %d slots are taken", when, n)
			}
		}
		b.servers[0].set(failing(errSyntax, false))
		ask(ctx, b, selectKey, "k")
		free("the statement failed")
		b.servers[0].set(failing(nil, false))

		tx, err := b.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(b.rw.fallbacks.slots); n != 1 {
			t.Errorf("%d slots are taken by a transaction that fell back", n)
		}
		tx.Commit()
		free("the transaction ended")

		c := b.conn()
		b.server(ctx, c, selectKey, "k")
		c.Close()
		free("the connection was closed")

		cancelled, cancel := context.WithCancel(ctx)
		if _, err := b.BeginTx(cancelled, &sql.TxOptions{ReadOnly: true}); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		free("the transaction was cancelled")

		b.servers[0].kill(false)
		b.servers[0].set(func(s *fakeServer) { s.fails = errDown })
		if _, _, _, err := ask(ctx, b, selectKey, "k"); err == nil {
			t.Error("a server that is down answers")
		}
		free("the primary is down")
	})
}

// Thousands of operations, each ending in its own way.
func TestNothingLeaks(t *testing.T) {
	live(t, 2, func(c *Config, _ *fakeEngine) {
		c.FallbackLimit, c.Cluster.MaxConns, c.Cluster.MaxLag = 2, 3, 300*time.Millisecond
	}, func(t *testing.T, b *bed) {
		for i, s := range b.servers {
			random := rand.New(rand.NewPCG(7, uint64(i)))
			s.set(func(s *fakeServer) {
				s.quiet = true
				s.latency = func() time.Duration { return 100 * time.Microsecond }
				s.fault = func(string, string) (error, bool) { // under the server's lock
					switch random.IntN(30) {
					case 0:
						return errLost, random.IntN(2) == 0
					case 1:
						return errUnfit, false
					case 2:
						return driver.ErrBadConn, false
					case 3:
						return errSyntax, false
					}
					return nil, false
				}
			})
		}
		var all sync.WaitGroup
		for g := range 12 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(8, uint64(g)))
				for range 150 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+r.IntN(20))*time.Millisecond)
					if r.IntN(2) == 0 {
						ctx = withSession(ctx)
					}
					switch r.IntN(8) {
					case 0:
						b.ExecContext(ctx, updateKey, "k", 1)
					case 1:
						ask(ctx, b, returning, "k", 1)
					case 2:
						if tx, err := b.BeginTx(ctx, &sql.TxOptions{ReadOnly: r.IntN(2) == 0}); err == nil {
							ask(ctx, tx, selectKey, "k")
							if r.IntN(2) == 0 {
								tx.Commit()
							} else {
								tx.Rollback()
							}
						}
					case 3:
						if c, err := b.Conn(ctx); err == nil {
							c.ExecContext(ctx, []string{"BEGIN", "SET app.user = 'x'", selectKey, updateKey}[r.IntN(4)], "k", 1)
							ask(ctx, c, selectKey, "k")
							c.Close()
						}
					case 4:
						if s, err := b.PrepareContext(ctx, selectKey); err == nil {
							if rows, err := s.QueryContext(ctx, "k"); err == nil {
								rows.Close()
							}
							s.Close()
						}
					case 5:
						cancel()
						ask(ctx, b, selectKey, "k")
					default:
						ask(ctx, b, selectKey, fmt.Sprint(r.IntN(3)))
					}
					cancel()
					if g == 0 && r.IntN(20) == 0 {
						s := b.servers[1+r.IntN(2)]
						if r.IntN(2) == 0 {
							s.hold()
						} else {
							s.follow()
						}
						if r.IntN(4) == 0 {
							s.kill(true)
						}
					}
				}
			})
		}
		all.Wait()
	})
}
