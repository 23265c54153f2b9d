package splitter

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
)

// members opens c and returns the names of its members, and what each is
// connected with.
func members(t *testing.T, c Config) (names []string, configs []*pgx.ConnConfig) {
	t.Helper()
	c.ConfigurePGX = func(config *pgx.ConnConfig) error {
		configs = append(configs, config.Copy())
		return nil
	}
	db, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return memberNames(t, db), configs
}

func memberNames(t *testing.T, db *sql.DB) (names []string) {
	t.Helper()
	cluster, err := ClusterOf(db)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range cluster.Stats().Members {
		names = append(names, m.Name)
	}
	return names
}

func TestOpenMembers(t *testing.T) {
	three := []string{"db1:5432", "db2:5433", "[::1]:5432"}
	tests := []struct {
		name  string
		dsn   string
		names []string
	}{
		{"url, hosts", "postgres://app:pw@db1,db2:5433,[::1]/shop?sslmode=require", three},
		{"url, replicas", "postgres://app:pw@db1/shop?sslmode=require&rwsplit_replicas=db2:5433,[::1]", three},
		{"url, a host and replicas, escaped", "postgres://app:pw@db1,db2:5433/shop?%72wsplit_replicas=%5B%3A%3A1%5D:5432&sslmode=require", three},
		{"url, ours first", "postgres://app:pw@db1,db2:5433/shop?rwsplit_replicas=::1&rwsplit_max_lag=2s&sslmode=require", three},
		{"url, ours last", "postgres://app:pw@db1,db2:5433/shop?sslmode=require&rwsplit_max_lag=2s&rwsplit_replicas=::1", three},
		{"url, ours around", "postgres://app:pw@db1/shop?rwsplit_max_lag=2s&sslmode=require&rwsplit_replicas=db2:5433,::1", three},
		{"url, blanks around ours", "postgres://app:pw@db1/shop?sslmode=require& rwsplit_max_lag = 2s & rwsplit_replicas=db2:5433,::1 ", three},
		{"url, no path", "postgres://app:pw@db1?dbname=shop&sslmode=require&rwsplit_replicas=db2:5433,::1", three},
		{"keywords, hosts", "host=db1,db2,::1 port=5432,5433,5432 user=app password=pw dbname=shop sslmode=require", three},
		{"keywords, replicas", "host=db1 user=app password=pw dbname=shop sslmode=require rwsplit_replicas=db2:5433,[::1]", three},
		{"keywords, ours first", "rwsplit_replicas='db2:5433,::1' rwsplit_max_lag=2s host=db1 user=app password=pw dbname=shop sslmode=require", three},
		{"keywords, ours last", "host=db1 user=app dbname=shop sslmode=require password=pw rwsplit_max_lag = '2s' rwsplit_replicas = db2:5433,::1", three},
		{"service by keyword", "service=shop rwsplit_replicas=[::1]:5432", three},
		{"service and replicas", "postgres:///?service=shop&rwsplit_replicas=[::1]:5432", three},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			home := isolate(t)
			service := "[shop]\nhost=db1,db2\nport=5432,5433\nuser=app\npassword=pw\ndbname=shop\nsslmode=require\n"
			if err := os.WriteFile(filepath.Join(home, ".pg_service.conf"), []byte(service), 0o600); err != nil {
				t.Fatal(err)
			}
			names, configs := members(t, Config{DSN: test.dsn})
			if !slices.Equal(names, test.names) {
				t.Fatalf("members %q, want %q", names, test.names)
			}
			for i, c := range configs {
				if c.User != "app" || c.Password != "pw" || c.Database != "shop" || c.TLSConfig == nil || len(c.Fallbacks) > 0 {
					t.Errorf("%s: user %q, password %q, database %q, TLS %v, fallbacks %v", names[i], c.User, c.Password, c.Database, c.TLSConfig, c.Fallbacks)
				}
				if len(c.RuntimeParams) > 0 {
					t.Errorf("%s: the server would be sent %v", names[i], c.RuntimeParams)
				}
			}
		})
	}
}

