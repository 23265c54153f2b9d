package shop

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/rwsplit/rwsplit/splitter"
)

// dialect is what differs between the engines' SQL. All other statements are
// written once, with ? for their arguments.
type dialect struct {
	numbered  bool   // arguments are $1, $2 …, not ?
	returning bool   // INSERT … RETURNING; else there is LastInsertId
	identity  string // the type of a column that numbers its rows
	schemas   string // query: how many schemas have the name
	drop      string // removes the schema with all that is in it

	// addToCart inserts a customer, a product and a quantity, or adds the
	// quantity, which is the fourth argument too.
	addToCart string
	// sell takes a quantity from the available and, the second argument, adds
	// it to the sold of a product. It returns the price and what is sold now;
	// or it does not, and look, of the product, does: it is empty otherwise.
	sell, look string
}

var postgres = &dialect{
	numbered:  true,
	returning: true,
	identity:  "bigserial",
	schemas:   "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = ?", // that of information_schema hides others' schemas
	drop:      "DROP SCHEMA rwsplit_demo CASCADE",
	addToCart: "INSERT INTO rwsplit_demo.cart_items AS c VALUES (?, ?, ?)" +
		" ON CONFLICT (customer_id, product_id) DO UPDATE SET quantity = c.quantity + ?",
	sell: "UPDATE rwsplit_demo.stock s SET available = available - ?, sold = sold + ?" +
		" FROM rwsplit_demo.products p WHERE s.product_id = ? AND p.id = s.product_id RETURNING p.price, s.sold",
}

var mysql = &dialect{
	identity: "bigint AUTO_INCREMENT",
	schemas:  "SELECT count(*) FROM information_schema.schemata WHERE schema_name = ?",
	drop:     "DROP SCHEMA rwsplit_demo",
	addToCart: "INSERT INTO rwsplit_demo.cart_items VALUES (?, ?, ?)" +
		" ON DUPLICATE KEY UPDATE quantity = quantity + ?",
	sell: "UPDATE rwsplit_demo.stock SET available = available - ?, sold = sold + ? WHERE product_id = ?",
	look: "SELECT p.price, s.sold FROM rwsplit_demo.products p JOIN rwsplit_demo.stock s ON s.product_id = p.id WHERE p.id = ?",
}

// mariadb is from 10.5 on.
var mariadb = func() *dialect {
	d := *mysql
	d.returning = true
	return &d
}()

// dialectOf returns the dialect that db's servers speak. What one driver does not
// tell apart is asked.
func dialectOf(ctx context.Context, driver string, db *sql.DB) (*dialect, error) {
	if driver != splitter.MySQL {
		return postgres, nil
	}
	var version string
	if err := db.QueryRowContext(splitter.OnPrimary(ctx), "SELECT VERSION()").Scan(&version); err != nil {
		return nil, err
	}
	if strings.Contains(version, "MariaDB") {
		return mariadb, nil
	}
	return mysql, nil
}

// text writes a statement with the engine's marks for arguments. No ? may be in
// it but for these.
func (d *dialect) text(query string) string {
	if !d.numbered {
		return query
	}
	parts := strings.Split(query, "?")
	var b strings.Builder
	b.WriteString(parts[0])
	for i, part := range parts[1:] {
		b.WriteString("$" + strconv.Itoa(i+1) + part)
	}
	return b.String()
}

// insert runs an INSERT and returns the id that the new row got.
func (d *dialect) insert(ctx context.Context, db execer, query string, args ...any) (id int64, err error) {
	if d.returning {
		err = db.QueryRowContext(ctx, d.text(query+" RETURNING id"), args...).Scan(&id)
		return id, err
	}
	r, err := db.ExecContext(ctx, d.text(query), args...)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

// take takes a quantity of a product from the stock; it returns the price and
// how many of it are sold now.
func (d *dialect) take(ctx context.Context, tx execer, product, quantity int64) (price, sold int64, err error) {
	args := []any{quantity, quantity, product}
	if d.look == "" {
		err = tx.QueryRowContext(ctx, d.text(d.sell), args...).Scan(&price, &sold)
		return price, sold, err
	}
	if _, err := tx.ExecContext(ctx, d.text(d.sell), args...); err != nil {
		return 0, 0, err
	}
	err = tx.QueryRowContext(ctx, d.text(d.look), product).Scan(&price, &sold)
	return price, sold, err
}
