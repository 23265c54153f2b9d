package differential

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator writes statements at random, mostly valid ones, with a weight on
// the places where reads and writes look alike.
type generator struct {
	*rand.Rand
	depth int
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 20))}
}

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) maybe(percent int, text string) string {
	if g.chance(percent) {
		return text
	}
	return ""
}

// one is a text of one or several statements.
func (g *generator) one() string {
	g.depth = 0
	text := g.statement()
	for g.chance(5) {
		text += ";" + g.space() + g.statement()
	}
	return text + g.maybe(10, ";") + g.maybe(10, " -- for update")
}

func (g *generator) statement() string {
	switch g.IntN(16) {
	case 0:
		return g.dml()
	case 1:
		return "explain " + g.pick("", "analyze ", "verbose ", "analyse verbose ", "(analyze) ", "(analyze false) ",
			"(verbose, analyze off) ", "(analyze, analyze 0) ", "(analyze 0, analyze) ", "(analyze 'false') ",
			`("analyze" on) `, "(costs off) ", "(analyse true, format json) ", "(format text) ") +
			g.pick(g.query(), g.dml(), "execute p(1)", "declare c cursor for select 1", "create table z as select 1", "("+g.query()+")")
	case 2:
		return "copy " + g.pick("("+g.query()+")", "("+g.dml()+" returning *)", g.table(), g.table()+"(a, b)") +
			g.pick(" to stdout", " to stdout", " to stdout (format csv, force_quote (a))", " from stdin", " to 'file'", " to program 'x'", " to stdout with csv header")
	case 3:
		return g.pick("show all", "show time zone", "show work_mem", "begin", "commit", "set x = 1", "reset all", "listen c",
			"lock table t", "truncate t", "vacuum", "do $$ begin end $$", "call p(1)", "create table z (a int)",
			"create temp table z (a numeric(3))", "prepare p as select 1", "execute p", "refresh materialized view v",
			"discard all", "notify c", "alter table t add column z int", "declare c cursor for select 1", "fetch c", "checkpoint")
	}
	return g.query()
}

func (g *generator) dml() string {
	with := ""
	if g.chance(30) {
		with = g.with()
	}
	switch g.IntN(4) {
	case 0:
		return with + "insert into " + g.table() + g.maybe(50, "(a, b)") + " " + g.pick("values (1, 2)", "select 1, 2", "default values") +
			g.maybe(20, " on conflict do nothing")
	case 1:
		return with + "update " + g.maybe(20, "only ") + g.table() + g.maybe(20, " u") + " set a = " + g.expr()
	case 2:
		return with + "delete from " + g.table() + g.maybe(50, " where "+g.expr())
	}
	return with + "merge into t using u on t.a = u.a when matched then delete"
}

func (g *generator) with() string {
	text := "with " + g.maybe(30, "recursive ")
	for i := range 1 + g.IntN(2) {
		if i > 0 {
			text += ", "
		}
		text += g.pick("x", "y", `"X y"`, "f", "insert", "cycle") + g.pick("", "(a)", " (a, b)") + " as " + g.pick("", "", "materialized ", "not materialized ")
		if g.chance(20) {
			text += "(" + g.dml() + " returning *)"
		} else {
			text += "(" + g.query() + ")"
		}
		text += g.pick("", "", "", "", " search depth first by a set o", " search breadth first by a, b set o", " cycle a set c using p",
			" cycle a, b set c to true default false using p")
	}
	return text + " "
}

func (g *generator) query() string {
	if g.depth++; g.depth > 6 {
		return "select 1"
	}
	defer func() { g.depth-- }()
	switch g.IntN(14) {
	case 0:
		return "values (" + g.expr() + "), (" + g.expr() + ")"
	case 1:
		return "table " + g.table()
	case 2:
		return "(" + g.query() + ")" + g.pick(" union ", " except all ", " intersect ") + "(" + g.query() + ")"
	case 3, 4:
		return g.with() + g.query()
	case 5:
		return g.query() + g.pick(" union all ", " except ") + g.query()
	}
	return g.selects()
}

func (g *generator) selects() string {
	text := "select " + g.pick("", "", "", "all ", "distinct ", "distinct on ("+g.expr()+") ")
	for i := range 1 + g.IntN(3) {
		if i > 0 {
			text += "," + g.space()
		}
		text += g.expr() + g.pick("", "", "", " as for", " as x", ` "update"`, " as into", " update", " delete", " share")
	}
	text += g.maybe(4, " into z") + g.maybe(1, " into temp z")
	if g.chance(75) {
		text += g.space() + "from " + g.from()
	}
	text += g.maybe(40, " where "+g.expr()) +
		g.maybe(15, " group by "+g.pick(g.expr(), "rollup(a, b)", "a, cube(b)", "grouping sets ((a), rollup(b), ())", "rollup(a), f(b)")) +
		g.maybe(5, " having "+g.expr()) +
		g.maybe(5, " window w as (partition by "+g.expr()+" order by a rows between 1 preceding and current row)") +
		g.maybe(25, " order by "+g.expr()+g.pick("", " desc", " using <", " nulls first")) +
		g.pick("", "", "", "", " limit 1", " limit "+g.expr()+" offset 2", " fetch first 1 rows only", " fetch first "+g.call()+" rows with ties") +
		g.maybe(5, " for "+g.pick("update", "no key update", "share", "key share", "read only")+g.maybe(30, " of t")+g.pick("", " nowait", " skip locked"))
	return text
}

