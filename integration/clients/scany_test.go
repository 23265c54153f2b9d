package clients

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"github.com/georgysavva/scany/v2/sqlscan"

	"github.com/rwsplit/rwsplit/integration/clients/clienttest"
)

// TestScany: georgysavva/scany, which scans what a *sql.DB, *sql.Conn or *sql.Tx
// returns.
func TestScany(t *testing.T) {
	clienttest.EachEngine(t, func(t *testing.T, e *clienttest.Engine) {
		eachMode(t, e, func(t *testing.T, params ...string) { testScany(t, e, e.Open(t, params...)) })
	})
}

// scanyUser is a row of scany_users, with the city that it lives in.
type scanyUser struct {
	ID   int64
	Name string
	Age  *int
	City *struct {
		ID   int64
		Name string
	}
}

func testScany(t *testing.T, e *clienttest.Engine, db *sql.DB) {
	ctx := ctxFor(t)
	for _, text := range []string{
		`DROP TABLE IF EXISTS scany_cities, scany_users, scany_counters`,
		`CREATE TABLE scany_cities (id bigint PRIMARY KEY, name varchar(50) NOT NULL)`,
		`CREATE TABLE scany_users (id bigint PRIMARY KEY, name varchar(50) NOT NULL, age int, city bigint NOT NULL)`,
		`CREATE TABLE scany_counters (id bigint PRIMARY KEY, v bigint NOT NULL)`,
		`INSERT INTO scany_cities VALUES (1, 'Bern'), (2, 'Basel')`,
		`INSERT INTO scany_users VALUES (1, 'ann', 30, 1), (2, 'bob', NULL, 2), (3, 'eve', 50, 2)`,
	} {
		mustExec(t, db, text)
	}
	const joined = `SELECT u.id, u.name, u.age, c.id AS "city.id", c.name AS "city.name" FROM scany_users u JOIN scany_cities c ON c.id = u.city`
	quoted := quote(e, joined)

	t.Run("Select, Get and the scanners read on replicas", func(t *testing.T) {
		onReplicas(t, e, db, func() {
			var users []*scanyUser
			must(t, sqlscan.Select(ctx, db, &users, quoted+` ORDER BY u.id`))
			if len(users) != 3 || users[0].Name != "ann" || *users[0].Age != 30 || users[1].Age != nil || users[2].City.Name != "Basel" {
				t.Errorf("Select: %+v", users)
			}
			var eve scanyUser
			must(t, sqlscan.Get(ctx, db, &eve, q(e, quoted+` WHERE u.name = $1`), "eve"))
			if eve.ID != 3 || eve.City.ID != 2 {
				t.Errorf("Get: %+v", eve)
			}
			if err := sqlscan.Get(ctx, db, &eve, q(e, `SELECT id, name FROM scany_users WHERE id = $1`), 4711); !sqlscan.NotFound(err) || !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("Get of a row that is not there: %v", err)
			}
			rows, err := db.QueryContext(ctx, `SELECT name, age FROM scany_users WHERE age IS NOT NULL ORDER BY id`)
			must(t, err)
			var all []map[string]any
			must(t, sqlscan.ScanAll(&all, rows))
			if len(all) != 2 {
				t.Errorf("ScanAll: %v", all)
			}
			rows, err = db.QueryContext(ctx, `SELECT count(*) FROM scany_users`)
			must(t, err)
			var n int
			must(t, sqlscan.ScanOne(&n, rows))
			if n != 3 {
				t.Errorf("ScanOne: %d", n)
			}
			rows, err = db.QueryContext(ctx, `SELECT name FROM scany_users ORDER BY id DESC`)
			must(t, err)
			defer rows.Close()
			scanner := sqlscan.NewRowScanner(rows)
			var names []string
			for rows.Next() {
				var name string
				must(t, scanner.Scan(&name))
				names = append(names, name)
			}
			must(t, rows.Err())
			if want := []string{"eve", "bob", "ann"}; !slices.Equal(names, want) {
				t.Errorf("RowScanner: %v, want %v", names, want)
			}
		})
	})
	t.Run("a prepared statement and a Conn read on replicas", func(t *testing.T) {
		stmt, err := db.PrepareContext(ctx, q(e, `SELECT id, name FROM scany_users WHERE id = $1`))
		must(t, err)
		defer stmt.Close()
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		onReplicas(t, e, db, func() {
			for id := int64(1); id <= 3; id++ {
				rows, err := stmt.QueryContext(ctx, id)
				must(t, err)
				var prepared, got scanyUser
				must(t, sqlscan.ScanOne(&prepared, rows))
				must(t, sqlscan.Get(ctx, conn, &got, q(e, `SELECT id, name FROM scany_users WHERE id = $1`), id))
				if got != prepared || got.ID != id {
					t.Errorf("got %+v and, prepared, %+v; want number %d", got, prepared, id)
				}
			}
		})
	})
	t.Run("a query that writes goes to the primary", func(t *testing.T) {
		if !returning(e) {
			t.Skip("MySQL has no RETURNING")
		}
		onPrimary(t, e, db, func() {
			var got scanyUser
			must(t, sqlscan.Get(ctx, db, &got, q(e, `INSERT INTO scany_users (id, name, age, city) VALUES ($1, $2, 7, 1) RETURNING id, name, age`), 10, "kim"))
			if got.ID != 10 || got.Name != "kim" || *got.Age != 7 {
				t.Errorf("RETURNING: %+v", got)
			}
			var names []string
			must(t, sqlscan.Select(ctx, db, &names, `DELETE FROM scany_users WHERE id >= 10 RETURNING name`))
			if !slices.Equal(names, []string{"kim"}) {
				t.Errorf("RETURNING: %v", names)
			}
		})
	})
	t.Run("several sets of rows", func(t *testing.T) {
		if e.Kind == "postgres" {
			t.Skip("pgx has one for a query")
		}
		rows, err := e.Open(t, multiStatements(e)...).QueryContext(ctx, `SELECT name FROM scany_cities ORDER BY id; SELECT id FROM scany_users ORDER BY id`)
		must(t, err)
		var cities []string
		var users []int64
		must(t, sqlscan.ScanAllSets([]any{&cities, &users}, rows))
		if !slices.Equal(cities, []string{"Bern", "Basel"}) || !slices.Equal(users, []int64{1, 2, 3}) {
			t.Errorf("ScanAllSets: %v and %v", cities, users)
		}
	})
	t.Run("transactions", func(t *testing.T) {
		age := func(from sqlscan.Querier) (age int) {
			must(t, sqlscan.Get(ctx, from, &age, `SELECT age FROM scany_users WHERE id = 1`))
			return age
		}
		for _, commit := range []bool{false, true} {
			onPrimary(t, e, db, func() {
				tx, err := db.BeginTx(ctx, nil)
				must(t, err)
				defer tx.Rollback()
				mustExec(t, tx, q(e, `UPDATE scany_users SET age = age + $1 WHERE id = 1`), 5)
				if got := age(tx); got != 35 {
					t.Errorf("the transaction sees %d, want 35", got)
				}
				if commit {
					must(t, tx.Commit())
				}
			})
			want := map[bool]int{false: 30, true: 35}[commit]
			if got := age(db); got != want {
				t.Errorf("%d after commit=%t, want %d", got, commit, want)
			}
		}
		onReplicas(t, e, db, func() {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			must(t, err)
			defer tx.Rollback()
			if got := age(tx); got != 35 {
				t.Errorf("the read-only transaction sees %d, want 35", got)
			}
			must(t, tx.Commit())
		})
	})
	t.Run("reads see what was written just before", func(t *testing.T) {
		for id := range rowsWritten {
			mustExec(t, db, q(e, `INSERT INTO scany_counters VALUES ($1, 0)`), id)
		}
		readsOwnWrites(t, e, db,
			func(ctx context.Context, id, v int64) error {
				_, err := db.ExecContext(ctx, q(e, `UPDATE scany_counters SET v = $1 WHERE id = $2`), v, id)
				return err
			},
			func(ctx context.Context, id int64) (v int64, err error) {
				err = sqlscan.Get(ctx, db, &v, q(e, `SELECT v FROM scany_counters WHERE id = $1`), id)
				return v, err
			})
	})
}
