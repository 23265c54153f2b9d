package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

// Diagnose implements the engine. Codes are those of PostgreSQL's appendix A.
func (e *Engine) Diagnose(err error) rwsplit.Fault {
	if err == nil {
		return rwsplit.NoFault
	}
	var (
		pg      *pgconn.PgError
		connect *pgconn.ConnectError
		network net.Error
	)
	switch {
	case errors.As(err, &connect), errors.Is(err, driver.ErrBadConn), pgconn.SafeToRetry(err):
		return rwsplit.Unfit // nothing was sent
	case errors.As(err, &pg):
		return diagnoseServer(pg)
	case errors.Is(err, errReplyLost), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, pgconn.ErrConnClosed),
		errors.Is(err, net.ErrClosed), errors.As(err, &network),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return rwsplit.Lost
	}
	return rwsplit.NoFault
}

// changedPlan is where PostgreSQL reports 0A000 "cached plan must not change result
// type": a prepared statement outlived an ALTER TABLE, on whichever server. The
// message is translated, the routine is not.
const changedPlan = "RevalidateCachedQuery"

func isChangedPlan(e *pgconn.PgError) bool { return e.Code == "0A000" && e.Routine == changedPlan }

func diagnoseServer(e *pgconn.PgError) rwsplit.Fault {
	switch e.Code {
	case "25006": // read_only_sql_transaction: "cannot execute … in a read-only transaction"
		return rwsplit.Refused
	case "0A000": // feature_not_supported: unlogged tables, SERIALIZABLE "during recovery"
		if isChangedPlan(e) {
			return rwsplit.NoFault
		}
		return rwsplit.Refused
	case "40001", // serialization_failure: on a standby, a conflict with recovery
		"55000", // object_not_in_prerequisite_state: "recovery is in progress"
		"40P01", // deadlock_detected: on a standby, a buffer pin that replay waits for
		"57P01", // admin_shutdown
		"57P03", // cannot_connect_now
		"57P05": // idle_session_timeout
		return rwsplit.Unfit
	case "57P02": // crash_shutdown: it may strike after a commit is on disk
		return rwsplit.Lost
	case "08P01": // protocol_violation: of PgBouncer, whatever went wrong with its server
		if e.Severity == "FATAL" {
			return diagnosePooler(e.Message)
		}
	}
	return rwsplit.NoFault
}

// diagnosePooler reads what PgBouncer says when it hangs up. It says these before a
// server has got the statement, and "server conn crashed?" for one that had. (Seen
// with 1.18 and 1.24.)
func diagnosePooler(message string) rwsplit.Fault {
	for _, before := range []string{
		"server login has been failing", "query_wait_timeout", "no more connections allowed", "pgbouncer cannot connect to server",
	} {
		if strings.HasPrefix(message, before) {
			return rwsplit.Unfit
		}
	}
	return rwsplit.Lost
}
