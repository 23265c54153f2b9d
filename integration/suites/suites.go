package main

import (
	"strings"

	"github.com/rwsplit/rwsplit/integration/fixture"
)

var suites = []*suite{pgxStdlib, goSQLDriver}

var pgxStdlib = &suite{
	module:   "github.com/jackc/pgx/v5",
	pkg:      "github.com/jackc/pgx/v5/stdlib",
	external: "stdlib_test",
	added:    []string{"figures_test.go", "stdlib_test.go"},
	rewrites: []rewrite{
		{"sql_test.go", 4, `sql.Open(`, `sqlOpen(`},
		{"sql_test.go", 4, `stdlib.OpenDB(`, `openDB2(`},
		{"sql_go1.27_test.go", 1, `stdlib.OpenDB(`, `openDB2(`},
		{"sql_test.go", 3, ` conn.Raw(func(`, ` raw(conn, func(`},
		{"sql_test.go", 2, ` c.Raw(func(`, ` raw(c, func(`},
		// A temporary table of a *sql.DB is there for the next statement only
		// if that happens to get the same connection.
		{"sql_test.go", 4, `db.Exec("create temporary table t(`, `db.Exec("drop table if exists t; create table t(`},
		{"sql_test.go", 1, `db.Exec("create table t (`, `db.Exec("drop table if exists t; create table t (`},
		{"sql_test.go", 2, `create temporary table docs(`, `drop table if exists docs; create table docs(`},
		{"sql_test.go", 1, `create temporary table defer_test (`, `drop table if exists defer_test; create table defer_test (`},
		{"sql_test.go", 1, `CREATE TEMPORARY TABLE temp_column_type_length (`, `drop table if exists temp_column_type_length; create table temp_column_type_length (`},
		// A read would go to a replica, over a connection that is new.
		{"sql_test.go", 1, `_, err := db.Exec("select 1")`, `_, err := db.Exec("/* rwsplit: primary */ select 1")`},
	},
	engines: []engine{{
		name: "postgres",
		env: func(c *fixture.Cluster, ours bool) []string {
			dsn := "postgres://nobody@127.0.0.1:1/"
			switch {
			case ours:
				dsn = c.DSN()
			case c != nil:
				dsn = c.Primary().DSN()
			}
			return []string{"PGX_TEST_DATABASE=" + dsn}
		},
	}},
}

var goSQLDriver = &suite{
	module:   "github.com/go-sql-driver/mysql",
	pkg:      "github.com/go-sql-driver/mysql",
	external: "mysql_test",
	added:    []string{"figures_test.go", "mysql_test.go", "mysql_external_test.go"},
	rewrites: []rewrite{
		{"driver_test.go", 13, `sql.Open(`, `SQLOpen(`},
		{"driver_test.go", 1, `md := &MySQLDriver{}`, `md := rwsplitDriver{}`},
		{"driver_test.go", 1, `?timeout=30s", user, pass, netAddr, dbname)`, `?timeout=30s", user, pass, netAddr, dbname) + replicas()`},
		{"driver_test.go", 2, `@mydial(%s)/%s?timeout=30s", user, pass, addr, dbname)`, `@mydial(%s)/%s?timeout=30s", user, pass, addr, dbname) + replicas()`},
		// Two more tests of connectors are about what the plain one does while
		// it connects, and stay.
		{"driver_test.go", 1, "connector, err := NewConnector(cfg)", "connector, err := newConfigured(cfg)"},
		{"driver_test.go", 1, "configForTests(t)\n\tconn, err := NewConnector(mycnf)", "configForTests(t)\n\tconn, err := newConfigured(mycnf)"},
		{"driver_test.go", 4, `sql.OpenDB(`, `openDB(`},
		// What would end the whole run where it fails.
		{"driver_test.go", 2, `c := conn.(*mysqlConn)`, `c := plain(dbt, conn)`},
		{"driver_test.go", 1, `if !ctx.Value(dialCtxKey{}).(bool) {`, `if got, _ := ctx.Value(dialCtxKey{}).(bool); !got {`},
		{"driver_test.go", 1, `t.Fatalf("writing to DB in read-only session`, `dbt.Fatalf("writing to DB in read-only session`},
		// The fixture's servers tell a path that is relative to their data.
		{"driver_test.go", 1, `"SELECT @@socket"`, `"SELECT CONCAT(@@datadir, @@socket)"`},
	},
	// It dials 1.1.1.1, and panics where a proxy answers for that.
	skip: "^TestConnectorReturnsTimeout$",
	engines: []engine{
		{name: "mysql", settings: mysqlSettings, prepare: gotest, env: mysqlEnv},
		{name: "mariadb", settings: mysqlSettings, prepare: gotest, env: mysqlEnv},
	},
}

var mysqlSettings = map[string]string{"local_infile": "ON", "max_allowed_packet": "64M"}

const gotest = "CREATE DATABASE gotest; GRANT ALL ON gotest.* TO app@'%'"

func mysqlEnv(c *fixture.Cluster, ours bool) []string {
	if c == nil {
		return []string{"MYSQL_TEST_ADDR=127.0.0.1:1"}
	}
	var replicas []string
	if ours {
		for _, s := range c.Replicas() {
			replicas = append(replicas, s.Addr())
		}
	}
	return []string{
		"MYSQL_TEST_ADDR=" + c.Primary().Addr(),
		"MYSQL_TEST_USER=app",
		"MYSQL_TEST_PASS=" + c.Password(),
		"MYSQL_TEST_DBNAME=gotest",
		"RWSPLIT_SUITE_REPLICAS=" + strings.Join(replicas, ","),
	}
}
