package statement

import (
	"slices"
	"strings"
	"testing"
)

// replayed are texts with what they set, if they may be run again elsewhere.
var replayed = []struct {
	dialect Dialect
	sql     string
	want    string
}{
	{Postgres, "SET search_path = a", "search_path"},
	{Postgres, "SET search_path TO a, \"B\", 'c'", "search_path"},
	{Postgres, "set SESSION Work_Mem TO '1MB';", "work_mem"},
	{Postgres, "SET app.tenant = '17'", "app.tenant"},
	{Postgres, `SET "App"."Tenant" = '17'`, "app.tenant"},
	{Postgres, "/* request 5 */ SET statement_timeout = -1 -- all of it", "statement_timeout"},
	{Postgres, "SET x TO DEFAULT", "x"},
	{Postgres, "SET TIME ZONE 'Europe/Berlin'", "timezone"},
	{Postgres, "SET TIME ZONE LOCAL", "timezone"},
	{Postgres, "SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE", "timezone"},
	{Postgres, "SET TIME ZONE -7", "timezone"},
	{Postgres, "SET SCHEMA 'x'", "search_path"},
	{Postgres, "SET NAMES 'UTF8'", "client_encoding"},
	{Postgres, "SET client_encoding TO utf8", "client_encoding"},
	{Postgres, "SET ROLE tenant", "role"},
	{Postgres, "SET SESSION ROLE 'tenant'", "role"},
	{Postgres, "SET ROLE NONE", "role"},
	{Postgres, "SET role = tenant", "role"},
	{Postgres, "SET role TO 'tenant'", "role"},
	{Postgres, "SET SESSION AUTHORIZATION 'u'", "session_authorization role"},
	{Postgres, "SET SESSION SESSION AUTHORIZATION DEFAULT", "session_authorization role"},
	{Postgres, "SET session_authorization = u", "session_authorization role"},
	{Postgres, "RESET app.tenant", "app.tenant"},
	{Postgres, "RESET ALL", "all"},
	{Postgres, "RESET ROLE", "role"},
	{Postgres, "RESET SESSION AUTHORIZATION", "session_authorization role"},
	{Postgres, "RESET TIME ZONE", "timezone"},
	{Postgres, "SET a.b = 1; SET c.d = 2;; RESET a.b", "a.b c.d"},
	{Postgres, "SELECT set_config('app.tenant', '17', false)", "app.tenant"},
	{Postgres, "SELECT set_config('App.Tenant', $1, false)", "app.tenant"},
	{Postgres, "SELECT pg_catalog.set_config('a.b', $1::text, FALSE) AS x, set_config('c.d', NULL, false) y", "a.b c.d"},

	{Postgres, "SET LOCAL search_path = a", ""},
	{Postgres, "SET TRANSACTION READ ONLY", ""},
	{Postgres, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", ""},
	{Postgres, "SET transaction_read_only = off", ""},
	{Postgres, "SET default_transaction_isolation = serializable", ""},
	{Postgres, "SET seed = 0.5", ""},
	{Postgres, "SET DateStyle = 'German'", ""},
	{Postgres, "SELECT set_config('datestyle', 'DMY', false)", ""},
	{Postgres, "SET standard_conforming_strings = off", ""},
	{Postgres, "SET NAMES 'SJIS'", ""},
	{Postgres, "SET client_encoding = 'LATIN1'", ""},
	{Postgres, "SET XML OPTION DOCUMENT", ""},
	{Postgres, "SET", ""},
	{Postgres, "SET x", ""},
	{Postgres, "SET x =", ""},
	{Postgres, "SET x = f(1)", ""},
	{Postgres, "SET x = $1", ""},
	{Postgres, "SET x = $$a$$", ""},
	{Postgres, "SET ROLE a b", ""},
	{Postgres, "SET x = 1; SELECT 1", ""},
	{Postgres, "SET x = 1; UPDATE t SET a = 1", ""},
	{Postgres, "SELECT 1; SET x = 1", ""},
	{Postgres, "BEGIN; SET x = 1", ""},
	{Postgres, "SET x = 1; COMMIT", ""},
	{Postgres, "DISCARD ALL", ""},
	{Postgres, "SELECT set_config($1, $2, false)", ""},
	{Postgres, "SELECT set_config('a.b', 'c', true)", ""},
	{Postgres, "SELECT set_config('a.b', 'c', $1)", ""},
	{Postgres, "SELECT set_config('a.b', 'c', 'false')", ""},
	{Postgres, "SELECT set_config('a.b', 'c', false::bool)", ""},
	{Postgres, "SELECT set_config('a.b', 'c', NULL)", ""},
	{Postgres, "SELECT set_config('a.b', 'c', false or true)", ""},
	{Postgres, "SELECT set_config('a.b', 'c', true), set_config('c.d', $1, false)", ""},
	{Postgres, "SELECT set_config('a.b', current_user, false)", ""},
	{Postgres, "SELECT set_config('a.b', now()::text, false)", ""},
	{Postgres, "SELECT set_config('a.b', x, false)", ""},
	{Postgres, "SELECT set_config('a.b', x, false) FROM t", ""},
	{Postgres, "SELECT set_config('a.b', '1', false) FROM t", ""},
	{Postgres, "SELECT set_config('a.b', '1', false) a FROM t", ""},
	{Postgres, "SELECT set_config('a.b', '1', false), f()", ""},
	{Postgres, "SELECT set_config('a.b', '1' || $1, false)", ""},
	{Postgres, "SELECT set_config('a.b', (SELECT 'x'), false)", ""},
	{Postgres, "SELECT set_config('a.b', '1', false) WHERE f()", ""},
	{Postgres, "SELECT set_config('a.b', '1')", ""},
	{Postgres, "SELECT set_config('transaction_read_only', 'off', false)", ""},
	{Postgres, "SELECT set_config('client_encoding', 'SJIS', false)", ""},
	{Postgres, "SELECT public.set_config('a.b', '1', false)", ""},
	{Postgres, "INSERT INTO t SELECT set_config('a.b', 'c', false)", ""},
	{Postgres, "LISTEN x", ""},
	{Postgres, "SET x = '1", ""},

	{MySQL, "USE shop", "database"},
	{MySQL, "use `shop` ;", "database"},
	{MySQL, "SET time_zone = '+00:00'", "time_zone"},
	{MySQL, "SET SESSION time_zone := 'SYSTEM', @@sql_mode = 'ANSI', @@session.foreign_key_checks=0, local group_concat_max_len = 5", "time_zone sql_mode foreign_key_checks group_concat_max_len"},
	{MySQL, "SET @@LOCAL.max_execution_time = ?", "max_execution_time"},
	{MySQL, "SET lc_time_names = de_DE", "lc_time_names"},
	{MySQL, "SET time_zone = DEFAULT", "time_zone"},
	{MySQL, "SET NAMES utf8mb4", "names"},
	{MySQL, "SET NAMES 'utf8mb4' COLLATE 'utf8mb4_bin'", "names"},
	{MySQL, "SET NAMES DEFAULT", "names"},
	{MySQL, "SET CHARACTER SET utf8", ""},
	{MySQL, "SET CHARSET 'latin1'", ""},
	{MySQL, "SET optimizer_switch = 'mrr=off'", ""},
	{MySQL, "SET character_set_results = NULL", "character_set_results"},
	{MySQL, "SET collation_connection = utf8mb4_0900_ai_ci", "collation_connection"},
	{MySQL, "SET ROLE r", "role"},
	{MariaDB, "SET ROLE NONE", "role"},
	{MariaDB, "SET max_statement_time = 1.5", "max_statement_time"},
	{MySQLFamily, "SET time_zone = '+00:00'", "time_zone"},
	{MySQLFamily, "USE shop", "database"},
	{MySQL, "SET time_zone = '+00:00'; USE shop", "time_zone database"},

	{MySQL, "USE information_schema", ""},
	{MySQL, "USE `MySQL`", ""},
	{MySQL, "SET autocommit = 0", ""},
	{MySQL, "SET time_zone = '+00:00', autocommit = 0", ""},
	{MySQL, "SET @a = 1", ""},
	{MySQL, "SET time_zone = @a", ""},
	{MySQL, "SET @a = 1, time_zone = '+00:00'", ""},
	{MySQL, "SET GLOBAL time_zone = '+00:00'", ""},
	{MySQL, "SET time_zone = '+00:00', GLOBAL sql_mode = ''", ""},
	{MySQL, "SET @@global.time_zone = '+00:00'", ""},
	{MySQL, "SET PERSIST sql_mode = ''", ""},
	{MySQL, "SET SESSION TRANSACTION READ WRITE", ""},
	{MySQL, "SET TRANSACTION READ WRITE", ""},
	{MySQL, "SET transaction_read_only = 0", ""},
	{MySQL, "SET @@session.tx_read_only = 0", ""},
	{MySQL, "SET transaction_isolation = 'SERIALIZABLE'", ""},
	{MySQL, "SET sql_log_bin = 0", ""},
	{MySQL, "SET gtid_next = 'AUTOMATIC'", ""},
	{MySQL, "SET last_insert_id = 5", ""},
	{MySQL, "SET sql_auto_is_null = 1", ""},
	{MySQL, "SET NAMES gbk", ""},
	{MySQL, "SET NAMES ?", ""},
	{MySQL, "SET character_set_client = 'sjis'", ""},
	{MySQL, "SET character_set_client = ?", ""},
	{MySQL, "SET sql_mode = concat(@@sql_mode, ',ANSI')", ""},
	{MySQL, "SET sql_mode = ?", ""},
	{MariaDB, "SET sql_mode = 'ORACLE'", ""},
	{MySQL, "SET timestamp = unix_timestamp()", ""},
	{MySQL, "SET timestamp = CURRENT_TIMESTAMP", ""},
	{MySQL, "SET timestamp = (SELECT 1)", ""},
	{MySQL, "SET time_zone = @@global.time_zone", ""},
	{MySQL, "SET time_zone = '+00:00' /*! , sql_mode = '' */", ""},
	{MySQL, "/*!50000 SET time_zone = '+00:00' */", ""},
	{MySQL, `SET time_zone = "+00:00"`, ""},
	{MySQL, `SET time_zone = '\'`, ""},
	{MySQL, "SET PASSWORD = 'x'", ""},
	{MySQL, "SET ROLE ALL EXCEPT r", ""},
	{MySQL, "SET DEFAULT ROLE r TO u", ""},
	{MySQL, "SET time_zone = '+00:00'; SELECT 1", ""},
	{MySQL, "SET time_zone = '+00:00'; SELECT get_lock('a', 1)", ""},
	{MySQL, "SET time_zone = '+00:00'; BEGIN", ""},
	{MariaDB, "SET STATEMENT max_statement_time = 1 FOR SELECT 1", ""},
	{MySQL, "SET foo.time_zone = 1", ""},
	{MySQL, "SET resource group g", ""},
}

func TestSettings(t *testing.T) {
	for _, r := range replayed {
		if got := strings.Join(Classify(r.dialect, r.sql).Settings, " "); got != r.want {
			t.Errorf("%s: %s\n got %q\nwant %q", r.dialect, r.sql, got, r.want)
		}
	}
}

// What is run again elsewhere is nothing but settings: all else would be done twice.
func TestSettingsAreSessionState(t *testing.T) {
	for _, r := range replayed {
		for _, tail := range []string{"\n; DELETE FROM t", "\n; SELECT 1", "\n; SET x = f()", "\n; BEGIN", "\n x y z ("} {
			if got := Classify(r.dialect, r.sql+tail).Settings; got != nil {
				t.Errorf("%s: %s: %q", r.dialect, r.sql+tail, got)
			}
		}
		if st := Classify(r.dialect, r.sql); st.Settings != nil && (st.Kind != Session || !st.Dirty || slices.Contains(st.Settings, "")) {
			t.Errorf("%s: %s: %+v", r.dialect, r.sql, st)
		}
	}
}

// A text controls transactions wherever in it that stands.
func TestControls(t *testing.T) {
	for sql, want := range map[string]bool{
		"COMMIT": true, "SAVEPOINT a": true, "ROLLBACK TO a": true, "RELEASE a": true, "BEGIN": true, "END": true, "PREPARE TRANSACTION 'x'": true,
		"SET LOCAL a.b = 1; COMMIT": true, "FETCH c; SAVEPOINT a": true, "SELECT currval('s'); ROLLBACK TO SAVEPOINT a": true, "SELECT 1; /* */ ABORT": true,
		"SELECT 1": false, "SET a.b = 'COMMIT'": false, "PREPARE p AS SELECT 1": false, "SELECT ';commit'": false,
	} {
		if got := Classify(Postgres, sql).Controls; got != want {
			t.Errorf("%s: %t", sql, got)
		}
	}
}
