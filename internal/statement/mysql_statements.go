package statement

// mysqlStatements are those whose first word decides. The server itself refuses
// only plain changes of data in a read-only transaction; the others end it, or
// have nothing to do with it.
var mysqlStatements = map[word]effect{
	myInsert:    {reason: DataModification},
	myReplace:   {reason: DataModification},
	myUpdate:    {reason: DataModification},
	myDelete:    {reason: DataModification},
	myTruncate:  {reason: DataModification, silent: true},
	myAlter:     {reason: Definition, silent: true},
	myRename:    {reason: Definition, silent: true},
	myGrant:     {reason: Definition, silent: true},
	myRevoke:    {reason: Definition, silent: true},
	myImport:    {reason: Definition, silent: true},
	myOptimize:  {reason: Maintenance, silent: true},
	myRepair:    {reason: Maintenance, silent: true},
	myCheck:     {reason: Maintenance, silent: true},
	myCache:     {reason: Administration, silent: true},
	myClone:     {reason: Administration, silent: true},
	myInstall:   {reason: Administration, silent: true},
	myUninstall: {reason: Administration, silent: true},
	myKill:      {reason: Administration, silent: true},
	myShutdown:  {reason: Administration, silent: true},
	myRestart:   {reason: Administration, silent: true},
	myReset:     {reason: ReplicationControl, silent: true},
	myChange:    {reason: ReplicationControl, silent: true},
	myPurge:     {reason: ReplicationControl, silent: true},
	myStop:      {reason: ReplicationControl, silent: true},
	// It runs the events of another server's log in this session.
	myBinlog:     {kind: Session, reason: ReplicationControl, dirty: true, silent: true},
	myBackup:     {kind: Session, reason: ReplicationControl, dirty: true, silent: true},
	myDo:         {reason: Procedure, silent: true},
	myHandler:    {kind: Session, reason: Cursor, dirty: true, silent: true},
	myLock:       {kind: Session, reason: TableLock, dirty: true, silent: true},
	myUnlock:     {kind: Session, reason: TableLock, dirty: true, silent: true},
	myUse:        {kind: Session, reason: Setting, dirty: true, silent: true},
	myPrepare:    {kind: Session, reason: PreparedStatement, dirty: true, silent: true},
	myDeallocate: {kind: Session, reason: PreparedStatement, dirty: true, silent: true},
	mySignal:     {kind: Session, reason: ConnectionState, silent: true},
	myResignal:   {kind: Session, reason: ConnectionState, silent: true},
}

// notUnderstood is a statement that may do anything.
var notUnderstood = effect{reason: Unknown, dirty: true, silent: true, begins: true}

// one goes over one statement, by its first word.
func (s *mysqlScanner) one() {
	for s.tok.kind == tokenOpen {
		s.advance()
	}
	if s.tok.kind == tokenError {
		return
	}
	w := s.tok.word
	switch w {
	case mySelect, myValues, myWith:
		s.apply(plainRead, "")
		s.rest(modeQuery)
		return
	case myTable:
		if s.lex.dialect == MySQL {
			s.apply(plainRead, "")
			s.rest(modeQuery)
			return
		}
		w = 0
	}
	if s.depth > 0 {
		w = 0
	}
	switch w {
	case myDesc, myDescribe, myExplain:
		s.explain()
	case myAnalyze:
		s.analyze()
	case myShow:
		s.show()
	case myHelp:
		s.apply(plainRead, "")
		s.rest(modeQuery)
	case myChecksum:
		s.checksum()
	case mySet:
		s.set()
	case myCreate:
		s.create()
	case myGrant, myRevoke, myRename:
		s.apply(mysqlStatements[w], s.keywordOf(s.tok))
		s.skip() // user@host is no variable
	case myAlter:
		s.apply(mysqlStatements[w], "ALTER")
		s.advance()
		s.definition()
	case myDrop:
		s.drop()
	case myLoad:
		s.load()
	case myFlush:
		s.flush()
	case myCall:
		s.assigns = ConnectionState // its OUT parameters
		s.apply(effect{reason: Procedure, silent: true, begins: true}, "CALL")
		s.advance()
		s.rest(modeEffect)
	case myExecute:
		s.execute()
	case myGet:
		s.diagnostics()
	case myBegin, myStart, myCommit, myRollback, mySavepoint, myRelease:
		s.transaction(w)
	case myXa:
		s.xa()
	case myIf, myCase, myLoop, myWhile, myRepeat, myFor:
		s.compound()
	default:
		s.simple(w)
	}
}

func (s *mysqlScanner) simple(w word) {
	e, known := mysqlStatements[w]
	if known {
		s.apply(e, s.keywordOf(s.tok))
		s.rest(modeEffect)
		return
	}
	word := s.firstWord()
	label := s.tok.isName()
	s.advance()
	if label && s.tok.kind == tokenOperator && s.textOf(s.tok) == ":" {
		s.compound()
		return
	}
	s.apply(notUnderstood, word)
	s.rest(modeEffect)
}

