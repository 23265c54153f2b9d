// Package cases has the routing cases as data: texts, and what each of them is.
// Package statement is held to them, and real servers that would take every write
// are shown all of them.
package cases

// Row is one text and its verdict, without a catalog: the kind, the reason's key,
// and the flags that are set.
type Row struct{ Name, SQL, Want string }

// Group is one line of the list of routing cases.
type Group struct {
	Line string
	Rows []Row
}

// EngineRow is a text with its verdicts of MySQL, of MariaDB, and of who knows
// neither.
type EngineRow struct{ Name, SQL, MySQL, MariaDB, Family string }

// EngineGroup is a line of those.
type EngineGroup struct {
	Line string
	Rows []EngineRow
}

// MySQL returns the texts of both lists for MySQL and MariaDB.
func MySQL() (texts []string) {
	for _, g := range MySQLFamily {
		for _, r := range g.Rows {
			texts = append(texts, r.SQL)
		}
	}
	for _, g := range MySQLEngines {
		for _, r := range g.Rows {
			texts = append(texts, r.SQL)
		}
	}
	return texts
}
