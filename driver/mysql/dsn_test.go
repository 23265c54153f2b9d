package mysql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

func TestTakeParameters(t *testing.T) {
	for _, test := range []struct {
		name, dsn, rest string
		taken           []rwsplit.Parameter
	}{
		{"none", "app@tcp(db1)/shop?parseTime=true", "app@tcp(db1)/shop?parseTime=true", nil},
		{"no query", "app@tcp(db1)/shop", "app@tcp(db1)/shop", nil},
		{"empty query", "app@tcp(db1)/shop?", "app@tcp(db1)/shop?", nil},
		{"only", "app@tcp(db1)/shop?rwsplit_a=1", "app@tcp(db1)/shop", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"first", "app@tcp(db1)/shop?rwsplit_a=1&b=2&c=3", "app@tcp(db1)/shop?b=2&c=3", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"last", "app@tcp(db1)/shop?b=2&rwsplit_a=1", "app@tcp(db1)/shop?b=2", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"twice, in their order", "tcp(db1)/?rwsplit_b=2&x=y&rwsplit_a=1&rwsplit_b=3", "tcp(db1)/?x=y",
			[]rwsplit.Parameter{{Name: "rwsplit_b", Value: "2"}, {Name: "rwsplit_a", Value: "1"}, {Name: "rwsplit_b", Value: "3"}}},
		{"escaped, + is a blank", "tcp(db1)/?rwsplit_a=%31%2C+%20%3d", "tcp(db1)/", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1,  ="}}},
		{"= in the value", "tcp(db1)/?rwsplit_a=db2:3306=3", "tcp(db1)/", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "db2:3306=3"}}},
		{"no value", "tcp(db1)/?rwsplit_a", "tcp(db1)/", []rwsplit.Parameter{{Name: "rwsplit_a", Value: ""}}},
		{"the password is left alone", "app:p?rwsplit_a=1&@tcp(db1)/shop?b=2", "app:p?rwsplit_a=1&@tcp(db1)/shop?b=2", nil},
		{"another value is left alone", "tcp(db1)/?b=rwsplit_a", "tcp(db1)/?b=rwsplit_a", nil},
		{"the rest is left as it is", "a%40:b/@x(y,[::1])/s%2Fp?x=%zz&rwsplit_a=1&&y", "a%40:b/@x(y,[::1])/s%2Fp?x=%zz&&y", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			rest, taken, err := TakeParameters(test.dsn, "rwsplit_")
			if err != nil {
				t.Fatal(err)
			}
			if rest != test.rest || !slices.Equal(taken, test.taken) {
				t.Errorf("rest %q and %q, want %q and %q", rest, taken, test.rest, test.taken)
			}
		})
	}
}

// many returns the addresses of a DSN with n members.
func many(n int) string {
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("db%d", i))
	}
	return strings.Join(hosts, ",")
}

