package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	rwsplit "github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// defaultConnectTimeout holds where the connection string has no
// connect_timeout: a member that swallows packets must not hold up callers for
// as long as TCP would.
const defaultConnectTimeout = 10 * time.Second

// Config says which servers there are and how to connect to them.
type Config struct {
	// DSN is a connection string as pgx takes it, of one or more hosts.
	DSN string

	// Replicas are further members, each "host", "host:port" or the directory
	// of a unix socket. All else is as the DSN says.
	Replicas []string

	// Weights are the members' shares of reads under the weighted policy, by
	// the member's name. A member that is not named has 1.
	Weights map[string]int

	// Configure may change how a member is connected to. It is called once
	// for each member.
	Configure func(*pgx.ConnConfig) error

	// Options are passed to stdlib.GetConnector for each member.
	Options []stdlib.OptionOpenDB

	// Pooler says what the members are reached through.
	Pooler Pooler
}

// Engine is the database that a Config describes. It is safe for concurrent use.
type Engine struct {
	database string
	members  []cluster.Member
}

var _ rwsplit.Engine = (*Engine)(nil)

// New reads the configuration. It connects to nothing.
func New(c Config) (*Engine, error) {
	addresses, err := addressesOf(c.DSN, c.Replicas)
	if err != nil {
		return nil, err
	}
	e := &Engine{}
	for _, a := range addresses {
		// Those who bring a dialer may have names that it alone knows.
		if c.Configure == nil && len(c.Options) == 0 {
			if err := a.checkNumeric(); err != nil {
				return nil, err
			}
		}
		config, err := pgx.ParseConfig(withAddress(c.DSN, a))
		if err != nil {
			return nil, parseError(err)
		}
		if err := checkRuntime(config.RuntimeParams); err != nil {
			return nil, err
		}
		// Which member is the primary is observed, and followed; one that is
		// not wanted as such now is a member all the same.
		config.ValidateConnect = nil
		if config.ConnectTimeout == 0 {
			config.ConnectTimeout = defaultConnectTimeout
		}
		if c.Configure != nil {
			if err := c.Configure(config); err != nil {
				return nil, fmt.Errorf("rwsplit: configuring %s: %w", a, err)
			}
		}
		instrument(config)
		e.database = config.Database
		e.members = append(e.members, cluster.Member{
			Name: a.String(),
			Server: &server{
				connector: stdlib.GetConnector(*config, c.Options...),
				pooler:    c.Pooler,
				hooked:    config.AfterConnect != nil || len(c.Options) > 0,
			},
		})
	}
	if e.database == "" {
		e.database = e.user(c.DSN)
	}
	return e, cluster.Weigh(e.members, c.Weights)
}

// checkRuntime refuses parameters of ours that pgx is about to send to the server,
// which would refuse the connection.
func checkRuntime(parameters map[string]string) error {
	for name := range parameters {
		if rwsplit.HasParameterPrefix(name) {
			return fmt.Errorf("rwsplit: parameter %s has to be in the DSN itself, in lower case (it cannot be in a service file)", rwsplit.ShownName(name, rwsplit.ParameterPrefix))
		}
	}
	return nil
}

// user is what the server takes for a database that is not named.
func (e *Engine) user(dsn string) string {
	if config, err := pgconn.ParseConfig(dsn); err == nil {
		return config.User
	}
	return ""
}

// DistanceUnit implements the engine.
func (e *Engine) DistanceUnit() string { return "bytes" }

// Dialect implements the engine.
func (e *Engine) Dialect() statement.Dialect { return statement.Postgres }

// Members implements the engine.
func (e *Engine) Members() []cluster.Member { return e.members }

// Database implements the engine.
func (e *Engine) Database() string { return e.database }

// CheckNamedValue implements the engine: pgx converts arguments itself, by the
// types that the server asks for.
func (e *Engine) CheckNamedValue(*driver.NamedValue) error { return nil }

