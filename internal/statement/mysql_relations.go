package statement

// nodeLocal is the effect of asking for what belongs to one server.
var nodeLocal = effect{reason: NodeLocal, silent: true}

// relation looks at a qualified name: of a sequence, or in a schema of the
// server's own, whose rows are those of one server, except the data dictionary.
// The schema may be an alias as well: such a text is a write without need.
func (s *mysqlScanner) relation(m mode) {
	if s.lex.dialect == MariaDB && m != modePlan {
		switch { // with sql_mode=ORACLE
		case s.equals(s.name, "nextval"):
			s.apply(effect{reason: Sequence, silent: true}, "nextval")
		case s.equals(s.name, "currval"):
			s.apply(effect{kind: Session, reason: ConnectionState}, "currval")
		}
	}
	if m != modeQuery || s.parts != 2 {
		return
	}
	switch {
	case s.equals(s.schema, "performance_schema"), s.equals(s.schema, "sys"), s.equals(s.schema, "mysql"),
		s.equals(s.schema, "information_schema") && !s.dictionary():
		s.apply(nodeLocal, s.plainText(s.schema)+"."+s.plainText(s.name))
	}
}

// dictionary reports whether the name is a view of the data dictionary.
func (s *mysqlScanner) dictionary() bool {
	var buffer [maxFunctionName]byte
	switch string(foldInto(buffer[:], s.plainText(s.name))) {
	case "administrable_role_authorizations", "applicable_roles", "character_sets", "check_constraints",
		"collation_character_set_applicability", "collations", "column_privileges", "column_statistics",
		"columns", "columns_extensions", "enabled_roles", "events", "geometry_columns",
		"key_column_usage", "key_period_usage", "keywords", "parameters", "partitions", "periods",
		"referential_constraints", "role_column_grants", "role_routine_grants", "role_table_grants",
		"routines", "schema_privileges", "schemata", "schemata_extensions", "spatial_ref_sys",
		"sql_functions", "st_geometry_columns", "st_spatial_reference_systems", "st_units_of_measure",
		"statistics", "table_constraints", "table_constraints_extensions", "table_privileges",
		"tables", "tables_extensions", "tablespaces_extensions", "triggers", "user_attributes",
		"user_privileges", "view_routine_usage", "view_table_usage", "views":
		return true
	}
	return false
}
