package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// ErrNotOurs is returned by [WithPrimary] for a connection of another driver.
var ErrNotOurs = errors.New("rwsplit: not a connection of an rwsplit driver")

// WithPrimary calls f with the wrapped driver's connection to the primary that
// the checkout of driverConn uses, which is what (*sql.Conn).Raw hands over. The
// call counts as a write. The connection is closed when the checkout ends: what
// f did to it is not known.
func WithPrimary(ctx context.Context, driverConn any, f func(driver.Conn) error) error {
	c, ok := driverConn.(*conn)
	if !ok {
		return ErrNotOurs
	}
	if c.closed {
		return driver.ErrBadConn
	}
	if c.tx.vendor != nil && c.tx.lease != &c.primary {
		return ErrReplicaTransaction
	}
	if _, err := c.leasePrimary(ctx); err != nil {
		return err
	}
	if err := c.replay(ctx, &c.primary); err != nil {
		return c.failed(c.primary.Node, err, false)
	}
	c.primary.dirty = true
	rec := c.db.recordOf(ctx)
	if rec != nil {
		rec.BeginWrite()
	}
	defer func() { c.endWrite(rec, time.Now()) }()
	return f(c.primary.Conn().Driver)
}
