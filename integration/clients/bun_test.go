package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/feature"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/splitter"
)

// bunUser has one of each relation, and a hook.
type bunUser struct {
	bun.BaseModel `bun:"table:bun_users,alias:u"`

	ID        int64             `bun:",pk,autoincrement"`
	Name      string            `bun:",unique,notnull,type:varchar(100)"`
	Age       int               `bun:",notnull"`
	Attrs     map[string]string `bun:",type:json"`
	CreatedAt time.Time         `bun:",notnull"`
	DeletedAt time.Time         `bun:",soft_delete,nullzero"`
	TeamID    int64             `bun:",nullzero"`
	Team      *bunTeam          `bun:"rel:belongs-to,join:team_id=id"`
	Pets      []bunPet          `bun:"rel:has-many,join:id=user_id"`
	Groups    []bunGroup        `bun:"m2m:bun_memberships,join:User=Group"`
}

func (u *bunUser) BeforeAppendModel(_ context.Context, query bun.Query) error {
	if _, ok := query.(*bun.InsertQuery); ok {
		u.CreatedAt = time.Now()
	}
	return nil
}

type bunTeam struct {
	bun.BaseModel `bun:"table:bun_teams"`

	ID   int64  `bun:",pk,autoincrement"`
	Name string `bun:",type:varchar(100)"`
}

type bunPet struct {
	bun.BaseModel `bun:"table:bun_pets"`

	ID     int64  `bun:",pk,autoincrement"`
	UserID int64  `bun:",notnull"`
	Name   string `bun:",type:varchar(100)"`
}

type bunGroup struct {
	bun.BaseModel `bun:"table:bun_groups"`

	ID   int64  `bun:",pk,autoincrement"`
	Name string `bun:",type:varchar(100)"`
}

type bunMembership struct {
	bun.BaseModel `bun:"table:bun_memberships"`

	UserID  int64     `bun:",pk"`
	User    *bunUser  `bun:"rel:belongs-to,join:user_id=id"`
	GroupID int64     `bun:",pk"`
	Group   *bunGroup `bun:"rel:belongs-to,join:group_id=id"`
}

type bunCounter struct {
	bun.BaseModel `bun:"table:bun_counters"`

	ID int64 `bun:",pk"`
	V  int64 `bun:",notnull"`
}

var bunModels = []any{(*bunUser)(nil), (*bunTeam)(nil), (*bunPet)(nil), (*bunGroup)(nil), (*bunMembership)(nil), (*bunCounter)(nil)}

// TestBun holds that a program written with bun works as it does on one server, its
// reads on replicas. bun writes arguments into the text, so that what differs
// between modes are its prepared statements.
func TestBun(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		eachMode(t, e, func(t *testing.T, params ...string) {
			conn := e.Open(t, params...)
			var d schema.Dialect = pgdialect.New()
			if e.Kind != "postgres" {
				d = mysqldialect.New()
			}
			b := &bunTest{e: e, conn: conn, db: bun.NewDB(conn, d)}
			b.db.RegisterModel((*bunMembership)(nil))
			b.run(t)
		})
	})
}

type bunTest struct {
	e    *clienttest.Engine
	conn *sql.DB
	db   *bun.DB
}

func (b *bunTest) onPrimary(t *testing.T, f func())  { t.Helper(); onPrimary(t, b.e, b.conn, f) }
func (b *bunTest) onReplicas(t *testing.T, f func()) { t.Helper(); onReplicas(t, b.e, b.conn, f) }

func (b *bunTest) run(t *testing.T) {
	ctx := ctxFor(t)
	for _, model := range bunModels {
		b.onPrimary(t, func() { bunExec(t, b.db.NewCreateTable().Model(model)) })
	}
	defer func() {
		for _, model := range bunModels {
			bunExec(t, b.db.NewDropTable().Model(model))
		}
		if _, err := b.db.NewSelect().Model((*bunCounter)(nil)).Count(ctx); err == nil {
			t.Error("a table can be read after DropTable")
		}
	}()
	for _, step := range []struct {
		name string
		test func(*testing.T)
	}{
		{"insert", b.insert},
		{"reads are answered by replicas", b.reads},
		{"relations", b.relations},
		{"prepared", b.prepared},
		{"updates and deletes", b.changes},
		{"upsert", b.upsert},
		{"transactions", b.transactions},
		{"nested transactions", b.nested},
		{"locking reads", b.locking},
		{"hints", b.hints},
		{"no read is stale", b.ownWrites},
	} {
		t.Run(step.name, step.test)
	}
}

