package splitter

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/rwsplit/rwsplit/driver"
)

// ErrNotOurs is returned by [ClusterOf] for a *sql.DB of another driver.
var ErrNotOurs = errors.New("rwsplit: the *sql.DB was not opened by an rwsplit driver")

// Cluster is the view on the members behind a *sql.DB. It is safe for concurrent
// use, and usable until the *sql.DB is closed.
type Cluster struct{ db *driver.DB }

// ClusterOf returns the cluster behind db.
func ClusterOf(db *sql.DB) (*Cluster, error) {
	ours := driver.Of(db.Driver())
	if ours == nil {
		return nil, fmt.Errorf("%w: its driver is a %T", ErrNotOurs, db.Driver())
	}
	return &Cluster{ours}, nil
}

// Ping asks every member and returns the errors of those that do not answer,
// joined. (*sql.DB).PingContext asks the primary alone, which is all that a
// program needs to work.
func (c *Cluster) Ping(ctx context.Context) error { return c.db.Ping(ctx) }
