package integration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

// cancelMark is in the texts of these tests, to find them on the servers.
const cancelMark = `/* to be cancelled */`

// runningMarked counts the statements with a mark that a server runs.
func (e *engine) runningMarked(mark string) string {
	if e.kind == "postgres" {
		return `SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%` + mark + `%'`
	}
	return `SELECT count(*) FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID() AND INFO LIKE '%` + mark + `%'`
}

// connectionsOf counts the connections of the user app.
var connectionsOf = map[string]string{
	"postgres": `SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'`,
	"mysql":    `SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'app'`,
	"mariadb":  `SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'app'`,
}

// slowRows has a row for each third of a second.
var slowRows = map[string]string{
	"postgres": `SELECT i FROM (SELECT generate_series(1, 100) AS i) AS g WHERE EXISTS (SELECT i FROM pg_sleep(0.3))`,
	"mysql":    `SELECT v, repeat('x', 20000) FROM cancelled WHERE SLEEP(0.3) = 0`,
	"mariadb":  `SELECT v, repeat('x', 20000) FROM cancelled WHERE SLEEP(0.3) = 0`,
}

// onEach asks every server for a number.
func onEach(t testing.TB, c *fixture.Cluster, text string) string {
	t.Helper()
	var all []string
	for _, s := range c.Servers() {
		n, err := s.QueryText(ctxFor(t), text)
		must(t, err)
		all = append(all, n)
	}
	return strings.Join(all, " ")
}

// TestCancel: a caller that gives up harms nobody: no member is taken for
// unhealthy, no connection is left that answers another caller wrongly, and
// nothing is left on the servers.
func TestCancel(t *testing.T) { eachEngine(t, testCancel) }

func testCancel(t *testing.T, e *engine) {
	c := e.shared(t)
	setup := e.open(t, c)
	mustExec(t, setup, `CREATE TABLE cancelled (id int PRIMARY KEY, v int)`)
	for id := range 40 {
		mustExec(t, setup, e.q(`INSERT INTO cancelled VALUES ($1, 0)`), id)
	}
	must(t, c.WaitReplicas(ctxFor(t)))
	must(t, setup.Close())
	eventually(t, "no connection is open", func() bool { return onEach(t, c, connectionsOf[e.kind]) == "0 0 0" })
	before := runtime.NumGoroutine()

	db, err := sql.Open(e.driver, c.DSN(patient, "rwsplit_max_conns=24"))
	must(t, err)
	defer db.Close()
	db.SetMaxIdleConns(256)
	ready(t, db)
	stop := watchStates(t, db)
	slow := fmt.Sprintf(e.sleep, "60")
	for _, test := range []struct {
		name string
		run  func(ctx context.Context, mark string) error
	}{
		{"a read on a replica", func(ctx context.Context, mark string) error {
			return scanAll(db.QueryContext(ctx, mark+`SELECT v FROM cancelled WHERE id = 1 AND `+slow))
		}},
		{"a prepared read", func(ctx context.Context, mark string) error {
			stmt, err := db.PrepareContext(ctx, mark+e.q(`SELECT v FROM cancelled WHERE id = $1 AND `)+slow)
			if err != nil {
				return err
			}
			defer stmt.Close()
			return scanAll(stmt.QueryContext(ctx, 1))
		}},
		{"a write", func(ctx context.Context, mark string) error {
			_, err := db.ExecContext(ctx, mark+`UPDATE cancelled SET v = v + 1 WHERE id = 1 AND `+slow)
			return err
		}},
		{"a statement in a transaction", func(ctx context.Context, mark string) error {
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return err
			}
			defer tx.Rollback()
			_, err = tx.ExecContext(ctx, mark+`UPDATE cancelled SET v = v + 1 WHERE id = 2 AND `+slow)
			return err
		}},
		{"a read-only transaction", func(ctx context.Context, mark string) error {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			if err != nil {
				return err
			}
			defer tx.Rollback()
			return scanAll(tx.QueryContext(ctx, mark+`SELECT v FROM cancelled WHERE id = 1 AND `+slow))
		}},
		{"Next, for a row that takes long", func(ctx context.Context, mark string) error {
			return scanAll(db.QueryContext(ctx, mark+slowRows[e.kind]))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(ctxFor(t))
			failed := make(chan error)
			go func() { failed <- test.run(ctx, cancelMark+`/* `+test.name+` */`) }()
			eventually(t, "it runs", func() bool { return onEach(t, c, e.runningMarked(test.name)) != "0 0 0" })
			cancel()
			if err := <-failed; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		})
	}
	t.Run("between rows", func(t *testing.T) {
		for range 20 {
			ctx, cancel := context.WithCancel(ctxFor(t))
			rows, err := db.QueryContext(ctx, cancelMark+streamOf[e.kind](100_000))
			must(t, err)
			if !rows.Next() {
				t.Fatal(rows.Err())
			}
			cancel()
			for rows.Next() {
			}
			if err := rows.Err(); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
			rows.Close()
		}
	})
	t.Run("waiting for a connection", func(t *testing.T) { testCancelWaiting(t, e, c) })
	t.Run("200 callers", func(t *testing.T) { storm(t, e, db, 200, 3*time.Second) })
	t.Run("afterwards", func(t *testing.T) {
		// PostgreSQL is told. The others, as with the plain driver, are not, and
		// look after 5 s of SLEEP whether the client is still there.
		eventually(t, "no server runs anything of it", func() bool { return onEach(t, c, e.runningMarked("to be cancelled")) == "0 0 0" })
		rightAnswers(t, e, db, 50, 500)
	})
	stop()
	must(t, db.Close())
	eventually(t, "no connection is left", func() bool { return onEach(t, c, connectionsOf[e.kind]) == "0 0 0" })
	eventually(t, "no goroutine is left", func() bool { return len(ours()) == 0 && runtime.NumGoroutine() <= before })
}

