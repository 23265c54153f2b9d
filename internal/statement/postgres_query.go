package statement

// cteState is where in a WITH list a text is.
type cteState uint8

const (
	cteNone    cteState = iota
	cteName             // a name comes
	cteColumns          // its column list or AS comes
	cteBody             // after AS: the query in parentheses comes
	cteNext             // after the query
	cteSearch           // in SEARCH … or CYCLE …
)

// withList follows WITH a (…) AS (…), b (…) AS (…). It tells whether the open
// parenthesis begins a column list, which looks like a call.
func (s *postgresScanner) withList() (columns bool) {
	if s.depth >= maxDepth {
		return false
	}
	level := s.depth
	if s.tok.kind == tokenOpen {
		level--
	}
	state := &s.cte[level]
	switch *state {
	case cteNone:
		if s.tok.word == kwWith && (s.prev.kind == tokenEnd || s.prev.kind == tokenOpen) {
			*state = cteName
		}
		return false
	case cteName:
		switch {
		case s.tok.word == kwRecursive && s.prev.word == kwWith:
			return false
		case s.tok.kind == tokenName || s.tok.kind == tokenQuoted:
			*state = cteColumns
			return false
		}
	case cteColumns:
		switch {
		case s.tok.kind == tokenOpen:
			return true
		case s.tok.kind == tokenClose:
			return false
		case s.tok.word == kwAs:
			*state = cteBody
			return false
		}
	case cteBody:
		switch {
		case s.tok.word == kwNot, s.tok.word == kwMaterialized, s.tok.kind == tokenOpen:
			return false
		case s.tok.kind == tokenClose:
			*state = cteNext
			return false
		}
	case cteNext:
		switch {
		case s.tok.kind == tokenComma:
			*state = cteName
			return false
		case s.tok.word == kwSearch, s.tok.word == kwCycle:
			*state = cteSearch
			return false
		}
	case cteSearch:
		// Commas separate columns and queries alike here; only the name of a
		// query is followed by a parenthesis or AS.
		switch s.tok.word {
		case kwAs:
			*state = cteBody
			return false
		case kwSelect, kwValues, kwTable, kwInsert, kwUpdate, kwDelete, kwMerge:
			*state = cteNone
			return false
		}
		if s.tok.kind == tokenOpen {
			if s.before.kind == tokenComma && s.parts == 1 {
				*state = cteColumns
				return true
			}
			*state = cteNone
		}
		return false
	}
	*state = cteNone
	return false
}

// step looks at one token of a statement.
func (s *postgresScanner) step(m mode) {
	columns := s.withList()
	s.plainName(m)
	if s.tok.kind == tokenOpen && !columns && m != modePlan && s.parts > 0 &&
		(s.prev.kind == tokenName || s.prev.kind == tokenQuoted) {
		s.call(m)
	}
	if m == modeQuery && (s.tok.kind == tokenName || s.tok.kind == tokenQuoted) {
		s.clause()
	}
}

// clause looks at a name of a query for what makes it a write.
func (s *postgresScanner) clause() {
	if s.group > s.depth+1 || s.group == s.depth+1 && s.tok.word.category() == reserved {
		s.group = 0
	}
	switch s.tok.word {
	case kwWith:
		s.with = true
	case kwBy:
		if s.prev.word == kwGroup {
			s.group = s.depth + 1
		}
	case kwUpdate:
		s.update = true
		if s.prev.word == kwFor {
			s.verdict(Write, RowLock, "FOR UPDATE")
		}
	case kwShare:
		if s.prev.word == kwFor {
			s.verdict(Write, RowLock, "FOR SHARE")
		} else if s.prev.word == kwKey && s.prev2.word == kwFor {
			s.verdict(Write, RowLock, "FOR KEY SHARE")
		}
	case kwKey:
		if s.prev.word == kwNo && s.prev2.word == kwFor {
			s.verdict(Write, RowLock, "FOR NO KEY UPDATE")
		}
	case kwInto:
		switch {
		case s.with && (s.prev.word == kwInsert || s.prev.word == kwMerge):
			s.verdict(Write, DataModifyingCTE, s.keywordOf(s.prev))
		case s.prev.word != kwAs:
			s.verdict(Write, SelectInto, "INTO")
		}
	case kwFrom:
		if s.with && s.prev.word == kwDelete {
			s.verdict(Write, DataModifyingCTE, "DELETE")
		}
	case kwTemp, kwTemporary:
		if s.prev.word == kwInto || s.prev2.word == kwInto && (s.prev.word == kwLocal || s.prev.word == kwGlobal) {
			s.verdict(Session, TemporaryObject, s.keywordOf(s.tok))
			s.out.Dirty = true
		}
	}
	if s.with && s.prev.word == kwUpdate && s.tok.word != kwFrom {
		// UPDATE is no reserved word; a table's name must follow it. Where
		// it is a column the text is a write without need.
		switch c := s.tok.word.category(); {
		case c == reserved && s.tok.word != kwOnly, c == typeOrFunction:
		default:
			s.verdict(Write, DataModifyingCTE, "UPDATE")
		}
	}
}

