package statement

import "strings"

// classifyMySQL reads the text as a server of default settings does, and where
// the sql_mode or the version of the server decides how it is cut, in the other
// ways as well.
func classifyMySQL(d Dialect, sql string) *Statement {
	if strings.IndexByte(sql, 0) >= 0 {
		return &Statement{Reason: Stray, Detail: "NUL", Dirty: true, SilentOnReplica: true, MayBegin: true}
	}
	var s mysqlScanner
	s.lex.reading = reading{dialect: d}
	s.lex.sql = sql
	s.text()
	// Where nothing was met that could be read in two ways, all readings are
	// this one.
	if !s.lex.quotes && s.lex.version == 0 && !s.lex.mixed {
		return s.statement()
	}
	return s.everyWay()
}

// quotings are the settings of sql_mode in which strings end differently. The
// first is the default.
var quotings = [...]reading{{}, {ansiQuotes: true}, {noEscapes: true}}

// everyWay compares all readings of an ambiguous text. One in which the first
// statement cannot be cut into tokens is not counted: a server that reads so
// runs nothing of the text. It would run what comes before a semicolon, since
// it parses statement by statement.
func (s *mysqlScanner) everyWay() *Statement {
	st := s.statement()
	counted := s.runs()
	versions, mixed := s.lex.version != 0, s.lex.mixed
	quotesAgree, commentsAgree := true, true
	for _, older := range [...]bool{false, true} {
		if older && !versions {
			break
		}
		for _, r := range quotings {
			if !older && r == quotings[0] {
				continue // is s
			}
			var other mysqlScanner
			other.lex.reading = r
			other.lex.dialect, other.lex.older = s.lex.dialect, older
			other.lex.sql = s.lex.sql
			other.text()
			versions = versions || other.lex.version != 0
			mixed = mixed || other.lex.mixed
			if !other.runs() {
				continue
			}
			o := other.statement()
			switch {
			case !counted:
				st, counted = o, true
			case st.equal(o):
			default:
				st = st.stricter(o)
				quotesAgree = quotesAgree && older
				commentsAgree = commentsAgree && !older
			}
		}
	}
	switch {
	case !quotesAgree:
		return st.ambiguous(AmbiguousString)
	case !commentsAgree || mixed:
		return st.ambiguous(AmbiguousComment)
	}
	return st
}

// runs: a server that reads so may run something of the text.
func (s *mysqlScanner) runs() bool { return !s.lex.broken() || s.semicolon }

// ambiguous is the strictest of the readings of a text in which a write or a
// change of the session may hide.
func (s *Statement) ambiguous(reason Reason) *Statement {
	st := *s
	if st.Kind == Read {
		st.Kind = Write
	}
	st.Reason, st.Detail, st.Calls = reason, "", nil
	st.Dirty, st.SilentOnReplica, st.MayBegin = true, true, true
	return &st
}
