package integration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

// plain opens one server with the driver that rwsplit wraps, which rwsplit is
// compared with.
func (e *engine) plain(t testing.TB, s *fixture.Server, params ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open(strings.TrimPrefix(e.driver, "rwsplit-"), s.DSN(params...))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// transcript is what a program saw of a database, a line for each thing.
type transcript struct{ lines []string }

func (s *transcript) note(format string, args ...any) {
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// differences returns the lines of two transcripts that are not the same, in
// pairs.
func differences(plain, ours *transcript) (all []string) {
	for i := range max(len(plain.lines), len(ours.lines)) {
		p, o := "(nothing)", "(nothing)"
		if i < len(plain.lines) {
			p = plain.lines[i]
		}
		if i < len(ours.lines) {
			o = ours.lines[i]
		}
		if p != o {
			all = append(all, "plain:   "+p+"\nrwsplit: "+o)
		}
	}
	return all
}

// same fails the test where rwsplit shows something else than the plain driver.
func same(t testing.TB, plain, ours *transcript) {
	t.Helper()
	if len(plain.lines) == 0 {
		t.Fatal("nothing was seen over the plain driver")
	}
	const shown = 20
	all := differences(plain, ours)
	for _, d := range all[:min(shown, len(all))] {
		t.Error(d)
	}
	if len(all) > shown {
		t.Errorf("and %d more", len(all)-shown)
	}
}

// compare runs one program over both and compares what it notes.
func compare(t *testing.T, plain, ours *sql.DB, program func(t *testing.T, db *sql.DB, s *transcript)) {
	t.Helper()
	var p, o transcript
	program(t, plain, &p)
	program(t, ours, &o)
	same(t, &p, &o)
}

// show prints a value, and what it points to, so that two that differ look
// different.
func show(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return fmt.Sprintf("string %q", v)
	case time.Time:
		return fmt.Sprintf("time %s in %s", v.Format(time.RFC3339Nano), v.Location())
	case fmt.Stringer:
		return fmt.Sprintf("%T %s", v, v)
	}
	switch rv := reflect.ValueOf(v); {
	case rv.Kind() == reflect.Pointer && rv.IsNil():
		return fmt.Sprintf("%T nil", v)
	case rv.Kind() == reflect.Pointer:
		return "pointer to " + show(rv.Elem().Interface())
	case rv.Kind() == reflect.Slice && rv.IsNil():
		return fmt.Sprintf("%T nil", v)
	case rv.Kind() == reflect.Slice && rv.Type().Elem().Kind() == reflect.Uint8:
		return fmt.Sprintf("%T %q", v, rv.Bytes())
	case rv.Kind() == reflect.Slice:
		all := make([]string, rv.Len())
		for i := range all {
			all[i] = show(rv.Index(i).Interface())
		}
		return fmt.Sprintf("%T %q", v, all)
	}
	return fmt.Sprintf("%T %+v", v, v)
}

// way is one of the ways in which database/sql takes a query.
type way struct {
	name string
	goes string // where rwsplit sends a read
	run  func(ctx context.Context, db *sql.DB, text string, args []any, see func(*sql.Rows, error))
}

const primaryComment = `/* rwsplit: primary */ `

// ways are those that are compared.
var ways = []way{
	{"query", replica, func(ctx context.Context, db *sql.DB, text string, args []any, see func(*sql.Rows, error)) {
		see(db.QueryContext(ctx, text, args...))
	}},
	{"query on the primary", primary, func(ctx context.Context, db *sql.DB, text string, args []any, see func(*sql.Rows, error)) {
		see(db.QueryContext(ctx, primaryComment+text, args...))
	}},
	{"prepared", replica, prepared("")},
	{"prepared on the primary", primary, prepared(primaryComment)},
	{"conn", replica, func(ctx context.Context, db *sql.DB, text string, args []any, see func(*sql.Rows, error)) {
		conn, err := db.Conn(ctx)
		if err != nil {
			see(nil, err)
			return
		}
		defer conn.Close()
		see(conn.QueryContext(ctx, text, args...))
	}},
	{"transaction", primary, inTransaction(nil)},
	{"read-only transaction", replica, inTransaction(&sql.TxOptions{ReadOnly: true})},
	{"prepared in a transaction", primary, func(ctx context.Context, db *sql.DB, text string, args []any, see func(*sql.Rows, error)) {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			see(nil, err)
			return
		}
		defer tx.Rollback()
		stmt, err := tx.PrepareContext(ctx, text)
		if err != nil {
			see(nil, err)
			return
		}
		defer stmt.Close()
		see(stmt.QueryContext(ctx, args...))
	}},
}

