package statement

import "strings"

// Function is a function or an aggregate of the database, as its catalog
// describes it. Overloads are listed one by one.
type Function struct {
	Schema, Name string
	// Volatile is pg_proc.provolatile = 'v': the function may write.
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

// NewCatalog takes the functions of all schemas. Those of pg_catalog are left
// out: the built-in table is stricter than provolatile, which calls functions
// stable that run any query.
func NewCatalog(functions []Function) *Catalog {
	c := &Catalog{volatile: make(map[string]bool, 2*len(functions))}
	for _, f := range functions {
		if f.Schema == "pg_catalog" {
			continue
		}
		name := callName(f.Name)
		qualified := callName(f.Schema) + "." + name
		c.volatile[name] = c.volatile[name] || f.Volatile
		c.volatile[qualified] = c.volatile[qualified] || f.Volatile
		c.shadows = c.shadows || f.Volatile && builtin(name)
	}
	return c
}

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
