package integration

import (
	"errors"
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestToken carries a session from one *sql.DB to another, as between processes.
func TestToken(t *testing.T) { eachEngine(t, testToken) }

func testToken(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	here, there := e.open(t, c), e.open(t, c)
	mustExec(t, here, `CREATE TABLE carried (id int PRIMARY KEY)`)
	ready(t, here)
	ready(t, there)
	for i := range 200 {
		s := session.New()
		mine := session.NewContext(ctx, s)
		mustExecIn(t, mine, here, e.q(`INSERT INTO carried VALUES ($1)`), i)
		token, err := session.FromContext(mine).Token(ctx)
		must(t, err)
		if strings.HasSuffix(token, "?") {
			t.Logf("token %d is unresolved: %s", i, token)
		}
		arrived, err := session.Parse(token)
		must(t, err)
		theirs := session.NewContext(ctx, arrived)
		if got := one[int](t, theirs, there, e.q(`SELECT count(*) FROM carried WHERE id = $1`), i); got != 1 {
			t.Fatalf("write %d is not seen with the token %s", i, token)
		}
		// What was seen there is carried back.
		back, err := arrived.Token(ctx)
		must(t, err)
		returned, err := session.Parse(back)
		must(t, err)
		s.Merge(returned)
	}
	if n := statsOf(t, there).Reads["replica"]; n == 0 {
		t.Error("no read under a token was answered by a replica")
	}
}

// TestForeignToken: a token of another database cluster is not compared.
func TestForeignToken(t *testing.T) { eachEngine(t, testForeignToken) }

func testForeignToken(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.open(t, c, patient)
	mustExec(t, db, `CREATE TABLE foreign_token (id int)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	for _, position := range e.foreign(statsOf(t, db).Members[0].Position) {
		t.Run(position, func(t *testing.T) {
			s, err := session.Parse("rws1!shop*" + position)
			must(t, err)
			mine := session.NewContext(ctx, s)
			history := statsOf(t, db).Fallbacks["history"]
			p, r := delta(t, db, func() { one[int](t, mine, db, `SELECT count(*) FROM foreign_token`) })
			if p != 1 || r != 0 {
				t.Errorf("%d reads on the primary and %d on replicas, want it on the primary", p, r)
			}
			if n := statsOf(t, db).Fallbacks["history"] - history; n != 1 {
				t.Errorf("counted %d times, want once", n)
			}
			// The primary has answered: from here on the session is of this
			// history.
			if p, r := delta(t, db, func() { one[int](t, mine, db, `SELECT count(*) FROM foreign_token`) }); p != 0 || r != 1 {
				t.Errorf("then %d reads on the primary and %d on replicas, want it on a replica", p, r)
			}
		})
	}
}

// TestFailover: the cluster follows a promotion; sessions of before go on.
func TestFailover(t *testing.T) { eachEngine(t, testFailover) }

func testFailover(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	ctx := ctxFor(t)
	db := e.openDSN(t, c.MonitorDSN("rwsplit_probe_interval=200ms", "rwsplit_primary_wait=30s", "rwsplit_wait_budget=1s"))
	mustExec(t, db, `CREATE TABLE moved (v int)`)
	s := session.New()
	mine := session.NewContext(ctx, s)
	mustExecIn(t, mine, db, `INSERT INTO moved VALUES (1)`)
	ready(t, db)
	must(t, c.WaitReplicas(ctx))

	old, next, other := c.Primary(), c.Replicas()[0], c.Replicas()[1]
	must(t, old.Stop(ctx))
	must(t, next.Promote(ctx))
	// A connection that rested is told of the shutdown by the next statement on
	// it, as with plain pgx; what comes after waits for the new primary.
	eventually(t, "a write succeeds", func() bool {
		_, err := db.ExecContext(mine, `INSERT INTO moved VALUES (2)`)
		if err != nil && code(err) != e.shutdown && !errors.Is(err, splitter.ErrUnknownOutcome) {
			t.Fatal(err)
		}
		return err == nil
	})
	if m := member(t, db, next); m.Role != "primary" {
		t.Errorf("the promoted member is %s", m.Role)
	}
	if n := one[int](t, mine, db, `SELECT count(*) FROM moved`); n != 2 {
		t.Errorf("the session sees %d of its 2 writes", n)
	}
	must(t, other.Follow(ctx, next))
	eventually(t, "the other replica follows", func() bool { return member(t, db, other).State == "up" })
	eventually(t, "reads of the session go to it", func() bool {
		_, r := delta(t, db, func() { one[int](t, mine, db, `SELECT count(*) FROM moved`) })
		return r == 1
	})

	// The old primary comes back and takes writes: it gets none.
	must(t, old.Start(ctx))
	eventually(t, "the old primary is a stray", func() bool { return member(t, db, old).Role == "stray" })
	p, r := delta(t, db, func() { mustExecIn(t, mine, db, `INSERT INTO moved VALUES (3)`) })
	if m := member(t, db, old); p != 1 || r != 0 || m.Role != "stray" {
		t.Errorf("%d writes on the new primary and %d elsewhere; the old one is %s", p, r, m.Role)
	}
	must(t, old.Rejoin(ctx, next))
	eventually(t, "the old primary is a replica", func() bool {
		m := member(t, db, old)
		return m.Role == "replica" && m.State == "up"
	})
}
