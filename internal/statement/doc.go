// Package statement tells what kind of statement a text is: a read that any
// node may answer, a write for the primary, or one that makes or uses the state
// of a server connection.
//
// A text is a Read only when it is proven to be one. The proof is lexical: the
// text is cut into tokens exactly as the server cuts it, and every clause, call
// and relation of a query is looked at, at any depth. Where the cut depends on
// a setting or on the version of the server, the text is cut in every way that
// a server may: standard_conforming_strings, ANSI_QUOTES, NO_BACKSLASH_ESCAPES,
// executable comments. All else is a Write, and so is what this package does
// not understand. It does not parse: a text with a syntax error may be a Read,
// since every node refuses it alike.
//
// # Limits
//
// What a text does not say, it cannot tell:
//
//   - A view, a trigger, an operator, a cast, a default, a domain, a
//     row-security policy or a function's own body can call a volatile
//     function. So can PostgreSQL's notation t.f for f(t), which looks like a
//     column.
//   - A function or procedure can change the session (SET, temporary tables,
//     advisory locks) without Dirty being set. DO of PostgreSQL and a compound
//     statement of MariaDB are always Dirty.
//   - A foreign table (the FEDERATED, CONNECT and SPIDER engines) can be
//     written to by reading it, and the state of a sequence can be read with
//     SELECT *.
//   - An unlogged table cannot be read on a replica.
//   - A user's function that has the name of a harmless built-in, and stands
//     before it, is taken for the built-in while it is not in the catalog. In
//     MySQL and MariaDB that is so only on a server older than the built-in,
//     and for a window function's name without OVER.
//   - MySQL: where the default database of the connection is
//     information_schema, performance_schema, sys or mysql, an unqualified
//     table is one of that server, and looks like any other.
//   - MySQL: a text in a character set where a backslash may be the second byte
//     of a character (big5, cp932, gbk, gb18030, sjis) can be cut otherwise.
//   - MySQL: completion_type=CHAIN set for the whole server makes COMMIT begin
//     a transaction.
//   - MariaDB with sql_mode=ORACLE is a language of its own. What of it is not
//     understood is a Write; a packaged function or a sequence that is named as
//     there is one as well. Nothing else is promised for it.
//
// Most of these a replica refuses by itself; Cache.Refuse is for that. It does
// not refuse what SilentOnReplica marks, which is therefore found by name.
//
// # Seams
//
// What begins with postgres is PostgreSQL's, and what begins with mysql is that
// of MySQL and MariaDB, which share one lexer and one scanner: they differ in a
// few words, in their functions and in which comments they execute. The two
// languages share tokens and nothing that reads a text, because they cut and
// name things differently almost everywhere. Statement, its Resolve, the
// catalog, the hints and the cache know no dialect.
package statement

// The tables of PostgreSQL's keywords and of its harmless functions come from a
// server that psql finds by PGHOST and its like.
//go:generate go run ./gen
