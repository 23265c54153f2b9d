package statement

// withList follows WITH a (…) AS (…), b (…) AS (…). It tells whether the open
// parenthesis begins a column list, which looks like a call.
func (s *mysqlScanner) withList() (columns bool) {
	level := s.depth
	if s.tok.kind == tokenOpen {
		level--
	}
	if level < 0 || level >= maxDepth {
		return false
	}
	state := &s.cte[level]
	switch *state {
	case cteNone:
		if s.tok.word == myWith && (s.prev.kind == tokenEnd || s.prev.kind == tokenOpen) {
			*state = cteName
		}
		return false
	case cteName:
		switch {
		case s.tok.word == myRecursive && s.prev.word == myWith:
			return false
		case s.tok.isName():
			*state = cteColumns
			return false
		}
	case cteColumns:
		switch {
		case s.tok.kind == tokenOpen:
			return true
		case s.tok.kind == tokenClose:
			return false
		case s.tok.word == myAs:
			*state = cteBody
			return false
		}
	case cteBody:
		switch s.tok.kind {
		case tokenOpen:
			return false
		case tokenClose:
			*state = cteNext
			return false
		}
	case cteNext:
		switch {
		case s.tok.kind == tokenComma:
			*state = cteName
			return false
		case s.tok.word == myCycle:
			*state = cteSearch
			return false
		}
	case cteSearch: // CYCLE a, b RESTRICT
		if s.tok.word == myRestrict {
			*state = cteNext
			return false
		}
		if s.tok.isName() || s.tok.kind == tokenComma {
			return false
		}
	}
	*state = cteNone
	return false
}

// step looks at one token of a statement.
func (s *mysqlScanner) step(m mode) {
	columns := s.withList()
	switch s.tok.kind {
	case tokenOpen:
		if !columns && s.parts > 0 && s.prev.isName() {
			s.call(m)
		}
	case tokenVariable:
		s.variable()
	case tokenAssign:
		if s.prev.kind == tokenVariable {
			s.apply(effect{kind: Session, reason: ConnectionState, dirty: true, silent: true}, s.textOf(s.prev))
		}
	case tokenSystem:
		s.systemVariable(m)
	case tokenName, tokenQuoted, tokenDouble:
		s.clause(m)
	}
}

// clause looks at a name of a query for what makes it a write. The words are
// reserved, so that none of them is a column.
func (s *mysqlScanner) clause(m mode) {
	if s.parts > 1 {
		s.relation(m)
	}
	if m != modeQuery {
		if s.tok.word == myFor {
			s.sequence()
		}
		return
	}
	switch s.tok.word {
	case myUpdate:
		if s.prev.word == myFor {
			s.apply(effect{reason: RowLock, silent: true}, "FOR UPDATE")
		} else {
			s.change()
		}
	case myDelete:
		s.change()
	case myInsert, myReplace:
		if !s.opens() { // the functions of that name
			s.change()
		}
	case myShare:
		if s.prev.word == myFor {
			s.apply(effect{reason: RowLock, silent: true}, "FOR SHARE")
		}
	case myLock:
		s.apply(effect{reason: RowLock, silent: true}, "LOCK IN SHARE MODE")
	case myFor:
		s.sequence()
	case myInto:
		if !s.changes {
			s.assigns = SelectInto
			s.apply(effect{reason: SelectInto, silent: true}, "INTO")
		}
	case myProcedure:
		s.apply(effect{reason: Procedure, silent: true}, "PROCEDURE")
	case mySqlCalcFoundRows:
		s.apply(effect{kind: Session, reason: ConnectionState}, "SQL_CALC_FOUND_ROWS")
	}
}

func (s *mysqlScanner) change() {
	s.changes = true
	s.apply(effect{reason: DataModifyingCTE}, s.keywordOf(s.tok))
}

