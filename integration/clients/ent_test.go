package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/integration/clients/ent"
	"github.com/rwsplit/rwsplit/integration/clients/ent/pet"
	_ "github.com/rwsplit/rwsplit/integration/clients/ent/runtime" // its hooks
	"github.com/rwsplit/rwsplit/integration/clients/ent/schema"
	"github.com/rwsplit/rwsplit/integration/clients/ent/user"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestEnt holds that a program that ent generated works as it does on one server,
// its reads on replicas.
func TestEnt(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		eachMode(t, e, func(t *testing.T, params ...string) {
			conn := e.Open(t, params...)
			name := dialect.Postgres
			if e.Kind != "postgres" {
				name = dialect.MySQL
			}
			driver := entsql.OpenDB(name, conn)
			c := &entTest{e: e, conn: conn, driver: driver, db: ent.NewClient(ent.Driver(driver))}
			c.run(t)
		})
	})
}

type entTest struct {
	e      *clienttest.Engine
	conn   *sql.DB
	driver *entsql.Driver
	db     *ent.Client
}

func (c *entTest) onPrimary(t *testing.T, f func())  { t.Helper(); onPrimary(t, c.e, c.conn, f) }
func (c *entTest) onReplicas(t *testing.T, f func()) { t.Helper(); onReplicas(t, c.e, c.conn, f) }

func (c *entTest) run(t *testing.T) {
	ctx := ctxFor(t)
	must(t, c.db.Schema.Create(ctx))
	must(t, c.db.Schema.Create(ctx)) // compares with what there is
	defer func() {
		for _, table := range []string{"user_friends", "pets", "users"} {
			mustExec(t, c.conn, "DROP TABLE "+table)
		}
	}()
	for _, step := range []struct {
		name string
		test func(*testing.T)
	}{
		{"create", c.create},
		{"reads are answered by replicas", c.reads},
		{"eager loading", c.eager},
		{"updates and deletes", c.changes},
		{"upsert", c.upsert},
		{"errors", c.errors},
		{"transactions", c.transactions},
		{"locking reads", c.locking},
		{"session variables", c.variables},
		{"hints in the context", c.hints},
		{"no read is stale", c.ownWrites},
	} {
		t.Run(step.name, step.test)
	}
}

func (c *entTest) create(t *testing.T) {
	ctx := ctxFor(t)
	var ann *ent.User
	c.onPrimary(t, func() {
		pets := c.db.Pet.CreateBulk(c.db.Pet.Create().SetName("rex"), c.db.Pet.Create().SetName("tom")).SaveX(ctx)
		bob := c.db.User.Create().SetName("bob").SetAge(1000).SaveX(ctx)
		ann = c.db.User.Create().SetName("ann").SetAge(300).SetTags([]string{"a", "b"}).AddPets(pets...).AddFriends(bob).SaveX(ctx)
	})
	if ann.ID == 0 || ann.CreatedAt.IsZero() {
		t.Errorf("ID and time are not filled in: %v", ann)
	}
	var many []*ent.User
	c.onPrimary(t, func() {
		many = c.db.User.MapCreateBulk(make([]struct{}, 100), func(u *ent.UserCreate, i int) {
			u.SetName(fmt.Sprintf("user %02d", i)).SetAge(i)
		}).SaveX(ctx)
	})
	for _, u := range many {
		if got := c.db.User.GetX(ctx, u.ID); got.Name != u.Name {
			t.Fatalf("ID %d was filled in for %q, and is that of %q", u.ID, u.Name, got.Name)
		}
	}
}

func (c *entTest) reads(t *testing.T) {
	ctx := ctxFor(t)
	c.onReplicas(t, func() {
		ann := c.db.User.Query().Where(user.Name("ann")).OnlyX(ctx)
		if ann.Age != 300 || !slices.Equal(ann.Tags, []string{"a", "b"}) {
			t.Errorf("got %v, want age 300 and two tags", ann)
		}
		if n := c.db.User.Query().Where(user.AgeLT(10)).CountX(ctx); n != 10 {
			t.Errorf("counted %d, want 10", n)
		}
		if !c.db.User.Query().Where(user.NameIn("nobody", "user 42")).ExistX(ctx) {
			t.Error("Exist says no")
		}
		names := c.db.User.Query().Where(user.NameHasPrefix("user ")).Order(user.ByAge(entsql.OrderDesc())).Offset(1).Limit(2).Select(user.FieldName).StringsX(ctx)
		if want := []string{"user 98", "user 97"}; !slices.Equal(names, want) {
			t.Errorf("got %q, want %q", names, want)
		}
		if sum := c.db.User.Query().Where(user.AgeLT(10)).Aggregate(ent.Sum(user.FieldAge)).IntX(ctx); sum != 45 {
			t.Errorf("sum is %d, want 45", sum)
		}
		var groups []struct{ Age, Count int }
		c.db.User.Query().Where(user.AgeLT(5)).GroupBy(user.FieldAge).Aggregate(ent.Count()).ScanX(ctx, &groups)
		if len(groups) != 5 {
			t.Errorf("%d groups, want 5", len(groups))
		}
		pets := c.db.User.Query().Where(user.Name("ann")).QueryPets().Where(pet.NameContains("o")).AllX(ctx)
		if len(pets) != 1 || pets[0].Name != "tom" || pets[0].QueryOwner().OnlyX(ctx).ID != ann.ID {
			t.Errorf("got %v, want tom, who is ann's", pets)
		}
		if n := c.db.User.Query().Where(user.HasFriendsWith(user.Age(1000))).OnlyX(ctx).ID; n != ann.ID {
			t.Errorf("user %d has the friend, want %d", n, ann.ID)
		}
	})
}