// bunQuery is a statement that bun has built.
type bunQuery interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}

func bunExec(t *testing.T, query bunQuery, dest ...any) sql.Result {
	t.Helper()
	result, err := query.Exec(ctxFor(t), dest...)
	must(t, err)
	return result
}

func (b *bunTest) insert(t *testing.T) {
	team := bunTeam{Name: "red"}
	b.onPrimary(t, func() { bunExec(t, b.db.NewInsert().Model(&team)) })
	ann := bunUser{Name: "ann", Age: 30, TeamID: team.ID, Attrs: map[string]string{"city": "Paris"}}
	b.onPrimary(t, func() { bunExec(t, b.db.NewInsert().Model(&ann)) })
	pets := []bunPet{{UserID: ann.ID, Name: "rex"}, {UserID: ann.ID, Name: "tom"}}
	groups := []bunGroup{{Name: "admins"}, {Name: "staff"}}
	b.onPrimary(t, func() {
		bunExec(t, b.db.NewInsert().Model(&pets))
		bunExec(t, b.db.NewInsert().Model(&groups))
	})
	if team.ID == 0 || ann.ID == 0 || pets[0].ID == 0 || pets[1].ID == pets[0].ID || groups[1].ID == 0 {
		t.Errorf("not all IDs are filled in: %+v, %+v, %+v, %+v", team, ann, pets, groups)
	}
	bunExec(t, b.db.NewInsert().Model(&[]bunMembership{{UserID: ann.ID, GroupID: groups[0].ID}, {UserID: ann.ID, GroupID: groups[1].ID}}))

	many := make([]bunUser, 100)
	for i := range many {
		many[i] = bunUser{Name: fmt.Sprintf("user %02d", i), Age: i}
	}
	b.onPrimary(t, func() { bunExec(t, b.db.NewInsert().Model(&many)) })
	for _, u := range many {
		got := bunUser{ID: u.ID}
		must(t, b.db.NewSelect().Model(&got).WherePK().Scan(ctxFor(t)))
		if got.Name != u.Name {
			t.Fatalf("ID %d was filled in for %q, and is that of %q", u.ID, u.Name, got.Name)
		}
	}
	if b.db.HasFeature(feature.InsertReturning) {
		var age int
		b.onPrimary(t, func() {
			bunExec(t, b.db.NewInsert().Model(&bunUser{Name: "zoe", Age: 1000}).Returning("age"), &age)
		})
		if age != 1000 {
			t.Errorf("RETURNING gave %d, want 1000", age)
		}
	}
}

func (b *bunTest) reads(t *testing.T) {
	ctx := ctxFor(t)
	b.onReplicas(t, func() {
		var u bunUser
		must(t, b.db.NewSelect().Model(&u).Where("name = ?", "ann").Scan(ctx))
		if u.Age != 30 || u.Attrs["city"] != "Paris" || u.CreatedAt.IsZero() {
			t.Errorf("got %+v, want age 30, the city and a time", u)
		}
		if err := b.db.NewSelect().Model(&u).Where("name = ?", "it's ? nobody").Scan(ctx); !errors.Is(err, sql.ErrNoRows) {
			t.Errorf("got %v, want sql.ErrNoRows", err)
		}
		var young []bunUser
		n, err := b.db.NewSelect().Model(&young).Where("age < 10").Order("age DESC").Limit(3).ScanAndCount(ctx)
		must(t, err)
		if n != 10 || len(young) != 3 || young[0].Age != 9 {
			t.Errorf("counted %d, got %+v, want 10 and three from age 9 on", n, young)
		}
		exists, err := b.db.NewSelect().Model((*bunUser)(nil)).Where("name IN (?)", bun.List([]string{"bob", "user 42"})).Exists(ctx)
		must(t, err)
		if !exists {
			t.Error("Exists says no")
		}
		var names []string
		older := b.db.NewSelect().Model((*bunUser)(nil)).Where("age BETWEEN 50 AND 59")
		must(t, b.db.NewSelect().With("older", older).Table("older").Column("name").Order("name").Limit(2).Scan(ctx, &names))
		if want := []string{"user 50", "user 51"}; !slices.Equal(names, want) {
			t.Errorf("got %q of the CTE, want %q", names, want)
		}
		var sum int
		must(t, b.db.NewRaw("SELECT sum(age) FROM ? WHERE age < ?", bun.Ident("bun_users"), 10).Scan(ctx, &sum))
		if sum != 45 {
			t.Errorf("sum is %d, want 45", sum)
		}
		union := b.db.NewSelect().Model((*bunUser)(nil)).Column("name").Where("age = 1").
			UnionAll(b.db.NewSelect().Model((*bunUser)(nil)).Column("name").Where("age = 2"))
		if err := union.Scan(ctx, &names); err != nil || len(names) != 2 {
			t.Errorf("got %q, %v of the union, want two names", names, err)
		}
		rows, err := b.db.NewSelect().Model((*bunUser)(nil)).Where("age < 5").Rows(ctx)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var u bunUser
			must(t, b.db.ScanRow(ctx, rows, &u))
			must(t, b.db.NewSelect().Model(&u).WherePK().Scan(ctx)) // while the rows are open
		}
		must(t, rows.Err())
	})
}

