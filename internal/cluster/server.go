package cluster

import (
	"context"
	"database/sql/driver"
	"fmt"

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

	// Restrict makes the server refuse writes over this connection to a
	// replica, whoever asks, where being a replica does not do so by itself.
	Restrict(ctx context.Context, conn driver.Conn) error

	// Reset makes the settings of the connection's session what they were when
	// it was opened. These were changed since, by name. It fails where that
	// cannot be done; the connection is then closed.
	Reset(ctx context.Context, conn driver.Conn, settings []string) error

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

// Weigh gives the members the weights that their names have; a member that is not
// named has 1. A name that is no member's is an error.
func Weigh(members []Member, weights map[string]int) error {
	named := 0
	var names []string
	for i := range members {
		m := &members[i]
		m.Weight = 1
		if w, ok := weights[m.Name]; ok {
			m.Weight = w
			named++
		}
		names = append(names, m.Name)
	}
	if named != len(weights) {
		// Not repeated: it may be a DSN that got into the wrong place.
		return fmt.Errorf("rwsplit: weights: %d of the names are not members; the members are %v", len(weights)-named, names)
	}
	return nil
}