// sequence is NEXT VALUE FOR s and PREVIOUS VALUE FOR s.
func (s *mysqlScanner) sequence() {
	if s.prev.word != myValue {
		return
	}
	switch s.prev2.word {
	case myNext:
		s.apply(effect{reason: Sequence, silent: true}, "NEXT VALUE FOR")
	case myPrevious:
		s.apply(effect{kind: Session, reason: ConnectionState}, "PREVIOUS VALUE FOR")
	}
}

// opens reports whether a parenthesis follows the current token.
func (s *mysqlScanner) opens() bool { return s.ahead().kind == tokenOpen }

// ahead is the token after the current one.
func (s *mysqlScanner) ahead() token {
	ahead := s.lex
	t := ahead.next()
	s.lex.steps += ahead.pos - s.lex.pos
	return t
}

// call looks at the name before an open parenthesis.
func (s *mysqlScanner) call(m mode) {
	if s.notCall() {
		return
	}
	var buffer [maxFunctionName]byte
	name := foldInto(buffer[:], s.plainText(s.name))
	builtin := s.parts == 1 && s.name.kind == tokenName && mysqlBuiltin(name, s.lex.dialect) &&
		!(mysqlGlued(name) && s.name.end < s.tok.start)
	if builtin && !mysqlShadowed(name) {
		return
	}
	if s.parts == 1 || s.lex.dialect == MariaDB {
		if e, ok := mysqlEffect(name); ok {
			s.apply(e, s.textOf(s.name))
			return
		}
	}
	if m == modeEffect || s.out.Kind != Read {
		return
	}
	c := Call{Name: callName(s.identifier(s.name)), Builtin: builtin}
	switch {
	case s.parts == 2:
		c.Name = callName(s.identifier(s.schema)) + "." + c.Name
	case s.parts > 2:
		c.Name = `"` + s.identifier(s.schema) + "." + c.Name + `"` // of a package: never found
	}
	for i := range s.ncalls {
		if s.calls[i] == c {
			return
		}
	}
	if s.ncalls == maxCalls {
		s.apply(effect{reason: TooManyCalls}, c.Name)
		return
	}
	s.calls[s.ncalls] = c
	s.ncalls++
}

// plainText is the text of a name without its quotes.
func (s *mysqlScanner) plainText(t token) string {
	text := s.textOf(t)
	if t.kind == tokenQuoted || t.kind == tokenDouble {
		return text[1 : len(text)-1]
	}
	return text
}

// foldInto folds a name to lower case in a buffer. What does not fit is "",
// which is the name of no function of the server.
func foldInto(buffer []byte, name string) []byte {
	if len(name) > len(buffer) {
		return nil
	}
	for i := range len(name) {
		buffer[i] = toLower(name[i])
	}
	return buffer[:len(name)]
}

// notCall reports that the name before the parenthesis is a keyword with a
// syntax of its own, a type with a length, or an alias with column names. When
// in doubt it is a call.
func (s *mysqlScanner) notCall() bool {
	if s.before.word == myInto {
		return true // INSERT INTO t (a)
	}
	if s.parts != 1 {
		return false
	}
	if s.name.kind == tokenName && s.name.word&mySyntax != 0 {
		return true
	}
	switch s.before.kind {
	case tokenString, tokenNumber, tokenParam, tokenClose:
		// An operand: what follows is syntax, as in "MATCH (a) AGAINST ('b')",
		// or an alias.
		return true
	}
	switch {
	case s.before.word == myAs:
		return true
	case s.name.word == myOf && s.before.word == myMember:
		return s.lex.dialect == MySQL
	case s.name.word == myColumns && s.before.kind == tokenDouble:
		return true // JSON_TABLE(…, "$" COLUMNS (…))
	}
	if outer := s.depth - 1; outer >= 0 && outer < maxDepth && s.columns[outer] && s.before.kind != tokenOpen && s.before.kind != tokenComma {
		return true // the type of a column
	}
	// The arguments of a function are expressions; a query is none without
	// parentheses of its own.
	switch s.ahead().word {
	case mySelect, myWith, myTable:
		return true
	}
	return false
}
