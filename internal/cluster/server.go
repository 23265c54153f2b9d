package cluster

import (
	"context"
	"database/sql/driver"

	"github.com/rwsplit/rwsplit/lag"
)

// Server is one member as an engine reaches it. Its methods are safe for
// concurrent use, with one connection used by one caller at a time.
type Server interface {
	// Connect opens a connection of the wrapped driver.
	Connect(ctx context.Context) (driver.Conn, error)

	// Observe asks the server over this connection what it is and how far it
	// has got. All of the sample is filled but the times.
	Observe(ctx context.Context, conn driver.Conn) (lag.Sample, error)

	// Reusable reports, without asking the server, whether the connection
	// may go to another caller: it is alive and in no transaction.
	Reusable(conn driver.Conn) bool
}

// Member is one server of the cluster as the configuration names it.
type Member struct {
	Name   string // address, for people: "db1:5432"
	Weight int    // share of reads under [Weighted]; 0: none
	Server Server
}
