package statement

import "strings"

// postgresLexer cuts a text into tokens as PostgreSQL's scan.l does. It never
// allocates and looks at each byte a bounded number of times.
type postgresLexer struct {
	sql string
	pos int
	// escapes reads '…' as E'…': standard_conforming_strings is off.
	escapes bool
	// suspect: the end of some '…' depends on that setting.
	suspect bool
	hint    Hint
	err     Reason // of the tokenError
	steps   int    // bytes looked at, for the test that it is linear
}

func (l *postgresLexer) fail(start int, reason Reason) token {
	l.err = reason
	l.pos = len(l.sql)
	return token{kind: tokenError, start: start, end: start}
}

// broken: the text ended in an error that the server's lexer or grammar has as
// well, so that it runs nothing of it.
func (l *postgresLexer) broken() bool { return l.err == Unterminated || l.err == Stray }

// next is the next token. After a tokenError there is nothing more.
func (l *postgresLexer) next() token {
	before := l.pos
	t := l.scan()
	l.steps += l.pos - before
	return t
}

func (l *postgresLexer) scan() token {
	if _, ok := l.skipBlank(true); !ok {
		return l.fail(l.pos, Unterminated)
	}
	start := l.pos
	if start == len(l.sql) {
		return token{start: start, end: start}
	}
	c := l.sql[start]
	switch {
	case isIdentStart(c):
		if t, ok := l.prefixed(start, c); ok {
			return t
		}
		i := start + 1
		for i < len(l.sql) && isIdentPart(l.sql[i]) {
			i++
		}
		l.pos = i
		return token{kind: tokenName, word: postgresWord(l.sql[start:i]), start: start, end: i}
	case isDigit(c):
		return l.number(start)
	}
	switch c {
	case '\'':
		return l.quote(start, start+1, l.escapes)
	case '"':
		return l.name(start, start+1)
	case '$':
		return l.dollar(start)
	case ':':
		if start+1 < len(l.sql) && l.sql[start+1] == ':' {
			return l.take(tokenCast, start, 2)
		}
		return l.take(tokenOperator, start, 1)
	}
	if kind := single[c]; kind != 0 {
		return l.take(kind, start, 1)
	}
	return l.fail(start, Stray)
}

// single has the tokens of one character. An operator of several is taken one
// character at a time: PostgreSQL ends it before a -- or /*, and nothing else
// in here depends on where it ends.
var single = [256]tokenKind{
	'(': tokenOpen, ')': tokenClose, '[': tokenOpenBracket, ']': tokenCloseBracket,
	',': tokenComma, ';': tokenSemicolon, '.': tokenDot,
	'~': tokenOperator, '!': tokenOperator, '@': tokenOperator, '#': tokenOperator,
	'^': tokenOperator, '&': tokenOperator, '|': tokenOperator, '`': tokenOperator,
	'?': tokenOperator, '+': tokenOperator, '-': tokenOperator, '*': tokenOperator,
	'/': tokenOperator, '%': tokenOperator, '<': tokenOperator, '>': tokenOperator,
	'=': tokenOperator,
}

func (l *postgresLexer) take(kind tokenKind, start, n int) token {
	l.pos = start + n
	return token{kind: kind, start: start, end: l.pos}
}

// skipBlank passes over white space and comments and tells whether a line
// ended. It is false for a block comment without an end; blocks are passed
// over only if asked, since they do not continue a string.
func (l *postgresLexer) skipBlank(blocks bool) (newline, ok bool) {
	for l.pos < len(l.sql) {
		c := l.sql[l.pos]
		switch {
		case isSpace(c):
			newline = newline || c == '\n' || c == '\r'
			l.pos++
		case c == '-' && strings.HasPrefix(l.sql[l.pos:], "--"):
			end := l.pos + 2
			for end < len(l.sql) && l.sql[end] != '\n' && l.sql[end] != '\r' {
				end++
			}
			l.comment(l.sql[l.pos+2 : end])
			l.pos = end
		case blocks && c == '/' && strings.HasPrefix(l.sql[l.pos:], "/*"):
			if !l.block() {
				return newline, false
			}
		default:
			return newline, true
		}
	}
	return newline, true
}

// block passes over a comment, in which others may be nested.
func (l *postgresLexer) block() bool {
	depth := 0
	for i := l.pos; i+1 < len(l.sql); i++ {
		switch {
		case l.sql[i] == '/' && l.sql[i+1] == '*':
			depth++
			i++
		case l.sql[i] == '*' && l.sql[i+1] == '/':
			depth--
			i++
			if depth == 0 {
				l.comment(l.sql[l.pos+2 : i-1])
				l.pos = i + 1
				return true
			}
		}
	}
	return false
}

func (l *postgresLexer) comment(text string) {
	l.steps += len(text)
	l.hint = max(l.hint, commentHint(text))
}

