package statement

var (
	sessionSetting = effect{kind: Session, reason: Setting, dirty: true, silent: true}
	serverSetting  = effect{reason: Administration, silent: true}
)

// set is SET, of one or several variables.
func (s *mysqlScanner) set() {
	s.advance()
	if s.tok.word == myStatement && s.ahead().isName() {
		s.setStatement()
		return
	}
	// GLOBAL and the like stick: they hold for the assignments that follow, up
	// to the next word of that kind.
	e := sessionSetting
	for !s.ended() {
		switch s.tok.word {
		case myGlobal, myPersist, myPersistOnly:
			e = serverSetting
			s.advance()
		case mySession, myLocal:
			e = sessionSetting
			s.advance()
		}
		s.assignment(e)
		for !s.ended() && !(s.tok.kind == tokenComma && s.depth == 0) {
			s.step(modeEffect)
			s.advance()
		}
		if s.tok.kind == tokenComma {
			s.advance()
		}
	}
}

// assignment looks at the left side of one, and of autocommit at both.
func (s *mysqlScanner) assignment(e effect) {
	switch {
	case s.tok.kind == tokenVariable:
		s.apply(sessionSetting, s.textOf(s.tok))
		s.advance()
		return
	case s.is("password"), s.is("default"): // SET DEFAULT ROLE
		s.apply(effect{reason: Definition, silent: true}, "SET "+s.keywordOf(s.tok))
		s.skip() // user@host is no variable
		return
	case s.tok.kind == tokenSystem:
		e = sessionSetting // the scope of this one does not stick
		s.advance()
		if s.ahead().kind == tokenDot {
			if s.is("global") || s.is("persist") || s.is("persist_only") {
				e = serverSetting
			}
			if e.kind == Write || s.is("session") || s.is("local") {
				s.advance()
				s.advance()
			}
		}
	}
	if s.ended() {
		s.apply(sessionSetting, "SET")
		return
	}
	if s.is("transaction") {
		s.apply(e, "SET TRANSACTION")
		s.skip()
		return
	}
	name := s.tok
	s.apply(e, "SET "+s.firstWord())
	s.advance()
	if e.kind == Session && name.isName() && s.equals(name, "autocommit") {
		s.autocommit()
	}
}

// autocommit looks at the value: a transaction is open after 0 and is committed
// by 1.
func (s *mysqlScanner) autocommit() {
	s.advance() // = or :=
	value := s.tok
	if s.ended() {
		return
	}
	last := false
	switch s.ahead().kind {
	case tokenEnd, tokenSemicolon, tokenComma:
		last = true
	}
	off := s.valueIs(value, "0", "off", "false")
	on := s.valueIs(value, "1", "on", "true")
	switch {
	case off && last:
		s.out.Transaction = Begin
	case on && last:
		s.out.Transaction = Commit
	default:
		s.out.MayBegin = true
	}
}

func (s *mysqlScanner) valueIs(t token, words ...string) bool {
	text := s.textOf(t)
	switch t.kind {
	case tokenString, tokenDouble, tokenQuoted:
		text = text[1 : len(text)-1]
	case tokenName, tokenNumber:
	default:
		return false
	}
	for _, w := range words {
		if equalFold(text, w) {
			return true
		}
	}
	return false
}

// setStatement is MariaDB's SET STATEMENT x = 1 FOR a statement.
func (s *mysqlScanner) setStatement() {
	s.apply(effect{reason: Setting, silent: true}, "SET STATEMENT")
	for !s.ended() && !(s.tok.word == myFor && s.depth == 0) {
		s.step(modeEffect)
		s.advance()
	}
	if s.tok.word == myFor {
		s.advance()
		s.first()
		s.one()
	}
}
