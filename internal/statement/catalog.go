package statement

import "strings"

// Function is a function or an aggregate of the database, as its catalog
// describes it. Overloads are listed one by one.
type Function struct {
	// Schema is the database in MySQL and MariaDB.
	Schema, Name string
	// Volatile: the function may write. That is pg_proc.provolatile = 'v' in
	// PostgreSQL, and in MySQL and MariaDB a SQL_DATA_ACCESS that is neither
	// NO SQL nor READS SQL DATA.
	Volatile bool
}

// Catalog is what is known of a database's own functions. It is immutable; a
// nil Catalog knows nothing.
type Catalog struct {
	// volatile by "name" and by "schema.name"; a name is volatile if one of
	// its overloads is, because the text does not tell which is called.
	volatile map[string]bool
	// shadows: some volatile function has the name of a harmless built-in.
	shadows bool
}

// NewCatalog takes the functions of all schemas of a database of the dialect.
func (d Dialect) NewCatalog(functions []Function) *Catalog {
	names := naming[d%Dialect(len(naming))]
	c := &Catalog{volatile: make(map[string]bool, 2*len(functions))}
	for _, f := range functions {
		if names.own != "" && f.Schema == names.own {
			continue
		}
		name := callName(names.fold(f.Name))
		qualified := callName(names.fold(f.Schema)) + "." + name
		c.volatile[name] = c.volatile[name] || f.Volatile
		c.volatile[qualified] = c.volatile[qualified] || f.Volatile
		c.shadows = c.shadows || f.Volatile && names.shadowed(name)
	}
	return c
}

// naming is how a dialect names functions.
var naming = [...]struct {
	// own is the schema of the server's own functions, which are left out: the
	// table of built-ins is stricter than provolatile, which calls functions
	// stable that run any query.
	own string
	// fold makes names that the server takes for the same one equal.
	fold func(string) string
	// shadowed: a function of the database may stand before a harmless
	// built-in of that name.
	shadowed func(string) bool
}{
	Postgres:    {"pg_catalog", func(name string) string { return name }, postgresBuiltin},
	MySQL:       {"", lower, mysqlShadowedName},
	MariaDB:     {"", lower, mysqlShadowedName},
	MySQLFamily: {"", lower, mysqlShadowedName},
}

func mysqlShadowedName(name string) bool { return mysqlShadowed([]byte(name)) }

// check answers Plain for a function that may run on any node.
func (c *Catalog) check(call *Call) Reason {
	if call.Builtin {
		if c != nil && c.shadows && c.volatile[call.Name] {
			return VolatileFunction
		}
		return Plain
	}
	if c == nil {
		return UnknownFunction
	}
	volatile, known := c.volatile[call.Name]
	switch {
	case !known:
		return UnknownFunction
	case volatile:
		return VolatileFunction
	}
	return Plain
}

// callName is how a part of a name stands in Call.Name.
func callName(part string) string {
	if strings.ContainsAny(part, `."`) {
		return `"` + strings.ReplaceAll(part, `"`, `""`) + `"`
	}
	return part
}
