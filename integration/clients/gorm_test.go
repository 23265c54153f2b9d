package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

// gormUser has one of each relation, and a hook that reads in the transaction of
// its write.
type gormUser struct {
	gorm.Model
	Name   string `gorm:"size:100;uniqueIndex"`
	Age    int
	Pets   []gormPet   `gorm:"foreignKey:UserID"`
	Groups []gormGroup `gorm:"many2many:gorm_memberships"`

	Others int64 `gorm:"-"` // users there were when it was created, itself included
}

type gormPet struct {
	ID     uint
	UserID uint
	Name   string `gorm:"size:100"`
}

type gormGroup struct {
	ID   uint
	Name string `gorm:"size:100"`
}

type gormCounter struct {
	ID int64 `gorm:"primaryKey;autoIncrement:false"`
	V  int64
}

func (u *gormUser) AfterCreate(tx *gorm.DB) error {
	return tx.Model(&gormUser{}).Count(&u.Others).Error
}

var gormModels = []any{&gormUser{}, &gormPet{}, &gormGroup{}, &gormCounter{}}

// TestGORM holds that a program written with GORM works as it does on one server,
// its reads on replicas.
func TestGORM(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		eachMode(t, e, func(t *testing.T, params ...string) {
			for _, prepare := range []bool{false, true} {
				t.Run(fmt.Sprintf("PrepareStmt %v", prepare), func(t *testing.T) {
					open := func() (*sql.DB, *gorm.DB) {
						conn := e.Open(t, params...)
						return conn, openGORM(t, gormDialector(e, conn), prepare)
					}
					g := &gormTest{e: e, open: open}
					g.conn, g.db = open()
					g.run(t)
				})
			}
		})
	})
}

func gormDialector(e *clienttest.Engine, conn *sql.DB) gorm.Dialector {
	if e.Kind == "postgres" {
		return postgres.New(postgres.Config{Conn: conn})
	}
	return mysql.New(mysql.Config{Conn: conn})
}

func openGORM(t *testing.T, d gorm.Dialector, prepare bool) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(d, &gorm.Config{PrepareStmt: prepare, TranslateError: true, Logger: logger.Discard})
	must(t, err)
	return db
}

type gormTest struct {
	e    *clienttest.Engine
	open func() (*sql.DB, *gorm.DB) // as another process would
	conn *sql.DB
	db   *gorm.DB
}

func (g *gormTest) onPrimary(t *testing.T, f func())  { t.Helper(); onPrimary(t, g.e, g.conn, f) }
func (g *gormTest) onReplicas(t *testing.T, f func()) { t.Helper(); onReplicas(t, g.e, g.conn, f) }

func (g *gormTest) run(t *testing.T) {
	must(t, g.db.AutoMigrate(gormModels...))
	defer func() {
		must(t, g.db.Migrator().DropTable(append(slices.Clone(gormModels), "gorm_memberships")...))
		if g.db.Migrator().HasTable(&gormUser{}) {
			t.Error("the table is there after DropTable")
		}
	}()
	for _, step := range []struct {
		name string
		test func(*testing.T)
	}{
		{"migrations see their own changes", g.migrations},
		{"create", g.create},
		{"reads are answered by replicas", g.reads},
		{"relations", g.relations},
		{"updates and deletes", g.changes},
		{"upsert", g.upsert},
		{"errors", g.errors},
		{"transactions", g.transactions},
		{"nested transactions", g.nested},
		{"locking reads", g.locking},
		{"no update is lost", g.increments},
		{"a connection keeps its state", g.connection},
		{"hints in the context", g.hints},
		{"a session goes from process to process", g.sessions},
		{"no read is stale", g.ownWrites},
	} {
		t.Run(step.name, step.test)
	}
}

func (g *gormTest) migrations(t *testing.T) {
	m := g.db.Migrator()
	must(t, g.db.AutoMigrate(gormModels...)) // compares with what there is
	// So it does when another process has migrated just before.
	g.onPrimary(t, func() { must(t, g.db.WithContext(splitter.OnPrimary(ctxFor(t))).AutoMigrate(gormModels...)) })
	for _, model := range gormModels {
		if !m.HasTable(model) {
			t.Errorf("%T has no table", model)
		}
	}
	type gormPet struct{ Nickname string }
	for range 3 {
		must(t, m.AddColumn(&gormPet{}, "Nickname"))
		if !m.HasColumn(&gormPet{}, "Nickname") {
			t.Fatal("the column is not there after AddColumn")
		}
		must(t, m.DropColumn(&gormPet{}, "Nickname"))
		if m.HasColumn(&gormPet{}, "Nickname") {
			t.Fatal("the column is there after DropColumn")
		}
	}
	if !m.HasIndex(&gormUser{}, "Name") {
		t.Error("the unique index is not there")
	}
	types, err := m.ColumnTypes(&gormCounter{})
	must(t, err)
	if len(types) != 2 {
		t.Errorf("%d columns, want 2", len(types))
	}
}

