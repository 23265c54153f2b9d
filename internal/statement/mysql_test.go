package statement

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/internal/statement/cases"
)

var mysqlDialects = []Dialect{MySQL, MariaDB, MySQLFamily}

// eachMySQLCase calls f with every row, as one of each dialect.
func eachMySQLCase(f func(d Dialect, r cases.Row)) {
	for _, group := range cases.MySQLFamily {
		for _, r := range group.Rows {
			for _, d := range mysqlDialects {
				f(d, cases.Row{Name: group.Line + "/" + r.Name, SQL: r.SQL, Want: r.Want})
			}
		}
	}
	for _, group := range cases.MySQLEngines {
		for _, r := range group.Rows {
			name := group.Line + "/" + r.Name
			f(MySQL, cases.Row{Name: name, SQL: r.SQL, Want: r.MySQL})
			f(MariaDB, cases.Row{Name: name, SQL: r.SQL, Want: r.MariaDB})
			f(MySQLFamily, cases.Row{Name: name, SQL: r.SQL, Want: r.Family})
		}
	}
}

func TestMySQLRoutingCases(t *testing.T) {
	eachMySQLCase(func(d Dialect, r cases.Row) {
		t.Run(r.Name+"/"+d.String(), func(t *testing.T) {
			if got := verdict(Classify(d, r.SQL), nil); got != r.Want {
				t.Errorf("%s\n got %s\nwant %s", r.SQL, got, r.Want)
			}
		})
	})
}

// Who knows neither is never less strict than one of the two.
func TestFamilyIsTheStricter(t *testing.T) {
	eachMySQLCase(func(d Dialect, r cases.Row) {
		if d == MySQLFamily {
			return
		}
		family, one := Classify(MySQLFamily, r.SQL), Classify(d, r.SQL)
		kind, _, _ := family.Resolve(nil)
		of, _, _ := one.Resolve(nil)
		if of.over(kind) || one.Dirty && !family.Dirty || one.SilentOnReplica && !family.SilentOnReplica ||
			one.MayBegin && !family.MayBegin || one.Previous && !family.Previous ||
			one.Transaction != NoTransaction && family.Transaction == NoTransaction {
			t.Errorf("%s\n is %s in %s, and %s of the family", r.SQL, verdict(one, nil), d, verdict(family, nil))
		}
	})
}

// What a text is does not depend on the white space and the comments between
// its tokens, nor on the case of its keywords.
func TestMySQLBlanksDoNotMatter(t *testing.T) {
	eachMySQLCase(func(d Dialect, r cases.Row) {
		if d == MySQLFamily || strings.ContainsAny(r.SQL, `\`) || strings.Contains(r.SQL, "/*") || strings.Contains(r.Want, "hint") {
			return
		}
		for _, blank := range []string{"\n", " /* a ' /* ` \" */ ", " # ' for update\n", "\t-- \" delete\n", "\t\r\n\f\v", "/*!50000 */", "/*!80013 */ "} {
			text, ok := mysqlRespace(r.SQL, blank, d)
			if !ok {
				continue
			}
			if got := verdict(Classify(d, text), nil); got != r.Want {
				t.Errorf("%s in %s with %q between the tokens\n%s\n got %s\nwant %s", r.Name, d, blank, text, got, r.Want)
			}
		}
	})
}

// mysqlRespace puts a blank between all tokens, except where one would change
// the text: in numbers, names with dots, and before the parenthesis of a call.
func mysqlRespace(sql, blank string, d Dialect) (string, bool) {
	var b strings.Builder
	l := mysqlLexer{sql: sql, reading: reading{dialect: d}}
	last := token{}
	for {
		t := l.next()
		if t.kind == tokenError {
			return "", false
		}
		if t.kind == tokenEnd {
			return b.String() + blank, true
		}
		glued := t.start == last.end && (t.kind == tokenOperator || t.kind == tokenDot || t.kind == tokenOpen ||
			last.kind == tokenDot || last.kind == tokenSystem || last.kind == tokenOperator || last.kind == tokenNumber)
		if !glued {
			b.WriteString(blank)
		}
		b.WriteString(sql[t.start:t.end])
		last = t
	}
}

func TestMySQLShortTexts(t *testing.T) {
	// Every text of up to three of these bytes, and none is a read.
	const bytes = "a;'\"`$/*!-#()@:.1 \n\\Nx\x00\xff"
	var try func(prefix string, n int)
	try = func(prefix string, n int) {
		for _, d := range mysqlDialects {
			if s := Classify(d, prefix); s.Kind == Read {
				t.Fatalf("%q is a read in %s", prefix, d)
			}
		}
		for i := 0; n > 0 && i < len(bytes); i++ {
			try(prefix+bytes[i:i+1], n-1)
		}
	}
	try("", 3)
}

