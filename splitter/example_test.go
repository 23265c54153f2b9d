package splitter_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rwsplit/rwsplit/session"
	"github.com/rwsplit/rwsplit/splitter"
)

func Example() {
	db, err := sql.Open(splitter.PGX, "postgres://app:secret@db1,db2,db3/shop?rwsplit_max_lag=2s")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	ctx := session.NewContext(context.Background(), session.New())
	if _, err := db.ExecContext(ctx, `UPDATE profiles SET name = $1 WHERE id = $2`, "Ada", 1); err != nil {
		log.Fatal(err)
	}
	var name string
	if err := db.QueryRowContext(ctx, `SELECT name FROM profiles WHERE id = $1`, 1).Scan(&name); err != nil {
		log.Fatal(err) // a replica has answered, and it has seen the update
	}
}

// What does not fit is an error of Open, which connects to nothing.
func ExampleOpen() {
	_, err := splitter.Open(splitter.Config{
		DSN:    "postgres://app:secret@db1,db2/shop",
		MaxLag: -time.Second,
	})
	fmt.Println(err)
	_, err = splitter.Open(splitter.Config{DSN: "postgres://app:secret@db1,db2,db1/shop"})
	fmt.Println(err)
	// Output:
	// rwsplit: option rwsplit_max_lag: negative
	// rwsplit: member db1:5432 is named twice, in the DSN's hosts or the replicas; name it once
}

func ExampleWithConsistency() {
	db, err := sql.Open(splitter.PGX, "postgres://app@db1,db2,db3/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	// A list of bestsellers may be a few seconds old.
	ctx := splitter.WithConsistency(context.Background(), splitter.BoundedStaleness(5*time.Second))
	rows, err := db.QueryContext(ctx, `SELECT name FROM products ORDER BY sold DESC LIMIT 10`)
	if err != nil {
		log.Fatal(err)
	}
	defer rows.Close()
}

func ExampleClusterOf() {
	db, err := sql.Open(splitter.PGX, "postgres://app@db1,db2,db3/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	cluster, err := splitter.ClusterOf(db)
	if err != nil {
		log.Fatal(err)
	}
	for _, m := range cluster.Stats().Members {
		fmt.Println(m.Name, m.Role, m.State)
	}
	// Output:
	// db1:5432 unknown unknown
	// db2:5432 unknown unknown
	// db3:5432 unknown unknown
}

func ExampleRaw() {
	db, err := sql.Open(splitter.PGX, "postgres://app@db1,db2,db3/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	err = splitter.Raw(ctx, conn, func(c *stdlib.Conn) error {
		_, err := c.Conn().CopyFrom(ctx, pgx.Identifier{"products"}, []string{"id", "name"},
			pgx.CopyFromRows([][]any{{1, "chair"}, {2, "table"}}))
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}