// What cannot be opened is refused with one line that says what is wrong.
func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		name     string
		dsn      string
		replicas []string
		weights  map[string]int
		want     []string // in the error
	}{
		{name: "nothing", dsn: "", want: []string{"no /", "tcp(host1:3306"}},
		{name: "no slash", dsn: "app:pw@tcp(db1)", want: []string{"no /"}},
		{name: "only a slash", dsn: "/", want: []string{"no host"}},
		{name: "no host", dsn: "app:pw@/shop", want: []string{"no host"}},
		{name: "no host in the parentheses", dsn: "app:pw@tcp()/shop", want: []string{"no host"}},
		{name: "only a network", dsn: "app:pw@tcp/shop", want: []string{"no host"}},
		{name: "no host but replicas", dsn: "app@/shop", replicas: []string{"db2"}, want: []string{"no host"}},
		{name: "no )", dsn: "app@tcp(db1/shop", want: []string{"the ) after the hosts"}},
		{name: "something after the )", dsn: "app@tcp(db1)x/shop", want: []string{"the ) after the hosts"}},
		{name: "a slash in a parameter", dsn: "app@tcp(db1)/shop?loc=Europe/Vienna", want: []string{"%2F"}},
		{name: "a URL", dsn: "mysql://app:pw@db1/shop", want: []string{"no host", "tcp(host1:3306"}},
		{name: "a host without a network", dsn: "app:pw@db1:3306/shop", want: []string{"name of a network, as tcp or unix"}},

		{name: "the same host twice", dsn: "app@tcp(db1,db2,db1)/shop", want: []string{"db1:3306 is named twice"}},
		{name: "twice, once with the default port", dsn: "app@tcp(db1,db1:3306)/shop", want: []string{"db1:3306 is named twice"}},
		{name: "twice in another case", dsn: "app@tcp(db1,DB1)/shop", want: []string{"DB1:3306 is named twice"}},
		{name: "a host and a replica", dsn: "app@tcp(db1:6000,db2:6000)/shop", replicas: []string{"db2:6000"}, want: []string{"db2:6000 is named twice"}},
		{name: "the same socket twice", dsn: "app@unix(/run/a,/run/a)/shop", want: []string{"/run/a is named twice"}},
		{name: "IPv6 in two forms", dsn: "app@tcp([::1])/shop", replicas: []string{"::1"}, want: []string{"[::1]:3306 is named twice"}},
		{name: "65 hosts", dsn: "app@tcp(" + many(65) + ")/shop", want: []string{"65 members, more than 64"}},
		{name: "64 hosts and a replica", dsn: "app@tcp(" + many(64) + ")/shop", replicas: []string{"other"}, want: []string{"65 members, more than 64"}},

		{name: "an empty host", dsn: "app@tcp(db1,,db2)/shop", want: []string{"host number 2", "host:port"}},
		{name: "no host before the port", dsn: "app@tcp(:3306)/shop", want: []string{"host number 1", "host:port"}},
		{name: "a port that is no number", dsn: "app@tcp(db1:x)/shop", want: []string{"host number 1", "1 to 65535"}},
		{name: "port 0", dsn: "app@tcp(db1:0)/shop", want: []string{"1 to 65535"}},
		{name: "port 65536", dsn: "app@tcp(db1:65536)/shop", want: []string{"1 to 65535"}},
		{name: "two colons", dsn: "app@tcp(db1:3306:1)/shop", want: []string{"host number 1"}},
		{name: "a host for a socket", dsn: "app@unix(db1:3306)/shop", want: []string{"host number 1", "path of a socket"}},
		{name: "a replica that is empty", dsn: "app@tcp(db1)/shop", replicas: []string{"db2", ""}, want: []string{"replicas: number 2", "host:port"}},
		{name: "a replica with credentials", dsn: "app@tcp(db1)/shop", replicas: []string{"app:pw@db2"}, want: []string{"replicas: number 1", "host:port"}},
		{name: "a replica that is a DSN", dsn: "app@tcp(db1)/shop", replicas: []string{"app:pw@tcp(db2)/shop"}, want: []string{"replicas: number 1"}},
		{name: "a replica's port", dsn: "app@tcp(db1)/shop", replicas: []string{"db2:x"}, want: []string{"replicas: number 1", "1 to 65535"}},
		{name: "a weight for nobody", dsn: "app@tcp(db1,db2)/shop", weights: map[string]int{"db1:3306": 1, "db3:3306": 2}, want: []string{"weights", "1 of the names", "db1:3306", "db2:3306"}},

		{name: "our parameter in capitals", dsn: "app@tcp(db1)/shop?RWSPLIT_max_lag=2s", want: []string{"RWSPLIT_max_lag", "lower case"}},
		{name: "an escape in a parameter", dsn: "app@tcp(db1)/shop?a=%g1", want: []string{"%-escape", "%25"}},
		{name: "an escape in the database", dsn: "app@tcp(db1)/sh%op", want: []string{"database", "%25"}},
		{name: "a bool", dsn: "app@tcp(db1)/shop?parseTime=maybe", want: []string{"true or false"}},
		{name: "a duration", dsn: "app@tcp(db1)/shop?timeout=5", want: []string{"timeout", "duration"}},
		{name: "a packet size", dsn: "app@tcp(db1)/shop?maxAllowedPacket=x", want: []string{"maxAllowedPacket"}},
		{name: "a time zone", dsn: "app@tcp(db1)/shop?loc=Nowhere", want: []string{"loc", "time zone"}},
		{name: "a TLS configuration", dsn: "app@tcp(db1)/shop?tls=nobody", want: []string{"tls", "RegisterTLSConfig"}},
		{name: "a key", dsn: "app@tcp(db1)/shop?serverPubKey=nobody", want: []string{"serverPubKey"}},
		{name: "strict, for which go-sql-driver panics", dsn: "app@tcp(db1)/shop?strict=true", want: []string{"strict", "sql_mode"}},
		{name: "a password among the parameters", dsn: "tcp(db1)/shop?user=app&password=pw", want: []string{"at the beginning", "user:password@"}},
		{name: "a character set", dsn: "app@tcp(db1)/shop?charset=utf8mb4,gbk", want: []string{"charset", "utf8mb4"}},
		{name: "a collation", dsn: "app@tcp(db1)/shop?collation=sjis_japanese_ci", want: []string{"collation", "utf8mb4"}},
		{name: "autocommit", dsn: "app@tcp(db1)/shop?autocommit=0", want: []string{"autocommit"}},
		{name: "autocommit as a word", dsn: "app@tcp(db1)/shop?AutoCommit=OFF", want: []string{"autocommit"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(Config{DSN: test.dsn, Replicas: test.replicas, Weights: test.weights})
			if err == nil {
				t.Fatal("no error")
			}
			text := err.Error()
			if !strings.HasPrefix(text, "rwsplit: ") || strings.Contains(text, "\n") || strings.Contains(text, "%!") {
				t.Errorf("the error is not one line of ours: %s", text)
			}
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("error %q does not say %q", text, want)
				}
			}
			if errors.Unwrap(err) != nil && !strings.Contains(text, "number") {
				t.Errorf("the error wraps %v", errors.Unwrap(err))
			}
		})
	}
}

