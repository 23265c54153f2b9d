package stdlib_test

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rwsplit/rwsplit/splitter"
)

// sqlOpen stands in for sql.Open, by the names "pgx" and "pgx/v5".
func sqlOpen(_, dsn string) (*sql.DB, error) {
	db, err := sql.Open(splitter.PGX, dsn)
	if err == nil {
		note(db)
	}
	return db, err
}

// openDB2 stands in for stdlib.OpenDB. What these tests set in the configuration,
// and the DSN cannot say, is handed on.
func openDB2(config pgx.ConnConfig, opts ...stdlib.OptionOpenDB) *sql.DB {
	db, err := splitter.Open(splitter.Config{
		DSN: config.ConnString(),
		ConfigurePGX: func(member *pgx.ConnConfig) error {
			member.DefaultQueryExecMode = config.DefaultQueryExecMode
			return nil
		},
		PGXOptions: opts,
	})
	if err != nil {
		panic(err)
	}
	return note(db)
}

// raw stands in for (*sql.Conn).Raw.
func raw(c *sql.Conn, f func(driverConn any) error) error {
	return splitter.Raw(context.Background(), c, func(c *stdlib.Conn) error { return f(c) })
}
