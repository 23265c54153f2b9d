package statement

import "unicode/utf8"

// reading is one way in which a server may cut a text: its dialect, and what
// depends on its sql_mode and its version.
type reading struct {
	dialect Dialect
	// noEscapes is NO_BACKSLASH_ESCAPES.
	noEscapes bool
	// ansiQuotes: "…" is a name, in which a backslash escapes nothing.
	ansiQuotes bool
	// older: executable comments that only some versions execute are comments.
	older bool
}

// mysqlLexer cuts a text into tokens as the lexers of MySQL and MariaDB do in
// one reading. It never allocates and looks at each byte a bounded number of
// times.
type mysqlLexer struct {
	reading
	sql string
	pos int
	// glued: what comes directly after a dot is a name, whatever it looks like.
	glued bool
	// plain: the token before is an unquoted name that ends at pos.
	plain bool
	// executed: in an executable comment, where */ is blank.
	executed bool
	// quotes: another setting of sql_mode could cut the text otherwise.
	quotes bool
	// version is that of the executable comments that only some servers
	// execute, 0 if there are none.
	version int
	// mixed: neither all nor none of these comments may be executed, or it is
	// not clear where one ends.
	mixed bool
	hint  Hint
	err   Reason // of the tokenError
	steps int    // bytes looked at, for the test that it is linear
}

func (l *mysqlLexer) fail(start int, reason Reason) token {
	l.err = reason
	l.pos = len(l.sql)
	return token{kind: tokenError, start: start, end: start}
}

// broken: the text ended in an error that the server has as well.
func (l *mysqlLexer) broken() bool { return l.err == Unterminated || l.err == Stray }

// next is the next token. After a tokenError there is nothing more.
func (l *mysqlLexer) next() token {
	before := l.pos
	t := l.scan()
	l.steps += l.pos - before
	l.plain = t.kind == tokenName
	return t
}

// at is the byte at i, 0 past the end: the text itself has no NUL.
func (l *mysqlLexer) at(i int) byte {
	if i < len(l.sql) {
		return l.sql[i]
	}
	return 0
}

func (l *mysqlLexer) scan() token {
	glued, plain := l.glued, l.plain
	l.glued = false
	start := l.pos
	if glued && isIdentPart(l.at(start)) {
		return l.namePart(start, start)
	}
	if reason := l.skipBlank(); reason != Unknown {
		return l.fail(l.pos, reason)
	}
	plain = plain && l.pos == start
	start = l.pos
	c := l.at(start)
	switch {
	case start == len(l.sql):
		if l.executed {
			return l.fail(start, Unterminated)
		}
		return token{start: start, end: start}
	case isDigit(c):
		return l.number(start)
	case c == '$':
		return l.dollar(start)
	case isIdentStart(c):
		return l.word(start, c)
	}
	switch c {
	case '\'':
		return l.quote(tokenString, start, start+1, !l.noEscapes)
	case '"':
		return l.quote(tokenDouble, start, start+1, !l.noEscapes && !l.ansiQuotes)
	case '`':
		return l.quote(tokenQuoted, start, start+1, false)
	case '@':
		return l.variable(start)
	case '.':
		return l.dot(start, plain)
	case ':':
		if l.at(start+1) == '=' {
			return l.take(tokenAssign, start, 2)
		}
		return l.take(tokenOperator, start, 1)
	case '\\':
		// \N was NULL in MySQL and still is in MariaDB.
		if l.at(start+1) == 'N' {
			return l.take(tokenNumber, start, 2)
		}
		return l.fail(start, Stray)
	case '?':
		return l.take(tokenParam, start, 1)
	case '{', '}':
		return l.take(tokenOperator, start, 1) // of ODBC
	}
	if kind := single[c]; kind != 0 {
		return l.take(kind, start, 1)
	}
	return l.fail(start, Stray)
}

func (l *mysqlLexer) take(kind tokenKind, start, n int) token {
	l.pos = start + n
	return token{kind: kind, start: start, end: l.pos}
}

// word is a name that begins with a letter, or a string that does.
func (l *mysqlLexer) word(start int, c byte) token {
	if l.at(start+1) == '\'' {
		switch c | 0x20 {
		case 'n':
			return l.quote(tokenString, start, start+2, !l.noEscapes)
		case 'b', 'x':
			return l.bits(start)
		}
	}
	return l.name(start, start+1)
}

// bits is x'…' or b'…'. Anything but digits in it is an error of the server.
func (l *mysqlLexer) bits(start int) token {
	i := start + 2
	for isHex(l.at(i)) {
		i++
	}
	if l.at(i) != '\'' {
		return l.fail(start, Stray)
	}
	return l.take(tokenString, start, i+1-start)
}