func (g *gormTest) create(t *testing.T) {
	ann := gormUser{
		Name: "ann", Age: 30,
		Pets:   []gormPet{{Name: "rex"}, {Name: "tom"}},
		Groups: []gormGroup{{Name: "admins"}, {Name: "staff"}},
	}
	g.onPrimary(t, func() { must(t, g.db.Create(&ann).Error) })
	if ann.ID == 0 || ann.Pets[0].ID == 0 || ann.Pets[0].ID == ann.Pets[1].ID || ann.Groups[1].ID == 0 {
		t.Errorf("not all IDs are filled in: %+v", ann)
	}
	if ann.Others != 1 {
		t.Errorf("the hook saw %d users in its transaction, want 1", ann.Others)
	}
	for _, pet := range ann.Pets {
		if pet.UserID != ann.ID {
			t.Errorf("pet %+v is not of user %d", pet, ann.ID)
		}
	}

	many := make([]gormUser, 100)
	for i := range many {
		many[i] = gormUser{Name: fmt.Sprintf("user %02d", i), Age: i}
	}
	g.onPrimary(t, func() { must(t, g.db.CreateInBatches(many, 30).Error) })
	for _, u := range many {
		var name string
		must(t, g.db.Model(&gormUser{}).Where("id = ?", u.ID).Pluck("name", &name).Error)
		if name != u.Name {
			t.Fatalf("ID %d was filled in for %q, and is that of %q", u.ID, u.Name, name)
		}
	}
}

func (g *gormTest) reads(t *testing.T) {
	g.onReplicas(t, func() {
		var u gormUser
		must(t, g.db.First(&u, "name = ?", "user 07").Error)
		if u.Age != 7 || u.CreatedAt.IsZero() {
			t.Errorf("got %+v, want age 7 and a time", u)
		}
		must(t, g.db.Take(&gormUser{}, u.ID).Error)

		var count int64
		must(t, g.db.Model(&gormUser{}).Where("age < ?", 10).Count(&count).Error)
		if count != 10 {
			t.Errorf("counted %d, want 10", count)
		}
		var names []string
		must(t, g.db.Model(&gormUser{}).Where("age IN ?", []int{1, 2, 3}).Order("age").Pluck("name", &names).Error)
		if want := []string{"user 01", "user 02", "user 03"}; !slices.Equal(names, want) {
			t.Errorf("got %q, want %q", names, want)
		}
		var sum int
		must(t, g.db.Raw("SELECT sum(age) FROM gorm_users WHERE age < @limit", sql.Named("limit", 10)).Scan(&sum).Error)
		if sum != 45 {
			t.Errorf("sum is %d, want 45", sum)
		}
		sub := g.db.Model(&gormUser{}).Select("max(age)")
		var eldest gormUser
		must(t, g.db.Where("age = (?)", sub).First(&eldest).Error)
		if eldest.Age != 99 {
			t.Errorf("the eldest is %d, want 99", eldest.Age)
		}

		var batch []gormUser
		seen := 0
		must(t, g.db.FindInBatches(&batch, 40, func(*gorm.DB, int) error { seen += len(batch); return nil }).Error)
		if seen != 101 {
			t.Errorf("FindInBatches saw %d users, want 101", seen)
		}

		generic, err := gorm.G[gormUser](g.db).Where("name = ?", "ann").Preload("Pets", nil).First(t.Context())
		must(t, err)
		if len(generic.Pets) != 2 {
			t.Errorf("got %d pets, want 2", len(generic.Pets))
		}

		rows, err := g.db.Model(&gormUser{}).Where("age < ?", 5).Rows()
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var u gormUser
			must(t, g.db.ScanRows(rows, &u))
			must(t, g.db.First(&gormUser{}, u.ID).Error) // while the rows are open
		}
		must(t, rows.Err())
	})
}

