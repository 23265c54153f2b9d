package integration

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rwsplit/rwsplit/integration/fixture"
	"github.com/rwsplit/rwsplit/internal/statement/cases"
	"github.com/rwsplit/rwsplit/splitter"
)

// sessionReads is how many reads of sessions TestGuarantees compares.
var sessionReads = flag.Int64("session-reads", 120_000, "reads that TestGuarantees compares")

// engine is a kind of server that tests run against, in one version, and the SQL
// that tests say differently to it.
type engine struct {
	name    string // of subtests: "mysql-9.7"
	kind    string
	version string
	*dialect

	once    sync.Once
	cluster *fixture.Cluster // for the tests that leave it as they found it
	err     error
}

// dialect is how one kind of server is talked to.
type dialect struct {
	driver   string
	numbered bool   // placeholders are $1, else ?
	sleep    string // a condition that takes %s seconds
	paused   string // what a replica says that does not apply

	returningUpdate string // an UPDATE by Query, whose placeholders are value and id
	lock, lockTx    string // takes a lock that is held by the session; one that a replica would take alone
	set, show       string // sets a setting of the session; reads it
	temporary       string // begins a CREATE of a temporary table
	function        func(name, body string, harmless bool) string
	writing         string   // a function note() that writes and returns 1
	running         string   // counts statements that run and begin with %s
	connections     string   // counts connections of user "closing"
	reader          []string // makes user reader, who may read the table readable
	refused         string   // the code that he is told
	noTable         string   // the code for a table that is not there
	shutdown        string   // the code for a server that goes away
	closing         []string // makes user closing, who may use the table closing
	prepared        string   // counts statements that were prepared
	unflushed       string   // writes what no replica gets; "": there is no such thing
	prepareRouting  []string // what the rows of routing need
	routing         []struct{ name, text, want string }
	foreign         func(own string) []string // positions of other clusters and histories

	// Of MySQL and MariaDB.
	unlock             []string          // makes a replica take writes, also of root
	delay              string            // has a replica apply changes %d seconds late
	source, dropSource string            // adds a source "other" that is not running; removes it
	tags               []string          // of GTIDs
	params             []string          // further ways to connect
	noGTIDs            map[string]string // settings of a server that has none
	cases              func() []string
}

var postgresDialect = &dialect{
	driver: splitter.PGX, numbered: true,
	sleep:           `EXISTS (SELECT FROM pg_sleep(%s))`,
	paused:          "replay is paused",
	returningUpdate: `UPDATE own SET v = $1 WHERE id = $2 RETURNING v`,
	lock:            `SELECT pg_try_advisory_lock(4711)`,
	lockTx:          `SELECT pg_advisory_xact_lock(1)`,
	set:             `SET geqo_threshold = 4711`,
	show:            `SHOW geqo_threshold`,
	temporary:       `CREATE TEMP TABLE`,
	function: func(name, body string, harmless bool) string {
		kind := "VOLATILE"
		if harmless {
			kind = "IMMUTABLE"
		}
		return fmt.Sprintf(`CREATE FUNCTION %s(x int) RETURNS int LANGUAGE sql %s AS 'SELECT %s'`, name, kind, body)
	},
	writing:     `CREATE FUNCTION note() RETURNS int LANGUAGE sql AS 'INSERT INTO hidden VALUES (1) RETURNING v'`,
	running:     `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%s%%'`,
	connections: `SELECT count(*) FROM pg_stat_activity WHERE usename = 'closing'`,
	reader: []string{
		`CREATE ROLE reader LOGIN PASSWORD 'reader'`,
		`ALTER ROLE reader SET default_transaction_read_only = on`,
		`GRANT SELECT ON readable TO reader`,
	},
	refused:        "25006",
	noTable:        "42P01",
	shutdown:       "57P01",
	closing:        []string{`CREATE ROLE closing LOGIN PASSWORD 'closing'`, `GRANT ALL ON closing TO closing`},
	unflushed:      `SELECT pg_logical_emit_message(false, '', 'not flushed')`,
	prepareRouting: []string{`CREATE SEQUENCE routing_seq`},
	routing: []struct{ name, text, want string }{
		{"VALUES", `VALUES (1), (2)`, replica},
		{"TABLE", `TABLE routing`, replica},
		{"SHOW", `SHOW work_mem`, replica},
		{"EXPLAIN of a write", `EXPLAIN UPDATE routing SET v = v`, replica},
		{"a CTE", `WITH r AS (SELECT * FROM routing) SELECT count(*) FROM r`, replica},
		{"nested comment", `/* a /* nested */ comment */ SELECT 1`, replica},
		{"INSERT RETURNING", `INSERT INTO routing VALUES (3, 'three') RETURNING id`, primary},
		{"data-modifying CTE", `WITH d AS (DELETE FROM routing WHERE id = 3 RETURNING *) SELECT * FROM d`, primary},
		{"nextval", `SELECT nextval('routing_seq')`, primary},
		{"advisory lock", `SELECT pg_try_advisory_xact_lock(1)`, primary},
		{"EXPLAIN ANALYZE of a write", `EXPLAIN (ANALYZE) UPDATE routing SET v = v WHERE id = 2`, primary},
		{"EXPLAIN ANALYZE false of a write", `EXPLAIN (ANALYZE false) UPDATE routing SET v = v`, replica},
	},
	foreign: func(own string) []string {
		fields := strings.Split(own, ":") // postgres:SYSTEM:TIMELINE:LSN
		return []string{
			"postgres:4711:" + fields[2] + ":0/1", "postgres:4711:" + fields[2] + ":FFFF/0",
			"postgres:" + fields[1] + ":9:0/1", "postgres:" + fields[1] + ":9:FFFF/0",
		}
	},
}

