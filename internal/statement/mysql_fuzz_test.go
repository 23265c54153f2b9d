package statement

import (
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/internal/statement/cases"
)

func FuzzClassifyMySQL(f *testing.F)   { fuzzMySQL(f, MySQL) }
func FuzzClassifyMariaDB(f *testing.F) { fuzzMySQL(f, MariaDB) }

func fuzzMySQL(f *testing.F, d Dialect) {
	eachMySQLCase(func(of Dialect, r cases.Row) {
		if of == d {
			f.Add(r.SQL)
		}
	})
	for _, r := range replayed {
		f.Add(r.sql)
	}
	catalog := d.NewCatalog([]Function{{"shop", "f", false}, {"shop", "any_value", true}})
	f.Fuzz(func(t *testing.T, sql string) {
		s := Classify(d, sql)
		kind, _, _ := s.Resolve(nil)
		s.Resolve(catalog)

		for _, r := range append(quotings[:], reading{older: true}) {
			again := mysqlScanner{lex: mysqlLexer{sql: sql, reading: r}}
			again.lex.dialect = d
			again.text()
			if again.lex.steps > 20*len(sql)+1000 {
				t.Errorf("%d steps for %d bytes", again.lex.steps, len(sql))
			}
		}
		if family, _, _ := Classify(MySQLFamily, sql).Resolve(nil); kind.over(family) {
			t.Errorf("%v here, and %v of the family", kind, family)
		}
		checkSettings(t, d, sql, s)
		if s.Kind != Read {
			if s.Calls != nil {
				t.Error("calls of what is no read")
			}
			if kind != s.Kind {
				t.Errorf("%v became %v", s.Kind, kind)
			}
			return
		}
		if s.Dirty || s.SilentOnReplica || s.MayBegin || s.Previous || s.Transaction != NoTransaction {
			t.Errorf("a read that leaves something behind: %+v", s)
		}
		// A read is one as a whole: where it ends, nothing is open that could
		// hide what follows.
		tails := []string{"\n;delete from t", "\n;set x = 1", "\n)", "\n for update\n;delete from t"}
		if !strings.Contains(sql, `\`) && !strings.Contains(sql, "/*") {
			// Else one reading may be broken that a quote mends.
			tails = append(tails, "\n'", "\n\"", "\n`", "\n/*", "\n/*!")
		}
		for _, tail := range tails {
			if after := Classify(d, sql+tail); after.Kind == Read {
				t.Errorf("still a read with %q at its end", tail)
			}
		}
		for _, head := range []string{"delete from t;", "set x = 1;", "(", "explain analyze delete from t;"} {
			if after := Classify(d, head+sql); after.Kind == Read {
				t.Errorf("still a read with %q before it", head)
			}
		}
		if strings.IndexByte(sql, 0) >= 0 {
			t.Error("a read with a NUL")
		}
		// Where nothing else can hold them, quotes and parentheses balance.
		if !strings.ContainsAny(sql, "\"`$\\/-#") {
			if strings.Count(sql, "'")%2 != 0 {
				t.Error("a read with an odd number of quotes")
			}
			if !strings.Contains(sql, "'") && strings.Count(sql, "(") != strings.Count(sql, ")") {
				t.Error("a read with unbalanced parentheses")
			}
		}
		// A lock cannot stand plainly in a read, except in a plan.
		lower := lower(sql)
		if !strings.ContainsAny(sql, "'\"`$/-.#@") && !strings.Contains(lower, "explain") && !strings.Contains(lower, "desc") && !strings.Contains(lower, "show") {
			text := " " + strings.Join(strings.Fields(lower), " ") + " "
			for _, w := range []string{" for update ", " for share ", " lock in share mode ", " into ", " delete ", " next value for "} {
				if strings.Contains(text, w) {
					t.Errorf("a read with %q", w)
				}
			}
		}
	})
}