// name is an unquoted name of which i is a part. Directly before a dot and
// another name it is no keyword.
func (l *mysqlLexer) name(start, i int) token {
	for isIdentPart(l.at(i)) {
		i++
	}
	text := l.sql[start:i]
	if !utf8.ValidString(text) {
		return l.fail(start, AmbiguousString)
	}
	t := l.take(tokenName, start, i-start)
	if l.at(i) != '.' || !isIdentPart(l.at(i+1)) {
		t.word = mysqlWord(text)
	}
	return t
}

// dollar is a name that begins with a dollar sign, or from MySQL 8.1 on a
// dollar-quoted string.
func (l *mysqlLexer) dollar(start int) token {
	if l.dialect == MySQL {
		i := start + 1
		for isIdentPart(l.at(i)) && l.at(i) != '$' {
			i++
		}
		l.steps += i - start
		if l.at(i) == '$' {
			return l.fail(start, AmbiguousString)
		}
	}
	return l.name(start, start+1)
}

// dot begins a number, or joins two names.
func (l *mysqlLexer) dot(start int, plain bool) token {
	if isDigit(l.at(start+1)) && !plain {
		return l.real(start, start+1)
	}
	l.glued = true
	return l.take(tokenDot, start, 1)
}

// number is a number, or a name that begins with a digit and is no keyword.
func (l *mysqlLexer) number(start int) token {
	i := start + 1
	if l.sql[start] == '0' && (l.at(i) == 'x' || l.at(i) == 'b') {
		digit := isHex
		if l.at(i) == 'b' {
			digit = isBit
		}
		i++
		for digit(l.at(i)) {
			i++
		}
		if i-start >= 3 && !isIdentPart(l.at(i)) {
			return l.take(tokenNumber, start, i-start)
		}
		return l.namePart(start, i)
	}
	for isDigit(l.at(i)) {
		i++
	}
	switch c := l.at(i); {
	case c == '.':
		return l.real(start, i+1)
	case !isIdentPart(c):
		return l.take(tokenNumber, start, i-start)
	case c|0x20 == 'e':
		j := i + 1
		if l.at(j) == '+' || l.at(j) == '-' {
			j++
		}
		if isDigit(l.at(j)) {
			return l.exponent(start, j)
		}
	}
	return l.namePart(start, i)
}

// namePart is a name that cannot be a keyword.
func (l *mysqlLexer) namePart(start, i int) token {
	t := l.name(start, i)
	t.word = 0
	return t
}

// real goes on after the point of a number.
func (l *mysqlLexer) real(start, i int) token {
	for isDigit(l.at(i)) {
		i++
	}
	if l.at(i)|0x20 != 'e' {
		return l.take(tokenNumber, start, i-start)
	}
	i++
	if l.at(i) == '+' || l.at(i) == '-' {
		i++
	}
	if !isDigit(l.at(i)) {
		return l.fail(start, Stray)
	}
	return l.exponent(start, i)
}

// exponent takes digits only: "1e5for update" is a lock.
func (l *mysqlLexer) exponent(start, i int) token {
	for isDigit(l.at(i)) {
		i++
	}
	return l.take(tokenNumber, start, i-start)
}

// quote is a string or a quoted name whose text begins at i.
func (l *mysqlLexer) quote(kind tokenKind, start, i int, escapes bool) token {
	end := l.sql[i-1]
	for i < len(l.sql) {
		switch c := l.sql[i]; {
		case c == '\\' && end != '`':
			// Only before the closing quote does it matter for the end.
			l.quotes = l.quotes || l.at(i+1) == end
			i++
			if escapes {
				i++
			}
		case c != end:
			i++
		case l.at(i+1) == end:
			i += 2
		default:
			return l.take(kind, start, i+1-start)
		}
	}
	return l.fail(start, Unterminated)
}

// variable is @name, @'name' or the @@ of a system variable.
func (l *mysqlLexer) variable(start int) token {
	i := start + 1
	switch c := l.at(i); c {
	case '@':
		if next := l.at(i + 1); !isIdentPart(next) && next != '`' {
			return l.fail(start, Stray)
		}
		return l.take(tokenSystem, start, 2)
	case '\'':
		return l.quote(tokenVariable, start, i+1, !l.noEscapes)
	case '"':
		return l.quote(tokenVariable, start, i+1, !l.noEscapes && !l.ansiQuotes)
	case '`':
		return l.quote(tokenVariable, start, i+1, false)
	}
	for isIdentPart(l.at(i)) || l.at(i) == '.' {
		i++
	}
	return l.take(tokenVariable, start, i-start)
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

func isBit(c byte) bool { return c == '0' || c == '1' }
