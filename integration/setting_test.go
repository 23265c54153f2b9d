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
	{`SET time_zone = ?`, []any{"+09:00"}, `SELECT FROM_UNIXTIME(0)`, `1970-01-01 09:00:00`},
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
