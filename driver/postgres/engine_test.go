package postgres

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Each member is to be connected to exactly as pgx would connect to that host
// alone.
func TestMembersAreAsPgxWouldHaveThem(t *testing.T) {
	const (
		service  = "[shop]\nhost=db1,db2\nport=6001,6002\nuser=app\npassword=of-service\ndbname=shop\nsslmode=disable\napplication_name=till\n[bare]\nuser=app\n"
		passfile = "db1:5432:shop:app:first\ndb2:5432:shop:app:second\ndb2:7000:shop:app:third\n::1:5432:shop:app:sixth\nlocalhost:5432:shop:app:local\n*:*:*:*:rest\n"
	)
	tests := []struct {
		name     string
		dsn      string
		replicas []string
		env      map[string]string
		members  []string
		alone    []string // the DSN of each member alone
	}{
		// URLs.
		{name: "url, one host", dsn: "postgres://app:pw@db1:5432/shop",
			members: []string{"db1:5432"}, alone: []string{"host=db1 user=app password=pw dbname=shop"}},
		{name: "url, postgresql scheme", dsn: "postgresql://app:pw@db1/shop",
			members: []string{"db1:5432"}, alone: []string{"host=db1 user=app password=pw dbname=shop"}},
		{name: "url, three hosts, a port each", dsn: "postgres://app:pw@db1:5432,db2:5433,db3:5434/shop",
			members: []string{"db1:5432", "db2:5433", "db3:5434"},
			alone:   []string{"postgres://app:pw@db1:5432/shop", "postgres://app:pw@db2:5433/shop", "postgres://app:pw@db3:5434/shop"}},
		{name: "url, default ports", dsn: "postgres://app:pw@db1,db2/shop",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:pw@db1/shop", "postgres://app:pw@db2/shop"}},
		{name: "url, only the last has a port", dsn: "postgres://app@db1,db2:5433/shop",
			members: []string{"db1:5432", "db2:5433"}, alone: []string{"postgres://app@db1:5432/shop", "postgres://app@db2:5433/shop"}},
		{name: "url, only the first has a port", dsn: "postgres://app@db1:5433,db2/shop",
			members: []string{"db1:5433", "db2:5432"}, alone: []string{"postgres://app@db1:5433/shop", "postgres://app@db2:5432/shop"}},
		{name: "url, one host on two ports", dsn: "postgres://app@db1:5432,db1:5433/shop",
			members: []string{"db1:5432", "db1:5433"}, alone: []string{"postgres://app@db1:5432/shop", "postgres://app@db1:5433/shop"}},
		{name: "url, no database", dsn: "postgres://app@db1,db2",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1", "postgres://app@db2"}},
		{name: "url, no user", dsn: "postgres://db1,db2/shop",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://db1/shop", "postgres://db2/shop"}},
		{name: "url, query without a path", dsn: "postgres://app:pw@db1,db2?sslmode=disable",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app:pw@db1?sslmode=disable", "postgres://app:pw@db2?sslmode=disable"}},
		{name: "url, empty query", dsn: "postgres://app:pw@db1,db2/shop?",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:pw@db1/shop", "postgres://app:pw@db2/shop"}},
		{name: "url, query ends with &", dsn: "postgres://app:pw@db1,db2/shop?sslmode=disable&",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app:pw@db1/shop?sslmode=disable", "postgres://app:pw@db2/shop?sslmode=disable"}},
		{name: "url, IPv6", dsn: "postgres://app:pw@[::1]:5432,[2001:db8::2],127.0.0.1:5433/shop",
			members: []string{"[::1]:5432", "[2001:db8::2]:5432", "127.0.0.1:5433"},
			alone:   []string{"postgres://app:pw@[::1]/shop", "host=2001:db8::2 user=app password=pw dbname=shop", "postgres://app:pw@127.0.0.1:5433/shop"}},
		{name: "url, IPv6 with a zone", dsn: "postgres://app:pw@[fe80::1%25eth0],db2/shop",
			members: []string{"[fe80::1%eth0]:5432", "db2:5432"},
			alone:   []string{"host=fe80::1%eth0 user=app password=pw dbname=shop", "postgres://app:pw@db2/shop"}},
		{name: "url, escapes", dsn: "postgres://us%40er:p%40%3A%2F%3F%23%25%26%20w@db1,db2/sh%2Fop",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{`host=db1 user=us@er password='p@:/?#%& w' dbname=sh/op`, `host=db2 user=us@er password='p@:/?#%& w' dbname=sh/op`}},
		{name: "url, escaped host list", dsn: "postgres://app@db1%2Cdb2:5433/shop",
			members: []string{"db1:5433", "db2:5433"}, alone: []string{"postgres://app@db1:5433/shop", "postgres://app@db2:5433/shop"}},
		{name: "url, ? in the password", dsn: "postgres://app:p?w@db1,db2/shop?application_name=a",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"host=db1 user=app password=p?w dbname=shop application_name=a", "host=db2 user=app password=p?w dbname=shop application_name=a"}},
		{name: "url, what looks like a query in the password", dsn: "postgres://app:p?host=x&port=1@db1,db2/shop",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"host=db1 user=app password=p?host=x&port=1 dbname=shop", "host=db2 user=app password=p?host=x&port=1 dbname=shop"}},
		{name: "url, : and # and & and ' and backslash in the password", dsn: `postgres://app:p:w#&'\x@db1,db2/shop`,
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{`host=db1 user=app password='p:w#&\'\\x' dbname=shop`, `host=db2 user=app password='p:w#&\'\\x' dbname=shop`}},
		{name: "url, @ in a value", dsn: "postgres://db1,db2/shop?user=app@corp&password=p@w",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"host=db1 dbname=shop user=app@corp password=p@w", "host=db2 dbname=shop user=app@corp password=p@w"}},
		{name: "url, @ in what was meant as a query", dsn: "postgres://db1?user=a@db2/shop",
			members: []string{"db2:5432"}, alone: []string{"host=db2 user='db1?user=a' dbname=shop"}},
		{name: "url, ? in a value", dsn: "postgres://app@db1,db2/shop?application_name=what?",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app@db1/shop?application_name=what?", "postgres://app@db2/shop?application_name=what?"}},
		{name: "url, hosts in the query", dsn: "postgres://app:pw@/shop?host=db1,db2&port=5433,5434",
			members: []string{"db1:5433", "db2:5434"}, alone: []string{"postgres://app:pw@db1:5433/shop", "postgres://app:pw@db2:5434/shop"}},
		{name: "url, hosts of the query win", dsn: "postgres://app:pw@db9:1,db8:2/shop?host=db1,db2&port=5433",
			members: []string{"db1:5433", "db2:5433"}, alone: []string{"postgres://app:pw@db1:5433/shop", "postgres://app:pw@db2:5433/shop"}},
		{name: "url, the port of the query wins", dsn: "postgres://app:pw@db1,db2/shop?port=5433",
			members: []string{"db1:5433", "db2:5433"}, alone: []string{"postgres://app:pw@db1:5433/shop", "postgres://app:pw@db2:5433/shop"}},
		{name: "url, an escaped name of host", dsn: "postgres://app:pw@/shop?%68ost=db1,db2&por%74=5433",
			members: []string{"db1:5433", "db2:5433"}, alone: []string{"postgres://app:pw@db1:5433/shop", "postgres://app:pw@db2:5433/shop"}},
		{name: "url, blanks around names and values", dsn: "postgres://app:pw@/shop? host = db1,db2 & port = 5433 ",
			members: []string{"db1:5433", "db2:5433"}, alone: []string{"postgres://app:pw@db1:5433/shop", "postgres://app:pw@db2:5433/shop"}},
		{name: "url, the database of the query wins", dsn: "postgres://app:pw@db1,db2/other?dbname=shop",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:pw@db1/shop", "postgres://app:pw@db2/shop"}},
		{name: "url, ssl=true", dsn: "postgres://app:pw@db1,db2/shop?ssl=true",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app:pw@db1/shop?sslmode=require", "postgres://app:pw@db2/shop?sslmode=require"}},
		{name: "url, a parameter twice", dsn: "postgres://app:pw@db1,db2/shop?sslmode=require&sslmode=disable",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app:pw@db1/shop?sslmode=disable", "postgres://app:pw@db2/shop?sslmode=disable"}},

		// Sockets.
		{name: "url, sockets escaped", dsn: "postgres://app:pw@%2Frun%2Fpg1,%2Frun%2Fpg2:5433/shop",
			members: []string{"/run/pg1/.s.PGSQL.5432", "/run/pg2/.s.PGSQL.5433"},
			alone:   []string{"host=/run/pg1 user=app password=pw dbname=shop", "host=/run/pg2 port=5433 user=app password=pw dbname=shop"}},
		{name: "url, sockets in the query", dsn: "postgres:///shop?host=/run/pg1,/run/pg2&user=app",
			members: []string{"/run/pg1/.s.PGSQL.5432", "/run/pg2/.s.PGSQL.5432"},
			alone:   []string{"host=/run/pg1 user=app dbname=shop", "host=/run/pg2 user=app dbname=shop"}},
		{name: "url, a socket with an odd name", dsn: "postgres://app@%2Frun%2Fp%20g+%26%23%3F%25,db2/shop",
			members: []string{"/run/p g+&#?%/.s.PGSQL.5432", "db2:5432"},
			alone:   []string{"host='/run/p g+&#?%' user=app dbname=shop", "host=db2 user=app dbname=shop"}},
		{name: "keywords, sockets", dsn: `host='/run/p g\'1,/run/pg2' port=5432,5433 user=app dbname=shop`,
			members: []string{"/run/p g'1/.s.PGSQL.5432", "/run/pg2/.s.PGSQL.5433"},
			alone:   []string{`host='/run/p g\'1' user=app dbname=shop`, "host=/run/pg2 port=5433 user=app dbname=shop"}},
		{name: "a socket has no TLS", dsn: "postgres://app@db1,%2Frun%2Fpg2/shop?sslmode=require",
			members: []string{"db1:5432", "/run/pg2/.s.PGSQL.5432"},
			alone:   []string{"host=db1 user=app dbname=shop sslmode=require", "host=/run/pg2 user=app dbname=shop"}},

		// Keywords.
		{name: "keywords, one host", dsn: "host=db1 user=app password=pw dbname=shop",
			members: []string{"db1:5432"}, alone: []string{"postgres://app:pw@db1/shop"}},
		{name: "keywords, several hosts, one port", dsn: "host=db1,db2,db3 port=5433 user=app dbname=shop",
			members: []string{"db1:5433", "db2:5433", "db3:5433"},
			alone:   []string{"postgres://app@db1:5433/shop", "postgres://app@db2:5433/shop", "postgres://app@db3:5433/shop"}},
		{name: "keywords, a port each, one of them empty", dsn: "host=db1,db2,db3 port=5433,,5434 user=app dbname=shop",
			members: []string{"db1:5433", "db2:5432", "db3:5434"},
			alone:   []string{"postgres://app@db1:5433/shop", "postgres://app@db2:5432/shop", "postgres://app@db3:5434/shop"}},
		{name: "keywords, blanks around =", dsn: "\t host =\tdb1,db2  port= 5433 \n user = app\r\fdbname\v=\vshop ",
			members: []string{"db1:5433", "db2:5433"}, alone: []string{"postgres://app@db1:5433/shop", "postgres://app@db2:5433/shop"}},
		{name: "keywords, quotes and escapes", dsn: `host='db1,db2' user='a p\'p' password='it\'s \\ = ok' dbname=sh\ op application_name=''`,
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://a%20p'p:it's%20%5C%20=%20ok@db1/sh%20op?application_name=", "postgres://a%20p'p:it's%20%5C%20=%20ok@db2/sh%20op?application_name="}},
		{name: "keywords, nothing after a quote", dsn: `host='db1,db2'user='app'dbname=shop`,
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop", "postgres://app@db2/shop"}},
		{name: "keywords, a quote in the middle is a character", dsn: `host=db1,db2 password=p'w user=app dbname=shop`,
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:p'w@db1/shop", "postgres://app:p'w@db2/shop"}},
		{name: "keywords, the last one wins", dsn: "host=db9 host=db1,db2 port=1,2 port=5433 user=x user=app dbname=shop",
			members: []string{"db1:5433", "db2:5433"}, alone: []string{"postgres://app@db1:5433/shop", "postgres://app@db2:5433/shop"}},
		{name: "keywords, a value that is not there ends it", dsn: "host=db1,db2 user=app dbname=shop password=",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop", "postgres://app@db2/shop"}},
		{name: "keywords, a backslash ends it", dsn: `host=db1,db2 user=app dbname=shop password=pw\`,
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:pw@db1/shop", "postgres://app:pw@db2/shop"}},
		{name: "keywords, an escaped backslash ends it", dsn: `host=db1,db2 user=app dbname=shop password=pw\\`,
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:pw%5C@db1/shop", "postgres://app:pw%5C@db2/shop"}},
		{name: "keywords, an escaped blank ends it", dsn: `host=db1,db2 user=app dbname=shop password=pw\ `,
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:pw%20@db1/shop", "postgres://app:pw%20@db2/shop"}},
		{name: "keywords, an empty user is none", dsn: "host=db1,db2 user= 'app' user='' dbname=shop",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop", "postgres://app@db2/shop"}},
		{name: "keywords, not ASCII", dsn: "host=datenbänk1,db2 user=käthe password='π =' dbname=bücher",
			members: []string{"datenbänk1:5432", "db2:5432"},
			alone:   []string{"host=datenbänk1 user=käthe password='π =' dbname=bücher", "host=db2 user=käthe password='π =' dbname=bücher"}},

		// TLS.
		{name: "sslmode disable", dsn: "postgres://app@db1,db2/shop?sslmode=disable",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop?sslmode=disable", "postgres://app@db2/shop?sslmode=disable"}},
		{name: "sslmode allow", dsn: "postgres://app@db1,db2/shop?sslmode=allow",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop?sslmode=allow", "postgres://app@db2/shop?sslmode=allow"}},
		{name: "sslmode prefer", dsn: "host=db1,db2 user=app dbname=shop sslmode=prefer",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop?sslmode=prefer", "postgres://app@db2/shop?sslmode=prefer"}},
		{name: "sslmode require", dsn: "postgres://app@db1,db2/shop?sslmode=require",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop?sslmode=require", "postgres://app@db2/shop?sslmode=require"}},
		{name: "sslmode require with a root is verify-ca", dsn: "postgres://app@db1,db2/shop?sslmode=require&sslrootcert=$HOME/ca.pem",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app@db1/shop?sslmode=verify-ca&sslrootcert=$HOME/ca.pem", "postgres://app@db2/shop?sslmode=verify-ca&sslrootcert=$HOME/ca.pem"}},
		{name: "sslmode verify-full: each its own name", dsn: "postgres://app@db1.example,db2.example,192.0.2.7/shop?sslmode=verify-full&sslrootcert=$HOME/ca.pem&sslcert=$HOME/client.pem&sslkey=$HOME/client.key",
			members: []string{"db1.example:5432", "db2.example:5432", "192.0.2.7:5432"},
			alone: []string{
				"host=db1.example user=app dbname=shop sslmode=verify-full sslrootcert=$HOME/ca.pem sslcert=$HOME/client.pem sslkey=$HOME/client.key",
				"host=db2.example user=app dbname=shop sslmode=verify-full sslrootcert=$HOME/ca.pem sslcert=$HOME/client.pem sslkey=$HOME/client.key",
				"host=192.0.2.7 user=app dbname=shop sslmode=verify-full sslrootcert=$HOME/ca.pem sslcert=$HOME/client.pem sslkey=$HOME/client.key",
			}},
		{name: "a key with a passphrase", dsn: "host=db1,db2 user=app dbname=shop sslmode=verify-ca sslrootcert=$HOME/ca.pem sslcert=$HOME/client.pem sslkey=$HOME/locked.key sslpassword='open sesame'",
			members: []string{"db1:5432", "db2:5432"},
			alone: []string{
				"postgres://app@db1/shop?sslmode=verify-ca&sslrootcert=$HOME/ca.pem&sslcert=$HOME/client.pem&sslkey=$HOME/locked.key&sslpassword=open%20sesame",
				"postgres://app@db2/shop?sslmode=verify-ca&sslrootcert=$HOME/ca.pem&sslcert=$HOME/client.pem&sslkey=$HOME/locked.key&sslpassword=open%20sesame",
			}},
		{name: "TLS by the environment", dsn: "postgres://app@db1,db2/shop",
			env:     map[string]string{"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "$HOME/ca.pem"},
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop", "postgres://app@db2/shop"}},
		{name: "direct TLS, no name indication", dsn: "postgres://app@db1,db2/shop?sslnegotiation=direct&sslsni=0",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app@db1/shop?sslnegotiation=direct&sslsni=0", "postgres://app@db2/shop?sslnegotiation=direct&sslsni=0"}},

		// Services.
		{name: "service in the URL", dsn: "postgres:///?service=shop", env: map[string]string{"PGSERVICEFILE": "$HOME/services"},
			members: []string{"db1:6001", "db2:6002"},
			alone:   []string{"host=db1 port=6001 service=shop", "host=db2 port=6002 service=shop"}},
		{name: "service by keyword", dsn: "service=shop servicefile=$HOME/services",
			members: []string{"db1:6001", "db2:6002"},
			alone:   []string{"host=db1 port=6001 service=shop servicefile=$HOME/services", "host=db2 port=6002 service=shop servicefile=$HOME/services"}},
		{name: "service by the environment", dsn: "dbname=other", env: map[string]string{"PGSERVICE": "shop", "PGSERVICEFILE": "$HOME/services"},
			members: []string{"db1:6001", "db2:6002"}, alone: []string{"host=db1 port=6001 dbname=other", "host=db2 port=6002 dbname=other"}},
		{name: "service in the file of the home directory", dsn: "service=shop",
			members: []string{"db1:6001", "db2:6002"}, alone: []string{"host=db1 port=6001 service=shop", "host=db2 port=6002 service=shop"}},
		{name: "service file escaped in a URL", dsn: "postgres:///?service=shop&servicefile=$ESCAPEDHOME%2Fservices",
			members: []string{"db1:6001", "db2:6002"},
			alone:   []string{"host=db1 port=6001 service=shop servicefile=$HOME/services", "host=db2 port=6002 service=shop servicefile=$HOME/services"}},
		{name: "service escaped in a URL", dsn: "postgres:///?serv%69ce=s%68op", env: map[string]string{"PGSERVICEFILE": "$HOME/services"},
			members: []string{"db1:6001", "db2:6002"},
			alone:   []string{"host=db1 port=6001 service=shop", "host=db2 port=6002 service=shop"}},
		{name: "the DSN wins over the service", dsn: "host=db7,db8 port=7000 service=shop", env: map[string]string{"PGSERVICEFILE": "$HOME/services"},
			members: []string{"db7:7000", "db8:7000"}, alone: []string{"host=db7 port=7000 service=shop", "host=db8 port=7000 service=shop"}},
		{name: "a service without a host, PGHOST", dsn: "service=bare", env: map[string]string{"PGSERVICEFILE": "$HOME/services", "PGHOST": "db1,db2"},
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"host=db1 service=bare", "host=db2 service=bare"}},

		// The environment.
		{name: "all by the environment", dsn: "",
			env:     map[string]string{"PGHOST": "db1,db2", "PGPORT": "6001,6002", "PGUSER": "app", "PGPASSWORD": "pw", "PGDATABASE": "shop", "PGAPPNAME": "till", "PGCONNECT_TIMEOUT": "3", "PGOPTIONS": "-c geqo=off", "PGTZ": "UTC"},
			members: []string{"db1:6001", "db2:6002"}, alone: []string{"host=db1 port=6001", "host=db2 port=6002"}},
		{name: "PGPORT for hosts of keywords", dsn: "host=db1,db2 user=app", env: map[string]string{"PGPORT": "6001"},
			members: []string{"db1:6001", "db2:6001"}, alone: []string{"host=db1 user=app", "host=db2 user=app"}},
		{name: "the ports of several hosts of a URL hide PGPORT", dsn: "postgres://app@db1,db2/shop", env: map[string]string{"PGPORT": "6001"},
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1:5432/shop", "postgres://app@db2:5432/shop"}},
		{name: "PGPASSWORD", dsn: "postgres://app@db1,db2/shop", env: map[string]string{"PGPASSWORD": "pw"},
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app:pw@db1/shop", "postgres://app:pw@db2/shop"}},
		{name: "PGPASSFILE: each its own password", dsn: "postgres://app@db1,db2,db2:7000,[::1],%2Frun%2Fpg,db9/shop", env: map[string]string{"PGPASSFILE": "$HOME/passwords"},
			members: []string{"db1:5432", "db2:5432", "db2:7000", "[::1]:5432", "/run/pg/.s.PGSQL.5432", "db9:5432"},
			alone: []string{
				"postgres://app:first@db1/shop", "postgres://app:second@db2/shop", "postgres://app:third@db2:7000/shop",
				"postgres://app:rest@[::1]/shop", "host=/run/pg user=app password=local dbname=shop", "postgres://app:rest@db9/shop",
			}},
		{name: "passfile for further replicas", dsn: "host=db1 user=app dbname=shop passfile=$HOME/passwords", replicas: []string{"db2", "db2:7000"},
			members: []string{"db1:5432", "db2:5432", "db2:7000"},
			alone:   []string{"postgres://app:first@db1/shop", "postgres://app:second@db2/shop", "postgres://app:third@db2:7000/shop"}},

		// What else pgx takes.
		{name: "runtime parameters", dsn: "postgres://app@db1,db2/shop?search_path=a,b&application_name=till&options=-c%20geqo%3Doff",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"host=db1 user=app dbname=shop search_path=a,b application_name=till options='-c geqo=off'", "host=db2 user=app dbname=shop search_path=a,b application_name=till options='-c geqo=off'"}},
		{name: "connect timeout", dsn: "postgres://app@db1,db2/shop?connect_timeout=7",
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"host=db1 user=app dbname=shop connect_timeout=7", "host=db2 user=app dbname=shop connect_timeout=7"}},
		{name: "exec mode and caches", dsn: "postgres://app@db1,db2/shop?default_query_exec_mode=simple_protocol&statement_cache_capacity=7&description_cache_capacity=8",
			members: []string{"db1:5432", "db2:5432"},
			alone: []string{
				"host=db1 user=app dbname=shop default_query_exec_mode=simple_protocol statement_cache_capacity=7 description_cache_capacity=8",
				"host=db2 user=app dbname=shop default_query_exec_mode=simple_protocol statement_cache_capacity=7 description_cache_capacity=8",
			}},
		{name: "target_session_attrs is not heeded", dsn: "postgres://app@db1,db2/shop?target_session_attrs=read-write",
			members: []string{"db1:5432", "db2:5432"}, alone: []string{"postgres://app@db1/shop", "postgres://app@db2/shop"}},
		{name: "channel binding, protocol, Kerberos", dsn: "host=db1,db2 user=app channel_binding=require require_auth=scram-sha-256 min_protocol_version=3.2 krbsrvname=pg krbspn=pg/db",
			members: []string{"db1:5432", "db2:5432"},
			alone: []string{
				"host=db1 user=app channel_binding=require require_auth=scram-sha-256 min_protocol_version=3.2 krbsrvname=pg krbspn=pg/db",
				"host=db2 user=app channel_binding=require require_auth=scram-sha-256 min_protocol_version=3.2 krbsrvname=pg krbspn=pg/db",
			}},

		// Further replicas.
		{name: "replicas in each form", dsn: "postgres://app:pw@db1:6000/shop?sslmode=disable",
			replicas: []string{"db2", "db3:7000", "[::1]:7001", "[::2]", "2001:db8::3", "fe80::1%eth0", "127.0.0.1", "/run/pg"},
			members: []string{"db1:6000", "db2:6000", "db3:7000", "[::1]:7001", "[::2]:6000", "[2001:db8::3]:6000",
				"[fe80::1%eth0]:6000", "127.0.0.1:6000", "/run/pg/.s.PGSQL.6000"},
			alone: []string{
				"host=db1 port=6000 user=app password=pw dbname=shop sslmode=disable",
				"host=db2 port=6000 user=app password=pw dbname=shop sslmode=disable",
				"host=db3 port=7000 user=app password=pw dbname=shop sslmode=disable",
				"host=::1 port=7001 user=app password=pw dbname=shop sslmode=disable",
				"host=::2 port=6000 user=app password=pw dbname=shop sslmode=disable",
				"host=2001:db8::3 port=6000 user=app password=pw dbname=shop sslmode=disable",
				"host=fe80::1%eth0 port=6000 user=app password=pw dbname=shop sslmode=disable",
				"host=127.0.0.1 port=6000 user=app password=pw dbname=shop sslmode=disable",
				"host=/run/pg port=6000 user=app password=pw dbname=shop sslmode=disable",
			}},
		{name: "replicas of a keyword DSN with several hosts", dsn: "host=db1,db2 port=6001,6002 user=app dbname=shop", replicas: []string{"db3"},
			members: []string{"db1:6001", "db2:6002", "db3:6001"},
			alone:   []string{"postgres://app@db1:6001/shop", "postgres://app@db2:6002/shop", "postgres://app@db3:6001/shop"}},
		{name: "replicas of a service", dsn: "service=shop", replicas: []string{"db3"},
			members: []string{"db1:6001", "db2:6002", "db3:6001"},
			alone:   []string{"host=db1 port=6001 service=shop", "host=db2 port=6002 service=shop", "host=db3 port=6001 service=shop"}},
		{name: "replicas under sslmode verify-full", dsn: "postgres://app@db1/shop?sslmode=verify-full&sslrootcert=$HOME/ca.pem", replicas: []string{"db2"},
			members: []string{"db1:5432", "db2:5432"},
			alone:   []string{"postgres://app@db1/shop?sslmode=verify-full&sslrootcert=$HOME/ca.pem", "postgres://app@db2/shop?sslmode=verify-full&sslrootcert=$HOME/ca.pem"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			home := isolate(t, test.env)
			writeFile(t, home, "services", service)
			writeFile(t, home, ".pg_service.conf", service)
			writeFile(t, home, "passwords", passfile)
			certificates(t, home)
			inHome := strings.NewReplacer("$HOME", home, "$ESCAPEDHOME", strings.ReplaceAll(home, "/", "%2F")).Replace

			names, configs, err := capture(Config{DSN: inHome(test.dsn), Replicas: test.replicas})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(names, test.members) {
				t.Fatalf("members %q, want %q", names, test.members)
			}
			for i, c := range configs {
				if got, want := describe(c), wanted(t, inHome(test.alone[i])); got != want {
					t.Errorf("%s is connected to with\n%s\nwant\n%s", names[i], got, want)
				}
				if c.ValidateConnect != nil {
					t.Errorf("%s: a role that the DSN asks for is checked", names[i])
				}
			}
		})
	}
}

// certificates makes a root, a client's certificate, and its key with and without
// a passphrase.
func certificates(t *testing.T, dir string) {
	t.Helper()
	for name, text := range pems() {
		writeFile(t, dir, name, text)
	}
}

var pems = sync.OnceValue(func() map[string]string {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(err)
	der := x509.MarshalPKCS1PrivateKey(key)
	//lint:ignore SA1019 pgx reads no other kind of encrypted key
	locked, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", der, []byte("open sesame"), x509.PEMCipherAES256)
	must(err)
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	return map[string]string{
		"ca.pem":     cert,
		"client.pem": cert,
		"client.key": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})),
		"locked.key": string(pem.EncodeToMemory(locked)),
		"empty.pem":  "",
	}
})

func TestDatabase(t *testing.T) {
	tests := []struct{ name, dsn, want string }{
		{"in the path", "postgres://app@db1,db2/shop", "shop"},
		{"by keyword", "host=db1 user=app dbname=shop", "shop"},
		{"the user's", "postgres://app@db1,db2", "app"},
		{"the user's, by keyword", "host=db1 user='a b'", "a b"},
		{"of the environment", "postgres://app@db1", "shop"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			isolate(t, nil)
			if test.name == "of the environment" {
				t.Setenv("PGDATABASE", "shop")
			}
			e, err := New(Config{DSN: test.dsn})
			if err != nil {
				t.Fatal(err)
			}
			if got := e.Database(); got != test.want {
				t.Errorf("database %q, want %q", got, test.want)
			}
		})
	}
}

func TestWeights(t *testing.T) {
	isolate(t, nil)
	e, err := New(Config{DSN: "postgres://app@db1,db2/shop", Replicas: []string{"/run/pg"}, Weights: map[string]int{
		"db2:5432": 3, "/run/pg/.s.PGSQL.5432": 0,
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, m := range e.Members() {
		got = append(got, m.Weight)
	}
	if want := []int{1, 3, 0}; !slices.Equal(got, want) {
		t.Errorf("weights %v, want %v", got, want)
	}
}

func TestConfigureIsAskedOncePerMember(t *testing.T) {
	isolate(t, nil)
	var asked []string
	c := Config{DSN: "postgres://app@db1,db2/shop", Configure: func(c *pgx.ConnConfig) error {
		asked = append(asked, c.Host)
		return nil
	}}
	if _, err := New(c); err != nil {
		t.Fatal(err)
	}
	if want := []string{"db1", "db2"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}

	cause := errors.New("no such tracer")
	c.Configure = func(*pgx.ConnConfig) error { return cause }
	if _, err := New(c); !errors.Is(err, cause) || !strings.Contains(err.Error(), "db1:5432") {
		t.Errorf("error %v, want one of db1:5432 that wraps %v", err, cause)
	}
}

// What Configure and the options set is what is dialed with.
func TestConfigureAndOptionsReachTheConnection(t *testing.T) {
	isolate(t, nil)
	refused := errors.New("not here")
	var dialed []string
	var users []string
	e, err := New(Config{
		DSN: "postgres://app@db1,db2/shop?sslmode=disable",
		Configure: func(c *pgx.ConnConfig) error {
			c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host + ".test"}, nil }
			c.DialFunc = func(_ context.Context, _, address string) (net.Conn, error) {
				dialed = append(dialed, address)
				return nil, refused
			}
			return nil
		},
		Options: []stdlib.OptionOpenDB{stdlib.OptionBeforeConnect(func(_ context.Context, c *pgx.ConnConfig) error {
			users = append(users, c.User)
			return nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range e.Members() {
		_, err := m.Server.Connect(t.Context())
		var connect *pgconn.ConnectError
		if !errors.Is(err, refused) || !errors.As(err, &connect) {
			t.Errorf("%s: error %v, want the dialer's", m.Name, err)
		}
	}
	if want := []string{"db1.test:5432", "db2.test:5432"}; !slices.Equal(dialed, want) {
		t.Errorf("dialed %q, want %q", dialed, want)
	}
	if want := []string{"app", "app"}; !slices.Equal(users, want) {
		t.Errorf("options saw users %q, want %q", users, want)
	}
}