// prefixed is a string or name that begins with a letter.
func (l *postgresLexer) prefixed(start int, c byte) (token, bool) {
	rest := l.sql[start+1:]
	if rest == "" {
		return token{}, false
	}
	switch c | 0x20 {
	case 'e':
		if rest[0] == '\'' {
			return l.quote(start, start+2, true), true
		}
	case 'n':
		if rest[0] == '\'' {
			return l.quote(start, start+2, l.escapes), true
		}
	case 'b', 'x':
		if rest[0] == '\'' {
			return l.quote(start, start+2, false), true
		}
	case 'u':
		if strings.HasPrefix(rest, "&'") {
			return l.quote(start, start+3, false), true
		}
		if strings.HasPrefix(rest, `&"`) {
			t := l.name(start, start+3)
			t.start += 2 // U&"a" without escapes is "a"
			if t.kind == tokenQuoted && (strings.IndexByte(l.sql[t.start:t.end], '\\') >= 0 || l.escapeClause()) {
				return l.fail(start, EscapedIdentifier), true
			}
			return t, true
		}
	}
	return token{}, false
}

// escapeClause reports whether UESCAPE follows: any character may then escape.
func (l *postgresLexer) escapeClause() bool {
	ahead := *l
	if _, ok := ahead.skipBlank(true); !ok {
		return false
	}
	l.steps += ahead.pos - l.pos
	const clause = "uescape"
	return len(ahead.sql)-ahead.pos >= len(clause) && equalFold(ahead.sql[ahead.pos:ahead.pos+len(clause)], clause)
}

// quote is a string whose text begins at i. A string goes on in the next one
// if only white space with a line end is between them, and then keeps its
// escapes.
func (l *postgresLexer) quote(start, i int, escapes bool) token {
	plain := !escapes && (l.sql[start] == '\'' || l.sql[start]|0x20 == 'n')
	for i < len(l.sql) {
		switch c := l.sql[i]; {
		case c == '\\' && escapes:
			i += 2
		case c == '\\':
			i++
			if plain && i < len(l.sql) && l.sql[i] == '\'' {
				l.suspect = true
			}
		case c != '\'':
			i++
		case i+1 < len(l.sql) && l.sql[i+1] == '\'':
			i += 2
		default:
			end := i + 1
			l.pos = end
			newline, _ := l.skipBlank(false)
			if !newline || l.pos == len(l.sql) || l.sql[l.pos] != '\'' {
				l.steps += l.pos - end
				l.pos = end
				return token{kind: tokenString, start: start, end: end}
			}
			i = l.pos + 1
		}
	}
	return l.fail(start, Unterminated)
}

// name is a quoted identifier whose text begins at i.
func (l *postgresLexer) name(start, i int) token {
	for ; i < len(l.sql); i++ {
		if l.sql[i] != '"' {
			continue
		}
		if i+1 == len(l.sql) || l.sql[i+1] != '"' {
			l.pos = i + 1
			return token{kind: tokenQuoted, start: start, end: l.pos}
		}
		i++
	}
	return l.fail(start, Unterminated)
}

// dollar is a parameter ($1) or a dollar-quoted string ($$…$$, $tag$…$tag$).
func (l *postgresLexer) dollar(start int) token {
	i := start + 1
	if i < len(l.sql) && isDigit(l.sql[i]) {
		for i < len(l.sql) && isDigit(l.sql[i]) {
			i++
		}
		l.pos = i
		return token{kind: tokenParam, start: start, end: i}
	}
	if i < len(l.sql) && isIdentStart(l.sql[i]) {
		for i < len(l.sql) && isIdentPart(l.sql[i]) && l.sql[i] != '$' {
			i++
		}
	}
	if i == len(l.sql) || l.sql[i] != '$' {
		return l.fail(start, Stray)
	}
	i++
	tag := l.sql[start:i]
	n := strings.Index(l.sql[i:], tag)
	if n < 0 {
		return l.fail(start, Unterminated)
	}
	l.pos = i + n + len(tag)
	return token{kind: tokenString, start: start, end: l.pos}
}

// number takes digits and an exponent. What follows directly is a token of its
// own, as it was up to PostgreSQL 14: "1for update" is a lock there.
func (l *postgresLexer) number(start int) token {
	i := start
	for i < len(l.sql) && isDigit(l.sql[i]) {
		i++
	}
	if i < len(l.sql) && l.sql[i]|0x20 == 'e' {
		j := i + 1
		if j < len(l.sql) && (l.sql[j] == '+' || l.sql[j] == '-') {
			j++
		}
		if j < len(l.sql) && isDigit(l.sql[j]) {
			for j < len(l.sql) && isDigit(l.sql[j]) {
				j++
			}
			i = j
		}
	}
	l.pos = i
	return token{kind: tokenNumber, start: start, end: i}
}