func (c *entTest) eager(t *testing.T) {
	c.onReplicas(t, func() {
		ann := c.db.User.Query().Where(user.Name("ann")).WithFriends().
			WithPets(func(q *ent.PetQuery) { q.Order(pet.ByName()).WithOwner() }).OnlyX(ctxFor(t))
		if len(ann.Edges.Friends) != 1 || len(ann.Edges.Pets) != 2 || ann.Edges.Pets[0].Edges.Owner.Name != "ann" {
			t.Errorf("got %v, want a friend and two pets with their owner", ann)
		}
	})
}

// age returns what a read outside transactions sees of a user.
func (c *entTest) age(t *testing.T, name string) int {
	t.Helper()
	u, err := c.db.User.Query().Where(user.Name(name)).Only(ctxFor(t))
	must(t, err)
	return u.Age
}

func (c *entTest) changes(t *testing.T) {
	ctx := ctxFor(t)
	u := c.db.User.Query().Where(user.Name("user 10")).OnlyX(ctx)
	c.onPrimary(t, func() { u = u.Update().AddAge(100).AppendTags([]string{"new"}).SaveX(ctx) })
	if age := c.age(t, "user 10"); u.Age != 110 || age != 110 || !slices.Equal(u.Tags, []string{"new"}) {
		t.Errorf("the update gave %v, a read says age %d, want 110 and a tag", u, age)
	}
	var n int
	c.onPrimary(t, func() { n = c.db.User.Update().Where(user.AgeIn(20, 21, 22)).AddAge(1000).SaveX(ctx) })
	if age := c.age(t, "user 21"); n != 3 || age != 1021 {
		t.Errorf("changed %d rows, the age is %d, want 3 and 1021", n, age)
	}
	ann := c.db.User.Query().Where(user.Name("ann")).OnlyX(ctx)
	c.onPrimary(t, func() { ann.Update().ClearFriends().AddFriends(u).SaveX(ctx) })
	if friends := ann.QueryFriends().AllX(ctx); len(friends) != 1 || friends[0].ID != u.ID {
		t.Errorf("got friends %v, want %v", friends, u)
	}
	ann.Update().ClearFriends().SaveX(ctx)
	c.onPrimary(t, func() { c.db.User.DeleteOne(u).ExecX(ctx) })
	if _, err := c.db.User.Get(ctx, u.ID); !ent.IsNotFound(err) {
		t.Errorf("got %v for a user that was deleted, want not found", err)
	}
	c.onPrimary(t, func() { n = c.db.User.Delete().Where(user.AgeGTE(1000), user.NameHasPrefix("user ")).ExecX(ctx) })
	if n != 3 {
		t.Errorf("deleted %d rows, want 3", n)
	}
}

func (c *entTest) upsert(t *testing.T) {
	ctx := ctxFor(t)
	var id int
	for age := range 3 {
		var got int
		c.onPrimary(t, func() {
			got = c.db.User.Create().SetName("upsert").SetAge(age).OnConflict(entsql.ConflictColumns(user.FieldName)).UpdateAge().IDX(ctx)
		})
		if id == 0 {
			id = got
		}
		if seen := c.age(t, "upsert"); got != id || seen != age {
			t.Errorf("the upsert gave ID %d and age %d, want %d and %d", got, seen, id, age)
		}
	}
}

func (c *entTest) errors(t *testing.T) {
	ctx := ctxFor(t)
	if _, err := c.db.User.Create().SetName("ann").Save(ctx); !ent.IsConstraintError(err) {
		t.Errorf("got %v, want a constraint error", err)
	}
	if _, err := c.db.User.Query().Where(user.Name("nobody")).Only(ctx); !ent.IsNotFound(err) {
		t.Errorf("got %v, want not found", err)
	}
	if _, err := c.db.User.Create().SetName("refused").Save(ctx); !errors.Is(err, schema.ErrRefused) {
		t.Errorf("got %v, want the hook's error", err)
	}
}

