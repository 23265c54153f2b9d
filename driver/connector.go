package driver

import (
	"context"
	"database/sql/driver"
	"io"
)

// Connector opens the connections of one *sql.DB.
type Connector struct {
	db     *DB
	parent driver.Driver
}

var (
	_ driver.Connector = (*Connector)(nil)
	_ io.Closer        = (*Connector)(nil)
)

// NewConnector returns a connector for sql.OpenDB. Nothing is connected to until
// the first statement. The parent is the driver that a caller of
// (*sql.DB).Driver gets to open further databases with.
func NewConnector(engine Engine, config Config, parent driver.Driver) (*Connector, error) {
	db, err := newDB(engine, config)
	if err != nil {
		return nil, err
	}
	return &Connector{db: db, parent: parent}, nil
}

// Connect returns a logical connection, which holds no server's.
func (c *Connector) Connect(context.Context) (driver.Conn, error) {
	c.db.open()
	return &conn{db: c.db}, nil
}

// ConnectOwned returns a logical connection that closes the DB with it.
func (c *Connector) ConnectOwned(context.Context) (driver.Conn, error) {
	c.db.open()
	return &conn{db: c.db, owner: true}, nil
}

// Driver returns a driver that knows this connector's DB: see [Of].
func (c *Connector) Driver() driver.Driver { return bound{c.parent, c.db} }

// Close ends what the DB runs in the background and closes its connections.
// (*sql.DB).Close calls it.
func (c *Connector) Close() error {
	c.db.close()
	return nil
}

// bound is how a *sql.DB is traced back to its DB: database/sql shows a
// connector's driver, and nothing else of it.
type bound struct {
	driver.Driver
	db *DB
}

// Of returns the DB behind a driver that (*sql.DB).Driver returned, or nil.
func Of(d driver.Driver) *DB {
	if b, ok := d.(bound); ok {
		return b.db
	}
	return nil
}
