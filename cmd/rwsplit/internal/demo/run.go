package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/rwsplit/rwsplit/cmd/rwsplit/internal/shop"
	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// Options say what to show, and how.
type Options struct {
	DSN      string        // of a cluster that exists; empty: start one
	Driver   string        // whose DSN it is, as splitter.Config has it
	Engine   string        // to start: "postgres", "mysql" or "mariadb"
	Version  string        // of the servers to start, as fixture.Options has it
	Replicas int           // to start
	Users    int           // of the shop
	For      time.Duration // how long the shop is open; 0: until ctx is done

	Progress io.Writer // gets lines while no page is drawn
	Display  *Display  // of the page; nil: lines all the way
	Runtime  string    // of the servers, as fixture.Options has it
}

// started are the engines that can be started.
var started = map[string]struct{ title, driver string }{
	"postgres": {"PostgreSQL", splitter.PGX},
	"mysql":    {"MySQL", splitter.MySQL},
	"mariadb":  {"MariaDB", splitter.MySQL},
}

// ErrNotOpened is wrapped by the error of a demonstration that ended before the
// shop was open.
var ErrNotOpened = errors.New("the shop was not opened")

// Run runs a demonstration and returns what it came to. It ends early when ctx is
// done, which is no error once the shop is open. Whatever it started is gone
// when it returns. The summary is never nil.
func Run(ctx context.Context, o Options) (*Summary, error) {
	summary := &Summary{Interrupted: true, FallbackReasons: map[string]uint64{}, Servers: []ServerSummary{}}
	quiet := &muted{w: o.Progress}
	c, names := shop.Config{Driver: o.Driver, DSN: o.DSN, Users: o.Users}, map[string]string{}
	var servers *fixture.Cluster
	if o.DSN == "" {
		of := started[o.Engine]
		fmt.Fprintf(quiet, "starting a primary of %s and its replicas on this machine\n", of.title)
		var err error
		servers, err = fixture.Start(ctx, fixture.Options{Engine: o.Engine, Version: o.Version, Replicas: o.Replicas, Log: quiet, Runtime: o.Runtime})
		if err != nil {
			return summary, fmt.Errorf("%w: %w", ErrNotOpened, err)
		}
		// A user who may see why a replica is not up: the page shows it.
		c.Driver, c.DSN = of.driver, servers.MonitorDSN("rwsplit_max_lag="+maxLag.String())
		for _, s := range servers.Servers() {
			names[s.Addr()] = s.Name()
		}
	}
	fmt.Fprintf(quiet, "opening a web shop for %d users, in the schema %s\n", o.Users, shop.Schema)
	s, err := shop.Open(ctx, c)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNotOpened, err)
		return summary, errors.Join(err, closeServers(servers))
	}
	quiet.on.Store(true)

	show := &show{options: o, shop: s, names: names, servers: servers}
	err = show.run(ctx)
	summary = summarize(&show.page.now, names, ctx.Err() != nil)
	if servers != nil {
		s.Abandon()
		return summary, errors.Join(err, closeServers(servers))
	}
	return summary, errors.Join(err, s.Close())
}

func closeServers(c *fixture.Cluster) error {
	if c == nil {
		return nil
	}
	return c.Close()
}

// muted is a writer that falls silent: once the page is drawn, lines would
// disturb it, and what they tell is on it.
type muted struct {
	w  io.Writer
	on atomic.Bool
}

func (m *muted) Write(p []byte) (int, error) {
	if m.on.Load() {
		return len(p), nil
	}
	if _, err := m.w.Write(withoutSource(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