// InTransaction implements the engine.
func (e *Engine) InTransaction(c driver.Conn) (open, known bool) {
	return c.(*conn).pgConn().TxStatus() != idle, true
}

// EndTransaction implements the engine. It is not called: InTransaction knows.
func (e *Engine) EndTransaction(driver.Conn) error { return nil }

// ReplicaIsolation implements the engine. A standby refuses SERIALIZABLE
// (SQLSTATE 0A000): it cannot see the primary's predicate locks.
func (e *Engine) ReplicaIsolation(level driver.IsolationLevel) bool {
	return sql.IsolationLevel(level) < sql.LevelSerializable
}

// functionsQuery reads what statements can call beyond the built-in functions.
// Those in a language that is not trusted can write elsewhere, which a standby
// does not stop, whatever they claim.
const functionsQuery = `SELECT n.nspname, p.proname,
  bool_or(p.provolatile = 'v' OR NOT l.lanpltrusted AND l.lanname NOT IN ('internal', 'c'))
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
GROUP BY 1, 2`

// Functions implements the engine.
func (e *Engine) Functions(ctx context.Context, c driver.Conn) ([]statement.Function, error) {
	rows, err := c.(*conn).query(ctx, functionsQuery)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (f statement.Function, err error) {
		err = r.Scan(&f.Schema, &f.Name, &f.Volatile)
		return f, err
	})
}

// idle is the transaction status outside a transaction.
const idle = 'I'

// PGX returns pgx's connection behind one of this engine's.
func PGX(c driver.Conn) (*stdlib.Conn, bool) {
	ours, ok := c.(*conn)
	if !ok {
		return nil, false
	}
	return ours.Conn, true
}

// server implements cluster.Server.
type server struct {
	connector driver.Connector
	pooler    Pooler
	hooked    bool // code of the program sees new connections, and may set something
}

// Connect implements cluster.Server.
func (s *server) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := s.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	ours, err := newConn(c.(*stdlib.Conn))
	if err == nil {
		ours.pooled = s.pooler == PoolerTransaction // else identify will tell
	}
	return ours, err
}

// Restrict implements cluster.Server: a standby refuses writes by itself.
func (s *server) Restrict(context.Context, driver.Conn) error { return nil }

// resetQuery also ends a role, which RESET ALL leaves. Settings go back to what the
// connection was opened with.
const resetQuery = `SET SESSION AUTHORIZATION DEFAULT; RESET ROLE; RESET ALL`

// errHooked: what a hook of the program has set would be undone as well.
var errHooked = errors.New("the program's own hook may have set something on the new connection")

// errParsed: a statement that was parsed under another TimeZone, say, keeps its
// literals as they were read then.
var errParsed = errors.New("prepared statements may depend on what was set")

// Reset implements cluster.Server.
func (s *server) Reset(ctx context.Context, c driver.Conn, settings []string) error {
	switch {
	case s.hooked:
		return errHooked
	case slices.ContainsFunc(settings, parsing):
		return errParsed
	}
	_, err := c.(*conn).pgConn().Exec(ctx, resetQuery).ReadAll()
	return err
}

// parsing reports whether what a statement is parsed into may depend on the setting.
// Where search_path or the role has changed PostgreSQL does so anew; what a program has
// made up, the parser does not know.
func parsing(setting string) bool {
	switch setting {
	case "search_path", "role", "session_authorization", "application_name", "work_mem", "maintenance_work_mem", "temp_buffers",
		"synchronous_commit", "row_security", "all":
		return false
	}
	return !strings.Contains(setting, ".") && !strings.HasSuffix(setting, "_timeout")
}

// Reusable implements cluster.Server.
func (s *server) Reusable(c driver.Conn) bool {
	pg := c.(*conn).pgConn()
	return !pg.IsClosed() && !pg.IsBusy() && pg.TxStatus() == idle
}
