package differential

import "strings"

// mysqlGenerator is a generator of MySQL's statements.
type mysqlGenerator struct{ *generator }

func (g mysqlGenerator) one() string {
	g.depth = 0
	text := g.statement()
	for g.chance(5) {
		text += ";" + g.space() + g.statement()
	}
	return text + g.maybe(10, ";") + g.pick("", "", "", "", " -- for update", " # for update", " /*!50000 */")
}

func (g mysqlGenerator) space() string {
	return g.pick(" ", " ", " ", "\n", " /* c */ ", " /* ' for update ` */ ", " -- '\n", " # \" delete\n", "\t", " /*!50000 */ ")
}

func (g mysqlGenerator) statement() string {
	switch g.IntN(16) {
	case 0:
		return g.dml()
	case 1:
		return g.pick("explain ", "desc ", "describe ") + g.pick("", "", "analyze ", "format = 'brief' ", "format=json ", "analyze format = 'row' ") +
			g.pick(g.query(), g.query(), g.dml())
	case 2:
		return g.pick("desc t", "explain t a", "show tables", "show full tables from d", "show columns from t", "show create table t", "show index from t",
			"show databases", "show table status", "show processlist", "show engines", "show warnings", "show count(*) warnings", "show errors", "show variables", "show global status",
			"show master status", "show plugins", "show grants", "show open tables", "show triggers", "show profiles", "show collation", "help 'x'", "show character set",
			"show tables where "+g.expr(), "show replica status", "show privileges", "show binary log status", "show procedure status")
	case 3:
		return g.pick("begin", "commit", "rollback", "start transaction read only", "set x = 1", "set @a = 1", "set autocommit = 0", "set global a = 1, b = 2", "use d", "do sleep(1)",
			"lock tables t read", "unlock tables", "flush tables", "kill 5", "prepare p from 'select 1'", "execute p", "deallocate prepare p", "call p(1)", "create table z (a int)",
			"create temporary table z (a int)", "drop table z", "alter table t add z int", "truncate t", "load data infile 'x' into table t", "analyze table t", "set names utf8mb4",
			"set transaction isolation level serializable", "rename table t to u", "savepoint a", "release savepoint a", "binlog 'x'", "shutdown", "grant select on t to u@h",
			"set password = 'x'", "set role r", "checksum table t", "optimize table t")
	}
	return g.query() + g.maybe(3, " into outfile 'x'")
}

func (g mysqlGenerator) dml() string {
	with := g.maybe(30, g.with())
	switch g.IntN(4) {
	case 0:
		return "insert into " + g.table() + g.maybe(50, "(a, b)") + " " + g.pick("values (1, 2)", "select 1, 2", "set a = 1") + g.maybe(20, " on duplicate key update a = values(a)")
	case 1:
		return with + "update " + g.table() + " set a = " + g.expr()
	case 2:
		return with + "delete from " + g.table() + g.maybe(50, " where "+g.expr())
	}
	return "replace into t values (" + g.expr() + ")"
}

func (g mysqlGenerator) with() string {
	text := "with " + g.maybe(30, "recursive ")
	for i := range 1 + g.IntN(2) {
		if i > 0 {
			text += ", "
		}
		text += g.pick("x", "y", "`X y`", "f", "lower", "data") + g.pick("", "(a)", " (a, b)") + " as " + "(" + g.query() + ")"
	}
	return text + " "
}

func (g mysqlGenerator) query() string {
	if g.depth++; g.depth > 6 {
		return "select 1"
	}
	defer func() { g.depth-- }()
	switch g.IntN(14) {
	case 0:
		return "values row(" + g.expr() + "), row(" + g.expr() + ")"
	case 1:
		return "table " + g.table()
	case 2:
		return "(" + g.query() + ")" + g.pick(" union ", " except ", " intersect ", " union all ") + "(" + g.query() + ")"
	case 3, 4:
		return g.with() + g.selects()
	case 5:
		return g.selects() + g.pick(" union all ", " except ") + g.selects()
	}
	return g.selects()
}

