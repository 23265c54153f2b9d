package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

// Diagnose implements the engine. Numbers are those of the MySQL Server Error
// Reference and of MariaDB's error codes.
func (e *Engine) Diagnose(err error) rwsplit.Fault {
	var (
		server  *mysql.MySQLError
		network net.Error
	)
	switch {
	case err == nil:
		return rwsplit.NoFault
	case errors.Is(err, driver.ErrBadConn):
		return rwsplit.Unfit // nothing was sent
	case errors.As(err, &server):
		return diagnoseServer(server)
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrPktSync), errors.Is(err, mysql.ErrPktSyncMul),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrShortWrite), errors.Is(err, net.ErrClosed), errors.As(err, &network),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return rwsplit.Lost
	}
	return rwsplit.NoFault
}

func diagnoseServer(e *mysql.MySQLError) rwsplit.Fault {
	switch e.Number {
	case 1290: // ER_OPTION_PREVENTS_STATEMENT: of several options; names are not translated
		if strings.Contains(e.Message, "read-only") || strings.Contains(e.Message, "read_only") {
			return rwsplit.Refused
		}
	case 1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: see server.Restrict
		1836: // ER_READ_ONLY_MODE
		return rwsplit.Refused
	case 1015: // ER_CANT_LOCK: of InnoDB in read-only mode, "errno: 165 - Table is read only"
		if strings.Contains(e.Message, "errno: 165") {
			return rwsplit.Refused
		}
	case 1053, // ER_SERVER_SHUTDOWN
		1080, // ER_FORCING_CLOSE
		1927, // ER_CONNECTION_KILLED, of MariaDB
		3169, // ER_SESSION_WAS_KILLED
		4031: // ER_CLIENT_INTERACTION_TIMEOUT: the server had hung up before
		return rwsplit.Unfit
	}
	return rwsplit.NoFault
}
