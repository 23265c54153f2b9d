package statement

import (
	"os"
	"regexp"
	"testing"
)

func TestResolve(t *testing.T) {
	catalog := Postgres.NewCatalog([]Function{
		{"public", "f", false},
		{"public", "g", true},
		{"public", "mixed", false}, {"other", "mixed", true},
		{"other", "h", false},
		{"public", "upper", true},
		{"public", "lower", false},
		{"public", "Quoted", false},
		{"public", "a.b", false},
		{"we.ird", "c", false},
		{"pg_catalog", "brand_new", false},
		{"public", "nextval", false},
	})
	for _, test := range []struct {
		sql    string
		kind   Kind
		reason Reason
		detail string
	}{
		{"select f()", Read, Plain, ""},
		{"select F()", Read, Plain, ""},
		{"select public.f()", Read, Plain, ""},
		{"select other.f()", Write, UnknownFunction, "other.f"},
		{"select g()", Write, VolatileFunction, "g"},
		{"select f(), public.g()", Write, VolatileFunction, "public.g"},
		{"select mixed()", Write, VolatileFunction, "mixed"},
		{"select public.mixed()", Read, Plain, ""},
		{"select other.mixed()", Write, VolatileFunction, "other.mixed"},
		{"select h()", Read, Plain, ""},
		{"select unknown()", Write, UnknownFunction, "unknown"},
		{"select upper('a')", Write, VolatileFunction, "upper"},
		{"select pg_catalog.upper('a')", Read, Plain, ""},
		{`select "pg_catalog"."upper"('a')`, Read, Plain, ""},
		{"select lower('a')", Read, Plain, ""},
		{`select "Quoted"()`, Read, Plain, ""},
		{"select Quoted()", Write, UnknownFunction, "quoted"},
		{`select "a.b"()`, Read, Plain, ""},
		{"select a.b()", Write, UnknownFunction, "a.b"},
		{`select "we.ird".c()`, Read, Plain, ""},
		{"select db.public.f()", Write, UnknownFunction, `"public.f"`},
		{"select brand_new()", Write, UnknownFunction, "brand_new"},
		{"select nextval('s')", Write, Sequence, "nextval"},
		{"/*rwsplit:replica*/ select g()", Read, ReplicaHint, "g"},
		{"/*rwsplit:replica*/ select unknown()", Read, ReplicaHint, "unknown"},
		{"/*rwsplit:replica*/ select upper('a')", Read, ReplicaHint, "upper"},
		{"/*rwsplit:replica*/ select nextval('s')", Write, Sequence, "nextval"},
		{"/*rwsplit:primary*/ select f()", Write, PrimaryHint, ""},
	} {
		s := Classify(Postgres, test.sql)
		kind, reason, detail := s.Resolve(catalog)
		if kind != test.kind || reason != test.reason || detail != test.detail {
			t.Errorf("%s\n got %v, %v, %q\nwant %v, %v, %q", test.sql, kind, reason, detail, test.kind, test.reason, test.detail)
		}
		if n := testing.AllocsPerRun(10, func() { s.Resolve(catalog); s.Resolve(nil) }); n != 0 {
			t.Errorf("%s: %v allocations", test.sql, n)
		}
	}
}

func TestCallsOnlyOnce(t *testing.T) {
	s := Classify(Postgres, `select lower(a), LOWER(b), "lower"(c), pg_catalog.lower(d), f(f(f(1)))`)
	want := []Call{{"lower", true}, {"pg_catalog.lower", true}, {"f", false}}
	if len(s.Calls) != len(want) {
		t.Fatalf("got %v, want %v", s.Calls, want)
	}
	for i := range want {
		if s.Calls[i] != want[i] {
			t.Errorf("call %d is %v, want %v", i, s.Calls[i], want[i])
		}
	}
}

// No function is both harmless and of effect.
func TestBuiltinsHaveNoEffect(t *testing.T) {
	source, err := os.ReadFile("postgres_builtins.go")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`"([a-z0-9_]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 1000 {
		t.Fatalf("only %d functions", len(names))
	}
	last := ""
	for _, match := range names {
		name := match[1]
		if !postgresBuiltin(name) || name <= last {
			t.Errorf("%s is out of place", name)
		}
		if e, ok := postgresEffect(name); ok {
			t.Errorf("%s is harmless and has an effect: %v", name, e.reason)
		}
		last = name
	}
	for _, name := range []string{"query_to_xml", "ts_stat", "pg_walfile_name", "pg_show_all_settings", "f"} {
		if postgresBuiltin(name) {
			t.Errorf("%s is taken for harmless", name)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]Dialect{"Postgres": Postgres, "mysql": MySQL, "MariaDB": MariaDB} {
		if d, err := ParseDialect(name); d != want || err != nil {
			t.Error(name, d, err)
		}
	}
	for _, name := range []string{"oracle", "", MySQLFamily.String()} {
		if _, err := ParseDialect(name); err == nil {
			t.Errorf("%q is a dialect", name)
		}
	}
	if Postgres != 0 || MySQLFamily.String() != "mysql-family" || NewCache(MariaDB, 8).Dialect() != MariaDB {
		t.Error("dialects are mixed up")
	}
	seen := map[string]bool{}
	for r := Unknown; r <= ReplicaRefused; r++ {
		if r.String() == "" || r.Key() == "" || seen[r.Key()] {
			t.Errorf("reason %d has no name of its own", r)
		}
		seen[r.Key()] = true
	}
	var zero Statement
	if zero.Kind != Write {
		t.Error("the zero value is not for the primary")
	}
	if s := Classify(Dialect(9), "SELECT 1"); s.Kind != Write {
		t.Error("a dialect that is not known has reads")
	}
}
