package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/rwsplit/rwsplit/internal/statement"
	"github.com/rwsplit/rwsplit/splitter"
)

// engines are the names for -engine.
var engines = []string{statement.Postgres.String(), statement.MySQL.String(), statement.MariaDB.String()}

// dialectOf reads a value of -engine; the String of what it returns is the
// engine's name.
func dialectOf(engine string) (statement.Dialect, error) {
	d, err := statement.ParseDialect(engine)
	if err != nil {
		return 0, fmt.Errorf("unknown -engine %q; there are %s", engine, strings.Join(engines, ", "))
	}
	return d, nil
}

const driverUsage = "the driver `name`, pgx or mysql, where the DSN does not tell"

var (
	errDriver = errors.New("-driver is neither pgx nor mysql") // not repeated: it may be a misplaced DSN
	errForm   = errors.New("the form of the DSN is unknown: neither postgres://…, nor name=value …, nor user:password@tcp(host:3306)/database;" +
		" if it is right, -driver says whose it is")
)

var (
	// keywordForm is how a list of name=value begins. A user of MySQL whose
	// name begins so needs -driver.
	keywordForm = regexp.MustCompile(`^\s*[A-Za-z_][A-Za-z0-9_.]*\s*=`)

	// mysqlLeft is what go-sql-driver takes between the user and the last
	// slash: a network with an address, or one that has a default, or none.
	mysqlLeft = regexp.MustCompile(`^(?:[A-Za-z0-9+._-]+\(.*\)|tcp|unix)?$`)
)

// driverOf returns the driver whose DSN it is, or the one that is asked for. No
// error shows the DSN.
func driverOf(dsn, asked string) (string, error) {
	switch strings.ToLower(asked) {
	case "":
	case "pgx", splitter.PGX:
		return splitter.PGX, nil
	case "mysql", splitter.MySQL:
		return splitter.MySQL, nil
	default:
		return "", errDriver
	}
	switch {
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"), keywordForm.MatchString(dsn):
		return splitter.PGX, nil
	}
	// As go-sql-driver cuts it: a password may have any sign but the last "@"
	// and the last "/".
	if slash := strings.LastIndexByte(dsn, '/'); slash >= 0 {
		left := dsn[:slash]
		if mysqlLeft.MatchString(left[strings.LastIndexByte(left, '@')+1:]) {
			return splitter.MySQL, nil
		}
	}
	return "", errForm
}
