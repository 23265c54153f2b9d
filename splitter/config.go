package splitter

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/rwsplit/rwsplit/driver"
	"github.com/rwsplit/rwsplit/driver/postgres"
	"github.com/rwsplit/rwsplit/internal/cluster"
)

// The names of the drivers, for sql.Open and Config.Driver.
const (
	// PGX is for PostgreSQL over pgx.
	PGX = "rwsplit-pgx"
	// MySQL is for MySQL and MariaDB over go-sql-driver/mysql.
	MySQL = "rwsplit-mysql"
)

// Config says what to open. The zero value of each field but DSN means its
// default. A field can also be set in the DSN, which then wins.
type Config struct {
	// Driver is the name that sql.Open knows the driver by: [PGX], which is
	// the default, or [MySQL].
	Driver string

	// DSN is a data source name of the wrapped driver, and may carry
	// rwsplit_ parameters. Its hosts are the cluster's members; the first is
	// the declared primary.
	DSN string

	// Replicas are further members, each "host" or "host:port", or where a
	// unix socket is.
	Replicas []string // rwsplit_replicas=host:port,host:port

	// Consistency is what reads get whose context does not say. Default:
	// [Session].
	Consistency Consistency // rwsplit_consistency

	// MaxLag is how far behind a replica may be and still answer reads of any
	// consistency but [Eventual]. Default: 10 s.
	MaxLag time.Duration // rwsplit_max_lag

	// WaitBudget is how long a read waits for a replica that is expected to
	// be fresh enough in time, before it goes to the primary. Default: 50 ms;
	// [NoWait] does not wait.
	WaitBudget time.Duration // rwsplit_wait_budget

	// FallbackLimit bounds the reads that are on the primary at the same time
	// because no replica is fresh enough. Default: half of MaxConns, so that
	// writes find a connection; or [Unlimited].
	FallbackLimit int // rwsplit_fallback_limit

	// FallbackOverflow says what a read gets past that limit. Default:
	// [OverflowWait].
	FallbackOverflow Overflow // rwsplit_fallback_overflow

	// ProbeInterval lies between two samples of a member's role and position
	// when nobody waits for one. Default: 1 s, or a quarter of MaxLag if that
	// is less.
	ProbeInterval time.Duration // rwsplit_probe_interval

	// ProbeTimeout is when a member that does not answer a sample counts as
	// down. Default: 1 s.
	ProbeTimeout time.Duration // rwsplit_probe_timeout

	// PrimaryWait is how long a statement that needs the primary waits for
	// one while there is none, before it fails with [ErrNoPrimary]. Default:
	// 5 s.
	PrimaryWait time.Duration // rwsplit_primary_wait

	// MaxConns bounds the connections to each member. Default: 64.
	MaxConns int // rwsplit_max_conns

	// ConnMaxLifetime is the age at which a connection is closed instead of
	// used again. Default: 1 h.
	ConnMaxLifetime time.Duration // rwsplit_conn_max_lifetime

	// ConnMaxIdleTime is how long a connection may rest before it is closed.
	// Default: 5 min.
	ConnMaxIdleTime time.Duration // rwsplit_conn_max_idle_time

	// Balance says which of several eligible replicas answers. Default:
	// [PowerOfTwo].
	Balance Policy // rwsplit_balance

	// Weights are the members' shares of reads under [Weighted], by member
	// as Stats names it. A member that is not named has 1; one with 0 gets no
	// reads.
	Weights map[string]int // rwsplit_weights=db2:5432=3,db3:5432=1

	// SessionKey names this cluster in sessions and their tokens: processes
	// that exchange tokens must agree on it, and two clusters that one
	// session visits should differ. Default: the name of the database.
	SessionKey string // rwsplit_session_key

	// CatalogInterval lies between two readings of the database's own
	// functions from the primary's catalog. Default: 1 min.
	CatalogInterval time.Duration // rwsplit_catalog_interval

	// StatementCache is how many statement texts have their classification
	// kept. Default: 4096.
	StatementCache int // rwsplit_statement_cache

	// Pooler says whether connection poolers stand before the members, of
	// PostgreSQL only. Default: [PoolerAuto].
	Pooler Pooler // rwsplit_pooler

	// ConfigurePGX may change how pgx connects to a member: tracers, TLS,
	// dialers. It is called once for each member.
	ConfigurePGX func(*pgx.ConnConfig) error

	// PGXOptions are passed to pgx's stdlib.GetConnector for each member.
	PGXOptions []stdlib.OptionOpenDB

	// ConfigureMySQL may change how go-sql-driver connects to a member: TLS,
	// dialers, its logger. It is called once for each member.
	ConfigureMySQL func(*mysql.Config) error
}

