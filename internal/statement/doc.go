// Package statement tells what kind of statement a text is: a read that any
// node may answer, a write for the primary, or one that makes or uses the state
// of a server connection.
//
// A text is a Read only when it is proven to be one. The proof is lexical: the
// text is cut into tokens exactly as the server cuts it, in whatever setting of
// standard_conforming_strings, and every clause, call and relation of a query
// is looked at, at any depth. All else is a Write, and so is what this package
// does not understand. It does not parse: a text with a syntax error may be a
// Read, since every node refuses it alike.
//
// # Limits
//
// What a text does not say, it cannot tell:
//
//   - A view, an operator, a cast, a default, a domain, a row-security policy
//     or a function's own body can call a volatile function. So can the
//     notation t.f for f(t), which looks like a column.
//   - A function or procedure can change the session (SET, temporary tables,
//     advisory locks) without Dirty being set. DO is always Dirty.
//   - A foreign table can be written to by reading it, and the state of a
//     sequence can be read with SELECT *.
//   - An unlogged table cannot be read on a replica.
//   - A user's function that has the name of a harmless built-in and is not in
//     the catalog is taken for the built-in.
//
// Most of these a replica refuses by itself; Cache.Refuse is for that. It does
// not refuse what SilentOnReplica marks, which is therefore found by name.
//
// # Seams
//
// classifyPostgres and the files named after a family of statements are
// PostgreSQL's. Statement, its Resolve, the catalog, the hints and the cache
// know no dialect.
package statement

// The tables of keywords and of harmless functions come from a server that psql
// finds by PGHOST and its like.
//go:generate go run ./gen
