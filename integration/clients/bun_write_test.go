package clients

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/feature"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"
	"github.com/uptrace/bun/schema"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
)

// age returns what a read outside transactions sees of a user.
func (b *bunTest) age(t *testing.T, name string) (age int) {
	t.Helper()
	must(t, b.db.NewSelect().Model((*bunUser)(nil)).Column("age").Where("name = ?", name).Scan(ctxFor(t), &age))
	return age
}

func (b *bunTest) changes(t *testing.T) {
	ctx := ctxFor(t)
	b.onPrimary(t, func() {
		bunExec(t, b.db.NewUpdate().Model((*bunUser)(nil)).Set("age = age + ?", 100).Where("name = ?", "user 20"))
	})
	if age := b.age(t, "user 20"); age != 120 {
		t.Errorf("age is %d after the update, want 120", age)
	}
	if b.db.HasFeature(feature.WithValues) {
		var some []bunUser
		must(t, b.db.NewSelect().Model(&some).Where("age BETWEEN 70 AND 79").Scan(ctx))
		for i := range some {
			some[i].Age += 1000
		}
		var n int64
		b.onPrimary(t, func() { // WITH _data AS (VALUES …) UPDATE …
			var err error
			n, err = bunExec(t, b.db.NewUpdate().Model(&some).Column("age").Bulk()).RowsAffected()
			must(t, err)
		})
		if n != 10 || b.age(t, "user 75") != 1075 {
			t.Errorf("the bulk update changed %d rows, the age is %d, want 10 and 1075", n, b.age(t, "user 75"))
		}
	}

	var u bunUser
	must(t, b.db.NewSelect().Model(&u).Where("name = ?", "user 21").Scan(ctx))
	b.onPrimary(t, func() { bunExec(t, b.db.NewDelete().Model(&u).WherePK()) })
	if err := b.db.NewSelect().Model(&bunUser{ID: u.ID}).WherePK().Scan(ctx); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("got %v for a user that was softly deleted, want sql.ErrNoRows", err)
	}
	deleted := bunUser{ID: u.ID}
	must(t, b.db.NewSelect().Model(&deleted).WherePK().WhereDeleted().Scan(ctx))
	if deleted.DeletedAt.IsZero() {
		t.Error("it has no time of deletion")
	}
	b.onPrimary(t, func() { bunExec(t, b.db.NewDelete().Model(&u).WherePK().ForceDelete()) })
	if n, err := b.db.NewSelect().Model(&u).WherePK().WhereAllWithDeleted().Count(ctx); err != nil || n != 0 {
		t.Errorf("counted %d, %v of a user that was deleted", n, err)
	}
	if b.db.HasFeature(feature.DeleteReturning) {
		gone := bunGroup{Name: "gone"}
		bunExec(t, b.db.NewInsert().Model(&gone))
		var name string
		b.onPrimary(t, func() { bunExec(t, b.db.NewDelete().Model(&gone).WherePK().Returning("name"), &name) })
		if name != "gone" {
			t.Errorf("DELETE … RETURNING gave %q", name)
		}
	}
}

func (b *bunTest) upsert(t *testing.T) {
	for v := range int64(3) {
		insert := b.db.NewInsert().Model(&bunCounter{ID: 100, V: v})
		if b.e.Kind == "postgres" {
			insert = insert.On("CONFLICT (id) DO UPDATE").Set("v = EXCLUDED.v")
		} else {
			insert = insert.On("DUPLICATE KEY UPDATE")
		}
		b.onPrimary(t, func() { bunExec(t, insert) })
		c := bunCounter{ID: 100}
		must(t, b.db.NewSelect().Model(&c).WherePK().Scan(ctxFor(t)))
		if c.V != v {
			t.Errorf("got %d after the upsert of %d", c.V, v)
		}
	}
	b.onPrimary(t, func() { bunExec(t, b.db.NewInsert().Model(&bunCounter{ID: 100, V: 9}).Ignore()) })
	c := bunCounter{ID: 100}
	must(t, b.db.NewSelect().Model(&c).WherePK().Scan(ctxFor(t)))
	if c.V != 2 {
		t.Errorf("an insert that ignores conflicts wrote %d", c.V)
	}
}

