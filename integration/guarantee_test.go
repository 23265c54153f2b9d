package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

// The figures of the guarantee test: 200 goroutines, each with one session after
// another.
const (
	goroutines    = 200
	readsPerWrite = 6
	counters      = 8 // rows that only grow, written by nobody's session
)

// TestGuarantees holds read-your-writes and monotonic reads against replicas
// that stop applying at random, through every way of writing that database/sql
// has. Each session writes its own row and reads it back; and it
// reads rows that others increase, which must never go back.
func TestGuarantees(t *testing.T) { eachEngine(t, testGuarantees) }

func testGuarantees(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	db := e.open(t, c, "rwsplit_wait_budget=1s") // two cores have much to do
	load := newGuarantees(t, e, db)
	must(t, c.WaitReplicas(ctxFor(t))) // for the tables
	stop := pauseAtRandom(t, c, 60*time.Millisecond, 120*time.Millisecond)
	load.run(*sessionReads, session.NewContext)
	stop()

	s := statsOf(t, db)
	onReplicas := s.Reads["replica"]
	var all uint64
	for _, n := range s.Reads {
		all += n
	}
	t.Logf("%s: %d session reads, %d of %d reads answered by replicas (%.0f %%), %d writes, waits %d, fallbacks %v, retries %d",
		c.Version(), load.reads.Load(), onReplicas, all, 100*float64(onReplicas)/float64(all), load.writes.Load(), s.Waits, s.Fallbacks, s.Retries)
	if stale, back := load.stale.Load(), load.back.Load(); stale != 0 || back != 0 {
		t.Errorf("%d violations of read-your-writes and %d of monotonic reads, want none", stale, back)
	}
	if load.reads.Load() < *sessionReads {
		t.Errorf("%d session reads, want at least %d", load.reads.Load(), *sessionReads)
	}
	if onReplicas*2 < all {
		t.Errorf("%d of %d reads answered by replicas, want at least half", onReplicas, all)
	}
}

// TestGuaranteesCanFail shows that the test above finds both kinds of violation
// when the reads do not ask for what their session needs.
func TestGuaranteesCanFail(t *testing.T) { eachEngine(t, testGuaranteesCanFail) }

func testGuaranteesCanFail(t *testing.T, e *engine) {
	c := e.start(t, fixture.Options{})
	db := e.open(t, c)
	load := newGuarantees(t, e, db)
	must(t, c.WaitReplicas(ctxFor(t))) // for the tables
	stop := pauseAtRandom(t, c, 60*time.Millisecond, 120*time.Millisecond)
	load.run(10_000, func(ctx context.Context, s *session.Session) context.Context {
		return splitter.WithConsistency(session.NewContext(ctx, s), splitter.Eventual)
	})
	stop()
	stale, back := load.stale.Load(), load.back.Load()
	t.Logf("without the sessions' needs: %d violations of read-your-writes, %d of monotonic reads in %d reads", stale, back, load.reads.Load())
	if stale == 0 || back == 0 {
		t.Errorf("the control found %d violations of read-your-writes and %d of monotonic reads, want some of both", stale, back)
	}
}

// pauseAtRandom stops applying on one replica or the other until the returned
// function is called.
func pauseAtRandom(t testing.TB, c *fixture.Cluster, paused, between time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		pause := func(d time.Duration) {
			select {
			case <-ctx.Done():
			case <-time.After(rand.N(2 * d)):
			}
		}
		for ctx.Err() == nil {
			r := c.Replicas()[rand.IntN(len(c.Replicas()))]
			if err := r.PauseReplay(context.Background()); err != nil {
				t.Error(err)
				return
			}
			pause(paused)
			if err := r.ResumeReplay(context.Background()); err != nil {
				t.Error(err)
				return
			}
			pause(between)
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// guarantees is a load whose readers compare what they see with what they know.
type guarantees struct {
	t        testing.TB
	e        *engine
	db       *sql.DB
	inserted atomic.Int64 // ids of sessions
	reads    atomic.Int64
	writes   atomic.Int64
	stale    atomic.Int64 // a session did not see its own write
	back     atomic.Int64 // a session saw a row go back
}

func newGuarantees(t testing.TB, e *engine, db *sql.DB) *guarantees {
	mustExec(t, db, `CREATE TABLE own (id bigint PRIMARY KEY, v bigint NOT NULL)`)
	mustExec(t, db, `CREATE TABLE counter (id int PRIMARY KEY, v bigint NOT NULL)`)
	for i := range counters {
		mustExec(t, db, e.q(`INSERT INTO counter VALUES ($1, 0)`), i)
	}
	return &guarantees{t: t, e: e, db: db}
}

// run reads until the number of session reads is reached. The readers' contexts
// are made by contextOf.
func (g *guarantees) run(reads int64, contextOf func(context.Context, *session.Session) context.Context) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	stmt, err := g.db.PrepareContext(ctx, g.e.q(`SELECT v FROM own WHERE id = $1`))
	must(g.t, err)
	defer stmt.Close()

	ticking, stopTicking := context.WithCancel(ctx)
	var ticker, readers sync.WaitGroup
	ticker.Go(func() { g.tick(ticking) })
	for range goroutines {
		readers.Go(func() {
			for g.reads.Load() < reads && ctx.Err() == nil && !g.t.Failed() {
				s := session.New()
				if err := g.session(contextOf(ctx, s), stmt); err != nil {
					g.t.Errorf("a session: %v", err)
					return
				}
			}
		})
	}
	readers.Wait()
	stopTicking()
	ticker.Wait()
	if ctx.Err() != nil {
		g.t.Errorf("%d of %d reads in time", g.reads.Load(), reads)
	}
}

// tick increases the counters, outside any session.
func (g *guarantees) tick(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		_, err := g.db.ExecContext(ctx, g.e.q(`UPDATE counter SET v = v + 1 WHERE id = $1`), i%counters)
		if err != nil && !errors.Is(err, context.Canceled) {
			g.t.Errorf("tick: %v", err)
			return
		}
	}
}