func (g mysqlGenerator) selects() string {
	text := "select " + g.pick("", "", "", "", "all ", "distinct ", "straight_join ", "sql_no_cache ", "high_priority ", "sql_calc_found_rows ", "/*+ max_execution_time(5) */ ", "sql_buffer_result ")
	for i := range 1 + g.IntN(3) {
		if i > 0 {
			text += "," + g.space()
		}
		text += g.expr() + g.pick("", "", "", " as x", " `update`", " as 'for update'", " share", " x")
	}
	if g.chance(80) {
		text += g.space() + "from " + g.from()
		text += g.maybe(40, " where "+g.expr()) +
			g.maybe(15, " group by "+g.expr()+g.maybe(30, " with rollup")) +
			g.maybe(5, " having "+g.expr()) +
			g.maybe(5, " window w as (partition by "+g.expr()+" order by a rows between 1 preceding and current row)")
	}
	return text + g.maybe(25, " order by "+g.expr()+g.pick("", " desc", " asc")) +
		g.pick("", "", "", "", " limit 1", " limit 1, 2", " limit 5 offset 2") +
		g.pick("", "", "", "", "", "", "", "", "", "", "", " for update", " for share", " lock in share mode", " for update of t", " for update nowait", " for share skip locked", " for update wait 5") +
		g.pick("", "", "", "", "", "", "", "", "", "", "", "", "", "", "", " into outfile 'x'")
}

func (g mysqlGenerator) table() string {
	return g.pick("t", "u", "d.t", "`T`", "data", "update_log", "`for update`", "returning_customers", "t", "u", "t", "u", "t",
		"information_schema.tables", "information_schema.processlist", "performance_schema.threads", "mysql.user", "information_schema.`COLUMNS`")
}

func (g mysqlGenerator) from() string {
	item := func() string {
		switch g.IntN(8) {
		case 0, 1:
			return "(" + g.query() + ") " + g.pick("x", "as x", "`x y`")
		case 2:
			return "(" + g.table() + ")"
		}
		return g.table() + g.pick("", "", "", " x", " as x", " partition (p0)", " use index (i)", " x ignore index for join (i, j)", " force key (i)")
	}
	text := item()
	for g.chance(40) {
		text += g.pick(", ", " cross join ", " natural join ") + item()
		if g.chance(30) {
			text += g.pick(" join ", " left join ", " right outer join ", " inner join ") + item() + g.pick(" on "+g.expr(), " using (a)")
		}
	}
	return text
}

func (g mysqlGenerator) call() string {
	name := g.pick("lower", "count", "now", "max", "coalesce", "sum", "abs", "round", "LENGTH", "concat", "if", "ifnull", "left", "right", "replace", "insert", "repeat", "mod",
		"json_extract", "json_object", "md5", "uuid", "rand", "sleep", "version", "database", "user", "date_format", "substring_index", "greatest", "inet_aton", "truncate",
		"f", "d.f", "d.lower", "`f`", "`lower`", "last_insert_id", "get_lock", "release_lock", "is_free_lock", "found_rows", "row_count", "connection_id", "load_file", "nextval",
		"columns", "any", "escape", "of", "data", "f/**/", "lower/**/", "master_pos_wait", "benchmark", "sys_exec", "value", "year", "date", "char", "values")
	switch name {
	case "any", "escape", "of", "columns", "data", "value":
		return name + "(1)"
	case "values":
		return "values(a)"
	case "insert":
		return "insert(a, 1, 2, " + g.expr() + ")"
	case "if":
		return "if(" + g.expr() + ", 1, 2)"
	}
	args := g.pick("", "", g.expr(), g.expr()+", "+g.expr(), g.expr()+", "+g.expr())
	if name == "count" || name == "max" || name == "sum" {
		args = g.pick("a", "distinct a", g.expr())
	}
	if name == "count" && g.chance(50) {
		args = "*"
	}
	return name + g.maybe(10, " ") + "(" + args + ")"
}

func (g mysqlGenerator) literal() string {
	return g.pick("1", "'x'", "?", "1.5", "1e5", "'it''s'", `'it\'s'`, `'a\\'`, `"double"`, `"it's; delete"`, "null", "true", "';commit'", "'--'", "'/*'", "n'x'", "b'01'", "x'ff'", "0xff", "0b01",
		"_utf8mb4'x'", "'a' 'b'", "date '2020-01-01'", "current_date", "current_user()", "current_timestamp(3)", "'@a'", ".5", "1.", "-1", `'#'`, "{d '2020-01-01'}", `'\n'`, `"\""`)
}

