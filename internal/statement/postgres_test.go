package statement

import (
	"strings"
	"testing"

	"github.com/rwsplit/rwsplit/internal/statement/cases"
)

// verdict is what a text is, in the words of package cases.
func verdict(s *Statement, c *Catalog) string {
	kind, reason, _ := s.Resolve(c)
	words := []string{kind.String(), reason.Key()}
	if s.Dirty {
		words = append(words, "dirty")
	}
	if s.SilentOnReplica {
		words = append(words, "silent")
	}
	if s.MayBegin {
		words = append(words, "may-begin")
	}
	if s.Previous {
		words = append(words, "previous")
	}
	if s.Transaction != NoTransaction {
		words = append(words, s.Transaction.String())
	}
	if s.Hint != NoHint {
		words = append(words, "hint:"+s.Hint.String())
	}
	return strings.Join(words, " ")
}

func TestPostgresRoutingCases(t *testing.T) {
	for _, group := range cases.Postgres {
		t.Run(group.Line, func(t *testing.T) {
			for _, r := range group.Rows {
				t.Run(r.Name, func(t *testing.T) {
					if got := verdict(Classify(Postgres, r.SQL), nil); got != r.Want {
						t.Errorf("%s\n got %s\nwant %s", r.SQL, got, r.Want)
					}
				})
			}
		})
	}
}

// What a text is does not depend on the white space and the comments between
// its tokens, nor on the case of its keywords.
func TestBlanksDoNotMatter(t *testing.T) {
	for _, group := range cases.Postgres {
		for _, r := range group.Rows {
			want := Classify(Postgres, r.SQL)
			if want.Hint != NoHint || strings.Contains(r.Want, "unterminated") || strings.Contains(r.Want, "stray") || strings.Contains(r.SQL, `\'`) {
				continue
			}
			for _, blank := range []string{" ", "\n", " /* a ' /* b */ $$ */ ", " -- ' for update\n", "\t\r\n\f\v"} {
				text, ok := respace(r.SQL, blank)
				if !ok {
					continue
				}
				if got, want := verdict(Classify(Postgres, text), nil), verdict(want, nil); got != want {
					t.Errorf("%s/%s with %q between the tokens\n%s\n got %s\nwant %s", group.Line, r.Name, blank, text, got, want)
				}
			}
		}
	}
}

// respace puts a blank between all tokens, except where one would change the
// text: after a number, and between strings, which a line end makes one.
func respace(sql, blank string) (string, bool) {
	var b strings.Builder
	l := postgresLexer{sql: sql}
	last := token{}
	for {
		t := l.next()
		if t.kind == tokenError {
			return "", false
		}
		if t.kind == tokenEnd {
			return b.String() + blank, true
		}
		glued := t.start == last.end
		switch {
		case glued && (t.kind == tokenOperator && last.kind == tokenOperator || last.kind == tokenNumber || t.kind == tokenNumber):
		case last.kind == tokenString && t.kind == tokenString:
			b.WriteByte(' ')
		default:
			b.WriteString(blank)
		}
		// U&"a" is a token that begins after its prefix.
		start := t.start
		if t.kind == tokenQuoted && start >= 2 && sql[start-1] == '&' && sql[start-2]|0x20 == 'u' {
			start -= 2
		}
		b.WriteString(sql[start:t.end])
		last = t
	}
}

func TestShortTexts(t *testing.T) {
	// Every text of up to three of these bytes, and none is a read.
	const bytes = "a;'\"$/*-()[.1 \n\\Ee\x00\xff"
	var try func(prefix string, n int)
	try = func(prefix string, n int) {
		if s := Classify(Postgres, prefix); s.Kind == Read {
			t.Fatalf("%q is a read", prefix)
		}
		for i := 0; n > 0 && i < len(bytes); i++ {
			try(prefix+bytes[i:i+1], n-1)
		}
	}
	try("", 3)
}
