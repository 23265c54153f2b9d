package statement

// transaction is transaction control.
func (s *mysqlScanner) transaction(w word) {
	control := effect{kind: Session, reason: TransactionControl, silent: true}
	first := s.keywordOf(s.tok)
	s.advance()
	outcome := NoTransaction
	switch w {
	case myBegin:
		if s.is("not") {
			s.compound() // BEGIN NOT ATOMIC
			return
		}
		if !s.ended() && !s.is("work") {
			// BEGIN of a block with sql_mode=ORACLE.
			s.compound()
			return
		}
		outcome = Begin
	case myStart:
		if s.tok.word != myTransaction {
			s.apply(effect{reason: ReplicationControl, silent: true}, "START")
			s.rest(modeEffect)
			return
		}
		outcome = Begin
	case myCommit, myRollback:
		outcome = Commit
		if w == myRollback {
			outcome = Rollback
		}
		for !s.ended() {
			switch {
			case s.is("to"):
				outcome = NoTransaction
			case s.is("chain") && !equalFold(s.textOf(s.prev), "no"):
				outcome = Begin
			case s.tok.word == myRelease && !equalFold(s.textOf(s.prev), "no"):
				control.dirty = true // the server ends the connection
			}
			s.advance()
		}
		control.silent = outcome != NoTransaction
	default: // SAVEPOINT, RELEASE SAVEPOINT
		control.silent = false
	}
	s.apply(control, first)
	if outcome != NoTransaction {
		s.out.Transaction = outcome
	}
	s.rest(modeEffect)
}

// xa is XA. Between its START and its COMMIT everything is in the transaction.
func (s *mysqlScanner) xa() {
	s.apply(effect{kind: Session, reason: TwoPhase, silent: true}, "XA")
	s.advance()
	switch s.tok.word {
	case myStart, myBegin:
		s.out.Transaction = Begin
	case myCommit:
		s.out.Transaction = Commit
	case myRollback:
		s.out.Transaction = Rollback
	}
	s.skip()
}
