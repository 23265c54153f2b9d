package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// volatile are the volatile functions that may run anywhere: they give time,
// chance or size, or they wait.
var volatile = strings.Fields(`
	clock_timestamp timeofday random gen_random_uuid pg_sleep pg_sleep_for pg_sleep_until current_query
	pg_relation_size pg_table_size pg_indexes_size pg_total_relation_size pg_database_size
	pg_tablespace_size pg_partition_tree pg_partition_ancestors amvalidate`)

// unsafe are functions marked stable or immutable that nevertheless run a query
// given as text, belong to one server or one connection, or are of a trigger.
// The package's own test holds its list of effects against this one.
var unsafe = strings.Fields(`
	query_to_xml query_to_xmlschema query_to_xml_and_xmlschema table_to_xml table_to_xmlschema
	table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema
	database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
	cursor_to_xml cursor_to_xmlschema ts_stat ts_rewrite
	txid_current txid_current_if_assigned txid_current_snapshot pg_current_snapshot
	pg_current_xact_id pg_current_xact_id_if_assigned
	inet_client_addr inet_client_port inet_server_addr inet_server_port
	pg_available_extension_versions pg_available_extensions pg_backend_pid pg_conf_load_time pg_config
	pg_cursor pg_prepared_statement pg_listening_channels pg_my_temp_schema pg_is_other_temp_schema
	pg_extension_update_paths pg_filenode_relation pg_get_replication_slots
	pg_postmaster_start_time pg_show_all_settings pg_tablespace_location pg_tablespace_databases
	pg_walfile_name pg_walfile_name_offset
	pg_event_trigger_ddl_commands pg_event_trigger_dropped_objects
	pg_event_trigger_table_rewrite_oid pg_event_trigger_table_rewrite_reason
	lo_get`)

// other are harmless functions of other versions, by hand.
var other = strings.Fields(`
	any_value array_sample array_shuffle array_sort array_reverse casefold crc32 crc32c
	date_add date_subtract erf erfc gamma lgamma icu_unicode_version unicode_version unicode_assigned
	json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
	json_serialize json_table json_value
	json_agg_strict json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
	jsonb_agg_strict jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict
	has_largeobject_privilege pg_basetype pg_char_to_encoding pg_column_toast_chunk_id pg_get_acl
	pg_input_error_info pg_input_is_valid random_normal to_bin to_oct to_regtypemod
	uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 xmltext
	bit_count string_to_table regexp_count regexp_instr regexp_like regexp_substr`)

func builtins(version string) []byte {
	names := query(`
		select distinct proname from pg_proc p
		where pronamespace = 'pg_catalog'::regnamespace and prokind in ('f', 'a', 'w')
		and proname !~ '^(pg_stat_|binary_upgrade_|RI_FKey_)'
		and prorettype <> all ('{internal,trigger,event_trigger,cstring,language_handler,fdw_handler,index_am_handler,tsm_handler,table_am_handler}'::regtype[])
		and not exists (select from unnest(proargtypes) a where a in ('internal'::regtype, 'cstring'::regtype))
		and not exists (select from pg_proc v
			where v.pronamespace = p.pronamespace and v.proname = p.proname and v.provolatile = 'v')`)
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(unsafe, n) })
	names = sorted(slices.Concat(names, volatile, other))
	var b bytes.Buffer
	fmt.Fprintf(&b, header, version)
	b.WriteString("// postgresBuiltin reports whether the server's own function of that name may run on any\n")
	b.WriteString("// node: it is not volatile, or is one of the volatile ones that were reviewed.\n")
	b.WriteString("func postgresBuiltin(name string) bool {\nswitch name {\n")
	cases(&b, names)
	b.WriteString("return true\n}\nreturn false\n}\n")
	return b.Bytes()
}