// capture returns the members' names and what go-sql-driver is told of each.
func capture(c Config) (names []string, configs []*mysql.Config, err error) {
	c.Configure = func(m *mysql.Config) error {
		configs = append(configs, m)
		return nil
	}
	e, err := New(c)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range e.Members() {
		names = append(names, m.Name)
	}
	return names, configs, nil
}

func TestNewTakes(t *testing.T) {
	for _, test := range []struct {
		name, dsn string
		replicas  []string
		want      []string // "network address" of each
	}{
		{"one host", "app:pw@tcp(db1)/shop", nil, []string{"tcp db1:3306"}},
		{"no network", "app:pw@(db1,db2)/shop", nil, []string{"tcp db1:3306", "tcp db2:3306"}},
		{"three hosts", "app:pw@tcp(db1:3306, db2:3307,db3)/shop", nil, []string{"tcp db1:3306", "tcp db2:3307", "tcp db3:3306"}},
		{"replicas", "app:pw@tcp(db1)/shop", []string{"db2", "db3:3307"}, []string{"tcp db1:3306", "tcp db2:3306", "tcp db3:3307"}},
		{"IPv6", "app@tcp([::1]:3307,[fe80::1],fe80::2)/shop", nil, []string{"tcp [::1]:3307", "tcp [fe80::1]:3306", "tcp [fe80::2]:3306"}},
		{"tcp6", "app@tcp6(db1,db2)/shop", nil, []string{"tcp6 db1:3306", "tcp6 db2:3306"}},
		{"sockets", "app@unix(/run/a.sock,/run/b.sock)/shop", nil, []string{"unix /run/a.sock", "unix /run/b.sock"}},
		{"a socket where the program is", "app@unix(mysql.sock)/shop", nil, []string{"unix mysql.sock"}},
		{"a socket and hosts", "app@unix(/run/a.sock)/shop", []string{"db2", "/run/c.sock"}, []string{"unix /run/a.sock", "tcp db2:3306", "unix /run/c.sock"}},
		{"a network of the program's", "app@cloud(project:region:db1,project:region:db2)/shop", []string{"project:region:db3"},
			[]string{"cloud project:region:db1", "cloud project:region:db2", "cloud project:region:db3"}},
		{"a slash, an @ and a ( in the password", "app:a/b@c(d@tcp(db1)/shop", nil, []string{"tcp db1:3306"}},
		{"no user", "tcp(db1)/", nil, []string{"tcp db1:3306"}},
		{"autocommit on", "tcp(db1)/?autocommit=1&charset=utf8mb4,utf8&collation=utf8mb4_bin", nil, []string{"tcp db1:3306"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			names, configs, err := capture(Config{DSN: test.dsn, Replicas: test.replicas})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, c := range configs {
				got = append(got, c.Net+" "+c.Addr)
				if names[i] != c.Addr {
					t.Errorf("member %q is at %q", names[i], c.Addr)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("members %q, want %q", got, test.want)
			}
		})
	}
}

// Each member is connected to as the DSN says, but for what would hide what the
// members are.
func TestNewConfigures(t *testing.T) {
	_, configs, err := capture(Config{DSN: "app:p%40/w@tcp(db1,db2)/sh%2Fop?parseTime=true&tls=true&rejectReadOnly=true&sql_mode=ANSI_QUOTES"})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range configs {
		host := []string{"db1", "db2"}[i]
		if c.User != "app" || c.Passwd != "p%40/w" || c.DBName != "sh/op" || !c.ParseTime || c.Params["sql_mode"] != "ANSI_QUOTES" {
			t.Errorf("%s: user %q, password %q, database %q, %+v", host, c.User, c.Passwd, c.DBName, c.Params)
		}
		if c.RejectReadOnly || c.Timeout != 10*time.Second {
			t.Errorf("%s: rejectReadOnly %t, timeout %s", host, c.RejectReadOnly, c.Timeout)
		}
		if c.TLS == nil || c.TLS.ServerName != host {
			t.Errorf("%s: TLS %+v", host, c.TLS)
		}
	}
	if _, configs, _ = capture(Config{DSN: "tcp(db1)/?timeout=2s"}); configs[0].Timeout != 2*time.Second {
		t.Errorf("timeout %s, want that of the DSN", configs[0].Timeout)
	}
	failure := errors.New("no")
	if _, err := New(Config{DSN: "tcp(db1)/", Configure: func(*mysql.Config) error { return failure }}); !errors.Is(err, failure) {
		t.Errorf("error %v, want that of Configure", err)
	}
}

func TestDatabase(t *testing.T) {
	for dsn, want := range map[string]string{"tcp(db1)/shop": "shop", "tcp(db1)/a%2Fb": "a/b", "tcp(db1)/": "mysql"} {
		if e, err := New(Config{DSN: dsn}); err != nil || e.Database() != want {
			t.Errorf("%s: %v, error %v, want %q", dsn, e, err, want)
		}
	}
}
