package differential

import (
	"strings"

	pgquery "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// writes says, from the parse tree alone, why a text may not leave the
// primary, or "" if it is a read.
func writes(tree *pgquery.ParseResult) string {
	if len(tree.Stmts) == 0 {
		return "empty"
	}
	for _, raw := range tree.Stmts {
		if why := statementWrites(raw.Stmt); why != "" {
			return why
		}
	}
	return ""
}

func statementWrites(n *pgquery.Node) string {
	switch s := n.Node.(type) {
	case *pgquery.Node_SelectStmt:
		return treeWrites(s.SelectStmt.ProtoReflect())
	case *pgquery.Node_VariableShowStmt:
		return ""
	case *pgquery.Node_CopyStmt:
		c := s.CopyStmt
		if c.IsFrom || c.IsProgram || c.Filename != "" {
			return "copy"
		}
		if c.Query != nil {
			return statementWrites(c.Query)
		}
		return ""
	case *pgquery.Node_ExplainStmt:
		if analyzes(s.ExplainStmt.Options) {
			return statementWrites(s.ExplainStmt.Query)
		}
		if _, ok := s.ExplainStmt.Query.Node.(*pgquery.Node_ExecuteStmt); ok {
			return "execute"
		}
		return ""
	}
	return "statement"
}

// analyzes follows ExplainQuery and defGetBoolean: the last ANALYZE counts.
func analyzes(options []*pgquery.Node) (on bool) {
	for _, o := range options {
		d := o.GetDefElem()
		if d.GetDefname() != "analyze" {
			continue
		}
		on = true
		if d.Arg == nil {
			continue
		}
		text := d.Arg.GetString_().GetSval()
		if i := d.Arg.GetInteger(); i != nil {
			on = i.Ival != 0
		}
		if b := d.Arg.GetBoolean(); b != nil {
			on = b.Boolval
		}
		if strings.EqualFold(text, "false") || strings.EqualFold(text, "off") {
			on = false
		}
	}
	return on
}

// treeWrites walks over every node below a message.
func treeWrites(m protoreflect.Message) (why string) {
	switch node := m.Interface().(type) {
	case *pgquery.InsertStmt, *pgquery.UpdateStmt, *pgquery.DeleteStmt, *pgquery.MergeStmt:
		return "modifies data"
	case *pgquery.IntoClause:
		return "into"
	case *pgquery.LockingClause:
		return "locks rows"
	case *pgquery.FuncCall:
		if name, ok := harmlessCall(node.Funcname); !ok {
			return "calls " + name
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for i := 0; i < v.List().Len() && why == ""; i++ {
				why = treeWrites(v.List().Get(i).Message())
			}
		case f.Kind() == protoreflect.MessageKind:
			why = treeWrites(v.Message())
		}
		return why == ""
	})
	return why
}

func harmlessCall(parts []*pgquery.Node) (string, bool) {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.GetString_().GetSval()
	}
	name := strings.Join(names, ".")
	switch len(names) {
	case 1:
		return name, harmless[names[0]]
	case 2:
		return name, names[0] == "pg_catalog" && harmless[names[1]]
	}
	return name, false
}

// harmless are the functions that the corpus uses and that PostgreSQL's manual
// describes as free of effects. Any other name counts as a write here.
var harmless = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`
		abs array_agg array_length avg btrim ceil char_length clock_timestamp concat count cume_dist
		date_part date_trunc dense_rank extract floor format generate_series greatest
		is_normalized json_agg json_array_elements json_build_object json_each json_to_record
		jsonb_agg jsonb_array_elements jsonb_build_object json_object jsonb_path_query lag lead left length
		like_escape lower lpad ltrim max md5 min mode normalize now ntile
		overlaps overlay percentile_cont percentile_disc pg_get_viewdef pg_size_pretty pg_sleep pg_typeof
		position random rank regexp_replace regexp_split_to_table right round row_number row_to_json rtrim
		similar_to_escape split_part string_agg string_to_array strpos substr substring sum
		timezone to_char to_json to_jsonb to_timestamp to_tsquery to_tsvector translate trim
		unnest upper version xmlexists gen_random_uuid current_database current_schema
		pg_collation_for like path text name
		regclass int4 varchar date box point circle polygon`) {
		m[name] = true
	}
	return m
}()
