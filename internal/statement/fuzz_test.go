package statement

import (
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/internal/statement/cases"
)

func FuzzClassifyPostgres(f *testing.F) {
	for _, group := range cases.Postgres {
		for _, r := range group.Rows {
			f.Add(r.SQL)
		}
	}
	for _, r := range replayed {
		f.Add(r.sql)
	}
	catalog := Postgres.NewCatalog([]Function{{"public", "f", false}, {"public", "lower", true}})
	f.Fuzz(func(t *testing.T, sql string) {
		s := Classify(Postgres, sql)
		kind, _, _ := s.Resolve(nil)
		s.Resolve(catalog)

		var again postgresScanner
		again.lex.sql = sql
		again.text()
		if again.lex.steps > 20*len(sql)+1000 {
			t.Errorf("%d steps for %d bytes", again.lex.steps, len(sql))
		}
		checkSettings(t, Postgres, sql, s)
		if s.Kind != Read {
			if s.Calls != nil {
				t.Error("calls of what is no read")
			}
			if kind != s.Kind {
				t.Errorf("%v became %v", s.Kind, kind)
			}
			return
		}
		// A read is one as a whole: where it ends, nothing is open that could
		// hide what follows.
		for _, tail := range []string{"\n;delete from t", "\n;set x = 1", "\n)", "\n'", "\n\"", "\n/*", "\n$$"} {
			if after := Classify(Postgres, sql+tail); after.Kind == Read {
				t.Errorf("still a read with %q at its end", tail)
			}
		}
		for _, head := range []string{"delete from t;", "set x = 1;", "(", "explain analyze delete from t;"} {
			if after := Classify(Postgres, head+sql); after.Kind == Read {
				t.Errorf("still a read with %q before it", head)
			}
		}
		if strings.IndexByte(sql, 0) >= 0 {
			t.Error("a read with a NUL")
		}
		// Where nothing else can hold them, quotes and parentheses balance.
		if !strings.ContainsAny(sql, `"$\/-`) {
			if strings.Count(sql, "'")%2 != 0 {
				t.Error("a read with an odd number of quotes")
			}
			if !strings.Contains(sql, "'") && strings.Count(sql, "(") != strings.Count(sql, ")") {
				t.Error("a read with unbalanced parentheses")
			}
		}
		// A lock cannot stand plainly in a read, except in a plan.
		lower := lower(sql)
		if !strings.ContainsAny(sql, `'"$/-.`) && !strings.Contains(lower, "explain") {
			text := " " + strings.Join(strings.Fields(lower), " ") + " "
			for _, w := range []string{" for update ", " for share ", " for no key update ", " for key share "} {
				if strings.Contains(text, w) {
					t.Errorf("a read with %q", w)
				}
			}
		}
	})
}

// checkSettings: a text that is run again is nothing but settings.
func checkSettings(t *testing.T, d Dialect, sql string, s *Statement) {
	t.Helper()
	if s.Settings == nil {
		return
	}
	if s.Kind != Session || !s.Dirty || s.MayBegin || s.Transaction != NoTransaction {
		t.Errorf("%q are set by %+v", s.Settings, s)
	}
	for _, tail := range []string{"\n;delete from t", "\n;begin", "\n;select f()"} {
		if more := Classify(d, sql+tail).Settings; more != nil {
			t.Errorf("with %q at its end it sets %q", tail, more)
		}
	}
}
