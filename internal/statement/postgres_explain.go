package statement

// explain is EXPLAIN. Without ANALYZE nothing is executed, whatever the
// statement is.
func (s *postgresScanner) explain() {
	s.advance()
	analyze := false
	if s.tok.kind == tokenOpen {
		analyze = s.explainOptions()
	} else {
		if s.tok.word == kwAnalyze || s.tok.word == kwAnalyse {
			analyze = true
			s.advance()
		}
		s.take(kwVerbose)
	}
	if analyze {
		s.first()
		s.one()
		return
	}
	for s.tok.kind == tokenOpen {
		s.advance()
	}
	switch s.tok.word {
	case kwExecute:
		s.verdict(Session, PreparedStatement, "EXECUTE")
	case kwSelect, kwValues, kwTable, kwWith, kwInsert, kwUpdate, kwDelete, kwMerge,
		kwDeclare, kwCreate, kwRefresh:
		s.verdict(Read, Plain, "")
	default:
		s.verdict(Write, Unknown, "EXPLAIN "+s.firstWord())
	}
	for !s.ended() {
		if s.tok.word == kwTemp || s.tok.word == kwTemporary {
			switch s.prev.word {
			case kwCreate, kwInto, kwLocal, kwGlobal:
				// Not even its plan is to be had from a replica.
				s.verdict(Write, TemporaryObject, s.keywordOf(s.tok))
			}
		}
		s.step(modePlan)
		s.advance()
	}
	s.plainName(modePlan)
}

// explainOptions goes over "(ANALYZE false, …)" and reports whether ANALYZE is
// on. The last one counts; a value that is not clearly off is on. A
// parenthesised query has no options.
func (s *postgresScanner) explainOptions() (analyze bool) {
	ahead := s.lex
	first := ahead.next()
	second := ahead.next()
	s.lex.steps += ahead.pos - s.lex.pos
	switch {
	case first.kind == tokenOpen, first.word == kwSelect, first.word == kwWith, first.word == kwTable,
		first.word == kwValues && second.kind == tokenOpen:
		return false
	}
	s.advance()
	for !s.ended() && s.depth > 0 {
		isAnalyze := (s.tok.kind == tokenName || s.tok.kind == tokenQuoted) && s.analyzeName()
		s.advance()
		off := false
		if isAnalyze && s.tok.kind != tokenComma && s.tok.kind != tokenClose {
			off = s.off()
			s.advance()
			off = off && (s.tok.kind == tokenComma || s.tok.kind == tokenClose)
		}
		if isAnalyze {
			analyze = !off
		}
		for !s.ended() && s.depth > 0 && s.tok.kind != tokenComma {
			s.advance()
		}
		if s.tok.kind == tokenComma {
			s.advance()
		}
	}
	if s.tok.kind == tokenClose {
		s.advance()
	}
	return analyze
}

func (s *postgresScanner) analyzeName() bool {
	name := unquote(s.textOf(s.tok))
	return equalFold(name, "analyze") || equalFold(name, "analyse")
}

func (s *postgresScanner) off() bool {
	text := s.textOf(s.tok)
	switch s.tok.kind {
	case tokenNumber:
		return text == "0"
	case tokenName, tokenQuoted:
		text = unquote(text)
	case tokenString:
		text = plainString(text)
	default:
		return false
	}
	return equalFold(text, "false") || equalFold(text, "off")
}

// plainString is the text of a plain string.
func plainString(literal string) string {
	if len(literal) < 2 || literal[0] != '\'' {
		return ""
	}
	return literal[1 : len(literal)-1]
}
