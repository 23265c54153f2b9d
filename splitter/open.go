package splitter

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"maps"
	"slices"

	"github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/driver/mysql"
	"github.com/rwsplit/rwsplit/driver/postgres"
)

func init() {
	for name := range drivers {
		sql.Register(name, registered{name})
	}
}

// Open returns a *sql.DB for the cluster that the configuration describes. Like
// sql.Open it connects to nothing: the first statement does. It is
// sql.Open(c.Driver, c.DSN) for those who would rather not write a DSN, with
// SetMaxIdleConns raised to 256.
func Open(c Config) (*sql.DB, error) {
	connector, err := NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(idleConns)
	return db, nil
}

// idleConns instead of database/sql's 2: a logical connection at rest holds
// nothing, and making one anew for each statement costs garbage.
const idleConns = 256

// NewConnector returns what sql.OpenDB opens a *sql.DB of, for those who wrap
// connectors, to trace statements say. One connector is for one *sql.DB, which
// closes it.
func NewConnector(c Config) (sqldriver.Connector, error) {
	connector, err := newConnector(c)
	if err != nil {
		return nil, err // and no connector that is not nil
	}
	return connector, nil
}

func newConnector(c Config) (*driver.Connector, error) {
	c.Weights = maps.Clone(c.Weights)
	c.Replicas = slices.Clone(c.Replicas)
	rest, err := c.read()
	if err != nil {
		return nil, err
	}
	engine, err := drivers[c.Driver].engine(&c, rest)
	if err != nil {
		return nil, err
	}
	orDefault(&c.SessionKey, engine.Database())
	return driver.NewConnector(engine, c.routing(), registered{c.Driver})
}

// wrapping is a driver that is wrapped: how to read its DSN, and to make its engine.
type wrapping struct {
	takeParameters func(dsn, prefix string) (rest string, taken []driver.Parameter, err error)
	engine         func(c *Config, dsn string) (driver.Engine, error)
}

// drivers are those that sql.Open knows, by their names.
var drivers = map[string]wrapping{
	PGX: {postgres.TakeParameters, func(c *Config, dsn string) (driver.Engine, error) {
		return postgres.New(postgres.Config{
			DSN:       dsn,
			Replicas:  c.Replicas,
			Weights:   c.Weights,
			Configure: c.ConfigurePGX,
			Options:   c.PGXOptions,
			Pooler:    c.Pooler,
		})
	}},
	MySQL: {mysql.TakeParameters, func(c *Config, dsn string) (driver.Engine, error) {
		return mysql.New(mysql.Config{
			DSN:       dsn,
			Replicas:  c.Replicas,
			Weights:   c.Weights,
			Configure: c.ConfigureMySQL,
		})
	}},
}

// read takes the parameters out of the DSN, of which it returns the rest, and
// completes the configuration.
func (c *Config) read() (rest string, err error) {
	orDefault(&c.Driver, PGX)
	wrapped, ok := drivers[c.Driver]
	if !ok {
		// Not repeated: it may be a DSN that got into the wrong field.
		return "", fmt.Errorf("rwsplit: Config.Driver is no driver of rwsplit; there are %s and %s", PGX, MySQL)
	}
	rest, parameters, err := wrapped.takeParameters(c.DSN, optionPrefix)
	if err != nil {
		return "", err
	}
	given := make(map[string]bool)
	for _, p := range parameters {
		if given[p.Name] {
			return "", fmt.Errorf("rwsplit: DSN: parameter %s is given twice", p.Name)
		}
		given[p.Name] = true
		if err := c.set(p.Name, p.Value); err != nil {
			return "", err
		}
	}
	if err := c.complete(); err != nil {
		return "", err
	}
	return rest, nil
}

// registered is what sql.Open finds under a name.
type registered struct{ name string }

var _ sqldriver.DriverContext = registered{}

// OpenConnector implements driver.DriverContext.
func (r registered) OpenConnector(dsn string) (sqldriver.Connector, error) {
	return newConnector(Config{Driver: r.name, DSN: dsn})
}

// Open implements driver.Driver. The connection has a cluster of its own, which
// ends with it.
func (r registered) Open(dsn string) (sqldriver.Conn, error) {
	connector, err := newConnector(Config{Driver: r.name, DSN: dsn})
	if err != nil {
		return nil, err
	}
	return connector.ConnectOwned(context.Background())
}
