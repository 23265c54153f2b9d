package integration

import (
	"database/sql"
	"testing"
)

// setting is what a checkout sets, and where it shows.
type setting struct {
	set  string
	args []any
	show string
	want string
}

var postgresSettings = []setting{
	{`SET search_path = pg_catalog, "x y"`, nil, `SHOW search_path`, `pg_catalog, "x y"`},
	{`SET TIME ZONE 'Asia/Tokyo'`, nil, `SELECT extract(timezone FROM now())::text`, `32400`},
	{`SET ROLE pg_read_all_stats`, nil, `SELECT current_user::text`, `pg_read_all_stats`},
	{`SELECT set_config('app.tenant', $1, false)`, []any{"17"}, `SELECT current_setting('app.tenant')`, `17`},
	{`SET app.tenant = '18'; SET app.owner TO 'x'`, nil, `SELECT current_setting('app.tenant') || current_setting('app.owner')`, `18x`},
	{`SET IntervalStyle = 'iso_8601'`, nil, `SELECT make_interval(days => extract(day FROM now())::int * 0 + 3)::text`, `P3D`},
}

var mySQLSettings = []setting{
	{`SET time_zone = ?`, []any{"+09:00"}, `SELECT FROM_UNIXTIME(86400)`, `1970-01-02 09:00:00`},
	{`SET SESSION sql_mode = 'PIPES_AS_CONCAT,STRICT_ALL_TABLES', @@group_concat_max_len = 5`, nil, `SELECT 'a' || GROUP_CONCAT('1234567')`, `a12345`},
	{`SET NAMES latin1`, nil, `SELECT @@character_set_client`, `latin1`},
	{`USE elsewhere`, nil, `SELECT DATABASE()`, `elsewhere`},
	{`SET timestamp = 86400`, nil, `SELECT UNIX_TIMESTAMP()`, `86400`},
	{`SET sql_select_limit = 1`, nil, `SELECT COUNT(*) FROM (SELECT 1) t`, `1`},
	{`SET lc_time_names = 'de_DE'`, nil, `SELECT MONTHNAME('2026-12-01')`, `Dezember`},
}

// TestSettingsFollow: what a checkout sets holds where it reads, also in a read-only
// transaction, and for nobody else.
func TestSettingsFollow(t *testing.T) { eachEngine(t, testSettingsFollow) }

func testSettingsFollow(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	ready(t, db)
	settings := mySQLSettings
	prepare := []string{`CREATE DATABASE elsewhere`, `GRANT ALL ON elsewhere.* TO app`}
	if e.kind == "postgres" {
		settings, prepare = postgresSettings, []string{`GRANT pg_read_all_stats TO app`}
	}
	for _, text := range prepare {
		must(t, c.Primary().Exec(ctx, text))
	}
	must(t, c.WaitReplicas(ctx))
	for _, s := range settings {
		t.Run(s.set, func(t *testing.T) {
			var before string
			err := db.QueryRowContext(ctx, s.show).Scan(&before)
			if err == nil && before == s.want && s.want != "1" {
				t.Fatalf("%s is %s without having been set", s.show, s.want)
			}
			conn, err := db.Conn(ctx)
			must(t, err)
			if s.args == nil {
				mustExec(t, conn, s.set)
			} else {
				rows, err := conn.QueryContext(ctx, s.set, s.args...)
				must(t, err)
				must(t, rows.Close())
			}
			check := func(where string, q queryer) {
				t.Helper()
				primary, replicas := delta(t, db, func() {
					var got string
					if err := q.QueryRowContext(ctx, s.show).Scan(&got); err != nil || got != s.want {
						t.Errorf("%s: %q, want %q, %v", where, got, s.want, err)
					}
				})
				if primary != 0 || replicas == 0 {
					t.Errorf("%s: %d statements on the primary and %d on replicas", where, primary, replicas)
				}
			}
			check("a read", conn)
			tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			must(t, err)
			check("in a read-only transaction", tx)
			must(t, tx.Commit())
			tx, err = conn.BeginTx(ctx, nil)
			must(t, err)
			if got := one[string](t, ctx, tx, s.show); got != s.want {
				t.Errorf("on the primary: %q, want %q", got, s.want)
			}
			must(t, tx.Commit())
			must(t, conn.Close())
			for range 30 {
				for _, text := range []string{s.show, `/* rwsplit: primary */ ` + s.show} {
					var after string
					if err := db.QueryRowContext(ctx, text).Scan(&after); err == nil && after == s.want && s.want != "1" {
						t.Fatalf("another checkout has it, by %s", text)
					}
				}
			}
		})
	}
}

