package statement

// explain is EXPLAIN and its synonyms, of a table or of a statement. What is
// explained is not executed, but the optimizer evaluates calls whose arguments
// are constant, those of stored functions that write among them.
func (s *mysqlScanner) explain() {
	s.advance()
	for {
		switch {
		case s.tok.word == myAnalyze:
			s.advance()
			s.format()
			s.first()
			s.one()
			return
		case s.is("extended"), s.is("partitions"):
			s.advance()
			continue
		case s.tok.word == myFormat:
			s.format()
			continue
		case s.tok.word == myInto:
			s.apply(effect{kind: Session, reason: SelectInto, dirty: true, silent: true}, "EXPLAIN INTO")
			s.advance()
			if s.tok.kind == tokenVariable {
				s.advance()
			}
			continue
		case s.tok.word == myFor:
			s.advance()
			if s.takeOne("schema", "database") {
				s.advance()
				continue
			}
			s.apply(nodeLocal, "EXPLAIN FOR CONNECTION")
			s.rest(modeEffect)
			return
		}
		break
	}
	s.first()
	switch s.tok.word {
	case mySelect, myValues, myWith, myTable, myInsert, myReplace, myUpdate, myDelete:
		s.apply(plainRead, "")
		s.rest(modePlan)
		return
	}
	if s.tok.kind == tokenOpen {
		s.apply(plainRead, "")
		s.rest(modePlan)
		return
	}
	s.describe()
}

// describe is DESC of a table, or of one of its columns.
func (s *mysqlScanner) describe() {
	detail := "EXPLAIN " + s.firstWord()
	named := s.tok.isName()
	s.advance()
	for !s.ended() && (s.tok.kind == tokenDot || s.prev.kind == tokenDot) {
		s.advance()
	}
	s.advance()
	if named && s.ended() {
		s.apply(plainRead, "")
		return
	}
	s.apply(notUnderstood, detail)
	s.rest(modeEffect)
}

// format passes over FORMAT = x.
func (s *mysqlScanner) format() {
	if s.tok.word != myFormat {
		return
	}
	s.advance()
	if s.tok.kind == tokenOperator {
		s.advance()
	}
	if s.tok.kind == tokenName && s.tok.word == 0 || s.tok.kind == tokenString || s.tok.kind == tokenDouble {
		s.advance()
	}
}

// analyze is ANALYZE TABLE, or MariaDB's ANALYZE of a statement, which runs it.
func (s *mysqlScanner) analyze() {
	s.advance()
	s.format()
	switch s.tok.word {
	case mySelect, myValues, myWith, myInsert, myReplace, myUpdate, myDelete:
		s.first()
		s.one()
		return
	}
	if s.tok.kind == tokenOpen {
		s.first()
		s.one()
		return
	}
	s.apply(effect{reason: Maintenance, silent: true}, "ANALYZE")
	s.rest(modeEffect)
}
