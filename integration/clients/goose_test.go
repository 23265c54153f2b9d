package clients

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"log"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/splitter"
)

// gooseMigrations are four: a table, its rows, an index outside a transaction,
// and one in Go that reads what it wrote. The tables begin with name.
func gooseMigrations(e *clienttest.Engine, name string) (fs.FS, *goose.Migration) {
	index := `CREATE INDEX ` + name + `_v ON ` + name + `_items (v)`
	drop := `DROP INDEX ` + name + `_v ON ` + name + `_items`
	if e.Kind == "postgres" {
		index = `CREATE INDEX CONCURRENTLY ` + name + `_v ON ` + name + `_items (v)`
		drop = `DROP INDEX CONCURRENTLY ` + name + `_v`
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	files := fstest.MapFS{
		"1_table.sql": file("-- +goose Up\nCREATE TABLE " + name + "_items (id bigint PRIMARY KEY, v bigint NOT NULL);\n" +
			"-- +goose Down\nDROP TABLE " + name + "_items;\n"),
		"2_rows.sql": file("-- +goose Up\nINSERT INTO " + name + "_items VALUES (1, 10), (2, 20);\nUPDATE " + name + "_items SET v = v + 1;\n" +
			"-- +goose Down\nDELETE FROM " + name + "_items;\n"),
		"3_index.sql": file("-- +goose NO TRANSACTION\n-- +goose Up\n" + index + ";\n-- +goose Down\n" + drop + ";\n"),
	}
	inGo := goose.NewGoMigration(4, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
		if _, err := db.ExecContext(ctx, `INSERT INTO `+name+`_items VALUES (3, 30)`); err != nil {
			return err
		}
		var n int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM `+name+`_items`).Scan(&n); err != nil {
			return err
		}
		if n != 3 {
			return fmt.Errorf("the migration sees %d rows, want 3", n)
		}
		return nil
	}}, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM `+name+`_items WHERE id = 3`)
		return err
	}})
	return files, inGo
}

// gooseProvider has a history of its own for each name.
func gooseProvider(t *testing.T, e *clienttest.Engine, db *sql.DB, name string, options ...goose.ProviderOption) *goose.Provider {
	t.Helper()
	dialect := goose.DialectMySQL
	if e.Kind == "postgres" {
		dialect = goose.DialectPostgres
	}
	files, inGo := gooseMigrations(e, name)
	p, err := goose.NewProvider(dialect, db, files, append(options,
		goose.WithTableName(name+"_version"), goose.WithGoMigrations(inGo),
		goose.WithLogger(log.New(io.Discard, "", 0)))...)
	must(t, err)
	return p
}

// TestGoose: pressly/goose.
func TestGoose(t *testing.T) { clienttest.EachEngine(t, testGoose) }

func testGoose(t *testing.T, e *clienttest.Engine) {
	ctx := ctxFor(t)
	db := e.Open(t, parseTime(e)...)
	p := gooseProvider(t, e, db, "goose")
	version := func(want int64) {
		t.Helper()
		got, err := p.GetDBVersion(ctx)
		must(t, err)
		if got != want {
			t.Errorf("the version is %d, want %d", got, want)
		}
	}
	sum := func(want int) {
		t.Helper()
		if got := one[int](t, db, `SELECT coalesce(sum(v), 0) FROM goose_items`); got != want {
			t.Errorf("the sum is %d, want %d", got, want)
		}
	}

	t.Run("up, step by step and at once", func(t *testing.T) {
		first, err := p.UpByOne(ctx)
		must(t, err)
		if first.Source.Version != 1 {
			t.Errorf("the first is %d", first.Source.Version)
		}
		version(1)
		results, err := p.Up(ctx)
		must(t, err)
		if len(results) != 3 {
			t.Errorf("%d migrations ran, want 3", len(results))
		}
		version(4)
		sum(62)
	})
	t.Run("a second run does nothing", func(t *testing.T) {
		for range 20 {
			results, err := p.Up(ctx)
			must(t, err)
			if len(results) != 0 {
				t.Fatalf("%d migrations ran again: %v", len(results), results)
			}
		}
		pending, err := p.HasPending(ctx)
		must(t, err)
		if pending {
			t.Error("HasPending")
		}
		sum(62)
	})
	t.Run("status", func(t *testing.T) {
		all, err := p.Status(ctx)
		must(t, err)
		if len(all) != 4 {
			t.Fatalf("%d migrations, want 4", len(all))
		}
		for _, s := range all {
			if s.State != goose.StateApplied || s.AppliedAt.IsZero() {
				t.Errorf("%d is %s at %v", s.Source.Version, s.State, s.AppliedAt)
			}
		}
	})
	t.Run("down and up again", func(t *testing.T) {
		for range 3 {
			_, err := p.Down(ctx)
			must(t, err)
			version(3)
			sum(32)
			_, err = p.DownTo(ctx, 1)
			must(t, err)
			version(1)
			sum(0)
			_, err = p.Up(ctx)
			must(t, err)
			version(4)
			sum(62)
		}
	})
	t.Run("a migration that fails leaves nothing", func(t *testing.T) {
		if e.Kind != "postgres" {
			t.Skip("its DDL is in no transaction")
		}
		broken := fstest.MapFS{"1_broken.sql": {Data: []byte("-- +goose Up\nCREATE TABLE goose_broken (v int);\nINSERT INTO goose_broken VALUES ('x');\n")}}
		p, err := goose.NewProvider(goose.DialectPostgres, db, broken, goose.WithTableName("goose_broken_version"))
		must(t, err)
		if _, err := p.Up(ctx); err == nil {
			t.Fatal("no error")
		}
		if n := one[int](t, db, `SELECT count(*) FROM pg_tables WHERE tablename = 'goose_broken'`); n != 0 {
			t.Error("the table is there")
		}
		got, err := p.GetDBVersion(ctx)
		must(t, err)
		if got != 0 {
			t.Errorf("the version is %d, want 0", got)
		}
	})
	// The *sql.DB of a process that was open before another one migrated may be told
	// of an older version by a replica, and would migrate once more. A lock prevents
	// it, as taking it is a write; without one OnPrimary does.
	t.Run("another process, at once, without a lock, under OnPrimary", func(t *testing.T) {
		other := e.Open(t)
		for i := range 10 {
			name := fmt.Sprint("goose_at_once", i)
			results, err := gooseProvider(t, e, db, name).Up(ctx)
			must(t, err)
			if len(results) != 4 {
				t.Errorf("%d migrations ran, want 4", len(results))
			}
			onPrimary(t, e, other, func() {
				results, err := gooseProvider(t, e, other, name).Up(splitter.OnPrimary(ctx))
				must(t, err)
				if len(results) != 0 {
					t.Errorf("%d migrations ran again", len(results))
				}
			})
		}
	})
}

