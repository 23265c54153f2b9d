package postgres

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// dsnSeeds are DSNs of all forms, good and bad.
var dsnSeeds = []string{
	"",
	"postgres://app:pw@db1:5432,db2:5433/shop?sslmode=disable&rwsplit_max_lag=2s",
	"postgresql://app:p%40w@[::1]:5432,%2Frun%2Fpg/shop?%72wsplit_a=1&&b=%zz",
	"postgres://app:p?rwsplit_a=1@db1/shop?rwsplit_b=2&rwsplit_b=3&",
	"postgres://db1?user=a@b/c",
	"postgres://[a/b?c]/d?host=e&port=1,2",
	"postgres:///shop?host=/run/pg,db2& port = 5433 ",
	"postgres://u:p@h1,h1/db@x?y",
	"postgres://?rwsplit_",
	"postgres://,:,/?=&=",
	"mysql://app:pw@tcp(db1)/shop?a=b",
	"host=db1,db2 port=5432 user=app password='it\\'s' rwsplit_max_lag=2s",
	"host = db1\tuser= a\\ b\npassword=",
	"host=db1 password=pw\\",
	"'=' =' ' = \\",
	"rwsplit_a='b'rwsplit_c=d",
	"user= host='' rwsplit_a=",
	"host=db1\x00 a=b",
	"host=ö password=\xff\xfe",
	// Found by fuzzing.
	"0=\\ ",
	"postgres://[?]/?host=",
}

// sameConfig compares what pgx reads of two DSNs.
func sameConfig(t *testing.T, dsn, other string) {
	t.Helper()
	want, err := pgx.ParseConfig(dsn)
	if err != nil {
		return
	}
	got, err := pgx.ParseConfig(other)
	if err != nil {
		t.Fatalf("pgx takes %q, but not %q: %v", dsn, other, err)
	}
	if got, want := describe(got), describe(want); got != want {
		t.Fatalf("%q is\n%s\nand %q is\n%s", dsn, want, other, got)
	}
}

func FuzzTakeParameters(f *testing.F) {
	for _, seed := range dsnSeeds {
		f.Add(seed)
	}
	isolate(f, nil)
	f.Fuzz(func(t *testing.T, dsn string) {
		if strings.Contains(dsn, "dev") {
			t.Skip("pgx would read /dev/zero to its end")
		}
		const prefix = "rwsplit_"
		rest, taken, err := TakeParameters(dsn, prefix)
		if err == nil {
			for _, p := range taken {
				if !strings.HasPrefix(p.Name, prefix) {
					t.Fatalf("%q was taken", p.Name)
				}
			}
			again, more, err := TakeParameters(rest, prefix)
			if err != nil || len(more) > 0 || again != rest {
				t.Fatalf("%q leaves %q, which leaves %q, takes %q, error %v", dsn, rest, again, more, err)
			}
		}

		// Without a parameter to take, nothing changes for pgx.
		rest, taken, err = TakeParameters(dsn, "nobody's ")
		switch {
		case err != nil:
			if _, pgxErr := pgx.ParseConfig(dsn); pgxErr == nil && !strings.Contains(dsn, "://") {
				t.Fatalf("pgx takes %q, but: %v", dsn, err)
			}
		case len(taken) == 0:
			sameConfig(t, dsn, rest)
		}
	})
}

// Each member is connected to as the DSN says: only the host, the port and TLS are
// the member's own.
func FuzzNew(f *testing.F) {
	for _, seed := range dsnSeeds {
		f.Add(seed)
	}
	isolate(f, nil)
	f.Fuzz(func(t *testing.T, dsn string) {
		if strings.Contains(dsn, "dev") {
			t.Skip("pgx would read /dev/zero to its end")
		}
		names, configs, err := capture(Config{DSN: dsn})
		if err != nil {
			if wrapsDSN(err) {
				t.Fatalf("%v wraps pgx's own error", err)
			}
			return
		}
		whole, err := pgx.ParseConfig(dsn)
		if err != nil {
			t.Fatalf("pgx refuses %q: %v", dsn, err)
		}
		type variant struct{ name, tls string }
		variants := []variant{{address{whole.Host, whole.Port}.String(), describeTLS(whole.TLSConfig)}}
		for _, f := range whole.Fallbacks {
			variants = append(variants, variant{address{f.Host, f.Port}.String(), describeTLS(f.TLSConfig)})
		}
		for i, c := range configs {
			if want := (variant{names[i], describeTLS(c.TLSConfig)}); !slices.Contains(variants, want) {
				t.Fatalf("%q: member %d is %v, which is none of %v", dsn, i, want, variants)
			}
			if c.User != whole.User || c.Password != whole.Password || c.Database != whole.Database ||
				!maps.Equal(c.RuntimeParams, whole.RuntimeParams) || c.DefaultQueryExecMode != whole.DefaultQueryExecMode {
				t.Fatalf("%q: member %s is\n%s\nthe whole is\n%s", dsn, names[i], describe(c), describe(whole))
			}
		}
	})
}