func (g *generator) table() string {
	return g.pick("t", "u", "public.t", `"T"`, "data", "only t", "update_log", `"for update"`, "returning_customers", "returns", "t", "u")
}

func (g *generator) from() string {
	item := func() string {
		switch g.IntN(9) {
		case 0:
			return "(" + g.query() + ") " + g.pick("x", "as x", "x(a)", "as x (a, b)")
		case 1:
			return g.maybe(30, "lateral ") + g.call() + g.pick("", " x", " as x(a)", " x(a, b)", " with ordinality as x(a, n)", " with ordinality", " as (a int, b numeric(10,2))", " as x(a int, b f)")
		case 2:
			return "rows from (" + g.call() + ", " + g.call() + ") as z(a, b)"
		case 3:
			return g.table() + " tablesample " + g.pick("system", "bernoulli") + " (10) repeatable (1)"
		case 4:
			return "json_table(j, '$[*]' columns (id for ordinality, a int path '$.a', nested path '$.b' columns (c text path '$'))) as jt"
		case 5:
			return "xmltable('/a' passing x columns a int " + g.pick("path ", `"path" `) + g.pick("'a'", g.call()) + ", b for ordinality)"
		}
		return g.table() + g.pick("", "", " x", " as x", " x(a, b)")
	}
	text := item()
	for g.chance(40) {
		text += g.pick(", ", " cross join ", " natural join ") + item()
		if g.chance(30) {
			text += g.pick(" join ", " left join ", " full outer join ", " inner join ") + item() + g.pick(" on "+g.expr(), " using (a)", " using (a) as k")
		}
	}
	return text
}

func (g *generator) call() string {
	name := g.pick("lower", "count", "now", "max", "coalesce", "pg_catalog.lower", "generate_series", "unnest", "left", `"upper"`, "sum", "abs",
		"json_build_object", "round", "LENGTH", "concat", "nextval", "f", "public.lower", `"Lower"`, "setval", "pg_notify", "txid_current", "set_config",
		"dblink", "join", "filter", "over", "values_", "columns", "by", "zone", "first", "path", "key", "like", "cube", "rollup", "treat_", `U&"lower"`,
		"a.b.c", "pg_catalog.nextval", `pg_catalog . "nextval"`, "lower/**/", "query_to_xml", "document", "content", "substring", "overlay")
	if strings.Contains(name, "coalesce") {
		return name + "(" + g.expr() + ", 1)"
	}
	args := g.pick("", "", g.expr(), g.expr()+", "+g.expr(), "a => "+g.expr(), "variadic "+g.expr(), "distinct "+g.expr())
	if name == "count" && g.chance(50) {
		args = "*"
	}
	return name + g.maybe(10, " ") + "(" + args + ")"
}

func (g *generator) literal() string {
	return g.pick("1", "'x'", "$1", "1.5", "1e5", "'it''s'", "E'it\\'s; delete'", "$$for update$$", "$q$ insert into t $q$", "'a\\b'", "null", "true",
		"';commit'", "'--'", "'/*'", "U&'d\\0061t'", "b'01'", "x'ff'", "n'x'", "'a'\n'b'", "E'a'\n'\\'b'", "date '2020-01-01'", "interval '1' day",
		"interval(3) '1 s'", "current_date", "current_user", "current_timestamp(3)", "f '1'", "numeric(3,1) '1'", "array[1, 2]", "0x1f", "1_000")
}

func (g *generator) column() string {
	return g.pick("a", "b", "t.a", "x.*", `"for"`, "t.for", "t.update", "key", "share", "name", "data", `t."into"`, "update", "t.select", "a[1]", "(t).a", "$1.a")
}

