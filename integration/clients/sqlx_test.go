package clients

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
	"github.com/rwsplit/rwsplit/splitter"
)

// sqlxItem is a row of sqlx_items.
type sqlxItem struct {
	ID    int64          `db:"id"`
	Name  string         `db:"name"`
	Price int64          `db:"price"`
	Note  sql.NullString `db:"note"`
}

// TestSqlx: jmoiron/sqlx.
func TestSqlx(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		eachMode(t, e, func(t *testing.T, params ...string) { testSqlx(t, e, e.Open(t, params...)) })
	})
}

func testSqlx(t *testing.T, e *clienttest.Engine, raw *sql.DB) {
	ctx := ctxFor(t)
	db := sqlx.NewDb(raw, wrapped(e))
	db.MustExecContext(ctx, `DROP TABLE IF EXISTS sqlx_items, sqlx_counters`)
	db.MustExecContext(ctx, `CREATE TABLE sqlx_items (id `+serial(e)+`, name varchar(50) NOT NULL UNIQUE, price bigint NOT NULL, note varchar(50))`)

	t.Run("NamedExec writes one struct, a map, and a batch, on the primary", func(t *testing.T) {
		const insert = `INSERT INTO sqlx_items (name, price, note) VALUES (:name, :price, :note)`
		onPrimary(t, e, raw, func() {
			_, err := db.NamedExecContext(ctx, insert, sqlxItem{Name: "apple", Price: 3, Note: sql.NullString{String: "red", Valid: true}})
			must(t, err)
			_, err = db.NamedExecContext(ctx, insert, map[string]any{"name": "pear", "price": 4, "note": nil})
			must(t, err)
			result, err := db.NamedExecContext(ctx, insert, []sqlxItem{{Name: "plum", Price: 5}, {Name: "cherry", Price: 6}, {Name: "grape", Price: 7}})
			must(t, err)
			if n, err := result.RowsAffected(); err != nil || n != 3 {
				t.Errorf("the batch affected %d rows, %v; want 3", n, err)
			}
		})
	})
	t.Run("the new row's number comes back", func(t *testing.T) {
		var id int64
		onPrimary(t, e, raw, func() {
			if returning(e) {
				stmt, err := db.PrepareNamedContext(ctx, `INSERT INTO sqlx_items (name, price) VALUES (:name, :price) RETURNING id`)
				must(t, err)
				defer stmt.Close()
				must(t, stmt.GetContext(ctx, &id, sqlxItem{Name: "fig", Price: 8}))
				return
			}
			result, err := db.NamedExecContext(ctx, `INSERT INTO sqlx_items (name, price) VALUES (:name, :price)`, sqlxItem{Name: "fig", Price: 8})
			must(t, err)
			id, err = result.LastInsertId()
			must(t, err)
		})
		var item sqlxItem
		must(t, db.GetContext(ctx, &item, db.Rebind(`SELECT * FROM sqlx_items WHERE id = ?`), id))
		if item.Name != "fig" || item.Price != 8 || item.Note.Valid {
			t.Errorf("row %d is %+v, want the fig", id, item)
		}
	})
	t.Run("reads go to replicas and are right", func(t *testing.T) {
		onReplicas(t, e, raw, func() {
			var apple sqlxItem
			must(t, db.GetContext(ctx, &apple, db.Rebind(`SELECT * FROM sqlx_items WHERE name = ?`), "apple"))
			if apple.Price != 3 || apple.Note.String != "red" {
				t.Errorf("Get: %+v", apple)
			}
			var names []string
			must(t, db.SelectContext(ctx, &names, `SELECT name FROM sqlx_items ORDER BY price`))
			if want := []string{"apple", "pear", "plum", "cherry", "grape", "fig"}; !slices.Equal(names, want) {
				t.Errorf("Select: %v, want %v", names, want)
			}
			query, args, err := sqlx.In(`SELECT name FROM sqlx_items WHERE price IN (?) AND name <> ? ORDER BY price`, []int{3, 5, 7}, "plum")
			must(t, err)
			names = nil
			must(t, db.SelectContext(ctx, &names, db.Rebind(query), args...))
			if want := []string{"apple", "grape"}; !slices.Equal(names, want) {
				t.Errorf("In: %v, want %v", names, want)
			}
			rows, err := db.NamedQueryContext(ctx, `SELECT * FROM sqlx_items WHERE price > :price ORDER BY price`, sqlxItem{Price: 6})
			must(t, err)
			names = nil
			for rows.Next() {
				var item sqlxItem
				must(t, rows.StructScan(&item))
				names = append(names, item.Name)
			}
			must(t, rows.Err())
			if want := []string{"grape", "fig"}; !slices.Equal(names, want) {
				t.Errorf("NamedQuery and StructScan: %v, want %v", names, want)
			}
			columns := map[string]any{}
			must(t, db.QueryRowxContext(ctx, `SELECT id, price FROM sqlx_items WHERE name = 'plum'`).MapScan(columns))
			if len(columns) != 2 || columns["price"] != int64(5) {
				t.Errorf("MapScan: %v", columns)
			}
			if err := db.GetContext(ctx, &apple, db.Rebind(`SELECT * FROM sqlx_items WHERE name = ?`), "stone"); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("Get of a row that is not there: %v", err)
			}
		})
	})
	t.Run("Preparex and PrepareNamed prepare once for reads and for writes", func(t *testing.T) {
		read, err := db.PreparexContext(ctx, db.Rebind(`SELECT * FROM sqlx_items WHERE name = ?`))
		must(t, err)
		defer read.Close()
		named, err := db.PrepareNamedContext(ctx, `SELECT name FROM sqlx_items WHERE price >= :from AND price < :to ORDER BY price`)
		must(t, err)
		defer named.Close()
		write, err := db.PreparexContext(ctx, db.Rebind(`UPDATE sqlx_items SET note = ? WHERE name = ?`))
		must(t, err)
		defer write.Close()
		onPrimary(t, e, raw, func() {
			for _, name := range []string{"pear", "plum", "pear"} {
				_, err := write.ExecContext(ctx, "prepared", name)
				must(t, err)
			}
		})
		onReplicas(t, e, raw, func() {
			for range 5 {
				var item sqlxItem
				must(t, read.GetContext(ctx, &item, "pear"))
				if item.Note.String != "prepared" {
					t.Errorf("the prepared read got %+v", item)
				}
				var names []string
				must(t, named.SelectContext(ctx, &names, map[string]any{"from": 4, "to": 6}))
				if want := []string{"pear", "plum"}; !slices.Equal(names, want) {
					t.Errorf("the named prepared read got %v, want %v", names, want)
				}
			}
		})
	})
	t.Run("a read-write transaction is on the primary and sees itself", func(t *testing.T) {
		for _, commit := range []bool{true, false} {
			onPrimary(t, e, raw, func() {
				tx, err := db.BeginTxx(ctx, nil)
				must(t, err)
				defer tx.Rollback()
				_, err = tx.NamedExecContext(ctx, `UPDATE sqlx_items SET price = price + :by WHERE name = :name`, map[string]any{"by": 100, "name": "apple"})
				must(t, err)
				var price, want int64 = 0, 103
				if !commit {
					want = 203
				}
				must(t, tx.GetContext(ctx, &price, tx.Rebind(`SELECT price FROM sqlx_items WHERE name = ?`), "apple"))
				if price != want {
					t.Errorf("the transaction sees %d, want %d", price, want)
				}
				stmt, err := tx.PreparexContext(ctx, tx.Rebind(`SELECT price FROM sqlx_items WHERE name = ? FOR UPDATE`))
				must(t, err)
				must(t, stmt.GetContext(ctx, &price, "apple"))
				must(t, stmt.Close())
				if commit {
					must(t, tx.Commit())
				} else {
					must(t, tx.Rollback())
				}
			})
			var price int64
			must(t, db.GetContext(ctx, &price, `SELECT price FROM sqlx_items WHERE name = 'apple'`))
			if price != 103 {
				t.Errorf("%d after commit=%t, want 103", price, commit)
			}
		}
	})
	t.Run("a read-only transaction is on a replica", func(t *testing.T) {
		read, err := db.PreparexContext(ctx, db.Rebind(`SELECT price FROM sqlx_items WHERE name = ?`))
		must(t, err)
		defer read.Close()
		onReplicas(t, e, raw, func() {
			tx, err := db.BeginTxx(ctx, &sql.TxOptions{ReadOnly: true})
			must(t, err)
			defer tx.Rollback()
			var price int64
			must(t, tx.StmtxContext(ctx, read).GetContext(ctx, &price, "plum"))
			if price != 5 {
				t.Errorf("got %d, want 5", price)
			}
			must(t, tx.GetContext(ctx, &price, tx.Rebind(`SELECT price FROM sqlx_items WHERE name = ?`), "fig"))
			if price != 8 {
				t.Errorf("got %d, want 8", price)
			}
			if _, err := tx.ExecContext(ctx, `UPDATE sqlx_items SET price = 0`); err == nil {
				t.Error("a write in a read-only transaction was taken")
			}
		})
	})
	t.Run("OnPrimary", func(t *testing.T) {
		onPrimary(t, e, raw, func() {
			var n int
			must(t, db.GetContext(splitter.OnPrimary(ctx), &n, `SELECT count(*) FROM sqlx_items`))
			if n != 6 {
				t.Errorf("%d rows, want 6", n)
			}
		})
	})
	t.Run("Connx keeps the session", func(t *testing.T) {
		conn, err := db.Connx(ctx)
		must(t, err)
		defer conn.Close()
		_, err = conn.ExecContext(ctx, `CREATE TEMPORARY TABLE sqlx_mine (v int)`)
		must(t, err)
		_, err = conn.ExecContext(ctx, conn.Rebind(`INSERT INTO sqlx_mine VALUES (?)`), 7)
		must(t, err)
		var v []int
		must(t, conn.SelectContext(ctx, &v, `SELECT v FROM sqlx_mine`))
		if !slices.Equal(v, []int{7}) {
			t.Errorf("the temporary table holds %v, want 7", v)
		}
	})
	// Our drivers' names are not among those that sqlx knows the placeholders of.
	t.Run("Connect, after BindDriver", func(t *testing.T) {
		bind := sqlx.QUESTION
		if e.Kind == "postgres" {
			bind = sqlx.DOLLAR
		}
		sqlx.BindDriver(e.Driver, bind)
		db, err := sqlx.ConnectContext(ctx, e.Driver, e.DSN)
		must(t, err)
		defer db.Close()
		rows, err := db.NamedQueryContext(ctx, `SELECT name FROM sqlx_items WHERE price = :price AND name = :name`, sqlxItem{Name: "plum", Price: 5})
		must(t, err)
		defer rows.Close()
		if !rows.Next() {
			t.Error("no row:", rows.Err())
		}
	})
	t.Run("reads see what was written just before", func(t *testing.T) {
		db.MustExecContext(ctx, `CREATE TABLE sqlx_counters (id bigint PRIMARY KEY, v bigint NOT NULL)`)
		for id := range rowsWritten {
			db.MustExecContext(ctx, db.Rebind(`INSERT INTO sqlx_counters VALUES (?, 0)`), id)
		}
		readsOwnWrites(t, e, raw,
			func(ctx context.Context, id, v int64) error {
				_, err := db.NamedExecContext(ctx, `UPDATE sqlx_counters SET v = :v WHERE id = :id`, map[string]any{"id": id, "v": v})
				return err
			},
			func(ctx context.Context, id int64) (v int64, err error) {
				err = db.GetContext(ctx, &v, db.Rebind(`SELECT v FROM sqlx_counters WHERE id = ?`), id)
				return v, err
			})
	})
}
