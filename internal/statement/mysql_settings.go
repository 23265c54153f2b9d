package statement

import "strings"

// mysql reads USE and SET.
func (r *settingReader) mysql() []string {
	return r.statements(func() bool {
		switch {
		case r.take("use"):
			return r.mysqlUse()
		case r.take("set", "role"):
			switch p := r.pop(); p.kind {
			case tokenName, tokenQuoted, tokenString:
				return r.sets("role")
			}
			return false
		case r.take("set"):
			for {
				if !r.mysqlAssignment() {
					return false
				}
				if !r.take(",") {
					return r.ended()
				}
			}
		}
		return false
	})
}

// mysqlUse takes a database, which is not one of the server's own: a table of
// those is another one on each server.
func (r *settingReader) mysqlUse() bool {
	p := r.pop()
	if p.kind != tokenName && p.kind != tokenQuoted {
		return false
	}
	switch lower(p.inner()) {
	case "information_schema", "mysql", "performance_schema", "sys":
		return false
	}
	return r.sets("database")
}

func (r *settingReader) mysqlAssignment() bool {
	switch {
	case r.take("names"):
		if !r.mysqlCharset() || r.take("collate") && !r.mysqlCharset() {
			return false
		}
		return r.sets("names")
	case r.take("character", "set"), r.take("charset"):
		return false // the collation is that of the database of the moment
	case r.peek(0).kind == tokenSystem:
		r.pop()
		r.takeScope(".")
	default:
		r.takeScope()
	}
	p := r.pop()
	name := lower(p.inner())
	if p.kind != tokenName && p.kind != tokenQuoted || !r.takeAny("=", ":=") {
		return false
	}
	switch {
	case strings.HasPrefix(name, "character_set_"), strings.HasPrefix(name, "collation_"):
		return mysqlReplayable(name) && r.mysqlCharset() && r.sets(name)
	case name == "sql_mode":
		return r.mysqlMode() && r.sets(name)
	case !mysqlReplayable(name):
		return false
	}
	_, ok := r.literal()
	return ok && r.sets(name)
}

// takeScope takes SESSION or LOCAL, which a variable's name may follow.
func (r *settingReader) takeScope(then ...string) {
	for _, scope := range [...]string{"session", "local"} {
		if next := r.peek(1); len(then) > 0 || next.kind == tokenName || next.kind == tokenQuoted {
			if r.take(append([]string{scope}, then...)...) {
				return
			}
		}
	}
}

// mysqlCharset takes a character set or a collation in which a text is read as
// here.
func (r *settingReader) mysqlCharset() bool {
	p, ok := r.literal()
	if !ok || p.kind == tokenParam || p.kind == tokenNumber {
		return false
	}
	charset, _, _ := strings.Cut(lower(p.inner()), "_")
	switch charset {
	case "ascii", "binary", "default", "latin1", "null", "utf8", "utf8mb3", "utf8mb4":
		return true
	}
	return false
}

// mysqlMode takes a sql_mode that keeps the language the one that is read here.
func (r *settingReader) mysqlMode() bool {
	p, ok := r.literal()
	if !ok || p.kind != tokenString && p.kind != tokenName {
		return false
	}
	mode := lower(p.inner())
	return !strings.Contains(mode, "oracle") && !strings.ContainsAny(mode, "'\\")
}

// mysqlReplayable is a variable of the session that means the same on each server
// of MySQL or MariaDB that is configured alike, and of which reads may depend.
// Transactions and autocommit are not among them, nothing that a replica's
// connection is held to, and not optimizer_switch, which adds to what it was.
func mysqlReplayable(name string) bool {
	switch name {
	case "auto_increment_increment", "auto_increment_offset", "big_tables", "block_encryption_mode",
		"character_set_client", "character_set_connection", "character_set_results",
		"collation_connection", "cte_max_recursion_depth", "default_storage_engine", "default_week_format",
		"div_precision_increment", "eq_range_index_dive_limit", "foreign_key_checks", "group_concat_max_len",
		"information_schema_stats_expiry", "innodb_lock_wait_timeout", "interactive_timeout",
		"join_buffer_size", "lc_messages", "lc_time_names", "lock_wait_timeout", "max_error_count",
		"max_execution_time", "max_heap_table_size", "max_join_size", "max_length_for_sort_data",
		"max_recursive_iterations", "max_seeks_for_key", "max_sort_length", "max_statement_time",
		"net_read_timeout", "net_write_timeout", "optimizer_prune_level", "optimizer_search_depth",
		"range_optimizer_max_mem_size", "read_buffer_size", "read_rnd_buffer_size",
		"sort_buffer_size", "sql_big_selects", "sql_buffer_result", "sql_notes", "sql_quote_show_create",
		"sql_safe_updates", "sql_select_limit", "sql_warnings", "time_zone", "timestamp",
		"tmp_table_size", "unique_checks", "updatable_views_with_limit", "wait_timeout":
		return true
	}
	return false
}
