package statement

import "strings"

// postgresEffect is what a function does that keeps it on the primary. It goes
// by the name alone, in whatever schema: a user's own nextval is on the primary
// without need, but an extension's may be in any schema.
func postgresEffect(name string) (effect, bool) {
	switch name {
	case "nextval", "setval", "pg_sequence_last_value", "pg_get_sequence_data", "pg_nextoid":
		return effect{reason: Sequence}, true
	case "currval", "lastval":
		return effect{kind: Session, reason: ConnectionState}, true
	case "set_config":
		return effect{kind: Session, reason: Setting, dirty: true, silent: true}, true
	case "setseed", "pg_replication_origin_session_setup", "pg_replication_origin_session_reset":
		return effect{kind: Session, reason: ConnectionState, dirty: true, silent: true}, true
	case "pg_replication_origin_xact_setup", "pg_replication_origin_xact_reset",
		"pg_replication_origin_session_is_setup", "pg_replication_origin_session_progress",
		"pg_stat_clear_snapshot", "pg_backend_pid", "pg_my_temp_schema", "pg_is_other_temp_schema",
		"pg_listening_channels", "pg_cursor", "pg_prepared_statement", "pg_get_backend_memory_contexts",
		"txid_current_if_assigned", "pg_current_xact_id_if_assigned":
		return effect{kind: Session, reason: ConnectionState}, true
	case "cursor_to_xml", "cursor_to_xmlschema":
		return effect{kind: Session, reason: Cursor}, true
	case "txid_current", "pg_current_xact_id", "txid_current_snapshot", "pg_current_snapshot",
		"txid_status", "pg_xact_status", "pg_last_committed_xact", "pg_xact_commit_timestamp",
		"pg_xact_commit_timestamp_origin", "pg_get_multixact_members":
		return effect{reason: TransactionID}, true
	case "pg_notify":
		return effect{reason: Notification}, true
	case "loread", "lowrite":
		return effect{reason: LargeObject}, true
	case "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema",
		"table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema",
		"schema_to_xml", "schema_to_xmlschema", "schema_to_xml_and_xmlschema",
		"database_to_xml", "database_to_xmlschema", "database_to_xml_and_xmlschema",
		"ts_stat", "ts_rewrite":
		return effect{reason: ExecutesText}, true
	case "pg_backup_start", "pg_backup_stop", "pg_start_backup", "pg_stop_backup":
		return effect{kind: Session, reason: ReplicationControl, dirty: true, silent: true}, true
	case "pg_create_physical_replication_slot", "pg_create_logical_replication_slot",
		"pg_copy_physical_replication_slot", "pg_copy_logical_replication_slot",
		"pg_drop_replication_slot", "pg_replication_slot_advance", "pg_sync_replication_slots",
		"pg_logical_slot_get_changes", "pg_logical_slot_get_binary_changes",
		"pg_logical_slot_peek_changes", "pg_logical_slot_peek_binary_changes",
		"pg_export_snapshot", "pg_promote", "pg_wal_replay_pause", "pg_wal_replay_resume":
		return effect{reason: ReplicationControl, silent: true}, true
	case "pg_logical_emit_message", "pg_create_restore_point", "pg_switch_wal", "pg_switch_xlog",
		"pg_replication_origin_create", "pg_replication_origin_drop", "pg_replication_origin_advance",
		"pg_log_standby_snapshot":
		return effect{reason: ReplicationControl}, true
	case "pg_cancel_backend", "pg_terminate_backend", "pg_reload_conf", "pg_rotate_logfile",
		"pg_rotate_logfile_old", "pg_log_backend_memory_contexts", "pg_stat_force_next_flush",
		"pg_file_write", "pg_file_sync", "pg_file_rename", "pg_file_unlink", "pg_prewarm",
		"pg_stat_statements_reset", "pg_buffercache_evict":
		return effect{reason: Administration, silent: true}, true
	case "brin_summarize_new_values", "brin_summarize_range", "brin_desummarize_range",
		"gin_clean_pending_list", "pg_import_system_collations", "pg_extension_config_dump",
		"pg_stop_making_pinned_objects", "pg_restore_relation_stats", "pg_clear_relation_stats",
		"pg_restore_attribute_stats", "pg_clear_attribute_stats":
		return effect{reason: Maintenance}, true
	case "dblink", "dblink_exec":
		return effect{reason: RemoteCall, silent: true}, true
	case "dblink_connect", "dblink_connect_u", "dblink_disconnect":
		return effect{kind: Session, reason: RemoteCall, dirty: true, silent: true}, true
	}
	switch {
	case strings.HasPrefix(name, "pg_advisory_xact_lock"), strings.HasPrefix(name, "pg_try_advisory_xact_lock"):
		return effect{reason: AdvisoryLock, silent: true}, true
	case strings.HasPrefix(name, "pg_advisory_"), strings.HasPrefix(name, "pg_try_advisory_"):
		return effect{kind: Session, reason: AdvisoryLock, dirty: true, silent: true}, true
	case strings.HasPrefix(name, "dblink_"):
		return effect{kind: Session, reason: RemoteCall, silent: true}, true
	case strings.HasPrefix(name, "lo_"):
		return effect{reason: LargeObject}, true
	case strings.HasPrefix(name, "pg_stat_reset"):
		return effect{reason: Administration, silent: true}, true
	case strings.HasPrefix(name, "binary_upgrade_"):
		return effect{reason: Maintenance}, true
	}
	if nodeFunction(name) {
		return effect{reason: NodeLocal}, true
	}
	return effect{}, false
}