func (g mysqlGenerator) column() string {
	return g.pick("a", "b", "t.a", "`for`", "t.for", "t.update", "share", "name", "data", "t.`into`", "t.select", "1a", "d.t.a", "`a``b`", "x$y", "größe", "@a", "@`b`", "@@sql_mode", "@@global.sql_mode",
		"@@server_id", "@@session.autocommit", "@@identity", "@@warning_count", "a->'$.b'", "a->>'$.c'", "last_value", "t.1e5")
}

func (g mysqlGenerator) expr() string {
	if g.depth++; g.depth > 8 {
		g.depth--
		return "1"
	}
	defer func() { g.depth-- }()
	e := func() string { return g.expr() }
	switch g.IntN(30) {
	case 0, 1, 2, 3, 4, 5:
		return g.literal()
	case 6, 7, 8, 9, 10:
		return g.column()
	case 11, 12, 13:
		return g.call()
	case 14:
		return "(" + e() + ")"
	case 15, 16:
		return e() + g.pick(" + ", " = ", "||", " and ", " or ", " - ", "*/*c*/", " <=> ", "<<", "&", " div ", " mod ", " xor ", " regexp ", " -- x\n + ", "--", ":=") + e()
	case 17:
		return "(" + g.query() + ")"
	case 18:
		return g.pick("exists ", "not exists ", "a in ", "a = any ", "a > all ", "a not in ", "a < some ") + "(" + g.query() + ")"
	case 19:
		return "a in (" + e() + ", " + e() + ")"
	case 20:
		return "case " + g.maybe(30, e()) + " when " + e() + " then " + e() + g.maybe(50, " else "+e()) + " end"
	case 21:
		return g.pick("cast("+e()+" as "+g.typeName()+")", "convert("+e()+", "+g.typeName()+")", "convert("+e()+" using utf8mb4)", "binary ("+e()+")")
	case 22:
		return g.pick("substring("+e()+" from 1 for 2)", "trim(both 'x' from "+e()+")", "extract(year from "+e()+")", "position('a' in "+e()+")", "date_add("+e()+", interval "+e()+" day)",
			"timestampdiff(second, a, "+e()+")", "group_concat(distinct "+e()+" order by "+e()+" separator ',')", "a + interval "+e()+" month", "char("+e()+" using utf8mb4)", "json_arrayagg("+e()+")",
			"get_format(date, 'usa')", "weight_string(a as char(3))")
	case 23:
		return g.pick("rank()", "row_number()", "sum(a)", "lag(a, 1)") + " over " + g.pick("w", "()", "(order by a)", "(partition by "+e()+" order by "+e()+")")
	case 24:
		return g.column() + g.pick(" like ", " not like ", " rlike ") + g.pick("'a'", "("+e()+")", g.call()) + g.maybe(20, " escape '/'")
	case 25:
		return "a between " + e() + " and " + e()
	case 26:
		return g.pick("row(1, "+e()+")", "(1, "+e()+")", "interval("+e()+", 1)", "default(a)")
	case 27:
		return e() + g.pick(" is null", " is not true", " collate utf8mb4_bin", " sounds like 'x'")
	case 28:
		return g.pick("not ", "! ", "-", "~") + e()
	}
	return "match (a, b) against (" + g.pick("'x'", "?", e()) + g.pick("", " in boolean mode") + ")"
}

func (g mysqlGenerator) typeName() string {
	return g.pick("char(10)", "signed", "unsigned integer", "decimal(10,2)", "datetime(6)", "json", "binary(3)", "date", "time(3)", "char character set utf8mb4", "double", "year")
}

// mysqlWords cuts a text roughly into tokens, for mutation only.
func mysqlWords(text string) []string {
	for _, c := range []string{"(", ")", ",", ";"} {
		text = strings.ReplaceAll(text, c, " "+c+" ")
	}
	return strings.Fields(text)
}
