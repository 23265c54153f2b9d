package mysql

import (
	"database/sql"
	"database/sql/driver"
	"os"
)

// The driver's tests are of its own package, which cannot import what imports it.
// Tests of mysql_test, in the same binary, can, and set these.
var (
	SQLOpen        func(name, dsn string) (*sql.DB, error) // for sql.Open
	Open           func(dsn string) (driver.Conn, error)   // for MySQLDriver.Open
	OpenWithConfig func(*Config) (*sql.DB, error)          // for NewConnector and sql.OpenDB
)

// replicas is added to the tests' DSN, which has the primary's address.
func replicas() string { return "&rwsplit_replicas=" + os.Getenv("RWSPLIT_SUITE_REPLICAS") }

type rwsplitDriver struct{}

func (rwsplitDriver) Open(dsn string) (driver.Conn, error) { return Open(dsn) }

// configured is what the tests take for a connector.
type configured struct {
	driver.Connector
	db *sql.DB
}

func newConfigured(c *Config) (configured, error) {
	db, err := OpenWithConfig(c)
	return configured{db: db}, err
}

// openDB stands in for sql.OpenDB.
func openDB(c driver.Connector) *sql.DB {
	if c, ok := c.(configured); ok {
		return c.db
	}
	return sql.OpenDB(c)
}

// plain is what (*sql.Conn).Raw handed over, if it is the plain driver's.
func plain(t *DBTest, c any) *mysqlConn {
	t.Helper()
	mc, ok := c.(*mysqlConn)
	if !ok {
		t.db.Exec("DROP TABLE IF EXISTS test") // which these tests do only at their end
		t.Fatalf("Raw hands over a %T, not this package's connection", c)
	}
	return mc
}
