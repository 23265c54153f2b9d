package statement

import (
	"fmt"
	"strings"
	"testing"
)

func mysqlTokens(sql string, r reading) string {
	names := [...]string{tokenError: "error", tokenName: "name", tokenQuoted: "quoted", tokenString: "string",
		tokenNumber: "number", tokenParam: "param", tokenOpen: "(", tokenClose: ")", tokenOpenBracket: "[",
		tokenCloseBracket: "]", tokenComma: ",", tokenSemicolon: ";", tokenDot: ".", tokenOperator: "op",
		tokenDouble: "double", tokenVariable: "variable", tokenSystem: "@@", tokenAssign: ":="}
	l := mysqlLexer{sql: sql, reading: r}
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

func TestMySQLLexer(t *testing.T) {
	my, maria := reading{dialect: MySQL}, reading{dialect: MariaDB}
	for _, test := range []struct {
		reading
		sql, want string
	}{
		{my, "", ""},
		{my, "a.b . c", "name{a} .{.} name{b} .{.} name{c}"},
		{my, "1a 1.5e-3 .5 1. 1e5a 1e+5b 1e+ 0x1F 0X1F 0b2 5.", "name{1a} number{1.5e-3} number{.5} number{1.} number{1e5} name{a} number{1e+5} name{b} name{1e} op{+} number{0x1F} name{0X1F} name{0b2} number{5.}"},
		{my, "a.1e5 a.5b `a`.5b a .5", "name{a} .{.} name{1e5} name{a} .{.} name{5b} quoted{`a`} number{.5} name{b} name{a} number{.5}"},
		{my, "a$b $c", "name{a$b} name{$c}"},
		{my, "$$a$$", "error:ambiguous_string"},
		{maria, "$$a$$", "name{$$a$$}"},
		{my, "t.$a$", "name{t} .{.} name{$a$}"},
		{my, `'a''b' 'a\'b' "a\"b"`, `string{'a''b'} string{'a\'b'} double{"a\"b"}`},
		{reading{noEscapes: true}, `'a\'b`, `string{'a\'} name{b}`},
		{reading{noEscapes: true}, `"a\"b`, `double{"a\"} name{b}`},
		{reading{ansiQuotes: true}, `"a\"b 'c\'d'`, `double{"a\"} name{b} string{'c\'d'}`},
		{my, "`a``b` `a\\` `", "quoted{`a``b`} quoted{`a\\`} error:unterminated"},
		{my, "N'a' n'b' x'4d' B'01' _utf8'c' x 'd'", "string{N'a'} string{n'b'} string{x'4d'} string{B'01'} name{_utf8} string{'c'} name{x} string{'d'}"},
		{my, "x'4g'", "error:stray_character"},
		{my, "@a @a.b$c @'d e' @`f` @\"g\" @ h @", "variable{@a} variable{@a.b$c} variable{@'d e'} variable{@`f`} variable{@\"g\"} variable{@} name{h} variable{@}"},
		{my, "@@a @@global.b @@`c`", "@@{@@} name{a} @@{@@} name{global} .{.} name{b} @@{@@} quoted{`c`}"},
		{my, "@@ a", "error:stray_character"},
		{my, "a:=b a: =b", "name{a} :={:=} name{b} name{a} op{:} op{=} name{b}"},
		{my, "a--1", "name{a} op{-} op{-} number{1}"},
		{my, "a-- 1\nb#c\nd--", "name{a} name{b} name{d}"},
		{my, "a--\x011\nb", "name{a} name{b}"},
		{my, "a /* /* */ b */", "name{a} name{b} op{*} op{/}"},
		{my, "a /*/ b */ c", "name{a} name{c}"},
		{my, "a /*! b */ c", "name{a} name{b} name{c}"},
		{my, "a /*!50000b*/ c", "name{a} name{b} name{c}"},
		{my, "a /*!80013 b */ c", "name{a} name{b} name{c}"},
		{reading{dialect: MySQL, older: true}, "a /*!80013 b /* x */ y */ c", "name{a} name{c}"},
		{maria, "a /*!50701 b /* x */ y */ c", "name{a} name{c}"},
		{maria, "a /*M!100100 b */ /*!100100 c */", "name{a} name{b} name{c}"},
		{my, "a /*M! b */ /*m! c */", "name{a}"},
		{my, "/*! a '*/' */", "name{a} string{'*/'}"},
		{my, "/*! a", "name{a} error:unterminated"},
		{my, "{d'x'} a->>'b' \\N", "op{{} name{d} string{'x'} op{}} name{a} op{-} op{>} op{>} string{'b'} number{\\N}"},
		{my, "\\", "error:stray_character"},
		{my, "\x7f", "error:stray_character"},
		{my, "é\xff", "error:ambiguous_string"},
		{my, "a[1] ?", "name{a} [{[} number{1} ]{]} param{?}"},
	} {
		if got := mysqlTokens(test.sql, test.reading); got != test.want {
			t.Errorf("%q in %+v\n got %s\nwant %s", test.sql, test.reading, got, test.want)
		}
	}
}

func TestMySQLWord(t *testing.T) {
	for _, test := range []struct {
		name string
		want word
	}{
		{"select", mySelect}, {"SeLeCt", mySelect}, {"selects", 0}, {"a", 0}, {"", 0}, {"\u017felect", 0},
		{"SQL_CALC_FOUND_ROWS", mySqlCalcFoundRows}, {"over", myOther | mySyntax}, {"lower", 0},
	} {
		if got := mysqlWord(test.name); got != test.want {
			t.Errorf("%q is %#x, want %#x", test.name, got, test.want)
		}
	}
	if mySelect&mySyntax == 0 || myShare&mySyntax != 0 {
		t.Error("words are marked wrongly")
	}
}

// The work for a hostile text is counted in bytes looked at, over all readings
// of it.
func TestMySQLWorkIsLinear(t *testing.T) {
	const size = 1 << 19
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, text := range map[string]string{
		"open parentheses":       fill("("),
		"select in parentheses":  fill("(select "),
		"closed parentheses":     fill(")"),
		"quotes":                 fill("'"),
		"quotes apart":           "select " + fill("' "),
		"double quotes":          fill(`"`),
		"back quotes":            fill("`"),
		"open comments":          fill("/*"),
		"comments":               fill("/**/"),
		"executed":               "select " + fill("/*!50000 1, */"),
		"executed, open":         fill("/*!50000 "),
		"executed, later":        "select " + fill("/*!80013 1, */"),
		"executed, open, later":  fill("/*!80013 "),
		"executed, many digits":  fill("/*!111111111"),
		"optimizer hints":        "select " + fill("/*+ `a` */"),
		"optimizer hints, open":  fill("/*+ ` "),
		"line comments":          fill("-- \n"),
		"hash comments":          fill("#\n"),
		"hashes":                 fill("#"),
		"dashes":                 fill("--"),
		"hints":                  fill("/*rwsplit*/"),
		"dollars":                fill("$"),
		"dollar names":           "select " + fill("$a "),
		"backslashes":            "select '" + fill(`\`),
		"backslash quotes":       "select " + fill(`'\'`),
		"backslash double quote": "select " + fill(`"\"`),
		"variables":              "select " + fill("@a,"),
		"at signs":               "select " + fill("@"),
		"system variables":       "select " + fill("@@sql_mode,"),
		"one function":           "select " + fill("f(1),"),
		"functions of queries":   "select " + fill("f(select "),
		"functions and comments": "select " + fill("f(/* select */"),
		"insert":                 "select " + fill("insert "),
		"names":                  "select " + fill("a."),
		"explain":                fill("explain analyze "),
		"analyze":                fill("analyze format=json ("),
		"set statement":          fill("set statement a=1 for "),
		"set":                    "set " + fill("a=1,"),
		"set autocommit":         "set " + fill("autocommit=1,"),
		"with":                   fill("with a(b) as ("),
		"statements":             fill("select 1;"),
		"routines":               fill("create procedure p() begin select 1; end;"),
		"blocks":                 "create procedure p() " + fill("begin "),
		"digits":                 "select " + fill("1"),
		"operators":              "select " + fill("*"),
		"long name":              "select " + fill("a") + "(1)",
	} {
		for _, d := range []Dialect{MySQL, MariaDB} {
			t.Run(name+"/"+d.String(), func(t *testing.T) {
				for _, r := range append(quotings[:], reading{older: true}) {
					s := mysqlScanner{lex: mysqlLexer{sql: text, reading: r}}
					s.lex.dialect = d
					s.text()
					if s.lex.steps > 4*len(text)+1000 {
						t.Errorf("%d steps for %d bytes", s.lex.steps, len(text))
					}
					if st := s.statement(); st.Kind == Read && (s.depth != 0 || s.lex.err != Unknown) {
						t.Errorf("a read: %v", st)
					}
				}
			})
		}
	}
}

func TestMySQLDeepParentheses(t *testing.T) {
	for _, test := range []struct{ inner, want string }{
		{"select 1", "read plain_read"},
		{"select get_lock('a', 1)", "session advisory_lock dirty silent"},
		{"select a from t for update", "write row_lock silent"},
		{"select f(1)", "write unknown_function"},
		{"with x (a) as (select f(1)) select 1", "write unknown_function"},
		{"select * from json_table(a, '$' columns (b f(1))), (select f(1)) c", "write unknown_function"},
		{"select @a := 1", "session connection_state dirty silent"},
	} {
		for _, depth := range []int{1, maxDepth - 4, maxDepth - 3, maxDepth - 2, maxDepth - 1, maxDepth, maxDepth + 1, 10_000} {
			sql := "select " + strings.Repeat("(", depth) + test.inner + strings.Repeat(")", depth)
			if got := verdict(Classify(MySQL, sql), nil); got != test.want {
				t.Errorf("%s in %d parentheses: got %s, want %s", test.inner, depth, got, test.want)
			}
		}
	}
}
