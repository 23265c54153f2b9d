package mysql

import (
	"maps"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// dsnSeeds are DSNs of all forms, good and bad.
var dsnSeeds = []string{
	"", "/", "//", "@/", "()/", "tcp()/?",
	"app:pw@tcp(db1:3306,db2:3307)/shop?parseTime=true&rwsplit_max_lag=2s",
	"app:p@ss:/(w)ord@tcp([::1]:3306,[fe80::1])/sh%2Fop?rwsplit_a=%31+2&&b=%zz",
	"app@unix(/run/a.sock,/run/b.sock)/?rwsplit_replicas=db2,%2Frun%2Fc.sock",
	"app@cloud(p:r:i)/shop?tls=skip-verify&timeout=1s&loc=UTC",
	"mysql://app:pw@db1/shop", "app:pw@db1/shop?a", "tcp(db1)/?strict=1", "tcp(db1)/?=&=x&rwsplit_",
}

// parsed is go-sql-driver's reading, nil if it has none.
func parsed(dsn string) (c *mysql.Config) {
	defer func() {
		if recover() != nil {
			c = nil // of "strict"
		}
	}()
	c, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil
	}
	return c
}

func same(a, b *mysql.Config) bool {
	return a.User == b.User && a.Passwd == b.Passwd && a.DBName == b.DBName && maps.Equal(a.Params, b.Params) &&
		a.ParseTime == b.ParseTime && a.MultiStatements == b.MultiStatements && a.TLSConfig == b.TLSConfig
}

func FuzzTakeParameters(f *testing.F) {
	for _, seed := range dsnSeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, dsn string) {
		const prefix = "rwsplit_"
		rest, taken, err := TakeParameters(dsn, prefix)
		if err != nil {
			return
		}
		for _, p := range taken {
			if !strings.HasPrefix(p.Name, prefix) {
				t.Fatalf("%q was taken", p.Name)
			}
		}
		again, more, err := TakeParameters(rest, prefix)
		if err != nil || len(more) > 0 || again != rest {
			t.Fatalf("%q leaves %q, which leaves %q, takes %q, error %v", dsn, rest, again, more, err)
		}
		whole := parsed(dsn)
		if whole == nil {
			return
		}
		maps.DeleteFunc(whole.Params, func(name, _ string) bool { return strings.HasPrefix(name, prefix) })
		if c := parsed(rest); c == nil || !same(c, whole) || c.Addr != whole.Addr || c.Net != whole.Net {
			t.Fatalf("%q leaves %q, which means something else", dsn, rest)
		}
	})
}

// Each member is connected to as go-sql-driver reads the DSN: only the address is
// the member's own.
func FuzzNew(f *testing.F) {
	for _, seed := range dsnSeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, dsn string) {
		_, configs, err := capture(Config{DSN: dsn})
		if err != nil {
			return
		}
		whole := parsed(dsn)
		for _, c := range configs {
			if whole != nil && !same(c, whole) {
				t.Fatalf("%q: member %s is\n%+v\nthe whole is\n%+v", dsn, c.Addr, c, whole)
			}
		}
	})
}
