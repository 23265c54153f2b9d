package integration

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// rewriter replaces a text by another, as a program may.
type rewriter struct {
	text  string
	calls *atomic.Int64
}

func (r rewriter) RewriteQuery(_ context.Context, _ *pgx.Conn, _ string, args []any) (string, []any, error) {
	r.calls.Add(1)
	return r.text, args, nil
}

// failingRewriter has an error of its own.
type failingRewriter struct{}

var errRewriter = errors.New("cannot rewrite")

func (failingRewriter) RewriteQuery(context.Context, *pgx.Conn, string, []any) (string, []any, error) {
	return "", nil, errRewriter
}

// TestPGXArguments: pgx's options among the arguments work as by the plain driver.
func TestPGXArguments(t *testing.T) { eachEngine(t, testPGXArguments, "postgres") }

func testPGXArguments(t *testing.T, e *engine) {
	c := e.shared(t)
	mustExec(t, e.open(t, c), `CREATE TABLE pgx_arguments (v int PRIMARY KEY, w text)`)
	must(t, c.WaitReplicas(ctxFor(t)))
	plain, ours := e.plain(t, c.Primary()), e.open(t, c, patient)
	ready(t, ours)
	for _, test := range []struct {
		name, text string
		args       []any
	}{
		{"cache statement", `SELECT $1::int + 1`, []any{pgx.QueryExecModeCacheStatement, 1}},
		{"cache describe", `SELECT $1::int + 2`, []any{pgx.QueryExecModeCacheDescribe, 1}},
		{"describe exec", `SELECT $1::int + 3`, []any{pgx.QueryExecModeDescribeExec, 1}},
		{"exec", `SELECT $1::int + 4`, []any{pgx.QueryExecModeExec, 1}},
		{"simple", `SELECT $1::int + 5`, []any{pgx.QueryExecModeSimpleProtocol, 1}},
		{"simple, two statements", `SELECT 1; SELECT 2`, []any{pgx.QueryExecModeSimpleProtocol}},
		{"text results", `SELECT $1::int + 6, now() - now(), 'x'::bytea`, []any{pgx.QueryResultFormats{pgx.TextFormatCode}, 1}},
		{"binary results", `SELECT $1::int + 7, 1.5::numeric`, []any{pgx.QueryResultFormats{pgx.BinaryFormatCode}, 1}},
		{"results by OID", `SELECT $1::int + 8`, []any{pgx.QueryResultFormatsByOID{23: pgx.TextFormatCode}, 1}},
		{"two options", `SELECT $1::int + 9`, []any{pgx.QueryExecModeExec, pgx.QueryResultFormats{pgx.TextFormatCode}, 1}},
		{"named", `SELECT @a::int + @b::int, '@a'`, []any{pgx.NamedArgs{"a": 1, "b": 2, "c": 3}}},
		{"named, one missing", `SELECT @a::int, @b::int`, []any{pgx.NamedArgs{"a": 1}}},
		{"strictly named", `SELECT @a::int + @b::int`, []any{pgx.StrictNamedArgs{"a": 1, "b": 2}}},
		{"strictly named, one missing", `SELECT @a::int + @b::int`, []any{pgx.StrictNamedArgs{"a": 1}}},
		{"strictly named, one too many", `SELECT @a::int`, []any{pgx.StrictNamedArgs{"a": 1, "b": 2}}},
		{"named, with a mode", `SELECT @a::int + 10`, []any{pgx.QueryExecModeExec, pgx.NamedArgs{"a": 1}}},
		{"rewritten", `whatever`, []any{rewriter{`SELECT $1::int + 11`, new(atomic.Int64)}, 1}},
		{"failing rewriter", `SELECT 12`, []any{failingRewriter{}}},
		{"option that is not first", `SELECT $1::int + 13`, []any{1, pgx.QueryExecModeExec}},
		{"named, a write", `INSERT INTO pgx_arguments VALUES (@v, @w) RETURNING v, w`, []any{pgx.NamedArgs{"v": 1, "w": "one"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, w := range ways {
				compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
					mustExec(t, db, `DELETE FROM pgx_arguments`)
					s.note("%s", w.name)
					w.run(ctxFor(t), db, test.text, test.args, s.rows)
				})
			}
			compare(t, plain, ours, func(t *testing.T, db *sql.DB, s *transcript) {
				mustExec(t, db, `DELETE FROM pgx_arguments`)
				r, err := db.ExecContext(ctxFor(t), test.text, test.args...)
				s.result(r, err)
			})
		})
	}
	t.Run("named arguments, where they go", func(t *testing.T) {
		went(t, ours, replica, func() {
			if got := one[int](t, ctxFor(t), ours, `SELECT @a::int`, pgx.NamedArgs{"a": 4711}); got != 4711 {
				t.Errorf("got %d, want 4711", got)
			}
		})
	})
	t.Run("the rewriter's error", func(t *testing.T) {
		if _, err := ours.QueryContext(ctxFor(t), `SELECT 1`, failingRewriter{}); !errors.Is(err, errRewriter) {
			t.Errorf("got %v, want the rewriter's", err)
		}
	})
}

