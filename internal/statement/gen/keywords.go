package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// named are the keywords that the classifier treats one by one. The others
// only matter by their category.
var named = strings.Fields(`
	abort action all alter analyse analyze and as atomic begin bit by call case chain char
	character checkpoint class close cluster comment comments commit constraints content copy
	create cross cube cycle data deallocate declare delete discard do document domain drop end
	event execute explain fetch first for from full function global grant group grouping hold
	ilike import inner insert into join key label language left like listen load local location
	lock materialized merge method move name natural nchar next no not notify on only operator or
	order ordinality outer overlay owner partition prepare prepared procedure reassign recursive
	refresh reindex release replace reset revoke right role rollback rollup savepoint schema
	search security select session set sets share show source start statistics stdout substring
	table tables tablesample temp temporary text time to transaction treat true truncate type
	unlisten update vacuum values varying verbose views with xmlparse xmlserialize zone`)

// later are the keywords that came after version 15, or went before it, by
// category. Two versions that do not agree make the stricter reading: a word
// that is a keyword anywhere is not a plain name.
var later = map[string][]string{
	"U": strings.Fields(`absent attach conditional empty enforced error format indent json_extra
		keep keys nested objects omit parameters path period plan quotes scalar
		source stdin string unconditional virtual without ignore respect lsn wait repack
		property graph properties vertex edge destination node relationship portion`),
	// No function's name any more, but a user's function where they are not
	// keywords yet.
	"T": strings.Fields(`json json_array json_arrayagg json_exists json_object json_objectagg json_query
		json_scalar json_serialize json_table json_value merge_action`),
	"R": strings.Fields(`system_user`),
}

var categories = map[string]string{"U": "unreserved", "C": "columnName", "T": "typeOrFunction", "R": "reserved"}

func keywords(version string) []byte {
	words := map[string]string{}
	for category, list := range later {
		for _, w := range list {
			words[w] = category
		}
	}
	// Of the keywords of two categories the server's own counts.
	for _, line := range query("select catcode::text || ':' || word from pg_get_keywords()") {
		category, w, _ := strings.Cut(line, ":")
		words[w] = category
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, header, version)
	b.WriteString("const (\n")
	names := sorted(slices.Clone(named))
	for i, w := range names {
		fmt.Fprintf(&b, "kw%s = %s + %d\n", strings.ToUpper(w[:1])+w[1:], categories[words[w]], i+1)
	}
	b.WriteString(")\n\n")
	b.WriteString("// postgresKeyword is the word of a name in lower case, 0 if it is not a keyword.\n")
	b.WriteString("func postgresKeyword(name []byte) word {\nswitch string(name) {\n")
	for _, w := range names {
		fmt.Fprintf(&b, "case %q: return kw%s\n", w, strings.ToUpper(w[:1])+w[1:])
	}
	for _, code := range []string{"U", "C", "T", "R"} {
		var rest []string
		for w, category := range words {
			if category == code && !slices.Contains(names, w) {
				rest = append(rest, w)
			}
		}
		cases(&b, sorted(rest))
		fmt.Fprintf(&b, "return %s\n", categories[code])
	}
	b.WriteString("}\nreturn 0\n}\n")
	return b.Bytes()
}
