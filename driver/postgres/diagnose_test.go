package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

var faultNames = map[rwsplit.Fault]string{rwsplit.NoFault: "no fault", rwsplit.Refused: "refused", rwsplit.Unfit: "unfit", rwsplit.Lost: "lost"}

func checkFault(t *testing.T, err error, want rwsplit.Fault) {
	t.Helper()
	if got := (&Engine{}).Diagnose(err); got != want {
		t.Errorf("Diagnose(%T: %v) = %s, want %s", err, err, faultNames[got], faultNames[want])
	}
}

func TestDiagnose(t *testing.T) {
	server := func(severity, code, message string) error {
		return &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: message}
	}
	tests := []struct {
		name string
		err  error
		want rwsplit.Fault
	}{
		{"nothing", nil, rwsplit.NoFault},

		{"a write on a standby", server("ERROR", "25006", "cannot execute INSERT in a read-only transaction"), rwsplit.Refused},
		{"the same, wrapped", fmt.Errorf("saving: %w", server("ERROR", "25006", "cannot execute nextval() in a read-only transaction")), rwsplit.Refused},
		{"the same, joined", errors.Join(errors.New("saving"), server("ERROR", "25006", "")), rwsplit.Refused},
		{"SERIALIZABLE on a standby", server("ERROR", "0A000", "cannot use serializable mode in a hot standby"), rwsplit.Refused},
		{"READ WRITE on a standby", server("ERROR", "0A000", "cannot set transaction read-write mode during recovery"), rwsplit.Refused},
		{"an unlogged table on a standby", server("ERROR", "0A000", "cannot access temporary or unlogged relations during recovery"), rwsplit.Refused},
		{"pg_current_wal_lsn on a standby", server("ERROR", "55000", "recovery is in progress"), rwsplit.Unfit},
		{"a plan that an ALTER TABLE overtook", &pgconn.PgError{Severity: "ERROR", Code: "0A000", Message: "cached plan must not change result type", Routine: "RevalidateCachedQuery"}, rwsplit.NoFault},

		{"a conflict with recovery", server("ERROR", "40001", "canceling statement due to conflict with recovery"), rwsplit.Unfit},
		{"a conflict with recovery, idle in transaction", server("FATAL", "40001", "terminating connection due to conflict with recovery"), rwsplit.Unfit},
		{"a buffer pin that replay waits for", server("ERROR", "40P01", "canceling statement due to conflict with recovery"), rwsplit.Unfit},
		{"terminated", server("FATAL", "57P01", "terminating connection due to administrator command"), rwsplit.Unfit},
		{"starting up", server("FATAL", "57P03", "the database system is starting up"), rwsplit.Unfit},
		{"idle for too long", server("FATAL", "57P05", "terminating connection due to idle-session timeout"), rwsplit.Unfit},
		{"another process crashed", server("WARNING", "57P02", "terminating connection because of crash of another server process"), rwsplit.Lost},

		{"a duplicate key", server("ERROR", "23505", "duplicate key value violates unique constraint"), rwsplit.NoFault},
		{"a syntax error", server("ERROR", "42601", "syntax error at or near"), rwsplit.NoFault},
		{"no such table", server("ERROR", "42P01", "relation does not exist"), rwsplit.NoFault},
		{"a transaction that failed before", server("ERROR", "25P02", "current transaction is aborted"), rwsplit.NoFault},
		{"the statement's own timeout", server("ERROR", "57014", "canceling statement due to statement timeout"), rwsplit.NoFault},
		{"a code that nobody knows", server("ERROR", "ZZZZZ", ""), rwsplit.NoFault},
		{"no code", &pgconn.PgError{}, rwsplit.NoFault},

		{"nothing was sent", driver.ErrBadConn, rwsplit.Unfit},
		{"nothing was sent, wrapped", fmt.Errorf("ping: %w", driver.ErrBadConn), rwsplit.Unfit},
		{"the end of the stream", io.EOF, rwsplit.Lost},
		{"an unexpected end of the stream", fmt.Errorf("receiving: %w", io.ErrUnexpectedEOF), rwsplit.Lost},
		{"a connection that was closed meanwhile", fmt.Errorf("rows: %w", pgconn.ErrConnClosed), rwsplit.Lost},
		{"a socket that was closed meanwhile", &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}, rwsplit.Lost},
		{"a reset", &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, rwsplit.Lost},
		{"a broken pipe", &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, rwsplit.Lost},
		{"a socket's deadline", os.ErrDeadlineExceeded, rwsplit.Lost},
		{"a cancellation", context.Canceled, rwsplit.Lost},
		{"a deadline", fmt.Errorf("querying: %w", context.DeadlineExceeded), rwsplit.Lost},

		{"no rows", sql.ErrNoRows, rwsplit.NoFault},
		{"no rows, pgx's", pgx.ErrNoRows, rwsplit.NoFault},
		{"skipped by the driver", driver.ErrSkip, rwsplit.NoFault},
		{"an argument that does not convert", errors.New("unable to encode"), rwsplit.NoFault},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkFault(t, test.err, test.want) })
	}
}

