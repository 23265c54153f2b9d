package clienttest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/splitter"
)

// Engine is a kind of server in one version, and a new database on it for one
// test.
type Engine struct {
	Name   string // of the subtest: "mysql-9.7"
	Kind   string // "postgres", "mysql" or "mariadb"
	Driver string // for sql.Open
	DSN    string // of the test's own database, through rwsplit, for the user app, who owns it

	cluster *fixture.Cluster
}

// server is a shared cluster.
type server struct {
	name, kind, version string

	once    sync.Once
	cluster *fixture.Cluster
	err     error
}

// drivers are those of rwsplit, by kind.
var drivers = map[string]string{"postgres": splitter.PGX, "mysql": splitter.MySQL, "mariadb": splitter.MySQL}

// servers are those that tests run against: what RWSPLIT_SERVERS lists, as in
// "postgres:15 mysql:9.7", or each kind in the version that is easiest to have.
var servers = sync.OnceValues(func() ([]*server, error) {
	list := os.Getenv("RWSPLIT_SERVERS")
	if list == "" {
		list = "postgres mysql mariadb"
	}
	var all []*server
	for target := range strings.FieldsSeq(list) {
		kind, version, _ := strings.Cut(target, ":")
		if drivers[kind] == "" {
			return nil, fmt.Errorf("RWSPLIT_SERVERS: %q is not postgres, mysql or mariadb, with a version after a colon", target)
		}
		all = append(all, &server{name: strings.ReplaceAll(target, ":", "-"), kind: kind, version: version})
	}
	return all, nil
})

// Run runs the tests of a package and closes what they shared. It is for
// TestMain, and returns what os.Exit wants.
func Run(m *testing.M) int {
	code := m.Run()
	all, _ := servers()
	for _, s := range all {
		if s.cluster == nil {
			continue
		}
		if err := s.cluster.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "close the shared cluster:", err)
			code = max(code, 1)
		}
	}
	return code
}

// EachEngine runs a test on every kind of server, or on some kinds, each time
// with a new database.
func EachEngine(t *testing.T, test func(t *testing.T, e *Engine), kinds ...string) {
	t.Helper()
	all, err := servers()
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	for _, s := range all {
		if len(kinds) > 0 && !slices.Contains(kinds, s.kind) {
			continue
		}
		ran = true
		t.Run(s.name, func(t *testing.T) { test(t, s.engine(t)) })
	}
	if !ran {
		t.Skipf("RWSPLIT_SERVERS has none of %v", kinds)
	}
}

// databases counts those that were made.
var databases atomic.Int64

// engine starts the servers, unless they run, and makes a database that the
// replicas have too.
func (s *server) engine(t *testing.T) *Engine {
	t.Helper()
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		s.cluster, s.err = fixture.Start(ctx, fixture.Options{Engine: s.kind, Version: s.version, Log: os.Stderr})
		if s.err == nil {
			fmt.Fprintln(os.Stderr, "tested against", s.cluster.Version())
		}
	})
	if s.err != nil {
		fixture.Unavailable(t, s.err)
	}
	name := fmt.Sprintf("client_%d", databases.Add(1))
	statements := []string{`CREATE DATABASE ` + name, `GRANT ALL ON ` + name + `.* TO app`}
	if s.kind == "postgres" {
		statements = []string{`CREATE DATABASE ` + name + ` OWNER app`}
	}
	for _, text := range statements {
		if err := s.cluster.Primary().Exec(t.Context(), text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	e := &Engine{Name: s.name, Kind: s.kind, Driver: drivers[s.kind], cluster: s.cluster}
	e.WaitReplicas(t)
	// Reads wait for a replica however busy the machine is.
	e.DSN = strings.Replace(s.cluster.DSN("rwsplit_wait_budget=10s"), "/shop", "/"+name, 1)
	return e
}

// Open opens the test's database through rwsplit, with further parameters of the
// DSN, each "name=value", and returns it when all members are up. It is closed
// with the test.
func (e *Engine) Open(t testing.TB, params ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open(e.Driver, strings.Join(append([]string{e.DSN}, params...), "&"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxIdleConns(256)
	e.ready(t, db)
	return db
}

// ready makes the database follow its members and waits until all are up.
func (e *Engine) ready(t testing.TB, db *sql.DB) {
	t.Helper()
	c := clusterOf(t, db)
	if err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for !allUp(c.Stats()) {
		if time.Now().After(deadline) {
			t.Fatalf("not all members are up within a minute: %+v", c.Stats().Members)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func allUp(s splitter.Stats) bool {
	return !slices.ContainsFunc(s.Members, func(m splitter.MemberStats) bool { return m.State != "up" })
}

// WaitReplicas returns when the replicas have all that the primary has now. A read
// that must see it need not be waited for, unless it is an Eventual one.
func (e *Engine) WaitReplicas(t testing.TB) {
	t.Helper()
	if err := e.cluster.WaitReplicas(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Routes tells how many statements went to the primary and to the replicas while
// f ran. The database must have been opened through rwsplit, and be used by
// nobody else meanwhile.
func (e *Engine) Routes(t testing.TB, db *sql.DB, f func()) (primary, replicas uint64) {
	t.Helper()
	c := clusterOf(t, db)
	p0, r0 := sums(c.Stats())
	f()
	p1, r1 := sums(c.Stats())
	return p1 - p0, r1 - r0
}

func sums(s splitter.Stats) (primary, replicas uint64) {
	for _, m := range s.Members {
		if m.Role == "primary" {
			primary += m.Reads + m.Writes
		} else {
			replicas += m.Reads + m.Writes
		}
	}
	return primary, replicas
}

func clusterOf(t testing.TB, db *sql.DB) *splitter.Cluster {
	t.Helper()
	c, err := splitter.ClusterOf(db)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
