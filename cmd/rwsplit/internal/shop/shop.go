package shop

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/rwsplit/rwsplit/splitter"
)

// Config says what to open.
type Config struct {
	Driver string // as splitter.Config has it
	DSN    string
	Users  int

	// Consistency is what the users' reads ask for; the zero value means
	// splitter.Session. With less, stale reads are to be expected: it is how
	// the check is checked.
	Consistency splitter.Consistency
}

func (c Config) open() (*sql.DB, error) {
	return splitter.Open(splitter.Config{Driver: c.Driver, DSN: c.DSN})
}

// Shop is an open shop. Its methods are safe for concurrent use.
type Shop struct {
	config    Config
	sql       *dialect
	processes []*process
	ledger    ledger
	editions  editions
}

// process is the shop's program on one web server: what would be a process of
// its own is here a *sql.DB of its own.
type process struct {
	db      *sql.DB
	cluster *splitter.Cluster

	// Prepared once, used by all users of the process.
	product, addToCart *sql.Stmt
}

// Open makes the schema and opens the processes.
func Open(ctx context.Context, c Config) (*Shop, error) {
	if c.Consistency == 0 {
		c.Consistency = splitter.Session
	}
	d, err := build(ctx, c)
	if err != nil {
		return nil, err
	}
	s := &Shop{config: c, sql: d}
	for range 2 {
		p, err := openProcess(ctx, c, d)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.processes = append(s.processes, p)
	}
	return s, nil
}

func openProcess(ctx context.Context, c Config, d *dialect) (*process, error) {
	db, err := c.open()
	if err != nil {
		return nil, err
	}
	// A connection of the *sql.DB costs next to nothing, and each that is not
	// kept prepares the statements anew.
	db.SetMaxIdleConns(c.Users + 4)
	p := &process{db: db}
	p.cluster, err = splitter.ClusterOf(db)
	if err == nil {
		// The first connections are slow; users should not meet that.
		p.cluster.Ping(ctx)
		p.product, err = db.PrepareContext(ctx, d.text("SELECT p.name, p.price, s.sold FROM rwsplit_demo.products p"+
			" JOIN rwsplit_demo.stock s ON s.product_id = p.id WHERE p.id = ?"))
	}
	if err == nil {
		p.addToCart, err = db.PrepareContext(ctx, d.text(d.addToCart))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the shop: %w", err), db.Close())
	}
	return p, nil
}

// grace is how long a statement may go on when the shop closes.
const grace = 2 * time.Second

// Run lets everyone work until ctx is done, and returns when all have gone home.
// Nobody is cut off within a statement, unless it takes very long.
func (s *Shop) Run(ctx context.Context) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var everyone sync.WaitGroup
	for i := range s.config.Users {
		u := s.newUser(int64(i + 1))
		everyone.Go(func() { u.work(ctx, work) })
	}
	everyone.Go(func() { s.edit(ctx, work) })
	everyone.Go(func() { s.analyse(ctx, work) })

	<-ctx.Done()
	late := time.AfterFunc(grace, cancel)
	defer late.Stop()
	everyone.Wait()
}

// Figures returns what was counted so far.
func (s *Shop) Figures() Figures { return s.ledger.read() }

// Stats returns the statistics of each process.
func (s *Shop) Stats() []splitter.Stats {
	var all []splitter.Stats
	for _, p := range s.processes {
		all = append(all, p.cluster.Stats())
	}
	return all
}

// Close drops the schema and closes the processes. Run must have returned.
func (s *Shop) Close() error {
	s.Abandon()
	return s.config.drop(s.sql)
}

// Abandon closes the processes and leaves the schema, whose servers are about to
// go.
func (s *Shop) Abandon() {
	for _, p := range s.processes {
		p.db.Close()
	}
}

// think is the time that a user takes to read a page.
func think(ctx context.Context, from, to time.Duration) {
	t := time.NewTimer(from + rand.N(to-from))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