// TestQueryRewriter: what a rewriter makes of a text is written on the primary,
// once, though the text looks like a read.
func TestQueryRewriter(t *testing.T) { eachEngine(t, testQueryRewriter, "postgres") }

func testQueryRewriter(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.open(t, c, patient)
	mustExec(t, db, `CREATE TABLE rewritten (v int)`)
	must(t, c.WaitReplicas(ctx))
	ready(t, db)
	rewrite := rewriter{`INSERT INTO rewritten VALUES (1) RETURNING v`, new(atomic.Int64)}
	count := func(t *testing.T) int {
		t.Helper()
		n := one[int](t, ctx, db, primaryComment+`SELECT count(*) FROM rewritten`)
		mustExec(t, db, `TRUNCATE rewritten`)
		return n
	}
	for _, text := range []string{`SELECT v FROM rewritten`, `SELECT 4711`, `/* a comment */ SELECT 1`} {
		t.Run("query of "+text, func(t *testing.T) {
			for range 5 { // the first may be found out by a replica's refusal
				if got := one[int](t, ctx, db, text, rewrite); got != 1 {
					t.Errorf("got %d, want 1", got)
				}
				if n := count(t); n != 1 {
					t.Errorf("%d rows were written, want 1", n)
				}
			}
		})
		t.Run("exec of "+text, func(t *testing.T) {
			for range 5 {
				mustExec(t, db, text, rewrite)
				if n := count(t); n != 1 {
					t.Errorf("%d rows were written, want 1", n)
				}
			}
		})
	}
	t.Run("it sees its own write", func(t *testing.T) {
		for range 20 {
			mustExec(t, db, `SELECT 4712`, rewrite)
			if n := one[int](t, ctx, db, `SELECT count(*) FROM rewritten`); n != 1 {
				t.Fatalf("%d rows are seen after the write of one", n)
			}
			mustExec(t, db, `TRUNCATE rewritten`)
		}
	})
}

// TestRewrittenLock: a lock that a rewriter asks for is taken on the primary.
func TestRewrittenLock(t *testing.T) { eachEngine(t, testRewrittenLock, "postgres") }

func testRewrittenLock(t *testing.T, e *engine) {
	c := e.shared(t)
	ctx := ctxFor(t)
	db := e.open(t, c, patient)
	ready(t, db)
	conn, err := db.Conn(ctx)
	must(t, err)
	defer conn.Close()
	if !one[bool](t, ctx, conn, `SELECT true`, rewriter{`SELECT pg_try_advisory_lock(471147)`, new(atomic.Int64)}) {
		t.Fatal("no lock")
	}
	const held = `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 471147`
	for _, s := range c.Servers() {
		n, err := s.QueryText(ctx, held)
		must(t, err)
		if want := map[bool]string{true: "1", false: "0"}[s == c.Primary()]; n != want {
			t.Errorf("%s locks on %s, want %s", n, s.Name(), want)
		}
	}
}