// TestSettingsDoNotLeak: ways by which what one checkout has set came near another.
func TestSettingsDoNotLeak(t *testing.T) { eachEngine(t, testSettingsDoNotLeak, "postgres") }

func testSettingsDoNotLeak(t *testing.T, e *engine) {
	c := e.shared(t)
	db := e.open(t, c, patient)
	ctx := ctxFor(t)
	ready(t, db)
	must(t, c.Primary().Exec(ctx, `CREATE FUNCTION enter(tenant text) RETURNS text LANGUAGE sql AS 'SELECT set_config(''app.tenant'', tenant, false)'`))
	must(t, c.WaitReplicas(ctx))
	inTx := func(readOnly, commit bool, texts ...string) func(*testing.T) {
		return func(t *testing.T) {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: readOnly})
			must(t, err)
			for _, text := range texts {
				tx.ExecContext(ctx, text) // some are refused
			}
			if commit {
				tx.Commit()
			} else {
				tx.Rollback()
			}
		}
	}
	onConn := func(texts ...string) func(*testing.T) {
		return func(t *testing.T) {
			conn, err := db.Conn(ctx)
			must(t, err)
			defer conn.Close()
			for _, text := range texts {
				mustExec(t, conn, text)
				one[int](t, ctx, conn, `SELECT 1`)
			}
		}
	}
	const set = `SET app.tenant = 'leaked'`
	for _, test := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"refused savepoint on a replica", inTx(true, true, set, `SAVEPOINT a`)},
		{"savepoint behind another statement", inTx(true, true, set, `SET LOCAL app.x = 1; SAVEPOINT a`)},
		{"rollback to a savepoint", inTx(false, true, `SAVEPOINT a`, set, `ROLLBACK TO a`)},
		{"commit behind another statement", inTx(false, false, set, `SET LOCAL app.x = 1; COMMIT`)},
		{"commit as text", inTx(false, false, set, `COMMIT`)},
		{"failed transaction", inTx(false, true, set, `SELECT 1/0`)},
		{"failed setting", inTx(true, true, set, `SET work_mem = 'much'`)},
		{"a function", onConn(`SELECT enter('leaked')`)},
		{"a function after a setting", onConn(set, `SELECT enter('leaked')`)},
		{"a block", onConn(`DO $$ BEGIN PERFORM enter('leaked'); END $$`)},
		{"BEGIN as text", onConn(`BEGIN`, set)},
		{"one of a *sql.DB", func(t *testing.T) { mustExec(t, db, set) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.do(t)
			for range 30 {
				for _, hint := range []string{``, `/* rwsplit: primary */ `} {
					if got := one[string](t, ctx, db, hint+`SELECT coalesce(current_setting('app.tenant', true), '')`); got != "" {
						t.Fatalf("another checkout has %q", got)
					}
				}
			}
		})
	}

	t.Run("a function after a setting decides for what follows", func(t *testing.T) {
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		mustExec(t, conn, `SET app.tenant = '1'`)
		mustExec(t, conn, `SELECT enter('2')`)
		for range 5 {
			if got := one[string](t, ctx, conn, `SELECT current_setting('app.tenant')`); got != "2" {
				t.Errorf("tenant %s, want 2", got)
			}
		}
	})
	// A literal is read when the statement is parsed, and the statement is kept.
	t.Run("literals that were parsed under a setting", func(t *testing.T) {
		const text = `SELECT extract(epoch FROM '2024-01-01'::timestamptz)::bigint + $1::int`
		conn, err := db.Conn(ctx)
		must(t, err)
		mustExec(t, conn, `SET TIME ZONE 'Asia/Tokyo'`)
		tokyo := one[int64](t, ctx, conn, text, 0)
		must(t, conn.Close())
		for range 60 {
			if utc := one[int64](t, ctx, db, text, 0); utc-tokyo != 9*3600 {
				t.Fatalf("another checkout has %d, %d later than Tokyo, want %d", utc, utc-tokyo, 9*3600)
			}
		}
	})
}
