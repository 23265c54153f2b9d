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

// TestFallbackLimit: while no replica is fresh enough, no more reads than allowed
// are on the primary, and the others get what the configuration says.
func TestFallbackLimit(t *testing.T) { eachEngine(t, testFallbackLimit) }

func testFallbackLimit(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	ctx := ctxFor(t)
	const limit = 3
	setup := e.open(t, c)
	mustExec(t, setup, `CREATE TABLE limited (v int)`)
	mustExec(t, setup, `INSERT INTO limited VALUES (1)`)
	must(t, c.WaitReplicas(ctx))
	for _, r := range c.Replicas() {
		must(t, r.PauseReplay(ctx))
	}
	// A read that takes long enough for others to meet it.
	slow := `SELECT v FROM limited WHERE ` + fmt.Sprintf(e.sleep, "0.1")

	for _, test := range []struct {
		overflow string
		check    func(t *testing.T, db *sql.DB, failed, answered int64)
	}{
		{"wait", func(t *testing.T, db *sql.DB, failed, answered int64) {
			if failed != 0 || answered != 30 {
				t.Errorf("%d reads answered and %d failed, want all answered", answered, failed)
			}
		}},
		{"error", func(t *testing.T, db *sql.DB, failed, answered int64) {
			if failed == 0 || answered < limit {
				t.Errorf("%d reads answered and %d failed, want some of both", answered, failed)
			}
		}},
		{"stale", func(t *testing.T, db *sql.DB, failed, answered int64) {
			if failed != 0 || statsOf(t, db).Reads["stale"] == 0 {
				t.Errorf("%d reads failed and %d were stale, want none and some", failed, statsOf(t, db).Reads["stale"])
			}
		}},
	} {
		t.Run(test.overflow, func(t *testing.T) {
			db := e.monitor(t, c, "rwsplit_fallback_limit=3", "rwsplit_fallback_overflow="+test.overflow, "rwsplit_probe_interval=100ms")
			must(t, db.PingContext(ctx))
			eventually(t, "the replicas are stopped", func() bool {
				m := statsOf(t, db).Members
				return m[1].State == "stopped" && m[2].State == "stopped"
			})
			var failed, answered, most atomic.Int64
			watching, stop := context.WithCancel(ctx)
			var watch, readers sync.WaitGroup
			watch.Go(func() {
				for watching.Err() == nil {
					most.Store(max(most.Load(), statsOf(t, db).Members[0].InFlight))
					time.Sleep(time.Millisecond)
				}
			})
			for range 30 {
				readers.Go(func() {
					var v int
					switch err := db.QueryRowContext(ctx, slow).Scan(&v); {
					case err == nil:
						answered.Add(1)
					case errors.Is(err, splitter.ErrFallbackLimit):
						failed.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			readers.Wait()
			stop()
			watch.Wait()
			test.check(t, db, failed.Load(), answered.Load())
			// One more may be the reading of the catalog.
			if most.Load() > limit+1 {
				t.Errorf("%d statements at once on the primary, the limit is %d", most.Load(), limit)
			}
			if n := statsOf(t, db).FallbackLimited; n == 0 {
				t.Error("nothing was counted")
			}
		})
	}
	t.Run("context", func(t *testing.T) {
		db := e.monitor(t, c, "rwsplit_fallback_limit=1", "rwsplit_probe_interval=100ms")
		must(t, db.PingContext(ctx))
		rows, err := db.QueryContext(ctx, `SELECT v FROM limited`) // holds the only slot
		must(t, err)
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		if err := db.QueryRowContext(short, `SELECT v FROM limited`).Scan(new(int)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's error", err)
		}
		must(t, rows.Close())
		one[int](t, ctx, db, `SELECT v FROM limited`)
	})
}