const (
	// Unlimited, as a FallbackLimit, lets any number of reads fall back.
	Unlimited = math.MaxInt
	// NoWait, as a WaitBudget, sends reads to the primary at once when no
	// replica is fresh enough.
	NoWait time.Duration = 1
)

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// minProbeInterval keeps a mistaken unit from keeping the servers busy.
const minProbeInterval = 10 * time.Millisecond

// maxStatementCache keeps a mistake from taking the memory: the cache makes room
// for its entries at once, some 10 bytes each, and keeps 4 KiB of text for each.
const maxStatementCache = 1 << 20

// complete fills in the defaults and says what does not fit.
func (c *Config) complete() error {
	orDefault(&c.Consistency, Session)
	orDefault(&c.MaxLag, 10*time.Second)
	orDefault(&c.WaitBudget, 50*time.Millisecond)
	orDefault(&c.ProbeInterval, max(min(time.Second, c.MaxLag/4), minProbeInterval))
	orDefault(&c.ProbeTimeout, time.Second)
	orDefault(&c.PrimaryWait, 5*time.Second)
	orDefault(&c.MaxConns, 64)
	orDefault(&c.FallbackLimit, max(c.MaxConns/2, 1))
	orDefault(&c.ConnMaxLifetime, time.Hour)
	orDefault(&c.ConnMaxIdleTime, 5*time.Minute)
	orDefault(&c.CatalogInterval, time.Minute)
	orDefault(&c.StatementCache, 4096)

	for _, f := range []struct {
		option string
		value  int64
	}{
		{"max_lag", int64(c.MaxLag)}, {"wait_budget", int64(c.WaitBudget)}, {"fallback_limit", int64(c.FallbackLimit)},
		{"probe_interval", int64(c.ProbeInterval)}, {"probe_timeout", int64(c.ProbeTimeout)},
		{"primary_wait", int64(c.PrimaryWait)}, {"max_conns", int64(c.MaxConns)},
		{"conn_max_lifetime", int64(c.ConnMaxLifetime)}, {"conn_max_idle_time", int64(c.ConnMaxIdleTime)},
		{"catalog_interval", int64(c.CatalogInterval)}, {"statement_cache", int64(c.StatementCache)},
	} {
		if f.value < 0 {
			return optionError(f.option, errors.New("negative"))
		}
	}
	if _, err := cluster.ParseConsistency(c.Consistency.String()); err != nil {
		return optionError("consistency", errConsistency)
	}
	if _, err := driver.ParseOverflow(c.FallbackOverflow.String()); err != nil {
		return optionError("fallback_overflow", errOverflow)
	}
	if _, err := cluster.ParsePolicy(c.Balance.String()); err != nil {
		return optionError("balance", errPolicy)
	}
	if _, err := postgres.ParsePooler(c.Pooler.String()); err != nil {
		return optionError("pooler", errPooler)
	}
	if c.Pooler != PoolerAuto && c.Driver == MySQL {
		return optionError("pooler", errors.New("it is for PostgreSQL only; poolers of MySQL keep the state of sessions"))
	}
	if c.MaxConns > math.MaxInt32 {
		return optionError("max_conns", fmt.Errorf("more than %d", math.MaxInt32))
	}
	if c.StatementCache > maxStatementCache {
		return optionError("statement_cache", fmt.Errorf("more than %d", maxStatementCache))
	}
	if c.ProbeInterval < minProbeInterval {
		return optionError("probe_interval", fmt.Errorf("%s is less than %s", c.ProbeInterval, minProbeInterval))
	}
	if c.ProbeInterval > c.MaxLag/2 {
		return optionError("probe_interval", fmt.Errorf("%s is more than half of max_lag, %s: replicas could not prove to be fresh", c.ProbeInterval, c.MaxLag))
	}
	for _, w := range c.Weights {
		if w < 0 || w > math.MaxInt32 {
			return optionError("weights", fmt.Errorf("one is not from 0 to %d", math.MaxInt32))
		}
	}
	return nil
}

// routing returns the part of the configuration that package driver works with.
func (c *Config) routing() driver.Config {
	limit := c.FallbackLimit
	if limit == Unlimited {
		limit = 0
	}
	return driver.Config{
		Cluster: cluster.Config{
			MaxLag:          c.MaxLag,
			ProbeInterval:   c.ProbeInterval,
			ProbeTimeout:    c.ProbeTimeout,
			PrimaryWait:     c.PrimaryWait,
			MaxConns:        c.MaxConns,
			ConnMaxLifetime: c.ConnMaxLifetime,
			ConnMaxIdleTime: c.ConnMaxIdleTime,
		},
		Consistency:      c.Consistency,
		WaitBudget:       c.WaitBudget,
		FallbackLimit:    limit,
		FallbackOverflow: c.FallbackOverflow,
		Policy:           c.Balance,
		SessionKey:       c.SessionKey,
		CatalogInterval:  c.CatalogInterval,
		StatementCache:   c.StatementCache,
	}
}
