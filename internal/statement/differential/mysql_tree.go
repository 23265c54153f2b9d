package differential

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the values of literals
)

// mysqlWrites says, from TiDB's parse tree alone, why a text may not leave the
// primary, or "" if it is a read. It is false for a text that does not parse.
func mysqlWrites(p *parser.Parser, text string) (string, bool) {
	statements, _, err := p.ParseSQL(text)
	if err != nil {
		return "", false
	}
	if len(statements) == 0 {
		return "empty", true
	}
	for _, s := range statements {
		if why := mysqlStatementWrites(s); why != "" {
			return why, true
		}
	}
	return "", true
}

func mysqlStatementWrites(s ast.StmtNode) string {
	switch s := s.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		return mysqlTreeWrites(s)
	case *ast.HelpStmt:
		return ""
	case *ast.ExplainStmt:
		if s.Analyze {
			return mysqlStatementWrites(s.Stmt)
		}
		return "" // the classifier is stricter, because of constant calls
	case *ast.ShowStmt:
		switch s.Tp {
		case ast.ShowDatabases, ast.ShowTables, ast.ShowTableStatus, ast.ShowColumns, ast.ShowCharset, ast.ShowCollation,
			ast.ShowCreateTable, ast.ShowCreateView, ast.ShowCreateUser, ast.ShowCreateDatabase, ast.ShowCreateProcedure,
			ast.ShowGrants, ast.ShowTriggers, ast.ShowProcedureStatus, ast.ShowFunctionStatus, ast.ShowIndex,
			ast.ShowEvents, ast.ShowPrivileges:
			if s.Where != nil {
				return mysqlTreeWrites(s.Where)
			}
			return ""
		}
	}
	return "statement"
}

func mysqlTreeWrites(n ast.Node) string {
	var v mysqlVisitor
	n.Accept(&v)
	return v.why
}

// mysqlVisitor walks over every node below one.
type mysqlVisitor struct{ why string }

func (v *mysqlVisitor) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt:
		v.why = "modifies data"
	case *ast.SelectStmt:
		switch {
		case n.LockInfo != nil && n.LockInfo.LockType != ast.SelectLockNone:
			v.why = "locks rows"
		case n.SelectIntoOpt != nil:
			v.why = "into"
		case n.SelectStmtOpts != nil && n.SelectStmtOpts.CalcFoundRows:
			v.why = "calculates found rows"
		}
	case *ast.FuncCallExpr:
		name := n.FnName.L
		if strings.HasPrefix(name, "'tidb`.(") {
			break // a literal such as date '2020-01-01'
		}
		if n.Schema.L != "" || !harmlessMySQL[name] {
			v.why = "calls " + name
		}
	case *ast.VariableExpr:
		if !n.IsSystem || n.IsGlobal || !harmlessVariables[strings.ToLower(n.Name)] {
			v.why = "variable " + n.Name
		}
	case *ast.TableName:
		switch {
		case n.Schema.L == "performance_schema", n.Schema.L == "mysql", n.Schema.L == "sys",
			n.Schema.L == "information_schema" && n.Name.L == "processlist":
			v.why = "table " + n.Schema.L
		}
	}
	return n, v.why != ""
}

func (v *mysqlVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, v.why == "" }

var harmlessVariables = map[string]bool{"sql_mode": true, "autocommit": true}

// harmlessMySQL are the functions that the corpus uses and that MySQL's manual
// describes as free of effects, by the names that TiDB's parser gives them. Any
// other name counts as a write here.
var harmlessMySQL = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`
		abs benchmark char_func charset coalesce collation concat convert current_date current_timestamp current_user database date
		date_add date_format day hour microsecond minute month quarter second week default_func div extract get_format greatest if ifnull inet_aton insert_func interval
		json_extract json_object json_unquote left length lower md5 mod now position rand regexp repeat replace right
		round sleep substring substring_index timestampdiff trim truncate user uuid values version weight_string year
		date_sub`) {
		m[name] = true
	}
	return m
}()
