package statement

import (
	"slices"
	"strings"
)

// mysqlScanner goes over a text once in one reading. It keeps the last tokens
// and a few bits for each open parenthesis.
type mysqlScanner struct {
	lex       mysqlLexer
	out       Statement
	any       bool // a statement was seen
	semicolon bool // one was seen: what is before it may have run

	tok                token
	prev, prev2, prev3 token

	// The name that ends at prev: its parts, and what stood before it.
	schema, name token
	parts        int
	before       token

	depth   int
	columns [maxDepth]bool     // by depth: in the column list of JSON_TABLE
	cte     [maxDepth]cteState // by depth
	changes bool               // the statement has INSERT, UPDATE or DELETE
	// assigns is why the statement gives values to the variables that it names,
	// or Unknown if it does not.
	assigns Reason

	calls  [maxCalls]Call
	ncalls int
}

// plainRead is the effect of a read.
var plainRead = effect{kind: Read, reason: Plain}

// apply merges what a part of the text does into what the text is.
func (s *mysqlScanner) apply(e effect, detail string) {
	if !s.any || e.kind.over(s.out.Kind) {
		s.out.Kind, s.out.Reason, s.out.Detail = e.kind, e.reason, detail
	}
	s.any = true
	s.out.Dirty = s.out.Dirty || e.dirty
	s.out.SilentOnReplica = s.out.SilentOnReplica || e.silent
	s.out.MayBegin = s.out.MayBegin || e.begins
	s.out.Previous = s.out.Previous || e.previous
}

func (s *mysqlScanner) statement() *Statement {
	out := s.out
	out.Hint = s.lex.hint
	if out.Kind == Read && s.ncalls > 0 {
		out.Calls = append([]Call(nil), s.calls[:s.ncalls]...)
	}
	return &out
}

// text goes over all statements.
func (s *mysqlScanner) text() {
	s.shift()
	for s.tok.kind != tokenEnd && s.tok.kind != tokenError {
		if s.tok.kind != tokenSemicolon {
			s.one()
			s.skip()
			if s.tok.kind == tokenError {
				break
			}
			if s.depth != 0 {
				s.apply(effect{reason: Unbalanced, silent: true}, "")
			}
		}
		s.depth, s.changes, s.assigns = 0, false, Unknown
		s.cte[0] = cteNone
		if s.tok.kind == tokenSemicolon {
			s.semicolon = true
			s.shift()
		}
		s.first()
	}
	if s.tok.kind == tokenError {
		// The server may run what was not looked at here.
		unsure := s.lex.err == AmbiguousString
		s.apply(effect{reason: s.lex.err, silent: true, dirty: unsure, begins: unsure}, s.strayDetail())
	}
	if !s.any {
		s.apply(effect{reason: Empty}, "")
	}
}

// first makes the current token the first one of a statement.
func (s *mysqlScanner) first() {
	s.prev, s.prev2, s.prev3, s.before = token{}, token{}, token{}, token{}
}

// skip passes over the rest of the statement.
func (s *mysqlScanner) skip() {
	for !s.ended() {
		s.advance()
	}
}

func (s *mysqlScanner) strayDetail() string {
	if s.lex.err != Stray || s.tok.start >= len(s.lex.sql) {
		return ""
	}
	return s.lex.sql[s.tok.start : s.tok.start+1]
}

func (s *mysqlScanner) ended() bool {
	switch s.tok.kind {
	case tokenEnd, tokenError, tokenSemicolon:
		return true
	}
	return false
}

// advance takes the next token of the statement, and none after its end.
func (s *mysqlScanner) advance() {
	if !s.ended() {
		s.shift()
	}
}

// shift takes the next token of the text and keeps the account of what is open.
func (s *mysqlScanner) shift() {
	last := s.tok
	s.prev3, s.prev2, s.prev = s.prev2, s.prev, last
	s.tok = s.lex.next()
	switch s.tok.kind {
	case tokenName, tokenQuoted, tokenDouble:
		if last.kind == tokenDot && s.parts > 0 {
			s.schema, s.name = s.name, s.tok
			s.parts++
		} else {
			s.before, s.name, s.parts = last, s.tok, 1
		}
	case tokenDot:
		if !last.isName() {
			s.parts = 0
		}
	case tokenOpen:
		s.depth++
		if d := s.depth; d < maxDepth && d > 0 {
			s.cte[d] = cteNone
			s.columns[d] = last.word == myColumns && (s.prev2.kind == tokenString || s.prev2.kind == tokenDouble)
		}
	case tokenClose:
		s.depth--
		if s.depth < 0 {
			s.tok = s.lex.fail(s.tok.start, Unbalanced)
		}
	}
}

// isName: the token may be a name. A "…" is one with ANSI_QUOTES.
func (t token) isName() bool {
	return t.kind == tokenName || t.kind == tokenQuoted || t.kind == tokenDouble
}

// take goes on if the token is the keyword.
func (s *mysqlScanner) take(w word) bool {
	if s.tok.word != w {
		return false
	}
	s.advance()
	return true
}

// is reports whether the current token is the word, which needs no number of
// its own because it matters in one place only.
func (s *mysqlScanner) is(lower string) bool {
	return s.tok.kind == tokenName && equalFold(s.textOf(s.tok), lower)
}

// takeOne goes on if the token is one of the words.
func (s *mysqlScanner) takeOne(words ...string) bool {
	if slices.ContainsFunc(words, s.is) {
		s.advance()
		return true
	}
	return false
}

func (s *mysqlScanner) textOf(t token) string { return s.lex.sql[t.start:t.end] }

// keywordOf is the text of a keyword in capitals, for explanations.
func (s *mysqlScanner) keywordOf(t token) string { return strings.ToUpper(s.textOf(t)) }

// firstWord is the current token, for explanations.
func (s *mysqlScanner) firstWord() string {
	const longest = 40
	switch s.tok.kind {
	case tokenName:
		return strings.ToValidUTF8(s.textOf(s.tok)[:min(longest, s.tok.end-s.tok.start)], "")
	case tokenEnd, tokenError:
		return ""
	}
	return s.textOf(s.tok)[:1]
}

// equals compares the name that a token stands for with a word in lower case.
func (s *mysqlScanner) equals(t token, lower string) bool {
	text := s.textOf(t)
	if t.kind == tokenQuoted || t.kind == tokenDouble {
		text = text[1 : len(text)-1]
	}
	return equalFold(text, lower)
}

// identifier is the name that a token stands for, in lower case.
func (s *mysqlScanner) identifier(t token) string {
	text := s.textOf(t)
	if t.kind == tokenQuoted || t.kind == tokenDouble {
		mark := text[:1]
		text = text[1 : len(text)-1]
		if strings.Contains(text, mark) {
			text = strings.ReplaceAll(text, mark+mark, mark)
		}
	}
	return lower(text)
}

// rest goes over what is left of the statement.
func (s *mysqlScanner) rest(m mode) {
	for !s.ended() {
		s.step(m)
		s.advance()
	}
}