// TestGooseLocks: of several processes that migrate at once, one does.
func TestGooseLocks(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		if e.Kind == "postgres" {
			t.Run("session locker", func(t *testing.T) {
				testGooseLock(t, e, "goose_session", func() goose.ProviderOption {
					l, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60), lock.WithUnlockTimeout(1, 60))
					must(t, err)
					return goose.WithSessionLocker(l)
				})
			})
			t.Run("session locker is on the primary", func(t *testing.T) { testGooseSessionLock(t, e) })
		}
		t.Run("table locker", func(t *testing.T) {
			newLocker := lock.NewMySQLTableLocker
			if e.Kind == "postgres" {
				newLocker = lock.NewPostgresTableLocker
			}
			testGooseLock(t, e, "goose_table", func() goose.ProviderOption {
				l, err := newLocker(lock.WithTableName("goose_table_lock"), lock.WithTableLockTimeout(100*time.Millisecond, 600))
				must(t, err)
				return goose.WithLocker(l)
			})
		})
	})
}

func testGooseLock(t *testing.T, e *clienttest.Engine, name string, locker func() goose.ProviderOption) {
	ctx := ctxFor(t)
	const processes = 4
	var mu sync.Mutex
	ran := map[int64]int{}
	var wait sync.WaitGroup
	for range processes {
		p := gooseProvider(t, e, e.Open(t, parseTime(e)...), name, locker())
		wait.Go(func() {
			results, err := p.Up(ctx)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, r := range results {
				ran[r.Source.Version]++
			}
		})
	}
	wait.Wait()
	for version := int64(1); version <= 4; version++ {
		if ran[version] != 1 {
			t.Errorf("migration %d ran %d times", version, ran[version])
		}
	}
	if sum := one[int](t, e.Open(t), `/* rwsplit: primary */ SELECT sum(v) FROM `+name+`_items`); sum != 62 {
		t.Errorf("the sum is %d, want 62", sum)
	}
}

// testGooseSessionLock looks at the primary's locks while a migration runs.
func testGooseSessionLock(t *testing.T, e *clienttest.Engine) {
	ctx := ctxFor(t)
	const id = 471147
	l, err := lock.NewPostgresSessionLocker(lock.WithLockID(id))
	must(t, err)
	db := e.Open(t)
	held := func(ctx context.Context) int {
		var n int
		must(t, db.QueryRowContext(splitter.OnPrimary(ctx), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND granted`, id).Scan(&n))
		return n
	}
	look := goose.NewGoMigration(1, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
		if n := held(ctx); n != 1 {
			t.Errorf("the lock is held %d times while a migration runs, want 1", n)
		}
		return nil
	}}, nil)
	p, err := goose.NewProvider(goose.DialectPostgres, db, nil, goose.WithSessionLocker(l), goose.WithGoMigrations(look), goose.WithTableName("goose_look_version"))
	must(t, err)
	results, err := p.Up(ctx)
	must(t, err)
	if len(results) != 1 {
		t.Errorf("%d migrations ran, want 1", len(results))
	}
	if n := held(ctx); n != 0 {
		t.Errorf("the lock is held %d times after the run", n)
	}
}
