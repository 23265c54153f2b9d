package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// querier is a *sql.DB, *sql.Conn or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// text is the statement in the engine's dialect.
func (u *user) text(query string) string { return u.shop.sql.text(query) }

// Readers.

func (u *user) readProfile(ctx context.Context, q querier) (version int64, address string, err error) {
	err = q.QueryRowContext(ctx, u.text("SELECT version, address FROM rwsplit_demo.customers WHERE id = ?"), u.id).Scan(&version, &address)
	return version, address, err
}

func (u *user) readCart(ctx context.Context, q querier) (map[int64]int64, error) {
	rows, err := q.QueryContext(ctx, u.text("SELECT product_id, quantity FROM rwsplit_demo.cart_items WHERE customer_id = ?"), u.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	cart := make(map[int64]int64)
	for rows.Next() {
		var product, quantity int64
		if err := rows.Scan(&product, &quantity); err != nil {
			return nil, err
		}
		cart[product] = quantity
	}
	return cart, rows.Err()
}

func (u *user) readHistory(ctx context.Context, q querier) (h history, err error) {
	err = q.QueryRowContext(ctx, u.text("SELECT count(*), coalesce(max(id), 0), coalesce(sum(total), 0)"+
		" FROM rwsplit_demo.orders WHERE customer_id = ?"), u.id).Scan(&h.orders, &h.last, &h.total)
	return h, err
}

// Steps that read.

func (u *user) browse(ctx context.Context) error {
	rows, err := u.at.db.QueryContext(ctx, u.text("SELECT p.id, s.sold FROM rwsplit_demo.products p"+
		" JOIN rwsplit_demo.stock s ON s.product_id = p.id WHERE p.category = ? ORDER BY p.id LIMIT 10"), rand.IntN(categories))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var product, sold int64
		if err := rows.Scan(&product, &sold); err != nil {
			return err
		}
		u.checkSold(product, sold)
	}
	return rows.Err()
}

func (u *user) viewProduct(ctx context.Context) error {
	product := anyProduct()
	var name string
	var price, sold int64
	if err := u.at.product.QueryRowContext(ctx, product).Scan(&name, &price, &sold); err != nil {
		return err
	}
	u.checkSold(product, sold)
	return nil
}

func (u *user) frontPage(ctx context.Context) error {
	edition, err := readEdition(ctx, u.at.db)
	if err == nil {
		u.checkEdition(edition)
	}
	return err
}

func (u *user) viewProfile(ctx context.Context) error {
	version, address, err := u.readProfile(ctx, u.at.db)
	if err == nil {
		u.checkProfile(version, address)
	}
	return err
}

func (u *user) viewHistory(ctx context.Context) error {
	h, err := u.readHistory(ctx, u.at.db)
	if err == nil {
		u.checkHistory(h)
	}
	return err
}

// viewAccount reads all of his in one read-only transaction, which one server
// answers. When that goes, no driver can go on elsewhere: its program runs it
// again, as here.
func (u *user) viewAccount(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		err := u.readAccount(ctx)
		if err == nil || attempt == 3 || ctx.Err() != nil {
			return err
		}
		u.shop.ledger.add(func(f *Figures) { f.Repeated++ })
	}
}

func (u *user) readAccount(ctx context.Context) error {
	tx, err := u.at.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	version, address, err := u.readProfile(ctx, tx)
	if err != nil {
		return err
	}
	cart, err := u.readCart(ctx, tx)
	if err != nil {
		return err
	}
	h, err := u.readHistory(ctx, tx)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	u.checkProfile(version, address)
	u.checkCart(cart)
	u.checkHistory(h)
	return nil
}

// Steps that write, and then read what they wrote.

