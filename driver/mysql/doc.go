// Package mysql is rwsplit's engine for MySQL 8.0 and later and MariaDB 10.5 and
// later, over go-sql-driver/mysql. It alone knows how these servers tell their role
// and positions, what their errors mean, and which data source names the wrapped
// driver takes. Which of the two a server is shows when it is connected to. Talking
// to it is go-sql-driver's.
//
// A replica of these servers is one by configuration only: a user with the right
// privilege writes to it, and without read_only everybody does. So connections to
// replicas run read-only transactions, which the server enforces for everyone.
package mysql
