package splitter

import (
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

func TestOpenMySQL(t *testing.T) {
	var seen []*mysql.Config
	db, err := Open(Config{
		Driver:         MySQL,
		DSN:            "app:pw@tcp(db1,db2:3307)/shop?parseTime=true&rwsplit_replicas=db3&rwsplit_max_lag=2s&rwsplit_balance=random",
		ConfigureMySQL: func(c *mysql.Config) error { seen = append(seen, c); return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if got, want := memberNames(t, db), []string{"db1:3306", "db2:3307", "db3:3306"}; !slices.Equal(got, want) {
		t.Errorf("members %q, want %q", got, want)
	}
	for _, c := range seen {
		if !c.ParseTime || c.DBName != "shop" || len(c.Params) != 0 {
			t.Errorf("%s: %+v", c.Addr, c)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d members were configured", len(seen))
	}
	if _, err := sql.Open(MySQL, "app:pw@tcp(db1,db2)/shop"); err != nil {
		t.Error(err)
	}
}

func TestOpenMySQLReads(t *testing.T) {
	c := Config{Driver: MySQL, DSN: "tcp(db1)/shop?rwsplit_max_lag=2s&rwsplit_consistency=bounded_staleness:1s&rwsplit_wait_budget=0&charset=utf8mb4"}
	rest, err := c.read()
	if err != nil {
		t.Fatal(err)
	}
	if rest != "tcp(db1)/shop?charset=utf8mb4" || c.MaxLag != 2*time.Second || c.Consistency != BoundedStaleness(time.Second) || c.WaitBudget != NoWait {
		t.Errorf("rest %q, %+v", rest, c)
	}
}

func TestOpenMySQLRefuses(t *testing.T) {
	for _, test := range []struct {
		dsn  string
		want []string
	}{
		{"app@tcp(db1)/shop?rwsplit_maxlag=2s", []string{"rwsplit_maxlag", "unknown parameter", "rwsplit_max_lag"}},
		{"app@tcp(db1)/shop?rwsplit_max_lag=2", []string{"rwsplit_max_lag", "duration"}},
		{"app@tcp(db1)/shop?rwsplit_max_lag=2s&rwsplit_max_lag=3s", []string{"rwsplit_max_lag", "twice"}},
		{"app@/shop", []string{"no host"}},
		{"postgres://app@db1/shop", []string{"no host", "tcp(host1"}},
	} {
		_, err := sql.Open(MySQL, test.dsn)
		checkLine(t, err, test.want...)
	}
	_, err := Open(Config{Driver: "mysql", DSN: "app@tcp(db1)/shop"})
	checkLine(t, err, PGX, MySQL)
}

func TestMySQLPasswordsAreNotShown(t *testing.T) {
	for _, test := range []struct{ name, dsn string }{
		{"in its place", "app:SECRET@tcp(ADDRESS)/shop"},
		{"no user", ":SECRET@tcp(ADDRESS)/shop"},
		{"with an unknown parameter", "app:SECRET@tcp(ADDRESS)/shop?rwsplit_x=1"},
		{"with a bad value", "app:SECRET@tcp(ADDRESS)/shop?rwsplit_max_lag=1"},
		{"no host", "app:SECRET@/shop"},
		{"a member twice", "app:SECRET@tcp(db1,db1)/shop"},
		{"a bad port", "app:SECRET@tcp(ADDRESSx)/shop"},
		{"no database", "app:SECRET@tcp(ADDRESS)"},
		{"no )", "app:SECRET@tcp(ADDRESS/shop"},
		{"no @", "app:SECRETtcp(ADDRESS)/shop"},
		{"no network", "app:SECRET@ADDRESS/shop"},
		{"a slash in it, no database", "app:Zq7x/SECRET@tcp(ADDRESS)"},
		{"a slash in it, no host", "app:SECRET/x@ADDRESS"},
		{"a ? in it", "app:SECRET?x=1@tcp(ADDRESS)/shop"},
		{"a ( in it", "app:SECRET(x@tcp(ADDRESS)/shop"},
		{"an @ before it", "app:x@SECRET@tcp(ADDRESS)/shop"},
		{"as the host's port", "app@tcp(db1:SECRET)/shop"},
		{"user and password for each member", "tcp(app:SECRET@db1,app:SECRET@db2)/shop"},
		{"in a replica", "app@tcp(db1)/shop?rwsplit_replicas=app:SECRET@db2"},
		{"a replica that is a DSN", "app@tcp(db1)/shop?rwsplit_replicas=app:SECRET@tcp(db2)%2Fshop"},
		{"as a replica's port", "app@tcp(db1)/shop?rwsplit_replicas=db2:SECRET"},
		{"in the weights", "app@tcp(db1)/shop?rwsplit_weights=app:SECRET@db1:3306=1"},
		{"as a duration", "app@tcp(db1)/shop?rwsplit_max_lag=SECRET"},
		{"as a bad escape of ours", "app@tcp(db1)/shop?rwsplit_session_key=SECRET%"},
		{"in our parameter's name", "app@tcp(db1)/shop?rwsplit_a:SECRET@b=1"},
		{"as a parameter", "tcp(ADDRESS)/shop?user=app&password=SECRET"},
		{"as a bool", "app@tcp(db1)/shop?parseTime=SECRET"},
		{"as a timeout", "app@tcp(db1)/shop?timeout=SECRET"},
		{"as a time zone", "app@tcp(db1)/shop?loc=SECRET"},
		{"as a TLS configuration", "app@tcp(db1)/shop?tls=SECRET"},
		{"as a key", "app@tcp(db1)/shop?serverPubKey=SECRET"},
		{"as a size", "app@tcp(db1)/shop?maxAllowedPacket=SECRET"},
		{"as a bad escape", "app@tcp(db1)/shop?a=SECRET%"},
		{"as a bad escape of the database", "app@tcp(db1)/SECRET%"},
		{"as a character set", "app@tcp(db1)/shop?charset=gbk_SECRET"},
		{"PostgreSQL", "postgres://app:SECRET@ADDRESS/shop"},
		{"a URL", "mysql://app:SECRET@ADDRESS/shop"},
		{"keywords", "host=db1 password=SECRET"},
		{"JSON", `{"host": "db1", "password": "SECRET"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			dsn := strings.NewReplacer("SECRET", secretA, "ADDRESS", refusedPort(t)).Replace(test.dsn)
			checkDriverKeeps(t, MySQL, "app@tcp(db1)/shop", dsn, secretA)
		})
	}
}
