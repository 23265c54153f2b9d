package statement

import (
	"fmt"
	"strings"
	"testing"
)

func tokens(sql string) string {
	names := [...]string{tokenError: "error", tokenName: "name", tokenQuoted: "quoted", tokenString: "string",
		tokenNumber: "number", tokenParam: "param", tokenOpen: "(", tokenClose: ")", tokenOpenBracket: "[",
		tokenCloseBracket: "]", tokenComma: ",", tokenSemicolon: ";", tokenDot: ".", tokenCast: "::", tokenOperator: "op"}
	l := postgresLexer{sql: sql}
	var out []string
	for {
		t := l.next()
		switch t.kind {
		case tokenEnd:
			return strings.Join(out, " ")
		case tokenError:
			return strings.Join(append(out, "error:"+l.err.Key()), " ")
		}
		out = append(out, fmt.Sprintf("%s{%s}", names[t.kind], sql[t.start:t.end]))
	}
}

func TestLexer(t *testing.T) {
	for _, test := range []struct{ sql, want string }{
		{"", ""},
		{"a", "name{a}"},
		{"a$b$1", "name{a$b$1}"},
		{"_é1", "name{_é1}"},
		{"a.b . c", "name{a} .{.} name{b} .{.} name{c}"},
		{"a::b", "name{a} ::{::} name{b}"},
		{"a:=b", "name{a} op{:} op{=} name{b}"},
		{"a[1:2]", "name{a} [{[} number{1} op{:} number{2} ]{]}"},
		{"1.5e-3", "number{1} .{.} number{5e-3}"},
		{"1e", "number{1} name{e}"},
		{"1efor", "number{1} name{efor}"},
		{"1for", "number{1} name{for}"},
		{"1..2", "number{1} .{.} .{.} number{2}"},
		{"$1$2", "param{$1} param{$2}"},
		{"$1a", "param{$1} name{a}"},
		{"$$a$$", "string{$$a$$}"},
		{"$a$ $$ $a $a$", "string{$a$ $$ $a $a$}"},
		{"$a$a$a$", "string{$a$a$a$}"},
		{"$é1$x$é1$", "string{$é1$x$é1$}"},
		{"$a$ $A$", "error:unterminated"},
		{"$a", "error:stray_character"},
		{"$", "error:stray_character"},
		{"$a b$", "error:stray_character"},
		{"'a''b'", "string{'a''b'}"},
		{"'a' 'b'", "string{'a'} string{'b'}"},
		{"'a'\n'b'", "string{'a'\n'b'}"},
		{"'a' \r --x\n\t'b'c", "string{'a' \r --x\n\t'b'} name{c}"},
		{"'a' --x", "string{'a'}"},
		{"'a' /*\n*/ 'b'", "string{'a'} string{'b'}"},
		{"'a'\n\"b\"", "string{'a'} quoted{\"b\"}"},
		{`E'\'' e'\\'`, `string{E'\''} string{e'\\'}`},
		{"E'a'\n'\\''", "string{E'a'\n'\\''}"},
		{`'\'`, `string{'\'}`},
		{`b'1'X'2'N'3'`, "string{b'1'} string{X'2'} string{N'3'}"},
		{`U&'a' u&"b" U&x u & "c"`, `string{U&'a'} quoted{"b"} name{U} op{&} name{x} name{u} op{&} quoted{"c"}`},
		{`U&"\0061"`, "error:escaped_identifier"},
		{`U&"a" /**/ uescape '!'`, "error:escaped_identifier"},
		{`"a""b"`, `quoted{"a""b"}`},
		{`"a" "b"`, `quoted{"a"} quoted{"b"}`},
		{"a*/*b*/c", "name{a} op{*} name{c}"},
		{"a+--b\nc", "name{a} op{+} name{c}"},
		{"a--", "name{a}"},
		{"a-/**/-b", "name{a} op{-} op{-} name{b}"},
		{"/*/**/*/a", "name{a}"},
		{"/**/**/a", "op{*} op{*} op{/} name{a}"},
		{"/*/", "error:unterminated"},
		{"/*", "error:unterminated"},
		{"a\vb", "name{a} name{b}"},
		{"a\u00a0b", "name{a\u00a0b}"},
		{"{", "error:stray_character"},
		{"\\", "error:stray_character"},
		{"\x7f", "error:stray_character"},
	} {
		if got := tokens(test.sql); got != test.want {
			t.Errorf("%q\n got %s\nwant %s", test.sql, got, test.want)
		}
	}
}

