package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/rwsplit/rwsplit/splitter"
)

// Schema is the schema that the shop makes and drops.
const Schema = "rwsplit_demo"

// ErrSchemaExists says that the shop would not be alone in its schema.
var ErrSchemaExists = errors.New("the schema " + Schema + " exists already: another demo uses it, or one that was killed left it behind" +
	" (then: DROP SCHEMA " + Schema + " CASCADE)")

const (
	products   = 200
	categories = 10
)

// tables are the schema after its creation. Each statement stands alone: what
// one text may hold of several differs between the ways to send it.
var tables = []string{
	`CREATE TABLE rwsplit_demo.customers (
		id bigint PRIMARY KEY,
		name text NOT NULL,
		address text NOT NULL,
		version bigint NOT NULL)`,
	`CREATE TABLE rwsplit_demo.products (
		id bigint PRIMARY KEY,
		category bigint NOT NULL,
		name text NOT NULL,
		price bigint NOT NULL)`,
	`CREATE INDEX ON rwsplit_demo.products (category, id)`,
	`CREATE TABLE rwsplit_demo.stock (
		product_id bigint PRIMARY KEY REFERENCES rwsplit_demo.products,
		available bigint NOT NULL,
		sold bigint NOT NULL)`,
	`CREATE TABLE rwsplit_demo.cart_items (
		customer_id bigint REFERENCES rwsplit_demo.customers,
		product_id bigint REFERENCES rwsplit_demo.products,
		quantity bigint NOT NULL,
		PRIMARY KEY (customer_id, product_id))`,
	`CREATE TABLE rwsplit_demo.orders (
		id bigserial PRIMARY KEY,
		customer_id bigint NOT NULL REFERENCES rwsplit_demo.customers,
		total bigint NOT NULL)`,
	`CREATE INDEX ON rwsplit_demo.orders (customer_id, id)`,
	`CREATE TABLE rwsplit_demo.order_items (
		order_id bigint REFERENCES rwsplit_demo.orders,
		product_id bigint REFERENCES rwsplit_demo.products,
		quantity bigint NOT NULL,
		PRIMARY KEY (order_id, product_id))`,
	`CREATE TABLE rwsplit_demo.reviews (
		id bigserial PRIMARY KEY,
		customer_id bigint NOT NULL REFERENCES rwsplit_demo.customers,
		product_id bigint NOT NULL REFERENCES rwsplit_demo.products,
		body text NOT NULL)`,
	`CREATE TABLE rwsplit_demo.front_page (
		edition bigint NOT NULL,
		headline text NOT NULL)`,
	fmt.Sprintf(`INSERT INTO rwsplit_demo.products
		SELECT i, i %% %d, 'Product ' || i, 100 + i * 37 %% 900 FROM generate_series(1, %d) AS i`, categories, products),
	`INSERT INTO rwsplit_demo.stock SELECT id, 1000000, 0 FROM rwsplit_demo.products`,
	`INSERT INTO rwsplit_demo.front_page VALUES (1, 'Edition 1')`,
}

// build makes the schema and its first rows, and returns when every replica that
// gets on has them: until then a reader without a session may miss a table.
func build(ctx context.Context, dsn string, users int) error {
	db, err := splitter.Open(splitter.Config{DSN: dsn})
	if err != nil {
		return err
	}
	defer db.Close()
	var exists bool
	err = db.QueryRowContext(splitter.OnPrimary(ctx), "SELECT count(*) > 0 FROM pg_catalog.pg_namespace WHERE nspname = $1", Schema).Scan(&exists)
	if err != nil {
		return err
	}
	if exists {
		return ErrSchemaExists
	}
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA "+Schema); err != nil {
		return err
	}
	err = fill(ctx, db, users)
	if err == nil {
		err = settle(ctx, db)
	}
	if err != nil {
		return errors.Join(err, drop(dsn))
	}
	return nil
}

func fill(ctx context.Context, db *sql.DB, users int) error {
	for _, t := range tables {
		if _, err := db.ExecContext(ctx, t); err != nil {
			return fmt.Errorf("prepare the shop: %w", err)
		}
	}
	_, err := db.ExecContext(ctx, "INSERT INTO rwsplit_demo.customers SELECT i, 'Customer ' || i, 'none yet', 1 FROM generate_series(1, $1::bigint) AS i", users)
	if err != nil {
		return fmt.Errorf("prepare the shop: %w", err)
	}
	return nil
}

// patience is how long a replica is waited for that is behind at the start.
const patience = 10 * time.Second

// settle waits until each replica that is up has all that was written before
// now.
func settle(ctx context.Context, db *sql.DB) error {
	cluster, err := splitter.ClusterOf(db)
	if err != nil {
		return err
	}
	written := time.Now()
	for time.Since(written) < patience {
		cluster.Ping(ctx) // who does not answer is waited for below, or not at all
		done := true
		for _, m := range cluster.Stats().Members {
			has := m.Lag != nil && m.SampleAge != nil && *m.Lag+*m.SampleAge < time.Since(written)
			done = done && (has || m.State == "down")
		}
		if done {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// drop removes the schema, whatever became of those who used it.
func drop(dsn string) error {
	db, err := splitter.Open(splitter.Config{DSN: dsn})
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := db.ExecContext(ctx, "DROP SCHEMA "+Schema+" CASCADE"); err != nil {
		return fmt.Errorf("drop the schema %s: %w", Schema, err)
	}
	return nil
}
