package statement

// variable is a user variable, which belongs to its connection.
func (s *mysqlScanner) variable() {
	if s.assigns != Unknown {
		s.apply(effect{kind: Session, reason: s.assigns, dirty: true, silent: true}, s.textOf(s.tok))
		return
	}
	s.apply(effect{kind: Session, reason: ConnectionState}, s.textOf(s.tok))
}

// systemVariable is @@x or @@scope.x.
func (s *mysqlScanner) systemVariable(m mode) {
	s.advance()
	global := false
	if s.is("global") || s.is("session") || s.is("local") || s.is("persist") || s.is("persist_only") {
		if ahead := s.ahead(); ahead.kind == tokenDot {
			global = !s.is("session") && !s.is("local")
			s.advance()
			s.advance()
		}
	}
	if s.ended() {
		return
	}
	var buffer [maxFunctionName]byte
	name := foldInto(buffer[:], s.plainText(s.tok))
	structured := s.ahead().kind == tokenDot
	switch string(name) {
	case "identity", "last_insert_id", "last_gtid", "insert_id", "rand_seed1", "rand_seed2", "timestamp",
		"pseudo_thread_id", "in_transaction":
		s.apply(effect{kind: Session, reason: ConnectionState}, s.plainText(s.tok))
		return
	case "warning_count", "error_count":
		s.apply(effect{kind: Session, reason: ConnectionState, previous: true}, s.plainText(s.tok))
		return
	}
	if m == modeQuery && (global || structured || !s.tok.isName() || !harmlessVariable(name)) {
		s.apply(nodeLocal, s.plainText(s.tok))
	}
}

// harmlessVariable is a system variable whose value for a session is the same
// on every server that is configured alike, as those that drivers ask for when
// they connect. Where a session has set it, the session is pinned.
func harmlessVariable(name []byte) bool {
	switch string(name) {
	case "auto_increment_increment", "auto_increment_offset", "autocommit", "block_encryption_mode",
		"character_set_client", "character_set_connection", "character_set_database",
		"character_set_results", "character_set_server", "collation_connection", "collation_database",
		"collation_server", "completion_type", "default_storage_engine", "default_week_format",
		"div_precision_increment", "explicit_defaults_for_timestamp", "foreign_key_checks",
		"group_concat_max_len", "init_connect", "innodb_lock_wait_timeout", "interactive_timeout",
		"lc_messages", "lc_time_names", "license", "lock_wait_timeout", "lower_case_table_names",
		"max_allowed_packet", "max_execution_time", "max_statement_time", "net_buffer_length",
		"net_read_timeout", "net_write_timeout", "optimizer_switch", "sql_auto_is_null", "sql_mode",
		"sql_safe_updates", "sql_select_limit", "storage_engine", "system_time_zone", "time_zone",
		"transaction_isolation", "tx_isolation", "unique_checks", "version", "version_comment",
		"wait_timeout":
		return true
	}
	return false
}
