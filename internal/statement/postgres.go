package statement

import "strings"

// classifyPostgres reads the text with standard_conforming_strings on, as it
// is by default, and where that setting decides how a string ends, also with
// it off.
func classifyPostgres(sql string) *Statement {
	if i := strings.IndexByte(sql, 0); i >= 0 {
		return &Statement{Reason: Stray, Detail: "NUL", Dirty: true}
	}
	var s postgresScanner
	s.lex.sql = sql
	s.text()
	if s.lex.suspect {
		return s.bothWays(sql)
	}
	return s.statement()
}

// bothWays compares the two readings of an ambiguous text. If only the usual
// one can be cut into tokens, the server cannot run the other: LIKE … ESCAPE
// '\' is such a text.
func (s *postgresScanner) bothWays(sql string) *Statement {
	var off postgresScanner
	off.lex.sql = sql
	off.lex.escapes = true
	off.text()
	st, other := s.statement(), off.statement()
	if !s.lex.broken() && (off.lex.broken() || st.equal(other)) {
		return st
	}
	// A write may hide in either, and so may a change of the session.
	merged := Statement{
		Reason:          AmbiguousString,
		Transaction:     max(st.Transaction, other.Transaction),
		Controls:        st.Controls || other.Controls,
		Dirty:           true,
		SilentOnReplica: st.SilentOnReplica || other.SilentOnReplica,
		Hint:            max(st.Hint, other.Hint),
	}
	if st.Kind == Session || other.Kind == Session {
		merged.Kind = Session
	}
	return &merged
}

// postgresScanner goes over a text once. It keeps the last tokens and a few
// bits for each open parenthesis, and never recurs.
type postgresScanner struct {
	lex postgresLexer
	out Statement
	any bool // a statement was seen

	tok                token
	prev, prev2, prev3 token

	// The name that ends at prev: its parts, and what stood before it.
	schema, name token
	parts        int
	before       token

	depth, brackets int
	opened          [maxDepth]word     // by depth: the word before its (
	cte             [maxDepth]cteState // by depth
	with, update    bool               // the statement has the word
	group           int                // 1 + depth of the GROUP BY list that the text is in, or 0

	calls  [maxCalls]Call
	ncalls int
}

// verdict merges what a part of the text is into what the text is.
func (s *postgresScanner) verdict(k Kind, r Reason, detail string) {
	if !s.any || k.over(s.out.Kind) {
		s.out.Kind, s.out.Reason, s.out.Detail = k, r, detail
	}
	s.any = true
}

func (s *postgresScanner) statement() *Statement {
	out := s.out
	out.Hint = s.lex.hint
	if out.Kind == Read && s.ncalls > 0 {
		out.Calls = append([]Call(nil), s.calls[:s.ncalls]...)
	}
	return &out
}

// text goes over all statements.
func (s *postgresScanner) text() {
	s.advance()
	for s.tok.kind != tokenEnd && s.tok.kind != tokenError {
		if s.tok.kind != tokenSemicolon {
			s.one()
			s.skip()
			if s.tok.kind == tokenError {
				break
			}
			if s.depth != 0 || s.brackets != 0 {
				s.verdict(Write, Unbalanced, "")
			}
		}
		s.depth, s.brackets = 0, 0
		s.with, s.update, s.group = false, false, 0
		s.cte[0] = cteNone
		if s.tok.kind == tokenSemicolon {
			s.advance()
		}
		s.first()
	}
	if s.tok.kind == tokenError {
		s.verdict(Write, s.lex.err, s.strayDetail())
		// The server may run what was not looked at here.
		s.out.Dirty = s.out.Dirty || s.lex.err == EscapedIdentifier
	}
	if !s.any {
		s.verdict(Write, Empty, "")
	}
}

// first makes the current token the first one of a statement.
func (s *postgresScanner) first() {
	s.prev, s.prev2, s.prev3, s.before = token{}, token{}, token{}, token{}
}

// skip passes over the rest of the statement.
func (s *postgresScanner) skip() {
	for !s.ended() {
		s.advance()
	}
}

