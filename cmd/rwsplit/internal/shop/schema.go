package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rwsplit/rwsplit/splitter"
)

// Schema is the schema that the shop makes and drops.
const Schema = "rwsplit_demo"

// ErrSchemaExists says that the shop would not be alone in its schema.
var ErrSchemaExists = errors.New("the schema " + Schema + " exists already: another demo uses it, or one that was killed left it behind (then drop it)")

const (
	products   = 200
	categories = 10
)

// tables are the schema after its creation, with {identity} for the type of a
// column that numbers its rows. Each statement stands alone: what one text may
// hold of several differs between the ways to send it. What refers to another
// table says so at the end: MySQL ignored it beside a column for long.
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
	`CREATE INDEX products_of_category ON rwsplit_demo.products (category, id)`,
	`CREATE TABLE rwsplit_demo.stock (
		product_id bigint PRIMARY KEY,
		available bigint NOT NULL,
		sold bigint NOT NULL,
		FOREIGN KEY (product_id) REFERENCES rwsplit_demo.products (id))`,
	`CREATE TABLE rwsplit_demo.cart_items (
		customer_id bigint,
		product_id bigint,
		quantity bigint NOT NULL,
		PRIMARY KEY (customer_id, product_id),
		FOREIGN KEY (customer_id) REFERENCES rwsplit_demo.customers (id),
		FOREIGN KEY (product_id) REFERENCES rwsplit_demo.products (id))`,
	`CREATE TABLE rwsplit_demo.orders (
		id {identity} PRIMARY KEY,
		customer_id bigint NOT NULL,
		total bigint NOT NULL,
		FOREIGN KEY (customer_id) REFERENCES rwsplit_demo.customers (id))`,
	`CREATE INDEX orders_of_customer ON rwsplit_demo.orders (customer_id, id)`,
	`CREATE TABLE rwsplit_demo.order_items (
		order_id bigint,
		product_id bigint,
		quantity bigint NOT NULL,
		PRIMARY KEY (order_id, product_id),
		FOREIGN KEY (order_id) REFERENCES rwsplit_demo.orders (id),
		FOREIGN KEY (product_id) REFERENCES rwsplit_demo.products (id))`,
	`CREATE TABLE rwsplit_demo.reviews (
		id {identity} PRIMARY KEY,
		customer_id bigint NOT NULL,
		product_id bigint NOT NULL,
		body text NOT NULL,
		FOREIGN KEY (customer_id) REFERENCES rwsplit_demo.customers (id),
		FOREIGN KEY (product_id) REFERENCES rwsplit_demo.products (id))`,
	`CREATE TABLE rwsplit_demo.front_page (
		id bigint PRIMARY KEY,
		edition bigint NOT NULL,
		headline text NOT NULL)`,
}

// rows are the first rows but for the customers'.
var rows = []string{
	fmt.Sprintf(`INSERT INTO rwsplit_demo.products %s SELECT i, i %% %d, concat('Product ', i), 100 + i * 37 %% 900 FROM series`,
		series(strconv.Itoa(products)), categories),
	`INSERT INTO rwsplit_demo.stock SELECT id, 1000000, 0 FROM rwsplit_demo.products`,
	`INSERT INTO rwsplit_demo.front_page VALUES (1, 1, 'Edition 1')`,
}

// series is a WITH clause for the numbers i from 1 to n, of which MySQL and
// MariaDB take 1000.
func series(n string) string {
	return "WITH RECURSIVE series (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < " + n + ")"
}

// build makes the schema and its first rows, and returns when every replica that
// gets on has them: until then a reader without a session may miss a table.
func build(ctx context.Context, c Config) (*dialect, error) {
	db, err := c.open()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	d, err := dialectOf(ctx, c.Driver, db)
	if err != nil {
		return nil, err
	}
	var same int64
	if err := db.QueryRowContext(splitter.OnPrimary(ctx), d.text(d.schemas), Schema).Scan(&same); err != nil {
		return nil, err
	}
	if same > 0 {
		return nil, ErrSchemaExists
	}
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA "+Schema); err != nil {
		return nil, err
	}
	err = fill(ctx, db, d, c.Users)
	if err == nil {
		err = settle(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(err, c.drop(d))
	}
	return d, nil
}

func fill(ctx context.Context, db *sql.DB, d *dialect, users int) error {
	for _, q := range slices.Concat(tables, rows) {
		if _, err := db.ExecContext(ctx, strings.ReplaceAll(q, "{identity}", d.identity)); err != nil {
			return fmt.Errorf("prepare the shop: %w", err)
		}
	}
	customers := "INSERT INTO rwsplit_demo.customers " + series("?") + " SELECT i, concat('Customer ', i), 'none yet', 1 FROM series"
	if _, err := db.ExecContext(ctx, d.text(customers), users); err != nil {
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
func (c Config) drop(d *dialect) error {
	db, err := c.open()
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := db.ExecContext(ctx, d.drop); err != nil {
		return fmt.Errorf("drop the schema %s: %w", Schema, err)
	}
	return nil
}
