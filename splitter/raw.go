package splitter

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/driver/postgres"
)

// Raw calls f with pgx's connection to the primary, for what database/sql cannot
// say, such as CopyFrom. It is (*sql.Conn).Raw for a connection of ours. The call
// counts as a write of ctx's session. The connection must not be used after f; it
// is closed when conn is, as what f left on it is not known.
func Raw(ctx context.Context, conn *sql.Conn, f func(*stdlib.Conn) error) error {
	return conn.Raw(func(ours any) error {
		return driver.WithPrimary(ctx, ours, func(c sqldriver.Conn) error {
			pgx, ok := postgres.PGX(c)
			if !ok {
				return fmt.Errorf("rwsplit: the connection is a %T, not pgx's", c)
			}
			return f(pgx)
		})
	})
}