func (s *postgresScanner) strayDetail() string {
	if s.lex.err != Stray || s.tok.start >= len(s.lex.sql) {
		return ""
	}
	return s.lex.sql[s.tok.start : s.tok.start+1]
}

func (s *postgresScanner) ended() bool {
	switch s.tok.kind {
	case tokenEnd, tokenError, tokenSemicolon:
		return true
	}
	return false
}

// advance takes the next token and keeps the account of what is open.
func (s *postgresScanner) advance() {
	last := s.tok
	s.prev3, s.prev2, s.prev = s.prev2, s.prev, last
	s.tok = s.lex.next()
	switch s.tok.kind {
	case tokenName, tokenQuoted:
		if last.kind == tokenDot {
			s.tok.word = 0 // any keyword may stand after a dot
		}
		if last.kind == tokenDot && s.parts > 0 {
			s.schema, s.name = s.name, s.tok
			s.parts++
		} else {
			s.before, s.name, s.parts = last, s.tok, 1
		}
	case tokenDot:
		if last.kind != tokenName && last.kind != tokenQuoted {
			s.parts = 0
		}
	case tokenOpen:
		s.depth++
		if d := s.depth; d < maxDepth && d > 0 {
			s.opened[d] = last.word
			s.cte[d] = cteNone
		}
	case tokenClose:
		if d := s.depth; d >= maxDepth || d <= 0 || s.opened[d] == kwOn || s.opened[d] == kwOperator {
			s.tok.word = callMayFollow
		}
		s.depth--
		if s.depth < 0 {
			s.tok = s.lex.fail(s.tok.start, Unbalanced)
		}
	case tokenOpenBracket:
		s.brackets++
	case tokenCloseBracket:
		s.brackets--
	}
}

// take goes on if the token is the keyword.
func (s *postgresScanner) take(w word) bool {
	if s.tok.word != w || s.tok.kind != tokenName {
		return false
	}
	s.advance()
	return true
}

func (s *postgresScanner) textOf(t token) string { return s.lex.sql[t.start:t.end] }

// keywordOf is the text of a keyword in capitals, for explanations.
func (s *postgresScanner) keywordOf(t token) string { return strings.ToUpper(s.textOf(t)) }

// one goes over one statement, by its first word.
func (s *postgresScanner) one() {
	for s.tok.kind == tokenOpen {
		s.advance()
	}
	if s.tok.kind == tokenError {
		return
	}
	nested := s.depth > 0
	w := s.tok.word
	if s.tok.kind != tokenName {
		w = 0
	}
	switch w {
	case kwSelect, kwValues, kwTable, kwWith:
		s.verdict(Read, Plain, "")
		s.rest(modeQuery)
		return
	}
	if nested {
		w = 0
	}
	switch w {
	case kwExplain:
		s.explain()
	case kwShow:
		s.show()
	case kwCopy:
		s.copy()
	case kwSet:
		s.set()
	case kwCreate:
		s.create()
	case kwPrepare:
		s.prepare()
	case kwDeclare:
		s.declare()
	case kwBegin, kwStart, kwCommit, kwEnd, kwRollback, kwAbort, kwSavepoint, kwRelease:
		s.transaction(w)
	default:
		simple := postgresStatements[w]
		if simple.reason == Unknown {
			s.verdict(Write, Unknown, s.firstWord())
			s.out.Dirty = true
			s.rest(modeEffect)
			return
		}
		s.verdict(simple.kind, simple.reason, s.keywordOf(s.tok))
		s.out.Dirty = s.out.Dirty || simple.dirty
		s.out.SilentOnReplica = s.out.SilentOnReplica || simple.silent
		s.rest(modeEffect)
	}
}

func (s *postgresScanner) firstWord() string {
	const longest = 40
	switch s.tok.kind {
	case tokenName:
		return strings.ToValidUTF8(s.textOf(s.tok)[:min(longest, s.tok.end-s.tok.start)], "")
	case tokenEnd, tokenError:
		return ""
	}
	return s.textOf(s.tok)[:1]
}

// rest goes over what is left of the statement.
func (s *postgresScanner) rest(m mode) {
	for !s.ended() {
		s.step(m)
		s.advance()
	}
	s.plainName(m)
}
