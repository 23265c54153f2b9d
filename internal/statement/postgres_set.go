package statement

// set is SET. The forms that end with the transaction leave nothing behind.
func (s *postgresScanner) set() {
	s.verdict(Session, Setting, "SET")
	s.advance()
	scope := s.tok.word
	s.advance()
	// "SET local.x = 1" and "SET local TO 1" name a setting.
	named := s.tok.kind != tokenName && s.tok.kind != tokenQuoted || s.tok.word == kwTo
	switch {
	case named:
	case scope == kwLocal, scope == kwTransaction, scope == kwConstraints:
		s.rest(modeEffect)
		return
	}
	s.out.Dirty = true
	s.out.SilentOnReplica = true
	s.rest(modeEffect)
}

// show is SHOW.
func (s *postgresScanner) show() {
	s.advance()
	if s.tok.word == kwAll || nodeSetting(s.settingName()) {
		s.verdict(Write, NodeLocal, s.settingName())
	} else {
		s.verdict(Read, Plain, "")
	}
	s.skip()
}

func (s *postgresScanner) settingName() string {
	if s.tok.kind != tokenName && s.tok.kind != tokenQuoted {
		return ""
	}
	// Settings are case-insensitive even in quotes.
	return lower(unquote(s.textOf(s.tok)))
}

// nodeSetting is a setting whose value is that of one server rather than of
// the database.
func nodeSetting(name string) bool {
	switch name {
	case "in_hot_standby", "transaction_read_only", "default_transaction_read_only",
		"primary_conninfo", "primary_slot_name", "recovery_min_apply_delay",
		"data_directory", "config_file", "hba_file", "ident_file", "external_pid_file",
		"listen_addresses", "port", "unix_socket_directories", "cluster_name",
		"synchronous_standby_names", "hot_standby", "archive_mode":
		return true
	}
	return false
}
