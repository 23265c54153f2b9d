package statement

// postgresStatements are those whose first word decides. DO is dirty because its block
// may do anything with the session; a procedure may as well, but nobody could
// use a pool if every CALL cost a connection.
var postgresStatements = map[word]effect{
	kwInsert:     {reason: DataModification},
	kwUpdate:     {reason: DataModification},
	kwDelete:     {reason: DataModification},
	kwMerge:      {reason: DataModification},
	kwTruncate:   {reason: DataModification},
	kwLock:       {reason: TableLock},
	kwAlter:      {reason: Definition},
	kwDrop:       {reason: Definition},
	kwGrant:      {reason: Definition},
	kwRevoke:     {reason: Definition},
	kwComment:    {reason: Definition},
	kwSecurity:   {reason: Definition},
	kwReassign:   {reason: Definition},
	kwImport:     {reason: Definition},
	kwRefresh:    {reason: Maintenance},
	kwReindex:    {reason: Maintenance},
	kwVacuum:     {reason: Maintenance},
	kwAnalyze:    {reason: Maintenance},
	kwAnalyse:    {reason: Maintenance},
	kwCluster:    {reason: Maintenance},
	kwCheckpoint: {reason: Administration, silent: true},
	kwDo:         {reason: Procedure, dirty: true, silent: true},
	kwCall:       {reason: Procedure},
	kwNotify:     {reason: Notification},
	kwListen:     {kind: Session, reason: Listening, dirty: true},
	kwUnlisten:   {kind: Session, reason: Listening, dirty: true},
	kwReset:      {kind: Session, reason: Setting, dirty: true, silent: true},
	kwDiscard:    {kind: Session, reason: ConnectionState, dirty: true, silent: true},
	kwLoad:       {kind: Session, reason: ConnectionState, dirty: true, silent: true},
	kwDeallocate: {kind: Session, reason: PreparedStatement, dirty: true, silent: true},
	kwExecute:    {kind: Session, reason: PreparedStatement},
	kwFetch:      {kind: Session, reason: Cursor},
	kwMove:       {kind: Session, reason: Cursor},
	kwClose:      {kind: Session, reason: Cursor},
}

// create is CREATE: what is temporary belongs to its session.
func (s *postgresScanner) create() {
	s.verdict(Write, Definition, s.keywordOf(s.tok))
	s.advance()
	if s.take(kwOr) {
		s.take(kwReplace)
	}
	if s.tok.word == kwGlobal || s.tok.word == kwLocal {
		s.advance()
	}
	if s.tok.word == kwTemp || s.tok.word == kwTemporary {
		s.verdict(Session, TemporaryObject, s.keywordOf(s.tok))
		s.out.Dirty = true
	}
	if s.tok.word == kwFunction || s.tok.word == kwProcedure {
		s.routine()
		return
	}
	for !s.ended() {
		switch {
		case s.tok.word == kwExecute && s.prev.word == kwAs:
			s.verdict(Session, PreparedStatement, s.keywordOf(s.tok))
		case isTemporarySchema(s.identifier(s.tok)):
			s.out.Dirty = true
		}
		s.step(modeEffect)
		s.advance()
	}
	s.plainName(modeEffect)
}

// routine is CREATE FUNCTION or PROCEDURE, whose body may hold semicolons
// between BEGIN ATOMIC and END.
func (s *postgresScanner) routine() {
	depth := 0
	for s.tok.kind != tokenEnd && s.tok.kind != tokenError && (depth > 0 || s.tok.kind != tokenSemicolon) {
		switch s.tok.word {
		case kwAtomic:
			if s.prev.word == kwBegin {
				depth++
			}
		case kwCase:
			if depth > 0 {
				depth++
			}
		case kwEnd:
			if depth > 0 {
				depth--
			}
		}
		if isTemporarySchema(s.identifier(s.tok)) {
			s.out.Dirty = true
		}
		s.step(modeEffect)
		s.advance()
	}
	s.plainName(modeEffect)
}

// prepare is PREPARE, or the first phase of a two-phase commit.
func (s *postgresScanner) prepare() {
	s.advance()
	if s.tok.word == kwTransaction {
		s.advance()
		if s.tok.kind == tokenString {
			s.verdict(Session, TwoPhase, "PREPARE TRANSACTION")
			s.out.Transaction, s.out.Controls = Commit, true
			return
		}
	}
	s.verdict(Session, PreparedStatement, "PREPARE")
	s.out.Dirty = true
	s.out.SilentOnReplica = true
	s.rest(modePlan)
}

// declare is DECLARE … CURSOR; a holdable one outlives its transaction.
func (s *postgresScanner) declare() {
	s.verdict(Session, Cursor, "DECLARE")
	for !s.ended() {
		if s.tok.word == kwHold && s.prev.word == kwWith {
			s.out.Dirty = true
			s.out.SilentOnReplica = true
		}
		s.step(modeEffect)
		s.advance()
	}
	s.plainName(modeEffect)
}

// transaction is transaction control, and the second phase of a two-phase
// commit, which is any session's.
func (s *postgresScanner) transaction(w word) {
	first := s.keywordOf(s.tok)
	s.out.Controls = true
	s.advance()
	outcome := NoTransaction
	switch w {
	case kwBegin, kwStart:
		outcome = Begin
	case kwCommit, kwEnd:
		outcome = Commit
	case kwRollback, kwAbort:
		outcome = Rollback
	}
	if outcome == Commit || outcome == Rollback {
		if s.tok.word == kwPrepared {
			s.verdict(Write, TwoPhase, first+" PREPARED")
			s.rest(modeEffect)
			return
		}
		for !s.ended() {
			switch {
			case s.tok.word == kwTo:
				outcome = NoTransaction
			case s.tok.word == kwChain && s.prev.word == kwAnd:
				outcome = Begin
			}
			s.advance()
		}
	}
	s.verdict(Session, TransactionControl, first)
	if outcome != NoTransaction {
		s.out.Transaction = outcome
	}
	s.rest(modeEffect)
}
