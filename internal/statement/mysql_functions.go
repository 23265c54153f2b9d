package statement

// maxFunctionName is the longest name that any table here is asked for.
const maxFunctionName = 64

// mysqlEffect is what a function does that keeps it on the primary. It goes by
// the name alone, in either dialect.
func mysqlEffect(name []byte) (effect, bool) {
	switch string(name) {
	case "last_insert_id", "connection_id", "ps_current_thread_id", "lastval":
		return effect{kind: Session, reason: ConnectionState}, true
	case "found_rows", "row_count":
		return effect{kind: Session, reason: ConnectionState, previous: true}, true
	case "get_lock", "release_lock", "release_all_locks",
		"service_get_read_locks", "service_get_write_locks", "service_release_locks",
		"version_tokens_lock_shared", "version_tokens_lock_exclusive", "version_tokens_unlock":
		return effect{kind: Session, reason: AdvisoryLock, dirty: true, silent: true}, true
	case "is_free_lock", "is_used_lock":
		return effect{reason: AdvisoryLock, silent: true}, true
	case "nextval", "setval":
		return effect{reason: Sequence, silent: true}, true
	case "load_file", "master_pos_wait", "source_pos_wait", "wait_for_executed_gtid_set",
		"wait_until_sql_thread_after_gtids", "master_gtid_wait", "binlog_gtid_pos", "ps_thread_id",
		"wsrep_last_seen_gtid", "wsrep_last_written_gtid", "wsrep_sync_wait_upto_gtid":
		return nodeLocal, true
	case "sys_exec", "sys_eval", "sys_set", "set_firewall_mode", "set_firewall_group_mode",
		"firewall_group_enlist", "firewall_group_delist", "load_rewrite_rules", "flush_rewrite_rules":
		return effect{reason: Administration, silent: true}, true
	}
	for _, family := range functionFamilies {
		if len(name) > len(family.prefix) && string(name[:len(family.prefix)]) == family.prefix {
			return effect{reason: family.reason, silent: true}, true
		}
	}
	return effect{}, false
}

// functionFamilies are functions that plugins and components load.
var functionFamilies = [...]struct {
	prefix string
	reason Reason
}{
	{"group_replication_", ReplicationControl},
	{"asynchronous_connection_failover_", ReplicationControl},
	{"version_tokens_", Administration},
	{"keyring_", Administration},
	{"audit_log_", Administration},
	{"audit_api_", Administration},
	{"mysql_firewall_", Administration},
	{"mysql_query_attribute_", ConnectionState},
	{"spider_", RemoteCall},
}

// mysqlGlued reports whether the name is that of a built-in only directly
// before its parenthesis: with white space between, and without IGNORE_SPACE,
// it is a function of the database.
func mysqlGlued(name []byte) bool {
	switch string(name) {
	case "adddate", "bit_and", "bit_or", "bit_xor", "cast", "count", "curdate", "curtime", "date_add",
		"date_sub", "extract", "group_concat", "json_arrayagg", "json_objectagg", "max", "mid", "min",
		"now", "position", "session_user", "st_collect", "std", "stddev", "stddev_pop", "stddev_samp",
		"subdate", "substr", "substring", "sum", "sysdate", "system_user", "trim", "var_pop",
		"var_samp", "variance", "avg", "percentile_cont", "percentile_disc", "median", "decode",
		"ltrim", "rtrim", "lpad", "rpad", "replace":
		return true
	}
	return false
}

// mysqlShadowed reports whether a function of the database may stand before the
// harmless built-in of that name: on a server that does not have it yet, with
// other arguments, or in MariaDB where no OVER follows. Where a server has a
// built-in, it is the one that is called.
func mysqlShadowed(name []byte) bool {
	switch string(name) {
	case "add_months", "any_value", "crc32c", "cume_dist", "dense_rank", "distance", "first_value", "lag", "last_value",
		"lead", "median", "nth_value", "ntile", "percent_rank", "percentile_cont", "percentile_disc", "rank", "row_number", "etag", "format_bytes", "format_pico_time",
		"from_vector", "json_array_intersect", "json_duality_object", "json_equals", "json_key_value",
		"json_normalize", "json_object_filter_keys", "json_object_to_array", "json_overlaps",
		"json_schema_valid", "json_schema_validation_report", "json_table", "json_value", "kdf",
		"mbrcoveredby", "natural_sort_key", "point", "random_bytes", "rownum", "sformat", "st_boundary",
		"st_collect", "st_frechetdistance", "st_geohash", "st_hausdorffdistance", "st_isvalid",
		"st_latfromgeohash", "st_latitude", "st_lineinterpolatepoint", "st_lineinterpolatepoints",
		"st_longfromgeohash", "st_longitude", "st_pointatdistance", "st_pointfromgeohash",
		"st_simplify", "st_transform", "st_validate", "string_to_vector", "sys_guid", "to_char",
		"to_vector", "uuid_v4", "uuid_v7", "vec_distance", "vec_distance_cosine",
		"vec_distance_euclidean", "vec_fromtext", "vec_totext", "vector_dim", "vector_distance",
		"vector_to_string":
		return true
	}
	return false
}

// mysqlBuiltin reports whether the server's own function of that name may run
// on any node.
func mysqlBuiltin(name []byte, d Dialect) bool {
	switch mysqlFunction(name) {
	case inBoth:
		return true
	case inMySQL:
		return d == MySQL
	case inMariaDB:
		return d == MariaDB
	}
	return false
}

// where a function is built in.
type where uint8

const (
	inNeither where = iota
	inBoth
	inMySQL
	inMariaDB
)
