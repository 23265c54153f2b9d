package clients

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/splitter"
)

// age returns what a read outside transactions sees of a user.
func (g *gormTest) age(t *testing.T, name string) int {
	t.Helper()
	var u gormUser
	must(t, g.db.First(&u, "name = ?", name).Error)
	return u.Age
}

func (g *gormTest) changes(t *testing.T) {
	var u gormUser
	must(t, g.db.First(&u, "name = ?", "user 10").Error)
	g.onPrimary(t, func() { must(t, g.db.Model(&u).Update("age", 110).Error) })
	if age := g.age(t, "user 10"); age != 110 {
		t.Errorf("age is %d after Update, want 110", age)
	}
	u.Age = 111
	g.onPrimary(t, func() { must(t, g.db.Save(&u).Error) })
	if age := g.age(t, "user 10"); age != 111 {
		t.Errorf("age is %d after Save, want 111", age)
	}
	result := g.db.Model(&gormUser{}).Where("age BETWEEN ? AND ?", 20, 29).UpdateColumn("age", gorm.Expr("age + ?", 1000))
	must(t, result.Error)
	if result.RowsAffected != 10 {
		t.Errorf("%d rows affected, want 10", result.RowsAffected)
	}
	if age := g.age(t, "user 20"); age != 1020 {
		t.Errorf("age is %d after UpdateColumn, want 1020", age)
	}

	g.onPrimary(t, func() { must(t, g.db.Delete(&u).Error) })
	if err := g.db.First(&gormUser{}, u.ID).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("got %v for a user that was softly deleted, want ErrRecordNotFound", err)
	}
	var deleted gormUser
	must(t, g.db.Unscoped().First(&deleted, u.ID).Error)
	if !deleted.DeletedAt.Valid {
		t.Error("it has no time of deletion")
	}
	g.onPrimary(t, func() { must(t, g.db.Unscoped().Delete(&u).Error) })
	if err := g.db.Unscoped().First(&gormUser{}, u.ID).Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("got %v for a user that was deleted, want ErrRecordNotFound", err)
	}

	if g.e.Kind == "mysql" {
		return // no RETURNING
	}
	var gone []gormGroup
	must(t, g.db.Create(&gormGroup{Name: "bee"}).Error)
	g.onPrimary(t, func() { must(t, g.db.Clauses(clause.Returning{}).Where("name = ?", "bee").Delete(&gone).Error) })
	if len(gone) != 1 || gone[0].Name != "bee" {
		t.Errorf("DELETE … RETURNING gave %+v", gone)
	}
}

func (g *gormTest) upsert(t *testing.T) {
	write := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"v"})}
	for v := range int64(3) {
		g.onPrimary(t, func() { must(t, g.db.Clauses(write).Create(&gormCounter{ID: 100, V: v}).Error) })
		var c gormCounter
		must(t, g.db.First(&c, 100).Error)
		if c.V != v {
			t.Errorf("got %d after the upsert of %d", c.V, v)
		}
	}
	must(t, g.db.Clauses(clause.OnConflict{DoNothing: true}).Create(&gormCounter{ID: 100, V: 9}).Error)
	var c gormCounter
	must(t, g.db.First(&c, 100).Error)
	if c.V != 2 {
		t.Errorf("DO NOTHING wrote %d", c.V)
	}
	for range 3 {
		must(t, g.db.Where(gormGroup{Name: "first or create"}).FirstOrCreate(&gormGroup{}).Error)
	}
	var groups []gormGroup
	must(t, g.db.Find(&groups, "name = ?", "first or create").Error)
	if len(groups) != 1 {
		t.Errorf("FirstOrCreate made %d rows", len(groups))
	}
}

func (g *gormTest) transactions(t *testing.T) {
	set := func(tx *gorm.DB, age int) error {
		return tx.Model(&gormUser{}).Where("name = ?", "user 30").Update("age", age).Error
	}
	sees := func(tx *gorm.DB, want int) {
		t.Helper()
		var u gormUser
		must(t, tx.First(&u, "name = ?", "user 30").Error)
		if u.Age != want {
			t.Errorf("the transaction sees age %d, want %d", u.Age, want)
		}
	}
	g.onPrimary(t, func() {
		must(t, g.db.Transaction(func(tx *gorm.DB) error {
			sees(tx, 30)
			must(t, set(tx, 31))
			sees(tx, 31)
			return nil
		}))
	})
	if age := g.age(t, "user 30"); age != 31 {
		t.Errorf("age is %d after the commit, want 31", age)
	}
	no := errors.New("no")
	g.onPrimary(t, func() {
		if err := g.db.Transaction(func(tx *gorm.DB) error {
			must(t, set(tx, 32))
			sees(tx, 32)
			return no
		}); !errors.Is(err, no) {
			t.Errorf("got %v, want the function's error", err)
		}
	})
	if age := g.age(t, "user 30"); age != 31 {
		t.Errorf("age is %d after the rollback, want 31", age)
	}
	g.onReplicas(t, func() {
		must(t, g.db.Transaction(func(tx *gorm.DB) error {
			sees(tx, 31)
			return tx.Preload("Pets").Find(&[]gormUser{}).Error
		}, &sql.TxOptions{ReadOnly: true}))
	})
	err := g.db.Transaction(func(tx *gorm.DB) error { return set(tx, 33) }, &sql.TxOptions{ReadOnly: true})
	if err == nil {
		t.Error("a read-only transaction wrote")
	}
	if age := g.age(t, "user 30"); age != 31 {
		t.Errorf("age is %d after the read-only transaction, want 31", age)
	}
	must(t, g.db.Transaction(func(tx *gorm.DB) error {
		sees(tx, 31)
		return set(tx, 34)
	}, &sql.TxOptions{Isolation: sql.LevelSerializable}))
	if age := g.age(t, "user 30"); age != 34 {
		t.Errorf("age is %d after the serializable transaction, want 34", age)
	}
}

