package statement

import "strings"

// skipBlank passes over white space and comments. The answer is Unknown unless
// something is wrong.
func (l *mysqlLexer) skipBlank() Reason {
	for l.pos < len(l.sql) {
		c, next := l.sql[l.pos], l.at(l.pos+1)
		switch {
		case isSpace(c):
			l.pos++
		case c == '#':
			l.line(l.pos + 1)
		case c == '-' && next == '-':
			switch after := l.at(l.pos + 2); {
			case after >= 0x80:
				// White space in some character sets.
				return AmbiguousString
			case after > ' ' && after != 0x7f:
				return Unknown
			}
			l.line(l.pos + 2)
		case c == '/' && next == '*':
			if reason := l.block(); reason != Unknown {
				return reason
			}
		case c == '*' && next == '/' && l.executed:
			l.executed = false
			l.pos += 2
		default:
			return Unknown
		}
	}
	return Unknown
}

// line passes over a comment whose text begins at i. Only a line feed ends it.
func (l *mysqlLexer) line(i int) {
	end := len(l.sql)
	if n := strings.IndexByte(l.sql[i:], '\n'); n >= 0 {
		end = i + n
	}
	l.comment(l.sql[i:end])
	l.pos = end
}

func (l *mysqlLexer) comment(text string) {
	l.steps += len(text)
	l.hint = max(l.hint, commentHint(text))
}

// block passes over a comment, or over the beginning of an executable one.
func (l *mysqlLexer) block() Reason {
	body := l.pos + 2
	maria := l.at(body) == 'M' && l.at(body+1) == '!'
	if maria && l.dialect == MariaDB {
		return l.executable(body+2, true)
	}
	if l.at(body) == '!' {
		return l.executable(body+1, false)
	}
	n := strings.Index(l.sql[body:], "*/")
	if n < 0 {
		return Unterminated
	}
	text := l.sql[body : body+n]
	if text != "" && text[0] == '+' && openQuote(text) {
		// The hint's own lexer would go on to the end of the quote.
		l.mixed = true
	}
	l.comment(text)
	l.pos = body + n + 2
	return Unknown
}

// openQuote reports whether a quote is open at the end of a text, or may be.
func openQuote(text string) bool {
	var open byte
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\':
			return true
		case open == 0 && (c == '\'' || c == '"' || c == '`'):
			open = c
		case c == open:
			open = 0
		}
	}
	return open != 0
}

// The versions that every server of a dialect has reached, and the range that
// MariaDB leaves to MySQL.
const (
	oldestMySQL    = 80000
	oldestMariaDB  = 100500
	firstMySQLOnly = 50700
	lastMySQLOnly  = 99999
)

// executable is /*!, /*!50000 and the like, whose version begins at i.
func (l *mysqlLexer) executable(i int, maria bool) Reason {
	digits, version := 0, 0
	for digits < 7 && isDigit(l.at(i+digits)) {
		version = 10*version + int(l.sql[i+digits]-'0')
		digits++
	}
	if l.executed {
		l.mixed = true // the first */ ends both
	}
	switch {
	case digits < 5:
		return l.execute(i)
	case digits > 5 && (l.dialect == MySQL || digits > 6):
		// Versions have five or six digits, by the version.
		l.mixed = true
	case l.dialect == MySQL && version <= oldestMySQL:
		return l.execute(i + digits)
	case l.dialect == MariaDB && !maria && firstMySQLOnly <= version && version <= lastMySQLOnly:
		return l.skipExecutable(i)
	case l.dialect == MariaDB && version <= oldestMariaDB:
		return l.execute(i + digits)
	}
	if l.version != 0 && l.version != version {
		l.mixed = true
	}
	l.version = version
	if l.older {
		return l.skipExecutable(i)
	}
	return l.execute(i + digits)
}

func (l *mysqlLexer) execute(i int) Reason {
	l.executed = true
	l.pos = i
	return Unknown
}

// skipExecutable passes over an executable comment that is not executed. It may
// hold one level of other comments.
func (l *mysqlLexer) skipExecutable(i int) Reason {
	inner := false
	for body := i; i+1 < len(l.sql); i++ {
		switch {
		case !inner && l.sql[i] == '/' && l.sql[i+1] == '*':
			inner = true
			i++
		case l.sql[i] == '*' && l.sql[i+1] == '/' && inner:
			inner = false
			i++
		case l.sql[i] == '*' && l.sql[i+1] == '/':
			l.comment(l.sql[body:i])
			l.pos = i + 2
			return Unknown
		}
	}
	return Unterminated
}
