package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-sql-driver/mysql"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

func TestDiagnose(t *testing.T) {
	server := func(number uint16, message string) error { return &mysql.MySQLError{Number: number, Message: message} }
	for _, test := range []struct {
		name string
		err  error
		want rwsplit.Fault
	}{
		{"nothing", nil, rwsplit.NoFault},

		{"a write on a replica, MySQL", server(1290, "The MySQL server is running with the --read-only option so it cannot execute this statement"), rwsplit.Refused},
		{"a write of a privileged user", server(1290, "The MySQL server is running with the --super-read-only option so it cannot execute this statement"), rwsplit.Refused},
		{"a write on a replica, MariaDB", server(1290, "The MariaDB server is running with the --read-only option so it cannot execute this statement"), rwsplit.Refused},
		{"in another language", server(1290, "Der MySQL-Server läuft mit der Option --read-only und kann diese Anweisung deswegen nicht ausführen"), rwsplit.Refused},
		{"another option", server(1290, "The MySQL server is running with the --secure-file-priv option so it cannot execute this statement"), rwsplit.NoFault},
		{"a write in a read-only transaction", server(1792, "Cannot execute statement in a READ ONLY transaction."), rwsplit.Refused},
		{"the same, wrapped", fmt.Errorf("saving: %w", server(1792, "")), rwsplit.Refused},
		{"read-only mode", server(1836, "Running in read-only mode"), rwsplit.Refused},
		{"InnoDB in read-only mode", server(1015, "Can't lock file (errno: 165 - Table is read only)"), rwsplit.Refused},
		{"another lock", server(1015, "Can't lock file (errno: 11)"), rwsplit.NoFault},

		{"shutting down", server(1053, "Server shutdown in progress"), rwsplit.Unfit},
		{"killed, MariaDB", server(1927, "Connection was killed"), rwsplit.Unfit},
		{"killed, MySQL", server(3169, "The session was killed"), rwsplit.Unfit},
		{"idle for too long", server(4031, "The client was disconnected by the server because of inactivity."), rwsplit.Unfit},

		{"a duplicate key", server(1062, "Duplicate entry"), rwsplit.NoFault},
		{"a syntax error", server(1064, "You have an error in your SQL syntax"), rwsplit.NoFault},
		{"a deadlock", server(1213, "Deadlock found"), rwsplit.NoFault},
		{"KILL QUERY", server(1317, "Query execution was interrupted"), rwsplit.NoFault},
		{"the statement's own timeout", server(3024, "maximum statement execution time exceeded"), rwsplit.NoFault},

		{"nothing was sent", driver.ErrBadConn, rwsplit.Unfit},
		{"the reply did not come", mysql.ErrInvalidConn, rwsplit.Lost},
		{"the reply is not one", mysql.ErrMalformPkt, rwsplit.Lost},
		{"out of sync", mysql.ErrPktSync, rwsplit.Lost},
		{"too large to be sent", mysql.ErrPktTooLarge, rwsplit.NoFault},
		{"the end of the stream", io.EOF, rwsplit.Lost},
		{"an unexpected end of the stream", fmt.Errorf("receiving: %w", io.ErrUnexpectedEOF), rwsplit.Lost},
		{"half of a packet was sent", io.ErrShortWrite, rwsplit.Lost},
		{"a socket that was closed meanwhile", &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}, rwsplit.Lost},
		{"a reset", &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, rwsplit.Lost},
		{"a cancellation", context.Canceled, rwsplit.Lost},
		{"a deadline", fmt.Errorf("querying: %w", context.DeadlineExceeded), rwsplit.Lost},
		{"anything else", errors.New("no"), rwsplit.NoFault},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := (&Engine{}).Diagnose(test.err); got != test.want {
				t.Errorf("fault %d, want %d", got, test.want)
			}
		})
	}
}
