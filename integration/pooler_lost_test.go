package integration

import (
	"errors"
	"fmt"
	"testing"

	"github.com/rwsplit/rwsplit/driver/postgres"
	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestPoolerServerLost: a pooler lives on when its server does not.
func TestPoolerServerLost(t *testing.T) { eachEngine(t, testPoolerServerLost, "postgres") }

func testPoolerServerLost(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{Replicas: 1})
	// For so long PgBouncer lets a client wait while it cannot reach the server. It is
	// 120 s if not set.
	poolers := fixture.PoolersForTest(t, c, fixture.PoolerOptions{Settings: map[string]string{"query_wait_timeout": "3"}})
	ctx := ctxFor(t)

	t.Run("a restart is another run", func(t *testing.T) {
		direct, err := postgres.New(postgres.Config{DSN: poolers.DSN(execMode("exec"))})
		must(t, err)
		server, standby := direct.Members()[1].Server, c.Replicas()[0]
		conn, err := server.Connect(ctx)
		must(t, err)
		defer conn.Close()
		before, err := server.Observe(ctx, conn)
		must(t, err)
		again, err := server.Observe(ctx, conn)
		must(t, err)
		must(t, standby.Stop(ctx))
		must(t, standby.Start(ctx))
		// The pooler itself finds out after a while.
		eventually(t, "the pooler reaches its server", func() bool { return pooledPing(ctx, poolers[1]) })
		after, err := server.Observe(ctx, conn)
		must(t, err)
		if before.Run != again.Run || after.Run == before.Run {
			t.Errorf("runs %d and %d before the restart and %d after it", before.Run, again.Run, after.Run)
		}
	})
	t.Run("outcome of a write", func(t *testing.T) {
		db := e.openDSN(t, poolers.DSN(execMode("exec")))
		mustExec(t, db, `CREATE TABLE lost (v int)`)
		failed := make(chan error, 1)
		go func() {
			_, err := db.ExecContext(ctx, `INSERT INTO lost SELECT 1 WHERE `+fmt.Sprintf(e.sleep, "60"))
			failed <- err
		}()
		eventually(t, "the write runs", func() bool {
			text, err := c.Primary().QueryText(ctx, fmt.Sprintf(e.running, `INSERT INTO lost`)+` AND state = 'active'`)
			return err == nil && text == "1"
		})
		must(t, c.Primary().Kill())
		if err := <-failed; !errors.Is(err, splitter.ErrUnknownOutcome) {
			t.Errorf("got %v, want ErrUnknownOutcome", err)
		}
		must(t, c.Primary().Start(ctx))
		eventually(t, "writes go on", func() bool {
			_, err := db.ExecContext(ctx, `INSERT INTO lost VALUES (2)`)
			return err == nil
		})
	})
	t.Run("promotion", func(t *testing.T) {
		db := e.openDSN(t, poolers.DSN())
		ready(t, db)
		standby := c.Replicas()[0]
		must(t, c.WaitReplicas(ctx))
		must(t, c.Primary().Kill())
		must(t, standby.Promote(ctx))
		eventually(t, "writes reach the new primary", func() bool {
			_, err := db.ExecContext(ctx, `INSERT INTO lost VALUES (3)`)
			return err == nil
		})
		if got, err := standby.QueryText(ctx, `SELECT count(*) FROM lost WHERE v = 3`); err != nil || got != "1" {
			t.Errorf("the new primary has %s rows, %v, want 1", got, err)
		}
	})
}
