package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	rwsplit "github.com/rwsplit/rwsplit/driver"
)

func TestTakeParameters(t *testing.T) {
	tests := []struct {
		name  string
		dsn   string
		rest  string
		taken []rwsplit.Parameter
	}{
		{"none", "postgres://app@db1/shop?sslmode=disable", "postgres://app@db1/shop?sslmode=disable", nil},
		{"no query", "postgres://app@db1/shop", "postgres://app@db1/shop", nil},
		{"empty query", "postgres://app@db1/shop?", "postgres://app@db1/shop?", nil},
		{"only", "postgres://app@db1/shop?rwsplit_a=1", "postgres://app@db1/shop", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"first", "postgres://app@db1/shop?rwsplit_a=1&b=2&c=3", "postgres://app@db1/shop?b=2&c=3", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"middle", "postgres://app@db1/shop?b=2&rwsplit_a=1&c=3", "postgres://app@db1/shop?b=2&c=3", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"last", "postgres://app@db1/shop?b=2&c=3&rwsplit_a=1", "postgres://app@db1/shop?b=2&c=3", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"several, in their order", "postgres://db1?rwsplit_b=2&x=y&rwsplit_a=1", "postgres://db1?x=y", []rwsplit.Parameter{{Name: "rwsplit_b", Value: "2"}, {Name: "rwsplit_a", Value: "1"}}},
		{"twice", "postgres://db1?rwsplit_a=2&rwsplit_a=1", "postgres://db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "2"}, {Name: "rwsplit_a", Value: "1"}}},
		{"& at the end", "postgres://db1?b=2&rwsplit_a=1&", "postgres://db1?b=2&", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"escaped", "postgres://db1?%72wsplit%5Fa=%31%2C+%20%3d", "postgres://db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1,+ ="}}},
		{"blanks around", "postgres://db1? rwsplit_a = 1 & b=2", "postgres://db1? b=2", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"= in the value", "postgres://db1?rwsplit_a=db2:5432=3", "postgres://db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "db2:5432=3"}}},
		{"no value", "postgres://db1?rwsplit_a", "postgres://db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: ""}}},
		{"? in the value", "postgres://db1?rwsplit_a=what?&b=2", "postgres://db1?b=2", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "what?"}}},
		{"@ in the value", "postgres://db1/shop?rwsplit_a=b@c", "postgres://db1/shop", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "b@c"}}},
		{"the password is left alone", "postgres://app:p?rwsplit_a=1@db1/shop?b=2", "postgres://app:p?rwsplit_a=1@db1/shop?b=2", nil},
		{"another value is left alone", "postgres://db1/shop?b=rwsplit_a", "postgres://db1/shop?b=rwsplit_a", nil},
		{"upper case is another name", "postgres://db1/shop?RWSPLIT_a=1", "postgres://db1/shop?RWSPLIT_a=1", nil},
		{"the rest is left as it is", "postgres://a%40:b%20@db1,[::1]/s?x=%zz&rwsplit_a=1&&y", "postgres://a%40:b%20@db1,[::1]/s?x=%zz&&y", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},

		{"keywords, none", "host=db1 user=app", "host=db1 user=app", nil},
		{"keywords, empty", "", "", nil},
		{"keywords, blank", " \t ", "", nil},
		{"keywords, only", "rwsplit_a=1", "", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, first", "rwsplit_a=1 host=db1 user=app", "host=db1 user=app", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, middle", "host=db1 rwsplit_a=1 user=app", "host=db1 user=app", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, last", "host=db1 user=app rwsplit_a=1", "host=db1 user=app", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, quoted", `rwsplit_a='it\'s \\ a = b' host='db1'`, "host='db1'", []rwsplit.Parameter{{Name: "rwsplit_a", Value: `it's \ a = b`}}},
		{"keywords, escaped", `rwsplit_a=a\ b\=\'c host=db1`, "host=db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: `a b='c`}}},
		{"keywords, = in the value", "rwsplit_a=db2:5432=3,db3=1", "", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "db2:5432=3,db3=1"}}},
		{"keywords, blanks around =", "host = db1 rwsplit_a\t=\n1 user= app", "host = db1 user= app", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, no value at the end", "host=db1 rwsplit_a=", "host=db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: ""}}},
		{"keywords, an empty value", "rwsplit_a='' host=db1", "host=db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: ""}}},
		{"keywords, no blank after a quote", "rwsplit_a='1'host=db1", "host=db1", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, a value that looks like one", "password='rwsplit_a=1' host=db1", "password='rwsplit_a=1' host=db1", nil},
		{"keywords, a value that is not there takes the next", "password= rwsplit_a=1", "password= rwsplit_a=1", nil},
		{"keywords, a backslash at the end", `rwsplit_a=1\`, "", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, an escaped blank ends a value", `password=pw\  rwsplit_a=1\  host=db1`, `password=pw\  host=db1`, []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1 "}}},
		{"keywords, an escaped blank ends it", `rwsplit_a=1 password=pw\ `, `password=pw\ `, []rwsplit.Parameter{{Name: "rwsplit_a", Value: "1"}}},
		{"keywords, not ASCII", "rwsplit_a=ü host=ö", "host=ö", []rwsplit.Parameter{{Name: "rwsplit_a", Value: "ü"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rest, taken, err := TakeParameters(test.dsn, "rwsplit_")
			if err != nil {
				t.Fatal(err)
			}
			if rest != test.rest {
				t.Errorf("rest %q, want %q", rest, test.rest)
			}
			if !slices.Equal(taken, test.taken) {
				t.Errorf("taken %q, want %q", taken, test.taken)
			}
		})
	}
}

// many returns the hosts of a DSN with n members.
func many(n int) string {
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("db%d", i))
	}
	return strings.Join(hosts, ",")
}

// What cannot be opened is refused with one line that says what is wrong.
func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name     string
		dsn      string
		replicas []string
		weights  map[string]int
		env      map[string]string
		want     []string // in the error
	}{
		{name: "nothing", dsn: "", want: []string{"no host", "PGHOST"}},
		{name: "no host in a URL", dsn: "postgres:///shop", want: []string{"no host"}},
		{name: "only a user in a URL", dsn: "postgres://app:pw@/shop", want: []string{"no host"}},
		{name: "only a port in a URL", dsn: "postgres://app@:5432/shop", want: []string{"no host"}},
		{name: "no host by keywords", dsn: "user=app dbname=shop", want: []string{"no host"}},
		{name: "an empty host", dsn: "host='' user=app", want: []string{"no host"}},
		{name: "a service without a host", dsn: "service=bare", want: []string{"no host"}},
		{name: "no host but replicas", dsn: "user=app", replicas: []string{"db2"}, want: []string{"no host"}},

		{name: "the same host twice", dsn: "postgres://db1,db2,db1/shop?sslmode=disable", want: []string{"db1:5432 is named twice"}},
		{name: "twice under sslmode prefer", dsn: "postgres://db1,db2,db1/shop?sslmode=prefer", want: []string{"db1:5432 is named twice"}},
		{name: "twice by keywords", dsn: "host=db1,db1 port=5433", want: []string{"db1:5433 is named twice"}},
		{name: "twice, once with the default port", dsn: "postgres://db1,db1:5432/shop", want: []string{"db1:5432 is named twice"}},
		{name: "twice in another case", dsn: "postgres://db1,DB1/shop", want: []string{"DB1:5432 is named twice"}},
		{name: "the same socket twice", dsn: "host=/run/pg,/run//pg/", want: []string{"/run/pg/.s.PGSQL.5432 is named twice"}},
		{name: "among the replicas", dsn: "postgres://db1/shop", replicas: []string{"db2", "db3", "db2:5432"}, want: []string{"db2:5432 is named twice"}},
		{name: "a host and a replica", dsn: "postgres://db1:6000,db2:6000/shop", replicas: []string{"db2"}, want: []string{"db2:6000 is named twice"}},
		{name: "a host and a replica without TLS", dsn: "postgres://db1/shop?sslmode=disable", replicas: []string{"db1"}, want: []string{"db1:5432 is named twice"}},
		{name: "IPv6 in two forms", dsn: "postgres://[::1]/shop", replicas: []string{"::1"}, want: []string{"[::1]:5432 is named twice"}},

		{name: "65 hosts", dsn: "postgres://" + many(65) + "/shop", want: []string{"65 members, more than 64"}},
		{name: "64 hosts and a replica", dsn: "host=" + many(64), replicas: []string{"other"}, want: []string{"65 members, more than 64"}},

		{name: "a replica that is empty", dsn: "postgres://db1/shop", replicas: []string{"db2", ""}, want: []string{"replicas: number 2", "host:port"}},
		{name: "a replica without a host", dsn: "postgres://db1/shop", replicas: []string{":5432"}, want: []string{"replicas: number 1", "host:port"}},
		{name: "a replica with a blank", dsn: "postgres://db1/shop", replicas: []string{" db2"}, want: []string{"replicas: number 1", "host:port"}},
		{name: "a replica's port is no number", dsn: "postgres://db1/shop", replicas: []string{"db2:x"}, want: []string{"replicas: number 1", "1 to 65535"}},
		{name: "a replica's port is 0", dsn: "postgres://db1/shop", replicas: []string{"db2:0"}, want: []string{"replicas: number 1", "1 to 65535"}},
		{name: "a replica's port is too large", dsn: "postgres://db1/shop", replicas: []string{"db2:65536"}, want: []string{"replicas: number 1", "1 to 65535"}},
		{name: "a replica's bracket", dsn: "postgres://db1/shop", replicas: []string{"[::1"}, want: []string{"replicas: number 1", "host:port"}},
		{name: "a replica's tail", dsn: "postgres://db1/shop", replicas: []string{"[::1]x"}, want: []string{"replicas: number 1", "host:port"}},
		{name: "a replica that is a URL", dsn: "postgres://db1/shop", replicas: []string{"postgres://db2/shop"}, want: []string{"replicas: number 1"}},
		{name: "a replica with credentials", dsn: "postgres://db1/shop", replicas: []string{"app:pw@db2"}, want: []string{"replicas: number 1"}},
		{name: "a replica with colons", dsn: "postgres://db1/shop", replicas: []string{"app:pw:5432"}, want: []string{"replicas: number 1", "host:port"}},

		{name: "a weight for nobody", dsn: "postgres://db1,db2/shop", weights: map[string]int{"db1:5432": 1, "db3:5432": 2},
			want: []string{"weights", "1 of the names", "db1:5432", "db2:5432"}},
		{name: "a weight without a port", dsn: "postgres://db1,db2/shop", weights: map[string]int{"db1": 1}, want: []string{"weights", "db1:5432"}},

		{name: "a URL of another scheme", dsn: "mysql://app@db1/shop", want: []string{"postgres://"}},
		{name: "a URL of another scheme with a query", dsn: "mysql://app@db1/shop?a=b", env: map[string]string{"PGHOST": "db1"}, want: []string{"postgres://"}},
		{name: "the scheme in capitals", dsn: "POSTGRES://app@db1/shop?sslmode=disable", want: []string{"postgres://"}},
		{name: "a blank before a URL", dsn: " postgres://app@db1/shop?sslmode=disable", want: []string{"postgres://"}},
		{name: "a bare word", dsn: "db1", want: []string{"parameter 1", "name=value"}},
		{name: "no name", dsn: "host=db1 =x", want: []string{"parameter 2", "name=value"}},
		{name: "no =", dsn: "host=db1 user app", want: []string{"parameter 2", "name=value"}},
		{name: "a blank in a name", dsn: "host=db1 user app=x", want: []string{"parameter 2", "name=value"}},
		{name: "a quote that is not closed", dsn: "host=db1 password='pw", want: []string{"parameter 2", "closing quote"}},
		{name: "an escaped quote at the end", dsn: `host=db1 password='pw\'`, want: []string{"parameter 2", "closing quote"}},
		{name: "NUL in keywords", dsn: "host=db1 password=a\x00b", want: []string{"NUL"}},
		{name: "NUL in a URL", dsn: "postgres://app:a\x00b@db1", want: []string{"NUL"}},

		{name: "an escape in the user", dsn: "postgres://a%zz@db1/shop", want: []string{"%-escape", "%25"}},
		{name: "an escape in the password", dsn: "postgres://app:100%@db1/shop", want: []string{"%-escape", "%25"}},
		{name: "an escape in the host", dsn: "postgres://app@db%1/shop", want: []string{"%-escape"}},
		{name: "an escape in a parameter", dsn: "postgres://app@db1/shop?application_name=%g1", want: []string{"%-escape"}},
		{name: "an escape in a name", dsn: "postgres://app@db1/shop?a%g1=1", want: []string{"%-escape"}},
		{name: "an escaped NUL", dsn: "postgres://app:%00@db1/shop", want: []string{"%00"}},
		{name: "a blank in the password", dsn: "postgres://app:a b@db1/shop", want: []string{"%20"}},
		{name: "no = in the query", dsn: "postgres://app@db1/shop?sslmode", want: []string{"after the ?", "no ="}},
		{name: "an empty parameter", dsn: "postgres://app@db1/shop?a=1&&b=2", want: []string{"after the ?", "no ="}},
		{name: "two = in the query", dsn: "postgres://app@db1/shop?options=-c a=b", want: []string{"after the ?", "%3D"}},
		{name: "no ]", dsn: "postgres://app@[::1/shop", want: []string{"]"}},
		{name: "nothing in [ ]", dsn: "postgres://app@[]/shop", want: []string{"[ and ]"}},
		{name: "something after ]", dsn: "postgres://app@[::1]5432/shop", want: []string{"]"}},

		{name: "a port that is no number", dsn: "postgres://app@db1:x/shop", want: []string{"port", "1 to 65535"}},
		{name: "port 0", dsn: "postgres://app@db1:0/shop", want: []string{"port", "1 to 65535"}},
		{name: "port 65536", dsn: "host=db1 port=65536", want: []string{"port", "1 to 65535"}},
		{name: "a negative port", dsn: "host=db1 port=-1", want: []string{"port", "1 to 65535"}},
		{name: "two ports, three hosts", dsn: "host=db1,db2,db3 port=1,2", want: []string{"number of ports"}},
		{name: "PGPORT does not match", dsn: "host=db1,db2,db3", env: map[string]string{"PGPORT": "1,2"}, want: []string{"number of ports"}},
		{name: "a port in host=", dsn: "host=db1:5432,db2:5432 user=app", want: []string{"port="}},
		{name: "a host with @", dsn: "postgres://app:p@ssword@db1/shop", want: []string{"%40"}},
		{name: "a host with =", dsn: "host='db1 user=app' dbname=shop", want: []string{"no host can have"}},
		{name: "@ after the host", dsn: "postgres://app:/pw@db1/shop", want: []string{"%2F"}},

		{name: "sslmode", dsn: "postgres://db1/shop?sslmode=on", want: []string{"sslmode", "verify-full"}},
		{name: "no root file", dsn: "host=db1 sslrootcert=$HOME/none", want: []string{"sslrootcert", "no such file"}},
		{name: "an empty root file", dsn: "host=db1 sslrootcert=$HOME/empty.pem", want: []string{"sslrootcert", "no PEM certificate"}},
		{name: "a certificate without a key", dsn: "host=db1 sslcert=$HOME/client.pem", want: []string{"sslcert", "sslkey"}},
		{name: "no key file", dsn: "host=db1 sslcert=$HOME/client.pem sslkey=$HOME/none", want: []string{"sslkey", "no such file"}},
		{name: "an empty key file", dsn: "host=db1 sslcert=$HOME/client.pem sslkey=$HOME/empty.pem", want: []string{"sslkey", "no PEM key"}},
		{name: "a locked key", dsn: "host=db1 sslcert=$HOME/client.pem sslkey=$HOME/locked.key", want: []string{"sslpassword"}},
		{name: "a wrong passphrase", dsn: "host=db1 sslcert=$HOME/client.pem sslkey=$HOME/locked.key sslpassword=x", want: []string{"sslpassword"}},
		{name: "no certificate file", dsn: "host=db1 sslcert=$HOME/none sslkey=$HOME/client.key", want: []string{"sslcert", "no such file"}},
		{name: "a certificate that is none", dsn: "host=db1 sslcert=$HOME/client.key sslkey=$HOME/client.key", want: []string{"sslcert and sslkey"}},

		{name: "no service file", dsn: "service=shop servicefile=$HOME/none", want: []string{"service file"}},
		{name: "no such service", dsn: "service=other servicefile=$HOME/services", want: []string{"service", "not in the service file"}},
		{name: "our parameter in a service file", dsn: "service=ours servicefile=$HOME/services", want: []string{"rwsplit_max_lag", "DSN itself"}},
		{name: "our parameter in capitals", dsn: "postgres://db1/shop?RWSPLIT_max_lag=2s", want: []string{"RWSPLIT_max_lag", "lower case"}},

		{name: "connect_timeout", dsn: "postgres://db1/shop?connect_timeout=2s", want: []string{"connect_timeout", "seconds"}},
		{name: "a negative connect_timeout", dsn: "postgres://db1/shop?connect_timeout=-1", want: []string{"connect_timeout"}},
		{name: "target_session_attrs", dsn: "host=db1 target_session_attrs=master", want: []string{"target_session_attrs", "primary"}},
		{name: "sslcertmode", dsn: "host=db1 sslcertmode=x", want: []string{"sslcertmode"}},
		{name: "min_protocol_version", dsn: "host=db1 min_protocol_version=x", want: []string{"min_protocol_version"}},
		{name: "max_protocol_version", dsn: "host=db1 max_protocol_version=x", want: []string{"max_protocol_version"}},
		{name: "protocol versions crossed", dsn: "host=db1 min_protocol_version=3.2 max_protocol_version=3.0", want: []string{"min_protocol_version is greater"}},
		{name: "channel_binding", dsn: "host=db1 channel_binding=x", want: []string{"channel_binding"}},
		{name: "require_auth", dsn: "host=db1 require_auth=x", want: []string{"require_auth"}},
		{name: "statement_cache_capacity", dsn: "host=db1 statement_cache_capacity=x", want: []string{"statement_cache_capacity"}},
		{name: "description_cache_capacity", dsn: "host=db1 description_cache_capacity=x", want: []string{"description_cache_capacity"}},
		{name: "default_query_exec_mode", dsn: "host=db1 default_query_exec_mode=x", want: []string{"default_query_exec_mode", "simple_protocol"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			home := isolate(t, test.env)
			writeFile(t, home, "services", "[bare]\nuser=app\n[ours]\nhost=db1\nrwsplit_max_lag=2s\n")
			writeFile(t, home, ".pg_service.conf", "[bare]\nuser=app\n")
			certificates(t, home)
			_, err := New(Config{DSN: strings.ReplaceAll(test.dsn, "$HOME", home), Replicas: test.replicas, Weights: test.weights})
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
			if wrapsDSN(err) {
				t.Error("the error wraps pgx's own, which holds the DSN")
			}
		})
	}
}

func TestNewTakesAsManyMembersAsThereMayBe(t *testing.T) {
	isolate(t, nil)
	e, err := New(Config{DSN: "postgres://" + many(64) + "/shop"})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(e.Members()); n != 64 {
		t.Errorf("%d members, want 64", n)
	}
}

// Near misses of what is refused.
func TestNewTakes(t *testing.T) {
	tests := []struct {
		name string
		dsn  string
		want []string
	}{
		{name: "one host with two TLS variants is one member", dsn: "postgres://db1/shop?sslmode=prefer", want: []string{"db1:5432"}},
		{name: "and with sslmode=allow", dsn: "postgres://db1,db2/shop?sslmode=allow", want: []string{"db1:5432", "db2:5432"}},
		{name: "a host by name and by address", dsn: "postgres://localhost,127.0.0.1/shop", want: []string{"localhost:5432", "127.0.0.1:5432"}},
		{name: "a socket and a host", dsn: "host=/run/pg,localhost", want: []string{"/run/pg/.s.PGSQL.5432", "localhost:5432"}},
		{name: "sockets differ by case", dsn: "host=/run/pg,/run/PG", want: []string{"/run/pg/.s.PGSQL.5432", "/run/PG/.s.PGSQL.5432"}},
		{name: "an escaped @ in the database", dsn: "postgres://db1/sh%40op", want: []string{"db1:5432"}},
		{name: "an @ in a parameter", dsn: "postgres://db1/shop?user=a@b", want: []string{"db1:5432"}},
		{name: "a URL as a value", dsn: "host=db1 application_name=http://shop", want: []string{"db1:5432"}},
		{name: "a blank at the end of a URL", dsn: "postgres://db1/shop ", want: []string{"db1:5432"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			isolate(t, nil)
			e, err := New(Config{DSN: test.dsn})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range e.Members() {
				got = append(got, m.Name)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("members %q, want %q", got, test.want)
			}
		})
	}
}

// Whoever brings a dialer may use names that only the dialer knows.
func TestNewTakesAnyNameForADialer(t *testing.T) {
	isolate(t, nil)
	names, _, err := capture(Config{DSN: "host=project:region:instance user=app dbname=shop"})
	if err != nil || !slices.Equal(names, []string{"[project:region:instance]:5432"}) {
		t.Errorf("members %q, error %v", names, err)
	}
}