// scanAll reads rows to their end.
func scanAll(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// watchStates fails the test when a member is anything but up before stop is
// called.
func watchStates(t *testing.T, db *sql.DB) (stop func()) {
	end := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		told := make(map[string]bool)
		for {
			select {
			case <-end:
				return
			case <-time.After(2 * time.Millisecond):
			}
			for _, m := range statsOf(t, db).Members {
				if what := m.Name + " is " + m.State + ": " + m.Reason; m.State != "up" && !told[what] {
					told[what] = true
					t.Error(what)
				}
			}
		}
	})
	return func() {
		close(end)
		wait.Wait()
	}
}

// testCancelWaiting gives up while others have all connections.
func testCancelWaiting(t *testing.T, e *engine, c *fixture.Cluster) {
	ctx := ctxFor(t)
	for _, test := range []struct {
		name      string
		configure func(*sql.DB)
		param     string
	}{
		{"of rwsplit", func(*sql.DB) {}, "rwsplit_max_conns=1"},
		{"of database/sql", func(db *sql.DB) { db.SetMaxOpenConns(3) }, "rwsplit_max_conns=8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := e.open(t, c, patient, test.param)
			ready(t, db)
			defer watchStates(t, db)()
			test.configure(db)
			write, err := db.BeginTx(ctx, nil)
			must(t, err)
			mustExec(t, write, `UPDATE cancelled SET v = v WHERE id = 3`)
			var held []*sql.Tx
			for range 2 {
				// Those of one member are used up first, as each has one.
				tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
				must(t, err)
				held = append(held, tx)
			}
			for name, run := range map[string]func(ctx context.Context) error{
				"write": func(ctx context.Context) error {
					_, err := db.ExecContext(ctx, `UPDATE cancelled SET v = v WHERE id = 4`)
					return err
				},
				"read": func(ctx context.Context) error {
					return scanAll(db.QueryContext(ctx, `SELECT v FROM cancelled`))
				},
				"Begin": func(ctx context.Context) error {
					tx, err := db.BeginTx(ctx, nil)
					if err == nil {
						tx.Rollback()
					}
					return err
				},
			} {
				short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				if err := run(short); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: got %v, want context.DeadlineExceeded", name, err)
				}
				cancel()
			}
			must(t, write.Commit())
			for _, tx := range held {
				must(t, tx.Commit())
			}
			rightAnswers(t, e, db, 10, 100)
			must(t, db.Close())
		})
	}
}