// script is how a fake server behaves: what it says instead of "ready", what it
// does after that, and with a statement.
type script struct {
	greet  func(*pgproto3.Backend, net.Conn)
	ready  func(*pgproto3.Backend, net.Conn)
	answer func(*pgproto3.Backend, net.Conn)
}

// dial connects the engine to a fake server, over a pipe.
func (s script) dial(ctx context.Context, dsn string) (driver.Conn, error) {
	e, err := New(Config{
		DSN: "host=fake user=app dbname=shop sslmode=disable " + dsn,
		Configure: func(c *pgx.ConnConfig) error {
			c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
			c.DialFunc = func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go s.serve(server)
				return client, nil
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return e.Members()[0].Server.Connect(ctx)
}

func (s script) serve(conn net.Conn) {
	defer conn.Close()
	b := pgproto3.NewBackend(conn, conn)
	if m, err := b.ReceiveStartupMessage(); err != nil {
		return
	} else if _, cancels := m.(*pgproto3.CancelRequest); cancels {
		return
	}
	if s.greet != nil {
		s.greet(b, conn)
		return
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"})
	b.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if s.ready != nil {
		_ = b.Flush()
		s.ready(b, conn)
	}
	for b.Flush() == nil {
		m, err := b.Receive()
		if err != nil {
			return
		}
		switch m.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
			s.answer(b, conn)
		case *pgproto3.Terminate:
			return
		}
	}
}

// say answers with an error, and hangs up after a fatal one.
func say(severity, code string) func(*pgproto3.Backend, net.Conn) {
	return func(b *pgproto3.Backend, conn net.Conn) {
		b.Send(&pgproto3.ErrorResponse{Severity: severity, SeverityUnlocalized: severity, Code: code, Message: "told to"})
		if severity != "FATAL" {
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			return
		}
		_ = b.Flush()
		conn.Close()
	}
}

func hangUp(_ *pgproto3.Backend, conn net.Conn) { conn.Close() }

// silent waits for the client to give up.
func silent(b *pgproto3.Backend, conn net.Conn) {
	_, _ = b.Receive()
	conn.Close()
}

// openTransaction answers a BEGIN, and hangs up on what comes next.
func openTransaction(b *pgproto3.Backend, conn net.Conn) {
	b.Send(&pgproto3.CommandComplete{CommandTag: []byte("BEGIN")})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'T'})
	_ = b.Flush()
	_, _ = b.Receive()
	conn.Close()
}

// The errors that pgx itself makes of what a server does.
func TestDiagnoseOfConnections(t *testing.T) {
	tests := []struct {
		name   string
		dsn    string
		script script
		call   func(context.Context, driver.Conn) error
		want   rwsplit.Fault
	}{
		{name: "starting up", script: script{greet: say("FATAL", "57P03")}, want: rwsplit.Unfit},
		{name: "too many connections", script: script{greet: say("FATAL", "53300")}, want: rwsplit.Unfit},
		{name: "a wrong password", script: script{greet: say("FATAL", "28P01")}, want: rwsplit.Unfit},
		{name: "hung up while connecting", script: script{greet: hangUp}, want: rwsplit.Unfit},
		{name: "silent while connecting", dsn: "connect_timeout=1", script: script{greet: silent}, want: rwsplit.Unfit},

		{name: "no answer before the deadline", script: script{answer: silent}, want: rwsplit.Lost,
			call: func(ctx context.Context, c driver.Conn) error {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				return exec(ctx, c)
			}},
		{name: "no answer before it was canceled", script: script{answer: silent}, want: rwsplit.Lost,
			call: func(ctx context.Context, c driver.Conn) error {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				time.AfterFunc(time.Second, cancel)
				return exec(ctx, c)
			}},
		{name: "hung up on COMMIT", script: script{answer: openTransaction}, want: rwsplit.Lost,
			call: func(ctx context.Context, c driver.Conn) error {
				tx, err := c.(driver.ConnBeginTx).BeginTx(ctx, driver.TxOptions{})
				if err != nil {
					return errors.New("no transaction: " + err.Error())
				}
				return tx.Commit()
			}},
		{name: "canceled before", script: script{answer: silent}, want: rwsplit.Unfit,
			call: func(ctx context.Context, c driver.Conn) error {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return exec(ctx, c)
			}},
		{name: "hung up before", script: script{ready: hangUp}, want: rwsplit.Unfit, call: exec},
		{name: "closed before", script: script{answer: silent}, want: rwsplit.Unfit,
			call: func(ctx context.Context, c driver.Conn) error {
				c.Close()
				return exec(ctx, c)
			}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { checkScript(t, test.dsn, test.script, test.call, test.want) })
	}
}

func checkScript(t *testing.T, dsn string, s script, call func(context.Context, driver.Conn) error, want rwsplit.Fault) {
	isolate(t, nil)
	synctest.Test(t, func(t *testing.T) {
		c, err := s.dial(t.Context(), dsn)
		if call != nil {
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			synctest.Wait() // for the server, which may hang up
			err = call(t.Context(), c)
		}
		if err == nil {
			t.Fatal("no error")
		}
		checkFault(t, err, want)
	})
}

func exec(ctx context.Context, c driver.Conn) error {
	_, err := c.(driver.ExecerContext).ExecContext(ctx, "UPDATE t SET a = 1", nil)
	return err
}

// What a server says after it got a statement means the same in each way of
// sending one. Above all it is never that nothing was sent: database/sql would
// send a write again.
func TestDiagnoseOfStatements(t *testing.T) {
	arg := []driver.NamedValue{{Ordinal: 1, Value: "1"}}
	calls := []struct {
		name string
		call func(context.Context, driver.Conn) error
	}{
		{"exec", exec},
		{"exec with an argument", func(ctx context.Context, c driver.Conn) error {
			_, err := c.(driver.ExecerContext).ExecContext(ctx, "UPDATE t SET a = $1", arg)
			return err
		}},
		{"query", func(ctx context.Context, c driver.Conn) error {
			_, err := c.(driver.QueryerContext).QueryContext(ctx, "UPDATE t SET a = 1 RETURNING a", nil)
			return err
		}},
		{"query with an argument", func(ctx context.Context, c driver.Conn) error {
			_, err := c.(driver.QueryerContext).QueryContext(ctx, "UPDATE t SET a = $1 RETURNING a", arg)
			return err
		}},
		{"prepare", func(ctx context.Context, c driver.Conn) error {
			_, err := c.(driver.ConnPrepareContext).PrepareContext(ctx, "UPDATE t SET a = 1")
			return err
		}},
	}
	answers := []struct {
		name   string
		answer func(*pgproto3.Backend, net.Conn)
		want   rwsplit.Fault
	}{
		{"refused", say("ERROR", "25006"), rwsplit.Refused},
		{"its own error", say("ERROR", "23505"), rwsplit.NoFault},
		{"a conflict with recovery", say("FATAL", "40001"), rwsplit.Unfit},
		{"terminated", say("FATAL", "57P01"), rwsplit.Unfit},
		{"hung up", hangUp, rwsplit.Lost},
	}
	for _, call := range calls {
		for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
			for _, answer := range answers {
				t.Run(call.name+"/"+mode+"/"+answer.name, func(t *testing.T) {
					call := func(ctx context.Context, c driver.Conn) error {
						err := call.call(ctx, c)
						if errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
							t.Errorf("%v says that nothing was sent", err)
						}
						return err
					}
					checkScript(t, "default_query_exec_mode="+mode, script{answer: answer.answer}, call, answer.want)
				})
			}
		}
	}
}

func TestDiagnoseOfDialing(t *testing.T) {
	isolate(t, nil)
	tests := []struct {
		name   string
		lookup error
		dial   error
	}{
		{"no such host", &net.DNSError{Err: "no such host", Name: "fake", IsNotFound: true}, nil},
		{"refused", nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}},
		{"unreachable", nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}},
		{"no socket", nil, &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.ENOENT)}},
		{"timed out", nil, context.DeadlineExceeded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config, err := pgx.ParseConfig("host=fake user=app")
			if err != nil {
				t.Fatal(err)
			}
			config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, test.lookup }
			config.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, test.dial }
			_, err = stdlib.GetConnector(*config).Connect(t.Context())
			var connect *pgconn.ConnectError
			if !errors.As(err, &connect) {
				t.Fatalf("error %v is no *pgconn.ConnectError", err)
			}
			checkFault(t, err, rwsplit.Unfit)
		})
	}
}
