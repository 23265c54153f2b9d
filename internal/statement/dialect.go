package statement

import (
	"fmt"
	"strings"
)

// Dialect is the language that a text is written in.
type Dialect uint8

const (
	// Postgres is PostgreSQL 13 and later. The text is taken to be UTF-8, which
	// is what pgx sends: in the client encodings where a backslash may be the
	// second byte of a character, a string could end elsewhere.
	Postgres Dialect = iota
	// MySQL is MySQL 8.0 and later; the same is true of the text.
	MySQL
	// MariaDB is MariaDB 10.5 and later; the same is true of the text.
	MariaDB
	// MySQLFamily is one of the two, and it is not yet known which. A text is
	// then the stricter of what it is in either.
	MySQLFamily
)

var dialects = [...]string{Postgres: "postgres", MySQL: "mysql", MariaDB: "mariadb", MySQLFamily: "mysql-family"}

func (d Dialect) String() string {
	if int(d) < len(dialects) {
		return dialects[d]
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

// UndoesSettings reports whether a rollback undoes what its transaction has set for
// the session.
func (d Dialect) UndoesSettings() bool { return d == Postgres }

// KeepsSettings reports whether a prepared statement goes on under the settings that
// it was prepared under: the database of its tables above all. PostgreSQL plans it
// anew where search_path has changed.
func (d Dialect) KeepsSettings() bool { return d != Postgres }

// ResetsAll reports whether one statement undoes all that was set for a session,
// whoever set it.
func (d Dialect) ResetsAll() bool { return d == Postgres }

// ParseDialect is the inverse of String for the dialects that a server speaks.
// Case does not matter.
func ParseDialect(name string) (Dialect, error) {
	for _, d := range []Dialect{Postgres, MySQL, MariaDB} {
		if strings.EqualFold(name, d.String()) {
			return d, nil
		}
	}
	return 0, fmt.Errorf("statement: unknown dialect %q", name)
}