// call looks at the name before an open parenthesis.
func (s *postgresScanner) call(m mode) {
	if s.notCall() {
		return
	}
	name := s.identifier(s.name)
	if e, ok := postgresEffect(name); ok {
		s.effect(name, e)
		return
	}
	if m != modeQuery || s.out.Kind != Read {
		return
	}
	if name == "current_setting" && (s.parts == 1 || s.identifier(s.schema) == "pg_catalog") {
		s.currentSetting()
	}
	c := Call{Name: name}
	switch {
	case s.parts == 1:
		c.Builtin = postgresBuiltin(name)
		if s.name.kind == tokenQuoted {
			c.Name = callName(name)
		}
	case s.parts == 2:
		schema := s.identifier(s.schema)
		c.Builtin = schema == "pg_catalog" && postgresBuiltin(name)
		c.Name = callName(schema) + "." + callName(name)
	default:
		c.Name = callName(s.textOf(s.schema)) + "." + callName(s.textOf(s.name))
		c.Name = `"` + c.Name + `"` // of another database: never found
	}
	for i := range s.ncalls {
		if s.calls[i] == c {
			return
		}
	}
	if s.ncalls == maxCalls {
		s.verdict(Write, TooManyCalls, c.Name)
		return
	}
	s.calls[s.ncalls] = c
	s.ncalls++
}

// notCall reports that the name before the parenthesis is a keyword with a
// syntax of its own, a type with modifiers, or an alias with column names.
// When in doubt it is a call.
func (s *postgresScanner) notCall() bool {
	w, before := s.name.word, s.before.word
	if s.parts == 1 && s.name.kind == tokenName {
		switch w.category() {
		case reserved:
			return true
		case columnName:
			switch w {
			case kwSubstring, kwOverlay, kwTreat:
				// The first two may find a user's function; the last is the
				// call of any function of pg_catalog.
			default:
				return true
			}
		}
		switch w {
		case kwJoin:
			switch before {
			case kwLeft, kwRight, kwFull, kwInner, kwOuter, kwCross, kwNatural:
				return true
			}
		case kwBy:
			if before == kwGroup || before == kwOrder || before == kwPartition {
				return true
			}
		case kwLike, kwIlike:
			if before == kwNot && s.prev3.operand() {
				return true
			}
		case kwOperator:
			return true // it cannot be the name of a function there
		case kwRollup, kwCube:
			// Syntax in the list of a GROUP BY or of its GROUPING SETS, and
			// a function anywhere else.
			outer := s.depth - 1
			if s.group == s.depth && (before == kwBy || s.before.kind == tokenComma) ||
				s.group > 0 && outer < maxDepth && s.opened[outer] == kwSets {
				return true
			}
		case kwContent, kwDocument:
			if outer := s.depth - 1; s.before.kind == tokenOpen && outer < maxDepth && (s.opened[outer] == kwXmlparse || s.opened[outer] == kwXmlserialize) {
				return true
			}
		case kwSets:
			if before == kwGrouping {
				return true
			}
		case kwZone:
			if before == kwTime {
				return true
			}
		case kwMaterialized:
			if before == kwNot {
				return true
			}
		case kwFirst, kwNext:
			if before == kwFetch {
				return true
			}
		case kwVarying:
			switch before {
			case kwCharacter, kwChar, kwBit, kwNchar:
				return true
			}
		}
	}
	switch s.before.kind {
	case tokenCast:
		return true
	case tokenQuoted:
		// XMLTABLE takes PATH and an expression, and PATH may be in quotes.
		return s.identifier(s.before) != "path"
	case tokenClose:
		return before != callMayFollow
	case tokenString, tokenNumber, tokenParam, tokenCloseBracket:
		// An operand: what follows is syntax, as in "x LIKE 'a' ESCAPE ('b')".
		return s.parts == 1 && w != 0
	case tokenName:
		switch before {
		case 0, kwAs, kwTablesample:
			return true
		case kwOrdinality, kwData, kwType, kwAction, kwClass, kwComment, kwComments, kwDomain, kwEvent, kwLabel,
			kwLanguage, kwLocation, kwMethod, kwName, kwOwner, kwRole, kwSession, kwSchema, kwSource,
			kwStatistics, kwTables, kwText, kwTransaction, kwViews:
			// Keywords that no expression follows: names of tables and columns.
			return true
		}
	}
	return false
}

// operand reports that the token surely ends one.
func (t token) operand() bool {
	switch t.kind {
	case tokenQuoted, tokenString, tokenNumber, tokenParam, tokenCloseBracket:
		return true
	case tokenName, tokenClose:
		return t.word == 0
	}
	return false
}

// effect takes over what a function does.
func (s *postgresScanner) effect(name string, e effect) {
	s.verdict(e.kind, e.reason, name)
	if name == "set_config" && !s.out.Dirty && s.localSetting() {
		return // as SET LOCAL
	}
	s.out.Dirty = s.out.Dirty || e.dirty
	s.out.SilentOnReplica = s.out.SilentOnReplica || e.silent
}

// lookAhead bounds how many tokens an argument list is looked at.
const lookAhead = 64

// localSetting looks at the arguments of set_config, whose parenthesis is the
// current token, for a third one that is literally true.
func (s *postgresScanner) localSetting() bool {
	ahead := s.lex
	defer func() { s.lex.steps += ahead.pos - s.lex.pos }()
	depth, commas := 1, 0
	var prev, prev2 token
	for range lookAhead {
		t := ahead.next()
		switch t.kind {
		case tokenEnd, tokenError:
			return false
		case tokenOpen:
			depth++
		case tokenClose:
			depth--
		case tokenComma:
			if depth == 1 {
				commas++
			}
		}
		if depth == 0 {
			return commas == 2 && prev.word == kwTrue && prev2.kind == tokenComma
		}
		prev2, prev = prev, t
	}
	return false
}

// currentSetting looks at the argument of current_setting. One that is not
// literal may name a setting of the server.
func (s *postgresScanner) currentSetting() {
	ahead := s.lex
	t := ahead.next()
	s.lex.steps += ahead.pos - s.lex.pos
	name := ""
	if t.kind == tokenString {
		name = plainString(s.textOf(t))
	}
	if name == "" || nodeSetting(lower(name)) {
		s.verdict(Write, NodeLocal, "current_setting")
	}
}
