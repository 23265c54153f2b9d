package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

// server implements cluster.Server.
type server struct {
	connector driver.Connector
	engine    *Engine
	database  string // that connections open
}

var _ cluster.Server = (*server)(nil)

// vendor is what go-sql-driver's connection does.
type vendor interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// conn is go-sql-driver's connection, and what is known of its server.
type conn struct {
	vendor
	identity identity
}

// Connect implements cluster.Server.
func (s *server) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := s.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	v, ok := c.(vendor)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("the connection is a %T, which lacks methods of go-sql-driver's", c)
	}
	ours := &conn{vendor: v}
	if err := ours.identify(ctx); err != nil {
		c.Close()
		return nil, err
	}
	s.engine.met.Or(1 << ours.identity.flavor)
	return ours, nil
}

// Restrict implements cluster.Server. The server refuses what changes data, by
// whomever, with error 1792 from then on. Neither read_only, from which some
// privileges exempt, nor super_read_only, which MariaDB has not, is asked for.
func (s *server) Restrict(ctx context.Context, c driver.Conn) error {
	_, err := c.(*conn).ExecContext(ctx, "SET SESSION TRANSACTION READ ONLY", nil)
	return err
}

// errNotReset: what a variable was when the connection was opened is not known; its
// DEFAULT is the server's.
var errNotReset = errors.New("variables of the session cannot be reset")

// Reset implements cluster.Server: only another database can be left.
func (s *server) Reset(ctx context.Context, c driver.Conn, settings []string) error {
	for _, name := range settings {
		if name != "database" || s.database == "" {
			return errNotReset
		}
	}
	_, err := c.(*conn).ExecContext(ctx, "USE `"+strings.ReplaceAll(s.database, "`", "``")+"`", nil)
	return err
}

// Reusable implements cluster.Server.
func (s *server) Reusable(c driver.Conn) bool { return c.(*conn).IsValid() }

// each calls f with the columns' names and the values of each row of a query
// without arguments. NULL is "".
func (c *conn) each(ctx context.Context, query string, f func(columns, row []string)) error {
	rows, err := c.QueryContext(ctx, query, nil)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns := rows.Columns()
	values, row := make([]driver.Value, len(columns)), make([]string, len(columns))
	for {
		switch err := rows.Next(values); {
		case errors.Is(err, io.EOF):
			return rows.Close()
		case err != nil:
			return err
		}
		for i, v := range values {
			row[i] = text(v)
		}
		f(columns, row)
	}
}

// one returns the only row of a query.
func (c *conn) one(ctx context.Context, query string) (row []string, err error) {
	err = c.each(ctx, query, func(_, r []string) { row = append(row[:0], r...) })
	if err == nil && row == nil {
		err = fmt.Errorf("%w: no row", errNotMySQL)
	}
	return row, err
}

func text(v driver.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []byte:
		return string(v)
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	}
	return fmt.Sprint(v)
}