func (c *entTest) transactions(t *testing.T) {
	ctx := ctxFor(t)
	set := func(tx *ent.Tx, age int) error {
		return tx.User.Update().Where(user.Name("user 30")).SetAge(age).Exec(ctx)
	}
	sees := func(tx *ent.Tx, want int) {
		t.Helper()
		if u := tx.User.Query().Where(user.Name("user 30")).WithPets().OnlyX(ctx); u.Age != want {
			t.Errorf("the transaction sees age %d, want %d", u.Age, want)
		}
	}
	begin := func(o *sql.TxOptions) *ent.Tx {
		t.Helper()
		tx, err := c.db.BeginTx(ctx, o)
		must(t, err)
		return tx
	}
	c.onPrimary(t, func() {
		tx := begin(nil)
		sees(tx, 30)
		must(t, set(tx, 31))
		sees(tx, 31)
		must(t, tx.Commit())
	})
	if age := c.age(t, "user 30"); age != 31 {
		t.Errorf("age is %d after the commit, want 31", age)
	}
	c.onPrimary(t, func() {
		tx := begin(nil)
		must(t, set(tx, 32))
		sees(tx, 32)
		must(t, tx.Rollback())
	})
	if age := c.age(t, "user 30"); age != 31 {
		t.Errorf("age is %d after the rollback, want 31", age)
	}
	c.onReplicas(t, func() {
		tx := begin(&sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
		sees(tx, 31)
		sees(tx, 31)
		must(t, tx.Commit())
	})
	tx := begin(&sql.TxOptions{ReadOnly: true})
	if err := set(tx, 33); err == nil {
		t.Error("a read-only transaction wrote")
	}
	must(t, tx.Rollback())
	if age := c.age(t, "user 30"); age != 31 {
		t.Errorf("age is %d after the read-only transaction, want 31", age)
	}
}

func (c *entTest) locking(t *testing.T) {
	ctx := ctxFor(t)
	c.onPrimary(t, func() {
		tx, err := c.db.Tx(ctx)
		must(t, err)
		defer tx.Rollback()
		tx.User.Query().Where(user.Name("ann")).ForUpdate().OnlyX(ctx)
		// The lock is one that others meet.
		if _, err := c.db.User.Query().Where(user.Name("ann")).ForUpdate(entsql.WithLockAction(entsql.NoWait)).Only(ctx); err == nil {
			t.Error("the row was locked twice")
		}
	})
	if c.e.Kind != "mariadb" { // has no FOR SHARE
		c.onPrimary(t, func() { c.db.User.Query().Where(user.Name("ann")).ForShare().OnlyX(ctx) })
	}
}

// variables: ent sets a variable of the session, asks, and resets it, on one
// *sql.Conn. A setting of PostgreSQL follows the question to a replica; a user
// variable of MySQL keeps it on the primary.
func (c *entTest) variables(t *testing.T) {
	name, text := "@ent", "SELECT coalesce(@ent, '')"
	if c.e.Kind == "postgres" {
		name, text = "geqo_threshold", "SHOW geqo_threshold"
	}
	value := func(ctx context.Context) string {
		t.Helper()
		var rows entsql.Rows
		must(t, c.driver.Query(ctx, text, []any{}, &rows))
		v, err := entsql.ScanString(rows)
		must(t, errors.Join(err, rows.Close()))
		return v
	}
	for range 5 {
		ctx := entsql.WithVar(ctxFor(t), name, "4711")
		_, replicas := c.e.Routes(t, c.conn, func() {
			if v := value(ctx); v != "4711" {
				t.Errorf("got %q, want 4711", v)
			}
		})
		if want := map[bool]uint64{true: 1, false: 0}[c.e.Kind == "postgres"]; replicas != want {
			t.Errorf("%d statements went to replicas, want %d", replicas, want)
		}
		if u := c.db.User.Query().Where(user.Name("ann")).OnlyX(ctx); u.Age != 300 {
			t.Errorf("got %v with a variable set, want age 300", u)
		}
	}
	for _, ctx := range []context.Context{ctxFor(t), splitter.OnPrimary(ctxFor(t))} {
		if v := value(ctx); v == "4711" {
			t.Error("the variable has reached another checkout")
		}
	}
}

func (c *entTest) hints(t *testing.T) {
	read := func(ctx context.Context) func() { return func() { c.db.User.Query().FirstX(ctx) } }
	ctx := ctxFor(t)
	c.onReplicas(t, read(ctx))
	c.onPrimary(t, read(splitter.OnPrimary(ctx)))
	c.onPrimary(t, read(splitter.WithConsistency(ctx, splitter.Strong)))
	c.onReplicas(t, read(splitter.WithConsistency(ctx, splitter.Eventual)))
}

func (c *entTest) ownWrites(t *testing.T) {
	ctx := ctxFor(t)
	var ids [rowsWritten]int
	for i := range ids {
		ids[i] = c.db.User.Create().SetName(fmt.Sprint("row ", i)).SaveX(ctx).ID
	}
	readsOwnWrites(t, c.e, c.conn, func(ctx context.Context, id, v int64) error {
		return c.db.User.UpdateOneID(ids[id]).SetAge(int(v)).Exec(ctx)
	}, func(ctx context.Context, id int64) (int64, error) {
		u, err := c.db.User.Get(ctx, ids[id])
		if err != nil {
			return 0, err
		}
		return int64(u.Age), nil
	})
}
