package clients

import (
	"context"
	"database/sql"
	"os"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
)

func TestMain(m *testing.M) { os.Exit(clienttest.Run(m)) }

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

type execer interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
}

type queryer interface {
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

func mustExec(t testing.TB, db execer, text string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(ctxFor(t), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// one returns the single value of a query.
func one[T any](t testing.TB, db queryer, text string, args ...any) T {
	t.Helper()
	var v T
	if err := db.QueryRowContext(ctxFor(t), text, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