// nodeFunction is a function that answers for its own server: its role, WAL,
// files, processes, counters. Many are marked stable or even immutable.
func nodeFunction(name string) bool {
	if !strings.HasPrefix(name, "pg_") && !strings.HasPrefix(name, "inet_") {
		return false
	}
	switch name {
	case "inet_client_addr", "inet_client_port", "inet_server_addr", "inet_server_port",
		"pg_available_extension_versions", "pg_available_extensions", "pg_available_wal_summaries",
		"pg_blocking_pids", "pg_collation_actual_version", "pg_conf_load_time", "pg_config",
		"pg_current_logfile", "pg_current_xlog_location", "pg_current_xlog_insert_location",
		"pg_database_collation_actual_version", "pg_extension_update_paths", "pg_filenode_relation",
		"pg_get_aios", "pg_get_loaded_modules", "pg_get_process_memory_contexts",
		"pg_get_replication_slots", "pg_get_shmem_allocations", "pg_get_shmem_allocations_numa",
		"pg_hba_file_rules", "pg_ident_file_mappings", "pg_is_in_backup", "pg_is_in_recovery",
		"pg_is_wal_replay_paused", "pg_is_xlog_replay_paused",
		"pg_isolation_test_session_is_blocked", "pg_jit_available",
		"pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn", "pg_last_xact_replay_timestamp",
		"pg_last_xlog_receive_location", "pg_last_xlog_replay_location", "pg_lock_status",
		"pg_notification_queue_usage", "pg_numa_available", "pg_postmaster_start_time", "pg_prepared_xact",
		"pg_replication_origin_progress", "pg_safe_snapshot_blocking_pids",
		"pg_show_all_file_settings", "pg_show_all_settings", "pg_show_replication_origin_status",
		"pg_tablespace_location", "pg_wait_for_backend_termination",
		"pg_walfile_name", "pg_walfile_name_offset", "pg_split_walfile_name", "pg_backup_start_time":
		return true
	}
	for _, prefix := range []string{
		"pg_control_", "pg_current_wal_", "pg_get_wal_", "pg_ls_", "pg_read_", "pg_stat_file",
		"pg_stat_get_", "pg_stat_have_", "pg_wal_summary_", "pg_buffercache_",
	} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
