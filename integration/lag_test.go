package integration

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestLag follows one cluster through what makes replicas unfit for reads.
func TestLag(t *testing.T) { eachEngine(t, testLag) }

func testLag(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	db := e.monitor(t, c, "rwsplit_max_lag=1s", "rwsplit_probe_interval=100ms")
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE lagging (v int)`)
	mustExec(t, db, `INSERT INTO lagging VALUES (0)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	read := func(ctx context.Context) (primary, replicas uint64) {
		return delta(t, db, func() { one[int](t, ctx, db, `SELECT v FROM lagging`) })
	}
	reads := func() uint64 { _, replicas := read(ctx); return replicas }

	t.Run("idle primary: no lag", func(t *testing.T) {
		time.Sleep(1500 * time.Millisecond) // longer than the maximum lag, with nothing written
		for _, m := range statsOf(t, db).Members {
			if m.Lag == nil || *m.Lag > 500*time.Millisecond || m.State != "up" {
				t.Errorf("%s is %s with lag %v on an idle primary", m.Name, m.State, m.Lag)
			}
		}
		if reads() != 1 {
			t.Error("a read did not go to a replica")
		}
	})
	t.Run("a replica that stops is told, and gets no reads", func(t *testing.T) {
		r := c.Replicas()[0]
		must(t, r.PauseReplay(ctx))
		mustExec(t, db, `UPDATE lagging SET v = v + 1`)
		eventually(t, "the replica is stopped", func() bool { return member(t, db, r).State == "stopped" })
		m := member(t, db, r)
		if m.Reason != e.paused {
			t.Errorf("reason %q, want %q", m.Reason, e.paused)
		}
		eventually(t, "its lag grows", func() bool {
			m := member(t, db, r)
			return m.Lag != nil && *m.Lag >= 200*time.Millisecond && m.LagDistance != nil && *m.LagDistance > 0
		})
		before := member(t, db, r).Reads
		for range 50 {
			read(ctx)
		}
		if got := member(t, db, r).Reads - before; got != 0 {
			t.Errorf("%d reads went to the stopped replica", got)
		}
		must(t, r.ResumeReplay(ctx))
		eventually(t, "the replica is up", func() bool { return member(t, db, r).State == "up" })
	})
	t.Run("all replicas stopped: the primary", func(t *testing.T) {
		for _, r := range c.Replicas() {
			must(t, r.PauseReplay(ctx))
		}
		mustExec(t, db, `UPDATE lagging SET v = v + 1`)
		eventually(t, "both are stopped", func() bool {
			return member(t, db, c.Replicas()[0]).State == "stopped" && member(t, db, c.Replicas()[1]).State == "stopped"
		})
		if p, r := read(ctx); p != 1 || r != 0 {
			t.Errorf("%d reads on the primary and %d on replicas", p, r)
		}
		if p, r := read(splitter.WithConsistency(ctx, splitter.Eventual)); p != 0 || r != 1 {
			t.Errorf("eventual: %d reads on the primary and %d on replicas", p, r)
		}
		if n := statsOf(t, db).Fallbacks["stopped"]; n == 0 {
			t.Errorf("fallbacks %v, want some for stopped replicas", statsOf(t, db).Fallbacks)
		}
		for _, r := range c.Replicas() {
			must(t, r.ResumeReplay(ctx))
		}
		ready(t, db)
	})
	t.Run("bounded staleness", func(t *testing.T) {
		// Tighter than the pause between samples: a sample has to be asked for.
		bounded := splitter.WithConsistency(ctx, splitter.BoundedStaleness(40*time.Millisecond))
		_, replicas := delta(t, db, func() {
			for range 20 {
				one[int](t, bounded, db, `SELECT v FROM lagging`)
			}
		})
		if replicas == 0 {
			t.Error("no read within the bound on a replica")
		}
		if p, r := read(splitter.WithConsistency(ctx, splitter.BoundedStaleness(1))); p != 1 || r != 0 {
			t.Errorf("a bound that no replica meets: %d reads on the primary and %d on replicas", p, r)
		}
	})
	t.Run("a replica that dies in use", func(t *testing.T) {
		r := c.Replicas()[0]
		before := statsOf(t, db)
		must(t, r.Kill())
		for range 200 {
			one[int](t, ctx, db, `SELECT v FROM lagging`)
		}
		eventually(t, "the replica is down", func() bool { return member(t, db, r).State == "down" })
		if p, rep := delta(t, db, func() { read(ctx) }); p != 0 || rep != 1 {
			t.Errorf("%d reads on the primary, %d on the other replica", p, rep)
		}
		t.Logf("retries %d", statsOf(t, db).Retries-before.Retries)
		must(t, r.Start(ctx))
		eventually(t, "the replica is up", func() bool { return member(t, db, r).State == "up" })
		eventually(t, "the replica answers again", func() bool {
			n := member(t, db, r).Reads
			read(ctx)
			return member(t, db, r).Reads > n
		})
	})
	t.Run("all replicas gone: the primary", func(t *testing.T) {
		for _, r := range c.Replicas() {
			must(t, r.Stop(ctx))
		}
		for range 20 {
			one[int](t, ctx, db, `SELECT v FROM lagging`)
		}
		if p, r := read(ctx); p != 1 || r != 0 {
			t.Errorf("%d reads on the primary and %d on replicas", p, r)
		}
		for _, r := range c.Replicas() {
			must(t, r.Start(ctx))
		}
		ready(t, db)
		eventually(t, "replicas answer again", func() bool { return reads() == 1 })
	})
}

func member(t testing.TB, db *sql.DB, s *fixture.Server) splitter.MemberStats {
	t.Helper()
	for _, m := range statsOf(t, db).Members {
		if m.Name == s.Addr() {
			return m
		}
	}
	t.Fatalf("no member %s", s.Addr())
	return splitter.MemberStats{}
}

// TestOpenTransaction: a transaction that has written and does not end, on a
// primary where nothing else happens, does not make the replicas look behind. What
// it has written stays on the primary, where no replica gets to.
func TestOpenTransaction(t *testing.T) { eachEngine(t, testOpenTransaction) }

func testOpenTransaction(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, "rwsplit_max_lag=5s", "rwsplit_probe_interval=200ms")
	ctx := ctxFor(t)
	mustExec(t, db, `CREATE TABLE held_open (v int)`)
	ready(t, db)
	s := session.New()
	mine := session.NewContext(ctx, s)
	tx, err := db.BeginTx(mine, nil)
	must(t, err)
	defer tx.Rollback()
	mustExec(t, tx, `INSERT INTO held_open VALUES (1)`)
	if e.unflushed != "" {
		mustExecIn(t, mine, db, e.unflushed)
	}
	begun := time.Now()
	for time.Since(begun) < 6*time.Second {
		for _, m := range statsOf(t, db).Members {
			if m.State != "up" {
				t.Fatalf("%s is %s after %s: %s", m.Name, m.State, time.Since(begun), m.Reason)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	for name, ctx := range map[string]context.Context{"session": mine, "no session": ctx} {
		if p, r := delta(t, db, func() { one[int](t, ctx, db, `SELECT count(*) FROM held_open`) }); p != 0 || r != 1 {
			t.Errorf("%s: %d reads on the primary and %d on replicas", name, p, r)
		}
	}
}