// compound is a block of MariaDB outside of a routine. It may hold semicolons
// and do anything with the session, so that what follows it adds nothing.
func (s *mysqlScanner) compound() {
	s.apply(effect{reason: Procedure, dirty: true, silent: true, begins: true}, "compound statement")
	for s.tok.kind != tokenEnd && s.tok.kind != tokenError {
		s.step(modeEffect)
		s.semicolon = s.semicolon || s.tok.kind == tokenSemicolon
		s.shift()
	}
}

func (s *mysqlScanner) checksum() {
	s.advance()
	if s.takeOne("table", "tables") {
		s.apply(plainRead, "")
	} else {
		s.apply(notUnderstood, "CHECKSUM")
	}
	s.rest(modeQuery)
}

// create is CREATE: what is temporary belongs to its session.
func (s *mysqlScanner) create() {
	s.apply(effect{reason: Definition, silent: true}, "CREATE")
	s.advance()
	if s.takeOne("or") {
		s.take(myReplace)
	}
	if s.tok.word == myTemporary {
		s.apply(effect{kind: Session, reason: TemporaryObject, dirty: true, silent: true}, "TEMPORARY")
	}
	s.definition()
}

func (s *mysqlScanner) drop() {
	s.apply(effect{reason: Definition, silent: true}, "DROP")
	s.advance()
	switch s.tok.word {
	case myTemporary:
		s.apply(effect{kind: Session, reason: TemporaryObject, dirty: true, silent: true}, "TEMPORARY")
	case myPrepare:
		s.apply(mysqlStatements[myDeallocate], "DROP PREPARE")
	}
	s.skip()
}

// definition is the rest of CREATE or ALTER. A routine, trigger or event has a
// body that is not executed now.
func (s *mysqlScanner) definition() {
	for !s.ended() {
		switch s.tok.word {
		case myProcedure, myFunction, myTrigger, myEvent, myPackage:
			s.body()
			return
		case myTable, mySelect, myAs:
			s.rest(modeEffect)
			return
		}
		s.advance()
	}
}

// body passes over a routine up to the semicolon that ends it. Only CASE and a
// BEGIN where a statement may begin are counted, so that a column of such a
// name opens nothing: to end too early is safe.
func (s *mysqlScanner) body() {
	depth := 0
	single := false // the body is one statement, and it has begun
	closed := false // the last END was counted
	for s.tok.kind != tokenEnd && s.tok.kind != tokenError && (depth > 0 || s.tok.kind != tokenSemicolon) {
		s.semicolon = s.semicolon || s.tok.kind == tokenSemicolon
		switch s.tok.word {
		case mySelect, myInto, myFrom, mySet, myCall, myReturn, myValues:
			single = single || depth == 0 && !equalFold(s.textOf(s.prev), "character")
		case myBegin:
			if depth == 0 && !single && s.prev.kind != tokenOpen && s.prev.kind != tokenComma ||
				depth > 0 && s.prev.beginsStatement(s.textOf(s.prev)) {
				depth++
			}
		case myCase:
			if depth > 0 && s.prev.word != myEnd {
				depth++
			}
		case myEnd:
			closed = depth > 0
			if closed {
				depth--
			}
		case myIf, myLoop, myRepeat, myWhile, myFor:
			if closed && s.prev.word == myEnd {
				depth++ // these were not counted
			}
		}
		s.shift()
	}
	if depth > 0 {
		// What was passed over may have been statements of their own.
		s.apply(effect{reason: Definition, dirty: true, silent: true, begins: true}, "")
	}
}

// beginsStatement: a statement of a routine may follow the token.
func (t token) beginsStatement(text string) bool {
	switch t.word {
	case myThen, myElse, myDo, myLoop, myRepeat, myBegin:
		return true
	}
	return t.kind == tokenSemicolon || t.kind == tokenOperator && text == ":"
}

// load is LOAD DATA and LOAD XML, which may set variables, or LOAD INDEX.
func (s *mysqlScanner) load() {
	s.advance()
	if s.is("data") || s.is("xml") {
		s.assigns = ConnectionState
		s.apply(effect{reason: DataModification}, "LOAD")
	} else {
		s.apply(effect{reason: Administration, silent: true}, "LOAD")
	}
	s.rest(modeEffect)
}

// flush is FLUSH. With a lock it is held by the session.
func (s *mysqlScanner) flush() {
	s.apply(effect{reason: Administration, silent: true}, "FLUSH")
	for !s.ended() {
		if s.tok.word == myLock && s.prev.word == myRead || s.is("export") && s.prev.word == myFor {
			s.apply(mysqlStatements[myLock], "FLUSH")
		}
		s.step(modeEffect)
		s.advance()
	}
}

// execute is EXECUTE, of a text that is not seen here.
func (s *mysqlScanner) execute() {
	e := effect{kind: Session, reason: PreparedStatement, silent: true, begins: true}
	s.advance()
	// The text of EXECUTE IMMEDIATE may do anything; PREPARE has made the
	// connection dirty already.
	e.dirty = s.is("immediate")
	s.apply(e, "EXECUTE")
	s.rest(modeEffect)
}

// diagnostics is GET DIAGNOSTICS.
func (s *mysqlScanner) diagnostics() {
	s.apply(effect{kind: Session, reason: ConnectionState, dirty: true, previous: true}, "GET DIAGNOSTICS")
	s.skip()
}
