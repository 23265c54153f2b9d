package clients

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	sq "github.com/Masterminds/squirrel"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/splitter"
)

// TestSquirrel: Masterminds/squirrel, whose builders run with a *sql.DB, with a
// cache of prepared statements, and with a transaction.
func TestSquirrel(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		db := e.Open(t)
		mustExec(t, db, `CREATE TABLE squirrel_owners (id bigint PRIMARY KEY, name varchar(50) NOT NULL)`)
		mustExec(t, db, `CREATE TABLE squirrel_items (id `+serial(e)+`, owner bigint NOT NULL, name varchar(50) NOT NULL, price bigint NOT NULL)`)
		mustExec(t, db, `CREATE TABLE squirrel_counters (id bigint PRIMARY KEY, v bigint NOT NULL)`)
		eachMode(t, e, func(t *testing.T, params ...string) {
			db := e.Open(t, params...)
			t.Run("RunWith the DB", func(t *testing.T) { testSquirrel(t, e, db, db) })
			t.Run("RunWith a statement cache", func(t *testing.T) {
				cache := sq.NewStmtCache(db)
				testSquirrel(t, e, db, cache)
				must(t, cache.Clear())
			})
		})
	})
}

func testSquirrel(t *testing.T, e *clienttest.Engine, db *sql.DB, runner sq.BaseRunner) {
	ctx := ctxFor(t)
	var format sq.PlaceholderFormat = sq.Question
	if e.Kind == "postgres" {
		format = sq.Dollar
	}
	build := sq.StatementBuilder.PlaceholderFormat(format)
	run := build.RunWith(runner)
	for _, table := range []string{"squirrel_items", "squirrel_owners", "squirrel_counters"} {
		onPrimary(t, e, db, func() {
			_, err := run.Delete(table).ExecContext(ctx)
			must(t, err)
		})
	}

	t.Run("Insert of many rows, on the primary", func(t *testing.T) {
		onPrimary(t, e, db, func() {
			_, err := run.Insert("squirrel_owners").Columns("id", "name").Values(1, "ann").Values(2, "bob").ExecContext(ctx)
			must(t, err)
			insert := run.Insert("squirrel_items").Columns("owner", "name", "price")
			for i := range 20 {
				insert = insert.Values(1+i%2, fmt.Sprint("item", i), i)
			}
			result, err := insert.ExecContext(ctx)
			must(t, err)
			if n, err := result.RowsAffected(); err != nil || n != 20 {
				t.Errorf("%d rows affected, %v; want 20", n, err)
			}
		})
	})
	t.Run("the new row's number comes back", func(t *testing.T) {
		var id int64
		insert := run.Insert("squirrel_items").SetMap(map[string]any{"owner": 2, "name": "new", "price": 100})
		onPrimary(t, e, db, func() {
			if returning(e) {
				must(t, insert.Suffix("RETURNING id").QueryRowContext(ctx).Scan(&id))
				return
			}
			result, err := insert.ExecContext(ctx)
			must(t, err)
			id, err = result.LastInsertId()
			must(t, err)
		})
		var name string
		must(t, run.Select("name").From("squirrel_items").Where(sq.Eq{"id": id}).QueryRowContext(ctx).Scan(&name))
		if name != "new" {
			t.Errorf("row %d is %q, want the new one", id, name)
		}
	})
	t.Run("Select, on replicas", func(t *testing.T) {
		onReplicas(t, e, db, func() {
			names := texts(t)(run.Select("name").From("squirrel_items").
				Where(sq.And{sq.Eq{"owner": []int{1, 3}}, sq.Or{sq.Lt{"price": 4}, sq.GtOrEq{"price": 16}}}).
				OrderBy("price").QueryContext(ctx))
			if want := []string{"item0", "item2", "item16", "item18"}; !slices.Equal(names, want) {
				t.Errorf("got %v, want %v", names, want)
			}
			most := build.Select("owner", "max(price) AS most").From("squirrel_items").GroupBy("owner")
			names = texts(t)(run.Select("o.name").FromSelect(most, "m").Join("squirrel_owners o ON o.id = m.owner").
				Where("m.most > ?", 18).OrderBy("o.id").QueryContext(ctx))
			if want := []string{"bob"}; !slices.Equal(names, want) {
				t.Errorf("got %v, want %v", names, want)
			}
			var n int
			must(t, run.Select("count(*)").Prefix("WITH dear AS (SELECT * FROM squirrel_items WHERE price > ?)", 10).From("dear").QueryRowContext(ctx).Scan(&n))
			if n != 10 {
				t.Errorf("the CTE counts %d, want 10", n)
			}
			err := run.Select("name").From("squirrel_items").Where(sq.Eq{"name": "stone"}).QueryRowContext(ctx).Scan(new(string))
			if !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("got %v, want sql.ErrNoRows", err)
			}
		})
	})
	t.Run("what says so goes to the primary", func(t *testing.T) {
		count := run.Select("count(*)").From("squirrel_items")
		for name, query := range map[string]func() sq.RowScanner{
			"hint":    func() sq.RowScanner { return count.Prefix("/* rwsplit: primary */").QueryRowContext(ctx) },
			"context": func() sq.RowScanner { return count.QueryRowContext(splitter.OnPrimary(ctx)) },
			"FOR UPDATE": func() sq.RowScanner {
				return run.Select("owner + 20").From("squirrel_items").Where(sq.Eq{"name": "item0"}).Suffix("FOR UPDATE").QueryRowContext(ctx)
			},
		} {
			onPrimary(t, e, db, func() {
				var n int
				must(t, query().Scan(&n))
				if n != 21 {
					t.Errorf("%s: got %d, want 21", name, n)
				}
			})
		}
	})
	t.Run("Update and Delete, on the primary", func(t *testing.T) {
		onPrimary(t, e, db, func() {
			result, err := run.Update("squirrel_items").Set("price", sq.Expr("price + ?", 1000)).Where(sq.Eq{"owner": 1}).ExecContext(ctx)
			must(t, err)
			if n, _ := result.RowsAffected(); n != 10 {
				t.Errorf("%d rows updated, want 10", n)
			}
			_, err = run.Delete("squirrel_items").Where(sq.Gt{"price": 1010}).ExecContext(ctx)
			must(t, err)
		})
		var n, sum int
		onReplicas(t, e, db, func() {
			must(t, run.Select("count(*)", "sum(price)").From("squirrel_items").Where(sq.Eq{"owner": 1}).QueryRowContext(ctx).Scan(&n, &sum))
		})
		if n != 6 || sum != 6030 {
			t.Errorf("%d rows of sum %d, want 6 of 6030", n, sum)
		}
	})
	t.Run("transactions", func(t *testing.T) {
		price := func(with sq.BaseRunner) (price int) {
			must(t, build.Select("price").From("squirrel_items").Where(sq.Eq{"name": "new"}).RunWith(with).QueryRowContext(ctx).Scan(&price))
			return price
		}
		for _, commit := range []bool{false, true} {
			onPrimary(t, e, db, func() {
				tx, err := db.BeginTx(ctx, nil)
				must(t, err)
				defer tx.Rollback()
				cache := sq.NewStmtCache(tx)
				for range 2 {
					_, err = build.Update("squirrel_items").Set("price", sq.Expr("price + 1")).Where(sq.Eq{"name": "new"}).RunWith(cache).ExecContext(ctx)
					must(t, err)
				}
				if got := price(tx); got != 102 {
					t.Errorf("the transaction sees %d, want 102", got)
				}
				if commit {
					must(t, tx.Commit())
				}
			})
			want := map[bool]int{false: 100, true: 102}[commit]
			if got := price(db); got != want {
				t.Errorf("%d after commit=%t, want %d", got, commit, want)
			}
		}
		onReplicas(t, e, db, func() {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			must(t, err)
			defer tx.Rollback()
			if got := price(tx) + price(sq.NewStmtCache(tx)); got != 2*102 {
				t.Errorf("the read-only transaction sees %d, want twice 102", got)
			}
		})
	})
	t.Run("reads see what was written just before", func(t *testing.T) {
		insert := run.Insert("squirrel_counters").Columns("id", "v")
		for id := range rowsWritten {
			insert = insert.Values(id, 0)
		}
		_, err := insert.ExecContext(ctx)
		must(t, err)
		readsOwnWrites(t, e, db,
			func(ctx context.Context, id, v int64) error {
				_, err := run.Update("squirrel_counters").Set("v", v).Where(sq.Eq{"id": id}).ExecContext(ctx)
				return err
			},
			func(ctx context.Context, id int64) (v int64, err error) {
				err = run.Select("v").From("squirrel_counters").Where(sq.Eq{"id": id}).QueryRowContext(ctx).Scan(&v)
				return v, err
			})
	})
}

// texts returns a reader of one column of text, for the two results of a query.
func texts(t *testing.T) func(*sql.Rows, error) []string {
	return func(rows *sql.Rows, err error) []string {
		t.Helper()
		must(t, err)
		defer rows.Close()
		var all []string
		for rows.Next() {
			var s string
			must(t, rows.Scan(&s))
			all = append(all, s)
		}
		must(t, rows.Err())
		return all
	}
}
