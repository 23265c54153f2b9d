package cases

// MySQLEngines are those that the two dialects, and who knows neither, take for
// different things.
var MySQLEngines = []EngineGroup{
	{"reads", []EngineRow{
		{"TABLE", "TABLE t ORDER BY a LIMIT 1", "read plain_read", "write unknown_statement dirty silent may-begin", "write unknown_statement dirty silent may-begin"},
		{"TABLE FOR UPDATE", "TABLE t FOR UPDATE", "write row_lock silent", "write unknown_statement dirty silent may-begin", "write row_lock dirty silent may-begin"},
		{"TABLE INTO", "TABLE t INTO OUTFILE 'x'", "write select_into silent", "write unknown_statement dirty silent may-begin", "write select_into dirty silent may-begin"},
		{"in parentheses", "(TABLE t)", "read plain_read", "write unknown_statement dirty silent may-begin", "write unknown_statement dirty silent may-begin"},
		{"MEMBER OF", "SELECT 17 MEMBER OF (a) FROM t", "read plain_read", "write unknown_function", "write unknown_function"},
	}},
	{"comments", []EngineRow{
		{"MySQL 5.7", "SELECT 1 /*!50701 FOR UPDATE */", "write row_lock silent", "read plain_read", "write row_lock silent"},
		{"MySQL 8.0", "SELECT 1 /*!80000 FOR UPDATE */", "write row_lock silent", "read plain_read", "write row_lock silent"},
		{"later", "SELECT 1 /*!80013 FOR UPDATE */", "write ambiguous_comment dirty silent may-begin", "read plain_read", "write ambiguous_comment dirty silent may-begin"},
		{"later, harmless", "SELECT 1 /*!80013 , 2 */", "read plain_read", "read plain_read", "read plain_read"},
		{"later, a SET", "/*!80013 SET x = 1 */", "session ambiguous_comment dirty silent may-begin", "write empty", "session ambiguous_comment dirty silent may-begin"},
		{"later, a call", "SELECT 1 /*!80013 , f() */", "write ambiguous_comment dirty silent may-begin", "read plain_read", "write ambiguous_comment dirty silent may-begin"},
		{"two versions", "SELECT 1 /*!80013 , 2 */ /*!80014 , 3 */", "write ambiguous_comment dirty silent may-begin", "read plain_read", "write ambiguous_comment dirty silent may-begin"},
		{"six digits", "SELECT 1 /*!100500 FOR UPDATE */", "write ambiguous_comment dirty silent may-begin", "write row_lock silent", "write ambiguous_comment dirty silent may-begin"},
		{"MariaDB later", "SELECT 1 /*M!101100 FOR UPDATE */", "read plain_read", "write ambiguous_comment dirty silent may-begin", "write ambiguous_comment dirty silent may-begin"},
		{"MariaDB", "SELECT 1 /*M! FOR UPDATE */", "read plain_read", "write row_lock silent", "write row_lock silent"},
		{"MariaDB with a version", "SELECT 1 /*M!100100 FOR UPDATE */", "read plain_read", "write row_lock silent", "write row_lock silent"},
		{"MariaDB, MySQL's version", "SELECT 1 /*M!50701 FOR UPDATE */", "read plain_read", "write row_lock silent", "write row_lock silent"},
		{"skipped, with a comment inside", "SELECT 1 /*!99999 + /* x */ FOR UPDATE */", "write ambiguous_comment dirty silent may-begin", "read plain_read", "write ambiguous_comment dirty silent may-begin"},
		{"hidden end of a string", "SELECT '/*!80013 ', 1 -- */ '", "read plain_read", "read plain_read", "read plain_read"},
		{"a string begins in one version", "SELECT 1 /*!80013 , ' */ , f() -- ' */", "write ambiguous_comment dirty silent may-begin", "write unknown_function", "write ambiguous_comment dirty silent may-begin"},
	}},
	{"dollar quotes", []EngineRow{
		{"string", "SELECT $$; DELETE FROM t -- $$", "write ambiguous_string dirty silent may-begin", "write data_modification", "write ambiguous_string dirty silent may-begin"},
		{"tag", "SELECT $a$ FROM t", "write ambiguous_string dirty silent may-begin", "read plain_read", "write ambiguous_string dirty silent may-begin"},
		{"name", "SELECT $a, t.$b$, c$d$ FROM t", "read plain_read", "read plain_read", "read plain_read"},
	}},
	{"functions", []EngineRow{
		{"MariaDB's", "SELECT nvl(a, b), median(c) OVER (), json_detailed(d) FROM t", "write unknown_function", "read plain_read", "write unknown_function"},
		{"MySQL's", "SELECT regexp_like(a, b), uuid_to_bin(c), grouping(d) FROM t", "read plain_read", "write unknown_function", "write unknown_function"},
		{"vectors of MySQL", "SELECT string_to_vector('[1]')", "read plain_read", "write unknown_function", "write unknown_function"},
		{"vectors of MariaDB", "SELECT vec_distance_cosine(a, b) FROM t", "write unknown_function", "read plain_read", "write unknown_function"},
		{"qualified lock", "SELECT d.get_lock('a', 1)", "write unknown_function", "session advisory_lock dirty silent", "session advisory_lock dirty silent"},
	}},
	{"sequences of sql_mode=ORACLE", []EngineRow{
		{"nextval", "SELECT s.nextval", "read plain_read", "write sequence silent", "write sequence silent"},
		{"qualified", "SELECT d.`s`.NEXTVAL FROM dual", "read plain_read", "write sequence silent", "write sequence silent"},
		{"currval", "SELECT s.currval", "read plain_read", "session connection_state", "session connection_state"},
	}},
}
