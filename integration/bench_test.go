package integration

import (
	"context"
	"database/sql"
	"strings"
	"testing"
)

// BenchmarkRead compares a read by the plain driver with one by rwsplit, against
// the same replica on this machine: with arguments, which go-sql-driver prepares,
// executes and closes each time, and without.
func BenchmarkRead(b *testing.B) {
	all, err := engines()
	must(b, err)
	for _, e := range all {
		b.Run(e.name, func(b *testing.B) { benchmarkRead(b, e) })
	}
}

func benchmarkRead(b *testing.B, e *engine) {
	c := e.shared(b)
	routed := e.open(b, c, patient)
	plain, err := sql.Open(strings.TrimPrefix(e.driver, "rwsplit-"), c.Replicas()[0].DSN())
	must(b, err)
	defer plain.Close()
	plain.SetMaxIdleConns(256)
	ready(b, routed)
	ctx := context.Background()
	for _, with := range []struct {
		name, text string
		args       []any
	}{
		{"arguments", e.q(`SELECT 1 + $1`), []any{1}},
		{"no arguments", `SELECT 1 + 1`, nil},
	} {
		for name, db := range map[string]*sql.DB{"plain": plain, "rwsplit": routed} {
			b.Run(with.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var v int
					if err := db.QueryRowContext(ctx, with.text, with.args...).Scan(&v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkTenant compares a request that sets its tenant and reads three times: by the
// plain driver on the primary, which has to undo the setting itself, and by rwsplit, which
// sets it on a replica too and undoes it in the background.
func BenchmarkTenant(b *testing.B) {
	all, err := engines()
	must(b, err)
	for _, e := range all {
		if e.kind == "postgres" {
			b.Run(e.name, func(b *testing.B) { benchmarkTenant(b, e) })
		}
	}
}

func benchmarkTenant(b *testing.B, e *engine) {
	c := e.shared(b)
	routed := e.open(b, c, patient)
	plain, err := sql.Open("pgx", c.Primary().DSN())
	must(b, err)
	defer plain.Close()
	plain.SetMaxIdleConns(256)
	ready(b, routed)
	for name, db := range map[string]*sql.DB{"plain": plain, "rwsplit": routed} {
		b.Run(name, func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := tenantRequest(context.Background(), db, db == plain); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

func tenantRequest(ctx context.Context, db *sql.DB, undo bool) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var v string
	if err := conn.QueryRowContext(ctx, `SELECT set_config('app.tenant', $1, false)`, "17").Scan(&v); err != nil {
		return err
	}
	for range 3 {
		if err := conn.QueryRowContext(ctx, `SELECT current_setting('app.tenant')`).Scan(&v); err != nil {
			return err
		}
	}
	if undo {
		_, err = conn.ExecContext(ctx, `RESET app.tenant`)
	}
	return err
}
