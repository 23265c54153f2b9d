package statement

import "strings"

// plainName looks at the name before the current token, if it is not called,
// for a system view whose rows are those of one server or of one connection. It
// may be the name of a column as well: such a text is a write without need.
func (s *postgresScanner) plainName(m mode) {
	t := s.prev
	if t.kind != tokenName && t.kind != tokenQuoted || s.tok.kind == tokenOpen {
		return
	}
	if t.end-t.start < len("pg_x") || t.word != 0 {
		return
	}
	first := toLower(s.lex.sql[t.start])
	if first == '"' {
		first = s.lex.sql[t.start+1]
	}
	if first == 'l' && m == modeQuery && s.prev2.word != kwAs && s.identifier(t) == "last_value" {
		// Of a sequence: what a replica has runs up to 32 values ahead.
		s.verdict(Write, NodeLocal, "last_value")
	}
	if first != 'p' {
		return
	}
	name := s.identifier(t)
	if !strings.HasPrefix(name, "pg_") {
		return
	}
	if isTemporarySchema(name) {
		s.verdict(Session, TemporaryObject, name)
		if s.prev2.word == kwInto {
			s.out.Dirty = true
		}
		return
	}
	switch m {
	case modeQuery:
		switch {
		case name == "pg_settings" && s.update:
			s.settings(name)
		case name == "pg_cursors" || name == "pg_prepared_statements":
			s.verdict(Session, ConnectionState, name)
		case nodeRelation(name):
			s.verdict(Write, NodeLocal, name)
		}
	case modeEffect:
		if name == "pg_settings" {
			s.settings(name)
		}
	}
}

// settings: a rule of the view pg_settings makes an UPDATE of it a SET.
func (s *postgresScanner) settings(name string) {
	s.verdict(Session, Setting, name)
	s.out.Dirty = true
	s.out.SilentOnReplica = true
}

func isTemporarySchema(name string) bool {
	rest, ok := strings.CutPrefix(name, "pg_temp")
	if !ok || rest == "" {
		return ok
	}
	if rest[0] != '_' || len(rest) == 1 {
		return false
	}
	return strings.Trim(rest[1:], "0123456789") == ""
}

func nodeRelation(name string) bool {
	switch name {
	case "pg_aios", "pg_available_extension_versions", "pg_available_extensions",
		"pg_backend_memory_contexts", "pg_config", "pg_dsm_registry_allocations", "pg_file_settings",
		"pg_hba_file_rules", "pg_ident_file_mappings", "pg_locks", "pg_prepared_xacts",
		"pg_replication_origin_status", "pg_replication_slots", "pg_sequences", "pg_settings",
		"pg_shmem_allocations", "pg_shmem_allocations_numa":
		return true
	}
	// Not pg_stats and pg_statistic: those are ordinary tables' content.
	return strings.HasPrefix(name, "pg_stat_") || strings.HasPrefix(name, "pg_statio_") ||
		strings.HasPrefix(name, "pg_buffercache")
}

// identifier is the name that a token stands for: folded to lower case, or as
// it is in quotes. It is "" for other tokens.
func (s *postgresScanner) identifier(t token) string {
	switch t.kind {
	case tokenName:
		return lower(s.textOf(t))
	case tokenQuoted:
		return unquote(s.textOf(t))
	}
	return ""
}

func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '"') >= 0 {
		s = strings.ReplaceAll(s, `""`, `"`)
	}
	return s
}