func TestKeyword(t *testing.T) {
	for _, test := range []struct {
		name string
		want word
	}{
		{"select", kwSelect}, {"SeLeCt", kwSelect}, {"selec", 0}, {"selects", 0}, {"a", 0}, {"", 0},
		{"current_timestamp", reserved}, {"CURRENT_TIMESTAMPS", 0}, {"\u017felect", 0}, {"abs", 0},
	} {
		if got := postgresWord(test.name); got != test.want {
			t.Errorf("%q is %#x, want %#x", test.name, got, test.want)
		}
	}
	if kwSelect.category() != reserved || kwUpdate.category() != unreserved || kwChar.category() != columnName || kwLeft.category() != typeOrFunction {
		t.Error("categories are mixed up")
	}
}

// The work for a hostile text is counted in bytes looked at, which no clock
// disturbs.
func TestWorkIsLinear(t *testing.T) {
	const size = 1 << 20
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, text := range map[string]string{
		"open parentheses":        fill("("),
		"select in parentheses":   fill("(select "),
		"closed parentheses":      fill(")"),
		"brackets":                "select " + fill("["),
		"quotes":                  fill("'"),
		"quotes apart":            "select " + fill("' "),
		"strings that go on":      "select " + fill("'a'\n"),
		"strings and comments":    "select " + fill("'a'--b\n'c',"),
		"string, long comment":    "select 'a' -- " + fill("x"),
		"double quotes":           fill(`"`),
		"open comments":           fill("/*"),
		"nested comments":         strings.Repeat("/*", size/4) + strings.Repeat("*/", size/4),
		"comments":                fill("/**/"),
		"line comments":           fill("--\n"),
		"hints":                   fill("/*rwsplit*/"),
		"hint, no colon":          "/*" + fill("rwsplit ") + "*/",
		"hint, blanks":            "/*rwsplit" + fill(" ") + "*/",
		"dollar tags":             fill("$a$b$a"),
		"dollar":                  fill("$"),
		"dollar tag, no end":      "$" + fill("a"),
		"dollar quote, no end":    "$a$" + fill("$b"),
		"long dollar tag":         "$" + fill("a") + "$" + fill("a"),
		"backslashes":             "select '" + fill(`\`),
		"backslash quotes":        "select " + fill(`'\'`),
		"E strings":               "select " + fill(`E'\'',`),
		"set_config":              "select " + fill("set_config("),
		"set_config, local":       "select " + fill("set_config('a','b',true),"),
		"set_config, long string": "select " + strings.Repeat("set_config(", 60) + "'" + fill("a") + "', 'b', true)",
		"current_setting":         "select " + fill("current_setting('a'),"),
		"escapes":                 "select " + fill(`U&"a" `),
		"escapes and comments":    "select " + fill(`U&"a" /* uescape */ `),
		"one function":            "select " + fill("f(1),"),
		"names":                   "select " + fill("a."),
		"explain":                 fill("explain analyze "),
		"explain options":         "explain (" + fill("analyze,"),
		"with":                    fill("with a(b) as ("),
		"statements":              fill("select 1;"),
		"copy":                    fill("copy ("),
		"long name":               "select " + fill("a") + "(1)",
		"digits":                  "select " + fill("1"),
		"operators":               "select " + fill("*"),
	} {
		t.Run(name, func(t *testing.T) {
			var s postgresScanner
			s.lex.sql = text
			s.text()
			if s.lex.steps > 4*len(text)+1000 {
				t.Errorf("%d steps for %d bytes", s.lex.steps, len(text))
			}
			if st := s.statement(); st.Kind == Read && (s.depth != 0 || s.lex.err != Unknown) {
				t.Errorf("a read: %v", st)
			}
		})
	}
}

func TestManyFunctions(t *testing.T) {
	var b strings.Builder
	b.WriteString("select 1")
	for i := range 10_000 {
		fmt.Fprintf(&b, ", f%d(1)", i)
	}
	if got, want := verdict(Classify(Postgres, b.String()), nil), "write too_many_calls"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDeepParentheses(t *testing.T) {
	for _, test := range []struct{ inner, want string }{
		{"select 1", "read plain_read"},
		{"select nextval('s')", "write sequence"},
		{"select a from t for update", "write row_lock"},
		{"with x as (delete from t returning 1) select 1", "write data_modifying_cte"},
		{"select distinct on (a) nextval('s')", "write sequence"},
	} {
		for _, depth := range []int{1, maxDepth - 3, maxDepth - 2, maxDepth - 1, maxDepth, maxDepth + 1, 10_000} {
			sql := "select " + strings.Repeat("(", depth) + test.inner + strings.Repeat(")", depth)
			if got := verdict(Classify(Postgres, sql), nil); got != test.want {
				t.Errorf("%s in %d parentheses: got %s, want %s", test.inner, depth, got, test.want)
			}
		}
	}
}
