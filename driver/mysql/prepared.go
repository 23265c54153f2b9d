package mysql

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/rwsplit/rwsplit/internal/cluster"
)

var _ cluster.Preparer = (*conn)(nil)

// Variant implements cluster.Preparer: the types that the arguments are sent as.
// MySQL from 8.0.22 on derives a parameter's type once and converts later values to
// it: after SELECT ? with 0.1 the same statement answers 0 to 'text'. (Seen with
// 9.7.)
func (c *conn) Variant(args []driver.NamedValue) uint64 {
	// Exact for 15 arguments, and a polynomial hash of those beyond.
	variant := uint64(1)
	for i := range args {
		kind := wireType(args[i].Value)
		if i < 15 {
			variant = variant<<4 | kind
		} else {
			variant = variant*1099511628211 + kind
		}
	}
	return variant
}

func wireType(v driver.Value) uint64 {
	switch v.(type) {
	case nil:
		return 0
	case int64:
		return 1
	case uint64:
		return 2
	case float64:
		return 3
	case bool:
		return 4
	case []byte, json.RawMessage:
		return 5
	case string:
		return 6
	case time.Time:
		return 7
	}
	return 8
}

// StatementLimit implements cluster.Preparer.
func (c *conn) StatementLimit(err error) bool {
	return isError(err, 1461) // ER_MAX_PREPARED_STMT_COUNT_REACHED
}

// StatementStale implements cluster.Preparer.
func (c *conn) StatementStale(err error) bool {
	return isError(err, 1615) // ER_NEED_REPREPARE
}

func isError(err error, number uint16) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && server.Number == number
}