func prepared(comment string) func(context.Context, *sql.DB, string, []any, func(*sql.Rows, error)) {
	return func(ctx context.Context, db *sql.DB, text string, args []any, see func(*sql.Rows, error)) {
		stmt, err := db.PrepareContext(ctx, comment+text)
		if err != nil {
			see(nil, err)
			return
		}
		defer stmt.Close()
		see(stmt.QueryContext(ctx, args...))
	}
}

func inTransaction(o *sql.TxOptions) func(context.Context, *sql.DB, string, []any, func(*sql.Rows, error)) {
	return func(ctx context.Context, db *sql.DB, text string, args []any, see func(*sql.Rows, error)) {
		tx, err := db.BeginTx(ctx, o)
		if err != nil {
			see(nil, err)
			return
		}
		defer tx.Rollback()
		see(tx.QueryContext(ctx, text, args...))
	}
}

// streamOf makes the text of a query with some rows, for each kind of server.
var streamOf = map[string]func(rows int) string{
	"postgres": func(rows int) string {
		return fmt.Sprintf(`SELECT i, 'this is the text of row ' || i FROM (SELECT generate_series(1, %d) AS i) AS g`, rows)
	},
	"mariadb": func(rows int) string {
		return fmt.Sprintf(`SELECT seq, CONCAT('this is the text of row ', seq) FROM seq_1_to_%d`, rows)
	},
	"mysql": func(rows int) string {
		digits := `WITH d (n) AS (SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL
			SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) `
		number, from := "1", []string(nil)
		for i, power := 0, 1; power < rows; i, power = i+1, power*10 {
			number += fmt.Sprintf(" + %d * d%d.n", power, i)
			from = append(from, fmt.Sprintf("d AS d%d", i))
		}
		return fmt.Sprintf(`%s SELECT %s, CONCAT('this is the text of row ', %s) FROM %s LIMIT %d`, digits, number, number, strings.Join(from, ", "), rows)
	},
}

// went checks that f sent something to the one kind of member only.
func went(t testing.TB, db *sql.DB, where string, f func()) {
	t.Helper()
	p, r := delta(t, db, f)
	if where == primary && (p == 0 || r != 0) || where == replica && (p != 0 || r == 0) {
		t.Errorf("%d statements on the primary and %d on replicas, want them on a %s", p, r, where)
	}
}

// TestDifferences: what differs is seen, in either direction.
func TestDifferences(t *testing.T) {
	of := func(lines ...string) *transcript { return &transcript{lines} }
	for _, test := range []struct {
		plain, ours *transcript
		want        int
	}{
		{of("a", "b"), of("a", "b"), 0},
		{of("a", "b"), of("a", "c"), 1},
		{of("a", "b"), of("a"), 1},
		{of("a"), of("a", "b", "c"), 2},
	} {
		if got := differences(test.plain, test.ours); len(got) != test.want {
			t.Errorf("%v and %v: %q, want %d differences", test.plain, test.ours, got, test.want)
		}
	}
	shown := []any{nil, []byte(nil), []byte{}, "", new(string), (*string)(nil), int64(1), uint64(1), "1", []byte("1"), errors.New("1")}
	for i, a := range shown {
		if slices.ContainsFunc(shown[i+1:], func(b any) bool { return show(a) == show(b) }) {
			t.Errorf("%T %v looks like another value", a, a)
		}
	}
}