func TestOpenRegistered(t *testing.T) {
	isolate(t)
	if !slices.Contains(sql.Drivers(), PGX) {
		t.Fatalf("%s is not among %q", PGX, sql.Drivers())
	}
	const dsn = "postgres://app@db1/shop?rwsplit_replicas=db2"
	byName, err := sql.Open(PGX, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer byName.Close()
	typed, err := Open(Config{Driver: PGX, DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer typed.Close()
	if a, b := memberNames(t, byName), memberNames(t, typed); !slices.Equal(a, b) {
		t.Errorf("members %q by name, %q by configuration", a, b)
	}
}

// Each way to open says the same of what is wrong, at once.
func TestOpenErrors(t *testing.T) {
	isolate(t)
	const dsn = "postgres://app@db1/shop?rwsplit_max_leg=2s"
	_, byName := sql.Open(PGX, dsn)
	_, typed := Open(Config{DSN: dsn})
	c, connector := NewConnector(Config{DSN: dsn})
	if c != nil {
		t.Error("a connector with an error")
	}
	_, byDriver := registered{PGX}.OpenConnector(dsn)
	_, conn := registered{PGX}.Open(dsn)
	for _, err := range []error{byName, typed, connector, byDriver, conn} {
		checkLine(t, err, "unknown parameter rwsplit_max_leg")
		if byName != nil && err != nil && err.Error() != byName.Error() {
			t.Errorf("error %q, want %q", err, byName)
		}
	}
}

// dialer counts attempts to reach a server, all of which fail.
type dialer struct{ lookups, dials atomic.Int32 }

var errNotHere = errors.New("nobody is here")

func (d *dialer) configure(c *pgx.ConnConfig) error {
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) {
		d.lookups.Add(1)
		return []string{host}, nil
	}
	c.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		d.dials.Add(1)
		return nil, errNotHere
	}
	return nil
}

// ours returns the stacks of the goroutines that run this module's code, but for
// tests.
func ours() (stacks []string) {
	buffer := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		if strings.Contains(stack, "rwsplit/") && !strings.Contains(stack, "_test.go") && !strings.Contains(stack, "_testmain.go") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

func TestOpenConnectsToNothing(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		var d dialer
		db, err := Open(Config{DSN: "postgres://app@db1,db2/shop", ConfigurePGX: d.configure})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // of the bubble's clock
		if stats := db.Stats(); stats.OpenConnections != 0 {
			t.Errorf("%d connections are open", stats.OpenConnections)
		}
		for _, stack := range ours() {
			t.Errorf("a goroutine runs:\n%s", stack)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := db.PingContext(t.Context()); err == nil {
			t.Error("a closed database answers")
		}
		if n := d.lookups.Load() + d.dials.Load(); n != 0 {
			t.Errorf("%d attempts to reach a server", n)
		}
	}) // which fails if a goroutine is left
}

// Statistics are there before the first statement, and start nothing.
func TestStatsOfUnusedDB(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		var d dialer
		db, err := Open(Config{DSN: "postgres://app@db1,db2/shop", ConfigurePGX: d.configure})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		cluster, err := ClusterOf(db)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range cluster.Stats().Members {
			if m.Role != "unknown" || m.State != "unknown" || m.SampleAge != nil || m.Lag != nil || m.Pool.Open != 0 {
				t.Errorf("%s: %+v", m.Name, m)
			}
		}
		time.Sleep(time.Hour) // of the bubble's clock
		if n := d.lookups.Load() + d.dials.Load(); n != 0 {
			t.Errorf("%d attempts to reach a server", n)
		}
	})
}

// Where nobody has ever answered there is nothing to wait for.
func TestPingFailsAtOnceWhereNobodyAnswered(t *testing.T) {
	isolate(t)
	synctest.Test(t, func(t *testing.T) {
		var d dialer
		db, err := Open(Config{DSN: "postgres://app:secret@db1,db2/shop", ConfigurePGX: d.configure, PrimaryWait: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		start := time.Now()
		err = db.PingContext(t.Context())
		if !errors.Is(err, ErrNoPrimary) || !errors.Is(err, errNotHere) {
			t.Errorf("error %v, want ErrNoPrimary and the dialer's", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %s", took)
		}
		for _, name := range []string{"db1:5432", "db2:5432"} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("error %v does not name %s", err, name)
			}
		}
	})
}

func TestClusterOfAnotherDriver(t *testing.T) {
	db := sql.OpenDB(foreign{})
	defer db.Close()
	if _, err := ClusterOf(db); !errors.Is(err, ErrNotOurs) {
		t.Errorf("error %v, want ErrNotOurs", err)
	}
}

// foreign is another driver's connector.
type foreign struct{}

func (foreign) Connect(context.Context) (sqldriver.Conn, error) { return nil, errNotHere }
func (foreign) Driver() sqldriver.Driver                        { return foreign{} }
func (foreign) Open(string) (sqldriver.Conn, error)             { return nil, errNotHere }