func (b *bunTest) relations(t *testing.T) {
	var ann bunUser
	b.onReplicas(t, func() {
		must(t, b.db.NewSelect().Model(&ann).Relation("Team").Relation("Groups").
			Relation("Pets", func(q *bun.SelectQuery) *bun.SelectQuery { return q.Order("name") }).
			Where("u.name = ?", "ann").Scan(ctxFor(t)))
	})
	if ann.Team == nil || ann.Team.Name != "red" || len(ann.Pets) != 2 || ann.Pets[0].Name != "rex" || len(ann.Groups) != 2 {
		t.Errorf("got %+v, want the team, two pets and two groups", ann)
	}
}

func (b *bunTest) prepared(t *testing.T) {
	ctx := ctxFor(t)
	read, err := b.db.PrepareContext(ctx, q(b.e, "SELECT age FROM bun_users WHERE name = $1"))
	must(t, err)
	defer read.Close()
	write, err := b.db.PrepareContext(ctx, q(b.e, "UPDATE bun_users SET age = $1 WHERE name = $2"))
	must(t, err)
	defer write.Close()
	for age := range 10 {
		b.onPrimary(t, func() {
			_, err := write.ExecContext(ctx, age, "user 11")
			must(t, err)
		})
		b.onReplicas(t, func() {
			var got int
			must(t, read.QueryRowContext(ctx, "user 11").Scan(&got))
			if got != age {
				t.Errorf("got %d, just after %d was written", got, age)
			}
		})
	}
	must(t, b.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.StmtContext(ctx, write.Stmt).ExecContext(ctx, 11, "user 11")
		return err
	}))
}

func (b *bunTest) hints(t *testing.T) {
	read := func(ctx context.Context, comment string) func() {
		return func() { must(t, b.db.NewSelect().Model(&bunTeam{}).Comment(comment).Limit(1).Scan(ctx)) }
	}
	ctx := ctxFor(t)
	b.onReplicas(t, read(ctx, ""))
	b.onReplicas(t, read(ctx, "of the list of teams"))
	b.onPrimary(t, read(ctx, "rwsplit: primary"))
	b.onPrimary(t, read(splitter.OnPrimary(ctx), ""))
	b.onReplicas(t, read(splitter.WithConsistency(ctx, splitter.Eventual), ""))
}

func (b *bunTest) ownWrites(t *testing.T) {
	for id := range int64(rowsWritten) {
		bunExec(t, b.db.NewInsert().Model(&bunCounter{ID: id}))
	}
	readsOwnWrites(t, b.e, b.conn, func(ctx context.Context, id, v int64) error {
		_, err := b.db.NewUpdate().Model(&bunCounter{ID: id, V: v}).Column("v").WherePK().Exec(ctx)
		return err
	}, func(ctx context.Context, id int64) (int64, error) {
		c := bunCounter{ID: id}
		err := b.db.NewSelect().Model(&c).WherePK().Scan(ctx)
		return c.V, err
	})
}