// execer is a *sql.DB, *sql.Conn or *sql.Tx, which also writes.
type execer interface {
	querier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (u *user) editProfile(ctx context.Context) error { return u.editAndReload(ctx, u.at.db) }

func (u *user) editOnConn(ctx context.Context) error {
	conn, err := u.at.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return u.editAndReload(ctx, conn)
}

func (u *user) editAndReload(ctx context.Context, db execer) error {
	address := fmt.Sprintf("%d Main Street", rand.IntN(1e6))
	r, err := db.ExecContext(ctx, u.text("UPDATE rwsplit_demo.customers SET address = ?, version = version + 1 WHERE id = ?"), address, u.id)
	if err != nil {
		return u.wrote(err)
	}
	if n, err := r.RowsAffected(); n != 1 || err != nil {
		return u.wrote(fmt.Errorf("%d rows changed, not 1: %w", n, err))
	}
	u.version, u.address = u.version+1, address
	version, address, err := u.readProfile(ctx, db)
	if err == nil {
		u.checkProfile(version, address)
	}
	return err
}

func (u *user) addToCart(ctx context.Context) error {
	product, quantity := anyProduct(), 1+rand.Int64N(3)
	if _, err := u.at.addToCart.ExecContext(ctx, u.id, product, quantity, quantity); err != nil {
		return u.wrote(err)
	}
	u.cart[product] += quantity
	cart, err := u.readCart(ctx, u.at.db)
	if err == nil {
		u.checkCart(cart)
	}
	return err
}

func (u *user) review(ctx context.Context) error {
	body := fmt.Sprintf("%d stars", 1+rand.IntN(5))
	id, err := u.shop.sql.insert(ctx, u.at.db, "INSERT INTO rwsplit_demo.reviews (customer_id, product_id, body) VALUES (?, ?, ?)",
		u.id, anyProduct(), body)
	if err != nil {
		return err // the user knows no review whose id he was not told
	}
	var shown string
	err = u.at.db.QueryRowContext(ctx, u.text("SELECT body FROM rwsplit_demo.reviews WHERE id = ?"), id).Scan(&shown)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	u.shop.ledger.wrote(err == nil && shown == body, "%s did not find his review %d", u.name, id)
	return nil
}

// order places an order of all that is in the cart, or at times thinks better
// of it just before the end, and then looks at what came of it.
func (u *user) order(ctx context.Context) error {
	if len(u.cart) == 0 {
		return u.addToCart(ctx)
	}
	if err := u.wrote(u.placeOrder(ctx, rand.IntN(8) == 0)); err != nil {
		return err
	}
	h, err := u.readHistory(ctx, u.at.db)
	if err != nil {
		return err
	}
	u.checkHistory(h)
	cart, err := u.readCart(ctx, u.at.db)
	if err == nil {
		u.checkCart(cart)
	}
	return err
}

func (u *user) placeOrder(ctx context.Context, regret bool) error {
	tx, err := u.at.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	order := history{orders: u.history.orders + 1}
	sold := make(map[int64]int64)
	for _, product := range slices.Sorted(maps.Keys(u.cart)) { // in one order, so that no two orders deadlock
		price, now, err := u.shop.sql.take(ctx, tx, product, u.cart[product])
		if err != nil {
			return err
		}
		order.total += price * u.cart[product]
		sold[product] = now
	}
	order.last, err = u.shop.sql.insert(ctx, tx, "INSERT INTO rwsplit_demo.orders (customer_id, total) VALUES (?, ?)", u.id, order.total)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, u.text("INSERT INTO rwsplit_demo.order_items SELECT ?, product_id, quantity"+
		" FROM rwsplit_demo.cart_items WHERE customer_id = ?"), order.last, u.id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, u.text("DELETE FROM rwsplit_demo.cart_items WHERE customer_id = ?"), u.id); err != nil {
		return err
	}
	if regret {
		return tx.Rollback()
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	order.total += u.history.total
	u.history = order
	clear(u.cart)
	for product, n := range sold {
		u.sold[product] = max(u.sold[product], n)
	}
	u.shop.ledger.add(func(f *Figures) { f.Orders++ })
	return nil
}

func anyProduct() int64 { return 1 + rand.Int64N(products) }

func readEdition(ctx context.Context, q querier) (edition int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT edition FROM rwsplit_demo.front_page WHERE id = 1").Scan(&edition)
	return edition, err
}