// storm has many callers that give up at random, each of which checks the answers
// that it does get.
func storm(t *testing.T, e *engine, db *sql.DB, callers int, length time.Duration) {
	end, deadline := context.WithTimeout(ctxFor(t), length)
	defer deadline()
	var wait sync.WaitGroup
	var answered, gaveUp atomic.Int64
	for i := range callers {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(4711, uint64(i)))
			for end.Err() == nil {
				ctx, cancel := context.WithTimeout(ctxFor(t), time.Duration(random.IntN(60_000))*time.Microsecond)
				err := oneCall(ctx, e, db, i, random.IntN(6))
				ended := ctx.Err() != nil
				cancel()
				switch {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, context.DeadlineExceeded), ended && e.endedBy(err):
					gaveUp.Add(1)
				default:
					t.Errorf("caller %d: %v", i, err)
				}
			}
		})
	}
	wait.Wait()
	if answered.Load() < 100 || gaveUp.Load() < 100 {
		t.Errorf("%d calls were answered, %d given up: want hundreds of both", answered.Load(), gaveUp.Load())
	}
	t.Logf("%d calls were answered, %d given up", answered.Load(), gaveUp.Load())
}

// endedBy reports whether an error is what else the plain driver says when a
// context has ended.
func (e *engine) endedBy(err error) bool {
	var network net.Error
	switch {
	case errors.Is(err, sql.ErrTxDone):
		return true
	case errors.As(err, &network) && network.Timeout(): // of a dialer, whose clock is ahead
		return true
	}
	// go-sql-driver, of a statement in a transaction whose connection it has just closed.
	return e.kind != "postgres" && errors.Is(err, driver.ErrBadConn)
}

var errWrongAnswer = errors.New("another caller's answer")

// oneCall asks for the number i in some way.
func oneCall(ctx context.Context, e *engine, db *sql.DB, i, how int) error {
	got := i
	var err error
	switch how {
	case 0:
		err = db.QueryRowContext(ctx, cancelMark+fmt.Sprintf(`SELECT %d FROM cancelled WHERE id = 1`, i)).Scan(&got)
	case 1:
		err = db.QueryRowContext(ctx, cancelMark+e.q(`SELECT 0 + $1`), i).Scan(&got)
	case 2:
		_, err = db.ExecContext(ctx, cancelMark+e.q(`UPDATE cancelled SET v = v + 1 WHERE id = $1`), i%40)
	case 3:
		err = db.QueryRowContext(ctx, cancelMark+primaryComment+e.q(`SELECT 0 + $1`), i).Scan(&got)
	case 4:
		var tx *sql.Tx
		if tx, err = db.BeginTx(ctx, nil); err != nil {
			return err
		}
		defer tx.Rollback()
		if err = tx.QueryRowContext(ctx, cancelMark+e.q(`SELECT 0 + $1`), i).Scan(&got); err == nil {
			err = tx.Commit()
		}
	case 5:
		err = scanAll(db.QueryContext(ctx, cancelMark+streamOf[e.kind](2_000)))
	}
	if err == nil && got != i {
		return fmt.Errorf("%w: %d, want %d", errWrongAnswer, got, i)
	}
	return err
}

// rightAnswers asks plain questions, each caller for a number of its own.
func rightAnswers(t *testing.T, e *engine, db *sql.DB, callers, calls int) {
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			for range calls / callers {
				for how := range 5 {
					if err := oneCall(ctxFor(t), e, db, i, how); err != nil {
						t.Errorf("caller %d: %v", i, err)
					}
				}
			}
		})
	}
	wait.Wait()
}