func (g *gormTest) relations(t *testing.T) {
	var ann gormUser
	g.onReplicas(t, func() {
		must(t, g.db.Preload("Pets", func(db *gorm.DB) *gorm.DB { return db.Order("name") }).Preload("Groups").First(&ann, "name = ?", "ann").Error)
		var owners []gormUser
		must(t, g.db.Joins("JOIN gorm_pets ON gorm_pets.user_id = gorm_users.id").Where("gorm_pets.name = ?", "tom").Find(&owners).Error)
		if len(owners) != 1 || owners[0].Name != "ann" {
			t.Errorf("got %+v, want ann", owners)
		}
		if n := g.db.Model(&ann).Association("Groups").Count(); n != 2 {
			t.Errorf("%d groups, want 2", n)
		}
	})
	if len(ann.Pets) != 2 || ann.Pets[0].Name != "rex" || len(ann.Groups) != 2 {
		t.Fatalf("got %+v, want two pets and two groups", ann)
	}
	groups := func() *gorm.Association { return g.db.Model(&ann).Association("Groups") }
	for _, step := range []struct {
		name string
		run  func() error
		want int64
	}{
		{"Append", func() error { return groups().Append(&gormGroup{Name: "third"}) }, 3},
		{"Delete", func() error { return groups().Delete(&ann.Groups[0]) }, 2},
		{"Replace", func() error { return groups().Replace(&gormGroup{Name: "fourth"}) }, 1},
		{"Clear", func() error { return groups().Clear() }, 0},
	} {
		must(t, step.run())
		if n := groups().Count(); n != step.want {
			t.Errorf("%d groups after %s, want %d", n, step.name, step.want)
		}
	}
}

func (g *gormTest) hints(t *testing.T) {
	read := func(ctx context.Context) func() {
		return func() { must(t, g.db.WithContext(ctx).First(&gormUser{}).Error) }
	}
	ctx := ctxFor(t)
	g.onPrimary(t, read(splitter.OnPrimary(ctx)))
	g.onPrimary(t, read(splitter.WithConsistency(ctx, splitter.Strong)))
	g.onReplicas(t, read(splitter.WithConsistency(ctx, splitter.Eventual)))
	g.onPrimary(t, func() { must(t, g.db.Raw("/* rwsplit: primary */ SELECT * FROM gorm_users").Scan(&[]gormUser{}).Error) })
}

func (g *gormTest) sessions(t *testing.T) {
	conn, other := g.open()
	for age := range 20 {
		s := session.New()
		ctx := session.NewContext(ctxFor(t), s)
		must(t, g.db.WithContext(ctx).Model(&gormUser{}).Where("name = ?", "user 50").Update("age", age).Error)
		token, err := s.Token(ctx)
		must(t, err)
		s, err = session.Parse(token)
		must(t, err)
		onReplicas(t, g.e, conn, func() {
			var u gormUser
			must(t, other.WithContext(session.NewContext(ctxFor(t), s)).First(&u, "name = ?", "user 50").Error)
			if u.Age != age {
				t.Errorf("the other process sees age %d, want %d", u.Age, age)
			}
		})
	}
}

func (g *gormTest) ownWrites(t *testing.T) {
	for id := range int64(rowsWritten) {
		must(t, g.db.Create(&gormCounter{ID: id}).Error)
	}
	readsOwnWrites(t, g.e, g.conn, func(ctx context.Context, id, v int64) error {
		return g.db.WithContext(ctx).Model(&gormCounter{}).Where("id = ?", id).Update("v", v).Error
	}, func(ctx context.Context, id int64) (int64, error) {
		c := gormCounter{ID: id}
		err := g.db.WithContext(ctx).Where("id = ?", id).First(&c).Error
		return c.V, err
	})
}

func (g *gormTest) errors(t *testing.T) {
	if err := g.db.Create(&gormUser{Name: "ann"}).Error; !errors.Is(err, gorm.ErrDuplicatedKey) {
		t.Errorf("got %v, want ErrDuplicatedKey", err)
	}
	if err := g.db.First(&gormUser{}, "name = ?", "nobody").Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("got %v, want ErrRecordNotFound", err)
	}
	if err := g.db.Exec("UPDATE gorm_nothing SET v = 1").Error; err == nil {
		t.Error("no error for a table that is not there")
	}
	var zero gormUser
	if err := g.db.Clauses(clause.Locking{Strength: "UPDATE"}).First(&zero, "name = ?", "nobody").Error; !errors.Is(err, gorm.ErrRecordNotFound) {
		t.Errorf("got %v, want ErrRecordNotFound", err)
	}
}
