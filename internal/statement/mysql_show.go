package statement

// show is SHOW. Only what answers from the data dictionary is a read.
func (s *mysqlScanner) show() {
	s.advance()
	session := effect{kind: Session, reason: ConnectionState}
	previous := effect{kind: Session, reason: ConnectionState, previous: true}
	global := s.takeOne("global")
	if !global {
		for s.takeOne("full", "extended", "session", "local") {
		}
	}
	w := s.tok
	s.advance()
	switch {
	case s.named(w, "create", "grants", "privileges"):
		// The name of a user or of an object follows, and no expression.
		s.apply(plainRead, "")
		s.skip()
		return
	case s.named(w, "databases", "schemas", "tables", "columns", "fields", "index", "indexes", "keys",
		"triggers", "events", "collation", "charset"),
		s.named(w, "character") && s.tok.word == mySet,
		s.named(w, "table", "procedure", "function") && s.is("status"):
		s.apply(plainRead, "")
		if s.tok.word == mySet || s.is("status") {
			s.advance()
		}
	case s.named(w, "package"):
		s.takeOne("body")
		if s.takeOne("status") {
			s.apply(plainRead, "")
		} else {
			s.apply(nodeLocal, "SHOW PACKAGE")
		}
	case s.named(w, "variables", "status"):
		if global {
			s.apply(nodeLocal, "SHOW GLOBAL")
		} else {
			s.apply(session, "SHOW "+s.keywordOf(w))
		}
	case s.named(w, "warnings", "errors", "count"):
		s.apply(previous, "SHOW "+s.keywordOf(w))
		s.skip()
		return
	case s.named(w, "profile", "profiles"):
		s.apply(session, "SHOW "+s.keywordOf(w))
	default:
		s.apply(nodeLocal, "SHOW "+s.keywordOf(w))
	}
	s.rest(modeQuery)
}

// named reports whether a token is one of the words.
func (s *mysqlScanner) named(t token, words ...string) bool {
	if t.kind != tokenName {
		return false
	}
	for _, w := range words {
		if equalFold(s.textOf(t), w) {
			return true
		}
	}
	return false
}
