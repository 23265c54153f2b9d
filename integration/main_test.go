package integration

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/splitter"
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	all, _ := engines()
	for _, e := range all {
		if e.cluster == nil {
			continue
		}
		if err := e.cluster.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "close the shared cluster:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// patient makes reads wait for a replica however busy the machine is, for tests
// of where a read goes.
const patient = "rwsplit_wait_budget=10s"

// ctxFor ends with the test, and well before go test's own timeout.
func ctxFor(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustExec(t testing.TB, db execer, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(ctxFor(t), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

type execer interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
}

type queryer interface {
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

// one returns the single value of a query.
func one[T any](t testing.TB, ctx context.Context, db queryer, text string, args ...any) T {
	t.Helper()
	var v T
	if err := db.QueryRowContext(ctx, text, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func statsOf(t testing.TB, db *sql.DB) splitter.Stats {
	t.Helper()
	c, err := splitter.ClusterOf(db)
	must(t, err)
	return c.Stats()
}

// ready makes the database follow its members and waits until all are up.
func ready(t testing.TB, db *sql.DB) {
	t.Helper()
	c, err := splitter.ClusterOf(db)
	must(t, err)
	must(t, c.Ping(ctxFor(t)))
	eventually(t, "all members are up", func() bool {
		for _, m := range c.Stats().Members {
			if m.State != "up" {
				return false
			}
		}
		return true
	})
}

// eventually waits for a condition of real servers, which no fake time can bring.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 30 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// delta tells what members did while f ran: statements sent to the primary and
// to the replicas.
func delta(t testing.TB, db *sql.DB, f func()) (primary, replicas uint64) {
	t.Helper()
	p0, r0 := sums(statsOf(t, db))
	f()
	p1, r1 := sums(statsOf(t, db))
	return p1 - p0, r1 - r0
}

func sums(s splitter.Stats) (primary, replicas uint64) {
	for _, m := range s.Members {
		if m.Role == "primary" {
			primary += m.Reads + m.Writes
		} else {
			replicas += m.Reads + m.Writes
		}
	}
	return primary, replicas
}

func mustExecIn(t testing.TB, ctx context.Context, db execer, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(ctx, text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}
