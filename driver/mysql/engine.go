package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	rwsplit "github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
)

// defaultConnectTimeout holds where the DSN has no timeout: a member that
// swallows packets must not hold up callers for as long as TCP would.
const defaultConnectTimeout = 10 * time.Second

// Config says which servers there are and how to connect to them.
type Config struct {
	// DSN is a data source name as go-sql-driver takes it, with one or more
	// addresses: user:password@tcp(db1:3306,db2:3306)/shop.
	DSN string

	// Replicas are further members, each "host", "host:port" or the path of
	// a unix socket. All else is as the DSN says.
	Replicas []string

	// Weights are the members' shares of reads under the weighted policy, by
	// the member's name. A member that is not named has 1.
	Weights map[string]int

	// Configure may change how a member is connected to. It is called once
	// for each member.
	Configure func(*mysql.Config) error
}

// Engine is the database that a Config describes. It is safe for concurrent use.
type Engine struct {
	database string
	members  []cluster.Member
	met      atomic.Uint32 // flavors of the servers that were connected to
}

var _ rwsplit.Engine = (*Engine)(nil)

// New reads the configuration. It connects to nothing.
func New(c Config) (*Engine, error) {
	parts, err := split(c.DSN)
	if err != nil {
		return nil, err
	}
	addresses, err := parts.addresses(c.Replicas)
	if err != nil {
		return nil, err
	}
	e := &Engine{}
	for _, a := range addresses {
		config, err := parts.parse(a)
		if err != nil {
			return nil, err
		}
		// A driver that closes its connection where a server is read-only
		// hides what the replica said. Who is read-only is observed.
		config.RejectReadOnly = false
		if config.Timeout == 0 {
			config.Timeout = defaultConnectTimeout
		}
		if c.Configure != nil {
			if err := c.Configure(config); err != nil {
				return nil, fmt.Errorf("rwsplit: configuring %s: %w", a, err)
			}
		}
		connector, err := mysql.NewConnector(config)
		if err != nil {
			return nil, parseError(err)
		}
		e.database = config.DBName
		if e.database == "" {
			e.database = "mysql" // who opens none has sessions all the same
		}
		e.members = append(e.members, cluster.Member{
			Name:   a.String(),
			Server: &server{connector: connector, engine: e, database: config.DBName},
		})
	}
	return e, cluster.Weigh(e.members, c.Weights)
}

// Dialect implements the engine: the servers' own, once one was connected to.
func (e *Engine) Dialect() statement.Dialect {
	switch e.met.Load() {
	case 1 << mySQL:
		return statement.MySQL
	case 1 << mariaDB:
		return statement.MariaDB
	}
	return statement.MySQLFamily
}

// DistanceUnit implements the engine.
func (e *Engine) DistanceUnit() string { return "transactions" }

// Members implements the engine.
func (e *Engine) Members() []cluster.Member { return e.members }

// Database implements the engine.
func (e *Engine) Database() string { return e.database }

// CheckNamedValue implements the engine.
func (e *Engine) CheckNamedValue(v *driver.NamedValue) (err error) {
	v.Value, err = convert(v.Value)
	return err
}

// InTransaction implements the engine. The wrapped driver does not show the
// server's status, so statements are followed.
func (e *Engine) InTransaction(driver.Conn) (open, known bool) { return false, false }

// endPatience bounds the rollback that EndTransaction waits for.
const endPatience = time.Second

// EndTransaction implements the engine.
func (e *Engine) EndTransaction(c driver.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), endPatience)
	defer cancel()
	_, err := c.(*conn).ExecContext(ctx, "ROLLBACK", nil)
	return err
}

// Rewrites implements the engine.
func (e *Engine) Rewrites([]driver.NamedValue) bool { return false }

// Pooled implements the engine. Poolers of MySQL (ProxySQL, MaxScale) keep a client
// with state on its connection by themselves.
func (e *Engine) Pooled(driver.Conn) bool { return false }

// ReplicaIsolation implements the engine. SERIALIZABLE makes reads take locks,
// which on a replica keep nobody from writing.
func (e *Engine) ReplicaIsolation(level driver.IsolationLevel) bool {
	return sql.IsolationLevel(level) < sql.LevelSerializable
}

// functionsQuery reads the stored functions that this user may call or see. What
// they say of themselves is not checked by the server; that they do not write
// is, on replicas: see [server.Restrict]. Loadable functions are not listed, and
// so are unknown.
const functionsQuery = `SELECT ROUTINE_SCHEMA, ROUTINE_NAME, SQL_DATA_ACCESS NOT IN ('NO SQL', 'READS SQL DATA')
FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION'`

// Functions implements the engine.
func (e *Engine) Functions(ctx context.Context, c driver.Conn) ([]statement.Function, error) {
	var functions []statement.Function
	err := c.(*conn).each(ctx, functionsQuery, func(_ []string, row []string) {
		functions = append(functions, statement.Function{Schema: row[0], Name: row[1], Volatile: row[2] != "0"})
	})
	return functions, err
}