func (g *generator) expr() string {
	if g.depth++; g.depth > 8 {
		g.depth--
		return "1"
	}
	defer func() { g.depth-- }()
	e := func() string { return g.expr() }
	switch g.IntN(34) {
	case 0, 1, 2, 3, 4:
		return g.literal()
	case 5, 6, 7, 8:
		return g.column()
	case 9, 10, 11:
		return g.call()
	case 12:
		return "(" + e() + ")"
	case 13:
		return e() + g.pick(" + ", " = ", "||", " and ", " or ", " -", "*/*c*/", " operator(pg_catalog.+) ", "->>", " <@ ", "+--x\n", " ? ", " !~~* ") + e()
	case 14:
		return "(" + g.query() + ")"
	case 15:
		return g.pick("exists ", "not exists ", "array", "a in ", "a = any ", "a not in ") + "(" + g.query() + ")"
	case 16:
		return "a in (" + e() + ", " + e() + ")"
	case 17:
		return "case " + g.maybe(30, e()) + " when " + e() + " then " + e() + g.maybe(50, " else "+e()) + " end"
	case 18:
		return "cast(" + e() + " as " + g.typeName() + ")"
	case 19:
		return "(" + e() + ")::" + g.typeName()
	case 20:
		return g.pick("substring("+e()+" for 2)", "substring("+e()+" from 1 for 2)", "substring("+e()+" for key)", "overlay(a placing b from 1 for 2)",
			"trim(both 'x' from "+e()+")", "extract(year from "+e()+")", "position('a' in "+e()+")", "normalize("+e()+", nfc)",
			"collation for ("+e()+")", "treat("+e()+" as f)", "nullif("+e()+", 1)", "greatest(1, "+e()+")", "substring(a similar b escape c)")
	case 21:
		return g.call() + g.maybe(30, " filter (where "+e()+")") + " over " + g.pick("w", "()", "(order by a rows (1) preceding)", "(partition by "+e()+" order by "+e()+")")
	case 22:
		return g.call() + " within group (order by " + e() + ")"
	case 23:
		return g.column() + g.pick(" like ", " not like ", " ilike ", " not ilike ", " similar to ") + g.pick("'a'", "("+e()+")", g.call()) + g.pick("", " escape '/'", " escape ("+e()+")", " escape "+g.call(), ` escape '\'`)
	case 24:
		return e() + " at time zone " + g.pick("'utc'", "('utc')", g.call())
	case 25:
		return "a between " + g.pick("1", "(1)", g.call(), "symmetric "+g.call()) + " and " + e()
	case 26:
		return g.pick("row(1, "+e()+")", "(1, "+e()+")", "array["+e()+"]", "a["+g.pick("1", g.call(), "1:2")+"]")
	case 27:
		return "(a, b) overlaps (" + e() + ", d)"
	case 28:
		return e() + g.pick(" is null", " is not distinct from "+e(), " isnull", " is json", " collate \"C\"", " is document")
	case 29:
		return g.pick("xmlelement(name a, xmlattributes("+e()+" as x), "+e()+")", "xmlforest("+e()+" as f)", "xmlparse(document "+e()+")", "xmlparse(content ("+e()+"))",
			"xmlserialize(content "+e()+" as text)", "xmlroot("+e()+", version "+e()+")", "xmlexists('//a' passing by ref ("+e()+"))", "xmlpi(name foo, "+e()+")")
	case 30:
		return g.pick("json_object("+e()+" : "+e()+")", "json_object(key "+e()+" value "+e()+")", "json_array("+e()+", "+e()+")", "json_value("+e()+", '$' returning int default "+e()+" on empty)",
			"json_query("+e()+", '$' with wrapper)", "json_exists("+e()+", '$' passing "+e()+" as v)", "json_arrayagg("+e()+" order by "+e()+")", "json_scalar("+e()+")", "json("+e()+")")
	case 31:
		return "not " + e()
	case 32:
		return g.pick("grouping(a)", "current_schema()", "user", "localtime(0)", "count(*)", "sum(distinct a order by b)", "f(g(h(1)))")
	}
	return "-" + e()
}

func (g *generator) typeName() string {
	return g.pick("int", "numeric(10,2)", "varchar(20)", "f(3)", "public.f(3)", "character varying(3)", "double precision", "timestamp(3) with time zone", "interval day to second",
		"int[]", "bit varying(3)", "national character(3)", "text", "regclass", "vector(3)", "setof int", `"F"(1)`, "pg_catalog.varchar(3)", "time(3)")
}

func (g *generator) space() string {
	return g.pick(" ", " ", " ", "\n", " /* c */ ", " /* /* for update */ ' */ ", " -- '\n", "\t")
}

// mutate makes a text that is near to others: words move, go, double, and come
// over from another one.
func (g *generator) mutate(a, b []string) string {
	words := append([]string(nil), a...)
	for range 1 + g.IntN(2) {
		if len(words) < 2 {
			break
		}
		i, j := g.IntN(len(words)), g.IntN(len(words))
		switch g.IntN(6) {
		case 0:
			words = append(words[:i:i], words[i+1:]...)
		case 1:
			words[i], words[j] = words[j], words[i]
		case 2:
			words = append(words[:i:i], append([]string{words[j]}, words[i:]...)...)
		case 3:
			words[i] = b[g.IntN(len(b))]
		case 4:
			words = append(words[:i:i], append([]string{b[g.IntN(len(b))]}, words[i:]...)...)
		case 5:
			k := g.IntN(len(b))
			n := min(len(b)-k, 1+g.IntN(6))
			words = append(words[:i:i], append(append([]string(nil), b[k:k+n]...), words[i:]...)...)
		}
	}
	return strings.Join(words, " ")
}

// words cuts a text roughly into tokens, for mutation only.
func words(text string) []string {
	for _, c := range []string{"(", ")", ",", ";", "::", ".", "[", "]"} {
		text = strings.ReplaceAll(text, c, fmt.Sprintf(" %s ", c))
	}
	return strings.Fields(text)
}
