package driver

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/rwsplit/rwsplit/internal/cluster"
	"github.com/rwsplit/rwsplit/internal/statement"
	"github.com/rwsplit/rwsplit/session"
)

// DB is what all connections of one *sql.DB share.
type DB struct {
	Cluster  *cluster.Cluster
	Counters Counters

	engine     Engine
	config     Config
	statements atomic.Pointer[statement.Cache]
	catalog    catalog
	fallbacks  limiter
	turn       atomic.Uint64

	// record is of all writes made through this DB: what reads without a
	// session of their own are held to.
	record session.Record

	start  sync.Once
	cancel context.CancelFunc
	done   sync.WaitGroup
}

func newDB(engine Engine, config Config) (*DB, error) {
	config.Cluster.Members = engine.Members()
	c, err := cluster.New(config.Cluster)
	if err != nil {
		return nil, err
	}
	db := &DB{
		Cluster:   c,
		engine:    engine,
		config:    config,
		catalog:   newCatalog(),
		fallbacks: newLimiter(config.FallbackLimit),
	}
	db.statements.Store(statement.NewCache(engine.Dialect(), config.StatementCache))
	return db, nil
}

// classify says what kind of statement a text is.
func (db *DB) classify(text string) *statement.Statement { return db.cache().Classify(text) }

// cache returns the classifications in the servers' dialect. When that turns out
// to be another, all begins anew.
func (db *DB) cache() *statement.Cache {
	c, d := db.statements.Load(), db.engine.Dialect()
	if c.Dialect() != d {
		c = statement.NewCache(d, db.config.StatementCache)
		db.statements.Store(c)
	}
	return c
}

// DistanceUnit is what the members' positions are apart in.
func (db *DB) DistanceUnit() string { return db.engine.DistanceUnit() }

// open starts following the members, on first use.
func (db *DB) open() {
	db.start.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		db.cancel = cancel
		db.Cluster.Start()
		db.done.Go(func() { db.followCatalog(ctx) })
	})
}

// close ends all goroutines and connections, and waits for them.
func (db *DB) close() {
	db.start.Do(func() {})
	if db.cancel != nil {
		db.cancel()
	}
	db.done.Wait()
	db.Cluster.Close()
}

// Ping asks every member and joins the errors of those that do not answer.
func (db *DB) Ping(ctx context.Context) error {
	db.open()
	if db.Cluster.Closed() {
		return ErrClosed
	}
	failures := make([]error, len(db.Cluster.Nodes()))
	var all sync.WaitGroup
	for i, n := range db.Cluster.Nodes() {
		all.Go(func() { failures[i] = n.Ping(ctx) })
	}
	all.Wait()
	return errors.Join(failures...)
}

// recordOf returns the record of the session that ctx carries, or nil.
func (db *DB) recordOf(ctx context.Context) *session.Record {
	if s := session.FromContext(ctx); s != nil {
		return s.Record(db.config.SessionKey, db.Cluster)
	}
	return nil
}