// session is the life of one session: a few writes, in all the ways there are,
// each followed by reads.
func (g *guarantees) session(ctx context.Context, stmt *sql.Stmt) error {
	id := g.inserted.Add(1)
	seen := make([]int64, counters)
	for version, write := range []func(context.Context, int64, int64) error{
		g.insert, g.exec, g.returning, g.transaction, g.prepared, g.conn, g.sqlTransaction,
	} {
		if err := write(ctx, id, int64(version)); err != nil {
			return fmt.Errorf("write %d: %w", version, err)
		}
		g.writes.Add(1)
		for i := range readsPerWrite {
			var err error
			if i%2 == 0 {
				err = g.readOwn(ctx, stmt, id, int64(version), i)
			} else {
				err = g.readCounter(ctx, seen)
			}
			if err != nil {
				return fmt.Errorf("read after write %d: %w", version, err)
			}
			g.reads.Add(1)
		}
	}
	return nil
}

func (g *guarantees) insert(ctx context.Context, id, v int64) error {
	_, err := g.db.ExecContext(ctx, g.e.q(`INSERT INTO own VALUES ($1, $2)`), id, v)
	return err
}

const update = `UPDATE own SET v = $1 WHERE id = $2`

func (g *guarantees) exec(ctx context.Context, id, v int64) error {
	_, err := g.db.ExecContext(ctx, g.e.q(update), v, id)
	return err
}

// returning writes by Query.
func (g *guarantees) returning(ctx context.Context, id, v int64) error {
	rows, err := g.db.QueryContext(ctx, g.e.q(g.e.returningUpdate), v, id)
	if err != nil {
		return err
	}
	for rows.Next() {
	}
	return errors.Join(rows.Err(), rows.Close())
}

func (g *guarantees) transaction(ctx context.Context, id, v int64) error {
	tx, err := g.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, g.e.q(update), v, id); err != nil {
		return err
	}
	return tx.Commit()
}

func (g *guarantees) prepared(ctx context.Context, id, v int64) error {
	stmt, err := g.db.PrepareContext(ctx, g.e.q(update))
	if err != nil {
		return err
	}
	defer stmt.Close()
	_, err = stmt.ExecContext(ctx, v, id)
	return err
}

func (g *guarantees) conn(ctx context.Context, id, v int64) error {
	conn, err := g.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.ExecContext(ctx, g.e.q(update), v, id)
	return err
}

func (g *guarantees) sqlTransaction(ctx context.Context, id, v int64) error {
	conn, err := g.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, text := range []string{`BEGIN`, fmt.Sprintf(`UPDATE own SET v = %d WHERE id = %d`, v, id), `COMMIT`} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// readOwn reads the session's row in one of several ways, and compares.
func (g *guarantees) readOwn(ctx context.Context, stmt *sql.Stmt, id, want int64, way int) error {
	var v int64
	var err error
	switch way / 2 % 3 {
	case 0:
		err = g.db.QueryRowContext(ctx, g.e.q(`SELECT v FROM own WHERE id = $1`), id).Scan(&v)
	case 1:
		err = stmt.QueryRowContext(ctx, id).Scan(&v)
	case 2:
		err = g.readInTransaction(ctx, id, &v)
	}
	if errors.Is(err, sql.ErrNoRows) {
		v, err = -1, nil
	}
	if err == nil && v < want {
		g.stale.Add(1)
	}
	return err
}

func (g *guarantees) readInTransaction(ctx context.Context, id int64, v *int64) error {
	tx, err := g.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.QueryRowContext(ctx, g.e.q(`SELECT v FROM own WHERE id = $1`), id).Scan(v); err != nil {
		return err
	}
	return tx.Commit()
}

func (g *guarantees) readCounter(ctx context.Context, seen []int64) error {
	rows, err := g.db.QueryContext(ctx, `SELECT id, v FROM counter`)
	if err != nil {
		return err
	}
	defer rows.Close()
	back := false
	for rows.Next() {
		var id int
		var v int64
		if err := rows.Scan(&id, &v); err != nil {
			return err
		}
		back = back || v < seen[id]
		seen[id] = max(seen[id], v)
	}
	if back {
		g.back.Add(1)
	}
	return rows.Err()
}

// TestDDL: what changes the schema is a write like any other, with a session and
// without one.
func TestDDL(t *testing.T) { eachEngine(t, testDDL) }

func testDDL(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ready(t, db)
	ctx := ctxFor(t)
	for i := range 30 {
		if i%2 == 0 {
			ctx = session.NewContext(ctx, session.New())
		}
		mustExecIn(t, ctx, db, fmt.Sprintf(`CREATE TABLE ddl_%d (v int)`, i))
		one[int](t, ctx, db, fmt.Sprintf(`SELECT count(v) FROM ddl_%d`, i))
		mustExecIn(t, ctx, db, fmt.Sprintf(`ALTER TABLE ddl_%d ADD COLUMN w int`, i))
		one[int](t, ctx, db, fmt.Sprintf(`SELECT count(w) FROM ddl_%d`, i))
	}
	if n := statsOf(t, db).Reads["replica"]; n < 30 {
		t.Errorf("%d of 60 reads on replicas", n)
	}
}
