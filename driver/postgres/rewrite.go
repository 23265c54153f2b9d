package postgres

import (
	"database/sql/driver"

	"github.com/jackc/pgx/v5"
)

// Rewrites implements the engine. pgx takes options for arguments while they come
// first; one of them may replace the text. Those of pgx itself put numbers in the
// place of names.
func (e *Engine) Rewrites(args []driver.NamedValue) bool {
	for i := range args {
		switch v := args[i].Value.(type) {
		case nil, string, []byte, int64, float64, bool:
			return false
		case pgx.NamedArgs, pgx.StrictNamedArgs:
		case pgx.QueryRewriter:
			return true
		default:
			if !isOption(v) {
				return false
			}
		}
	}
	return false
}

// allOptions reports whether no argument is one of the statement's own.
func allOptions(args []driver.NamedValue) bool {
	for i := range args {
		if !isOption(args[i].Value) {
			return false
		}
	}
	return true
}

// isOption reports whether an argument says how to run a statement.
func isOption(v any) bool {
	switch v.(type) {
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return true
	}
	return false
}
