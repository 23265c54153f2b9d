package clients

import (
	"database/sql"
	"errors"
	"io/fs"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratemysql "github.com/golang-migrate/migrate/v4/database/mysql"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	migratepq "github.com/golang-migrate/migrate/v4/database/postgres"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
)

// migrateDriver is one of golang-migrate's drivers that work over a *sql.DB.
type migrateDriver struct {
	name string
	open func(db *sql.DB, table string) (database.Driver, error)
}

func migrateDrivers(e *clienttest.Engine) []migrateDriver {
	if e.Kind != "postgres" {
		return []migrateDriver{{"mysql", func(db *sql.DB, table string) (database.Driver, error) {
			return migratemysql.WithInstance(db, &migratemysql.Config{MigrationsTable: table})
		}}}
	}
	return []migrateDriver{
		{"pgx", func(db *sql.DB, table string) (database.Driver, error) {
			return migratepgx.WithInstance(db, &migratepgx.Config{MigrationsTable: table})
		}},
		{"postgres", func(db *sql.DB, table string) (database.Driver, error) {
			return migratepq.WithInstance(db, &migratepq.Config{MigrationsTable: table})
		}},
	}
}

// migrateFiles are three migrations; some are of several statements.
func migrateFiles(name string) fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	items := name + "_items"
	return fstest.MapFS{
		"1_table.up.sql":   file(`CREATE TABLE ` + items + ` (id bigint PRIMARY KEY, v bigint NOT NULL)`),
		"1_table.down.sql": file(`DROP TABLE ` + items),
		"2_rows.up.sql":    file(`INSERT INTO ` + items + ` VALUES (1, 10), (2, 20); UPDATE ` + items + ` SET v = v + 1`),
		"2_rows.down.sql":  file(`DELETE FROM ` + items),
		"3_more.up.sql":    file(`BEGIN; INSERT INTO ` + items + ` SELECT id + 10, v FROM ` + items + `; COMMIT;`),
		"3_more.down.sql":  file(`DELETE FROM ` + items + ` WHERE id > 10`),
	}
}

// newMigrate opens a *sql.DB of its own, as Migrate closes it.
func newMigrate(t *testing.T, e *clienttest.Engine, d migrateDriver, name string, files fs.FS) (*migrate.Migrate, *sql.DB) {
	t.Helper()
	db := e.Open(t, multiStatements(e)...)
	source, err := iofs.New(files, ".")
	must(t, err)
	driver, err := d.open(db, name+"_version")
	must(t, err)
	m, err := migrate.NewWithInstance("iofs", source, d.name, driver)
	must(t, err)
	t.Cleanup(func() {
		if err := errors.Join(m.Close()); err != nil {
			t.Error(err)
		}
	})
	return m, db
}

// TestMigrate: golang-migrate/migrate.
func TestMigrate(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		for _, d := range migrateDrivers(e) {
			t.Run(d.name, func(t *testing.T) { testMigrate(t, e, d) })
		}
	})
}

