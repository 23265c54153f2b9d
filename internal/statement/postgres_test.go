package statement

import (
	"strings"
	"testing"
)

// row is one text and its verdict, without a catalog: the kind, the reason's
// key, and the flags that are set.
type row struct{ name, sql, want string }

func verdict(s *Statement, c *Catalog) string {
	kind, reason, _ := s.Resolve(c)
	words := []string{kind.String(), reason.Key()}
	if s.Dirty {
		words = append(words, "dirty")
	}
	if s.SilentOnReplica {
		words = append(words, "silent")
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
	for _, group := range postgresCases {
		t.Run(group.line, func(t *testing.T) {
			for _, r := range group.rows {
				t.Run(r.name, func(t *testing.T) {
					if got := verdict(Classify(Postgres, r.sql), nil); got != r.want {
						t.Errorf("%s\n got %s\nwant %s", r.sql, got, r.want)
					}
				})
			}
		})
	}
}

// What a text is does not depend on the white space and the comments between
// its tokens, nor on the case of its keywords.
func TestBlanksDoNotMatter(t *testing.T) {
	for _, group := range postgresCases {
		for _, r := range group.rows {
			want := Classify(Postgres, r.sql)
			if want.Hint != NoHint || strings.Contains(r.want, "unterminated") || strings.Contains(r.want, "stray") || strings.Contains(r.sql, `\'`) {
				continue
			}
			for _, blank := range []string{" ", "\n", " /* a ' /* b */ $$ */ ", " -- ' for update\n", "\t\r\n\f\v"} {
				text, ok := respace(r.sql, blank)
				if !ok {
					continue
				}
				if got, want := verdict(Classify(Postgres, text), nil), verdict(want, nil); got != want {
					t.Errorf("%s/%s with %q between the tokens\n%s\n got %s\nwant %s", group.line, r.name, blank, text, got, want)
				}
			}
		}
	}
}

// respace puts a blank between all tokens, except where one would change the
// text: after a number, and between strings, which a line end makes one.
func respace(sql, blank string) (string, bool) {
	var b strings.Builder
	l := lexer{sql: sql}
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
