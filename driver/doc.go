// Package driver is rwsplit's side of database/sql: a connector, whose
// connections are logical. A logical connection holds nothing while it rests in
// database/sql's pool. For each checkout (a statement of a *sql.DB, a *sql.Tx, a
// *sql.Conn) it leases physical connections of the wrapped driver from the pools
// of the members that the statements go to: at most one of the primary and one
// of a replica. They go back when database/sql puts the logical connection back,
// which is when it asks IsValid: rows are closed by then, so the wrapped driver's
// rows are handed up untouched.
//
// A statement is classified, not the method that carries it. A proven read goes
// where package cluster picks; everything else goes to the primary. What an
// engine does differently stands behind [Engine].
package driver