// mySQLDialect is that of both, but for what is changed below.
var mySQLDialect = dialect{
	driver:          splitter.MySQL,
	sleep:           `SLEEP(%s) = 0`,
	paused:          "the applier is stopped",
	returningUpdate: `UPDATE own SET v = $1 WHERE id = $2`,
	lock:            `SELECT GET_LOCK('4711', 0)`,
	lockTx:          `SELECT GET_LOCK('1', 0)`,
	set:             `SET lock_wait_timeout = 4711`,
	show:            `SELECT @@lock_wait_timeout`,
	temporary:       `CREATE TEMPORARY TABLE`,
	function: func(name, body string, harmless bool) string {
		kind := ""
		if harmless {
			kind = "NO SQL"
		}
		return fmt.Sprintf(`CREATE FUNCTION %s(x int) RETURNS int %s RETURN %s`, name, kind, body)
	},
	writing:     `CREATE FUNCTION note() RETURNS int READS SQL DATA BEGIN INSERT INTO hidden VALUES (1); RETURN 1; END`,
	running:     `SELECT count(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%s%%'`,
	connections: `SELECT count(*) FROM information_schema.PROCESSLIST WHERE USER = 'closing'`,
	reader: []string{
		`CREATE USER reader IDENTIFIED BY 'reader'`,
		`GRANT SELECT ON shop.readable TO reader`,
	},
	prepared: `SELECT COUNT_STAR FROM performance_schema.events_statements_summary_global_by_event_name WHERE EVENT_NAME = 'statement/com/Prepare'`,
	refused:  "1142",
	noTable:  "1146",
	shutdown: "1053",
	closing:  []string{`CREATE USER closing IDENTIFIED BY 'closing'`, `GRANT ALL ON shop.closing TO closing`},
	routing: []struct{ name, text, want string }{
		{"SHOW", `SHOW TABLES`, replica},
		{"DESC", `DESC routing`, replica},
		{"a CTE", `WITH r AS (SELECT * FROM routing) SELECT count(*) FROM r`, replica},
		{"a comment with #", "# a comment\nSELECT 1", replica},
		{"FOR SHARE", `SELECT * FROM routing LOCK IN SHARE MODE`, primary},
		{"executable comment", `SELECT v FROM routing WHERE id = 1 /*!50000 FOR UPDATE */`, primary},
		{"GET_LOCK", `SELECT GET_LOCK('routing', 0)`, primary},
		{"user variable", `SELECT @x := 1`, primary},
		{"LAST_INSERT_ID", `SELECT LAST_INSERT_ID()`, primary},
		{"node-local SHOW", `SHOW PROCESSLIST`, primary},
		{"DO", `DO SLEEP(0)`, primary},
	},
	foreign: func(string) []string {
		return []string{
			"mysql:00000000-0000-0000-0000-000000004711:1-3",
			"mysql:00000000-0000-0000-0000-000000004711:1-3,00000000-0000-0000-0000-000000004712:5",
		}
	},
	unlock:     []string{`SET GLOBAL super_read_only = OFF`, `SET GLOBAL read_only = OFF`},
	delay:      `CHANGE REPLICATION SOURCE TO SOURCE_DELAY = %d`,
	source:     `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1, SOURCE_USER = 'x' FOR CHANNEL 'other'`,
	dropSource: `RESET REPLICA ALL FOR CHANNEL 'other'`,
	tags:       []string{"", ":a", ":blue_1"}, // of 8.3 and later
	params:     []string{"tls=skip-verify"},
	noGTIDs:    map[string]string{"gtid_mode": "OFF"},
	cases:      cases.MySQL,
}

