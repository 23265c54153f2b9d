package statement

// copy is COPY, of which only the way to the client is a read.
func (s *postgresScanner) copy() {
	s.verdict(Read, Plain, "")
	s.advance()
	if s.tok.kind == tokenOpen {
		s.advance()
		for s.tok.kind == tokenOpen {
			s.advance()
		}
		switch s.tok.word {
		case kwSelect, kwValues, kwTable, kwWith:
		default:
			s.verdict(Write, CopyData, "COPY "+s.firstWord())
			s.rest(modeEffect)
			return
		}
		for !s.ended() && s.depth > 0 {
			s.step(modeQuery)
			s.advance()
		}
		s.plainName(modeQuery)
	}
	for !s.ended() && !(s.depth == 0 && (s.tok.word == kwTo || s.tok.word == kwFrom)) {
		s.step(modePlan)
		s.advance()
	}
	direction := s.tok.word
	s.advance()
	if direction != kwTo || s.tok.word != kwStdout {
		s.verdict(Write, CopyData, "COPY")
	}
	s.skip()
}