func testMigrate(t *testing.T, e *clienttest.Engine, d migrateDriver) {
	db := e.Open(t)
	name := "migrate_" + d.name
	files := migrateFiles(name)
	m, own := newMigrate(t, e, d, name, files)
	state := func(want uint, sum int) {
		t.Helper()
		got, dirty, err := m.Version()
		if want == 0 {
			if !errors.Is(err, migrate.ErrNilVersion) {
				t.Errorf("the version is %d, %v; want none", got, err)
			}
			return
		}
		must(t, err)
		if got != want || dirty {
			t.Errorf("the version is %d, dirty=%t; want %d", got, dirty, want)
		}
		if got := one[int](t, db, `/* rwsplit: primary */ SELECT coalesce(sum(v), 0) FROM `+name+`_items`); got != sum {
			t.Errorf("the sum is %d, want %d", got, sum)
		}
	}

	t.Run("up, all of it on the primary", func(t *testing.T) {
		state(0, 0)
		onPrimary(t, e, own, func() {
			must(t, m.Steps(1))
			state(1, 0)
			must(t, m.Up())
		})
		state(3, 64)
	})
	t.Run("a second run does nothing", func(t *testing.T) {
		for range 20 {
			if err := m.Up(); !errors.Is(err, migrate.ErrNoChange) {
				t.Fatalf("got %v, want ErrNoChange", err)
			}
		}
		state(3, 64)
	})
	t.Run("nor does another process, at once", func(t *testing.T) {
		for range 5 {
			other, _ := newMigrate(t, e, d, name, files)
			if err := other.Up(); !errors.Is(err, migrate.ErrNoChange) {
				t.Fatalf("got %v, want ErrNoChange", err)
			}
		}
		state(3, 64)
	})
	t.Run("down and up again", func(t *testing.T) {
		must(t, m.Steps(-1))
		state(2, 32)
		must(t, m.Migrate(1))
		state(1, 0)
		must(t, m.Migrate(3))
		state(3, 64)
		must(t, m.Down())
		state(0, 0)
		must(t, m.Up())
		state(3, 64)
	})
	t.Run("a migration that fails leaves the version dirty until it is forced", func(t *testing.T) {
		broken := migrateFiles(name)
		broken["4_broken.up.sql"] = &fstest.MapFile{Data: []byte(`INSERT INTO ` + name + `_nowhere VALUES (1)`)}
		m, _ := newMigrate(t, e, d, name, broken)
		if err := m.Up(); err == nil {
			t.Fatal("no error")
		}
		if version, dirty, err := m.Version(); err != nil || version != 4 || !dirty {
			t.Errorf("the version is %d, dirty=%t, %v; want 4, dirty", version, dirty, err)
		}
		var dirty migrate.ErrDirty
		if err := m.Up(); !errors.As(err, &dirty) || dirty.Version != 4 {
			t.Errorf("got %v, want ErrDirty", err)
		}
		must(t, m.Force(3))
	})
	t.Run("of several processes at once, one migrates", func(t *testing.T) {
		name := name + "_race"
		const processes = 4
		var wait sync.WaitGroup
		results := make(chan error, processes)
		for range processes {
			m, _ := newMigrate(t, e, d, name, migrateFiles(name))
			wait.Go(func() { results <- m.Up() })
		}
		wait.Wait()
		close(results)
		done := 0
		for err := range results {
			switch {
			case err == nil:
				done++
			case !errors.Is(err, migrate.ErrNoChange):
				t.Error(err)
			}
		}
		if done != 1 {
			t.Errorf("%d processes migrated, want 1", done)
		}
		if sum := one[int](t, db, `/* rwsplit: primary */ SELECT sum(v) FROM `+name+`_items`); sum != 64 {
			t.Errorf("the sum is %d, want 64", sum)
		}
	})
	t.Run("who holds the lock keeps the others out, until his connection ends", func(t *testing.T) {
		mine, err := d.open(e.Open(t, multiStatements(e)...), name+"_version")
		must(t, err)
		theirs, err := d.open(e.Open(t, multiStatements(e)...), name+"_version")
		must(t, err)
		defer theirs.Close()
		must(t, mine.Lock())
		got := make(chan error, 1)
		go func() { got <- theirs.Lock() }()
		waiting := map[bool]string{
			true:  `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
			false: `SELECT count(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'`,
		}[e.Kind == "postgres"]
		for one[int](t, db, `/* rwsplit: primary */ `+waiting) == 0 {
			select {
			case err := <-got:
				t.Fatalf("both hold the lock: %v", err)
			case <-time.After(5 * time.Millisecond):
			}
		}
		must(t, mine.Close())
		must(t, <-got)
		must(t, theirs.Unlock())
	})
	t.Run("drop, and up from nothing", func(t *testing.T) {
		onPrimary(t, e, own, func() { must(t, m.Drop()) })
		schema := map[bool]string{true: `current_schema()`, false: `DATABASE()`}[e.Kind == "postgres"]
		if n := one[int](t, db, `/* rwsplit: primary */ SELECT count(*) FROM information_schema.tables WHERE table_schema = `+schema); n != 0 {
			t.Errorf("%d tables are left", n)
		}
		again, _ := newMigrate(t, e, d, name, files)
		must(t, again.Up())
		state(3, 64)
	})
}