func (g *gormTest) nested(t *testing.T) {
	no := errors.New("no")
	put := func(tx *gorm.DB, id int64) { t.Helper(); must(t, tx.Create(&gormCounter{ID: id}).Error) }
	g.onPrimary(t, func() {
		must(t, g.db.Transaction(func(tx *gorm.DB) error {
			put(tx, 201)
			must(t, tx.Transaction(func(tx *gorm.DB) error {
				put(tx, 202)
				if err := tx.Transaction(func(tx *gorm.DB) error { put(tx, 203); return no }); !errors.Is(err, no) {
					t.Errorf("got %v, want the function's error", err)
				}
				return nil
			}))
			if err := tx.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&gormCounter{ID: 201}).Error, no)
			}); !errors.Is(err, gorm.ErrDuplicatedKey) {
				t.Errorf("got %v, want ErrDuplicatedKey", err)
			}
			put(tx, 204) // the transaction goes on after an error within the savepoint
			must(t, tx.SavePoint("here").Error)
			put(tx, 205)
			return tx.RollbackTo("here").Error
		}))
	})
	var ids []int64
	must(t, g.db.Model(&gormCounter{}).Where("id > 200").Order("id").Pluck("id", &ids).Error)
	if len(ids) != 3 || ids[0] != 201 || ids[1] != 202 || ids[2] != 204 {
		t.Errorf("got %v, want [201 202 204]", ids)
	}
}

func (g *gormTest) locking(t *testing.T) {
	for _, lock := range []clause.Locking{{Strength: "UPDATE"}, {Strength: "SHARE"}, {Strength: "UPDATE", Options: "NOWAIT"}} {
		var u gormUser
		g.onPrimary(t, func() { must(t, g.db.Clauses(lock).First(&u, "name = ?", "ann").Error) })
		g.onPrimary(t, func() {
			must(t, g.db.Transaction(func(tx *gorm.DB) error { return tx.Clauses(lock).First(&u, "name = ?", "ann").Error }))
		})
	}
	// The lock is one that others meet.
	must(t, g.db.Transaction(func(tx *gorm.DB) error {
		var u gormUser
		must(t, tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&u, "name = ?", "ann").Error)
		if err := g.db.Clauses(clause.Locking{Strength: "UPDATE", Options: "NOWAIT"}).First(&u, "name = ?", "ann").Error; err == nil {
			t.Error("the row was locked twice")
		}
		return nil
	}))
}

func (g *gormTest) increments(t *testing.T) {
	must(t, g.db.Create(&gormCounter{ID: 300}).Error)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 5 {
				if err := g.db.Transaction(func(tx *gorm.DB) error {
					var c gormCounter
					if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).First(&c, 300).Error; err != nil {
						return err
					}
					c.V++
					return tx.Save(&c).Error
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	var c gormCounter
	must(t, g.db.First(&c, 300).Error)
	if c.V != 40 {
		t.Errorf("the counter is %d after 40 increments", c.V)
	}
}

func (g *gormTest) connection(t *testing.T) {
	set, show := "SET lock_wait_timeout = 4711", "SELECT @@lock_wait_timeout"
	if g.e.Kind == "postgres" {
		set, show = "SET geqo_threshold = 4711", "SHOW geqo_threshold"
	}
	value := func(db *gorm.DB) (v string) {
		t.Helper()
		must(t, db.Raw(show).Row().Scan(&v))
		return v
	}
	must(t, g.db.Connection(func(tx *gorm.DB) error {
		must(t, tx.Exec(set).Error)
		for range 3 {
			if v := value(tx); v != "4711" {
				t.Errorf("got %q on the connection that set it, want 4711", v)
			}
		}
		return nil
	}))
	for _, ctx := range []context.Context{ctxFor(t), splitter.OnPrimary(ctxFor(t))} {
		if v := value(g.db.WithContext(ctx)); v == "4711" {
			t.Error("the setting has reached another connection")
		}
	}
}

// TestGORMOpensByDriverName holds that GORM can be given the driver's name and a DSN
// that lists all members.
func TestGORMOpensByDriverName(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		d := postgres.New(postgres.Config{DriverName: e.Driver, DSN: e.DSN})
		if e.Kind != "postgres" {
			d = mysql.New(mysql.Config{DriverName: e.Driver, DSN: e.DSN})
		}
		db := openGORM(t, d, false)
		conn, err := db.DB()
		must(t, err)
		defer conn.Close()
		must(t, db.AutoMigrate(gormModels...))
		must(t, db.AutoMigrate(gormModels...))
		must(t, db.Create(&gormCounter{ID: 1, V: 7}).Error)
		onReplicas(t, e, conn, func() {
			var c gormCounter
			must(t, db.First(&c, 1).Error)
			if c.V != 7 {
				t.Errorf("got %d, want 7", c.V)
			}
		})
	})
}
