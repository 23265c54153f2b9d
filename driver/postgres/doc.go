// Package postgres is rwsplit's engine for PostgreSQL 15 and later, over pgx. It
// alone knows how PostgreSQL tells its role and positions, what its errors mean,
// and which connection strings pgx takes. Connecting and talking to the server is
// pgx's.
package postgres