func mariaDBDialect() *dialect {
	d := mySQLDialect
	d.returningUpdate = `INSERT INTO own (v, id) VALUES ($1, $2) ON DUPLICATE KEY UPDATE v = VALUE(v) RETURNING v`
	d.prepared = `SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'COM_STMT_PREPARE'`
	d.prepareRouting = []string{`CREATE SEQUENCE routing_seq`}
	d.routing = append(slices.Clone(d.routing), []struct{ name, text, want string }{
		{"INSERT RETURNING", `INSERT INTO routing VALUES (3, 'three') RETURNING id`, primary},
		{"NEXTVAL", `SELECT NEXTVAL(routing_seq)`, primary},
		{"NEXT VALUE FOR", `SELECT NEXT VALUE FOR routing_seq`, primary},
		{"ANALYZE of a write", `ANALYZE UPDATE routing SET v = v WHERE id = 2`, primary},
		{"VALUES", `VALUES (1), (2)`, replica},
	}...)
	d.foreign = func(string) []string { return []string{"mariadb:4711-1-1", "mariadb:4711-1-99999999,4712-1-5"} }
	d.unlock = []string{`SET GLOBAL read_only = OFF`}
	d.delay = `CHANGE MASTER TO MASTER_DELAY = %d`
	d.source = `CHANGE MASTER 'other' TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1, MASTER_USER = 'x'`
	d.dropSource = `RESET SLAVE 'other' ALL`
	d.params = nil
	d.noGTIDs = map[string]string{"skip_log_bin": "ON"}
	return &d
}

var dialects = map[string]*dialect{"postgres": postgresDialect, "mysql": &mySQLDialect, "mariadb": mariaDBDialect()}

// engines are those that tests run against: what RWSPLIT_SERVERS lists, as in
// "postgres:15 mysql:9.7", or each kind in the version that is easiest to have.
var engines = sync.OnceValues(func() ([]*engine, error) {
	list := os.Getenv("RWSPLIT_SERVERS")
	if list == "" {
		list = "postgres mysql mariadb"
	}
	var all []*engine
	for target := range strings.FieldsSeq(list) {
		kind, version, _ := strings.Cut(target, ":")
		d, ok := dialects[kind]
		if !ok {
			return nil, fmt.Errorf("RWSPLIT_SERVERS: %q is not postgres, mysql or mariadb, with a version after a colon", target)
		}
		all = append(all, &engine{name: strings.ReplaceAll(target, ":", "-"), kind: kind, version: version, dialect: d})
	}
	return all, nil
})

// eachEngine runs a test on every engine, or on those of some kinds.
func eachEngine(t *testing.T, test func(t *testing.T, e *engine), kinds ...string) {
	t.Helper()
	all, err := engines()
	must(t, err)
	ran := false
	for _, e := range all {
		if len(kinds) > 0 && !slices.Contains(kinds, e.kind) {
			continue
		}
		ran = true
		t.Run(e.name, func(t *testing.T) { test(t, e) })
	}
	if !ran {
		t.Skipf("RWSPLIT_SERVERS has none of %v", kinds)
	}
}

// start starts servers for one test.
func (e *engine) start(t testing.TB, o fixture.Options) *fixture.Cluster {
	t.Helper()
	o.Engine, o.Version = e.kind, e.version
	return fixture.ForTest(t, o)
}

// shared returns a primary with two replicas, all of them running, that tests of
// this engine share. Each uses names of its own.
func (e *engine) shared(t testing.TB) *fixture.Cluster {
	t.Helper()
	e.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		defer cancel()
		e.cluster, e.err = fixture.Start(ctx, fixture.Options{Engine: e.kind, Version: e.version, Log: os.Stderr})
		if e.err == nil {
			fmt.Fprintln(os.Stderr, "tested against", e.cluster.Version())
		}
	})
	if e.err != nil {
		fixture.Unavailable(t, e.err)
	}
	return e.cluster
}

// open opens the cluster through rwsplit, as the user app.
func (e *engine) open(t testing.TB, c *fixture.Cluster, params ...string) *sql.DB {
	t.Helper()
	return e.openDSN(t, c.DSN(params...))
}

// monitor opens it as a user who may see the state of replication.
func (e *engine) monitor(t testing.TB, c *fixture.Cluster, params ...string) *sql.DB {
	t.Helper()
	return e.openDSN(t, c.MonitorDSN(params...))
}

func (e *engine) openDSN(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(e.driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(256)
	t.Cleanup(func() { db.Close() })
	return db
}

var placeholder = regexp.MustCompile(`\$\d`)

// q returns a text with this engine's placeholders. They are written $1, $2 … in
// that order, each once.
func (d *dialect) q(text string) string {
	if d.numbered {
		return text
	}
	return placeholder.ReplaceAllString(text, "?")
}

// code returns the code of the server's error, or "".
func code(err error) string {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	switch {
	case errors.As(err, &pg):
		return pg.Code
	case errors.As(err, &my):
		return strconv.Itoa(int(my.Number))
	}
	return ""
}