func TestMySQLManyFunctions(t *testing.T) {
	var b strings.Builder
	b.WriteString("select 1")
	for i := range 10_000 {
		fmt.Fprintf(&b, ", f%d(1)", i)
	}
	if got, want := verdict(Classify(MySQL, b.String()), nil), "write too_many_calls"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Classifying allocates what it returns, and nothing else.
func TestMySQLAllocations(t *testing.T) {
	for _, sql := range []string{
		"SELECT COUNT(*), NOW(), JSON_SCHEMA_VALIDATION_REPORTS FROM information_schema.TABLES WHERE a = @@sql_mode",
		"select `a`, \"b\", lower(c) from t where d in (select e from f) for update",
		"INSERT INTO t VALUES (last_insert_id(), @a)",
	} {
		for _, d := range []Dialect{MySQL, MariaDB} {
			if n := testing.AllocsPerRun(10, func() { Classify(d, sql) }); n > 1 {
				t.Errorf("%s: %v allocations in %s", sql, n, d)
			}
		}
	}
}

func TestMySQLResolve(t *testing.T) {
	catalog := MySQL.NewCatalog([]Function{
		{"shop", "f", false},
		{"shop", "g", true},
		{"Shop", "Mixed", false}, {"other", "mixed", true},
		{"other", "h", false},
		{"shop", "upper", true},
		{"shop", "count", false},
		{"shop", "any_value", true}, {"shop", "rank", true},
		{"shop", "a.b", false},
		{"shop", "get_lock", false},
		{"sHOP", "f", false},
		{"SHOP", "twice", false}, {"shop", "twice", true},
	})
	for _, test := range []struct {
		sql    string
		kind   Kind
		reason Reason
		detail string
	}{
		{"select f()", Read, Plain, ""},
		{"select F ()", Read, Plain, ""},
		{"select `F`()", Read, Plain, ""},
		{`select "f"()`, Read, Plain, ""},
		{"select Shop.F()", Read, Plain, ""},
		{"select `shop` . `f` ()", Read, Plain, ""},
		{"select other.f()", Write, UnknownFunction, "other.f"},
		{"select g()", Write, VolatileFunction, "g"},
		{"select mixed()", Write, VolatileFunction, "mixed"},
		{"select shop.mixed()", Read, Plain, ""},
		{"select shop.twice()", Write, VolatileFunction, "shop.twice"},
		{"select h()", Read, Plain, ""},
		{"select unknown()", Write, UnknownFunction, "unknown"},
		// The server's own comes first.
		{"select upper('a')", Read, Plain, ""},
		{"select shop.upper('a')", Write, VolatileFunction, "shop.upper"},
		{"select count(*)", Read, Plain, ""},
		{"select count (5)", Read, Plain, ""},
		{"select sum (5)", Write, UnknownFunction, "sum"},
		// If it has one.
		{"select rank()", Write, VolatileFunction, "rank"},
		{"select any_value(a)", Write, VolatileFunction, "any_value"},
		{"select `a.b`()", Read, Plain, ""},
		{"select a.b()", Write, UnknownFunction, "a.b"},
		{"select d.shop.f()", Write, UnknownFunction, `"shop.f"`},
		{"select get_lock('a', 1)", Session, AdvisoryLock, "get_lock"},
		{"/*rwsplit:replica*/ select g()", Read, ReplicaHint, "g"},
		{"/*rwsplit:replica*/ select nextval(s)", Write, Sequence, "nextval"},
		{"/*rwsplit:primary*/ select f()", Write, PrimaryHint, ""},
	} {
		s := Classify(MySQL, test.sql)
		kind, reason, detail := s.Resolve(catalog)
		if kind != test.kind || reason != test.reason || detail != test.detail {
			t.Errorf("%s\n got %v, %v, %q\nwant %v, %v, %q", test.sql, kind, reason, detail, test.kind, test.reason, test.detail)
		}
		if n := testing.AllocsPerRun(10, func() { s.Resolve(catalog); s.Resolve(nil) }); n != 0 {
			t.Errorf("%s: %v allocations", test.sql, n)
		}
	}
}

// No function is both harmless and of effect, and only harmless ones may be
// shadowed.
func TestMySQLBuiltinsHaveNoEffect(t *testing.T) {
	source := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	quoted := regexp.MustCompile(`"([a-z0-9_]+)"`)
	names := quoted.FindAllStringSubmatch(source("mysql_builtins.go"), -1)
	if len(names) < 400 {
		t.Fatalf("only %d functions", len(names))
	}
	seen := map[string]bool{}
	for _, match := range names {
		name := match[1]
		if seen[name] || mysqlFunction([]byte(name)) == inNeither {
			t.Errorf("%s is out of place", name)
		}
		seen[name] = true
		if e, ok := mysqlEffect([]byte(name)); ok {
			t.Errorf("%s is harmless and has an effect: %v", name, e.reason)
		}
		if len(name) > maxFunctionName {
			t.Errorf("%s is too long", name)
		}
	}
	functions := source("mysql_functions.go")
	_, shadowed, _ := strings.Cut(functions, "func mysqlShadowed(")
	shadowed, _, _ = strings.Cut(shadowed, "\n}\n")
	for _, match := range quoted.FindAllStringSubmatch(shadowed, -1) {
		if !seen[match[1]] {
			t.Errorf("%s is shadowed and not built in", match[1])
		}
	}
	for _, name := range []string{"f", "load_file", "master_pos_wait", "get_lock", "des_encrypt", "nextval", "row_count", "sys_exec"} {
		if mysqlBuiltin([]byte(name), MySQL) || mysqlBuiltin([]byte(name), MariaDB) {
			t.Errorf("%s is taken for harmless", name)
		}
	}
}
