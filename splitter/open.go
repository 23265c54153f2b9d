package splitter

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"maps"
	"slices"

	"github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/driver/postgres"
)

func init() { sql.Register(PGX, registered{PGX}) }

// Open returns a *sql.DB for the cluster that the configuration describes. Like
// sql.Open it connects to nothing: the first statement does. It is
// sql.Open(c.Driver, c.DSN) for those who would rather not write a DSN, with
// SetMaxIdleConns raised to 256.
func Open(c Config) (*sql.DB, error) {
	connector, err := newConnector(c)
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

func newConnector(c Config) (*driver.Connector, error) {
	c.Weights = maps.Clone(c.Weights)
	c.Replicas = slices.Clone(c.Replicas)
	orDefault(&c.Driver, PGX)
	if c.Driver != PGX {
		// Not repeated: it may be a DSN that got into the wrong field.
		return nil, fmt.Errorf("rwsplit: Config.Driver is no driver of rwsplit; there is %s", PGX)
	}
	rest, err := c.read()
	if err != nil {
		return nil, err
	}
	engine, err := postgres.New(postgres.Config{
		DSN:       rest,
		Replicas:  c.Replicas,
		Weights:   c.Weights,
		Configure: c.ConfigurePGX,
		Options:   c.PGXOptions,
	})
	if err != nil {
		return nil, err
	}
	orDefault(&c.SessionKey, engine.Database())
	return driver.NewConnector(engine, c.routing(), registered{c.Driver})
}

// read takes the parameters out of the DSN, of which it returns the rest, and
// completes the configuration.
func (c *Config) read() (rest string, err error) {
	rest, parameters, err := postgres.TakeParameters(c.DSN, optionPrefix)
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