func (b *bunTest) transactions(t *testing.T) {
	set := func(ctx context.Context, tx bun.IDB, age int) error {
		_, err := tx.NewUpdate().Model((*bunUser)(nil)).Set("age = ?", age).Where("name = ?", "user 40").Exec(ctx)
		return err
	}
	sees := func(ctx context.Context, tx bun.IDB, want int) {
		t.Helper()
		var age int
		must(t, tx.NewSelect().Model((*bunUser)(nil)).Column("age").Where("name = ?", "user 40").Scan(ctx, &age))
		if age != want {
			t.Errorf("the transaction sees age %d, want %d", age, want)
		}
	}
	no := errors.New("no")
	run := func(o *sql.TxOptions, want error, f func(ctx context.Context, tx bun.Tx) error) func() {
		return func() {
			t.Helper()
			if err := b.db.RunInTx(ctxFor(t), o, f); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
		}
	}
	b.onPrimary(t, run(nil, nil, func(ctx context.Context, tx bun.Tx) error {
		sees(ctx, tx, 40)
		must(t, set(ctx, tx, 41))
		sees(ctx, tx, 41)
		return nil
	}))
	if age := b.age(t, "user 40"); age != 41 {
		t.Errorf("age is %d after the commit, want 41", age)
	}
	b.onPrimary(t, run(nil, no, func(ctx context.Context, tx bun.Tx) error {
		must(t, set(ctx, tx, 42))
		sees(ctx, tx, 42)
		return no
	}))
	if age := b.age(t, "user 40"); age != 41 {
		t.Errorf("age is %d after the rollback, want 41", age)
	}
	b.onReplicas(t, run(&sql.TxOptions{ReadOnly: true}, nil, func(ctx context.Context, tx bun.Tx) error {
		sees(ctx, tx, 41)
		return tx.NewSelect().Model(&bunUser{}).Relation("Pets").Relation("Team").Limit(1).Scan(ctx)
	}))
	if err := b.db.RunInTx(ctxFor(t), &sql.TxOptions{ReadOnly: true}, func(ctx context.Context, tx bun.Tx) error { return set(ctx, tx, 43) }); err == nil {
		t.Error("a read-only transaction wrote")
	}
	if age := b.age(t, "user 40"); age != 41 {
		t.Errorf("age is %d after the read-only transaction, want 41", age)
	}
	conn, err := b.db.Conn(ctxFor(t))
	must(t, err)
	defer conn.Close()
	b.onPrimary(t, func() { must(t, set(ctxFor(t), conn, 44)) })
	b.onReplicas(t, func() { sees(ctxFor(t), conn, 44) })
}

func (b *bunTest) nested(t *testing.T) {
	no := errors.New("no")
	put := func(ctx context.Context, tx bun.Tx, id int64) error {
		_, err := tx.NewInsert().Model(&bunCounter{ID: id}).Exec(ctx)
		return err
	}
	b.onPrimary(t, func() {
		must(t, b.db.RunInTx(ctxFor(t), nil, func(ctx context.Context, tx bun.Tx) error {
			must(t, put(ctx, tx, 201))
			must(t, tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
				must(t, put(ctx, tx, 202))
				if err := tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
					must(t, put(ctx, tx, 203))
					return no
				}); !errors.Is(err, no) {
					t.Errorf("got %v, want the function's error", err)
				}
				return nil
			}))
			if err := tx.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error { return put(ctx, tx, 201) }); err == nil {
				t.Error("the key was inserted twice")
			}
			return put(ctx, tx, 204) // the transaction goes on after an error within the savepoint
		}))
	})
	var ids []int64
	must(t, b.db.NewSelect().Model((*bunCounter)(nil)).Column("id").Where("id > 200").Order("id").Scan(ctxFor(t), &ids))
	if want := []int64{201, 202, 204}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
}

func (b *bunTest) locking(t *testing.T) {
	read := func(ctx context.Context, db bun.IDB, lock string) error {
		return db.NewSelect().Model(&bunUser{}).Where("name = ?", "ann").For(lock).Scan(ctx)
	}
	b.onPrimary(t, func() { must(t, read(ctxFor(t), b.db, "UPDATE")) })
	must(t, b.db.RunInTx(ctxFor(t), nil, func(ctx context.Context, tx bun.Tx) error {
		b.onPrimary(t, func() { must(t, read(ctx, tx, "UPDATE")) })
		// The lock is one that others meet.
		if err := read(ctx, b.db, "UPDATE NOWAIT"); err == nil {
			t.Error("the row was locked twice")
		}
		return nil
	}))
}

// TestBunMigrate holds that bun's migrations see their own state, and that two at
// once exclude each other.
func TestBunMigrate(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		conn := e.Open(t, parseTime(e)...)
		var d schema.Dialect = pgdialect.New()
		if e.Kind != "postgres" {
			d = mysqldialect.New()
		}
		migrations := migrate.NewMigrations()
		must(t, migrations.Discover(fstest.MapFS{
			"1_first.up.sql":     {Data: []byte("CREATE TABLE bun_first (v int)\n--bun:split\nINSERT INTO bun_first VALUES (1)")},
			"1_first.down.sql":   {Data: []byte("DROP TABLE bun_first")},
			"2_second.tx.up.sql": {Data: []byte("INSERT INTO bun_first VALUES (2)")},
			"2_second.down.sql":  {Data: []byte("DELETE FROM bun_first WHERE v = 2")},
		}))
		ctx := ctxFor(t)
		m := migrate.NewMigrator(bun.NewDB(conn, d), migrations)
		must(t, m.Init(ctx))
		must(t, m.Lock(ctx))
		if err := migrate.NewMigrator(bun.NewDB(e.Open(t, parseTime(e)...), d), migrations).Lock(ctx); err == nil {
			t.Error("a second migrator got the lock")
		}
		must(t, m.Unlock(ctx))
		for round := range 5 {
			group, err := m.Migrate(ctx)
			must(t, err)
			if len(group.Migrations) != 2 {
				t.Fatalf("round %d applied %d migrations, want 2", round, len(group.Migrations))
			}
			if n := one[int](t, conn, "SELECT sum(v) FROM bun_first"); n != 3 {
				t.Errorf("the sum is %d, want 3", n)
			}
			again, err := m.Migrate(ctx)
			must(t, err)
			if !again.IsZero() {
				t.Errorf("migrations %v ran twice", again)
			}
			group, err = m.Rollback(ctx)
			must(t, err)
			if len(group.Migrations) != 2 {
				t.Errorf("round %d rolled back %d migrations, want 2", round, len(group.Migrations))
			}
		}
	})
}
