package driver

import (
	"context"
	"database/sql/driver"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// Engine is what rwsplit has to know of one kind of database. Its methods are
// safe for concurrent use.
type Engine interface {
	// Dialect tells how statements are read. It may change once, when the
	// first connection shows what kind of server it is.
	Dialect() statement.Dialect

	// DistanceUnit is what positions are apart in: "bytes", "transactions".
	DistanceUnit() string

	// Members returns the servers to connect to, the declared primary first.
	Members() []cluster.Member

	// Database names what sessions are about when the configuration does not:
	// the database that connections open.
	Database() string

	// CheckNamedValue converts an argument as the wrapped driver does.
	// database/sql asks before it is known which connection gets it.
	CheckNamedValue(*driver.NamedValue) error

	// Diagnose says what an error of the wrapped driver means for routing.
	Diagnose(error) Fault

	// InTransaction reports whether the connection is in a transaction, and
	// whether the wrapped driver can tell without asking the server.
	InTransaction(driver.Conn) (open, known bool)

	// EndTransaction rolls back what may be open on the connection, where
	// InTransaction does not know, and waits no longer than a moment for it.
	EndTransaction(driver.Conn) error

	// Rewrites reports whether one of the arguments replaces the text of its
	// statement, of which nothing is known then.
	Rewrites(args []driver.NamedValue) bool

	// Pooled reports whether others use the connection to the server between
	// transactions, so that a session cannot have a state.
	Pooled(driver.Conn) bool

	// ReplicaIsolation reports whether a replica can run a read-only
	// transaction of this isolation level.
	ReplicaIsolation(driver.IsolationLevel) bool

	// Functions reads the database's own functions from the server's catalog.
	Functions(context.Context, driver.Conn) ([]statement.Function, error)
}

// Fault is what an error of the wrapped driver means for routing.
type Fault uint8

const (
	// NoFault: the statement's own error, which it would meet anywhere.
	NoFault Fault = iota
	// Refused: the server is a replica and cannot run such a statement.
	// Nothing ran.
	Refused
	// Unfit: the server gave the statement up for a reason of its own
	// (shutting down, a conflict with replay). Nothing was changed.
	Unfit
	// Lost: the reply did not come. A write may or may not have happened.
	Lost
)
